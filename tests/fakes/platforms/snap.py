"""Snapchat, Conversions API v3, as far as it is known: the token in the query, one bad event refuses the whole request [inferred].

Answers have several shapes in public code; this one has a ``reason``. A repeat of an ``event_id`` is taken and kept once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, query_of, tree_of

HASHED = ("em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id")


@dataclass
class Snap:
    pixel: str
    token: str
    kept: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        place = f"/v3/{self.pixel}/events"
        if path_of(request) not in (place, f"{place}/validate"):
            return answer(None, status=404)
        if query_of(request).get("access_token") != self.token:
            return answer({"status": "FAILED", "reason": "Invalid access token"}, status=401)
        body = tree_of(request)
        if not isinstance(body, dict) or not 1 <= len(body.get("data", ())) <= 2_000:
            return answer({"status": "INVALID", "reason": "data is required"}, status=400)
        for one in body["data"]:
            for fault in _faults(one):
                return answer({"status": "INVALID", "reason": fault}, status=400)
        if path_of(request) == place:
            known = {one["event_id"] for one in self.kept}
            self.kept += [one for one in body["data"] if one["event_id"] not in known]
        return answer({"status": "VALID"})


def _faults(one: dict[str, Any]) -> Iterator[str]:
    for key in ("event_name", "event_time", "action_source"):
        if key not in one:
            yield f"{key} is required"
    if one.get("action_source") not in ("WEB", "MOBILE_APP", "OFFLINE"):
        yield "action_source is invalid"
    user = one.get("user_data", {})
    if not user.keys() & {"em", "ph", "madid"} and not {"client_ip_address", "client_user_agent"} <= user.keys():
        yield "user_data needs em, ph, madid, or client_ip_address and client_user_agent"
    for key in HASHED:
        if not all(re.fullmatch(r"[0-9a-f]{64}", text) for text in user.get(key, [])):
            yield f"{key} is not a list of SHA-256"
