"""A reader's own line: what it may say, its chance as known then, its price by hand, its words."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.wording.lines import line_rows, line_words
from config.lines import Line, line_of
from config.recipients import load_recipients
from config.settings import SettingsError
from flows.backtest import origin_of
from flows.lines import lines_of, past_means
from flows.step_cache import NO_CACHE, StepCache
from indicators.risk.line_price import line_nights, line_price
from indicators.risk.lines import (
    is_within,
    line_chances,
    line_series,
    sum_probability,
    version_days,
)
from indicators.risk.vintages import NONE_AROUND, Origin
from made_lines import CIRCLE, GAO, made_lines
from page.site import _environment as page_environment
from warehouse.query import table_frame

ENTRY = {"regions": ["MLI.gao"], "quantity": "events", "at_least": 3, "windows": 3, "chance": 0.4}
POINT = {"regions": [], "latitude": 11.42, "longitude": -7.48, "within_km": 50}
WRONG = {
    "a region misspelt": ({"regions": ["MLI.goa"]}, "regions 'MLI.goa' is no region; nearest: "),
    "its name": ({"regions": ["Menaka"]}, "nearest: MLI.menaka (Ménaka)"),
    "a country": ({"countries": ["MAL"]}, "countries 'MAL' is no country that is watched; "),
    "no list": ({"regions": "MLI.gao"}, "regions 'MLI.gao' must be a list of ids"),
    "nowhere": ({"regions": []}, "name places: either regions and countries, or a circle"),
    "both": (POINT | {"regions": ["MLI.gao"]}, "name places: either"),
    "twice": ({"countries": ["MLI"]}, "regions MLI.gao would count twice"),
    "half a circle": (POINT | {"within_km": None}, "within_km None must be a number from 1 to"),
    "a point": (POINT | {"within_km": 0}, "within_km 0 must be a number from 1 to 2000"),
    "off the globe": (POINT | {"latitude": 114.2}, "latitude 114.2 must be a number from -90"),
    "nought": ({"at_least": 0}, "at_least 0 must be a whole number of 1 or more"),
    "half": ({"at_least": 2.5}, "at_least 2.5 must be a whole number of 1 or more"),
    "seven": ({"windows": 7}, "windows 7 must be a whole number from 1 to 6 (of thirty"),
    "per cent": ({"chance": 40}, "chance 40 must be a share above 0 and below 1, such as 0.4 for"),
    "sure": ({"chance": 1.0}, "chance 1.0 must be a share"),
    "never": ({"chance": 0}, "chance 0 must be a share"),
    "no number": ({"chance": float("nan")}, "chance nan must be a share"),
    "other": ({"quantity": "refugees"}, "quantity 'refugees' is not one of events, "),
    "a field": ({"atleast": 3}, "unknown field atleast; nearest: at_least"),
    "an address": ({"name": "for a@b.org"}, "name 'for a@b.org' must be at most 80 signs"),
    "two lines": ({"name": "Gao\nBcc: x"}, "must be at most 80 signs in one line"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_line_that_cannot_be_meant_says_what_to_write(case: str) -> None:
    change, says = WRONG[case]
    with pytest.raises(SettingsError, match=r"^here: ") as excinfo:
        line_of(ENTRY | change, "here")
    assert says in str(excinfo.value)


def test_a_line_stands_under_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "recipients.toml"
    reader = '[[recipient]]\naddress = "{}"\nlanguage = "fr"\n'
    line = '[[recipient.line]]\nregions = ["MLI.gao"]\nat_least = 3\nwindows = 3\nchance = {}\n'
    both = reader.format("a@b.org") + line.format(0.4) + reader.format("c@d.org")
    path.write_text(both + line.format(0.4) + line.format(0.2), "utf-8")
    readers = load_recipients(path)
    assert [[one.chance for one in reader.lines] for reader in readers] == [[0.4], [0.4, 0.2]]
    assert lines_of(readers) == [line_of(ENTRY, ""), line_of(ENTRY | {"chance": 0.2}, "")]
    for wrong, says in (
        (line.format(4), f"{path}: recipient 2: line 1: chance 4 must be"),
        (line.format(0.4) * 2, "recipient 2: line 2: says what another says; keep one"),
        ("line = 3\n", "recipient 2: line: write [[recipient.line]] above each"),
    ):
        path.write_text(both + wrong, "utf-8")
        with pytest.raises(SettingsError, match=re.escape(says)):
            load_recipients(path)


def nights_by_hand() -> pl.DataFrame:
    """Two years of nights thirty days apart, of a line of one window of thirty days."""
    first = date(2018, 1, 1)
    passed = {3, 4, 10, 18, 19, 23}
    reached = {4: 12, 5: 3, 12: 20, 19: 30, 20: 1}  # night -> days until the number was reached
    rows = []
    for number in range(24):
        night = first + timedelta(days=30 * number)
        rows.append(
            {
                "replay_date": night,
                "p_reached": 0.5 if number in passed else 0.1,
                "is_passed": number in passed,
                "is_mail": number in passed and number - 1 not in passed,
                "observed_count": None if number == 23 else 0,
                "reached_date": night + timedelta(days=reached[number])
                if number in reached else None,
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"observed_count": pl.Int64})


def test_a_price_is_counted_from_single_nights() -> None:
    """Mails on nights 3, 10, 18; the last night, 23, is not over: 23 nights are 23 / 12 years.

    After none of these three the number came within thirty days. It was reached three times, after
    nights 4-5, 12 and 19-20. Before 4 and 19 the line stood passed, for 4 and 19 themselves lie
    within the thirty days before that day; before 12 it did not: one was missed.
    """
    price = line_price(nights_by_hand(), 1)
    counts = {name: value for name, value in price.items() if name.endswith("_count")}
    assert counts == {
        "priced_nights_count": 23, "passed_nights_count": 5, "mails_count": 3, "came_count": 0,
        "reached_count": 3, "missed_count": 1, "reached_nights_count": 5,
    }  # fmt: skip
    assert price["mails_per_year"] == pytest.approx(3 / (23 / 12))
    assert price["mails_per_year_low"] == pytest.approx(0.8177 / (23 / 12), abs=1e-4)  # Garwood
    assert price["mails_per_year_high"] == pytest.approx(7.7537 / (23 / 12), abs=1e-4)
    assert price["return_years"] == pytest.approx(23 / 12 / 3)
    assert price["return_years_high"] == pytest.approx(23 / 12 / 0.8177, abs=1e-3)
    assert (price["came_share_low"], price["lead_days_median"]) == (pytest.approx(0.0), None)
    assert (price["priced_from_date"], price["priced_until_date"]) == (
        date(2018, 1, 1), date(2018, 1, 1) + timedelta(days=22 * 30),
    )  # fmt: skip
    longer = line_price(nights_by_hand(), 3)  # in ninety days the mail of night 10 was in time
    assert longer["missed_count"] == 0


def test_a_number_never_reached_cannot_be_priced_and_nought_nights_neither() -> None:
    calm = nights_by_hand().with_columns(
        reached_date=pl.lit(None, pl.Date), is_passed=False, is_mail=False
    )
    price = line_price(calm, 1)
    assert (price["reached_count"], price["return_years"]) == (0, None)
    assert price["return_years_low"] == pytest.approx(23 / 12 / 2.9957, abs=1e-4)
    empty = line_price(calm.head(0), 1)
    assert (empty["priced_nights_count"], empty["mails_per_year"]) == (0, None)


@pytest.fixture(scope="module")
def mali(warehouse_con) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Versions of Mali's events and its regions: small enough for a replay in a test."""
    versions = table_frame(warehouse_con, "core.event_version").filter(country_code="MLI")
    return versions, table_frame(warehouse_con, "core.region").filter(country_code="MLI")


LINES = [
    replace(GAO, at_least=10, windows=3, chance=0.4),
    Line("events", 2, 3, 0.4, regions=("MLI.sikasso",)),
    Line("events", 40, 3, 0.4, countries=("MLI",)),
    Line("events", 2, 3, 0.4, latitude=14.35, longitude=-3.6, within_km=100.0),
]
NIGHTS = [
    *(origin_of(date(year, month, 1)) for year in range(2013, 2021) for month in (1, 4, 7, 10)),
    Origin(date(2021, 6, 25), date(2021, 5, 31)),
]


@pytest.fixture(scope="module")
def replayed(mali):
    """Versions, means of all nights, and the lines' series and chances from 2018 on."""
    known = version_days(*mali, NONE_AROUND, "events")
    past = past_means(known, NIGHTS, "events", 3)
    series = [line_series(line, known, past) for line in LINES]
    rows = [n for n, o in enumerate(NIGHTS) if o.night.year >= 2017]
    return known, past, series, line_chances(series, known, past, rows), rows


def test_a_past_night_is_told_as_it_would_have_been_told_then(mali, replayed) -> None:
    """Each of two nights again from what was known then alone: the versions of its evening."""
    _, _, _, chances, rows = replayed
    for number in (rows[3], rows[-1]):
        origin = NIGHTS[number]
        known_then = mali[0].filter(pl.col("known_from").dt.date() <= origin.night)
        known_then = known_then.with_columns(
            known_to=pl.when(pl.col("known_to").dt.date() <= origin.night).then("known_to")
        )
        then = version_days(known_then, mali[1], NONE_AROUND, "events")
        past = past_means(then, NIGHTS[: number + 1], "events", 3)
        series = [line_series(line, then, past) for line in LINES]
        tonight = line_chances(series, then, past, [number])
        for of_replay, of_night in zip(chances, tonight, strict=True):
            column = rows.index(number)
            assert of_replay.probability[column] == pytest.approx(of_night.probability[0], abs=1e-9)


def test_a_price_follows_from_chances_and_events_of_single_nights(mali, replayed) -> None:
    known, past, series, chances, rows = replayed
    gao = line_nights(series[0], chances[0], known, past)
    price = line_price(gao, 3)
    events = mali[0].filter(
        pl.col("known_to").is_null() | (pl.col("known_to").dt.date() > date(2021, 6, 25)),
        pl.col("known_from").dt.date() <= date(2021, 6, 25),
        pl.col("region_id").is_in(["MLI.gao", "MLI.menaka"]),
    )
    days = sorted(events["event_date"].to_list())
    passed = [n for n, p in zip(rows, chances[0].probability, strict=True) if p >= 0.4]
    mails, came, leads = 0, 0, []
    for number in rows:
        night = NIGHTS[number].night
        if night + timedelta(days=90) > date(2021, 5, 31):
            continue
        after = [day for day in days if night < day <= night + timedelta(days=90)]
        if number in passed and number - 1 not in passed:
            mails += 1
            came += len(after) >= 10
            leads += [(after[9] - night).days] if len(after) >= 10 else []
    assert (price["mails_count"], price["came_count"]) == (mails, came)
    assert mails > 0
    assert price["lead_days_median"] == (np.median(leads) if leads else None)


def test_chances_come_as_often_as_they_say(mali, replayed) -> None:
    """Three events in ninety days, in each region of Mali and all of it: said and came."""
    known, past, _, _, rows = replayed
    regions = mali[1]["region_id"].to_list()
    places = [*((region,) for region in regions), tuple(regions)]
    lines = [Line("events", 3, 3, 0.5, regions=chosen) for chosen in places]
    series = [line_series(line, known, past) for line in lines]
    whole = [n for n in rows if NIGHTS[n].night + timedelta(days=90) <= date(2021, 5, 31)]
    said, came = [], []
    for one, chances in zip(series, line_chances(series, known, past, whole), strict=True):
        nights = line_nights(one, chances, known, past)
        said.append(chances.probability)
        came.append(nights["reached_date"].is_not_null().to_numpy())
    p, y = np.concatenate(said), np.concatenate(came)
    assert ((p - y) ** 2).mean() < 0.7 * y.mean() * (1 - y.mean())  # Brier against climatology
    assert abs(p.mean() - y.mean()) < 0.06
    for low, high in ((0.0, 0.2), (0.2, 0.7), (0.7, 1.01)):
        chosen = (p >= low) & (p < high)  # 46 to 70 chances, of windows that overlap
        assert abs(p[chosen].mean() - y[chosen].mean()) < 0.16, (low, high)


def test_a_circle_holds_what_is_placed_well_enough_within_it(mali) -> None:
    """On a meridian a degree is 111.2 km: 0.44 of it are 48.9 km, 0.46 are 51.2 km."""
    versions = (
        mali[0]
        .head(4)
        .with_columns(
            latitude=pl.Series([11.42, 11.86, 11.88, 11.42]),
            longitude=pl.lit(-7.48),
            where_prec=pl.Series([1, 3, 1, 4]),  # the last is known to its region only
        )
    )
    known = version_days(versions, mali[1], NONE_AROUND, "events")
    assert is_within(known, 11.42, -7.48, 50.0).tolist() == [True, True, False, False]


def test_the_chance_of_a_sum_by_hand() -> None:
    """NB1 with M = 2, phi = 1: alpha = 1/2, size 2, p = 1/2: P(0) = 1/4, P(1) = 1/4."""
    two = sum_probability(np.full(3, 2.0), np.ones(3), 1)
    assert two.round(6).tolist() == [0.75] * 3
    assert sum_probability(np.array([2.0]), np.array([1.0]), 2).round(6).tolist() == [0.5]


def test_what_is_known_of_past_nights_is_not_worked_out_again(mali, tmp_path, monkeypatch) -> None:
    known = version_days(*mali, NONE_AROUND, "deaths_civilians")
    cache = StepCache(tmp_path)
    first = past_means(known, NIGHTS[-3:], "deaths_civilians", 1, cache)
    monkeypatch.setattr("indicators.risk.lines.origin_mean", None)  # would fail if called
    again = past_means(known, NIGHTS[-3:], "deaths_civilians", 1, cache)
    assert (again.mean == first.mean).all()
    newest = mali[0].with_columns(deaths_civilians_count=pl.lit(1, pl.Int64))
    changed = version_days(newest, mali[1], NONE_AROUND, "deaths_civilians")
    with pytest.raises(TypeError):
        past_means(changed, NIGHTS[-3:], "deaths_civilians", 1, cache)
    with pytest.raises(TypeError):
        past_means(known, NIGHTS[-3:], "deaths_civilians", 1, NO_CACHE)


def in_words(row: dict, language: str) -> str:
    said = str(line_words(language).sentence(row))
    return " ".join(said.replace("\N{NARROW NO-BREAK SPACE}", " ").split())


def test_a_line_and_its_price_in_words() -> None:
    passed, never = line_rows(made_lines()["mart.line"])
    assert in_words(passed, "en") == (
        "Gao and Ménaka together: at least 10 events from 26 June to 23 September 2021: chance 45% "
        "(the line: 40%). Since February 2018 this line would have been passed 2.9 times a year, "
        "in all on 14 of 37 nights; 5 of 9 came (30% to 78%), 34 days ahead (median); "
        "missed: 3 of 8. The number was reached 2.6 times a year (1.3 to 4.8)."
    )
    assert in_words(passed, "fr") == (
        "Gao et Ménaka ensemble : au moins 10 incidents du 26 juin au 23 septembre 2021 : "
        "probabilité 45 % (la ligne : 40 %). Depuis février 2018 cette ligne aurait été franchie "
        "2,9 fois par an, en tout 14 nuits sur 37 ; réalisées : 5 sur 9 (30 % à 78 %), 34 "
        "jours à l'avance (médiane) ; manquées : 3 sur 8. Le nombre a été atteint 2,6 fois par an "
        "(1,3 à 4,8)."
    )
    assert in_words(never, "en") == (
        "50 km around 11.42° N, 7.48° W: at least 25 deaths of civilians from 26 June to 24 "
        "September 2021: chance < 1% (the line: 30%). Since February 2018 the number was never "
        "reached, so that the line cannot be priced: once in 1.1 years at most (at 95%)."
    )
    unpriced = {**passed, "priced_nights_count": 0}
    assert "It cannot be priced: no past night" in in_words(unpriced, "en")
    hot = {**passed, "reached_nights_count": 36}
    assert "After 36 of 37 nights the number was reached: a larger one" in in_words(hot, "en")


ROW = line_rows(made_lines()["mart.line"])[0]


@settings(max_examples=50)
@given(name=st.text(max_size=80), language=st.sampled_from(["en", "fr"]))
def test_a_hostile_name_reaches_no_page_unescaped(name: str, language: str) -> None:
    title = page_environment(language).get_template("lines.j2").module.title
    html = str(title(ROW | {"line_name": f"{name}<script>&\"'"}))
    assert "<" not in html
    assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069]", html)


def test_a_circle_of_a_reader_counts_once_for_whoever_asks() -> None:
    same = replace(CIRCLE, name="another")
    assert same.line_id == CIRCLE.line_id != replace(CIRCLE, within_km=51.0).line_id
