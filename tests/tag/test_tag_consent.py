"""What the tag says about consent: with each event, and to the gateway when it changes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page
from running_shop import DATASET, INIT, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

OTHER = "222"
LEAD = "<script>fbq('track', 'Lead')</script>"
REVOKED = "<script>fbq('consent', 'revoke')</script>"
GRANTED = "<script>fbq('consent', 'grant')</script>"
FBP = "fb.1.1600000000000.123456789"
PATIENCE_MS = 5_000  # how long a page may stay revoked before it counts as a withdrawal


def told(shop: Shop) -> list[dict[str, Any]]:
    return [post["body"] for post in list(shop.posts) if post["path"] == "/t/consent"]


def states(shop: Shop) -> list[str]:
    return [body["state"] for body in told(shop)]


def known(visitor: Visitor) -> None:
    """A visitor of whom an earlier visit left the browser's id."""
    visitor.context.add_cookies([{"name": "_fbp", "value": FBP, "domain": ".shop.example", "path": "/"}])


def later(tab: Page) -> None:
    """Long enough for everything that the tag waits for."""
    tab.clock.fast_forward(PATIENCE_MS + 100)
    tab.wait_for_timeout(60)


def test_a_withdrawal_is_told_at_once_and_nothing_else_leaves(shop: Shop, visitor: Visitor) -> None:
    """Every dataset learns it by the browser's id, under the door's own words; a later event is held."""
    tab = visitor.open(TAG, INIT, f"<script>fbq('init', '{OTHER}')</script>", LEAD)
    until(tab, lambda: len(shop.events) == 2)
    fbp = visitor.cookies()["_fbp"]["value"]
    tab.evaluate("fbq('consent', 'revoke'); fbq('track', 'Search')")
    until(tab, lambda: len(told(shop)) == 2)
    tab.wait_for_timeout(60)
    assert sorted(told(shop), key=lambda body: body["dataset"]) == [
        {"dataset": DATASET, "fbp": fbp, "state": "denied"},
        {"dataset": OTHER, "fbp": fbp, "state": "denied"},
    ]
    assert [e["event_name"] for e in shop.events] == ["Lead", "Lead"]
    headers = {k.lower(): v for k, v in shop.posts[-1]["headers"].items()}
    assert headers["content-type"] == "text/plain;charset=UTF-8"
    assert "cookie" not in headers


def test_it_is_told_once_and_lifted_before_the_events_that_follow(shop: Shop, visitor: Visitor) -> None:
    """Further pages that stay revoked, or granted, say no more; the grant is there before the event it lets through."""
    visitor.context.clock.install()
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: shop.events)
    tab.evaluate("fbq('consent', 'revoke')")
    until(tab, lambda: told(shop) and not shop.underway)  # a page that has no answer yet says it again
    for _ in range(2):
        visitor.open(TAG, REVOKED, INIT, path="/next", page=tab)
        later(tab)
    assert states(shop) == ["denied"]
    shop.delay_s = {"/t/consent": 0.2}
    tab.evaluate("fbq('track', 'Search'); fbq('consent', 'grant')")
    until(tab, lambda: shop.named("Search"))
    assert [post["path"] for post in shop.posts][-2:] == ["/t/consent", "/t/events"]
    assert shop.named("Search")[0]["consent"] == "granted"
    visitor.open(TAG, GRANTED, INIT, LEAD, path="/last", page=tab)
    later(tab)
    settle(tab, shop)
    assert states(shop) == ["denied", "granted"]


def test_a_page_that_begins_revoked_and_grants_is_no_withdrawal(shop: Shop, visitor: Visitor) -> None:
    """The usual beginning of consent tools tells nothing, though the visitor is known."""
    known(visitor)
    visitor.context.clock.install()
    tab = visitor.open(TAG, REVOKED, INIT, LEAD)
    tab.clock.fast_forward(PATIENCE_MS - 2000)
    tab.wait_for_timeout(60)
    tab.evaluate("fbq('consent', 'grant')")
    later(tab)
    settle(tab, shop)
    assert (told(shop), len(shop.named("Lead"))) == ([], 1)


def test_a_page_that_stays_revoked_is_one(shop: Shop, visitor: Visitor) -> None:
    """A tool that reloads the page on withdrawal: told by the cookie of before, by the page's own id too."""
    known(visitor)
    visitor.context.clock.install()
    tab = visitor.open(TAG, "<script>twofold.visitor = 'v-17'</script>", REVOKED, INIT, LEAD)
    later(tab)
    until(tab, lambda: told(shop))
    assert told(shop) == [{"dataset": DATASET, "visitor": "v-17", "fbp": FBP, "state": "denied"}]
    assert shop.events == []


NOBODY = [
    ("a new visitor", False, ""),
    ("no cookies of ours", True, "<script>fbq('set', 'firstPartyCookies', false)</script>"),
]


@pytest.mark.parametrize(("is_known", "script"), [r[1:] for r in NOBODY], ids=[r[0] for r in NOBODY])
def test_who_cannot_be_named_is_not_told_of(is_known: bool, script: str, shop: Shop, visitor: Visitor) -> None:
    """Nothing leaves, nothing is set and nothing stored."""
    if is_known:
        known(visitor)
    visitor.context.clock.install()
    tab = visitor.open(TAG, script, REVOKED, INIT, LEAD)
    later(tab)
    assert shop.posts == []
    assert set(visitor.cookies()) == ({"_fbp"} if is_known else set())
    assert tab.evaluate("localStorage.length") == 0


def test_offline_it_is_told_later(shop: Shop, visitor: Visitor) -> None:
    """What could not be told is told when the browser is online again."""
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: shop.events)
    visitor.context.set_offline(True)
    tab.evaluate("fbq('consent', 'revoke')")
    tab.wait_for_timeout(100)
    visitor.context.set_offline(False)
    until(tab, lambda: states(shop) == ["denied"])


def test_a_failing_gateway_is_told_again_before_events(shop: Shop, visitor: Visitor) -> None:
    """An event behind a grant waits until the gateway has heard the grant."""
    visitor.context.clock.install()
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: shop.events)
    tab.evaluate("fbq('consent', 'revoke')")
    until(tab, lambda: told(shop))
    shop.answer = (503, "later")
    tab.evaluate("fbq('consent', 'grant'); fbq('track', 'Search')")
    until(tab, lambda: len(told(shop)) > 1)
    tab.wait_for_timeout(60)
    assert shop.named("Search") == []
    shop.answer = (200, "")
    tab.evaluate("dispatchEvent(new Event('online')); 0")
    until(tab, lambda: shop.named("Search"))
    assert shop.posts[-2]["body"]["state"] == "granted"


def test_without_storage_the_page_remembers_what_it_told(shop: Shop, visitor: Visitor) -> None:
    """Where localStorage throws, a page still tells each change once."""
    visitor.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get: () => { throw new DOMException('no', 'SecurityError') }})"
    )
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: shop.events)
    for state, count in (("revoke", 1), ("revoke", 1), ("grant", 2), ("grant", 2)):
        tab.evaluate(f"fbq('consent', '{state}')")
        until(tab, lambda count=count: len(told(shop)) == count)
        tab.wait_for_timeout(60)
    assert states(shop) == ["denied", "granted"]


TC = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
SAID: list[tuple[str, str, Any]] = [
    ("nothing", "", None),
    ("a grant to Meta's pixel", "fbq('consent', 'grant')", "granted"),
    ("purposes", "twofold.consent = {marketing: true, analytics: false}", {"marketing": True, "analytics": False}),
    ("consent strings", f"twofold.consent = {{tcf: '{TC}', gpp: 'DBAA'}}", {"tcf": TC, "gpp": "DBAA"}),
    ("consent mode", "twofold.consent = {google: {ad_storage: 'denied'}}", {"google": {"ad_storage": "denied"}}),
    ("purposes behind a grant", "twofold.consent = {marketing: false}; fbq('consent', 'grant')", {"marketing": False}),
    ("a plain no behind a grant", "fbq('consent', 'grant'); twofold.consent = false", False),
]


@pytest.mark.parametrize(("script", "consent"), [r[1:] for r in SAID], ids=[r[0] for r in SAID])
def test_what_an_event_says_about_consent(script: str, consent: Any, shop: Shop, visitor: Visitor) -> None:
    """The page's own words go as they are, and count more than the yes to Meta's pixel."""
    tab = visitor.open(TAG, INIT, f"<script>fbq('track', 'Lead'); {script}</script>")
    until(tab, lambda: shop.events)
    assert shop.events[0].get("consent") == consent
