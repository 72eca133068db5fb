"""TikTok, Events API 2.0, as far as it is known: HTTP 200 and a code in the body, the first bad parameter by its place.

One bad event refuses the whole request [inferred]. What is not documented is taken: an e-mail in the clear too, so ``taken`` is for
a test to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, tree_of

SOURCES = {"web", "app", "offline", "crm"}
TEXTS = ("content_id", "content_name", "content_category", "brand")


@dataclass
class TikTok:
    pixel: str
    token: str
    taken: list[dict[str, Any]] = field(default_factory=list)
    tests: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != "/open_api/v1.3/event/track/":
            return answer(None, status=404)
        if request.headers.get("access-token") != self.token:
            return _said(40105, "Access token is incorrect or has been revoked.")
        body = tree_of(request)
        if not isinstance(body, dict) or body.get("event_source") not in SOURCES or not body.get("data"):
            return _said(40002, "event_source: Missing data for required field.")
        if body.get("event_source_id") != self.pixel:
            return _said(40001, "No permission to operate the event source.")
        for fault in _faults(body):
            return _said(40002, fault)
        (self.tests if body.get("test_event_code") else self.taken).extend(body["data"])
        return _said(0, "OK")


def _faults(body: dict[str, Any]) -> Iterator[str]:
    for n, one in enumerate(body["data"]):
        if not isinstance(one.get("event"), str):
            yield f"Batch.{n}.event: Missing data for required field."
        if type(one.get("event_time")) is not int:
            yield f"Batch.{n}.event_time: Not a valid integer."
        if body["event_source"] == "web" and not one.get("page", {}).get("url"):
            yield f"Batch.{n}.page.url: Missing data for required field."
        for m, content in enumerate(one.get("properties", {}).get("contents", ())):
            for key in TEXTS:
                if key in content and not isinstance(content[key], str):
                    yield f"Batch.{n}.properties.contents.{m}.{key}: Not a valid string"


def _said(code: int, message: str) -> Reply:
    return answer({"code": code, "message": message, "request_id": "20261127100000", "data": {}})
