"""Hand-kept register: aid and cooperation suspended or resumed, sanctions imposed or lifted."""

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import fetch_file, read_table

COLUMNS = (
    "country", "date", "date_precision", "actor", "measure_type", "action", "what",
    "end_date_if_seen", "url", "published_on",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an act; a date known only to the month becomes the first of that month."""
    return read_table(content, url, COLUMNS, nullable=("end_date_if_seen", "published_on"))


SOURCE = Source(
    name="aid_suspensions",
    title="Suspensions of aid, cooperation and membership; sanctions",
    licence="facts, reference per row",
    attribution="press reports and statements, one address per row",
    is_republishable=True,
    cadence="by hand, as decisions are announced",
    flaws=(
        "the end of most suspensions was not seen: after 24 months without confirmation they "
        "count as 'end_unknown', not as open",
        "one lifting (ECOWAS, Burkina Faso, July 2022) has no start on file",
    ),
    embedded=(Release("2012-2024", file="aid_suspensions.csv"),),
    fetch=fetch_file,
    parse=parse,
    columns=COLUMNS,
    key=("country", "date", "actor", "measure_type", "action", "what"),
    dated_by="date",
    lag=Lag(days=1),
    lag_reason="announced publicly; on file the next day, or on published_on where only the "
    "month of the decision is known",
    max_age_days=None,
)
