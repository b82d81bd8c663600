"""Hand-kept register: transition milestones, ceasefires and local peace agreements."""

import polars as pl

from config.registry import Lag, Release, Source, all_regions, countries
from warehouse.sources.registers import (
    Rule,
    checked,
    no_address,
    out_of_order,
    twice,
    unless_listed,
)
from warehouse.sources.tables import read_table

COLUMNS = (
    "register", "country_code", "region_id", "entry_date", "end_date_if_seen", "entry_type",
    "title", "url",
)  # fmt: skip
KEY = ("register", "country_code", "entry_date", "title")
ENTRY_TYPES = {
    "transition_milestone": ("charter", "roadmap", "referendum", "election", "handover",
                             "postponement", "other"),
    "local_agreement": ("ceasefire", "peace_agreement", "breach", "other"),
}  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an entry; ``register`` is transition_milestone or local_agreement.

    Raises:
        SourceError: A row is wrong; the message names file, line, field and cure.
    """
    rows = read_table(content, url, COLUMNS, nullable=("region_id", "end_date_if_seen"))
    places = all_regions()["region_id"].to_list()
    types = [
        (pl.col("register") == register) & ~pl.col("entry_type").is_in(known)
        for register, known in ENTRY_TYPES.items()
    ]
    rules = (
        unless_listed("register", ENTRY_TYPES, "docs/registers.md"),
        Rule("entry_type", pl.any_horizontal(types), f"write one of {ENTRY_TYPES}"),
        unless_listed("country_code", countries()["country_code"], "config/countries.csv"),
        unless_listed("region_id", places, "config/regions.csv"),
        Rule(
            "region_id",
            pl.col("region_id").str.head(3) != pl.col("country_code"),
            "the region lies in another country",
        ),
        out_of_order("entry_date", "end_date_if_seen", "an end comes after its start"),
        no_address("url"),
        twice(KEY),
    )
    return checked(rows, rules, url, nearest=places)


SOURCE = Source(
    name="governance_register",
    title="Transition milestones, ceasefires and local agreements",
    licence="facts, reference per row",
    attribution="one address per row",
    is_republishable=True,
    cadence="by hand",
    flaws=("no entry yet: its indicators are missing, not zero",),
    embedded=(Release("empty at first", file="registers/governance_register.csv"),),
    parse=parse,
    columns=COLUMNS,
    key=KEY,
    dated_by="entry_date",
    lag=Lag(days=1),
    lag_reason="announced publicly; on file the next day",
    max_age_days=None,
    unit="milestone or agreement",
)
