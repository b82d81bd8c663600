"""Registers kept by hand: what a file would change, a row added to one, reports to be read."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from config.files import write_atomically
from config.overlay import HERE, VARIABLE, own_folder
from config.registry import EMBEDDED, Source, SourceError, coverage, reports_read
from config.settings import Settings, SettingsError
from config.tables import config_table, file_rows, records, text_of
from warehouse.connect import open_existing
from warehouse.core import register_table, report_table
from warehouse.landing import receive
from warehouse.sources import SOURCES
from warehouse.sources.registers import RegisterError, WrongValue, with_row
from warehouse.sources.tables import fetch_file

REGISTERS = tuple(source for source in SOURCES if source.is_by_hand)
COVERAGE, READ = "registers/coverage.csv", "registers/reports_read.csv"
UNCOMPARED = ("entered_at", "age_days", "known_basis")  # of a row, told by the clock


@dataclass(frozen=True)
class Trial:
    """What a file would change, were it in force.

    Attributes:
        source: The register that it is.
        rows_count: Rows that it holds.
        wrong: What of it is wrong, each with line, field and cure; the rest is then empty.
        added: Lines of the published table that would be there anew, in words.
        withdrawn: Lines that would be there no more.
        uncovered_count: Of those added, how many lie outside what is declared as kept.
    """

    source: Source
    rows_count: int
    wrong: tuple[str, ...] = ()
    lines_added: tuple[str, ...] = ()
    lines_withdrawn: tuple[str, ...] = ()
    uncovered_count: int = 0


def register_named(name: str) -> Source:
    """The register of a name.

    Raises:
        SettingsError: There is none.
    """
    for source in REGISTERS:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in REGISTERS)
    raise SettingsError(f"{name} is no register; known are {names}")


def register_of(content: bytes, url: str) -> Source | None:
    """Which register a file is, by its first line; None: the coverage of all.

    Raises:
        SourceError: It is none.
    """
    header = set(records(text_of(content, url), url)[0])
    if header >= {"source", "country_code", "kept_from", "kept_until"}:
        return None
    for source in REGISTERS:
        if header >= {*source.key}:
            return source
    columns_known = "; ".join(f"{source.name}: {', '.join(source.columns)}" for source in REGISTERS)
    raise SourceError(f"{url}: line 1 is of no register; their columns are {columns_known}")


def try_file(path: Path, settings: Settings, night: date) -> Trial | int:
    """What a register would change against the one in force.

    Args:
        path: The file.
        settings: Where the one in force lies.
        night: The night that both are seen on.

    Returns:
        The trial; of a table of coverage the number of its rows.

    Raises:
        SourceError: It cannot be read, or is no register.
        ConfigurationError: It is a table of coverage with wrong rows.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; give the path of a CSV file") from None
    source = register_of(content, str(path))
    if source is None:
        return file_rows(path, COVERAGE).height
    return try_content(content, str(path), source, settings, night)


def try_content(content: bytes, url: str, source: Source, settings: Settings, night: date) -> Trial:
    """As ``try_file``, of bytes."""
    from expectations.judge import GateError
    from expectations.quarantine import quarantine_rows  # its libraries take seconds

    try:
        rows = source.parse(content, url)
    except RegisterError as error:
        wrong = tuple(f"line {value.line}, {value.text}" for value in error.wrong)
        return Trial(source, 0, wrong)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(url).name
        path.write_bytes(content)
        *_, batch = receive(source, str(path), Path(folder))
        try:
            quarantine_rows(batch, Path(folder))
        except GateError as error:
            return Trial(source, rows.height, tuple(str(error).replace(str(path), url).split("\n")))
    before = _table(fetch_file(source, address(source, settings)).content, source, night)
    after = _table(content, source, night)
    key = after.columns[0]
    compared = [name for name in after.columns if name not in UNCOMPARED]
    new = after.join(before, on=compared, how="anti", nulls_equal=True).sort(key)
    lines_gone = before.join(after, on=compared, how="anti", nulls_equal=True).sort(key)
    lines_added, lines_withdrawn = (
        tuple(IN_WORDS[source.name](row) for row in lines.iter_rows(named=True))
        for lines in (new, lines_gone)
    )
    uncovered = sum(not _is_covered(source, row) for row in new.iter_rows(named=True))
    return Trial(source, rows.height, (), lines_added, lines_withdrawn, uncovered)


def wrong_by_themselves(source: Source, values: Mapping[str, str]) -> list[WrongValue]:
    """Those of a row's values that are wrong, whatever the others will be."""
    header = ",".join(source.columns)
    row = with_row(f"{header}\n".encode(), source.name, values)
    try:
        source.parse(row, source.name)
    except RegisterError as error:
        return [value for value in error.wrong if value.field in values and value.is_by_itself]
    return []


def address(source: Source, settings: Settings) -> str:
    """Where the register in force lies."""
    return settings.sources.get(source.name, source.address)


def file_to_write(name: str, configured: str | None = None) -> tuple[Path, bytes]:
    """The file that is changed, and what is in force now.

    Args:
        name: Path below ``config``.
        configured: A path that takes its place.

    Raises:
        SettingsError: It is on the network.
    """
    if configured and "://" in configured:
        raise SettingsError(f"{configured}: is not on this machine; change it where it is kept")
    if configured and not configured.startswith(EMBEDDED):
        return Path(configured), Path(configured).read_bytes()
    own = own_folder()
    if own is None:
        return HERE / name, (HERE / name).read_bytes()
    path = own / name
    return path, (path if path.is_file() else HERE / name).read_bytes()


def with_row_added(
    source: Source, values: Mapping[str, str], settings: Settings
) -> tuple[Path, bytes, list[WrongValue]]:
    """The register's file, what it would hold with a row more, and what is wrong with the row.

    Raises:
        RegisterError: Rows that it holds already are wrong.
        SourceError: The file cannot be read or take the row.
    """
    path, content = file_to_write(
        source.address.removeprefix(EMBEDDED), settings.sources.get(source.name)
    )
    source.parse(content, str(path))
    after = with_row(content, str(path), values)
    *_, lines, _ = records(text_of(after, str(path)), str(path))
    try:
        source.parse(after, str(path))
    except RegisterError as error:
        return path, after, [value for value in error.wrong if value.line == lines[-1]]
    return path, after, []


def write(path: Path, content: bytes) -> None:
    """Put a register in place.

    Raises:
        SettingsError: The folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, durable=True)
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror}; set {VARIABLE} to a folder of your own, where registers "
            "may be written"
        ) from None


def waiting_reports(settings: Settings, night: date) -> pl.DataFrame:
    """Reports that nobody has read yet, the newest first: ``core.report``."""
    with open_existing(settings.warehouse_path) as con:
        return report_table(con, night).filter("is_waiting")


def mark_read(report_id: str, who: str, found: str, day: date) -> Path:
    """Note that a report was read; the file that holds it.

    Raises:
        SettingsError: The file cannot be written.
    """
    path, content = file_to_write(READ)
    values = {"report_id": report_id, "read_on": f"{day}", "read_by": who, "found": found}
    write(path, with_row(content, str(path), values))
    for remembered in (config_table, reports_read):
        remembered.cache_clear()
    return path


def _table(content: bytes, source: Source, night: date) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        return register_table(content, source, Path(folder), night)


def _is_covered(source: Source, row: Mapping[str, Any]) -> bool:
    """Whether a line of the published table lies in what is declared as kept."""
    country = row.get("country_code") or row["region_id"][:3]
    series = row.get("register") or row.get("measure_type") or ""
    days = [row.get(name) for name in ("observed_date", "entry_date", "opened_date")]
    day = next((day for day in days if day), row.get("confirmed_date"))
    periods = coverage().filter(
        (pl.col("source") == source.name)
        & pl.col("series").is_in(["", series])
        & (pl.col("country_code") == country)
        & pl.lit(day).is_between("kept_from", "kept_until")
    )
    return periods.height > 0


def _figure_in_words(row: Mapping[str, Any]) -> str:
    cadre = row["cadre"].replace("_", " ")
    return f"{row['region_id']}, {row['observed_date']}: {row['presence_share']:.0%} of {cadre}" + (
        f" (figure for {row['scope']})" if row["group_size_count"] > 1 or row["is_part"] else ""
    )


def _measure_in_words(row: Mapping[str, Any]) -> str:
    begun = row["opened_date"] or "start not on file"
    end = f"to {row['closed_date']}" if row["closed_date"] else row["status"].replace("_", " ")
    kind = row["measure_type"].replace("_", " ")
    partly = f", partly lifted {row['partly_lifted_date']}" if row["partly_lifted_date"] else ""
    return (
        f"{row['country_code']}, {row['actor']}, {kind}: {begun}, {end}{partly}; last word "
        f"{row['confirmed_date']}"
    )


def _entry_in_words(row: Mapping[str, Any]) -> str:
    place = row["region_id"] or row["country_code"]
    kind = f"{row['register']}, {row['entry_type']}".replace("_", " ")
    end = f" to {row['end_date']}" if row["end_date"] else ""
    return f"{place}, {row['entry_date']}{end}, {kind}: {row['title']}"


IN_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "admin_presence": _figure_in_words,
    "aid_suspensions": _measure_in_words,
    "governance_register": _entry_in_words,
}
