"""An order that was fetched from a shop's API, told in the words of a shop's own webhook.

Owns what such orders have in common: values that say nothing are left out, what went back as one sum, orders that were deleted, and the
browser's ids that a shop may have kept with it. Which field of whose API is which is each source's file; what a told order means is
`webhook`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec.structs import replace

from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import read_time_ms
from twofold.ledger.model import Refund as RefundFact
from twofold.sources import lenient
from twofold.sources.browser_ids import KeptIds
from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.own import webhook

_KEYS_OF_EVENTS = 200  # an order with all its lines and addresses
STAGES = ("placed", "confirmed", "paid", "delivered", "cancelled")
"""What `stages` may make of a status of theirs."""


def body_of(body: bytes) -> dict[str, Any] | Refusal:
    return lenient.object_of(body, events=_KEYS_OF_EVENTS)


def without(tree: Mapping[str, Any], name: str, path: str, expected: str, reason: DropReason) -> Refusal:
    """The refusal of an order that lacks what no order can be without."""
    return Refusal(reason=reason, path=path, expected=expected, got=describe(tree.get(name)))


def never_signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Of a system that sends nothing, or whose secret stands in the address: no signature ever fits."""
    del body, headers, secrets, now_ms
    return False


def said(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing, inside too."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        kept: Any = value
        if isinstance(value, Mapping):
            kept = said(value)
        elif isinstance(value, list):
            kept = [said(one) if isinstance(one, Mapping) else one for one in value]
        if kept is not None and kept not in ("", {}, []):
            found[name] = kept
    return found


def amount(tree: dict[str, Any], name: str) -> Decimal | None:
    """Zero or more; None for anything else."""
    found = lenient.decimal(tree, name)
    return found if found is not None and found >= 0 else None


def pieces(tree: dict[str, Any], name: str) -> int:
    """Pieces of a line; 0.5 kg is one."""
    found = lenient.decimal(tree, name)
    return int(found) if found is not None and found > 0 and found == int(found) else 1


def mail_time(text: str | None) -> int | None:
    """Unix s of a time as e-mail writes it (RFC 2822), which names its offset."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return int(moment.timestamp()) if moment.tzinfo is not None and moment.year > 1970 else None


def local_time(text: str | None, zone: tzinfo = UTC) -> int | None:
    """Unix s of ``2026-11-29 12:00:00``, of a shop whose zone is known beside it."""
    found = read_time_ms(text, zone=zone) if text and not text.startswith("0000") else None
    return None if found is None else found // 1000


def moment(at_s: int) -> str:
    """As the own webhook's bodies write a time."""
    return datetime.fromtimestamp(at_s, UTC).isoformat()


def kept_ids(pairs: Iterable[tuple[Any, Any]], options: SourceOptions, placed_at: int) -> tuple[dict[str, Any], Any]:
    """The browser's part of an order, and its consent, from what the shop kept with it."""
    kept = KeptIds(pairs, options.fields)
    browser = {
        "event_id": kept.event_id, "fbp": kept.fbp, "fbc": kept.fbc(None, placed_at * 1000), "visitor": kept.visitor,
        "click_ids": kept.click_ids(None) or None,
    }  # fmt: skip
    return browser, kept.consent


def status_of(stage: str | None, cancelled: bool) -> str | None:
    """The own webhook's status of a state that `stages` or the system's own words gave."""
    if cancelled or stage == "cancelled":
        return "cancelled"
    return {"confirmed": "confirmed", "paid": "confirmed", "delivered": "delivered"}.get(stage or "", "placed")


def told(
    tree: Mapping[str, Any], options: SourceOptions, sender: str, *, refunded: Decimal | None = None, deleted: bool = False,
    notes: Iterable[str] = (),
) -> Reading | Refusal:  # fmt: skip
    """The reading of an order in the own webhook's words. ``refunded``: the sum that went back by now."""
    found = webhook.read_tree({"type": "order", **said(tree)}, options)
    if isinstance(found, Refusal) or found.order is None or found.order.snapshot is None:
        return found
    order, shop = found.order, found.order.snapshot.shop
    back = order.refunds
    if refunded and shop is not None:
        back = (RefundFact(id=f"{order.order_id}:{refunded}", amount=refunded, currency=shop.currency, at=order.at,
                           total=refunded, payment=order.order_id),)  # fmt: skip
    return replace(
        found,
        sender=sender,
        order=replace(order, refunds=back, deleted=deleted, reference=f"{sender} {order.reference}"),
        notes=(*found.notes, *notes),
    )
