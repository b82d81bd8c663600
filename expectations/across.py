"""What tables must say together: derived tables, judged like any other."""

from collections.abc import Mapping

import polars as pl

from expectations.checks import Check, exist, key, present, rows, rule
from expectations.core import EXTERNAL

ADDED_UP = {"events_count": pl.len(), "deaths_best_count": pl.col("deaths_best_count").sum()}
PLACES = ["indicator", "place_level"]

ACROSS: dict[str, tuple[Check, ...]] = {
    "across.series": (
        rows(1, "2026-11: an empty mart is a failed night"),
        key("indicator", "place_level", "place_id"),
        *present("indicator", "place_level", "place_id", "first_month", "last_month"),
        rule(
            "no_month_missing",
            (pl.col("last_month").dt.year() - pl.col("first_month").dt.year()) * 12
            + pl.col("last_month").dt.month()
            - pl.col("first_month").dt.month()
            + 1
            == pl.col("months_count"),
            "critical",
            "2026-11: a month that is not known is a row without a value, not a hole; the series "
            "of live sources are left out",
        ),
        rule(
            "series_end_together",
            pl.col("last_month") == pl.col("last_month").max(),
            "critical",
            "2026-11: all series end with the newest whole month of the night",
        ),
        rule(
            "every_place_has_its_series",
            pl.len().over(PLACES) == pl.col("places_count"),
            "critical",
            "2026-11: every region or country of core.region, or a reader takes none for zero",
        ),
    ),
    "across.country": (
        rows(1, "2026-11: an empty mart is a failed night"),
        key("indicator", "country_code", "month_start"),
        *present("indicator", "country_code", "month_start", "regions_sum", "unplaced_sum"),
        *exist("country_sum"),
        rule(
            "regions_and_unplaced_are_the_country",
            (pl.col("regions_sum") + pl.col("unplaced_sum")).eq_missing(pl.col("country_sum")),
            "critical",
            "2026-11: an event counts in one region or in none, and once for its country",
        ),
    ),
}


def derived_tables(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The derived tables of a night.

    Args:
        tables: ``core.region``, ``core.event`` and ``mart.indicator``.

    Returns:
        ``across.series``: one row a series with its months and the number of places its
        level has; ``across.country``: one row an added-up indicator, country and month
        with the sums over regions, over events in no region, and the country's figure.
    """
    indicators, places = tables["mart.indicator"], tables["core.region"]
    places_count = {
        "region": places["region_id"].n_unique(),
        "country": places["country_code"].n_unique(),
    }
    series = (
        indicators.lazy()
        .group_by(*PLACES, "place_id")
        .agg(
            first_month=pl.col("month_start").min(),
            last_month=pl.col("month_start").max(),
            months_count=pl.col("month_start").n_unique(),
        )
        .filter(~pl.col("indicator").is_in(EXTERNAL))
        .with_columns(
            places_count=pl.col("place_level").replace_strict(
                places_count, default=None, return_dtype=pl.Int64
            )
        )
        .sort(*PLACES, "place_id")
        .collect()
    )
    return {
        "across.series": series,
        "across.country": _by_country(indicators, tables["core.event"]),
    }


def _by_country(indicators: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    grain = ["indicator", "country_code", "month_start"]
    figures = indicators.filter(pl.col("indicator").is_in(list(ADDED_UP))).with_columns(
        country_code=pl.col("place_id").str.head(3)
    )
    regions = (
        figures.filter(pl.col("place_level") == "region")
        .group_by(grain)
        .agg(regions_sum=pl.col("value").sum())
    )
    country = figures.filter(pl.col("place_level") == "country").select(
        *grain, country_sum=pl.col("value")
    )
    unplaced = (
        events.filter(pl.col("region_id").is_null())
        .group_by("country_code", month_start=pl.col("event_date").dt.month_start())
        .agg(**{name: value.cast(pl.Float64) for name, value in ADDED_UP.items()})
        .unpivot(
            index=["country_code", "month_start"],
            variable_name="indicator",
            value_name="unplaced_sum",
        )
    )
    return (
        regions.join(country, on=grain, how="full", coalesce=True)
        .join(unplaced, on=grain, how="left")
        .with_columns(pl.col("unplaced_sum").fill_null(0.0))
        .sort(grain)
    )
