"""Residents of Mali's regions, census of 2009."""

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import read_table

COLUMNS = ("region_name", "population_count")


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a region with its residents."""
    return read_table(content, url, COLUMNS)


SOURCE = Source(
    name="mali_census_2009",
    title="Mali, census of 2009",
    licence="facts",
    attribution="INSTAT Mali",
    is_republishable=True,
    cadence="per census",
    flaws=("residents of 2009; no figures for the other seven countries",),
    embedded=(
        Release("2009, on the ten regions before 2023", file="embedded/mali_census_2009.csv"),
    ),
    parse=parse,
    columns=COLUMNS,
    key=("region_name",),
    dated_by=None,
    lag=Lag(),
    lag_reason="reference data, known at all times",
    max_age_days=None,
    unit="region",
)
