"""A lost or damaged working file, built anew from what landed and what was published."""

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl

from warehouse.connect import warehouse
from warehouse.history import catch_up, transaction
from warehouse.publish import PUBLISHED_MARTS
from warehouse.sources import SOURCES

REBUILT = ("batch", "quarantine")  # with the history, from the log of what landed
FROM_COPY = {"ops.night": "from nights", "ops.scorecard": "from scorecard"}
# A copy was written by a run that had not ended then; how it did is not known.
RUNS_FROM_COPY = {
    "ops.run": "from runs where run_status <> 'running'",
    "ops.run_step": "from run_steps",
}


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        set_aside: Where the damaged file lies now; None: there was none.
        deliveries: How many were merged anew from landed bytes.
        nights: How many nights' tables were restored.
        copy: The published copy they came from; None: they could be read in the damaged file.
        last_night: The last of them.
        lost: Tables that could be read nowhere.
    """

    set_aside: Path | None
    deliveries: int
    nights: int
    copy: Path | None
    last_night: date | None
    lost: list[str]


def is_sound(path: Path) -> bool:
    """Whether the working file is there and every row of it can be read."""
    if not path.exists():
        return False
    with _read_only(path) as con:
        return con is not None and all(_rows(path, name) is not None for name in _tables(con))


def repair(path: Path, landing: Path, published: Path) -> Repaired:
    """Build the working file anew beside the old one, which is set aside and not deleted.

    History comes from the log of what landed; the rest from what can be read of the old
    file, else from the published copy that tells of most nights. Killed, it is run again.

    Args:
        path: The working file.
        landing: Landing folder.
        published: Folder of published copies.

    Raises:
        SourceError: Landed bytes are missing or were changed.
        WarehouseError: The folder cannot be written.
    """
    part = path.with_name(f"{path.stem}.rebuilt.duckdb")
    for left in (part, _log(part)):
        left.unlink(missing_ok=True)
    with warehouse(part) as con:
        for source in SOURCES:
            catch_up(con, source, landing)
        lost, copy = _restore(con, path, published)
        told = con.execute("select count(*), max(as_of_date) from ops.night").fetchall()[0]
        merged = con.execute("select count(*) from ops.batch").fetchall()[0][0]
    aside = None
    if path.exists():
        aside = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}.duckdb")
        if _log(path).exists():
            os.replace(_log(path), _log(aside))
        os.replace(path, aside)
    _log(path).unlink(missing_ok=True)
    os.replace(part, path)
    return Repaired(aside, merged, told[0], copy, told[1], lost)


def _restore(
    con: duckdb.DuckDBPyConnection, old: Path, published: Path
) -> tuple[list[str], Path | None]:
    """Fill what is not history; what was lost, and the copy that was needed."""
    with _read_only(old) as held:
        names = _tables(held) if held else []
    wanted = {f"ops.{name}" for (name,) in con.execute(
        "select table_name from duckdb_tables() where schema_name = 'ops'"
    ).fetchall() if name not in REBUILT}  # fmt: skip
    wanted |= {name for name in names if name.startswith(("mart.", "ops."))}
    wanted -= {f"ops.{name}" for name in REBUILT}
    found = {name: _rows(old, name) for name in wanted if name in names}
    nights = {*FROM_COPY, *(f"mart.{mart}" for mart in PUBLISHED_MARTS)}
    copy = None
    if any(found.get(name) is None for name in nights):  # of one moment: all or none of the copy
        copy = _fullest(published)
        told = _published(copy) if copy else dict.fromkeys(nights)
        found |= {n: f for n, f in told.items() if n in nights or found.get(n) is None}
    with transaction(con):
        for name, frame in sorted(found.items()):
            if frame is not None:
                con.register("frame", frame)
                con.execute(f"create table if not exists {name} as from frame limit 0")
                con.execute(f"insert into {name} by name from frame")
                con.unregister("frame")
    return sorted(name for name in wanted | nights if found.get(name) is None), copy


def _published(copy: Path) -> dict[str, pl.DataFrame | None]:
    """Tables of the working file as a published copy tells them; None: an older copy lacks it."""
    past = "select *, null::date as night_to"
    marts = {
        f"mart.{mart}": f"from ({past} from {name}) union all by name from past_{name}"
        for mart, (name, _) in PUBLISHED_MARTS.items()
    }
    asked = FROM_COPY | RUNS_FROM_COPY | marts
    told: dict[str, pl.DataFrame | None] = {}
    with duckdb.connect(copy, read_only=True) as con:
        for name, query in asked.items():
            try:
                told[name] = con.execute(query).pl()
            except duckdb.CatalogException:
                told[name] = None
    return told


def _fullest(folder: Path) -> Path | None:
    """The published copy with the latest night, the newest of these."""
    found: list[tuple[date, int, Path]] = []
    for path in folder.glob("*.duckdb"):
        with _read_only(path) as con:
            night = None
            if con is not None:
                night = con.execute("select max(as_of_date) from nights").fetchall()[0][0]
            if night is not None:
                found.append((night, path.stat().st_mtime_ns, path))
    return max(found)[2] if found else None


class _read_only:  # noqa: N801 (reads as a statement)
    """A connection that only reads; None if the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.con: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> duckdb.DuckDBPyConnection | None:
        if self.path.exists():
            try:
                self.con = duckdb.connect(self.path, read_only=True)
            except duckdb.Error:
                return None
        return self.con

    def __exit__(self, *_: object) -> None:
        if self.con is not None:
            self.con.close()


def _tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        name
        for (name,) in con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
    ]


def _rows(path: Path, table: str) -> pl.DataFrame | None:
    """A table as a frame, opened alone since a bad block closes a database; None: unreadable."""
    with _read_only(path) as con:
        try:
            return con.execute(f"from {table}").pl() if con else None
        except duckdb.Error:
            return None


def _log(path: Path) -> Path:
    """DuckDB's log of what is not yet in the file."""
    return path.with_name(f"{path.name}.wal")
