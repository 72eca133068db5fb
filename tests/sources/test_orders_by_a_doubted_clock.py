"""What a shop reports while our own clock is doubted: an order that may be new is told, by whichever of the times it is."""

from __future__ import annotations

import json

import pytest
from every_source import NOW_MS, OWN_ORDER

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.orders import entry_of
from twofold.event.model import Channel, Tier
from twofold.matching.subject import Keyring
from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.own.webhook import OWN
from twofold.store.orders.ledger import OrderEntry

YEARS_MS = 10 * 365 * 86_400_000
AHEAD = NOW_MS + YEARS_MS
CLOCKS = [
    ("right", NOW_MS, None, True),
    ("ten years later", AHEAD, None, False),
    ("perhaps ten years ahead", AHEAD, (NOW_MS, AHEAD), True),
    ("ahead, and ten years later for sure", AHEAD + YEARS_MS, (AHEAD, AHEAD + YEARS_MS), False),
]


@pytest.mark.parametrize(("received_at", "bounds", "is_told"), [c[1:] for c in CLOCKS], ids=[c[0] for c in CLOCKS])
def test_an_order_is_old_by_the_earliest_time_that_it_may_be(received_at, bounds, is_told):
    read = OWN.read(json.dumps(OWN_ORDER).encode(), {}, SourceOptions(shop="shop.example"), NOW_MS)
    assert isinstance(read, Reading)
    origin = Origin(
        dataset="1", channel=Channel.SERVER, sender="test", tier=Tier.T3, received_at=received_at, bounds=bounds
    )
    entry = entry_of(read, origin, "own", Keyring(b"k" * 32))
    assert isinstance(entry, OrderEntry)
    assert (entry.copy is not None) is is_told
