"""Intensity: the violence of the past year, whatever the level, which only says that more may come.

Steps and their reasons: config/thresholds.toml; levels: docs/models.md.
"""

import polars as pl

from config.registry import thresholds
from config.vocabulary import INTENSITIES

MONTHS = 12


def intensity_of(events: pl.Expr, deaths: pl.Expr) -> pl.Expr:
    """The step that a year's events or deaths reach, whichever is higher.

    Example:
        >>> year = pl.DataFrame({"e": [0, 1, 12, 3, 60], "d": [0, 0, 9, 170, 12]})
        >>> year.select(intensity_of(pl.col("e"), pl.col("d"))).to_series().to_list()
        ['calm', 'some', 'violent', 'very_violent', 'very_violent']
    """
    step = pl.lit(INTENSITIES[0])
    for name in INTENSITIES[1:]:
        least = thresholds()["intensity"][name]
        is_reached = (events >= least["events"]) | (deaths >= least["deaths"])
        step = pl.when(is_reached).then(pl.lit(name)).otherwise(step)
    return step


def with_intensity(flags: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Flags with events and deaths of the past twelve months, and ``intensity``.

    Args:
        flags: One row a region, with ``region_id`` and ``data_month``.
        counts: ``place_id``, ``month_start``, ``value`` (events) and ``deaths`` by region
            and month; months without a row had none.

    Returns:
        ``flags`` with ``events_past12_count``, ``deaths_past12_count`` and ``intensity``.

    Example:
        >>> from datetime import date
        >>> flags = pl.DataFrame({"region_id": ["a", "b"], "data_month": [date(2022, 12, 1)] * 2})
        >>> counts = pl.DataFrame(
        ...     {
        ...         "place_id": ["a", "a", "a"],
        ...         "month_start": [date(2021, 12, 1), date(2022, 1, 1), date(2022, 12, 1)],
        ...         "value": [50, 8, 2],
        ...         "deaths": [900, 20, 240],
        ...     }
        ... )
        >>> with_intensity(flags, counts).drop("data_month").rows()
        [('a', 10, 260, 'very_violent'), ('b', 0, 0, 'calm')]
    """
    newest = flags["data_month"].max()
    year = (
        counts.filter(
            (pl.col("month_start") > pl.lit(newest).dt.offset_by(f"-{MONTHS}mo"))
            & (pl.col("month_start") <= newest)
        )
        .group_by(region_id="place_id")
        .agg(
            events_past12_count=pl.col("value").sum().cast(pl.Int64),
            deaths_past12_count=pl.col("deaths").sum().cast(pl.Int64),
        )
    )
    names = ["events_past12_count", "deaths_past12_count"]
    return (
        flags.drop(*names, "intensity", strict=False)
        .join(year, on="region_id", how="left", maintain_order="left")
        .with_columns(pl.col(names).fill_null(0))
        .with_columns(intensity=intensity_of(*map(pl.col, names)))
    )
