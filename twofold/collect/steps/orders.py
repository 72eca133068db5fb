"""From a source's reading to what the ledger and the journal take: the report, and the copy it stands for.

Owns two rules: which event an order stands for (a renewal is no first purchase), and at what time it is told when the
order is older than the platform takes. Webhooks and files go the same way.
"""

from __future__ import annotations

import msgspec

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.consent.marks import withdrawable_marks
from twofold.event.identity import bare_order
from twofold.event.model import Consent, Event, RawEvent
from twofold.event.refusal import Refusal
from twofold.event.vocabulary import MAX_AGE_S, MAX_AGE_STORE_S
from twofold.ledger.model import OrderReport, Sale
from twofold.matching.counterparts import counterpart_digests
from twofold.matching.subject import Keyring
from twofold.sources.contract import Buyer, Reading
from twofold.sources.people import buyer_of
from twofold.store.orders.ledger import OrderEntry
from twofold.store.touches.whose import ORDER, order_name
from twofold.touch.model import Sign

SPARE_S = 86_400  # of the platform's age limit, for the hold and for retries


def entry_of(reading: Reading, origin: Origin, source: str, ring: Keyring) -> OrderEntry | Refusal:
    """The entry for a reading that has an order; `Refusal` when its copy is no event that could be sent.

    The report alone is always worth keeping: on a refusal call again with the copy taken out by `without_copy`. ``ring``:
    the folder's, for the digests of who bought; the plain values end here.
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
        dataset=origin.dataset,
        source=source,
        report=reading.order,
        copy=event,
        received_at=origin.received_at,
        buyer=digests_of(reading.buyer or buyer_of(raw.user_data if raw is not None else None), origin, ring),
        signs=_signs(reading, origin, source, event),
    )


def without_copy(reading: Reading) -> Reading:
    """The same for an order whose copy cannot be sent: who bought it is known all the same."""
    buyer = reading.buyer or buyer_of(reading.copy.user_data if reading.copy is not None else None)
    return msgspec.structs.replace(reading, copy=None, buyer=buyer)


def digests_of(buyer: Buyer | None, origin: Origin, ring: Keyring) -> tuple[str, ...]:
    """Keyed digests of everything that names the buyer."""
    if buyer is None:
        return ()
    country = buyer.country or origin.policy.country
    found: set[str] = set()
    for kind, values in (
        ("email", buyer.emails), ("phone", buyer.phones), ("name", buyer.names), ("customer", buyer.customers),
    ):  # fmt: skip
        for value in values:
            found.update(counterpart_digests(ring, country=country, **{kind: value}))
    return tuple(sorted(found))


def _signs(reading: Reading, origin: Origin, source: str, copy: Event | None) -> tuple[Sign, ...]:
    """What is said of the order's source; nothing where the buyer said no."""
    report = reading.order
    if not reading.said or report is None:
        return ()
    if copy is not None and (copy.consent is Consent.DENIED or (origin.policy.consent.require and not _yes(copy))):
        return ()
    ids = ((ORDER, order_name(source, report.order_id)),)
    marks = withdrawable_marks(copy) if copy is not None else []
    about = tuple(
        {("order", bare_order(report.order_id)), ("order", report.order_id), *((m.kind, m.value) for m in marks)}
    )
    return tuple(Sign(dataset=origin.dataset, ids=ids, touch=touch, about=about) for touch in reading.said)


def _yes(copy: Event) -> bool:
    return copy.consent is Consent.GRANTED


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
    """An old order that changed just now (paid, delivered) is told at that time; one of which nothing is new is not. While our own clock is
    doubted nothing is old that may be new."""
    now_ms = origin.bounds[0] if origin.bounds else origin.received_at
    limit = MAX_AGE_STORE_S if raw.action_source == "physical_store" else MAX_AGE_S
    oldest = now_ms // 1000 - limit + SPARE_S
    if not isinstance(raw.event_time, int) or raw.event_time >= oldest:
        return raw
    return msgspec.structs.replace(raw, event_time=report.at) if report.at >= oldest else None
