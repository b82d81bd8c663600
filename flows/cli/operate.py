"""Commands of the operator: ``tocsin repair`` and what else keeps the runs going."""

import gc
import os
import signal
import sys
import time
from datetime import date
from enum import StrEnum
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.nights import PAST_DAY, NightError, runnable_night, tonight
from flows.terminal import AsJson, Heading, listing, load, print_json, quantity

if TYPE_CHECKING:
    from flows.backfill import NightProgress


class Every(StrEnum):
    """How far apart the nights of a backfill are."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


INTERVALS = {Every.DAY: "1d", Every.WEEK: "1w", Every.MONTH: "1mo"}


def repair(
    force: Annotated[bool, typer.Option("--force", help="Also a file that is sound.")] = False,
) -> None:
    """Build a lost or damaged working file anew; the old one is set aside, not deleted.

    Nothing is done to a file that is sound, but that nights still to come, which were told by
    mistake, are taken back; nor (exit code 4) to one that another program holds; nor (exit code 1)
    where there is neither a working file nor anything to build it from.
    """
    from warehouse.connect import one_run, open_existing
    from warehouse.marts import take_back_nights
    from warehouse.repair import check_traces, is_sound
    from warehouse.repair import repair as mend

    settings, _ = load()
    check_traces(settings.warehouse_path, settings.landing_folder, settings.published_path.parent)
    console = Console(soft_wrap=True, highlight=False)
    with one_run(settings.data_folder, "tocsin repair"):
        if is_sound(settings.warehouse_path) and not force:
            with open_existing(settings.warehouse_path) as con:
                nights = take_back_nights(con, tonight())
            if nights:
                console.print(
                    f"Nights to come were taken back: {', '.join(map(str, nights))}. Run the "
                    "night, so that readers find the true one."
                )
            else:
                console.print(
                    f"{settings.warehouse_path} is sound; nothing was done. (--force builds it "
                    "anew)"
                )
            return
        result = mend(
            settings.warehouse_path, settings.landing_folder, settings.published_path.parent
        )
    console.print(f"{settings.warehouse_path} was built anew.")
    if result.set_aside:
        console.print(f"The old file is {result.set_aside}; delete it when all is well.")
    console.print(f"Merged again from the landed bytes: {quantity(result.deliveries, 'delivery')}.")
    origin = f"from {result.copy}" if result.copy else "from the old file"
    console.print(
        f"Restored {origin}: {quantity(result.nights, 'night')}, the last is {result.last_night}; "
        "tell later ones again with 'tocsin backfill'."
        if result.nights
        else "[red]No night could be restored[/]: no published copy tells of one."
    )
    if result.lost_tables:
        console.print(f"[red]Lost[/]: {', '.join(result.lost_tables)}")
    if result.is_log_lost:
        console.print(
            "[red]Lost[/]: changes since the file was last closed, whose log cannot be read; run "
            "the night again."
        )
    if "ops.outbox" in result.lost_tables:
        console.print(
            "It is not known which mails went out: a night that is run again is mailed again."
        )


def backfill(
    first: Annotated[date, typer.Option("--from", **PAST_DAY, help="First night.")],
    last: Annotated[date, typer.Option("--to", **PAST_DAY, help="Last night.")],
    every: Annotated[Every, typer.Option(help="How far apart the nights are.")] = Every.MONTH,
    rebuild: Annotated[
        bool, typer.Option("--again", help="Also nights that were told before.")
    ] = False,
) -> None:
    """Tell past nights, as known then, one by one; no mail goes out.

    Cut short, it goes on where it stopped when it is given again.
    """
    if first > last:
        raise NightError(f"--from {first} is after --to {last}; exchange them")
    runnable_night(first, tonight())
    settings, _ = load()
    console = Console(soft_wrap=True, highlight=False)
    gc.disable()  # nothing that is imported is garbage
    from flows.backfill import backfill as rebuild_nights
    from flows.backfill import nights_between
    from flows.cluster import workers

    gc.freeze()
    gc.enable()
    nights = nights_between(first, last, INTERVALS[every])

    def progress(night: "NightProgress") -> None:
        time_left = f"{night.seconds_left / 60:.0f} min" if night.seconds_left > 99 else (
            f"{night.seconds_left:.0f} s")  # fmt: skip
        console.print(f"  {night.night}  {night.seconds:5.1f} s  {night.number} of {night.nights}, "
                      f"{time_left} left")  # fmt: skip

    with workers(settings) as mapping:
        count = rebuild_nights(settings, nights, rebuild, progress, mapping)
    console.print(
        f"{quantity(count, 'night')} told, {len(nights) - count} had been told before; no mail was "
        f"sent. Published: {settings.published_path}"
    )


def doctor(as_json: AsJson = False) -> None:
    """Look at everything a night needs, and say the cure of what is wrong.

    Exit code 1: something is BAD.
    """
    from rich.markup import escape
    from rich.table import Table

    from flows.doctor import BAD, NOTE, examine

    diagnoses = examine(*load())
    bad = sum(diagnosis.state == BAD for diagnosis in diagnoses)
    if as_json:
        print_json(diagnoses=diagnoses)
        raise typer.Exit(1 if bad else 0)
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    styles = {BAD: "bold red", NOTE: "yellow"}
    for diagnosis in diagnoses:
        # The cure stands below, at full width: it is often a command to copy.
        cure = f"\n[bold]cure: {escape(diagnosis.cure)}[/]" if diagnosis.cure else ""
        table.add_row(
            f"[{styles.get(diagnosis.state, 'green')}]{diagnosis.state}[/]",
            escape(diagnosis.subject),
            escape(diagnosis.detail) + cure,
        )
    Console().print(table)
    print(f"{bad} of {len(diagnoses)} are bad" if bad else "All is well.")
    if bad:
        raise typer.Exit(1)


def runs(
    count: Annotated[int, typer.Option(min=1, help="How many of the last runs are listed.")] = 10,
    run: Annotated[
        str | None, typer.Option(help="Show the steps of this run. Default: of the last one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What the last runs did, and the steps of one: rows, seconds, memory."""
    from rich.text import Text

    from config.texts import printable
    from warehouse.connect import open_existing
    from warehouse.runs import latest_runs, steps

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        last_runs = latest_runs(con, count)
        which = run or (last_runs["run_id"][0] if last_runs.height else "")
        run_steps = steps(con, which)
    if as_json:
        print_json(runs=last_runs, steps=run_steps)
        return
    console = Console()
    listing(
        console,
        [
            Heading("run", spare=1), Heading("night"), Heading("ended as"),
            Heading("seconds", right=True), Heading("MB", right=True), Heading("why"),
        ],
        [
            (
                row["run_id"], str(row["as_of_date"]), row["run_status"],
                "-" if row["run_seconds"] is None else f"{row['run_seconds']:.1f}",
                _megabytes(row["peak_memory_bytes"]), printable(row["run_failure"] or ""),
            )
            for row in last_runs.iter_rows(named=True)
        ],
        title=f"The last {quantity(last_runs.height, 'run')}",
    )  # fmt: skip
    console.print()
    listing(
        console,
        [
            Heading("step"), Heading("seconds", right=True), Heading("rows in", right=True),
            Heading("rows out", right=True), Heading("MB, at most so far", right=True),
        ],
        [
            (
                Text(row["step"]) if row["is_success"]
                else Text(f"{row['step']}: failed", style="bold red"),
                f"{row['step_seconds']:.2f}",
                *("-" if row[n] is None else f"{row[n]:,}" for n in ("rows_in", "rows_out")),
                _megabytes(row["peak_memory_bytes"]),
            )
            for row in run_steps.iter_rows(named=True)
        ],
        title=f"Steps of {which or 'no run'}",
    )  # fmt: skip
    if last_runs.height:
        console.print(
            f"Log: {settings.log_folder}; versions of the last: {last_runs['versions'][0]}"
        )


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:,.0f}"


def exit_without_server(url: str, folder: Path) -> None:
    """End this process once the Prefect server has not answered for a minute and no run is at work.

    Prefect would stay and never begin a run again; whoever started this starts it again.
    """
    from urllib.request import urlopen

    from warehouse.connect import holder

    missed = 0
    while missed < 4:
        time.sleep(15)
        try:
            with urlopen(f"{url}/health", timeout=10):  # noqa: S310 (the operator's own)
                missed = 0
        except OSError:
            missed += 1
    while holder(folder):
        time.sleep(5)
    print(f"tocsin: {url} does not answer any more; start 'tocsin serve' again", file=sys.stderr)
    os._exit(1)


def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Of the Prefect server, on this machine alone.")
    ] = 4200,
) -> None:
    """Keep the schedule until ended: the night at 22:00, mails, watchdog, back-test.

    Starts a Prefect server with its page, unless PREFECT_API_URL names one.
    """
    from flows.prefect_server import prefect_server
    from warehouse.connect import ensure_writable

    settings, _ = load()
    ensure_writable(settings.data_folder)
    with prefect_server(settings.data_folder / "prefect", lasting_port=port) as wait:
        from typing import cast

        from prefect import serve as run_scheduled
        from prefect.deployments.runner import RunnerDeployment
        from prefect.schedules import Cron
        from prefect.types.entrypoint import EntrypointType

        from flows.scheduled import SCHEDULE, TIMEZONE

        wait()
        url = os.environ["PREFECT_API_URL"]
        Console(soft_wrap=True, highlight=False).print(
            f"Tocsin runs at 22:00 ({TIMEZONE}); its runs: {url.removesuffix('/api')}; Ctrl-C "
            "ends it"
        )
        module = EntrypointType.MODULE_PATH  # by file, flows/ would come first on sys.path
        deployments = [
            flow.to_deployment(name, schedule=Cron(cron, timezone=TIMEZONE), entrypoint_type=module)
            for flow, name, cron in SCHEDULE
        ]
        for number in (signal.SIGINT, signal.SIGHUP):  # Prefect ends its runs in order, as on
            signal.signal(number, signal.default_int_handler)  # SIGTERM, which it handles itself
        Thread(target=exit_without_server, args=(url, settings.data_folder), daemon=True).start()
        run_scheduled(*cast(list[RunnerDeployment], deployments), print_starting_message=False)
