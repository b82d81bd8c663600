"""What a rehearsal means to readers: whose levels differ, and how many mails each would get."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from alerts.delivery import mail_kind
from alerts.digest import LINE_KEY, PASSED
from config.recipients import Recipient
from config.vocabulary import LEVELS

NONE = LEVELS[0]


def levels_for(levels: pl.DataFrame, flags: pl.DataFrame, recipient: Recipient) -> pl.DataFrame:
    """Levels that a reader is told of: places asked for, none below the lowest level asked for.

    Args:
        levels: ``region_id``, ``night``, ``alert_level``.
        flags: The same regions and nights, with ``country_code``.
        recipient: The reader.

    Returns:
        As ``levels``, of the reader's places alone.
    """
    places = flags.select("region_id", "night", "country_code")
    if recipient.countries or recipient.regions:
        places = places.filter(
            pl.col("country_code").is_in(recipient.countries)
            | pl.col("region_id").is_in(recipient.regions)
        )
    scale = pl.Enum(LEVELS)
    is_high_enough = pl.col("alert_level").cast(scale) >= pl.lit(recipient.lowest_level, scale)
    return levels.join(places, on=["region_id", "night"], how="semi").with_columns(
        alert_level=pl.when(is_high_enough).then("alert_level").otherwise(pl.lit(NONE))
    )


def mail_counts(
    levels: pl.DataFrame, flags: pl.DataFrame, lines: pl.DataFrame | None, recipient: Recipient
) -> Counter[str]:
    """Mails or texts that a reader gets on nights in a row, the first mail included, by kind.

    A level counts as told with the mail that tells it, as in the outbox. Nothing is muted.

    Args:
        levels: ``levels_for`` the reader.
        flags: ``night`` and ``is_stale``: on stale nights nothing is told of lines.
        lines: ``night``, ``line_id``, ``is_passed``; None: there are none.
        recipient: The reader.
    """
    stale_nights = set(flags.filter("is_stale")["night"])
    own_lines = [line.line_id for line in recipient.lines]
    of_night = {
        night[0]: part for night, part in levels.partition_by("night", as_dict=True).items()
    }
    counts: Counter[str] = Counter()
    mailed_levels: dict[str, str] = {}
    last_night = None
    for night in sorted(set(flags["night"])):
        now = {}
        if night in of_night:
            raised = of_night[night].filter(pl.col("alert_level") != NONE)
            now = dict(raised.select("region_id", "alert_level").iter_rows())
        is_stale = night in stale_nights
        if lines is not None and not is_stale:
            passed_lines = lines.filter(
                "is_passed", pl.col("line_id").is_in(own_lines), night=night
            )
            now |= {f"{LINE_KEY}{line_id}": PASSED for line_id in passed_lines["line_id"]}
        changes = {
            key
            for key in now.keys() | mailed_levels.keys()
            if now.get(key, NONE) != mailed_levels.get(key, NONE)
            and not (is_stale and key.startswith(LINE_KEY))
        }
        news = {key for key in changes if not key.startswith(LINE_KEY) or key in now}
        kind = mail_kind(recipient.when, night, last_night, has_news=bool(news))
        if kind is not None:
            counts[kind] += 1
            mailed_levels |= {key: now.get(key, NONE) for key in changes}
            last_night = night
    return counts


def readers_concerned(
    differences: pl.DataFrame,
    now: pl.DataFrame,
    then: pl.DataFrame,
    recipients: Sequence[Recipient],
) -> pl.DataFrame:
    """``differences`` with ``readers``: addresses of those who are told otherwise.

    Args:
        differences: ``indicators.rehearsal.alarm_differences``.
        now: ``levels_for`` every reader, one below the other, with ``address``.
        then: The same with the changed configuration.
        recipients: Whose order the addresses have.
    """
    key = ["address", "region_id", "night"]
    differing = (
        now.join(then, on=key, how="full", coalesce=True)
        .with_columns(pl.col("alert_level", "alert_level_right").fill_null(NONE))
        .filter(pl.col("alert_level") != pl.col("alert_level_right"))
    )
    stretches = differences.with_row_index("stretch").with_columns(
        first=pl.min_horizontal("first_night_now", "first_night_then"),
        last=pl.max_horizontal("last_night_now", "last_night_then"),
    )
    order = pl.Enum([recipient.address for recipient in recipients])
    of_stretch = (
        stretches.join(differing, on="region_id")
        .filter(pl.col("night").is_between("first", "last"))
        .group_by("stretch")
        .agg(readers=pl.col("address").cast(order).unique().sort().cast(pl.String))
    )
    return (
        stretches.join(of_stretch, on="stretch", how="left", maintain_order="left")
        .with_columns(pl.col("readers").fill_null([]))
        .drop("stretch", "first", "last")
    )
