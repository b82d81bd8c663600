"""Hand-kept register: aid and cooperation suspended or resumed, sanctions imposed or lifted."""

import polars as pl

from config.registry import (
    MEASURES,
    OTHER_MEASURES,
    Lag,
    Release,
    Source,
    countries,
    partners,
)
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
    "country", "date", "date_precision", "actor", "measure_type", "action", "what",
    "end_date_if_seen", "url", "published_on",
)  # fmt: skip


KEY = ("country", "date", "actor", "measure_type", "action", "what")
ACTIONS = ("suspend", "impose", "lift", "maintain_suspension")


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an act; a date known only to the month becomes the first of that month.

    Raises:
        SourceError: A row is wrong or two contradict each other; the message names
            file, line, field and cure.
    """
    rows = read_table(content, url, COLUMNS, nullable=("end_date_if_seen", "published_on"))
    actors = partners()["partner"].to_list()
    same = ["country", "date", "actor", "measure_type"]
    opens = pl.col("action").is_in(["suspend", "impose"])
    rules = (
        unless_listed("country", countries()["country_name"], "config/countries.csv"),
        unless_listed("actor", actors, "config/partners.csv"),
        unless_listed("measure_type", [*MEASURES, *OTHER_MEASURES], "config/registry.py"),
        unless_listed("action", ACTIONS, "docs/registers.md"),
        out_of_order("date", "end_date_if_seen", "an end comes after its start"),
        Rule(
            "action",
            opens.any().over(same) & (pl.col("action") == "lift").any().over(same),
            "the same measure begins and ends that day: keep what is true",
        ),
        no_address("url"),
        twice(KEY),
    )
    return checked(rows, rules, url, nearest=[*actors, *countries()["country_name"]])


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
    embedded=(Release("2012-2024", file="registers/aid_suspensions.csv"),),
    parse=parse,
    columns=COLUMNS,
    key=KEY,
    dated_by="date",
    lag=Lag(days=1),
    lag_reason="announced publicly; on file the next day, or on published_on where only the "
    "month of the decision is known",
    max_age_days=None,
    unit="measure taken or ended",
)
