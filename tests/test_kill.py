"""A run that was killed is finished by the next; ``tests/benchmarks/kill_runs.py`` kills many."""

import shutil
from pathlib import Path

from benchmarks.kill_runs import NIGHTS, Bench, after_nights, trial


def test_killed_while_publishing_and_finished_by_the_next(
    prefect_url, first_night, tmp_path: Path
) -> None:
    with Bench(tmp_path, {"PREFECT_API_URL": prefect_url}) as bench:
        begun = after_nights(bench, NIGHTS[:1], True)
        bench.sent[begun] = []  # that night's mails lie in its outbox
        shutil.copytree(first_night[0], begun)
        where, differs, twice = trial(bench, False, True, "keep the night", 0.3)
    assert where in ("keep the night", "publish")
    assert (differs, twice) == ([], 0)
    mails = bench.sent[after_nights(bench, NIGHTS, True)]
    assert {identity[1:11] for _, identity in mails} == {NIGHTS[1]}
