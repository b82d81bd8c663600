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

    return settings.load()


def now() -> datetime:
    """This instant in UTC, as the warehouse keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)
