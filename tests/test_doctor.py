"""The doctor finds what is wrong, names its cure, and finds nothing else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from config.settings import Settings, Smtp
from flows.doctor import BAD, NOTE, examine
from warehouse import runs
from warehouse.connect import WarehouseError, warehouse


@pytest.fixture
def settings(tmp_path: Path, monkeypatch) -> Settings:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return Settings(data_folder=tmp_path)


def told(settings: Settings, state: str) -> dict[str, str]:
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
    assert told(settings, BAD) == {}
    assert told(settings, NOTE)["working file"] == "tocsin nightly makes it"


def test_a_healthy_one_is_well(settings: Settings) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None))
    assert told(settings, BAD) == {}
    assert {*told(settings, NOTE)} == {"published file", "mail"}


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
    assert told(wrong, BAD) == {
        "published file": "delete it and run again; past nights stand in the copies beside it",
        "ucdp_ged": "tocsin sources check ucdp_ged",
        "recipients": "correct the entry",
        "mail": "run again; it says why they do not go out",
        "Prefect": "start it ('tocsin serve' or 'prefect server start'), or unset "
        "PREFECT_API_URL: each run then starts its own",
        "schedule": "schedule it: 'tocsin serve', prefect.yaml or a timer (docs/operations.md)",
    }


def test_what_others_can_read_is_noted(settings: Settings) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None))
    folder = settings.data_folder
    settings.warehouse_path.chmod(0o644)
    folder.chmod(0o755)
    assert told(settings, NOTE)["rights"] == f"chmod -R o= {folder}"
    folder.chmod(0o750)  # nobody comes as far as the file
    assert "rights" not in told(settings, NOTE)


def refuse(folder: Path) -> None:
    raise WarehouseError(f"cannot write to {folder} (Read-only file system); make it writable")


def test_clock_newer_schema_and_damage(settings: Settings, monkeypatch) -> None:
    run_at(settings, datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1))
    assert told(settings, BAD) == {"clock": "set the clock (timedatectl), then run again"}
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("insert into main.migration values (999)")
    assert told(settings, BAD) == {"working file": "see there"}
    with monkeypatch.context() as patched:  # root can write everywhere
        patched.setattr("flows.doctor.writable", refuse)
        patched.setattr("warehouse.connect.writable", refuse)
        assert told(settings, BAD) == {"data folder": "see there"}
    settings.warehouse_path.write_bytes(b"no database")
    assert told(settings, BAD) == {"working file": "tocsin repair"}
    settings.warehouse_path.unlink()
    settings.published_path.parent.mkdir()
    settings.published_path.touch()
    assert told(settings, BAD)["working file"] == "tocsin repair"


def test_a_last_run_that_failed_or_was_killed_is_told(settings: Settings) -> None:
    at = datetime.now(UTC).replace(tzinfo=None)
    run_at(settings, at - timedelta(hours=1))
    for end, says in ((runs.FAILED, "and failed: no room"), (None, "and was killed")):
        at += timedelta(seconds=1)
        with warehouse(settings.warehouse_path) as con:
            runs.begin(con, f"the {end}", at.date(), at, "", "")
            if end:
                runs.finish(con, f"the {end}", at, end, "no room", 1.0, 1)
        (found,) = (f for f in examine(settings, Smtp()) if f.subject == "last run")
        assert found.state == BAD
        assert found.told.endswith(says)
        assert "schedule" not in told(settings, BAD)  # one was finished an hour ago
