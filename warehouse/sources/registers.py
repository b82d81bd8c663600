"""Registers kept by hand, read as spreadsheets save them; wrong rows are refused by line."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from config.registry import SourceError, columns
from config.tables import TableError, encoding_of, records, text_of
from warehouse.sources.tables import AS_SENT, FAULT, cast_declared

SHOWN = 5  # wrong rows told at once
LINE = "_line"  # of the file, its header included
STRAIGHT = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "\u00a0": " ", "\u202f": " "})
# Texts of these hold names of our own lists; elsewhere an apostrophe stays as it was written.
NAMED = ("country", "country_code", "actor", "scope_regions", "region_id")
PRECISION = "date_precision"
CURES = {
    "day": "write it as 2021-06-03 (2021-06 if only the month is known)",
    "number": "write it with a point: 16.8",
}


@dataclass(frozen=True, order=True)
class WrongValue:
    """A value that does not hold: the line, the field, and what to write.

    ``is_by_itself``: whatever the other fields say.
    """

    line: int
    field: str
    text: str
    is_by_itself: bool = True


class RegisterError(SourceError):
    """Rows of a register are wrong: the message tells the first five, ``wrong`` all of them."""

    def __init__(self, url: str, wrong: Sequence[WrongValue]) -> None:
        lines = [f"{url}: line {value.line}, {value.text}" for value in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            lines.append(f"{url}: {len(wrong) - SHOWN} more wrong values")
        super().__init__("\n".join(lines))
        self.wrong = tuple(wrong)


@dataclass(frozen=True)
class Rule:
    """What must hold of ``field``: ``holds`` is true in good rows (null: cannot be told).

    ``known``: names of which the most similar are offered for an unknown part.
    """

    field: str
    holds: pl.Expr
    cure: str
    options: Collection[str] = ()


def read_register(
    content: bytes,
    url: str,
    names: Sequence[str],
    nullable: Sequence[str] = (),
    dated_by: str = "date",
) -> pl.DataFrame:
    r"""Rows of a register, the line each begins on (``LINE``, the header being line 1), its fault.

    Read as Excel and LibreOffice save it in any language: separated by commas, semicolons or
    tabs; UTF-8, UTF-16 or Windows-1252; blank lines are no rows. Where commas do not separate,
    16,8 is a number and 03/06/2021 the third of June. A column that may be empty may be missing.
    A day known to the month (``2021-06``) is its first, and its ``date_precision`` says so.

    Args:
        content: The file's bytes.
        url: Where they came from, for error messages.
        names: Columns to keep; their types stand in ``config/columns.toml``.
        nullable: Those of ``names`` that may be empty.
        dated_by: Column that holds the date a row is about.

    A value that cannot be read is null, and ``FAULT`` says so, for ``require``.

    Raises:
        SourceError: It is no such file, or most of a column cannot be read.

    Example:
        >>> sent = "Date;Value_pct\r\n03/06/2021;16,8\r\n;\r\n".encode("cp1252")
        >>> read_register(sent, "register.csv", ["date", "value_pct"]).row(0)
        (datetime.date(2021, 6, 3), 16.8, 2, None)
    """
    header, fields, lines, separator = _records(content, url)
    raw = pl.DataFrame(fields, schema=dict.fromkeys(header, pl.String), orient="row")
    raw = raw.with_columns(
        pl.lit(None, pl.String).alias(name)
        for name in nullable
        if name in names and name not in raw.columns
    )
    raw = raw.with_columns(pl.col(pl.String).str.strip_chars(" \t\u00a0\u202f").replace("", None))
    raw = raw.with_columns(
        pl.col(name).map_elements(lambda text: text.translate(STRAIGHT), pl.String)
        for name in NAMED
        if name in raw.columns
    )
    if separator != ",":
        raw = raw.with_columns(_local(pl.col(name), name) for name in names if name in raw.columns)
    raw = _with_precision(raw, dated_by if PRECISION in names else "")
    contradiction = pl.format(
        f"field {PRECISION}: {{}}; {dated_by} holds a month only: write month", "_contradicts"
    )
    rows = cast_declared(raw, url, names, nullable).with_columns(pl.Series(LINE, lines, pl.Int64))
    return rows.drop(AS_SENT, FAULT).with_columns(
        rows[FAULT]
        .map_elements(lambda fault: f"{fault}; {_cure(fault)}", pl.String)
        .fill_null(raw.select(contradiction).to_series())
    )


def _with_precision(raw: pl.DataFrame, dated_by: str) -> pl.DataFrame:
    """The rows with the precision of their date; ``_contradicts``: one given that it has not."""
    if dated_by not in raw.columns:
        return raw.with_columns(pl.lit(None, pl.String).alias("_contradicts"))
    is_month = pl.col(dated_by).str.contains(r"^\d{4}-\d{2}$")
    precision = pl.when(is_month).then(pl.lit("month")).otherwise(pl.lit("day"))
    return raw.with_columns(
        pl.col(PRECISION).fill_null(precision),
        pl.when(is_month & ~pl.col(PRECISION).str.starts_with("month"))
        .then(pl.col(PRECISION))
        .alias("_contradicts"),
    )


def line_of(content: bytes, url: str, row: int) -> int:
    """The line of the file, its header included, on which a row (from 0) begins."""
    return _records(content, url)[2][row]


def _records(content: bytes, url: str) -> tuple[list[str], list[list[str]], list[int], str]:
    try:
        return records(text_of(content, url), url)
    except TableError as error:
        raise SourceError(str(error)) from None


def _local(value: pl.Expr, name: str) -> pl.Expr:
    """Days and numbers as spreadsheets of countries with a decimal comma write them."""
    kind = columns()[name].type
    if kind == "day":
        day = value.str.replace(r"^(\d{2})[/.](\d{2})[/.](\d{4})$", "$3-$2-$1")
        return day.str.replace(r"^(\d{2})[/.](\d{4})$", "$2-$1")
    if kind in ("number", "integer"):
        return value.str.replace(r"^(-?\d+),(\d+)$", "$1.$2")
    return value


def _cure(fault: str) -> str:
    kind = re.search(r"is no (\w+)$", fault)
    if kind is None:
        return "fill it in"
    return CURES.get(kind.group(1), "correct it")


def one_of(field: str, options: Collection[str], where: str = "") -> Rule:
    """Each ``;``-separated part of the field is one of ``options``; ``where`` they stand."""
    part = pl.element().str.strip_chars()
    is_known = pl.col(field).str.split(";").list.eval(part.is_in(list(options))).list.all()
    cure = f"write it as in {where}, or add it there" if where else f"write {', '.join(options)}"
    return Rule(field, is_known, cure, options)


def in_order(first: str, second: str, cure: str) -> Rule:
    """``second`` is not before, or less than, ``first``."""
    return Rule(second, pl.col(second) >= pl.col(first), cure)


def unique(key: Sequence[str], cure: str = "keep the right one") -> Rule:
    """No two rows say something about the same thing."""
    is_unique = ~pl.struct(key).is_duplicated() | pl.any_horizontal(pl.col(key).is_null())
    return Rule(key[0], is_unique, f"two rows share {', '.join(key)}: {cure}")


def is_url(field: str) -> Rule:
    """A reference that can be opened."""
    return Rule(
        field,
        pl.col(field).str.contains(r"^https?://\S+$"),
        "give the address of the text, http(s)://...",
    )


def require(rows: pl.DataFrame, rules: Sequence[Rule], url: str) -> pl.DataFrame:
    """The rows without their lines, if all can be read and none breaks a rule.

    Args:
        rows: The register as ``read_register`` gives it.
        rules: What must hold.
        url: The file, for the message.

    Raises:
        RegisterError: File, line, field, value and cure of each.
    """
    wrong = [
        WrongValue(line, fault.split()[1].rstrip(":"), fault)
        for line, fault in rows.filter(pl.col(FAULT).is_not_null()).select(LINE, FAULT).iter_rows()
    ]
    for rule in rules:
        is_by_itself = {*rule.holds.meta.root_names()} == {rule.field}
        for row in rows.select((~rule.holds).fill_null(False).arg_true()).to_series():
            value = str(rows[rule.field][row])
            parts = [part.strip() for part in value.split(";")]
            offers = [
                offer
                for part in parts
                if part not in rule.options
                for offer in get_close_matches(part, list(rule.options), n=2)
            ]
            meant = f" (nearest: {', '.join(offers)})" if offers else ""
            text = f"field {rule.field}: {value}; {rule.cure}{meant}"
            wrong.append(WrongValue(rows[LINE][row], rule.field, text, is_by_itself))
    if wrong:
        raise RegisterError(url, sorted(wrong))
    return rows.drop(LINE, FAULT)


def with_row(content: bytes, url: str, values: Mapping[str, str]) -> bytes:
    r"""The file with a row at its end, in its own encoding, separator and line breaks.

    Args:
        content: The file's bytes.
        url: Where they came from, for error messages.
        values: By column; what is not given stays empty.

    Raises:
        SourceError: It is no such file, or has no column or sign for a value.

    Example:
        >>> with_row(b"date;what\r\n2021-06-03;a\r\n", "r.csv", {"what": "b; c"})
        b'date;what\r\n2021-06-03;a\r\n;"b; c"\r\n'
    """
    header, _, _, separator = _records(content, url)
    for name, value in values.items():
        if value and name not in header:
            raise SourceError(f"{url}: line 1 has no column {name}; add it, then the row")
    text = text_of(content, url)
    ending = "\r\n" if "\r\n" in text else "\n"
    row = io.StringIO()
    writer = csv.writer(row, delimiter=separator, lineterminator=ending)
    writer.writerow(values.get(name, "") for name in header)
    encoding = encoding_of(content, url)
    try:
        return (text + row.getvalue()).encode(encoding)
    except UnicodeEncodeError as error:
        sign = error.object[error.start]
        raise SourceError(
            f"{url}: is in {encoding}, which has no sign {sign!r}; save it as CSV UTF-8 first"
        ) from None
