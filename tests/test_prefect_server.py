"""A run ends when it is asked to, and its own Prefect server with it, however that is."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.prefect_server import PrefectServerError, prefect_server

EARLY = """
import sys
sys.argv[0] = "/opt/tocsin/.venv/bin/tocsin"
import flows
print("first import", flush=True)
import time
for _ in range(600):
    time.sleep(0.1)
"""
RUN = """
import pathlib, sys, time
sys.argv[0] = "tocsin"
from flows.prefect_server import prefect_server
with prefect_server(pathlib.Path(sys.argv[1])) as wait:
    print("begun", flush=True)
    if sys.argv[2] == "begun":
        for _ in range(600):
            time.sleep(0.1)
    from datetime import date
    from config.settings import Settings, Smtp
    from flows import nightly
    def work(*_):
        print("in the flow", flush=True)
        for _ in range(600):  # a signal just before one long sleep would wait for its end
            time.sleep(0.1)
    nightly._nightly = work
    wait()
    nightly.nightly(date(2021, 6, 25), Settings(), Smtp(), print)
"""


def servers(folder: Path) -> list[str]:
    """Processes whose environment names the folder and which are no run."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ_and_command = (
                (process / "environ").read_bytes(),
                (process / "cmdline").read_bytes(),
            )
        except OSError:  # ended meanwhile, or another user's
            continue
        if str(folder).encode() in environ_and_command[0] and b"uvicorn" in environ_and_command[1]:
            pids.append(process.name)
    return pids


def count_of_servers(folder: Path, expected: int) -> int:
    """How many there are, once they are as many as expected or 10 s have passed."""
    deadline = time.monotonic() + 10
    while (count := len(servers(folder))) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return count


def ended(number: signal.Signals, instant: str, folder: Path, *command: str) -> tuple[int, str]:
    """Exit code and what is said of a process that is sent a signal once it says ``instant``."""
    with subprocess.Popen(
        [sys.executable, "-c", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"HOME": str(folder), "TOCSIN_DATA_FOLDER": str(folder / "data")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as in a shell's "&"
    ) as run:
        assert run.stdout is not None
        assert instant in iter(lambda: run.stdout.readline().strip(), "")
        # A process is there a moment before the kernel shows what it was started with.
        expected = int(instant != "first import")
        assert count_of_servers(folder, expected) == expected
        run.send_signal(number)
        code = run.wait(10)
        assert run.stderr is not None
        return code, run.stderr.read()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_the_program_from_its_first_import_on(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    message = ended(number, "first import", tmp_path, EARLY)
    assert message == (128 + number, f"tocsin: ended by {name}; run again\n")


@pytest.mark.parametrize(
    ("name", "instant"),
    [("SIGHUP", "begun"), ("SIGKILL", "begun"), ("SIGTERM", "in the flow"),
     ("SIGINT", "in the flow"), ("SIGKILL", "in the flow")],
)  # fmt: skip
def test_a_run_that_is_ended_leaves_no_server(name: str, instant: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    code, message = ended(number, instant, tmp_path, RUN, str(tmp_path), instant)
    if name == "SIGKILL":
        assert (code, message) == (-number, "")
    else:
        assert (code, message) == (128 + number, f"tocsin: ended by {name}; run again\n")
    assert count_of_servers(tmp_path, 0) == 0


def test_a_server_that_is_not_there_is_told_before_the_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setattr("flows.prefect_server.ANSWER_SECONDS", 0.2)
    says = r"http://127.0.0.1:9/api does not answer \(.*refused\); nothing was begun; start it, or"
    with prefect_server(tmp_path) as wait, pytest.raises(PrefectServerError, match=says):
        wait()


PROXIES = """
import json, os, sys
import flows
from flows.process import unusable_proxy
import httpx
httpx.Client().close()  # a SOCKS proxy without its package would be an ImportError
from urllib.request import getproxies, proxy_bypass
print(json.dumps({
    "direct": all(proxy_bypass(host) for host in ("127.0.0.1:4200", "localhost", "::1")),
    "proxies": {k: v for k, v in getproxies().items() if k != "no"},
    "no_proxy": [os.environ.get("no_proxy"), os.environ["NO_PROXY"]],
    "unusable": [unusable_proxy(f"{url}/x") for url in sys.argv[1:]],
}))
"""


@pytest.mark.parametrize("variable", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_no_proxy_stands_between_a_run_and_its_server(variable: str) -> None:
    proxies_in_use = proxies({variable: "http://127.0.0.1:9", "NO_PROXY": "x.org"}, "https://x.org")
    assert proxies_in_use["direct"]
    assert list(proxies_in_use["proxies"].values()) == ["http://127.0.0.1:9"]  # sources use it
    assert proxies_in_use["no_proxy"] == ["x.org,127.0.0.1,localhost,::1"] * 2
    assert proxies_in_use["unusable"] == [None]


def test_a_socks_proxy_that_cannot_be_used_stops_those_who_need_it() -> None:
    urls = "https://ucdpapi.pcr.uu.se", "http://127.0.0.1:8000", "https://x.org"
    proxies_in_use = proxies({"ALL_PROXY": "socks5://127.0.0.1:9", "no_proxy": "x.org"}, *urls)
    assert proxies_in_use["direct"]
    assert proxies_in_use["proxies"] == {}
    (why, here, excepted) = proxies_in_use["unusable"]
    assert why.startswith("ALL_PROXY names a SOCKS proxy, for which the package socksio is missing")
    assert (here, excepted) == (None, None)
    both = {"ALL_PROXY": "socks5://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    assert proxies(both, "https://x.org")["unusable"] == [None]
    assert proxies({**both, "NO_PROXY": "*"}, "http://x.org")["no_proxy"] == [None, "*"]


def proxies(environment: dict[str, str], *urls: str) -> dict:
    run = subprocess.run(
        [sys.executable, "-c", PROXIES, *urls], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_server_of_the_runs_own_is_sent_no_heartbeats(prefect_url: str) -> None:
    """Prefect waits up to a second for their thread when a flow ends."""
    from prefect.settings import get_current_settings

    assert get_current_settings().flows.heartbeat_frequency is None
