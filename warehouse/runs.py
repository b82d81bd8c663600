"""What runs did, kept in the working file: a row a run, a row a step."""

from dataclasses import asdict, dataclass
from datetime import date, datetime

import duckdb
import polars as pl

RUNNING, DONE, DEGRADED, FAILED, KILLED = "running", "done", "degraded", "failed", "killed"


@dataclass(frozen=True)
class Step:
    """What a step of a run did.

    Attributes:
        step: Its name.
        step_seconds: Wall time.
        rows_in: Rows it was given; None: it is not given rows.
        rows_out: Rows it made or wrote; None: it makes none, or failed.
        peak_memory_bytes: Most memory the process had held when it ended.
        is_success: Whether it ended as it should.
    """

    step: str
    step_seconds: float
    rows_in: int | None
    rows_out: int | None
    peak_memory_bytes: int
    is_success: bool


def begin(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    night: date,
    now: datetime,
    code_sha256: str,
    versions: str,
) -> None:
    """Enter a run; one before it without an end was killed."""
    con.execute(
        "update ops.run set run_status = $killed where run_status = $running",
        {"killed": KILLED, "running": RUNNING},
    )
    con.execute(
        "insert into ops.run (run_id, as_of_date, began_at, run_status, code_sha256, versions) "
        "values ($run_id, $night, $now, $status, $code_sha256, $versions)",
        {"run_id": run_id, "night": night, "now": now, "status": RUNNING,
         "code_sha256": code_sha256, "versions": versions},
    )  # fmt: skip


def add_step(con: duckdb.DuckDBPyConnection, run_id: str, number: int, step: Step) -> None:
    """Enter a step, counted from 1."""
    con.execute(
        "insert into ops.run_step values ($run_id, $number, $step, $step_seconds, $rows_in, "
        "$rows_out, $peak_memory_bytes, $is_success)",
        {"run_id": run_id, "number": number, **asdict(step)},
    )


def finish(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    now: datetime,
    status: str,
    failure: str | None,
    seconds: float,
    peak_memory_bytes: int,
) -> None:
    """Enter how a run ended."""
    con.execute(
        "update ops.run set finished_at = $now, run_status = $status, run_failure = $failure, "
        "run_seconds = $seconds, peak_memory_bytes = $bytes where run_id = $run_id",
        {"run_id": run_id, "now": now, "status": status, "failure": failure, "seconds": seconds,
         "bytes": peak_memory_bytes},
    )  # fmt: skip


def latest_runs(con: duckdb.DuckDBPyConnection, count: int) -> pl.DataFrame:
    """The last runs, the newest first."""
    return con.execute("from ops.run order by began_at desc limit $count", {"count": count}).pl()


def last_finished(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """When a run last ended as it should, degraded or not; None: never."""
    finished_at: datetime | None = con.execute(
        "select max(finished_at) from ops.run where run_status in ($done, $degraded)",
        {"done": DONE, "degraded": DEGRADED},
    ).fetchall()[0][0]
    return finished_at


def steps(con: duckdb.DuckDBPyConnection, run_id: str) -> pl.DataFrame:
    """The steps of a run, in their order."""
    return con.execute(
        "from ops.run_step where run_id = $run_id order by step_number", {"run_id": run_id}
    ).pl()
