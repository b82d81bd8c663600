"""Opening the working file and bringing it up to date."""

import fcntl
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import duckdb_extension_spatial

from config.areas import mark_folder
from config.errors import TocsinError
from config.files import draft_for, set_aside
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
PATIENCE_SECONDS = 20  # a run waits so long for a question to the warehouse to be answered
LOCK = "run.lock"
# What a machine lacks, in DuckDB's words: no fault of the file that it wanted to read.
EXHAUSTED = ("No space left", "Too many open files", "Cannot allocate memory", "Disk quota")
LEFT_LOG = (
    "holds changes that another program made to the published file; readers would see them in it "
    "(open it read-only)"
)
HISTORY_COLUMNS = ("row_key", "known_from", "known_to", "known_basis", "batch_id")
REGISTER_COLUMNS = ("entered_at", "left_at")  # beside them, of a register kept by hand


class WarehouseError(TocsinError):
    """The working or published file cannot be used; the message names it and the cure."""


class BusyError(WarehouseError):
    """Another process is at work on the data folder or holds a file; the message says which."""

    exit_code = 4


class DamagedError(WarehouseError):
    """A file is no database, or not all of it can be read; not one that is merely held."""


@contextmanager
def one_run(folder: Path, what: str) -> Iterator[None]:
    """Hold the data folder for a run, so that no second one begins.

    The lock is the system's (``flock``): it ends with the process, however that ends.

    Args:
        folder: Data folder, on a disk of this machine.
        what: What runs, for others to read.

    Raises:
        BusyError: Another run holds it.
        WarehouseError: The folder cannot be written.
        ConfigurationError: It holds another area's figures.
    """
    ensure_writable(folder)
    mark_folder(folder)
    with (folder / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{holder(folder) or 'another run'} is at work on {folder}; one run at a time, "
                "wait for its end"
            ) from None
        except OSError as error:
            raise WarehouseError(
                f"cannot lock {folder / LOCK} ({error.strerror}), so that two runs could write at "
                "once; set TOCSIN_DATA_FOLDER to a folder on a disk of this machine"
            ) from None
        lock.truncate(0)
        lock.write(f"{what}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def holder(folder: Path) -> str:
    """The run at work on the data folder: what it is, its process, since when; empty: none."""
    try:
        with (folder / LOCK).open(encoding="utf-8", errors="replace") as lock:
            text = lock.read()
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return text
    except OSError:
        pass
    return ""


def ensure_writable(folder: Path) -> None:
    """Make the folder if need be and see that files can be written there.

    Raises:
        WarehouseError: They cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        cure = "make it writable or set TOCSIN_DATA_FOLDER"
        if isinstance(error, FileExistsError | NotADirectoryError):
            cure = "there is a file; name a folder in TOCSIN_DATA_FOLDER"
        raise WarehouseError(f"cannot write to {folder} ({error.strerror}); {cure}") from None


@contextmanager
def warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The one writer's connection to the working file, migrated.

    Raises:
        WarehouseError: The folder cannot be written, or the file is damaged or was
            written by a newer Tocsin.
        BusyError: Another process holds the file.
    """
    ensure_writable(path.parent)
    con = _opened(path)
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        migrate(con, path)
        attach_core(con)
        ensure_tables(con, *SOURCES)
        yield con
    finally:
        con.close()


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return duckdb.connect(path, config={"default_block_size": BLOCK_BYTES})
        except duckdb.Error as error:
            cause = opening_error(path, error)
            if not isinstance(cause, BusyError):
                raise cause from None
            run = holder(path.parent)
            is_ours = f"process {os.getpid()}," in run
            if not is_ours or time.monotonic() > deadline:
                raise BusyError(
                    f"{run if run and not is_ours else lock_holder(error)} is at work on "
                    f"{path.name}; ask again when it has ended; what was published last can be "
                    f"read meanwhile: {path.parent}/published"
                ) from None
            time.sleep(0.2)


def opening_error(path: Path, error: duckdb.Error) -> WarehouseError:
    """What DuckDB means that does not open a file: held, not ours to read, newer, or damaged.

    Example:
        >>> opening_error(Path("t.duckdb"), duckdb.IOException(
        ...     'IO Error: Could not set lock on file "t.duckdb": Conflicting lock is held in '
        ...     "/usr/bin/dbeaver (PID 712). See also https://duckdb.org"))
        BusyError('process 712 (dbeaver) holds t.duckdb; close it there, then ask again')
    """
    cause = str(error).partition("\n")[0]
    if "Could not set lock on file" in cause:
        if "lock is held" in cause or "Lock is already held" in cause:
            message = f"{lock_holder(error)} holds {path}; close it there, then ask again"
            return BusyError(message)
        return WarehouseError(
            f"cannot lock {path} ({cause}); it must lie on a disk of this machine"
        )
    if "Permission denied" in cause or "Read-only file system" in cause:
        return WarehouseError(f"cannot open {path} ({cause}); make it writable")
    if "with version number" in cause:
        return WarehouseError(
            f"cannot open {path} ({cause}); install the newer Tocsin that wrote it"
        )
    if isinstance(error, duckdb.OutOfMemoryException) or any(word in cause for word in EXHAUSTED):
        return WarehouseError(f"cannot read {path} ({cause}); make room, then ask again")
    if isinstance(error, duckdb.ConnectionException):
        return BusyError(f"{path} is open in this process ({cause})")
    return DamagedError(
        f"cannot open {path} ({cause}); if it is damaged, 'tocsin repair' builds it anew"
    )


def lock_holder(error: duckdb.Error) -> str:
    """Process and program that hold a file, as in DuckDB's message."""
    match = re.search(r"held in (.+?) \(PID (\d+)\)(?: by user (\S+))?", str(error))
    if not match:
        return "another process"
    program, process, user = match.groups()
    return f"process {process} ({Path(program).name}{f' of {user}' if user else ''})"


@contextmanager
def open_existing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """As ``warehouse``, of a file that is there already.

    Raises:
        WarehouseError: There is no working file yet.
    """
    if not path.exists():
        raise WarehouseError(
            f"no warehouse at {path}; run 'tocsin nightly' first or set TOCSIN_DATA_FOLDER"
        )
    with warehouse(path) as con:
        yield con


@contextmanager
def open_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published file; the run may replace it meanwhile.

    Raises:
        WarehouseError: There is none, or changes of others lie beside it that cannot be
            taken away.
        BusyError: Another process has opened it to write.
    """
    if not path.exists():
        raise WarehouseError(f"nothing is published at {path}; run 'tocsin nightly' first")
    take_log_away(path)
    try:
        con = duckdb.connect(path, read_only=True)
    except duckdb.Error as error:
        cause = opening_error(path, error)
        if isinstance(cause, DamagedError):
            first = str(error).partition("\n")[0]
            raise DamagedError(
                f"cannot open {path} ({first}); delete it and run again; past nights stand "
                "in the copies beside it"
            ) from None
        raise cause from None
    with con:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        yield con


def log_beside(path: Path) -> Path:
    """Where DuckDB keeps changes of a file that are not in it yet, and looks for them."""
    return path.with_name(f"{path.name}.wal")


def take_log_away(path: Path) -> None:
    """Set aside changes that lie beside a published file: a reader would see them in it.

    Tocsin leaves none there: they are of a program that opened the file to write and did
    not end well, and DuckDB takes them for changes of whatever file has that name now.

    Raises:
        WarehouseError: They cannot be moved.
    """
    log = log_beside(path)
    if log.exists() and not set_aside(log, LEFT_LOG) and log.exists():
        raise WarehouseError(
            f"{log} holds changes that another program made to {path.name} and would be read as "
            "part of it; delete it"
        )


def load_spatial(con: duckdb.DuckDBPyConnection) -> None:
    """Load the spatial functions from their installed package: no network, no copy.

    They take most of a second, so only who places something asks for them.
    """
    (package,) = duckdb_extension_spatial.__path__
    (binary,) = Path(package).rglob("spatial.duckdb_extension")
    con.execute(f"load '{binary}'")


def attach_core(con: duckdb.DuckDBPyConnection) -> None:
    """Where core tables live: in memory, since every night builds them anew from history."""
    con.execute("attach ':memory:' as core")


def migrate(con: duckdb.DuckDBPyConnection, path: Path | None = None) -> None:
    """Apply the numbered migrations not yet applied, each in a transaction, to a new file in one.

    Args:
        con: The working file.
        path: Where it lies, so that it is copied before it is changed; None: it is not kept.

    Raises:
        WarehouseError: The file holds a migration this version does not know, or cannot
            be copied.
    """
    con.execute("create table if not exists main.migration (number integer primary key)")
    numbers_done = {number for (number,) in con.execute("from main.migration").fetchall()}
    files = {int(path.name[:3]): path for path in sorted((SQL / "schema").glob("*.sql"))}
    if newer := numbers_done - files.keys():
        raise WarehouseError(
            f"the warehouse holds migration {max(newer)}, this Tocsin knows {max(files)}; "
            "install the newer Tocsin that wrote it"
        )
    if path and numbers_done and files.keys() - numbers_done:
        con.execute("checkpoint")  # all of it is in the file
        _copy_before(path, max(numbers_done))
    missing = sorted(files.keys() - numbers_done)
    for numbers in [[number] for number in missing] if numbers_done else [missing]:
        con.begin()
        for number in numbers:
            con.execute(files[number].read_text("utf-8"))
            con.execute("insert into main.migration values ($number)", {"number": number})
        con.commit()


def _copy_before(path: Path, number: int) -> None:
    """Keep the file as ``<name>.of-migration-<number>.duckdb``, in place of an earlier copy.

    Another process copies: closing the file here would give up DuckDB's lock on it.
    """
    copy = path.with_name(f"{path.stem}.of-migration-{number}.duckdb")
    try:
        with draft_for(copy, durable=True) as draft:
            command = ["cp", "--", str(path), str(draft)]
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            for old in path.parent.glob(f"{path.stem}.of-migration-*.duckdb"):
                old.unlink()
    except (OSError, subprocess.CalledProcessError) as error:
        cause = error.strerror if isinstance(error, OSError) else error.stderr.strip()
        raise WarehouseError(
            f"cannot copy {path} to {copy} before it is brought up to date ({cause}); "
            "make room or make it writable and run again; nothing was changed"
        ) from None


def ensure_tables(con: duckdb.DuckDBPyConnection, *sources: Source) -> None:
    """The history table of each source, from its record and the data dictionary.

    One of an older Tocsin that lacks a column is dropped with what was merged into it: the
    next run rebuilds it from the landed bytes, so old versions have the column too.
    """
    present = dict(
        con.execute(
            "select table_name, list(column_name) from duckdb_columns() "
            "where schema_name = 'history' group by table_name"
        ).fetchall()
    )
    con.begin()
    for source in sources:
        names = (*source.columns, *HISTORY_COLUMNS)
        names += REGISTER_COLUMNS if source.is_by_hand else ()
        if source.name in present:
            if not set(names) - set(present[source.name]):
                continue
            con.execute(f"drop table history.{source.name}")
            for table in ("batch", "quarantine"):
                con.execute(
                    f"delete from ops.{table} where source = $source", {"source": source.name}
                )
        columns_in_sql = ", ".join(
            f'"{name}" {DUCKDB_TYPES[columns()[name].type]}' for name in names
        )
        con.execute(f"create table history.{source.name} ({columns_in_sql})")
    con.commit()
