"""The textbook's forecast, with which back-tests compare: a log-linear regression.

statsmodels fits it, which takes long to import: no night uses it.
"""

import warnings

import numpy as np
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import ModelWarning

from indicators.arrays import Array
from indicators.risk.models import (
    FIT_ERRORS,
    LEAST_MEAN,
    Tuning,
    dispersion_scale,
    fit_dispersion,
    past_nights,
)
from indicators.risk.panel import Panel


def log_linear(panel: Panel, first: int, last: int, tuning: Tuning) -> tuple[Array, Array]:
    """Mean and dispersion of the events in blocks ``first`` to ``last`` after the night.

        log mu = sum_k b_k log(1 + x_k),  Var = mu + alpha mu^(2 - p)

    All but the mean's form is as in ``models.fit_self_exciting``: features x (one is constant),
    past nights, their weights, alpha and p. b by Poisson pseudo-likelihood (Gourieroux, Monfort &
    Trognon 1984).

    Args:
        panel: As of the night.
        first: First block of the window.
        last: Last block.
        tuning: The self-exciting model's numbers.

    Returns:
        mu, NaN where a feature is not known and everywhere if the fit or a mean diverges, and
        alpha mu^-p; one a place each.
    """
    observed, features, weight = past_nights(panel, first, last, tuning)
    if not observed.any():
        return np.full(panel.places, LEAST_MEAN), np.ones(panel.places)
    features = np.log1p(features)
    is_known = np.isfinite(features).all(axis=2)
    regression = GLM(
        observed[is_known],
        features[is_known],
        family=Poisson(),
        var_weights=np.broadcast_to(weight[:, None], is_known.shape)[is_known],
    )
    newest = slice(-tuning.dispersion_blocks, None)
    try:
        with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
            # Where little happened many b fit alike; each gives a forecast.
            warnings.simplefilter("ignore", ModelWarning)
            b = regression.fit().params
            fitted, mean = (
                np.maximum(np.exp(of @ b), LEAST_MEAN)
                for of in (features[newest], np.log1p(panel.features[-1]))
            )
    except (FloatingPointError, *FIT_ERRORS):
        return np.full(panel.places, np.nan), np.ones(panel.places)
    alpha = fit_dispersion(observed[newest].ravel(), fitted.ravel(), tuning)
    return mean, alpha * dispersion_scale(mean, tuning.dispersion_power)
