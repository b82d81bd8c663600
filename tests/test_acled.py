"""ACLED as its contract says; all rows are invented.

| statement | held by |
| --- | --- |
| OAuth by form, bearer token; 400 for wrong credentials | test_credentials |
| cursor until null; 0 is legal; a repeated or missing one is an error | test_cursors |
| types vary: numbers as text | test_parse |
| a request-side filter may be ignored | test_parse |
| a session may end in the middle | test_a_session_that_ends |
| an edit keeps the id and raises the timestamp; deletions are listed apart | test_edits |
| Open: 403; Research: 200 and no rows, with a notice | test_tiers |
| rows are never passed on | test_only_counts_are_published |
"""

import json
import re
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from config.registry import SourceError, known_countries
from config.settings import Settings
from flows.step_cache import NO_CACHE
from flows.steps import (
    FetchOutcome,
    judge_deliveries,
    judge_delivery,
    keep_versions,
    with_released_rows,
)
from stand_in import FAULTS, serving
from stand_in.acled import PASSWORD, USER, Acled, event
from warehouse.client import Client, Limits
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import accept, deliveries, receive
from warehouse.publish import PUBLISHED
from warehouse.quarantine import quarantined_rows, release_row
from warehouse.query import table_frame
from warehouse.sources import acled_events, tables
from warehouse.sources.acled_events import SOURCE, fetch, parse
from warehouse.sources.admin1_boundaries import SOURCE as boundaries  # noqa: N811
from warehouse.sources.tables import bundle, count_left_out

SECRETS = {"ACLED_USERNAME": USER, "ACLED_PASSWORD": PASSWORD}


def rows(count: int) -> list[dict]:
    return [event(n, "2025-05-03", 1_700_000_000 + n) for n in range(1, count + 1)]


def fetched(server, folder, secrets=SECRETS, last: str | None = None):
    client = Client("acled_events", folder, dict(secrets), Limits(timeout=2, tries=2),
                    last_version=last, sleep=lambda _: None)  # fmt: skip
    return list(fetch(SOURCE, server.url, client))


def test_credentials(tmp_path) -> None:
    with serving(Acled(rows(3))) as server:
        with pytest.raises(SourceError, match="set ACLED_USERNAME; an account is free"):
            fetched(server, tmp_path, {})
        with pytest.raises(SourceError, match=r"token answered 400: ACLED_USERNAME and ACLED_P"):
            fetched(server, tmp_path, {**SECRETS, "ACLED_PASSWORD": "wrong"})
        (delivery,) = fetched(server, tmp_path)
    assert re.fullmatch("1700000003 [0-9a-f]{8}", delivery.release.version)
    assert PASSWORD not in str(delivery)


@pytest.mark.parametrize(("count", "requests"), [(4_999, 1), (5_000, 1), (12_001, 3)])
def test_cursors(tmp_path, count: int, requests: int) -> None:
    with serving(Acled(rows(count))) as server:
        (delivery,) = fetched(server, tmp_path)
        assert len(server.requests) == requests + 1
    assert parse(delivery.content, delivery.url).height == count


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lacks_cursor": True}, "sent a full page without next_cursor"),
        ({"repeats_cursor": True}, "sent the cursor c5000 twice"),
    ],
)
def test_wrong_cursors(tmp_path, wrong: dict, says: str) -> None:
    with (
        serving(Acled(rows(12_000), **wrong)) as server,
        pytest.raises(SourceError, match=says),
    ):
        fetched(server, tmp_path)


def test_parse(tmp_path) -> None:
    rows = [event(1, "2026-01-02", 1), event(2, "2026-01-02", 2, fatalities="7", country="Ghana"),
            event(3, "2026-01-03", 3, fatalities="7", admin1="", latitude=11.5)]  # fmt: skip
    with serving(Acled(rows, ignores_country=True)) as server:
        (delivery,) = fetched(server, tmp_path)
    frame = parse(delivery.content, delivery.url)
    assert frame.select("event_id_cnty", "fatalities", "admin1", "latitude").rows() == [
        ("MLI1", 4, "Sikasso", 11.4),
        ("MLI3", 7, None, 11.5),
    ]
    assert "invented" not in frame.write_csv()  # no notes


def test_a_session_that_ends(tmp_path) -> None:
    with serving(Acled(rows(12_000), expires_after=1)) as server:
        (delivery,) = fetched(server, tmp_path)
        assert [r.path for r in server.requests].count("/oauth/token") == 2
    assert parse(delivery.content, delivery.url).height == 12_000


def test_tiers(tmp_path) -> None:
    with serving(Acled(rows(3), tier="open")) as server, pytest.raises(
        SourceError, match=r"403 .*Access denied.*: the account's tier \(Open\) has no access"
    ):  # fmt: skip
        fetched(server, tmp_path)
    recent = [event(1, "2026-03-01", 5)]
    with serving(Acled(recent, tier="research")) as server, pytest.raises(
        SourceError, match="without any event: it sees events up to 2025-11-24 only"
    ):  # fmt: skip
        fetched(server, tmp_path)
    with serving(Acled(rows(3) + recent, tier="research")) as server:
        (delivery,) = fetched(server, tmp_path)
    assert delivery.release.covers_until == date(2025, 11, 24)
    with serving(Acled(rows(3))) as server:
        server.fault = "HTML with 403"
        with pytest.raises(SourceError, match=r"token answered 403 .*: the site's guard refuses"):
            fetched(server, tmp_path)
        server.fault_from = len(server.requests) + 1
        with pytest.raises(SourceError, match="the site's guard refuses this machine's network"):
            fetched(server, tmp_path)


def deliver(con, folder, acled: Acled) -> int:
    with serving(acled) as server:
        batches = list(receive(SOURCE, server.url, folder, SECRETS))
    for batch in batches:
        accept(batch, folder)
    catch_up(con, SOURCE, folder, batches)
    return len(batches)


def test_edits(tmp_path) -> None:
    """New, edited and deleted events are versions; nothing is counted twice."""
    first = [event(1, "2026-01-05", 100), event(2, "2026-01-06", 110), event(3, "2026-01-07", 120)]
    edited = event(2, "2026-01-06", 130, fatalities=9)
    later = [first[0], edited, event(4, "2026-01-20", 140)]
    gone = [{"event_id_cnty": "MLI3", "deleted_timestamp": "135"}]
    folder = tmp_path / "landing"

    def counts(con) -> list[tuple]:
        build_core(con, datetime.now(UTC).date() + timedelta(days=90))
        return con.execute(
            "select series, place_id, value from core.external_series order by series"
        ).fetchall()

    with warehouse(tmp_path / "w.duckdb") as con:
        accept([*receive(boundaries, None, folder)][-1], folder)
        catch_up(con, boundaries, folder)
        assert deliver(con, folder, Acled(first)) == 1
        assert deliver(con, folder, Acled(first)) == 0  # nothing new, nothing delivered
        assert counts(con) == [
            ("acled_events", "MLI.sikasso", 3),
            ("acled_fatalities", "MLI.sikasso", 12),
        ]
        deliver(con, folder, Acled(later, gone))
        assert counts(con) == [
            ("acled_events", "MLI.sikasso", 3),
            ("acled_fatalities", "MLI.sikasso", 17),
        ]
        versions = table_frame(con, "history.acled_events")
        assert versions.height == 5
        assert versions.filter(event_id_cnty="MLI2").sort("known_from")["fatalities"].to_list() == [
            4,
            9,
        ]
        assert versions.filter(event_id_cnty="MLI3")["known_to"].null_count() == 0
    versions = [entry.source_version.split()[0] for entry in deliveries(SOURCE, folder)]
    assert versions == ["120", "140"]
    landed = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in landed


def test_only_counts_are_published() -> None:
    assert not SOURCE.is_republishable
    assert not any("acled" in select for select, _ in PUBLISHED.values())


@pytest.mark.parametrize("bad", [1, 6], ids=["held", "refused"])
def test_no_value_of_a_bad_row_is_told_among_the_checks(tmp_path, bad: int) -> None:
    """What checks saw, and why a delivery was refused, stands in the published file."""
    sent = rows(100)
    for row in sent[:bad]:
        row["latitude"] = "47.1108"
    with serving(Acled(sent)) as server:
        (batch,) = receive(SOURCE, server.url, tmp_path, SECRETS)
    judged, checks = judge_delivery(batch, tmp_path, NO_CACHE)
    failure = judged if isinstance(judged, str) else ""
    assert ("are bad, more than 5%" in failure) == (bad == 6)
    assert "47.1108" not in failure + checks.write_csv()
    is_few = pl.col("expectation").str.starts_with("FewRowsHeldOut")
    few = checks.filter(is_few).select("unexpected_count", "observed").row(0)
    assert few[0] == bad
    assert few[1].startswith("a value (latitude_and_longitude_near_its_country)")
    if not failure:
        assert [row.value for row in judged.quarantined] == ["Mali, 1, 47.1108, -7.5"]


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in ("redirect to another host",)])
def test_no_fault_delivers_half(tmp_path, fault: str) -> None:
    with serving(Acled(rows(12_000))) as server:
        server.fault, server.fault_from = fault, 2
        slow = Client("acled_events", tmp_path, dict(SECRETS), Limits(timeout=0.5, tries=2),
                      sleep=lambda _: None)  # fmt: skip
        with pytest.raises(SourceError, match=r"^acled_events: http://127\.0\.0\.1"):
            list(fetch(SOURCE, server.url, slow))


def test_a_refused_delivery_tells_field_and_form(tmp_path) -> None:
    """All days written another way: what is wrong is told, no value of it (rows are secret)."""
    from flows.steps import fetch_source

    sent = rows(30)
    for row in sent:
        row["event_date"] = "05 October 2026"
    settings = Settings(data_folder=tmp_path, sources={"acled_events": "x"})
    with serving(Acled(sent)) as server:
        settings.sources["acled_events"] = server.url
        with pytest.MonkeyPatch.context() as patch:
            for name, value in SECRETS.items():
                patch.setenv(name, value)
            arrived = fetch_source(SOURCE, settings)
    assert arrived.failure is not None
    assert "column event_date: '99 aaaaaaa 9999' is no day, and so it is in 30 of 30 rows" in (
        arrived.failure
    )


@pytest.mark.parametrize("name", ["Côte d'Ivoire", "Cote d’Ivoire", "IVORY COAST"])
def test_spellings_of_a_country_are_one(name: str) -> None:
    sent = [{**row, "country": name} for row in rows(2)] + [{**row, "country": "Ghana"}
            for row in rows(3)]  # fmt: skip
    body = bundle([json.dumps({"data": sent}).encode()])
    with count_left_out() as left_out:
        assert parse(body, "x")["country"].unique().to_list() == ["Ivory Coast"]
    assert left_out == {"of other countries": 3}


def in_force(con) -> list[str]:
    return con.execute(
        "select event_id_cnty from history.acled_events where known_to is null order by all"
    ).pl()["event_id_cnty"].to_list()  # fmt: skip


def run_source(con, folder, acled: Acled) -> list[str]:
    """What a night does with the source; its remarks."""
    with serving(acled) as server:
        batches = list(receive(SOURCE, server.url, folder, SECRETS))
    sent = with_released_rows([FetchOutcome(SOURCE, batches)], con, folder)
    (passing,), _ = judge_deliveries(sent, con, folder)
    assert passing.failure is None
    keep_versions(con, [passing], Settings(data_folder=folder.parent))
    return [text for batch in sent[0].batches for text in batch.remarks if "released" in text]


FAR = {"latitude": "47.1108"}  # of Mali, which ends at 25
WHO = ("A. Diarra", "read in the report")
RELEASED = {  # what comes after the release: events and deaths in force then, what is held
    "nothing": ([], [], {"MLI1": 8, "MLI2": 4, "MLI3": 4}, []),
    "another event": ([event(5, "2026-01-09", 140)], [], {"MLI1": 8, "MLI2": 4, "MLI3": 4,
                                                          "MLI5": 4}, []),
    "the event, corrected": ([event(2, "2026-01-06", 140, fatalities=9)], [],
                             {"MLI1": 8, "MLI2": 9, "MLI3": 4}, []),
    "the event, wrong otherwise": ([event(2, "2026-01-06", 140, latitude="-88")], [],
                                   {"MLI1": 8, "MLI3": 4}, ["Mali, 1, -88.0, -7.5"]),
    "that it is deleted": ([], [{"event_id_cnty": "MLI2", "deleted_timestamp": "140"}],
                           {"MLI1": 8, "MLI3": 4}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", RELEASED)
def test_a_row_of_an_increment_that_is_released_enters_with_the_next_run(
    tmp_path, case: str
) -> None:
    """It is sent once; what was edited since the increment that had it stays as it was edited."""
    folder = tmp_path / "landing"
    first = [event(1, "2026-01-05", 100), event(2, "2026-01-06", 110, **FAR)]
    second = [event(1, "2026-01-05", 120, fatalities=8), first[1], event(3, "2026-01-07", 120)]
    third, gone, deaths, values_held = RELEASED[case]
    with warehouse(tmp_path / "w.duckdb") as con:
        run_source(con, folder, Acled(first))
        run_source(con, folder, Acled(second))
        assert in_force(con) == ["MLI1", "MLI3"]
        release_row(con, folder, "acled_events", "MLI2", *WHO)
        later = [row for row in second if row["event_id_cnty"] not in {
            row["event_id_cnty"] for row in third}] + third  # fmt: skip
        remarks = run_source(con, folder, Acled(later, gone))
        is_taken_in = case in ("nothing", "another event")
        assert [text.partition(" that were ")[2] for text in remarks] == [
            "released are taken in: 1"
        ] * is_taken_in
        now = con.execute("select event_id_cnty, fatalities from history.acled_events "
                          "where known_to is null").fetchall()  # fmt: skip
        assert dict(now) == deaths
        assert quarantined_rows(con)["value"].to_list() == values_held
        log = deliveries(SOURCE, folder)
        assert [bool(entry.released_from) for entry in log] == (
            [False, False] + [True] * is_taken_in + [False] * (case != "nothing")
        )
        has_newer = case not in ("nothing", "that it is deleted")
        assert log[-1].source_version.split()[0] == ("140" if has_newer else "120")
        assert run_source(con, folder, Acled(later, gone)) == []  # once
        assert len(deliveries(SOURCE, folder)) == len(log)
        with warehouse(tmp_path / "anew.duckdb") as anew:
            catch_up(anew, SOURCE, folder)
            for name in ("ops.quarantine", "history.acled_events"):
                rows = f"from {name} order by all"
                assert anew.execute(rows).fetchall() == con.execute(rows).fetchall()


def test_a_released_row_that_breaks_another_rule_is_held_for_that(tmp_path) -> None:
    folder = tmp_path / "landing"
    sent = [event(1, "2026-01-05", 100), event(2, "2026-01-06", 110, latitude="-145")]
    with warehouse(tmp_path / "w.duckdb") as con:
        run_source(con, folder, Acled(sent))
        first = quarantined_rows(con)["rule"].to_list()
        release_row(con, folder, "acled_events", "MLI2", *WHO)
        run_source(con, folder, Acled(sent))
        second = quarantined_rows(con)["rule"].to_list()
        assert (len(first), len(second), in_force(con)) == (1, 1, ["MLI1"])
        assert first != second
        release_row(con, folder, "acled_events", "MLI2", *WHO)
        run_source(con, folder, Acled(sent))
        assert (quarantined_rows(con).height, in_force(con)) == (0, ["MLI1", "MLI2"])


def test_released_rows_dated_to_come_wait_and_hold_up_nothing(tmp_path) -> None:
    folder = tmp_path / "landing"
    to_come = date.today() + timedelta(days=300)
    sent = [event(n, "2026-01-05", 100) for n in range(1, 200)]
    late = [event(n, f"{to_come}", 100) for n in range(200, 204)]
    with warehouse(tmp_path / "w.duckdb") as con:
        run_source(con, folder, Acled(sent + late))
        for row in late:
            release_row(con, folder, "acled_events", row["event_id_cnty"], *WHO)
        newest = event(300, "2026-01-09", 140)
        assert run_source(con, folder, Acled([*sent, *late, newest])) == []
        assert (len(in_force(con)), quarantined_rows(con).height) == (200, 4)


def test_what_a_file_had_and_the_server_deleted_leaves_quarantine(tmp_path) -> None:
    folder, file = tmp_path / "landing", tmp_path / "mali.csv"
    sent = [event(1, "2026-01-05", 100), event(2, "2026-01-06", 110, **FAR)]
    pl.DataFrame(sent).write_csv(file)
    gone = [{"event_id_cnty": "MLI2", "deleted_timestamp": "140"}]
    with warehouse(tmp_path / "w.duckdb") as con:
        (batch,) = receive(SOURCE, str(file), folder)
        (passing,), _ = judge_deliveries([FetchOutcome(SOURCE, [batch])], con, folder)
        keep_versions(con, [passing], Settings(data_folder=tmp_path))
        assert quarantined_rows(con)["row_key"].to_list() == ["MLI2"]
        run_source(con, folder, Acled(sent[:1], gone))
        assert quarantined_rows(con).height == 0


def test_after_a_file_everything_is_asked_for(tmp_path) -> None:
    """Other countries' older edits too, and what was deleted; then edits alone."""
    folder = tmp_path / "landing"
    (tmp_path / "Mali.csv").write_text(pl.DataFrame([event(1, "2026-05-03", 200),
        event(2, "2026-05-04", 210)], infer_schema_length=None).write_csv())  # fmt: skip
    rows = [event(1, "2026-05-03", 200),
            event(3, "2026-05-20", 150, event_id_cnty="BFA3", country="Burkina Faso")]  # fmt: skip
    gone = [{"event_id_cnty": "MLI2", "deleted_timestamp": 205}]
    with warehouse(tmp_path / "w.duckdb") as con:
        for batch in receive(SOURCE, str(tmp_path / "Mali.csv"), folder):
            accept(batch, folder)
        catch_up(con, SOURCE, folder)
        assert in_force(con) == ["MLI1", "MLI2"]
        deliver(con, folder, Acled(rows, gone))
        assert in_force(con) == ["BFA3", "MLI1"]
        with serving(Acled(rows)) as server:
            assert not list(receive(SOURCE, server.url, folder, SECRETS))
            assert server.requests[1].query["timestamp"] == "200"


def test_what_an_account_comes_to_see_is_fetched(tmp_path) -> None:
    """Its timestamp is older than the newest row held: the window moves, the tier is raised."""
    folder = tmp_path / "landing"
    rows = [event(1, "2025-05-03", 300), event(2, "2025-12-10", 200), event(3, "2026-08-10", 250)]
    edited = [*rows, event(4, "2025-12-12", 310), event(5, "2026-10-30", 320)]
    nights = [
        (Acled(rows, tier="research", seen_until="2025-11-24"), 1, ["MLI1"]),
        (Acled(rows, tier="research", seen_until="2025-11-24"), 0, ["MLI1"]),
        (Acled(edited, tier="research", seen_until="2025-12-24"), 1, ["MLI1", "MLI2", "MLI4"]),
        (Acled(edited), 1, ["MLI1", "MLI2", "MLI3", "MLI4", "MLI5"]),
        (Acled(edited), 0, ["MLI1", "MLI2", "MLI3", "MLI4", "MLI5"]),
        (Acled(edited, tier="research"), 0, ["MLI1", "MLI2", "MLI3", "MLI4", "MLI5"]),
    ]
    with warehouse(tmp_path / "w.duckdb") as con:
        for acled, delivered, in_history in nights:
            assert (deliver(con, folder, acled), in_force(con)) == (delivered, in_history)
        (tmp_path / "Mali.csv").write_text(pl.DataFrame(rows, infer_schema_length=None).write_csv())
        for batch in receive(SOURCE, str(tmp_path / "Mali.csv"), folder):
            accept(batch, folder)
        deliver(con, folder, Acled(edited, tier="research"))  # all it sees, and no more
        assert in_force(con) == ["MLI1", "MLI2", "MLI3", "MLI4", "MLI5"]
    log = deliveries(SOURCE, folder)
    assert [(entry.source_version.split()[::2], entry.rows_count) for entry in log] == [
        (["300", "2025-11-24"], 1),
        (["310", "2025-12-24"], 3),  # one of them was sent twice
        (["320"], 3),
        (["300"], 3),
        (["300", "2025-11-24"], 1),
    ]


@pytest.mark.parametrize("last", ["1700000003", "1700000003 0000dead"], ids=["old", "others"])
def test_a_version_for_other_countries_means_everything(tmp_path, last: str) -> None:
    with serving(Acled(rows(3))) as server:
        (delivery,) = fetched(server, tmp_path, last=last)
        assert "timestamp" not in server.requests[1].query
    assert parse(delivery.content, delivery.url).height == 3


SPELT_BY_ACLED = {
    "COD": ("Democratic Republic of Congo", "DR Congo"),
    "COG": ("Republic of Congo", "Republic of the Congo"),
    "CIV": ("Ivory Coast", "Ivory Coast"),
    "CPV": ("Cape Verde", "Cape Verde"),
    "STP": ("Sao Tome and Principe", "São Tomé and Príncipe"),
    "SWZ": ("eSwatini", "Eswatini"),
    "TUR": ("Turkey", "Türkiye"),
}


def test_countries_are_asked_for_by_every_spelling(tmp_path, monkeypatch) -> None:
    """ACLED's own is one of them; a full answer tells of which countries no event came."""
    area = known_countries((*SPELT_BY_ACLED, "TGO", "BEN"))
    monkeypatch.setattr(acled_events, "countries", lambda: area)
    monkeypatch.setattr(tables, "countries", lambda: area)
    sent = [event(n, "2025-05-03", n, country=SPELT_BY_ACLED[code][0])
            for n, code in enumerate(SPELT_BY_ACLED, 1)]  # fmt: skip
    with serving(Acled(sent)) as server:
        (delivery,) = fetched(server, tmp_path)
    names = parse(delivery.content, delivery.url)["country"].to_list()
    assert names == [name for _, name in SPELT_BY_ACLED.values()]
    assert delivery.remarks == (
        "no event came of Benin, Togo: ACLED has none, or spells the name otherwise",
    )


def test_a_file_exported_from_the_site_adds(tmp_path) -> None:
    frame = pl.DataFrame(rows(5), infer_schema_length=None).rename(str.upper)
    (tmp_path / "Mali.csv").write_bytes(frame.write_csv().encode())
    (batch,) = receive(SOURCE, str(tmp_path), tmp_path / "landing")
    assert batch.rows.height == 5
    assert int(batch.fetched.release.version) == batch.rows["timestamp"].max()
    assert batch.fetched.release.complete_where == "false"
