"""The command line: ``tocsin --help`` lists its commands."""

import gc
import sys
import time
import traceback
from datetime import date, datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from config.errors import TocsinError, failure_in_words
from config.texts import shown
from flows import mails, operate
from flows.glance import check_in_words, show
from flows.log import log_unforeseen, warnings_to_terminal
from flows.nights import PAST_DAY, possible, tonight
from flows.process import ending_on_signals
from flows.terminal import (
    DEGRADED,
    Heading,
    counted,
    listing,
    load,
    now,
    number_in_words,
    paragraph,
)

if TYPE_CHECKING:
    from warehouse.runs import Step

app = typer.Typer(
    help="Early warning of political violence, region by region.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


ROWS_PRINTED = 100  # of an answer, in a terminal
# What DuckDB raises when the disk is full or broken, and when a file is damaged.
DISK_ERRORS = (
    "IOException", "FatalException", "InternalException", "SerializationException",
    "TransactionException",
)  # fmt: skip
MONTH = ["%Y-%m", "%Y-%m-%d"]  # of a day its month counts


class Kind(StrEnum):
    """Formats of ``tocsin export``."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"
    GEOPARQUET = "geoparquet"


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
        print(f"tocsin: {known(error) or unforeseen(error)}", file=sys.stderr)
        raise SystemExit(getattr(error, "exit_code", 1)) from None


def known(error: Exception) -> str | None:
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


def unforeseen(error: Exception) -> str:
    """What an error nobody foresaw is called, and where its traceback stands."""
    told = shorten(failure_in_words(error), 300)
    try:
        log = log_unforeseen(error, load()[0].log_folder)
    except TocsinError:  # settings that cannot be used: where data lie is not known
        log = None
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = log or "".join(f"{Path(at.filename).name}, line {at.lineno}" for at in frame) or "-"
    return f"{told}; nobody foresaw this, please report it with its traceback: {where}"


@app.callback()
def _commands() -> None:
    """Early warning of political violence, region by region."""


@app.command()
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

    began = time.perf_counter()
    if as_of:
        possible(as_of, tonight())
    settings, smtp = load()
    with one_run(settings.data_folder, "tocsin nightly"):
        pass  # another run is told of before libraries are loaded; the flow holds the lock
    with prefect_server(settings.data_folder / "prefect") as wait:
        gc.disable()  # nothing that is imported is garbage, and looking takes a second
        from flows.nightly import default_night, load_ahead
        from flows.nightly import nightly as flow

        load_ahead(settings)
        gc.freeze()
        gc.enable()
        night = as_of or default_night(tonight(), settings)
        wait()
        console.print(f"Tocsin, the night of {night} (libraries and Prefect ready in "
                      f"{time.perf_counter() - began:.1f} s)")  # fmt: skip
        report = flow(
            night,
            settings,
            smtp,
            Steps(console),
        )
        show(report, console, str(settings.published_path), why)
    console.print(f"Done in {time.perf_counter() - began:.1f} s")
    if report.is_degraded:
        raise typer.Exit(DEGRADED)


class Steps:
    """Tells of each step as it ends; of the sources, which are one step each, once."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.fetched: list[float] = []

    def __call__(self, done: "Step") -> None:
        """A step ended."""
        if done.step.startswith("fetch "):
            self.fetched.append(done.step_seconds)
            return
        if self.fetched:
            self._print("fetch the sources", sum(self.fetched))
            self.fetched = []
        self._print(done.step, done.step_seconds)

    def _print(self, step: str, seconds: float) -> None:
        self.console.print(f"  {step:<28}{seconds:6.2f} s", highlight=False)


@app.command()
def watchdog(
    hours: Annotated[float, typer.Option(help="A finished run must be younger than this.")] = 30,
) -> None:
    """Mail the operator if no run was finished for hours; for cron, apart from Prefect.

    Exit code 1: none was.
    """
    from alerts import operator

    settings, smtp = load()
    late, done = operator.watch(settings, smtp, hours, now())
    if late is None:
        print(f"A run was finished within {hours:g} hours.")
        return
    told = (
        f"mail to {done.recipient}: {done.status}, {done.where}"
        if done
        else ("the operator was told" if settings.operator else "set TOCSIN_OPERATOR to be mailed")
    )
    print(f"tocsin: {late}; {told}", file=sys.stderr)
    raise typer.Exit(1)


@app.command()
def revisions(
    since: Annotated[date, typer.Option(**PAST_DAY, help="Earlier night of knowledge.")],
    until: Annotated[
        date | None, typer.Option(**PAST_DAY, help="Later night. Default: tonight.")
    ] = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Every revised figure by its id, as CSV.")
    ] = False,
) -> None:
    """What is believed otherwise on a later night: added, withdrawn, changed, by place and year.

    What merely happened between the two nights is news, not a revision.
    """
    from warehouse.connect import open_existing
    from warehouse.revisions import by_place_and_year
    from warehouse.revisions import revisions as compared

    settings, _ = load()
    night = until or tonight()
    with open_existing(settings.warehouse_path) as con:
        found = compared(con, since, night)
    if rows:
        print(found.write_csv(), end="")
        return
    told = [f"{n:,} {change}" for change, n in sorted(found["change"].value_counts().iter_rows())]
    console = Console()
    console.print(
        f"Known on {night} but not on {since:%Y-%m-%d}: {', '.join(told) or 'nothing'}",
        highlight=False,
    )
    from warehouse.sources import SOURCES

    titles = {source.name: source.title for source in SOURCES}
    names = place_names()
    groups = by_place_and_year(found)
    kinds = ("deaths", "region", "place", "date", "actors")
    for name in groups["source"].unique(maintain_order=True):
        console.print()
        listing(
            console,
            (
                Heading("place"), Heading("year", right=True), Heading("added", right=True),
                Heading("withdrawn", right=True), Heading("changed", right=True),
                Heading("deaths", right=True), Heading("changed in", spare=1),
            ),
            [
                (
                    names.get(group["region_id"] or group["country_code"], "no place"),
                    str(group["year"] or "-"),
                    *(str(group[change] or "") for change in ("added", "withdrawn", "changed")),
                    f"{group['deaths_before']} to {group['deaths_after']}"
                    if group["country_code"] else "",
                    ", ".join(kind for kind in kinds if group[f"other_{kind}"]),
                )
                for group in groups.filter(source=name).iter_rows(named=True)
            ],
            title=titles[name],
        )  # fmt: skip


def place_names() -> dict[str, str]:
    """Names of regions and countries by their ids; of a region with its country's code."""
    from config.registry import all_regions, countries

    regions = {
        place: f"{name} ({place[:3]})"
        for place, name in all_regions().select("region_id", "region_name").iter_rows()
    }
    return regions | dict(countries().select("country_code", "country_name").iter_rows())


@app.command()
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
) -> None:
    """Score the models on past months, each seen with what was known then."""
    from config.files import write_atomically
    from flows.backtest import score
    from warehouse.connect import open_existing

    began = time.perf_counter()
    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        told = score(con, since.date() if since else None, until.date() if until else None)
    path = page or settings.data_folder / "scorecard.md"
    write_atomically(path, told.page)
    print(told.page.partition("## Where")[0])
    print(f"Written: {path} ({time.perf_counter() - began:.0f} s)")


@app.command()
def export(
    kind: Annotated[Kind, typer.Option("--format", help="In which format.")],
    table: Annotated[
        list[str] | None, typer.Option(help="Only this table (may be repeated).")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder. Default: exports/<format> in the data folder.")
    ] = None,
    program: Annotated[
        Literal["excel-fr"] | None,
        typer.Option("--for", help="csv for Excel in French: semicolons, decimal commas."),
    ] = None,
) -> None:
    """Write tables of the published file for other programs."""
    from warehouse.export import export as written

    settings, _ = load()
    folder = to or settings.data_folder / "exports" / kind.value
    for path in written(settings.published_path, folder, kind.value, table or (), program or ""):
        print(path)


@app.command()
def sql(
    question: Annotated[
        str | None, typer.Argument(help="A query. Default: read from standard input.")
    ] = None,
    kind: Annotated[
        Literal["table", "csv"], typer.Option("--format", help="How the answer is printed.")
    ] = "table",
) -> None:
    """Ask the published file in SQL; it is opened read-only."""
    from warehouse.export import answer, escape_formulas

    settings, _ = load()
    found = answer(settings.published_path, question or sys.stdin.read())
    if kind == "csv":
        print(escape_formulas(found).write_csv(), end="")
        return
    console = Console()
    listing(
        console,
        [Heading(name, right=kind.is_numeric()) for name, kind in found.schema.items()],
        [[shown(in_words(cell)) for cell in row] for row in found.head(ROWS_PRINTED).iter_rows()],
        blank="keep",
    )
    if not found.height:
        console.print("no rows")
    if found.height > ROWS_PRINTED:
        console.print(f"{ROWS_PRINTED} of {found.height:,} rows; --format csv prints all")
    if found.height and any(kind.is_float() for kind in found.schema.values()):
        console.print("[dim]rounded to 4 decimals; --format csv gives every digit[/]")


@app.command()
def page(
    as_of: Annotated[
        date | None,
        typer.Option(**PAST_DAY, help="A past night that was run. Default: the newest."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder, new or of an earlier page. Default: page beside the published file, for "
            "a past night page-<night>."
        ),
    ] = None,
) -> None:
    """Build the situation page of a night from the published file: HTML to open from disk."""
    from page.site import build

    settings, _ = load()
    usual = settings.page_folder.with_name(f"page-{as_of}") if as_of else settings.page_folder
    print(build(settings.published_path, to or usual, as_of))


@app.command()
def dictionary(
    indicators: Annotated[
        bool, typer.Option("--indicators", help="The indicators instead of the tables.")
    ] = False,
) -> None:
    """Print the data dictionary of the published file as Markdown."""
    if indicators:
        from indicators import page as indicators_page

        print(indicators_page(), end="")
        return
    from warehouse.dictionary import dictionary as page

    settings, _ = load()
    print(page(settings.published_path), end="")


app.command()(operate.repair)
app.command()(operate.backfill)
app.command()(operate.doctor)
app.command()(operate.runs)
app.command()(operate.serve)

sources = typer.Typer(help="Where the figures come from.", invoke_without_command=True)
app.add_typer(sources, name="sources")


@sources.callback()
def _sources(context: typer.Context) -> None:
    """All sources: where from, credentials, last success, age, rows, licence."""
    if context.invoked_subcommand:
        return
    from flows.sources import overview
    from warehouse.connect import open_existing
    from warehouse.sources import SOURCES

    titles = {source.name: source.title for source in SOURCES}

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        found = overview(con, settings)
    console = Console()
    console.print("Sources (TOCSIN_SOURCES says where from, by the names in brackets)")
    for row in found.iter_rows(named=True):
        success = row["succeeded_at"] or row["fetched_at"]
        facts = (
            f"from: {row['from']}"
            + ("" if row["credentials"] == "none needed" else f"; log-in {row['credentials']}"),
            f"last success: {success:%Y-%m-%d %H:%M}" if success else "never fetched",
            f"figures to: {row['covers_until']}" if row["covers_until"] else "",
            counted(row["rows"], "row"),
            f"licence: {row['licence']}"
            + ("" if row["is_republishable"] else " (rows not republished)"),
        )
        console.print(Text.assemble((titles[row["source"]], "bold"), f" [{row['source']}]"))
        for fact in facts:
            if fact:
                console.print(Text(f"  {fact}"), soft_wrap=True)
    for row in found.iter_rows(named=True):
        if row["failure"]:
            console.print(
                f"[red]NOT RENEWED[/] since {row['tried_at']:%Y-%m-%d %H:%M}: "
                f"{escape(row['failure'])}",
                highlight=False,
            )


@sources.command()
def pages(to: Annotated[Path, typer.Argument(help="Folder.")]) -> None:
    """Write a page about each source, its flaws first."""
    from warehouse.dictionary import source_page
    from warehouse.sources import SOURCES

    to.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        path = to / f"{source.name}.md"
        path.write_text(source_page(source), "utf-8")
        print(path)


@sources.command("check")
def check_source(name: Annotated[str, typer.Argument(help="Of a source.")]) -> None:
    """Fetch a source and say what it would change; nothing is kept."""
    from flows.sources import dry_run

    settings, _ = load()
    found = dry_run(name, settings)
    console = Console()
    for batch in found.arrived.batches:
        fetched = batch.fetched
        console.print(
            f"{fetched.release.version}: {batch.rows.height:,} rows, "
            f"{len(fetched.content):,} bytes, {'new' if batch.is_new else 'as held'}; "
            + fetched.url,
            highlight=False,
        )
        for remark in batch.remarks:
            console.print(f"  {escape(remark)}", highlight=False)
    failed = found.checks.filter(~found.checks["is_success"])
    for check in failed.iter_rows(named=True):
        paragraph(console, check_in_words(check))
    if found.arrived.failure:
        console.print(f"[red]FAILED[/] {escape(found.arrived.failure)}", highlight=False)
        console.print("A night would keep the last good figures. Nothing was kept now.")
        raise typer.Exit(1)
    told = ", ".join(f"{count:,} {change}" for change, count in found.changes.items())
    console.print(f"It would change: {told} rows. Nothing was kept.")


held = typer.Typer(help="Rows that were sent but are not believed.", invoke_without_command=True)
app.add_typer(held, name="quarantine")


@held.callback()
def _quarantine(context: typer.Context) -> None:
    """Rows held out now: source, key, the rule they break, the offending value, since when."""
    if context.invoked_subcommand:
        return
    from warehouse.connect import open_existing
    from warehouse.quarantine import quarantined_rows
    from warehouse.source_status import failing_sources

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        found = quarantined_rows(con)
        refused = [failure for _, _, failure in failing_sources(con)]
    console = Console()
    listing(
        console,
        [Heading(name) for name in ("source", "key", "rule", "value", "since")],
        [
            (
                row["source"],
                shown(row["row_key"] or f"row {row['row_number'] + 1}"),
                row["rule"],
                shown(row["value"]),
                f"{row['held_from']:%Y-%m-%d}",
            )
            for row in found.iter_rows(named=True)
        ],
        title=f"{counted(found.height, 'row')} in quarantine",
    )
    for failure in refused:
        console.print(f"[red]NOT RENEWED[/] {escape(failure)}", highlight=False, soft_wrap=True)


@held.command("show")
def show_held(
    source: Annotated[str, typer.Argument(help="Name of the source.")],
    key: Annotated[str, typer.Argument(help="Key of the row.")],
) -> None:
    """A held row as it was sent, and when it was held before."""
    from warehouse.connect import open_existing
    from warehouse.quarantine import quarantine_spells

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        for row in quarantine_spells(con, source, key).iter_rows(named=True):
            until = (
                f" to {row['held_to']:%Y-%m-%d} ({row['left_because']})" if row["held_to"] else ""
            )
            print(f"{row['held_from']:%Y-%m-%d}{until}: {row['rule']}: {shown(row['value'])}")
            print(shown(row["sent"]))


@held.command()
def release(
    source: Annotated[str, typer.Argument(help="Name of the source.")],
    key: Annotated[str, typer.Argument(help="Key of the row.")],
    who: Annotated[str, typer.Option(help="Who looked at it.")],
    why: Annotated[str, typer.Option(help="Why it is right.")],
) -> None:
    """Believe a held row from the next run on, as long as it says what it says now."""
    from warehouse.connect import open_existing
    from warehouse.quarantine import release_row

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        release_row(con, settings.landing_folder, source, key, who, why)
    print(f"{source} {shown(key)} is believed from the next run on")


def in_words(cell: object) -> str:
    """A value of an answer for a terminal."""
    if isinstance(cell, bytes):
        return f"({len(cell)} bytes)"
    if isinstance(cell, float):
        return number_in_words(cell)
    return "-" if cell is None else "\n".join(map(shown, str(cell).splitlines()))


app.add_typer(mails.alerts, name="alerts")

places = typer.Typer(help="The register of regions.", no_args_is_help=True)
app.add_typer(places, name="regions")


@places.callback()
def _places() -> None:
    """The register of regions."""


@places.command()
def match(
    name: Annotated[str, typer.Argument(help="A spelling, or a P-code.")],
    country: Annotated[
        str | None, typer.Option(help="Only this country (ISO 3166 alpha-3).")
    ] = None,
) -> None:
    """How a spelling or a P-code of a region is resolved, or what comes nearest."""
    from warehouse.core import match_region

    found = match_region(name, country.upper() if country else None)
    if found.is_empty():
        Console().print(
            f"{shown(name)!r} is no region{f' of {country.upper()}' if country else ''}, nor is "
            "one nearly called so; look a town up by the region it lies in"
        )
        return
    is_known = 1.0 in found["similarity"].to_list()
    rows = []
    for row in found.iter_rows(named=True):
        by = row["pcode"] or row["matched_by"]
        rows.append(
            (
                row["region_name"],
                row["region_id"],
                by if row["similarity"] == 1 else f"{by} {row['similarity']:.2f}",
                f"{row['parent_region_id']} (a part)"
                if row["parent_region_id"] else row["region_id"],
                row["valid_from"] or "",
            )
        )  # fmt: skip
    listing(
        Console(),
        [Heading(heading) for heading in ("region", "id", "by", "counts for", "since")],
        rows,
        title=f"{name!r} " + ("means" if is_known else "is not known; nearest:"),
    )
