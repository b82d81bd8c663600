"""Exports are read back; the dictionary in docs is the published file's."""

import csv
import errno
import hashlib
import io
import json
import resource
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.connect import WarehouseError, load_spatial
from warehouse.dictionary import dictionary
from warehouse.export import PAST_COPIED, copy_as_parquet, export

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


def cells(path: Path) -> dict[str, list[list[str]]]:
    """Texts and numbers of a workbook, row by row, by the name of the sheet."""
    ns = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(path) as book:
        texts = [
            "".join(item.itertext()) for item in ET.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        names = [s.get("name") for s in ET.fromstring(book.read("xl/workbook.xml")).iter(
            f"{{{ns['m']}}}sheet")]  # fmt: skip
        rows_by_sheet = {}
        for number, name in enumerate(names, 1):
            sheet = ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            rows_by_sheet[name] = [
                [texts[int(v.text)] if c.get("t") == "s" else v.text
                 for c in row.findall("m:c", ns) for v in c.findall("m:v", ns)]
                for row in sheet.iterfind("m:sheetData/m:row", ns)
            ]  # fmt: skip
    return rows_by_sheet


def test_a_table_too_long_for_a_sheet_goes_on_in_the_next(
    small: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("warehouse.export.EXCEL_ROWS", 5)
    with duckdb.connect(small) as con:
        con.execute("create table places as select 'a' as id, 'ab'::blob as boundary_wkb")
        con.execute("comment on table places is 'one place'")
    (path,) = export(small, tmp_path / "out", "xlsx")
    sheets = cells(path)
    assert list(sheets) == ["read me", "notes", "notes (2)", "places"]
    assert [row[0] for row in sheets["notes"]] == ["id", "0", "1", "2", "3", "4"]
    assert [row[0] for row in sheets["notes (2)"]] == ["id", "5", "6", "7"]
    assert sheets["places"] == [["id"], ["a"]]
    assert sheets["read me"][2:] == [
        ["sheet", "rows", "what a row is", "note"],
        ["notes", "5", "rows 1 and on"],
        ["notes (2)", "3", "rows 6 and on"],
        ["places", "1", "one place", "without boundary_wkb (no cell holds it: geoparquet)"],
    ]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["small.xlsx"]


def test_a_workbook_of_all_tables_says_what_it_leaves_out(small: Path, tmp_path: Path) -> None:
    with duckdb.connect(small) as con:
        con.execute("create table indicators as select 'events' as indicator")
        con.execute("create table past_notes as from notes")
        con.execute(
            "create table region_months as select unnest([date '2015-05-01', '2016-05-01', "
            "'2021-05-01']) as month_start"
        )
    (path,) = export(small, tmp_path / "all", "xlsx")
    sheets = cells(path)
    assert list(sheets) == ["read me", "notes", "region_months"]
    assert len(sheets["region_months"]) == 2  # its header and the newest of five years
    command = "left out: tocsin export --format xlsx --table"
    notes = {row[0]: row[-1] for row in sheets["read me"] if row}
    assert notes["indicators"] == f"{command} indicators"
    assert notes["past_notes"] == f"{command} past_notes"
    assert notes["region_months"] == "the last 5 years; all with --table region_months"
    (path,) = export(small, tmp_path / "some", "xlsx", ["indicators", "region_months"])
    sheets = cells(path)
    assert list(sheets) == ["read me", "indicators", "region_months"]
    assert len(sheets["region_months"]) == 4


@pytest.mark.parametrize("kind", ["xlsx", "csv", "parquet"])
def test_an_export_that_fails_leaves_the_last_one_and_no_draft(
    small: Path, tmp_path: Path, monkeypatch, kind: str
) -> None:
    (path,) = export(small, tmp_path / "out", kind)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("config.files.os.replace", full)
    with pytest.raises(WarehouseError, match=r"No space left on device.*make room or make it wri"):
        export(small, tmp_path / "out", kind)
    assert path.read_bytes() == before
    assert list((tmp_path / "out").iterdir()) == [path]


def test_csv_for_excel_in_french(small: Path, tmp_path: Path) -> None:
    with duckdb.connect(small) as con:
        con.execute(
            "create table places as select 'Ménaka' as place, 0.25 as share, true as is_there, "
            "timestamp '2021-06-20 10:00:00' as known_from, 'ab'::blob as boundary_wkb"
        )
    (path,) = export(small, tmp_path / "out", "csv", ["places"], "excel-fr")
    assert path.read_bytes() == (
        b"\xef\xbb\xbfplace;share;is_there;known_from\n"
        b"M\xc3\xa9naka;0,25;true;2021-06-20 10:00:00\n"
    )
    (path,) = export(small, tmp_path / "out", "csv", ["places"])
    assert path.read_text("utf-8").splitlines()[1].endswith(",6162")  # not \\x61\\x62
    with pytest.raises(WarehouseError, match="goes with --format csv, not xlsx"):
        export(small, tmp_path / "out", "xlsx", (), "excel-fr")


def test_unknown_table_is_refused_by_name(small: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="cannot export flag as parquet; known are notes"):
        export(small, tmp_path / "out", "parquet", ["flag"])


def test_parquet_equals_the_published_table(published: Path, tmp_path: Path) -> None:
    (path,) = export(published, tmp_path, "parquet", ["flags"])
    with duckdb.connect(published, read_only=True) as con:
        assert pl.read_parquet(path).equals(con.execute("from flags").pl())


def listed(published: Path, night: str = "2021-06-25") -> None:
    """The manifest beside a file, as publishing writes it."""
    entry = {"as_of_date": night, "sha256": hashlib.sha256(published.read_bytes()).hexdigest()}
    published.with_name("manifest.json").write_text(json.dumps({published.name: entry}))


def test_the_copies_equal_the_published_tables(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    rows = copy_as_parquet(published, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["night"] == "2021-06-25"
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    assert manifest["copies_of"] == {"file": "tocsin.duckdb", "sha256": digest}
    assert {path.name for path in folder.iterdir()} == {*manifest["files"], "manifest.json"}
    assert rows == sum(file["rows"] for file in manifest["files"].values()) > 370_000
    with duckdb.connect(published, read_only=True) as con:
        tables = {
            n
            for (n,) in con.execute(
                "select table_name from duckdb_columns() where not internal"
            ).fetchall()
        }
        past = {name for name in tables if name.startswith("past_")} - {*PAST_COPIED}
        assert {file["table"] for file in manifest["files"].values()} == tables - past
        for name, file in manifest["files"].items():
            body = (folder / name).read_bytes()
            assert file["bytes"] == len(body)
            assert file["sha256"] == hashlib.sha256(body).hexdigest()
            copy = con.execute(f"from '{folder / name}'")
            columns = [(column, str(kind).lower()) for column, kind, *_ in copy.description]
            assert [(c["name"], c["type"]) for c in file["columns"]] == columns
            sums = "select count(*), sum(hash(t)) from"
            original = con.execute(f"{sums} {file['table']} as t").fetchone()
            assert con.execute(f"{sums} '{folder / name}' as t").fetchone() == original
            assert file["rows"] == original[0]
    shares = manifest["files"]["administrator_presence.parquet"]
    assert shares["comment"] == "one figure and region it covers"
    assert {
        "name": "presence_share",
        "type": "double",
        "comment": "share of posts held by someone present [share 0-1]",
    } in shares["columns"]


def flip(path: Path) -> None:
    """Another bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_copies_are_made_anew_only_of_another_file(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    listed(small)
    assert copy_as_parquet(small, folder) == len(FORMULAS)
    first = folder.stat().st_ino
    (tmp_path / ".parquet.part").mkdir()  # a run was killed here
    assert copy_as_parquet(small, folder) == len(FORMULAS)
    assert folder.stat().st_ino == first
    flip(folder / "notes.parquet")  # copies that are no longer what the manifest says
    copy_as_parquet(small, folder)
    assert pl.read_parquet(folder / "notes.parquet")["note"].to_list() == FORMULAS
    with duckdb.connect(small) as con:
        con.execute("alter table notes rename to remarks")
    listed(small, "2021-06-26")
    copy_as_parquet(small, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert (manifest["night"], *manifest["files"]) == ("2021-06-26", "remarks.parquet")
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
        rows = con.execute(
            f"select alert_level, level from '{paths[1]}' where region_id = 'MLI.sikasso'"
        ).fetchone()
    assert inside == (1,)
    assert rows == ("warning", "warning")
    assert json.loads(geo)["primary_column"] == "geometry"


def test_dictionary_in_docs_is_the_published_files(published: Path) -> None:
    page = (ROOT / "docs" / "dictionary.md").read_text("utf-8")
    assert page == dictionary(published), "run: tocsin dictionary > docs/dictionary.md"
