"""One event id on both sides, in whatever order the tag, the base snippet and Meta's library load."""

from __future__ import annotations

import hashlib

import pytest
from running_shop import BASE_SNIPPET, DATASET, INIT, RAN, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

PAGE_VIEW = "<script>fbq('track', 'PageView');</script>"
PURCHASE = "<script>fbq('track', 'Purchase', {value: 42.5, currency: 'EUR'});</script>"
ASYNC_TAG = '<script async src="/t/twofold.js"></script>'
ASYNC_TAG_SAYS = ASYNC_TAG.replace(" src", """ onload="fetch('/ran')" src""")
INJECT_LIBRARY = """<script>
var s = document.createElement('script'); s.src = '/fbevents.js'; document.head.appendChild(s);
</script>"""
# A tag manager that lets its templates name variables only: nothing in the function's text says callMethod.
MANAGERS_STUB = """<script>
(function (w) {
  if (w.fbq) return;
  var at = function (path) { return path.split('.').reduce(function (o, k) { return o && o[k]; }, w); };
  w.fbq = function () { var m = at(w.words[0]); m ? m.apply(null, arguments) : at(w.words[1]).push(arguments); };
  w._fbq = w.fbq; w.fbq.push = w.fbq; w.fbq.loaded = true; w.fbq.version = '2.0'; w.fbq.queue = [];
})(Object.assign(window, {words: ['fbq.callMethod', 'fbq.queue']}));
</script>"""

# name, whether Meta's library waits until the page says that the tag ran, the page
ORDERS = [
    ("tag, snippet, calls", False, [TAG, BASE_SNIPPET, INIT, PAGE_VIEW, PURCHASE]),
    ("tag, snippet, calls, library slow", True, [TAG, BASE_SNIPPET, INIT, PAGE_VIEW, PURCHASE, RAN]),
    ("snippet, tag, calls", True, [BASE_SNIPPET, TAG, INIT, PAGE_VIEW, PURCHASE, RAN]),
    ("snippet, calls, tag", True, [BASE_SNIPPET, INIT, PAGE_VIEW, PURCHASE, TAG, RAN]),
    ("snippet, calls, async tag before the library", True, [ASYNC_TAG_SAYS, BASE_SNIPPET, INIT, PAGE_VIEW, PURCHASE]),
    ("tag, early calls, snippet, calls", False, [TAG, INIT, PAGE_VIEW, BASE_SNIPPET, PURCHASE]),
    ("tag, calls, library without a snippet", False, [TAG, INIT, PAGE_VIEW, PURCHASE, INJECT_LIBRARY]),
    ("tag, snippet made later", False, [TAG, INIT, PAGE_VIEW, PURCHASE,
        BASE_SNIPPET.replace("(function (w", "setTimeout(function () {(function (w").replace(
            "'/fbevents.js');", "'/fbevents.js');}, 100);")]),
    ("a tag manager's stub, tag, library", False, [MANAGERS_STUB, TAG, INIT, PAGE_VIEW, PURCHASE, INJECT_LIBRARY]),
    ("a tag manager's stub, calls, tag, library", False, [MANAGERS_STUB, INIT, PAGE_VIEW, PURCHASE, TAG, INJECT_LIBRARY]),
    ("tag, a tag manager's stub, library", False, [TAG, MANAGERS_STUB, INIT, PAGE_VIEW, PURCHASE, INJECT_LIBRARY]),
    ("tag, a wrapper around fbq, library", False, [TAG,
        "<script>(function (old) { var f = window.fbq = function () { return old.apply(this, arguments); };"
        "Object.keys(old).forEach(function (k) { f[k] = old[k]; }); window._fbq = f; })(fbq);</script>",
        INIT, PAGE_VIEW, PURCHASE, INJECT_LIBRARY]),
]  # fmt: skip


@pytest.mark.parametrize(("library_waits", "page"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS])
def test_both_get_every_event_under_one_id(library_waits: bool, page: list[str], shop: Shop, visitor: Visitor) -> None:
    """The gateway and Meta's library get the same events, once each, with the same ids."""
    shop.waits_for = {"/fbevents.js": "/ran"} if library_waits else {}
    tab = visitor.open(*page)
    until(tab, lambda: len(shop.hits) >= 2)
    settle(tab, shop)
    until(tab, lambda: len(shop.hits) >= 3)
    ours = sorted((e["event_name"], e["dataset"], e["event_id"]) for e in shop.events)
    metas = sorted((h["ev"], h["id"], h["eid"]) for h in shop.hits)
    assert [name for name, _, _ in ours] == ["PageView", "Purchase", "Settled"]
    assert ours == metas
    assert len({event_id for _, _, event_id in ours}) == 3


def test_a_library_that_was_first_is_joined(shop: Shop, visitor: Visitor) -> None:
    """After Meta's library: earlier events are lost to us, later ones go to both under one id, datasets and all."""
    shop.waits_for = {"/t/twofold.js": "/tr"}
    tab = visitor.open(
        BASE_SNIPPET,
        f"<script>fbq('dataProcessingOptions', ['LDU'], 1, 1000); fbq('init', '{DATASET}', {{em: 'mary@shop.example'}});</script>",
        PAGE_VIEW,
        ASYNC_TAG,
    )
    until(tab, lambda: shop.hits and tab.evaluate("!!window.twofold"))
    tab.evaluate("fbq('track', 'PageView'); fbq('track', 'Lead')")
    until(tab, lambda: shop.named("Lead") and len(shop.hits) >= 2)
    assert [e["event_name"] for e in shop.events] == ["Lead"]
    lead, hit = shop.named("Lead")[0], shop.hits[-1]
    assert (lead["dataset"], lead["event_id"]) == (DATASET, hit["eid"])
    assert lead["data_processing_options"] == ["LDU"]
    assert (lead["data_processing_options_country"], lead["data_processing_options_state"]) == (1, 1000)
    assert "em" in lead["user_data"]
    assert "eid" not in shop.hits[0]


def test_a_revoke_before_us_is_obeyed(shop: Shop, visitor: Visitor) -> None:
    """Consent revoked at Meta's library before the tag came holds the tag too; its queue is not lost."""
    shop.waits_for = {"/t/twofold.js": "/ran"}
    tab = visitor.open(
        BASE_SNIPPET,
        INIT,
        "<script>setTimeout(() => { fbq('consent', 'revoke'); fbq('track', 'Lead'); fetch('/ran'); }, 200)</script>",
        ASYNC_TAG,
    )
    until(tab, lambda: tab.evaluate("!!window.twofold"))
    tab.wait_for_timeout(50)
    assert shop.events == []
    assert visitor.cookies() == {}
    tab.evaluate("fbq('consent', 'grant')")
    until(tab, lambda: shop.named("Lead") and shop.hits)
    assert shop.named("Lead")[0]["event_id"] == shop.hits[0]["eid"]


def test_no_meta_at_all(shop: Shop, visitor: Visitor) -> None:
    """The tag alone installs fbq and _fbq with the four properties of the stub, and reports."""
    tab = visitor.open(TAG, INIT, PAGE_VIEW, PURCHASE)
    settle(tab, shop)
    assert sorted(e["event_name"] for e in shop.events) == ["PageView", "Purchase", "Settled"]  # each goes by itself
    assert tab.evaluate(
        "fbq === _fbq && fbq.push === fbq && fbq.loaded && fbq.version === '2.0' && Array.isArray(fbq.queue)"
    )


def test_the_function_keeps_its_identity(shop: Shop, visitor: Visitor) -> None:
    """A script that kept the page's first fbq keeps being heard."""
    tab = visitor.open(
        BASE_SNIPPET, "<script>var kept = fbq;</script>", TAG, INIT, "<script>kept('track', 'Lead')</script>"
    )
    until(tab, lambda: shop.named("Lead") and shop.hits)
    assert tab.evaluate("kept === fbq")
    assert shop.hits[0]["eid"] == shop.named("Lead")[0]["event_id"]


@pytest.mark.parametrize("page", [[TAG, TAG, INIT], [BASE_SNIPPET, TAG, INIT, TAG], [TAG, BASE_SNIPPET, INIT, TAG]])
def test_a_second_inclusion_counts_nothing_twice(page: list[str], shop: Shop, visitor: Visitor) -> None:
    """The tag twice on a page sends each event once."""
    tab = visitor.open(*page, PAGE_VIEW, TAG, PURCHASE)
    settle(tab, shop)
    assert sorted(e["event_name"] for e in shop.events) == ["PageView", "Purchase", "Settled"]  # each goes by itself


@pytest.mark.parametrize("fbq", ["{}", "null", "7", "Object.freeze(function () {})"])
def test_a_strange_fbq_does_not_break_the_page(fbq: str, shop: Shop, visitor: Visitor) -> None:
    """Whatever a page has put in fbq's place, its scripts run on."""
    tab = visitor.open(f"<script>window.fbq = {fbq};</script>", TAG, "<script>window.ran = true;</script>")
    assert tab.evaluate("window.ran")


KEY = "wc_order_Ab3dE6gH9kLmN"
TOKEN = "5f3a9c77d0e14b2fa1b2c3d4"
SECRETS = [
    ("the key in the address", f"/thanks?key={KEY}", "", f"order_key:{KEY}"),
    ("among other parameters", f"/thanks?order=7&key={KEY}&x=1", "", f"order_key:{KEY}"),
    ("a checkout that the page names", "/thanks", f"<script>twofold.links = ['cart:{TOKEN}', 'checkout:{TOKEN}']</script>", f"checkout:{TOKEN}"),
    ("none", "/thanks?key=wc_order_1", "<script>twofold.links = ['checkout:c0ffee', 'order:5512345678901234']</script>", None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "named", "secret"), [row[1:] for row in SECRETS], ids=[row[0] for row in SECRETS])
def test_a_purchases_id_is_made_of_what_page_and_shop_share(
    path: str, named: str, secret: str | None, shop: Shop, visitor: Visitor
) -> None:
    """As the gateway makes it from the webhook; both the gateway and Meta's library get it."""
    later = "<script>setTimeout(function () { fbq('track', 'Purchase', {value: 1, currency: 'EUR'}); }, 300);</script>"
    tab = visitor.open(TAG, named, BASE_SNIPPET, INIT, later, path=path)
    until(tab, lambda: any(h["ev"] == "Purchase" for h in shop.hits))
    settle(tab, shop)
    made = "purchase." + hashlib.sha256(secret.encode()).hexdigest()[:32] if secret else None
    (ours,) = [e["event_id"] for e in shop.events if e["event_name"] == "Purchase"]
    (metas,) = [h["eid"] for h in shop.hits if h["ev"] == "Purchase"]
    assert ours == metas
    assert (ours == made) if made else not ours.startswith("purchase.")
