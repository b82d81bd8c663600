"""Residents by admin-1 unit, as national offices and UNFPA gave them to OCHA (COD-PS)."""

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import read_table

COLUMNS = (
    "country_code", "region_pcode", "unit_name", "population_count", "population_year",
    "population_office", "population_contributor",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a unit with its residents, of which year and by whom they are."""
    return read_table(content, url, COLUMNS, nullable=("region_pcode",))


SOURCE = Source(
    name="cod_ps_population",
    title="Residents by admin-1 (COD-PS)",
    licence="CC BY (terms differ by country: see HDX)",
    attribution="OCHA COD-PS; the office that each row names",
    is_republishable=True,
    cadence="when an office renews its figures",
    flaws=(
        "the year differs by country, 2001 to 2025; nothing is carried on to today, so that "
        "rates of lately grown places are too high",
        "projections and censuses stand side by side",
        "123 countries: none for Guinea-Bissau, Afghanistan, Myanmar, Syria, Ukraine, Yemen",
        "Malaysia, Namibia and Rwanda sum to less than they had in 2007 (Gapminder), and Baku "
        "is given in thousands: not used",
        "units are today's: where a country has others than its boundaries here, only those "
        "declared to make up a region are used; the file lists the rest with the reason",
        "21 rows of the Maldives come under five names and are summed; a unit with no residents "
        "(Montserrat, Kiribati) has no rate",
    ),
    embedded=(Release("April 2026", file="embedded/cod_ps_population_2026_04.parquet"),),
    parse=parse,
    columns=COLUMNS,
    key=("country_code", "unit_name", "region_pcode"),
    dated_by=None,
    lag=Lag(),
    lag_reason="reference data, known at all times",
    max_age_days=None,
    unit="admin-1 unit",
)
