"""From event counts to forecasts, levels and the drivers of every flag."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.registry import LEVELS, thresholds
from indicators.risk import models
from indicators.risk.emergence import first_events
from indicators.risk.models import Excited, Tuning
from indicators.risk.panel import (
    Array,
    Panel,
    distances_km,
    neighbour_weights,
    weighted_means,
    window_sums,
)

HORIZONS = range(1, 7)
QUANTILES = {"q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9, "q95": 0.95}
DRIVER_UNIT = "events / month"
MANY_DEATHS = 25  # in one month: the line VIEWS draws
UNTUNED = ("suspensions", "followed", "intensity")  # thresholds that no forecast or level rests on


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


def model_version() -> str:
    """Version of the models and a digest of the numbers they run on: levels of one compare."""
    tuned = {name: part for name, part in thresholds().items() if name not in UNTUNED}
    return f"{models.VERSION}-{hashlib.sha256(json.dumps(tuned).encode()).hexdigest()[:8]}"


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


@dataclass(frozen=True)
class Pool:
    """All models of one window of months.

    Attributes:
        pmfs: Regions x counts by model, ``combined`` last; NaN where a model has no
            forecast of the region.
        shares: Models x regions, what each has in ``combined``.
        parts: Regions x ``models.DRIVERS``: what each adds to the events that
            ``combined`` expects; NaN where the self-exciting model is left out.
        usual: The same on the mean of the past twelve months' features.
    """

    pmfs: dict[str, Array]
    shares: Array
    parts: Array
    usual: Array

    @property
    def combined(self) -> Array:
        """The pool's own forecast."""
        return self.pmfs["combined"]

    def left_out(self) -> list[str | None]:
        """Names of the models that have no forecast, by region."""
        names = np.array(list(self.pmfs)[:-1])
        return [", ".join(names[share == 0]) or None for share in self.shares.T]


def assess(series: pl.DataFrame, regions: pl.DataFrame, night: date, is_stale: bool) -> Assessment:
    """Forecasts, flags and drivers from the monthly counts of all regions.

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
    counts, months = _wide(series, ids, "value")
    deaths, _ = _wide(series, ids, "deaths")
    distance, weights = _apart(places)
    panel = Panel(counts, weights)
    pool = _ahead(panel)
    p_escalation = models.tail(pool.combined, escalation_threshold(counts))
    before = _ahead(Panel(counts[:-1], weights))
    flags = (
        places.select("region_id", "country_code", "country_name", "region_name")
        .with_columns(
            as_of_date=pl.lit(night),
            data_month=pl.lit(months[-1]),
            window_start_date=pl.lit(months[-1]).dt.offset_by("1mo"),
            window_end_date=pl.lit(months[-1]).dt.offset_by("4mo").dt.offset_by("-1d"),
            events_count=pl.Series(counts[-1]).cast(pl.Int64),
            deaths_best_count=pl.Series(deaths[-1]).cast(pl.Int64),
            p_escalation=pl.Series(p_escalation),
            p_escalation_before=pl.Series(
                models.tail(before.combined, escalation_threshold(counts))
            ),
            escalation_threshold_count=pl.Series(escalation_threshold(counts)).cast(pl.Int64),
            events_past12_mean=pl.Series(counts[-models.BASELINE_MONTHS :].mean(axis=0)),
            events_next3_mean=pl.Series(models.expected(pool.combined)),
            events_next3_q10=pl.Series(models.quantile(pool.combined, 0.1)),
            events_next3_q90=pl.Series(models.quantile(pool.combined, 0.9)),
            is_stale=pl.lit(is_stale),
            models_left_out=pl.Series(pool.left_out(), dtype=pl.String),
            model_version=pl.lit(model_version()),
        )
        .with_columns(level=level_of(pl.col("p_escalation")))
    )
    flags = flags.with_columns(
        p_without_newest_event=pl.Series(_without_newest(panel, flags["level"] != "none"))
    ).with_columns(
        p_without_newest_event=pl.col("p_without_newest_event").fill_nan(None),
        level_without_newest_event=pl.when(pl.col("p_without_newest_event").is_not_nan()).then(
            level_of(pl.col("p_without_newest_event"))
        ),
    )
    forecasts = _forecasts(panel, Panel(deaths, weights), ids, months[-1])
    next_month = forecasts.filter(model="combined", horizon_months=1).select(
        "region_id", p_any_next_month="p_any_event", p_25_deaths_next_month="p_25_deaths"
    )
    return Assessment(
        forecasts,
        flags.join(next_month, on="region_id", how="left", maintain_order="left"),
        pl.concat([_drivers(panel, ids, pool), _evidence(panel, distance, ids, pool)]),
    )


def levels_unrevised(
    counts: pl.DataFrame, before: pl.DataFrame, regions: pl.DataFrame
) -> pl.DataFrame:
    """Levels had the months told before kept the figures they had then.

    Args:
        counts: ``place_id``, ``month_start``, ``value``: tonight's events by region.
        before: The same as told on an earlier night; may end earlier, or be empty.
        regions: Core regions with centroids.

    Returns:
        ``region_id`` and ``level_unrevised`` of every region.
    """
    told = before.rename({"value": "was"})
    joined = counts.join(told, on=["place_id", "month_start"], how="left", maintain_order="left")
    places = regions.sort("region_id")
    ids = places["region_id"].to_list()
    kept, _ = _wide(joined.with_columns(pl.coalesce("was", "value").alias("value")), ids, "value")
    pool = _ahead(Panel(kept, _apart(places)[1]))
    p_escalation = models.tail(pool.combined, escalation_threshold(kept))
    return pl.DataFrame({"region_id": ids, "p": p_escalation}).select(
        "region_id", level_unrevised=level_of(pl.col("p"))
    )


def _apart(places: pl.DataFrame) -> tuple[Array, Array]:
    """Distances between regions (km) and their weights as neighbours."""
    distance = distances_km(
        places["centroid_longitude"].cast(pl.Float64).to_numpy(),
        places["centroid_latitude"].cast(pl.Float64).to_numpy(),
    )
    return distance, neighbour_weights(distance, thresholds()["spread"]["half_distance_km"])


def _wide(series: pl.DataFrame, ids: list[str], value: str) -> tuple[Array, list[date]]:
    wide = series.pivot(on="place_id", index="month_start", values=value).sort("month_start")
    return wide.select(ids).to_numpy().astype(np.float64), wide["month_start"].to_list()


def _ahead(panel: Panel) -> Pool:
    """The pool over the months in which an escalation counts."""
    window = int(thresholds()["escalation"]["months"])
    largest = int(4 * window_sums(panel.counts, window).max()) + 20
    return window_pool(panel, models.excitation(panel), 1, window, largest, tuning())


def _without_newest(panel: Panel, flagged: pl.Series) -> Array:
    """P(escalation) had the region's newest event not happened; NaN where not flagged.

    Everything is fitted anew, with one event less.
    """
    p = np.full(len(flagged), np.nan)
    for region in np.flatnonzero(flagged.to_numpy()):
        (active,) = np.nonzero(panel.counts[:, region])
        if not active.size:
            continue
        counts = panel.counts.copy()
        counts[active[-1], region] -= 1
        threshold = escalation_threshold(counts)
        p[region] = models.tail(_ahead(Panel(counts, panel.weights)).combined, threshold)[region]
    return p


def window_pool(
    panel: Panel,
    seen: Array,
    first: int,
    last: int,
    largest: int,
    tuned: Tuning,
    target: str = "events",
) -> Pool:
    """All models of the events ``first`` to ``last`` months ahead, and what drives them.

    Args:
        panel: Counts up to the origin.
        seen: ``models.excitation`` of the panel.
        first: First month of the window.
        last: Last month.
        largest: Largest count told apart.
        tuned: The models' numbers.
        target: Whose weights combine them: events or deaths.
    """
    length = last - first + 1
    pmfs = {
        "negbin_region": models.negbin_region(panel, length, largest, tuned),
        "conflictology": models.conflictology(panel, length, largest),
    }
    try:
        excited = models.self_exciting(panel, seen, first, last, largest, tuned)
    except models.FITS_FAIL:  # of no region; the others stand in for it, and it is told
        nothing = np.full((panel.counts.shape[1], len(models.EXCITED_DRIVERS)), np.nan)
        excited = Excited(np.full_like(pmfs["conflictology"], np.nan), nothing, nothing)
    pmfs = {"self_exciting": excited.pmf, **pmfs}
    shares = models.pool_shares(pmfs, target)
    others = sum(
        share * np.nan_to_num(models.expected(pmf))
        for share, pmf in list(zip(shares, pmfs.values(), strict=True))[1:]
    )
    own, usual = (shares[0][:, None] * part for part in (excited.parts, excited.usual))
    return Pool(
        {**pmfs, "combined": models.combine(pmfs, shares)},
        shares,
        np.column_stack([own, others]),
        np.column_stack([usual, others]),
    )


def _forecasts(events: Panel, deaths: Panel, ids: list[str], origin: date) -> pl.DataFrame:
    """Every model at every horizon; a model without a forecast of a region has no row."""
    parts = []
    tuned = tuning()
    seen = {"events": models.excitation(events), "deaths": models.excitation(deaths)}
    for horizon in HORIZONS:
        pools = {
            name: window_pool(
                panel, seen[name], horizon, horizon, int(4 * panel.counts.max()) + 20, tuned, name
            ).pmfs
            for name, panel in (("events", events), ("deaths", deaths))
        }
        for model, pmf in pools["events"].items():
            of_deaths = pools["deaths"][model]
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
                    deaths_mean=pl.Series(models.expected(of_deaths)),
                    **{
                        f"deaths_{name}": pl.Series(models.quantile(of_deaths, QUANTILES[name]))
                        for name in ("q10", "q50", "q90")
                    },
                    p_25_deaths=pl.Series(np.minimum(of_deaths[:, MANY_DEATHS:].sum(axis=1), 1.0)),
                )
            )
    told = pl.concat(parts).filter(pl.col("events_mean").is_not_nan())
    return told.sort("region_id", "model", "horizon_months")


def _drivers(panel: Panel, ids: list[str], pool: Pool) -> pl.DataFrame:
    """What the expected events are made of, and what moved them from a usual month.

    ``contribution_events`` sum to the events expected, ``contribution_log`` to the log of
    their ratio to what the past year's mean features give (logarithmic mean Divisia
    index, Ang 2005: each difference over the logarithmic mean of the two totals).
    """
    counts = panel.counts
    own = {half_life: weighted_means(counts, half_life) for half_life in (2, 6, 24)}
    year = counts[-models.BASELINE_MONTHS :].mean(axis=0)
    everywhere = np.broadcast_to(own[2].mean(axis=1, keepdims=True), counts.shape)
    told = {
        "own_recent": own[2],
        "own_medium": own[6],
        "own_long": own[24],
        "neighbours": own[6] @ panel.weights.T,
        "background": everywhere,
        "other_models": np.broadcast_to(year, counts.shape),
    }
    now, usual = pool.parts.sum(axis=1), pool.usual.sum(axis=1)
    is_same = np.isclose(now, usual, rtol=1e-9)
    mean = np.where(is_same, now, (now - usual) / np.log(np.where(is_same, 2.0, now / usual)))
    logs = (pool.parts - pool.usual) / mean[:, None]
    parts = [
        pl.DataFrame({"region_id": ids}).with_columns(
            driver=pl.lit(name),
            value=pl.Series(told[name][-1]).fill_nan(None),
            baseline=pl.Series(told[name][-models.BASELINE_MONTHS :].mean(axis=0)).fill_nan(None),
            contribution_events=pl.Series(pool.parts[:, index]).fill_nan(None),
            contribution_log=pl.Series(logs[:, index]).fill_nan(None),
            unit=pl.lit(DRIVER_UNIT),
            detail=pl.lit(None, dtype=pl.String),
        )
        for index, name in enumerate(models.DRIVERS)
    ]
    return pl.concat(parts).sort(
        "region_id", "contribution_events", "driver", descending=[False, True, False],
        nulls_last=True,
    )  # fmt: skip


def _evidence(panel: Panel, distance: Array, ids: list[str], pool: Pool) -> pl.DataFrame:
    """Of regions without events for a year: how near violence is, the chance of a first event."""
    found = first_events(panel, distance, int(thresholds()["escalation"]["months"]))
    foretold = 1 - pool.combined[:, 0]
    told = pl.DataFrame(
        {
            "region_id": ids,
            "chance": found.chance,
            "distance": found.nearest_km,
            "nearest": [ids[n] for n in found.nearest],
            "foretold": foretold,
        }
    ).with_columns(pl.col("chance", "distance").fill_nan(None))
    chance = pl.format(
        "by the experience of quiet regions; the pool says {}%",
        (pl.col("foretold") * 100).round(0).cast(pl.Int64),
    )
    return pl.concat(
        told.select(
            "region_id",
            driver=pl.lit(name),
            value=pl.col(value),
            baseline=pl.lit(None, dtype=pl.Float64),
            contribution_events=pl.lit(None, dtype=pl.Float64),
            contribution_log=pl.lit(None, dtype=pl.Float64),
            unit=pl.lit(unit),
            detail=detail,
        )
        for name, value, unit, detail in (
            (
                "p_first_event",
                "chance",
                "probability",
                pl.when(pl.col("chance").is_not_null()).then(chance),
            ),
            ("nearest_active_km", "distance", "km", pl.col("nearest")),
        )
    )
