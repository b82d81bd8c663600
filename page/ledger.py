"""The ledger of levels and of escalations without one, as rows that the templates show."""

from typing import Any

import polars as pl

from alerts.digest import ledger_counts
from config.vocabulary import LEVELS, OUTCOMES


def ledger_years(ledger: pl.DataFrame) -> list[dict[str, int] | None]:
    """Counts of each year of the nights (``ledger_counts``), the newest first."""
    years = ledger["as_of_date"].dt.year().unique().sort(descending=True)
    return [ledger_counts(ledger, year) for year in years]


def ledger_levels(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """A row a level, the gravest first: how many of its alarms are judged, and came."""
    alarms = ledger.filter(pl.col("ledger_kind") == "alarm", pl.col("outcome") != OUTCOMES[2])
    counts = {
        level: (judged_count, came)
        for level, judged_count, came in alarms.group_by("alert_level")
        .agg(pl.len(), (pl.col("outcome") == OUTCOMES[0]).sum().alias("came"))
        .iter_rows()
    }
    return [
        {"level": level, "judged": counts[level][0], "came": counts[level][1]}
        for level in reversed(LEVELS)
        if level in counts
    ]
