"""The state's presence, coups, milestones and agreements."""

from collections.abc import Callable
from functools import partial

import polars as pl

from config.registry import Indicator, coverage
from config.vocabulary import CADRES
from indicators.violence import PLACE_MONTH


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


def days_since(entries: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Days from a place's last dated entry to the end of the month; null if none is on file.

    Args:
        entries: ``place_id`` and ``day``.
        grid: ``place_id`` and ``month_start`` to be covered.

    Example:
        >>> from datetime import date
        >>> grid = pl.DataFrame({"place_id": ["A", "B"], "month_start": [date(2021, 5, 1)] * 2})
        >>> one = pl.DataFrame({"place_id": ["A"], "day": [date(2021, 5, 21)]})
        >>> days_since(one, grid)["value"].to_list()
        [10.0, None]
    """
    month_ends = grid.with_row_index("order").with_columns(
        month_end=pl.col("month_start").dt.month_end()
    )
    last = entries.with_columns(month_end="day").sort("month_end")
    return (
        month_ends.sort("month_end")
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


def is_covered(grid: pl.DataFrame, source: str, series: str = "") -> pl.Series:
    """Whether a register is declared as kept for a place in the whole of a month.

    ``config/registers/coverage.csv`` declares it; of a region its country counts.

    Example:
        >>> from datetime import date
        >>> months = [date(2011, 12, 1), date(2012, 1, 1), date(2012, 1, 1)]
        >>> grid = pl.DataFrame({"place_id": ["MLI", "MLI.mopti", "TGO"], "month_start": months})
        >>> is_covered(grid, "governance_register", "local_agreement").to_list()
        [False, True, False]
    """
    periods = coverage().filter((pl.col("source") == source) & pl.col("series").is_in(["", series]))
    is_in_spell = [
        (pl.col("place_id").str.head(3) == row["country_code"])
        & (pl.col("month_start") >= row["kept_from"])
        & (pl.col("month_start").dt.month_end() <= row["kept_until"])
        for row in periods.iter_rows(named=True)
    ]
    return grid.select(pl.any_horizontal(pl.col("place_id").is_null(), *is_in_spell)).to_series()


def register_count(
    entries: pl.DataFrame,
    grid: pl.DataFrame,
    registers: tuple[str, ...],
    entry_types: tuple[str, ...],
    of_regions: bool = False,
) -> pl.DataFrame:
    """Entries of hand-kept registers in the month; null where one of them is not kept.

    Outside its declared coverage a register is silent, not quiet; so is one without an entry.

    Args:
        entries: Core register entries.
        grid: ``place_id`` and ``month_start`` to be covered.
        registers: Which ones.
        entry_types: Kinds of entries to count.
        of_regions: Whether places are regions: an entry counts in each region it names, one
            that names none in no region.
    """
    of_register = entries.filter(pl.col("register").is_in(registers))
    place = pl.col("region_id").str.split(";") if of_regions else pl.concat_list("country_code")
    entries_count = (
        of_register.filter(pl.col("entry_type").is_in(entry_types))
        .with_columns(place_id=place, month_start=pl.col("entry_date").dt.month_start())
        .explode("place_id")
        .group_by(PLACE_MONTH)
        .agg(entries=pl.len().cast(pl.Float64))
    )
    are_kept = [is_covered(grid, "governance_register", register) for register in registers]
    is_kept = pl.all_horizontal(*are_kept, pl.lit(of_register.height > 0))
    return grid.join(entries_count, on=PLACE_MONTH, how="left", maintain_order="left").select(
        *PLACE_MONTH, value=pl.when(is_kept).then(pl.col("entries").fill_null(0.0))
    )


def _presence(cadre: str, words: str) -> Indicator:
    """The share of a cadre's posts held."""
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


def _register(
    name: str,
    registers: tuple[str, ...],
    entry_types: tuple[str, ...],
    rises_mean: str,
    summary: str,
    level: str = "country",
    version: int = 2,
) -> Indicator:
    return Indicator(
        name=name,
        version=version,
        compute=partial(
            register_count,
            registers=registers,
            entry_types=entry_types,
            of_regions=level == "region",
        ),
        place_level=level,
        unit="entries / month",
        rises_mean=rises_mean,
        reads=("entries", "grid"),
        sources=("governance_register",),
        summary=summary,
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
    _register(
        "transition_milestones_count",
        ("transition_milestone",),
        ("charter", "roadmap", "referendum", "election", "handover"),
        "better",
        "Charters, road maps, votes and handovers of a transition in the month; postponements "
        "and other entries are not in it.",
    ),
    _register(
        "transition_postponements_count",
        ("transition_milestone",),
        ("postponement",),
        "worse",
        "Votes of a transition that were put off in the month.",
    ),
    _register(
        "national_dialogues_count",
        ("national_dialogue",),
        ("session", "conclusion"),
        "neither",
        "Sessions of a national dialogue that began, and conclusions, in the month.",
        version=1,
    ),
    *(
        _register(
            f"{kind}_agreements{here}_count",
            (f"{kind}_agreement",),
            ("ceasefire", "peace_agreement"),
            "better",
            f"{words} in the month{of_region}; breaches and other entries are not in it.",
            level,
            version,
        )
        for kind, words, version in (
            ("local", "Local ceasefires and peace agreements", 3),
            (
                "national",
                "Ceasefires and peace agreements of the State, or of the coalitions that speak "
                "for a whole conflict,",
                1,
            ),
        )
        for here, of_region, level in (
            ("", "", "country"),
            ("_here", " that name the region (one that names several counts in each)", "region"),
        )
    ),
    _register(
        "agreement_breaches_count",
        ("local_agreement", "national_agreement"),
        ("breach",),
        "worse",
        "Local and national ceasefires and agreements broken or ended in the month.",
        version=3,
    ),
    _register(
        "emergency_acts_count",
        ("state_of_emergency",),
        ("declaration", "extension"),
        "worse",
        "States of emergency declared or extended in the month.",
    ),
    _register(
        "force_mandate_acts_count",
        ("force_mandate",),
        ("decision", "start", "end", "withdrawal", "base_opened", "base_closed"),
        "neither",
        "Decisions on foreign forces and missions, their starts, ends and bases in the month.",
    ),
)
