"""Orders of one exchange as one due: what replaces owes, and whatever names or pays what it replaces names and pays it.

Owns which orders are one. The chain tells them by the same rule (`chain.told`): what replaces is never older than what it
replaces, and of two that name each other the later stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from twofold.reconcile.matches.values import Due


def join_exchanges(dues: Iterable[Due]) -> tuple[list[Due], Mapping[str, str]]:
    """The dues without those that were replaced, and of each of these the order that stands for it."""
    by_order = {due.order: due for due in dues}
    newer = {
        due.replaces: due.order
        for due in sorted(by_order.values(), key=_age)
        if due.replaces in by_order and _age(by_order[due.replaces]) < _age(due)
    }
    if not newer:
        return list(by_order.values()), {}
    stands: dict[str, str] = {}
    for order in newer:
        last, seen = order, {order}
        while last in newer and newer[last] not in seen:
            last = newer[last]
            seen.add(last)
        stands[order] = last
    for older in sorted((by_order[order] for order in stands), key=_age, reverse=True):
        due = by_order[stands[older.order]]
        by_order[due.order] = replace(
            due,
            placed_at=min(due.placed_at, older.placed_at),
            keys=tuple(dict.fromkeys((*due.keys, *older.keys))),
            buyer=tuple(dict.fromkeys((*due.buyer, *older.buyer))),
            person=due.person or older.person,
        )
    return [due for order, due in by_order.items() if order not in stands], stands


def _age(due: Due) -> tuple[int, str]:
    return due.placed_at, due.order
