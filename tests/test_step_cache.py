"""A cached result is the one that would be worked out again; of other inputs there is none."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import expectations.judge
import indicators.risk.assess
from flows.step_cache import StepCache
from flows.steps import assess_night, judge_delivery, judge_night
from warehouse.landing import receive
from warehouse.sources import mali_census


def no_more(*_: object) -> None:
    raise AssertionError("worked out again")


def test_the_same_night_is_not_worked_out_again(
    warehouse_con, night, tmp_path, monkeypatch
) -> None:
    from conftest import FOUNDING

    cache, none = StepCache(tmp_path), expectations.judge.judge({})
    whole = night(FOUNDING)
    first = assess_night(warehouse_con, FOUNDING, cache)
    checks = judge_night(first, none, cache)
    monkeypatch.setattr(indicators.risk.assess, "assess", no_more)
    monkeypatch.setattr(expectations.judge, "judge", no_more)
    again = assess_night(warehouse_con, FOUNDING, cache)
    assert whole.keys() == first.keys() == again.keys()
    assert all(f.equals(first[n]) and f.equals(again[n]) for n, f in whole.items())
    assert judge_night(again, none, cache).equals(checks)
    assert checks.height > 200
    changed = again | {"core.coup": again["core.coup"].head(3)}
    with pytest.raises(AssertionError, match="worked out again"):
        judge_night(changed, none, cache)


def test_bytes_judged_before_are_not_parsed_again(tmp_path: Path) -> None:
    cache, source = StepCache(tmp_path / "cache"), mali_census.SOURCE
    (batch,) = receive(source, None, tmp_path)
    judged = judge_delivery(batch, tmp_path, cache)
    assert not isinstance(judged, str)
    unread = replace(batch, source=replace(source, parse=no_more), is_new=False)
    again = judge_delivery(unread, tmp_path, cache)
    assert not isinstance(again, str)
    assert (again[0].quarantined, again[0].sha256) == (judged[0].quarantined, batch.sha256)
    assert again[1].equals(judged[1])
    other = replace(unread, sha256="0" * 64)
    with pytest.raises(AssertionError, match="worked out again"):
        judge_delivery(other, tmp_path, cache)


def test_a_result_is_of_just_its_inputs(tmp_path: Path) -> None:
    cache, result = StepCache(tmp_path), {"a": pl.DataFrame({"x": [0.1, None]})}
    inputs = (pl.DataFrame({"n": [1, 2]}), "words")
    cache.put("step", inputs, result)
    assert cache.get("step", inputs)["a"].equals(result["a"])
    for other in (
        (pl.DataFrame({"n": [2, 1]}), "words"),
        (pl.DataFrame({"n": [1.0, 2.0]}), "words"),
        (pl.DataFrame({"n": [1, 2]}), "word"),
    ):
        assert cache.get("step", other) is None
    assert cache.get("other step", inputs) is None
    assert StepCache().get("step", inputs) is None
    (tmp_path / "step.zip").write_bytes((tmp_path / "step.zip").read_bytes()[:-90])
    assert cache.get("step", inputs) is None
