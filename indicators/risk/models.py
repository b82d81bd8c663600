"""Two simple forecasts of counts in a window after the night, and their pool (docs/models.md).

Letters are those of that page; those of the code: ``coefficients`` b, ``features`` x, ``mean`` mu,
``power`` p, ``past_year_share`` s, ``weight`` v, ``shift`` b of the calibration.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar, nnls
from scipy.special import expit, gammaln, logit
from scoringrules import crps_negbinom

from indicators.arrays import Array, Mask, Rows
from indicators.risk.mixtures import CountMixture
from indicators.risk.panel import (
    BASELINE_BLOCKS,
    BLOCK_DAYS,
    FEATURES,
    YEAR_DAYS,
    Panel,
    window_sums,
)

VERSION = "2026.13"  # raised with every change that moves a figure
DRIVER_OF_FEATURE = {
    "past_year": "own_long",
    "own_30": "own_recent",
    "own_90": "own_recent",
    "own_180": "own_medium",
    "own_720": "own_long",
    "neighbours_60": "neighbours",
    "neighbours_180": "neighbours",
    "everywhere": "background",
    "constant": "background",
}
FIT_ERRORS = (np.linalg.LinAlgError, RuntimeError)  # no decomposition; no end of iterations
LEAST_MEAN = 1e-3  # events a window that a forecast expects at the least
INFORMATIVE_MEAN = 0.1  # quieter windows say nothing of dispersion
ALPHAS = 0.1 * 150 ** (np.arange(25) / 19)  # 0.1 to 56
RATIO_BOUNDS = (0.7, 1.5)  # of what past sums may move the mean by
MOST_ROWS = 20_000  # of past windows that the dispersion is learnt from
ITERATIONS = 30  # at the most; seven are usual
LEAST_VARIANCE = 0.02  # of a window's count, where coefficients are fitted
NEWTON_BELOW = 0.1  # relative step from which on the mean's own error counts in the curvature
CONVERGED = 1e-8  # relative step
CACHED_ROWS = 1_000  # of the normal equations' parts; larger ones wait for memory and threads
CALIBRATED_ABOVE = 0.01  # smaller chances say nothing of the tail
LEAST_CASES = 5  # observed among them, else chances are left as they are


@dataclass(frozen=True)
class Tuning:
    """Numbers of ``config/thresholds.toml`` that the models use.

    Attributes:
        history_blocks: Past nights the self-exciting model is fitted on, one every thirty days.
        history_half_life: Blocks after which such a night weighs half.
        past_year_share: Share s of the past year's mean in its mean.
        dispersion_power: p: its dispersion falls with the mean as mu^-p.
        dispersion_blocks: Newest past nights from which dispersion and calibration are learnt.
        log_score_share: What the log score weighs beside the CRPS where dispersion is learnt.
        weight: Share v of the self-exciting model in the pool.
        is_rescaled: Whether its mean is scaled so that what it says of those nights sums to
            what came.
    """

    history_blocks: int
    history_half_life: float
    past_year_share: float
    dispersion_power: float
    dispersion_blocks: int
    log_score_share: float
    weight: float
    is_rescaled: bool = False


@dataclass(frozen=True)
class SelfExciting:
    """Self-exciting forecast: NB2 counts with mean linear in past events (Ferland et al. 2006).

        mu = sum_k b_k x_k,  b_k >= 0;  Var = mu + alpha mu^(2 - p)

    Attributes:
        coefficients: b, one for each of the panel's features.
        alpha: Dispersion at a mean of one.
        power: p.
    """

    coefficients: Array
    alpha: float
    power: float

    def mean(self, features: Array) -> Array:
        """Expected count for features x, ... x features."""
        return np.maximum(features @ self.coefficients, LEAST_MEAN)

    def dispersion(self, mean: Array) -> Array:
        """Alpha of the NB2 form at each mean."""
        return self.alpha * dispersion_scale(mean, self.power)


def dispersion_scale(mean: Array, power: float) -> Array:
    """mu^-p, by which dispersion falls with the mean; the same for all means below 0.05."""
    return np.asarray(np.maximum(mean, 0.05) ** -power)


def fit_self_exciting(panel: Panel, first: int, last: int, tuning: Tuning) -> SelfExciting:
    """The self-exciting model of the events in blocks ``first`` to ``last`` after the night.

        mu = s w x_0 + (1 - s) sum_k b_k x_k,  w = last - first + 1

    b by non-negative quasi-Poisson fit on past nights with the same gap between figures and
    window, shared by all places; a share s of mu is the past year's mean x_0. alpha has the
    least CRPS, plus a share of the log score, on the newest of those nights.

    Args:
        panel: As of the night.
        first: First block of the window.
        last: Last block.
        tuning: The model's numbers.

    Raises:
        numpy.linalg.LinAlgError, RuntimeError: The fit has no solution (``FIT_ERRORS``).
    """
    coefficients, observed, mean = fit_mean(panel, first, last, tuning)
    alpha = fit_dispersion(observed.ravel(), mean.ravel(), tuning)
    return SelfExciting(coefficients, alpha, tuning.dispersion_power)


def fit_mean(panel: Panel, first: int, last: int, tuning: Tuning) -> tuple[Array, Array, Array]:
    """The coefficients of ``fit_self_exciting``, then what came and its mean on the newest nights.

    Raises:
        numpy.linalg.LinAlgError, RuntimeError: The fit has no solution (``FIT_ERRORS``).
    """
    observed, features, weight = past_nights(panel, first, last, tuning)
    if not len(observed):
        raise RuntimeError("no past night has a window that is wholly known")
    fitted = fit_nonnegative_quasi_poisson(features, observed, weight)
    coefficients = (1 - tuning.past_year_share) * fitted
    coefficients[0] += tuning.past_year_share * (last - first + 1)
    newest = slice(-tuning.dispersion_blocks, None)
    mean = features[newest] @ coefficients  # NaN, of a place that is left out, is not informative
    if tuning.is_rescaled:
        ratio = observed_expected_ratio(observed[newest], mean, weight[newest])
        coefficients, mean = ratio * coefficients, ratio * mean
    return coefficients, observed[newest], mean


def past_nights(panel: Panel, first: int, last: int, tuning: Tuning) -> tuple[Array, Array, Array]:
    """What came in such a window after the newest past nights, their features, their weights.

    Returns:
        Nights x places; nights x places x features; nights, halved with age. Of nights whose whole
        window is known, which may be none.
    """
    observed = panel.targets(first, last)
    rows = slice(-tuning.history_blocks, None)
    observed, features = observed[rows], panel.features[: len(observed)][rows]
    age = np.arange(len(observed))[::-1]
    return observed, features, 0.5 ** (age / tuning.history_half_life)


def fit_nonnegative_quasi_poisson(features: Array, observed: Array, weight: Array) -> Array:
    """Coefficients b >= 0 of mu = sum_k b_k x_k: the root of the quasi-Poisson score (Newton).

        sum_i w_i x_i (y_i - mu_i) / v_i = 0 where b > 0,  v = max(mu, 0.02)

    Steps of reweighted non-negative least squares (Fisher scoring) lead near it, Newton's to it;
    the normal equations are summed in parts that stay in the processor's cache.

    Args:
        features: Nights x places x features; a place with NaN is left out.
        observed: Nights x places.
        weight: Nights: v.
    """
    nights, places, count = features.shape
    is_known = np.isfinite(features[-1]).all(axis=1)
    scale = np.maximum(features.max(axis=(0, 1), where=is_known[:, None], initial=0), 1e-12)
    least = max(float(observed.mean(where=is_known)), 0.01)
    row_features, row_observed = features.reshape(-1, count), observed.ravel()
    row_weight, row_known = np.repeat(weight, places), np.tile(is_known, nights)
    has_unknown, slopes, step = not is_known.all(), np.zeros(count), np.inf
    for iteration in range(ITERATIONS):
        is_newton = step < NEWTON_BELOW
        gram, moment = np.zeros((count, count)), np.zeros(count)
        for begin in range(0, len(row_features), CACHED_ROWS):
            part = slice(begin, begin + CACHED_ROWS)
            x, y, weights = row_features[part], row_observed[part], row_weight[part]
            if has_unknown:
                rows_known = row_known[part]
                x, y, weights = x[rows_known], y[rows_known], weights[rows_known]
            mean = x @ (slopes / scale) if iteration else np.full(len(x), least)
            variance = np.maximum(mean, LEAST_VARIANCE)
            curvature = weights / variance
            if is_newton:
                moment += (curvature * (y - mean)) @ x
                curvature = np.where(mean > LEAST_VARIANCE, curvature * y / variance, curvature)
            else:
                moment += (curvature * y) @ x
            gram += (x * curvature[:, None]).T @ x
        gram, moment = gram / np.outer(scale, scale), moment / scale
        if is_newton:
            moment += gram @ slopes
        gram += 1e-9 * np.eye(count)
        lower = np.linalg.cholesky(gram)
        before, slopes = slopes, nnls(lower.T, np.linalg.solve(lower, moment))[0]
        step = float(np.abs(slopes - before).max() / max(slopes.max(), 1e-12))
        if step < CONVERGED:
            break
    return np.asarray(slopes / scale)


def observed_expected_ratio(observed: Array, mean: Array, weight: Array) -> float:
    """Sum of what came over sum of what was expected, within ``RATIO_BOUNDS``.

    Args:
        observed: Nights x places.
        mean: Nights x places; NaN: nothing was expected of the place.
        weight: Nights.

    Example:
        >>> observed_expected_ratio(np.array([[1.0, 2.0]]), np.array([[2.0, 0.5]]), np.ones(1))
        1.2
    """
    came, expected = (
        float(weight @ np.where(np.isnan(mean), 0.0, values).sum(axis=1))
        for values in (observed, mean)
    )
    return float(np.clip(came / expected, *RATIO_BOUNDS)) if expected > 0 else 1.0


def fit_dispersion(observed: Array, mean: Array, tuning: Tuning, alphas: Array = ALPHAS) -> float:
    """Alpha of Var = mu + alpha mu^(2 - p) with the least loss (Gneiting et al. 2005).

        loss = mean CRPS / mean count + share x mean log score

    Minimum CRPS alone leaves the tail too thin, maximum likelihood widens every forecast for a
    few surprises of quiet places.

    Args:
        observed: Counts y of past windows.
        mean: Their mu; means of ``INFORMATIVE_MEAN`` and less are passed over.
        tuning: Power p, and the share of the log score.
        alphas: Those tried.
    """
    loss = dispersion_loss(observed, mean, tuning, alphas)
    return 1.0 if loss is None else float(alphas[loss.argmin()])


def dispersion_loss(
    observed: Array, mean: Array, tuning: Tuning, alphas: Array = ALPHAS
) -> Array | None:
    """The loss of ``fit_dispersion`` at each of ``alphas``; None: no mean is informative."""
    informative = np.flatnonzero(mean > INFORMATIVE_MEAN)
    if not informative.size:
        return None
    informative = informative[:: -(-informative.size // MOST_ROWS)]
    observed, mean = observed[informative], mean[informative]
    scale = dispersion_scale(mean, tuning.dispersion_power)
    log_factorial = gammaln(observed + 1)
    crps, log_score = np.empty((2, len(alphas), observed.size))
    for row, alpha in enumerate(alphas):
        size = 1 / (alpha * scale)
        # The closed form has no number for means above some thousands with little dispersion.
        with np.errstate(all="ignore"):
            crps[row] = crps_negbinom(observed, size, mu=mean)
        log_score[row] = -(
            gammaln(observed + size) - gammaln(size) - log_factorial
            + size * np.log(size / (size + mean)) + observed * np.log(mean / (size + mean))
        )  # fmt: skip
    loss = tuning.log_score_share * log_score.mean(axis=1)
    is_scored = np.isfinite(crps).all(axis=0)
    if is_scored.any():
        loss += crps[:, is_scored].mean(axis=1) / max(float(observed[is_scored].mean()), 0.1)
    return np.asarray(loss)


def conflictology(counts: Array, window: int) -> Array:
    """The past year as its own forecast (Hegre et al. 2025, VIEWS): places x windows.

        P(S <= k) = #{windows with sum <= k} / (13 - w)

    Every sum over w (``window``) consecutive blocks among the newest twelve is equally likely.
    """
    return window_sums(counts[-BASELINE_BLOCKS:], window).T


def pool_of(
    model: SelfExciting | None, features: Array, draws: Array, weight: float
) -> CountMixture:
    """The pool of the self-exciting model and conflictology.

    Args:
        model: None: it could not be fitted; the other stands in for it.
        features: Places x features; a place with an unknown one has no share of the model.
        draws: ``conflictology``.
        weight: Share v of the model.
    """
    if model is None:
        nothing = np.zeros(len(draws))
        return CountMixture(nothing, nothing + 1, nothing + 1, draws)
    is_known = np.isfinite(features).all(axis=1)
    mean = np.where(is_known, model.mean(np.nan_to_num(features)), 1.0)
    return CountMixture(np.where(is_known, weight, 0.0), mean, model.dispersion(mean), draws)


def fit_logit_shift(probability: Array, observed: Mask) -> float:
    """The b of logit p' = logit p + b with the most likelihood, on chances above 1%.

    One number learnt per target: the tail that dispersion leaves too thin. A standard normal
    prior keeps it near zero where little was observed.

    Example:
        >>> b = fit_logit_shift(np.full(1000, 0.1), np.arange(1000) < 200)
        >>> calibrated_probability(np.array([0.1]), b).round(2).tolist()
        [0.2]
    """
    is_informative = probability > CALIBRATED_ABOVE
    observed = observed[is_informative]
    if observed.sum() < LEAST_CASES:
        return 0.0
    logits = logit(np.clip(probability[is_informative], 0, 1 - 1e-9))

    def loss(shift: float) -> float:
        signed = np.where(observed, logits + shift, -logits - shift)
        return float(np.logaddexp(0, -signed).sum() + shift**2 / 2)

    return float(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)


def calibrated_probability(probability: Array, shift: float) -> Array:
    """Probabilities p' of logit p' = logit p + b, b being ``shift``; 0 and 1 stay."""
    with np.errstate(divide="ignore"):
        return np.asarray(expit(logit(probability) + shift))


@dataclass(frozen=True)
class PastWindows:
    """Forecasts by the night's model of the newest past nights, one row a night and place.

    In sample; nine coefficients shared by thousands of rows leave next to no optimism, and what
    is learnt from it is scored out of sample (docs/scorecard.md).

    Attributes:
        pool: The pool of each row.
        observed: Count of each row's window.
        past_year: The past year's mean as it was then, events per thirty days.
        place: Row of the place.
    """

    pool: CountMixture
    observed: Array
    past_year: Array
    place: Rows

    def logit_shift(self, threshold: Array | float) -> float:
        """``fit_logit_shift`` of the chance of at least ``threshold``, one or a row each."""
        bound = np.broadcast_to(threshold, self.observed.shape)
        rows = self.pool.expected() > CALIBRATED_ABOVE / 2
        probability = self.pool.take(rows).exceedance_probability(bound[rows])
        return fit_logit_shift(probability, self.observed[rows] >= bound[rows])


def past_windows(
    panel: Panel, model: SelfExciting | None, first: int, last: int, tuning: Tuning
) -> PastWindows:
    """Forecasts of blocks ``first`` to ``last`` after past nights, with the counts observed."""
    observed = panel.targets(first, last)
    window = last - first + 1
    begin = max(BASELINE_BLOCKS - 1, len(observed) - tuning.dispersion_blocks)
    end = max(begin, len(observed))  # none, where less than a year lies before
    nights = slice(begin, end)
    sums = window_sums(panel.counts, window)
    draws = np.lib.stride_tricks.sliding_window_view(sums, BASELINE_BLOCKS + 1 - window, axis=0)
    draws = draws[begin - BASELINE_BLOCKS + 1 : end - BASELINE_BLOCKS + 1]
    features = panel.features[nights].reshape(-1, len(panel.names))
    pool = pool_of(model, features, draws.reshape(-1, draws.shape[-1]), tuning.weight)
    place = np.tile(np.arange(panel.places), end - begin)
    return PastWindows(pool, observed[nights].ravel(), features[:, 0], place)


def with_more_events(features: Array, number: Array) -> Array:
    """Features had ``number`` more events happened in the place on the last day known.

    Its neighbours' features are left as they are: an event moves them, not the place itself.

    Args:
        features: Places x features.
        number: Places; below zero: fewer.
    """
    shifted_features = features.copy()
    for name, impulse in _impulse(np.zeros(1)).items():
        column = FEATURES.index(name)
        shifted_features[:, column] = np.maximum(features[:, column] + number * impulse[0], 0)
    return shifted_features


def _impulse(days_ago: Array) -> dict[str, Array]:
    """What one event so many days before the last one known adds to its place's features."""
    response = {"past_year": np.where(days_ago < YEAR_DAYS, BLOCK_DAYS / YEAR_DAYS, 0.0)}
    for name in FEATURES:
        if name.startswith("own_"):
            daily = 0.5 ** (1 / float(name.removeprefix("own_")))
            response[name] = daily**days_ago * (1 - daily) * BLOCK_DAYS
    return response


def without_event(features: Array, days_ago: Array) -> Array:
    """Features had one event of the place, so many days before the last one known, not happened.

    Args:
        features: Places x features.
        days_ago: Places; NaN: there is none.
    """
    shifted_features = features.copy()
    is_there = np.isfinite(days_ago)
    for name, impulse in _impulse(np.where(is_there, days_ago, 0.0)).items():
        column = FEATURES.index(name)
        shifted_features[:, column] = np.maximum(
            features[:, column] - np.where(is_there, impulse, 0), 0
        )
    return shifted_features
