"""What a reader's line would have said on past nights, what came, and so what it is worth."""

from typing import Any

import numpy as np
import polars as pl
from scipy.stats import binomtest, chi2

from indicators.risk.lines import (
    NEVER_ENDS,
    LineChances,
    LineSeries,
    PastMeans,
    VersionDays,
)
from indicators.risk.panel import BLOCK_DAYS, EPOCH

CONFIDENCE = 0.9  # of intervals; one-sided 95% where nothing came


def line_row(
    one: LineSeries,
    chances: LineChances,
    nights: pl.DataFrame,
    versions: VersionDays,
    past: PastMeans,
) -> dict[str, Any]:
    """Tonight's chance of a line, what it rests on, and its price; by column of ``lines``.

    Args:
        one: The line on all nights.
        chances: On the nights asked for, tonight the last.
        nights: ``line_nights`` of them.
        versions: Of its quantity.
        past: Means of all nights.
    """
    tonight, last = past.origins[-1], nights.row(-1, named=True)
    until = tonight.known_until.toordinal()
    begin = until - one.line.windows * BLOCK_DAYS
    rows = one.rows[versions.is_known(tonight)[one.rows]]
    is_newest = (versions.day[rows] > begin) & (versions.day[rows] <= until)
    since = nights.filter("is_mail")["replay_date"].max() if last["is_passed"] else None
    return {
        "p_reached": last["p_reached"],
        "is_passed": last["is_passed"],
        "passed_since_date": since,
        "expected_count": float(chances.mean[-1]),
        "dispersion_phi": float(chances.phi[-1]),
        "line_shift": float(chances.shift[-1]),
        "newest_count": int(versions.size[rows][is_newest].sum()),
        **line_price(nights, one.line.windows),
    }


def line_nights(
    one: LineSeries, chances: LineChances, versions: VersionDays, past: PastMeans
) -> pl.DataFrame:
    """One row a night: what the line would have said then, and what came, by the newest figures.

    Returns:
        ``replay_date``, ``p_reached``, ``is_passed``, ``is_mail`` (the first night of a spell),
        ``observed_count`` (null: the window is not wholly known), ``reached_date`` (null: not).
    """
    tonight, days = past.origins[-1], one.line.windows * BLOCK_DAYS
    rows = one.rows[versions.is_known(tonight)[one.rows]]
    rows = rows[np.argsort(versions.day[rows], kind="stable")]
    day, total = versions.day[rows], np.append(0.0, versions.size[rows].cumsum())
    night = np.array([past.origins[row].night.toordinal() for row in chances.rows])
    before, after = (total[np.searchsorted(day, at, side="right")] for at in (night, night + days))
    event_number = np.searchsorted(total[1:], before + one.line.at_least)
    reached_day = np.append(day, NEVER_ENDS)[np.minimum(event_number, len(day))]
    is_whole = night + days <= tonight.known_until.toordinal()
    is_reached = is_whole & (reached_day <= night + days)
    is_passed = chances.probability >= one.line.chance
    return pl.DataFrame(
        {
            "replay_date": [past.origins[row].night for row in chances.rows],
            "p_reached": chances.probability,
            "is_passed": is_passed,
            "is_mail": is_passed & ~np.append(False, is_passed[:-1]),
            "observed_count": (after - before).astype(np.int64),
            "is_whole": is_whole,
            "reached_day": np.where(is_reached, reached_day, 0),
        }
    ).select(
        "replay_date", "p_reached", "is_passed", "is_mail",
        observed_count=pl.when("is_whole").then("observed_count"),
        reached_date=pl.when(pl.col("reached_day") > 0).then(
            (pl.col("reached_day") - EPOCH).cast(pl.Int32).cast(pl.Date)
        ),
    )  # fmt: skip


def line_price(nights: pl.DataFrame, windows: int) -> dict[str, Any]:
    """What a line cost and was worth on past nights, a month apart; by column of ``lines``.

    A mail is the first night of a spell on which the line is passed; it came if the number was
    reached in the window after it. A time that the number was reached is a spell of nights whose
    window reached it; it was missed if the line stood passed on no night of the windows before.
    Intervals: 90%, Poisson exact (Garwood 1936) of rates, Wilson (1927) of shares.

    Args:
        nights: ``line_nights``; those whose window is not wholly known do not count.
        windows: Blocks of thirty days.
    """
    known_nights = nights.filter(pl.col("observed_count").is_not_null())
    years = known_nights.height / 12
    mails = known_nights.filter("is_mail")
    came_true = mails.filter(pl.col("reached_date").is_not_null())
    is_reached = pl.col("reached_date").is_not_null()
    times = known_nights.filter(is_reached & ~is_reached.shift(1, fill_value=False))
    first_warning = pl.col("reached_date") - pl.duration(days=windows * BLOCK_DAYS)
    warned = times.join(
        nights.filter("is_passed").select(passed_date="replay_date"), how="cross"
    ).filter(
        (pl.col("passed_date") >= first_warning) & (pl.col("passed_date") < pl.col("reached_date"))
    )
    lead = (came_true["reached_date"] - came_true["replay_date"]).dt.total_days().median()
    low, high = poisson_interval(mails.height)
    times_low, times_high = poisson_interval(times.height)
    came_low, came_high = wilson_interval(came_true.height, mails.height)
    return {
        "priced_from_date": known_nights["replay_date"].min(),
        "priced_until_date": known_nights["replay_date"].max(),
        "priced_nights_count": known_nights.height,
        "passed_nights_count": known_nights.filter("is_passed").height,
        "mails_count": mails.height,
        "mails_per_year": mails.height / years if years else None,
        "mails_per_year_low": low / years if years else None,
        "mails_per_year_high": high / years if years else None,
        "came_count": came_true.height,
        "came_share_low": came_low,
        "came_share_high": came_high,
        "lead_days_median": lead,
        "reached_count": times.height,
        "missed_count": times.height - warned["replay_date"].n_unique(),
        "reached_nights_count": known_nights.filter(is_reached).height,
        "return_years": years / times.height if times.height else None,
        "return_years_low": years / times_high if years else None,
        "return_years_high": years / times_low if times_low else None,
    }


def poisson_interval(count: int) -> tuple[float, float]:
    """Expected counts that a count allows: exact central 90% (Garwood 1936).

    Of none the upper bound is the one-sided 95%, 3.0.

    Example:
        >>> [round(bound, 2) for bound in poisson_interval(5)], round(poisson_interval(0)[1], 3)
        ([1.97, 10.51], 2.996)
    """
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2


def wilson_interval(count: int, of: int) -> tuple[float | None, float | None]:
    """Shares that a count allows: central 90% (Wilson 1927); of none nothing is known.

    Example:
        >>> [round(bound, 2) for bound in wilson_interval(5, 9)], wilson_interval(0, 0)
        ([0.3, 0.78], (None, None))
    """
    if not of:
        return None, None
    bounds = binomtest(count, of).proportion_ci(CONFIDENCE, method="wilson")
    return float(bounds.low), float(bounds.high)
