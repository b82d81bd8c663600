"""ReliefWeb: new reports that may hold figures on administrators at their posts."""

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from config.registry import Fetched, Lag, Release, Source, SourceError, countries
from warehouse.client import Client
from warehouse.sources.tables import bundle, cast_declared, fetched_now, filter_counted, pages

PAGE_ROWS = 100
DAYS = 60  # looked back
APPNAME = "RELIEFWEB_APPNAME"
# What such reports say of administrators; a person reads them and fills the register.
WORDS = (
    '"civil administrators" OR "administrateurs civils" OR "sous-préfets" OR "sub-prefects" '
    'OR "préfets" OR "prefects"'
)
COLUMNS = ("report_id", "title", "published_date", "publisher", "countries", "url")


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a report: title, day, publisher, countries (;), address; no text of it."""
    rows = [
        {
            "report_id": item["id"],
            "title": item["fields"]["title"],
            "published_date": item["fields"]["date"]["created"],
            "publisher": "; ".join(s["name"] for s in item["fields"].get("source") or []),
            "countries": ";".join(
                sorted(c["iso3"].upper() for c in item["fields"].get("country") or [])
            ),
            "url": item["fields"]["url"],
        }
        for page in pages(content, url)
        for item in page["data"]
    ]
    raw = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    reports = cast_declared(raw, url, COLUMNS, ("publisher", "countries"))
    return filter_counted(reports, pl.struct(COLUMNS).is_first_distinct(), "sent twice")


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """Reports of the last weeks on our countries that speak of administrators.

    Raises:
        SourceError: No approved name, or other reports than the server counts.
    """
    name = client.credential(
        APPNAME, "ask ReliefWeb to approve one: https://apidoc.reliefweb.int/parameters#appname"
    )
    url = f"{address.rstrip('/')}/v2/reports?appname={name}"
    replies: list[bytes] = []
    ids: set[str] = set()
    since = client.today - timedelta(days=DAYS)
    total = None
    while total is None or len(ids) < total:
        reply = client.post(url, body={
            "query": {"value": WORDS, "fields": ["title", "body"]},
            "filter": {"operator": "AND", "conditions": [
                {"field": "country.iso3", "value": [c.lower() for c in countries()["country_code"]],
                 "operator": "OR"},
                {"field": "date.created", "value": {"from": f"{since}T00:00:00+00:00"}},
            ]},
            "fields": {"include": ["title", "date.created", "source.name", "country.iso3", "url"]},
            "sort": ["date.created:asc"], "limit": PAGE_ROWS, "offset": len(replies) * PAGE_ROWS,
        })  # fmt: skip
        answer = reply.json(source.name)
        new_ids = {item["id"] for item in answer["data"]} - ids
        replies.append(reply.content)
        ids |= new_ids
        total = answer["totalCount"]
        if not new_ids and len(ids) < total:
            raise SourceError(
                f"{source.name}: sent {len(ids)} reports where it counts {total}; the last good "
                "list stays in use and the next run tries again"
            )
    if not ids:
        return
    complete_where = f"published_date >= date '{since}'"
    place = url.partition("?")[0]
    yield fetched_now(
        bundle(replies), place, Release(f"as of {client.today}", complete_where=complete_where)
    )


SOURCE = Source(
    name="reliefweb_reports",
    title="ReliefWeb reports that speak of administrators",
    licence="metadata; rights in the reports stay with their publishers",
    attribution="ReliefWeb, OCHA",
    is_republishable=True,
    cadence="daily",
    flaws=(
        "found by words, so most hold no figure: a person reads them and fills the register",
        "no machine-readable series on administrators exists since MINUSMA ended in 2023",
    ),
    embedded=(),
    parse=parse,
    columns=COLUMNS,
    key=("report_id",),
    dated_by="published_date",
    lag=Lag(),
    lag_reason="a report is known on the day it is posted",
    max_age_days=None,
    fetch=fetch,
    live="https://api.reliefweb.int",
    credentials=(APPNAME,),
    unit="report",
)
