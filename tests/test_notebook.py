"""The analyst's notebook runs on a published file; what it shows is what the file says."""

import importlib.util
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
import vl_convert

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.py"


@pytest.fixture(scope="module")
def shown(published: Path) -> dict:
    """What the notebook defines when it is run on the founding night."""
    return run(published)


def run(published: Path) -> dict:
    specification = importlib.util.spec_from_file_location("notebook", NOTEBOOK)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    _, defined = module.app.run(defs={"published": published})
    return {name: defined[name] for name in defined}


def test_the_founding_case_side_by_side(shown) -> None:
    months = shown["months"]
    assert (months.height, months["month_start"][-1]) == (24, date(2021, 5, 1))
    last = months.row(-1, named=True)
    assert (last["events_count"], last["deaths_best_count"]) == (1, 5)
    assert months["presence_share"].null_count() == 24
    assert (last["military_suspended"], last["days_since_coup"]) == (2, 10)
    coups = shown["spells"].filter(measure="coup")["opened"].to_list()
    assert coups == [date(2020, 8, 18), date(2021, 5, 21)]
    france = shown["spells"].filter(pl.col("what").str.starts_with("France"))
    assert france["opened"].to_list() == [date(2021, 6, 3)]
    panels = shown["side_by_side"].to_dict()["vconcat"]
    titles = [panel["title"] for panel in panels]
    assert titles == ["Attacks a month", "Coups, suspensions and sanctions"]  # no presence figure


def test_it_opens_with_the_board(shown, published: Path) -> None:
    source = NOTEBOOK.read_text("utf-8")
    assert source.index("board_chart,") < source.index("mo.ui.dropdown(")
    board = shown["board"]
    with duckdb.connect(published, read_only=True) as con:
        levels, deadliest = con.execute(
            "select (select count(*) from alerts where alert_level <> 'none'), count(*) from ("
            "select region_id from flags order by deaths_past12_count desc, region_id limit 10"
            ") where region_id not in (select region_id from alerts where alert_level <> 'none')"
        ).fetchone()
    places = board["place"].unique(maintain_order=True).to_list()
    assert places[0] == "Whole area"
    assert len(places) == 1 + levels + deadliest
    assert board.height == 16 * len(places) - 1  # the whole area has no neighbours
    aid = board.row(
        by_predicate=(pl.col("place") == "Sikasso, MLI") & (pl.col("signal") == "aid_suspended")
    )
    assert ("warning" in aid, "grave" in aid) == (True, True)
    picture = vl_convert.vegalite_to_svg(shown["board_chart"].to_json())
    assert picture.count('fill="#37474f"') == board.filter(state="grave").height + 1  # its legend


def test_the_fan_and_the_flags_of_two_nights(shown, published: Path) -> None:
    with duckdb.connect(published, read_only=True) as con:
        (mean,) = con.execute(
            "select events_mean from forecasts where region_id = 'MLI.sikasso' "
            "and model = 'combined' and horizon_months = 1"
        ).fetchone()
    assert shown["fan"]["events_mean"][0] == mean
    assert len(shown["fan_chart"].to_dict()["layer"]) == 5
    sikasso = shown["changed"].row(by_predicate=pl.col("region") == "Sikasso", named=True)
    assert (sikasso["level_before"], sikasso["level_now"]) == ("watch", "warning")
    assert (round(sikasso["chance_before"], 2), round(sikasso["chance_now"], 2)) == (0.18, 0.25)


def test_how_often_levels_came_true(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.duckdb"
    shutil.copy(published, path)
    with duckdb.connect(path) as con:  # ninety days later; what came is more than was asked
        con.execute("update flags set known_until_date = '2021-09-30'")
        for number in range(9):
            con.execute(
                "insert into events by name select * replace (event_id || $1 as event_id, "
                "date '2021-07-15' as event_date) from events where event_id = 'ucdp_ged:400798'",
                [f".{number}"],
            )
        (warnings,) = con.execute("select count(*) from flags where level = 'warning'").fetchone()
        con.execute("insert into scorecard by name select 'escalation' as target, 'auc' as measure")
    came = {row[0]: row[1:] for row in run(path)["came_true"].iter_rows()}
    assert list(came) == ["none", "watch", "warning"]
    flagged, passed, true = came["warning"]
    assert passed == flagged >= warnings  # the ninety days after 5 June have passed too
    assert true == 1
    assert came["watch"][2] == 1  # Sikasso, as told on 5 June


def test_without_a_published_file_it_says_what_to_do(tmp_path: Path) -> None:
    page = tmp_path / "notebook.html"
    exported = subprocess.run(
        [sys.executable, "-m", "marimo", "export", "html", str(NOTEBOOK), "-o", str(page)],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert "There is no published file at" in page.read_text("utf-8")
    assert "MarimoSQLError" not in exported.stderr
    assert "IOException" not in exported.stderr


def test_it_is_as_marimo_writes_it(tmp_path: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", str(NOTEBOOK)],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
