"""The embedded night before the suites; each check has its case in tests/expectations."""

from datetime import date

import polars as pl
import pytest

from expectations.judge import GateError, gate, judge
from expectations.suites import SUITES
from warehouse.sources import SOURCES
from warehouse.sources.tables import fetch_file


@pytest.fixture(scope="module")
def tables(night) -> dict[str, pl.DataFrame]:
    landed = {
        f"landing.{s.name}": s.parse(fetch_file(s, s.address).content, s.address)
        for s in SOURCES
        if s.embedded
    }
    return {**landed, **night(date(2021, 6, 25))}


@pytest.fixture(scope="module")
def passed(tables) -> pl.DataFrame:
    return judge({name: tables[name] for name in SUITES if name in tables})


def test_the_embedded_night_passes_but_for_one_known_flaw(passed) -> None:
    failed = passed.filter(~pl.col("is_success"))
    assert failed.select("table_name", "column_name", "severity", "unexpected_count").rows() == [
        ("landing.ucdp_ged", "low_best_high_in_order", "warning", 41)
    ]
    gate(passed)


def test_a_missing_column_is_a_critical_failure_with_a_cure(tables) -> None:
    results = judge(
        {"landing.mali_census_2009": tables["landing.mali_census_2009"].drop("region_name")}
    )
    with pytest.raises(
        GateError, match=r"landing.mali_census_2009, region_name: .*column is missing"
    ):
        gate(results)


def test_a_table_without_suite_is_refused() -> None:
    with pytest.raises(KeyError, match=r"no suite for mart.other"):
        judge({"mart.other": pl.DataFrame({"a": [1]})})
