"""What sources there are, how they stand, and what fetching one would change."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from config.files import link_or_copy
from config.registry import Source
from config.settings import Settings, SettingsError, credentials
from warehouse.connect import open_existing
from warehouse.history import catch_up, count_in_force, rows_in_force
from warehouse.landing import accept
from warehouse.query import table_frame
from warehouse.sources import SOURCES

if TYPE_CHECKING:
    from flows.steps import FetchOutcome


@dataclass(frozen=True)
class DryRun:
    """What fetching a source now would do.

    Attributes:
        outcome: Deliveries, and why not all of them pass the checks.
        checks: Results of the newest delivery's checks.
        changes: Rows that would be added, changed, withdrawn.
    """

    outcome: "FetchOutcome"
    checks: pl.DataFrame
    changes: dict[str, int]


def overview(con: duckdb.DuckDBPyConnection, settings: Settings) -> pl.DataFrame:
    """One row a source: where it comes from, credentials, last success and failure, licence."""
    attempts = table_frame(con, "ops.fetch")
    batches = table_frame(con, "ops.batch").group_by("source").agg(
        pl.col("covers_until", "fetched_at").max()
    )  # fmt: skip
    rows = [
        {
            "source": source.name,
            "from": _origin(source, settings),
            "credentials": _credentials(source),
            "rows": count_in_force(con, source),
            "licence": source.licence,
            "is_republishable": source.is_republishable,
        }
        for source in SOURCES
    ]
    return (
        pl.DataFrame(rows)
        .join(batches, on="source", how="left", maintain_order="left")
        .join(attempts, on="source", how="left", maintain_order="left")
    )


def dry_run(name: str, settings: Settings) -> DryRun:
    """Fetch, check and merge a source beside the warehouse; nothing of it is kept.

    Raises:
        SettingsError: There is no such source, or it is off.
    """
    from flows.steps import (  # the flow's libraries take seconds
        fetch_source,
        is_on,
        judge_deliveries,
        with_released_rows,
    )

    matches = [source for source in SOURCES if source.name == name]
    if not matches:
        names = ", ".join(source.name for source in SOURCES)
        raise SettingsError(f"{name} is no source; known are {names}")
    (source,) = matches
    if not is_on(source, settings):
        raise SettingsError(
            f"{name} is off: nothing says where it comes from; TOCSIN_SOURCES="
            f'\'{{"{name}": "/path"}}\' turns it on'
        )
    with tempfile.TemporaryDirectory() as folder:
        beside = settings.model_copy(update={"data_folder": Path(folder)})
        with open_existing(settings.warehouse_path) as con:
            before = rows_in_force(con, source)
        shutil.copyfile(settings.warehouse_path, beside.warehouse_path)
        for path in (settings.landing_folder / name).rglob("*"):
            target = beside.landing_folder / path.relative_to(settings.landing_folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                link_or_copy(path, target)
        outcome = fetch_source(source, beside)
        with open_existing(beside.warehouse_path) as con:
            (outcome,) = with_released_rows([outcome], con, beside.landing_folder)
            (passing,), checks = judge_deliveries([outcome], con, beside.landing_folder)
            for batch in passing.batches:
                accept(batch, beside.landing_folder)
            catch_up(con, source, beside.landing_folder, passing.batches)
            after = rows_in_force(con, source)
    both = before.join(after, on="row_key", how="inner", suffix="_after")
    return DryRun(
        replace(outcome, failure=passing.failure),
        checks,
        {
            "added": after.height - both.height,
            "changed": both.filter(pl.col("row") != pl.col("row_after")).height,
            "withdrawn": before.height - both.height,
        },
    )


def _origin(source: Source, settings: Settings) -> str:
    address = settings.sources.get(source.name)
    if address:
        return address
    if source.embedded:
        return "embedded"
    return "off"


def _credentials(source: Source) -> str:
    if not source.credentials:
        return "none needed"
    present = credentials(source.credentials)
    missing = [name for name in source.credentials if name not in present]
    return f"not set: {', '.join(missing)}" if missing else "present"
