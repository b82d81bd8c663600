"""Dask workers give what this process gives, to the bit, and what they lose is done again."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flows import cluster
from flows.cluster import ClusterError, worker_map

pytestmark = pytest.mark.usefixtures("prefect_here")
ROOT = Path(__file__).parent.parent


def squares(base: np.ndarray, number: int) -> tuple[float, int]:
    """A unit of work: a figure, and the process that found it."""
    return float(np.sqrt(base[number] ** 2 + 1 / 3)), os.getpid()


def dask(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    return subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.fixture(scope="module")
def scheduler(prefect_url: str) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler and two workers, started as an operator does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    started = [dask("dask_scheduler", "--host", address, "--no-dashboard", "--no-jupyter")]
    started += [
        dask("dask_worker", address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        for _ in range(2)
    ]
    yield address, started
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)  # asked to end, workers wait for each other
        process.communicate()


def test_workers_give_what_this_process_gives_to_the_bit(scheduler) -> None:
    address, _ = scheduler
    base = np.linspace(0, 1, 40)
    with worker_map(None) as here, worker_map(address) as there:
        serial = list(here(lambda n: squares(base, n), range(40)))
        parallel = list(there(lambda n: squares(base, n), range(40)))
    assert [figure for figure, _ in parallel] == [figure for figure, _ in serial]
    assert {process for _, process in serial} == {os.getpid()}
    assert os.getpid() not in {process for _, process in parallel}


def test_what_a_killed_worker_had_done_is_done_again(scheduler) -> None:
    address, _ = scheduler

    def slow(number: int) -> tuple[int, int]:
        time.sleep(0.2)
        return number, os.getpid()

    with worker_map(address) as there:
        results = there(slow, range(20))
        first = next(iter(results))
        os.kill(first[1], signal.SIGKILL)  # its nanny starts another
        assert [first[0], *(number for number, _ in results)] == list(range(20))


def test_an_error_is_said_with_the_number_of_the_unit(scheduler) -> None:
    def fails(number: int) -> float:
        return 1 / number

    said = pytest.raises(ClusterError, match=r"units 2 to 2 of 2 failed .* ZeroDivisionError")
    with worker_map(scheduler[0]) as there, said:
        list(there(fails, [1, 0]))


@pytest.mark.parametrize("there", ["config.code.code_sha256", "importlib.metadata.version"])
def test_workers_of_another_version_are_refused(scheduler, monkeypatch, there: str) -> None:
    """Of another digest, or where it fails, as for a library that is not installed."""
    monkeypatch.setattr(cluster, "LIBRARIES", ("numpy",))
    monkeypatch.setattr(cluster, "code_sha256", OtherCode(there))
    said = pytest.raises(ClusterError, match=r"run other code than this process: tcp://127.0.0.1")
    with said, worker_map(scheduler[0]):
        pass


class OtherCode:
    """As if this process ran other code than it sends."""

    def __init__(self, there: str) -> None:
        self.module, _, self.name = there.rpartition(".")

    def __call__(self, *arguments) -> bytes:
        return b"other"

    def __reduce__(self):
        return getattr, (sys.modules[self.module], self.name)


def test_a_scheduler_that_is_not_there_is_one_line(monkeypatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", "1s")
    with pytest.raises(ClusterError) as caught, worker_map("tcp://127.0.0.1:9"):
        pass
    assert re.match(r"TOCSIN_DASK=tcp://127.0.0.1:9: no scheduler answers there .*; start it, or",
                    str(caught.value))  # fmt: skip
    assert "\n" not in str(caught.value)


def test_without_the_extra_its_name_is_said(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = pytest.raises(ClusterError, match=r"distributed; .* pip install \.\[scale\]")
    with said, worker_map("local:1"):
        pass
