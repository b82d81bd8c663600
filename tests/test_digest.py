"""The mail: its words in both languages, delivered once, by a real server."""

import email
import re
from datetime import date, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import polars as pl
import pytest
from aiosmtpd.controller import Controller
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from alerts.delivery import DeliveryError, compose, deliver
from alerts.digest import Digest
from config.recipients import Recipient
from config.settings import Smtp
from warehouse.connect import warehouse

NIGHT = date(2021, 6, 25)
NOW = datetime(2021, 6, 25, 22)
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def digest(night) -> Digest:
    tables = night(NIGHT)
    return Digest(
        as_of_date=NIGHT,
        data_month=date(2021, 5, 1),
        flags=tables["mart.flag"].filter(region_id="MLI.sikasso"),
        drivers=tables["mart.flag_driver"],
        events=tables["core.event"].filter(region_id="MLI.sikasso", event_date=date(2021, 5, 30)),
        presence=tables["core.presence"],
        suspensions=tables["core.suspension"],
        sources=tables["mart.source_status"],
        database="tocsin.duckdb",
    )


def message(digest: Digest, language: str = "en", address: str = "a@example.org") -> EmailMessage:
    return compose(
        digest, Recipient(address, language, ()), "Tocsin <t@example.org>", "mailto:t@x.org"
    )


def text(mail: EmailMessage, kind: str = "plain") -> str:
    body = email.message_from_bytes(mail.as_bytes(), policy=default).get_body((kind,))
    return body.get_content()


def test_english(digest) -> None:
    mail = message(digest)
    assert mail["Subject"] == "Tocsin 25 June 2021: 1 region (1 at warning) - Sikasso"
    assert text(mail).splitlines()[:9] == [
        "Chance that violence doubles in the next three months, on figures up to May 2021, "
        "as known on 25 June 2021.",
        "",
        "WARNING - Sikasso (Mali)",
        "  1 event, 5 deaths in May 2021, against 0.4 events a month over the past twelve.",
        "  Escalation (at least 3 events in three months): about 1 in 5 (20%), "
        "up from 15% a month earlier.",
        "  Expected in three months: 1.5 events, 8 times in 10 between 0 and 4. "
        "Without its newest event: WATCH.",
        "  * 30 May 2021, Bougouni cercle: 5 deaths, Government of Mali / JNIM "
        "(state against armed group)",
        "  Main driver: own events of the past years (0.15 a month).",
        "  Administrators at their posts: no figure for this region.",
    ]
    assert "World Bank: development aid suspended, 4 June 2021" in text(mail)
    assert "African Union: membership suspended, June 2021" in text(mail)


def test_french(digest) -> None:
    mail = message(digest, "fr")
    assert mail["Subject"] == "Tocsin 25 juin 2021 : 1 région (1 en alerte) - Sikasso"
    assert "ALERTE - Sikasso (Mali)" in text(mail)
    assert "environ 1 chance sur 5" in text(mail)
    assert "Sans son dernier incident : VIGILANCE." in text(mail)
    assert "aucun chiffre pour cette région" in text(mail)
    assert "World Bank : aide au développement suspendue, 4 juin 2021" in text(mail)


def test_every_string_is_translated() -> None:
    methods = [("**.j2", "jinja2.ext:babel_extract")]
    options = {"**.j2": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
    found = {
        m[2] if isinstance(m[2], str) else m[2][0]
        for m in extract_from_dir(ROOT / "alerts" / "templates", methods, options)
    }
    path = ROOT / "alerts/locales/fr/LC_MESSAGES/tocsin.po"
    with path.open("rb") as file:
        catalogue = {
            m.id if isinstance(m.id, str) else m.id[0]: m.string for m in read_po(file) if m.id
        }
    assert found == catalogue.keys()
    assert all(all(s) if isinstance(s, tuple) else s for s in catalogue.values())


def test_stale_figures_are_no_warning(digest) -> None:
    from dataclasses import replace

    stale = replace(digest, flags=digest.flags.with_columns(is_stale=pl.lit(True)))
    assert "figures too old to warn" in message(stale)["Subject"]
    assert text(message(stale)).startswith("The figures are too old to warn")


def test_same_night_same_bytes_and_small(digest) -> None:
    assert message(digest).as_bytes() == message(digest).as_bytes()
    assert len(message(digest).as_bytes()) < 100_000


def test_names_cannot_inject(digest) -> None:
    from dataclasses import replace

    evil = '<script>alert("x")</script>'
    flags = digest.flags.with_columns(region_name=pl.lit(f"Sikasso\r\nBcc: x@y.z {evil}"))
    events = digest.events.with_columns(actor_a=pl.lit(evil), source_admin2_name=pl.lit(evil))
    mail = message(replace(digest, flags=flags, events=events))
    assert mail["Bcc"] is None
    assert "<script" not in text(mail, "html")
    assert "<script" in text(mail)
    with pytest.raises(ValueError, match="linefeed"):
        message(digest, address="a@example.org\r\nBcc: x@y.z")


class Inbox:
    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        return "250 OK"


def test_delivered_once_by_a_real_server(digest, tmp_path: Path, unused_port: int) -> None:
    inbox = Inbox()
    smtp = Smtp(host="127.0.0.1", port=unused_port, security="none", timeout_seconds=5)
    mail = message(digest)
    with warehouse(tmp_path / "w.duckdb") as con:
        with pytest.raises(DeliveryError, match=r"cannot send by 127.0.0.1:\d+ .*run again"):
            deliver(con, [mail], smtp, tmp_path, NOW)
        waiting = con.execute("select status from ops.outbox").fetchall()
        controller = Controller(inbox, hostname="127.0.0.1", port=unused_port)
        controller.start()
        try:
            first = deliver(con, [mail], smtp, tmp_path, NOW)
            second = deliver(con, [mail], smtp, tmp_path, NOW)
        finally:
            controller.stop()
    assert waiting == [("queued",)]
    assert [d.status for d in first + second] == ["sent", "sent before"]
    assert len(inbox.mails) == 1
    assert email.message_from_bytes(inbox.mails[0])["Message-ID"] == mail["Message-ID"]


def test_plain_smtp_leaves_this_machine_never(digest, tmp_path: Path) -> None:
    smtp = Smtp(host="mail.example.org", security="none")
    with (
        warehouse(tmp_path / "w.duckdb") as con,
        pytest.raises(DeliveryError, match="for this machine only"),
    ):
        deliver(con, [message(digest)], smtp, tmp_path, NOW)


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_message_id_has_no_address(digest) -> None:
    assert re.fullmatch(r"<2021-06-25\.[0-9a-f]{32}@example\.org>", message(digest)["Message-ID"])
