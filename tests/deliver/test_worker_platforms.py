"""The worker with what other platforms than Meta need: groups, events named by their places, secrets in the query, signatures."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging

import pytest
from delivering import delivering, events, numbered
from msgspec.structs import replace

from tests.fakes.graph import OK, Recorded, Reply, error
from tests.fakes.platforms.ga4 import Ga4
from twofold.clock import now_ms
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, RefusedEvent, Request, Suppressed
from twofold.destinations.ga4 import GA4
from twofold.destinations.meta import META
from twofold.event.model import CustomData, UserData

SECRET = "secret-of-the-stream"


def browsers(count: int, each: int = 1, **changes):
    """Purchases of several browsers, at one moment."""
    return [
        event
        for n in range(count)
        for event in events(
            *(f"b{n}-{m}" for m in range(each)),
            event_name="Purchase",
            click_ids={"_ga": f"GA1.1.{n + 1}.1795771021"},
            custom_data=CustomData(order_id=f"o{n}"),
            **changes,
        )
    ]


def test_a_request_holds_one_browser_only(caplog):
    """Five browsers with three events each are five requests; the secret is in the query and in no log."""
    standin = Ga4(stream="G-1", secret=SECRET, now_s=now_ms() // 1000)

    async def scenario():
        settings = {"remote_dataset": "G-1", "token": SECRET}
        async with delivering(standin, destination=GA4, name="ga4-1", **settings) as d:
            d.outbox.add(*browsers(5, each=3, event_time=now_ms() // 1000 - 60))
            await d.done()

            assert set(d.outbox.states().values()) == {"delivered"}
            assert len(d.graph.requests) == 5
            assert {r.path for r in d.graph.requests} == {f"/mp/collect?measurement_id=G-1&api_secret={SECRET}"}
        assert standin.dropped == []
        assert sorted(client for client, _ in standin.kept) == sorted(3 * [f"{n + 1}.1795771021" for n in range(5)])

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    assert SECRET not in caplog.text


def test_a_wrong_secret_is_taken_for_a_yes():
    """GA4 says nothing else, and so neither can we: the documentation tells where to look."""
    standin = Ga4(stream="G-1", secret="another", now_s=now_ms() // 1000)

    async def scenario():
        async with delivering(standin, destination=GA4, name="ga4-1", remote_dataset="G-1", token=SECRET) as d:
            d.outbox.add(*browsers(1))
            await d.done()
            assert set(d.outbox.states().values()) == {"delivered"}

    asyncio.run(scenario())
    assert standin.kept == []


def test_after_silence_a_purchase_goes_again_and_another_event_does_not():
    """A purchase has its transaction_id; of any other event a repeat would count twice."""

    async def scenario():
        settings = {"remote_dataset": "G-1", "token": SECRET, "only": ("Purchase", "Lead")}
        script = [Reply(reset=True), Reply(reset=True), Reply(status=204, body=b"")]
        async with delivering(script, destination=GA4, name="ga4-1", **settings) as d:
            lead = events("lead", event_name="Lead", click_ids={"_ga": "GA1.1.9.1795771021"})
            d.outbox.add(*browsers(1), *lead)
            await d.done()
            assert d.outbox.states() == {"b0-0": "delivered", "lead": "dead"}
            assert d.outbox.rows["lead"].reason == "ambiguous"

    asyncio.run(scenario())


def test_a_lead_with_a_number_of_the_shops_own_is_not_taken_for_a_purchase():
    """Only a purchase is recognised by its transaction_id, whatever a shop calls its own properties."""

    async def scenario():
        settings = {
            "remote_dataset": "G-1",
            "token": SECRET,
            "only": ("Lead", "OrderReturned"),
            "events": {"OrderReturned": "refund"},
        }
        script = [Reply(reset=True), Reply(reset=True), Reply(status=204, body=b"")]
        async with delivering(script, destination=GA4, name="ga4-1", batch=1, **settings) as d:
            clicks, number = {"_ga": "GA1.1.9.1795771021"}, CustomData(order_id="o1", other={"transaction_id": "o1"})
            d.outbox.add(*events("lead", event_name="Lead", click_ids=clicks, custom_data=number))
            d.outbox.add(*events("back", event_name="OrderReturned", click_ids=clicks, custom_data=number))
            await d.done()
            assert {row.reason for row in d.outbox.rows.values()} == {"ambiguous"}

    asyncio.run(scenario())


@pytest.mark.parametrize("echo", [f"trace-{SECRET}", "mara.klein@example.com"])
def test_what_a_platform_writes_in_the_place_of_its_number_is_not_kept(echo):
    """The number of a request is kept as it came: not when it holds our secret, nor when it is somebody's address."""
    body = json.dumps({"events_received": 1, "fbtrace_id": echo}).encode()

    async def scenario():
        async with delivering([Reply(body=body)], token=SECRET) as d:
            d.outbox.add(*numbered(1))
            await d.done()
            assert [s.note for s in d.outbox.settled] == [""]

    asyncio.run(scenario())


def naming(bad: set[str], outcome: AnswerOutcome):
    """A platform that names the events it will not take: in the bodies of `META`, so that the fake can read them."""

    def classify(answer, _sent):
        told = json.loads(answer.body)
        refused = tuple(RefusedEvent(n, "bad_event") for n in told["bad"])
        return AnswerVerdict(outcome=outcome if refused else AnswerOutcome.ACCEPTED, code="told", refused=refused)

    def script(request: Recorded) -> Reply:
        return Reply(body=json.dumps({"bad": [n for n, i in enumerate(request.ids) if i in bad]}).encode())

    return replace(META, classify=classify), script


def test_events_that_are_named_among_others_that_were_taken_die_alone():
    """The others are delivered by the same request, and none of them is sent twice."""
    destination, script = naming({"e3", "e7"}, AnswerOutcome.ACCEPTED)

    async def scenario():
        async with delivering(script, destination=destination) as d:
            d.outbox.add(*numbered(10))
            await d.done()

            assert len(d.graph.requests) == 1
            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"e3", "e7"}
            assert d.outbox.rows["e3"].reason == "rejected:bad_event"
            assert [a.outcome for a in d.outbox.attempts_of("e3")] == ["invalid"]
            assert [a.outcome for a in d.outbox.attempts_of("e4")] == ["accepted"]

    asyncio.run(scenario())


def test_events_that_are_named_of_a_request_that_was_refused_are_tried_alone():
    """The others go again without them: four requests where halving would take more; nothing dies in company."""
    destination, script = naming({"e3", "e7"}, AnswerOutcome.INVALID)

    async def scenario():
        async with delivering(script, destination=destination) as d:
            d.outbox.add(*numbered(10))
            await d.done()

            assert {k for k, v in d.outbox.states().items() if v == "dead"} == {"e3", "e7"}
            assert sorted(len(r.ids) for r in d.graph.requests) == [1, 1, 8, 10]

    asyncio.run(scenario())


def test_a_place_that_is_not_in_the_request_names_nobody():
    """A platform that counts otherwise costs halving, never an event."""

    def classify(answer, sent):
        bad = b"e1" in answer.body
        named = (RefusedEvent(sent + 5),) if bad else ()
        return AnswerVerdict(outcome=AnswerOutcome.INVALID if bad else AnswerOutcome.ACCEPTED, code="c", refused=named)

    async def scenario():
        async with delivering(
            lambda request: Reply(body=json.dumps(request.ids).encode()), destination=replace(META, classify=classify)
        ) as d:
            d.outbox.add(*numbered(4))
            await d.done()
            assert d.outbox.states() == {"e0": "delivered", "e1": "dead", "e2": "delivered", "e3": "delivered"}

    asyncio.run(scenario())


def test_a_signature_is_of_the_attempt_and_of_the_bytes():
    """Each attempt is signed anew with its own time, over the same bytes."""

    def sign(request: Request, target, now: int) -> Request:
        digest = hashlib.sha256(f"{target.token}.{now}.".encode() + request.body).hexdigest()
        return replace(request, headers={**request.headers, "X-At": str(now), "X-Signature": digest})

    async def scenario():
        async with delivering([error(2, status=503), OK], destination=replace(META, sign=sign)) as d:
            d.outbox.add(*events("only"))
            await d.done()
            first, second = d.graph.requests
            assert first.body == second.body
            assert first.headers["x-at"] < second.headers["x-at"]
            for request in (first, second):
                text = f"EAAtoken.{request.headers['x-at']}.".encode() + request.body
                assert request.headers["x-signature"] == hashlib.sha256(text).hexdigest()

    asyncio.run(scenario())


@pytest.mark.parametrize(("share", "left"), [(1.0, 200), (0.25, 50), (0.0001, 0)])
def test_a_share_is_of_browsers(share, left):
    """A browser is in or out with all its events, and the share is met."""

    async def scenario():
        async with delivering(share=share) as d:
            for n in range(200):
                user = UserData(fbp=f"fb.1.1795771021123.{1_000_000 + n}")
                d.outbox.add(*events(f"a{n}", f"b{n}", user_data=user))
            await d.done()
            sent = {k for k, v in d.outbox.states().items() if v == "delivered"}
            assert {k[1:] for k in sent if k[0] == "a"} == {k[1:] for k in sent if k[0] == "b"}
            assert abs(len(sent) / 2 - left) <= 20
            assert {row.reason for row in d.outbox.rows.values()} <= {"", "not_in_share"}

    asyncio.run(scenario())


def test_settings_keep_events_back_with_their_reason():
    """`only` and an empty name in `events`: a reason each, and the rest leaves."""

    async def scenario():
        async with delivering(only=("Lead", "Contact"), events={"Contact": ""}) as d:
            d.outbox.add(*events("lead", event_name="Lead"), *events("contact", event_name="Contact"), *events("view"))
            await d.done()
            assert d.outbox.states() == {"lead": "delivered", "contact": "suppressed", "view": "suppressed"}
            assert d.outbox.rows["view"].reason == Suppressed("event_not_chosen").reason

    asyncio.run(scenario())
