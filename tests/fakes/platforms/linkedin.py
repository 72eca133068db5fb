"""LinkedIn, Conversions API, as far as it is known: a batch with one bad event stores nothing, and the refusal names every fault.

Of two copies with one ``eventId`` nothing is documented: both are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.graph import Recorded, Reply
from tests.fakes.platforms import answer, path_of, tree_of

NAMED = {"SHA256_EMAIL", "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "ACXIOM_ID", "ORACLE_MOAT_ID"}
VERSIONS = {"202610", "202611"}


@dataclass
class LinkedIn:
    rule: str
    token: str
    kept: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Recorded) -> Reply:
        if path_of(request) != "/rest/conversionEvents":
            return _refused(404, "Not found", code="RESOURCE_NOT_FOUND")
        version = request.headers.get("linkedin-version")
        if version is None:
            return _refused(400, "A version must be present.", code="VERSION_MISSING")
        if version not in VERSIONS:
            return _refused(426, f"Requested version {version} is not active", code="NONEXISTENT_VERSION")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _refused(401, "Invalid access token", code="INVALID_ACCESS_TOKEN")
        elements = (tree_of(request) or {}).get("elements", [])
        if request.headers.get("x-restli-method") != "BATCH_CREATE" or not 1 <= len(elements) <= 5_000:
            return _refused(400, "Bad request")
        rule = f"urn:lla:llaPartnerConversion:{self.rule}"
        if any(one.get("conversion") != rule for one in elements):
            return _refused(403, "No ad accounts found")
        faults = [(n, list(_faults(one))) for n, one in enumerate(elements)]
        told = "\n".join(f"Index: {n}, " + "\n".join(found) for n, found in faults if found)
        if told:
            return _refused(422, told)
        self.kept += elements
        return answer({"elements": [{"status": 201} for _ in elements]})


def _faults(one: dict[str, Any]) -> Iterator[str]:
    if type(one.get("conversionHappenedAt")) is not int or one["conversionHappenedAt"] < 10**12:
        yield "ERROR :: /conversionHappenedAt :: is invalid"
    if not isinstance(one.get("conversionValue", {}).get("amount", ""), str):
        yield "ERROR :: /conversionValue/amount :: cannot be coerced to String"
    ids = one.get("user", {}).get("userIds")
    if ids is None:
        yield "ERROR :: /user/userIds :: field is required but not found"
    elif not any(i["idType"] in NAMED for i in ids):
        yield "ERROR :: /user/userIds :: needs one that names somebody"
    for i in ids or ():
        if i["idType"] == "SHA256_EMAIL" and not re.fullmatch(r"[0-9a-f]{64}", i["idValue"]):
            yield "ERROR :: /user/userIds :: is no SHA-256"


def _refused(status: int, message: str, **more: str) -> Reply:
    return answer({"status": status, "message": message, **more}, status=status)
