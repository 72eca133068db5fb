"""The WooCommerce signature and the ping. The signatures below were made with the openssl command, not with Twofold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.sources.contract import Ignored
from twofold.sources.woocommerce import WOOCOMMERCE, is_ping

NEW, OLD = "hush-0123456789abcdef", "older-0123456789abcde"
BODY = b'{"id":3}'
BY_NEW = "lFvLwQ5QFCAwgT+5vz3DSTxC88DmGk/W9mxQ4HK7HsU="
BY_OLD = "CPBdTthHHgiwF5FJiFUZ4Wu8O6kK308Z+DOHViMWAjw="
BY_EMPTY_SECRET = "bIz1SSDq6MnyHejPjzFfwo01yrn7hunwa5Qwx+i+4kY="
NOW_MS = 1_790_000_000_000

ROWS = [
    # claim, body, signature header, secrets, fits
    ("the right signature", BODY, BY_NEW, [NEW], True),
    ("the old secret during a rotation", BODY, BY_OLD, [NEW, OLD], True),
    ("the old secret after it", BODY, BY_OLD, [NEW], False),
    ("another body", b'{"id":4}', BY_NEW, [NEW], False),
    ("the body with a line break more", BODY + b"\n", BY_NEW, [NEW], False),
    ("an empty secret, although it was made with it", BODY, BY_EMPTY_SECRET, [""], False),
    ("no secret", BODY, BY_NEW, [], False),
    ("no padding", BODY, BY_NEW.rstrip("="), [NEW], False),
    ("the URL-safe alphabet", BODY, BY_NEW.replace("+", "-").replace("/", "_"), [NEW], False),
    ("white space around", BODY, f" {BY_NEW}", [NEW], False),
    ("two values in one header", BODY, f"{BY_NEW}, {BY_NEW}", [NEW], False),
    ("non-ASCII", BODY, "ł" + BY_NEW, [NEW], False),
    ("an empty header", BODY, "", [NEW], False),
    ("the ping, which nobody signs", b"webhook_id=7", "", [NEW], False),
]


@pytest.mark.parametrize(("claim", "body", "signature", "secrets", "fits"), ROWS, ids=[row[0] for row in ROWS])
def test_exactly_one_spelling_of_a_signature_fits(claim, body, signature, secrets, fits):
    """Of everything that resembles a signature only the padded standard base64 of the body's HMAC is accepted."""
    headers = {"x-wc-webhook-signature": signature}
    assert WOOCOMMERCE.signed(body, headers, secrets, NOW_MS) is fits


def test_a_signature_under_another_header_does_not_count():
    """A delivery without the signature's own header is not signed, whatever else it carries."""
    assert WOOCOMMERCE.signed(BODY, {}, [NEW], NOW_MS) is False
    assert WOOCOMMERCE.signed(BODY, {"x-shopify-hmac-sha256": BY_NEW}, [NEW], NOW_MS) is False


PINGS = [
    (b"webhook_id=7", True),
    (b"webhook_id=12345678901234567890", True),
    (b"webhook_id=7\n", True),
    (b"webhook_id=", False),
    (b"webhook_id=-1", False),
    (b"webhook_id=7&id=5", False),
    (b"webhook_id=" + b"1" * 21, False),
    (b'{"webhook_id":7}', False),
    (b'{"id":7}', False),
    (b"", False),
]


@pytest.mark.parametrize(("body", "expected"), PINGS)
def test_a_ping_is_the_one_form_text_and_nothing_else(body, expected):
    """What passes without a signature is `webhook_id=` and digits, so that nothing can hide behind it."""
    assert is_ping(body) is expected


def test_a_ping_that_was_signed_says_nothing():
    """Should a filter make a shop sign its pings, they are still known as such."""
    result = WOOCOMMERCE.read(b"webhook_id=7", {}, None, NOW_MS)
    assert isinstance(result, Ignored)
    assert (result.kind, result.order_id) == ("ping", None)


@law
@given(st.binary(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=20), max_size=2))
def test_any_input_is_answered_with_a_truth_value(body, signature, secrets):
    """Nothing that a header, body or secret can hold makes the check raise, and chance never fits."""
    assert WOOCOMMERCE.signed(body, {"x-wc-webhook-signature": signature}, secrets, NOW_MS) is False
    assert is_ping(body) in (True, False)
