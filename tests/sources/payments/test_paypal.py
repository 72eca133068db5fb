"""PayPal's webhooks: the signature, the published bodies, what each event comes to, and what is refused.

Bodies in `recorded`: the capture, the refund and the resolved dispute of PayPal's pages on notifications; the dispute that begins as a
recorder got it from PayPal's simulator (hookdeck/webhook-samples, paypal/1.0, 2023). They are signed anew here.
"""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rsa_keys import certificate_pem, public_pem, sign

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.ledger.state import Fact, derive
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.payments.paypal import PAYPAL

RECORDED = Path(__file__).parent / "recorded"
WEBHOOK, OTHER = "9XL90610J3647323C", "1JE4291016473214C"
OPTIONS = SourceOptions(shop="shop.example", fields={"order_id": "custom_id"})
ID, TIME = "8dc4e5f0-ba1e-11ed-981f-630f4c7537a9", "2023-03-03T23:53:10Z"


def recorded(name: str, **resource: Any) -> dict[str, Any]:
    tree = json.loads((RECORDED / f"paypal.{name}.json").read_text(encoding="utf-8"))
    tree["resource"] |= resource
    return tree


def body_of(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def headers_of(body: bytes, key: str = "paypal", webhook: str = WEBHOOK, **changes: str) -> dict[str, str]:
    """By "Integrate webhooks": the transmission's id, its time, the webhook's id, and the CRC32 of the body as a decimal number."""
    message = f"{ID}|{TIME}|{webhook}|{zlib.crc32(body)}".encode()
    return {
        "paypal-transmission-id": ID, "paypal-transmission-time": TIME, "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": "https://elsewhere.example/certificate", "paypal-transmission-sig": sign(message, key),
    } | {name.replace("_", "-"): value for name, value in changes.items()}  # fmt: skip


def fits(body: bytes, headers: dict[str, str], *secrets: str) -> bool:
    return PAYPAL.signed(body, headers, secrets or (WEBHOOK, certificate_pem("paypal")), 0)


def read(tree: Any, options: SourceOptions = OPTIONS) -> Any:
    return PAYPAL.read(body_of(tree), {}, options, 0)


def report_of(found: Any) -> Any:
    assert isinstance(found, Reading)
    assert found.order is not None
    assert (found.copy, found.order.snapshot) == (None, None)
    return found.order


def test_a_signature_fits_its_body_its_webhook_and_its_certificate() -> None:
    body = body_of(recorded("PAYMENT.CAPTURE.COMPLETED"))
    right = headers_of(body)
    assert fits(body, right)
    assert fits(body, right, OTHER, WEBHOOK, certificate_pem("stranger"), certificate_pem("paypal"))  # two of each
    assert fits(body, right, WEBHOOK, public_pem("paypal"))
    assert not fits(body, right, WEBHOOK, certificate_pem("stranger"))
    assert not fits(body, right, OTHER, certificate_pem("paypal"))  # a delivery to another merchant's webhook
    assert not fits(body, right, WEBHOOK)
    assert not fits(body, right, certificate_pem("paypal"))
    assert not fits(body + b" ", right)
    assert not fits(body, headers_of(body, "stranger"))  # whatever address of a certificate it names


@pytest.mark.parametrize("changes", [
    {"paypal_transmission_id": "another"}, {"paypal_transmission_time": "2023-03-03T23:53:11Z"}, {"paypal_transmission_id": ""},
    {"paypal_transmission_time": ""}, {"paypal_auth_algo": "SHA1withRSA"}, {"paypal_auth_algo": ""}, {"paypal_transmission_sig": ""},
    {"paypal_transmission_id": f"{ID}|{TIME}", "paypal_transmission_time": WEBHOOK},
])  # fmt: skip
def test_what_was_signed_cannot_be_changed(changes: dict[str, str]) -> None:
    body = body_of(recorded("PAYMENT.CAPTURE.COMPLETED"))
    assert not fits(body, headers_of(body, **changes))


def test_the_published_capture_is_the_money_of_the_shops_order() -> None:
    report = report_of(read(recorded("PAYMENT.CAPTURE.COMPLETED", custom_id="1001", invoice_id="INV-7")))
    assert (report.order_id, report.aliases) == ("1001", ("payment:27M47624FP291604U",))
    assert report.payments == (
        Payment(id="27M47624FP291604U", kind="sale", amount=Decimal("2.51"), currency="USD", at=1_550_181_007, gateway="paypal"),
    )  # fmt: skip
    by_invoice = report_of(read(recorded("PAYMENT.CAPTURE.COMPLETED", invoice_id="INV-7"), SourceOptions()))
    assert by_invoice.order_id == "INV-7"
    assert report_of(read(recorded("PAYMENT.CAPTURE.COMPLETED"))).order_id == "27M47624FP291604U"


@pytest.mark.parametrize(("event", "kind", "state"), [
    ("PAYMENT.CAPTURE.COMPLETED", "sale", "success"), ("PAYMENT.CAPTURE.PENDING", "sale", "pending"),
    ("PAYMENT.CAPTURE.DENIED", "sale", "failure"), ("PAYMENT.CAPTURE.DECLINED", "sale", "failure"),
    ("PAYMENT.AUTHORIZATION.CREATED", "authorisation", "success"), ("PAYMENT.AUTHORIZATION.VOIDED", "authorisation", "failure"),
])  # fmt: skip
def test_each_event_of_a_payment(event: str, kind: str, state: str) -> None:
    (payment,) = report_of(read(recorded("PAYMENT.CAPTURE.COMPLETED") | {"event_type": event})).payments
    assert (payment.kind, payment.state) == (kind, state)


def test_the_published_refund_finds_its_payment_by_the_link() -> None:
    report = report_of(read(recorded("PAYMENT.CAPTURE.REFUNDED")))
    (refund,) = report.payments
    assert (refund.id, refund.kind, refund.amount, report.aliases) == (
        "1Y107995YT783435V", "refund", Decimal("0.99"), ("payment:0JF852973C016714D",),
    )  # fmt: skip


def test_a_dispute_stands_until_it_ends_for_the_seller() -> None:
    begun, ended = recorded("CUSTOMER.DISPUTE.CREATED"), recorded("CUSTOMER.DISPUTE.RESOLVED")
    lost = recorded("CUSTOMER.DISPUTE.RESOLVED", dispute_outcome={"outcome_code": "RESOLVED_BUYER_FAVOUR"})
    first = report_of(read(begun))
    assert first.aliases == ("payment:00D10444LD479031K",)
    for last, disputed in ((ended, False), (lost, True)):
        told = [first, report_of(read(last))]
        for order in (told, told[::-1], [*told, *told]):
            assert derive([Fact("paypal:shop.example", one) for one in order]).disputed is disputed


@pytest.mark.parametrize("tree", [
    recorded("PAYMENT.CAPTURE.COMPLETED") | {"event_type": "CHECKOUT.ORDER.APPROVED"},
    recorded("PAYMENT.CAPTURE.COMPLETED", id=""), recorded("CUSTOMER.DISPUTE.CREATED", disputed_transactions=[]),
], ids=["an approval is no money", "no payment", "a dispute of nothing"])  # fmt: skip
def test_what_moves_no_money_of_an_order_is_left_out(tree: Any) -> None:
    assert isinstance(read(tree), Ignored)


@pytest.mark.parametrize(("changes", "path"), [
    ({"amount": {"currency_code": "USD", "value": "2,51"}}, "resource.amount.value"),
    ({"amount": {"currency_code": "USD", "value": "-2.51"}}, "resource.amount.value"), ({"amount": {"value": "2.51"}}, "resource.amount.currency_code"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(changes: dict[str, Any], path: str) -> None:
    found = read(recorded("PAYMENT.CAPTURE.COMPLETED", **changes))
    assert isinstance(found, Refusal)
    assert found.path == path
