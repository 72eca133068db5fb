"""From a source's reading to what the ledger and the journal take: the report, and the copy it stands for.

Owns two rules: which event an order stands for (a renewal is no first purchase), and at what time it is told when the
order is older than the platform takes. Webhooks and files go the same way.
"""

from __future__ import annotations

import msgspec

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Event, RawEvent
from twofold.event.refusal import Refusal
from twofold.event.vocabulary import MAX_AGE_S, MAX_AGE_STORE_S
from twofold.ledger.model import OrderReport, Sale
from twofold.sources.contract import Reading
from twofold.store.orders.ledger import OrderEntry

SPARE_S = 86_400  # of the platform's age limit, for the hold and for retries


def entry_of(reading: Reading, origin: Origin, source: str) -> OrderEntry | Refusal:
    """The entry for a reading that has an order; `Refusal` when its copy is no event that could be sent.

    The report alone is always worth keeping: on a refusal call again with the copy taken out.
    """
    assert reading.order is not None
    raw = copy_of(reading, origin) if reading.copy is not None else None
    event: Event | None = None
    if raw is not None:
        result = run(raw, origin)
        if isinstance(result, Refusal):
            return result
        event = result
    return OrderEntry(
        dataset=origin.dataset, source=source, report=reading.order, copy=event, received_at=origin.received_at
    )


def copy_of(reading: Reading, origin: Origin) -> RawEvent | None:
    """The raw copy as the dataset's policy wants it; None when the order stands for no event any more."""
    raw, report = reading.copy, reading.order
    assert raw is not None
    assert report is not None
    raw = _renewal(raw, report, origin)
    return None if raw is None else _in_time(raw, report, origin)


def _renewal(raw: RawEvent, report: OrderReport, origin: Origin) -> RawEvent | None:
    renews = report.snapshot is not None and report.snapshot.sale is Sale.RENEWAL
    if not renews or origin.policy.orders.renewals == "purchase":
        return raw
    if origin.policy.orders.renewals == "none":
        return None
    name = raw.event_id if isinstance(raw.event_id, str) else ""
    event_id = f"subscribe.{name.removeprefix('purchase.')}" if name else None
    return msgspec.structs.replace(raw, event_name="Subscribe", event_id=event_id)


def _in_time(raw: RawEvent, report: OrderReport, origin: Origin) -> RawEvent | None:
    """An old order that changed just now (paid, delivered) is told at that time; one of which nothing is new is not."""
    limit = MAX_AGE_STORE_S if raw.action_source == "physical_store" else MAX_AGE_S
    oldest = origin.received_at // 1000 - limit + SPARE_S
    if not isinstance(raw.event_time, int) or raw.event_time >= oldest:
        return raw
    return msgspec.structs.replace(raw, event_time=report.at) if report.at >= oldest else None
