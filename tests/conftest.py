"""One real night for all tests, worked out once: its data, its tables, its published file."""

import fcntl
import hashlib
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import settings

from config.overlay import VARIABLE
from flows.log import LOGGER, warnings_to_terminal
from flows.prefect_server import prefect_server
from flows.step_cache import CACHE_FOLDER
from made_lines import made_lines
from page import renderer
from warehouse.client import Client
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.publish import publish
from warehouse.sources import SOURCES

ROOT = Path(__file__).parent.parent
HOSTILE = '<script>alert("line")</script>'  # what a reader calls a line
TODAY = date(2026, 11, 24)  # when what stand-ins for sources deliver was new
SHARED_SINCE = date(2012, 1, 1)  # series of the nights that tests share: a third of their rows
FOUNDING = date(2021, 6, 25)  # the founding case is known since 20 June
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # of many processes only the first compiles
sys.dont_write_bytecode = False
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup processes would be born deaf to it
Cli = Callable[..., subprocess.CompletedProcess[str]]
Shared = Callable[[str, Callable[[Path], None]], Path]
Keep = Callable[[Path], AbstractContextManager[duckdb.DuckDBPyConnection]]


def peak_bytes(work: Callable[[], Any]) -> tuple[Any, int]:
    """A result, and how much memory of Python's and NumPy's it took at most."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Folders by name that the first worker to ask for one fills; nobody changes them after."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def filled(name: str, fill: Callable[[Path], None]) -> Path:
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = folder / name
            if not path.exists():
                part = folder / f"{name}.part"
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                fill(part)
                part.rename(path)
            return path

    return filled


@pytest.fixture(scope="session", autouse=True)
def drawn_once(shared: Shared) -> Iterator[None]:
    """A picture that one test had drawn is not drawn again for the next, whose figures are its."""
    folder = shared("pictures", lambda _: None)
    draw = renderer.Renderer._svg
    command = renderer.COMMAND

    def svg(self: renderer.Renderer, request: str) -> str:
        if renderer.COMMAND is not command:  # a test in which drawing fails
            return draw(self, request)
        path = folder / hashlib.sha256(request.encode()).hexdigest()
        if not path.exists():
            draft = path.with_name(f"{path.name}-{os.getpid()}")  # another worker may draw it too
            draft.write_text(draw(self, request), "utf-8")
            draft.replace(path)
        return path.read_text("utf-8")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(renderer.Renderer, "_svg", svg)
        yield


@pytest.fixture(scope="session")
def landing(shared: Shared) -> Path:
    """The embedded releases as landed and accepted."""

    def fill(folder: Path) -> None:
        for source in SOURCES:
            for batch in receive(source, None, folder):
                accept(batch, folder)

    return shared("landing", fill)


@pytest.fixture(scope="session")
def keep(landing: Path, shared: Shared) -> Keep:
    """A warehouse of its own with every embedded version."""

    def fill(folder: Path) -> None:
        with warehouse(folder / "warehouse.duckdb") as con:
            for source in SOURCES:
                catch_up(con, source, landing)

    filled = shared("history", fill) / "warehouse.duckdb"

    @contextmanager
    def kept_in(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(filled, path)
        with warehouse(path) as con:
            yield con

    return kept_in


@pytest.fixture(scope="session")
def warehouse_con(
    keep: Keep, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    with keep(tmp_path_factory.mktemp("core") / "warehouse.duckdb") as con:
        build_core(con, FOUNDING)
        yield con


@pytest.fixture(scope="session")
def night(
    warehouse_con: duckdb.DuckDBPyConnection, shared: Shared
) -> Callable[[date], dict[str, pl.DataFrame]]:
    """Tables of a night, as ``assess_night`` gives them; the file has core tables of any."""
    from flows.steps import assess_night

    def tables(day: date) -> dict[str, pl.DataFrame]:
        def fill(folder: Path) -> None:
            (folder / "tables").write_bytes(pickle.dumps(assess_night(warehouse_con, day)))

        return pickle.loads((shared(f"night of {day}", fill) / "tables").read_bytes())

    return tables


@pytest.fixture(scope="session")
def two_nights(keep: Keep, shared: Shared) -> Path:
    """Folder with a working and a published file of two nights, three weeks apart."""
    from expectations.judge import judge
    from flows.steps import assess_night, judge_night, keep_night

    def fill(folder: Path) -> None:
        with keep(folder / "warehouse.duckdb") as con:
            landed = judge({})
            for day in (date(2021, 6, 5), FOUNDING):
                tables = assess_night(con, day) | made_lines(HOSTILE)
                checks = judge_night(tables, landed)
                series = tables["mart.indicator"]
                tables["mart.indicator"] = series.filter(pl.col("month_start") >= SHARED_SINCE)
                keep_night(con, day, tables, checks)
            publish(con, folder / "published" / "tocsin.duckdb", FOUNDING, copies=2)

    return shared("two nights", fill)


@pytest.fixture(scope="session")
def working(
    two_nights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse after two nights, three weeks apart."""
    path = tmp_path_factory.mktemp("working") / "warehouse.duckdb"
    shutil.copyfile(two_nights / path.name, path)
    with warehouse(path) as con:
        build_core(con, FOUNDING)
        yield con


@pytest.fixture(scope="session")
def published(two_nights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("p") / "published"
    return shutil.copytree(two_nights / "published", folder) / "tocsin.duckdb"


@pytest.fixture(scope="session")
def first_night(shared: Shared, prefect_url: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Data folder after the founding night by the real command, the first; and what it said."""

    def fill(folder: Path) -> None:
        run = command(
            "nightly", "--as-of", str(FOUNDING),
            PREFECT_API_URL=prefect_url, TOCSIN_DATA_FOLDER=str(folder / "data"),
        )  # fmt: skip
        (folder / "run").write_bytes(pickle.dumps(run))

    folder = shared("first night", fill)
    return folder / "data", pickle.loads((folder / "run").read_bytes())


@pytest.fixture
def mali(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes watch Mali alone, where a test is of what a run does and not of its figures."""

    def fill(folder: Path) -> None:
        area = '[mali]\ntitle_en = "Mali"\ntitle_fr = "Mali"\ncountries = ["MLI"]\n'
        (folder / "areas.toml").write_text(area)

    monkeypatch.setenv(VARIABLE, str(shared("mali", fill)))
    monkeypatch.setenv("TOCSIN_AREA", "mali")


# A night that builds no page, the dearest of its steps; ``first_night`` has one.
WITHOUT_PAGE = "import flows.nightly; flows.nightly.build_page = lambda *_: None; "
COMMAND = "from flows.cli import main; main()"


def command(
    *arguments: str, cwd: Path = ROOT, before: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """The real command line; ``before``: statements ahead of it."""
    return subprocess.run(
        [sys.executable, "-c", before + COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=300,  # a busy machine
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160", **environment},
    )


@pytest.fixture(scope="session")
def site(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The situation page of the founding night, built over an older one."""
    from page.site import build

    folder = tmp_path_factory.mktemp("site") / "page"
    (folder / "fr").mkdir(parents=True)
    for name in ("fr/index.html", "old.html"):
        (folder / name).write_text("of another night")
    killed = folder.with_name(".page.part")  # left by a build that was
    killed.mkdir()
    (killed / "half.html").write_text("of that build")
    assert build(published, folder) == folder / "index.html"
    return folder


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    before = os.environ.copy()
    with prefect_server(tmp_path_factory.mktemp("prefect")) as wait:
        wait()
        yield os.environ["PREFECT_API_URL"]
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def prefect_here(prefect_url: str) -> Iterator[None]:
    """Flows of this process run against that server, which Prefect did not know when imported."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_LOGGING_LEVEL,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    quiet = {PREFECT_LOGGING_LEVEL: "CRITICAL", PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings({PREFECT_API_URL: prefect_url, **quiet}):
        yield


@pytest.fixture
def asked_in_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources are asked as on ``TODAY``."""
    monkeypatch.setattr("warehouse.landing.Client", partial(Client, today=TODAY))


@pytest.fixture
def warnings_shown(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What is set aside is said on standard error, as the command line does."""
    before = list(LOGGER.handlers)
    LOGGER.handlers.clear()
    warnings_to_terminal()
    yield
    LOGGER.handlers[:] = before


@pytest.fixture
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``WITHOUT_PAGE``, for nights of this process."""
    monkeypatch.setattr("flows.nightly.build_page", lambda *_: None)


@pytest.fixture
def process(prefect_url: str, tmp_path: Path) -> Cli:
    """The real command line in its own data folder."""
    own = {"PREFECT_API_URL": prefect_url, "TOCSIN_DATA_FOLDER": str(tmp_path / "data")}

    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return command(*arguments, **(own | options))

    return call


@pytest.fixture
def tocsin(
    first_night: tuple[Path, object], prefect_here: None, prefect_url: str, tmp_path: Path,
    monkeypatch,
) -> Cli:  # fmt: skip
    """The command line in its own data folder, run in this process, whose imports are done."""
    from flows.cli import main

    data = tmp_path / "data"
    own = {
        "PREFECT_API_URL": prefect_url,
        "TOCSIN_DATA_FOLDER": str(data),
        "COLUMNS": "160",
    }

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        if not data.exists():  # what a night before has worked out of the same
            data.mkdir(mode=0o750)  # private, as a run makes it
            shutil.copytree(first_night[0] / CACHE_FOLDER, data / CACHE_FOLDER)
        out, err, code = io.StringIO(), io.StringIO(), 0
        handlers = list(LOGGER.handlers)
        LOGGER.handlers.clear()
        try:
            with monkeypatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
                for name, value in {**own, **environment}.items():
                    patched.setenv(name, value)
                patched.setattr(sys, "argv", ["tocsin", *arguments])
                main()
        except SystemExit as end:
            code = end.code
        finally:
            LOGGER.handlers[:] = handlers
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return call
