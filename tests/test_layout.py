"""Imports go one way, and no flow module hides a package."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from config import vocabulary
from config.registry import columns
from flows import step_cache
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


# Outside warehouse/: who runs SQL, who speaks to the network. To be shortened, not made longer.
SQL = {"flows/prefect_server.py"}  # fmt: skip
NETWORK = {
    "alerts/channels.py",  # texts
    "alerts/delivery.py",  # mails
    "alerts/operator.py",
    "flows/cli/operate.py",  # the Prefect server
    "flows/doctor.py",
    "flows/prefect_server.py",
}
REACHES_OUT = {"smtplib", "socket", "urllib.request", "httpx", "requests", "http.client", "apprise"}

PARTICIPLES = {
    "added", "asked", "believed", "changed", "chosen", "counted", "covered", "declared",
    "done", "drawn", "ended", "failed", "found", "given", "gone", "held", "joined",
    "judged", "kept", "known", "landed", "left", "lost", "made", "marked", "merged",
    "moved", "named", "offered", "opened", "parsed", "passed", "published", "reached",
    "refused", "released", "seen", "sent", "shown", "stated", "stored", "taken", "told",
    "tried", "used", "wanted", "written",
}  # fmt: skip


def syntax_nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def modules(path: Path) -> set[str]:
    nodes = syntax_nodes(path)
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {*names, *(node.module or "" for node in nodes if isinstance(node, ast.ImportFrom))}


def product(*left_out: str) -> dict[str, Path]:
    return {
        path.relative_to(ROOT).as_posix(): path
        for package in MAY_IMPORT
        if package not in left_out
        for path in (ROOT / package).rglob("*.py")
    }


def imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in modules(path)}


def named_by(node: ast.AST) -> str | None:
    """The name that a node gives: of a variable, an argument, a field or a function."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, ast.FunctionDef) else None


def test_no_name_is_a_participle_alone() -> None:
    """What was told, kept or chosen is said; a column's name may be one (config/columns.toml)."""
    columns = tomllib.loads((ROOT / "config" / "columns.toml").read_text("utf-8"))
    names = {
        f"{name}: {given}"
        for name, path in product().items()
        for node in syntax_nodes(path)
        if (given := named_by(node)) in PARTICIPLES and given not in columns
    }
    assert names == {"warehouse/landing.py: sent"}  # a row as it was sent: of a model on file


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    imports = set().union(*(imported(path) for path in (ROOT / package).rglob("*.py")))
    assert imports & MAY_IMPORT.keys() <= MAY_IMPORT[package] | {package}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_name_is_not_shadowed(package: str) -> None:
    file = import_module(package).__file__
    assert file is not None
    assert Path(file).parent == ROOT / package


def test_no_flow_module_hides_a_package() -> None:
    # Prefect puts a flow file's own folder first on sys.path when it loads it by path.
    package_names = MAY_IMPORT.keys() | sys.stdlib_module_names
    assert {path.stem for path in (ROOT / "flows").glob("*.py")} & package_names == set()


def test_sql_is_run_and_the_network_reached_in_the_warehouse_but_where_it_says_here() -> None:
    runs_sql = {
        name
        for name, path in product("warehouse").items()
        if any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("execute", "executemany", "sql")
            for node in syntax_nodes(path)
        )
    }
    assert runs_sql == SQL
    reaches_out = {
        name for name, path in product("warehouse").items() if modules(path) & REACHES_OUT
    }
    assert reaches_out - {"flows/process.py"} == NETWORK  # which asks for proxies alone


def test_the_night_orders_steps_and_holds_no_figures() -> None:
    nightly = ROOT / "flows" / "nightly.py"
    assert not imported(nightly) & {"polars", "numpy", "pandas", "duckdb"}
    assert len(nightly.read_text("utf-8").splitlines()) < 150


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["scale"]]
    names = {re.sub(r"[-_.]+", "-", Requirement(text).name) for text in requirements}
    of_module = packages_distributions()
    libraries = set().union(*(imported(path) for path in product().values())) - MAY_IMPORT.keys()
    packages_of = {
        module: {re.sub(r"[-_.]+", "-", name).lower() for name in of_module[module]}
        for module in libraries - sys.stdlib_module_names
    }
    assert not {module for module, packages in packages_of.items() if not packages & names}


def test_each_list_of_words_stands_once() -> None:
    """No list, tuple or set of a module holds just the words of one in config/vocabulary.py."""
    words = {
        name: frozenset(value)
        for name, value in vars(vocabulary).items()
        if isinstance(value, tuple | dict) and len(value) > 1
    }
    literals = [
        (name, node.lineno, frozenset(ast.literal_eval(node)))
        for name, path in product().items()
        if path != Path(vocabulary.__file__)
        for node in syntax_nodes(path)
        if isinstance(node, ast.List | ast.Tuple | ast.Set)
        and all(isinstance(item, ast.Constant) for item in node.elts)
    ]
    copies = [
        f"{path}:{line} is {name}"
        for path, line, literal in literals
        for name, value in words.items()
        if literal == value
    ]
    assert copies == []


def test_a_question_loads_no_library_of_the_run() -> None:
    """They take seconds; flows.sources answers a question to the warehouse, cli itself --help."""
    ask = (
        "import sys, flows.cli; light = 'pydantic' not in sys.modules\n"
        "import flows.sources, warehouse.revisions, warehouse.quarantine, warehouse.export\n"
        "print(light, {'prefect', 'great_expectations', 'statsmodels', 'scipy'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert (run.stdout, run.stderr) == ("True set()\n", "")


def test_a_night_loads_no_library_of_what_it_does_not_do() -> None:
    """Nor do checks on distributions, which no suite makes; who makes one has what it needs."""
    ask = (
        "import sys, flows.nightly, expectations.judge, indicators.risk.assess\n"
        "unused = {'altair', 'dask', 'scipy.stats', 'statsmodels', 'warehouse.lake'}\n"
        "print(unused & {*sys.modules})\n"
        "from great_expectations.expectations.core import (\n"
        "    expect_column_kl_divergence_to_be_less_than as kl_divergence)\n"
        "print(kl_divergence.stats.entropy([1, 1], base=2), kl_divergence.alt.Chart.__name__)\n"
        "from scipy import stats\n"
        "print(stats is sys.modules['scipy.stats'], stats.norm.cdf(0))\n"
    )
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert (run.stdout.splitlines(), run.stderr) == (["set()", "1.0 Chart", "True 0.5"], "")


def test_figures_are_known_by_the_versions_of_all_libraries_they_rest_on() -> None:
    """What is kept of a night is worked out anew when one changes, and a run records them."""
    no_figure = {"Jinja2", "babel", "httpx", "pydantic", "pydantic-settings", "tenacity",
                 "xlsxwriter", "statsmodels"}  # fmt: skip
    distributions = packages_distributions()
    libraries = {
        distributions[name][0].replace("_", "-")
        for package in step_cache.PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path) & distributions.keys()
    }
    assert libraries - no_figure == {*step_cache.LIBRARIES}


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
