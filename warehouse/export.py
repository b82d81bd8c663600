"""Tables of the published file in other formats."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse.connect import WarehouseError, load_spatial, reading
from warehouse.publish import fingerprint, put_in_place

EXCEL_ROWS = 1_048_575  # of a sheet, below its header
# Tables and views of a reader's file.
RELATIONS = (
    "(select table_name, comment from duckdb_tables() union all "
    "select view_name, comment from duckdb_views() where not internal)"
)
# Copied every night is the present, and of the past what was believed and what readers were
# told; the rest of it grows by every figure of every night and is asked of the file itself.
PAST_COPIED = ("past_events", "past_flags", "past_alerts")
# Geometry of a table as SQL, for those that have a place.
GEOMETRY = {
    "regions": "select * exclude (boundary_wkb), st_geomfromwkb(boundary_wkb) as geometry from t",
    "flags": (
        "select t.*, st_geomfromwkb(r.boundary_wkb) as geometry "
        "from t inner join regions as r using (region_id)"
    ),
    "events": "select *, st_point(longitude, latitude) as geometry from t",
}


def export(published: Path, folder: Path, kind: str, tables: Sequence[str] = ()) -> list[Path]:
    """Write tables of the published file as ``folder/<table>.<ending>``.

    In csv a text that a spreadsheet would run as a formula (it begins with = + - @, a
    tab or a line break) gets an apostrophe before it; in xlsx texts are texts.

    Args:
        published: The published file.
        folder: Where to write; made if need be.
        kind: parquet, csv, xlsx (one workbook, a sheet each) or geoparquet.
        tables: Which; none: all, for geoparquet those with a place.

    Raises:
        WarehouseError: There is no published file, a table is unknown or does not fit.
    """
    with reading(published) as con:
        known = [n for (n,) in con.execute(f"select table_name from {RELATIONS}").fetchall()]
        if kind == "geoparquet":
            known = list(GEOMETRY)
            load_spatial(con)
        if wrong := sorted(set(tables) - set(known)):
            raise WarehouseError(
                f"cannot export {', '.join(wrong)} as {kind}; known are {', '.join(sorted(known))}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        chosen = sorted(tables or known)
        if kind == "xlsx":
            return [_workbook(con, folder / f"{published.stem}.xlsx", chosen)]
        write: Callable[[duckdb.DuckDBPyConnection, str, Path], object]
        write = {"parquet": _parquet, "csv": _csv, "geoparquet": _geoparquet}[kind]
        ending = "csv" if kind == "csv" else "parquet"
        paths = [folder / f"{table}.{ending}" for table in chosen]
        for table, path in zip(chosen, paths, strict=True):
            part = path.with_name(f".{path.name}.part")
            write(con, table, part)
            os.replace(part, path)
        return paths


def copy_as_parquet(published: Path, folder: Path) -> int:
    """Copy tables of the published file as ``folder/<table>.parquet``, all or none of them.

    ``manifest.json`` in the folder names the night, the file copied and, for every copy,
    its rows, columns, bytes and digest. Copies of the same file are left alone.

    Args:
        published: The published file, ``manifest.json`` beside it.
        folder: Where the copies are to stand; those of an earlier file are replaced.

    Returns:
        Rows of the copies.

    Raises:
        WarehouseError: There is no published file or the copies cannot be written; those
            of the last file are untouched.
    """
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
        with reading(published) as con:
            entry = json.loads(published.with_name("manifest.json").read_text("utf-8"))
            copied = {
                "night": entry[published.name]["as_of_date"],
                "copies_of": {"file": published.name, "sha256": entry[published.name]["sha256"]},
            }
            told = _told(folder)
            if told is None or told | copied != told:
                part.mkdir()
                told = {**copied, "files": _copies(con, part)}
                (part / "manifest.json").write_text(
                    json.dumps(told, indent=1, ensure_ascii=False), "utf-8"
                )
                put_in_place(part, folder)
    except (OSError, duckdb.IOException) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise WarehouseError(
            f"cannot copy to {folder} ({cause}); make room or make it writable and run again; "
            "the copies of the last published file are untouched"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sum(file["rows"] for file in told["files"].values())


def answer(published: Path, question: str) -> pl.DataFrame:
    """What the published file answers to a question in SQL; nothing of it can be changed.

    Raises:
        WarehouseError: There is no published file, or the question cannot be answered.
    """
    with reading(published) as con:
        try:
            asked = con.sql(question)
            if asked is None:
                raise WarehouseError("that is no question; ask one, such as: from flags")
            found: pl.DataFrame = asked.pl()
        except duckdb.Error as error:
            raise WarehouseError(" ".join(str(error).split())) from None
    return found


def defused(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as csv for a spreadsheet: no text is run, bytes are hexadecimal."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    blobs = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    return frame.with_columns(
        pl.col(texts).str.replace(r"^([=+@\t\r\n-])", "'${1}"),
        pl.col(blobs).bin.encode("hex"),
    )


def _told(folder: Path) -> Any:
    """What the manifest of copies says; None: there is none, or not all of the copies."""
    try:
        told = json.loads((folder / "manifest.json").read_text("utf-8"))
        sizes = {path.name: path.stat().st_size for path in folder.glob("*.parquet")}
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return told if sizes == {name: file["bytes"] for name, file in told["files"].items()} else None


def _copies(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Any]:
    """Write the copies; returns what the manifest says of each, by the name of its file."""
    described = con.execute(
        "select r.table_name, any_value(r.comment), list({'name': column_name, "
        "'type': lower(data_type), 'comment': c.comment} order by column_index) "
        f"from {RELATIONS} as r inner join duckdb_columns() as c using (table_name) "
        "group by r.table_name order by r.table_name"
    ).fetchall()
    found = {}
    for table, comment, columns in described:
        if table.startswith("past_") and table not in PAST_COPIED:
            continue
        path = folder / f"{table}.parquet"
        rows = _parquet(con, table, path)
        found[path.name] = {
            "table": table,
            "comment": comment,
            "rows": rows,
            "columns": columns,
            **fingerprint(path),
        }
    return found


def _parquet(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> int:
    return _copy(con, f'from "{table}"', path, "format parquet, compression zstd")


def _geoparquet(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    # Read by DuckDB's spatial functions, QGIS and GeoPandas; WGS 84, as the codebooks say.
    select = GEOMETRY[table].replace("from t", f"from {table} as t")
    _copy(con, select, path, "format parquet, compression zstd")


def _csv(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    columns = con.execute(f'describe "{table}"').fetchall()
    defused = [
        f"case when regexp_matches(\"{name}\", '^[=+@\\t\\r\\n-]') then '''' || \"{name}\" "
        f'else "{name}" end as "{name}"'
        for name, kind, *_ in columns
        if kind == "VARCHAR"
    ]
    replaced = f" replace ({', '.join(defused)})" if defused else ""
    _copy(con, f'select *{replaced} from "{table}"', path, "format csv, header")


def _copy(con: duckdb.DuckDBPyConnection, select: str, path: Path, options: str) -> int:
    escaped = str(path).replace("'", "''")
    (rows,) = con.execute(f"copy ({select}) to '{escaped}' ({options})").fetchone() or (0,)
    return int(rows)


def _workbook(con: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str]) -> Path:
    from xlsxwriter import Workbook  # costs a tenth of a second

    part = path.with_name(f".{path.name}.part")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": False}
    with Workbook(part, options) as book:
        for table in tables:
            frame = con.execute(f'from "{table}"').pl()
            if frame.height > EXCEL_ROWS:
                raise WarehouseError(
                    f"{table} has {frame.height:,} rows, a sheet holds {EXCEL_ROWS:,}; "
                    "export it as csv or parquet, or name other tables"
                )
            text = [pl.col(n).bin.encode("hex") for n, t in frame.schema.items() if t == pl.Binary]
            frame.with_columns(text).write_excel(book, worksheet=table[:31])
    os.replace(part, path)
    return path
