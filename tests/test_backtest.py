"""The back-test against worlds whose truth is known, and what must not change."""

import numpy as np
import pytest

from indicators.risk import alarms, scores
from indicators.risk.assess import tuning
from indicators.risk.backtest import Replay, backtest, candidate_gain
from indicators.risk.panel import distances_km, neighbour_weights

MONTHS, REGIONS = 150, 12
ORIGINS = range(120, 132)
FIRST = ORIGINS[0] - 42
TUNING = tuning()


def world(seed: int = 3, mean: float = 1.2) -> np.ndarray:
    """Stationary negative binomial counts, months x regions."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, mean / 2, REGIONS)
    return rng.negative_binomial(1.0, 1 / (1 + rates), (MONTHS, REGIONS)).astype(float)


def replay(counts: np.ndarray) -> Replay:
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 5, (2, counts.shape[1]))
    known = np.broadcast_to(counts, (len(range(FIRST, ORIGINS[-1] + 1)), *counts.shape))
    return Replay(known, counts, FIRST, neighbour_weights(distances_km(*places), 150.0))


def run(told: Replay):
    return backtest(told, ORIGINS, TUNING, horizons=(1, 3))


@pytest.fixture(scope="module")
def result():
    return run(replay(world()))


def test_no_forecast_knows_what_came_after_its_origin(result) -> None:
    counts = world()
    changed = counts.copy()
    changed[ORIGINS[0] + 1 :] += 7
    again = run(Replay(replay(changed).known, changed, FIRST, replay(changed).weights))
    assert again.p_escalation[0] == pytest.approx(result.p_escalation[0], abs=1e-12)
    assert again.weights[0] == pytest.approx(result.weights[0], abs=1e-12)
    assert again.threshold[0].tolist() == result.threshold[0].tolist()
    assert not np.allclose(again.p_escalation[3], result.p_escalation[3])


def test_order_of_regions_does_not_matter(result) -> None:
    told = replay(world())
    order = np.random.default_rng(5).permutation(REGIONS)
    turned = Replay(
        told.known[:, :, order], told.truth[:, order], FIRST, told.weights[np.ix_(order, order)]
    )
    again = run(turned)
    assert again.p_escalation == pytest.approx(result.p_escalation[:, order], abs=1e-9)
    assert again.weights == pytest.approx(result.weights, abs=1e-6)


def test_dates_do_not_matter() -> None:
    """All of it a month later: with the same 240 months in sight, the same is said."""
    counts = np.vstack([world(seed) for seed in (3, 4)])
    weights = replay(counts).weights
    said = []
    for shift in (0, 1):
        rows = np.vstack([np.zeros((shift, REGIONS)), counts])
        first = 290 + shift
        known = np.broadcast_to(rows, (48, *rows.shape))
        told = Replay(known, rows, first - 45, weights)
        said.append(backtest(told, range(first, first + 3), TUNING, horizons=(1,)))
    assert said[1].p_escalation == pytest.approx(said[0].p_escalation, abs=1e-3)
    assert said[1].escalated.tolist() == said[0].escalated.tolist()


def test_a_region_without_events_changes_little_and_gets_none(result) -> None:
    counts = np.column_stack([world(), np.zeros(MONTHS)])
    told = replay(counts)
    weights = np.zeros((REGIONS + 1, REGIONS + 1))
    weights[:-1, :-1] = replay(world()).weights
    weights[-1, :-1] = 1 / REGIONS
    again = run(Replay(told.known, counts, FIRST, weights))
    assert (again.p_escalation[:, -1] < 0.25).all()
    assert again.p_escalation[:, :-1] == pytest.approx(result.p_escalation, abs=0.08)


def test_a_null_world_is_forecast_as_often_as_it_escalates() -> None:
    forecast, came, covered = [], [], []
    for seed in range(6):
        told = run(replay(world(seed)))
        forecast.append(told.p_escalation.mean())
        came.append(told.escalated.mean())
        covered.append(told.by_horizon[1].covered[0.95]["combined"].mean())
    error = np.std(came, ddof=1) / np.sqrt(len(came))
    assert abs(np.mean(forecast) - np.mean(came)) < 3 * error + 0.02
    assert np.mean(covered) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize(("size", "least_recall"), [(3, 0.6), (6, 0.8), (12, 0.8)])
def test_a_planted_rise_is_flagged(size: int, least_recall: float) -> None:
    """In a world where violence lasts, six regions rise by ``size`` events a month."""
    rng = np.random.default_rng(11)
    counts = np.zeros((MONTHS, REGIONS))
    recent = np.full(REGIONS, 0.5)
    begins = ORIGINS[3]
    for month in range(MONTHS):
        planted = np.where((np.arange(REGIONS) < 6) & (month >= begins), size, 0)
        counts[month] = rng.poisson(0.05 + 0.9 * recent + planted)
        recent = 0.6 * recent + 0.4 * counts[month]
        if month < begins - 12:  # spells come and go
            recent *= rng.choice([1.0, 0.2], REGIONS, p=[0.95, 0.05])
    flags = run(replay(counts)).p_escalation[:, :6] >= 0.16
    within_two = flags[3:5].any(axis=0).mean()
    assert within_two >= least_recall


def test_weights_are_those_of_the_only_model_that_is_right() -> None:
    y = np.array([0.0, 3.0, 1.0])
    right = np.eye(5)[y.astype(int)]
    wrong = np.full((3, 5), 0.2)
    step = np.arange(5) >= y[:, None]
    miss = np.cumsum(np.stack([wrong, right]), axis=-1) - step
    products = np.einsum("ark,brk->ab", miss, miss)
    assert scores.pool_weights(products) == pytest.approx([0, 1], abs=1e-4)


def test_skill_interval_holds_a_known_gain() -> None:
    reference = np.random.default_rng(2).gamma(5, 1, 54)
    value, low, high = scores.skill(0.9 * reference, reference)
    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert scores.skill(0.9 * reference, reference) == (value, low, high)  # the same every time


def test_crps_is_the_sum_of_squared_misses() -> None:
    # F = 0.2, 0.7, 1; y = 1: 0.2^2 + (0.7 - 1)^2
    assert scores.crps(np.array([[0.2, 0.5, 0.3]]), np.array([1.0])) == pytest.approx([0.13])
    assert scores.log_score(np.array([[0.2, 0.8, 0.0]]), np.array([2.0])) == pytest.approx(
        [-np.log(1e-3)]
    )


def test_alarm_score_by_hand() -> None:
    flags = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], dtype=bool)
    came = np.array([[0, 0], [0, 0], [1, 0], [1, 0]], dtype=bool)
    reached = np.array([[0, 0], [0, 0], [1, 0], [1, 0]])
    told = alarms.alarm_score(flags, came, reached)
    # region 0: onset at origin 2, reached in month 3, flagged at 2 and 1: two months' lead
    assert (told.flagged, told.onsets, told.onsets_warned, told.lead_months) == (4, 1, 1.0, 2.0)
    assert (told.precision, told.recall) == (1 / 4, 1 / 2)
    assert told.false_per_region_year == pytest.approx(3 / 2 / (4 / 12))


def test_hdx_rule_by_hand() -> None:
    deaths = np.zeros((14, 2))
    deaths[:, 0] = 90
    deaths[12], deaths[13] = [120, 99], [110, 100]
    assert alarms.hdx_signals(deaths, 12)[12:].tolist() == [[True, False], [False, True]]


def test_a_useless_feature_gains_nothing(result) -> None:
    noise = np.random.default_rng(8).uniform(0, 1, (MONTHS, REGIONS))
    value, low, high = candidate_gain(replay(world()), ORIGINS, 1, noise, TUNING)
    assert low <= value <= high
    assert value < 0.01
