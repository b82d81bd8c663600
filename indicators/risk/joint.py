"""Sums over groups of places: NB1 with a dispersion learnt on past sums, or with a shared shock.

    E S = M = sum_r mu_r,  Var S = M (1 + phi)                 ``learnt_group_forecast``
    E S = M,  Var S = sum_r var_r + tau^2 M^2                  ``group_forecast``

phi by the scores of past sums, tau^2 by their moments: sum (S - M)^2 - Var = tau^2 sum M^2; one
for all groups. The first scored better and is what countries are told by; the second is scored
beside it in VIEWS' windows (docs/models.md, Countries).
"""

from dataclasses import replace

import numpy as np

from indicators.arrays import Array
from indicators.risk.mixtures import CountMixture
from indicators.risk.models import (
    LEAST_MEAN,
    PastWindows,
    Tuning,
    dispersion_scale,
    fit_dispersion,
)

PHIS = np.geomspace(0.1, 1000.0, 48)


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


def learnt_group_forecast(
    past: PastWindows, pool: CountMixture, group: Array, tuning: Tuning
) -> CountMixture:
    """Forecast of each group's sum: NB1 with its mean, the dispersion learnt on past sums.

    Args:
        past: As ``past_group_sums``.
        pool: One a place.
        group: Number of each place's group, from 0.
        tuning: Share of the log score where phi is learnt.

    Example:
        >>> past = CountMixture(np.ones(40), np.full(40, 8.0), np.ones(40), np.zeros((40, 1)))
        >>> years = PastWindows(past, np.tile([4.0, 12.0], 20), np.ones(40), np.zeros(40, np.int64))
        >>> one, tuning = past.take(np.array([0])), Tuning(1, 1.0, 0.5, 0.5, 40, 1.0, 1.0)
        >>> forecast = learnt_group_forecast(years, one, np.zeros(1, np.int64), tuning)
        >>> forecast.expected().tolist(), bool(10 < forecast.variance()[0] < 32)  # of +-4: 16
        ([8.0], True)
    """
    groups = int(group.max()) + 1
    expected, _, observed = past_group_sums(past, group)
    phi = fit_dispersion(observed, expected, replace(tuning, dispersion_power=1.0), PHIS)
    mean: Array = np.maximum(
        np.bincount(group, weights=pool.expected(), minlength=groups), LEAST_MEAN
    )
    dispersion = phi * dispersion_scale(mean, 1.0)
    return CountMixture(np.ones(groups), mean, dispersion, np.zeros((groups, 1)))
