"""Checks of a delivery against the one of the same source that it would replace."""

from datetime import date, datetime, time, timedelta

from config.registry import thresholds
from expectations.checks import Check
from warehouse.landing import Batch, Delivery


def against_past(batch: Batch, log: list[Delivery]) -> tuple[Check, ...]:
    """Not much smaller, and not ending much earlier, than what is in force.

    Only where a delivery is whole, so that its rows replace those before, and comes from
    where the last one of its part came: other files are other choices of the operator. The
    end counts where a quiet time is a sign of staleness, not in a register of rare events,
    and where the publisher does not declare it.

    Args:
        batch: The delivery.
        log: Deliveries of its source that were accepted, the newest last.
    """
    source, fetched = batch.source, batch.fetched
    earlier = [
        entry
        for entry in log  # what came again is held against what was there before it
        if entry.part == fetched.release.part and entry.content_sha256 != batch.sha256
    ]
    if source.deleted is not None or not earlier:
        return ()
    last = earlier[-1]
    if not ("://" in last.url and "://" in fetched.url) and last.url != fetched.url:
        return ()
    rule = thresholds()["quarantine"]
    before = last.rows_count
    least = min(int(before * rule["least_rows_share"]), before - rule["always_rows"])
    checks = [no_fewer_rows(least, before)] if least > 1 else []  # one the suite asks for
    declared = fetched.release.covers_until
    if source.dated_by and source.max_age_days and last.covers_until and not declared:
        day = last.covers_until - timedelta(days=rule["most_days_back"])
        checks.append(no_earlier_end(source.dated_by, day))
    return tuple(checks)


def no_fewer_rows(least: int, before: int) -> Check:
    """The delivery has at least so many rows."""
    return Check(
        "ExpectTableRowCountToBeBetween",
        {"min_value": least},
        "critical",
        f"2026-11: {before:,} rows were there before; quarantine.least_rows_share of "
        "config/thresholds.toml says why, and can be changed if the loss is meant",
    )


def no_earlier_end(column: str, least: date) -> Check:
    """The newest day of the delivery is no earlier than this one."""
    return Check(
        "ExpectColumnMaxToBeBetween",
        {"column": column, "min_value": datetime.combine(least, time.min)},
        "critical",
        "2026-11: figures went further before; quarantine.most_days_back of "
        "config/thresholds.toml says why, and can be changed if the loss is meant",
    )
