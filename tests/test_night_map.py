"""Past nights for the map: what came onto file between two, and places that are no more."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from config.registry import WORLD
from page.nights import nights_as_told
from page.pictures import past_forecasts
from page.site import COUNT_INDICATORS
from warehouse.connect import load_spatial, migrate
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
        changes = run_sql(con, "situation/night_event", nights=[FIRST, SECOND, THIRD]).fetchall()
    assert sorted(changes, key=str) == [
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
    packed = nights_as_told(replace(of_two_nights, flags=flags), is_wide=False)
    assert packed["left_out"] == 1
    assert packed["places"] == [place for place in whole["places"] if place != "MLI.gao"]
    assert {len(night["levels"]) for night in packed["nights"]} == {len(packed["places"])}


def test_a_country_has_its_gravest_level_and_all_its_events(of_two_nights: Situation) -> None:
    packed = nights_as_told(of_two_nights, is_wide=True)
    mali = packed["places"].index("MLI.country")
    states = of_two_nights.night_states.filter(country_code="MLI", as_of_date=date(2021, 6, 25))
    newest = packed["nights"][-1]
    assert newest["levels"][mali] == "2"  # Sikasso, Kidal: warning
    assert newest["unsure"][mali] == "0"  # Ménaka may not be quiet, but Mali is not silent
    assert newest["deaths"][mali] == states["deaths_past12_count"].sum() > 1000
    assert newest["chances"][mali] == round(100 * states["p_escalation"].max())


def test_a_past_nights_forecast_stands_beside_what_came(of_two_nights: Situation) -> None:
    """Of a month its last night; what came is counted only where the figures reach far enough."""
    of_sikasso = of_two_nights.night_states.filter(
        region_id="MLI.sikasso", as_of_date=date(2021, 6, 25)
    )
    nights = [  # night, its window, expected
        (date(2020, 5, 5), date(2020, 5, 6), date(2020, 8, 3), 9.0),  # not the last of its month
        (date(2020, 5, 25), date(2020, 5, 26), date(2020, 8, 23), 1.0),
        (date(2020, 6, 25), date(2020, 6, 26), date(2020, 9, 23), None),  # told by an older Tocsin
        (date(2020, 11, 25), date(2020, 11, 26), date(2021, 2, 23), 2.0),  # nothing in its window
        (date(2021, 3, 2), date(2021, 3, 3), date(2021, 5, 31), 3.0),  # known to its last day
        (date(2021, 6, 25), date(2021, 6, 26), date(2021, 9, 23), 4.0),
    ]
    states = pl.concat(
        of_sikasso.with_columns(
            as_of_date=pl.lit(night),
            window_start_date=pl.lit(first),
            window_end_date=pl.lit(last),
            events_next3_mean=pl.lit(mean, dtype=pl.Float64),
        )
        for night, first, last, mean in nights
    )
    days = ("2020-05-25", "2020-05-26", "2020-08-23", "2020-08-24", "2021-05-31", "2021-06-01")
    events = pl.DataFrame(
        {"region_id": ["MLI.sikasso"] * 6 + ["MLI.gao"], "event_date": [*days, "2021-05-01"]}
    ).with_columns(pl.col("event_date").str.to_date())
    shown = past_forecasts(replace(of_two_nights, night_states=states, events=events))
    assert shown.select("as_of_date", "events_next3_mean", "events_window_count").rows() == [
        (date(2020, 5, 25), 1.0, 2),
        (date(2020, 11, 25), 2.0, 0),
        (date(2021, 3, 2), 3.0, 1),
        (date(2021, 6, 25), 4.0, None),
    ]
    of_older = states.with_columns(events_next3_mean=pl.lit(None, pl.Float64))
    assert past_forecasts(replace(of_two_nights, night_states=of_older)).is_empty()


def test_coasts_and_borders_outside_the_area_are_on_its_map(of_two_nights: Situation) -> None:
    """Near Lagos and on the Nigerian side of Lake Chad; not in the sea, not along the frame."""
    (lines,) = of_two_nights.around["geojson"]
    places = {
        "Lagos": (3.4, 6.42),
        "Nigeria and Cameroon": (14.6, 11.5),
        "Sierra Leone": (-13.2, 8.5),
    }
    with duckdb.connect() as con:
        load_spatial(con)
        away = {
            name: con.execute(
                "select st_distance(st_geomfromgeojson($1), st_point($2, $3))", [lines, *place]
            ).fetchone()
            for name, place in {**places, "sea": (-10.0, 4.8), "frame": (8.0, 25.3)}.items()
        }
    assert {name: distance < 0.25 for name, (distance,) in away.items()} == {
        **dict.fromkeys(places, True), "sea": False, "frame": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("codes", "has_lines"),
    [(["MLI"], True), (["NRU"], False), (["FJI"], False), (["RUS", "NOR"], False)],
)
def test_an_island_and_an_area_across_180_degrees_have_none(codes, has_lines) -> None:
    with duckdb.connect() as con:
        load_spatial(con)
        con.register("regions", pl.read_parquet(WORLD).filter(pl.col("country_code").is_in(codes)))
        (lines,) = run_sql(con, "situation/around", world=str(WORLD)).fetchone()
    assert (lines is not None) == has_lines


def test_series_end_where_the_figures_end_however_old_they_are() -> None:
    """Two years of figures that ended four years before the night, all of them quiet."""
    night, months = (
        date(2026, 11, 30),
        pl.date_range(date(2019, 1, 1), date(2022, 12, 1), "1mo", eager=True),
    )
    rows = pl.DataFrame({"month_start": months}).with_columns(
        indicator=pl.lit("events_count"),
        place_id=pl.lit("MLI.kayes"),
        place_level=pl.lit("region"),
        value=pl.lit(0.0), night_from=pl.lit(night), night_to=pl.lit(None, pl.Date),
    )  # fmt: skip
    with duckdb.connect() as con:
        migrate(con)
        con.register("indicators", rows)
        con.register("past_indicators", rows.clear())
        of_night = {"night": night, "indicators": ["events_count"]}
        series = run_sql(con, "situation/series", **of_night).pl()["month_start"]
        assert (series.min(), series.max()) == (date(2021, 1, 1), date(2022, 12, 1))
        earlier = {**of_night, "night": date(2023, 1, 20)}  # as old as figures usually are
        con.register("indicators", rows.with_columns(night_from=pl.lit(date(2023, 1, 20))))
        assert run_sql(con, "situation/series", **earlier).pl()["month_start"].min() == date(
            2020, 11, 1
        )
