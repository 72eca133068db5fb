"""How events travel: one simple request a tick, and what happens when there is no answer or a bad one."""

from __future__ import annotations

import gzip
import json
import re
import time
from hashlib import sha256
from importlib.resources import files

import pytest
from running_shop import BASE_SNIPPET, DATASET, INIT, TAG, Shop, Visitor, settle, until

from twofold import tag

LEAD = "<script>fbq('track', 'Lead')</script>"
browser = pytest.mark.browser


def test_the_tag_is_small() -> None:
    """At most 8 KB gzipped, as served."""
    assert len(gzip.compress(tag.source(), 9)) <= 8 * 1024


def test_what_is_served_is_the_source_without_what_is_for_readers() -> None:
    """Only whole comments and indentation are missing: no text and no code of it."""
    source = files(tag).joinpath("twofold.js").read_text("utf-8").splitlines()
    served = tag.source().decode().splitlines()
    assert served[0] == source[0]
    left = iter(source[1:])
    for line in served[1:]:
        found = next(other for other in left if other.strip().startswith(line))
        rest = found.strip()[len(line) :]
        assert re.fullmatch(r"( +// [^'\"`]*)?", rest), found
    assert not any(line.startswith(("//", " ")) for line in served[1:])


def test_the_tag_needs_no_eval() -> None:
    """Nothing in it is refused by a strict content security policy."""
    assert not re.search(r"\beval\b|new Function|innerHTML|document\.write|javascript:", tag.source().decode())


def test_the_digest_names_the_source() -> None:
    """First 12 hex digits of the SHA-256 of the very bytes served."""
    assert tag.digest() == sha256(tag.source()).hexdigest()[:12]


@browser
def test_one_request_a_tick_without_preflight_or_cookies(shop: Shop, visitor: Visitor) -> None:
    """Events of one tick share a request: text/plain, no cookies, and from another origin no preflight either."""
    tab = visitor.open(
        TAG.replace("/t/", visitor.url("/t/", "collect.example")), INIT, "<script>document.cookie='session=1'</script>", LEAD, LEAD
    )  # fmt: skip
    until(tab, lambda: shop.posts)
    settle(tab, shop)
    assert [len(post["body"]["events"]) for post in shop.posts] == [2, 1]
    for post in shop.posts:
        headers = {key.lower(): value for key, value in post["headers"].items()}
        assert headers["host"].startswith("collect.example:")
        assert headers["content-type"] == "text/plain;charset=UTF-8"
        assert "cookie" not in headers


PLACES = [
    ('<script src="/t/twofold.js"></script>', "/t/events"),
    ('<script async src="/deep/er/twofold.js?x=1"></script>', "/deep/er/events"),
    ('<script src="/t/twofold.js" data-endpoint="/elsewhere/in"></script>', "/elsewhere/in"),
    ("<script>var s = document.createElement('script'); s.src = '/late/twofold.js'; document.head.appendChild(s)</script>", "/late/events"),
]  # fmt: skip


@browser
@pytest.mark.parametrize(("script", "path"), PLACES)
def test_where_events_go(script: str, path: str, shop: Shop, visitor: Visitor) -> None:
    """Beside the script, however it was inserted, or where data-endpoint says."""
    tab = visitor.open(script)
    until(tab, lambda: tab.evaluate("!!window.fbq"))
    settle(tab, shop)
    assert [post["path"] for post in shop.posts] == [path]


@browser
def test_a_misplaced_tag_only_says_so(shop: Shop, visitor: Visitor) -> None:
    """As a module the tag cannot tell its own address: one warning, no error, and the page's fbq as it was."""
    tab = visitor.open('<script type="module" src="/t/twofold.js"></script>', BASE_SNIPPET, INIT)
    until(tab, lambda: visitor.warnings)
    tab.evaluate("fbq('track', 'Lead')")
    until(tab, lambda: shop.hits)
    assert (len(visitor.warnings), shop.posts) == (1, [])


@browser
def test_a_strict_content_security_policy(shop: Shop, visitor: Visitor) -> None:
    """With nothing allowed but scripts and connections of the shop's own origin, all works."""
    shop.headers = {
        "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'"
    }
    shop.pages["/calls.js"] = f"fbq('init', '{DATASET}', {{fn: 'Mary'}}); fbq('track', 'Lead');"
    tab = visitor.open(TAG, '<script src="/calls.js"></script>')
    until(tab, lambda: shop.events)
    assert "fn" in shop.events[0]["user_data"]


def waiting(tab) -> list[dict]:
    return tab.evaluate("Object.keys(localStorage).sort().map((key) => JSON.parse(localStorage[key]))")


@browser
@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_a_refused_event_is_dropped_and_the_console_says_why(status: int, shop: Shop, visitor: Visitor) -> None:
    """A 4xx will be a 4xx again: nothing is kept, the server's words are shown."""
    shop.answer = (status, "events[0].value: expected a number")
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: visitor.warnings)
    assert f"{status} events[0].value: expected a number" in visitor.warnings[0]
    shop.answer = (200, "")
    settle(tab, shop)
    assert (len(shop.named("Lead")), waiting(tab)) == (1, [])


@browser
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failing_gateway_gets_the_event_later(status: int, shop: Shop, visitor: Visitor) -> None:
    """Kept on disk while it fails, sent again unchanged on a page that stays open, then forgotten."""
    shop.answer = (status, "later")
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: waiting(tab))
    assert waiting(tab) == shop.events[:1]
    tab.evaluate(f"fbq('set', 'userData', {{fn: 'Mary'}}, '{DATASET}')")  # must not change what was sent once
    tab.wait_for_timeout(50)
    shop.answer = (200, "")
    if status != 500:  # one row waits for the tag's own clock
        tab.evaluate("dispatchEvent(new Event('online')); 0")
    until(tab, lambda: len(shop.posts) >= 2 and not waiting(tab))
    assert shop.events[0] == shop.events[1]


@browser
def test_an_offline_minute(shop: Shop, visitor: Visitor) -> None:
    """What happens offline is sent on return with the time it happened."""
    tab = visitor.open(TAG, INIT)
    visitor.context.set_offline(True)
    for count in range(1, 7):  # each failure doubles the wait, so that only going online can end it in time
        tab.evaluate("fbq('track', 'Lead')")
        until(tab, lambda count=count: len(waiting(tab)) == count)
    kept = waiting(tab)
    while int(time.time()) <= kept[0]["event_time"]:
        tab.wait_for_timeout(50)
    assert shop.events == []
    visitor.context.set_offline(False)
    until(tab, lambda: len(shop.events) == 6 and not waiting(tab))
    assert sorted(shop.events, key=lambda e: e["event_id"]) == sorted(kept, key=lambda e: e["event_id"])


@browser
def test_the_next_page_sends_what_this_one_could_not(shop: Shop, visitor: Visitor) -> None:
    """An event of a page that failed and was left is sent by the next page, even if that one has no event."""
    shop.answer = (500, "")
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: waiting(tab))
    (kept,) = waiting(tab)
    shop.answer = (200, "")
    visitor.open(TAG, path="/next", page=tab)
    until(tab, lambda: not waiting(tab))
    assert shop.events[-1] == kept


@browser
def test_stored_events_wait_for_consent(shop: Shop, visitor: Visitor) -> None:
    """A next page that revokes consent sends nothing from storage until it grants."""
    shop.answer = (500, "")
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: waiting(tab))
    visitor.open(TAG, "<script>fbq('consent', 'revoke')</script>", path="/next", page=tab)
    shop.answer = (200, "")
    tab.evaluate("dispatchEvent(new Event('online')); 0")
    tab.wait_for_timeout(60)
    pages = [post["headers"]["Referer"] for post in shop.posts]  # the last word of the page before may come late
    assert visitor.url() in pages
    assert visitor.url("/next") not in pages
    tab.evaluate("fbq('consent', 'grant')")
    until(tab, lambda: not waiting(tab))
    assert shop.events[-1] == shop.events[0]


@browser
@pytest.mark.parametrize("how", ["location.href = '/next'", "window.close()"])
def test_leaving_at_once_loses_nothing(how: str, shop: Shop, visitor: Visitor) -> None:
    """An event in the very tick in which the page ends still arrives, hashed if there was time."""
    tab = visitor.open(TAG, f"<script>fbq('init', '{DATASET}', {{fn: 'Mary'}})</script>")
    shop.pages["/next"] = "<!doctype html>"
    other = visitor.open("still here", path="/other")
    tab.wait_for_timeout(50)
    tab.evaluate(f"fbq('track', 'Purchase', {{value: 1}}, {{eventID: 'order-1'}}); {how}; 0")
    if "next" in how:
        tab.wait_for_url("**/next")
    until(other, lambda: shop.named("Purchase"))
    assert {e["event_id"] for e in shop.named("Purchase")} == {"order-1"}
    assert "fn" in shop.named("Purchase")[0]["user_data"]


LAST = [
    ("at the page's end", "addEventListener('pagehide', () => fbq('track', 'Lead'))"),
    ("when it is hidden", "document.addEventListener('visibilitychange', () => fbq('track', 'Lead'))"),
    (
        "late in the page's end",
        "addEventListener('pagehide', () => Promise.resolve().then(() => fbq('track', 'Lead')))",
    ),
]


@browser
@pytest.mark.parametrize("script", [row[1] for row in LAST], ids=[row[0] for row in LAST])
def test_an_event_of_the_last_moment(script: str, shop: Shop, visitor: Visitor) -> None:
    """What a page reports while it ends, behind the tag's own handler, arrives."""
    tab = visitor.open(TAG, INIT, f"<script>{script}</script>")
    other = visitor.open("still here", path="/other")
    visitor.open("bye", path="/next", page=tab)
    until(other, lambda: shop.named("Lead"))
    assert len({e["event_id"] for e in shop.named("Lead")}) == 1


@browser
def test_leaving_while_unanswered(shop: Shop, visitor: Visitor) -> None:
    """A page left while its request is under way: the event arrives, at most twice, under one id."""
    shop.delay_s = {"/t/events": 0.2}
    tab = visitor.open(TAG, INIT, "<script>fbq('track', 'Purchase', {}, {eventID: 'order-1'})</script>")
    tab.wait_for_timeout(60)
    visitor.open("bye", path="/next", page=tab)
    until(tab, lambda: shop.named("Purchase"))
    assert {(e["event_id"], e["event_name"]) for e in shop.events} == {("order-1", "Purchase")}


@browser
def test_leaving_offline(shop: Shop, visitor: Visitor) -> None:
    """A page that ends offline leaves its event on disk for the next one."""
    shop.pages["/next"] = TAG
    tab = visitor.open(TAG, INIT)
    visitor.context.set_offline(True)
    tab.evaluate("fbq('track', 'Lead'); window.dispatchEvent(new Event('pagehide')); 0")
    assert [e["event_name"] for e in waiting(tab)] == ["Lead"]
    visitor.context.set_offline(False)
    tab.goto(visitor.url("/next"))
    until(tab, lambda: shop.named("Lead") and not waiting(tab))


@browser
def test_two_tabs_share_the_storage_without_losing_an_event(shop: Shop, visitor: Visitor) -> None:
    """Each tab adds and removes its own events only."""
    shop.answer = (500, "")
    tabs = [visitor.open(TAG, INIT, f"<script>fbq('trackCustom', 'Tab{n}')</script>", path=f"/{n}") for n in range(2)]
    until(tabs[0], lambda: {e["event_name"] for e in waiting(tabs[0])} == {"Tab0", "Tab1"})
    shop.answer = (200, "")
    for tab in tabs:
        tab.evaluate("dispatchEvent(new Event('online')); 0")
    until(tabs[0], lambda: not waiting(tabs[0]))
    done = {e["event_name"] for e in shop.posts[-1]["body"]["events"] + shop.posts[-2]["body"]["events"]}
    assert done == {"Tab0", "Tab1"}


@browser
def test_the_storage_is_bounded(shop: Shop, visitor: Visitor) -> None:
    """At most 50 events and 64 KB; the oldest go first."""
    shop.answer = (500, "")
    tab = visitor.open(TAG, INIT)
    tab.evaluate("for (let i = 0; i < 60; i++) fbq('trackCustom', 'E' + i)")
    until(tab, lambda: len(shop.events) >= 60 and len(waiting(tab)) == 50)
    other = visitor.open(
        TAG, INIT, "<script>for (let i = 0; i < 20; i++) fbq('trackCustom', 'F' + i)</script>", path="/b"
    )
    until(other, lambda: len([e for e in waiting(other) if e["event_name"].startswith("F")]) == 20)
    assert len(waiting(other)) == 50
    tab.evaluate("fbq('track', 'Lead', {text: 'x'.repeat(9000)}); fbq('track', 'Search', {text: 'x'.repeat(9000)})")
    until(tab, lambda: {"Lead", "Search"} <= {e["event_name"] for e in waiting(tab)})
    tab.evaluate("fbq('track', 'Contact', {text: 'x'.repeat(9000)})")
    until(tab, lambda: "Contact" in {e["event_name"] for e in waiting(tab)})
    assert tab.evaluate("2 * Object.keys(localStorage).map((k) => localStorage[k]).join('').length") <= 65536
    assert {"Lead", "Search", "Contact"} <= {e["event_name"] for e in waiting(tab)}


@browser
def test_what_is_too_old_is_not_sent(shop: Shop, visitor: Visitor) -> None:
    """Six days after it happened an event is given up; a broken entry harms nobody."""
    tab = visitor.open("an earlier page")
    now = int(time.time())
    for name, age_s in (("Old", 6 * 86_400 + 60), ("Young", 6 * 86_400 - 600)):
        event = {"dataset": DATASET, "event_name": name, "event_id": name, "event_time": now - age_s, "user_data": {}}
        tab.evaluate("([k, v]) => localStorage.setItem(k, v)", [f"twofold:{now - age_s}:1:{name}", json.dumps(event)])
    tab.evaluate("localStorage.setItem('twofold:broken', '{'); localStorage.setItem('the-shops', 'own')")
    visitor.open(TAG, INIT, page=tab)
    until(tab, lambda: shop.named("Young"))
    settle(tab, shop)
    assert shop.named("Old") == []
    until(tab, lambda: sorted(tab.evaluate("Object.keys(localStorage)")) == ["the-shops", "twofold:broken"])


@browser
def test_without_storage_the_page_remembers(shop: Shop, visitor: Visitor) -> None:
    """Where localStorage throws, a failed event is sent again from memory."""
    visitor.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get: () => { throw new DOMException('no', 'SecurityError') }})"
    )
    shop.answer = (500, "")
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: shop.events)
    shop.answer = (200, "")
    until(tab, lambda: len(shop.events) == 2)
    assert shop.events[0] == shop.events[1]


@browser
def test_back_from_the_cache(shop: Shop, visitor: Visitor) -> None:
    """A page restored by the back button counts as viewed again; beside Meta's library, which counts it itself, not."""
    for snippet, views in (("", 2), (BASE_SNIPPET, 1)):
        shop.forget()
        tab = visitor.open(TAG, snippet, INIT, "<script>fbq('track', 'PageView')</script>")
        until(tab, lambda: shop.events)
        tab.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        settle(tab, shop)
        assert len(shop.named("PageView")) == views


def bodies(tab) -> list[str]:
    return tab.evaluate(
        "Object.keys(localStorage).filter((key) => key.startsWith('twofold:')).map((key) => localStorage[key])"
    )


SALE = "<script>fbq('track', 'Purchase', {value: 30, currency: 'EUR'}, {eventID: 'EV-1'})</script>"
CROWDS = [
    ("one large event", "fbq('trackCustom', 'Basket', {text: many(40000)})"),
    ("one larger than a request of a leaving page", "fbq('trackCustom', 'Basket', {list: Array.from({length: 90}, (_, i) => many(1000) + i)})"),
    ("several that are nearly too large", "for (let i = 0; i < 4; i++) fbq('trackCustom', 'Basket', {text: many(12000)})"),
    ("many small ones", "for (let i = 0; i < 49; i++) fbq('trackCustom', 'Look' + i); setTimeout(() => { for (let i = 0; i < 49; i++) fbq('trackCustom', 'More' + i); }, 300)"),
]  # fmt: skip


@browser
@pytest.mark.parametrize("crowd", [row[1] for row in CROWDS], ids=[row[0] for row in CROWDS])
def test_a_sale_is_not_driven_out_of_the_storage(crowd: str, shop: Shop, visitor: Visitor) -> None:
    """Whatever else waits, the sale is still there for the next page; within 50 events and 64 KB."""
    shop.answer = (503, "")
    tab = visitor.open("<script>var many = (n) => 'x'.repeat(n);</script>", TAG, INIT, SALE)
    until(tab, lambda: bodies(tab))
    tab.evaluate(f"{crowd}; 0")
    tab.wait_for_timeout(300)
    until(tab, lambda: len(shop.events) > 1 and not shop.underway)
    tab.wait_for_timeout(300)
    kept = bodies(tab)
    assert any('"EV-1"' in text for text in kept)
    assert len(kept) <= 50
    assert len("".join(kept)) <= 32_768
    count = len(shop.posts)
    shop.answer = (200, "")
    visitor.open(TAG, path="/next", page=tab)
    until(tab, lambda: any(e["event_id"] == "EV-1" for p in shop.posts[count:] for e in p["body"]["events"]))


@browser
def test_a_large_event_still_leaves_with_its_page(shop: Shop, visitor: Visitor) -> None:
    """Too large for the storage, it goes in a request of its own, and its neighbours in theirs."""
    tab = visitor.open(TAG, INIT)
    tab.evaluate(
        "fbq('track', 'Lead'); fbq('trackCustom', 'Basket', {list: Array.from({length: 80}, () => 'y'.repeat(500))}); fbq('track', 'Search')"
    )
    until(tab, lambda: len(shop.events) == 3)
    sizes = sorted(len(post["body"]["events"]) for post in shop.posts)
    assert sizes == [1, 1, 1]


ADDRESSES = [
    ("a long query", "/p?state=" + "a1b2c3d4" * 1200, "/p"),
    ("many parameters", "/p?" + "&".join(f"k{i}=v{i}" for i in range(2000)) + "&utm_source=fb&fbclid=AbC", "/p?utm_source=fb&fbclid=AbC&k0=v0&k1=v1&"),
    ("a long one among others", "/p?a=1&state=" + "x" * 9000 + "&utm_campaign=spring&b=2", "/p?utm_campaign=spring&a=1&b=2"),
    ("a long path", "/" + "p" * 9000 + "?utm_source=fb", "/ppp"),
    ("a long fragment", "/p?a=1#" + "f" * 9000, "/p?a=1"),
    ("letters of another script", "/%D0%B0" * 2000 + "?q=1", "/%D0%B0/%D0%B0"),
    ("an address of 100,000 characters", "/p?u=" + "https://a.b/" * 8000, "/p"),
]  # fmt: skip


@browser
@pytest.mark.parametrize(("path", "starts"), [row[1:] for row in ADDRESSES], ids=[row[0] for row in ADDRESSES])
def test_long_addresses_are_shortened(path: str, starts: str, shop: Shop, visitor: Visitor) -> None:
    """What the gateway would cut is cut by what it says; campaigns and clicks stay, and the event arrives."""
    tab = visitor.open(TAG, INIT, "<script>fbq.disablePushState = true</script>")
    tab.evaluate(
        "(path) => { history.pushState(0, '', path); fbq('track', 'ViewContent', {content_ids: ['9']}, {eventID: 'V14'}); }",
        path,
    )
    until(tab, lambda: shop.events)
    address = shop.events[0]["event_source_url"]
    assert address.startswith(visitor.url(starts))
    assert len(address) <= 4096
    assert not re.search(r"%.?$|[?&]$", address)
