"""Pinterest, Conversions API v5, by its schema: unknown keys and numbers for texts are refused, each event has its own word.

Of a request the good events are kept and the bad ones named: 200 where some or all are good, 422 where none is. ``?test=true`` is
checked and not kept. Whether a repeat is recognised is not documented, so nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, query_of, tree_of

HASHED = {"em", "ph", "ge", "db", "ln", "fn", "ct", "st", "zp", "country", "external_id", "hashed_maids"}
KEYS = {
    "": {"event_name", "action_source", "event_time", "event_id", "user_data", "event_source_url", "language", "partner_name", "opt_out",
         "custom_data", "app_id", "app_name", "app_version", "device_brand", "device_carrier", "device_model", "device_type", "os_version",
         "wifi"},
    "user_data": HASHED | {"client_ip_address", "client_user_agent", "click_id", "partner_id"},
    "custom_data": {"value", "currency", "content_ids", "contents", "num_items", "order_id", "search_string", "content_name",
                    "content_category", "content_brand", "predicted_ltv", "opt_out_type", "np"},
    "contents": {"id", "item_price", "quantity", "item_name", "item_category", "item_brand"},
}  # fmt: skip
REQUIRED = ("event_name", "action_source", "event_time", "event_id", "user_data")


@dataclass
class Pinterest:
    account: str
    token: str
    kept: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != f"/v5/ad_accounts/{self.account}/events":
            return answer({"code": 29, "message": "You are not permitted to access that resource."}, status=403)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return answer({"code": 2, "message": "Authentication failed."}, status=401)
        body = tree_of(request)
        if not isinstance(body, dict) or set(body) != {"data"} or not 1 <= len(body["data"]) <= 1_000:
            return answer({"code": 4196, "message": "Invalid request body."}, status=400)
        faults = [next(_faults(one), "") for one in body["data"]]
        good = [one for one, fault in zip(body["data"], faults, strict=True) if not fault]
        if query_of(request).get("test") != "true":
            self.kept += good
        told = {
            "num_events_received": len(faults),
            "num_events_processed": len(good),
            "events": [{"status": "failed" if f else "processed", "error_message": f, "warning_message": ""} for f in faults],
        }  # fmt: skip
        return answer(told) if good else answer({"code": 4196, "message": "No event.", "details": told}, status=422)


def _faults(one: dict[str, Any]) -> Iterator[str]:
    for key in REQUIRED:
        if key not in one:
            yield f"'{key}' is a required property"
    user, custom = one["user_data"], one.get("custom_data", {})
    for name, part in (("", one), ("user_data", user), ("custom_data", custom)):
        for key in set(part) - KEYS[name]:
            yield f"Additional properties are not allowed ('{key}' was unexpected)"
    for key in HASHED & set(user):
        if not isinstance(user[key], list) or not all(re.fullmatch(r"[0-9a-f]{64}", text) for text in user[key]):
            yield f"{key} is not a list of SHA-256"
    if not user.get("em") and not (user.get("client_ip_address") and user.get("client_user_agent")):
        yield "user_data needs em, hashed_maids, or client_ip_address and client_user_agent"
    if not isinstance(custom.get("value", ""), str):
        yield "value is not of type 'string'"
    for content in custom.get("contents", ()):
        if set(content) - KEYS["contents"] or not isinstance(content.get("item_price", ""), str):
            yield "contents is not valid"
