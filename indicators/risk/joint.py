"""Sums over groups of places: independent but for a shock that the places of a group share.

    S = sum_r S_r,  E S = M = sum_r mu_r,  Var S = sum_r var_r + tau^2 M^2

tau^2, one for all groups, by moments of past sums: sum (S - M)^2 - Var = tau^2 sum M^2
(docs/models.md, Countries).
"""

import numpy as np

from indicators.arrays import Array
from indicators.risk.mixtures import CountMixture
from indicators.risk.models import LEAST_MEAN, PastWindows


def past_group_sums(past: PastWindows, group: Array) -> tuple[Array, Array, Array]:
    """Mean, variance and observed count of each past night's and group's sum.

    Args:
        past: Forecasts and outcomes of past nights, all places of one night after another.
        group: Number of each place's group.
    """
    groups = int(group.max()) + 1
    nights = len(past.observed) // len(group)
    cell = np.repeat(np.arange(nights), len(group)) * groups + group[past.place]
    mean, variance, observed = (
        np.asarray(np.bincount(cell, weights=values, minlength=nights * groups), dtype=np.float64)
        for values in (past.pool.expected(), past.pool.variance(), past.observed)
    )
    return mean, variance, observed


def group_shock(past: PastWindows, group: Array) -> float:
    """tau^2 from past windows: variance of a group's shared relative shock, at least 0.

    Args:
        past: As ``past_group_sums``.
        group: Number of each place's group.
    """
    mean, variance, observed = past_group_sums(past, group)
    squares = (mean**2).sum()
    return max(float(((observed - mean) ** 2 - variance).sum() / squares), 0.0) if squares else 0.0


def group_forecast(pool: CountMixture, group: Array, shock: float) -> CountMixture:
    """Forecast of each group's sum: negative binomial with its mean and variance.

    Args:
        pool: One a place.
        group: Number of each place's group, from 0.
        shock: ``group_shock``.

    Example:
        >>> two = CountMixture(np.ones(2), np.array([1.0, 3.0]), np.ones(2), np.zeros((2, 1)))
        >>> both = group_forecast(two, np.zeros(2, np.int64), 0.25)
        >>> both.expected().tolist(), both.variance().tolist()  # 2 + 12 + 0.25 * 16
        ([4.0], [18.0])
    """
    groups = int(group.max()) + 1
    mean = np.maximum(np.bincount(group, weights=pool.expected(), minlength=groups), LEAST_MEAN)
    variance = np.bincount(group, weights=pool.variance(), minlength=groups) + shock * mean**2
    dispersion = np.maximum((variance - mean) / mean**2, 1e-6)
    return CountMixture(np.ones(groups), mean, dispersion, np.zeros((groups, 1)))
