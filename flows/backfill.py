"""Past nights told one by one, as their runs would have told them; no mail goes out."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import duckdb
import polars as pl

from config.errors import TocsinError
from config.recipients import load_recipients
from config.settings import Settings
from flows.lines import lines_of
from flows.step_cache import CACHE_FOLDER, NO_CACHE, StepCache
from flows.steps import judge_night, keep_night, night_figures, night_tables, night_vintage
from warehouse import marts
from warehouse.connect import one_run, open_existing
from warehouse.core import build_core
from warehouse.export import copy_as_parquet
from warehouse.history import catch_up
from warehouse.publish import publish
from warehouse.sources import SOURCES

NIGHTS_AT_WORKERS = 24  # what was known on each, some 10 MB, waits in memory for its turn


class BackfillError(TocsinError):
    """Nights cannot be told; the message says why."""


@dataclass(frozen=True)
class NightProgress:
    """A night of a backfill that is done: which, of how many, seconds it took, seconds left."""

    night: date
    number: int
    nights: int
    seconds: float
    seconds_left: float


def nights_between(first: date, last: date, every: str) -> list[date]:
    """Nights from ``first`` to ``last``, both included, every ``1d``, ``1w`` or ``1mo``.

    Example:
        >>> nights_between(date(2021, 1, 31), date(2021, 3, 31), "1mo")
        [datetime.date(2021, 1, 31), datetime.date(2021, 2, 28), datetime.date(2021, 3, 31)]
    """
    frame = pl.DataFrame({"n": range((last - first).days + 1)}, schema={"n": pl.Int64})
    night = pl.lit(first).dt.offset_by(pl.format(f"{{}}{every[1:]}", "n"))
    return frame.select(night=night).filter(pl.col("night") <= last)["night"].to_list()


def backfill(
    settings: Settings,
    nights: list[date],
    rebuild: bool,
    progress: Callable[[NightProgress], None],
    mapping: Callable[..., Iterable[Any]] = map,
) -> int:
    """Tell these nights from what has landed; how many were told.

    Nights told before are left as they are, so that a backfill that was cut short goes on
    where it stopped. In the end the newest night is published with its past.

    Args:
        settings: Where data lie.
        nights: Rising.
        rebuild: Whether nights told before are told again, with today's code and figures.
        progress: Called after each night.
        mapping: Applies a function to nights: ``map``, or ``cluster.worker_map``'s.

    Raises:
        BackfillError: No night was run yet, so that nothing landed.
        GateError: A night's tables break a critical check; those before it are kept.
    """
    what = f"tocsin backfill, {nights[0]} to {nights[-1]}" if nights else "tocsin backfill"
    with one_run(settings.data_folder, what), open_existing(settings.warehouse_path) as con:
        for source in SOURCES:
            catch_up(con, source, settings.landing_folder)
        landed_checks = _landed(con)
        nights_on_file = [] if rebuild else marts.nights(con)
        missing = [night for night in nights if night not in nights_on_file]
        start = time.perf_counter()
        for number, (night, seconds) in enumerate(
            _rebuild_nights(con, missing, landed_checks, settings, mapping), 1
        ):
            mean = (time.perf_counter() - start) / number
            progress(
                NightProgress(night, number, len(missing), seconds, mean * (len(missing) - number))
            )
        if missing:
            newest = marts.newest_night(con) or missing[-1]
            build_core(con, newest)
            publish(con, settings.published_path, newest, settings.published_copies)
            copy_as_parquet(settings.published_path, settings.parquet_folder)
    return len(missing)


def _rebuild_nights(
    con: duckdb.DuckDBPyConnection,
    nights: list[date],
    landed_checks: pl.DataFrame,
    settings: Settings,
    mapping: Callable[..., Iterable[Any]],
) -> Iterator[tuple[date, float]]:
    """Nights as they are done, with seconds; their figures may be worked out side by side."""
    cache = StepCache(settings.data_folder / CACHE_FOLDER)  # a month's nights see the same events
    lines = lines_of(load_recipients(settings.recipients_file))
    figures = partial(night_figures, cache=NO_CACHE if settings.dask else cache)
    batch_size = NIGHTS_AT_WORKERS if settings.dask else 1
    for begin in range(0, len(nights), batch_size):
        start = time.perf_counter()
        vintages = [night_vintage(con, night) for night in nights[begin : begin + batch_size]]
        for vintage, (series, assessment) in zip(vintages, mapping(figures, vintages), strict=True):
            night = vintage.night
            tables = night_tables(con, vintage, series, assessment, cache, lines)
            keep_night(con, night, tables, judge_night(tables, landed_checks, cache))
            yield night, time.perf_counter() - start
            start = time.perf_counter()


def _landed(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Checks of what landed, as the newest night told them.

    Raises:
        BackfillError: No night was told.
    """
    checks = marts.read_mart(con, "check", marts.newest_night(con))
    if checks is None:
        raise BackfillError("nothing is told yet; run 'tocsin nightly' first")
    return checks.filter(pl.col("table_name").str.starts_with("landing."))
