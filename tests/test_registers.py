"""Hand-kept registers: a wrong row is refused by file, line, field and cure."""

import csv
import io
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from config.registry import SourceError, all_regions, coverage, pcodes, regions
from expectations.judge import GateError
from expectations.quarantine import quarantine_rows
from indicators.aid import open_suspensions
from indicators.governance import register_count
from warehouse.connect import warehouse
from warehouse.core import build_core, match_region
from warehouse.history import catch_up
from warehouse.landing import Batch, accept, receive
from warehouse.sources import (
    SOURCES,
    admin1_boundaries,
    admin_presence,
    aid_suspensions,
    governance_register,
)
from warehouse.sources.tables import fetch_file

ROOT = Path(__file__).parent.parent
PRESENCE, SUSPENSIONS, ENTRIES = (
    module.SOURCE for module in (admin_presence, aid_suspensions, governance_register)
)
FIGURE = {
    "date": "2016-09-30",
    "date_precision": "month",
    "scope_regions": "Gao",
    "indicator": "prefects_present_share",
    "value_pct": "87.5",
    "numerator": "7",
    "denominator": "8",
    "source_symbol": "S/2016/819",
    "source_symbol_basis": "inferred",
    "url_if_known": "https://example.org/1",
    "published_on": "",
}
ACT = {
    "country": "Burkina Faso",
    "date": "2022-01-31",
    "date_precision": "day",
    "actor": "United States (State Department)",
    "measure_type": "development_aid",
    "action": "suspend",
    "what": "most assistance",
    "end_date_if_seen": "",
    "url": "https://example.org/1",
    "published_on": "",
}
ENTRY = {
    "register": "local_agreement",
    "country_code": "MLI",
    "region_id": "MLI.mopti",
    "entry_date": "2021-03-14",
    "end_date_if_seen": "2021-07-01",
    "entry_type": "ceasefire",
    "title": "Farabougou",
    "url": "https://example.org/1",
}


ROWS = {
    "admin_presence": [
        {**FIGURE, "scope_regions": "Kidal"},
        {**FIGURE, "indicator": "subprefects_present_share"},
        FIGURE,
        {**FIGURE, "indicator": "mayors_present_share"},
    ],
    "aid_suspensions": [ACT, {**ACT, "actor": "France"}],
    "governance_register": [ENTRY],
}


def register(source, line: int, changes: dict[str, str]) -> bytes:
    """A small register with fields of one line changed (the header is line 1)."""
    rows = [dict(row) for row in ROWS[source.name]]
    rows[line - 2] |= changes
    return csv_of(rows)


def csv_of(rows: list[dict[str, str]], **form: str) -> bytes:
    """The rows as a CSV file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n", **form)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.mark.parametrize(
    ("source", "line", "changes", "field", "cure"),
    [
        (PRESENCE, 3, {"value_pct": "117"}, "value_pct: 117.0", "give 0 to 100"),
        (PRESENCE, 4, {"numerator": "9"}, "denominator: 8.0", "nobody fills more posts"),
        (PRESENCE, 4, {"numerator": "5"}, "value_pct: 87.5", "not numerator / denominator"),
        (PRESENCE, 4, {"denominator": ""}, "numerator: 7.0", "or neither"),
        (PRESENCE, 4, {"denominator": "0", "numerator": "0"}, "denominator: 0.0", "the posts"),
        (PRESENCE, 4, {"scope_regions": "Mopty"}, "scope_regions: Mopty", "(nearest: Mopti"),
        (PRESENCE, 4, {"indicator": "prefets_share"}, "indicator: prefets", "one of civil_admin"),
        (PRESENCE, 4, {"published_on": "2016-01-01"}, "published_on: 2016-01-01", "after the day"),
        (PRESENCE, 4, {"url_if_known": "see report"}, "url_if_known: see report", "give the addr"),
        (PRESENCE, 5, {"indicator": "prefects_present_share", "value_pct": "10", "numerator": "",
                       "denominator": ""}, "date: 2016-09-30", "two rows share"),
        (SUSPENSIONS, 2, {"country": "Burkina"}, "country: Burkina", "nearest: Burkina Faso"),
        (SUSPENSIONS, 2, {"actor": "EU"}, "actor: EU", "config/partners.csv"),
        (SUSPENSIONS, 2, {"measure_type": "aid"}, "measure_type: aid", "write development_aid"),
        (SUSPENSIONS, 2, {"action": "stop"}, "action: stop", "write suspend, impose"),
        (SUSPENSIONS, 2, {"end_date_if_seen": "2021-01-01"}, "end_date_if_seen: 2021-01-01",
         "an end comes after"),
        (SUSPENSIONS, 2, {"published_on": "2022-01-30"}, "published_on: 2022-01-30", "after its"),
        (SUSPENSIONS, 2, {"date": "03/06/2021"}, "date: '03/06/2021' is no day", "write it as"),
        (SUSPENSIONS, 2, {"date": "2022-01"}, "date_precision: day", "write month"),
        (SUSPENSIONS, 2, {"url": "ibid."}, "url: ibid.", "give the address"),
        (ENTRIES, 2, {"end_date_if_seen": "2021-03-01"}, "end_date_if_seen: 2021-03-01",
         "an end comes after"),
        (ENTRIES, 2, {"region_id": "MLI.mopty"}, "region_id: MLI.mopty", "nearest: MLI.mopti"),
        (ENTRIES, 2, {"region_id": "NER.diffa"}, "region_id: NER.diffa", "another country"),
        (ENTRIES, 2, {"region_id": "MLI.gao;MLI.mopty"}, "region_id: MLI.gao;MLI.mopty",
         "nearest: MLI.mopti"),
        (ENTRIES, 2, {"region_id": "MLI.gao;NER.diffa"}, "region_id: MLI.gao;NER.diffa",
         "give each country a row"),
        (ENTRIES, 2, {"published_on": "2021-03-13"}, "published_on: 2021-03-13", "day of the dec"),
        (ENTRIES, 2, {"entry_type": "election"}, "entry_type: election", "write one of"),
        (ENTRIES, 2, {"register": "peace"}, "register: peace", "write transition_"),
    ],
)  # fmt: skip
def test_wrong_row_is_refused(source, line: int, changes, field: str, cure: str) -> None:
    content = register(source, line, changes)
    with pytest.raises(SourceError) as refused:
        source.parse(content, "register.csv")
    said = str(refused.value)
    assert f"register.csv: line {line}, field {field}" in said
    assert cure in said


@pytest.mark.parametrize("field", ["source_symbol", "scope_regions", "value_pct"])
def test_no_reference_no_place_no_figure(field: str) -> None:
    with pytest.raises(SourceError, match=f"line 4, field {field} is empty; fill it in"):
        PRESENCE.parse(register(PRESENCE, 4, {field: ""}), "register.csv")


def test_begun_and_ended_on_one_day_is_a_contradiction() -> None:
    """By whatever name of the donor, and if it is one of several measures."""
    lift = {"actor": "United States (MCC)", "action": "lift", "date": "2022-01-31",
            "measure_type": "sanctions;development_aid"}  # fmt: skip
    content = register(SUSPENSIONS, 3, lift)
    with pytest.raises(SourceError, match="line 2, field action: suspend; the same measure of"):
        SUSPENSIONS.parse(content, "register.csv")
    partial = register(SUSPENSIONS, 3, {**lift, "action": "partial_lift"})
    assert SUSPENSIONS.parse(partial, "register.csv").height == 2


def test_registers_as_kept_are_right() -> None:
    heights = [
        source.parse(fetch_file(source, source.address).content, source.address).height
        for source in (PRESENCE, SUSPENSIONS, ENTRIES)
    ]
    assert heights == [46, 64, 198]
    assert ENTRIES.parse(register(ENTRIES, 2, {}), "register.csv").height == 1


def test_a_register_is_read_as_french_excel_saves_it() -> None:
    """Semicolons, decimal commas, days first, Windows-1252 or a BOM, an empty last row."""
    rows = [{**FIGURE, "scope_regions": "Ségou", "value_pct": "87,5", "date": "30/09/2016"}]
    saved = csv_of(rows, delimiter=";") + b";;;;;;;;;;\r\n"
    frames = [
        PRESENCE.parse(content, "register.csv")
        for content in (saved.decode().encode("cp1252"), b"\xef\xbb\xbf" + saved,
                        saved.decode().encode("utf-16"), saved.replace(b";", b"\t"))
    ]  # fmt: skip
    for frame in frames:
        assert frame.select("date", "scope_regions", "value_pct").rows() == [
            (date(2016, 9, 30), "Ségou", 87.5)
        ]
    curly = register(SUSPENSIONS, 2, {"country": "Côte d\u2019Ivoire"})
    assert SUSPENSIONS.parse(curly, "")["country"][0] == "Côte d'Ivoire"


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """Empty rows and texts of several lines count, so does the header."""
    rows = [{**ACT, "what": "first\nsecond"}, {**ACT, "actor": "France", "url": "ibid."}]
    content = csv_of(rows).replace(b"\n", b"\n,,,,,,,,,\n", 1)
    with pytest.raises(SourceError, match=r"register.csv: line 5, field url: ibid\.; give"):
        SUSPENSIONS.parse(content, "register.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04...", "is a workbook or an archive, not a CSV file; save it as CSV UTF-8"),
        (b"country,date\nMali,2021", "line 2 has no line break at its end"),
        (b"country,date\nMali,2021-06-03,,x\n", "line 2 has 4 fields, the header 2"),
        (b"country,country\nMali,Mali\n", "line 1, column country stands twice"),
        (b"\n\n", "is empty; its first line names the columns"),
    ],
)
def test_what_is_no_register_is_told_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        SUSPENSIONS.parse(content, "register.csv")
    assert f"register.csv: {sentence}" in str(refused.value)


def arrive(source, content: bytes, folder: Path) -> Batch:
    """The register as it is fetched from a file."""
    path = folder / "register.csv"
    path.write_bytes(content)
    return [*receive(source, str(path), folder / "landing")][-1]


def test_regions_of_an_entry_pass_every_check(tmp_path: Path) -> None:
    """Several, and a part of a region: before, such rows were held out without a word."""
    rows = [
        {**ENTRY, "region_id": "MLI.gao;MLI.kidal", "title": "two"},
        {**ENTRY, "region_id": "MLI.bandiagara; MLI.mopti", "title": "a part"},
        {**ENTRY, "region_id": "", "title": "the country"},
    ]
    batch, results = quarantine_rows(arrive(ENTRIES, csv_of(rows), tmp_path), tmp_path / "landing")
    assert (batch.rows.height, batch.quarantined) == (3, ())
    assert results["is_success"].all()
    with warehouse(tmp_path / "w.duckdb") as con:
        accept(batch, tmp_path / "landing")
        catch_up(con, ENTRIES, tmp_path / "landing", [batch])
        build_regions(con)
        entries = con.execute(
            "select title, region_id, is_part from core.register_entry order by title"
        ).fetchall()
    assert entries == [
        ("a part", "MLI.mopti", True),
        ("the country", None, False),
        ("two", "MLI.gao;MLI.kidal", False),
    ]


def build_regions(con) -> None:
    """Core on a night of 2024, with the polygons it needs."""
    boundaries = admin1_boundaries.SOURCE
    folder = Path(con.execute("select path from duckdb_databases() where path <> ''").fetchone()[0])
    folder = folder.parent / "landing"
    accept([*receive(boundaries, None, folder)][-1], folder)
    catch_up(con, boundaries, folder)
    build_core(con, date(2024, 1, 25))


def test_a_wrong_row_of_a_register_is_never_held_out(tmp_path: Path) -> None:
    """What only a check finds (a day to come) refuses the file, by its line."""
    rows = [dict(ENTRY), {**ENTRY, "entry_date": "2999-01-01", "end_date_if_seen": ""}]
    with pytest.raises(GateError, match=r"register\.csv: line 3, 2999-01-01; it breaks") as refused:
        quarantine_rows(arrive(ENTRIES, csv_of(rows), tmp_path), tmp_path / "landing")
    assert "nothing of it is believed" in str(refused.value)


def test_a_fresh_and_an_old_database_agree(tmp_path: Path) -> None:
    """Of a register whose rows were added, mended and taken out one by one."""
    act = {**ACT, "country": "Mali", "actor": "World Bank", "date": "2021-06-04"}
    lift = {**act, "action": "lift", "date": "2021-09-06", "published_on": "2021-09-22"}
    wrong = {**act, "actor": "France"}
    month = {**act, "actor": "Denmark", "date": "2021-10", "date_precision": "month"}
    steps = [[act, wrong], [act, wrong, lift], [{**act, "url": "https://b.org"}, lift, month]]
    schemas = {}
    for name, deliveries in (("old", steps), ("fresh", steps[-1:])):
        folder = tmp_path / name
        folder.mkdir()
        with warehouse(folder / "w.duckdb") as con:
            for rows in deliveries:
                batch = arrive(SUSPENSIONS, csv_of(rows), folder)
                accept(batch, folder / "landing")
                catch_up(con, SUSPENSIONS, folder / "landing", [batch])
            build_regions(con)
            schemas[name] = con.execute(
                "select actor, status, known_from::date from core.suspension order by actor"
            ).fetchall()
            versions = con.execute(
                "select actor, action, url, known_from::date, known_from = known_to, "
                "left_at is null from history.aid_suspensions order by entered_at, actor, action"
            ).fetchall()
            first = con.execute(
                "select known_from::date from history.aid_suspensions where action = 'lift'"
            ).fetchall()
            build_core(con, date(2021, 9, 21))
            before = con.execute("select actor, status from core.suspension").fetchall()
        assert first == [(date(2021, 9, 22),)]
        assert before == [("World Bank", "open")]  # the lift was not known yet
        if name == "old":  # what was replaced is kept, and not believed of any night
            assert versions[:2] == [
                ("France", "suspend", "https://example.org/1", date(2021, 6, 5), True, False),
                ("World Bank", "suspend", "https://example.org/1", date(2021, 6, 5), True, False),
            ]
    assert (
        schemas["fresh"]
        == schemas["old"]
        == [
            ("Denmark", "end_unknown", date(2021, 11, 1)),  # October is known when it is over
            ("World Bank", "lifted", date(2021, 6, 5)),
        ]
    )


def test_mali_has_nineteen_regions_and_a_district_in_the_codes_of_2025() -> None:
    codes = pcodes().filter(pcode_vintage="v03 (2025)")
    assert codes["region_pcode"].to_list() == [f"ML{n:02}" for n in range(1, 21)]
    assert codes["region_id"].n_unique() == 20
    mali = all_regions().filter(country_code="MLI")
    assert set(codes["region_id"]) == set(mali["region_id"])
    parents = dict(
        mali.filter(pl.col("parent_region_id") != "")
        .group_by("parent_region_id")
        .agg(pl.col("region_name").sort())
        .iter_rows()
    )
    assert parents == {
        "MLI.kayes": ["Kita", "Nioro"],
        "MLI.koulikoro": ["Dioïla", "Nara"],
        "MLI.mopti": ["Bandiagara", "Douentza"],
        "MLI.segou": ["San"],
        "MLI.sikasso": ["Bougouni", "Koutiala"],
        "MLI.tombouctou": ["Taoudénit"],
    }
    assert regions().height == 104


def test_burkina_faso_has_seventeen_regions_since_2025() -> None:
    """Ten took another name, three were divided into seven (council of ministers, 2 July 2025)."""
    names = {
        "Bankui": "boucle_du_mouhoun", "Sourou": "boucle_du_mouhoun", "Djôrô": "sud_ouest",
        "Goulmou": "est", "Sirba": "est", "Tapoa": "est", "Guiriko": "hauts_bassins",
        "Kadiogo": "centre", "Kuilsé": "centre_nord", "Liptako": "sahel", "Soum": "sahel",
        "Nakambé": "centre_est", "Nando": "centre_ouest", "Nazinon": "centre_sud",
        "Oubri": "plateau_central", "Tannounyan": "cascades", "Yaadga": "nord",
    }  # fmt: skip
    assert len(names) == 17
    matches = {name: match_region(name).row(0, named=True) for name in names}
    counts_for = {
        name: (row["parent_region_id"] or row["region_id"]).removeprefix("BFA.")
        for name, row in matches.items()
    }
    assert counts_for == names
    assert sum(row["parent_region_id"] != "" for row in matches.values()) == 7
    assert {row["valid_from"] for row in matches.values()} == {"", "2025-07-02"}


@pytest.mark.parametrize(
    ("name", "regions"),
    [
        ("ML09", [("MLI.bamako", "COD-AB 2021, whole"),
                  ("MLI.taoudenit", "COD-AB v03 (2025), whole")]),
        ("ML-9", [("MLI.menaka", "ISO 3166-2 2026, whole")]),
        ("Segou region", [("MLI.segou", None)]),
        ("TIMBUKTU", [("MLI.tombouctou", None)]),
        ("Taoudenni", [("MLI.taoudenit", None)]),
        ("Tillabery", [("NER.tillaberi", None)]),
        ("Região de Gabú", [("GNB.gabu", None)]),
        ("Région du Centre-Est", [("BFA.centre_est", None)]),
        ("Region de Mopti", [("MLI.mopti", None)]),
        ("District d\u2019Abidjan", [("CIV.district_autonome_d_abidjan", None)]),
    ],
)  # fmt: skip
def test_a_spelling_or_code_is_resolved(name: str, regions: list[tuple[str, str | None]]) -> None:
    assert match_region(name).select("region_id", "pcode").rows() == regions


def test_an_unknown_spelling_is_offered_its_nearest() -> None:
    first = match_region("Sikaso", "MLI").row(0, named=True)
    assert (first["region_id"], first["matched_by"]) == ("MLI.sikasso", "similar name")
    assert 0.9 < first["similarity"] < 1


@pytest.mark.parametrize("town", ["Djibo", "Niono", "Bobo-Dioulasso", "Dori"])
def test_a_town_is_not_taken_for_a_region(town: str) -> None:
    assert match_region(town).is_empty()


def test_unknown_spellings_of_events_are_set_aside_with_candidates(night) -> None:
    names = night(date(2023, 1, 20))["core.unknown_region_name"]
    mali = names.filter(country_code="MLI").row(0, named=True)
    assert mali["source_admin1_name"] == "Timetrine region"
    assert (mali["events_count"], mali["placed_in"]) == (1, "MLI.kidal 1")
    assert mali["nearest_names"].startswith("MLI.")
    lagunes = names.filter(source_admin1_name="Lagunes district").row(0, named=True)
    assert lagunes["events_count"] == 104
    assert lagunes["scope_region_ids"].split(";")[2] == "CIV.grands_ponts"  # it is looked at
    assert lagunes["placed_in"].startswith("CIV.district_autonome_d_abidjan")


def test_no_spelling_means_two_regions_of_a_country(warehouse_con, night) -> None:
    night(date(2023, 1, 20))
    twice = warehouse_con.execute(
        "select country_code, folded_name from core.region_name group by all having count(*) > 1"
    ).fetchall()
    assert twice == []


def test_outside_its_coverage_a_register_is_silent_not_zero() -> None:
    entries = pl.DataFrame(
        [("local_agreement", "MLI", "MLI.gao;MLI.kidal", date(2012, 1, 9), "ceasefire"),
         ("local_agreement", "MLI", None, date(2012, 1, 9), "breach"),
         ("local_agreement", "MLI", None, date(2012, 1, 10), "peace_agreement")],
        schema=["register", "country_code", "region_id", "entry_date", "entry_type"], orient="row",
    )  # fmt: skip
    months = [date(2011, 12, 1), date(2012, 1, 1), date(2012, 2, 1), date(2026, 1, 1)]

    def counted(entries: pl.DataFrame, place: str, *types: str, **how: bool) -> list[float | None]:
        grid = pl.DataFrame({"place_id": [place] * 4, "month_start": months})
        return register_count(entries, grid, ("local_agreement",), types, **how)["value"].to_list()

    agreed = ("ceasefire", "peace_agreement")
    assert counted(entries, "MLI", *agreed) == [None, 2.0, 0.0, None]
    assert counted(entries, "MLI", "breach") == [None, 1.0, 0.0, None]  # no improvement
    assert counted(entries, "TGO", *agreed) == [None] * 4  # not kept for Togo
    assert counted(entries.clear(), "MLI", *agreed) == [None] * 4
    assert counted(entries, "MLI.kidal", *agreed, of_regions=True) == [None, 1.0, 0.0, None]
    assert counted(entries, "MLI.mopti", *agreed, of_regions=True) == [None, 0.0, 0.0, None]
    spell = pl.DataFrame(
        [("MLI", "sanctions", date(2012, 1, 9), None, date(2012, 1, 9))],
        schema={"country_code": pl.String, "measure_type": pl.String, "opened_date": pl.Date,
                "closed_date": pl.Date, "confirmed_date": pl.Date}, orient="row",
    )  # fmt: skip
    grid = pl.DataFrame(
        {"place_id": ["MLI", "MLI", "SEN"],
         "month_start": [date(2012, 1, 1), date(2012, 3, 1), date(2012, 3, 1)]}
    )  # fmt: skip
    assert open_suspensions(spell, grid, "sanctions")["value"].to_list() == [None, 1.0, None]


def test_every_register_kept_by_hand_declares_its_coverage() -> None:
    assert set(coverage()["source"]) == {source.name for source in SOURCES if source.is_by_hand}
    declared = coverage().filter(source="governance_register")["series"]
    assert set(declared) == set(governance_register.ENTRY_TYPES)


def test_the_operator_is_mailed_of_a_name_that_nobody_knows(working) -> None:
    from warehouse.outbox import operator_findings

    assert operator_findings(working) == []
    working.begin()
    try:
        working.execute(
            "insert into mart.check by name select 'core.unknown_region_name' as table_name, "
            "'spelling_is_explained' as column_name, 'warning' as severity, false as is_success, "
            "1 as unexpected_count, 'source_admin1_name Gulmu' as observed, "
            "max(as_of_date) as night_from from ops.night"
        )
        ((matter, about, detail),) = operator_findings(working)
    finally:
        working.rollback()
    assert about == "region names that nobody knows"
    assert matter.endswith("source_admin1_name Gulmu")  # another name is another matter
    assert "spelling is explained: 1 rows, seen: source_admin1_name Gulmu" in detail
