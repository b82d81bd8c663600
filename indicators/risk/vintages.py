"""Versions of events, and inputs of a night's forecasts from those known on it (docs/models.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from config.registry import thresholds
from config.vocabulary import FIRST_DAY
from indicators.arrays import Array, Days
from indicators.geography import neighbour_weights
from indicators.risk.panel import (
    BLOCK_DAYS,
    EPOCH,
    HORIZONS,
    AuxiliarySeries,
    EventDays,
    Panel,
    build_panel,
)

NONE_AROUND = pl.DataFrame(
    schema={
        "region_id": pl.String, "centroid_longitude": pl.Float64, "centroid_latitude": pl.Float64,
    }
)  # fmt: skip


NO_COUNTS = pl.DataFrame(
    schema={
        "source": pl.String, "series": pl.String, "place_id": pl.String, "event_date": pl.Date,
        "known_from": pl.Datetime, "known_to": pl.Datetime, "events_count": pl.Float64,
        "deaths_count": pl.Float64,
    }
)  # fmt: skip
NO_CLOCKS = pl.DataFrame(
    schema={
        "source": pl.String, "known_from_date": pl.Date, "known_until_date": pl.Date,
        "is_monthly": pl.Boolean, "why_not": pl.String,
    }
)  # fmt: skip


@dataclass(frozen=True)
class EventSource:
    """Counts of an event source beside the one that is forecast, as known on a night.

    Attributes:
        name: Of the source.
        counts: ``series``, ``place_id`` (a region or country), ``event_date``, ``events_count``,
            ``deaths_count``.
        known_from: First day that it wholly covers.
        known_until: Last such day; later counts do not count.
        is_monthly: Whether a month's events stand at its last day.
    """

    name: str
    counts: pl.DataFrame
    known_from: date
    known_until: date
    is_monthly: bool = False

    def series(self, places: Sequence[str], column: str) -> list[AuxiliarySeries]:
        """Its series by name; ``column`` says whether events or deaths are counted."""
        number = pl.col("place_id").replace_strict(
            places, range(len(places)), default=None, return_dtype=pl.Int64
        )
        counts = self.counts.filter(pl.col("event_date") <= self.known_until)
        with_place = counts.with_columns(place=number).drop_nulls("place").sort("series")
        return [
            AuxiliarySeries(
                name,
                EventDays(
                    _ordinals(rows["event_date"]),
                    rows["place"].to_numpy(),
                    rows[column].to_numpy(),
                ),
                self.known_from.toordinal(),
                self.known_until.toordinal(),
                self.is_monthly,
            )
            for (name,), rows in with_place.group_by("series", maintain_order=True)
        ]


def _ordinals(days: pl.Series) -> Days:
    """Proleptic ordinals (``date.toordinal``) of days."""
    return days.to_physical().to_numpy().astype(np.int64) + EPOCH


def as_of(versions: pl.DataFrame, night: date) -> pl.DataFrame:
    """The rows believed on the evening of a night, by ``known_from`` and ``known_to``."""
    return versions.filter(
        (pl.col("known_from").dt.date() <= night)
        & (pl.col("known_to").is_null() | (pl.col("known_to").dt.date() > night))
    )


def event_sources(
    counts: pl.DataFrame, clocks: pl.DataFrame, *, versions: bool = False
) -> tuple[EventSource, ...]:
    """Event sources on which forecasts may rest.

    Args:
        counts: ``core.auxiliary_count``.
        clocks: source, known_from_date, known_until_date, is_monthly, why_not; those
            with a reason why not are left out.
        versions: Whether their counts hold every version, not only what is still believed.
    """
    counts_in_force = counts if versions else counts.filter(pl.col("known_to").is_null())
    usable = clocks.filter(pl.col("why_not").is_null())
    columns = ("source", "known_from_date", "known_until_date", "is_monthly")
    return tuple(
        EventSource(name, counts_in_force.filter(source=name), first, last, is_monthly)
        for name, first, last, is_monthly in usable.select(columns).iter_rows()
    )


@dataclass(frozen=True)
class NightInputs:
    """Inputs of a night's forecasts.

    Attributes:
        events: Known events; places are the regions, then the countries' unplaced events.
        deaths: Their deaths.
        weights: Of neighbours, places x (places, then units around the area).
        known_until: Last day that the event source wholly covers (ordinal).
        night: Ordinal.
        country: Country number of each place.
        regions: How many of the places are regions.
        events_around: Known events of the units around the area, places from 0.
        deaths_around: Their deaths.
        places: Ids of the places.
        auxiliary: Event sources beside the one that is forecast, on which forecasts rest.
    """

    events: EventDays
    deaths: EventDays
    weights: csr_array
    known_until: int
    night: int
    country: Array
    regions: int
    events_around: EventDays
    deaths_around: EventDays
    places: tuple[str, ...] = ()
    auxiliary: tuple[EventSource, ...] = ()

    def panel(self, target: EventDays, horizons: int = max(HORIZONS)) -> Panel:
        """Blocks up to the last day known, targets up to ``horizons`` blocks after the night."""
        is_deaths = target is self.deaths
        around = self.deaths_around if is_deaths else self.events_around
        column = "deaths_count" if is_deaths else "events_count"
        history = int(thresholds()["models"]["history_blocks"])
        gap_blocks = -(-(self.night - self.known_until) // BLOCK_DAYS)
        return build_panel(
            target, self.weights, self.known_until, self.night, FIRST_DAY.toordinal(),
            history + horizons + gap_blocks, around,
            [s for source in self.auxiliary for s in source.series(self.places, column)],
        )  # fmt: skip


def night_inputs(
    events: pl.DataFrame,
    regions: pl.DataFrame,
    known_until: date,
    night: date,
    around: pl.DataFrame = NONE_AROUND,
) -> NightInputs:
    """Event days by place from the events known on a night.

    Args:
        events: ``event_date``, ``country_code``, ``region_id`` (null: known to the country only),
            ``deaths_best_count``; those of ``around``, too.
        regions: Sorted by ``region_id``, with ``country_code`` and centroids.
        known_until: Last day that the source wholly covers; later events do not count.
        night: The night.
        around: Units around the area (``core.neighbour_region``): their events are neighbours'.
    """
    codes = regions["country_code"].unique().sort().to_list()
    places = [*regions["region_id"].to_list(), *codes]
    own = _event_days(events, places, known_until)
    outside_days = _event_days(events, around["region_id"].to_list(), known_until)
    unplaced = np.full(len(codes), np.nan)
    longitude, latitude = (
        np.concatenate([regions[axis].cast(pl.Float64), unplaced, around[axis].cast(pl.Float64)])
        for axis in ("centroid_longitude", "centroid_latitude")
    )
    weights = neighbour_weights(longitude, latitude, thresholds()["spread"]["half_distance_km"])
    country = pl.Series([*regions["country_code"].to_list(), *codes])
    return NightInputs(
        events=own[0],
        deaths=own[1],
        weights=weights[: len(places)],
        known_until=known_until.toordinal(),
        night=night.toordinal(),
        country=country.replace_strict(codes, range(len(codes)), return_dtype=pl.Int64).to_numpy(),
        regions=regions.height,
        events_around=outside_days[0],
        deaths_around=outside_days[1],
        places=tuple(places),
    )


def _event_days(
    events: pl.DataFrame, places: list[str], known_until: date
) -> tuple[EventDays, EventDays]:
    """Events up to a day by place, and their deaths; events of other places do not count."""
    number = pl.coalesce("region_id", "country_code").replace_strict(
        places, range(len(places)), default=None, return_dtype=pl.Int64
    )
    known_events = (
        events.filter(pl.col("event_date") <= known_until)
        .with_columns(place=number)
        .drop_nulls("place")
    )
    day = _ordinals(known_events["event_date"])
    place = known_events["place"].to_numpy()
    deaths = known_events["deaths_best_count"].cast(pl.Float64).to_numpy()
    return EventDays(day, place, np.ones(day.size)), EventDays(day, place, deaths)


@dataclass(frozen=True)
class Origin:
    """A past night and until when events were wholly known on it.

    Attributes:
        night: Night after which windows begin.
        known_until: Last day that the event source wholly covered.
        as_of: Evening whose versions count; None: the night's.
    """

    night: date
    known_until: date
    as_of: date | None = None


@dataclass(frozen=True)
class Vintages:
    """Versions of events, from which any past night can be rebuilt.

    Attributes:
        versions: Every version of every event: ``event_date``, ``country_code``, ``region_id``,
            ``deaths_best_count``, ``violence_type``, ``known_from``, ``known_to`` (null: the
            newest version).
        regions: Core regions with centroids, sorted by ``region_id``.
        around: Units around the area, of whose events there are versions, too.
    """

    versions: pl.DataFrame
    regions: pl.DataFrame
    around: pl.DataFrame = field(default_factory=lambda: NONE_AROUND)

    def as_of(self, night: date) -> pl.DataFrame:
        """Events by the versions of the evening of a night."""
        return as_of(self.versions, night)

    def inputs(self, origin: Origin) -> NightInputs:
        """Inputs of the forecasts of a past night."""
        events = self.as_of(origin.as_of or origin.night)
        return night_inputs(events, self.regions, origin.known_until, origin.night, self.around)

    def latest(self) -> NightInputs:
        """All events by their newest versions, against which forecasts are scored."""
        newest = self.versions.filter(pl.col("known_to").is_null())
        return night_inputs(newest, self.regions, date.max, date.max, self.around)
