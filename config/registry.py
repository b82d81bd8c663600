"""The records that declare a source, an indicator and a column."""

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from config.areas import area, areas
from config.errors import TocsinError
from config.overlay import HERE
from config.tables import TABLES, config_table
from config.thresholds import tuned

EMBEDDED = "config:"
BOUNDARY_VINTAGE = "2021"  # P-codes of config/embedded/admin1_boundaries.parquet
WORLD = HERE / "embedded" / "world_admin1.parquet"  # tests/world_regions.py makes it
WORLD_SCHEME, WORLD_VINTAGE = "ISO 3166-2", "Natural Earth, about 2013"
EARTH_RADIUS_KM = 6371.0
NEAR = 4  # half-distances: beyond them a place weighs below a sixteenth of one beside it
SIDES = ("west", "east", "south", "north")
PLACES = ("country_id", "location_code", "isoab", "country")  # columns that name a country


class SourceError(TocsinError):
    """A source cannot be fetched or read; the message names file, row, field and cure."""


@dataclass(frozen=True)
class Lag:
    """When a figure is assumed to have become known, counted from its own date.

    Attributes:
        days: Days after the figure's date.
        next_month_day: If set, the figure is known on this day of the month
            after its own (UCDP publishes a month's candidates about the 20th
            of the next month); ``days`` is then not used.
    """

    days: int = 0
    next_month_day: int | None = None

    def known_at(self, day: pl.Expr) -> pl.Expr:
        """First instant (UTC) at which figures dated ``day`` are assumed known.

        Example:
            >>> frame = pl.DataFrame({"day": [date(2021, 5, 30)]})
            >>> frame.select(Lag(next_month_day=20).known_at(pl.col("day"))).item()
            datetime.datetime(2021, 6, 20, 0, 0)
        """
        if self.next_month_day is None:
            instant = day.dt.offset_by(f"{self.days}d")
        else:
            instant = (
                day.dt.month_start().dt.offset_by("1mo").dt.offset_by(f"{self.next_month_day - 1}d")
            )
        return instant.cast(pl.Datetime("us"))

    def complete_until(self, night: date) -> date:
        """Last day whose figures are all known on the evening of ``night``.

        Example:
            >>> Lag(next_month_day=20).complete_until(date(2021, 6, 25))
            datetime.date(2021, 5, 31)
            >>> Lag(next_month_day=20).complete_until(date(2021, 6, 5))
            datetime.date(2021, 4, 30)
        """
        if self.next_month_day is None:
            return night - timedelta(days=self.days)
        first = night.replace(day=1)
        if night.day < self.next_month_day:
            first = (first - timedelta(days=1)).replace(day=1)
        return first - timedelta(days=1)


@dataclass(frozen=True)
class Release:
    """What one delivery is: its version, since when it was public, what it holds in full.

    Attributes:
        version: The publisher's name for it.
        published_on: Day it became public, where declared; None: known when fetched.
        covers_until: Last day it covers; None: the day of its newest row.
        complete_where: SQL condition on the source's columns: rows of which it leaves none
            out. Only such a row is withdrawn by its absence, and only such a row, coming
            later, was news to the source.
        file: Path below ``config``, for an embedded release or a hand-kept register.
        partition: Deliveries of one partition of a source replace each other (UCDP: one release).
        countries: ISO 3166 alpha-3 of those it holds; empty: all that its publisher has.
    """

    version: str
    published_on: date | None = None
    covers_until: date | None = None
    complete_where: str = "true"
    file: str = ""
    partition: str = ""
    countries: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Address of the embedded copy."""
        return f"{EMBEDDED}{self.file}"


@dataclass(frozen=True)
class Fetched:
    """Bytes as received, with where and when they came from, and which release they are.

    ``remarks`` say what else was offered there and why it was passed over.
    """

    content: bytes
    url: str
    fetched_at: datetime
    release: Release
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """What of a source is in force: up to which day, and up to which day for good.

    Attributes:
        until: Last day of any delivery; None: there is none.
        final_until: Last day that a delivery holds which later parts only go on after.
    """

    until: date | None = None
    final_until: date | None = None


@dataclass(frozen=True)
class Source:
    """One source of figures: what it is, how it is read, what may be done with it.

    Attributes:
        name: ``publisher_dataset``; names the landed and history tables.
        embedded: Releases in ``config``, oldest first, used when no address is configured;
            the last is the one in force.
        parse: Bytes to the declared columns (pure); raises ``SourceError``.
        key: Columns that identify a row across versions.
        dated_by: Column that holds the date a row is about; None for reference data.
        lag: Reporting lag, from which ``known_from`` is assumed for bulk files.
        max_age_days: Age of the newest row beyond which the source is stale;
            None where a quiet time is no sign of staleness (registers of events).
        optional: Columns that a delivery may lack; null there says nothing, so it is no
            difference between two versions of a row.
        deleted: For a source that sends increments: bytes to the ``key`` columns of the
            rows it says it deleted. None: every delivery is whole, and a row that it
            no longer holds is withdrawn.
        fetch: Address and ``warehouse.client.Client`` to deliveries (I/O), oldest first;
            their bytes are landed before they are parsed. None: only from files.
        files: A folder or file on disk and what is in force to deliveries, oldest first, by
            the rule of ``fetch``. None: a file is one whole delivery, a folder none.
        live: The publisher's own address.
        credentials: Environment variables with what the publisher gave to a user.
        unit: What a row is.
        series: Monthly series that ``core/external_series.sql`` makes of it, for the indicators
            of the same names; months it does not cover have no row.
        series_level: What these are of: region or country.
        edited_by: Column that rises with each edit of a row: an older edit never replaces a newer.
        event_grain: day or month: it counts events on which forecasts may rest beside UCDP's
            (``core/auxiliary_count.sql``); empty: it does not.
        is_by_hand: A register kept here: a wrong row refuses the file, since whoever wrote it
            can mend it; a row says itself from when it was known, whenever it was entered.
    """

    name: str
    title: str
    licence: str
    attribution: str
    is_republishable: bool
    cadence: str
    flaws: tuple[str, ...]
    embedded: tuple[Release, ...]
    parse: Callable[[bytes, str], pl.DataFrame]
    columns: tuple[str, ...]
    key: tuple[str, ...]
    dated_by: str | None
    lag: Lag
    lag_reason: str
    max_age_days: int | None
    optional: tuple[str, ...] = ()
    deleted: Callable[[bytes, str], pl.DataFrame] | None = None
    fetch: Callable[["Source", str, Any], Iterable[Fetched]] | None = None
    files: Callable[["Source", Path, Coverage], Iterable[Fetched]] | None = None
    live: str = ""
    credentials: tuple[str, ...] = ()
    unit: str = ""
    series: tuple[str, ...] = ()
    series_level: str = "region"
    edited_by: str = ""
    event_grain: str = ""
    is_by_hand: bool = False

    @property
    def address(self) -> str:
        """Address of the newest embedded release."""
        return self.embedded[-1].address

    @property
    def place_column(self) -> str | None:
        """Its column that names a country; None: it has none."""
        return next((name for name in PLACES if name in self.columns), None)

    @property
    def embedded_here(self) -> tuple[Release, ...]:
        """Embedded releases that hold every country of the area: of others all would look quiet."""
        return tuple(
            release
            for release in self.embedded
            if not release.countries or set(area().countries) <= set(release.countries)
        )


@dataclass(frozen=True)
class Indicator:
    """One versioned indicator: a pure function and what its number means.

    Attributes:
        compute: Takes the frames named in ``reads`` (by keyword) and returns
            ``place_id``, ``month_start``, ``value`` (and ``note`` where a figure
            needs one); a figure that is not known is null, never zero.
        reads: Core tables, plus ``grid``: every place and month to be covered.
    """

    name: str
    version: int
    compute: Callable[..., pl.DataFrame]
    place_level: str
    unit: str
    rises_mean: str
    reads: tuple[str, ...]
    sources: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class Column:
    """One entry of the data dictionary: the same name means the same everywhere."""

    name: str
    type: str
    meaning: str
    unit: str = ""


@cache
def columns() -> Mapping[str, Column]:
    """The data dictionary of ``columns.toml``, by column name."""
    entries = tomllib.loads((HERE / "columns.toml").read_text("utf-8"))
    return {name: Column(name=name, **entry) for name, entry in entries.items()}


@cache
def thresholds() -> Mapping[str, Mapping[str, Any]]:
    """The tuned numbers in force; each of ours stands in ``thresholds.toml`` with its reason."""
    return tuned()


@cache
def signal_rules() -> Mapping[str, Mapping[str, Any]]:
    """The rules of the board of signals of ``signals.toml``: ``board`` and ``signals``."""
    return tomllib.loads((HERE / "signals.toml").read_text("utf-8"))


@cache
def known_regions() -> pl.DataFrame:
    """Every region there is, in the area or not: id, country, name, other spellings, parent, since.

    Those of ``regions.csv``, which may lie within one another, and of all countries that it
    does not have the world's admin-1 units; in the area those of the user's own boundaries.
    """
    curated = config_table("regions.csv").fill_null("")
    drawn_ids = drawn_regions().select(
        "region_id", "country_code", "region_name",
        name_variants=pl.lit(""), parent_region_id=pl.lit(""), valid_from=pl.lit(""),
    )  # fmt: skip
    if area().boundaries:
        curated = curated.filter(~pl.col("country_code").is_in(area().countries))
    return pl.concat([curated, drawn_ids])


@cache
def all_regions() -> pl.DataFrame:
    """The area's regions, as ``known_regions``.

    A region with a parent lies within it; its figures count for the parent as a part.
    """
    return known_regions().filter(pl.col("country_code").is_in(area().countries))


@cache
def regions() -> pl.DataFrame:
    """Regions that have a series of their own (no parent), with the P-code of their polygon."""
    series = all_regions().filter(parent_region_id="")
    on_map = drawn_regions()
    curated = pcodes().filter(pcode_vintage=BOUNDARY_VINTAGE).drop("covers", "basis")
    codes = curated.join(on_map, on="region_id", how="anti", maintain_order="left")
    iso = on_map.drop_nulls("region_pcode").with_columns(
        pcode_scheme=pl.lit(WORLD_SCHEME), pcode_vintage=pl.lit(WORLD_VINTAGE)
    )
    return series.drop("parent_region_id", "valid_from").join(
        pl.concat([codes, iso.select(codes.columns)]),
        on="region_id", how="left", maintain_order="left", validate="1:1",
    )  # fmt: skip


@cache
def drawn_regions() -> pl.DataFrame:
    """Regions whose polygons come with them, not by P-code: the world's, or the user's own.

    region_id, country_code, region_name, region_pcode (may be null), boundary_source, and the box
    (``SIDES``, degrees). Of countries of ``regions.csv`` there are none, unless the user drew them.
    """
    columns = ["region_id", "country_code", "region_name", "region_pcode", "boundary_source"]
    world = pl.read_parquet(WORLD, columns=[*columns, *SIDES])
    curated = config_table("regions.csv")["country_code"].unique().to_list()
    world = world.filter(~pl.col("country_code").is_in(curated))
    own = area().boundaries
    if own is None:
        return world
    elsewhere = world.filter(~pl.col("country_code").is_in(area().countries))
    return pl.concat([pl.read_parquet(own, columns=[*columns, *SIDES]), elsewhere])


@cache
def drawn_boundaries() -> pl.DataFrame:
    """Polygons of the area's ``drawn_regions``: region_id, boundary_source, boundary_wkb."""
    columns = ["region_id", "boundary_source", "boundary_wkb"]
    ids = regions().join(drawn_regions(), on="region_id", how="semi").select("region_id")
    if ids.is_empty():
        return pl.DataFrame(
            schema=dict(zip(columns, (pl.String, pl.String, pl.Binary), strict=True))
        )
    polygons = pl.read_parquet(area().boundaries or WORLD, columns=columns)
    return polygons.join(ids, on="region_id", how="semi")


@cache
def neighbour_regions() -> pl.DataFrame:
    """World units near the area, not in it: region_id, country_code, gw_number, centroid, polygon.

    Near: within ``NEAR`` half-distances of ``thresholds()["spread"]``, by centroids; what lies
    farther weighs next to nothing. Their events count as violence around the area's regions.
    """
    units = pl.read_parquet(WORLD, columns=["region_id", "country_code", "longitude", "latitude"])
    is_ours = pl.col("country_code").is_in(area().countries)
    elsewhere = units.filter(~is_ours)
    # On a sphere: chord of unit vectors, so that nothing is special at 180 degrees.
    east, north = pl.col("longitude").radians(), pl.col("latitude").radians()
    axes = {"x": north.cos() * east.cos(), "y": north.cos() * east.sin(), "z": north.sin()}
    chord = 2 * math.sin(NEAR * thresholds()["spread"]["half_distance_km"] / EARTH_RADIUS_KM / 2)
    squared = sum((pl.col(axis) - pl.col(f"{axis}_here")) ** 2 for axis in axes)
    near = (
        elsewhere.lazy().with_columns(**axes)
        .join(units.filter(is_ours).lazy().select(**axes), how="cross", suffix="_here")
        .filter(squared <= chord**2)
        .select("region_id").unique().collect()["region_id"]
    )  # fmt: skip
    numbers = known_countries(tuple(elsewhere["country_code"].unique())).select(
        "country_code", "gw_number"
    )
    polygons = pl.read_parquet(WORLD, columns=["region_id", "boundary_wkb"])
    return (
        elsewhere.filter(pl.col("region_id").is_in(near.implode()))
        .join(numbers, on="country_code", how="left", maintain_order="left")
        .join(polygons, on="region_id", how="left", maintain_order="left")
    )


@cache
def pcodes() -> pl.DataFrame:
    """P-codes by scheme and vintage, since codes were reused: ML09 was Bamako, is Taoudénit.

    ``covers`` says whether the code's unit is the whole region, a part of it, or more.
    """
    return config_table("pcodes.csv")


@cache
def population_units() -> pl.DataFrame:
    """Units of COD-PS that names alone do not match with regions of other borders.

    country_code, unit_name (several may make up a region), region_name, reason. Without
    region_name the unit is left out, without unit_name the region is, without both the country.
    """
    return config_table("population_units.csv")


@cache
def scopes() -> pl.DataFrame:
    """Places that are no region: groups ("northern regions"), parts (a cercle), former regions.

    scope, country_code, its regions (;), is_part ("true": it covers less than its region), reason.
    """
    return config_table("scopes.csv")


@cache
def partners() -> pl.DataFrame:
    """Who suspends, lifts and imposes, as the register of suspensions writes them.

    partner, reason, donor: whom its acts count for (empty: itself), so that no donor counts twice.
    """
    return config_table("partners.csv")


@cache
def actors() -> pl.DataFrame:
    """The groups of actors by name, above all rules: actor, actor_group."""
    return config_table("actors.csv")


@cache
def actor_rules() -> pl.DataFrame:
    """Groups of actors by name and UCDP's own type; of the lines that fit a name the first counts.

    rule_number, name_pattern (RE2; empty: any name), fought_state ("true": stood against a
    government in state-based violence), actor_group, reason.
    """
    return config_table("actor_rules.csv").with_row_index("rule_number")


@cache
def coverage() -> pl.DataFrame:
    """For which of the area's countries and days registers are kept; elsewhere they are silent.

    source, series (of the source; empty: all), country_code, kept_from, kept_until (days), reason.
    """
    periods = config_table("registers/coverage.csv").with_columns(
        pl.col("series").fill_null(""), pl.col("kept_from", "kept_until").str.to_date()
    )
    return periods.filter(pl.col("country_code").is_in(area().countries))


@cache
def known_countries(codes: tuple[str, ...] | None = None) -> pl.DataFrame:
    """Countries: iso3, names in English and French, Gleditsch-Ward number, other spellings, box.

    UCDP counts events of a territory under the number of its state. ``west`` to ``north`` is the
    box around its polygons, in degrees; ``west`` is the larger where the box goes beyond 180
    degrees. Where ``countries.csv`` says nothing of them, names are those of Unicode's CLDR and
    the box is that of the world's units.

    Args:
        codes: Those asked for; None: every country there is.
    """
    facts = config_table("countries.csv").with_columns(pl.col(SIDES).cast(float))
    number = dict(facts.select("country_code", "gw_number").iter_rows())
    state = pl.coalesce("territory_of", "country_code")
    of_codes = facts if codes is None else facts.filter(pl.col("country_code").is_in(codes))
    nameless = of_codes.filter(pl.col("country_name").is_null())["country_code"].to_list()
    without_box = of_codes.filter(pl.col("west").is_null())["country_code"].to_list()
    names = _cldr_names(nameless)
    boxes = enclosing_boxes(
        pl.read_parquet(WORLD, columns=["country_code", *SIDES]).filter(
            pl.col("country_code").is_in(without_box)
        ),
        "country_code",
    )
    return (
        of_codes.join(names, on="country_code", how="left", maintain_order="left", suffix="_cldr")
        .join(boxes, on="country_code", how="left", maintain_order="left", suffix="_world")
        .select(
            "country_code",
            pl.coalesce("country_name", "country_name_cldr"),
            pl.coalesce("country_name_fr", "country_name_fr_cldr"),
            state.replace_strict(number, return_dtype=pl.String).cast(int).alias("gw_number"),
            "name_variants",
            *(pl.coalesce(side, f"{side}_world") for side in SIDES),
            is_territory=pl.col("territory_of").is_not_null(),
        )
    )


@cache
def reports_read() -> pl.DataFrame:
    """Reports that editors of the registers have read: report_id, read_on, read_by, found."""
    return config_table("registers/reports_read.csv").with_columns(
        pl.col("read_on").cast(pl.String).str.to_date()
    )


@cache
def countries() -> pl.DataFrame:
    """The area's countries, as ``known_countries``."""
    return known_countries(area().countries)


def _cldr_names(codes: list[str]) -> pl.DataFrame:
    """English and French names of countries by Unicode's CLDR."""
    schema = ("country_code", "country_name", "country_name_fr")
    if not codes:
        return pl.DataFrame(schema=dict.fromkeys(schema, pl.String))
    from babel import Locale
    from babel.core import get_global

    alpha2 = {code: two[0] for code, two in get_global("territory_aliases").items()} | {"XKX": "XK"}
    names = {
        column: [Locale(language).territories[alpha2[code]] for code in codes]
        for column, language in (("country_name", "en"), ("country_name_fr", "fr"))
    }
    plain = pl.col("country_name", "country_name_fr").str.replace(" & ", " and ", literal=True)
    plain = plain.str.replace_all("’", "'", literal=True).str.replace(r"^St\. ", "Saint ")
    return pl.DataFrame({"country_code": codes, **names}).with_columns(plain)


def enclosing_boxes(units: pl.DataFrame, of: str) -> pl.DataFrame:
    """The box around boxes, of each value of the column ``of``, to a tenth of a degree outward.

    It spans the antimeridian where that makes it smaller: ``west`` is then larger than ``east``.

    Example:
        >>> fiji = {"code": ["FJI"] * 2, "west": [177.2, -180.0], "east": [180.0, -178.5]}
        >>> islands = pl.DataFrame({**fiji, "south": [-18.0, -19.0], "north": [-16.0, -17.0]})
        >>> enclosing_boxes(islands, "code").row(0)
        ('FJI', 177.2, -178.5, -19.0, -16.0)
    """
    is_beyond = pl.col("west") > pl.col("east")
    east = pl.col("east") + 360 * is_beyond.cast(pl.Int8)
    shift = 360 * (east < 0).cast(pl.Int8)
    box = units.group_by(of, maintain_order=True).agg(
        pl.when(is_beyond.any()).then(-180).otherwise(pl.col("west").min()).alias("west"),
        pl.when(is_beyond.any()).then(180).otherwise(pl.col("east").max()).alias("east"),
        pl.col("south").min(),
        pl.col("north").max(),
        from_east=(pl.col("west") + shift).min(),
        to_west=(east + shift).max(),
    )
    width, width_beyond = (pl.col(e) - pl.col(w) for w, e in (SIDES[:2], ("from_east", "to_west")))
    is_smaller = width_beyond < width - 1  # not by rounding
    return box.select(
        of,
        west=_tenth(pl.when(is_smaller).then("from_east").otherwise("west"), pl.Expr.floor),
        east=_tenth(
            pl.when(is_smaller).then(pl.col("to_west") - 360).otherwise("east"), pl.Expr.ceil
        ),
        south=_tenth(pl.col("south"), pl.Expr.floor),
        north=_tenth(pl.col("north"), pl.Expr.ceil),
    )


def _tenth(degrees: pl.Expr, whole: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    return (whole((degrees * 10).round(6)) / 10).round(1)


@cache
def ucdp_revisions() -> pl.DataFrame:
    """What became of UCDP's events from a release to a later one, counted once on real releases.

    UCDP (CC BY 4.0; ``tests/ucdp_revisions.py`` counts them). link, period_start, country_code
    (several joined by ``;``: their sum alone is known), code_status_group (check: any flagged;
    all), counts as in the dictionary (null: not known), releases: which two.
    """
    table = config_table("ucdp_revisions.csv")
    counts = [name for name in table.columns if name.endswith("_count")]
    return table.with_columns(pl.col("period_start").str.to_date(), pl.col(counts).cast(pl.Int64))


@cache
def names_fr() -> dict[str, str]:
    """French names of actors and partners, by the name that sources use."""
    return dict(config_table("names_fr.csv").iter_rows())


def check_configuration() -> None:
    """Read every table of configuration, so that a wrong one stops a run before its work.

    Raises:
        ConfigurationError: A file of the user's own cannot be used.
    """
    thresholds()
    areas()
    for name in TABLES:
        config_table(name)
