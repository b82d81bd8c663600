"""Who gets the digest."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.registry import countries
from config.settings import SettingsError

LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class Recipient:
    """One reader: address, language, and the countries asked for (empty: all)."""

    address: str
    language: str
    countries: tuple[str, ...]


def load_recipients(path: Path) -> list[Recipient]:
    """The readers listed in a TOML file of ``[[recipient]]`` tables.

    Raises:
        SettingsError: The file cannot be read, or an entry is wrong; the
            message names file, entry, field and what is allowed.
    """
    try:
        entries: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8")).get("recipient", [])
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}: {error}; mend the file or set TOCSIN_RECIPIENTS_FILE"
        ) from None
    return [
        _recipient(entry, f"{path}: recipient {number}") for number, entry in enumerate(entries, 1)
    ]


def _recipient(entry: dict[str, Any], where: str) -> Recipient:
    address, language = entry.get("address", ""), entry.get("language", "")
    wanted = entry.get("countries", [])
    known = countries()["country_code"].to_list()
    if unknown := entry.keys() - {"address", "language", "countries"}:
        raise SettingsError(f"{where}: unknown field {', '.join(sorted(unknown))}; remove it")
    local, at, domain = str(address).partition("@")
    if not (local and at and domain) or any(c.isspace() or ord(c) < 32 for c in str(address)):
        raise SettingsError(f"{where}: address {address!r} is no e-mail address; write name@host")
    if language not in LANGUAGES:
        raise SettingsError(f"{where}: language {language!r} is not one of {', '.join(LANGUAGES)}")
    if not isinstance(wanted, list) or not set(wanted) <= set(known):
        raise SettingsError(
            f"{where}: countries {wanted!r} must be a list out of {', '.join(known)}"
        )
    return Recipient(address, language, tuple(wanted))
