"""From event counts to forecasts, levels and the drivers of every flag."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.registry import LEVELS, thresholds
from indicators.risk import models
from indicators.risk.models import Tuning
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
        half_life=declared["half_life"],
        prior_months=declared["prior_months"],
        excited_months=int(declared["excited_months"]),
        excited_half_life=declared["excited_half_life"],
        past_year_share=declared["past_year_share"],
        dispersion_power=declared["dispersion_power"],
        dispersion_months=int(declared["dispersion_months"]),
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
        An ``Assessment``; models: self_exciting, negbin_region, conflictology and
        combined, their pool by the weights of ``config/thresholds.toml``.
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
    seen = models.excitation(panel)
    forecasts = _forecasts(panel, seen, ids, months[-1], largest, tuned)
    threshold = escalation_threshold(counts)
    pool, contributions = window_pool(panel, seen, 1, window, largest, tuned)
    before = Panel(counts[:-1], weights)
    then, _ = window_pool(before, seen[:-1], 1, window, largest, tuned)
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
            p_escalation=pl.Series(models.tail(pool["combined"], threshold)),
            p_escalation_before=pl.Series(models.tail(then["combined"], threshold)),
            escalation_threshold_count=pl.Series(threshold).cast(pl.Int64),
            events_past12_mean=pl.Series(counts[-models.BASELINE_MONTHS :].mean(axis=0)),
            events_next3_mean=pl.Series(models.expected(pool["combined"])),
            events_next3_q10=pl.Series(models.quantile(pool["combined"], 0.1)),
            events_next3_q90=pl.Series(models.quantile(pool["combined"], 0.9)),
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
    return Assessment(forecasts, flags, _drivers(panel, ids, contributions))


def window_pool(
    panel: Panel, seen: Array, first: int, last: int, largest: int, tuned: Tuning
) -> tuple[dict[str, Array], Array]:
    """All models of the events ``first`` to ``last`` months ahead, and the drivers' parts.

    Args:
        panel: Counts up to the origin.
        seen: ``models.excitation`` of the panel.
        first: First month of the window.
        last: Last month.
        largest: Largest count told apart.
        tuned: The models' numbers.

    Returns:
        Probabilities by model name, ``combined`` last; contributions as in ``Excited``.
    """
    length = last - first + 1
    excited = models.self_exciting(panel, seen, first, last, largest, tuned)
    pool = {
        "self_exciting": excited.pmf,
        "negbin_region": models.negbin_region(panel, length, largest, tuned),
        "conflictology": models.conflictology(panel, length, largest),
    }
    return {**pool, "combined": models.combine(pool)}, excited.contributions


def _forecasts(
    panel: Panel, seen: Array, ids: list[str], origin: date, largest: int, tuned: Tuning
) -> pl.DataFrame:
    parts = []
    for horizon in HORIZONS:
        pool, _ = window_pool(panel, seen, horizon, horizon, largest, tuned)
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


def _drivers(panel: Panel, ids: list[str], contributions: Array) -> pl.DataFrame:
    counts, year = panel.counts, models.BASELINE_MONTHS
    usual = counts[-year:].mean(axis=0)
    own = {half_life: weighted_means(counts, half_life)[-1] for half_life in (2, 6, 24)}
    everywhere = np.full(len(ids), own[2].mean())
    told = {  # driver -> value now, usual value
        "own_recent": (own[2], usual),
        "own_medium": (own[6], usual),
        "own_long": (own[24], usual),
        "neighbours": (panel.weights @ own[6], panel.weights @ usual),
        "background": (everywhere, np.full(len(ids), usual.mean())),
    }
    parts = [
        pl.DataFrame({"region_id": ids}).with_columns(
            driver=pl.lit(name),
            value=pl.Series(told[name][0]),
            baseline=pl.Series(told[name][1]),
            contribution_events=pl.Series(contributions[:, index]),
            unit=pl.lit(DRIVER_UNIT),
            detail=pl.lit(None, dtype=pl.String),
        )
        for index, name in enumerate(models.DRIVERS)
    ]
    return pl.concat(parts).sort(
        "region_id", "contribution_events", "driver", descending=[False, True, False]
    )
