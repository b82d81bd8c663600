"""Past nights as told, for the map with a slider and for two nights side by side."""

from typing import Any

import polars as pl

from config.vocabulary import HATCHED_FROM, INTENSITIES, LEVELS
from page.charts import RECENT_MONTHS
from page.pictures import CLASS_BOUNDS
from page.places import MONTHLY, UNKNOWN, month_counts, months_ago, months_by_place
from warehouse.situation import Situation

NIGHTS_IN_TABLE = 12


def nights_as_told(situation: Situation, is_wide: bool) -> dict[str, Any]:
    """What the slider shows, packed.

    Places are regions, in a wide area countries, of which the gravest level and the highest chance
    stand; a country's silence is in doubt where no region of it has an event.

    Args:
        situation: Of the night.
        is_wide: Whether places are countries.

    Returns:
        ``places``: ids, in whose order everything else stands. ``left_out``: regions of earlier
        nights that are on the map no more. ``nights``: of each its day, the newest month of its
        figures, whether they were too old, and by place levels and intensities (a digit each, their
        places in the vocabulary; ``-``: the night said nothing), whether silence may not be
        quiet (0, 1), chances in per cent, deaths and events of twelve months; ``added`` since the
        night before ([place, -1 where it is none of these; events; deaths]), ``changed`` and
        ``withdrawn`` events. ``months``: by place [months before the newest, events, deaths].
        ``unsure_months``: place numbers whose silence may not be quiet, by months before the
        newest.
    """
    states, night_events = situation.night_states, situation.night_events
    regions_count = states["region_id"].n_unique()
    states = states.filter(pl.col("region_id").is_in(situation.flags["region_id"].implode()))
    packed = _packed(states, is_wide)
    places = packed["place_id"].unique().sort()
    number = {place: i for i, place in enumerate(places)}
    nights = []
    for (day,), rows in packed.group_by("as_of_date", maintain_order=True):
        row = places.to_frame().join(rows, on="place_id", how="left", maintain_order="left")
        changes = night_events.filter(as_of_date=day)
        nights.append(
            {
                "day": str(day),
                "month": str(rows["data_month"].max()),
                "is_stale": bool(rows["is_stale"].any()),
                "levels": _digits(row["level"]),
                "intensities": _digits(row["intensity"]),
                "unsure": _digits(row["is_unsure"].fill_null(value=False)),
                **{name: row[name].to_list() for name in ("chances", "deaths", "events")},
                "added": _added(changes, number, is_wide),
                "changed": changes["events_changed_count"].sum(),
                "withdrawn": changes["events_withdrawn_count"].sum(),
            }
        )
    months = month_counts(situation).with_columns(place_id=_place(is_wide))
    sums = months.group_by("place_id", "ago").agg(pl.col(MONTHLY).sum()).sort("place_id", "ago")
    return {
        "places": places.to_list(),
        "left_out": regions_count - states["region_id"].n_unique(),
        "nights": nights,
        "months": months_by_place(sums, "place_id"),
        "unsure_months": _unsure_months(situation, sums, number, is_wide),
        "months_count": RECENT_MONTHS,
        "bounds": {name: CLASS_BOUNDS[name] for name in MONTHLY},
        "newest": str(situation.flags["data_month"][0]),
    }


def level_rows(situation: Situation) -> tuple[list[Any], list[dict[str, Any]]]:
    """The newest nights, and of each region with a level on one its states by night."""
    days = situation.night_states["as_of_date"].unique().sort(descending=True)
    nights = days.head(NIGHTS_IN_TABLE).to_list()
    states = situation.night_states.filter(pl.col("as_of_date").is_in(nights)).filter(
        (pl.col("level") != "none").any().over("region_id")
    )
    names = situation.flags.select("region_id", "region_name", "country_code")
    rows = (
        states.group_by("region_id")
        .agg(cells=pl.struct("as_of_date", "level", "p_escalation"))
        .join(names, on="region_id")
        .sort("country_code", "region_name")
    )
    return nights, [
        {**row, "cells": {cell["as_of_date"]: cell for cell in row["cells"]}}
        for row in rows.iter_rows(named=True)
    ]


def _place(is_wide: bool) -> pl.Expr:
    """The place that a region's figures are shown with: itself, in a wide area its country."""
    region = pl.col("region_id")
    return pl.format("{}.country", region.str.head(3)) if is_wide else region


def _packed(states: pl.DataFrame, is_wide: bool) -> pl.DataFrame:
    """One row per night and place, levels and intensities as numbers."""

    def place(name: str, steps: tuple[str, ...], default: int) -> pl.Expr:
        codes = {step: i for i, step in enumerate(steps)}
        return pl.col(name).replace_strict(codes, default=default, return_dtype=pl.Int8)

    def known_sum(name: str) -> pl.Expr:
        return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())

    unreported = pl.col("p_unreported_event")
    has_no_event = unreported.is_not_null()  # only then the chance is stated
    return (
        states.with_columns(
            place_id=_place(is_wide),
            level=place("level", LEVELS, 0),
            intensity=place("intensity", INTENSITIES, UNKNOWN),
            chances=(pl.col("p_escalation") * 100).round(0).cast(pl.Int64),
        )
        .group_by("as_of_date", "place_id")
        .agg(
            pl.col("level", "intensity", "chances", "data_month").max(),
            pl.col("is_stale").any(),
            is_unsure=has_no_event.all() & (unreported >= HATCHED_FROM).any(),
            deaths=known_sum("deaths_past12_count"),
            events=known_sum("events_past12_count"),
        )
        .sort("as_of_date", "place_id")
    )


def _digits(values: pl.Series) -> str:
    return "".join("-" if value is None else str(int(value)) for value in values)


def _added(changes: pl.DataFrame, number: dict[str, int], is_wide: bool) -> list[list[int]]:
    """[place, events, deaths] where events were added; events in no region have one place, -1."""
    place = pl.when(pl.col("region_id").is_not_null()).then(_place(is_wide))
    rows = (
        changes.group_by(place.replace_strict(number, default=-1).alias("place"))
        .agg(pl.col("events_added_count", "deaths_added_count").sum())
        .filter(pl.col("events_added_count") > 0)
        .sort("place")
    )
    return [list(row) for row in rows.iter_rows()]


def _unsure_months(
    situation: Situation, sums: pl.DataFrame, number: dict[str, int], is_wide: bool
) -> dict[int, list[int]]:
    """Numbers of the places without an event on file whose silence may not be quiet, by month."""
    unsure = (
        situation.nowcast.filter(pl.col("p_unreported_event") >= HATCHED_FROM)
        .rename({"place_id": "region_id"})
        .select(place_id=_place(is_wide), ago=months_ago(situation.flags["data_month"][0]))
        .unique()
        .join(sums, on=["place_id", "ago"], how="anti")
        .select("ago", place=pl.col("place_id").replace_strict(number))
        .sort("ago", "place")
    )
    return dict(unsure.group_by("ago", maintain_order=True).agg("place").iter_rows())
