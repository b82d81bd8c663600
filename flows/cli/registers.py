"""``tocsin registers``: the tables that people keep by hand, and what waits to be read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from config.errors import TocsinError
from config.texts import printable
from flows.terminal import AsJson, Heading, listing, load, now, paragraph, print_json, quantity

if TYPE_CHECKING:
    from config.registry import Source
    from flows.registers import Trial
    from warehouse.sources.registers import WrongValue

registers = typer.Typer(
    help="The tables that people keep by hand, and reports to be read.", invoke_without_command=True
)
MOST_LINES = 20  # of what a file would change


class RegisterFileError(TocsinError):
    """A register has wrong rows; the message says how many."""


@registers.callback()
def _registers(context: typer.Context, as_json: AsJson = False) -> None:
    """Each register: where it lies, rows, newest entry, until when it is kept."""
    if context.invoked_subcommand:
        return
    import polars as pl

    from config.registry import coverage
    from flows.registers import REGISTERS, address
    from warehouse.sources.tables import fetch_file

    settings, _ = load()
    rows = []
    for source in REGISTERS:
        fetched = fetch_file(source, address(source, settings))
        entries = source.parse(fetched.content, fetched.url)
        kept_until = coverage().filter(source=source.name).group_by("country_code").agg(
            pl.col("kept_until").max()
        ).sort("country_code")  # fmt: skip
        until = ", ".join(f"{country} {day}" for country, day in kept_until.iter_rows())
        newest = entries.get_column(source.dated_by or source.columns[0]).cast(pl.String).max()
        rows.append((source.name, entries.height, str(newest), until, fetched.url))
    names = ("register", "rows", "newest entry", "kept until", "file")
    if as_json:
        columns = [name.replace(" ", "_") for name in names]
        print_json(registers=pl.DataFrame(rows, columns, orient="row"))
        return
    listing(
        Console(),
        [Heading(name, right=name == "rows") for name in names],
        [(name, f"{count:,}", *rest) for name, count, *rest in rows],
    )


@registers.command()
def check(
    file: Annotated[Path, typer.Argument(help="A register as CSV.")], as_json: AsJson = False
) -> None:
    """Look a register through line by line before it is put in force, and say what it changes."""
    from flows.registers import try_file

    settings, _ = load()
    trial = try_file(file, settings, now().date())
    if as_json:
        _print_as_json(trial)
        return
    console = Console()
    if isinstance(trial, int):
        console.print(f"{file}: coverage, {quantity(trial, 'row')}, none wrong.", soft_wrap=True)
        return
    if trial.wrong:
        for line in trial.wrong:
            console.print(Text(printable(line)), soft_wrap=True)
        raise RegisterFileError(
            f"{file}: {quantity(len(trial.wrong), 'value')} of {trial.source.name} to mend; a "
            "night would refuse the file and keep the last good entries"
        )
    console.print(
        f"{file}: {trial.source.title} [{trial.source.name}], "
        f"{quantity(trial.rows_count, 'row')}, none wrong.",
        soft_wrap=True,
        markup=False,
    )
    _print_changes(console, trial)


def _print_as_json(trial: "Trial | int") -> None:
    """What is wrong and what would change; exits with 1 where something is wrong."""
    if isinstance(trial, int):
        of_file = {"register": "coverage", "rows_count": trial, "uncovered_count": 0}
        print_json(registers=[of_file], wrong=None, changes=None)
        return
    name = trial.source.name
    lines = (("added", trial.lines_added), ("withdrawn", trial.lines_withdrawn))
    print_json(
        registers=[
            {
                "register": name,
                "rows_count": trial.rows_count,
                "uncovered_count": trial.uncovered_count,
            }
        ],
        wrong=[{"register": name, "fault": fault} for fault in trial.wrong],
        changes=[
            {"register": name, "change": change, "line": line}
            for change, texts in lines
            for line in texts
        ],
    )
    if trial.wrong:
        raise typer.Exit(1)


def _print_changes(console: Console, trial: "Trial") -> None:
    from flows.registers import COVERAGE

    for sign, lines in (("+", trial.lines_added), ("-", trial.lines_withdrawn)):
        for line in lines[:MOST_LINES]:
            console.print(Text(f"{sign} {printable(line)}"), soft_wrap=True)
        if len(lines) > MOST_LINES:
            console.print(f"{sign} {len(lines) - MOST_LINES:,} more")
    console.print(
        f"Against the register in force: {quantity(len(trial.lines_added), 'line')} more, "
        f"{len(trial.lines_withdrawn):,} less. Nothing was kept."
        if trial.lines_added or trial.lines_withdrawn
        else "It says what the register in force says."
    )
    if trial.uncovered_count:
        paragraph(
            console,
            f"{quantity(trial.uncovered_count, 'line')} outside what is declared as kept: shown, "
            f"but the month counts as not known until config/{COVERAGE} is widened.",
        )


@registers.command()
def add(
    register: Annotated[str, typer.Argument(help="Name of the register.")],
    report: Annotated[str, typer.Option(help="Id of the report that the row is from.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
) -> None:
    """Enter a row: asks field by field, says what it changes, then writes it."""
    from flows.registers import (
        register_named,
        try_content,
        waiting_reports,
        with_row_added,
        write,
    )

    settings, _ = load()
    source = register_named(register)
    values: dict[str, str] = {}
    today = now().date()
    default_of = {}
    if report:
        reports = waiting_reports(settings, today).filter(report_id=report)
        if reports.is_empty():
            raise RegisterFileError(f"{report}: no such report waits; see 'tocsin registers inbox'")
        one = reports.row(0, named=True)
        default_of = dict.fromkeys(("url", "url_if_known"), one["url"]) | {
            "published_on": f"{one['published_date']}"
        }
    console = Console()
    for name in source.columns:
        _ask(console, source, name, values, default_of.get(name, ""))
    path, after, wrong = with_row_added(source, values, settings)
    while wrong:
        for value in wrong:
            console.print(Text(printable(value.text)), soft_wrap=True)
        fields = dict.fromkeys(name for value in wrong for name in _to_mend(source, value))
        for name in fields:
            _ask(console, source, name, values, values[name])
        path, after, wrong = with_row_added(source, values, settings)
    trial = try_content(after, str(path), source, settings, today)
    if trial.wrong:
        raise RegisterFileError("\n".join(trial.wrong))
    _print_changes(console, trial)
    if not yes and not typer.confirm(f"Write it to {path}?"):
        print("Nothing was written.")
        return
    write(path, after)
    print(f"{path}: one row more; the next night believes it")


def _to_mend(source: "Source", value: "WrongValue") -> tuple[str, ...]:
    """Fields to be asked again; of a row that is there already all that tell rows apart."""
    is_twice = value.field == source.key[0] and not value.is_by_itself
    return source.key if is_twice else (value.field,)


def _ask(
    console: Console, source: "Source", name: str, values: dict[str, str], default: str
) -> None:
    """Ask for a value until it holds by itself."""
    from config.registry import columns
    from flows.registers import wrong_by_themselves

    console.print(Text(f"{name}: {columns()[name].meaning}", style="dim"), soft_wrap=True)
    while True:
        values[name] = typer.prompt(name, default=default, show_default=bool(default)).strip()
        wrong = [v for v in wrong_by_themselves(source, values) if v.field == name]
        if not wrong:
            return
        for value in wrong:
            console.print(Text(printable(value.text)), soft_wrap=True)


@registers.command()
def inbox(as_json: AsJson = False) -> None:
    """Reports that may hold figures, until one is marked as read or an entry quotes it."""
    from flows.registers import waiting_reports

    settings, _ = load()
    waiting = waiting_reports(settings, now().date())
    if as_json:
        print_json(reports=waiting)
        return
    console = Console()
    console.print(
        f"{quantity(waiting.height, 'report')} to be read. 'tocsin registers read ID' marks one, "
        "'tocsin registers add REGISTER --report ID' enters a row from it.",
        soft_wrap=True,
    )
    for row in waiting.iter_rows(named=True):
        console.print(
            Text(
                f"{row['report_id']}  {row['published_date']}  {printable(row['title'])} "
                f"({printable(row['publisher'] or '-')}; {row['countries'] or '-'})"
            ),
            soft_wrap=True,
        )
        console.print(Text(f"  {printable(row['url'])}"), soft_wrap=True)


@registers.command()
def read(
    report_id: Annotated[str, typer.Argument(help="Id of the report.")],
    who: Annotated[str, typer.Option(help="Who read it.")],
    found: Annotated[str, typer.Option(help="What it holds.")] = "no figure",
) -> None:
    """Mark a report as read."""
    from flows.registers import mark_read, waiting_reports

    settings, _ = load()
    today = now().date()
    if waiting_reports(settings, today).filter(report_id=report_id).is_empty():
        raise RegisterFileError(
            f"{report_id}: no such report waits; 'tocsin registers inbox' lists those that do"
        )
    path = mark_read(report_id, who, found, today)
    print(f"{path}: {report_id} is read")
