"""What would move a level: more events, one event less, quiet weeks (docs/models.md)."""

from datetime import date, timedelta

import numpy as np

from config.registry import thresholds
from config.vocabulary import FIRST_DAY, LEVELS
from indicators.arrays import Array, Rows
from indicators.risk import models
from indicators.risk.levels import escalation_threshold, level_number
from indicators.risk.panel import (
    BASELINE_BLOCKS,
    BLOCK_DAYS,
    FEATURES,
    EventDays,
    Panel,
    conflict_day_features,
)
from indicators.risk.pool import EscalationForecast
from indicators.risk.vintages import NightInputs

BAR_DAYS = 180  # how long ago the bar is looked at that a quiet region's level is compared with
MOST_EVENTS = 12  # more than these until the next level: not told
FALL_DAYS = range(7, 183, 7)  # nights ahead on which a level is looked at, if all stays quiet


def newest_event_days(base: NightInputs) -> Array:
    """Days from each place's newest event to the last day known; NaN: it never had one."""
    newest = np.full(len(base.country), -1, dtype=np.int64)
    np.maximum.at(newest, base.events.place, base.events.day)
    return np.where(newest >= 0, float(base.known_until) - newest, np.nan)


def bars_before(base: NightInputs, panel: Panel) -> Array:
    """Events that counted as escalation ``BAR_DAYS`` ago, by what is known tonight."""
    blocks = BAR_DAYS // BLOCK_DAYS
    return escalation_threshold(panel.features[-1 - blocks, :, 0], thresholds()["escalation"])


def probability_without_newest(found: EscalationForecast, panel: Panel, newest: Array) -> Array:
    """Chance of escalation had each place's newest event not happened; NaN: it never had one."""
    features = models.without_event(panel.features[-1], newest)
    counts = panel.counts[-BASELINE_BLOCKS:].copy()
    block = np.nan_to_num(newest, nan=1e9).astype(np.int64) // BLOCK_DAYS
    recent = np.flatnonzero(block < BASELINE_BLOCKS)
    counts[-1 - block[recent], recent] -= 1
    bar = escalation_threshold(features[:, 0], thresholds()["escalation"])
    chance = found.probability_with(features, counts, bar)
    return np.where(np.isfinite(newest), chance, np.nan)


def events_to_next_level(found: EscalationForecast, panel: Panel) -> Array:
    """Further events, on the last day known, that lift a place's level; NaN: over ``MOST_EVENTS``.

    The bar rises with them: an event counts as a sign of more to come and as one already come.
    """
    level = level_number(found.probability)
    needed = np.full(panel.places, np.nan)
    rule = thresholds()["escalation"]
    for number in range(MOST_EVENTS, 0, -1):
        more = np.full(panel.places, float(number))
        features = models.with_more_events(panel.features[-1], more)
        counts = panel.counts[-BASELINE_BLOCKS:].copy()
        counts[-1] += number
        bar = escalation_threshold(features[:, 0], rule)
        is_higher = level_number(found.probability_with(features, counts, bar)) > level
        needed = np.where(is_higher, number, np.where(np.isnan(needed), np.nan, needed))
    return np.where(level == len(LEVELS) - 1, np.nan, needed)


def may_fall_on(
    base: NightInputs, found: EscalationForecast, panel: Panel, night: date
) -> list[date | None]:
    """First night, a week apart, on which a level is lower if all stays quiet; None: no such."""
    level = level_number(found.probability)
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
        bar = escalation_threshold(features[:, 0], rule)
        lower = level_number(found.probability_with(features, counts, bar)) < level[flagged]
        for place in flagged[lower]:
            falls[place] = night + timedelta(days=days)
    return falls


def _only(events: EventDays, places: Rows, count: int) -> EventDays:
    """Events of some places, which are numbered anew."""
    number = np.full(count, -1, dtype=np.int64)
    number[places] = np.arange(places.size)
    within = number[events.place] >= 0
    return EventDays(events.day[within], number[events.place[within]], events.size[within])
