"""Running the statements of ``warehouse/sql`` by name, values always bound."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

SQL = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """Text of ``sql/<name>.sql``."""
    return (SQL / f"{name}.sql").read_text("utf-8")


def run_sql(
    con: duckdb.DuckDBPyConnection, name: str, words: Mapping[str, str] | None = None, **params: Any
) -> duckdb.DuckDBPyConnection:
    """Execute ``sql/<name>.sql`` with ``$parameters`` bound.

    Args:
        con: Where.
        name: Path below ``sql`` without its ending, such as ``core/event``.
        words: Placeholders to replace (``source_table``, ...) by identifiers and
            conditions of our own records, so that one statement serves every
            source; never values.
        params: Values.
    """
    text = statement(name)
    for word, stands_for in (words or {}).items():
        text = text.replace(word, stands_for)
    return con.execute(text, params or None)


def rows_changed(written: duckdb.DuckDBPyConnection) -> int:
    """Rows that an insert, update or delete just run has changed."""
    (count,) = written.fetchone() or (0,)
    return int(count)
