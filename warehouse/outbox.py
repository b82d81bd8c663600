"""What the operator does with mails: look at them, approve, send again, mute a region."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl

from config.registry import regions
from config.vocabulary import LEVELS
from warehouse.connect import WarehouseError
from warehouse.marts import newest_night
from warehouse.query import run_sql


def mails(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row a mail, the newest first; ``message`` is enough of its id to name it."""
    return run_sql(con, "outbox/list").pl()


def mail(con: duckdb.DuckDBPyConnection, message: str) -> dict[str, Any]:
    """A mail with its bytes, by the beginning of its id or by its recipient (then the newest).

    Raises:
        WarehouseError: There is none, more than one begins so, or its bytes are gone.
    """
    candidates = run_sql(con, "outbox/find", message=message).pl()
    if candidates.is_empty():
        raise WarehouseError(f"no mail {message!r}; tocsin alerts lists them")
    if candidates.height > 1 and candidates["recipient"][0] != message:
        raise WarehouseError(
            f"{message!r} begins {candidates.height} mails; write more of it (tocsin alerts lists "
            "them)"
        )
    row = candidates.row(0, named=True)
    if row["content"] is None:
        raise WarehouseError(
            f"{message}: the bytes of {row['subject']!r} are gone, a month after it was "
            f"{row['status']}"
        )
    return row


def notified_of_future_nights(
    con: duckdb.DuckDBPyConnection, today: date
) -> list[tuple[str, date]]:
    """Recipients, with the night, who were mailed of a night to come and not since of another.

    The next run corrects it: ``tocsin nightly`` mails them of tonight, changed or not.
    """
    rows = run_sql(con, "outbox/future_notifications", recipient=None, today=today).fetchall()
    return sorted({(recipient, night) for recipient, night, *_ in rows})


def overdue(con: duckdb.DuckDBPyConnection, queued_before: datetime) -> tuple[int, datetime | None]:
    """How many mails queued before an instant were never tried, and when the last went out."""
    (row,) = con.execute(
        "select count(*) filter (where status = 'queued' and attempts = 0 "
        "and queued_at < $queued_before), max(finished_at) from ops.outbox",
        {"queued_before": queued_before},
    ).fetchall()
    count, last = row
    return count, last


def failed_attempts(con: duckdb.DuckDBPyConnection) -> list[tuple[str, datetime]]:
    """Of mails that wait after an attempt that failed, the newest first: why, and the next try."""
    return con.execute(
        "select detail, next_try_at from ops.outbox where status = 'queued' and attempts > 0 "
        "order by queued_at desc, message_id"
    ).fetchall()


def operator_subjects(con: duckdb.DuckDBPyConnection, operator: str) -> set[str]:
    """Keys of the matters of which the operator was notified, by mails that were not given up."""
    rows = con.execute(
        "select subject_key from ops.notification inner join ops.outbox using (message_id) "
        "where kind = 'operator' and recipient = $operator "
        "and status not in ('lapsed', 'expired', 'refused')",
        {"operator": operator},
    ).fetchall()
    return {key for (key,) in rows}


def status_and_detail(
    con: duckdb.DuckDBPyConnection, message_id: str
) -> tuple[str, str | None] | None:
    """What became of the mail of this id; None: the outbox has none."""
    query = "select status, detail from ops.outbox where message_id = $message_id"
    rows = con.execute(query, {"message_id": message_id}).fetchall()
    return rows[0] if rows else None


def notify(con: duckdb.DuckDBPyConnection, message_id: str, levels: Mapping[str, str]) -> None:
    """Enter of what a mail notifies: the level by region, or '' by matter of the operator."""
    for subject_key, level in levels.items():
        con.execute(
            "insert into ops.notification values ($message_id, $subject_key, $level)",
            {"message_id": message_id, "subject_key": subject_key, "level": level},
        )


def park(con: duckdb.DuckDBPyConnection, recipient: str, reason: str, now: datetime) -> None:
    """Send nothing to an address any more, until ``requeue`` takes it up again."""
    con.execute(
        "insert or replace into ops.parked values ($recipient, $now, $reason)",
        {"recipient": recipient, "now": now, "reason": reason},
    )


def approve(
    con: duckdb.DuckDBPyConnection, message: str | None, who: str, now: datetime
) -> list[str]:
    """Ids of the mails that are let go: the one named, or all that wait for approval.

    Raises:
        WarehouseError: It is not held.
    """
    if message is None:
        message_ids = mails(con).filter(status="held")["message_id"].to_list()
    else:
        one = mail(con, message)
        if one["status"] != "held":
            raise WarehouseError(f"{message}: is {one['status']}, not held")
        message_ids = [str(one["message_id"])]
    for identity in message_ids:
        con.execute(
            "update ops.outbox set status = 'queued', approved_by = $who, held_until = null, "
            "detail = 'approved ' || strftime($now::timestamp, '%Y-%m-%d %H:%M') "
            "where message_id = $identity",
            {"who": who, "now": now, "identity": identity},
        )
    return message_ids


def requeue(con: duckdb.DuckDBPyConnection, message: str) -> str:
    """Queue a mail anew, whatever became of it, and take its address up again; returns its id.

    Raises:
        WarehouseError: There is none, or its bytes are gone.
    """
    one = mail(con, message)
    con.execute(
        "update ops.outbox set status = 'queued', attempts = 0, next_try_at = null, "
        "not_before = null, held_until = null, finished_at = null where message_id = $identity",
        {"identity": one["message_id"]},
    )
    con.execute(
        "delete from ops.parked where recipient = $recipient", {"recipient": one["recipient"]}
    )
    return str(one["message_id"])


def mute(
    con: duckdb.DuckDBPyConnection,
    region_id: str,
    until: date | None,
    who: str,
    why: str,
    now: datetime,
) -> None:
    """Mail nobody of a region until a night has passed; None: mail again.

    Raises:
        WarehouseError: There is no such region.
    """
    if region_id not in regions()["region_id"].to_list():
        raise WarehouseError(f"{region_id}: no such region; tocsin regions match finds its id")
    con.execute("delete from ops.mute where region_id = $region_id", {"region_id": region_id})
    if until is not None:
        con.execute(
            "insert into ops.mute values ($region_id, $until, $who, $why, $now)",
            {"region_id": region_id, "until": until, "who": who, "why": why, "now": now},
        )


def operator_findings(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Matters the operator must know of: key (constant while it lasts), subject, text."""
    night = newest_night(con)
    return run_sql(con, "outbox/operator_findings", night=night).fetchall() if night else []


def latest_alerts(
    con: duckdb.DuckDBPyConnection,
) -> tuple[date | None, pl.DataFrame, dict[str, date]]:
    """The newest night, its alerts with the gravest first, and regions muted then.

    Beside an alert stand the region's name and country and how violent it is (null: an older
    Tocsin did not say).
    """
    night = newest_night(con)
    if night is None:
        return None, pl.DataFrame(), {}
    rank = pl.col("alert_level").replace_strict({n: i for i, n in enumerate(LEVELS)})
    alerts = run_sql(con, "mart/as_of_night", {"mart_table": "mart.alert"}, night=night).pl()
    flags = run_sql(con, "mart/as_of_night", {"mart_table": "mart.flag"}, night=night).pl()
    if "intensity" not in flags.columns:
        flags = flags.with_columns(intensity=pl.lit(None, pl.String))
    with_names = alerts.join(
        flags.select("region_id", "region_name", "country_code", "intensity"),
        on="region_id", how="left", validate="1:1",
    )  # fmt: skip
    return (
        night,
        with_names.sort(rank, "region_id", descending=[True, False]),
        muted_regions(con, night),
    )


def muted_regions(con: duckdb.DuckDBPyConnection, night: date) -> dict[str, date]:
    """Regions of which nobody is mailed on ``night``, and until when."""
    return dict(
        con.execute(
            "select region_id, until_night from ops.mute where until_night >= $night",
            {"night": night},
        ).fetchall()
    )
