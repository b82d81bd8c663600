"""Powell & Thyne: successful and failed coups d'état since 1950."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from config.registry import Fetched, Lag, Release, Source, SourceError
from warehouse.client import Client
from warehouse.sources.delimited import LINE
from warehouse.sources.tables import AS_SENT, FAULT, fetched_now, read_table

RAW = ("country", "ccode", "year", "month", "day", "coup", "version")
# Mistakes of the source, with what every other account says: (ccode, wrong day) -> right day.
CORRECTIONS = {(436, "2023-06-26"): "2023-07-26"}


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a coup; ``coup_date`` corrects known mistakes, ``correction`` says where."""
    is_text = content[:4] != b"PAR1" and b"\t" in content.partition(b"\n")[0]
    if is_text and not content.endswith(b"\n"):  # the publisher's own last line
        content += b"\n"
    coups = read_table(content, url, RAW, separator="\t" if is_text else ",", keep_unreadable=True)
    beside = [name for name in (FAULT, AS_SENT, LINE) if name in coups.columns]
    stated_day = pl.date("year", "month", "day")
    fixes = pl.DataFrame(
        [(code, day, right) for (code, day), right in CORRECTIONS.items()],
        schema=["ccode", "stated_date", "corrected_date"],
        orient="row",
    )
    return (
        coups.with_columns(stated_day.dt.to_string().alias("stated_date"))
        .join(fixes, on=["ccode", "stated_date"], how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("corrected_date", "stated_date").str.to_date().alias("coup_date"),
            pl.when(pl.col("corrected_date").is_not_null())
            .then(pl.format("the source says {}", "stated_date"))
            .alias("correction"),
        )
        .select(*RAW, "coup_date", "correction", *beside)
    )


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """The whole list, a text file."""
    content = client.download(address)
    if content is None:
        raise SourceError(
            f"{source.name}: there is no file at {address}; look where the list moved, "
            "https://www.uky.edu/~clthyn2/; the last good figures stay in use"
        )
    yield fetched_now(content, address, Release(content_version(content), partition="list"))


def version_day(version: str) -> date | None:
    """Up to which day a version of the list was kept; None: its name is no day.

    Example:
        >>> version_day("V2023.09.08"), version_day("2023-2")
        (datetime.date(2023, 9, 8), None)
    """
    try:
        return date(*map(int, version.removeprefix("V").split(".")))
    except (ValueError, TypeError):
        return None


def content_version(content: bytes) -> str:
    r"""The list's own version, in the last field of its rows.

    Example:
        >>> content_version(b"country\tversion\nMali\tV2026.01.13\n")
        'V2026.01.13'
    """
    last = content.strip().rpartition(b"\n")[2].split(b"\t")[-1]
    return last.decode("utf-8", "replace").strip().strip('"')[:40]


SOURCE = Source(
    name="powell_thyne_coups",
    title="Powell & Thyne coups d'état",
    licence="none stated: cite",
    attribution="Powell & Thyne (2011), Journal of Peace Research 48(2)",
    is_republishable=True,
    cadence="yearly, between releases by hand",
    flaws=(
        "Niger's coup of 26 July 2023 is dated 26 June in the source; corrected here",
        "Mali's coup of May 2021 is dated 21 May (arrests on 24 May)",
        "embedded version ends in September 2023",
    ),
    embedded=(Release("V2023.09.08", file="embedded/powell_thyne_coups_2023_09.parquet"),),
    parse=parse,
    columns=(*RAW, "coup_date", "correction"),
    key=("ccode", "year", "month", "day"),
    dated_by="coup_date",
    lag=Lag(days=7),
    lag_reason="a coup is known the same day; a week is allowed for the entry",
    max_age_days=None,
    fetch=fetch,
    live="https://www.uky.edu/~clthyn2/coup_data/powell_thyne_coups_final.txt",
    unit="coup",
)
