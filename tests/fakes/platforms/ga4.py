"""Google Analytics 4, Measurement Protocol, as far as its documents say what it does.

`/mp/collect` answers 204 to whatever it is sent, a wrong secret included, and drops without a word what breaks a rule: ``kept`` has
what a property would show, ``dropped`` what it would not, with the rule. Nothing is documented about 4xx and 5xx, so there are
none. `/debug/mp/collect` answers with `validationMessages`, does not look at the secret, and records nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, query_of, tree_of

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
RESERVED = ("_", "firebase_", "ga_", "google_", "gtag.")


@dataclass
class Ga4:
    stream: str
    secret: str
    now_s: int
    kept: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # client_id, event
    dropped: list[tuple[str, str]] = field(default_factory=list)  # validationCode, description

    def __call__(self, request: Recorded) -> Reply:
        body, query = tree_of(request), query_of(request)
        faults = [*self._faults(body)]
        if path_of(request) == "/debug/mp/collect":
            said = [{"fieldPath": p, "description": d, "validationCode": c} for p, d, c in faults]
            return answer({"validationMessages": said})
        known = query.get("measurement_id") == self.stream and query.get("api_secret") == self.secret
        if known and request.method == "POST" and path_of(request) == "/mp/collect":
            self.dropped += [(code, text) for _, text, code in faults]
            if not faults:
                self.kept += [(body["client_id"], event) for event in body["events"]]
        return answer(None, status=204)

    def _faults(self, body: Any) -> Any:
        if not isinstance(body, dict):
            yield "", "Unable to parse Measurement Protocol JSON payload.", "VALUE_INVALID"
            return
        if not isinstance(body.get("client_id"), str) or not body["client_id"]:
            yield "client_id", "Measurement requires a client_id.", "VALUE_REQUIRED"
        stamp = body.get("timestamp_micros")
        if stamp is not None and int(stamp) < (self.now_s - 72 * 3600) * 1_000_000:
            yield (
                "timestamp_micros",
                "Measurement timestamp has timestamp more than 3 days in the past.",
                "VALUE_INVALID",
            )
        for flag in (body.get("consent") or {}).values():
            if flag not in ("GRANTED", "DENIED"):
                yield "consent", "Consent is neither GRANTED nor DENIED.", "VALUE_INVALID"
        events = body.get("events") or []
        if not 1 <= len(events) <= 25:
            yield "events", "The number of events is not between 1 and 25.", "EXCEEDED_MAX_ENTITIES"
        for n, event in enumerate(events):
            yield from self._event_faults(n, event)

    def _event_faults(self, n: int, event: Any) -> Any:
        name, params = event.get("name", ""), event.get("params", {})
        if not NAME.fullmatch(name):
            yield "events", f"Event at index: [{n}] has invalid name [{name}].", "NAME_INVALID"
        elif name.startswith(RESERVED):
            yield "events", f"Event at index: [{n}] has name [{name}] which is reserved.", "NAME_RESERVED"
        if len([key for key in params if key != "items"]) > 25:
            yield "events", f"Event at index: [{n}] has too many parameters.", "EXCEEDED_MAX_ENTITIES"
        for key, value in params.items():
            if not NAME.fullmatch(key) or key.startswith(RESERVED):
                yield "events", f"Event at index: [{n}] has parameter with invalid name [{key}].", "NAME_INVALID"
            if value is None or (isinstance(value, list | dict) and key != "items"):
                yield "events", f"Item array parameter [{key}] is not supported.", "VALUE_INVALID"
        if "value" in params and "currency" not in params:
            yield "events", f"Event at index: [{n}] has a value and no currency.", "VALUE_REQUIRED"
        if name == "purchase" and not params.get("transaction_id"):
            yield "events", f"Event at index: [{n}] has no transaction_id.", "VALUE_REQUIRED"
        for item in params.get("items", ()):
            if not item.get("item_id") and not item.get("item_name"):
                yield "events", f"Event at index: [{n}]: an item needs item_id or item_name.", "VALUE_REQUIRED"
