"""The words that figures are told in: each list stands here alone, in the order it is shown in."""

from datetime import date

FIRST_DAY = date(1989, 1, 1)  # UCDP GED begins
# Where no event on file is older, a release that begins late is the likelier reason than peace.
LATE_FIRST_EVENT = date(2005, 1, 1)
LEVELS = ("none", "watch", "warning", "alarm")  # rising; bounds in thresholds.toml
GRAVEST_FIRST = LEVELS[:0:-1]  # levels that flag a region
# The sign of a level on a map, so that its colour is not needed.
SIGNS = {"watch": "circle", "warning": "triangle-up", "alarm": "diamond"}
INTENSITIES = ("calm", "some", "violent", "very_violent")  # rising; steps in thresholds.toml
QUANTITIES = ("events", "deaths", "deaths_civilians")  # that a reader's line may be of
VIOLENCE_TYPES = ("state_based", "non_state", "one_sided")  # of UCDP
ACTOR_GROUPS = (
    "jihadist", "rebel_group", "communal_militia", "criminal_group", "state_forces", "civilians",
    "other",
)  # fmt: skip
OUTCOMES = ("came", "did_not_come", "not_yet_known")  # of an entry of the ledger
LEDGER_KINDS = ("alarm", "held_level", "unwarned")  # of one escalation the first counts
ALERT_STATUSES = ("new", "raised", "ongoing", "lowered", "closed")
SIGNAL_STATES = ("quiet", "raised", "grave", "not_known")
SIGNAL_DIRECTIONS = ("worsening", "easing", "steady")
ACTS_UNIT = "acts in force"  # of signals that rest on acts and measures
AREA = "area"  # id and level of the whole area on the board
CAUSES = ("news", "revision", "model", "boundaries", "sources")  # of a changed level
# Why forecasts do not rest on an event source beside UCDP.
NOT_RESTED_ON = ("off", "failed", "stale", "too_short", "no_gain", "not_fitted")
# Measures against a country that count as suspensions, with the words for them.
MEASURES = {
    "development_aid": "development aid",
    "military_cooperation": "military cooperation",
    "membership": "membership of an organisation",
    "sanctions": "sanctions",
    "trade_preference": "trade preferences",
}
OTHER_MEASURES = ("ngo_ban",)  # kept in the register, not counted as a suspension
# Who should be at a post of the state.
CADRES = {
    "civil_administrators": "civil administrators",
    "prefects": "prefects",
    "subprefects": "sub-prefects",
    "state_authorities": "state authorities",
    "state_agents": "state agents",
    "state_representatives": "state representatives",
    "mayors": "mayors",
    "governors": "governors",
}
MODELS = ("self_exciting", "conflictology")
POOL = "combined"  # of the two
# What a forecast is the sum of; pages and mails say the same in the reader's language.
DRIVER_WORDS = {
    "own_recent": "own events of the last months",
    "own_medium": "own events of the past half-year",
    "own_long": "own events of the past years",
    "neighbours": "violence in neighbouring regions",
    "background": "violence in all regions",
    "other_sources": "newer events of other sources",
    "other_models": "own events of the past year",
}
FORECAST_DRIVERS = tuple(DRIVER_WORDS)
SELF_EXCITING_DRIVERS = FORECAST_DRIVERS[:-1]  # the last is conflictology's
# What stands beside a forecast without entering it.
CONTEXT_DRIVERS = (
    "p_first_event", "nearest_active_km", "deaths_past12", "emergence", "administrator_presence",
    "aid_suspensions_open", "days_since_coup", "reporting_completeness",
)  # fmt: skip
# Of every forecast: the twenty-three levels that forecasting hubs ask for.
QUANTILES = {
    "q01": 0.01, "q025": 0.025, "q05": 0.05, "q10": 0.1, "q15": 0.15, "q20": 0.2, "q25": 0.25,
    "q30": 0.3, "q35": 0.35, "q40": 0.4, "q45": 0.45, "q50": 0.5, "q55": 0.55, "q60": 0.6,
    "q65": 0.65, "q70": 0.7, "q75": 0.75, "q80": 0.8, "q85": 0.85, "q90": 0.9, "q95": 0.95,
    "q975": 0.975, "q99": 0.99,
}  # fmt: skip
# Kinds of releases that hold a month of UCDP's events, in the order they come in.
RELEASE_STAGES = ("first", "cumulative", "yearly", "later")
NOT_RELEASED = "not_released"  # a whole month of which a stale source brought nothing
# UCDP's statuses as they are revised alike; of a release cut without them all count as clear.
CODE_STATUS_GROUPS = ("clear", "check_dyad", "check_other")
REVISION_BASES = ("observed", "declared", "both")
# Chance of something that is not on file from which silence is drawn hatched: one in twenty.
HATCHED_FROM = 0.05
NOWCAST_QUANTILES = ("q05", "q10", "q90", "q95")  # the central 90% and 80%
