"""``tocsin nightly``, ``watchdog`` and ``backtest``: runs and their score."""

import gc
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.glance import print_night
from flows.nights import PAST_DAY, runnable_night, tonight
from flows.terminal import DEGRADED, AsJson, load, now, print_json

if TYPE_CHECKING:
    from warehouse.runs import Step

MONTH = ["%Y-%m", "%Y-%m-%d"]  # of a day its month counts


def nightly(
    as_of: Annotated[
        date | None,
        typer.Option(
            **PAST_DAY,
            help="Run as on this night: only what was known then counts. Default: tonight; with "
            "the embedded events, the night their newest month became known.",
        ),
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Also why each region has its level.")] = False,
) -> None:
    """Pull every source, rebuild the night, judge it, publish the file, send the digests.

    Exit code 3: all of that was done, but a source could not be renewed or a mail waits. 4:
    another run is at work.
    """
    console = Console()
    from flows.prefect_server import prefect_server
    from warehouse.connect import one_run

    start = time.perf_counter()
    if as_of:
        runnable_night(as_of, tonight())
    settings, smtp = load()
    with one_run(settings.data_folder, "tocsin nightly"):
        pass  # another run is told of before libraries are loaded; the flow holds the lock
    with prefect_server(settings.data_folder / "prefect") as wait:
        gc.disable()  # nothing that is imported is garbage, and looking takes a second
        from flows.nightly import nightly as flow
        from flows.nightly import preload
        from flows.nights import default_night

        preload(settings)
        gc.freeze()
        gc.enable()
        night = as_of or default_night(tonight(), settings)
        wait()
        console.print(f"Tocsin, the night of {night} (libraries and Prefect ready in "
                      f"{time.perf_counter() - start:.1f} s)")  # fmt: skip
        report = flow(
            night,
            settings,
            smtp,
            StepPrinter(console),
        )
        print_night(report, console, str(settings.published_path), why)
    console.print(f"Done in {time.perf_counter() - start:.1f} s")
    if report.is_degraded:
        raise typer.Exit(DEGRADED)


class StepPrinter:
    """Tells of each step as it ends; of the sources, which are one step each, once."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.fetched: list[float] = []

    def __call__(self, step: "Step") -> None:
        """A step ended."""
        if step.step.startswith("fetch "):
            self.fetched.append(step.step_seconds)
            return
        if self.fetched:
            self._print("fetch the sources", sum(self.fetched))
            self.fetched = []
        self._print(step.step, step.step_seconds)

    def _print(self, step: str, seconds: float) -> None:
        self.console.print(f"  {step:<28}{seconds:6.2f} s", highlight=False)


def watchdog(
    hours: Annotated[float, typer.Option(help="A finished run must be younger than this.")] = 30,
) -> None:
    """Mail the operator if no run was finished for hours; for cron, apart from Prefect.

    Exit code 1: none was.
    """
    from alerts import operator

    settings, smtp = load()
    late, mail = operator.watch(settings, smtp, hours, now())
    if late is None:
        print(f"A run was finished within {hours:g} hours.")
        return
    consequence = (
        f"mail to {mail.recipient}: {mail.status}, {mail.where}"
        if mail
        else ("the operator was told" if settings.operator else "set TOCSIN_OPERATOR to be mailed")
    )
    print(f"tocsin: {late}; {consequence}", file=sys.stderr)
    raise typer.Exit(1)


def backtest(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=MONTH, help="First origin month, or a day of it. Default: 54 origins."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=MONTH,
            help="Last origin month, or a day of it. Default: the last with outcomes.",
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Where the page is written. Default: the data folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score the models on past months, each seen with what was known then."""
    from config.files import write_atomically
    from flows.backtest import score
    from flows.cluster import workers
    from warehouse.connect import open_existing

    start = time.perf_counter()
    settings, _ = load()
    first, last = (month.date() if month else None for month in (since, until))
    with open_existing(settings.warehouse_path) as con, workers(settings) as mapping:
        scorecard = score(con, first, last, mapping)
    path = page or settings.data_folder / "scorecard.md"
    write_atomically(path, scorecard.page)
    if as_json:
        print_json(**vars(scorecard.tables))
        return
    print(scorecard.page.partition("## Where")[0])
    print(f"Written: {path} ({time.perf_counter() - start:.0f} s)")
