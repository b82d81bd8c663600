"""Runs killed at random moments: ``python tests/benchmarks/kill_runs.py [RUNS] [SEED]``.

Each trial begins with an empty data folder or with one night done, kills a run of the next
night (SIGKILL to its whole process group, its own Prefect server included), lets one normal
run follow, and compares with an undisturbed run: every table of the working and of the
published file (but for the times at which it ran), the outbox, the mails that a mail server
received. The one gap that is known is counted: killed between the server's acceptance and
our mark, a mail comes twice.
"""

import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import duckdb
from aiosmtpd.controller import Controller

ROOT = Path(__file__).parent.parent.parent
NIGHTS = ("2021-06-25", "2021-07-25")
COMMAND = "from flows.cli import main; main()"
# A third of the kills fall after one of these steps: there files change and mails go out.
LATE = ("check what arrived", "assess the night", "check the night", "keep the night", "publish")
DATA = "data"  # every run has the same folder, since mails name it
MEASURED = ("run", "run_step", "runs", "run_steps", "fetch")  # these tell of the runs


class Mailbox:
    """A mail server's handler that keeps what it accepted."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str]] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        identity = message_from_bytes(envelope.content)["Message-ID"]
        self.received += [(recipient, identity) for recipient in envelope.rcpt_tos]
        return "250 OK"


class Bench:
    """Runs in data folders below ``folder``, mails to one server on loopback.

    ``before``: statements ahead of each run.
    """

    def __init__(self, folder: Path, environment: dict[str, str], before: str = "") -> None:
        self.folder, self.environment, self.mailbox = folder, environment, Mailbox()
        self.before = before
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server = Controller(self.mailbox, hostname="127.0.0.1", port=self.port)
        self.sent: dict[Path, list[tuple[str, str]]] = {}  # by data folder
        self.began = datetime.now(UTC).replace(tzinfo=None)

    def __enter__(self) -> "Bench":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def start(self, data: Path, night: str, by_smtp: bool) -> "subprocess.Popen[str]":
        """Begin a run in a process group of its own."""
        mail = {"TOCSIN_SMTP_HOST": "127.0.0.1", "TOCSIN_SMTP_PORT": str(self.port),
                "TOCSIN_SMTP_SECURITY": "none"}  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-c", self.before + COMMAND, "nightly", "--as-of", night],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            start_new_session=True,
            env={**os.environ, **self.environment, "TOCSIN_DATA_FOLDER": str(data),
                 **(mail if by_smtp else {})},
        )  # fmt: skip

    def finish(self, data: Path, night: str, by_smtp: bool) -> float:
        """A normal run; its seconds."""
        began = time.perf_counter()
        run = self.start(data, night, by_smtp)
        out, err = run.communicate()
        if run.returncode or err:
            raise RuntimeError(f"a normal run ended with {run.returncode}: {err or out[-500:]}")
        return time.perf_counter() - began

    def kill(self, data: Path, night: str, by_smtp: bool, after: str, seconds: float) -> str:
        """Kill a run so long after a step was told (empty: after its start); where it stood."""
        run = self.start(data, night, by_smtp)
        assert run.stdout is not None
        last_line = ""
        if after:
            for line in run.stdout:
                last_line = line.strip()
                if last_line.startswith(after):
                    break
        time.sleep(seconds)
        with_all = run.poll() is None
        if with_all:
            os.killpg(run.pid, signal.SIGKILL)
        lines = [last_line, *(line.strip() for line in run.communicate()[0].splitlines())]
        steps = [line.rpartition("  ")[0].strip() for line in lines if line.endswith(" s")]
        return ([step for step in steps if step] or ["start"])[-1] if with_all else "ended before"

    def state(self, data: Path) -> dict[str, object]:
        """What a run leaves behind, but for the times at which it ran."""
        published = data / "published"
        return {
            **{f"working {n}": t for n, t in self._tables(data / "warehouse.duckdb").items()},
            **{f"published {n}": t for n, t in self._tables(published / "tocsin.duckdb").items()},
            "published files": sorted(path.name for path in published.iterdir()),
            "outbox": {
                path.name: hashlib.sha256(re.sub(rb"Date: .*", b"", path.read_bytes())).hexdigest()
                for path in sorted((data / "outbox").glob("*"))
            },
            "left over": sorted(str(p.relative_to(data)) for p in data.rglob("*.part")),
        }

    def _tables(self, path: Path) -> dict[str, object]:
        contents: dict[str, object] = {}
        with duckdb.connect(path, read_only=True) as con:
            names = con.execute(
                "select schema_name, table_name from duckdb_tables() order by all"
            ).fetchall()
            for schema, name in names:
                if name in MEASURED:
                    continue
                described = con.execute(f'describe "{schema}"."{name}"').fetchall()
                columns = ", ".join(
                    f"least(\"{column}\", timestamp '{self.began}')"
                    if kind == "TIMESTAMP"
                    else f'"{column}"'
                    for column, kind, *_ in described
                    if column not in ("batch_id", "seconds")
                )
                contents[f"{schema}.{name}"] = con.execute(
                    f'select count(*), sum(hash(({columns}))) from "{schema}"."{name}"'
                ).fetchone()
        return contents


def after_nights(bench: Bench, nights: tuple[str, ...], by_smtp: bool) -> Path:
    """Where the data folder lies that normal runs of these nights left."""
    return bench.folder / f"{len(nights)} nights, {'smtp' if by_smtp else 'files'}"


def undisturbed(
    bench: Bench, nights: tuple[str, ...], by_smtp: bool
) -> tuple[Path, list[tuple[str, str]]]:
    """A data folder after normal runs of these nights, and the mails that the last one sent."""
    folder_after = after_nights(bench, nights, by_smtp)
    if folder_after not in bench.sent:
        data = bench.folder / DATA
        if len(nights) > 1:
            shutil.copytree(undisturbed(bench, nights[:-1], by_smtp)[0], data)
        before = len(bench.mailbox.received)
        bench.finish(data, nights[-1], by_smtp)
        bench.sent[folder_after] = sorted(bench.mailbox.received[before:])
        data.rename(folder_after)
    return folder_after, bench.sent[folder_after]


def trial(
    bench: Bench, is_first: bool, by_smtp: bool, after: str, seconds: float
) -> tuple[str, list[str], int]:
    """Kill one run, finish it; where it was killed, what differs, mails that came twice."""
    nights, data = NIGHTS[:1] if is_first else NIGHTS, bench.folder / DATA
    reference, mails = undisturbed(bench, nights, by_smtp)
    if not is_first:
        shutil.copytree(undisturbed(bench, nights[:-1], by_smtp)[0], data)
    before = len(bench.mailbox.received)
    where = bench.kill(data, nights[-1], by_smtp, after, seconds)
    bench.finish(data, nights[-1], by_smtp)
    came = Counter(bench.mailbox.received[before:])
    wanted, state = bench.state(reference), bench.state(data)
    differs = [
        f"{what}: {state.get(what)} for {wanted.get(what)}"
        for what in wanted | state
        if wanted.get(what) != state.get(what)
    ]
    if sorted(came) != mails:
        differs.append(f"mails: {sorted(came)} for {mails}")
    shutil.rmtree(data)
    return where, differs, came.total() - len(came)


def main(runs: int = 100, seed: int = 9) -> None:
    """Kill so many runs and print what became of each."""
    draw = random.Random(seed)
    bad, twice, moments = 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder), {}) as bench:
        began = time.perf_counter()
        undisturbed(bench, NIGHTS[:1], False)
        lasts = time.perf_counter() - began
        for number in range(runs):
            after = draw.choice(LATE) if draw.random() < 0.67 else ""
            seconds = draw.uniform(0, 1.5 if after else lasts)
            is_first, by_smtp = number % 4 == 0, number % 2 == 1
            where, differs, again = trial(bench, is_first, by_smtp, after, seconds)
            moments[where] += 1
            bad, twice = bad + bool(differs), twice + again
            print(f"{number + 1:4} killed after {where:<24} {'; '.join(differs) or 'equal'}"
                  f"{f'; {again} mails twice' if again else ''}", flush=True)  # fmt: skip
    print(f"{runs} runs killed (seed {seed}), each followed by one normal run: {bad} differ, "
          f"{twice} mails came twice, none was lost unless told above")  # fmt: skip
    print("last step told before the kill: "
          + ", ".join(f"{name} {count}" for name, count in moments.most_common()))  # fmt: skip
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
