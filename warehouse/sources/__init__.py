"""Every source. To add one: its module with fetch, parse and SOURCE, and its line here."""

from warehouse.sources import (
    admin1_boundaries,
    admin_presence,
    aid_suspensions,
    governance_register,
    mali_census,
    powell_thyne_coups,
    ucdp_ged,
)

SOURCES = (
    ucdp_ged.SOURCE,
    admin_presence.SOURCE,
    aid_suspensions.SOURCE,
    powell_thyne_coups.SOURCE,
    governance_register.SOURCE,
    admin1_boundaries.SOURCE,
    mali_census.SOURCE,
)
EVENT_SOURCE = ucdp_ged.SOURCE
