"""Regions as the page's script finds, sorts and compares them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from config.registry import all_regions
from config.vocabulary import INTENSITIES, LEVELS, SIGNAL_STATES
from page.charts import RECENT_MONTHS
from page.signals import signals_in_order
from warehouse.situation import Situation

COLUMNS = (
    "id", "country", "level", "intensity", "chance", "chance_before", "people", "deaths",
    "events", "events_usual", "events_newest", "deaths_rate", "newest_event", "signals",
    "spellings", "months",
)  # fmt: skip
MONTHLY = ("events", "deaths")
RAISED = SIGNAL_STATES[1:3]
UNKNOWN = len(INTENSITIES)  # where a night said nothing of how violent a place is


def place_rows(situation: Situation, regions: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """A row of ``COLUMNS`` for every region, in the order of ``regions``.

    ``level`` and ``intensity`` are places in ``LEVELS`` and ``INTENSITIES`` (``UNKNOWN``: in
    none), ``signals`` those of signals raised or grave in their order, ``spellings`` every name
    that leads to the region (older ones, of its parts, of districts in which events lie),
    ``months`` events and deaths of the months with an event by their distance to the newest.
    """
    order = signals_in_order()
    signals = situation.signals.filter(
        (pl.col("place_level") == "region") & pl.col("state").is_in(RAISED)
    )
    raised: dict[str, list[int]] = {}
    for place, signal in signals.select("place_id", "signal").iter_rows():
        raised.setdefault(place, []).append(order.index(signal))
    spellings = _spellings(situation.events)
    months = months_by_place(month_counts(situation), "region_id")
    return [
        [
            r["region_id"],
            r["country_code"],
            LEVELS.index(r["level"]),
            INTENSITIES.index(r["intensity"]) if r["intensity"] in INTENSITIES else UNKNOWN,
            round(r["p_escalation"], 4),
            round(r["p_escalation_before"], 4),
            r["population_count"],
            r["deaths_past12"],
            r["events_past12"],
            round(r["events_past12_mean"], 2),
            r["events_count"],
            None if (rate := r["deaths_past12_per_100k"]) is None else round(rate, 2),
            r["events"][0]["event_date"].isoformat() if r["events"] else None,
            sorted(raised.get(r["region_id"], [])),
            spellings.get(r["region_id"], []),
            months.get(r["region_id"], []),
        ]
        for r in regions
    ]


def _spellings(events: pl.DataFrame) -> dict[str, list[str]]:
    """Names that lead to each region beside the one it is called by."""
    places = all_regions().with_columns(
        place=pl.when(pl.col("parent_region_id") == "")
        .then("region_id")
        .otherwise("parent_region_id"),
        is_part=pl.col("parent_region_id") != "",
    )
    names = pl.concat(
        [
            places.filter("is_part").select("place", spelling="region_name"),
            places.select("place", spelling=pl.col("name_variants").str.split(";")).explode(
                "spelling"
            ),
            events.select(place="region_id", spelling="source_admin2_name"),
        ]
    )
    spellings = names.filter(pl.col("spelling").fill_null("") != "").unique(maintain_order=True)
    return dict(spellings.group_by("place", maintain_order=True).agg("spelling").iter_rows())


def months_by_place(counts: pl.DataFrame, place: str) -> dict[str, list[list[int]]]:
    """Of each place [months before the newest, events, deaths] where there was an event."""
    rows = counts.select(place, triple=pl.concat_list("ago", *MONTHLY))
    return dict(rows.group_by(place, maintain_order=True).agg("triple").iter_rows())


def months_ago(newest: date) -> pl.Expr:
    """How many months ``month_start`` lies before another month."""
    month = pl.col("month_start").dt
    return (newest.year - month.year().cast(pl.Int64)) * 12 + newest.month - month.month()


def month_counts(situation: Situation) -> pl.DataFrame:
    """``events`` and ``deaths`` of each region_id and recent month with an event.

    ``ago`` says how many months it lies before the newest.
    """
    value = pl.col("value").cast(pl.Int64)
    return (
        situation.series.filter(pl.col("indicator").is_in(["events_count", "deaths_best_count"]))
        .with_columns(ago=months_ago(situation.flags["data_month"][0]))
        .filter(pl.col("ago").is_between(0, RECENT_MONTHS - 1))
        .group_by("region_id", "ago")
        .agg(
            events=value.filter(pl.col("indicator") == "events_count").sum(),
            deaths=value.filter(pl.col("indicator") == "deaths_best_count").sum(),
        )
        .filter(pl.col("events") > 0)
        .sort("region_id", "ago")
    )
