"""From event days to forecasts, levels, what drives them and what would move them."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from config.vocabulary import DEATHS_QUANTILES, MODELS, POOL, QUANTILES
from indicators.arrays import Array
from indicators.risk import models
from indicators.risk.drivers import evidence_drivers, forecast_drivers
from indicators.risk.joint import group_forecast, group_shock
from indicators.risk.level_changes import (
    bars_before,
    events_to_next_level,
    may_fall_on,
    newest_event_days,
    probability_without_newest,
)
from indicators.risk.levels import level_number, level_of, model_version
from indicators.risk.mixtures import CountMixture
from indicators.risk.panel import BLOCK_DAYS, HORIZONS
from indicators.risk.pool import (
    MANY_DEATHS,
    Window,
    forecast_escalation,
    forecast_window,
    tuning,
)
from indicators.risk.vintages import NightInputs, night_inputs


@dataclass(frozen=True)
class Assessment:
    """The frames of a night; columns as in the dictionary."""

    forecasts: pl.DataFrame
    country_forecasts: pl.DataFrame
    flags: pl.DataFrame
    drivers: pl.DataFrame


def assess(
    events: pl.DataFrame, regions: pl.DataFrame, known_until: date, night: date, is_stale: bool
) -> Assessment:
    """Forecasts, flags and drivers of a night.

    Args:
        events: Events as known on the night: ``event_date``, ``country_code``, ``region_id``
            (null: known to the country only), ``deaths_best_count``.
        regions: Core regions with centroids.
        known_until: Last day that the event source wholly covers.
        night: The night, from which windows of thirty days are counted.
        is_stale: Whether the event source is older than its maximum age.

    Returns:
        An ``Assessment``; models: self_exciting, conflictology and combined, their pool.
    """
    places = regions.sort("region_id")
    base = night_inputs(events, places, known_until, night)
    panel = base.panel(base.events)
    deaths_panel = base.panel(base.deaths)
    found = forecast_escalation(panel)
    deaths = forecast_window(deaths_panel, found.window.first, found.window.last, tuning("deaths"))
    singles = {
        "events": [forecast_window(panel, h, h, tuning()) for h in HORIZONS],
        "deaths": [forecast_window(deaths_panel, h, h, tuning("deaths")) for h in HORIZONS],
    }
    shifts: dict[str, list[float]] = {"events": [], "deaths": []}
    shocks: dict[str, list[float]] = {"events": [], "deaths": []}
    for target, bound in (("events", 1), ("deaths", MANY_DEATHS)):
        for window in singles[target]:
            past = window.past_windows
            shifts[target].append(past.logit_shift(bound))
            shocks[target].append(group_shock(past, base.country))
    here = slice(base.regions)
    bars = bars_before(base, panel)
    p_bar_before = found.probability_with(panel.features[-1], panel.counts, bars)
    newest = newest_event_days(base)
    p_without = probability_without_newest(found, panel, newest)
    is_flagged = level_number(found.probability) > 0
    p_month_ago = found.probability_with(panel.features[-2], panel.counts[:-1], found.threshold)
    past_year = panel.features[-1, :, 0]

    def column(values: Array) -> pl.Series:
        return pl.Series(values[here]).fill_nan(None)

    def level(values: Array) -> pl.Expr:
        return level_of(pl.lit(pl.Series(values[here])))

    flags = places.select("region_id", "country_code", "country_name", "region_name").with_columns(
        as_of_date=pl.lit(night),
        known_until_date=pl.lit(known_until),
        window_start_date=pl.lit(night + timedelta(days=1)),
        window_end_date=pl.lit(night + timedelta(days=found.window.last * BLOCK_DAYS)),
        p_escalation=column(found.probability),
        p_escalation_before=column(p_month_ago),
        escalation_threshold_count=column(found.threshold).cast(pl.Int64),
        events_past12_mean=column(past_year),
        events_next3_mean=column(found.window.pool.expected()),
        events_next3_q10=column(found.window.pool.quantile(0.1)),
        events_next3_q90=column(found.window.pool.quantile(0.9)),
        deaths_next3_mean=column(deaths.pool.expected()),
        deaths_next3_q10=column(deaths.pool.quantile(0.1)),
        deaths_next3_q90=column(deaths.pool.quantile(0.9)),
        quiet_days=column(newest).cast(pl.Int64),
        is_stale=pl.lit(is_stale),
        models_left_out=pl.Series(_left_out(found.window.pool, here), dtype=pl.String),
        model_version=pl.lit(model_version()),
        calibration_shift=pl.lit(found.shift),
        level=level(found.probability),
        level_at_bar_before=level(p_bar_before),
        p_without_newest_event=column(np.where(is_flagged, p_without, np.nan)),
        events_to_next_level_count=column(events_to_next_level(found, panel)).cast(pl.Int64),
        may_fall_on_date=pl.Series(may_fall_on(base, found, panel, night)[here], dtype=pl.Date),
    )  # fmt: skip
    ids = places["region_id"].to_list()
    forecasts = _forecasts(singles, shifts, ids, known_until, night)
    next_month = forecasts.filter(model=POOL, horizon_months=1).select(
        "region_id", p_any_next_month="p_any_event", p_25_deaths_next_month="p_25_deaths"
    )
    flags = flags.join(
        next_month, on="region_id", how="left", maintain_order="left", validate="1:1"
    ).with_columns(
        level_without_newest_event=pl.when(pl.col("p_without_newest_event").is_not_null()).then(
            level_of(pl.col("p_without_newest_event"))
        )
    )
    return Assessment(
        forecasts,
        _country_forecasts(singles, shocks, base, places, night),
        flags,
        pl.concat([forecast_drivers(found, panel, ids), evidence_drivers(base, found, places)]),
    )


def levels_on_previous_vintage(
    events: pl.DataFrame, regions: pl.DataFrame, known_until: date, night: date
) -> pl.DataFrame:
    """Levels of a night by other versions of the events: ``region_id``, ``level_unrevised``.

    Args:
        events: Events of which those known to an earlier night stand as they did then.
        regions: Core regions with centroids.
        known_until: Last day that the source wholly covers.
        night: The night.
    """
    places = regions.sort("region_id")
    base = night_inputs(events, places, known_until, night)
    chance = forecast_escalation(base.panel(base.events)).probability[: base.regions]
    return places.select("region_id", level_unrevised=level_of(pl.lit(pl.Series(chance))))


def _left_out(pool: CountMixture, here: slice) -> list[str | None]:
    return ["self_exciting" if weight == 0 else None for weight in pool.weight[here]]


def _forecasts(
    singles: dict[str, list[Window]],
    shifts: dict[str, list[float]],
    ids: list[str],
    known_until: date,
    night: date,
) -> pl.DataFrame:
    """Every model at every horizon; a model without a forecast of a region has no row."""
    parts = []
    here = slice(len(ids))
    for row, horizon in enumerate(HORIZONS):
        events, deaths = singles["events"][row].pool, singles["deaths"][row].pool
        for model, share in zip((*MODELS, POOL), (1.0, 0.0, None), strict=True):
            has_forecast = events.weight[here] > 0 if model == "self_exciting" else np.True_
            of_events, of_deaths = (
                _with_weight(pool.take(np.arange(len(ids))), share) for pool in (events, deaths)
            )
            is_pool = model == POOL
            chances = {
                "p_any_event": (of_events, 1.0, shifts["events"][row]),
                "p_25_deaths": (of_deaths, float(MANY_DEATHS), shifts["deaths"][row]),
            }
            parts.append(
                pl.DataFrame({"region_id": ids}).with_columns(
                    has_forecast=pl.lit(pl.Series(np.broadcast_to(has_forecast, len(ids)))),
                    model=pl.lit(model),
                    horizon_months=pl.lit(horizon, dtype=pl.Int64),
                    known_until_date=pl.lit(known_until),
                    window_start_date=pl.lit(
                        night + timedelta(days=(horizon - 1) * BLOCK_DAYS + 1)
                    ),
                    window_end_date=pl.lit(night + timedelta(days=horizon * BLOCK_DAYS)),
                    **_told("events", of_events, QUANTILES),
                    **_told("deaths", of_deaths, DEATHS_QUANTILES),
                    **{
                        name: pl.Series(
                            models.calibrated_probability(
                                pool.exceedance_probability(bound), shift if is_pool else 0.0
                            )
                        )
                        for name, (pool, bound, shift) in chances.items()
                    },
                )
            )
    every = pl.concat(parts).filter("has_forecast").drop("has_forecast")
    return every.sort("region_id", "model", "horizon_months")


def _with_weight(pool: CountMixture, weight: float | None) -> CountMixture:
    if weight is None:
        return pool
    return CountMixture(np.full_like(pool.weight, weight), pool.mean, pool.dispersion, pool.draws)


def _told(
    target: str, pool: CountMixture, quantiles: dict[str, float] | tuple[str, ...]
) -> dict[str, pl.Series]:
    """Mean and quantiles as columns."""
    return {
        f"{target}_mean": pl.Series(pool.expected()),
        **{f"{target}_{name}": pl.Series(pool.quantile(QUANTILES[name])) for name in quantiles},
    }


def _country_forecasts(
    singles: dict[str, list[Window]],
    shocks: dict[str, list[float]],
    base: NightInputs,
    places: pl.DataFrame,
    night: date,
) -> pl.DataFrame:
    """Countries' sums of their regions and unplaced events, by a shock that a country shares."""
    codes = places.select("country_code", "country_name").unique().sort("country_code")
    parts = []
    for row, horizon in enumerate(HORIZONS):
        of = {
            target: group_forecast(windows[row].pool, base.country, shocks[target][row])
            for target, windows in singles.items()
        }
        parts.append(
            codes.with_columns(
                horizon_months=pl.lit(horizon, dtype=pl.Int64),
                window_start_date=pl.lit(night + timedelta(days=(horizon - 1) * BLOCK_DAYS + 1)),
                window_end_date=pl.lit(night + timedelta(days=horizon * BLOCK_DAYS)),
                **_told("events", of["events"], QUANTILES),
                **_told("deaths", of["deaths"], DEATHS_QUANTILES),
                p_any_event=pl.Series(of["events"].exceedance_probability(1)),
                p_25_deaths=pl.Series(of["deaths"].exceedance_probability(MANY_DEATHS)),
            )
        )
    return pl.concat(parts).sort("country_code", "horizon_months")
