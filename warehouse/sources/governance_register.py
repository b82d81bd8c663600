"""Hand-kept register: milestones, dialogues, agreements, emergencies, mandates of forces."""

import polars as pl

from config.registry import Lag, Release, Source, known_countries, known_regions
from warehouse.sources.registers import (
    Rule,
    in_order,
    is_url,
    one_of,
    read_register,
    require,
    unique,
)

COLUMNS = (
    "register", "country_code", "region_id", "entry_date", "end_date_if_seen", "entry_type",
    "title", "url", "published_on", "date_precision",
)  # fmt: skip
KEY = ("register", "country_code", "entry_date", "title")
ENTRY_TYPES = {
    "transition_milestone": ("charter", "roadmap", "referendum", "election", "handover",
                             "postponement", "other"),
    "national_dialogue": ("announcement", "session", "conclusion"),
    "national_agreement": ("ceasefire", "peace_agreement", "breach", "other"),
    "local_agreement": ("ceasefire", "peace_agreement", "breach", "dialogue", "other"),
    "state_of_emergency": ("declaration", "extension", "end"),
    "force_mandate": ("decision", "start", "end", "withdrawal", "base_opened", "base_closed"),
}  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an entry; ``region_id`` may name several regions (;), also parts of regions.

    Raises:
        SourceError: A row is wrong; the message names file, line, field and cure.
    """
    rows = read_register(
        content,
        url,
        COLUMNS,
        nullable=("region_id", "end_date_if_seen", "published_on", "date_precision"),
        dated_by="entry_date",
    )
    of_register = [
        Rule(
            "entry_type",
            (pl.col("register") != register) | pl.col("entry_type").is_in(entry_types),
            f"of {register} write one of {', '.join(entry_types)}",
        )
        for register, entry_types in ENTRY_TYPES.items()
    ]
    lies_in = (
        pl.col("region_id")
        .str.split(";")
        .list.eval(pl.element().str.strip_chars().str.head(3))
        .list.unique()
    )
    rules = (
        one_of("register", ENTRY_TYPES),
        *of_register,
        one_of("country_code", known_countries()["country_code"], "config/countries.csv"),
        one_of("region_id", known_regions()["region_id"], "config/regions.csv"),
        Rule(
            "region_id",
            (lies_in.list.len() == 1) & (lies_in.list.first() == pl.col("country_code")),
            "the region lies in another country: give each country a row of its own",
        ),
        in_order("entry_date", "end_date_if_seen", "an end comes after its start"),
        in_order(
            "entry_date",
            "published_on",
            "a text of before the day cannot tell that it came: enter the day of the decision",
        ),
        is_url("url"),
        unique(KEY, "keep the right one, or join their regions by ;"),
    )
    return require(rows, rules, url)


SOURCE = Source(
    name="governance_register",
    title="Milestones, dialogues, agreements, states of emergency, mandates of forces",
    licence="facts, reference per row",
    attribution="one address per row",
    is_republishable=True,
    cadence="by hand",
    flaws=(
        "gathered in November 2026 from data sets and the press; what was not found is not in it: "
        "config/registers/coverage.csv says for which countries and years it is kept, outside "
        "them its indicators are missing",
        "states of emergency are those for reasons of security; health emergencies are not in it",
        "39 agreements rest on PA-X (University of Edinburgh), whose licence was not seen: date, "
        "parties and number alone are taken; ask before republishing them as a set",
        "elections of countries not in transition (BEN, CIV, SEN, TGO) are in it for even cover",
        "ends of agreements are seldom told: an agreement without an end is not one in force",
    ),
    embedded=(Release("2012-2025", file="registers/governance_register.csv"),),
    parse=parse,
    columns=COLUMNS,
    key=KEY,
    dated_by="entry_date",
    lag=Lag(days=1),
    lag_reason="announced publicly; known the next day (where only the month is known, the day "
    "after its end), or on published_on where that was read",
    max_age_days=None,
    unit="milestone, dialogue, agreement, emergency or mandate",
    is_by_hand=True,
)
