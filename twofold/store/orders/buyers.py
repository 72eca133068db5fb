"""Who bought, as keyed digests beside the order: customers are counted by them, and a bank line's payer is found.

Owns the table order_party, and in it the random *customer number* that each order with a buyer is told with: it stands beside
the digests of the same kind of row, and stays when they are forgotten (`customers`). A digest cannot be made without the folder's secret; it is the one by which a request for erasure
finds the person, so that an erasure takes it by equality. All reports of an order add up; nothing takes one away but an
erasure and time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from twofold.matching.persons import CONTACTS, LATE_NUMBER, NUMBER, NUMBERS
from twofold.store.digests import row_digest
from twofold.store.engine import Database, id_array, key_array
from twofold.store.sqlite.statements import Run


def put_buyers(
    engine: Database,
    order: int,
    buyer: Iterable[str],
    placed_at: int,
    told_at: int,
    *,
    begun: bool,
    late: bool,
) -> None:
    """``buyer``: "kind:hex" as `matching.counterparts.counterpart_digests` answers; times in Unix s. ``begun``: the order is new.
    ``late``: whether keys of earlier orders have been forgotten."""
    pairs = sorted({(kind, bytes.fromhex(digest)) for kind, _, digest in (b.partition(":") for b in buyer)})
    since = max(placed_at, told_at)
    rows = [_row(digest, order, kind, since if kind in CONTACTS else placed_at) for kind, digest in pairs]
    if begun and any(kind in CONTACTS for kind, _ in pairs):
        rows.append(_number_row(order, late, placed_at))
    engine.run_rows("put_buyers", rows)
    if not begun and any(kind in CONTACTS for kind, _ in pairs) and engine.changes():
        known = engine.run("select_buyers", (id_array([order]),))
        if not any(kind in NUMBERS for _, kind, *_ in known):
            engine.run_rows("put_buyers", [_number_row(order, late, placed_at)])


def put_number(engine: Database, orders: Iterable[tuple[int, int]], number: bytes) -> None:
    """These orders, with when they were placed, are of the customer with this number."""
    engine.run_rows("put_buyers", [_row(number, order, NUMBER, placed_at) for order, placed_at in orders])


def fresh_number() -> bytes:
    """One that nobody has."""
    return os.urandom(16)


def move_buyers(engine: Database, kept: int, other: int) -> None:
    """An order became part of another."""
    rows = engine.run("select_buyers", (id_array([other]),))
    engine.run_rows("put_buyers", [_row(digest, kept, kind, since) for _, kind, digest, since in rows])
    engine.run("drop_buyers_of", (id_array([other]),))


def buyers_of(run: Run, orders: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Order row to its buyer's digests as "kind:hex", sorted; an order without any is not in it."""
    found: dict[int, list[str]] = {}
    for order, kind, digest, _ in run("select_buyers", (id_array(orders),)):
        found.setdefault(order, []).append(f"{kind}:{digest.hex()}")
    return {order: tuple(sorted(digests)) for order, digests in found.items()}


def orders_of_buyers(run: Run, digests: Iterable[bytes]) -> set[int]:
    """The orders that one of these digests bought."""
    return {order for (order,) in run("select_orders_of_buyers", (key_array(digests),))}


def seal_of(digest: bytes, order: int, kind: str, since: int) -> bytes:
    """Over all columns of a row."""
    return row_digest(digest.hex(), order, kind, since)


def _number_row(order: int, late: bool, placed_at: int) -> tuple[Any, ...]:
    return _row(fresh_number(), order, LATE_NUMBER if late else NUMBER, placed_at)


def _row(digest: bytes, order: int, kind: str, since: int) -> tuple[Any, ...]:
    return digest, order, kind, since, seal_of(digest, order, kind, since)
