"""Delimited text as rows of texts, whoever saved it: publishers, R, or a spreadsheet.

What a spreadsheet changes is undone where that is certain (separators, encodings, decimal
commas, days written day first) and refused in one sentence where it is not.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import polars as pl

from config.registry import SourceError, columns
from config.texts import printable

LINE, EXCESS = "_line", "_excess"  # of a row: its line in the file, whether it has fields too many
SEPARATORS = (",", ";", "\t", "|")
EXTRA = 3  # columns beyond the header that are looked at
MOST_SHOWN = 60  # characters of a value in a message
AGAIN = "download it again, a spreadsheet changed it"
NUMBER_OR_DAY = re.compile(r"[-+]?\d[\d.,/:T -]*(e[-+]?\d+)?", re.IGNORECASE)
SHORTENED = r"^\d([.,]\d*)?[eE]\+?\d{1,2}$"
DAY = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:\D.*)?$"


def read(
    content: bytes,
    url: str,
    names: Sequence[str],
    header: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    separator: str = ",",
) -> pl.DataFrame:
    r"""Rows of a file as texts, its columns named as declared, with ``LINE`` and ``EXCESS``.

    Names are matched without regard to case; a first line of words is never data. Lines
    without any value, and one of tags (#date) below the header, are no rows.

    Args:
        content: The file's bytes, in UTF-8, UTF-16 or Windows' Western encoding.
        url: Where they came from, for messages.
        names: The columns wanted.
        header: Names of all columns, for a file that came without its first line.
        aliases: Other names of wanted columns.
        separator: The one that is usual; the header decides.

    Raises:
        SourceError: A column is missing or stands twice, or lines do not fit the header.

    Example:
        >>> read(b"ID;Best\r\n7;2\r\n;\r\n", "ged.csv", ["id", "best"]).drop(EXCESS).row(0)
        ('7', '2', 2)
    """
    text = _text(content, url)
    first_line = 1
    if text[:6].lower().startswith(b"sep=") and b"\n" in text[:10]:  # Excel's own first line
        text, first_line = text.partition(b"\n")[2], 2
    if not text.endswith((b"\n", b"\r")):
        raise SourceError(
            f"{url}: does not end with a line break, so it may be cut short; "
            "fetch it again (or add the line break if the file is whole)"
        )
    if b"\n" not in text:  # of an old Macintosh
        text = text.replace(b"\r", b"\n")
    head = text[:100_000].partition(b"\n")[0].decode("utf-8", "replace")
    fields, sign = _header(head, (*names, *header), aliases or {}, separator)
    is_headless = not set(fields) & {*names, *header}
    if is_headless and not any(NUMBER_OR_DAY.fullmatch(field) for field in fields):
        raise _missing(url, names, fields, header)
    if is_headless:
        if not header or len([f for f in fields if f]) > len(header) or len(fields) < len(header):
            raise SourceError(
                f"{url}: has no first line with the names of its columns; download it again, or "
                "add that line"
            )
        fields = list(header)
    else:
        text, first_line = text.partition(b"\n")[2], first_line + 1
    frame = _frame(text, url, _unique(fields, names, url), sign, first_line)
    frame = _without_tags(frame, first_line)
    _same_separator(frame, url, sign)
    return _undone(frame, url, [name for name in names if name in frame.columns], sign)


def missing_columns_in_words(
    url: str, lacking: Sequence[str], fields: Sequence[str], known_names: Sequence[str]
) -> str:
    """What is said of columns that are missing: which, and what stands in their place."""
    others = [printable(name)[:30] for name in fields if name and name not in known_names]
    instead = f"; it has {', '.join(others[:8])} instead" if others else ""
    more = " and others" if len(others) > 8 else ""
    many = "columns" if len(lacking) > 1 else "column"
    verb = "are" if len(lacking) > 1 else "is"
    return (
        f"{url}: {many} {', '.join(lacking)} {verb} missing{instead}{more}: it is another kind of "
        "file, or its columns were renamed; give the file as its publisher offers it"
    )


def _missing(
    url: str, names: Sequence[str], fields: Sequence[str], header: Sequence[str]
) -> SourceError:
    lacking = [name for name in names if name not in fields]
    return SourceError(missing_columns_in_words(url, lacking, fields, (*names, *header)))


def _text(content: bytes, url: str) -> bytes:
    """The content in UTF-8 without a byte order mark."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise SourceError(f"{url}: is cut short in the midst of a sign; {AGAIN}") from None
    if content[:200].count(0) > 50:
        raise SourceError(f"{url}: is no text (it holds zero bytes); give the CSV file itself")
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.isascii() or content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").encode()
    return content


def _header(
    head: str, known_names: Sequence[str], aliases: Mapping[str, str], usual: str
) -> tuple[list[str], str]:
    """The first line's fields, as names that are known where they are, and its separator."""

    def fields(sign: str) -> list[str]:
        row = next(csv.reader([head], delimiter=sign), [])
        names = [field.strip().strip("\"'").casefold().replace(" ", "_") for field in row]
        return [aliases.get(field, field) for field in names]

    signs = [usual, *(sign for sign in SEPARATORS if sign != usual)]
    names_by_sign = {sign: fields(sign) for sign in signs}
    best = max(
        signs,
        key=lambda sign: (
            len(set(names_by_sign[sign]) & set(known_names)),
            len(names_by_sign[sign]),
        ),
    )
    return names_by_sign[best], best


def _unique(fields: Sequence[str], names: Sequence[str], url: str) -> list[str]:
    """Names for every column; a wanted one that stands twice is refused."""
    for name in names:
        if fields.count(name) > 1:
            raise SourceError(
                f"{url}: line 1, column {name} stands there twice, so which is meant cannot be "
                f"told; {AGAIN}"
            )
    unique = [
        f"_column_{number}" if not name or name in (LINE, EXCESS, *fields[: number - 1]) else name
        for number, name in enumerate(fields, 1)
    ]
    return [*unique, *(f"_extra_{number}" for number in range(1, EXTRA + 1))]


def _frame(text: bytes, url: str, fields: list[str], sign: str, first_line: int) -> pl.DataFrame:
    """Rows with their lines; those without any value are left out."""
    quote = None if sign == "\t" else '"'
    head = sign.join(f"c{number}" for number in range(len(fields))).encode()
    try:
        frame = pl.read_csv(
            io.BytesIO(head + b"\n" + text),
            infer_schema=False,
            separator=sign,
            quote_char=quote,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        is_odd = (line.count(b'"') % 2 for line in text.splitlines())
        line_number = next((n for n, odd in enumerate(is_odd, first_line) if odd), first_line)
        raise SourceError(
            f"{url}: cannot be read as a table: a quotation mark is not closed in line "
            f"{line_number} or below; download it again"
        ) from None
    frame = frame.rename(dict(zip(frame.columns, fields, strict=True)))
    breaks = pl.sum_horizontal(pl.all().str.count_matches("\n").fill_null(0))
    before = breaks.cum_sum().shift(1, fill_value=0) if quote else pl.lit(0)
    line = pl.int_range(pl.len()) + first_line + before
    values = pl.all().str.strip_chars().replace("", None)
    extra = fields[-EXTRA:]
    return (
        frame.with_columns(line.cast(pl.Int64).alias(LINE), values)
        .with_columns(pl.any_horizontal(pl.col(extra).is_not_null()).alias(EXCESS))
        .filter(pl.any_horizontal(pl.exclude(LINE, EXCESS).is_not_null()))
        .drop(extra)
    )


def _without_tags(frame: pl.DataFrame, first_line: int) -> pl.DataFrame:
    """The rows less one of tags (#date+start), as HDX puts below a header."""
    top = frame.head(1).drop(LINE, EXCESS)
    texts = [value for value in top.row(0) if value] if top.height else []
    is_tags = texts and all(value.startswith("#") for value in texts)
    return frame[1:] if is_tags else frame


def _same_separator(frame: pl.DataFrame, url: str, sign: str) -> None:
    """Refuse lines that are separated by another sign than the header."""
    if frame.width < 5 or sign not in ",;":
        return
    other = ";" if sign == "," else ","
    first, second = frame.columns[:2]
    is_other = (pl.col(first).str.count_matches(other, literal=True) > 2) & pl.col(second).is_null()
    lines = frame.filter(is_other)[LINE]
    if len(lines):
        raise SourceError(
            f"{url}: line {lines[0]} is separated by {other} and the header by {sign} (so are "
            f"{len(lines):,} lines); {AGAIN}"
        )


def _undone(frame: pl.DataFrame, url: str, names: Sequence[str], sign: str) -> pl.DataFrame:
    """Numbers and days as their publisher writes them."""
    kind = columns()
    whole = [name for name in names if kind[name].type == "integer"]
    decimal = [name for name in names if kind[name].type == "number"]
    days = [name for name in names if kind[name].type == "day"]
    for name in whole:
        rows = frame.filter(pl.col(name).str.contains(SHORTENED))
        if rows.height:
            value = printable(rows[name][0])[:MOST_SHOWN]
            raise SourceError(
                f"{url}: line {rows[LINE][0]}, column {name}: '{value}' is a number cut short; "
                f"{AGAIN}"
            )
    blank = r"[ \x{a0}\x{202f}]"  # of thousands, as French has them
    is_spaced = pl.col(whole).str.contains(rf"^[-+]?[1-9]\d{{0,2}}({blank}\d{{3}})+$")
    frame = frame.with_columns(
        pl.when(is_spaced).then(pl.col(whole).str.replace_all(blank, "")).otherwise(pl.col(whole))
    )
    if sign == ",":  # a dot is the decimal mark
        frame = frame.with_columns(pl.col(whole).str.replace(r"^([-+]?\d+)\.0+$", "$1"))
    else:
        frame = _whole_numbers(frame, whole, decimal)
    if sign == ";":
        frame = frame.with_columns(pl.col(decimal).str.replace(r"^([-+]?\d+),(\d+)$", "$1.$2"))
    return _days_undone(frame, url, days, sign)


def _whole_numbers(
    frame: pl.DataFrame, whole: Sequence[str], decimal: Sequence[str]
) -> pl.DataFrame:
    """Whole numbers in digits alone, where the file shows what the marks in them are.

    2,0 is two. In 2,000 the comma is of thousands if it is decimal nowhere in the file, and there
    is 1,234, or the dot is decimal and the column has numbers without a comma; it is decimal if
    all of the column has it, and there 0,000 or 2,0. Of dots the same. Else 2,000 is left, and
    cannot be read.

    Args:
        frame: Texts.
        whole: Columns of whole numbers.
        decimal: Columns of other numbers.
    """

    def is_grouped(name: str, mark: str) -> pl.Expr:
        return pl.col(name).str.contains(rf"^[-+]?[1-9]\d{{0,2}}([{mark}]\d{{3}})+$")

    def is_decimal(name: str, mark: str) -> pl.Expr:
        digits = "0+" if name in whole else r"\d+"
        has_form = pl.col(name).str.contains(rf"^[-+]?\d+[{mark}]{digits}$")
        return has_form & ~is_grouped(name, mark)

    def as_decimal(name: str, mark: str) -> pl.Expr:
        return pl.col(name).str.replace(rf"^([-+]?\d+)[{mark}]0+$", "$1")

    def is_thousands(name: str, mark: str) -> pl.Expr:
        return is_grouped(name, mark) & (as_decimal(name, mark) == pl.col(name))

    def marks(form: Callable[[str, str], pl.Expr], names: Sequence[str]) -> set[str]:
        return {m for m in ".," if any(frame.select(form(n, m).any()).item() for n in names)}

    of_decimals, of_thousands = marks(is_decimal, (*whole, *decimal)), marks(is_thousands, whole)
    for name, mark in product(whole, (".", ",")):
        number = pl.col(name)
        is_in_all = frame.select(number.str.contains(mark, literal=True).all()).item()
        as_grouped = number
        if mark not in of_decimals and (mark in of_thousands or (of_decimals and not is_in_all)):
            as_grouped = number.str.replace_all(mark, "", literal=True)
        elif is_in_all and mark in marks(is_decimal, [name]) and mark not in of_thousands:
            as_grouped = as_decimal(name, mark)
        frame = frame.with_columns(
            pl.when(is_grouped(name, mark)).then(as_grouped).otherwise(as_decimal(name, mark))
        )
    return frame


def _days_undone(frame: pl.DataFrame, url: str, days: Sequence[str], sign: str) -> pl.DataFrame:
    """Days as year-month-day.

    Which comes first, day or month, is decided by the whole file: by a number above 12, else
    by semicolons, which spreadsheets write where a comma is the decimal sign; no country that
    does so puts the month first.
    """
    if not days:
        return frame
    parts = {name: pl.col(name).str.extract_groups(DAY) for name in days}
    first = [parts[name].struct[0].cast(pl.Int64) for name in days]
    second = [parts[name].struct[1].cast(pl.Int64) for name in days]
    is_written = pl.any_horizontal(part.is_not_null() for part in first)
    with_day = frame.filter(is_written)
    if with_day.is_empty():
        return frame
    day_first = with_day.select(pl.any_horizontal(part > 12 for part in first).fill_null(False))
    month_first = with_day.select(pl.any_horizontal(part > 12 for part in second).fill_null(False))
    is_day_first, is_month_first = day_first.to_series().any(), month_first.to_series().any()
    if is_day_first == is_month_first and (is_day_first or sign != ";"):
        row = with_day.row(0, named=True)
        name = next(name for name in days if re.match(DAY, row[name] or ""))
        why = (
            "other lines put the month first"
            if is_day_first
            else "which of the two numbers is the month cannot be told"
        )
        raise SourceError(
            f"{url}: line {row[LINE]}, column {name}: '{printable(row[name])[:MOST_SHOWN]}': {why}"
            f"; {AGAIN}"
        )
    day, month = (1, 0) if is_month_first else (0, 1)

    def iso(name: str) -> pl.Expr:
        part = parts[name].struct
        month_and_day = [part[place].str.zfill(2) for place in (month, day)]
        iso_date = pl.concat_str(part[2], *month_and_day, separator="-")
        return pl.coalesce(iso_date, pl.col(name)).alias(name)

    return frame.with_columns(iso(name) for name in days)
