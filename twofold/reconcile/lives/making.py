"""The tables of lives made for some days, by whoever makes the derived tables.

Owns which rows a day has; which days have to be made again when facts changed is `reach`'s. A file that would say what the one
before says is not put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from twofold.facts.build import Reached
from twofold.facts.manifest import Manifest, Places
from twofold.facts.parquet import Row
from twofold.facts.rows.snapshot import Snapshot
from twofold.facts.seals import Changes
from twofold.facts.shape import Group
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.customers import Bought
from twofold.reconcile.chain.standing import DAY_S
from twofold.reconcile.closure.days import DayLives, Only
from twofold.reconcile.closure.ledger import Ledger, is_open_to
from twofold.reconcile.exchange import day_number, day_text
from twofold.reconcile.lives.before import Settlements, days_of_customers, orders_of_customers
from twofold.reconcile.lives.paths import Paths
from twofold.reconcile.lives.reach import Reach
from twofold.reconcile.lives.rows import (
    Made,
    credit_rows,
    loose_rows,
    loose_waiting,
    number_of_line,
    open_credit_row,
    order_rows,
    settlement_row,
)
from twofold.reconcile.lives.task import LivesTask, digest_of
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.lives import lives_by_day
from twofold.reconcile.reading.owed import no_collector
from twofold.reconcile.reading.whole import bought_of
from twofold.store.engines import open_reader
from twofold.store.sqlite.statements import statement

_UNRULED = OrderPolicy()


class LivesOf:
    """Lives for `facts.build`. ``policies``: dataset to the rules of its orders."""

    def __init__(self, task: LivesTask, policies: dict[str, OrderPolicy]) -> None:
        self._task, self._policies = task, policies
        self._days = Days(ZoneInfo(task.zone))
        self._only: Only | None = None
        self.currency = task.rules.currency

    def digest(self) -> str:
        return digest_of(self._task)

    def all_days(self, snapshot: Snapshot) -> set[int]:
        orders = [day for (day,) in snapshot.run("facts_order_days")]
        lines = _around(day for (day,) in snapshot.run("facts_line_days"))
        return self._here(orders) | self._here(lines) | {day for (day,) in snapshot.run("nameless_days")}

    def due(self, snapshot: Snapshot, changes: Changes, known: Manifest, places: Places) -> Reached:
        if not changes:
            return Reached()
        marked = {day for _, day in changes}
        zone = ZoneInfo(self._task.zone)
        with Folder(places.data, zone) as store, no_collector():
            if not is_open_to(store):
                return Reached(whole=frozenset(self.all_days(snapshot) | self._here(_around(marked))))
            before = Settlements(places.files, known)
            reach = Reach(snapshot, Ledger(store, self._policy_of, self._task.rules, zone), before.of)
            reach.follow(changes)
            if store.most_used_currency() != known.currency and not self._task.rules.currency:
                return Reached(whole=frozenset(self.all_days(snapshot)))
        found = self._here(reach.days) | reach.own
        since = {day for day in self.all_days(snapshot) if day >= reach.since} if reach.since is not None else set()
        found |= self._days_of_customers(changes, reach, known, places)
        if reach.is_whole:
            return Reached(whole=frozenset(found | since))
        self._only = reach.only
        units = {
            "order_row": reach.only.orders | {number_of_line(name) for name in reach.only.lines},
            "batch": reach.only.batches, "line": reach.only.lines, "counts_as": reach.only.lines,
        }  # fmt: skip
        whole = since | self._here(reach.rated)
        return Reached(whole=frozenset(whole), part=frozenset(found - whole), units=units)

    def days(self, data: Path, days: Sequence[int], reached: Reached) -> Iterator[tuple[int, Made]]:
        zone, rules = ZoneInfo(self._task.zone), self._task.rules
        whole = [day for day in days if day not in reached.part]
        part = [day for day in days if day in reached.part]
        found = chain(
            lives_by_day(data, self._policy_of, whole, rules, zone) if whole else (),
            lives_by_day(data, self._policy_of, part, rules, zone, self._only) if part else (),
        )
        with Customers(data) as customers, Paths(data, self._days) as paths:
            for lives, desk in found:
                self.currency = desk.rules.currency
                yield lives.day, chain(day_of_rows(lives, desk, customers.number), paths_of_day(lives, paths))

    def _days_of_customers(self, changes: Changes, reach: Reach, known: Manifest, places: Places) -> set[int]:
        """Days of orders that were of one customer with one that changed; whose rows are made again, too."""
        orders = {day: change for (group, day), change in changes.items() if group == Group.ORDERS}
        days = [day_text(day) for day in self._here(orders)]
        if reach.is_whole:
            return {day_number(day) for day in days_of_customers(places.files, known, days)}
        others = {row for change in orders.values() for row in change.other_people}
        if not others:
            return set()
        found = orders_of_customers(places.files, known, days, others)
        reach.add_orders(row for rows in found.values() for row in rows)
        return {day_number(day) for day in found}

    def _policy_of(self, dataset: str) -> OrderPolicy:
        return self._policies.get(dataset, _UNRULED)

    def _here(self, days: Iterable[int]) -> set[int]:
        """Days of the reporting zone that days in UTC touch."""
        return {self._days.of(at) for day in days for at in (day * DAY_S, (day + 1) * DAY_S - 1)}


def _around(days: Iterable[int]) -> set[int]:
    """Days with those beside them. A line is filed by its day in UTC, and its own day, where it was told, may be the one before or after."""
    return {day + beside for day in days for beside in (-1, 0, 1)}


def day_of_rows(lives: DayLives, desk: Desk, customer_of: Callable[[str], int | None]) -> Made:
    """Rows of a day, by table."""
    for one in lives.orders:
        yield from order_rows(one.order, one.moves, desk)
    yield "life_terms", loose_rows(lives.loose, desk)
    yield "life_terms", credit_rows(lives.unmatched, desk)
    yield "waiting", loose_waiting(lives.loose, desk)
    yield "open_credits", map(open_credit_row, lives.unmatched)
    yield "settlements", (settlement_row(*told) for told in lives.batches)
    yield "twice_told", ({"line": other, "counts_as": line} for other, line in lives.same)
    yield "buyers", buyer_rows(((bought_of(o), o.row) for o in lives.placed), customer_of)


def paths_of_day(lives: DayLives, paths: Paths) -> Made:
    """What led to a day's orders, and what is left of those that lost their path."""
    yield "paths", paths.rows(one.row for one in lives.placed)
    yield from paths.nameless(lives.day)


def buyer_rows(bought: Iterable[tuple[Bought, int]], customer_of: Callable[[str], int | None]) -> Iterator[Row]:
    """Rows of buyers. ``bought``: with the order's row of the store."""
    for one, row in bought:
        yield {
            "dataset": one.key.partition("/")[0], "order_row": row, "placed_at": one.placed_at,
            "place": f"{one.placed_at:012d}/{one.key}", "customer": customer_of(one.buyer) if one.buyer else None,
            "counts": one.counts, "delivered": one.delivered, "unsure": one.unsure,
        }  # fmt: skip


class Customers:
    """A customer's number in tables, out of the random one that the orders have. So no digest of anybody comes into a table."""

    def __init__(self, data: Path) -> None:
        self._db = open_reader(data)

    def __enter__(self) -> Customers:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def number(self, buyer: str) -> int | None:
        """``buyer``: as `matching.persons` names one. An order of an older version has no number yet: its row stands in."""
        digest = bytes.fromhex(buyer.partition(":")[2].partition("/")[0])
        row = self._db.execute(statement("number_of_buyer"), (digest,)).fetchone()
        if row is None or row[0] is None:
            return None
        return int(row[0]) if row[1] is None else int.from_bytes(row[1][:8], "big") >> 2
