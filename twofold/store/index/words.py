"""An index of the journal's words, so that a person is found without reading every row.

Owns the tables `word_index` and `word_index_stale`. A row of the first holds `ROWS` rows of the journal: for each word that
stands in them a fingerprint of 28 bits, made with the folder's secret, and in which sixteenth (a *part*) it stands; sorted.
It is written behind the accepts, in the order of arrival, so it costs no random page and nobody waits for it. Rows that are
not in it yet are read.

It says less than the bodies do, and goes with them: a body that is changed makes its part stale in the same transaction,
stale parts are read by searches, and are made again from what is left (`remake`) before an erasure is done. Which words an
event has is `matching.words`' business.
"""

from __future__ import annotations

import secrets
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any
from zlib import crc32

from twofold.event.model import readable_event
from twofold.matching.words import Words
from twofold.store.engine import Database, id_array
from twofold.store.peers.places import ALONE, Place, ends_of

ROWS = 4_096
PARTS = 16
PART = ROWS // PARTS
_BITS = 28
_MASK = (1 << _BITS) - 1
_SECRET = "word_index_secret"
REMADE = 2  # parts made again in one transaction: some ten milliseconds


class WordIndex:
    """The writing side: takes in what is on disk already, a part at a time, each in a transaction of its own.

    Written behind the accepts, as it takes ten microseconds a row that nobody waits for. Until a block's row is there, its
    rows are read by searches. Of several writers each takes in its own strand.
    """

    def __init__(self, place: Place = ALONE) -> None:
        self._place = place
        self.reset()

    def reset(self) -> None:
        """Begins again at the first block without a row behind the last one with one."""
        self._block: int | None = None
        self._next = 0  # the part of it that is taken in next
        self._entries: set[int] = set()

    def step(self, engine: Database) -> bool:
        """Takes in the next part whose rows are all there; True when there was one."""
        if self._block is None:
            first = self._place.before // ROWS
            last_block = engine.run("last_word_index", (first, self._place.end // ROWS))[0][0]
            self.reset()
            self._block = first if last_block is None else last_block + 1
        after = self._block * ROWS + self._next * PART
        if _last(engine, self._place) < after + PART:
            return False
        words = Words()
        for (body,) in engine.run("bodies_between", (after, after + PART)):
            _add(words, body)
        self._entries.update(entries(words.taken(), self._next, _own_secret(engine)))
        self._next += 1
        if self._next == PARTS:
            self._close(engine, self._block)
        return True

    def _close(self, engine: Database, block: int) -> None:
        """Writes the row of a block that is full. Parts that were changed since they were taken in stay out of it, and
        stale: what was erased meanwhile is not written again. A row that is there was made by `remake`, and is younger."""
        if not engine.run("select_word_index", (block,)):
            stale = {part % PARTS for (part,) in engine.run("stale_parts_of", (block,))}
            _put(engine, block, (entry for entry in self._entries if entry & 15 not in stale))
        self.reset()
        self._block = block + 1


def _add(words: Words, body: bytes) -> None:
    event = readable_event(body)
    if event is not None:
        words.add(event)


def behind(engine: Database, place: Place = ALONE) -> int:
    """Rows of a strand that stand behind its last block with a row."""
    last_block = engine.run("last_word_index", (place.before // ROWS, place.end // ROWS))[0][0]
    return _last(engine, place) - (place.before if last_block is None else (last_block + 1) * ROWS)


def _last(engine: Database, place: Place) -> int:
    return int(engine.run("last_position_of", (place.before, place.end))[0][0])


def _put(engine: Database, block: int, kept: Iterable[int]) -> None:
    blob = array("I", sorted(kept)).tobytes()
    engine.run("put_word_index", (block, blob, crc32(blob)))


def entries(words: Iterable[str], part: int, secret: int) -> list[int]:
    """What is kept of the words of a part."""
    return [(crc32(word.encode("utf-8", "surrogatepass"), secret) & _MASK) << 4 | part for word in words]


class Because(IntEnum):
    """Why a part is stale. What is higher is made again first."""

    OLDER = 0  # than the index
    RETENTION = 1
    ERASURE = 2  # which is not done before


def mark_stale(engine: Database, positions: Iterable[int], because: Because) -> None:
    """These rows' bodies were changed: their parts have to be made again."""
    parts = sorted({(position - 1) // PART for position in positions})
    engine.run_rows("mark_stale_parts", [(part, int(because)) for part in parts])


def remake(engine: Database, at_least: Because = Because.OLDER) -> bool:
    """Makes some stale parts again from what their rows say now; False when there was none.

    Those of a block that is not full stay: it is made from its rows when it is.
    """
    some: list[int] = []
    for before, last in ends_of(engine):
        bounds = (before // ROWS * PARTS, last // ROWS * PARTS)
        some += [part for (part,) in engine.run("stale_parts", (*bounds, int(at_least), REMADE - len(some)))]
    if not some:
        return False
    secret = _own_secret(engine)
    for block in sorted({part // PARTS for part in some}):
        _remake_parts(engine, block, [part for part in some if part // PARTS == block], secret)
    engine.run("drop_stale_parts", (id_array(some),))
    return True


def _remake_parts(engine: Database, block: int, parts: Sequence[int], secret: int) -> None:
    rows = engine.run("select_word_index", (block,))
    kept = array("I", rows[0][0] if rows and crc32(rows[0][0]) == rows[0][1] else b"")
    if (
        not kept
    ):  # damaged, or not made yet: all of it again, as what is in no row and not stale would not be looked for
        engine.run_rows("mark_stale_parts", [(block * PARTS + n, int(Because.OLDER)) for n in range(PARTS)])
    numbers = {part % PARTS for part in parts}
    fresh = [entry for entry in kept if entry & 15 not in numbers]
    for part in parts:
        words = Words()
        for (body,) in engine.run("bodies_between", (part * PART, (part + 1) * PART)):
            _add(words, body)
        fresh += entries(words.taken(), part % PARTS, secret)
    _put(engine, block, fresh)


class Ranges:
    """The reading side: which rows can hold one of several texts. ``db`` is a connection of the searcher's."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def __call__(self, sought: Iterable[frozenset[str]], last: int) -> Iterator[tuple[int, int]]:
        """(after, to) of positions up to ``last``, in order: each row that has all words of one of ``sought`` is in one.
        Parts that are stale or in no row of the index are all in it."""
        rows = self._db.execute("select value from meta where name = ?", (_SECRET,)).fetchall()
        if not rows:
            yield 0, last  # no row was ever written with an index
            return
        secret = int(rows[0][0])
        wanted = {tuple(sorted(crc32(w.encode("utf-8", "surrogatepass"), secret) & _MASK for w in s)) for s in sought}
        single = sorted(prints[0] for prints in wanted if len(prints) == 1)
        several = [prints for prints in wanted if len(prints) > 1]
        stale = {part for (part,) in self._db.execute("select part from word_index_stale")}
        begun = 0  # the first block that was not looked at yet
        cursor = self._db.execute("select block, entries, checksum from word_index order by block")
        for block, blob, checksum in cursor:
            if begun < block:
                yield begun * ROWS, block * ROWS  # not made yet
            begun = block + 1
            if crc32(blob) != checksum:
                yield block * ROWS, begun * ROWS
                continue
            found = _parts_with(memoryview(blob).cast("I"), single, several)
            for n in range(PARTS):
                if found >> n & 1 or block * PARTS + n in stale:
                    yield block * ROWS + n * PART, block * ROWS + (n + 1) * PART
        if begun * ROWS < last:
            yield begun * ROWS, last


def _parts_with(held: Sequence[int], single: Sequence[int], several: Sequence[Sequence[int]]) -> int:
    """Bits of the parts that hold one of the single prints, or all of one of the several."""
    found = 0
    for one in single:
        found |= _parts_of(held, one)
    for prints in several:
        both = (1 << PARTS) - 1
        for one in prints:
            both &= _parts_of(held, one)
            if not both:
                break
        found |= both
    return found


def _parts_of(held: Sequence[int], print_: int) -> int:
    at, bits = bisect_left(held, print_ << 4), 0
    while at < len(held) and held[at] >> 4 == print_:
        bits |= 1 << (held[at] & 15)
        at += 1
    return bits


def _own_secret(engine: Database) -> int:
    """Begins every fingerprint, made once for a data folder."""
    rows = engine.run("select_meta", (_SECRET,))
    if rows:
        return int(rows[0][0])
    engine.run("put_meta_first", (_SECRET, str(secrets.randbits(32))))  # another process may do so at this moment
    return int(engine.run("select_meta", (_SECRET,))[0][0])
