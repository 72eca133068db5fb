"""The tables of orders for one day: orders, their lines, keys, payments, refunds and parcels.

Owns what their columns are read from. What an order is and what it is worth is asked of `ledger` with the policy of today's
settings; nothing here decides. Its age is left out: a table of a day is the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from twofold.facts.parquet import Row
from twofold.facts.rows.snapshot import Snapshot
from twofold.ledger.model import ParcelState, decode_report
from twofold.ledger.policy import OrderPolicy, OrderStanding, judge_order, method_of, milestone_of, reached_at, value_of
from twofold.ledger.references import key_of, of_reports, people_number
from twofold.ledger.state import (
    Fact,
    OrderState,
    current_parcels,
    decode_state,
    parcels_of,
    payments_of,
    refunds_of,
)
from twofold.matching.persons import NUMBERS
from twofold.store.engine import id_array
from twofold.store.orders.buyers import buyers_of

DAY_S = 86_400
CHUNK = 500  # orders whose reports are in memory at once


class Told(NamedTuple):
    """One order with all that was reported about it."""

    row: tuple[Any, ...]  # of the statement facts_orders
    state: OrderState
    facts: Sequence[Fact]
    buyers: Sequence[str] = ()  # "kind:hex"
    called: Sequence[bytes] = ()  # the names by which events find it

    @property
    def keys(self) -> dict[str, Any]:
        """The columns by which every table of orders is joined."""
        return {"dataset": self.row[1], "order_row": self.row[0], "order_id": self.state.order_id}


def told_orders(snapshot: Snapshot, day: int, only: Container[int] | None = None) -> Iterator[Told]:
    """The orders placed on a day, by row. ``only``: of them these rows."""
    rows = snapshot.stream("facts_orders", (day * DAY_S, (day + 1) * DAY_S))
    if only is not None:
        rows = (row for row in rows if row[0] in only)
    while part := list(islice(rows, CHUNK)):
        facts: dict[int, list[Fact]] = {}
        for order, _, source, body in snapshot.run("list_facts_of", (id_array(r[0] for r in part),)):
            facts.setdefault(order, []).append(Fact(source, decode_report(body)))
        buyers = buyers_of(snapshot.run, [r[0] for r in part])
        called: dict[int, list[bytes]] = {}
        for order, name in snapshot.run("names_of_orders", (id_array(r[0] for r in part),)):
            called.setdefault(order, []).append(bytes(name))
        for row in part:
            number = row[0]
            state = decode_state(row[7])
            yield Told(row, state, facts.get(number, ()), buyers.get(number, ()), called.get(number, ()))


def order_row(told: Told, policy: OrderPolicy) -> Row:
    """The row of the table orders."""
    row, state = told.row, told.state
    judged = judge_order(state, policy, state.placed_at)  # as young as it can be: age is the question's
    valued = value_of(state, policy)
    shop, shown = state.shop, state.presentment
    currency = shop.currency if shop else None
    parcels = [p for p in current_parcels(parcels_of([f.report for f in told.facts])) if _counts(p.state)]
    lost = [p.at for p in parcels if p.state is ParcelState.LOST]
    return {
        **told.keys,
        "number": people_number((a for f in told.facts for a in f.report.aliases), state.order_id),
        "placed_at": state.placed_at,
        "known": state.known,
        "sale": str(state.sale),
        "method": str(method_of(state, policy)),
        "channel": "",
        "currency": currency,
        **({name: getattr(shop, name) for name in _AMOUNTS} if shop else {}),
        "shown_currency": shown.currency if shown else None,
        "shown_total": shown.total if shown else None,
        "value": valued.value if valued else None,
        "value_currency": valued.currency if valued else None,
        **_sums("refunded", state.refunded, currency),
        **_sums("received", state.received, currency),
        "paid": str(state.paid) if state.paid else None,
        "disputed": state.disputed,
        "test": state.test,
        "deleted": state.deleted,
        "confirmed_at": reached_at(state, "confirmed", policy),
        **{name: getattr(state, name) for name in _TIMES},
        "lost_at": max(lost) if lost and len(lost) == len(parcels) else None,
        "cancel_reason": state.cancel_reason,
        "standing": str(judged.standing),
        "reason": judged.reason,
        "milestone": milestone_of(state, policy),
        "since": judged.since,
        "expires_at": state.placed_at + policy.expire_s if judged.standing is OrderStanding.NOT_YET else None,
        "parcels": len(parcels),
        "parcels_delivered": sum(p.state is ParcelState.DELIVERED for p in parcels),
        "source": state.sources[0] if state.sources else "",
        "sources": ",".join(state.sources),
        "replaces": state.replaces,
        "left_out": sum((a for n, a in valued.left_out.items() if n != "refunds"), Decimal(0)) if valued else None,
        "edited": _edited(told),
        **_given_back(told, currency),
        "country": state.country,
        "region": state.region,
        "action": row[4],
        "changed_at": row[6] // 1000,
    }


_AMOUNTS = (
    "total", "tax", "shipping", "shipping_tax", "tip", "duties", "gift_cards", "discount", "tax_included", "after_refunds",
)  # fmt: skip
_TIMES = ("authorised_at", "paid_at", "shipped_at", "delivered_at", "refused_at", "returned_at", "cancelled_at")


def _counts(state: ParcelState) -> bool:
    return state is not ParcelState.CANCELLED


def _sums(name: str, sums: Mapping[str, Decimal], currency: str | None) -> dict[str, Any]:
    """A sum in the order's currency, and what is in others."""
    others = {c: f"{amount:f}" for c, amount in sorted(sums.items()) if c != currency}
    own = sums.get(currency, Decimal(0)) if currency else Decimal(0)
    return {name: own, f"{name}_other": msgspec.json.encode(others).decode() if others else None}


def _edited(told: Told) -> Decimal | None:
    """What edits changed of the total since it was first told."""
    totals = sorted(
        (f.report.snapshot.version, f.report.at, f.report.snapshot.shop.total)
        for f in told.facts
        if f.report.snapshot is not None
        and f.report.snapshot.shop is not None
        and not f.report.snapshot.shop.after_refunds
    )
    return totals[-1][2] - totals[0][2] if totals else None


def _given_back(told: Told, currency: str | None) -> dict[str, Any]:
    """Refunds in the order's currency, each once, whoever told it."""
    found = {r.id: r for f in told.facts for r in f.report.refunds if r.currency == currency}
    rows = sorted((r.at, r.amount) for r in found.values())
    if not rows:
        return {}
    told_all = msgspec.json.encode([(at, f"{amount:f}") for at, amount in rows]).decode()
    return {"given_back": told_all, "given_back_first": rows[0][0], "given_back_last": rows[-1][0]}


def line_rows(told: Told) -> Iterator[Row]:
    """The rows of the table order_lines."""
    for place, line in enumerate(told.state.lines, 1):
        yield {
            **told.keys,
            "line": place,
            "item": line.id,
            "sku": line.sku,
            "quantity": line.quantity,
            "price": line.price,
            "shown_price": line.shown_price,
            "discount": line.discount,
            "gift_card": line.gift_card,
            "currency": told.state.shop.currency if told.state.shop else None,
        }


def name_rows(told: Told) -> Iterator[Row]:
    """The rows of the table order_names."""
    for name in sorted(of_reports(fact.report for fact in told.facts)):
        kind, _, value = name.partition(":")
        yield {**told.keys, "kind": kind, "value": value, "match_key": key_of(name)}
    for called in sorted(told.called):
        yield {**told.keys, "kind": "called", "value": called.hex(), "match_key": ""}


def people_rows(told: Told) -> Iterator[Row]:
    """The rows of the table order_people."""
    for buyer in told.buyers:
        kind, _, digest = buyer.partition(":")
        if kind not in NUMBERS:
            yield {**told.keys, "kind": kind, "digest": digest}


def payment_rows(told: Told) -> Iterator[Row]:
    """The rows of the table payments: each source's own word, as it came last."""
    for source in _sources(told):
        reports = [fact.report for fact in told.facts if fact.source == source]
        for payment in sorted(payments_of(reports), key=lambda p: p.id):
            yield {
                **told.keys,
                "source": source,
                "payment": payment.id,
                "kind": payment.kind,
                "amount": payment.amount,
                "currency": payment.currency,
                "state": payment.state,
                "happened_at": payment.at,
                "gateway": payment.gateway,
            }


def refund_rows(told: Told) -> Iterator[Row]:
    """The rows of the table refunds."""
    for source in _sources(told):
        for refund in sorted(refunds_of(f.report for f in told.facts if f.source == source), key=lambda r: r.id):
            yield {
                **told.keys,
                "source": source,
                "refund": refund.id,
                "amount": refund.amount,
                "currency": refund.currency,
                "happened_at": refund.at,
                "reason": refund.reason,
                "told_sum": refund.total,
                "payment": refund.payment,
            }


def parcel_rows(told: Told) -> Iterator[Row]:
    """The rows of the table parcels. Of several who told one state, the first by name."""
    first: dict[tuple[str, int, str], str] = {}
    for fact in told.facts:
        for parcel in fact.report.parcels:
            key = parcel.id, parcel.at, str(parcel.state)
            first[key] = min(fact.source, first.get(key, fact.source))
    for (parcel_id, at, state), source in sorted(first.items()):
        yield {**told.keys, "parcel": parcel_id, "state": state, "happened_at": at, "source": source}


def _sources(told: Told) -> list[str]:
    return sorted({fact.source for fact in told.facts})
