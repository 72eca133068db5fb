"""Requests of browsers as the platforms' scripts make them, by hand, and what is kept of each."""

from __future__ import annotations

import json

import pytest

from twofold.senders.browser.calls import LIBRARY, Doors, Reading, platform_of, read_call

DOORS = Doors(frozenset({"www.shop.example", "gateway.example:8400"}), "/t", frozenset({"123"}))
HASH = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"


@pytest.mark.parametrize(
    ("url", "body", "want"),
    [
        (
            "https://www.facebook.com/tr/?id=77&ev=Purchase&eid=p.1&cd[value]=12.50&cd[currency]=usd&cd[order_id]=1001&a=plshopify1.2&ud[em]=" + HASH,
            "",
            Reading(platform="meta", account="77", event="Purchase", event_id="p.1", order_id="1001", value="12.50", currency="USD", agent="plshopify1.2"),
        ),
        ("https://www.facebook.com/tr/", "id=77&ev=PageView&eid=e", Reading(platform="meta", account="77", event="PageView", event_id="e")),
        (
            "https://www.facebook.com/tr/",
            '--x\r\nContent-Disposition: form-data; name="id"\r\n\r\n77\r\n--x\r\nContent-Disposition: form-data; name="ev"\r\n\r\nLead\r\n--x--',
            Reading(platform="meta", account="77", event="Lead"),
        ),
        (
            "https://metrics.shop.example/g/collect?v=2&tid=G-ABCD&en=purchase&ep.transaction_id=1001&epn.value=9.99&cu=EUR",
            "",
            Reading(platform="ga4", account="G-ABCD", event="purchase", order_id="1001", value="9.99", currency="EUR"),
        ),
        (
            "https://googleads.g.doubleclick.net/pagead/viewthroughconversion/1234567890/?label=AbC&value=3&currency_code=EUR&oid=9&data=x%3D1%3Bevent%3Dpurchase",
            "",
            Reading(platform="google_ads", account="AW-1234567890/AbC", event="purchase", order_id="9", value="3", currency="EUR"),
        ),
        (
            "https://analytics.tiktok.com/api/v2/pixel",
            json.dumps({"event": "AddToCart", "event_id": "q", "context": {"pixel": {"code": "CX"}, "user": {"email": HASH}}, "properties": {"value": 5.10, "currency": "GEL"}}),
            Reading(platform="tiktok", account="CX", event="AddToCart", event_id="q", value="5.1", currency="GEL"),
        ),
        (
            "https://ct.pinterest.com/v3/?tid=26&event=checkout&ed=%7B%22value%22%3A%2210%22%2C%22currency%22%3A%22EUR%22%2C%22order_id%22%3A%22A1%22%7D",
            "",
            Reading(platform="pinterest", account="26", event="checkout", order_id="A1", value="10", currency="EUR"),
        ),
        (
            "https://tr.snapchat.com/p",
            "pid=s1&ev=PURCHASE&e_pr=7&e_cur=EUR&e_tid=1001&client_dedup_id=d1&u_hem=" + HASH,
            Reading(platform="snap", account="s1", event="PURCHASE", event_id="d1", order_id="1001", value="7", currency="EUR"),
        ),
        ("https://px.ads.linkedin.com/collect?pid=1&conversionId=2&fmt=js", "", Reading(platform="linkedin", account="1/2", event="conversion")),
        (
            "https://alb.reddit.com/rp.gif?id=a2_x&event=Purchase&m.valueDecimal=4.5&m.currency=EUR&m.conversionId=c1&m.value=undefined",
            "",
            Reading(platform="reddit", account="a2_x", event="Purchase", event_id="c1", value="4.5", currency="EUR"),
        ),
        ("https://bat.bing.com/action/0?ti=9&evt=custom&ea=purchase&gv=10&gc=EUR", "", Reading(platform="microsoft", account="9", event="purchase", value="10", currency="EUR")),
        ("https://bat.bing.com/action/0?ti=9&evt=pageLoad&ea=other", "", Reading(platform="microsoft", account="9", event="pageLoad")),
        (
            "https://analytics.twitter.com/1/i/adsct?txn_id=o1&event_id=e1&events=%5B%5B%22pageview%22%2C%7B%7D%5D%5D&tw_sale_amount=0",
            "",
            Reading(platform="x", account="o1", event="pageview", event_id="e1", value="0"),
        ),
        (
            "https://www.shop.example/t/events",
            '{"dataset": "123", "events": [{"event_name": "Purchase", "event_id": "p1", "custom_data": {"value": 10.50, "currency": "EUR"}}]}',
            Reading(platform="twofold", account="123", event="Purchase", event_id="p1", value="10.50", currency="EUR"),
        ),
        ("https://gateway.example:8400/tr?id=123&ev=PageView&eid=i", "", Reading(platform="twofold", account="123", event="PageView", event_id="i")),
        ("https://connect.facebook.net/signals/config/123456?v=2", "", Reading(platform="meta", what=LIBRARY, account="123456")),
    ],
)  # fmt: skip
def test_each_platforms_call_is_read(url: str, body: str, want: Reading) -> None:
    """Name, ids, value and currency; whatever else rides along, hashed or not, is not kept."""
    assert read_call(url, body, DOORS) == [want]


@pytest.mark.parametrize(
    "url",
    [
        "https://www.shop.example/calendar/events",  # the shop's own
        "https://evil.example/tr/?id=77&ev=Purchase",
        "https://www.facebook.com.evil.example/tr/?id=77&ev=Purchase",
        "https://stats.g.doubleclick.net/g/collect?tid=G-ABCD",
        "https://www.facebook.com/plugins/like.php",
        "https://metrics.example/g/collect?tid=UA-1",
    ],
)
def test_other_requests_are_no_calls(url: str) -> None:
    """Also those that look like one."""
    assert read_call(url, "", DOORS) == []


def test_two_events_of_one_request_are_two() -> None:
    """A line each, over what the address says for both."""
    found = read_call(
        "https://region1.google-analytics.com/g/collect?tid=G-ABCD", "en=view_item&epn.value=3\r\nen=scroll"
    )
    assert [(r.event, r.value) for r in found] == [("view_item", "3"), ("scroll", "")]


@pytest.mark.parametrize("field", ["ev", "eid", "cd[order_id]", "id", "a"])
def test_contact_data_in_a_kept_field_is_masked(field: str) -> None:
    """Some shops make ids of addresses, or write a number into a name."""
    for private in ("nino@example.com", "nino%2540example.com", "%2B995599123456"):
        found = read_call(
            f"https://www.facebook.com/tr/?id=77&ev=Lead&{field}={private}".replace(f"&ev=Lead&{field}", f"&{field}")
        )
        assert "example.com" not in str(found)
        assert "599123456" not in str(found)


@pytest.mark.parametrize(
    "body", ["{", "[" * 100_000, "\x00", "en", '{"events": 7}', '{"events": [7]}', "null", "=&=&="]
)
def test_a_body_that_is_none_harms_nothing(body: str) -> None:
    """The call is kept with what its address says, or not at all."""
    for url in (
        "https://www.facebook.com/tr/?id=1&ev=PageView",
        "https://www.shop.example/t/events",
        "https://analytics.tiktok.com/api/v2/pixel",
    ):
        read_call(url, body, DOORS)


def test_a_value_that_is_no_number_is_left_empty() -> None:
    """Nothing is guessed of it."""
    (found,) = read_call("https://www.facebook.com/tr/?id=1&ev=Purchase&cd[value]=12%20EUR&cd[currency]=euros")
    assert (found.value, found.currency) == ("", "")


def test_our_own_doors_come_first() -> None:
    """A gateway under the shop's name takes Meta's path."""
    assert platform_of("https://www.shop.example/tr/?id=1", DOORS) == "twofold"
    assert platform_of("https://www.facebook.com/tr/?id=1", DOORS) == "meta"
