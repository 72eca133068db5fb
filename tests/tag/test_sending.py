"""How events travel: one simple request a tick, and what happens when there is no answer or a bad one."""

from __future__ import annotations

import gzip
import json
import re
import time
from hashlib import sha256

import pytest
from running_shop import BASE_SNIPPET, DATASET, INIT, TAG, Shop, Visitor, settle, until

from twofold import tag

LEAD = "<script>fbq('track', 'Lead')</script>"
browser = pytest.mark.browser


def test_the_tag_is_small() -> None:
    """At most 6 KB gzipped as served, comments included."""
    assert len(gzip.compress(tag.source(), 9)) <= 6 * 1024


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
    count = len(shop.events)
    shop.answer = (200, "")
    tab.evaluate("dispatchEvent(new Event('online')); 0")
    tab.wait_for_timeout(60)
    assert len(shop.events) == count
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
