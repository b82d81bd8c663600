"""The page about the data's quality: what did not hold, how sources stand, every check.

Great Expectations' own Data Docs are not used: their pages load styles and scripts from six
other hosts, so they say nothing offline, and take 2 s and 3 MB a night.
"""

from datetime import date
from functools import cache
from pathlib import Path

import jinja2
import polars as pl

WORKS = ["table_name", "expectation", "column_name"]


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("page.html.j2")


def quality_page(
    night: date, checks: pl.DataFrame, sources: pl.DataFrame, counts: pl.DataFrame, database: str
) -> str:
    """The page as HTML: one file, no script, nothing loaded from elsewhere.

    Args:
        night: Which night.
        checks: Its results, as ``judge`` returns them.
        sources: ``mart.source_status``.
        counts: Rows that broke a check by night: ``as_of_date``, ``table_name``,
            ``expectation``, ``column_name``, ``unexpected_count``; a row of nulls for a night
            on which all held.
        database: Name of the published file beside the page.
    """
    results = checks.with_columns(
        pl.col("column_name").replace("(table)", None),
        wanted=pl.col("expectation").str.split(": ").list.slice(1).list.join(": "),
        since=pl.col("notes").str.split(": ").list.first(),
        why=pl.col("notes").str.split(": ").list.slice(1).list.join(": "),
    )
    failed_checks = results.filter(~pl.col("is_success")).sort("severity", "table_name")
    in_part = results.filter(pl.col("is_success") & (pl.col("unexpected_count") > 0))
    return _template().render(
        night=night,
        checks_count=results.height,
        failed=failed_checks.rows(named=True),
        in_part=in_part.rows(named=True),
        sources=sources.sort("source").rows(named=True),
        quarantined_count=sources["quarantined_count"].sum(),
        trend=_trend(counts).rows(named=True),
        nights=counts["as_of_date"].n_unique(),
        tables=[
            (name, rows.rows(named=True), rows.filter(~pl.col("is_success")).height)
            for (name,), rows in results.group_by("table_name", maintain_order=True)
        ],
        database=database,
    )


def _trend(counts: pl.DataFrame) -> pl.DataFrame:
    """Each check's rows on the newest night, and the least and most of the nights before it."""
    newest = counts["as_of_date"].max()
    nights = counts["as_of_date"].n_unique()
    number = pl.col("unexpected_count")
    is_every_night = pl.len() == nights  # on the other nights none broke it
    return (
        counts.drop_nulls("unexpected_count")
        .group_by(WORKS, maintain_order=True)
        .agg(
            newest=number.filter(pl.col("as_of_date") == newest).sum(),
            least=pl.when(is_every_night).then(number.min()).otherwise(0),
            most=number.max(),
        )
        .sort(WORKS)
    )
