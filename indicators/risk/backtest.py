"""Rolling origins: what the models would have said, from what was known then, and what came."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
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
    truth = vintages.latest()
    regions = slice(vintages.regions.height)
    rng = np.random.default_rng(SEED)
    losses: list[tuple[date, int, Array, Array]] = []  # last day of the window, origin's number
    rows: dict[str, list[Array]] = {}
    scored: dict[int, list[tuple[dict[str, dict[str, Array]], dict[str, Array], Array, Array]]] = {
        horizon: [] for horizon in horizons
    }
    every = [*burn_in, *origins]
    for number, origin in enumerate(every):
        base = vintages.inputs(origin)
        panel = base.panel(getattr(base, target))
        is_scored = number >= len(burn_in)
        tuned = tuning(target)
        learnt = [
            (0.5 ** ((number - past) / WEIGHT_HALF_LIFE), crps, bits)
            for over, past, crps, bits in losses
            if over <= origin.known_until
        ]
        weight = scores.best_weight(learnt) if learnt else tuned.weight
        for horizon in horizons:
            window = forecast_window(panel, horizon, horizon, tuned)
            came = observed_after(
                getattr(truth, target), panel.places, origin.night, horizon, horizon
            )[regions]
            here = window.pool.take(np.arange(len(came)))
            over = date.fromordinal(origin.night.toordinal() + horizon * BLOCK_DAYS)
            losses.append((over, number, *scores.pool_losses(here, came)))
            if is_scored:
                scored[horizon].append(
                    _scores(window, here, came, weight, panel.counts[-1, regions], target, rng)
                )
        if is_scored:
            found = _night_rows(panel, base, truth, origin, target)
            for name, value in {**found, "weights": np.float64(weight)}.items():
                rows.setdefault(name, []).append(np.asarray(value))
    stacked: dict[str, Any] = {name: np.stack(values) for name, values in rows.items()}
    return BacktestResult(
        origins=list(origins),
        by_horizon={horizon: _stacked(parts) for horizon, parts in scored.items()},
        **stacked,
    )


def _scores(
    window: Window,
    pool: CountMixture,
    came: Array,
    weight: float,
    newest: Array,
    target: str,
    rng: np.random.Generator,
) -> tuple[dict[str, dict[str, Array]], dict[str, Array], Array, Array]:
    """Measures by model, PIT by model, calibrated chance, what came; one origin."""
    at_least = 1.0 if target == "events" else float(MANY_DEATHS)

    def with_weight(share: float) -> CountMixture:
        return replace(pool, weight=np.where(pool.weight > 0, share, 0.0))

    forecasts = {
        "self_exciting": with_weight(1.0),
        "conflictology": with_weight(0.0),
        POOL: with_weight(weight),
        "last_value": replace(with_weight(0.0), draws=newest[:, None]),
        "zero": replace(with_weight(0.0), draws=np.zeros((len(came), 1))),
    }
    bound = np.full(len(came), at_least)
    shift = window.past_windows.logit_shift(at_least)
    chance = {name: one.exceedance_probability(bound) for name, one in forecasts.items()}
    chance[POOL] = models.calibrated_probability(chance[POOL], shift)
    measured = {
        "crps": {name: scores.crps(one, came) for name, one in forecasts.items()},
        "crps_above_10": {
            name: scores.crps(one, came, above=scores.TAIL_FROM) for name, one in forecasts.items()
        },
        "ignorance": {name: scores.ignorance(one, came) for name, one in forecasts.items()},
        "interval_score_90": {
            name: scores.interval_score(one, came) for name, one in forecasts.items()
        },
        "brier": {name: scores.brier(chance[name], came >= at_least) for name in forecasts},
        "bias": {name: one.expected() - came for name, one in forecasts.items()},
    }
    uniform = rng.uniform(size=len(came))
    pit = {name: scores.randomised_pit(one, came, uniform) for name, one in forecasts.items()}
    return measured, pit, chance[POOL], came


def _stacked(
    parts: Sequence[tuple[dict[str, dict[str, Array]], dict[str, Array], Array, Array]],
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
