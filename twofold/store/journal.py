"""The journal's rows: their numbers, the digest chain over them, the tally, and what was refused.

Owns the counters that number the rows of a strand, and its chain. Runs inside the transaction of whoever appends; a rolled back transaction gives the
counters back. What a row's copy is to its action is decided in `folding`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from twofold.event.model import Event, decode_event, encode
from twofold.store.bodies import body_reader, pack
from twofold.store.digests import digest_8, digest_16
from twofold.store.engine import Database, RefusedRow
from twofold.store.peers.places import ALONE, Place

GENESIS = b"\0" * 8
SALT = 8
"""Random bytes beside each chain value, part of the body's digest. They go when the body is redacted, so that nobody can
test by the digest that is kept whether a guessed value stood there."""


COPIES_KEPT = 1_000
COPIES_KEPT_MS = 60_000

TOLD = "told"
"""The counter of what was acknowledged and has no place in the journal: orders' news, money lines, refusals."""


class _Counters(Struct, frozen=True):
    position: int
    chain: bytes
    told: int


class Journal:
    """Numbers and chains the rows of one writer: its strand."""

    def __init__(self, engine: Database, refused_keep: int, place: Place = ALONE) -> None:
        self._engine = engine
        self._refused_keep = refused_keep
        self._place = place
        self.reread()

    def reread(self) -> None:
        """The counters as the database has them."""
        position, chain = last_row(self._engine, self._place)
        self._stable = self._now = _Counters(position, chain, told_in(self._engine, self._place))

    @property
    def position(self) -> int:
        """The place of the last row, also of one that is not committed."""
        return self._now.position

    def row(self, event: Event, verdict: str, action: int, late: int, salt: bytes) -> tuple[Any, ...]:
        """The next row of the journal, in its column order."""
        body = encode(event)
        position = self._now.position + 1
        chain = link(self._now.chain, position, verdict, action, body_digest(body, salt))
        self._now = _Counters(position, chain, self._now.told)
        return (
            position, event.received_at, event.dataset, event.event_name, event.event_id, event.event_time,
            event.channel, event.sender, int(event.tier), verdict, action, late, pack(body), chain, salt,
        )  # fmt: skip

    def write(self, rows: Sequence[tuple[Any, ...]], tally: Counter[str]) -> None:
        """Writes rows that `row` made, and counts them."""
        self._engine.run_rows("insert_events", rows)
        tally["accepted"] += len(rows)
        self._count(tally)

    def refuse(self, rows: Sequence[RefusedRow]) -> None:
        """Keeps refused bodies, the newest so many."""
        if not rows:
            return
        self._engine.run_rows("insert_refused", rows)
        self._engine.run("trim_refused", (self._refused_keep,))
        counts = Counter(f"refused.{row.reason}" for row in rows)
        counts["refused"] = len(rows)
        self._count(counts)

    def tell(self, count: int) -> None:
        """So many things are acknowledged with this transaction that no row of the journal stands for: the watermark counts
        them, so that their loss is noticed as an event's is."""
        self._count({TOLD: count})
        now = self._now
        self._now = _Counters(now.position, now.chain, now.told + count)

    def _count(self, counts: Mapping[str, int]) -> None:
        rows = counts.items() if self._place.alone else [(self._place.counter(name), n) for name, n in counts.items()]
        self._engine.run_rows("raise_counters", list(rows))

    def committed(self) -> tuple[int, bytes, int]:
        """What was written is on disk; the position and chain value of the last row, and what was told besides."""
        self._stable = self._now
        return self._now.position, self._now.chain, self._now.told

    def rolled_back(self) -> None:
        self._now = self._stable


class CopyReader:
    """Copies as a claim reads them, each proved to be as it was journalled.

    Ten destinations claim the same copies one after another. What stands in a row is what it was when another claim read it
    if every value of it is the same, so it is proved and decoded once; None is a row that is not as it was journalled.
    Kept is little, and not long: they hold addresses and browsers' names. With one destination nobody asks again.
    """

    def __init__(self, destinations: int) -> None:
        self._unpack = body_reader()
        self._is_shared = destinations > 1
        self._new: dict[int, tuple[tuple[Any, ...], Event | None]] = {}
        self._old: dict[int, tuple[tuple[Any, ...], Event | None]] = {}
        self._turned_ms = 0

    def read(self, row: tuple[Any, ...]) -> Event | None:
        """One row of the statement select_journalled_copies. The event is shared: nobody alters it."""
        if not self._is_shared:
            return self._proved(*row[1:])
        position = row[1]
        known = self._new.get(position) or self._old.get(position)
        if known is None or known[0] != row:
            known = self._new[position] = (row, self._proved(*row[1:]))
        return known[1]

    def turn(self, now_ms: int) -> None:
        """Before a claim: forgets what is too much or too old."""
        if len(self._new) >= COPIES_KEPT or not 0 <= now_ms - self._turned_ms < COPIES_KEPT_MS:
            self._old, self._new, self._turned_ms = self._new, {}, now_ms

    def _proved(self, position: int, packed: bytes, *rest: Any) -> Event | None:
        """``rest``: see `is_as_journalled`."""
        body = self._unpack(packed)
        return decode_event(body) if is_as_journalled(position, body, *rest) else None


def last_row(engine: Database, place: Place = ALONE) -> tuple[int, bytes]:
    """Position and chain value of a strand's last row; where it begins, of an empty one."""
    rows = engine.run("select_last_row", (place.before, place.end))
    position, chain = rows[0] if rows else (place.before, GENESIS)
    return position, chain


def told_in(engine: Database, place: Place = ALONE) -> int:
    """What a strand's writer ever told besides events, as the database has it."""
    rows = engine.run("select_told", (place.counter(TOLD),))
    return int(rows[0][0]) if rows else 0


def salts(size: int) -> Iterable[bytes]:
    """So many salts from one call to the system: it costs a third of a microsecond."""
    drawn = os.urandom(SALT * size)
    return (drawn[at : at + SALT] for at in range(0, len(drawn), SALT))


def body_digest(body: bytes, salt: bytes) -> bytes:
    """16 bytes over a body; ``salt`` is what follows the first 8 bytes of the row's chain value."""
    return blake2b(body, digest_size=16, salt=salt).digest()


def link(before: bytes, position: int, verdict: str, action: int, body_digest: bytes) -> bytes:
    """The chain value of one journal row: 8 bytes over the row before, this row's facts and its body's digest."""
    facts = f"{position} {verdict} {action} ".encode()
    return digest_8(before + facts + body_digest)


def plain_digest(body: bytes) -> bytes:
    """What a redacted body is held against: nothing in it is secret any more."""
    return digest_16(body)


def is_as_journalled(
    position: int,
    body: bytes,
    action: int,
    verdict: str,
    before: bytes | None,
    chain: bytes,
    salt: bytes | None,
    digest: bytes | None,
    redacted: bytes | None,
) -> bool:
    """True when a row follows from the chain value before it; a redacted one by the digest of the body it came with."""
    if digest is None:  # as `body_digest` and `link` say it; a claim asks this of each copy
        digest = blake2b(body, digest_size=16, salt=salt or b"").digest()
    elif plain_digest(body) != redacted:
        return False
    facts = f"{position} {verdict} {action} ".encode()
    return digest_8((before or GENESIS) + facts + digest) == chain
