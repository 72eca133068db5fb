"""What a server with the dataset's key had sent alone, and the signed webhook that comes after it.

The key says who sent it, not that it is the buyer's: money that a server made up neither stops the shop's own word nor
lends it its id, under which the platform would drop it. Where the server told the very money, nothing is left to tell.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from copies import BROWSER, NOW, SERVER, assert_sums_hold, copy
from msgspec.structs import replace
from order_reports import deliver, entry, report, shop_copy, shop_store

from twofold.event.model import Consent
from twofold.ledger.policy import OrderPolicy

WAIT = 60_000
TOKEN = "checkout:5f3a9c77d0e14b2fa1b2c3d4"
FBP = "fb.1.1789999000000.1234567890"
ADDRESS, AGENT, ELSEWHERE = "203.0.113.9", "Mozilla/5.0", "198.51.100.66"
OWN = "purchase.5000000001001"


def webhook(value: str = "129.90", order: str = "5000000001001", token: str = TOKEN, **facts: Any) -> Any:
    names = (f"number:{order[-4:]}", token)
    place = {"client_ip_address": ADDRESS, "client_user_agent": AGENT}
    told = replace(shop_copy(order, value=value, **place | facts), links=(f"order:{order}", *names))
    return entry(report(order, total=value, aliases=names), told)


def server(*links: str, value: str = "0.01", order: str | None = "5000000001001", **user: Any) -> Any:
    return replace(copy("srv-1", SERVER, order=order, value=value, em="e", **user), links=links)


# name, what the server said, ids under which the order's own money leaves
FORGED = [
    ("its id", server(), [OWN]),
    ("its number", server(order="1001"), [OWN]),
    ("its number as a link", server("number:1001", order=None), [OWN]),
    ("its event id", replace(server(order=None), event_id=OWN), [OWN]),
    ("another device", server(client_user_agent="curl/8"), [OWN]),
    ("another place", server(client_ip_address=ELSEWHERE, client_user_agent=AGENT), [OWN]),
    ("another browser", server(fbp=FBP), [OWN]),
    ("in another currency", replace(server(), custom_data=replace(server(value="129.90").custom_data, currency="USD")), [OWN]),
    ("a limit", replace(server(), data_processing_options=("LDU",)), [OWN]),
    # The buyer's own by more than the key: the platform unites the two.
    ("the buyer's place", server(client_ip_address=ADDRESS, client_user_agent=AGENT), ["srv-1"]),
    ("the buyer's secret", server(TOKEN), ["srv-1"]),
    # Told already.
    ("the order's money", server(value="129.9"), []),
]  # fmt: skip


@pytest.mark.parametrize("two", [False, True], ids=["one destination", "two destinations"])
@pytest.mark.parametrize(("said", "ids"), [r[1:] for r in FORGED], ids=[r[0] for r in FORGED])
def test_what_a_server_had_sent_alone_does_not_stop_the_signed_order(tmp_path, said, ids, two):
    destinations = ("meta-1", "meta-2") if two else ("meta-1",)

    async def scenario() -> list[list[dict[str, Any]]]:
        async with shop_store(tmp_path, OrderPolicy(wait_ms=WAIT), destinations=destinations) as store:
            await store.append([said])
            for destination in destinations:
                (alone,) = await deliver(store, NOW + WAIT + 1, destination=destination)
                assert alone["event_id"] == said.event_id
            order = webhook()
            at = NOW + WAIT + 2
            await store.append_orders([replace(order, received_at=at, copy=replace(order.copy, received_at=at))])
            return [
                [*await deliver(store, at + WAIT, destination=d), *await deliver(store, at + 9 * WAIT, destination=d)]
                for d in destinations
            ]

    for left in asyncio.run(scenario()):
        assert [e["event_id"] for e in left] == ids
        assert all((e["custom_data"]["value"], e["custom_data"]["currency"]) == (129.9, "EUR") for e in left)
    assert_sums_hold(tmp_path)


# name, what the server said beside its no, whether that no is the buyer's
NOES = [
    ("nothing", server(value="129.90"), False),
    ("the buyer's agent", server(value="129.90", client_user_agent=AGENT), False),
    ("the buyer's place", server(value="129.90", client_ip_address=ADDRESS, client_user_agent=AGENT), True),
    ("the buyer's secret", server(TOKEN, value="129.90"), True),
]


@pytest.mark.parametrize("first", [True, False], ids=["before the webhook", "after it"])
@pytest.mark.parametrize(("said", "stops"), [r[1:] for r in NOES], ids=[r[0] for r in NOES])
def test_a_no_by_the_key_alone_stops_no_signed_order(tmp_path, said, stops, first):
    """A key says who sent it, not who said no. What the buyer's own marks come with is the buyer's."""
    no = replace(said, consent=Consent.DENIED, received_at=NOW + (not first))

    async def scenario() -> list[dict[str, Any]]:
        async with shop_store(tmp_path, OrderPolicy(wait_ms=WAIT)) as store:
            order = webhook()
            await (store.append([no]) if first else store.append_orders([order]))
            await (store.append_orders([order]) if first else store.append([no]))
            return await deliver(store, NOW + WAIT + 1)

    left = asyncio.run(scenario())
    assert [e["custom_data"]["value"] for e in left] == ([] if stops else [129.9])
    assert_sums_hold(tmp_path)


@pytest.mark.parametrize("value", ["0.01", "129.90"])
def test_a_server_that_names_two_orders_stops_neither(tmp_path, value):
    """Also with the right money: it was told for one of them only."""
    second = "5000000001002"

    async def scenario() -> list[dict[str, Any]]:
        async with shop_store(tmp_path, OrderPolicy(wait_ms=WAIT)) as store:
            await store.append([server(f"order:{second}", value=value)])
            left = await deliver(store, NOW + WAIT + 1)
            for at, order in ((NOW + 2 * WAIT, "5000000001001"), (NOW + 3 * WAIT, second)):
                said = webhook(order=order, token=f"{TOKEN}{order}")
                await store.append_orders([replace(said, received_at=at, copy=replace(said.copy, received_at=at))])
                left += await deliver(store, at + WAIT // 2)
            return left

    left = asyncio.run(scenario())
    real = [e["custom_data"]["order_id"] for e in left if e["custom_data"]["value"] == 129.9]
    assert sorted(real) == ["5000000001001", second]
    assert_sums_hold(tmp_path)


def test_the_buyers_browser_lends_its_id_before_the_server(tmp_path):
    """Browser and server told it alone under one id; the order follows under that id, whatever money it has."""

    async def scenario() -> list[dict[str, Any]]:
        async with shop_store(tmp_path, OrderPolicy(wait_ms=WAIT)) as store:
            browser = replace(copy("srv-1", BROWSER, order="1001", value="120", fbp=FBP), links=(TOKEN,))
            await store.append([browser])
            await store.append([server(order="1001", value="120", fbp=FBP)])
            left = await deliver(store, NOW + WAIT + 1)
            order, at = webhook(), NOW + WAIT + 2
            await store.append_orders([replace(order, received_at=at, copy=replace(order.copy, received_at=at))])
            return [*left, *await deliver(store, at + WAIT)]

    left = asyncio.run(scenario())
    assert [(e["event_id"], e["custom_data"]["value"]) for e in left] == [("srv-1", 120), ("srv-1", 129.9)]
    assert_sums_hold(tmp_path)
