"""What every landed table, core table and mart must hold, why, and how severely.

A ``critical`` check stops the run before anything is published; a ``warning`` passes
and is reported. Declared as data, so that reading this file costs no import of
Great Expectations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import polars as pl

LEVELS = ["none", "watch", "warning", "alarm"]
MODELS = ["negbin_region", "negbin_pooled", "conflictology", "combined"]
GROUPS = ["jihadist", "communal_militia", "state_forces", "civilians", "other"]


@dataclass(frozen=True)
class Check:
    """One expectation on a table.

    Attributes:
        expectation: Class name in ``great_expectations.expectations``.
        arguments: Its arguments.
        severity: critical or warning.
        notes: Why the bound has its value, and since when.
        holds: For a rule over several columns: a polars expression, true in good
            rows; its result is judged as the boolean column ``arguments["column"]``.
    """

    expectation: str
    arguments: Mapping[str, Any]
    severity: str
    notes: str
    holds: pl.Expr | None = field(default=None, compare=False)

    @property
    def columns(self) -> list[str]:
        """Columns of the table the check reads."""
        if self.holds is not None:
            return sorted(self.holds.meta.root_names())
        named = self.arguments.get("column_list", [self.arguments.get("column")])
        return [name for name in named if name is not None]


def present(*columns: str) -> list[Check]:
    """The columns exist and hold no null."""
    return [
        Check(
            "ExpectColumnValuesToNotBeNull",
            {"column": column},
            "critical",
            "2026-11: every later step reads it",
        )
        for column in columns
    ]


def key(*columns: str) -> Check:
    """No two rows share these columns."""
    notes = "2026-11: the table's grain"
    if len(columns) == 1:
        return Check("ExpectColumnValuesToBeUnique", {"column": columns[0]}, "critical", notes)
    return Check(
        "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)}, "critical", notes
    )


def between(
    column: str, low: float | None, high: float | None, notes: str, severity: str = "critical"
) -> Check:
    """Values lie within the bounds, both included; nulls pass."""
    return Check(
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": low, "max_value": high},
        severity,
        notes,
    )


def one_of(column: str, values: list[Any], notes: str) -> Check:
    """Values come from the set; nulls pass."""
    return Check(
        "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values}, "critical", notes
    )


def rule(name: str, holds: pl.Expr, severity: str, notes: str) -> Check:
    """A rule over several columns holds in every row."""
    return Check(
        "ExpectColumnValuesToBeInSet", {"column": name, "value_set": [True]}, severity, notes, holds
    )


def rows(least: int, notes: str) -> Check:
    """The table has at least so many rows."""
    return Check("ExpectTableRowCountToBeBetween", {"min_value": least}, "critical", notes)


CODEBOOK = "2026-11: UCDP GED codebook 24.1"
PROBABILITY = "2026-11: a probability"
COUNTRIES = [404, 432, 433, 434, 436, 437, 439, 461]
QUANTILES = [f"events_q{level}" for level in ("05", "10", "25", "50", "75", "90", "95")]

SUITES: dict[str, tuple[Check, ...]] = {
    "landing.ucdp_ged": (
        rows(1, "2026-11: an empty file is a failed delivery"),
        *present("id", "country_id", "date_start", "date_end", "latitude", "longitude"),
        *present("best", "low", "high", "where_prec", "date_prec", "type_of_violence"),
        key("id"),
        one_of("type_of_violence", [1, 2, 3], CODEBOOK),
        one_of("country_id", COUNTRIES, "2026-11: the eight WAEMU countries, Gleditsch-Ward"),
        between("where_prec", 1, 7, CODEBOOK),
        between("date_prec", 1, 5, CODEBOOK),
        between("latitude", 4, 26, "2026-11: the eight countries' extent, a degree of margin"),
        between("longitude", -19, 17, "2026-11: the eight countries' extent, a degree of margin"),
        between("best", 0, None, "2026-11: a count of deaths"),
        between(
            "best", None, 500, "2026-11: largest event on file has fewer; look first", "warning"
        ),
        rule(
            "low_best_high_in_order",
            (pl.col("low") <= pl.col("best")) & (pl.col("best") <= pl.col("high")),
            "warning",
            "2026-11: 41 of 4,022 rows of GED 24.1 break it; a flaw of the source",
        ),
        rule(
            "deaths_by_side_add_up",
            pl.col("deaths_a")
            + pl.col("deaths_b")
            + pl.col("deaths_civilians")
            + pl.col("deaths_unknown")
            == pl.col("best"),
            "warning",
            CODEBOOK,
        ),
        rule(
            "date_start_not_after_date_end",
            pl.col("date_start") <= pl.col("date_end"),
            "critical",
            CODEBOOK,
        ),
    ),
    "landing.admin_presence": (
        *present("date", "scope_regions", "indicator", "value_pct", "source_symbol"),
        key("date", "scope_regions", "indicator", "source_symbol"),
        between("value_pct", 0, 100, "2026-11: per cent of posts"),
        rule(
            "numerator_not_above_denominator",
            (pl.col("numerator") <= pl.col("denominator")).fill_null(True),
            "critical",
            "2026-11: nobody fills more posts than there are",
        ),
        rule(
            "share_is_numerator_over_denominator",
            (
                (pl.col("numerator") / pl.col("denominator") * 100 - pl.col("value_pct")).abs() <= 1
            ).fill_null(True),
            "warning",
            "2026-11: reports round to whole per cents",
        ),
    ),
    "landing.aid_suspensions": (
        *present("country", "date", "actor", "measure_type", "action", "url"),
        key("country", "date", "actor", "measure_type", "action", "what"),
        one_of(
            "action",
            ["suspend", "impose", "lift", "maintain_suspension"],
            "2026-11: the acts core.suspension knows",
        ),
        rule(
            "end_not_before_start",
            (pl.col("date") <= pl.col("end_date_if_seen")).fill_null(True),
            "critical",
            "2026-11: a measure ends after it began",
        ),
    ),
    "landing.powell_thyne_coups": (
        rows(1, "2026-11: an empty file is a failed delivery"),
        *present("ccode", "coup_date", "coup"),
        key("ccode", "coup_date"),
        one_of("coup", [1, 2], "2026-11: codebook: 1 failed, 2 successful"),
    ),
    "landing.governance_register": (
        *present("register", "country_code", "entry_date", "url"),
        one_of(
            "register", ["transition_milestone", "local_agreement"], "2026-11: its two registers"
        ),
    ),
    "landing.admin1_boundaries": (
        rows(104, "2026-11: the regions of config/regions.csv"),
        key("country_code", "region_pcode"),
    ),
    "landing.mali_census_2009": (
        key("region_name"),
        between("population_count", 1_000, 5_000_000, "2026-11: Mali's regions, 2009"),
    ),
    "core.region": (
        Check(
            "ExpectTableRowCountToEqual",
            {"value": 104},
            "critical",
            "2026-11: every region of config/regions.csv has found its polygon",
        ),
        key("region_id"),
        *present("country_code", "centroid_longitude", "centroid_latitude"),
    ),
    "core.event": (
        key("event_id"),
        *present("event_date", "country_code", "violence_type", "deaths_best_count"),
        one_of("violence_type", ["state_based", "non_state", "one_sided"], CODEBOOK),
        one_of("placed_by", ["polygon", "name", "country"], "2026-11: the three ways of placing"),
        one_of("actor_group_a", GROUPS, "2026-11: config/actors.csv"),
        one_of("actor_group_b", GROUPS, "2026-11: config/actors.csv"),
        rule(
            "region_exactly_if_placed",
            (pl.col("placed_by") == "country") == pl.col("region_id").is_null(),
            "critical",
            "2026-11: what is not placed counts for the country only",
        ),
        rule(
            "region_in_its_country",
            (pl.col("region_id").str.head(3) == pl.col("country_code")).fill_null(True),
            "critical",
            "2026-11: an event never leaves the country the source names",
        ),
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": "placed_by", "value_set": ["polygon", "name"], "mostly": 0.9},
            "warning",
            "2026-11: 4.6% of events are known to the country only",
        ),
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": "name_check", "value_set": ["agrees", "empty", "unknown"], "mostly": 0.95},
            "warning",
            "2026-11: 2.2% lie in another region than the source names (simplified borders)",
        ),
    ),
    "core.presence": (
        key("observation_id"),
        *present("region_id", "cadre", "observed_date"),
        between("presence_share", 0, 1, "2026-11: a share"),
    ),
    "core.suspension": (
        key("suspension_id"),
        one_of("status", ["open", "lifted", "end_unknown"], "2026-11: core/suspension.sql"),
        rule(
            "closed_not_before_opened",
            (pl.col("opened_date") <= pl.col("closed_date")).fill_null(True),
            "critical",
            "2026-11: a measure ends after it began",
        ),
        Check(
            "ExpectColumnValuesToNotBeNull",
            {"column": "opened_date", "mostly": 0.9},
            "warning",
            "2026-11: one lifting on file has no start",
        ),
    ),
    "core.coup": (key("coup_id"), *present("country_code", "coup_date")),
    "mart.indicator": (
        rows(1, "2026-11: an empty mart is a failed night"),
        *present("indicator", "place_id", "month_start"),
        rule(
            "month_start_is_first_of_month",
            pl.col("month_start").dt.day() == 1,
            "critical",
            "2026-11: the table's grain",
        ),
        rule(
            "grain_is_unique",
            ~pl.struct("indicator", "place_id", "month_start").is_duplicated(),
            "critical",
            "2026-11: the table's grain",
        ),
        between("value", 0, None, "2026-11: counts, shares and days are never negative"),
    ),
    "mart.forecast": (
        key("region_id", "model", "horizon_months"),
        *present("events_mean", *QUANTILES),
        one_of("model", MODELS, "2026-11: the three models and their mean"),
        between("horizon_months", 1, 6, "2026-11: design"),
        between("p_any_event", 0, 1, PROBABILITY),
        between("events_mean", 0, 1_000, "2026-11: largest month on file is below 100"),
        rule(
            "quantiles_in_order",
            pl.all_horizontal([pl.col(a) <= pl.col(b) for a, b in pairwise(QUANTILES)]),
            "critical",
            "2026-11: quantiles rise with their level",
        ),
    ),
    "mart.flag": (
        Check(
            "ExpectTableRowCountToEqual",
            {"value": 104},
            "critical",
            "2026-11: every region has a level, if only none",
        ),
        key("region_id"),
        *present("level", "p_escalation", "data_month", "reason"),
        one_of("level", LEVELS, "2026-11: design"),
        between("p_escalation", 0, 1, PROBABILITY),
        between("p_any_next_month", 0, 1, PROBABILITY),
        rule(
            "data_month_before_night",
            pl.col("data_month") < pl.col("as_of_date"),
            "critical",
            "2026-11: only whole months are forecast from",
        ),
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": "level", "value_set": ["none", "watch"], "mostly": 0.9},
            "warning",
            "2026-11: budget of design: at most 10% of regions above watch",
        ),
    ),
    "mart.flag_driver": (
        key("region_id", "driver"),
        key("region_id", "driver_rank"),
        *present("driver", "unit"),
    ),
    "mart.source_status": (
        key("source"),
        *present("licence", "attribution", "content_sha256"),
        Check(
            "ExpectColumnValuesToBeInSet",
            {"column": "is_stale", "value_set": [False]},
            "warning",
            "2026-11: a stale source is named to every reader",
        ),
    ),
}
