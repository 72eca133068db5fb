"""Mollie's signed events: the signature, the published bodies, what each status comes to, and what is refused.

Bodies in `recorded` are those of docs.mollie.com (payments-api-webhooks, refunds-api-webhooks, webhooks-new), without their links.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.ledger.model import Refund as RefundFact
from twofold.ledger.state import Fact, derive
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.payments.mollie import MOLLIE

RECORDED = Path(__file__).parent / "recorded"
SECRET, OLD = "whk-0123456789abcdef", "whk-older-0123456789"
OPTIONS = SourceOptions(shop="shop.example")
AT = 1_710_926_017  # 2024-03-20T09:13:37+00:00


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    return json.loads((RECORDED / f"mollie.{name}.json").read_text(encoding="utf-8")) | changes


def event_of(thing: dict[str, Any], kind: str, at: str = "2024-03-20T09:13:37.0Z") -> dict[str, Any]:
    """The published event of a full payload, about another object."""
    event = recorded("payment-link.paid", type=kind, entityId=thing["id"], createdAt=at)
    return event | {"_embedded": {"entity": thing}}


def read(tree: Any, options: SourceOptions = OPTIONS) -> Any:
    return MOLLIE.read(json.dumps(tree).encode(), {}, options, 0)


def report_of(found: Any) -> Any:
    assert isinstance(found, Reading)
    assert found.order is not None
    assert (found.copy, found.order.snapshot) == (None, None)
    return found.order


# -- signature

BODY = json.dumps(recorded("payment-link.paid")).encode()


def mac(secret: str = SECRET, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


ROWS = [
    ("the right one", f"sha256={mac()}", True),
    ("two while it is changed, the right one last", f"sha256={mac(OLD)}, sha256={mac()}", True),
    ("two while it is changed, the right one first", f"sha256={mac()},sha256={mac(OLD)}", True),
    ("another secret's", f"sha256={mac(OLD)}", False),
    ("without its prefix", mac(), False),
    ("under another prefix", f"sha1={mac()}", False),
    ("in capitals", f"sha256={mac().upper()}", False),
    ("cut", f"sha256={mac()[:-1]}", False),
    ("of another body", f"sha256={mac(body=BODY + b' ')}", False),
    ("after more than a change of secrets has", ",".join([f"sha256={mac(OLD)}"] * 4 + [f"sha256={mac()}"]), False),
    ("empty", "", False),
]


@pytest.mark.parametrize(("header", "fits"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_signature_fits_by_its_scheme(header: str, fits: bool) -> None:
    assert MOLLIE.signed(BODY, {"x-mollie-signature": header}, [SECRET], 0) is fits
    assert MOLLIE.signed(BODY, {"x-mollie-signature": header}, ["", SECRET], 0) is fits


def test_the_older_webhook_of_an_id_is_nobodys_word() -> None:
    """It is not signed: whoever knows the address may send it, so it is refused before it is read."""
    assert not MOLLIE.signed(b"id=tr_5B8cwPMGnU6qLbRvo7qEZo", {}, [SECRET], 0)


# -- what it says


@pytest.mark.parametrize("alone", [False, True], ids=["in an event", "alone"])
def test_the_published_payment_is_reserved_money_of_the_shops_order(alone: bool) -> None:
    """Metadata came as a text of JSON, the order in it as a number."""
    payment = recorded("payment.authorized")
    report = report_of(read(payment if alone else event_of(payment, "payment.authorized")))
    assert (report.order_id, report.aliases) == ("12345", ("payment:tr_5B8cwPMGnU6qLbRvo7qEZo",))
    assert report.payments == (
        Payment(
            id="tr_5B8cwPMGnU6qLbRvo7qEZo", kind="authorisation", amount=Decimal("10.00"), currency="EUR", at=AT, gateway="creditcard"
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "state"), [
    ("open", "sale", "pending"), ("pending", "sale", "pending"), ("authorized", "authorisation", "success"),
    ("paid", "sale", "success"), ("canceled", "sale", "failure"), ("expired", "sale", "failure"), ("failed", "sale", "failure"),
])  # fmt: skip
def test_each_status_of_a_payment(status: str, kind: str, state: str) -> None:
    (payment,) = report_of(read(event_of(recorded("payment.authorized", status=status), f"payment.{status}"))).payments
    assert (payment.kind, payment.state) == (kind, state)


@pytest.mark.parametrize(("status", "state"), [
    ("queued", "pending"), ("pending", "pending"), ("processing", "pending"), ("refunded", "success"), ("failed", "failure"),
    ("canceled", "failure"),
])  # fmt: skip
def test_each_status_of_a_refund(status: str, state: str) -> None:
    """A refund names its payment and not the order: by the payment's name it finds it."""
    report = report_of(read(recorded("refund.canceled", status=status)))
    (payment,) = report.payments
    assert (payment.id, payment.kind, payment.amount, payment.state) == (
        "re_4qqhO89gsT",
        "refund",
        Decimal("5.95"),
        state,
    )
    assert report.aliases == ("payment:tr_5B8cwPMGnU6qLbRvo7qEZo",)


def test_what_was_given_back_is_the_larger_of_both_words() -> None:
    """The payment's sum and the refund itself are the same money; a sum that holds a lost refund's counts."""
    paid = recorded("payment.authorized", status="paid", amountRefunded={"currency": "EUR", "value": "5.95"})
    first = report_of(read(event_of(paid, "payment.paid")))
    assert first.refunds[0] == RefundFact(
        id="tr_5B8cwPMGnU6qLbRvo7qEZo:5.95", amount=Decimal("5.95"), currency="EUR", at=AT, total=Decimal("5.95"),
        payment="tr_5B8cwPMGnU6qLbRvo7qEZo",
    )  # fmt: skip
    told = report_of(read(event_of(recorded("refund.canceled", status="refunded"), "refund.refunded")))
    for order in ((first, told), (told, first, told)):
        state = derive([Fact("mollie:shop.example", report) for report in order])
        assert (state.refunded, state.received) == ({"EUR": Decimal("5.95")}, {"EUR": Decimal("10.00")})


def test_a_charge_back_is_a_dispute() -> None:
    paid = recorded(
        "payment.authorized", status="paid", amountChargedBack={"currency": "EUR", "value": "10.00"},
        amountRefunded={"currency": "EUR", "value": "0.00"},
    )  # fmt: skip
    report = report_of(read(event_of(paid, "payment.paid")))
    assert derive([Fact("mollie:shop.example", report)]).disputed
    assert report.refunds == ()


def test_the_order_may_stand_under_another_name() -> None:
    options = SourceOptions(shop="shop.example", fields={"order_id": "wc_order"})
    payment = recorded("payment.authorized", metadata={"wc_order": "A-77", "order_id": "not this"})
    assert report_of(read(payment, options)).order_id == "A-77"
    without = report_of(read(recorded("payment.authorized", metadata=None)))
    assert without.order_id == "tr_5B8cwPMGnU6qLbRvo7qEZo"  # its own name, until an event or the shop says more


LEFT_OUT: list[tuple[str, Any, str]] = [
    ("a payment link", recorded("payment-link.paid"), "moves no money"),
    ("an event without its object", {"resource": "event", "id": "event_x", "type": "payment.paid", "entityId": "tr_x"}, "full"),
    ("a status of tomorrow", recorded("payment.authorized", status="reversed"), "not known"),
    ("Mollie's test mode", recorded("payment.authorized", mode="test"), "test mode"),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "words"), [row[1:] for row in LEFT_OUT], ids=[row[0] for row in LEFT_OUT])
def test_what_moves_no_money_of_an_order_is_left_out(tree: Any, words: str) -> None:
    found = read(tree)
    assert isinstance(found, Ignored)
    assert words in found.reason


@pytest.mark.parametrize(("changes", "path"), [
    ({"amount": {"currency": "EUR", "value": "10,00"}}, "amount.value"), ({"amount": {"value": "10.00"}}, "amount.currency"),
    ({"amount": {"currency": "euro", "value": "1"}}, "amount.currency"), ({"createdAt": "2024-03-20 09:13"}, "createdAt"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(changes: dict[str, Any], path: str) -> None:
    found = read(recorded("payment.authorized", **changes))
    assert isinstance(found, Refusal)
    assert found.path == path
