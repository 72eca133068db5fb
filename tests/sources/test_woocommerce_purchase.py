"""WooCommerce orders as Purchase copies. Expected values follow from Meta's parameter pages and the order's fields."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

import pytest
from woocommerce_bodies import NOW_MS, ORDER, PLACED, SHOP, order, reading, with_meta

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, Tier
from twofold.sources.contract import SourceOptions

MADE = "purchase." + sha256(b"order_key:wc_order_Ab3dE6gH9kLmN").hexdigest()[:32]
UUID = "3f2b6c1e-9d4a-4a55-8f0e-0c6f1f6f7a11"


def purchase(body):
    copy = reading(body).copy
    assert copy is not None
    return copy


def test_a_whole_order_becomes_one_purchase_with_every_part():
    """Every field that Meta documents and the order has stands in the copy, contact data still plain."""
    raw = purchase(ORDER)
    assert (raw.event_name, raw.event_time, raw.action_source) == ("Purchase", PLACED, "website")
    assert raw.event_id == MADE
    assert raw.event_source_url == "https://shop.example/mugs/"
    assert raw.custom_data == {
        "value": Decimal("32.40"),
        "currency": "EUR",
        "order_id": "4711",
        "content_type": "product",
        "num_items": 3,
        "contents": [
            {"id": "111", "quantity": 2, "item_price": Decimal("10.00")},
            {"id": "22", "quantity": 1, "item_price": Decimal("5.50")},
        ],
    }
    assert raw.user_data == {
        "em": "Nino@Example.com",
        "ph": ["+995 555 12 34 56", "+995 322 11 11 11"],
        "fn": "Nino",
        "ln": "Beridze",
        "ct": "Tbilisi",
        "st": "TB",
        "zp": "0108",
        "country": "GE",
        "external_id": "12",
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0 (X11)",
        "fbp": "fb.1.1789992155109.1110590605",
        "fbc": "fb.1.1789992155109.IwAR0AbC",
    }
    assert raw.links[0] == "order:4711"
    assert "order_key:wc_order_Ab3dE6gH9kLmN" in raw.links
    assert raw.click_ids == {"gclid": "Cj0KCQ_x"}
    assert (raw.consent, raw.region) == (None, "GE")


IDS = [
    ("nothing kept", {}, MADE),
    ("our snippet's", {"_twofold_event_id": "p-1"}, "p-1"),
    ("the plugin's", {"_meta_event_id": UUID}, UUID),
    ("both", {"_twofold_event_id": "p-1", "_meta_event_id": UUID}, UUID),
    ("the plugin's, emptied at a renewal", {"_meta_event_id": ""}, MADE),
    ("one that is no id", {"_twofold_event_id": "x" * 300}, MADE),
]


@pytest.mark.parametrize(("claim", "meta", "event_id"), IDS, ids=[row[0] for row in IDS])
def test_the_event_id_is_the_one_that_the_browser_has(claim, meta, event_id):
    """facebook-for-woocommerce's id is reused, so that its copies and ours are one purchase at Meta."""
    assert purchase(order(meta_data=with_meta(**meta))).event_id == event_id


@pytest.mark.parametrize("created_via", ["subscription", "admin"])
def test_an_id_that_was_copied_from_another_order_is_not_used(created_via):
    """Renewals and duplicates carry the first order's meta; with its event id they would vanish into it."""
    meta = with_meta(_meta_event_id=UUID, _twofold_event_id="p-1")
    raw = purchase(order(created_via=created_via, meta_data=meta))
    assert raw.event_id == MADE


def test_a_second_sender_of_the_same_purchase_is_told():
    """The plugin marks orders it has sent; the merchant learns of it, and whether the ids agree."""
    both = reading(order(meta_data=with_meta(_meta_purchase_tracked_server="1", _meta_event_id=UUID)))
    assert "same event id" in both.notes[0]
    apart = reading(order(meta_data=with_meta(_meta_purchase_tracked_browser="1")))
    assert "does not hold its event id" in apart.notes[0]
    assert reading(ORDER).notes == ()


NO_COPY = ["cancelled", "failed", "trash"]
COPY = ["pending", "on-hold", "processing", "completed", "refunded", "packing"]


@pytest.mark.parametrize("status", NO_COPY)
def test_orders_that_stand_for_no_purchase_have_no_copy(status):
    """Their report still goes to the ledger."""
    result = reading(order(status=status))
    assert result.copy is None
    assert result.order.order_id == "4711"


@pytest.mark.parametrize("status", COPY)
def test_whether_an_order_counts_is_left_to_the_policy(status):
    """A copy is there in every state in which the order could count, with the same id and value."""
    raw = purchase(order(status=status))
    assert (raw.event_id, raw.custom_data["value"]) == (MADE, Decimal("32.40"))


CONSENT = [("granted", "granted"), ("denied", "denied"), ("0", "denied"), ("maybe", "denied"), ("", None)]


@pytest.mark.parametrize(("word", "consent"), CONSENT)
def test_consent_kept_with_the_order_travels(word, consent):
    """What the buyer said at the checkout goes with the copy; what is not understood is a no."""
    assert purchase(order(meta_data=with_meta(_twofold_consent=word))).consent == consent


def meta_without(*keys):
    return [entry for entry in ORDER["meta_data"] if entry["key"] not in keys]


def test_without_a_cookie_fbc_is_made_from_the_landing_page():
    """As Meta describes for servers, with the order's time as the first time the click is known by."""
    raw = purchase(order(meta_data=meta_without("_fbc")))
    assert raw.user_data["fbc"] == f"fb.1.{PLACED * 1000}.IwAR9zZ"


def test_values_that_a_buyer_could_have_invented_are_not_believed():
    """Cookies and click ids of another shape are left out."""
    meta = [
        {"key": "_fbp", "value": "fb.1.x"},
        {"key": "_fbc", "value": "<script>"},
        {"key": "_twofold_ttclid", "value": "two words"},
        {"key": "_twofold_gclid", "value": "nino@example.com"},
    ]
    raw = purchase(order(meta_data=meta))
    assert not raw.user_data.keys() & {"fbp", "fbc"}
    assert raw.click_ids is None


def test_names_of_the_shops_own_are_read_where_the_operator_says():
    """`fields` names the meta keys of another plugin."""
    options = SourceOptions(shop=SHOP, fields={"fbp": "px_browser", "consent": "Cookie_Choice", "gclid": "ads_click"})
    meta = [
        {"key": "px_browser", "value": "fb.1.1789992155109.7"},
        {"key": "cookie_choice", "value": "denied"},
        {"key": "ads_click", "value": "G1"},
    ]
    raw = reading(order(meta_data=meta), options=options).copy
    assert (raw.user_data["fbp"], raw.consent, raw.click_ids) == ("fb.1.1789992155109.7", "denied", {"gclid": "G1"})


def test_click_ids_that_were_kept_are_newer_than_the_landing_page():
    """A kept gclid replaces the landing page's; cookies keep their own names."""
    meta = with_meta(_twofold_gclid="Newer_1", _twofold__ttp="ttp-1", _twofold_msclkid="ms-1", _unrelated="x")
    assert purchase(order(meta_data=meta)).click_ids == {"gclid": "Newer_1", "_ttp": "ttp-1", "msclkid": "ms-1"}


PAGES = [
    ("http://shop.example/mugs/", "https://shop.example/"),
    ("https://shop.example/mugs/?email=nino%40example.com#x", "https://shop.example/mugs/"),
    ("https://shop.example/nino@example.com/", "https://shop.example/"),
    ("https://[bad", "https://shop.example/"),
    ("https://shop.example", "https://shop.example/"),
]


@pytest.mark.parametrize(("landing", "page"), PAGES)
def test_the_page_is_a_plain_address_of_the_shop(landing, page):
    """Neither a query nor the order's key nor contact data gets into the page's address."""
    meta = [{"key": "_wc_order_attribution_session_entry", "value": landing}]
    assert purchase(order(meta_data=meta)).event_source_url == page


SOURCES = [
    ("checkout", "website"),
    ("admin", "other"),
    ("rest-api", "other"),
    ("pos-rest-api", "physical_store"),
    ("subscription", "system_generated"),
]


@pytest.mark.parametrize(("created_via", "source"), SOURCES)
def test_the_action_source_says_who_was_there(created_via, source):
    """Only a sale on the site names a page."""
    raw = purchase(order(created_via=created_via))
    assert raw.action_source == source
    assert (raw.event_source_url is not None) == (source == "website")


def test_prices_of_pieces_are_those_that_the_shop_shows():
    """Where prices include tax, a piece costs what its catalogue entry says: 20.00 + 4.00 for two mugs."""
    contents = purchase(order(prices_include_tax=True)).custom_data["contents"]
    assert [line["item_price"] for line in contents] == [Decimal("12.00"), Decimal("6.60")]
    third = ORDER["line_items"][1] | {"quantity": 3, "subtotal": "10.00"}
    assert purchase(order(line_items=[third])).custom_data["contents"][0]["item_price"] == Decimal("3.333333")


REGIONS = [("US", "CA", "US-CA", "CA"), ("DE", "DE-BE", "DE", "BE"), ("GE", "", "GE", None), ("", "", None, "TB")]


@pytest.mark.parametrize(("country", "state", "region", "st"), REGIONS)
def test_states_are_written_with_and_without_their_country(country, state, region, st):
    """WooCommerce's DE-BE is the state BE; the region names a state only in the United States."""
    billing = ORDER["billing"] | {"country": country, "state": state}
    raw = purchase(order(billing=billing))
    assert raw.region == region
    if country:
        assert raw.user_data.get("st") == st


def test_the_collectors_steps_take_the_copy_as_it_is():
    """Every value has a form that the steps understand: nothing is refused, left out or warned about."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="woocommerce", tier=Tier.T3, received_at=NOW_MS)
    taken = run(purchase(ORDER), origin)
    assert isinstance(taken, Event), taken
    assert taken.warnings == ()
    assert taken.user_data.em
    assert taken.custom_data.value == Decimal("32.40")
