"""What tells the gateway whose visit an order is: the shop's cart, the page's links and id, other platforms' clicks."""

from __future__ import annotations

from typing import Any

import pytest
from running_shop import INIT, TAG, Shop, Visitor, until

pytestmark = pytest.mark.browser

LEAD = "<script>fbq('track', 'Lead')</script>"
CART = "Z2NwLWV1cm9wZS13ZXN0MTowMUo%3Fkey%3Dabc"


def cookies(visitor: Visitor, **given: str) -> None:
    visitor.context.add_cookies(
        [{"name": n, "value": v, "domain": "www.shop.example", "path": "/"} for n, v in given.items()]
    )


def told(shop: Shop, visitor: Visitor, *pieces: str, **where: Any) -> dict[str, Any]:
    """Of the one event of a page with these pieces: what it says about its visit."""
    tab = visitor.open(TAG, *pieces, **where)
    until(tab, lambda: shop.events)
    return {name: shop.events[0].get(name, "absent") for name in ("links", "visitor", "click_ids")}


def test_a_page_that_says_nothing_tells_nothing(shop: Shop, visitor: Visitor) -> None:
    """No empty fields, and no cookie of anybody else's."""
    cookies(visitor, session="secret", xcart="1", cart2="2", my_ga="3")
    assert told(shop, visitor, INIT, LEAD) == {"links": "absent", "visitor": "absent", "click_ids": "absent"}
    assert "secret" not in str(shop.posts)


def test_the_cart_and_the_clicks_of_other_platforms(shop: Shop, visitor: Visitor) -> None:
    """The cookie of the shop's cart is a link; other platforms' click and browser ids go with their own names, whole."""
    others = {
        "_gcl_aw": "GCL.1790000000.Cj0KCQ_aB-c", "_uetvid": "ab12", "_ttp": "2aB_c", "ttclid": "E.C.P=x", "_scid": "8f-E",
        "_rdt_uuid": "1.2", "li_fat_id": "6x", "_twclid": "7x", "_epik": "dj0y", "_ga": "GA1.1.5.6",
    }  # fmt: skip
    cookies(visitor, cart=CART, other="x", **others)
    found = told(shop, visitor, INIT, LEAD)
    assert found == {"links": [f"cart:{CART}"], "visitor": "absent", "click_ids": others}


PAGES: list[tuple[str, str, Any, Any]] = [
    ("links", "twofold.links = ['order:1001', 'cart:5f3a']", ["order:1001", "cart:5f3a"], "absent"),
    ("one link", "twofold.links = 'order:1001'", ["order:1001"], "absent"),
    ("an id of the browser", "twofold.visitor = 'v-17'", "absent", "v-17"),
]


@pytest.mark.parametrize("late", [False, True], ids=["before the event", "behind it"])
@pytest.mark.parametrize(("script", "links", "own"), [r[1:] for r in PAGES], ids=[r[0] for r in PAGES])
def test_the_page_says_whose_visit_it_is(
    script: str, links: Any, own: Any, late: bool, shop: Shop, visitor: Visitor
) -> None:
    """What the page writes into ``twofold`` goes with its events, also when it is written right behind the call."""
    said = f"<script>{script}</script>"
    event = "<script>fbq('track', 'Lead');" + (f"{script};" if late else "") + "</script>"
    found = told(shop, visitor, *([] if late else [said]), INIT, event)
    assert (found["links"] if links == "absent" or isinstance(found["links"], list) else [found["links"]]) == links
    assert found["visitor"] == own


def test_the_page_s_links_and_its_cart_are_both_told(shop: Shop, visitor: Visitor) -> None:
    """One does not replace the other."""
    cookies(visitor, cart=CART)
    found = told(shop, visitor, "<script>twofold.links = ['order:1001']</script>", INIT, LEAD)
    assert found["links"] == [f"cart:{CART}", "order:1001"]


def test_no_cookies_means_none_of_others_either(shop: Shop, visitor: Visitor) -> None:
    """A page that asked for no first-party cookies has none of them read; its own words still go."""
    cookies(visitor, cart=CART, _ttp="T")
    off = "<script>twofold.visitor = 'v-17'; fbq('set', 'firstPartyCookies', false)</script>"
    assert told(shop, visitor, off, INIT, LEAD) == {"links": "absent", "visitor": "v-17", "click_ids": "absent"}


def test_nothing_is_read_while_consent_is_revoked(shop: Shop, visitor: Visitor) -> None:
    """Cookies are looked at when the event is sent, so a cart that came after the event and before the grant is told."""
    tab = visitor.open(TAG, "<script>fbq('consent', 'revoke')</script>", INIT, LEAD)
    tab.evaluate(f"document.cookie = 'cart={CART}'")
    tab.evaluate("fbq('consent', 'grant')")
    until(tab, lambda: shop.events)
    assert shop.events[0]["links"] == [f"cart:{CART}"]
