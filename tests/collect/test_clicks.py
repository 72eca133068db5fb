"""What a copy says about its browser, click and cart, through the whole list of steps."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier

NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000
DAY_MS = 86_400_000
CLICKED = "https://shop.example/p?fbclid=IwAR0AbC_x"
COOKIE = f"fb.1.{NOW_MS - DAY_MS}.IwAR0AbC_x"
OLD = f"fb.1.{NOW_MS - 91 * DAY_MS}.IwAR0AbC_x"


def read(channel: Channel, *, user: dict[str, Any] | None = None, tier: Tier | None = None, **facts: Any) -> Event:
    """One raw event through the steps."""
    server = channel is Channel.SERVER
    origin = Origin(
        dataset="1",
        channel=channel,
        sender="test",
        tier=tier if tier is not None else Tier.T2 if server else Tier.T0,
        received_at=NOW_MS + 700,
        client_ip=None if server else "203.0.113.9",
        user_agent=None if server else "Mozilla/5.0",
    )
    raw = RawEvent(
        event_name="Lead",
        event_time=NOW_S,
        event_id="e-1",
        action_source="website",
        user_data={**({"external_id": "c-7"} if server else {}), **(user or {})},
        **facts,
    )
    event = run(raw, origin)
    assert isinstance(event, Event), event
    return event


BROWSER, SERVER = Channel.BROWSER, Channel.SERVER
LONG = "https://shop.example/p?" + "&".join(f"q{n}=" + "x" * 100 for n in range(60)) + "&fbclid=IwAR0AbC_x"
MADE = f"fb.1.{NOW_MS}.IwAR0AbC_x"
CLICKS: list[tuple[str, Channel, str | None, str | None, str | None, str | None]] = [
    # claim, channel, page, referrer, fbc sent, fbc kept
    ("from the referrer, where a landing page had no tag", BROWSER, "https://shop.example/b", CLICKED, None, MADE),
    ("the page's click before the referrer's", BROWSER, CLICKED, "https://shop.example/?fbclid=Older", None, MADE),
    ("a cookie before the referrer's", BROWSER, "https://shop.example/b", "https://shop.example/?fbclid=Z", COOKIE, COOKIE),
    ("an address longer than is kept", BROWSER, LONG, None, None, MADE),
    ("a server's page", SERVER, CLICKED, None, None, MADE),
    ("a server's own word is not replaced", SERVER, "https://shop.example/?fbclid=New", None, COOKIE, COOKIE),
    ("expired, of a browser", BROWSER, "https://shop.example/", None, OLD, None),
    ("expired, and its address still there", BROWSER, CLICKED, None, OLD, None),
    ("expired, but a new click", BROWSER, CLICKED.replace("AbC", "New"), None, OLD, MADE.replace("AbC", "New")),
    ("expired, of a server: passed on", SERVER, None, None, OLD, OLD),
    ("with an address inside", BROWSER, "https://shop.example/?fbclid=mary%40mail.example", None, None, None),
    ("appended to the address", BROWSER, CLICKED + ".AQICAQMC", None, None, MADE),
    ("no click at all", BROWSER, "https://shop.example/", "https://www.facebook.com/", None, None),
    ("no address", BROWSER, None, None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "page", "referrer", "sent", "kept"), [c[1:] for c in CLICKS], ids=[c[0] for c in CLICKS]
)
def test_the_life_of_fbc(channel, page, referrer, sent, kept):
    """Cookie, address, referrer, in this order; never invented, never altered, not sent when its 90 days are over."""
    event = read(channel, user={"fbc": sent} if sent else {}, event_source_url=page, referrer_url=referrer)
    assert event.user_data.fbc == kept


def test_a_click_is_not_of_the_future():
    """A page whose clock is ahead has not seen the click later than we did."""
    origin = Origin(dataset="1", channel=BROWSER, sender="tag", tier=Tier.T0, received_at=NOW_MS)
    raw = RawEvent(event_name="Lead", event_time=NOW_S + 3600, event_id="e-1", event_source_url=CLICKED)
    event = run(raw, origin)
    assert isinstance(event, Event)
    assert event.user_data.fbc == MADE


def test_odd_times_are_said():
    """A time in seconds and a click that is over are warned about where the sender can read it."""
    assert any("milliseconds" in w for w in read(SERVER, user={"fbc": f"fb.1.{NOW_S}.AbC"}).warnings)
    assert any("90 days" in w for w in read(SERVER, user={"fbc": OLD}).warnings)
    assert any("90 days" in w for w in read(BROWSER, user={"fbc": OLD}).warnings)


IDS: list[tuple[str, Any, str | None, dict[str, str], int]] = [
    ("from the address", None, "https://shop.example/?gclid=Ab-C&ScCid=x", {"gclid": "Ab-C", "ScCid": "x"}, 0),
    ("from cookies", {"_ttp": "T", "_gcl_aw": "GCL.1.x"}, None, {"_ttp": "T", "_gcl_aw": "GCL.1.x"}, 0),
    ("both", {"ttclid": "Old", "_ttp": "T"}, "https://shop.example/?ttclid=New", {"ttclid": "New", "_ttp": "T"}, 0),
    ("unknown names", {"session": "secret", "gclid": "G"}, None, {"gclid": "G"}, 1),
    ("other types", {"gclid": 7}, None, {}, 1),
    ("no object", ["gclid"], None, {}, 1),
    ("nothing", {}, None, {}, 0),
    ("contact data", {"gclid": "mary@mail.example"}, None, {}, 1),
]


@pytest.mark.parametrize(("given", "page", "kept", "warnings"), [r[1:] for r in IDS], ids=[r[0] for r in IDS])
@pytest.mark.parametrize("channel", [BROWSER, SERVER])
def test_other_platforms_click_ids(given, page, kept, warnings, channel):
    """Known ids from the address and from what the sender found; what is left out is counted, never quoted."""
    event = read(channel, click_ids=given, event_source_url=page)
    assert event.click_ids == kept
    said = [w for w in event.warnings if w.startswith("click_ids")]
    assert len(said) == warnings
    assert "secret" not in str(said)


LINKS: list[tuple[str, Any, str | None, tuple[str, ...], int]] = [
    ("as given", ["cart:5f3a", "order:1001"], None, ("cart:5f3a", "order:1001"), 0),
    ("twice", ["cart:5f3a", "cart:5f3a"], None, ("cart:5f3a",), 0),
    ("a cart's secret key stays behind", ["cart:hWN1?key=abc", "cart:hWN2%3Fkey%3Dabc"], None, ("cart:hWN1", "cart:hWN2"), 0),
    ("not links", ["cart", "Cart:x", "cart:", "cart:a b", 7, None], None, (), 1),
    ("contact data", ["cart:mary@mail.example", "x:mary%40mail.example"], None, (), 1),
    ("one text", "cart:5f3a", None, ("cart:5f3a",), 0),
    ("no list", {"cart": "5f3a"}, None, (), 1),
    ("too many", [f"cart:{n}" for n in range(1, 31)], None, tuple(f"cart:{n}" for n in range(1, 21)), 1),
    ("a Shopify checkout", None, "https://shop.example/checkouts/cn/Z2NwLWV1cm9wZS13ZXN0MTowMUo/en-de/thank-you",
     ("cart:Z2NwLWV1cm9wZS13ZXN0MTowMUo",), 0),
    ("an older Shopify checkout", None, "https://shop.example/123/checkouts/0123456789abcdef0123456789abcdef?x=1",
     ("checkout:0123456789abcdef0123456789abcdef",), 0),
    ("WooCommerce's confirmation", None, "https://shop.example/checkout/order-received/12/?key=wc_order_aB3xY9",
     ("order_key:wc_order_aB3xY9", "order:12"), 0),
    ("the same without permalinks", None, "https://shop.example/?page_id=8&order-received=12&key=wc_order_aB3xY9",
     ("order_key:wc_order_aB3xY9", "order:12"), 0),
    ("a Shopify status page", None, "https://shop.example/123/orders/0123456789abcdef0123456789abcdef/authenticate?key=x",
     ("order_key:0123456789abcdef0123456789abcdef",), 0),
    ("after Stripe's checkout", None, "https://shop.example/thanks?session_id=cs_live_a1B2c3", ("session:cs_live_a1B2c3",), 0),
    ("after Stripe's payment", None, "https://shop.example/thanks?payment_intent=pi_3MtwBw&redirect_status=succeeded",
     ("payment:pi_3MtwBw",), 0),
    ("nothing said", ["order:undefined", "cart:null", "cart:0", "order:[object Object]"], None, (), 1),
    ("another page", None, "https://shop.example/checkouts/?key=other", (), 0),
]  # fmt: skip


@pytest.mark.parametrize(("given", "page", "kept", "warnings"), [r[1:] for r in LINKS], ids=[r[0] for r in LINKS])
def test_links_of_a_browser(given, page, kept, warnings):
    """What the page says it is bound to, and what its address says; what is left out is counted in one warning."""
    event = read(BROWSER, links=given, event_source_url=page)
    assert event.links == kept
    assert len([w for w in event.warnings if w.startswith("links")]) == warnings


def test_a_servers_address_makes_links_as_a_browsers_does():
    """A server's copy that names the order's confirmation page is of that order; a webhook knows its order itself, and
    the page it names is where the visit began, which can be another order's."""
    page = "https://shop.example/checkout/order-received/12/?key=wc_order_aB3xY9"
    found = read(SERVER, event_source_url=page, links=["cart:5f3a"]).links
    assert found == ("cart:5f3a", "order_key:wc_order_aB3xY9", "order:12")
    assert read(SERVER, tier=Tier.T3, event_source_url=page, links=["cart:5f3a"]).links == ("cart:5f3a",)


VISITORS: list[tuple[Any, str | None]] = [
    ("v-1", "v-1"), (17, "17"), (None, None), ("", None), ("a\nb", None), ("mary@mail.example", None),
    ("x" * 128, "x" * 128), ("x" * 129, None), (["v"], None), (True, None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), VISITORS)
def test_the_shops_id_of_the_browser(given, kept):
    """A short printable id without contact data, or nothing."""
    event = read(BROWSER, visitor=given)
    assert event.visitor == kept
    assert any(w.startswith("visitor") for w in event.warnings) == (kept is None and given is not None)


# A customer's id as shops write it, and Meta's own pixel's rule: lower case, white space removed, SHA-256.
ID_FORM = hashlib.sha256(b"cust-42a").hexdigest()


@pytest.mark.parametrize("given", ["Cust-42A", " cust-42a ", "CUST -42A", ID_FORM, ID_FORM.upper()])
@pytest.mark.parametrize("channel", [BROWSER, SERVER])
def test_one_rule_for_external_id(given, channel):
    """The official SDKs send it as it is, the pixel hashes it: here both are the same value."""
    event = read(channel, user={"external_id": given})
    assert [h.hex for h in event.user_data.external_id] == [ID_FORM]
