"""Suites of the core tables: what is believed on the night."""

import polars as pl

from config.registry import countries, coverage, drawn_regions, neighbour_regions, regions
from config.vocabulary import ACTOR_GROUPS, MEASURES, OTHER_MEASURES, VIOLENCE_TYPES
from expectations.checks import (
    Check,
    between,
    exactly,
    exist,
    first_of_month,
    in_order,
    key,
    mostly,
    one_of,
    present,
    rows,
    rule,
    surprising,
)
from expectations.landed import MOST_RESIDENTS
from warehouse.sources import SOURCES
from warehouse.sources.governance_register import ENTRY_TYPES

CODEBOOK = "2026-11: UCDP GED codebook 24.1"
CODES = countries()["country_code"].to_list()
IN_GROUPS = "2026-11: config/actors.csv, config/actor_rules.csv"
IN_CODES = "2026-11: the countries of config/countries.csv"
BASES = ["assumed", "observed"]
IN_BASES = "2026-11: a bulk file's lag, or a real fetch"

IDS = regions()["region_id"].to_list()
IN_IDS = "2026-11: the ids of config/regions.csv"
DRAWN = drawn_regions()["country_code"].unique().sort().to_list()
AROUND = neighbour_regions()["region_id"].to_list()
EXTERNAL = [series for source in SOURCES for series in source.series]
BY_COUNTRY = [s for source in SOURCES if source.series_level == "country" for s in source.series]


def _kept(series: pl.Expr, country: pl.Expr, day: pl.Expr, source: str) -> pl.Expr:
    """Whether a day lies within what ``config/registers/coverage.csv`` declares."""
    is_declared = [
        series.is_in([row["series"]] if row["series"] else [*MEASURES, *OTHER_MEASURES])
        & (country == row["country_code"])
        & day.is_between(row["kept_from"], row["kept_until"])
        for row in coverage().filter(source=source).iter_rows(named=True)
    ]
    return pl.any_horizontal(country.is_null(), *is_declared)  # an area may have none


OUTSIDE = (
    "2026-11: its months count as not known, since the register is not declared as kept then: "
    "widen config/registers/coverage.csv, or leave it out"
)

ONE_VERSION = rule(
    "one_version_believed",
    pl.col("known_to").is_not_null()
    | ~pl.struct("event_id", pl.col("known_to").is_null()).is_duplicated(),
    "critical",
    "2026-11: two versions believed now would count an event twice",
)
CORE: dict[str, tuple[Check, ...]] = {
    "core.region": (
        exactly(
            regions().height, "2026-11: every region of config/regions.csv has found its polygon"
        ),
        key("region_id"),
        *present("region_id", "country_code", "country_name", "region_name"),
        *present("centroid_longitude", "centroid_latitude", "boundary_attribution"),
        one_of("country_code", CODES, IN_CODES),
        between("centroid_latitude", -90, 90, "2026-11: degrees of the globe"),
        between("centroid_longitude", -180, 180, "2026-11: degrees of the globe"),
        between("population_count", 1, None, "2026-11: a count of people"),
        surprising("population_count", 150_000_000, MOST_RESIDENTS),
        rule(
            "population_has_its_year_and_source",
            (pl.col("population_count").is_null() == pl.col("population_year").is_null())
            & (pl.col("population_count").is_null() == pl.col("population_source").is_null()),
            "critical",
            "2026-11: a figure without its year cannot be read",
        ),
    ),
    "core.population_unit": (
        key("country_code", "unit_name", "region_pcode"),
        *present("country_code", "unit_name", "population_count", "population_year"),
        *exist("region_pcode", "population_office", "population_contributor"),
        one_of("country_code", CODES, IN_CODES),
        one_of("region_id", IDS, IN_IDS),
        one_of("matched_by", ["declared", "name"], "2026-11: core/population_unit.sql"),
        rule(
            "of_a_region_or_says_why_not",
            (pl.col("region_id").is_null() == pl.col("unmatched_reason").is_not_null())
            & (pl.col("region_id").is_null() == pl.col("matched_by").is_null()),
            "critical",
            "2026-11: residents never vanish in silence",
        ),
        rule(
            "region_in_its_country",
            pl.col("region_id").str.head(3) == pl.col("country_code"),
            "critical",
            "2026-11: residents count in their country",
        ),
        rule(
            "declared_regions_are_there",
            ~pl.col("unmatched_reason").str.contains("population_units.csv", literal=True),
            "warning",
            "2026-11: config/population_units.csv names a region that has no boundary here: mend "
            "its region_name, or take the line out",
        ),
    ),
    "core.actor": (
        rows(1, "2026-11: every event has a side"),
        key("actor_name"),
        *present("actor_name", "actor_group", "grouped_by", "actor_events_count"),
        *exist("group_reason", "first_date", "last_date"),
        one_of("actor_group", list(ACTOR_GROUPS), IN_GROUPS),
        one_of(
            "grouped_by", ["name", "rule", "nothing"], "2026-11: the outcomes of core/actor.sql"
        ),
        between("actor_events_count", 0, None, "2026-11: a count of events"),
        in_order("dates_in_order", ["first_date", "last_date"], "critical", CODEBOOK),
    ),
    "core.event": (
        rows(1, "2026-11: without an event no figure can be told; events begin in April 1989"),
        key("event_id"),
        *present("event_id", "event_date", "date_start", "date_end", "country_code"),
        *present("violence_type", "deaths_best_count", "placed_by", "name_check", "known_from"),
        *present("actor_group_a", "actor_group_b", "deaths_low_count", "deaths_high_count"),
        *exist("source_admin1_name", "source_admin2_name", "actor_a", "actor_b", "code_status"),
        *present("is_provisional"),
        one_of("country_code", CODES, IN_CODES),
        one_of("violence_type", [*VIOLENCE_TYPES], CODEBOOK),
        one_of("placed_by", ["polygon", "name", "country"], "2026-11: the three ways of placing"),
        one_of(
            "name_check",
            ["agrees", "disagrees", "empty", "unknown"],
            "2026-11: the outcomes of the cross-check in core/event.sql",
        ),
        one_of("actor_group_a", list(ACTOR_GROUPS), IN_GROUPS),
        one_of("actor_group_b", list(ACTOR_GROUPS), IN_GROUPS),
        one_of("known_basis", BASES, IN_BASES),
        between("where_prec", 1, 7, CODEBOOK),
        between("date_prec", 1, 5, CODEBOOK),
        between("deaths_best_count", 0, None, "2026-11: a count of deaths"),
        between("deaths_civilians_count", 0, None, "2026-11: a count of deaths"),
        in_order("date_start_not_after_date_end", ["date_start", "date_end"], "critical", CODEBOOK),
        rule(
            "known_after_it_happened",
            pl.col("known_from") >= pl.col("event_date"),
            "critical",
            "2026-11: known before it was would let the past peek",
        ),
        rule(
            "region_exactly_if_placed",
            (pl.col("placed_by") == "country") == pl.col("region_id").is_null(),
            "critical",
            "2026-11: what is not placed counts for the country only",
        ),
        rule(
            "region_in_its_country",
            pl.col("region_id").str.head(3) == pl.col("country_code"),
            "critical",
            "2026-11: an event never leaves the country the source names",
        ),
        rule(
            "vague_places_not_placed",
            (pl.col("where_prec") < 6) | pl.col("region_id").is_null(),
            "critical",
            "2026-11: an event known to the country only (6, 7) has no region",
        ),
        rule(
            "within_5_km_of_its_country",
            pl.col("outside_km") <= 5,
            "warning",
            "2026-11: borders are simplified by up to 1.1 km; GED 21.1 had two events of Diffa "
            "19 km outside, whose longitude repeated the latitude; 24.1 corrected them",
        ),
        mostly(
            "placed_by",
            ["polygon", "name"],
            0.9,
            "2026-11: 5.7% of events are known to the country only",
        ),
        mostly(
            "name_check",
            ["agrees", "empty", "unknown"],
            0.95,
            "2026-11: 2.6% lie in another region than the source names, most at a simplified "
            "border or in a region that was divided since: see docs/quality.md",
        ),
    ),
    "core.neighbour_event": (
        *present("event_id", "region_id", "event_date", "deaths_best_count", "known_from"),
        between("deaths_best_count", 0, None, "2026-11: a count of deaths"),
        one_of("region_id", AROUND, "2026-11: units around the area, none of it"),
        ONE_VERSION,
    ),
    "core.neighbour_region": (
        key("region_id"),
        *present("region_id", "country_code", "centroid_longitude", "centroid_latitude"),
        one_of("region_id", AROUND, "2026-11: units around the area, none of it"),
    ),
    "core.presence": (
        key("observation_id"),
        *present("observation_id", "region_id", "cadre", "observed_date", "presence_share"),
        *present("scope", "reference", "known_from"),
        *exist("reference_basis", "url"),
        *exist("entered_at"),
        *present("age_days"),
        between("age_days", 0, None, "2026-11: known before it was would let the past peek"),
        between("presence_share", 0, 1, "2026-11: a share"),
        between("group_size_count", 1, None, "2026-11: a figure covers one region or more"),
        one_of("share_bound", ["exact", "upper", "lower"], "2026-11: core/presence.sql"),
        one_of("known_basis", BASES, IN_BASES),
        one_of("region_id", IDS, IN_IDS),
        in_order(
            "numerator_not_above_denominator",
            ["numerator_count", "denominator_count"],
            "critical",
            "2026-11: nobody fills more posts than there are",
        ),
    ),
    "core.suspension": (
        key("suspension_id"),
        *present("suspension_id", "country_code", "actor", "measure_type", "status"),
        *present("confirmed_date", "url", "known_from", "actor_names"),
        *exist("entered_at", "partly_lifted_date"),
        one_of("country_code", CODES, IN_CODES),
        one_of(
            "measure_type",
            [*MEASURES, *OTHER_MEASURES],
            "2026-11: the measures the indicators count",
        ),
        one_of("status", ["open", "lifted", "end_unknown"], "2026-11: core/suspension.sql"),
        one_of("opened_precision", ["day", "month"], "2026-11: core/suspension.sql"),
        in_order(
            "closed_not_before_opened",
            ["opened_date", "closed_date"],
            "critical",
            "2026-11: a measure ends after it began",
        ),
        rule(
            "known_after_it_began",
            pl.col("known_from") >= pl.col("opened_date"),
            "critical",
            "2026-11: known before it was would let the past peek",
        ),
        rule(
            "within_its_coverage",
            _kept(
                pl.col("measure_type"),
                pl.col("country_code"),
                pl.coalesce("opened_date", "confirmed_date"),
                "aid_suspensions",
            ),
            "warning",
            OUTSIDE,
        ),
        rule(
            "lifted_exactly_if_closed",
            (pl.col("status") == "lifted") == pl.col("closed_date").is_not_null(),
            "critical",
            "2026-11: an open measure with an end would be counted twice",
        ),
        Check(
            "ExpectColumnValuesToNotBeNull",
            {"column": "opened_date", "mostly": 0.9},
            "warning",
            "2026-11: one lifting on file has no start",
        ),
    ),
    "core.coup": (
        key("coup_id"),
        *present("coup_id", "country_code", "coup_date", "is_successful", "known_from"),
        one_of("country_code", CODES, IN_CODES),
        rule(
            "known_after_it_happened",
            pl.col("known_from") >= pl.col("coup_date"),
            "critical",
            "2026-11: known before it was would let the past peek",
        ),
    ),
    "core.event_version": (
        rows(1, "2026-11: without an event no figure can be told; events begin in April 1989"),
        *present("event_id", "event_date", "country_code", "known_from", "batch_id"),
        *exist("region_id", "violence_type", "deaths_best_count"),
        rule(
            "versions_follow_each_other",
            pl.col("known_to").is_null()
            | (
                (pl.col("known_to") > pl.col("known_from"))
                & (
                    pl.col("known_from").shift(-1).over("event_id", order_by="known_from")
                    >= pl.col("known_to")
                ).fill_null(True)
            ),
            "critical",
            "2026-11: two versions believed at once would count an event twice in the past",
        ),
        ONE_VERSION,
    ),
    "core.region_name": (
        key("country_code", "folded_name"),
        *present("country_code", "folded_name", "region_id", "named_region_id", "is_part"),
        one_of("country_code", CODES, IN_CODES),
        one_of("region_id", IDS, IN_IDS),
    ),
    "core.unknown_region_name": (
        key("source", "country_code", "source_admin1_name"),
        *present("source", "country_code", "source_admin1_name", "rows_count", "events_count"),
        *present("unplaced_count"),
        *exist("placed_in", "nearest_names", "scope_region_ids"),
        between("rows_count", 1, None, "2026-11: a spelling stands in a row"),
        between("events_count", 0, None, "2026-11: a count of events"),
        rule(
            "spelling_is_explained",
            pl.col("scope_region_ids").is_not_null()
            # Elsewhere names follow other vintages, and the points place the events.
            | (pl.col("country_code").is_in(DRAWN) & (pl.col("unplaced_count") == 0)),
            "warning",
            "2026-11: a country may have renamed its regions; of a source that gives no points its "
            "figures are lost: add the spelling to config/regions.csv (name_variants) or, if it is "
            "no one region, to config/scopes.csv",
        ),
        in_order("dates_in_order", ["first_date", "last_date"], "critical", "2026-11: a span"),
    ),
    "core.register_entry": (
        key("entry_id"),
        *present("entry_id", "register", "country_code", "entry_date", "title", "url"),
        *present("entry_type", "is_part"),
        *exist("region_id", "named_region_id", "entered_at", "published_on"),
        one_of("country_code", CODES, IN_CODES),
        one_of("register", list(ENTRY_TYPES), "2026-11: the registers of governance_register"),
        one_of("entry_precision", ["day", "month"], "2026-11: core/register_entry.sql"),
        rule(
            "regions_with_a_series",
            pl.col("region_id").str.split(";").list.eval(pl.element().is_in(IDS)).list.all(),
            "critical",
            "2026-11: the ids of config/regions.csv that have a series; several are joined by ;",
        ),
        rule(
            "within_its_coverage",
            _kept(
                pl.col("register"),
                pl.col("country_code"),
                pl.col("entry_date"),
                "governance_register",
            ),
            "warning",
            OUTSIDE,
        ),
        in_order(
            "end_not_before_start",
            ["entry_date", "end_date"],
            "critical",
            "2026-11: an agreement ends after it began",
        ),
        rule(
            "known_after_it_happened",
            pl.col("known_from") >= pl.col("entry_date"),
            "critical",
            "2026-11: known before it was would let the past peek",
        ),
    ),
    "core.register_coverage": (
        key("source", "series", "country_code", "kept_from"),
        *present("source", "series", "country_code", "kept_from", "kept_until", "reason"),
        rows(
            min(coverage().height, 1),
            "2026-11: a register that says nothing of its coverage would be zero for ever",
        ),
        one_of("country_code", CODES, IN_CODES),
        in_order("kept_in_order", ["kept_from", "kept_until"], "critical", "2026-11: a span"),
    ),
    "core.left_out": (
        key("source", "reason"),
        *present("source", "reason", "is_by_rule", "rows_count", "first_date", "last_date"),
        between("rows_count", 1, None, "2026-11: a reason stands for rows"),
        rule(
            "left_out_by_a_declared_rule",
            pl.col("is_by_rule"),
            "warning",
            "2026-11: rows whose place was not understood count nowhere: see unknown_region_names, "
            "and add the spelling to config/",
        ),
    ),
    "core.external_series": (
        key("series", "place_id", "month_start"),
        *present("series", "place_id", "month_start", "value"),
        one_of("series", EXTERNAL, "2026-11: those the records of sources name"),
        one_of("place_id", IDS + CODES, "2026-11: config/regions.csv and config/countries.csv"),
        first_of_month("month_start"),
        between("value", 0, None, "2026-11: counts and amounts are never negative"),
        rule(
            "money_by_country_the_rest_by_region",
            pl.col("series").is_in(BY_COUNTRY) == pl.col("place_id").is_in(CODES),
            "critical",
            "2026-11: FTS names countries only, ACLED is placed in regions",
        ),
        rule(
            "targeting_civilians_is_a_part",
            (pl.col("series") != "acled_civilian_targeting_events")
            | (
                pl.col("value")
                <= pl.col("value")
                .filter(pl.col("series") == "acled_political_violence_events")
                .max()
                .over("place_id", "month_start")
            ),
            "warning",
            "2026-11: HAPI counts it within political violence (docs/sources/hapi_conflict.md)",
        ),
        surprising("value", 1e9, "2026-11: a country is given less in a month"),
    ),
    "core.external_forecast": (
        key("source", "run", "country_code", "target_month"),
        *present("source", "run", "country_code", "origin_month", "target_month"),
        *present("deaths_mean", "p_25_deaths", "horizon_months", "known_from"),
        one_of("country_code", CODES, IN_CODES),
        between("deaths_mean", 0, None, "2026-11: deaths in a country and month"),
        surprising("deaths_mean", 100_000, "2026-11: no month since 1994 had so many in a country"),
        between("p_25_deaths", 0, 1, "2026-11: a probability"),
        between("horizon_months", 1, 36, "2026-11: VIEWS forecasts three years ahead"),
        first_of_month("origin_month"),
        first_of_month("target_month"),
    ),
    "core.report": (
        key("report_id"),
        *present("report_id", "published_date", "title", "url", "is_waiting", "known_from"),
        *exist("publisher", "countries"),
        rule(
            "about_one_of_the_countries",
            pl.col("countries").str.split(";").list.eval(pl.element().is_in(CODES)).list.any(),
            "warning",
            "2026-11: only reports on these countries are asked for",
        ),
        rule(
            "known_after_it_was_published",
            pl.col("known_from").dt.date() >= pl.col("published_date").dt.offset_by("-1d"),
            "warning",
            "2026-11: a day for time zones; a later date is a misprint",
        ),
    ),
}
