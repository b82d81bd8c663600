"""Attacks and their deaths, by region or country and month."""

import polars as pl

from config.registry import Indicator

PLACE_MONTH = ["place_id", "month_start"]


def by_month(events: pl.DataFrame, grid: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """One aggregate of events per place and month; a month without events is zero.

    Args:
        events: One row an event with ``place_id`` and ``event_date``.
        grid: ``place_id`` and ``month_start`` of every month the source covers, so that
            a zero is a month watched in which nothing was recorded.
        value: The aggregate, such as ``pl.len()``.

    ``note`` says how many of a month's events are provisional, where any is.

    Example:
        >>> from datetime import date
        >>> grid = pl.DataFrame({"place_id": ["A"], "month_start": [date(2026, 1, 1)]})
        >>> events = pl.DataFrame({"place_id": ["A", "A"], "event_date": [date(2026, 1, 9)] * 2,
        ...     "is_provisional": [True, False]})
        >>> by_month(events, grid, pl.len()).select("value", "note").row(0)
        (2.0, '1 of 2 events provisional')
    """
    if "is_provisional" not in events.columns:
        events = events.with_columns(is_provisional=pl.lit(False))
    provisional = pl.col("is_provisional").sum()
    aggregate = (
        events.with_columns(month_start=pl.col("event_date").dt.month_start())
        .group_by(PLACE_MONTH)
        .agg(
            value=value.cast(pl.Float64),
            note=pl.when(provisional > 0).then(
                pl.format("{} of {} events provisional", provisional, pl.len())
            ),
        )
    )
    return grid.join(aggregate, on=PLACE_MONTH, how="left", maintain_order="left").with_columns(
        pl.col("value").fill_null(0.0)
    )


def involves(group: str) -> pl.Expr:
    """Whether an actor of ``group`` took part on either side."""
    return (pl.col("actor_group_a") == group) | (pl.col("actor_group_b") == group)


def events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Events of organised violence with at least one death (UCDP GED codebook).

    Example:
        >>> from datetime import date
        >>> grid = pl.DataFrame({"place_id": ["A", "A"],
        ...     "month_start": [date(2021, 5, 1), date(2021, 6, 1)]})
        >>> one = pl.DataFrame({"place_id": ["A"], "event_date": [date(2021, 5, 30)]})
        >>> events_count(one, grid)["value"].to_list()
        [1.0, 0.0]
    """
    return by_month(events, grid, pl.len())


def deaths_best_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Deaths by UCDP's most likely estimate, fighters and civilians alike."""
    return by_month(events, grid, pl.col("deaths_best_count").sum())


def deaths_low_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Deaths by UCDP's lowest reliable estimate."""
    return by_month(events, grid, pl.col("deaths_low_count").sum())


def deaths_high_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Deaths by UCDP's highest reliable estimate."""
    return by_month(events, grid, pl.col("deaths_high_count").sum())


def deaths_civilians_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Deaths of civilians, in whatever type of violence."""
    return by_month(events, grid, pl.col("deaths_civilians_count").sum())


def state_based_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Events between a government and an organised group (UCDP type 1)."""
    return by_month(events.filter(pl.col("violence_type") == "state_based"), grid, pl.len())


def communal_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Non-state events: groups fighting each other, no government (UCDP type 2)."""
    return by_month(events.filter(pl.col("violence_type") == "non_state"), grid, pl.len())


def one_sided_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Attacks on civilians by a government or an organised group (UCDP type 3)."""
    return by_month(events.filter(pl.col("violence_type") == "one_sided"), grid, pl.len())


def state_forces_abuse_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Attacks on civilians by a government's forces (UCDP type 3, side A a government)."""
    abuses = (pl.col("violence_type") == "one_sided") & (pl.col("actor_group_a") == "state_forces")
    return by_month(events.filter(abuses), grid, pl.len())


def jihadist_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Events in which a jihadist group took part (table ``actors``)."""
    return by_month(events.filter(involves("jihadist")), grid, pl.len())


def communal_militia_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Events in which a communal militia took part (table ``actors``)."""
    return by_month(events.filter(involves("communal_militia")), grid, pl.len())


def state_forces_events_count(events: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Events in which a government's forces took part."""
    return by_month(events.filter(involves("state_forces")), grid, pl.len())


def past_year_per_100k(counts: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Sums of a month and the eleven before it for every 100,000 residents.

    Args:
        counts: ``place_id``, ``month_start`` and ``value`` of every month watched.
        regions: ``region_id``, ``population_count`` and ``population_year``.

    Null where the residents are not known and before twelve months were watched. ``note`` says
    the year of the residents, which is not carried on to the month.

    Example:
        >>> from datetime import date
        >>> months = pl.date_range(date(2020, 6, 1), date(2021, 5, 1), "1mo", eager=True)
        >>> counts = pl.DataFrame({"place_id": "A", "month_start": months, "value": [0.5] * 12})
        >>> regions = pl.DataFrame(
        ...     {"region_id": ["A"], "population_count": [300_000], "population_year": [2018]})
        >>> past_year_per_100k(counts, regions).select("value", "note").row(-1)
        (2.0, 'residents of 2018')
    """
    summed = pl.col("value").rolling_sum(12).over("place_id", order_by="month_start")
    residents = regions.select("population_count", "population_year", place_id="region_id")
    return counts.join(
        residents, on="place_id", how="left", maintain_order="left", validate="m:1"
    ).select(
        *PLACE_MONTH,
        value=100_000 * summed / pl.col("population_count"),
        note=pl.format("residents of {}", "population_year"),
    )


def events_past12_per_100k(
    events: pl.DataFrame, grid: pl.DataFrame, regions: pl.DataFrame
) -> pl.DataFrame:
    """Events of twelve months, this the last, for every 100,000 residents of the year noted."""
    return past_year_per_100k(events_count(events, grid), regions)


def deaths_past12_per_100k(
    events: pl.DataFrame, grid: pl.DataFrame, regions: pl.DataFrame
) -> pl.DataFrame:
    """Deaths (best) of twelve months, this the last, for every 100,000 residents of that year."""
    return past_year_per_100k(deaths_best_count(events, grid), regions)


COUNTS = (
    (events_count, "events / month"),
    (deaths_best_count, "deaths / month"),
    (deaths_low_count, "deaths / month"),
    (deaths_high_count, "deaths / month"),
    (deaths_civilians_count, "deaths / month"),
    (state_based_events_count, "events / month"),
    (communal_events_count, "events / month"),
    (one_sided_events_count, "events / month"),
    (state_forces_abuse_events_count, "events / month"),
    (jihadist_events_count, "events / month"),
    (communal_militia_events_count, "events / month"),
    (state_forces_events_count, "events / month"),
)
_RATES = tuple(
    Indicator(
        name=compute.__name__,
        version=1,
        compute=compute,
        place_level="region",
        unit=f"{quantity} / 100,000 residents / 12 months",
        rises_mean="worse",
        reads=("events", "grid", "regions"),
        sources=("ucdp_ged", "cod_ps_population", "mali_census_2009"),
        summary=(compute.__doc__ or "").splitlines()[0],
    )
    for compute, quantity in (
        (events_past12_per_100k, "events"),
        (deaths_past12_per_100k, "deaths"),
    )
)
_COUNTED = tuple(
    Indicator(
        name=compute.__name__,
        version=1,
        compute=compute,
        place_level=level,
        unit=unit,
        rises_mean="worse",
        reads=("events", "grid"),
        sources=("ucdp_ged",),
        summary=(compute.__doc__ or "").splitlines()[0],
    )
    for compute, unit in COUNTS
    for level in ("region", "country")
)
VIOLENCE = (*_COUNTED, *_RATES)
