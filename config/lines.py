"""A reader's own line: places, a quantity, a number, a time, and the chance at which to be told."""

import hashlib
import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from config.registry import countries, regions
from config.settings import SettingsError
from config.vocabulary import QUANTITIES

MOST_WINDOWS = 6
LONGEST_NAME = 80
WIDEST_KM = 2_000
NEAREST = 3  # names told where one is not known


@dataclass(frozen=True)
class Line:
    """Tell me when the chance of at least so many events, or deaths, there by then passes this.

    Places are countries and regions, whose sum counts, or a circle.

    Attributes:
        quantity: events, deaths or deaths_civilians.
        at_least: Number that is to be reached.
        windows: Blocks of thirty days after the night in which it is.
        chance: From which on the line is passed, above 0 and below 1.
        countries: ISO 3166 alpha-3: their regions, and events known to the country only.
        regions: Region ids.
        latitude: Of the circle's centre, degrees north.
        longitude: Degrees east.
        within_km: Its radius.
        name: In the reader's words; empty: it is called by its places.
    """

    quantity: str
    at_least: int
    windows: int
    chance: float
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    within_km: float | None = None
    name: str = ""

    @property
    def circle(self) -> tuple[float, float, float] | None:
        """Latitude, longitude and radius in km; None: the places are regions and countries."""
        if self.latitude is None or self.longitude is None or self.within_km is None:
            return None
        return self.latitude, self.longitude, self.within_km

    @property
    def line_id(self) -> str:
        """Twelve signs that follow from what the line says, not from its name or reader.

        Example:
            >>> one = Line("events", 10, 3, 0.4, regions=("MLI.gao", "MLI.menaka"), name="North")
            >>> other = Line("events", 10, 3, 0.4, regions=("MLI.menaka", "MLI.gao"))
            >>> one.line_id == other.line_id, len(one.line_id)
            (True, 12)
        """
        places = (sorted(self.countries), sorted(self.regions), self.circle)
        definition = f"{self.quantity}|{self.at_least}|{self.windows}|{self.chance!r}|{places}"
        return hashlib.sha256(definition.encode()).hexdigest()[:12]


FIELDS = tuple(field.name for field in fields(Line))


def line_of(entry: Mapping[str, Any], where: str) -> Line:
    """The line that an entry of a file, or options of a command, ask for.

    Args:
        entry: By the names of ``Line``.
        where: What an error begins with: file, recipient, line.

    Raises:
        SettingsError: It cannot be meant; where, field and what to write.

    Example:
        >>> line_of({"regions": ["MLI.goa"], "at_least": 3, "windows": 1, "chance": 0.5}, "line 1")
        Traceback (most recent call last):
        config.settings.SettingsError: line 1: regions 'MLI.goa' is no region; nearest: MLI.gao \
(Gao)...
    """
    for name in entry.keys() - set(FIELDS):
        meant = get_close_matches(name, FIELDS, n=1)
        cure = f"nearest: {meant[0]}" if meant else f"known are {', '.join(FIELDS)}"
        raise SettingsError(f"{where}: unknown field {name}; {cure}")
    quantity = entry.get("quantity", QUANTITIES[0])
    if quantity not in QUANTITIES:
        raise SettingsError(f"{where}: quantity {quantity!r} is not one of {', '.join(QUANTITIES)}")
    line = Line(
        quantity,
        _whole(entry, "at_least", None, where),
        _whole(entry, "windows", MOST_WINDOWS, where),
        _chance(entry.get("chance"), where),
        _countries(entry.get("countries", []), where),
        _regions(entry.get("regions", []), where),
        name=_name(entry.get("name", ""), where),
        **_circle(entry, where),
    )
    if bool(line.countries or line.regions) == bool(line.circle):
        raise SettingsError(
            f"{where}: name places: either regions and countries, or a circle by latitude, "
            "longitude and within_km"
        )
    if twice := sorted(place for place in line.regions if place[:3] in line.countries):
        raise SettingsError(
            f"{where}: regions {', '.join(twice)} would count twice; their country is named, too"
        )
    return line


def _whole(entry: Mapping[str, Any], name: str, most: int | None, where: str) -> int:
    value = entry.get(name)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < 1 or (most is not None and value > most):  # type: ignore[operator]
        bounds = f"from 1 to {most}" if most else "of 1 or more"
        of = " (of thirty days each)" if most else ""
        raise SettingsError(f"{where}: {name} {value!r} must be a whole number {bounds}{of}")
    return int(value)  # type: ignore[arg-type]


def _chance(value: Any, where: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value < 1:
        raise SettingsError(
            f"{where}: chance {value!r} must be a share above 0 and below 1, such as 0.4 for 40%"
        )
    return float(value)


def _texts(values: Any, name: str, where: str) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise SettingsError(f"{where}: {name} {values!r} must be a list of ids")
    return tuple(dict.fromkeys(values))


def _countries(values: Any, where: str) -> tuple[str, ...]:
    names = dict(countries().select("country_code", "country_name").iter_rows())
    for code in (codes := _texts(values, "countries", where)):
        if code not in names:
            raise SettingsError(
                f"{where}: countries {code!r} is no country that is watched; "
                f"{_nearest(code, names)}"
            )
    return codes


def _regions(values: Any, where: str) -> tuple[str, ...]:
    names = dict(regions().select("region_id", "region_name").iter_rows())
    for region in (region_ids := _texts(values, "regions", where)):
        if region not in names:
            raise SettingsError(
                f"{where}: regions {region!r} is no region; {_nearest(region, names)}; "
                "tocsin regions match finds an id"
            )
    return region_ids


def _nearest(word: str, names: Mapping[str, str]) -> str:
    """Ids that are written nearly so, or whose name is."""
    by_letters: dict[str, list[str]] = {}
    for place, name in names.items():
        for text in (place, name, place.partition(".")[2]):
            by_letters.setdefault(_letters(text), []).append(place)
    meant: Iterable[str] = get_close_matches(_letters(word), by_letters, NEAREST, 0.5)
    places = list(dict.fromkeys(place for text in meant for place in by_letters[text]))[:NEAREST]
    if not places:
        return f"one is {min(names)} ({names[min(names)]})"
    return f"nearest: {', '.join(f'{place} ({names[place]})' for place in places)}"


def _letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _circle(entry: Mapping[str, Any], where: str) -> dict[str, float]:
    bounds = {"latitude": (-90, 90), "longitude": (-180, 180), "within_km": (1, WIDEST_KM)}
    bounds_given = [name for name in bounds if entry.get(name) is not None]
    if not bounds_given:
        return {}
    for name, (low, high) in bounds.items():
        value = entry.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type,operator]
            raise SettingsError(
                f"{where}: {name} {value!r} must be a number from {low} to {high}; a circle has "
                "latitude and longitude (degrees) and within_km"
            )
    return {name: float(entry[name]) for name in bounds}


def _name(value: Any, where: str) -> str:
    is_text = isinstance(value, str) and len(value) <= LONGEST_NAME and "@" not in value
    if not is_text or any(unicodedata.category(sign)[0] == "C" for sign in value):
        raise SettingsError(
            f"{where}: name {value!r} must be at most {LONGEST_NAME} signs in one line, without "
            "an address: it stands in the published file"
        )
    return str(value).strip()
