"""Mails to the operator: one when something begins to fail, not one every night."""

import json
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from alerts.delivery import MailOutcome, QueuedMail, new_message, send_alone, smtp_reason
from config.errors import failure_in_words
from config.files import read_or_set_aside, set_aside, write_atomically
from config.settings import Settings, SettingsError, Smtp
from warehouse.outbox import operator_subjects

MOST_HOURS = 8_760  # a year


@dataclass(frozen=True)
class Notice:
    """A matter that the operator must know of.

    Attributes:
        key: The same as long as it lasts; another one when it begins anew.
        about: A few words for the subject.
        text: What is wrong and what to do.
    """

    key: str
    about: str
    text: str


def compose_operator_mail(
    con: duckdb.DuckDBPyConnection, notices: Sequence[Notice], settings: Settings, now: datetime
) -> QueuedMail | None:
    """A mail with all notices if one of them is new; None: each was mailed before."""
    if not settings.operator:
        return None
    mailed_keys = operator_subjects(con, settings.operator)
    new = [notice for notice in notices if notice.key not in mailed_keys]
    if not new:
        return None
    subject = "Tocsin: " + ", ".join(notice.about for notice in new)
    seed = "|".join(notice.key for notice in new)
    message, _ = new_message(settings.operator, subject, settings.mail_sender, now.date(), seed)
    lasting = [notice for notice in notices if notice.key in mailed_keys]
    parts = ["\n\n".join(notice.text for notice in new)]
    if lasting:
        parts.append(
            "Told before and not over:\n\n" + "\n\n".join(notice.text for notice in lasting)
        )
    parts.append(
        "To look: tocsin sources, tocsin sources check NAME, tocsin quarantine, tocsin alerts.\n"
        "This mail comes once; what lasts is not mailed again."
    )
    message.set_content("\n\n".join(parts) + "\n")
    matters = {notice.key: "" for notice in new}
    return QueuedMail(now.date(), "operator", matters, now, message=message)


def mail_operator_once(
    settings: Settings, smtp: Smtp, stamp: str, key: str, subject: str, text: str, now: datetime
) -> MailOutcome | None:
    """Tell the operator without the warehouse, which may be what failed; once for a ``key``.

    Args:
        settings: Operator and folders.
        smtp: Server; without a host the mail is written to the outbox folder.
        stamp: Which matter: remembered in ``<stamp>.told`` beside the warehouse.
        key: Nothing is mailed where it is the key mailed last.
        subject: Of the mail.
        text: Of the mail.
        now: UTC.

    Returns:
        What became of the mail; None: told before, or there is no operator.
    """
    path = settings.data_folder / f"{stamp}.told"
    if not settings.operator:
        return None
    if read_or_set_aside(path, bytes.decode, "the operator is told again") == key:
        return None
    message, _ = new_message(settings.operator, subject, settings.mail_sender, now.date(), key)
    message.set_content(text + "\n")
    try:
        outcome = send_alone(message, smtp, settings.outbox_folder, now)
        write_atomically(path, key)
    except (OSError, smtplib.SMTPException) as error:
        return MailOutcome(settings.operator, "failed", smtp_reason(error))
    return outcome


def forget(settings: Settings, stamp: str) -> None:
    """Remove the note of a matter that is over: when it begins anew the operator is told again."""
    path = settings.data_folder / f"{stamp}.told"
    if path.is_dir():
        set_aside(path, "is no note of what the operator was told")
    path.unlink(missing_ok=True)


def note_finished_run(settings: Settings, night: str, now: datetime) -> None:
    """Note that a run was finished, for the watchdog, and that nothing fails any more."""
    path = settings.data_folder / "last_run.json"
    if path.is_dir():
        set_aside(path, "is no note of the last run")
    write_atomically(path, json.dumps({"night": night, "finished_at": now.isoformat()}))
    forget(settings, "run")


def report_failed_run(settings: Settings, smtp: Smtp, error: Exception, now: datetime) -> None:
    """Mail the operator that the run failed, once for what failed."""
    failure = failure_in_words(error)[:500]
    mail_operator_once(
        settings, smtp, "run", failure, "Tocsin: the run failed",
        f"The run failed:\n  {failure}\n\nThe last published file stays in place. Mend it and run "
        "again. This mail comes once for this failure.", now,
    )  # fmt: skip


def watch(
    settings: Settings, smtp: Smtp, hours: float, now: datetime
) -> tuple[str | None, MailOutcome | None]:
    """Tell the operator, once, if no run was finished in ``hours``.

    Returns:
        What is wrong (None: nothing), and what became of the mail (None: told before, or
        there is no operator).
    """
    if not 0 < hours <= MOST_HOURS:
        raise SettingsError(f"{hours:g} hours cannot be watched; give a number up to {MOST_HOURS}")
    reason = overdue_reason(settings, hours, now)
    if reason is None:
        forget(settings, "watchdog")
        return None, None
    outcome = mail_operator_once(
        settings, smtp, "watchdog", reason.partition(", for")[0], "Tocsin: no run was finished",
        f"{reason}.\n\nNobody is warned while no run finishes. Look at the schedule and the log, "
        "and run tocsin nightly.", now,
    )  # fmt: skip
    return reason, outcome


def overdue_reason(settings: Settings, hours: float, now: datetime) -> str | None:
    """Why the operator must look: no run was finished in ``hours``; None: one was."""
    path = settings.data_folder / "last_run.json"
    if not path.exists():
        return f"no run was ever finished in {settings.data_folder}"
    try:
        night, finished_at = _last_run(path.read_bytes())
    except (OSError, ValueError, LookupError, TypeError, OverflowError):
        # Left where it is, so that the operator is told the same, once, until a run is finished.
        return f"{path} cannot be read; it is written anew by the next finished run"
    if now - finished_at <= timedelta(hours=hours):
        return None
    return (
        f"no run was finished since {finished_at:%Y-%m-%d %H:%M} UTC (night of {night}), "
        f"for more than {hours:g} hours"
    )


def _last_run(content: bytes) -> tuple[str, datetime]:
    """Night and end (UTC, without zone) of the last finished run, from its note."""
    note = json.loads(content)
    finished_at = datetime.fromisoformat(note["finished_at"])
    if finished_at.tzinfo:
        finished_at = finished_at.astimezone(UTC).replace(tzinfo=None)
    return str(note["night"]), finished_at
