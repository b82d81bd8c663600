"""Scores of forecasts: proper scores, ranking, calibration, and intervals for all of them.

Counts are scored by the ranked probability score over 0, 1, 2, ..., which for counts is the CRPS
(Gneiting & Raftery 2007; Epstein 1969), by the ignorance score in VIEWS' bins and the interval
score at 90% (Hegre et al. 2025), and by the CRPS above ten alone (threshold-weighted, Gneiting &
Ranjan 2011). The forecasts: docs/models.md.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import scoringrules

from indicators.arrays import Array, Mask, parts
from indicators.risk.mixtures import CountMixture

IGNORANCE_BOUNDS = np.array([0, 2, 5, 10, 25, 50, 100, 250, 500, 1000])  # last count of each bin
IGNORANCE_DRAWS = 1000  # a forecast counts as so many draws, and one more in every bin
TAIL_FROM = 10
WIDTH_ONE = 256  # counts up to here are summed one by one
RESAMPLES = 2000
BLOCK_MONTHS = 6  # of the bootstrap: as long as the longest horizon
WEIGHTS = np.linspace(0, 1, 21)  # of the pool's first model that are tried


def evaluation_counts(largest: float) -> Array:
    """Counts at which a distribution is evaluated: each to 256, then ever wider steps.

    Their number grows with the logarithm of ``largest``.

    Example:
        >>> evaluation_counts(100).size, evaluation_counts(1e6).size
        (271, 578)
    """
    wide = np.geomspace(WIDTH_ONE, max(largest * 4, WIDTH_ONE + 1), 1 + int(max(0, np.log(
        max(largest * 4, WIDTH_ONE) / WIDTH_ONE) / 0.03)))  # fmt: skip
    return np.unique(np.concatenate([np.arange(WIDTH_ONE + 1.0), np.round(wide)]))


def cdf_errors(pool: CountMixture, observed: Array, counts: Array) -> tuple[Array, Array]:
    """Distribution less the step at the count observed, places x counts, and each cell's width.

    In a cell wider than one the distribution counts as its mean over the cell, and the step as
    the share of the cell at or above the count observed.
    """
    width = np.append(np.diff(counts), 1.0)
    cdf = pool.cdf(np.broadcast_to(counts, (len(observed), counts.size)))
    following = np.append(cdf[:, 1:], cdf[:, -1:], axis=1)
    mean = np.where(width > 1, (cdf + following) / 2, cdf)
    step = np.clip((counts + width - observed[:, None]) / width, 0, 1)
    return mean - step, width


def crps(pool: CountMixture, observed: Array, above: float = 0) -> Array:
    """Continuous ranked probability score of each forecast, in counts; 0 is perfect.

    Args:
        pool: One a place.
        observed: Counts, one a place.
        above: Only counts from here on are scored (threshold-weighted CRPS).

    Example:
        >>> sure = CountMixture(np.zeros(1), np.ones(1), np.ones(1), np.array([[0.0, 2.0]]))
        >>> crps(sure, np.array([0.0])).tolist()
        [0.5]
    """
    largest = max(float(observed.max(initial=0)), float(pool.quantile(0.999).max(initial=0)))
    counts = evaluation_counts(largest)
    is_scored = counts >= above
    score = np.empty(observed.size)
    for part in parts(observed.size, counts.size):
        error, width = cdf_errors(pool.take(part), observed[part], counts)
        score[part] = (error**2 * width)[:, is_scored].sum(axis=1)
    return score


def bin_probability(pool: CountMixture, observed: Array) -> Array:
    """Probability of the bin observed, as from a thousand draws and one more in every bin."""
    bounds = np.append(IGNORANCE_BOUNDS, np.inf)
    upper = np.searchsorted(IGNORANCE_BOUNDS, observed)
    high = np.where(np.isinf(bounds[upper]), 1.0, pool.cdf(np.minimum(bounds[upper], 1e9)))
    low = pool.cdf(np.where(upper > 0, bounds[upper - 1], -1.0))
    bins = IGNORANCE_BOUNDS.size + 1
    return np.asarray(((high - low) * IGNORANCE_DRAWS + 1) / (IGNORANCE_DRAWS + bins))


def ignorance(pool: CountMixture, observed: Array) -> Array:
    """Minus the binary logarithm of ``bin_probability``, in bits.

    Example:
        >>> sure = CountMixture(np.zeros(1), np.ones(1), np.ones(1), np.zeros((1, 12)))
        >>> ignorance(sure, np.array([0.0])).round(3).tolist()
        [0.014]
    """
    return np.asarray(-np.log2(bin_probability(pool, observed)))


def interval_score(pool: CountMixture, observed: Array, share: float = 0.9) -> Array:
    """Width of the central interval, and what missing it costs (Gneiting & Raftery 2007).

    Example:
        >>> sure = CountMixture(np.zeros(1), np.ones(1), np.ones(1), np.zeros((1, 12)))
        >>> interval_score(sure, np.array([1.0])).round(6).tolist()
        [20.0]
    """
    rest = (1 - share) / 2
    score = scoringrules.interval_score(
        observed, pool.quantile(rest), pool.quantile(1 - rest), alpha=1 - share
    )
    return np.asarray(score).reshape(observed.shape)  # one forecast comes back without an axis


def randomised_pit(pool: CountMixture, observed: Array, uniform: Array) -> Array:
    """Probability below the count observed and a random share of its own; uniform if calibrated.

    For counts the share must be random (Czado, Gneiting & Held 2009).

    Args:
        pool: One a place.
        observed: Counts, one a place.
        uniform: Random numbers from 0 to 1, one a place.
    """
    below, up_to = pool.cdf(observed - 1), pool.cdf(observed)
    return np.asarray(below + uniform * (up_to - below))


def brier(probability: Array, observed: Mask) -> Array:
    """Brier score: squared distance of a probability from the outcome (0 or 1)."""
    return np.asarray(scoringrules.brier_score(observed.astype(np.float64), probability))


def log_loss(probability: Array, observed: Mask) -> Array:
    """Minus the log of the outcome's probability, which counts as 0.1% at least."""
    of_outcome = np.where(observed, probability, 1 - probability)
    return np.asarray(-np.log(np.maximum(of_outcome, 1e-3)))


@np.errstate(invalid="ignore")
def pool_losses(pool: CountMixture, observed: Array) -> Array:
    """CRPS, ignorance and interval score, summed over places, at each of ``WEIGHTS``; 3 x weights.

    CRPS(v) = sum (v e1 + (1 - v) e2)^2,  e: ``cdf_errors`` of the two. Bounds of the interval are
    counts of ``evaluation_counts``: exact to 256, then within 3%.
    """
    first, second = (
        replace(pool, weight=np.full_like(pool.weight, weight) * (pool.weight > 0))
        for weight in (1.0, 0.0)
    )
    largest = max(float(observed.max(initial=0)), float(first.quantile(0.999).max(initial=0)))
    counts = evaluation_counts(largest)
    (one, width), (other, _) = (cdf_errors(part, observed, counts) for part in (first, second))
    products = [float((a * b * width).sum()) for a, b in ((one, one), (one, other), (other, other))]
    v = WEIGHTS
    quadratic = v**2 * products[0] + 2 * v * (1 - v) * products[1] + (1 - v) ** 2 * products[2]
    of_bin = [bin_probability(part, observed) for part in (first, second)]
    bits = -np.log2(v[:, None] * of_bin[0] + (1 - v)[:, None] * of_bin[1]).sum(axis=1)
    grid = np.broadcast_to(counts, (len(observed), counts.size))
    cdfs = [part.cdf(grid) for part in (first, second)]
    intervals = np.empty(v.size)
    for number, share in enumerate(v):
        cdf = share * cdfs[0] + (1 - share) * cdfs[1]
        low, high = (
            counts[np.minimum((cdf < level - 1e-12).sum(axis=1), counts.size - 1)]
            for level in (0.05, 0.95)
        )
        outside = np.maximum(low - observed, 0) + np.maximum(observed - high, 0)
        intervals[number] = (high - low + 2 / 0.1 * outside).sum()
    return np.stack([quadratic, bits, intervals])


def best_weight(losses: Sequence[tuple[float, Array]]) -> float:
    """Weight of ``WEIGHTS`` with the least CRPS, ignorance and interval score together.

    Each counts relative to conflictology alone (weight 0).

    Args:
        losses: Importance and ``pool_losses``, one for each past forecast.
    """
    summed = np.einsum("f,fsw->sw", [part[0] for part in losses], [part[1] for part in losses])
    return float(WEIGHTS[np.argmin((summed / summed[:, :1]).sum(axis=0))])


def auc(score: Array, observed: Mask) -> float:
    """Chance that a case observed is scored above one that is not (ties half).

    Example:
        >>> auc(np.array([0.1, 0.4, 0.4]), np.array([False, False, True]))
        0.75
    """
    ones = int(observed.sum())
    ranks = pl.Series(score).rank().to_numpy()[observed].sum() - ones * (ones + 1) / 2
    return float(ranks / (ones * (observed.size - ones)))


def average_precision(score: Array, observed: Mask) -> float:
    """Mean precision at each hit, going down the list; ties are taken in their mean order.

    Example:
        >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])).__round__(3)
        0.833
    """
    levels, group = np.unique(-score, return_inverse=True)
    hits = np.bincount(group, weights=observed, minlength=levels.size)
    flagged = np.cumsum(np.bincount(group, minlength=levels.size))
    return float((hits * np.cumsum(hits) / flagged).sum() / observed.sum())


def moving_block_bootstrap(origins: int, seed: int = 2026) -> Array:
    """Rows of origin numbers in blocks of consecutive months (Künsch 1989): shared shocks stay."""
    rng = np.random.default_rng(seed)
    block = min(BLOCK_MONTHS, origins)
    starts = rng.integers(0, origins - block + 1, (RESAMPLES, -(-origins // block)))
    rows = (starts[..., None] + np.arange(block)).reshape(RESAMPLES, -1)
    return np.asarray(rows[:, :origins])


def skill(score: Array, reference: Array) -> tuple[float, float, float]:
    """1 - score / reference, with its 90% interval over resampled origins.

    Draws in which the reference is perfect (nothing happened) say nothing and are left out.

    Args:
        score: Sums of a score by origin.
        reference: The same of the reference forecast.
    """
    rows = moving_block_bootstrap(score.size)
    below = reference[rows].sum(axis=1)
    skills = 1 - score[rows].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(skills, [0.05, 0.95])
    return float(1 - score.sum() / reference.sum()), float(low), float(high)
