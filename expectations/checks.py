"""The record of a check, and the few kinds of check the suites are made of.

Declared as data: reading it costs no import of Great Expectations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

RESULT_SCHEMA = {
    "table_name": pl.String,
    "expectation": pl.String,
    "column_name": pl.String,
    "severity": pl.String,
    "is_success": pl.Boolean,
    "unexpected_count": pl.Int64,
    "observed": pl.String,
    "notes": pl.String,
}


MOST_NAMED = 300  # values of a set that are told one by one


@dataclass(frozen=True)
class Check:
    """One expectation on a table.

    Attributes:
        expectation: Class name in ``great_expectations.expectations``.
        arguments: Its arguments.
        severity: critical or warning.
        notes: Why the bound has its value, and since when.
        condition: For a rule over several columns: a polars expression, true in good
            rows, null where it cannot be told (passes); it is judged as the
            boolean column ``arguments["column"]``.
    """

    expectation: str
    arguments: Mapping[str, Any]
    severity: str
    notes: str
    condition: pl.Expr | None = field(default=None, compare=False)

    @property
    def columns(self) -> list[str]:
        """Columns of the table the check reads."""
        if self.condition is not None:
            return sorted(set(self.condition.meta.root_names()))
        names = self.arguments.get("column_list", [self.arguments.get("column")])
        return [name for name in names if name is not None]

    @property
    def is_of_rows(self) -> bool:
        """Whether single rows break it, which then can be quarantined."""
        whole = ("ExpectTable", "ExpectColumnMax", "ExpectColumnToExist")
        return not self.expectation.startswith(whole) and "mostly" not in self.arguments

    @property
    def expected(self) -> str:
        """What good rows hold, in words.

        Example:
            >>> between("where_prec", 1, 7, "UCDP").expected
            'from 1 to 7'
        """
        low, high = self.arguments.get("min_value"), self.arguments.get("max_value")
        words = {
            "ExpectColumnToExist": "the column is there",
            "ExpectColumnValuesToNotBeNull": "never empty",
            "ExpectColumnValuesToBeUnique": "no value twice",
            "ExpectCompoundColumnsToBeUnique": "no two rows with the same key",
            "ExpectColumnValuesToMatchRegex": f"like {self.arguments.get('regex')}",
            "ExpectTableRowCountToEqual": f"{self.arguments.get('value')} rows",
            "ExpectTableRowCountToBeBetween": f"{low} or more rows",
            "ExpectColumnValuesToBeBetween": f"from {low} to {high}",
            "ExpectColumnMaxToBeBetween": f"the newest is {low:%Y-%m-%d} or later"
            if isinstance(low, date)
            else None,
        }.get(self.expectation)
        if self.condition is not None:
            words = self.arguments["column"].replace("_", " ")
        elif self.expectation == "ExpectColumnValuesToBeInSet":
            values = [str(value) for value in self.arguments["value_set"]]
            words = f"one of {', '.join(values)}"
            if len(values) > MOST_NAMED:
                words = f"one of {len(values):,}, from {values[0]} to {values[-1]}"
        elif self.expectation == "ExpectColumnValuesToBeBetween" and None in (low, high):
            words = f"{low} or more" if high is None else f"{high} or less"
        share = self.arguments.get("mostly")
        return f"{words or self.expectation}{f' in {share:.0%} of rows' if share else ''}"


# Signs of another kind of text than a name: control and bidi characters, markup, formulas, SQL.
NO_NAME = (
    "[\\x00-\\x1f\\x7f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff<>{}\\\\]"
    "|--|^[=+@]|;\\s*[a-zA-Z]+ table"
)


def plain(*columns: str) -> Check:
    """Texts hold no control or bidi characters, markup, formulas or SQL; nulls pass."""
    return rule(
        "texts_are_plain",
        ~pl.any_horizontal(*(pl.col(column).str.contains(NO_NAME) for column in columns)),
        "critical",
        "2026-11: no name on file has such signs; mails, pages and spreadsheets show them",
    )


def exist(*columns: str) -> list[Check]:
    """The columns exist; they may hold nulls."""
    return [
        Check(
            "ExpectColumnToExist",
            {"column": column},
            "critical",
            "2026-11: a later step reads it, empty or not",
        )
        for column in columns
    ]


def present(*columns: str) -> list[Check]:
    """The columns exist and hold no null."""
    return [
        Check(
            "ExpectColumnValuesToNotBeNull",
            {"column": column},
            "critical",
            "2026-11: every later step reads it",
        )
        for column in columns
    ]


def key(*columns: str) -> Check:
    """No two rows share these columns."""
    notes = "2026-11: the table's grain"
    if len(columns) == 1:
        return Check("ExpectColumnValuesToBeUnique", {"column": columns[0]}, "critical", notes)
    return Check(
        "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)}, "critical", notes
    )


def between(
    column: str, low: float | None, high: float | None, notes: str, severity: str = "critical"
) -> Check:
    """Values lie within the bounds, both included; nulls pass."""
    return Check(
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": low, "max_value": high},
        severity,
        notes,
    )


def surprising(column: str, high: float, notes: str) -> Check:
    """Values are at most ``high``; larger ones may be true, so it is a warning to the operator."""
    return between(column, None, high, notes, "warning")


def one_of(column: str, values: list[Any], notes: str, severity: str = "critical") -> Check:
    """Values come from the set; nulls pass."""
    return Check(
        "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values}, severity, notes
    )


def mostly_rule(name: str, condition: pl.Expr, share: float, notes: str) -> Check:
    """A rule holds in at least this share of rows; a warning."""
    arguments = {"column": name, "value_set": [True], "mostly": share}
    return Check("ExpectColumnValuesToBeInSet", arguments, "warning", notes, condition)


def mostly(column: str, values: list[Any], share: float, notes: str) -> Check:
    """At least this share of values comes from the set; a warning."""
    arguments = {"column": column, "value_set": values, "mostly": share}
    return Check("ExpectColumnValuesToBeInSet", arguments, "warning", notes)


def rule(name: str, condition: pl.Expr, severity: str, notes: str) -> Check:
    """A rule over one or more columns holds in every row where it can be told."""
    return Check(
        "ExpectColumnValuesToBeInSet",
        {"column": name, "value_set": [True]},
        severity,
        notes,
        condition,
    )


def in_order(name: str, columns: list[str], severity: str, notes: str) -> Check:
    """Every column is no larger than the next."""
    pairs = pairwise(columns)
    condition = pl.all_horizontal([pl.col(a) <= pl.col(b) for a, b in pairs])
    return rule(name, condition, severity, notes)


def first_of_month(column: str) -> Check:
    """The column holds firsts of months only."""
    return rule(
        f"{column}_is_first_of_month",
        pl.col(column).dt.day() == 1,
        "critical",
        "2026-11: months are kept as their first day",
    )


def rows(least: int, notes: str) -> Check:
    """The table has at least so many rows."""
    return Check("ExpectTableRowCountToBeBetween", {"min_value": least}, "critical", notes)


def exactly(count: int, notes: str) -> Check:
    """The table has just so many rows."""
    return Check("ExpectTableRowCountToEqual", {"value": count}, "critical", notes)
