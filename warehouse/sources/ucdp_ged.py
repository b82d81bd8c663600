"""UCDP Georeferenced Event Dataset: events of organised violence with at least one death."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import polars as pl

from config.registry import (
    Coverage,
    Fetched,
    Lag,
    Release,
    Source,
    SourceError,
    countries,
    neighbour_regions,
)
from config.texts import printable
from warehouse.client import Client
from warehouse.sources.tables import (
    bundle,
    cast_declared,
    fetch_file,
    fetched_now,
    filter_counted,
    or_unreadable,
    pages,
    read_table,
)

TOKEN = "UCDP_API_TOKEN"  # noqa: S105 (its name)
PAGE_ROWS = 1_000
PASSING = (400,)  # the API answers so in the middle of paging, and recovers
YEARLY_NAME = re.compile(
    r"ged(?P<year>\d\d)1(\D.*)?\.(csv|zip)$|gedevent_v(?P<other>\d\d)_1(\D.*)?\.(csv|zip)$", re.I
)
QUARTERS_NAME = re.compile(
    r"gedevent_v(?P<year>\d\d)_01_(?P<last>\d\d)_(?P<month>\d\d)(\D.*)?\.(csv|zip)$", re.I
)
MONTH_NAME = re.compile(r"gedevent_v(?P<year>\d\d)_0_(?P<month>\d\d?)(\D.*)?\.(csv|zip)$", re.I)
MONTHS_LATE = 62  # days after which a month's candidates are missing, not late
EMBEDDED_COUNTRIES = ("BEN", "BFA", "CIV", "GNB", "MLI", "NER", "SEN", "TGO")
BUNDLE = b"PK\x03\x04"
COLUMNS = (
    "id", "relid", "year", "code_status", "type_of_violence", "conflict_name", "dyad_name",
    "side_a", "side_b", "where_prec", "adm_1", "adm_2", "latitude", "longitude", "country",
    "country_id", "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low",
)  # fmt: skip
OPTIONAL = ("code_status",)  # the embedded releases were cut without it
ALIASES = {"best_est": "best", "high_est": "high", "low_est": "low"}  # HDX's country files
# All columns of a release, in order: at least one candidate file (24.0.1) came without them.
HEADER = (
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id",
    "conflict_new_id", "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name",
    "side_a_dset_id", "side_a_new_id", "side_a", "side_b_dset_id", "side_b_new_id", "side_b",
    "number_of_sources", "source_article", "source_office", "source_date", "source_headline",
    "source_original", "where_prec", "where_coordinates", "where_description", "adm_1", "adm_2",
    "latitude", "longitude", "geom_wkt", "priogrid_gid", "country", "country_id", "region",
    "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low", "gwnoa", "gwnob",
)  # fmt: skip


def parse(content: bytes, url: str) -> pl.DataFrame:
    """Events in the official column names (UCDP GED Codebook 24.1), one row an event.

    A whole release holds the world; events of other countries are left out, but for those next
    to the area, which count as violence around its regions.
    """
    empty = ("adm_1", "adm_2")
    if content.startswith(BUNDLE) and url.partition("?")[0].rpartition(".")[2] != "zip":
        rows = [row for page in pages(content, url) for row in page["Result"]]
        if not rows:
            raise SourceError(f"{url}: holds no events; fetch it again")
        raw = pl.DataFrame(rows, infer_schema_length=None, strict=False)
        events = cast_declared(raw, url, COLUMNS, empty, OPTIONAL, HEADER)
    else:
        events = read_table(
            content, url, COLUMNS, empty, HEADER, keep_unreadable=True, optional=OPTIONAL,
            aliases=ALIASES,
        )  # fmt: skip
    ours, around = countries()["gw_number"].to_list(), neighbour_regions()["gw_number"].to_list()
    is_ours = pl.col("country_id").is_in(ours) | ~pl.col("country_id").is_between(1, 999)
    is_near = pl.col("country_id").is_in(around)
    events_of_ours = filter_counted(
        events, or_unreadable(is_ours | is_near), "of other countries"
    )  # no number: held out
    if not events_of_ours.select(or_unreadable(is_ours).any()).item() and not events.is_empty():
        others = events["country"].drop_nulls().unique().sort().to_list()
        names = ", ".join(printable(name)[:30] for name in others[:3])
        raise SourceError(
            f"{url}: holds {events.height:,} events of other countries ({names}"
            f"{' and others' if len(others) > 3 else ''}) and none of "
            f"{_named(countries()['country_name'].to_list())}; give a file that holds these"
        )
    return events_of_ours


def _named(names: list[str]) -> str:
    """Names of countries in a sentence, the first eight of many."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} others" if len(names) > 8 else "")


def fetch(source: Source, address: str, client: Client) -> Iterator[Fetched]:
    """The newest yearly release, then the candidates of the months after it, oldest first.

    Args:
        source: The record.
        address: ``.../downloads`` for files, ``.../api`` for the API, which needs a token and
            sends the countries of the area and next to it alone.
        client: Requests of this run.

    A month's candidates are fetched once; when a quarter's cumulative file or the next
    yearly release holds them, they are superseded. Nothing is fetched beyond a month that
    is not there, so figures never have a hole.

    Raises:
        SourceError: No release was found, or one is not whole.
    """
    is_api = urlsplit(address).path.rstrip("/").endswith("/api")
    get = _from_api if is_api else _from_file
    this_year = client.today.year
    for year in range(this_year, this_year - 3, -1):
        release, covered_until = _yearly(year), date(year - 1, 12, 31)
        fetched = get(address, release, client)
        if fetched:
            yield fetched
            break
    else:
        raise SourceError(
            f"{source.name}: {address} has no yearly release of {this_year - 2} to {this_year}; "
            "look at https://ucdp.uu.se/downloads whether its names changed; the last good "
            "figures stay in use"
        )
    is_any_newer = True
    while is_any_newer:
        is_any_newer = False
        for release in _candidates(covered_until, client.today):
            fetched = get(address, release, client)
            if fetched:
                yield fetched
                is_any_newer, covered_until = True, release.covers_until or covered_until
                break


def files(source: Source, path: Path, coverage: Coverage) -> Iterator[Fetched]:
    """Of a folder the newest yearly release, then the candidates after it; or the one file.

    A file is known by the publisher's name for it. What lies beyond a month that no file
    holds is passed over, as by ``fetch``; so is what a chosen one holds already.

    Raises:
        SourceError: There is nothing to choose; says why each file was passed over.
    """
    if path.is_file():
        paths = [path]
    else:
        paths = sorted(
            file
            for file in path.iterdir()
            if file.suffix.lower() in (".csv", ".zip") and not file.name.startswith(".")
        )
    releases = {file: release for file in paths if (release := release_named(file.name))}
    if path.is_file() and not releases:  # any file: one whole delivery
        yield fetch_file(source, str(path))
        return
    passed_over = {
        file: "its name is none of UCDP's (ged251-csv.zip, GEDEvent_v26_0_8.csv)"
        for file in paths
        if file not in releases
    }
    chosen_files: list[Path] = []
    final, until = coverage.final_until, coverage.until
    yearly = [file for file in releases if releases[file].partition == "yearly"]
    yearly.sort(key=lambda file: (_end(releases[file]), file.suffix.lower() == ".zip", file.name))
    if yearly and (final is None or _end(releases[yearly[-1]]) >= final):
        chosen_files, final = [yearly[-1]], _end(releases[yearly[-1]])
        until = max(final, until or final)
    for file in yearly:
        if file not in chosen_files:
            passed_over[file] = f"a release that holds days up to {final} is newer or the same"
    rest = [file for file in releases if file not in yearly]
    end = final or date.min
    while further := [
        file
        for file in rest
        if _end(releases[file]) > end
        and (until is None or _begin(releases[file]) <= _month_after(max(end, until)))
    ]:
        further.sort(key=lambda file: (_begin(releases[file]), file.name))
        best = max(further, key=lambda file: _end(releases[file]))  # the longest
        chosen_files.append(best)
        rest.remove(best)
        end = _end(releases[best])
        until = max(end, until or end)
    for file in rest:
        first, last = _begin(releases[file]), _end(releases[file])
        passed_over[file] = (
            f"its months up to {last:%Y-%m} are held already"
            if last <= end
            else f"it begins in {first:%Y-%m}, and no file holds the months after {until:%Y-%m}"
        )
    remarks = tuple(f"{file.name} was passed over: {why}" for file, why in passed_over.items())
    if not chosen_files:
        raise SourceError(
            f"{source.name}: {path} has nothing to go on with"
            + (f": {'; '.join(remarks)}" if remarks else " (no .csv or .zip file)")
            + "; give the newest yearly release of https://ucdp.uu.se/downloads and the "
            "candidates after it; the last good figures stay in use"
        )
    if not path.is_file():
        remarks = (f"chosen in {path}: {', '.join(file.name for file in chosen_files)}", *remarks)
    for number, file in enumerate(chosen_files):
        fetched = fetch_file(source, str(file))
        remarks = remarks if number == 0 else ()
        yield replace(fetched, release=releases[file], remarks=remarks)


def release_named(name: str) -> Release | None:
    """Which release a file is by its publisher's name for it; None: by none.

    Example:
        >>> release_named("ged241-csv.zip").covers_until
        datetime.date(2023, 12, 31)
        >>> release_named("GEDEvent_v26_01_26_03_slim.csv").version
        '26.01.26.03'
        >>> release_named("events.csv")
    """
    if parts := YEARLY_NAME.match(name):
        year = 2000 + int(parts["year"] or parts["other"])
        return _yearly(year)
    if parts := QUARTERS_NAME.match(name):
        year, month = 2000 + int(parts["year"]), int(parts["month"])
        if parts["year"] == parts["last"] and 1 <= month <= 12:
            last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
            return _release(f"{year % 100}.01.{year % 100}.{month:02}", date(year, 1, 1), last)
    if (parts := MONTH_NAME.match(name)) and 1 <= int(parts["month"]) <= 12:
        year, month = 2000 + int(parts["year"]), int(parts["month"])
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return _release(f"{year % 100}.0.{month}", date(year, month, 1), last)
    return None


def _yearly(year: int) -> Release:
    return Release(f"{year % 100}.1", covers_until=date(year - 1, 12, 31), partition="yearly")


def _begin(release: Release) -> date:
    """First day of a candidate release."""
    year, kind, *rest = (int(part) for part in release.version.split("."))
    return date(2000 + year, rest[0] if kind == 0 else 1, 1)


def _end(release: Release) -> date:
    return release.covers_until or date.min


def _month_after(day: date) -> date:
    """First day of the next month; of none: any month may follow."""
    if day == date.min:
        return date.max
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _candidates(covered_until: date, today: date) -> Iterator[Release]:
    """Candidate releases that would go on after ``covered_until``, the longest first."""
    first = covered_until + timedelta(days=1)
    ends = [date(first.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
            for month in range(first.month, 13)]  # fmt: skip
    over = [last for last in ends if last < today]
    for last in reversed(over):
        if first.month == 1 and last.month % 3 == 0:
            yield _release(f"{last:%y}.01.{last:%y}.{last:%m}", first, last)
    if over:
        yield _release(f"{first:%y}.0.{first.month}", first, over[0])


def _release(version: str, first: date, last: date) -> Release:
    """Candidates of some months; late ones of other months stand beside them."""
    complete_where = f"date_end between date '{first}' and date '{last}'"
    return Release(version, covers_until=last, complete_where=complete_where, partition=version)


def _from_file(address: str, release: Release, client: Client) -> Fetched | None:
    """A release as a file (no token needed); None: there is none."""
    name = release.version.replace(".", "_")
    path = f"candidateged/GEDEvent_v{name}.csv"
    if release.partition == "yearly":
        path = f"ged/ged{release.version.replace('.', '')}-csv.zip"
    url = f"{address.rstrip('/')}/{path}"
    content = client.download(url, is_due=_is_due(release, client.today))
    return None if content is None else fetched_now(content, url, release)


def _is_due(release: Release, today: date) -> bool:
    """Whether a release must be out: a year's in June, a month's candidates two months later.

    A quarter's file may be left out by UCDP, since its months are there one by one.
    """
    last = _end(release)
    if release.partition == "yearly":
        return today >= date(last.year + 1, 7, 1)
    return ".0." in release.version and (today - last).days > MONTHS_LATE


def _from_api(address: str, release: Release, client: Client) -> Fetched | None:
    """A release page by page, every row once; None: there is none.

    The pages are followed by the server's own links, and what was counted is what
    ``TotalCount`` says, wherever the server's numbers begin. Pages of a run that was cut
    short are not fetched again.

    Raises:
        SourceError: No token, or the pages do not hold what the server says.
    """
    token = client.credential(
        TOKEN,
        "the API needs a token (see https://ucdp.uu.se/apidocs), the files of "
        "https://ucdp.uu.se/downloads need none",
    )
    url = f"{address.rstrip('/')}/gedevents/{release.version}"
    around = neighbour_regions()["gw_number"].unique().sort()
    numbers = pl.concat([countries()["gw_number"], around]).unique(maintain_order=True)
    country_numbers = ",".join(str(number) for number in numbers)
    query: dict[str, str | int] = {"pagesize": PAGE_ROWS, "Country": country_numbers}

    def page(more: dict[str, str | int]) -> bytes:
        params = {**query, **more}
        key = json.dumps([url, params], sort_keys=True)
        headers = {"x-ucdp-access-token": token}
        missing = () if more else (404,)
        retry_statuses = PASSING if more else ()

        def answer() -> bytes:
            reply = client.get(url, params, headers, accept=missing, retry_statuses=retry_statuses)
            if reply.status in missing:
                return b'{"TotalCount": 0}'
            answered = reply.json(client.source)
            if not isinstance(answered, dict) or not {"TotalCount", "Result"} <= answered.keys():
                raise SourceError(
                    f"{client.source}: {url} answered without TotalCount and Result, so its format "
                    "changed; its last good figures stay in use; look for a newer Tocsin"
                )
            return reply.content

        return client.cached_part(key, answer)

    for _ in range(2):  # a release that changed meanwhile is fetched anew, once
        replies = _walked(page)
        client.forget_parts()
        if replies is not None:
            return fetched_now(bundle(replies), url, release) if replies else None
    raise SourceError(
        f"{client.source}: {url} sends other rows than its TotalCount says; its last good figures "
        "stay in use and the next run tries again"
    )


def _walked(page: Callable[[dict[str, str | int]], bytes]) -> list[bytes] | None:
    """Every page of a release; empty: there is no such release; None: they do not add up."""
    replies, all_ids = [page({})], set()
    answer = json.loads(replies[0])
    total, link = answer["TotalCount"], answer.get("NextPageUrl")
    if not total:
        return []
    all_ids |= {row["id"] for row in answer["Result"]}
    while link:
        replies.append(page(dict(parse_qsl(urlsplit(link).query))))
        answer = json.loads(replies[-1])
        ids = {row["id"] for row in answer["Result"]}
        if answer["TotalCount"] != total or ids <= all_ids:
            return None
        all_ids |= ids
        link = answer.get("NextPageUrl")
    number = 0
    while len(all_ids) < total and number <= answer.get("TotalPages", 0):  # a server without links
        content = page({"page": number})
        ids = {row["id"] for row in json.loads(content)["Result"]}
        if not ids <= all_ids:
            replies.append(content)
            all_ids |= ids
        number += 1
    return replies if len(all_ids) == total else None


SOURCE = Source(
    name="ucdp_ged",
    title="UCDP Georeferenced Event Dataset",
    licence="CC BY 4.0",
    attribution=(
        "UCDP GED 24.1: Davies, Engström, Pettersson & Öberg (2024), Journal of Peace Research "
        "61(4); Sundberg & Melander (2013), Journal of Peace Research 50(4)"
    ),
    is_republishable=True,
    cadence="yearly release, monthly candidates about the 20th",
    flaws=(
        "41 of the 4,022 embedded rows break low <= best <= high",
        "the source's region name is empty for about 4% of events and follows older borders "
        "in Côte d'Ivoire",
        "events of where_prec 4-7 are known only to the region or the country",
        "119 events span two months or more; they count in the month of date_end",
        "no event without a death; recent months are provisional: of October 2023's candidates in "
        "the Sahel 85 of 86 clear ones were in the final release, of those marked 'Check ...' "
        "20 of 41",
        "the embedded 21.1 holds only events of where_prec 1-2, and of these first day, type, "
        "names, coordinates and deaths; its other columns are taken from 24.1",
    ),
    embedded=(
        Release(
            "21.1, eight WAEMU countries, 1989-2020, exact places only",
            published_on=date(2021, 6, 30),  # UCDP releases in May or June; the day is not on file
            covers_until=date(2020, 12, 31),
            complete_where="where_prec <= 2",
            file="embedded/ucdp_ged_21_1.parquet",
            countries=EMBEDDED_COUNTRIES,
        ),
        Release(
            "24.1, eight WAEMU countries, 1989-2022",
            published_on=date(2024, 6, 30),
            covers_until=date(2022, 12, 31),
            file="embedded/ucdp_ged_24_1.parquet",
            countries=EMBEDDED_COUNTRIES,
        ),
    ),
    parse=parse,
    columns=COLUMNS,
    key=("id",),
    optional=OPTIONAL,
    dated_by="date_end",
    lag=Lag(next_month_day=20),
    lag_reason="UCDP publishes a month's candidate events about the 20th of the next month",
    max_age_days=62,
    fetch=fetch,
    files=files,
    live="https://ucdp.uu.se/downloads",
    credentials=(TOKEN,),
    unit="event",
)
