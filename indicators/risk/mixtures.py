"""Distributions of counts that need no array of all counts: a pool of two, evaluated where asked.

    F(k) = v F_NB(k; mu, alpha) + (1 - v) #{past windows with sum <= k} / m

mu, alpha: mean and dispersion of a negative binomial (NB2: variance mu + alpha mu^2); m: windows
of the past year (conflictology); v: the pool's weight of the first (docs/models.md, where alpha
stands as alpha mu^-p).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from indicators.arrays import Array, Mask, Rows, parts


def negbin_cdf(count: Array, mean: Array, dispersion: Array) -> Array:
    """Probability of at most ``count`` events, NB2, by the regularised incomplete beta function.

    Args:
        count: Counts, below 0: probability 0.
        mean: Expected events, positive.
        dispersion: Alpha, positive: variance = mean + alpha mean^2.

    Example:
        >>> negbin_cdf(np.array([-1, 0, 1]), np.ones(3), np.ones(3)).round(3).tolist()
        [0.0, 0.5, 0.75]
    """
    size = 1 / dispersion
    at_most = betainc(size, np.maximum(count, 0) + 1, size / (size + mean))
    return np.asarray(np.where(count < 0, 0.0, at_most))


@dataclass(frozen=True)
class CountMixture:
    """A pool of a negative binomial and an empirical distribution, one a place.

    Attributes:
        weight: Places: share of the negative binomial; 0 where it has no forecast.
        mean: Places: its expected count (any number where the weight is 0).
        dispersion: Places: its alpha.
        draws: Places x windows: equally likely counts of the past year.
    """

    weight: Array
    mean: Array
    dispersion: Array
    draws: Array

    def take(self, places: Mask | Rows | slice) -> "CountMixture":
        """The mixture of some places, by mask, index or slice."""
        return CountMixture(
            self.weight[places], self.mean[places], self.dispersion[places], self.draws[places]
        )

    def cdf(self, count: Array) -> Array:
        """Probability of at most ``count``.

        Args:
            count: Places, or places x counts.

        Example:
            >>> quiet = CountMixture(np.array([0.5]), np.ones(1), np.ones(1), np.zeros((1, 12)))
            >>> quiet.cdf(np.array([[-1.0, 0.0, 1.0]])).round(3).tolist()
            [[0.0, 0.75, 0.875]]
        """
        wide = count[:, None] if count.ndim == 1 else count
        parametric = negbin_cdf(wide, self.mean[:, None], self.dispersion[:, None])
        empirical = np.empty(wide.shape)
        for part in parts(len(wide), wide.shape[1] * self.draws.shape[1]):
            empirical[part] = (self.draws[part, None, :] <= wide[part, :, None]).mean(axis=2)
        weight = self.weight[:, None]
        return np.asarray(weight * parametric + (1 - weight) * empirical).reshape(count.shape)

    def exceedance_probability(self, threshold: Array | float) -> Array:
        """Probability of at least ``threshold``, one or a place each."""
        bound = np.broadcast_to(threshold, self.weight.shape)
        return np.asarray(np.clip(1 - self.cdf(bound - 1), 0, 1))

    def expected(self) -> Array:
        """Expected count."""
        return np.asarray(self.weight * self.mean + (1 - self.weight) * self.draws.mean(axis=1))

    def variance(self) -> Array:
        """Variance of the count."""
        parametric = self.mean + self.dispersion * self.mean**2
        second = self.weight * (parametric + self.mean**2)
        second += (1 - self.weight) * (self.draws**2).mean(axis=1)
        return np.asarray(second - self.expected() ** 2)

    def quantile(self, level: float) -> Array:
        """Smallest count whose cumulative probability reaches ``level``.

        Example:
            >>> even = CountMixture(np.zeros(1), np.ones(1), np.ones(1), np.array([[0.0, 4.0]]))
            >>> even.quantile(0.5).tolist(), even.quantile(0.51).tolist()
            ([0.0], [4.0])
        """
        return self.quantiles([level])[:, 0]

    def quantiles(self, levels: Sequence[float]) -> Array:
        """The same at several levels, by bisection of all at once: places x levels."""
        targets = np.asarray(levels) - 1e-12
        quantiles = np.zeros((len(self.weight), targets.size))
        at_zero = self.cdf(quantiles[:, 0])  # most places of a quiet world are at 0
        rows, columns = np.nonzero(at_zero[:, None] < targets)
        if not rows.size:
            return quantiles
        part, level = self.take(rows), targets[columns]
        high = np.maximum(part.draws.max(axis=1), np.ceil(part.mean)) + 1
        while (is_short := part.cdf(high) < level).any():
            high[is_short] *= 2
        low = np.zeros(rows.size)  # not enough; ``high`` is
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            is_enough = part.cdf(middle) >= level
            low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
        quantiles[rows, columns] = high
        return quantiles
