"""A page's fbq that is not Meta's: one that passes calls on to a worker, one that stands before another."""

from __future__ import annotations

import pytest
from running_shop import BASE_SNIPPET, DATASET, INIT, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

LEAD = "<script>fbq('track', 'Lead', {}, {eventID: 'L5'})</script>"
PUSH = "window.__fw.push([].slice.call(arguments))"
# What Partytown's page part does with forward: ['fbq'], and others like it: a function that only remembers or posts.
FORWARDERS = [
    ("a function", f"window.__fw = []; window.fbq = function () {{ {PUSH} }};"),
    ("var", f"window.__fw = []; var fbq = function () {{ {PUSH} }};"),
    ("a declaration", f"window.__fw = []; function fbq() {{ {PUSH} }}"),
    ("an arrow", "window.__fw = []; window.fbq = (...args) => { window.__fw.push(args); };"),
    ("a bound function", f"window.__fw = []; window.fbq = (function () {{ {PUSH} }}).bind(window);"),
    ("Partytown's words", "window.partytown = {forward: ['dataLayer.push', 'fbq']}; window.__fw = [];"
     "window.fbq = (...args) => { window.__fw.push(args); };"),
]  # fmt: skip


@pytest.mark.parametrize("late", [False, True], ids=["before the tag", "behind it"])
@pytest.mark.parametrize("script", [row[1] for row in FORWARDERS], ids=[row[0] for row in FORWARDERS])
def test_a_forwarding_fbq_is_heard(script: str, late: bool, shop: Shop, visitor: Visitor) -> None:
    """Its calls reach the gateway, and still reach whom they were for, with the id that the tag gave them."""
    script = f"<script>{script}</script>"
    pause = "<script>document.addEventListener('DOMContentLoaded', () => { fbq('init', '%s'); fbq('track', 'Lead', {}, {eventID: 'L5'}); fbq('track', 'Search'); })</script>"
    page = [TAG, script] if late else [script, TAG]
    tab = visitor.open(*page, pause % DATASET)
    until(tab, lambda: shop.named("Search"))
    assert [e["event_id"] for e in shop.named("Lead")] == ["L5"]
    forwarded = tab.evaluate("window.__fw")
    assert [call[0] for call in forwarded] == ["init", "track", "track"]
    assert forwarded[2][3]["eventID"] == shop.named("Search")[0]["event_id"]
    assert visitor.warnings == []


def test_calls_that_cannot_be_heard_are_warned_about(shop: Shop, visitor: Visitor) -> None:
    """A function that stands before an earlier fbq and keeps the calls to itself may be the shop's own gate."""
    gate = (
        "<script>var old = fbq; window.fbq = function () { if (window.allowed) old.apply(this, arguments); };</script>"
    )
    tab = visitor.open(TAG, BASE_SNIPPET, gate, INIT, LEAD, LEAD)
    until(tab, lambda: visitor.warnings)
    assert ["cannot hear" in w for w in visitor.warnings if "[twofold]" in w] == [True]
    assert shop.events == []
    tab.evaluate(f"window.allowed = true; fbq('init', '{DATASET}'); fbq('track', 'Search')")
    until(tab, lambda: shop.named("Search"))


OFF = ["window.fbq = function () {};", "window.fbq = () => { };", "var fbq = function(){}"]


@pytest.mark.parametrize("late", [False, True], ids=["before the tag", "behind it"])
@pytest.mark.parametrize("script", OFF)
def test_an_fbq_that_is_switched_off_stays_off(script: str, late: bool, shop: Shop, visitor: Visitor) -> None:
    """A function that does nothing is how pages switch the pixel off: its calls are nobody's, and the console says so."""
    page = [TAG, f"<script>{script}</script>"] if late else [f"<script>{script}</script>", TAG]
    tab = visitor.open(*page, INIT, LEAD)
    until(tab, lambda: visitor.warnings)
    tab.wait_for_timeout(100)
    assert ["cannot hear" in w for w in visitor.warnings] == [True]
    assert shop.events == []


WRAPPERS = [
    ("around the snippet's", [BASE_SNIPPET, "WRAP"]),
    ("around the tag's", ["WRAP"]),
    ("around a wrapper", [BASE_SNIPPET, "WRAP", "WRAP"]),
    ("around a forwarder's", ["<script>window.__fw = []; window.fbq = (...args) => { window.__fw.push(args); };</script>", "WRAP"]),
]  # fmt: skip
WRAP = "<script>(function (old) { window.fbq = function () { old.apply(this, arguments); }; })(window.fbq);</script>"


@pytest.mark.parametrize("pieces", [row[1] for row in WRAPPERS], ids=[row[0] for row in WRAPPERS])
def test_a_wrapper_is_heard_once(pieces: list[str], shop: Shop, visitor: Visitor) -> None:
    """A function that passes calls on to an fbq that is heard adds nothing, and nothing is said about it."""
    pieces = [WRAP if piece == "WRAP" else piece for piece in pieces]
    tab = visitor.open(TAG, *pieces, INIT, LEAD)
    settle(tab, shop)
    assert [e["event_id"] for e in shop.named("Lead")] == ["L5"]
    assert [w for w in visitor.warnings if "[twofold]" in w] == []
