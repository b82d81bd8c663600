"""The published file: what past nights told, and a reader who never sees it half-written."""

import errno
import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.connect import (
    BusyError,
    DamagedError,
    WarehouseError,
    migrate,
    open_published,
    warehouse,
)
from warehouse.core import build_core
from warehouse.marts import write_marts
from warehouse.publish import publish
from warehouse.verify import content

FIRST = date(2021, 6, 25)
contents = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 1), max_size=3)


def flags(values: dict[str, int]) -> pl.DataFrame:
    schema = {"region_id": pl.String, "level": pl.Int64}
    return pl.DataFrame(list(values.items()), schema=schema, orient="row")


@given(st.lists(st.tuples(st.integers(0, 6), contents), min_size=1, max_size=8))
@settings(max_examples=60)
def test_every_night_tells_what_it_told_whatever_the_order_of_nights(nights) -> None:
    with duckdb.connect() as con:
        migrate(con)
        model = {}
        for number, values in nights:
            night = FIRST + timedelta(days=number)
            model[night] = values
            write_marts(con, night, {"flag": flags(values)})
        for number in range(8):
            day = FIRST + timedelta(days=number)
            last = max((night for night in model if night <= day), default=None)
            rows = con.execute(
                "select region_id, level from mart.flag "
                "where night_from <= $day and (night_to is null or night_to > $day)",
                {"day": day},
            ).fetchall()
            assert len(rows) == len(dict(rows))
            assert dict(rows) == (model[last] if last else {})


@pytest.fixture(scope="module")
def lean(two_nights: Path, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A working file of two nights with series of two years alone, soon published."""
    path = tmp_path_factory.mktemp("lean") / "warehouse.duckdb"
    shutil.copyfile(two_nights / path.name, path)
    with warehouse(path) as con:
        con.execute("delete from mart.indicator where month_start < '2019-06-01'")
        build_core(con, FIRST)
        yield con


def ask(path: Path, question: str) -> list[tuple]:
    with duckdb.connect(path, read_only=True) as con:
        return con.execute(question).fetchall()


def test_as_of_in_the_published_file(published: Path) -> None:
    sikasso = "where region_id = 'MLI.sikasso'"
    assert ask(published, f"select level from flags_as_of('2021-06-05') {sikasso}") == [("watch",)]
    assert ask(published, f"select level from flags_as_of('2021-06-24') {sikasso}") == [("watch",)]
    assert ask(published, f"select level from flags_as_of('2021-06-25') {sikasso}") == [
        ("warning",)
    ]
    assert ask(published, "select count(*) from flags_as_of('2021-06-04')") == [(0,)]
    may = (
        "select value from indicator_as_of('events_count', '{}') "
        "where place_id = 'MLI.sikasso' and month_start = '2021-05-01'"
    )
    assert ask(published, may.format("2021-06-05")) == []
    assert ask(published, may.format("2021-06-25")) == [(1.0,)]
    attack = "select deaths_best_count from events_as_of('{}') where event_id = 'ucdp_ged:400798'"
    assert ask(published, attack.format("2021-06-19")) == []
    assert ask(published, attack.format("2021-06-20")) == [(5,)]
    assert ask(published, "select * from events_as_of('2021-06-25') anti join events "
                          "using (event_id)") == []  # fmt: skip


def test_events_say_whether_they_may_be_passed_on(published: Path) -> None:
    question = "select licence, is_republishable, count(*) from events_with_licence group by all"
    (events,) = ask(published, "select count(*) from events")[0]
    assert ask(published, question) == [("CC BY 4.0", True, events)]


def test_a_changed_event_is_told_in_both_versions(lean, tmp_path: Path) -> None:
    later = date(2024, 7, 1)
    build_core(lean, later)
    path = tmp_path / "tocsin.duckdb"
    publish(lean, path, later, copies=1)
    build_core(lean, FIRST)
    deaths = "select deaths_best_count from events_as_of('{}') where event_id = 'ucdp_ged:42710'"
    assert ask(path, deaths.format("2024-06-29")) == [(3,)]
    assert ask(path, deaths.format("2024-06-30")) == [(40,)]
    past = "select deaths_best_count, known_to::date from past_events where event_id = '{}'"
    assert ask(path, past.format("ucdp_ged:42710")) == [(3, date(2024, 6, 30))]


def test_same_rows_leave_the_file_alone_and_copies_are_listed(working, published: Path) -> None:
    before = published.stat().st_mtime_ns
    publish(working, published, FIRST, copies=2)
    assert published.stat().st_mtime_ns == before
    manifest = json.loads((published.parent / "manifest.json").read_text())
    assert manifest.keys() == {"tocsin.duckdb", "tocsin-2021-06-25.duckdb"}
    assert manifest["tocsin.duckdb"]["as_of_date"] == "2021-06-25"
    assert manifest["tocsin.duckdb"]["content"] == json.loads(json.dumps(content(published)))


@pytest.mark.parametrize("fault", ["cut", "rows missing"])
def test_a_file_that_does_not_verify_is_not_put_in_place(
    lean, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    path = tmp_path / "tocsin.duckdb"
    shutil.copy(published, path)
    before = path.read_bytes()
    spoil = {
        "cut": "import sys; open(sys.argv[1], 'r+b').truncate(9000)",
        "rows missing": "import sys, duckdb\nwith duckdb.connect(sys.argv[1]) as c:"
        "\n    c.execute('delete from coups')",
    }[fault]
    verify = f"{spoil}\nimport runpy; runpy.run_module('warehouse.verify', run_name='__main__')"
    monkeypatch.setattr("warehouse.publish.VERIFY", [sys.executable, "-c", verify])
    with pytest.raises(WarehouseError, match="the last published file is untouched"):
        publish(lean, path, FIRST, copies=1)
    assert path.read_bytes() == before


def test_a_reader_in_another_process_neither_blocks_nor_breaks(
    lean, published: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tocsin.duckdb"
    shutil.copy(published, path)
    reader = textwrap.dedent("""
        import duckdb, select, sys
        con = duckdb.connect(sys.argv[1], read_only=True)
        scan = "select count(*), sum(hash(value)) from indicators"
        first, scans = con.execute(scan).fetchone(), 0
        print("open", flush=True)
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            assert con.execute(scan).fetchone() == first
            scans += 1
        con.close()
        con = duckdb.connect(sys.argv[1], read_only=True)
        print(scans, con.execute("select max(as_of_date) from nights").fetchone()[0])
    """)
    with subprocess.Popen(
        [sys.executable, "-c", reader, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "open\n"
        for number in range(1, 3):
            night = FIRST + timedelta(days=number)
            lean.execute("insert into ops.night values ($night)", {"night": night})
            publish(lean, path, night, copies=1)
        out, err = process.communicate("\n", timeout=60)
    lean.execute("delete from ops.night where as_of_date > $first", {"first": FIRST})
    assert err == ""
    scans, newest = out.split()
    assert int(scans) > 3
    assert newest == "2021-06-27"


KILLED = """
import duckdb, os, signal, sys
con = duckdb.connect(sys.argv[1])
con.execute("set checkpoint_threshold = '1GB'")
con.execute("update flags set level = 'none'")
os.kill(os.getpid(), signal.SIGKILL)
"""


def levels(path: Path) -> set[str]:
    return {level for (level,) in ask(path, "select distinct level from flags")}


def test_changes_of_others_beside_published_files_are_taken_away(
    lean, published: Path, tmp_path: Path, capsys, warnings_shown
) -> None:
    """DuckDB would replay them on the new file: every region none, whatever the night says."""
    path = tmp_path / "tocsin.duckdb"
    copy = tmp_path / "tocsin-2021-06-25.duckdb"
    for file in (path, copy):
        shutil.copy(published, file)
        subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
        assert file.with_name(f"{file.name}.wal").exists()
    assert levels(path) == {"none"}  # so a reader is told without us
    with open_published(path) as con:
        assert con.execute("select count(*) from flags where level <> 'none'").fetchone() > (0,)
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    publish(lean, path, FIRST, copies=2)
    for file in (path, copy):
        assert {"none", "warning"} <= levels(file)
    assert not list(tmp_path.glob("*.wal"))
    assert len(list(tmp_path.glob("*.wal.aside-*"))) == 3
    assert capsys.readouterr().err.count("holds changes that another program made") == 3
    before = path.stat().st_mtime_ns
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    publish(lean, path, FIRST, copies=2)  # which would say the same, and is not written again
    assert path.stat().st_mtime_ns == before
    assert {"none", "warning"} <= levels(path)


def test_a_published_file_that_was_changed_is_written_anew(lean, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.duckdb"
    publish(lean, path, FIRST, copies=2)
    with duckdb.connect(path) as con:  # and closed well, so that no changes lie beside it
        con.execute("update flags set level = 'none'")
    assert levels(path) == {"none"}
    shutil.copy(path, path.with_name(f".{path.name}.part"))  # a run was killed here
    publish(lean, path, FIRST, copies=2)
    assert {"none", "warning"} <= levels(path)


def test_a_file_that_is_held_says_by_whom(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.duckdb"
    shutil.copy(published, path)
    hold = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holds:  # fmt: skip
        assert holds.stdout is not None
        holds.stdout.readline()
        with pytest.raises(BusyError, match=rf"process {holds.pid} \(python\S*\) holds {path}"):
            open_published(path).__enter__()
        holds.communicate("\n")
    path.write_bytes(b"no database")
    with pytest.raises(DamagedError, match="delete it and run again; past nights stand in the cop"):
        open_published(path).__enter__()


def test_a_disk_without_hard_links_gets_a_copy(lean, tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("config.files.os.link", refuse)
    publish(lean, tmp_path / "tocsin.duckdb", FIRST, copies=2)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["manifest.json", "tocsin-2021-06-25.duckdb", "tocsin.duckdb"]
    first, second = (tmp_path / name for name in names[1:])
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_ino != second.stat().st_ino
