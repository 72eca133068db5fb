"""An order of the ledger as matching and the chain see it.

Owns those two views. What an order is, how it is paid and when it was confirmed is asked of `ledger` with the policy of
today's settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.model import Amounts, Method, OrderReport, Paid, ParcelState
from twofold.ledger.policy import OrderPolicy, method_of, reached_at
from twofold.ledger.references import of_reports, people_number
from twofold.ledger.state import OrderState, current_parcels, parcels_of
from twofold.ledger.ties import key_of
from twofold.matching.persons import LATE_NUMBER
from twofold.reconcile.chain.values import ZERO, Item, Order, ParcelWord
from twofold.reconcile.matches.values import Due


class KnownOrder(Struct, frozen=True, kw_only=True, gc=False):
    """An order with all that was reported of it, as the store has it."""

    row: int
    dataset: str
    state: OrderState
    reports: tuple[OrderReport, ...]
    buyer: str = ""
    digests: tuple[str, ...] = ()  # of who bought, as lines carry them

    shop: str = ""  # where two shops of the dataset gave this id to two orders, whose it is

    @property
    def key(self) -> str:
        return f"{self.dataset}/{self.state.order_id}" + (f"@{self.shop}" if self.shop else "")


def due_of(known: KnownOrder, order: Order) -> Due:
    """What the order's buyer owes, and by which keys a line may name it; without what couriers say."""
    amounts = {order.currency: order.total - order.vouchers}
    shop = f"@{known.shop}" if known.shop else ""
    shown = known.state.presentment
    if shown is not None and shown.currency != order.currency:
        amounts[shown.currency] = before_refunds(shown, known.state)
    return Due(
        order=known.key,
        placed_at=order.placed_at,
        amounts=amounts,
        keys=tuple(dict.fromkeys(map(key_of, of_reports(known.reports)))),
        buyer=known.digests,
        person=known.buyer,
        method=order.method,
        delivered_at=order.delivered_at,
        replaces=f"{known.dataset}/{order.replaces}{shop}" if order.replaces else "",
        given_up_at=gave_up_at(order),
        given_back=bool(order.refunded),
    )


def told_by_couriers(due: Due, order: Order) -> Due:
    """The same with what couriers say of the order's parcels."""
    if not order.words:
        return due
    arrived = [w.at for w in order.words if w.state is ParcelState.DELIVERED]
    back = [w.at for w in order.words if w.state in (ParcelState.REFUSED, ParcelState.RETURNED, ParcelState.RETURNING)]
    return replace(
        due,
        courier=order.courier,
        delivered_at=order.delivered_at if order.delivered_at is not None else max(arrived, default=None),
        given_up_at=min((at for at in (gave_up_at(order), *back) if at is not None), default=None),
    )


def gave_up_at(order: Order) -> int | None:
    """From when nobody pays for it any more; None for an order that may yet be paid."""
    if order.test or order.deleted or order.voided:
        return order.placed_at
    ended = (order.cancelled_at, order.refused_at, order.returned_at, order.lost_at)
    return min((at for at in ended if at is not None), default=None)


def order_of(known: KnownOrder, policy: OrderPolicy, words: Sequence[ParcelWord] = ()) -> Order:
    """The order as the chain sees it. ``words``: what couriers say of its parcels."""
    state = known.state
    shop = state.shop or Amounts(currency="", total=ZERO)
    current = _current(known.reports)
    lost = [at for state_, at in current if state_ is ParcelState.LOST]
    vouchers = _vouchers(known.reports, shop.currency)
    method = method_of(state, policy)
    if state.method is Method.GIFT_CARD or (not vouchers and method is Method.GIFT_CARD):
        vouchers = before_refunds(shop, state)
    return Order(
        key=known.key,
        row=known.row,
        order_id=state.order_id,
        number=number_of(known),
        placed_at=state.placed_at,
        known=state.known,
        test=state.test,
        deleted=state.deleted,
        sale=str(state.sale),
        method=str(method),
        source=state.sources[0] if state.sources else "",
        currency=shop.currency,
        total=before_refunds(shop, state),
        tax=shop.tax,
        tip=shop.tip or ZERO,
        duties=shop.duties or ZERO,
        gift_cards=shop.gift_cards or ZERO,
        refunded=state.refunded.get(shop.currency, ZERO),
        refunds=_refunds(known.reports, shop.currency),
        received=max(state.received.get(shop.currency, ZERO) - vouchers, ZERO),
        vouchers=vouchers,
        paid_at=state.paid_at,
        confirmed_at=reached_at(state, "confirmed", policy),
        shipped_at=state.shipped_at,
        delivered_at=state.delivered_at,
        refused_at=state.refused_at,
        returned_at=state.returned_at,
        lost_at=max(lost) if lost and len(lost) == len(current) else None,
        cancelled_at=state.cancelled_at,
        voided=state.paid is Paid.VOIDED,
        parcels=len(current),
        parcels_delivered=sum(s is ParcelState.DELIVERED for s, _ in current),
        words=tuple(words),
        items=tuple(Item(line.sku or line.id, line.quantity, line.gift_card) for line in state.lines),
        buyer=known.buyer,
        unsure=any(digest.startswith(LATE_NUMBER) for digest in known.digests),
        courier=min((w.courier for w in words if w.courier), default=""),
        replaces=state.replaces,
    )


def before_refunds(amounts: Amounts, state: OrderState) -> Decimal:
    """The total after edits, with what was given back put to it again where it was taken off."""
    back = state.refunded.get(amounts.currency, ZERO) if amounts.after_refunds else ZERO
    return amounts.total + back


def number_of(known: KnownOrder) -> str:
    """The number that people use, else the id."""
    return people_number((alias for report in known.reports for alias in report.aliases), known.state.order_id)


def _current(reports: Iterable[OrderReport]) -> list[tuple[ParcelState, int]]:
    """The last state of each parcel that counts, once: what a shop has an id of its own for, a courier calls by its number."""
    last = current_parcels(parcels_of(reports))
    return [(p.state, p.at) for p in last if p.state is not ParcelState.CANCELLED]


def _vouchers(reports: Iterable[OrderReport], currency: str) -> Decimal:
    """What was paid with gift cards, each payment once."""
    found = {
        p.id: p.amount
        for report in reports
        for p in report.payments
        if p.kind in ("sale", "capture") and p.state == "success" and p.currency == currency
        and "gift card" in p.gateway.replace("_", " ").casefold()
    }  # fmt: skip
    return sum(found.values(), ZERO)


def _refunds(reports: Iterable[OrderReport], currency: str) -> tuple[tuple[int, Decimal], ...]:
    """When what was given back, each refund once."""
    found = {r.id: r for report in reports for r in report.refunds if r.currency == currency}
    return tuple(sorted((r.at, r.amount) for r in found.values()))
