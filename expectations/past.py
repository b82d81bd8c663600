"""Checks of a delivery against the one of the same source that it would replace."""

from datetime import date, datetime, time, timedelta

import polars as pl

from config.registry import Source, countries, thresholds
from expectations.checks import RESULT_SCHEMA, Check
from warehouse.landing import AcceptedDelivery, Batch
from warehouse.sources.tables import fetch_file

LOSSES_SHOWN = 4


def previous_delivery_checks(batch: Batch, log: list[AcceptedDelivery]) -> tuple[Check, ...]:
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
        if entry.partition == fetched.release.partition and entry.content_sha256 != batch.sha256
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
    declared_end = fetched.release.covers_until
    if source.dated_by and source.max_age_days and last.covers_until and not declared_end:
        day = last.covers_until - timedelta(days=rule["most_days_back"])
        checks.append(no_earlier_end(source.dated_by, day))
    return tuple(checks)


def no_great_loss(batch: Batch, losses: pl.DataFrame) -> pl.DataFrame:
    """Result of a check: the delivery leaves most of what is in force.

    A part given as the whole, a country's file, a cut download or a much older release would
    turn alarms off without a word. Compared is what is in force of the source, from wherever
    it came; so it holds for whatever road a delivery takes. A register kept by hand is its
    keeper's choice: of that a loss is told, as a warning, and not refused.

    Args:
        batch: The delivery.
        losses: What it would withdraw, as ``warehouse.history.losses`` says.
    """
    rule = thresholds()["quarantine"]
    source = batch.source
    is_register = any(release.file.startswith("registers/") for release in source.embedded)
    name_of_country = _country_names()
    is_whole = pl.col("place").is_null() & ~pl.col("is_recent")
    lost_most = (
        (pl.col("lost_count") > (1 - rule["least_rows_share"]) * pl.col("rows_count"))
        & (pl.col("lost_count") > rule["always_rows"])
        & (is_whole | (pl.col("lost_count") >= rule["least_lost_of_a_place"]))
    )
    losses_in_words = []
    for row in losses.filter(lost_most).iter_rows(named=True):
        place = row["place"]
        scope = [name_of_country.get(place, place)] if place else []
        scope += ["the last twelve months"] if row["is_recent"] else []
        of = f" of {', '.join(scope)}" if scope else ""
        losses_in_words.append(f"{row['lost_count']:,} of {row['rows_count']:,} rows in force{of}")
    whole = losses.filter(is_whole).to_dicts()
    if whole and whole[0]["lost_count"] == whole[0]["rows_count"]:
        losses_in_words = losses_in_words[:1]  # and so all of every place
    if source.max_age_days and source.dated_by and whole and whole[0]["newest"]:
        newest, last = whole[0]["newest"], batch.rows[source.dated_by].max()
        days = (newest - last).days if isinstance(last, date) else 0
        is_lost = whole[0]["lost_count"] > rule["always_rows"]
        if is_lost and days > rule["most_days_back"]:
            losses_in_words.append(f"every row of the last {days} days, up to {newest}")
    return _result(
        source,
        f"NoGreatLoss: at least {rule['least_rows_share']:.0%} of what is in force is left",
        None,
        "warning" if is_register else "critical",
        losses_in_words,
        "2026-11: config/thresholds.toml, quarantine.least_rows_share",
    )


def no_country_missing(batch: Batch) -> pl.DataFrame:
    """Result of a check of a first whole delivery, before which nothing was in force.

    It has rows of every country of the area of which the embedded release, whose place it takes,
    has many of the same days: one country's file as the whole would make all others look quiet.

    Args:
        batch: The delivery.
    """
    source, release = batch.source, batch.fetched.release
    least = thresholds()["quarantine"]["least_lost_of_a_place"]
    place = source.place_column
    missing: list[str] = []
    takes_its_place = release not in source.embedded and release.complete_where == "true"
    if takes_its_place and source.embedded_here and place and source.dated_by:
        embedded = fetch_file(source, source.embedded_here[-1].address)
        days = batch.rows[source.dated_by]
        counts = (
            source.parse(embedded.content, embedded.url)
            .filter(
                pl.col(source.dated_by).is_between(days.min(), days.max()),
                ~pl.col(place).is_in(batch.rows[place].unique().implode()),
            )
            .group_by(pl.col(place).cast(pl.String))
            .len()
            .filter(pl.col("len") >= least)
        )
        name_of_country = _country_names()
        missing = [
            f"no row of {name_of_country[code]}, {count:,} in the embedded release"
            for code, count in counts.sort("len", descending=True).rows()
            if code in name_of_country
        ]
    return _result(
        source,
        f"NoCountryMissing: of which the embedded release has {least} rows or more",
        place,
        "critical",
        missing,
        "2026-11: config/thresholds.toml, quarantine.least_lost_of_a_place",
    )


def _country_names() -> dict[str, str]:
    """Of the area's countries, by their number (Gleditsch and Ward) and by their code."""
    numbers = countries().select(pl.col("gw_number").cast(pl.String), "country_name").rows()
    return dict([*numbers, *countries().select("country_code", "country_name").rows()])


def _result(
    source: Source, expectation: str, column: str | None, severity: str, faults: list[str],
    notes: str,
) -> pl.DataFrame:  # fmt: skip
    """Result of a check of a delivery as a whole, which has no fault if it holds."""
    observed = "; ".join(faults[:LOSSES_SHOWN]) or None
    row = (
        f"landing.{source.name}", expectation, column, severity, not faults, None, observed, notes,
    )  # fmt: skip
    return pl.DataFrame([row], schema=RESULT_SCHEMA, orient="row")


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
