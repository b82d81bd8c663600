"""A disk that is full: one line with the cure, the last published file in place."""

import errno
import hashlib
import resource
from pathlib import Path

import duckdb
import httpx
import pytest

from conftest import FOUNDING
from flows import cli
from warehouse.connect import WarehouseError
from warehouse.publish import publish


def test_a_full_disk_leaves_the_last_published_file(working, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.duckdb"
    rows = publish(working, path, FOUNDING, copies=2)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))  # no file may grow beyond
    try:
        with pytest.raises(WarehouseError, match="make room or make it writable and run again"):
            publish(working, path, FOUNDING, copies=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert publish(working, path, FOUNDING, copies=2) == rows
    assert [p.name for p in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "data/landing/x"), "look at the disk"),
        (duckdb.IOException("IO Error: checksum\nmore"), "'tocsin repair' builds it anew"),
        (duckdb.TransactionException("Failed to commit: No space left"), "look at the disk"),
        (httpx.ConnectError("Connection refused"), "the Prefect server does not answer any more"),
    ],
    ids=["full", "damaged", "full at the end", "no server"],
)
def test_faults_of_the_disk_end_in_one_line(error, says, monkeypatch, capsys) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("tocsin: ")
    assert told.count("\n") == 1
    assert says in told


def test_what_is_not_known_keeps_its_traceback(monkeypatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main()
