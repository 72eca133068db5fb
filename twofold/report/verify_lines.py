"""Whether kept lines still hold together: their digests, the counts of their files, and what they and orders are looked up by.

Owns these checks of `verify` (`report.verify` runs them in its snapshot). A file that is being read is no fault; a line of
no file is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from twofold.ledger.filing import day_of, key_number, keys_of, kind_of
from twofold.ledger.lines import decode_thing
from twofold.ledger.model import decode_report
from twofold.store.digests import row_digest
from twofold.store.lines.books import Book, book_of
from twofold.store.lines.filling import is_filled
from twofold.store.lines.keeping import line_digest
from twofold.store.orders.keys import key_numbers
from twofold.store.sqlite.statements import reading, statement

Line = tuple[str, int, int, str]
"""The fields of a check: name, left, right, note."""

_LOW = (1 << 32) - 1  # of a key's number: summed without running over
_ROWS = (
    "select id, digest, file, row_number, kind, day, name, told_at, as_of, step, ordinal, received_at, content, body "
    "from line order by id"
)


def check_lines(db: Any) -> Iterator[Line]:
    rows = good = agreeing = keys = key_sum = 0
    altered = ""
    filled = is_filled(reading(db))
    books: dict[tuple[str, ...], Book] = {}
    for number, digest, *columns in db.execute(_ROWS):
        rows += 1
        if line_digest(*columns) == digest:
            good += 1
        elif not altered:
            altered = f"the first that was altered is line {number}"
        try:
            thing = decode_thing(columns[11])
        except (msgspec.MsgspecError, ValueError):
            continue
        if filled and (book := book_of(thing)) is not None:
            _widen(books, book)
        agreeing += (kind_of(thing), day_of(thing)) == (columns[2], columns[3])
        numbers = {key_number(key) for key in keys_of(thing)}
        keys += len(numbers)
        key_sum += sum(n & _LOW for n in numbers)
    yield "lines are what was told", rows, good, altered
    yield "lines say what their columns say", rows, agreeing, ""
    found, summed = db.execute(f"select count(*), coalesce(sum(key & {_LOW}), 0) from line_key").fetchone()
    if filled:
        yield "keys of lines are all there", keys, found, ""
        yield "keys of lines are those of their lines", key_sum, summed, ""
        yield "accounts and batches of lines that are not listed", _unlisted(db, books), 0, ""
        yield from _order_keys(db)
    yield from _files(db)


def _widen(books: dict[tuple[str, ...], Book], book: Book) -> None:
    known = books.get(book[:5], book)
    books[book[:5]] = book._replace(
        first_day=min(book.first_day, known.first_day), last_day=max(book.last_day, known.last_day)
    )


def _unlisted(db: Any, books: dict[tuple[str, ...], Book]) -> int:
    """How many have lines outside of what is listed of them."""
    listed = {book[:5]: book for book in (Book(*row) for row in db.execute(statement("select_line_books")))}
    return sum(
        key not in listed or listed[key].first_day > book.first_day or listed[key].last_day < book.last_day
        for key, book in books.items()
    )


def _order_keys(db: Any) -> Iterator[Line]:
    """What lines may name orders by is what their reports carry."""
    keys = key_sum = 0
    mine: set[int] = set()
    before = None
    for order, body in db.execute("select order_row, body from order_fact order by order_row"):
        if order != before:
            keys, key_sum, mine, before = keys + len(mine), key_sum + _sum_of(mine, before), set(), order
        try:
            mine |= key_numbers([decode_report(body)])
        except (msgspec.MsgspecError, ValueError):
            continue
    keys, key_sum = keys + len(mine), key_sum + _sum_of(mine, before)
    found, summed = db.execute(
        f"select count(*), coalesce(sum((key & {_LOW}) + order_row), 0) from order_key"
    ).fetchone()
    yield "keys of orders are all there", keys, found, ""
    yield "keys of orders are those of their reports", key_sum, summed, ""


def _sum_of(keys: set[int], order: int | None) -> int:
    return sum((key & _LOW) + (order or 0) for key in keys)


def _files(db: Any) -> Iterator[Line]:
    brought, files, good, altered = 0, 0, 0, ""
    for *row, digest in db.execute(
        "select id, sha256, reading, kind, format, imported_at, lines, facts, digest from line_file order by id"
    ):
        files += 1
        brought += row[6]
        if row_digest(*row) == digest:
            good += 1
        elif not altered:
            altered = f"the first that was altered is file {row[0]}"
    yield "imports of files are what was written", files, good, altered
    there = _one(db, "select count(*) from line where file in (select id from line_file)")
    yield "lines of files = lines that the files brought", brought, there, ""
    texts = kept = 0
    for *row, digest in db.execute("select line, received_at, text, digest from line_text"):
        texts += 1
        kept += row_digest(*row) == digest
    yield "kept texts of lines are what was written", texts, kept, ""
    lost = _one(
        db,
        "select count(*) from line where file <> 0 and file not in (select id from line_file) "
        "and file not in (select id from line_load)",
    )
    yield "lines of no file", lost, 0, ""
    unmarked = _one(
        db,
        "select count(*) from (select name from line group by name having count(*) > 1) as l "
        "where name not in (select name from line_again)",
    )
    yield "lines with several states that are not marked so", unmarked, 0, ""


def _one(db: Any, sql: str) -> int:
    value: int = db.execute(sql).fetchone()[0]
    return value
