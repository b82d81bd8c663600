"""The command line: ``tocsin --help`` lists its commands."""

import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from textwrap import shorten

import typer

from config.errors import TocsinError, failure_in_words
from flows.cli import (
    areas,
    ask,
    line,
    look,
    mails,
    night,
    operate,
    quarantine,
    regions,
    registers,
    rehearse,
    sources,
)
from flows.log import log_unforeseen, warnings_to_terminal
from flows.process import ending_on_signals
from flows.terminal import load

app = typer.Typer(
    help="Early warning of political violence, region by region.",
    epilog="To begin: tocsin nightly --as-of 2021-06-25, then tocsin status, tocsin show Sikasso.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# What DuckDB raises when the disk is full or broken, and when a file is damaged.
DISK_ERRORS = (
    "IOException", "FatalException", "InternalException", "SerializationException",
    "TransactionException",
)  # fmt: skip


def main() -> None:
    """Run the command line; every failure ends in one line and an exit code."""
    warnings_to_terminal()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without accents shows a sign for each
            stream.reconfigure(errors="replace")
    try:
        with ending_on_signals():
            app()
    except Exception as error:
        print(f"tocsin: {known_failure(error) or unforeseen_failure(error)}", file=sys.stderr)
        raise SystemExit(getattr(error, "exit_code", 1)) from None


def known_failure(error: Exception) -> str | None:
    """What a known failure says, cure included; None: nobody foresaw it."""
    if isinstance(error, TocsinError):
        return str(error)
    module, first = type(error).__module__, str(error).partition("\n")[0]
    if isinstance(error, OSError):
        return f"{first}; look at the disk and at who may write there, then run again"
    if module == "_duckdb" and type(error).__name__ in DISK_ERRORS:
        return (
            f"{first}; look at the disk, then run again; if the working file is damaged, "
            "'tocsin repair' builds it anew"
        )
    if module.startswith("httpx"):  # of sources it is told as theirs; the rest is Prefect
        return (
            f"the Prefect server does not answer any more ({first}); the night may be done all the "
            "same ('tocsin doctor'): run again, nothing is told twice"
        )
    return None


def unforeseen_failure(error: Exception) -> str:
    """What an error nobody foresaw is called, and where its traceback stands."""
    message = shorten(failure_in_words(error), 300)
    try:
        log = log_unforeseen(error, load()[0].log_folder)
    except TocsinError:  # settings that cannot be used: where data lie is not known
        log = None
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = log or "".join(f"{Path(at.filename).name}, line {at.lineno}" for at in frame) or "-"
    return f"{message}; nobody foresaw this, please report it with its traceback: {where}"


@app.callback()
def _commands() -> None:
    """Early warning of political violence, region by region."""


# What stands together in the help: a heading, its commands, its groups of commands by name.
PANELS: dict[str, tuple[list[Callable[..., None]], dict[str, typer.Typer]]] = {
    "The night": (
        [night.nightly, look.status, look.show, ask.page],
        {"alerts": mails.alerts, "line": line.line},
    ),
    "Ask the published file": ([ask.sql, ask.export, ask.revisions, ask.dictionary], {}),
    "Past nights, and what is to be trusted": (
        [operate.backfill, night.backtest, rehearse.rehearse], {},
    ),
    "What the figures rest on": (
        [],
        {
            "sources": sources.sources, "quarantine": quarantine.quarantine,
            "registers": registers.registers, "regions": regions.regions, "area": areas.area,
        },
    ),
    "Keep it running": (
        [operate.doctor, operate.runs, operate.serve, night.watchdog, operate.repair], {},
    ),
}  # fmt: skip
for panel, (commands, groups) in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel=panel)
