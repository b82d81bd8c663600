"""Every source. To add one: its module with fetch, parse and SOURCE, and its line here."""

from warehouse.sources import (
    acled_events,
    admin1_boundaries,
    admin_presence,
    aid_suspensions,
    cod_ps_population,
    fts_flows,
    governance_register,
    hapi_conflict,
    mali_census,
    powell_thyne_coups,
    reliefweb_reports,
    ucdp_ged,
    views_forecast,
)

SOURCES = (
    ucdp_ged.SOURCE,
    admin_presence.SOURCE,
    aid_suspensions.SOURCE,
    powell_thyne_coups.SOURCE,
    governance_register.SOURCE,
    admin1_boundaries.SOURCE,
    cod_ps_population.SOURCE,
    mali_census.SOURCE,
    acled_events.SOURCE,
    hapi_conflict.SOURCE,
    fts_flows.SOURCE,
    views_forecast.SOURCE,
    reliefweb_reports.SOURCE,
)
EVENT_SOURCE = ucdp_ged.SOURCE
BOUNDARY_SOURCE = admin1_boundaries.SOURCE
COUP_SOURCE = powell_thyne_coups.SOURCE
