"""The back-test: nights and what was known on them, scores, tables, page."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from config.errors import TocsinError
from indicators.risk import scorecard
from indicators.risk.assess import FIRST_DAY, HORIZONS, Night
from indicators.risk.backtest import LEARNING_MONTHS, Origin, Replay, backtest, candidate_gain
from indicators.risk.coups import month_row, rate_ratios
from indicators.risk.explain import newest_complete_month
from indicators.risk.panel import (
    BLOCK_DAYS,
    YEAR_DAYS,
    Array,
    EventDays,
    Panel,
    block_sums,
    weighted_means,
)
from indicators.risk.scorecard import Findings, month_number, month_start
from warehouse.core import build_core
from warehouse.marts import write_scorecard
from warehouse.query import table_frame
from warehouse.sources import EVENT_SOURCE
from warehouse.vintages import complete_until

SCORED_HORIZONS = (1, 3, 6)  # of deaths, candidates, and windows from the last day known
ORIGINS = 54  # scored unless told otherwise
LEAST_HISTORY = 60  # months before the first origin weights are learnt from
OUTCOME_DAYS = max(HORIZONS) * BLOCK_DAYS
PRESUMED_OPEN = timedelta(days=730)
Rows = list[tuple[object, ...]]
Feature = Callable[[Origin, Night, Panel], Array]


class BacktestError(TocsinError):
    """The origins cannot be scored; the message says which can."""


@dataclass(frozen=True)
class Scorecard:
    """Findings, the page that tells them, and how long it took."""

    found: Findings
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


def origins_between(first: int, last: int) -> list[Origin]:
    """Origins of months ``first`` to ``last`` (month numbers)."""
    return [origin_of(month_start(number)) for number in range(first, last + 1)]


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
    build_core(con, tonight)
    known_until = complete_until(con, EVENT_SOURCE, tonight)
    latest = month_number(newest_complete_month(known_until))
    while origin_of(month_start(latest)).night + timedelta(days=OUTCOME_DAYS) > known_until:
        latest -= 1
    last = month_number(origins_until) if origins_until else latest
    first = month_number(origins_from) if origins_from else last - ORIGINS + 1
    burn_in = first - LEARNING_MONTHS - max(HORIZONS)
    earliest = month_number(FIRST_DAY) + LEAST_HISTORY + first - burn_in
    if not earliest <= first <= last <= latest:
        raise BacktestError(
            f"origins {month_start(first):%Y-%m} to {month_start(last):%Y-%m} cannot be scored: "
            f"give --since and --until within {month_start(earliest):%Y-%m} and "
            f"{month_start(latest):%Y-%m}"
        )
    replay = Replay(
        table_frame(con, "core.event_version"), table_frame(con, "core.region").sort("region_id")
    )
    before, origins = origins_between(burn_in, first - 1), origins_between(first, last)
    of_events = backtest(replay, origins, before)
    of_deaths = backtest(replay, origins, before, "deaths", SCORED_HORIZONS)
    without_gap = backtest(
        replay,
        [Origin(o.known_until, o.known_until, o.night) for o in origins],
        [Origin(o.known_until, o.known_until, o.night) for o in before],
        horizons=SCORED_HORIZONS,
    )
    found = scorecard.findings(of_events, of_deaths, replay, without_gap)
    seconds = time.perf_counter() - began
    more = candidates(con, replay, origins) + after_coups(con, replay)
    found = replace(found, rows=pl.concat([found.rows, scorecard.tidy(more)]))
    bounds = month_start(first), month_start(last)
    write_scorecard(
        con,
        found.rows.with_columns(
            origins_from=pl.lit(bounds[0]),
            origins_until=pl.lit(bounds[1]),
            known_until=pl.lit(tonight),
        ),
    )
    nights = origins[0].night, origins[-1].night
    return Scorecard(found, scorecard.page(found, nights, tonight, seconds), seconds)


def candidates(con: duckdb.DuckDBPyConnection, replay: Replay, origins: list[Origin]) -> Rows:
    """What further features would add to the self-exciting model, each on its own."""
    core = {n: table_frame(con, f"core.{n}") for n in ("coup", "suspension", "presence")}
    codes = replay.regions["country_code"].unique().sort().to_list()
    places = [*replay.regions["region_id"].to_list(), *codes]
    countries = np.array([*replay.regions["country_code"].to_list(), *codes])
    one_sided = replace(
        replay, versions=replay.versions.filter(pl.col("violence_type") == "one_sided")
    )

    def block_ends(base: Night, panel: Panel) -> Array:
        back = np.arange(len(panel.features), dtype=np.float64)[::-1]
        return np.asarray(base.known_until - BLOCK_DAYS * back)

    def mean_of(events: EventDays, base: Night, panel: Panel) -> Array:
        blocks = (base.known_until - FIRST_DAY.toordinal() + 1) // BLOCK_DAYS
        sums = block_sums(events, panel.places, base.known_until, blocks, 180)
        return weighted_means(sums, 180)[-len(panel.features) :]

    def own_while(is_so: Callable[[Array], Array]) -> Feature:
        """Own weighted events, where and while something holds (blocks x places, 0 to 1)."""

        def feature(_: Origin, base: Night, panel: Panel) -> Array:
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

    def season(_: Origin, base: Night, panel: Panel) -> Array:
        ends = base.known_until + BLOCK_DAYS - YEAR_DAYS  # the coming block, a year before
        return block_sums(base.events, panel.places, ends, len(panel.features))

    tried: dict[str, Feature] = {
        "deaths, half-life 180 days": lambda _, base, panel: mean_of(base.deaths, base, panel),
        "one-sided events, half-life 180 days": lambda origin, base, panel: mean_of(
            one_sided.night(origin).events, base, panel
        ),
        "the same thirty days a year before": season,
        "own events in the 180 days after a coup": own_while(after_coup),
        "own events while aid or cooperation is suspended": own_while(suspended),
        "own events times the share of absent administrators (unknown: 0)": own_while(absent),
    }
    return [
        ("events", name, horizon, "self_exciting", "crps_gain",
         *candidate_gain(replay, origins, horizon, extra))
        for name, extra in tried.items()
        for horizon in SCORED_HORIZONS
    ]  # fmt: skip


def after_coups(con: duckdb.DuckDBPyConnection, replay: Replay) -> Rows:
    """What followed Mali's coups, in times of what the past foretold."""
    days = (
        table_frame(con, "core.coup")
        .filter(pl.col("is_successful") & (pl.col("coup_date") >= date(2000, 1, 1)))
        .filter(country_code="MLI")["coup_date"]
        .to_list()
    )
    believed = replay.versions.filter(
        pl.col("known_to").is_null() & pl.col("region_id").is_not_null(), country_code="MLI"
    )
    by_month = (
        believed.sort("event_date")
        .with_columns(month=pl.col("event_date").dt.month_start())
        .group_by("month", maintain_order=True)
        .agg(events=pl.len(), deaths=pl.col("deaths_best_count").sum())
    )
    size = month_number(by_month["month"][-1]) - month_number(FIRST_DAY) + 1
    months = [month_row(month, FIRST_DAY) for month in by_month["month"]]
    rows: Rows = []
    for target in ("events", "deaths"):
        counts = np.zeros(size)
        counts[months] = by_month[target].to_numpy()
        ratios = rate_ratios(counts, [month_row(day, FIRST_DAY) for day in days])
        rows += [
            (target, f"Mali, after the coup of {day}", 6, "quasi-Poisson", "rate_ratio", *ratio)
            for day, ratio in zip(days, ratios, strict=True)
        ]
    return rows
