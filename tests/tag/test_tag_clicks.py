"""Where a click id is found: in whatever shape an address carries it, and in the apps' own browsers."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_shop import INIT, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

ID = "IwAR0AbC_dEf-12345xyz_aem_Q-r"
LEAD = "<script>fbq('track', 'Lead')</script>"

FOUND = [
    f"/p?next=/list?sort=asc&fbclid={ID}",
    f"/p?utm_source=fb?fbclid={ID}",
    f"/p?fbclid={ID}?utm_source=fb",
    f"/p?a=1&amp;fbclid={ID}&amp;b=2",
    f"/p?a=1;fbclid={ID};b=2",
    f"/p?fbclid=&fbclid={ID}",
    f"/p?fbclid={ID}#top",
    f"/p#fbclid={ID}",
    f"/p#/list?sort=asc&fbclid={ID}",
    f"/p?next=%2Flist%3Fsort%3Dasc%26fbclid%3D{ID}",
    f"/p?u=https%253A%252F%252Fshop.example%252F%253Ffbclid%253D{ID}",
    "/p?fbclid=" + ID.replace("I", "%49").replace("_", "%5F"),
    f"/p?bad=%E0%A4%A&fbclid={ID}",
]
NOT_FOUND = ["/p?fbclid=", "/p?FBCLID=abc", "/p?xfbclid=abc", "/p?fbclid_old=abc", "/fbclid=abc", "/p?fbclid=a%20b", "/p?fbclid=a,b", "/p?fbclid=a%3Bb"]  # fmt: skip


@pytest.mark.parametrize("path", FOUND)
def test_a_click_in_any_shape(path: str, shop: Shop, visitor: Visitor) -> None:
    """The page's events have the click, and so have those of the next page, which has no query."""
    tab = visitor.open(TAG, INIT, LEAD, path=path)
    until(tab, lambda: shop.named("Lead"))
    value = visitor.cookies()["_fbc"]["value"]
    assert value.split(".", 3)[3] == ID
    visitor.open(TAG, INIT, "<script>fbq('track', 'Search')</script>", path="/next", page=tab)
    until(tab, lambda: shop.named("Search"))
    assert {e["user_data"]["fbc"] for e in shop.events} == {value}


def test_what_is_no_click(shop: Shop, visitor: Visitor) -> None:
    """Other parameters, empty ones, and values that no click id can have."""
    tab = visitor.open("first")
    for path in NOT_FOUND:
        visitor.open(TAG, INIT, LEAD, path=path, page=tab)
        settle(tab, shop)
    assert len(shop.named("Lead")) == len(NOT_FOUND)
    assert {e["user_data"].get("fbc") for e in shop.events} == {None}


# The apps' own browsers as Meta's parameter builder for browsers (1.3.1) asks them: a message handler on iOS, an
# address of its own on Android, from Facebook 397 and Instagram 264 on.
IOS = """window.webkit = {messageHandlers: {browserProperties: {postMessage: (path) =>
  new Promise((done) => setTimeout(() => done(path === 'clickID' ? %s : 'no'), 100))}}};"""
ANDROID = """(() => { const Real = XMLHttpRequest; window.asked = [];
window.XMLHttpRequest = function () { const r = new Real(); const open = r.open; r.open = function (method, url) {
  if (!String(url).startsWith('properties:')) return open.apply(r, arguments);
  asked.push(url);
  r.send = () => setTimeout(() => { for (const [k, v] of Object.entries({readyState: 4, status: %d, responseText: 'AndroidClick_1'}))
    Object.defineProperty(r, k, {value: v}); if (r.onload) r.onload(); r.onloadend && r.onloadend(); }, 50); };
  return r; }; })(); Object.defineProperty(navigator, 'userAgent', {value: %r});"""
UA = "Mozilla/5.0 (Linux; Android 10; SM-G960U; wv) AppleWebKit/537.36 Version/4.0 Chrome/108.0.5359.153 Mobile Safari/537.36 "
APPS = [
    ("iOS", IOS % "'iosClick_1'", "iosClick_1"),
    ("iOS without a click", IOS % "null", None),
    ("iOS with something else", IOS % "'a b;c'", None),
    ("iOS that fails", "window.webkit = {messageHandlers: {browserProperties: {postMessage: () => Promise.reject(1)}}};", None),
    ("iOS that throws", "window.webkit = {messageHandlers: {browserProperties: {postMessage() { throw 1; }}}};", None),
    ("iOS that never answers", "window.webkit = {messageHandlers: {browserProperties: {postMessage: () => new Promise(() => {})}}};", None),
    ("Facebook", ANDROID % (200, UA + "[FB_IAB/FB4A;FBAV/397.0.0.0.145;]"), "AndroidClick_1"),
    ("Facebook that refuses", ANDROID % (404, UA + "[FB_IAB/FB4A;FBAV/412.1.0.0;]"), None),
    ("an older Facebook", ANDROID % (200, UA + "[FB_IAB/FB4A;FBAV/396.9.0.0;]"), None),
    ("Instagram", ANDROID % (200, UA + "Instagram 264.0.0.22.106 Android (30/11)"), "AndroidClick_1"),
    ("an older Instagram", ANDROID % (200, UA + "Instagram 263.2.0.19 Android (30/11)"), None),
    ("another browser on Android", ANDROID % (200, UA), None),
]  # fmt: skip


@pytest.mark.parametrize(("app", "click"), [row[1:] for row in APPS], ids=[row[0] for row in APPS])
def test_the_apps_browsers_tell_their_click(app: str, click: str | None, shop: Shop, visitor: Visitor) -> None:
    """The first event waits for it, a second at most; what is no click id counts for nothing."""
    tab = visitor.open(f"<script>{app}</script>", TAG, INIT, LEAD)
    until(tab, lambda: shop.named("Lead"))
    fbc = shop.named("Lead")[0]["user_data"].get("fbc")
    assert (fbc and fbc.split(".", 3)[3]) == click
    assert visitor.cookies().get("_fbc", {}).get("value") == fbc
    assert visitor.warnings == []


BUILDER = Path(__file__).parents[1] / "clients" / "node" / "node_modules" / "meta-capi-param-builder-clientjs" / "dist"
SAME = [
    row
    for row in APPS
    if row[0] not in ("iOS that never answers", "iOS that fails", "iOS that throws", "iOS with something else")
]


@pytest.mark.node
@pytest.mark.parametrize("app", [row[1] for row in SAME], ids=[row[0] for row in SAME])
def test_the_builder_itself_finds_the_same(app: str, shop: Shop, visitor: Visitor) -> None:
    """Meta's own package in the same browser. It waits for ever, throws into the page, or takes what no cookie can hold in the others."""
    shop.pages["/builder.js"] = (BUILDER / "clientParamBuilder.bundle.js").read_text("utf-8")
    tab = visitor.open(f"<script>{app}</script>", '<script src="/builder.js"></script>', host="shop.co.uk")
    # On Android a refused answer never comes back from it.
    tab.evaluate(
        "Promise.race([clientParamBuilder.processAndCollectAllParams(), new Promise((r) => setTimeout(r, 1500))]).then(() => 0)"
    )
    theirs = visitor.cookies().get("_fbc", {}).get("value")
    visitor.context.clear_cookies()
    visitor.open(f"<script>{app}</script>", TAG, INIT, LEAD, page=tab, path="/ours", host="shop.co.uk")
    until(tab, lambda: shop.named("Lead"))
    ours = shop.named("Lead")[0]["user_data"].get("fbc")
    assert (ours and ours.split(".", 3)[3]) == (theirs and theirs.split(".")[3])


KNOWN = [
    ("a click in the address", "/?fbclid=InAddress", None, "InAddress"),
    ("a click in the cookie", "/", "fb.1.1795000000000.InCookie", "InCookie"),
]


@pytest.mark.parametrize(("path", "cookie", "click"), [row[1:] for row in KNOWN], ids=[row[0] for row in KNOWN])
def test_an_app_is_only_asked_when_nothing_else_is_known(
    path: str, cookie: str | None, click: str, shop: Shop, visitor: Visitor
) -> None:
    """The address and the cookie come first, as in the parameter builder."""
    if cookie:
        visitor.context.add_cookies([{"name": "_fbc", "value": cookie, "domain": ".shop.example", "path": "/"}])
    tab = visitor.open(f"<script>{IOS % repr('iosClick_1')}</script>", TAG, INIT, LEAD, path=path)
    until(tab, lambda: shop.named("Lead"))
    tab.wait_for_timeout(150)
    settle(tab, shop)
    assert {e["user_data"]["fbc"].split(".", 3)[3] for e in shop.events} == {click}


def test_no_app_is_asked_without_consent_or_cookies(shop: Shop, visitor: Visitor) -> None:
    """Revoked, or with first-party cookies declined, nothing is asked."""
    count = "window.asks = 0; window.webkit = {messageHandlers: {browserProperties: {postMessage() { asks++; return Promise.resolve('x1'); }}}};"
    tab = visitor.open("first")
    for call in ("fbq('consent', 'revoke')", "fbq('set', 'firstPartyCookies', false)"):
        visitor.open(f"<script>{count}</script>", TAG, f"<script>{call}</script>", INIT, LEAD, page=tab)
        tab.wait_for_timeout(150)
        assert tab.evaluate("asks") == 0
