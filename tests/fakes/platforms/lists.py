"""Lists of people at Meta, Google and TikTok, as far as documents and public code say; what they do not say is taken.

Each keeps the rows that are on each list, and a script of answers that come before its own (``first``): a test says what goes wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.graph import Recorded, Reply, error
from tests.fakes.platforms import answer, path_of, query_of, tree_of
from tests.fakes.platforms.google_ads import GoogleAds, refuse

HEX = re.compile("[0-9a-f]{64}|")
Row = tuple[str, str]


@dataclass
class MetaLists:
    """Marketing API, Custom Audience Users. ``by_value``: lists that were made with is_value_based; ``flagged``: operation_status 471."""

    token: str
    lists: dict[str, dict[Row, Any]]
    by_value: set[str] = field(default_factory=set)
    flagged: set[str] = field(default_factory=set)
    first: list[Reply] = field(default_factory=list)
    first_of: dict[str, list[Reply]] = field(default_factory=dict)  # by list
    sessions: list[int] = field(default_factory=list)
    most: int = 10_000

    def __call__(self, request: Recorded) -> Reply:
        if self.first:
            return self.first.pop(0)
        match = re.fullmatch(r"/v\d+\.\d+/(\d+)/users", path_of(request))
        if match is not None and self.first_of.get(match[1]):
            return self.first_of[match[1]].pop(0)
        if match is None or request.method not in ("POST", "DELETE"):
            return error(2500, status=404)
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        if query_of(request) or form.get("access_token") != self.token:
            return error(190, status=401)
        if match[1] not in self.lists:
            return error(100, 33)
        if match[1] in self.flagged:
            return error(100, 1713230)
        return self._change(
            match[1], request.method, json.loads(form["payload"]), json.loads(form.get("session", "null"))
        )

    def _change(self, number: str, method: str, payload: Any, session: Any) -> Reply:
        schema, data = payload["schema"], payload["data"]
        valued = "LOOKALIKE_VALUE" in schema
        if not set(schema) <= {"EMAIL", "PHONE", "LOOKALIKE_VALUE"} or not isinstance(session, dict):
            return error(100)
        if len(data) > self.most or any(len(row) != len(schema) for row in data):
            return error(100)
        if method == "POST" and valued != (number in self.by_value):
            return error(100)
        if valued and any(type(row[2]) not in (int, float) or row[2] < 0 for row in data):
            return error(100)
        self.sessions.append(session["session_id"])
        invalid = [row for row in data if not all(HEX.fullmatch(digest) for digest in row[:2]) or not any(row[:2])]
        for row in data:
            if row not in invalid:
                kept = self.lists[number]
                if method == "DELETE":
                    kept.pop((row[0], row[1]), None)
                else:
                    kept[row[0], row[1]] = row[2] if valued else None
        return answer({
            "audience_id": number, "session_id": str(session["session_id"]), "num_received": len(data),
            "num_invalid_entries": len(invalid), "invalid_entry_samples": {json.dumps(row): "" for row in invalid},
        })  # fmt: skip


MEMBER_REQUEST = {
    "destinations",
    "audienceMembers",
    "consent",
    "validateOnly",
    "encoding",
    "encryptionInfo",
    "termsOfService",
}


@dataclass
class GoogleLists(GoogleAds):
    """Data Manager API: audienceMembers:ingest and :remove; tokens and results as of events. A change is done when its result is asked for
    and is a success, as nothing says when before."""

    lists: dict[str, set[Row]] = field(default_factory=dict)
    first: list[Reply] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  # digests that it names as invalid
    pending: dict[str, Callable[[], None]] = field(default_factory=dict)

    def __call__(self, request: Recorded) -> Reply:
        match = re.fullmatch(r"/v1/audienceMembers:(ingest|remove)", path_of(request))
        if match is None:
            reply = super().__call__(request)
            if path_of(request) == "/v1/requestStatus:retrieve" and b'"SUCCESS"' in (reply.body or b""):
                self.pending.pop(query_of(request)["requestId"], lambda: None)()
            return reply
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer not in self.tokens or bearer in self.revoked:
            return refuse(401, "UNAUTHENTICATED", [])
        if self.first:
            return self.first.pop(0)
        return self._members(match[1], tree_of(request))

    def _members(self, verb: str, body: Any) -> Reply:
        allowed = MEMBER_REQUEST if verb == "ingest" else MEMBER_REQUEST - {"consent", "termsOfService"}
        if not isinstance(body, dict) or body.keys() - allowed:
            return refuse(400, "INVALID_ARGUMENT", [("", "INVALID_FORMAT")])
        if verb == "ingest" and body.get("termsOfService") != {"customerMatchTermsOfServiceStatus": "ACCEPTED"}:
            return refuse(400, "INVALID_ARGUMENT", [("terms_of_service", "TERMS_AND_CONDITIONS_NOT_SIGNED")])
        members = body.get("audienceMembers") or []
        faults = [("audience_members", "TOO_MANY_EVENTS")] if len(members) > 10_000 else []
        rows = [self._row(n, member, body.get("encoding"), faults) for n, member in enumerate(members)]
        (destination,) = body["destinations"]
        if destination["operatingAccount"] != {"accountType": "GOOGLE_ADS", "accountId": self.account}:
            faults.append(("destinations[0]", "INVALID_DESTINATION"))
        number = destination.get("productDestinationId")
        if number not in self.lists:
            faults.append(("destinations[0].product_destination_id", "INVALID_DESTINATION"))
        if faults:
            return refuse(400, "INVALID_ARGUMENT", faults)
        self.numbers += 1
        kept = self.lists[number]
        change = kept.update if verb == "ingest" else kept.difference_update
        self.pending[f"r-{self.numbers}"] = lambda: change(rows)
        return answer({"requestId": f"r-{self.numbers}"})

    def _row(self, n: int, member: dict[str, Any], encoding: Any, faults: list[tuple[str, str]]) -> Row:
        place = f"audience_members[{n}].composite_data.user_data"
        people = member.get("compositeData", {}).get("userData", {}).get("userIdentifiers", [])
        if member.keys() != {"compositeData"} or not 1 <= len(people) <= 10:
            faults.append((place, "NO_IDENTIFIERS_PROVIDED"))
        told = {key: value for one in people for key, value in one.items()}
        if told.keys() - {"emailAddress", "phoneNumber"} or encoding != "HEX":
            faults.append((place, "INVALID_FORMAT"))
        if any(not re.fullmatch("[0-9a-f]{64}", v) or v in self.refused for v in told.values()):
            faults.append((place, "INVALID_SHA256_FORMAT"))
        return told.get("emailAddress", ""), told.get("phoneNumber", "")


@dataclass
class TikTokLists:
    """segment/mapping, as public senders use it. It names no row, and nothing is known of what it refuses beside token and audience."""

    advertiser: str
    token: str
    lists: dict[str, set[Row]]
    first: list[Reply] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != "/open_api/v1.3/segment/mapping/":
            return answer(None, status=404)
        if self.first:
            return self.first.pop(0)
        if request.headers.get("access-token") != self.token:
            return said(40105, "Access token is incorrect or has been revoked.")
        body = tree_of(request)
        if body.get("advertiser_ids") != [self.advertiser] or body.get("action") not in ("add", "delete"):
            return said(40002, "action: Invalid value.")
        if body.get("id_schema") != ["EMAIL_SHA256", "PHONE_SHA256"]:
            return said(40002, "id_schema: Invalid value.")
        for row in body["batch_data"]:
            for named in row:
                if named and (
                    set(named) != {"id", "audience_ids"} or not set(named["audience_ids"]) <= set(self.lists)
                ):
                    return said(40002, "audience_ids: audience does not exist.")
        for row in body["batch_data"]:
            number = next(named["audience_ids"][0] for named in row if named)
            told = tuple(named.get("id", "") for named in row)
            (self.lists[number].add if body["action"] == "add" else self.lists[number].discard)(told)  # type: ignore[arg-type]
        return said(0, "OK")


def said(code: int, message: str) -> Reply:
    return answer({"code": code, "message": message, "request_id": "20261129100000", "data": {}})
