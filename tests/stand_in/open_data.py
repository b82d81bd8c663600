"""HAPI, FTS, VIEWS, ReliefWeb and Powell & Thyne, as they answer. Every row is invented."""

from dataclasses import dataclass, field
from typing import Any

from stand_in import Answer, Request, json_answer

IDENTIFIER = "dG9jc2luOm9wc0BleGFtcGxlLm9yZw=="
APPNAME = "tocsin-approved-x7"


def count(month: str, kind: str = "political_violence", **changed: Any) -> dict[str, Any]:
    """A HAPI row; ``month`` as 2026-09."""
    last = {"02": 28, "04": 30, "06": 30, "09": 30, "11": 30}.get(month[5:], 31)
    return {
        "resource_hdx_id": "0", "event_type": kind, "events": 7, "fatalities": 19,
        "location_ref": 131, "location_code": "MLI", "location_name": "Mali", "has_hrp": True,
        "admin1_code": "ML03", "admin1_name": "Sikasso", "provider_admin1_name": "Sikasso",
        "admin2_code": "ML0301", "admin2_name": "Bougouni", "provider_admin2_name": "Bougouni",
        "admin_level": 2, "reference_period_start": f"{month}-01T00:00:00",
        "reference_period_end": f"{month}-{last}T23:59:59", **changed,
    }  # fmt: skip


@dataclass
class Hapi:
    """``cap``: rows of one answer; ``ignores``: a filter that does nothing."""

    rows: list[dict[str, Any]]
    cap: int = 10_000
    ignores: str = ""

    def __call__(self, request: Request) -> Answer:
        query = request.query
        if "app_identifier" not in query:
            return json_answer({"error": "Missing app identifier"}, 403)
        if query["app_identifier"] != IDENTIFIER:
            return json_answer({"error": "Invalid app identifier"}, 403)
        rows = self.rows
        if self.ignores != "location":
            rows = [r for r in rows if r["location_code"] == query["location_code"]]
        if self.ignores != "dates":
            rows = [
                r for r in rows
                if query["start_date"] <= r["reference_period_start"][:10] <= query["end_date"]
            ]  # fmt: skip
        begin = int(query["offset"])
        return json_answer({"data": rows[begin : begin + min(self.cap, int(query["limit"]))]})


def flow(number: int, **changed: Any) -> dict[str, Any]:
    """An FTS flow; ``to`` names countries, ``year`` the usage year."""
    to = changed.pop("to", ["Mali"])
    year = changed.pop("year", 2026)
    return {
        "id": str(number), "versionId": 2, "amountUSD": 250_000, "budgetYear": "2026",
        "contributionType": "financial", "flowType": "Standard", "method": "Traditional aid",
        "boundary": "incoming", "onBoundary": "single", "status": "commitment", "newMoney": True,
        "date": "2026-03-04T00:00:00Z", "decisionDate": "2026-03-01T00:00:00Z",
        "firstReportedDate": "2026-03-10T00:00:00Z", "description": "invented",
        "sourceObjects": [{"type": "Organization", "id": "1", "name": "Exampleland"},
                          {"type": "UsageYear", "id": "47", "name": str(year)}],
        "destinationObjects": [*({"type": "Location", "id": "137", "name": name} for name in to),
                               {"type": "UsageYear", "id": "47", "name": str(year)}],
        **changed,
    }  # fmt: skip


@dataclass
class Fts:
    """``miscounts``: added to the number of flows told; ``status``: of the envelope."""

    flows: list[dict[str, Any]]
    page_rows: int = 1_000
    miscounts: int = 0
    status: str = "ok"

    def __call__(self, request: Request) -> Answer:
        mine = request.query["countryISO3"] == "MLI"
        flows = [
            f for f in self.flows
            if mine and f["destinationObjects"][-1]["name"] == request.query["year"]
        ]  # fmt: skip
        page = int(request.query.get("page", 1))
        shown = flows[(page - 1) * self.page_rows : page * self.page_rows]
        meta: dict[str, Any] = {"language": "en", "count": len(flows) + self.miscounts}
        if page * self.page_rows < len(flows):
            query = "&".join(f"{k}={v}" for k, v in request.query.items() if k != "page")
            meta["nextLink"] = f"https://api.hpc.tools{request.path}?{query}&page={page + 1}"
        return json_answer({"status": self.status, "data": {"flows": shown}, "meta": meta})


@dataclass
class Views:
    """``short``: rows withheld."""

    runs: list[str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    short: int = 0

    def __call__(self, request: Request) -> Answer:
        if request.path == "/":
            return json_answer({"runs": self.runs})
        run, level = request.path.strip("/").split("/")
        if run not in self.runs or level != "cm":
            return json_answer({"detail": "unknown"}, 422)
        page, size = int(request.query["page"]), int(request.query["pagesize"])
        pages = len(self.rows) // size + 1
        data = self.rows[(page - 1) * size : page * size]
        return json_answer({
            "next_page": f"http://inner/{run}/cm?page={page + 1}" if page < pages else "",
            "prev_page": "", "row_count": len(self.rows) + self.short, "page_count": pages,
            "page_cur": page, "data": data,
        })  # fmt: skip


def ahead(month_id: int, iso: str = "MLI") -> dict[str, Any]:
    return {"country_id": 1, "month_id": month_id, "name": iso, "gwcode": 432, "isoab": iso,
            "year": 2026, "month": 9, "main_mean": 90.5, "main_mean_ln": 4.5,
            "main_dich": 0.97}  # fmt: skip


@dataclass
class ReliefWeb:
    reports: list[dict[str, Any]]
    withheld: int = 0

    def __call__(self, request: Request) -> Answer:
        import json

        if request.query.get("appname") != APPNAME:
            return json_answer(
                {"status": 403, "error": {"message": "not an approved appname"}}, 403
            )
        body = json.loads(request.body)
        begin, size = body["offset"], body["limit"]
        return json_answer({
            "href": f"https://api.reliefweb.int{request.path}?appname={APPNAME}",
            "totalCount": len(self.reports) + self.withheld, "count": size,
            "data": self.reports[begin : begin + size],
        })  # fmt: skip


def report(number: int) -> dict[str, Any]:
    return {"id": str(number), "score": 1, "href": "", "fields": {
        "title": f"Report {number}", "date": {"created": "2026-10-02T00:00:00+00:00"},
        "source": [{"name": "UN"}], "country": [{"iso3": "mli"}],
        "url": f"https://reliefweb.int/node/{number}",
    }}  # fmt: skip


COUPS = (
    b"country\tccode\tccode_gw\tccode_polity\tyear\tmonth\tday\tcoup\tversion\n"
    b'Mali "Republic"\t432\t432\t432\t2020\t8\t18\t2\tV2026.01.13\n'
    b"Mali\t432\t432\t432\t2021\t5\t24\t2\tV2026.01.13\n"
    b"Niger\t436\t436\t436\t2023\t6\t26\t2\tV2026.01.13"
)


def coups(request: Request) -> Answer:
    return Answer(COUPS, kind="text/plain") if request.path == "/coups.txt" else Answer(status=404)
