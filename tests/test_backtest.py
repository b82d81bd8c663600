"""The back-test against worlds whose truth is known, and what must not change."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from statsmodels.genmod.generalized_linear_model import GLM

from config.vocabulary import FIRST_DAY
from conftest import peak_bytes
from indicators.risk import alarms, scores
from indicators.risk.backtest import BacktestResult, backtest
from indicators.risk.candidates import candidate_gain
from indicators.risk.mixtures import CountMixture
from indicators.risk.models import LEAST_MEAN
from indicators.risk.panel import Panel
from indicators.risk.pool import tuning
from indicators.risk.regression import log_linear
from indicators.risk.vintages import Origin, Vintages

BLOCKS, REGIONS, GAP = 120, 12, 20
LAST = range(105, 111)  # blocks after which the scored nights lie
PLACES = np.random.default_rng(1).uniform(0, 5, (2, REGIONS + 1))


def world(seed: int = 3, mean: float = 1.2) -> np.ndarray:
    """Stationary negative binomial counts, blocks of thirty days x regions."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, mean / 2, REGIONS)
    return rng.negative_binomial(1.0, 1 / (1 + rates), (BLOCKS, REGIONS)).astype(int)


def vintages_of(counts: np.ndarray, late_days: int = 0) -> Vintages:
    """Events on a fixed day of each block, known ``late_days`` after they happened."""
    block, region = np.nonzero(counts)
    number = counts[block, region]
    block, region = np.repeat(block, number), np.repeat(region, number)
    days = 30 * block + 7 * region % 30
    day = [FIRST_DAY + timedelta(days=int(number)) for number in days]
    events = pl.DataFrame(
        {
            "event_date": day,
            "country_code": "MLI",
            "region_id": [f"MLI.r{r:02}" for r in region],
            "deaths_best_count": 2,
            "known_from": [
                datetime.combine(d + timedelta(days=late_days), datetime.min.time()) for d in day
            ],
        },
    ).with_columns(known_to=pl.lit(None, pl.Datetime))
    regions = counts.shape[1]
    places = pl.DataFrame(
        {
            "region_id": [f"MLI.r{r:02}" for r in range(regions)],
            "country_code": "MLI",
            "centroid_longitude": PLACES[0, :regions],
            "centroid_latitude": PLACES[1, :regions],
        }
    )
    return Vintages(events, places)


def nights(blocks: range = LAST) -> list[Origin]:
    ends = [FIRST_DAY + timedelta(days=30 * (block + 1) - 1) for block in blocks]
    return [Origin(end + timedelta(days=GAP), end) for end in ends]


def backtest_of(vintages: Vintages) -> BacktestResult:
    return backtest(vintages, nights(), horizons=(1,))


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return backtest_of(vintages_of(world()))


def test_no_forecast_knows_what_came_after_its_last_day_known(result: BacktestResult) -> None:
    changed = world()
    changed[LAST[0] + 1 :] += 7
    again = backtest_of(vintages_of(changed))
    assert again.p_escalation[0] == pytest.approx(result.p_escalation[0], abs=1e-12)
    assert again.threshold[0].tolist() == result.threshold[0].tolist()
    assert not np.allclose(again.p_escalation[3], result.p_escalation[3])


def test_what_was_not_yet_believed_is_not_used(result: BacktestResult) -> None:
    late = backtest_of(vintages_of(world(), late_days=45))
    assert late.counts[0].sum() < result.counts[0].sum()
    assert late.by_horizon[1].observed.tolist() == result.by_horizon[1].observed.tolist()


def test_outcomes_are_counted_from_the_night() -> None:
    """Region 0 has its event on the first day of a block, nights lie twenty days into one."""
    counts = np.zeros((BLOCKS, REGIONS), dtype=int)
    counts[LAST[0] + 2, 0] = 5
    counts[:, 1] = 1  # something to learn from
    scored = backtest_of(vintages_of(counts))
    # night: day 20 of block LAST[0] + 1; its first window ends on day 20 of LAST[0] + 2
    assert scored.by_horizon[1].observed[:2, 0].tolist() == [5, 0]
    assert scored.blocks_to_threshold[:2, 0].tolist() == [1, 0]
    assert scored.escalated[:2, 0].tolist() == [True, False]


def test_order_of_regions_does_not_matter(result: BacktestResult) -> None:
    vintages = vintages_of(world())
    order = np.random.default_rng(5).permutation(REGIONS)
    names = {f"MLI.r{old:02}": f"MLI.r{new:02}" for new, old in enumerate(order)}
    turned = Vintages(
        vintages.versions.with_columns(pl.col("region_id").replace_strict(names)),
        vintages.regions.with_columns(pl.col("region_id").replace_strict(names)).sort("region_id"),
    )
    assert backtest_of(turned).p_escalation == pytest.approx(
        result.p_escalation[:, order], abs=1e-9
    )


def test_a_region_without_events_changes_little_and_gets_none(result: BacktestResult) -> None:
    again = backtest_of(vintages_of(np.column_stack([world(), np.zeros(BLOCKS, dtype=int)])))
    assert (again.p_escalation[:, -1] < 0.25).all()
    assert again.p_escalation[:, :-1] == pytest.approx(result.p_escalation, abs=0.08)


def test_a_null_world_is_forecast_as_often_as_it_escalates() -> None:
    forecast, observed, is_covered = [], [], []
    for seed in range(6):
        scored = backtest_of(vintages_of(world(seed)))
        forecast.append(scored.p_escalation.mean())
        observed.append(scored.escalated.mean())
        pit = scored.by_horizon[1].pit["combined"]
        is_covered.append((np.abs(pit - 0.5) < 0.475).mean())
    error = np.std(observed, ddof=1) / np.sqrt(len(observed))
    assert abs(np.mean(forecast) - np.mean(observed)) < 3 * error + 0.02
    assert np.mean(is_covered) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("size", [3, 8])
def test_a_planted_rise_is_flagged(size: int) -> None:
    """In a world where violence lasts, six regions rise by ``size`` events a block."""
    rng = np.random.default_rng(11)
    counts = np.zeros((BLOCKS, REGIONS), dtype=int)
    recent = np.full(REGIONS, 0.5)
    begins = LAST[1]
    for block in range(BLOCKS):
        planted = np.where((np.arange(REGIONS) < 6) & (block >= begins), size, 0)
        counts[block] = rng.poisson(0.05 + 0.9 * recent + planted)
        recent = 0.6 * recent + 0.4 * counts[block]
        if block < begins - 12:  # spells come and go
            recent *= rng.choice([1.0, 0.2], REGIONS, p=[0.95, 0.05])
    flags = backtest_of(vintages_of(counts)).p_escalation[:, :6] >= 0.2
    assert flags[1:3].any(axis=0).mean() >= 0.6


def test_the_weight_is_that_of_the_model_that_is_right() -> None:
    """A pool of one sure to see no event and one sure to see three."""
    pool = CountMixture(np.ones(1), np.full(1, 1e-9), np.ones(1), np.full((1, 12), 3.0))
    losses = {came: scores.pool_losses(pool, np.array([came])) for came in (0.0, 3.0)}
    for came, best in ((0.0, 1.0), (3.0, 0.0)):
        crps, bits, intervals = losses[came]
        assert crps[-1 if came == 0 else 0] == pytest.approx(0, abs=1e-6)
        assert scores.WEIGHTS[np.argmin(crps + bits)] == best
        # sure of the wrong one: three events missed at twenty each; at a half both are within
        assert intervals[[0, 10, -1]].tolist() == ([60, 3, 0] if came == 0 else [0, 3, 60])
    assert scores.best_weight([(3.0, losses[0.0]), (1.0, losses[3.0])]) > 0.5
    assert scores.best_weight([(1.0, losses[0.0]), (3.0, losses[3.0])]) < 0.5


def test_skill_interval_holds_a_known_gain() -> None:
    reference = np.random.default_rng(2).gamma(5, 1, 54)
    value, low, high = scores.skill(0.9 * reference, reference)
    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert scores.skill(0.9 * reference, reference) == (value, low, high)  # the same every time


def test_scores_by_hand() -> None:
    # F = 0.5, 0.5, 0.5, 1: CRPS of 1 is 0.25 + 0.25 + 0.25; above 2 alone the last of them
    two = CountMixture(np.zeros(1), np.ones(1), np.ones(1), np.array([[0.0, 3.0]]))
    one = np.array([1.0])
    assert scores.crps(two, one) == pytest.approx([0.75])
    assert scores.crps(two, one, above=2) == pytest.approx([0.25])
    # bins 0, 1-2, 3-5, ...: a half in the first and third, (0.5 * 1000 + 1) / 1011 of 0
    assert scores.ignorance(two, np.zeros(1)) == pytest.approx([-np.log2(501 / 1011)])
    assert scores.ignorance(two, one) == pytest.approx([-np.log2(1 / 1011)])
    # 90%: from 0 to 3, and twenty times the distance by which 5 lies outside
    assert scores.interval_score(two, np.array([5.0])) == pytest.approx([3 + 20 * 2])
    assert scores.randomised_pit(two, np.zeros(1), np.array([0.5])) == pytest.approx([0.25])


def test_crps_of_large_counts_is_that_of_the_closed_form() -> None:
    from scoringrules import crps_negbinom

    mean, alpha, observed = (
        np.array([40.0, 3_000.0]),
        np.array([0.5, 2.0]),
        np.array([10.0, 61_369.0]),
    )
    pool = CountMixture(np.ones(2), mean, alpha, np.zeros((2, 1)))
    exact = crps_negbinom(observed, 1 / alpha, mu=mean)
    assert scores.crps(pool, observed) == pytest.approx(exact, rel=2e-3)


def test_crps_of_many_forecasts_is_worked_out_in_parts(monkeypatch) -> None:
    rng = np.random.default_rng(1)
    pool = CountMixture(*rng.uniform(0.1, 1, (3, 2000)), rng.poisson(2, (2000, 12)).astype(float))
    observed = rng.poisson(1, 2000).astype(float)
    whole, whole_peak = peak_bytes(lambda: scores.crps(pool, observed))
    monkeypatch.setattr("indicators.arrays.MOST_CELLS", 30_000)
    parts, peak = peak_bytes(lambda: scores.crps(pool, observed))
    assert parts.tolist() == whole.tolist()
    assert peak < whole_peak / 5


def test_alarm_score_by_hand() -> None:
    flags = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], dtype=bool)
    observed = np.array([[0, 0], [0, 0], [1, 0], [1, 0]], dtype=bool)
    blocks_to_threshold = np.array([[0, 0], [0, 0], [1, 0], [1, 0]])
    score = alarms.alarm_score(flags, observed, blocks_to_threshold)
    # region 0: onset at origin 2, reached in month 3, flagged at 2 and 1: two months' lead
    assert (score.flagged, score.onsets, score.onsets_warned, score.lead_months) == (4, 1, 1.0, 2.0)
    assert (score.precision, score.recall) == (1 / 4, 1 / 2)
    assert score.false_per_region_year == pytest.approx(3 / 2 / (4 / 12))


def test_hdx_rule_by_hand() -> None:
    deaths = np.zeros((14, 2))
    deaths[:, 0] = 90
    deaths[12], deaths[13] = [120, 99], [110, 100]
    assert alarms.hdx_signals(deaths, 12)[12:].tolist() == [[True, False], [False, True]]


def test_a_useless_feature_gains_nothing() -> None:
    def noise(origin: Origin, _: object, panel: Panel) -> Panel:
        shape = (*panel.features.shape[:2], 1)
        column = np.random.default_rng(origin.night.toordinal()).uniform(0, 1, shape)
        return replace(panel, features=np.concatenate([panel.features, column], axis=-1))

    value, low, high = candidate_gain(vintages_of(world()), nights(), 1, noise)
    assert low <= value <= high
    assert value < 0.01


def test_origins_begin_when_their_month_was_whole() -> None:
    from flows.backtest import origins_between

    assert origins_between(date(2021, 12, 1), date(2022, 1, 1)) == [
        Origin(date(2022, 1, 20), date(2021, 12, 31)),
        Origin(date(2022, 2, 20), date(2022, 1, 31)),
    ]


def test_log_linear_baseline_solves_its_equation() -> None:
    rng = np.random.default_rng(5)
    nights, places, half_life = 200, 6, 40.0
    features = np.stack(
        [rng.gamma(1, 2, (nights + 1, places)), np.full((nights + 1, places), np.e - 1)], axis=2
    )
    features[:, -1, 0] = np.nan  # of a place whose neighbours are not known
    log_mean = 0.7 * np.log1p(np.nan_to_num(features[:-1, :, 0])) - 0.5
    observed = rng.poisson(np.exp(log_mean)).astype(float)
    panel = Panel(
        counts=np.zeros((nights + 1, places)),
        features=features,
        cumulative=np.cumsum(np.vstack([np.zeros((2, places)), observed]), axis=0),
        gap_blocks=0,
        names=("own_30", "constant"),
    )
    tuned = replace(tuning(), history_blocks=150, history_half_life=half_life)
    mean, dispersion = log_linear(panel, 1, 1, tuned)
    assert np.isnan(mean[-1]) and np.isfinite(mean[:-1]).all()
    assert mean[:-1] == pytest.approx(np.exp(0.7 * np.log1p(features[-1, :-1, 0]) - 0.5), rel=0.2)
    scale = dispersion[:-1] * mean[:-1] ** tuned.dispersion_power
    assert scale == pytest.approx(np.full(5, scale[0]))
    # sum_i w_i log(1 + x_i) (y_i - mu_i) = 0 on the newest 150 nights, weighed by age
    x = np.log1p(features[-1, :-1])
    b = np.linalg.lstsq(x, np.log(mean[:-1]), rcond=None)[0]
    x, y = np.log1p(features[50:-1, :-1]), observed[50:, :-1]
    weight = 0.5 ** (np.arange(150)[::-1] / half_life)
    score = np.einsum("n,npf,np->f", weight, x, y - np.exp(x @ b))
    assert score == pytest.approx([0, 0], abs=1e-4)
    nothing = replace(panel, cumulative=np.zeros_like(panel.cumulative))
    assert log_linear(nothing, 1, 1, tuned)[0].tolist() == [LEAST_MEAN] * places
    steep = np.sqrt(features)  # b > 1
    steep[-1, 0, 0] = 1e308  # its mean overflows
    assert np.isnan(log_linear(replace(panel, features=steep), 1, 1, tuned)[0]).all()


def test_conflictology_stands_in_where_the_log_linear_fit_diverges(monkeypatch) -> None:
    def diverging(_: object) -> None:
        raise FloatingPointError

    monkeypatch.setattr(GLM, "fit", diverging)
    crps = backtest_of(vintages_of(world())).by_horizon[1].by_measure["crps"]
    assert crps["log_linear"].tolist() == crps["conflictology"].tolist()
