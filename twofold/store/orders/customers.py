"""Customers outlive what they were recognised by: before addresses, numbers and telephones of orders are forgotten, the orders of one
customer share a random number.

Owns that step, and the mark that something was forgotten: whoever buys for the first time after it may be an old customer, which
nobody can tell any more. Who is one customer is `matching.persons`'s rule. Until then an order has a number of its own, so that
nothing of this depends on the order of arrival. Inside the store's transactions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from twofold.matching.persons import CONTACTS, JOINING, NUMBERS, customers_of
from twofold.store.changed.days import mark_orders
from twofold.store.engine import Database, id_array, key_array
from twofold.store.orders.buyers import fresh_number, orders_of_buyers, put_number
from twofold.store.sqlite.statements import Run

FORGOTTEN = "buyers_forgotten"
"""The row of `meta` that says that keys of orders have been forgotten."""

MOST = 2_000
"""Orders that are looked at for one; behind a till's address there may be all of a shop's."""


def has_forgotten(run: Run) -> bool:
    """True when an old customer may not be recognised any more."""
    return bool(run("select_meta", (FORGOTTEN,)))


def forget_contacts(engine: Database, before: int, limit: int) -> bool:
    """Forgets by what the buyers of some orders were recognised, of orders placed and told before this time (Unix s); True while there is more."""
    due = [order for (order,) in engine.run("orders_with_old_contacts", (before, limit))]
    if not due:
        return False
    touched = {*due, *settle(engine, due)}
    mark_orders(engine, touched)
    engine.run("forget_contacts_of", (id_array(due), before))
    engine.run("put_meta", (FORGOTTEN, "1"))
    return len(due) == limit


def settle(engine: Database, due: Iterable[int]) -> set[int]:
    """The orders of each customer of these share a number from now on; answers the orders that got one."""
    around = orders_around(engine.run, due)
    placed = {row: at for row, _, _, at in engine.run("facts_orders_of", (id_array(around),))}
    members: dict[str, list[int]] = defaultdict(list)
    for order, customer in customers_of({str(row): told for row, told in around.items()}).items():
        members[customer].append(int(order))
    touched: set[int] = set()
    wanted = set(due)
    for orders in members.values():
        if wanted.isdisjoint(orders):
            continue
        numbers = {row: [d for d in around[row][1] if d.partition(":")[0] in NUMBERS] for row in orders}
        number = _number_of(numbers.values())
        without = [row for row in sorted(orders) if number.hex() not in {d.partition(":")[2] for d in numbers[row]}]
        put_number(engine, [(row, placed[row]) for row in without], number)
        touched |= set(without)
    nobody = sorted(wanted - {row for orders in members.values() for row in orders})
    engine.run("drop_numbers_of", (id_array(nobody),))
    return touched


def numbers_of(run: Run, orders: Iterable[int]) -> set[bytes]:
    """Customer numbers of these orders."""
    return {digest for _, kind, digest, _ in run("select_buyers", (id_array(orders),)) if kind in NUMBERS}


def forgotten_orders(run: Run, orders: Iterable[int]) -> set[int]:
    """Older orders of the customers of these, of which nothing but the customer's number is left."""
    numbers = numbers_of(run, orders)
    found = orders_of_buyers(run, numbers) if numbers else set()
    known = {order for order, kind, *_ in run("select_buyers", (id_array(found),)) if kind in CONTACTS}
    return found - known


def _number_of(told: Iterable[list[str]]) -> bytes:
    """The number that most of them have; of equals the least."""
    counts = Counter(digest.partition(":")[2] for digests in told for digest in digests)
    if not counts:
        return fresh_number()
    return bytes.fromhex(min(counts, key=lambda number: (-counts[number], number)))


def orders_around(run: Run, due: Iterable[int]) -> dict[int, tuple[str, list[str]]]:
    """Orders that hang together with these, with dataset and digests ("kind:hex")."""
    found: dict[int, tuple[str, list[str]]] = {}
    looked: set[bytes] = set()
    new = set(due)
    while new and len(found) < MOST:
        datasets = {row: dataset for row, dataset, *_ in run("facts_orders_of", (id_array(new),))}
        digests: dict[int, list[str]] = {row: [] for row in new if row in datasets}
        fresh: set[bytes] = set()
        for row, kind, digest, _ in run("select_buyers", (id_array(new),)):
            if row in digests and kind in JOINING:
                digests[row].append(f"{kind}:{digest.hex()}")
                fresh.add(digest)
        found |= {row: (datasets[row], own) for row, own in digests.items()}
        keys = fresh - looked
        looked |= fresh
        told = run("some_orders_of_buyers", (key_array(keys), MOST)) if keys else []
        new = {row for (row,) in told} - found.keys()
    return found


__all__ = ["FORGOTTEN", "forget_contacts", "forgotten_orders", "has_forgotten", "numbers_of", "orders_around", "settle"]
