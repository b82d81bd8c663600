"""A run that was killed is finished by the next; ``tests/benchmarks/kill_runs.py`` kills many."""

import shutil
from pathlib import Path

from benchmarks.kill_runs import NIGHTS, Bench, after_nights, trial, undisturbed
from conftest import WITHOUT_PAGE
from flows.step_cache import CACHE_FOLDER


def test_killed_while_publishing_and_finished_by_the_next(
    prefect_url, mali, tmp_path: Path
) -> None:
    with Bench(tmp_path, {"PREFECT_API_URL": prefect_url}, WITHOUT_PAGE) as bench:
        reference, _ = undisturbed(bench, NIGHTS, True)
        begun = after_nights(bench, NIGHTS[:1], True)
        shutil.rmtree(begun / CACHE_FOLDER)  # the kill falls after what it saves
        shutil.copytree(reference / CACHE_FOLDER, begun / CACHE_FOLDER)
        where, differs, twice = trial(bench, False, True, "keep the night", 0.3)
    assert where in ("keep the night", "publish")
    assert (differs, twice) == ([], 0)
    mails = bench.sent[after_nights(bench, NIGHTS, True)]
    assert {identity[1:11] for _, identity in mails} == {NIGHTS[1]}
