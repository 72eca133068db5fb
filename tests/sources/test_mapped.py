"""Bodies of other systems through a mapping. Recorded ones: hookdeck/webhook-samples, Commerce Layer's cut to its own fields, and PayPal's
example of its documentation as that repository keeps it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold.event.refusal import Refusal
from twofold.ledger.model import Paid
from twofold.sources.contract import Ignored, Reading, Several, SourceOptions
from twofold.sources.mended import read_mended
from twofold.sources.own.mapping import SIGNATURES, mapped_source, unknown_fields, value_at

RECORDED = Path(__file__).parent / "recorded"
NOW_MS = 1_790_000_000_000
ATTRIBUTES = "data.attributes"
COMMERCE_LAYER = {
    "type": "=order",
    "id": "data.id",
    "number": f"{ATTRIBUTES}.number",
    "placed_at": f"{ATTRIBUTES}.placed_at | {ATTRIBUTES}.created_at",
    "updated_at": f"{ATTRIBUTES}.updated_at",
    "totals.currency": f"{ATTRIBUTES}.currency_code",
    "totals.total": f"{ATTRIBUTES}.total_amount_with_taxes_cents / 100",
    "totals.tax": f"{ATTRIBUTES}.total_tax_amount_cents / 100",
    "totals.tax_included": f"{ATTRIBUTES}.tax_included",
    "payment.status": f"{ATTRIBUTES}.payment_status",
    "customer.email": f"{ATTRIBUTES}.customer_email",
}
PAYPAL = {
    "type": "=payment",
    "order_id": "resource.custom_id | resource.id",
    "id": "resource.id",
    "at": "create_time",
    "amount": "resource.amount.value",
    "currency": "resource.amount.currency_code",
    "kind": "=capture",
    "state": "resource.status",
}


def recorded(name: str) -> dict[str, Any]:
    return json.loads((RECORDED / f"{name}.json").read_bytes())


def read(tree: Any, fields: dict[str, str], **options: Any) -> Any:
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    options_of = SourceOptions(shop="shop.example", fields=fields, **options)
    return read_mended(mapped_source("path", ""), body, {}, options_of, NOW_MS)[0]


def test_a_recorded_order() -> None:
    """Commerce Layer: cents become money, the first of two times that is there counts, the body's contact data stays plain for the edge."""
    found = read(recorded("commercelayer.orders.create"), COMMERCE_LAYER)
    assert isinstance(found, Reading), found
    assert found.sender == "mapped"
    assert found.order is not None
    assert found.order.snapshot is not None
    assert found.order.order_id == "PlalhWGrAb"
    assert (found.order.snapshot.shop.currency, found.order.snapshot.shop.total) == ("USD", Decimal(0))
    assert found.order.snapshot.paid is Paid.UNPAID
    assert found.order.snapshot.placed_at == 1_679_048_829  # 2023-03-17T10:27:09Z
    assert found.copy is not None
    assert found.copy.user_data["em"] == ["mark@mail.com"]


def test_money_in_minor_units_is_exact() -> None:
    tree = recorded("commercelayer.orders.create")
    tree["data"]["attributes"] |= {"total_amount_with_taxes_cents": 4999, "total_tax_amount_cents": "833"}
    found = read(tree, COMMERCE_LAYER)
    assert (found.order.snapshot.shop.total, found.order.snapshot.shop.tax) == (Decimal("49.99"), Decimal("8.33"))


def test_what_only_asks_for_is_read_and_nothing_else() -> None:
    tree = recorded("commercelayer.orders.create")
    only = {"data.attributes.status": ("placed", "approved")}
    assert isinstance(read(tree, COMMERCE_LAYER, only=only), Ignored)
    tree["data"]["attributes"]["status"] = "placed"
    assert isinstance(read(tree, COMMERCE_LAYER, only=only), Reading)


def test_a_list_is_read_one_by_one() -> None:
    """As systems send that put one object into a list, or several: a broken one leaves the others."""
    fields = {"type": "=refund", "order_id": "order", "id": "no", "amount": "sum", "currency": "=EUR", "at": "at"}
    rows = [{"order": "1001", "no": f"r-{n}", "sum": "2.50", "at": 1_790_000_000} for n in range(3)]
    alone = read(rows[:1], fields)
    assert isinstance(alone, Reading), alone
    assert alone.order is not None
    assert alone.order.refunds[0].amount == Decimal("2.50")
    several = read([rows[0], rows[1] | {"sum": "lots"}, 7, rows[2]], fields)
    assert isinstance(several, Several)
    found = [part.found for part in several.parts]
    assert [type(one) for one in found] == [Reading, Refusal, Refusal, Reading]
    assert [one.path for one in found if isinstance(one, Refusal)] == ["[1].amount", "[2]"]
    assert json.loads(several.parts[3].body)["no"] == "r-2"
    assert isinstance(read([], fields), Refusal)
    assert isinstance(read([rows[0]] * 1_001, fields), Refusal)


def test_a_recorded_payment() -> None:
    """PayPal's capture: its word for a state is the operator's word for ours."""
    found = read(recorded("paypal.PAYMENT.CAPTURE.COMPLETED"), PAYPAL, stages={"completed": "success"})
    assert isinstance(found, Reading), found
    (payment,) = found.order.payments
    assert (payment.amount, payment.currency, found.order.order_id) == (Decimal("10.00"), "USD", "3C679367HH908")


def test_goods_are_a_list_of_their_own() -> None:
    fields = {
        "type": "=order", "id": "no", "placed_at": "at", "updated_at": "at", "totals.total": "sum", "lines[]": "cart.rows",
        "lines[].id": "article.code", "lines[].quantity": "n", "lines[].price": "each / 100",
    }  # fmt: skip
    rows = [{"article": {"code": "MUG"}, "n": "2", "each": 1250}, {"article": {"code": "TEA"}, "n": 1, "each": "1750"}]
    tree = {"no": 17, "at": "2026-09-21T14:13:20Z", "sum": " 42.50 ", "cart": {"rows": rows}}
    found = read(tree, fields, currency="EUR")
    lines = [(line.id, line.quantity, line.price) for line in found.order.snapshot.lines]
    assert lines == [("MUG", 2, Decimal("12.50")), ("TEA", 1, Decimal("17.50"))]
    assert (found.order.snapshot.shop.total, found.order.snapshot.shop.currency) == (Decimal("42.50"), "EUR")


def test_an_event_with_its_person() -> None:
    """As marketing tools send them: a name of theirs to one of ours, fields of a person under their own object."""
    fields = {
        "type": "=event", "event_name": "metric", "event_time": "time", "event_id": "uuid", "action_source": "=website",
        "user_data.em": "profile.email", "custom_data.value": "properties.$value", "custom_data.currency": "=EUR",
    }  # fmt: skip
    tree = {"metric": "Started Checkout", "time": 1_790_000_000, "uuid": "e-1", "profile": {"email": "a@b.example"},
            "properties": {"$value": 29.98}}  # fmt: skip
    found = read(tree, fields, stages={"Started Checkout": "InitiateCheckout"})
    (event,) = found.events
    assert (event.event_name, event.event_time, event.event_id) == ("InitiateCheckout", 1_790_000_000, "e-1")
    assert (event.user_data, event.custom_data["currency"]) == ({"em": "a@b.example"}, "EUR")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": None}, "id"), ({"sum": "lots"}, "totals.total"), ({"sum": "1,50"}, "totals.total"), ({"at": "soon"}, "placed_at"),
        ({"sum": -1}, "totals.total"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_our_name(change: dict[str, Any], path: str) -> None:
    fields = {
        "type": "=order",
        "id": "id",
        "placed_at": "at",
        "updated_at": "at",
        "totals.total": "sum",
        "totals.currency": "=EUR",
    }
    tree = {"id": "7", "at": "2026-09-21T14:13:20Z", "sum": 5} | change
    found = read(tree, fields)
    assert isinstance(found, Refusal)
    assert found.path == path


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'"text"', b"{}"])
def test_any_body_has_an_answer(body: bytes) -> None:
    assert isinstance(read(body, COMMERCE_LAYER), Refusal)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1), ("$.a.b", 1), ("list[1].x", 2), ("list.1.x", 2), ("with.point", 3), ("list[9].x", None), ("a.b.c", None),
        ("nothing", None), ("text.0", None), ("", None),
    ],
)  # fmt: skip
def test_a_path_leads_to_a_value(path: str, value: Any) -> None:
    tree = {"a": {"b": 1}, "list": [{"x": 1}, {"x": 2}], "with.point": 3, "text": "t"}
    assert value_at(tree, path) == value


def test_fields_that_a_body_has_not_are_named() -> None:
    names = ["type", "id", "totals.total", "totals.sum", "lines[]", "lines[].id", "lines[].nr", "customer.email"]
    assert unknown_fields("order", names) == ["totals.sum", "lines[].nr"]
    assert unknown_fields("event", ["user_data.em", "event_name", "name"]) == ["name"]


# -- signatures

BODY = b'{"test": 2432232314}'
SECRET = "hush-0123456789abcdef"


def made(digest: str, form: str, body: bytes = BODY) -> str:
    code = hmac.new(SECRET.encode(), body, getattr(hashlib, digest)).digest()
    return code.hex() if form == "hex" else base64.b64encode(code).decode()


@pytest.mark.parametrize("kind", SIGNATURES)
@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (lambda text, digest: text, True), (lambda text, digest: f"{digest}={text}", True), (lambda text, digest: "", False),
        (lambda text, digest: text[:-1], False), (lambda text, digest: text.swapcase(), False), (lambda text, digest: "é", False),
    ],
)  # fmt: skip
def test_an_hmac_of_the_body(kind: str, change: Callable[[str, str], str], fits: bool) -> None:
    digest, form = SIGNATURES[kind]
    source = mapped_source(kind, "X-Signature")
    headers = {"x-signature": change(made(digest, form), digest)}
    assert source.signed(BODY, headers, (SECRET,), NOW_MS) is fits
    assert source.signed(BODY + b" ", headers, (SECRET,), NOW_MS) is False
    assert source.signed(BODY, headers, ("another-secret-of-16", ""), NOW_MS) is False
    assert source.signed(BODY, {}, (SECRET,), NOW_MS) is False


# The example of the Standard Webhooks libraries' own tests.
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("change", "late_s", "fits"),
    [
        ({}, 0, True), ({}, 299, True), ({}, -299, True), ({}, 301, False), ({}, -301, False),
        ({"webhook-id": "msg_another"}, 0, False), ({"webhook-id": ""}, 0, False), ({"webhook-timestamp": "now"}, 0, False),
        ({"webhook-signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, 0, True),
        ({"webhook-signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, 0, False),
    ],
)  # fmt: skip
def test_standard_webhooks(change: dict[str, str], late_s: int, fits: bool) -> None:
    source = mapped_source("standard", "")
    assert source.signed(BODY, STANDARD | change, (WHSEC,), (1_614_265_330 + late_s) * 1000) is fits
    assert source.signed(BODY, STANDARD | change, ("whsec_%%%", ""), 1_614_265_330_000) is False


def test_a_secret_in_the_address_signs_no_body() -> None:
    assert mapped_source("path", "").signed(BODY, STANDARD, (SECRET,), NOW_MS) is False


def test_a_state_that_is_a_number_is_no_customer_of_that_number() -> None:
    """OpenCart's states are numbers: so are its orders, customers, goods, counts, and a name may be a word that a state is called by."""
    fields = {
        "type": "=order", "id": "no", "placed_at": "at", "updated_at": "at", "status": "state", "totals.total": "sum",
        "customer.id": "who", "customer.first_name": "name", "lines[]": "rows", "lines[].id": "id", "lines[].quantity": "n",
    }  # fmt: skip
    tree = {"no": "9", "at": "2026-09-21T14:13:20Z", "state": 2, "sum": "9", "who": "9", "name": "Complete",
            "rows": [{"id": "2", "n": "2"}]}  # fmt: skip
    found = read(tree, fields, currency="EUR", stages={"2": "confirmed", "9": "cancelled", "complete": "delivered"})
    assert isinstance(found, Reading), found
    assert (found.order.order_id, found.copy.user_data) == ("9", {"external_id": "9", "fn": "Complete"})
    snapshot = found.order.snapshot
    assert (snapshot.shop.total, snapshot.confirmed, snapshot.cancelled_at) == (Decimal(9), True, None)
    assert [(line.id, line.quantity) for line in snapshot.lines] == [("2", 2)]
