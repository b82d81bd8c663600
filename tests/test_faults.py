"""A disk that is full: one line with the cure, the last published file in place."""

import errno
import hashlib
import json
import re
import resource
from datetime import timedelta
from pathlib import Path

import duckdb
import httpx
import pytest

from conftest import FOUNDING
from flows import cli
from warehouse.connect import WarehouseError
from warehouse.publish import publish

ROOT = Path(__file__).parent.parent


def test_a_full_disk_leaves_the_last_published_file(working, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.duckdb"
    rows = publish(working, path, FOUNDING, copies=2)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))  # no file may grow beyond
    try:
        with pytest.raises(WarehouseError, match="make room or make it writable and run again"):
            publish(working, path, FOUNDING - timedelta(days=20), copies=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [p.name for p in tmp_path.glob(".*")] == []  # a draft may be what fills the disk
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
    errors = capsys.readouterr().err
    assert errors.startswith("tocsin: ")
    assert errors.count("\n") == 1
    assert says in errors


def test_what_nobody_foresaw_is_one_line_and_its_traceback_is_logged(
    monkeypatch, capsys, tmp_path: Path
) -> None:
    def fail() -> None:
        raise KeyError("region_id")

    monkeypatch.setenv("TOCSIN_DATA_FOLDER", str(tmp_path))
    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    log = tmp_path / "log" / "tocsin.jsonl"
    assert capsys.readouterr().err == (
        "tocsin: KeyError: 'region_id'; nobody foresaw this, please report it with its traceback: "
        f"{log}\n"
    )
    (line,) = map(json.loads, log.read_text().splitlines())
    assert line["exc_info"].endswith("raise KeyError(\"region_id\")\nKeyError: 'region_id'")
    log.unlink()
    log.symlink_to("/dev/full")  # no line can be logged: the place in the code is told
    with pytest.raises(SystemExit):
        cli.main()
    assert re.search(r"traceback: test_faults.py, line \d+\n$", capsys.readouterr().err)


def test_own_errors_are_known_by_their_class() -> None:
    own = [error for package in ("config", "warehouse", "expectations", "alerts", "page", "flows")
           for path in (ROOT / package).rglob("*.py")
           for error in re.findall(r"^class (\w*Error)\(Exception\)", path.read_text("utf-8"), re.M)
           if not error.startswith("_")]  # fmt: skip
    assert own == ["TocsinError"]
