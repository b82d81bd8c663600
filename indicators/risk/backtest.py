"""Rolling origins: what the models would have said, from what was known then, and what came."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config.registry import thresholds
from indicators.risk import models, scores
from indicators.risk.assess import HORIZONS, escalation_threshold, window_pool
from indicators.risk.emergence import first_events
from indicators.risk.models import Tuning
from indicators.risk.panel import Array, Mask, Panel

MODELS = ("self_exciting", "negbin_region", "conflictology")
BASELINES = ("last_value", "past_mean", "zero")
LEARNING_MONTHS = 36  # origins before the first one scored, from which weights are learnt
WEIGHT_HALF_LIFE = 24  # months after which an origin counts half in them


@dataclass(frozen=True)
class Replay:
    """What a back-test rests on.

    Attributes:
        known: Origins x months x regions: counts as known at each origin; months after
            the origin are not read.
        truth: Months x regions, counts as known today.
        first: Month number of the first origin of ``known``.
        weights: Regions x regions, of neighbours.
    """

    known: Array
    truth: Array
    first: int
    weights: Array

    def panel(self, origin: int) -> Panel:
        """Counts up to the origin as they were known then."""
        return Panel(self.known[origin - self.first, : origin + 1], self.weights)


@dataclass(frozen=True)
class Scored:
    """Scores of one horizon: by model, arrays origins x regions.

    Attributes:
        crps: Ranked probability score, events.
        log: Log score.
        brier: Of P(at least ``at_least``).
        covered: Share of the central interval -> whether it held.
        pit: Mid-PIT.
    """

    crps: dict[str, Array]
    log: dict[str, Array]
    brier: dict[str, Array]
    covered: dict[float, dict[str, Mask]]
    pit: dict[str, Array]


@dataclass(frozen=True)
class Result:
    """A whole back-test.

    Attributes:
        origins: Month numbers.
        by_horizon: Scores of single months ahead.
        p_escalation: Origins x regions.
        escalated: Origins x regions, what came.
        p_first: Origins x regions, of at least one event in the window, by the pool.
        p_first_shrunk: The same by ``first_events``; NaN: had an event in the past year.
        began: Origins x regions, whether one came.
        threshold: Origins x regions, events that counted as escalation.
        weights: Origins x ``MODELS``, learnt before each origin.
        drivers: Origins x regions x ``models.DRIVERS``.
    """

    origins: Array
    by_horizon: dict[int, Scored]
    p_escalation: Array
    escalated: Mask
    p_first: Array
    p_first_shrunk: Array
    began: Mask
    threshold: Array
    weights: Array
    drivers: Array


def backtest(
    replay: Replay,
    origins: Sequence[int],
    tuned: Tuning,
    at_least: int = 1,
    horizons: Sequence[int] = HORIZONS,
) -> Result:
    """Scores of every model and baseline at every origin.

    Args:
        replay: Counts as known at each origin, from ``LEARNING_MONTHS`` and the longest
            horizon before the first one scored.
        origins: Month numbers of the origins scored, consecutive.
        tuned: The models' numbers.
        at_least: Count of which the probability is scored.
        horizons: Months ahead.
    """
    window = int(thresholds()["escalation"]["months"])
    largest = int(max(replay.truth.max(), replay.known.max())) + 1
    every = range(max(replay.first, origins[0] - LEARNING_MONTHS - max(horizons)), origins[-1] + 1)
    pmfs: dict[int, dict[int, Array]] = {}  # origin -> horizon -> models x regions x counts
    escalations: dict[int, tuple[Array, Array, Array]] = {}
    begun: dict[int, tuple[Array, Array]] = {}
    misses: dict[int, dict[int, Array]] = {horizon: {} for horizon in horizons}
    for origin in every:
        panel = replay.panel(origin)
        seen = models.excitation(panel)
        pmfs[origin] = {}
        for horizon in horizons:
            pool = window_pool(panel, seen, horizon, horizon, largest, tuned)
            stacked = np.stack([pool.pmfs[name] for name in MODELS])
            if origin + horizon < len(replay.truth):
                misses[horizon][origin] = _products(stacked, replay.truth[origin + horizon])
            if origin >= origins[0]:
                pmfs[origin][horizon] = stacked
        if origin >= origins[0]:
            most = window * largest
            pool = window_pool(panel, seen, 1, window, most, tuned)
            threshold = escalation_threshold(panel.counts)
            tails = np.stack([models.tail(pool.pmfs[name], threshold) for name in MODELS])
            escalations[origin] = tails, threshold, pool.parts
            any_event = np.stack([1 - pool.pmfs[name][:, 0] for name in MODELS])
            shrunk = first_events(panel, np.zeros_like(panel.weights), window).chance
            begun[origin] = any_event, shrunk
    weights = np.stack([_learnt(misses, origin) for origin in origins])
    came = np.stack([replay.truth[o + 1 : o + 1 + window].sum(axis=0) for o in origins])
    threshold = np.stack([escalations[o][1] for o in origins])
    return Result(
        origins=np.asarray(origins),
        by_horizon={
            horizon: _scored(
                replay, origins, horizon, {o: pmfs[o][horizon] for o in origins}, weights, at_least
            )
            for horizon in horizons
        },
        p_escalation=np.stack(
            [np.tensordot(w, escalations[o][0], 1) for w, o in zip(weights, origins, strict=True)]
        ),
        escalated=came >= threshold,
        p_first=np.stack(
            [np.tensordot(w, begun[o][0], 1) for w, o in zip(weights, origins, strict=True)]
        ),
        p_first_shrunk=np.stack([begun[o][1] for o in origins]),
        began=came > 0,
        threshold=threshold,
        weights=weights,
        drivers=np.stack([escalations[o][2] for o in origins]),
    )


def candidate_gain(
    replay: Replay, origins: Sequence[int], horizon: int, extra: Array, tuned: Tuning
) -> tuple[float, float, float]:
    """What one more feature adds to ``self_exciting``: share of its CRPS saved, 90% interval.

    Args:
        replay: Counts as known at each origin.
        origins: Month numbers of the origins.
        horizon: Months ahead.
        extra: Months x regions, none negative; rows up to the origin are read.
        tuned: The models' numbers.
    """
    largest = int(max(replay.truth.max(), replay.known.max())) + 1
    sums: dict[bool, list[float]] = {True: [], False: []}
    for origin in origins:
        panel = replay.panel(origin)
        y = replay.truth[origin + horizon]
        for with_it in sums:
            seen = models.excitation(panel, extra[: origin + 1, :, None] if with_it else None)
            pmf = models.self_exciting(panel, seen, horizon, horizon, largest, tuned).pmf
            sums[with_it].append(float(scores.crps(pmf, y).sum()))
    return scores.skill(np.asarray(sums[True]), np.asarray(sums[False]))


def _products(stacked: Array, y: Array) -> Array:
    """Models x models, summed over regions: what ``scores.pool_weights`` needs."""
    step = np.arange(stacked.shape[-1]) >= y[:, None]
    miss = np.cumsum(stacked, axis=-1) - step
    return np.asarray(np.einsum("ark,brk->ab", miss, miss))


def _learnt(misses: dict[int, dict[int, Array]], origin: int) -> Array:
    """Weights from the horizons' outcomes known at the origin, newer ones counting more."""
    total = np.zeros((len(MODELS), len(MODELS)))
    for horizon, by_origin in misses.items():
        past = [o for o in by_origin if o + horizon <= origin]
        pooled = sum(
            (0.5 ** ((origin - o) / WEIGHT_HALF_LIFE) * by_origin[o] for o in past),
            np.zeros_like(total),
        )
        total += pooled / max(pooled[-1, -1], 1e-12)
    return scores.pool_weights(total) if total.any() else np.full(len(MODELS), 1 / len(MODELS))


def _scored(
    replay: Replay,
    origins: Sequence[int],
    horizon: int,
    pmfs: dict[int, Array],
    weights: Array,
    at_least: int,
) -> Scored:
    y = np.stack([replay.truth[o + horizon] for o in origins])
    single = np.stack([pmfs[o] for o in origins], axis=1)  # models x origins x regions x counts
    largest = single.shape[-1] - 1
    told = dict(zip(MODELS, single, strict=True))
    told["combined"] = np.einsum("om,mork->ork", weights, single)
    panels = [replay.panel(o).counts for o in origins]
    last = np.stack([counts[-1] for counts in panels])
    mean = np.stack([counts.mean(axis=0) for counts in panels])
    told["last_value"] = _point(last, largest)
    told["zero"] = _point(np.zeros_like(last), largest)
    flat = models.negbin_pmf(np.maximum(mean, 1e-6).ravel(), 1e-6, largest)
    told["past_mean"] = flat.reshape(*mean.shape, -1)
    return Scored(
        crps={name: scores.crps(pmf, y) for name, pmf in told.items()},
        log={name: scores.log_score(pmf, y) for name, pmf in told.items()},
        brier={
            name: scores.brier(np.minimum(pmf[..., at_least:].sum(axis=-1), 1.0), y >= at_least)
            for name, pmf in told.items()
        },
        covered={
            share: {name: scores.covered(pmf, y, share) for name, pmf in told.items()}
            for share in (0.5, 0.8, 0.95)
        },
        pit={name: scores.mid_pit(pmf, y) for name, pmf in told.items()},
    )


def _point(value: Array, largest: int) -> Array:
    """All probability on one count."""
    counts = np.arange(largest + 1)
    return np.asarray(counts == np.minimum(value, largest)[..., None], dtype=np.float64)
