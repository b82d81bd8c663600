"""Areas: what they are made of, what is refused, and Tocsin moved to another country."""

import ast
import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from config import areas, registry
from config.areas import check_folder, mark_folder
from config.overlay import ConfigurationError
from conftest import COMMAND
from test_overlay import forget
from warehouse.boundaries import read_boundaries
from warehouse.connect import load_spatial
from warehouse.sources import ucdp_ged

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "areas.md").read_text("utf-8")
NIGERIA = Path(__file__).parent / "recorded" / "ged_22_1_nigeria.parquet"
PRODUCT = ("config", "warehouse", "indicators", "expectations", "alerts", "page", "flows")
# As UCDP's files of January to March 2026 and of Sudan name them.
UCDP_NUMBERS = {
    "USA": 2, "CAN": 20, "HTI": 41, "DOM": 42, "TTO": 52, "DMA": 54, "MEX": 70, "BLZ": 80,
    "GTM": 90, "COL": 100, "VEN": 101, "ECU": 130, "PER": 135, "BRA": 140, "ARG": 160, "RUS": 365,
    "UKR": 369, "SWE": 380, "GNB": 404, "MLI": 432, "BEN": 434, "NER": 436, "BFA": 439,
    "GHA": 452, "TGO": 461, "CMR": 471, "NGA": 475, "CAF": 482, "TCD": 483, "COD": 490, "UGA": 500,
    "KEN": 501, "TZA": 510, "BDI": 516, "SOM": 520, "DJI": 522, "ETH": 530, "AGO": 540, "MOZ": 541,
    "ZAF": 560, "DZA": 615, "TUN": 616, "LBY": 620, "SDN": 625, "SSD": 626, "IRN": 630, "IRQ": 645,
    "SYR": 652, "LBN": 660, "ISR": 666, "SAU": 670, "YEM": 678, "KWT": 690, "BHR": 692, "ARE": 696,
    "OMN": 698, "AFG": 700, "IND": 750, "PAK": 770, "BGD": 771, "MMR": 775, "LKA": 780, "THA": 800,
    "PHL": 840, "IDN": 850, "PNG": 910,
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's own; what was read of the configuration is forgotten."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("TOCSIN_CONFIG_FOLDER", str(folder))
    forget()
    yield folder
    monkeypatch.undo()
    forget()


def in_area(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AREA", name)
    forget()


def test_every_country_has_a_number_and_names_and_none_is_doubled() -> None:
    countries = registry.known_countries()
    assert countries.height == 237
    numbers = dict(countries.select("country_code", "gw_number").iter_rows())
    assert {code: numbers[code] for code in UCDP_NUMBERS} == UCDP_NUMBERS
    states = countries.filter(~pl.col("is_territory"))
    assert states.height == states["gw_number"].n_unique() == 195
    assert numbers["PSE"] == numbers["ISR"] and numbers["ESH"] == numbers["MAR"]
    assert countries.drop("name_variants").null_count().sum_horizontal().item() == 0
    names = dict(countries.select("country_code", "country_name_fr").iter_rows())
    assert (names["NGA"], names["TCD"], names["CIV"]) == ("Nigeria", "Tchad", "Côte d'Ivoire")
    boxes = {row["country_code"]: row for row in countries.iter_rows(named=True)}
    assert (boxes["FJI"]["west"], boxes["FJI"]["east"]) == (177.0, -178.2)  # beyond 180 degrees
    assert (boxes["NGA"]["west"], boxes["NGA"]["north"]) == (2.6, 13.9)


def test_regions_of_the_world_are_one_each() -> None:
    world = pl.read_parquet(registry.WORLD)
    assert world.height == 4523 and world["region_id"].is_unique().all()
    assert world["region_id"].str.contains(r"^[A-Z]{3}\.[a-z0-9_]+$").all()
    assert (world["region_id"].str.head(3) == world["country_code"]).all()
    assert world["region_pcode"].drop_nulls().is_unique().all()
    assert world.filter(pl.col("region_name") == "Unnamed unit").height == 9  # one of Antarctica
    assert world.drop("region_pcode").null_count().sum_horizontal().item() == 0
    assert registry.regions().height == 104  # as ever


def test_areas_that_come_with_tocsin(monkeypatch: pytest.MonkeyPatch) -> None:
    every = areas.areas()
    assert {name: len(one.countries) for name, one in every.items()} == {
        "waemu": 8, "sahel_and_coast": 14, "africa": 55, "world": 237,
    }  # fmt: skip
    assert "ESH" in every["africa"].countries  # comes with Morocco
    for name, regions in (("sahel_and_coast", 230), ("world", 4506)):
        in_area(name, monkeypatch)
        assert registry.regions().height == regions
        assert registry.regions()["region_id"].is_unique().all()
    assert registry.neighbour_regions().is_empty()  # the world has none
    monkeypatch.undo()
    forget()
    assert {*registry.neighbour_regions()["country_code"]} == {
        "CMR", "GHA", "GIN", "GMB", "LBR", "MRT", "NGA", "SLE", "TCD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x]\ncountries = ['NGX']\n", "[x]: countries ['NGX'] must be \"all\" or a list out of"),
        ("[x]\ncountries = ['PSE']\n", "UCDP counts its events under ISR; add ISR"),
        ("[x]\ncountries = ['NGA']\nlanguages = ['ha']\n", "languages ['ha'] must be a list out"),
        ("[x]\ncountries = ['NGA']\ntime_zone = 'Kano'\n", "time_zone 'Kano' is no IANA time zone"),
        (
            "[x]\ncountries = ['NGA']\nboundaries = 'b.gpkg'\n",
            "boundaries b.gpkg: there is no such",
        ),
        ("[x]\ncountry = ['NGA']\n", "unknown field country; known are title_en"),
        ("[x\n", "write it as TOML, see config/areas.toml"),
    ],
)
def test_a_wrong_area_is_refused_with_the_cure(text: str, said: str, own: Path) -> None:
    (own / "areas.toml").write_text(text, "utf-8")
    forget()
    with pytest.raises(ConfigurationError) as excinfo:
        areas.areas()
    assert str(excinfo.value).startswith(f"{own}/areas.toml: ") and said in str(excinfo.value)


def test_an_unknown_area_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    in_area("wemu", monkeypatch)
    with pytest.raises(ConfigurationError, match=r"no such area \(nearest: waemu\); known are"):
        areas.area()
    monkeypatch.undo()
    forget()


def test_a_data_folder_is_of_one_area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark_folder(tmp_path)
    in_area("world", monkeypatch)
    check_folder(tmp_path)  # nothing was landed yet
    (tmp_path / "landing").mkdir()
    with pytest.raises(ConfigurationError, match="holds the area waemu, and TOCSIN_AREA is world"):
        check_folder(tmp_path)
    (tmp_path / areas.MARK).unlink()  # of an older Tocsin
    with pytest.raises(ConfigurationError, match="or set TOCSIN_AREA=waemu"):
        mark_folder(tmp_path)
    monkeypatch.undo()
    forget()
    check_folder(tmp_path)


def test_embedded_events_are_refused_where_they_lack_a_country(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(ucdp_ged.SOURCE.embedded_here) == 2
    in_area("sahel_and_coast", monkeypatch)
    assert ucdp_ged.SOURCE.embedded_here == ()
    monkeypatch.undo()
    forget()


# Where the product names a country, and why; everything else follows the area.
ALLOWED = {
    "warehouse/sql/core/region.sql": "Mali's census of 2009 is a source",
    "warehouse/sql/core/presence.sql": "the register writes Mali's regions by name",
    "warehouse/sources/admin_presence.py": "the same, and what the register is about",
    "warehouse/sources/admin1_boundaries.py": "what the source is about",
    "warehouse/sources/aid_suspensions.py": "flaws of the embedded register",
    "warehouse/sources/governance_register.py": "flaws of the embedded register",
    "warehouse/sources/mali_census.py": "what the source is about",
    "warehouse/sources/powell_thyne_coups.py": "flaws of the list",
    "warehouse/sources/ucdp_ged.py": "countries and flaws of the embedded releases",
    "warehouse/sources/acled_events.py": "a country's name as ACLED writes it",
    "expectations/landed.py": "Mali's census of 2009",
    "warehouse/sources/cod_ps_population.py": "flaws of the source",
    "warehouse/publish.py": "an example in what the file says of itself",
    "config/registry.py": "Kosovo, of which CLDR has no alpha-3 code",
    "indicators/risk/scorecard.py": "the scorecard that is committed tells the founding case",
    "flows/cli/mails.py": "an example in the help",
    "flows/cli/areas.py": "an example in the help",
    "config/new_area.py": "an example in an error",
}


def texts(path: Path) -> Iterator[str]:
    """What a file of the product says and is no comment, docstring or doctest."""
    text = path.read_text("utf-8")
    if path.suffix == ".sql":
        yield re.sub(r"--.*", "", text)
        return
    tree = ast.parse(text)
    nodes = [*ast.walk(tree)]
    documented = [n for n in nodes if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docstrings = {id(n.body[0].value) for n in documented if isinstance(n.body[0], ast.Expr)}
    for node in nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


def test_no_country_is_tied_to_the_code() -> None:
    codes = set(registry.known_countries()["country_code"]) - {"AND"}  # a word of queries
    named = re.compile(
        rf"\b(?:{'|'.join(sorted(codes))}|Benin|Burkina|Ivoire|Bissau|Mali|Niger|Senegal|Togo|WAEMU"
        r"|UEMOA|Sahel|eight countries)\b"
    )
    files_naming_a_country = {
        path.relative_to(ROOT).as_posix()
        for package in PRODUCT
        for path in [*(ROOT / package).rglob("*.py"), *(ROOT / package).rglob("*.sql")]
        if any(named.search(text) for text in texts(path))
    }
    assert files_naming_a_country == ALLOWED.keys()


def squares() -> list[dict]:
    """160 units of 0.3 degrees in the north of Nigeria, as GeoJSON features."""
    return [
        {
            "type": "Feature",
            "properties": {"pcode": f"NG{16 * y + x:03}", "nom": f"Unité {x}-{y}"},
            "geometry": {"type": "Polygon", "coordinates": [[
                [5 + 0.3 * (x + dx), 8 + 0.3 * (y + dy)]
                for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
            ]]},
        }
        for y in range(10)
        for x in range(16)
    ]  # fmt: skip


def geojson(path: Path, features: list[dict]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def test_districts_of_a_file_become_regions(tmp_path: Path) -> None:
    file = geojson(tmp_path / "d.geojson", squares())
    regions = read_boundaries(file, "pcode", "nom")
    assert regions.height == 160 and set(regions["country_code"]) == {"NGA"}
    first = regions.row(0, named=True)
    assert (first["region_id"], first["region_name"]) == ("NGA.ng000", "Unité 0-0")
    assert (first["west"], first["north"], first["longitude"]) == (5.0, 8.3, pytest.approx(5.15))
    with duckdb.connect() as con:
        load_spatial(con)
        for driver, name in (("GPKG", "d.gpkg"), ("ESRI Shapefile", "d.shp")):
            con.execute(
                f"copy (select pcode, nom, geom from st_read('{file}')) to '{tmp_path / name}' "
                f"(format gdal, driver '{driver}', srs 'EPSG:4326')"
            )
            again = read_boundaries(tmp_path / name, "pcode", "nom")
            columns = ["region_id", "region_name", "west", "north"]
            assert again.select(columns).equals(regions.select(columns))
        con.execute(
            f"copy (select pcode, nom, st_transform(geom, 'EPSG:4326', 'EPSG:32632', "
            f"always_xy := true) as geom from st_read('{file}')) to '{tmp_path / 'u.gpkg'}' "
            "(format gdal, driver 'GPKG', srs 'EPSG:32632')"
        )
    with pytest.raises(
        ConfigurationError, match=r"is in WGS 84 / UTM zone 32N, .*-t_srs EPSG:4326"
    ):
        read_boundaries(tmp_path / "u.gpkg", "pcode", "nom")


BOW = [[[5, 8], [5.3, 8.3], [5.3, 8], [5, 8.3], [5, 8]]]
METRES = [[[500_000, 900_000], [530_000, 900_000], [530_000, 930_000], [500_000, 900_000]]]


@pytest.mark.parametrize(
    ("unit", "change", "said"),
    [
        (3, {"pcode": "NG000"}, "unit 4 (NG000): another unit has the same pcode; give"),
        (3, {"pcode": ""}, "unit 4 (Unité 3-0): column pcode is empty; every unit needs an id"),
        (3, {"pcode": "ng 000"}, "column pcode: NG000, ng 000 are the same") ,
        (3, {"nom": "UnitÃ©"}, "the name is not in the encoding that the file says; save"),
        (0, {"coordinates": BOW}, "unit 1 (NG000): its line crosses or touches itself"),
        (0, {"coordinates": METRES}, "lies outside the degrees of the globe, so the projection is"),
        (17, {"coordinates": [[[5, 8], [6, 8], [6, 9], [5, 9], [5, 8]]]}, "overlap by 100% of"),
        (40, None, "a hole of 0.6% of the whole at 7.55, 8.75 is in no unit; an event there"),
    ],
)  # fmt: skip
def test_a_broken_boundary_is_refused_with_the_cure(
    unit: int, change: dict | None, said: str, tmp_path: Path
) -> None:
    features = squares()
    if change is None:
        del features[unit]
    else:
        target = features[unit]["geometry" if "coordinates" in change else "properties"]
        target.update(change)
    if said.startswith("column pcode: NG000"):  # two ids that differ in signs alone
        features[unit]["properties"]["pcode"] = "NG-000"
        features[0]["properties"]["pcode"] = "NG 000"
        said = "are the same in small Latin letters and digits"
    with pytest.raises(ConfigurationError) as excinfo:
        read_boundaries(geojson(tmp_path / "d.geojson", features), "pcode", "nom")
    assert said in str(excinfo.value)


def test_what_is_no_file_of_boundaries_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("nothing")
    with pytest.raises(
        ConfigurationError, match=r"cannot be read as boundaries .*; give a GeoJSON"
    ):
        read_boundaries(tmp_path / "d.txt", "pcode", "nom")
    file = geojson(tmp_path / "d.geojson", squares())
    with pytest.raises(
        ConfigurationError, match="--id code: there is no such column; there are pco"
    ):
        read_boundaries(file, "code", "nom")


def release() -> bytes:
    """UCDP's figures of Nigeria (GED 22.1, CC BY 4.0) in its columns, zipped as it does."""
    rows = pl.read_parquet(NIGERIA).with_columns(
        pl.col("date_end").dt.year().alias("year"),
        relid="id", code_status=pl.lit("Clear"), where_prec="place_precision", adm_1="state",
        adm_2=pl.lit(None, pl.String), country=pl.lit("Nigeria"), country_id=pl.lit(475),
        dyad_name="conflict_name", best="total_deaths", high="total_deaths", low="total_deaths",
    )  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("GEDEvent_v22_1.csv", rows.select(ucdp_ged.COLUMNS).write_csv())
    return packed.getvalue()


def test_tocsin_moves_to_nigeria(tmp_path: Path, prefect_url: str) -> None:
    """The commands of the page, each in a process of its own, as a user types them."""
    (tmp_path / "ged221-csv.zip").write_bytes(release())
    (block,) = re.findall(r"```sh\n(mkdir.*?)```", PAGE, flags=re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_API_URL": prefect_url}
    call = [sys.executable, "-c", COMMAND]
    said = {}
    for line in block.splitlines():
        words = shlex.split(line)
        if words[0] == "export":
            environment |= dict(word.split("=", 1) for word in words[1:])
        elif words[0] == "mkdir":
            (tmp_path / words[-1]).mkdir()
        else:
            assert words[0] == "./run"
            done = subprocess.run(
                [*call, *words[1:]], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
            said[" ".join(words[1:3])] = done.stdout
    assert "the area nigeria, 1 country" in said["area make"]
    published = tmp_path / "data_nigeria" / "published"
    with duckdb.connect(str(published / "tocsin.duckdb"), read_only=True) as con:
        events = "select count(*), count(region_id), sum(deaths_best_count) from events"
        assert con.execute(events).fetchone() == (5660, 5660, 60355)
        unknown = "select distinct state from signals where source = 'aid_suspensions'"
        assert con.execute(unknown).fetchall() == [("not_known",)]  # unknown is not quiet
        levels = con.execute("select count(*), count(distinct region_id) from flags").fetchone()
        assert levels == (37, 37)
    assert "Nigeria" in (published / "page" / "en" / "index.html").read_text("utf-8")
