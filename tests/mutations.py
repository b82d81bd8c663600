"""Good rows of every table, and what must be caught if it is put into them.

``python tests/mutations.py > docs/checks.md`` lists every check with its mutation.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from unittest.mock import patch

import polars as pl

from config.registry import regions
from config.vocabulary import QUANTILES
from expectations.checks import Check
from expectations.judge import judge
from expectations.suites import SUITES

REGIONS = regions().height
SUMS = {  # of a region's or country's window
    "events_mean": 0.8,
    # 0 up to the median, then 1, 2, 3 ... by level
    **{f"events_{name}": max(0.0, i - 11.0) for i, name in enumerate(QUANTILES)},
    "p_any_event": 0.4,
    "deaths_mean": 2.0,
    **{f"deaths_{name}": max(0.0, 2 * i - 21.0) for i, name in enumerate(QUANTILES)},
    "p_25_deaths": 0.01,
}
ROW = {  # one good row a table; varied below where a key needs it
    "landing.ucdp_ged": {
        "id": 400798,
        "country_id": 432,
        "side_a": "JNIM",
        "side_b": "Civilians",
        "type_of_violence": 3,
        "where_prec": 1,
        "adm_1": "Sikasso region",
        "adm_2": None,
        "code_status": None,
        "country": "Mali",
        "conflict_name": "JNIM - Civilians",
        "dyad_name": "JNIM - Civilians",
        "latitude": 11.3,
        "longitude": -5.7,
        "date_prec": 1,
        "date_start": date(2021, 5, 30),
        "date_end": date(2021, 5, 30),
        "deaths_a": 0,
        "deaths_b": 0,
        "deaths_civilians": 4,
        "deaths_unknown": 1,
        "best": 5,
        "low": 5,
        "high": 6,
    },
    "landing.admin_presence": {
        "date": date(2021, 2, 28),
        "scope_regions": "Mopti",
        "indicator": "prefects_present_share",
        "value_pct": 87.5,
        "numerator": 7.0,
        "denominator": 8.0,
        "source_symbol": "S/2021/299",
        "source_symbol_basis": "stated",
        "url_if_known": None,
        "published_on": date(2021, 3, 26),
    },
    "landing.aid_suspensions": {
        "country": "Mali",
        "date": date(2021, 6, 4),
        "date_precision": "day",
        "actor": "World Bank",
        "measure_type": "development_aid;military_cooperation",
        "action": "suspend",
        "what": "payments",
        "end_date_if_seen": date(2021, 6, 5),
        "url": "https://example.org",
        "published_on": None,
    },
    "landing.powell_thyne_coups": {
        "ccode": 432,
        "year": 2021,
        "month": 5,
        "day": 21,
        "coup": 2,
        "coup_date": date(2021, 5, 21),
        "correction": None,
    },
    "landing.governance_register": {
        "register": "local_agreement",
        "country_code": "MLI",
        "region_id": "MLI.mopti;MLI.bandiagara",
        "entry_date": date(2021, 3, 1),
        "end_date_if_seen": None,
        "published_on": date(2021, 3, 1),
        "date_precision": "day",
        "entry_type": "ceasefire",
        "title": "Farabougou",
        "url": "https://example.org",
    },
    "landing.admin1_boundaries": {
        "country_code": "MLI",
        "region_name": "Sikasso",
        "region_pcode": "ML03",
        "boundary_source": "OCHA",
        "boundary_wkb": b"\1" * 93,
    },
    "landing.mali_census_2009": {"region_name": "Sikasso", "population_count": 2_643_179},
    "landing.cod_ps_population": {
        "country_code": "MLI",
        "region_pcode": "ML03",
        "unit_name": "Sikasso",
        "population_count": 3_257_816,
        "population_year": 2018,
        "population_office": "Institut National de la Statistique",
        "population_contributor": "UNFPA",
    },
    "landing.acled_events": {
        "event_id_cnty": "MLI90001",
        "event_date": date(2026, 9, 14),
        "disorder_type": "Political violence",
        "event_type": "Battles",
        "sub_event_type": "Armed clash",
        "inter1": "Rebel group",
        "inter2": "State forces",
        "country": "Mali",
        "admin1": "Mopti",
        "admin2": "Douentza",
        "latitude": 15.1,
        "longitude": -2.9,
        "geo_precision": 1,
        "fatalities": 4,
        "timestamp": 1789430400,
    },
    "landing.hapi_conflict": {
        "location_code": "MLI",
        "event_type": "political_violence",
        "events": 7,
        "fatalities": 19,
        "admin1_name": "Mopti",
        "provider_admin1_name": "Mopti",
        "admin2_name": "Douentza",
        "provider_admin2_name": "Douentza",
        "reference_period_start": date(2026, 9, 1),
        "reference_period_end": date(2026, 9, 30),
    },
    "landing.fts_flows": {
        "flow_id": "900001",
        "version_id": 2,
        "amount_usd": 250_000.0,
        "flow_status": "commitment",
        "flow_type": "Standard",
        "flow_boundary": "incoming",
        "on_boundary": "single",
        "is_new_money": True,
        "donor": "Exampleland, Government of",
        "destination": "Mali",
        "usage_year": 2026,
        "flow_date": date(2026, 3, 1),
        "first_reported_date": date(2026, 3, 10),
    },
    "landing.views_forecast": {
        "run": "fatalities003_2026_08_t01",
        "origin_month": date(2026, 8, 1),
        "isoab": "MLI",
        "month_id": 561,
        "main_mean": 90.5,
        "main_dich": 0.97,
    },
    "landing.reliefweb_reports": {
        "report_id": "4100001",
        "title": "Situation in Mali",
        "published_date": date(2026, 10, 1),
        "publisher": "UN",
        "countries": "MLI",
        "url": "https://reliefweb.int/node/4100001",
    },
    "core.region": {
        "region_id": "MLI.sikasso",
        "country_code": "MLI",
        "country_name": "Mali",
        "region_name": "Sikasso",
        "centroid_longitude": -6.6,
        "centroid_latitude": 11.3,
        "population_count": 2_643_179,
        "population_year": 2009,
        "population_source": "mali_census_2009",
        "boundary_attribution": "OCHA",
    },
    "core.population_unit": {
        "country_code": "MLI",
        "unit_name": "Sikasso",
        "region_pcode": "ML03",
        "population_count": 3_257_816,
        "population_year": 2018,
        "population_office": "Institut National de la Statistique",
        "population_contributor": "UNFPA",
        "region_id": "MLI.sikasso",
        "matched_by": "name",
        "unmatched_reason": None,
    },
    "core.actor": {
        "actor_name": "JNIM",
        "actor_group": "jihadist",
        "grouped_by": "name",
        "group_reason": None,
        "actor_events_count": 900,
        "first_date": date(2017, 3, 5),
        "last_date": date(2022, 12, 30),
    },
    "core.event": {
        "event_id": "ucdp_ged:400798",
        "event_date": date(2021, 5, 30),
        "date_start": date(2021, 5, 30),
        "date_end": date(2021, 5, 30),
        "date_prec": 1,
        "country_code": "MLI",
        "region_id": "MLI.sikasso",
        "outside_km": 0.0,
        "placed_by": "polygon",
        "name_check": "agrees",
        "where_prec": 1,
        "source_admin1_name": None,
        "source_admin2_name": None,
        "violence_type": "one_sided",
        "actor_a": "JNIM",
        "actor_b": "Civilians",
        "actor_group_a": "jihadist",
        "actor_group_b": "civilians",
        "code_status": None,
        "is_provisional": False,
        "deaths_best_count": 5,
        "deaths_low_count": 5,
        "deaths_high_count": 6,
        "deaths_civilians_count": 5,
        "known_from": datetime(2021, 6, 20),
        "known_basis": "assumed",
    },
    "core.event_version": {
        "event_id": "ucdp_ged:400798",
        "event_date": date(2021, 5, 30),
        "country_code": "MLI",
        "region_id": "MLI.sikasso",
        "violence_type": "one_sided",
        "deaths_best_count": 5,
        "known_from": datetime(2021, 6, 20),
        "known_to": datetime(2021, 7, 20),
        "batch_id": "a",
    },
    "core.region_name": {
        "country_code": "MLI",
        "folded_name": "badiangara",
        "region_id": "MLI.mopti",
        "named_region_id": "MLI.bandiagara",
        "is_part": True,
    },
    "core.unknown_region_name": {
        "source": "ucdp_ged",
        "country_code": "CIV",
        "source_admin1_name": "Sud-Ouest region",
        "rows_count": 2,
        "events_count": 2,
        "unplaced_count": 1,
        "scope_region_ids": "CIV.gbokle;CIV.nawa;CIV.san_pedro",
        "first_date": date(1990, 9, 5),
        "last_date": date(1996, 2, 19),
        "placed_in": None,
        "nearest_names": None,
    },
    "core.register_entry": {
        "entry_id": "a",
        "register": "local_agreement",
        "country_code": "MLI",
        "region_id": "MLI.mopti;MLI.segou",
        "named_region_id": "MLI.bandiagara;MLI.segou",
        "is_part": True,
        "entry_date": date(2021, 3, 1),
        "entry_precision": "day",
        "end_date": date(2021, 7, 1),
        "entry_type": "ceasefire",
        "title": "Farabougou",
        "url": "https://example.org",
        "published_on": None,
        "known_from": datetime(2021, 3, 2),
        "entered_at": datetime(2026, 11, 25),
    },
    "core.register_coverage": {
        "source": "governance_register",
        "series": "local_agreement",
        "country_code": "MLI",
        "kept_from": date(2012, 1, 1),
        "kept_until": date(2012, 1, 2),
        "reason": "since the war of 2012",
    },
    "core.left_out": {
        "source": "ucdp_ged",
        "reason": "known to the country only",
        "is_by_rule": True,
        "rows_count": 1,
        "first_date": date(2021, 1, 1),
        "last_date": date(2021, 6, 1),
    },
    "core.external_series": {
        "series": "acled_civilian_targeting_events",
        "place_id": "MLI.mopti",
        "month_start": date(2026, 9, 1),
        "value": 3.0,
    },
    "core.external_forecast": {
        "source": "views_forecast",
        "run": "fatalities003_2026_08_t01",
        "country_code": "MLI",
        "origin_month": date(2026, 8, 1),
        "target_month": date(2026, 9, 1),
        "horizon_months": 1,
        "deaths_mean": 90.5,
        "p_25_deaths": 0.97,
        "known_from": datetime(2026, 8, 20),
    },
    "core.report": {
        "report_id": "4100001",
        "published_date": date(2026, 10, 1),
        "title": "Situation in Mali",
        "publisher": "UN",
        "countries": "NGA;MLI",
        "url": "https://reliefweb.int/node/4100001",
        "is_waiting": True,
        "known_from": datetime(2026, 10, 2),
    },
    "core.neighbour_event": {
        "event_id": "ucdp_ged:1",
        "region_id": "NGA.sokoto",
        "event_date": date(2021, 5, 30),
        "deaths_best_count": 5,
        "known_from": datetime(2021, 6, 20),
        "known_to": datetime(2021, 7, 20),
    },
    "core.neighbour_region": {
        "region_id": "NGA.sokoto",
        "country_code": "NGA",
        "centroid_longitude": 5.3,
        "centroid_latitude": 13.1,
    },
    "core.presence": {
        "observation_id": "a",
        "observed_date": date(2021, 2, 28),
        "age_days": 117,
        "entered_at": None,
        "scope": "Mopti",
        "region_id": "MLI.mopti",
        "group_size_count": 1,
        "cadre": "prefects",
        "presence_share": 0.875,
        "share_bound": "exact",
        "numerator_count": 7,
        "denominator_count": 8,
        "reference": "S/2021/299",
        "reference_basis": "stated",
        "url": None,
        "known_from": datetime(2021, 3, 26),
        "known_basis": "assumed",
    },
    "core.suspension": {
        "suspension_id": "MLI|ECOWAS|membership|2020-08-18",
        "country_code": "MLI",
        "actor": "ECOWAS",
        "actor_names": "ECOWAS",
        "measure_type": "membership",
        "partly_lifted_date": None,
        "entered_at": None,
        "opened_date": date(2020, 8, 18),
        "opened_precision": "day",
        "closed_date": date(2020, 10, 6),
        "confirmed_date": date(2020, 10, 6),
        "status": "lifted",
        "url": "https://example.org",
        "known_from": datetime(2020, 8, 19),
    },
    "core.coup": {
        "coup_id": "MLI|2021-05-21",
        "country_code": "MLI",
        "coup_date": date(2021, 5, 21),
        "is_successful": True,
        "known_from": datetime(2021, 5, 28),
    },
    "mart.indicator": {
        "indicator": "prefects_presence_share",
        "place_level": "region",
        "place_id": "MLI.mopti",
        "month_start": date(2021, 2, 1),
        "value": 0.875,
        "unit": "share 0-1",
        "note": None,
    },
    "mart.forecast": {
        "region_id": "MLI.sikasso",
        "model": "combined",
        "known_until_date": date(2021, 11, 30),
        "horizon_months": 3,
        "window_start_date": date(2022, 2, 24),
        "window_end_date": date(2022, 3, 25),
        **SUMS,
    },
    "mart.country_forecast": {
        "country_code": "MLI",
        "horizon_months": 3,
        "window_start_date": date(2022, 2, 24),
        "window_end_date": date(2022, 3, 25),
        **SUMS,
    },
    "mart.nowcast": {
        "place_level": "region",
        "place_id": "MLI.sikasso",
        "month_start": date(2021, 5, 1),
        "release_stage": "first",
        "events_count": 0,
        "flagged_events_count": 0,
        "deaths_best_count": 0,
        "nowcast_events_mean": 0.1,
        **dict.fromkeys(["nowcast_events_q05", "nowcast_events_q10"], 0.0),
        **dict.fromkeys(["nowcast_events_q90", "nowcast_events_q95"], 1.0),
        "nowcast_deaths_mean": 0.4,
        **dict.fromkeys(["nowcast_deaths_q05", "nowcast_deaths_q10"], 0.0),
        **dict.fromkeys(["nowcast_deaths_q90", "nowcast_deaths_q95"], 3.0),
        "p_unreported_event": 0.08,
        "followed_to": "cumulative",
        "nowcast_basis": "declared",
        "vintages_count": 53,
        "own_vintages_count": 1,
    },
    "mart.revision": {
        "link": "first_to_cumulative",
        "period_start": date(2026, 1, 1),
        "country_code": "MLI",
        "code_status_group": "check_dyad",
        "events_before_count": 18,
        "events_kept_count": 17,
        "revision_basis": "declared",
    },
    "mart.flag": {
        "region_id": "MLI.sikasso",
        "country_code": "MLI",
        "country_name": "Mali",
        "region_name": "Sikasso",
        "as_of_date": date(2021, 6, 25),
        "data_month": date(2021, 5, 1),
        "window_start_date": date(2021, 6, 26),
        "window_end_date": date(2021, 9, 23),
        "level": "watch",
        "intensity": "some",
        "events_past12_count": 5,
        "deaths_past12_count": 15,
        "p_escalation": 0.1,
        "escalation_threshold_count": 3,
        "events_count": 1,
        "deaths_best_count": 5,
        "events_past12_mean": 0.3,
        "events_next3_mean": 1.1,
        "events_next3_q10": 0.0,
        "events_next3_q90": 3.0,
        "deaths_next3_mean": 4.1,
        "quiet_days": 26,
        "level_at_bar_before": "watch",
        "events_to_next_level_count": 2,
        "p_any_next_month": 0.3,
        "p_25_deaths_next_month": 0.01,
        "p_without_newest_event": 0.05,
        "p_unreported_event": None,
        "models_left_out": None,
        "is_stale": False,
        "reason": "1 event",
    },
    "mart.flag_driver": {
        "region_id": "MLI.sikasso",
        "driver_rank": 1,
        "driver": "own_recent",
        "value": 0.3,
        "baseline": 0.1,
        "contribution_events": 0.2,
        "contribution_log": 0.1,
        "unit": "events / month",
        "detail": None,
    },
    "across.series": {
        "indicator": "events_count",
        "place_level": "country",
        "place_id": "MLI",
        "first_month": date(2020, 11, 1),
        "last_month": date(2021, 5, 1),
        "months_count": 7,
        "places_count": 2,
    },
    "across.country": {
        "indicator": "events_count",
        "country_code": "MLI",
        "month_start": date(2021, 5, 1),
        "regions_sum": 20.0,
        "unplaced_sum": 2.0,
        "country_sum": 22.0,
    },
    "mart.alert": {
        "region_id": "MLI.sikasso",
        "alert_status": "raised",
        "alert_level": "warning",
        "level_before": "watch",
        "cause": "news",
        "opened_night": date(2021, 6, 5),
        "changed_night": date(2021, 6, 25),
        "changed_data_month": date(2021, 5, 1),
        "changed_p_escalation": 0.2,
        "model_version": "2026.11-0",
    },
    "mart.signal": {
        "place_level": "region",
        "place_id": "MLI.sikasso",
        "country_code": "MLI",
        "signal": "attacks",
        "value": 1.0,
        "unit": "events / month",
        "normal_value": 0.1,
        "normal_high_value": 0.0,
        "year_value": 5.0,
        "state": "raised",
        "direction": "worsening",
        "since_date": date(2021, 3, 1),
        "figure_date": date(2021, 5, 31),
        "signal_known_until_date": date(2021, 5, 31),
        "source": "ucdp_ged",
        "sentence_en": "1 event in May 2021.",
        "sentence_fr": "1 incident en mai 2021.",
    },
    "mart.signal_spell": {
        "place_level": "region",
        "place_id": "MLI.sikasso",
        "signal": "attacks",
        "month_start": date(2021, 3, 1),
        "months_count": 3,
        "state": "raised",
    },
    "mart.signal_count": {
        "place_level": "region",
        "place_id": "MLI.sikasso",
        "raised_count": 7,
        "grave_count": 5,
        "quiet_count": 7,
        "not_known_count": 2,
    },
    "mart.event_source": {
        "source": "acled_events",
        "known_from_date": date(1997, 1, 1),
        "known_until_date": date(2021, 6, 18),
        "is_monthly": False,
        "why_not": None,
        "crps_gain_low_share": 0.01,
        "crps_gain_high_share": 0.03,
        "gain_nights_count": 60,
    },
    "mart.line": {
        "line_id": "0123456789ab",
        "quantity": "events",
        "at_least_count": 10,
        "windows_count": 3,
        "chance_bound": 0.4,
        "p_reached": 0.31,
        "is_passed": False,
        "expected_count": 8.2,
        "dispersion_phi": 6.0,
        "line_shift": 0.2,
        "priced_nights_count": 60,
        "passed_nights_count": 14,
        "mails_count": 9,
        "came_count": 5,
        "reached_count": 8,
        "missed_count": 3,
        "reached_nights_count": 20,
    },
    "mart.line_night": {
        "line_id": "0123456789ab",
        "replay_date": date(2021, 2, 20),
        "p_reached": 0.45,
        "is_passed": True,
        "is_mail": True,
        "observed_count": 12,
        "reached_date": date(2021, 3, 30),
    },
    "mart.source_status": {
        "source": "ucdp_ged",
        "title": "UCDP",
        "licence": "CC BY 4.0",
        "attribution": "UCDP",
        "flaws": "",
        "is_republishable": True,
        "rows_count": 4022,
        "newest_date": None,
        "covered_until_date": None,
        "days_to_reader_median": 34.0,
        "fetched_at": datetime(2021, 6, 25),
        "age_days": 25,
        "max_age_days": 62,
        "is_stale": False,
        "url": "ged.csv",
        "content_sha256": "0959",
    },
}
# What tells further rows from the first: as many rows, one value of each column.
FURTHER: dict[str, dict[str, list[Any]]] = {
    "mart.nowcast": {"place_id": ["MLI.mopti"]},
    "mart.revision": {"country_code": ["NGA"]},
    "mart.signal": {"place_id": ["MLI.mopti"]},
    "mart.signal_count": {"place_id": ["MLI.mopti"]},
    "landing.ucdp_ged": {"id": [400799], "side_b": ["Dogon"]},
    "landing.admin1_boundaries": {"region_pcode": [f"X{n}" for n in range(1, REGIONS)]},
    "core.region": {"region_id": [f"MLI.r{n}" for n in range(1, REGIONS)]},
    "core.event": {"event_id": ["ucdp_ged:400799"]},
    "core.event_version": {"known_from": [datetime(2021, 7, 20)], "known_to": [None]},
    "core.external_series": {"series": ["acled_political_violence_events"], "value": [7.0]},
    "across.series": {"place_id": ["BFA"]},
    "core.neighbour_event": {"known_from": [datetime(2021, 7, 20)], "known_to": [None]},
    "core.neighbour_region": {"region_id": ["NGA.kebbi"]},
    "core.presence": {"observation_id": ["b"]},
    "core.suspension": {"suspension_id": ["b"]},
    "mart.flag": {"region_id": [i for i in regions()["region_id"].to_list() if i != "MLI.sikasso"]},
}
# Values that break a check of the column or rule named: each set of values, put into one
# row of the good table (EVERY: into all its rows), must be caught.
EVERY = "every row"
BREAKS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "landing.ucdp_ged": {
        "dated_since_1989": [{"date_start": date(1988, 12, 31)}],
        "id": [{"id": 0}, {"id": -1}],
        "texts_are_plain": [{"side_a": "=HYPERLINK(1)"}, {"side_a": "a\u202eb"}, {"side_a": "<b>"}],
        "type_of_violence": [{"type_of_violence": 0}, {"type_of_violence": 4}],
        "country_id": [{"country_id": 2}],
        "where_prec": [{"where_prec": 0}, {"where_prec": 8}],
        "date_prec": [{"date_prec": 0}, {"date_prec": 6}],
        "latitude": [{"latitude": -90.1}, {"latitude": 113.0}],
        "longitude": [{"longitude": -180.1}, {"longitude": 570.0}],
        "best": [{"best": -1}, {"best": 501}],
        "low": [{"low": -1}],
        "high": [{"high": -1}],
        "deaths_a": [{"deaths_a": -1}],
        "deaths_b": [{"deaths_b": -1}],
        "deaths_civilians": [{"deaths_civilians": -1}],
        "deaths_unknown": [{"deaths_unknown": -1}],
        "low_best_high_in_order": [{"low": 6}, {"high": 4}],
        "deaths_by_side_add_up": [{"best": 6}, {"deaths_a": 1}],
        "date_start_not_after_date_end": [{"date_start": date(2021, 5, 31)}],
        "lasts_a_year_at_most": [{"date_start": date(2020, 5, 28)}],
        "lasts_as_its_precision_says": [
            {"date_start": date(2021, 5, 29)},
            {"date_prec": 2, "date_start": date(2021, 5, 24)},
            {"date_prec": 2},
            {"date_prec": 3, "date_start": date(2021, 5, 25)},
            {"date_prec": 4, "date_start": date(2021, 4, 29)},
            {"date_prec": 5, "date_start": date(2021, 4, 30)},
        ],
        "no_event_under_two_ids": [{"side_b": "Dogon"}],
        "in_the_box_of_its_country": [
            {"longitude": 5.7},
            {"latitude": 5.7},
            {"latitude": -5.7, "longitude": 11.3},
            {"country_id": 436},
        ],
        "latitude_and_longitude_near_its_country": [{"longitude": 54.0}, {"latitude": -11.3}],
    },
    "landing.admin_presence": {
        "indicator": [{"indicator": "prefects"}, {"indicator": "prefects_present_shares"}],
        "value_pct": [{"value_pct": -0.1}, {"value_pct": 100.1}],
        "numerator": [{"numerator": -1.0}],
        "denominator": [{"denominator": 0.0}],
        "numerator_not_above_denominator": [{"numerator": 9.0}],
        "share_is_numerator_over_denominator": [{"value_pct": 17.0}],
        "published_after_its_date": [{"published_on": date(2021, 2, 27)}],
    },
    "landing.aid_suspensions": {
        "country": [{"country": "mali"}],
        "measure_types_known": [{"measure_type": "development_aid;aid"}],
        "action": [{"action": "resume"}],
        "end_not_before_start": [{"end_date_if_seen": date(2021, 6, 3)}],
        "url": [{"url": "seen on paper"}],
    },
    "landing.powell_thyne_coups": {
        "coup": [{"coup": 0}, {"coup": 3}],
        "year": [{"year": 1949}],
        "corrected_days_say_so": [{"day": 24}],
    },
    "landing.governance_register": {
        "register": [{"register": "milestone"}],
        "country_code": [{"country_code": "ML"}],
        "regions_known": [{"region_id": "MLI.mopti;MLI.farabougou"}],
        "published_after_its_date": [{"published_on": date(2021, 2, 28)}],
    },
    "landing.admin1_boundaries": {
        "country_code": [{"country_code": "ML"}],
        "boundary_is_a_polygon": [{"boundary_wkb": b"\1" * 21}, {"boundary_wkb": None}],
    },
    "landing.mali_census_2009": {
        "population_count": [{"population_count": 0}, {"population_count": 26_431_790}],
        "region_name": [{"region_name": "Sikaso"}],
    },
    "landing.cod_ps_population": {
        "country_code": [{"country_code": "ML"}, {"country_code": "Mali"}],
        "texts_are_plain": [
            {"unit_name": "=HYPERLINK(1)"},
            {"unit_name": "a\u202eb"},
            {"population_office": "<b>"},
        ],
        "population_count": [{"population_count": -1}, {"population_count": 150_000_001}],
        "population_year": [{"population_year": 18}, {"population_year": 2101}],
    },
    "landing.acled_events": {
        "texts_are_plain": [{"admin1": "=HYPERLINK(1)"}, {"admin1": "a\u202eb"}, {"admin1": "<b>"}],
        "event_type": [{"event_type": "Rumours"}],
        "geo_precision": [{"geo_precision": 0}, {"geo_precision": 4}],
        "latitude": [{"latitude": -90.1}, {"latitude": 113.0}],
        "longitude": [{"longitude": -180.1}, {"longitude": 570.0}],
        "fatalities": [{"fatalities": -1}, {"fatalities": 501}],
        "in_the_box_of_its_country": [{"longitude": 5.7}, {"country": "Ivory Coast"}],
        "latitude_and_longitude_near_its_country": [{"longitude": 54.0}, {"latitude": -11.3}],
    },
    "landing.hapi_conflict": {
        "texts_are_plain": [
            {"admin1_name": "=HYPERLINK(1)"},
            {"admin1_name": "a\u202eb"},
            {"admin1_name": "<b>"},
        ],
        "location_code": [{"location_code": "NGA"}],
        "event_type": [{"event_type": "rumour"}],
        "events": [{"events": -1}],
        "fatalities": [{"fatalities": -1}],
        "reference_period_start_is_first_of_month": [{"reference_period_start": date(2026, 9, 2)}],
        "period_in_order": [{"reference_period_end": date(2026, 8, 31)}],
    },
    "landing.fts_flows": {
        "texts_are_plain": [{"donor": "=HYPERLINK(1)"}, {"donor": "a\u202eb"}, {"donor": "<b>"}],
        "flow_status": [{"flow_status": "promised"}],
        "flow_boundary": [{"flow_boundary": "sideways"}],
        "on_boundary": [{"on_boundary": "half"}],
        "amount_usd": [{"amount_usd": -1.0}, {"amount_usd": 6e9}],
        "usage_year": [{"usage_year": 1989}, {"usage_year": 2101}],
    },
    "landing.views_forecast": {
        "isoab": [{"isoab": "NGA"}],
        "main_mean": [{"main_mean": -0.1}, {"main_mean": 100_001.0}],
        "main_dich": [{"main_dich": -0.01}, {"main_dich": 1.01}],
        "origin_month_is_first_of_month": [{"origin_month": date(2026, 8, 2)}],
    },
    "landing.reliefweb_reports": {
        "texts_are_plain": [{"title": "=HYPERLINK(1)"}, {"title": "a\u202eb"}, {"title": "<b>"}],
        "url_is_one": [{"url": "javascript:alert(1)"}, {"url": "https://a b"}],
    },
    "core.region": {
        "country_code": [{"country_code": "GIN"}],
        "centroid_latitude": [{"centroid_latitude": -91.0}, {"centroid_latitude": 91.0}],
        "centroid_longitude": [{"centroid_longitude": -181.0}, {"centroid_longitude": 181.0}],
        "population_count": [{"population_count": 0}, {"population_count": 150_000_001}],
        "population_has_its_year_and_source": [
            {"population_year": None},
            {"population_count": None},
            {"population_source": None},
        ],
    },
    "core.population_unit": {
        "country_code": [{"country_code": "GIN"}],
        "region_id": [{"region_id": "MLI.taoudenit"}],
        "matched_by": [{"matched_by": "guess"}],
        "of_a_region_or_says_why_not": [
            {"region_id": None},
            {"unmatched_reason": "no region has this name"},
            {"matched_by": None},
        ],
        "region_in_its_country": [{"region_id": "BFA.sahel"}],
        "declared_regions_are_there": [
            {
                "unmatched_reason": "config/population_units.csv names a region that is not there",
                "region_id": None,
                "matched_by": None,
            }
        ],
    },
    "core.actor": {
        "actor_group": [{"actor_group": "rebels"}],
        "grouped_by": [{"grouped_by": "guess"}],
        "actor_events_count": [{"actor_events_count": -1}],
        "dates_in_order": [{"first_date": date(2023, 1, 1)}],
    },
    "core.event": {
        "country_code": [{"country_code": "GIN"}],
        "violence_type": [{"violence_type": "riot"}],
        "placed_by": [{"placed_by": "guess"}, {"placed_by": "country"}],
        "name_check": [{"name_check": "maybe"}, {"name_check": "disagrees"}],
        "actor_group_a": [{"actor_group_a": "rebels"}],
        "actor_group_b": [{"actor_group_b": "rebels"}],
        "known_basis": [{"known_basis": "guessed"}],
        "where_prec": [{"where_prec": 0}, {"where_prec": 8}],
        "date_prec": [{"date_prec": 0}, {"date_prec": 6}],
        "deaths_best_count": [{"deaths_best_count": -1}],
        "deaths_civilians_count": [{"deaths_civilians_count": -1}],
        "date_start_not_after_date_end": [{"date_start": date(2021, 5, 31)}],
        "known_after_it_happened": [{"known_from": datetime(2021, 5, 29, 23)}],
        "within_5_km_of_its_country": [{"outside_km": 5.1}],
        "region_exactly_if_placed": [{"region_id": None}, {"placed_by": "country"}],
        "region_in_its_country": [{"region_id": "BFA.cascades"}],
        "vague_places_not_placed": [{"where_prec": 6}],
    },
    "core.event_version": {
        "versions_follow_each_other": [
            {"known_to": datetime(2021, 7, 21)},
            {"known_to": datetime(2021, 6, 20)},
        ],
        "one_version_believed": [{"known_to": None}],
    },
    "core.region_name": {
        "country_code": [{"country_code": "GIN"}],
        "region_id": [{"region_id": "MLI.bandiagara"}],
    },
    "core.unknown_region_name": {
        "rows_count": [{"rows_count": 0}],
        "events_count": [{"events_count": -1}],
        "spelling_is_explained": [{"scope_region_ids": None}],
        "dates_in_order": [{"first_date": date(1996, 2, 20)}],
    },
    "core.register_entry": {
        "country_code": [{"country_code": "GIN"}],
        "register": [{"register": "milestone"}],
        "entry_precision": [{"entry_precision": "year"}],
        "regions_with_a_series": [{"region_id": "MLI.mopti;MLI.bandiagara"}],
        "within_its_coverage": [
            {"entry_date": date(2011, 12, 31), "known_from": datetime(2012, 1, 1)},
            {"country_code": "TGO"},
        ],
        "end_not_before_start": [{"end_date": date(2021, 2, 28)}],
        "known_after_it_happened": [{"known_from": datetime(2021, 2, 28)}],
    },
    "core.register_coverage": {
        "country_code": [{"country_code": "GIN"}],
        "kept_in_order": [{"kept_until": date(2011, 12, 31)}],
    },
    "core.left_out": {
        "rows_count": [{"rows_count": 0}],
        "left_out_by_a_declared_rule": [{"is_by_rule": False}],
    },
    "core.external_series": {
        "series": [{"series": "acled_rumour_events"}],
        "place_id": [{"place_id": "GIN"}],
        "month_start_is_first_of_month": [{"month_start": date(2026, 9, 30)}],
        "value": [{"value": -1.0}, {"value": 1.1e9}],
        "money_by_country_the_rest_by_region": [
            {"place_id": "MLI"},
            {"series": "fts_new_funding_usd"},
        ],
        "targeting_civilians_is_a_part": [{"value": 8.0}],
    },
    "core.external_forecast": {
        "country_code": [{"country_code": "NGA"}],
        "deaths_mean": [{"deaths_mean": -0.1}, {"deaths_mean": 100_001.0}],
        "p_25_deaths": [{"p_25_deaths": -0.01}, {"p_25_deaths": 1.01}],
        "horizon_months": [{"horizon_months": 0}, {"horizon_months": 37}],
        "origin_month_is_first_of_month": [{"origin_month": date(2026, 8, 2)}],
        "target_month_is_first_of_month": [{"target_month": date(2026, 9, 30)}],
    },
    "core.report": {
        "about_one_of_the_countries": [{"countries": "NGA;GIN"}],
        "known_after_it_was_published": [{"published_date": date(2026, 10, 4)}],
    },
    "core.neighbour_event": {
        "deaths_best_count": [{"deaths_best_count": -1}],
        "region_id": [{"region_id": "MLI.sikasso"}],
        "one_version_believed": [{"known_to": None}],
    },
    "core.neighbour_region": {"region_id": [{"region_id": "NGA.borno_2"}]},
    "core.presence": {
        "presence_share": [{"presence_share": -0.01}, {"presence_share": 87.5}],
        "age_days": [{"age_days": -1}],
        "group_size_count": [{"group_size_count": 0}],
        "share_bound": [{"share_bound": "about"}],
        "known_basis": [{"known_basis": "guessed"}],
        "region_id": [{"region_id": "MLI.taoudenit"}],
        "numerator_not_above_denominator": [{"numerator_count": 9}],
    },
    "core.suspension": {
        "country_code": [{"country_code": "GIN"}],
        "measure_type": [{"measure_type": "development_aid;sanctions"}],
        "status": [{"status": "closed"}],
        "opened_precision": [{"opened_precision": "year"}],
        "closed_not_before_opened": [{"closed_date": date(2020, 8, 17)}],
        "known_after_it_began": [{"known_from": datetime(2020, 8, 17)}],
        "within_its_coverage": [{"opened_date": date(2012, 2, 29)}, {"country_code": "TGO"}],
        "lifted_exactly_if_closed": [{"status": "open"}, {"closed_date": None}],
        "opened_date": [{"opened_date": None}],
    },
    "core.coup": {
        "country_code": [{"country_code": "GIN"}],
        "known_after_it_happened": [{"known_from": datetime(2021, 5, 20)}],
    },
    "mart.indicator": {
        "month_start_is_first_of_month": [{"month_start": date(2021, 2, 28)}],
        "grain_is_unique": [],
        "place_level": [{"place_level": "village"}],
        "place_id": [{"place_id": "GIN"}],
        "value": [{"value": -0.1}],
        "value_is_finite": [{"value": float("inf")}, {"value": float("nan")}],
        "shares_at_most_one": [{"value": 87.5}],
    },
    "mart.forecast": {
        "region_id": [{"region_id": "GIN.nzerekore"}],
        "model": [{"model": "arima"}],
        "horizon_months": [{"horizon_months": 0}, {"horizon_months": 7}],
        "p_any_event": [{"p_any_event": -0.01}, {"p_any_event": 1.01}],
        "events_q01": [{"events_q01": -1.0}],
        "events_mean": [{"events_mean": -0.1}, {"events_mean": 1_001.0}],
        "events_mean_is_finite": [{"events_mean": float("inf")}, {"events_mean": float("nan")}],
        "p_25_deaths": [{"p_25_deaths": -0.01}, {"p_25_deaths": 1.01}],
        "deaths_mean": [{"deaths_mean": -0.1}, {"deaths_mean": 10_001.0}],
        "deaths_mean_is_finite": [{"deaths_mean": float("inf")}, {"deaths_mean": float("nan")}],
        "death_quantiles_in_order": [{"deaths_q10": 2.0}, {"deaths_q975": 0.5}],
        "quantiles_are_known": [{"events_q50": None}, {"deaths_q99": None}],
        "quantiles_in_order": [{"events_q025": 0.5}, {"events_q50": 1.5}, {"events_q975": 1.0}],
        "windows_of_thirty_days": [
            {"window_end_date": date(2022, 3, 24)},
            {"window_start_date": date(2022, 2, 23)},
        ],
    },
    "mart.country_forecast": {
        "country_code": [{"country_code": "GIN"}],
        "events_mean_is_finite": [{"events_mean": float("inf")}],
        "deaths_mean_is_finite": [{"deaths_mean": float("nan")}],
        "windows_of_thirty_days": [{"window_end_date": date(2022, 3, 24)}],
        "horizon_months": [{"horizon_months": 0}, {"horizon_months": 7}],
        "p_any_event": [{"p_any_event": -0.01}, {"p_any_event": 1.01}],
        "p_25_deaths": [{"p_25_deaths": -0.01}, {"p_25_deaths": 1.01}],
        "events_mean": [{"events_mean": -0.1}],
        "deaths_mean": [{"deaths_mean": -0.1}],
        "quantiles_are_known": [{"events_q01": None}, {"deaths_q85": None}],
        "quantiles_in_order": [{"events_q025": 0.5}, {"events_q975": 1.0}],
        "death_quantiles_in_order": [{"deaths_q10": 2.0}, {"deaths_q975": 0.5}],
    },
    "mart.nowcast": {
        "place_id": [{"place_id": "GIN.nzerekore"}],
        "month_start_is_first_of_month": [{"month_start": date(2021, 5, 2)}],
        "release_stage": [{"release_stage": "final"}],
        "followed_to": [{"followed_to": "final"}],
        "nowcast_basis": [{"nowcast_basis": "assumed"}],
        "p_unreported_event": [{"p_unreported_event": -0.01}, {"p_unreported_event": 1.01}],
        "vintages_count": [{"vintages_count": 2}],
        "nowcast_events_mean_is_finite": [{"nowcast_events_mean": float("inf")}],
        "nowcast_deaths_mean_is_finite": [{"nowcast_deaths_mean": float("nan")}],
        "event_quantiles_in_order": [{"nowcast_events_q10": 2.0}, {"nowcast_events_q95": 0.5}],
        "death_quantiles_in_order": [{"nowcast_deaths_q10": 4.0}, {"nowcast_deaths_q95": 1.0}],
        "nothing_released_is_not_zero": [{"release_stage": "not_released"}],
        "only_silence_may_be_unreported": [{"events_count": 1}],
    },
    "mart.revision": {
        "revision_basis": [{"revision_basis": "both"}],
        "no_more_kept_than_there_were": [{"events_kept_count": 19}],
    },
    "mart.flag": {
        "region_id": [{"region_id": "GIN.nzerekore"}],
        "level": [{"level": "red"}, {"level": "alarm", EVERY: True}],
        "p_escalation": [{"p_escalation": -0.01}, {"p_escalation": 1.01}],
        "p_any_next_month": [{"p_any_next_month": -0.01}, {"p_any_next_month": 1.01}],
        "p_25_deaths_next_month": [
            {"p_25_deaths_next_month": -0.01},
            {"p_25_deaths_next_month": 1.01},
        ],
        "p_unreported_event": [{"p_unreported_event": -0.01}, {"p_unreported_event": 1.01}],
        "p_without_newest_event": [
            {"p_without_newest_event": -0.01},
            {"p_without_newest_event": 1.01},
        ],
        "intensity": [{"intensity": "very violent"}],
        "events_past12_count": [{"events_past12_count": -1}],
        "deaths_past12_count": [{"deaths_past12_count": -1}],
        "window_follows_the_figures": [
            {"window_start_date": date(2021, 5, 31)},
            {"window_end_date": date(2021, 6, 1)},
        ],
        "no_model_left_out": [{"models_left_out": "self_exciting"}],
        "events_count": [{"events_count": -1}],
        "deaths_best_count": [{"deaths_best_count": -1}],
        "events_past12_mean": [{"events_past12_mean": -0.1}, {"events_past12_mean": 1_001.0}],
        "events_next3_mean": [{"events_next3_mean": -0.1}, {"events_next3_mean": 3_001.0}],
        **{
            f"{name}_is_finite": [{name: float("inf")}, {name: float("nan")}]
            for name in ("events_past12_mean", "events_next3_mean", "deaths_next3_mean")
        },
        "level_at_bar_before": [{"level_at_bar_before": "red"}],
        "events_to_next_level_count": [
            {"events_to_next_level_count": 0},
            {"events_to_next_level_count": 13},
        ],
        "quiet_days": [{"quiet_days": -1}],
        "escalation_threshold_count": [{"escalation_threshold_count": 2}],
        "forecast_quantiles_in_order": [{"events_next3_q10": 4.0}],
        "data_month_is_first_of_month": [{"data_month": date(2021, 5, 30)}],
        "data_month_before_night": [{"data_month": date(2021, 6, 1)}],
        "one_night_one_month": [
            {"as_of_date": date(2021, 6, 24)},
            {"data_month": date(2021, 4, 1)},
        ],
        "figures_are_not_too_old": [{"is_stale": True}],
    },
    "mart.flag_driver": {
        "region_id": [{"region_id": "GIN.nzerekore"}],
        "driver": [{"driver": "rainfall"}],
        "driver_rank": [{"driver_rank": 0}],
        "value_is_finite": [{"value": float("inf")}, {"value": float("nan")}],
        "contribution_events_is_finite": [{"contribution_events": float("-inf")}],
        "contribution_log_is_finite": [{"contribution_log": float("nan")}],
    },
    "across.series": {
        "no_month_missing": [{"months_count": 6}, {"first_month": date(2020, 10, 1)}],
        "series_end_together": [{"last_month": date(2021, 4, 1), "months_count": 6}],
        "every_place_has_its_series": [{"place_level": "region"}, {"places_count": 3}],
    },
    "across.country": {
        "regions_and_unplaced_are_the_country": [
            {"regions_sum": 21.0},
            {"unplaced_sum": 0.0},
            {"country_sum": 21.0},
            {"country_sum": None},
        ],
    },
    "mart.alert": {
        "region_id": [{"region_id": "GIN.nzerekore"}],
        "alert_level": [{"alert_level": "red"}],
        "alert_status": [{"alert_status": "open"}],
        "cause": [{"cause": "weather"}],
        "changed_p_escalation": [{"changed_p_escalation": 1.2}, {"changed_p_escalation": -0.1}],
        "closed_is_none": [{"alert_status": "closed"}, {"alert_level": "none"}],
        "opened_before_changed": [{"opened_night": date(2021, 6, 26)}],
    },
    "mart.signal": {
        "place_id": [{"place_id": "GIN"}],
        "signal": [{"signal": "rainfall"}],
        "state": [{"state": "calm"}],
        "direction": [{"direction": "up"}],
        "value": [{"value": -1.0}],
        "value_is_finite": [{"value": float("inf")}],
        "normal_value_is_finite": [{"normal_value": float("nan")}],
        "normal_high_value_is_finite": [{"normal_high_value": float("inf")}],
        "year_value_is_finite": [{"year_value": float("inf")}],
        "quiet_only_where_known": [{"state": "quiet", "value": None}],
        "every_place_has_its_signals": [{"signal": "coup"}],
    },
    "mart.signal_spell": {
        "month_start_is_first_of_month": [{"month_start": date(2021, 5, 2)}],
        "place_id": [{"place_id": "GIN"}],
        "signal": [{"signal": "rainfall"}],
        "state": [{"state": "calm"}],
        "months_count": [{"months_count": 0}, {"months_count": 25}],
    },
    "mart.signal_count": {
        "place_id": [{"place_id": "GIN"}],
        "not_known_count": [{"not_known_count": 17}, {"not_known_count": -1}],
        "counts_are_of_all_signals": [{"quiet_count": 6}, {"grave_count": 8}],
    },
    "mart.event_source": {
        "why_not": [{"why_not": "tired"}],
        "rests_only_on_what_helps": [{"crps_gain_low_share": -0.01}],
    },
    "mart.line": {
        "quantity": [{"quantity": "refugees"}],
        "windows_count": [{"windows_count": 0}, {"windows_count": 7}],
        "at_least_count": [{"at_least_count": 0}],
        "chance_bound": [{"chance_bound": 1.2}, {"chance_bound": -0.1}],
        "p_reached": [{"p_reached": 1.2}, {"p_reached": -0.1}],
        "p_reached_is_finite": [{"p_reached": float("nan")}],
        "expected_count_is_finite": [{"expected_count": float("inf")}],
        "dispersion_phi_is_finite": [{"dispersion_phi": float("nan")}],
        "line_shift_is_finite": [{"line_shift": float("inf")}],
        "passed_is_said_of_the_chance": [{"is_passed": True}, {"p_reached": 0.4}],
        "price_adds_up": [
            {"came_count": 10},
            {"missed_count": 9},
            {"reached_count": 21},
            {"reached_nights_count": 61},
            {"passed_nights_count": 8},
            {"passed_nights_count": 61},
        ],
    },
    "mart.line_night": {
        "p_reached": [{"p_reached": 1.2}, {"p_reached": -0.1}],
        "p_reached_is_finite": [{"p_reached": float("nan")}],
        "observed_count": [{"observed_count": -1}],
        "reached_after_the_night": [{"reached_date": date(2021, 2, 20)}],
    },
    "mart.source_status": {
        "days_to_reader_median": [{"days_to_reader_median": -1.0}],
        "rows_count": [{"rows_count": -1}],
        "age_days": [{"age_days": -1}],
        "figures_are_not_too_old": [{"is_stale": True}],
    },
}


def clean(table: str) -> pl.DataFrame:
    """Good rows of a table, built by hand."""
    first = ROW[table]
    further = FURTHER.get(table, {})
    count = max((len(values) for values in further.values()), default=0)
    rows = [first] + [{**first, **{c: v[n] for c, v in further.items()}} for n in range(count)]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.with_columns(pl.col(pl.Null).cast(pl.String))


def broken(good: pl.DataFrame, values: Mapping[str, Any]) -> pl.DataFrame:
    """The good rows with these values put into the first of them, or into every row."""
    rows = good.to_dicts()
    for row in rows if EVERY in values else rows[:1]:
        row.update({name: value for name, value in values.items() if name != EVERY})
    return pl.DataFrame(rows, schema=good.schema)


def mutations(table: str, check: Check) -> dict[str, pl.DataFrame]:
    """Frames that checks of this column or rule must catch, by what was done to good rows."""
    good = clean(table)
    column = check.arguments.get("column")
    if check.expectation == "ExpectColumnToExist":
        return {"no such column": good.drop(column)}
    if check.expectation.startswith("ExpectTable"):
        return {"no rows": good.clear()}
    if "Unique" in check.expectation or column == "grain_is_unique":
        return {"the first row twice": pl.concat([good, good.head(1)])}
    if check.expectation == "ExpectColumnValuesToNotBeNull" and "mostly" not in check.arguments:
        return {"no such column": good.drop(column), "empty": broken(good, {column: None})}
    return {in_words(values): broken(good, values) for values in BREAKS[table][column]}


def in_words(values: Mapping[str, Any]) -> str:
    """What was put into the good rows.

    Example:
        >>> in_words({"low": 6, "known_to": None, EVERY: True})
        'low 6, known_to empty in every row'
    """
    words = ", ".join(
        f"{name} {'empty' if value is None else shown(value)}"
        for name, value in values.items()
        if name != EVERY
    )
    return f"{words} in every row" if EVERY in values else words


def shown(value: object) -> str:
    """A value that a page can hold, whatever signs are in it."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = str(value)
    if len(text) > LONG:
        text = f"{text[:LONG].rpartition(',')[0]}, ..."
    return text.replace("\u202e", "U+202E").replace("<", "&lt;").replace("|", "\\|")


@cache
def caught(table: str, number: int) -> dict[str, bool]:
    """What was done to good rows, and whether the check of that number alone then fails."""
    check = SUITES[table][number]
    with patch.dict(SUITES, {table: (check,)}):
        return {
            words: not judge({table: frame})["is_success"].item()
            for words, frame in mutations(table, check).items()
        }


def shares_its_column(table: str, check: Check) -> bool:
    """Whether other checks read the column too: some of its bad values are for them."""
    column = check.arguments.get("column")
    return sum(other.arguments.get("column") == column for other in SUITES[table]) > 1


LONG = 200
PAGE = """\
# Checks

Written by `python tests/mutations.py > docs/checks.md`; do not edit. What each check is put to in
`tests/expectations`, and must catch, stands beside it. `critical` holds out the row of a landed
table (a rule of the whole table refuses the delivery) and elsewhere stops the night before anything
is published; `warning` passes and is told. [What they find](quality.md) on the embedded data.

## every delivery

Beside the suite of its landed table; tried in `tests/test_quarantine.py`.

| of | good rows | severity | since | why | caught |
| --- | --- | --- | --- | --- | --- |
| any field | can be read in the type of `config/columns.toml` | critical | 2026-11 | \
what cannot be read is no figure | 4 kinds of wrong values, 10,000 hostile rows |
| the day the row is about | at most a month after it was fetched | critical | 2026-11 | \
nothing is known of the future | 2999-05-03 |
| the newest day | where the source does not say how far it reaches, not in three rows or fewer so \
long after all others that it would be stale, and longer than any gap of ten years before | \
critical | 2026-11 | a misspelt year would make all months before it count as covered, and calm | \
2024-05-03 after 2022-05-03 |
| rows | no less than 60% of those of the delivery it replaces | critical | 2026-11 | \
`config/thresholds.toml`, `least_rows_share` | 59 rows after 100 |
| newest day | no more than 31 days before that of the same | critical | 2026-11 | \
`config/thresholds.toml`, `most_days_back` | 32 days before |
| rows in force | at least 60% left, in all, of a country, of the last twelve months and of \
those of a country (of these where 20 or more are lost), from wherever they came | critical | \
2026-11 | \
`config/thresholds.toml`, `least_rows_share`, `least_lost_of_a_place` | `tests/test_files.py` |
| rows of each country | some, where nothing was in force and the embedded release has 20 or \
more of the same days | critical | 2026-11 | one country's file as the whole would make the others \
look quiet | `tests/test_files.py` |
| rows | no more than 5% held out, or three | critical | 2026-11 | \
`config/thresholds.toml`, `most_share` | 6 of 100 rows |
"""


def page() -> str:
    """Every check of every table, alike ones in one line."""
    lines = [PAGE]
    for table, checks in SUITES.items():
        lines += [f"\n## {table}\n", "| of | good rows | severity | since | why | caught |"]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        alike: dict[tuple[str, ...], list[str]] = {}
        for number, check in enumerate(checks):
            column = check.arguments.get("column") or ", ".join(
                check.arguments.get("column_list", ["rows"])
            )
            mutation_texts = [
                words
                for words in mutations(table, check)
                if not shares_its_column(table, check) or caught(table, number)[words]
            ]
            since, _, why = check.notes.partition(": ")
            wanted = "as its name says" if check.condition is not None else check.expected
            if check.condition is not None and "mostly" in check.arguments:
                wanted += f", in {check.arguments['mostly']:.0%} of rows"
            row = (shown(wanted), check.severity, since, shown(why), "; ".join(mutation_texts))
            alike.setdefault(row, []).append(f"`{column}`")
        for row, names in alike.items():
            lines.append(f"| {', '.join(names)} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
