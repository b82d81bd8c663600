"""Exports are read back; the dictionary in docs is the published file's."""

import csv
import hashlib
import io
import json
import resource
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.connect import WarehouseError, load_spatial
from warehouse.dictionary import dictionary
from warehouse.export import EXCEL_ROWS, PAST_COPIED, copy_as_parquet, export

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


def listed(published: Path, night: str = "2021-06-25") -> None:
    """The manifest beside a file, as publishing writes it."""
    told = {"as_of_date": night, "sha256": hashlib.sha256(published.read_bytes()).hexdigest()}
    published.with_name("manifest.json").write_text(json.dumps({published.name: told}))


def test_the_copies_equal_the_published_tables(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    rows = copy_as_parquet(published, folder)
    told = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert told["night"] == "2021-06-25"
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    assert told["copies_of"] == {"file": "tocsin.duckdb", "sha256": digest}
    assert {path.name for path in folder.iterdir()} == {*told["files"], "manifest.json"}
    assert rows == sum(file["rows"] for file in told["files"].values()) > 900_000
    with duckdb.connect(published, read_only=True) as con:
        tables = {
            n
            for (n,) in con.execute(
                "select table_name from duckdb_columns() where not internal"
            ).fetchall()
        }
        past = {name for name in tables if name.startswith("past_")} - {*PAST_COPIED}
        assert {file["table"] for file in told["files"].values()} == tables - past
        for name, file in told["files"].items():
            body = (folder / name).read_bytes()
            assert file["bytes"] == len(body)
            assert file["sha256"] == hashlib.sha256(body).hexdigest()
            kept = con.execute(f"from '{folder / name}'")
            columns = [(column, str(kind).lower()) for column, kind, *_ in kept.description]
            assert [(c["name"], c["type"]) for c in file["columns"]] == columns
            sums = "select count(*), sum(hash(t)) from"
            original = con.execute(f"{sums} {file['table']} as t").fetchone()
            assert con.execute(f"{sums} '{folder / name}' as t").fetchone() == original
            assert file["rows"] == original[0]
    shares = told["files"]["administrator_presence.parquet"]
    assert shares["comment"] == "one figure and region it covers"
    assert {
        "name": "presence_share",
        "type": "double",
        "comment": "share of posts held by someone present [share 0-1]",
    } in shares["columns"]


def test_copies_are_made_anew_only_of_another_file(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    listed(small)
    assert copy_as_parquet(small, folder) == len(FORMULAS)
    first = folder.stat().st_ino
    (tmp_path / ".parquet.part").mkdir()  # a run was killed here
    assert copy_as_parquet(small, folder) == len(FORMULAS)
    assert folder.stat().st_ino == first
    (folder / "notes.parquet").unlink()  # copies that are no longer whole
    copy_as_parquet(small, folder)
    assert pl.read_parquet(folder / "notes.parquet")["note"].to_list() == FORMULAS
    with duckdb.connect(small) as con:
        con.execute("alter table notes rename to remarks")
    listed(small, "2021-06-26")
    copy_as_parquet(small, folder)
    told = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert (told["night"], *told["files"]) == ("2021-06-26", "remarks.parquet")
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "remarks.parquet"}
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_leaves_the_last_copies(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    listed(small)
    copy_as_parquet(small, folder)
    before = (folder / "manifest.json").read_bytes()
    listed(small, "2021-06-26")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(WarehouseError, match=r"cannot copy to .*parquet \(.*make room or"):
            copy_as_parquet(small, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (folder / "manifest.json").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


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
