"""Suites of the marts: the last look before a reader sees them."""

import polars as pl

from config.registry import countries, regions, signal_rules
from config.vocabulary import (
    ALERT_STATUSES,
    AREA,
    CAUSES,
    CONTEXT_DRIVERS,
    FORECAST_DRIVERS,
    INTENSITIES,
    LEVELS,
    MODELS,
    NOT_RELEASED,
    NOT_RESTED_ON,
    NOWCAST_QUANTILES,
    POOL,
    QUANTILES,
    QUANTITIES,
    RELEASE_STAGES,
    REVISION_BASES,
    SIGNAL_DIRECTIONS,
    SIGNAL_STATES,
)
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

IDS = regions()["region_id"].to_list()
IN_IDS = "2026-11: the ids of config/regions.csv"
PLACES = [*IDS, *countries()["country_code"].to_list(), AREA]
IN_PLACES = "2026-11: the places of config/regions.csv and config/countries.csv, and the area"
EVENTS_QUANTILES = [f"events_{name}" for name in QUANTILES]
DEATHS_QUANTILES = [f"deaths_{name}" for name in QUANTILES]
PROBABILITY = "2026-11: a probability"
QUANTILES_KNOWN = rule(
    "quantiles_are_known",
    pl.all_horizontal(pl.col(*EVENTS_QUANTILES, *DEATHS_QUANTILES).is_not_null()),
    "critical",
    "2026-11: every later step reads them, and forecasting hubs ask for each",
)


def finite(*columns: str) -> list[Check]:
    """Numbers are numbers: neither infinite nor not-a-number; nulls pass."""
    return [
        rule(
            f"{column}_is_finite",
            pl.col(column).is_finite(),
            "critical",
            "2026-11: a failed division is no figure; what is not known is null",
        )
        for column in columns
    ]


MARTS: dict[str, tuple[Check, ...]] = {
    "mart.indicator": (
        rows(1, "2026-11: an empty mart is a failed night"),
        *present("indicator", "place_level", "place_id", "month_start", "unit"),
        *exist("note"),
        first_of_month("month_start"),
        rule(
            "grain_is_unique",
            ~pl.struct("indicator", "place_id", "month_start").is_duplicated(),
            "critical",
            "2026-11: the table's grain",
        ),
        one_of("place_level", ["region", "country"], "2026-11: design"),
        one_of(
            "place_id",
            IDS + countries()["country_code"].to_list(),
            "2026-11: the places of config/regions.csv and config/countries.csv",
        ),
        between("value", 0, None, "2026-11: counts, shares and days are never negative"),
        *finite("value"),
        rule(
            "shares_at_most_one",
            (pl.col("unit") != "share 0-1") | (pl.col("value") <= 1),
            "critical",
            "2026-11: a share",
        ),
    ),
    "mart.forecast": (
        rows(1, "2026-11: an empty mart is a failed night"),
        key("region_id", "model", "horizon_months"),
        *present("region_id", "model", "horizon_months", "known_until_date"),
        *present("window_start_date", "window_end_date"),
        *present("events_mean", "p_any_event", "deaths_mean", "p_25_deaths"),
        QUANTILES_KNOWN,
        one_of("region_id", IDS, IN_IDS),
        one_of("model", [*MODELS, POOL], "2026-11: the two models and their pool"),
        between("horizon_months", 1, 6, "2026-11: design"),
        between("p_any_event", 0, 1, PROBABILITY),
        between("p_25_deaths", 0, 1, PROBABILITY),
        between("deaths_mean", 0, None, "2026-11: never negative"),
        surprising(
            "deaths_mean",
            10_000,
            "2026-11: largest month embedded has below 1,000",
        ),
        *finite("deaths_mean"),
        in_order(
            "death_quantiles_in_order",
            DEATHS_QUANTILES,
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        between("events_q01", 0, None, "2026-11: a count of events"),
        between("events_mean", 0, None, "2026-11: never negative"),
        surprising("events_mean", 1_000, "2026-11: largest month embedded is below 100"),
        *finite("events_mean"),
        in_order(
            "quantiles_in_order",
            EVENTS_QUANTILES,
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        rule(
            "windows_of_thirty_days",
            (pl.col("window_end_date") - pl.col("window_start_date")).dt.total_days() == 29,
            "critical",
            "2026-11: windows are blocks of thirty days after the night",
        ),
    ),
    "mart.country_forecast": (
        rows(1, "2026-11: an empty mart is a failed night"),
        key("country_code", "horizon_months"),
        *present("country_code", "horizon_months", "window_start_date", "window_end_date"),
        *present("events_mean", "p_any_event", "deaths_mean", "p_25_deaths"),
        QUANTILES_KNOWN,
        one_of(
            "country_code",
            countries()["country_code"].to_list(),
            "2026-11: the countries of config/countries.csv",
        ),
        *finite("events_mean", "deaths_mean"),
        between("horizon_months", 1, 6, "2026-11: design"),
        between("p_any_event", 0, 1, PROBABILITY),
        between("p_25_deaths", 0, 1, PROBABILITY),
        between("events_mean", 0, None, "2026-11: a count of events"),
        between("deaths_mean", 0, None, "2026-11: a count of deaths"),
        in_order(
            "quantiles_in_order",
            EVENTS_QUANTILES,
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        in_order(
            "death_quantiles_in_order",
            DEATHS_QUANTILES,
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        rule(
            "windows_of_thirty_days",
            (pl.col("window_end_date") - pl.col("window_start_date")).dt.total_days() == 29,
            "critical",
            "2026-11: windows are blocks of thirty days after the night",
        ),
    ),
    "mart.nowcast": (
        rows(1, "2026-11: every place has its newest months, if only with what is on file"),
        key("place_level", "place_id", "month_start"),
        *present("place_level", "place_id", "month_start", "release_stage"),
        first_of_month("month_start"),
        one_of("place_id", PLACES, IN_PLACES),
        one_of("release_stage", [*RELEASE_STAGES, NOT_RELEASED], "2026-11: the dictionary"),
        one_of("followed_to", [*RELEASE_STAGES], "2026-11: the dictionary"),
        one_of("nowcast_basis", [*REVISION_BASES], "2026-11: the dictionary"),
        between("p_unreported_event", 0, 1, PROBABILITY),
        between("vintages_count", 3, None, "2026-11: indicators.risk.revisions: LEAST_UNITS"),
        *finite("nowcast_events_mean", "nowcast_deaths_mean"),
        in_order(
            "event_quantiles_in_order",
            [f"nowcast_events_{name}" for name in NOWCAST_QUANTILES],
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        in_order(
            "death_quantiles_in_order",
            [f"nowcast_deaths_{name}" for name in NOWCAST_QUANTILES],
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        rule(
            "nothing_released_is_not_zero",
            (pl.col("release_stage") != NOT_RELEASED) | pl.col("events_count").is_null(),
            "critical",
            "2026-11: unknown is not quiet",
        ),
        rule(
            "only_silence_may_be_unreported",
            pl.col("p_unreported_event").is_null() | (pl.col("events_count").fill_null(0) == 0),
            "critical",
            "2026-11: where an event is on file something happened",
        ),
    ),
    "mart.revision": (
        key("link", "period_start", "country_code", "code_status_group"),
        *present("link", "period_start", "country_code", "code_status_group", "revision_basis"),
        one_of("revision_basis", [*REVISION_BASES[:2]], "2026-11: the dictionary"),
        in_order(
            "no_more_kept_than_there_were",
            ["events_kept_count", "events_before_count"],
            "critical",
            "2026-11: of events that were there",
        ),
    ),
    "mart.flag": (
        exactly(regions().height, "2026-11: every region has a level, if only none"),
        key("region_id"),
        *present("region_id", "country_code", "country_name", "region_name", "as_of_date"),
        *present("level", "p_escalation", "data_month", "reason", "is_stale"),
        *present("events_count", "deaths_best_count", "events_past12_mean", "p_any_next_month"),
        *present("events_next3_mean", "events_next3_q10", "events_next3_q90"),
        one_of("region_id", IDS, IN_IDS),
        one_of("level", [*LEVELS], "2026-11: design"),
        *present("intensity", "window_start_date", "window_end_date"),
        one_of("intensity", list(INTENSITIES), "2026-11: the steps of config/thresholds.toml"),
        between("events_past12_count", 0, None, "2026-11: a count of events"),
        between("deaths_past12_count", 0, None, "2026-11: a count of deaths"),
        rule(
            "window_follows_the_figures",
            (pl.col("window_start_date") > pl.col("data_month").dt.month_end())
            & (pl.col("window_end_date") > pl.col("window_start_date")),
            "critical",
            "2026-11: a chance is about days of which nothing is known",
        ),
        between("p_escalation", 0, 1, PROBABILITY),
        between("p_any_next_month", 0, 1, PROBABILITY),
        between("p_25_deaths_next_month", 0, 1, PROBABILITY),
        between("p_without_newest_event", 0, 1, PROBABILITY),
        between("p_unreported_event", 0, 1, PROBABILITY),
        between("events_count", 0, None, "2026-11: a count of events"),
        between("deaths_best_count", 0, None, "2026-11: a count of deaths"),
        between("events_past12_mean", 0, None, "2026-11: never negative"),
        surprising("events_past12_mean", 1_000, "2026-11: largest month embedded is below 100"),
        between("events_next3_mean", 0, None, "2026-11: never negative"),
        surprising("events_next3_mean", 3_000, "2026-11: thrice the bound of one month"),
        *finite("events_past12_mean", "events_next3_mean", "deaths_next3_mean"),
        one_of("level_at_bar_before", [*LEVELS], "2026-11: design"),
        between("events_to_next_level_count", 1, 12, "2026-11: indicators.risk.assess"),
        between("quiet_days", 0, None, "2026-11: days"),
        between("escalation_threshold_count", 3, None, "2026-11: thresholds.toml: least_events"),
        in_order(
            "forecast_quantiles_in_order",
            ["events_next3_q10", "events_next3_q90"],
            "critical",
            "2026-11: quantiles rise with their level",
        ),
        first_of_month("data_month"),
        rule(
            "data_month_before_night",
            pl.col("data_month").dt.month_end() < pl.col("as_of_date"),
            "critical",
            "2026-11: only whole months are forecast from",
        ),
        rule(
            "one_night_one_month",
            (pl.col("as_of_date") == pl.col("as_of_date").first())
            & (pl.col("data_month") == pl.col("data_month").first()),
            "critical",
            "2026-11: regions of different nights cannot be ranked",
        ),
        mostly(
            "level",
            ["none", "watch"],
            0.9,
            "2026-11: budget of design: at most 10% of regions above watch",
        ),
        rule(
            "figures_are_not_too_old",
            ~pl.col("is_stale"),
            "warning",
            "2026-11: levels of a stale source are old news",
        ),
        rule(
            "no_model_left_out",
            pl.col("models_left_out").is_null(),
            "warning",
            "2026-11: the others stand in for it; find out why it has no forecast",
        ),
    ),
    "mart.flag_driver": (
        rows(1, "2026-11: an empty mart is a failed night"),
        key("region_id", "driver"),
        key("region_id", "driver_rank"),
        *present("region_id", "driver_rank", "driver", "unit"),
        *exist("baseline", "detail"),
        one_of("region_id", IDS, IN_IDS),
        one_of(
            "driver",
            [*FORECAST_DRIVERS, *CONTEXT_DRIVERS],
            "2026-11: the codes the mails have words for",
        ),
        between("driver_rank", 1, None, "2026-11: ranks begin with 1"),
        *finite("value", "contribution_events", "contribution_log"),
    ),
    "mart.alert": (
        key("region_id"),
        *present("region_id", "alert_status", "alert_level", "level_before", "cause"),
        *present("opened_night", "changed_night", "changed_data_month", "model_version"),
        one_of("region_id", IDS, IN_IDS),
        one_of("alert_level", [*LEVELS], "2026-11: design"),
        one_of("alert_status", [*ALERT_STATUSES], "2026-11: design: life of an alert"),
        one_of("cause", [*CAUSES], "2026-11: what the mails have words for"),
        between("changed_p_escalation", 0, 1, PROBABILITY),
        rule(
            "closed_is_none",
            (pl.col("alert_status") == "closed") == (pl.col("alert_level") == "none"),
            "critical",
            "2026-11: only an alert that ends has no level",
        ),
        rule(
            "opened_before_changed",
            pl.col("opened_night") <= pl.col("changed_night"),
            "critical",
            "2026-11: an alert changes after it began",
        ),
    ),
    "mart.event_source": (
        key("source"),
        *present("source", "known_from_date", "known_until_date", "is_monthly"),
        *exist("crps_gain_low_share", "crps_gain_high_share", "gain_nights_count"),
        one_of("why_not", [*NOT_RESTED_ON], "2026-11: what page and mails have words for"),
        rule(
            "rests_only_on_what_helps",
            pl.col("why_not").is_not_null() | (pl.col("crps_gain_low_share") > 0),
            "critical",
            "2026-11: a source has no weight without evidence",
        ),
    ),
    "mart.signal": (
        rows(1, "2026-11: an empty board is a failed night"),
        key("place_level", "place_id", "signal"),
        *present("place_level", "place_id", "signal", "state", "unit", "source"),
        *present("sentence_en", "sentence_fr"),
        *exist("country_code", "direction", "since_date", "figure_date"),
        *exist("signal_known_until_date"),
        one_of("place_id", PLACES, IN_PLACES),
        one_of("signal", [*signal_rules()["signals"]], "2026-11: config/signals.toml"),
        one_of("state", [*SIGNAL_STATES], "2026-11: what page and mails have words for"),
        one_of("direction", [*SIGNAL_DIRECTIONS], "2026-11: what page and mails have words for"),
        between("value", 0, None, "2026-11: counts and shares are never negative"),
        *finite("value", "normal_value", "normal_high_value", "year_value"),
        rule(
            "quiet_only_where_known",
            (pl.col("state") == "not_known") | pl.col("value").is_not_null(),
            "critical",
            "2026-11: unknown is not quiet",
        ),
        rule(
            "every_place_has_its_signals",
            pl.len().over("place_level", "place_id")
            == pl.col("signal").n_unique().over("place_level"),
            "critical",
            "2026-11: a signal that is missing would look quiet",
        ),
    ),
    "mart.signal_spell": (
        rows(1, "2026-11: an empty strip is a failed night"),
        key("place_level", "place_id", "signal", "month_start"),
        *present("place_level", "place_id", "signal", "month_start", "months_count", "state"),
        first_of_month("month_start"),
        one_of("place_id", PLACES, IN_PLACES),
        one_of("signal", [*signal_rules()["signals"]], "2026-11: config/signals.toml"),
        one_of("state", [*SIGNAL_STATES], "2026-11: what page and mails have words for"),
        between(
            "months_count", 1, signal_rules()["board"]["strip_months"], "2026-11: of the strip"
        ),
    ),
    "mart.signal_count": (
        rows(1, "2026-11: an empty board is a failed night"),
        key("place_level", "place_id"),
        *present("raised_count", "grave_count", "quiet_count", "not_known_count"),
        one_of("place_id", PLACES, IN_PLACES),
        between("not_known_count", 0, len(signal_rules()["signals"]), "2026-11: of all signals"),
        rule(
            "counts_are_of_all_signals",
            (
                pl.sum_horizontal("raised_count", "quiet_count", "not_known_count")
                == pl.sum_horizontal("raised_count", "quiet_count", "not_known_count")
                .max()
                .over("place_level")
            )
            & (pl.col("grave_count") <= pl.col("raised_count")),
            "critical",
            "2026-11: each signal is in one state",
        ),
    ),
    "mart.line": (
        key("line_id"),
        *present("line_id", "quantity", "at_least_count", "windows_count", "chance_bound"),
        *present("p_reached", "is_passed", "expected_count", "priced_nights_count", "mails_count"),
        one_of("quantity", [*QUANTITIES], "2026-11: what a line may be of"),
        between("windows_count", 1, 6, "2026-11: as far as forecasts go"),
        between("at_least_count", 1, None, "2026-11: nought is always reached"),
        between("chance_bound", 0, 1, PROBABILITY),
        between("p_reached", 0, 1, PROBABILITY),
        *finite("p_reached", "expected_count", "dispersion_phi", "line_shift"),
        rule(
            "passed_is_said_of_the_chance",
            pl.col("is_passed") == (pl.col("p_reached") >= pl.col("chance_bound")),
            "critical",
            "2026-11: a reader is mailed of it",
        ),
        rule(
            "price_adds_up",
            (pl.col("came_count") <= pl.col("mails_count"))
            & (pl.col("mails_count") <= pl.col("passed_nights_count"))
            & (pl.col("passed_nights_count") <= pl.col("priced_nights_count"))
            & (pl.col("missed_count") <= pl.col("reached_count"))
            & (pl.col("reached_count") <= pl.col("reached_nights_count"))
            & (pl.col("reached_nights_count") <= pl.col("priced_nights_count")),
            "critical",
            "2026-11: parts of what is counted",
        ),
    ),
    "mart.line_night": (
        key("line_id", "replay_date"),
        *present("line_id", "replay_date", "p_reached", "is_passed", "is_mail"),
        between("p_reached", 0, 1, PROBABILITY),
        *finite("p_reached"),
        between("observed_count", 0, None, "2026-11: a count"),
        rule(
            "reached_after_the_night",
            pl.col("reached_date") > pl.col("replay_date"),
            "critical",
            "2026-11: windows begin the day after the night",
        ),
    ),
    "mart.source_status": (
        rows(1, "2026-11: an empty mart is a failed night"),
        key("source"),
        *present("source", "title", "licence", "attribution", "content_sha256", "fetched_at"),
        *present("is_stale", "is_republishable"),
        *exist("newest_date", "covered_until_date", "max_age_days", "flaws", "url"),
        between("rows_count", 0, None, "2026-11: a count of rows"),
        between("age_days", 0, None, "2026-11: figures younger than the night would be a peek"),
        between("days_to_reader_median", 0, None, "2026-11: nothing is told before it happens"),
        rule(
            "figures_are_not_too_old",
            ~pl.col("is_stale"),
            "warning",
            "2026-11: a stale source is named to every reader",
        ),
    ),
}
