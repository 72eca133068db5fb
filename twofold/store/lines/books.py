"""Of which accounts, in which formats and batches movements of money were told: few rows, whatever the number of lines.

Owns the table line_book, written in the transaction of the lines. It says at least what is there: a row may outlive its
lines, none is missing. By it a reader knows without reading lines whether an account is told by two formats, and which batches
fall into a span.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from twofold.ledger.lines import MoneyLine, Thing
from twofold.ledger.ties import BANK
from twofold.store.engine import Database

_DAY_S = 86_400


class Book(NamedTuple):
    """One row. ``first_day`` and ``last_day`` in days since 1970-01-01, of when its lines happened or are available."""

    source: str
    account: str
    currency: str
    batch: str
    form: str
    first_day: int
    last_day: int


def book_of(thing: Thing) -> Book | None:
    """What a movement of money was told of; None for all else."""
    if not isinstance(thing, MoneyLine):
        return None
    at, available = thing.at // _DAY_S, (thing.available_at or thing.at) // _DAY_S
    batch = "" if thing.kind in BANK else thing.batch
    return Book(thing.source, thing.account, thing.currency, batch, thing.form, min(at, available), max(at, available))


def put_books(engine: Database, books: Iterable[Book]) -> None:
    """These were told of."""
    found: dict[tuple[str, ...], Book] = {}
    for book in books:
        known = found.get(book[:5])
        if known is not None:
            book = book._replace(
                first_day=min(book.first_day, known.first_day), last_day=max(book.last_day, known.last_day)
            )
        found[book[:5]] = book
    engine.run_rows("put_line_books", [tuple(found[key]) for key in sorted(found)])
