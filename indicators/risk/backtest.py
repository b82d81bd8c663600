"""Rolling origins: what the models would have said, from what was known then, and what came."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np

from config.registry import thresholds
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

BASELINES = ("last_value", "zero")
LEARNING_MONTHS = 36  # origins before the first one scored, from which the pool's weight is learnt
WEIGHT_HALF_LIFE = 24  # months after which an origin counts half in it
SEED = 2026  # of the randomised PIT
_Scores = tuple[dict[str, dict[str, Array]], dict[str, Array], Array, Array]


@dataclass(frozen=True)
class HorizonScores:
    """Scores of one horizon.

    Attributes:
        by_measure: Measure -> model -> origins x regions.
        pit: Model -> origins x regions, randomised.
        probability: Origins x regions: calibrated chance of at least the count scored by Brier.
        observed: Origins x regions, what came.
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
        escalated: Whether it came.
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


def observed_after(events: EventDays, places: int, night: date, first: int, last: int) -> Array:
    """Events in blocks ``first`` to ``last`` after a night, one a place."""
    begin = night.toordinal() + (first - 1) * BLOCK_DAYS
    within = (events.day > begin) & (events.day <= night.toordinal() + last * BLOCK_DAYS)
    sums = np.bincount(events.place[within], weights=events.size[within], minlength=places)
    return np.asarray(sums, dtype=np.float64)


@dataclass(frozen=True)
class _HorizonForecast:
    """One origin's forecast of a block and what came; arrays are regions."""

    pool: CountMixture
    shift: float
    observed: Array
    losses: tuple[Array, Array]


@dataclass(frozen=True)
class _OriginForecast:
    """What one origin gives before the pool's weight is known."""

    by_horizon: dict[int, _HorizonForecast]
    night_rows: dict[str, Array]


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
        _origin_forecast, vintages, vintages.latest(), target, horizons, frozenset(origins)
    )
    forecasts: list[_OriginForecast] = list(mapping(forecast, every))
    weights = _weights_learnt(every, [one.by_horizon for one in forecasts], target)[len(burn_in) :]
    rng = np.random.default_rng(SEED)
    uniforms = rng.uniform(size=(len(origins), len(horizons), vintages.regions.height))
    scored = mapping(
        partial(_origin_scores, target),
        list(zip(forecasts[len(burn_in) :], weights, uniforms, strict=True)),
    )
    by_origin: list[list[_Scores]] = list(scored)
    rows = [one.night_rows for one in forecasts[len(burn_in) :]]
    stacked: dict[str, Any] = {name: np.stack([one[name] for one in rows]) for name in rows[0]}
    return BacktestResult(
        origins=list(origins),
        by_horizon={
            horizon: _stacked([of_origin[k] for of_origin in by_origin])
            for k, horizon in enumerate(horizons)
        },
        weights=np.array(weights),
        **stacked,
    )


def _origin_forecast(
    vintages: Vintages,
    truth: NightInputs,
    target: str,
    horizons: Sequence[int],
    scored: frozenset[Origin],
    origin: Origin,
) -> _OriginForecast:
    """Forecasts of one origin, from what was known then, and what came."""
    inputs = vintages.inputs(origin)
    panel = inputs.panel(getattr(inputs, target))
    by_horizon = {}
    for horizon in horizons:
        window = forecast_window(panel, horizon, horizon, tuning(target))
        observed = observed_after(
            getattr(truth, target), panel.places, origin.night, horizon, horizon
        )[: inputs.regions]
        pool = window.pool.take(np.arange(len(observed)))
        shift = window.past_windows.logit_shift(_least_count(target))
        by_horizon[horizon] = _HorizonForecast(
            pool, shift, observed, scores.pool_losses(pool, observed)
        )
    is_scored = origin in scored
    rows = _night_rows(panel, inputs, truth, origin, target) if is_scored else {}
    return _OriginForecast(by_horizon, {name: np.asarray(value) for name, value in rows.items()})


def _weights_learnt(
    origins: Sequence[Origin], forecasts: Sequence[dict[int, _HorizonForecast]], target: str
) -> list[float]:
    """The pool's weight at each origin, from forecasts whose windows were known to be over."""
    weights = []
    for number, origin in enumerate(origins):
        losses = [
            (0.5 ** ((number - past) / WEIGHT_HALF_LIFE), *one.losses)
            for past, of_origin in enumerate(forecasts[:number])
            for horizon, one in of_origin.items()
            if origins[past].night + timedelta(days=horizon * BLOCK_DAYS) <= origin.known_until
        ]
        weights.append(scores.best_weight(losses) if losses else tuning(target).weight)
    return weights


def _least_count(target: str) -> float:
    """The count whose chance is scored by Brier."""
    return 1.0 if target == "events" else float(MANY_DEATHS)


def _origin_scores(target: str, scored: tuple[_OriginForecast, float, Array]) -> list[_Scores]:
    """Scores of one origin, an entry a horizon.

    Args:
        target: events or deaths.
        scored: Its forecast, the pool's weight, and uniform numbers, horizons x regions.
    """
    forecast, weight, uniforms = scored
    newest = forecast.night_rows["counts"]
    return [
        _scores(one, weight, newest, target, uniform)
        for one, uniform in zip(forecast.by_horizon.values(), uniforms, strict=True)
    ]


def _scores(
    forecast: _HorizonForecast, weight: float, newest: Array, target: str, uniform: Array
) -> _Scores:
    """Measures by model, PIT by model, calibrated chance, what came; one origin and horizon."""
    pool, observed, at_least = forecast.pool, forecast.observed, _least_count(target)

    def with_weight(share: float) -> CountMixture:
        return replace(pool, weight=np.where(pool.weight > 0, share, 0.0))

    forecasts = {
        "self_exciting": with_weight(1.0),
        "conflictology": with_weight(0.0),
        POOL: with_weight(weight),
        "last_value": replace(with_weight(0.0), draws=newest[:, None]),
        "zero": replace(with_weight(0.0), draws=np.zeros((len(observed), 1))),
    }
    bound = np.full(len(observed), at_least)
    chance = {name: one.exceedance_probability(bound) for name, one in forecasts.items()}
    chance[POOL] = models.calibrated_probability(chance[POOL], forecast.shift)
    measured = {
        "crps": {name: scores.crps(one, observed) for name, one in forecasts.items()},
        "crps_above_10": {
            name: scores.crps(one, observed, above=scores.TAIL_FROM)
            for name, one in forecasts.items()
        },
        "ignorance": {name: scores.ignorance(one, observed) for name, one in forecasts.items()},
        "interval_score_90": {
            name: scores.interval_score(one, observed) for name, one in forecasts.items()
        },
        "brier": {name: scores.brier(chance[name], observed >= at_least) for name in forecasts},
        "bias": {name: one.expected() - observed for name, one in forecasts.items()},
    }
    pit = {name: scores.randomised_pit(one, observed, uniform) for name, one in forecasts.items()}
    return measured, pit, chance[POOL], observed


def _stacked(
    parts: Sequence[_Scores],
) -> HorizonScores:
    measured, pits, chances, came = zip(*parts, strict=True)
    return HorizonScores(
        by_measure={
            measure: {name: np.stack([one[measure][name] for one in measured]) for name in by_model}
            for measure, by_model in measured[0].items()
        },
        pit={name: np.stack([one[name] for one in pits]) for name in pits[0]},
        probability=np.stack(chances),
        observed=np.stack(came),
    )


def _night_rows(
    panel: Panel, base: NightInputs, truth: NightInputs, origin: Origin, target: str
) -> dict[str, Array]:
    """What is kept of one origin beside the scores."""
    regions = slice(base.regions)
    of_night = {"past_year": panel.features[-1, regions, 0], "counts": panel.counts[-1, regions]}
    names = ("p_escalation", "p_uncalibrated", "shifts", "escalated", "threshold", "p_first_event",
             "blocks_to_threshold", "blocks_to_first_event", "recent", "drivers")  # fmt: skip
    if target != "events":
        return of_night | dict.fromkeys(names, np.empty(0))
    found = forecast_escalation(panel)
    last = int(thresholds()["escalation"]["blocks"])
    by_block = [
        observed_after(truth.events, panel.places, origin.night, block, block)
        for block in range(1, last + 1)
    ]
    sums = np.cumsum(by_block, axis=0)
    is_reached, is_any = sums >= found.threshold, sums > 0
    values = (
        found.probability,
        found.window.pool.exceedance_probability(found.threshold),
        np.asarray(found.shift),
        is_reached[-1],
        found.threshold,
        first_event_probability(found),
        np.where(is_reached[-1], is_reached.argmax(axis=0) + 1, 0),
        np.where(is_any[-1], is_any.argmax(axis=0) + 1, 0),
        panel.counts[-last:].sum(axis=0),
        contributions(found, panel),
    )
    return of_night | {
        name: value if value.ndim == 0 else value[regions]
        for name, value in zip(names, values, strict=True)
    }
