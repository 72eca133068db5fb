"""Every platform's fixtures: one event in, the request that must leave or the reason that keeps it here, and each answer judged."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from platform_fixtures import answers, built, cases, platforms

from twofold.destinations import BY_PLATFORM, DESTINATIONS
from twofold.destinations.contract import Failure, PlatformAnswer, RefusedEvent, Suppressed

CASES = cases()


@pytest.mark.parametrize(("platform", "name", "case"), CASES, ids=[f"{p}-{n}" for p, n, _ in CASES])
def test_what_leaves(platform: str, name: str, case: dict[str, Any]) -> None:
    """Address, headers, query and body are those of the fixture, number for number; or nothing leaves, for its reason."""
    made, settings = built(platform, case)

    if "suppressed" in case:
        assert made == Suppressed(case["suppressed"])
        return
    assert isinstance(made, bytes), made
    request = BY_PLATFORM[platform].request([made], settings, case.get("test_event_code"))
    wanted = case["request"]
    assert (request.method, request.url) == (wanted.get("method", "POST"), wanted["url"])
    assert dict(request.query) == wanted.get("query", {})
    assert wanted.get("headers", {}).items() <= dict(request.headers).items()
    assert json.loads(request.body, parse_float=Decimal) == wanted["body"]


ANSWERS = answers()


@pytest.mark.parametrize(("platform", "row"), ANSWERS, ids=[f"{p}-{a['about']}".replace(" ", "-") for p, a in ANSWERS])
def test_what_an_answer_means(platform: str, row: dict[str, Any]) -> None:
    """One row of the platform's table: the outcome, its code, the events it names, when to come back, where the rest is told."""
    body = row.get("body", "")
    answer = PlatformAnswer(
        status=row.get("status"),
        headers=row.get("headers", {}),
        body=body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        written=row.get("written", True),
        failure=Failure(row["failure"]) if "failure" in row else None,
    )

    verdict = BY_PLATFORM[platform].classify(answer, row.get("sent", 1))

    assert verdict.outcome == row["outcome"], verdict
    assert verdict.code == row.get("code", verdict.code)
    assert verdict.refused == tuple(RefusedEvent(*r) for r in row.get("refused", []))
    assert verdict.wait_ms == row.get("wait_ms")
    assert verdict.later == row.get("later", "")
    assert verdict.trace == row.get("trace", verdict.trace)


@pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda d: d.platform)
def test_no_answer_is_too_strange_to_be_judged(destination: Any) -> None:
    """`classify` raises for nothing, and takes no garbage for a yes with a body that must say one."""
    for body in (b"", b"[]", b"null", b"\xff\xfe", b'{"error":7}', b'{"error":{"details":[1,{"a":2}]}}', b"{" * 3_000):
        for status in (None, 100, 200, 201, 204, 207, 301, 400, 401, 403, 404, 409, 413, 418, 422, 426, 429, 500, 599):
            destination.classify(PlatformAnswer(status=status, body=body, written=status is not None), 3)


@pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda d: d.platform)
def test_a_platform_says_what_it_is(destination: Any) -> None:
    """What the settings, the documentation and the edge take from the value is there; no secret has a place in an address."""
    assert destination.title
    assert destination.endpoint.startswith("https://") or destination.platform == "webhook", (
        "its receiver is the shop's own"
    )
    assert destination.limits.batch >= 1
    assert destination.limits.age_s > 12 * 3600, "resending ends twelve hours before the limit"
    assert destination.platform == "meta" or destination.platform in platforms(), "a platform has a folder of fixtures"
    for option in destination.options.values():
        assert option.meaning.endswith(".")
