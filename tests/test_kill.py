"""A run that was killed is finished by the next; ``tests/benchmarks/kill_runs.py`` kills many."""

from pathlib import Path

from benchmarks.kill_runs import NIGHTS, Bench, trial


def test_killed_while_publishing_and_finished_by_the_next(prefect_url, tmp_path: Path) -> None:
    with Bench(tmp_path, {"PREFECT_API_URL": prefect_url}) as bench:
        where, differs, twice = trial(bench, True, True, "keep the night", 0.3)
    assert where in ("keep the night", "publish")
    assert (differs, twice) == ([], 0)
    (mails,) = bench.sent.values()
    assert {identity[1:11] for _, identity in mails} == {NIGHTS[0]}
