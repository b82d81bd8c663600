"""What changed between two dates of knowledge."""

from datetime import date
from typing import Any

import duckdb
import polars as pl

from config.registry import Source
from warehouse.core import build_core
from warehouse.history import differs_where
from warehouse.query import run_sql
from warehouse.sources import SOURCES
from warehouse.vintages import night_end

FLAGS = ("has_other_deaths", "has_other_region", "has_other_place", "has_other_date",
         "has_other_actors")  # fmt: skip


def revisions(con: duckdb.DuckDBPyConnection, since: date, until: date) -> pl.DataFrame:
    """One row per figure that is believed otherwise on the evening of ``until`` than of ``since``.

    What merely happened, or became due by its source's declared lag, between the two
    is news and not a revision; nor is a row of a kind the older release did not hold.

    Args:
        con: The working file; its core tables are rebuilt at ``until``.
        since: Earlier night of knowledge.
        until: Later night.

    Returns:
        Columns source, row_key, year, change (added, withdrawn, changed), and for
        events country_code, region_id, deaths_before_count, deaths_after_count and
        has_other_deaths, _region, _place, _date, _actors (null elsewhere).
    """
    build_core(con, until)
    nights: dict[str, Any] = {"since": night_end(since), "until": night_end(until)}
    rows = pl.concat([_source_revisions(con, source, since, nights) for source in SOURCES])
    events = run_sql(con, "core/event_revision", **nights).pl()
    with_ids = rows.with_columns(event_id=pl.format("{}:{}", "source", "row_key"))
    both = with_ids.join(events, on="event_id", how="left", maintain_order="left", validate="m:1")
    flags = [pl.when(change="changed").then(pl.col(flag)).alias(flag) for flag in FLAGS]
    return both.with_columns(*flags, year=pl.col("date").dt.year()).select(
        "source", "row_key", "year", "change", "country_code", "region_id",
        "deaths_before_count", "deaths_after_count", *FLAGS,
    )  # fmt: skip


def _source_revisions(
    con: duckdb.DuckDBPyConnection, source: Source, since: date, nights: dict[str, Any]
) -> pl.DataFrame:
    begin, end = "known_from", "known_to"
    if source.is_by_hand:  # what was there at first is no revision, whenever that was
        first = f"(select min(entered_at) from history.{source.name})"
        begin = f"(case when entered_at = {first} then known_from else entered_at end)"
        end = "left_at"
    words = {
        "begin": begin,
        "end": end,
        "source_table": f"history.{source.name}",
        "differs_where": differs_where(source),
        "date_column": source.dated_by or "known_from",
    }
    changes = run_sql(con, "history/revision", words, **nights).pl()
    due = source.lag.known_at(pl.col("date")).dt.date() <= since
    is_news = (pl.col("change") == "added") & ~due if source.dated_by else pl.lit(False)
    return changes.filter(~is_news).select(pl.lit(source.name).alias("source"), pl.all())


def by_place_and_year(rows: pl.DataFrame) -> pl.DataFrame:
    """Counts by source, country, region and year: added, withdrawn, changed and what of it."""
    changes = {flag.removeprefix("has_"): pl.col(flag).sum() for flag in FLAGS}
    return (
        rows.group_by("source", "country_code", "region_id", "year")
        .agg(
            added=(pl.col("change") == "added").sum(),
            withdrawn=(pl.col("change") == "withdrawn").sum(),
            changed=(pl.col("change") == "changed").sum(),
            **changes,
            deaths_before=pl.col("deaths_before_count").sum(),
            deaths_after=pl.col("deaths_after_count").sum(),
        )
        .sort("source", "country_code", "region_id", "year", nulls_last=True)
    )
