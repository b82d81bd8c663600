"""VIEWS' windows: what a forecast of a year rests on, and scores by hand."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from indicators.risk.views_windows import YearForecasts, forecast_year, score_year

REGIONS = pl.DataFrame(
    {
        "region_id": ["MLI.a", "MLI.b", "NER.a"],
        "country_code": ["MLI", "MLI", "NER"],
        "centroid_longitude": [0.0, 1.0, 5.0],
        "centroid_latitude": [14.0, 14.0, 14.0],
    }
)


def versions(later_deaths: int = 3, kind: str = "state_based") -> pl.DataFrame:
    """An event a month in each region of 2000 to 2020; those after October 2019 are larger."""
    days = pl.date_range(date(2000, 1, 9), date(2020, 12, 9), "1mo", eager=True).to_list()
    rows = [(day, place) for day in days for place in ("MLI.a", "MLI.b", "NER.a", None)]
    late = date(2019, 10, 31)
    return pl.DataFrame(
        {
            "event_date": [day for day, _ in rows],
            "region_id": [place for _, place in rows],
            "country_code": ["NER" if place == "NER.a" else "MLI" for _, place in rows],
            "deaths_best_count": [later_deaths if day > late else 3 for day, _ in rows],
            "violence_type": kind,
            "known_from": [datetime(day.year, day.month, 28) for day, _ in rows],
            "known_to": pl.Series([None] * len(rows), dtype=pl.Datetime),
        }
    )


@pytest.fixture(scope="module")
def of_2020() -> YearForecasts:
    return forecast_year(versions(), REGIONS, 2020)


def test_the_months_are_those_of_the_year_with_or_without_a_region(of_2020: YearForecasts) -> None:
    assert of_2020.codes == ["MLI", "NER"]
    assert of_2020.observed.tolist() == [[9.0, 3.0]] * 12  # two regions and one known to Mali only
    assert {name: len(pools) for name, pools in of_2020.by_model.items()} == {
        "conflictology": 12, "core": 12, "country": 12,
    }  # fmt: skip


def test_nothing_after_october_moves_a_forecast(of_2020: YearForecasts) -> None:
    withdrawn = versions(300).with_columns(
        pl.when(pl.col("event_date") > date(2020, 2, 1)).then(pl.lit(0)).otherwise(
            pl.col("deaths_best_count")).alias("deaths_best_count")
    )  # fmt: skip
    # a version of October that became known only after the night counts as little
    unknown = withdrawn.filter(event_date=date(2019, 10, 9)).with_columns(
        deaths_best_count=pl.lit(900, dtype=pl.Int64), known_from=datetime(2020, 1, 2)
    )
    again = forecast_year(pl.concat([withdrawn, unknown]), REGIONS, 2020)
    for name, pools in of_2020.by_model.items():
        for one, other in zip(pools, again.by_model[name], strict=True):
            assert other.expected().tolist() == one.expected().tolist()
            assert other.draws.tolist() == one.draws.tolist()


def test_conflictology_is_the_twelve_months_to_october(of_2020: YearForecasts) -> None:
    pool = of_2020.by_model["conflictology"][0]
    assert pool.draws.tolist() == [[9.0] * 12, [3.0] * 12]
    scored = score_year(of_2020, 2020).filter(model="conflictology")
    assert scored["crps"].to_list() == pytest.approx([0.0] * 24, abs=1e-12)
    # all thousand draws and one more in the bin of what came, eleven more in all
    assert scored["ignorance"].to_list() == pytest.approx([np.log2(1011 / 1001)] * 24)
    assert scored["interval_score"].to_list() == pytest.approx([0.0] * 24)


def test_a_steady_country_is_forecast_at_its_mean(of_2020: YearForecasts) -> None:
    """Three deaths a month are 36 / 365.25 a day; a month is as long as it is."""
    for name in ("core", "country"):
        january, february = (pool.mean for pool in of_2020.by_model[name][:2])
        assert january == pytest.approx(np.array([9, 3]) * 31 / 30.4375, rel=0.03)
        assert february / january == pytest.approx(np.full(2, 29 / 31), rel=0.02)


def test_other_kinds_of_violence_do_not_count() -> None:
    assert forecast_year(versions(kind="one_sided"), REGIONS, 2020).observed.sum() == 0
