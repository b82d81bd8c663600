"""Two replays of the same nights compared: which alarms differ, and which came true."""

import polars as pl

from config.vocabulary import LEVELS

NONE = LEVELS[0]
KINDS = ("appears", "vanishes", "moves", "same")
SIDES = ("now", "then")  # the configuration in force, and the changed one
KEY = ("region_id", "night")


def alert_levels(flags: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """Level told of every region and night: what readers get, hysteresis included.

    Args:
        flags: Every region and night: ``region_id``, ``night``.
        alerts: Regions with an alert, by night: ``alert_level``.

    Returns:
        ``region_id``, ``night``, ``alert_level`` (none where there was no alert).
    """
    return flags.select(KEY).join(
        alerts.select(*KEY, "alert_level"), on=KEY, how="left", maintain_order="left"
    ).with_columns(pl.col("alert_level").fill_null(NONE))  # fmt: skip


def alarm_differences(now: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    """Stretches of nights in which a region has a level on either side, and how they differ.

    A stretch ends where neither side has a level, so that an alarm given a night earlier or
    kept a night longer is one that moves, not one that vanishes and another that appears.

    Args:
        now: ``alert_levels`` with the configuration in force.
        then: The same with the changed one; regions of one side alone have no level on the other.

    Returns:
        One row a stretch, by region and first night: ``region_id``, ``kind`` (appears,
        vanishes, moves, same), of each side ``first_night_now``, ``last_night_now``,
        ``highest_now`` (null: no level), and ``differing_nights``.

    Example:
        >>> from datetime import date
        >>> nights = [date(2021, month, 25) for month in (1, 2, 3)]
        >>> def side(*levels):
        ...     return pl.DataFrame({"region_id": "a", "night": nights, "alert_level": levels})
        >>> alarm_differences(side("none", "watch", "none"), side("watch", "alarm", "none")).row(0)[
        ...     1
        ... ]
        'moves'
        >>> alarm_differences(side("watch", "none", "none"), side("none", "none", "alarm"))[
        ...     "kind"
        ... ].to_list()
        ['vanishes', 'appears']
    """
    nights = pl.concat([now["night"], then["night"]]).unique().sort()
    numbers = pl.DataFrame({"night": nights}).with_row_index("number")
    rank = pl.Enum(LEVELS)
    levels = (
        now.rename({"alert_level": "now"})
        .join(then.rename({"alert_level": "then"}), on=KEY, how="full", coalesce=True)
        .with_columns(pl.col(SIDES).fill_null(NONE).cast(rank))
        .filter(pl.any_horizontal(pl.col(SIDES) != NONE))
        .join(numbers, on="night")
        .sort("region_id", "number")
        .with_columns(
            stretch=pl.col("number").cast(pl.Int64)
            - pl.int_range(pl.len()).over("region_id", order_by="number")
        )
    )
    of_sides = {
        f"{name}_{side}": expression.filter(pl.col(side) != NONE)
        for side in SIDES
        for name, expression in (
            ("first_night", pl.col("night")), ("last_night", pl.col("night")),
            ("highest", pl.col(side)),
        )
    }  # fmt: skip
    ends = {"first_night": pl.Expr.min, "last_night": pl.Expr.max, "highest": pl.Expr.max}
    return (
        levels.group_by("region_id", "stretch")
        .agg(
            **{
                name: ends[name.rpartition("_")[0]](expression)
                for name, expression in of_sides.items()
            },
            differing_nights=(pl.col("now") != pl.col("then")).sum(),
            first=pl.col("night").min(),
        )
        .sort("region_id", "first")
        .select(
            "region_id",
            kind=pl.when(pl.col("first_night_now").is_null())
            .then(pl.lit("appears"))
            .when(pl.col("first_night_then").is_null())
            .then(pl.lit("vanishes"))
            .when(pl.col("differing_nights") > 0)
            .then(pl.lit("moves"))
            .otherwise(pl.lit("same")),
            **{
                name: pl.col(name).cast(pl.String) if name.startswith("highest") else pl.col(name)
                for name in of_sides
            },
            differing_nights="differing_nights",
        )
    )


def outcomes(flags: pl.DataFrame, levels: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Level and chance of each region and night whose window is known to its end, and what came.

    Args:
        flags: ``region_id``, ``night``, ``p_escalation``, ``escalation_threshold_count``,
            ``window_start_date``, ``window_end_date``.
        levels: ``alert_levels``.
        events: ``region_id`` and ``event_date`` of what came, up to the end of every window.

    Returns:
        ``region_id``, ``night``, ``alert_level``, ``p_escalation``, ``is_given`` (given or raised
        that night), ``is_escalation``.
    """
    daily = (
        events.drop_nulls()
        .group_by("region_id", "event_date")
        .len()
        .sort("region_id", "event_date")
        .with_columns(events_to_date=pl.col("len").cum_sum().over("region_id"))
        .drop("len")
        .sort("event_date")
    )

    def events_until(day: str, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        with_counts = frame.sort(day).join_asof(
            daily, left_on=day, right_on="event_date", by="region_id", check_sortedness=False
        )
        return with_counts.with_columns(
            pl.col("events_to_date").fill_null(0).cast(pl.Int64).alias(name)
        ).drop("events_to_date", "event_date")

    windows = flags.with_columns(day_before=pl.col("window_start_date") - pl.duration(days=1))
    windows = events_until("window_end_date", "until_end", windows)
    windows = events_until("day_before", "until_start", windows)
    rank = pl.col("alert_level").cast(pl.Enum(LEVELS)).to_physical().cast(pl.Int8)
    level_nights = levels.sort("region_id", "night").with_columns(
        is_given=rank > rank.shift(1, fill_value=0).over("region_id")
    )
    return (
        windows.join(level_nights, on=KEY)
        .select(
            *KEY,
            "alert_level",
            "p_escalation",
            "is_given",
            is_escalation=pl.col("until_end") - pl.col("until_start")
            >= pl.col("escalation_threshold_count"),
        )
        .sort(KEY)
    )


def alarm_scores(cells: pl.DataFrame) -> dict[str, float | int | None]:
    """Scores of one side: ``outcomes`` summed up.

    Returns:
        ``cells_count`` (region-nights with an outcome), ``escalations_count`` of them;
        ``flagged_share`` with a level; of alarms (levels given or raised) ``came_count`` and
        ``did_not_come_count``; ``warned_count``, escalations on whose night there was a level;
        ``brier``, the mean squared error of the chance (Brier 1950). Shares and means are None
        without cells.

    Example:
        >>> cells = pl.DataFrame(
        ...     {
        ...         "alert_level": ["none", "watch", "watch"],
        ...         "p_escalation": [0.1, 0.2, 0.4],
        ...         "is_given": [False, True, False],
        ...         "is_escalation": [False, False, True],
        ...     }
        ... )
        >>> scores = alarm_scores(cells)
        >>> scores["came_count"], scores["did_not_come_count"], scores["warned_count"]
        (0, 1, 1)
        >>> round(scores["brier"], 4)  # (0.01 + 0.04 + 0.36) / 3
        0.1367
    """
    is_flagged = pl.col("alert_level") != NONE
    error = pl.col("p_escalation") - pl.col("is_escalation").cast(pl.Float64)
    return cells.select(
        cells_count=pl.len(),
        escalations_count=pl.col("is_escalation").sum(),
        flagged_share=is_flagged.mean(),
        came_count=(pl.col("is_given") & pl.col("is_escalation")).sum(),
        did_not_come_count=(pl.col("is_given") & ~pl.col("is_escalation")).sum(),
        warned_count=(is_flagged & pl.col("is_escalation")).sum(),
        brier=error.pow(2).mean(),
    ).row(0, named=True)
