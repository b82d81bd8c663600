"""The improved Farrington method against R's own figures (tests/farrington/reference.R)."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM

from conftest import peak_bytes
from indicators.farrington import FarringtonControl, farrington

FOLDER = Path(__file__).parent / "farrington"
WEEKLY = {"frequency": 52, "b": 4, "w": 3}
NOUFAILY = {"no_periods": 10, "past_not_included": 26}
CASES = {  # case of reference.csv -> series, first period judged, control
    "agona default": ("agona", 281, WEEKLY),
    "agona noufaily": (
        "agona", 281,
        {**WEEKLY, **NOUFAILY, "p_trend": 1, "alpha": 0.005, "method": "nbPlugin"},
    ),
    "agona muan": (
        "agona", 281, {**WEEKLY, **NOUFAILY, "p_trend": 0.05, "alpha": 0.01, "method": "muan"},
    ),
    "agona plain": ("agona", 281, {**WEEKLY, "reweight": False, "trend": False}),
    "months default": ("regions", 96, {"b": 5, "w": 1}),
    "months seasonal": ("regions", 96, {"b": 5, "w": 1, "no_periods": 4, "p_trend": 1}),
    "months nb": ("regions", 96, {"b": 5, "w": 1, "no_periods": 4, "method": "nbPlugin"}),
}  # fmt: skip
MONTHLY = FarringtonControl(b=5, w=1)


def series(name: str) -> np.ndarray:
    return pl.read_csv(FOLDER / f"{name}.csv").to_numpy().astype(float)


@pytest.mark.parametrize("case", CASES)
def test_bounds_are_those_of_r(case: str) -> None:
    name, first, control = CASES[case]
    counts = series(name)
    bounds = farrington(counts, first, FarringtonControl(**control))
    reference = pl.read_csv(FOLDER / "reference.csv", null_values="NA", infer_schema_length=None)
    of_r = reference.filter(case=case)
    shape = (counts.shape[1], len(counts) - first)
    no_bound = of_r["upper"].is_null().to_numpy().reshape(shape).T
    assert np.isnan(bounds.upper).tolist() == no_bound.tolist()
    for column in ("upper", "expected", "score", "p_value", "dispersion"):
        wanted = of_r[column].cast(pl.Float64).to_numpy().reshape(shape).T
        assert getattr(bounds, column)[~no_bound] == pytest.approx(wanted[~no_bound], rel=1e-6)
    assert bounds.alarm.T.ravel().tolist() == of_r["alarm"].fill_null(False).to_list()


def test_first_fit_is_statsmodels_quasi_poisson() -> None:
    counts = series("regions")
    control = FarringtonControl(b=5, w=1, reweight=False, trend=False)
    bounds = farrington(counts, 96, control)
    offsets = [k - 12 * year for year in range(1, 6) for k in (-1, 0, 1)]
    compared = 0
    for row, region in zip(*np.nonzero(~np.isnan(bounds.upper)), strict=True):
        y = counts[96 + row + np.array(offsets), region]
        if y.min() == y.max():
            continue
        fit = GLM(y, np.ones((15, 1)), family=Poisson()).fit(scale="X2")
        assert bounds.expected[row, region] == pytest.approx(np.exp(fit.params[0]), rel=1e-6)
        # R's dispersion rests on the weights of the last step but one; ours follows R
        assert bounds.dispersion[row, region] == pytest.approx(max(fit.scale, 1), rel=1e-3)
        compared += 1
    assert compared > 100


def test_order_of_regions_and_what_comes_later_do_not_matter() -> None:
    counts = series("regions")
    bounds = farrington(counts, 96, MONTHLY)
    order = np.random.default_rng(1).permutation(counts.shape[1])
    turned = farrington(counts[:, order], 96, MONTHLY)
    assert np.array_equal(turned.upper, bounds.upper[:, order], equal_nan=True)
    later = counts.copy()
    later[100:] += 50
    assert np.array_equal(
        farrington(later, 96, MONTHLY).upper[:4], bounds.upper[:4], equal_nan=True
    )


def test_many_regions_are_judged_in_parts(monkeypatch) -> None:
    counts = np.tile(series("regions"), 40)
    whole, whole_peak = peak_bytes(lambda: farrington(counts, 96, MONTHLY))
    monkeypatch.setattr("indicators.arrays.MOST_CELLS", 10_000)
    parts, peak = peak_bytes(lambda: farrington(counts, 96, MONTHLY))
    # (Of a constant series rounding says whether a trend of nothing is significant.)
    for name in set(vars(whole)) - {"has_trend"}:
        one, other = getattr(parts, name), getattr(whole, name)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, err_msg=name)
    assert peak < whole_peak / 5


@given(arrays(float, (75, 2), elements=st.integers(0, 9).map(float)))
@settings(max_examples=30)
def test_any_counts_give_bounds_or_say_none(counts: np.ndarray) -> None:
    bounds = farrington(counts, 70, MONTHLY)
    known = ~np.isnan(bounds.upper)
    assert (bounds.upper[known] >= 0).all()
    assert not bounds.alarm[~known].any()
    assert (counts[70:][bounds.alarm] > bounds.upper[bounds.alarm]).all()


def test_null_world_alarms_at_the_declared_rate() -> None:
    counts = np.random.default_rng(4).poisson(8, (108, 400)).astype(float)
    bounds = farrington(counts, 96, FarringtonControl(b=5, w=1, alpha=0.05))
    # one-sided 5%, of a discrete count and an estimated mean
    assert 0.03 < bounds.alarm.mean() < 0.075


@pytest.mark.parametrize(("times", "least"), [(2, 0.6), (3, 0.95)])
def test_a_planted_outbreak_is_found_at_once(times: int, least: float) -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(8, (98, 200)).astype(float)
    counts[97] = rng.poisson(8 * times, 200)
    assert farrington(counts, 97, MONTHLY).alarm.mean() >= least


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(ValueError, match="judge from 61 on, or lower b"):
        farrington(np.ones((70, 1)), 50, MONTHLY)
    with pytest.raises(ValueError, match="20 seasonal levels are too many"):
        farrington(np.ones((99, 1)), 98, FarringtonControl(b=5, w=1, no_periods=20))
