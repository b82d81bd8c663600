"""The worked examples of docs/adding.md run as they stand."""

import doctest
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import indicators
from config.registry import Column, columns
from conftest import WITHOUT_PAGE
from expectations.quarantine import quarantine_rows
from expectations.suites import SUITES
from warehouse.connect import ensure_tables, warehouse
from warehouse.export import answer
from warehouse.history import catch_up
from warehouse.landing import accept, receive

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "adding.md").read_text("utf-8")
INDICATOR, SOURCE, SUITE, RECORD = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
CSV, TOML, SQL = (
    re.search(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)[1] for kind in ("csv", "toml", "sql")
)


def defined(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(program, names)
    return names


def test_an_indicator(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = defined(INDICATOR)
    for example in doctest.DocTestFinder().find(names["civilian_deaths_share"], globs=names):
        assert doctest.DocTestRunner().run(example).failed == 0
    monkeypatch.setattr(indicators, "INDICATORS", (names["CIVILIAN_DEATHS_SHARE"],))
    tables = (
        "presence", "suspension", "coup", "register_entry", "external_series", "neighbour_event",
        "neighbour_region",
    )  # fmt: skip
    core = dict.fromkeys(tables, pl.DataFrame())
    core |= {"region": answer(published, "from regions"), "event": answer(published, "from events")}
    series = indicators.compute_indicators(core, date(2021, 1, 1), date(2021, 5, 1))
    assert series.height == 5 * core["region"].height
    shares = series.filter(pl.col("value").is_not_null()).select("place_id", "month_start", "value")
    asked = (
        "select region_id, month_start, deaths_civilians_count / deaths_best_count "
        "from region_months where month_start >= '2021-01-01' and deaths_best_count > 0 "
        "order by all"
    )
    assert shares.sort("place_id", "month_start").rows() == answer(published, asked).rows()
    assert 0 < shares["value"].mean() < 1


def test_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, entry in tomllib.loads(TOML).items():
        assert name not in columns()
        monkeypatch.setitem(columns(), name, Column(name, **entry))
    source = defined(SOURCE)["SOURCE"]
    monkeypatch.setitem(SUITES, f"landing.{source.name}", defined(SUITE)["SUITE"])
    sent, landing = tmp_path / "displaced.csv", tmp_path / "landing"
    with warehouse(tmp_path / "warehouse.duckdb") as con:
        ensure_tables(con, source)
        quarantined = []
        # A first delivery with a bad row, then a correction of a good one.
        for text in (
            f"{CSV}MLI.nowhere,2021-05-14,1,https://example.org/5\n",
            CSV.replace("44000", "46000"),
        ):
            sent.write_text(text)
            (batch,) = receive(source, str(sent), landing)
            judged, _ = quarantine_rows(batch, landing)
            quarantined.append([row.value for row in judged.quarantined])
            accept(judged, landing)
            catch_up(con, source, landing)
        assert quarantined == [["MLI.nowhere"], []]
        mopti = (
            "select displaced_count, known_basis from history.relief_displaced "
            "where region_id = 'MLI.mopti' and observed_date = '2021-05-14' order by known_from"
        )
        assert con.execute(mopti).fetchall() == [(44000, "assumed"), (46000, "observed")]

        def as_of(instant: str) -> list[tuple]:
            query = f"from ({SQL}) order by place_id, month_start"
            rows = con.execute(query, {"as_of": instant}).fetchall()
            return [(place, str(month), value) for _, place, month, value in rows]

        april = ("MLI.mopti", "2021-04-01", 41000.0)
        assert as_of("2021-05-20") == [april]
        gao, first = ("MLI.gao", "2021-05-01", 12000.0), ("MLI.mopti", "2021-05-01", 44000.0)
        assert as_of("2021-06-01") == [gao, april, first]
        assert as_of("2100-01-01") == [gao, april, (*first[:2], 46000.0)]


def followed(folder: Path) -> None:
    """A copy of the code in which a newcomer has followed the page."""
    for package in (path.parent for path in ROOT.glob("*/__init__.py")):
        shutil.copytree(
            package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__")
        )

    def edit(file: str, change: Callable[[str], str]) -> None:
        path = folder / file
        before = path.read_text("utf-8") if path.exists() else ""
        path.write_text(change(before), "utf-8")
        assert path.read_text("utf-8") != before

    order = "order by series, place_id, month_start"
    edit("config/columns.toml", lambda text: text + TOML)
    edit("warehouse/sources/relief_displaced.py", lambda _: SOURCE)
    edit(
        "warehouse/sources/__init__.py",
        lambda text: text.replace("import (", "import (\n    relief_displaced,", 1).replace(
            "SOURCES = (", "SOURCES = (\n    relief_displaced.SOURCE,", 1
        ),
    )
    edit(
        "expectations/landed.py",
        lambda text: f"{text}{SUITE}LANDED['landing.relief_displaced'] = SUITE\n",
    )
    edit(
        "warehouse/sql/core/external_series.sql",
        lambda text: text.replace(order, f"union all\n{SQL}{order}"),
    )
    edit(
        "indicators/external.py",
        lambda text: text.replace("EXTERNAL = (", f"{RECORD}EXTERNAL = (DISPLACED_PEOPLE, ", 1),
    )


@pytest.mark.usefixtures("mali")
def test_who_follows_the_page_to_its_end_has_a_good_night(process, tmp_path: Path) -> None:
    followed(tmp_path / "code")
    (tmp_path / "displaced.csv").write_text(CSV)
    sources = json.dumps({"relief_displaced": str(tmp_path / "displaced.csv")})
    run = process(
        "nightly", "--as-of", "2021-06-25",
        cwd=tmp_path / "code", before=WITHOUT_PAGE, TOCSIN_SOURCES=sources,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    asked = (
        "select place_id, month_start::varchar, value from indicators "
        "where indicator = 'displaced_people' order by all"
    )
    assert answer(tmp_path / "data" / "published" / "tocsin.duckdb", asked).rows() == [
        ("MLI.gao", "2021-05-01", 12000.0),
        ("MLI.mopti", "2021-04-01", 41000.0),
        ("MLI.mopti", "2021-05-01", 44000.0),
    ]
