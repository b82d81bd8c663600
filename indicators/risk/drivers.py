"""What the expected events are made of, and how near violence is (docs/models.md)."""

from dataclasses import replace

import numpy as np
import polars as pl

from config.vocabulary import FORECAST_DRIVERS, SELF_EXCITING_DRIVERS
from indicators.arrays import Array
from indicators.geography import nearest_active_place
from indicators.risk import models
from indicators.risk.level_changes import newest_event_days
from indicators.risk.panel import BASELINE_BLOCKS, FEATURES, Panel
from indicators.risk.pool import EscalationForecast, first_event_probability
from indicators.risk.vintages import NightInputs

DRIVER_UNIT = "events / month"
ACTIVE_DAYS = 180  # without an event for so long, nobody's active neighbour


def _feature_groups() -> Array:
    """Features x ``SELF_EXCITING_DRIVERS``: 1 where a feature belongs to a driver."""
    drivers = np.array(SELF_EXCITING_DRIVERS)
    return np.array([models.DRIVER_OF_FEATURE[name] == drivers for name in FEATURES], dtype=float)


def contributions(found: EscalationForecast, panel: Panel) -> Array:
    """What each of ``FORECAST_DRIVERS`` adds to the events expected, places x drivers.

    NaN where the self-exciting model has no forecast of a place.
    """
    window = found.window
    weight = window.pool.weight[:, None]
    coefficients = np.zeros(len(FEATURES)) if window.model is None else window.model.coefficients
    own = weight * ((np.nan_to_num(panel.features[-1]) * coefficients) @ _feature_groups())
    others = (1 - weight) * window.pool.draws.mean(axis=1, keepdims=True)
    return np.hstack([np.where(weight > 0, own, np.nan), others])


def forecast_drivers(found: EscalationForecast, panel: Panel, ids: list[str]) -> pl.DataFrame:
    """What the expected events are made of, and what moved them from a usual month.

    ``contribution_events`` sum to the events expected, ``contribution_log`` to the log of their
    ratio to what the past year's mean features give (logarithmic mean Divisia index, Ang 2005:
    each difference over the logarithmic mean of the two totals).
    """
    here = slice(len(ids))
    now = contributions(found, panel)[here]
    usual_panel = replace(panel, features=panel.features[-BASELINE_BLOCKS:].mean(axis=0)[None])
    before = contributions(found, usual_panel)[here]
    total, total_before = now.sum(axis=1), before.sum(axis=1)
    is_same = np.isclose(total, total_before, rtol=1e-9)
    ratio = np.log(np.where(is_same, 2.0, total / total_before))
    mean = np.where(is_same, total, (total - total_before) / ratio)
    logs = (now - before) / mean[:, None]
    # A driver's figure: the mean of its features as the model weighs them, evenly if it does not.
    coefficients = (
        np.ones(len(FEATURES)) if found.window.model is None else found.window.model.coefficients
    )
    groups = _feature_groups()
    weights = np.where(coefficients @ groups > 0, coefficients[:, None] * groups, groups)
    weights /= weights.sum(axis=0)
    year = panel.features[-1, here, :1]
    figures = np.hstack([panel.features[-1, here] @ weights, year])
    usual_figures = np.hstack([usual_panel.features[-1, here] @ weights, year])
    parts = [
        pl.DataFrame({"region_id": ids}).with_columns(
            driver=pl.lit(name),
            value=pl.Series(figures[:, number]).fill_nan(None),
            baseline=pl.Series(usual_figures[:, number]).fill_nan(None),
            contribution_events=pl.Series(now[:, number]).fill_nan(None),
            contribution_log=pl.Series(logs[:, number]).fill_nan(None),
            unit=pl.lit(DRIVER_UNIT),
            detail=pl.lit(None, dtype=pl.String),
        )
        for number, name in enumerate(FORECAST_DRIVERS)
    ]
    return pl.concat(parts).sort(
        "region_id", "contribution_events", "driver", descending=[False, True, False],
        nulls_last=True,
    )  # fmt: skip


def evidence_drivers(
    base: NightInputs, found: EscalationForecast, places: pl.DataFrame
) -> pl.DataFrame:
    """Of regions without events for a year the chance of a first one; how near violence is."""
    here = slice(base.regions)
    first_event = first_event_probability(found)
    newest = newest_event_days(base)
    longitude, latitude = (
        places[f"centroid_{axis}"].cast(pl.Float64).to_numpy() for axis in ("longitude", "latitude")
    )
    nearest, km = nearest_active_place(longitude, latitude, newest[here] < ACTIVE_DAYS)
    ids = places["region_id"].to_list()
    frame = pl.DataFrame(
        {
            "region_id": ids,
            "p_first_event": first_event[here],
            "nearest_active_km": km,
            "detail": [ids[n] if n >= 0 else None for n in nearest],
        }
    ).with_columns(pl.col("p_first_event", "nearest_active_km").fill_nan(None))
    return pl.concat(
        frame.select(
            "region_id",
            driver=pl.lit(name),
            value=pl.col(name),
            baseline=pl.lit(None, dtype=pl.Float64),
            contribution_events=pl.lit(None, dtype=pl.Float64),
            contribution_log=pl.lit(None, dtype=pl.Float64),
            unit=pl.lit(unit),
            detail=detail,
        )
        for name, unit, detail in (
            ("p_first_event", "probability", pl.lit(None, dtype=pl.String)),
            ("nearest_active_km", "km", pl.col("detail")),
        )
    )
