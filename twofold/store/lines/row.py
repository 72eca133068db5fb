"""One line on its way to the disk: made where the file is read, handed over as it is, written as it came.

Owns that form, which is also the form on the control socket. What a line says is plain JSON of its shape in `ledger.lines`.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.filing import as_of, day_of, key_number, keys_of, kind_of, step_of
from twofold.ledger.identity import name_of
from twofold.ledger.lines import MoneyLine, Survey, Thing, encode_thing
from twofold.store.lines.books import Book, book_of

CONTENT_SIZE = 8


class LineRow(Struct, frozen=True, array_like=True, gc=False):
    """``content`` is what two states of one line are compared by: who stands opposite and the text may be emptied later,
    and the same line told again must not bring them back."""

    name: bytes
    kind: str
    day: int
    row: int
    ordinal: int
    told_at: int | None
    as_of: int
    step: int
    received_at: int
    content: bytes
    keys: tuple[int, ...]
    body: msgspec.Raw
    text: str = ""  # name and text as the statement has them, where they are kept
    book: Book | None = None


class LineEntry(Struct, frozen=True, kw_only=True):
    """A line that a webhook told, in the transaction of what else it told."""

    thing: Thing
    received_at: int  # ms
    told_at: int | None = None  # Unix s, the source's own time of this state


def make_row(
    thing: Thing,
    secret: bytes,
    *,
    row: int = 0,
    ordinal: int = 0,
    told_at: int | None = None,
    received_at: int,
    text: str = "",
) -> LineRow:
    """A line as it is kept. ``secret``: the folder's; ``received_at`` in ms, the same for all lines of a file."""
    body = encode_thing(thing)
    bare = body
    if isinstance(thing, MoneyLine) and (thing.text or thing.counterpart):
        bare = encode_thing(replace(thing, text="", counterpart=()))
    elif isinstance(thing, Survey) and thing.text:
        bare = encode_thing(replace(thing, text=""))
    return LineRow(
        name_of(thing, ordinal),
        kind_of(thing),
        day_of(thing),
        row,
        ordinal,
        told_at,
        as_of(thing, told_at, received_at),
        step_of(thing),
        received_at,
        blake2b(bare, digest_size=CONTENT_SIZE, key=secret).digest(),
        tuple(key_number(key) for key in keys_of(thing)),
        msgspec.Raw(body),
        text,
        book_of(thing),
    )
