"""The models, against numbers worked by hand and against statsmodels without a penalty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indicators.risk.assess import tuning
from indicators.risk.models import (
    EXCITED_DRIVERS,
    _non_negative,
    conflictology,
    excitation,
    expected,
    negbin_pmf,
    negbin_region,
    quantile,
    self_exciting,
    tail,
)
from indicators.risk.panel import Panel, distances_km, neighbour_weights

TUNING = tuning()
ALONE = np.array([[0.0, 1.0], [1.0, 0.0]])


def test_conflictology_is_the_past_year() -> None:
    counts = np.zeros((24, 1))
    counts[12:15, 0] = [2, 2, 5]  # nine quiet months follow
    panel = Panel(counts, np.zeros((1, 1)))
    assert conflictology(panel, window=1, largest=5)[0].tolist() == pytest.approx(
        [9 / 12, 0, 2 / 12, 0, 0, 1 / 12]
    )
    # ten windows of three months: 9, 7, 5, then seven of 0
    assert conflictology(panel, window=3, largest=9)[0][[0, 5, 7, 9]].tolist() == pytest.approx(
        [0.7, 0.1, 0.1, 0.1]
    )


def test_a_steady_region_is_forecast_at_its_mean() -> None:
    panel = Panel(np.full((60, 2), 3.0), ALONE)
    assert expected(negbin_region(panel, 1, 200, TUNING)) == pytest.approx([3, 3], rel=0.01)


def test_self_exciting_finds_a_planted_doubling() -> None:
    rng = np.random.default_rng(7)
    counts = rng.poisson(np.repeat(rng.uniform(1, 9, 40)[None], 120, axis=0)).astype(float)
    weights = neighbour_weights(distances_km(rng.uniform(0, 9, 40), rng.uniform(0, 9, 40)), 150)
    means = []
    for rows in (counts, np.vstack([counts, 2 * counts[-12:]])):
        panel = Panel(rows, weights)
        told = self_exciting(panel, excitation(panel), 1, 1, 100, TUNING)
        means.append(expected(told.pmf).sum())
        assert told.parts.shape == told.usual.shape == (40, len(EXCITED_DRIVERS))
        assert told.parts.sum(axis=1) == pytest.approx(expected(told.pmf), rel=1e-6)
    assert means[0] == pytest.approx(counts[-12:].mean(axis=0).sum(), rel=0.1)
    assert means[1] > 1.5 * means[0]


def test_coefficients_are_those_of_non_negative_least_squares() -> None:
    rng = np.random.default_rng(1)
    x = np.abs(rng.normal(size=(400, 3)))
    y = rng.poisson(x @ [2.0, 0.0, 0.5]).astype(float)
    slopes = _non_negative(x, y, np.ones(400))
    assert slopes == pytest.approx([2.0, 0.0, 0.5], abs=0.2)
    assert (slopes >= 0).all()
    # the quasi-likelihood's score is zero where a coefficient is free, against it where not
    score = ((y / np.maximum(x @ slopes, 0.02) - 1)[:, None] * x).sum(axis=0)
    assert score[slopes > 0] == pytest.approx(0, abs=1)
    assert (score[slopes == 0] < 1).all()


@given(arrays(float, (30, 3), elements=st.integers(0, 20).map(float)), st.sampled_from([1, 3]))
def test_forecasts_are_distributions(counts: np.ndarray, window: int) -> None:
    panel = Panel(counts, np.full((3, 3), 0.5) - np.eye(3) / 2)
    for pmf in (conflictology(panel, window, 90), negbin_region(panel, window, 90, TUNING)):
        assert pmf.sum(axis=1) == pytest.approx(np.ones(3))
        assert (pmf >= 0).all()
        assert (quantile(pmf, 0.1) <= quantile(pmf, 0.9)).all()
        assert tail(pmf, np.zeros(3)) == pytest.approx(np.ones(3))


@given(st.floats(0.01, 50), st.floats(0.05, 5))
def test_negative_binomial_has_its_mean(mean: float, dispersion: float) -> None:
    pmf = negbin_pmf(np.array([mean]), dispersion, largest=20_000)
    assert expected(pmf)[0] == pytest.approx(mean, rel=1e-6)
