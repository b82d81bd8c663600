"""Which nights can be run: none to come, none before the models have a year to look back on."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from config.errors import TocsinError
from config.vocabulary import FIRST_DAY

if TYPE_CHECKING:
    from config.settings import Settings

LEAST_MONTHS = 12  # that a level compares with


class NightError(TocsinError):
    """A day that is none, or a night that cannot be run; the message says which can."""

    exit_code = 2


def tonight() -> date:
    """The night that a run of now is: nights are days in UTC, which is Bamako's time."""
    return datetime.now(UTC).date()


def parse_day(text: str) -> date:
    """A day as it is written on the command line.

    Raises:
        NightError: It is written otherwise, or there is no such day.

    Example:
        >>> parse_day("2021-06-25")
        datetime.date(2021, 6, 25)
        >>> parse_day("25/06/2021")
        Traceback (most recent call last):
        flows.nights.NightError: '25/06/2021' is no day; write year-month-day, such as 2021-06-25
    """
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError:
        raise NightError(f"{text!r} is no day; write year-month-day, such as 2021-06-25") from None


def parse_past_day(text: str) -> date:
    """As ``parse_day``, not after tonight.

    Raises:
        NightError: It is no day, or still to come.
    """
    return not_in_future(parse_day(text), tonight())


def not_in_future(night: date, today: date) -> date:
    """The night, if it is not after today.

    Raises:
        NightError: It is: what is known then nobody can say yet, and to tell readers of it
            would make them believe that they know all nights before.
    """
    if night > today:
        raise NightError(
            f"{night} is still to come: tonight is {today} (UTC); give it or an earlier night"
        )
    return night


def default_night(today: date, settings: "Settings") -> date:
    """Tonight; on the embedded events the night their newest month became known.

    Example:
        >>> from config.settings import Settings
        >>> default_night(date(2026, 11, 24), Settings())
        datetime.date(2023, 1, 20)
    """
    import polars as pl

    from warehouse.sources import EVENT_SOURCE

    source = EVENT_SOURCE
    covers_until = source.embedded[-1].covers_until
    if source.name in settings.sources or covers_until is None:
        return today
    known_at: datetime = pl.select(source.lag.known_at(pl.lit(covers_until))).item()
    return min(today, known_at.date())


def earliest_night() -> date:
    """The first night that can be run: a year of events is known then.

    Example:
        >>> earliest_night()
        datetime.date(1990, 1, 20)
    """
    import polars as pl

    from warehouse.sources import EVENT_SOURCE

    year = pl.lit(FIRST_DAY).dt.offset_by(f"{LEAST_MONTHS}mo").dt.offset_by("-1d")
    known_at: datetime = pl.select(EVENT_SOURCE.lag.known_at(year)).item()
    return known_at.date()


def runnable_night(night: date, today: date) -> date:
    """The night, if it can be run.

    Raises:
        NightError: It is to come, or before the earliest.
    """
    if night < (earliest := earliest_night()):
        raise NightError(
            f"{night} is too early: the events begin in {FIRST_DAY:%Y-%m} and a level needs "
            f"{LEAST_MONTHS} months of them; the earliest night is {earliest}"
        )
    return not_in_future(night, today)


# Of an option that takes a day: how it is read, and how the help names it.
ANY_DAY: dict[str, Any] = {"parser": parse_day, "metavar": "YYYY-MM-DD"}
PAST_DAY: dict[str, Any] = {"parser": parse_past_day, "metavar": "YYYY-MM-DD"}
