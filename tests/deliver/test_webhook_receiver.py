"""The signed webhook against a receiver that does what Standard Webhooks asks of one: raw bytes, any signature, an id once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json

from delivering import delivering, events
from msgspec.structs import replace

from tests.fakes.graph import Recorded, Reply
from twofold.destinations.contract import Request
from twofold.destinations.webhook import WEBHOOK, signed_headers

SECRET = "whsec_aW52ZW50ZWQtc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmc="
OLDER = "whsec_YW5vdGhlci1zZWNyZXQtb2YtMzItYnl0ZXMtbG9uZy4="


class Receiver:
    """Knows one secret; answers 401 to a body that it cannot verify."""

    def __init__(self, secret: str, *first: Reply) -> None:
        self.key, self.first = base64.b64decode(secret.removeprefix("whsec_")), list(first)
        self.taken: dict[str, dict] = {}

    def __call__(self, request: Recorded) -> Reply:
        if self.first:
            return self.first.pop(0)
        headers = request.headers
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
        own = "v1," + base64.b64encode(hmac.new(self.key, text, hashlib.sha256).digest()).decode()
        if own not in headers["webhook-signature"].split(" "):
            return Reply(status=401, body=b"")
        self.taken.setdefault(headers["webhook-id"], json.loads(request.body))
        return Reply(status=204, body=b"")


def test_the_signature_is_that_of_the_standard() -> None:
    """The vector was made apart from this program: id, time, body and secret of the specification's example request."""
    body = (
        b'{"type":"conversion.purchase","timestamp":"2026-11-27T10:00:00Z","data":{"event_id":"ord-100427-purchase",'
        b'"order_id":"100427","value":"84.50","currency":"EUR"}}'
    )
    headers = signed_headers(body, "msg_2inventedid0001", 1795773605, [SECRET])
    assert headers["webhook-signature"] == "v1,RdUy//+aGpgsgb7sdnDPKVdynt/PQdWk4FDku5+zrmE="


def test_each_event_is_told_once_and_is_the_same_in_every_try() -> None:
    """Two events are two requests; one that met a dead receiver comes again under its id, signed anew."""
    receiver = Receiver(SECRET, Reply(status=503, body=b""), Reply(reset=True))

    async def scenario() -> None:
        async with delivering(receiver, destination=WEBHOOK, name="hook", options={"secret": SECRET}) as d:
            d.outbox.add(*events("e1", "e2", event_name="Purchase"))
            await d.done()
            assert d.outbox.states() == {"e1": "delivered", "e2": "delivered"}
            assert {r.headers["webhook-id"] for r in d.graph.requests} == set(receiver.taken)

    asyncio.run(scenario())
    assert sorted(one["data"]["event_id"] for one in receiver.taken.values()) == ["e1", "e2"]
    assert {one["type"] for one in receiver.taken.values()} == {"conversion.purchase"}


def test_while_a_secret_is_replaced_both_receivers_are_content() -> None:
    """The one that has the new one already, and the one that has it not yet."""
    for known in (SECRET, OLDER):
        receiver = Receiver(known)

        async def scenario(receiver: Receiver = receiver) -> None:
            options = {"secret": SECRET, "older_secret": OLDER}
            async with delivering(receiver, destination=WEBHOOK, name="hook", options=options) as d:
                d.outbox.add(*events("e1"))
                await d.done()

        asyncio.run(scenario())
        assert len(receiver.taken) == 1


def test_two_tries_of_one_event_have_one_id_and_their_own_times() -> None:
    """An id has no dot in it: it would be read as the end of the id."""
    target = type("Target", (), {"options": {"secret": SECRET}})()
    request = Request(url="https://receiver.example/", headers={}, body=b"{}")
    one, two = (WEBHOOK.sign(request, target, at) for at in (1_795_773_605_000, 1_795_773_905_000))
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert "." not in one.headers["webhook-id"]
    assert one.headers["webhook-timestamp"] != two.headers["webhook-timestamp"]
    assert WEBHOOK.sign(replace(request, body=b"[]"), target, 0).headers["webhook-id"] != one.headers["webhook-id"]
