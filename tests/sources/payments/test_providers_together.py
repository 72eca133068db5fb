"""What all payment providers have in common in the ledger: their money is added to each other's and never to the shop's own."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rsa_keys import public_pem, sign

from twofold.ledger.model import Amounts, OrderReport, Paid, Payment, Snapshot
from twofold.ledger.policy import Judgement, OrderPolicy, OrderStanding, judge_order
from twofold.ledger.state import Fact, derive
from twofold.sources.signatures import fits_rsa

PROVIDERS = ("adyen", "mollie", "paypal", "bog", "klarna", "tbc")
AT = 1_790_000_000


def paid(source: str, amount: str) -> Fact:
    payment = Payment(id=f"{source}-1", kind="sale", amount=Decimal(amount), currency="EUR", at=AT + 60)
    return Fact(
        f"{source}:shop.example",
        OrderReport(order_id="1001", kind="paid", at=AT + 60, reference=source, payments=(payment,)),
    )


def back(source: str, amount: str) -> Fact:
    refund = Payment(id=f"{source}-r", kind="refund", amount=Decimal(amount), currency="EUR", at=AT + 120)
    report = OrderReport(order_id="1001", kind="refund", at=AT + 120, reference=source, payments=(refund,))
    return Fact(f"{source}:shop.example", report)


def ordered(*, own: str = "") -> Fact:
    """An order of 42.50 that the shop calls unpaid, with a payment of its own where one is given."""
    snapshot = Snapshot(version=1, placed_at=AT, shop=Amounts(currency="EUR", total=Decimal("42.50")), paid=Paid.UNPAID)
    payments = (Payment(id="own", kind="sale", amount=Decimal(own), currency="EUR", at=AT),) if own else ()
    report = OrderReport(order_id="1001", kind="placed", at=AT, reference="shop", snapshot=snapshot, payments=payments)
    return Fact("shopify:demo.myshopify.com", report)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_two_parts_by_two_providers_are_the_whole(provider: str) -> None:
    """As a shop that takes a part by card and a part by transfer has it."""
    facts = [ordered(), paid("stripe", "21.25"), paid(provider, "21.25")]
    assert derive(facts).paid is Paid.PAID
    assert derive(facts[:2]).paid is Paid.UNPAID


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_shops_word_and_the_providers_are_the_same_money(provider: str) -> None:
    state = derive([ordered(own="21.25"), paid(provider, "21.25")])
    assert (state.received, state.paid) == ({"EUR": Decimal("21.25")}, Paid.UNPAID)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_purchase_counts_once_the_provider_has_the_money_and_not_before(provider: str) -> None:
    """The order gate: unpaid by the shop's word waits, the provider's word lets it go, all of it given back ends it."""
    facts, policy = [ordered(), paid(provider, "42.50")], OrderPolicy(counts_when="paid")
    assert judge_order(derive(facts[:1]), policy, AT + 100) == Judgement(OrderStanding.NOT_YET, "not_paid")
    assert judge_order(derive([ordered(), paid(provider, "42.49")]), policy, AT + 100).reason == "not_paid"
    for told in (facts, facts[::-1], [*facts, *facts]):
        assert judge_order(derive(told), policy, AT + 100) == Judgement(OrderStanding.COUNTS, "paid", AT + 60)
    # Nobody reported the order: its money alone is no Purchase, however long it waits.
    assert judge_order(derive(facts[1:]), policy, AT + 100).standing is OrderStanding.NOT_YET
    assert judge_order(derive([*facts, back(provider, "42.50")]), policy, AT + 200).reason == "order_refunded"
    assert judge_order(derive([*facts, back(provider, "2.50")]), policy, AT + 200).standing is OrderStanding.COUNTS


# -- the signature that is checked with a public key


def test_one_signature_has_one_spelling() -> None:
    """The last letter of 256 bytes in base64 has four bits to spare: fifteen more texts would be the same bytes."""
    right = sign(b"body", "bank")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = right[:-3] + alphabet[alphabet.index(right[-3]) ^ 1] + right[-2:]
    assert base64.b64decode(other) == base64.b64decode(right)
    assert fits_rsa(right, b"body", [public_pem("bank")])
    assert not fits_rsa(other, b"body", [public_pem("bank")])


def test_a_short_key_is_none() -> None:
    """One of 1,024 bits can be broken, so what it signed proves nothing."""
    key = generate_private_key(public_exponent=65537, key_size=1024)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    signature = base64.b64encode(key.sign(b"body", PKCS1v15(), SHA256())).decode()
    assert not fits_rsa(signature, b"body", [pem])
