"""Google's Data Manager API and its token endpoint, as far as documents and the official types (google-ads-datamanager) say.

Refuses unknown keys, missing fields, digests without an encoding, transaction ids of digits alone, times ahead, too many events and
identifiers: the whole request, naming the places. A token lives as long as told (``token_s``) and can be taken back (``revoked``,
``grant_gone``). A request that was taken is told later by `requestStatus:retrieve`: PROCESSING first, then counts by reason.
What a click is worth and whether a conversion counts, nobody documents: every click is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, query_of, tree_of

REQUEST = {"destinations", "events", "consent", "validateOnly", "encoding", "encryptionInfo"}
EVENT = {
    "destinationReferences", "transactionId", "eventTimestamp", "lastUpdatedTimestamp", "userData", "consent", "adIdentifiers",
    "currency", "conversionValue", "conversionCount", "eventSource", "eventDeviceInfo", "cartData", "customVariables",
    "experimentalFields", "userProperties", "eventName", "clientId", "userId", "additionalEventParameters",
    "thirdPartyUserData", "eventLocation", "appInstanceId",
}  # fmt: skip
CLICKS = {"sessionAttributes", "gclid", "gbraid", "wbraid", "landingPageDeviceInfo", "mobileDeviceId", "dclid", "impressionId",
          "matchId", "encryptedUserIds", "ppid", "visitorPpid"}  # fmt: skip
CART = {"merchantId", "merchantFeedLabel", "merchantFeedLanguageCode", "transactionDiscount", "items", "couponCodes"}
EVENT_SOURCES = {"WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"}


@dataclass
class GoogleAds:
    account: str
    actions: set[str]
    refresh_token: str
    now_s: int
    token_s: int = 3599
    grant_gone: bool = False
    later: dict[str, Any] = field(default_factory=lambda: {"requestStatus": "SUCCESS"})
    processing: int = 1  # answers of PROCESSING before the result
    taken: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    asked: int = 0
    numbers: int = 0

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) == "/token":
            return self._token(request)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer not in self.tokens or bearer in self.revoked:
            return refuse(401, "UNAUTHENTICATED", [])
        if path_of(request) == "/v1/requestStatus:retrieve" and request.method == "GET":
            return self._status(request)
        if path_of(request) == "/v1/events:ingest" and request.method == "POST":
            return self._ingest(tree_of(request))
        return Reply(status=404, body=b"<!DOCTYPE html>")

    def _token(self, request: Recorded) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if self.grant_gone or form.get("refresh_token") != self.refresh_token:
            return answer({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400)
        if form.get("grant_type") != "refresh_token":
            return answer({"error": "unsupported_grant_type"}, 400)
        self.tokens.append(f"ya29.invented-{len(self.tokens)}")
        return answer({"access_token": self.tokens[-1], "expires_in": self.token_s, "token_type": "Bearer"})

    def _status(self, request: Recorded) -> Reply:
        number = query_of(request).get("requestId", "")
        if not re.fullmatch(r"r-\d+", number):
            return refuse(400, "INVALID_ARGUMENT", [("request_id", "INVALID_REQUEST_ID")])
        self.asked += 1
        told = {"requestStatus": "PROCESSING"} if self.asked <= self.processing else self.later
        return answer({"requestStatusPerDestination": [{"destination": {"reference": "x"}, **told}]})

    def _ingest(self, body: Any) -> Reply:
        if not isinstance(body, dict) or body.keys() - REQUEST:
            return refuse(400, "INVALID_ARGUMENT", [("", "INVALID_FORMAT")])
        events = body.get("events") or []
        if len(events) > 2000:
            return refuse(400, "INVALID_ARGUMENT", [("events", "TOO_MANY_EVENTS")])
        faults = [*self._of_destinations(body.get("destinations") or []), *self._of_events(body, events)]
        if faults:
            return refuse(400, "INVALID_ARGUMENT", faults)
        if not body.get("validateOnly"):
            self.taken += events
        self.numbers += 1
        return answer({"requestId": f"r-{self.numbers}"})

    def _of_destinations(self, destinations: list[Any]) -> Any:
        if not 1 <= len(destinations) <= 10:
            yield "destinations", "TOO_MANY_DESTINATIONS"
        for n, one in enumerate(destinations):
            if one.get("operatingAccount", {}).get("accountId") != self.account:
                yield f"destinations[{n}]", "INVALID_DESTINATION"
            if one.get("productDestinationId") not in self.actions:
                yield f"destinations[{n}].product_destination_id", "INVALID_CONVERSION_ACTION_ID"

    def _of_events(self, body: dict[str, Any], events: list[Any]) -> Any:
        known = {one.get("reference") for one in body.get("destinations") or []}
        for n, event in enumerate(events):
            for place, reason in self._of_event(event, known, body):
                yield f"events[{n}]{place}", reason

    def _of_event(self, event: dict[str, Any], known: set[Any], body: dict[str, Any]) -> Any:
        if (
            event.keys() - EVENT
            or event.get("adIdentifiers", {}).keys() - CLICKS
            or event.get("cartData", {}).keys() - CART
        ):
            yield "", "INVALID_FORMAT"
        if not set(event.get("destinationReferences", ())) <= known:
            yield ".destination_references", "INVALID_DESTINATION"
        if not event.get("eventTimestamp"):
            yield ".event_timestamp", "REQUIRED_FIELD_MISSING"
        elif datetime.fromisoformat(event["eventTimestamp"]).timestamp() > self.now_s + 60:
            yield ".event_timestamp", "EVENT_TIME_INVALID"
        if event.get("eventSource") not in EVENT_SOURCES:
            yield ".event_source", "INVALID_ENUM_VALUE" if event.get("eventSource") else "REQUIRED_FIELD_MISSING"
        if str(event.get("transactionId", "")).isdigit() and not body.get("validateOnly"):
            yield ".transaction_id", "INVALID_FORMAT"
        people = event.get("userData", {}).get("userIdentifiers", [])
        if not people and not event.get("adIdentifiers", {}).keys() - {"sessionAttributes"}:
            yield "", "NO_IDENTIFIERS_PROVIDED"
        if len(people) > 10:
            yield ".user_data.user_identifiers", "TOO_MANY_USER_IDENTIFIERS"
        for one in people:
            digest = one.get("emailAddress", one.get("phoneNumber", ""))
            if len(one) != 1 or body.get("encoding") != "HEX" or not re.fullmatch("[0-9a-f]{64}", digest):
                yield ".user_data", "INVALID_SHA256_FORMAT"
        if event.get("currency") and not re.fullmatch("[A-Z]{3}", event["currency"]):
            yield ".currency", "INVALID_CURRENCY_CODE"


def refuse(code: int, status: str, faults: list[tuple[str, str]]) -> Reply:
    """Google's error shape: the first reason as ErrorInfo, every place as a field violation."""
    violations = [{"field": f, "description": f"{f} is refused", "reason": r} for f, r in faults]
    details: list[dict[str, Any]] = [{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": faults[0][1] if faults else status,
        "domain": "datamanager.googleapis.com",
    }]  # fmt: skip
    if violations:
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    return answer({"error": {"code": code, "status": status, "message": "refused", "details": details}}, code)
