"""The board of signals: every state of every signal by a row, and the founding nights."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from alerts.wording.signals import with_sentences
from config.months import month_after
from config.registry import countries, signal_rules
from config.vocabulary import AREA, SIGNAL_STATES
from flows.steps import coups_until
from indicators.signals import board, raised_counts
from warehouse.sources.powell_thyne_coups import version_day

NIGHT = date(2021, 6, 25)
MONTH = date(2021, 5, 1)
RULES = signal_rules()["signals"]
REGIONS = pl.DataFrame(
    {
        "region_id": ["MLI.a", "MLI.b", "BFA.a", "NER.a"],
        "country_code": ["MLI", "MLI", "BFA", "NER"],
    }
)
SUSPENSIONS = {
    "country_code": pl.String, "measure_type": pl.String, "actor": pl.String,
    "opened_date": pl.Date, "opened_precision": pl.String, "confirmed_date": pl.Date,
    "closed_date": pl.Date,
}  # fmt: skip
COUPS = {"country_code": pl.String, "coup_date": pl.Date, "is_successful": pl.Boolean}
ENTRIES = {
    "register": pl.String, "country_code": pl.String, "region_id": pl.String,
    "entry_date": pl.Date, "entry_precision": pl.String, "end_date": pl.Date,
    "entry_type": pl.String, "title": pl.String,
}  # fmt: skip
PRESENCE = {
    "observation_id": pl.String, "region_id": pl.String, "observed_date": pl.Date,
    "cadre": pl.String, "scope": pl.String, "presence_share": pl.Float64,
    "share_bound": pl.String, "is_part": pl.Boolean, "group_size_count": pl.Int64,
}  # fmt: skip


def series(
    values: dict[str, list[float | None]], place: str = "MLI.a", level: str = "region"
) -> pl.DataFrame:
    """Monthly values by indicator; the last is of May 2021."""
    return pl.concat(
        pl.DataFrame(
            {
                "indicator": name,
                "place_level": level,
                "place_id": place,
                "month_start": [month_after(MONTH, k - len(v) + 1) for k in range(len(v))],
                "value": v,
            },
            schema_overrides={"value": pl.Float64},
        )
        for name, v in values.items()
    )


def computed(
    monthly: pl.DataFrame | None = None,
    is_stale: bool = False,
    coups_known: date = NIGHT,
    **rows: list[dict[str, Any]],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Board and spells of a made core; what is not given is empty."""
    core = {
        "region": REGIONS,
        "suspension": pl.DataFrame(rows.get("suspension", []), schema=SUSPENSIONS),
        "coup": pl.DataFrame(rows.get("coup", []), schema=COUPS),
        "register_entry": pl.DataFrame(rows.get("register_entry", []), schema=ENTRIES),
        "presence": pl.DataFrame(rows.get("presence", []), schema=PRESENCE),
    }
    figures = series({"events_count": [0.0]}) if monthly is None else monthly
    return board(core, figures, NIGHT, MONTH, coups_known, is_stale)


def row(frame: pl.DataFrame, signal: str, place: str = "MLI.a") -> dict[str, Any]:
    return frame.filter(signal=signal, place_id=place).row(0, named=True)


COUNTS = [name for name, rule in RULES.items() if rule["rule"] == "count"]
ZEROS = [0.0] * 71


@pytest.mark.parametrize("signal", COUNTS)
def test_a_count_is_held_against_its_own_past_and_a_bound_on_the_year(signal: str) -> None:
    rule = RULES[signal]

    def state(values: list[float | None]) -> str:
        return row(computed(series({rule["series"]: values}))[0], signal)["state"]

    least, grave = float(rule["raised_least"]), float(rule["grave_least"])
    past = [*ZEROS[:20], *[least] * 6, *ZEROS[:45]]
    assert state([*ZEROS, 0.0]) == "quiet"
    assert state([*ZEROS, least]) == "raised"
    assert state([*ZEROS, grave]) == "grave"
    assert state([*ZEROS[:30], grave, *ZEROS[:40], grave]) == "raised"  # as high as once before
    assert state([*past, least]) == "quiet"  # one month in ten was as high
    assert state([0.0, *past[:20], 0.0, *past[22:], least]) == "raised"  # five of sixty
    assert state([*ZEROS, least - 0.5]) == "quiet"
    high, low = rule["raised_year"] * 9, rule["raised_year"]
    assert state([*ZEROS[:20], high, *ZEROS[:40], low, 0.0]) == "raised"
    assert state([*ZEROS[:20], high, *ZEROS[:40], low - 1, 0.0]) == "quiet"
    assert state([*ZEROS[:20], rule["grave_year"], *ZEROS[:40], rule["grave_year"], 0.0]) == "grave"
    assert state([*ZEROS, None]) == "not_known"
    assert state([*[None] * 48, *[0.0] * 24]) == "not_known"  # 23 months are no past
    assert state([*[None] * 47, *[0.0] * 25]) == "quiet"


def test_figures_of_a_count_by_hand() -> None:
    """Sixty months before: 54 of 0, then 1, 2, 3, 4, 5, 5; the newest is 6."""
    values = [*[9.0] * 12, *[0.0] * 54, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 6.0]
    signal_row = row(computed(series({"events_count": values}))[0], "attacks")
    assert signal_row["normal_value"] == pytest.approx(20 / 60)
    assert signal_row["normal_high_value"] == 1.0  # the 55th of 60 by size
    assert signal_row["year_value"] == 26.0
    assert (signal_row["state"], signal_row["direction"]) == ("grave", "worsening")  # 16 against 9
    assert signal_row["since_date"] == MONTH  # until April a 9 was among the sixty months
    assert signal_row["figure_date"] == signal_row["signal_known_until_date"] == date(2021, 5, 31)
    assert (signal_row["unit"], signal_row["source"]) == ("events / month", "ucdp_ged")


def test_direction_needs_a_quarter_and_one_at_least() -> None:
    def direction(*six: float) -> str | None:
        values = [*[0.0] * 66, *six]
        return row(computed(series({"events_count": values}))[0], "attacks")["direction"]

    assert direction(4, 4, 4, 5, 5, 5) == "worsening"
    assert direction(4, 4, 4, 4, 5, 5) == "steady"  # 14 against 12
    assert direction(5, 5, 5, 4, 4, 4) == "easing"
    assert direction(0, 0, 0, 0, 0, 1) == "worsening"
    assert direction(0, 0, 0, 0, 0, 0) == "steady"


def test_a_spared_region_that_is_reached() -> None:
    def spread(before: float, newest: list[float], months: int = 60) -> dict[str, Any]:
        values = [before, *[0.0] * (months - 1 - len(newest)), *newest]
        return row(computed(series({"events_count": values}))[0], "spread")

    assert spread(4, [0, 0, 0])["state"] == "quiet"
    assert spread(4, [0, 0, 1])["state"] == "raised"
    assert spread(4, [1, 1, 1])["state"] == "grave"
    assert spread(4, [1, 1, 1])["value"] == 3.0
    assert spread(4, [1, 1, 1])["normal_value"] == pytest.approx(4 * 3 / 48)
    assert spread(5, [1, 1, 1])["state"] == "quiet"  # not spared
    assert spread(5, [1, 1, 1])["facts"] == []
    assert spread(0, [1, 1, 1], months=59)["state"] == "not_known"


def test_of_a_country_the_regions_reached_are_counted() -> None:
    values = [0.0] * 96 + [1.0]
    monthly = pl.concat(series({"events_count": values}, place) for place in ("MLI.a", "MLI.b"))
    signals = computed(monthly)[0]
    assert row(signals, "spread", "MLI")["value"] == 2.0
    assert row(signals, "spread", AREA)["value"] == 2.0
    assert row(signals, "spread", "MLI")["state"] == "raised"  # never any before


def figure(share: float, days: int, **other: object) -> dict[str, object]:
    return {
        "observation_id": f"{share} {days} {other}", "region_id": "MLI.a",
        "observed_date": NIGHT - timedelta(days=days), "cadre": "civil_administrators",
        "scope": "a", "presence_share": share, "share_bound": "exact", "is_part": False,
        "group_size_count": 1, **other,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "state", "value"),
    [
        ([figure(0.51, 10)], "quiet", 0.51),
        ([figure(0.5, 10)], "raised", 0.5),
        ([figure(0.25, 365)], "grave", 0.25),
        ([figure(0.25, 366)], "not_known", 0.25),
        ([], "not_known", None),
        ([figure(0.9, 10, share_bound="lower")], "not_known", None),
        ([figure(0.2, 400), figure(0.8, 30)], "quiet", 0.8),
        ([figure(0.2, 30, cadre="mayors"), figure(0.8, 30)], "quiet", 0.8),
        ([figure(0.2, 30, group_size_count=5), figure(0.8, 30)], "quiet", 0.8),
        ([figure(0.0, 30, is_part=True), figure(0.8, 30)], "quiet", 0.8),
        ([figure(0.4, 30, cadre="prefects"), figure(0.3, 30, cadre="mayors")], "raised", 0.3),
    ],
)
def test_presence(figures: list[dict[str, object]], state: str, value: float | None) -> None:
    signal_row = row(computed(presence=figures)[0], "administrators")
    assert (signal_row["state"], signal_row["value"]) == (state, value)


def test_presence_moves_and_a_country_has_the_lowest_figure() -> None:
    figures = [
        figure(0.8, 100), figure(0.6, 30), figure(0.1, 500, region_id="MLI.b"),
    ]  # fmt: skip
    signals = computed(presence=figures)[0]
    assert row(signals, "administrators")["direction"] == "worsening"
    assert row(signals, "administrators")["normal_value"] == pytest.approx(0.8)
    assert row(signals, "administrators", "MLI.b")["state"] == "not_known"
    assert row(signals, "administrators", "MLI")["value"] == 0.6  # what is too old is no lowest
    assert row(signals, "administrators", "BFA")["state"] == "not_known"


def measure(kind: str, days: int, closed: int | None = None) -> dict[str, object]:
    begun = NIGHT - timedelta(days=days)
    return {
        "country_code": "MLI", "measure_type": kind, "actor": "France", "opened_date": begun,
        "opened_precision": "day", "confirmed_date": begun,
        "closed_date": None if closed is None else NIGHT - timedelta(days=closed),
    }  # fmt: skip


MEASURED = {
    "aid_suspended": "development_aid",
    "military_cooperation_suspended": "military_cooperation",
    "sanctions_and_membership": "membership",
}


@pytest.mark.parametrize("signal", MEASURED)
def test_a_measure_counts_while_it_is_in_force(signal: str) -> None:
    kind = MEASURED[signal]

    def measure_states(*rows: dict[str, object], place: str = "MLI.a") -> tuple[str, str | None]:
        signal_row = row(computed(suspension=list(rows))[0], signal, place)
        return signal_row["state"], signal_row["direction"]

    assert measure_states() == ("quiet", "steady")
    assert measure_states(measure("ngo_ban", 5)) == ("quiet", "steady")
    trade = ("grave", "worsening") if signal == "sanctions_and_membership" else ("quiet", "steady")
    assert measure_states(measure("trade_preference", 5)) == trade
    assert measure_states(measure(kind, 89)) == ("grave", "worsening")
    assert measure_states(measure(kind, 90)) == ("grave", "steady")
    assert measure_states(measure(kind, 91)) == ("raised", "steady")
    assert measure_states(measure(kind, 500, closed=30)) == ("quiet", "easing")
    assert measure_states(measure(kind, 1000)) == ("quiet", "steady")  # no word of it for two years
    assert measure_states(measure(kind, 5), place="MLI") == ("grave", "worsening")
    assert measure_states(measure(kind, 5), place=AREA) == ("grave", "worsening")
    assert measure_states(measure(kind, 5), place="BFA.a") == ("quiet", "steady")
    assert measure_states(place="NER.a") == ("not_known", None)  # its register begins in 2023
    assert measure_states(place=AREA) == ("not_known", None)  # one of its countries is not covered


def test_a_coup_a_failed_one_and_a_list_that_ends() -> None:
    def coup(days: int, is_successful: bool, known: date = NIGHT) -> tuple[str, float | None]:
        one = {"country_code": "MLI", "coup_date": NIGHT - timedelta(days=days),
               "is_successful": is_successful}  # fmt: skip
        signal_row = row(computed(coup=[one], coups_known=known)[0], "coup")
        return signal_row["state"], signal_row["value"]

    assert coup(365, True) == ("grave", 1.0)
    assert coup(366, True) == ("raised", 1.0)
    assert coup(365, False) == ("raised", 1.0)
    assert coup(1096, False) == ("raised", 1.0)
    assert coup(1097, True) == ("quiet", 0.0)
    assert coup(1097, True, known=date(2021, 6, 24)) == ("not_known", None)
    assert coup(10, True, known=date(2021, 6, 24)) == ("grave", 1.0)  # what is known counts


def entry(
    register: str, kind: str, days: int, country: str = "MLI", **other: object
) -> dict[str, object]:
    return {
        "register": register, "country_code": country, "region_id": None,
        "entry_date": NIGHT - timedelta(days=days), "entry_precision": "day", "end_date": None,
        "entry_type": kind, "title": f"{kind} {days}", **other,
    }  # fmt: skip


OFF, MILESTONE = "transition_off_its_dates", "transition_milestone"
REGISTERED = [
    (OFF, "MLI.a", [], "quiet"),
    (OFF, "MLI.a", [(MILESTONE, "postponement", 90)], "grave"),
    (OFF, "MLI.a", [(MILESTONE, "postponement", 730)], "raised"),
    (OFF, "MLI.a", [(MILESTONE, "postponement", 731)], "quiet"),
    (
        OFF, "MLI.a",
        [(MILESTONE, "postponement", 90), (MILESTONE, "election", 20)],
        "quiet",
    ),
    (
        OFF, "MLI.a",
        [(MILESTONE, "postponement", 20), (MILESTONE, "election", 90)],
        "grave",
    ),
    ("agreement_broken", "MLI.a", [], "quiet"),
    ("agreement_broken", "BFA.a", [], "not_known"),  # kept since October 2020: no year yet
    ("agreement_broken", "MLI.a", [("local_agreement", "breach", 90, "MLI", "MLI.a")], "grave"),
    ("agreement_broken", "MLI.a", [("local_agreement", "breach", 91, "MLI", "MLI.a")], "raised"),
    ("agreement_broken", "MLI.a", [("local_agreement", "breach", 20, "MLI", "MLI.b")], "quiet"),
    ("agreement_broken", "MLI.a", [("local_agreement", "breach", 20)], "not_known"),  # where?
    ("agreement_broken", "MLI", [("local_agreement", "breach", 20)], "grave"),
    ("agreement_broken", "MLI.a", [("local_agreement", "ceasefire", 20)], "quiet"),
    ("agreement_broken", "MLI.a", [("national_agreement", "breach", 20)], "grave"),  # of all
    ("agreement_broken", "MLI.a", [("national_agreement", "breach", 20, "MLI", "MLI.b")], "quiet"),
    ("state_of_emergency", "MLI.a", [], "quiet"),
    ("state_of_emergency", "BFA.a", [], "not_known"),  # extended by an act that is not on file
    ("state_of_emergency", "MLI.a", [("state_of_emergency", "declaration", 90)], "grave"),
    ("state_of_emergency", "MLI.a", [("state_of_emergency", "extension", 20)], "raised"),
    (
        "state_of_emergency", "MLI.a",
        [("state_of_emergency", "extension", 200), ("state_of_emergency", "end", 20)],
        "quiet",
    ),
    ("state_of_emergency", "MLI.a", [("state_of_emergency", "extension", 400)], "quiet"),
    ("forces_leaving", "MLI.a", [], "quiet"),
    ("forces_leaving", "BFA.a", [], "not_known"),
    ("forces_leaving", "MLI.a", [("force_mandate", "decision", 20)], "quiet"),
    ("forces_leaving", "MLI.a", [("force_mandate", "base_closed", 90)], "grave"),
    ("forces_leaving", "MLI.a", [("force_mandate", "end", 365)], "raised"),
    ("forces_leaving", "MLI.a", [("force_mandate", "end", 366)], "quiet"),
]  # fmt: skip


@pytest.mark.parametrize(("signal", "place", "entries", "state"), REGISTERED)
def test_acts_of_the_register(
    signal: str, place: str, entries: list[tuple[Any, ...]], state: str
) -> None:
    rows = [entry(*e[:4], **({"region_id": e[4]} if len(e) == 5 else {})) for e in entries]
    signal_row = row(with_sentences(computed(register_entry=rows)[0]), signal, place)
    assert signal_row["state"] == state
    if entries and state in ("raised", "grave"):
        assert "“" in signal_row["sentence_en"]
    if place == "MLI.a" and entries == [("local_agreement", "breach", 20)]:
        assert signal_row["sentence_en"] == (
            "Not known: in this country there is one whose region is not on file: 5 June 2021: "
            "“breach 20”."
        )


def test_an_emergency_holds_until_the_end_that_it_names() -> None:
    def state(until: int) -> str:
        long = entry("state_of_emergency", "extension", 400, end_date=NIGHT + timedelta(days=until))
        return row(computed(register_entry=[long])[0], "state_of_emergency")["state"]

    assert (state(1), state(0)) == ("raised", "quiet")


def test_an_agreement_that_was_seen_to_end_and_a_new_one() -> None:
    ended = entry("local_agreement", "ceasefire", 500, region_id="MLI.a",
                  end_date=NIGHT - timedelta(days=40))  # fmt: skip
    signal_row = row(computed(register_entry=[ended])[0], "agreement_broken")
    assert (signal_row["state"], signal_row["direction"], signal_row["since_date"]) == (
        "raised", "worsening", date(2021, 5, 16),
    )  # fmt: skip
    agreement = entry("local_agreement", "peace_agreement", 10, region_id="MLI.a")
    signal_row = row(with_sentences(computed(register_entry=[agreement])[0]), "agreement_broken")
    assert (signal_row["state"], signal_row["direction"]) == ("quiet", "easing")
    assert signal_row["sentence_en"] == (
        "None is known; the register is kept up to the night. Agreed or begun in the year before: "
        "15 June 2021: “peace_agreement 10”."
    )


def test_every_state_of_every_signal_is_reached_above() -> None:
    by_rule = {"count", "spread", "presence", "acts"}
    assert {rule["rule"] for rule in RULES.values()} == by_rule
    of_registers = {name for name, rule in RULES.items() if rule.get("series") and
                    rule["rule"] == "acts"}  # fmt: skip
    for signal in of_registers:
        assert {state for name, _, _, state in REGISTERED if name == signal} | (
            {"not_known"} if signal == "transition_off_its_dates" else set()
        ) == set(SIGNAL_STATES), signal
    assert {*COUNTS, *MEASURED, *of_registers, "spread", "administrators", "coup"} == RULES.keys()


def test_a_transition_outside_its_register_is_not_known() -> None:
    core = {
        "region": REGIONS,
        "suspension": pl.DataFrame(schema=SUSPENSIONS),
        "coup": pl.DataFrame(schema=COUPS),
        "register_entry": pl.DataFrame(schema=ENTRIES),
        "presence": pl.DataFrame(schema=PRESENCE),
    }
    late = date(2026, 6, 25)  # registers end with 2025
    signals, _ = board(core, series({"events_count": [0.0]}), late, MONTH, late, True)
    assert row(signals, "transition_off_its_dates")["state"] == "not_known"
    assert row(signals, "transition_off_its_dates")["signal_known_until_date"] == date(2025, 12, 31)


def test_figures_that_are_too_old_say_nothing_of_tonight() -> None:
    values = {"events_count": [*ZEROS, 3.0]}
    signals, spells = computed(series(values), is_stale=True)
    for signal in ("attacks", "spread"):
        known = row(signals, signal)
        assert (known["state"], known["value"], known["since_date"]) == ("not_known", 3.0, None)
    assert row(with_sentences(signals), "attacks")["sentence_en"].startswith(
        "The last figure is too old to say: 3 events in May 2021"
    )
    assert spells.filter(signal="attacks", place_id="MLI.a")["state"].to_list() == [
        "quiet", "grave",
    ]  # fmt: skip


def test_spells_are_of_two_years_and_end_with_the_night() -> None:
    values = {"events_count": [*ZEROS, 3.0]}
    spells = computed(series(values), suspension=[measure("development_aid", 10)])[1]
    months = spells.filter(place_id="MLI.a").group_by("signal").agg(pl.col("months_count").sum())
    assert dict(months.iter_rows()) == {
        "attacks": 23, "spread": 23,  # nothing is known of June
        **{name: 24 for name, rule in RULES.items() if rule["rule"] in ("acts", "presence")},
    }  # fmt: skip
    aid = spells.filter(place_id="MLI.a", signal="aid_suspended")
    assert aid.select("month_start", "months_count", "state").rows() == [
        (date(2019, 7, 1), 23, "quiet"), (date(2021, 6, 1), 1, "grave"),
    ]  # fmt: skip


def test_order_of_rows_changes_nothing() -> None:
    figures = [figure(0.3, 30, cadre="mayors"), figure(0.3, 30, cadre="prefects"),
               figure(0.3, 30, region_id="MLI.b", scope="b")]  # fmt: skip
    acts = [entry("force_mandate", "end", 30, title=t) for t in "abc"]
    monthly = series({"events_count": [*ZEROS, 3.0], "jihadist_events_count": [*ZEROS, 1.0]})
    first = computed(monthly, presence=figures, register_entry=acts)
    second = computed(monthly.reverse(), presence=figures[::-1], register_entry=acts[::-1])
    assert first[0].equals(second[0])
    assert first[1].equals(second[1])


def test_raised_counts_are_of_all_signals() -> None:
    coup = {"country_code": "MLI", "coup_date": NIGHT, "is_successful": False}
    signals = computed(series({"events_count": [*ZEROS, 3.0]}), coup=[coup])[0]
    counts = raised_counts(signals).filter(place_id="MLI.a").row(0, named=True)
    assert (counts["raised_count"], counts["grave_count"]) == (3, 2)  # attacks, spread; coup
    assert (
        counts["quiet_count"] + counts["not_known_count"]
        == signals.filter(place_id="MLI.a").height - 3
    )


def test_the_list_of_coups_is_kept_until_the_day_of_its_version() -> None:
    def until(version: str | None, newest: date | None) -> date:
        sources = pl.DataFrame(
            {"source": ["powell_thyne_coups"], "source_version": [version],
             "newest_date": [newest]},
            schema_overrides={"source_version": pl.String, "newest_date": pl.Date},
        )  # fmt: skip
        return coups_until(sources, NIGHT)

    assert until("V2023.09.08", date(2021, 5, 21)) == NIGHT
    assert until("V2021.06.01", date(2021, 5, 21)) == date(2021, 6, 1)
    assert until("latest", date(2021, 5, 21)) == date(2021, 5, 21)
    assert until(None, None) == date.min
    assert version_day("V2023.09.08") == date(2023, 9, 8)


def board_of(published: Path, night: str, place: str) -> dict[str, dict[str, Any]]:
    with duckdb.connect(published, read_only=True) as con:
        rows = con.execute(
            "from signals_as_of($night::timestamp) where place_id = $place",
            {"night": night, "place": place},
        ).pl()
    return {r["signal"]: r for r in rows.iter_rows(named=True)}


def test_the_founding_night_in_sikasso(published: Path) -> None:
    signals_by_name = board_of(published, "2021-06-25", "MLI.sikasso")
    assert {name: r["state"] for name, r in signals_by_name.items()} == {
        "attacks": "raised", "civilian_deaths": "raised", "spread": "grave",
        "neighbours": "quiet", "state_abuses": "quiet", "communal_violence": "quiet",
        "jihadist_activity": "raised", "administrators": "not_known", "aid_suspended": "grave",
        "military_cooperation_suspended": "grave", "sanctions_and_membership": "grave",
        "coup": "grave", "transition_off_its_dates": "quiet", "agreement_broken": "quiet",
        "state_of_emergency": "raised", "forces_leaving": "quiet",
    }  # fmt: skip
    # Events: one in May 2019, two in September 2020, one each in March, April and May 2021.
    attacks = signals_by_name["attacks"]
    assert attacks["normal_value"] == pytest.approx(5 / 60)
    assert (attacks["value"], attacks["year_value"], attacks["since_date"]) == (
        1.0, 5.0, date(2021, 3, 1),
    )  # fmt: skip
    assert signals_by_name["civilian_deaths"]["sentence_en"] == (
        "4 civilians killed in May 2021; usual: 0.2 a month, nine months in ten at most 0; 12 in "
        "twelve months."
    )
    assert signals_by_name["spread"]["sentence_en"] == (
        "3 events in three months up to May 2021, in a region that had been spared (1 in the four "
        "years before the last)."
    )
    assert signals_by_name["state_of_emergency"]["sentence_en"] == (
        "30 December 2020: “State of emergency in the whole country: six months more (end worked "
        "out)”."
    )
    assert signals_by_name["administrators"]["value"] is None
    assert signals_by_name["administrators"]["sentence_fr"] == "Aucun chiffre n'est connu."
    assert (
        signals_by_name["coup"]["sentence_en"]
        == "power taken, 21 May 2021; power taken, 18 August 2020."
    )
    assert signals_by_name["aid_suspended"]["sentence_fr"] == (
        "Banque mondiale (aide au développement, 4 juin 2021)."
    )
    assert signals_by_name["military_cooperation_suspended"]["since_date"] == date(2021, 6, 3)
    assert (
        "France (military cooperation, 3 June 2021)"
        in (signals_by_name["military_cooperation_suspended"]["sentence_en"])
    )


def test_three_weeks_earlier_the_attack_and_two_measures_are_not_known(published: Path) -> None:
    signals_by_name = board_of(published, "2021-06-05", "MLI.sikasso")
    assert signals_by_name["spread"]["state"] == "raised"  # two events up to April
    assert signals_by_name["sanctions_and_membership"]["state"] == "quiet"
    assert signals_by_name["sanctions_and_membership"]["sentence_en"] == (
        "None is known; the register is kept up to the night. The last: African Union (membership "
        "of an organisation, 19 August 2020)."
    )
    assert signals_by_name["coup"]["state"] == signals_by_name["aid_suspended"]["state"] == "grave"
    assert signals_by_name["attacks"]["figure_date"] == date(2021, 4, 30)


def test_the_founding_night_in_mopti_gao_and_mali(published: Path) -> None:
    mopti, gao, mali = (
        board_of(published, "2021-06-25", place) for place in ("MLI.mopti", "MLI.gao", "MLI")
    )
    assert mopti["administrators"]["sentence_en"] == (
        "17% of the posts held (civil administrators, “northern regions, Mopti”, August 2020)."
    )
    assert gao["administrators"]["sentence_fr"] == (
        "17 % des postes pourvus (administrateurs civils, “Gao, Kidal, Ménaka, Taoudenni, "
        "Tombouctou”, février 2021)."
    ).replace("17 %", gao["administrators"]["sentence_fr"][:4])
    assert mali["administrators"]["sentence_en"].startswith("lowest known: 17% of the posts held")
    assert (mopti["attacks"]["state"], mopti["attacks"]["year_value"]) == ("grave", 95.0)
    assert (mopti["civilian_deaths"]["state"], mopti["civilian_deaths"]["direction"]) == (
        "grave", "easing",
    )  # fmt: skip
    assert mopti["spread"]["state"] == "quiet"  # not spared
    assert (mali["attacks"]["value"], mali["communal_violence"]["state"]) == (20.0, "raised")
    assert "neighbours" not in mali
    with duckdb.connect(published, read_only=True) as con:
        counts = con.execute(
            "select place_id, raised_count, grave_count, quiet_count, not_known_count "
            "from signal_counts where place_id in ('MLI', 'MLI.mopti', 'MLI.sikasso') order by 1"
        ).fetchall()
        (places,) = con.execute("select count(distinct place_id) from signals").fetchone() or (0,)
    assert counts == [("MLI", 11, 8, 4, 0), ("MLI.mopti", 11, 8, 5, 0), ("MLI.sikasso", 9, 5, 6, 1)]
    assert places == 104 + countries().height + 1
