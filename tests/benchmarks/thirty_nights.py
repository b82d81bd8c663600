"""Thirty nights in which nothing new arrives: ``python tests/benchmarks/thirty_nights.py``.

Size of the working file, median of the last five nights to that of the second to sixth (the
second adds the free blocks that a change needs once); aim: under 1% growth.
"""

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from config.settings import Settings
from flows.steps import (
    assess_night,
    fetch_source,
    judge_deliveries,
    judge_night,
    keep_night,
    keep_versions,
)
from warehouse.connect import warehouse
from warehouse.publish import publish
from warehouse.sources import SOURCES

FIRST = date(2023, 1, 20)
NIGHTS = 30


def main() -> None:
    """Run the nights and print the sizes."""
    sizes = []
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(data_folder=Path(name))
        for number in range(NIGHTS + 1):
            night = FIRST + timedelta(days=number)
            with warehouse(settings.warehouse_path) as con:
                arrived, landed = judge_deliveries(
                    [fetch_source(s, settings) for s in SOURCES], con, settings.landing_folder
                )
                keep_versions(con, arrived, settings)
                tables = assess_night(con, night)
                keep_night(con, night, tables, judge_night(tables, landed))
                publish(con, settings.published_path, night, copies=3)
            sizes.append(settings.warehouse_path.stat().st_size)
            print(f"{night} working file {sizes[-1] / 1e6:7.2f} MB, published "
                  f"{settings.published_path.stat().st_size / 1e6:.2f} MB", flush=True)  # fmt: skip
    growth = median(sizes[-5:]) / median(sizes[1:6]) - 1
    print(f"after {NIGHTS} nights without change: {growth:+.2%} (aim: below 1%)")
    sys.exit(0 if growth < 0.01 else 1)


if __name__ == "__main__":
    main()
