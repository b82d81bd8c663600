"""What the judge reports, and what the gate lets pass."""

import math
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from expectations.checks import Check, between, exist, in_order, key, mostly, one_of, present, rows
from expectations.judge import RESULT_SCHEMA, GateError, _holds, _validate, gate, judge
from expectations.suites import SUITES

TABLE = "landing.mali_census_2009"
GOOD = pl.DataFrame({"region_name": ["Sikasso"], "population_count": [2_643_179]})


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small suite in the place of one table's own."""
    checks = (
        rows(1, "2026-11: a"),
        *present("name"),
        key("name"),
        between("low", 0, 9, "2026-11: b"),
        in_order("low_not_above_high", ["low", "high"], "warning", "2026-11: c"),
        mostly("kind", ["x"], 0.5, "2026-11: d"),
    )
    monkeypatch.setitem(SUITES, TABLE, checks)


FAULTY = pl.DataFrame(
    {
        "name": ["a", "a", None, "c"],
        "low": [1, 12, 3, None],
        "high": [2, 11, 2, 1],
        "kind": ["x", "x", "y", "y"],
    }
)


@pytest.mark.usefixtures("suite")
def test_one_row_a_check_in_the_order_of_the_suite() -> None:
    results = judge({TABLE: FAULTY})
    assert results.schema == pl.Schema(RESULT_SCHEMA)
    assert results.drop("table_name", "notes").rows() == [
        ("ExpectTableRowCountToBeBetween: 1 or more rows", None, "critical", True, None, "4"),
        ("ExpectColumnValuesToNotBeNull: never empty", "name", "critical", False, 1, "name empty"),
        ("ExpectColumnValuesToBeUnique: no value twice", "name", "critical", False, 2, "name a"),
        ("ExpectColumnValuesToBeBetween: from 0 to 9", "low", "critical", False, 1,
         "name a, low 12"),
        (
            "ExpectColumnValuesToBeInSet: low not above high",
            "low_not_above_high", "warning", False, 2,
            "name a, high 11, low 12; name empty, high 2, low 3",
        ),
        ("ExpectColumnValuesToBeInSet: one of x in 50% of rows", "kind", "warning", True, 2,
         "name empty, kind y; name c, kind y"),
    ]  # fmt: skip


@pytest.mark.usefixtures("suite")
def test_the_same_tables_give_the_same_results() -> None:
    assert judge({TABLE: FAULTY}).equals(judge({TABLE: FAULTY}))


@pytest.mark.usefixtures("suite")
def test_the_gate_names_table_column_rows_and_values() -> None:
    with pytest.raises(GateError) as caught:
        gate(judge({TABLE: FAULTY}))
    assert str(caught.value).splitlines() == [
        "3 critical check(s) failed, nothing was published:",
        "landing.mali_census_2009, name: expected: never empty, broken in 1 row, seen: name empty "
        "(2026-11: every later step reads it);",
        "landing.mali_census_2009, name: expected: no value twice, broken in 2 rows, seen: name a "
        "(2026-11: the table's grain);",
        "landing.mali_census_2009, low: expected: from 0 to 9, broken in 1 row, seen: name a, "
        "low 12 (2026-11: b);",
        "correct the figures at their source and run again or, if a bound is wrong, change it "
        "with a reason",
    ]


@pytest.mark.usefixtures("suite")
def test_a_single_failure_is_told_in_one_line() -> None:
    with pytest.raises(GateError) as caught:
        gate(judge({TABLE: FAULTY[1:2]}))
    assert str(caught.value) == (
        "1 critical check(s) failed, nothing was published: landing.mali_census_2009, low: "
        "expected: from 0 to 9, broken in 1 row, seen: name a, low 12 (2026-11: b); correct the "
        "figures at their source and run again or, if a bound is wrong, change it with a reason"
    )


@pytest.mark.usefixtures("suite")
def test_a_warning_passes_the_gate() -> None:
    results = judge({TABLE: FAULTY[:1].with_columns(high=pl.lit(0))})
    assert results.filter(~pl.col("is_success"))["severity"].to_list() == ["warning"]
    gate(results)


@pytest.mark.usefixtures("suite")
def test_a_missing_column_is_critical_even_under_a_warning() -> None:
    results = judge({TABLE: FAULTY[:1].drop("high", "name")})
    missing = results.filter(~pl.col("is_success"))
    assert missing.select("column_name", "severity", "observed").rows() == [
        ("name", "critical", "column is missing: name"),
        ("name", "critical", "column is missing: name"),
        ("low_not_above_high", "critical", "column is missing: high"),
    ]


@pytest.mark.usefixtures("suite")
def test_a_wrong_type_is_a_critical_failure_with_its_reason() -> None:
    results = judge({TABLE: FAULTY[:1].with_columns(low=pl.lit("few"), high=pl.date(2021, 5, 1))})
    wrong = results.filter(~pl.col("is_success"))
    assert wrong["column_name"].to_list() == ["low", "low_not_above_high"]
    assert wrong["severity"].to_list() == ["critical", "critical"]
    assert "must either be None or of the same type" in wrong["observed"][0]
    assert "string" in wrong["observed"][1]
    with pytest.raises(GateError, match="cannot be checked: "):
        gate(results)


VALUES = {
    pl.Float64: st.none() | st.sampled_from([math.nan, -math.inf, -1.5, 0.0, 1.0, 9.0, math.inf]),
    pl.Int64: st.none() | st.integers(-2, 10),
    pl.String: st.none() | st.sampled_from(["", "a", "b"]),
    pl.Date: st.none() | st.sampled_from([date(2021, 5, day) for day in (1, 2, 30)]),
}
OF_ROWS = (
    *present(*(f"{kind}" for kind in VALUES)),
    *(key(f"{kind}") for kind in VALUES),
    key(*(f"{kind}" for kind in VALUES)),
    key("Float64", "Int64"),
    *(between(f"{kind}", *bounds, "") for kind in (pl.Float64, pl.Int64)
      for bounds in ((0, 9), (None, 1), (0.5, None))),
    one_of("Float64", [0.0, 1.0], ""), one_of("Int64", [1, 2], ""), one_of("String", ["a"], ""),
    one_of("String", [], ""),
)  # fmt: skip


@given(st.lists(st.tuples(*VALUES.values()), min_size=1, max_size=5))
@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
def test_a_row_holds_as_great_expectations_says(rows: list[tuple[object, ...]]) -> None:
    frame = pl.DataFrame(rows, schema={f"{kind}": kind for kind in VALUES}, orient="row")
    results = _validate(frame, dict(enumerate(OF_ROWS)))
    for number, check in enumerate(OF_ROWS):
        holds = _holds(check, frame.to_dict())
        assert holds is not None, check
        broken = results[number].result.get("unexpected_index_list") or []
        assert [row for row, is_so in enumerate(holds) if not is_so] == sorted(broken), check


@pytest.mark.parametrize(
    "check",
    [
        between("name", 0, 9, ""),
        one_of("name", [1], ""),
        Check("ExpectColumnValuesToMatchRegex", {"column": "name", "regex": "a"}, "critical", ""),
        Check("ExpectColumnValuesToBeBetween",
              {"column": "low", "min_value": 0, "max_value": 1, "strict_min": True}, "warning", ""),
    ],
)  # fmt: skip
def test_what_polars_cannot_tell_is_left_to_great_expectations(check: Check) -> None:
    assert _holds(check, FAULTY.to_dict()) is None


def test_an_empty_frame_without_columns_is_judged() -> None:
    results = judge({TABLE: pl.DataFrame()})
    assert not results["is_success"].any()
    assert set(results["severity"]) == {"critical"}


@pytest.mark.parametrize("table", SUITES)
def test_a_frame_of_no_columns_never_raises(table: str) -> None:
    assert judge({table: pl.DataFrame()}).height == len(SUITES[table])


def test_a_table_without_a_suite_is_named() -> None:
    with pytest.raises(KeyError, match=r"no suite for mart\.weather; add one to expectations"):
        judge({"mart.weather": GOOD})


def test_nothing_to_judge_gives_no_rows() -> None:
    assert judge({}).schema == pl.Schema(RESULT_SCHEMA)
    gate(judge({}))


def test_tables_are_told_in_the_order_of_the_suites() -> None:
    other = "landing.governance_register"
    results = judge({TABLE: GOOD, other: pl.DataFrame()})
    assert results["table_name"].unique(maintain_order=True).to_list() == [other, TABLE]


def test_the_frame_judged_is_left_as_it_was() -> None:
    frame = FAULTY.clone()
    judge({TABLE: frame})
    assert frame.equals(FAULTY)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (between("a", 0, None, ""), "0 or more"),
        (between("a", None, 5, ""), "5 or less"),
        (one_of("a", [1, 2], ""), "one of 1, 2"),
        (mostly("a", ["x"], 0.9, ""), "one of x in 90% of rows"),
        (exist("a")[0], "the column is there"),
        (key("a", "b"), "no two rows with the same key"),
    ],
)
def test_expectations_in_words(check: Check, words: str) -> None:
    assert check.expected == words


def test_judging_prints_nothing_and_writes_no_file(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = (
        "import polars as pl; from expectations.judge import judge; "
        f"judge({{{TABLE!r}: pl.DataFrame({{'region_name': ['?'], 'population_count': ['x']}})}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("column", "empty"), [("low", float("nan")), ("low", None), ("name", None)]
)
def test_one_empty_value_among_full_columns_is_of_its_column(monkeypatch, column, empty) -> None:
    checks = (*present("name", "low"), in_order("low_first", ["low", "high"], "critical", "-"))
    monkeypatch.setitem(SUITES, TABLE, checks)
    good = pl.DataFrame({"name": ["a", "b"], "low": [1.0, 2.0], "high": [1.0, 2.0]})
    assert judge({TABLE: good})["is_success"].all()
    bad = good.with_columns(pl.Series(column, [good[column][0], empty], strict=False))
    failed = judge({TABLE: bad}).filter(~pl.col("is_success"))
    assert failed["column_name"].to_list()[:1] == [column]
    assert failed["unexpected_count"].to_list()[:1] == [1]
