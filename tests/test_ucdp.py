"""UCDP as its contract says: files and API, versions found, completeness, replacements.

| statement | held by |
| --- | --- |
| token header mandatory; files need none | test_token |
| pages from 0, or from 1; NextPageUrl or none | test_every_page_once |
| rows are TotalCount | test_pages_that_do_not_add_up |
| HTTP 400 in the middle of paging passes | test_cut_short_and_run_again |
| an unknown version is 404 or TotalCount 0 | test_versions_are_found |
| unknown parameters are ignored: the world is sent | test_other_countries_are_left_out |
| a candidate file without header | test_other_countries_are_left_out |
| monthlies, cumulative, yearly replace each other | test_candidates_then_the_release |
| an unchanged file is not sent again | test_an_unchanged_release_is_no_delivery |
"""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from config.registry import SourceError
from conftest import TODAY
from stand_in import Answer, serving
from stand_in.ucdp import TOKEN, Ucdp, event
from warehouse.client import Client, Limits
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import accept, deliveries, receive
from warehouse.query import table_frame
from warehouse.sources.ucdp_ged import SOURCE, fetch, parse
from warehouse.vintages import complete_until

pytestmark = pytest.mark.usefixtures("asked_in_2026")
SECRETS = {"UCDP_API_TOKEN": TOKEN}


def yearly(count: int, day: str = "2025-05-03") -> list[dict]:
    return [event(number, day) for number in range(1, count + 1)]


def client(folder, secrets=SECRETS) -> Client:
    limits = Limits(timeout=2, tries=3)
    return Client("ucdp_ged", folder, secrets, limits, today=TODAY, sleep=lambda _: None)


def fetched(server, folder, place: str = "api", **changed):
    return list(fetch(SOURCE, f"{server.url}/{place}", client(folder, **changed)))


def test_token(tmp_path) -> None:
    with serving(Ucdp({"26.1": yearly(3)})) as server:
        with pytest.raises(SourceError, match="set UCDP_API_TOKEN; the API needs a token"):
            fetched(server, tmp_path, secrets={})
        assert not server.requests
        with pytest.raises(SourceError, match=r"answered 401 \(API token required"):
            fetched(server, tmp_path, secrets={"UCDP_API_TOKEN": "wrong"})
        assert [f.release.version for f in fetched(server, tmp_path)] == ["26.1"]
        before = len(server.requests)
        assert [f.release.version for f in fetched(server, tmp_path, "downloads")] == ["26.1"]
        assert TOKEN not in str(server.requests[before:])


@pytest.mark.parametrize(
    "server_kind",
    [{}, {"first_page": 1}, {"has_links": False}, {"has_links": False, "first_page": 1}],
    ids=["from 0", "from 1", "from 0, no links", "from 1, no links"],
)
def test_every_page_once(tmp_path, server_kind) -> None:
    rows = yearly(385_918 // 100)  # 4 pages of 1,000
    with serving(Ucdp({"26.1": rows}, **server_kind)) as server:
        (delivery,) = fetched(server, tmp_path)
    assert parse(delivery.content, delivery.url)["id"].to_list() == [row["id"] for row in rows]


def test_386_pages(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("warehouse.sources.ucdp_ged.PAGE_ROWS", 10)
    rows = yearly(3_858)
    with serving(Ucdp({"26.1": rows})) as server:
        (delivery,) = fetched(server, tmp_path)
        pages = [r for r in server.requests if r.path.endswith("26.1")]
    assert len(pages) == 386
    assert parse(delivery.content, delivery.url)["id"].to_list() == [row["id"] for row in rows]


def test_cut_short_and_run_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("warehouse.sources.ucdp_ged.PAGE_ROWS", 10)
    rows = yearly(3_858)
    with serving(Ucdp({"26.1": rows})) as server:
        server.fault, server.fault_from, server.faulty = "500", 200, 3
        with pytest.raises(SourceError, match="answered 500"):
            fetched(server, tmp_path)
        begun = len(server.requests)
        (delivery,) = fetched(server, tmp_path)
        again = [r for r in server.requests[begun:] if r.path.endswith("26.1")]
        assert len(again) == 386 - 200
        assert parse(delivery.content, delivery.url)["id"].to_list() == [row["id"] for row in rows]
        assert not list((tmp_path / "parts").iterdir())
        server.fault_from, server.faulty = len(server.requests) + 38, 2
        server.fault = "400"
        assert fetched(server, tmp_path)[0].content == delivery.content


@pytest.mark.parametrize("wrong", [{"lists_wrong": 1}, {"lists_wrong": -1}, {"repeats": 2}])
def test_pages_that_do_not_add_up(tmp_path, wrong) -> None:
    with (
        serving(Ucdp({"26.1": yearly(2_500)}, **wrong)) as server,
        pytest.raises(SourceError, match="sends other rows than its TotalCount says"),
    ):
        fetched(server, tmp_path)


def test_a_changed_format_is_told(tmp_path) -> None:
    from stand_in import json_answer

    with (
        serving(lambda _: json_answer({"count": 3, "data": []})) as server,
        pytest.raises(SourceError, match="without TotalCount and Result, so its format changed"),
    ):
        fetched(server, tmp_path)
    row = {k: v for k, v in event(1, "2025-01-01").items() if k != "date_end"}
    with serving(Ucdp({"26.1": [row]})) as server:
        (delivery,) = fetched(server, tmp_path)
    with pytest.raises(SourceError, match="column date_end is missing"):
        parse(delivery.content, delivery.url)


@pytest.mark.parametrize("place", ["api", "downloads"])
def test_versions_are_found(tmp_path, place) -> None:
    month = [event(9, "2026-08-03")]
    versions = {"25.1": month, "26.1": month, "26.01.26.03": month, "26.01.26.06": month}
    versions |= {"26.0.3": month, "26.0.7": month, "26.0.8": month, "26.0.10": month, "27.1": []}
    with serving(Ucdp(versions)) as server:
        version_names = [
            (f.release.version, f.release.covers_until) for f in fetched(server, tmp_path, place)
        ]
    assert version_names == [  # not October: September is not there
        ("26.1", date(2025, 12, 31)),
        ("26.01.26.06", date(2026, 6, 30)),
        ("26.0.7", date(2026, 7, 31)),
        ("26.0.8", date(2026, 8, 31)),
    ]
    with (
        serving(Ucdp({"19.1": month})) as server,
        pytest.raises(SourceError, match="has no yearly release of 2024 to 2026"),
    ):
        fetched(server, tmp_path, place)


@pytest.mark.parametrize(
    "absent",
    [Answer(b"denied", 403, "text/plain"), Answer(b"<!DOCTYPE html><p>sorry", 200, "text/html")],
    ids=["403", "a page"],
)
def test_a_month_not_due_is_not_there_yet(tmp_path, absent) -> None:
    ucdp = Ucdp({"26.1": yearly(3), "26.01.26.09": [event(9, "2026-08-03")]})

    def server_kind(request):
        answer = ucdp(request)
        return absent if answer.status == 404 else answer

    with serving(server_kind) as server:
        assert [f.release.version for f in fetched(server, tmp_path, "downloads")] == [
            "26.1", "26.01.26.09",
        ]  # fmt: skip
        del ucdp.releases["26.01.26.09"]  # January's candidates are months late
        with pytest.raises(SourceError, match=r"26_0_1.csv answered (403|a web page)"):
            fetched(server, tmp_path, "downloads")


def test_a_year_ends_before_its_release(tmp_path) -> None:
    month = [event(9, "2026-08-03")]
    names = ["26.1", "26.01.26.12", "27.0.1"]
    with serving(Ucdp(dict.fromkeys(names, month))) as server:
        limits = {"today": date(2027, 2, 21)}
        client = Client("ucdp_ged", tmp_path, SECRETS, **limits)
        versions = [f.release.version for f in fetch(SOURCE, f"{server.url}/downloads", client)]
    assert versions == names


def test_other_countries_are_left_out(tmp_path) -> None:
    rows = [event(1, "2025-01-01"), event(2, "2025-01-02", country_id=501, country="Kenya")]
    candidates = [event(3, "2026-01-02"), event(4, "2026-01-02", country_id=500)]
    server_kind = Ucdp({"26.1": rows, "26.0.1": candidates}, headless={"26.0.1"})
    with serving(server_kind) as server:
        release, month = fetched(server, tmp_path, "downloads")
    assert parse(release.content, release.url)["id"].to_list() == [1]
    assert parse(month.content, month.url)["id"].to_list() == [3]


def arrive(folder, releases, con=None, place: str = "downloads"):
    with serving(Ucdp(releases)) as server:
        batches = list(receive(SOURCE, f"{server.url}/{place}", folder, SECRETS))
    for batch in batches:
        accept(batch, folder)
    if con is not None:
        catch_up(con, SOURCE, folder, batches)
    return batches


def test_an_unchanged_release_is_no_delivery(tmp_path) -> None:
    releases = {"26.1": yearly(5), "26.0.1": [event(9, "2026-01-09")]}
    first = arrive(tmp_path, releases)
    again = arrive(tmp_path, releases)
    assert [batch.is_new for batch in first] == [True, True, True, True]  # 21.1 and 24.1 too
    assert [batch.is_new for batch in again] == [False, False]
    assert [entry.partition for entry in deliveries(SOURCE, tmp_path)] == [
        "",
        "",
        "yearly",
        "26.0.1",
    ]
    changed = {**releases, "26.1": yearly(6)}
    assert [batch.is_new for batch in arrive(tmp_path, changed)] == [True, False]


def test_candidates_then_the_release(tmp_path, monkeypatch) -> None:
    """Region-months of Sikasso before and after; nothing is counted twice, nothing is lost."""
    yearly_events = yearly(3)
    january = [event(101, "2026-01-09"), event(102, "2026-01-20", best=5, deaths_a=3)]
    february = [event(103, "2026-02-11"), event(104, "2026-01-31")]  # a late row of January
    quarter = [january[0], event(102, "2026-01-20", best=8, deaths_a=6), february[0], february[1],
               event(105, "2026-03-02")]  # fmt: skip
    final = [*yearly_events, quarter[0], quarter[1], quarter[3], event(105, "2026-03-03"),
             event(106, "2026-03-09")]  # fmt: skip

    def months(con) -> list[tuple]:
        build_core(con, datetime.now(UTC).date())
        return con.execute(
            "select strftime(event_date, '%Y-%m') m, count(*), sum(deaths_best_count) "
            "from core.event where region_id = 'MLI.sikasso' and event_date >= '2026-01-01' "
            "group by m order by m"
        ).fetchall()

    folder = tmp_path / "landing"
    with warehouse(tmp_path / "w.duckdb") as con:
        arrive(folder, {"26.1": yearly_events, "26.0.1": january, "26.0.2": february}, con)
        assert months(con) == [("2026-01", 3, 11), ("2026-02", 1, 3)]
        assert complete_until(con, SOURCE, date(2026, 11, 24)) == date(2026, 2, 28)
        arrive(folder, {"26.1": yearly_events, "26.01.26.03": quarter}, con)
        assert months(con) == [("2026-01", 3, 14), ("2026-02", 1, 3), ("2026-03", 1, 3)]
        assert complete_until(con, SOURCE, date(2026, 11, 24)) == date(2026, 3, 31)
        april = [event(107, "2026-04-01")]
        arrive(folder, {"26.1": yearly_events, "26.01.26.03": quarter, "26.0.4": april}, con)
        # the next yearly release: 101, 104 confirmed, 102 as corrected, 105 moved, 103 and 107 gone
        before = table_frame(con, "history.ucdp_ged").filter(pl.col("id") > 100).height
        late = Client("ucdp_ged", folder / "ucdp_ged", {}, today=date(2027, 6, 20))
        monkeypatch.setattr("warehouse.landing.Client", lambda *_, **__: late)
        arrive(folder, {"27.1": final}, con)
        assert months(con) == [("2026-01", 3, 14), ("2026-03", 2, 6)]
        versions = table_frame(con, "history.ucdp_ged").filter(pl.col("id") > 100)
        open_ids = versions.filter(pl.col("known_to").is_null())["id"].sort().to_list()
        assert open_ids == [101, 102, 104, 105, 106]
        assert versions.height == before + 2  # 105 moved, 106 new
        assert versions.filter(id=102)["best"].to_list() == [5, 8]
        assert complete_until(con, SOURCE, date(2027, 6, 25)) == date(2026, 12, 31)
