"""A lost or damaged working file, built anew from what landed and what was published."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl

from config.files import link_or_copy, sync
from warehouse.connect import (
    DamagedError,
    WarehouseError,
    log_beside,
    opening_error,
    take_log_away,
    warehouse,
)
from warehouse.history import catch_up, transaction
from warehouse.publish import LEVEL_RANK, PUBLISHED_MARTS
from warehouse.sources import SOURCES

REBUILT = ("batch", "quarantine")  # with the history, from the log of what landed
FROM_COPY = {"ops.night": "from nights", "ops.scorecard": "from scorecard"}
RENAMED = {"ops.told": ("ops.notification", {"about": "subject_key"})}  # since migration 12
# A copy was written by a run that had not ended then; how it did is not known.
RUNS_FROM_COPY = {
    "ops.run": "from runs where run_status <> 'running'",
    "ops.run_step": "from run_steps",
}


@dataclass(frozen=True)
class RepairReport:
    """What a repair restored and lost.

    Attributes:
        set_aside: Where the damaged file lies now; None: there was none.
        deliveries: How many were merged anew from landed bytes.
        nights: How many nights' tables were restored.
        copy: The published copy they came from; None: they could be read in the damaged file.
        last_night: The last of them.
        lost: Tables that could be read nowhere.
        is_log_lost: Whether the newest changes, in a log that could not be read, are lost.
    """

    set_aside: Path | None
    deliveries: int
    nights: int
    copy: Path | None
    last_night: date | None
    lost_tables: list[str]
    is_log_lost: bool = False


def check_traces(path: Path, landing: Path, published_folder: Path) -> None:
    """See that there is a working file or something to build it from; nothing is written.

    Raises:
        WarehouseError: There is nothing: the folder is another than was meant.
    """
    if not any(trace.exists() for trace in (path, landing, published_folder)):
        raise WarehouseError(
            f"there is nothing to repair in {path.parent}: no working file, nothing that landed "
            "or was published; set TOCSIN_DATA_FOLDER to the folder of your nights"
        )


def is_sound(path: Path) -> bool:
    """Whether the working file is there and every row of it can be read.

    Raises:
        BusyError: Another process holds it.
        WarehouseError: It is whole as far as can be seen, but not ours to read, or newer.
    """
    if not path.exists():
        return False
    with _read_only(path) as con:
        names = _tables(con) if con else None
        return names is not None and all(_frame(con, path, name) is not None for name in names)


def repair(path: Path, landing: Path, published_folder: Path) -> RepairReport:
    """Build the working file anew beside the old one, which is set aside and not deleted.

    History comes from the log of what landed; the rest from what can be read of the old
    file, else from the published copy that tells of most nights. Killed, it is run again.

    Args:
        path: The working file.
        landing: Landing folder.
        published_folder: Folder of published copies.

    Raises:
        SourceError: Landed bytes are missing or were changed.
        BusyError: Another process holds the file; nothing was changed.
        WarehouseError: The folder cannot be written, or the file is whole but newer or not
            ours to read; nothing was changed.
    """
    part = path.with_name(f"{path.stem}.rebuilt.duckdb")
    for leftover in (part, log_beside(part)):
        leftover.unlink(missing_ok=True)
    old, is_log_lost = _readable(path)
    with warehouse(part) as con:
        for source in SOURCES:
            catch_up(con, source, landing)
        lost_tables, copy = _restore(con, old, published_folder)
        nights = con.execute("select count(*), max(as_of_date) from ops.night").fetchall()[0]
        merged_count = con.execute("select count(*) from ops.batch").fetchall()[0][0]
    if old != path:
        old.unlink()
    aside = None
    if path.exists():
        aside = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}.duckdb")
        if log_beside(path).exists():
            os.replace(log_beside(path), log_beside(aside))
        os.replace(path, aside)
    log_beside(path).unlink(missing_ok=True)
    os.replace(part, path)
    sync(path.parent)
    return RepairReport(aside, merged_count, nights[0], copy, nights[1], lost_tables, is_log_lost)


def _readable(path: Path) -> tuple[Path, bool]:
    """Where the old file can be read, and whether without its log, which may be what is damaged.

    Raises:
        WarehouseError: It is not damaged but held, newer or not ours to read.
    """
    if not path.is_file() or not log_beside(path).exists():
        with _read_only(path):
            return path, False
    with _read_only(path) as con:
        if con is not None:
            return path, False
    alone = path.with_name(f"{path.stem}.without-log.duckdb")
    for leftover in (alone, log_beside(alone)):
        leftover.unlink(missing_ok=True)
    link_or_copy(path, alone)
    return alone, True


def _restore(
    con: duckdb.DuckDBPyConnection, old: Path, published_folder: Path
) -> tuple[list[str], Path | None]:
    """Fill all but the history; returns tables that are lost, and the copy that was needed."""
    with _read_only(old) as readable:
        names = _tables(readable) if readable else None
    names = names or []
    expected_tables = {f"ops.{name}" for (name,) in con.execute(
        "select table_name from duckdb_tables() where schema_name = 'ops'"
    ).fetchall() if name not in REBUILT}  # fmt: skip
    tables_to_copy = {name for name in names if name.startswith(("mart.", "ops."))}
    tables_to_copy -= {f"ops.{name}" for name in REBUILT}
    rows: dict[str, pl.DataFrame | None] = {}
    for name in tables_to_copy:
        now, columns = RENAMED.get(name, (name, {}))
        frame = _rows(old, name)
        rows[now] = frame if frame is None else frame.rename(columns)
    expected_tables |= rows.keys()
    nights = {*FROM_COPY, *(f"mart.{mart}" for mart in PUBLISHED_MARTS)}
    copy = None
    if any(rows.get(name) is None for name in nights):  # of one moment: all or none of the copy
        copy = _most_complete_copy(published_folder)
        copied = _published(copy) if copy else dict.fromkeys(nights)
        rows |= {n: f for n, f in copied.items() if n in nights or rows.get(n) is None}
    with transaction(con):
        for name, frame in sorted(rows.items()):
            if frame is not None:
                con.register("frame", frame)
                con.execute(f"create table if not exists {name} as from frame limit 0")
                con.execute(f"insert into {name} by name from frame")
                con.unregister("frame")
    return sorted(name for name in expected_tables | nights if rows.get(name) is None), copy


def _published(copy: Path) -> dict[str, pl.DataFrame | None]:
    """Tables of the working file as a published copy has them; None: an older copy lacks it."""
    past = "select *, null::date as night_to"
    marts = {
        f"mart.{mart}": f"from ({past} from {name}) union all by name from past_{name}"
        for mart, (name, _) in PUBLISHED_MARTS.items()
    }
    queries = FROM_COPY | RUNS_FROM_COPY | marts
    frames: dict[str, pl.DataFrame | None] = {}
    with duckdb.connect(copy, read_only=True) as con:
        for name, query in queries.items():
            try:
                frames[name] = con.execute(query).pl().drop(LEVEL_RANK, strict=False)
            except duckdb.CatalogException:
                frames[name] = None
    return frames


def _most_complete_copy(folder: Path) -> Path | None:
    """The published copy with the latest night, the newest of these; damaged ones are passed."""
    copies: list[tuple[date, int, Path]] = []
    for path in folder.glob("*.duckdb"):
        take_log_away(path)
        try:
            with _read_only(path) as con:
                query = "select max(as_of_date) from nights where as_of_date <= current_date"
                night = con.execute(query).fetchall()[0][0] if con else None
        except (WarehouseError, duckdb.Error):  # held by a reader who writes, or damaged
            continue
        if night is not None:
            copies.append((night, path.stat().st_mtime_ns, path))
    return max(copies)[2] if copies else None


@contextmanager
def _read_only(path: Path) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection that only reads; None: there is no file, or it is damaged.

    Raises:
        WarehouseError: The file is held by another process, newer, or not ours to read.
    """
    try:
        con = duckdb.connect(path, read_only=True) if path.exists() else None
    except duckdb.Error as error:
        cause = opening_error(path, error)
        if not isinstance(cause, DamagedError):
            raise cause from None
        con = None
    try:
        yield con
    finally:
        if con is not None:
            con.close()


def _tables(con: duckdb.DuckDBPyConnection) -> list[str] | None:
    """Names of the stored tables; None: they cannot be read."""
    query = "select schema_name || '.' || table_name from duckdb_tables() order by 1"
    try:
        return [name for (name,) in con.execute(query).fetchall()]
    except duckdb.Error:
        return None


def _rows(path: Path, table: str) -> pl.DataFrame | None:
    """A table as a frame, opened alone since a bad block closes a database; None: unreadable."""
    with _read_only(path) as con:
        return _frame(con, path, table)


def _frame(con: duckdb.DuckDBPyConnection | None, path: Path, table: str) -> pl.DataFrame | None:
    try:
        return con.execute(f"from {table}").pl() if con else None
    except duckdb.Error as error:
        cause = opening_error(path, error)
        if not isinstance(cause, DamagedError):
            raise cause from None
        return None
