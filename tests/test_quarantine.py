"""Rows held out: by themselves, with their rule; they leave when corrected or released."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from config.registry import SourceError
from expectations.judge import GateError
from expectations.quarantine import quarantine_rows
from stand_in.ucdp import event, table
from warehouse.connect import warehouse
from warehouse.history import catch_up
from warehouse.landing import accept, deliveries, receive
from warehouse.marts import write_marts
from warehouse.outbox import operator_findings
from warehouse.quarantine import quarantine_spells, quarantined_rows, release_row
from warehouse.source_status import source_status
from warehouse.sources.ucdp_ged import SOURCE

GOOD = [event(number, "2022-05-03", date_start="2022-05-03", date_end="2022-05-03")
        for number in range(1, 101)]  # fmt: skip


def deliver(con, folder: Path, rows: list[dict[str, Any]]) -> None:
    path = folder / "ged.csv"
    path.write_bytes(table(rows))
    for batch in receive(SOURCE, str(path), folder / "landing"):
        judged, _ = quarantine_rows(batch, folder / "landing")
        accept(judged, folder / "landing")
        catch_up(con, SOURCE, folder / "landing", [judged])


def believed(con) -> dict[int, int]:
    return dict(
        con.execute("select id, best from history.ucdp_ged where known_to is null").fetchall()
    )


def quarantine_listing(con) -> list[tuple]:
    return quarantined_rows(con).select("row_key", "rule", "value").rows()


@pytest.fixture
def con(tmp_path):
    with warehouse(tmp_path / "w.duckdb") as opened:
        yield opened


def but(number: int, **changed: Any) -> list[dict[str, Any]]:
    return [{**row, **changed} if row["id"] == number else row for row in GOOD]


@pytest.mark.parametrize(
    ("changed", "rule", "value"),
    [
        ({"best": "many"}, "cannot be read", "field best: 'many' is no integer"),
        ({"side_a": ""}, "cannot be read", "field side_a is empty"),
        ({"latitude": "NaN"}, "cannot be read", "field latitude: 'NaN' is no number"),
        ({"date_end": "2022-02-30"}, "cannot be read", "field date_end: '2022-02-30' is no day"),
        ({"where_prec": 9}, "where_prec: from 1 to 7", "9"),
        ({"best": -1}, "best: 0 or more", "-1"),
        ({"date_start": "1988-05-03"}, "dated_since_1989", "1988-05-03"),
        ({"date_end": "2999-05-03"}, "dated more than a month after it was fetched", "2999-05-03"),
        ({"side_b": "=HYPERLINK(1)"}, "texts_are_plain",
         "Sikasso region, Bougouni cercle, Mali: Government, Mali, "
         "Government of Mali - JNIM, Government of Mali, =HYPERLINK(1)"),
        ({"latitude": 48.0}, "latitude_and_longitude_near_its_country",
         "432, 48.0, -7.5, 1"),
    ],
)  # fmt: skip
def test_a_bad_row_is_held_and_what_was_known_stays(
    con, tmp_path, changed: dict, rule: str, value: str
) -> None:
    deliver(con, tmp_path, GOOD)
    deliver(con, tmp_path, but(7, **changed))
    assert quarantine_listing(con) == [("7", rule, value)]
    assert believed(con) == {row["id"]: 3 for row in GOOD}  # the last good version of 7
    assert con.execute("select count(*) from history.ucdp_ged").fetchone() == (100,)


def test_the_deadliest_events_are_believed_and_told_to_the_operator(con, tmp_path) -> None:
    """As UCDP's own files hold them: 13,280 deaths in an event of 2026."""
    path = tmp_path / "ged.csv"
    path.write_bytes(table(but(7, best=13_280, high=14_000, low=9_000, deaths_a=13_278)))
    (batch,) = receive(SOURCE, str(path), tmp_path / "landing")
    judged, results = quarantine_rows(batch, tmp_path / "landing")
    assert judged.quarantined == ()
    broken = results.filter(~pl.col("is_success")).select("column_name", "severity", "observed")
    broken = broken.filter(column_name="best")
    assert broken.rows() == [("best", "warning", "id 7, best 13280")]
    checks = results.with_columns(column_name=pl.col("column_name").fill_null("(table)"))
    write_marts(con, date(2022, 6, 25), {"check": checks})
    con.execute(
        "create table mart.source_status as select null::date as night_from, "
        "null::date as night_to, false as is_stale, '' as source, null::date as newest_date, "
        "0 as age_days, 0 as max_age_days where false"
    )
    ((_, about, text),) = operator_findings(con)
    assert about == "unusual values in landing.ucdp_ged"
    assert "1 value of best lies beyond what was seen before (500 or less)" in text
    deliver(con, tmp_path, but(8, where_prec=9))
    findings = {about: text for _, about, text in operator_findings(con)}
    assert (
        "ucdp_ged: 1 row is held out, not counted: where_prec: from 1 to 7."
        in (findings["ucdp_ged: rows held out"])
    )


def test_a_corrected_row_leaves_by_itself(con, tmp_path) -> None:
    deliver(con, tmp_path, but(7, where_prec=9))
    assert 7 not in believed(con)
    deliver(con, tmp_path, but(7, where_prec=2, best=4, deaths_a=2))
    assert quarantine_listing(con) == []
    assert believed(con)[7] == 4
    (row,) = quarantine_spells(con, "ucdp_ged", "7").to_dicts()
    assert row["left_because"] == "believed"
    deliver(con, tmp_path, but(8, where_prec=9))
    deliver(con, tmp_path, [row for row in GOOD if row["id"] != 8])
    assert quarantine_spells(con, "ucdp_ged", "8")["left_because"].to_list() == ["gone"]
    assert 8 not in believed(con)


def test_a_row_without_a_readable_key_withdraws_nothing(con, tmp_path) -> None:
    deliver(con, tmp_path, GOOD)
    deliver(con, tmp_path, but(7, id="seven"))
    assert quarantine_listing(con) == [(None, "cannot be read", "field id: 'seven' is no integer")]
    assert set(believed(con)) == {row["id"] for row in GOOD}


def test_the_first_of_two_rows_with_one_key_is_believed(con, tmp_path) -> None:
    deliver(con, tmp_path, [*GOOD, {**GOOD[0], "best": 4, "deaths_a": 2}])
    assert quarantine_listing(con) == [("1", "id: no value twice", "1")]
    assert believed(con)[1] == 3


def test_a_released_row_is_believed_until_it_says_something_else(con, tmp_path) -> None:
    large = {"where_prec": 9}
    deliver(con, tmp_path, but(7, **large))
    release_row(con, tmp_path / "landing", "ucdp_ged", "7", "A. Diarra", "read in the report")
    deliver(con, tmp_path, but(7, **large))  # the same bytes
    assert quarantine_listing(con) == []
    assert believed(con)[7] == 3
    assert [len(entry.quarantined) for entry in deliveries(SOURCE, tmp_path / "landing")] == [1, 0]
    deliver(con, tmp_path, but(7, where_prec=8, best=4, deaths_a=2))
    assert quarantine_listing(con) == [("7", "where_prec: from 1 to 7", "8")]
    assert believed(con)[7] == 3
    with pytest.raises(SourceError, match="99: no such row was ever held"):
        release_row(con, tmp_path / "landing", "ucdp_ged", "99", "x", "y")
    deliver(con, tmp_path, but(7, best="many"))
    with pytest.raises(SourceError, match="cannot be released, since it cannot be read"):
        release_row(con, tmp_path / "landing", "ucdp_ged", "7", "x", "y")


LONE = {"year": 2024, "date_start": "2024-05-03", "date_end": "2024-05-03"}  # two years after 7


def test_a_lone_newest_row_does_not_make_the_years_before_it_calm(con, tmp_path) -> None:
    deliver(con, tmp_path, but(7, **LONE))
    assert quarantine_listing(con) == [("7", "dated long after all other rows", "2024-05-03")]
    assert deliveries(SOURCE, tmp_path / "landing")[-1].covers_until == date(2022, 5, 3)
    assert source_status(con, date(2024, 5, 20)).filter(source="ucdp_ged")["is_stale"].all()
    release_row(con, tmp_path / "landing", "ucdp_ged", "7", "A. Diarra", "read in the report")
    deliver(con, tmp_path, but(7, **LONE))
    assert quarantine_listing(con) == []
    assert deliveries(SOURCE, tmp_path / "landing")[-1].covers_until == date(2024, 5, 3)


@pytest.mark.parametrize(
    "others",
    [
        [event(n, "2024-05-02") for n in (201, 202, 203)],  # four rows are no slip
        [event(201, "2019-05-03"), event(202, "2017-04-03")],  # of two years, as one before
    ],
)
def test_a_row_after_a_usual_gap_is_believed(con, tmp_path, others: list[dict]) -> None:
    deliver(con, tmp_path, [*but(7, **LONE), *others])
    assert quarantine_listing(con) == []


def test_too_many_bad_rows_refuse_the_delivery(con, tmp_path) -> None:
    deliver(con, tmp_path, GOOD)
    wrong = [{**row, "where_prec": 9} if row["id"] <= 6 else row for row in GOOD]
    says = "6 of 100 rows are bad, more than 5%: line 2, 9"
    with pytest.raises(GateError, match=says) as refused:
        deliver(con, tmp_path, wrong)
    assert refused.value.results["is_success"][-1] is False
    assert refused.value.results["unexpected_count"][-1] == 6
    assert set(believed(con)) == {row["id"] for row in GOOD}
    assert quarantine_listing(con) == []


@pytest.mark.parametrize(
    ("rows", "failure"),
    [
        (GOOD[:59], "table: expected: 60 or more rows, seen: 59 .*100 rows were there before"),
        (
            [{**row, "date_start": "2022-04-01", "date_end": "2022-04-01"} for row in GOOD],
            "date_end: expected: the newest is 2022-04-02 or later, seen: 2022-04-01",
        ),
    ],
)
def test_a_delivery_much_smaller_or_older_than_the_last_is_refused(
    con, tmp_path, rows: list[dict[str, Any]], failure: str
) -> None:
    deliver(con, tmp_path, GOOD)
    with pytest.raises(GateError, match=f"figures stay in use: landing.ucdp_ged, {failure}"):
        deliver(con, tmp_path, rows)
    assert set(believed(con)) == {row["id"] for row in GOOD}


def test_what_refused_a_delivery_stands_among_the_nights_checks(con, tmp_path) -> None:
    from flows.steps import FetchOutcome, judge_deliveries

    deliver(con, tmp_path, GOOD)
    path = tmp_path / "ged.csv"
    path.write_bytes(table(GOOD[:59]))
    batches = list(receive(SOURCE, str(path), tmp_path / "landing"))
    (sent,), checks = judge_deliveries([FetchOutcome(SOURCE, batches)], con, tmp_path / "landing")
    assert sent.batches == []
    assert sent.failure is not None
    assert sent.failure.startswith(f"ucdp_ged: {path} was refused. 1 critical check(s) failed")
    failed = checks.filter(~pl.col("is_success"), severity="critical")
    assert failed.select("table_name", "severity", "observed").rows() == [
        ("landing.ucdp_ged", "critical", "59")
    ]


def test_a_delivery_somewhat_smaller_and_older_withdraws_what_it_lacks(con, tmp_path) -> None:
    deliver(con, tmp_path, GOOD)
    older = [{**row, "date_start": "2022-04-02", "date_end": "2022-04-02"} for row in GOOD[:60]]
    deliver(con, tmp_path, older)
    assert set(believed(con)) == {row["id"] for row in GOOD[:60]}


def test_the_same_delivery_again_is_judged_the_same(con, tmp_path) -> None:
    def checks() -> list[tuple]:
        (batch,) = receive(SOURCE, str(tmp_path / "ged.csv"), tmp_path / "landing")
        return quarantine_rows(batch, tmp_path / "landing")[1].rows()

    deliver(con, tmp_path, GOOD)
    alone = checks()
    (tmp_path / "ged.csv").write_bytes(table(GOOD[:70]))
    first = checks()
    deliver(con, tmp_path, GOOD[:70])
    assert checks() == first
    assert len(first) == len(alone) + 2


def test_a_file_in_another_place_is_another_choice(con, tmp_path) -> None:
    deliver(con, tmp_path, GOOD)
    (tmp_path / "ged.csv").unlink()
    path = tmp_path / "mali_alone.csv"
    path.write_bytes(table(GOOD[:5]))
    (batch,) = receive(SOURCE, str(path), tmp_path / "landing")
    judged, _ = quarantine_rows(batch, tmp_path / "landing")
    assert judged.rows.height == 5


def test_quarantine_is_rebuilt_from_the_log(con, tmp_path) -> None:
    deliver(con, tmp_path, but(7, where_prec=9))
    deliver(con, tmp_path, but(8, best="many"))
    with warehouse(tmp_path / "anew.duckdb") as anew:
        catch_up(anew, SOURCE, tmp_path / "landing")
        for name in ("ops.quarantine", "history.ucdp_ged"):
            rows = f"from {name} order by all"
            assert anew.execute(rows).fetchall() == con.execute(rows).fetchall()


WRONG_NUMBERS = st.sampled_from(
    [
        "",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "99999999999999999999",
        "-1",
        "0x10",
        "1;2",
        "\u0663",
        "--1",
    ]
)
WRONG_DAYS = st.sampled_from(
    ["", "0001-01-01", "9999-12-31", "2022-02-30", "yesterday", "1988-12-31", "2022-13-01"]
)
WRONG_TEXTS = st.one_of(
    st.sampled_from([
        "=HYPERLINK(\"http://x\")", "+1+1", "@SUM(A1)", "<script>alert(1)</script>", "a\u202eb",
        "'; drop table events; --", "\u2066x\u2069", "a\x00b", "a\x1b[31mb", "{{7*7}}", "a\\b", "",
    ]),
    st.text("<>{}\\\x07\u202a\ufeff", min_size=1, max_size=9).map(lambda text: f"x{text}y"),
)  # fmt: skip
HOSTILE = st.one_of(
    st.tuples(st.sampled_from(["id", "best", "where_prec", "latitude", "type_of_violence",
                               "deaths_a", "country_id", "low"]), WRONG_NUMBERS),
    st.tuples(st.sampled_from(["date_end", "date_start"]), WRONG_DAYS),
    st.tuples(st.sampled_from(["side_a", "side_b", "conflict_name", "dyad_name"]), WRONG_TEXTS),
)  # fmt: skip


@settings(max_examples=10, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.lists(HOSTILE, min_size=1_000, max_size=1_000))
def test_hostile_rows_are_held_each_under_its_rule(hostile: list[tuple[str, str]]) -> None:
    """10 x 1,000 hostile rows among good ones: every one is held, every good one is believed."""
    import tempfile

    rows = [event(10_000 + n, "2022-05-03", date_start="2022-05-03", date_end="2022-05-03")
            for n in range(21_000)]  # fmt: skip
    for number, (field, value) in enumerate(hostile):
        rows[21 * number] = {**rows[21 * number], field: value}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ged.csv"
        path.write_bytes(table(rows))
        (batch,) = receive(SOURCE, str(path), Path(name) / "landing")
        judged, _ = quarantine_rows(batch, Path(name) / "landing")
    quarantined = {row.row: row for row in judged.quarantined}
    escaped = [case for n, case in enumerate(hostile) if 21 * n not in quarantined]
    assert not escaped
    assert len(quarantined) == len(hostile)  # and no good row
    for number, (field, _) in enumerate(hostile):
        row = quarantined[21 * number]
        texts = field in ("side_a", "side_b", "conflict_name", "dyad_name")
        assert field in f"{row.rule} {row.value}" or (texts and row.rule == "texts_are_plain") or (
            field in ("date_end", "date_start") and "date" in row.rule
        ), (field, row)  # fmt: skip


def test_no_held_row_reaches_a_mart(keep, tmp_path) -> None:
    """A night on the embedded events with a bad row of Sikasso among those of May 2021."""
    from flows.steps import assess_night
    from warehouse.sources.tables import fetch_file

    rows = SOURCE.parse(fetch_file(SOURCE, SOURCE.address).content, "")
    bad = rows.filter(pl.col("date_end") == date(2021, 5, 30)).head(1).with_columns(
        id=pl.lit(9_000_002, pl.Int64), best=pl.lit(99_999, pl.Int64), side_b=pl.lit("<b>x</b>")
    )  # fmt: skip
    path = tmp_path / "ged.csv"
    pl.concat([rows, bad]).write_csv(path)
    with warehouse(tmp_path / "w.duckdb") as con:
        from warehouse.sources import SOURCES

        for source in SOURCES:
            address = str(path) if source is SOURCE else None
            for batch in receive(source, address, tmp_path / "landing"):
                judged, _ = quarantine_rows(batch, tmp_path / "landing")
                accept(judged, tmp_path / "landing")
                catch_up(con, source, tmp_path / "landing", [judged])
        tables = assess_night(con, date(2021, 6, 25))
        assert quarantined_rows(con)["row_key"].to_list() == ["9000002"]
        past = tables["mart.source_status"].filter(source="ucdp_ged")
        assert past["quarantined_count"].item() == 1  # it lacks on past nights, too
        assert 99_999 not in tables["core.event"]["deaths_best_count"]
        for name, frame in tables.items():
            for column in frame.select(pl.col(pl.String)).columns:
                assert not frame[column].str.contains("<b>", literal=True).any(), (name, column)
        status = source_status(con, datetime.now(UTC).date())
        assert status.filter(source="ucdp_ged")["quarantined_count"].item() == 1
