"""What stands beside a level: drivers that add up, what it hangs on, what is left out."""

import os
import subprocess
import sys
from datetime import date

import numpy as np
import polars as pl
import pytest
from indicators.risk.emergence import _shape, first_events

from indicators.risk import assess as module
from indicators.risk.assess import Assessment, assess
from indicators.risk.panel import Panel, distances_km, neighbour_weights

REGIONS, MONTHS = 8, 90
IDS = [f"MLI.r{n}" for n in range(REGIONS)]


def counts(seed: int = 5) -> np.ndarray:
    """Region 0 rises in the end, regions 6 and 7 never had an event."""
    made = np.random.default_rng(seed).poisson(1.0, (MONTHS, REGIONS)).astype(float)
    made[-2:, 0], made[:, 6:] = [6, 1], 0
    return made


def judged(events: np.ndarray, places: pl.DataFrame | None = None) -> Assessment:
    months = pl.date_range(date(2014, 1, 1), date(2021, 6, 1), "1mo", eager=True)
    series = pl.DataFrame(
        {
            "place_id": np.repeat(IDS, MONTHS),
            "month_start": months.to_list() * REGIONS,
            "value": events.T.ravel(),
            "deaths": 4 * events.T.ravel(),
        }
    )
    return assess(series, located() if places is None else places, date(2021, 7, 25), False)


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
def told() -> Assessment:
    return judged(counts())


def test_drivers_sum_to_the_forecast_and_to_its_log_ratio(told: Assessment) -> None:
    sums = (
        told.drivers.drop_nulls("contribution_events")
        .group_by("region_id")
        .agg(pl.col("contribution_events", "contribution_log").sum())
        .join(told.flags, on="region_id")
        .filter(pl.col("events_next3_mean") > 0.1)
    )
    assert sums.height >= 6
    assert sums["contribution_events"].to_list() == pytest.approx(
        sums["events_next3_mean"].to_list(), rel=1e-3
    )
    rising = sums.filter(region_id=IDS[0])
    assert rising["contribution_log"].item() > 0
    now = rising["contribution_events"].item()
    # the log of a ratio: usual = now / exp(sum) is what the past year's means give
    pool = module._ahead(
        Panel(counts(), neighbour_weights(distances_km(np.arange(8.0), np.full(8, 14.0)), 150))
    )
    assert now / np.exp(rising["contribution_log"].item()) == pytest.approx(
        pool.usual[0].sum(), rel=1e-6
    )


def test_a_level_without_the_newest_event_is_that_of_a_world_without_it(told: Assessment) -> None:
    flagged = told.flags.filter(pl.col("level") != "none")
    region = flagged["region_id"][0]
    number = IDS.index(region)
    without = counts()
    without[np.flatnonzero(without[:, number])[-1], number] -= 1
    again = judged(without).flags.filter(region_id=region)
    row = flagged.filter(region_id=region)
    assert row["p_without_newest_event"].item() == pytest.approx(again["p_escalation"].item())
    assert row["level_without_newest_event"].item() == again["level"].item()
    calm = told.flags.filter(level="none")
    assert calm["level_without_newest_event"].null_count() == calm.height > 0


def test_a_region_whose_fit_fails_rests_on_the_others_and_says_so(told: Assessment) -> None:
    lost = located().with_columns(
        pl.when(pl.col("region_id") != IDS[2]).then(pl.col("centroid_longitude")),
    )
    found = judged(counts(), lost)
    assert found.flags["models_left_out"].to_list() == [
        "self_exciting, negbin_region" if n == 2 else None for n in range(REGIONS)
    ]
    past = found.forecasts.filter(region_id=IDS[2], horizon_months=1)
    assert past["model"].to_list() == ["combined", "conflictology"]
    assert past["events_mean"][0] == pytest.approx(past["events_mean"][1])
    assert found.drivers.filter(region_id=IDS[2], driver="neighbours")["value"].to_list() == [None]
    assert told.flags["models_left_out"].null_count() == REGIONS


def test_without_a_fit_at_all_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("Matrix is not positive definite")

    monkeypatch.setattr(module.models, "self_exciting", fails)
    found = judged(counts())
    assert set(found.flags["models_left_out"]) == {"self_exciting"}
    sums = found.drivers.group_by("region_id").agg(pl.col("contribution_events").sum())
    both = sums.join(found.flags, on="region_id")
    assert both["contribution_events"].to_list() == pytest.approx(
        both["events_next3_mean"].to_list(), rel=1e-2
    )


def test_deaths_are_forecast_beside_events(told: Assessment) -> None:
    many = counts()
    many[-12:, 1] = 8  # 32 deaths each month
    found = judged(many).flags.filter(pl.col("region_id").is_in(IDS[1:3]))
    likely, unlikely = found["p_25_deaths_next_month"].to_list()
    assert likely > 0.5 > 0.05 > unlikely


def test_first_events_come_from_near_violence_and_from_experience() -> None:
    places = distances_km(np.array([0.0, 1, 2, 30, 31]), np.full(5, 14.0))
    weights = neighbour_weights(places, 150.0)
    rng = np.random.default_rng(2)
    events = np.zeros((200, 5))
    events[:, 0] = rng.poisson(3, 200)  # regions 1 and 2 lie beside it, 3 and 4 far away
    events[[141, 155, 169, 183], 1] = 1
    events[170, 2] = 1
    found = first_events(Panel(events, weights), places, 3)
    assert np.isnan(found.chance[0])  # not quiet
    assert found.chance[1] > found.chance[2] > found.chance[3]
    assert found.nearest[1:].tolist() == [0, 0, 0, 0]
    assert found.nearest_km[1] == pytest.approx(107.9, abs=0.1)
    assert np.isnan(found.nearest_km[0])  # no other region is active
    assert np.isnan(first_events(Panel(events[:140], weights), places, 3).chance).all()


def test_how_regions_differ_is_found_again() -> None:
    rng = np.random.default_rng(3)
    foretold = rng.uniform(0.5, 4, 20_000)
    for shape in (0.5, 2.0, 8.0):
        seen = rng.poisson(rng.gamma(shape, 1 / shape, foretold.size) * foretold)
        assert _shape(seen, foretold) == pytest.approx(shape, rel=0.2)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_figures_do_not_depend_on_cores(threads: str, told: Assessment) -> None:
    """Another process with this many threads finds the same figures."""
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from test_assess import counts, judged\n"
        "print(judged(counts()).flags.write_json())"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **dict.fromkeys(names, threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == told.flags.write_json()
