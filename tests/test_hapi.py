"""HAPI's monthly counts: since when a month is whole, and what a file holds in full."""

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from config.registry import Coverage, Fetched, Release
from stand_in.open_data import count
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import QuarantinedRow, accept, deliveries, receive
from warehouse.sources.hapi_conflict import COLUMNS, SOURCE
from warehouse.sources.tables import bundle
from warehouse.vintages import complete_until

ADDRESS = "https://hapi.example"
SINCE = "reference_period_start >= date '2024-01-01'"


def cercle(name: str, month: str, events: int, **changed: Any) -> dict[str, Any]:
    """A count of a cercle of Gao."""
    names = {"provider_admin1_name": "Gao", "admin1_name": "Gao", "provider_admin2_name": name}
    return count(month, events=events, fatalities=0, admin2_name=name, **names, **changed)


MAY = cercle("Ansongo", "2026-05", 4)
ANSONGO = cercle("Ansongo", "2026-06", 9)
BOUREM = cercle("Bourem", "2026-06", 2)
JULY = cercle("Bourem", "2026-07", 0)


class Landed:
    """A warehouse that takes in what is sent on days, at noon."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con, self.folder = con, folder

    def send(self, day: str, *rows: dict[str, Any], url: str = ADDRESS) -> None:
        content = bundle([json.dumps({"data": rows}).encode()])
        release = Release(day, complete_where=SINCE)
        sent = Fetched(content, url, datetime.fromisoformat(f"{day}T12:00"), release)
        for batch in receive(replace(SOURCE, fetch=lambda *_: [sent]), ADDRESS, self.folder):
            accept(batch, self.folder)
        catch_up(self.con, SOURCE, self.folder)

    def events(self, night: str) -> dict[str, float]:
        """Of Gao by month, as known on a night; by both roads, indicators and forecasts."""
        build_core(self.con, date.fromisoformat(night))
        indicator, forecast = (
            dict(self.con.execute(query).fetchall())
            for query in (
                "select strftime(month_start, '%Y-%m'), value from core.external_series "
                "where series = 'acled_political_violence_events' order by all",
                "select strftime(event_date, '%Y-%m') as month, sum(events_count) from "
                "core.auxiliary_count where known_to is null and place_id = 'MLI.gao' "
                "and series = 'hapi_political_violence' group by month order by month",
            )
        )
        assert indicator == forecast
        return indicator

    def known_until(self, night: str) -> date:
        return complete_until(self.con, SOURCE, date.fromisoformat(night))


@pytest.fixture
def landed(tmp_path: Path):
    with warehouse(tmp_path / "w.duckdb") as con:
        yield Landed(con, tmp_path / "landing")


def test_a_count_that_was_final_before_its_month_ended_is_whole_when_sent_again(landed) -> None:
    landed.send("2026-06-26", MAY, ANSONGO, BOUREM)
    assert landed.events("2026-07-20") == {"2026-05": 4}
    assert landed.known_until("2026-07-20") == date(2026, 5, 31)  # June is missing, not zero
    landed.send("2026-07-24", MAY, ANSONGO, BOUREM | {"events": 3}, JULY)
    assert landed.events("2026-07-23") == {"2026-05": 4}  # as known then
    assert landed.known_until("2026-07-23") == date(2026, 5, 31)
    assert landed.events("2026-07-24") == {"2026-05": 4, "2026-06": 12}  # 9 + 3
    assert landed.known_until("2026-07-24") == date(2026, 6, 30)
    versions = "from history.hapi_conflict select * exclude (batch_id) order by all"
    before = landed.con.execute(versions).fetchall()
    assert len(before) == 1 + 2 + 2 + 1
    landed.con.execute("delete from ops.batch; delete from history.hapi_conflict")
    catch_up(landed.con, SOURCE, landed.folder)
    assert landed.con.execute(versions).fetchall() == before


def test_a_month_is_whole_when_its_lag_is_over(landed) -> None:
    """Ten days: what is sent on the first of July knows the last days of June in part."""
    landed.send("2026-06-26", MAY, ANSONGO, BOUREM)
    landed.send("2026-07-09", MAY, ANSONGO, BOUREM | {"events": 3}, JULY)
    assert landed.events("2026-07-09") == {"2026-05": 4}
    assert landed.known_until("2026-07-20") == date(2026, 5, 31)
    landed.send("2026-07-10", MAY, ANSONGO, BOUREM | {"events": 4}, JULY)
    assert landed.events("2026-07-10") == {"2026-05": 4, "2026-06": 13}
    assert landed.known_until("2026-07-20") == date(2026, 6, 30)


def test_an_answer_that_is_the_same_after_the_month_was_not_renewed(landed) -> None:
    """A renewed one has rows of the next month, were they all of zero events."""
    for day in ("2026-06-26", "2026-07-12"):
        landed.send(day, MAY, ANSONGO, BOUREM)
    assert len(deliveries(SOURCE, landed.folder)) == 1
    assert landed.events("2026-07-12") == {"2026-05": 4}
    assert landed.known_until("2026-07-20") == date(2026, 5, 31)


@pytest.mark.parametrize("url", ["/mali.json", ADDRESS])
def test_bytes_that_are_read_again_say_no_more_than_they_did(landed, url: str) -> None:
    """Not even where a person has released a row of it since."""
    content = bundle([json.dumps({"data": [MAY, ANSONGO]}).encode()])
    bad = QuarantinedRow(row=0, row_key=None, rule="r", value="4", sent="{}")
    for day, quarantined in (("2026-06-26", [bad]), ("2026-07-12", [bad]), ("2026-07-13", [])):
        sent = Fetched(content, url, datetime.fromisoformat(day), Release("mali"))
        (batch,) = receive(replace(SOURCE, fetch=lambda *_: [sent]), ADDRESS, landed.folder)  # noqa: B023
        accept(batch.with_quarantined(quarantined), landed.folder)
        catch_up(landed.con, SOURCE, landed.folder)
    assert len(deliveries(SOURCE, landed.folder)) == 2
    assert landed.events("2026-07-14") == {"2026-05": 4}
    landed.send("2026-07-24", MAY, ANSONGO, BOUREM, JULY, url="/july.json")
    assert landed.events("2026-07-24") == {"2026-05": 4, "2026-06": 11}


def test_the_newest_month_is_not_whole_though_it_is_long_over(landed) -> None:
    """HAPI stood still, or an old file was given late: June was counted until its 26th alone."""
    landed.send("2026-08-01", MAY, ANSONGO, BOUREM)
    assert landed.events("2026-08-20") == {"2026-05": 4}
    assert landed.known_until("2026-08-20") == date(2026, 5, 31)
    reasons = landed.con.execute("select reason, rows_count from core.left_out").fetchall()
    assert reasons == [("the month was not over when it was sent, or is the newest", 2)]
    landed.send("2026-08-21", MAY, ANSONGO, BOUREM | {"events": 3}, JULY)
    assert landed.events("2026-08-20") == {"2026-05": 4}
    assert landed.events("2026-08-21") == {"2026-05": 4, "2026-06": 12}
    assert landed.known_until("2026-08-21") == date(2026, 6, 30)


def test_a_country_that_was_not_sent_again_keeps_its_month_open(landed) -> None:
    niger = {"location_code": "NER", "provider_admin1_name": "Tillaberi", "admin1_name": None}
    landed.send("2026-06-26", MAY, ANSONGO, ANSONGO | niger)
    mali = replace(SOURCE, fetch=lambda *_: [Fetched(
        bundle([json.dumps({"data": [MAY, ANSONGO, JULY]}).encode()]), ADDRESS,
        datetime(2026, 7, 24), Release("mali", complete_where=f"{SINCE} and location_code = 'MLI'"),
    )])  # fmt: skip
    for batch in receive(mali, ADDRESS, landed.folder):
        accept(batch, landed.folder)
    catch_up(landed.con, SOURCE, landed.folder)
    assert landed.events("2026-07-24") == {"2026-05": 4, "2026-06": 9}
    assert landed.known_until("2026-07-24") == date(2026, 5, 31)


def test_months_counted_by_an_older_tocsin_are_whole_after_its_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with warehouse(path) as con:
        landed = Landed(con, tmp_path / "landing")
        landed.send("2026-06-26", MAY, ANSONGO)
        landed.send("2026-07-24", MAY, ANSONGO, BOUREM, JULY)
        con.execute("delete from history.hapi_conflict where known_to is not null")
        con.execute("update history.hapi_conflict set known_from = '2026-06-26' where events = 9")
        assert landed.events("2026-07-24") == {"2026-05": 4, "2026-06": 2}  # as it was left
        con.execute("delete from main.migration where number >= 15")
    with warehouse(path) as con:
        landed = Landed(con, tmp_path / "landing")
        catch_up(con, SOURCE, landed.folder)
        assert landed.events("2026-07-24") == {"2026-05": 4, "2026-06": 11}


def test_a_row_that_hdx_marks_as_wrong_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [MAY | {"error": ""}, MAY | {"error": "Duplicate row"}, JULY | {"error": None}]
    (tmp_path / "mali.csv").write_text(pl.DataFrame(rows).write_csv())
    (batch,) = receive(SOURCE, str(tmp_path / "mali.csv"), tmp_path / "landing")
    assert batch.rows["events"].to_list() == [4, 0]
    assert batch.remarks == ["hapi_conflict mali.csv: 1 rows that HDX marks as wrong left out"]


def test_a_file_without_a_row_of_ours_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "mali.csv").write_text(",".join(COLUMNS) + "\n")
    (sent,) = SOURCE.files(SOURCE, tmp_path, Coverage(None, None))
    assert sent.release.complete_where == "false"
    assert sent.remarks == (f"chosen in {tmp_path}: mali.csv",)


def test_a_misspelt_country_takes_no_country_away(tmp_path: Path) -> None:
    """One row of 31 with another country's code: its file does not hold that country."""
    rows = [cercle(f"province {n}", "2026-06", 1, location_code="BFA") for n in range(30)]
    (tmp_path / "burkina.json").write_text(json.dumps({"data": [*rows, ANSONGO]}))
    (sent,) = SOURCE.files(SOURCE, tmp_path, Coverage(None, None))
    assert sent.release.complete_where == (
        "reference_period_start in (date '2026-06-01') and location_code in ('BFA')"
    )
