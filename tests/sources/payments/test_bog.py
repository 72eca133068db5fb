"""Callbacks of the Bank of Georgia: the signature, whose payment it is, what each status comes to, and what is refused.

The body in `recorded` is made of the fields of api.bog.ge's "Payment Details", in the envelope that libraries of others read.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rsa_keys import public_pem, sign

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.ledger.state import Fact, derive
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.payments.bog import BOG
from twofold.sources.signatures import is_public_key

RECORDED = Path(__file__).parent / "recorded"
OPTIONS = SourceOptions(shop="shop.example", only={"body.client.id": ("10000",)})
# The key that the bank publishes for all merchants, as several public integrations hold it.
PUBLISHED = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu4RUyAw3+CdkS3ZNILQh
zHI9Hemo+vKB9U2BSabppkKjzjjkf+0Sm76hSMiu/HFtYhqWOESryoCDJoqffY0Q
1VNt25aTxbj068QNUtnxQ7KQVLA+pG0smf+EBWlS1vBEAFbIas9d8c9b9sSEkTrr
TYQ90WIM8bGB6S/KLVoT1a7SnzabjoLc5Qf/SLDG5fu8dH8zckyeYKdRKSBJKvhx
tcBuHV4f7qsynQT+f2UYbESX/TLHwT5qFWZDHZ0YUOUIvb8n7JujVSGZO9/+ll/g
4ZIWhC1MlJgPObDwRkRd8NFOopgxMcMsDIZIoLbWKhHVq67hdbwpAq9K9WMmEhPn
PwIDAQAB
-----END PUBLIC KEY-----"""


def callback(
    status: str = "completed", *, units: Any = None, time: Any = "2022-11-23T18:06:37.240559Z", **body: Any
) -> bytes:
    tree = json.loads((RECORDED / "bog.order_payment.json").read_text(encoding="utf-8"))
    tree["zoned_request_time"] = time
    tree["body"] |= {"order_status": {"key": status, "value": ""}} | body
    tree["body"]["purchase_units"] |= units or {}
    return json.dumps(tree, ensure_ascii=False).encode()


def read(body: bytes) -> Any:
    return BOG.read(body, {}, OPTIONS, 0)


def report_of(found: Any) -> Any:
    assert isinstance(found, Reading)
    assert found.order is not None
    assert (found.copy, found.order.snapshot) == (None, None)
    return found.order


def fits(body: bytes, signature: str, *keys: str) -> bool:
    return BOG.signed(body, {"callback-signature": signature}, keys or (public_pem("bank"),), 0)


def test_a_signature_fits_its_body_and_its_key() -> None:
    body = callback()
    right = sign(body, "bank")
    one_line = public_pem("bank").replace("\n", "\\n")  # as variables of an environment hold it
    assert fits(body, right)
    assert fits(body, right, one_line)
    assert fits(body, right, PUBLISHED, public_pem("bank"))  # while the bank changes its key
    assert is_public_key(PUBLISHED)
    assert not fits(body, right, PUBLISHED)
    assert not fits(body + b" ", right)
    assert not fits(body, sign(body, "stranger"))
    for spelt in ("", right[:-1], right + "=", f" {right}", right.replace("=", ""), "x" * 344, right.swapcase()):
        assert not fits(body, spelt)
    for key in ("", "-----BEGIN PUBLIC KEY-----", public_pem("bank")[:80], "hmac-secret-0123456789"):
        assert not fits(body, right, key)


def test_a_completed_payment_is_the_money_of_the_shops_order() -> None:
    report = report_of(read(callback()))
    assert (report.order_id, report.aliases) == ("1001", ("payment:a1b2c3d4-0000-4000-8000-000000000001",))
    assert report.payments == (
        Payment(
            id="a1b2c3d4-0000-4000-8000-000000000001", kind="sale", amount=Decimal("100.30"), currency="GEL", at=1_669_226_797, gateway="card"
        ),
    )  # fmt: skip
    assert report.refunds == ()


@pytest.mark.parametrize(("status", "kind", "state"), [
    ("created", "sale", "pending"), ("processing", "sale", "pending"), ("auth_requested", "authorisation", "pending"),
    ("blocked", "authorisation", "success"), ("completed", "sale", "success"), ("partial_completed", "sale", "success"),
    ("refund_requested", "sale", "success"), ("refunded", "sale", "success"), ("refunded_partially", "sale", "success"),
    ("rejected", "sale", "failure"),
])  # fmt: skip
def test_each_status(status: str, kind: str, state: str) -> None:
    (payment,) = report_of(read(callback(status))).payments
    assert (payment.kind, payment.state) == (kind, state)


def test_of_a_part_that_was_confirmed_only_that_came() -> None:
    (payment,) = report_of(read(callback("partial_completed", units={"transfer_amount": "40.30"}))).payments
    assert payment.amount == Decimal("40.30")
    (blocked,) = report_of(read(callback("blocked", units={"transfer_amount": "0"}))).payments
    assert blocked.amount == Decimal("100.30")


def test_what_went_back_is_the_latest_sum_in_any_order() -> None:
    paid = report_of(read(callback()))
    part = report_of(
        read(callback("refunded_partially", units={"refund_amount": "20.30"}, time="2022-11-24T10:00:00Z"))
    )
    whole = report_of(read(callback("refunded", units={"refund_amount": "100.30"}, time="2022-11-25T10:00:00Z")))
    for told in ([paid, part, whole], [whole, part, paid], [part, whole, paid, part]):
        state = derive([Fact("bog:shop.example", one) for one in told])
        assert (state.refunded, state.received) == ({"GEL": Decimal("100.30")}, {"GEL": Decimal("100.30")})


@pytest.mark.parametrize("client", [{"id": "10001"}, {"id": 10001}, {}, None, "10000"])
def test_another_merchants_payment_pays_nothing_here(client: Any) -> None:
    """The bank signs for everybody with one key: whoever has an account there may have it write to this address."""
    found = read(callback(client=client))
    assert isinstance(found, Ignored)
    assert found.kind == "another merchant"


def test_a_merchants_number_may_be_a_number() -> None:
    assert report_of(read(callback(client={"id": 10000}))).order_id == "1001"


@pytest.mark.parametrize(("units", "body", "path"), [
    ({"transfer_amount": "-1"}, {}, "body.purchase_units.transfer_amount"), ({"transfer_amount": None}, {}, "body.purchase_units.transfer_amount"),
    ({"currency_code": "Lari"}, {}, "body.purchase_units.currency_code"), ({"refund_amount": "much"}, {}, "body.purchase_units.refund_amount"),
    ({}, {"time": "23/11/2022"}, "zoned_request_time"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(units: Any, body: Any, path: str) -> None:
    found = read(callback(units=units, **body))
    assert isinstance(found, Refusal)
    assert found.path == path
