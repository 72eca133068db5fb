"""_fbp and _fbc: where they are set, what they hold, how long, and what is left alone."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page
from running_shop import INIT, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

LEAD = "<script>fbq('track', 'Lead')</script>"
NINETY_DAYS_S = 7_776_000

HOSTS = [
    ("www.shop.example", ".shop.example", 1),
    ("shop.example", ".shop.example", 1),
    ("a.b.shop.example", ".shop.example", 1),
    ("www.shop.co.uk", ".shop.co.uk", 2),
]


@pytest.mark.parametrize(("host", "domain", "index"), HOSTS)
def test_cookies_are_set_on_the_highest_domain(
    host: str, domain: str, index: int, shop: Shop, visitor: Visitor
) -> None:
    """First-party on the registrable domain, its index inside, path /, Lax, 90 days; nothing else is left behind."""
    before = int(time.time() * 1000)
    tab = visitor.open(TAG, INIT, LEAD, path="/p?x=1&fbclid=IwAR0_aBcD-EfG_aem_XyZ", host=host)
    until(tab, lambda: shop.events)
    cookies = visitor.cookies()
    assert set(cookies) == {"_fbp", "_fbc"}
    for cookie in cookies.values():
        assert (cookie["domain"], cookie["path"], cookie["sameSite"]) == (domain, "/", "Lax")
        assert abs(cookie["expires"] - time.time() - NINETY_DAYS_S) < 60
        assert before <= int(cookie["value"].split(".")[2]) <= int(time.time() * 1000)
    assert re.fullmatch(rf"fb\.{index}\.\d{{13}}\.\d{{1,18}}", cookies["_fbp"]["value"])
    assert re.fullmatch(rf"fb\.{index}\.\d{{13}}\.IwAR0_aBcD-EfG_aem_XyZ", cookies["_fbc"]["value"])
    user = shop.events[0]["user_data"]
    assert (user["fbp"], user["fbc"]) == (cookies["_fbp"]["value"], cookies["_fbc"]["value"])


def test_a_bare_address_gets_host_cookies(shop: Shop, visitor: Visitor) -> None:
    """On an IP address there is no domain to climb: a cookie of the host, index 1."""
    tab = visitor.open(TAG, INIT, LEAD, host="127.0.0.1")
    until(tab, lambda: shop.events)
    assert visitor.cookies()["_fbp"]["value"].startswith("fb.1.")


FBC = "fb.1.1600000000000.OldClick"
KEPT = [
    ("_fbp", "fb.1.1600000000000.123456789", "/"),
    ("_fbp", "fb.1.1600000000000.123456789.AQYCAQMB", "/"),
    ("_fbc", FBC, "/"),
    ("_fbc", FBC, "/?fbclid=OldClick"),
    ("_fbc", FBC + ".AQYCAQMB", "/?fbclid=OldClick"),
    ("_fbc", FBC + ".Bg", "/?fbclid=OldClick"),
    ("_fbc", FBC, "/?fbclid=" + "x" * 501),
    ("_fbc", FBC, "/?fbclid="),
]


def with_cookie(
    n: int, name: str, value: str, path: str, tab: Page, shop: Shop, visitor: Visitor
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cookie of that name after a visit with that value set before, and the event's user_data."""
    expires = int(time.time()) + 500
    visitor.context.clear_cookies()
    visitor.context.add_cookies(
        [{"name": name, "value": value, "domain": ".shop.example", "path": "/", "expires": expires}]
    )
    visitor.open(TAG, INIT, f"<script>fbq('trackCustom', 'Row{n}')</script>", path=path, page=tab)
    until(tab, lambda: shop.named(f"Row{n}"))
    return visitor.cookies()[name], shop.named(f"Row{n}")[0]["user_data"]


def test_a_valid_cookie_is_kept_and_renewed(shop: Shop, visitor: Visitor) -> None:
    """Four segments, or five with the parameter builder's appendix, stay as they are; their 90 days begin anew."""
    tab = visitor.open("first")
    for n, (name, value, path) in enumerate(KEPT):
        cookie, user = with_cookie(n, name, value, path, tab, shop, visitor)
        assert cookie["value"] == value == user[name[1:]], KEPT[n]
        assert abs(cookie["expires"] - time.time() - NINETY_DAYS_S) < 60


REPLACED = [
    (FBC, "NewClick"),
    (FBC, "oldclick"),
    (FBC + ".AQYCAQMB", "NewClick"),
    ("not.an.fbc", "NewClick"),
    (FBC, "x" * 500),
]


def test_a_new_click_replaces_the_old(shop: Shop, visitor: Visitor) -> None:
    """Another fbclid, even one that differs only in case, is a new click with its own time."""
    tab = visitor.open("first")
    for n, (old, click) in enumerate(REPLACED):
        cookie, user = with_cookie(n, "_fbc", old, "/?fbclid=" + click, tab, shop, visitor)
        assert cookie["value"] == user["fbc"]
        assert cookie["value"].endswith("." + click), REPLACED[n]
        assert int(cookie["value"].split(".")[2]) > 1600000000000


def test_no_click_no_fbc(shop: Shop, visitor: Visitor) -> None:
    """Without an fbclid none is invented; one too long is ignored."""
    tab = visitor.open(TAG, INIT, LEAD, path="/?fbclid=" + "x" * 501)
    until(tab, lambda: shop.events)
    assert set(visitor.cookies()) == {"_fbp"}
    assert "fbc" not in shop.events[0]["user_data"]


def test_one_visitor_has_one_fbp(shop: Shop, visitor: Visitor) -> None:
    """The same browser id on every page, subdomain and event."""
    tab = visitor.open(TAG, INIT, LEAD, LEAD)
    until(tab, lambda: len(shop.events) == 2)
    visitor.open(TAG, INIT, LEAD, host="shop.example", page=tab)
    until(tab, lambda: len({e["event_id"] for e in shop.events}) == 3)
    assert len({e["user_data"]["fbp"] for e in shop.events}) == 1


def test_a_click_met_inside_the_page_counts(shop: Shop, visitor: Visitor) -> None:
    """A single-page shop that moves to an address with an fbclid has seen that click."""
    tab = visitor.open(TAG, INIT)
    tab.evaluate("history.pushState(0, '', '/p?fbclid=InPage#top'); fbq('track', 'Lead')")
    until(tab, lambda: shop.events)
    assert shop.events[0]["user_data"]["fbc"].endswith(".InPage")


def test_a_click_is_found_in_the_referrer(shop: Shop, visitor: Visitor) -> None:
    """A landing page without the tag leads on to one with it: the click is in the referrer."""
    tab = visitor.open("<a id=next href='/shop'>shop</a>", path="/landing?fbclid=FromLanding")
    shop.pages["/shop"] = TAG + INIT + LEAD
    tab.click("#next")
    until(tab, lambda: shop.events)
    assert shop.events[0]["user_data"]["fbc"].endswith(".FromLanding")


def test_first_party_cookies_can_be_declined(shop: Shop, visitor: Visitor) -> None:
    """fbq('set', 'firstPartyCookies', false) sets none and reports none."""
    tab = visitor.open(TAG, "<script>fbq('set', 'firstPartyCookies', false)</script>", INIT, LEAD, path="/?fbclid=AbC")
    settle(tab, shop)
    assert visitor.cookies() == {}
    assert shop.events[0]["user_data"] == {}


def test_without_cookies_the_page_remembers(shop: Shop, visitor: Visitor) -> None:
    """Where cookies are blocked, one page still has one browser id and its click."""
    visitor.context.add_init_script("Object.defineProperty(document, 'cookie', {get: () => '', set: () => {}})")
    tab = visitor.open(TAG, INIT, LEAD, path="/?fbclid=AbC")
    settle(tab, shop)
    users = [e["user_data"] for e in shop.events]
    assert len({u["fbp"] for u in users}) == len({u["fbc"] for u in users}) == 1
    assert users[0]["fbc"].endswith(".AbC")
