"""Reports of orders by their short facts, and a store whose dataset has a shop: what the tests of orders share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tests.store.copies import LEASE, NOW, SERVER, copy
from twofold.destinations.meta import build
from twofold.event.delivery import DeliveryState, Settlement
from twofold.event.model import Event, Tier
from twofold.ledger.model import (
    Amounts,
    Line,
    OrderReport,
    Paid,
    Parcel,
    ParcelState,
    Payment,
    Refund,
    Snapshot,
)
from twofold.ledger.policy import OrderPolicy
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store

NOW_S = NOW // 1000
MINUTE = 60_000
SHOP = "own:shop.example"
AGENT = "Mozilla/5.0"


def report(
    order: str = "1001",
    *,
    total: str | None = "42.50",
    currency: str = "EUR",
    paid: Paid | None = Paid.PAID,
    version: int = 1,
    at: int = NOW_S,
    placed: int = NOW_S - 60,
    shown: Amounts | None = None,
    amounts: dict[str, str] | None = None,
    refunds: tuple[tuple[str, str], ...] = (),
    parcel: ParcelState | None = None,
    payments: tuple[Payment, ...] = (),
    aliases: tuple[str, ...] = (),
    kind: str = "updated",
    deleted: bool = False,
    after_refunds: bool = False,
    **snapshot: Any,
) -> OrderReport:
    """One report; ``total`` None is one without the order itself."""
    shop = None
    if total is not None:
        parts = {name: Decimal(amount) for name, amount in (amounts or {}).items()}
        shop = Amounts(currency=currency, total=Decimal(total), after_refunds=after_refunds, **parts)
    return OrderReport(
        order_id=order,
        kind=kind,
        at=at,
        reference=f"test {kind} {version}",
        aliases=aliases,
        snapshot=Snapshot(
            version=version,
            placed_at=placed,
            shop=shop,
            presentment=shown,
            paid=paid,
            lines=(Line(id="MUG-1", quantity=2, price=Decimal("18.75")),),
            **snapshot,
        )
        if shop is not None
        else None,
        refunds=tuple(Refund(id=i, amount=Decimal(a), currency=currency, at=at) for i, a in refunds),
        parcels=(Parcel(id="P1", state=parcel, at=at),) if parcel else (),
        payments=payments,
        deleted=deleted,
    )


def shop_copy(order: str = "1001", *, at: int = NOW, value: str = "42.50", **facts: Any) -> Event:
    """The Purchase that a shop's webhook makes of an order."""
    facts = {"em": "a", "client_user_agent": AGENT} | facts
    return copy(f"purchase.{order}", SERVER, order=order, at=at, value=value, tier=Tier.T3, **facts)


def entry(
    said: OrderReport, purchase: Event | None = None, *, at: int = NOW, source: str = SHOP, dataset: str = "1"
) -> OrderEntry:
    return OrderEntry(dataset=dataset, source=source, report=said, copy=purchase, received_at=at)


@asynccontextmanager
async def shop_store(
    folder: Path, policy: OrderPolicy, *, at: int = NOW, destinations: tuple[str, ...] = ("meta-1",), shop: bool = True
):
    """A started store whose dataset 1 has these rules for its orders."""
    route = Route(destinations=destinations, orders=policy, has_orders=shop)
    store = Store(folder, routes={"1": route}, opened_at=at)
    store.start()
    try:
        yield store
    finally:
        await store.close()


async def deliver(
    store: Store, at: int, *, state: DeliveryState = DeliveryState.DELIVERED, destination: str = "meta-1"
) -> list[dict[str, Any]]:
    """Claims what is due with Meta's bytes and settles it; the payloads, decoded."""
    claimed = await store.claim(destination, at, 500, LEASE, build, lambda _source: 7 * 86_400)
    due = at + MINUTE if state is DeliveryState.WAITING else None
    settled = [
        Settlement(delivery=d.id, lease=d.lease, state=state, due_at=due, outcome="accepted", status=200, code="")
        for d in claimed
    ]
    await store.settle(settled, at)
    return [msgspec.json.decode(d.payload, type=dict) for d in claimed]
