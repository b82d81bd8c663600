"""Imports go one way, and no flow module hides a package."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from config.registry import columns
from indicators import INDICATORS
from warehouse.dictionary import source_page
from warehouse.sources import SOURCES

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "config": set(),
    "warehouse": {"config"},
    "indicators": {"config"},
    "expectations": {"config", "warehouse"},
    "alerts": {"config", "warehouse"},
    "page": {"config", "warehouse", "alerts"},
    "flows": {"config", "warehouse", "indicators", "expectations", "alerts", "page"},
}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    found = set().union(*(imported(path) for path in (ROOT / package).rglob("*.py")))
    assert found & MAY_IMPORT.keys() <= MAY_IMPORT[package] | {package}


def test_only_the_warehouse_runs_sql() -> None:
    asking = {
        str(path.relative_to(ROOT))
        for package in MAY_IMPORT.keys() - {"warehouse"}
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("execute", "executemany", "sql")
    }
    assert asking == {"flows/prefect_server.py"}  # Prefect's own SQLite, and whether it is sound


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_name_is_not_shadowed(package: str) -> None:
    file = import_module(package).__file__
    assert file is not None
    assert Path(file).parent == ROOT / package


def test_no_flow_module_hides_a_package() -> None:
    # Prefect puts a flow file's own folder first on sys.path when it loads it by path.
    taken = MAY_IMPORT.keys() | sys.stdlib_module_names
    assert {path.stem for path in (ROOT / "flows").glob("*.py")} & taken == set()


def test_a_question_loads_no_library_of_the_run() -> None:
    """They take seconds; flows.sources answers a question to the warehouse, cli itself --help."""
    ask = (
        "import sys, flows.cli; light = 'pydantic' not in sys.modules\n"
        "import flows.sources, warehouse.revisions, warehouse.quarantine, warehouse.export\n"
        "print(light, {'prefect', 'great_expectations', 'statsmodels', 'scipy'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert (run.stdout, run.stderr) == ("True set()\n", "")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_source_columns_are_in_the_dictionary(source) -> None:
    assert set(source.columns) <= columns().keys()
    assert set(source.key) <= set(source.columns)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_page_of_a_source_is_as_its_record(source) -> None:
    page = (ROOT / "docs" / "sources" / f"{source.name}.md").read_text("utf-8")
    assert page == source_page(source), "run: tocsin sources pages docs/sources"
    assert source.flaws and source.unit and source.lag_reason


def test_indicators_are_named_once_a_level_and_say_different_things() -> None:
    names = [(record.name, record.place_level) for record in INDICATORS]
    assert len(names) == len(set(names))
    summaries = {record.name: record.summary for record in INDICATORS}
    assert len(set(summaries.values())) == len(summaries)
    assert all(set(record.sources) <= {s.name for s in SOURCES} for record in INDICATORS)
