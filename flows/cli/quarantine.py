"""``tocsin quarantine``: rows that were sent but are not believed."""

from typing import Annotated

import typer
from rich.console import Console

from config.texts import printable
from flows.terminal import AsJson, Heading, listing, load, paragraph, print_json, quantity

quarantine = typer.Typer(
    help="Rows that were sent but are not believed.", invoke_without_command=True
)


@quarantine.callback()
def _quarantine(context: typer.Context, as_json: AsJson = False) -> None:
    """Rows held out now: source, key, the rule they break, the offending value, since when."""
    if context.invoked_subcommand:
        return
    import polars as pl

    from warehouse.connect import open_existing
    from warehouse.quarantine import quarantined_rows
    from warehouse.source_status import failing_sources

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        rows = quarantined_rows(con)
        failing = failing_sources(con)
    if as_json:
        columns = ("source", "tried_at", "failure")
        print_json(quarantine=rows, not_renewed=pl.DataFrame(failing, columns, orient="row"))
        return
    failures = [failure for _, _, failure in failing]
    console = Console()
    listing(
        console,
        [Heading(name) for name in ("source", "key", "rule", "value", "since")],
        [
            (
                row["source"],
                printable(row["row_key"] or f"row {row['row_number'] + 1}"),
                row["rule"],
                printable(row["value"]),
                f"{row['held_from']:%Y-%m-%d}",
            )
            for row in rows.iter_rows(named=True)
        ],
        title=f"{quantity(rows.height, 'row')} in quarantine",
    )
    for failure in failures:
        paragraph(console, failure, alarming="NOT RENEWED")


@quarantine.command("show")
def show_quarantined(
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
            print(f"{row['held_from']:%Y-%m-%d}{until}: {row['rule']}: {printable(row['value'])}")
            print(printable(row["sent"]))


@quarantine.command()
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
    print(f"{source} {printable(key)} is believed from the next run on")
