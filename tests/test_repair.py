"""A working file that is lost or damaged comes back, and what does not is said."""

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from config.settings import Settings, Smtp
from conftest import FOUNDING
from flows.cli import operate
from flows.nightly import nightly
from warehouse.connect import BusyError, WarehouseError, warehouse
from warehouse.repair import is_sound, repair


def tables(con: duckdb.DuckDBPyConnection) -> dict[str, tuple]:
    """Rows and digest of every stored table, columns by name."""
    names = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name <> 'core' and not temporary order by 1"
    ).fetchall()
    digests = {}
    for (name,) in names:
        columns = sorted(column for column, *_ in con.execute(f"describe {name}").fetchall())
        listed = ", ".join(f'"{column}"' for column in columns)
        counted = con.execute(f"select count(*), sum(hash(({listed}))) from {name}").fetchone()
        digests[name] = (columns, counted)
    return digests


@pytest.fixture
def damaged(two_nights: Path, landing, tmp_path: Path) -> Path:
    """A data folder after two nights and one mail, to be damaged."""
    shutil.copy(two_nights / "warehouse.duckdb", tmp_path)
    shutil.copytree(landing, tmp_path / "landing")
    shutil.copytree(two_nights / "published", tmp_path / "published")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as con:
        con.execute(
            "insert into ops.outbox (message_id, recipient, as_of_date, subject, content_sha256, "
            "status, via, detail, queued_at, finished_at) "
            "values ('<1@x>', 'a@example.org', '2021-06-25', 's', 'd', "
            "'sent', 'smtp', null, '2021-06-25 22:00', '2021-06-25 22:00')"
        )
    return tmp_path / "warehouse.duckdb"


def mended(path: Path):
    return repair(path, path.parent / "landing", path.parent / "published")


def test_a_file_that_is_gone_is_rebuilt_from_what_landed_and_was_published(
    damaged: Path, working, prefect_here
) -> None:
    damaged.unlink()
    settings = Settings(data_folder=damaged.parent)
    with pytest.raises(WarehouseError, match="'tocsin repair' builds it anew"):
        nightly(FOUNDING, settings, Smtp(), lambda *_: None)
    done = mended(damaged)
    assert (done.set_aside, done.deliveries) == (None, 9)
    assert (done.nights, done.last_night) == (2, FOUNDING)
    assert done.copy is not None
    assert done.lost_tables == [
        "ops.fetch",
        "ops.mute",
        "ops.notification",
        "ops.outbox",
        "ops.parked",
    ]
    with warehouse(damaged) as con:
        assert tables(con) == tables(working)
    assert is_sound(damaged)


def test_what_can_be_read_of_a_damaged_file_is_kept(damaged: Path, working) -> None:
    assert is_sound(damaged)
    with duckdb.connect(damaged, read_only=True) as con:
        block = con.execute(
            "select min(block_id) from pragma_storage_info('mart.indicator') "
            "where column_name = 'value' and block_id >= 0"
        ).fetchone()[0]
    size = 16_384
    with damaged.open("r+b") as file:  # in a block of the largest table
        file.seek(3 * 4096 + block * size + size // 2)
        file.write(b"\xff" * 512)
    assert not is_sound(damaged)
    done = mended(damaged)
    assert done.copy is not None
    assert (done.nights, done.lost_tables) == (2, [])
    with warehouse(damaged) as con:
        tables_of_copy = tables(con)
        assert con.execute("select message_id, status from ops.outbox").fetchall() == [
            ("<1@x>", "sent")
        ]
    expected = tables(working)
    assert {n: t for n, t in tables_of_copy.items() if n != "ops.outbox"} == {
        n: t for n, t in expected.items() if n != "ops.outbox"
    }
    assert done.set_aside is not None
    assert done.set_aside.stat().st_size > 0


def test_without_a_published_copy_the_nights_are_lost_and_said(damaged: Path) -> None:
    damaged.write_bytes(b"no database")
    shutil.rmtree(damaged.parent / "published")
    done = mended(damaged)
    assert (done.nights, done.last_night, done.copy) == (0, None, None)
    assert {"mart.flag", "ops.night", "ops.outbox"} <= {*done.lost_tables}
    with warehouse(damaged) as con:
        events = con.execute("select count(*) from history.ucdp_ged where known_to is null")
        assert events.fetchone() == (4022,)
        last = con.execute("select max(date_end) from history.ucdp_ged").fetchone()
        assert last == (date(2022, 12, 31),)


def test_a_file_of_before_runs_were_kept_keeps_its_nights_and_what_mails_told(
    damaged: Path,
) -> None:
    shutil.rmtree(damaged.parent / "published")
    with duckdb.connect(damaged) as con:
        con.execute("drop table ops.run; drop table ops.run_step")
        con.execute("alter table ops.notification rename column subject_key to about")
        con.execute("alter table ops.notification rename to told")
        con.execute("insert into ops.told values ('<1@x>', 'MLI.sikasso', 'alarm')")
    done = mended(damaged)
    assert (done.nights, done.copy) == (2, None)
    assert done.lost_tables == ["ops.run", "ops.run_step"]
    with warehouse(damaged) as con:
        notifications = con.execute("select subject_key, level from ops.notification").fetchall()
    assert notifications == [("MLI.sikasso", "alarm")]


HOLD = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print(flush=True); input()"
KILLED = """
import duckdb, os, signal, sys
con = duckdb.connect(sys.argv[1])
con.execute("set checkpoint_threshold = '1GB'")
con.execute("insert into ops.mute values ('MLI.kidal', '2021-07-01', 'a', 'b', '2021-06-25')")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_that_is_only_held_is_left_alone(damaged: Path) -> None:
    before = {path: path.read_bytes() for path in damaged.parent.iterdir() if path.is_file()}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(damaged)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        holder.stdout.readline()
        for asked in (is_sound, mended):
            with pytest.raises(BusyError, match=rf"process {holder.pid} \(python\S*\) holds"):
                asked(damaged)
        holder.communicate("\n")
    assert BusyError.exit_code == 4
    after = {path: path.read_bytes() for path in damaged.parent.iterdir() if path.is_file()}
    assert {path for path in after if "rebuilt" not in path.name} == {*before}
    assert all(after[path] == content for path, content in before.items())
    assert is_sound(damaged)


def test_what_only_the_log_holds_is_kept_and_a_broken_log_costs_only_itself(damaged: Path) -> None:
    log = damaged.with_name(f"{damaged.name}.wal")
    subprocess.run([sys.executable, "-c", KILLED, str(damaged)], check=False)
    log_before = log.read_bytes()
    done = mended(damaged)  # as with --force: the file is sound
    assert (done.lost_tables, done.is_log_lost) == ([], False)
    with duckdb.connect(damaged, read_only=True) as con:
        assert con.execute("select region_id from ops.mute").fetchall() == [("MLI.kidal",)]
    content = bytearray(log_before)
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    assert not is_sound(damaged)
    done = mended(damaged)
    assert (done.lost_tables, done.is_log_lost, done.nights) == ([], True, 2)
    with duckdb.connect(damaged, read_only=True) as con:
        assert con.execute("select message_id from ops.outbox").fetchall() == [("<1@x>",)]
        assert con.execute("select region_id from ops.mute").fetchall() == [("MLI.kidal",)]
    assert not log.exists()
    assert not list(damaged.parent.glob("*without-log*"))


def test_changes_of_others_beside_a_copy_are_not_restored(damaged: Path) -> None:
    for copy in (damaged.parent / "published").glob("*.duckdb"):
        change = KILLED.replace("insert into ops.mute values ('MLI.kidal', '2021-07-01', 'a', 'b', "
                                "'2021-06-25')", "update flags set level = 'none'")  # fmt: skip
        subprocess.run([sys.executable, "-c", change, str(copy)], check=False)
        assert copy.with_name(f"{copy.name}.wal").exists()
    damaged.unlink()
    mended(damaged)
    with duckdb.connect(damaged, read_only=True) as con:
        flagged = con.execute("select count(*) from mart.flag where level <> 'none'").fetchone()
    assert flagged > (0,)


def test_a_mistyped_folder_is_not_filled_with_an_empty_file(tmp_path: Path, monkeypatch) -> None:
    for folder in (tmp_path / "mistyped", tmp_path):  # not there, nothing in it
        monkeypatch.setenv("TOCSIN_DATA_FOLDER", str(folder))
        for force in (False, True):
            with pytest.raises(WarehouseError) as refused:
                operate.repair(force)
            assert str(refused.value) == (
                f"there is nothing to repair in {folder}: no working file, nothing that landed or "
                "was published; set TOCSIN_DATA_FOLDER to the folder of your nights"
            )
    assert not any(tmp_path.iterdir())
