"""The digest of a night and how it is rendered as a mail, in the reader's language."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import css_inline
import polars as pl
from jinja2 import Environment

from alerts import wording
from alerts.life import NEWS
from alerts.pictures import COLOURS, FILLS, level_map, sparkline
from alerts.wording.environment import environment
from alerts.wording.lines import line_rows
from config.recipients import Recipient
from config.registry import countries, thresholds
from config.vocabulary import (
    ACTS_UNIT,
    GRAVEST_FIRST,
    HATCHED_FROM,
    INTENSITIES,
    LEDGER_KINDS,
    LEVELS,
    MEASURES,
    OUTCOMES,
    SIGNAL_STATES,
)
from warehouse.situation import sorted_by_gravity

TEMPLATES = Path(__file__).parent / "templates"
RANK = {name: rank for rank, name in enumerate(LEVELS)}
DETAILED = 5  # changes told in full, with a picture, so that a mail stays short on a phone
LISTED = 40  # regions a line each; of the others a mail says how many in which country
EVENTS_SHOWN = 3
SPARK_MONTHS = 24
CALM = LEVELS[0]
FELL_OUT = ("failed", "stale")  # of why forecasts do not rest on an event source: what a mail says
PASSED, LINE_KEY = "passed", "line "  # what is kept of a line that was mailed, and its key
_, RAISED, GRAVE, NOT_KNOWN = SIGNAL_STATES
VIOLENT = INTENSITIES[2:]  # those that a mail names whatever their level
DEADLIEST = 10
OLD_FIGURE_MONTHS = 12


@dataclass(frozen=True)
class Digest:
    """What a night has to say: frames with the columns of the published tables.

    Attributes:
        flags: Every region with its level (``flags``) and its residents, where known.
        country_forecasts: Sums of whole countries in the thirty days after the night.
        alerts: Regions above the threshold, or fallen below it tonight (``alerts``).
        drivers: Drivers and context of every region (``flag_drivers``).
        events: Events of the newest months in regions of ``alerts``.
        counts: ``region_id``, ``month_start``, ``value``: events of the last two years.
        presence: Figures on administrators at their posts (``administrator_presence``).
        suspensions: Spells of suspended cooperation and sanctions (``suspensions``).
        signals: The board of signals (``signals``).
        ledger: Gives what was said and what came (``ledger``; empty before the first night), which
            few mails tell.
        lines: Readers' own lines (``lines``); within one reader's digest, that reader's.
        sources: Freshness, licence and attribution (``sources``).
        event_sources: Event sources beside UCDP, and whether forecasts rest on them
            (``event_sources``).
        outlines: GeoJSON geometry by region.
        muted: Until when nobody is mailed of a region, by its id.
        place: Address of what is published: file, page, quality; None: no reader can reach it.
    """

    as_of_date: date
    data_month: date
    flags: pl.DataFrame
    country_forecasts: pl.DataFrame
    alerts: pl.DataFrame
    drivers: pl.DataFrame
    events: pl.DataFrame
    counts: pl.DataFrame
    presence: pl.DataFrame
    suspensions: pl.DataFrame
    signals: pl.DataFrame
    ledger: Callable[[], pl.DataFrame]
    lines: pl.DataFrame
    sources: pl.DataFrame
    event_sources: pl.DataFrame
    outlines: Mapping[str, str]
    muted: Mapping[str, date]
    place: str | None

    def within(self, recipient: Recipient) -> "Digest":
        """The same night for one reader: places asked for, levels from the lowest asked for."""
        flags = self.flags
        if recipient.countries or recipient.regions:
            flags = flags.filter(
                pl.col("country_code").is_in(recipient.countries)
                | pl.col("region_id").is_in(recipient.regions)
            )
        floored = pl.when(_rank("alert_level") >= RANK[recipient.lowest_level])
        return replace(
            self,
            flags=flags,
            country_forecasts=self.country_forecasts.join(flags, on="country_code", how="semi"),
            ledger=lambda: _ledger_within(self.ledger(), flags, recipient),
            lines=_lines_of(self.lines, recipient),
            alerts=self.alerts.join(flags, on="region_id", how="semi").with_columns(
                alert_level=floored.then("alert_level").otherwise(pl.lit(CALM))
            ),
        )

    def changes(self, mailed_levels: Mapping[str, str]) -> dict[str, str]:
        """Regions whose level is not the one last mailed: their level now, without muted ones.

        Args:
            mailed_levels: Level last mailed by region; not there: none.
        """
        now = dict(self.alerts.select("region_id", "alert_level").iter_rows())
        places = self.flags["region_id"].to_list()
        return {
            place: now.get(place, CALM)
            for place in places
            if now.get(place, CALM) != mailed_levels.get(place, CALM) and place not in self.muted
        }

    def line_changes(self, mailed_levels: Mapping[str, str]) -> dict[str, str]:
        """Lines that stand otherwise than last mailed: passed, or not any more, by their key.

        While the events are stale nothing is said of them.
        """
        if self.flags["is_stale"].any():
            return {}
        now = {
            f"{LINE_KEY}{line_id}": PASSED if is_passed else CALM
            for line_id, is_passed in self.lines.select("line_id", "is_passed").iter_rows()
        }
        return {key: state for key, state in now.items() if state != mailed_levels.get(key, CALM)}


@dataclass(frozen=True)
class RenderedMail:
    """A mail in words: ``pictures`` are PNG by the content id that the HTML names."""

    subject: str
    text: str
    html: str
    pictures: Mapping[str, bytes]


def render(
    digest: Digest,
    mailed_levels: Mapping[str, str],
    language: str,
    unsubscribe: str,
    is_first: bool = False,
    is_first_of_year: bool = False,
) -> RenderedMail:
    """The mail of one reader.

    Args:
        digest: What to tell, within what the reader asked for.
        mailed_levels: Level last mailed by region.
        language: en or fr.
        unsubscribe: Address under which a reader leaves the list.
        is_first: Whether it is the reader's first mail: the state, not changes.
        is_first_of_year: Whether the reader's last mail was of an earlier year: what came of that
            year's levels is said.
    """
    facts = mail_facts(digest, mailed_levels, language)
    year = digest.as_of_date.year - 1
    facts["last_year"] = ledger_counts(digest.ledger(), year) if is_first_of_year else None
    colours = {"colours": COLOURS, "fills": FILLS}
    words = {**facts, **colours, "unsubscribe": unsubscribe, "is_first": is_first}
    subject, text, html = (
        _environment(language, is_html=".html" in name).get_template(name).render(**words)
        for name in ("subject.txt.j2", "digest.txt.j2", "digest.html.j2")
    )
    inlined = css_inline.inline(html, keep_at_rules=True, load_remote_stylesheets=False)
    return RenderedMail(" ".join(subject.split()), text.strip() + "\n", inlined, _pictures(facts))


@cache
def _environment(language: str, is_html: bool) -> Environment:
    return environment(TEMPLATES, language, is_mail=True, is_html=is_html)


def mail_facts(digest: Digest, mailed_levels: Mapping[str, str], language: str) -> dict[str, Any]:
    """What the templates of mails and texts are filled from, by the names that they read."""
    changes = digest.changes(mailed_levels)

    def is_in(places: Iterable[str]) -> pl.Expr:
        return pl.col("region_id").is_in(list(places))

    names = countries().select(
        "country_code", "country_name_fr" if language == "fr" else "country_name"
    )
    country_names = dict(names.iter_rows())
    is_stale = bool(digest.flags["is_stale"].any())
    alerts = digest.alerts.drop("data_month", "model_version", "boundaries_version")
    rows = (
        digest.flags.join(alerts, on="region_id", how="left")
        .with_columns(pl.col("alert_level").fill_null(CALM))
        .filter((pl.col("alert_level") != CALM) | is_in(changes))
        .with_columns(p_escalation=_chance_of_level(is_stale))
        .pipe(sorted_by_gravity, "alert_level")
        .with_columns(country_name=pl.col("country_code").replace_strict(country_names))
    )
    changed_regions = _changed_rows(digest, mailed_levels, rows.filter(is_in(changes)))
    standing = rows.filter(~is_in(changes) & ~is_in(digest.muted))
    mailed_countries = [row["country_code"] for row in changed_regions] or standing[
        "country_code"
    ].to_list()
    violent = digest.flags.filter(
        pl.col("intensity").is_in(VIOLENT) & ~is_in(digest.muted)
    ).with_columns(country_name=pl.col("country_code").replace_strict(country_names))
    levels = dict(rows.select("region_id", "alert_level").iter_rows())
    first = digest.flags.row(0, named=True)
    return {
        "as_of_date": digest.as_of_date,
        "data_month": digest.data_month,
        "window_start_date": first["window_start_date"],
        "window_end_date": first["window_end_date"],
        "is_stale": is_stale,
        "country_forecasts": digest.country_forecasts.sort(
            "deaths_mean", "country_code", descending=[True, False]
        )
        .head(LISTED)
        .to_dicts(),
        "countries_more": max(digest.country_forecasts.height - LISTED, 0),
        "violent_counts": {n: violent.filter(intensity=n).height for n in VIOLENT},
        "deadliest": [
            {**row, "alert_level": levels.get(row["region_id"], CALM)}
            for row in violent.sort("deaths_past12_count", "events_past12_count", descending=True)
            .head(DEADLIEST)
            .iter_rows(named=True)
        ],
        "violent_from": thresholds()["intensity"][VIOLENT[0]],
        "intensities": dict(digest.flags.select("region_id", "intensity").iter_rows()),
        "unsure": unsure_regions(digest.flags),
        "people_exposed": wording.residents(rows.filter(pl.col("alert_level") != CALM).to_dicts()),
        "counts": {n: rows.filter(pl.col("alert_level") == n).height for n in GRAVEST_FIRST},
        **_line_lists(digest, mailed_levels, is_stale),
        "changed": changed_regions,
        "detailed": changed_regions[:DETAILED],
        "also": changed_regions[DETAILED : DETAILED + LISTED],
        "also_more": _by_country(
            [row["country_name"] for row in changed_regions[DETAILED + LISTED :]]
        ),
        "standing": standing.head(LISTED).to_dicts(),
        "standing_more": _by_country(standing["country_name"][LISTED:]),
        "muted": [
            {"region_name": name, "until": digest.muted[place]}
            for place, name in digest.flags.select("region_id", "region_name").iter_rows()
            if place in digest.muted
        ],
        "spark_from": digest.counts["month_start"].min(),
        "suspensions": _suspensions(digest.suspensions, mailed_countries),
        "country_names": country_names,
        "all_names": dict(digest.flags.select("region_id", "region_name").iter_rows()),
        "region_names": dict(rows.select("region_id", "region_name").iter_rows()),
        "levels": levels,
        "outlines": {
            place: digest.outlines[place]
            for place in digest.flags["region_id"]
            if place in digest.outlines
        },
        "followed": {
            level: round(10 * counts["escalated"] / counts["region_months"])
            for level in GRAVEST_FIRST
            if (counts := thresholds().get("followed", {}).get(level))
        },
        "sources": digest.sources.to_dicts(),
        "event_sources": digest.event_sources.join(
            digest.sources.select("source", "title"), on="source", maintain_order="left"
        )
        .filter(pl.col("why_not").is_null() | pl.col("why_not").is_in(FELL_OUT))
        .to_dicts(),
        "place": digest.place,
        "not_renewed": digest.sources.filter(pl.col("failure").is_not_null())["title"].to_list(),
    }


def _changed_rows(
    digest: Digest, mailed_levels: Mapping[str, str], rows: pl.DataFrame
) -> list[dict[str, Any]]:
    """Regions whose level changed, with what a mail says of each; rises come first."""
    changed_rows = []
    for number, row in enumerate(rows.iter_rows(named=True)):
        place, level = row["region_id"], row["alert_level"]
        mailed_level = mailed_levels.get(place, CALM)
        changed_rows.append(
            {
                **row,
                "mailed_level": mailed_level,
                "direction": _direction(mailed_level, level),
                "cause": row["cause"] or NEWS,
                "moved": wording.change(row["p_escalation"], row["p_escalation_before"]),
                "events": _newest_events(digest.events, place),
                "presence": _presence(digest, place),
                "driver": _strongest_driver(digest.drivers, place),
                "counts": _counts(digest, place),
                "signals": _signals(digest.signals, place),
                "picture": f"counts{number}",
            }
        )
    return sorted(changed_rows, key=lambda row: row["direction"] in ("lowered", "closed"))


def _line_lists(
    digest: Digest, mailed_levels: Mapping[str, str], is_stale: bool
) -> dict[str, list[dict[str, Any]]]:
    """The reader's lines: those passed, of them the new ones, and those below; none if stale."""
    changes = digest.line_changes(mailed_levels)
    rows = [] if is_stale else line_rows(digest.lines.sort("p_reached", descending=True))
    lines = [{**row, "is_new": f"{LINE_KEY}{row['line_id']}" in changes} for row in rows]
    passed_lines = [line for line in lines if line["is_passed"]]
    return {
        "lines_passed": passed_lines,
        "new_lines": [line for line in passed_lines if line["is_new"]],
        "lines_below": [line for line in lines if not line["is_passed"]],
    }


def _lines_of(lines: pl.DataFrame, recipient: Recipient) -> pl.DataFrame:
    """The reader's lines, each by the name that the reader gave it."""
    names = {line.line_id: line.name or None for line in recipient.lines}
    return lines.filter(pl.col("line_id").is_in(list(names))).with_columns(
        line_name=pl.col("line_id").replace_strict(names, default=None, return_dtype=pl.String)
    )


def _ledger_within(ledger: pl.DataFrame, flags: pl.DataFrame, recipient: Recipient) -> pl.DataFrame:
    """The ledger of one reader, whom a level below the lowest asked for does not warn."""
    if ledger.is_empty():
        return ledger
    is_mailed = _rank("alert_level") >= RANK[recipient.lowest_level]
    return (
        ledger.join(flags, on="region_id", how="semi")
        .filter(is_mailed | pl.col("escalation_night").is_not_null())
        .with_columns(
            ledger_kind=pl.when(is_mailed).then("ledger_kind").otherwise(pl.lit("unwarned"))
        )
    )


def ledger_counts(ledger: pl.DataFrame, year: int) -> dict[str, int] | None:
    """What came of the levels of a year's nights, and of what its escalations came under.

    Levels count by their night, each escalation once, by the first of its entries.

    Returns:
        ``year``; ``alarms``: levels given or raised, and of them ``came``, ``did_not_come``,
        ``not_yet_known``; ``escalations``, and of them ``after_alarm``, ``under_held_level`` and
        ``unwarned``. None: nothing is on file.
    """
    if ledger.is_empty():
        return None
    is_of_year = pl.col("as_of_date").dt.year() == year
    alarms = ledger.filter(is_of_year, ledger_kind="alarm")
    outcomes = {name: alarms.filter(outcome=name).height for name in OUTCOMES}
    escalations = (
        ledger.drop_nulls("escalation_night")
        .group_by("region_id", "escalation_night")
        .agg(pl.col("as_of_date").min(), pl.col("ledger_kind").cast(pl.Enum(LEDGER_KINDS)).min())
        .filter(is_of_year)
    )
    kinds = zip(("after_alarm", "under_held_level", "unwarned"), LEDGER_KINDS, strict=True)
    return {
        "year": year,
        "alarms": alarms.height,
        **outcomes,
        "escalations": escalations.height,
        **{name: escalations.filter(ledger_kind=kind).height for name, kind in kinds},
    }


def unsure_regions(flags: pl.DataFrame) -> list[str]:
    """Regions without an event on file whose silence may well not be quiet, as flags stand.

    Example:
        >>> chances = {"region_id": ["a", "b"], "p_unreported_event": [0.05, None]}
        >>> unsure_regions(pl.DataFrame(chances))
        ['a']
    """
    return flags.filter(pl.col("p_unreported_event") >= HATCHED_FROM)["region_id"].to_list()


def _by_country(country_names: Iterable[str]) -> list[tuple[str, int]]:
    """How many regions are left out in which country, the most first.

    Example:
        >>> _by_country(["Mali", "Togo", "Togo"])
        [('Togo', 2), ('Mali', 1)]
    """
    return Counter(country_names).most_common()


def _pictures(facts: Mapping[str, Any]) -> dict[str, bytes]:
    of_places = (facts[name] for name in ("outlines", "levels", "intensities", "unsure"))
    pictures = {"map": level_map(*of_places)}
    for row in facts["detailed"]:
        pictures[row["picture"]] = sparkline(row["counts"], row["alert_level"])
    return pictures


def _chance_of_level(is_stale: bool) -> pl.Expr:
    """The chance that stands beside a level: while figures are stale, of when it was given.

    The level is then that of an earlier night, and tonight's chance is of other figures.
    """
    return (
        pl.coalesce("changed_p_escalation", "p_escalation") if is_stale else pl.col("p_escalation")
    )


def _direction(before: str, now: str) -> str:
    if before == CALM:
        return "new"
    if now == CALM:
        return "closed"
    return "raised" if RANK[now] > RANK[before] else "lowered"


def _rank(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(RANK, return_dtype=pl.Int8)


def _counts(digest: Digest, region_id: str) -> list[float | None]:
    return digest.counts.filter(region_id=region_id).sort("month_start")["value"].to_list()


def _signals(signals: pl.DataFrame, region_id: str) -> dict[str, list[dict[str, Any]]]:
    """Signals that stand out, the region's own and acts of others, and those not known."""
    rows = signals.filter(place_id=region_id)
    raised = rows.filter(pl.col("state").is_in([RAISED, GRAVE]))
    is_act = pl.col("unit") == ACTS_UNIT
    return {
        "own": raised.filter(~is_act).to_dicts(),
        "acts": raised.filter(is_act).to_dicts(),
        "not_known": rows.filter(state=NOT_KNOWN).to_dicts(),
    }


def _newest_events(events: pl.DataFrame, region_id: str) -> list[dict[str, Any]]:
    return (
        events.filter(pl.col("region_id") == region_id)
        .sort("event_date", "deaths_best_count", "event_id", descending=True)
        .head(EVENTS_SHOWN)
        .to_dicts()
    )


def _presence(digest: Digest, region_id: str) -> dict[str, Any] | None:
    """The figure that stands beside the flag, with its date and how many regions it covers."""
    driver = digest.drivers.filter(region_id=region_id, driver="administrator_presence")
    share = driver["value"].item() if driver.height else None
    if share is None:
        return None
    figures = digest.presence.filter(region_id=region_id, presence_share=share)
    newest = figures.sort("observed_date", "group_size_count", descending=[True, False])
    old_before = pl.lit(digest.as_of_date).dt.offset_by(f"-{OLD_FIGURE_MONTHS}mo")
    return newest.with_columns(is_old=pl.col("observed_date") < old_before).row(0, named=True)


def _suspensions(
    suspensions: pl.DataFrame, country_codes: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Open measures of each country that the mail names, the newest first."""
    in_force = suspensions.filter(
        (pl.col("status") == "open") & pl.col("measure_type").is_in(list(MEASURES))
    ).sort("opened_date", "actor", descending=[True, False])
    return {
        code: in_force.filter(country_code=code).to_dicts() for code in dict.fromkeys(country_codes)
    }


def _strongest_driver(drivers: pl.DataFrame, region_id: str) -> dict[str, Any]:
    contributions = drivers.filter(
        (pl.col("region_id") == region_id) & pl.col("contribution_events").is_not_null()
    )
    return contributions.sort("contribution_events", descending=True).row(0, named=True)
