"""Adyen's items: Adyen's own test vectors, recorded and published bodies, what each event comes to, and what is refused.

Bodies in `recorded`: of a test account (hookdeck/webhook-samples, adyen/1, 2023) AUTHORISATION, CAPTURE, CANCELLATION and
CANCEL_OR_REFUND; of Adyen's OpenAPI files (the same repository) the others. They are signed anew here, as their keys are not known.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.ledger.state import Fact, derive
from twofold.sources.contract import Ignored, Reading, Several, SourceOptions
from twofold.sources.payments.adyen import ADYEN

RECORDED = Path(__file__).parent / "recorded"
KEY, OTHER = (
    "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00",
    "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
)
BY_ITSELF = SourceOptions(shop="shop.example", stages={"AUTHORISATION": "paid"})
BY_HAND = SourceOptions(shop="shop.example", stages={"AUTHORISATION": "authorised"})
# The item of both libraries' tests.
VECTOR: dict[str, Any] = {
    "pspReference": "7914073381342284",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "amount": {"value": 1130, "currency": "EUR"},
    "eventCode": "AUTHORISATION",
    "success": "true",
}


def body_of(*items: dict[str, Any], live: Any = "true") -> bytes:
    return json.dumps(
        {"live": live, "notificationItems": [{"NotificationRequestItem": item} for item in items]}
    ).encode()


def signed_item(item: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    """The signature by the description of Adyen's libraries, with the standard library."""
    amount = item["amount"]
    fields = (item["pspReference"], item.get("originalReference", ""), item["merchantAccountCode"], item["merchantReference"],
              amount["value"], amount["currency"], item["eventCode"], item["success"])  # fmt: skip
    digest = hmac.new(bytes.fromhex(key), ":".join(map(str, fields)).encode(), hashlib.sha256).digest()
    kept = item.get("additionalData", {})
    return item | {"additionalData": kept | {"hmacSignature": base64.b64encode(digest).decode()}}


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    tree = json.loads((RECORDED / f"adyen.{name}.json").read_text(encoding="utf-8"))
    return tree["notificationItems"][0]["NotificationRequestItem"] | changes


def fits(body: bytes, *keys: str) -> bool:
    return ADYEN.signed(body, {}, keys or (KEY,), 0)


def read(item: dict[str, Any], options: SourceOptions = BY_HAND) -> Any:
    return ADYEN.read(body_of(item), {}, options, 0)


def payment_of(found: Any) -> Payment:
    assert isinstance(found, Reading)
    assert found.order is not None
    assert (found.copy, found.order.snapshot, found.events) == (
        None,
        None,
        (),
    )  # it makes no Purchase and claims no total
    (payment,) = found.order.payments
    return payment


# -- signature


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        pytest.param(KEY, "Ny9gS2veKo5E4w8/OL6xz1/wvT/hYkAXy1xNc/QvO4I=", id="adyen-php-api-library"),
        pytest.param(OTHER, "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=", id="adyen-ruby-api-library"),
    ],
)
def test_adyens_own_vectors_fit(key: str, signature: str) -> None:
    item = VECTOR | {"additionalData": {"hmacSignature": signature}, "paymentMethod": "visa"}
    assert fits(body_of(item), key)
    assert fits(body_of(item), "00" * 32, key.lower())  # while one is being changed
    assert not fits(body_of(item), "00" * 32)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("another order", {"merchantReference": "TestPayment-1407325143705"}),
    ("more money", {"amount": {"value": 11300, "currency": "EUR"}}),
    ("money as text with a point", {"amount": {"value": "1130.0", "currency": "EUR"}}),
    ("another currency", {"amount": {"value": 1130, "currency": "USD"}}),
    ("another event", {"eventCode": "CAPTURE"}),
    ("another outcome", {"success": "false"}),
    ("another payment", {"pspReference": "7914073381342285"}),
    ("an original", {"originalReference": "x"}),
    ("another account", {"merchantAccountCode": "Test"}),
    ("fields pushed by a colon", {"merchantAccountCode": "TestMerchant:TestPayment-1407325143704", "merchantReference": ""}),
    ("a list for a text", {"merchantReference": ["TestPayment-1407325143704"]}),
    ("no signature", {"additionalData": {}}),
    ("an empty signature", {"additionalData": {"hmacSignature": ""}}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
def test_what_was_signed_cannot_be_changed(changes: dict[str, Any]) -> None:
    assert not fits(body_of(signed_item(VECTOR) | changes))


@pytest.mark.parametrize("key", ["", "not hexadecimal 0123456789", KEY[:-1], "00"])
def test_a_secret_that_is_no_key_fits_nothing(key: str) -> None:
    assert not fits(body_of(signed_item(VECTOR)), key)


def test_a_reference_with_colons_fits_in_both_spellings() -> None:
    """One library escapes them, the other does not; neither can be read as another field."""
    item = VECTOR | {"merchantReference": "shop:1001:a"}
    assert fits(body_of(signed_item(item)))
    escaped = signed_item(item | {"merchantReference": r"shop\:1001\:a"})["additionalData"]
    assert fits(body_of(item | {"additionalData": escaped}))


def test_all_items_of_a_body_must_fit() -> None:
    assert fits(body_of(signed_item(VECTOR), signed_item(VECTOR | {"pspReference": "7914073381342285"})))
    assert not fits(body_of(signed_item(VECTOR), VECTOR))
    assert not fits(b'{"live":"true","notificationItems":[]}')
    assert not fits(b"[]")
    assert not fits(b"\xff")


# -- what it says


def test_an_authorisation_is_the_money_where_the_account_captures_by_itself() -> None:
    """The recorded body: 10100 minor units of EUR by the shop's reference; no order, no Purchase, money alone."""
    found = read(recorded("AUTHORISATION"), BY_ITSELF)
    assert payment_of(found) == Payment(
        id="NGAO2BVQFXJ7XZDP", kind="sale", amount=Decimal("101.00"), currency="EUR", at=1_678_268_705, gateway="visa"
    )
    report = found.order
    assert (report.order_id, report.aliases, report.kind) == ("8313842560770001", ("payment:NGAO2BVQFXJ7XZDP",), "paid")


def test_an_authorisation_is_reserved_where_somebody_captures() -> None:
    payment = payment_of(read(recorded("AUTHORISATION")))
    assert (payment.kind, payment.state, payment.amount) == ("authorisation", "success", Decimal("101.00"))
    failed = payment_of(read(recorded("AUTHORISATION", success="false")))
    assert failed.state == "failure"


MEANINGS: list[tuple[str, dict[str, Any], SourceOptions, tuple[str, str, str]]] = [
    ("CAPTURE", {}, BY_HAND, ("QBPLK35VG3MN6HXE", "capture", "success")),
    ("CAPTURE", {"success": "false"}, BY_HAND, ("QBPLK35VG3MN6HXE", "capture", "failure")),
    ("CAPTURE_FAILED", {}, BY_HAND, ("QFQTPCQ8HXSKGK82", "capture", "failure")),
    ("CAPTURE_FAILED", {}, BY_ITSELF, ("9913140798220028", "sale", "failure")),
    ("CANCELLATION", {"originalReference": "9913140798220028"}, BY_HAND, ("9913140798220028", "authorisation", "failure")),
    ("REFUND", {}, BY_HAND, ("QFQTPCQ8HXSKGK82", "refund", "failure")),
    ("REFUND", {"success": "true"}, BY_HAND, ("QFQTPCQ8HXSKGK82", "refund", "success")),
    ("REFUND_FAILED", {}, BY_HAND, ("QFQTPCQ8HXSKGK82", "refund", "failure")),
    ("CHARGEBACK", {}, BY_HAND, ("9913140798220028:dispute", "dispute", "success")),
    ("CHARGEBACK", {"eventCode": "NOTIFICATION_OF_CHARGEBACK"}, BY_HAND, ("9913140798220028:dispute", "dispute", "pending")),
    ("CHARGEBACK", {"eventCode": "CHARGEBACK_REVERSED"}, BY_HAND, ("9913140798220028:dispute", "dispute", "failure")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "options", "meaning"), MEANINGS)
def test_each_event_says_what_its_page_says(
    name: str, changes: dict[str, Any], options: SourceOptions, meaning: tuple[str, str, str]
) -> None:
    payment = payment_of(read(recorded(name, **changes), options))
    assert (payment.id, payment.kind, payment.state) == meaning


@pytest.mark.parametrize(("minor", "currency", "amount"), [
    (1130, "EUR", "11.30"), (1130, "JPY", "1130"), (1130, "KWD", "1.130"), (1130, "ISK", "11.30"), (1130, "CLP", "11.30"),
    (1130, "IDR", "1130"), (1130, "CVE", "1130"), (0, "EUR", "0.00"), (10**15, "GEL", "10000000000000.00"),
])  # fmt: skip
def test_minor_units_are_adyens_own(minor: int, currency: str, amount: str) -> None:
    """docs.adyen.com, "Currency codes and minor units": four differ from ISO 4217."""
    payment = payment_of(read(recorded("AUTHORISATION", amount={"value": minor, "currency": currency})))
    assert (payment.amount, payment.currency) == (Decimal(amount), currency)


LEFT_OUT = [
    ("a capture that was counted", recorded("CAPTURE"), BY_ITSELF),
    ("a cancellation that did not happen", recorded("CANCELLATION", success="false"), BY_HAND),
    ("cancelled or refunded, and not which", recorded("CANCEL_OR_REFUND"), BY_HAND),
    ("a report is ready", recorded("CAPTURE", eventCode="REPORT_AVAILABLE"), BY_HAND),
    ("an order of nobody", recorded("CAPTURE", merchantReference=""), BY_HAND),
    ("an address for an order", recorded("CAPTURE", merchantReference="mary@example.com"), BY_HAND),
]


@pytest.mark.parametrize(("item", "options"), [row[1:] for row in LEFT_OUT], ids=[row[0] for row in LEFT_OUT])
def test_what_moves_no_money_of_an_order_is_left_out(item: dict[str, Any], options: SourceOptions) -> None:
    assert isinstance(read(item, options), Ignored)


def test_the_test_environment_counts_for_nothing() -> None:
    found = ADYEN.read(body_of(recorded("AUTHORISATION"), live="false"), {}, BY_ITSELF, 0)
    assert isinstance(found, Ignored)
    assert found.kind == "test payment"


@pytest.mark.parametrize(("changes", "path"), [
    ({"amount": {"value": -1, "currency": "EUR"}}, "amount.value"), ({"amount": {"value": 1.5, "currency": "EUR"}}, "amount.value"),
    ({"amount": {"currency": "EUR"}}, "amount.value"), ({"amount": {"value": 1}}, "amount.currency"),
    ({"eventDate": "yesterday"}, "eventDate"), ({"eventDate": None}, "eventDate"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(changes: dict[str, Any], path: str) -> None:
    found = read(recorded("AUTHORISATION", **changes))
    assert isinstance(found, Refusal)
    assert found.path == path


def test_two_items_are_two_things_and_a_broken_one_leaves_the_other() -> None:
    found = ADYEN.read(body_of(recorded("AUTHORISATION"), recorded("REFUND", eventDate="never")), {}, BY_ITSELF, 0)
    assert isinstance(found, Several)
    kept, refused = (part.found for part in found.parts)
    assert isinstance(kept, Reading)
    assert isinstance(refused, Refusal)
    assert refused.path == "notificationItems[1].eventDate"


def test_a_lost_chargeback_is_undone_and_a_repeat_changes_nothing() -> None:
    """The same facts in any order, each twice: disputed while it stands, money in full, refunds that failed are none."""
    told = [
        read(recorded("AUTHORISATION", originalReference=None, pspReference="9913140798220028", merchantReference="M-1"), BY_ITSELF),
        read(recorded("CHARGEBACK", merchantReference="M-1", eventDate="2023-03-09T10:00:00+01:00"), BY_ITSELF),
        read(recorded("REFUND", success="true", merchantReference="M-1", eventDate="2023-03-09T11:00:00+01:00"), BY_ITSELF),
    ]  # fmt: skip
    reversed_one = read(
        recorded("CHARGEBACK", eventCode="CHARGEBACK_REVERSED", merchantReference="M-1", eventDate="2023-04-09T10:00:00+01:00"), BY_ITSELF
    )  # fmt: skip
    failed = read(recorded("REFUND_FAILED", merchantReference="M-1", eventDate="2023-04-09T11:00:00+01:00"), BY_ITSELF)
    before = derive([Fact("adyen:shop.example", one.order) for one in told])
    assert (before.disputed, before.refunded, before.received) == (
        True,
        {"EUR": Decimal("10")},
        {"EUR": Decimal("101")},
    )
    for order in ([*told, reversed_one, failed], [failed, reversed_one, *told[::-1]]):
        state = derive([Fact("adyen:shop.example", one.order) for one in (*order, *order)])
        assert (state.disputed, state.refunded, state.received) == (False, {}, {"EUR": Decimal("101")})
        assert not state.known  # nobody reported the order itself
