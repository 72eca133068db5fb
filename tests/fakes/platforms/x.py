"""X, Conversions API, as far as it is known: one bad event refuses the whole request [inferred]; a yes has the number of events.

A repeat of one ``event_id`` and ``conversion_id`` is taken and kept once. What is not documented is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, tree_of

NAMED = {"twclid", "hashed_email", "hashed_phone_number"}


@dataclass
class X:
    pixel: str
    token: str
    kept: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != f"/12/measurement/conversions/{self.pixel}":
            return _refused(404, "NOT_FOUND")
        if request.headers.get("x-pixel-token") != self.token:
            return _refused(401, "UNAUTHORIZED_ACCESS")
        conversions = (tree_of(request) or {}).get("conversions", [])
        if not 1 <= len(conversions) <= 500:
            return _refused(400, "INVALID_PARAMETER", "conversions")
        for one in conversions:
            for fault in _faults(one):
                return _refused(400, "INVALID_PARAMETER", fault)
        known = {(one["event_id"], one["conversion_id"]) for one in self.kept}
        self.kept += [one for one in conversions if (one["event_id"], one["conversion_id"]) not in known]
        processed = {"conversions_processed": len(conversions), "debug_id": "d1"}
        return answer({"request": {"params": {"account_id": "18ce54d4x5t"}}, "data": processed})


def _faults(one: dict[str, Any]) -> Iterator[str]:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one.get("conversion_time", "")):
        yield "conversion_time"
    if not re.fullmatch(r"(tw-[0-9a-z]+-)?[0-9a-z]+", one.get("event_id", "")):
        yield "event_id"
    if not any(key in NAMED for identifier in one.get("identifiers", ()) for key in identifier):
        yield "identifiers"


def _refused(status: int, code: str, parameter: str = "") -> Reply:
    return answer({"errors": [{"code": code, "message": "x", "parameter": parameter}]}, status=status)
