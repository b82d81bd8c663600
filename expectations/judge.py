"""Running the suites, and the gate between what arrives and what is believed."""

import logging
import os
from collections.abc import Mapping, Set
from functools import cache
from typing import Any

import polars as pl
import polars.selectors as cs

from config.errors import TocsinError
from config.texts import printable
from expectations.checks import RESULT_SCHEMA, Check, rule
from expectations.postponed import postponed
from expectations.suites import SUITES

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import

# Checks on distributions alone, which no suite makes, use them: a fifth of a night's imports.
with postponed("altair", "scipy.stats"):
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.core.result_format import ResultFormat
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.validator.v1_validator import Validator

SHOWN, MOST_SHOWN = 3, 300  # offending rows told in a result, and their characters


class GateError(TocsinError):
    """A critical check failed; the message has a line for each.

    Attributes:
        results: Of the checks, as ``judge`` returns them.
    """

    def __init__(self, message: str, results: pl.DataFrame) -> None:
        super().__init__(message)
        self.results = results


def judge(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Results of the suites of these tables, one row a check.

    Great Expectations 1.24 judges pandas batches (through SQLAlchemy it fails on
    DuckDB). A check that cannot be made, because a column is missing or has the wrong
    type, is a critical failure, whatever its own severity.

    Args:
        tables: Frames by table name, each with a suite in ``SUITES``.

    Returns:
        Columns table_name, expectation (its class, then what good rows hold),
        column_name (or the rule's name), severity, is_success, unexpected_count (null
        where rows were not counted), observed (first offending rows), notes; in the
        order of ``SUITES``.

    Raises:
        KeyError: A table has no suite; the message names it.
    """
    if unknown := tables.keys() - SUITES.keys():
        raise KeyError(
            f"no suite for {', '.join(sorted(unknown))}; add one to expectations/suites.py"
        )
    results = [
        row
        for name, checks in SUITES.items()
        if name in tables
        for row in _judge_table(name, tables[name], checks)[0]
    ]
    return pl.DataFrame(results, schema=RESULT_SCHEMA, orient="row")


def judge_batch(
    table: str,
    frame: pl.DataFrame,
    overridden: Set[tuple[int, str, str]],
    further: tuple[Check, ...] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results of a landed table's suite, and the rows to be quarantined.

    A row that breaks a critical check of rows is quarantined, unless that is overridden, and
    what remains is judged again; so a critical failure in the results concerns the
    table as a whole.

    Args:
        table: Name in ``SUITES``.
        frame: The rows.
        overridden: Position, rule and value of what is believed all the same.
        further: Checks beside those of the suite.

    Returns:
        Results as ``judge``; rows: ``row`` (position in ``frame``), ``rule``, ``value``.
    """
    checks = SUITES[table] + further
    results, broken = _judge_table(table, frame, checks)
    to_quarantine = _rows_to_quarantine(checks, frame, broken, overridden)
    if broken:
        rest = frame.filter(~pl.int_range(pl.len()).is_in(to_quarantine["row"].implode()))
        results, _ = _judge_table(table, rest, checks)
    by_row = [check.is_of_rows for check in checks]  # what is left of these is overridden
    severity = pl.when(pl.Series(by_row) & pl.col("unexpected_count").is_not_null())
    outcome = pl.DataFrame(results, schema=RESULT_SCHEMA, orient="row").with_columns(
        severity=severity.then(pl.lit("warning")).otherwise("severity")
    )
    return outcome, to_quarantine


def rule_name(check: Check) -> str:
    """Name of a check as the rule that a row breaks."""
    column = ", ".join(_columns_judged(check))
    return column if check.condition is not None else f"{column}: {check.expected}"


def _rows_to_quarantine(
    checks: tuple[Check, ...],
    frame: pl.DataFrame,
    broken: Mapping[int, list[int]],
    overridden: Set[tuple[int, str, str]],
) -> pl.DataFrame:
    """Rows that break critical checks, with the first rule they break."""
    parts = []
    for number, rows in broken.items():
        check = checks[number]
        rule = rule_name(check)
        offending = frame.select(check.columns).with_row_index("row")[rows]
        if "Unique" in check.expectation:  # the first of several is believed
            offending = offending.filter(~pl.struct(check.columns).is_first_distinct())
        values = pl.concat_str(
            pl.col(check.columns).cast(pl.String).str.slice(0, 80).fill_null("empty"),
            separator=", ",
        )
        parts.append(
            offending.select(pl.col("row").cast(pl.Int64), rule=pl.lit(rule), value=values)
        )
    if not parts:
        return pl.DataFrame(schema={"row": pl.Int64, "rule": pl.String, "value": pl.String})
    offending = pl.concat(parts)
    overrides = pl.DataFrame(list(overridden), schema=offending.schema, orient="row")
    return (
        offending.join(overrides, on=["row", "rule", "value"], how="anti")
        .unique("row", keep="first", maintain_order=True)
        .sort("row")
    )


def gate(results: pl.DataFrame, stopped: str = "nothing was published") -> None:
    """Let results pass, unless a critical check failed.

    Args:
        results: As ``judge`` returns them.
        stopped: What a failure stops, in words.

    Raises:
        GateError: One line for every critical failure, naming table, column, what was
            expected, rows and first values; and what to do.
    """
    failed_checks = results.filter((pl.col("severity") == "critical") & ~pl.col("is_success"))
    if failed_checks.is_empty():
        return
    gap = " " if failed_checks.height == 1 else "\n"
    lines = [
        f"{failed_checks.height} critical check(s) failed, {stopped}:",
        *(_line(row) for row in failed_checks.iter_rows(named=True)),
        "correct the figures at their source and run again or, if a bound is wrong, change it "
        "with a reason",
    ]
    raise GateError(gap.join(lines), results)


def _line(row: Mapping[str, Any]) -> str:
    rule = row["expectation"].partition(": ")[2]
    count = row["unexpected_count"]
    rows = "" if count is None else f", broken in {count:,} row{'' if count == 1 else 's'}"
    observed = f", seen: {row['observed']}" if row["observed"] else ""
    return (
        f"{row['table_name']}, {row['column_name'] or 'table'}: expected: {rule}{rows}{observed} "
        f"({row['notes']});"
    )


@cache
def _batch_definition() -> Any:
    """Where frames are handed to Great Expectations; it lives in memory, no file is written."""
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("tocsin").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("table")


def _judge_table(
    name: str, frame: pl.DataFrame, checks: tuple[Check, ...]
) -> tuple[list[tuple[Any, ...]], dict[int, list[int]]]:
    """Results by check, and for critical checks of rows the positions that break them.

    A check of rows holds where there are none, and is not handed over then.
    """
    obstacles: dict[int, str] = {}  # why a check cannot be made, by its place in the suite
    series_by_name: dict[str, pl.Series] = {}  # what is handed over: columns, and rules as booleans
    for number, check in enumerate(checks):
        if missing := [column for column in check.columns if column not in frame.columns]:
            obstacles[number] = f"column is missing: {', '.join(missing)}"
        elif check.condition is None:
            series_by_name |= {column: frame[column] for column in check.columns}
        else:
            try:
                holds = frame.select(check.condition.fill_null(True)).to_series()
            except pl.exceptions.PolarsError as error:
                obstacles[number] = _first_line(error)
            else:
                series_by_name[check.arguments["column"]] = holds
    possible = {
        number: check
        for number, check in enumerate(checks)
        if number not in obstacles
        and not (frame.is_empty() and check.is_of_rows)
        and check.expectation != "ExpectColumnToExist"  # no obstacle: it does
    }
    of_rows = {
        n: _holds(check, series_by_name) for n, check in possible.items() if check.is_of_rows
    }
    by_check = {n: holds for n, holds in of_rows.items() if holds is not None}
    together = {n: holds for n, holds in by_check.items() if holds.all()}
    failing = by_check.keys() - together.keys()
    if len(together) > 1 and _all_hold(list(together.values())):
        possible = {n: check for n, check in possible.items() if n not in together}
    names = {name for check in possible.values() for name in _columns_judged(check)}
    frame_judged = pl.DataFrame(
        {name: values for name, values in series_by_name.items() if name in names}
    )
    if not names:
        frame_judged = frame.select(row=pl.int_range(pl.len()))
    results = _validate(frame_judged, possible, failing)
    rows = [
        _row(name, check, frame, obstacles.get(number), results.get(number))
        for number, check in enumerate(checks)
    ]
    broken = {
        number: result.result["unexpected_index_list"]
        for number, result in results.items()
        if checks[number].is_of_rows
        and checks[number].severity == "critical"
        and result.result.get("unexpected_index_list")
    }
    return rows, broken


def _columns_judged(check: Check) -> list[str]:
    """The columns handed over for it: of the table, or its rule's."""
    column = check.arguments.get("column")
    return [column] if column else list(check.arguments.get("column_list", ()))


def _holds(check: Check, series_by_name: Mapping[str, pl.Series]) -> pl.Series | None:
    """By row, whether a check of rows holds; None: only Great Expectations can tell.

    As there, a value that is missing, in pandas null or NaN, is neither outside a set nor
    outside bounds, and a key of which all parts are missing is none.
    """
    if check.condition is not None:
        return series_by_name[check.arguments["column"]]
    columns = pl.DataFrame([series_by_name[name] for name in _columns_judged(check)])
    columns = columns.with_columns(cs.float().fill_nan(None))
    values = cs.first()
    arguments = {name: value for name, value in check.arguments.items() if name != "column"}
    match check.expectation, arguments:
        case ["ExpectColumnValuesToNotBeNull", {**other}] if not other:
            holds = values.is_not_null()
        case ["ExpectColumnValuesToBeInSet", {"value_set": value_set, **other}] if not other:
            holds = values.is_in(value_set)
        case ["ExpectColumnValuesToBeBetween", {"min_value": low, "max_value": high, **other}] if (
            not other
        ):
            bounds = [values >= low] if low is not None else []
            bounds += [values <= high] if high is not None else []
            holds = pl.all_horizontal(bounds)
        case ["ExpectColumnValuesToBeUnique" | "ExpectCompoundColumnsToBeUnique", _]:
            is_empty = pl.all_horizontal(pl.all().is_null())
            holds = pl.struct(pl.all()).is_unique() | is_empty
        case _:
            return None
    try:
        return columns.select(holds.fill_null(True)).to_series()
    except pl.exceptions.PolarsError:  # of another type, which Great Expectations has words for
        return None


def _all_hold(holds: list[pl.Series]) -> bool:
    """Whether all of them hold in every row, asked as one: most checks have no bad row at all.

    Great Expectations takes ten milliseconds to take in an expectation, whatever the table;
    one that is not met is asked for itself.
    """
    frame = pl.select(pl.all_horizontal(holds).alias("holds"))
    every = {0: rule("holds", pl.col("holds"), "critical", "")}
    return bool(_validate(frame, every)[0].success)


def _validate(
    frame: pl.DataFrame, checks: Mapping[int, Check], failing: Set[int] = frozenset()
) -> dict[int, Any]:
    """Results by place in the suite; ``failing``: places of checks that are known to fail.

    To be told only whether a check of rows holds takes half the time, so what was seen is
    asked for in a second turn, of those that fail and of the others.
    """
    if not checks:
        return {}
    validator = Validator(
        _batch_definition(), ResultFormat.BOOLEAN_ONLY, {"dataframe": frame.to_pandas()}
    )
    to_try = {n: check for n, check in checks.items() if check.is_of_rows and n not in failing}
    results = _run(validator, to_try)
    numbers_passed = {number for number, result in results.items() if result.success}
    validator.result_format = ResultFormat.COMPLETE
    rest = {number: check for number, check in checks.items() if number not in numbers_passed}
    return results | _run(validator, rest)


def _run(validator: Any, checks: Mapping[int, Check]) -> dict[int, Any]:
    if not checks:
        return {}
    expectations = [
        getattr(gxe, check.expectation)(**check.arguments, meta={"n": number})
        for number, check in checks.items()
    ]
    outcome = validator.validate_expectation_suite(gx.ExpectationSuite("checks", expectations))
    return {result.expectation_config.meta["n"]: result for result in outcome.results}


def _row(
    name: str, check: Check, frame: pl.DataFrame, obstacle: str | None, result: Any
) -> tuple[Any, ...]:
    column = ", ".join(_columns_judged(check))
    obstacle = obstacle or (result and _raised(result))
    is_success = obstacle is None and (result is None or bool(result.success))
    if obstacle:
        count, observed = None, obstacle
    elif is_success and check.is_of_rows:
        count, observed = 0, ""
    elif result is None:
        count, observed = None, ""
    else:
        count, observed = (
            result.result.get("unexpected_count"),
            _first_offending(name, check, frame, result),
        )
    return (
        name,
        f"{check.expectation}: {check.expected}",
        column or None,
        "critical" if obstacle else check.severity,
        is_success,
        count,
        observed or None,
        check.notes,
    )


def _raised(result: Any) -> str | None:
    """What Great Expectations stumbled over: it says so once a check or once a metric."""
    info = result.exception_info
    for part in [info] if "raised_exception" in info else list(info.values()):
        if part["raised_exception"]:
            return f"cannot be checked: {_first_line(part['exception_message'])}"
    return None


def _first_offending(name: str, check: Check, frame: pl.DataFrame, result: Any) -> str:
    """The first offending rows: their key, and what the check reads; of a table its value."""
    if "observed_value" in result.result:
        return str(result.result["observed_value"]).removesuffix(" 00:00:00")
    if "unexpected_index_list" not in result.result:
        return ""
    broken = frame[result.result["unexpected_index_list"][:SHOWN]]
    key = next((c.columns for c in SUITES[name] if "Unique" in c.expectation), [])
    columns = [
        column for column in dict.fromkeys([*key, *check.columns]) if column in frame.columns
    ]
    texts = (
        ", ".join(
            f"{column} {'empty' if value is None else value}" for column, value in row.items()
        )
        for row in broken.select(columns).iter_rows(named=True)
    )
    return printable("; ".join(dict.fromkeys(texts))[:MOST_SHOWN])


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0]
