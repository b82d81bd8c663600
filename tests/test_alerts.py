"""The life of an alert, worked by hand: what rises at once, what falls after two months."""

from datetime import date
from types import MappingProxyType

import polars as pl
import pytest

from alerts import life
from expectations.judge import judge
from flows.steps import NightVintage, alerts_of_night, keep_night
from indicators.risk.assess import assess
from indicators.risk.vintages import NO_CLOCKS

VERSIONS = MappingProxyType({"boundaries_version": "v1", "model_version": "m1", "rests_on": "u"})


def alerts_by_night(*nights: tuple[str, str, str], stale: tuple[str, ...] = ()) -> list[tuple]:
    """Alerts of one region, night by night: (data month, level, cause) in, what readers see out."""
    previous, rows = life.NO_ALERTS, []
    for number, (month, level, cause) in enumerate(nights):
        night = date(2022, 1, 20 + number)
        flags = pl.DataFrame(
            {
                "region_id": ["MLI.sikasso"],
                "level": [level],
                "p_escalation": [0.2],
                "data_month": [date.fromisoformat(f"{month}-01")],
                "is_stale": [month in stale],
                "cause": [cause],
                **{name: [value] for name, value in VERSIONS.items()},
            }
        )
        previous = life.advance_alerts(flags, previous, night)
        rows.append(
            previous.select("alert_status", "alert_level", "cause").row(0)
            if previous.height
            else None
        )
    return rows


CASES = {
    "rises at once, level by level": (
        [("2021-04", "watch"), ("2021-05", "alarm"), ("2021-05", "alarm")],
        [("new", "watch"), ("raised", "alarm"), ("ongoing", "alarm")],
    ),
    "one quiet month is not enough": (
        [("2021-04", "warning"), ("2021-05", "none"), ("2021-06", "warning")],
        [("new", "warning"), ("ongoing", "warning"), ("ongoing", "warning")],
    ),
    "the same month seen on many nights is one month": (
        [("2021-04", "warning"), ("2021-05", "none"), ("2021-05", "none"), ("2021-05", "watch")],
        [("new", "warning"), *[("ongoing", "warning")] * 3],
    ),
    "two quiet months close it, then it is gone": (
        [("2021-04", "watch"), ("2021-05", "none"), ("2021-06", "none"), ("2021-06", "none")],
        [("new", "watch"), ("ongoing", "watch"), ("closed", "none"), None],
    ),
    "it falls to the higher of the two": (
        [("2021-04", "alarm"), ("2021-05", "watch"), ("2021-06", "none"), ("2021-07", "none")],
        [("new", "alarm"), ("ongoing", "alarm"), ("lowered", "watch"), ("closed", "none")],
    ),
    "an unseen month counts as the second": (
        [("2021-04", "watch"), ("2021-06", "none")],
        [("new", "watch"), ("closed", "none")],
    ),
    "after a fall the next quiet month counts anew": (
        [("2021-04", "alarm"), ("2021-05", "warning"), ("2021-06", "warning"),
         ("2021-07", "none"), ("2021-08", "none")],
        [("new", "alarm"), ("ongoing", "alarm"), ("lowered", "warning"),
         ("ongoing", "warning"), ("closed", "none")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_life(case: str) -> None:
    nights, expected = CASES[case]
    alerts = alerts_by_night(*((month, level, life.NEWS) for month, level in nights))
    assert [alert and alert[:2] for alert in alerts] == expected


def test_what_took_its_ground_away_lowers_at_once_and_is_named() -> None:
    assert alerts_by_night(
        ("2021-04", "alarm", life.NEWS),
        ("2021-04", "watch", life.REVISION),
        ("2021-05", "none", life.MODEL),
    ) == [
        ("new", "alarm", "news"),
        ("lowered", "watch", "revision"),
        ("closed", "none", "model"),
    ]


def test_stale_figures_change_nothing() -> None:
    alerts = alerts_by_night(
        ("2021-04", "watch", life.NEWS),
        ("2021-05", "alarm", life.NEWS),
        ("2021-05", "none", life.NEWS),
        stale=("2021-05",),
    )
    assert [alert[:2] for alert in alerts] == [("new", "watch"), *[("ongoing", "watch")] * 2]


def test_changes_rest_on_the_figures_of_their_night() -> None:
    flags = pl.DataFrame({"region_id": ["a"], "level": ["watch"], "p_escalation": [0.1],
                          "data_month": [date(2021, 4, 1)], "is_stale": [False],
                          "cause": ["news"], **{k: [v] for k, v in VERSIONS.items()}})  # fmt: skip
    first = life.advance_alerts(flags, life.NO_ALERTS, date(2021, 5, 20))
    later = flags.with_columns(p_escalation=0.12, model_version=pl.lit("m2"))
    (row,) = life.advance_alerts(later, first, date(2021, 5, 21)).rows(named=True)
    assert row["changed_p_escalation"] == 0.1
    assert row["model_version"] == "m1"
    assert (row["opened_night"], row["changed_night"]) == (date(2021, 5, 20),) * 2


def test_causes_name_the_model_before_boundaries_before_revisions() -> None:
    before = pl.DataFrame({"region_id": list("abcd"), **{k: [v] * 4 for k, v in VERSIONS.items()}})
    flags = before.with_columns(
        level=pl.lit("watch"),
        model_version=pl.Series(["m2", "m1", "m1", "m1"]),
        boundaries_version=pl.Series(["v2", "v2", "v1", "v1"]),
    )
    unrevised = pl.DataFrame(
        {"region_id": list("abcd"), "level_unrevised": ["none"] * 3 + ["watch"]}
    )
    assert life.causes(flags, before, unrevised)["cause"].to_list() == [
        life.MODEL, life.BOUNDARIES, life.REVISION, life.NEWS,
    ]  # fmt: skip


def test_a_withdrawn_attack_lowers_sikasso_as_a_revision(night, keep, tmp_path) -> None:
    day = date(2021, 6, 25)
    tables = night(day)
    series = tables["mart.indicator"]
    is_may = (pl.col("place_id") == "MLI.sikasso") & (pl.col("month_start") == date(2021, 5, 1))
    is_count = pl.col("indicator") == "events_count"
    revised = series.with_columns(value=pl.when(is_may & is_count).then(0.0).otherwise("value"))
    core = {n.removeprefix("core."): f for n, f in tables.items() if n.startswith("core.")}
    is_withdrawn = pl.col("event_id") == "ucdp_ged:400798"
    events = core["event"].filter(~is_withdrawn)
    until = tables["mart.flag"]["known_until_date"][0]
    assessed = assess(events, core["region"], until, day, is_stale=False).flags
    flags = assessed.with_columns(
        data_month=tables["mart.flag"]["data_month"],
        is_stale=tables["mart.flag"]["is_stale"],
        boundaries_version=tables["mart.flag"]["boundaries_version"],
        rests_on=tables["mart.flag"]["rests_on"],
    )
    none = tables["mart.event_source"]
    later = NightVintage(
        date(2021, 6, 26),
        core,
        tables["mart.source_status"],
        until,
        None,
        NO_CLOCKS,
        pl.DataFrame(),
    )
    with keep(tmp_path / "w.duckdb") as con:
        keep_night(con, day, tables, judge({}))
        alerts = alerts_of_night(con, later, flags, revised, none)
        same = alerts_of_night(con, later, tables["mart.flag"], series, none)
    columns = ("alert_status", "alert_level", "level_before", "cause")
    assert alerts.filter(region_id="MLI.sikasso").select(columns).row(0) == (
        "lowered", "watch", "warning", "revision",
    )  # fmt: skip
    assert alerts.filter(alert_status="ongoing").height == alerts.height - 1 == 13
    assert same["alert_status"].unique().to_list() == ["ongoing"]


def test_sikasso_is_raised_by_news_on_the_founding_night(working) -> None:
    rows = working.execute(
        "select alert_status, alert_level, level_before, cause, opened_night, changed_night "
        "from mart.alert where region_id = 'MLI.sikasso' order by night_from"
    ).fetchall()
    opened = date(2021, 6, 5)
    assert rows == [
        ("new", "watch", "none", "news", opened, opened),
        ("raised", "warning", "watch", "news", opened, date(2021, 6, 25)),
    ]
