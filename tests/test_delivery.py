"""The outbox against a real SMTP server with TLS and a password: each mail exactly once."""

import email
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import polars as pl
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from alerts import operator
from alerts.delivery import (
    QueuedMail,
    check_encryption,
    compose_digest_mail,
    digest_message,
    hand_over,
    new_message,
    park,
    queue,
    why_not_sent,
    with_date,
)
from alerts.digest import Digest
from config.recipients import Recipient, load_recipients
from config.settings import Settings, SettingsError, Smtp
from flows.mail_steps import digest_of
from made_lines import GAO, made_lines
from warehouse import outbox
from warehouse.connect import warehouse

NIGHT = date(2021, 6, 25)
NOW = datetime(2021, 6, 25, 22)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - DAY)
        .not_valid_after(datetime.now(UTC) + DAY)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + builder.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Inbox:
    """What the server took, and what it answers first: by address at RCPT, by turn at DATA."""

    def __init__(self, rcpt: dict[str, str] | None = None, data: list[str] | None = None) -> None:
        self.taken: list[tuple[str, str]] = []
        self.dates: list[str] = []
        self.rcpt, self.data = rcpt or {}, data or []

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope) -> str:  # noqa: N802
        answer = self.data.pop(0) if self.data else "250 OK"
        if answer == "hang up":
            server.transport.abort()
            return "421 gone"
        if answer.startswith("250"):
            (to,) = envelope.rcpt_tos
            message = email.message_from_bytes(envelope.content)
            self.taken.append((to, message["Message-ID"]))
            self.dates.append(message["Date"])
        return answer


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(inbox: Inbox, certificate: Path, port: int) -> Iterator[None]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def login(_server, _session, _envelope, _mechanism, data) -> AuthResult:
        is_right = (data.login, data.password) == (b"tocsin", b"sesame")
        return AuthResult(success=is_right, handled=False)

    controller = Controller(
        inbox, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
        auth_required=True, authenticator=login,
    )  # fmt: skip
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@pytest.fixture
def smtp(certificate: Path, port: int) -> Smtp:
    return Smtp(
        host="127.0.0.1", port=port, username="tocsin", password="sesame", timeout_seconds=5,
        ca_file=certificate,
    )  # fmt: skip


@pytest.fixture
def con(tmp_path: Path):
    with warehouse(tmp_path / "w.duckdb") as open_:
        yield open_


def mail(to: str, number: int = 1, **about) -> QueuedMail:
    message = EmailMessage()
    message["From"], message["To"] = "Tocsin <t@example.org>", to
    message["Subject"], message["Message-ID"] = f"mail {number}", f"<2021-06-25.{number}.{to}>"
    message.set_content("Sikasso\n.\nends with a dot\n")
    return QueuedMail(NIGHT, "alert", {"MLI.sikasso": "warning"}, NOW, message=message, **about)


def hand(con, smtp: Smtp, folder: Path, now: datetime = NOW, then: str = "send") -> list[str]:
    return [outcome.status for outcome in hand_over(con, smtp, folder, now, then)]


def test_delivered_once_by_tls_and_password(con, smtp, certificate, port, tmp_path) -> None:
    queue(con, [mail("a@example.org"), mail("b@example.org")], NOW)
    inbox = Inbox()
    with serving(inbox, certificate, port):
        assert hand(con, smtp, tmp_path) == ["sent", "sent"]
        queue(con, [mail("a@example.org")], NOW)
        assert hand(con, smtp, tmp_path) == []
    assert sorted(inbox.taken) == [
        ("a@example.org", "<2021-06-25.1.a@example.org>"),
        ("b@example.org", "<2021-06-25.1.b@example.org>"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": SecretStr("guess")}, "535"),
        ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED"),
        ({"username": None}, "530 .*Authentication required"),
    ],
)
def test_who_is_not_let_in_waits(con, smtp, certificate, port, tmp_path, change, says) -> None:
    queue(con, [mail("a@example.org")], NOW)
    inbox = Inbox()
    with serving(inbox, certificate, port):
        (outcome,) = hand_over(con, smtp.model_copy(update=change), tmp_path, NOW, "send")
    assert (outcome.status, inbox.taken) == ("waits", [])
    assert re.search(says, outcome.where), outcome.where


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, None),
        (
            {"password": SecretStr("guess")},
            r"^cannot send by 127\.0\.0\.1:\d+ \(535 ",
        ),
        (
            {"username": None},
            r"\(530 .*\); check TOCSIN_SMTP_\* and TOCSIN_MAIL_SENDER$",
        ),
        ({"port": 9}, r"cannot send by 127\.0\.0\.1:9 \(Connection refused\)"),
        ({"host": "mail.example.org", "security": "none"}, "is for this machine only"),
    ],
)
def test_whether_a_server_takes_mail_is_known_without_a_mail(
    smtp, certificate, port, change, says: str | None
) -> None:
    inbox = Inbox()
    with serving(inbox, certificate, port):
        why = why_not_sent(smtp.model_copy(update=change), "Tocsin <t@example.org>")
    assert inbox.taken == []
    assert why is None if says is None else re.search(says, why)


def test_one_of_three_is_refused_for_good(con, smtp, certificate, port, tmp_path) -> None:
    queue(con, [mail(f"{name}@example.org") for name in "abc"], NOW)
    inbox = Inbox(rcpt={"b@example.org": "550 5.1.1 no such user"})
    with serving(inbox, certificate, port):
        assert sorted(hand(con, smtp, tmp_path)) == ["refused", "sent", "sent"]
        queue(con, [mail("b@example.org", 2)], NOW + DAY)
        assert hand(con, smtp, tmp_path, NOW + DAY) == []
    assert sorted(to for to, _ in inbox.taken) == ["a@example.org", "c@example.org"]
    (parked,) = con.execute("select recipient, reason from ops.parked").fetchall()
    assert parked == ("b@example.org", f"127.0.0.1:{port}: 550 5.1.1 no such user")


@pytest.mark.parametrize("answer", ["hang up", "451 4.3.0 try later", "421 4.3.2 closing"])
def test_what_is_not_taken_now_is_taken_the_next_night(
    con, smtp, certificate, port, tmp_path, answer: str
) -> None:
    names = [f"{name}@example.org" for name in "abc"]
    queue(con, [mail(name) for name in names], NOW)
    inbox = Inbox(data=["250 OK", answer])
    with serving(inbox, certificate, port):
        first = hand(con, smtp, tmp_path)
        assert sorted(first) == ["sent", "sent", "waits"]
        assert hand(con, smtp, tmp_path, NOW + timedelta(minutes=14)) == []  # not at once
        assert hand(con, smtp, tmp_path, NOW + DAY) == ["sent"]
        assert hand(con, smtp, tmp_path, NOW + 2 * DAY) == []
    assert sorted(to for to, _ in inbox.taken) == names


def test_a_server_that_is_down_for_three_nights(con, smtp, certificate, port, tmp_path) -> None:
    inbox = Inbox()
    for night in range(3):
        queue(con, [mail("a@example.org", night), mail("b@example.org", night)], NOW + night * DAY)
        assert hand(con, smtp, tmp_path, NOW + night * DAY) == ["waits"] * 2 * (night + 1)
    with serving(inbox, certificate, port):
        assert hand(con, smtp, tmp_path, NOW + 3 * DAY) == ["sent"] * 6
        assert hand(con, smtp, tmp_path, NOW + 4 * DAY) == []
    assert len(set(inbox.taken)) == len(inbox.taken) == 6


def test_given_up_after_five_days_and_told(con, smtp, tmp_path) -> None:
    queue(con, [mail("a@example.org")], NOW)
    for night in range(5):
        assert hand(con, smtp, tmp_path, NOW + night * DAY) == ["waits"]
    assert hand(con, smtp, tmp_path, NOW + 5 * DAY) == []
    assert con.execute("select status from ops.outbox").fetchall() == [("expired",)]


def test_a_mail_is_dated_when_it_goes_out(con, smtp, certificate, port, tmp_path) -> None:
    message, _ = new_message("a@example.org", "s", "Tocsin <t@example.org>", NIGHT, "seed")
    message.set_content("Sikasso\nDate: Fri, 25 Jun 2021 is in the text, too\n")
    mail_at_night = QueuedMail(  # quiet hours
        NIGHT, "alert", {}, NOW + timedelta(hours=8), message=message
    )
    queue(con, [mail_at_night], NOW)
    assert hand(con, smtp, tmp_path, NOW) == []
    assert hand(con, smtp, tmp_path, NOW + timedelta(hours=9)) == ["waits"]  # no server
    inbox = Inbox()
    with serving(inbox, certificate, port):
        assert hand(con, smtp, tmp_path, NOW + timedelta(hours=10)) == ["sent"]
    assert inbox.dates == ["Sat, 26 Jun 2021 08:00:00 +0000"]
    content, at = con.execute("select content, finished_at from ops.outbox").fetchone()
    assert email.message_from_bytes(with_date(content, at))["Date"] == inbox.dates[0]
    assert with_date(content, at).endswith(b"Date: Fri, 25 Jun 2021 is in the text, too\r\n")


def test_a_subject_begins_on_its_line_however_long_it_is() -> None:
    words = "Boucle surveiller) 1 du Mouhoun: ALARM, raised; Ségou avertir Tombouctou-Est (Mali)"
    for count in range(1, 30):
        for skip in range(len(words.split())):
            subject = " ".join(["Tocsin", *(words.split()[skip:] + words.split() * 3)[:count]])
            message, _ = new_message("a@b.org", subject, "T <t@b.org>", NIGHT, "seed")
            lines = message.as_bytes().partition(b"\r\nFrom")[0].split(b"\r\n")
            assert lines[0].startswith((b"Subject: Tocsin", b"Subject: =?utf-8?q?Tocsin"))
            assert max(map(len, lines)) <= 78
            assert (
                email.message_from_bytes(message.as_bytes(), policy=default)["Subject"] == subject
            )


@pytest.mark.parametrize(
    ("unsubscribe", "one_click"),
    [("https://x.org/u?a=1", "List-Unsubscribe=One-Click"), ("mailto:t@x.org", None)],
)
def test_an_address_to_unsubscribe_by_one_click(digest, unsubscribe: str, one_click) -> None:
    message = digest_message(
        digest, {}, Recipient("a@example.org", "en"), "T <t@x.org>", unsubscribe
    )
    assert message["List-Unsubscribe"] == f"<{unsubscribe}>"
    assert message["List-Unsubscribe-Post"] == one_click


def test_without_a_server_mails_are_files(con, tmp_path) -> None:
    queue(con, [mail("a@example.org")], NOW)
    (tmp_path / "outbox").write_text("in the way")
    assert hand(con, Smtp(), tmp_path / "outbox") == ["waits"]
    (tmp_path / "outbox").unlink()
    assert hand(con, Smtp(), tmp_path / "outbox", NOW + DAY) == ["written"]
    assert len(list((tmp_path / "outbox").iterdir())) == 1


def test_held_mails_wait_go_or_lapse(con, tmp_path) -> None:
    queue(con, [mail("a@example.org", held_until=NOW + timedelta(hours=6))], NOW)
    assert hand(con, Smtp(), tmp_path, NOW + timedelta(hours=5)) == []
    assert hand(con, Smtp(), tmp_path, NOW + timedelta(hours=6), "lapse") == []
    assert con.execute("select status from ops.outbox").fetchall() == [("lapsed",)]
    queue(con, [mail("a@example.org", 2, held_until=NOW)], NOW)
    assert hand(con, Smtp(), tmp_path, NOW, "send") == ["written"]


def test_a_mail_of_a_night_to_come_that_still_waits_is_not_sent(con, tmp_path) -> None:
    waiting = [mail("a@example.org", 1, held_until=NOW), mail("b@example.org", 2)]
    queue(con, waiting, NOW)
    before = NOW - DAY  # the clock was a day ahead
    assert hand(con, Smtp(), tmp_path, before) == []
    mails = con.execute("select distinct status, detail from ops.outbox").fetchall()
    assert mails == [("lapsed", "of a night still to come")]
    assert hand(con, Smtp(), tmp_path) == []


def test_bytes_go_after_a_month(con, tmp_path) -> None:
    queue(con, [mail("a@example.org")], NOW)
    hand(con, Smtp(), tmp_path)
    for days, is_kept in ((29, True), (30, False)):
        hand(con, Smtp(), tmp_path, NOW + days * DAY)
        assert con.execute("select content is not null from ops.outbox").fetchone() == (is_kept,)


def test_plain_smtp_leaves_this_machine_never() -> None:
    with pytest.raises(SettingsError, match="for this machine only"):
        check_encryption(Smtp(host="mail.example.org", security="none"))


@pytest.fixture(scope="module")
def digest(warehouse_con, night) -> Digest:
    return digest_of(warehouse_con, night(NIGHT), NIGHT, "tocsin.duckdb")


def queue_level(
    con, digest: Digest, recipient: Recipient, level: str, night: date, now: datetime | None = None
) -> str | None:
    """Queues what is to be told if Sikasso, the only region at hand, has this level."""
    sikasso_alone = replace(
        digest,
        as_of_date=night,
        flags=digest.flags.filter(region_id="MLI.sikasso"),
        alerts=digest.alerts.filter(region_id="MLI.sikasso").with_columns(
            alert_level=pl.lit(level)
        ),
    )
    sent, newest = con.execute("select count(*), max(queued_at) from ops.outbox").fetchone()
    at = now or datetime.combine(night, time(22, sent))
    now = max(at, newest or at)  # an earlier night that is run again is run later
    mail = compose_digest_mail(
        con, sikasso_alone, recipient, now, 0, "T <t@example.org>", "mailto:t@x.org"
    )
    if mail:
        queue(con, [mail], now)
    return mail and mail.kind


FRIDAY = date(2021, 6, 25)
LIVES = {  # (days after Friday 25 June 2021, level) -> kind of mail
    "nightly": [(0, "warning", "alert"), (0, "alarm", None), (1, "alarm", "alert"),
                (2, "alarm", None), (3, "alarm", "summary"), (4, "none", "alert"),
                (5, "none", None), (1, "watch", None)],
    "immediate": [(0, "warning", "alert"), (0, "alarm", "alert"), (0, "alarm", None),
                  (3, "alarm", "summary"), (3, "watch", "alert")],
    "weekly": [(0, "warning", "alert"), (1, "alarm", None), (3, "alarm", "alert"),
               (4, "none", None), (12, "none", "alert"), (20, "none", "summary")],
}  # fmt: skip


@pytest.mark.parametrize("when", LIVES)
def test_each_is_told_what_changed_when_asked_for(con, digest, when: str) -> None:
    recipient = Recipient("a@example.org", "en", when=when)
    for days, level, kind in LIVES[when]:
        assert queue_level(con, digest, recipient, level, FRIDAY + days * DAY) == kind, (
            days,
            level,
        )


def test_a_line_that_is_passed_is_mailed_once_a_spell(con, digest) -> None:
    reader = Recipient("a@example.org", "en", lines=(GAO,))

    def tell(p_reached: float, days: int) -> str | None:
        with_line = replace(digest, lines=made_lines(p_reached=p_reached)["mart.line"])
        return queue_level(con, with_line, reader, "warning", FRIDAY + days * DAY)

    assert tell(0.3, 0) == "alert"  # of the level
    assert [tell(p, 1) for p in (0.3, 0.45)] == [None, "alert"]
    assert tell(0.6, 2) is None
    assert tell(0.3, 3) == "summary"  # a Monday: it is not passed any more
    assert tell(0.41, 4) == "alert"


YEAR = timedelta(days=365)
AHEAD = {  # what the night to come told, what tonight tells: kind of tonight's mail, of the next's
    "closed though it stands": ("none", "warning", "alert", None),
    "as it is": ("warning", "warning", "summary", None),
    "raised though it stands": ("alarm", "warning", "alert", None),
    "more than was known": ("warning", "alarm", "alert", None),
}


@pytest.mark.parametrize("case", AHEAD)
@pytest.mark.parametrize("when", ["nightly", "weekly", "immediate"])
def test_a_night_to_come_silences_nobody(con, digest, case: str, when: str) -> None:
    recipient = Recipient("a@example.org", "en", when=when)
    saturday, now = FRIDAY + DAY, datetime.combine(FRIDAY, time(23))
    told_ahead, level, tonight, next_night = AHEAD[case]
    assert queue_level(con, digest, recipient, "warning", FRIDAY) == "alert"
    queue_level(
        con, digest, recipient, told_ahead, FRIDAY + YEAR, now
    )  # a typing error, taken before
    assert outbox.notified_of_future_nights(con, FRIDAY) == [("a@example.org", FRIDAY + YEAR)]
    assert queue_level(con, digest, recipient, level, saturday) == tonight
    assert outbox.notified_of_future_nights(con, saturday) == []
    assert queue_level(con, digest, recipient, level, saturday + DAY) == next_night
    # nor a year later, when that night is over
    level_then = queue_level(con, digest, recipient, level, FRIDAY + YEAR + DAY)
    assert level_then == "summary"


def test_a_first_mail_of_a_night_to_come_is_no_first_mail(con, digest) -> None:
    recipient = Recipient("a@example.org", "en")
    queue_level(con, digest, recipient, "alarm", FRIDAY + YEAR, datetime.combine(FRIDAY, time(21)))
    assert queue_level(con, digest, recipient, "alarm", FRIDAY) == "alert"
    subjects = con.execute("select subject from ops.outbox order by queued_at").fetchall()
    assert len(subjects) == 2


def test_levels_below_the_lowest_asked_for_are_not_told(con, digest) -> None:
    recipient = Recipient("a@example.org", "en", lowest_level="warning", regions=("MLI.sikasso",))
    assert queue_level(con, digest, recipient, "watch", FRIDAY) == "summary"  # the first: it works
    assert queue_level(con, digest, recipient, "warning", FRIDAY + DAY) == "alert"
    assert queue_level(con, digest, recipient, "watch", FRIDAY + 2 * DAY) == "alert"  # it ended


def test_what_lapsed_was_not_told(con, digest) -> None:
    recipient = Recipient("a@example.org", "en")
    assert queue_level(con, digest, recipient, "warning", FRIDAY) == "alert"
    con.execute("update ops.outbox set status = 'lapsed'")
    assert queue_level(con, digest, recipient, "warning", FRIDAY + DAY) == "alert"


def test_a_level_withdrawn_and_restored_in_one_night_is_told_again(con, digest) -> None:
    reader = Recipient("a@example.org", "en", when="immediate")
    channel = Recipient("sms:+22370112233", "en", when="immediate")
    queue_level(con, digest, reader, "none", FRIDAY - DAY)
    queue_level(con, digest, channel, "none", FRIDAY - DAY)
    for level in ("watch", "none", "watch", "none", "watch"):  # a file was wrong, and mended
        for to in (reader, channel):
            assert queue_level(con, digest, to, level, FRIDAY) == "alert"
            assert queue_level(con, digest, to, level, FRIDAY) is None  # run once more
    notifications = con.execute(
        "select recipient, list(level order by queued_at) from ops.notification "
        "inner join ops.outbox using (message_id) group by recipient order by recipient"
    ).fetchall()
    levels = ["watch", "none", "watch", "none", "watch"]
    assert notifications == [("a@example.org", levels), ("sms:+22370112233", levels)]


@pytest.mark.parametrize("status", ["lapsed", "expired"])
def test_what_was_not_told_is_told_when_its_night_is_run_again(con, digest, status: str) -> None:
    recipient = Recipient("a@example.org", "en")
    queue_level(con, digest, recipient, "warning", FRIDAY)
    con.execute("update ops.outbox set status = $status", {"status": status})
    queue_level(con, digest, recipient, "warning", FRIDAY)
    queue_level(con, digest, recipient, "warning", FRIDAY)
    statuses = con.execute("select status from ops.outbox order by queued_at").fetchall()
    assert statuses == [(status,), ("queued",)]


def test_what_was_refused_for_good_is_sent_again_only_if_it_says_something_else(
    con, digest, smtp, certificate, port, tmp_path
) -> None:
    """By the server at its content: nobody is told, and the same words are not tried again."""
    reader = Recipient("a@example.org", "en", when="immediate")
    inbox = Inbox(data=["250 OK", "554 5.7.1 spam", "554 5.7.1 spam"])

    def tell(level: str, days: int, lowest: str = "none") -> tuple[str | None, list[str]]:
        other_words = replace(digest, place=f"tocsin_{lowest}.duckdb")
        kind = queue_level(con, other_words, reader, level, FRIDAY + days * DAY)
        return kind, hand(con, smtp, tmp_path, NOW + days * DAY + timedelta(hours=1))

    with serving(inbox, certificate, port):
        assert tell("none", -1) == ("summary", ["sent"])
        assert tell("watch", 0) == ("alert", ["refused"])
        assert [tell("watch", 0) for _ in range(3)] == [("alert", [])] * 3
        assert tell("none", 0) == (None, [])  # it was not told of the level
        assert tell("watch", 0, "other words") == ("alert", ["refused"])
        assert tell("watch", 0) == tell("watch", 0, "other words") == ("alert", [])
        assert tell("watch", 1) == ("alert", ["sent"])  # another night
        assert tell("none", 1) == ("alert", ["sent"])
        assert tell("watch", 1) == ("alert", ["sent"])  # as the second before, after another mail
    assert len(inbox.taken) == 4
    statuses = con.execute("select status from ops.outbox order by queued_at").fetchall()
    assert [status for (status,) in statuses] == ["sent", "refused", "refused", *["sent"] * 3]


def test_that_a_refused_mail_is_not_sent_again_is_told(con) -> None:
    queue(con, [mail("a@example.org")], NOW)
    con.execute("update ops.outbox set status = 'refused', detail = 'h:587: 554 spam'")
    (again,) = queue(con, [mail("a@example.org"), mail("b@example.org")], NOW + DAY)
    assert (again.recipient, again.status, again.where) == (
        "a@example.org",
        "refused",
        "h:587: 554 spam; not sent again, since it says the same (tocsin alerts resend 1.a@exam)",
    )
    assert queue(con, [mail("b@example.org")], NOW + DAY) == []


def test_quiet_hours_hold_a_mail_until_they_end(con, digest, tmp_path) -> None:
    recipient = Recipient("a@example.org", "fr", quiet_hours=(time(21), time(6)),
                          time_zone="Africa/Niamey")  # fmt: skip
    queue_level(con, digest, recipient, "warning", FRIDAY)  # 22:00 UTC is 23:00 there
    assert hand(con, Smtp(), tmp_path, datetime(2021, 6, 26, 4, 59)) == []
    assert hand(con, Smtp(), tmp_path, datetime(2021, 6, 26, 5)) == ["written"]


WRONG = {
    'address = "a b@c.org"\nlanguage = "en"': "address 'a b@c.org' is no e-mail address",
    'address = "a@b.org\\r\\nBcc: x@y.z"\nlanguage = "en"': "is no e-mail address",
    'address = "a@b.org"': "language is missing: write one of en, fr",
    'address = "a@b.org"\nlanguage = "de"': "language 'de' is not one of en, fr",
    'address = "a@b.org"\nlanguage = "en"\ncountries = ["FRA"]': r"countries \['FRA'\] must be a",
    'address = "a@b.org"\nlanguage = "en"\nregions = ["Sikasso"]': r"regions \['Sikasso'\] must",
    'address = "a@b.org"\nlanguage = "en"\nlowest_level = "none"': "lowest_level 'none' is not",
    'address = "a@b.org"\nlanguage = "en"\nwhen = "daily"': "when 'daily' is not one of immediate",
    'address = "a@b.org"\nlanguage = "en"\nquiet_hours = "9pm"': "quiet_hours '9pm' is no span",
    'address = "a@b.org"\nlanguage = "en"\ntime_zone = "Mali"': "time_zone 'Mali' is no IANA",
    'address = "a@b.org"\nlanguage = "en"\nlevel = "alarm"': "unknown field level; known are",
}


@pytest.mark.parametrize("entry", WRONG)
def test_a_wrong_recipient_is_named(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "recipients.toml"
    path.write_text(f"[[recipient]]\n{entry}\n", "utf-8")
    with pytest.raises(SettingsError, match=rf"recipients.toml: recipient 1: .*{WRONG[entry]}"):
        load_recipients(path)


def test_an_address_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "recipients.toml"
    path.write_text('[[recipient]]\naddress = "a@b.org"\nlanguage = "en"\n' * 2, "utf-8")
    with pytest.raises(SettingsError, match=r"a@b\.org stands twice"):
        load_recipients(path)


def notices(*keys: str) -> list[operator.Notice]:
    return [operator.Notice(key, f"{key} broke", f"{key} is broken") for key in keys]


def test_the_operator_is_told_once_of_what_is_new(con, tmp_path) -> None:
    settings = Settings(data_folder=tmp_path, operator="ops@example.org")
    first = operator.compose_operator_mail(con, notices("a"), settings, NOW)
    queue(con, [first], NOW)
    assert first.message["Subject"] == "Tocsin: a broke"
    assert operator.compose_operator_mail(con, notices("a"), settings, NOW + DAY) is None
    second = operator.compose_operator_mail(con, notices("a", "b"), settings, NOW + DAY)
    assert second.message["Subject"] == "Tocsin: b broke"
    assert "Told before and not over:\n\na is broken" in second.message.get_content()
    assert (
        operator.compose_operator_mail(con, notices("a"), Settings(data_folder=tmp_path), NOW)
        is None
    )


@pytest.mark.parametrize("status", ["lapsed", "expired", "refused"])
def test_the_operator_is_told_again_of_what_did_not_arrive(con, tmp_path, status: str) -> None:
    settings = Settings(data_folder=tmp_path, operator="ops@example.org")
    queue(con, [operator.compose_operator_mail(con, notices("a"), settings, NOW)], NOW)
    con.execute("update ops.outbox set status = $status", {"status": status})
    later = NOW + 6 * DAY
    again = operator.compose_operator_mail(con, notices("a"), settings, later)
    assert again.message["Subject"] == "Tocsin: a broke"
    queue(con, [again], later)
    assert operator.compose_operator_mail(con, notices("a"), settings, later) is None
    assert hand(con, Smtp(), tmp_path, later) == ["written"]


def test_parked_readers_are_findings(working, con, tmp_path) -> None:
    from warehouse.outbox import operator_findings

    park(working, "b@example.org", "550 no such user", NOW)
    try:
        told_of = [about for _, about, _ in operator_findings(working)]
    finally:
        working.execute("delete from ops.parked")
    assert told_of == ["b@example.org refused"]
    assert operator_findings(con) == []


def test_the_watchdog_tells_once_and_again_when_it_begins_anew(
    smtp, certificate, port, tmp_path
) -> None:
    settings = Settings(data_folder=tmp_path, operator="ops@example.org")
    inbox = Inbox()

    def look(now: datetime) -> str | None:
        reason = operator.overdue_reason(settings, 30, now)
        if reason:
            outcome = operator.mail_operator_once(
                settings, smtp, "watchdog", reason[:40], "late", reason, now
            )
            return outcome and outcome.status
        operator.forget(settings, "watchdog")
        return "fine"

    assert look(NOW) == "failed"  # no server yet: tried again
    with serving(inbox, certificate, port):
        assert look(NOW) == "sent"
        assert look(NOW + DAY) is None
        operator.note_finished_run(settings, "2021-06-26", NOW + DAY)
        assert look(NOW + 2 * DAY) == "fine"
        assert look(NOW + 3 * DAY) == "sent"
    assert len(inbox.taken) == 2
    assert "night of 2021-06-26" in operator.overdue_reason(settings, 30, NOW + 3 * DAY)
