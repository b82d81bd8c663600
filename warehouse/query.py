"""Running the statements of ``warehouse/sql`` by name, values always bound."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

SQL = Path(__file__).parent / "sql"
PLACEHOLDER = re.compile(r"__([a-z]+(?:_[a-z]+)*)__")


@cache
def _file_text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text("utf-8")


def statement(name: str, words: Mapping[str, str] | None = None) -> str:
    """Text of ``sql/<name>.sql``.

    Args:
        name: Path below ``sql`` without its ending, such as ``core/event``.
        words: What stands for ``__placeholders__`` (``source_table``, ...): identifiers and
            conditions of our own records, so that one statement serves every source; never
            values.

    Raises:
        ValueError: The statement has a placeholder of which nothing is said.
    """
    try:
        return PLACEHOLDER.sub(lambda match: (words or {})[match[1]], _file_text(name))
    except KeyError as error:
        raise ValueError(f"{name}.sql: nothing is said of __{error.args[0]}__") from None


def run_sql(
    con: duckdb.DuckDBPyConnection, name: str, words: Mapping[str, str] | None = None, **params: Any
) -> duckdb.DuckDBPyConnection:
    """Execute ``statement(name, words)`` with ``$parameters`` bound to ``params``."""
    return con.execute(statement(name, words), params or None)


def rows_changed(result: duckdb.DuckDBPyConnection) -> int:
    """Rows that an insert, update or delete just run has changed."""
    (count,) = result.fetchone() or (0,)
    return int(count)


def table_frame(con: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """A whole table as a frame, in its stored order."""
    return con.execute(f"from {table}").pl()
