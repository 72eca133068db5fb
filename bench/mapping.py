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

from bench import Row, sized
from bench.purchase import BROWSER, LINES, purchase, shopper
from twofold.clock import now_ms
from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run_fields
from twofold.config import DestinationSettings as Settings
from twofold.destinations import DESTINATIONS
from twofold.destinations.contract import Destination, Terms
from twofold.destinations.terms import builder_of, terms_of
from twofold.event.json import read_json
from twofold.event.model import Channel, Tier, encode
from twofold.event.model import Event as OurEvent
from twofold.matching.other_forms import OtherForms, other_forms, wanted_forms

ROUNDS, CALLS = sized(30, 1), sized(400, 4)
CLICKS = {
    "_ga": "GA1.1.1184022741.1795771021", "_ga_ABCD": "GS2.1.s1795773012$o3$g1$t1795773590", "gclid": "EAIaIQobChMI-x",
    "ttclid": "E.C.P.invented", "_ttp": "2aInventedTtpCookie", "_epik": "dj0yJnU9invented", "_scid": "aaaa1111-bbbb",
    "ScCid": "11112222-3333", "rdt_cid": "3184742041295813272", "msclkid": "0123456789abcdef0123456789abcdef",
    "twclid": "23opevinventedclickid000000", "li_fat_id": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
}  # fmt: skip


TERMS = Terms()  # of a destination, made once when a gateway starts


def bench_mapping() -> list[Row]:
    """The ratio of events per processor second, rounds of both sides in turn. Every event is another shopper."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="api", tier=Tier.T2, received_at=now_ms())
    people = [shopper(n) for n in range(CALLS)]
    # As they come out of the JSON reader: our money is never a float.
    events = [read_json(encode(purchase(f"order-{n}", person))) for n, person in enumerate(people)]
    ours = _interleaved(lambda: [payload_of(e, origin) for e in events], lambda: [_sdk(p) for p in people])
    return [
        Row(
            name="(a) one Purchase, fields to payload, against the official Python SDK",
            ratio=ours,
            target=3.0,
            detail="events per processor second; both from Python values to the JSON that would be sent; "
            f"{CALLS} shoppers, so names, places and dates repeat as they do in life",
        ),
        *(_further(d, people) for d in DESTINATIONS if d.platform != "meta"),
        _forms(people),
    ]


def _further(destination: Destination, people: list[dict[str, Any]]) -> Row:
    """What one more platform costs an action that is folded already: its name, its builder, its bytes."""
    settings = Settings(
        platform=destination.platform, dataset="1", events={"Purchase": "987654321"} if destination.needs_names else {}
    )
    build = builder_of(destination, terms_of(destination, settings))
    origin = _origin(wanted_forms(r for rules in destination.identifiers.values() for r in rules))
    events = [_event(purchase(f"order-{n}", person) | {"click_ids": CLICKS}, origin) for n, person in enumerate(people)]
    for event in events:
        made = build(event)
        assert isinstance(made, bytes), (destination.platform, made)
    return Row(
        name=f"(a) one Purchase mapped for one further platform: {destination.platform}",
        ratio=_best_us(lambda: [build(event) for event in events], len(events)),
        target=15,
        at_most=True,
        unit="us",
        detail="processor time, from the folded action to the bytes that are frozen; best of the rounds",
    )


def _forms(people: list[dict[str, Any]]) -> Row:
    """What hashing under other platforms' rules adds to an accept, where a dataset goes to such a platform."""
    wanted = wanted_forms(["google.em", "reddit.em", "e164"])
    users = [purchase(f"order-{n}", person)["user_data"] for n, person in enumerate(people)]
    return Row(
        name="(a) e-mail and phone hashed under three further rules, for one event",
        ratio=_best_us(lambda: [other_forms(user, wanted) for user in users], len(users)),
        target=30,
        at_most=True,
        unit="us",
        detail="only for a dataset that goes to such a platform; for Meta alone nothing is made",
    )


def _best_us(work: Callable[[], Any], count: int) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) / count * 1e6


def _origin(forms: OtherForms) -> Origin:
    policy = DatasetPolicy(id="1", forms=forms)
    return Origin(
        dataset="1", channel=Channel.SERVER, sender="api", tier=Tier.T2, received_at=now_ms(), policy=policy
    )  # fmt: skip


def _event(fields: dict[str, Any], origin: Origin) -> OurEvent:
    event = run_fields(read_json(encode(fields)), origin)[0]
    assert isinstance(event, OurEvent), event
    return event


def payload_of(fields: dict[str, Any], origin: Origin) -> bytes:
    event = run_fields(fields, origin)[0]
    assert type(event) is OurEvent, event
    payload = DESTINATIONS[0].build(event, event.event_name, TERMS)
    assert type(payload) is bytes
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
