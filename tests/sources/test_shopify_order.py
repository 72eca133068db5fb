"""Shopify order bodies to the Purchase that they stand for. Bodies are made by hand after the REST Order resource; the expected
values follow from the field descriptions there and in Meta's parameter pages, not from our output."""

from __future__ import annotations

import copy
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law_of
from twofold.event.refusal import DropReason, Refusal
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.shopify import SHOPIFY

SHOP = "demo.myshopify.com"
NOW_MS = 1_790_000_100_000
TEST_NOTIFICATION = "820982911946154508"  # the order id of Shopify's own test notifications
CREATE = {"x-shopify-topic": "orders/create", "x-shopify-shop-domain": SHOP}

ORDER = {
    "id": 5678901234567,
    "admin_graphql_api_id": "gid://shopify/Order/5678901234567",
    "name": "#1001",
    "test": False,
    "email": "Nino@Example.com",
    "contact_email": "nino@example.org",
    "phone": "+995 555 12 34 56",
    "browser_ip": "203.0.113.9",
    "client_details": {"browser_ip": "203.0.113.10", "user_agent": "Mozilla/5.0 (X11)", "session_hash": None},
    "cancelled_at": None,
    "created_at": "2026-09-21T10:13:20-04:00",
    "processed_at": "2026-09-21T10:13:19-04:00",
    "currency": "EUR",
    "presentment_currency": "EUR",
    "total_price": "42.50",
    "current_total_price": "41.00",
    "financial_status": "paid",
    "source_name": "web",
    "landing_site": "/products/mug?fbclid=IwAR3Kx_Y-Z&utm_source=fb",
    "order_status_url": "https://shop.example/6655/orders/0123456789abcdef/authenticate?key=topsecret",
    "note_attributes": [
        {"name": "_fbp", "value": "fb.1.1643992155109.1110590605"},
        {"name": "_fbc", "value": "fb.1.1643992155109.IwAR0AbC"},
        {"name": "gift", "value": "yes"},
    ],
    "customer": {
        "id": 7000000000001,
        "email": "nino@example.com",
        "phone": "+995555000000",
        "first_name": "Nino",
        "last_name": "Beridze",
    },
    "billing_address": {
        "first_name": "N.",
        "phone": "+995322000000",
        "city": "Tbilisi",
        "province_code": None,
        "zip": "0102",
        "country_code": "GE",
    },
    "shipping_address": {"phone": "+995322111111", "city": "Batumi", "zip": "6000", "country_code": "GE"},
    "line_items": [
        {"variant_id": 111, "product_id": 11, "sku": "MUG-1", "quantity": 2, "price": "10.25"},
        {"variant_id": None, "product_id": 22, "sku": "", "quantity": 1, "price": "22.00"},
        {"variant_id": None, "product_id": None, "sku": "TEA", "quantity": 1, "price": "0.00"},
        {"variant_id": None, "product_id": None, "sku": None, "title": "Tip", "quantity": 1, "price": "0.00"},
    ],
}


def order(**changes):
    """The order above with top-level fields replaced; a field set to `...` is taken out."""
    changed = copy.deepcopy(ORDER) | changes
    return {key: value for key, value in changed.items() if value is not ...}


def read(body, headers=CREATE, **options):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SHOPIFY.read(raw, headers, SourceOptions(shop=SHOP, **options), NOW_MS)


def purchase(body, headers=CREATE, **options):
    result = read(body, headers, **options)
    assert isinstance(result, Reading), result
    assert result.copy is not None
    return result.copy


def test_a_whole_order_becomes_one_purchase_with_every_part():
    """Every documented field stands in the copy under Meta's name, contact data still plain."""
    result = read(ORDER)
    assert isinstance(result, Reading)
    assert (result.sender, result.order.order_id) == ("shopify", "5678901234567")
    raw = result.copy
    assert raw.event_name == "Purchase"
    assert raw.event_id == "purchase.demo.myshopify.com.5678901234567"
    assert raw.event_time == 1_790_000_000 - 1  # 2026-09-21 14:13:19 UTC
    assert raw.action_source == "website"
    assert raw.event_source_url == "https://shop.example/products/mug"
    assert raw.consent is None
    assert raw.custom_data == {
        "value": Decimal("42.50"),
        "currency": "EUR",
        "order_id": "5678901234567",
        "content_type": "product",
        "num_items": 5,
        "contents": [
            {"id": "111", "quantity": 2, "item_price": Decimal("10.25")},
            {"id": "22", "quantity": 1, "item_price": Decimal("22.00")},
            {"id": "TEA", "quantity": 1, "item_price": Decimal("0.00")},
        ],
    }
    assert raw.user_data == {
        "em": ["Nino@Example.com", "nino@example.org", "nino@example.com"],
        "ph": ["+995 555 12 34 56", "+995555000000", "+995322000000", "+995322111111"],
        "fn": "Nino",
        "ln": "Beridze",
        "ct": "Tbilisi",
        "zp": "0102",
        "country": "GE",
        "external_id": "7000000000001",
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0 (X11)",
        "fbp": "fb.1.1643992155109.1110590605",
        "fbc": "fb.1.1643992155109.IwAR0AbC",
    }


def test_both_topics_and_a_late_retry_give_the_same_copy():
    """orders/create and orders/paid of one order, and its retry hours later, cannot become two purchases."""
    body = json.dumps(ORDER).encode()
    options = SourceOptions(shop=SHOP)
    first = SHOPIFY.read(body, CREATE, options, NOW_MS)
    paid = SHOPIFY.read(body, {"x-shopify-topic": "orders/paid"}, options, NOW_MS + 14_400_000)
    assert first.copy == paid.copy
    assert first.order.snapshot == paid.order.snapshot


ALTERED = [
    {"x-shopify-webhook-id": "another"},
    {"x-shopify-shop-domain": "other.myshopify.com"},
    {"x-shopify-order-id": "1"},
    {"x-shopify-triggered-at": "2030-01-01T00:00:00Z"},
    {"x-shopify-topic": "orders/paid"},
    {"x-shopify-topic": "orders/delete"},
    {"x-shopify-test": "true"},
    {"shopify-topic": "orders/paid", "x-shopify-topic": ""},
]


@pytest.mark.parametrize("headers", ALTERED)
def test_a_captured_body_under_altered_headers_makes_no_further_purchase(headers):
    """Headers are not signed: whatever they say, the body comes to the same copy or to none, and deletes nothing."""
    result = read(ORDER, CREATE | headers)
    assert isinstance(result, Ignored) or result.copy in (None, read(ORDER).copy)
    assert isinstance(result, Ignored) or not result.order.deleted


def test_the_secret_parts_of_the_order_status_address_are_nowhere():
    """Token and key of `order_status_url`, and the shop's session hash, leave no trace in the copy."""
    seen = repr(read(order(landing_site=None)))
    assert "topsecret" not in seen
    assert "0123456789abcdef" not in seen


IDS = [
    # claim, id as it stands in the JSON text, order id or None for a refusal
    ("an id beyond 2^53 keeps its last digit", "820982911946154508", "820982911946154508"),
    ("another beyond it", "9007199254740993", "9007199254740993"),
    ("an id as text", '"9007199254740993"', "9007199254740993"),
    ("an id as gid", '"gid://shopify/Order/9007199254740993"', "9007199254740993"),
    ("an id beyond 2^63", "18446744073709551615", "18446744073709551615"),
    ("an id with a point", "820982911946154508.0", None),
    ("an id with an exponent", "8.20982911946154508e17", None),
    ("a negative id", "-5", None),
    ("an id of thousands of digits", "9" * 5000, None),
    ("an id of Arabic digits", '"\u0661\u0662"', None),
    ("an id with underscores", '"1_000"', None),
    ("an empty id", '""', None),
    ("a name instead of an id", '"#1001"', None),
    ("no id", "null", None),
    ("a truth value", "true", None),
    ("a list", "[1]", None),
]


@pytest.mark.parametrize(("claim", "text", "order_id"), IDS, ids=[row[0] for row in IDS])
def test_order_ids_are_exact_or_refused(claim, text, order_id):
    """An order id is digits from an integer or a text; it never passes through a float."""
    body = json.dumps(order(id="@@")).replace('"@@"', text).encode()
    result = read(body)
    if order_id is None:
        assert isinstance(result, Refusal)
        assert (result.reason, result.path.partition(".")[0]) in [
            (DropReason.WRONG_TYPE, "id"),
            (DropReason.TOO_LARGE, ""),
        ]
    else:
        assert isinstance(result, Reading)
        assert result.order.order_id == order_id
        if order_id == TEST_NOTIFICATION:
            assert result.copy is None
        else:
            assert result.copy.custom_data["order_id"] == order_id
            assert result.copy.event_id == f"purchase.{SHOP}.{order_id}"


NO_PURCHASE = [
    ("a test order", order(test=True), CREATE),
    ("a test order in a test delivery", order(test=True), CREATE | {"x-shopify-test": "true"}),
    ("a cancelled order", order(cancelled_at="2026-09-21T10:14:00-04:00"), CREATE),
    ("an order cancelled at a time that cannot be read", order(cancelled_at="yesterday"), CREATE),
    ("a voided payment", order(financial_status="voided"), CREATE),
    ("a payment that expired", order(financial_status="expired"), CREATE),
    (
        "Shopify's test notification: all of these at once, and null tokens",
        order(
            id=820982911946154508,
            admin_graphql_api_id="gid://shopify/Order/820982911946154508",
            test=True,
            cancelled_at="2026-09-21T10:14:00-04:00",
            financial_status="voided",
            token=None,
            checkout_token=None,
            client_details=None,
            browser_ip=None,
        ),
        CREATE | {"x-shopify-test": "true"},
    ),
    ("the test notification's order without any of its other marks", order(id=820982911946154508), CREATE),
]


@pytest.mark.parametrize(("claim", "body", "headers"), NO_PURCHASE, ids=[row[0] for row in NO_PURCHASE])
def test_what_stands_for_no_purchase_is_reported_without_a_copy(claim, body, headers):
    """Test, cancelled and given-up orders are told to the ledger with their state and make no Purchase."""
    result = read(body, headers)
    assert isinstance(result, Reading)
    assert result.copy is None
    state = result.order.snapshot
    assert state.test or state.cancelled_at or state.paid == "voided" or claim.endswith("cannot be read")


@pytest.mark.parametrize("header", ["x-shopify-test", "shopify-test"])
def test_the_test_header_leaves_a_real_order_out_and_marks_nothing(header):
    """Nobody signs the header: with it a captured delivery tells the ledger nothing, least of all "this is a test"."""
    for value in ("true", "TRUE"):
        result = read(ORDER, CREATE | {header: value})
        assert isinstance(result, Ignored)
    assert isinstance(read(ORDER, CREATE | {header: "false"}), Reading)


def test_a_test_order_that_cannot_be_read_is_no_error():
    """The shop's test button must find an address that works, whatever is missing in the order it makes up."""
    for body in (order(test=True, currency=None), order(id=820982911946154508, currency=None)):
        assert isinstance(read(body, CREATE), Ignored)
    assert isinstance(read(order(currency=None), CREATE), Refusal)


IGNORED = [
    # claim, body, topic, kind
    ("a checkout", ORDER, "checkouts/create", "checkout"),
    ("a topic of which the body is not even JSON", b"webhook_id=5", "app/uninstalled", "app uninstalled"),
    ("an order under the topic of a refund", ORDER, "refunds/create", "topic mismatch"),
]


@pytest.mark.parametrize(("claim", "body", "topic", "kind"), IGNORED, ids=[row[0] for row in IGNORED])
def test_what_is_no_order_is_ignored_with_a_reason(claim, body, topic, kind):
    """Other topics say what they are and why they are left out."""
    result = read(body, {"x-shopify-topic": topic})
    assert isinstance(result, Ignored)
    assert (result.kind, bool(result.reason)) == (kind, True)


@pytest.mark.parametrize("topic", ["Orders/Create", "ORDERS_CREATE", " orders/create "])
def test_a_topic_in_another_spelling_is_the_same_topic(topic):
    """Header values pass through proxies and GraphQL clients that write them their own way."""
    assert read(ORDER, {"x-shopify-topic": topic}).kind == "order placed"


def test_pending_and_authorised_orders_stand_for_a_purchase():
    """Cash on delivery starts as `pending`; it is a purchase until a policy says otherwise."""
    for status in ("pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", None):
        assert purchase(order(financial_status=status)).event_name == "Purchase"


MONEY = {"shop_money": {"amount": "42.50", "currency_code": "EUR"}}
GEL = MONEY | {"presentment_money": {"amount": "135.15", "currency_code": "GEL"}}
PRICED = [{"variant_id": 1, "quantity": 1, "price": "42.50", "price_set": GEL}]

VALUES = [
    # claim, changes, value, currency
    ("the total at the time of the order", {}, "42.50", "EUR"),
    ("the buyer's currency where it differs", {"presentment_currency": "GEL", "total_price_set": GEL}, "135.15", "GEL"),
    ("the shop's pair when the other amount is missing", {"presentment_currency": "GEL"}, "42.50", "EUR"),
    ("the shop's pair when both currencies agree", {"total_price_set": MONEY}, "42.50", "EUR"),
    ("a currency in lower case", {"currency": "eur"}, "42.50", "EUR"),
    ("nothing to pay", {"total_price": "0.00"}, "0.00", "EUR"),
    ("an amount that no float can hold", {"total_price": "19.999999"}, "19.999999", "EUR"),
    ("a whole amount without a point", {"total_price": "4200"}, "4200", "EUR"),
    ("an amount as a whole number", {"total_price": 42}, "42", "EUR"),
    ("a large amount", {"total_price": "123456789012345.67"}, "123456789012345.67", "EUR"),
]


@pytest.mark.parametrize(("claim", "changes", "value", "currency"), VALUES, ids=[row[0] for row in VALUES])
def test_value_and_currency_are_exact_and_belong_together(claim, changes, value, currency):
    """The amount is the decimal text of the body and the currency is the one it was given in."""
    data = purchase(order(**changes)).custom_data
    assert (str(data["value"]), data["currency"]) == (value, currency)
    assert isinstance(data["value"], Decimal)


def test_an_amount_as_a_json_number_keeps_its_digits():
    """A JSON number is read as the decimal it is written as: 0.1 stays 0.1, 19.10 stays 19.10."""
    body = json.dumps(order(total_price="@@")).replace('"@@"', "19.10").encode()
    assert str(purchase(body).custom_data["value"]) == "19.10"


def test_item_prices_follow_the_currency_of_the_value():
    """In the buyer's currency the item price comes from its own pair, and is left out where there is none."""
    changes = {"presentment_currency": "GEL", "total_price_set": GEL}
    with_pair = purchase(order(**changes, line_items=PRICED)).custom_data["contents"]
    assert with_pair == [{"id": "1", "quantity": 1, "item_price": Decimal("135.15")}]
    without = purchase(order(**changes)).custom_data["contents"]
    assert [set(line) for line in without] == [{"id", "quantity"}] * 3


FAULTS = [
    # claim, changes, reason, path
    ("no amount", {"total_price": None, "current_total_price": None}, DropReason.MISSING_VALUE, "total_price"),
    ("an amount below zero", {"total_price": "-1.00"}, DropReason.INVALID_VALUE, "total_price"),
    ("an amount with a comma", {"total_price": "42,50"}, DropReason.INVALID_VALUE, "total_price"),
    ("an amount with underscores", {"total_price": "4_2"}, DropReason.INVALID_VALUE, "total_price"),
    ("an amount in Arabic digits", {"total_price": "\u0664\u0662"}, DropReason.INVALID_VALUE, "total_price"),
    ("NaN as text", {"total_price": "NaN"}, DropReason.INVALID_VALUE, "total_price"),
    ("infinity as text", {"total_price": "Infinity"}, DropReason.INVALID_VALUE, "total_price"),
    ("a truth value as amount", {"total_price": True}, DropReason.INVALID_VALUE, "total_price"),
    ("a list as amount", {"total_price": ["42.50"]}, DropReason.INVALID_VALUE, "total_price"),
    ("no currency", {"currency": None}, DropReason.MISSING_CURRENCY, "currency"),
    ("a currency that is no text", {"currency": 978}, DropReason.INVALID_CURRENCY, "currency"),
    ("no time", {"created_at": None, "processed_at": None}, DropReason.MISSING_EVENT_TIME, "processed_at"),
    (
        "a time without offset, and no other",
        {"processed_at": "2026-09-21T10:13:19", "created_at": None},
        DropReason.MISSING_EVENT_TIME,
        "processed_at",
    ),
]


@pytest.mark.parametrize(("claim", "changes", "reason", "path"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_faulty_order_is_refused_with_reason_and_path(claim, changes, reason, path):
    """A missing or wrong part is named with its path, and never raises."""
    result = read(order(**changes))
    assert isinstance(result, Refusal)
    assert (result.reason, result.path) == (reason, path)
    assert result.expected
    assert result.got


SURVIVED = [
    # claim, changes, what the note names
    ("a time without offset", {"processed_at": "2026-09-21T10:13:19"}, "processed_at"),
    ("a date", {"processed_at": "2026-09-21"}, "processed_at"),
    ("a Unix time", {"created_at": 1790000000}, "created_at"),
    ("an e-mail that is a list of two", {"email": ["nino@example.com", "x@example.com"]}, "email"),
    ("a customer that is a list", {"customer": [1]}, "customer"),
    ("an e-mail of absurd length", {"email": "a" * 100_000}, "email"),
    ("an address that is text", {"billing_address": "Tbilisi, 0102"}, "billing_address"),
    ("a client that is a number", {"client_details": 5}, "client_details"),
    ("line items that are no list", {"line_items": {"a": 1}}, "line_items"),
    ("a line that is text", {"line_items": [ORDER["line_items"][0], "x"]}, "line_items[1]"),
    ("note attributes that are text", {"note_attributes": "_fbp"}, "note_attributes"),
    ("tags that are a number", {"tags": 5}, "tags"),
    ("a test mark that is a word", {"test": "no"}, "test"),
    ("a payment state nobody has written down", {"financial_status": "half"}, "financial_status"),
    ("a time of change that is no time", {"updated_at": "soon"}, "updated_at"),
    ("a quantity in words", {"line_items": [{"quantity": "two"}]}, "line_items[0].quantity"),
    ("a quantity below zero", {"line_items": [{"variant_id": 1, "quantity": -1}]}, "line_items[0].quantity"),
    ("a price that is no number", {"line_items": [{"quantity": 1, "price": "free"}]}, "line_items[0].price"),
    ("a tax that is no number", {"total_tax": "VAT"}, "total_tax"),
    ("a total in the buyer's currency that is no number",
     {"presentment_currency": "GEL", "total_price_set": {"presentment_money": {"amount": "n/a", "currency_code": "GEL"}}},
     "total_price_set.presentment_money.amount"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "changes", "named"), SURVIVED, ids=[row[0] for row in SURVIVED])
def test_an_order_is_not_lost_for_a_field_that_is_not_money(claim, changes, named):
    """What has the wrong type and is neither an id nor money is left out, and a note says which field it was."""
    result = read(order(**changes))
    assert isinstance(result, Reading)
    assert result.copy.custom_data["value"] == Decimal("42.50")
    assert any(note.startswith(f"{named} ") for note in result.notes)
    assert "nino" not in repr(result.notes)
    assert "Tbilisi" not in repr(result.notes)


BODIES = [
    ("nothing", b"", DropReason.SYNTAX),
    ("spaces", b"  \n", DropReason.SYNTAX),
    ("a form", b"webhook_id=12", DropReason.SYNTAX),
    ("cut JSON", json.dumps(ORDER).encode()[:-1], DropReason.SYNTAX),
    ("NaN", b'{"id":1,"total_price":NaN}', DropReason.SYNTAX),
    ("Infinity", b'{"id":1,"total_price":-Infinity}', DropReason.SYNTAX),
    ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(ORDER).encode(), DropReason.SYNTAX),
    ("UTF-16", json.dumps(ORDER).encode("utf-16"), DropReason.SYNTAX),
    ("bytes that are no UTF-8", b'{"id":1,"email":"\xff"}', DropReason.SYNTAX),
    ("a lone surrogate", b'{"id":1,"email":"\\ud800"}', DropReason.SYNTAX),
    ("a number of absurd size", b'{"id":1,"total_price":1e99999999999999999999}', DropReason.SYNTAX),
    ("a list", b"[]", DropReason.WRONG_TYPE),
    ("a text", b'"order"', DropReason.WRONG_TYPE),
    ("null", b"null", DropReason.WRONG_TYPE),
    ("the same key twice", b'{"id":1,"total_price":"1.00","total_price":"9.00"}', DropReason.DUPLICATE_KEY),
    ("the same key twice deep inside", b'{"id":1,"x":[{"y":{"a":1,"a":1}}]}', DropReason.DUPLICATE_KEY),
    ("the same key twice, once escaped", b'{"id":1,"\\u0069d":2}', DropReason.DUPLICATE_KEY),
    ("six hundred lists", b'{"id":' + b"[" * 600 + b"]" * 600 + b"}", DropReason.TOO_DEEP),
    ("a hundred thousand lists", b'{"id":' + b"[" * 100_000, DropReason.TOO_DEEP),
]


@pytest.mark.parametrize(("claim", "body", "reason"), BODIES, ids=[row[0] for row in BODIES])
def test_a_body_that_is_no_order_is_refused(claim, body, reason):
    """What two JSON readers could read differently, or none can read, is refused with its reason."""
    result = read(body)
    assert isinstance(result, Refusal)
    assert result.reason == reason


def test_a_delivery_without_topic_is_read_by_its_body():
    """What lost the header on its way loses no order: the body says that it is one, and what it is not is refused."""
    result = read(ORDER, {})
    assert isinstance(result, Reading)
    assert result.copy == read(ORDER).copy
    for body in ({}, {"id": 5}, {"something": "else"}):
        refused = read(body, {})
        assert isinstance(refused, Refusal)
        assert refused.reason == DropReason.ENVELOPE


def note(*pairs):
    return order(note_attributes=[{"name": name, "value": value} for name, value in pairs])


CREATED_MS = 1_790_000_000_000  # created_at above

ATTRIBUTES = [
    # claim, body, where to look, value
    ("fbp without its underscore", note(("fbp", "fb.1.17.5")), "fbp", "fb.1.17.5"),
    ("names in any case", note(("_FBP", "fb.1.17.5")), "fbp", "fb.1.17.5"),
    ("an fbp that is no fbp", note(("_fbp", "5")), "fbp", None),
    ("an fbp with a word in place of its number", note(("_fbp", "fb.1.17.abc")), "fbp", None),
    ("fbc as it was kept", note(("_fbc", "fb.1.17.IwAR0AbC")), "fbc", "fb.1.17.IwAR0AbC"),
    ("fbc from the landing page, case kept", note(), "fbc", f"fb.1.{CREATED_MS}.IwAR3Kx_Y-Z"),
    ("a broken fbc gives way to the landing page", note(("fbc", "x")), "fbc", f"fb.1.{CREATED_MS}.IwAR3Kx_Y-Z"),
    ("no fbclid, no fbc", order(note_attributes=[], landing_site="/?utm_source=fb"), "fbc", None),
    (
        "a click id longer than 500",
        order(note_attributes=[], landing_site="/?fbclid=" + "x" * 501),
        "fbc",
        None,
    ),
    ("no note attributes", order(note_attributes=None), "fbp", None),
    ("an attribute without a value", note(("_fbp", None)), "fbp", None),
    ("an attribute that is an object", note(("_fbp", {"a": 1})), "fbp", None),
    ("an attribute without a name", note((None, "fb.1.17.5")), "fbp", None),
]


@pytest.mark.parametrize(("claim", "body", "key", "value"), ATTRIBUTES, ids=[row[0] for row in ATTRIBUTES])
def test_browser_ids_come_from_the_note_attributes(claim, body, key, value):
    """A kept fbp and fbc of the documented shape are used; fbc is otherwise made from the landing page's fbclid."""
    assert purchase(body).user_data.get(key) == value


EVENT_IDS = [
    ("the browser's id", note(("_twofold_event_id", "sh-12")), "sh-12"),
    ("the browser's id without underscore", note(("twofold_event_id", "sh-12")), "sh-12"),
    ("an empty id", note(("_twofold_event_id", "")), "purchase.demo.myshopify.com.5678901234567"),
    ("an id over 256", note(("_twofold_event_id", "x" * 257)), "purchase.demo.myshopify.com.5678901234567"),
    ("an id of 256", note(("_twofold_event_id", "x" * 256)), "x" * 256),
    ("an id with a line break", note(("_twofold_event_id", "a\nb")), "purchase.demo.myshopify.com.5678901234567"),
]


@pytest.mark.parametrize(("claim", "body", "event_id"), EVENT_IDS, ids=[row[0] for row in EVENT_IDS])
def test_the_browsers_event_id_is_used_when_it_can_be_one(claim, body, event_id):
    """An id that the page left on the order joins its copy; what cannot be an id falls back to the order's."""
    assert purchase(body).event_id == event_id


NATIVE = "sh-0FA1C9E2-AB12-4F5A-9D00-1C2B3A4D5E6F"
OURS = "purchase.demo.myshopify.com.5678901234567"

NATIVE_IDS = [
    # claim, body, option, event id
    ("the platform's id where it is asked for", note(("_sh_event_id", NATIVE)), "native", NATIVE),
    ("without the underscore", note(("sh_event_id", NATIVE)), "native", NATIVE),
    ("before the browser's own id", note(("_twofold_event_id", "x"), ("_sh_event_id", NATIVE)), "native", NATIVE),
    ("not where it is not asked for", note(("_sh_event_id", NATIVE)), "order", OURS),
    ("not what is no such id", note(("_sh_event_id", "nino@example.com")), "native", OURS),
    ("an order without it", note(), "native", OURS),
]


@pytest.mark.parametrize(("claim", "body", "option", "event_id"), NATIVE_IDS, ids=[row[0] for row in NATIVE_IDS])
def test_the_platforms_own_id_is_an_option(claim, body, option, event_id):
    """With `native` the id of Shopify's own pixel event is used where the order carries one of its form."""
    assert purchase(body, event_id=option).event_id == event_id


CLICKS = [
    # claim, landing page, attributes, click ids
    ("from the landing page, case kept", "/?gclid=EAIaIQ_aB&x=1", (), {"gclid": "EAIaIQ_aB"}),
    ("several", "/?ttclid=E.C.P&ScCid=ab-CD&rdt_cid=1&li_fat_id=2&twclid=3&epik=4&msclkid=5&gbraid=6&wbraid=7", (),
     {"ttclid": "E.C.P", "ScCid": "ab-CD", "rdt_cid": "1", "li_fat_id": "2", "twclid": "3", "epik": "4",
      "msclkid": "5", "gbraid": "6", "wbraid": "7"}),
    ("an attribute is newer", "/?gclid=old", (("_gclid", "New"),), {"gclid": "New"}),
    ("cookies", None, (("_ttp", "t"), ("_scid", "s"), ("_ga", "GA1.1.1.2")), {"_ttp": "t", "_scid": "s", "_ga": "GA1.1.1.2"}),
    ("a client id in words", None, (("ga client id", "14.16"),), {"_ga": "14.16"}),
    ("names in any case", "/?GCLID=a&sccid=b", (), {"gclid": "a", "ScCid": "b"}),
    ("what cannot be one", "/?gclid=a%20b", (("ttclid", "x" * 501), ("epik", "me@example.com")), None),
    ("none", "/?utm_source=x", (), None),
    ("an address that is none", "//[/?gclid=x", (), None),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "landing", "attributes", "clicks"), CLICKS, ids=[row[0] for row in CLICKS])
def test_other_platforms_click_ids_are_carried(claim, landing, attributes, clicks):
    """Click ids and cookies come from the landing page and the note attributes under their own names."""
    body = note(*attributes) | {"landing_site": landing}
    assert purchase(body).click_ids == clicks


REGIONS = [
    ({"country_code": "GE"}, {"country_code": "US", "province_code": "CA"}, "GE"),
    ({"country_code": "us", "province_code": "ca"}, None, "US-CA"),
    ({"country_code": "US", "province_code": "California"}, None, "US"),
    ({"country_code": "CA", "province_code": "ON"}, None, "CA"),
    (None, {"country_code": "DE"}, "DE"),
    ({"country_code": "Georgia"}, None, None),
    (None, None, None),
]


@pytest.mark.parametrize(("billing", "shipping", "region"), REGIONS)
def test_the_region_is_the_country_and_in_the_united_states_the_state(billing, shipping, region):
    """The buyer's own address first, and never parts of two."""
    assert purchase(order(billing_address=billing, shipping_address=shipping)).region == region


CONSENT = [
    (note(("_twofold_consent", "granted")), "granted"),
    (note(("twofold_consent", "Denied")), "denied"),
    (note(("_twofold_consent", "perhaps")), "denied"),
    (note(("_twofold_consent", '{"marketing":false,"analytics":true}')), {"marketing": False, "analytics": True}),
    (note(("_twofold_consent", '{"marketing":tru')), "denied"),
    (note(("_twofold_consent", "")), None),
    (note(), None),
]


@pytest.mark.parametrize(("body", "consent"), CONSENT)
def test_consent_is_read_from_the_note_attributes(body, consent):
    """Granted, denied, or nothing said; a word that is not understood counts as denied."""
    assert purchase(body).consent == consent


PAGES = [
    # claim, landing_site, order_status_url, event_source_url
    ("the front page", "/", None, f"https://{SHOP}/"),
    ("a product without its query", "/products/mug?fbclid=x&email=a%40b.c", None, f"https://{SHOP}/products/mug"),
    ("a page in another language", "/de-at/collections/all", None, f"https://{SHOP}/de-at/collections/all"),
    ("an internal path", "/wallets/checkouts.json", None, f"https://{SHOP}/"),
    ("an account page with a token", "/account/activate/55/secret", None, f"https://{SHOP}/"),
    ("a checkout", "/checkouts/cn/abcdef", None, f"https://{SHOP}/"),
    ("a whole address", "https://other.example/products/mug?x=1", None, f"https://{SHOP}/products/mug"),
    ("no landing page", None, None, f"https://{SHOP}/"),
    (
        "the shop's own domain",
        None,
        "https://www.shop.example/1/orders/ab/authenticate?key=k",
        "https://www.shop.example/",
    ),
    ("Shopify's shared checkout host", None, "https://checkout.shopify.com/1/orders/ab", f"https://{SHOP}/"),
    ("a status address without TLS", None, "http://shop.example/1/orders/ab", f"https://{SHOP}/"),
    ("a status address that is none", None, "https://[broken", f"https://{SHOP}/"),
    ("a status address with a user", None, "https://u:p@shop.example/x", "https://shop.example/"),
]


@pytest.mark.parametrize(("claim", "landing", "status", "url"), PAGES, ids=[row[0] for row in PAGES])
def test_the_page_is_a_storefront_address_without_secrets(claim, landing, status, url):
    """event_source_url has the shop's host and a storefront path or the front page, never a query or token."""
    assert purchase(order(landing_site=landing, order_status_url=status)).event_source_url == url


PLACES = [
    ("web", "website", True),
    (None, "website", True),
    ("shopify_draft_order", "website", True),
    ("3456789", "website", True),
    ("pos", "physical_store", False),
    ("subscription_contract", "system_generated", False),
]


@pytest.mark.parametrize(("source_name", "action_source", "has_page"), PLACES)
def test_the_channel_of_sale_decides_the_action_source(source_name, action_source, has_page):
    """Point of sale is a physical store, a renewal is system generated, neither has a page; the rest is website."""
    raw = purchase(order(source_name=source_name))
    assert raw.action_source == action_source
    assert (raw.event_source_url is not None) is has_page


def test_an_order_of_many_lines_is_read():
    """A hundred lines of sixty keys each are an ordinary wholesale order, not an attack."""
    line = ORDER["line_items"][0] | {f"key_{n}": n for n in range(60)}
    assert len(purchase(order(line_items=[line] * 100)).custom_data["contents"]) == 100


def test_a_long_text_that_nobody_reads_loses_no_order():
    """Apps keep whole configurations in a line's properties; buyers write long notes."""
    line = ORDER["line_items"][0] | {"properties": [{"name": "_config", "value": '{"a":"b"}' * 5_000}]}
    assert purchase(order(line_items=[line], note="x" * 9_000)).custom_data["value"] == Decimal("42.50")


def test_an_order_without_browser_and_customer_still_reads():
    """Point-of-sale, draft and API orders have no client, customer, address or lines."""
    bare = {"id": 1, "total_price": "5.00", "currency": "EUR", "created_at": "2026-09-21T14:13:20Z"}
    raw = purchase(bare | {"client_details": None, "customer": None, "billing_address": None, "line_items": []})
    assert raw.event_time == 1_790_000_000
    assert raw.user_data == {}
    assert raw.custom_data == {"value": Decimal("5.00"), "currency": "EUR", "order_id": "1"}


def test_browser_facts_fall_back_to_the_client_details():
    """`browser_ip` at the top is null on some orders; `client_details` has it as well."""
    assert purchase(order(browser_ip=None)).user_data["client_ip_address"] == "203.0.113.10"


def test_a_refusal_shows_no_contact_data():
    """The value of a wrong field is described by its kind and size only."""
    result = read(order(total_price="nino@example.com", customer="Nino Beridze"))
    assert isinstance(result, Refusal)
    assert "nino" not in repr(result).lower()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["1.00", "EUR"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(ORDER)), JSON_VALUES, max_size=5))
@law_of(300)
def test_any_json_in_any_field_is_answered(changes):
    """Whatever stands in the known fields, the answer is a copy, a refusal or an ignoring, never an exception."""
    assert isinstance(read(order(**changes)), Reading | Refusal | Ignored)


@given(
    line=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("variant_id", "sku", "quantity", "price", "price_set"), JSON_VALUES)
    ),
    amount=JSON_VALUES,
    money=st.fixed_dictionaries({}, optional={"amount": JSON_VALUES, "currency_code": JSON_VALUES}),
)
@law_of(300)
def test_any_json_in_money_and_lines_is_answered(line, amount, money):
    """The same for the money and the lines, where a copy must carry an exact, finite amount."""
    result = read(
        order(
            line_items=[line],
            total_price=amount,
            presentment_currency="GEL",
            total_price_set={"presentment_money": money},
        )
    )
    assert isinstance(result, Reading | Refusal)
    if isinstance(result, Reading):
        value = result.copy.custom_data["value"]
        assert value.is_finite()
        assert value >= 0


@given(body=st.binary(max_size=60))
def test_any_bytes_are_answered(body):
    """No body raises."""
    assert isinstance(read(body), Refusal | Ignored)
