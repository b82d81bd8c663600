"""The tuned numbers: ours, and above them what the user's own file says, each in its bounds."""

from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from config.areas import DEFAULT, area
from config.overlay import HERE, ConfigurationError, layers, read_toml
from config.vocabulary import LEVELS

NAME = "thresholds.toml"
# Past flags were counted under these: others make the count another's.
COUNTED_UNDER = ("levels", "escalation", "models", "spread")


def tuned(own: Path | None = None) -> Mapping[str, Mapping[str, Any]]:
    """The numbers in force: ours, but for those that the user's own file says.

    ``followed`` is missing in another area than the one past flags were counted in, or where that
    file changes what they rest on, unless it counts them itself.

    Args:
        own: A file in place of the user's own, to look at before it is in force.

    Raises:
        ConfigurationError: The file cannot be read, or a number is unknown or out of bounds:
            file, line, name, value, cure.
    """
    files = layers(NAME) if own is None else (HERE / NAME, own)
    ours, *above = (read_toml(path, NAME) for path in files)
    if not above:
        return (
            ours if area().name == DEFAULT else {k: v for k, v in ours.items() if k != "followed"}
        )
    path = files[-1]
    values = _merged(ours, above[0], path, ())
    levels = values["levels"]
    bounds = [levels[level] for level in LEVELS[1:]]
    if sorted(set(bounds)) != bounds:
        raise ConfigurationError(
            f"{path}: line {_line(path, ('levels',))}, levels: {bounds} must rise from "
            f"{LEVELS[1]} to {LEVELS[-1]}"
        )
    if "followed" not in above[0] and (
        area().name != DEFAULT or any(values[name] != ours[name] for name in COUNTED_UNDER)
    ):
        del values["followed"]
    return values


def own_thresholds() -> list[str]:
    """What the user's own file says otherwise than ours: "levels.watch 0.2 (ours 0.14)"."""
    return differences(tuned(), read_toml(HERE / NAME, NAME), "ours")


def differences(
    numbers: Mapping[str, Any], others: Mapping[str, Any], what_others_are: str
) -> list[str]:
    """Numbers that both tables have and that differ.

    Example:
        >>> differences({"levels": {"watch": 0.2}}, {"levels": {"watch": 0.14}}, "ours")
        ['levels.watch 0.2 (ours 0.14)']
    """
    one, other = dict(_numbers(numbers, ())), dict(_numbers(others, ()))
    return [
        f"{'.'.join(name)} {one[name]} ({what_others_are} {other[name]})"
        for name in other
        if name in one and one[name] != other[name]
    ]


def _numbers(table: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, (*above, name))
        else:
            yield (*above, name), value


def _merged(
    ours: Mapping[str, Any], own: Mapping[str, Any], path: Path, above: tuple[str, ...]
) -> dict[str, Any]:
    values = dict(ours)
    for name, value in own.items():
        names = (*above, name)
        where = f"{path}: line {_line(path, names)}, {'.'.join(names)}"
        if name not in ours:
            meant = get_close_matches(name, ours, n=1)
            nearest = f"nearest: {meant[0]}" if meant else f"known are {', '.join(ours)}"
            raise ConfigurationError(f"{where}: no such threshold; {nearest}")
        if isinstance(ours[name], dict) and isinstance(value, dict):
            values[name] = _merged(ours[name], value, path, names)
        elif cure := _bounds(ours[name], value):
            raise ConfigurationError(f"{where}: {value!r} must be {cure}")
        else:
            values[name] = type(ours[name])(value) if isinstance(value, int | float) else value
    return values


def _bounds(ours: Any, value: Any) -> str:
    """What a value must be and is not; empty: it is. A share of ours asks for a share."""
    if isinstance(ours, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(ours, date):
        return "" if type(value) is date else "a day, written 2021-06-03"
    if not isinstance(ours, int | float):
        return "a table, as in config/thresholds.toml"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(ours, int):
        return "" if is_number and value == int(value) >= 0 else "a whole number, 0 or above"
    if 0 < ours < 1:
        return "" if is_number and 0 < value <= 1 else "a share, above 0 and at most 1"
    return "" if is_number and 0 < value < float("inf") else "a number above 0"


def _line(path: Path, names: tuple[str, ...]) -> int:
    """The line of a file that sets a name, or, where it is written otherwise, that of its table."""
    line_number, table = 1, ""
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        head = line.split("#")[0].strip()
        if head.startswith("["):
            table = head.strip("[] ")
            if names[: table.count(".") + 1] == tuple(table.split(".")):
                line_number = number
        head_parts = tuple(part.strip() for part in head.split("=")[0].split("."))
        full = (*filter(None, table.split(".")), *head_parts)
        if "=" in head and full == names[: len(full)]:
            line_number = number
    return line_number
