"""Rows that were sent but are not believed: those in quarantine, and releasing one."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from config.registry import SourceError
from warehouse.landing import QuarantineOverride, add_override
from warehouse.query import run_sql
from warehouse.sources.tables import UNREADABLE


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
