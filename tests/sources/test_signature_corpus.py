"""Signatures of every source against one corpus of near misses: other spellings, digests, bytes, secrets, times and headers.

Every row changes one thing of a delivery that is accepted. The right signatures are computed here from each platform's
description with the standard library; signatures of platforms' own worked examples are in each source's tests.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import pytest

from twofold.sources import SOURCES

NOW_S = 1_790_000_000
SECRET, OLD = "Hush-0123 456789+Abc/", "Older-0123 456789+Abc"
PASSWORD = "pipe:Hush-0123 4567890"
BODY = b'{"id":3,"name":"Nino \xc3\xa9","total":"1.50","lines":[1,2]}'
HOST, PATH = "collect.shop.example", "/webhooks/hubspot/hub"

Headers = dict[str, str]


def mac(secret: str, message: bytes, digest: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), message, digest).digest()


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


class Scheme(NamedTuple):
    """One way to sign. ``make`` gives all its headers; ``carrier`` is the one that holds the signature."""

    source: str
    carrier: str
    make: Callable[[bytes, str, int], Headers]
    spell: Callable[[bytes], str] | None = None  # how the carrier holds a digest of BODY; None: it holds none


def timed(header: str) -> Callable[[bytes, str, int], Headers]:
    return lambda body, secret, at: {header: f"t={at},v1={mac(secret, f'{at}.'.encode() + body).hex()}"}


ADDRESS = {":method": "POST", ":path": PATH, "host": HOST}


def hubspot_v1(body: bytes, secret: str, _at: int) -> Headers:
    text = hashlib.sha256(secret.encode() + body).hexdigest()
    return ADDRESS | {"x-hubspot-signature": text, "x-hubspot-signature-version": "v1"}


def hubspot_v2(body: bytes, secret: str, _at: int) -> Headers:
    text = hashlib.sha256(f"{secret}POSThttps://{HOST}{PATH}".encode() + body).hexdigest()
    return ADDRESS | {"x-hubspot-signature": text, "x-hubspot-signature-version": "v2"}


def hubspot_v3(body: bytes, secret: str, at: int) -> Headers:
    text = b64(mac(secret, f"POSThttps://{HOST}{PATH}".encode() + body + str(at * 1000).encode()))
    return ADDRESS | {"x-hubspot-signature-v3": text, "x-hubspot-request-timestamp": str(at * 1000)}


def of_time(digest: bytes) -> str:
    return f"t={NOW_S},v1={digest.hex()}"


SCHEMES = {
    "shopify": Scheme("shopify", "x-shopify-hmac-sha256", lambda body, secret, _: {
        "x-shopify-hmac-sha256": b64(mac(secret, body)), "x-shopify-topic": "orders/create"}, b64),
    "shopify, newer header": Scheme("shopify", "shopify-hmac-sha256", lambda body, secret, _: {
        "shopify-hmac-sha256": b64(mac(secret, body))}, b64),
    "woocommerce": Scheme("woocommerce", "x-wc-webhook-signature", lambda body, secret, _: {
        "x-wc-webhook-signature": b64(mac(secret, body)), "x-wc-webhook-topic": "order.created"}, b64),
    "stripe": Scheme("stripe", "stripe-signature", timed("stripe-signature"), of_time),
    "own": Scheme("own", "x-twofold-signature", timed("x-twofold-signature"), of_time),
    "chat": Scheme("chat", "x-twofold-signature", timed("x-twofold-signature"), of_time),
    "chat, Meta's": Scheme("chat", "x-hub-signature-256", lambda body, secret, _: {
        "x-hub-signature-256": f"sha256={mac(secret, body).hex()}"}, lambda digest: f"sha256={digest.hex()}"),
    "easypost": Scheme("easypost", "x-hmac-signature", lambda body, secret, _: {
        "x-hmac-signature": f"hmac-sha256-hex={mac(unicodedata.normalize('NFKD', secret), body).hex()}"}, lambda d: f"hmac-sha256-hex={d.hex()}"),
    "shippo": Scheme("shippo", "shippo-auth-signature", timed("shippo-auth-signature"), of_time),
    "aftership": Scheme("aftership", "aftership-hmac-sha256", lambda body, secret, _: {
        "aftership-hmac-sha256": b64(mac(secret, body))}, b64),
    "mollie": Scheme("mollie", "x-mollie-signature", lambda body, secret, _: {
        "x-mollie-signature": f"sha256={mac(secret, body).hex()}"}, lambda digest: f"sha256={digest.hex()}"),
    "courier": Scheme("courier", "x-twofold-signature", timed("x-twofold-signature"), of_time),
    "hubspot v1": Scheme("hubspot", "x-hubspot-signature", hubspot_v1, bytes.hex),
    "hubspot v2": Scheme("hubspot", "x-hubspot-signature", hubspot_v2, bytes.hex),
    "hubspot v3": Scheme("hubspot", "x-hubspot-signature-v3", hubspot_v3, b64),
    "pipedrive": Scheme("pipedrive", "authorization", lambda _body, secret, _at: {
        "authorization": f"Basic {b64(secret.encode())}"}),
}  # fmt: skip
SIGNING = [name for name, scheme in SCHEMES.items() if scheme.spell]
WITH_TIME = ["stripe", "own", "chat", "hubspot v3", "shippo", "courier"]


def secret_of(name: str) -> str:
    return PASSWORD if name == "pipedrive" else SECRET


def right(name: str, body: bytes = BODY, secret: str = "", at: int = NOW_S) -> Headers:
    return SCHEMES[name].make(body, secret or secret_of(name), at)


def signed(name: str, headers: Headers, body: bytes = BODY, secrets: tuple[str, ...] = (), late_s: int = 0) -> bool:
    source = SOURCES[SCHEMES[name].source]
    return source.signed(body, headers, secrets or (secret_of(name),), (NOW_S + late_s) * 1000)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_delivery_that_all_rows_change_is_accepted(name):
    """Each source takes what its platform's description says, so a row below fails for its one change."""
    assert signed(name, right(name)) is True


# -- the signature written otherwise

TEXTS: list[tuple[str, Callable[[str], str]]] = [
    ("empty", lambda _: ""),
    ("a space", lambda _: " "),
    ("the other case", str.swapcase),
    ("upper case", str.upper),
    ("without its last character", lambda text: text[:-1]),
    ("without its first character", lambda text: text[1:]),
    ("its first half", lambda text: text[: len(text) // 2]),
    ("another last character", lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")),
    ("one character more", lambda text: text + "0"),
    ("a padding character more", lambda text: text + "="),
    ("no padding", lambda text: text.rstrip("=")),
    ("the alphabet of addresses", lambda text: text.replace("+", "-").replace("/", "_")),
    ("twice", lambda text: text + text),
    ("twice with a comma, as two header fields are joined", lambda text: f"{text},{text}"),
    ("twice with a comma and a space", lambda text: f"{text}, {text}"),
    ("twice with a semicolon", lambda text: f"{text};{text}"),
    ("after a wrong one", lambda text: f"{text[::-1]}, {text}"),
    ("before a wrong one", lambda text: f"{text}, {text[::-1]}"),
    ("in quotes", lambda text: f'"{text}"'),
    ("a space before", lambda text: f" {text}"),
    ("a space after", lambda text: f"{text} "),
    ("a tab after", lambda text: f"{text}\t"),
    ("a line break after", lambda text: f"{text}\n"),
    ("a line break of HTTP after", lambda text: f"{text}\r\n"),
    ("a no-break space after", lambda text: f"{text}\u00a0"),
    ("a space inside", lambda text: f"{text[:-8]} {text[-8:]}"),
    ("a line break inside, as long base64 has", lambda text: f"{text[:-8]}\n{text[-8:]}"),
    ("characters that lax decoders skip", lambda text: f"{text[:-8]}!*{text[-8:]}"),
    ("a NUL after", lambda text: f"{text}\0"),
    ("percent-encoded", lambda text: "".join(f"%{ord(c):02X}" for c in text)),
    ("the hex prefix of code", lambda text: f"0x{text}"),
    ("another scheme in front", lambda text: f"sha256={text}"),
    ("full-width letters", lambda text: "".join(chr(ord(c) + 0xFEE0) for c in text)),
    ("a letter with an accent", lambda text: "\u00e9" + text[1:]),
    ("bytes that are no text", lambda text: "\xff\xfe" + text),
    ("a lone surrogate", lambda text: "\ud800" + text[1:]),
    ("a zero-width space inside", lambda text: f"{text[:-8]}\u200b{text[-8:]}"),
    ("a byte order mark in front", lambda text: "\ufeff" + text),
    ("the word null", lambda _: "null"),
    ("very long", lambda text: text * 2_000),
]


# Stripe's header is a list in which unknown parts are passed over, so a whole right signature in it stays one.
STILL_RIGHT = {
    ("stripe", claim)
    for claim in ("twice", "twice with a comma and a space", "twice with a semicolon", "before a wrong one")
} | {
    # Mollie sends the header twice while a secret is changed.
    ("mollie", claim)
    for claim in ("twice with a comma, as two header fields are joined", "twice with a comma and a space", "after a wrong one",
                  "before a wrong one")
}  # fmt: skip


@pytest.mark.parametrize(("claim", "change"), TEXTS, ids=[row[0] for row in TEXTS])
@pytest.mark.parametrize("name", SCHEMES)
def test_one_spelling_of_a_signature_is_accepted(name, claim, change):
    """Whatever else stands in the header, however near, is answered with no and never with an exception."""
    headers = right(name)
    text = headers[SCHEMES[name].carrier]
    changed = change(text)
    assert signed(name, headers | {SCHEMES[name].carrier: changed}) is (changed == text or (name, claim) in STILL_RIGHT)


# -- another digest in the right spelling

DIGESTS: list[tuple[str, Callable[[], bytes]]] = [
    ("MD5", lambda: mac(SECRET, BODY, "md5")),
    ("SHA-1", lambda: mac(SECRET, BODY, "sha1")),
    ("SHA-384", lambda: mac(SECRET, BODY, "sha384")),
    ("SHA-512", lambda: mac(SECRET, BODY, "sha512")),
    ("SHA-512 cut to the length of SHA-256", lambda: mac(SECRET, BODY, "sha512")[:32]),
    ("SHA-3", lambda: mac(SECRET, BODY, "sha3_256")),
    ("a digest without a key", lambda: hashlib.sha256(BODY).digest()),
    ("the key after the body", lambda: hashlib.sha256(BODY + SECRET.encode()).digest()),
    ("key and body the other way round", lambda: mac(BODY.decode(), SECRET.encode())),
    ("with an empty key", lambda: mac("", BODY)),
    ("of nothing", lambda: mac(SECRET, b"")),
    ("its hex text as bytes", lambda: mac(SECRET, BODY).hex().encode()),
    ("its base64 text as bytes", lambda: b64(mac(SECRET, BODY)).encode()),
    ("its first sixteen bytes", lambda: mac(SECRET, BODY)[:16]),
    ("a byte more", lambda: mac(SECRET, BODY) + b"\0"),
    ("no bytes", lambda: b""),
    ("zeros", lambda: bytes(32)),
]


@pytest.mark.parametrize(("claim", "digest"), DIGESTS, ids=[row[0] for row in DIGESTS])
@pytest.mark.parametrize("name", SIGNING)
def test_another_digest_is_no_signature(name, claim, digest):
    """A digest of another kind, key or length fits nowhere, although it is spelled as a right one would be."""
    spelled = SCHEMES[name].spell(digest())
    assert signed(name, right(name) | {SCHEMES[name].carrier: spelled}) is False


def test_hex_and_base64_do_not_stand_for_each_other():
    """The same digest in the spelling of the other kind of source is no signature."""
    for name in ("shopify", "woocommerce"):
        assert signed(name, right(name) | {SCHEMES[name].carrier: mac(SECRET, BODY).hex()}) is False
    timed_digest = mac(SECRET, f"{NOW_S}.".encode() + BODY)
    for name in ("stripe", "own", "chat"):
        assert signed(name, {SCHEMES[name].carrier: f"t={NOW_S},v1={b64(timed_digest)}"}) is False
    assert signed("chat, Meta's", {"x-hub-signature-256": f"sha256={b64(mac(SECRET, BODY))}"}) is False


# -- other bytes than the signed ones

BOM = b"\xef\xbb\xbf"
OTHER_BYTES: list[tuple[str, bytes]] = [
    ("written again with spaces", json.dumps(json.loads(BODY), ensure_ascii=False).encode()),
    ("written again with its keys in order", json.dumps(json.loads(BODY), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()),
    ("written again with escapes", json.dumps(json.loads(BODY), separators=(",", ":")).encode()),
    ("in another Unicode form", BODY.replace("é".encode(), "e\u0301".encode())),
    ("in Latin-1", BODY.decode().encode("latin-1")),
    ("in UTF-16", BODY.decode().encode("utf-16")),
    ("with a byte order mark", BOM + BODY),
    ("with a line break", BODY + b"\n"),
    ("with a line break of Windows", BODY + b"\r\n"),
    ("with a space in front", b" " + BODY),
    ("with a NUL", BODY + b"\0"),
    ("cut by a byte", BODY[:-1]),
    ("cut in half", BODY[: len(BODY) // 2]),
    ("with one byte changed", BODY.replace(b"1.50", b"9.50")),
    ("twice", BODY + BODY),
    ("empty", b""),
    ("in base64", base64.b64encode(BODY)),
    ("in gzip", gzip.compress(BODY, mtime=0)),
    ("as a form", b"payload=" + BODY),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "body"), OTHER_BYTES, ids=[row[0] for row in OTHER_BYTES])
@pytest.mark.parametrize("name", SIGNING)
def test_a_signature_is_of_its_own_bytes(name, claim, body):
    """The signature of one body fits no other, whichever of the two is the odd one; each fits its own."""
    assert signed(name, right(name), body) is False
    assert signed(name, right(name, body)) is False
    assert signed(name, right(name, body), body) is True


# -- secrets

SECRETS: list[tuple[str, Callable[[str], tuple[str, ...]], bool]] = [
    ("the only one", lambda secret: (secret,), True),
    ("the newer of two", lambda secret: (secret, OLD), True),
    ("the older of two", lambda secret: (OLD, secret), True),
    ("beside an empty one", lambda secret: ("", secret), True),
    ("the same twice", lambda secret: (secret, secret), True),
    ("no longer configured", lambda secret: (OLD,), False),
    ("none configured", lambda secret: (), False),
    ("an empty one configured", lambda secret: ("",), False),
    ("empty ones configured", lambda secret: ("", ""), False),
    ("in upper case", lambda secret: (secret.upper(),), False),
    ("with a space after it", lambda secret: (secret + " ",), False),
    ("with a line break after it, as files end", lambda secret: (secret + "\n",), False),
    ("without its last character", lambda secret: (secret[:-1],), False),
    ("one of two joined by a comma", lambda secret: (f"{secret},{OLD}",), False),
    ("as its own base64", lambda secret: (b64(secret.encode()),), False),
]


@pytest.mark.parametrize(("claim", "configured", "fits"), SECRETS, ids=[row[0] for row in SECRETS])
@pytest.mark.parametrize("name", SCHEMES)
def test_only_a_configured_secret_fits(name, claim, configured, fits):
    """Each configured secret is used exactly as written; an empty one lets nobody in."""
    source = SOURCES[SCHEMES[name].source]
    assert source.signed(BODY, right(name), configured(secret_of(name)), NOW_S * 1000) is fits


@pytest.mark.parametrize(
    "secret",
    ["with spaces in it 0", "ends in a line break\n", "gehe\u00efm-gehe\u00efm-0", "u:p%40ss:w\u00f6rd-012345"],
)
@pytest.mark.parametrize("name", SCHEMES)
def test_a_secret_may_hold_any_characters(name, secret):
    """A secret's text is its UTF-8 bytes, whatever is in it."""
    used = f"u:{secret}" if name == "pipedrive" else secret
    assert signed(name, right(name, secret=used), secrets=(used,)) is True


def test_what_was_signed_with_an_empty_secret_fits_nowhere():
    """A stranger can compute that signature."""
    for name in SIGNING:
        made = SCHEMES[name].make(BODY, "", NOW_S)
        assert signed(name, made, secrets=("", SECRET)) is False
    for credentials in (":", "user:", ":password", "user", ""):
        header = {"authorization": f"Basic {b64(credentials.encode())}"}
        assert signed("pipedrive", header, secrets=(credentials, PASSWORD)) is False


# -- time

AGES = [(0, True), (1, True), (299, True), (300, True), (301, False), (3_600, False), (8 * 86_400, False),
        (-1, True), (-299, True), (-300, True), (-301, False), (-86_400, False)]  # fmt: skip


@pytest.mark.parametrize(("late_s", "fits"), AGES)
@pytest.mark.parametrize("name", SCHEMES)
def test_a_signed_time_holds_five_minutes_both_ways(name, late_s, fits):
    """Where the platform signs a time a replay is too late; where it does not, the ledger knows the body again."""
    assert signed(name, right(name), late_s=late_s) is (fits if name in WITH_TIME else True)


@pytest.mark.parametrize("name", ["stripe", "own", "chat"])
def test_the_time_and_the_signatures_of_the_timed_header(name):
    """One time, its own text signed, and at least one right v1."""
    header = SCHEMES[name].carrier
    good = mac(SECRET, f"{NOW_S}.".encode() + BODY).hex()
    later = mac(SECRET, f"{NOW_S + 1}.".encode() + BODY).hex()
    rows = [
        ("several v1, the right one last", f"t={NOW_S},v1={'0' * 64},v1={good}", True),
        ("several v1, the right one first", f"t={NOW_S},v1={good},v1={'0' * 64}", True),
        ("v0 alone", f"t={NOW_S},v0={good}", False),
        ("v2 alone", f"t={NOW_S},v2={good}", False),
        ("V1", f"t={NOW_S},V1={good}", False),
        ("no t", f"v1={good}", False),
        ("two times", f"t={NOW_S},t={NOW_S},v1={good}", False),
        ("a fresh time in front of an old signature", f"t={NOW_S + 1},v1={good}", False),
        ("the signature of another time", f"t={NOW_S},v1={later}", False),
        ("no v1", f"t={NOW_S}", False),
        ("an empty v1", f"t={NOW_S},v1=", False),
        ("a fraction", f"t={NOW_S}.0,v1={good}", False),
        ("Arabic digits", f"t={'١٧٩'},v1={good}", False),
        ("the exponent form", f"t=1.79e9,v1={good}", False),
        ("an underscore", f"t=1_790_000_000,v1={good}", False),
        ("a time of twenty digits", f"t={'9' * 20},v1={good}", False),
        ("a time of five thousand digits", f"t={'9' * 5_000},v1={good}", False),
        ("a negative time", f"t=-{NOW_S},v1={good}", False),
    ]
    for claim, value, fits in rows:
        assert signed(name, {header: value}) is fits, claim


# -- headers


@pytest.mark.parametrize("name", SCHEMES)
def test_a_signature_counts_in_its_own_header_alone(name):
    """Without its header a delivery is not signed, under no other header and with no other header beside it."""
    headers = right(name)
    text = headers.pop(SCHEMES[name].carrier)
    assert signed(name, headers) is False
    own = {scheme.carrier for scheme in SCHEMES.values() if scheme.source == SCHEMES[name].source}
    others = {scheme.carrier for scheme in SCHEMES.values()} | {"signature", "x-signature", "x-hub-signature"}
    for other in others - own:
        assert signed(name, headers | {other: text}) is False, other


def test_a_wrong_signature_is_not_saved_by_a_second_header():
    """Where two headers can hold a signature, the one that decides is fixed, so a wrong one there is the answer."""
    wrong = "A" * 43 + "="
    assert (
        signed("shopify", right("shopify") | {"x-shopify-hmac-sha256": wrong} | right("shopify, newer header")) is False
    )
    assert signed("chat", right("chat") | {"x-hub-signature-256": "sha256=" + "0" * 64}) is False
    assert signed("hubspot v3", right("hubspot v1") | right("hubspot v3") | {"x-hubspot-signature-v3": wrong}) is False


HUBSPOT_ROWS = [
    ("v1 called v2", "hubspot v1", {"x-hubspot-signature-version": "v2"}, False),
    ("v2 called v1", "hubspot v2", {"x-hubspot-signature-version": "v1"}, False),
    ("v1 called v3", "hubspot v1", {"x-hubspot-signature-version": "v3"}, False),
    ("v1 called V1", "hubspot v1", {"x-hubspot-signature-version": "V1"}, False),
    ("v2 at another path", "hubspot v2", {":path": "/webhooks/hubspot/other"}, False),
    ("v2 with a query", "hubspot v2", {":path": PATH + "?a=1"}, False),
    ("v2 by another method", "hubspot v2", {":method": "PUT"}, False),
    ("v2 at another host", "hubspot v2", {"host": "other.example"}, False),
    ("v2 behind a proxy that names the host", "hubspot v2", {"host": "10.0.0.1", "x-forwarded-host": HOST}, True),
    ("v3 at another path", "hubspot v3", {":path": "/webhooks/hubspot/other"}, False),
    ("v3 by another method", "hubspot v3", {":method": "PUT"}, False),
    ("v3 at another time", "hubspot v3", {"x-hubspot-request-timestamp": str(NOW_S * 1000 + 1)}, False),
    ("v3 with its time in seconds", "hubspot v3", {"x-hubspot-request-timestamp": str(NOW_S)}, False),
    ("v3 with an empty time", "hubspot v3", {"x-hubspot-request-timestamp": ""}, False),
]


@pytest.mark.parametrize(("claim", "name", "changes", "fits"), HUBSPOT_ROWS, ids=[row[0] for row in HUBSPOT_ROWS])
def test_hubspot_signs_its_address_and_says_its_version(claim, name, changes, fits):
    """v2 and v3 hold at one address and method, and no version is taken for another."""
    assert signed(name, right(name) | changes) is fits


BASIC_ROWS = [
    ("the scheme in lower case, as RFC 7235 allows", lambda given: f"basic {given}", True),
    ("another scheme", lambda given: f"Bearer {given}", False),
    ("no scheme", lambda given: given, False),
    ("two spaces", lambda given: f"Basic  {given}", False),
    ("a tab", lambda given: f"Basic\t{given}", False),
    ("plain text", lambda given: f"Basic {PASSWORD}", False),
    ("no padding", lambda given: f"Basic {given.rstrip('=')}", False),
    ("the password alone", lambda given: f"Basic {b64(PASSWORD.partition(':')[2].encode())}", False),
    ("another user", lambda given: f"Basic {b64(('x' + PASSWORD).encode())}", False),
]


@pytest.mark.parametrize(("claim", "change", "fits"), BASIC_ROWS, ids=[row[0] for row in BASIC_ROWS])
def test_pipedrive_presents_user_and_password(claim, change, fits):
    """One spelling of the credentials fits. The body is not signed, so its source says that it may be altered."""
    given = b64(PASSWORD.encode())
    assert signed("pipedrive", {"authorization": change(given)}) is fits
    assert signed("pipedrive", right("pipedrive"), b"[]") is True
    assert SOURCES["pipedrive"].signs_body is False


PINGS = [b"webhook_id=1", b"webhook_id=1\n", b'{"webhook_id":1}', b"webhook_id=1&id=5", b"webhook_id=", b""]


def test_only_woocommerce_has_a_ping_and_only_in_its_form():
    """What passes unsigned is WooCommerce's form text and nothing that could carry anything."""
    passed = {(name, body) for name, source in SOURCES.items() for body in PINGS if source.is_ping(body)}
    assert passed == {("woocommerce", PINGS[0]), ("woocommerce", PINGS[1])}
