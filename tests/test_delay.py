"""How complete the newest month is: numbers by hand, worlds whose delay is known."""

from datetime import date

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.stats import nbinom

from indicators.risk.delay import Completeness, completeness, nowcast_counts
from indicators.risk.explain import with_correction
from warehouse.connect import attach_core, migrate
from warehouse.sources import ucdp_ged
from warehouse.vintages import reporting_triangle


def triangle(rows: list[tuple[int, int, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(date(2020, 1 + m, 1), age, n) for m, age, n in rows],
        ["month_start", "age_months", "events"],
        orient="row",
    )


def test_link_ratios_by_hand() -> None:
    events = triangle(
        [
            (0, 0, 8), (0, 1, 10), (0, 2, 10),
            (1, 0, 6), (1, 1, 9), (1, 2, 12),
            (2, 0, 6), (2, 1, 9), (2, 2, 10),
            (3, 0, 10), (3, 1, 12),
            (4, 0, 9),
        ]
    )  # fmt: skip
    # 0 to 1: 30 of 40 over four months; 1 to 2: 28 of 32 over three
    complete = completeness(events)
    assert complete is not None
    assert complete.share == pytest.approx(30 / 40 * 28 / 32)
    assert complete.followed_months == 2
    low, high = complete.interval
    assert low < complete.share < high < 1
    assert completeness(events, age=1).share == pytest.approx(28 / 32)


def test_too_few_months_say_nothing() -> None:
    assert completeness(triangle([(0, 0, 8), (0, 1, 10), (1, 0, 6), (1, 1, 9)])) is None
    assert completeness(triangle([])) is None
    assert completeness(triangle([(m, a, 0.0) for m in range(5) for a in (0, 1)])) is None


def test_withdrawals_count_against_additions() -> None:
    complete = completeness(triangle([(m, a, n) for m in range(4) for a, n in ((0, 10), (1, 8))]))
    assert complete.share == pytest.approx(10 / 8)
    point, low, high = nowcast_counts(np.array([10.0]), complete)
    assert (point[0], low[0], high[0]) == pytest.approx((8, 10, 10))


def test_bounds_hold_what_they_say() -> None:
    """Counts known with chance 0.7 each: the 80% interval holds the whole about 8 times in 10."""
    rng = np.random.default_rng(4)
    whole = rng.integers(0, 30, 1500)
    known = rng.binomial(whole, 0.7).astype(float)
    point, low, high = nowcast_counts(known, Completeness(0.7, np.full(50, 0.7), 6))
    assert point.mean() == pytest.approx(whole.mean(), rel=0.02)
    assert ((low <= whole) & (whole <= high)).mean() == pytest.approx(0.84, abs=0.05)


def test_bounds_are_the_quantiles_of_the_mixture_and_grow_with_no_count() -> None:
    shares, counts = np.array([0.5, 0.9]), np.array([0.0, 3.0, 3.0, 1e6])
    _, low, high = nowcast_counts(counts, Completeness(0.7, shares, 6))
    for count, *bounds in zip(counts, low, high, strict=True):
        for bound, level in zip(bounds, (0.1, 0.9), strict=True):
            fewest = bound - count
            chances = nbinom.cdf([fewest - 1, fewest], count + 1, shares[:, None]).mean(axis=0)
            assert chances[0] < level <= chances[1]
    assert (low[1], high[1]) == (low[2], high[2])


def test_the_triangle_holds_each_month_alone_as_known_at_each_age() -> None:
    """UCDP's months are whole on the 20th of the next; it was looked at on 18 Feb. and 19 March."""
    february, march = "2026-02-18", "2026-03-19"
    versions = [
        ("MLI.gao", "2026-01-05", february, None), ("MLI.gao", "2026-01-10", february, march),
        ("MLI.gao", "2026-01-31", march, None), ("MLI.mopti", "2026-01-01", march, None),
        ("MLI.gao", "2026-02-01", march, None), ("MLI.gao", "2025-12-31", february, None),
        (None, "2026-01-03", february, None),
    ]  # fmt: skip
    with duckdb.connect() as con:
        migrate(con)
        attach_core(con)
        con.execute(
            "create table core.event_version (region_id varchar, event_date date, "
            "known_from timestamp, known_to timestamp)"
        )
        con.executemany("insert into core.event_version values ($1, $2, $3, $4)", versions)
        for known_at, covers_until in ((february, "2026-01-31"), (march, "2026-02-28")):
            con.execute(
                "insert into ops.batch by name select $at || '' as batch_id, 'ucdp_ged' as source, "
                "'u' as url, '' as content_sha256, 0 as bytes_count, 0 as rows_count, "
                "$at::timestamp as fetched_at, $at::timestamp as known_at, 'observed' as "
                "known_basis, '' as source_version, $until::date as covers_until, '' as holds, "
                "true as is_whole",
                {"at": known_at, "until": covers_until},
            )
        rows = reporting_triangle(con, ucdp_ged.SOURCE, date(2026, 3, 25)).rows()
    january, second = date(2026, 1, 1), date(2026, 2, 1)
    assert rows == [(january, 0, 2.0), (january, 1, 3.0), (second, 0, 1.0)]


def test_flags_carry_the_correction_or_nothing() -> None:
    flags = pl.DataFrame({"events_count": [4]})
    assert with_correction(flags, None).row(0) == (4, None, None, None)
    sure = Completeness(0.5, np.array([0.5]), 3)
    assert with_correction(flags, sure).row(0) == (4, 8, 5, 13)
