"""Runs the pages under ``cases``: rows of history in, rows of a core table out."""

import re
from datetime import date
from pathlib import Path

import pytest

from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.sources import admin1_boundaries

CASES = sorted((Path(__file__).parent / "cases").rglob("*.md"))


def tables(page: str) -> dict[str, tuple[list[str], list[list[str]]]]:
    tables_by_name = {}
    for name, body in re.findall(r"^## (\S+)\n((?:\|.*\n?)+)", page, flags=re.MULTILINE):
        lines = [[cell.strip() for cell in row.strip(" |").split("|")] for row in body.splitlines()]
        width = len(lines[0])
        tables_by_name[name] = (lines[0], [(row + [""] * width)[:width] for row in lines[2:]])
    return tables_by_name


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path, tmp_path: Path) -> None:
    page = path.read_text("utf-8")
    night = date.fromisoformat(re.findall(r"^as_of = (\S+)", page, flags=re.MULTILINE)[0])
    boundaries = admin1_boundaries.SOURCE
    with warehouse(tmp_path / "w.duckdb") as con:
        accept([*receive(boundaries, None, tmp_path)][-1], tmp_path)
        catch_up(con, boundaries, tmp_path)
        expected = {}
        for name, (header, rows) in tables(page).items():
            if name.startswith("core."):
                expected[name] = (header, rows)
                continue
            marks = ", ".join("?" for _ in header)
            statement = f"insert into {name} ({', '.join(header)}) values ({marks})"
            con.executemany(statement, [[cell or None for cell in row] for row in rows])
        build_core(con, night)
        assert expected, "a case needs a core table to compare"
        for name, (header, rows) in expected.items():
            picked = ", ".join(f"coalesce({column}::varchar, '')" for column in header)
            got = con.execute(f"select {picked} from {name}").fetchall()
            assert sorted(map(list, got)) == sorted(rows)
