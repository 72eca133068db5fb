"""An order whose shop names its money by a word that no list knows: a fact at every source, never a Purchase."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest
import shopify_bodies
import stripe_bodies
import woocommerce_bodies
from every_source import NOW_MS, OWN_ORDER

from tests.store.copies import HOLD, NOW, SERVER, claim, rows
from tests.store.copies import copy as told
from tests.store.order_reports import deliver, entry, report, shop_store
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.orders import entry_of, without_copy
from twofold.event.model import Channel, Tier
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.policy import OrderPolicy, OrderStanding, judge_order
from twofold.ledger.state import Fact, derive
from twofold.matching.subject import Keyring
from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.own.webhook import OWN
from twofold.sources.shopify import SHOPIFY
from twofold.sources.stripe import STRIPE
from twofold.sources.woocommerce import WOOCOMMERCE

WORDS = ["Dhs", "EURO", "€", "BTC", "USDT", "XXX", "EUR1", "лв"]
OPTIONS = SourceOptions(shop="shop.example")


def named(body: Any, word: Any) -> Any:
    """The body with every currency in it called so."""
    if isinstance(body, dict):
        return {k: word if "currency" in k and isinstance(v, str) else named(v, word) for k, v in body.items()}
    return [named(item, word) for item in body] if isinstance(body, list) else body


SOURCES = {
    "shopify": (SHOPIFY, shopify_bodies.ORDER, {"x-shopify-topic": "orders/paid"}),
    "woocommerce": (WOOCOMMERCE, woocommerce_bodies.ORDER, woocommerce_bodies.UPDATED),
    "stripe": (STRIPE, stripe_bodies.event("checkout.session.completed", stripe_bodies.SESSION), {}),
    "own": (OWN, OWN_ORDER, {}),
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", SOURCES)
def test_the_order_is_a_fact_and_its_copy_is_refused(name, word):
    """What was reported is kept with its reason; nothing of it could be sent."""
    source, body, headers = SOURCES[name]
    read = source.read(json.dumps(named(copy.deepcopy(body), word)).encode(), headers, OPTIONS, NOW_MS)
    assert isinstance(read, Reading), read
    assert read.order is not None
    state = derive([Fact(f"{name}:shop", read.order)])
    assert state.shop is not None
    assert state.shop.currency == "XXX"
    assert state.shop.total > 0
    judged = judge_order(state, OrderPolicy(), NOW_MS // 1000)
    assert (judged.standing, judged.reason) == (OrderStanding.NEVER, "order_currency_unknown")
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="test", tier=Tier.T3, received_at=NOW_MS)
    ring = Keyring(b"k" * 32)
    refused = entry_of(read, origin, name, ring)
    assert isinstance(refused, Refusal)
    assert refused.reason is DropReason.INVALID_CURRENCY
    kept = entry_of(without_copy(read), origin, name, ring)
    assert not isinstance(kept, Refusal)
    assert kept.report == read.order


def test_nothing_of_it_leaves_until_its_money_has_a_name(tmp_path):
    """Also where a server says the order in euros; a later report that names the money sends it, once."""

    async def main():
        async with shop_store(tmp_path, OrderPolicy()) as store:
            bare = entry(report("1", currency="XXX"), None)
            await store.append_orders([bare])
            await store.append([told("1", SERVER, value="5.00", order="1", em="a")])
            assert await claim(store, NOW + HOLD) == []
            (before,) = [(d["state"], d["reason"]) for d in rows(tmp_path, "deliveries")]
            await store.append_orders([entry(report("1", version=2), None)])
            return before, await deliver(store, NOW + 2 * HOLD)

    before, left = asyncio.run(main())
    assert before == ("suppressed", "order_currency_unknown")
    assert len(left) == 1
