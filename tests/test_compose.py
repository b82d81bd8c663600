"""The commands of docs/operations/compose.yaml, run here: PostgreSQL, a server, two workers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from flows.prefect_server import EMPTY_DATABASE
from stand_in.postgresql import binaries, create_database, postgresql

ROOT = Path(__file__).parent.parent
SERVICES = yaml.safe_load((ROOT / "docs" / "operations" / "compose.yaml").read_text("utf-8"))[
    "services"
]
WITHIN_SECONDS = 240


def start(service: str, environment: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    """A service's command as compose would start it, on loopback."""
    here = {"0.0.0.0": "127.0.0.1", "4200": str(port)}
    program, *arguments = [here.get(word, word) for word in SERVICES[service]["command"]]
    command = [Path(sys.executable).with_name(program), *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[tuple[httpx.Client, list[subprocess.Popen[bytes]]]]:
    """The server's API with deployments and two workers, its state in PostgreSQL."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with postgresql(tmp_path / "postgresql") as connection:
        create_database(connection, "prefect")
        where = dict(word.split("=") for word in connection.split())
        environment = {
            **os.environ,
            **SERVICES["server"]["environment"],
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL":
                f"postgresql+asyncpg://{where['user']}@{where['host']}:{where['port']}/prefect",
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "TOCSIN_DATA_FOLDER": str(tmp_path / "data"),
        }  # fmt: skip
        started = [start("server", environment, port)]
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=30) as client:
                wait_for(lambda: answers(client))
                for service in ("pool", "one-at-a-time", "deployments"):
                    assert start(service, environment, port).wait(WITHIN_SECONDS) == 0, service
                started += [start("worker", environment, port) for _ in range(2)]
                yield client, started[1:]
        finally:
            for process in reversed(started):
                if process.poll() is None:
                    end(process)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("health").is_success
    except httpx.TransportError:
        return False


def wait_for(condition: Any) -> Any:
    """What a condition gives once it gives something."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return value


def test_two_workers_do_one_run_after_the_other_and_outlive_each_other(prefect, tmp_path) -> None:
    client, workers = prefect
    assert not (tmp_path / "prefect" / EMPTY_DATABASE.name).exists()  # all of it in PostgreSQL
    listed = client.post("deployments/filter", json={}).json()
    names = {deployment["name"]: deployment["id"] for deployment in listed}
    assert set(names) == {"nightly", "mails", "watchdog", "monthly-backtest"}
    wait_for(lambda: len(client.post("work_pools/tocsin/workers/filter", json={}).json()) == 2)

    def run(name: str) -> str:
        said = client.post(f"deployments/{names[name]}/create_flow_run", json={})
        return str(said.raise_for_status().json()["id"])

    def ended(run_id: str) -> dict[str, Any] | None:
        flow_run = client.get(f"flow_runs/{run_id}").json()
        return flow_run if flow_run["end_time"] else None

    first, second = (wait_for(lambda i=i: ended(i)) for i in [run("mails"), run("mails")])
    assert {first["state"]["message"], second["state"]["message"]} == {"no night was run yet"}
    spans = sorted(
        [datetime.fromisoformat(r[t]) for t in ("start_time", "end_time")] for r in (first, second)
    )
    assert spans[0][1] <= spans[1][0]
    end(workers[0])
    last = run("mails")
    third = wait_for(lambda: ended(last))
    assert third["state"]["message"] == "no night was run yet"
    assert [r["run_count"] for r in (first, second, third)] == [1, 1, 1]
