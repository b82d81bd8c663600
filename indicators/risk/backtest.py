"""Rolling origins: what the models would have said, from what was known then, and what came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from config.registry import thresholds
from indicators.risk import assess, models, scores
from indicators.risk.assess import HORIZONS, MANY_DEATHS, Night, Window
from indicators.risk.mixtures import CountMixture
from indicators.risk.panel import BLOCK_DAYS, Array, EventDays, Mask, Panel

MODELS = ("self_exciting", "conflictology")
BASELINES = ("last_value", "zero")
MEASURES = ("crps", "crps_above_10", "ignorance", "interval_score_90", "brier", "bias")
LEARNING_MONTHS = 36  # origins before the first one scored, from which the pool's weight is learnt
WEIGHT_HALF_LIFE = 24  # months after which an origin counts half in it
SEED = 2026  # of the randomised PIT


@dataclass(frozen=True)
class Origin:
    """A past night and what was known on it.

    Attributes:
        night: Night after which windows begin.
        known_until: Last day that the event source wholly covered.
        believed: Evening whose versions count; None: the night's.
    """

    night: date
    known_until: date
    believed: date | None = None


@dataclass(frozen=True)
class Replay:
    """What a back-test rests on.

    Attributes:
        versions: Every version of every event: ``event_date``, ``country_code``, ``region_id``,
            ``deaths_best_count``, ``violence_type``, ``known_from``, ``known_to`` (null: still
            believed).
        regions: Core regions with centroids, sorted by ``region_id``.
    """

    versions: pl.DataFrame
    regions: pl.DataFrame

    def as_of(self, night: date) -> pl.DataFrame:
        """Events as they were believed on the evening of a night."""
        return self.versions.filter(
            (pl.col("known_from").dt.date() <= night)
            & (pl.col("known_to").is_null() | (pl.col("known_to").dt.date() > night))
        )

    def night(self, origin: Origin) -> Night:
        """What a night's forecasts rested on."""
        events = self.as_of(origin.believed or origin.night)
        return assess.night_of(events, self.regions, origin.known_until, origin.night)

    def latest(self) -> Night:
        """All events as they are believed now."""
        newest = self.versions.filter(pl.col("known_to").is_null())
        return assess.night_of(newest, self.regions, date.max, date.max)


@dataclass(frozen=True)
class Scores:
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
class Result:
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
        p_first: Calibrated chance of a first event; NaN: not quiet for a year.
        reached: Block after the night in which the escalation was reached; 0: it was not.
        reached_any: First block after the night with an event; 0: none in the window.
        recent: Events of the newest ninety days, as known then.
        drivers: Origins x regions x ``models.DRIVERS``.
    """

    origins: list[Origin]
    by_horizon: dict[int, Scores]
    weights: Array
    past_year: Array
    counts: Array
    p_escalation: Array
    p_uncalibrated: Array
    shifts: Array
    escalated: Mask
    threshold: Array
    p_first: Array
    reached: Array
    reached_any: Array
    recent: Array
    drivers: Array


def observed_after(events: EventDays, places: int, night: date, first: int, last: int) -> Array:
    """Events in blocks ``first`` to ``last`` after a night, one a place."""
    begin = night.toordinal() + (first - 1) * BLOCK_DAYS
    within = (events.day > begin) & (events.day <= night.toordinal() + last * BLOCK_DAYS)
    sums = np.bincount(events.place[within], weights=events.size[within], minlength=places)
    return np.asarray(sums, dtype=np.float64)


def backtest(
    replay: Replay,
    origins: Sequence[Origin],
    burn_in: Sequence[Origin] = (),
    target: str = "events",
    horizons: Sequence[int] = HORIZONS,
) -> Result:
    """Scores of every model and baseline at every origin.

    Args:
        replay: Versions of events and regions.
        origins: Nights scored, a month apart, the oldest first.
        burn_in: Nights before, from which the pool's weight is learnt.
        target: events or deaths.
        horizons: Blocks of thirty days after the night.
    """
    truth = replay.latest()
    regions = slice(replay.regions.height)
    rng = np.random.default_rng(SEED)
    losses: list[tuple[date, int, Array]] = []  # last day of the window, origin's number
    rows: dict[str, list[Array]] = {}
    scored: dict[int, list[tuple[dict[str, dict[str, Array]], dict[str, Array], Array, Array]]] = {
        horizon: [] for horizon in horizons
    }
    every = [*burn_in, *origins]
    for number, origin in enumerate(every):
        base = replay.night(origin)
        panel = base.panel(getattr(base, target))
        is_scored = number >= len(burn_in)
        tuned = assess.tuning(target)
        learnt = [
            (0.5 ** ((number - past) / WEIGHT_HALF_LIFE), by_weight)
            for over, past, by_weight in losses
            if over <= origin.known_until
        ]
        weight = scores.best_weight(learnt) if learnt else tuned.weight
        for horizon in horizons:
            window = assess.forecast_window(panel, horizon, horizon, tuned)
            came = observed_after(
                getattr(truth, target), panel.places, origin.night, horizon, horizon
            )[regions]
            here = window.pool.take(np.arange(len(came)))
            over = date.fromordinal(origin.night.toordinal() + horizon * BLOCK_DAYS)
            losses.append((over, number, scores.pool_losses(here, came)))
            if is_scored:
                scored[horizon].append(
                    _scores(window, here, came, weight, panel.counts[-1, regions], target, rng)
                )
        if is_scored:
            found = _night_rows(panel, base, truth, origin, target)
            for name, value in {**found, "weights": np.float64(weight)}.items():
                rows.setdefault(name, []).append(np.asarray(value))
    stacked: dict[str, Any] = {name: np.stack(values) for name, values in rows.items()}
    return Result(
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
        "combined": with_weight(weight),
        "last_value": replace(with_weight(0.0), draws=newest[:, None]),
        "zero": replace(with_weight(0.0), draws=np.zeros((len(came), 1))),
    }
    bound = np.full(len(came), at_least)
    shift = window.past.logit_shift(at_least)
    chance = {name: one.exceedance_probability(bound) for name, one in forecasts.items()}
    chance["combined"] = models.calibrated(chance["combined"], shift)
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
    return measured, pit, chance["combined"], came


def _stacked(
    parts: Sequence[tuple[dict[str, dict[str, Array]], dict[str, Array], Array, Array]],
) -> Scores:
    measured, pits, chances, came = zip(*parts, strict=True)
    return Scores(
        by_measure={
            measure: {name: np.stack([one[measure][name] for one in measured]) for name in by_model}
            for measure, by_model in measured[0].items()
        },
        pit={name: np.stack([one[name] for one in pits]) for name in pits[0]},
        probability=np.stack(chances),
        observed=np.stack(came),
    )


def _night_rows(
    panel: Panel, base: Night, truth: Night, origin: Origin, target: str
) -> dict[str, Array]:
    """What is kept of one origin beside the scores."""
    regions = slice(base.regions)
    kept = {"past_year": panel.features[-1, regions, 0], "counts": panel.counts[-1, regions]}
    names = ("p_escalation", "p_uncalibrated", "shifts", "escalated", "threshold", "p_first",
             "reached", "reached_any", "recent", "drivers")  # fmt: skip
    if target != "events":
        return kept | dict.fromkeys(names, np.empty(0))
    found = assess.escalation(panel)
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
        assess.first_event_probability(found),
        np.where(is_reached[-1], is_reached.argmax(axis=0) + 1, 0),
        np.where(is_any[-1], is_any.argmax(axis=0) + 1, 0),
        panel.counts[-last:].sum(axis=0),
        assess.contributions(found, panel),
    )
    return kept | {
        name: value if value.ndim == 0 else value[regions]
        for name, value in zip(names, values, strict=True)
    }


def candidate_gain(
    replay: Replay,
    origins: Sequence[Origin],
    horizon: int,
    extra: Callable[[Origin, Night, Panel], Array],
) -> tuple[float, float, float]:
    """What one more feature adds to the self-exciting model: share of its CRPS saved, 90% interval.

    Args:
        replay: Versions of events and regions.
        origins: Nights.
        horizon: Block of thirty days after the night.
        extra: From the origin, its night and panel to the feature, blocks x places, none negative.
    """
    truth, tuned = replay.latest(), assess.tuning()
    sums: dict[bool, list[float]] = {True: [], False: []}
    for origin in origins:
        base = replay.night(origin)
        plain = base.panel(base.events)
        came = observed_after(truth.events, plain.places, origin.night, horizon, horizon)
        added = np.concatenate([plain.features, extra(origin, base, plain)[..., None]], axis=-1)
        for with_it, panel in ((False, plain), (True, replace(plain, features=added))):
            pool = assess.forecast_window(panel, horizon, horizon, tuned).pool
            alone = replace(pool, weight=np.where(pool.weight > 0, 1.0, 0.0))
            here = np.arange(base.regions)
            sums[with_it].append(float(scores.crps(alone.take(here), came[here]).sum()))
    return scores.skill(np.asarray(sums[True]), np.asarray(sums[False]))
