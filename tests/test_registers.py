"""Hand-kept registers: a wrong row is refused by file, line, field and cure."""

import csv
import io
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from config.registry import SourceError, all_regions, pcodes, regions
from warehouse.build import match_region
from warehouse.sources import admin_presence, aid_suspensions, governance_register
from warehouse.sources.tables import fetch_file

ROOT = Path(__file__).parent.parent
PRESENCE, SUSPENSIONS, ENTRIES = (
    module.SOURCE for module in (admin_presence, aid_suspensions, governance_register)
)
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


def register(source, line: int, changes: dict[str, str]) -> bytes:
    """The register as it stands, with fields of one line changed (the header is line 1)."""
    path = ROOT / "config" / source.embedded[-1].file
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines())) or [dict(ENTRY)]
    rows[line - 2] |= changes
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
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
        (SUSPENSIONS, 2, {"measure_type": "aid"}, "measure_type: aid", "add it there"),
        (SUSPENSIONS, 2, {"action": "stop"}, "action: stop", "docs/registers.md"),
        (SUSPENSIONS, 2, {"end_date_if_seen": "2021-01-01"}, "end_date_if_seen: 2021-01-01",
         "an end comes after"),
        (SUSPENSIONS, 2, {"url": "ibid."}, "url: ibid.", "give the address"),
        (ENTRIES, 2, {"end_date_if_seen": "2021-03-01"}, "end_date_if_seen: 2021-03-01",
         "an end comes after"),
        (ENTRIES, 2, {"region_id": "MLI.mopty"}, "region_id: MLI.mopty", "nearest: MLI.mopti"),
        (ENTRIES, 2, {"region_id": "NER.diffa"}, "region_id: NER.diffa", "another country"),
        (ENTRIES, 2, {"entry_type": "election"}, "entry_type: election", "write one of"),
        (ENTRIES, 2, {"register": "peace"}, "register: peace", "docs/registers.md"),
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
    with pytest.raises(SourceError, match=f"line 4, field {field} is empty"):
        PRESENCE.parse(register(PRESENCE, 4, {field: ""}), "register.csv")


def test_begun_and_ended_on_one_day_is_a_contradiction() -> None:
    first, *_ = SUSPENSIONS.parse(register(SUSPENSIONS, 2, {}), "").iter_rows(named=True)
    lift = {name: str(first[name] or "") for name in first} | {"action": "lift"}
    content = register(SUSPENSIONS, 3, lift)
    with pytest.raises(SourceError, match="line 2, field action: suspend; the same measure begins"):
        SUSPENSIONS.parse(content, "register.csv")


def test_registers_as_kept_are_right() -> None:
    heights = [
        source.parse(fetch_file(source, source.address).content, source.address).height
        for source in (PRESENCE, SUSPENSIONS, ENTRIES)
    ]
    assert heights == [38, 27, 0]
    assert ENTRIES.parse(register(ENTRIES, 2, {}), "register.csv").height == 1


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


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ML09", [("MLI.bamako", "COD-AB 2021, whole"),
                  ("MLI.taoudenit", "COD-AB v03 (2025), whole")]),
        ("ML-9", [("MLI.menaka", "ISO 3166-2 2026, whole")]),
        ("Segou region", [("MLI.segou", None)]),
        ("TIMBUKTU", [("MLI.tombouctou", None)]),
        ("Taoudenni", [("MLI.taoudenit", None)]),
    ],
)  # fmt: skip
def test_a_spelling_or_code_is_resolved(name: str, found: list[tuple[str, str | None]]) -> None:
    assert match_region(name).select("region_id", "pcode").rows() == found


def test_an_unknown_spelling_is_offered_its_nearest() -> None:
    first = match_region("Sikaso", "MLI").row(0, named=True)
    assert (first["region_id"], first["matched_by"]) == ("MLI.sikasso", "similar name")
    assert 0.9 < first["similarity"] < 1


def test_unknown_spellings_of_events_are_set_aside_with_candidates(night) -> None:
    names = night(date(2023, 1, 20))["core.unknown_region_name"]
    mali = names.filter(country_code="MLI").row(0, named=True)
    assert mali["source_admin1_name"] == "Timetrine region"
    assert (mali["events_count"], mali["placed_in"]) == (1, "MLI.kidal 1")
    assert mali["nearest_names"].startswith("MLI.")
    lagunes = names.filter(source_admin1_name="Lagunes district").row(0, named=True)
    assert lagunes["events_count"] == 104
    assert lagunes["placed_in"].startswith("CIV.district_autonome_d_abidjan")


def test_no_spelling_means_two_regions_of_a_country(kept, night) -> None:
    night(date(2023, 1, 20))
    twice = kept.execute(
        "select country_code, folded_name from core.region_name group by all having count(*) > 1"
    ).fetchall()
    assert twice == []
