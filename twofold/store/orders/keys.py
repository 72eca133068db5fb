"""By which keys a line of money may name an order: the other side of the keys of lines.

Owns the table order_key. A key is in it for every report of an order that carries it (`ledger.ties`), written in the report's
transaction, and goes when no report of the order carries it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from twofold.ledger.filing import key_number
from twofold.ledger.model import OrderReport, decode_report
from twofold.ledger.ties import ties_of_report
from twofold.store.engine import Database, id_array

PORTION = 256


def put_order_keys(engine: Database, order: int, reports: Iterable[OrderReport]) -> None:
    """The keys of these reports lead to the order."""
    engine.run_rows("insert_order_keys", [(key, order) for key in sorted(key_numbers(reports))])


def move_order_keys(engine: Database, kept: int, other: int) -> None:
    """An order became part of another; in the transaction, while its reports are still its own."""
    keys = key_numbers(_reports(body for _, body in engine.run("select_order_facts", (other,))))
    engine.run_rows("insert_order_keys", [(key, kept) for key in sorted(keys)])
    _drop(engine, other, keys)


def change_order_keys(engine: Database, order: int, before: Sequence[bytes], after: Sequence[bytes]) -> None:
    """The bodies of an order's reports were changed: names of a person went out of them."""
    old, new = key_numbers(_reports(before)), key_numbers(_reports(after))
    engine.run_rows("insert_order_keys", [(key, order) for key in sorted(new - old)])
    _drop(engine, order, old - new)


def fill_order_keys(engine: Database, after: int, last: int) -> int:
    """The keys of the next orders that are older than the table; the number of the last of them, ``last`` at the end."""
    orders = [order for (order,) in engine.run("orders_after", (after, last, PORTION))]
    if not orders:
        return last
    keys: set[tuple[int, int]] = set()
    for order, _, _, body in engine.run("list_facts_of", (id_array(orders),)):
        keys.update((key, order) for key in key_numbers(_reports([body])))
    engine.run_rows("insert_order_keys", sorted(keys))
    return int(orders[-1])


def key_numbers(reports: Iterable[OrderReport]) -> set[int]:
    """Keys as they are kept."""
    return {key_number(key) for report in reports for key in ties_of_report(report)}


def _drop(engine: Database, order: int, keys: Iterable[int]) -> None:
    for key in sorted(keys):
        engine.run("drop_order_key", (key, order))


def _reports(bodies: Iterable[bytes]) -> Iterable[OrderReport]:
    for body in bodies:
        try:
            yield decode_report(body)
        except (msgspec.MsgspecError, ValueError):
            continue  # damaged: `verify` says so
