"""Loads a million synthetic events in GED's shape: ``python tests/benchmarks/load_a_million.py``.

Wall times as ratios within this run: the first load to DuckDB's own ``create table as
select * from read_csv`` of the same file, the second load of the same file to the first.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse.connect import warehouse
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.sources import EVENT_SOURCE as SOURCE
from warehouse.sources.tables import fetch_file

ROWS = 1_000_000


def synthetic() -> pl.DataFrame:
    """Embedded events over and over, each with an id of its own and its day moved."""
    real = SOURCE.parse(fetch_file(SOURCE, SOURCE.address).content, "")
    number = pl.int_range(ROWS)
    moved = pl.duration(days=number % 28)
    return pl.concat([real] * (ROWS // real.height + 1))[:ROWS].with_columns(
        id=number,
        latitude=pl.col("latitude") + number % 997 / 1e5,
        date_start=pl.col("date_start") - moved,
        date_end=pl.col("date_end") - moved,
    )


def main() -> None:
    """Measure and print; the aims are 5 x and 2 x."""
    seconds_by_step: dict[str, float] = {}

    def timed(name: str, body: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = body()
        seconds_by_step[name] = seconds_by_step.get(name, 0) + time.perf_counter() - began
        print(f"{name:<40}{time.perf_counter() - began:7.2f} s")
        return result

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "ged.csv"
        synthetic().write_csv(path)
        print(f"{ROWS:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        with duckdb.connect(folder / "plain.duckdb") as con:
            con.execute(f"create table warm as select * from read_csv('{path}') limit 1000")
            create = f"create table t as select * from read_csv('{path}')"
            timed("create table as select * from read_csv", lambda: con.execute(create))
        with warehouse(folder / "warehouse.duckdb") as con:

            def load(turn: str) -> None:
                (batch,) = timed(f"{turn}: fetch, land", lambda: receive(SOURCE, str(path), folder))
                timed(f"{turn}: parse, accept", lambda: accept(batch, folder))
                timed(f"{turn}: keep versions", lambda: catch_up(con, SOURCE, folder, [batch]))

            load("first")
            rows = con.execute(f"select count(*) from history.{SOURCE.name}").fetchone()
            load("second")
            again = con.execute(f"select count(*) from history.{SOURCE.name}").fetchone()
    first, second = (
        sum(seconds for name, seconds in seconds_by_step.items() if name.startswith(turn))
        for turn in ("first", "second")
    )
    plain = seconds_by_step["create table as select * from read_csv"]
    print(f"first load {first:.1f} s, {first / plain:.1f} x read_csv (aim: 5)")
    print(f"second load {second:.1f} s, {second / first:.2f} x the first (aim: 2)")
    sys.exit(0 if rows == again == (ROWS,) and first <= 5 * plain and second <= 2 * first else 1)


if __name__ == "__main__":
    main()
