"""How an assessment grows with the world: ``python tests/benchmarks/world.py --regions 104 1000``.

A made world of 444 months with rates like GED's: three regions in five never have an event, few
have most; events come in bursts that last, deaths have a heavy tail, and one region has a month of
``--largest-deaths``. Regions lie in countries of about 25, those in clusters as on land. It has 40
events a region, so that 48,000 regions are a world of five times as many events as GED has.

Each size is made and assessed in processes of its own: seconds are those of ``assess`` alone, on
the clock and of the processor; memory is the whole process at its peak, what is imported with it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

FIRST_DAY = date(1989, 1, 1)
KNOWN_UNTIL = date(2025, 12, 31)
NIGHT = date(2026, 1, 20)
MONTHS = 444
DAYS = (KNOWN_UNTIL - FIRST_DAY).days + 1
EVENTS_A_REGION = 40
NEVER_AN_EVENT = 0.6
REGIONS_A_COUNTRY = 25
MOST_DEATHS_A_ROW = 5_000


def make_world(regions: int, largest_deaths: int, folder: Path) -> None:
    """Write ``regions.parquet`` and ``events.parquet`` of a world of this size."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng([2026, regions])
    country = np.arange(regions) // REGIONS_A_COUNTRY
    countries = country[-1] + 1
    clusters = np.column_stack([rng.uniform(-150, 150, 8), rng.uniform(-40, 60, 8)])
    middle = clusters[rng.integers(0, 8, countries)] + rng.normal(0, [15, 10], (countries, 2))
    place = middle[country] + rng.normal(0, 2, (regions, 2))
    frame = pl.DataFrame({"number": np.arange(regions), "country": country}).select(
        region_id=pl.format("C{}.r{}", "country", pl.col("number").cast(pl.String).str.zfill(5)),
        country_code=pl.format("C{}", "country"),
        country_name=pl.format("C{}", "country"),
        region_name=pl.format("r{}", "number"),
        centroid_longitude=(place[:, 0] + 180) % 360 - 180,
        centroid_latitude=np.clip(place[:, 1], -85, 85),
    )
    rate = np.where(rng.random(regions) < NEVER_AN_EVENT, 0, rng.lognormal(0, 1.8, regions))
    rate *= EVENTS_A_REGION * regions / (MONTHS * rate.sum())
    violent = np.flatnonzero(rate)
    years = rng.gamma(0.3, 1 / 0.3, (violent.size, MONTHS // 12))  # bursts that last
    months = rng.gamma(1.0, 1.0, (violent.size, MONTHS))
    counts = rng.poisson(rate[violent, None] * np.repeat(years, 12, axis=1) * months)
    row, month = np.nonzero(counts)
    times = counts[row, month]
    number, month = np.repeat(violent[row], times), np.repeat(month, times)
    day = (month * (DAYS / MONTHS) + rng.uniform(0, DAYS / MONTHS, month.size)).astype(int)
    deaths = np.minimum(np.exp(rng.normal(0.7, 1.4, day.size)).astype(int), MOST_DEATHS_A_ROW)
    rows = -(-largest_deaths // MOST_DEATHS_A_ROW)
    worst = int(rate.argmax())
    number = np.concatenate([number, np.full(rows, worst)])
    day = np.concatenate([day, DAYS - 100 + rng.integers(0, 30, rows)])
    deaths = np.concatenate([deaths, np.full(rows, largest_deaths // max(rows, 1))])
    is_unplaced = rng.random(day.size) < 0.05
    ids, codes = frame["region_id"].to_numpy(), frame["country_code"].to_numpy()
    pl.DataFrame(
        {
            "event_date": pl.Series(day).cast(pl.Int64) * 86_400_000_000,
            "country_code": codes[number],
            "region_id": np.where(is_unplaced, None, ids[number]),
            "deaths_best_count": deaths,
        },
        schema_overrides={"region_id": pl.String},
    ).with_columns(
        event_date=pl.lit(FIRST_DAY).cast(pl.Datetime) + pl.col("event_date").cast(pl.Duration)
    ).with_columns(pl.col("event_date").cast(pl.Date)).write_parquet(folder / "events.parquet")
    frame.write_parquet(folder / "regions.parquet")


def measure(folder: Path) -> dict[str, float]:
    """Seconds and memory of one assessment of the world in ``folder``."""
    import polars as pl

    from indicators.risk.assess import assess

    events, regions = (pl.read_parquet(folder / f"{n}.parquet") for n in ("events", "regions"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = time.perf_counter(), time.process_time()
    assess(events, regions, KNOWN_UNTIL, NIGHT, is_stale=False)
    return {
        "events": events.height,
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "before_gb": before / 1e6,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    """Make and assess the worlds asked for, and print how they grow."""
    from math import log

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--regions", type=int, nargs="+", default=[104, 1_000, 3_600, 48_000])
    parser.add_argument(
        "--largest-deaths", type=int, default=60_000, help="in one region and month"
    )
    parser.add_argument("--step", choices=("make", "measure"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step == "make":
        return make_world(asked.regions[0], asked.largest_deaths, asked.folder)
    if asked.step == "measure":
        return print(json.dumps(measure(asked.folder)))
    print(
        f"{'regions':>8}{'events':>11}{'seconds':>9}{'of processor':>14}{'GB':>7}{'at start':>10}"
    )
    previous: tuple[int, float] | None = None
    for regions in asked.regions:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable, __file__, "--folder", folder, "--regions", str(regions),
                "--largest-deaths", str(asked.largest_deaths), "--step",
            ]  # fmt: skip
            subprocess.run([*command, "make"], check=True)
            run = subprocess.run([*command, "measure"], check=True, capture_output=True, text=True)
        used = json.loads(run.stdout)
        print(
            f"{regions:>8,}{used['events']:>11,}{used['wall']:>9.2f}{used['processor']:>14.2f}"
            f"{used['peak_gb']:>7.2f}{used['before_gb']:>10.2f}",
            end="",
        )
        if previous and regions > previous[0]:
            exponent = log(used["processor"] / previous[1]) / log(regions / previous[0])
            print(f"   processor seconds grew as regions to the power {exponent:.2f}", end="")
        print(flush=True)
        previous = regions, used["processor"]


if __name__ == "__main__":
    main()
