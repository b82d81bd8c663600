"""Event counts as a months x regions array, and the features models see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True)
class Panel:
    """Monthly event counts of all regions up to the origin.

    Attributes:
        counts: Months x regions, events; every month is wholly known.
        weights: Regions x regions, each row a weighted mean of the others (sums to 1).
    """

    counts: Array
    weights: Array


def distances_km(longitude: Array, latitude: Array) -> Array:
    """Great-circle distances between all places, in km; NaN where a place is not known.

    Args:
        longitude: Degrees east, one per place.
        latitude: Degrees north, one per place.

    Example:
        >>> distances_km(np.array([0.0, 1]), np.zeros(2)).round(1).tolist()
        [[0.0, 111.2], [111.2, 0.0]]
    """
    lon, lat = np.radians(longitude), np.radians(latitude)
    half_chord = (
        np.sin((lat[:, None] - lat[None, :]) / 2) ** 2
        + np.cos(lat[:, None])
        * np.cos(lat[None, :])
        * np.sin((lon[:, None] - lon[None, :]) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half_chord, 0, 1))))


def neighbour_weights(distance: Array, half_distance_km: float) -> Array:
    """Weights of every region's neighbours, the nearer the heavier.

    Args:
        distance: Regions x regions, km.
        half_distance_km: Distance at which a weight halves.

    Returns:
        Regions x regions; zero on the diagonal, each row sums to one; NaN for a region
        whose place is not known, which is nobody's neighbour.

    Example:
        >>> w = neighbour_weights(np.abs(np.subtract.outer([0, 1, 2], [0, 1, 2])), 1.0)
        >>> np.round(w[0], 3).tolist()
        [0.0, 0.667, 0.333]
    """
    weights = np.nan_to_num(np.exp2(-np.asarray(distance) / half_distance_km))
    np.fill_diagonal(weights, 0)
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, np.nan), dtype=np.float64)


def weighted_means(counts: Array, half_life: float) -> Array:
    """Exponentially weighted mean of each region's months up to and including each month.

    Weights are normalised over the months seen, so early months are unbiased.

    Args:
        counts: Months x regions.
        half_life: Months after which a weight halves.

    Example:
        >>> weighted_means(np.array([[4.0], [1.0]]), half_life=1).ravel().tolist()
        [4.0, 2.0]
    """
    decay = 0.5 ** (1 / half_life)
    means = np.empty_like(counts)
    total, weight = np.zeros(counts.shape[1]), 0.0
    for month, row in enumerate(counts):
        total, weight = decay * total + row, decay * weight + 1
        means[month] = total / weight
    return means


def window_sums(counts: Array, window: int) -> Array:
    """Sums over ``window`` consecutive months: one row for each window, the oldest first.

    Example:
        >>> window_sums(np.array([[1.0], [2.0], [3.0]]), window=2).ravel().tolist()
        [3.0, 5.0]
    """
    view = np.lib.stride_tricks.sliding_window_view(counts, window, axis=0)
    return np.asarray(view.sum(axis=-1), dtype=np.float64)


def sums_ahead(counts: Array, first: int, last: int) -> Array:
    """Events of months ``first`` to ``last`` after each month; NaN where not all are known.

    Example:
        >>> sums_ahead(np.array([[1.0], [2.0], [3.0], [4.0]]), first=1, last=2).ravel().tolist()
        [5.0, 7.0, nan, nan]
    """
    ahead = np.full_like(counts, np.nan)
    length = len(counts) - last
    if length > 0:
        ahead[:length] = sum(counts[k : k + length] for k in range(first, last + 1))
    return ahead
