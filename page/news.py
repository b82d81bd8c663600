"""What is new since the night before, as facts that the first page tells."""

from typing import Any

import polars as pl

from config.vocabulary import LEVELS

ENTRIES = ("register_entry", "suspension", "coup", "presence")
PLACES_SHOWN = 3
LEVELS_SHOWN = 10


def news_facts(news: pl.DataFrame) -> dict[str, Any]:
    """Counts of what is new by kind, the levels that changed, where most events are new.

    Args:
        news: As published.

    Returns:
        ``counts`` by kind (0 where nothing is new), ``levels`` (rows, the first ten),
        ``levels_more``, those of all that were ``raised`` and ``lowered``, the gravest first,
        ``places`` (region_id and number of events added, the most first),
        ``sources`` (rows).

    Example:
        >>> kinds, places = ["event_added", "event_added", "level"], ["MLI.gao"] * 3
        >>> values = {"value_before": [None, None, "watch"], "value_now": [None, None, "alarm"]}
        >>> facts = news_facts(pl.DataFrame({"news_kind": kinds, "region_id": places} | values))
        >>> facts["counts"]["event_added"], facts["counts"]["coup"], facts["places"]
        (2, 0, [('MLI.gao', 2)])
        >>> [row["region_id"] for row in facts["raised"]], facts["lowered"]
        (['MLI.gao'], [])
    """
    counts = dict(news.group_by("news_kind").len().iter_rows())
    levels = news.filter(news_kind="level").to_dicts()
    events_added = news.filter(
        pl.col("news_kind") == "event_added", pl.col("region_id").is_not_null()
    )
    places = (
        events_added.group_by("region_id").len().sort("len", "region_id", descending=[True, False])
    )
    kinds = ("event_added", "event_changed", "event_withdrawn", "level", "signal", *ENTRIES)
    gravest = sorted(levels, key=lambda row: -_rank(row["value_now"]))
    return {
        "raised": [r for r in gravest if _rank(r["value_now"]) > _rank(r["value_before"])],
        "lowered": [r for r in gravest if _rank(r["value_now"]) < _rank(r["value_before"])],
        "counts": {kind: counts.get(kind, 0) for kind in kinds},
        "levels": levels[:LEVELS_SHOWN],
        "levels_more": max(len(levels) - LEVELS_SHOWN, 0),
        "places": list(places.head(PLACES_SHOWN).iter_rows()),
        "sources": news.filter(news_kind="source").to_dicts(),
    }


def _rank(level: str | None) -> int:
    return LEVELS.index(level or LEVELS[0])
