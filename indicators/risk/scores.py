"""How good forecasts were: proper scores, ranking, coverage, and intervals for all of them.

Counts are scored by the ranked probability score over 0, 1, 2, ..., which for counts is
the CRPS (Gneiting & Raftery 2007; Epstein 1969).
"""

import numpy as np
import scoringrules
from scipy.optimize import nnls
from scipy.stats import rankdata

from indicators.risk.panel import Array, Mask

LEAST_PROBABILITY = 1e-3  # of the log score: a surprise costs at most 6.9
RESAMPLES = 2000
BLOCK_MONTHS = 6  # of the bootstrap: as long as the longest horizon


def crps(pmf: Array, y: Array) -> Array:
    """Continuous ranked probability score of each forecast, in events; 0 is perfect.

    Args:
        pmf: ... x counts, probabilities of 0, 1, 2, ...
        y: What came, at most the largest count told apart.

    Example:
        >>> crps(np.array([[0.5, 0.3, 0.2]]), np.array([0.0])).round(2).tolist()
        [0.29]
    """
    return np.asarray(scoringrules.rps_score(y + 1, pmf), dtype=np.float64)


def log_score(pmf: Array, y: Array) -> Array:
    """Minus the log of the probability given to what came, never above 6.9."""
    given = np.take_along_axis(pmf, y[..., None].astype(np.int64), axis=-1)[..., 0]
    return np.asarray(-np.log(np.maximum(given, LEAST_PROBABILITY)))


def brier(probability: Array, came: Mask) -> Array:
    """Squared distance of a probability from what came (0 or 1)."""
    return np.asarray(scoringrules.brier_score(came.astype(np.float64), probability))


def covered(pmf: Array, y: Array, share: float) -> Mask:
    """Whether the central interval of this share holds what came.

    Example:
        >>> covered(np.array([[0.5, 0.3, 0.2]]), np.array([2.0]), 0.5).tolist()
        [False]
    """
    below = np.cumsum(pmf, axis=-1)
    low = (below >= (1 - share) / 2 - 1e-12).argmax(axis=-1)
    high = (below >= (1 + share) / 2 - 1e-12).argmax(axis=-1)
    return np.asarray((y >= low) & (y <= high))


def mid_pit(pmf: Array, y: Array) -> Array:
    """Probability below what came plus half of its own: uniform on average if calibrated."""
    index = y[..., None].astype(np.int64)
    up_to = np.take_along_axis(np.cumsum(pmf, axis=-1), index, axis=-1)[..., 0]
    return np.asarray(up_to - np.take_along_axis(pmf, index, axis=-1)[..., 0] / 2)


def auc(score: Array, came: Mask) -> float:
    """Chance that what came was scored above what did not (ties half).

    Example:
        >>> auc(np.array([0.1, 0.4, 0.4]), np.array([False, False, True]))
        0.75
    """
    ones = int(came.sum())
    ranks = rankdata(score)[came].sum() - ones * (ones + 1) / 2
    return float(ranks / (ones * (came.size - ones)))


def average_precision(score: Array, came: Mask) -> float:
    """Mean precision at each hit, going down the list; ties are taken in their mean order.

    Example:
        >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])).__round__(3)
        0.833
    """
    levels, group = np.unique(-score, return_inverse=True)
    hits = np.bincount(group, weights=came, minlength=levels.size)
    flagged = np.cumsum(np.bincount(group, minlength=levels.size))
    return float((hits * np.cumsum(hits) / flagged).sum() / came.sum())


def resamples(origins: int, seed: int = 2026) -> Array:
    """Rows of origin numbers: moving blocks of consecutive months, so that shared shocks stay."""
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
    rows = resamples(score.size)
    below = reference[rows].sum(axis=1)
    drawn = 1 - score[rows].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.05, 0.95])
    return float(1 - score.sum() / reference.sum()), float(low), float(high)


def pool_weights(products: Array) -> Array:
    """Weights >= 0, summing to one, of the linear pool with the least CRPS.

    The CRPS of a pool is a quadratic form in its weights.

    Args:
        products: Models x models: sums of products of (distribution - outcome step).

    Example:
        >>> pool_weights(np.array([[1.0, 0.0], [0.0, 1.0]])).round(3).tolist()
        [0.5, 0.5]
    """
    count = len(products)
    lower = np.linalg.cholesky(products / products.max() + 1e-12 * np.eye(count))
    sum_to_one = 1e4 * np.ones((1, count))
    target = np.append(np.zeros(count), 1e4)
    found = nnls(np.vstack([lower.T, sum_to_one]), target)[0]
    return np.asarray(found / found.sum())
