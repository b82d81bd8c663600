"""What is recalled is what would be found again; what is not the same is found anew."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import expectations.judge
import indicators.risk.assess
from flows.nightly import assess_night, judge_delivery, judge_night
from flows.recall import Recall
from warehouse.landing import receive
from warehouse.sources import mali_census


def no_more(*_: object) -> None:
    raise AssertionError("worked out again")


def test_a_night_seen_before_is_not_worked_out_again(kept, night, tmp_path, monkeypatch) -> None:
    from conftest import FOUNDING

    recall, none = Recall(tmp_path), expectations.judge.judge({})
    whole = night(FOUNDING)
    first = assess_night(kept, FOUNDING, recall)
    checks = judge_night(first, none, recall)
    monkeypatch.setattr(indicators.risk.assess, "assess", no_more)
    monkeypatch.setattr(expectations.judge, "judge", no_more)
    again = assess_night(kept, FOUNDING, recall)
    assert whole.keys() == first.keys() == again.keys()
    assert all(f.equals(first[n]) and f.equals(again[n]) for n, f in whole.items())
    assert judge_night(again, none, recall).equals(checks)
    assert checks.height > 200
    changed = again | {"core.coup": again["core.coup"].head(3)}
    with pytest.raises(AssertionError, match="worked out again"):
        judge_night(changed, none, recall)


def test_bytes_judged_before_are_not_parsed_again(tmp_path: Path) -> None:
    recall, source = Recall(tmp_path / "recalled"), mali_census.SOURCE
    (batch,) = receive(source, None, tmp_path)
    judged = judge_delivery(batch, tmp_path, recall)
    assert not isinstance(judged, str)
    unread = replace(batch, source=replace(source, parse=no_more), is_new=False)
    again = judge_delivery(unread, tmp_path, recall)
    assert not isinstance(again, str)
    assert (again[0].quarantined, again[0].sha256) == (judged[0].quarantined, batch.sha256)
    assert again[1].equals(judged[1])
    other = replace(unread, sha256="0" * 64)
    with pytest.raises(AssertionError, match="worked out again"):
        judge_delivery(other, tmp_path, recall)


def test_only_the_same_is_recalled(tmp_path: Path) -> None:
    recall, found = Recall(tmp_path), {"a": pl.DataFrame({"x": [0.1, None]})}
    seen = (pl.DataFrame({"n": [1, 2]}), "words")
    recall.keep("step", seen, found)
    assert recall.find("step", seen)["a"].equals(found["a"])
    for other in (
        (pl.DataFrame({"n": [2, 1]}), "words"),
        (pl.DataFrame({"n": [1.0, 2.0]}), "words"),
        (pl.DataFrame({"n": [1, 2]}), "word"),
    ):
        assert recall.find("step", other) is None
    assert recall.find("other step", seen) is None
    assert Recall().find("step", seen) is None
    (tmp_path / "step.zip").write_bytes((tmp_path / "step.zip").read_bytes()[:-90])
    assert recall.find("step", seen) is None
