"""Tables of the published file in other formats."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from warehouse.connect import WarehouseError, load_spatial, reading

EXCEL_ROWS = 1_048_575  # of a sheet, below its header
# Tables and views of a reader's file.
RELATIONS = (
    "(select table_name, comment from duckdb_tables() union all "
    "select view_name, comment from duckdb_views() where not internal)"
)
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
        write: Callable[[duckdb.DuckDBPyConnection, str, Path], None]
        write = {"parquet": _parquet, "csv": _csv, "geoparquet": _geoparquet}[kind]
        ending = "csv" if kind == "csv" else "parquet"
        paths = [folder / f"{table}.{ending}" for table in chosen]
        for table, path in zip(chosen, paths, strict=True):
            part = path.with_name(f".{path.name}.part")
            write(con, table, part)
            os.replace(part, path)
        return paths


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


def _parquet(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    _copy(con, f'from "{table}"', path, "format parquet, compression zstd")


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


def _copy(con: duckdb.DuckDBPyConnection, select: str, path: Path, options: str) -> None:
    escaped = str(path).replace("'", "''")
    con.execute(f"copy ({select}) to '{escaped}' ({options})")


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
