"""The fold's memory: which key belongs to which action, in one narrow table a day.

A day table is dropped when it leaves the window, so forgetting costs nothing, and inserts always go into a
small tree; on a day whose tree gets large they are logged in front of it first (`sqlite/arrivals`). A key is remembered from
its first copy for the window and at most one day more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

from twofold.store.engine import key_array
from twofold.store.sqlite.arrivals import FULL, Arrivals, forget_keys
from twofold.store.sqlite.bloom_filter import LANES, KeyFilter
from twofold.store.sqlite.database import Engine
from twofold.store.sqlite.statements import MAX_ROWS, statement

DAY_MS = 86_400_000
TREE = "(key blob primary key, action integer not null) strict, without rowid"
LARGE = 300_000
"""Keys of a day's tree from which on new ones are logged: it does not fit into the engine's memory much longer, and each
key of a commit changes a page of its own."""


class FoldKeys:
    """Look-ups and inserts inside the writer's transaction. ``days`` are the tables that exist, oldest first.

    Only the newest table takes keys; the closed ones are asked only for keys that `KeyFilter` cannot rule out.
    """

    def __init__(self, engine: Engine, window_days: int, large: int = LARGE, full: int = FULL) -> None:
        self._engine = engine
        self._window = window_days
        self._spared_from = 0  # the first day on which anything is forgotten
        self._large = large
        self._counted: tuple[int, int] = (0, 0)  # the newest day, and about how many keys its tree has
        self._arrivals = Arrivals(engine, full)
        self.filter = KeyFilter(engine.folder)
        self.reload()

    def reload(self) -> None:
        """Reads the tables afresh: at the start, and after a rolled back transaction."""
        rows = self._engine.script("select name from sqlite_schema where type = 'table' and name glob 'fold_[0-9]*'")
        self.days = sorted(int(name[5:]) for (name,) in rows if name[5:].isdecimal())
        self._arrivals.reload()
        if self.days:
            self.filter.reopen(self.days[-1])
            if self._counted[0] != self.days[-1]:
                self._counted = self.days[-1], self._count(self.days[-1])

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
        tables = (*(f"main.fold_{day}" for day in days), *self._arrivals.images(days))
        for key, action in self._engine.script(_lookup_sql(tables), (key_array(keys),)):
            known = found.get(key)
            found[key] = action if known is None else min(known, action)
        return found

    def hold(self, keys: Iterable[bytes]) -> None:
        """There is no other process."""

    def insert(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Claims keys for actions, in today's table."""
        if not rows:
            return
        self.turn(now_ms)
        # A clock set back writes into the newest table: nothing is forgotten early.
        day, known = self._counted
        if known >= self._large:
            self._arrivals.add(day, rows)
            self._arrivals.move(2 * len(rows), day)
            return
        self._counted = day, known + len(rows)
        self._arrivals.move(2 * len(rows), day)
        table = f"fold_{day}"
        for start in range(0, len(rows), MAX_ROWS):
            part = rows[start : start + MAX_ROWS]
            sql = f"/* insert_keys */ insert or ignore into {table} (key, action) values " + ", ".join(
                ["(?, ?)"] * len(part)
            )
            self._engine.script(sql, list(chain.from_iterable(part)))

    def move(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Leads known keys to other actions, which claim them from now on: for a whole window, as any first copy does."""
        if rows:
            forget_keys(self._engine, [key for key, _ in rows])
            self.insert(rows, now_ms)

    def turn(self, now_ms: int) -> None:
        """Opens today's table where it is missing and drops those that have left the window."""
        day = now_ms // DAY_MS
        if not self.days or day > self.days[-1]:
            self._open_day(day)

    def spare(self, since_ms: int) -> None:
        """See `store.engine.FoldKeys`."""
        self._spared_from = since_ms // DAY_MS + self._window + 1

    def _open_day(self, day: int) -> None:
        self._engine.script(f"create table fold_{day} {TREE}")
        for old, next_one in pairwise([*self.days, day]):
            if old >= day - self._window or day < self._spared_from:
                break
            if next_one > old + 1 and self._took_keys(old, next_one, (day - self._window) * DAY_MS):
                continue
            self._engine.script(f"drop table fold_{old}")
            self._arrivals.drop(old)
        self.reload()

    def _took_keys(self, day: int, next_one: int, since_ms: int) -> bool:
        """True of a table that took keys days after its own: until the next was opened, nobody was sure how late it was. By a clock
        that was set back they are stamped before its day, and may have come as late as the next was opened, never later."""
        tables = [f"fold_{day}", *self._arrivals.tables(day)]
        found = [self._engine.script(f"select max(action) from main.{table}")[0][0] for table in tables]
        youngest = max((action for action in found if action is not None), default=0)
        rows = self._engine.script("select created_at from action where id = ?", (youngest,))
        if not rows:
            return False
        opened_ms, came_ms = next_one * DAY_MS, int(rows[0][0])
        return (opened_ms if came_ms < day * DAY_MS else min(came_ms, opened_ms + DAY_MS - 1)) >= since_ms

    def _count(self, day: int) -> int:
        """How many keys a day's tree has, as far as it matters."""
        sql = f"select count(*) from (select 1 from fold_{day} limit ?)"
        return int(self._engine.script(sql, (self._large,))[0][0])


def read_holders(db: Any, keys: Sequence[bytes]) -> list[int]:
    """The actions that hold any of ``keys``, for a reader's connection: by the trees' own order, and the logs row by row."""
    names = [
        name
        for (name,) in db.execute("select name from sqlite_schema where type = 'table' and name glob 'fold_[0-9]*'")
    ]
    found = {action for (action,) in db.execute(statement("holders_of_keys"), (key_array(keys),))} if keys else set()
    for name in names if keys else ():
        sql = f"/* read_holders */ select action from {name} where key in (select value from carray(?))"
        found.update(action for (action,) in db.execute(sql, (key_array(keys),)))
    return sorted(found)


@lru_cache(maxsize=64)
def _lookup_sql(tables: tuple[str, ...]) -> str:
    return "/* find_keys */ " + " union all ".join(
        f"select f.key, f.action from carray(?1) as k cross join {table} as f on f.key = k.value" for table in tables
    )
