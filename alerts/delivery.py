"""From digest to mail: composed the same every time, handed over once."""

import hashlib
import os
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from pathlib import Path

import duckdb

from alerts.digest import Digest, render
from config.recipients import Recipient
from config.settings import Smtp
from warehouse.query import run

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class DeliveryError(Exception):
    """Mail could not be handed over; it waits and goes out with the next run."""


@dataclass(frozen=True)
class Delivery:
    """What became of one mail in this run: sent, written, or done by an earlier run."""

    recipient: str
    status: str
    where: str


@dataclass(frozen=True)
class Failing:
    """A source that could not be renewed: since when, why, and up to when figures are known."""

    name: str
    since: datetime
    failure: str
    covers_until: date | None


def compose(digest: Digest, recipient: Recipient, sender: str, unsubscribe: str) -> EmailMessage:
    """The digest as one recipient gets it; the same night gives the same bytes.

    Args:
        digest: The night.
        recipient: Address, language and countries.
        sender: ``Name <address>``.
        unsubscribe: mailto: or https: address.

    Raises:
        ValueError: An address or subject holds a line break.
    """
    subject, text, html = render(
        digest.within(recipient.countries), recipient.language, unsubscribe
    )
    night = digest.as_of_date
    message, digest_id = _message(subject, sender, recipient.address, night, str(night))
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["Content-Language"] = recipient.language
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    message.set_boundary(f"=_{digest_id[32:]}")
    return message


def compose_failures(failing: Sequence[Failing], operator: str, sender: str) -> EmailMessage:
    """What the operator must know of sources that fail; the same failures give the same message.

    So it goes out once when a source begins to fail, not every night, and again when
    another does.

    Args:
        failing: The sources that fail now, at least one.
        operator: Address.
        sender: ``Name <address>``.
    """
    since = max(source.since for source in failing)
    seed = "|".join(f"{source.name} {source.since.isoformat()}" for source in failing)
    names = ", ".join(source.name for source in failing)
    message, _ = _message(f"Tocsin: {names} not renewed", sender, operator, since.date(), seed)
    told = [
        f"{source.name}, failing since {source.since:%Y-%m-%d %H:%M} UTC\n"
        f"  {source.failure}\n"
        f"  Figures in use end on {source.covers_until or '(none yet)'}."
        for source in failing
    ]
    message.set_content(
        "\n\n".join(told) + "\n\nThe nights go on with the last good figures; the file and the "
        "mails say how old they are.\nTo look: tocsin sources, tocsin sources check NAME, tocsin "
        "quarantine. This mail comes once for these failures.\n"
    )
    return message


def _message(subject: str, sender: str, to: str, day: date, seed: str) -> tuple[EmailMessage, str]:
    """A message with its headers, whose identity follows from recipient and seed."""
    digest_id = hashlib.sha256(f"{to}|{seed}".encode()).hexdigest()
    domain = parseaddr(sender)[1].rpartition("@")[2] or "tocsin.invalid"
    message = EmailMessage(policy=SMTP_POLICY)
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = to
    message["Date"] = format_datetime(datetime.combine(day, time(22)))
    message["Message-ID"] = f"<{day}.{digest_id[:32]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    return message, digest_id


def deliver(
    con: duckdb.DuckDBPyConnection,
    messages: Sequence[EmailMessage],
    smtp: Smtp,
    folder: Path,
    now: datetime,
) -> list[Delivery]:
    """Hand over each message that no earlier run has: by SMTP if a host is set, else as a file.

    A message is queued before it is handed over, and marked at once after: only a crash
    between the server's acceptance and our mark could send it twice.

    Raises:
        DeliveryError: The server cannot be reached or refuses, or the folder cannot be
            written; what is not handed over stays queued.
    """
    waiting, done = [], []
    for message in messages:
        run(
            con,
            "outbox/queue",
            message_id=message["Message-ID"],
            recipient=message["To"],
            as_of_date=message["Message-ID"][1:11],
            subject=message["Subject"],
            content_sha256=hashlib.sha256(message.as_bytes()).hexdigest(),
            now=now,
        )
        found = run(con, "outbox/status", message_id=message["Message-ID"]).fetchone()
        if found is not None and found[0] == "queued":
            waiting.append(message)
        else:
            done.append(Delivery(message["To"], "sent before", found[1] if found else ""))
    if not waiting:
        return done
    handed = (
        _by_smtp(con, waiting, smtp, now) if smtp.host else _as_files(con, waiting, folder, now)
    )
    return done + handed


def _finish(
    con: duckdb.DuckDBPyConnection, message: EmailMessage, via: str, where: str, now: datetime
) -> Delivery:
    status = "sent" if via == "smtp" else "written"
    run(
        con, "outbox/finish", message_id=message["Message-ID"], status=status, via=via,
        detail=where, now=now,
    )  # fmt: skip
    return Delivery(message["To"], status, where)


def _as_files(
    con: duckdb.DuckDBPyConnection, messages: Sequence[EmailMessage], folder: Path, now: datetime
) -> list[Delivery]:
    deliveries = []
    for message in messages:
        slug = re.sub(r"[^a-z0-9]+", "-", message["To"].lower()).strip("-")
        identity = message["Message-ID"]
        path = folder / f"{identity[1:11]}-{slug}-{identity[12:20]}.eml"
        part = path.with_suffix(".part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(message.as_bytes())
            os.replace(part, path)
        except OSError as error:
            raise DeliveryError(
                f"cannot write mails to {folder} ({error.strerror}); make it writable or set "
                "TOCSIN_SMTP_HOST, then run again: the mails wait"
            ) from None
        deliveries.append(_finish(con, message, "file", str(path), now))
    return deliveries


def _by_smtp(
    con: duckdb.DuckDBPyConnection, messages: Sequence[EmailMessage], smtp: Smtp, now: datetime
) -> list[Delivery]:
    where = f"{smtp.host}:{smtp.port}"
    try:
        with _connect(smtp) as server:
            deliveries = []
            for message in messages:
                server.send_message(message)
                deliveries.append(_finish(con, message, "smtp", where, now))
            return deliveries
    except (OSError, smtplib.SMTPException) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DeliveryError(
            f"cannot send by {where} ({' '.join(cause.split())}); check TOCSIN_SMTP_HOST, _PORT, "
            "_SECURITY, _USERNAME and _PASSWORD, then run again: the mails wait in the outbox"
        ) from None


def _connect(smtp: Smtp) -> smtplib.SMTP:
    host = smtp.host or ""
    if smtp.security == "none" and host not in LOOPBACK:
        raise DeliveryError(
            f"TOCSIN_SMTP_SECURITY=none is for this machine only, not for {host}; "
            "set it to starttls or tls"
        )
    context = ssl.create_default_context()
    if smtp.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, smtp.port, timeout=smtp.timeout_seconds, context=context
        )
    else:
        server = smtplib.SMTP(host, smtp.port, timeout=smtp.timeout_seconds)
        if smtp.security == "starttls":
            server.starttls(context=context)
    if smtp.username and smtp.password:
        server.login(smtp.username, smtp.password.get_secret_value())
    return server
