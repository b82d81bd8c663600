"""Hand-kept register: transition milestones, ceasefires and local peace agreements."""

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import fetch_file, read_table

COLUMNS = ("register", "country_code", "region_id", "entry_date", "entry_type", "title", "url")


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an entry; ``register`` is transition_milestone or local_agreement."""
    return read_table(content, url, COLUMNS, nullable=("region_id",))


SOURCE = Source(
    name="governance_register",
    title="Transition milestones, ceasefires and local agreements",
    licence="facts, reference per row",
    attribution="one address per row",
    is_republishable=True,
    cadence="by hand",
    flaws=("no entry yet: its indicators are missing, not zero",),
    embedded=(Release("empty at first", file="governance_register.csv"),),
    fetch=fetch_file,
    parse=parse,
    columns=COLUMNS,
    key=("register", "country_code", "entry_date", "title"),
    dated_by="entry_date",
    lag=Lag(days=1),
    lag_reason="announced publicly; on file the next day",
    max_age_days=None,
)
