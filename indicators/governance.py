"""The state's presence, coups, milestones and agreements."""

from collections.abc import Callable
from functools import partial

import polars as pl

from config.registry import Indicator
from indicators.violence import PLACE_MONTH

CADRES = {
    "civil_administrators": "civil administrators",
    "prefects": "prefects",
    "subprefects": "sub-prefects",
    "state_authorities": "state authorities",
    "state_agents": "state agents",
    "state_representatives": "state representatives",
    "mayors": "mayors",
}


def presence_share(presence: pl.DataFrame, grid: pl.DataFrame, cadre: str) -> pl.DataFrame:
    """Share of a cadre's posts held by someone present, in months with a figure; else null.

    The region's own figure comes before one for a group of regions, and the newest
    before older ones of the month. ``note`` says when a figure is for a group, for a
    part of the region, or only a bound. Nothing is carried forward.
    """
    own = (
        presence.filter(pl.col("cadre") == cadre)
        .with_columns(
            place_id=pl.col("region_id"), month_start=pl.col("observed_date").dt.month_start()
        )
        .sort("is_part", "group_size_count", "observed_date", descending=[False, False, True])
        .unique(PLACE_MONTH, keep="first", maintain_order=True)
        .select(
            *PLACE_MONTH,
            value="presence_share",
            note=pl.concat_str(
                pl.when(pl.col("group_size_count") > 1).then(
                    pl.format("figure for a group of {} regions: {}", "group_size_count", "scope")
                ),
                pl.when("is_part").then(pl.format("figure for a part of the region: {}", "scope")),
                pl.when(pl.col("share_bound") != "exact").then(
                    pl.format("{} bound", "share_bound")
                ),
                separator="; ",
                ignore_nulls=True,
            ).replace("", None),
        )
    )
    return grid.join(own, on=PLACE_MONTH, how="left", maintain_order="left")


def days_since(dated: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Days from a place's last dated entry to the end of the month; null if none is on file.

    Args:
        dated: ``place_id`` and ``day``.
        grid: ``place_id`` and ``month_start`` to be covered.

    Example:
        >>> from datetime import date
        >>> grid = pl.DataFrame({"place_id": ["A", "B"], "month_start": [date(2021, 5, 1)] * 2})
        >>> one = pl.DataFrame({"place_id": ["A"], "day": [date(2021, 5, 21)]})
        >>> days_since(one, grid)["value"].to_list()
        [10.0, None]
    """
    ended = grid.with_row_index("order").with_columns(
        month_end=pl.col("month_start").dt.month_end()
    )
    last = dated.with_columns(month_end="day").sort("month_end")
    return (
        ended.sort("month_end")
        .join_asof(last, on="month_end", by="place_id", check_sortedness=False)
        .sort("order")
        .select(
            *PLACE_MONTH,
            value=(pl.col("month_end") - pl.col("day")).dt.total_days().cast(pl.Float64),
        )
    )


def days_since_coup(coups: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Days since the last coup or attempt (Powell & Thyne 2011), at the end of the month."""
    return days_since(coups.select(place_id="country_code", day="coup_date"), grid)


def register_count(entries: pl.DataFrame, grid: pl.DataFrame, register: str) -> pl.DataFrame:
    """Entries of a hand-kept register in the month; null for a country without any entry.

    An empty register says nothing: its months are unknown, not quiet.
    """
    kept = entries.filter(pl.col("register") == register)
    counted = (
        kept.with_columns(
            place_id=pl.col("country_code"), month_start=pl.col("entry_date").dt.month_start()
        )
        .group_by(PLACE_MONTH)
        .agg(entries=pl.len().cast(pl.Float64))
    )
    watched = pl.col("place_id").is_in(kept["country_code"].unique().to_list())
    return grid.join(counted, on=PLACE_MONTH, how="left", maintain_order="left").select(
        *PLACE_MONTH, value=pl.when(watched).then(pl.col("entries").fill_null(0.0))
    )


def _presence(cadre: str, words: str) -> Indicator:
    compute: Callable[..., pl.DataFrame] = partial(presence_share, cadre=cadre)
    return Indicator(
        name=f"{cadre}_presence_share",
        version=1,
        compute=compute,
        place_level="region",
        unit="share 0-1",
        rises_mean="better",
        reads=("presence", "grid"),
        sources=("admin_presence",),
        summary=f"Share of the posts of {words} held by someone present.",
    )


def _register(register: str, words: str) -> Indicator:
    return Indicator(
        name=f"{register}s_count",
        version=1,
        compute=partial(register_count, register=register),
        place_level="country",
        unit="entries / month",
        rises_mean="better",
        reads=("entries", "grid"),
        sources=("governance_register",),
        summary=f"{words} in the month.",
    )


GOVERNANCE = (
    *(_presence(cadre, words) for cadre, words in CADRES.items()),
    Indicator(
        name="days_since_coup",
        version=1,
        compute=days_since_coup,
        place_level="country",
        unit="days",
        rises_mean="better",
        reads=("coups", "grid"),
        sources=("powell_thyne_coups",),
        summary="Days since the last coup or attempt, at the end of the month.",
    ),
    _register("transition_milestone", "Milestones of a transition"),
    _register("local_agreement", "Ceasefires and local peace agreements"),
)
