"""ACLED: political violence and demonstrations, weekly; for account holders, not republished."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from config.registry import Coverage, Fetched, Lag, Release, Source, SourceError, countries
from warehouse.client import GUARDED, Client, web_page
from warehouse.sources.tables import (
    bundle,
    canonical_country,
    cast_declared,
    fetch_parts,
    fetched_now,
    filter_counted,
    is_table,
    or_unreadable,
    pages,
    read_table,
    without_accents,
)

PAGE_ROWS = 5_000
USER, PASSWORD = "ACLED_USERNAME", "ACLED_PASSWORD"
SESSION = "access token"
NO_ACCOUNT = "an account is free: https://acleddata.com/register"
COLUMNS = (
    "event_id_cnty", "event_date", "disorder_type", "event_type", "sub_event_type", "inter1",
    "inter2", "civilian_targeting", "country", "admin1", "admin2", "latitude", "longitude",
    "geo_precision", "fatalities", "timestamp",
)  # fmt: skip
EMPTY = ("inter1", "inter2", "civilian_targeting", "admin1", "admin2")


def parse(content: bytes, url: str) -> pl.DataFrame:
    """One row an event, the newest edit (ACLED codebook 2024); notes and actors are left out.

    Types vary between accounts, and a filter may be ignored: rows of other countries are
    left out.
    """
    if is_table(content):
        events = read_table(content, url, COLUMNS, EMPTY, keep_unreadable=True)
    else:
        rows = [row for row in _rows(content, url) if "deleted_timestamp" not in row]
        names = [name for name in COLUMNS if not rows or any(name in row for row in rows)]
        text = pl.DataFrame(
            [[None if row.get(name) is None else str(row[name]) for name in names] for row in rows],
            schema=dict.fromkeys(names, pl.String),
            orient="row",
        )
        events = cast_declared(text, url, COLUMNS, EMPTY)
        events = events.unique(maintain_order=True)  # what was asked for twice in one night
    events = events.with_columns(canonical_country(pl.col("country"), _names()).alias("country"))
    ours = filter_counted(
        events, or_unreadable(pl.col("country").is_in(_names())), "of other countries"
    )
    newest = pl.col("timestamp") == pl.col("timestamp").max().over("event_id_cnty")
    return filter_counted(ours, or_unreadable(newest), "that a newer edit replaces")


def deleted(content: bytes, url: str) -> pl.DataFrame:
    """Events that ACLED withdrew."""
    if is_table(content):
        return pl.DataFrame(schema={"event_id_cnty": pl.String})
    ids = [row["event_id_cnty"] for row in _rows(content, url) if "deleted_timestamp" in row]
    return pl.DataFrame({"event_id_cnty": ids}, schema={"event_id_cnty": pl.String})


def files(source: Source, path: Path, _: Coverage) -> Iterator[Fetched]:
    """A file exported from ACLED's site, or a folder of them: they add to what is there."""
    return fetch_parts(
        source, path, lambda _: "false", _newest_edit, lambda r: str(_newest_edit(r))
    )


def _newest_edit(rows: pl.DataFrame) -> int:
    newest = rows["timestamp"].max()
    return newest if isinstance(newest, int) else 0


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """What was edited and deleted since the last answer for these countries; else everything.

    ACLED overwrites an event when it is edited and raises its ``timestamp``, so every
    version ever fetched is kept here. What an account may not see yet has old ones: where it
    sees up to another day than then, all since the day of then is asked for too. A version is
    the newest ``timestamp``, a digest of the countries asked for and up to which day the
    account saw, where it did not see all; a file's is the first alone.

    Raises:
        SourceError: The account has no access, sees nothing, or the cursor goes wrong.
    """
    base, names = address.rstrip("/"), "|".join(_spellings())
    countries_digest = hashlib.sha256(names.encode()).hexdigest()[:8]
    newest_held, asked_then, seen_until = [*(client.last_version or "").split(), "", "", ""][:3]
    since = int(newest_held) if asked_then == countries_digest else 0
    query: dict[str, str | int] = {"country": names}
    if since:
        query |= {"timestamp": since, "timestamp_where": ">="}
    replies, restricted = _walk(base, "acled", query, client)
    events = _rows(bundle(replies), base)
    come_to_sight: list[dict[str, Any]] = []
    if since and seen_until and restricted != seen_until:
        query = {"country": names, "event_date": seen_until, "event_date_where": ">="}
        more, _ = _walk(base, "acled", query, client)
        come_to_sight = _rows(bundle(more), base)
        replies, events = replies + more, events + come_to_sight
    if not events and not since:
        extent = f" it sees events up to {restricted} only" if restricted else " it sees none"
        raise SourceError(
            f"{source.name}: the account was answered without any event:{extent}; ask ACLED for a "
            "tier with event access"
        )
    newest = max([since, *(int(row["timestamp"]) for row in events)])
    if client.last_version:
        deletions: dict[str, str | int] = {
            "deleted_timestamp": since,
            "deleted_timestamp_where": ">=",
        }
        more, _ = _walk(base, "deleted", deletions, client)
        replies += more
        events += _rows(bundle(more), base)
        stamps = [row.get("deleted_timestamp") or row["timestamp"] for row in events]
        if since and not come_to_sight and all(int(stamp) <= since for stamp in stamps):
            return
    covers = date.fromisoformat(restricted) if restricted else None
    release = Release(
        f"{newest} {countries_digest} {restricted or ''}".strip(), covers_until=covers
    )
    fetched = fetched_now(bundle(replies), f"{base}/api/acled/read", release)
    yield replace(fetched, remarks=() if since else _without_events(events))


def _walk(
    base: str, what: str, filters: dict[str, str | int], client: Client
) -> tuple[list[bytes], str | None]:
    """Pages by cursor until the server says there is none, and up to when the account may see."""
    url = f"{base}/api/{what}/read"
    replies, cursors_used, restricted = [], set(), None
    cursor: str | int | None = 0
    while cursor is not None:
        if cursor in cursors_used:
            raise SourceError(
                f"{client.source}: {url} sent the cursor {cursor} twice, so its pages have no end; "
                "its last good figures stay in use and the next run tries again"
            )
        cursors_used.add(cursor)
        query = {**filters, "_format": "json", "limit": PAGE_ROWS, "cursor": cursor}
        answer, content = _authorised(base, url, query, client)
        if not answer.get("success") or "data" not in answer:
            raise SourceError(
                f"{client.source}: {url} answered without data: {str(answer)[:200]}; its last good "
                "figures stay in use"
            )
        if "next_cursor" not in answer and len(answer["data"]) >= PAGE_ROWS:
            raise SourceError(
                f"{client.source}: {url} sent a full page without next_cursor, so more may be "
                "missing; its last good figures stay in use; look for a newer Tocsin"
            )
        recency = (answer.get("data_query_restrictions") or {}).get("date_recency") or {}
        restricted = recency.get("date", restricted)
        replies.append(content)
        cursor = answer.get("next_cursor")
    return replies, restricted


def _authorised(
    base: str, url: str, query: dict[str, str | int], client: Client
) -> tuple[dict[str, Any], bytes]:
    """An answer to a logged-in user; logs in again once if the session was ended."""
    for attempt in (1, 2):
        if SESSION not in client.secrets:
            _log_in(base, client)
        headers = {"Authorization": f"Bearer {client.secrets[SESSION]}"}
        reply = client.get(url, query, headers, accept=(401, 403))
        if reply.status == 200:
            answer = reply.json(client.source)
            return answer, reply.content
        if reply.status == 401 and attempt == 1:
            del client.secrets[SESSION]
            continue
        break
    reply_text = " ".join(reply.content[:200].decode("utf-8", "replace").split())
    cures = {
        "Access denied": "the account's tier (Open) has no access to events; ask ACLED for "
        "Research or Partner access",
        "Consent": "log in at https://acleddata.com once and accept the terms",
    }
    cure = next((text for sign, text in cures.items() if sign in reply_text), "check the account")
    if page := web_page(reply.content):
        cure = GUARDED if GUARDED in page else "a web page, no data"
    raise SourceError(
        f"{client.source}: {url} answered {reply.status} ({reply_text}): {cure}; its last "
        "good figures stay in use"
    )


def _log_in(base: str, client: Client) -> None:
    form = {
        "grant_type": "password",
        "client_id": "acled",
        "username": client.credential(USER, NO_ACCOUNT),
        "password": client.credential(PASSWORD, NO_ACCOUNT),
    }
    reply = client.post(f"{base}/oauth/token", form, accept=(400, 401, 403))
    if page := web_page(reply.content):
        raise SourceError(
            f"{client.source}: {base}/oauth/token answered {reply.status} ({page}); its last good "
            "figures stay in use"
        )
    if reply.status != 200:
        raise SourceError(
            f"{client.source}: {base}/oauth/token answered {reply.status}: {USER} and {PASSWORD} "
            "are not those of an account; its last good figures stay in use"
        )
    client.secrets[SESSION] = str(reply.json(client.source)["access_token"])


def _rows(content: bytes, url: str) -> list[dict[str, Any]]:
    return [row for page in pages(content, url) for row in page["data"]]


def _without_events(events: list[dict[str, Any]]) -> tuple[str, ...]:
    """Which countries a full answer has no event of, in words."""
    countries_sent = pl.Series(
        "country", [row.get("country") for row in events], pl.String
    ).to_frame()
    names_sent = set(
        countries_sent.select(canonical_country(pl.col("country"), _names()))["country"]
    )
    missing = ", ".join(name for name in _names() if name not in names_sent)
    text = f"no event came of {missing}: ACLED has none, or spells the name otherwise"
    return (text,) if missing else ()


def _names() -> list[str]:
    """The countries as rows name them here."""
    return [name.replace("Côte d'Ivoire", "Ivory Coast") for name in countries()["country_name"]]


def _spellings() -> list[str]:
    """The countries by every English name, also without accents: ACLED has one of them."""
    several = pl.concat_str("country_name", "name_variants", separator=";", ignore_nulls=True)
    names = countries().select(name=several.str.split(";").explode())
    bare = names.select(without_accents(pl.col("name")))
    return sorted({*names["name"], *bare["name"]})


SOURCE = Source(
    name="acled_events",
    title="ACLED events",
    licence="ACLED terms of use: with credit",
    attribution="ACLED (Raleigh, Kishi & Linke 2023), www.acleddata.com",
    is_republishable=False,
    cadence="weekly",
    flaws=(
        "fatalities are a best guess, never a bound",
        "an Open account has no events, a Research account none of the past twelve months",
        "only counts by region and month are published; forecasts rest on it where past nights "
        "show that it helps (docs/models.md)",
    ),
    embedded=(),
    parse=parse,
    columns=COLUMNS,
    key=("event_id_cnty",),
    dated_by="event_date",
    lag=Lag(days=10),
    lag_reason="ACLED adds a week's events in the week after",
    max_age_days=21,
    deleted=deleted,
    fetch=fetch,
    files=files,
    live="https://acleddata.com",
    credentials=(USER, PASSWORD),
    unit="event",
    series=("acled_events", "acled_fatalities"),
    edited_by="timestamp",
    event_grain="day",
)
