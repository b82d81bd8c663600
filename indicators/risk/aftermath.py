"""What followed coups and suspensions, against similar countries without (docs/models.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.months import month_numbers, months_between, newest_complete_month
from config.vocabulary import FIRST_DAY, MEASURES
from indicators.arrays import Array, Mask
from indicators.risk.vintages import Vintages

HORIZONS = (6, 12)  # months before, and after
TARGETS = ("events", "deaths")
KINDS = ("coup", "attempt", "suspension")
OFFSET = 0.5  # added to a count before its log
SIMILAR = 2.0  # factor within which the count before lies
LEAST_SIMILAR = 30  # windows, for quantiles to be told
LEAST_CASES = 5  # of a kind, to tell of all together
RESAMPLES = 2000
INTERVAL = (0.05, 0.95)
OF_ALL, OF_EACH = "all", "each"
Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Windows:
    """Counts of every country in the months before and after every month.

    Attributes:
        before: Countries x months.
        after: Countries x months.
        is_whole: Countries x months: both windows lie within the figures.
        has_case: Countries x months: a case lies in either window, or in the month itself.
    """

    before: Array
    after: Array
    is_whole: Mask
    has_case: Mask


def cases_of(coups: pl.DataFrame, suspensions: pl.DataFrame) -> pl.DataFrame:
    """Coups, failed coups and first suspensions: ``country_code``, ``kind``, ``day``.

    A suspension is a case if none began in the country in the twelve months before.

    Args:
        coups: ``country_code``, ``coup_date``, ``is_successful``.
        suspensions: ``country_code``, ``measure_type``, ``opened_date``.

    Example:
        >>> coups = pl.DataFrame(
        ...     schema={"country_code": str, "coup_date": date, "is_successful": bool}
        ... )
        >>> days = [date(2012, 3, 22), date(2012, 12, 20), date(2020, 8, 19)]
        >>> suspended = {"country_code": "MLI", "measure_type": "sanctions", "opened_date": days}
        >>> cases_of(coups, pl.DataFrame(suspended))["day"].to_list()
        [datetime.date(2012, 3, 22), datetime.date(2020, 8, 19)]
    """
    openings = (
        suspensions.filter(
            pl.col("opened_date").is_not_null() & pl.col("measure_type").is_in(list(MEASURES))
        )
        .select("country_code", day="opened_date")
        .unique()
        .sort("country_code", "day")
        .with_columns(day_before=pl.col("day").shift(1).over("country_code"))
        .filter((pl.col("day_before").dt.offset_by("12mo") <= pl.col("day")).fill_null(True))
        .select("country_code", "day", kind=pl.lit("suspension"))
    )
    kind = pl.when("is_successful").then(pl.lit("coup")).otherwise(pl.lit("attempt"))
    coup_days = coups.select("country_code", day="coup_date", kind=kind)
    return pl.concat([coup_days, openings]).filter(pl.col("day") >= FIRST_DAY).sort(
        "kind", "day", "country_code"
    )  # fmt: skip


def windows(counts: Array, case_months: Sequence[Sequence[int]], length: int) -> Windows:
    """Counts before and after every month, which itself is in neither.

    Args:
        counts: Countries x months.
        case_months: Of each country, month numbers of all cases, of whatever kind.
        length: Months of either window.

    Example:
        >>> sums = windows(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), [[]], 2)
        >>> sums.before[0].tolist(), sums.after[0].tolist()
        ([0.0, 1.0, 3.0, 5.0, 7.0], [5.0, 7.0, 9.0, 5.0, 0.0])
        >>> sums.is_whole[0].tolist()
        [False, False, True, False, False]
    """
    number = counts.shape[1]
    total = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)
    month = np.arange(number)
    first, last = np.maximum(month - length, 0), np.minimum(month + length + 1, number)
    is_whole = np.tile((month >= length) & (month + length < number), (len(counts), 1))
    has_case = np.zeros_like(is_whole)
    for country, cases in enumerate(case_months):
        for case in cases:
            has_case[country, max(case - length, 0) : case + length + 1] = True
    return Windows(
        total[:, month] - total[:, first], total[:, last] - total[:, month + 1], is_whole, has_case
    )


def aftermath(vintages: Vintages, cases: pl.DataFrame, until: date) -> Rows:
    """Rows of the scorecard: what followed each case, and all of a kind together.

    Of a case: events (or deaths) in the six and twelve months ``before`` and ``after`` its month;
    ``similar``: how many windows there are, of any country and time, that hold no case and half to
    twice as many before; ``rate_ratio``: after over before, in times of the geometric mean of the
    same in those, with nine in ten of them within the interval. There is none where nothing can be
    said: no event before and after, or too few similar windows. A case with an earlier one of its
    kind in the months before is part of that; one whose months after are not over is left out.

    Of a kind: how many are ``on_file``, are ``cases``, are ``compared`` (have a ratio), ``rose``
    (by more than similar windows), and the geometric mean of the ratios with its interval by
    resampling cases; of suspensions how many began within three months after a coup or attempt.

    Args:
        vintages: Versions of events and regions; the newest count.
        cases: ``country_code``, ``kind``, ``day``.
        until: Last day that events are known to.
    """
    countries = vintages.regions["country_code"].unique().sort().to_list()
    months = months_between(FIRST_DAY, newest_complete_month(until)) + 1
    counts = _monthly(vintages, countries, months)
    cases = cases.filter(pl.col("country_code").is_in(countries)).with_columns(
        month=_month("day"), country=pl.col("country_code").replace_strict(
            {code: row for row, code in enumerate(countries)}, return_dtype=pl.Int64
        ),
    )  # fmt: skip
    by_country = [cases.filter(country=row)["month"].to_list() for row in range(len(countries))]
    rows: Rows = [_soon_after_coups(cases)]
    for target in TARGETS:
        for length in HORIZONS:
            all_windows = windows(counts[target], by_country, length)
            for kind in KINDS:
                rows += _of_kind((target, length, kind), all_windows, cases.filter(kind=kind))
    return rows


def _of_kind(key: tuple[str, int, str], all_windows: Windows, cases: pl.DataFrame) -> Rows:
    """Rows of all cases of a kind, and of each."""
    target, length, kind = key
    rows: Rows = []
    ratios: list[float] = []
    earlier: set[tuple[int, int]] = set()
    number = 0
    for code, day, country, month in cases.select(
        "country_code", "day", "country", "month"
    ).iter_rows():
        is_part = any((country, month - back) in earlier for back in range(length + 1))
        earlier.add((country, month))
        if (
            is_part
            or month >= all_windows.is_whole.shape[1]
            or not all_windows.is_whole[country, month]
        ):
            continue
        number += 1
        before, after = (
            float(all_windows.before[country, month]),
            float(all_windows.after[country, month]),
        )
        similar = _similar(all_windows, before)
        name = (target, f"{code}, {kind} of {day}", length, OF_EACH)
        rows += [
            (*name, "before", before, None, None),
            (*name, "after", after, None, None),
            (*name, "similar", float(len(similar)), None, None),
        ]
        if before + after == 0 or len(similar) < LEAST_SIMILAR:
            continue
        ratio = np.log((after + OFFSET) / (before + OFFSET)) - similar
        ratios.append(float(ratio.mean()))
        low, high = np.quantile(ratio, INTERVAL)
        rows.append((*name, "rate_ratio", *np.exp([ratio.mean(), low, high]).tolist()))
    name = (target, kind, length, OF_ALL)
    counts = {
        "on_file": cases.height, "cases": number, "compared": len(ratios),
        "rose": sum(ratio > 0 for ratio in ratios),
    }  # fmt: skip
    of_all: Rows = [(*name, what, float(count), None, None) for what, count in counts.items()]
    if len(ratios) >= LEAST_CASES:
        resamples = np.random.default_rng(1).integers(len(ratios), size=(RESAMPLES, len(ratios)))
        low, high = np.quantile(np.array(ratios)[resamples].mean(axis=1), INTERVAL)
        of_all.append((*name, "rate_ratio", *np.exp([np.mean(ratios), low, high]).tolist()))
    return [*of_all, *rows]


def _similar(all_windows: Windows, before: float) -> Array:
    """Log of after over before in windows without a case that had about as many before."""
    is_similar = (
        all_windows.is_whole
        & ~all_windows.has_case
        & (all_windows.before + OFFSET <= (before + OFFSET) * SIMILAR)
        & (all_windows.before + OFFSET >= (before + OFFSET) / SIMILAR)
    )
    logs: Array = np.log(
        (all_windows.after[is_similar] + OFFSET) / (all_windows.before[is_similar] + OFFSET)
    )
    return logs


def _soon_after_coups(cases: pl.DataFrame) -> tuple[object, ...]:
    """How many suspensions began within three months after a coup or attempt."""
    coups = cases.filter(pl.col("kind") != "suspension").select("country_code", coup="day")
    pairs = cases.filter(kind="suspension").join(coups, on="country_code").filter(
        pl.col("day").is_between("coup", pl.col("coup").dt.offset_by("3mo"))
    )  # fmt: skip
    count = pairs.select("country_code", "day").n_unique()
    return ("cases", "suspension", 3, OF_ALL, "soon_after_a_coup", float(count), None, None)


def _month(day: str) -> pl.Expr:
    """Months since ``FIRST_DAY``."""
    return month_numbers(pl.col(day)) - month_numbers(pl.lit(FIRST_DAY))


def _monthly(vintages: Vintages, countries: Sequence[str], months: int) -> Mapping[str, Array]:
    """Events and deaths by country and month since ``FIRST_DAY``, as believed last."""
    by_month = (
        vintages.versions.filter(pl.col("known_to").is_null())
        .with_columns(month=_month("event_date"))
        .filter(pl.col("month") < months)
        .group_by("country_code", "month")
        .agg(events=pl.len(), deaths=pl.col("deaths_best_count").sum())
    )
    row = by_month["country_code"].replace_strict(
        {code: row for row, code in enumerate(countries)}, return_dtype=pl.Int64
    )
    counts = {target: np.zeros((len(countries), months)) for target in TARGETS}
    for target, table in counts.items():
        table[row, by_month["month"]] = by_month[target].to_numpy()
    return counts
