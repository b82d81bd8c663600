"""Mails of a digest: composed, queued with their bytes, handed over once, tried again."""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.header import Header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP as SMTP_POLICY
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import partial
from pathlib import Path
from textwrap import shorten
from types import MappingProxyType
from typing import Any

import duckdb
from pydantic import SecretStr

from alerts.channels import SENT, UNSURE, send_text
from alerts.digest import PASSED, Digest, RenderedMail, render
from alerts.text import night_text
from config.files import write_atomically
from config.recipients import Recipient, channel_and_target
from config.settings import SettingsError, Smtp
from warehouse import outbox
from warehouse.history import transaction
from warehouse.outbox import notify, park, status_and_detail
from warehouse.query import run_sql

LOOPBACK = ("localhost", "127.0.0.1", "::1")
GIVE_UP_DAYS = 5  # RFC 5321, 4.5.4.1: at least four to five days
KEEP_DAYS = 30  # bytes of mails that are done
ACCEPTED, REFUSED_FOR_GOOD = 250, 500
CLOSING = 421
CANNOT_SEND = "cannot send by "  # begins why mails wait for another server or other settings
SUBJECT_OF_TEXT = 80  # signs
LINE, LONGEST_WORD = 76, 60  # signs of a line of a header (RFC 2047), and of a word in one


class SubjectPolicy(EmailPolicy):
    """SMTP's rules, with a subject that begins on its header's line.

    The standard library folds some subjects of about a line before their first word.
    """

    def fold(self, name: str, value: Any) -> str:
        """A header as lines."""
        if name.lower() != "subject":
            return str(super().fold(name, value))
        text = str(value)
        is_plain = text.isascii() and max(map(len, text.split()), default=0) < LONGEST_WORD
        charset = "us-ascii" if is_plain else "utf-8"
        header = Header(text, charset, header_name=name, maxlinelen=LINE)
        return f"{name}: {header.encode(linesep=self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same as bytes."""
        if name.lower() != "subject":
            return super().fold_binary(name, value)
        return self.fold(name, value).encode("ascii")


@dataclass(frozen=True)
class _Queued:
    """What is to go out: what it tells of each region, and from when it may go.

    Attributes:
        kind: alert (a level changed), summary (none did) or operator.
        levels: By region, and of lines by their key; for the operator by matter, and empty.
        held_until: Waits for approval until then; None: needs none.
    """

    night: date
    kind: str
    levels: Mapping[str, str]
    not_before: datetime
    held_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class QueuedMail(_Queued):
    """A mail that is to go out."""

    message: EmailMessage

    @property
    def recipient(self) -> str:
        """Its address."""
        return str(self.message["To"])

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return self.message.as_bytes()


@dataclass(frozen=True, kw_only=True)
class QueuedText(_Queued):
    """A text that is to go out; its first words serve as subject."""

    recipient: str
    message_id: str
    content: bytes

    @property
    def subject(self) -> str:
        """The first words."""
        return shorten(self.content.decode(), SUBJECT_OF_TEXT, placeholder="...")


@dataclass(frozen=True)
class MailOutcome:
    """What became of one mail or text; ``where`` says more.

    ``status``: sent, written, waits, refused, later, held, unsure (may have gone out, or not).
    """

    recipient: str
    status: str
    where: str

    @property
    def kind(self) -> str:
        """Mail or Text."""
        return "Text" if channel_and_target(self.recipient) else "Mail"


def compose_digest_mail(
    con: duckdb.DuckDBPyConnection,
    digest: Digest,
    recipient: Recipient,
    now: datetime,
    hold_hours: float,
    sender: str,
    unsubscribe: str,
) -> QueuedMail | QueuedText | None:
    """The mail or text that a reader gets tonight; None: there is nothing to say.

    Told is what differs from the levels the reader was told last, whichever night that was
    and however it fell out; without a change one mail a week says so. Nothing is told of
    nights before the last one told. A night to come that was told by mistake counts for
    nothing: the next mail goes out in any case, and where that night told another level than
    tonight's the reader is told of tonight's. A line of the reader's own is news when it is passed;
    that it is not passed any more the next mail says.
    """
    of_reader: dict[str, Any] = {"recipient": recipient.address, "today": now.date()}
    mailed_levels = dict(run_sql(con, "outbox/latest_notifications", **of_reader).fetchall())
    last_night, last_mail = run_sql(con, "outbox/last_mail", **of_reader).fetchall()[0]
    nights_ahead = run_sql(con, "outbox/future_notifications", **of_reader).fetchall()
    night = digest.as_of_date
    digest_of_reader = digest.within(recipient)
    corrections = digest_of_reader.changes(
        {place: level for _, _, place, level in nights_ahead if place}
    )
    mailed_levels |= {place: level for _, _, place, level in nights_ahead if place in corrections}
    changes = digest_of_reader.changes(mailed_levels)
    lines = digest_of_reader.line_changes(mailed_levels)
    kind = mail_kind(
        recipient.when,
        night,
        last_night,
        has_news=bool(changes) or PASSED in lines.values(),
        is_due=bool(nights_ahead),
    )
    if kind is None:
        return None
    until = now + timedelta(hours=hold_hours) if hold_hours else None
    life = (night, kind, changes | lines, recipient.not_before(now), until)
    if channel_and_target(recipient.address):
        text = night_text(
            digest_of_reader, mailed_levels, recipient.language, is_first=last_night is None
        )
        seed = _seed(night, changes | lines, last_mail, text)
        digest_id = _digest_id(recipient.address, seed)
        identity = f"<{night}.{digest_id[:32]}@text>"
        return QueuedText(
            *life, recipient=recipient.address, message_id=identity, content=text.encode()
        )
    message = digest_message(
        digest_of_reader, mailed_levels, recipient, sender, unsubscribe,
        is_first=last_night is None,
        is_first_of_year=last_night is not None and last_night.year < night.year,
        after=last_mail,
    )  # fmt: skip
    return QueuedMail(*life, message=message)


def mail_kind(
    when: str, night: date, last_night: date | None, has_news: bool, is_due: bool = False
) -> str | None:
    """What a reader gets on a night: alert, summary (nothing changed), or None.

    Args:
        when: ``Recipient.when``.
        night: The night.
        last_night: The last one that the reader was told of; None: none was.
        has_news: Whether a level is not the one last told, or a line is passed.
        is_due: Whether the reader must get one in any case.

    Example:
        >>> friday, saturday = date(2021, 6, 25), date(2021, 6, 26)
        >>> mail_kind("nightly", saturday, friday, has_news=True)
        'alert'
        >>> mail_kind("weekly", saturday, friday, has_news=True)
        >>> mail_kind("weekly", date(2021, 6, 28), friday, has_news=False)
        'summary'
    """
    is_new_week = last_night is None or night.isocalendar()[:2] > last_night.isocalendar()[:2]
    if last_night is not None and night < last_night:
        return None
    if (
        not is_due
        and not is_new_week
        and (not has_news or when == "weekly" or (when == "nightly" and night == last_night))
    ):
        return None
    return "alert" if has_news else "summary"


def text_of_night(
    con: duckdb.DuckDBPyConnection, digest: Digest, recipient: Recipient, today: date
) -> str:
    """The text of a night for a reader, of mails too: as it was queued, else as it would be now."""
    to = recipient.address
    of_night = outbox.mails(con).filter(recipient=to, as_of_date=digest.as_of_date)
    if channel_and_target(to) and of_night.height:
        return bytes(outbox.mail(con, of_night["message_id"][0])["content"]).decode()
    of_reader: dict[str, Any] = {"recipient": to, "today": today}
    mailed_levels = dict(run_sql(con, "outbox/latest_notifications", **of_reader).fetchall())
    last_night, _ = run_sql(con, "outbox/last_mail", **of_reader).fetchall()[0]
    return night_text(
        digest.within(recipient), mailed_levels, recipient.language, is_first=last_night is None
    )


def digest_message(
    digest: Digest,
    mailed_levels: Mapping[str, str],
    recipient: Recipient,
    sender: str,
    unsubscribe: str,
    is_first: bool = False,
    is_first_of_year: bool = False,
    after: str | None = None,
) -> EmailMessage:
    """The mail as one recipient gets it; the same content after the same mail is the same bytes.

    Args:
        digest: The night, within what the recipient asked for.
        mailed_levels: Level last mailed by region.
        recipient: Address and language.
        sender: ``Name <address>``.
        unsubscribe: mailto: or https: address.
        is_first: Whether nothing was mailed to the recipient before.
        is_first_of_year: Whether the last mail to the recipient was of an earlier year.
        after: Id of the newest mail to the recipient that was not refused; None: there is none.

    Raises:
        ValueError: An address or subject holds a line break.
    """
    mail = render(
        digest, mailed_levels, recipient.language, unsubscribe, is_first, is_first_of_year
    )
    night = digest.as_of_date
    changes = digest.changes(mailed_levels) | digest.line_changes(mailed_levels)
    seed = _seed(night, changes, after, mail)
    message, digest_id = new_message(recipient.address, mail.subject, sender, night, seed)
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    if unsubscribe.lower().startswith("https:"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    html: Any = message.get_payload(1)
    for name, picture in mail.pictures.items():
        html.add_related(
            picture, "image", "png", cid=f"<{name}>", disposition="inline", filename=f"{name}.png"
        )
    message["Content-Language"] = recipient.language  # after the content, which takes it along
    message.set_boundary(f"=_{digest_id[32:48]}")
    html.set_boundary(f"=_{digest_id[48:]}")
    return message


def new_message(
    to: str, subject: str, sender: str, day: date, seed: str
) -> tuple[EmailMessage, str]:
    """A message with its headers, whose identity follows from recipient and seed."""
    digest_id = _digest_id(to, seed)
    domain = parseaddr(sender)[1].rpartition("@")[2] or "tocsin.invalid"
    message = EmailMessage(policy=SubjectPolicy(linesep=SMTP_POLICY.linesep))
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = to
    message["Date"] = format_datetime(datetime.combine(day, time(), UTC))  # until it is sent
    message["Message-ID"] = f"<{day}.{digest_id[:32]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    return message, digest_id


def _seed(
    night: date, changes: Mapping[str, str], after: str | None, content: RenderedMail | str
) -> str:
    """What is told, in which words, after which mail: told again after another one it is news."""
    return f"{night}|{after}|{sorted(changes.items())}|{content}"


def _digest_id(to: str, seed: str) -> str:
    """The same seed to the same reader is the same message."""
    return hashlib.sha256(f"{to}|{seed}".encode()).hexdigest()


def with_date(content: bytes, at: datetime) -> bytes:
    r"""A message with the date of its sending, which is not kept with its bytes.

    Args:
        content: Of the message.
        at: UTC.

    Example:
        >>> with_date(b"To: a@b.org\r\nDate: Fri, 25 Jun 2021\r\n\r\nx", datetime(2021, 6, 26, 6))
        b'To: a@b.org\r\nDate: Sat, 26 Jun 2021 06:00:00 +0000\r\n\r\nx'
    """
    header, gap, body = content.partition(b"\r\n\r\n")
    date_line = f"Date: {format_datetime(at.replace(tzinfo=UTC, microsecond=0))}".encode()
    return re.sub(rb"(?m)^Date: [^\r\n]*", date_line, header, count=1) + gap + body


def queue(
    con: duckdb.DuckDBPyConnection, mails: Sequence[QueuedMail | QueuedText], now: datetime
) -> list[MailOutcome]:
    """Put mails and texts into the outbox with what they tell, all or none; what is there stays.

    Returns:
        Of what is there because it was refused for good: that it is not handed over again.
    """
    refusals = []
    with transaction(con):
        for mail in mails:
            content, identity = mail.content, mail.message_id
            if became := status_and_detail(con, identity):
                status, detail = became
                if status == "refused":
                    where = (
                        f"{detail}; not sent again, since it says the same (tocsin alerts resend "
                        f"{identity.partition('.')[2][:8]})"
                    )
                    refusals.append(MailOutcome(mail.recipient, status, where))
                continue
            run_sql(
                con,
                "outbox/queue",
                message_id=identity,
                recipient=mail.recipient,
                kind=mail.kind,
                as_of_date=mail.night,
                subject=mail.subject,
                content=content,
                content_sha256=hashlib.sha256(content).hexdigest(),
                held_until=mail.held_until,
                not_before=mail.not_before,
                now=now,
            )
            notify(con, identity, mail.levels)
    return refusals


def hand_over(
    con: duckdb.DuckDBPyConnection,
    smtp: Smtp,
    folder: Path,
    now: datetime,
    hold_then: str,
    channels: Mapping[str, SecretStr] = MappingProxyType({}),
) -> list[MailOutcome]:
    """Hand over what may go: mails by SMTP if a host is set, else as files; texts by channel.

    Each mail is marked at once after it was accepted: only a crash between the server's
    250 and that mark can send it twice. A text, which nobody can tell from a second one, is
    marked before: after a crash it is unsure, not sent again. What a server or channel does not
    take now is tried again, later and later, for ``GIVE_UP_DAYS``; an address that a mail server
    refuses for good is parked.

    Args:
        con: The working file.
        smtp: Server; without a host mails are written.
        folder: Where files go.
        now: UTC.
        hold_then: send or lapse: what becomes of held mails that nobody approved in time.
        channels: How texts go, by name.
    """
    run_sql(
        con, "outbox/settle", now=now, hold_then=hold_then, give_up_days=GIVE_UP_DAYS,
        keep_days=KEEP_DAYS,
    )  # fmt: skip
    due = run_sql(con, "outbox/due", now=now).fetchall()
    texts = [row for row in due if channel_and_target(row[1])]
    mails = [row for row in due if not channel_and_target(row[1])]
    deliver = (
        partial(_send_by_smtp, smtp=smtp) if smtp.host else partial(_write_files, folder=folder)
    )
    text_outcomes = _send_texts(con, texts, channels, now)  # first: they are in a hurry
    return [*(deliver(con, mails, now=now) if mails else []), *text_outcomes]


def waiting_mails(con: duckdb.DuckDBPyConnection, now: datetime) -> list[MailOutcome]:
    """Mails that wait for the end of quiet hours, or are held for approval."""
    rows = run_sql(con, "outbox/waiting", now=now).fetchall()
    return [
        MailOutcome(
            to, "later" if status == "queued" else status, f"until {until:%Y-%m-%d %H:%M} UTC"
        )
        for to, status, until in rows
    ]


def check_encryption(smtp: Smtp) -> None:
    """See that mail cannot leave this machine in the clear.

    Raises:
        SettingsError: It would.
    """
    if smtp.host and smtp.security == "none" and smtp.host not in LOOPBACK:
        raise SettingsError(
            f"TOCSIN_SMTP_SECURITY=none is for this machine only, not for {smtp.host}; "
            "set it to starttls or tls"
        )


def _finish(
    con: duckdb.DuckDBPyConnection, identity: str, status: str, via: str, where: str, now: datetime
) -> None:
    run_sql(
        con, "outbox/finish", message_id=identity, status=status, via=via, detail=where, now=now
    )  # fmt: skip


def _wait(
    con: duckdb.DuckDBPyConnection, identity: str, to: str, cause: str, now: datetime
) -> MailOutcome:
    run_sql(con, "outbox/retry_later", message_id=identity, detail=cause, now=now)
    return MailOutcome(to, "waits", cause)


def _send_texts(
    con: duckdb.DuckDBPyConnection, due: Sequence[tuple[str, str, bytes]],
    channels: Mapping[str, SecretStr], now: datetime,
) -> list[MailOutcome]:  # fmt: skip
    outcomes = []
    for identity, to, content in due:
        channel, target = channel_and_target(to) or ("", "")
        way = channels.get(channel)
        if way is None:
            cause = f"no channel {channel!r}; name it in TOCSIN_CHANNELS"
            outcomes.append(_wait(con, identity, to, cause, now))
            continue
        run_sql(con, "outbox/begin_text", message_id=identity)
        status, reason = send_text(way.get_secret_value(), target, content.decode())
        where = f"{channel}: {reason}" if reason else channel
        if status in (SENT, UNSURE):
            _finish(con, identity, status, "text", where, now)
            outcomes.append(MailOutcome(to, status, where))
        else:
            outcomes.append(_wait(con, identity, to, where, now))
    return outcomes


def _write_files(
    con: duckdb.DuckDBPyConnection, due: Sequence[tuple[str, str, bytes]], folder: Path,
    now: datetime,
) -> list[MailOutcome]:  # fmt: skip
    outcomes = []
    for identity, to, queued in due:
        content = with_date(queued, now)
        try:
            path = _write_file(identity, to, content, folder)
        except OSError as error:
            cause = f"cannot write to {folder} ({error.strerror}); make it writable"
            outcomes.append(_wait(con, identity, to, cause, now))
            continue
        _finish(con, identity, "written", "file", str(path), now)
        outcomes.append(MailOutcome(to, "written", str(path)))
    return outcomes


def _write_file(identity: str, to: str, content: bytes, folder: Path) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", to.lower()).strip("-")
    path = folder / f"{identity[1:11]}-{slug}-{identity[12:20]}.eml"
    write_atomically(path, content, durable=True)
    return path


def send_alone(message: EmailMessage, smtp: Smtp, folder: Path, now: datetime) -> MailOutcome:
    """Hand over one message past the outbox, for when the warehouse cannot be used.

    Raises:
        OSError: No connection, or no place to write to.
        smtplib.SMTPException: The server refused.
    """
    to, content = message["To"], with_date(message.as_bytes(), now)
    if not smtp.host:
        return MailOutcome(
            to, "written", str(_write_file(message["Message-ID"], to, content, folder))
        )
    with _connect(smtp) as server:
        server.sendmail(_sender(content), [to], content)
    return MailOutcome(to, "sent", f"{smtp.host}:{smtp.port}")


def _send_by_smtp(
    con: duckdb.DuckDBPyConnection, due: Sequence[tuple[str, str, bytes]], smtp: Smtp, now: datetime
) -> list[MailOutcome]:
    where = f"{smtp.host}:{smtp.port}"
    outcomes: list[MailOutcome] = []
    server: smtplib.SMTP | None = None
    for number, (identity, to, queued) in enumerate(due):
        content = with_date(queued, now)
        try:
            server = server or _connect(smtp)
        except (OSError, smtplib.SMTPException) as error:
            cause = _cannot_send(smtp, error)
            return outcomes + [_wait(con, i, t, cause, now) for i, t, _ in due[number:]]
        try:
            server.sendmail(_sender(content), [to], content)
        except (OSError, smtplib.SMTPException) as error:
            code, reason = _reply_code(error, to), f"{where}: {smtp_reason(error)}"
            if isinstance(error, smtplib.SMTPSenderRefused):
                reason = _cannot_send(smtp, error)
            if code >= REFUSED_FOR_GOOD:
                _finish(con, identity, "refused", "smtp", reason, now)
                if isinstance(error, smtplib.SMTPRecipientsRefused):
                    park(con, to, reason, now)
                outcomes.append(MailOutcome(to, "refused", reason))
            else:
                outcomes.append(_wait(con, identity, to, reason, now))
                if code in (0, CLOSING):  # the next mail opens another connection
                    server.close()
                    server = None
        else:
            _finish(con, identity, "sent", "smtp", where, now)
            outcomes.append(MailOutcome(to, "sent", where))
    if server is not None:
        _quit(server)
    return outcomes


def _quit(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):  # all is said; it may hang up first
        server.close()


def why_not_sent(smtp: Smtp, sender: str) -> str | None:
    """Why no mail can be handed over now; None: the server lets us in and takes our sender.

    Args:
        smtp: A server, with its host.
        sender: ``Name <address>``.
    """
    address = parseaddr(sender)[1]
    try:
        check_encryption(smtp)
        server = _connect(smtp)
        try:
            server.ehlo_or_helo_if_needed()
            code, reply = server.mail(address)
        finally:
            _quit(server)
        if code != ACCEPTED:
            raise smtplib.SMTPSenderRefused(code, reply, address)
    except (OSError, smtplib.SMTPException) as error:
        return _cannot_send(smtp, error)
    except SettingsError as error:
        return str(error)
    return None


def _cannot_send(smtp: Smtp, error: Exception) -> str:
    return (
        f"{CANNOT_SEND}{smtp.host}:{smtp.port} ({smtp_reason(error)}); check TOCSIN_SMTP_* and "
        "TOCSIN_MAIL_SENDER"
    )


def _sender(content: bytes) -> str:
    return parseaddr(str(BytesHeaderParser().parsebytes(content)["From"]))[1]


def _reply_code(error: Exception, to: str) -> int:
    """SMTP's reply; 0: there is none, the connection failed."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return error.recipients[to][0]
    if isinstance(error, smtplib.SMTPSenderRefused):
        return 450  # about our own address: the operator's to mend, no fault of the reader's
    if isinstance(error, smtplib.SMTPResponseException):
        return int(error.smtp_code)
    return 0


def smtp_reason(error: Exception) -> str:
    """A server's or the system's words on a failure, in one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((code, text),) = error.recipients.values()
        return f"{code} {_one_line(text)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_one_line(error.smtp_error)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())


def _one_line(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())[:200]


def _connect(smtp: Smtp) -> smtplib.SMTP:
    host = smtp.host or ""
    context = ssl.create_default_context(cafile=smtp.ca_file)
    if smtp.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, smtp.port, timeout=smtp.timeout_seconds, context=context
        )
    else:
        server = smtplib.SMTP(host, smtp.port, timeout=smtp.timeout_seconds)
    try:
        if smtp.security == "starttls":
            server.starttls(context=context)
        if smtp.username and smtp.password:
            server.login(smtp.username, smtp.password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server
