"""Hand-kept register: administrators at their posts in Mali, from UN Secretary-General reports."""

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import fetch_file, read_table

COLUMNS = (
    "date", "date_precision", "scope_regions", "indicator", "value_pct", "numerator",
    "denominator", "source_symbol", "source_symbol_basis", "url_if_known", "published_on",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a figure: day, scope (region, regions or group), cadre, per cent, reference."""
    return read_table(
        content, url, COLUMNS, nullable=("numerator", "denominator", "url_if_known", "published_on")
    )


SOURCE = Source(
    name="admin_presence",
    title="Administrators at their posts in Mali",
    licence="facts, reference per row",
    attribution="UN Secretary-General reports on Mali as quoted in the press; reference per row",
    is_republishable=True,
    cadence="by hand, as reports appear (quarterly until 2023)",
    flaws=(
        "many figures are for a group of regions, not for each of them",
        "no figure exists for Sikasso, Kayes, Koulikoro or Bamako",
        "some report symbols are inferred from the date (source_symbol_basis says which)",
        "no report after MINUSMA ended in 2023",
    ),
    embedded=(Release("2016-2022", file="admin_presence.csv"),),
    fetch=fetch_file,
    parse=parse,
    columns=COLUMNS,
    key=("date", "scope_regions", "indicator", "source_symbol"),
    dated_by="date",
    lag=Lag(days=90),
    lag_reason="reports are quarterly: a figure is known at the latest one report later; where "
    "the day of publication was read, published_on holds it",
    max_age_days=180,
)
