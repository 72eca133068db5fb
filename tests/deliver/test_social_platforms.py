"""The worker with TikTok and Pinterest: whole requests against what refuses as they do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from delivering import delivering, events

from tests.fakes.graph import Recorded
from tests.fakes.platforms.pinterest import Pinterest
from tests.fakes.platforms.tiktok import TikTok
from twofold.clock import now_ms
from twofold.destinations.pinterest import PINTEREST
from twofold.destinations.tiktok import TIKTOK
from twofold.event.model import Content, CustomData, Hashed, UserData

TOKEN = "token-of-the-platform"
SOMEBODY = UserData(em=(Hashed("meta", "7c277d580db2a598cbf1cf8aa391aedb9d323fa94ee926bdfc208d34a031e114"),))
GOODS = CustomData(
    value=Decimal("84.50"), currency="EUR", order_id="100427", contents=(Content(id="21", quantity=2, item_price=Decimal("40.00")),)
)  # fmt: skip


def purchases(*ids: str, **more):
    values = {"event_name": "Purchase", "event_source_url": "https://shop.example/thanks", "user_data": SOMEBODY,
              "custom_data": GOODS, "event_time": now_ms() // 1000 - 60}  # fmt: skip
    return events(*ids, **values | more)


def with_body(request: Recorded, body: bytes) -> Recorded:
    return replace(request, body=body)


STANDINS = [(TIKTOK, lambda: TikTok(pixel="PIXEL1", token=TOKEN), "taken"), (PINTEREST, lambda: Pinterest(account="PIXEL1", token=TOKEN), "kept")]  # fmt: skip


@pytest.mark.parametrize(("destination", "standin", "where"), STANDINS, ids=["tiktok", "pinterest"])
def test_a_batch_is_taken_whole(destination, standin, where):
    """Forty Purchases are one request, each with the id that the platform's pixel shares; a person's hash and no address in it."""
    platform = standin()

    async def scenario():
        async with delivering(
            platform, destination=destination, name="there", remote_dataset="PIXEL1", token=TOKEN
        ) as d:
            d.outbox.add(*purchases(*(f"e{n}" for n in range(40))))
            await d.done()
            assert set(d.outbox.states().values()) == {"delivered"}
            assert len(d.graph.requests) == 1
            assert TOKEN not in d.graph.requests[0].path

    asyncio.run(scenario())
    assert sorted(one["event_id"] for one in getattr(platform, where)) == sorted(f"e{n}" for n in range(40))


@pytest.mark.parametrize(("destination", "standin", "where"), STANDINS, ids=["tiktok", "pinterest"])
def test_a_wrong_token_waits_for_a_person(destination, standin, where):
    """Nothing is dead of it, and nothing was taken."""
    platform = standin()

    async def scenario():
        async with delivering(
            platform, destination=destination, name="there", remote_dataset="PIXEL1", token="another"
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
