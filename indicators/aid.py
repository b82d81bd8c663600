"""Suspensions of aid and cooperation, sanctions."""

from functools import partial

import polars as pl

from config.registry import Indicator, thresholds
from config.vocabulary import MEASURES
from indicators.governance import days_since, is_covered
from indicators.violence import PLACE_MONTH


def open_suspensions(
    suspensions: pl.DataFrame, grid: pl.DataFrame, measure_type: str
) -> pl.DataFrame:
    """Measures in force at the end of the month, by actors outside the country.

    A measure without a known end counts until ``presumed_open_months`` after the last
    word of it, one without a known start from the last word of it. Null where the register is
    not kept (``config/registers/coverage.csv``), and where it is empty.
    """
    months = int(thresholds()["suspensions"]["presumed_open_months"])
    spells = suspensions.filter(pl.col("measure_type") == measure_type).select(
        place_id="country_code",
        opened=pl.coalesce("opened_date", "confirmed_date"),
        ended=pl.coalesce("closed_date", pl.col("confirmed_date").dt.offset_by(f"{months}mo")),
    )
    month_ends = grid.with_columns(month_end=pl.col("month_start").dt.month_end())
    open_count = (
        month_ends.join(spells, on="place_id")
        .filter((pl.col("opened") <= pl.col("month_end")) & (pl.col("month_end") < pl.col("ended")))
        .group_by(PLACE_MONTH)
        .agg(value=pl.len().cast(pl.Float64))
    )
    is_kept = is_covered(grid, "aid_suspensions", measure_type) & pl.lit(suspensions.height > 0)
    return grid.join(open_count, on=PLACE_MONTH, how="left", maintain_order="left").select(
        *PLACE_MONTH, value=pl.when(is_kept).then(pl.col("value").fill_null(0.0))
    )


def days_since_suspension(suspensions: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Days since the last suspension or sanction began; null where the register is not kept."""
    openings = suspensions.filter(
        pl.col("opened_date").is_not_null() & pl.col("measure_type").is_in(list(MEASURES))
    )
    days = days_since(openings.select(place_id="country_code", day="opened_date"), grid)
    is_kept = is_covered(grid, "aid_suspensions")
    return days.with_columns(value=pl.when(is_kept).then(pl.col("value")))


AID = (
    *(
        Indicator(
            name=f"open_{measure}_suspensions_count"
            if measure != "sanctions"
            else "open_sanctions_count",
            version=2,
            compute=partial(open_suspensions, measure_type=measure),
            place_level="country",
            unit="measures",
            rises_mean="worse",
            reads=("suspensions", "grid"),
            sources=("aid_suspensions",),
            summary=f"Open measures at the end of the month: {words}.",
        )
        for measure, words in MEASURES.items()
    ),
    Indicator(
        name="days_since_suspension",
        version=2,
        compute=days_since_suspension,
        place_level="country",
        unit="days",
        rises_mean="better",
        reads=("suspensions", "grid"),
        sources=("aid_suspensions",),
        summary="Days since the last suspension or sanction, at the end of the month.",
    ),
)
