"""The rows of signs: written in the order they come, listed by whose they are some time later.

Owns the tables touch, touch_place and touch_tail. Whose a sign is is a digest, so a table in the order of digests has each of ten
signs of a commit on a page of its own, and a commit writes whole pages. So a sign is appended with the next number, and its
*place* (whose, half hour, source and click) is listed in `touch_place` behind the accepts, many at once in the order of the list.
Signs that are not listed yet are the *tail*: whoever looks for somebody's signs looks through it, too; the writer knows its
places in memory. A place has one sign at any time; of several copies the earliest stands, whichever came first.

All of it runs inside the writer's transactions; `reload` after one was rolled back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twofold.store.engine import Database, id_array, key_array
from twofold.store.peers.places import ALONE, Place

ENOUGH = 2_000
"""Signs of a tail that are worth listing: looking through so many takes a millisecond, and listing fewer shares no page."""

MOST = 10_000
"""Signs of a tail from which on each commit lists some, so that it stays this long wherever nobody does it every minute."""

AT_ONCE = 512
"""Signs that are listed in one transaction."""

Key = tuple[bytes, int, bytes]
"""A place: whose, half hour, source and click."""

_AT, _DIGEST = 4, -1


class TouchRows:
    """``place``: the writer's; its signs are numbered from the first of its strand on."""

    def __init__(
        self, engine: Database, place: Place = ALONE, *, enough: int = ENOUGH, most: int = MOST, at_once: int = AT_ONCE
    ) -> None:
        self._engine = engine
        self._place = place
        self._enough, self._most, self._at_once = enough, most, at_once
        self._tail: dict[Key, int] | None = None  # may name signs that are gone
        self._whos: set[bytes] = set()  # of these, at least
        self._last = 0

    def reload(self) -> None:
        """Nothing is known in memory."""
        self._tail = None

    def put(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of the table without their number; of one place the earliest stands, among these and what is there."""
        earliest: dict[Key, tuple[Any, ...]] = {}
        for row in rows:
            known = earliest.get(row[:3])
            if known is None or (row[_AT], row[_DIGEST]) < (known[_AT], known[_DIGEST]):
                earliest[row[:3]] = row
        tail = self._known_tail()
        numbers = self._numbers(tail, earliest)
        there = {}
        if numbers:
            found = self._engine.run("select_touch_times", (id_array(numbers.values()),))
            there = {number: (at, digest) for number, at, digest in found}
        written = []
        for key, row in earliest.items():
            number = numbers.get(key, 0)
            if number in there:
                if (row[_AT], row[_DIGEST]) < there[number]:
                    written.append((number, *row))
                continue
            self._last += 1
            if self._place.alone:
                tail[key] = self._last
                self._whos.add(key[0])
            written.append((self._last, *row))
        if written:
            self._engine.run_rows("put_touches", written)
        if self._place.alone and len(tail) > self._most:
            self._list()

    def list_some(self) -> bool:
        """Lists some of the tail, if there is enough of it; True when there is more to do. No other writer writes meanwhile."""
        alone = self._place.alone
        waiting = len(self._known_tail()) if alone else self._engine.run("size_of_touch_tails")[0][0]
        return waiting >= self._enough and self._list()

    def numbers_of(self, whos: Sequence[bytes]) -> list[int]:
        """The signs of these."""
        if not self._place.alone:
            return sorted({number for *_, number in self._engine.run("select_touches_of", (key_array(whos),))})
        known = self._known_tail()
        wanted = self._whos.intersection(whos)
        tail = [number for (who, _, _), number in known.items() if who in wanted] if wanted else []
        return sorted({*tail, *(row[3] for row in self._engine.run("select_touch_places", (key_array(whos),)))})

    def drop(self, numbers: Sequence[int]) -> int:
        """These signs are gone; answers how many there were."""
        drop_touches(self._engine, numbers)
        return self._engine.changes()

    def _known_tail(self) -> dict[Key, int]:
        """The places that are not listed. Where others write, too, none is known: theirs are looked up each time."""
        if self._tail is None:
            place = self._place
            self._engine.run_rows("begin_touch_tail", [(place.number, place.before, place.end)])
            self._last = max(self._engine.run("last_touch", (place.number,))[0][0], place.before)
            rows = self._engine.run("select_touch_tails") if place.alone else ()
            self._tail = {(who, slot, key): number for who, slot, key, number in rows}
            self._whos = {key[0] for key in self._tail}
        return self._tail

    def _numbers(self, tail: dict[Key, int], keys: Iterable[Key]) -> dict[Key, int]:
        """Of each of these places that has a sign, its number."""
        found = {}
        rest = set()
        for key in keys:
            number = tail.get(key) if self._place.alone else None
            if number is None:
                rest.add(key[0])
            else:
                found[key] = number
        if rest:
            name = "select_touch_places" if self._place.alone else "select_touches_of"
            for who, slot, key, number in self._engine.run(name, (key_array(rest),)):
                found.setdefault((who, slot, key), number)
        return found

    def _list(self) -> bool:
        """The oldest signs of each writer that are not listed get their places; True when there may be more."""
        more = False
        for (writer,) in self._engine.run("touch_writers"):
            due = [number for (number,) in self._engine.run("next_touches", (writer, self._at_once))]
            if not due:
                continue
            last = due[-1]
            more |= len(due) == self._at_once
            if not self._place.alone:
                due = self._without_twins(due)
            self._engine.run("place_touches", (id_array(due),))
            self._engine.run("touches_placed", (writer, last))
            if self._tail:
                listed = set(due)
                self._tail = {key: number for key, number in self._tail.items() if number not in listed}
        return more

    def _without_twins(self, due: list[int]) -> list[int]:
        """Of a place that another writer took at the same time the earliest sign stays. Of browsers there are none, which are held
        by who notes their signs."""
        gone = set()
        for number, at, digest, other, other_at, other_digest in self._engine.run("twins_of_touches", (id_array(due),)):
            gone.add(number if (other_at, other_digest) <= (at, digest) else other)
        drop_touches(self._engine, gone)
        return [number for number in due if number not in gone]


def drop_touches(engine: Database, numbers: Iterable[int]) -> None:
    """These signs are gone, and what was listed of them; the engine's changes are the signs."""
    wanted = id_array(numbers)
    engine.run("drop_touch_places", (wanted,))
    engine.run("drop_touches", (wanted,))


def forget_touches(engine: Database, whos: Sequence[bytes]) -> None:
    """All signs of these are gone, without what a writer knows in memory."""
    engine.run("forget_touches", (key_array(whos),))
    engine.run("forget_touch_places", (key_array(whos),))


def forget_touches_of(engine: Database, dataset: str | None) -> None:
    """All signs of a dataset are gone; of all where none is named."""
    numbers = [number for (number,) in engine.run("touches_of_dataset", (dataset,))]
    for start in range(0, len(numbers), AT_ONCE):
        drop_touches(engine, numbers[start : start + AT_ONCE])
