"""One run at a time, whatever becomes of the one before; a question meanwhile is told so."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from conftest import COMMAND
from warehouse import connect
from warehouse.connect import (
    BusyError,
    DamagedError,
    WarehouseError,
    holder,
    one_run,
    opening_error,
    warehouse,
)

ROOT = Path(__file__).parent.parent


def test_a_second_run_and_a_question_are_told_who_is_at_work(tmp_path: Path) -> None:
    def tocsin(*arguments: str) -> tuple[int, str]:
        run = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TOCSIN_DATA_FOLDER": str(tmp_path)},
        )
        assert run.stderr.count("\n") == 1, run.stderr
        return run.returncode, run.stderr

    with one_run(tmp_path, "tocsin nightly"), warehouse(tmp_path / "warehouse.duckdb"):
        message = f"tocsin: tocsin nightly, process {os.getpid()}, since 20"
        code, second = tocsin("nightly")
        assert (code, second[: len(message)]) == (4, message)
        assert second.endswith(f"is at work on {tmp_path}; one run at a time, wait for its end\n")
        code, question = tocsin("sources")
        assert (code, question[: len(message)]) == (4, message)
        assert question.endswith(
            "is at work on warehouse.duckdb; ask again when it has ended; what was published last "
            f"can be read meanwhile: {tmp_path}/published\n"
        )
    assert holder(tmp_path) == ""


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from warehouse.connect import one_run\n"
        "with one_run(Path(sys.argv[1]), 'doomed'): print('held', flush=True); input()"
    )
    doomed = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    with doomed:
        assert doomed.stdout is not None
        assert doomed.stdout.readline() == "held\n"
        assert holder(tmp_path).startswith(f"doomed, process {doomed.pid}, since ")
        with pytest.raises(BusyError, match="doomed"), one_run(tmp_path, "second"):
            pass
        doomed.kill()
    with one_run(tmp_path, "next"):
        assert holder(tmp_path).startswith("next")


def test_a_run_waits_for_a_question_to_end(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(connect, "PATIENCE_SECONDS", 0.3)
    path = tmp_path / "warehouse.duckdb"
    ask = (
        "import sys, duckdb; con = duckdb.connect(sys.argv[1]); print('asked', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", ask, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as question:  # fmt: skip
        assert question.stdout is not None
        question.stdout.readline()
        with one_run(tmp_path, "nightly"):
            with pytest.raises(
                BusyError, match=rf"process {question.pid} \(python\S*\) is at work"
            ):
                warehouse(path).__enter__()
            monkeypatch.setattr(connect, "PATIENCE_SECONDS", 20)
            question.communicate("\n")
            with warehouse(path) as con:
                assert con.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (duckdb.IOException('IO Error: Could not set lock on file "w": Conflicting lock is held in '
                            "/bin/x (PID 1)"), BusyError),
        (duckdb.IOException('IO Error: Could not set lock on file "w": Lock is already held in '
                            "current process"), BusyError),
        (duckdb.IOException('IO Error: Could not set lock on file "w": No locks available'),
         WarehouseError),
        (duckdb.IOException('IO Error: Cannot open file "w": Permission denied'), WarehouseError),
        (duckdb.IOException('IO Error: Could not write file "w": No space left on device'),
         WarehouseError),
        (duckdb.IOException("IO Error: Trying to read a database file with version number 69"),
         WarehouseError),
        (duckdb.OutOfMemoryException("Out of Memory Error"), WarehouseError),
        (duckdb.IOException('IO Error: The file "w" exists, but it is not a valid DuckDB database '
                            "file!"), DamagedError),
        (duckdb.FatalException("FATAL Error: database has been invalidated"), DamagedError),
    ],
)  # fmt: skip
def test_only_what_is_damaged_is_called_so(error: duckdb.Error, means: type) -> None:
    """What is damaged is built anew by repair; a whole file must never be taken for that."""
    assert type(opening_error(Path("w"), error)) is means
