"""Segment's messages to raw events: names, money, goods, people, consent. Bodies after the examples of Segment's own pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal
from twofold.sources.streams.message import LeftOut
from twofold.sources.streams.segment import library_of, read_message

NOW_MS = 1_790_000_000_000
WHEN = "2026-09-21T14:13:20Z"  # that moment


def read(kind: str = "track", categories: dict[str, str] | None = None, sent_at: Any = None, **message: Any) -> Any:
    given = {"messageId": "m-1", "userId": "u-1", "timestamp": WHEN, **message}
    return read_message(given, kind, sent_at, NOW_MS, categories or {}, [])


def event(**message: Any) -> RawEvent:
    found = read(**message)
    assert isinstance(found, RawEvent)
    return found


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Products Searched", "Search"),
        ("Product Viewed", "ViewContent"),
        ("Product Added", "AddToCart"),
        ("Product Added to Wishlist", "AddToWishlist"),
        ("Checkout Started", "InitiateCheckout"),
        ("Payment Info Entered", "AddPaymentInfo"),
        ("Order Completed", "Purchase"),
        ("order  completed", "Purchase"),
        ("Signed Up", "CompleteRegistration"),
        ("Order Refunded", "Order Refunded"),
        ("Coupon Applied", "Coupon Applied"),
        ("Purchase", "Purchase"),
        # However its words stand beside each other.
        ("order_completed", "Purchase"),
        ("OrderCompleted", "Purchase"),
        ("product-added", "AddToCart"),
        ("cart_viewed", "Cart Viewed"),
        ("product_shared", "Product Shared"),
        # Meta's own names and those of Google's tag.
        ("addtocart", "AddToCart"),
        ("complete_registration", "CompleteRegistration"),
        ("purchase", "Purchase"),
        ("begin_checkout", "InitiateCheckout"),
        ("generate_lead", "Lead"),
        # A page is told by its own call, and its results beside a search.
        ("Page View", "Page View"),
        ("view_search_results", "view_search_results"),
        # Another word beside it makes another event.
        ("Order Completed Twice", "Order Completed Twice"),
        ("ორდერი", "ორდერი"),
        ("-", "-"),
    ],
)
def test_names_of_the_specification_are_standard_events(theirs: str, ours: str) -> None:
    """Others keep their own name."""
    assert event(event=theirs).event_name == ours


def test_the_message_id_is_the_events_id() -> None:
    found = event(event="Product Viewed")
    assert (found.event_id, found.event_time) == ("m-1", NOW_MS // 1000)


@pytest.mark.parametrize("kind", ["identify", "group", "alias", "screen"])
def test_calls_that_tell_no_event_are_left_out(kind: str) -> None:
    assert read(kind, traits={"email": "a@b.example"}) == LeftOut(kind)


@pytest.mark.parametrize(
    ("integrations", "left"),
    [
        ({"All": False}, True),
        ({"All": False, "Mixpanel": False}, True),
        ({"All": False, "Facebook Conversions API (Actions)": True}, False),
        ({"All": True}, False),
        ({}, False),
    ],
)
def test_what_is_to_go_nowhere_is_left_out(integrations: dict[str, bool], left: bool) -> None:
    assert isinstance(read(event="X", integrations=integrations), LeftOut) is left


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"total": 27.5, "revenue": 25.0}, 27.5),
        ({"revenue": "25.00"}, "25.00"),
        ({"value": 30, "total": 27.5}, 30),
        ({"products": [{"product_id": "1", "price": 5}]}, None),
    ],
)
def test_the_money_of_an_order(properties: dict[str, Any], value: Any) -> None:
    """As it is written, for the reader of amounts; an order's is never added up from its goods."""
    assert event(event="Order Completed", properties=properties).custom_data.get("value") == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ({"price": "3", "quantity": "2"}, 6),
        ({"item_price": "2.50"}, Decimal("2.50")),
        ({"price": "free", "quantity": 2}, None),
        ({"price": 3, "quantity": "two"}, None),
        ({"price": [3], "quantity": {}}, None),
    ],
)
def test_what_goods_come_to_whose_figures_are_text(line: dict[str, Any], value: Any) -> None:
    """Lines in a platform's own form are as their sender wrote them, and no form of theirs may fail the request."""
    properties = {"contents": [{"content_id": "1", **line}]}
    assert event(event="Product Added", properties=properties).custom_data.get("value") == value


@pytest.mark.parametrize(
    ("name", "properties", "value"),
    [
        ("Filter Applied", {"value": "Halo"}, None),
        ("Filter Applied", {"value": ["red", "blue"]}, None),
        ("Filter Applied", {"value": True}, None),
        ("Product Viewed", {"value": "high", "total": 12}, 12),
        ("Order Completed", {"value": "much", "total": "27.50"}, "27.50"),
        ("Order Completed", {"value": "much"}, "much"),
    ],
)
def test_a_value_that_is_no_amount(name: str, properties: dict[str, Any], value: Any) -> None:
    """It costs no event; but a sale without its money is refused, with the word that stands there."""
    assert event(event=name, properties=properties).custom_data.get("value") == value


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"price": 400}, 400),
        ({"price": "9.99", "quantity": "3"}, Decimal("29.97")),
        ({"price": 400, "revenue": 350}, 350),
        ({"price": "free"}, None),
        ({"price": -1}, None),
        ({"price": 4, "products": [{"product_id": "1"}]}, None),
    ],
)
def test_the_price_of_what_names_no_goods(properties: dict[str, Any], value: Any) -> None:
    """`Spin Result` at a price has cost it; beside goods a price is one piece's."""
    assert event(event="Spin Result", properties=properties).custom_data.get("value") == value


@pytest.mark.parametrize(
    ("properties", "pieces"),
    [
        ({"price": 25.55, "quantity": 2}, 2),
        ({"quantity": "3"}, 3),
        ({"quantity": 2, "num_items": 5}, 5),
        ({"quantity": 0}, None),
        ({"quantity": "two"}, None),
        ({"quantity": [2]}, None),
        ({"quantity": 9, "products": [{"product_id": "1", "quantity": 4}]}, 4),
    ],
)
def test_how_many_of_what_names_no_goods(properties: dict[str, Any], pieces: Any) -> None:
    """A quantity without goods is the event's own, as RudderStack's published case for X has it; beside goods theirs count."""
    assert event(event="Home Page Viewed", properties=properties).custom_data.get("num_items") == pieces


def test_what_stands_beside_a_list_of_goods_is_a_property() -> None:
    """RudderStack's published case of an order for Meta: what one product is called elsewhere says nothing of those in the list."""
    beside = {"product_id": "12345", "quantity": 10, "price": 50}
    goods = [{"product_id": "1", "price": 19}]
    listed = event(event="Order Completed", properties={**beside, "revenue": 100, "products": goods}).custom_data
    assert {name: listed.get(name) for name in beside} == beside
    assert (listed["contents"], listed["value"]) == ([{"id": "1", "item_price": Decimal(19)}], 100)

    alone = event(event="Product Added", properties=beside).custom_data
    assert beside.keys() & alone.keys() == set()
    assert (alone["contents"][0]["id"], alone["num_items"]) == ("12345", 10)


def test_an_order_has_its_goods() -> None:
    rows = [
        {"product_id": "507f", "sku": "45790-32", "price": "19.00", "quantity": 2, "name": "Monopoly", "brand": "Hasbro",
         "category": "Games", "variant": "200 pieces", "position": "3", "url": "https://shop.example/m", "name_of_buyer": "Mara"},
        {"sku": "46493-32", "price": 3},
        {"name": "no id"},
        {"product_id": "9", "price": "free", "quantity": 1},
    ]  # fmt: skip
    data = event(
        event="Order Completed", properties={"order_id": 50314, "products": rows, "coupon": "hasbros"}
    ).custom_data
    assert data["contents"] == [
        {"id": "507f", "title": "Monopoly", "brand": "Hasbro", "category": "Games", "variant": "200 pieces", "quantity": 2,
         "position": 3, "item_price": Decimal("19.00")},
        {"id": "46493-32", "item_price": Decimal(3)},
        {"id": "9", "quantity": 1},
    ]  # fmt: skip
    assert (data["order_id"], data["num_items"], data["coupon"]) == ("50314", 4, "hasbros")


def test_an_order_in_the_words_of_googles_tag() -> None:
    """`transaction_id` and `items`, as senders write them that were set up for it first."""
    items = [
        {
            "item_id": "111",
            "item_name": "Monopoly",
            "item_brand": "Halo",
            "price": 19,
            "quantity": "1",
            "currency": "EUR",
        }
    ]
    found = event(
        event="purchase", properties={"transaction_id": "T-7", "value": 19, "currency": "EUR", "items": items}
    )
    data = found.custom_data
    assert (data["order_id"], data["num_items"], data["content_ids"]) == ("T-7", 1, ["111"])
    (line,) = data["contents"]
    assert (line["id"], line["title"], line["brand"], line["quantity"], line["currency"]) == (
        "111",
        "Monopoly",
        "Halo",
        1,
        "EUR",
    )
    assert not data.keys() & {"items", "transaction_id"}


def test_a_payments_number_is_no_order_and_not_all_items_are_goods() -> None:
    properties = {"transaction_id": "pay-9", "items": ["a", "b"]}
    data = event(event="Payment Failed", properties=properties).custom_data
    assert (data.get("order_id"), data["transaction_id"], data["items"]) == (None, "pay-9", ["a", "b"])


@pytest.mark.parametrize(
    ("properties", "context", "options"),
    [
        ({}, {}, (None, None, None)),
        ({"limited_data_use": False}, {}, (None, None, None)),
        ({"data_processing_options": "false"}, {}, (None, None, None)),
        ({"limited_data_use": True}, {}, (["LDU"], 0, 0)),
        ({"limitedDataUse": "yes"}, {}, (["LDU"], 0, 0)),
        ({"data_processing_options": True}, {}, (["LDU"], 0, 0)),
        (
            {
                "data_processing_options": ["LDU"],
                "data_processing_options_country": 1,
                "data_processing_options_state": 1000,
            },
            {},
            (["LDU"], 1, 1000),
        ),
        ({}, {"dataProcessingOptions": [["LDU"], 1, 1000]}, (["LDU"], 1, 1000)),
        ({}, {"dataProcessingOptions": ["LDU"]}, (["LDU"], None, None)),
    ],
)
def test_limited_use(properties: dict[str, Any], context: dict[str, Any], options: Any) -> None:
    """As Segment's mapping, RudderStack's context and TikTok's word have it; a wish in another form is one as well."""
    found = event(event="Product Viewed", properties=properties, context=context)
    told = (found.data_processing_options, found.data_processing_options_country, found.data_processing_options_state)
    assert told == options
    assert not found.custom_data.keys() & properties.keys()


@pytest.mark.parametrize(
    ("properties", "out"),
    [({}, None), ({"opt_out": False}, None), ({"optOut": True}, True), ({"opt_out": "yes"}, True)],
)
def test_an_opt_out(properties: dict[str, Any], out: bool | None) -> None:
    assert event(event="Product Viewed", properties=properties).opt_out is out


def test_the_language_of_the_browser() -> None:
    assert event(event="Product Viewed", context={"locale": "de-DE"}).locale == "de-DE"


def test_one_product_is_its_properties() -> None:
    """Its worth is its price by its pieces where nobody says another."""
    data = event(
        event="Product Added", properties={"sku": "G-32", "price": Decimal("18.99"), "quantity": 3, "name": "Mug"}
    ).custom_data
    assert data["content_name"] == "Mug"
    exact = event(event="Product Added", properties={"sku": "G-32", "price": "18.99", "quantity": 3}).custom_data
    assert exact["value"] == Decimal("56.97")


def test_who_it_is() -> None:
    traits = {"email": "a@b.example", "firstName": "Zoe", "address": {"postalCode": "1010", "country": "AT"},
              "birthday": "1990-04-01T00:00:00.000Z"}  # fmt: skip
    context = {"traits": traits, "ip": "203.0.113.9", "userAgent": "Mozilla/5.0"}
    user = event(
        event="X", context=context, properties={"phone": "+43 1 5", "state": "open", "fbp": "fb.1.2.3"}
    ).user_data
    assert user == {
        "em": "a@b.example", "fn": "Zoe", "zp": "1010", "country": "AT", "db": "1990-04-01", "ph": "+43 1 5",
        "external_id": "u-1", "client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0", "fbp": "fb.1.2.3",
    }  # fmt: skip


def test_a_trait_is_known_by_its_letters() -> None:
    """As Segment's own integrations look names up (obj-case). What is spelt as the specification has it comes first, if it says anything."""
    traits = {"Email": "a@b.example", "email": "", "First Name": "Zoe", "LAST_NAME": "Low", "lastName": "Ito",
              "Address": {"Postal Code": "1010", "CITY": "Wien"}}  # fmt: skip
    user = event(event="X", context={"traits": traits}).user_data
    assert user == {
        "em": "a@b.example", "fn": "Zoe", "ln": "Ito", "zp": "1010", "ct": "Wien", "external_id": "u-1",
    }  # fmt: skip


def test_contact_data_is_no_property() -> None:
    data = event(
        event="Quote Asked", properties={"email": "a@b.example", "first_name": "Zoe", "state": "open"}
    ).custom_data
    assert data == {"state": "open"}


def test_who_is_not_logged_in_is_known_by_the_browsers_id() -> None:
    assert event(event="X", userId=None, anonymousId="anon-9").user_data == {"external_id": "anon-9"}


CONSENT = [
    ({"consent": {"categoryPreferences": {"Advertising": True, "Analytics": False}}}, {},
     {"Advertising": True, "Analytics": False}),
    ({"consent": {"categoryPreferences": {"C0004": False, "C0001": True}}}, {"C0004": "marketing", "C0001": "necessary"},
     {"marketing": False, "necessary": True}),
    # Two categories for one purpose: the stricter
    ({"consent": {"categoryPreferences": {"a": True, "b": False}}}, {"a": "marketing", "b": "marketing"}, {"marketing": False}),
    ({"consent": {"categoryPreferences": {"b": False, "a": True}}}, {"a": "marketing", "b": "marketing"}, {"marketing": False}),
    ({"consentManagement": {"allowedConsentIds": ["C1"], "deniedConsentIds": ["C4"], "provider": "oneTrust"}},
     {"C4": "marketing", "C1": "necessary"}, {"necessary": True, "marketing": False}),
    ({}, {"C4": "marketing"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("context", "categories", "said"), CONSENT)
def test_what_the_banner_said(context: dict[str, Any], categories: dict[str, str], said: Any) -> None:
    assert event(event="X", context=context, categories=categories).consent == said


@pytest.mark.parametrize(
    ("message", "reason", "path"),
    [
        ({"event": None}, DropReason.MISSING_EVENT_NAME, "event"),
        ({"event": 7}, DropReason.INVALID_EVENT_NAME, "event"),
        ({"event": "X", "timestamp": "yesterday"}, DropReason.INVALID_EVENT_TIME, "timestamp"),
        ({"event": "X", "timestamp": 1790000000000}, DropReason.INVALID_EVENT_TIME, "timestamp"),
        ({"event": "X", "kind": "page view"}, DropReason.WRONG_TYPE, "type"),
    ],
)
def test_what_is_no_message_is_refused_with_its_field(message: dict[str, Any], reason: DropReason, path: str) -> None:
    found = read(**message)
    assert isinstance(found, Refusal)
    assert (found.reason, found.path) == (reason, path)


def test_when_it_happened() -> None:
    """Its own word, else when it was sent, else now. What it says by a clock of its own is aged by the same clock."""
    assert (
        event(event="X", timestamp=None, originalTimestamp="2026-09-21T14:13:10.5Z").event_time == NOW_MS // 1000 - 10
    )
    late = event(event="X", timestamp="2026-09-21T13:00:00Z", sent_at="2026-09-21T13:00:30Z")
    assert late.age == 30
    assert event(event="X", timestamp=None).event_time == NOW_MS // 1000


def test_an_apps_event_claims_no_facts_of_an_app() -> None:
    assert event(event="X", context={"device": {"type": "ios"}}).action_source == "other"
    assert event(event="X", channel="mobile", context={"app": {"name": "Shop"}}).action_source == "other"
    assert event(event="X").action_source == "website"


RUDDER_APP = {"name": "RudderLabs JavaScript SDK", "namespace": "com.rudderlabs.javascript", "version": "3.9.0"}
"""What RudderStack's browser library says of itself in each message, beside the page."""


@pytest.mark.parametrize(
    ("channel", "context"),
    [
        ("web", {"app": RUDDER_APP, "page": {"url": "https://shop.example/thanks"}}),
        ("web", {"app": RUDDER_APP, "device": {"advertisingId": "abc123"}}),
        (None, {"app": RUDDER_APP, "page": {"url": "https://shop.example/thanks"}}),
        (None, {"device": {"type": "phone"}, "page": {"url": "https://shop.example/thanks"}}),
    ],
)
def test_a_page_is_no_app_whatever_stands_beside_it(channel: str | None, context: dict[str, Any]) -> None:
    """As an app's its events would leave as offline ones, and not at all where a platform is told of the website."""
    assert event(event="Order Completed", channel=channel, context=context).action_source == "website"


def test_a_visit_from_nowhere_has_no_referrer() -> None:
    """RudderStack's browser library writes `$direct` for it, which is the address of no page."""
    page = {"url": "https://shop.example/p", "referrer": "$direct"}
    assert event(event="Product Viewed", context={"page": page}).referrer_url is None
    assert event(event="Product Viewed", properties={"referrer": "$direct"}).referrer_url is None
    page = {"url": "https://shop.example/p", "referrer": "https://search.example/"}
    assert event(event="Product Viewed", context={"page": page}).referrer_url == "https://search.example/"


def test_a_carts_token_binds_and_a_checkout_id_does_not() -> None:
    """A checkout's id would name the order, and shops write the same one into many."""
    secret = "d92jd29jd92jd29j92d92jd"
    assert event(event="X", properties={"cart_id": secret, "checkout_id": secret}).links == [f"cart:{secret}"]
    assert event(event="X", properties={"cart_id": "17"}).links is None


def test_the_library_names_itself() -> None:
    assert library_of({"context": {"library": {"name": "@segment/analytics-node"}}}) == "analytics-node"
    assert library_of({"context": "none"}) == ""


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ({"properties": {"ttclid": "E.C.P.z9", "ttp": "2aXbYc"}}, {"ttclid": "E.C.P.z9", "_ttp": "2aXbYc"}),
        ({"properties": {"gclid": "EAIb", "twclid": "tw55", "msclkid": "ms88"}}, {"gclid": "EAIb", "twclid": "tw55", "msclkid": "ms88"}),
        ({"context": {"epik": "dj0yZ", "_scid": "aa-11"}}, {"epik": "dj0yZ", "_scid": "aa-11"}),
        ({"context": {"ga_client_id": "11.22"}}, {"_ga": "11.22"}),
        # What one integration is told, under the words that its own presets read.
        ({"integrations": {"All": True, "TikTok Conversions": {"ttclid": "t1", "ttp": "p1"}}}, {"ttclid": "t1", "_ttp": "p1"}),
        ({"integrations": {"Snap Conversions Api": {"click_id": "s1", "uuid_c1": "c1-x"}}}, {"ScCid": "s1", "_scid": "c1-x"}),
        ({"integrations": {"Reddit Conversions Api": {"click_id": "r1"}}}, {"rdt_cid": "r1"}),
        ({"integrations": {"Microsoft Bing CAPI (Actions)": {"msclkid": "m1"}}}, {"msclkid": "m1"}),
        ({"integrations": {"Google Analytics 4 (GA4)": {"clientId": "11.22"}}}, {"_ga": "11.22"}),
        # A name that says nothing beside another name of the same id.
        ({"properties": {"ttp": "p1", "_ttp": None, "sc_click_id": "s1", "ScCid": ""}}, {"_ttp": "p1", "ScCid": "s1"}),
        # The event's own word before the others.
        (
            {"properties": {"ttclid": "own"}, "context": {"ttclid": "page"}, "integrations": {"TikTok Conversions": {"ttclid": "old"}}},
            {"ttclid": "own"},
        ),
        # Whose it is stands nowhere; no id of a click is somebody's address.
        ({"properties": {"click_id": "q1", "uuid": "q2"}}, None),
        ({"properties": {"gclid": "mara@example.com"}}, None),
        ({"properties": {"gclid": "undefined", "ttclid": ["a"], "msclkid": {"a": 1}}}, {"ttclid": "a"}),
    ],
)  # fmt: skip
def test_other_platforms_clicks(message: dict[str, Any], kept: dict[str, str] | None) -> None:
    assert event(event="Product Viewed", **message).click_ids == kept


def test_a_click_is_no_property_of_what_happened() -> None:
    """A platform gets its own click, and no other's."""
    properties = {"ttclid": "t1", "ttp": "p1", "gclid": "g1", "fbclid": "IwAR0aBc", "colour": "red"}
    found = event(event="Filter Applied", properties=properties)
    assert found.custom_data == {"colour": "red"}
    assert found.user_data["fbc"] == f"fb.1.{NOW_MS}.IwAR0aBc"


def test_metas_click_that_its_cookie_kept() -> None:
    told = {"properties": {"fbc": "fb.1.1789990000000.IwAR1"}, "context": {"fbclid": "IwAR2"}}
    assert event(event="Filter Applied", **told).user_data["fbc"] == "fb.1.1789990000000.IwAR1"
