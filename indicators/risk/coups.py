"""Events and deaths of the months after coups, over those expected from the past."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools import add_constant

from config.months import months_between
from config.vocabulary import FIRST_DAY
from indicators.arrays import Array
from indicators.risk.vintages import Vintages

AFTER_MONTHS = 6
COUPS_FROM = date(2000, 1, 1)
LOG_OFFSET = 0.1  # added to a mean before its log


def rate_ratios(counts: Array, months: Sequence[int]) -> list[tuple[float, float, float]]:
    """Ratio of counts to those expected, in the six months after each of these months.

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


def ratios_after_coups(
    vintages: Vintages, coups: pl.DataFrame, country_code: str
) -> list[tuple[object, ...]]:
    """Rows of the scorecard: events and deaths after a country's coups, over those expected.

    Args:
        vintages: Versions of events and regions; the newest count.
        coups: ``country_code``, ``coup_date``, ``is_successful``.
        country_code: Which country.
    """
    name = vintages.regions.filter(country_code=country_code)["country_name"][0]
    days = coups.filter(
        pl.col("is_successful") & (pl.col("coup_date") >= COUPS_FROM), country_code=country_code
    )["coup_date"].to_list()
    by_month = (
        vintages.versions.filter(
            pl.col("known_to").is_null() & pl.col("region_id").is_not_null(),
            country_code=country_code,
        )
        .sort("event_date")
        .with_columns(month=pl.col("event_date").dt.month_start())
        .group_by("month", maintain_order=True)
        .agg(events=pl.len(), deaths=pl.col("deaths_best_count").sum())
    )
    months = [months_between(FIRST_DAY, month) for month in by_month["month"]]
    rows: list[tuple[object, ...]] = []
    for target in ("events", "deaths"):
        counts = np.zeros(months[-1] + 1)
        counts[months] = by_month[target].to_numpy()
        ratios = rate_ratios(counts, [months_between(FIRST_DAY, day) for day in days])
        rows += [
            (target, f"{name}, after the coup of {day}", 6, "quasi-Poisson", "rate_ratio", *ratio)
            for day, ratio in zip(days, ratios, strict=True)
        ]
    return rows
