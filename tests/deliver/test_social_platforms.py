"""The worker with TikTok, Pinterest, Snap, Reddit, LinkedIn and X: whole requests against what refuses as they do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from delivering import delivering, events

from tests.fakes.graph import Recorded
from tests.fakes.platforms import path_of
from tests.fakes.platforms.linkedin import LinkedIn
from tests.fakes.platforms.microsoft import Microsoft
from tests.fakes.platforms.pinterest import Pinterest
from tests.fakes.platforms.reddit import Reddit
from tests.fakes.platforms.snap import Snap
from tests.fakes.platforms.tiktok import TikTok
from tests.fakes.platforms.x import X as XPlatform
from twofold.clock import now_ms
from twofold.destinations.microsoft import MICROSOFT
from twofold.destinations.social.linkedin import LINKEDIN
from twofold.destinations.social.pinterest import PINTEREST
from twofold.destinations.social.reddit import REDDIT
from twofold.destinations.social.snap import SNAP
from twofold.destinations.social.tiktok import TIKTOK
from twofold.destinations.social.x import X
from twofold.event.model import Content, CustomData, Hashed, UserData

TOKEN = "token-of-the-platform"
SOMEBODY = UserData(
    em=(Hashed("meta", "7c277d580db2a598cbf1cf8aa391aedb9d323fa94ee926bdfc208d34a031e114"),),
    client_ip_address="203.0.113.7",
    client_user_agent="Mozilla/5.0",
)
GOODS = CustomData(
    value=Decimal("84.50"), currency="EUR", order_id="100427", contents=(Content(id="21", quantity=2, item_price=Decimal("40.00")),)
)  # fmt: skip


def purchases(*ids: str, **more):
    values = {"event_name": "Purchase", "event_source_url": "https://shop.example/thanks", "user_data": SOMEBODY,
              "custom_data": GOODS, "event_time": now_ms() // 1000 - 60}  # fmt: skip
    return events(*ids, **values | more)


def with_body(request: Recorded, body: bytes) -> Recorded:
    return replace(request, body=body)


STANDINS = [
    pytest.param(TIKTOK, lambda: TikTok(pixel="PIXEL1", token=TOKEN), "taken", id="tiktok"),
    pytest.param(PINTEREST, lambda: Pinterest(account="PIXEL1", token=TOKEN), "kept", id="pinterest"),
    pytest.param(SNAP, lambda: Snap(pixel="PIXEL1", token=TOKEN), "kept", id="snap"),
    pytest.param(REDDIT, lambda: Reddit(pixel="PIXEL1", token=TOKEN), "kept", id="reddit"),
    pytest.param(LINKEDIN, lambda: LinkedIn(rule="1234567", token=TOKEN), "kept", id="linkedin"),
    pytest.param(X, lambda: XPlatform(pixel="PIXEL1", token=TOKEN), "kept", id="x"),
    pytest.param(MICROSOFT, lambda: Microsoft(tag="PIXEL1", token=TOKEN), "kept", id="microsoft"),
]
THERE = {"linkedin": "1234567", "x": "tw-o8z6j-o9abc"}
"""What a Purchase is at a platform that has an id for it."""


def settings_of(destination):
    return {"events": {"Purchase": THERE[destination.platform]}} if destination.needs_names else {}


def ids_of(kept):
    return sorted(
        one.get("eventId") or one.get("conversion_id") or one.get("event_id") or one["metadata"]["conversion_id"]
        for one in kept
    )


@pytest.mark.parametrize(("destination", "standin", "where"), STANDINS)
def test_a_batch_is_taken_whole(destination, standin, where):
    """Forty Purchases are one request, each with the id that the platform's pixel shares; a person's hash and no address in it."""
    platform = standin()

    async def scenario():
        async with delivering(
            platform,
            destination=destination,
            name="there",
            remote_dataset="PIXEL1",
            token=TOKEN,
            **settings_of(destination),
        ) as d:
            d.outbox.add(*purchases(*(f"e{n}" for n in range(40))))
            await d.done()
            assert set(d.outbox.states().values()) == {"delivered"}
            assert len(d.graph.requests) == 1
            assert TOKEN not in path_of(d.graph.requests[0])

    asyncio.run(scenario())
    assert ids_of(getattr(platform, where)) == sorted(f"e{n}" for n in range(40))


@pytest.mark.parametrize(("destination", "standin", "where"), STANDINS)
def test_a_wrong_token_waits_for_a_person(destination, standin, where):
    """Nothing is dead of it, and nothing was taken."""
    platform = standin()

    async def scenario():
        async with delivering(
            platform,
            destination=destination,
            name="there",
            remote_dataset="PIXEL1",
            token="another",
            **settings_of(destination),
        ) as d:
            d.outbox.add(*purchases("e1"))
            await d.until(lambda: d.outbox.attempts_of("e1"))
            assert d.outbox.states() == {"e1": "waiting"}
            assert d.outbox.attempts_of("e1")[-1].outcome == "credentials"

    asyncio.run(scenario())
    assert getattr(platform, where) == []


def test_what_tiktok_names_dies_alone():
    """One of ten without its page's address, as bytes of an earlier release could be: nine are delivered."""
    platform = TikTok(pixel="PIXEL1", token=TOKEN)
    broken = b'"page":{"url":"https://shop.example/broken"}'

    def script(request):
        # the stand-in is told a request in which one event has lost its page
        return platform(with_body(request, request.body.replace(broken, b'"page":{}')))

    async def scenario():
        async with delivering(script, destination=TIKTOK, name="there", remote_dataset="PIXEL1", token=TOKEN) as d:
            d.outbox.add(
                *purchases(*(f"e{n}" for n in range(9))),
                *purchases("bad", event_source_url="https://shop.example/broken"),
            )
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}
            assert d.outbox.rows["bad"].reason == "rejected:40002"

    asyncio.run(scenario())
    assert len(platform.taken) == 9


def test_what_pinterest_names_dies_alone_and_no_other_goes_twice():
    """The good ones are kept with the first request: a repeat would count twice."""
    platform = Pinterest(account="PIXEL1", token=TOKEN)

    def script(request):
        return platform(with_body(request, request.body.replace(b'"84.51"', b"84.51")))

    async def scenario():
        async with delivering(script, destination=PINTEREST, name="there", remote_dataset="PIXEL1", token=TOKEN) as d:
            bad = CustomData(value=Decimal("84.51"), currency="EUR")
            d.outbox.add(*purchases(*(f"e{n}" for n in range(5))), *purchases("bad", custom_data=bad))
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}
            assert len(d.graph.requests) == 1

    asyncio.run(scenario())
    assert len(platform.kept) == 5


def test_what_snap_refuses_is_found_and_dies_alone():
    """Snap names no event, so halves are sent until the bad one is by itself; the others are kept once."""
    platform = Snap(pixel="PIXEL1", token=TOKEN)
    broken = b'"event_id":"bad","user_data":{'

    def script(request):
        return platform(with_body(request, request.body.replace(broken, broken + b'"ph":["202"],')))

    async def scenario():
        async with delivering(script, destination=SNAP, name="there", remote_dataset="PIXEL1", token=TOKEN) as d:
            d.outbox.add(*purchases(*(f"e{n}" for n in range(7)), "bad"))
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}

    asyncio.run(scenario())
    assert ids_of(platform.kept) == [f"e{n}" for n in range(7)]


def test_what_reddit_names_dies_alone():
    """The refusal has the places of the bad ones; none was taken with it, and the rest goes again without them."""
    platform = Reddit(pixel="PIXEL1", token=TOKEN)

    def script(request):
        return platform(with_body(request, request.body.replace(b'"value":84.51', b'"value":"84.51"')))

    async def scenario():
        async with delivering(script, destination=REDDIT, name="there", remote_dataset="PIXEL1", token=TOKEN) as d:
            bad = CustomData(value=Decimal("84.51"), currency="EUR")
            d.outbox.add(*purchases(*(f"e{n}" for n in range(5))), *purchases("bad", custom_data=bad))
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}
            assert len(d.graph.requests) == 3

    asyncio.run(scenario())
    assert ids_of(platform.kept) == [f"e{n}" for n in range(5)]


def test_what_linkedin_names_dies_alone():
    """A batch with a bad one stores nothing: the good ones go again without it, and it by itself once more. None is kept twice."""
    platform = LinkedIn(rule="1234567", token=TOKEN)

    def script(request):
        return platform(with_body(request, request.body.replace(b'"amount":"84.51"', b'"amount":84.51')))

    async def scenario():
        async with delivering(
            script, destination=LINKEDIN, name="there", remote_dataset="5", token=TOKEN, **settings_of(LINKEDIN)
        ) as d:
            bad = CustomData(value=Decimal("84.51"), currency="EUR")
            d.outbox.add(*purchases(*(f"e{n}" for n in range(5))), *purchases("bad", custom_data=bad))
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}
            assert d.outbox.rows["bad"].reason == "rejected:http-422"
            assert len(d.graph.requests) == 3

    asyncio.run(scenario())
    assert ids_of(platform.kept) == [f"e{n}" for n in range(5)]


def test_a_dead_version_of_linkedin_waits_for_a_person():
    """Another version is a setting; no event dies of it."""
    platform = LinkedIn(rule="1234567", token=TOKEN)

    async def scenario():
        async with delivering(
            platform,
            destination=LINKEDIN,
            name="there",
            remote_dataset="5",
            token=TOKEN,
            version="202511",
            **settings_of(LINKEDIN),
        ) as d:
            d.outbox.add(*purchases("e1"))
            await d.until(lambda: d.outbox.attempts_of("e1"))
            assert d.outbox.states() == {"e1": "waiting"}
            assert d.outbox.attempts_of("e1")[-1].outcome == "misdirected"

    asyncio.run(scenario())
    assert platform.kept == []


def test_what_x_refuses_is_found_and_dies_alone():
    """X names no event, so halves are sent until the bad one is by itself; the others are kept once."""
    platform = XPlatform(pixel="PIXEL1", token=TOKEN)
    source = b'"event_id":"tw-o8z6j-o9abc","conversion_id":"bad"'

    def script(request):
        return platform(with_body(request, request.body.replace(source, b'"event_id":"?","conversion_id":"bad"')))

    async def scenario():
        async with delivering(
            script, destination=X, name="there", remote_dataset="PIXEL1", token=TOKEN, **settings_of(X)
        ) as d:
            d.outbox.add(*purchases(*(f"e{n}" for n in range(7)), "bad"))
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}
            assert d.outbox.rows["bad"].reason == "rejected:INVALID_PARAMETER"

    asyncio.run(scenario())
    assert ids_of(platform.kept) == [f"e{n}" for n in range(7)]
