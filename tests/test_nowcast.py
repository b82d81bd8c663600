"""What becomes of events in later releases, how much is missing, and whether silence is quiet."""

from datetime import date, datetime

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from config.registry import ucdp_revisions
from indicators.risk.nowcast import MonthEvents, Rates, draw_month, expected_rates, nowcast
from indicators.risk.revisions import (
    COUNTED,
    KEY,
    LINKS,
    NO_REVISIONS,
    Factor,
    LateModel,
    LinkModel,
    ShareModel,
    event_weights,
    fit_link,
    furthest_link,
    observed_revisions,
    release_stages,
    with_declared,
)
from warehouse.query import run_sql

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
LINK = "first_to_cumulative"
DECLARED = with_declared(NO_REVISIONS, ucdp_revisions())


def delivery(part: str, until: date, at: date, basis: str = "observed") -> tuple:
    return datetime(at.year, at.month, at.day), basis, until, part


DELIVERIES = pl.DataFrame(
    [
        delivery("", date(2022, 12, 31), date(2024, 6, 30), "assumed"),
        delivery("26.0.1", date(2026, 1, 31), date(2026, 2, 20)),
        delivery("26.0.2", date(2026, 2, 28), date(2026, 3, 20)),
        delivery("26.01.26.03", date(2026, 3, 31), date(2026, 4, 20)),
        delivery("yearly", date(2026, 12, 31), date(2027, 6, 15)),
        delivery("yearly", date(2027, 12, 31), date(2028, 6, 15)),
    ],
    ["known_at", "known_basis", "covers_until", "part"],
    orient="row",
)
VERSIONS = pl.DataFrame(
    [  # id, day, status, deaths, known from, to
        (1, 9, "Clear", 3, "2026-02-20", "2026-04-20"),
        (1, 9, "Clear", 5, "2026-04-20", None),  # revised
        (2, 10, "Check dyad", 2, "2026-02-20", "2026-04-20"),  # gone
        (3, 11, "Check", 4, "2026-02-20", "2027-06-15"),  # gone in the yearly release
        (4, 31, "Clear", 7, "2026-04-20", None),  # late
    ],
    ["event_id", "day", "code_status", "deaths_best_count", "known_from", "known_to"],
    orient="row",
).select(
    "event_id", "code_status", "deaths_best_count",
    pl.col("known_from", "known_to").str.to_datetime(),
    event_date=pl.date(2026, 1, "day"),
    country_code=pl.lit("MLI"),
)  # fmt: skip


def test_a_month_and_the_releases_it_was_in() -> None:
    stages = release_stages(DELIVERIES, JANUARY, MARCH)
    assert stages.group_by("month_start", maintain_order=True).agg("release_stage").rows() == [
        (JANUARY, ["first", "cumulative", "yearly", "later"]),
        (FEBRUARY, ["first", "cumulative", "yearly", "later"]),
        (MARCH, ["first", "yearly", "later"]),  # the cumulative release ends with it
    ]
    bulk = release_stages(DELIVERIES, date(2021, 12, 1), date(2022, 1, 1))
    assert bulk.filter(known_basis="assumed")["release_stage"].to_list() == ["later", "yearly"]


def test_what_became_of_a_month_by_hand() -> None:
    revised = observed_revisions(VERSIONS, release_stages(DELIVERIES, JANUARY, JANUARY))
    assert revised.filter(link=LINK).select(*KEY[2:], *COUNTED).rows() == [
        ("MLI", "check_dyad", 1, 0, 0, 2, 0, 0, 0, 0),
        ("MLI", "check_other", 1, 1, 0, 4, 4, 4, 0, 4),
        ("MLI", "clear", 1, 1, 1, 3, 3, 5, 7, 12),
    ]
    yearly = revised.filter(link="cumulative_to_yearly")
    assert yearly["events_kept_count"].to_list() == [0, 2]
    assert set(revised["link"]) == {
        LINK, "first_to_yearly", "first_to_later", "cumulative_to_yearly", "cumulative_to_later",
        "yearly_to_later",
    }  # fmt: skip
    assert LINKS["first"][0] == "first_to_later"  # what was followed furthest counts
    both = with_declared(revised, ucdp_revisions())
    january = both.filter(pl.col("period_start") == JANUARY, link=LINK, country_code="MLI")
    assert set(january["revision_basis"]) == {"observed"}  # in place of what is declared of it


def test_too_few_months_say_nothing() -> None:
    assert fit_link(DECLARED, "first_to_yearly") is None  # two sums of three countries
    assert furthest_link(DECLARED, "cumulative") is None
    model = furthest_link(DECLARED, "first")
    assert model is not None
    assert (model.link, model.followed_to, model.basis) == (LINK, "cumulative", "declared")
    assert model.units["NGA"] == 1
    assert fit_link(DECLARED.filter(pl.col("country_code").is_in(["MLI", "NGA"])), LINK) is None


def test_flagged_events_weigh_by_country_and_status() -> None:
    model = fit_link(DECLARED, LINK)
    assert model is not None
    events = pl.DataFrame(
        {
            "country_code": ["COL", "MEX", "GNB", "COL"],
            "code_status": ["Check dyad", "Check dyad", "Check dyad", "Clear"],
        }
    )
    colombia, mexico, nobody, clear = event_weights(events, model)
    assert colombia == pytest.approx(148 / 212, abs=0.03)  # as its own January
    assert mexico > 0.98  # all of 147 stayed
    assert colombia < nobody < mexico
    assert colombia < clear < 19 / 22 + 0.1  # 19 of 22


SURE = np.ones(1)


def link_model(stay: float, late: float) -> LinkModel:
    """A link of which everything is known."""
    share = ShareModel(SURE * stay, SURE * 1e9, SURE)
    return LinkModel(
        link=LINK,
        stay=dict.fromkeys(("clear", "check_dyad", "check_other"), share),
        stayed={},
        late=LateModel(SURE * late, SURE * 1e9, SURE),
        late_units={},
        kept_deaths=Factor(1.5, 0.0),
        added_deaths=Factor(2.0, 0.0),
        units={"MLI": 3},
        observed_units=0,
    )


def month_of(places: list[int], deaths: list[float]) -> MonthEvents:
    number = np.array(places, dtype=np.int64)
    return MonthEvents(number, np.zeros_like(number), np.zeros_like(number), np.array(deaths))


def draw(month: MonthEvents, model: LinkModel, rates: Rates | None, size: int = 20_000):
    """Two regions of one country, and its unplaced events."""
    country = np.zeros(3, dtype=np.int64)
    return draw_month(month, model, country, ["MLI"], rates, 0, np.random.default_rng(3), size)


def test_nothing_lost_nothing_late_is_what_is_on_file() -> None:
    drawn = draw(month_of([0, 0, 2], [1.0, 4.0, 6.0]), link_model(1 - 1e-9, 1e-12), None, 50)
    assert (drawn.events == np.array([[2.0], [0], [1]])).all()
    assert drawn.deaths == pytest.approx(np.array([[7.5], [0], [9]]) * np.ones(50))


def test_expected_events_by_hand() -> None:
    """Nine on file, each stays with 0.8; 0.6 times the root of nine come late, 2 deaths each."""
    drawn = draw(month_of([0] * 9, [10.0] * 9), link_model(0.8, 0.6), None)
    assert drawn.events[0].mean() == pytest.approx(9 * 0.8 + 0.6 * 3, rel=0.01)
    assert drawn.events[0].var() == pytest.approx(9 * 0.8 * 0.2 + 0.6 * 3, rel=0.05)
    assert drawn.deaths[0].mean() == pytest.approx(9 * 0.8 * 15 + 0.6 * 3 * 2, rel=0.01)


def test_silence_by_hand() -> None:
    """Rates are gamma, so what is missing is negative binomial; one unplaced event is shared."""
    rates = Rates(np.array([[0.2, 0.05]]), strength=2.0)
    quiet = draw(month_of([], []), link_model(1 - 1e-9, 0.3), rates)
    # E exp(-0.3 R), R ~ Gamma(2 mu, 3): the sum of R stays below one here, nearly always
    expected = [1 - (3 / 3.3) ** (2 * mu) for mu in (0.2, 0.05)]
    assert quiet.p_unreported == pytest.approx(expected, rel=0.06)
    unplaced = draw(month_of([2], [0.0]), link_model(1 - 1e-9, 1e-12), rates)
    assert unplaced.p_unreported == pytest.approx([0.8, 0.2], abs=1e-6)


def test_intervals_hold_what_they_say() -> None:
    """Countries drawn from the model itself, the last months against the first ones' fit."""
    rng = np.random.default_rng(5)
    rows, truth = [], []
    for number in range(120):
        n = int(rng.integers(5, 60))
        share, late = rng.beta(9, 1), rng.gamma(0.8) * 0.5
        kept_count, added = int(rng.binomial(n, share)), int(rng.poisson(late * np.sqrt(n)))
        code = "".join(chr(65 + number // 26**i % 26) for i in range(3))
        rows.append(
            (
                LINK,
                JANUARY,
                code,
                "clear",
                n,
                kept_count,
                added,
                n,
                kept_count,
                kept_count,
                added,
                kept_count + added,
            )
        )
        truth.append((n, kept_count + added))
    revisions = pl.DataFrame(rows, [*KEY, *COUNTED], orient="row").with_columns(
        revision_basis=pl.lit("declared")
    )
    model = fit_link(revisions[:60], LINK)
    assert model is not None
    assert model.stay["clear"].country_mean(0, 0) == pytest.approx(0.9, abs=0.03)
    inside = []
    for n, became in truth[60:]:
        drawn = draw(month_of([0] * n, [1.0] * n), model, None, 500).events[0]
        low, high = np.quantile(drawn, [0.1, 0.9], method="inverted_cdf")
        inside.append(low <= became <= high)
    assert np.mean(inside) == pytest.approx(0.83, abs=0.1)


def test_rates_follow_past_and_neighbours() -> None:
    rng = np.random.default_rng(1)
    level = np.array([0.1, 1.0, 4.0])
    counts = rng.poisson(level, (120, 3)).astype(float)
    rates = expected_rates(counts, csr_array((3, 3)))
    assert rates is not None
    assert rates.mean.mean(axis=0) == pytest.approx(level, rel=0.5)
    assert rates.strength > 5  # no spread beside the Poisson's
    assert expected_rates(counts[:20], csr_array((3, 3))) is None


def test_what_is_not_released_is_not_zero() -> None:
    regions = pl.DataFrame(
        {
            "region_id": ["MLI.a", "MLI.b"], "country_code": ["MLI", "MLI"],
            "centroid_longitude": [0.0, 1.0], "centroid_latitude": [12.0, 12.0],
        }
    )  # fmt: skip
    months = pl.date_range(date(2020, 1, 1), date(2022, 12, 1), "1mo", eager=True)
    counts = pl.concat(
        pl.DataFrame({"place_id": place, "month_start": months}).with_columns(value=value)
        for place, value in (("MLI.a", pl.lit(2.0)), ("MLI.b", pl.lit(0.0)))
    )
    events = pl.DataFrame(
        {
            "event_date": [date(2022, 12, 5), date(2022, 12, 6)], "country_code": ["MLI", "MLI"],
            "region_id": ["MLI.a", "MLI.a"], "code_status": ["Clear", "Check"],
            "deaths_best_count": [3, 1],
        }
    )  # fmt: skip
    stages = {date(2022, 12, 1): "later", date(2023, 1, 1): "not_released"}
    table = nowcast(events, counts, regions, stages, DECLARED)
    assert table.select("place_id", "events_count", "flagged_events_count").rows() == [
        ("MLI.a", 2, 1), ("MLI.b", 0, 0), ("MLI", 2, 1), ("MLI.a", None, None),
        ("MLI.b", None, None),
    ]  # fmt: skip
    assert table["nowcast_events_mean"].null_count() == 5  # no link leads on from there
    chances = table["p_unreported_event"].to_list()
    assert chances[:3] == [None] * 3
    assert chances[3] > 0.8 > chances[4] > 0


def test_the_night_says_how_sure_its_silence_is(night) -> None:
    tables = night(date(2021, 6, 25))
    table, flags = tables["mart.nowcast"], tables["mart.flag"]
    assert table.height == 3 * (104 + 8)
    assert table["release_stage"].unique().to_list() == ["yearly"]
    newest = table.filter(pl.col("month_start") == date(2021, 5, 1), place_level="region")
    assert newest["events_count"].to_list() == flags["events_count"].to_list()
    silent = pl.col("events_count") == 0
    assert flags.filter(silent)["p_unreported_event"].is_between(0, 1).all()
    assert flags.filter(silent)["p_unreported_event"].min() > 0
    assert flags.filter(~silent)["p_unreported_event"].is_null().all()
    country = table.filter(pl.col("month_start") == date(2021, 5, 1), place_id="MLI")
    of_regions = newest.filter(pl.col("place_id").str.starts_with("MLI."))
    assert country["nowcast_events_mean"].item() >= of_regions["nowcast_events_mean"].sum() - 1e-6


def test_days_from_event_to_reader_by_hand() -> None:
    """Backlog, assumed times and a second version do not count; a night that was skipped does."""
    with duckdb.connect() as con:
        con.execute(
            "create schema ops; create schema history;"
            "create table ops.night as select unnest([date '2026-02-22', date '2026-03-25']) "
            "as as_of_date;"
            "create table ops.batch as from (values"
            " ('s', 'assumed', timestamp '2024-06-30', date '2022-12-31'),"
            " ('s', 'observed', timestamp '2026-02-20 21:00', date '2025-12-31'),"
            " ('s', 'observed', timestamp '2026-02-20 22:00', date '2026-01-31'),"
            " ('s', 'observed', timestamp '2026-03-21', date '2026-02-28')"
            ") as t(source, known_basis, known_at, covers_until);"
            "create table history.s as from (values"
            " ('a', date '2026-01-30', 'observed', timestamp '2026-02-20'),"  # backlog
            " ('b', date '2026-02-08', 'observed', timestamp '2026-03-21'),"  # 45 days, not 41
            " ('b', date '2026-02-09', 'observed', timestamp '2026-04-21'),"
            " ('c', date '2026-02-28', 'observed', timestamp '2026-03-21'),"  # 25
            " ('d', date '2026-02-20', 'assumed', timestamp '2026-03-20'),"
            " ('e', date '2026-03-20', 'observed', timestamp '2026-04-21 10:00')"  # 32, tonight
            ") as t(row_key, day, known_basis, known_from)"
        )
        words = {"source_table": "history.s", "date_column": "day"}
        night_end = datetime(2026, 4, 21, 23, 59)
        row = run_sql(con, "mart/days_to_reader", words, source="s", as_of=night_end).fetchone()
        assert row == pytest.approx((32, 42.4, 3))
        early = run_sql(
            con, "mart/days_to_reader", words, source="s", as_of=datetime(2026, 2, 22)
        ).fetchone()
        assert early == (None, None, 0)
