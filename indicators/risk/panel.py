"""Event days as counts of thirty-day blocks, and the features of the models (docs/models.md).

The night of a run is ``gap_days`` after the last day that the source wholly covers. Inputs are
blocks of thirty days that end on that day, targets are blocks of thirty days that begin after the
night: the same two grids, shifted back together, give the past nights a model is fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.sparse import csr_array

from indicators.arrays import Array, Days

EPOCH = date(1970, 1, 1).toordinal()
BLOCK_DAYS = 30
HORIZONS = range(1, 7)  # blocks after the night
YEAR_DAYS = 365
BASELINE_BLOCKS = 12
OWN_HALF_LIVES = (30, 90, 180, 720)  # days
NEIGHBOUR_HALF_LIVES = (60, 180)
BACKGROUND_HALF_LIFE = 90
FEATURES = (
    "past_year", *(f"own_{days}" for days in OWN_HALF_LIVES),
    *(f"neighbours_{days}" for days in NEIGHBOUR_HALF_LIVES), "everywhere", "constant",
)  # fmt: skip
AUXILIARY_HALF_LIVES = (15, 60)  # days, of each series of another event source


@dataclass(frozen=True)
class EventDays:
    """Events, or their deaths, as day, place and size.

    Attributes:
        day: Proleptic ordinals (``date.toordinal``), one an event.
        place: Row of each event's place, from 0.
        size: 1 for an event; its deaths where deaths are forecast.
    """

    day: Days
    place: Days
    size: Array

    def up_to(self, last_day: int) -> "EventDays":
        """The events of ``last_day`` and before."""
        is_past = self.day <= last_day
        return EventDays(self.day[is_past], self.place[is_past], self.size[is_past])


@dataclass(frozen=True)
class AuxiliarySeries:
    """Counts of another event source, whole up to a day of its own.

    Attributes:
        name: Such as ``acled_battles``.
        events: What is counted; places as the panel's.
        known_from: First day that the source wholly covers (ordinal).
        known_until: Last such day on the night.
        is_monthly: Whether it counts by month, a month's events standing at its last day.
    """

    name: str
    events: EventDays
    known_from: int
    known_until: int
    is_monthly: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its features."""
        return tuple(f"{self.name}_{days}" for days in AUXILIARY_HALF_LIVES)

    @property
    def blocks(self) -> int:
        """Past nights, one every thirty days, by which it had covered thirty days (or a month)."""
        blocks = (self.known_until - self.known_from + 1) // BLOCK_DAYS - self.is_monthly
        return max(blocks, 0)

    def last_days(self, nights: int) -> Days:
        """The last day it wholly covered on each of the newest nights, the newest last."""
        days = self.known_until - BLOCK_DAYS * np.arange(nights)[::-1]
        if not self.is_monthly:
            return np.asarray(days)
        next_months = (days + 1 - EPOCH).astype("datetime64[D]").astype("datetime64[M]")
        return np.asarray(next_months.astype("datetime64[D]").astype(np.int64) + EPOCH - 1)


@dataclass(frozen=True)
class Panel:
    """Blocks of thirty days, the oldest first; the newest ends on the last day known.

    Attributes:
        counts: Blocks x places: events (or deaths) of each block.
        features: Blocks x places x ``names``, in events a block, none negative; NaN where a
            place's neighbours are not known.
        cumulative: Targets: sums from the first block on, of blocks that end with the night:
            row k + 1 less row k is block k.
        gap_blocks: Blocks by which targets lie after the newest figures, rounded up.
        names: ``FEATURES``, then those of auxiliary series.
    """

    counts: Array
    features: Array
    cumulative: Array
    gap_blocks: int
    names: tuple[str, ...] = FEATURES

    @property
    def places(self) -> int:
        """How many places there are."""
        return int(self.counts.shape[1])

    def as_of(self, blocks_ago: int) -> "Panel":
        """The panel of the night so many blocks ago, by what is known tonight."""
        if not blocks_ago:
            return self
        past = slice(-blocks_ago)
        return replace(
            self,
            counts=self.counts[past],
            features=self.features[past],
            cumulative=self.cumulative[past],
        )

    def targets(self, first: int, last: int) -> Array:
        """Events of blocks ``first`` to ``last`` after each past night; blocks x places.

        Only nights of which the whole window is known have a row: the first rows of
        ``features``, in the same order.
        """
        offset = len(self.cumulative) - 1 - len(self.features)
        rows = np.arange(len(self.features) - last - self.gap_blocks)
        begin, end = rows + offset + first, rows + offset + last + 1
        return np.asarray(self.cumulative[end] - self.cumulative[begin])


def block_sums(
    events: EventDays, places: int, end: int, blocks: int, half_life: float | None = None
) -> Array:
    """Sums over blocks of thirty days that end on day ``end``: blocks x places, the oldest first.

    Args:
        events: What is summed; days after ``end`` do not count.
        places: How many places there are.
        end: Last day of the newest block.
        blocks: How many.
        half_life: If given, an event weighs half as much so many days before its block's end.

    Example:
        >>> one = EventDays(np.array([100, 71, 70]), np.zeros(3, np.int64), np.ones(3))
        >>> block_sums(one, places=1, end=100, blocks=2).ravel().tolist()
        [1.0, 2.0]
    """
    block = blocks - 1 - (end - events.day) // BLOCK_DAYS
    is_summed = (events.day <= end) & (block >= 0)
    size = events.size[is_summed]
    if half_life is not None:
        size = size * 0.5 ** (((end - events.day[is_summed]) % BLOCK_DAYS) / half_life)
    cell = block[is_summed] * places + events.place[is_summed]
    sums = np.bincount(cell, weights=size, minlength=blocks * places)
    return np.asarray(sums, dtype=np.float64).reshape(blocks, places)


def weighted_means(discounted: Array, half_life: float) -> Array:
    """Exponentially weighted mean of the days up to each block's end, per thirty days.

        m_h = 30 sum_d 2^(-d / h) y_d / sum_d 2^(-d / h),  d days before the block's end

    The weight of a day halves every ``half_life`` days; weights are normalised over the days
    there are, so that early blocks are unbiased.

    Args:
        discounted: ``block_sums`` with this half-life.
        half_life: Days.

    Example:
        >>> daily = EventDays(np.arange(1, 61), np.zeros(60, np.int64), np.ones(60))
        >>> weighted_means(block_sums(daily, 1, 60, 2, 90), 90).round(6).ravel().tolist()
        [30.0, 30.0]
    """
    decay, daily = 0.5 ** (BLOCK_DAYS / half_life), 0.5 ** (1 / half_life)
    means = np.empty_like(discounted)
    total = np.zeros(discounted.shape[1])
    for block, row in enumerate(discounted):
        total = decay * total + row
        days = (1 - daily ** (BLOCK_DAYS * (block + 1))) / (1 - daily)
        means[block] = total * (BLOCK_DAYS / days)
    return means


def past_year(events: EventDays, counts: Array, end: int) -> Array:
    """Events of the 365 days up to each block's end, per thirty days; blocks x places.

    Args:
        events: What ``counts`` are of.
        counts: ``block_sums`` up to ``end``.
        end: Last day of the newest block.
    """
    cumulative = np.vstack([np.zeros((BASELINE_BLOCKS, counts.shape[1])), counts]).cumsum(axis=0)
    year = cumulative[BASELINE_BLOCKS:] - cumulative[:-BASELINE_BLOCKS]
    days = YEAR_DAYS - BASELINE_BLOCKS * BLOCK_DAYS  # of the thirteenth block
    is_in_year = (end - events.day) % BLOCK_DAYS < days
    newest = EventDays(events.day[is_in_year], events.place[is_in_year], events.size[is_in_year])
    year[BASELINE_BLOCKS:] += block_sums(newest, counts.shape[1], end, len(counts))[
        :-BASELINE_BLOCKS
    ]
    return np.asarray(year * (BLOCK_DAYS / YEAR_DAYS))


def auxiliary_features(series: AuxiliarySeries, places: int, nights: int) -> Array:
    """Weighted means of another source's events, each night's up to the last day it had covered.

        m_h = 30 sum_d 2^(-d / h) y_d / sum_d 2^(-d / h),  d days before that day

    Args:
        series: The source's counts.
        places: How many places there are.
        nights: Newest nights, thirty days apart; no more than ``series.blocks``.

    Returns:
        Nights x places x ``AUXILIARY_HALF_LIVES``.

    Example:
        >>> one = EventDays(np.array([70, 100]), np.zeros(2, np.int64), np.ones(2))
        >>> fast = AuxiliarySeries("fast", one, known_from=41, known_until=100)
        >>> weight = lambda days, of: 30 * 0.5 ** (days / 15) * (1 - 0.5 ** (1 / 15)) / of
        >>> features = auxiliary_features(fast, places=1, nights=2)
        >>> expected = [weight(0, 3 / 4), weight(0, 15 / 16) + weight(30, 15 / 16)]
        >>> features[:, 0, 0].round(9).tolist() == np.round(expected, 9).tolist()
        True
    """
    if not nights:
        return np.empty((0, places, len(AUXILIARY_HALF_LIVES)))
    ends = series.last_days(nights)
    events = series.events.up_to(ends[-1])
    night = np.searchsorted(ends, events.day)
    days_before = ends[night] - events.day
    cell = night * places + events.place
    features = np.empty((nights, places, len(AUXILIARY_HALF_LIVES)))
    for column, half_life in enumerate(AUXILIARY_HALF_LIVES):
        daily = 0.5 ** (1 / half_life)
        sizes = events.size * daily**days_before
        sums = np.bincount(cell, weights=sizes, minlength=nights * places).reshape(nights, places)
        total, before = np.zeros(places), ends[0]
        for row, (end, new_events) in enumerate(zip(ends, sums, strict=True)):
            total = total * daily ** (end - before) + new_events
            covered_weight = (1 - daily ** (end - series.known_from + 1)) / (1 - daily)
            features[row, :, column] = total * (BLOCK_DAYS / covered_weight)
            before = end
    return features


NO_EVENTS = EventDays(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def build_panel(
    events: EventDays,
    weights: csr_array,
    known_until: int,
    night: int,
    first_day: int,
    keep: int,
    around: EventDays = NO_EVENTS,
    auxiliary: Sequence[AuxiliarySeries] = (),
) -> Panel:
    """Counts, features and targets as they stand on a night.

    Args:
        events: As known on the night.
        weights: ``neighbour_weights``, places x (places, then units around the area).
        known_until: Last day that the source wholly covers (ordinal).
        night: Night from which windows are counted, not before ``known_until``.
        first_day: First day of the source.
        keep: Newest blocks whose features are kept: the history a model is fitted on.
        around: Of the units around the area, as known on the night.
        auxiliary: Counts of other event sources as known on the night, which reach no further
            back than the shortest of them.

    Raises:
        ValueError: Less than a year is known.
    """
    places, units = weights.shape[0], weights.shape[1] - weights.shape[0]
    blocks = (known_until - first_day + 1) // BLOCK_DAYS
    if blocks < BASELINE_BLOCKS:
        raise ValueError(f"{blocks} blocks of thirty days are known; a year is the least")
    known_events = events.up_to(known_until)
    counts = block_sums(known_events, places, known_until, blocks)
    nights = min(keep, blocks, *(series.blocks for series in auxiliary))
    newest = slice(blocks - nights, None)
    half_lives = {*OWN_HALF_LIVES, *NEIGHBOUR_HALF_LIVES, BACKGROUND_HALF_LIFE}
    means = {
        days: weighted_means(block_sums(known_events, places, known_until, blocks, days), days)[
            newest
        ]
        for days in sorted(half_lives)
    }
    names = (*FEATURES, *(name for series in auxiliary for name in series.features))
    features = np.empty((nights, places, len(names)))
    has_neighbours = np.asarray(weights.sum(axis=1)).ravel() > 0
    columns = [past_year(known_events, counts, known_until)[newest]]
    columns += [means[days] for days in OWN_HALF_LIVES]
    for days in NEIGHBOUR_HALF_LIVES:
        everywhere = means[days]
        if units:
            outside = block_sums(around.up_to(known_until), units, known_until, blocks, days)
            everywhere = np.hstack([everywhere, weighted_means(outside, days)[newest]])
        near = (weights @ everywhere.T).T
        columns.append(np.where(has_neighbours | (places == 1), near, np.nan))
    columns += [means[BACKGROUND_HALF_LIFE].mean(axis=1, keepdims=True), np.ones((1, 1))]
    for number, column in enumerate(columns):
        features[..., number] = column
    for number, series in enumerate(auxiliary):
        begin = len(FEATURES) + number * len(AUXILIARY_HALF_LIVES)
        end = begin + len(AUXILIARY_HALF_LIVES)
        features[..., begin:end] = auxiliary_features(series, places, nights)
    gap = night - known_until
    targets = block_sums(known_events, places, night, len(features) + gap // BLOCK_DAYS + 1)
    cumulative = np.vstack([np.zeros((1, places)), targets]).cumsum(axis=0)
    return Panel(counts[newest], features, cumulative, -(-gap // BLOCK_DAYS), names)


def window_sums(counts: Array, window: int) -> Array:
    """Sums over ``window`` consecutive blocks: one row for each window, the oldest first.

    Example:
        >>> window_sums(np.array([[1.0], [2.0], [3.0]]), window=2).ravel().tolist()
        [3.0, 5.0]
    """
    view = np.lib.stride_tricks.sliding_window_view(counts, window, axis=0)
    return np.asarray(view.sum(axis=-1), dtype=np.float64)


def conflict_day_features(
    events: EventDays, places: int, end: int, first_day: int
) -> tuple[Array, Array]:
    """Features of the places' own events on day ``end`` alone, and their newest twelve blocks.

    The same numbers as the last row of ``Panel.features``, without the blocks between; columns
    of neighbours and of everywhere are zero.

    Args:
        events: Events up to ``end``.
        places: How many places there are.
        end: The day.
        first_day: First day of the source.
    """
    features = np.zeros((places, len(FEATURES)))
    known_events = events.up_to(end)
    days = (end - first_day + 1) // BLOCK_DAYS * BLOCK_DAYS
    is_in_blocks = end - known_events.day < days
    day, place, size = (
        part[is_in_blocks] for part in (known_events.day, known_events.place, known_events.size)
    )
    is_in_year = end - day < YEAR_DAYS
    year = np.bincount(place[is_in_year], weights=size[is_in_year], minlength=places)
    features[:, 0] = year * (BLOCK_DAYS / YEAR_DAYS)
    for half_life in OWN_HALF_LIVES:
        daily = 0.5 ** (1 / half_life)
        total = np.bincount(place, weights=size * daily ** (end - day), minlength=places)
        features[:, FEATURES.index(f"own_{half_life}")] = (
            total * BLOCK_DAYS * (1 - daily) / (1 - daily**days)
        )
    features[:, FEATURES.index("constant")] = 1
    return features, block_sums(known_events, places, end, BASELINE_BLOCKS)
