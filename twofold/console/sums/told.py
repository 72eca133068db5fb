"""Orders and what became of each as a Purchase: one small row an order, and sums by day that follow each change.

Owns the rows, the sums, and which orders have to be looked at again: those of which something was reported, those whose
delivery was tried, those that are under way, and those that time changes. What an order comes to is `report.told`'s. Made
from the newest order backwards, so that the last days stand first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib import resources
from zoneinfo import ZoneInfo

import apsw

from twofold.console.queries.period import Period
from twofold.report.period import Journal
from twofold.report.told import Bridge, Fate, PolicyOf, Step, ToldOrder, tell
from twofold.store.engine import id_array
from twofold.store.sqlite.database import bind_lists

CHUNK = 250
"""Orders at once: some 8 ms, in which no page is made."""
MOST_OPEN = 250
"""Of the orders under way so many are looked at each time; the others in their turn."""
NOWHERE = 2**62

Key = tuple[int, str, str, str]  # day, dataset, fate, currency
Sums = dict[Key, tuple[int, Decimal]]


class ToldOrders:
    """All of it for one data folder. Not for several threads at once."""

    def __init__(self, policy_of: PolicyOf, zone: str) -> None:
        self._policy_of, self._zone = policy_of, ZoneInfo(zone)
        self._db = apsw.Connection(":memory:")
        bind_lists(self._db)
        self._db.execute(resources.files(__name__.rpartition(".")[0]).joinpath("told.sql").read_text(encoding="utf-8"))
        self._facts = self._orders = self._attempts = -1  # the last of each that was seen; -1: nothing was
        self._cursor = (NOWHERE, NOWHERE)
        self._last_open = 0
        self.is_whole = False

    # -- following the store

    def begin(self, journal: Journal) -> None:
        """Where the store stands now; what comes later is followed."""
        self._facts, self._orders, self._attempts = _ends(journal)

    def build(self, journal: Journal, now: int) -> int:
        """The next older orders; how many there were."""
        ids = [n for (n,) in journal.run("console_orders_before", (*self._cursor, CHUNK))]
        found = tell(journal, ids, self._policy_of, now)
        self._replace(ids, found)
        if found:
            self._cursor = found[-1].placed_at, found[-1].row
        self.is_whole = len(ids) < CHUNK
        return len(ids)

    def follow(self, journal: Journal, now: int) -> int:
        """What was reported, tried or became due since; how many orders were looked at."""
        facts, orders, attempts = _ends(journal)
        changed = {n for (n,) in journal.run("console_orders_reported", (self._facts, facts))}
        changed |= {n for (n,) in journal.run("console_orders_new", (self._orders,))}
        if attempts > self._attempts:
            changed |= {n for (n,) in journal.run("console_orders_tried", (self._attempts + 1, attempts))}
        changed |= {n for (n,) in self._db.execute("select row from told where again_at <= ? limit 1000", (now,))}
        under_way = self._next_open()
        self._look(journal, sorted(changed.union(under_way)), now)
        self._facts, self._orders, self._attempts = facts, orders, attempts
        return len(changed)

    def look_again(self, journal: Journal, since: int, until: int, now: int) -> None:
        """All orders placed in this time (Unix s), whatever was seen of them."""
        sql = "select row from told where placed_at >= ? and placed_at < ?"
        known = {int(str(n)) for (n,) in self._db.execute(sql, (since, until))}
        there = {n for (n,) in journal.run("list_orders_placed", (None, since, until))}
        self._look(journal, sorted(known | there), now)

    def _next_open(self) -> list[int]:
        sql = "select row from told where is_open = 1 and row > ? order by row limit ?"
        found = [int(str(n)) for (n,) in self._db.execute(sql, (self._last_open, MOST_OPEN))]
        self._last_open = found[-1] if len(found) == MOST_OPEN else 0
        return found

    def _look(self, journal: Journal, ids: Sequence[int], now: int) -> None:
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            self._replace(part, tell(journal, part, self._policy_of, now))

    # -- rows and sums

    def _replace(self, ids: Sequence[int], orders: Sequence[ToldOrder]) -> None:
        """These rows as they are now; those of ``ids`` that are in ``orders`` no more are gone."""
        sums: Sums = {}
        for day, dataset, fate, currency, value in self._db.execute(
            "select day, dataset, fate, currency, value from told where row in carray(?)", (id_array(ids),)
        ):
            _add(sums, (int(str(day)), str(dataset), str(fate), str(currency)), -1, str(value))
        rows = []
        for o in orders:
            day = datetime.fromtimestamp(o.placed_at, self._zone).date().toordinal()
            value = "" if o.value is None else str(o.value)
            rows.append(
                (o.row, day, o.placed_at, o.dataset, o.fate.value, o.currency, value, o.again_at, int(o.is_open))
            )
            _add(sums, (day, o.dataset, o.fate.value, o.currency), 1, value)
        with self._db:
            self._db.execute("delete from told where row in carray(?)", (id_array(ids),))
            self._db.executemany("insert into told values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._apply(sums)

    def _apply(self, sums: Sums) -> None:
        for key, (count, amount) in sums.items():
            if not count and not amount:
                continue
            sql = "select orders, amount from day_sum where day = ? and dataset = ? and fate = ? and currency = ?"
            row = self._db.execute(sql, key).fetchone()
            orders, before = (int(str(row[0])), Decimal(str(row[1]))) if row else (0, Decimal(0))
            if orders + count:  # an amount without orders there is not
                self._db.execute(
                    "insert or replace into day_sum values (?, ?, ?, ?, ?, ?)",
                    (*key, orders + count, str(before + amount)),
                )
            else:
                self._db.execute("delete from day_sum where day = ? and dataset = ? and fate = ? and currency = ?", key)

    # -- asking

    def reaches(self, period: Period) -> bool:
        """Whether all orders of the period are in."""
        return self.is_whole or self._cursor[0] < period.since

    @property
    def done(self) -> int:
        return int(str(self._db.execute("select count(*) from told").fetchall()[0][0]))

    def bridge(self, period: Period, dataset: str | None) -> Bridge:
        """The sums of a period's orders."""
        counts: dict[Fate, int] = {}
        money: dict[Fate, dict[str, Decimal]] = {fate: {} for fate in Fate}
        whole: dict[str, Decimal] = {}
        for _, fate, currency, orders, amount in self._sums(period, dataset):
            counts[fate] = counts.get(fate, 0) + orders
            if currency:
                money[fate][currency] = money[fate].get(currency, Decimal(0)) + amount
                whole[currency] = whole.get(currency, Decimal(0)) + amount
        steps = tuple(
            Step(fate=fate, count=counts[fate], money=tuple(sorted(money[fate].items())))
            for fate in Fate
            if fate in counts
        )
        return Bridge(orders=sum(counts.values()), money=tuple(sorted(whole.items())), steps=steps)

    def by_day(self, period: Period, dataset: str | None) -> dict[date, dict[Fate, int]]:
        """How many orders of each day came to what; days without orders are not in it."""
        found: dict[date, dict[Fate, int]] = {}
        for day, fate, _, orders, _ in self._sums(period, dataset):
            one = found.setdefault(date.fromordinal(day), {})
            one[fate] = one.get(fate, 0) + orders
        return found

    def page(self, period: Period, dataset: str | None, fate: str, start: int, shown: int) -> list[int]:
        """Rows of the store's orders, newest first."""
        where = ["placed_at >= ?", "placed_at < ?"]
        values: list[int | str] = [period.since, period.until]
        for name, value in (("fate", fate), ("dataset", dataset or "")):
            if value:
                where.append(f"{name} = ?")
                values.append(value)
        sql = f"select row from told where {' and '.join(where)} order by placed_at desc, row desc limit ? offset ?"
        return [int(str(n)) for (n,) in self._db.execute(sql, (*values, shown, start))]

    def _sums(self, period: Period, dataset: str | None) -> list[tuple[int, Fate, str, int, Decimal]]:
        sql = "select day, fate, currency, orders, amount from day_sum where day between ? and ? and (?3 is null or dataset = ?3)"
        rows = self._db.execute(sql, (period.first.toordinal(), period.last.toordinal(), dataset))
        return [(int(str(d)), Fate(str(f)), str(c), int(str(n)), Decimal(str(a))) for d, f, c, n, a in rows]


def _add(sums: Sums, key: Key, sign: int, value: str) -> None:
    count, amount = sums.get(key, (0, Decimal(0)))
    sums[key] = (count + sign, amount + sign * Decimal(value or 0))


def _ends(journal: Journal) -> tuple[int, int, int]:
    facts, orders, attempts = journal.run("console_ends")[0]
    return facts, orders, attempts
