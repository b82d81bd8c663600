"""A setting that cannot be used is refused before the work, by name and with what it must be."""

import re
from pathlib import Path

import pytest

from config.recipients import load_recipients
from config.settings import PREFIX, Settings, SettingsError, Smtp, load
from flows.terminal import check_sources

WRONG = {
    "HOLD_HOURS": (["nan", "inf", "-1", "721", "soon", "1e999"], "hours, from 0 to 720"),
    "HOLD_THEN": (["Send", "drop"], "send or lapse"),
    "AREA": (["wemu", "NGA"], "the name of an area, see 'tocsin area list'"),
    "PUBLISHED_COPIES": (["0", "-1", "1001", "1.5", "seven"], "a whole number from 1 to 1000"),
    "DASK": (["local", "local:0", "host:8786", "http://host:8786"], "'local:2' or a scheduler's"),
    "LAKE": (["sesame", "postgres:dbname=sesame", "ducklake:"], "a DuckLake, 'ducklake:postgres:"),
    "LAKE_DAYS": (["0", "-1", "100001", "x"], "a whole number from 1 to 100000"),
    "PUBLISHED_URL": (["data/published", "ftp://x.org", "https://", "https://x .org"], "https://"),
    "CHANNELS": (
        ['{"SMS": "exec:/bin/true"}', '{"sms": "sesame"}', '{"sms": "exec:send"}', "sms"],
        "names of channels and how, such as",
    ),
    "OPERATOR": (["ops", "a b@x.org", "a@b..org", "a@x.org, b@x.org"], "an e-mail address"),
    "MAIL_SENDER": (["Tocsin", "Tocsin <tocsin>", "A <a@b.org>\r\nBcc: x@y.z"], "an address such"),
    "MAIL_UNSUBSCRIBE": (["leave@x.org", "mailto:x", "https://x.org/u>, <y"], "mailto: or https"),
    "SMTP_HOST": (["smtp://x.org", "x.org:587", "user@x.org", "x org"], "the name or address"),
    "SMTP_PORT": (["99999999", "0", "-1", "smtp"], "a port, a whole number from 1 to 65535"),
    "SMTP_SECURITY": (["ssl", "STARTTLS", "off"], "starttls, tls or none"),
    "SMTP_TIMEOUT_SECONDS": (["-1", "0", "nan", "inf", "601"], "seconds, above 0 and at most 600"),
    "SMTP_CA_FILE": (["/nowhere/ca.pem", "pyproject.toml", "config"], "a file with the cert"),
}
RIGHT = {
    "AREA": ["waemu", "world"],
    "DATA_FOLDER": ["/srv/tocsin"],
    "CONFIG_FOLDER": ["docs"],
    "RECIPIENTS_FILE": ["/etc/recipients.toml"],
    "HOLD_HOURS": ["0", "0.5", "720"],
    "HOLD_THEN": ["send", "lapse"],
    "PUBLISHED_COPIES": ["1", "1000"],
    "DASK": ["local:2", "tcp://scheduler:8786", "tls://[::1]:8786"],
    "LAKE": ["ducklake:lake.db", "ducklake:postgres:dbname=t password=sesame"],
    "LAKE_DATA": ["/srv/lake", "s3://bucket/tocsin"],
    "LAKE_DAYS": ["1", "100000"],
    "PUBLISHED_URL": ["https://x.org/tocsin/", "http://192.0.2.1:8080/p"],
    "CHANNELS": ["{}", '{"sms": "exec:/usr/local/bin/send", "team": "slack://a/b/c"}'],
    "OPERATOR": ["root@localhost", "ops+t@x.org"],
    "MAIL_SENDER": ["t@x.org", "Observatoire Sahélien – veille <t@x.org>"],
    "MAIL_UNSUBSCRIBE": ["mailto:t@x.org?subject=unsubscribe", "https://x.org/u?a=b"],
    "SMTP_HOST": ["mail.x.org", "127.0.0.1", "::1", "localhost", "relay_1"],
    "SMTP_PORT": ["1", "65535"],
    "SMTP_SECURITY": ["starttls", "tls", "none"],
    "SMTP_TIMEOUT_SECONDS": ["0.5", "600"],
    "SOURCES": ["{}", '{"ucdp_ged": "live"}'],
}


@pytest.fixture(autouse=True)
def bare(monkeypatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent)
    for name in (*Settings.model_fields, *(f"smtp_{name}" for name in Smtp.model_fields)):
        monkeypatch.delenv(f"{PREFIX}{name}".upper(), raising=False)


def test_every_setting_is_tried() -> None:
    names = {*Settings.model_fields, *(f"smtp_{name}" for name in Smtp.model_fields)}
    tried = {name.lower() for name in WRONG | RIGHT}
    assert names - tried == {"smtp_username", "smtp_password"}  # below: together or none
    assert names - {name.lower() for name in WRONG} - {"smtp_username", "smtp_password"} == {
        "data_folder", "recipients_file", "lake_data", "config_folder", "sources"  # any path; below
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (values, _) in WRONG.items() for value in values]
)
def test_a_wrong_one_is_refused_with_what_it_must_be(name: str, value: str, monkeypatch) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    monkeypatch.setenv("TOCSIN_SMTP_USERNAME", "tocsin")
    monkeypatch.setenv("TOCSIN_SMTP_PASSWORD", "sesame-4712")
    with pytest.raises(SettingsError) as excinfo:
        load()
    assert str(excinfo.value).startswith(
        f"{PREFIX}{name}" + ("" if name in ("LAKE", "CHANNELS") else "=")
    )
    assert f" must be {WRONG[name][1]}" in str(excinfo.value) or WRONG[name][1] in str(
        excinfo.value
    )
    assert "\n" not in str(excinfo.value)
    assert "sesame" not in str(excinfo.value)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in RIGHT.items() for value in [*values, ""]]
)
def test_a_right_one_is_taken_and_an_empty_one_is_none(name: str, value: str, monkeypatch) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    load()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{'ucdp_ged': 'live'}", "TOCSIN_SOURCES is no JSON (Expecting property name"),
        ("ucdp_ged=live", "TOCSIN_SOURCES is no JSON (Expecting value"),
        ('["ucdp_ged"]', "TOCSIN_SOURCES must be names of sources and where from"),
        ('{"ucdp_ged": 1}', "TOCSIN_SOURCES must be names of sources and where from"),
        ('{"ucdp_ged": ""}', "TOCSIN_SOURCES must be names of sources and where from"),
        ('{"ucdp": "live"}', "TOCSIN_SOURCES: ucdp is no source; known are ucdp_ged, "),
    ],
)
def test_sources_are_json_of_names_that_are_known(value: str, says: str, monkeypatch) -> None:
    monkeypatch.setenv("TOCSIN_SOURCES", value)
    with pytest.raises(SettingsError, match=re.escape(says)):
        check_sources(load()[0])


@pytest.mark.parametrize("name", ["USERNAME", "PASSWORD"])
def test_user_and_password_go_together(name: str, monkeypatch) -> None:
    monkeypatch.setenv(f"TOCSIN_SMTP_{name}", "sesame-4712")
    with pytest.raises(SettingsError, match="go together: set both or none") as excinfo:
        load()
    assert "sesame" not in str(excinfo.value)


@pytest.mark.parametrize("name", ["TOCSIN_HOLD_HOUR", "tocsin_hold_hour"])
def test_an_unknown_one_is_refused_in_either_case(name: str, monkeypatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"{name}: no such setting; known are "):
        load()


def test_several_are_told_at_once(monkeypatch) -> None:
    monkeypatch.setenv("TOCSIN_HOLD_HOURS", "nan")
    monkeypatch.setenv("TOCSIN_PUBLISHED_COPIES", "0")
    with pytest.raises(SettingsError, match=r"COPIES='0' must be .*; TOCSIN_HOLD_HOURS='nan' must"):
        load()


ENTRY = 'address = "a@b.org"\nlanguage = "en"\n'
FILES = {
    f"[[recipients]]\n{ENTRY}": "recipients is not what is read; write [[recipient]] above each",
    f"[recipient]\n{ENTRY}": "recipient is not what is read",
    f"{ENTRY}": "address, language is not what is read",
    'recipient = ["a@b.org"]': "recipient is not what is read",
    f"[[recipient]]\n{ENTRY}time_zone = ['UTC']": "recipient 1: time_zone ['UTC'] is no IANA",
    f"[[recipient]]\n{ENTRY}countries = 'MLI'": "recipient 1: countries 'MLI' must be a list",
    f"[[recipient]]\n{ENTRY}countries = [['MLI']]": "recipient 1: countries [['MLI']] must be",
    f"[[recipient]]\n{ENTRY}quiet_hours = 21": "recipient 1: quiet_hours 21 is no span of hours",
    f"[[recipient]]\n{ENTRY}\n[[recipient]]\nlanguage = 'fr'": "recipient 2: address '' is no",
    "[[recipient]]\naddress = 'a@b..org'\nlanguage = 'en'": "recipient 1: address 'a@b..org' is",
    "[[recipient]]\naddress = 'a@b.org'": "recipient 1: language is missing: write one of en, fr",
    "[[recipient]\n": "Expected ']]' at the end of an array declaration (at line 1",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_of_recipients_that_cannot_be_meant_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recipients.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=re.escape(f"{path}: ") + ".*") as excinfo:
        load_recipients(path)
    assert FILES[text] in str(excinfo.value)


def test_a_file_of_recipients_is_read_with_a_mark_and_refused_in_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "recipients.toml"
    path.write_text(f"[[recipient]]\n{ENTRY}", "utf-8-sig")
    assert [reader.address for reader in load_recipients(path)] == ["a@b.org"]
    path.write_bytes("# Ségou\n".encode("latin-1"))
    with pytest.raises(SettingsError, match="byte 3 is no UTF-8; save the file as UTF-8"):
        load_recipients(path)
    with pytest.raises(SettingsError, match="No such file or directory; mend the file or set"):
        load_recipients(tmp_path / "none.toml")
