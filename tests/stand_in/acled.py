"""ACLED: log-in, cursors, tiers, edits and deletions. Every row is invented."""

from dataclasses import dataclass, field
from typing import Any

from stand_in import Answer, Request, json_answer

USER, PASSWORD = "someone@acled.example", "sesame-4711"
EVENT = {
    "year": 2026, "time_precision": "1", "disorder_type": "Political violence",
    "event_type": "Battles", "sub_event_type": "Armed clash", "actor1": "Armed Group X",
    "assoc_actor_1": "", "inter1": "Rebel group", "actor2": "Armed Group Y", "assoc_actor_2": "",
    "inter2": "State forces", "interaction": "State forces-Rebel group", "civilian_targeting": "",
    "iso": 466, "region": "Western Africa", "country": "Mali", "admin1": "Sikasso",
    "admin2": "Bougouni", "admin3": "", "location": "Testville", "latitude": "11.4000",
    "longitude": "-7.5000", "geo_precision": 1, "source": "Test Wire", "source_scale": "National",
    "notes": "invented", "fatalities": 4, "tags": None,
}  # fmt: skip


def event(number: int, day: str, timestamp: int, **changed: Any) -> dict[str, Any]:
    return {**EVENT, "event_id_cnty": f"MLI{number}", "event_date": day, "timestamp": timestamp,
            **changed}  # fmt: skip


@dataclass
class Acled:
    """Rows, deletions, and how the account is treated.

    Attributes:
        tier: partner, research (nothing after ``seen_until``) or open (403).
        expires_after: Answers after which the session ends, once.
        lacks_cursor: Whether pages come without ``next_cursor``.
        repeats_cursor: Whether the second page has the cursor of the first.
        ignores_country: Whether the filter by country does nothing.
    """

    rows: list[dict[str, Any]]
    deletions: list[dict[str, Any]] = field(default_factory=list)
    tier: str = "partner"
    seen_until: str = "2025-11-24"
    expires_after: int | None = None
    lacks_cursor: bool = False
    repeats_cursor: bool = False
    ignores_country: bool = False
    page_rows: int = 5_000
    sessions: int = 0
    served: int = 0

    def __call__(self, request: Request) -> Answer:
        if request.path == "/oauth/token":
            form = request.form
            if (form["username"], form["password"]) != (USER, PASSWORD):
                return json_answer({"error": "invalid_grant"}, 400)
            self.sessions += 1
            return json_answer({"token_type": "Bearer", "expires_in": 86400,
                         "access_token": f"session-{self.sessions}-secret"})  # fmt: skip
        if self.served == self.expires_after:
            self.expires_after, self.sessions = None, self.sessions + 1
            return json_answer({"message": "expired"}, 401)
        if request.headers.get("authorization") != f"Bearer session-{self.sessions}-secret":
            return json_answer({"message": "no session"}, 401)
        self.served += 1
        if self.tier == "open":
            return json_answer({"message": "Access denied"}, 403)
        if request.path == "/api/deleted/read":
            since = int(request.query["deleted_timestamp"])
            return self.page(
                request, [d for d in self.deletions if int(d["deleted_timestamp"]) >= since]
            )
        rows = self.rows
        if not self.ignores_country:
            rows = [r for r in rows if r["country"] in request.query["country"].split("|")]
        if "timestamp" in request.query:
            rows = [r for r in rows if r["timestamp"] >= int(request.query["timestamp"])]
        if "event_date" in request.query:
            rows = [r for r in rows if r["event_date"] >= request.query["event_date"]]
        if self.tier == "research":
            rows = [r for r in rows if r["event_date"] <= self.seen_until]
        return self.page(request, rows)

    def page(self, request: Request, rows: list[dict[str, Any]]) -> Answer:
        begin = int(str(request.query["cursor"]).removeprefix("c"))
        size = min(self.page_rows, int(request.query["limit"]))
        end = begin + size
        shown = rows[begin:end]
        envelope: dict[str, Any] = {"status": 200, "success": True, "last_update": None,
                                    "count": None, "total_count": None, "data": shown}  # fmt: skip
        if not self.lacks_cursor:
            following = f"c{begin if self.repeats_cursor and begin else end}"
            envelope["next_cursor"] = following if end < len(rows) or self.repeats_cursor else None
        if self.tier == "research":
            recency = {"quantity": 12, "unit": "Months", "date": self.seen_until}
            envelope["data_query_restrictions"] = {"date_recency": recency}
        return json_answer(envelope)
