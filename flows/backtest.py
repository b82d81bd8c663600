"""The back-test: what was known at each origin, scores, tables, page."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock

import duckdb
import numpy as np
import polars as pl

from config.errors import TocsinError
from config.registry import thresholds
from indicators.risk import scorecard
from indicators.risk.assess import HORIZONS, MANY_DEATHS, tuning
from indicators.risk.backtest import LEARNING_MONTHS, Replay, backtest, candidate_gain
from indicators.risk.coups import month_row, rate_ratios
from indicators.risk.explain import newest_complete_month
from indicators.risk.panel import Array, distances_km, neighbour_weights, weighted_means
from indicators.risk.scorecard import Findings, month_number, month_start
from warehouse import build
from warehouse.sources import EVENT_SOURCE

FIRST_MONTH = date(1989, 1, 1)  # UCDP GED begins
DEATHS_HORIZONS = (1, 3, 6)
ORIGINS = 54  # scored unless told otherwise
LEAST_HISTORY = 60  # months before the first origin weights are learnt from
Rows = list[tuple[object, ...]]


class BacktestError(TocsinError):
    """The origins cannot be scored; the message says which can."""


@dataclass(frozen=True)
class Scorecard:
    """Findings, the page that tells them, and how long it took."""

    found: Findings
    page: str
    seconds: float


def replays(
    con: duckdb.DuckDBPyConnection, first: int, last: int, months: int
) -> tuple[Replay, Replay, list[str]]:
    """Events and deaths as known at origins ``first`` to ``last`` (month numbers), and region ids.

    An origin's night is the one on which its month became whole, by the source's lag.
    """
    regions = build.read(con, "core.region").sort("region_id")
    ids = regions["region_id"].to_list()
    month_end = pl.Series([month_start(first + k) for k in range(last - first + 1)])
    known_at = EVENT_SOURCE.lag.known_at(pl.col("last_day")).dt.date()
    origins = (
        pl.DataFrame({"last_day": month_end})
        .with_columns(pl.col("last_day").dt.month_end())
        .with_columns(origin=pl.int_range(pl.len()), night=known_at)
        .with_columns(known_at=pl.col("night").dt.combine(clock.max))
    )
    now = pl.DataFrame({"last_day": [date(9000, 1, 1)], "origin": [-1]}).with_columns(
        known_at=pl.lit(build.end_of(datetime.now(UTC).date()))
    )
    told = build.known_counts(
        con, pl.concat([origins.drop("night"), now.select("last_day", "origin", "known_at")])
    )
    distance = distances_km(
        regions["centroid_longitude"].to_numpy(), regions["centroid_latitude"].to_numpy()
    )
    weights = neighbour_weights(distance, thresholds()["spread"]["half_distance_km"])
    begins = month_number(FIRST_MONTH)
    row = told["origin"].to_numpy()
    month = (
        told["month_start"].dt.year().to_numpy() * 12
        + told["month_start"].dt.month().to_numpy()
        - 1
        - begins
    )
    place = told["region_id"].replace_strict(ids, range(len(ids)), return_dtype=pl.Int64).to_numpy()
    within = month < months
    made = []
    for value in ("events", "deaths"):
        counts = np.zeros((len(origins) + 1, months, len(ids)))  # the last row: known today
        counts[row[within], month[within], place[within]] = told[value].to_numpy()[within]
        made.append(Replay(counts[:-1], counts[-1], first - begins, weights))
    return made[0], made[1], ids


def score(
    con: duckdb.DuckDBPyConnection, origins_from: date | None, origins_until: date | None
) -> Scorecard:
    """Back-test on these origin months, kept as ``ops.scorecard``.

    Args:
        con: The working file.
        origins_from: First origin month; None: so that there are ``ORIGINS``.
        origins_until: Last origin month; None: the last whose outcomes are known.

    Raises:
        BacktestError: Outcomes are not known, or too little lies before.
    """
    began = time.perf_counter()
    tonight = datetime.now(UTC).date()
    build.build_core(con, tonight)
    newest = newest_complete_month(build.complete_until(con, EVENT_SOURCE, tonight))
    latest = month_number(newest) - max(HORIZONS)
    last = month_number(origins_until) if origins_until else latest
    first = month_number(origins_from) if origins_from else last - ORIGINS + 1
    burn_in = first - LEARNING_MONTHS - max(HORIZONS)
    begins = month_number(FIRST_MONTH)
    earliest = begins + LEAST_HISTORY + first - burn_in
    if not earliest <= first <= last <= latest:
        raise BacktestError(
            f"origins {month_start(first):%Y-%m} to {month_start(last):%Y-%m} cannot be scored: "
            f"give --since and --until within {month_start(earliest):%Y-%m} and "
            f"{month_start(latest):%Y-%m}"
        )
    origins_from, origins_until = month_start(first), month_start(last)
    events, deaths, ids = replays(con, burn_in, last, last + max(HORIZONS) + 1 - begins)
    origins = range(first - begins, last - begins + 1)
    tuned = tuning()
    of_events = backtest(events, origins, tuned)
    of_deaths = backtest(deaths, origins, tuned, at_least=MANY_DEATHS, horizons=DEATHS_HORIZONS)
    found = scorecard.findings(of_events, of_deaths, events, deaths, ids, FIRST_MONTH)
    seconds = time.perf_counter() - began
    more = candidates(con, events, origins, ids) + after_coups(con, events, deaths, ids)
    found = replace(found, rows=pl.concat([found.rows, scorecard.tidy(more)]))
    bounds = origins_from, origins_until
    build.write_scorecard(
        con,
        found.rows.with_columns(
            origins_from=pl.lit(origins_from),
            origins_until=pl.lit(origins_until),
            known_until=pl.lit(tonight),
        ),
    )
    return Scorecard(found, scorecard.page(found, bounds, tonight, seconds), seconds)


def candidates(
    con: duckdb.DuckDBPyConnection, events: Replay, origins: range, ids: list[str]
) -> Rows:
    """What further features would add to the self-exciting model, each on its own."""
    months, core = len(events.truth), {n: build.read(con, f"core.{n}") for n in build.CORE_TABLES}
    starts = [month_start(month_number(FIRST_MONTH) + k) for k in range(months)]
    countries = [name[:3] for name in ids]
    own = weighted_means(events.truth, 6)
    placed = core["event"].filter(pl.col("region_id").is_not_null())
    deaths = _by_month(
        placed.select("region_id", "event_date", value="deaths_best_count"), ids, months
    )
    one_sided = _by_month(
        placed.filter(violence_type="one_sided").select("region_id", "event_date", value=pl.lit(1)),
        ids,
        months,
    )
    after_coup, suspended = np.zeros((months, len(ids))), np.zeros((months, len(ids)))
    for code, day in core["coup"].select("country_code", "coup_date").iter_rows():
        row = month_row(day, FIRST_MONTH)
        if row >= 0:
            after_coup[row : row + 6, [c == code for c in countries]] = 1
    spells = core["suspension"].filter(pl.col("opened_date").is_not_null())
    for code, opened, closed, known in spells.select(
        "country_code", "opened_date", "closed_date", "confirmed_date"
    ).iter_rows():
        end = closed or known + timedelta(days=730)
        rows = [opened <= month <= end for month in starts]
        suspended[np.ix_(rows, [c == code for c in countries])] = 1
    absent = np.zeros((months, len(ids)))
    for region, day, share in (
        core["presence"]
        .sort("observed_date")
        .select("region_id", "observed_date", "presence_share")
    ).iter_rows():
        absent[month_row(day, FIRST_MONTH) :, ids.index(region)] = 1 - share
    season = np.vstack([np.zeros((11, len(ids))), events.truth])[:months]
    tried = {
        "deaths, half-life six months": weighted_means(deaths, 6),
        "one-sided events, half-life six months": weighted_means(one_sided, 6),
        "the same month a year before": season,
        "own events in the six months after a coup": own * after_coup,
        "own events while aid or cooperation is suspended": own * suspended,
        "own events times the share of absent administrators (unknown: 0)": own * absent,
    }
    return [
        ("events", name, horizon, "self_exciting", "crps_gain",
         *candidate_gain(events, origins, horizon, extra, tuning()))
        for name, extra in tried.items()
        for horizon in DEATHS_HORIZONS
    ]  # fmt: skip


def after_coups(
    con: duckdb.DuckDBPyConnection, events: Replay, deaths: Replay, ids: list[str]
) -> Rows:
    """What followed Mali's coups, in times of what the past foretold."""
    mali = [name.startswith("MLI") for name in ids]
    days = (
        build.read(con, "core.coup")
        .filter(pl.col("is_successful") & (pl.col("coup_date") >= date(2000, 1, 1)))
        .filter(country_code="MLI")["coup_date"]
        .to_list()
    )
    rows: Rows = []
    for target, replay in (("events", events), ("deaths", deaths)):
        series = replay.truth[:, mali].sum(axis=1)
        ratios = rate_ratios(series, [month_row(day, FIRST_MONTH) for day in days])
        rows += [
            (target, f"Mali, after the coup of {day}", 6, "quasi-Poisson", "rate_ratio", *ratio)
            for day, ratio in zip(days, ratios, strict=True)
        ]
    return rows


def _by_month(rows: pl.DataFrame, ids: list[str], months: int) -> Array:
    counts = np.zeros((months, len(ids)))
    row = rows["event_date"].map_elements(
        lambda d: month_row(d, FIRST_MONTH), return_dtype=pl.Int64
    )
    place = rows["region_id"].replace_strict(ids, range(len(ids)), return_dtype=pl.Int64)
    within = (row < months).to_numpy()
    np.add.at(
        counts, (row.to_numpy()[within], place.to_numpy()[within]), rows["value"].to_numpy()[within]
    )
    return counts
