"""Which closed day may hold a fold key: a Bloom filter in memory, one bit lane for each of the last eight days.

Owns an answer of "certainly not" or "maybe"; the tables decide. Nearly every key that arrives is new, and looking
for it in nine trees cost as much as all else the store does for an event. A lane is built in the background from
the day's table, which no longer changes; until it is ready that day is looked up directly. Nothing of this is
kept on disk, so a crash can only cost time.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct

import apsw

from twofold.store.sqlite.database import open_reader

SLOTS = 1 << 24  # 16 MB; with a million keys a day one key in fifty is looked for in vain
_MASK = SLOTS - 1
LANES = 8
_CHUNK = 1_000
_BREATH_S = 0.002  # after each chunk, so that the loop keeps most of the processor
_words = Struct("<IIII").unpack_from  # of a key's 16 bytes: five numbers below SLOTS, one of them from what is left


class KeyFilter:
    """``ready`` maps a day to its lane's bit. Read on the loop; written by the building thread, then announced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._slots = bytearray()
        self._building: threading.Thread | None = None
        self._stop = False
        self._lock = threading.Lock()
        self._opened: Counter[int] = Counter()  # how often a day was opened again; a lane begun before is void
        self.ready: dict[int, int] = {}

    def sort_out(self, keys: Iterable[bytes], days: Sequence[int]) -> dict[int, list[bytes]]:
        """For ready ``days``: the keys that each of them may hold."""
        slots, mask = self._slots, _MASK
        wanted = 0
        for day in days:
            wanted |= self.ready[day]
        maybe: dict[int, list[bytes]] = {}
        for key in keys:
            a, b, c, d = _words(key)
            hit = slots[a & mask] & slots[b & mask] & slots[c & mask] & slots[d & mask] & wanted
            if hit:
                hit &= slots[_rest(a, b, c)]
                for day in days:
                    if hit & self.ready[day]:
                        maybe.setdefault(day, []).append(key)
        return maybe

    def reopen(self, day: int) -> None:
        """The day takes keys again (a rolled back transaction had closed it): its lane is worth nothing."""
        with self._lock:
            self._opened[day] += 1
            self.ready.pop(day, None)

    def want(self, closed: Sequence[int]) -> None:
        """Builds what is missing for the newest closed days, in the background."""
        days = closed[-LANES:]
        for day in [d for d in self.ready if d not in days]:
            del self.ready[day]
        missing = [d for d in days if d not in self.ready]
        if missing and (self._building is None or not self._building.is_alive()) and not self._stop:
            self._building = threading.Thread(
                target=self._build_all, args=(missing,), name="twofold-filter", daemon=True
            )
            self._building.start()

    def wait(self, timeout_s: float = 60.0) -> None:
        """Until what is being built is ready; for tests and benches."""
        if self._building is not None:
            self._building.join(timeout_s)

    def close(self) -> None:
        self._stop = True
        self.wait()

    def _build_all(self, days: Sequence[int]) -> None:
        if not self._slots:
            self._slots = bytearray(SLOTS)
        for day in reversed(days):  # the newest first: that is where late copies belong
            if not self._build(day):
                return

    def _build(self, day: int) -> bool:
        bit, mask = 1 << day % LANES, _MASK
        slots = self._slots
        if any(b == bit for b in self.ready.values()):
            return False  # its lane is still another day's
        slots[:] = slots.translate(bytes(b & ~bit for b in range(256)))
        opened = self._opened[day]
        reader = open_reader(self._folder)
        try:
            for n, (key,) in enumerate(reader.execute(_keys_sql(reader, day))):
                a, b, c, d = _words(key)
                for slot in (a & mask, b & mask, c & mask, d & mask, _rest(a, b, c)):
                    slots[slot] |= bit
                if n % _CHUNK == 0:
                    if self._stop:
                        return False
                    time.sleep(_BREATH_S)
        except apsw.SQLError:
            return False  # the day has left the window meanwhile
        finally:
            reader.close()
        with self._lock:
            if self._opened[day] == opened:
                self.ready[day] = bit
        return True


def _keys_sql(reader: apsw.Connection, day: int) -> str:
    """All keys of a day, those included that are not in its tree yet. One statement: one moment of the database."""
    sql = "select name from sqlite_schema where type = 'table' and (name = ?1 or name glob ?1 || '_*')"
    tables = [str(name) for (name,) in reader.execute(sql, (f"fold_{day}",))]
    return " union all ".join(f"select key from {table}" for table in tables or [f"fold_{day}"])


def _rest(a: int, b: int, c: int) -> int:
    """The upper eighths of three words as a number below SLOTS."""
    return a >> 24 | b >> 24 << 8 | c >> 24 << 16
