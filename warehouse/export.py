"""Tables of the published file in other formats."""

import io
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from config.files import draft_for, put_in_place, remove, write_atomically
from warehouse.connect import WarehouseError, load_spatial, open_published
from warehouse.publish import file_sha256, fingerprint, manifest_entries

LOGGER = logging.getLogger("tocsin")
EXCEL_ROWS = 1_048_575  # of a sheet, below its header
CELL_SIGNS = 32_767  # of a text that a cell holds
# Tables and views of a reader's file.
RELATIONS = (
    "(select table_name, comment from duckdb_tables() union all "
    "select view_name, comment from duckdb_views() where not internal)"
)
# Copied every night is the present, and of the past what was believed and what readers were
# told; the rest of it grows by every figure of every night and is asked of the file itself.
PAST_COPIED = ("past_events", "past_flags", "past_alerts")
# A workbook of all tables is one to open: what stands in another sheet too, and all that was told
# on past nights, is left out unless it is asked for, and of the panel five years are taken.
NOT_IN_WORKBOOK = ("indicators", "events_with_licence")
PANEL_YEARS = 5
IN_WORKBOOK = {
    "region_months": (
        "from region_months where month_start > (select max(month_start) from region_months) "
        f"- interval {PANEL_YEARS} year"
    )
}
# Geometry of a table as SQL, for those that have a place.
GEOMETRY = {
    "regions": "select * exclude (boundary_wkb), st_geomfromwkb(boundary_wkb) as geometry from t",
    "flags": (
        "select t.*, coalesce(a.alert_level, 'none') as alert_level, a.changed_night, a.cause, "
        "st_geomfromwkb(r.boundary_wkb) as geometry "
        "from t inner join regions as r using (region_id) left join alerts as a using (region_id)"
    ),
    "events": "select *, st_point(longitude, latitude) as geometry from t",
}


def export(
    published_path: Path, folder: Path, kind: str, tables: Sequence[str] = (), program: str = ""
) -> list[Path]:
    """Write tables of the published file as ``folder/<table>.<ending>``.

    In csv a text that a spreadsheet would run as a formula (it begins with = + - @, a
    tab or a line break) gets an apostrophe before it, and bytes are hexadecimal; in xlsx
    texts are texts, a table longer than a sheet goes on in the next, and the first sheet
    says what the others hold, which tables are left out unless named, and whom to credit.

    Args:
        published_path: The published file.
        folder: Where to write; made if need be.
        kind: parquet, csv, xlsx (one workbook, a sheet each) or geoparquet.
        tables: Which; none: all, for geoparquet those with a place.
        program: excel-fr: csv as Excel in French opens it (semicolons, decimal commas, a
            byte order mark; without polygons, which no cell holds).

    Raises:
        WarehouseError: There is no published file, or a table is unknown.
    """
    if program and kind != "csv":
        raise WarehouseError(f"--for {program} goes with --format csv, not {kind}")
    with open_published(published_path) as con:
        names_known = [n for (n,) in con.execute(f"select table_name from {RELATIONS}").fetchall()]
        if kind == "geoparquet":
            names_known = list(GEOMETRY)
            load_spatial(con)
        if wrong := sorted(set(tables) - set(names_known)):
            raise WarehouseError(
                f"cannot export {', '.join(wrong)} as {kind}; known are "
                f"{', '.join(sorted(names_known))}"
            )
        names = sorted(tables or names_known)
        try:
            if kind == "xlsx":
                path = folder / f"{published_path.stem}.xlsx"
                write_atomically(path, _workbook(con, names, is_whole=not tables))
                return [path]
            write: Callable[[duckdb.DuckDBPyConnection, str, Path], object]
            write = {"parquet": _parquet, "csv": _csv, "geoparquet": _geoparquet}[kind]
            if program:
                write = _csv_for_excel_fr
            ending = "csv" if kind == "csv" else "parquet"
            paths = [folder / f"{table}.{ending}" for table in names]
            for table, path in zip(names, paths, strict=True):
                with draft_for(path) as draft:
                    write(con, table, draft)
        except (OSError, duckdb.IOException) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
            raise WarehouseError(
                f"cannot write to {folder} ({cause}); make room or make it writable"
            ) from None
        return paths


def copy_as_parquet(published_path: Path, folder: Path) -> int:
    """Copy tables of the published file as ``folder/<table>.parquet``, all or none of them.

    ``manifest.json`` in the folder names the night, the file copied and, for every copy,
    its rows, columns, bytes and digest. Copies of the same file are left alone, if they
    are, byte for byte, what that says.

    Args:
        published_path: The published file, ``manifest.json`` beside it.
        folder: Where the copies are to stand; those of an earlier file are replaced.

    Returns:
        Rows of the copies.

    Raises:
        WarehouseError: There is no published file or the copies cannot be written; those
            of the last file are untouched.
    """
    part = folder.with_name(f".{folder.name}.part")
    try:
        remove(part)  # of a run that was killed
        with open_published(published_path) as con:
            origin = _copy_origin(con, published_path)
            manifest = _valid_manifest(folder)
            if manifest is None or manifest | origin != manifest:
                part.mkdir()
                manifest = {**origin, "files": _copies(con, part)}
                (part / "manifest.json").write_text(
                    json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8"
                )
                put_in_place(part, folder)
    except (OSError, duckdb.IOException) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise WarehouseError(
            f"cannot copy to {folder} ({cause}); make room or make it writable and run again; "
            "the copies of the last published file are untouched"
        ) from None
    finally:
        remove(part)
    return sum(file["rows"] for file in manifest["files"].values())


def answer(published_path: Path, question: str) -> pl.DataFrame:
    """What the published file answers to a question in SQL; nothing of it can be changed.

    Raises:
        WarehouseError: There is no published file, or the question cannot be answered.
    """
    with open_published(published_path) as con:
        try:
            result = con.sql(question)
            if result is None:
                raise WarehouseError("that is no question; ask one, such as: from flags")
            frame: pl.DataFrame = result.pl()
        except duckdb.Error as error:
            raise WarehouseError(" ".join(str(error).split())) from None
    return frame


def escape_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as csv for a spreadsheet: no text is run, bytes are hexadecimal."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    blobs = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    return frame.with_columns(
        pl.col(texts).str.replace(r"^([=+@\t\r\n-])", "'${1}"),
        pl.col(blobs).bin.encode("hex"),
    )


def _copy_origin(con: duckdb.DuckDBPyConnection, published_path: Path) -> dict[str, Any]:
    """Night and digest of the file as it is, whatever a manifest that is older says."""
    sha256 = file_sha256(published_path)
    entry = manifest_entries(published_path.with_name("manifest.json")).get(published_path.name, {})
    night = entry.get("as_of_date")
    if entry.get("sha256") != sha256 or not isinstance(night, str):
        night = str(con.execute("select max(as_of_date) from nights").fetchall()[0][0])
    return {"night": night, "copies_of": {"file": published_path.name, "sha256": sha256}}


def _valid_manifest(folder: Path) -> Any:
    """What the manifest of copies says; None: there is none, or not just those copies."""
    manifest = folder / "manifest.json"
    try:
        content = json.loads(manifest.read_bytes())
        listed = {name: (file["bytes"], file["sha256"]) for name, file in content["files"].items()}
        rows_count = sum(file["rows"] + 0 for file in content["files"].values())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        LOGGER.warning("%s cannot be read (%s); the copies are made anew", manifest, error)
        return None
    files = [path for path in folder.iterdir() if path.name != manifest.name]
    present = {p.name: (p.stat().st_size, file_sha256(p)) for p in files if p.is_file()}
    return content if rows_count >= 0 and present == listed and len(files) == len(present) else None


def _copies(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Any]:
    """Write the copies; returns what the manifest says of each, by the name of its file."""
    described = con.execute(
        "select r.table_name, any_value(r.comment), list({'name': column_name, "
        "'type': lower(data_type), 'comment': c.comment} order by column_index) "
        f"from {RELATIONS} as r inner join duckdb_columns() as c using (table_name) "
        "group by r.table_name order by r.table_name"
    ).fetchall()
    copies = {}
    for table, comment, columns in described:
        if table.startswith("past_") and table not in PAST_COPIED:
            continue
        path = folder / f"{table}.parquet"
        rows = _parquet(con, table, path)
        copies[path.name] = {
            "table": table,
            "comment": comment,
            "rows": rows,
            "columns": columns,
            **fingerprint(path),
        }
    return copies


def _parquet(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> int:
    return _copy(con, f'from "{table}"', path, "format parquet, compression zstd")


def _geoparquet(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    # Read by DuckDB's spatial functions, QGIS and GeoPandas; WGS 84, as the codebooks say.
    select = GEOMETRY[table].replace("from t", f"from {table} as t")
    _copy(con, select, path, "format parquet, compression zstd")


def _csv(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    columns = con.execute(f'describe "{table}"').fetchall()
    replacements = [
        f"case when regexp_matches(\"{name}\", '^[=+@\\t\\r\\n-]') then '''' || \"{name}\" "
        f'else "{name}" end as "{name}"'
        for name, kind, *_ in columns
        if kind == "VARCHAR"
    ] + [f'lower(hex("{name}")) as "{name}"' for name, kind, *_ in columns if kind == "BLOB"]
    replaced = f" replace ({', '.join(replacements)})" if replacements else ""
    _copy(con, f'select *{replaced} from "{table}"', path, "format csv, header")


def _csv_for_excel_fr(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    frame = escape_formulas(_for_cells(con.execute(f'from "{table}"').pl())[0])
    frame.write_csv(
        path, include_bom=True, separator=";", decimal_comma=True,
        datetime_format="%Y-%m-%d %H:%M:%S",
    )  # fmt: skip


def _copy(con: duckdb.DuckDBPyConnection, select: str, path: Path, options: str) -> int:
    escaped = str(path).replace("'", "''")
    (rows,) = con.execute(f"copy ({select}) to '{escaped}' ({options})").fetchone() or (0,)
    return int(rows)


def _for_cells(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """What cells of a spreadsheet can hold of a table, and in words what they cannot."""
    left_out = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    words = [f"without {', '.join(left_out)} (no cell holds it: geoparquet)"] if left_out else []
    frame = frame.drop(left_out)
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    is_long = pl.any_horizontal(pl.col(texts).str.len_chars() > CELL_SIGNS)
    if texts and (long := frame.filter(is_long).height):
        words.append(f"texts cut to {CELL_SIGNS:,} signs: in {long:,} rows")
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    is_number = pl.col(floats).is_finite()
    return frame.with_columns(
        pl.col(texts).str.head(CELL_SIGNS), pl.when(is_number).then(pl.col(floats))
    ), words


def _workbook(con: duckdb.DuckDBPyConnection, tables: Sequence[str], *, is_whole: bool) -> bytes:
    from xlsxwriter import Workbook  # costs a tenth of a second
    from xlsxwriter.exceptions import XlsxWriterException

    packed = io.BytesIO()  # a file that cannot be written would end in a traceback of its own
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": False}
    comments = dict(con.execute(f"select table_name, comment from {RELATIONS}").fetchall())
    book = Workbook(packed, options)
    try:
        first = book.add_worksheet("read me")
        listed: list[tuple[str, int | None, str, str]] = []
        for table in tables:
            if is_whole and (table in NOT_IN_WORKBOOK or table.startswith("past_")):
                note = f"left out: tocsin export --format xlsx --table {table}"
                listed.append((table, None, comments[table] or "", note))
                continue
            select = IN_WORKBOOK.get(table) if is_whole else None
            frame, words = _for_cells(con.execute(select or f'from "{table}"').pl())
            if select:
                words.append(f"the last {PANEL_YEARS} years; all with --table {table}")
            parts = [frame[at : at + EXCEL_ROWS] for at in range(0, frame.height, EXCEL_ROWS)]
            for number, part in enumerate(parts or [frame], 1):
                sheet = table[:31] if number == 1 else f"{table[:26]} ({number})"
                part.write_excel(
                    book, worksheet=sheet, freeze_panes=(1, 0), column_widths=_widths(part)
                )
                rows = f"rows {(number - 1) * EXCEL_ROWS + 1:,} and on" if len(parts) > 1 else ""
                note = "; ".join([*([rows] if rows else []), *words])
                listed.append((sheet, part.height, comments[table] or "", note))
        _read_me(book, first, listed, _credits(con))
        book.close()
    except XlsxWriterException as error:  # of its drafts, in the folder for temporary files
        raise WarehouseError(f"cannot write the workbook ({error}); make room") from None
    return packed.getvalue()


def _widths(frame: pl.DataFrame) -> dict[Any, int]:
    """Pixels of each column, from its name and its first values."""
    signs = frame.head(100).select(pl.all().cast(pl.String).str.len_chars().max().fill_null(0))
    longest = {name: max(len(name), most) for name, most in signs.row(0, named=True).items()}
    return {name: min(300, 30 + 7 * most) for name, most in longest.items()}


def _credits(con: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    """Licence and whom to credit, by source; of a file without sources none."""
    try:
        return con.execute(
            "select source, licence || case when is_republishable then '' else ': rows must not "
            "be passed on' end, attribution from sources order by source"
        ).fetchall()
    except duckdb.CatalogException:
        return []


def _read_me(
    book: Any, sheet: Any, listed: Sequence[Sequence[Any]], credited: Sequence[Sequence[Any]]
) -> None:
    """The first sheet: what the others hold, their licences, and where columns are explained."""
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 3, 60)
    lines: list[tuple[Sequence[Any], Any]] = [
        (("Tocsin: early warning of political violence, region by region",), bold),
        (("Missing is an empty cell, never zero. Columns: docs/dictionary.md.",), None),
        ((), None),
        (("sheet", "rows", "what a row is", "note"), bold),
        *((line, None) for line in listed),
        ((), None),
        *([(("source", "", "licence", "credit"), bold)] if credited else []),
        *(((source, "", licence, credit), None) for source, licence, credit in credited),
    ]
    for row, (cells, style) in enumerate(lines):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell, style)
