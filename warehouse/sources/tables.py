"""Reading bytes as a table of declared columns, with errors that name file, row and field."""

import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from config.overlay import HERE, in_force
from config.registry import (
    EMBEDDED,
    Fetched,
    Release,
    Source,
    SourceError,
    columns,
    countries,
)
from config.texts import printable
from warehouse.sources import delimited
from warehouse.sources.delimited import EXCESS, LINE

MOST_BYTES, MOST_RATIO = 2**31, 100  # of a zipped table, unpacked
MOST_ROWS = 10_000_000  # of a Parquet file, which says in a few bytes that a value comes again
FAULT, AS_SENT = "_fault", "_as_sent"  # of a row that cannot be read: why, and the row
UNREADABLE = "cannot be read"  # the rule such a row breaks
SHOWN = 80  # characters of a wrong value
SPREADSHEET = b"PK\x03\x04"
THOUSANDS_OR_DECIMALS = r"^[-+]?\d{1,3}[.,]000$"  # a whole number as a spreadsheet shows it
MOST_UNREADABLE = 0.5  # of a column's values: more are not its rows' fault but the file's
POLARS_TYPES: dict[str, type[pl.DataType]] = {
    "text": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "day": pl.Date,
    "flag": pl.Boolean,
    "bytes": pl.Binary,
}


def fetch_file(source: Source, address: str) -> Fetched:
    """Bytes of a file on disk, or of one in ``config``, as they are.

    Raises:
        SourceError: The file is missing or unreadable.
    """
    try:
        inside = address.removeprefix(EMBEDDED)
        path = Path(address) if inside == address else in_force(inside)
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{source.name}: cannot read {address} ({error.strerror}); mend the path in "
            f"TOCSIN_SOURCES or drop it to use the embedded copy"
        ) from None
    embedded = {release.address: release for release in source.embedded}
    release = embedded.get(address, Release(Path(address).name))
    if inside != address and path != HERE / inside:  # a register of the user's own
        address, release = str(path), replace(release, version=f"own {path.name}")
    return Fetched(content, address, datetime.now(UTC).replace(tzinfo=None), release)


def read_table(
    content: bytes,
    url: str,
    names: Sequence[str],
    nullable: Sequence[str] = (),
    header: Sequence[str] = (),
    separator: str = ",",
    keep_unreadable: bool = False,
    optional: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    r"""Rows of a CSV, a zipped CSV or a Parquet file, in the declared columns and types.

    Args:
        content: The file's bytes.
        url: Where they came from, for error messages.
        names: Columns to keep; their types stand in ``config/columns.toml``.
        nullable: Those of ``names`` that may be empty.
        header: Names of all columns, for a file that came without its first line.
        separator: The usual one between fields; the file's first line decides.
        keep_unreadable: Whether a row that cannot be read is told in ``FAULT`` and not raised.
        optional: Those of ``names`` that may be missing, and empty.
        aliases: Other names of ``names`` that files carry.

    A day given only to the month (``2021-06``) becomes the first of that month.

    Raises:
        SourceError: A column is missing, a value has the wrong type or is
            empty, or the file is cut short; the message names file, line (the
            header is the first), field and cure.

    Example:
        >>> read_table(b"id,best\n7,x\n", "ged.csv", ["id"]).item()
        7
    """
    raw = _raw(content, url, (*names,), header, aliases, separator)
    frame = cast_declared(raw, url, names, nullable, optional, header)
    if keep_unreadable:
        return frame
    if frame[FAULT].is_not_null().any():
        row = int(frame[FAULT].is_not_null().arg_true()[0])
        line = frame[LINE][row]
        where = f"row {row + 1}" if line is None else f"line {line}"
        raise SourceError(
            f"{url}: {where}, {frame[FAULT][row]}; correct the value, or fetch "
            "the file again: it may be cut short"
        )
    return frame.drop(FAULT, AS_SENT, LINE)


def cast_declared(
    raw: pl.DataFrame,
    url: str,
    names: Sequence[str],
    nullable: Sequence[str] = (),
    optional: Sequence[str] = (),
    header: Sequence[str] = (),
) -> pl.DataFrame:
    """The declared columns of a frame in their declared types, a row's fault beside it.

    ``FAULT`` says what of the row cannot be read (null: nothing); ``AS_SENT`` holds such a
    row as JSON, ``LINE`` where it stands. Other arguments as ``read_table``.

    Raises:
        SourceError: A column is missing, or most of its values cannot be read.
    """
    lacking = [name for name in optional if name not in raw.columns]
    raw = raw.with_columns(pl.lit(None, pl.String).alias(name) for name in lacking)
    if missing := [name for name in names if name not in raw.columns]:
        known_names = (*names, *header, LINE, EXCESS)
        raise SourceError(
            delimited.missing_columns_in_words(url, missing, raw.columns, known_names)
        )
    if LINE not in raw.columns:  # no file of lines
        raw = raw.with_columns(pl.lit(None, pl.Int64).alias(LINE))
    selected = raw.select(names)
    dictionary = columns()
    text = [n for n in names if selected[n].dtype == pl.String]
    selected = selected.with_columns(pl.col(text).str.strip_chars().replace("", None))
    cast = selected.with_columns(
        _cast(pl.col(name), selected[name].dtype, dictionary[name].type) for name in names
    )
    may_be_empty = {*nullable, *optional}
    faults = [
        fault
        for name in names
        if (fault := _faults(url, raw, selected[name], cast[name], name in may_be_empty))
        is not None
    ]
    if EXCESS in raw.columns and raw[EXCESS].any():
        many = pl.when(raw[EXCESS]).then(pl.lit("holds more fields than the first line names"))
        faults.append(pl.select(many).to_series().alias(EXCESS))
    cast = cast.with_columns(raw[LINE])
    if not faults:
        return cast.with_columns(
            pl.lit(None, pl.String).alias(FAULT), pl.lit(None, pl.String).alias(AS_SENT)
        )
    fault = pl.select(pl.concat_str(faults, separator="; ", ignore_nulls=True)).to_series()
    fault = fault.replace("", None)
    as_text = selected.with_columns(pl.all().cast(pl.String, strict=False))
    return cast.with_columns(
        fault.alias(FAULT),
        pl.when(fault.is_not_null())
        .then(as_text.select(pl.struct(pl.all()).struct.json_encode()).to_series())
        .alias(AS_SENT),
    )


def _faults(
    url: str, raw: pl.DataFrame, text_sent: pl.Series, value: pl.Series, may_be_empty: bool
) -> pl.Series | None:
    """What of a column cannot be read, row by row (null: nothing); None: all of it can.

    Raises:
        SourceError: Most of it cannot: the file's fault, not its rows'.
    """
    name = text_sent.name
    wrong = value.is_null() & text_sent.is_not_null()
    empty = text_sent.is_null() & pl.Series([not may_be_empty])
    bad = wrong | empty
    if not bad.any():
        return None
    text = text_sent.cast(pl.String, strict=False).fill_null("?").str.slice(0, SHOWN)
    if raw.height > 1 and bad.sum() > MOST_UNREADABLE * raw.height:
        raise SourceError(_unreadable(url, name, raw, text, bad))
    kind = columns()[name].type
    return (
        pl.select(
            pl.when(empty)
            .then(pl.lit(f"field {name} is empty"))
            .when(wrong & text.str.contains(THOUSANDS_OR_DECIMALS) & pl.lit(kind == "integer"))
            .then(pl.format(f"field {name}: '{{}}' may be of thousands or a decimal number", text))
            .when(wrong)
            .then(pl.format(f"field {name}: '{{}}' is no {kind}", text))
        )
        .to_series()
        .alias(name)
    )


def _unreadable(url: str, name: str, raw: pl.DataFrame, value: pl.Series, bad: pl.Series) -> str:
    """What is said where most values of a column cannot be read."""
    first = int(bad.arg_true()[0])
    line = f"line {raw[LINE][first]}, " if EXCESS in raw.columns else ""
    what = "is empty" if raw[name][first] is None else f"is no {columns()[name].type}"
    example = "" if raw[name][first] is None else f" '{printable(value[first])}'"
    return (
        f"{url}: {line}column {name}:{example} {what}, and so it is in {bad.sum():,} of "
        f"{raw.height:,} rows; {delimited.AGAIN if line else 'its format changed'}"
    )


_LEFT_OUT: ContextVar[Counter[str] | None] = ContextVar("left_out", default=None)


@contextmanager
def count_left_out() -> Iterator[Counter[str]]:
    """Rows that are parsed within and left out, by why they are."""
    counts: Counter[str] = Counter()
    before = _LEFT_OUT.set(counts)
    try:
        yield counts
    finally:
        _LEFT_OUT.reset(before)


def filter_counted(rows: pl.DataFrame, condition: pl.Expr, why: str) -> pl.DataFrame:
    """The rows of which the condition is true; how many others there were is counted.

    Example:
        >>> with count_left_out() as counts:
        ...     _ = filter_counted(pl.DataFrame({"n": [1, 2, 3]}), pl.col("n") < 3, "above two")
        >>> dict(counts)
        {'above two': 1}
    """
    matching = rows.filter(condition)
    leave_out(rows.height - matching.height, why)
    return matching


def leave_out(count: int, why: str) -> None:
    """Note rows that a source sent and that are of no concern here."""
    counts = _LEFT_OUT.get()
    if counts is not None and count:
        counts[why] += count


def canonical_country(names: pl.Expr, canonical_names: Sequence[str]) -> pl.Expr:
    """Names of our countries as ``canonical_names`` spells them; others as they are.

    Accents, case and signs do not count: "Cote d'Ivoire", "Ivory Coast" and a curly
    apostrophe are one country.

    Args:
        names: Spellings of a source.
        canonical_names: One name for each row of ``countries()``.

    Example:
        >>> sent = pl.DataFrame({"n": ["Côte d\u2019Ivoire", "IVORY COAST", "Ghana"]})
        >>> sent.select(canonical_country(pl.col("n"), countries()["country_name"]))["n"].to_list()
        ["Côte d'Ivoire", "Côte d'Ivoire", 'Ghana']
    """
    spellings = countries().with_columns(pl.Series("wanted", canonical_names)).select(
        "wanted",
        pl.concat_str("country_name", "country_name_fr", "name_variants", separator=";",
                      ignore_nulls=True).str.split(";").alias("spelling"),
    )  # fmt: skip
    folds = spellings.explode("spelling").with_columns(_folded(pl.col("spelling")))
    of_fold = dict(folds.select("spelling", "wanted").filter(pl.col("spelling") != "").iter_rows())
    return pl.coalesce(
        _folded(names).replace_strict(of_fold, default=None, return_dtype=pl.String), names
    )


def _folded(names: pl.Expr) -> pl.Expr:
    """As ``fold_name`` of the warehouse."""
    bare = without_accents(names).str.to_lowercase()
    return bare.str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars()


def without_accents(names: pl.Expr) -> pl.Expr:
    """Names in bare letters."""
    return names.str.normalize("NFKD").str.replace_all(r"\p{M}", "")


def or_unreadable(condition: pl.Expr) -> pl.Expr:
    """Condition, true also of rows that cannot be read and so are quarantined later."""
    return condition | (pl.col(FAULT).is_not_null() & condition.is_null())


def _cast(column: pl.Expr, have: pl.DataType, want: str) -> pl.Expr:
    if want == "day" and have == pl.String:
        month_only = column.str.len_chars() == 7
        as_day = pl.when(month_only).then(column + "-01").otherwise(column.str.head(10))
        return as_day.str.to_date("%Y-%m-%d", strict=False)
    number = column.cast(POLARS_TYPES[want], strict=False)
    if want == "number":  # NaN and infinity are no figures
        number = pl.when(number.is_finite()).then(number)
    return number


def bundle(pages: Sequence[bytes]) -> bytes:
    """Pages as received, in one file that is the same for the same pages (ZIP, stored)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, page in enumerate(pages):
            archive.writestr(zipfile.ZipInfo(f"{number:05}.json", (1980, 1, 1, 0, 0, 0)), page)
    return packed.getvalue()


def pages(content: bytes, url: str) -> list[Any]:
    """The JSON pages of a ``bundle``.

    Raises:
        SourceError: It is no bundle of JSON.

    Example:
        >>> pages(bundle([b'{"n": 1}', b"[]"]), "x")
        [{'n': 1}, []]
    """
    try:
        if is_json(content):
            return [json.loads(content)]
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [json.loads(archive.read(name)) for name in sorted(archive.namelist())]
    except (ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f"{url}: holds no JSON pages ({error}); fetch it again") from None


def is_json(content: bytes) -> bool:
    """Whether it is one answer of an API, saved as it came."""
    return content[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"["))


def is_table(content: bytes) -> bool:
    """Whether it is a publisher's CSV, zipped or not, and no answer of its API."""
    if content[:2] != b"PK":
        return not is_json(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(name.lower().endswith((".csv", ".txt")) for name in archive.namelist())
    except zipfile.BadZipFile:
        return True


def fetch_parts(
    source: Source,
    path: Path,
    part: Callable[[pl.DataFrame], str],
    edition: Callable[[pl.DataFrame], Any],
    version: Callable[[pl.DataFrame], str] | None = None,
) -> Iterator[Fetched]:
    """Deliveries of a publisher's files, each complete in what its own rows say.

    So a year's or a country's file adds to what is there, and replaces that year or country.
    Of files that overlap the newer edition wins, of the same one what was written later; of
    monthly counts a file whose months a newer one holds is passed over: it may come later.

    Args:
        source: The record.
        path: A file, or a folder of them.
        part: From a file's rows the SQL condition on rows of which it leaves none out.
        edition: From its rows how new a file is.
        version: From its rows the version of the release. Default: the file's name.

    Raises:
        SourceError: No file can be read; says why.
    """
    paths = [path] if path.is_file() else sorted(
        file for file in path.iterdir() if file.suffix.lower() in (".csv", ".json", ".zip")
    )  # fmt: skip
    editions: list[tuple[tuple[Any, float, str], Fetched]] = []
    ends: list[pl.DataFrame] = []
    cells: dict[str, pl.DataFrame] = {}
    passed_over: list[str] = []
    for file in paths:
        fetched = fetch_file(source, str(file))
        try:
            rows = source.parse(fetched.content, fetched.url)
        except SourceError as error:
            if path.is_file():
                raise
            passed_over.append(f"{file.name} was passed over: {error}")
            continue
        complete_where = part(rows) if rows.height else "false"
        name = version(rows) if version else file.name
        release = Release(name, complete_where=complete_where, partition=file.name)
        order = (edition(rows), file.stat().st_mtime, file.name)
        editions.append((order, replace(fetched, release=release)))
        ends.append(_ends(source, rows, file.name))
        cells[file.name] = rows.select(source.place_column, source.dated_by).drop_nulls().unique()
    if not editions:
        why = "; ".join(passed_over) or "it holds no .csv, .json or .zip file"
        raise SourceError(f"{source.name}: {path}: {why}; the last good figures stay in use")
    editions.sort(key=itemgetter(0))
    newer_of = {
        old: new
        for old, new in combinations([name for (*_, name), _ in editions], 2)
        if source.event_grain == "month"
        and cells[old].join(cells[new], on=cells[old].columns, how="anti").is_empty()
    }
    passed_over += [
        f"{old} was passed over: {new} holds its months" for old, new in newer_of.items()
    ]
    # Deliveries are merged in the order of their instants.
    instants = sorted(fetched.fetched_at for _, fetched in editions)
    deliveries = [
        replace(fetched, fetched_at=instant)
        for (_, fetched), instant in zip(editions, instants, strict=True)
        if fetched.release.partition not in newer_of
    ]
    remarks = (*passed_over, *_behind(source, pl.concat(ends)))
    if not path.is_file():
        names = ", ".join(one.release.partition for one in deliveries)
        remarks = (f"chosen in {path}: {names}", *remarks)
    yield replace(deliveries[0], remarks=remarks)
    yield from deliveries[1:]


def _ends(source: Source, rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Countries of a file by name (country, file), and its newest day that is not to come (end)."""
    day = pl.col(source.dated_by or "")
    end = day.filter(day <= datetime.now(UTC).date()).max()
    return (
        rows.select(country=source.place_column, file=pl.lit(name), end=end).unique().drop_nulls()
    )


def _behind(source: Source, ends: pl.DataFrame) -> list[str]:
    """Countries whose files end long before the folder does, in words.

    That a file is old, or that nothing happened there since, cannot be told apart.
    """
    newest = ends["end"].max()
    age = pl.lit(newest, pl.Date) - pl.col("end")
    last = ends.sort("end", "file").group_by("country").last().sort("country")
    return [
        f"nothing of {country} after {end} ({file}), while others reach {newest!s}: it looks calm "
        "since; if that file is old, download it again"
        for country, file, end in last.filter(age.dt.total_days() > source.max_age_days).iter_rows()
    ]


def fetched_now(content: bytes, url: str, release: Release) -> Fetched:
    """Bytes with the instant of now, as what was fetched."""
    return Fetched(content, url, datetime.now(UTC).replace(tzinfo=None), release)


def _raw(
    content: bytes,
    url: str,
    names: Sequence[str],
    header: Sequence[str],
    aliases: Mapping[str, str] | None,
    separator: str,
) -> pl.DataFrame:
    if content[:4] == b"PAR1":
        try:
            rows = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
            if rows > MOST_ROWS:
                raise SourceError(
                    f"{url}: {rows:,} rows, more than a table of this kind would; look at the file"
                )
            return pl.read_parquet(io.BytesIO(content))
        except pl.exceptions.PolarsError:
            raise SourceError(f"{url}: is a damaged Parquet file; fetch it again") from None
    if content[:4] == SPREADSHEET and b"xl/workbook.xml" in content:
        raise SourceError(f"{url}: is a workbook; give the publisher's CSV file, or save it as one")
    if content[:2] == b"PK":
        content = _unzipped(content, url)
    return delimited.read(content, url, names, header, aliases, separator)


def _unzipped(content: bytes, url: str) -> bytes:
    """The one CSV file of an archive; what a Mac puts beside it is passed over."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = [
                name
                for name in archive.namelist()
                if name.lower().endswith((".csv", ".txt")) and not name.startswith("__MACOSX/")
            ]
            if len(inner) != 1:
                raise SourceError(f"{url}: holds {len(inner)} CSV files; one is needed")
            size, packed = (archive.getinfo(inner[0]).file_size, len(content))
            if size > MOST_BYTES or size > MOST_RATIO * packed:
                raise SourceError(
                    f"{url}: unpacks from {packed:,} to {size:,} bytes, more than a table of "
                    "this kind would; look at the file"
                )
            return archive.read(inner[0])
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise SourceError(f"{url}: is a damaged archive; fetch it again") from None
