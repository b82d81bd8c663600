"""Rows that were sent but are not believed: those in quarantine, and releasing one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from config.registry import Source, SourceError
from warehouse.history import catch_up, landed_batch
from warehouse.landing import (
    KEY,
    ROW,
    Batch,
    QuarantineOverride,
    add_override,
    deliveries,
    land_released,
    overrides,
    row_key,
)
from warehouse.query import run_sql
from warehouse.sources.tables import UNREADABLE

SPELL = ("row_key", "rule", "value")  # what of a row a person looks at and believes


def quarantined_rows(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """One row a quarantined row: source, row_key, row_number, rule, value, sent, held_from."""
    return con.execute(
        "from ops.quarantine where held_to is null order by source, row_key, row_number"
    ).pl()


def quarantine_spells(con: duckdb.DuckDBPyConnection, source: str, key: str) -> pl.DataFrame:
    """Every spell of a row in quarantine, the newest first.

    Raises:
        SourceError: It never was.
    """
    spells = run_sql(con, "history/quarantine_spells", source=source, row_key=key).pl()
    if spells.is_empty():
        raise SourceError(
            f"{source} {key}: no such row was ever held; 'tocsin quarantine' lists those that are"
        )
    return spells


def released_batches(
    con: duckdb.DuckDBPyConnection, source: Source, folder: Path, batches_tonight: Sequence[Batch]
) -> list[Batch]:
    """Rows of increments that a person released, as they landed: they are not sent again.

    A whole delivery is, and its rows are then believed. A row that tonight's deliveries have, or
    say was deleted, goes by these.

    Args:
        con: The working file.
        source: The source.
        folder: Landing folder.
        batches_tonight: What it delivered tonight.

    Raises:
        SourceError: Landed bytes are missing or cannot be read.
    """
    if source.deleted is None:
        return []
    overrides_on_file = [
        row.model_dump(include=set(SPELL)) for row in overrides(source.name, folder)
    ]
    if not overrides_on_file:
        return []
    catch_up(con, source, folder)  # what a killed run had accepted, too
    is_newest = pl.col("held_from") == pl.col("held_from").max().over("row_key")
    released_rows = (
        quarantined_rows(con)
        .filter(is_newest, source=source.name)
        .join(
            pl.DataFrame(overrides_on_file).unique().with_columns(is_believed=True),
            on=SPELL,
            how="left",
        )
        .filter(pl.col("is_believed").fill_null(False).all().over("row_key"))
    )
    if released_rows.is_empty():
        return []
    for batch in batches_tonight:
        deleted = source.deleted(batch.fetched.content, batch.fetched.url)
        keys = pl.concat([batch.parsed_rows[KEY], deleted.select(row_key(source)).to_series()])
        released_rows = released_rows.filter(~pl.col("row_key").is_in(keys.drop_nulls().implode()))
    now = datetime.now(UTC).replace(tzinfo=None)
    at = min([now, *(batch.fetched.fetched_at for batch in batches_tonight)]) - timedelta(
        microseconds=1
    )
    batches = []
    for entry in deliveries(source, folder):
        numbers = released_rows.filter(batch_id=entry.batch_id)["row_number"]
        if numbers.len():
            rows = landed_batch(source, entry, folder).parsed_rows
            rows_to_land = rows.filter(pl.col(ROW).is_in(numbers.implode()))
            if source.dated_by:  # one dated to come waits for its day
                rows_to_land = rows_to_land.filter(pl.col(source.dated_by) <= at.date())
            if rows_to_land.height:
                batches.append(land_released(source, entry, rows_to_land, at, folder))
    return batches


def release_row(
    con: duckdb.DuckDBPyConnection, folder: Path, source: str, key: str, who: str, why: str
) -> None:
    """Believe a quarantined row from the next run on, until its value or rule is another.

    Raises:
        SourceError: It is not held, or cannot be read at all.
    """
    in_quarantine = quarantine_spells(con, source, key).filter(pl.col("held_to").is_null())
    if in_quarantine.is_empty():
        raise SourceError(f"{source} {key}: is not held any more")
    for row in in_quarantine.iter_rows(named=True):
        if row["rule"] == UNREADABLE:
            raise SourceError(
                f"{source} {key}: cannot be released, since it cannot be read ({row['value']}); it "
                "must be corrected by its publisher or in your file"
            )
        override = QuarantineOverride(
            row_key=key, rule=row["rule"], value=row["value"], who=who, why=why,
            at=datetime.now(UTC).replace(tzinfo=None),
        )  # fmt: skip
        add_override(source, override, folder)
