"""What followed coups: events and deaths of the months after, against what the past foretold."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools import add_constant

from indicators.arrays import Array

AFTER_MONTHS = 6
LOG_OFFSET = 0.1  # added to a mean before its log


def rate_ratios(counts: Array, months: Sequence[int]) -> list[tuple[float, float, float]]:
    """How many times as many as expected in the six months after each of these months.

    Poisson quasi-likelihood on the country's own weighted means (half-lives 6 and 24
    months) with a step after each coup; 90% intervals from standard errors that allow
    for overdispersion and six months of autocorrelation (Newey & West 1987). One coup is
    one case: the ratio holds whatever else happened then.

    Args:
        counts: Events or deaths of the country by month.
        months: Row numbers of the coups' months.

    Returns:
        Ratio, lower and upper end, for each coup.

    Example:
        >>> steady = np.tile([3.0, 5.0], 60)
        >>> steady[61:67] *= 2  # from the month after row 60 on
        >>> ratio, low, high = rate_ratios(steady, [60])[0]
        >>> 1.9 < low < ratio < high < 2.7
        True
    """
    past = [
        np.log(pl.Series(counts).ewm_mean(half_life=half_life).to_numpy()[:-1] + LOG_OFFSET)
        for half_life in (6, 24)
    ]
    number = np.arange(1, len(counts))
    steps = [(number > month) & (number <= month + AFTER_MONTHS) for month in months]
    design = add_constant(np.stack([*past, *steps], axis=1).astype(np.float64))
    fit = GLM(counts[1:], design, family=Poisson()).fit(
        cov_type="HAC", cov_kwds={"maxlags": AFTER_MONTHS}
    )
    bounds = fit.conf_int(alpha=0.1)
    first = design.shape[1] - len(months)
    return [
        (float(np.exp(fit.params[k])), float(np.exp(bounds[k, 0])), float(np.exp(bounds[k, 1])))
        for k in range(first, design.shape[1])
    ]
