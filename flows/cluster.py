"""Work that falls into independent units, done by Dask workers through Prefect's task runner.

An extra (``pip install .[scale]``); imported only where ``TOCSIN_DASK`` is set.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from config.code import code_sha256
from config.errors import TocsinError
from config.settings import Settings
from flows.prefect_server import prefect_server

CONNECT_SECONDS = "20s"
# Dask lets its workers give freed memory back in pieces of 64 kB, a tenth of their time here.
KEEP_FREED_MEMORY = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
LIBRARIES = ("numpy", "polars", "scipy", "scoringrules", "statsmodels")
PACKAGES = ("config", "flows", "indicators", "warehouse")
TASKS_A_WORKER = 6  # a task of Prefect's costs tenths of a second, a lost worker all of its task
Unit = TypeVar("Unit")
Result = TypeVar("Result")


class ClusterError(TocsinError):
    """Workers cannot be had or cannot do the work; the message says what to do."""


@contextmanager
def worker_map(dask: str | None) -> Iterator[Callable[..., Iterable[Any]]]:
    """What stands in for ``map``: of this process, or of Dask workers.

    Results come in the order of the units and are equal to the bit, whatever the number
    of workers. What a worker that is lost had done is done again by another. Leaving the
    block cancels what is not done.

    Args:
        dask: None: this process. ``local:N``: N processes of this machine, until the block
            ends. Otherwise the address of a scheduler, ``tcp://host:8786`` or ``tls://...``;
            certificates come from Dask's own settings.

    Raises:
        ClusterError: The extra is not installed, no scheduler or worker is there, or a
            worker runs other code.
    """
    if dask is None:
        yield map
        return
    try:
        from dask import config
        from distributed import LocalCluster
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise ClusterError(
            f"TOCSIN_DASK needs the package {error.name}; install Tocsin with its extra: "
            "pip install .[scale]"
        ) from None
    kind, _, count = dask.partition(":")
    if kind == "local":
        config.set({KEEP_FREED_MEMORY: 2**30})
        cluster = {"n_workers": int(count), "threads_per_worker": 1, "dashboard_address": None}
        runner = DaskTaskRunner(cluster_class=LocalCluster, cluster_kwargs=cluster)
    else:
        runner = DaskTaskRunner(address=dask, client_kwargs={"timeout": CONNECT_SECONDS})
    with runner:
        try:
            _see_that_workers_are_as_we(runner.client)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"TOCSIN_DASK={dask}: no scheduler answers there ({error}); start it, or unset "
                "TOCSIN_DASK to work in this process"
            ) from None

        def on_workers(work: Callable[[Unit], Result], units: Iterable[Unit]) -> Iterator[Result]:
            return _results(runner, work, list(units))

        yield on_workers


@contextmanager
def workers(settings: Settings) -> Iterator[Callable[..., Iterable[Any]]]:
    """``worker_map`` for a command, with a Prefect server for its tasks where none is set."""
    if settings.dask is None:
        yield map
        return
    with prefect_server(settings.data_folder / "prefect") as wait:
        wait()
        with worker_map(settings.dask) as mapping:
            yield mapping


def _results(
    runner: Any, work: Callable[[Unit], Result], units: Sequence[Unit]
) -> Iterator[Result]:
    """Results in the order of the units; the work itself goes to the cluster once."""
    from prefect import task

    options: dict[str, Any] = {"persist_result": False, "log_prints": False}

    @task(name="share", **options)
    def share(work: Callable[[Unit], Result]) -> Callable[[Unit], Result]:
        return work

    @task(name="units", **options)
    def apply(work: Callable[[Unit], Result], units: Sequence[Unit]) -> list[Result]:
        return [work(unit) for unit in units]

    size = -(-len(units) // (TASKS_A_WORKER * len(runner.client.ncores()) or 1)) or 1
    parts = [units[begin : begin + size] for begin in range(0, len(units), size)]
    shared = runner.submit(share, {"work": work})
    futures = [runner.submit(apply, {"work": shared, "units": part}) for part in parts]
    for number, future in enumerate(futures):
        try:
            yield from future.result()
        except TocsinError:
            raise
        except Exception as error:
            first, last = number * size + 1, min((number + 1) * size, len(units))
            raise ClusterError(
                f"units {first} to {last} of {len(units)} failed on their worker: "
                f"{type(error).__name__}: {error}"
            ) from error


def _see_that_workers_are_as_we(client: Any) -> None:
    """Raise unless there are workers and they run our code.

    Raises:
        ClusterError: There is none, or one runs another version.
    """
    client.wait_for_workers(1, timeout=20)
    ours = code_sha256(PACKAGES, LIBRARIES)
    others = [
        address
        for address, digest in client.run(
            code_sha256, PACKAGES, LIBRARIES, on_error="return"
        ).items()
        if digest != ours
    ]
    if others:
        raise ClusterError(
            f"Dask workers run other code than this process: {', '.join(sorted(others))}; install "
            "the same Tocsin there, from the same lock file, with the same TOCSIN_CONFIG_FOLDER, "
            "and start them again"
        )
