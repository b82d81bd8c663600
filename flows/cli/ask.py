"""Questions to the published file and to the history."""

import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from config.errors import TocsinError
from config.texts import printable
from flows.nights import PAST_DAY, tonight
from flows.terminal import AsJson, Heading, listing, load, number_in_words, print_json, quantity

if TYPE_CHECKING:
    from config.settings import Settings

ROWS_PRINTED = 100  # of an answer, in a terminal


class Kind(StrEnum):
    """Formats of ``tocsin export``."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"
    GEOPARQUET = "geoparquet"
    HUBVERSE = "hubverse"
    HXL = "hxl"


WHOLE = (Kind.HUBVERSE, Kind.HXL)  # formats with tables of their own


def revisions(
    since: Annotated[date, typer.Option(**PAST_DAY, help="Earlier night of knowledge.")],
    until: Annotated[
        date | None, typer.Option(**PAST_DAY, help="Later night. Default: tonight.")
    ] = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Every revised figure by its id, as CSV.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What is believed otherwise on a later night: added, withdrawn, changed, by place and year.

    What merely happened between the two nights is news, not a revision.
    """
    from warehouse.connect import open_existing
    from warehouse.revisions import by_place_and_year
    from warehouse.revisions import revisions as compared

    if rows and as_json:
        raise TocsinError("--rows prints CSV; give it or --json, not both")
    settings, _ = load()
    night = until or tonight()
    with open_existing(settings.warehouse_path) as con:
        changes = compared(con, since, night)
    if as_json:
        print_json(revisions=changes)
        return
    if rows:
        print(changes.write_csv(), end="")
        return
    counts = [
        f"{n:,} {change}" for change, n in sorted(changes["change"].value_counts().iter_rows())
    ]
    console = Console()
    console.print(
        f"Known on {night} but not on {since:%Y-%m-%d}: {', '.join(counts) or 'nothing'}",
        highlight=False,
    )
    from warehouse.sources import SOURCES

    titles = {source.name: source.title for source in SOURCES}
    names = place_names()
    groups = by_place_and_year(changes)
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
    """Write tables of the published file for other programs.

    hubverse: the forecasts as a modelling hub; hxl: the levels with HXL hashtags, for HDX.
    """
    from warehouse.connect import WarehouseError
    from warehouse.export import export as export_tables

    settings, _ = load()
    folder = to or settings.data_folder / "exports" / kind.value
    if kind in WHOLE:
        if table or program:
            raise WarehouseError(f"--format {kind.value} has tables of its own; leave the rest off")
        _export_whole(kind, settings, folder)
        return
    for path in export_tables(
        settings.published_path, folder, kind.value, table or (), program or ""
    ):
        print(path)


def _export_whole(kind: Kind, settings: "Settings", folder: Path) -> None:
    """Write a format with tables of its own, and print what was written."""
    if kind is Kind.HXL:
        from warehouse.hxl import export_hxl

        paths, left_out = export_hxl(settings.published_path, folder), 0
    else:
        from email.utils import parseaddr

        from warehouse.hubverse import export_hub

        contact = settings.operator or parseaddr(settings.mail_sender)[1]
        paths, left_out = export_hub(settings.published_path, folder, contact)
    for path in paths:
        print(path)
    if left_out:
        nights = quantity(left_out, "night")
        print(f"{nights} left out: an older Tocsin told fewer quantiles", file=sys.stderr)


def sql(
    question: Annotated[
        str | None, typer.Argument(help="A query. Default: read from standard input.")
    ] = None,
    kind: Annotated[
        Literal["table", "csv"], typer.Option("--format", help="How the answer is printed.")
    ] = "table",
    as_json: AsJson = False,
) -> None:
    """Ask the published file in SQL; it is opened read-only."""
    from warehouse.export import answer, escape_formulas

    if kind == "csv" and as_json:
        raise TocsinError("give --format csv or --json, not both")
    settings, _ = load()
    rows = answer(settings.published_path, question or sys.stdin.read())
    if as_json:
        print_json(rows=rows)
        return
    if kind == "csv":
        print(escape_formulas(rows).write_csv(), end="")
        return
    console = Console()
    listing(
        console,
        [Heading(name, right=kind.is_numeric()) for name, kind in rows.schema.items()],
        [
            [printable(cell_in_words(cell)) for cell in row]
            for row in rows.head(ROWS_PRINTED).iter_rows()
        ],
        blank="keep",
    )
    if not rows.height:
        console.print("no rows")
    if rows.height > ROWS_PRINTED:
        console.print(f"{ROWS_PRINTED} of {rows.height:,} rows; --format csv prints all")
    if rows.height and any(kind.is_float() for kind in rows.schema.values()):
        console.print("[dim]rounded to 4 decimals; --format csv gives every digit[/]")


def cell_in_words(cell: object) -> str:
    """A value of an answer for a terminal."""
    if isinstance(cell, bytes):
        return f"({len(cell)} bytes)"
    if isinstance(cell, float):
        return number_in_words(cell)
    return "-" if cell is None else "\n".join(map(printable, str(cell).splitlines()))


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
    print(build(settings.published_path, to or usual, as_of, settings.published_url))


def dictionary(
    indicators: Annotated[
        bool, typer.Option("--indicators", help="The indicators instead of the tables.")
    ] = False,
) -> None:
    """Print the data dictionary of the published file as Markdown."""
    if indicators:
        from indicators import indicators_page

        print(indicators_page(), end="")
        return
    from warehouse.dictionary import dictionary as page

    settings, _ = load()
    print(page(settings.published_path), end="")
