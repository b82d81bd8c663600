"""Past nights for the map: what came onto file between two, and places that are no more."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from page.nights import nights_as_told
from page.site import COUNT_INDICATORS
from warehouse.query import run_sql
from warehouse.situation import Situation, situation

FIRST, SECOND, THIRD = date(2021, 5, 1), date(2021, 5, 10), date(2021, 5, 20)
VERSIONS = """
    a MLI.gao  3 2021-04-20
    b MLI.gao  2 2021-04-20 2021-05-05 changed: found to be of four deaths
    b MLI.gao  4 2021-05-05
    c MLI.gao  7 2021-05-02 2021-05-06 added and changed before the second night
    c MLI.gao  9 2021-05-06
    d MLI.gao  1 2021-05-03 2021-05-04 came and left
    e BFA.nord 6 2021-05-10 2021-05-11 added on the second night, withdrawn after it
    f None     5 2021-05-20
""".strip().splitlines()


def test_between_two_nights_an_event_is_added_changed_or_withdrawn() -> None:
    rows = [[*line.split(maxsplit=5), None][:5] for line in VERSIONS]
    frame = pl.DataFrame(
        [
            {
                "event_id": event,
                "country_code": region[:3] if region != "None" else "MLI",
                "region_id": region if region != "None" else None,
                "deaths_best_count": int(deaths),
                "known_from": known_from,
                "known_to": known_to if known_to and known_to[0] == "2" else None,
            }
            for event, region, deaths, known_from, known_to in rows
        ]
    ).with_columns(pl.col("known_from", "known_to").str.to_datetime("%Y-%m-%d"))
    with duckdb.connect() as con:
        con.register("past_events", frame.filter(pl.col("known_to").is_not_null()))
        con.register("events", frame.filter(pl.col("known_to").is_null()).drop("known_to"))
        told = run_sql(con, "situation/night_event", nights=[FIRST, SECOND, THIRD]).fetchall()
    assert sorted(told, key=str) == [
        (SECOND, "BFA", "BFA.nord", 1, 6, 0, 0),
        (SECOND, "MLI", "MLI.gao", 1, 9, 1, 0),
        (THIRD, "BFA", "BFA.nord", 0, 0, 0, 1),
        (THIRD, "MLI", None, 1, 5, 0, 0),
    ]


@pytest.fixture(scope="module")
def of_two_nights(published: Path) -> Situation:
    return situation(published, None, COUNT_INDICATORS)


def test_a_region_that_is_on_the_map_no_more_is_counted(of_two_nights: Situation) -> None:
    whole = nights_as_told(of_two_nights, is_wide=False)
    assert whole["left_out"] == 0
    flags = of_two_nights.flags.filter(pl.col("region_id") != "MLI.gao")
    told = nights_as_told(replace(of_two_nights, flags=flags), is_wide=False)
    assert told["left_out"] == 1
    assert told["places"] == [place for place in whole["places"] if place != "MLI.gao"]
    assert {len(night["levels"]) for night in told["nights"]} == {len(told["places"])}


def test_a_country_has_its_gravest_level_and_all_its_events(of_two_nights: Situation) -> None:
    told = nights_as_told(of_two_nights, is_wide=True)
    mali = told["places"].index("MLI.country")
    states = of_two_nights.night_states.filter(country_code="MLI", as_of_date=date(2021, 6, 25))
    newest = told["nights"][-1]
    assert newest["levels"][mali] == "2"  # Sikasso, Kidal: warning
    assert newest["unsure"][mali] == "0"  # Ménaka may not be quiet, but Mali is not silent
    assert newest["deaths"][mali] == states["deaths_past12_count"].sum() > 1000
    assert newest["chances"][mali] == round(100 * states["p_escalation"].max())
