"""Countries that touch, and boundaries of the user's own."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path

import duckdb
import polars as pl

from config.overlay import ConfigurationError
from config.registry import WORLD
from warehouse.connect import load_spatial
from warehouse.query import run_sql

SHOWN = 5  # faults told at once
MISENCODED = r"\x{FFFD}|[ÃÂ][\x{80}-\x{BF}]"  # UTF-8 read as another encoding, or the reverse
LATIN = str.maketrans({"ə": "e", "Ə": "e", "đ": "d", "Đ": "d", "ø": "o", "Ø": "o", "ł": "l",
                       "Ł": "l", "ß": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "ħ": "h", "Ħ": "h",
                       "ı": "i", "þ": "th", "Þ": "th", "ð": "d", "ŧ": "t"})  # fmt: skip


def slug(name: str) -> str:
    """A name in small Latin letters, digits and ``_``, as ids of regions are written.

    Example:
        >>> slug("Kədəbəy"), slug("Dún Laoghaire–Rathdown")
        ('kedebey', 'dun_laoghaire_rathdown')
    """
    bare = unicodedata.normalize("NFKD", name.translate(LATIN))
    bare = "".join(sign for sign in bare if not unicodedata.combining(sign))
    return re.sub(r"[^a-z0-9]+", "_", bare.lower()).strip("_")


def bordering(codes: Collection[str]) -> list[str]:
    """Countries with a land border to one of these, none of them among them.

    Example:
        >>> bordering(["MLI"])
        ['BFA', 'CIV', 'DZA', 'GIN', 'MRT', 'NER', 'SEN']
    """
    with duckdb.connect() as con:
        load_spatial(con)
        con.register("world_units", pl.read_parquet(WORLD))
        rows = run_sql(con, "boundaries/bordering", codes=sorted(codes)).fetchall()
    return [code for (code,) in rows]


def read_boundaries(file: Path, id_column: str, name_column: str) -> pl.DataFrame:
    """Regions of a user's file (GeoJSON, GeoPackage, Shapefile), each with the country it is in.

    Args:
        file: Polygons in degrees (WGS 84).
        id_column: Column that identifies a unit.
        name_column: Column that names it.

    Returns:
        Columns as ``config/embedded/world_admin1.parquet``; an id is the country and the unit's.

    Raises:
        ConfigurationError: The file cannot be read, or a unit cannot be a region: file, unit,
            what is wrong, and the cure.
    """
    with duckdb.connect() as con:
        load_spatial(con)
        words = _columns(con, file, id_column, name_column)
        con.execute(
            "create table unit (number bigint, unit_id text, unit_name text, boundary geometry)"
        )
        run_sql(con, "boundaries/unit", words, file=str(file))
        units = run_sql(con, "boundaries/unit_shape").pl()
        _refuse(file, _faults(units, id_column, name_column))
        overlaps = run_sql(con, "boundaries/overlap").fetchall()
        _refuse(
            file,
            (
                f"units {first} and {second} overlap by {share:.0%} of the smaller; an event there "
                "would be in two: mend the lines, or drop one of the units"
                for first, second, share in overlaps
            ),
        )
        holes = run_sql(con, "boundaries/hole").fetchall()
        _refuse(
            file,
            (
                f"a hole of {share:.1%} of the whole at {longitude:.2f}, {latitude:.2f} is in no "
                "unit; an event there would be in none: add the unit, or join it to a neighbour "
                "(a lake too)"
                for share, longitude, latitude in holes
            ),
        )
        con.register("world_units", pl.read_parquet(WORLD))
        regions = run_sql(con, "boundaries/region").pl()
    at_sea = regions.filter(pl.col("country_code").is_null())["unit_id"].to_list()
    _refuse(
        file, (f"unit {unit}: lies near no country; look at its coordinates" for unit in at_sea)
    )
    regions = regions.with_columns(
        region_id=pl.concat_str(
            "country_code",
            pl.col("unit_id").map_elements(slug, return_dtype=pl.String),
            separator=".",
        ),
        boundary_source=pl.lit(file.name),
    )
    doubled = regions.filter(pl.col("region_id").is_duplicated())["unit_id"].to_list()
    if doubled:
        raise ConfigurationError(
            f"{file}: column {id_column}: {', '.join(doubled[:SHOWN])} are the same in small Latin "
            "letters and digits, as ids are written; give ids that differ in these"
        )
    return regions.drop("unit_id").sort("region_id")


def _columns(
    con: duckdb.DuckDBPyConnection, file: Path, id_column: str, name_column: str
) -> dict[str, str]:
    """The file's own columns, quoted for ``boundaries/unit.sql``."""
    params = {"file": str(file)}
    try:  # first, since st_read_meta ends the process where there is nothing to read
        described = con.execute("describe select * from st_read($file)", params).fetchall()
    except duckdb.Error as error:
        raise ConfigurationError(
            f"{file}: cannot be read as boundaries ({str(error).splitlines()[0]}); give a GeoJSON, "
            "a GeoPackage, or the .shp of a Shapefile with its .shx, .dbf and .prj beside it"
        ) from None
    (layers,) = con.execute("select layers from st_read_meta($file)", params).fetchone() or ([],)
    if len(layers) != 1:
        raise ConfigurationError(
            f"{file}: holds {len(layers)} layers; give a file with one: ogr2ogr one.gpkg "
            f"{file.name} LAYER"
        )
    fields = [field["name"] for field in layers[0]["fields"]]
    for option, column in (("--id", id_column), ("--name", name_column)):
        if column not in fields:
            raise ConfigurationError(
                f"{file}: {option} {column}: there is no such column; there are {', '.join(fields)}"
            )
    (geometry, *_) = layers[0]["geometry_fields"] or [None]
    if geometry is None:
        raise ConfigurationError(f"{file}: holds no geometry; give polygons")
    crs = geometry["crs"] or {}
    if crs.get("proj4") and not (
        crs["proj4"].startswith("+proj=longlat")
        and ("WGS84" in crs["proj4"] or "GRS80" in crs["proj4"])
    ):
        raise ConfigurationError(
            f"{file}: is in {crs.get('name') or crs['proj4']}, not in degrees (WGS 84): ogr2ogr "
            f"-t_srs EPSG:4326 degrees.gpkg {file.name}"
        )
    quoted_names = [
        f'"{column.replace(chr(34), chr(34) * 2)}"' for column in (id_column, name_column)
    ]
    shape = next(name for name, kind, *_ in described if kind.startswith("GEOMETRY"))
    return {"id": quoted_names[0], "name": quoted_names[1], "geometry": f'"{shape}"'}


def _faults(units: pl.DataFrame, id_column: str, name_column: str) -> Iterable[str]:
    """What is wrong with units one by one, in words with the cure."""
    is_on_globe = (
        pl.col("west").is_between(-180.001, 180.001) & pl.col("east").is_between(-180.001, 180.001)
        & pl.col("south").is_between(-90.001, 90.001) & pl.col("north").is_between(-90.001, 90.001)
    )  # fmt: skip
    rules = (
        (
            pl.col("unit_id") == "",
            f"column {id_column} is empty; every unit needs an id of its own",
        ),
        (
            (pl.col("unit_id") != "") & pl.col("unit_id").is_duplicated(),
            f"another unit has the same {id_column}; give each its own, or join their polygons",
        ),
        (pl.col("unit_name") == "", f"column {name_column} is empty; readers need a name"),
        (
            pl.col("unit_name").str.contains(MISENCODED),
            "the name is not in the encoding that the file says; save it as UTF-8 (of a "
            "Shapefile: a .cpg file beside it that says UTF-8)",
        ),
        (pl.col("kind").is_null(), "has no polygon; draw it, or drop the row"),
        (
            pl.col("kind").is_not_null() & ~pl.col("kind").is_in(["POLYGON", "MULTIPOLYGON"]),
            "is no polygon; give areas, no lines or points",
        ),
        (
            ~is_on_globe,
            "lies outside the degrees of the globe, so the projection is another: ogr2ogr -t_srs "
            "EPSG:4326 (with -s_srs if the file does not say its own)",
        ),
        (
            ~pl.col("is_valid"),
            "its line crosses or touches itself; mend it: ogr2ogr -makevalid mended.gpkg FILE",
        ),
    )
    for condition, text in rules:
        for row in units.filter(condition.fill_null(False)).iter_rows(named=True):
            called = row["unit_id"] or row["unit_name"]
            yield f"unit {row['number']}{f' ({called})' if called else ''}: {text}"


def _refuse(file: Path, faults: Iterable[str]) -> None:
    """Raise what is wrong, the first few in full."""
    all_faults = list(faults)
    if not all_faults:
        return
    lines = [f"{file}: {fault}" for fault in all_faults[:SHOWN]]
    if len(all_faults) > SHOWN:
        lines.append(f"{file}: {len(all_faults) - SHOWN} more faults")
    raise ConfigurationError("\n".join(lines))
