"""Exports are read back; the dictionary in docs is the published file's."""

import csv
import io
import json
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.connect import WarehouseError, load_spatial
from warehouse.dictionary import dictionary
from warehouse.export import EXCEL_ROWS, export

ROOT = Path(__file__).parent.parent
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", "a = b", None]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file with texts that a spreadsheet would run."""
    path = tmp_path / "small.duckdb"
    notes = pl.DataFrame({"id": range(len(FORMULAS)), "note": FORMULAS, "value": -1.5})
    with duckdb.connect(path) as con:
        con.register("notes_frame", notes)
        con.execute("create table notes as from notes_frame")
    return path


def test_csv_defuses_formulas_and_leaves_numbers(small: Path, tmp_path: Path) -> None:
    (path,) = export(small, tmp_path / "out", "csv")
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    assert [row[1] for row in rows[1:]] == [
        "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "plain", "a = b", "",
    ]  # fmt: skip
    assert {row[2] for row in rows[1:]} == {"-1.5"}


def test_xlsx_holds_texts_not_formulas(small: Path, tmp_path: Path) -> None:
    (path,) = export(small, tmp_path / "out", "xlsx")
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        strings = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in strings


def test_a_table_too_long_for_a_sheet_is_refused(small: Path, tmp_path: Path) -> None:
    with duckdb.connect(small) as con:
        con.execute(f"create table long as from range({EXCEL_ROWS + 1})")
    with pytest.raises(WarehouseError, match=r"long has 1,048,576 rows.* csv or parquet"):
        export(small, tmp_path / "out", "xlsx")
    assert not list((tmp_path / "out").glob("*.xlsx"))


def test_unknown_table_is_refused_by_name(small: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="cannot export flag as parquet; known are notes"):
        export(small, tmp_path / "out", "parquet", ["flag"])


def test_parquet_equals_the_published_table(published: Path, tmp_path: Path) -> None:
    (path,) = export(published, tmp_path, "parquet", ["flags"])
    with duckdb.connect(published, read_only=True) as con:
        assert pl.read_parquet(path).equals(con.execute("from flags").pl())


def test_geoparquet_places_flags_in_their_polygons(published: Path, tmp_path: Path) -> None:
    paths = export(published, tmp_path, "geoparquet")
    assert [path.name for path in paths] == ["events.parquet", "flags.parquet", "regions.parquet"]
    with duckdb.connect() as con:
        load_spatial(con)
        inside = con.execute(
            f"select count(*) from '{paths[1]}' as f join '{paths[0]}' as e using (region_id) "
            "where e.event_id = 'ucdp_ged:400798' and st_contains(f.geometry, e.geometry)"
        ).fetchone()
        (geo,) = con.execute(
            f"select value from parquet_kv_metadata('{paths[1]}') where decode(key) = 'geo'"
        ).fetchone()
    assert inside == (1,)
    assert json.loads(geo)["primary_column"] == "geometry"


def test_dictionary_in_docs_is_the_published_files(published: Path) -> None:
    page = (ROOT / "docs" / "dictionary.md").read_text("utf-8")
    assert page == dictionary(published), "run: tocsin dictionary > docs/dictionary.md"
