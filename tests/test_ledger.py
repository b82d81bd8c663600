"""The ledger: what was said stays, what came is counted, and nobody's silence is left out."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl
import pytest

from alerts.digest import ledger_counts
from config.vocabulary import LEDGER_KINDS, LEVELS, OUTCOMES
from warehouse.connect import attach_core, migrate
from warehouse.marts import ledger, news, write_marts
from warehouse.vintages import night_end

SIKASSO, KAYES, MENAKA = "MLI.sikasso", "MLI.kayes", "MLI.menaka"
NIGHTS = [date(2021, month, 25) for month in range(1, 10)]
# Level told, its status, by night and region; a night not named told none.
ALERTS = {
    (NIGHTS[2], SIKASSO): ("watch", "new", NIGHTS[2]),
    (NIGHTS[3], SIKASSO): ("warning", "raised", NIGHTS[3]),
    (NIGHTS[4], SIKASSO): ("warning", "ongoing", NIGHTS[3]),
    (NIGHTS[5], SIKASSO): ("none", "closed", NIGHTS[5]),
    (NIGHTS[0], MENAKA): ("watch", "new", NIGHTS[0]),
    **{(night, MENAKA): ("watch", "ongoing", NIGHTS[0]) for night in NIGHTS[1:7]},
    (NIGHTS[7], MENAKA): ("none", "closed", NIGHTS[7]),
}
# Region, day, deaths, known from, known to.
EVENTS = [
    (SIKASSO, date(2021, 4, 10), 1, datetime(2021, 5, 20), None),
    (SIKASSO, date(2021, 4, 20), 2, datetime(2021, 5, 20), None),
    (SIKASSO, date(2021, 5, 2), 4, datetime(2021, 6, 20), None),
    (SIKASSO, date(2021, 7, 1), 8, datetime(2021, 8, 20), datetime(2021, 9, 20)),  # withdrawn
    *((KAYES, date(2021, 3, 5), 1, datetime(2021, 4, 20), None) for _ in range(3)),
    *((MENAKA, date(2021, 6, day), 1, datetime(2021, 7, 20), None) for day in (1, 2, 3)),
]


def flags(night: date, places: Sequence[str]) -> pl.DataFrame:
    """Rows of regions: a bar of three events in ninety days, figures six weeks old."""
    return pl.DataFrame({"region_id": places}).with_columns(
        country_code=pl.lit("MLI"),
        region_name=pl.col("region_id").str.slice(4).str.to_titlecase(),
        p_escalation=pl.lit(0.2),
        escalation_threshold_count=pl.lit(3),
        window_start_date=pl.lit(night + timedelta(days=1)),
        window_end_date=pl.lit(night + timedelta(days=90)),
        known_until_date=pl.lit(night - timedelta(days=25)),
        reason=pl.lit(f"as of {night}"),
        model_version=pl.lit("m"),
        boundaries_version=pl.lit("b"),
    )


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        migrate(connection)
        attach_core(connection)
        for night in NIGHTS:
            alerts = [
                (place, *alert) for (of_night, place), alert in ALERTS.items() if of_night == night
            ]
            write_night(connection, night, alerts, [SIKASSO, KAYES, MENAKA])
        yield connection


def write_night(
    con: duckdb.DuckDBPyConnection, night: date, alerts: Sequence[tuple], places: Sequence[str]
) -> None:
    """Keep a night: region, level told, status and night of the change of each alert."""
    schema = {"region_id": pl.String, "alert_level": pl.String, "alert_status": pl.String,
              "changed_night": pl.Date}  # fmt: skip
    sources = pl.DataFrame({"source": ["ucdp_ged"], "source_version": [f"{night:%y.%m}"]})
    marts = {
        "flag": flags(night, places),
        "alert": pl.DataFrame(alerts, schema=schema, orient="row"),
        "source_status": sources,
    }
    write_marts(con, night, marts)


def known(
    con: duckdb.DuckDBPyConnection, night: date, events: Sequence[tuple] = EVENTS
) -> pl.DataFrame:
    """The ledger as of a night, on events as known then."""
    columns = {"region_id": pl.String, "event_date": pl.Date, "deaths_best_count": pl.Int32,
               "known_from": pl.Datetime, "known_to": pl.Datetime}  # fmt: skip
    versions = pl.DataFrame(events, schema=columns, orient="row").with_row_index("event_id").filter(
        pl.col("known_from") <= night_end(night)
    ).with_columns(
        known_to=pl.when(pl.col("known_to") <= night_end(night)).then("known_to")
    )  # fmt: skip
    con.register("versions", versions)
    con.execute("create or replace table core.event_version as from versions")
    con.execute("create or replace table core.event as from versions where known_to is null")
    return ledger(con, night)


def test_what_was_said_and_what_came(con) -> None:
    last = known(con, NIGHTS[-1])  # known up to the last of August
    assert last.select("ledger_id", "ledger_kind", "alert_level", "outcome").rows() == [
        ("2021-01-25-MLI.kayes", "unwarned", "none", "came"),  # once, though two windows hold it
        ("2021-01-25-MLI.menaka", "alarm", "watch", "did_not_come"),
        ("2021-03-25-MLI.menaka", "held_level", "watch", "came"),  # once, of three windows
        ("2021-03-25-MLI.sikasso", "alarm", "watch", "came"),
        ("2021-04-25-MLI.sikasso", "alarm", "warning", "did_not_come"),
    ]
    held_level, watch, warning = (last.row(number, named=True) for number in (2, 3, 4))
    assert (held_level["escalation_night"], held_level["closed_night"]) == (NIGHTS[2], NIGHTS[7])
    assert (watch["escalation_night"], warning["escalation_night"]) == (NIGHTS[1], None)
    assert watch["reason"] == "as of 2021-03-25"
    assert watch["source_version"] == "21.03"
    assert (watch["window_events_count"], watch["window_deaths_count"]) == (3, 7)
    assert watch["reached_date"] == date(2021, 5, 2)
    assert watch["closed_night"] == date(2021, 6, 25)
    # Of the window to 24 July: two events when it was first known (25 August), one after revision.
    assert warning["judged_night"] == date(2021, 8, 25)
    assert (warning["window_events_first_count"], warning["window_events_count"]) == (2, 1)
    counts = ledger_counts(last, 2021)
    assert counts == {"year": 2021, "alarms": 3, "came": 1, "did_not_come": 2, "not_yet_known": 0,
                      "escalations": 3, "after_alarm": 1, "under_held_level": 1,
                      "unwarned": 1}  # fmt: skip


def test_every_escalation_counts_once_whatever_came_before() -> None:
    """Nights, levels and events drawn at random; the ledger against a reckoning in plain Python."""
    rng = np.random.default_rng(7)
    days = sorted(rng.choice(270, 18, replace=False).tolist())
    nights = [date(2021, 1, 1) + timedelta(days=day) for day in days]
    alerts: dict[date, list[tuple]] = {night: [] for night in nights}
    kinds: dict[tuple[str, date], str] = {}
    events: list[tuple] = []
    places = [f"MLI.r{number}" for number in range(150)]
    for place in places:
        event_days = [date(2021, 1, 1) + timedelta(days=day) for day in rng.choice(360, 9).tolist()]
        events += [(place, day, 1, datetime(2021, 1, 1), None) for day in event_days]
        before, last, first = 0, None, None  # level, newest night of the escalation, its first
        for night in nights:
            level = before if rng.random() < 0.8 else int(rng.choice(4, p=[0.6, 0.2, 0.1, 0.1]))
            if level > before:
                status = "raised" if before else "new"
            else:
                status = "ongoing" if level == before else "lowered" if level else "closed"
            changed = night if level != before else nights[0]
            if level or before:
                alerts[night].append((place, LEVELS[level], status, changed))
            if sum(night < day <= night + timedelta(days=90) for day in event_days) >= 3:
                if last is None or first is None or night - last > timedelta(days=31):
                    first = night
                kind = LEDGER_KINDS[0 if level > before else 1 if level else 2]
                kinds[place, first] = min(kind, kinds.get((place, first), kind))  # by the alphabet
                last = night
            before = level
    with duckdb.connect() as connection:
        migrate(connection)
        attach_core(connection)
        for night in nights:
            write_night(connection, night, alerts[night], places)
        rows = known(connection, nights[-1], events)
    came = rows.drop_nulls("escalation_night")
    entries = came.select("region_id", "escalation_night", "ledger_kind").rows()
    assert set(entries) == {(*key, kind) for key, kind in kinds.items()}
    without_alarm = [entry for entry in entries if entry[2] != "alarm"]
    assert len(without_alarm) == len(set(without_alarm))
    assert (came["outcome"] == "came").all()
    assert rows["ledger_id"].is_unique().all()
    assert (rows["alert_level"] == "none").equals(rows["ledger_kind"] == "unwarned")
    counts = ledger_counts(rows, 2021)
    assert counts
    assert counts["alarms"] == sum(counts[name] for name in OUTCOMES)
    assert counts["alarms"] == sum(
        status in ("new", "raised") for of_night in alerts.values() for *_, status, _ in of_night
    )
    assert counts["escalations"] == len(kinds)
    of_kinds = [counts[name] for name in ("after_alarm", "under_held_level", "unwarned")]
    assert of_kinds == [list(kinds.values()).count(kind) for kind in LEDGER_KINDS]
    assert min(of_kinds) >= 10


def test_later_nights_change_what_came_and_nothing_that_was_said(con) -> None:
    early, late = known(con, NIGHTS[3]), known(con, NIGHTS[-1])
    assert early.select("ledger_id", "outcome").rows() == [
        ("2021-01-25-MLI.kayes", "came"),
        ("2021-01-25-MLI.menaka", "not_yet_known"),
        ("2021-03-25-MLI.sikasso", "not_yet_known"),
        ("2021-04-25-MLI.sikasso", "not_yet_known"),
    ]
    said = ["ledger_id", "alert_level", "p_escalation", "reason", "source_version"]
    on_both = late.filter(pl.col("ledger_id").is_in(early["ledger_id"].to_list()))
    assert early.select(said).equals(on_both.select(said))


def test_before_the_first_night_it_is_empty() -> None:
    with duckdb.connect() as connection:
        migrate(connection)
        assert ledger(connection, NIGHTS[0]).is_empty()
        assert ledger_counts(pl.DataFrame(), 2021) is None


def test_news_are_what_became_known_since_the_night_before(con) -> None:
    for name, columns in {
        "register_entry": "''::text entry_id, ''::text country_code, ''::text region_id, "
        "null::date entry_date, ''::text register, ''::text entry_type, ''::text title",
        "coup": "''::text coup_id, ''::text country_code, null::date coup_date, true is_successful",
        "presence": "''::text observation_id, ''::text region_id, null::date observed_date, "
        "0.5 presence_share, ''::text cadre",
        "suspension": "''::text suspension_id, ''::text country_code, null::date opened_date, "
        "''::text actor, ''::text measure_type, ''::text status",
    }.items():
        con.execute(
            f"create table core.{name} as select {columns}, null::timestamp known_from, "
            "null::timestamp entered_at limit 0"
        )
    con.execute(
        "insert into core.coup values ('c', 'MLI', '2021-05-24', true, '2021-05-25 04:00', null)"
    )
    before, after = datetime(2021, 5, 20), datetime(2021, 6, 20)
    versions = pl.DataFrame(
        [
            ("added", 3, SIKASSO, after, None),
            ("changed", 1, SIKASSO, before, after), ("changed", 9, KAYES, after, None),
            ("withdrawn", 2, KAYES, before, after),
            ("old", 4, KAYES, before, None),
            ("changed again later", 1, KAYES, before, datetime(2021, 7, 20)),
            ("changed again later", 2, KAYES, datetime(2021, 7, 20), None),
        ],
        schema=["event_id", "deaths_best_count", "region_id", "known_from", "known_to"],
        orient="row",
    ).with_columns(
        source=pl.lit("ucdp_ged"), country_code=pl.lit("MLI"), event_date=pl.lit(date(2021, 5, 2))
    )  # fmt: skip
    end = night_end(NIGHTS[5])
    believed = versions.filter(pl.col("known_from") <= end).with_columns(
        known_to=pl.when(pl.col("known_to") <= end).then("known_to")
    )
    con.register("versions", believed)
    con.execute("create table core.event_version as from versions")
    con.execute(
        "create table mart.signal as select 'region' place_level, 'MLI.kayes' place_id, "
        "'MLI' country_code, 'attacks' as signal, s.state, 'ucdp_ged' as source, "
        "null::date since_date, s.night_from::date night_from, s.night_to::date night_to "
        "from (values "
        "('quiet', '2021-01-25', '2021-06-25'), ('raised', '2021-06-25', null)) "
        "s(state, night_from, night_to)"
    )
    con.execute("alter table mart.source_status add column newest_date date")
    con.execute("alter table mart.source_status add column is_stale boolean")
    con.execute("alter table mart.source_status add column failure text")
    con.execute("alter table mart.alert add column level_before text")
    con.execute("update mart.alert set level_before = 'warning' where alert_status = 'closed'")
    rows = news(con, NIGHTS[5]).select("news_kind", "subject_id", "value_before", "value_now")
    assert rows.sort("news_kind").rows() == [
        ("event_added", "added", None, "3 deaths, MLI.sikasso"),
        ("event_changed", "changed", "1 deaths, MLI.sikasso", "9 deaths, MLI.kayes"),
        ("event_withdrawn", "withdrawn", "2 deaths, MLI.kayes", None),
        ("level", SIKASSO, "warning", "none"),
        ("signal", "attacks", "quiet", "raised"),
        ("source", "ucdp_ged", "21.05", "21.06"),
    ]
    may = news(con, NIGHTS[4])["news_kind"].to_list()
    assert "coup" in may  # it became known on that night's day
    assert news(con, NIGHTS[0]).is_empty()
