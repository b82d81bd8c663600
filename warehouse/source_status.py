"""What is in force of each source, how old it is, and how the last attempt to fetch it ended."""

from datetime import UTC, date, datetime

import duckdb
import polars as pl

from config.registry import Source
from warehouse.query import run_sql
from warehouse.sources import SOURCES
from warehouse.vintages import complete_until, delivery_in_force, night_end


def source_status(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """One row a source: what was in force on ``night``, how old, what may be done with it.

    ``failure`` says why the last attempt to renew it failed. A source that never delivered
    has no row.
    """
    rows = [_status(con, source, night) for source in SOURCES]
    delivered = [row for row in rows if row["content_sha256"] is not None]
    return pl.DataFrame(delivered, infer_schema_length=None).with_columns(
        pl.col("failure").cast(pl.String)
    )


def _status(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> dict[str, object]:
    words = {"source_table": f"history.{source.name}", "date_column": source.dated_by or "null"}
    newest_row = run_sql(con, "mart/source_newest", words, as_of=night_end(night)).fetchone()
    rows, newest = newest_row if newest_row is not None else (0, None)
    in_force = delivery_in_force(con, source)
    attempt = con.execute(
        "select failure from ops.fetch where source = $source", {"source": source.name}
    ).fetchone()
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
        "quarantined_count": con.execute(
            "select count(*) from ops.quarantine where source = $source "
            "and (held_to is null or in_force(held_from, held_to, $as_of))",
            {"source": source.name, "as_of": night_end(night)},
        ).fetchall()[0][0],
        "failure": (attempt or (None,))[0],
        "url": in_force["url"],
        "content_sha256": in_force["content_sha256"],
    }


def write_attempt(con: duckdb.DuckDBPyConnection, source: str, failure: str | None) -> None:
    """How fetching a source ended tonight; ``failure`` None: as it should."""
    now = datetime.now(UTC).replace(tzinfo=None)
    run_sql(con, "history/attempt", source=source, tried_at=now, failure=failure)


def forget_attempt(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """A source that is off no longer fails."""
    con.execute("delete from ops.fetch where source = $source", {"source": source})
