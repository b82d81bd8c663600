"""Whole nights on live sources: with a network, without one, and what a reader sees."""

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from stand_in import serving
from stand_in.acled import PASSWORD, USER, Acled
from stand_in.acled import event as acled_event
from stand_in.open_data import APPNAME, IDENTIFIER, Fts, Hapi, ReliefWeb, Views, ahead, count, coups
from stand_in.open_data import flow as fts_flow
from stand_in.open_data import report as relief_report
from stand_in.ucdp import TOKEN, Ucdp, event
from warehouse.client import Client
from warehouse.sources.tables import fetch_file
from warehouse.sources.ucdp_ged import HEADER, SOURCE

PASSED_ON_TO_NOBODY = (  # readers' addresses, and texts of ACLED's row
    "veille@example.org", "analyst@example.org", "Testville", "Test Wire", "Armed Group X",
)  # fmt: skip
SECRETS = {
    "TOCSIN_SMTP_USERNAME": "sesame-user-4713", "TOCSIN_SMTP_PASSWORD": "sesame-smtp-4712",
    "UCDP_API_TOKEN": TOKEN, "ACLED_USERNAME": USER, "ACLED_PASSWORD": PASSWORD,
    "HAPI_APP_IDENTIFIER": IDENTIFIER, "RELIEFWEB_APPNAME": APPNAME,
}  # fmt: skip


@pytest.fixture(scope="module")
def release() -> list[dict]:
    """The embedded events as a later release would hold them, and one of it alone."""
    rows = SOURCE.parse(fetch_file(SOURCE, SOURCE.address).content, "").to_dicts()
    year = datetime.now(UTC).year - 1
    texts = [{**dict.fromkeys(HEADER, ""), **row, "date_start": str(row["date_start"]),
             "date_end": str(row["date_end"])} for row in rows]  # fmt: skip
    return [*texts, event(9_000_001, f"{year}-12-30")]


def names_no_reader_and_no_restricted_row(published: Path) -> None:
    for path in published.rglob("*"):
        if path.suffix != ".duckdb":
            content = path.read_bytes() if path.is_file() else b""
            assert not [text for text in PASSED_ON_TO_NOBODY if text.encode() in content], path
    with duckdb.connect(published / "tocsin.duckdb", read_only=True) as con:
        # Row by row, since texts are stored compressed.
        any_text = "|".join(map(re.escape, PASSED_ON_TO_NOBODY))
        for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
            rows = con.execute(
                f"from {table} as t where regexp_matches(t::varchar, $any_text) limit 1",
                {"any_text": any_text},
            ).fetchall()
            assert rows == [], table


def test_a_night_on_live_sources(
    tocsin, tmp_path: Path, release, tmp_path_factory: pytest.TempPathFactory
) -> None:
    today = datetime.now(UTC)
    month = f"{today.year}-01" if today.month > 1 else f"{today.year - 1}-11"
    newest = f"{month[:-1]}2"  # of HAPI's, which is never whole
    answers = {
        "ucdp_ged": (Ucdp({f"{today:%y}.1": release}), "/api"),
        "powell_thyne_coups": (coups, "/coups.txt"),
        "acled_events": (Acled([acled_event(1, f"{month}-05", 1_700_000_000)]), ""),
        "hapi_conflict": (Hapi([count(month), count(newest)]), ""),
        "fts_flows": (Fts([fts_flow(1, year=today.year)]), ""),
        "views_forecast": (Views(["fatalities003_2026_08_t01"], [ahead(562)]), ""),
        "reliefweb_reports": (ReliefWeb([relief_report(1)]), ""),
    }
    with ExitStack() as stack:
        places = {
            name: stack.enter_context(serving(answer)).url + path
            for name, (answer, path) in answers.items()
        }
        live = {"TOCSIN_SOURCES": json.dumps(places), **SECRETS}
        run = tocsin("nightly", **live)
        assert (run.returncode, run.stderr) == (0, ""), run.stdout
        listed = tocsin("sources", **live).stdout
        answers["ucdp_ged"][0].releases[f"{today:%y}.1"].pop()
        changing = tocsin("sources", "check", "ucdp_ged", **live)
    data = tmp_path / "data"
    prefect = b"".join(
        path.read_bytes() for path in tmp_path_factory.getbasetemp().glob("prefect*/prefect.db*")
    )
    assert b'"night": "' in prefect  # its parameters are there, settings are not
    assert str(data).encode() not in prefect
    for secret in SECRETS.values():
        assert secret not in run.stdout + listed + changing.stdout
        assert secret.encode() not in prefect
        for path in data.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    private = [data, *(p for p in data.rglob("*") if data / "published" not in p.parents)]
    assert [path for path in private if path.stat().st_mode & 0o007] == []
    names_no_reader_and_no_restricted_row(data / "published")
    assert listed.count("present") == 4
    assert "0 added, 0 changed, 1 withdrawn" in changing.stdout, changing.stdout
    with duckdb.connect(data / "published" / "tocsin.duckdb", read_only=True) as con:
        rows = con.execute(
            "select indicator, place_id, value from indicators "
            "where starts_with(indicator, 'acled') and value > 0 "
            "or indicator = 'fts_new_funding_usd' order by all"
        ).fetchall()
        assert con.execute("select count(*) from external_forecasts").fetchone() == (1,)
        assert con.execute("select title from reports").fetchall() == [("Report 1",)]
        assert con.execute("select count(*) from events").fetchone() == (4_023,)
        newest = con.execute("select coup_date from coups order by 1 desc limit 1").fetchone()
        assert newest is not None
        assert "acled_events" in [
            n for (n,) in con.execute("select source from sources").fetchall()
        ]
    assert rows == [
        ("acled_events", "MLI.sikasso", 1),
        ("acled_fatalities", "MLI.sikasso", 4),
        ("acled_political_violence_events", "MLI.sikasso", 7),
        ("acled_political_violence_fatalities", "MLI.sikasso", 19),
        ("fts_new_funding_usd", "MLI", 250_000),
    ]


@pytest.mark.usefixtures("without_page")
def test_a_night_without_any_network(tocsin, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Client, "_wait", lambda *_: 0.0)  # before each further try
    nowhere = "http://127.0.0.1:9"
    places = dict.fromkeys(("ucdp_ged", "acled_events", "views_forecast"), nowhere)
    options = {
        "TOCSIN_SOURCES": json.dumps(places),
        "TOCSIN_OPERATOR": "ops@example.org",
        **SECRETS,
    }
    run = tocsin("nightly", "--as-of", "2021-06-25", **options)
    assert (run.returncode, run.stderr) == (3, "")
    out = " ".join(run.stdout.split())
    for title in ("UCDP Georeferenced Event Dataset", "acled_events", "views_forecast"):
        assert f"NOT RENEWED {title}: {nowhere}" in out  # what never delivered has no row
    assert "UCDP Georeferenced Event Dataset 3,008 2021-05-31 25 0 not renewed" in out
    with duckdb.connect(tmp_path / "data" / "published" / "tocsin.duckdb", read_only=True) as con:
        levels = con.execute("select level from flags where region_id = 'MLI.sikasso'").fetchall()
        (failure,) = con.execute("select failure from sources where source = 'ucdp_ged'").fetchone()
    assert levels == [("warning",)]
    assert "cannot be reached" in failure
    mails = [path.read_text("utf-8") for path in (tmp_path / "data" / "outbox").glob("*.eml")]
    assert len(mails) == 3
    (operator_mail,) = (mail for mail in mails if "To: ops@example.org" in mail)
    assert "Tocsin: acled_events not renewed, ucdp_ged not renewed" in operator_mail
    assert "Figures in use end on 2022-12-31." in operator_mail
    assert any("Could not be renewed tonight" in mail for mail in mails)


def test_an_unknown_source_is_refused(tocsin) -> None:
    run = tocsin("nightly", TOCSIN_SOURCES='{"ucdp": "live"}')
    assert run.returncode == 1
    assert "TOCSIN_SOURCES: ucdp is no source; known are ucdp_ged, " in run.stderr
