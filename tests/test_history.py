"""Versions: new, unchanged, changed, withdrawn and reappearing rows."""

from datetime import datetime
from pathlib import Path

import duckdb

from config.registry import Fetched
from warehouse.connect import warehouse
from warehouse.landing import keep, open_batch
from warehouse.sources import mali_census

SOURCE = mali_census.SOURCE
HEADER = "region_name,population_count\n"


def arrive(con: duckdb.DuckDBPyConnection, rows: str, day: int) -> None:
    fetched = Fetched((HEADER + rows).encode(), "census.csv", datetime(2024, 1, day))
    keep(con, open_batch(con, SOURCE, fetched))


def test_every_version_is_kept(tmp_path: Path) -> None:
    with warehouse(tmp_path / "w.duckdb") as con:
        arrive(con, "Gao,10\nKidal,5\n", day=1)
        arrive(con, "Gao,12\n", day=2)  # Gao changed, Kidal withdrawn
        arrive(con, "Gao,12\n", day=3)  # the same bytes
        arrive(con, "Gao,12\nKidal,5\n", day=4)  # Kidal is back
        versions = con.execute(
            "select region_name, population_count, day(known_from), day(known_to), known_basis "
            "from history.mali_census_2009 order by 1, known_from"
        ).fetchall()
        batches = con.execute("select count(*) from ops.batch").fetchone()
    assert versions == [
        ("Gao", 10, 1, 2, "assumed"),
        ("Gao", 12, 2, None, "observed"),
        ("Kidal", 5, 1, 2, "assumed"),
        ("Kidal", 5, 4, None, "observed"),
    ]
    assert batches == (3,)
