"""Numbers that shops count anew: which order a page speaks of that tells one instead of the order's id."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.copies import BROWSER, NOW, copy
from tests.store.order_reports import AGENT, MINUTE, deliver, entry, report, shop_copy, shop_store
from twofold.ledger.policy import OrderPolicy

HOUR = 3_600_000
# the browser's order id, when it says so after the order was placed (hours) -> is it that order's
SHORT_NUMBERS = [("1033", 0, True), ("#1033", 1, True), ("gid://shopify/Order/1033", 1, True), ("1033", 23, True),
                 ("1033", 30, False), ("1034", 0, False)]  # fmt: skip


@pytest.mark.parametrize("browser_first", [False, True])
@pytest.mark.parametrize(("said", "hours", "joins"), SHORT_NUMBERS)
def test_a_short_number_joins_its_order_near_its_time(tmp_path, said, hours, joins, browser_first):
    """Number 1033 of order 52133: a page that tells the number speaks of it, but another order's id may be 1033 too."""
    at = NOW + hours * HOUR
    page = copy("b-1", BROWSER, order=said, value="42.50", at=at, em="b", client_user_agent=AGENT)
    shops = [entry(report("52133", aliases=("number:1033",)), shop_copy("52133"))]

    async def main() -> list[str]:
        async with shop_store(tmp_path, OrderPolicy(unmatched="send"), at=NOW) as store:
            if browser_first:
                await store.append([page])
                await store.append_orders(shops)
            else:
                await store.append_orders(shops)
                await store.append([page])
            sent = await deliver(store, NOW + MINUTE) + await deliver(store, at + 2 * HOUR)
            return sorted(event["event_id"] for event in sent)

    assert asyncio.run(main()) == ([] if joins else ["b-1"]) + ["purchase.52133"]
