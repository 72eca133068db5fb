"""Copies of devices whose clock is wrong: their age is applied to the gateway's clock, what the device said is kept."""

from __future__ import annotations

from typing import Any

import pytest
from running_gateway import DATASET, NOW_MS, NOW_S, Running, purchase

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.event.refusal import DropReason, Refusal

DAY_S = 86_400
YEAR_S = 365 * DAY_S


def read(event_time: Any, channel: Channel = Channel.BROWSER, **facts: Any) -> Event | Refusal:
    """One raw event through the steps."""
    server = channel is Channel.SERVER
    origin = Origin(
        dataset="1",
        channel=channel,
        sender="test",
        tier=Tier.T2 if server else Tier.T0,
        received_at=NOW_MS,
        client_ip=None if server else "203.0.113.9",
        user_agent=None if server else "Mozilla/5.0",
    )
    user = {"external_id": "c-7"} if server else {}
    raw = RawEvent(event_name="Lead", event_time=event_time, event_id="e-1", action_source="website")
    raw.user_data = user | facts.pop("user_data", {})
    for name, value in facts.items():
        setattr(raw, name, value)
    return run(raw, origin)


# claim, the device's time, age, the event's time, what is kept of the device's
CLOCKS: list[tuple[str, Any, Any, int, int | None]] = [
    ("a right clock", NOW_S - 40, 40, NOW_S - 40, None),
    ("a right clock and no age", NOW_S - 40, None, NOW_S - 40, None),
    ("a little off", NOW_S - 40 - 250, 40, NOW_S - 290, None),
    ("an hour behind", NOW_S - 3640, 40, NOW_S - 40, NOW_S - 3640),
    ("an hour ahead", NOW_S + 3560, 40, NOW_S - 40, NOW_S + 3560),
    ("three years behind", NOW_S - 3 * YEAR_S, 40, NOW_S - 40, NOW_S - 3 * YEAR_S),
    ("ten years ahead", NOW_S + 10 * YEAR_S, 0, NOW_S, NOW_S + 10 * YEAR_S),
    ("before 1970", -5, 7, NOW_S - 7, -5),
    ("five days in the storage", NOW_S - YEAR_S, 5 * DAY_S, NOW_S - 5 * DAY_S, NOW_S - YEAR_S),
    ("no time at all", None, 7, NOW_S - 7, None),
    ("an age as text", NOW_S - YEAR_S, "40", NOW_S - 40, NOW_S - YEAR_S),
    ("an age that is none", NOW_S - 40, "soon", NOW_S - 40, None),
    ("an age beyond the window", NOW_S - 40, 8 * DAY_S, NOW_S - 40, None),
    ("an age below zero", NOW_S - 40, -1, NOW_S - 40, None),
]


@pytest.mark.parametrize(("given", "age", "time_s", "kept"), [c[1:] for c in CLOCKS], ids=[c[0] for c in CLOCKS])
def test_the_age_counts_where_the_clock_cannot_be_right(given: Any, age: Any, time_s: int, kept: int | None) -> None:
    """Within five minutes the device is believed; beyond, the time is the gateway's less the age."""
    event = read(given, age=age)
    assert isinstance(event, Event), event
    assert (event.event_time, event.device_time) == (time_s, kept)


@pytest.mark.parametrize("age", [None, "soon", -1, 8 * DAY_S])
def test_without_a_usable_age_the_time_is_what_it_says(age: Any) -> None:
    """A copy of long ago is refused as ever."""
    refusal = read(NOW_S - YEAR_S, age=age)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is DropReason.EVENT_TOO_OLD


def test_a_server_has_no_age() -> None:
    """Its time stands: it was not measured on a device of a shopper."""
    refusal = read(NOW_S - YEAR_S, Channel.SERVER, age=0)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is DropReason.EVENT_TOO_OLD


# claim, the device's time, when it noted the click by which clock, what leaves
CLICKS = [
    ("noted by the same clock", NOW_S - 3 * YEAR_S, NOW_S - 3 * YEAR_S - DAY_S, NOW_S - DAY_S),
    ("noted at once", NOW_S + 10 * YEAR_S, NOW_S + 10 * YEAR_S, NOW_S),
    ("noted 89 days before", NOW_S - YEAR_S, NOW_S - YEAR_S - 89 * DAY_S, NOW_S - 89 * DAY_S),
    ("noted while the clock was right", NOW_S - 3 * YEAR_S, NOW_S - DAY_S, NOW_S - DAY_S),
    ("a right clock", NOW_S, NOW_S - DAY_S, NOW_S - DAY_S),
]


@pytest.mark.parametrize("appendix", ["", ".AQYCAQMB"])
@pytest.mark.parametrize(("device", "noted", "made"), [c[1:] for c in CLICKS], ids=[c[0] for c in CLICKS])
def test_a_click_noted_by_a_wrong_clock(device: int, noted: int, made: int, appendix: str) -> None:
    """It moves with the event's time and is not taken for one that is over; the browser's id never changes."""
    fbp = f"fb.1.{noted}000.1234567890"
    user = {"fbc": f"fb.1.{noted}000.IwAR0AbC_x{appendix}", "fbp": fbp}
    event = read(device, age=0, user_data=user)
    assert isinstance(event, Event), event
    assert event.user_data.fbc == f"fb.1.{made}000.IwAR0AbC_x{appendix}"
    assert event.user_data.fbp == fbp


HITS = [
    ("three years behind", NOW_S - 3 * YEAR_S, NOW_S, NOW_S - 3 * YEAR_S),
    ("two days ahead", NOW_S + 2 * DAY_S, NOW_S, NOW_S + 2 * DAY_S),
    ("an hour behind: believed, as it says nothing of its age", NOW_S - 3600, NOW_S - 3600, None),
    ("right", NOW_S, NOW_S, None),
]


@pytest.mark.parametrize(("ts", "time_s", "kept"), [h[1:] for h in HITS], ids=[h[0] for h in HITS])
def test_the_genuine_pixel_keeps_nothing_for_later(ts: int, time_s: int, kept: int | None, gateway: Running) -> None:
    """A hit whose time is of another day is of now."""
    gateway.send("GET", f"/tr?id={DATASET}&ev=Lead&eid=l-1&ts={ts}123&v=2.9.178", user_agent="Mozilla/5.0")
    event = gateway.new_event()
    assert (event.event_time, event.device_time) == (time_s, kept)


def test_what_the_device_said_is_not_a_field_of_the_wire(gateway: Running) -> None:
    """What is kept of the device's clock is what its time said: nobody can write it by its name."""
    assert gateway.post(purchase(age=0, device_time=5)).status == 200
    assert gateway.new_event().device_time is None
    gateway.tag(
        {
            "dataset": DATASET,
            "event_name": "Lead",
            "event_time": NOW_S - YEAR_S,
            "event_id": "l-1",
            "age": 3,
            "device_time": 5,
        }
    )
    assert gateway.new_event().device_time == NOW_S - YEAR_S


NO_PAGES = ["about:srcdoc", "about:blank", "blob:https://shop.example/1-2", "data:text/html,x", "file:///p", "javascript:0"]  # fmt: skip


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("url", NO_PAGES)
def test_what_is_no_page_s_address_is_left_out(url: str, channel: Channel) -> None:
    """At either channel and of either address; the event stays."""
    event = read(NOW_S, channel, event_source_url=url, referrer_url=url)
    assert isinstance(event, Event), event
    assert (event.event_source_url, event.referrer_url) == (None, None)
    assert read(NOW_S, channel, event_source_url=url).event_source_url is None  # type: ignore[union-attr]
