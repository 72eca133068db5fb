"""Microsoft Advertising, UET Conversions API, as far as its page goes: one bad event refuses a request, and the details name the places.

`continueOnValidationError` is false in what we send; with true the good ones would be taken. Nothing is documented about repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, tree_of

TYPES = {"pageLoad", "custom"}
WHO = {"em", "ph", "msclkid", "anonymousId", "externalId", "clientIpAddress"}


@dataclass
class Microsoft:
    tag: str
    token: str
    kept: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != f"/v1/{self.tag}/events":
            return answer(None, status=404)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return answer({"error": {"code": "Unauthorized", "message": "x"}, "traceId": "t"}, status=401)
        body = tree_of(request)
        faults = [
            {"index": n, "propertyName": name, "attemptedValue": "?", "errorMessage": "invalid", "isWarning": False}
            for n, one in enumerate(body["data"])
            for name in _faults(one)
        ]
        if faults and body.get("continueOnValidationError") is False:
            error = {"code": "BadRequest", "message": "invalid", "details": faults}
            return answer({"eventsReceived": 0, "error": error, "traceId": "t"}, status=400)
        self.kept += body["data"]
        return answer({"eventsReceived": len(body["data"]), "traceId": "t"})


def _faults(one: dict[str, Any]) -> Iterator[str]:
    if one.get("eventType") not in TYPES:
        yield "eventType"
    if one.get("eventType") == "custom" and not isinstance(one.get("eventName"), str):
        yield "eventName"
    if type(one.get("eventTime")) is not int:
        yield "eventTime"
    if one.get("eventType") == "pageLoad" and not one.get("eventSourceUrl"):
        yield "eventSourceUrl"
    if not WHO & set(one.get("userData", {})):
        yield "userData"
    if "value" in one.get("customData", {}) and isinstance(one["customData"]["value"], str):
        yield "customData.value"
