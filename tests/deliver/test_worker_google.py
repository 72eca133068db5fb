"""Google Ads against its stand-in: tokens that end, events that are named, results that are told later; nothing of a secret in a log."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from decimal import Decimal
from threading import Event

from delivering import SWIFT, Delivering, delivering, events
from msgspec.structs import replace

from tests.fakes.graph import Reply
from tests.fakes.platforms.google_ads import GoogleAds
from twofold.clock import now_ms
from twofold.deliver import told as told_module
from twofold.destinations.google import GOOGLE_ADS
from twofold.event.model import CustomData

REFRESH, CLIENT = "1//refresh-invented", "client-secret-invented"


def orders(*ids: str, **changes):
    made = events(*ids, event_name="Purchase", click_ids={"gclid": "EAIaIQ"}, **changes)
    for n, event in enumerate(made):
        event.custom_data = CustomData(value=Decimal("84.50"), currency="EUR", order_id=str(100 + n))
    return made


def standin(**changes) -> GoogleAds:
    return GoogleAds(account="4445556666", actions={"9"}, refresh_token=REFRESH, now_s=now_ms() // 1000, **changes)


@asynccontextmanager
async def google(fake: GoogleAds, destination=GOOGLE_ADS, **more):
    options = {"client_id": "c", "client_secret": CLIENT, "refresh_token": REFRESH, "token_url": "http://x/token"}
    settings = {"remote_dataset": "4445556666", "token": "", "events": {"Purchase": "9"}, "options": options}
    async with delivering(fake, destination=destination, name="google-1", **settings, **more) as d:
        d.worker.retarget(replace(d.worker._access.target, options=options | {"token_url": f"{d.graph.url}/token"}))
        yield d


def paths(d: Delivering) -> list[str]:
    return [r.path.partition("?")[0] for r in d.graph.requests]


def test_a_token_is_fetched_once_and_stands_nowhere(caplog):
    """Four requests at once ask for one token; neither it nor what it is made of is in a log or note."""
    fake = standin()

    async def scenario():
        async with google(fake, batch=1) as d:
            d.outbox.add(*orders(*(f"o{n}" for n in range(8))))
            await d.done()
            assert set(d.outbox.states().values()) == {"delivered"}
            assert paths(d).count("/token") == 1
            notes = " ".join(s.note for s in d.outbox.settled)
            assert not any(secret in notes for secret in (REFRESH, CLIENT, *fake.tokens))

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    assert len(fake.taken) == 8
    assert {e["transactionId"] for e in fake.taken} == {f"W-{100 + n}" for n in range(8)}
    assert not any(secret in caplog.text for secret in (REFRESH, CLIENT, *fake.tokens))


def test_a_token_that_ends_is_renewed_before_and_one_that_is_taken_back_at_once():
    """No attempt is counted for a 401 that a new token mends."""
    fake = standin()

    async def scenario():
        async with google(fake) as d:
            d.outbox.add(*orders("first"))
            await d.done()
            d.forward(3599 - 200)  # within five minutes of its end
            fake.now_s += 3599
            d.outbox.add(*orders("second"))
            await d.done()
            assert len(fake.tokens) == 2
            fake.revoked.add(fake.tokens[-1])
            d.outbox.add(*orders("third"))
            await d.done()
            assert len(fake.tokens) == 3
            assert d.outbox.rows["third"].attempts == 1
            assert d.outbox.pauses == []

    asyncio.run(scenario())


def test_a_platform_that_takes_no_token_at_all_is_asked_twice_and_then_left_alone():
    """One renewal for a request, then a pause: a token endpoint that always says yes must not become a loop."""
    fake = standin()

    def script(request):
        return fake(request) if request.path == "/token" else Reply(status=401, body=b"{}")

    async def scenario():
        async with google(script, policy=replace(SWIFT, probe_ms=600_000)) as d:
            d.outbox.add(*orders("a"))
            await d.until(lambda: d.outbox.pauses)
            await asyncio.sleep(0.05)
            assert paths(d).count("/v1/events:ingest") == 2
            assert [reason for reason, _ in d.outbox.pauses] == ["credentials:http-401"]
            assert d.outbox.rows["a"].attempts == 0

    asyncio.run(scenario())


def test_a_token_of_a_short_life_is_not_asked_for_before_every_request():
    """One that lives four minutes is renewed at half of them, not five minutes before its end, which has passed already."""
    fake = standin(token_s=240)

    async def scenario():
        async with google(fake, batch=1) as d:
            d.outbox.add(*orders(*(f"o{n}" for n in range(6))))
            await d.done()
            assert len(fake.tokens) == 1
            d.forward(121)
            fake.now_s += 121
            d.outbox.add(*orders("later"))
            await d.done()
            assert len(fake.tokens) == 2

    asyncio.run(scenario())


def test_a_renewal_that_hangs_or_fails_keeps_nobody_waiting():
    """Near its end the old token is still good: one request asks for a new one, the others go on, and a no is not asked for again at
    once."""
    fake = standin()
    hanging, refusing, asked = Event(), Event(), []

    def script(request):
        if request.path != "/token" or not (hanging.is_set() or refusing.is_set()):
            return fake(request)
        asked.append(request)
        return Reply(hang=True) if hanging.is_set() else Reply(status=503, body=b"")

    async def scenario():
        async with google(script, batch=1, timeout_s=60.0) as d:
            d.outbox.add(*orders("first"))
            await d.done()
            d.forward(3599 - 200)
            fake.now_s += 3599
            refusing.set()
            d.outbox.add(*orders("a", "b", "c", "d"))
            await d.done()
            assert (len(asked), d.outbox.pauses) == (1, [])
            d.forward(20)
            hanging.set()
            d.outbox.add(*orders(*(f"h{n}" for n in range(8))))
            await d.until(lambda: sum(s == "delivered" for s in d.outbox.states().values()) == 12)
            assert len(asked) == 2  # it waits for its token alone
            d.worker._sender.hurry()

    asyncio.run(scenario())


def test_a_token_that_was_exchanged_meanwhile_stands_in_no_note():
    """A slow no that repeats the token of its request comes after the next one was fetched."""
    fake, repeat = standin(), Event()

    def script(request):
        if repeat.is_set() and request.path.startswith("/v1/events"):
            told = {"error": {"code": 400, "status": "X", "message": f"bad token {fake.tokens[0]} here"}}
            return Reply(status=400, body=json.dumps(told).encode())
        return fake(request)

    async def scenario():
        async with google(script) as d:
            d.outbox.add(*orders("first"))
            await d.done()
            token = d.worker._access._token
            token.forget(token.current)
            repeat.set()
            d.outbox.add(*orders("second"))
            await d.until(lambda: len(d.outbox.settled) > 1)
            notes = [s.note for s in d.outbox.settled]
            assert len(fake.tokens) == 2
            assert "bad token … here" in notes[-1]

    asyncio.run(scenario())


def test_a_grant_that_is_gone_stops_the_destination_and_costs_no_event():
    """`invalid_grant` needs a person: one pause, nothing dead; it goes on by itself when the grant is good again."""
    fake = standin(grant_gone=True)

    async def scenario():
        async with google(fake) as d:
            d.outbox.add(*orders("a", "b"))
            await d.until(lambda: len(d.outbox.pauses) >= 2)
            assert {reason for reason, _ in d.outbox.pauses} == {"credentials:token-invalid_grant"}
            assert {row.attempts for row in d.outbox.rows.values()} == {0}
            fake.grant_gone = False
            await d.done()
            assert set(d.outbox.states().values()) == {"delivered"}

    asyncio.run(scenario())


def test_a_bad_event_is_found_by_its_place():
    """One currency that Google does not take: the others go on together, three requests in all beside the token's."""
    fake = standin()

    async def scenario():
        async with google(fake) as d:
            batch = orders(*(f"o{n}" for n in range(20)))
            batch[13].custom_data.currency = "eur"
            d.outbox.add(*batch)
            await d.done()
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"o13"}
            assert d.outbox.rows["o13"].reason == "rejected:INVALID_CURRENCY_CODE"
            assert paths(d).count("/v1/events:ingest") == 3

    asyncio.run(scenario())


def test_what_is_told_later_stands_beside_the_attempts(monkeypatch):
    """PROCESSING is asked again; then the counts by reason are kept for each delivery of that request, once."""
    monkeypatch.setattr(told_module, "RESULTS_LOOK_S", 0.01)
    error = {"reason": "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID", "recordCount": "2"}
    told = {"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {"errorCounts": [error]}}
    fake = standin(later=told)
    soon = replace(GOOGLE_ADS, later=replace(GOOGLE_ADS.later, first_s=0))

    async def scenario():
        async with google(fake, soon) as d:
            d.outbox.add(*orders("a", "b", "c"))
            await d.until(lambda: d.outbox.told)
            ids = tuple(row.id for row in d.outbox.rows.values())
            assert d.outbox.told == [(ids, "partial", "later r-1 DUPLICATE_TRANSACTION_ID 2")]
            assert set(d.outbox.states().values()) == {"delivered"}
            await asyncio.sleep(0.05)
            assert len(d.outbox.told) == 1
            assert (fake.asked, len(fake.tokens)) == (2, 1)

    asyncio.run(scenario())


def test_a_restart_goes_on_asking(monkeypatch):
    """The number stands in the attempts' notes: a new worker over the same outbox asks for what nobody answered, and with another token
    where the first is not taken any more."""
    monkeypatch.setattr(told_module, "RESULTS_LOOK_S", 0.01)
    fake = standin()

    def script(request):
        if "requestStatus" in request.path and len(fake.tokens) == 2:
            fake.revoked.add(fake.tokens[-1])
        return fake(request)

    soon = replace(GOOGLE_ADS, later=replace(GOOGLE_ADS.later, first_s=0))

    async def scenario():
        async with google(fake) as d:  # asks after ten minutes, and is stopped before
            d.outbox.add(*orders("a"))
            await d.done()
            outbox, clock = d.outbox, d.clock
            assert outbox.told == []
        async with google(script, soon, outbox=outbox, clock=clock) as d:
            await d.until(lambda: outbox.told)
            assert outbox.told[0][1] == "success"
            assert len(fake.tokens) == 3

    asyncio.run(scenario())


def test_a_test_event_is_only_checked():
    """`validateOnly`: nothing is taken, and nothing is asked later."""
    fake = standin()

    async def scenario():
        async with google(fake, test_event_code="x") as d:
            d.outbox.add(*orders("a"))
            await d.done()
            assert d.worker._told._results.waiting == 0

    asyncio.run(scenario())
    assert fake.taken == []
