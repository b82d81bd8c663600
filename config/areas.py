"""Areas: the countries Tocsin watches, and how they are shown."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from config.files import write_atomically
from config.overlay import ConfigurationError, layers, read_toml, set_in_environment
from config.tables import config_table

NAME = "areas.toml"
VARIABLE = "TOCSIN_AREA"
DEFAULT = "waemu"
LANGUAGES = ("fr", "en")
ALL = "all"
MARK = "area.json"  # in the data folder: whose figures it holds
FIGURES = ("warehouse.duckdb", "landing")  # without them a mark says nothing


@dataclass(frozen=True)
class Area:
    """An area.

    Attributes:
        name: As ``TOCSIN_AREA`` says it.
        title_en: Its name for readers of English.
        title_fr: And of French.
        countries: ISO 3166 alpha-3, sorted; the territories of its states are in it.
        languages: Of the page, the first is shown first.
        projection: Of the map on the page, as Vega-Lite writes it.
        time_zone: Of the schedule, and of readers who name none.
        boundaries: File with regions of the user's own; None: ours.
    """

    name: str
    title_en: str
    title_fr: str
    countries: tuple[str, ...]
    languages: tuple[str, ...] = LANGUAGES
    projection: Mapping[str, Any] = field(default_factory=lambda: {"type": "mercator"})
    time_zone: str = "UTC"
    boundaries: Path | None = None

    def title(self, language: str) -> str:
        """Its name for readers of a language."""
        return self.title_fr if language == "fr" else self.title_en


FIELDS = tuple(name for name in Area.__dataclass_fields__ if name != "name")


@cache
def area() -> Area:
    """The area in force.

    Raises:
        ConfigurationError: ``TOCSIN_AREA`` names none, or the file of areas is wrong.
    """
    name, by_name = set_in_environment(VARIABLE) or DEFAULT, areas()
    if name not in by_name:
        meant = get_close_matches(name, by_name, n=1)
        nearest = f" (nearest: {meant[0]})" if meant else ""
        raise ConfigurationError(
            f"{VARIABLE}={name}: no such area{nearest}; known are {', '.join(by_name)}; 'tocsin "
            "area make' makes another"
        )
    return by_name[name]


@cache
def areas() -> Mapping[str, Area]:
    """Every area by name: ours, and those of the user's own file above them.

    Raises:
        ConfigurationError: A file cannot be read or an entry is wrong: file, area, field, cure.
    """
    return {name: area for path in layers(NAME) for name, area in read_areas(path).items()}


def check_folder(folder: Path) -> None:
    """See that a data folder holds the figures of the area in force, or none.

    Raises:
        ConfigurationError: It holds another area's, or this one's with other regions.
    """
    mark = folder / MARK
    if not any((folder / name).exists() for name in FIGURES):
        return
    now = _mark(area())
    # Without a mark it is of a Tocsin before there were areas.
    area_of_folder = (
        json.loads(mark.read_text("utf-8")) if mark.exists() else _mark(areas()[DEFAULT])
    )
    if area_of_folder == now:
        return
    was = str(area_of_folder["area"])
    if was != now["area"]:
        raise ConfigurationError(
            f"{folder} holds the area {was}, and {VARIABLE} is {now['area']}: figures of two areas "
            f"are never mixed; give each a folder of its own (TOCSIN_DATA_FOLDER="
            f"{folder}_{now['area']}), or set {VARIABLE}={was}"
        )
    differing = sorted({*area_of_folder["countries"]} ^ {*now["countries"]})
    what = f"countries ({', '.join(differing)})" if differing else "boundaries"
    raise ConfigurationError(
        f"{folder} holds the area {was} with other {what} than it has now, so its figures would be "
        "of both; give the new one a folder of its own (TOCSIN_DATA_FOLDER), or undo the change in "
        f"{NAME}"
    )


def mark_folder(folder: Path) -> None:
    """Say whose figures a data folder holds, before the first of them is written.

    Raises:
        ConfigurationError: As ``check_folder``.
    """
    check_folder(folder)
    text = json.dumps(_mark(area()), indent=1) + "\n"
    if not (folder / MARK).exists() or (folder / MARK).read_text("utf-8") != text:
        write_atomically(folder / MARK, text)


def _mark(which: Area) -> dict[str, Any]:
    boundaries_sha256 = (
        which.boundaries and hashlib.sha256(which.boundaries.read_bytes()).hexdigest()
    )
    return {"area": which.name, "countries": list(which.countries), "boundaries": boundaries_sha256}


def read_areas(path: Path) -> dict[str, Area]:
    """The areas of one file.

    Raises:
        ConfigurationError: As ``areas``.
    """
    return {name: _area(name, entry, path) for name, entry in read_toml(path, NAME).items()}


def with_territories(states: set[str]) -> tuple[str, ...]:
    """Countries with the territories whose events are counted under their number, sorted."""
    facts = config_table("countries.csv").select("country_code", "territory_of")
    return tuple(sorted(states | {code for code, state in facts.iter_rows() if state in states}))


def _area(name: str, entry: Any, path: Path) -> Area:
    where = f"{path}: [{name}]"
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: must be a table; see config/{NAME}")
    if unknown := entry.keys() - set(FIELDS):
        raise ConfigurationError(
            f"{where}: unknown field {', '.join(sorted(unknown))}; known are {', '.join(FIELDS)}"
        )
    known_codes = config_table("countries.csv")["country_code"].to_list()
    listed = entry.get("countries")
    codes = known_codes if listed == ALL else listed
    if not isinstance(codes, list) or not codes or set(map(str, codes)) - set(known_codes):
        wrong = (
            [code for code in codes if code not in known_codes]
            if isinstance(codes, list)
            else codes
        )
        raise ConfigurationError(
            f'{where}: countries {wrong!r} must be "{ALL}" or a list out of config/countries.csv; '
            "write the codes of ISO 3166 alpha-3"
        )
    facts = dict(config_table("countries.csv").select("country_code", "territory_of").iter_rows())
    for code in codes:
        if facts[code] and facts[code] not in codes:
            raise ConfigurationError(
                f"{where}: countries {code}: UCDP counts its events under {facts[code]}; add "
                f"{facts[code]}, which brings {code} with it"
            )
    languages = entry.get("languages", list(LANGUAGES))
    if not isinstance(languages, list) or not languages or set(languages) - set(LANGUAGES):
        raise ConfigurationError(
            f"{where}: languages {languages!r} must be a list out of {', '.join(LANGUAGES)}; "
            "write the first to be shown first"
        )
    zone = entry.get("time_zone", "UTC")
    if zone not in available_timezones():
        raise ConfigurationError(
            f"{where}: time_zone {zone!r} is no IANA time zone; write one such as Africa/Bamako"
        )
    projection = entry.get("projection", {"type": "mercator"})
    if not isinstance(projection, dict) or "type" not in projection:
        raise ConfigurationError(
            f"{where}: projection {projection!r} must be a table with its type; write one such as "
            '{ type = "mercator" }'
        )
    boundaries = entry.get("boundaries")
    if boundaries is not None and not (path.parent / str(boundaries)).is_file():
        raise ConfigurationError(
            f"{where}: boundaries {boundaries}: there is no such file beside it; make it with "
            "'tocsin area make --boundaries'"
        )
    title = str(entry.get("title_en", name))
    return Area(
        name=name,
        title_en=title,
        title_fr=str(entry.get("title_fr", title)),
        countries=with_territories(set(codes)),
        languages=tuple(languages),
        projection=projection,
        time_zone=zone,
        boundaries=path.parent / boundaries if boundaries else None,
    )
