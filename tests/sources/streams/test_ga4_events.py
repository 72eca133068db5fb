"""Google Analytics' hits and Measurement Protocol bodies to raw events."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from gtag_hits import batch, of_a_container, purchase

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal
from twofold.sources.streams.ga4 import read_event, read_hit
from twofold.sources.streams.message import LeftOut

NOW_MS = 1_790_000_000_000
NOW_S = NOW_MS // 1000


def hit(query: str, **more: str) -> Any:
    return read_hit({**dict(parse_qsl(query, keep_blank_values=True)), **more}, NOW_MS, [])


def body(name: Any = "purchase", params: Any = None, event: Any = None, **whole: Any) -> Any:
    return read_event(
        {"name": name, "params": params or {}, **(event or {})},
        {"client_id": "1.2", **whole},
        NOW_MS,
        [],
        "G-ABC1234567",
    )


def test_a_purchase_of_the_tag() -> None:
    """Money as text, for the reader of amounts; goods by their two letters; the click stays in the page's address."""
    found = hit(purchase("T-1"))
    assert isinstance(found, RawEvent)
    assert (found.event_name, found.event_time, found.event_id) == ("Purchase", NOW_S, None)
    assert found.event_source_url == "https://shop.example/thanks?gclid=Cj0KCQ_x1"
    assert found.referrer_url == "https://news.example/"
    data = found.custom_data
    assert (data["order_id"], data["value"], data["currency"], data["coupon"]) == ("T-1", "42.5", "EUR", "SUMMER")
    assert data["contents"] == [
        {"id": "SKU_12345", "title": "Grey Tee", "brand": "Acme", "category": "Apparel", "item_category2": "Adult",
         "variant": "green", "quantity": 3, "item_price": Decimal("10.01")},
        {"id": "111", "title": "Mug, 1/2", "quantity": 1, "item_price": Decimal("12.47")},
    ]  # fmt: skip
    assert data["num_items"] == 4
    assert found.consent == {"gcs": "G111", "gcd": "13t3t3t3t5l1"}
    assert found.click_ids == {"_ga": "1677925765.1764678332", "_ga_ABC1234567": "GS1.1.1789999980"}


def test_the_goods_keep_their_order_beyond_nine() -> None:
    found = hit("en=view_item&" + "&".join(f"pr{n}=id{n}" for n in (10, 2, 1)))
    assert [line["id"] for line in found.custom_data["contents"]] == ["1", "2", "10"]


def test_what_a_container_adds() -> None:
    found = hit(of_a_container("T-2"))
    assert found.event_id == "1738980736899_1739204876203"
    assert found.user_data == {
        "em": "John_Smith@gmail.com", "fn": "Mary", "ct": "Menlo Park", "fbp": "fb.1.1789990000000.1110590605",
    }  # fmt: skip
    assert not any("user_data" in name for name in found.custom_data)


def test_lines_share_the_address() -> None:
    query, text = batch("T-3")
    found = [hit(f"{query}&{line}") for line in text.splitlines()]
    assert [e.kind if isinstance(e, LeftOut) else e.event_name for e in found] == [
        "PageView",
        "scroll",
        "ViewContent",
        "Purchase",
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("page_view", "PageView"), ("view_item", "ViewContent"), ("search", "Search"), ("view_search_results", "Search"),
        ("add_to_cart", "AddToCart"), ("add_to_wishlist", "AddToWishlist"), ("begin_checkout", "InitiateCheckout"),
        ("add_payment_info", "AddPaymentInfo"), ("purchase", "Purchase"), ("generate_lead", "Lead"),
        ("sign_up", "CompleteRegistration"), ("refund", "refund"), ("quiz_done", "quiz_done"),
    ],
)  # fmt: skip
def test_recommended_events_are_standard_events(theirs: str, ours: str) -> None:
    assert hit(f"en={theirs}").event_name == body(theirs).event_name == ours


@pytest.mark.parametrize("name", ["session_start", "first_visit", "user_engagement", "scroll", "form_start"])
def test_what_the_tag_reports_by_itself_is_left_out(name: str) -> None:
    assert hit(f"en={name}") == body(name) == LeftOut(name)


@pytest.mark.parametrize("name", [None, ""])
def test_an_event_without_a_name_is_refused(name: Any) -> None:
    assert body(name).reason is DropReason.MISSING_EVENT_NAME
    assert hit("dl=x").reason is DropReason.MISSING_EVENT_NAME


CONSENT = [
    ("gcs=G100", {"gcs": "G100"}),
    ("gcs=G111&npa=1", {"gcs": "G111", "ad_personalization": "denied"}),
    ("gdpr_consent=CPX&us_privacy=1YYN", {"tcf": "CPX", "us_privacy": "1YYN"}),
    ("npa=0", None),
]


@pytest.mark.parametrize(("query", "said"), CONSENT)
def test_what_a_hit_says_of_consent(query: str, said: Any) -> None:
    assert hit(f"en=page_view&{query}").consent == said


# -- Measurement Protocol


def test_a_body_of_the_protocol() -> None:
    """The example of Google's page for purchase, cut."""
    items = [
        {
            "item_id": "SKU_12345",
            "item_name": "Tee",
            "price": Decimal("10.01"),
            "quantity": 3,
            "item_list_id": "related",
        }
    ]
    params = {
        "currency": "USD",
        "value": Decimal("30.03"),
        "transaction_id": "T_12345",
        "coupon": "SUMMER_FUN",
        "items": items,
    }
    found = body("purchase", params, user_id="u-7", ip_override="203.0.113.9", consent={"ad_user_data": "GRANTED"})
    data = found.custom_data
    assert (data["order_id"], data["value"], data["currency"]) == ("T_12345", Decimal("30.03"), "USD")
    goods = {
        "id": "SKU_12345",
        "title": "Tee",
        "item_list_id": "related",
        "quantity": 3,
        "item_price": Decimal("10.01"),
    }
    assert data["contents"] == [goods]
    assert found.user_data == {"external_id": "u-7", "client_ip_address": "203.0.113.9"}
    assert (found.consent, found.click_ids) == ({"ad_user_data": "GRANTED"}, {"_ga": "1.2"})


def test_who_is_not_named_is_known_by_the_browsers_id() -> None:
    assert body().user_data == {"external_id": "1.2"}


@pytest.mark.parametrize(
    ("whole", "event", "time_s"),
    [
        ({"timestamp_micros": 1_789_999_000_000_000}, {}, 1_789_999_000),
        ({"timestamp_micros": "1789999000000000"}, {}, 1_789_999_000),
        ({"timestamp_micros": 1_789_999_000_000_000}, {"timestamp_micros": 1_789_998_000_000_000}, 1_789_998_000),
        ({}, {}, NOW_S),
    ],
)
def test_when_it_happened(whole: dict[str, Any], event: dict[str, Any], time_s: int) -> None:
    assert body(event=event, **whole).event_time == time_s


@pytest.mark.parametrize("given", [1_789_999_000, 1_789_999_000_000, "soon", -5])
def test_a_time_in_another_unit_is_refused(given: Any) -> None:
    found = body(timestamp_micros=given)
    assert isinstance(found, Refusal)
    assert (found.reason, found.path) == (DropReason.INVALID_EVENT_TIME, "timestamp_micros")


def test_hashes_of_googles_rule_are_left_out_and_plain_places_kept() -> None:
    notes: list[str] = []
    told = {
        "sha256_email_address": "ab" * 32,
        "address": [{"sha256_first_name": "cd" * 32, "city": "Wien", "country": "AT"}],
    }
    found = read_event({"name": "purchase"}, {"client_id": "1.2", "user_data": told}, NOW_MS, notes)
    assert isinstance(found, RawEvent)
    assert found.user_data == {"ct": "Wien", "country": "AT", "external_id": "1.2"}
    assert notes == ["user_data: hashes of another platform's rule; left out"]


@pytest.mark.parametrize(
    ("session", "kept"),
    [
        (1789999980, {"_ga_ABC1234567": "GS1.1.1789999980"}),
        ("1789999980", {"_ga_ABC1234567": "GS1.1.1789999980"}),
        (1, {}),
        ("mara@example.com", {}),
        (None, {}),
    ],
)
def test_a_body_names_its_session(session: Any, kept: dict[str, str]) -> None:
    """Under the cookie of its stream, where a destination looks for it; what is no begin of a session names none."""
    assert body(params={"session_id": session}).click_ids == {"_ga": "1.2", **kept}
