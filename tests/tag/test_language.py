"""Pages that changed the language, and values that JSON has no word for: no event is lost by either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from running_shop import DATASET, INIT, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

GOODS = {"value": 9.5, "currency": "EUR", "content_ids": ["A1", "B2"], "content_type": "product"}
CALL = f"<script>fbq('track', 'AddToCart', {json.dumps(GOODS)}, {{eventID: 'C7'}})</script>"

# What libraries do to the language: Prototype.js 1.6 and 1.7, MooTools 1.2 to 1.6, Sugar, and pages of their own.
CHANGES = [
    ("Array.prototype.toJSON", "Array.prototype.toJSON = function () { return '[' + [].slice.call(this).map(String) + ']'; }"),
    ("Object.prototype.toJSON", "Object.prototype.toJSON = function () { return '{}'; }"),
    ("toJSON of texts and numbers", "String.prototype.toJSON = Number.prototype.toJSON = Boolean.prototype.toJSON = function () { return 'x'; }"),
    ("enumerable Array.prototype", "['each', 'without', 'toJSON'].forEach(function (n) { Array.prototype[n] = function () {}; })"),
    ("Array.from without a function", "Array.from = function (all) { return [].slice.call(all); }"),
    ("Array.from as in MooTools", "Array.from = function (one) { return one == null ? [] : typeof one === 'object' && 'length' in one ? [].slice.call(one) : [one]; }"),
    ("enumerable Object.prototype", "Object.prototype.each = function () {}; Object.prototype.dataset = 'x'"),
    ("words of descriptors on Object.prototype", "Object.prototype.get = Object.prototype.value = Object.prototype.signal = function () {}"),
    ("JSON gone", "window.JSON = undefined"),
    ("JSON of another library", "window.JSON = {encode: String, decode: String, stringify: function () { return 'no'; }, parse: function () { throw 1; }}"),
    ("Date.now broken", "Date.now = function () { return new Date(); }"),
    ("Date.now gone", "Date.now = undefined"),
    ("startsWith of another library", "String.prototype.startsWith = function (p) { return this.indexOf(p) === 0 ? this : null; }"),
    ("Set, Map and URL of another library", "window.Set = window.Map = function () {}; window.URL = window.URLSearchParams = function () { throw 1; }"),
    ("a Promise that is none", "window.Promise = function () {}"),
    ("a Promise without all and race", "(function (P) { window.Promise = function (f) { return new P(f); }; Promise.resolve = function (v) { return P.resolve(v); }; })(Promise)"),
    ("Object.keys by for-in", "Object.keys = function (o) { var r = []; for (var k in o) r.push(k); return r; }"),
    ("no crypto", "Object.defineProperty(window, 'crypto', {value: undefined})"),
    ("console gone", "window.console = undefined"),
    ("performance gone", "Object.defineProperty(window, 'performance', {value: undefined})"),
    ("fetch gone", "window.fetch = undefined"),
    ("fetch that throws", "window.fetch = function () { throw new Error('no'); }"),
    ("fetch that answers something else", "window.fetch = function () { return Promise.resolve({ok: true}); }"),
    ("an element named twofold", "document.head.id = 'twofold'"),
    ("an element named fbq", "document.head.id = 'fbq'"),
]  # fmt: skip


@pytest.mark.parametrize("change", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_what_pages_do_to_the_language_costs_nothing(change: str, shop: Shop, visitor: Visitor) -> None:
    """The event arrives whole and once, whatever was replaced before the tag."""
    tab = visitor.open(f"<script>{change}</script>", TAG, INIT, CALL)
    until(tab, lambda: shop.named("AddToCart"))
    settle(tab, shop)
    (event,) = shop.named("AddToCart")
    assert (event["dataset"], event["event_id"], event["custom_data"]) == (DATASET, "C7", GOODS)
    assert len(shop.named("Settled")[0]["event_id"]) == 32
    assert event["event_source_url"] == visitor.url("/")


@pytest.mark.parametrize("change", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_nor_does_what_they_do_behind_the_tag(change: str, shop: Shop, visitor: Visitor) -> None:
    """The same, by a library that came after the tag."""
    tab = visitor.open(TAG, f"<script>{change}</script>", INIT, CALL)
    until(tab, lambda: shop.named("AddToCart"))
    (event,) = shop.named("AddToCart")
    assert (event["event_id"], event["custom_data"]) == ("C7", GOODS)


# name, the parameters as JavaScript, what arrives (RFC 8259 has no word for the rest)
VALUES: list[tuple[str, str, Any]] = [
    ("a BigInt", "{num_items: 2n}", {"num_items": 2}),
    ("a negative BigInt", "{n: -7n}", {"n": -7}),
    ("a BigInt beyond numbers", "{n: 12345678901234567890123n}", {"n": "12345678901234567890123"}),
    ("a number beyond 15 digits", "{n: 1e20, m: 1e300}", {"n": "100000000000000000000", "m": "1e+300"}),
    ("no numbers", "{a: NaN, b: Infinity, c: -Infinity, d: -0}", {"a": None, "b": None, "c": None, "d": 0}),
    ("a circle", "(() => { const o = {value: 1}; o.self = o; return o; })()", {"value": 1}),
    ("a circle in a list", "(() => { const o = {value: 1, l: []}; o.l.push(o, 'x'); return o; })()", {"value": 1, "l": ["x"]}),
    ("one object twice is no circle", "(() => { const o = {x: 1}; return {a: o, b: o, c: [o, o]}; })()",
     {"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, {"x": 1}]}),
    ("the page itself", "{value: 1, w: window, d: document.documentElement}", None),
    ("a chain without an end", "(() => { const o = {value: 1}; let p = o; for (let i = 0; i < 5000; i++) p = p.next = {}; return o; })()", None),
    ("a getter that throws", "{value: 1, get bad() { throw new Error('no'); }}", {"value": 1}),
    ("functions, symbols, nothing", "{value: 1, f() {}, s: Symbol('s'), u: undefined, n: null}", {"value": 1, "n": None}),
    ("half an emoji", "{content_name: 'abc😀'.slice(0, 4)}", {"content_name": "abc\ufffd"}),
    ("the other half", "{content_name: '😀abc'.slice(1), other: '😀'}", {"content_name": "\ufffdabc", "other": "😀"}),
    ("half an emoji in a name", "{['k' + '😀'.slice(0, 1)]: 1}", {"k\ufffd": 1}),
    ("NUL", "{content_name: 'A\\u0000B'}", {"content_name": "AB"}),
    ("NUL in a name and a list", "{'a\\u0000b': 1, content_ids: ['S\\u00001']}", {"ab": 1, "content_ids": ["S1"]}),
    ("control characters", "{content_name: 'a\\n\\t\\\"\\\\\\u0007b/\\u2028'}", {"content_name": 'a\n\t"\\\x07b/\u2028'}),
    ("a date", "{at: new Date(Date.UTC(2026, 0, 2)), bad: new Date(NaN)}", {"at": "2026-01-02T00:00:00.000Z", "bad": None}),
    ("a decimal of a library", "{value: {d: [3], toJSON() { return '30.5'; }}, currency: 'EUR'}", {"value": "30.5", "currency": "EUR"}),
    ("a toJSON that throws", "{value: 1, bad: {toJSON() { throw new Error('no'); }}}", {"value": 1}),
    ("a toJSON that answers itself", "{value: 1, bad: {toJSON() { return this; }}}", {"value": 1}),
    ("boxed values", "{a: new String('x'), b: new Number(2), c: new Boolean(false)}", {"a": "x", "b": 2, "c": False}),
    ("an object without a prototype", "Object.assign(Object.create(null), {value: 1})", {"value": 1}),
    ("no object", "'nothing'", {}),
    ("a proxy as frameworks make them", "new Proxy({content_ids: new Proxy(['A'], {})}, {})", {"content_ids": ["A"]}),
    ("an e-mail address in a list", "{content_ids: ['a@shop.example', 'B']}", {"content_ids": ["B"]}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "arrives"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_values_that_json_has_no_word_for(value: str, arrives: Any, shop: Shop, visitor: Visitor) -> None:
    """What cannot be said is left out; the rest of the event, and its neighbour, arrive."""
    tab = visitor.open(
        TAG,
        INIT,
        f"<script>fbq('track', 'ViewContent', {value}, {{eventID: 'V'}});"
        "fbq('track', 'Purchase', {value: 13, currency: 'EUR'}, {eventID: 'P'})</script>",
    )
    until(tab, lambda: len(shop.events) >= 2)
    custom = shop.named("ViewContent")[0]["custom_data"]
    assert custom == arrives if arrives is not None else custom["value"] == 1
    assert shop.named("Purchase")[0]["custom_data"] == {"value": 13, "currency": "EUR"}


NAMED = [
    ("'P\\u0000-1'", "P-1"),
    ("'P😀'.slice(0, 2)", "P\ufffd"),
    ("90071992547409931n", "90071992547409931"),
    ("{toString() { return 'P-2'; }}", "P-2"),
]


@pytest.mark.parametrize(("given", "event_id"), NAMED)
def test_odd_ids(given: str, event_id: str, shop: Shop, visitor: Visitor) -> None:
    """An id is a text of what the page gave, without what no text may hold."""
    tab = visitor.open(TAG, INIT, f"<script>fbq('track', 'Purchase', {{}}, {{eventID: {given}}})</script>")
    until(tab, lambda: shop.events)
    assert shop.events[0]["event_id"] == event_id


def test_what_the_page_says_of_the_visit_may_be_odd_too(shop: Shop, visitor: Visitor) -> None:
    """A circle, a half character and a BigInt in twofold's own words cost the event nothing."""
    tab = visitor.open(
        TAG,
        "<script>twofold.links = ['order:😀'.slice(0, 7)]; twofold.visitor = 17n; twofold.click_ids = {gclid: 'x'};"
        "twofold.click_ids.me = twofold.click_ids; var twofoldOld = twofold; window.twofold = undefined; window.twofold = twofoldOld</script>",
        INIT, "<script>fbq('track', 'Lead')</script>",
    )  # fmt: skip
    until(tab, lambda: shop.events)
    event = shop.events[0]
    assert (event["links"], event["visitor"], event["click_ids"]) == (["order:\ufffd"], 17, {"gclid": "x"})


def test_a_library_that_changes_normalize_gets_no_wrong_hash(shop: Shop, visitor: Visitor) -> None:
    """Sugar's normalize() strips accents: a hash of another text matches nobody, so there is none."""
    sugar = "String.prototype.normalize = function () { return this.replace(/[éè]/g, 'e'); }"
    tab = visitor.open(
        f"<script>{sugar}</script>",
        TAG,
        f"<script>fbq('init', '{DATASET}', {{fn: 'Valéry', em: 'a@shop.example'}}); fbq('track', 'Lead')</script>",
    )
    until(tab, lambda: shop.events)
    assert "fn" not in shop.events[0]["user_data"]
