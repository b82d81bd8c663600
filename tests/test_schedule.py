"""What prefect.yaml deploys is there, by module, at the times that ``tocsin serve`` keeps."""

import tomllib
from importlib import import_module
from pathlib import Path

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
