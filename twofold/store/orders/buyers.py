"""Who bought, as keyed digests beside the order: customers are counted by them, and a bank line's payer is found.

Owns the table order_party. A digest cannot be made without the folder's secret; it is the one by which a request for erasure
finds the person, so that an erasure takes it by equality. All reports of an order add up; nothing takes one away but an
erasure and time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twofold.store.digests import row_digest
from twofold.store.sqlite.database import Engine, id_array, key_array
from twofold.store.sqlite.statements import Run


def put_buyers(engine: Engine, order: int, buyer: Iterable[str], placed_at: int) -> None:
    """``buyer``: "kind:hex" as `matching.counterparts.counterpart_digests` answers."""
    pairs = sorted({(kind, bytes.fromhex(digest)) for kind, _, digest in (b.partition(":") for b in buyer)})
    engine.run_rows("put_buyers", [_row(digest, order, kind, placed_at) for kind, digest in pairs])


def move_buyers(engine: Engine, kept: int, other: int) -> None:
    """An order became part of another."""
    rows = engine.run("select_buyers", (id_array([other]),))
    engine.run_rows("put_buyers", [_row(digest, kept, kind, placed_at) for _, kind, digest, placed_at in rows])
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


def seal_of(digest: bytes, order: int, kind: str, placed_at: int) -> bytes:
    """Over all columns of a row."""
    return row_digest(digest.hex(), order, kind, placed_at)


def _row(digest: bytes, order: int, kind: str, placed_at: int) -> tuple[Any, ...]:
    return digest, order, kind, placed_at, seal_of(digest, order, kind, placed_at)
