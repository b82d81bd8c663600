"""Rebuilding core tables at a night, and writing the marts."""

from datetime import date, datetime, time
from typing import Any

import duckdb
import polars as pl

from config.registry import HERE as CONFIG
from config.registry import Source, SourceError, countries, regions, thresholds
from warehouse.query import run, statement
from warehouse.sources import SOURCES

CORE_TABLES = (
    "region", "region_name", "event", "presence", "suspension", "coup", "register_entry",
)  # fmt: skip


def end_of(night: date) -> datetime:
    """The instant a night's run looks from: the last moment of its day (UTC)."""
    return datetime.combine(night, time.max)


def build_core(con: duckdb.DuckDBPyConnection, night: date) -> None:
    """Every core table as it was known on ``night``."""
    declared = {
        "config_regions": regions().with_columns(pl.col("name_variants").fill_null("")),
        "config_countries": countries(),
        "config_scopes": pl.read_csv(CONFIG / "scopes.csv"),
        "config_actors": pl.read_csv(CONFIG / "actors.csv"),
    }
    for name, frame in declared.items():
        con.register(name, frame)
    for table in CORE_TABLES:
        text = statement(f"core/{table}")
        params: dict[str, object] = {}
        if "$as_of" in text:
            params["as_of"] = end_of(night)
        if "$presumed_open_months" in text:
            params["presumed_open_months"] = thresholds()["suspensions"]["presumed_open_months"]
        con.execute(f"create or replace table core.{table} as {text}", params or None)
    for name in declared:
        con.unregister(name)


def read(con: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """A whole table as a frame, in its stored order."""
    return con.execute(f"from {table}").pl()


def write_marts(con: duckdb.DuckDBPyConnection, marts: dict[str, pl.DataFrame]) -> None:
    """Replace the mart tables by these frames."""
    for name, frame in marts.items():
        con.register("frame", frame)
        con.execute(f"create or replace table mart.{name} as from frame")
        con.unregister("frame")


def write_validation(con: duckdb.DuckDBPyConnection, night: date, results: pl.DataFrame) -> None:
    """Replace the night's results of validation."""
    con.execute("delete from ops.validation where as_of_date = $night", {"night": night})
    con.register("frame", results.with_columns(as_of_date=pl.lit(night)))
    con.execute("insert into ops.validation by name from frame")
    con.unregister("frame")


def source_status(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """One row a source: what was in force on ``night``, how old, what may be done with it."""
    return pl.DataFrame(
        [_status(con, source, night) for source in SOURCES], infer_schema_length=None
    )


def complete_until(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> date:
    """Last day for which a source's figures were whole on ``night``.

    The declared lag says what could be known; a delivery ends on its declared day or
    with its newest row. After that day a series is missing, not zero.

    Raises:
        SourceError: The source has no rows at all.
    """
    in_force = _in_force(con, source)
    covers_until: date | None = in_force["covers_until"]
    if covers_until is None:
        raise SourceError(f"{source.name}: holds no rows; give it a file with events")
    return min(covers_until, source.lag.complete_until(night))


def _in_force(con: duckdb.DuckDBPyConnection, source: Source) -> dict[str, Any]:
    cursor = run(con, "history/in_force", source=source.name)
    names = [name for name, *_ in cursor.description]
    return dict(zip(names, cursor.fetchone() or [None] * len(names), strict=True))


def _status(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> dict[str, object]:
    words = {"source_table": f"history.{source.name}", "date_column": source.dated_by or "null"}
    found = run(con, "mart/source_newest", words, as_of=end_of(night)).fetchone()
    rows, newest = found if found is not None else (0, None)
    in_force = _in_force(con, source)
    covered = newest
    if newest and source.max_age_days is not None:
        covered = complete_until(con, source, night)
    age = (night - covered).days if covered is not None else None
    is_stale = source.max_age_days is not None and (age is None or age > source.max_age_days)
    return {
        "source": source.name,
        "title": source.title,
        "source_version": in_force["source_version"],
        "licence": source.licence,
        "attribution": source.attribution,
        "flaws": "; ".join(source.flaws),
        "is_republishable": source.is_republishable,
        "rows_count": rows,
        "newest_date": newest,
        "fetched_at": in_force["fetched_at"],
        "age_days": age,
        "max_age_days": source.max_age_days,
        "is_stale": is_stale,
        "url": in_force["url"],
        "content_sha256": in_force["content_sha256"],
    }
