"""The life of an alert: new, raised, ongoing, lowered, closed, and what each change rests on."""

from datetime import date, datetime, time

import polars as pl

from config.months import month_numbers
from config.vocabulary import CAUSES, LEVELS

NEWS, REVISION, MODEL, BOUNDARIES, SOURCES = CAUSES
COLUMNS = {
    "region_id": pl.String,
    "alert_status": pl.String,
    "alert_level": pl.String,
    "level_before": pl.String,
    "cause": pl.String,
    "opened_night": pl.Date,
    "changed_night": pl.Date,
    "changed_data_month": pl.Date,
    "changed_p_escalation": pl.Float64,
    "boundaries_version": pl.String,
    "model_version": pl.String,
    "undercut_month": pl.Date,
    "undercut_level": pl.String,
    "data_month": pl.Date,
}
NO_ALERTS = pl.DataFrame(schema=COLUMNS)


def is_revised(counts: pl.DataFrame, previous: pl.DataFrame) -> bool:
    """Whether a figure of a month published before is another one now.

    Args:
        counts: ``place_id``, ``month_start``, ``value``.
        previous: The same as published on an earlier night.

    Example:
        >>> may = pl.DataFrame({"place_id": ["a"], "month_start": [date(2021, 5, 1)], "value": [1]})
        >>> is_revised(may, may), is_revised(may, may.with_columns(value=2))
        (False, True)
    """
    both = counts.join(previous, on=["place_id", "month_start"])
    return bool((both["value"] != both["value_right"]).any())


def events_on_previous_vintage(
    versions: pl.DataFrame, previous_night: date, newest_month: date
) -> pl.DataFrame:
    """Events of months published before as they were believed then, later ones as now.

    Args:
        versions: Core versions of events up to tonight.
        previous_night: The last night before tonight.
        newest_month: Newest month with figures on it.

    Example:
        >>> from datetime import datetime
        >>> rows = pl.DataFrame(
        ...     {
        ...         "event_id": ["a", "a", "b"],
        ...         "event_date": [date(2021, 5, 3), date(2021, 5, 3), date(2021, 6, 1)],
        ...         "deaths_best_count": [3, 40, 1],
        ...         "known_from": [datetime(2021, month, 20) for month in (6, 7, 7)],
        ...         "known_to": [datetime(2021, 7, 20), None, None],
        ...     }
        ... )
        >>> events = events_on_previous_vintage(rows, date(2021, 6, 25), date(2021, 5, 1))
        >>> events["deaths_best_count"].to_list()
        [3, 1]
    """
    evening = datetime.combine(previous_night, time.max)
    was_published = pl.col("event_date") <= pl.lit(newest_month).dt.month_end()
    in_force_then = (pl.col("known_from") <= evening) & (
        pl.col("known_to").is_null() | (pl.col("known_to") > evening)
    )
    return versions.filter(
        pl.when(was_published).then(in_force_then).otherwise(pl.col("known_to").is_null())
    )


def causes(
    flags: pl.DataFrame, previous: pl.DataFrame, on_previous_vintage: pl.DataFrame | None
) -> pl.DataFrame:
    """The cause of a change of level since the night before, if there is one.

    A new model, other boundaries or other event sources make levels incomparable, so they are
    named first. A revision is the cause where the level would be another one had the months
    known to the night before kept the figures they had then.

    Args:
        flags: Tonight's, with ``boundaries_version``, ``model_version`` and ``rests_on``.
        previous: The same of the night before; empty: there was none.
        on_previous_vintage: ``region_id`` and ``level_unrevised``; None: nothing was revised.

    Returns:
        ``region_id`` and ``cause``: model, boundaries, sources, revision or news.

    Example:
        >>> versions = {"boundaries_version": "b", "model_version": "m", "rests_on": "u"}
        >>> night = pl.DataFrame([{"region_id": r, "level": "watch", **versions} for r in "ab"])
        >>> levels = pl.DataFrame({"region_id": ["a"], "level_unrevised": ["none"]})
        >>> causes(night, night, levels)["cause"].to_list()
        ['revision', 'news']
    """
    if on_previous_vintage is None:
        on_previous_vintage = flags.select("region_id", level_unrevised="level")
    rested_on = pl.col("rests_on") if "rests_on" in previous.columns else pl.lit(None, pl.String)
    versions = previous.select(
        "region_id",
        previous_model="model_version",
        previous_boundaries="boundaries_version",
        previous_sources=rested_on,  # nights before it was said: on one source
    )
    with_versions = flags.join(versions, on="region_id", how="left", maintain_order="left").join(
        on_previous_vintage, on="region_id", how="left", maintain_order="left"
    )
    return with_versions.select(
        "region_id",
        cause=pl.when(pl.col("previous_model") != pl.col("model_version"))
        .then(pl.lit(MODEL))
        .when(pl.col("previous_boundaries") != pl.col("boundaries_version"))
        .then(pl.lit(BOUNDARIES))
        .when(pl.col("previous_sources") != pl.col("rests_on"))
        .then(pl.lit(SOURCES))
        .when(pl.col("level_unrevised") != pl.col("level"))
        .then(pl.lit(REVISION))
        .otherwise(pl.lit(NEWS)),
    )


def advance_alerts(flags: pl.DataFrame, previous: pl.DataFrame, night: date) -> pl.DataFrame:
    """Tonight's alerts from tonight's levels and the alerts of the night before.

    A level rises at once. It falls to what two data months in a row have undercut (the
    higher of the two), since a single quiet month says little; at once where a revision, a
    new model or other boundaries took its ground away, or where more than a month went by
    unseen; not where an event source fell out, since what it would say is not known. While the
    figures are stale nothing changes.

    Args:
        flags: Every region: ``region_id``, ``level``, ``p_escalation``, ``data_month``,
            ``is_stale``, ``cause`` and the two versions.
        previous: The result for the last night before; ``NO_ALERTS`` if there is none.
        night: Tonight.

    Returns:
        One row a region above the threshold, or fallen below it tonight; ``COLUMNS``.
    """
    alerts_before = previous.filter(pl.col("alert_level") != LEVELS[0]).rename(
        {name: f"previous_{name}" for name in COLUMNS if name != "region_id"}
    )
    rank, previous_rank = _rank("level"), _rank("previous_alert_level").fill_null(0)
    months, previous_months = (
        month_numbers(pl.col(name)) for name in ("data_month", "previous_data_month")
    )
    skipped_a_month = months - previous_months > 1
    undercut_twice = pl.col("data_month") > pl.col("previous_undercut_month")
    both = (
        flags.join(alerts_before, on="region_id", how="left", maintain_order="left")
        .with_columns(
            level=rank, previous_rank=previous_rank, first_undercut=_rank("previous_undercut_level")
        )
        .with_columns(
            new_rank=pl.when("is_stale")
            .then(pl.col("previous_rank"))
            .when(
                (pl.col("level") >= pl.col("previous_rank"))
                | ~pl.col("cause").is_in([NEWS, SOURCES])
                | skipped_a_month.fill_null(False)
            )
            .then(pl.col("level"))
            .when(undercut_twice.fill_null(False))
            .then(pl.max_horizontal("level", "first_undercut"))
            .otherwise(pl.col("previous_rank"))
        )
        .filter((pl.col("new_rank") > 0) | (pl.col("previous_rank") > 0))
    )
    is_changed = pl.col("new_rank") != pl.col("previous_rank")
    is_undercut = pl.col("level") < pl.col("new_rank")

    def at_change(now: pl.Expr, column: str) -> pl.Expr:
        return pl.when(is_changed).then(now).otherwise(pl.col(f"previous_{column}")).alias(column)

    def undercut(now: pl.Expr, column: str) -> pl.Expr:
        if_stale = pl.when("is_stale").then(pl.col(f"previous_{column}"))
        return if_stale.when(is_undercut).then(now).alias(column)

    return both.select(
        "region_id",
        alert_status=pl.when(~is_changed)
        .then(pl.lit("ongoing"))
        .when(pl.col("previous_rank") == 0)
        .then(pl.lit("new"))
        .when(pl.col("new_rank") > pl.col("previous_rank"))
        .then(pl.lit("raised"))
        .when(pl.col("new_rank") > 0)
        .then(pl.lit("lowered"))
        .otherwise(pl.lit("closed")),
        alert_level=_name("new_rank"),
        level_before=pl.when(is_changed)
        .then(_name("previous_rank"))
        .otherwise(pl.col("previous_level_before")),
        cause=at_change(pl.col("cause"), "cause"),
        opened_night=pl.when(pl.col("previous_rank") == 0)
        .then(pl.lit(night))
        .otherwise(pl.col("previous_opened_night")),
        changed_night=at_change(pl.lit(night), "changed_night"),
        changed_data_month=at_change(pl.col("data_month"), "changed_data_month"),
        changed_p_escalation=at_change(pl.col("p_escalation"), "changed_p_escalation"),
        boundaries_version=at_change(pl.col("boundaries_version"), "boundaries_version"),
        model_version=at_change(pl.col("model_version"), "model_version"),
        undercut_month=undercut(pl.col("data_month"), "undercut_month"),
        undercut_level=undercut(_name("level"), "undercut_level"),
        data_month="data_month",
    ).cast(COLUMNS)  # type: ignore[arg-type]


def _rank(column: str) -> pl.Expr:
    ranks = {name: rank for rank, name in enumerate(LEVELS)}
    return pl.col(column).replace_strict(ranks, return_dtype=pl.Int8)


def _name(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(dict(enumerate(LEVELS)), return_dtype=pl.String)
