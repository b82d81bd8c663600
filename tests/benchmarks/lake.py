"""Nights into a lake on a real PostgreSQL, with readers that never pause and writers killed.

    PYTHONPATH=.:tests python tests/benchmarks/lake.py [--nights 10] [--readers 5] [--kills 20]

Prints nights and seconds, queries and errors of the readers, snapshots, and what was half:
nothing may be. Needs PostgreSQL (Debian: ``apt-get install postgresql``) and the extra ``scale``.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from stand_in.postgresql import postgresql
from warehouse.lake import lake_connection, publish_to_lake

FIRST = date(2021, 6, 20)
PUBLISH = "from warehouse.lake import publish_to_lake; import sys; from datetime import date; " \
    "from pathlib import Path; a = sys.argv; " \
    "publish_to_lake(Path(a[1]), a[2], a[3], date.fromisoformat(a[4]), 400)"  # fmt: skip


def ask(catalog: str, until: float, answers: Any) -> None:
    """Ask the lake again and again; puts the number of queries and the errors."""
    queries, errors = 0, []
    while time.time() < until:
        try:
            with lake_connection(catalog) as con:
                for _ in range(20):
                    row = con.execute(
                        "select count(*), count(distinct f.region_id), (select max(as_of_date) "
                        "from nights) = max(f.window_start_date) - 1 from flags as f"
                    ).fetchone()
                    queries += 1
                    if row is None or row[0] != row[1] or not row[2]:
                        errors.append(f"half a night: {row}")
        except duckdb.Error as error:
            errors.append(str(error).splitlines()[0])
    answers.put((queries, errors))


def snapshots(catalog: str) -> list[tuple[int, str, dict[str, Any]]]:
    """Number, message and content of every night's snapshot."""
    with lake_connection(catalog) as con:
        rows = con.execute(
            "select snapshot_id, commit_message, commit_extra_info from lake.snapshots() "
            "where author = 'tocsin' order by 1"
        ).fetchall()
    return [(number, message, json.loads(note)["content"]) for number, message, note in rows]


def half_snapshots(catalog: str) -> list[str]:
    """Snapshots of which a table does not hold what the night's file held."""
    wrong = []
    listed = snapshots(catalog)
    with lake_connection(catalog) as con:
        for number, message, content in listed:
            for table, expected in content["tables"].items():
                rows = con.execute(
                    f"select count(*), coalesce(sum(hash(t)), 0)::varchar from "
                    f'(from "{table}" at (version => {number})) as t'
                ).fetchone()
                if list(rows or ()) != list(expected):
                    wrong.append(f"{message}: {table}")
    return wrong


def main() -> None:
    """Run nights into a lake and print what readers saw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nights", type=int, default=10)
    parser.add_argument("--readers", type=int, default=5)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="lake-"))
    with postgresql(root / "postgresql") as connection:
        catalog = f"ducklake:postgres:{connection}"
        environment = {
            **os.environ, "TOCSIN_DATA_FOLDER": str(root / "data"), "TOCSIN_LAKE": catalog,
        }  # fmt: skip

        def night(number: int) -> float:
            start = time.perf_counter()
            command = [sys.executable, "-c", "from flows.cli import main; main()", "nightly"]
            as_of = str(FIRST + timedelta(days=number))
            subprocess.run(
                [*command, "--as-of", as_of], env=environment, check=True, capture_output=True
            )
            return time.perf_counter() - start

        night(0)
        context = multiprocessing.get_context("spawn")
        answers, until = context.Queue(), time.time() + 120
        readers = [
            context.Process(target=ask, args=(catalog, until, answers))
            for _ in range(options.readers)
        ]
        for reader in readers:
            reader.start()
        seconds = [night(number) for number in range(1, options.nights)]
        replies = [answers.get() for _ in readers]
        for reader in readers:
            reader.join()
        print(f"nights: {options.nights}, seconds each {[round(one, 1) for one in seconds]}")
        print(f"readers: {len(replies)}, queries {sum(one[0] for one in replies)}, "
              f"errors {[text for one in replies for text in one[1]]}")  # fmt: skip
        print(f"snapshots: {[message for _, message, _ in snapshots(catalog)]}")
        print(f"half nights: {half_snapshots(catalog)}")
        published = root / "data" / "published"
        last = FIRST + timedelta(days=options.nights - 1)
        version = snapshots(catalog)[1][0]
        past = str(FIRST + timedelta(days=1))
        with lake_connection(catalog) as con:
            columns = "region_id, level, p_escalation"
            differing = con.execute(
                f"select count(*) from (select {columns} from flags at (version => {version}) "
                f"except select {columns} from flags_as_of('{past}'))"
            ).fetchone()
        print(f"flags of {past} at version {version} that differ from flags_as_of: {differing}")
        before = len(snapshots(catalog))
        killed = 0
        for _ in range(options.kills):
            file = published / random.choice(sorted(p.name for p in published.glob("tocsin-*")))
            command = [sys.executable, "-c", PUBLISH, str(file), catalog, str(root / "data/lake"),
                       str(last)]  # fmt: skip
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as writer:
                time.sleep(random.uniform(0.3, 4))
                writer.send_signal(signal.SIGKILL)
                killed += writer.wait() == -signal.SIGKILL
        added = len(snapshots(catalog)) - before
        print(f"killed in the middle: {killed} of {options.kills}; snapshots added {added}")
        print(f"half nights: {half_snapshots(catalog)}")
        rows = publish_to_lake(
            published / "tocsin.duckdb", catalog, str(root / "data" / "lake"), last, 400
        )
        print(f"the next publication: {rows} rows changed; half nights: {half_snapshots(catalog)}")


if __name__ == "__main__":
    main()
