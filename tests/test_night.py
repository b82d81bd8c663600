"""The founding case and its neighbours in time, on the embedded data."""

import shutil
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from flows.steps import assess_night
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.revisions import revisions
from warehouse.sources import ucdp_ged
from warehouse.sources.tables import fetch_file

SIKASSO = "MLI.sikasso"


def row(frame: pl.DataFrame, **keys: object) -> dict:
    return frame.filter(**keys).row(0, named=True)


@pytest.fixture(scope="module")
def after(night):
    return night(date(2021, 6, 25))


@pytest.fixture(scope="module")
def before(night):
    return night(date(2021, 6, 5))


def test_sikasso_is_rising_after_the_attack_is_known(after) -> None:
    flag = row(after["mart.flag"], region_id=SIKASSO)
    assert flag["level"] == "warning"
    assert flag["p_escalation"] > flag["p_escalation_before"]
    assert (flag["data_month"], flag["events_count"], flag["deaths_best_count"]) == (
        date(2021, 5, 1),
        1,
        5,
    )
    assert (
        "2021-05-30, Bougouni cercle, 5 deaths, Government of Mali against JNIM" in flag["reason"]
    )


def test_missing_presence_is_shown_as_missing(after) -> None:
    driver_row = row(after["mart.flag_driver"], region_id=SIKASSO, driver="administrator_presence")
    assert (driver_row["value"], driver_row["detail"]) == (
        None,
        "missing: no figure for this region",
    )
    series = after["mart.indicator"].filter(
        pl.col("indicator").str.ends_with("_presence_share"), place_id=SIKASSO
    )
    assert series.height > 0
    assert series["value"].null_count() == series.height


def test_a_figure_of_presence_has_its_age_and_no_register_is_no_zero(after) -> None:
    drivers = after["mart.flag_driver"]
    gao = row(drivers, region_id="MLI.gao", driver="administrator_presence")
    assert gao["detail"].startswith("civil administrators, 2021-02 (4 months old); figure for a")
    open_in = {
        region: row(drivers, region_id=region, driver="aid_suspensions_open")
        for region in ("MLI.gao", "BFA.est", "SEN.dakar")
    }
    assert [open_in[region]["value"] for region in open_in] == [6.0, 0.0, None]
    assert open_in["BFA.est"]["detail"] == "none on file"
    assert open_in["SEN.dakar"]["detail"] == "missing: no register is kept for this time"
    entries = after["core.register_entry"].group_by("register").len().sort("register")
    assert entries.rows() == [
        ("force_mandate", 3), ("local_agreement", 33), ("national_agreement", 11),
        ("national_dialogue", 3), ("state_of_emergency", 26), ("transition_milestone", 46),
    ]  # fmt: skip


def test_rates_are_of_the_residents_on_file_and_missing_without_them(after) -> None:
    regions = after["core.region"]
    assert sorted(regions["population_source"].value_counts().rows(), key=str) == [
        ("cod_ps_population", 93), ("mali_census_2009", 2), (None, 9),
    ]  # fmt: skip
    without = regions.filter(pl.col("population_count").is_null())
    assert without["country_code"].unique().to_list() == ["GNB"]
    rates = after["mart.indicator"].filter(
        indicator="deaths_past12_per_100k", month_start=date(2021, 5, 1)
    )
    rows = {name: row(rates, place_id=name) for name in (SIKASSO, "MLI.menaka", "GNB.gabu")}
    assert rows[SIKASSO]["value"] == pytest.approx(15 / 32.57816)
    assert rows["MLI.menaka"]["value"] == pytest.approx(58 / 0.54456)
    assert rows["GNB.gabu"]["value"] is None
    assert [rows[name]["note"] for name in rows] == ["residents of 2018", "residents of 2009", None]
    assert row(after["mart.flag"], region_id=SIKASSO)["deaths_past12_count"] == 15


def test_suspensions_known_on_the_night_and_no_later(after) -> None:
    spells = after["core.suspension"].filter(country_code="MLI", status="open")
    assert sorted(spells.select("actor", "measure_type", "opened_date").rows()) == [
        ("African Union", "membership", date(2021, 6, 1)),
        ("ECOWAS", "membership", date(2021, 6, 1)),
        ("European Union", "military_cooperation", date(2020, 8, 26)),
        ("France", "military_cooperation", date(2021, 6, 3)),
        ("United States", "military_cooperation", date(2020, 8, 21)),
        ("World Bank", "development_aid", date(2021, 6, 4)),
    ]


def test_the_attack_is_not_known_three_weeks_earlier(before) -> None:
    events = before["core.event"]
    assert events.filter(event_id="ucdp_ged:400798").is_empty()
    assert events["event_date"].max() < date(2021, 5, 1)
    flag = row(before["mart.flag"], region_id=SIKASSO)
    assert (flag["data_month"], flag["level"]) == (date(2021, 4, 1), "watch")


def test_sikasso_is_quiet_in_january_2019(night) -> None:
    assert row(night(date(2019, 1, 25))["mart.flag"], region_id=SIKASSO)["level"] == "none"


def test_counts_agree_with_the_source(night) -> None:
    events = night(date(2023, 1, 20))["core.event"].with_columns(
        year=pl.col("event_date").dt.year()
    )
    mali = events.filter(country_code="MLI", year=2022)
    assert mali.height == 408
    assert dict(mali.group_by("placed_by").len().iter_rows()) == {
        "polygon": 405,
        "name": 1,
        "country": 2,
    }
    named = events.filter(source_admin1_name="Sikasso region").group_by("year").len()
    assert dict(named.iter_rows()) == {2015: 3, 2019: 1, 2020: 2, 2021: 7, 2022: 12}
    placed = events.filter(region_id=SIKASSO).group_by("year").len()
    assert dict(placed.iter_rows()) == dict(named.iter_rows())


def test_country_is_regions_plus_unplaced(after) -> None:
    series = after["mart.indicator"].filter(indicator="events_count")
    whole = dict(
        series.filter(place_level="country").group_by("place_id").agg(pl.sum("value")).iter_rows()
    )
    by_region = dict(
        series.filter(place_level="region")
        .group_by(pl.col("place_id").str.head(3))
        .agg(pl.sum("value"))
        .iter_rows()
    )
    unplaced = dict(
        after["core.event"]
        .filter(pl.col("region_id").is_null())
        .group_by("country_code")
        .len()
        .iter_rows()
    )
    assert whole == {code: n + unplaced.get(code, 0) for code, n in by_region.items()}


def test_a_source_that_ended_is_stale_and_its_series_end(night) -> None:
    tonight = night(date(2026, 11, 24))
    assert row(tonight["mart.source_status"], source="ucdp_ged")["is_stale"]
    assert tonight["mart.flag"]["is_stale"].all()
    assert tonight["mart.indicator"]["month_start"].max() == date(2022, 12, 1)


def test_a_later_release_changes_no_past_night(landing, keep, night, tmp_path) -> None:
    """25.1 as it may come: deaths changed, an event withdrawn, one added to May 2021."""
    flags = night(date(2021, 6, 25))["mart.flag"]
    source = ucdp_ged.SOURCE
    old = source.parse(fetch_file(source, source.address).content, "")
    may = old.filter(pl.col("date_end").dt.month_start() == date(2021, 5, 1))
    added = may.head(20).with_columns(id=pl.col("id") + 9_000_000, best=pl.lit(50, pl.Int64))
    new = old.filter(pl.col("id") != 400798).with_columns(best=pl.col("best") * 3)
    later = tmp_path / "ged251.csv"
    pl.concat([new, added]).write_csv(later)
    folder = shutil.copytree(landing, tmp_path / "landing")
    with keep(tmp_path / "w.duckdb") as con:
        accept([*receive(source, str(later), folder)][-1], folder)
        catch_up(con, source, folder)
        assert assess_night(con, date(2021, 6, 25))["mart.flag"].equals(flags)
        tonight = datetime.now(UTC).date() + timedelta(days=1)
        changes = revisions(con, date(2026, 11, 1), tonight)["change"].value_counts()
        assert dict(changes.iter_rows())["withdrawn"] == 1
        assert dict(changes.iter_rows())["added"] == 20
        assert not assess_night(con, tonight)["mart.flag"].equals(flags)


def test_revisions_between_the_two_releases(warehouse_con) -> None:
    revised = revisions(warehouse_con, date(2024, 6, 1), date(2024, 7, 1))
    assert dict(revised["change"].value_counts().iter_rows()) == {"changed": 171, "added": 25}
    assert row(revised, row_key="42710") == {
        "source": "ucdp_ged",
        "row_key": "42710",
        "year": 2002,
        "change": "changed",
        "country_code": "CIV",
        "region_id": "CIV.haut_sassandra",
        "deaths_before_count": 3,
        "deaths_after_count": 40,
        "has_other_deaths": True,
        "has_other_region": False,
        "has_other_place": False,
        "has_other_date": False,
        "has_other_actors": False,
    }
    # a month becoming due by the declared lag is news, no revision
    assert revisions(warehouse_con, date(2021, 6, 1), date(2021, 6, 25)).is_empty()


def test_unusual_months_are_marked_and_quiet_regions_are_not_judged(after) -> None:
    score = after["mart.indicator"].filter(indicator="aberration")
    judged = score.filter(pl.col("value").is_not_null())
    assert judged.filter(place_id=SIKASSO).is_empty()  # never five events in four months
    mopti = row(score, place_id="MLI.mopti", month_start=date(2019, 1, 1))
    usual, bound = (float(part.split()[-1]) for part in mopti["note"].split(", "))
    counted = row(
        after["mart.indicator"],
        indicator="events_count",
        place_id="MLI.mopti",
        month_start=date(2019, 1, 1),
    )["value"]
    assert usual < bound
    assert mopti["value"] == pytest.approx(counted / bound, rel=0.02)
    assert 0 < (judged["value"] > 1).mean() < 0.5
