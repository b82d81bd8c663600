"""What prefect.yaml deploys is there, by module, at the times that ``tocsin serve`` keeps."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prefect import Flow
from prefect.client.base import PrefectHttpxSyncClient
from prefect.schedules import Cron

from alerts.operator import note_finished_run
from config.settings import Settings
from flows.scheduled import SCHEDULE, TIMEZONE, mails, watchdog
from flows.terminal import now
from warehouse import connect
from warehouse.connect import warehouse

ROOT = Path(__file__).parent.parent


def test_deployments_are_flows_named_by_module() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    deployments = {}
    for deployment in declared:
        module, _, name = deployment["entrypoint"].rpartition(".")
        assert ":" not in deployment["entrypoint"]
        assert isinstance(getattr(import_module(module), name), Flow)
        (schedule,) = deployment["schedules"]
        assert schedule["timezone"] == TIMEZONE
        assert Cron(schedule["cron"], timezone=TIMEZONE).timezone == TIMEZONE
        deployments[deployment["name"]] = getattr(import_module(module), name), schedule["cron"]
    assert deployments == {name: (flow, cron) for flow, name, cron in SCHEDULE}
    assert len(deployments) == 4


def test_units_call_commands_that_are_there() -> None:
    command = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert command == {"tocsin": "flows.cli:main"}
    import typer.main

    from flows.cli import app

    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    units = sorted((ROOT / "docs" / "operations").glob("*.service"))
    called = [
        line.rpartition("/tocsin ")[2].split()[0]
        for unit in units
        for line in unit.read_text("utf-8").splitlines()
        if line.startswith("ExecStart=")
    ]
    assert called == ["nightly", "serve"]
    assert {*called, "doctor", "repair", "backfill"} <= known.keys()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch, prefect_here) -> Settings:
    monkeypatch.setenv("TOCSIN_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("TOCSIN_OPERATOR", "op@example.org")
    return Settings()


def test_the_watchdog_fails_and_mails_once_when_no_run_was_finished(settings) -> None:
    for _ in range(2):
        state = watchdog(return_state=True)
        assert state.is_failed()
        assert state.message == f"no run was ever finished in {settings.data_folder}"
    assert len(list(settings.outbox_folder.iterdir())) == 1
    note_finished_run(settings, "2021-06-25", now())
    assert watchdog(return_state=True).message == "one within 30 hours"


def test_mails_wait_for_a_night_and_for_a_run_at_work(settings, monkeypatch) -> None:
    assert mails(return_state=True).message == "no night was run yet"
    with warehouse(settings.warehouse_path):
        pass
    assert mails(return_state=True).message == "0 mails: -"
    monkeypatch.setattr(connect, "PATIENCE_SECONDS", 0)
    hold = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    command = [sys.executable, "-c", hold, str(settings.warehouse_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        state = mails(return_state=True)
        other.kill()
    assert state.is_completed()
    assert state.message.startswith("left for the next hour: process")


def test_prefect_writes_down_the_runs_to_come(prefect_url: str) -> None:
    """Its scheduler does this every minute; where it fails, it says so in its log alone.

    SQLAlchemy 2.1 made it fail under Prefect 3.8.8: deployed, and never run.
    """
    # Prefect's own client asks again where the server's SQLite is busy (503).
    with PrefectHttpxSyncClient(base_url=f"{prefect_url}/", raise_on_all_errors=False) as prefect:
        flow = prefect.post("flows/", json={"name": "tonight"}).json()["id"]
        schedule = {"schedule": {"cron": SCHEDULE[0][2], "timezone": TIMEZONE}}
        deployed = {"name": "to come", "flow_id": flow, "schedules": [schedule]}
        deployment = prefect.post("deployments/", json=deployed).json()["id"]
        answer = prefect.post(f"deployments/{deployment}/schedule", json={"min_runs": 3})
        assert answer.is_success, answer.text
        of_it = {"deployments": {"id": {"any_": [deployment]}}}
        runs = prefect.post("flow_runs/filter", json=of_it).json()
        prefect.delete(f"deployments/{deployment}")
    assert len(runs) >= 3
    assert {run["expected_start_time"][11:16] for run in runs} == {"22:00"}


def test_the_container_gets_the_packages_and_no_data() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert let_in == {*packages, "run", "pyproject.toml", "requirements.lock", "README.md",
                      "LICENSE", "prefect.yaml"}  # fmt: skip
