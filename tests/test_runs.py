"""What runs did is kept: steps with rows, how they ended; files are copied before migrations."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from prefect import flow

from flows.record import record_run
from warehouse import runs
from warehouse.connect import WarehouseError, warehouse

NIGHT = date(2021, 6, 25)


@flow(validate_parameters=False)
def run(path: Path, steps: list[tuple], progress) -> None:
    """A flow of a few recorded steps on a working file."""
    with (
        warehouse(path / "w.duckdb") as con,
        record_run(con, path / "log", NIGHT, progress) as record,
    ):
        for step in steps:
            record.step(*step)
        record.is_degraded = not steps


def double(frame: pl.DataFrame, _: int) -> pl.DataFrame:
    return pl.concat([frame, frame])


def fail(_: pl.DataFrame) -> None:
    raise ValueError("the cause,\nin two lines")


@pytest.fixture
def three_rows() -> pl.DataFrame:
    return pl.DataFrame({"a": [1, 2, 3]})


def test_steps_are_kept_with_their_rows(prefect_here, tmp_path: Path, three_rows) -> None:
    steps = []
    run(tmp_path, [("double", double, three_rows, 7)], steps.append)
    assert [(step.step, step.rows_in, step.rows_out) for step in steps] == [("double", 3, 6)]
    with warehouse(tmp_path / "w.duckdb") as con:
        last = runs.latest_runs(con, 1).row(0, named=True)
        (step,) = runs.steps(con, last["run_id"]).to_dicts()
    assert (last["run_status"], last["as_of_date"], last["run_failure"]) == ("done", NIGHT, None)
    assert last["run_seconds"] >= step["step_seconds"] > 0
    assert last["peak_memory_bytes"] >= step["peak_memory_bytes"] > 50_000_000
    assert "duckdb 1.5" in last["versions"]
    lines = [json.loads(line) for line in (tmp_path / "log/tocsin.jsonl").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["run begins", "double", "run ends"]
    assert {line["run_id"] for line in lines} == {last["run_id"]}
    assert lines[1]["rows_out"] == 6


def test_a_failed_run_says_where_and_why_and_a_killed_one_is_told_by_the_next(
    prefect_here, tmp_path: Path, three_rows
) -> None:
    def nothing(_: runs.Step) -> None: ...

    steps = [("double", double, three_rows, 1), ("fail", fail, three_rows)]
    with pytest.raises(ValueError, match="the cause"):
        run(tmp_path, steps, nothing)
    with warehouse(tmp_path / "w.duckdb") as con:
        failed = runs.latest_runs(con, 1).row(0, named=True)
        assert (failed["run_status"], failed["run_failure"]) == (
            "failed",
            "ValueError: the cause, in two lines",
        )
        assert runs.steps(con, failed["run_id"])["is_success"].to_list() == [True, False]
        runs.begin(con, "killed", NIGHT, failed["began_at"], "", "")
    run(tmp_path, [], nothing)
    with warehouse(tmp_path / "w.duckdb") as con:
        ended = dict(runs.latest_runs(con, 3).select("run_id", "run_status").iter_rows())
    assert sorted(ended.values()) == ["degraded", "failed", "killed"]
    assert ended["killed"] == "killed"


def test_the_published_file_tells_of_runs_but_not_why_they_failed(published: Path) -> None:
    with duckdb.connect(published, read_only=True) as con:
        columns = [name for name, *_ in con.execute("describe runs").fetchall()]
    assert "run_status" in columns
    assert "run_failure" not in columns  # it may name an address


def test_an_end_without_words_is_named(prefect_here, tmp_path: Path, capfd) -> None:
    def end(_: int) -> None:
        raise MemoryError

    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "tocsin.jsonl").symlink_to("/dev/full")  # no line can be logged
    with pytest.raises(MemoryError):
        run(tmp_path, [("end", end, 1)], lambda _: None)
    with warehouse(tmp_path / "w.duckdb") as con:
        assert runs.latest_runs(con, 1)["run_failure"].to_list() == ["MemoryError"]
    assert "Logging error" not in capfd.readouterr().err


BEFORE_12 = """
drop macro main.in_force;
alter table ops.notification rename column subject_key to about;
alter table ops.notification rename to told;
insert into ops.told values ('m', 'MLI.sikasso', 'alarm');
delete from main.migration where number >= 12
"""


def older(path: Path) -> None:
    """A working file as the migration before the last left it, with what a mail told."""
    with warehouse(path) as con:
        con.execute(BEFORE_12)


def migrations(path: Path) -> int:
    with duckdb.connect(path, read_only=True) as con:
        return con.execute("select max(number) from main.migration").fetchall()[0][0]


def test_a_file_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    path, copy = tmp_path / "w.duckdb", tmp_path / "w.of-migration-11.duckdb"
    (tmp_path / "w.of-migration-3.duckdb").write_text("of an upgrade before")
    older(path)
    another = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    with warehouse(path) as con:  # and the lock on the file was not given up by reading it
        run = subprocess.run([sys.executable, "-c", another, path], capture_output=True, text=True)
        notifications = con.execute("select subject_key, level from ops.notification").fetchall()
    assert notifications == [("MLI.sikasso", "alarm")]
    assert "Conflicting lock is held" in run.stderr
    assert (migrations(path), migrations(copy)) == (15, 11)
    assert sorted(tmp_path.glob("w.of-migration-*")) == [copy]


def test_a_file_that_cannot_be_copied_is_not_migrated(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "w.duckdb"
    older(path)

    fake = tmp_path / "bin" / "cp"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho a part > "$3"\necho No space left on device >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")
    says = r"No space left.*make room.*nothing was changed"
    with pytest.raises(WarehouseError, match=says), warehouse(path):
        pass
    assert migrations(path) == 11
    assert not list(tmp_path.glob("*.part"))
