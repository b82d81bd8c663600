"""HDX HAPI: monthly counts of ACLED's events by admin-2 unit, open to everyone."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from config.registry import Coverage, Fetched, Lag, Release, Source, SourceError, countries
from warehouse.client import Client
from warehouse.sources.tables import (
    bundle,
    cast_declared,
    fetch_parts,
    fetched_now,
    filter_counted,
    is_table,
    or_unreadable,
    pages,
    read_table,
)

CAP = 10_000  # rows of one answer; beyond it the server cuts without a word
YEARS = 3  # fetched anew every night
LONE_SHARE = 0.1  # of the rows of a file's usual month or country: so few are misspelt
MONTH = "reference_period_start"
ERROR = "error"  # of the files of HDX: what is wrong with a row, which HAPI itself does not send
KINDS = ("political_violence", "civilian_targeting", "demonstration")  # of events
IDENTIFIER = "HAPI_APP_IDENTIFIER"
COLUMNS = (
    "location_code", "event_type", "events", "fatalities", "admin1_name", "provider_admin1_name",
    "admin2_name", "provider_admin2_name", "reference_period_start", "reference_period_end",
)  # fmt: skip
EMPTY = (
    "events", "fatalities", "admin1_name", "admin2_name", "provider_admin1_name",
    "provider_admin2_name",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an admin-2 unit, month and kind of event (HAPI v2, conflict-events).

    The kinds overlap and are never added up; demonstrations have no fatalities.
    """
    ours = or_unreadable(pl.col("location_code").is_in(countries()["country_code"].to_list()))
    if is_table(content):
        counts = read_table(
            content, url, (*COLUMNS, ERROR), EMPTY, keep_unreadable=True, optional=(ERROR,)
        )
        counts = filter_counted(counts, ours, "of other countries")
        return filter_counted(counts, pl.col(ERROR).is_null(), "that HDX marks as wrong").drop(
            ERROR
        )
    rows = [row for page in pages(content, url) for row in page["data"]]
    raw = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    if raw.is_empty():
        raise SourceError(f"{url}: holds no counts; fetch it again")
    return filter_counted(cast_declared(raw, url, COLUMNS, EMPTY), ours, "of other countries")


def files(source: Source, path: Path, _: Coverage) -> Iterator[Fetched]:
    """A year's CSV of HDX (hdx-hapi-conflict-event), or a folder of them."""

    def months_and_countries(rows: pl.DataFrame) -> str:
        months = ", ".join(f"date '{month}'" for month in _full(rows, MONTH)) or "null"
        codes = "', '".join(_full(rows, "location_code"))
        return f"{MONTH} in ({months}) and location_code in ('{codes}')"

    return fetch_parts(
        source, path, months_and_countries, lambda rows: max(_full(rows, MONTH), default=date.min)
    )


def _full(rows: pl.DataFrame, name: str) -> list[Any]:
    """Months or countries of which a file leaves no count out; one with few rows is misspelt."""
    counts = rows[name].drop_nulls().value_counts(name="rows")
    is_full = pl.col("rows") > LONE_SHARE * pl.col("rows").median()
    return counts.filter(is_full)[name].sort().to_list()


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """The last years, in windows of a country and a year that stay below the server's cap.

    There is no total to check against: an answer shorter than the cap is the last of its
    window, and one that holds rows of another window shows that a filter was ignored.

    Raises:
        SourceError: No identifier, or a filter was ignored.
    """
    url = f"{address.rstrip('/')}/coordination-context/conflict-events"
    identifier = client.credential(
        IDENTIFIER, "make one of your e-mail: https://hapi.humdata.org/api/v2/encode_app_identifier"
    )
    replies = []
    first = client.today.year - YEARS + 1
    for code in countries()["country_code"]:
        for year in range(first, client.today.year + 1):
            size, offset = CAP, 0
            while size == CAP:
                query: dict[str, str | int] = {
                    "app_identifier": identifier, "output_format": "json", "location_code": code,
                    "start_date": f"{year}-01-01", "end_date": f"{year}-12-31",
                    "limit": CAP, "offset": offset,
                }  # fmt: skip
                reply = client.get(url, query)
                rows = reply.json(source.name).get("data")
                if rows is None:
                    raise SourceError(
                        f"{source.name}: {url} answered without data, so its format changed; its "
                        "last good figures stay in use; look for a newer Tocsin"
                    )
                others = [
                    row for row in rows
                    if row.get("location_code") != code
                    or not str(row.get("reference_period_start")).startswith(str(year))
                ]  # fmt: skip
                if others:
                    place = others[0].get("location_code"), others[0].get("reference_period_start")
                    raise SourceError(
                        f"{source.name}: {url} was asked for {code} in {year} and sent {place[0]}, "
                        f"{place[1]}: it ignores a filter; its last good figures stay in use"
                    )
                replies.append(reply.content)
                size, offset = len(rows), offset + CAP
    complete_where = f"reference_period_start >= date '{date(first, 1, 1)}'"
    yield fetched_now(
        bundle(replies), url, Release(f"as of {client.today}", complete_where=complete_where)
    )


SOURCE = Source(
    name="hapi_conflict",
    title="HDX HAPI conflict events (monthly counts of ACLED)",
    licence="ACLED terms of use: with credit",
    attribution="ACLED by way of OCHA HDX HAPI",
    is_republishable=False,
    cadence="weekly",
    flaws=(
        "the newest month is partial: it is left out until it is sent again ten days after its "
        "end, with counts of a later month; one that never is stops the source there: give its "
        "file again, and of a year that is over the next year's too",
        "kinds of events overlap: political violence holds civilian targeting",
        "old values are overwritten by the publisher",
        "regions are matched by name: P-codes of several vintages are mixed",
    ),
    embedded=(),
    parse=parse,
    columns=COLUMNS,
    key=(
        "location_code",
        "provider_admin1_name",
        "provider_admin2_name",
        "admin2_name",
        "event_type",
        "reference_period_start",
    ),
    dated_by="reference_period_end",
    lag=Lag(days=10),
    lag_reason="ACLED adds a week's events in the week after, HDX follows on Friday",
    max_age_days=62,
    fetch=fetch,
    files=files,
    live="https://hapi.humdata.org/api/v2",
    credentials=(IDENTIFIER,),
    unit="admin-2 unit, month and kind of event",
    series=tuple(
        f"acled_{kind}_{measure}" for kind in KINDS for measure in ("events", "fatalities")
    ),
    event_grain="month",
)
