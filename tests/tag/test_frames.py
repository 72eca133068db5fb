"""Frames: with no address of their own, with no storage, inside the shop's page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from running_shop import DATASET, INIT, Shop, Visitor, until

pytestmark = pytest.mark.browser


def inner(visitor: Visitor, calls: str = "fbq('track', 'Lead', {}, {eventID: 'L'})") -> str:
    """A document that loads the tag from its full address, as a frame without one has to."""
    return f"<script src='{visitor.url('/t/twofold.js')}'></script>{INIT}<script>{calls}</script>"


def embed(visitor: Visitor, frame: str, path: str = "/page?x=1", **where: str) -> Page:
    """The shop's page with a script that makes a frame of the document in ``doc``."""
    document = inner(visitor).replace("\\", "\\\\").replace("`", "\\`").replace("</", "<\\/")
    made = f"<script>var doc = `{document}`, f = document.createElement('iframe'); {frame}</script>"
    return visitor.open("<body>", made, path=path, **where)


SRCDOC = "f.srcdoc = doc; document.body.append(f)"
FRAMES = [
    ("srcdoc", SRCDOC, True),
    ("srcdoc in srcdoc", "f.srcdoc = '<body><script>var g = document.createElement(\"iframe\"); g.srcdoc = parent.doc; document.body.append(g)<\\/script>'; document.body.append(f)", True),
    ("written into about:blank", "document.body.append(f); f.contentDocument.write(doc); f.contentDocument.close()", True),
    ("blob", "f.src = URL.createObjectURL(new Blob([doc], {type: 'text/html'})); document.body.append(f)", True),
    ("sandboxed srcdoc", "f.sandbox = 'allow-scripts'; " + SRCDOC, True),
    ("sandboxed blob", "f.sandbox = 'allow-scripts'; f.src = URL.createObjectURL(new Blob([doc], {type: 'text/html'})); document.body.append(f)", False),
    ("data", "f.src = 'data:text/html,' + encodeURIComponent(doc); document.body.append(f)", False),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "knows"), [row[1:] for row in FRAMES], ids=[row[0] for row in FRAMES])
def test_a_frame_without_an_address_of_its_own(frame: str, knows: bool, shop: Shop, visitor: Visitor) -> None:
    """The event arrives with the address of the shop's page, or with none; about:, blob: and data: never leave."""
    tab = embed(visitor, frame)
    until(tab, lambda: shop.named("Lead"))
    event = shop.named("Lead")[0]
    page = visitor.url("/page?x=1")
    known = (page, page.split("?")[0], visitor.url("/")) if knows else (page, visitor.url("/"), "", None)
    assert event.get("event_source_url") in known
    for scheme in ("about:", "blob:", "data:"):
        assert scheme not in str(shop.posts)


def test_the_click_of_the_page_is_the_frame_s(shop: Shop, visitor: Visitor) -> None:
    """A frame without an address reads the click from the page around it."""
    tab = embed(visitor, SRCDOC, path="/page?fbclid=FromOutside")
    until(tab, lambda: shop.named("Lead"))
    assert shop.named("Lead")[0]["user_data"]["fbc"].endswith(".FromOutside")


SANDBOXES = [
    ("allow-scripts", "a frame of its own origin: cookies and storage throw"),
    ("allow-scripts allow-forms allow-popups", "the same"),
    ("allow-scripts allow-same-origin", "a frame that may store"),
]


@pytest.mark.parametrize("sandbox", [row[0] for row in SANDBOXES])
@pytest.mark.parametrize("status", [200, 503])
def test_sandboxed_frames_send(sandbox: str, status: int, shop: Shop, visitor: Visitor) -> None:
    """With nowhere to keep anything the event still goes, also after the gateway was away for a moment."""
    shop.answer = (status, "")
    shop.pages["/frame"] = inner(visitor, "fbq('track', 'Purchase', {value: 5, currency: 'EUR'}, {eventID: 'S-1'})")
    tab = visitor.open(f"<iframe sandbox='{sandbox}' src='/frame?fbclid=InFrame'></iframe>")
    until(tab, lambda: shop.named("Purchase"))
    if status == 503:
        shop.answer = (200, "")
        until(tab, lambda: len(shop.named("Purchase")) >= 2)
    for event in shop.named("Purchase"):
        assert (event["event_id"], event["dataset"]) == ("S-1", DATASET)
        assert event["user_data"]["fbc"].endswith(".InFrame")
    assert [text for text in visitor.warnings if "[twofold]" in text] == []


REFUSALS = [
    ("localStorage is null", "Object.defineProperty(window, 'localStorage', {value: null})"),
    ("localStorage throws", "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"),
    ("the storage is full", "Storage.prototype.setItem = function () { throw new DOMException('full', 'QuotaExceededError'); };"
     "for (let i = 0, x = 'x'.repeat(1 << 20); i < 6; i++) try { localStorage['shop' + i] = x; } catch (_) { for (let n = 1 << 19; n; n >>= 1) try { localStorage['rest' + n] = 'x'.repeat(n); } catch (_) {} }"),
    ("cookies throw", "Object.defineProperty(document, 'cookie', {get() { throw new DOMException('no', 'SecurityError'); }, set() { throw new DOMException('no', 'SecurityError'); }})"),
    ("no beacon", "navigator.sendBeacon = undefined"),
    ("a refused beacon", "navigator.sendBeacon = function () { return false; }"),
    ("a beacon that throws", "navigator.sendBeacon = function () { throw new Error('no'); }"),
    ("the history cannot be watched", "Object.freeze(history); Object.freeze(History.prototype)"),
]  # fmt: skip


@pytest.mark.parametrize("refusal", [row[1] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_browsers_that_refuse_something(refusal: str, shop: Shop, visitor: Visitor) -> None:
    """Nothing that a browser or its settings take away costs an event: not at once, not later, not at the page's end."""
    shop.answer = (503, "")
    tab = visitor.open(f"<script>{refusal}</script>", inner(visitor))
    until(tab, lambda: shop.named("Lead"))
    shop.answer = (200, "")
    until(tab, lambda: len(shop.named("Lead")) >= 2)
    shop.pages["/next"] = "<!doctype html>"
    other = visitor.open("still here", path="/other")
    tab.evaluate("fbq('track', 'Purchase', {}, {eventID: 'order-1'}); location.href = '/next'; 0")
    tab.wait_for_url("**/next")
    until(other, lambda: shop.named("Purchase"))
    assert {e["event_id"] for e in shop.named("Purchase")} == {"order-1"}
    assert visitor.warnings == []
