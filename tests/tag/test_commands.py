"""What each fbq command does, as spec'd for Meta's own pixel."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from running_shop import BASE_SNIPPET, DATASET, INIT, RAN, TAG, Shop, Visitor, settle, until

pytestmark = pytest.mark.browser

OTHER = "222"
TWO = INIT + f"<script>fbq('init', '{OTHER}')</script>"


def ran(shop: Shop, visitor: Visitor, calls: str, *before: str) -> list[dict[str, Any]]:
    """The events that these calls made the tag send, without the one that marks the end."""
    tab = visitor.open(TAG, *(before or (INIT,)), f"<script>{calls}</script>")
    settle(tab, shop)
    return [event for event in shop.events if event["event_name"] != "Settled"]


GIVEN_IDS = [
    ("fbq('track', 'Purchase', {value: 1}, {eventID: 'order-1'})", "order-1"),
    ("fbq('track', 'Purchase', {value: 1}, {event_id: 'order-2'})", "order-2"),
    ("fbq('track', 'Purchase', {value: 1}, {eventID: 1003})", "1003"),
    ("fbq('trackCustom', 'Quiz', null, {eventID: 'q-1'})", "q-1"),
    (f"fbq('trackSingle', '{DATASET}', 'Lead', {{}}, {{eventID: 'l-1'}})", "l-1"),
    (f"fbq('trackSingleCustom', {DATASET}, 'Quiz', {{}}, {{event_id: 'l-2'}})", "l-2"),
]


def test_a_given_id_is_kept(shop: Shop, visitor: Visitor) -> None:
    """The page's own id is the event's id, under either spelling, and Meta's library gets it as it was."""
    tab = visitor.open(TAG, BASE_SNIPPET, INIT)
    for call, event_id in GIVEN_IDS:
        shop.hits.clear()
        tab.evaluate(call)
        until(tab, lambda: shop.hits)
        assert [h["eid"] for h in shop.hits] == [event_id]
    until(tab, lambda: len(shop.events) == len(GIVEN_IDS))
    # As sets: two posts of one tab may arrive in either order.
    assert {e["event_id"] for e in shop.events} == {event_id for _, event_id in GIVEN_IDS}


def test_an_id_in_the_parameters_is_no_id(shop: Shop, visitor: Visitor) -> None:
    """In argument 3 event_id is a custom parameter; the event still gets an id of its own."""
    (event,) = ran(shop, visitor, "fbq('track', 'Lead', {event_id: 'x'})")
    assert event["custom_data"] == {"event_id": "x"}
    assert len(event["event_id"]) >= 32


def test_the_pages_objects_are_left_alone(shop: Shop, visitor: Visitor) -> None:
    """The tag writes nothing into the objects a page passes, and takes what they held at the call."""
    tab = visitor.open(
        TAG, INIT, "<script>var o = {}, p = {value: 1}; fbq('track', 'Lead', p, o); p.value = 2</script>"
    )
    settle(tab, shop)
    assert tab.evaluate("[Object.keys(o).length, p.value]") == [0, 2]
    assert shop.named("Lead")[0]["custom_data"] == {"value": 1}


ROUTES = [
    ("fbq('track', 'Lead')", [DATASET, OTHER]),
    ("fbq('trackCustom', 'Lead')", [DATASET, OTHER]),
    (f"fbq('trackSingle', '{OTHER}', 'Lead')", [OTHER]),
    (f"fbq('trackSingleCustom', '{OTHER}', 'Lead')", [OTHER]),
    (f"fbq('set', 'trackSingleOnly', true, '{OTHER}'); fbq('track', 'Lead')", [DATASET]),
    ("fbq('trackSingle', '333', 'Lead')", []),
]


@pytest.mark.parametrize(("call", "datasets"), ROUTES)
def test_where_an_event_goes(call: str, datasets: list[str], shop: Shop, visitor: Visitor) -> None:
    """track reaches every initialised dataset under one id, trackSingle one, an unknown id none."""
    events = ran(shop, visitor, call, TWO)
    assert sorted(e["dataset"] for e in events) == datasets
    assert len({e["event_id"] for e in events}) <= 1
    assert bool(datasets) != any("333" in w and "init" in w for w in visitor.warnings)


def test_an_event_before_init_says_why_it_went_nowhere(shop: Shop, visitor: Visitor) -> None:
    """With no dataset there is nobody to send to; the console says so."""
    assert ran(shop, visitor, "fbq('track', 'Lead'); fbq('init', 'YOUR-PIXEL-ID')", "") == []
    assert any("Lead dropped" in w and "init" in w for w in visitor.warnings)
    assert any("digits" in w for w in visitor.warnings)


PAGE_VIEWS = [
    ("fbq('track', 'PageView'); fbq('track', 'PageView')", 1),
    ("fbq('track', 'PageView'); fbq('trackCustom', 'PageView')", 1),
    ("fbq('track', 'Lead'); fbq('track', 'Lead')", 2),
    ("fbq.allowDuplicatePageViews = true; fbq('track', 'PageView'); fbq('track', 'PageView')", 2),
]


def test_a_page_is_viewed_once(shop: Shop, visitor: Visitor) -> None:
    """A second PageView of one dataset on one page is suppressed, unless the page allows duplicates."""
    tab = visitor.open("first")
    for dataset, (calls, count) in enumerate(PAGE_VIEWS, start=1):
        visitor.open(TAG, f"<script>fbq('init', {dataset}); {calls}</script>", page=tab)
        settle(tab, shop, str(dataset))
        assert len({e["event_id"] for e in shop.events if e["dataset"] == str(dataset)}) == count + 1, calls


def test_an_event_says_all_it_knows(shop: Shop, visitor: Visitor) -> None:
    """The wire contract: every field of one Purchase, and nothing else."""
    began = time.monotonic()
    tab = visitor.open("<a id=next href='/thanks'>buy</a>", path="/cart")
    visitor.shop.pages["/thanks"] = (
        TAG + INIT + "<script>var before = Date.now() / 1000; fbq('dataProcessingOptions', ['LDU'], 1, 1000);"
        "fbq('track', 'Purchase', {value: 42.5, currency: 'EUR', contents: [{id: 'sku1', quantity: 2}], nothing: null})</script>"
    )
    tab.click("#next")
    until(tab, lambda: shop.posts)
    (post,) = shop.posts
    assert post["path"] == "/t/events"
    assert set(post["body"]) == {"v", "agent", "events"}
    assert (post["body"]["v"], post["body"]["agent"]) == (1, "twofold-tag/1")
    (event,) = post["body"]["events"]
    passed = time.monotonic() - began
    assert -1 <= event.pop("event_time") - tab.evaluate("before") <= passed
    assert event.pop("age") <= passed
    assert set(event.pop("user_data")) == {"fbp"}
    assert len(event.pop("event_id")) >= 32
    assert event == {
        "dataset": DATASET,
        "event_name": "Purchase",
        "event_source_url": visitor.url("/thanks"),
        "referrer_url": visitor.url("/cart"),
        "custom_data": {"value": 42.5, "currency": "EUR", "contents": [{"id": "sku1", "quantity": 2}], "nothing": None},
        "data_processing_options": ["LDU"],
        "data_processing_options_country": 1,
        "data_processing_options_state": 1000,
    }


def test_processing_options_hold_from_their_call_on(shop: Shop, visitor: Visitor) -> None:
    """An event carries the options in force when it happened; an empty list is sent as such."""
    calls = "fbq('track','A'); fbq('dataProcessingOptions', []); fbq('track','B')"
    a, b = ran(shop, visitor, calls)
    assert "data_processing_options" not in a
    assert b["data_processing_options"] == []


def test_other_commands_reach_metas_library(shop: Shop, visitor: Visitor) -> None:
    """What the tag does not know it passes on untouched."""
    tab = visitor.open(TAG, "<script>var seen; fbq.callMethod = function () { seen = [this === fbq].concat([].slice.call(arguments)); };"
                       "fbq('setUserProperties', 'x', {a: 1})</script>")  # fmt: skip
    assert tab.evaluate("seen") == [True, "setUserProperties", "x", {"a": 1}]


HELD = [
    ("fbq('consent','revoke'); fbq('track','Lead')", [], False),
    ("fbq('consent','revoke'); fbq('track','Lead'); fbq('consent','grant')", ["Lead"], True),
    ("fbq('track','Lead'); fbq('consent','grant')", ["Lead"], True),
    ("fbq('track','Lead')", ["Lead"], False),
]


@pytest.mark.parametrize("late", [False, True], ids=["called after the tag", "queued before the tag"])
@pytest.mark.parametrize(("calls", "names", "granted"), HELD)
def test_consent(calls: str, names: list[str], granted: bool, late: bool, shop: Shop, visitor: Visitor) -> None:
    """Revoked: nothing is sent, stored or set. Granted, even when both were queued: it goes, and says so."""
    page = (
        [BASE_SNIPPET, INIT, f"<script>{calls}</script>", TAG, RAN]
        if late
        else [TAG, BASE_SNIPPET, INIT, f"<script>{calls}</script>", RAN]
    )
    shop.waits_for = {"/fbevents.js": "/ran"}
    tab = visitor.open(*page, path="/?fbclid=AbC")
    if names:
        until(tab, lambda: len(shop.events) >= len(names))
    tab.wait_for_timeout(60)
    assert sorted(e["event_name"] for e in shop.events) == sorted(names)
    assert [e.get("consent") for e in shop.events] == ["granted" if granted else None] * len(names)
    assert ("_fbc" in visitor.cookies()) == bool(names)
    assert tab.evaluate("localStorage.length") == 0


def test_held_events_keep_their_time_and_are_gone_with_the_page(shop: Shop, visitor: Visitor) -> None:
    """A grant releases what was held with the time it happened; without one, leaving sends nothing."""
    revoked = (
        "<script>var at = [Date.now()]; fbq('consent','revoke'); fbq('track','Lead'); at.push(Date.now())</script>"
    )
    tab = visitor.open(TAG, INIT, revoked, path="/a?fbclid=AbC")
    first, last = (at // 1000 for at in tab.evaluate("at"))
    tab.wait_for_timeout(1100)
    tab.evaluate("history.pushState(0, '', '/b'); fbq('consent', 'grant')")
    until(tab, lambda: shop.named("Lead"))
    assert first <= shop.named("Lead")[0]["event_time"] <= last
    assert shop.named("Lead")[0]["user_data"]["fbc"].endswith(".AbC")
    settle(tab, shop)  # what the grant released besides
    count = len(shop.events)
    visitor.open(TAG, INIT, revoked, path="/c", page=tab)
    visitor.open(TAG, INIT, path="/d", page=tab)
    settle(tab, shop)
    assert len(shop.events) == count + 1


NAVIGATIONS = [
    ("history.pushState(0, '', '/b')", 2),
    ("history.replaceState(0, '', '/b')", 2),
    ("history.replaceState(0, '', location.href)", 1),
    ("history.pushState(0, '', '/b'); history.pushState(0, '', '/c')", 3),
    ("fbq.disablePushState = true; history.pushState(0, '', '/b')", 1),
    ("history.pushState(0, '', '/b'); fbq('track', 'PageView')", 2),
]


@pytest.mark.parametrize("snippet", ["", BASE_SNIPPET], ids=["tag alone", "with Meta's library"])
def test_navigation_inside_a_page(snippet: str, shop: Shop, visitor: Visitor) -> None:
    """Each new address is one PageView, at Meta's library under the same id, unless the page switches that off."""
    tab = visitor.open("first")
    for number, (moves, views) in enumerate(NAVIGATIONS, start=1):
        dataset = str(number)  # tells the rows apart
        calls = f"<script>fbq('init', {dataset}); fbq('track', 'PageView')</script>"
        visitor.open(TAG, snippet, calls, path="/a", page=tab)
        if snippet:
            until(tab, partial(hits_of, shop, dataset))
        tab.evaluate(moves)
        settle(tab, shop, dataset)
        ours = {e["event_id"] for e in shop.events if e["dataset"] == dataset}
        assert len(ours) == views + 1, moves
        if snippet:
            until(tab, lambda ours=ours, dataset=dataset: len(hits_of(shop, dataset)) >= len(ours))
            assert sorted(hits_of(shop, dataset)) == sorted(ours), moves


def hits_of(shop: Shop, dataset: str) -> list[str]:
    return [hit["eid"] for hit in shop.hits if hit["id"] == dataset]


def test_back_and_forward(shop: Shop, visitor: Visitor) -> None:
    """popstate is a navigation; the event tells the address it happened at."""
    tab = visitor.open(TAG, INIT, "<script>fbq('track', 'PageView')</script>", path="/a")
    tab.evaluate("history.pushState(0, '', '/b')")
    tab.evaluate("history.back()")
    until(tab, lambda: len(shop.named("PageView")) == 3)
    # Each goes by itself: which request comes first is the network's to say.
    assert sorted(e["event_source_url"].split("/")[-1] for e in shop.named("PageView")) == ["a", "a", "b"]


def test_no_page_view_before_a_first_event(shop: Shop, visitor: Visitor) -> None:
    """A router that moves while the page starts makes no PageView the page did not ask for."""
    assert ran(shop, visitor, "history.replaceState(0, '', '/b')") == []
