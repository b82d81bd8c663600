"""Suites of the landed tables, as parsed and before anything of them is kept."""

import polars as pl

from config.registry import (
    countries,
    drawn_regions,
    enclosing_boxes,
    known_countries,
    known_regions,
    neighbour_regions,
    regions,
)
from config.vocabulary import MEASURES, OTHER_MEASURES
from expectations.checks import (
    Check,
    between,
    exist,
    first_of_month,
    in_order,
    key,
    mostly_rule,
    one_of,
    plain,
    present,
    rows,
    rule,
    surprising,
)
from warehouse.sources import aid_suspensions
from warehouse.sources.governance_register import ENTRY_TYPES
from warehouse.sources.hapi_conflict import KINDS

CODEBOOK = "2026-11: UCDP GED codebook 24.1"
DELIVERY = "2026-11: an empty file is a failed delivery"
GLOBE = "2026-11: degrees of the globe"
FTS = "2026-11: FTS public API v1"
ACLED_TYPES = ["Battles", "Explosions/Remote violence", "Violence against civilians", "Protests",
               "Riots", "Strategic developments"]  # fmt: skip
MOST_RESIDENTS = "2026-11: the largest unit of COD-PS, Punjab in Pakistan, has 110 million"
CODES = countries()["country_code"].to_list()
HERE_AND_AROUND = known_countries(
    (*CODES, *neighbour_regions()["country_code"].unique().sort())  # may be with events
)
ALL_MEASURES = [*MEASURES, *OTHER_MEASURES]
# Read by core/presence.sql to tell the cadre.
PRESENCE_INDICATOR = (
    r"^(?:.+_(?:present|deployed)_share(?:_upper_bound|_lower_bound)?"
    r"|deployment_rate_labelled_governors_sic)$"
)

BOX_MARGIN = 0.5  # degrees, about 55 km
FAR = 5.0  # degrees, about 550 km
DAYS_OF_PRECISION = {1: (1, 1), 2: (2, 6), 3: (7, 7), 4: (8, 31), 5: (32, 366)}  # UCDP codebook


def in_box(country: str, boxes: pl.DataFrame, otherwise: pl.Expr) -> list[Check]:
    """The point lies in the box around the country the row claims, or near it.

    Args:
        country: Column that names the country.
        boxes: ``country`` as that column has it, and the box's ``west`` to ``north``.
        otherwise: Rows of which the point says nothing.
    """

    def side(name: str) -> pl.Expr:
        bound = pl.col(country).replace_strict(boxes["country"], boxes[name], default=None)
        return bound.cast(pl.Float64)

    def is_within(margin: float) -> pl.Expr:
        west, east, longitude = side("west") - margin, side("east") + margin, pl.col("longitude")
        return (
            pl.when(side("west") <= side("east"))
            .then(longitude.is_between(west, east))
            .otherwise((longitude >= west) | (longitude <= east))  # beyond 180 degrees
            & pl.col("latitude").is_between(side("south") - margin, side("north") + margin)
            | otherwise
        )

    return [
        rule(
            "in_the_box_of_its_country",
            is_within(BOX_MARGIN),
            "warning",
            "2026-11: config/countries.csv, half a degree of margin (borders are simplified by "
            "1 km); no row of GED breaks it; such a row is believed",
        ),
        rule(
            "latitude_and_longitude_near_its_country",
            is_within(FAR),
            "critical",
            "2026-11: 550 km and more from the country it is said to lie in: a sign or column is "
            "wrong, or the country",
        ),
    ]


def _boxes(*names: str) -> pl.DataFrame:
    """Boxes of the countries by each of these columns, in which ; separates several names."""
    by_spelling = [countries().with_columns(country=name) for name in names]
    return (
        pl.concat(by_spelling)
        .with_columns(pl.col("country").str.split(";"))
        .explode("country")
        .drop_nulls("country")
        .unique("country", maintain_order=True)
    )


def _days(place: int) -> pl.Expr:
    """The fewest (0) or most (1) days of a row's ``date_prec``."""
    bounds = {precision: days[place] for precision, days in DAYS_OF_PRECISION.items()}
    return pl.col("date_prec").replace_strict(bounds, default=None, return_dtype=pl.Int64)


LANDED: dict[str, tuple[Check, ...]] = {
    "landing.ucdp_ged": (
        rows(1, DELIVERY),
        *present("id", "country_id", "date_start", "date_end", "latitude", "longitude"),
        *present("best", "low", "high", "where_prec", "date_prec", "type_of_violence"),
        *present("side_a", "side_b", "deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown"),
        *exist("adm_1", "adm_2", "code_status"),
        key("id"),
        between("id", 1, None, "2026-11: UCDP numbers its events from 1"),
        one_of("type_of_violence", [1, 2, 3], CODEBOOK),
        one_of(
            "country_id",
            HERE_AND_AROUND["gw_number"].unique(maintain_order=True).to_list(),
            "2026-11: countries of the area and next to it, Gleditsch-Ward",
        ),
        plain("side_a", "side_b", "adm_1", "adm_2", "country", "conflict_name", "dyad_name"),
        between("where_prec", 1, 7, CODEBOOK),
        between("date_prec", 1, 5, CODEBOOK),
        between("latitude", -90, 90, GLOBE),
        between("longitude", -180, 180, GLOBE),
        *(
            between(column, 0, None, "2026-11: a count of deaths")
            for column in (
                "low",
                "high",
                "deaths_a",
                "deaths_b",
                "deaths_civilians",
                "deaths_unknown",
            )
        ),
        between("best", 0, None, "2026-11: a count of deaths"),
        surprising(
            "best",
            500,
            "2026-11: largest event embedded has 313; UCDP's files of 2026 hold 13,280, so it is "
            "believed",
        ),
        in_order(
            "low_best_high_in_order",
            ["low", "best", "high"],
            "warning",
            "2026-11: 41 of 4,022 rows of GED 24.1 break it; a flaw of the source",
        ),
        rule(
            "deaths_by_side_add_up",
            pl.sum_horizontal("deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown")
            == pl.col("best"),
            "warning",
            CODEBOOK,
        ),
        rule(
            "dated_since_1989",
            pl.col("date_start").dt.year() >= 1989,
            "critical",
            "2026-11: UCDP GED begins in 1989",
        ),
        in_order("date_start_not_after_date_end", ["date_start", "date_end"], "critical", CODEBOOK),
        rule(
            "lasts_as_its_precision_says",
            ((pl.col("date_end") - pl.col("date_start")).dt.total_days() + 1).is_between(
                _days(0), _days(1)
            ),
            "warning",
            "2026-11: UCDP GED codebook 24.1, date_prec; every row of GED 24.1 keeps it",
        ),
        mostly_rule(
            "no_event_under_two_ids",
            ~pl.struct(
                "date_start", "date_end", "latitude", "longitude", "side_a", "side_b", "best"
            ).is_duplicated(),
            0.98,
            "2026-11: same days, place, actors and deaths; 38 of 4,022 rows of GED 24.1 (0.9%), "
            "some rightly so: see docs/quality.md",
        ),
        *in_box(
            "country_id",
            enclosing_boxes(HERE_AND_AROUND, "gw_number").rename({"gw_number": "country"}),
            pl.col("where_prec") == 7,
        ),
        rule(
            "lasts_a_year_at_most",
            pl.col("date_end") - pl.col("date_start") <= pl.duration(days=366),
            "warning",
            "2026-11: longest event on file lasts 364 days; UCDP splits at the turn of the year",
        ),
    ),
    "landing.admin_presence": (
        rows(1, DELIVERY),
        *present("date", "scope_regions", "indicator", "value_pct", "source_symbol"),
        *exist("numerator", "denominator", "published_on", "url_if_known", "source_symbol_basis"),
        key("date", "scope_regions", "indicator", "source_symbol"),
        Check(
            "ExpectColumnValuesToMatchRegex",
            {"column": "indicator", "regex": PRESENCE_INDICATOR},
            "critical",
            "2026-11: core/presence.sql reads the cadre from it",
        ),
        between("value_pct", 0, 100, "2026-11: per cent of posts"),
        between("numerator", 0, None, "2026-11: a count of people"),
        between("denominator", 1, None, "2026-11: a share of no posts is no share"),
        in_order(
            "numerator_not_above_denominator",
            ["numerator", "denominator"],
            "critical",
            "2026-11: nobody fills more posts than there are",
        ),
        rule(
            "share_is_numerator_over_denominator",
            (pl.col("numerator") / pl.col("denominator") * 100 - pl.col("value_pct")).abs() <= 1,
            "warning",
            "2026-11: reports round to whole per cents",
        ),
        in_order(
            "published_after_its_date",
            ["date", "published_on"],
            "critical",
            "2026-11: known before it was would let the past peek",
        ),
    ),
    "landing.aid_suspensions": (
        rows(1, DELIVERY),
        *present("country", "date", "actor", "measure_type", "action", "what", "url"),
        *exist("date_precision", "end_date_if_seen", "published_on"),
        key("country", "date", "actor", "measure_type", "action", "what"),
        one_of(
            "country",
            known_countries()["country_name"].to_list(),
            "2026-11: core/suspension.sql joins on the name; another spelling would be lost",
        ),
        rule(
            "measure_types_known",
            pl.col("measure_type")
            .str.split(";")
            .list.eval(pl.element().str.strip_chars().is_in(ALL_MEASURES))
            .list.all(),
            "critical",
            "2026-11: the indicators count these; several are joined by ;",
        ),
        one_of(
            "action",
            list(aid_suspensions.ACTIONS),
            "2026-11: the acts core.suspension knows",
        ),
        in_order(
            "end_not_before_start",
            ["date", "end_date_if_seen"],
            "critical",
            "2026-11: a measure ends after it began",
        ),
        Check(
            "ExpectColumnValuesToMatchRegex",
            {"column": "url", "regex": "^https?://"},
            "warning",
            "2026-11: every entry can be looked up",
        ),
    ),
    "landing.powell_thyne_coups": (
        rows(1, DELIVERY),
        *present("ccode", "year", "month", "day", "coup_date", "coup"),
        *exist("correction"),
        key("ccode", "coup_date"),
        one_of("coup", [1, 2], "2026-11: codebook: 1 failed, 2 successful"),
        between("year", 1950, None, "2026-11: the data set begins in 1950"),
        rule(
            "corrected_days_say_so",
            (pl.date("year", "month", "day") == pl.col("coup_date"))
            | pl.col("correction").is_not_null(),
            "critical",
            "2026-11: a day that differs from the source's is marked",
        ),
    ),
    "landing.governance_register": (
        *present("register", "country_code", "entry_date", "entry_type", "title", "url"),
        *exist("region_id", "end_date_if_seen", "published_on", "date_precision"),
        key("register", "country_code", "entry_date", "title"),
        one_of("register", list(ENTRY_TYPES), "2026-11: its registers"),
        one_of(
            "country_code",
            known_countries()["country_code"].to_list(),
            "2026-11: the countries of config/countries.csv",
        ),
        rule(
            "regions_known",
            pl.col("region_id")
            .str.split(";")
            .list.eval(pl.element().str.strip_chars().is_in(known_regions()["region_id"].to_list()))
            .list.all(),
            "critical",
            "2026-11: the ids of config/regions.csv, parts of regions too; several are joined by ;",
        ),
        in_order(
            "published_after_its_date",
            ["entry_date", "published_on"],
            "critical",
            "2026-11: known before it was would let the past peek",
        ),
    ),
    "landing.admin1_boundaries": (
        rows(
            regions().join(drawn_regions(), on="region_id", how="anti").height,
            "2026-11: every region of config/regions.csv needs its polygon",
        ),
        *present("country_code", "region_name", "region_pcode", "boundary_source"),
        key("country_code", "region_pcode"),
        one_of("country_code", CODES, "2026-11: the countries of config/countries.csv"),
        rule(
            "boundary_is_a_polygon",
            pl.col("boundary_wkb").bin.size().fill_null(0) > 9 + 4 * 16,
            "critical",
            "2026-11: header and four points are the least a polygon takes as well-known binary",
        ),
    ),
    "landing.mali_census_2009": (
        rows(1, DELIVERY),
        *present("region_name", "population_count"),
        key("region_name"),
        between("population_count", 1, None, "2026-11: a count of people"),
        surprising("population_count", 5_000_000, "2026-11: Mali's regions of 2009 have fewer"),
        one_of(
            "region_name",
            known_regions()
            .filter(country_code="MLI", parent_region_id="")["region_name"]
            .to_list(),
            "2026-11: core/region.sql joins on the name; another spelling would be lost",
        ),
    ),
    "landing.cod_ps_population": (
        rows(1, DELIVERY),
        *present("country_code", "unit_name", "population_count", "population_year"),
        *present("population_office", "population_contributor"),
        *exist("region_pcode"),
        key("country_code", "unit_name", "region_pcode"),
        Check(
            "ExpectColumnValuesToMatchRegex",
            {"column": "country_code", "regex": "^[A-Z]{3}$"},
            "critical",
            "2026-11: ISO 3166 alpha-3, of any country; core/population_unit.sql joins on it",
        ),
        plain("unit_name", "population_office", "population_contributor"),
        between("population_count", 0, None, "2026-11: a count of people"),
        surprising("population_count", 150_000_000, MOST_RESIDENTS),
        between("population_year", 1990, 2100, "2026-11: the oldest on file is of 2001"),
    ),
    "landing.acled_events": (
        *present("event_id_cnty", "event_date", "event_type", "country", "timestamp"),
        *present("latitude", "longitude", "fatalities", "geo_precision"),
        *exist("disorder_type", "sub_event_type", "inter1", "inter2", "admin1", "admin2"),
        key("event_id_cnty"),
        one_of("event_type", ACLED_TYPES, "2026-11: ACLED codebook; others are not counted"),
        plain("country", "admin1", "admin2", "inter1", "inter2", "sub_event_type"),
        between("geo_precision", 1, 3, "2026-11: ACLED codebook"),
        between("latitude", -90, 90, GLOBE),
        between("longitude", -180, 180, GLOBE),
        between("fatalities", 0, None, "2026-11: a count of deaths"),
        surprising("fatalities", 500, "2026-11: as for UCDP's best"),
        *in_box("country", _boxes("country_name", "name_variants"), pl.col("geo_precision") == 3),
    ),
    "landing.hapi_conflict": (
        rows(1, DELIVERY),
        *present("location_code", "event_type"),
        *present("reference_period_start", "reference_period_end"),
        *exist("provider_admin1_name", "provider_admin2_name", "admin1_name", "admin2_name"),
        one_of("location_code", CODES, "2026-11: the countries of config/countries.csv"),
        one_of(
            "event_type",
            [*KINDS],
            "2026-11: HAPI v2; core/external_series.sql names a series after it",
        ),
        plain("provider_admin1_name", "provider_admin2_name", "admin1_name", "admin2_name"),
        between("events", 0, None, "2026-11: a count of events"),
        between("fatalities", 0, None, "2026-11: a count of deaths"),
        first_of_month("reference_period_start"),
        in_order(
            "period_in_order",
            ["reference_period_start", "reference_period_end"],
            "critical",
            "2026-11: a month ends after it began",
        ),
    ),
    "landing.fts_flows": (
        rows(1, DELIVERY),
        *present("flow_id", "version_id", "amount_usd", "flow_status", "flow_boundary"),
        *present("on_boundary", "is_new_money", "usage_year", "flow_date", "first_reported_date"),
        *exist("donor", "destination", "flow_type"),
        key("flow_id"),
        plain("donor", "destination"),
        one_of("flow_status", ["pledge", "commitment", "paid"], FTS, "warning"),
        one_of("flow_boundary", ["incoming", "internal", "outgoing"], FTS, "warning"),
        one_of("on_boundary", ["single", "shared"], FTS, "warning"),
        between("amount_usd", 0, None, "2026-11: an amount", "warning"),
        surprising("amount_usd", 5e9, "2026-11: above the largest plan of the region"),
        between("usage_year", 1990, 2100, "2026-11: FTS begins in 1992"),
    ),
    "landing.views_forecast": (
        rows(1, DELIVERY),
        *present("run", "origin_month", "isoab", "month_id", "main_mean", "main_dich"),
        key("run", "isoab", "month_id"),
        one_of("isoab", CODES, "2026-11: the countries of config/countries.csv"),
        between("main_mean", 0, None, "2026-11: deaths in a country and month"),
        surprising("main_mean", 100_000, "2026-11: no month since 1994 had so many in a country"),
        between("main_dich", 0, 1, "2026-11: a probability"),
        first_of_month("origin_month"),
    ),
    "landing.reliefweb_reports": (
        *present("report_id", "title", "published_date", "url"),
        *exist("publisher", "countries"),
        key("report_id"),
        plain("title", "publisher", "countries"),
        rule(
            "url_is_one",
            pl.col("url").str.contains(r"^https?://\S+$"),
            "critical",
            "2026-11: readers click it",
        ),
    ),
}
