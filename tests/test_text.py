"""Texts: what 300 characters say, and that each goes out once at most, by command or webhook."""

import json
import logging
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from alerts import delivery
from alerts.channels import check_channels, send_text
from alerts.delivery import QueuedText, compose_digest_mail, hand_over, queue
from alerts.digest import Digest
from alerts.text import MOST_CHARACTERS, is_gsm_7, night_text, segments
from config.recipients import Recipient, load_recipients
from config.settings import Settings, SettingsError, Smtp
from flows.cli import mails as commands
from flows.mail_steps import digest_of
from warehouse.connect import warehouse
from warehouse.outbox import operator_findings

NIGHT = date(2021, 6, 25)
NOW = datetime(2021, 6, 25, 22)
TO = "sms:+22370112233"
MALI = Recipient(TO, "en", countries=("MLI",))


@pytest.fixture(scope="module")
def digest(warehouse_con, night) -> Digest:
    return digest_of(warehouse_con, night(NIGHT), NIGHT, None).within(MALI)


@pytest.fixture
def con(tmp_path: Path):
    with warehouse(tmp_path / "w.duckdb") as open_:
        yield open_


def last_notified(digest: Digest, **levels: str) -> dict[str, str]:
    """Levels told last: those of the night, but where another one is given by name."""
    now = dict(digest.alerts.select("region_id", "alert_level").iter_rows())
    return now | {f"MLI.{name}": level for name, level in levels.items()}


FOUNDING = {
    "en": (
        "Tocsin 25 June 2021: 1 level has changed. Sikasso WARNING (was WATCH) 25%. (% = chance "
        "that violence doubles by 23 Sep) No level is no all-clear. Figures up to May 2021. Most "
        "deaths in 12 months: Mopti 641, Gao 197, Ségou 132.",
        226,
    ),
    "fr": (
        "Tocsin 25 juin 2021 : 1 niveau a changé. Sikasso ALERTE (était VIGILANCE) 25 %. (% = "
        "risque que la violence double d'ici au 23 sept.) L'absence de niveau n'est pas un feu "
        "vert. Chiffres jusqu'à fin mai 2021. Le plus de morts en 12 mois : Mopti 641, Gao 197, "
        "Ségou 132.",
        268,
    ),
}


@pytest.mark.parametrize("language", FOUNDING)
def test_the_founding_night_in_three_hundred_characters(digest, language: str) -> None:
    text, length = FOUNDING[language]
    said = night_text(digest, last_notified(digest, sikasso="watch"), language)
    assert said == text
    assert (len(said), is_gsm_7(said), segments(said)) == (length, True, 2)


def test_what_has_no_room_is_counted(warehouse_con, night) -> None:
    area = digest_of(warehouse_con, night(NIGHT), NIGHT, None)
    text = night_text(area, {}, "fr")
    shown = len(re.findall(r"\([A-Z]{3}\) [A-Z]+ \(nouveau\)", text))
    assert 0 < shown < 14
    assert text.startswith("Tocsin 25 juin 2021 : 14 niveaux ont changé. Kidal (MLI) ALERTE")
    assert f"; +{14 - shown} régions." in text
    assert "L'absence de niveau n'est pas un feu vert." in text
    assert len(text) <= MOST_CHARACTERS


def test_an_end_a_revision_and_stale_figures_are_said(digest) -> None:
    alerts = digest.alerts.filter(region_id="MLI.sikasso")
    sikasso = replace(digest, flags=digest.flags.filter(region_id="MLI.sikasso"), alerts=alerts)
    ended = replace(sikasso, alerts=alerts.with_columns(alert_level=pl.lit("none")))
    violent = replace(ended, flags=ended.flags.with_columns(intensity=pl.lit("very_violent")))
    assert "Sikasso no level (was WARNING), still very violent." in night_text(
        violent, {"MLI.sikasso": "warning"}, "en"
    )
    revised = replace(sikasso, alerts=alerts.with_columns(cause=pl.lit("revision")))
    assert "Sikasso WARNING (was WATCH, revised figures) 25%." in night_text(
        revised, {"MLI.sikasso": "watch"}, "en"
    )
    stale = replace(sikasso, flags=sikasso.flags.with_columns(is_stale=pl.lit(True)))
    text = night_text(stale, {"MLI.sikasso": "warning"}, "en")
    assert text.startswith("Tocsin 25 June 2021: figures too old to warn (May 2021).")
    assert "%" not in text
    muted = replace(sikasso, muted={"MLI.sikasso": NIGHT})
    assert "1 region muted. No level is no all-clear." in night_text(muted, {}, "en")


HOSTILE = st.text(min_size=1, max_size=200)


@settings(max_examples=30)
@given(HOSTILE, st.sampled_from(["en", "fr"]))
def test_no_name_acts_on_a_phone_or_chat(digest, name: str, language: str) -> None:
    sikasso = replace(
        digest,
        flags=digest.flags.filter(region_id="MLI.sikasso").with_columns(region_name=pl.lit(name)),
        alerts=digest.alerts.filter(region_id="MLI.sikasso"),
    )
    text = night_text(sikasso, {}, language)
    assert len(text) <= MOST_CHARACTERS
    assert text.isprintable()
    assert not set(text) & set("<>&@*_|[]{}`~\\#/")
    assert not re.search(r"\w\.\w", text)


class Hook(BaseHTTPRequestHandler):
    """A webhook that answers as it was told, and keeps what it got."""

    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[str, dict]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, json.loads(body)))
        answer = self.answers.pop(0) if self.answers else 200
        if answer:
            self.send_response(answer)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def hook() -> Iterator[tuple[type[Hook], int]]:
    Hook.answers, Hook.got = [], []
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Hook, server.server_port
        server.shutdown()
        thread.join()


def command(folder: Path, body: str) -> SecretStr:
    path = folder / "send"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return SecretStr(f"exec:{path}")


def text_to(to: str, number: int = 1) -> QueuedText:
    identity = f"<2021-06-25.{number}@text>"
    levels = {"MLI.sikasso": "warning"}
    return QueuedText(
        NIGHT, "alert", levels, NOW,
        recipient=to, message_id=identity, content="Sikasso ALERTE à 25 %".encode(),
    )  # fmt: skip


def hand(con, channels: dict[str, SecretStr], now: datetime = NOW) -> list[tuple[str, str]]:
    outcomes = hand_over(con, Smtp(), Path("/nowhere"), now, "send", channels)
    return [(outcome.status, outcome.where) for outcome in outcomes]


def test_a_command_gets_number_and_text_and_no_settings(con, tmp_path, monkeypatch) -> None:
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"TOCSIN_SMTP_{name}", "sesame")
    way = command(tmp_path, f'(echo "$1"; cat; env) >> {tmp_path}/log')
    queue(con, [text_to(TO)], NOW)
    assert hand(con, {"sms": way}) == [("sent", "sms")]
    queue(con, [text_to(TO)], NOW)  # the same again
    assert hand(con, {"sms": way}) == []
    log = (tmp_path / "log").read_text("utf-8")
    assert log.startswith("+22370112233\nSikasso ALERTE à 25 %")
    assert "sesame" not in log


def test_a_command_that_fails_is_tried_again_later(con, tmp_path) -> None:
    queue(con, [text_to(TO)], NOW)
    way = command(tmp_path, 'cat > /dev/null; echo "no credit" >&2; exit 3')
    assert hand(con, {"sms": way}) == [("waits", "sms: exit 3: no credit")]
    assert hand(con, {"sms": way}, NOW + timedelta(minutes=14)) == []
    command(tmp_path, "cat > /dev/null")
    assert hand(con, {"sms": way}, NOW + timedelta(minutes=16)) == [("sent", "sms")]
    assert con.execute("select status, attempts from ops.outbox").fetchall() == [("sent", 2)]


def test_a_text_that_may_have_gone_out_is_not_sent_again(con, working, monkeypatch) -> None:
    queue(con, [text_to(TO)], NOW)

    def killed(*_: object) -> tuple[str, str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(delivery, "send_text", killed)
        hand(con, {"sms": SecretStr("exec:/bin/true")})
    assert hand(con, {"sms": SecretStr("exec:/bin/true")}, NOW + timedelta(days=1)) == []
    assert con.execute("select status from ops.outbox").fetchall() == [("unsure",)]
    # It counts as told, and the operator looks at it.
    queue(working, [text_to(TO)], NOW)
    working.execute("update ops.outbox set status = 'unsure' where recipient = $to", {"to": TO})
    try:
        ((_, about, finding),) = [f for f in operator_findings(working) if "unsure" in f[1]]
    finally:
        working.execute(
            "delete from ops.notification where message_id in "
            "(select message_id from ops.outbox where recipient = $to)",
            {"to": TO},
        )
        working.execute("delete from ops.outbox where recipient = $to", {"to": TO})
    assert about == "a message unsure"
    assert "may have gone out, or not" in finding


def test_a_webhook_gets_the_text_and_its_secret_is_never_said(con, hook, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    server, port = hook
    way = SecretStr(f"json://127.0.0.1:{port}/sesame-4712/{{to}}")
    queue(con, [text_to("team:bamako")], NOW)
    server.answers += [500, 200]
    ((status, where),) = hand(con, {"team": way})
    assert status == "waits"
    assert "500" in where
    assert "sesame" not in where
    assert hand(con, {"team": way}, NOW + timedelta(hours=1)) == [("sent", "team")]
    assert [path for path, _ in server.got] == ["/sesame-4712/bamako"] * 2
    assert server.got[1][1]["message"] == "Sikasso ALERTE à 25 %"
    assert "sesame" not in str(con.execute("from ops.outbox").fetchall()) + caplog.text


def test_no_answer_is_unsure_and_no_connection_is_not(con, hook) -> None:
    server, port = hook
    server.answers += [0]  # takes it and hangs up
    assert send_text(f"json://127.0.0.1:{port}/x", "a", "text")[0] == "unsure"
    assert send_text("json://127.0.0.1:9/sesame-4712", "a", "text")[0] == "waits"


def test_a_channel_that_is_not_set_stops_before_the_work(tmp_path) -> None:
    for channels, says in (
        ({}, r"recipient sms:\+22370112233: TOCSIN_CHANNELS names no channel 'sms' \(known: none"),
        ({"sms": SecretStr("exec:/nowhere/send")}, "sms: the command is no file that can be exec"),
        ({"sms": SecretStr("nosuch://sesame")}, "sms: no address that Apprise can use"),
    ):
        with pytest.raises(SettingsError, match=says) as error:
            check_channels([MALI], channels)
        assert "sesame" not in str(error.value)
    check_channels(
        [MALI], {"sms": SecretStr("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ")}
    )
    check_channels([Recipient("a@b.org", "en")], {})


def test_who_wants_both_has_two_entries(tmp_path: Path) -> None:
    path = tmp_path / "recipients.toml"
    entries = [("a@b.org", ""), (TO, 'lowest_level = "warning"'), ("team:bamako", "")]
    path.write_text(
        "".join(f'[[recipient]]\naddress = "{to}"\nlanguage = "fr"\n{x}\n' for to, x in entries)
    )
    assert [r.address for r in load_recipients(path)] == [to for to, _ in entries]
    for wrong in (
        "sms:+22 370112233",
        "SMS:+22370112233",
        "sms:+0123456789",
        "sms:",
        "sms:+1;rm",
        "sms:-f",
    ):
        path.write_text(f'[[recipient]]\naddress = "{wrong}"\nlanguage = "fr"\n')
        with pytest.raises(SettingsError, match="is no e-mail address; write name@host, or of a"):
            load_recipients(path)


def compose(con, digest: Digest, night: date, recipient: Recipient = MALI) -> QueuedText | None:
    at = datetime.combine(night, time(22))
    of_night = replace(digest, as_of_date=night)
    message = compose_digest_mail(con, of_night, recipient, at, 0, "T <t@x.org>", "mailto:t@x.org")
    if message:
        queue(con, [message], at)
    return message


def test_a_text_has_the_life_of_a_mail(con, digest) -> None:
    first = compose(con, digest, NIGHT)
    assert first.kind == "alert"
    assert first.content.decode().startswith("Tocsin 25 June 2021: first text, the state. ")
    assert first.subject.startswith("Tocsin 25 June 2021: first text")
    assert compose(con, digest, NIGHT) is None
    assert compose(con, digest, NIGHT + timedelta(days=1)) is None  # nothing changed
    monday = compose(con, digest, NIGHT + timedelta(days=3))
    assert monday.kind == "summary"
    assert ": No level has changed. " in monday.content.decode()
    assert "Sikasso WARNING 25%;" in monday.content.decode()
    quiet = replace(MALI, address="sms:+22370112244", quiet_hours=(time(21), time(6)))
    assert compose(con, digest, NIGHT, quiet).not_before == datetime(2021, 6, 26, 6)


def test_the_command_line_prints_tonights_text(two_nights, tmp_path, monkeypatch, capsys) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copyfile(two_nights / "warehouse.duckdb", data / "warehouse.duckdb")
    recipients = tmp_path / "recipients.toml"
    recipients.write_text(
        f'[[recipient]]\naddress = "{TO}"\nlanguage = "fr"\ncountries = ["MLI"]\n', "utf-8"
    )
    monkeypatch.setenv("TOCSIN_DATA_FOLDER", str(data))
    monkeypatch.setenv("TOCSIN_RECIPIENTS_FILE", str(recipients))
    umask = os.umask(0o022)
    try:
        commands.text(TO)
        out, err = capsys.readouterr()
        assert out.startswith("Tocsin 25 juin 2021 : premier texte, la situation. ")
        assert err == f"{len(out) - 1} characters, 2 short messages (GSM-7)\n"
        with pytest.raises(SettingsError, match=r"no recipient has the address 'b@x.org'"):
            commands.text("b@x.org")
        with warehouse(data / "warehouse.duckdb") as open_:
            queue(open_, [text_to(TO)], NOW)
        commands.show_mail(TO)
        commands.preview(TO, tmp_path)
        commands.text(TO)  # that of the night, as it was queued
        out = capsys.readouterr().out.splitlines()
        assert out[:3] == [f"To: {TO}", "", "Sikasso ALERTE à 25 %"]
        assert Path(out[3]).read_text("utf-8") == out[4] == out[2]
    finally:
        os.umask(umask)


def test_channels_are_read_from_the_environment_and_never_shown(monkeypatch) -> None:
    monkeypatch.setenv("TOCSIN_CHANNELS", '{"sms": "twilio://sesame:4712@+15550100/{to}"}')
    assert "sesame" not in repr(Settings())
