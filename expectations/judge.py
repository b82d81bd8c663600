"""Running the suites, and the gate between what arrives and what is believed."""

import logging
import os
from collections.abc import Mapping
from typing import Any

import polars as pl

from expectations.suites import SUITES, Check

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.data_context.types.base import ProgressBarsConfig

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


class GateError(Exception):
    """A critical check failed; the message has a line for each."""


def judge(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Results of the suites of these tables, one row a check.

    Great Expectations 1.24 judges pandas batches (through SQLAlchemy it fails on
    DuckDB). A check of a missing column fails; it is no error of the judge.

    Args:
        tables: Frames by table name, each with a suite in ``SUITES``.

    Returns:
        Columns table_name, expectation, column_name, severity, is_success,
        unexpected_count, observed (what was seen), notes; in the order of ``SUITES``.

    Raises:
        KeyError: A table has no suite.
    """
    if unknown := tables.keys() - SUITES.keys():
        raise KeyError(
            f"no suite for {', '.join(sorted(unknown))}; add one to expectations/suites.py"
        )
    context = _context()
    found = [
        row
        for name, checks in SUITES.items()
        if name in tables
        for row in _judge_table(context, name, tables[name], checks)
    ]
    return pl.DataFrame(found, schema=RESULT_SCHEMA, orient="row")


def gate(results: pl.DataFrame) -> None:
    """Let results pass, unless a critical check failed.

    Raises:
        GateError: Naming table, column, check, rows and first values of every
            critical failure, and what to do.
    """
    failed = results.filter((pl.col("severity") == "critical") & ~pl.col("is_success"))
    if failed.is_empty():
        return
    lines = [
        f"{row['table_name']}, {row['column_name'] or 'table'}: {row['expectation']} failed"
        + (f" in {row['unexpected_count']} rows" if row["unexpected_count"] else "")
        + (f", seen: {row['observed']}" if row["observed"] else "")
        + f" ({row['notes']})"
        for row in failed.iter_rows(named=True)
    ]
    raise GateError(
        f"{failed.height} critical check(s) failed, nothing was published: "
        + "; ".join(lines)
        + "; correct the figures at their source or, if the rule is wrong, expectations/suites.py"
    )


def _context() -> Any:
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _judge_table(
    context: Any, name: str, frame: pl.DataFrame, checks: tuple[Check, ...]
) -> list[tuple[Any, ...]]:
    able = [check for check in checks if set(check.columns) <= set(frame.columns)]
    derived = [c.holds.alias(c.arguments["column"]) for c in able if c.holds is not None]
    plain = {column for check in able if check.holds is None for column in check.columns}
    batch = (
        context.data_sources.add_pandas(name)
        .add_dataframe_asset(name)
        .add_batch_definition_whole_dataframe(name)
        .get_batch({"dataframe": frame.select(*sorted(plain), *derived).to_pandas()})
    )
    suite = gx.ExpectationSuite(
        name=name,
        expectations=[
            getattr(gxe, check.expectation)(
                **check.arguments, severity=check.severity, notes=check.notes, meta={"n": number}
            )
            for number, check in enumerate(able)
        ],
    )
    outcome = batch.validate(suite, result_format="BASIC")
    seen = {result.expectation_config.meta["n"]: result for result in outcome.results}
    return [
        _row(name, check, seen[able.index(check)] if check in able else None) for check in checks
    ]


def _row(name: str, check: Check, result: Any) -> tuple[Any, ...]:
    column = check.arguments.get("column") or ", ".join(check.arguments.get("column_list", ()))
    if result is None:
        is_success, count, observed = False, None, "column is missing"
    elif result.exception_info.get("raised_exception"):
        is_success, count = False, None
        observed = str(result.exception_info.get("exception_message"))
    else:
        is_success, count = bool(result.success), result.result.get("unexpected_count")
        seen = result.result.get("observed_value", result.result.get("partial_unexpected_list"))
        if isinstance(seen, list):
            seen = ", ".join(dict.fromkeys(str(value) for value in seen))
        observed = "" if check.holds is not None or seen is None else str(seen)[:80]
    return (
        name, check.expectation, column or None, check.severity, is_success, count,
        observed or None, check.notes,
    )  # fmt: skip
