"""UCDP: downloads as files, and the API with its token, pages and silent parameters."""

import csv
import io
import zipfile
from dataclasses import dataclass, field
from typing import Any

from stand_in import Answer, Request, json_answer
from warehouse.sources.ucdp_ged import HEADER

TOKEN = "sesame-4711"
EVENT = {
    "relid": "X", "active_year": True, "code_status": "Clear", "type_of_violence": 1,
    "conflict_name": "Mali: Government", "dyad_name": "Government of Mali - JNIM",
    "side_a": "Government of Mali", "side_b": "JNIM", "number_of_sources": 2,
    "source_headline": "", "where_prec": 1, "adm_1": "Sikasso region", "adm_2": "Bougouni cercle",
    "latitude": 11.4, "longitude": -7.5, "country": "Mali", "country_id": 432, "region": "Africa",
    "event_clarity": 1, "date_prec": 1, "deaths_a": 1, "deaths_b": 2, "deaths_civilians": 0,
    "deaths_unknown": 0, "best": 3, "high": 4, "low": 2, "gwnoa": "432", "gwnob": None,
}  # fmt: skip


def event(number: int, day: str, **changed: Any) -> dict[str, Any]:
    """An invented event."""
    row = {**dict.fromkeys(HEADER, ""), **EVENT, "id": number, "year": int(day[:4])}
    return {**row, "date_start": f"{day}T00:00:00", "date_end": f"{day}T00:00:00", **changed}


@dataclass
class Ucdp:
    """Releases by version.

    Attributes:
        first_page: Number of the API's first page.
        has_links: Whether the API links to the next page.
        lists_wrong: Added to TotalCount.
        repeats: The page whose rows the one before it has sent already.
        headless: Versions whose file lacks the first line.
    """

    releases: dict[str, list[dict[str, Any]]]
    first_page: int = 0
    has_links: bool = True
    lists_wrong: int = 0
    repeats: int | None = None
    headless: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Answer:
        path = request.path
        if path.startswith("/api/gedevents/"):
            return self.api(request, path.rpartition("/")[2])
        name = path.rpartition("/")[2]
        for version, rows in self.releases.items():
            if name == f"ged{version.replace('.', '')}-csv.zip":
                return self.file(request, version, zipped(f"GEDEvent_v{version}.csv", rows))
            if name == f"GEDEvent_v{version.replace('.', '_')}.csv":
                return self.file(request, version, table(rows, version not in self.headless))
        return Answer(b"<html>no such file</html>", 404, "text/html")

    def file(self, request: Request, version: str, body: bytes) -> Answer:
        tag = f'"{version}-{hash(body)}"'
        if request.headers.get("if-none-match") == tag:
            return Answer(status=304, headers={"ETag": tag})
        return Answer(body, kind="text/csv", headers={"ETag": tag})

    def api(self, request: Request, version: str) -> Answer:
        if request.headers.get("x-ucdp-access-token") != TOKEN:
            return Answer(b"API token required. Add header: x-ucdp-access-token", 401, "text/plain")
        if version not in self.releases:
            return Answer(b"", 404)
        wanted = request.query.get("Country", "").split(",")
        rows = [
            r for r in self.releases[version] if wanted == [""] or str(r["country_id"]) in wanted
        ]
        size = int(request.query.get("pagesize", 100))
        page = int(request.query.get("page", self.first_page)) - self.first_page
        pages = -(-len(rows) // size)
        shown = page - 1 if self.repeats == page else page
        link = ""
        if self.has_links and page + 1 < pages:
            query = "&".join(f"{k}={v}" for k, v in request.query.items() if k != "page")
            link = f"http://inner.example{request.path}?{query}&page={page + 1 + self.first_page}"
        return json_answer(
            {
                "TotalCount": len(rows) + self.lists_wrong,
                "TotalPages": pages,
                "PreviousPageUrl": "",
                "NextPageUrl": link,
                "Result": rows[shown * size : (shown + 1) * size] if shown >= 0 else [],
            }
        )


def table(rows: list[dict[str, Any]], has_header: bool = True) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    if has_header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def zipped(name: str, rows: list[dict[str, Any]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), table(rows))
    return packed.getvalue()
