"""Running the statements of ``warehouse/sql`` by name, values always bound."""

from functools import cache
from pathlib import Path
from typing import Any

import duckdb

SQL = Path(__file__).parent / "sql"


@cache
def statement(name: str, table: str = "source_table", date_column: str = "date_column") -> str:
    """Text of ``sql/<name>.sql``; the placeholder identifiers are replaced, never values.

    Args:
        name: Path below ``sql`` without its ending, such as ``core/event``.
        table: Stands for ``source_table``, so that one statement serves every source.
        date_column: Stands for ``date_column``.
    """
    text = (SQL / f"{name}.sql").read_text("utf-8")
    return text.replace("source_table", table).replace("date_column", date_column)


def run(con: duckdb.DuckDBPyConnection, name: str, **params: Any) -> duckdb.DuckDBPyConnection:
    """Execute ``sql/<name>.sql`` with ``$parameters`` bound."""
    return con.execute(statement(name), params or None)


def run_for(
    con: duckdb.DuckDBPyConnection,
    name: str,
    table: str,
    date_column: str = "date_column",
    **params: Any,
) -> duckdb.DuckDBPyConnection:
    """As ``run``, for the tables of one source."""
    return con.execute(statement(name, table, date_column), params or None)
