"""Back-test on rolling origins: forecasts from what was known on each, and their scores.

Forecasts: docs/models.md; results: docs/scorecard.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
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
    first_event_probability,
    forecast_escalation,
    forecast_window,
    tuning,
)
from indicators.risk.vintages import NightInputs, Origin, Vintages

BASELINES = ("log_linear", "last_value", "zero")
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
        p_first_event: Chance of a first event, not calibrated; NaN: not quiet for a year.
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
class _BlockForecast:
    """One origin's forecast of one block and what came; arrays are regions.

    Attributes:
        pool: With the declared weight.
        shift: Of the chance scored by Brier.
        observed: Counts.
        window_end: Last day of the block.
        losses: By the pool's weight, ``scores.pool_losses``.
        baselines: Forecasts by name of ``BASELINES``; none of an origin that is not scored.
    """

    pool: CountMixture
    shift: float
    observed: Array
    window_end: date
    losses: Array
    baselines: dict[str, CountMixture]


@dataclass(frozen=True)
class _OriginForecasts:
    """What one origin gives before the pool's weight is learnt.

    Attributes:
        blocks: One a horizon.
        arrays: Of ``BacktestResult``; none of an origin from which weights are learnt only.
    """

    blocks: list[_BlockForecast]
    arrays: dict[str, Array]


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
    mapping: Callable[..., Iterable[Any]] = map,
) -> BacktestResult:
    """Scores of every model and baseline at every origin.

    Args:
        vintages: Versions of events and regions.
        origins: Nights scored, a month apart, the oldest first.
        burn_in: Nights before, from which the pool's weight is learnt.
        target: events or deaths.
        horizons: Blocks of thirty days after the night.
        mapping: Applies a function to each origin; ``map``, or what does the same elsewhere.
    """
    every = [*burn_in, *origins]
    forecast = partial(
        _origin_forecasts, vintages, vintages.latest(), target, horizons, frozenset(origins)
    )
    forecasts: list[_OriginForecasts] = list(mapping(forecast, every))
    weights = [
        _learnt_weight(forecasts[:number], origin.known_until, tuning(target).weight)
        for number, origin in enumerate(every)
    ]
    scored_forecasts = forecasts[len(burn_in) :]
    uniforms = np.random.default_rng(SEED).uniform(
        size=(len(origins), len(horizons), vintages.regions.height)
    )
    by_origin: list[list[HorizonScores]] = list(
        mapping(
            partial(_origin_scores, target),
            list(zip(scored_forecasts, weights[len(burn_in) :], uniforms, strict=True)),
        )
    )
    stacked: dict[str, Any] = {
        name: np.stack([of_origin.arrays[name] for of_origin in scored_forecasts])
        for name in scored_forecasts[0].arrays
    }
    return BacktestResult(
        origins=list(origins),
        by_horizon={
            horizon: _stacked(parts)
            for horizon, parts in zip(horizons, zip(*by_origin, strict=True), strict=True)
        },
        weights=np.asarray(weights[len(burn_in) :]),
        **stacked,
    )


def _origin_forecasts(
    vintages: Vintages,
    outcome: NightInputs,
    target: str,
    horizons: Sequence[int],
    scored_origins: frozenset[Origin],
    origin: Origin,
) -> _OriginForecasts:
    """Forecasts of one origin, from what was known then, and what came."""
    inputs = vintages.inputs(origin)
    panel = inputs.panel(getattr(inputs, target))
    is_scored = origin in scored_origins
    blocks = []
    for horizon in horizons:
        window = forecast_window(panel, horizon, horizon, tuning(target))
        pool = window.pool.take(np.arange(inputs.regions))
        observed = observed_after(
            getattr(outcome, target), panel.places, origin.night, horizon, horizon
        )[: inputs.regions]
        blocks.append(
            _BlockForecast(
                pool,
                window.past_windows.logit_shift(_least_count(target)),
                observed,
                origin.night + timedelta(days=horizon * BLOCK_DAYS),
                scores.pool_losses(pool, observed),
                _baselines(panel, horizon, target, pool) if is_scored else {},
            )
        )
    return _OriginForecasts(
        blocks, _origin_arrays(panel, inputs, outcome, origin, target) if is_scored else {}
    )


def _baselines(
    panel: Panel, horizon: int, target: str, pool: CountMixture
) -> dict[str, CountMixture]:
    """Forecasts of the baselines; where ``log_linear`` has none: conflictology."""
    from indicators.risk.regression import log_linear  # statsmodels, when needed

    nothing = np.zeros_like(pool.mean)
    regions = slice(nothing.size)
    mean, dispersion = (of[regions] for of in log_linear(panel, horizon, horizon, tuning(target)))
    is_known = np.isfinite(mean)
    return {
        "log_linear": replace(
            pool,
            weight=is_known.astype(np.float64),
            mean=np.where(is_known, mean, 1.0),
            dispersion=np.where(is_known, dispersion, 1.0),
        ),
        "last_value": replace(pool, weight=nothing, draws=panel.counts[-1, regions, None]),
        "zero": replace(pool, weight=nothing, draws=nothing[:, None]),
    }


def _learnt_weight(
    past: Sequence[_OriginForecasts], known_until: date, declared_weight: float
) -> float:
    """The pool's weight learnt from forecasts whose window is wholly known; else as declared.

    An origin weighs half after ``WEIGHT_HALF_LIFE`` origins.
    """
    wholly_known = [
        (0.5 ** ((len(past) - number) / WEIGHT_HALF_LIFE), block.losses)
        for number, of_origin in enumerate(past)
        for block in of_origin.blocks
        if block.window_end <= known_until
    ]
    return scores.best_weight(wholly_known) if wholly_known else declared_weight


def _least_count(target: str) -> int:
    """The count whose chance is scored by Brier."""
    return 1 if target == "events" else MANY_DEATHS


def _origin_scores(
    target: str, origin_forecasts: tuple[_OriginForecasts, float, Array]
) -> list[HorizonScores]:
    """Scores of one origin, one a horizon.

    Args:
        target: events or deaths.
        origin_forecasts: Its forecasts, the pool's weight, and uniform numbers, horizons x regions.
    """
    forecasts, weight, uniforms = origin_forecasts
    return [
        _scores(block, weight, target, uniform)
        for block, uniform in zip(forecasts.blocks, uniforms, strict=True)
    ]


def _scores(block: _BlockForecast, weight: float, target: str, uniform: Array) -> HorizonScores:
    """Scores at one origin and horizon; arrays are regions.

    Args:
        block: Forecast and what came.
        weight: Of the pool's first model.
        target: events or deaths.
        uniform: Numbers of the randomised PIT.
    """
    pool, observed, at_least = block.pool, block.observed, _least_count(target)
    forecasts = _by_model(pool, weight) | block.baselines
    probability = {name: f.exceedance_probability(at_least) for name, f in forecasts.items()}
    probability[POOL] = models.calibrated_probability(probability[POOL], block.shift)
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


def _by_model(pool: CountMixture, weight: float) -> dict[str, CountMixture]:
    """Forecasts of the models and of the pool with this weight, by name."""

    def with_weight(share: float) -> CountMixture:
        return replace(pool, weight=np.where(pool.weight > 0, share, 0.0))

    return {
        "self_exciting": with_weight(1.0),
        "conflictology": with_weight(0.0),
        POOL: with_weight(weight),
    }


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
