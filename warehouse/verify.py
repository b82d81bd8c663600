"""Opens a published file as a reader does and says what it holds: ``-m warehouse.verify FILE``."""

import json
import sys
from pathlib import Path

import duckdb

# What a reader sees besides rows: definitions, comments, macros.
DICTIONARY = """
select sum(hash(d))::varchar
from (
    select table_name, sql as told, comment from duckdb_tables()
    union all
    select view_name, sql, comment from duckdb_views() where not internal
    union all
    select table_name, column_name, comment from duckdb_columns() where not internal
    union all
    select function_name, macro_definition, comment
    from duckdb_functions() where function_type in ('macro', 'table_macro') and not internal
) as d
"""
ROWS_AND_DIGEST = "select count(*), coalesce(sum(hash(t)), 0)::varchar from {} as t"
ARGUMENTS = {
    "ts": "now()::timestamp", "name": "'events_count'", "latitude": "0", "longitude": "0",
    "km": "1",
}  # fmt: skip
MACROS = """
select function_name, parameters
from duckdb_functions()
where function_type = 'table_macro' and not internal
"""


def content(path: Path) -> dict[str, object]:
    """Rows and digest of every table, and a digest of definitions, comments and macros.

    Every table macro is asked for the present, so that a file whose questions fail is
    not published.
    """
    with duckdb.connect(path, read_only=True) as con:
        con.execute("set enable_progress_bar = false")
        names = con.execute("select table_name from duckdb_tables() order by 1").fetchall()
        tables = {
            name: con.execute(ROWS_AND_DIGEST.format(f'"{name}"')).fetchone() for (name,) in names
        }
        for name, parameters in con.execute(MACROS).fetchall():
            arguments = ", ".join(ARGUMENTS[parameter] for parameter in parameters)
            con.execute(f"select count(*) from {name}({arguments})").fetchone()
        (dictionary,) = con.execute(DICTIONARY).fetchone() or ("",)
    return {"tables": tables, "dictionary": dictionary}


if __name__ == "__main__":
    print(json.dumps(content(Path(sys.argv[1]))))
