"""The scorecard: what the back-test says, as tidy rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.registry import thresholds
from config.vocabulary import FORECAST_DRIVERS, LEVELS, MODELS, POOL
from indicators.arrays import Array, Mask
from indicators.risk import alarms, scores
from indicators.risk.backtest import BASELINES, BacktestResult
from indicators.risk.levels import level_of
from indicators.risk.panel import block_sums
from indicators.risk.pool import MANY_DEATHS
from indicators.risk.vintages import Vintages

ALL, ACTIVE = "all", "active in the past year"  # parts of the rows
FROM_LAST_DAY_KNOWN = "windows from the last day known"
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


@dataclass(frozen=True)
class ScorecardTables:
    """All a scorecard tells.

    Attributes:
        rows: Tidy: target, part, horizon_months, model, measure, value, interval_low,
            interval_high.
        calibration: Chances said and shares that came, by target and bin.
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
    """What the two back-tests (events, deaths) say.

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


def _parts(past: Array, ids: Sequence[str]) -> Iterable[tuple[str, Mask]]:
    countries = np.array([name[:3] for name in ids])
    for country in np.unique(countries):
        yield str(country), np.broadcast_to(countries == country, past.shape)
    for (low, high), name in VIOLENCE.items():
        yield name, (past <= 0) if high == 0 else (past > low) & (past <= high)


def _skills(target: str, part: str, result: BacktestResult, mask: Mask) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for horizon, scored in result.by_horizon.items():
        by_model = scored.by_measure["crps"]
        reference = np.where(mask, by_model[REFERENCE], 0).sum(axis=1)
        own = np.where(mask, by_model[POOL], 0).sum(axis=1)
        if reference.sum() > 0:
            measure = scores.skill(own, reference)
            rows.append((target, part, horizon, POOL, "crps_skill", *measure))
    return rows


def _scores(target: str, result: BacktestResult, is_active: Mask) -> list[tuple[object, ...]]:
    """Scores over all regions; coverage and PIT too of those with an event in the past year."""
    rows: list[tuple[object, ...]] = []
    for horizon, scored in result.by_horizon.items():
        for name in SHOWN_MODELS:
            key = (target, ALL, horizon, name)
            for measure, by_model in scored.by_measure.items():
                rows.append((*key, measure, float(by_model[name].mean()), None, None))
                if measure in SKILL_MEASURES and name != REFERENCE:
                    pair = (by_model[name].sum(axis=1), by_model[REFERENCE].sum(axis=1))
                    rows.append((*key, f"{measure}_skill", *scores.skill(*pair)))
        everywhere = np.ones_like(is_active)
        for part, mask in ((ALL, everywhere), (ACTIVE, is_active)):
            pit = scored.pit[POOL][mask]
            key = (target, part, horizon, POOL)
            for share in COVERAGE:
                is_covered = np.abs(pit - 0.5) <= share / 2
                measure = f"covered_{100 * share:.0f}"
                rows.append((*key, measure, float(is_covered.mean()), None, None))
            tenths = np.histogram(pit, bins=10, range=(0, 1))[0] / max(pit.size, 1)
            rows += [(*key, f"pit_{n}", float(share), None, None) for n, share in enumerate(tenths)]
    return rows


def _escalation(result: BacktestResult) -> list[tuple[object, ...]]:
    p, came = result.p_escalation, result.escalated
    base = came.mean()
    drawn = scores.moving_block_bootstrap(len(p))[:400]
    kinds: dict[str, Callable[[Array, Mask], float]] = {
        "base_rate": lambda p, came: float(came.mean()),
        "auc": scores.auc,
        "average_precision": scores.average_precision,
        "average_precision_over_base_rate": lambda p, came: (
            scores.average_precision(p, came) / came.mean()
        ),
        "brier": lambda p, came: float(scores.brier(p, came).mean()),
        "brier_skill": lambda p, came: (
            1 - float(scores.brier(p, came).mean()) / float(came.mean() * (1 - came.mean()))
        ),
        "log_loss": lambda p, came: float(scores.log_loss(p, came).mean()),
        "came_over_said": lambda p, came: float(came.sum() / p.sum()),
    }
    rows: list[tuple[object, ...]] = []
    is_high = result.threshold > thresholds()["escalation"]["least_events"]
    for part, mask, said in (
        (ALL, np.ones(p.shape, bool), p),
        ("all, before calibration", np.ones(p.shape, bool), result.p_uncalibrated),
        ("usually more than 1.5 events in ninety days", is_high, p),
    ):
        if not came[mask].any() or base == 0:
            continue
        for measure, body in kinds.items():
            again = [body(said[rows_][mask[rows_]], came[rows_][mask[rows_]]) for rows_ in drawn]
            low, high = np.quantile(again, [0.05, 0.95])
            value = body(said[mask], came[mask])
            rows.append(("escalation", part, 3, POOL, measure, value, low, high))
    return rows


def outcomes_by_level(p_escalation: Array, escalated: Mask) -> list[tuple[object, ...]]:
    """What a level is worth: region-months that had it, and how many of them escalated.

    Of level none, the latter are the escalations that no level foretold.

    Args:
        p_escalation: Origins x regions.
        escalated: Origins x regions, what came.

    Example:
        >>> rows = outcomes_by_level(np.array([[0.15, 0.4, 0.0]]), np.array([[False, True, True]]))
        >>> [(row[1], row[4], row[5]) for row in rows if row[5]]  # doctest: +NORMALIZE_WHITESPACE
        [('none', 'region_months', 1.0), ('none', 'escalated', 1.0),
         ('watch', 'region_months', 1.0),
         ('alarm', 'region_months', 1.0), ('alarm', 'escalated', 1.0)]
    """
    told = pl.DataFrame({"p": p_escalation.ravel(), "escalated": escalated.ravel()})
    levels = told.with_columns(level=level_of(pl.col("p")))
    rows: list[tuple[object, ...]] = []
    for level in LEVELS:
        had = levels.filter(level=level)
        key = ("level", level, 3, POOL)
        rows.append((*key, "region_months", float(had.height), None, None))
        rows.append((*key, "escalated", float(had["escalated"].sum()), None, None))
    return rows


def _first_events(result: BacktestResult) -> list[tuple[object, ...]]:
    """Chance of a first event in ninety days after a quiet year."""
    is_quiet = np.isfinite(result.p_first_event)
    if not is_quiet.any():
        return []
    said, came = result.p_first_event[is_quiet], (result.blocks_to_first_event > 0)[is_quiet]
    if not came.any():
        return []
    key = ("first_event", "quiet for a year", 3, POOL)
    return [
        (*key, "base_rate", float(came.mean()), None, None),
        (*key, "mean_forecast", float(said.mean()), None, None),
        (*key, "brier", float(scores.brier(said, came).mean()), None, None),
        (*key, "log_loss", float(scores.log_loss(said, came).mean()), None, None),
        (*key, "auc", scores.auc(said, came), None, None),
        (*key, "average_precision", scores.average_precision(said, came), None, None),
    ]


def _calibration(events: BacktestResult, deaths: BacktestResult) -> pl.DataFrame:
    """Chances said and shares that came, by target and bin of the chance."""
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
    for target, (said, came) in targets.items():
        number = np.clip(np.digitize(said, BINS) - 1, 0, len(BINS) - 2)
        for k in np.unique(number):
            within = number == k
            rows.append(
                {
                    "chance_of": target,
                    "said": f"{BINS[k]:.0%} to {BINS[k + 1]:.0%}",
                    "cases": int(within.sum()),
                    "mean_said": float(said[within].mean()),
                    "came": float(came[within].mean()),
                }
            )
    return pl.DataFrame(rows)


def _rules(result: BacktestResult, vintages: Vintages, ids: Sequence[str]) -> pl.DataFrame:
    recent, usual = result.recent, 3 * result.past_year
    flags: dict[str, Mask] = {"P(escalation)": alarms.flag_top_share(result.p_escalation, BUDGET)}
    number = flags["P(escalation)"].mean()
    flags["events of the last ninety days"] = alarms.flag_top_share(recent, number)
    flags["their rise over the past year"] = alarms.flag_top_share(recent - usual, number)
    deaths = []
    for origin in result.origins:
        base = vintages.inputs(origin)
        whole = block_sums(base.deaths, base.regions + int(base.country.max()) + 1,
                           base.known_until, 37)  # fmt: skip
        deaths.append(whole[:, : base.regions])
    countries = np.array([name[:3] for name in ids])
    for months, label in ((12, "HDX Signals, the most in a year"), (36, "in three years")):
        by_region = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in deaths]
        flags[f"{label}, by region"] = np.stack(by_region)
        of_country = [
            np.stack([d[:, countries == c].sum(axis=1) for c in countries], axis=1) for d in deaths
        ]
        by_country = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in of_country]
        flags[f"{label}, by country"] = np.stack(by_country)
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
