"""Completeness of the newest figures, from how those of earlier months grew (docs/models.md).

    share = prod_j  sum_m E[m,j] / sum_m E[m,j+1],  events in the end = y / share

E[m,j]: events of month m known j months after it became whole; y: those of the newest month.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from indicators.arrays import Array, Mask

LEAST_MONTHS = 3  # of growth seen from one age to the next, before anything is said
DRAWS = 400
INTERVAL = (0.1, 0.9)


@dataclass(frozen=True)
class Completeness:
    """Share of a month's events that is known at an age.

    Attributes:
        share: Known now over known in the end; above 1: more is withdrawn than added.
        draws: The same for resampled months.
        followed_months: Age to which months were followed; growth beyond is not known.
    """

    share: float
    draws: Array
    followed_months: int

    @property
    def interval(self) -> tuple[float, float]:
        """Central 80% of the draws."""
        low, high = np.quantile(self.draws, INTERVAL)
        return float(low), float(high)


def completeness(triangle: pl.DataFrame, age: int = 0) -> Completeness | None:
    """Completeness at ``age`` by link ratios (chain ladder, Mack 1993); None: not known.

    The growth from one age to the next is the ratio of the sums over all months seen at
    both; their product to the oldest age is the growth to come. The interval resamples
    months.

    Args:
        triangle: ``month_start``, ``age_months``, ``events``: events of a month as known at an
            age, for the ages at which the source was looked at.
        age: Months since the month became whole.

    Example:
        >>> rows = [(m, a, e) for m in range(3) for a, e in enumerate([8, 10])]
        >>> triangle = pl.DataFrame(rows, ["month_start", "age_months", "events"], orient="row")
        >>> round(completeness(triangle).share, 3)
        0.8
    """
    if not triangle.height:
        return None
    wide = triangle.pivot(on="age_months", index="month_start", values="events").sort("month_start")
    ages = sorted(int(name) for name in wide.columns if name != "month_start")
    events = np.full((wide.height, max(ages) + 1), np.nan)
    events[:, ages] = wide.select(str(a) for a in ages).to_numpy().astype(np.float64)
    is_at_both = np.isfinite(events[:, :-1]) & np.isfinite(events[:, 1:])
    is_enough = is_at_both.sum(axis=0) >= LEAST_MONTHS
    last = age
    while last < len(is_enough) and is_enough[last]:
        last += 1
    if last == age:
        return None
    younger = np.where(is_at_both, events[:, :-1], 0)[:, age:last]
    older = np.where(is_at_both, events[:, 1:], 0)[:, age:last]
    if not (younger.sum(axis=0) > 0).all() or not (older.sum(axis=0) > 0).all():
        return None
    rows = np.random.default_rng(1).integers(0, len(events), (DRAWS, len(events)))
    before, after = younger[rows].sum(axis=1), older[rows].sum(axis=1)
    is_positive = (before > 0).all(axis=1) & (after > 0).all(axis=1)
    draws = (before[is_positive] / after[is_positive]).prod(axis=1)
    share = (younger.sum(axis=0) / older.sum(axis=0)).prod()
    return Completeness(float(share), draws, last)


def nowcast_counts(counts: Array, completeness: Completeness) -> tuple[Array, Array, Array]:
    """Events there will be in the end: expected, and the bounds of the central 80%.

    Each event is known by now with chance ``share``, so those still missing are negative
    binomial with size count + 1 (a flat prior on the whole), mixed over the draws.

    Args:
        counts: Events known now, one per region.
        completeness: Completeness at their age.

    Example:
        >>> sure = Completeness(0.5, np.array([0.5]), 3)
        >>> [bound.tolist() for bound in nowcast_counts(np.array([4.0]), sure)]
        [[8.0], [5.0], [13.0]]
    """
    share = np.clip(completeness.draws, 0.01, 1.0)
    different, place = np.unique(counts, return_inverse=True)
    low, high = (_missing_quantile(different, share, level)[place] for level in INTERVAL)
    return counts / completeness.share, counts + low, counts + high


def _missing_quantile(counts: Array, share: Array, level: float) -> Array:
    """The fewest missing events that, with those known, are the whole with chance ``level``.

    By bisection, so that nothing grows with the counts.
    """
    from scipy.stats import nbinom  # takes a second to import

    def is_enough(missing: Array) -> Mask:
        chance = np.asarray(nbinom.cdf(missing[:, None], counts[:, None] + 1, share))
        return np.asarray(chance.mean(axis=1) >= level)

    too_few, enough = np.full(counts.shape, -1.0), np.zeros(counts.shape)
    while not (is_whole := is_enough(enough)).all():
        too_few = np.where(is_whole, too_few, enough)
        enough = np.where(is_whole, enough, 2 * enough + 1)
    while (enough - too_few > 1).any():
        middle = np.floor((too_few + enough) / 2)
        is_whole = is_enough(middle)
        too_few = np.where(is_whole, too_few, middle)
        enough = np.where(is_whole, middle, enough)
    return enough
