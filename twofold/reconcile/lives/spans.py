"""From when until when an order's account stands as it does.

Owns the times at which an account may change: when something of the order, its parcels or its money happened, and when a day
passed by which something should have. Between two of them it is the same whenever it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from twofold.facts.lives import FOREVER
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.standing import DAY_S
from twofold.reconcile.chain.values import Move, Order

T = TypeVar("T")


class Span(Struct, frozen=True, gc=False):
    """From a time on until another, which is not in it."""

    since: int
    until: int


def spans(times: Iterable[int], first: int, told: Callable[[int], T]) -> Iterator[tuple[Span, T]]:
    """What is told at each time from the first on, each as long as it is told alike."""
    cuts = sorted({first, *(at for at in times if at > first)})
    since, before = cuts[0], told(cuts[0])
    for at in cuts[1:]:
        now = told(at)
        if now != before:
            yield Span(since, at), before
            since, before = at, now
    yield Span(since, FOREVER), before


def times_of(order: Order, moves: Sequence[Move], desk: Desk) -> set[int]:
    """When the account of an order may change."""
    found = {
        order.paid_at, order.confirmed_at, order.shipped_at, order.delivered_at, order.refused_at, order.returned_at,
        order.lost_at, order.cancelled_at, *(at for at, _ in order.refunds), *(word.at for word in order.words),
    }  # fmt: skip
    late = order.placed_at + desk.rules.confirm_days * DAY_S + 1
    ended = (order.confirmed_at, order.shipped_at, order.paid_at, order.cancelled_at)
    if all(at is None or at > late for at in ended):  # else nobody waits for a confirmation by then
        found.add(late)
    for move in moves:
        found |= times_of_move(move, desk)
    return {at for at in found if at is not None}


def times_of_move(move: Move, desk: Desk) -> set[int]:
    """When a movement happened, came into a batch, to the bank, or was late."""
    found, batch = {move.at}, move.settlement
    if move.direct or batch is None or batch.failed:
        return found
    found.add(batch.at)
    if not batch.closes:
        return found
    late = desk.days.start(batch.late_after + 1)
    found.add(late if batch.banked_at is None else batch.banked_at)
    if batch.banked_at is not None and batch.banked_at > late:
        found.add(late)
    return found
