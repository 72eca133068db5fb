"""Every form and hash of a value, found independently; and tokens that find a value in whatever it stands in."""

from __future__ import annotations

import base64
import hashlib

import pytest

from twofold.matching.subject import Keyring, SubjectRequest, all_forms, all_hashes, needles_of, tokens, wanted_of


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


# kind, value, country, digests a sender may have made of it
SENDERS = [
    ("em", "Anna.B+shop@Gmail.com", "", [sha("anna.b+shop@gmail.com"), sha("Anna.B+shop@Gmail.com"), md5("anna.b+shop@gmail.com"), sha("annab@gmail.com")]),
    ("em", " anna@example.com ", "", [sha("anna@example.com"), sha(md5("anna@example.com"))]),
    ("ph", "0555 00 00 07", "GE", [sha("995555000007"), sha("+995555000007"), sha("0555000007"), sha("555000007"), md5("995555000007")]),
    ("ph", "+44 20 7946 0958", "", [sha("442079460958"), sha("4402079460958"), sha("02079460958"), sha("00442079460958")]),
    ("ph", "(650) 253-0000", "DE,US", [sha("16502530000")]),
    ("external_id", "Cust-77 ", "", [sha("cust-77"), sha("Cust-77"), md5("Cust-77"), sha(md5("Cust-77"))]),
    ("em", sha("anna@example.com").upper(), "", [sha("anna@example.com")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "country", "made"), SENDERS)
def test_every_senders_hash_is_among_them(kind, value, country, made):
    """Whoever hashed it, by whichever of the known rules, is found."""
    assert set(made) <= all_hashes(kind, value, country)


# a text in which the address stands, in some spelling
MENTIONS = [
    "anna.b@example.com",
    "ANNA.B@EXAMPLE.COM",
    "https://shop.example/?e=anna.b%40example.com&x=1",
    "call anna.b@example.com now",
    base64.b64encode(b"anna.b@example.com").decode(),
    f"https://shop.example/?r={base64.urlsafe_b64encode(b'anna.b@example.com').decode().rstrip('=')}",
    sha("anna.b@example.com").upper(),
    f"id-{sha('anna.b@example.com')}-1",
]


@pytest.mark.parametrize("text", MENTIONS)
def test_a_value_is_found_in_whatever_it_stands(text):
    """By the plain needles, and by digests of the text's parts alone."""
    ring = Keyring(b"k" * 32)
    request = SubjectRequest(emails=("Anna.B@example.com",))
    wanted = {digest for kind, digest in wanted_of(request, ring) if kind == "text"}
    assert any(ring.digest("text", t) in wanted for t in tokens(text))
    assert needles_of(request).hit(text.encode())


STRANGERS = [
    "anna@example.com",
    "b@example.com",
    "hanna.b@example.com",
    "example.com",
    sha("other@example.com"),
    "2026",
]


@pytest.mark.parametrize("text", STRANGERS)
def test_a_strangers_value_is_not(text):
    """A neighbour in the same domain, and a name that contains hers, are somebody else."""
    ring = Keyring(b"k" * 32)
    wanted = wanted_of(SubjectRequest(emails=("anna.b@example.com",)), ring)
    assert not any(("text", ring.digest("text", t)) in wanted for t in tokens(text))


def test_a_short_order_number_is_no_text_to_look_for():
    """1001 is a price and a product too: it is known as an order's number only."""
    ring = Keyring(b"k" * 32)
    assert {kind for kind, _ in wanted_of(SubjectRequest(order_ids=("1001",)), ring)} == {"order"}
    assert {kind for kind, _ in wanted_of(SubjectRequest(order_ids=("ORD-1001",)), ring)} == {"order", "text"}


def test_what_is_kept_of_a_request_needs_the_secret():
    """Two folders keep different digests of the same person; no form and no plain hash is among them."""
    request = SubjectRequest(emails=("anna@example.com",), order_ids=("ORD-1001",))
    one, two = wanted_of(request, Keyring(b"1" * 32)), wanted_of(request, Keyring(b"2" * 32))
    assert {d for _, d in one}.isdisjoint(d for _, d in two)
    assert all(len(d) == 16 for _, d in one)
    assert "anna@example.com" in all_forms("em", "anna@example.com")
