"""What is in force of each source, how old it is, and how the last attempt to fetch it ended."""

from datetime import UTC, date, datetime

import duckdb
import polars as pl

from config.registry import Source
from warehouse.query import run_sql
from warehouse.sources import SOURCES
from warehouse.vintages import complete_until, delivery_in_force, night_end

AUXILIARY_SCHEMA = {
    "source": pl.String,
    "known_from_date": pl.Date,
    "known_until_date": pl.Date,
    "is_monthly": pl.Boolean,
    "why_not": pl.String,
}


def source_status(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """One row a source: what was in force on ``night``, how old, what may be done with it.

    ``failure`` says why the last attempt to renew it failed. A source that never delivered
    has no row.
    """
    rows = [_status(con, source, night) for source in SOURCES]
    rows_with_delivery = [row for row in rows if row["content_sha256"] is not None]
    return pl.DataFrame(rows_with_delivery, infer_schema_length=None).with_columns(
        pl.col("failure").cast(pl.String),
        pl.col("days_to_reader_median", "days_to_reader_q90").cast(pl.Float64),
    )


def _status(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> dict[str, object]:
    words = {"source_table": f"history.{source.name}", "date_column": source.dated_by or "null"}
    newest_row = run_sql(con, "mart/source_newest", words, as_of=night_end(night)).fetchone()
    rows, newest = newest_row if newest_row is not None else (0, None)
    in_force = delivery_in_force(con, source)
    attempt = con.execute(
        "select failure from ops.fetch where source = $source", {"source": source.name}
    ).fetchone()
    covered_until = newest
    if newest and source.max_age_days is not None:
        covered_until = complete_until(con, source, night)
    age = (night - covered_until).days if covered_until is not None else None
    days_to_reader: tuple[float | None, float | None, int] = (None, None, 0)
    if source.dated_by:
        quantiles = run_sql(
            con, "mart/days_to_reader", words, source=source.name, as_of=night_end(night)
        ).fetchone()
        days_to_reader = quantiles or days_to_reader
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
        "covered_until_date": covered_until,
        "fetched_at": in_force["fetched_at"],
        "age_days": age,
        "max_age_days": source.max_age_days,
        "is_stale": is_stale,
        "quarantined_count": con.execute(
            "select count(*) from ops.quarantine where source = $source "
            "and (held_to is null or in_force(held_from, held_to, $as_of))",
            {"source": source.name, "as_of": night_end(night)},
        ).fetchall()[0][0],
        "days_to_reader_median": days_to_reader[0],
        "days_to_reader_q90": days_to_reader[1],
        "days_to_reader_count": days_to_reader[2],
        "failure": (attempt or (None,))[0],
        "url": in_force["url"],
        "content_sha256": in_force["content_sha256"],
    }


def auxiliary_sources(
    con: duckdb.DuckDBPyConnection, status: pl.DataFrame, counts: pl.DataFrame, night: date
) -> pl.DataFrame:
    """Event sources beside the one that is forecast, of those that have counts on a night.

    Args:
        con: The working file.
        status: ``source_status`` of the night.
        counts: ``core.auxiliary_count`` of the night.
        night: The night.

    Returns:
        source, known_from_date and known_until_date (first and last day wholly
        covered), is_monthly, why_not (``vocabulary.NOT_RESTED_ON``; null: on, fresh, not refused).
    """
    attempts = dict(con.execute("select source, failure from ops.fetch").fetchall())
    rows = []
    for source in SOURCES:
        days = counts.filter(source=source.name)["event_date"]
        first = days.min()
        if not source.event_grain or not isinstance(first, date):
            continue
        is_monthly = source.event_grain == "month"
        is_stale = status.filter(source=source.name)["is_stale"].item()
        why_not = None
        if source.name not in attempts:
            why_not = "off"
        elif attempts[source.name]:
            why_not = "failed"
        elif is_stale:
            why_not = "stale"
        until = complete_until(con, source, night)
        rows.append(
            (source.name, first.replace(day=1) if is_monthly else first, until, is_monthly, why_not)
        )
    return pl.DataFrame(rows, schema=AUXILIARY_SCHEMA, orient="row")


def write_attempt(con: duckdb.DuckDBPyConnection, source: str, failure: str | None) -> None:
    """How fetching a source ended tonight; ``failure`` None: as it should."""
    now = datetime.now(UTC).replace(tzinfo=None)
    run_sql(con, "history/attempt", source=source, tried_at=now, failure=failure)


def failing_sources(con: duckdb.DuckDBPyConnection) -> list[tuple[str, datetime, str]]:
    """Sources of which the last attempt failed: name, since when, why."""
    return con.execute(
        "select source, failed_since, failure from ops.fetch where failure is not null "
        "order by source"
    ).fetchall()


def renewed_sources(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Sources that are on and of which the last attempt succeeded."""
    query = "select source from ops.fetch where failure is null order by source"
    return [source for (source,) in con.execute(query).fetchall()]


def forget_attempt(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """A source that is off no longer fails."""
    con.execute("delete from ops.fetch where source = $source", {"source": source})
