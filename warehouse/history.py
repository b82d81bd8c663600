"""From deliveries to versions: every row a source ever sent, with the time it was believed."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from config.registry import Fetched, Release, Source, SourceError
from warehouse.landing import (
    KEY,
    AcceptedDelivery,
    Batch,
    bounded_complete_where,
    deliveries,
    landed_bytes,
)
from warehouse.query import rows_changed, run_sql
from warehouse.vintages import known_on

# How a version ends and begins, by whether its source is a register kept by hand. A figure is
# believed until another comes. An entry says itself from when it was known; what it replaces
# was a mistake of ours, and is not believed of any night. When either was entered stands beside.
CLOSING = {False: "known_to = $known_at", True: "known_to = known_from, left_at = $known_at"}
REGISTER_VALUES = {False: "", True: "$known_at as entered_at, null::timestamp as left_at,"}
QUARANTINED_SCHEMA = {
    "row": pl.Int64,
    **dict.fromkeys(("row_key", "rule", "value", "sent"), pl.String),
}


def catch_up(
    con: duckdb.DuckDBPyConnection, source: Source, folder: Path, fresh: Sequence[Batch] = ()
) -> int:
    """Bring the history of a source up to its log; one transaction a delivery.

    Args:
        con: The working file.
        source: The source.
        folder: Landing folder.
        fresh: Batches just accepted, which need not be read and parsed again.

    A delivery that became known before one already merged (an older release, loaded
    later) rebuilds the source's history from the landed bytes; so does an empty warehouse.

    Returns:
        Versions begun.

    Raises:
        SourceError: Landed bytes, or entries of deliveries that were merged, are missing or
            cannot be read.
    """
    log = deliveries(source, folder)
    merged_ids = {row[0] for row in run_sql(con, "history/merged", source=source.name).fetchall()}
    merged_count = len(merged_ids)
    fresh_batch = {batch.sha256: batch for batch in fresh if batch.source is source}
    versions_begun = 0
    if missing := sorted(merged_ids - {entry.batch_id for entry in log}):
        raise SourceError(
            f"{source.name}: {folder / source.name / 'log'} no longer tells of {len(missing)} of "
            f"{merged_count} deliveries that were merged ({missing[0]}); restore the folder, or "
            "give 'tocsin repair --force': what only they told is forgotten"
        )
    if {entry.batch_id for entry in log[:merged_count]} == merged_ids:
        for number in range(merged_count, len(log)):
            with transaction(con):
                entry = log[number]
                batch = fresh_batch.get(entry.content_sha256)
                if batch is None or batch.quarantined != entry.quarantined:
                    batch = landed_batch(source, entry, folder)
                versions_begun += _merge(con, source, entry, batch, log[:number])
        return versions_begun
    with transaction(con):
        con.execute(f"delete from history.{source.name}")
        con.execute("delete from ops.batch where source = $source", {"source": source.name})
        con.execute("delete from ops.quarantine where source = $source", {"source": source.name})
        for number, entry in enumerate(log):
            versions_begun += _merge(
                con, source, entry, landed_batch(source, entry, folder), log[:number]
            )
    return versions_begun


def count_in_force(con: duckdb.DuckDBPyConnection, source: Source) -> int:
    """How many rows of a source are in force."""
    query = f"select count(*) from history.{source.name} where known_to is null"
    return int(con.execute(query).fetchall()[0][0])


def rows_in_force(con: duckdb.DuckDBPyConnection, source: Source) -> pl.DataFrame:
    """Rows of a source in force: ``row_key`` and ``row``, a digest of its columns."""
    names = ", ".join(f'"{name}"' for name in source.columns)
    return con.execute(
        f"select row_key, md5(row({names})::varchar) as row from history.{source.name} "
        "where known_to is null"
    ).pl()


def losses(con: duckdb.DuckDBPyConnection, source: Source, batch: Batch) -> pl.DataFrame:
    """Rows in force that a delivery would withdraw, of all that it says it holds in full.

    Returns:
        Columns place (a country; null: all), is_recent (of the last twelve months alone),
        rows_count in force, lost_count of them withdrawn, newest and newest_left (days in force,
        and of what would be left); all of all first.
    """
    fetched = batch.fetched
    keys = batch.parsed_rows[KEY]
    deleted = source.deleted(fetched.content, fetched.url) if source.deleted else None
    con.register("delivered", keys.drop_nulls().alias("row_key").to_frame())
    con.register(
        "deleted", batch.parsed_rows.select(source.key)[:0] if deleted is None else deleted
    )
    is_absence_telling = deleted is None and not keys.is_null().any()
    words = {
        "source_table": f"history.{source.name}",
        "place": source.place_column or "null",
        "day": source.dated_by or "null",
        "complete_where": bounded_complete_where(source, fetched.release)
        if is_absence_telling or deleted is not None else "false",
        "lost_where": "row_key not in (select row_key from delivered)" if is_absence_telling
        else f"row_key in (select {_key(source)} from deleted)",
    }  # fmt: skip
    try:
        return run_sql(con, "history/losses", words).pl()
    finally:
        con.unregister("delivered")
        con.unregister("deleted")


class transaction:  # noqa: N801 (reads as a statement)
    """All of the block or nothing of it."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con

    def __enter__(self) -> None:
        self.con.begin()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.con.commit()
        else:
            self.con.rollback()


def _merge(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    entry: AcceptedDelivery,
    batch: Batch,
    earlier: Sequence[AcceptedDelivery],
) -> int:
    """Close and open versions so that they say what was believed since ``entry.known_at``."""
    rows, content = batch.rows, batch.fetched.content
    deleted = source.deleted(content, entry.url) if source.deleted else rows.select(source.key)[:0]
    con.register("delivered", rows.with_columns(known_assumed_at=_known_assumed_at(source, rows)))
    con.register("deleted", deleted)
    quarantined = [row.model_dump() for row in entry.quarantined]
    con.register("quarantined", pl.DataFrame(quarantined, schema=QUARANTINED_SCHEMA))
    words = _merge_words(source, entry, earlier)
    try:
        run_sql(con, "history/incoming", words)
        run_sql(con, "history/withdrawn", words)
        run_sql(con, "history/close", words, known_at=entry.known_at)
        instant = {"known_at": entry.known_at, "known_basis": entry.known_basis}
        batch_id = entry.batch_id
        versions_begun = rows_changed(
            run_sql(con, "history/open", words, batch_id=batch_id, **instant)
        )
        logged = entry.model_dump(exclude={"quarantined", "released_from"})
        run_sql(con, "history/batch", batch_id=batch_id, **logged)
        part: dict[str, Any] = {
            "source": source.name, "part": entry.partition, "known_at": entry.known_at,
        }  # fmt: skip
        run_sql(con, "history/leave_quarantine", words, is_snapshot=entry.is_snapshot, **part)
        run_sql(con, "history/enter_quarantine", batch_id=batch_id, **part)
        con.execute("drop table incoming")
        con.execute("drop table withdrawn")
        return versions_begun
    finally:
        for name in ("delivered", "deleted", "quarantined"):
            con.unregister(name)


def _merge_words(
    source: Source, entry: AcceptedDelivery, earlier: Sequence[AcceptedDelivery]
) -> dict[str, str]:
    """What stands for the placeholders of the statements that merge a delivery."""
    # Where a row has no key, the absence of another says nothing.
    is_absence_telling = entry.is_snapshot and all(
        row.row_key is not None for row in entry.quarantined
    )
    return {
        "source_table": f"history.{source.name}",
        "closing": CLOSING[source.is_by_hand],
        "register_columns": REGISTER_VALUES[source.is_by_hand],
        "is_by_hand": str(source.is_by_hand).lower(),
        "row_key": _key(source),
        "replaces_where": _replaces_where(source, entry, earlier),
        "complete_where": entry.complete_where if is_absence_telling else "false",
        "expected_where": _expected_where(source, earlier),
    }


def differs_where(source: Source) -> str:
    """SQL condition: the row ``new`` does not say what the row ``old`` says."""
    return " or ".join(
        f'old."{name}" <> new."{name}"'  # null where one of them lacks it
        if name in source.optional
        else f'old."{name}" is distinct from new."{name}"'
        for name in source.columns
    )


def _replaces_where(
    source: Source, entry: AcceptedDelivery, earlier: Sequence[AcceptedDelivery]
) -> str:
    """SQL condition: the row ``new`` of a delivery begins a version in place of ``old``.

    An older edit does not. A month's count that is sent again when the month is known, by the
    declared lag, says more than it did before; the same bytes, read again, do not.
    """
    if source.edited_by:
        edit = f'"{source.edited_by}"'
        return f"({differs_where(source)}) and coalesce(new.{edit} >= old.{edit}, true)"
    if source.event_grain != "month":
        return differs_where(source)
    same = [e for e in earlier if e.content_sha256 == entry.content_sha256]
    sent_on = min(e.known_at.date() for e in (*same, entry))
    due = known_on(source.lag, f"old.{source.dated_by}")
    return f"{differs_where(source)} or old.known_from::date < {due} and {due} <= date '{sent_on}'"


def _key(source: Source) -> str:
    parts = ", ".join(f"coalesce(\"{name}\"::varchar, '∅')" for name in source.key)
    return f"concat_ws('|', {parts})"


def landed_batch(source: Source, entry: AcceptedDelivery, folder: Path) -> Batch:
    """An accepted delivery, to be parsed again.

    Raises:
        SourceError: Its bytes are gone or no longer what was received.
    """
    release = Release(entry.source_version)
    fetched = Fetched(landed_bytes(entry, folder), entry.url, entry.fetched_at, release)
    return Batch(source, fetched, entry.content_sha256, is_new=False, quarantined=entry.quarantined)


def _expected_where(source: Source, earlier: Sequence[AcceptedDelivery]) -> str:
    """SQL condition: an earlier delivery would have had this row, had the source known it."""
    if source.dated_by is None:
        return " or ".join({f"({entry.complete_where})" for entry in earlier}) or "false"
    until: dict[str, date] = {}
    for entry in earlier:
        if entry.covers_until:
            until[entry.complete_where] = max(
                entry.covers_until, until.get(entry.complete_where, date.min)
            )
    bounds = [f"(({where}) and {source.dated_by} <= date '{day}')" for where, day in until.items()]
    return " or ".join(bounds) or "false"


def _known_assumed_at(source: Source, rows: pl.DataFrame) -> pl.Expr:
    """When rows became known by the declared lag, or on the day of publication where read.

    The lag of a day known only to the month counts from the month's end. Reference data (no
    ``dated_by``) are assumed known at all times.
    """
    known_at: pl.Expr = pl.lit("1900-01-01").str.to_datetime(time_unit="us")
    if source.dated_by:
        day = pl.col(source.dated_by)
        if "date_precision" in rows.columns:
            is_month = pl.col("date_precision").str.starts_with("month").fill_null(False)
            day = pl.when(is_month).then(day.dt.month_end()).otherwise(day)
        known_at = source.lag.known_at(day)
    if "published_on" in rows.columns:
        known_at = pl.coalesce(pl.col("published_on").cast(pl.Datetime("us")), known_at)
    return known_at
