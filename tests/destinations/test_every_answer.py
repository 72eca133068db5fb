"""What each platform's answers mean, one by one: HTTP's statuses without a body, and each reason that Google documents.

The statuses are HTTP's (RFC 9110) where a platform's page says no other; the reasons are those of the Data Manager's reference. Answers
with bodies of the other platforms stand in `fixtures/*/answers.json`.
"""

from __future__ import annotations

import json

import pytest

from twofold.destinations import BY_PLATFORM
from twofold.destinations.contract import PlatformAnswer, RefusedEvent

# A time-out, an address that is gone, a body too large, a connection not yet safe, too many requests, and a platform that is unwell.
STATUSES = {
    408: "transient", 410: "misdirected", 413: "too_large", 425: "transient", 429: "throttled",
    500: "transient", 502: "transient", 503: "transient", 504: "transient",
}  # fmt: skip
# Standard Webhooks: 410 ends the subscription; overload is 429, 502 and 504; every other refusal may be a deploy.
OF_A_WEBHOOK = {410: "credentials", 413: "transient", 502: "throttled", 504: "throttled"}
WHO = {401: "credentials", 403: "credentials", 404: "misdirected"}
# Meta's codes decide at 403, and there is none.
OF_WHO = {"meta": {403: "unknown"}, "webhook": dict.fromkeys(WHO, "transient")}

ROWS = [
    (platform, status, ((OF_A_WEBHOOK if platform == "webhook" else {}) | OF_WHO.get(platform, {})).get(status, meaning))
    for platform in sorted(BY_PLATFORM)
    for status, meaning in (STATUSES | WHO).items()
]  # fmt: skip


@pytest.mark.parametrize(("platform", "status", "meaning"), ROWS)
def test_a_status_without_a_body(platform: str, status: int, meaning: str) -> None:
    assert BY_PLATFORM[platform].classify(PlatformAnswer(status=status), 2).outcome == meaning


@pytest.mark.parametrize("platform", sorted(BY_PLATFORM))
@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 407, 409, 421, 422, 451])
def test_no_event_is_dead_of_a_page(platform: str, status: int) -> None:
    """A refusal for people to read is a proxy's, or that of whoever stands before the platform: what was sent is not at fault."""
    for page in (b"<!DOCTYPE html><title>Blocked</title>", b"\n  <html><body>400 Bad Request"):
        told = BY_PLATFORM[platform].classify(PlatformAnswer(status=status, body=page), 2)
        assert told.outcome not in ("invalid", "too_large", "accepted", "partial"), told


@pytest.mark.parametrize("platform", sorted(BY_PLATFORM.keys() - {"webhook"}))
def test_a_page_is_no_yes(platform: str) -> None:
    """Of a network that wants a log-in first; a receiver of webhooks says yes with any status of that kind."""
    page = PlatformAnswer(status=200, headers={"content-type": "text/html"}, body=b"<html>Welcome! Please sign in")
    assert BY_PLATFORM[platform].classify(page, 2).outcome == "ambiguous"


OF_AN_EVENT = (
    "REQUIRED_FIELD_MISSING", "INVALID_FORMAT", "INVALID_HEX_ENCODING", "INVALID_BASE64_ENCODING", "INVALID_SHA256_FORMAT",
    "INVALID_POSTAL_CODE", "INVALID_COUNTRY_CODE", "INVALID_ENUM_VALUE", "INVALID_NUMBER_FORMAT", "INVALID_CURRENCY_CODE",
    "INVALID_EVENT", "INVALID_COUPON_CODE", "INVALID_MERCHANT_ID", "CUSTOM_VARIABLE_VALUE_CONTAINS_PII", "FIELD_VALUE_TOO_LONG",
    "EVENT_TIME_INVALID", "INVALID_AD_IDENTIFIER_FOR_ACCOUNT", "EVENT_SOURCE_AND_DESTINATION_MISMATCH", "NO_IDENTIFIERS_PROVIDED",
    "TOO_MANY_USER_IDENTIFIERS",
)  # fmt: skip
OF_THE_ACCOUNT = (
    "TERMS_AND_CONDITIONS_NOT_SIGNED", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
    "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "NOT_ALLOWLISTED", "INVALID_DESTINATION", "INVALID_CONVERSION_ACTION_ID",
    "INVALID_CONVERSION_ACTION_TYPE", "CONVERSION_ACTION_TOO_RECENTLY_CREATED", "PERMISSION_DENIED", "UNAUTHENTICATED",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
)  # fmt: skip
OF_THE_REQUEST = {
    "TOO_MANY_EVENTS": "too_large", "RESOURCE_EXHAUSTED": "throttled", "INTERNAL_ERROR": "transient", "INTERNAL": "transient",
    "UNAVAILABLE": "transient", "DEADLINE_EXCEEDED": "transient",
}  # fmt: skip


def refusal(status: int, *details: dict[str, object]) -> PlatformAnswer:
    error = {"code": status, "status": "INVALID_ARGUMENT", "message": "m", "details": list(details)}
    return PlatformAnswer(status=status, body=json.dumps({"error": error}).encode())


@pytest.mark.parametrize("reason", OF_AN_EVENT)
def test_google_names_an_event_and_the_others_go_again(reason: str) -> None:
    violation = {"field": "events[1].x", "description": "d", "reason": reason}
    told = BY_PLATFORM["google_ads"].classify(refusal(400, {"fieldViolations": [violation]}), 3)
    assert (told.outcome, told.code, told.refused) == ("invalid", reason, (RefusedEvent(1, reason),))


@pytest.mark.parametrize("reason", OF_THE_ACCOUNT)
def test_google_names_the_account_and_no_event_dies(reason: str) -> None:
    told = BY_PLATFORM["google_ads"].classify(refusal(400, {"reason": reason}), 3)
    assert (told.outcome, told.code, told.refused) == ("credentials", reason, ())


@pytest.mark.parametrize(("reason", "meaning"), OF_THE_REQUEST.items())
def test_google_names_the_request(reason: str, meaning: str) -> None:
    told = BY_PLATFORM["google_ads"].classify(refusal(400, {"reason": reason}), 3)
    assert (told.outcome, told.code, told.refused) == (meaning, reason, ())
