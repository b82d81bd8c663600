"""The doctor finds what is wrong, names its cure, and finds nothing else."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from config.settings import Settings, Smtp
from flows.doctor import BAD, NOTE, examine, most_memory, stale_source
from warehouse import runs
from warehouse.connect import WarehouseError, warehouse
from warehouse.marts import take_back_nights, write_marts
from warehouse.publish import file_sha256
from warehouse.sources import SOURCES


@pytest.fixture
def settings(tmp_path: Path, monkeypatch) -> Settings:
    for name in ("PREFECT_API_URL", *(f"{s}_proxy" for s in ("http", "https", "all"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return Settings(data_folder=tmp_path)


def cures(settings: Settings, state: str) -> dict[str, str]:
    return {f.subject: f.cure for f in examine(settings, Smtp()) if f.state == state}


def run_at(settings: Settings, at: datetime, failure: str | None = None) -> None:
    with warehouse(settings.warehouse_path) as con:
        con.execute(
            "insert or replace into ops.fetch values ('ucdp_ged', $at, $at, $since, $failure)",
            {"at": at, "since": at if failure else None, "failure": failure},
        )
        runs.begin(con, f"run at {at}", at.date(), at, "", "")
        runs.finish(con, f"run at {at}", at, runs.DONE, None, 1.0, 1)


def test_a_new_installation_is_well(settings: Settings) -> None:
    assert cures(settings, BAD) == {}
    assert cures(settings, NOTE)["working file"] == "tocsin nightly makes it"


def test_a_healthy_one_is_well(settings: Settings) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None))
    assert cures(settings, BAD) == {}
    assert {*cures(settings, NOTE)} == {"published file", "mail", "address"}


def test_each_fault_is_found_with_its_cure(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None) - timedelta(days=2), "HTTP 500")
    with warehouse(settings.warehouse_path) as con:
        con.execute(
            "insert into ops.outbox (message_id, recipient, as_of_date, subject, content_sha256, "
            "status, via, detail, queued_at, finished_at) "
            "values ('<1@x>', 'a@example.org', '2021-06-25', 's', 'd', "
            "'queued', 'none', null, '2021-06-25 22:00', null)"
        )
    settings.published_path.parent.mkdir()
    settings.published_path.write_bytes(b"cut short")
    settings.published_path.with_name("manifest.json").write_text(
        json.dumps({"tocsin.duckdb": {"sha256": "0", "as_of_date": "2021-06-25"}})
    )
    recipients = tmp_path / "recipients.toml"
    recipients.write_text("[[recipient]]\naddress = 'nobody'\n")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    wrong = settings.model_copy(update={"recipients_file": recipients})
    assert cures(wrong, BAD) == {
        "published file": "delete it and run again; past nights stand in the copies beside it",
        "ucdp_ged": "tocsin sources check ucdp_ged",
        "recipients": "correct the entry",
        "mail": "run again; it says why they do not go out",
        "Prefect": "start it ('tocsin serve' or 'prefect server start'), or unset "
        "PREFECT_API_URL: each run then starts its own",
        "schedule": "schedule it: 'tocsin serve', prefect.yaml or a timer (docs/operations.md)",
    }


CAUSE = "cannot send by mail.nowhere:587 (Name or service not known); check TOCSIN_SMTP_*"
STILL = "cannot send by h:587 (Connection refused); check TOCSIN_SMTP_* and TOCSIN_MAIL_SENDER"
GREY = "h:587: 451 4.7.1 try later"
MEND = "mend what it names and run again"


@pytest.mark.parametrize(
    ("host", "why_now", "causes", "says", "cure"),
    [
        ("h", STILL, [CAUSE, GREY], (BAD, f"by h:587; {{}}: {STILL}"), MEND),
        ("h", None, [CAUSE, GREY], (BAD, f"by h:587; {{}}: {GREY}"), MEND),
        ("h", None, [CAUSE, STILL], (NOTE, f"by h:587; {{}} ({CAUSE}); the server takes mail now"),
         None),
        (None, None, [CAUSE, STILL], (NOTE, f"by {{folder}}; {{}} ({CAUSE}); mails are written to "
         "files now"), None),
    ],
    ids=["still failing", "of one mail", "mended", "no server any more"],
)  # fmt: skip
def test_mails_that_were_not_taken_a_minute_ago(
    settings: Settings, monkeypatch, host, why_now, causes: list[str], says, cure: str | None
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    run_at(settings, now)
    due = now + timedelta(minutes=15)
    mails = [("<2@x>", 1, causes[0], 1, due), ("<1@x>", 2, causes[1], 9, now),
             ("<3@x>", 0, None, 0, None)]  # fmt: skip
    with warehouse(settings.warehouse_path) as con:
        con.executemany(
            "insert into ops.outbox (message_id, recipient, as_of_date, subject, content_sha256, "
            "status, via, attempts, detail, queued_at, next_try_at) values "
            "($1, 'a@example.org', '2021-06-25', 's', 'd', 'queued', 'none', $2, $3, "
            "$6::timestamp - $4::integer * interval 1 minute, $5)",
            [(*mail, now) for mail in mails],
        )
    monkeypatch.setattr("flows.doctor.why_not_sent", lambda *_: why_now)
    (mail,) = [
        finding for finding in examine(settings, Smtp(host=host)) if finding.subject == "mail"
    ]
    waiting = "the last went out never; 2 wait after a failed attempt"
    state, detail = says
    assert (mail.state, mail.detail) == (
        state,
        detail.replace("{folder}", str(settings.outbox_folder)).replace("{}", waiting),
    )
    assert mail.cure == (
        cure or f"the next run after {due:%Y-%m-%d %H:%M} UTC sends them, or tocsin alerts send"
    )


def test_what_others_can_read_is_noted(settings: Settings) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None))
    folder = settings.data_folder
    settings.warehouse_path.chmod(0o644)
    folder.chmod(0o755)
    assert cures(settings, NOTE)["rights"] == f"chmod -R o= {folder}"
    folder.chmod(0o750)  # nobody comes as far as the file
    assert "rights" not in cures(settings, NOTE)


def refuse(folder: Path) -> None:
    raise WarehouseError(f"cannot write to {folder} (Read-only file system); make it writable")


def test_clock_newer_schema_and_damage(settings: Settings, monkeypatch) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1))
    assert cures(settings, BAD) == {"clock": "set the clock (timedatectl), then run again"}
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("insert into main.migration values (999)")
    assert cures(settings, BAD) == {"working file": "see there"}
    with monkeypatch.context() as patched:  # root can write everywhere
        patched.setattr("flows.doctor.ensure_writable", refuse)
        patched.setattr("warehouse.connect.ensure_writable", refuse)
        assert cures(settings, BAD) == {"data folder": "see there"}
    settings.warehouse_path.write_bytes(b"no database")
    assert cures(settings, BAD) == {"working file": "tocsin repair"}
    settings.warehouse_path.unlink()
    settings.published_path.parent.mkdir()
    settings.published_path.touch()
    assert cures(settings, BAD)["working file"] == "tocsin repair"


def test_a_last_run_that_failed_or_was_killed_is_told(settings: Settings) -> None:
    at = datetime.now(UTC).replace(tzinfo=None)
    run_at(settings, at - timedelta(hours=1))
    for end, says in ((runs.FAILED, "and failed: no room"), (None, "and was killed")):
        at += timedelta(seconds=1)
        with warehouse(settings.warehouse_path) as con:
            runs.begin(con, f"the {end}", at.date(), at, "", "")
            if end:
                runs.finish(con, f"the {end}", at, end, "no room", 1.0, 1)
        (finding,) = (f for f in examine(settings, Smtp()) if f.subject == "last run")
        assert finding.state == BAD
        assert finding.detail.endswith(says)
        assert "schedule" not in cures(settings, BAD)  # one was finished an hour ago


@pytest.mark.parametrize(
    ("name", "address", "state", "cure"),
    [
        (
            "admin_presence",
            None,
            NOTE,
            "enter what is known since in config/registers/admin_presenc",
        ),
        ("ucdp_ged", None, BAD, """TOCSIN_SOURCES='{"ucdp_ged": "live"}'"""),
        (
            "ucdp_ged",
            "live",
            NOTE,
            "see whether the publisher still does: docs/sources/ucdp_ged.md",
        ),
        ("ucdp_ged", "/data/ged.zip", BAD, "put a newer file there, or correct TOCSIN_SOURCES"),
    ],
)
def test_old_figures_are_bad_only_where_they_can_be_renewed(
    name: str, address: str | None, state: str, cure: str
) -> None:
    (source,) = (source for source in SOURCES if source.name == name)
    diagnosis = stale_source(source, address, 1500, 180)
    assert (diagnosis.subject, diagnosis.state, diagnosis.cure[: len(cure)]) == (name, state, cure)
    assert "1500 days old, 180 are usual" in diagnosis.detail


def test_a_night_to_come_is_told_and_repair_takes_it_back(settings: Settings) -> None:
    at = datetime.now(UTC).replace(tzinfo=None)
    run_at(settings, at)
    today, to_come = at.date(), at.date() + timedelta(days=365)
    values = {today - timedelta(days=1): "none", to_come: "alarm", today: "watch"}
    with warehouse(settings.warehouse_path) as con:
        for night, level in values.items():
            write_marts(con, night, {"flag": pl.DataFrame({"region_id": ["a"], "level": [level]})})
    assert cures(settings, BAD) == {"nights": "tocsin repair takes them back"}
    with warehouse(settings.warehouse_path) as con:
        assert take_back_nights(con, today) == [to_come]
        spells = con.execute(
            "select level, night_from, night_to from mart.flag order by night_from"
        ).fetchall()
    assert spells == [("none", today - timedelta(days=1), today), ("watch", today, None)]
    assert cures(settings, BAD) == {}


def test_what_readers_would_read_beside_the_published_file_is_bad(settings: Settings) -> None:
    path = settings.published_path
    path.parent.mkdir()
    path.write_bytes(b"whole")
    entry = {"sha256": file_sha256(path), "as_of_date": "2021-06-25"}
    path.with_name("manifest.json").write_text(json.dumps({path.name: entry}))
    assert "published file" not in cures(settings, BAD)
    path.with_name("tocsin.duckdb.wal").touch()
    assert (
        cures(settings, BAD)["published file"] == "run again, which takes them away, or delete them"
    )
    path.with_name("tocsin.duckdb.wal").unlink()
    path.with_name("manifest.json").write_text("[")
    assert cures(settings, BAD)["published file"] == "run again, which writes both anew"


def test_a_proxy_is_named_without_its_password(settings: Settings, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:sesame@proxy.example:3128")
    (finding,) = (f for f in examine(settings, Smtp()) if f.subject == "proxy")
    assert (finding.state, finding.detail.partition(" ")[0]) == (
        NOTE,
        "http_proxy=proxy.example:3128",
    )


@pytest.mark.parametrize(
    ("group", "limits", "most"),
    [
        ("0::/", {"memory.max": "536870912"}, 536_870_912),  # a container
        ("0::/a.slice/b.service", {"a.slice/memory.max": "900000000",
                                   "a.slice/b.service/memory.max": "max"}, 900_000_000),
        ("4:cpu:/x\n3:memory:/x", {"memory/x/memory.limit_in_bytes": "700000000"}, 700_000_000),
        ("0::/", {"memory.max": "max"}, None),
        (None, {}, None),
    ],
)  # fmt: skip
def test_the_memory_that_a_container_allows(tmp_path: Path, group, limits, most) -> None:
    for name, text in limits.items():
        path = tmp_path / "sys" / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    if group:
        (tmp_path / "proc" / "self").mkdir(parents=True)
        (tmp_path / "proc" / "self" / "cgroup").write_text(f"{group}\n")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert most_memory(tmp_path) == (most or machine)
