"""Writes an area of the user's own into ``areas.toml``."""

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from config.areas import LANGUAGES, NAME, Area, areas, read_areas, with_territories
from config.files import write_atomically
from config.overlay import VARIABLE, ConfigurationError, own_folder
from config.registry import SIDES, enclosing_boxes, known_countries


def write_area(
    name: str,
    codes: list[str],
    title: str,
    languages: list[str],
    regions: pl.DataFrame | None = None,
) -> tuple[Path, Area]:
    """Append an area to the user's own ``areas.toml``; the file, and the area as it is read.

    Args:
        name: Its name.
        codes: ISO 3166 alpha-3 of its countries.
        title: What readers call it; empty: its name.
        languages: Of the page, the first first.
        regions: Regions of the user's own (``warehouse.boundaries``), put beside it; None: ours.

    Raises:
        ConfigurationError: There is no folder for it, the name is taken, or a country or
            language is none; nothing is written.
    """
    folder = own_folder()
    if folder is None:
        raise ConfigurationError(
            f"{VARIABLE} is not set; make a folder outside Tocsin's and set it to that"
        )
    path = folder / NAME
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ConfigurationError(f"{name!r} is no name of an area; write small letters, digits, _")
    if name in areas():
        raise ConfigurationError(
            f"there is an area {name} already (in {NAME}); take another name, or change it there"
        )
    known_codes = known_countries()["country_code"].to_list()
    if not codes or (unknown := sorted({*codes} - {*known_codes})):
        wrong = ", ".join(unknown) if codes else "none given"
        raise ConfigurationError(
            f"--countries: {wrong}; write codes of ISO 3166 alpha-3 out of config/countries.csv, "
            "such as NGA,TCD"
        )
    if not languages or {*languages} - {*LANGUAGES}:
        raise ConfigurationError(
            f"--languages {','.join(languages)} must be out of {', '.join(LANGUAGES)}"
        )
    entry: dict[str, Any] = {
        "title_en": title or name,
        "title_fr": title or name,
        "countries": sorted(set(codes)),
        "languages": languages,
        "projection": {"type": "azimuthalEqualArea", "rotate": _rotation(codes)},
        "time_zone": _time_zone(codes[0]),
    }
    if regions is not None:
        elsewhere = regions.filter(~pl.col("country_code").is_in(codes))
        if elsewhere.height:
            raise ConfigurationError(
                f"{elsewhere.height} units lie in {', '.join(elsewhere['country_code'].unique())}, "
                f"such as {elsewhere['region_name'][0]}; add these to --countries, or drop them"
            )
        if lacking := sorted({*codes} - {*regions["country_code"]}):
            raise ConfigurationError(
                f"no unit lies in {', '.join(lacking)}; drop it from --countries, or give its units"
            )
        entry["boundaries"] = f"boundaries/{name}.parquet"
        packed = BytesIO()
        regions.write_parquet(packed)
        write_atomically(path.parent / entry["boundaries"], packed.getvalue())
    before = path.read_text("utf-8-sig") if path.exists() else ""
    lines = "\n".join(f"{field} = {_toml(value)}" for field, value in entry.items())
    write_atomically(path, f"{before}{chr(10) if before else ''}[{name}]\n{lines}\n")
    return path, read_areas(path)[name]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{field} = {_toml(part)}" for field, part in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _rotation(codes: list[str]) -> list[int]:
    """What turns the middle of the countries to the middle of the map."""
    box = enclosing_boxes(
        known_countries(with_territories(set(codes))).select(*SIDES, of=pl.lit("all")), "of"
    ).row(0, named=True)
    east = box["east"] + (360 if box["west"] > box["east"] else 0)
    return [-round((box["west"] + east) / 2), -round((box["south"] + box["north"]) / 2)]


def _time_zone(code: str) -> str:
    """The time zone of a country that has one alone; else UTC."""
    from babel.core import get_global

    alpha2 = {three: two[0] for three, two in get_global("territory_aliases").items()}.get(code)
    zones = [zone for zone, two in get_global("zone_territories").items() if two == alpha2]
    return zones[0] if len(zones) == 1 else "UTC"
