"""The digest of a night: what it holds and how it reads."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from alerts import wording
from config.registry import LEVELS, MEASURES, thresholds

FLAGGED = LEVELS[:0:-1]  # the gravest first
DETAILED = 10  # regions told in full, so that a mail stays short on a phone
EVENTS_SHOWN = 3


@dataclass(frozen=True)
class Digest:
    """What a night has to say: frames with the columns of the published tables.

    Attributes:
        flags: Every region with its level (``flags``).
        drivers: Drivers and context of every region (``flag_drivers``).
        events: Events of the newest months in flagged regions.
        presence: Figures on administrators at their posts (``administrator_presence``).
        suspensions: Spells of suspended cooperation and sanctions (``suspensions``).
        sources: Freshness, licence and attribution (``sources``).
        database: Where the published file is.
    """

    as_of_date: date
    data_month: date
    flags: pl.DataFrame
    drivers: pl.DataFrame
    events: pl.DataFrame
    presence: pl.DataFrame
    suspensions: pl.DataFrame
    sources: pl.DataFrame
    database: str

    def within(self, countries: tuple[str, ...]) -> "Digest":
        """The same night for readers who asked for some countries only (none: all)."""
        if not countries:
            return self
        return replace(self, flags=self.flags.filter(pl.col("country_code").is_in(countries)))


def render(digest: Digest, language: str, unsubscribe: str) -> tuple[str, str, str]:
    """Subject, text and HTML of a digest.

    Args:
        digest: What to tell.
        language: en or fr.
        unsubscribe: Address under which a reader leaves the list.
    """
    facts = _facts(digest)
    parts = [
        _environment(language, is_html=".html" in name)
        .get_template(name)
        .render(**facts, unsubscribe=unsubscribe)
        for name in ("subject.txt.j2", "digest.txt.j2", "digest.html.j2")
    ]
    return " ".join(parts[0].split()), parts[1].strip() + "\n", parts[2]


@cache
def _environment(language: str, is_html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=is_html,  # noqa: S701 - text is text; shared macros follow their environment
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        wording.translations(language), newstyle=True
    )
    for name in ("day", "month", "number", "percent"):
        environment.filters[name] = partial(getattr(wording, name), language=language)
    environment.filters["odds"] = wording.odds
    environment.globals["language"] = language
    return environment


def _facts(digest: Digest) -> dict[str, Any]:
    rank = pl.col("level").replace_strict(
        {n: i for i, n in enumerate(FLAGGED)}, return_dtype=pl.Int8
    )
    flagged = digest.flags.filter(pl.col("level") != "none").sort(
        rank, "p_escalation", "region_id", descending=[False, True, False]
    )
    regions = [
        {
            **flag,
            "is_rising": flag["p_escalation"] > flag["p_escalation_before"],
            "events": _newest(digest.events, flag["region_id"]),
            "presence": _presence(digest, flag["region_id"]),
            "driver": _strongest(digest.drivers, flag["region_id"]),
        }
        for flag in flagged.head(DETAILED).iter_rows(named=True)
    ]
    return {
        "as_of_date": digest.as_of_date,
        "data_month": digest.data_month,
        "is_stale": bool(digest.flags["is_stale"].any()),
        "counts": {n: flagged.filter(pl.col("level") == n).height for n in FLAGGED},
        "regions": regions,
        "others": flagged.slice(DETAILED)["region_name"].to_list(),
        "suspensions": _suspensions(digest.suspensions, [r["country_code"] for r in regions]),
        "country_names": dict(digest.flags.select("country_code", "country_name").iter_rows()),
        "followed": {level: round(10 * thresholds()["followed"][level]) for level in FLAGGED},
        "sources": digest.sources.to_dicts(),
        "database": digest.database,
    }


def _newest(events: pl.DataFrame, region_id: str) -> list[dict[str, Any]]:
    return (
        events.filter(pl.col("region_id") == region_id)
        .sort("event_date", "deaths_best_count", "event_id", descending=True)
        .head(EVENTS_SHOWN)
        .to_dicts()
    )


def _presence(digest: Digest, region_id: str) -> dict[str, Any] | None:
    """The figure that stands beside the flag, with its date and how many regions it covers."""
    told = digest.drivers.filter(region_id=region_id, driver="administrator_presence")
    share = told["value"].item() if told.height else None
    if share is None:
        return None
    same = digest.presence.filter(region_id=region_id, presence_share=share)
    return same.sort("observed_date", "group_size_count", descending=[True, False]).row(
        0, named=True
    )


def _suspensions(
    suspensions: pl.DataFrame, countries: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Open measures of each country told of, the newest first."""
    shown = suspensions.filter(
        (pl.col("status") == "open") & pl.col("measure_type").is_in(list(MEASURES))
    ).sort("opened_date", "actor", descending=[True, False])
    return {code: shown.filter(country_code=code).to_dicts() for code in dict.fromkeys(countries)}


def _strongest(drivers: pl.DataFrame, region_id: str) -> dict[str, Any]:
    own = drivers.filter(
        (pl.col("region_id") == region_id) & pl.col("contribution_events").is_not_null()
    )
    return own.sort("contribution_events", descending=True).row(0, named=True)
