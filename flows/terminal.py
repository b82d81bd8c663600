"""What commands share: settings when needed, styles, exit codes."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings, Smtp

STYLES = {"alarm": "bold red", "warning": "yellow", "watch": "cyan"}
DEGRADED = 3  # exit code: finished, but a source was not renewed or a mail waits


def load() -> "tuple[Settings, Smtp]":
    """Settings from the environment, imported with what a command needs: --help needs nothing."""
    from config import settings

    loaded = settings.load()
    known_sources(loaded[0])
    return loaded


def known_sources(settings: "Settings") -> None:
    """See that the sources that the operator sets are there.

    Raises:
        SettingsError: One is not.
    """
    if not settings.sources:
        return
    from config.settings import SettingsError
    from warehouse.sources import SOURCES

    names = [source.name for source in SOURCES]
    if unknown := sorted(settings.sources.keys() - set(names)):
        raise SettingsError(
            f"TOCSIN_SOURCES: {', '.join(unknown)} is no source; known are {', '.join(names)}"
        )


def now() -> datetime:
    """This instant in UTC, as the warehouse keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)
