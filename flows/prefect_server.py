"""A Prefect server for one run, where none is configured."""

import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from config.errors import TocsinError
from config.files import set_aside
from flows.process import unusable_proxy

START_SECONDS = 60
CHECKED_BYTES = 50_000_000  # of its database: more takes longer to look through than it is worth
ENDING_SECONDS = 5
ANSWER_SECONDS = 5  # a server of the operator's may be starting
# Made once, when Tocsin is set up (``./run``): building it takes longer than all else at a start.
EMPTY_DATABASE = Path(sys.prefix) / "prefect" / "prefect.db"
# As Prefect's own temporary server does it (`prefect server start` would import twice), without
# looking for garbage among what is imported, which takes a quarter of the start. It ends with
# whoever started it, however that ends: then its standard input does.
SERVE = """
import gc, os, signal, sys, threading, time
def end():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(3)  # a connection that is never closed would hold it for ever
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
gc.disable()
import prefect.server.api.server
gc.freeze()
gc.enable()
from uvicorn.main import main
main(["--factory", "prefect.server.api.server:create_app", *sys.argv[1:]])
"""


class PrefectServerError(TocsinError):
    """The run's own Prefect server did not start; the message names its log."""


def set_aside_unreadable(database: Path) -> None:
    """Set aside a damaged SQLite file, and logs beside it that would be read as another's."""
    logs = [database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm", "-journal")]
    why = "cannot be read by Prefect, which begins anew: what runs did stands in 'tocsin runs'"
    if database.is_dir():
        set_aside(database, why)
    elif database.exists():
        try:
            with closing(sqlite3.connect(database)) as con:
                if database.stat().st_size < CHECKED_BYTES:
                    (faults,) = con.execute("pragma quick_check(1)").fetchone()
                    if faults != "ok":
                        raise sqlite3.DatabaseError(faults)
                con.execute("select count(*) from sqlite_master").fetchone()
        except sqlite3.OperationalError:
            return  # another server is at work on it
        except sqlite3.DatabaseError:
            set_aside(database, why)
    if not database.exists():
        for log in logs:
            if log.exists():
                set_aside(log, "is of a database that is gone")


@contextmanager
def prefect_server(folder: Path, lasting_port: int | None = None) -> Iterator[Callable[[], None]]:
    """Serve the Prefect API for one run; yields a function that waits until it answers.

    Args:
        folder: Where its state is kept.
        lasting_port: Serve for many runs instead, on this loopback port, with schedules
            and user interface.

    With ``PREFECT_API_URL`` set that server is used and nothing is started; the function
    then sees that something answers there. Otherwise it also turns off heartbeats of flows, and a
    server starts on a free loopback port while the caller imports its libraries, keeps
    its state in ``folder`` and is ended with the run. Must be entered before ``prefect``
    is imported, since Prefect reads its settings then. (Prefect's own temporary server
    starts only when the flow is called, and leaves tracebacks at its end.)

    Raises:
        PrefectServerError: From the waiting function, if the server does not answer.
    """
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if lasting_port else "CRITICAL")
    os.environ.setdefault("PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED", "false")
    if os.environ.get("PREFECT_API_URL"):
        yield partial(_answering, os.environ["PREFECT_API_URL"])
        return
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / EMPTY_DATABASE.name
    set_aside_unreadable(database)
    if os.access(EMPTY_DATABASE, os.R_OK) and not database.exists():
        os.replace(shutil.copyfile(EMPTY_DATABASE, database.with_suffix(".new")), database)
    os.environ["PREFECT_HOME"] = str(folder.resolve())
    with socket.socket() as probe:
        # As the server itself binds: connections of one that was killed do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", lasting_port or 0))
        except OSError as error:
            raise PrefectServerError(
                f"port {lasting_port} cannot be had ({error.strerror}); another server may be "
                "there: set PREFECT_API_URL to use it, or give --port"
            ) from None
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    log_path = folder / "server.log"
    for_one_run = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
    environment = {
        **os.environ,
        **({"PREFECT_SERVER_UI_API_URL": url} if lasting_port else for_one_run),
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "0",  # none is used
    }
    with log_path.open("wb") as log:
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", SERVE, "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
        )
    os.environ["PREFECT_API_URL"] = url

    def wait() -> None:
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        if not lasting_port:
            # Nobody listens for a flow's heartbeats here, and Prefect would wait for their thread.
            stack.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=1):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise PrefectServerError(
            f"the Prefect server did not start; see whether the disk is full, then {log_path}; or "
            "run your own and set PREFECT_API_URL"
        )

    with server, ExitStack() as stack:
        try:
            yield wait
        finally:
            del os.environ["PREFECT_API_URL"]
            server.terminate()
            try:
                server.wait(timeout=ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def _answering(url: str) -> None:
    """See that a server that the operator runs is there.

    Raises:
        PrefectServerError: Nothing answers, so that no run can begin.
    """
    cure = "start it, or unset PREFECT_API_URL: each run then starts its own"
    if why := unusable_proxy(url):
        raise PrefectServerError(f"PREFECT_API_URL={url} cannot be reached: {why}")
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=ANSWER_SECONDS):  # noqa: S310
                return
        except urllib.error.HTTPError:
            return  # it answers; Prefect tells what it does not like
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLError):
                return  # the same: Prefect may know the certificate
            if isinstance(error, ValueError) or time.monotonic() > deadline:
                raise PrefectServerError(
                    f"PREFECT_API_URL={url} does not answer ({reason}); nothing was begun; {cure}"
                ) from None
            time.sleep(0.5)
