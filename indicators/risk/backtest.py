"""Back-test on rolling origins: forecasts from what was known on each, and their scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from config.vocabulary import POOL
from indicators.arrays import Array, Mask
from indicators.risk import models, scores
from indicators.risk.drivers import contributions
from indicators.risk.mixtures import CountMixture
from indicators.risk.panel import BLOCK_DAYS, HORIZONS, EventDays, Panel
from indicators.risk.pool import (
    MANY_DEATHS,
    Window,
    first_event_probability,
    forecast_escalation,
    forecast_window,
    tuning,
)
from indicators.risk.vintages import NightInputs, Origin, Vintages

BASELINES = ("last_value", "zero")
LEARNING_MONTHS = 36  # origins before the first one scored, from which the pool's weight is learnt
WEIGHT_HALF_LIFE = 24  # months after which an origin counts half in it
SEED = 2026  # of the randomised PIT
EVENT_ARRAYS = (  # of a result, empty for deaths
    "p_escalation", "p_uncalibrated", "shifts", "escalated", "threshold", "p_first_event",
    "blocks_to_threshold", "blocks_to_first_event", "recent", "drivers",
)  # fmt: skip


@dataclass(frozen=True)
class HorizonScores:
    """Scores of one horizon.

    Attributes:
        by_measure: Measure -> model -> origins x regions.
        pit: Model -> origins x regions, randomised.
        probability: Origins x regions: calibrated chance of at least the count scored by Brier.
        observed: Origins x regions.
    """

    by_measure: dict[str, dict[str, Array]]
    pit: dict[str, Array]
    probability: Array
    observed: Array


@dataclass(frozen=True)
class BacktestResult:
    """A whole back-test of events or deaths; arrays are origins x regions.

    Attributes:
        origins: The nights.
        by_horizon: Scores of single blocks of thirty days after the night.
        weights: Of the pool's first model, learnt before each origin.
        past_year: Events (or deaths) of the past year, per thirty days, as known then.
        counts: Of the newest thirty days, as known then.
        p_escalation: Calibrated; empty for deaths, as what follows.
        p_uncalibrated: Before the shift.
        shifts: One an origin.
        escalated: Whether the threshold was reached.
        threshold: Events that counted as escalation.
        p_first_event: Calibrated chance of a first event; NaN: not quiet for a year.
        blocks_to_threshold: Block after the night that reached the threshold; 0: none.
        blocks_to_first_event: First block after the night with an event; 0: none in the window.
        recent: Events of the newest ninety days, as known then.
        drivers: Origins x regions x ``FORECAST_DRIVERS``.
    """

    origins: list[Origin]
    by_horizon: dict[int, HorizonScores]
    weights: Array
    past_year: Array
    counts: Array
    p_escalation: Array
    p_uncalibrated: Array
    shifts: Array
    escalated: Mask
    threshold: Array
    p_first_event: Array
    blocks_to_threshold: Array
    blocks_to_first_event: Array
    recent: Array
    drivers: Array


@dataclass(frozen=True)
class _PoolLosses:
    """Losses of one past forecast by the pool's weight, ``scores.pool_losses``."""

    number: int  # of its origin
    window_end: date
    crps: Array
    ignorance: Array


def observed_after(events: EventDays, places: int, night: date, first: int, last: int) -> Array:
    """Events in blocks ``first`` to ``last`` after a night, one a place."""
    begin = night.toordinal() + (first - 1) * BLOCK_DAYS
    end = night.toordinal() + last * BLOCK_DAYS
    is_in_window = (events.day > begin) & (events.day <= end)
    place, size = events.place[is_in_window], events.size[is_in_window]
    return np.asarray(np.bincount(place, weights=size, minlength=places), dtype=np.float64)


def backtest(
    vintages: Vintages,
    origins: Sequence[Origin],
    burn_in: Sequence[Origin] = (),
    target: str = "events",
    horizons: Sequence[int] = HORIZONS,
) -> BacktestResult:
    """Scores of every model and baseline at every origin.

    Args:
        vintages: Versions of events and regions.
        origins: Nights scored, a month apart, the oldest first.
        burn_in: Nights before, from which the pool's weight is learnt.
        target: events or deaths.
        horizons: Blocks of thirty days after the night.
    """
    outcome, tuned = vintages.latest(), tuning(target)
    rng = np.random.default_rng(SEED)
    losses: list[_PoolLosses] = []
    by_origin: list[dict[str, Array]] = []
    by_horizon: dict[int, list[HorizonScores]] = {horizon: [] for horizon in horizons}
    for number, origin in enumerate([*burn_in, *origins]):
        inputs = vintages.inputs(origin)
        panel = inputs.panel(getattr(inputs, target))
        is_scored = number >= len(burn_in)
        weight = _learnt_weight(losses, number, origin.known_until, tuned.weight)
        for horizon in horizons:
            window = forecast_window(panel, horizon, horizon, tuned)
            pool = window.pool.take(np.arange(inputs.regions))
            observed = observed_after(
                getattr(outcome, target), panel.places, origin.night, horizon, horizon
            )[: inputs.regions]
            window_end = date.fromordinal(origin.night.toordinal() + horizon * BLOCK_DAYS)
            losses.append(_PoolLosses(number, window_end, *scores.pool_losses(pool, observed)))
            if is_scored:
                newest = panel.counts[-1, : inputs.regions]
                by_horizon[horizon].append(
                    _scores(window, pool, observed, weight, newest, target, rng)
                )
        if is_scored:
            arrays = _origin_arrays(panel, inputs, outcome, origin, target)
            by_origin.append({**arrays, "weights": np.asarray(weight)})
    stacked: dict[str, Any] = {
        name: np.stack([arrays[name] for arrays in by_origin]) for name in by_origin[0]
    }
    return BacktestResult(
        origins=list(origins),
        by_horizon={horizon: _stacked(parts) for horizon, parts in by_horizon.items()},
        **stacked,
    )


def _learnt_weight(
    losses: Sequence[_PoolLosses], number: int, known_until: date, declared: float
) -> float:
    """The pool's weight learnt from forecasts whose window is wholly known; else as declared.

    An origin weighs half after ``WEIGHT_HALF_LIFE`` origins.
    """
    known = [
        (0.5 ** ((number - past.number) / WEIGHT_HALF_LIFE), past.crps, past.ignorance)
        for past in losses
        if past.window_end <= known_until
    ]
    return scores.best_weight(known) if known else declared


def _scores(
    window: Window,
    pool: CountMixture,
    observed: Array,
    weight: float,
    newest: Array,
    target: str,
    rng: np.random.Generator,
) -> HorizonScores:
    """Scores at one origin and horizon; arrays are regions.

    Args:
        window: Of all places.
        pool: Of the regions alone.
        observed: Counts of the regions.
        weight: Of the pool's first model.
        newest: Counts of the newest thirty days known, the baseline ``last_value``.
        target: events or deaths.
        rng: Of the randomised PIT.
    """
    at_least = 1 if target == "events" else MANY_DEATHS

    def with_weight(share: float) -> CountMixture:
        return replace(pool, weight=np.where(pool.weight > 0, share, 0.0))

    forecasts = {
        "self_exciting": with_weight(1.0),
        "conflictology": with_weight(0.0),
        POOL: with_weight(weight),
        "last_value": replace(with_weight(0.0), draws=newest[:, None]),
        "zero": replace(with_weight(0.0), draws=np.zeros((len(observed), 1))),
    }
    probability = {name: f.exceedance_probability(at_least) for name, f in forecasts.items()}
    shift = window.past_windows.logit_shift(at_least)
    probability[POOL] = models.calibrated_probability(probability[POOL], shift)
    uniform = rng.uniform(size=len(observed))
    measures: dict[str, Callable[[str, CountMixture], Array]] = {
        "crps": lambda _, f: scores.crps(f, observed),
        "crps_above_10": lambda _, f: scores.crps(f, observed, above=scores.TAIL_FROM),
        "ignorance": lambda _, f: scores.ignorance(f, observed),
        "interval_score_90": lambda _, f: scores.interval_score(f, observed),
        "brier": lambda name, _: scores.brier(probability[name], observed >= at_least),
        "bias": lambda _, f: f.expected() - observed,
    }
    return HorizonScores(
        by_measure={
            measure: {name: score(name, f) for name, f in forecasts.items()}
            for measure, score in measures.items()
        },
        pit={name: scores.randomised_pit(f, observed, uniform) for name, f in forecasts.items()},
        probability=probability[POOL],
        observed=observed,
    )


def _stacked(by_origin: Sequence[HorizonScores]) -> HorizonScores:
    """Scores of one horizon, origins x regions."""
    first = by_origin[0]
    return HorizonScores(
        by_measure={
            measure: {
                name: np.stack([part.by_measure[measure][name] for part in by_origin])
                for name in by_model
            }
            for measure, by_model in first.by_measure.items()
        },
        pit={name: np.stack([part.pit[name] for part in by_origin]) for name in first.pit},
        probability=np.stack([part.probability for part in by_origin]),
        observed=np.stack([part.observed for part in by_origin]),
    )


def _origin_arrays(
    panel: Panel, inputs: NightInputs, outcome: NightInputs, origin: Origin, target: str
) -> dict[str, Array]:
    """Arrays of ``BacktestResult`` at one origin, but for the weight."""
    regions = slice(inputs.regions)
    arrays = {"past_year": panel.features[-1, regions, 0], "counts": panel.counts[-1, regions]}
    if target != "events":
        return arrays | dict.fromkeys(EVENT_ARRAYS, np.empty(0))
    escalation = forecast_escalation(panel)
    window, threshold = escalation.window, escalation.threshold
    by_block = [
        observed_after(outcome.events, panel.places, origin.night, block, block)
        for block in range(window.first, window.last + 1)
    ]
    sums = np.cumsum(by_block, axis=0)
    is_reached, is_any = sums >= threshold, sums > 0
    of_places = {
        "p_escalation": escalation.probability,
        "p_uncalibrated": window.pool.exceedance_probability(threshold),
        "escalated": is_reached[-1],
        "threshold": threshold,
        "p_first_event": first_event_probability(escalation),
        "blocks_to_threshold": np.where(is_reached[-1], is_reached.argmax(axis=0) + 1, 0),
        "blocks_to_first_event": np.where(is_any[-1], is_any.argmax(axis=0) + 1, 0),
        "recent": panel.counts[-window.last :].sum(axis=0),
        "drivers": contributions(escalation, panel),
    }
    arrays |= {name: values[regions] for name, values in of_places.items()}
    return arrays | {"shifts": np.asarray(escalation.shift)}
