"""The worker with TikTok, Pinterest, Snap, Reddit, LinkedIn and X: whole requests against what refuses as they do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from delivering import delivering, events

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


ODD = {"custom_data": CustomData(value=Decimal("84.51"), currency="EUR")}
"""What a bad event is known by in the bytes of a request."""

REFUSALS = [
    # each the bytes that the stand-in is told otherwise, how many good ones go with it, why the bad one dies, and in how many requests
    pytest.param(TIKTOK, b'"page":{"url":"https://shop.example/broken"}', b'"page":{}',
                 {"event_source_url": "https://shop.example/broken"}, 9, "rejected:40002", 3, id="tiktok-names-the-place"),
    pytest.param(PINTEREST, b'"84.51"', b"84.51", ODD, 5, "rejected:failed", 1, id="pinterest-keeps-the-others"),
    pytest.param(SNAP, b'"event_id":"bad","user_data":{', b'"event_id":"bad","user_data":{"ph":["202"],', {}, 7, "rejected:http-400", None,
                 id="snap-names-none"),
    pytest.param(REDDIT, b'"value":84.51', b'"value":"84.51"', ODD, 5, "rejected:http-400", 3, id="reddit-names-the-place"),
    pytest.param(LINKEDIN, b'"amount":"84.51"', b'"amount":84.51', ODD, 5, "rejected:http-422", 3, id="linkedin-names-the-place"),
    pytest.param(X, b'"event_id":"tw-o8z6j-o9abc","conversion_id":"bad"', b'"event_id":"?","conversion_id":"bad"', {}, 7,
                 "rejected:INVALID_PARAMETER", None, id="x-names-none"),
    pytest.param(MICROSOFT, b'"value":84.51', b'"value":"84.51"', ODD, 5, "rejected:http-400", 3, id="microsoft-names-the-place"),
]  # fmt: skip


@pytest.mark.parametrize(("destination", "told", "otherwise", "bad", "good", "reason", "requests"), REFUSALS)
def test_what_a_platform_refuses_dies_alone(destination, told, otherwise, bad, good, reason, requests):
    """The others are kept once each: with the first request where the platform takes them, else again without the one that it names, or
    by halves. Where the number of requests is that of halving, it is not looked at."""
    standin, where = next(row.values[1:] for row in STANDINS if row.values[0] is destination)
    platform = standin()

    def script(request):
        return platform(replace(request, body=request.body.replace(told, otherwise)))

    async def scenario():
        async with delivering(
            script,
            destination=destination,
            name="there",
            remote_dataset="PIXEL1",
            token=TOKEN,
            **settings_of(destination),
        ) as d:
            d.outbox.add(*purchases(*(f"e{n}" for n in range(good))), *purchases("bad", **bad))
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"bad"}
            assert d.outbox.rows["bad"].reason == reason
            assert requests in (None, len(d.graph.requests))

    asyncio.run(scenario())
    assert ids_of(getattr(platform, where)) == [f"e{n}" for n in range(good)]


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
