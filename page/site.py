"""Builds the situation page: HTML in French and English, one page a region.

Its one script adds to it and is not needed to read it.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import polars as pl
from jinja2 import Environment
from markupsafe import escape

from alerts import wording
from alerts.digest import unsure_regions
from alerts.wording.environment import environment
from config.areas import area
from config.files import put_in_place, remove, set_aside
from config.registry import countries, thresholds
from config.vocabulary import GRAVEST_FIRST, INTENSITIES, LEVELS, MEASURES
from page.charts import (
    RECENT_MONTHS,
    chart_begin,
    fill_regions,
    map_svg,
    map_with_places,
    map_without_signs,
    page_svg,
    split_outlines,
    translated_svg,
)
from page.countries import country_rows
from page.feed import FEED, feed_facts, write_latest
from page.ledger import ledger_levels, ledger_years
from page.lines import line_facts
from page.mark import MARK, is_built, leave_mark
from page.news import news_facts
from page.nights import level_rows, nights_as_told
from page.pictures import (
    CLASS_BOUNDS,
    SHARES,
    country_map,
    deadliest_regions,
    map_classes,
    map_of_countries,
    past_forecasts,
    past_year_sums,
    region_map,
    region_pictures,
)
from page.places import COLUMNS, place_rows
from page.renderer import Renderer
from page.signals import board_matrix, not_known_counts, signals_in_order, signals_of_regions
from page.track_record import level_track_record
from warehouse.connect import WarehouseError
from warehouse.situation import Situation, gravest_first, late_first_event
from warehouse.situation import situation as read_situation

HERE = Path(__file__).parent
LEDGER = "ledger"
QUALITY = "quality.html"  # beside the published file
PAGE_PREFIX = "page"  # how folders beside it that are made without asking are called
COUNT_INDICATORS = (
    "events_count", "state_based_events_count", "communal_events_count",
    "one_sided_events_count", "jihadist_events_count", "communal_militia_events_count",
    "state_forces_events_count", "deaths_best_count", "deaths_civilians_count",
)  # fmt: skip
CHART_COUNTS = (
    "events_count", "state_based_events_count", "communal_events_count",
    "one_sided_events_count", "deaths_best_count", "deaths_civilians_count",
)  # fmt: skip
RATE_INDICATORS = ("events_past12_per_100k", "deaths_past12_per_100k")
EVENTS_SHOWN = 10
PRESENCE_SHOWN = 15
LEVELS_SHOWN = 30
REGIONS_ON_ONE_PAGE = 300  # of a larger area countries are shown, their regions on their pages
FLAGGED_SHOWN = 20  # on the first page of such an area
NAMED = 3  # at most, of a level in the first sentence
DEADLIEST = 10  # regions on the first screen, whatever their level
Rows = dict[str, list[dict[str, Any]]]


def build(
    published_path: Path, folder: Path, night: date | None = None, place: str | None = None
) -> Path:
    """Write the site of a night and put it in place of the folder in one step.

    A folder that holds just this site is left alone. A site beside the published file links
    to it and, of the newest night, to the page about the data's quality.

    Args:
        published_path: The published file; only read.
        folder: Where the site is to stand: new, empty or of an earlier site.
        night: A night that was run; None: the newest.
        place: Address of what is published, for the feeds; None: no reader can reach it.

    Returns:
        The first page.

    Raises:
        WarehouseError: There is no file, the night was not run, or the folder cannot be
            written or holds something else.
    """
    is_beside = folder.resolve().parent == published_path.resolve().parent
    is_site = any((folder / name).exists() for name in (MARK, "fr/index.html"))
    is_empty = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_site and not is_empty:
        if not is_beside or not folder.name.startswith(PAGE_PREFIX):
            raise WarehouseError(f"{folder} holds something else; name a folder of its own")
        set_aside(folder, "is not as a page was built")
    quality = published_path.with_name(QUALITY)
    has_quality = is_beside and quality.exists()
    place = place.rstrip("/") if place else None
    inputs = (f"{night}", f"{is_beside}", f"{has_quality}", published_path.name, f"{place}")
    part = folder.with_name(f".{folder.name}.part")
    remove(part)  # of a build that was killed
    if published_path.exists() and is_built(folder, (*inputs, published_path)):
        return folder / "index.html"
    with Renderer() as renderer:  # first, so that it starts while the file is read
        situation = read_situation(published_path, night, [*COUNT_INDICATORS, *RATE_INDICATORS])
        try:
            part.mkdir(parents=True)
            try:
                links = _links(published_path, is_beside, has_quality and situation.is_newest)
                _write(situation, renderer, part, links, place)
                write_latest(situation, published_path, part)
                leave_mark(part, (*inputs, published_path))
                put_in_place(part, folder)
            finally:
                remove(part)
        except OSError as error:
            raise WarehouseError(
                f"cannot write the page to {folder} ({error.strerror}); make it writable and run "
                "again"
            ) from None
    return folder / "index.html"


def _links(published_path: Path, is_beside: bool, has_quality: bool) -> dict[str, str | None]:
    """The published file's name, and addresses from a page of what stands beside the site."""
    return {
        "database": published_path.name,
        "database_url": f"../../{quote(published_path.name)}" if is_beside else None,
        "quality_url": f"../../{QUALITY}" if has_quality else None,
    }


def _write(
    situation: Situation,
    renderer: Renderer,
    folder: Path,
    links: Mapping[str, str | None],
    place: str | None,
) -> None:
    """Every page; those of the regions as their pictures are drawn, in their order."""
    is_wide = situation.regions.height > REGIONS_ON_ONE_PAGE
    flags, year = gravest_first(situation.flags), past_year_sums(situation)
    level_map = (map_of_countries if is_wide else region_map)(situation, flags, renderer)
    maps = {
        code: country_map(situation, flags, code, renderer)
        for code in situation.countries["country_code"]
    }
    regions = _regions(situation, year, renderer)
    by_country = country_rows(regions, flags["region_id"].to_list())
    lines = line_facts(situation, renderer)
    unsure = set(unsure_regions(situation.flags))
    grounds = {r["region_id"]: f"i-{r['intensity']}" for r in regions} | {
        f"{c['country_code']}.country": f"i-{c['intensity']}" for c in by_country
    }
    area_map = map_svg(page_svg(level_map.result()))
    area_maps = {
        "level_map": fill_regions(area_map, grounds, unsure),
        "night_map": fill_regions(map_with_places(area_map), grounds, unsure),
    }
    maps_filled = {
        code: fill_regions(map_svg(page_svg(svg.result())), grounds, unsure)
        for code, svg in maps.items()
    }
    facts = {
        **_facts_of_area(situation, regions, flags, year, is_wide),
        **links,
        "lines": lines,
        "has_hatched": bool(unsure) and not is_wide,
        **({} if is_wide else _maps(year, area_map)),
    }
    for language in area().languages:
        (folder / language).mkdir()
        in_language = facts | _facts_in_language(facts, area_maps, by_country, regions, language)
        for name in ("index.html", "regions.html", "signals.html", "nights.html"):
            _page(folder / language / name, f"{name}.j2", language, in_language)
        feed = in_language | feed_facts(situation, language, place)
        _page(folder / language / FEED, f"{FEED}.j2", language, feed)
        _write_countries(folder / language, in_language, by_country, maps_filled, unsure, language)
    shared_names = ("night", "data_month", "is_stale", "window_start_date", "window_end_date")
    shared = {
        **links,
        **{n: facts[n] for n in shared_names},
        "titles": dict(situation.sources.select("source", "title").iter_rows()),
        "event_sources": situation.event_sources.to_dicts(),
        "night_before": situation.night_before,
        "chart_begin": chart_begin(facts["data_month"]),
    }
    _write_ledger(situation, folder, shared)
    _write_regions(situation, folder, regions, shared)
    _write_style_and_script(folder)


def _facts_of_area(
    situation: Situation,
    regions: list[dict[str, Any]],
    flags: pl.DataFrame,
    year: pl.DataFrame,
    is_wide: bool,
) -> dict[str, Any]:
    """What the pages of the area say in any language.

    Args:
        situation: The night.
        regions: As ``_regions`` gives them.
        flags: Regions with a level, the gravest first.
        year: Sums of the past twelve months by region.
        is_wide: Whether countries are shown, their regions on their pages.
    """
    overview, signals = _overview(situation), _signals(situation)
    by_id = {r["region_id"]: r for r in regions}
    flagged = [by_id[place] for place in flags["region_id"]]
    worst = [by_id[place] for place in deadliest_regions(year, DEADLIEST)["region_id"]]
    first_countries = {r["country_code"] for r in flagged + worst}
    all_countries = set(countries()["country_code"])
    level_nights, levels_by_night = level_rows(situation)
    return {
        **overview,
        **signals,
        "nights_told": nights_as_told(situation, is_wide),
        "is_newest": situation.is_newest,
        "nights_count": len(situation.nights),
        "level_nights": level_nights,
        "level_rows": levels_by_night,
        "is_wide": is_wide,
        "matrix_first": _first_rows(
            signals["matrix"],
            {r["region_id"] for r in flagged[:FLAGGED_SHOWN] + worst},
            first_countries if is_wide else all_countries,
        ),
        "matrix_of_countries": _first_rows(signals["matrix"], set(), all_countries),
        "regions_count": len(regions),
        "flagged": flagged,
        "flagged_shown": flagged[:FLAGGED_SHOWN] if is_wide else flagged,
        "worst": worst,
        "unplaced": _unplaced(situation, overview["data_month"]),
        "worst_without_level": sum(r["level"] == "none" for r in worst),
        "country_forecasts_shown": [
            c
            for c in overview["country_forecasts"]
            if not is_wide or c["country_code"] in first_countries
        ],
        "people_exposed": wording.residents(flagged),
        "place_columns": COLUMNS,
        "places": place_rows(situation, regions),
    }


def _facts_in_language(
    facts: Mapping[str, Any],
    area_maps: Mapping[str, str],
    by_country: list[dict[str, Any]],
    regions: list[dict[str, Any]],
    language: str,
) -> dict[str, Any]:
    """What the pages of the area say otherwise in each language: names, dates, counted words."""
    names = _country_names(language)
    return {
        **{name: _named_countries(svg, names) for name, svg in area_maps.items()},
        "country_names": names,
        "place_names": [
            [names[place[:3]], ""]
            if facts["is_wide"]
            else [_place_name(facts["names"][place], language), names[place[:3]]]
            for place in facts["nights_told"]["places"]
        ],
        "region_names": [_place_name(r["region_name"], language) for r in regions],
        "countries": sorted(by_country, key=lambda c: _letters(names[c["country_code"]])),
        "matrix_countries": [(code, facts["matrix"].get(code, [])) for code in names],
        "cell": _mark("cell", language),
        "year_span": wording.span(*_past_year(facts["data_month"]), language),
        "counts": _counts(facts["flagged"], language),
    }


def _write_countries(
    folder: Path,
    facts: Mapping[str, Any],
    by_country: list[dict[str, Any]],
    maps: Mapping[str, str],
    unsure: set[str],
    language: str,
) -> None:
    """A page a country: those facts of the area's that are its own."""
    for country in by_country:
        code = country["country_code"]
        of_country = {
            **facts,
            "country": country,
            "level_map": maps[code],
            "has_hatched": any(place.startswith(f"{code}.") for place in unsure),
            "matrix_country": facts["matrix"].get(code, []),
            "regions_count": len(country["rows"]),
            "flagged": country["flagged"],
            "counts": _counts(country["flagged"], language),
            "people_exposed": wording.residents(country["flagged"]),
            **{
                name: [row for row in facts[name] if row["country_code"] == code]
                for name in ("unplaced", "country_forecasts", "measures", "coups")
            },
        }
        _page(folder / f"{code}.html", "country.html.j2", language, of_country)


def _write_regions(
    situation: Situation,
    folder: Path,
    regions: list[dict[str, Any]],
    shared: Mapping[str, Any],
) -> None:
    """A page a region, as its pictures are drawn."""
    region_signals = signals_of_regions(situation)
    counts = {r["place_id"]: r for r in situation.signal_counts.iter_rows(named=True)}
    for region in regions:
        pictures = {n: page_svg(svg.result()) for n, svg in region["pictures"].items()}
        for language in area().languages:
            words = _vocabulary(language).pictures
            name_of = partial(wording.name, language=language)
            facts = {
                **shared,
                "r": region,
                "country_names": _country_names(language),
                "chart": bool(pictures),
                "strip": _mark("strip", language),
                "signals": region_signals.get(region["region_id"], []),
                "signal_counts": counts.get(region["region_id"]),
                "signals_span": _strip_span(region_signals, language),
                **{n: translated_svg(svg, words, name_of) for n, svg in pictures.items()},
                **region["tables"],
            }
            path = folder / language / f"{region['region_id']}.html"
            _page(path, "region.html.j2", language, facts)


def _write_style_and_script(folder: Path) -> None:
    """What all pages share, and the page that leads to a language."""
    shutil.copyfile(HERE / "style.css", folder / "style.css")
    scripts = {path.stem: path.read_text("utf-8") for path in (HERE / "scripts").glob("*.js")}
    common = scripts.pop("common")  # its names are for all, those of one not the other's
    blocks = "".join(f"{{\n{text}}}\n" for _, text in sorted(scripts.items()))
    (folder / "script.js").write_text(f'"use strict";\n{common}{blocks}', "utf-8")
    start = _environment(area().languages[0]).get_template("start.html.j2")
    (folder / "index.html").write_text(start.render(languages=area().languages), "utf-8")


def _write_ledger(situation: Situation, folder: Path, shared: Mapping[str, Any]) -> None:
    """The list of what was said and what came, and a page for each entry."""
    entries = situation.ledger.to_dicts()
    for language in area().languages:
        (folder / language / LEDGER).mkdir()
        facts = {
            **shared,
            "country_names": _country_names(language),
            "entries": entries,
            "years": ledger_years(situation.ledger),
            "levels": ledger_levels(situation.ledger),
        }
        _page(folder / language / f"{LEDGER}.html", "ledger.html.j2", language, facts)
        for entry in entries:
            path = folder / language / LEDGER / f"{entry['ledger_id']}.html"
            of_entry = {"e": entry, "data_month": entry["data_month"]}  # not tonight's
            _page(path, "entry.html.j2", language, {**facts, **of_entry})


def _unplaced(situation: Situation, data_month: date) -> list[dict[str, Any]]:
    """Of each country that has any: events of twelve months known to it only, and the newest."""
    first, last = _past_year(data_month)
    events = situation.unplaced.filter(pl.col("event_date").is_between(first, last))
    return [
        {
            "country_code": code,
            "events_count": rows.height,
            "deaths_count": rows["deaths_best_count"].sum(),
            "events": rows.head(EVENTS_SHOWN).to_dicts(),
        }
        for (code,), rows in events.sort("country_code", maintain_order=True).group_by(
            "country_code", maintain_order=True
        )
    ]


def _signals(situation: Situation) -> dict[str, Any]:
    """The board for the pages of all regions."""
    return {
        "matrix": {} if situation.signals.is_empty() else board_matrix(situation),
        "order": signals_in_order(),
        "not_known": not_known_counts(situation),
        "night_before": situation.night_before,
    }


def _strip_span(signals: Mapping[str, list[dict[str, Any]]], language: str) -> str | None:
    """From which month to which the strips go, in words."""
    rows = next(iter(signals.values()), [])
    return (
        wording.span(rows[0]["strip"].first, _month_end(rows[0]["strip"].last), language)
        if rows
        else None
    )


def _first_rows(
    matrix: Mapping[str, list[dict[str, Any]]], regions: set[str], countries: set[str]
) -> list[dict[str, Any]]:
    """Rows of the first page: the area, these countries and regions, most signals first."""
    rows = [row for of_country in matrix.values() for row in of_country]
    return [
        row
        for row in rows
        if row["place_level"] == "area" or row["place_id"] in regions | countries
    ]


def _page(path: Path, template: str, language: str, facts: Mapping[str, Any]) -> None:
    is_below = path.parent.name != language
    name = f"{path.parent.name}/{path.name}" if is_below else path.name
    here = {
        "path": name,
        "up": "../" if is_below else "",
        "other_languages": [other for other in area().languages if other != language],
        "area_title": area().title(language),
    }
    text = _environment(language).get_template(template).render(facts, **here)
    path.write_text(text, "utf-8")


@cache
def _country_names(language: str) -> Mapping[str, str]:
    """Names by code, in the order of the names."""
    name = "country_name_fr" if language == "fr" else "country_name"
    rows = countries().select("country_code", name).iter_rows()
    return dict(sorted(rows, key=lambda row: _letters(row[1])))


@cache
def _environment(language: str) -> Environment:
    return environment(HERE / "templates", language, is_mail=False)


def _letters(name: str) -> str:
    """What a name is sorted by: accents count last.

    Example:
        >>> sorted(["Burkina Faso", "Bénin"], key=_letters)
        ['Bénin', 'Burkina Faso']
    """
    return normalize("NFD", name)


def _past_year(month: date) -> tuple[date, date]:
    """The twelve months that end with a month."""
    following = _month_end(month) + timedelta(days=1)
    return following.replace(year=following.year - 1), _month_end(month)


def _month_end(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


@cache
def _mark(name: str, language: str) -> Callable[..., str]:
    """A macro of ``marks.j2``, rendered once for the same arguments."""
    return lru_cache(maxsize=None)(
        getattr(_environment(language).get_template("marks.j2").module, name)
    )


@cache
def _vocabulary(language: str) -> Any:
    return _environment(language).get_template("vocabulary.j2").module


def _place_name(name: str, language: str) -> str:
    return wording.plain(wording.name(name, language), language)


def _counts(flagged: list[dict[str, Any]], language: str) -> list[str]:
    """How many regions at each level, in words, the gravest first; alarms and warnings by name."""
    counts = []
    for level in GRAVEST_FIRST:
        names = [_place_name(r["region_name"], language) for r in flagged if r["level"] == level]
        count = str(_vocabulary(language).count(level, len(names)))
        is_named = level != LEVELS[1] and len(names) <= NAMED
        counts += [f"{count} ({', '.join(names)})" if is_named else count] if names else []
    return counts


def _overview(situation: Situation) -> dict[str, Any]:
    flags = situation.flags
    in_force = situation.suspensions.filter(
        (pl.col("status") == "open") & pl.col("measure_type").is_in(list(MEASURES))
    )
    recent = pl.lit(situation.night).dt.offset_by("-2y")
    changes = situation.levels.filter(pl.col("alert_status") != "ongoing")
    return {
        "night": situation.night,
        "night_before": situation.night_before,
        "changed_night": changes["night_from"].max(),
        "data_month": flags["data_month"][0],
        "data_age": (situation.night - _month_end(flags["data_month"][0])).days,
        "is_stale": bool(flags["is_stale"].any()),
        "late_first_event": late_first_event(situation.events),
        "window_start_date": flags["window_start_date"][0],
        "window_end_date": flags["window_end_date"][0],
        "country_forecasts": situation.country_forecasts.sort(
            "deaths_mean", "country_code", descending=[True, False]
        ).to_dicts(),
        "measures": in_force.sort(
            "country_code", "opened_date", descending=[False, True]
        ).to_dicts(),
        "coups": situation.coups.filter(pl.col("coup_date") >= recent).to_dicts(),
        "very_violent_from": thresholds()["intensity"][INTENSITIES[-1]],
        "news": news_facts(situation.news) if not situation.news.is_empty() else None,
        "names": dict(situation.flags.select("region_id", "region_name").iter_rows()),
        "titles": dict(situation.sources.select("source", "title").iter_rows()),
        "track_record": level_track_record(situation.scorecard),
        "sources": situation.sources.to_dicts(),
        "event_sources": situation.event_sources.to_dicts(),
        "checks_count": situation.checks.height,
        "failed": situation.checks.filter(~pl.col("is_success"))
        .with_columns(
            title=pl.col("table_name").replace_strict(
                {
                    f"landing.{n}": t
                    for n, t in situation.sources.select("source", "title").iter_rows()
                },
                default=pl.col("table_name").str.replace(r"^\w+\.", ""),
            )
        )
        .to_dicts(),
    }


def _maps(year: pl.DataFrame, regions: str) -> dict[str, Any]:
    """A map of the regions for each of the figures mapped, and the outlines they share."""
    outlines, indicators = split_outlines(map_without_signs(regions))
    return {
        "outlines": outlines,
        "maps": [
            {
                "name": name,
                "days": year.select(
                    first=pl.col("presence_date").min(),
                    last=pl.col("presence_date").max(),
                    count=pl.col("presence_date").count(),
                ).row(0, named=True)
                if name == "presence"
                else None,
                "svg": fill_regions(
                    indicators,
                    map_classes(year, name),
                    set(year.filter(pl.col(name).is_null())["region_id"]),
                ),
                "is_share": name in SHARES,
                "legend": [(f"c{i}", bound) for i, bound in enumerate(bounds)],
            }
            for name, bounds in CLASS_BOUNDS.items()
        ],
    }


def _named_countries(svg: str, names: Mapping[str, str]) -> str:
    """A map of countries with their names in place of their codes."""
    return re.sub(
        r"<title>([A-Z]{3})</title>", lambda code: f"<title>{escape(names[code[1]])}</title>", svg
    )


def _regions(situation: Situation, year: pl.DataFrame, renderer: Renderer) -> list[dict[str, Any]]:
    """Rows of every region with its tables and pictures; without events it has no pictures."""
    newest = situation.flags["data_month"][0]
    rates = (
        situation.series.filter(month_start=newest)
        .group_by("region_id")
        .agg(
            pl.col("value").filter(pl.col("indicator") == name).first().alias(name)
            for name in RATE_INDICATORS
        )
    )
    counts = situation.series.filter(pl.col("indicator").is_in(COUNT_INDICATORS))
    by_month = counts.pivot(
        on="indicator", index=["region_id", "month_start"], values="value", maintain_order=True
    ).with_columns(pl.col(name).cast(pl.Int64) for name in COUNT_INDICATORS)
    active = by_month.filter(pl.col("events_count") > 0)
    recent = by_month.filter(
        pl.col("month_start") > pl.lit(newest).dt.offset_by(f"-{RECENT_MONTHS}mo")
    )
    years = (
        active.group_by("region_id", year=pl.col("month_start").dt.year())
        .agg(pl.col(*COUNT_INDICATORS).sum())
        .sort("region_id", "year", descending=[False, True])
    )
    changes = situation.levels.filter(pl.col("alert_status") != "ongoing")
    past = past_forecasts(situation)
    tables = {
        "forecasts": _by_region(situation.forecasts),
        "past_forecasts": _by_region(past.reverse()),
        "months": _by_region(recent.sort("month_start", descending=True)),
        "years": _by_region(years),
        "chart_months": _by_region(
            active.filter(pl.col("month_start") >= chart_begin(newest)).select(
                "region_id", pl.col("month_start").dt.strftime("%Y-%m"), *CHART_COUNTS
            )
        ),
        "drivers": _by_region(
            situation.drivers.filter(pl.col("contribution_events").is_not_null())
        ),
        "events": _by_region(situation.events, EVENTS_SHOWN),
        "presence": _by_region(situation.presence, PRESENCE_SHOWN),
        "levels": _by_region(changes.sort("night_from", descending=True), LEVELS_SHOWN),
        "entries": _by_region(situation.entries),
    }
    of_country = {
        "suspensions": situation.suspensions.partition_by("country_code", as_dict=True),
        "coups": situation.coups.partition_by("country_code", as_dict=True),
    }
    pictures = region_pictures(situation, by_month, past, renderer)
    year = year.rename({"events": "events_past12", "deaths": "deaths_past12"})
    rows = (
        situation.flags.join(
            year.select("region_id", "events_past12", "deaths_past12", "presence", "presence_date"),
            on="region_id",
        )
        .join(rates, on="region_id", how="left")
        .join(
            situation.regions.select(
                "region_id", "population_count", "population_year", "boundary_attribution"
            ),
            on="region_id",
        )
    )
    regions = []
    for row in rows.sort("region_id").iter_rows(named=True):
        region_tables = {name: table.get(row["region_id"], []) for name, table in tables.items()}
        for name, table in of_country.items():
            frame = table.get((row["country_code"],))
            region_tables[name] = [] if frame is None else frame.to_dicts()
        regions.append(
            {**row, "events": region_tables["events"], "tables": region_tables,
             "pictures": pictures.get(row["region_id"], {})}
        )  # fmt: skip
    return regions


def _by_region(frame: pl.DataFrame, most: int | None = None) -> Rows:
    """Rows of each region in the frame's order, at most ``most``."""
    parts = frame.partition_by("region_id", as_dict=True, maintain_order=True)
    return {
        str(key[0]): (part.head(most) if most else part).to_dicts() for key, part in parts.items()
    }
