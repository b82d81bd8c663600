"""``tocsin sources``: where the figures come from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from flows.glance import check_in_words
from flows.terminal import AsJson, load, paragraph, print_json, quantity

sources = typer.Typer(help="Where the figures come from.", invoke_without_command=True)


@sources.callback()
def _sources(context: typer.Context, as_json: AsJson = False) -> None:
    """All sources: where from, credentials, last success, age, rows, licence."""
    if context.invoked_subcommand:
        return
    from flows.sources import overview
    from warehouse.connect import open_existing
    from warehouse.sources import SOURCES

    titles = {source.name: source.title for source in SOURCES}

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        overview_rows = overview(con, settings)
    if as_json:
        print_json(sources=overview_rows)
        return
    console = Console()
    console.print("Sources (TOCSIN_SOURCES says where from, by the names in brackets)")
    for row in overview_rows.iter_rows(named=True):
        success = row["succeeded_at"] or row["fetched_at"]
        facts = (
            f"from: {row['from']}"
            + ("" if row["credentials"] == "none needed" else f"; log-in {row['credentials']}"),
            f"last success: {success:%Y-%m-%d %H:%M}" if success else "never fetched",
            f"figures to: {row['covers_until']}" if row["covers_until"] else "",
            quantity(row["rows"], "row"),
            f"licence: {row['licence']}"
            + ("" if row["is_republishable"] else " (rows not republished)"),
        )
        console.print(Text.assemble((titles[row["source"]], "bold"), f" [{row['source']}]"))
        for fact in facts:
            if fact:
                console.print(Text(f"  {fact}"), soft_wrap=True)
    for row in overview_rows.iter_rows(named=True):
        if row["failure"]:
            since = f"since {row['failed_since']:%Y-%m-%d %H:%M}"
            paragraph(console, f"{since}: {row['failure']}", alarming="NOT RENEWED")


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
def check_source(
    name: Annotated[str, typer.Argument(help="Of a source.")], as_json: AsJson = False
) -> None:
    """Fetch a source and say what it would change; nothing is kept."""
    from flows.sources import dry_run

    settings, _ = load()
    trial = dry_run(name, settings)
    failure = trial.outcome.failure
    if as_json:
        print_json(
            deliveries=[
                {
                    "source_version": batch.fetched.release.version,
                    "rows_count": batch.rows.height,
                    "bytes_count": len(batch.fetched.content),
                    "is_new": batch.is_new,
                    "url": batch.fetched.url,
                    "remarks": list(batch.remarks),
                }
                for batch in trial.outcome.batches
            ],
            checks=trial.checks,
            changes=[{"change": change, "rows_count": n} for change, n in trial.changes.items()],
            failures=[{"source": name, "failure": failure}] if failure else None,
        )
        raise typer.Exit(1 if failure else 0)
    console = Console()
    for batch in trial.outcome.batches:
        fetched = batch.fetched
        console.print(
            f"{fetched.release.version}: {batch.rows.height:,} rows, "
            f"{len(fetched.content):,} bytes, {'new' if batch.is_new else 'as held'}; "
            + fetched.url,
            highlight=False,
        )
        for remark in batch.remarks:
            console.print(f"  {escape(remark)}", highlight=False)
    failed_checks = trial.checks.filter(~trial.checks["is_success"])
    for check in failed_checks.iter_rows(named=True):
        paragraph(console, check_in_words(check))
    if failure:
        console.print(f"[red]FAILED[/] {escape(failure)}", highlight=False)
        console.print("A night would keep the last good figures. Nothing was kept now.")
        raise typer.Exit(1)
    counts = ", ".join(f"{count:,} {change}" for change, count in trial.changes.items())
    console.print(f"It would change: {counts} rows. Nothing was kept.")
