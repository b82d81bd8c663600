"""Arithmetic of calendar months."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def months_between(first: date, second: date) -> int:
    """Months from the month of ``first`` to that of ``second``; the days of month do not count.

    Example:
        >>> months_between(date(1989, 1, 1), date(1990, 2, 3))
        13
    """
    return (second.year - first.year) * 12 + second.month - first.month


def month_after(month: date, number: int) -> date:
    """First day of the month that many months after a day's; before it, if below zero.

    Example:
        >>> str(month_after(date(2021, 11, 30), 2)), str(month_after(date(2021, 5, 1), -5))
        ('2022-01-01', '2020-12-01')
    """
    years, rest = divmod(month.month - 1 + number, 12)
    return date(month.year + years, rest + 1, 1)


def month_numbers(day: "pl.Expr") -> "pl.Expr":
    """Months from January of the year 0 to the month of each day of a column, Int64.

    Example:
        >>> import polars as pl
        >>> pl.select(month_numbers(pl.lit(date(2021, 12, 9)))).item() - 2021 * 12
        11
    """
    return day.dt.year().cast(int) * 12 + day.dt.month() - 1


def newest_complete_month(complete_until: date) -> date:
    """First day of the newest month that ends no later than ``complete_until``.

    Example:
        >>> newest_complete_month(date(2021, 5, 31)), newest_complete_month(date(2021, 5, 30))
        (datetime.date(2021, 5, 1), datetime.date(2021, 4, 1))
    """
    following = (complete_until + timedelta(days=1)).replace(day=1)
    return (following - timedelta(days=1)).replace(day=1)
