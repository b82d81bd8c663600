"""Tables of configuration: read as spreadsheets save them, wrong rows refused by file and line."""

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import polars as pl

from config.overlay import ConfigurationError, layers
from config.vocabulary import ACTOR_GROUPS, CODE_STATUS_GROUPS

SAVE = "save it as CSV UTF-8"
SHOWN = 5  # wrong rows told at once


@dataclass(frozen=True)
class Field:
    """What a value of a column must be.

    Attributes:
        shape: Regular expression that it matches as a whole.
        words: The same for whoever wrote it.
        of: Table and column that holds it; several are joined by ``;``.
        parse: Raises ``ValueError`` where the shape alone does not tell (the 30th of February).
    """

    shape: str = r".+"
    words: str = "filled in"
    of: tuple[str, str] | None = None
    parse: Callable[[str], object] = str

    def fits(self, value: str) -> bool:
        """Whether it is what the column asks for."""
        try:
            return bool(re.fullmatch(self.shape, value)) and self.parse(value) is not None
        except ValueError:
            return False

    @property
    def may_be_empty(self) -> bool:
        """Whether the column may be left out."""
        return self.fits("")


def _one_of(*values: str) -> Field:
    return Field("|".join(values), f"one of {', '.join(value or 'nothing' for value in values)}")


def _expression(text: str) -> str:
    try:
        pl.Series([""]).str.contains(text)  # what it cannot read, DuckDB cannot: no look-around
    except pl.exceptions.ComputeError as error:
        raise ValueError(text) from error
    return text


TEXT, ANY = Field(), Field(r".*")
DAY = Field(r"\d{4}-\d{2}-\d{2}", "a day, written 2021-06-03", parse=date.fromisoformat)
DEGREES = Field(r"(-?\d+(\.\d+)?)?", "degrees, written -12.5")
CODE = Field(r"[A-Z]{3}", "an ISO 3166 code of three capitals")
COUNTRY = Field(CODE.shape, CODE.words, ("countries.csv", "country_code"))
REGION = Field(of=("regions.csv", "region_id"))
REGION_ID = Field(r"[A-Z]{3}\.[a-z0-9_]+", "COUNTRY.name, small letters, digits and _")
# Columns of each table, its key first in the second place.
TABLES: Mapping[str, tuple[Mapping[str, Field], tuple[str, ...]]] = {
    "countries.csv": (
        {
            "country_code": CODE, "country_name": ANY, "country_name_fr": ANY,
            "gw_number": Field(r"\d{0,3}", "a number of Gleditsch and Ward, such as 432"),
            "territory_of": Field(r"([A-Z]{3})?", CODE.words),
            "name_variants": ANY,
            "west": DEGREES, "east": DEGREES, "south": DEGREES, "north": DEGREES,
        },
        ("country_code",),
    ),
    "regions.csv": (
        {
            "region_id": REGION_ID, "country_code": COUNTRY, "region_name": TEXT,
            "name_variants": ANY, "parent_region_id": Field(r".*", of=REGION.of),
            "valid_from": ANY,
        },
        ("region_id",),
    ),
    "pcodes.csv": (
        {
            "region_pcode": TEXT, "pcode_scheme": TEXT, "pcode_vintage": TEXT,
            "region_id": REGION, "covers": _one_of("whole", "part", "more"), "basis": ANY,
        },
        ("pcode_scheme", "pcode_vintage", "region_pcode", "region_id"),
    ),
    "scopes.csv": (
        {
            "scope": TEXT, "country_code": COUNTRY, "region_id": REGION,
            "is_part": _one_of("", "true"), "reason": ANY,
        },
        ("scope", "country_code"),
    ),
    "population_units.csv": (
        {"country_code": CODE, "unit_name": ANY, "region_name": ANY, "reason": TEXT},
        ("country_code", "unit_name", "region_name"),
    ),
    "partners.csv": ({"partner": TEXT, "reason": ANY, "donor": ANY}, ("partner",)),
    "actors.csv": ({"actor": TEXT, "actor_group": _one_of(*ACTOR_GROUPS)}, ("actor",)),
    "actor_rules.csv": (
        {
            "name_pattern": Field(r".*", "a regular expression of RE2", parse=_expression),
            "fought_state": _one_of("", "true"), "actor_group": _one_of(*ACTOR_GROUPS),
            "reason": TEXT,
        },
        ("name_pattern", "fought_state"),
    ),
    "ucdp_revisions.csv": (
        {
            "link": TEXT, "period_start": DAY,
            "country_code": Field(r"[A-Z]{3}(;[A-Z]{3})*", "codes of three capitals, joined by ;"),
            "code_status_group": _one_of(*CODE_STATUS_GROUPS, "check", "all"),
            **{
                name: Field(r"\d*", "a number, or empty: not known")
                for name in (
                    "events_before_count", "events_kept_count", "events_added_count",
                    "deaths_before_count", "deaths_kept_before_count", "deaths_kept_after_count",
                    "deaths_added_count", "deaths_after_count",
                )
            },
            "releases": TEXT,
        },
        ("link", "period_start", "country_code", "code_status_group"),
    ),
    "names_fr.csv": ({"name": TEXT, "name_fr": TEXT}, ("name",)),
    "registers/reports_read.csv": (
        {"report_id": TEXT, "read_on": DAY, "read_by": TEXT, "found": ANY},
        ("report_id",),
    ),
    "registers/coverage.csv": (
        {
            "source": TEXT, "series": ANY, "country_code": COUNTRY, "kept_from": DAY,
            "kept_until": DAY, "reason": ANY,
        },
        ("source", "series", "country_code", "kept_from"),
    ),
}  # fmt: skip


class TableError(ConfigurationError):
    """A file is no table of text; the message names file, line and cure."""


@cache
def config_table(name: str) -> pl.DataFrame:
    """The rows in force of a table of configuration, as text (empty: null), all of them right.

    Where the user's own file is laid over ours, its rows stand for ours of the same key and
    after the rest.

    Args:
        name: One of ``TABLES``.

    Raises:
        ConfigurationError: A file cannot be read, or rows are wrong: file, line, field, value,
            cure.
    """
    key = TABLES[name][1]
    frames = [file_rows(path, name) for path in layers(name)]
    below = [frame.join(frames[-1], on=key, how="anti") for frame in frames[:-1]]
    return pl.concat([*below, frames[-1]]).select(pl.all().replace("", None))


def file_rows(path: Path, name: str) -> pl.DataFrame:
    """The rows of one file of a table as text, all of them right.

    Args:
        path: The file.
        name: The table it is of, one of ``TABLES``.

    Raises:
        ConfigurationError: As ``config_table``.
    """
    fields, key = TABLES[name]
    try:
        header, rows, lines, _ = records(text_of(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; let Tocsin read it") from None
    for column, field in fields.items():
        if column in header:
            continue
        strangers = [other for other in header if other not in fields]
        meant = get_close_matches(column, strangers, n=1, cutoff=0.8)
        if meant or not field.may_be_empty:
            was = f"{meant[0]} is called {column}" if meant else f"column {column} is missing"
            raise ConfigurationError(f"{path}: line 1, {was}; columns are {', '.join(fields)}")
    raw = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    frame = raw.select(
        pl.col(column).str.strip_chars() if column in header else pl.lit("").alias(column)
        for column in fields
    )
    wrong = [
        (line, f"field {column}: {value!r} must be {field.words}")
        for column, field in fields.items()
        for line, value in zip(lines, frame[column], strict=True)
        if not field.fits(value)
    ]
    for column, field in fields.items():
        options = _known(field, frame, name)
        for line, value in zip(lines, frame[column] if options is not None else (), strict=False):
            for part in filter(None, map(str.strip, value.split(";"))):
                if part not in (options or ()):
                    wrong.append((line, _unknown(column, part, field, options or ())))
    twice = frame.select(again=~pl.struct(key).is_first_distinct())["again"]
    wrong += [
        (line, f"field {key[0]}: a line above has the same {', '.join(key)}; keep one")
        for line, is_twice in zip(lines, twice, strict=True)
        if is_twice
    ]
    if wrong:
        faults = [f"{path}: line {line}, {text}" for line, text in sorted(wrong)[:SHOWN]]
        more = [f"{path}: {len(wrong) - SHOWN} more wrong values"] * (len(wrong) > SHOWN)
        raise ConfigurationError("\n".join([*faults, *more]))
    return frame


def _known(field: Field, frame: pl.DataFrame, name: str) -> tuple[str, ...] | None:
    """What a column's values are out of; None: it is none of another's."""
    if field.of is None:
        return None
    holder, column = field.of
    return tuple((frame if holder == name else config_table(holder))[column])


def _unknown(column: str, value: str, field: Field, options: tuple[str, ...]) -> str:
    meant = get_close_matches(value, options, n=2)
    nearest = f" (nearest: {', '.join(meant)})" if meant else ""
    holder = field.of[0] if field.of else ""
    return f"field {column}: {value!r} is not in {holder}; write it as there{nearest}, or add it"


def text_of(content: bytes, url: str) -> str:
    """The text of a CSV file in UTF-8, UTF-16 or Windows-1252.

    Raises:
        TableError: It is none.
    """
    return content.decode(encoding_of(content, url))


def encoding_of(content: bytes, url: str) -> str:
    """The encoding of a CSV file by Python's name, the mark at its beginning included.

    Raises:
        TableError: It is none of those that spreadsheets write.
    """
    if content[:4] in (b"PAR1", b"PK\x03\x04"):
        raise TableError(f"{url}: is a workbook or an archive, not a CSV file; {SAVE}")
    encoding_of_mark = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb": "utf-8-sig"}
    for encoding in (encoding_of_mark.get(content[:2], "utf-8"), "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise TableError(f"{url}: holds signs of an unknown encoding; {SAVE}")


def records(text: str, url: str) -> tuple[list[str], list[list[str]], list[int], str]:
    """Names of the columns, the fields of each row, its line, and what separates fields.

    Raises:
        TableError: It is cut short, or a line has more fields than the first.
    """
    if text and not text.endswith(("\n", "\r")):
        raise TableError(
            f"{url}: line {len(text.splitlines())} has no line break at its end, so the file may "
            "be cut short; add the line break if it is whole"
        )
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header: list[str] = []
    records: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                pass  # a spreadsheet's empty row
            elif not header:
                header = [field.strip().lower() for field in fields]
                while not header[-1]:  # columns that were emptied
                    header.pop()
                if doubled := {name for name in header if header.count(name) > 1}:
                    raise TableError(f"{url}: line {line}, column {min(doubled)} stands twice")
            elif any(field.strip() for field in fields[len(header) :]):
                raise TableError(
                    f"{url}: line {line} has {len(fields)} fields, the header {len(header)}; put "
                    f'a text that holds {separator!r} in double quotes: "..."'
                )
            else:
                records.append((fields + [""] * len(header))[: len(header)])
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{url}: line {line} cannot be read ({error}); {SAVE}") from None
    if not header:
        raise TableError(f"{url}: is empty; its first line names the columns")
    return header, records, lines, separator
