"""VIEWS' challenge windows on our countries: trained to October, the twelve months of next year.

Deaths of state-based events by country and calendar month (Hegre et al. 2025). Three forecasts:

- ``conflictology``: the twelve months to October, equally likely: exact, not drawn.
- ``core``: the sum of the regions' forecasts, with the shock a country shares (``joint``).
- ``country``: v NB(M, phi) + (1 - v) conflictology of the country's own months. M: the sum of
  what the regions' forecasts expect; variance M (1 + phi), NB1; phi learnt on past sums.

In all, block h of thirty days after 31 December stands for month h, its mean times days / 30.
The regions' forecasts: docs/models.md.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from config.months import month_numbers
from indicators.arrays import Array
from indicators.risk import models, scores
from indicators.risk.joint import PHIS, group_forecast, group_shock, past_group_sums
from indicators.risk.mixtures import CountMixture
from indicators.risk.panel import BLOCK_DAYS
from indicators.risk.pool import Window, forecast_window, tuning
from indicators.risk.vintages import Origin, Vintages

MONTHS = 12
# Chosen on 2013 to 2018, where 0.5 to 0.8 and 0.3 to 1 hardly differ; what else was tried:
# tests/benchmarks/views_windows.py.
SUM_WEIGHT = 0.7  # v
LOG_SCORE_SHARE = 1.0  # beside the CRPS where phi is learnt


@dataclass(frozen=True)
class YearForecasts:
    """Forecasts of a year's months by name, and the deaths observed.

    Attributes:
        by_model: One pool a month, one row a country in each.
        observed: Months x countries: deaths by the newest versions.
        codes: Country codes.
    """

    by_model: dict[str, list[CountMixture]]
    observed: Array
    codes: Sequence[str]


def country_month_deaths(
    events: pl.DataFrame, codes: Sequence[str], first: date, months: int = MONTHS
) -> Array:
    """Deaths by month and country, with or without a region; months x countries.

    Args:
        events: ``event_date``, ``country_code``, ``deaths_best_count``.
        codes: Countries, in the order of the columns.
        first: First day of the first month.
        months: How many months.

    Example:
        >>> events = pl.DataFrame(
        ...     {
        ...         "event_date": [date(2020, 2, 1), date(2020, 2, 29), date(2020, 3, 1)],
        ...         "country_code": ["MLI", "MLI", "NER"],
        ...         "deaths_best_count": [2, 3, 7],
        ...     }
        ... )
        >>> country_month_deaths(events, ["MLI", "NER"], date(2020, 1, 1), 3).tolist()
        [[0.0, 0.0], [5.0, 0.0], [0.0, 7.0]]
    """
    rows = events.with_columns(
        month=month_numbers(pl.col("event_date")) - month_numbers(pl.lit(first)),
        country=pl.col("country_code").replace_strict(
            list(codes), range(len(codes)), default=None, return_dtype=pl.Int64
        ),
    ).filter(pl.col("month").is_between(0, months - 1) & pl.col("country").is_not_null())
    cell = (rows["month"] * len(codes) + rows["country"]).to_numpy()
    size = rows["deaths_best_count"].cast(pl.Float64).to_numpy()
    deaths = np.bincount(cell, weights=size, minlength=months * len(codes))
    return np.asarray(deaths.reshape(months, -1), dtype=np.float64)


def country_forecast(window: Window, group: Array, past_months: Array) -> CountMixture:
    """``country`` of a window: NB1 of the regions' sum, pooled with the country's own past year.

    Args:
        window: Of deaths.
        group: Country number of each place.
        past_months: Countries x months: deaths of the twelve months to October.
    """
    groups = len(past_months)
    expected, _, observed = past_group_sums(window.past_windows, group)
    tuned = replace(window.tuning, dispersion_power=1.0, log_score_share=LOG_SCORE_SHARE)
    phi = models.fit_dispersion(observed, expected, tuned, PHIS)
    total = np.bincount(group, weights=window.pool.expected(), minlength=groups)
    mean: Array = np.maximum(total, models.LEAST_MEAN)
    dispersion = phi * models.dispersion_scale(mean, 1.0)
    return CountMixture(np.full(groups, SUM_WEIGHT), mean, dispersion, past_months)


def forecast_year(versions: pl.DataFrame, regions: pl.DataFrame, year: int) -> YearForecasts:
    """Forecasts of a year's months from what was known at its beginning of the months to October.

    Args:
        versions: Every version of every event: ``event_date``, ``country_code``, ``region_id``,
            ``deaths_best_count``, ``violence_type``, ``known_from``, ``known_to`` (null: the
            newest version).
        regions: Core regions with centroids, sorted by ``region_id``.
        year: The year forecast.
    """
    state_based = versions.filter(violence_type="state_based")
    october, night = date(year - 1, 10, 31), date(year - 1, 12, 31)
    vintages = Vintages(state_based, regions)
    codes = regions["country_code"].unique().sort().to_list()
    inputs = vintages.inputs(Origin(night, october))
    panel = inputs.panel(inputs.deaths, MONTHS)
    past_months = country_month_deaths(vintages.as_of(night), codes, date(year - 2, 11, 1)).T
    nothing = np.zeros(len(codes))
    conflictology = CountMixture(nothing, nothing + 1, nothing + 1, past_months)
    by_model: dict[str, list[CountMixture]] = {"conflictology": [], "core": [], "country": []}
    for month in range(1, MONTHS + 1):
        window = forecast_window(panel, month, month, tuning("deaths"))
        length = monthrange(year, month)[1] / BLOCK_DAYS
        shock = group_shock(window.past_windows, inputs.country)
        core = group_forecast(window.pool, inputs.country, shock)
        country = country_forecast(window, inputs.country, past_months)
        by_model["conflictology"].append(conflictology)
        by_model["core"].append(replace(core, mean=core.mean * length))
        by_model["country"].append(replace(country, mean=country.mean * length))
    newest = state_based.filter(pl.col("known_to").is_null())
    observed = country_month_deaths(newest, codes, date(year, 1, 1))
    return YearForecasts(by_model, observed, codes)


def score_year(forecasts: YearForecasts, year: int) -> pl.DataFrame:
    """CRPS, ignorance and interval score: one row a model, month and country.

    Args:
        forecasts: With the deaths observed.
        year: Their year.
    """
    return pl.concat(
        pl.DataFrame({"country_code": forecasts.codes}).with_columns(
            year=pl.lit(year),
            month=pl.lit(month + 1),
            model=pl.lit(model),
            deaths=pl.Series(observed),
            crps=pl.Series(scores.crps(pool, observed)),
            ignorance=pl.Series(scores.ignorance(pool, observed)),
            interval_score=pl.Series(scores.interval_score(pool, observed)),
        )
        for model, pools in forecasts.by_model.items()
        for month, (pool, observed) in enumerate(zip(pools, forecasts.observed, strict=True))
    )
