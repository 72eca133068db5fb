"""A shop's own webhook: the signature, every kind of body, and what is said about fields that are wrong. Expected values
follow from the table of fields in docs/own-shop.md and from Meta's parameter pages."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.model import (
    Amounts,
    Line,
    Method,
    OrderReport,
    Paid,
    Parcel,
    ParcelState,
    Payment,
    Refund,
    Sale,
    Snapshot,
    decode_report,
    encode_report,
)
from twofold.sources.contract import Ignored, PrivacyRequest, Reading, SourceOptions
from twofold.sources.own.bodies import BODIES
from twofold.sources.own.webhook import OWN
from twofold.sources.schema import describe_fields, markdown_rows

NOW_S = 1_790_000_100
NOW_MS = NOW_S * 1000
SECRET = "a-secret-of-the-shop"
OPTIONS = SourceOptions(shop="shop.example")
PAGE = Path(__file__).parents[2] / "docs" / "own-shop.md"

ORDER = {
    "type": "order",
    "id": "A-1001",
    "number": "1001",
    "placed_at": "2026-09-21T10:13:19-04:00",  # 1789999999
    "updated_at": "2026-09-21T14:13:20.250Z",  # 1790000000.25
    "status": "confirmed",
    "payment": {"method": "cod", "status": "unpaid", "gateway": "Courier cash"},
    "totals": {"currency": "eur", "total": "42.50", "tax": 7.08, "shipping": "2.00", "discount": "0"},
    "lines": [
        {"id": "111", "sku": "MUG-1", "quantity": 2, "price": "10.25"},
        {"sku": "TEA", "price": "22.00", "discount": "2.00"},
        {"quantity": 1, "price": "0.00"},
    ],
    "customer": {"id": 77, "email": "Nino@Example.com", "phone": ["+995 555 12 34 56"], "first_name": "Nino",
                 "city": "Tbilisi", "zip": 102, "country": "GE"},
    "browser": {"fbp": "fb.1.1643992155109.1110590605", "fbc": "fb.1.1643992155109.IwAR0AbC", "ip": "203.0.113.9",
                "user_agent": "Mozilla/5.0 (X11)", "url": "https://shop.example/thanks", "visitor": "v-1",
                "click_ids": {"gclid": "Cj0"}},
    "consent": "granted",
    "links": ["cart:5f3a"],
    "region": "GE",
    "tags": ["gift"],
}  # fmt: skip


def order(**changes):
    """The order above with top-level fields replaced; a field set to `...` is taken out."""
    changed = copy.deepcopy(ORDER) | changes
    return {key: value for key, value in changed.items() if value is not ...}


def read(body, options=OPTIONS):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OWN.read(raw, {}, options, NOW_MS)


def reading(body) -> Reading:
    result = read(body)
    assert isinstance(result, Reading), result
    return result


def accepted(raw: RawEvent) -> Event:
    """What the collector's steps make of a copy; fails when they refuse it."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="own", tier=Tier.T3, received_at=NOW_MS)
    event = run(raw, origin)
    assert isinstance(event, Event), event
    return event


# -- the signature


def sign(body: bytes, time: object = NOW_S, secret: str = SECRET) -> str:
    """As a shop's own code would: written from the page, not with ours."""
    return f"t={time},v1={hmac.new(secret.encode(), f'{time}.'.encode() + body, hashlib.sha256).hexdigest()}"


BODY = b'{"type":"order"}'
GOOD = sign(BODY)
HEX = GOOD.partition("v1=")[2]

SIGNATURES = [
    ("the right one", GOOD, True),
    ("299 seconds late", sign(BODY, NOW_S - 299), True),
    ("300 seconds late", sign(BODY, NOW_S - 300), True),
    ("301 seconds late", sign(BODY, NOW_S - 301), False),
    ("300 seconds early", sign(BODY, NOW_S + 300), True),
    ("301 seconds early", sign(BODY, NOW_S + 301), False),
    ("8 days late", sign(BODY, NOW_S - 8 * 86_400), False),
    ("the older secret of two", sign(BODY, secret="the-older-secret"), True),
    ("another secret", sign(BODY, secret="somebody-else's"), False),
    ("an empty secret", sign(BODY, secret=""), False),
    ("two signatures, the second fits", f"{GOOD.partition(',')[0]},v1={'0' * 64},v1={HEX}", True),
    ("another body", sign(BODY + b" "), False),
    ("another time beside a right signature", f"t={NOW_S - 1},v1={HEX}", False),
    ("upper-case hex", f"t={NOW_S},v1={HEX.upper()}", False),
    ("cut short", GOOD[:-1], False),
    ("one character more", GOOD + "0", False),
    ("a space after the comma", GOOD.replace(",", ", "), False),
    ("two times", f"t={NOW_S},{GOOD}", False),
    ("no time", f"v1={HEX}", False),
    ("no signature", f"t={NOW_S}", False),
    ("a time in milliseconds", sign(BODY, NOW_MS), False),
    ("a time with a sign", sign(BODY, f"+{NOW_S}"), False),
    ("Arabic digits", sign(BODY, "\u0661\u0667"), False),
    ("the bare signature", HEX, False),
    ("not ASCII", "t=1,v1=\u00e9", False),
    ("a lone surrogate", "t=1,v1=\udcff", False),
    ("empty", "", False),
    ("six signatures", GOOD + f",v1={HEX}" * 5, False),
]


@pytest.mark.parametrize(("claim", "header", "fits"), SIGNATURES, ids=[row[0] for row in SIGNATURES])
def test_signatures(claim, header, fits):
    """Only the documented spelling of a fresh signature by a current secret fits; nothing raises."""
    assert OWN.signed(BODY, {"x-twofold-signature": header}, ("", SECRET, "the-older-secret"), NOW_MS) is fits


def test_nothing_fits_without_a_header_or_a_secret():
    """A missing header, and a source whose secrets are empty, let nobody in."""
    assert not OWN.signed(BODY, {}, (SECRET,), NOW_MS)
    assert not OWN.signed(BODY, {"x-twofold-signature": sign(BODY, secret="")}, ("",), NOW_MS)
    assert not OWN.signed(BODY, {"x-twofold-signature": GOOD}, (), NOW_MS)


# -- orders


def test_a_whole_order_becomes_a_report_with_every_part():
    """The ledger's report says exactly what the body says, money exact, and holds no contact data."""
    report = reading(ORDER).order
    assert report == OrderReport(
        order_id="A-1001",
        kind="confirmed",
        at=1_790_000_000,
        reference="order A-1001 at 1790000000250",
        aliases=("number:1001", "cart:5f3a"),
        snapshot=Snapshot(
            version=1_790_000_000_250,
            placed_at=1_789_999_999,
            shop=Amounts(currency="EUR", total=Decimal("42.50"), tax=Decimal("7.08"), shipping=Decimal("2.00"),
                         discount=Decimal(0)),
            lines=(
                Line(id="111", sku="MUG-1", quantity=2, price=Decimal("10.25")),
                Line(sku="TEA", price=Decimal("22.00"), discount=Decimal("2.00")),
                Line(quantity=1, price=Decimal("0.00")),
            ),
            gateways=("Courier cash",),
            method=Method.COD,
            paid=Paid.UNPAID,
            confirmed=True,
            sale=Sale.WEB,
            tags=("gift",),
        ),
        country="GE",
    )  # fmt: skip
    kept = encode_report(report)
    assert decode_report(kept) == report
    assert b"Nino" not in kept
    assert b"555" not in kept


def test_a_whole_order_becomes_a_purchase_with_every_part():
    """Every documented field stands in the copy under Meta's name, and the steps accept it."""
    raw = reading(ORDER).copy
    assert raw.event_id == "purchase.shop.example.A-1001"
    assert raw.custom_data == {
        "value": Decimal("42.50"),
        "currency": "EUR",
        "order_id": "A-1001",
        "content_type": "product",
        "num_items": 4,
        "contents": [
            {"id": "111", "quantity": 2, "item_price": Decimal("10.25")},
            {"id": "TEA", "quantity": 1, "item_price": Decimal("22.00")},
        ],
    }
    assert raw.user_data == {
        "external_id": "77",
        "em": ["Nino@Example.com"],
        "ph": ["+995 555 12 34 56"],
        "fn": "Nino",
        "ct": "Tbilisi",
        "zp": "102",
        "country": "GE",
        "fbp": "fb.1.1643992155109.1110590605",
        "fbc": "fb.1.1643992155109.IwAR0AbC",
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0 (X11)",
    }
    assert (raw.consent, raw.visitor, raw.region, raw.click_ids) == ("granted", "v-1", "GE", {"gclid": "Cj0"})
    assert raw.links == ["number:1001", "cart:5f3a"]
    event = accepted(raw)
    assert (event.event_name, event.event_time) == ("Purchase", 1_789_999_999)
    assert (event.action_source, event.event_source_url) == ("website", "https://shop.example/thanks")


def test_the_browsers_own_id_is_the_purchases_id():
    """An id that the thank-you page used folds both copies."""
    assert reading(order(browser={"event_id": "e-7"})).copy.event_id == "e-7"


def test_presentment_is_what_the_purchase_is_worth():
    """The buyer's currency is told; line prices are in the shop's, so they are not."""
    found = reading(order(presentment={"currency": "GEL", "total": "130"}))
    assert (found.copy.custom_data["value"], found.copy.custom_data["currency"]) == (Decimal(130), "GEL")
    assert all("item_price" not in line for line in found.copy.custom_data["contents"])
    assert found.order.snapshot.shop.currency == "EUR"
    assert found.order.snapshot.presentment == Amounts(currency="GEL", total=Decimal(130))


STATES = [
    # claim, changes, what the snapshot says
    ("placed", {"status": "placed"}, {"confirmed": None, "cancelled_at": None, "delivered_at": None}),
    ("shipped is confirmed", {"status": "shipped"}, {"confirmed": True}),
    ("delivered at its last change", {"status": "delivered"}, {"confirmed": True, "delivered_at": 1_790_000_000}),
    ("delivered at its own time", {"status": "delivered", "delivered_at": 1_789_999_000}, {"delivered_at": 1_789_999_000}),
    ("cancelled at its last change", {"status": "cancelled"}, {"cancelled_at": 1_790_000_000, "confirmed": None}),
    ("the other spelling", {"status": "canceled", "cancelled_at": 1_789_999_500}, {"cancelled_at": 1_789_999_500}),
    ("a test", {"test": True}, {"test": True}),
    ("paid", {"payment": {"status": "paid"}}, {"paid": Paid.PAID, "method": None}),
    ("authorized, as Americans write", {"payment": {"status": "authorized"}}, {"paid": Paid.AUTHORISED}),
    ("made from another", {"replaces": "A-1000"}, {"replaces": "A-1000"}),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "changes", "expected"), STATES, ids=[row[0] for row in STATES])
def test_states_of_an_order(claim, changes, expected):
    """A status word means its documented times and flags."""
    snapshot = reading(order(**changes)).order.snapshot
    assert {name: getattr(snapshot, name) for name in expected} == expected


SALES = [
    ("web", "website"), ("phone", "phone_call"), ("store", "physical_store"), ("renewal", "system_generated"),
    ("api", "system_generated"), ("crm", "system_generated"), ("staff", "other"), ("app", "other"), ("chat", "chat"),
]  # fmt: skip


@pytest.mark.parametrize(("sale", "source"), SALES)
def test_where_a_sale_was_made_is_told_by_metas_word(sale, source):
    """Each kind of sale has an action source that Meta documents, and the steps accept the copy."""
    found = reading(order(sale=sale))
    assert found.order.snapshot.sale is Sale(sale)
    assert accepted(found.copy).action_source == source


CHATS = [
    ("whatsapp", {"whatsapp_business_account_id": "1", "ctwa_clid": "Aff-x"}, "business_messaging"),
    ("whatsapp", {"page_id": "1", "ctwa_clid": "Aff-x"}, "business_messaging"),
    ("whatsapp", {"whatsapp_business_account_id": "1"}, "chat"),
    ("messenger", {"page_id": "1", "page_scoped_user_id": "2"}, "business_messaging"),
    ("messenger", {"page_scoped_user_id": "2"}, "chat"),
    ("instagram", {"ig_account_id": "1", "ig_sid": "2"}, "business_messaging"),
    ("instagram", {"instagram_business_account_id": "1", "ig_sid": "2"}, "business_messaging"),
    ("instagram", {"ig_sid": "2", "page_id": "1"}, "chat"),
]


@pytest.mark.parametrize(("channel", "ids", "source"), CHATS)
def test_a_chat_sale_is_a_messaging_event_when_its_ids_are_complete(channel, ids, source):
    """With Meta's required ids business_messaging, else chat with a note; never what Meta refuses in such events."""
    found = reading(order(sale="chat", messaging={"channel": channel, **ids}))
    event = accepted(found.copy)
    assert event.action_source == source
    assert event.messaging_channel == (channel if source == "business_messaging" else None)
    assert event.event_source_url is None
    user = event.user_data
    assert (user.client_ip_address, user.client_user_agent, user.fbc, user.fbp) == (None, None, None, None)
    assert user.em
    if source == "business_messaging":
        assert ids.items() <= {key: str(value) for key, value in user.other.items()}.items()
    assert bool(found.notes) is (source == "chat")


# -- the other bodies


def test_payments_refunds_and_parcels_of_an_order_are_its_facts():
    """Lists inside an order become the report's parts; a refund without a currency has the order's."""
    report = reading(order(
        payments=[{"id": "p1", "kind": "sale", "amount": 40, "currency": "EUR", "at": 1_790_000_001, "gateway": "Bank"}],
        refunds=[{"id": "r1", "amount": "2.50", "at": "2026-09-21T14:13:25Z", "reason": "broken"}],
        parcels=[{"id": "t1", "state": "out_for_delivery", "at": 1_790_000_002}],
    )).order  # fmt: skip
    assert report.payments == (
        Payment(id="p1", kind="sale", amount=Decimal(40), currency="EUR", at=1_790_000_001, gateway="Bank"),
    )
    assert report.refunds == (
        Refund(id="r1", amount=Decimal("2.50"), currency="EUR", at=1_790_000_005, reason="broken"),
    )
    assert report.parcels == (Parcel(id="t1", state=ParcelState.OUT, at=1_790_000_002),)


PARTS = [
    (
        {
            "type": "payment",
            "order_id": "7",
            "id": "p",
            "kind": "authorization",
            "amount": "1",
            "currency": "usd",
            "at": 5,
        },
        {"payments": (Payment(id="p", kind="authorisation", amount=Decimal(1), currency="USD", at=5),)},
    ),
    (
        {"type": "refund", "order_id": "7", "id": "r", "amount": "1.5", "currency": "USD", "at": 5},
        {"refunds": (Refund(id="r", amount=Decimal("1.5"), currency="USD", at=5),)},
    ),
    (
        {"type": "parcel", "order_id": 7, "id": "t", "state": "refused", "at": 5},
        {"parcels": (Parcel(id="t", state=ParcelState.REFUSED, at=5),)},
    ),
    ({"type": "deletion", "order_id": "7", "at": 5}, {"deleted": True}),
]


@pytest.mark.parametrize(("body", "parts"), PARTS, ids=[row[0]["type"] for row in PARTS])
def test_a_body_of_one_fact_is_a_report_of_that_fact_alone(body, parts):
    """It says nothing about the rest of the order and makes no copy."""
    found = reading(body)
    assert (found.kind, found.copy, found.events) == (body["type"], None, ())
    expected = OrderReport(
        order_id="7", kind=body["type"], at=5, reference=f"{body['type']} {body.get('id', '7')}", **parts
    )
    assert found.order == expected


def test_an_event_is_passed_on_as_the_conversions_api_would_take_it():
    """Names are Meta's; ISO time becomes seconds; the steps accept it."""
    found = reading({"type": "event", "event_name": "Lead", "event_time": "2026-09-21T14:13:20Z", "event_id": "l-1",
                     "action_source": "phone_call", "user_data": {"ph": "+16505551212"}, "links": ["call:9"]})  # fmt: skip
    (raw,) = found.events
    event = accepted(raw)
    assert (event.event_name, event.event_time, event.event_id, event.action_source) == (
        "Lead", 1_790_000_000, "l-1", "phone_call",
    )  # fmt: skip
    # Meta's documented worked example for this number
    assert event.user_data.ph[0].hex == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    assert found.order is None


def test_a_purchase_is_told_by_its_order_only():
    """An event named Purchase would go round the order policy, so it is refused with what to send instead."""
    refusal = read({"type": "event", "event_name": "Purchase", "event_time": NOW_S, "action_source": "website",
                    "user_data": {"em": "a@b.example"}})  # fmt: skip
    assert isinstance(refusal, Refusal)
    assert (refusal.path, "type order" in refusal.expected) == ("event_name", True)


def test_privacy_requests():
    """A person's wish by any of their names; one without a name is refused."""
    found = reading({"type": "privacy", "request": "erase", "emails": ["a@b.example"], "order_ids": [7]})
    assert found.privacy == PrivacyRequest(kind="erase", emails=("a@b.example",), order_ids=("7",))
    assert isinstance(read({"type": "privacy", "request": "erase"}), Refusal)


# -- what is wrong is said

WRONG = [
    # claim, body, path, drop reason, a part of what was expected
    ("no type", order(type=...), "type", DropReason.WRONG_TYPE, "one of order, payment"),
    ("another type", order(type="oder"), "type", DropReason.WRONG_TYPE, "one of order, payment"),
    ("a type that is no text", order(type=[1]), "type", DropReason.WRONG_TYPE, "one of order, payment"),
    ("no id", order(id=...), "id", DropReason.WRONG_TYPE, "an id"),
    ("an id with a point", order(id=1.5), "id", DropReason.WRONG_TYPE, "an id"),
    ("an e-mail address as id", order(id="a@b.example"), "id", DropReason.WRONG_TYPE, "an id"),
    ("no placed_at", order(placed_at=None), "placed_at", DropReason.MISSING_EVENT_TIME, "Unix seconds"),
    ("a time without an offset", order(placed_at="2026-09-21T10:13:19"), "placed_at", DropReason.INVALID_EVENT_TIME, "offset"),
    ("a time in milliseconds", order(updated_at=NOW_MS), "updated_at", DropReason.INVALID_EVENT_TIME, "Unix seconds"),
    ("no totals", order(totals=...), "totals", DropReason.WRONG_TYPE, "an object"),
    ("no total", order(totals={"currency": "EUR"}), "totals.total", DropReason.MISSING_VALUE, "decimal"),
    ("no currency", order(totals={"total": 1}), "totals.currency", DropReason.MISSING_CURRENCY, "three letters"),
    ("a currency that is no text", order(totals={"total": 1, "currency": 978}), "totals.currency", DropReason.INVALID_CURRENCY, "three letters"),
    ("a decimal comma", order(totals={"total": "1,5", "currency": "EUR"}), "totals.total", DropReason.INVALID_VALUE, "decimal"),
    ("a negative total", order(totals={"total": -1, "currency": "EUR"}), "totals.total", DropReason.INVALID_VALUE, "zero or more"),
    ("true for money", order(totals={"total": True, "currency": "EUR"}), "totals.total", DropReason.INVALID_VALUE, "decimal"),
    ("a status of another shop", order(status="on-hold"), "status", DropReason.WRONG_TYPE, "one of placed, confirmed"),
    ("a payment method", order(payment={"method": "cash"}), "payment.method", DropReason.WRONG_TYPE, "cod"),
    ("lines that are no list", order(lines={"id": 1}), "lines", DropReason.WRONG_TYPE, "a list"),
    ("a line that is no object", order(lines=[{}, 3]), "lines[1]", DropReason.WRONG_TYPE, "an object"),
    ("a refund's time", order(refunds=[{"id": 1, "amount": 1, "at": "soon"}]), "refunds[0].at", DropReason.INVALID_EVENT_TIME, "ISO 8601"),
    ("a channel", order(messaging={"channel": "telegram"}), "messaging.channel", DropReason.WRONG_TYPE, "whatsapp"),
    ("a link without a kind", order(links=["5f3a"]), "links", DropReason.WRONG_TYPE, "kind:value"),
    ("test as text", order(test="no"), "test", DropReason.WRONG_TYPE, "true or false"),
]  # fmt: skip


FIGURES = [
    (order(lines=[{}, {"price": "free"}]), "lines[1].price"),
    (order(lines=[{"quantity": "two"}]), "lines[0].quantity"),
    (order(totals={"total": 1, "currency": "EUR", "tax": "0,18"}), "totals.tax"),
    (order(totals={"total": 1, "currency": "EUR", "shipping": -4}), "totals.shipping"),
]


@pytest.mark.parametrize(("body", "path"), FIGURES, ids=[row[1] for row in FIGURES])
def test_an_order_is_not_lost_for_a_figure_beside_its_total(body, path):
    """What is contained in a total or is a line's own is left out when it cannot be read, and the answer says so."""
    found = read(body)
    assert found.order.snapshot.shop.total > 0
    assert [note for note in found.notes if note.startswith(f"{path}: expected ") and note.endswith("; left out")]


@pytest.mark.parametrize(("claim", "body", "path", "reason", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_named_with_its_path(claim, body, path, reason, expected):
    """The refusal names the field, what was expected and what kind of thing was got, never the value."""
    refusal = read(body)
    assert isinstance(refusal, Refusal), refusal
    assert (refusal.path, refusal.reason) == (path, reason)
    assert expected in refusal.expected
    assert refusal.got
    for value in ("on-hold", "telegram", "a@b.example", "Nino"):
        assert value not in refusal.sentence()


def test_a_field_that_is_not_documented_is_left_out_with_the_name_that_was_meant():
    """A typing mistake is told, and does not lose the order."""
    notes = reading(order(custmer={"email": "a@b.example"}, lines=[{"qty": 1, "prise": "1"}])).notes
    assert notes == (
        "lines[0].qty is not a documented field; left out",
        "lines[0].prise is not a documented field; left out (price?)",
        "custmer is not a documented field; left out (customer?)",
    )


def test_free_words_keep_no_address_and_no_number():
    """Reasons are typed by people, and reports are kept: what reads like contact data is masked."""
    report = reading(order(status="cancelled", cancel_reason="call nino@example.com or +995 555 12 34 56 late")).order
    assert report.snapshot.cancel_reason == "call masked or masked late"


@law
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False).map(str) | st.text(max_size=20)
    | st.sampled_from([NOW_S, "2026-09-21T10:13:19Z", "EUR", "order", "1.50", "0001-01-01T00:00:00+14:00", "cod"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(sorted({name.split(".")[-1].removesuffix("[]") for table in BODIES.values()
                                for name, *_ in describe_fields(table)} | {"zzz", "type"})), inner, max_size=8),
    max_leaves=30), st.sampled_from(sorted(BODIES)), st.booleans())  # fmt: skip
def test_reading_never_raises_and_what_it_reads_the_ledger_can_keep(tree, kind, whole):
    """Any JSON is a reading, a refusal or ignored."""
    if isinstance(tree, dict):
        tree = (order() if whole and kind == "order" else {}) | tree | {"type": kind}
    result = read(tree)
    assert isinstance(result, (Reading, Refusal, Ignored))
    if isinstance(result, Reading) and result.order is not None:
        assert decode_report(encode_report(result.order)) == result.order


@law
@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_bytes_that_are_no_body_are_refused(body):
    """Nothing that is not the documented JSON gets through, and nothing raises."""
    assert isinstance(read(body), Refusal)


def test_the_page_has_every_field():
    """docs/own-shop.md shows each body's table as the code reads it."""
    page = PAGE.read_text(encoding="utf-8")
    for kind, table in BODIES.items():
        section = page.partition(f"### `{kind}`")[2].partition("\n##")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert rows == markdown_rows(table), kind


def test_the_pages_example_is_accepted_without_a_note():
    """The order that the page shows first is a whole one."""
    example = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    found = reading(json.loads(example))
    assert found.notes == ()
    assert found.copy is not None
