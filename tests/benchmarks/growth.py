"""How a night grows with 10 times the events or regions: ``python tests/benchmarks/growth.py``.

Each night is a first one, run as a process in a copy of the checkout whose embedded events and
regions were multiplied: events again, each with an id of its own, a little aside and earlier;
regions cut into strips from west to east, so that the same events fall into more of them. Without
mails: what readers are told grows with the regions flagged, not with these.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from config.registry import BOUNDARY_VINTAGE
from warehouse.connect import load_spatial

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("config", "warehouse", "indicators", "expectations", "alerts", "page", "flows")
TIMES = 10
NIGHT = "2023-01-20"
STEP = re.compile(r"^  (\S.*?)\s+([\d.]+) s$", re.M)


def more_events(root: Path) -> None:
    """Every embedded release with its events ``TIMES`` times."""
    for path in (root / "config" / "embedded").glob("ucdp_ged_*.parquet"):
        real = pl.read_parquet(path)
        copies = [
            real.with_columns(
                id=pl.col("id") + number * 10_000_000,
                latitude=pl.col("latitude") + number / 1_000,
                date_start=pl.col("date_start").dt.offset_by(f"-{number}d"),
                date_end=pl.col("date_end").dt.offset_by(f"-{number}d"),
            ).filter(pl.col("date_start").dt.year() == pl.col("year"))
            for number in range(TIMES)
        ]
        pl.concat(copies).write_parquet(path)


def more_regions(root: Path) -> None:
    """Every region in up to ``TIMES`` strips; the first keeps its name."""
    path = root / "config" / "embedded" / "admin1_boundaries.parquet"
    with duckdb.connect() as con:
        load_spatial(con)
        strips = con.execute(
            f"""
            with shape as (
                select *, st_geomfromwkb(boundary_wkb) as whole,
                    (st_xmax(whole) - st_xmin(whole)) / {TIMES} as width
                from '{path}'
            ), strip as (
                select * exclude (boundary_wkb), n, st_collectionextract(st_intersection(whole,
                    st_makeenvelope(st_xmin(whole) + n * width, st_ymin(whole),
                        st_xmin(whole) + (n + 1) * width, st_ymax(whole))), 3) as part
                from shape, range({TIMES}) as s(n)
            )
            select country_code, region_name, region_pcode, boundary_source,
                st_aswkb(part)::blob as boundary_wkb, n
            from strip where st_area(part) > 0 order by country_code, region_pcode, n
            """
        ).pl()
    further = strips["n"] > 0
    part = pl.when(further).then("_" + pl.col("n").cast(pl.String)).otherwise(pl.lit(""))
    strips.select(
        "country_code",
        pl.col("region_name") + part.str.replace("_", " part "),
        pl.col("region_pcode") + part,
        "boundary_source",
        "boundary_wkb",
    ).write_parquet(path)
    parts = strips.filter(further).select("region_pcode", "n")
    codes = pl.read_csv(root / "config" / "pcodes.csv", infer_schema=False)
    regions = pl.read_csv(root / "config" / "regions.csv", infer_schema=False)
    suffix = "_" + pl.col("n").cast(pl.String)
    of_shapes = codes.filter(pcode_vintage=BOUNDARY_VINTAGE)
    added = parts.join(of_shapes, on="region_pcode").with_columns(pl.col("region_pcode") + suffix)
    named = added.join(regions, on="region_id").with_columns(
        pl.col("region_id") + suffix,
        region_name=pl.col("region_name") + suffix.str.replace("_", " part "),
        name_variants=pl.lit(""),
    )
    added = added.with_columns(pl.col("region_id") + suffix)
    pl.concat([codes, added.select(codes.columns)]).write_csv(root / "config" / "pcodes.csv")
    pl.concat([regions, named.select(regions.columns)]).write_csv(root / "config" / "regions.csv")


def night(root: Path) -> tuple[dict[str, float], str]:
    """Seconds by step, and peak memory and sizes in words, of a first night."""
    data = root / "data"
    environment = {
        **{n: v for n, v in os.environ.items() if not n.startswith(("TOCSIN_", "PREFECT_"))},
        "TOCSIN_DATA_FOLDER": str(data), "PYTHONPATH": str(root), "COLUMNS": "160",
    }  # fmt: skip
    command = [sys.executable, "-c", "from flows.cli import main; main()", "nightly"]
    with (root / "told").open("wb") as out:
        run = subprocess.Popen([*command, "--as-of", NIGHT], cwd=root, env=environment,
                               stdout=out, stderr=out)  # fmt: skip
        _, status, used = os.wait4(run.pid, 0)
    text = (root / "told").read_text("utf-8")
    if status:
        sys.exit(f"the night failed:\n{text}")
    steps: dict[str, float] = {}
    for name, seconds in STEP.findall(text):
        step = "fetch" if name.startswith("fetch") else name
        steps[step] = steps.get(step, 0) + float(seconds)
    with duckdb.connect(data / "published" / "tocsin.duckdb", read_only=True) as con:
        counts = [con.execute(f"select count(*) from {t}").fetchone() for t in
                  ("regions", "events", "indicators")]  # fmt: skip
    rows = ", ".join(f"{n[0]:,}" for n in counts if n)
    size = (data / "published" / "tocsin.duckdb").stat().st_size
    return steps, (f"{used.ru_maxrss / 1e6:.2f} GB at most, published {size / 1e6:.0f} MB; "
                   f"regions, events, indicator rows: {rows}")  # fmt: skip


def main() -> None:
    """Run the three nights and print them side by side."""
    kinds = {"1 x": [], f"{TIMES} x events": [more_events], f"{TIMES} x regions": [more_regions]}
    seconds_by_kind = {}
    for kind, changes in kinds.items():
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            for package in PACKAGES:
                shutil.copytree(ROOT / package, root / package)
            (root / "config" / "recipients.toml").write_text("", "utf-8")
            for change in changes:
                change(root)
            seconds_by_kind[kind], summary = night(root)
        print(f"{kind}: {summary}", flush=True)
    print(f"{'seconds':<22}" + "".join(f"{kind:>20}" for kind in kinds))
    base = seconds_by_kind["1 x"]
    for step, seconds in [*base.items(), ("all steps", sum(base.values()))]:
        cells = [(of.get(step) or sum(of.values())) for of in seconds_by_kind.values()]
        print(f"{step:<22}" + "".join(f"{s:12.2f} ({s / max(seconds, 0.01):4.1f})" for s in cells))


if __name__ == "__main__":
    main()
