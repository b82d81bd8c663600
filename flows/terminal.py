"""What commands share: settings when needed, styles, exit codes, lists that fit a terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import polars as pl

    from alerts.delivery import MailOutcome
    from config.settings import Settings, Smtp

STYLES = {"alarm": "bold red", "warning": "yellow", "watch": "cyan", "very_violent": "bold"}
DEGRADED = 3  # exit code: finished, but a source was not renewed or a mail waits
GAP = 2  # between columns
DECIMALS = 4
SMALLEST = 10**-DECIMALS
AsJson = Annotated[bool, typer.Option("--json", help="The rows as JSON, for programs.")]
INTENSITY_WORDS = {
    "very_violent": "very violent", "violent": "violent", "some": "some violence",
    "calm": "no event known",
}  # fmt: skip


def load() -> "tuple[Settings, Smtp]":
    """Settings from the environment, imported with what a command needs: --help needs nothing."""
    from config import settings

    own, smtp = settings.load()
    check_sources(own)
    return own, smtp


def check_sources(settings: "Settings") -> None:
    """See that the sources that the operator sets are there.

    Raises:
        SettingsError: One is not.
    """
    if not settings.sources:
        return
    from config.settings import SettingsError
    from warehouse.sources import SOURCES

    names = [source.name for source in SOURCES]
    if strangers := sorted(settings.sources.keys() - set(names)):
        raise SettingsError(
            f"TOCSIN_SOURCES: {', '.join(strangers)} is no source; known are {', '.join(names)}"
        )


def now() -> datetime:
    """This instant in UTC, as the warehouse keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def quantity(count: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> quantity(1, "night"), quantity(1200, "row"), quantity(0, "delivery")
        ('1 night', '1,200 rows', '0 deliveries')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def number_in_words(value: float) -> str:
    """A number of an answer, as exact as it is read.

    Example:
        >>> [number_in_words(x) for x in (0.23994934673369753, 12.0, -5.5, 0.00000123456)]
        ['0.2399', '12.0', '-5.5', '1.23e-06']
    """
    return f"{value:.3g}" if 0 < abs(value) < SMALLEST else f"{round(value, DECIMALS)}"


@dataclass(frozen=True)
class Heading:
    """A column of a list: ``right`` for numbers; ``spare``: the highest is left out first."""

    name: str
    right: bool = False
    spare: int = 0


def listing(
    console: Console,
    headings: Sequence[Heading],
    rows: Sequence[Sequence[str | Text]],
    title: str = "",
    blank: Literal["drop", "keep"] = "drop",
    is_one_line: bool = False,
) -> None:
    """Print rows as columns where their words fit, else one value below the other.

    Words, names and dates are never split. Columns that are empty are left out (unless to
    be kept), and spare ones where the width is not enough for the words, or for each row in
    one line where that is asked for.
    """
    cells = [[c if isinstance(c, Text) else Text(c) for c in row] for row in rows]
    columns_shown = [
        i
        for i in range(len(headings))
        if blank == "keep" or not rows or any(row[i].plain for row in cells)
    ]
    needed = _longest_line if is_one_line else _longest_word
    while _total_width(needed, headings, cells, columns_shown) > console.width:
        spare = max(columns_shown, key=lambda i: headings[i].spare, default=None)
        if spare is None or not headings[spare].spare:
            break
        columns_shown.remove(spare)
    if title:
        console.print(Text(title, style="bold"))
    if _total_width(_longest_word, headings, cells, columns_shown) > console.width:
        _print_stacked(console, headings, cells)
        return
    if not rows and blank == "drop":
        return
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for i, width in zip(
        columns_shown, _widths(headings, cells, columns_shown, console.width), strict=True
    ):
        justify: Literal["left", "right"] = "right" if headings[i].right else "left"
        table.add_column(headings[i].name, justify=justify, width=width)
    for row in cells:
        table.add_row(*(row[i] for i in columns_shown))
    console.print(table)


def _longest_word(headings: Sequence[Heading], cells: list[list[Text]], i: int) -> int:
    words = [word for row in cells for word in row[i].plain.split()] + headings[i].name.split()
    return max((Text(word).cell_len for word in words), default=0)


def _longest_line(headings: Sequence[Heading], cells: list[list[Text]], i: int) -> int:
    lines = [line.cell_len for row in cells for line in row[i].split()]
    return max([_longest_word(headings, cells, i), *lines])


def _total_width(
    needed: Callable[[Sequence[Heading], list[list[Text]], int], int],
    headings: Sequence[Heading],
    cells: list[list[Text]],
    columns_shown: list[int],
) -> int:
    return sum(needed(headings, cells, i) + GAP for i in columns_shown) - GAP


def _widths(
    headings: Sequence[Heading], cells: list[list[Text]], columns_shown: list[int], most: int
) -> list[int]:
    """Width of each column: its longest word, then its longest cell where that is left."""
    widths = {i: _longest_word(headings, cells, i) for i in columns_shown}
    lines = {
        i: max(
            [len(headings[i].name), *(line.cell_len for row in cells for line in row[i].split())]
        )
        for i in columns_shown
    }
    spare_width = most - sum(widths.values()) - GAP * (len(columns_shown) - 1)
    for i in sorted(columns_shown, key=lambda i: lines[i] - widths[i]):
        more = min(spare_width, lines[i] - widths[i])
        widths[i] += more
        spare_width -= more
    return [widths[i] for i in columns_shown]


def _print_stacked(console: Console, headings: Sequence[Heading], cells: list[list[Text]]) -> None:
    """One row below the other, a line for each name and value; addresses stay whole."""
    for row in cells:
        for heading, cell in zip(headings, row, strict=True):
            console.print(Text.assemble((f"{heading.name}: ", "dim"), cell), soft_wrap=True)
        console.print()


def print_json(**tables: "pl.DataFrame | Sequence[Any] | None") -> None:
    """Print one JSON object: the rows of each table, days as ISO 8601, unrounded.

    Args:
        tables: A frame, or rows that polars makes one of; None: no rows.

    Example:
        >>> import polars as pl
        >>> print_json(mails=pl.DataFrame({"status": ["sent"], "tries": [1]}), runs=None)
        {"mails": [{"status":"sent","tries":1}], "runs": []}
    """
    import polars as pl

    texts = {name: pl.DataFrame(rows).write_json() for name, rows in tables.items()}
    print("{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}")


def paragraph(console: Console, text: str, indent: int = 0, alarming: str = "") -> None:
    """Text wrapped at blanks: a word longer than a line, such as an address, stays whole.

    Args:
        console: Where to.
        text: What is said.
        indent: Blanks before each line.
        alarming: Words, in red, that go before it.
    """
    blanks = " " * indent
    lines = [
        fill(
            line, console.width, initial_indent=blanks, subsequent_indent=blanks,
            break_long_words=False, break_on_hyphens=False,
        )
        for line in f"{alarming} {text}".strip().split("\n")
    ]  # fmt: skip
    wrapped_text = Text("\n".join(lines))
    wrapped_text.stylize("red", indent, indent + len(alarming))
    console.print(wrapped_text, soft_wrap=True)


def print_mail(console: Console, mail: "MailOutcome") -> None:
    """What became of a mail; the path of its file in a line of its own, to be copied."""
    outcome = f"{mail.kind} to {mail.recipient}: {mail.status}"
    if mail.status == "written":
        console.print(Text(f"{outcome}\n  {mail.where}"), soft_wrap=True)
    else:
        paragraph(console, f"{outcome}, {mail.where}")


def level_text(level: str) -> Text:
    """A level in its colour; none in words."""
    return Text("no level" if level == "none" else level, style=STYLES.get(level, ""))


def intensity_text(intensity: Any) -> Text:
    """How violent a place is, in words; nights that an older Tocsin told do not say."""
    return Text(INTENSITY_WORDS.get(intensity, "not computed"), style=STYLES.get(intensity, ""))
