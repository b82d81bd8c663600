"""The back-test: nights and what was known on them, scores, tables, page."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from config.errors import TocsinError
from config.months import month_after, months_between
from indicators.arrays import Array
from indicators.risk import scorecard
from indicators.risk.backtest import LEARNING_MONTHS, backtest, candidate_gain
from indicators.risk.coups import rate_ratios
from indicators.risk.explain import newest_complete_month
from indicators.risk.panel import (
    BLOCK_DAYS,
    HORIZONS,
    YEAR_DAYS,
    EventDays,
    Panel,
    block_sums,
    weighted_means,
)
from indicators.risk.scorecard import ScorecardTables
from indicators.risk.vintages import FIRST_DAY, NightInputs, Origin, Vintages
from warehouse import build
from warehouse.sources import EVENT_SOURCE

SCORED_HORIZONS = (1, 3, 6)  # of deaths, candidates, and windows from the last day known
ORIGINS = 54  # scored unless told otherwise
LEAST_HISTORY = 60  # months before the first origin weights are learnt from
BURN_IN_MONTHS = LEARNING_MONTHS + max(HORIZONS)
OUTCOME_DAYS = max(HORIZONS) * BLOCK_DAYS
PRESUMED_OPEN = timedelta(days=730)
Rows = list[tuple[object, ...]]
Feature = Callable[[Origin, NightInputs, Panel], Array]


class BacktestError(TocsinError):
    """The origins cannot be scored; the message says which can."""


@dataclass(frozen=True)
class Scorecard:
    """Tables, the page made of them, and how long it took."""

    tables: ScorecardTables
    page: str
    seconds: float


def origin_of(month: date) -> Origin:
    """The first night on which a month was wholly known, by the source's lag.

    Example:
        >>> origin = origin_of(date(2021, 5, 1))
        >>> str(origin.night), str(origin.known_until)
        ('2021-06-20', '2021-05-31')
    """
    last_day = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    night = pl.select(EVENT_SOURCE.lag.known_at(pl.lit(last_day))).item().date()
    return Origin(night, last_day)


def origins_between(first: date, last: date) -> list[Origin]:
    """Origins of the months ``first`` to ``last``, the oldest first."""
    return [origin_of(month_after(first, k)) for k in range(months_between(first, last) + 1)]


def score(
    con: duckdb.DuckDBPyConnection, origins_from: date | None, origins_until: date | None
) -> Scorecard:
    """Back-test on the nights after these months, kept as ``ops.scorecard``.

    Args:
        con: The working file.
        origins_from: First month; None: so that there are ``ORIGINS``.
        origins_until: Last month; None: the last whose outcomes are known.

    Raises:
        BacktestError: Outcomes are not known, or too little lies before.
    """
    began = time.perf_counter()
    tonight = datetime.now(UTC).date()
    build.build_core(con, tonight)
    complete_until = build.complete_until(con, EVENT_SOURCE, tonight)
    latest = newest_complete_month(complete_until)
    while origin_of(latest).night + timedelta(days=OUTCOME_DAYS) > complete_until:
        latest = month_after(latest, -1)
    last = month_after(origins_until or latest, 0)
    first = month_after(origins_from, 0) if origins_from else month_after(last, 1 - ORIGINS)
    earliest = month_after(FIRST_DAY, LEAST_HISTORY + BURN_IN_MONTHS)
    if not earliest <= first <= last <= latest:
        raise BacktestError(
            f"origins {first:%Y-%m} to {last:%Y-%m} cannot be scored: give --since and --until "
            f"within {earliest:%Y-%m} and {latest:%Y-%m}"
        )
    vintages = Vintages(
        build.read(con, "core.event_version"), build.read(con, "core.region").sort("region_id")
    )
    before = origins_between(month_after(first, -BURN_IN_MONTHS), month_after(first, -1))
    origins = origins_between(first, last)
    of_events = backtest(vintages, origins, before)
    of_deaths = backtest(vintages, origins, before, "deaths", SCORED_HORIZONS)
    without_gap = backtest(
        vintages,
        [Origin(o.known_until, o.known_until, o.night) for o in origins],
        [Origin(o.known_until, o.known_until, o.night) for o in before],
        horizons=SCORED_HORIZONS,
    )
    tables = scorecard.scorecard_tables(of_events, of_deaths, vintages, without_gap)
    seconds = time.perf_counter() - began
    more = candidates(con, vintages, origins) + after_coups(con, vintages)
    tables = replace(tables, rows=pl.concat([tables.rows, scorecard.tidy_frame(more)]))
    build.write_scorecard(
        con,
        tables.rows.with_columns(
            origins_from=pl.lit(first),
            origins_until=pl.lit(last),
            known_until=pl.lit(tonight),
        ),
    )
    nights = origins[0].night, origins[-1].night
    return Scorecard(tables, scorecard.scorecard_page(tables, nights, tonight, seconds), seconds)


def candidates(con: duckdb.DuckDBPyConnection, vintages: Vintages, origins: list[Origin]) -> Rows:
    """What further features would add to the self-exciting model, each on its own."""
    core = {n: build.read(con, f"core.{n}") for n in ("coup", "suspension", "presence")}
    codes = vintages.regions["country_code"].unique().sort().to_list()
    places = [*vintages.regions["region_id"].to_list(), *codes]
    countries = np.array([*vintages.regions["country_code"].to_list(), *codes])
    one_sided = replace(
        vintages, versions=vintages.versions.filter(pl.col("violence_type") == "one_sided")
    )

    def block_ends(base: NightInputs, panel: Panel) -> Array:
        back = np.arange(len(panel.features), dtype=np.float64)[::-1]
        return np.asarray(base.known_until - BLOCK_DAYS * back)

    def mean_of(events: EventDays, base: NightInputs, panel: Panel) -> Array:
        blocks = (base.known_until - FIRST_DAY.toordinal() + 1) // BLOCK_DAYS
        sums = block_sums(events, panel.places, base.known_until, blocks, 180)
        return weighted_means(sums, 180)[-len(panel.features) :]

    def own_while(is_so: Callable[[Array], Array]) -> Feature:
        """Own weighted events, where and while something holds (blocks x places, 0 to 1)."""

        def feature(_: Origin, base: NightInputs, panel: Panel) -> Array:
            return panel.features[..., 3] * is_so(block_ends(base, panel))

        return feature

    def after_coup(ends: Array) -> Array:
        so = np.zeros((ends.size, countries.size))
        for code, day in core["coup"].select("country_code", "coup_date").iter_rows():
            days = ends - day.toordinal()
            so[np.ix_((days >= 0) & (days < 6 * BLOCK_DAYS), countries == code)] = 1
        return so

    def suspended(ends: Array) -> Array:
        so = np.zeros((ends.size, countries.size))
        spells = core["suspension"].filter(pl.col("opened_date").is_not_null())
        for code, opened, closed, confirmed in spells.select(
            "country_code", "opened_date", "closed_date", "confirmed_date"
        ).iter_rows():
            end = closed or confirmed + PRESUMED_OPEN
            is_open = (ends >= opened.toordinal()) & (ends <= end.toordinal())
            so[np.ix_(is_open, countries == code)] = 1
        return so

    def absent(ends: Array) -> Array:
        so = np.zeros((ends.size, countries.size))
        observed = (
            core["presence"]
            .sort("observed_date")
            .filter(pl.col("region_id").is_in(places) & pl.col("presence_share").is_not_null())
        )
        for region, day, share in observed.select(
            "region_id", "observed_date", "presence_share"
        ).iter_rows():
            so[ends >= day.toordinal(), places.index(region)] = 1 - share
        return so

    def season(_: Origin, base: NightInputs, panel: Panel) -> Array:
        ends = base.known_until + BLOCK_DAYS - YEAR_DAYS  # the coming block, a year before
        return block_sums(base.events, panel.places, ends, len(panel.features))

    tried: dict[str, Feature] = {
        "deaths, half-life 180 days": lambda _, base, panel: mean_of(base.deaths, base, panel),
        "one-sided events, half-life 180 days": lambda origin, base, panel: mean_of(
            one_sided.inputs(origin).events, base, panel
        ),
        "the same thirty days a year before": season,
        "own events in the 180 days after a coup": own_while(after_coup),
        "own events while aid or cooperation is suspended": own_while(suspended),
        "own events times the share of absent administrators (unknown: 0)": own_while(absent),
    }
    return [
        ("events", name, horizon, "self_exciting", "crps_gain",
         *candidate_gain(vintages, origins, horizon, extra))
        for name, extra in tried.items()
        for horizon in SCORED_HORIZONS
    ]  # fmt: skip


def after_coups(con: duckdb.DuckDBPyConnection, vintages: Vintages) -> Rows:
    """What followed Mali's coups, in times of what the past foretold."""
    days = (
        build.read(con, "core.coup")
        .filter(pl.col("is_successful") & (pl.col("coup_date") >= date(2000, 1, 1)))
        .filter(country_code="MLI")["coup_date"]
        .to_list()
    )
    believed = vintages.versions.filter(
        pl.col("known_to").is_null() & pl.col("region_id").is_not_null(), country_code="MLI"
    )
    by_month = (
        believed.sort("event_date")
        .with_columns(month=pl.col("event_date").dt.month_start())
        .group_by("month", maintain_order=True)
        .agg(events=pl.len(), deaths=pl.col("deaths_best_count").sum())
    )
    months = [months_between(FIRST_DAY, month) for month in by_month["month"]]
    rows: Rows = []
    for target in ("events", "deaths"):
        counts = np.zeros(months[-1] + 1)
        counts[months] = by_month[target].to_numpy()
        ratios = rate_ratios(counts, [months_between(FIRST_DAY, day) for day in days])
        rows += [
            (target, f"Mali, after the coup of {day}", 6, "quasi-Poisson", "rate_ratio", *ratio)
            for day, ratio in zip(days, ratios, strict=True)
        ]
    return rows
