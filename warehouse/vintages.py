"""Figures as they were known at past instants, and up to when a source is complete."""

from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
import polars as pl

from config.registry import Lag, Source, SourceError
from warehouse.query import run_sql

OLDEST_AGE = 18  # months to which figures are followed: past the yearly release


def night_end(night: date) -> datetime:
    """The instant a night's run looks from: the last moment of its day (UTC)."""
    return datetime.combine(night, time.max)


def deliveries_known(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> pl.DataFrame:
    """Deliveries of a source known by a night: known_at, known_basis, covers_until, part."""
    return con.execute(
        "select known_at, known_basis, covers_until, part from ops.batch "
        "where source = $source and known_at <= $as_of and covers_until is not null "
        "order by known_at, fetched_at",
        {"source": source.name, "as_of": night_end(night)},
    ).pl()


def reporting_triangle(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> pl.DataFrame:
    """Events of a month as known at an age: ``month_start``, ``age_months``, ``events``.

    Age 0 is when the month became whole by the source's lag. Only ages by which a delivery
    had come within the month before count as looked at; bulk files of the past, whose
    times are assumed, say nothing.
    """
    lookups = con.execute(
        "select known_at, covers_until from ops.batch where source = $source "
        "and known_basis = 'observed' and known_at <= $as_of",
        {"source": source.name, "as_of": night_end(night)},
    ).pl()
    ages = pl.DataFrame({"age_months": range(OLDEST_AGE + 1)}, schema={"age_months": pl.Int64})
    first = lookups["covers_until"].min()
    if not isinstance(first, date):
        return ages.head(0).with_columns(month_start=pl.lit(first, pl.Date), events=pl.lit(0.0))
    begins = first.replace(day=1)
    months = pl.date_range(begins, night, "1mo", eager=True).alias("month_start")
    cells = (
        months.to_frame()
        .with_columns(last_day=pl.col("month_start").dt.month_end())
        .join(ages, how="cross")
        .with_columns(
            known_at=source.lag.known_at(pl.col("last_day"))
            .dt.offset_by(pl.format("{}mo1d", "age_months"))
            .dt.offset_by("-1us")
        )
        .filter(pl.col("known_at") <= night_end(night))
        .join(lookups.rename({"known_at": "looked_at"}), how="cross")
        .filter(
            (pl.col("looked_at") <= pl.col("known_at"))
            & (pl.col("looked_at") > pl.col("known_at").dt.offset_by("-1mo"))
            & (pl.col("covers_until") >= pl.col("last_day"))
        )
        .unique(["month_start", "age_months"], maintain_order=True)
        .with_columns(origin=pl.int_range(pl.len()))
    )
    con.register("origin", cells.select("origin", "known_at", "last_day"))
    counts = run_sql(con, "mart/known_counts").pl()
    con.unregister("origin")
    return (
        cells.join(counts, on="origin", how="left", validate="1:1")
        .select("month_start", "age_months", pl.col("events").fill_null(0.0))
        .sort("month_start", "age_months")
    )


def known_on(lag: Lag, day: str) -> str:
    """SQL of the day on which figures dated ``day`` are assumed known (``Lag.known_at``).

    Example:
        >>> day = known_on(Lag(next_month_day=20), "date '2021-05-30'")
        >>> duckdb.sql(f"select {day}").fetchone()
        (datetime.date(2021, 6, 20),)
    """
    if lag.next_month_day is None:
        return f"({day} + {lag.days})"
    return f"(last_day({day}) + {lag.next_month_day})"


def complete_until(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> date:
    """Last day for which a source's figures were whole on ``night``.

    The declared lag says what could be known; a delivery ends on its declared day or
    with its newest row, one of monthly counts before the first month that was not known, by
    the lag, when it was sent, or is the newest sent. After that day a series is missing, not zero.

    Raises:
        SourceError: The source has no rows at all.
    """
    in_force = delivery_in_force(con, source)
    covers_until: date | None = in_force["covers_until"]
    if covers_until is None:
        raise SourceError(f"{source.name}: holds no rows; give it a file with events")
    until = min(covers_until, source.lag.complete_until(night))
    if source.event_grain == "month":
        words = {
            "source_table": f"history.{source.name}",
            "date_column": source.dated_by or "null",
            "place": source.place_column or "null",
            "known_on": known_on(source.lag, f"h.{source.dated_by}"),
        }
        partial = run_sql(
            con, "mart/first_partial_month", words, source=source.name, as_of=night_end(night)
        )
        ((first_day,),) = partial.fetchall()
        until = min(until, first_day - timedelta(days=1)) if first_day else until
    return until


def delivery_in_force(con: duckdb.DuckDBPyConnection, source: Source) -> dict[str, Any]:
    """The newest delivery of a source, as ``history/in_force.sql`` says it; of none all null."""
    cursor = run_sql(con, "history/in_force", source=source.name)
    names = [name for name, *_ in cursor.description]
    return dict(zip(names, cursor.fetchone() or [None] * len(names), strict=True))
