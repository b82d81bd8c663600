"""VIEWS: forecasts of state-based deaths by country and month, to compare ours with."""

import re
from collections.abc import Iterator
from datetime import date

import polars as pl

from config.registry import Fetched, Lag, Release, Source, SourceError, countries
from warehouse.client import Client
from warehouse.sources.tables import (
    bundle,
    cast_declared,
    fetched_now,
    filter_counted,
    or_unreadable,
    pages,
)

RUN = re.compile(r"fatalities(\d+)_(\d{4})_(0[1-9]|1[0-2])_t(\d+)")
RUN_IN_NAME = re.compile(r"fatalities\d+_\d{4}_(?:0[1-9]|1[0-2])_t\d+")
PAGE_ROWS = 1_000
COLUMNS = ("run", "origin_month", "isoab", "month_id", "main_mean", "main_dich")


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a country of ours and month ahead (VIEWS codebook, level cm).

    ``main_mean`` is the expected number of deaths, ``main_dich`` the probability of 25 or
    more. An unknown country is ignored by the server, so rows are filtered here.
    """
    rows = [row for page in pages(content, url) for row in page.get("data") or []]
    run = next((name for name in RUN_IN_NAME.findall(url)), None)
    if run is None:
        raise SourceError(
            f"{url}: does not say which run it is; name the file after it, as "
            "fatalities003_2026_08_t01.json"
        )
    raw = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    if raw.is_empty():
        raise SourceError(f"{url}: holds no forecasts; fetch it again")
    runs = raw.with_columns(run=pl.lit(run), origin_month=pl.lit(_origin(run)))
    frame = cast_declared(runs, url, COLUMNS)
    ours = or_unreadable(pl.col("isoab").is_in(countries()["country_code"].to_list()))
    return filter_counted(frame, ours, "of other countries")


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """The newest run, if it was not delivered before: a run does not change.

    Raises:
        SourceError: No run is listed, or the rows are not as many as the server says.
    """
    base = address.rstrip("/")
    listed = client.get(f"{base}/").json(source.name)
    runs = [name for name in listed.get("runs", []) if RUN.fullmatch(name)]
    if not runs:
        raise SourceError(
            f"{source.name}: {base} lists no run named as fatalities003_2026_08_t01; the last good "
            "forecasts stay in use"
        )
    newest = max(runs, key=_order)
    if newest == client.last_version:
        return
    url, replies, rows, number = f"{base}/{newest}/cm", [], 0, 1
    while True:
        query: dict[str, str | int] = {"pagesize": PAGE_ROWS, "page": number}
        reply = client.get(url, query)
        answer = reply.json(source.name)
        replies.append(reply.content)
        rows += len(answer.get("data") or [])
        if not answer.get("next_page"):
            break
        number += 1
    if rows != answer.get("row_count"):
        raise SourceError(
            f"{source.name}: {url} sent {rows} rows where it counts {answer.get('row_count')}; the "
            "last good forecasts stay in use and the next run tries again"
        )
    yield fetched_now(bundle(replies), url, Release(newest, complete_where=f"run = '{newest}'"))


def _order(run: str) -> tuple[int, ...]:
    """Runs are listed by the alphabet; the newest is the one of the last data month."""
    generation, year, month, attempt = RUN.fullmatch(run).groups()  # type: ignore[union-attr]
    return int(year), int(month), int(generation), int(attempt)


def _origin(run: str) -> date:
    year, month, *_ = _order(run)
    return date(year, month, 1)


SOURCE = Source(
    name="views_forecast",
    title="VIEWS forecasts of state-based deaths by country",
    licence="none stated: non-commercial, with credit",
    attribution="VIEWS, Uppsala University and PRIO (Hegre et al. 2021, JPR 58(3))",
    is_republishable=True,
    cadence="monthly, about a month after the last data month",
    flaws=(
        "deaths of state-based conflict alone, by country: not comparable with ours without care",
        "the API gives no day of issue; a run is known since it was fetched",
        "its licence is not stated",
    ),
    embedded=(),
    parse=parse,
    columns=COLUMNS,
    key=("run", "isoab", "month_id"),
    dated_by="origin_month",
    lag=Lag(days=61),
    lag_reason="a run is published about a month after its last data month",
    max_age_days=123,
    fetch=fetch,
    live="https://api.viewsforecasting.org",
    unit="country and month ahead",
)
