"""What programs read beside the page: an Atom feed of changed levels, and the night as JSON."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import polars as pl

from config.areas import area
from config.registry import columns
from config.vocabulary import LEVELS, SIGNAL_STATES
from warehouse.publish import file_sha256
from warehouse.situation import Situation

FEED = "feed.xml"
LATEST, SCHEMA = "latest.json", "latest.schema.json"
ENTRIES_SHOWN = 100  # of a feed; all stand in the published file
NO_AUTHORITY = "tocsin.invalid"  # RFC 2606: nobody's, where what is published has no address
TAGS_SINCE = 2026  # a tag names a year in which its authority had the name
FIRST_TOLD = ("new", "raised")
TYPES = {
    "text": {"type": "string"}, "integer": {"type": "integer"}, "number": {"type": "number"},
    "flag": {"type": "boolean"}, "day": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
}  # fmt: skip
NIGHT = (
    "as_of_date", "data_month", "known_until_date", "window_start_date", "window_end_date",
    "is_stale",
)  # fmt: skip
REGION = (
    "region_id", "region_name", "country_code", "alert_level", "level", "p_escalation",
    "escalation_threshold_count", "changed_night", "intensity", "events_count",
    "deaths_best_count", "events_past12_count", "deaths_past12_count", "events_next3_mean",
    "events_next3_q10", "events_next3_q90", "deaths_next3_mean", "deaths_next3_q10",
    "deaths_next3_q90", "quiet_days", "rests_on",
    "models_left_out", "reason",
)  # fmt: skip
COUNTRY = (
    "country_code", "country_name", "window_start_date", "window_end_date", "events_mean",
    "events_q10", "events_q90", "deaths_mean", "deaths_q10", "deaths_q90", "p_any_event",
    "p_25_deaths",
)  # fmt: skip
SOURCE = (
    "source", "title", "licence", "attribution", "newest_date", "age_days", "max_age_days",
    "is_stale", "failure", "url",
)  # fmt: skip
EVENT_SOURCE = ("source", "known_until_date", "is_monthly", "why_not")
NEWS = (
    "news_kind", "source", "subject_id", "country_code", "region_id", "about_date", "value_before",
    "value_now",
)  # fmt: skip
NEVER_NULL = {  # of each list; all else may be missing
    NIGHT: {"as_of_date", "data_month", "is_stale"},
    REGION: {"region_id", "region_name", "country_code", "alert_level", "level"},
    COUNTRY: {"country_code"},
    SOURCE: {"source"},
    EVENT_SOURCE: {"source"},
    NEWS: {"news_kind"},
}
EVENT_NEWS = "event_"  # kinds of which only the number is given: a release brings thousands


def feed_facts(situation: Situation, language: str, place: str | None) -> dict[str, Any]:
    """What the template of the feed reads: its own ids and addresses, and its entries.

    Args:
        situation: The night.
        language: en or fr.
        place: Address of what is published; None: no reader can reach it.

    Returns:
        ``entries``: a row a level that changed, the newest first, with ``id``, ``night`` and
        ``page``, the address of its entry in the ledger or of its region; ``entries_left_out``;
        ``feed_id``, ``feed_url``, ``base``, ``stale_id``.
    """
    ledger = set(situation.ledger["ledger_id"].to_list())
    names = situation.flags.select("region_id", "region_name", "country_code")
    ranks = {name: rank for rank, name in enumerate(LEVELS)}
    changes = (
        situation.levels.filter(pl.col("alert_status") != "ongoing")
        .join(names, on="region_id")
        .with_columns(rank=pl.col("alert_level").replace_strict(ranks, return_dtype=pl.Int8))
        .sort("night_from", "rank", "region_id", descending=[True, True, False])
    )
    base = f"{place}/page/{language}/" if place else ""
    entries = []
    for row in changes.head(ENTRIES_SHOWN).iter_rows(named=True):
        ledger_id = f"{row['night_from']}-{row['region_id']}"
        is_in_ledger = row["alert_status"] in FIRST_TOLD and ledger_id in ledger
        page = f"ledger/{ledger_id}.html" if is_in_ledger else f"{row['region_id']}.html"
        entry_id = _tag(place, language, f"{row['night_from']}/{row['region_id']}")
        entries.append({**row, "id": entry_id, "page": f"{base}{quote(page)}"})
    month = situation.flags["data_month"][0]
    return {
        "entries": entries,
        "entries_left_out": max(changes.height - ENTRIES_SHOWN, 0),
        "feed_id": _tag(place, language, "levels"),
        "feed_url": f"{base}{FEED}",
        "base": base,
        "stale_id": _tag(place, language, f"{month:%Y-%m}/too-old"),
    }


def _tag(place: str | None, language: str, about: str) -> str:
    """A lasting id (tag URI, RFC 4151)."""
    authority = (urlsplit(place).hostname if place else None) or NO_AUTHORITY
    return f"tag:{authority},{TAGS_SINCE}:{area().name}/{language}/{quote(about)}"


def write_latest(situation: Situation, published_path: Path, folder: Path) -> None:
    """Write the night as JSON, and the schema it follows, beside the pages.

    Args:
        situation: The night.
        published_path: The file it is read from, named with its digest.
        folder: Of the site.
    """
    for name, content in (
        (LATEST, _latest(situation, published_path)),
        (SCHEMA, latest_schema()),
    ):
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=_as_text)
        # No text can end a script that someone puts the whole into.
        (folder / name).write_text(text.replace("<", "\\u003c") + "\n", "utf-8")


def _as_text(value: date | datetime) -> str:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value.isoformat()


def _latest(situation: Situation, published_path: Path) -> dict[str, Any]:
    flags = situation.flags.rename({"level": "alert_level", "level_of_month": "level"})
    first = flags.row(0, named=True)
    unknown = situation.signals.filter(state=SIGNAL_STATES[-1]) if situation.signals.width else None
    signals_not_known: dict[str, list[str]] = {}
    if unknown is not None:
        signals_of_place = unknown.group_by("place_id").agg(pl.col("signal").sort())
        signals_not_known = dict(signals_of_place.iter_rows())
    news = situation.news
    return {
        "$schema": SCHEMA,
        "area": area().name,
        **{name: first[name] for name in NIGHT if name != "as_of_date"},
        "as_of_date": situation.night,
        "published_file": {"name": published_path.name, "sha256": file_sha256(published_path)},
        "regions": [
            {**row, "signals_not_known": signals_not_known.get(row["region_id"], [])}
            for row in _rows(flags, REGION)
        ],
        "countries": _rows(situation.country_forecasts, COUNTRY),
        "sources": _rows(situation.sources, SOURCE),
        "event_sources": _rows(situation.event_sources, EVENT_SOURCE),
        "news_counts": dict(sorted(news.group_by("news_kind").len().iter_rows())),
        "news": _rows(news.filter(~pl.col("news_kind").str.starts_with(EVENT_NEWS)), NEWS),
    }


def _rows(frame: pl.DataFrame, names: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of the frame; a column that an older Tocsin did not tell is null."""
    missing = [pl.lit(None).alias(name) for name in names if name not in frame.columns]
    return frame.with_columns(missing).select(names).to_dicts()


def latest_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of ``latest.json``, with the meanings of the dictionary."""
    signals = {
        "description": "signals of the region of which nothing is known (table signals)",
        "type": "array", "items": {"type": "string"},
    }  # fmt: skip
    region = _object(_properties(REGION) | {"signals_not_known": signals})
    properties = {
        "$schema": {"const": SCHEMA},
        "area": {"description": "what is watched (TOCSIN_AREA)", "type": "string"},
        **_properties(NIGHT),
        "published_file": _object(
            {
                "name": {"description": "the file it is read from", "type": "string"},
                "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            }
        ),
        "regions": {"type": "array", "items": region},
        "countries": {"type": "array", "items": _object(_properties(COUNTRY))},
        "sources": {"type": "array", "items": _object(_properties(SOURCE))},
        "event_sources": {"type": "array", "items": _object(_properties(EVENT_SOURCE))},
        "news_counts": {
            "description": "how much is new of each kind since the last night run before",
            "type": "object", "additionalProperties": {"type": "integer", "minimum": 1},
        },
        "news": {
            "description": "rows of table news; of events the counts alone",
            "type": "array", "items": _object(_properties(NEWS)),
        },
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tocsin: a night",
        "description": "Missing is null, never zero. Columns: docs/dictionary.md.",
        **_object(properties),
    }


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties),
        "additionalProperties": False,
    }  # fmt: skip


def _properties(names: tuple[str, ...]) -> dict[str, Any]:
    """Properties by name of column: type, unit and meaning as in the dictionary."""
    properties = {}
    for name in names:
        column = columns()[name]
        kind: dict[str, Any] = dict(TYPES[column.type])
        if name not in NEVER_NULL[names]:
            kind["type"] = [kind["type"], "null"]
        meaning = f"{column.meaning} [{column.unit}]" if column.unit else column.meaning
        properties[name] = {"description": meaning, **kind}
    return properties
