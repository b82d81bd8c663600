"""Opening the working file and bringing it up to date."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import duckdb_extension_spatial

from config.registry import Source, columns
from warehouse.query import SQL
from warehouse.sources import SOURCES

DUCKDB_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "day": "date",
    "instant": "timestamp",
    "flag": "boolean",
    "bytes": "blob",
}
BLOCK_BYTES = 16_384  # the least: a night that brings little then takes little
HISTORY_COLUMNS = ("row_key", "known_from", "known_to", "known_basis", "batch_id")


class WarehouseError(Exception):
    """The working or published file cannot be used; the message names it and the cure."""


def writable(folder: Path) -> None:
    """Make the folder if need be and see that files can be written there.

    Raises:
        WarehouseError: They cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WarehouseError(
            f"cannot write to {folder} ({error.strerror}); make it writable or set "
            "TOCSIN_DATA_FOLDER"
        ) from None


@contextmanager
def warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The one writer's connection to the working file, migrated, spatial functions loaded.

    Raises:
        WarehouseError: The folder cannot be written, another run holds the
            file, or the file was written by a newer Tocsin.
    """
    writable(path.parent)
    try:
        con = duckdb.connect(path, config={"default_block_size": BLOCK_BYTES})
    except duckdb.Error as error:
        raise WarehouseError(
            f"cannot open {path} ({str(error).splitlines()[0]}); make the folder writable, wait "
            "for the other run to end, or set TOCSIN_DATA_FOLDER"
        ) from None
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        load_spatial(con)
        migrate(con)
        attach_core(con)
        for source in SOURCES:
            ensure_tables(con, source)
        yield con
    finally:
        con.close()


@contextmanager
def existing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """As ``warehouse``, for questions to what earlier runs kept.

    Raises:
        WarehouseError: There is no working file yet.
    """
    if not path.exists():
        raise WarehouseError(
            f"no warehouse at {path}; run 'tocsin nightly' first or set TOCSIN_DATA_FOLDER"
        )
    with warehouse(path) as con:
        yield con


def load_spatial(con: duckdb.DuckDBPyConnection) -> None:
    """Load the spatial functions from their installed package: no network, no copy."""
    (package,) = duckdb_extension_spatial.__path__
    (binary,) = Path(package).rglob("spatial.duckdb_extension")
    con.execute(f"load '{binary}'")


def attach_core(con: duckdb.DuckDBPyConnection) -> None:
    """Where core tables live: in memory, since every night builds them anew from history."""
    con.execute("attach ':memory:' as core")


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Apply the numbered migrations not yet applied, each in a transaction.

    Raises:
        WarehouseError: The file holds a migration this version does not know.
    """
    con.execute("create table if not exists main.migration (number integer primary key)")
    done = {number for (number,) in con.execute("from main.migration").fetchall()}
    files = {int(path.name[:3]): path for path in sorted((SQL / "schema").glob("*.sql"))}
    if newer := done - files.keys():
        raise WarehouseError(
            f"the warehouse holds migration {max(newer)}, this Tocsin knows {max(files)}; "
            "install the newer Tocsin that wrote it"
        )
    for number in sorted(files.keys() - done):
        con.begin()
        con.execute(files[number].read_text("utf-8"))
        con.execute("insert into main.migration values ($number)", {"number": number})
        con.commit()


def ensure_tables(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """The history table of a source, from its record and the data dictionary."""
    names = (*source.columns, *HISTORY_COLUMNS)
    typed = ", ".join(f'"{name}" {DUCKDB_TYPES[columns()[name].type]}' for name in names)
    con.execute(f"create table if not exists history.{source.name} ({typed})")
