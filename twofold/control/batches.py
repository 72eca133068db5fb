"""A batch of orders and events as it goes from a command to the running gateway: one JSON object each way.

Owns that form only. Contact data was hashed before; a batch holds what the journal and the ledger hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from twofold.control.questions import Append
from twofold.errors import StoreBusy
from twofold.event.model import Event, decode_event, encode
from twofold.ledger.model import decode_report, encode_report
from twofold.store.appends import OrderNews
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store
from twofold.touch.model import Sign

_RETRY_S = 0.05
decode_sign = msgspec.json.Decoder(Sign).decode


def encode_batch(orders: Sequence[OrderEntry], events: Sequence[Event]) -> Append:
    """The question that `decode_batch` reads."""
    return Append(
        orders=[
            {
                "dataset": entry.dataset,
                "source": entry.source,
                "received_at": entry.received_at,
                "report": encode_report(entry.report).decode(),
                "buyer": entry.buyer,
                "signs": [encode(sign).decode() for sign in entry.signs],
                "copy": encode(entry.copy).decode() if entry.copy is not None else None,
            }
            for entry in orders
        ],
        events=[encode(event).decode() for event in events],
    )


def decode_batch(question: Append) -> tuple[list[OrderEntry], list[Event]]:
    """The inverse of `encode_batch`."""
    orders = [
        OrderEntry(
            dataset=row["dataset"],
            source=row["source"],
            received_at=row["received_at"],
            report=decode_report(row["report"]),
            buyer=tuple(row.get("buyer", ())),
            signs=tuple(decode_sign(text) for text in row.get("signs", ())),
            copy=decode_event(row["copy"]) if row["copy"] is not None else None,
        )
        for row in question.orders
    ]
    return orders, [decode_event(text) for text in question.events]


async def append_batch(store: Store, orders: Sequence[OrderEntry], events: Sequence[Event]) -> OrderNews:
    """Hands a batch to the store and waits for the disk; answers what its orders told.

    While shoppers' events fill the queue it waits: an import is the one who has time.
    """
    if not orders and not events:
        return OrderNews(0, 0)
    while True:
        try:
            return await store.append_orders(orders, events)
        except StoreBusy:
            await asyncio.sleep(_RETRY_S)
