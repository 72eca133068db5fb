"""The fold's memory: which key belongs to which action, in one narrow table a day.

A day table is dropped when it leaves the window, so forgetting costs nothing, and inserts always go into a
small tree. A key is remembered from its first copy for the window and at most one day more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from twofold.store.sqlite.bloom_filter import LANES, KeyFilter
from twofold.store.sqlite.database import Engine, key_array
from twofold.store.sqlite.statements import MAX_ROWS

DAY_MS = 86_400_000


class FoldKeys:
    """Look-ups and inserts inside the writer's transaction. ``days`` are the tables that exist, oldest first.

    Only the newest table takes keys; the closed ones are asked only for keys that `KeyFilter` cannot rule out.
    """

    def __init__(self, engine: Engine, window_days: int) -> None:
        self._engine = engine
        self._window = window_days
        self.filter = KeyFilter(engine.folder)
        self.reload()

    def reload(self) -> None:
        """Reads the tables afresh: at the start, and after a rolled back transaction."""
        rows = self._engine.script("select name from sqlite_schema where type = 'table' and name glob 'fold_[0-9]*'")
        self.days = sorted(int(name[5:]) for (name,) in rows)
        if self.days:
            self.filter.reopen(self.days[-1])

    def find(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The actions that hold any of ``keys``; the earliest where several days do."""
        if not self.days or not keys:
            return {}
        ready = [d for d in self.days[:-1] if d in self.filter.ready]
        found = self._find_in([d for d in self.days if d not in ready], keys)
        if ready:
            for day, maybe in self.filter.sort_out(keys, ready).items():
                for key, action in self._find_in([day], maybe).items():
                    found[key] = min(found.get(key, action), action)
        if len(ready) < min(len(self.days) - 1, LANES):
            self.filter.want(self.days[:-1])
        return found

    def close(self) -> None:
        self.filter.close()

    def _find_in(self, days: Sequence[int], keys: Sequence[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for key, action in self._engine.script(_lookup_sql(tuple(days)), (key_array(keys),)):
            known = found.get(key)
            found[key] = action if known is None else min(known, action)
        return found

    def insert(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Claims keys for actions, in today's table."""
        if not rows:
            return
        self.turn(now_ms)
        # A clock set back writes into the newest table: nothing is forgotten early.
        table = f"fold_{self.days[-1]}"
        for start in range(0, len(rows), MAX_ROWS):
            part = rows[start : start + MAX_ROWS]
            sql = f"/* insert_keys */ insert or ignore into {table} (key, action) values " + ", ".join(
                ["(?, ?)"] * len(part)
            )
            self._engine.script(sql, list(chain.from_iterable(part)))

    def move(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Leads known keys to other actions, which claim them from now on: for a whole window, as any first copy does."""
        for key, _ in rows:
            for day in self.days:
                self._engine.script(f"/* forget_key */ delete from fold_{day} where key = ?", (key,))
        self.insert(rows, now_ms)

    def turn(self, now_ms: int) -> None:
        """Opens today's table where it is missing and drops those that have left the window."""
        day = now_ms // DAY_MS
        if not self.days or day > self.days[-1]:
            self._open_day(day)

    def _open_day(self, day: int) -> None:
        self._engine.script(
            f"create table fold_{day} (key blob primary key, action integer not null) strict, without rowid"
        )
        for old in [d for d in self.days if d < day - self._window]:
            self._engine.script(f"drop table fold_{old}")
        self.reload()


@lru_cache(maxsize=64)
def _lookup_sql(days: tuple[int, ...]) -> str:
    return "/* find_keys */ " + " union all ".join(
        f"select f.key, f.action from carray(?1) as k cross join fold_{day} as f on f.key = k.value" for day in days
    )
