"""What stands beside a level: drivers that add up, what it hangs on, what is left out."""

import os
import subprocess
import sys
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from config.vocabulary import FIRST_DAY
from indicators.risk import models
from indicators.risk.assess import Assessment, assess

REGIONS, BLOCKS = 8, 90
IDS = [f"MLI.r{n}" for n in range(REGIONS)]
KNOWN_UNTIL = FIRST_DAY + timedelta(days=30 * BLOCKS - 1)
NIGHT = KNOWN_UNTIL + timedelta(days=25)


def counts(seed: int = 5) -> np.ndarray:
    """Region 0 rises after a quiet year, regions 6 and 7 never had an event."""
    numbers = np.random.default_rng(seed).poisson(0.5, (BLOCKS, REGIONS))
    numbers[-12:, 0], numbers[:, 6:] = 0, 0
    numbers[-2:, 0] = [2, 1]
    return numbers


def events_of(number: np.ndarray, deaths: int = 4) -> pl.DataFrame:
    """Each event on the fifth day of its block."""
    block, region = np.nonzero(number)
    times = number[block, region]
    days = [FIRST_DAY + timedelta(days=30 * int(b) + 4) for b in np.repeat(block, times)]
    return pl.DataFrame(
        {
            "event_date": days,
            "country_code": "MLI",
            "region_id": [IDS[r] for r in np.repeat(region, times)],
            "deaths_best_count": deaths,
        }
    )


def assess_counts(number: np.ndarray, places: pl.DataFrame | None = None) -> Assessment:
    where = located() if places is None else places
    return assess(events_of(number), where, KNOWN_UNTIL, NIGHT, False)


def located() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "region_id": IDS,
            "country_code": "MLI",
            "country_name": "Mali",
            "region_name": IDS,
            "centroid_longitude": np.arange(REGIONS) / 1.0,
            "centroid_latitude": 14.0,
        }
    )


@pytest.fixture(scope="module")
def assessment() -> Assessment:
    return assess_counts(counts())


def test_windows_begin_the_day_after_the_night(assessment: Assessment) -> None:
    row = assessment.flags.row(0, named=True)
    assert row["window_start_date"] == NIGHT + timedelta(days=1)
    assert row["window_end_date"] == NIGHT + timedelta(days=90)
    second = assessment.forecasts.filter(region_id=IDS[0], model="combined", horizon_months=2)
    assert second["window_start_date"].item() == NIGHT + timedelta(days=31)
    assert second["window_end_date"].item() == NIGHT + timedelta(days=60)


def test_a_night_without_new_figures_moves_its_window(assessment: Assessment) -> None:
    later = assess(events_of(counts()), located(), KNOWN_UNTIL, NIGHT + timedelta(days=10), False)
    assert later.flags["window_start_date"][0] == NIGHT + timedelta(days=11)
    assert (
        later.flags["events_past12_mean"].to_list()
        == assessment.flags["events_past12_mean"].to_list()
    )
    assert later.flags["p_escalation"].to_list() != assessment.flags["p_escalation"].to_list()


def test_events_after_the_last_day_known_are_not_used(assessment: Assessment) -> None:
    late = events_of(counts()).head(3).with_columns(event_date=KNOWN_UNTIL + timedelta(days=1))
    again = assess(pl.concat([events_of(counts()), late]), located(), KNOWN_UNTIL, NIGHT, False)
    assert again.flags.equals(assessment.flags)


def test_drivers_sum_to_the_forecast_and_to_its_log_ratio(assessment: Assessment) -> None:
    sums = (
        assessment.drivers.drop_nulls("contribution_events")
        .group_by("region_id")
        .agg(pl.col("contribution_events", "contribution_log").sum())
        .join(assessment.flags, on="region_id")
        .filter(pl.col("events_next3_mean") > 0.1)
    )
    assert sums.height >= 5
    assert sums["contribution_events"].to_list() == pytest.approx(
        sums["events_next3_mean"].to_list(), rel=1e-3
    )
    assert sums.filter(region_id=IDS[0])["contribution_log"].item() > 0


def test_a_level_without_the_newest_event_is_the_models_without_it(assessment: Assessment) -> None:
    flagged = assessment.flags.filter(pl.col("level") != "none")
    region = flagged["region_id"][0]
    number = IDS.index(region)
    without = counts()
    without[np.flatnonzero(without[:, number])[-1], number] -= 1
    again = assess_counts(without).flags.filter(region_id=region)
    row = flagged.filter(region_id=region)
    # by the model of the night, not fitted anew: one event of five hundred moves it little
    assert row["p_without_newest_event"].item() == pytest.approx(
        again["p_escalation"].item(), abs=0.02
    )
    calm = assessment.flags.filter(level="none")
    assert calm["level_without_newest_event"].null_count() == calm.height > 0


def test_what_would_lift_a_level_lifts_it(assessment: Assessment) -> None:
    row = assessment.flags.filter(region_id=IDS[0])
    needed = row["events_to_next_level_count"].item()
    assert needed is not None
    rank = {"none": 0, "watch": 1, "warning": 2, "alarm": 3}
    more = events_of(counts())
    added = more.head(needed).with_columns(
        region_id=pl.lit(IDS[0]), event_date=pl.lit(KNOWN_UNTIL), deaths_best_count=pl.lit(4)
    )
    again = assess(pl.concat([more, added]), located(), KNOWN_UNTIL, NIGHT, False)
    after = again.flags.filter(region_id=IDS[0])["level"].item()
    assert rank[after] > rank[row["level"].item()]


def test_a_level_may_fall_when_all_stays_quiet(assessment: Assessment) -> None:
    flagged = assessment.flags.filter(pl.col("level") != "none")
    falls = flagged["may_fall_on_date"].drop_nulls()
    assert falls.len() > 0
    assert ((falls - NIGHT).dt.total_days() % 7 == 0).all()
    assert assessment.flags.filter(level="none")["may_fall_on_date"].null_count() > 0


def test_a_region_whose_place_is_not_known_rests_on_the_other_model(assessment: Assessment) -> None:
    lost = located().with_columns(
        pl.when(pl.col("region_id") != IDS[2]).then(pl.col("centroid_longitude")),
    )
    other = assess_counts(counts(), lost)
    assert other.flags["models_left_out"].to_list() == [
        "self_exciting" if n == 2 else None for n in range(REGIONS)
    ]
    past = other.forecasts.filter(region_id=IDS[2], horizon_months=1)
    assert past["model"].to_list() == ["combined", "conflictology"]
    assert past["events_mean"][0] == pytest.approx(past["events_mean"][1])
    assert other.drivers.filter(region_id=IDS[2], driver="neighbours")["value"].to_list() == [None]
    nearest = other.drivers.filter(region_id=IDS[2], driver="nearest_active_km")
    assert nearest.select("value", "detail").row(0) == (None, None)
    assert assessment.flags["models_left_out"].null_count() == REGIONS


def test_without_a_fit_at_all_the_other_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("Matrix is not positive definite")

    monkeypatch.setattr(models, "fit_self_exciting", fails)
    other = assess_counts(counts())
    assert set(other.flags["models_left_out"]) == {"self_exciting"}
    sums = other.drivers.group_by("region_id").agg(pl.col("contribution_events").sum())
    both = sums.join(other.flags, on="region_id")
    assert both["contribution_events"].to_list() == pytest.approx(
        both["events_next3_mean"].to_list(), rel=1e-2
    )


def test_deaths_are_forecast_beside_events() -> None:
    many = counts()
    many[-12:, 1] = 8  # 32 deaths in thirty days
    other = assess_counts(many).flags.filter(pl.col("region_id").is_in(IDS[1:3]))
    likely, unlikely = other["p_25_deaths_next_month"].to_list()
    assert likely > 0.5 > 0.05 > unlikely
    assert other["deaths_next3_mean"][0] > other["deaths_next3_mean"][1]


def test_a_country_is_the_sum_of_its_regions_and_of_what_no_region_holds() -> None:
    whole = assess_counts(counts())
    regions = whole.forecasts.filter(model="combined", horizon_months=1)["events_mean"].sum()
    country = whole.country_forecasts.filter(horizon_months=1)
    assert country["events_mean"].item() == pytest.approx(regions, rel=0.01)
    unplaced = (
        events_of(counts()).filter(region_id=IDS[0]).with_columns(region_id=pl.lit(None, pl.String))
    )
    more = assess(
        pl.concat([events_of(counts()), unplaced]), located(), KNOWN_UNTIL, NIGHT, False
    ).country_forecasts.filter(horizon_months=1)
    added = 3 / 12  # its past year: three events in twelve blocks
    assert more["events_mean"].item() == pytest.approx(country["events_mean"].item() + added)
    assert country["events_q025"].item() < country["events_q975"].item()


def test_one_great_month_costs_nothing_and_hurts_no_other_region(assessment: Assessment) -> None:
    events = events_of(counts())
    great = events.head(1).with_columns(
        region_id=pl.lit(IDS[1]), event_date=pl.lit(KNOWN_UNTIL - timedelta(days=3)),
        deaths_best_count=pl.lit(61_369, events["deaths_best_count"].dtype),
    )  # fmt: skip
    other = assess(pl.concat([events, great]), located(), KNOWN_UNTIL, NIGHT, False)
    far = other.flags.filter(region_id=IDS[5])
    before = assessment.flags.filter(region_id=IDS[5])
    assert far["p_escalation"].item() == pytest.approx(before["p_escalation"].item(), abs=0.02)
    assert other.flags.filter(region_id=IDS[1])["deaths_next3_mean"].item() > 1_000
    assert other.forecasts["deaths_q975"].is_finite().all()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_figures_do_not_depend_on_cores(threads: str, assessment: Assessment) -> None:
    """Another process with this many threads finds the same figures."""
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from test_assess import assess_counts, counts\n"
        "print(assess_counts(counts()).flags.write_json())"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **dict.fromkeys(names, threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == assessment.flags.write_json()


def test_the_earliest_night_has_figures() -> None:
    """Thirteen blocks: nothing to fit six months ahead on, and no error."""
    short = FIRST_DAY + timedelta(days=30 * 13 - 1)
    events = events_of(counts()).filter(pl.col("event_date") <= date(1990, 6, 1))
    other = assess(events, located(), short, short + timedelta(days=20), False)
    assert other.flags.height == REGIONS
    assert other.flags["p_escalation"].is_between(0, 1).all()


def test_after_a_quiet_half_year_no_region_is_named_as_the_nearest_active_one() -> None:
    quiet = counts()
    quiet[-6:] = 0
    nearest = assess_counts(quiet).drivers.filter(driver="nearest_active_km")
    assert nearest.height == REGIONS
    assert nearest["value"].null_count() == nearest["detail"].null_count() == REGIONS
