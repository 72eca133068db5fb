"""_fbp and _fbc: where they are set, what they hold, how long, and what is left alone."""

from __future__ import annotations

import re
import time

import pytest
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


@pytest.mark.parametrize(("name", "value", "path"), KEPT)
def test_a_valid_cookie_is_kept_and_renewed(name: str, value: str, path: str, shop: Shop, visitor: Visitor) -> None:
    """Four segments, or five with the parameter builder's appendix, stay as they are; their 90 days begin anew."""
    visitor.context.add_cookies(
        [{"name": name, "value": value, "domain": ".shop.example", "path": "/", "expires": int(time.time()) + 500}]
    )
    tab = visitor.open(TAG, INIT, LEAD, path=path)
    until(tab, lambda: shop.events)
    cookie = visitor.cookies()[name]
    assert cookie["value"] == value == shop.events[0]["user_data"][name[1:]]
    assert abs(cookie["expires"] - time.time() - NINETY_DAYS_S) < 60


REPLACED = [
    (FBC, "NewClick"),
    (FBC, "oldclick"),
    (FBC + ".AQYCAQMB", "NewClick"),
    ("not.an.fbc", "NewClick"),
    (FBC, "x" * 500),
]


@pytest.mark.parametrize(("old", "click"), REPLACED)
def test_a_new_click_replaces_the_old(old: str, click: str, shop: Shop, visitor: Visitor) -> None:
    """Another fbclid, even one that differs only in case, is a new click with its own time."""
    visitor.context.add_cookies([{"name": "_fbc", "value": old, "domain": ".shop.example", "path": "/"}])
    tab = visitor.open(TAG, INIT, LEAD, path="/?fbclid=" + click)
    until(tab, lambda: shop.events)
    value = visitor.cookies()["_fbc"]["value"]
    assert value.endswith("." + click)
    assert int(value.split(".")[2]) > 1600000000000
    assert shop.events[0]["user_data"]["fbc"] == value


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
