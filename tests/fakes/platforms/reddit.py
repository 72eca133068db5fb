"""Reddit, Conversions API v3, as far as it is known: one bad event refuses the whole request, as in v2, and stands among the fields.

A repeat of one type and ``conversion_id`` is taken and kept once. What is not documented is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, tree_of

TYPES = {
    "PAGE_VISIT",
    "VIEW_CONTENT",
    "SEARCH",
    "ADD_TO_CART",
    "ADD_TO_WISHLIST",
    "PURCHASE",
    "LEAD",
    "SIGN_UP",
    "CUSTOM",
}
SOURCES = {"WEBSITE", "APP", "PHYSICAL_STORE", "OTHER"}


@dataclass
class Reddit:
    pixel: str
    token: str
    kept: list[dict[str, Any]] = field(default_factory=list)
    tests: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != f"/api/v3/pixels/{self.pixel}/conversion_events":
            return _refused(404, "Pixel not found.")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(status=401, body=b"Authorization Required")
        data = (tree_of(request) or {}).get("data", {})
        events = data.get("events", [])
        if not 1 <= len(events) <= 1_000:
            return _refused(400, "Invalid request.", "data.events")
        faults = [f"data.events[{n}].{fault}" for n, one in enumerate(events) for fault in _faults(one)]
        if faults:
            return _refused(400, "Invalid request.", *faults)
        there = self.tests if "test_id" in data else self.kept
        known = {_key(one) for one in there}
        there += [one for one in events if _key(one) not in known]
        return answer({"data": {"message": f"Successfully processed {len(events)} conversion events."}})


def _key(one: dict[str, Any]) -> tuple[Any, ...]:
    kind = one["type"]
    return (kind["tracking_type"], kind.get("custom_event_name"), one["metadata"]["conversion_id"])


def _faults(one: dict[str, Any]) -> Iterator[str]:
    if type(one.get("event_at")) is not int or one["event_at"] < 10**12:
        yield "event_at"
    if one.get("action_source") not in SOURCES:
        yield "action_source"
    kind = one.get("type", {})
    if kind.get("tracking_type") not in TYPES or ("custom_event_name" in kind) != (kind["tracking_type"] == "CUSTOM"):
        yield "type"
    if isinstance(one.get("metadata", {}).get("value", 0), str):
        yield "metadata.value"


def _refused(status: int, message: str, *fields: str) -> Reply:
    told = [{"field": name, "message": "is invalid"} for name in fields]
    return answer({"error": {"code": status, "message": message, "fields": told}}, status=status)
