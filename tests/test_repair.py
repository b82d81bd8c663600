"""A working file that is lost or damaged comes back, and what does not is said."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from config.settings import Settings, Smtp
from conftest import FOUNDING
from flows.nightly import nightly
from warehouse.connect import WarehouseError, warehouse
from warehouse.publish import publish
from warehouse.repair import is_sound, repair


def tables(con: duckdb.DuckDBPyConnection) -> dict[str, tuple]:
    """Rows and digest of every stored table, columns by name."""
    names = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name <> 'core' and not temporary order by 1"
    ).fetchall()
    found = {}
    for (name,) in names:
        columns = sorted(column for column, *_ in con.execute(f"describe {name}").fetchall())
        listed = ", ".join(f'"{column}"' for column in columns)
        counted = con.execute(f"select count(*), sum(hash(({listed}))) from {name}").fetchone()
        found[name] = (columns, counted)
    return found


@pytest.fixture
def damaged(working, landing, tmp_path: Path) -> Path:
    """A data folder after two nights and one mail, to be damaged."""
    working.execute("checkpoint")
    ((path,),) = working.execute(
        "select path from duckdb_databases() where database_name = 'warehouse'"
    ).fetchall()
    shutil.copy(path, tmp_path / "warehouse.duckdb")
    shutil.copytree(landing, tmp_path / "landing")
    publish(working, tmp_path / "published" / "tocsin.duckdb", FOUNDING, copies=2)
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
    assert (done.set_aside, done.deliveries) == (None, 8)
    assert (done.nights, done.last_night) == (2, FOUNDING)
    assert done.copy is not None
    assert done.lost == ["ops.fetch", "ops.mute", "ops.outbox", "ops.parked", "ops.told"]
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
    assert (done.nights, done.lost) == (2, [])
    with warehouse(damaged) as con:
        found = tables(con)
        assert con.execute("select message_id, status from ops.outbox").fetchall() == [
            ("<1@x>", "sent")
        ]
    expected = tables(working)
    assert {n: t for n, t in found.items() if n != "ops.outbox"} == {
        n: t for n, t in expected.items() if n != "ops.outbox"
    }
    assert done.set_aside is not None
    assert done.set_aside.stat().st_size > 0


def test_without_a_published_copy_the_nights_are_lost_and_said(damaged: Path) -> None:
    damaged.write_bytes(b"no database")
    shutil.rmtree(damaged.parent / "published")
    done = mended(damaged)
    assert (done.nights, done.last_night, done.copy) == (0, None, None)
    assert {"mart.flag", "ops.night", "ops.outbox"} <= {*done.lost}
    with warehouse(damaged) as con:
        events = con.execute("select count(*) from history.ucdp_ged where known_to is null")
        assert events.fetchone() == (4022,)
        last = con.execute("select max(date_end) from history.ucdp_ged").fetchone()
        assert last == (date(2022, 12, 31),)


def test_a_file_of_before_runs_were_kept_keeps_its_nights(damaged: Path) -> None:
    shutil.rmtree(damaged.parent / "published")
    with duckdb.connect(damaged) as con:
        con.execute("drop table ops.run; drop table ops.run_step")
    done = mended(damaged)
    assert (done.nights, done.copy) == (2, None)
    assert done.lost == ["ops.run", "ops.run_step"]
