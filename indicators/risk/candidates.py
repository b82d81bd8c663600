"""Candidates: what a feature, or another event source, would add to the self-exciting model.

Results: docs/scorecard.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from config.registry import thresholds
from config.vocabulary import FIRST_DAY
from indicators.arrays import Array
from indicators.risk import scores
from indicators.risk.backtest import observed_after
from indicators.risk.panel import (
    BLOCK_DAYS,
    FEATURES,
    YEAR_DAYS,
    EventDays,
    Panel,
    block_sums,
    weighted_means,
)
from indicators.risk.pool import forecast_window, tuning
from indicators.risk.vintages import (
    EventSource,
    NightInputs,
    Origin,
    Vintages,
    as_of,
    event_sources,
)

Feature = Callable[[Origin, NightInputs, Panel], Array]  # blocks x places, none negative
Extension = Callable[[Origin, NightInputs, Panel], Panel]  # the night's panel with a candidate
GAPS = (7, 14, 30, 50)  # days from the newest figures of another event source to the night
HALF_LIFE = 180  # days
LEAST_DAYS = 2 * YEAR_DAYS  # of a source before a night, else the night rests on the others
COUP_BLOCKS = 6  # after a coup in which it may still tell


def candidate_features(
    vintages: Vintages, coups: pl.DataFrame, suspensions: pl.DataFrame, presence: pl.DataFrame
) -> dict[str, Extension]:
    """Panels with one more feature, by its name.

    Deaths and one-sided events are as known on each night; coups, suspensions and presence those
    on file now, cut at the night, so what they seem to add may be too much, never too little.

    Args:
        vintages: Versions of events and regions.
        coups: ``country_code``, ``coup_date``.
        suspensions: ``country_code``, ``opened_date``, ``closed_date``, ``confirmed_date``.
        presence: ``region_id``, ``observed_date``, ``presence_share``.
    """
    codes = vintages.regions["country_code"].unique().sort().to_list()
    places = [*vintages.regions["region_id"].to_list(), *codes]
    countries = np.array([*vintages.regions["country_code"].to_list(), *codes])
    one_sided = replace(vintages, versions=vintages.versions.filter(violence_type="one_sided"))

    def own_times(share_at: Callable[[Array], Array]) -> Feature:
        """Own weighted events times a share from 0 to 1, given at the blocks' ends."""
        own = FEATURES.index(f"own_{HALF_LIFE}")
        return lambda _, inputs, panel: (
            panel.features[..., own] * share_at(_block_ends(inputs, panel))
        )

    features: dict[str, Feature] = {
        "deaths, half-life 180 days": lambda _, inputs, panel: _weighted(
            inputs.deaths, inputs, panel
        ),
        "one-sided events, half-life 180 days": lambda origin, inputs, panel: _weighted(
            one_sided.inputs(origin).events, inputs, panel
        ),
        "the same thirty days a year before": lambda _, inputs, panel: block_sums(
            inputs.events,
            panel.places,
            inputs.known_until + BLOCK_DAYS - YEAR_DAYS,  # the coming block, a year before
            len(panel.features),
        ),
        "own events in the 180 days after a coup": own_times(
            lambda ends: _after_coup(ends, coups, countries)
        ),
        "own events while aid or cooperation is suspended": own_times(
            lambda ends: _suspended(ends, suspensions, countries)
        ),
        "own events times the share of absent administrators (unknown: 0)": own_times(
            lambda ends: _absence(ends, presence, places)
        ),
    }
    return {name: _with_feature(feature) for name, feature in features.items()}


def _with_feature(feature: Feature) -> Extension:
    """The panel with one more column."""

    def extended(origin: Origin, inputs: NightInputs, panel: Panel) -> Panel:
        column = feature(origin, inputs, panel)[..., None]
        return replace(panel, features=np.concatenate([panel.features, column], axis=-1))

    return extended


def candidate_sources(
    counts: pl.DataFrame, clocks: pl.DataFrame, lag_days: Mapping[str, int]
) -> dict[str, Extension]:
    """Panels that rest on another event source, too, by its name and the age of its figures.

    Counts are as known on each night, so none is younger than the source's own lag.

    Args:
        counts: Every version (``core.auxiliary_count``).
        clocks: As ``vintages.event_sources``.
        lag_days: Days after which a source's figures are whole, by source.
    """

    def extension(source: EventSource, gap: int) -> Extension:
        def extended(origin: Origin, inputs: NightInputs, panel: Panel) -> Panel:
            until = min(origin.night - timedelta(days=gap), source.known_until)
            then = replace(
                source, counts=as_of(source.counts, origin.as_of or origin.night), known_until=until
            )
            has_begun = until - source.known_from > timedelta(days=LEAST_DAYS)
            with_source = replace(inputs, auxiliary=(then,) if has_begun else ())
            return with_source.panel(inputs.events)

        return extended

    return {
        f"{source.name}, figures of {gap} days ago": extension(source, gap)
        for source in event_sources(counts, clocks, versions=True)
        for gap in sorted({lag_days[source.name], *GAPS})
        if gap >= lag_days[source.name]
    }


def candidate_gains(
    vintages: Vintages,
    origins: Sequence[Origin],
    candidates: Mapping[str, Extension],
    horizons: Sequence[int],
    mapping: Callable[..., Iterable[Any]] = map,
) -> list[tuple[object, ...]]:
    """Rows of the scorecard: gain of each candidate at each horizon.

    ``mapping`` applies a function to each pair of them, as in ``backtest``.
    """
    pairs = [(name, horizon) for name in candidates for horizon in horizons]
    gains = mapping(partial(_gain, vintages, origins, candidates), pairs)
    return [
        ("events", name, horizon, "self_exciting", "crps_gain", *gain)
        for (name, horizon), gain in zip(pairs, gains, strict=True)
    ]


def _gain(
    vintages: Vintages,
    origins: Sequence[Origin],
    candidates: Mapping[str, Extension],
    pair: tuple[str, int],
) -> tuple[float, float, float]:
    name, horizon = pair
    return candidate_gain(vintages, origins, horizon, candidates[name])


def candidate_gain(
    vintages: Vintages, origins: Sequence[Origin], horizon: int, extended: Extension
) -> tuple[float, float, float]:
    """Share of the self-exciting model's CRPS that a candidate saves, and its 90% interval.

    Only as free of hindsight as the candidate is.

    Args:
        vintages: Versions of events and regions.
        origins: Nights.
        horizon: Block of thirty days after the night.
        extended: From the origin, its inputs and panel to the panel with the candidate.
    """
    outcome, tuned = vintages.latest(), tuning()
    totals: dict[bool, list[float]] = {True: [], False: []}
    for origin in origins:
        inputs = vintages.inputs(origin)
        plain = inputs.panel(inputs.events)
        observed = observed_after(outcome.events, plain.places, origin.night, horizon, horizon)
        with_candidate = extended(origin, inputs, plain)
        for has_candidate, panel in ((False, plain), (True, with_candidate)):
            pool = forecast_window(panel, horizon, horizon, tuned).pool
            alone = replace(pool, weight=np.where(pool.weight > 0, 1.0, 0.0))
            regions = np.arange(inputs.regions)
            crps = scores.crps(alone.take(regions), observed[regions])
            totals[has_candidate].append(float(crps.sum()))
    return scores.skill(np.asarray(totals[True]), np.asarray(totals[False]))


def _block_ends(inputs: NightInputs, panel: Panel) -> Array:
    """Last day (ordinal) of each block of the panel."""
    blocks_ago = np.arange(len(panel.features), dtype=np.float64)[::-1]
    return np.asarray(inputs.known_until - BLOCK_DAYS * blocks_ago)


def _weighted(events: EventDays, inputs: NightInputs, panel: Panel) -> Array:
    """Weighted mean of the days up to each block's end, blocks x places."""
    blocks = (inputs.known_until - FIRST_DAY.toordinal() + 1) // BLOCK_DAYS
    sums = block_sums(events, panel.places, inputs.known_until, blocks, HALF_LIFE)
    return weighted_means(sums, HALF_LIFE)[-len(panel.features) :]


def _after_coup(ends: Array, coups: pl.DataFrame, countries: np.ndarray) -> Array:
    """1 where a country had a coup in the ``COUP_BLOCKS`` before a block's end, else 0."""
    share = np.zeros((ends.size, countries.size))
    for code, day in coups.select("country_code", "coup_date").iter_rows():
        days = ends - day.toordinal()
        is_after = (days >= 0) & (days < COUP_BLOCKS * BLOCK_DAYS)
        share[np.ix_(is_after, countries == code)] = 1
    return share


def _suspended(ends: Array, suspensions: pl.DataFrame, countries: np.ndarray) -> Array:
    """1 where a measure against a country is open at a block's end, else 0.

    One without a known end counts as open for ``presumed_open_months`` after the last word of it.
    """
    months = int(thresholds()["suspensions"]["presumed_open_months"])
    presumed_open = timedelta(days=months * YEAR_DAYS // 12)
    share = np.zeros((ends.size, countries.size))
    spells = suspensions.filter(pl.col("opened_date").is_not_null())
    for code, start, end, confirmed in spells.select(
        "country_code", "opened_date", "closed_date", "confirmed_date"
    ).iter_rows():
        last = end or confirmed + presumed_open
        is_open = (ends >= start.toordinal()) & (ends <= last.toordinal())
        share[np.ix_(is_open, countries == code)] = 1
    return share


def _absence(ends: Array, presence: pl.DataFrame, places: Sequence[str]) -> Array:
    """Share of administrators not at their posts by the newest figure; 0 where none is known."""
    share = np.zeros((ends.size, len(places)))
    figures = presence.sort("observed_date").filter(
        pl.col("region_id").is_in(places) & pl.col("presence_share").is_not_null()
    )
    for region, day, present in figures.select(
        "region_id", "observed_date", "presence_share"
    ).iter_rows():
        share[ends >= day.toordinal(), places.index(region)] = 1 - present
    return share
