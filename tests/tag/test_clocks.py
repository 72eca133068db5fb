"""Devices whose clock is wrong, or is set while a page is open: how long ago an event happened is told beside its time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from running_shop import DATASET, INIT, TAG, Shop, Visitor, until

pytestmark = pytest.mark.browser

DAY_S = 86_400
LEAD = "<script>fbq('track', 'Lead')</script>"
# A clock that is off by so many seconds, and can be set by the test.
CLOCK = """<script>(() => { const Real = Date; window.off = %d;
window.Date = class extends Real { constructor(...a) { if (a.length) super(...a); else super(Real.now() + off * 1000); }
  static now() { return Real.now() + off * 1000; } }; })();</script>"""
OFF = [("three years behind", -3 * 365 * DAY_S), ("the year 2000", 946_684_800 - 1_795_880_000), ("ten years ahead", 3650 * DAY_S), ("right", 0)]  # fmt: skip


def sent(shop: Shop, name: str) -> list[dict[str, Any]]:
    """Events with that name as they were sent, with their age."""
    return [e for post in list(shop.posts) for e in post["body"].get("events", ()) if e["event_name"] == name]


@pytest.mark.parametrize("off_s", [row[1] for row in OFF], ids=[row[0] for row in OFF])
def test_the_age_of_an_event_is_right_whatever_the_clock_says(off_s: int, shop: Shop, visitor: Visitor) -> None:
    """The time is the device's own; the age is what passed until it was sent."""
    began = time.monotonic()
    tab = visitor.open(CLOCK % off_s, TAG, "<script>fbq('consent', 'revoke')</script>", INIT, LEAD)
    tab.wait_for_timeout(1_600)
    tab.evaluate("fbq('consent', 'grant')")
    until(tab, lambda: sent(shop, "Lead"))
    (event,) = sent(shop, "Lead")
    passed = time.monotonic() - began
    assert -1 - passed <= event["event_time"] - (time.time() + off_s) <= 1
    assert 1 <= event["age"] <= passed


SETS = [("forward by years", 3 * 365 * DAY_S), ("back by years", -3 * 365 * DAY_S), ("back by an hour", -3600)]


@pytest.mark.parametrize("to_s", [row[1] for row in SETS], ids=[row[0] for row in SETS])
def test_a_clock_that_is_set_meanwhile(to_s: int, shop: Shop, visitor: Visitor) -> None:
    """The age is what passed, not what the clock moved."""
    began = time.monotonic()
    tab = visitor.open(CLOCK % 0, TAG, "<script>fbq('consent', 'revoke')</script>", INIT, LEAD)
    tab.wait_for_timeout(1_100)
    tab.evaluate("(s) => { window.off = s; fbq('consent', 'grant'); }", to_s)
    until(tab, lambda: sent(shop, "Lead"))
    assert 1 <= sent(shop, "Lead")[0]["age"] <= time.monotonic() - began


def test_hours_of_sleep_count(shop: Shop, visitor: Visitor) -> None:
    """A steady clock that stood still with the device is not believed against hours on the wall."""
    began = time.monotonic()
    tab = visitor.open(CLOCK % 0, TAG, "<script>fbq('consent', 'revoke')</script>", INIT, LEAD)
    tab.evaluate("window.off = 8 * 3600; fbq('consent', 'grant')")
    until(tab, lambda: sent(shop, "Lead"))
    assert 0 <= sent(shop, "Lead")[0]["age"] - 8 * 3600 <= time.monotonic() - began


def test_each_try_tells_its_own_age(shop: Shop, visitor: Visitor) -> None:
    """All else is sent again as it was."""
    shop.answer = (503, "")
    began = time.monotonic()
    tab = visitor.open(TAG, INIT, LEAD)
    until(tab, lambda: sent(shop, "Lead"))
    once = time.monotonic() - began
    tab.wait_for_timeout(1_100)
    shop.answer = (200, "")
    tab.evaluate("dispatchEvent(new Event('online')); 0")
    until(tab, lambda: len(shop.named("Lead")) >= 2)
    ages = [event["age"] for event in sent(shop, "Lead")]
    assert ages[0] <= once
    assert max(1, ages[0]) <= ages[-1] <= time.monotonic() - began
    assert all(event == shop.named("Lead")[0] for event in shop.named("Lead"))


STORED = [
    ("an hour ago", -3600, 3600),
    ("by a clock that was ahead", 400 * DAY_S, 0),
    ("by a clock of the year 2010", 1_262_304_000 - 1_795_880_000, 0),
]


@pytest.mark.parametrize(("at_s", "age_s"), [row[1:] for row in STORED], ids=[row[0] for row in STORED])
def test_an_event_of_an_earlier_page(at_s: int, age_s: int, shop: Shop, visitor: Visitor) -> None:
    """Its age is counted on the wall; a time that cannot be true, as the clock was wrong then, loses nothing."""
    began = time.monotonic()
    tab = visitor.open("an earlier page")
    at = int(time.time()) + at_s
    event = {"dataset": DATASET, "event_name": "Purchase", "event_id": "P", "event_time": at, "user_data": {}}
    tab.evaluate("([k, v]) => localStorage.setItem(k, v)", [f"twofold:{at}000:0.1", json.dumps(event)])
    visitor.open(TAG, page=tab)
    until(tab, lambda: shop.named("Purchase"))
    (found,) = sent(shop, "Purchase")
    assert found["event_time"] == at
    assert 0 <= found["age"] - age_s <= time.monotonic() - began + 1  # of which the clock had begun one
