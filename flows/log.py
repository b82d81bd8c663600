"""The log of what Tocsin did: ``tocsin.jsonl``, a JSON object a line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from config.files import set_aside

LOG_NAME = "tocsin.jsonl"
LOG_BYTES, LOGS_KEPT = 2_000_000, 3
LOGGER = logging.getLogger("tocsin")
LOGGER.propagate = False  # into the log alone, not onto the console


class _Log(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """No night fails, or fills a terminal, because its log cannot be written."""


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]
    """Warnings as lines of the terminal; what has a traceback is for the log alone."""

    def __init__(self) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)
        self.setFormatter(logging.Formatter("tocsin: %(message)s"))
        self.addFilter(lambda record: not record.exc_info)


def warnings_to_terminal() -> None:
    """Show what Tocsin sets aside or leaves out as a line on standard error."""
    if not any(isinstance(handler, _Lines) for handler in LOGGER.handlers):
        LOGGER.addHandler(_Lines())


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Log what Tocsin says into ``folder/tocsin.jsonl`` for a while, where it can be written."""
    from pythonjsonlogger.json import JsonFormatter

    path = folder / LOG_NAME
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        set_aside(path, "is no log")
    handler = _Log(path, "a", LOG_BYTES, LOGS_KEPT, "utf-8", delay=True)  # opened by its first line
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(message)s"))
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        with suppress(OSError):
            handler.close()


def log_unforeseen(error: BaseException, folder: Path) -> Path | None:
    """Leave the traceback of an error nobody foresaw in the log; where, None: it cannot be."""
    path = folder / LOG_NAME
    with logging_to(folder):
        LOGGER.error("an error nobody foresaw", exc_info=error)
    return path if path.is_file() else None
