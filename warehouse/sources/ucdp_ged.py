"""UCDP Georeferenced Event Dataset: events of organised violence with at least one death."""

from datetime import date

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import fetch_file, read_table

COLUMNS = (
    "id", "relid", "year", "type_of_violence", "conflict_name", "dyad_name", "side_a", "side_b",
    "where_prec", "adm_1", "adm_2", "latitude", "longitude", "country", "country_id",
    "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """Events in the official column names (UCDP GED Codebook 24.1), one row an event."""
    return read_table(content, url, COLUMNS, nullable=("adm_1", "adm_2"))


SOURCE = Source(
    name="ucdp_ged",
    title="UCDP Georeferenced Event Dataset",
    licence="CC BY 4.0",
    attribution=(
        "UCDP GED 24.1: Davies, Engström, Pettersson & Öberg (2024), Journal of Peace Research "
        "61(4); Sundberg & Melander (2013), Journal of Peace Research 50(4)"
    ),
    is_republishable=True,
    cadence="yearly release, monthly candidates about the 20th",
    flaws=(
        "41 of the 4,022 embedded rows break low <= best <= high",
        "the source's region name is empty for about 4% of events and follows older borders "
        "in Côte d'Ivoire",
        "events of where_prec 4-7 are known only to the region or the country",
        "119 events span two months or more; they count in the month of date_end",
        "no event without a death; recent months are provisional",
        "the embedded 21.1 holds only events of where_prec 1-2, and of these first day, type, "
        "names, coordinates and deaths; its other columns are taken from 24.1",
    ),
    embedded=(
        Release(
            "21.1, eight WAEMU countries, 1989-2020, exact places only",
            published_on=date(2021, 6, 30),  # UCDP releases in May or June; the day is not on file
            covers_until=date(2020, 12, 31),
            holds="where_prec <= 2",
            file="embedded/ucdp_ged_21_1.parquet",
        ),
        Release(
            "24.1, eight WAEMU countries, 1989-2022",
            published_on=date(2024, 6, 30),
            covers_until=date(2022, 12, 31),
            file="embedded/ucdp_ged_24_1.parquet",
        ),
    ),
    fetch=fetch_file,
    parse=parse,
    columns=COLUMNS,
    key=("id",),
    dated_by="date_end",
    lag=Lag(next_month_day=20),
    lag_reason="UCDP publishes a month's candidate events about the 20th of the next month",
    max_age_days=62,
)
