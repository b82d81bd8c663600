"""What a run did, step by step: into the working file, the log, and to whoever waits."""

import logging
import platform
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.code import code_sha256
from config.errors import TocsinError, failure_in_words
from flows.log import LOGGER, logging_to
from flows.step_cache import LIBRARIES, PACKAGES
from flows.terminal import now
from warehouse import runs
from warehouse.runs import Step

Progress = Callable[[Step], None]


class RunRecorder:
    """Runs the steps of one run as Prefect tasks and keeps what each did.

    Args:
        con: The working file.
        run_id: Of the run.
        progress: Called with each step when it has ended.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, run_id: str, progress: Progress) -> None:
        self.con, self.run_id, self.progress = con, run_id, progress
        self.number = 0
        self.is_degraded = False

    def step(self, name: str, body: Callable[..., Any], *args: Any) -> Any:
        """What the step returns; that it ended, or failed, is kept."""
        start = time.perf_counter()
        result, is_success = None, False
        try:
            result = task(name=name, cache_policy=NO_CACHE, persist_result=False)(body)(*args)
            is_success = True
        finally:
            self.number += 1
            counts = (rows_of(arg) for arg in args if not isinstance(arg, int))
            rows_in = [count for count in counts if count is not None]
            step = Step(
                name, time.perf_counter() - start, sum(rows_in) if rows_in else None,
                rows_of(result), peak_memory(), is_success,
            )  # fmt: skip
            LOGGER.info(name, extra={"run_id": self.run_id, **asdict(step)})
            with suppress(duckdb.Error) if not is_success else nullcontext():
                runs.add_step(self.con, self.run_id, self.number, step)
        self.progress(step)
        return result


@contextmanager
def record_run(
    con: duckdb.DuckDBPyConnection, folder: Path, night: date, progress: Progress
) -> Iterator[RunRecorder]:
    """Record how a run begins and ends, whichever way; of a killed one the next run does.

    Args:
        con: The working file.
        folder: Where the log lies: a JSON object a line, three older files kept.
        night: Night that is run.
        progress: Called with each step when it has ended.
    """
    began_at, start = now(), time.perf_counter()
    recorder = RunRecorder(con, f"{began_at:%Y%m%dT%H%M%S.%f}", progress)
    run = {"run_id": recorder.run_id, "night": str(night)}
    versions = {"python": platform.python_version(), **{n: version(n) for n in LIBRARIES}}
    code = code_sha256(PACKAGES, LIBRARIES).hex()
    with logging_to(folder):
        LOGGER.info("run begins", extra={**run, "code_sha256": code, "versions": versions})
        versions_text = ", ".join(f"{name} {number}" for name, number in versions.items())
        runs.begin(con, recorder.run_id, night, began_at, code, versions_text)
        status, failure, unforeseen = runs.FAILED, None, None
        try:
            yield recorder
            status = runs.DEGRADED if recorder.is_degraded else runs.DONE
        except BaseException as error:
            failure = failure_in_words(error)
            if isinstance(error, Exception) and not isinstance(error, TocsinError):
                unforeseen = error
            raise
        finally:
            seconds, memory = time.perf_counter() - start, peak_memory()
            end = {**run, "run_status": status, "run_failure": failure}
            LOGGER.log(
                logging.ERROR if unforeseen else logging.INFO,
                "run ends",
                extra={**end, "run_seconds": seconds, "peak_memory_bytes": memory},
                exc_info=unforeseen,
            )
            # A file that broke in the middle of a run cannot tell of it; its error is what counts.
            with suppress(duckdb.Error) if failure else nullcontext():
                runs.finish(con, recorder.run_id, now(), status, failure, seconds, memory)


def rows_of(value: object) -> int | None:
    """Rows that a step was given or made; None: it is not about rows.

    Of a tuple the first item counts, of a list what its items hold, else the items.

    Example:
        >>> rows_of(pl.DataFrame({"a": [1, 2]})), rows_of({"a": pl.DataFrame()}), rows_of("a")
        (2, 0, None)
        >>> rows_of(["a", "b"]), rows_of((["a"], pl.DataFrame()))
        (2, 1)
    """
    if isinstance(value, pl.DataFrame):
        return value.height
    if isinstance(value, int):
        return value
    if isinstance(value, tuple):
        return rows_of(value[0]) if value else None
    if isinstance(value, Mapping):
        return sum(rows_of(item) or 0 for item in value.values())
    if isinstance(value, list):
        counts = [rows_of(item) for item in value]
        return sum(1 if count is None else count for count in counts)
    return getattr(value, "rows_count", None)


def peak_memory() -> int:
    """Bytes: the most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
