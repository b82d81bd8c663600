"""Residents of regions from units of COD-PS, and rates by them, worked by hand."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from config.registry import population_units
from indicators.violence import events_past12_per_100k
from warehouse.connect import warehouse
from warehouse.query import statement
from warehouse.sources import cod_ps_population

ROOT = Path(__file__).parents[1]
REGIONS = {  # of two made countries, of Rwanda and of one whose list of pairs has a mistake
    "AAA": ["North", "Big South"],
    "BBB": ["Twin", "Other"],
    "CCC": ["Hill", "Sea"],
    "RWA": ["Kigali City"],
}
UNITS = [
    ("AAA", "A1", "NORTH", 100, 2020), ("AAA", "A2", "South", 30, 2021),
    ("AAA", "A3", "South West", 12, 2019), ("BBB", "B1", "Twin", 5, 2020),
    ("BBB", "B2", "Twin", 6, 2020), ("CCC", "C1", "Hill", 9, 2020), ("CCC", "C2", "Shore", 8, 2020),
    ("RWA", "RW1", "Kigali City", 915_806, 2023),
]  # fmt: skip
PAIRS = [
    ("AAA", "South", "Big South", "together"), ("AAA", "South West", "Big South", "together"),
    ("CCC", "Hill", "Hills", "another spelling"), ("CCC", "Shore", "Seaa", "another spelling"),
    ("RWA", "", "", "cannot be all"),
]  # fmt: skip


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    series = pl.DataFrame(
        [(f"{code}.{name}", code, name) for code, names in REGIONS.items() for name in names],
        schema=["region_id", "country_code", "region_name"],
        orient="row",
    )
    listed = pl.DataFrame(
        UNITS,
        schema=["country_code", "region_pcode", "unit_name", "population_count", "population_year"],
        orient="row",
    )
    with warehouse(tmp_path_factory.mktemp("units") / "w.duckdb") as con:
        con.register("config_series", series)
        pairs = ["country_code", "unit_name", "region_name", "reason"]
        con.register("config_population_units", pl.DataFrame(PAIRS, pairs, orient="row"))
        con.register("listed", listed)
        con.execute(
            "insert into history.cod_ps_population by name "
            "select *, timestamp '1900-01-01' as known_from from listed"
        )
        con.execute(
            "create table core.region_name as select country_code, region_id, "
            "fold_name(region_name) as folded_name, false as is_part from config_series"
        )
        query = statement("core/population_unit")
        return con.execute(query, {"as_of": datetime(2026, 1, 1)}).pl()


def test_units_go_to_their_region_or_say_why_not(units: pl.DataFrame) -> None:
    rows = units.select("unit_name", "region_id", "matched_by", "unmatched_reason").rows()
    assert rows == [
        ("NORTH", "AAA.North", "name", None),
        ("South", "AAA.Big South", "declared", None),
        ("South West", "AAA.Big South", "declared", None),
        ("Twin", None, None, "two units have this name"),
        ("Twin", None, None, "two units have this name"),
        ("Hill", "CCC.Hill", "name", None),
        ("Shore", None, None, "config/population_units.csv names a region that is not there"),
        ("Kigali City", None, None, "cannot be all"),
    ]


def test_the_embedded_file_is_what_the_declared_pairs_were_written_for() -> None:
    content = (ROOT / "config" / cod_ps_population.SOURCE.embedded[0].file).read_bytes()
    listed = cod_ps_population.parse(content, "cod_ps_population_2026_04.parquet")
    assert (listed.height, listed["country_code"].n_unique()) == (1866, 123)
    assert listed.filter(country_code="RWA")["population_count"].sum() == 2_444_251
    pairs = population_units().filter(pl.col("unit_name") != "")
    assert pairs.join(listed, on=["country_code", "unit_name"], how="anti").rows() == []


def test_a_rate_needs_twelve_months_and_known_residents() -> None:
    months = pl.date_range(date(2020, 5, 1), date(2021, 5, 1), "1mo", eager=True)
    grid = pl.DataFrame({"place_id": ["A", "B"]}).join(months.to_frame("month_start"), how="cross")
    events = pl.DataFrame(
        {"place_id": ["A", "A", "A", "B"], "event_date": [date(2020, 5, 9), date(2020, 6, 9),
         date(2021, 5, 30), date(2021, 5, 30)]}
    )  # fmt: skip
    regions = pl.DataFrame(
        {"region_id": ["A", "B"], "population_count": [400_000, None],
         "population_year": [2018, None]}
    )  # fmt: skip
    rates = events_past12_per_100k(events, grid, regions)
    of_a = rates.filter(place_id="A")["value"].to_list()
    assert of_a == [None] * 11 + [0.5, 0.5]  # May 2020 leaves as May 2021 comes
    assert rates.filter(place_id="B")["value"].null_count() == 13
    assert rates["note"].to_list() == ["residents of 2018"] * 13 + [None] * 13
