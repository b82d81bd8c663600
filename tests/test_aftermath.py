"""What followed coups and suspensions, in worlds whose truth is known."""

from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from config.months import month_after
from config.vocabulary import FIRST_DAY
from indicators.risk import scorecard
from indicators.risk.aftermath import aftermath, cases_of
from indicators.risk.scorecard_page import _aftermath

MONTHS = 180
UNTIL = date(2003, 12, 31)
CODES = ("BEN", "BFA", "CIV", "MLI", "NER", "SEN")
COUPS = {"country_code": pl.String, "coup_date": pl.Date, "is_successful": pl.Boolean}
SUSPENSIONS = {"country_code": pl.String, "measure_type": pl.String, "opened_date": pl.Date}


def aftermath_rows(
    counts: dict[str, list[int]], coups: list[tuple[str, int]], suspended: tuple[str, int] | None
) -> dict[tuple[str, int, str], tuple[float, float | None, float | None]]:
    """Rows of events by part, months and measure; a case is its country and month number."""
    events = [
        {"country_code": code, "event_date": month_after(FIRST_DAY, month), "known_to": None,
         "deaths_best_count": 3}
        for code, by_month in counts.items()
        for month, number in enumerate(by_month)
        for _ in range(number)
    ]  # fmt: skip
    vintages = SimpleNamespace(
        versions=pl.DataFrame(events, schema_overrides={"known_to": pl.Datetime}),
        regions=pl.DataFrame({"country_code": [*CODES]}),
    )
    coup_rows = pl.DataFrame(
        [(code, month_after(FIRST_DAY, month), True) for code, month in coups],
        schema=COUPS, orient="row",
    )  # fmt: skip
    measures = pl.DataFrame(schema=SUSPENSIONS)
    if suspended:
        opened = month_after(FIRST_DAY, suspended[1])
        measures = pl.DataFrame([(suspended[0], "membership", opened)], SUSPENSIONS, orient="row")
    rows = aftermath(vintages, cases_of(coup_rows, measures), UNTIL)  # type: ignore[arg-type]
    return {
        (part, length, measure): (value, low, high)
        for target, part, length, _, measure, value, low, high in rows
        if target == "events"
    }  # type: ignore[misc]


STEADY = {code: [2] * MONTHS for code in CODES}
CASES = [("BEN", 60), ("BFA", 70), ("CIV", 80), ("MLI", 90), ("NER", 100)]


def test_a_doubling_after_five_coups_is_found() -> None:
    """Two events a month, four from the month after on: 12 before, 24 after; the rest stands."""
    counts = {code: [2] * (month + 1) + [4] * (MONTHS - month - 1) for code, month in CASES}
    rows = aftermath_rows({**STEADY, **counts}, CASES, None)
    doubled = 24.5 / 12.5
    assert rows["MLI, coup of 1996-07-01", 6, "before"][0] == 12.0
    assert rows["MLI, coup of 1996-07-01", 6, "after"][0] == 24.0
    for part in ("MLI, coup of 1996-07-01", "coup"):
        assert rows[part, 6, "rate_ratio"] == pytest.approx((doubled, doubled, doubled))
    # 180 months less six at either end, six times; less thirteen around each of the five
    assert rows["MLI, coup of 1996-07-01", 6, "similar"][0] == 6 * 168 - 5 * 13
    assert [rows["coup", 12, name][0] for name in ("on_file", "cases", "compared", "rose")] == [
        5
    ] * 4


def test_where_nothing_moves_the_ratio_is_one() -> None:
    rows = aftermath_rows(STEADY, CASES, ("MLI", 91))
    assert rows["coup", 12, "rate_ratio"] == pytest.approx((1.0, 1.0, 1.0))
    assert rows["coup", 12, "rose"][0] == 0.0
    assert rows["suspension", 6, "cases"][0] == 1.0
    assert ("suspension", 6, "rate_ratio") not in rows  # one is no five


def test_what_cannot_be_told_is_not() -> None:
    """Nothing happened; too near to an earlier coup; not over; before the figures are whole."""
    silent = {**STEADY, "BEN": [0] * MONTHS}
    cases = [("BEN", 60), ("MLI", 90), ("MLI", 95), ("NER", MONTHS - 3), ("SEN", 2)]
    rows = aftermath_rows(silent, cases, None)
    assert rows["BEN, coup of 1994-01-01", 6, "after"][0] == 0.0
    assert ("BEN, coup of 1994-01-01", 6, "rate_ratio") not in rows
    assert [rows["coup", 6, name][0] for name in ("on_file", "cases", "compared")] == [5, 2, 1]
    assert not any(part.startswith(("NER", "SEN", "MLI, coup of 1996-12")) for part, *_ in rows)


def test_the_page_says_how_much_can_be_said() -> None:
    coup_rows = pl.DataFrame([("MLI", date(1996, 7, 1), False)], schema=COUPS, orient="row")
    measures = pl.DataFrame([("MLI", "sanctions", date(1996, 9, 2))], SUSPENSIONS, orient="row")
    vintages = SimpleNamespace(
        versions=pl.DataFrame(
            {"country_code": "MLI", "event_date": [date(1996, 8, 1)], "known_to": [None],
             "deaths_best_count": 3}, schema_overrides={"known_to": pl.Datetime},
        ),
        regions=pl.DataFrame({"country_code": ["MLI"]}),
    )  # fmt: skip
    cases = cases_of(coup_rows, measures)
    page = _aftermath(scorecard.tidy_frame(aftermath(vintages, cases, UNTIL)))  # type: ignore[arg-type]
    assert (page["suspensions"], page["soon_after_coups"]) == ("1", "1")
    assert page["together"][0] == ("coups", "0", "6", "0", "0", "0", "-", "0", "0", "-")
    attempt = dict((row[0], row[1:]) for row in page["each"])["MLI, attempt of 1996-07-01"]
    assert attempt[0].startswith("0 → 1: 3.00 [")
