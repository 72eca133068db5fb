"""Lines and orders of a folder that is older than the tables which bring them together: taken in a portion at a time.

Owns how far that has come. Until it is done readers take the long way, through everything.
"""

from __future__ import annotations

from twofold.ledger.filing import key_number, keys_of
from twofold.ledger.lines import decode_thing
from twofold.store.engine import Database
from twofold.store.lines.books import book_of, put_books
from twofold.store.orders.keys import fill_order_keys
from twofold.store.sqlite.statements import Run

PORTION = 512
AT_ONCE = 40
"""Portions that an opened folder takes in before anything else: some seconds at most."""


def is_filled(run: Run) -> bool:
    """True when every order and line is in."""
    return not any(_left(run, what) for what in ("orders", "lines"))


def fill_some(engine: Database) -> bool:
    """One portion, in a transaction of the writer; True while there is more."""
    for what, step in (("orders", fill_order_keys), ("lines", _fill_lines)):
        left = _left(engine.run, what)
        if left:
            engine.run("retention_reached", (f"ties_{what}", step(engine, *left)))
            return True
    return False


def _left(run: Run, what: str) -> tuple[int, int] | None:
    at, end = (next((int(v) for (v,) in run("select_progress", (f"ties_{what}{part}",))), 0) for part in ("", "_end"))
    return (at, end) if at < end else None


def _fill_lines(engine: Database, after: int, last: int) -> int:
    rows = [(number, decode_thing(body)) for number, body in engine.run("lines_after", (after, last, PORTION))]
    if not rows:
        return last
    engine.run_rows(
        "insert_line_keys", sorted({(key_number(key), number) for number, thing in rows for key in keys_of(thing)})
    )
    put_books(engine, (book for _, thing in rows if (book := book_of(thing)) is not None))
    return int(rows[-1][0])
