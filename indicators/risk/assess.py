"""From event counts to forecasts, levels and the drivers of every flag."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.registry import LEVELS, thresholds
from indicators.risk import models
from indicators.risk.models import PooledFit, Tuning
from indicators.risk.panel import Array, Panel, neighbour_weights, weighted_means, window_sums

HORIZONS = range(1, 7)
QUANTILES = {"q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9, "q95": 0.95}
DRIVER_UNIT = "events / month"


@dataclass(frozen=True)
class Assessment:
    """The three frames of a night: forecasts, flags and drivers (columns as in the dictionary)."""

    forecasts: pl.DataFrame
    flags: pl.DataFrame
    drivers: pl.DataFrame


def tuning() -> Tuning:
    """The models' numbers from ``config/thresholds.toml``."""
    declared = thresholds()["models"]
    return Tuning(
        half_lives=(
            declared["half_life_short"],
            declared["half_life_medium"],
            declared["half_life_long"],
        ),
        fit_months=int(declared["fit_months"]),
        shrinkage=declared["shrinkage"],
        prior_months=declared["prior_months"],
    )


def level_of(p_escalation: pl.Expr) -> pl.Expr:
    """Level of a probability of escalation, by the thresholds of ``config``.

    Example:
        >>> frame = pl.DataFrame({"p": [0.01, 0.1, 0.2, 0.3]})
        >>> frame.select(level_of(pl.col("p"))).to_series().to_list()
        ['none', 'watch', 'warning', 'alarm']
    """
    bounds = thresholds()["levels"]
    level = pl.lit(LEVELS[0])
    for name in LEVELS[1:]:
        level = pl.when(p_escalation >= bounds[name]).then(pl.lit(name)).otherwise(level)
    return level


def escalation_threshold(counts: Array) -> Array:
    """Events that the coming window must reach to count as escalation, per region.

    At least ``least_events`` and at least ``ratio`` times the monthly mean of the past
    twelve months, over ``months`` months.

    Args:
        counts: Months x regions.

    Example:
        >>> escalation_threshold(np.array([[1.0, 0.0]] * 12)).tolist()
        [6.0, 3.0]
    """
    rule = thresholds()["escalation"]
    usual = counts[-models.BASELINE_MONTHS :].mean(axis=0) * rule["months"]
    reached: Array = np.maximum(rule["least_events"], np.ceil(rule["ratio"] * usual - 1e-9))
    return reached


def assess(series: pl.DataFrame, regions: pl.DataFrame, night: date, is_stale: bool) -> Assessment:
    """Forecasts, flags and drivers from the monthly event counts of all regions.

    Args:
        series: ``place_id``, ``month_start``, ``value`` of ``events_count`` by region and
            ``deaths_best_count`` as ``deaths``; no gaps, newest month wholly known.
        regions: Core regions with centroids.
        night: The night of the run.
        is_stale: Whether the event source is older than its maximum age.

    Returns:
        An ``Assessment``; models: negbin_region, negbin_pooled, conflictology and
        combined, the mean of the three.
    """
    places = regions.sort("region_id")
    ids = places["region_id"].to_list()
    wide = series.pivot(on="place_id", index="month_start", values="value").sort("month_start")
    counts = wide.select(ids).to_numpy().astype(np.float64)
    months = wide["month_start"].to_list()
    weights = neighbour_weights(
        places["centroid_longitude"].to_numpy(),
        places["centroid_latitude"].to_numpy(),
        thresholds()["spread"]["half_distance_km"],
    )
    panel = Panel(counts, weights)
    tuned = tuning()
    window = int(thresholds()["escalation"]["months"])
    largest = int(4 * window_sums(counts, window).max()) + 20
    seen = models.features(panel, tuned)
    forecasts = _forecasts(panel, seen, ids, months[-1], largest, tuned)
    threshold = escalation_threshold(counts)
    pooled = models.fit_pooled(panel, seen, 1, window, tuned)
    combined = _pool(_own(panel, window, largest, tuned), pooled, largest)["combined"]
    before = Panel(counts[:-1], weights)
    then_pooled = models.fit_pooled(before, seen[:-1], 1, window, tuned)
    then = _pool(_own(before, window, largest, tuned), then_pooled, largest)["combined"]
    last_month = series.filter(pl.col("month_start") == months[-1])
    flags = (
        places.select("region_id", "country_code", "country_name", "region_name")
        .join(
            last_month.select(
                region_id="place_id",
                events_count=pl.col("value").cast(pl.Int64),
                deaths_best_count=pl.col("deaths").cast(pl.Int64),
            ),
            on="region_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            as_of_date=pl.lit(night),
            data_month=pl.lit(months[-1]),
            p_escalation=pl.Series(models.tail(combined, threshold)),
            p_escalation_before=pl.Series(models.tail(then, threshold)),
            escalation_threshold_count=pl.Series(threshold).cast(pl.Int64),
            events_past12_mean=pl.Series(counts[-models.BASELINE_MONTHS :].mean(axis=0)),
            events_next3_mean=pl.Series(models.expected(combined)),
            events_next3_q10=pl.Series(models.quantile(combined, 0.1)),
            events_next3_q90=pl.Series(models.quantile(combined, 0.9)),
            is_stale=pl.lit(is_stale),
        )
        .with_columns(level=level_of(pl.col("p_escalation")))
        .join(
            forecasts.filter(
                (pl.col("model") == "combined") & (pl.col("horizon_months") == 1)
            ).select("region_id", p_any_next_month="p_any_event"),
            on="region_id",
            how="left",
            maintain_order="left",
        )
    )
    return Assessment(forecasts, flags, _drivers(panel, ids, pooled, tuned))


def _own(panel: Panel, window: int, largest: int, tuned: Tuning) -> dict[str, Array]:
    """The models that see one region at a time; the same however far ahead the window lies."""
    return {
        "negbin_region": models.negbin_region(panel, window, largest, tuned),
        "conflictology": models.conflictology(panel, window, largest),
    }


def _pool(own: dict[str, Array], pooled: PooledFit, largest: int) -> dict[str, Array]:
    """All models of a window, and ``combined``, their mean."""
    single = {
        "negbin_region": own["negbin_region"],
        "negbin_pooled": models.negbin_pmf(pooled.mean, pooled.dispersion, largest),
        "conflictology": own["conflictology"],
    }
    mean: Array = np.mean(list(single.values()), axis=0)
    return {**single, "combined": mean}


def _forecasts(
    panel: Panel, seen: Array, ids: list[str], origin: date, largest: int, tuned: Tuning
) -> pl.DataFrame:
    own = _own(panel, 1, largest, tuned)
    parts = []
    for horizon in HORIZONS:
        pooled = models.fit_pooled(panel, seen, horizon, horizon, tuned)
        pool = _pool(own, pooled, largest)
        for model, pmf in pool.items():
            parts.append(
                pl.DataFrame({"region_id": ids}).with_columns(
                    model=pl.lit(model),
                    origin_month=pl.lit(origin),
                    horizon_months=pl.lit(horizon, dtype=pl.Int64),
                    target_month=pl.lit(origin).dt.offset_by(f"{horizon}mo"),
                    events_mean=pl.Series(models.expected(pmf)),
                    **{
                        f"events_{name}": pl.Series(models.quantile(pmf, level))
                        for name, level in QUANTILES.items()
                    },
                    p_any_event=pl.Series(1 - pmf[:, 0]),
                )
            )
    return pl.concat(parts).sort("region_id", "model", "horizon_months")


def _drivers(panel: Panel, ids: list[str], pooled: PooledFit, tuned: Tuning) -> pl.DataFrame:
    short, medium, long = (weighted_means(panel.counts, h)[-1] for h in tuned.half_lives)
    usual = panel.counts[-models.BASELINE_MONTHS :].mean(axis=0)
    around = panel.weights @ medium
    values = dict(zip(models.FEATURES, (short, medium, long, around), strict=True))
    parts = [
        pl.DataFrame({"region_id": ids}).with_columns(
            driver=pl.lit(name),
            value=pl.Series(values[name]),
            baseline=pl.Series(panel.weights @ usual if name == "neighbours" else usual),
            contribution_log=pl.Series(pooled.contributions[:, index]),
            unit=pl.lit(DRIVER_UNIT),
            detail=pl.lit(None, dtype=pl.String),
        )
        for index, name in enumerate(models.FEATURES)
    ]
    return pl.concat(parts).sort(
        "region_id", "contribution_log", "driver", descending=[False, True, False]
    )
