"""``tocsin line``: readers' own lines, and what a line would cost before it is saved."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.nights import PAST_DAY
from flows.terminal import AsJson, Heading, listing, load, paragraph, print_json, quantity

if TYPE_CHECKING:
    import polars as pl

    from config.lines import Line

line = typer.Typer(help="Readers' own lines, and their price.", invoke_without_command=True)


@line.callback()
def _lines(context: typer.Context, as_json: AsJson = False) -> None:
    """Lines of all readers on the newest night: chance, and price on past nights."""
    if context.invoked_subcommand:
        return
    from warehouse.connect import open_existing
    from warehouse.marts import newest_night, read_mart

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        night = newest_night(con)
        lines = read_mart(con, "line", night)
    if as_json:
        print_json(lines=lines)
        return
    if lines is None or lines.is_empty():
        print("No reader has a line: tocsin line try --help, then [[recipient.line]]")
        return
    print_lines(lines, Console(), f"Night of {night}: {quantity(lines.height, 'line')}")


@line.command("try")
def try_line(
    at_least: Annotated[int, typer.Option(help="Number that is to be reached.")],
    chance: Annotated[float, typer.Option(help="Share at which to be told, such as 0.4.")],
    windows: Annotated[int, typer.Option(help="Blocks of thirty days, 1 to 6.")] = 3,
    what: Annotated[
        str, typer.Option("--quantity", help="events, deaths or deaths_civilians.")
    ] = "events",
    region: Annotated[
        list[str] | None, typer.Option(help="Id of a region; may be repeated.")
    ] = None,
    country: Annotated[
        list[str] | None, typer.Option(help="ISO 3166 alpha-3; may be repeated.")
    ] = None,
    latitude: Annotated[float | None, typer.Option(help="Of a circle, degrees north.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Degrees east.")] = None,
    within_km: Annotated[float | None, typer.Option(help="Its radius.")] = None,
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    as_of: Annotated[
        date | None, typer.Option(**PAST_DAY, help="Night. Default: the newest that was run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Chance tonight and price of a line: mails a year, how many came, how many were missed."""
    from config.lines import line_of
    from flows.nights import runnable_night, tonight
    from flows.step_cache import CACHE_FOLDER, StepCache
    from flows.steps import lines_of_night, night_vintage
    from warehouse.connect import open_existing
    from warehouse.marts import newest_night

    settings, _ = load()
    new_line = line_of(
        {
            "name": name, "regions": region or [], "countries": country or [],
            "latitude": latitude, "longitude": longitude, "within_km": within_km,
            "quantity": what, "at_least": at_least, "windows": windows, "chance": chance,
        },
        "this line",
    )  # fmt: skip
    with open_existing(settings.warehouse_path) as con:
        night = runnable_night(as_of or newest_night(con) or tonight(), tonight())
        vintage = night_vintage(con, night)
        cache = StepCache(settings.data_folder / CACHE_FOLDER)
        lines = lines_of_night(con, vintage, [new_line], cache)["line"]
    if as_json:
        print_json(lines=lines)
        return
    console = Console()
    print_lines(lines, console, f"Night of {night}")
    print(f"To save it, under the reader's [[recipient]]:\n\n{as_toml(new_line)}")


def print_lines(lines: "pl.DataFrame", console: Console, title: str) -> None:
    """Lines as a table, then each in a sentence."""
    listing(
        console,
        [
            Heading("line"), Heading("chance", right=True), Heading("of", right=True),
            Heading("mails a year", right=True), Heading("came", right=True),
            Heading("missed", right=True), Heading("days ahead", right=True, spare=1),
            Heading("once in years", right=True),
        ],
        [_cells(row) for row in _rows(lines)],
        title=title,
    )  # fmt: skip
    for row in lines.iter_rows(named=True):
        console.print()
        paragraph(console, row["sentence_en"])
    console.print(
        "\n[dim]Brackets hold 90% intervals; nights are a month apart, each with what was "
        "known then.[/]"
    )


def _rows(lines: "pl.DataFrame") -> list[dict[str, Any]]:
    from alerts.wording.lines import line_rows

    return line_rows(lines)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from alerts.wording.lines import line_words
    from flows.lines import WINDOW_DAYS

    words = line_words("en")

    def ranged(value: float | None, low: float | None, high: float | None) -> str:
        bounds = f"({'-' if low is None else f'{low:.1f}'}-{'' if high is None else f'{high:.1f}'})"
        return f"{'-' if value is None else f'{value:.1f}'} {bounds}"

    has_nights = row["priced_nights_count"] > 0
    came = f"{row['came_count']}/{row['mails_count']}"
    if row["mails_count"]:
        came += f" ({row['came_share_low']:.0%}-{row['came_share_high']:.0%})"
    return (
        f"{words.title(row)}: {words.counted(row, row['at_least_count'])} in "
        f"{WINDOW_DAYS * row['windows_count']} days",
        f"{row['p_reached']:.0%}{' passed' if row['is_passed'] else ''}",
        f"{row['chance_bound']:.0%}",
        ranged(*(row[f"mails_per_year{end}"] for end in ("", "_low", "_high"))),
        came,
        f"{row['missed_count']}/{row['reached_count']}",
        "" if row["lead_days_median"] is None else f"{row['lead_days_median']:.0f}",
        ranged(*(row[f"return_years{end}"] for end in ("", "_low", "_high"))) if has_nights else "",
    )


def as_toml(line: "Line") -> str:
    """The line as it is written into the recipients' file."""
    import json

    from config.lines import FIELDS

    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name in FIELDS
        if (value := getattr(line, name)) not in ((), None, "")
    }
    return "\n".join(
        [
            "[[recipient.line]]",
            *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in values.items()),
        ]
    )
