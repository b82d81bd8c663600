"""Every check catches the row it is there for, and lets good rows pass."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from config.registry import countries
from expectations.judge import judge
from expectations.suites import SUITES
from mutations import (
    BREAKS,
    REGIONS,
    broken,
    caught,
    clean,
    in_words,
    page,
    shares_its_column,
)

CHECKS = [(table, number) for table, checks in SUITES.items() for number in range(len(checks))]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("table", SUITES)
def test_good_rows_pass(table: str) -> None:
    results = judge({table: clean(table)})
    assert results.height == len(SUITES[table])
    assert results.filter(~results["is_success"]).rows() == []


@pytest.mark.parametrize(("table", "number"), CHECKS)
def test_every_check_catches_what_it_is_there_for(table: str, number: int) -> None:
    check = SUITES[table][number]
    is_caught = caught(table, number).values()
    assert any(is_caught) if shares_its_column(table, check) else is_caught and all(is_caught)


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        (table, column, values)
        for table, columns in BREAKS.items()
        for column, bad in columns.items()
        for values in bad
        if sum(check.arguments.get("column") == column for check in SUITES[table]) > 1
    ],
)
def test_every_bad_value_is_caught_by_a_check_of_its_column(
    table: str, column: str, values: Mapping[str, Any]
) -> None:
    own = tuple(check for check in SUITES[table] if check.arguments.get("column") == column)
    with patch.dict(SUITES, {table: own}):
        assert not judge({table: broken(clean(table), values)})["is_success"].all(), in_words(
            values
        )


def test_the_page_of_checks_is_as_they_are() -> None:
    text = (ROOT / "docs" / "checks.md").read_text("utf-8")
    assert text == page(), "run: python tests/mutations.py > docs/checks.md"


def test_bad_values_are_written_down_for_every_check_and_no_other() -> None:
    written = {(table, column) for table, columns in BREAKS.items() for column in columns}
    generic = ("ExpectColumnToExist", "ExpectColumnValuesToNotBeNull", "ExpectColumnValuesToBeUni")
    needed = {
        (table, check.arguments["column"])
        for table, checks in SUITES.items()
        for check in checks
        if "column" in check.arguments
        and (not check.expectation.startswith(generic) or "mostly" in check.arguments)
    }
    assert written == needed


def test_every_bound_says_why_and_since_when() -> None:
    for checks in SUITES.values():
        for check in checks:
            since, _, reason = check.notes.partition(": ")
            assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", since)
            assert reason
            assert check.severity in ("critical", "warning")


def test_no_check_stands_twice() -> None:
    for checks in SUITES.values():
        rules = [(check.expectation, str(check.arguments)) for check in checks]
        assert len(rules) == len(set(rules))


def test_embedded_places_and_suites_agree() -> None:
    assert countries().height == 8
    assert REGIONS == 104
