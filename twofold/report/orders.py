"""Orders as an operator looks at them: lists, and the whole history of one.

Owns what is read of the ledger for people and the words for it. What an order is, what it is worth and whether it counts
is asked of `ledger` with the policy of today's settings; nothing here decides. Works while the gateway runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from twofold.event.model import Tier
from twofold.ledger.model import OrderReport, Snapshot, decode_report
from twofold.ledger.policy import (
    MILESTONES,
    NEVER_REASONS,
    Judgement,
    OrderPolicy,
    OrderStanding,
    judge_order,
    method_of,
    milestone_of,
    value_of,
)
from twofold.ledger.references import people_number
from twofold.ledger.state import OrderState, decode_state
from twofold.matching.subject import Keyring
from twofold.report.period import Journal, journal_of
from twofold.store.engine import id_array, key_array
from twofold.store.orders.ledger import OrderRow, name_of_order
from twofold.store.orders.outcomes import OUTCOMES
from twofold.store.secret import known_ring
from twofold.store.touches.paths import NO_BROWSER, touches_of
from twofold.touch.model import Touch

PolicyOf = Callable[[str], OrderPolicy]
CHUNK = 1_000  # orders read at once

COUNTS = "counts"
UNREPORTED = "not_reported"
"""State word of an order of which only money or parcels were reported, never the order itself."""
STATE_WORDS = (
    COUNTS, UNREPORTED, *(f"not_{m}" for m in MILESTONES), *(f"never_{m}" for m in MILESTONES), *NEVER_REASONS,
)  # fmt: skip
"""Every state word that an order can have."""
NONE = "none"
MIXED = "mixed"


class Purchase(NamedTuple):
    """One delivery of the action that an order stands for, as the statement list_purchases gives it."""

    action: int
    delivery: int
    destination: str
    state: str
    reason: str
    sealed_at: int | None  # ms
    value: str | None  # of the action, fixed when it was sent first
    currency: str | None
    marks: str
    payload: bytes | None  # of what arrived; empty once retention took it
    event_id: str  # under which it was sent, or would be


class ListedOrder(Struct, frozen=True, kw_only=True):
    """One order in a list. Times in Unix s; ``state`` is `COUNTS`, or why it does not count (yet). ``number``: what its people call it."""

    dataset: str
    order_id: str
    number: str
    placed_at: int
    state: str
    since: int | None
    value: Decimal | None
    currency: str | None
    method: str
    purchase: str  # state of its Purchase's deliveries: the one they share, "mixed", or "none"
    reason: str
    sources: tuple[str, ...]


def list_orders(
    folder: Path | str,
    policy_of: PolicyOf,
    now_s: int,
    *,
    dataset: str | None = None,
    state: str | None = None,
    since_s: int = 0,
    limit: int = 50,
) -> list[ListedOrder]:
    """The last ``limit`` orders that fit (0: all), newest last, by the time they were placed."""
    found: list[ListedOrder] = []
    with journal_of(folder) as journal:
        for row, order in order_rows(journal, dataset, since_s):
            policy = policy_of(row.dataset)
            word, since = word_of(order, judge_order(order, policy, now_s))
            if state is None or state == word:
                number = people_number(aliases_of(journal, row.id), row.order_id)
                found.append(_listed(row, order, number, policy, word, since, purchases_of(journal, [row])))
                if len(found) == limit:
                    break
    return found[::-1]


def order_rows(journal: Journal, dataset: str | None, since_s: int) -> Iterator[tuple[OrderRow, OrderState]]:
    """Orders placed since a time, newest first, each with its state."""
    for rows in order_chunks(journal, dataset, since_s):
        for row in rows:
            yield row, decode_state(row.state)


def order_chunks(journal: Journal, dataset: str | None, since_s: int) -> Iterator[list[OrderRow]]:
    """The same rows, `CHUNK` at a time."""
    ids = [number for (number,) in journal.run("list_order_ids", (dataset, since_s))]
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        rows = {row[0]: OrderRow(*row) for row in journal.run("list_orders", (id_array(part),))}
        yield [rows[number] for number in part]


def aliases_of(journal: Journal, row: int) -> Iterator[str]:
    """The other names of an order, by its row: of each report, as told."""
    for *_, body in journal.run("list_facts", (row,)):
        yield from decode_report(body).aliases


def purchases_of(journal: Journal, rows: Sequence[OrderRow]) -> dict[int, list[Purchase]]:
    """Action to its deliveries, for the actions that these orders stand for."""
    actions = sorted({row.action for row in rows if row.action is not None})
    return deliveries_of(journal, actions)


def deliveries_of(journal: Journal, actions: Sequence[int]) -> dict[int, list[Purchase]]:
    """Action to its deliveries."""
    found: dict[int, list[Purchase]] = {}
    if actions:
        for values in journal.run("list_purchases", (id_array(actions),)):
            found.setdefault(values[0], []).append(Purchase(*values))
    return found


def word_of(order: OrderState, judged: Judgement) -> tuple[str, int | None]:
    """The state word of an order, and since when (Unix s) where it is known."""
    if judged.standing is OrderStanding.COUNTS:
        return COUNTS, judged.since
    if judged.standing is OrderStanding.NOT_YET and not order.known:
        return UNREPORTED, None
    return judged.reason, judged.since


def _listed(
    row: OrderRow,
    order: OrderState,
    number: str,
    policy: OrderPolicy,
    word: str,
    since: int | None,
    purchases: dict[int, list[Purchase]],
) -> ListedOrder:
    valued = value_of(order, policy)
    state, reason = delivery_word(purchases.get(row.action or 0, []))
    return ListedOrder(
        dataset=row.dataset,
        order_id=row.order_id,
        number=number,
        placed_at=row.placed_at,
        state=word,
        since=since,
        value=valued.value if valued else None,
        currency=valued.currency if valued else None,
        method=method_of(order, policy),
        purchase=state,
        reason=reason,
        sources=order.sources,
    )


def delivery_word(deliveries: Sequence[Purchase]) -> tuple[str, str]:
    """State and reason that these deliveries share."""
    states, reasons = {d.state for d in deliveries}, {d.reason for d in deliveries}
    if not states:
        return NONE, ""
    return (states.pop() if len(states) == 1 else MIXED), (reasons.pop() if len(reasons) == 1 else "")


# -- one order


def show_order(
    folder: Path | str, policy_of: PolicyOf, now_s: int, order: str, *, dataset: str | None = None
) -> list[dict[str, Any]]:
    """Everything known of the orders with this id or number; one dict each, ready for ``--json``. Usually one."""
    with journal_of(folder) as journal:
        numbers = _find(journal, order, dataset)
        rows = [OrderRow(*row) for row in journal.run("list_orders", (id_array(numbers),))] if numbers else []
        ring = known_ring(Path(folder))
        return [
            _shown(journal, row, policy_of(row.dataset), now_s) | _touches(journal, row, ring)
            for row in rows
            if dataset in (None, row.dataset)
        ]


def find_orders(folder: Path | str, order: str) -> list[int]:
    """Rows of the orders with this id or number, in any dataset."""
    with journal_of(folder) as journal:
        return _find(journal, order, None)


def _find(journal: Journal, order: str, dataset: str | None) -> list[int]:
    own = [number for (number,) in journal.run("find_order", (order,))]
    datasets = [dataset] if dataset else [name for (name,) in journal.run("list_order_datasets")]
    names = [name_of_order(d, order) for d in datasets]
    named = [number for _, number in journal.run("select_order_names", (key_array(names),))] if names else []
    return sorted({*own, *named})


def _shown(journal: Journal, row: OrderRow, policy: OrderPolicy, now_s: int) -> dict[str, Any]:
    order = decode_state(row.state)
    judged = judge_order(order, policy, now_s)
    valued = value_of(order, policy)
    return {
        "dataset": row.dataset,
        "order_id": row.order_id,
        "placed_at": row.placed_at,
        "state": word_of(order, judged)[0],
        "standing": judged.standing,
        "reason": judged.reason,
        "since": judged.since,
        "method": method_of(order, policy),
        "counts_when": milestone_of(order, policy),
        "value": _value_parts(order, valued),
        "known": msgspec.to_builtins(order, builtin_types=(Decimal,)),
        "facts": [_fact(values) for values in journal.run("list_facts", (row.id,))],
        "action": row.action,
        "copies": [_named(_COPY, values) for values in journal.run("list_copies", (row.action,))] if row.action else [],
        "deliveries": [_delivery(v) for v in journal.run("list_deliveries", (row.action,))] if row.action else [],
        "outcomes_told": [o.word for o in OUTCOMES if row.outcomes & o.bit],
    }


def _touches(journal: Journal, row: OrderRow, ring: Keyring | None) -> dict[str, Any]:
    """Where the order came from: its own signs and what is said of it, and why there are none of the first."""
    if ring is None:
        return {"touches": [], "no_touch": NO_BROWSER}
    found = touches_of(journal.run, ring, row)
    return {"touches": [touch_row(t) for t in (*found.own, *found.said)], "no_touch": found.reason}


def touch_row(touch: Touch) -> dict[str, Any]:
    """A touch as `--json` shows it."""
    return {name: getattr(touch, name) for name in Touch.__struct_fields__}


def _value_parts(order: OrderState, valued: Any) -> dict[str, Any] | None:
    """The value with what was left out of the total, and what the total contains."""
    if valued is None:
        return None
    amounts = next(a for a in (order.presentment, order.shop) if a is not None and a.currency == valued.currency)
    contained = {
        part: amount
        for part in ("tax", "shipping", "shipping_tax", "tip", "duties", "gift_cards", "discount")
        if (amount := getattr(amounts, part))
    }
    return {
        "value": valued.value,
        "currency": valued.currency,
        "total": valued.total,
        "left_out": valued.left_out,
        "contained": contained,
        "after_refunds": amounts.after_refunds,
    }


_COPY = ("position", "received_at", "channel", "sender", "tier", "verdict", "event_name", "event_id", "late")
_DELIVERY = (
    "delivery", "destination", "state", "reason", "attempts", "due_at", "settled_at", "event_id", "marks", "event_name",
)  # fmt: skip


def _named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(names, values, strict=True))
    if "late" in found:
        found["late"] = bool(found["late"])
        found["tier"] = Tier(found["tier"]).name
    return found


def _delivery(values: Sequence[Any]) -> dict[str, Any]:
    found = _named(_DELIVERY, values)
    found["marks"] = [mark for mark in found["marks"].split(",") if mark]
    return found


def _fact(values: Sequence[Any]) -> dict[str, Any]:
    received_at, at, kind, source, reference, body = values
    report = decode_report(body)
    return {
        "received_at": received_at,
        "at": at,
        "kind": kind,
        "source": source,
        "reference": reference,
        "aliases": report.aliases,
        "said": said(report),
    }


def said(report: OrderReport) -> str:
    """A report in words."""
    parts = _snapshot_words(report.snapshot) if report.snapshot else []
    parts += [f"{p.kind} {p.amount} {p.currency} {p.state}" for p in report.payments]
    parts += [f"refund of {r.amount} {r.currency}" + (f" ({r.reason})" if r.reason else "") for r in report.refunds]
    parts += [f"parcel {p.id} {p.state}" for p in report.parcels]
    if report.deleted:
        parts.append("deleted")
    return "; ".join(parts) or "nothing new"


def _snapshot_words(snapshot: Snapshot) -> list[str]:
    amounts = [a for a in (snapshot.shop, snapshot.presentment) if a is not None]
    words = [f"total {a.total} {a.currency}" + (" after refunds" if a.after_refunds else "") for a in amounts]
    told = (
        (snapshot.test, "a test"),
        (snapshot.paid is not None, str(snapshot.paid)),
        (bool(snapshot.gateways), f"by {', '.join(snapshot.gateways)}"),
        (bool(snapshot.confirmed), "confirmed"),
        (snapshot.delivered_at is not None, "delivered"),
        (
            snapshot.cancelled_at is not None,
            "cancelled" + f" ({snapshot.cancel_reason})" * bool(snapshot.cancel_reason),
        ),
        (bool(snapshot.lines), f"{len(snapshot.lines)} line{'s' * (len(snapshot.lines) != 1)}"),
        (bool(snapshot.tags), f"tags {', '.join(snapshot.tags)}"),
        (bool(snapshot.replaces), f"replaces {snapshot.replaces}"),
    )
    return words + [text for holds, text in told if holds]


def as_row(order: ListedOrder) -> dict[str, Any]:
    """A plain row for ``--json``; money as text, exact."""
    row: dict[str, Any] = msgspec.to_builtins(order)
    return row
