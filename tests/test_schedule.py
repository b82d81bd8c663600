"""What prefect.yaml deploys is there, by module, at the times that ``tocsin serve`` keeps."""

import tomllib
from importlib import import_module
from pathlib import Path

import httpx
import yaml
from prefect import Flow
from prefect.schedules import Cron

from flows.scheduled import MONTHLY, NIGHTLY, TIMEZONE

ROOT = Path(__file__).parent.parent


def test_deployments_are_flows_named_by_module() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    found = {}
    for deployment in declared:
        module, _, name = deployment["entrypoint"].rpartition(".")
        assert ":" not in deployment["entrypoint"]
        assert isinstance(getattr(import_module(module), name), Flow)
        (schedule,) = deployment["schedules"]
        assert schedule["timezone"] == TIMEZONE
        assert Cron(schedule["cron"], timezone=TIMEZONE).timezone == TIMEZONE
        found[deployment["name"]] = schedule["cron"]
    assert found == {"nightly": NIGHTLY, "monthly-backtest": MONTHLY}


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


def test_prefect_writes_down_the_runs_to_come(prefect_url: str) -> None:
    """Its scheduler does this every minute; where it fails, it says so in its log alone.

    SQLAlchemy 2.1 made it fail under Prefect 3.8.8: deployed, and never run.
    """
    with httpx.Client(base_url=f"{prefect_url}/") as prefect:
        flow = prefect.post("flows/", json={"name": "tonight"}).json()["id"]
        schedule = {"schedule": {"cron": NIGHTLY, "timezone": TIMEZONE}}
        deployed = {"name": "to come", "flow_id": flow, "schedules": [schedule]}
        deployment = prefect.post("deployments/", json=deployed).json()["id"]
        told = prefect.post(f"deployments/{deployment}/schedule", json={"min_runs": 3})
        assert told.is_success, told.text
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
