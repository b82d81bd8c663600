"""The scorecard: what the back-test says, as tidy rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from config.registry import thresholds
from config.vocabulary import FORECAST_DRIVERS, LEVELS, MODELS, POOL
from indicators.arrays import Array, Mask
from indicators.risk import alarms, scores
from indicators.risk.backtest import BASELINES, BacktestResult
from indicators.risk.levels import level_of
from indicators.risk.panel import block_sums
from indicators.risk.pool import MANY_DEATHS
from indicators.risk.vintages import Origin, Vintages

ALL, ACTIVE = "all", "active in the past year"  # parts of the rows
FROM_LAST_DAY_KNOWN = "windows from the last day known"
Rows = list[tuple[object, ...]]
BUDGET = 0.1  # of region-months flagged, in the comparison of rules
REFERENCE = "conflictology"
SHOWN_MODELS = (*MODELS, POOL, *BASELINES)
CASES = ("MLI.sikasso", "MLI.kayes", "MLI.bamako")
CASE_NIGHTS = (date(2020, 7, 1), date(2022, 7, 31))
# Events in thirty days of the past year -> how the part is called.
VIOLENCE = {(0.0, 0.0): "no event in the past year", (0.0, 1.0): "up to one event in thirty days",
            (1.0, np.inf): "more than one event in thirty days"}  # fmt: skip
SKILL_MEASURES = ("crps", "crps_above_10", "ignorance", "interval_score_90", "brier")
BINS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
COVERAGE = (0.5, 0.8, 0.95)

# Of a probability p of an event, and whether it was observed.
PROBABILITY_MEASURES: dict[str, Callable[[Array, Mask], float]] = {
    "base_rate": lambda p, observed: float(observed.mean()),
    "auc": scores.auc,
    "average_precision": scores.average_precision,
    "average_precision_over_base_rate": lambda p, observed: (
        scores.average_precision(p, observed) / observed.mean()
    ),
    "brier": lambda p, observed: float(scores.brier(p, observed).mean()),
    "brier_skill": lambda p, observed: (
        1 - float(scores.brier(p, observed).mean()) / float(observed.mean() * (1 - observed.mean()))
    ),
    "log_loss": lambda p, observed: float(scores.log_loss(p, observed).mean()),
    "came_over_said": lambda p, observed: float(observed.sum() / p.sum()),
}


@dataclass(frozen=True)
class ScorecardTables:
    """Tables of the scorecard.

    Attributes:
        rows: Tidy: target, part, horizon_months, model, measure, value, interval_low,
            interval_high.
        calibration: Mean forecast and observed share, by target and bin of the forecast.
        rules: One row a way of flagging: flagged, precision, recall, ...
        cases: Night by night, for the regions of ``CASES``.
    """

    rows: pl.DataFrame
    calibration: pl.DataFrame
    rules: pl.DataFrame
    cases: pl.DataFrame


def scorecard_tables(
    events: BacktestResult,
    deaths: BacktestResult,
    vintages: Vintages,
    without_gap: BacktestResult | None = None,
) -> ScorecardTables:
    """Tables of the back-tests of events and of deaths.

    Args:
        events: Back-test of events.
        deaths: Back-test of deaths, on the same origins.
        vintages: What both rest on.
        without_gap: Events again, windows beginning right after the last day known.
    """
    ids = vintages.regions["region_id"].to_list()
    is_active = events.past_year > 0
    rows = [*_scores("events", events, is_active), *_scores("deaths", deaths, is_active)]
    for part, mask in _parts(events.past_year, ids):
        for target, result in (("events", events), ("deaths", deaths)):
            rows += _skills(target, part, result, mask)
    if without_gap:
        rows += _skills("events", FROM_LAST_DAY_KNOWN, without_gap, np.ones_like(is_active))
    rows += _escalation(events)
    rows += outcomes_by_level(events.p_escalation, events.escalated)
    rows += _first_events(events)
    return ScorecardTables(
        rows=tidy_frame(rows),
        calibration=_calibration(events, deaths),
        rules=_rules(events, vintages, ids),
        cases=_cases(events, ids),
    )


def tidy_frame(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Rows of ``ScorecardTables.rows`` as a frame."""
    schema = {
        **dict.fromkeys(("target", "part"), pl.String),
        "horizon_months": pl.Int64,
        **dict.fromkeys(("model", "measure"), pl.String),
        **dict.fromkeys(("value", "interval_low", "interval_high"), pl.Float64),
    }
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _parts(past_year: Array, ids: Sequence[str]) -> Iterable[tuple[str, Mask]]:
    """Countries and grades of violence, each with its mask: origins x regions."""
    countries = np.array([name[:3] for name in ids])
    for country in np.unique(countries):
        yield str(country), np.broadcast_to(countries == country, past_year.shape)
    for (low, high), name in VIOLENCE.items():
        yield name, (past_year <= 0) if high == 0 else (past_year > low) & (past_year <= high)


def _skills(target: str, part: str, result: BacktestResult, mask: Mask) -> Rows:
    """CRPS skill of the pool in a part, by horizon."""
    rows: Rows = []
    for horizon, horizon_scores in result.by_horizon.items():
        by_model = horizon_scores.by_measure["crps"]
        reference = np.where(mask, by_model[REFERENCE], 0).sum(axis=1)
        own = np.where(mask, by_model[POOL], 0).sum(axis=1)
        if reference.sum() > 0:
            measure = scores.skill(own, reference)
            rows.append((target, part, horizon, POOL, "crps_skill", *measure))
    return rows


def _scores(target: str, result: BacktestResult, is_active: Mask) -> Rows:
    """Scores over all regions; coverage and PIT too of those with an event in the past year."""
    rows: Rows = []
    for horizon, horizon_scores in result.by_horizon.items():
        for name in SHOWN_MODELS:
            key = (target, ALL, horizon, name)
            for measure, by_model in horizon_scores.by_measure.items():
                rows.append((*key, measure, float(by_model[name].mean()), None, None))
                if measure in SKILL_MEASURES and name != REFERENCE:
                    pair = (by_model[name].sum(axis=1), by_model[REFERENCE].sum(axis=1))
                    rows.append((*key, f"{measure}_skill", *scores.skill(*pair)))
        everywhere = np.ones_like(is_active)
        for part, mask in ((ALL, everywhere), (ACTIVE, is_active)):
            pit = horizon_scores.pit[POOL][mask]
            key = (target, part, horizon, POOL)
            for share in COVERAGE:
                is_covered = np.abs(pit - 0.5) <= share / 2
                measure = f"covered_{100 * share:.0f}"
                rows.append((*key, measure, float(is_covered.mean()), None, None))
            tenths = np.histogram(pit, bins=10, range=(0, 1))[0] / max(pit.size, 1)
            rows += [(*key, f"pit_{n}", float(share), None, None) for n, share in enumerate(tenths)]
    return rows


def _escalation(result: BacktestResult) -> Rows:
    """Measures of the chance of escalation, with 90% intervals over resampled origins."""
    probability, observed = result.p_escalation, result.escalated
    if not observed.any():
        return []
    everywhere = np.ones(observed.shape, bool)
    is_high = result.threshold > thresholds()["escalation"]["least_events"]
    resamples = scores.moving_block_bootstrap(len(observed))[:400]
    rows: Rows = []
    for part, mask, p in (
        (ALL, everywhere, probability),
        ("all, before calibration", everywhere, result.p_uncalibrated),
        ("usually more than 1.5 events in ninety days", is_high, probability),
    ):
        if not observed[mask].any():
            continue
        for measure, score in PROBABILITY_MEASURES.items():
            values = [score(p[rows_][mask[rows_]], observed[rows_][mask[rows_]])
                      for rows_ in resamples]  # fmt: skip
            low, high = np.quantile(values, [0.05, 0.95])
            value = score(p[mask], observed[mask])
            rows.append(("escalation", part, 3, POOL, measure, value, low, high))
    return rows


def outcomes_by_level(p_escalation: Array, escalated: Mask) -> Rows:
    """Rows of each level's region-months, and of those that escalated.

    Of level none, the latter are the escalations missed.

    Args:
        p_escalation: Origins x regions.
        escalated: Origins x regions.

    Example:
        >>> rows = outcomes_by_level(np.array([[0.15, 0.4, 0.0]]), np.array([[False, True, True]]))
        >>> [(row[1], row[4], row[5]) for row in rows if row[5]]  # doctest: +NORMALIZE_WHITESPACE
        [('none', 'region_months', 1.0), ('none', 'escalated', 1.0),
         ('watch', 'region_months', 1.0),
         ('alarm', 'region_months', 1.0), ('alarm', 'escalated', 1.0)]
    """
    cases = pl.DataFrame({"p": p_escalation.ravel(), "escalated": escalated.ravel()})
    cases = cases.with_columns(level=level_of(pl.col("p")))
    rows: Rows = []
    for level in LEVELS:
        of_level = cases.filter(level=level)
        key = ("level", level, 3, POOL)
        rows.append((*key, "region_months", float(of_level.height), None, None))
        rows.append((*key, "escalated", float(of_level["escalated"].sum()), None, None))
    return rows


def _first_events(result: BacktestResult) -> Rows:
    """Measures of the chance of a first event in ninety days after a quiet year."""
    is_quiet = np.isfinite(result.p_first_event)
    if not is_quiet.any():
        return []
    p, observed = result.p_first_event[is_quiet], (result.blocks_to_first_event > 0)[is_quiet]
    if not observed.any():
        return []
    key = ("first_event", "quiet for a year", 3, POOL)
    return [
        (*key, "base_rate", float(observed.mean()), None, None),
        (*key, "mean_forecast", float(p.mean()), None, None),
        (*key, "brier", float(scores.brier(p, observed).mean()), None, None),
        (*key, "log_loss", float(scores.log_loss(p, observed).mean()), None, None),
        (*key, "auc", scores.auc(p, observed), None, None),
        (*key, "average_precision", scores.average_precision(p, observed), None, None),
    ]


def _calibration(events: BacktestResult, deaths: BacktestResult) -> pl.DataFrame:
    """Mean forecast and observed share, by target and bin of the forecast."""
    is_quiet = np.isfinite(events.p_first_event)
    first = min(events.by_horizon)
    any_event, many = events.by_horizon[first], deaths.by_horizon[min(deaths.by_horizon)]
    targets = {
        "escalation": (events.p_escalation, events.escalated),
        "escalation, before calibration": (events.p_uncalibrated, events.escalated),
        "any event in thirty days": (any_event.probability, any_event.observed > 0),
        f"{MANY_DEATHS} deaths in thirty days": (many.probability, many.observed >= MANY_DEATHS),
        "first event in ninety days": (
            events.p_first_event[is_quiet], (events.blocks_to_first_event > 0)[is_quiet]
        ),
    }  # fmt: skip
    rows = []
    for target, (p, observed) in targets.items():
        number = np.clip(np.digitize(p, BINS) - 1, 0, len(BINS) - 2)
        for k in np.unique(number):
            is_in_bin = number == k
            rows.append(
                {
                    "chance_of": target,
                    "said": f"{BINS[k]:.0%} to {BINS[k + 1]:.0%}",
                    "cases": int(is_in_bin.sum()),
                    "mean_said": float(p[is_in_bin].mean()),
                    "came": float(observed[is_in_bin].mean()),
                }
            )
    return pl.DataFrame(rows)


def _newest_deaths(vintages: Vintages, origin: Origin) -> Array:
    """Deaths as known at an origin: its newest 37 blocks x regions."""
    inputs = vintages.inputs(origin)
    places = inputs.regions + int(inputs.country.max()) + 1
    return block_sums(inputs.deaths, places, inputs.known_until, 37)[:, : inputs.regions]


def _by_country(counts: Array, countries: npt.NDArray[np.str_]) -> Array:
    """The sum of each region's country, blocks x regions."""
    return np.stack([counts[:, countries == c].sum(axis=1) for c in countries], axis=1)


def _rules(result: BacktestResult, vintages: Vintages, ids: Sequence[str]) -> pl.DataFrame:
    """Scores of the model's flags and of simple rules: one row a rule."""
    recent, usual = result.recent, 3 * result.past_year
    flags: dict[str, Mask] = {"P(escalation)": alarms.flag_top_share(result.p_escalation, BUDGET)}
    number = flags["P(escalation)"].mean()
    flags["events of the last ninety days"] = alarms.flag_top_share(recent, number)
    flags["their rise over the past year"] = alarms.flag_top_share(recent - usual, number)
    deaths = [_newest_deaths(vintages, origin) for origin in result.origins]
    countries = np.array([name[:3] for name in ids])
    for months, label in ((12, "HDX Signals, the most in a year"), (36, "in three years")):
        for counts, grain in (
            (deaths, "region"),
            ([_by_country(d, countries) for d in deaths], "country"),
        ):
            newest = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in counts]
            flags[f"{label}, by {grain}"] = np.stack(newest)
    for level in LEVELS[1:]:
        flags[f"level {level} or above"] = result.p_escalation >= thresholds()["levels"][level]
    return pl.DataFrame(
        [
            {
                "rule": rule,
                **vars(alarms.alarm_score(flag, result.escalated, result.blocks_to_threshold)),
            }
            for rule, flag in flags.items()
        ]
    )


def _cases(result: BacktestResult, ids: Sequence[str]) -> pl.DataFrame:
    """One row a night of ``CASE_NIGHTS`` and region of ``CASES``."""
    rows = []
    for name in CASES:
        if name not in ids:
            continue
        region = ids.index(name)
        for number, origin in enumerate(result.origins):
            if not CASE_NIGHTS[0] <= origin.night <= CASE_NIGHTS[1]:
                continue
            p = result.p_escalation[number]
            drivers = result.drivers[number, region]
            rows.append(
                {
                    "region_id": name,
                    "night": origin.night,
                    "events": int(result.counts[number, region]),
                    "p_escalation": float(p[region]),
                    "rank": int((p > p[region]).sum()) + 1,
                    "driver": FORECAST_DRIVERS[int(np.nan_to_num(drivers).argmax())],
                    "expected_events": float(np.nansum(drivers)),
                    "came": bool(result.escalated[number, region]),
                }
            )
    frame = pl.DataFrame(rows, schema_overrides={"rank": pl.Int64})
    return frame.with_columns(level=level_of(pl.col("p_escalation"))) if rows else frame
