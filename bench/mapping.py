"""(a) One Purchase from a sender's fields to a Conversions API payload, against Meta's own Python SDK.

Both sides validate, normalise, hash and map the same fields and end with the JSON that would be sent. Processor
time, best of several rounds: the machine's other work only ever adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.content import Content
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.gender import Gender
from facebook_business.adobjects.serverside.user_data import UserData

from bench import Row
from bench.purchase import BROWSER, LINES, purchase, shopper
from twofold.clock import now_ms
from twofold.collect.doors.decode import raw_event
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.destinations import DESTINATIONS
from twofold.event.json import read_json
from twofold.event.model import Channel, Tier, encode
from twofold.event.model import Event as OurEvent

ROUNDS, CALLS = 30, 400


def bench_mapping() -> list[Row]:
    """The ratio of events per processor second, rounds of both sides in turn. Every event is another shopper."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="api", tier=Tier.T2, received_at=now_ms())
    people = [shopper(n) for n in range(CALLS)]
    # As they come out of the JSON reader: our money is never a float.
    events = [read_json(encode(purchase(f"order-{n}", person))) for n, person in enumerate(people)]
    ours = _interleaved(lambda: [_ours(e, origin) for e in events], lambda: [_sdk(p) for p in people])
    return [
        Row(
            name="(a) one Purchase, fields to payload, against the official Python SDK",
            ratio=ours,
            target=3.0,
            detail="events per processor second; both from Python values to the JSON that would be sent; "
            f"{CALLS} shoppers, so names, places and dates repeat as they do in life",
        )
    ]


def _ours(fields: dict[str, Any], origin: Origin) -> bytes:
    event = run(raw_event(fields)[0], origin)
    assert isinstance(event, OurEvent), event
    payload = DESTINATIONS[0].build(event)
    assert isinstance(payload, bytes)
    return payload


def _sdk(person: dict[str, str]) -> str:
    user = UserData(
        email=person["em"], phone=person["ph"], first_name=person["fn"], last_name=person["ln"],
        date_of_birth=person["db"], gender=Gender.FEMALE, city=person["ct"], zip_code=person["zp"],
        country_code=person["country"], client_ip_address=BROWSER["client_ip_address"],
        client_user_agent=BROWSER["client_user_agent"], fbp=BROWSER["fbp"], fbc=BROWSER["fbc"],
    )  # fmt: skip
    custom = CustomData(
        value=56.9, currency="USD", order_id="order-1", content_type="product",
        contents=[Content(product_id=x["id"], quantity=x["quantity"], item_price=x["item_price"]) for x in LINES],
    )  # fmt: skip
    event = Event(
        event_name="Purchase", event_time=int(time.time()), event_id="order-1", user_data=user, custom_data=custom,
        event_source_url="https://shop.example/thanks", action_source=ActionSource.WEBSITE,
    )  # fmt: skip
    return str(EventRequest(pixel_id="1", events=[event]).get_params())


def _interleaved(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Their processor time over ours, the best round of each: other work on the machine only ever adds."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for side, call in enumerate((ours, theirs)):
            started = time.process_time()
            call()
            best[side] = min(best[side], time.process_time() - started)
    return best[1] / best[0]
