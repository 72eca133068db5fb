"""Who the platform knows and which ads they saw: the demo's shoppers as accounts, their clicks, and what the ads cost.

Owns the two bodies that are loaded into the receiver before the orders are played, so that its Ads page tells the story of
ad, purchase and return four times, once for each way of measuring. Pure; all of it is invented, like the shoppers.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twofold.simulate.truth import CURRENCY, Order, OrderKind

CAMPAIGNS = (("Kitchen, new customers", Decimal("620.00")), ("Home textiles, new customers", Decimal("480.00")))
BEFORE_S = 900  # the clicks came so long before the orders


def people_of(orders: Sequence[Order]) -> dict[str, Any]:
    """The shoppers who have an account: each with the contact values of its checkout, hashed, and their clicks."""
    return {
        "people": [
            {
                "id": str(order.shopper.customer_id),
                "em": _sha256(order.shopper.email.strip().lower()),
                "ph": _sha256("".join(c for c in order.shopper.phone if c.isdigit())),
            }
            for order in _shoppers(orders)
        ]
    }


def ads_of(orders: Sequence[Order], ways: Mapping[str, str], now_s: int, seed: int) -> dict[str, Any]:
    """One ad account for each way of measuring, all with the same ads, the same clicks and the same spend."""
    draw = random.Random(f"twofold/ads/{seed}")
    clickers = [(o.shopper, _click(o), draw.randrange(len(CAMPAIGNS))) for o in _shoppers(orders) if _click(o)]
    day = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d")
    body: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("accounts", "campaigns", "adsets", "ads", "spend", "touches")
    }
    for account, (way, dataset) in enumerate(ways.items(), 1):
        body["accounts"].append(
            {
                "id": str(account),
                "currency": CURRENCY,
                "timezone_name": "UTC",
                "name": f"as told by: {way}",
                "datasets": [dataset],
            }
        )
        for number, (name, spend) in enumerate(CAMPAIGNS, 1):
            campaign = f"{account}{number:02}"
            body["campaigns"].append({"id": f"{campaign}1", "account_id": str(account), "name": name})
            body["adsets"].append({"id": f"{campaign}2", "campaign_id": f"{campaign}1", "name": name})
            body["ads"].append({"id": f"{campaign}3", "adset_id": f"{campaign}2", "name": name})
            body["spend"].append({"ad_id": f"{campaign}3", "date": day, "amount": str(spend)})
        for shopper, click, number in clickers:
            touch = {
                "ad_id": f"{account}{number + 1:02}3", "kind": "link_click", "time": now_s - BEFORE_S,
                "person": str(shopper.customer_id),
            }  # fmt: skip
            if account == 1:  # a click id leads back to its person, whichever dataset it comes by
                touch["fbclid"] = click
            body["touches"].append(touch)
    return body


def _click(order: Order) -> str | None:
    return order.phone.fbclid if order.phone else order.shopper.fbclid


def _shoppers(orders: Sequence[Order]) -> list[Order]:
    """The first order of each shopper; test orders have none."""
    first: dict[int, Order] = {}
    for order in orders:
        if order.kind is not OrderKind.TEST:
            first.setdefault(order.shopper.customer_id, order)
    return list(first.values())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
