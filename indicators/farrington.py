"""Aberration detection: the improved Farrington method, all regions and periods at once.

Noufaily et al. (2013), Statistics in Medicine 32(7), after Farrington et al. (1996), with
the rules of ``farringtonFlexible`` of R's surveillance 1.20 (Salmon et al. 2016, Journal of
Statistical Software 70(10)), its stopping rule included, so that bounds agree. In the letters of
docs/models.md:

    log mu = season + c t,  Var y = phi mu,  phi >= 1
    U = (mu^(2/3) + z sqrt(4/9 mu^(1/3) (phi + mu se(log mu)^2)))^(3/2)
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from indicators.arrays import Array, Mask, parts

EPSILON, MOST_STEPS = 1e-8, 25  # of R's glm


@dataclass(frozen=True)
class FarringtonControl:
    """How bounds are drawn; names and defaults of R's ``farringtonFlexible``.

    Attributes:
        frequency: Periods a year (12, 52).
        b: Years back.
        w: Half-window around the reference periods of past years.
        no_periods: Seasonal levels; 1: only the windows are used.
        past_not_included: Newest periods left out of the fit; None: ``w``.
        trend: Whether a trend is tried.
        p_trend: Significance it needs.
        reweight: Whether past outbreaks weigh less.
        weights_threshold: Anscombe residual above which they do.
        alpha: One-sided level of the bound.
        limit54: Fewest cases in how many newest periods.
        method: delta, nbPlugin or muan.
    """

    frequency: int = 12
    b: int = 5
    w: int = 3
    no_periods: int = 1
    past_not_included: int | None = None
    trend: bool = True
    p_trend: float = 0.05
    reweight: bool = True
    weights_threshold: float = 2.58
    alpha: float = 0.05
    limit54: tuple[int, int] = (5, 4)
    method: Literal["delta", "nbPlugin", "muan"] = "delta"


@dataclass(frozen=True)
class FarringtonBounds:
    """Judged periods x regions; NaN where too few cases, or no fit, allow no bound.

    Attributes:
        upper: Upper bound of what is usual.
        expected: Expected count.
        score: (count - expected) / (upper - expected); above 1 is an aberration.
        p_value: Chance of as many or more.
        dispersion: Quasi-Poisson, at least 1.
        has_trend: Whether the trend is in the bound.
        alarm: Whether the count is an aberration.
    """

    upper: Array
    expected: Array
    score: Array
    p_value: Array
    dispersion: Array
    has_trend: Mask
    alarm: Mask


@dataclass(frozen=True)
class _Fit:
    """One weighted fit of every series: arrays with the series first."""

    mean: Array
    slope: Array
    slope_error: Array
    eta: Array
    eta_error: Array
    dispersion: Array
    leverage: Array
    converged: Mask = field(repr=False)


def farrington(counts: Array, first: int, control: FarringtonControl) -> FarringtonBounds:
    """Bounds of periods ``first`` to the last, of every region.

    Args:
        counts: Periods x regions, no gaps.
        first: First period judged; ``frequency * b + w`` periods must lie before it.
        control: The method's numbers.

    Raises:
        ValueError: The history is too short, or has more seasonal levels than periods.

    Example:
        >>> quiet = np.tile([2.0, 3.0], 40)[:, None]
        >>> bounds = farrington(np.vstack([quiet, [[9.0]]]), 80, FarringtonControl())
        >>> bool(bounds.alarm[0, 0]), round(float(bounds.upper[0, 0]), 1)
        (True, 5.6)
    """
    offsets, levels = _reference(control)
    if first + offsets.min() < 0:
        raise ValueError(
            f"period {first} has too short a history; judge from {-offsets.min()} on, or lower b"
        )
    bounds = [
        vars(_bounds(counts[:, regions], first, offsets, levels, control))
        for regions in parts(max(counts.shape[1], 1), (len(counts) - first) * offsets.size)
    ]
    return FarringtonBounds(
        **{name: np.concatenate([part[name] for part in bounds], axis=1) for name in bounds[0]}
    )


def _bounds(
    counts: Array, first: int, offsets: Array, levels: Array, control: FarringtonControl
) -> FarringtonBounds:
    """Bounds of some regions; offsets and levels: ``_reference``."""
    periods_judged = np.arange(first, len(counts))
    shape = (periods_judged.size, counts.shape[1])
    cases, periods = control.limit54
    total = np.cumsum(np.vstack([np.zeros((1, shape[1])), counts]), axis=0)
    recent = total[periods_judged + 1] - total[np.maximum(periods_judged + 1 - periods, 0)]
    is_enough = (recent >= cases).ravel()
    past = counts[periods_judged[:, None] + offsets].transpose(0, 2, 1).reshape(-1, offsets.size)
    y, observed = past[is_enough], counts[periods_judged].ravel()[is_enough]
    eta, error, phi, is_fitted, has_trend = _prediction(y, offsets, levels, control)
    upper, score, p_value = _threshold(eta, error, phi, observed, control)
    has_bound = is_fitted & np.isfinite(upper)

    def by_period(values: Array) -> Array:
        whole = np.full(is_enough.size, np.nan)
        whole[is_enough] = np.where(has_bound, values, np.nan)
        return whole.reshape(shape)

    return FarringtonBounds(
        upper=by_period(upper),
        expected=by_period(np.exp(eta)),
        score=by_period(score),
        p_value=by_period(p_value),
        dispersion=by_period(phi),
        has_trend=by_period(has_trend.astype(np.float64)) == 1,
        alarm=(by_period(score) > 1) & (counts[periods_judged] > 0),
    )


def _prediction(
    y: Array, offsets: Array, levels: Array, control: FarringtonControl
) -> tuple[Array, Array, Array, Mask, Mask]:
    """Linear predictor, its error, dispersion, whether fitted, whether with a trend.

    The trend stays if it is significant, rests on three years and does not lead above
    what was ever seen.
    """
    from scipy.special import stdtr  # takes long to import, as in _threshold

    seasons = (levels[:, None] == np.unique(levels)).astype(np.float64)
    now = np.append((np.unique(levels) == control.no_periods).astype(np.float64), 0.0)
    flat = _fit_reweighted(y, seasons, now[:-1], control)
    if not control.trend:
        none = np.zeros(len(y), dtype=bool)
        return flat.eta, flat.eta_error, flat.dispersion, flat.converged, none
    design = np.column_stack([seasons, offsets / control.frequency])
    sloped = _fit_reweighted(y, design, now, control)
    t = np.divide(
        sloped.slope, sloped.slope_error, where=sloped.slope_error > 0, out=np.zeros(len(y))
    )
    has_trend = (
        sloped.converged
        & (control.b >= 3)
        & (2 * stdtr(offsets.size - design.shape[1], -np.abs(t)) < control.p_trend)
        & (np.exp(sloped.eta) <= y.max(axis=1, initial=0))
    )
    return (
        np.where(has_trend, sloped.eta, flat.eta),
        np.where(has_trend, sloped.eta_error, flat.eta_error),
        np.where(has_trend, sloped.dispersion, flat.dispersion),
        flat.converged | has_trend,
        has_trend,
    )


def _reference(control: FarringtonControl) -> tuple[Array, Array]:
    """Offsets of the past periods used, oldest first, and their seasonal levels.

    Level ``no_periods`` is the window around the period judged and the same time of past
    years; the rest of the year is cut into levels of equal length, longer ones first.
    """
    frequency, w, p = control.frequency, control.w, control.no_periods
    excluded = control.w if control.past_not_included is None else control.past_not_included
    level: dict[int, int] = {}
    for year in range(1, control.b + 1):
        for offset in range(-w, w + 1):
            level[offset - year * frequency] = p
        if p > 1:
            gap = frequency - 2 * w - 1
            if gap < p - 1:
                raise ValueError(f"{p} seasonal levels are too many for {frequency} periods a year")
            length, rest = divmod(gap, p - 1)
            at = w + 1 - year * frequency
            for number in range(1, p):
                size = length + (number <= rest)
                level |= dict.fromkeys(range(at, at + size), number)
                at += size
    level |= dict.fromkeys(range(-w, 1), p)
    reference_offsets = sorted(offset for offset in level if offset < -excluded)
    return np.array(reference_offsets), np.array([level[offset] for offset in reference_offsets])


def _fit_reweighted(y: Array, design: Array, now: Array, control: FarringtonControl) -> _Fit:
    """Quasi-Poisson fit in which past outbreaks weigh less, if ``reweight``.

    weight ~ s^-2 where s > ``weights_threshold``, else 1;  s: Anscombe residual of a first fit
    """
    fit = _irls(y, design, now, np.ones_like(y), is_plain=True)
    if not control.reweight:
        return fit
    phi = fit.dispersion[:, None]
    raw = 1.5 * (y ** (2 / 3) * fit.mean ** (-1 / 6) - np.sqrt(fit.mean))
    s = raw / np.sqrt(phi * np.maximum(1 - fit.leverage, 1e-12))
    inverse_square = np.where(s > control.weights_threshold, np.maximum(s, 1e-9) ** -2.0, 1.0)
    weights = inverse_square * y.shape[1] / inverse_square.sum(axis=1, keepdims=True)
    reweighted = _irls(y, design, now, weights, is_plain=False)
    return replace(reweighted, converged=fit.converged)


def _irls(y: Array, design: Array, now: Array, prior: Array, is_plain: bool) -> _Fit:
    """Iteratively reweighted least squares of all series, each stopping when R's glm does.

    With prior weights R's standard errors rest on the weighted squares of the working
    residuals (``is_plain`` false); here too, so that bounds agree.
    """
    mean = y + 0.1
    eta = np.log(mean)
    deviance = _deviance(y, mean, prior)
    series, count = len(y), design.shape[1]
    beta = np.zeros((series, count))
    covariance = np.zeros((series, count, count))
    working = np.zeros_like(y)
    is_running = np.ones(series, dtype=bool)
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    for _ in range(MOST_STEPS):
        k = np.flatnonzero(is_running)
        if not k.size:
            break
        working[k] = prior[k] * mean[k]
        z = eta[k] + (y[k] - mean[k]) / mean[k]
        gram = (working[k] @ squares).reshape(-1, count, count)
        covariance[k] = np.linalg.inv(gram)
        beta[k] = np.einsum("sij,sj->si", covariance[k], (working[k] * z) @ design)
        eta[k] = np.clip(beta[k] @ design.T, -700, 700)
        mean[k] = np.maximum(np.exp(eta[k]), np.finfo(float).eps)
        new = _deviance(y[k], mean[k], prior[k])
        is_done = np.abs(new - deviance[k]) / (np.abs(new) + 0.1) < EPSILON
        deviance[k] = new
        is_running[k[is_done]] = False
    free = y.shape[1] - count
    residual = (y - mean) / mean
    scale = (working * residual**2).sum(axis=1) / free
    error_scale = scale if is_plain else (prior * residual**2).sum(axis=1) / free
    leverage = np.einsum("ni,sij,nj->sn", design, covariance, design) * working
    return _Fit(
        mean=mean,
        slope=beta[:, -1],
        slope_error=np.sqrt(error_scale * covariance[:, -1, -1]),
        eta=beta @ now,
        eta_error=np.sqrt(error_scale * np.einsum("i,sij,j->s", now, covariance, now)),
        dispersion=np.maximum(scale, 1.0),
        leverage=leverage,
        converged=~is_running,
    )


def _deviance(y: Array, mean: Array, prior: Array) -> Array:
    log_ratio = np.where(y > 0, y * np.log(np.maximum(y, 1e-300) / mean), 0.0)
    return np.asarray(2 * (prior * (log_ratio - (y - mean))).sum(axis=1))


def _threshold(
    eta: Array, error: Array, phi: Array, y: Array, control: FarringtonControl
) -> tuple[Array, Array, Array]:
    """Upper bound, score and p-value."""
    from scipy.special import ndtr, ndtri

    z = ndtri(1 - control.alpha)
    mean = np.exp(eta)
    if control.method == "delta":
        spread = np.sqrt(4 / 9 * np.cbrt(mean) * (phi + error**2 * mean))
        upper = (mean ** (2 / 3) + z * spread) ** 1.5
        p_value = ndtr((mean ** (2 / 3) - y ** (2 / 3)) / spread)
        centre = mean
    else:
        from scipy import stats  # takes a second to import

        rate = mean if control.method == "nbPlugin" else np.exp(eta + z * error)
        over = phi > 1
        size = np.where(over, rate / np.where(over, phi - 1, 1.0), 1.0)
        upper = np.where(
            over,
            stats.nbinom.ppf(1 - control.alpha, size, 1 / phi),
            stats.poisson.ppf(1 - control.alpha, rate),
        )
        p_value = np.where(
            over, stats.nbinom.sf(y - 1, size, 1 / phi), stats.poisson.sf(y - 1, rate)
        )
        centre = eta  # as R does: the score compares with the linear predictor
    gap = upper - centre
    score = np.divide(y - centre, gap, where=gap != 0, out=np.full(len(y), np.nan))
    return np.asarray(upper), np.asarray(score), np.asarray(p_value)
