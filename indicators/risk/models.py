"""Simple forecasts of event counts, and their weighted mean.

Every model gives, per region, the probabilities of 0, 1, 2, ... events in a window of
months ahead: an array regions x (largest count + 1), each row summing to one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import nnls
from scipy.special import gammaln
from statsmodels.regression.linear_model import WLS

from config.registry import thresholds
from indicators.risk.panel import Array, Panel, sums_ahead, weighted_means, window_sums

VERSION = "2026.11"  # raised with every change that moves a figure
BASELINE_MONTHS = 12
# Feature of ``excitation`` -> the driver it is told as.
EXCITATION = {
    "past_year": "own_long",
    "own_1": "own_recent",
    "own_3": "own_recent",
    "own_6": "own_medium",
    "own_24": "own_long",
    "neighbours_2": "neighbours",
    "neighbours_6": "neighbours",
    "everywhere": "background",
    "constant": "background",
}
EXCITED_DRIVERS = ("own_recent", "own_medium", "own_long", "neighbours", "background")
DRIVERS = (*EXCITED_DRIVERS, "other_models")  # these: negbin_region and conflictology
FITS_FAIL = (np.linalg.LinAlgError, RuntimeError)  # no decomposition; no end of iterations


@dataclass(frozen=True)
class Tuning:
    """Numbers of ``config/thresholds.toml`` that the models use.

    Attributes:
        half_life: Months, of the moments of ``negbin_region``.
        prior_months: Months of neighbours' experience every region starts with there.
        excited_months: Months of history the self-exciting model is fitted on.
        excited_half_life: Months after which a month of that history weighs half.
        past_year_share: Share of the past year's mean in its mean.
        dispersion_power: How its dispersion falls with the mean.
        dispersion_months: Newest months from which the dispersion is learnt.
    """

    half_life: float
    prior_months: float
    excited_months: int
    excited_half_life: float
    past_year_share: float
    dispersion_power: float
    dispersion_months: int


@dataclass(frozen=True)
class Excited:
    """The self-exciting forecast, and what each driver adds to its expected events.

    Attributes:
        pmf: Regions x counts; NaN for a region whose neighbours are not known.
        parts: Regions x ``EXCITED_DRIVERS``, events; each row sums to the expected events.
        usual: The same on the mean of the past twelve months' features.
    """

    pmf: Array
    parts: Array
    usual: Array


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

    Mean and variance of the sums over ``window`` months, exponentially
    weighted; every region starts with ``prior_months`` of its neighbours' mean, so
    that a quiet region's risk is small, not nil.
    """
    half_life = tuning.half_life
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


def excitation(panel: Panel, extra: Array | None = None) -> Array:
    """Months x regions x ``EXCITATION``, in events a month, none negative.

    The past year's mean, the region's weighted means (half-lives 1, 3, 6, 24 months), its
    neighbours' (2, 6), the mean of all regions, and one; then ``extra`` candidates.
    """
    counts = panel.counts
    year = np.cumsum(np.vstack([np.zeros((BASELINE_MONTHS, counts.shape[1])), counts]), axis=0)
    own = {half_life: weighted_means(counts, half_life) for half_life in (1, 2, 3, 6, 24)}
    seen = [
        (year[BASELINE_MONTHS:] - year[:-BASELINE_MONTHS]) / BASELINE_MONTHS,
        *(own[half_life] for half_life in (1, 3, 6, 24)),
        *(own[half_life] @ panel.weights.T for half_life in (2, 6)),
        np.broadcast_to(own[3].mean(axis=1, keepdims=True), counts.shape),
        np.ones_like(counts),
    ]
    stacked = np.stack(seen, axis=-1)
    return stacked if extra is None else np.concatenate([stacked, extra], axis=-1)


def self_exciting(
    panel: Panel, seen: Array, first: int, last: int, largest: int, tuning: Tuning
) -> Excited:
    """Expected events are a sum of what happened here and around, pooled over regions.

    An integer-valued autoregression with identity link (INGARCH, Ferland et al. 2006;
    the discrete form of a self-exciting process): the sum of events ``first`` to ``last``
    months ahead has mean x.b with b >= 0, fitted by reweighted non-negative least squares
    (Poisson quasi-likelihood), old months weighing less. Half of the mean is the past
    year's. Counts are negative binomial with variance mean + alpha mean^(2 - p).

    Args:
        panel: Counts up to the origin.
        seen: ``excitation`` of the panel.
        first: First month ahead of the target window.
        last: Last month ahead.
        largest: Largest count told apart.
        tuning: Weights and length of history.
    """
    end = len(panel.counts) - last  # the last month whose target is known
    rows = slice(max(0, end - tuning.excited_months), end)
    y = sums_ahead(panel.counts, first, last)[rows].ravel()
    x = seen[rows].reshape(y.size, -1)
    age = np.arange(len(seen[rows]))[::-1]
    weight = np.repeat(0.5 ** (age / tuning.excited_half_life), seen.shape[1])
    slopes = (1 - tuning.past_year_share) * _non_negative(x, y, weight)
    slopes[0] += tuning.past_year_share * (last - first + 1)
    parts, usual = seen[-1] * slopes, seen[-BASELINE_MONTHS:].mean(axis=0) * slopes
    mean = np.maximum(parts.sum(axis=1), 1e-3)
    recent = slice(-tuning.dispersion_months * seen.shape[1], None)
    alpha = _best_alpha(y[recent], x[recent] @ slopes, tuning.dispersion_power)
    pmf = negbin_pmf(mean, alpha * _spread(mean, tuning.dispersion_power), largest)
    told = np.array(list(EXCITATION.values()))
    group = (told[:, None] == np.array(EXCITED_DRIVERS)).astype(float)
    return Excited(pmf, parts[:, : len(told)] @ group, usual[:, : len(told)] @ group)


def _spread(mean: Array, power: float) -> Array:
    return np.asarray(np.maximum(mean, 0.05) ** -power)


def _non_negative(x: Array, y: Array, weight: Array) -> Array:
    """Coefficients >= 0 of the mean, each row weighed by one over its variance.

    Non-negative least squares finds which are above zero; weighted least squares on
    those alone (statsmodels) gives the same values, to the digits of its decomposition.
    Rows that are not known are left out.
    """
    told = np.isfinite(x).all(axis=1)
    x, y, weight = x[told], y[told], weight[told]
    scale = np.maximum(x.max(axis=0), 1e-12)
    scaled = x / scale
    mean = np.full_like(y, max(y.mean(), 0.01))
    slopes = np.zeros(x.shape[1])
    for _ in range(8):
        weights = weight / np.maximum(mean, 0.02)
        gram = (scaled * weights[:, None]).T @ scaled + 1e-9 * np.eye(x.shape[1])
        lower = np.linalg.cholesky(gram)
        above = nnls(lower.T, np.linalg.solve(lower, scaled.T @ (weights * y)))[0] > 0
        slopes = np.zeros(x.shape[1])
        if above.any():
            # Without looking for a constant among them, which takes as long as the fit.
            fitted = WLS(y, scaled[:, above], weights=weights, hasconst=False).fit()
            slopes[above] = np.maximum(fitted.params, 0)
        mean = scaled @ slopes
    return np.asarray(slopes / scale)


def _best_alpha(y: Array, mean: Array, power: float) -> float:
    """The dispersion, of a grid, with the least CRPS on recent months (Gneiting et al. 2005).

    Maximum likelihood would widen the forecast for a few surprises of quiet regions;
    months with a mean below 0.1 are left out, since they say nothing of it.
    """
    told = mean > 0.1
    y, mean = y[told], mean[told]
    if not y.size:
        return 1.0
    grid = np.geomspace(0.1, 3.0, 10)
    spread, most = _spread(mean, power), y.max()
    # A row is counted up to what came and to where less than e^-40 is left, at most; rows of
    # about one length together, for their sum would grow with the largest count of all.
    ends = np.minimum(np.maximum(y, 40 * (1 + grid[-1] * mean * spread)), most) + 2
    lengths = np.minimum(2 ** np.ceil(np.log2(ends)), most + 2)
    missed = np.zeros(len(grid))
    for length in np.unique(lengths):
        of_it = lengths == length
        missed += _missed(y[of_it], mean[of_it], spread[of_it], int(length), grid)
    return float(grid[np.argmin(missed)])


def _missed(y: Array, mean: Array, spread: Array, length: int, grid: Array) -> Array:
    """CRPS of counts below ``length``, summed over the rows, for every dispersion of the grid."""
    counts = np.arange(length)
    reached, ways = counts >= y[:, None], gammaln(counts + 1)
    missed = []
    for alpha in grid:  # one at a time: all at once would not fit the processor's cache
        size = 1 / (alpha * spread)
        log_pmf = gammaln(counts + size[:, None]) - ways
        log_pmf += counts * np.log(mean / (size + mean))[:, None]
        log_pmf += (size * np.log(size / (size + mean)) - gammaln(size))[:, None]
        miss = np.cumsum(np.exp(log_pmf, out=log_pmf), axis=1, out=log_pmf)
        miss -= reached
        missed.append(np.einsum("ik,ik", miss, miss))
    return np.array(missed)


def pool_shares(pmfs: Mapping[str, Array], target: str) -> Array:
    """Models x regions: the pool's weights of ``config/thresholds.toml`` for a target.

    A model without a forecast of a region (NaN) has no share there; the others share
    its weight.

    Example:
        >>> sure = np.array([[1.0, 0.0]])
        >>> one = {"self_exciting": sure * np.nan, "negbin_region": sure, "conflictology": sure}
        >>> pool_shares(one, "events").round(3).ravel().tolist()
        [0.0, 0.125, 0.875]
    """
    weights = thresholds()["combination"][target]
    told = np.stack([np.isfinite(pmf).all(axis=1) for pmf in pmfs.values()])
    shares = np.array([weights[name] for name in pmfs])[:, None] * told
    return np.asarray(shares / shares.sum(axis=0))


def combine(pmfs: Mapping[str, Array], shares: Array) -> Array:
    """The linear pool of the models by region.

    Args:
        pmfs: Regions x counts, by model.
        shares: ``pool_shares`` of them.
    """
    return np.asarray(np.einsum("mr,mrk->rk", shares, np.nan_to_num(np.stack([*pmfs.values()]))))


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
