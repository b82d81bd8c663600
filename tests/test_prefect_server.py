"""The run's own Prefect server ends with the run, however that ends."""

import subprocess
import sys
import time
from pathlib import Path

RUN = """
import pathlib, sys, time
from flows.prefect_server import prefect_server
with prefect_server(pathlib.Path(sys.argv[1])):
    print("begun", flush=True)
    time.sleep(60)
"""


def servers(folder: Path) -> list[str]:
    """Processes whose environment names the folder and which are no run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:  # ended meanwhile, or another user's
            continue
        if str(folder).encode() in told[0] and b"uvicorn" in told[1]:
            found.append(process.name)
    return found


def test_a_killed_run_leaves_no_server(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"HOME": str(tmp_path)}) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"begun\n"
        assert len(servers(tmp_path)) == 1
        run.kill()
    deadline = time.monotonic() + 10
    while servers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert servers(tmp_path) == []
