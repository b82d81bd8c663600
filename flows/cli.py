"""The command line: ``tocsin --help`` lists its commands."""

import gc
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.texts import shown
from flows import mails, operate
from flows.terminal import DEGRADED, STYLES, load, now

if TYPE_CHECKING:
    from flows.nightly import Report

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
DAY, MONTH = ["%Y-%m-%d"], ["%Y-%m"]


class Kind(StrEnum):
    """Formats of ``tocsin export``."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"
    GEOPARQUET = "geoparquet"


def main() -> None:
    """Run the command line; known failures end in one line and an exit code."""
    try:
        app()
    except Exception as error:
        print(f"tocsin: {known(error)}", file=sys.stderr)
        raise SystemExit(getattr(error, "exit_code", 1)) from None


def known(error: Exception) -> str:
    """What a known failure says, cure included.

    Raises:
        Exception: It is not known: its traceback must be seen.
    """
    module = type(error).__module__
    if module.startswith(("config.", "warehouse.", "expectations.", "alerts.", "flows.")):
        return str(error)
    first = str(error).partition("\n")[0]
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
    raise error


@app.callback()
def _commands() -> None:
    """Early warning of political violence, region by region."""


@app.command()
def nightly(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=DAY,
            help="Run as on this night: only what was known then counts. Default: tonight; with "
            "the embedded events, the night their newest month became known.",
        ),
    ] = None,
) -> None:
    """Pull every source, rebuild the night, judge it, publish the file, send the digests.

    Exit code 3: all of that was done, but a source could not be renewed or a mail waits. 4:
    another run is at work.
    """
    console = Console()
    from flows.prefect_server import prefect_server
    from warehouse.connect import one_run

    began = time.perf_counter()
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
        night = as_of.date() if as_of else default_night(datetime.now(UTC).date(), settings)
        wait()
        console.print(f"Tocsin, the night of {night} (libraries and Prefect ready in "
                      f"{time.perf_counter() - began:.1f} s)")  # fmt: skip
        report = flow(
            night,
            settings,
            smtp,
            lambda done: console.print(
                f"  {done.step:<28}{done.step_seconds:6.2f} s", highlight=False
            ),
        )
        show(report, console, str(settings.published_path))
    console.print(f"Done in {time.perf_counter() - began:.1f} s")
    if report.is_degraded:
        raise typer.Exit(DEGRADED)


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
    since: Annotated[datetime, typer.Option(formats=DAY, help="Earlier night of knowledge.")],
    until: Annotated[
        datetime | None, typer.Option(formats=DAY, help="Later night. Default: tonight.")
    ] = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Every revised figure by its id, as CSV.")
    ] = False,
) -> None:
    """What is believed otherwise on a later night: added, withdrawn, changed, by place and year.

    What merely happened between the two nights is news, not a revision.
    """
    from warehouse.connect import existing
    from warehouse.revisions import by_place_and_year
    from warehouse.revisions import revisions as compared

    settings, _ = load()
    night = until.date() if until else datetime.now(UTC).date()
    with existing(settings.warehouse_path) as con:
        found = compared(con, since.date(), night)
    if rows:
        print(found.write_csv(), end="")
        return
    told = [f"{n} {change}" for change, n in sorted(found["change"].value_counts().iter_rows())]
    table = Table(title=f"Known on {night} but not on {since:%Y-%m-%d}: {', '.join(told) or '-'}")
    for heading in ("source", "place", "year", "added", "withdrawn", "changed", "in", "deaths"):
        table.add_column(heading, justify="left" if heading in ("source", "place") else "right")
    for group in by_place_and_year(found).iter_rows(named=True):
        kinds = ("deaths", "region", "place", "date", "actors")
        table.add_row(
            group["source"],
            group["region_id"] or group["country_code"] or "-",
            str(group["year"] or "-"),
            *(str(group[change] or "") for change in ("added", "withdrawn", "changed")),
            ", ".join(kind for kind in kinds if group[f"other_{kind}"]),
            f"{group['deaths_before']} > {group['deaths_after']}" if group["country_code"] else "",
        )
    Console().print(table)


@app.command()
def backtest(
    since: Annotated[
        datetime | None,
        typer.Option(formats=MONTH, help="First origin month. Default: 54 origins."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=MONTH, help="Last origin month. Default: the last with outcomes."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Where the page is written. Default: the data folder.")
    ] = None,
) -> None:
    """Score the models on past months, each seen with what was known then."""
    from flows.backtest import score
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        told = score(con, since.date() if since else None, until.date() if until else None)
    path = page or settings.data_folder / "scorecard.md"
    path.write_text(told.page, "utf-8")
    print(told.page.partition("## Where")[0])
    print(f"Written: {path} ({told.seconds:.0f} s)")


@app.command()
def export(
    kind: Annotated[Kind, typer.Option("--format", help="In which format.")],
    table: Annotated[
        list[str] | None, typer.Option(help="Only this table (may be repeated).")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder. Default: exports/<format> in the data folder.")
    ] = None,
) -> None:
    """Write tables of the published file for other programs."""
    from warehouse.export import export as written

    settings, _ = load()
    folder = to or settings.data_folder / "exports" / kind.value
    for path in written(settings.published_path, folder, kind.value, table or ()):
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
    from warehouse.export import answer, defused

    settings, _ = load()
    found = answer(settings.published_path, question or sys.stdin.read())
    if kind == "csv":
        print(defused(found).write_csv(), end="")
        return
    table = Table()
    for heading, told in found.schema.items():
        table.add_column(heading, justify="right" if told.is_numeric() else "left", overflow="fold")
    for row in found.head(ROWS_PRINTED).iter_rows():
        table.add_row(*(escape(shown(in_words(cell))) for cell in row))
    console = Console()
    console.print(table)
    if found.height > ROWS_PRINTED:
        console.print(f"{ROWS_PRINTED} of {found.height:,} rows; --format csv prints all")


@app.command()
def page(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="A past night that was run. Default: the newest."),
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
    night = as_of.date() if as_of else None
    usual = settings.page_folder.with_name(f"page-{night}") if night else settings.page_folder
    print(build(settings.published_path, to or usual, night))


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
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        found = overview(con, settings)
    table = Table(title="Sources (TOCSIN_SOURCES says where from)")
    for heading in ("source", "from", "credentials", "last success", "figures to", "licence"):
        table.add_column(heading, overflow="fold")
    table.add_column("rows", justify="right")
    for row in found.iter_rows(named=True):
        success = row["succeeded_at"] or row["fetched_at"]
        table.add_row(
            row["source"],
            row["from"],
            row["credentials"],
            f"{success:%Y-%m-%d %H:%M}" if success else "-",
            str(row["covers_until"] or "-"),
            row["licence"] + ("" if row["is_republishable"] else " (rows not republished)"),
            f"{row['rows']:,}",
        )
    console = Console()
    console.print(table)
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
        console.print(escape(check_in_words(check)), highlight=False)
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
    from warehouse.connect import existing
    from warehouse.quarantine import held_now

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        found = held_now(con)
        refused = con.execute(
            "select failure from ops.fetch where failure is not null order by source"
        ).fetchall()
    table = Table(title=f"{found.height} rows in quarantine")
    for heading in ("source", "key", "rule", "value", "since"):
        table.add_column(heading, overflow="fold")
    for row in found.iter_rows(named=True):
        table.add_row(
            row["source"],
            escape(shown(row["row_key"] or f"row {row['row_number'] + 1}")),
            escape(row["rule"]),
            escape(shown(row["value"])),
            f"{row['held_from']:%Y-%m-%d}",
        )
    console = Console()
    console.print(table)
    for (failure,) in refused:
        console.print(f"[red]NOT RENEWED[/] {escape(failure)}", highlight=False, soft_wrap=True)


@held.command("show")
def show_held(
    source: Annotated[str, typer.Argument(help="Name of the source.")],
    key: Annotated[str, typer.Argument(help="Key of the row.")],
) -> None:
    """A held row as it was sent, and when it was held before."""
    from warehouse.connect import existing
    from warehouse.quarantine import held_row

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        for row in held_row(con, source, key).iter_rows(named=True):
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
    from warehouse.connect import existing
    from warehouse.quarantine import release as let_go

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        let_go(con, settings.landing_folder, source, key, who, why)
    print(f"{source} {shown(key)} is believed from the next run on")


def in_words(cell: object) -> str:
    """A value of an answer for a terminal."""
    if isinstance(cell, bytes):
        return f"({len(cell)} bytes)"
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
    from warehouse.build import match_region

    found = match_region(name, country.upper() if country else None)
    is_known = 1.0 in found["similarity"].to_list()
    table = Table(title=f"{name!r} " + ("means" if is_known else "is not known; nearest:"))
    for heading in ("region", "id", "by", "counts for", "since"):
        table.add_column(heading)
    for row in found.iter_rows(named=True):
        by = row["pcode"] or row["matched_by"]
        table.add_row(
            row["region_name"],
            row["region_id"],
            by if row["similarity"] == 1 else f"{by} {row['similarity']:.2f}",
            f"{row['parent_region_id']} (a part)" if row["parent_region_id"] else row["region_id"],
            row["valid_from"] or "-",
        )
    Console().print(table)


def check_in_words(check: dict[str, Any]) -> str:
    """A check that did not hold: how severe, of what, what good rows hold, what was seen."""
    count, column = check["unexpected_count"], check["column_name"] or "table"
    rows = "" if count is None else f"{count:,} row{'' if count == 1 else 's'}, "
    wanted = check["expectation"].partition(": ")[2]
    of = "" if wanted == column.replace("_", " ") else f", {column}"
    seen = check["observed"] or "-"
    return f"{check['severity']} {check['table_name']}{of}: {wanted}; {rows}seen: {seen}"


def show(report: "Report", console: Console, published: str) -> None:
    """The night at a glance: regions by level, sources, checks, file and mails."""
    flags = report.flags.filter(report.flags["level"] != "none")
    flags = flags.sort("p_escalation", descending=True)
    month = f"{report.flags['data_month'][0]:%Y-%m}"
    if report.flags["is_stale"].any():
        console.print(f"[red]The figures end in {month}: what follows is history, no warning.[/]")
    table = Table(title=f"Regions whose risk is flagged ({flags.height} of {report.flags.height})")
    for heading in ("level", "region"):
        table.add_column(heading)
    table.add_column("chance", no_wrap=True)
    table.add_column(f"figures of {month}, drivers", overflow="fold")
    told = {(r["region_id"], r["driver"]): r for r in report.drivers.iter_rows(named=True)}
    first = {r["region_id"]: r for r in report.drivers.filter(driver_rank=1).iter_rows(named=True)}
    for flag in flags.iter_rows(named=True):
        place = flag["region_id"]
        presence = told[place, "administrator_presence"]["value"]
        table.add_row(
            f"[{STYLES[flag['level']]}]{flag['level']}[/]",
            f"{flag['region_name']} ({flag['country_code']})",
            f"{flag['p_escalation_before']:.0%} > {flag['p_escalation']:.0%}",
            f"{flag['events_count']} events, {flag['deaths_best_count']} deaths; "
            f"usual {flag['events_past12_mean']:.1f} a month; newest {flag['newest_event']}; "
            f"driver {first[place]['driver']} {first[place]['value']:.2f} a month; administrators "
            f"{'missing' if presence is None else f'{presence:.0%}'}; "
            f"{told[place, 'aid_suspensions_open']['value']:.0f} suspensions open",
        )
    console.print(table)
    console.print(
        "chance: that violence escalates within three months, a month earlier and now"
        if flags.height
        else "No region is above the threshold."
    )
    sources = Table(title="Sources")
    for heading in ("source", "rows", "newest", "age in days", "held out", "state"):
        sources.add_column(heading)
    for source in report.sources.iter_rows(named=True):
        sources.add_row(
            source["source"],
            f"{source['rows_count']:,}",
            str(source["newest_date"] or "-"),
            str(source["age_days"] if source["age_days"] is not None else "-"),
            f"{source['quarantined_count']:,}",
            "[red]STALE[/]"
            if source["is_stale"]
            else "[red]not renewed[/]"
            if source["failure"]
            else "ok",
        )
    console.print(sources)
    for failure in report.failures.values():
        console.print(f"[red]NOT RENEWED[/] {escape(failure)}", highlight=False)
    for remark in report.remarks:
        console.print(escape(remark), highlight=False, soft_wrap=True)
    failed = report.checks.filter(~report.checks["is_success"])
    console.print(f"Checks: {report.checks.height} made, {failed.height} did not hold")
    for check in failed.iter_rows(named=True):
        console.print(f"  {escape(check_in_words(check))}", highlight=False)
    console.print(f"Published: {published}, and quality.html beside it", soft_wrap=True)
    for mail in report.deliveries:
        console.print(
            f"Mail to {mail.recipient}: {mail.status}, {escape(mail.where)}", soft_wrap=True
        )
    if not report.deliveries:
        console.print("No mail: readers know these levels, or a later night. (tocsin alerts)")
