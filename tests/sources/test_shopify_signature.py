"""The Shopify signature over the raw body. The signatures below were made with the openssl command, not with Twofold."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.sources.shopify import SHOPIFY
from twofold.sources.signatures import fits_base64, fits_hex

NEW, OLD = "hush-0123456789abcdef", "older-0123456789abcde"
BODY = b'{"id":3}'
BY_NEW = "lFvLwQ5QFCAwgT+5vz3DSTxC88DmGk/W9mxQ4HK7HsU="
BY_OLD = "CPBdTthHHgiwF5FJiFUZ4Wu8O6kK308Z+DOHViMWAjw="
BY_EMPTY_SECRET = "bIz1SSDq6MnyHejPjzFfwo01yrn7hunwa5Qwx+i+4kY="
HEX = "945bcbc10e50142030813fb9bf3dc3493c42f3c0e61a4fd6f66c50e072bb1ec5"
BOM_BODY, BOM_SIGNATURE = b'\xef\xbb\xbf{"id":3}', "GeLNPRzxV3e8q9NE6+4VIDNVysUDH7WFVtELaihofLw="
EMPTY_BODY_SIGNATURE = "2T8YZ7e7v5wpzeb39OWQVrxqZK7NSculYmeqtvicXGw="
SHA1 = "0zDrKjLnD0TtLyiAK4DIw7Qh1P0="

HEADER = "x-shopify-hmac-sha256"
NOW_MS = 1_790_000_000_000

ROWS = [
    # claim, body, header value, secrets, fits
    ("the right signature", BODY, BY_NEW, [NEW], True),
    ("the old secret during a rotation", BODY, BY_OLD, [NEW, OLD], True),
    ("the new secret during a rotation", BODY, BY_NEW, [NEW, OLD], True),
    ("the secrets in the other order", BODY, BY_NEW, [OLD, NEW], True),
    ("an empty secret beside a right one", BODY, BY_NEW, ["", NEW], True),
    ("a body with a byte order mark, signed with it", BOM_BODY, BOM_SIGNATURE, [NEW], True),
    ("an empty body that is signed", b"", EMPTY_BODY_SIGNATURE, [NEW], True),
    ("the old secret after the rotation", BODY, BY_OLD, [NEW], False),
    ("a secret that differs in case", BODY, BY_NEW, [NEW.upper()], False),
    ("no secret at all", BODY, BY_NEW, [], False),
    ("an empty secret, although the signature was made with it", BODY, BY_EMPTY_SECRET, [""], False),
    ("an empty signature", BODY, "", [NEW], False),
    ("a blank signature", BODY, " ", [NEW], False),
    ("the same digest in hex", BODY, HEX, [NEW], False),
    ("the same digest in upper-case hex", BODY, HEX.upper(), [NEW], False),
    ("the hex text in base64", BODY, base64.b64encode(HEX.encode()).decode(), [NEW], False),
    ("without the padding", BODY, BY_NEW.rstrip("="), [NEW], False),
    ("with too much padding", BODY, BY_NEW + "=", [NEW], False),
    ("the URL-safe alphabet", BODY, BY_NEW.replace("+", "-").replace("/", "_"), [NEW], False),
    ("another last character for the same bytes", BODY, BY_NEW[:-2] + "V=", [NEW], False),
    ("a truncated digest", BODY, base64.b64encode(bytes.fromhex(HEX)[:16]).decode(), [NEW], False),
    ("a digest with a byte more", BODY, base64.b64encode(bytes.fromhex(HEX) + b"\0").decode(), [NEW], False),
    ("characters that lax base64 would skip", BODY, BY_NEW[:10] + "!*" + BY_NEW[10:], [NEW], False),
    ("a space in the middle", BODY, BY_NEW[:20] + " " + BY_NEW[20:], [NEW], False),
    ("a leading space", BODY, " " + BY_NEW, [NEW], False),
    ("a trailing line break", BODY, BY_NEW + "\r\n", [NEW], False),
    ("lower case", BODY, BY_NEW.lower(), [NEW], False),
    ("two header values joined", BODY, f"{BY_NEW}, {BY_NEW}", [NEW], False),
    ("a scheme in front", BODY, "sha256=" + BY_NEW, [NEW], False),
    ("SHA-1", BODY, SHA1, [NEW], False),
    ("non-ASCII text", BODY, "ünïcode" + BY_NEW, [NEW], False),
    ("full-width letters", BODY, "\uff4c" + BY_NEW[1:], [NEW], False),
    ("a lone surrogate", BODY, "\ud800" + BY_NEW, [NEW], False),
    ("bytes read as Latin-1", BODY, "\xff\xfe\xfd", [NEW], False),
    ("a NUL", BODY, BY_NEW + "\0", [NEW], False),
    ("a very long value", BODY, "A" * 100_000, [NEW], False),
    ("the body written again with a space", b'{"id": 3}', BY_NEW, [NEW], False),
    ("the body with a line break added", BODY + b"\n", BY_NEW, [NEW], False),
    ("the body with a byte order mark added", BOM_BODY, BY_NEW, [NEW], False),
    ("the body with its byte order mark taken away", BODY, BOM_SIGNATURE, [NEW], False),
    ("the body with a byte changed", b'{"id":4}', BY_NEW, [NEW], False),
    ("the body cut short", BODY[:-1], BY_NEW, [NEW], False),
    ("no body", b"", BY_NEW, [NEW], False),
]


@pytest.mark.parametrize(("claim", "body", "value", "secrets", "fits"), ROWS, ids=[row[0] for row in ROWS])
def test_only_the_exact_signature_of_the_exact_bytes_fits(claim, body, value, secrets, fits):
    """A body fits when the header is the base64 HMAC-SHA256 of its bytes under one of the secrets, else not."""
    assert SHOPIFY.signed(body, {HEADER: value}, secrets, NOW_MS) is fits


def test_a_delivery_without_a_signature_never_fits():
    """No header is no signature, whatever other headers say."""
    assert SHOPIFY.signed(BODY, {"x-shopify-topic": "orders/create"}, [NEW], NOW_MS) is False


def test_the_newer_header_spelling_is_read():
    """Deliveries of the newer event system carry the same signature under a name without `X-`."""
    assert SHOPIFY.signed(BODY, {"shopify-hmac-sha256": BY_NEW}, [NEW], NOW_MS) is True


@given(value=st.text(st.characters(), max_size=80), body=st.binary(max_size=80))
def test_no_header_value_raises_or_fits(value, body):
    """Any text in the header is answered with no, never with an exception."""
    assert SHOPIFY.signed(body, {HEADER: value}, [NEW, OLD], NOW_MS) is False


HEX_ROWS = [
    # claim, given, fits
    ("the digest in hex", HEX, True),
    ("in upper case", HEX.upper(), False),
    ("in base64", BY_NEW, False),
    ("cut short", HEX[:-2], False),
    ("with a scheme in front", "sha256=" + HEX, False),
    ("with a space", HEX + " ", False),
    ("not ASCII", HEX[:-1] + "\uff15", False),
    ("nothing", "", False),
]


@pytest.mark.parametrize(("claim", "given", "fits"), HEX_ROWS, ids=[row[0] for row in HEX_ROWS])
def test_a_signature_in_hex_has_one_spelling(claim, given, fits):
    """Only the lower-case hex of the body's digest fits, under any of the secrets and never under an empty one."""
    assert fits_hex(given, BODY, [NEW]) is fits
    assert fits_hex(given, BODY, [OLD, NEW]) is fits
    assert fits_hex(given, BODY, [""]) is False
    assert fits_hex(given, BODY, []) is False


def test_another_digest_is_another_signature():
    """A SHA-1 signature fits where SHA-1 is asked for and nowhere else."""
    assert fits_base64(SHA1, BODY, [NEW], "sha1") is True
    assert fits_base64(SHA1, BODY, [NEW]) is False
    assert fits_base64(BY_NEW, BODY, [NEW], "sha1") is False
