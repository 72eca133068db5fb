"""Taking people out of lines: the digests of who stands opposite, kept names and texts, and numbers of orders that are erased.

Owns what of a line stays: that money moved, when, how much, between which accounts of the merchant's, in which batch. A line
that comes again is known by what it says without all this, so that it does not bring a person back. Each function is one
portion inside a transaction of the writer; days that change are marked in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from msgspec.structs import replace

from twofold.ledger.filing import key_number, keys_of
from twofold.ledger.lines import MoneyLine, ParcelLine, SiteDay, Survey, Thing, decode_thing, encode_thing
from twofold.store.engine import Database, id_array
from twofold.store.lines.days import mark_line_days
from twofold.store.lines.keeping import line_digest

PORTION = 128

Renamed = Callable[[str], str]
"""An order's number to what stands for it; any other text as it is."""


def empty_texts(engine: Database, before_ms: int) -> bool:
    """Names and texts whose days are over; True while there may be more."""
    rows = engine.run("oldest_line_texts", (PORTION,))
    due = [line for line, received_at in rows if received_at < before_ms]
    engine.run("drop_line_texts", (id_array(due),))
    return len(due) == PORTION


def empty_lines(
    engine: Database, lines: Iterable[int], *, gone: Collection[str] = (), renamed: Renamed | None = None
) -> int:
    """Takes out of these rows who stands opposite and what was kept of it; ``gone``: only these digests. ``renamed``:
    numbers of orders become what stands for them. Answers how many rows it changed."""
    changed = 0
    days = []
    for number, *columns, body in engine.run("select_lines_at", (id_array(lines),)):
        thing = decode_thing(body)
        new = without_people(thing, gone, renamed)
        engine.run("drop_line_texts", (id_array([number]),))
        if new == thing and not engine.changes():
            continue
        changed += 1
        days.append((columns[2], columns[3]))
        _move_keys(engine, number, thing, new)
        body = encode_thing(new)
        engine.run("redact_line", (number, body, line_digest(*columns, body)))
    mark_line_days(engine, days, erased=True)
    return changed


def without_people(thing: Thing, gone: Collection[str] = (), renamed: Renamed | None = None) -> Thing:
    """The line as it may stay."""
    if isinstance(thing, MoneyLine):
        left = tuple(c for c in thing.counterpart if gone and c not in gone)
        text = "" if not gone else thing.text
        thing = replace(thing, counterpart=left, text=text)
    elif isinstance(thing, Survey):
        thing = replace(thing, text="")
    return thing if renamed is None else _with_renamed(thing, renamed)


def _with_renamed(thing: Thing, renamed: Renamed) -> Thing:
    match thing:
        case MoneyLine():
            references = tuple(
                f"{kind}:{renamed(value)}" for kind, _, value in (r.partition(":") for r in thing.references)
            )
            text = " ".join(renamed(word) for word in thing.text.split(" "))
            return replace(thing, references=references, text=text, id=renamed(thing.id))
        case ParcelLine():
            return replace(thing, order=renamed(thing.order), parcel=renamed(thing.parcel))
        case SiteDay():
            return replace(thing, transaction=renamed(thing.transaction))
        case Survey():
            return replace(thing, order=renamed(thing.order))
        case _:
            return thing


def _move_keys(engine: Database, number: int, old: Thing, new: Thing) -> None:
    before, after = set(keys_of(old)), set(keys_of(new))
    engine.run_rows("insert_line_keys", [(key_number(key), number) for key in sorted(after - before)])
    for key in sorted(before - after):
        engine.run("drop_line_keys", (key_number(key), number))
