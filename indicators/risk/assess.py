"""From event days to forecasts, levels, what drives them and what would move them."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from config.registry import LEVELS, thresholds
from indicators.risk import models
from indicators.risk.joint import learnt_group_forecast
from indicators.risk.mixtures import CountMixture
from indicators.risk.models import PastWindows, SelfExciting, Tuning
from indicators.risk.panel import (
    BASELINE_BLOCKS,
    BLOCK_DAYS,
    FEATURES,
    Array,
    EventDays,
    Panel,
    Rows,
    build_panel,
    conflict_day_features,
    nearest_active_place,
    neighbour_weights,
)

FIRST_DAY = date(1989, 1, 1)  # UCDP GED begins
HORIZONS = range(1, 7)
QUANTILES = {
    "q025": 0.025, "q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9,
    "q95": 0.95, "q975": 0.975,
}  # fmt: skip
DEATHS_QUANTILES = ("q025", "q10", "q50", "q90", "q975")
DRIVER_UNIT = "events / month"
MANY_DEATHS = 25  # in thirty days: the line VIEWS draws
UNTUNED = ("suspensions", "followed", "intensity", "quarantine")  # no forecast rests on these
ACTIVE_DAYS = 180  # without an event for so long, nobody's active neighbour
BAR_DAYS = 180  # how long ago the bar is looked at that a quiet region's level is compared with
MOST_EVENTS = 12  # more than these until the next level: not told
FALL_DAYS = range(7, 183, 7)  # nights ahead on which a level is looked at, if all stays quiet


@dataclass(frozen=True)
class Assessment:
    """The frames of a night; columns as in the dictionary."""

    forecasts: pl.DataFrame
    country_forecasts: pl.DataFrame
    flags: pl.DataFrame
    drivers: pl.DataFrame


def tuning(target: str = "events") -> Tuning:
    """The models' numbers from ``config/thresholds.toml``, for events or deaths."""
    declared, own = thresholds()["models"], thresholds()["models"][target]
    return Tuning(
        history_blocks=int(declared["history_blocks"]),
        history_half_life=declared["history_half_life"],
        past_year_share=declared["past_year_share"],
        dispersion_power=own["dispersion_power"],
        dispersion_blocks=int(declared["dispersion_blocks"]),
        log_score_share=declared["log_score_share"],
        weight=own["weight"],
        is_levelled=own["is_levelled"],
    )


def model_version() -> str:
    """Version of the models and a digest of the numbers they run on: levels of one compare."""
    tuned = {name: part for name, part in thresholds().items() if name not in UNTUNED}
    return f"{models.VERSION}-{hashlib.sha256(json.dumps(tuned).encode()).hexdigest()[:8]}"


def level_of(p_escalation: pl.Expr) -> pl.Expr:
    """Level of a probability of escalation, by the thresholds of ``config``.

    Example:
        >>> frame = pl.DataFrame({"p": [0.01, 0.14, 0.25, 0.5]})
        >>> frame.select(level_of(pl.col("p"))).to_series().to_list()
        ['none', 'watch', 'warning', 'alarm']
    """
    bounds = thresholds()["levels"]
    level = pl.lit(LEVELS[0])
    for name in LEVELS[1:]:
        level = pl.when(p_escalation >= bounds[name]).then(pl.lit(name)).otherwise(level)
    return level


def _level_number(p_escalation: Array) -> Array:
    """0 for none to 3 for alarm."""
    bounds = [thresholds()["levels"][name] for name in LEVELS[1:]]
    return np.searchsorted(np.array(bounds), p_escalation, side="right").astype(np.float64)


@dataclass(frozen=True)
class Window:
    """The pool of one window ahead, with the model and past nights it was learnt from.

    Attributes:
        first: First thirty-day block after the night.
        last: Last block.
        model: None: it could not be fitted.
        pool: Tonight's, one a place.
        panel: What it was fitted on.
        tuning: The models' numbers.
    """

    first: int
    last: int
    model: SelfExciting | None
    pool: CountMixture
    panel: Panel
    tuning: Tuning

    @property
    def past(self) -> PastWindows:
        """What the same model says of past nights, and what came.

        Made anew each time: the past of all windows at once would be most of a night's memory.
        """
        return models.past_windows(self.panel, self.model, self.first, self.last, self.tuning)

    def pool_with(self, features: Array, counts: Array) -> CountMixture:
        """The pool of the same model for other features and counts."""
        draws = models.conflictology(counts, self.last - self.first + 1)
        return models.pool_of(self.model, features, draws, self.tuning.weight)


def forecast_window(panel: Panel, first: int, last: int, tuned: Tuning) -> Window:
    """The pool of the events in blocks ``first`` to ``last`` after the night.

    Args:
        panel: As of the night.
        first: First block of the window.
        last: Last block.
        tuned: The models' numbers.
    """
    try:
        model = models.fit_self_exciting(panel, first, last, tuned)
    except models.FIT_ERRORS:  # of no place; the other model stands in for it, and it is said
        model = None
    draws = models.conflictology(panel.counts, last - first + 1)
    pool = models.pool_of(model, panel.features[-1], draws, tuned.weight)
    return Window(first, last, model, pool, panel, tuned)


@dataclass(frozen=True)
class Night:
    """What a night's forecasts rest on.

    Attributes:
        events: Known events; places are the regions, then the countries' unplaced events.
        deaths: Their deaths.
        weights: Of neighbours, places x places.
        known_until: Last day that the event source wholly covers (ordinal).
        night: Ordinal.
        country: Country number of each place.
        regions: How many of the places are regions.
    """

    events: EventDays
    deaths: EventDays
    weights: csr_array
    known_until: int
    night: int
    country: Array
    regions: int

    def panel(self, target: EventDays, horizons: int = max(HORIZONS)) -> Panel:
        """Blocks up to the last day known, targets up to ``horizons`` blocks after the night."""
        history = int(thresholds()["models"]["history_blocks"])
        gap_blocks = -(-(self.night - self.known_until) // BLOCK_DAYS)
        return build_panel(
            target, self.weights, self.known_until, self.night, FIRST_DAY.toordinal(),
            history + horizons + gap_blocks,
        )  # fmt: skip


def night_of(events: pl.DataFrame, regions: pl.DataFrame, known_until: date, night: date) -> Night:
    """Event days by place from the events known on a night.

    Args:
        events: ``event_date``, ``country_code``, ``region_id`` (null: known to the country only),
            ``deaths_best_count``.
        regions: Sorted by ``region_id``, with ``country_code`` and centroids.
        known_until: Last day that the source wholly covers; later events do not count.
        night: The night.
    """
    codes = regions["country_code"].unique().sort().to_list()
    places = [*regions["region_id"].to_list(), *codes]
    number = pl.coalesce("region_id", "country_code").replace_strict(
        places, range(len(places)), default=None, return_dtype=pl.Int64
    )
    known = (
        events.filter(pl.col("event_date") <= known_until)
        .with_columns(place=number)
        .drop_nulls("place")
    )
    day = (
        known["event_date"].to_physical().to_numpy().astype(np.int64) + date(1970, 1, 1).toordinal()
    )
    place = known["place"].to_numpy()
    deaths = known["deaths_best_count"].cast(pl.Float64).to_numpy()
    unplaced = np.full(len(codes), np.nan)
    longitude, latitude = (
        np.append(regions[f"centroid_{axis}"].cast(pl.Float64).to_numpy(), unplaced)
        for axis in ("longitude", "latitude")
    )
    country = pl.Series([*regions["country_code"].to_list(), *codes])
    return Night(
        events=EventDays(day, place, np.ones(day.size)),
        deaths=EventDays(day, place, deaths),
        weights=neighbour_weights(longitude, latitude, thresholds()["spread"]["half_distance_km"]),
        known_until=known_until.toordinal(),
        night=night.toordinal(),
        country=country.replace_strict(codes, range(len(codes)), return_dtype=pl.Int64).to_numpy(),
        regions=regions.height,
    )


@dataclass(frozen=True)
class Escalation:
    """The chance that the coming ninety days escalate, and what it rests on.

    Attributes:
        window: Its pool.
        threshold: Places: events that count as escalation.
        shift: Of the calibration, logit scale.
        probability: Places, calibrated.
    """

    window: Window
    threshold: Array
    shift: float
    probability: Array

    def probability_with(self, features: Array, counts: Array, threshold: Array) -> Array:
        """The calibrated chance for other features, counts and bar, by the same model."""
        pool = self.window.pool_with(features, counts)
        return models.calibrated(pool.exceedance_probability(threshold), self.shift)


def escalation(panel: Panel) -> Escalation:
    """The calibrated chance of escalation of every place, all learnt from the panel."""
    rule = thresholds()["escalation"]
    window = forecast_window(panel, 1, int(rule["blocks"]), tuning())
    past = window.past
    shift = past.logit_shift(models.escalation_threshold(past.past_year, rule))
    threshold = models.escalation_threshold(panel.features[-1, :, 0], rule)
    chance = models.calibrated(window.pool.exceedance_probability(threshold), shift)
    return Escalation(window, threshold, shift, chance)


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
    base = night_of(events, places, known_until, night)
    panel = base.panel(base.events)
    deaths_panel = base.panel(base.deaths)
    found = escalation(panel)
    deaths = forecast_window(deaths_panel, found.window.first, found.window.last, tuning("deaths"))
    singles = {
        "events": [forecast_window(panel, h, h, tuning()) for h in HORIZONS],
        "deaths": [forecast_window(deaths_panel, h, h, tuning("deaths")) for h in HORIZONS],
    }
    shifts: dict[str, list[float]] = {"events": [], "deaths": []}
    sums: dict[str, list[CountMixture]] = {"events": [], "deaths": []}
    for target, bound in (("events", 1), ("deaths", MANY_DEATHS)):
        for window in singles[target]:
            past = window.past
            shifts[target].append(past.logit_shift(bound))
            sums[target].append(
                learnt_group_forecast(past, window.pool, base.country, window.tuning)
            )
    here = slice(base.regions)
    p_bar_before = found.probability_with(
        panel.features[-1], panel.counts, _bars_before(panel, BAR_DAYS // BLOCK_DAYS)
    )
    newest = _newest_event_days(base)
    p_without = np.where(np.isfinite(newest), _probability_without(found, panel, newest), np.nan)
    is_flagged = _level_number(found.probability) > 0
    p_month_ago = found.probability_with(
        panel.features[-2], panel.counts[:-1], _bars_before(panel, 1)
    )
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
        events_to_next_level_count=column(_events_to_next_level(found, panel)).cast(pl.Int64),
        may_fall_on_date=pl.Series(_may_fall_on(base, found, panel, night)[here], dtype=pl.Date),
    )  # fmt: skip
    ids = places["region_id"].to_list()
    forecasts = _forecasts(singles, shifts, ids, known_until, night)
    next_month = forecasts.filter(model="combined", horizon_months=1).select(
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
        _country_forecasts(sums, places, night),
        flags,
        pl.concat([_drivers(found, panel, ids), _evidence(base, found, places)]),
    )


def first_event_probability(found: Escalation) -> Array:
    """Chance of any event in the window, of places quiet for a year; NaN: of others.

    As the pool says it: a shift learnt on quiet places made it worse (docs/models.md).
    """
    chance = _at_least(found.window.pool, 1.0)
    return np.where(found.window.panel.features[-1, :, 0] == 0, chance, np.nan)


def _at_least(pool: CountMixture, threshold: float) -> Array:
    return pool.exceedance_probability(np.full(len(pool.weight), threshold))


def levels_unrevised(
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
    base = night_of(events, places, known_until, night)
    chance = escalation(base.panel(base.events)).probability[: base.regions]
    return places.select("region_id", level_unrevised=level_of(pl.lit(pl.Series(chance))))


def _left_out(pool: CountMixture, here: slice) -> list[str | None]:
    return ["self_exciting" if weight == 0 else None for weight in pool.weight[here]]


def _newest_event_days(base: Night) -> Array:
    """Days from each place's newest event to the last day known; NaN: it never had one."""
    newest = np.full(len(base.country), -1, dtype=np.int64)
    np.maximum.at(newest, base.events.place, base.events.day)
    return np.where(newest >= 0, float(base.known_until) - newest, np.nan)


def _bars_before(panel: Panel, blocks: int) -> Array:
    """Events that counted as escalation so many blocks ago, by what is known tonight."""
    past_year = panel.features[-1 - blocks, :, 0]
    return models.escalation_threshold(past_year, thresholds()["escalation"])


def _probability_without(found: Escalation, panel: Panel, newest: Array) -> Array:
    """Chance of escalation had each place's newest event not happened, by the same model."""
    features = models.without_event(panel.features[-1], newest)
    counts = panel.counts[-BASELINE_BLOCKS:].copy()
    block = np.nan_to_num(newest, nan=1e9).astype(np.int64) // BLOCK_DAYS
    recent = np.flatnonzero(block < BASELINE_BLOCKS)
    counts[-1 - block[recent], recent] -= 1
    bar = models.escalation_threshold(features[:, 0], thresholds()["escalation"])
    return found.probability_with(features, counts, bar)


def _events_to_next_level(found: Escalation, panel: Panel) -> Array:
    """Further events, on the last day known, that lift a place's level; NaN: over ``MOST_EVENTS``.

    The bar rises with them: an event counts as a sign of more to come and as one already come.
    """
    level = _level_number(found.probability)
    needed = np.full(panel.places, np.nan)
    rule = thresholds()["escalation"]
    for number in range(MOST_EVENTS, 0, -1):
        more = np.full(panel.places, float(number))
        features = models.with_more_events(panel.features[-1], more)
        counts = panel.counts[-BASELINE_BLOCKS:].copy()
        counts[-1] += number
        bar = models.escalation_threshold(features[:, 0], rule)
        is_higher = _level_number(found.probability_with(features, counts, bar)) > level
        needed = np.where(is_higher, number, np.where(np.isnan(needed), np.nan, needed))
    return np.where(level == len(LEVELS) - 1, np.nan, needed)


def _may_fall_on(base: Night, found: Escalation, panel: Panel, night: date) -> list[date | None]:
    """First night, a week apart, on which a level is lower if all stays quiet; None: no such."""
    level = _level_number(found.probability)
    flagged = np.flatnonzero(level > 0)
    falls: list[date | None] = [None] * panel.places
    if not flagged.size:
        return falls
    rule = thresholds()["escalation"]
    of_flagged = _only(base.events, flagged, panel.places)
    decay = {f"neighbours_{d}": d for d in (60, 180)} | {"everywhere": 90}
    for days in reversed(FALL_DAYS):
        features, counts = conflict_day_features(
            of_flagged, flagged.size, base.known_until + days, FIRST_DAY.toordinal()
        )
        now = panel.features[-1][flagged]
        for name, half_life in decay.items():
            column = FEATURES.index(name)
            features[:, column] = now[:, column] * 0.5 ** (days / half_life)
        bar = models.escalation_threshold(features[:, 0], rule)
        lower = _level_number(found.probability_with(features, counts, bar)) < level[flagged]
        for place in flagged[lower]:
            falls[place] = night + timedelta(days=days)
    return falls


def _only(events: EventDays, places: Rows, count: int) -> EventDays:
    """Events of some places, which are numbered anew."""
    number = np.full(count, -1, dtype=np.int64)
    number[places] = np.arange(places.size)
    within = number[events.place] >= 0
    return EventDays(events.day[within], number[events.place[within]], events.size[within])


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
        for model, share in (("self_exciting", 1.0), ("conflictology", 0.0), ("combined", None)):
            has_forecast = events.weight[here] > 0 if model == "self_exciting" else np.True_
            of_events, of_deaths = (
                _with_weight(pool.take(np.arange(len(ids))), share) for pool in (events, deaths)
            )
            is_pool = model == "combined"
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
                            models.calibrated(_at_least(pool, bound), shift if is_pool else 0.0)
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
    sums: dict[str, list[CountMixture]], places: pl.DataFrame, night: date
) -> pl.DataFrame:
    """Countries' sums of their regions and unplaced events."""
    codes = places.select("country_code", "country_name").unique().sort("country_code")
    parts = []
    for row, horizon in enumerate(HORIZONS):
        of = {target: pools[row] for target, pools in sums.items()}
        parts.append(
            codes.with_columns(
                horizon_months=pl.lit(horizon, dtype=pl.Int64),
                window_start_date=pl.lit(night + timedelta(days=(horizon - 1) * BLOCK_DAYS + 1)),
                window_end_date=pl.lit(night + timedelta(days=horizon * BLOCK_DAYS)),
                **_told("events", of["events"], QUANTILES),
                **_told("deaths", of["deaths"], DEATHS_QUANTILES),
                p_any_event=pl.Series(_at_least(of["events"], 1.0)),
                p_25_deaths=pl.Series(_at_least(of["deaths"], float(MANY_DEATHS))),
            )
        )
    return pl.concat(parts).sort("country_code", "horizon_months")


def _feature_groups() -> Array:
    """Features x ``models.SELF_EXCITING_DRIVERS``: 1 where a feature belongs to a driver."""
    drivers = np.array(models.SELF_EXCITING_DRIVERS)
    return np.array([models.DRIVER_OF_FEATURE[name] == drivers for name in FEATURES], dtype=float)


def contributions(found: Escalation, panel: Panel) -> Array:
    """What each of ``models.DRIVERS`` adds to the events expected, places x drivers.

    NaN where the self-exciting model has no forecast of a place.
    """
    window = found.window
    weight = window.pool.weight[:, None]
    coefficients = np.zeros(len(FEATURES)) if window.model is None else window.model.coefficients
    own = weight * ((np.nan_to_num(panel.features[-1]) * coefficients) @ _feature_groups())
    others = (1 - weight) * window.pool.draws.mean(axis=1, keepdims=True)
    return np.hstack([np.where(weight > 0, own, np.nan), others])


def _drivers(found: Escalation, panel: Panel, ids: list[str]) -> pl.DataFrame:
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
        for number, name in enumerate(models.DRIVERS)
    ]
    return pl.concat(parts).sort(
        "region_id", "contribution_events", "driver", descending=[False, True, False],
        nulls_last=True,
    )  # fmt: skip


def _evidence(base: Night, found: Escalation, places: pl.DataFrame) -> pl.DataFrame:
    """Of regions without events for a year the chance of a first one; how near violence is."""
    here = slice(base.regions)
    first_event = first_event_probability(found)
    newest = _newest_event_days(base)
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
