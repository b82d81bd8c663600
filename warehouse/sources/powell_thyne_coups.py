"""Powell & Thyne: successful and failed coups d'état since 1950."""

import polars as pl

from config.registry import Lag, Release, Source
from warehouse.sources.tables import read_table

RAW = ("country", "ccode", "year", "month", "day", "coup", "version")
# Mistakes of the source, with what every other account says: (ccode, wrong day) -> right day.
CORRECTIONS = {(436, "2023-06-26"): "2023-07-26"}


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a coup; ``coup_date`` corrects known mistakes, ``correction`` says where."""
    coups = read_table(content, url, RAW)
    stated = pl.date("year", "month", "day")
    fixes = pl.DataFrame(
        [(code, day, right) for (code, day), right in CORRECTIONS.items()],
        schema=["ccode", "stated_date", "corrected_date"],
        orient="row",
    )
    return (
        coups.with_columns(stated.dt.to_string().alias("stated_date"))
        .join(fixes, on=["ccode", "stated_date"], how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("corrected_date", "stated_date").str.to_date().alias("coup_date"),
            pl.when(pl.col("corrected_date").is_not_null())
            .then(pl.format("the source says {}", "stated_date"))
            .alias("correction"),
        )
        .select(*RAW, "coup_date", "correction")
    )


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
)
