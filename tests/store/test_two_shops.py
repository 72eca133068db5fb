"""Two shops of one system report to one dataset and number alike: order 1001 of the one is not order 1001 of the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.copies import BROWSER, NOW, copy
from tests.store.order_reports import AGENT, MINUTE, deliver, entry, report, shop_copy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.config import settings_from
from twofold.event.identity import fold_keys
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.ledger.policy import OrderPolicy
from twofold.policies import policies_of, routes_of
from twofold.store.opened.routes import Route
from twofold.store.store import Store

HERE, THERE = "one.example", "two.example"
HOUR = 3_600_000


def order(shop: str, *, number: str = "1001", value: str = "42.50", **facts: Any):
    """The same id of another shop, with its own total."""
    told = report(number, total=value, aliases=("number:7",), **facts)
    bought = replace(shop_copy(number, value=value), event_id=f"purchase.{shop}.{number}", shop=shop)
    return entry(told, bought, source=f"woocommerce:{shop}")


def page(event_id: str, shop: str = "", *, said: str = "1001", value: str = "42.50") -> Event:
    seen = copy(event_id, BROWSER, order=said, value=value, em="b", client_user_agent=AGENT)
    return replace(seen, shop=shop)


def sent_of(folder, *steps) -> list[tuple[str, float]]:
    """(event id, value) of what is sent after these appends, each a list of orders or of events."""

    async def main() -> list[tuple[str, float]]:
        route = Route(
            destinations=("meta-1",),
            orders=OrderPolicy(unmatched="send"),
            has_orders=True,
            shops=frozenset({HERE, THERE}),
        )
        store = Store(folder, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            for step in steps:
                await (store.append(step) if isinstance(step[0], Event) else store.append_orders(step))
            found = await deliver(store, NOW + MINUTE) + await deliver(store, NOW + 2 * HOUR)
            return sorted((e["event_id"], e["custom_data"]["value"]) for e in found)
        finally:
            await store.close()

    return asyncio.run(main())


BOTH = [order(HERE), order(THERE, value="99.00")]
OWN = [(f"purchase.{HERE}.1001", 42.5), (f"purchase.{THERE}.1001", 99.0)]
STEPS = [
    ("two orders", [BOTH], OWN),
    ("one after the other", [BOTH[:1], BOTH[1:]], OWN),
    ("each again", [BOTH, BOTH], OWN),
    ("a page of each", [BOTH, [page("b-1", HERE), page("b-2", THERE, value="99.00")]], OWN),
    ("its page first", [[page("b-1", HERE)], BOTH], OWN),
    ("by a short number", [BOTH[:1], [page("b-1", HERE, said="7")]], OWN[:1]),
    ("a page of the other, whose order never comes", [BOTH[:1], [page("b-9", THERE)]], [("b-9", 42.5), OWN[0]]),
    ("a page of nobody knows which, of one order", [BOTH[:1], [page("b-1")]], OWN[:1]),
]


@pytest.mark.parametrize(("steps", "expected"), [r[1:] for r in STEPS], ids=[r[0] for r in STEPS])
def test_each_shops_order_is_its_own(tmp_path, steps, expected):
    """Two orders, two Purchases, each with its own money; a page joins the order of its own shop."""
    found = sent_of(tmp_path, *steps)
    assert [value for _, value in found] == [value for _, value in sorted(expected)]
    assert len({event_id for event_id, _ in found}) == len(expected)


SETTINGS = {
    "dataset": [{"id": "1", "key": "k" * 20}, {"id": "2", "key": "k" * 20}],
    "source": [
        {"type": "woocommerce", "dataset": "1", "shop": HERE, "secret": "s" * 20},
        {"type": "woocommerce", "dataset": "1", "shop": THERE, "secret": "s" * 20},
        {"type": "stripe", "dataset": "1", "shop": "acct-1", "secret": "s" * 20},
        {"type": "stripe", "dataset": "1", "shop": "acct-2", "secret": "s" * 20},
        {"type": "woocommerce", "dataset": "2", "shop": "three.example", "secret": "s" * 20},
        {"type": "own", "dataset": "2", "shop": "four.example", "secret": "s" * 20},
    ],
}


def test_which_shops_number_alike():
    """Several of one system in one dataset; payment accounts and systems beside each other do not."""
    settings = settings_from(SETTINGS)
    assert {d: r.shops for d, r in routes_of(settings).items()} == {"1": {HERE, THERE}, "2": frozenset()}
    assert {d: p.shops for d, p in policies_of(settings).items()} == {"1": {HERE, THERE}, "2": frozenset()}


# channel, the shop of the webhook, the page -> whose copy it is
COPIES = [
    (Channel.SERVER, HERE, None, HERE),
    (Channel.SERVER, HERE, f"https://{THERE}/x", HERE),
    (Channel.SERVER, "acct-1", None, ""),
    (Channel.BROWSER, "", f"https://{THERE}/thanks", THERE),
    (Channel.BROWSER, "", f"https://www.{HERE}/thanks", HERE),
    (Channel.SERVER, "", f"https://{HERE}/thanks", HERE),
    (Channel.BROWSER, "", f"https://not{HERE}/thanks", ""),
    (Channel.BROWSER, "", "https://[broken", ""),
    (Channel.BROWSER, "", None, ""),
]


@pytest.mark.parametrize(("channel", "shop", "url", "whose"), COPIES)
def test_whose_copy_it_is(channel, shop, url, whose):
    """A webhook's by its door, every other by the host of its page."""
    policy = policies_of(settings_from(SETTINGS))["1"]
    origin = Origin(dataset="1", channel=channel, sender="t", tier=Tier.T2, received_at=NOW, policy=policy, shop=shop)
    raw = RawEvent(
        event_name="Purchase", event_time=NOW // 1000, event_id="e", action_source="website", event_source_url=url,
        user_data={"em": "mary@example.com"}, custom_data={"value": 1, "currency": "EUR", "order_id": "1001"},
    )  # fmt: skip
    event = run(raw, origin)
    assert isinstance(event, Event)
    assert event.shop == whose
    # Without shops that number alike nothing changes of how a copy is known.
    plain = run(raw, replace(origin, policy=policies_of(settings_from(SETTINGS))["2"]))
    assert plain.shop == ""
    assert (fold_keys(replace(plain, dataset="1")) == fold_keys(event)) == (whose == "")
