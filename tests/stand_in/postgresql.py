"""A real PostgreSQL on loopback, from Debian's packages, in a folder of its own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


def binaries() -> Path | None:
    """Folder of PostgreSQL's programs, or None: it is not installed."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (newest and newest[-1])
    return Path(initdb).resolve().parent if initdb else None


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Connection string of a server that ends with the block."""
    programs = binaries()
    assert programs is not None
    # It refuses to run as root, and its folder is its user's alone.
    runs_as = ["setpriv", f"--reuid={USER}", "--regid=postgres", "--clear-groups"]
    prefix = runs_as if os.geteuid() == 0 else []
    data = folder / "cluster"
    data.mkdir(parents=True)
    if prefix:
        shutil.chown(data, USER)
        for parent in (folder, *folder.parents):
            if parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)

    def call(program: str, *arguments: str) -> None:
        run = subprocess.run([*prefix, programs / program, "-D", data, *arguments],
                             capture_output=True, text=True, cwd="/")  # fmt: skip
        assert run.returncode == 0, (program, *arguments, run.stdout, run.stderr)

    call("initdb", f"--username={USER}", "--auth=trust", "--no-sync")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
    call("pg_ctl", "start", "-w", "-o", f"{options} -c fsync=off", "-l", str(data / "log"))
    try:
        yield f"host=127.0.0.1 port={port} user={USER} dbname=postgres"
    finally:
        call("pg_ctl", "stop", "-w", "-m", "immediate")


def create_database(connection: str, name: str) -> None:
    """An empty database on the server of a connection string."""
    programs = binaries()
    assert programs is not None
    subprocess.run([programs / "psql", connection, "-qc", f'create database "{name}"'], check=True)
