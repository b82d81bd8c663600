"""Forecasts that rest on a second event source: what helps enters, what does not stays out.

The world is made: violence comes in waves; the slow source knows them up to a month's end, the
fast one sees six in ten events within a week.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import life
from config.vocabulary import FIRST_DAY
from indicators.risk.assess import Assessment, assess
from indicators.risk.panel import AuxiliarySeries, EventDays, auxiliary_features
from indicators.risk.vintages import NO_CLOCKS, NO_COUNTS

REGIONS, DAYS = 10, 30 * 140
IDS = [f"MLI.r{n:02}" for n in range(REGIONS)]
KNOWN_UNTIL = FIRST_DAY + timedelta(days=DAYS - 40)
NIGHT = FIRST_DAY + timedelta(days=DAYS - 1)
REGION_FRAME = pl.DataFrame(
    {
        "region_id": IDS,
        "country_code": "MLI",
        "country_name": "Mali",
        "region_name": IDS,
        "centroid_longitude": np.arange(REGIONS) * 2.0,
        "centroid_latitude": 14.0,
    }
)


def waves(seed: int = 3) -> np.ndarray:
    """Events by day and region: a rate that jumps now and then and decays within weeks."""
    rng = np.random.default_rng(seed)
    jumps = (rng.random((DAYS, REGIONS)) < 1 / 250) * rng.gamma(2, 0.12, (DAYS, REGIONS))
    rate, rates = np.zeros(REGIONS), np.empty((DAYS, REGIONS))
    for day in range(DAYS):
        rate = 0.97 * rate + jumps[day]
        rates[day] = rate + 0.005
    return rng.poisson(rates)


def events_of(counts: np.ndarray) -> pl.DataFrame:
    day, region = np.nonzero(counts)
    times = counts[day, region]
    return pl.DataFrame(
        {
            "event_date": [FIRST_DAY + timedelta(days=int(d)) for d in np.repeat(day, times)],
            "country_code": "MLI",
            "region_id": [IDS[r] for r in np.repeat(region, times)],
            "deaths_best_count": 2,
        }
    )


def counts_of(counts: np.ndarray, source: str = "fast") -> pl.DataFrame:
    """As ``core.auxiliary_count``."""
    day, region = np.nonzero(counts)
    return pl.DataFrame(
        {
            "source": source,
            "series": f"{source}_battles",
            "place_id": [IDS[r] for r in region],
            "event_date": [FIRST_DAY + timedelta(days=int(d)) for d in day],
            "known_from": None,
            "known_to": None,
            "events_count": counts[day, region].astype(float),
            "deaths_count": 2.0 * counts[day, region],
        },
        schema=NO_COUNTS.schema,
    )


def clock(
    source: str = "fast", until: date = NIGHT - timedelta(days=7), why_not: str | None = None
) -> pl.DataFrame:
    return pl.DataFrame(
        [(source, FIRST_DAY, until, False, why_not)], NO_CLOCKS.schema, orient="row"
    )


def assessed(counts: pl.DataFrame = NO_COUNTS, clocks: pl.DataFrame = NO_CLOCKS) -> Assessment:
    return assess(
        events_of(waves()), REGION_FRAME, KNOWN_UNTIL, NIGHT, False, counts=counts, clocks=clocks
    )


def reported_counts(share: float = 0.6) -> np.ndarray:
    return np.random.default_rng(8).binomial(waves(), share)


def noise() -> np.ndarray:
    return np.random.default_rng(9).poisson(waves().mean(), (DAYS, REGIONS))


@pytest.fixture(scope="module")
def rested() -> Assessment:
    """With a source that sees and one that tells nothing."""
    return assessed(
        pl.concat([counts_of(reported_counts()), counts_of(noise(), "noise")]),
        pl.concat([clock(), clock("noise")]),
    )


@pytest.fixture(scope="module")
def alone() -> Assessment:
    return assessed()


def test_a_source_that_sees_earlier_is_rested_on_and_a_useless_one_is_not(rested) -> None:
    said = {row["source"]: row for row in rested.event_sources.to_dicts()}
    fast, useless = said["fast"], said["noise"]
    assert fast["why_not"] is None
    assert 0 < fast["crps_gain_low_share"] < fast["crps_gain_share"]
    assert fast["gain_nights_count"] == 60
    assert useless["why_not"] == "no_gain"
    assert useless["crps_gain_low_share"] <= 0


def test_what_it_adds_is_told_as_a_driver_and_adds_up(rested) -> None:
    drivers = rested.drivers.filter(pl.col("contribution_events").is_not_null())
    added = drivers.filter(driver="other_sources")
    assert added.height == REGIONS and added["contribution_events"].max() > 0.5
    sums = drivers.group_by("region_id").agg(pl.col("contribution_events").sum())
    joined = sums.join(rested.flags, on="region_id")
    assert joined["contribution_events"].to_list() == pytest.approx(
        joined["events_next3_mean"].to_list(), rel=1e-9
    )


def test_without_it_nothing_is_another(alone) -> None:
    """A source that is off, or refused, leaves the forecast of one source to the bit."""
    without = assessed(counts_of(reported_counts()), clock(why_not="failed"))
    assert without.event_sources["why_not"].to_list() == ["failed"]
    for name in ("forecasts", "country_forecasts", "flags", "drivers"):
        assert getattr(without, name).equals(getattr(alone, name)), name
    assert "other_sources" not in alone.drivers["driver"]


@pytest.mark.parametrize("blocks", [70, 1, 0, -1])
def test_a_short_history_shows_nothing(blocks: int) -> None:
    """Nor does one whose first whole day is yet to come."""
    late = FIRST_DAY + timedelta(days=DAYS - 30 * blocks)
    counts = counts_of(reported_counts()).filter(pl.col("event_date") >= late)
    clocks = clock().with_columns(known_from_date=pl.lit(late))
    assert assessed(counts, clocks).event_sources["why_not"].to_list() == ["too_short"]


def test_nothing_after_a_clock_is_used(rested) -> None:
    """Whatever stands on days after the clock of its own source changes no figure."""
    late = reported_counts()
    late[-7:] += 20  # after NIGHT - 7, the first of these days included
    counts = pl.concat([counts_of(late), counts_of(noise(), "noise")])
    slow = waves()
    slow[DAYS - 39 :] += 5  # after KNOWN_UNTIL
    again = assess(
        events_of(slow), REGION_FRAME, KNOWN_UNTIL, NIGHT, False,
        counts=counts, clocks=pl.concat([clock(), clock("noise")]),
    )  # fmt: skip
    for name in ("forecasts", "flags", "drivers", "event_sources"):
        assert getattr(again, name).equals(getattr(rested, name)), name
    late[-8] += 20
    newer = pl.concat([counts_of(late), counts_of(noise(), "noise")])
    moved = assessed(newer, pl.concat([clock(), clock("noise")])).flags
    assert (moved["p_escalation"] > rested.flags["p_escalation"]).any()


def test_a_source_cut_off_keeps_its_clock_and_its_level(rested, alone) -> None:
    """Cut off in the middle of a week: its last whole day stays, what it adds fades, it falls out.

    The level does not fall with it at once: what the source would say is not known.
    """
    burst = reported_counts()
    burst[DAYS - 30 : DAYS - 7, 0] += 2  # of which the slow source knows nothing yet
    counts = counts_of(burst)
    cut = assessed(counts, clock(until=NIGHT - timedelta(days=28)))
    gain = cut.event_sources["crps_gain_share"].item()
    assert gain < rested.event_sources["crps_gain_share"][0] / 2

    def flags(assessment: Assessment, rests_on: str) -> pl.DataFrame:
        month = pl.lit(date(2002, 1, 1))
        return assessment.flags.with_columns(
            boundaries_version=pl.lit("b"), rests_on=pl.lit(rests_on), data_month=month
        )

    with_fast, without = flags(assessed(counts, clock()), "u; fast"), flags(alone, "u")
    assert (with_fast["level"][0], without["level"][0]) == ("alarm", "watch")
    news = with_fast.with_columns(cause=pl.lit("news"))
    first = life.advance_alerts(news, life.NO_ALERTS, NIGHT)
    causes = life.causes(without, with_fast, None)
    assert causes["cause"].unique().to_list() == ["sources"]
    second = life.advance_alerts(
        without.join(causes, on="region_id"), first, NIGHT + timedelta(days=1)
    )
    alert = second.filter(region_id=IDS[0]).select("alert_level", "alert_status")
    assert alert.row(0) == ("alarm", "ongoing")


def test_months_count_when_they_have_ended() -> None:
    """A month's events stand at its last day, so a night in its middle does not know them."""
    last = date(2021, 5, 31).toordinal()
    may = EventDays(np.array([last]), np.zeros(1, np.int64), np.array([31.0]))
    series = AuxiliarySeries("hapi", may, date(2020, 1, 1).toordinal(), last, is_monthly=True)
    ends = [date.fromordinal(int(day)) for day in series.last_days(4)]
    assert ends == [date(2021, 2, 28), date(2021, 3, 31), date(2021, 4, 30), date(2021, 5, 31)]
    features = auxiliary_features(series, 1, 4)
    assert (features[:3] == 0).all() and (features[3] > 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200), st.integers(1, 8), st.integers(0, 2**31 - 1))
def test_features_are_the_weighted_sums_written_out(count: int, nights: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    until = 800
    days = EventDays(rng.integers(101, until + 30, count), rng.integers(0, 3, count),
                     rng.integers(1, 5, count).astype(float))  # fmt: skip
    features = auxiliary_features(AuxiliarySeries("a", days, 101, until), 3, nights)
    for night in range(nights):
        end = until - 30 * (nights - 1 - night)
        for column, half_life in enumerate((15, 60)):
            weight = 0.5 ** ((end - np.arange(101, end + 1)) / half_life)
            for place in range(3):
                is_known = (days.day <= end) & (days.place == place)
                total = (days.size * 0.5 ** ((end - days.day) / half_life))[is_known].sum()
                assert features[night, place, column] == pytest.approx(30 * total / weight.sum())
