"""OCHA FTS: flows of humanitarian money, as donors and recipients report them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import polars as pl

from config.registry import Fetched, Lag, Release, Source, SourceError, countries
from warehouse.client import Client
from warehouse.sources.tables import (
    bundle,
    canonical_country,
    cast_declared,
    fetched_now,
    filter_counted,
    or_unreadable,
    pages,
)

PAGE_ROWS = 1_000
YEARS = 2  # usage years fetched anew every night
COLUMNS = (
    "flow_id", "version_id", "amount_usd", "flow_status", "flow_type", "flow_boundary",
    "on_boundary", "is_new_money", "donor", "destination", "usage_year", "flow_date",
    "first_reported_date",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row a flow, its newest version (FTS public API v1).

    ``destination`` names every country of the flow: a flow to several carries its full
    amount for each and is never added up.
    """
    rows = [_row(flow) for page in pages(content, url) for flow in page["data"]["flows"]]
    if not rows:
        raise SourceError(f"{url}: holds no flows; fetch it again")
    raw = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    flows = cast_declared(raw, url, COLUMNS, ("donor", "destination"))
    newest = pl.col("version_id") == pl.col("version_id").max().over("flow_id")
    flows = filter_counted(flows, or_unreadable(newest), "that a newer version replaces")
    names = countries()["country_name"].to_list()
    flows = flows.with_columns(canonical_country(pl.col("destination"), names).alias("destination"))
    return filter_counted(
        flows, pl.struct(COLUMNS).is_first_distinct(), "sent again for another country"
    )


def _row(flow: dict[str, Any]) -> dict[str, Any]:
    def names(side: str, kind: str) -> list[str]:
        return sorted({o["name"] for o in flow.get(side) or [] if o["type"] == kind})

    years = names("destinationObjects", "UsageYear") or [str(flow.get("budgetYear"))]
    return {
        "flow_id": flow["id"],
        "version_id": flow["versionId"],
        "amount_usd": flow["amountUSD"],
        "flow_status": flow["status"],
        "flow_type": flow["flowType"],
        "flow_boundary": flow["boundary"],
        "on_boundary": flow["onBoundary"],
        "is_new_money": flow["newMoney"],
        "donor": "; ".join(names("sourceObjects", "Organization")),
        "destination": "; ".join(names("destinationObjects", "Location")),
        "usage_year": years[0],
        "flow_date": flow.get("decisionDate") or flow["date"],
        "first_reported_date": flow["firstReportedDate"],
    }


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """Flows to each country in the newest usage years, following the server's own links.

    Raises:
        SourceError: The server reports an error, or sends another number than it counts.
    """
    url = f"{address.rstrip('/')}/v1/public/fts/flow"
    replies = []
    first = client.today.year - YEARS + 1
    for code in countries()["country_code"]:
        for year in range(first, client.today.year + 1):
            query: dict[str, str | int] | None = {
                "countryISO3": code, "year": year, "limit": PAGE_ROWS
            }  # fmt: skip
            all_ids: set[str] = set()
            while query is not None:
                reply = client.get(url, query)
                answer = reply.json(source.name)
                if answer.get("status") != "ok":
                    raise SourceError(
                        f"{source.name}: {url} answered status {answer.get('status')!r} for {code} "
                        f"{year}; its last good figures stay in use and the next run tries again"
                    )
                ids = {flow["id"] for flow in answer["data"]["flows"]}
                if ids and ids <= all_ids:
                    raise SourceError(
                        f"{source.name}: {url} sent the same flows of {code} {year} twice; its "
                        "last good figures stay in use and the next run tries again"
                    )
                replies.append(reply.content)
                all_ids |= ids
                link = answer["meta"].get("nextLink")
                query = dict(parse_qsl(urlsplit(link).query)) if link else None
            if len(all_ids) != answer["meta"].get("count"):
                raise SourceError(
                    f"{source.name}: {url} sent {len(all_ids)} flows of {code} {year} where it "
                    f"counts {answer['meta'].get('count')}; its last good figures stay in use and "
                    "the next run tries again"
                )
    yield fetched_now(
        bundle(replies),
        url,
        Release(f"as of {client.today}", complete_where=f"usage_year >= {first}"),
    )


SOURCE = Source(
    name="fts_flows",
    title="OCHA FTS humanitarian funding flows",
    licence="reuse with attribution",
    attribution="OCHA Financial Tracking Service, https://fts.unocha.org",
    is_republishable=True,
    cadence="daily, reports come days to weeks after a decision",
    flaws=(
        "humanitarian money alone, which suspensions of aid usually spare; no flag says suspended",
        "a flow may be reported years late or vanish",
        "flows to several countries carry the full amount for each: they are not counted",
    ),
    embedded=(),
    parse=parse,
    columns=COLUMNS,
    key=("flow_id",),
    dated_by="first_reported_date",
    lag=Lag(),
    lag_reason="a flow is known since it was first reported",
    max_age_days=62,
    fetch=fetch,
    live="https://api.hpc.tools",
    unit="flow",
    series=("fts_new_funding_usd",),
    series_level="country",
)
