"""Which lines of money are about a person, and what an erasure leaves of them.

Owns the way from a request to lines: the digests of an e-mail address, a phone number or a customer's number are the same
for a request and for who stands opposite of a movement; the person's orders lead to the lines that name them. A kept text
that mentions what was asked for is dropped as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from twofold.ledger import references
from twofold.ledger.filing import key_number, keys_of
from twofold.ledger.lines import MoneyLine, decode_thing
from twofold.ledger.model import OrderReport, decode_report
from twofold.matching.counterparts import SUBJECT_KINDS
from twofold.matching.subject import Keyring, Mark

Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""A named statement on whichever connection is at hand."""

Numbers = Callable[[Iterable[int]], Any]

_OURS = {theirs: ours for ours, theirs in SUBJECT_KINDS.items()}
_CHUNK = 500


def digests_of_person(
    ring: Keyring, keys: Iterable[tuple[str, bytes]], leads: Iterable[tuple[str, Mark]] = ()
) -> set[str]:
    """Under which the person would stand opposite of a movement of money."""
    found = {f"{_OURS[kind]}:{digest.hex()}" for kind, digest in keys if kind in _OURS}
    found |= {f"{_OURS[m.kind]}:{ring.digest(m.kind, m.value).hex()}" for _, m in leads if m.kind in _OURS}
    return found


def keys_of_order(order_id: str, facts: Iterable[bytes]) -> set[str]:
    """Everything by which a line may name an order."""
    named = {*references.of_reports(_reports(facts)), f"order:{order_id}"}
    for name in list(named):
        kind, _, value = name.partition(":")
        if kind in ("order", "number"):
            named |= {f"order:{value}", f"number:{value}"}
    return named


def amounts_in(facts: Iterable[bytes]) -> set[Decimal]:
    """What the buyer of an order was asked to pay, in each state and currency of it."""
    snapshots = [report.snapshot for report in _reports(facts) if report.snapshot is not None]
    return {part.total for snapshot in snapshots for part in (snapshot.shop, snapshot.presentment) if part is not None}


def transfers_of(run: Run, names: set[str], amounts: set[Decimal], numbers: Numbers) -> list[int]:
    """Rows of somebody of one of these names who paid one of these amounts: a name alone is many people's."""
    rows = run("lines_with_keys", (numbers(sorted({key_number(name) for name in names})),)) if names else []
    found = ((line, decode_thing(body)) for line, body in rows)
    return [
        line
        for line, thing in found
        if isinstance(thing, MoneyLine) and thing.gross in amounts and not names.isdisjoint(thing.counterpart)
    ]


def lines_with(run: Run, keys: set[str], numbers: Numbers) -> list[int]:
    """Rows that have one of these keys. ``numbers``: whole numbers as the engine binds them."""
    if not keys:
        return []
    rows = run("lines_with_keys", (numbers(sorted({key_number(key) for key in keys})),))
    return [line for line, body in rows if not keys.isdisjoint(keys_of(decode_thing(body)))]


def texts_with(run: Run, mentions: Callable[[str], bool], after: int = 0) -> Iterator[int]:
    """Lines whose kept text mentions what was asked for."""
    at = after
    while rows := run("line_texts_after", (at, _CHUNK)):
        yield from (line for line, text in rows if mentions(text))
        at = rows[-1][0]


def _reports(facts: Iterable[bytes]) -> list[OrderReport]:
    found = []
    for body in facts:
        try:
            found.append(decode_report(body))
        except (msgspec.MsgspecError, ValueError):
            continue  # altered on disk: `twofold verify` names it
    return found
