"""From bytes to versions: land what a source sent, then close and open its versions."""

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from config.registry import Fetched, Source
from warehouse.query import run, run_for


@dataclass(frozen=True)
class Batch:
    """One delivery of a source, parsed; ``is_new`` is false if its bytes are already in force."""

    source: Source
    fetched: Fetched
    sha256: str
    rows: pl.DataFrame
    is_new: bool

    @property
    def batch_id(self) -> str:
        """Source, instant and content."""
        return f"{self.source.name}:{self.fetched.fetched_at:%Y%m%dT%H%M%S}:{self.sha256[:12]}"


def receive(source: Source, address: str, folder: Path) -> Fetched:
    """Fetch a source and land its bytes as received, as ``folder/<source>/<sha256>.gz``.

    Raises:
        SourceError: The source cannot be fetched.
    """
    fetched = source.fetch(source, address)
    land(fetched.content, folder / source.name / f"{_sha256(fetched)}.gz")
    return fetched


def open_batch(con: duckdb.DuckDBPyConnection, source: Source, fetched: Fetched) -> Batch:
    """Parse what was fetched and see whether its bytes are in force already.

    Raises:
        SourceError: The bytes cannot be read.
    """
    last = run(con, "history/last_batch", source=source.name).fetchone()
    sha256 = _sha256(fetched)
    rows = source.parse(fetched.content, fetched.url)
    return Batch(source, fetched, sha256, rows, is_new=last is None or last[1] != sha256)


def _sha256(fetched: Fetched) -> str:
    return hashlib.sha256(fetched.content).hexdigest()


def land(content: bytes, path: Path) -> None:
    """Write bytes compressed, whole or not at all; bytes already landed are left alone."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(gzip.compress(content, mtime=0))
    os.replace(part, path)


def keep(con: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Merge a batch into the history of its source; in force already: nothing changes."""
    if not batch.is_new:
        return
    source = batch.source
    landed = keyed(source, batch.rows)
    con.begin()
    try:
        con.register("incoming", landed)
        con.execute(f"create or replace table landing.{source.name} as from incoming")
        con.unregister("incoming")
        run_for(con, "history/close", source.name, fetched_at=batch.fetched.fetched_at)
        run_for(
            con,
            "history/open",
            source.name,
            fetched_at=batch.fetched.fetched_at,
            batch_id=batch.batch_id,
        )
        run(
            con,
            "history/batch",
            batch_id=batch.batch_id,
            source=source.name,
            url=batch.fetched.url,
            content_sha256=batch.sha256,
            bytes_count=len(batch.fetched.content),
            rows_count=batch.rows.height,
            fetched_at=batch.fetched.fetched_at,
            source_version=source.version,
        )
        con.commit()
    except BaseException:
        con.rollback()
        raise


def keyed(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``row_key``, ``row_md5`` and ``known_assumed_at`` (UTC) beside them.

    Reference data (no ``dated_by``) are assumed known at all times. A day of
    publication that was read (``published_on``) comes before the declared lag.
    """
    parts = [
        pl.col(n).bin.encode("hex") if rows[n].dtype == pl.Binary else pl.col(n).cast(pl.String)
        for n in source.columns
    ]
    content = rows.select(pl.concat_str([p.fill_null("∅") for p in parts], separator="|"))
    digests = [
        hashlib.md5(t.encode(), usedforsecurity=False).hexdigest() for t in content.to_series()
    ]
    known: pl.Expr = pl.lit("1900-01-01").str.to_datetime(time_unit="us")
    if source.dated_by:
        known = source.lag.known_at(pl.col(source.dated_by))
    if "published_on" in source.columns:
        known = pl.coalesce(pl.col("published_on").cast(pl.Datetime("us")), known)
    return rows.with_columns(
        pl.concat_str([pl.col(n).cast(pl.String) for n in source.key], separator="|").alias(
            "row_key"
        ),
        pl.Series("row_md5", digests, dtype=pl.String),
        known.alias("known_assumed_at"),
    )
