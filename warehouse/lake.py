"""The lake: one snapshot a night of the published file in DuckLake, for many readers at once.

An extra (``pip install .[scale]``): the catalog stands in PostgreSQL, or in a file for a
trial; the rows as Parquet in a folder or an object store. Needs nothing of the network
but these.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connect import WarehouseError
from warehouse.history import transaction
from warehouse.publish import manifest_entries

AUTHOR = "tocsin"
# Files of an expired snapshot, and of publications that were killed, go a day later: a
# query that began before may still read them, another publication still write them.
GRACE = "interval '1 day'"
EXTENSIONS = {"ducklake": "duckdb_extension_ducklake"}
OF_POSTGRES = {"postgres_scanner": "duckdb_extension_postgres_scanner"}


def publish_to_lake(
    published_path: Path, catalog: str, data_path: str, night: date, kept_days: int
) -> int:
    """Add the published file to the lake as one snapshot, in one transaction.

    Only rows that changed are written; views, macros and comments come along. The
    snapshot's message names the night, its extra information what every table holds. A
    file that is the last snapshot already adds none. Snapshots that a later one has
    replaced for more than ``kept_days`` expire.

    Args:
        published_path: The published file, ``manifest.json`` beside it.
        catalog: As DuckLake's ``attach`` takes it: ``ducklake:postgres:dbname=...``.
        data_path: Folder or object store of the rows; used when the lake is made.
        night: Night of the file.
        kept_days: Days.

    Returns:
        Rows added and taken out.

    Raises:
        WarehouseError: The extra is not installed, the lake cannot be reached or written,
            or does not hold what the file holds; it stays as it was.
    """
    entry = manifest_entries(published_path.with_name("manifest.json")).get(published_path.name)
    if entry is None:
        raise WarehouseError(
            f"{published_path} stands in no manifest.json; run 'tocsin nightly' first"
        )
    try:
        with lake_connection(catalog, data_path) as con:
            con.execute(f"attach '{_escaped(str(published_path))}' as night (read_only)")
            last = _last_publication(con)
            if last.get("sha256") == entry["sha256"]:
                return 0
            with transaction(con):
                changed_rows = _copy_changes(con, entry["content"], last.get("content") or {})
                note = {"as_of_date": str(night), **entry}
                con.execute(
                    "call lake.set_commit_message($author, $message, extra_info => $note)",
                    {"author": AUTHOR, "message": f"night {night}", "note": json.dumps(note)},
                )
            _expire(con, kept_days)
    except duckdb.Error as error:
        cause = _without_password(str(error).splitlines()[0])
        raise WarehouseError(
            f"cannot publish to the lake ({cause}); see TOCSIN_LAKE and whether its catalog and "
            "disk are there, then run again; readers find the last night's snapshot"
        ) from None
    return changed_rows


@contextmanager
def lake_connection(
    catalog: str, data_path: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the lake attached as ``lake`` and in use; to read, without a data path.

    Raises:
        WarehouseError: The extra is not installed.
        duckdb.Error: The catalog cannot be reached.
    """
    packages = EXTENSIONS | (OF_POSTGRES if catalog.startswith("ducklake:postgres:") else {})
    option = "read_only" if data_path is None else f"data_path '{_escaped(data_path)}'"
    with duckdb.connect() as con:
        for extension, package in packages.items():
            spec = find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise WarehouseError(
                    f"the lake needs the package {package.replace('_', '-')}; install Tocsin with "
                    "its extra: pip install .[scale]"
                )
            (folder,) = spec.submodule_search_locations
            (binary,) = Path(folder).rglob(f"{extension}.duckdb_extension")
            con.execute(f"load '{_escaped(str(binary))}'")
        con.execute(f"attach '{_escaped(catalog)}' as lake ({option})")
        con.execute("use lake")
        yield con


def _last_publication(con: duckdb.DuckDBPyConnection) -> Mapping[str, Any]:
    """What the newest snapshot that a night made says of its file; empty before the first."""
    row = con.execute(
        "select commit_extra_info from lake.snapshots() where author = $author "
        "order by snapshot_id desc limit 1",
        {"author": AUTHOR},
    ).fetchone()
    return json.loads(row[0]) if row else {}


def _copy_changes(
    con: duckdb.DuckDBPyConnection, content: Mapping[str, Any], last: Mapping[str, Any]
) -> int:
    """Make the lake's tables those of the night; rows added and taken out.

    Args:
        con: Both attached, as ``lake`` and ``night``; in a transaction.
        content: Rows and digest of the night's tables, and the digest of its definitions.
        last: The same of the snapshot before.

    Raises:
        WarehouseError: A table of the lake is not what the night's is.
    """
    tables: Mapping[str, list[Any]] = content["tables"]
    same_definitions = last.get("dictionary") == content["dictionary"]
    if not same_definitions:
        _drop_definitions(con, tables)
    changed_rows = 0
    for name, expected in tables.items():
        if same_definitions and last.get("tables", {}).get(name) == expected:
            continue
        changed_rows += _copy_table(con, name, expected, same_definitions)
    if not same_definitions:
        _define(con)
    return changed_rows


def _copy_table(
    con: duckdb.DuckDBPyConnection, name: str, expected: list[Any], has_same_columns: bool
) -> int:
    """Rows added and taken out so that a table is the night's.

    Raises:
        WarehouseError: It is not, even when it was written anew.
    """
    if has_same_columns:
        (deleted_count,) = con.execute(
            f'delete from lake."{name}" where rowid in (select l.row from '
            f'(select rowid as row, hash(t) as digest from lake."{name}" as t) as l '
            f'anti join (select hash(t) as digest from night."{name}" as t) as n using (digest))'
        ).fetchone() or (0,)
        (inserted_count,) = con.execute(
            f'insert into lake."{name}" select t.* from night."{name}" as t anti join '
            f'(select hash(l) as digest from lake."{name}" as l) as l on hash(t) = l.digest'
        ).fetchone() or (0,)
        if _rows_and_digest(con, name) == expected:
            return int(deleted_count) + int(inserted_count)
    # Another number of rows that are the same in every column shows in no difference of digests.
    con.execute(f'create or replace table lake."{name}" as from night."{name}"')
    if (rows_and_digest := _rows_and_digest(con, name)) != expected:
        raise WarehouseError(
            f"the lake's table {name} would hold {rows_and_digest}, the night's holds {expected}; "
            "nothing was published to the lake; run again"
        )
    return int(expected[0])


def _rows_and_digest(con: duckdb.DuckDBPyConnection, name: str) -> list[Any]:
    """Rows of a table of the lake, and the sum of their hashes."""
    row = con.execute(
        f'select count(*), coalesce(sum(hash(t)), 0)::varchar from lake."{name}" as t'
    ).fetchone()
    return list(row or ())


def _drop_definitions(con: duckdb.DuckDBPyConnection, tables: Mapping[str, Any]) -> None:
    """Take out views and macros, and tables that the night has no longer."""
    relations = con.execute(
        "select 'view', view_name from duckdb_views() where database_name = 'lake' "
        "and not internal union all "
        "select if(function_type = 'macro', 'macro', 'macro table'), function_name "
        "from duckdb_functions() "
        "where database_name = 'lake' and function_type in ('macro', 'table_macro') union all "
        "select 'table', table_name from duckdb_tables() where database_name = 'lake'"
    ).fetchall()
    for kind, name in relations:
        if kind != "table" or name not in tables:
            con.execute(f'drop {kind} lake."{name}"')


def _define(con: duckdb.DuckDBPyConnection) -> None:
    """Views, macros and comments as the night's file has them."""
    for (sql,) in con.execute(
        "select sql from duckdb_views() where database_name = 'night' and not internal"
    ).fetchall():
        con.execute(sql)
    for name, parameters, definition in con.execute(
        "select function_name, array_to_string(parameters, ', '), "
        "if(function_type = 'macro', '', 'table ') || macro_definition "
        "from duckdb_functions() where database_name = 'night' "
        "and function_type in ('macro', 'table_macro') order by function_type"  # they use it
    ).fetchall():
        con.execute(f'create macro "{name}"({parameters}) as {definition}')
    comments = con.execute(
        "select 'table', format('\"{}\"', table_name), comment from duckdb_tables() "
        "where database_name = 'night' and comment is not null union all "
        "select 'view', format('\"{}\"', view_name), comment from duckdb_views() "
        "where database_name = 'night' and comment is not null union all "
        "select 'column', format('\"{}\".\"{}\"', c.table_name, column_name), c.comment "
        "from duckdb_columns() as c inner join duckdb_tables() as t "
        "on t.database_name = c.database_name and t.table_name = c.table_name "
        "where c.database_name = 'night' and c.comment is not null"
    ).fetchall()
    for kind, name, comment in comments:
        con.execute(f"comment on {kind} lake.{name} is '{_escaped(comment)}'")


def _expire(con: duckdb.DuckDBPyConnection, kept_days: int) -> None:
    """Expire snapshots older than the declared days but the newest; delete what nobody reads."""
    con.execute(
        f"call ducklake_expire_snapshots('lake', older_than => now() - interval {kept_days} day)"
    )
    con.execute(f"call ducklake_cleanup_old_files('lake', older_than => now() - {GRACE})")
    con.execute(f"call ducklake_delete_orphaned_files('lake', older_than => now() - {GRACE})")


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def _without_password(text: str) -> str:
    """A message without a password that a connection string gave.

    Example:
        >>> _without_password("dbname=t password='a b' host=x, postgresql://u:p@h/t")
        'dbname=t password=... host=x, postgresql://u:...@h/t'
    """
    text = re.sub(r"(password\s*=\s*)('[^']*'|\S+)", r"\1...", text, flags=re.IGNORECASE)
    return re.sub(r"(\w+://[^:/@\s]+:)[^@\s]+@", r"\1...@", text)
