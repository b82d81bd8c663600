"""Past nights as told, for the map with a slider and for two nights side by side."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from config.vocabulary import HATCHED_FROM, INTENSITIES, LEVELS
from page.charts import RECENT_MONTHS
from page.pictures import CLASS_BOUNDS
from page.places import recent_months
from warehouse.situation import Situation

UNKNOWN = len(INTENSITIES)  # of a night that said nothing of how violent a place is
MONTHLY = ("events", "deaths")
NIGHTS_IN_TABLE = 12


def nights_as_told(situation: Situation, names: Mapping[str, str], is_wide: bool) -> dict[str, Any]:
    """What the slider shows, packed: the nights, and of each a row of figures by place.

    ``nights``: day, newest month of its figures, whether they were too old, then by place: levels
    and intensities (a digit each, their places in the vocabulary; ``-``: the night said nothing of
    the place), whether its silence may not be quiet (0, 1), chances in per cent, deaths and events
    of twelve months. Places are regions, in a wide area countries, of which the gravest and the
    highest stand. ``months``: events and deaths of the months before the newest, by place.

    Args:
        situation: Of the night.
        names: Of the places, by id.
        is_wide: Whether places are countries.
    """
    states = _by_country(situation) if is_wide else _by_region(situation)
    places = states["place_id"].unique().sort()
    nights = []
    for (day,), rows in states.group_by("as_of_date", maintain_order=True):
        row = places.to_frame().join(rows, on="place_id", how="left", maintain_order="left")
        nights.append(
            {
                "day": str(day),
                "month": str(rows['data_month'].max()),
                "is_stale": bool(rows["is_stale"].any()),
                "levels": row["level"].cast(pl.String).fill_null("-").str.join("").item(),
                "intensities": row["intensity"].cast(pl.String).fill_null("-").str.join("").item(),
                "hatched": row["is_unsure"].cast(pl.Int8).fill_null(0).cast(pl.String)
                .str.join("").item(),
                "chances": row["chance"].to_list(),
                "deaths": row["deaths"].to_list(),
                "events": row["events"].to_list(),
            }
        )  # fmt: skip
    return {
        "places": [[place, names[place]] for place in places],
        "nights": nights,
        "months": {} if is_wide else recent_months(situation),
        "months_count": RECENT_MONTHS,
        "bounds": {name: CLASS_BOUNDS[name] for name in MONTHLY},
        "newest": f"{situation.flags['data_month'][0]}",
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


def _by_region(situation: Situation) -> pl.DataFrame:
    return _packed(situation.night_states.rename({"region_id": "place_id"}))


def _by_country(situation: Situation) -> pl.DataFrame:
    packed = _packed(situation.night_states.rename({"region_id": "place_id"}))
    return (
        packed.group_by("as_of_date", place_id=pl.format("{}.country", "country_code"))
        .agg(
            pl.col("level", "intensity", "chance", "data_month").max(),
            pl.col("is_unsure", "is_stale").any(),
            pl.col("deaths", "events").sum(),
        )
        .sort("as_of_date", "place_id")
    )


def _packed(states: pl.DataFrame) -> pl.DataFrame:
    def place(name: str, steps: tuple[str, ...], default: int) -> pl.Expr:
        codes = {step: i for i, step in enumerate(steps)}
        return pl.col(name).replace_strict(codes, default=default, return_dtype=pl.Int8)

    return states.select(
        "as_of_date", "place_id", "country_code", "data_month", "is_stale",
        level=place("level", LEVELS, 0),
        intensity=place("intensity", INTENSITIES, UNKNOWN),
        is_unsure=(pl.col("p_unreported_event") >= HATCHED_FROM).fill_null(False),
        chance=(pl.col("p_escalation") * 100).round(0).cast(pl.Int64),
        deaths="deaths_past12_count",
        events="events_past12_count",
    )  # fmt: skip
