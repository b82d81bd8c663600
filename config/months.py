"""Calendar months as numbers."""

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def month_number(day: date) -> int:
    """Months from January of the year 0 to a day's month.

    Example:
        >>> month_start(month_number(date(2021, 5, 30)))
        datetime.date(2021, 5, 1)
    """
    return day.year * 12 + day.month - 1


def month_start(number: int) -> date:
    """First day of a month by its number."""
    return date(number // 12, number % 12 + 1, 1)


def months_between(first: date, last: date) -> int:
    """Months from one day's month to another's.

    Example:
        >>> months_between(date(1989, 1, 1), date(1990, 2, 3))
        13
    """
    return month_number(last) - month_number(first)


def month_numbers(day: "pl.Expr") -> "pl.Expr":
    """``month_number`` of a column of days, Int64.

    Example:
        >>> import polars as pl
        >>> pl.select(month_numbers(pl.lit(date(2021, 12, 9)))).item() - 2021 * 12
        11
    """
    return day.dt.year().cast(int) * 12 + day.dt.month() - 1
