"""Meta's answers to outcomes. Rows follow the answer table of the delivery rules and Meta's "Handle errors" page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.destinations.contract import AnswerOutcome, Failure, PlatformAnswer
from twofold.destinations.meta import META


def body(**tree: Any) -> bytes:
    return json.dumps(tree).encode()


def fault(code: Any = None, subcode: Any = None, **more: Any) -> bytes:
    inner = {"message": "Invalid parameter", "type": "OAuthException", "fbtrace_id": "A"}
    inner |= {} if code is None else {"code": code}
    inner |= {} if subcode is None else {"error_subcode": subcode}
    return body(error={**inner, **more})


HTML = b"<!DOCTYPE html><html><title>Sorry</title></html>"
TAKEN = body(events_received=3, messages=[], fbtrace_id="A")

# name, status, body, expected outcome, expected code; three events were sent each time.
ROWS: list[tuple[str, int, bytes, AnswerOutcome, str]] = [
    # 2xx, count equals sent
    ("all taken", 200, TAKEN, AnswerOutcome.ACCEPTED, ""),
    ("all taken, no messages", 200, body(events_received=3), AnswerOutcome.ACCEPTED, ""),
    ("all taken, count as text", 200, body(events_received="3"), AnswerOutcome.ACCEPTED, ""),
    # 2xx, count differs or the body cannot be read
    ("fewer taken", 200, body(events_received=2), AnswerOutcome.PARTIAL, "http-200"),
    ("none taken", 200, body(events_received=0), AnswerOutcome.PARTIAL, "http-200"),
    ("more taken than sent", 200, body(events_received=4), AnswerOutcome.PARTIAL, "http-200"),
    ("no count", 200, body(messages=[]), AnswerOutcome.AMBIGUOUS, "http-200"),
    ("true is no count", 200, body(events_received=True), AnswerOutcome.AMBIGUOUS, "http-200"),
    ("a fraction is no count", 200, body(events_received=3.0), AnswerOutcome.AMBIGUOUS, "http-200"),
    ("a negative count", 200, body(events_received=-3), AnswerOutcome.AMBIGUOUS, "http-200"),
    ("empty", 200, b"", AnswerOutcome.AMBIGUOUS, "http-200"),
    ("no content", 204, b"", AnswerOutcome.AMBIGUOUS, "http-204"),
    ("HTML with 200", 200, HTML, AnswerOutcome.AMBIGUOUS, "http-200"),
    ("a list", 200, b"[3]", AnswerOutcome.AMBIGUOUS, "http-200"),
    ("a number", 200, b"3", AnswerOutcome.AMBIGUOUS, "http-200"),
    ("invalid UTF-8", 200, b'{"events_received":3,"x":"\xff\xfe"}', AnswerOutcome.AMBIGUOUS, "http-200"),
    ("cut off", 200, TAKEN[:-1], AnswerOutcome.AMBIGUOUS, "http-200"),
    ("something after it", 200, TAKEN + b"x", AnswerOutcome.AMBIGUOUS, "http-200"),
    ("nested beyond reason", 200, b"[" * 60_000, AnswerOutcome.AMBIGUOUS, "http-200"),
    ("a digit without end", 200, b'{"events_received":' + b"3" * 60_000 + b"}", AnswerOutcome.AMBIGUOUS, "http-200"),
    ("an error nobody knows inside 200", 200, fault(999_999), AnswerOutcome.AMBIGUOUS, "999999"),
    ("an error without a code inside 200", 200, fault(), AnswerOutcome.AMBIGUOUS, "http-200"),
    # the body's code wins over the status
    ("dead token inside 200", 200, fault(190), AnswerOutcome.CREDENTIALS, "190"),
    ("dead token inside 500", 500, fault(190), AnswerOutcome.CREDENTIALS, "190"),
    ("dead token inside 404", 404, fault(190), AnswerOutcome.CREDENTIALS, "190"),
    ("throttled inside 500", 500, fault(4), AnswerOutcome.THROTTLED, "4"),
    ("invalid event inside 500", 500, fault(100, 2804050), AnswerOutcome.INVALID, "100/2804050"),
    ("invalid event inside 429", 429, fault(100), AnswerOutcome.INVALID, "100"),
    ("temporary inside 400", 400, fault(2), AnswerOutcome.TRANSIENT, "2"),
    # an invalid event
    ("invalid parameter", 400, fault(100), AnswerOutcome.INVALID, "100"),
    ("invalid parameter, code as text", 400, fault("100", "2804003"), AnswerOutcome.INVALID, "100/2804003"),
    ("too old", 400, fault(100, 2804003), AnswerOutcome.INVALID, "100/2804003"),
    ("not hashed", 400, fault(100, 2804016), AnswerOutcome.INVALID, "100/2804016"),
    ("insufficient user data", 400, fault(100, 2804050), AnswerOutcome.INVALID, "100/2804050"),
    ("an event subcode under another code", 400, fault(1815356, 2804030), AnswerOutcome.INVALID, "1815356/2804030"),
    # credentials and permissions
    ("token invalid", 401, fault(190), AnswerOutcome.CREDENTIALS, "190"),
    ("token invalid, older status", 400, fault(190), AnswerOutcome.CREDENTIALS, "190"),
    ("token expired", 400, fault(190, 463), AnswerOutcome.CREDENTIALS, "190/463"),
    ("password changed", 400, fault(190, 460), AnswerOutcome.CREDENTIALS, "190/460"),
    ("no permission", 403, fault(10), AnswerOutcome.CREDENTIALS, "10"),
    ("no capability", 400, fault(3), AnswerOutcome.CREDENTIALS, "3"),
    ("first of the permission range", 403, fault(200), AnswerOutcome.CREDENTIALS, "200"),
    ("last of the permission range", 403, fault(299), AnswerOutcome.CREDENTIALS, "299"),
    ("blocked for policy", 400, fault(368), AnswerOutcome.CREDENTIALS, "368"),
    ("dataset unknown or not assigned", 400, fault(100, 33), AnswerOutcome.CREDENTIALS, "100/33"),
    ("a dead token is never transient", 400, fault(190, is_transient=True), AnswerOutcome.CREDENTIALS, "190"),
    ("401 without a body", 401, b"", AnswerOutcome.CREDENTIALS, "http-401"),
    # throttling
    ("application limit", 400, fault(4), AnswerOutcome.THROTTLED, "4"),
    ("user limit", 400, fault(17, 2446079), AnswerOutcome.THROTTLED, "17/2446079"),
    ("page limit", 400, fault(32), AnswerOutcome.THROTTLED, "32"),
    ("custom limit", 400, fault(613, 1487742), AnswerOutcome.THROTTLED, "613/1487742"),
    ("business limit, first", 400, fault(80000), AnswerOutcome.THROTTLED, "80000"),
    ("business limit, last", 400, fault(80014), AnswerOutcome.THROTTLED, "80014"),
    ("beyond the business limits", 400, fault(80015), AnswerOutcome.UNKNOWN, "80015"),
    ("throttled by status", 429, b"", AnswerOutcome.THROTTLED, "http-429"),
    ("throttled by a proxy", 429, HTML, AnswerOutcome.THROTTLED, "http-429"),
    # transient
    ("unknown error", 500, fault(1), AnswerOutcome.TRANSIENT, "1"),
    ("temporarily unavailable", 503, fault(2), AnswerOutcome.TRANSIENT, "2"),
    ("says it is transient", 400, fault(999, is_transient=True), AnswerOutcome.TRANSIENT, "999"),
    ("an invalid parameter that is transient", 400, fault(100, is_transient=True), AnswerOutcome.TRANSIENT, "100"),
    ("only true is transient", 400, fault(999, is_transient="yes"), AnswerOutcome.UNKNOWN, "999"),
    ("request timeout", 408, b"", AnswerOutcome.TRANSIENT, "http-408"),
    ("internal", 500, b"", AnswerOutcome.TRANSIENT, "http-500"),
    ("bad gateway in HTML", 502, HTML, AnswerOutcome.TRANSIENT, "http-502"),
    ("unavailable in JSON", 503, b"{}", AnswerOutcome.TRANSIENT, "http-503"),
    ("HTML with 400", 400, HTML, AnswerOutcome.TRANSIENT, "http-400"),
    ("HTML with 403", 403, HTML, AnswerOutcome.TRANSIENT, "http-403"),
    ("garbage with 400", 400, b"\x00\xff", AnswerOutcome.TRANSIENT, "http-400"),
    # size
    ("too large", 413, b"", AnswerOutcome.TOO_LARGE, "http-413"),
    ("too large in HTML", 413, HTML, AnswerOutcome.TOO_LARGE, "http-413"),
    # the wrong address
    ("moved", 301, b"", AnswerOutcome.MISDIRECTED, "http-301"),
    ("found", 302, HTML, AnswerOutcome.MISDIRECTED, "http-302"),
    ("moved for good", 308, TAKEN, AnswerOutcome.MISDIRECTED, "http-308"),
    ("not found", 404, HTML, AnswerOutcome.MISDIRECTED, "http-404"),
    ("gone", 410, b"", AnswerOutcome.MISDIRECTED, "http-410"),
    ("unknown path components", 400, fault(2500), AnswerOutcome.MISDIRECTED, "2500"),
    # other 4xx
    ("unprocessable", 422, b"", AnswerOutcome.UNKNOWN, "http-422"),
    ("unsupported type", 415, b"{}", AnswerOutcome.UNKNOWN, "http-415"),
    ("an unknown code", 400, fault(999_999), AnswerOutcome.UNKNOWN, "999999"),
    ("a code of a family that no page explains", 400, fault(5000), AnswerOutcome.UNKNOWN, "5000"),
    ("an unknown code and subcode", 403, fault(1815355, 1815356), AnswerOutcome.UNKNOWN, "1815355/1815356"),
    ("an unknown code in a conflict", 409, fault(31), AnswerOutcome.UNKNOWN, "31"),
    ("a refusal without a code", 400, fault(), AnswerOutcome.UNKNOWN, "http-400"),
    ("a code that is no number", 400, fault([190]), AnswerOutcome.UNKNOWN, "http-400"),
    ("a code in foreign digits", 400, fault("١٩٠"), AnswerOutcome.UNKNOWN, "http-400"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "text", "outcome", "code"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_an_answer_means_what_the_table_says(status, text, outcome, code):
    """Each row of the table reads as its class, with the platform's own code."""
    verdict = META.classify(PlatformAnswer(status=status, body=text), 3)

    assert (verdict.outcome, verdict.code) == (outcome, code)


SILENCES = [
    (Failure.DNS, False, AnswerOutcome.NOT_SENT),
    (Failure.REFUSED, False, AnswerOutcome.NOT_SENT),
    (Failure.TLS, False, AnswerOutcome.NOT_SENT),
    (Failure.SLOW, False, AnswerOutcome.NOT_SENT),
    (Failure.SLOW, True, AnswerOutcome.AMBIGUOUS),
    (Failure.BROKEN, True, AnswerOutcome.AMBIGUOUS),
]


@pytest.mark.parametrize(("failure", "written", "outcome"), SILENCES)
def test_silence_is_ambiguous_only_after_something_was_written(failure, written, outcome):
    """Without an answer all depends on whether bytes may have arrived."""
    verdict = META.classify(PlatformAnswer(failure=failure, written=written), 3)

    assert (verdict.outcome, verdict.code) == (outcome, failure.value)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, AnswerOutcome.AMBIGUOUS),
        (400, AnswerOutcome.TRANSIENT),
        (500, AnswerOutcome.TRANSIENT),
        (413, AnswerOutcome.TOO_LARGE),
        (302, AnswerOutcome.MISDIRECTED),
    ],
)
def test_a_body_that_broke_off_is_not_read(status, outcome):
    """A body that looks whole but was cut says nothing; the status alone speaks."""
    answer = PlatformAnswer(status=status, body=TAKEN, complete=False, failure=Failure.BROKEN)

    assert META.classify(answer, 3).outcome is outcome


USAGE = (
    '{"123":[{"type":"x","call_count":100,"estimated_time_to_regain_access":19},{"estimated_time_to_regain_access":7}]}'
)
# headers, expected hint in ms (None: no hint). Retry-After is in seconds, regain time in minutes, reset in seconds.
HINTS: list[tuple[dict[str, str], int | None]] = [
    ({}, None),
    ({"retry-after": "30"}, 30_000),
    ({"retry-after": " 0 "}, 0),
    ({"retry-after": "-5"}, -5_000),
    ({"retry-after": "315360000"}, 315_360_000_000),
    ({"retry-after": "9" * 200}, 10**12),
    ({"retry-after": "9" * 5_000}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "1_000"}, None),
    ({"retry-after": "١٢"}, None),
    ({"retry-after": "1e9"}, None),
    ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:30 GMT"}, 30_000),
    ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ({"retry-after": "Wed, 99 Oct 2026 07:28:00 GMT", "date": "x"}, None),
    ({"x-business-use-case-usage": USAGE}, 19 * 60_000),
    ({"x-business-use-case": USAGE}, 19 * 60_000),
    ({"x-ad-account-usage": '{"acc_id_util_pct":100,"reset_time_duration":90}'}, 90_000),
    ({"x-ad-account-usage": '{"reset_time_duration":0}'}, None),
    ({"x-ad-account-usage": '{"reset_time_duration":1e308}'}, 10**12),
    ({"x-ad-account-usage": '{"reset_time_duration":"90"}'}, None),
    ({"x-ad-account-usage": "{"}, None),
    ({"x-business-use-case-usage": "[[[[1]]]]"}, None),
    ({"retry-after": "10", "x-business-use-case-usage": USAGE}, 10_000),
]


@pytest.mark.parametrize(("headers", "wait_ms"), HINTS)
def test_the_hint_is_read_from_where_meta_puts_it(headers, wait_ms):
    """Units are those of the header; what cannot be read is no hint. Clamping is not done here."""
    verdict = META.classify(PlatformAnswer(status=400, headers=headers, body=fault(4)), 3)

    assert verdict.wait_ms == wait_ms


HEADER_NAMES = st.sampled_from(
    ["retry-after", "date", "x-business-use-case-usage", "x-ad-account-usage", "content-type"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["error", "code", "error_subcode", "is_transient", "message", "events_received", "messages"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=300) | JSON.map(lambda tree: json.dumps(tree).encode())


@given(
    status=st.none() | st.integers(100, 999),
    text=BODIES,
    headers=st.dictionaries(HEADER_NAMES, st.text(max_size=40)),
    complete=st.booleans(),
    written=st.booleans(),
    sent=st.integers(1, 1000),
)
def test_no_answer_crashes_and_only_a_true_count_is_a_yes(status, text, headers, complete, written, sent):
    """Any bytes get a verdict with a wait that is a whole number; nothing but the exact count is success."""
    answer = PlatformAnswer(status=status, headers=headers, body=text, complete=complete, written=written)

    verdict = META.classify(answer, sent)

    assert isinstance(verdict.wait_ms, int | None)
    if verdict.outcome is AnswerOutcome.ACCEPTED:
        assert complete
        assert status is not None
        assert 200 <= status < 300
        assert int(json.loads(text)["events_received"]) == sent
