"""Three simple forecasts of event counts, and their mean.

Every model gives, per region, the probabilities of 0, 1, 2, ... events in a window of
months ahead: an array regions x (largest count + 1), each row summing to one.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.genmod.families import NegativeBinomial, Poisson
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools import add_constant

from indicators.risk.panel import Array, Panel, sums_ahead, weighted_means, window_sums

# Added to a mean before its log, so that a quiet region has one: an event in three years.
QUIET_RATE = 0.03
FEATURES = ("own_recent", "own_medium", "own_long", "neighbours")
BASELINE_MONTHS = 12


@dataclass(frozen=True)
class Tuning:
    """Numbers of ``config/thresholds.toml`` that the models use.

    Attributes:
        half_lives: Months, short to long, of the weighted means.
        fit_months: Months of history the pooled model is fitted on.
        shrinkage: Ridge penalty of the pooled model on scaled features and intercept.
        prior_months: Months of neighbours' experience every region starts with.
    """

    half_lives: tuple[float, float, float]
    fit_months: int
    shrinkage: float
    prior_months: float


@dataclass(frozen=True)
class PooledFit:
    """The pooled model at the origin: expected events and what each feature adds to their log.

    Attributes:
        mean: Expected events per region.
        dispersion: Negative binomial alpha: variance = mean + alpha * mean^2.
        contributions: Regions x ``FEATURES``, against a region with no events around.
    """

    mean: Array
    dispersion: float
    contributions: Array


def negbin_pmf(mean: Array, dispersion: Array | float, largest: int) -> Array:
    """Probabilities of 0..largest events; the last entry holds all that is above.

    Args:
        mean: Expected events per region, positive.
        dispersion: Alpha of the NB2 form, positive: variance = mean + alpha * mean^2.
        largest: Largest count.

    Example:
        >>> negbin_pmf(np.array([1.0]), 1.0, largest=2).round(3).tolist()
        [[0.5, 0.25, 0.25]]
    """
    size = np.broadcast_to(1 / np.asarray(dispersion, dtype=np.float64), mean.shape)[:, None]
    below = stats.nbinom.cdf(np.arange(largest), size, size / (size + mean[:, None]))
    return np.diff(below, prepend=0.0, append=1.0, axis=1)


def conflictology(panel: Panel, window: int, largest: int) -> Array:
    """The region's own past year as its forecast (Hegre et al. 2025, VIEWS benchmark).

    Every sum over ``window`` consecutive months within the last twelve is equally likely.

    Args:
        panel: Counts up to the origin.
        window: Months summed.
        largest: Largest count told apart.
    """
    year = panel.counts[-BASELINE_MONTHS:]
    clipped = np.minimum(window_sums(year, window), largest).astype(np.int64)
    return np.asarray((clipped[:, :, None] == np.arange(largest + 1)).mean(axis=0))


def negbin_region(panel: Panel, window: int, largest: int, tuning: Tuning) -> Array:
    """Negative binomial per region from exponentially weighted moments.

    Mean and variance of the sums over ``window`` months, weighted with the middle
    half-life; every region starts with ``prior_months`` of its neighbours' mean, so
    that a quiet region's risk is small, not nil.
    """
    half_life = tuning.half_lives[1]
    sums = window_sums(panel.counts, window)
    first = weighted_means(sums, half_life)[-1]
    second = weighted_means(sums**2, half_life)[-1]
    seen = 1 / (1 - 0.5 ** (1 / half_life))  # months' worth of weight
    prior = panel.weights @ first
    mean = (seen * first + tuning.prior_months * (prior + 0.01 * window)) / (
        seen + tuning.prior_months
    )
    variance = np.maximum(second - first**2, 0) * seen / (seen - 1)
    dispersion = np.clip((variance - first) / np.maximum(first, 1e-9) ** 2, 0.1, 5.0)
    dispersion = np.where(first > 0, dispersion, 2.0)
    return negbin_pmf(mean, dispersion, largest)


def features(panel: Panel, tuning: Tuning) -> Array:
    """Months x regions x ``FEATURES``: logs of own weighted means and of the neighbours'."""
    short, medium, long = (weighted_means(panel.counts, h) for h in tuning.half_lives)
    return np.log(np.stack([short, medium, long, medium @ panel.weights.T], axis=-1) + QUIET_RATE)


def fit_pooled(panel: Panel, seen: Array, first: int, last: int, tuning: Tuning) -> PooledFit:
    """Negative binomial GLM with log link over all regions, shrunk towards persistence.

    The target is the sum of events ``first`` to ``last`` months ahead. The offset is the
    region's own weighted mean (middle half-life), and a ridge penalty draws intercept and
    slopes to zero: without evidence the forecast is that the recent past goes on. (Shrunk
    towards zero instead, the same model over-forecasts; trial of 2026-11, UCDP GED 24.1.)
    The dispersion is the moment estimate around the fitted means.

    Args:
        panel: Counts up to the origin.
        seen: ``features`` of the panel.
        first: First month ahead of the target window.
        last: Last month ahead.
        tuning: Length of history and penalty.
    """
    target = sums_ahead(panel.counts, first, last)
    rows = slice(max(0, len(target) - last - tuning.fit_months), len(target) - last)
    y = target[rows].ravel()
    x = seen[rows].reshape(y.size, -1)
    own = FEATURES.index("own_medium")
    months = np.log(last - first + 1)
    offset = x[:, own] + months
    spread = np.maximum(x.std(axis=0), 1e-9)
    design = add_constant(x / spread, has_constant="add")
    crude = GLM(y, design, offset=offset, family=Poisson()).fit().fittedvalues
    family = NegativeBinomial(alpha=_dispersion(y, crude))
    beta = np.asarray(
        GLM(y, design, offset=offset, family=family)
        .fit_regularized(alpha=tuning.shrinkage, L1_wt=0.0)
        .params
    )
    slopes = beta[1:] / spread
    slopes[own] += 1  # the offset
    return PooledFit(
        mean=np.exp(beta[0] + seen[-1] @ slopes + months),
        dispersion=_dispersion(y, np.exp(design @ beta + offset)),
        contributions=(seen[-1] - np.log(QUIET_RATE)) * slopes,
    )


def _dispersion(y: Array, mean: Array) -> float:
    return float(np.clip(((y - mean) ** 2 - mean).sum() / (mean**2).sum(), 0.05, 5.0))


def quantile(pmf: Array, level: float) -> Array:
    """Smallest count whose cumulative probability reaches ``level``, per region.

    Example:
        >>> quantile(np.array([[0.5, 0.3, 0.2]]), 0.8).tolist()
        [1.0]
    """
    reached = np.cumsum(pmf, axis=1) >= level - 1e-12
    return np.asarray(reached.argmax(axis=1), dtype=np.float64)


def expected(pmf: Array) -> Array:
    """Expected count per region."""
    return np.asarray(pmf @ np.arange(pmf.shape[1]), dtype=np.float64)


def tail(pmf: Array, threshold: Array) -> Array:
    """Probability of at least ``threshold`` events, per region.

    Example:
        >>> tail(np.array([[0.5, 0.3, 0.2]]), np.array([1.0])).round(3).tolist()
        [0.5]
    """
    return np.asarray(np.where(np.arange(pmf.shape[1]) >= threshold[:, None], pmf, 0.0).sum(axis=1))
