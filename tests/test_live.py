"""HAPI, FTS, VIEWS, ReliefWeb, Powell & Thyne as their contracts say.

| source | statement | held by |
| --- | --- | --- |
| HAPI | identifier; 403 without | test_hapi_identifier |
| HAPI | 10,000 rows a request, no total: windows and offset | test_hapi_windows |
| HAPI | a filter may be ignored | test_hapi_filters |
| HAPI | kinds overlap; newest month partial; names, not codes | test_hapi_series |
| FTS | nextLink, count, status | test_fts_pages |
| FTS | shared flows are not added up; month of decision | test_fts_series |
| VIEWS | runs not in order of time; month 00 | test_views_runs |
| VIEWS | row_count; last page may be empty; all countries | test_views_rows |
| VIEWS | a run does not change | test_views_once |
| ReliefWeb | approved name; totalCount | test_reliefweb |
| Powell & Thyne | tabs, quotes, no last line break; 2 is success | test_coups |
"""

from datetime import UTC, date, datetime

import pytest

from config.registry import Source, SourceError
from conftest import TODAY
from stand_in import FAULTS, serving
from stand_in.open_data import (
    APPNAME,
    IDENTIFIER,
    Fts,
    Hapi,
    ReliefWeb,
    Views,
    ahead,
    count,
    coups,
    flow,
    report,
)
from stand_in.ucdp import Ucdp, event
from warehouse.client import Client, Limits
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.sources import (
    SOURCES,
    fts_flows,
    hapi_conflict,
    powell_thyne_coups,
    reliefweb_reports,
    ucdp_ged,
    views_forecast,
)

pytestmark = pytest.mark.usefixtures("asked_in_2026")
SECRETS = {"HAPI_APP_IDENTIFIER": IDENTIFIER, "RELIEFWEB_APPNAME": APPNAME}


def fetched(module, server, folder, path: str = "", secrets=SECRETS, last: str | None = None):
    client = Client(
        module.SOURCE.name, folder, dict(secrets), Limits(timeout=0.5, tries=2),
        last_version=last, today=TODAY, sleep=lambda _: None,
    )  # fmt: skip
    return list(module.fetch(module.SOURCE, server.url + path, client))


def parsed(module, server, folder, path: str = ""):
    (delivery,) = fetched(module, server, folder, path)
    return module.parse(delivery.content, delivery.url)


def fetch_and_merge(con, folder, source: Source, address: str | None) -> None:
    batches = list(receive(source, address, folder, SECRETS))
    for batch in batches:
        accept(batch, folder)
    catch_up(con, source, folder, batches)


@pytest.fixture
def con(tmp_path):
    with warehouse(tmp_path / "w.duckdb") as opened:
        (boundaries,) = (s for s in SOURCES if s.name == "admin1_boundaries")
        fetch_and_merge(opened, tmp_path / "landing", boundaries, None)
        yield opened


def series(con) -> list[tuple]:
    build_core(con, datetime.now(UTC).date())
    return con.execute(
        "select series, place_id, strftime(month_start, '%Y-%m'), value "
        "from core.external_series order by all"
    ).fetchall()


def test_hapi_identifier(tmp_path) -> None:
    with serving(Hapi([count("2026-08")])) as server:
        with pytest.raises(SourceError, match="set HAPI_APP_IDENTIFIER; make one"):
            fetched(hapi_conflict, server, tmp_path, secrets={})
        with pytest.raises(SourceError, match="Invalid app identifier") as wrong:
            fetched(hapi_conflict, server, tmp_path, secrets={"HAPI_APP_IDENTIFIER": "d3Jvbmc="})
        assert "d3Jvbmc" not in str(wrong.value)
        (delivery,) = fetched(hapi_conflict, server, tmp_path)
        assert len(server.requests) == 1 + 8 * 3
    assert IDENTIFIER not in delivery.url


def test_hapi_windows(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(hapi_conflict, "CAP", 10)
    rows = [count("2025-03", provider_admin2_name=f"C{n:02}") for n in range(25)]
    rows += [count("2026-03", provider_admin2_name=f"C{n:02}") for n in range(20)]
    with serving(Hapi(rows, cap=10)) as server:
        frame = parsed(hapi_conflict, server, tmp_path)
    assert frame.height == 45
    assert frame.unique(hapi_conflict.SOURCE.key).height == 45


@pytest.mark.parametrize("ignored", ["location", "dates"])
def test_hapi_filters(tmp_path, ignored: str) -> None:
    rows = [count("2026-03"), count("2019-03", location_code="BFA")]
    with (
        serving(Hapi(rows, ignores=ignored)) as server,
        pytest.raises(SourceError, match="it ignores a filter"),
    ):
        fetched(hapi_conflict, server, tmp_path)


def test_hapi_series(tmp_path, con) -> None:
    this_month = f"{datetime.now(UTC):%Y-%m}"
    rows = [
        count("2026-08"),
        count("2026-08", provider_admin2_name="Sikasso", events=2, fatalities=None),
        count("2026-08", "demonstration", events=4, fatalities=None),
        count("2026-08", "civilian_targeting", events=0, fatalities=0),
        # Bougouni, a region since 2023, counts for Sikasso; ML09 means two places, names do not
        count("2026-08", provider_admin1_name="Bougouni", provider_admin2_name="X", events=1,
              fatalities=1),
        count("2026-08", provider_admin1_name="Taoudenni", admin1_code="ML09",
              provider_admin2_name="Y", events=3, fatalities=0),
        count(this_month),
    ]  # fmt: skip
    with serving(Hapi(rows)) as server:
        fetch_and_merge(con, tmp_path / "landing", hapi_conflict.SOURCE, server.url)
    assert series(con) == [
        ("acled_civilian_targeting_events", "MLI.sikasso", "2026-08", 0),
        ("acled_civilian_targeting_fatalities", "MLI.sikasso", "2026-08", 0),
        ("acled_demonstration_events", "MLI.sikasso", "2026-08", 4),
        ("acled_political_violence_events", "MLI.sikasso", "2026-08", 10),
        ("acled_political_violence_events", "MLI.tombouctou", "2026-08", 3),
        ("acled_political_violence_fatalities", "MLI.sikasso", "2026-08", 20),
        ("acled_political_violence_fatalities", "MLI.tombouctou", "2026-08", 0),
    ]


def test_fts_pages(tmp_path) -> None:
    flows = [flow(n, year=2026) for n in range(25)] + [flow(99, year=2025)]
    with serving(Fts(flows, page_rows=10)) as server:
        assert parsed(fts_flows, server, tmp_path)["flow_id"].n_unique() == 26
    with (
        serving(Fts(flows, miscounts=1)) as server,
        pytest.raises(SourceError, match="sent 0 flows of BEN 2025 where it counts 1"),
    ):
        fetched(fts_flows, server, tmp_path)
    with (
        serving(Fts(flows, status="error")) as server,
        pytest.raises(SourceError, match="answered status 'error' for BEN 2025"),
    ):
        fetched(fts_flows, server, tmp_path)


def test_fts_series(tmp_path, con) -> None:
    flows = [
        flow(1),
        flow(2, amountUSD=50_000, status="paid"),
        flow(3, status="pledge"),
        flow(4, newMoney=False),
        flow(5, boundary="internal"),
        flow(6, onBoundary="shared", to=["Mali", "Niger"]),
        flow(7, decisionDate=None, to=["Mali"], date="2026-02-04T00:00:00Z"),
    ]
    with serving(Fts(flows)) as server:
        fetch_and_merge(con, tmp_path / "landing", fts_flows.SOURCE, server.url)
        rows = series(con)
        server.answer.flows = flows[1:]  # one vanishes, another grows
        server.answer.flows[0] = flow(2, amountUSD=60_000, versionId=3)
        fetch_and_merge(con, tmp_path / "landing", fts_flows.SOURCE, server.url)
    name, mali = "fts_new_funding_usd", "MLI"
    assert rows == [(name, mali, "2026-02", 250_000), (name, mali, "2026-03", 300_000)]
    assert series(con) == [(name, mali, "2026-02", 250_000), (name, mali, "2026-03", 60_000)]


RUNS = [
    "fatalities002_2026_09_t01", "fatalities003_2026_00_t01", "fatalities003_2026_08_t01",
    "fatalities003_2026_09_t01", "fatalities003_2026_09_t02", "r_2021_12_01",
]  # fmt: skip


def test_views_runs(tmp_path) -> None:
    with serving(Views(RUNS, [ahead(562)])) as server:
        (delivery,) = fetched(views_forecast, server, tmp_path)
    assert delivery.release.version == "fatalities003_2026_09_t02"
    with serving(Views(["r_2021_12_01"])) as server, pytest.raises(SourceError, match="no run"):
        fetched(views_forecast, server, tmp_path)


def test_views_rows(tmp_path, con) -> None:
    rows = [ahead(562 + n, iso) for iso in ("MLI", "NGA") for n in range(1_000)]
    with serving(Views(RUNS, rows)) as server:
        assert parsed(views_forecast, server, tmp_path).height == 1_000
        assert len(server.requests) == 1 + 3  # the third page is empty
        fetch_and_merge(con, tmp_path / "landing", views_forecast.SOURCE, server.url)
    build_core(con, TODAY)
    forecast = con.execute("from core.external_forecast limit 1").pl().row(0, named=True)
    assert (forecast["origin_month"], forecast["target_month"]) == (
        date(2026, 9, 1),
        date(2026, 10, 1),
    )
    assert (forecast["horizon_months"], forecast["country_code"]) == (1, "MLI")
    with (
        serving(Views(RUNS, rows, short=1)) as server,
        pytest.raises(SourceError, match="sent 2000 rows where it counts 2001"),
    ):
        fetched(views_forecast, server, tmp_path)


def test_views_once(tmp_path) -> None:
    with serving(Views(RUNS, [ahead(562)])) as server:
        assert fetched(views_forecast, server, tmp_path, last="fatalities003_2026_09_t02") == []
        assert len(server.requests) == 1


def test_reliefweb(tmp_path, con) -> None:
    reports = [report(n) for n in range(1, 251)]
    with serving(ReliefWeb(reports)) as server:
        with pytest.raises(SourceError, match="set RELIEFWEB_APPNAME; ask ReliefWeb"):
            fetched(reliefweb_reports, server, tmp_path, secrets={})
        with pytest.raises(SourceError, match=r"403 .*not an approved appname"):
            fetched(reliefweb_reports, server, tmp_path, secrets={"RELIEFWEB_APPNAME": "other"})
        assert parsed(reliefweb_reports, server, tmp_path).height == 250
        fetch_and_merge(con, tmp_path / "landing", reliefweb_reports.SOURCE, server.url)
    landed = b"".join(p.read_bytes() for p in (tmp_path / "landing").rglob("*.json"))
    assert APPNAME.encode() not in landed
    build_core(con, TODAY)
    assert con.execute("select count(*), min(countries) from core.report").fetchone() == (
        250,
        "MLI",
    )
    with (
        serving(ReliefWeb(reports, withheld=1)) as server,
        pytest.raises(SourceError, match="sent 250 reports where it counts 251"),
    ):
        fetched(reliefweb_reports, server, tmp_path)


def test_coups(tmp_path) -> None:
    with serving(coups) as server:
        frame = parsed(powell_thyne_coups, server, tmp_path, "/coups.txt")
        with pytest.raises(SourceError, match="there is no file at"):
            fetched(powell_thyne_coups, server, tmp_path, "/moved.txt")
    assert frame.select("country", "coup_date", "coup").rows() == [
        ('Mali "Republic"', date(2020, 8, 18), 2),
        ("Mali", date(2021, 5, 24), 2),
        ("Niger", date(2023, 7, 26), 2),
    ]


GOOD = {
    "ucdp_ged": (ucdp_ged, Ucdp({"26.1": [event(1, "2025-05-03")]}), "/downloads"),
    "powell_thyne_coups": (powell_thyne_coups, coups, "/coups.txt"),
    "hapi_conflict": (hapi_conflict, Hapi([count("2026-08")]), ""),
    "fts_flows": (fts_flows, Fts([flow(1)]), ""),
    "views_forecast": (views_forecast, Views(RUNS, [ahead(562)]), ""),
    "reliefweb_reports": (reliefweb_reports, ReliefWeb([report(1)]), ""),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_fault_is_told_and_nothing_is_lost(name: str, tmp_path) -> None:
    """Good figures, then nights with a fault, each before a good one: the same rows, none twice."""
    module, answer, path = GOOD[name]
    source = module.SOURCE

    def rows(con):
        return con.execute(
            f"select * exclude (batch_id) from history.{source.name} order by row_key, known_from"
        ).pl()

    with warehouse(tmp_path / "w.duckdb") as con, serving(answer) as server:
        folder = tmp_path / "landing"
        fetch_and_merge(con, folder, source, server.url + path)
        before = rows(con)
        assert before.height >= 1
        for fault in FAULTS:
            server.fault, server.elsewhere = fault, f"{server.url}/nowhere"
            client = Client(
                source.name, folder / source.name, dict(SECRETS), Limits(timeout=0.2, tries=2),
                today=TODAY, sleep=lambda _: None,
            )  # fmt: skip
            with pytest.raises(SourceError, match=rf"^{source.name}: |^http://127"):
                for fetched in module.fetch(source, server.url + path, client):
                    module.parse(fetched.content, fetched.url)
                pytest.fail(fault)
            server.fault = ""
            fetch_and_merge(con, folder, source, server.url + path)
            assert rows(con).equals(before), fault
