"""One order as each shop system would write it, with what a browser left beside it, and as the steps make it an event.

For tests of what is alike on all sources. Owns where each system keeps such values; the bodies themselves are each
source's own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import shopify_bodies
import stripe_bodies
import woocommerce_bodies

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, Tier
from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.own.webhook import OWN
from twofold.sources.shopify import SHOPIFY
from twofold.sources.stripe import STRIPE

NOW_MS = 1_790_100_000_000

OWN_ORDER: dict[str, Any] = {
    "type": "order", "id": "A-1001", "placed_at": 1_790_000_000, "updated_at": 1_790_000_010,
    "payment": {"method": "card", "status": "paid"}, "totals": {"currency": "EUR", "total": "42.50"},
    "lines": [{"id": "MUG", "quantity": 1, "price": "42.50"}], "customer": {"email": "nino@example.com"},
}  # fmt: skip


def shopify(kept: Mapping[str, Any]) -> Reading:
    body = copy.deepcopy(shopify_bodies.ORDER)
    body["note_attributes"] = [{"name": name, "value": value} for name, value in kept.items()]
    body["landing_site"] = "/"
    found = SHOPIFY.read(json.dumps(body).encode(), {"x-shopify-topic": "orders/paid"}, _options(), NOW_MS)
    return _reading(found)


def woocommerce(kept: Mapping[str, Any]) -> Reading:
    meta = [{"id": n, "key": name, "value": value} for n, (name, value) in enumerate(kept.items(), 1)]
    return _reading(woocommerce_bodies.read(woocommerce_bodies.order(meta_data=meta)))


def stripe(kept: Mapping[str, Any]) -> Reading:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in kept.items()}
    body = stripe_bodies.event(
        "checkout.session.completed", stripe_bodies.SESSION, metadata={"order_id": "1001", **texts}
    )
    return _reading(STRIPE.read(json.dumps(body).encode(), {}, _options(), NOW_MS))


def own(kept: Mapping[str, Any]) -> Reading:
    """The documented body has a field for each kind; names are the platforms' own there."""
    names = {name.removeprefix("_twofold_").removeprefix("twofold_"): value for name, value in kept.items()}
    body = copy.deepcopy(OWN_ORDER)
    browser = {name: names.pop(name) for name in ("event_id", "visitor", "fbp", "fbc") if name in names}
    consent = names.pop("consent", None)
    body["browser"] = {**browser, "click_ids": names}
    if consent is not None:
        body["consent"] = consent
    return _reading(OWN.read(json.dumps(body).encode(), {}, _options(), NOW_MS))


SOURCES: dict[str, Callable[[Mapping[str, Any]], Reading]] = {
    "shopify": shopify, "woocommerce": woocommerce, "stripe": stripe, "own": own,
}  # fmt: skip


def event_of(reading: Reading) -> Event:
    """What the collector's steps make of the order's copy."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="test", tier=Tier.T3, received_at=NOW_MS)
    assert reading.copy is not None
    event = run(reading.copy, origin)
    assert isinstance(event, Event), event
    return event


def _options() -> SourceOptions:
    return SourceOptions(shop="shop.example")


def _reading(found: object) -> Reading:
    assert isinstance(found, Reading), found
    return found
