"""Our country forecasts in VIEWS' windows: ``python tests/benchmarks/views_windows.py``.

Deaths of state-based events in the eight countries, months of 2019 to 2021, each year from what
was known of the months to October before it; mean CRPS, ignorance (VIEWS' bins, as of a thousand
draws with one more in every bin) and interval score at 90%, by year and country. Takes a minute.

Tried on 2013 to 2018 first: sums of regions with a shared shock (the declared core), also with the
numbers of the events model; the self-exciting model on countries in place of regions, alone and in
a pool; sums with a dispersion learnt on countries, falling with the mean as its power 0 to 1.1, by
CRPS and 0.3 to 2 of the log score; each of them in a pool with the last 12, 24 or 36 months, and
pools of three. Power 1 is NB1, and the best of those that need no third forecast on ignorance.
These trials printed the scores of 2019 to 2021 beside those chosen on: the form is not blind to
them. On 2013 to 2018 the CRPS of the core is the better one, the ignorance of the other.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from indicators.risk.views_windows import forecast_year, score_year
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.query import table_frame
from warehouse.sources import SOURCES

CHOSEN_ON, SCORED_ON = range(2013, 2019), range(2019, 2022)
MODELS = ("conflictology", "core", "country")
MEASURES = ("crps", "ignorance", "interval_score")


def table(scored: pl.DataFrame, by: str, years: Sequence[int]) -> list[str]:
    """Lines of a table: one for each value of ``by``, and one for all."""
    within = scored.filter(pl.col("year").is_in(list(years)))
    lines = [f"{by:<14}" + "".join(f"{name:^42}" for name in MEASURES)]
    lines.append(" " * 14 + "".join(f"{name:>14}" for name in MODELS) * len(MEASURES))
    for value in [*within[by].unique().sort().to_list(), "all"]:
        part = within if value == "all" else within.filter(pl.col(by) == value)
        means = part.group_by("model").agg(pl.col(MEASURES).mean())
        cells = [means.filter(model=m)[n].item() for n in MEASURES for m in MODELS]
        lines.append(f"{value:<14}" + "".join(f"{cell:>14.3f}" for cell in cells))
    return lines


def main() -> None:
    """Score every year and print the tables."""
    with TemporaryDirectory() as folder, warehouse(Path(folder) / "w.duckdb") as con:
        for source in SOURCES:
            for batch in receive(source, None, Path(folder)):
                accept(batch, Path(folder))
            catch_up(con, source, Path(folder))
        build_core(con, date(2024, 12, 31))
        versions = table_frame(con, "core.event_version")
        regions = table_frame(con, "core.region").sort("region_id")
    scored = pl.concat(
        score_year(forecast_year(versions, regions, year), year)
        for year in (*CHOSEN_ON, *SCORED_ON)
    )
    for years in (CHOSEN_ON, SCORED_ON):
        print(f"\n{years[0]} to {years[-1]}")
        for by in ("year", "country_code"):
            print("\n".join(table(scored, by, years)))


if __name__ == "__main__":
    main()
