"""The file analysts open: written aside, commented, put in place in one step."""

import os
from datetime import date
from pathlib import Path

import duckdb

from config.registry import columns
from warehouse.connect import WarehouseError

# published name -> (table of the working file, what one row is)
PUBLISHED = {
    "events": ("core.event", "one event of organised violence, placed in a region"),
    "regions": ("core.region", "one admin-1 region with polygon and residents"),
    "administrator_presence": ("core.presence", "one figure and region it covers"),
    "suspensions": ("core.suspension", "one spell of a suspended cooperation or sanction"),
    "coups": ("core.coup", "one coup or attempt"),
    "register_entries": ("core.register_entry", "one milestone or agreement"),
    "indicators": ("mart.indicator", "one indicator, place and month; value null: not known"),
    "forecasts": ("mart.forecast", "one region, model and horizon"),
    "flags": ("mart.flag", "one region: level, figures, forecast, reason"),
    "flag_drivers": ("mart.flag_driver", "one driver of a region's forecast or its context"),
    "sources": ("mart.source_status", "one source: freshness, licence, attribution, flaws"),
    "checks": ("ops.validation", "one check of the night and its result"),
}


def publish(con: duckdb.DuckDBPyConnection, path: Path, night: date, copies: int) -> Path:
    """Write the published file and replace the last one atomically; keep ``copies`` by night.

    The file is written in the storage format of DuckDB 1.0, so older clients open it.
    A file that would hold the same rows is left alone. It holds the night's tables,
    commented column by column from the data dictionary.

    Raises:
        WarehouseError: The folder cannot be written; the last file is untouched.
    """
    part = path.with_name(f".{path.name}.part")
    kept = path.with_name(f"{path.stem}-{night}.duckdb")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _write(con, part, night)
        if path.exists() and _same(part, path):
            part.unlink()
            return path
        copy = kept.with_suffix(".part")
        copy.unlink(missing_ok=True)
        os.link(part, copy)
        os.replace(copy, kept)
        os.replace(part, path)
        for old in _oldest(path, copies):
            old.unlink()
    except (OSError, duckdb.IOException) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise WarehouseError(
            f"cannot publish to {path.parent} ({cause}); make it writable and run again; "
            "the last published file is untouched"
        ) from None
    return path


def _same(one: Path, other: Path) -> bool:
    """Whether two published files hold the same tables, rows and comments."""
    return _digest(one) == _digest(other)


def _digest(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(path, read_only=True) as con:
        tables = con.execute("from duckdb_tables() select table_name, comment, sql order by 1")
        described: list[tuple[object, ...]] = tables.fetchall()
        names = [str(name) for name, *_ in described]
        comments = con.execute(
            "select table_name, column_name, comment from duckdb_columns() "
            "where not internal order by 1, 2"
        )
        described += comments.fetchall()
        for name in names:
            described += con.execute(f'select count(*), sum(hash(t)) from "{name}" as t').fetchall()
    return described


def _oldest(path: Path, copies: int) -> list[Path]:
    nights = sorted(path.parent.glob(f"{path.stem}-*.duckdb"), key=lambda p: p.stat().st_mtime_ns)
    return nights[: max(0, len(nights) - copies)]


def _write(con: duckdb.DuckDBPyConnection, part: Path, night: date) -> None:
    escaped = str(part).replace("'", "''")
    con.execute(f"attach '{escaped}' as published (storage_version 'v1.0.0')")
    try:
        for name, (table, meaning) in PUBLISHED.items():
            where = f" where as_of_date = date '{night}'" if name == "checks" else ""
            con.execute(f"create table published.{name} as from {table}{where}")
            con.execute(f"comment on table published.{name} is {_quoted(meaning)}")
            described = con.execute(f"describe published.{name}").fetchall()
            for column, *_ in described:
                entry = columns()[column]
                text = f"{entry.meaning} [{entry.unit}]" if entry.unit else entry.meaning
                con.execute(f'comment on column published.{name}."{column}" is {_quoted(text)}')
    finally:
        con.execute("detach published")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
