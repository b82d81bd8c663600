"""Readers' lines: the chance that places together reach a number, and what it was worth before.

    M = sum_r E S_r,  Var S = M (1 + phi),  p = P(S >= k),  logit p' = logit p + b

S: the quantity in the line's places in w blocks of thirty days after the night; E S_r: the pool's
mean of a region (docs/models.md). phi and b are learnt on earlier nights' forecasts, as known then,
of the line and of other sets of as many neighbouring regions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from config.lines import Line
from config.registry import thresholds
from config.vocabulary import FIRST_DAY
from indicators.arrays import Array, Days, Mask, Rows
from indicators.geography import great_circle_km, neighbour_weights, unit_vectors
from indicators.risk import models
from indicators.risk.joint import PHIS
from indicators.risk.mixtures import negbin_cdf
from indicators.risk.panel import (
    BACKGROUND_HALF_LIFE,
    BLOCK_DAYS,
    EPOCH,
    FEATURES,
    NEIGHBOUR_HALF_LIVES,
    EventDays,
    build_panel,
    conflict_day_features,
    window_sums,
)
from indicators.risk.pool import tuning
from indicators.risk.vintages import Origin

SIZE_COLUMNS = {"deaths": "deaths_best_count", "deaths_civilians": "deaths_civilians_count"}
TARGETS = {"events": "events", "deaths": "deaths", "deaths_civilians": "deaths"}  # whose numbers
OWN = slice(0, FEATURES.index("neighbours_60"))  # features of the place's own events
PLACED_TO = 3  # UCDP: 1 exact, 2 within 25 km, 3 admin-2; above, no circle can hold the event
NEVER_ENDS = np.iinfo(np.int64).max
MOST_PEERS = 32  # regions of a set that a line is compared with
PEER_ROWS = 800  # of their past windows, where phi is learnt
LINE_PHIS = PHIS[::2]


@dataclass(frozen=True)
class VersionDays:
    """Every version of every event of one quantity; what was known on a night is a mask of them.

    Attributes:
        day: Proleptic ordinals, one a version, as ``known_from`` and ``known_to``.
        place: Row of its place: regions, countries' unplaced events, units around the area.
        size: 1 for an event, else its deaths.
        known_from: First night on which the version counts.
        known_to: First on which it does not any more.
        latitude: Degrees north; NaN: not known.
        longitude: Degrees east.
        where_prec: UCDP's precision of place.
        fingerprint: Of all that a forecast sees of a version.
        places: Ids of regions, then codes of countries.
        regions: How many of them are regions.
        around: How many units around the area there are.
        centroids: Longitude and latitude of all of them; NaN: of countries.
    """

    day: Days
    place: Days
    size: Array
    known_from: Days
    known_to: Days
    latitude: Array
    longitude: Array
    where_prec: Array
    fingerprint: np.ndarray
    places: list[str]
    regions: int
    around: int
    centroids: tuple[Array, Array]

    def is_known(self, origin: Origin) -> Mask:
        """Versions in force on the evening of a night."""
        evening = (origin.as_of or origin.night).toordinal()
        return np.asarray((self.known_from <= evening) & (self.known_to > evening))

    def digest(self, origin: Origin) -> int:
        """A number that changes with what is known on a night."""
        fingerprints = self.fingerprint[self.is_known(origin)]
        return int(fingerprints.sum(dtype=np.uint64)) ^ int(
            np.bitwise_xor.reduce(fingerprints, initial=0)
        )

    def events(self, rows: Mask) -> EventDays:
        """Versions as events."""
        return EventDays(self.day[rows], self.place[rows], self.size[rows])


def version_days(
    versions: pl.DataFrame, regions: pl.DataFrame, around: pl.DataFrame, quantity: str
) -> VersionDays:
    """Versions of events as arrays.

    Args:
        versions: ``event_date``, ``country_code``, ``region_id`` (null: known to the country
            only), ``deaths_best_count``, ``deaths_civilians_count``, ``latitude``,
            ``longitude``, ``where_prec``, ``known_from``, ``known_to``; those of ``around``, too.
        regions: Core regions with centroids.
        around: Units around the area, with centroids.
        quantity: events, deaths or deaths_civilians.
    """
    regions = regions.sort("region_id")
    codes = regions["country_code"].unique().sort().to_list()
    places = [*regions["region_id"].to_list(), *codes]
    every = [*places, *around["region_id"].to_list()]
    column = SIZE_COLUMNS.get(quantity)
    size = pl.col(column).fill_null(0) if column else pl.lit(1)
    rows = versions.select(
        day=pl.col("event_date").to_physical().cast(pl.Int64) + EPOCH,
        place=pl.coalesce("region_id", "country_code").replace_strict(
            every, range(len(every)), default=None, return_dtype=pl.Int64
        ),
        size=size.cast(pl.Float64),
        known_from=pl.col("known_from").dt.date().to_physical().cast(pl.Int64) + EPOCH,
        known_to=(pl.col("known_to").dt.date().to_physical().cast(pl.Int64) + EPOCH).fill_null(
            NEVER_ENDS
        ),
        latitude=pl.col("latitude").cast(pl.Float64).fill_null(np.nan),
        longitude=pl.col("longitude").cast(pl.Float64).fill_null(np.nan),
        where_prec=pl.col("where_prec").cast(pl.Float64).fill_null(np.inf),
    ).drop_nulls("place")
    unplaced = np.full(len(codes), np.nan)
    longitude, latitude = (
        np.concatenate([regions[axis].cast(pl.Float64), unplaced, around[axis].cast(pl.Float64)])
        for axis in ("centroid_longitude", "centroid_latitude")
    )
    return VersionDays(
        **{name: rows[name].to_numpy() for name in rows.columns},
        fingerprint=rows.select("day", "place", "size").hash_rows().to_numpy(),
        places=places,
        regions=regions.height,
        around=around.height,
        centroids=(longitude, latitude),
    )


@dataclass(frozen=True)
class PastMeans:
    """The pool's mean of every place on every night, as known then; what all lines share.

    Attributes:
        origins: The nights, the oldest first.
        mean: Nights x places, in the window of w blocks after each night.
        coefficients: Nights x ``FEATURES``: b of the self-exciting model; NaN: it had no fit.
    """

    origins: Sequence[Origin]
    mean: Array
    coefficients: Array

    @classmethod
    def of_rows(cls, origins: Sequence[Origin], rows: Sequence[Mapping[str, Any]]) -> "PastMeans":
        """From a row a night: ``mean`` and ``coefficients`` as lists."""
        mean, coefficients = (
            np.array([row[name] for row in rows], dtype=np.float64)
            for name in ("mean", "coefficients")
        )
        return cls(origins, mean, coefficients)


def origin_mean(
    versions: VersionDays, weights: csr_array, origin: Origin, windows: int, quantity: str
) -> tuple[Array, Array]:
    """Mean of every place in the blocks 1 to ``windows`` after a night, and the coefficients.

    Args:
        versions: Of the quantity.
        weights: Of neighbours, places x (places, then units around the area).
        origin: Night, and until when events were wholly known.
        windows: Blocks of thirty days.
        quantity: Of ``versions``.
    """
    tuned = tuning(TARGETS[quantity])
    events = versions.events(versions.is_known(origin))
    own = events.place < len(versions.places)
    gap_blocks = -(-(origin.night - origin.known_until).days // BLOCK_DAYS)
    panel = build_panel(
        EventDays(events.day[own], events.place[own], events.size[own]),
        weights,
        origin.known_until.toordinal(),
        origin.night.toordinal(),
        FIRST_DAY.toordinal(),
        tuned.history_blocks + windows + gap_blocks,
        EventDays(events.day[~own], events.place[~own] - len(versions.places), events.size[~own]),
    )
    coefficients, model = np.full(len(FEATURES), np.nan), None
    try:
        coefficients, *_ = models.fit_mean(panel, 1, windows, tuned)
        model = models.SelfExciting(coefficients, 1.0, tuned.dispersion_power)
    except models.FIT_ERRORS:  # conflictology stands in for it, as where levels are given
        pass
    draws = models.conflictology(panel.counts, windows)
    return models.pool_of(model, panel.features[-1], draws, tuned.weight).expected(), coefficients


def weights_of(versions: VersionDays) -> csr_array:
    """Neighbours' weights, places x (places, then units around the area)."""
    half_km = thresholds()["spread"]["half_distance_km"]
    return neighbour_weights(*versions.centroids, half_km)[: len(versions.places)]


def ground(versions: VersionDays) -> pl.DataFrame:
    """What means rest on beside the events: places and where they lie, a row each."""
    longitude, latitude = versions.centroids
    around = [f"around {number}" for number in range(versions.around)]
    return pl.DataFrame(
        {"place": [*versions.places, *around], "longitude": longitude, "latitude": latitude}
    )


class WindowSums:
    """Sums of a quantity in the w blocks after each night, by the versions of any evening.

    Args:
        versions: Day, place and size of each.
        rows: Those that count.
        place: Of each of them, from 0.
        places: How many places there are.
        origins: The nights.
        windows: w.
    """

    def __init__(
        self, versions: VersionDays, rows: Rows, place: Days, places: int,
        origins: Sequence[Origin], windows: int,
    ) -> None:  # fmt: skip
        nights = np.array([origin.night.toordinal() for origin in origins])
        ends = nights + windows * BLOCK_DAYS
        bounds = np.unique(np.concatenate([nights, ends]))
        # A day counts for the first bound that is not before it; after the last for none.
        self._cell = np.searchsorted(bounds, versions.day[rows]) * places + place
        self._shape = (len(bounds) + 1, places)
        self._rows, self._size = rows, versions.size[rows]
        self._begin, self._end = np.searchsorted(bounds, nights), np.searchsorted(bounds, ends)

    def as_of(self, is_known: Mask) -> Array:
        """Nights x places, of the versions in the mask."""
        is_in_sum = is_known[self._rows]
        sums = np.bincount(
            self._cell[is_in_sum], self._size[is_in_sum], minlength=self._shape[0] * self._shape[1]
        )
        running = sums.reshape(self._shape).cumsum(axis=0)
        return np.asarray(running[self._end] - running[self._begin])


@dataclass(frozen=True)
class LineSeries:
    """A line on all nights.

    Attributes:
        line: The line.
        rows: Versions of events in its places.
        mean: M on each night, as known then.
        sums: Its ``WindowSums``; one place.
        peers: Places x sets: other sets of as many regions, that phi and b are learnt on, too.
    """

    line: Line
    rows: Rows
    mean: Array
    sums: WindowSums
    peers: csr_array


def line_series(line: Line, versions: VersionDays, past: PastMeans) -> LineSeries:
    """Means of a line on all nights, and what is needed to learn from them."""
    if line.circle:
        rows = np.flatnonzero(is_within(versions, *line.circle))
    else:
        members = line_places(line, versions)
        rows = np.flatnonzero(np.isin(versions.place, members))
    nowhere = np.zeros(len(rows), np.int64)
    sums = WindowSums(versions, rows, nowhere, 1, past.origins, line.windows)
    if line.circle:
        mean, regions = _circle_mean(line, versions, rows, past, sums), 1
    else:
        mean = past.mean[:, members].sum(axis=1)
        regions = int((members < versions.regions).sum())
    mean = np.maximum(mean, models.LEAST_MEAN)
    return LineSeries(line, rows, mean, sums, _neighbouring_sets(versions, regions))


def line_places(line: Line, versions: VersionDays) -> Rows:
    """Rows of the regions of a line; of a country its unplaced events are one more."""
    place_ids = {*line.regions, *line.countries}
    is_member = [
        place in place_ids or place.partition(".")[0] in line.countries for place in versions.places
    ]
    return np.flatnonzero(is_member)


def is_within(versions: VersionDays, latitude: float, longitude: float, km: float) -> Mask:
    """Versions whose place is known well enough, and lies within ``km`` of a point.

    Args:
        versions: Of events.
        latitude: Degrees north.
        longitude: Degrees east.
        km: Along the surface.
    """
    centre = unit_vectors(np.array([longitude]), np.array([latitude]))
    points = unit_vectors(versions.longitude, versions.latitude)
    is_near = great_circle_km(np.linalg.norm(points - centre, axis=1)) <= km
    return np.asarray(is_near & (versions.where_prec <= PLACED_TO))


def _circle_mean(
    line: Line, versions: VersionDays, inside: Rows, past: PastMeans, sums: WindowSums
) -> Array:
    """M of a circle: the regions' coefficients on its own days, and a share c of what is around.

        mu = sum_own b_k x_k + c sum_other b_k x_k,  c = (sum y - own + w) / (sum other + w)

    The sums of c are over earlier nights, as known then; w is as if one event were expected and
    came. Its neighbours are the regions by the distance of their centres, less its own events.
    """
    origins, tuned = past.origins, tuning(TARGETS[line.quantity])
    latitude, longitude, _ = line.circle or (0.0, 0.0, 0.0)
    half_km = thresholds()["spread"]["half_distance_km"]
    near = neighbour_weights(
        np.append(versions.centroids[0], longitude), np.append(versions.centroids[1], latitude),
        half_km,
    )[-1:].toarray()[0, :-1]  # fmt: skip
    features = np.empty((len(origins), len(FEATURES)))
    draws_mean = np.empty(len(origins))
    is_inside = np.zeros(len(versions.day), np.bool_)
    is_inside[inside] = True
    for number, origin in enumerate(origins):
        until = origin.known_until.toordinal()
        is_known = versions.is_known(origin) & (versions.day <= until)
        own = versions.events(is_known & is_inside)
        own = replace(own, place=np.zeros(len(own.day), np.int64))
        x, counts = conflict_day_features(own, 1, until, FIRST_DAY.toordinal())
        outside, every = versions.events(is_known & ~is_inside), versions.events(is_known)
        units = len(versions.places) + versions.around
        for half_life in NEIGHBOUR_HALF_LIVES:
            means = _day_means(outside, units, until, half_life)
            x[0, FEATURES.index(f"neighbours_{half_life}")] = near @ means
        everywhere = _day_means(every, units, until, BACKGROUND_HALF_LIFE)
        x[0, FEATURES.index("everywhere")] = everywhere[: len(versions.places)].mean()
        features[number] = x[0]
        draws_mean[number] = window_sums(counts, line.windows).mean()
    terms = features * past.coefficients
    own_part, other = terms[:, OWN].sum(axis=1), terms[:, OWN.stop :].sum(axis=1)
    mean = np.empty(len(origins))
    for number, origin in enumerate(origins):
        learnt = _earlier(origins, number, line.windows)
        learnt = learnt[np.isfinite(other[learnt])]
        observed = sums.as_of(versions.is_known(origin))[learnt, 0].sum()
        excess = observed - own_part[learnt].sum() + line.windows
        share = max(excess, 0.0) / (other[learnt].sum() + line.windows)
        mean[number] = own_part[number] + share * other[number]
    is_fitted = np.isfinite(mean)
    pooled = tuned.weight * mean + (1 - tuned.weight) * draws_mean
    return np.where(is_fitted, pooled, draws_mean)


def _day_means(events: EventDays, places: int, end: int, half_life: float) -> Array:
    """Weighted mean of each place's days up to ``end``, per thirty days (``panel``)."""
    days = (end - FIRST_DAY.toordinal() + 1) // BLOCK_DAYS * BLOCK_DAYS
    daily = 0.5 ** (1 / half_life)
    weight = np.where(end - events.day < days, events.size * daily ** (end - events.day), 0.0)
    total = np.bincount(events.place, weights=weight, minlength=places)
    return np.asarray(total * BLOCK_DAYS * (1 - daily) / (1 - daily**days))


def _neighbouring_sets(versions: VersionDays, size: int) -> csr_array:
    """For every region the set of it and its nearest others, ``size`` in all; places x sets."""
    regions = versions.regions
    size = min(max(size, 1), regions, MOST_PEERS)
    points = unit_vectors(*(axis[:regions] for axis in versions.centroids))
    _, nearest = cKDTree(points).query(points, k=size)
    rows = np.asarray(nearest).reshape(regions, size).ravel()
    columns = np.repeat(np.arange(regions), size)
    return csr_array((np.ones(rows.size), (rows, columns)), shape=(len(versions.places), regions))


def _earlier(origins: Sequence[Origin], number: int, windows: int) -> Rows:
    """The newest nights whose window was wholly known on a night, as many as models learn from."""
    learning_nights = int(thresholds()["models"]["dispersion_blocks"])
    until = origins[number].known_until.toordinal() - windows * BLOCK_DAYS
    nights = np.array([origin.night.toordinal() for origin in origins[:number]], dtype=np.int64)
    return np.flatnonzero(nights <= until)[-learning_nights:]


@dataclass(frozen=True)
class LineChances:
    """A line's chance on some nights, each by what was known then, and what it rests on.

    Attributes:
        rows: The nights, rows of ``PastMeans``.
        mean: M.
        phi: Dispersion of the sum.
        shift: b of the calibration.
        probability: Calibrated chance that the number is reached.
    """

    rows: Rows
    mean: Array
    phi: Array
    shift: Array
    probability: Array


def line_chances(
    series: Sequence[LineSeries],
    versions: VersionDays,
    past: PastMeans,
    nights: Sequence[int],
) -> list[LineChances]:
    """Chances of lines of one quantity and time on nights; one function for past and tonight.

    Args:
        series: The lines.
        versions: Of their quantity.
        past: Means of all nights.
        nights: Rows of ``past`` asked for.
    """
    rows = np.array(nights, dtype=np.int64)
    estimates = np.empty((len(series), 2, len(rows)))  # phi and shift
    windows = series[0].line.windows
    everywhere = np.arange(len(versions.day))[versions.place < versions.regions]
    sums = WindowSums(
        versions, everywhere, versions.place[everywhere], len(versions.places), past.origins,
        windows,
    )  # fmt: skip
    for column, number in enumerate(rows):
        learnt = _earlier(past.origins, int(number), windows)
        is_known = versions.is_known(past.origins[number])
        observed = sums.as_of(is_known)[learnt]
        losses: dict[int, tuple[Array, Array, Array | None]] = {}
        for line_number, one in enumerate(series):
            size = one.peers.nnz
            if size not in losses:
                peers_mean = np.asarray(past.mean[learnt] @ one.peers).ravel()
                peers_observed = np.asarray(observed @ one.peers).ravel()
                losses[size] = (
                    peers_mean,
                    peers_observed,
                    _phi_loss(peers_observed, peers_mean, one.line.quantity),
                )
            own = one.mean[learnt], one.sums.as_of(is_known)[learnt, 0]
            estimates[line_number, :, column] = _phi_and_shift(one.line, own, losses[size])
    return [
        _chances(one, rows, phi, shift) for one, (phi, shift) in zip(series, estimates, strict=True)
    ]


def _phi_loss(observed: Array, mean: Array, quantity: str) -> Array | None:
    """Loss at each of ``LINE_PHIS``, as where countries' sums are told (``joint``)."""
    tuned = replace(tuning(TARGETS[quantity]), dispersion_power=1.0)
    informative = np.flatnonzero(mean > models.INFORMATIVE_MEAN)
    sample = informative[:: max(-(-informative.size // PEER_ROWS), 1)]
    return models.dispersion_loss(observed[sample], mean[sample], tuned, LINE_PHIS)


def _phi_and_shift(
    line: Line, own: tuple[Array, Array], peers: tuple[Array, Array, Array | None]
) -> tuple[float, float]:
    """Dispersion of the line's sum, and the shift of its chance.

    The loss of the line's own past windows counts as many as there are without overlap, that of
    the peers' as ``peers_weight``.
    """
    peers_mean, peers_observed, peers_loss = peers
    own_loss = _phi_loss(own[1], own[0], line.quantity)
    if peers_loss is None:
        peers_loss = np.abs(np.log(LINE_PHIS)) * (own_loss is None)  # nothing known: 1
    phi_peers = float(LINE_PHIS[peers_loss.argmin()])
    phi = phi_peers
    if own_loss is not None:
        count = (own[0] > models.INFORMATIVE_MEAN).sum() / line.windows
        loss = count * own_loss + thresholds()["lines"]["peers_weight"] * peers_loss
        phi = float(LINE_PHIS[loss.argmin()])
    mean = np.maximum(np.concatenate([peers_mean, own[0]]), models.LEAST_MEAN)
    phis = np.repeat([phi_peers, phi], [len(peers_mean), len(own[0])])
    observed = np.concatenate([peers_observed, own[1]])
    probability = sum_probability(mean, phis, line.at_least)
    return phi, models.fit_logit_shift(probability, observed >= line.at_least)


def sum_probability(mean: Array, phi: Array, at_least: float) -> Array:
    """Chance that an NB1 sum, Var = M (1 + phi), reaches a number.

    Example:
        >>> sum_probability(np.array([1.0]), np.array([1.0]), 2).round(3).tolist()  # NB2, alpha 1
        [0.25]
    """
    return np.asarray(1 - negbin_cdf(np.full(mean.shape, at_least - 1.0), mean, phi / mean))


def _chances(one: LineSeries, rows: Rows, phi: Array, shift: Array) -> LineChances:
    mean = one.mean[rows]
    raw = sum_probability(mean, phi, one.line.at_least)
    probability = np.array(
        [float(models.calibrated_probability(p, b)) for p, b in zip(raw, shift, strict=True)]
    )
    return LineChances(rows, mean, phi, shift, probability)
