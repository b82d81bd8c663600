"""Judges a million synthetic events: ``python tests/benchmarks/judge_a_million.py``.

Wall time as a ratio within this run to DuckDB's own ``create table as select * from read_csv`` of
the same file and to our parsing of it, and how far the peak of memory rises. Once with good
rows, once with one bad row in a hundred, which are held out and the rest judged again.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl
from load_a_million import ROWS, SOURCE, synthetic

from expectations.judge import judge
from expectations.quarantine import quarantine_rows
from warehouse.landing import receive


def write(path: Path, bad: int) -> None:
    """Synthetic events, so many of them bad; in a process of its own, for its memory."""
    wrong = pl.int_range(ROWS) < bad
    frame = synthetic().with_columns(
        id=pl.col("id") + 1, where_prec=pl.when(wrong).then(9).otherwise("where_prec")
    )
    frame.write_csv(path)


def peak() -> float:
    """Most memory this process has held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measured(path: Path, bad: int) -> float:
    """Seconds of judging as a multiple of ``read_csv``."""
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(path, bad))
    writer.start()
    writer.join()
    with duckdb.connect() as con:
        con.execute(f"create table warm as select * from read_csv('{path}') limit 1000")
        began = time.perf_counter()
        con.execute(f"create table t as select * from read_csv('{path}')")
        read = time.perf_counter() - began
    (batch,) = receive(SOURCE, str(path), path.parent)
    began = time.perf_counter()
    rows = batch.parsed_rows.height
    parse = time.perf_counter() - began
    before = peak()
    began = time.perf_counter()
    judged, results = quarantine_rows(batch, path.parent)
    seconds = time.perf_counter() - began
    print(
        f"{rows:,} rows, {bad:,} bad: read_csv {read:.2f} s, parse {parse:.2f} s, "
        f"{results.height} checks {seconds:.2f} s ({seconds / read:.1f} x read_csv, "
        f"{seconds / parse:.1f} x parse), peak of memory {before:.2f} to {peak():.2f} GB, "
        f"{len(judged.quarantined):,} held out"
    )
    if len(judged.quarantined) != bad:
        sys.exit(f"{len(judged.quarantined):,} rows were held out, {bad:,} are bad")
    return seconds / read


def main() -> None:
    """Measure and print; the aim is 5 x read_csv for good rows."""
    judge({f"landing.{SOURCE.name}": pl.DataFrame()})  # once a process
    with tempfile.TemporaryDirectory() as name:
        ratio = measured(Path(name) / "good.csv", 0)
        measured(Path(name) / "bad.csv", ROWS // 100)
    sys.exit(0 if ratio <= 5 else 1)


if __name__ == "__main__":
    main()
