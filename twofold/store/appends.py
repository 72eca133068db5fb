"""One transaction's appends in their order: events, orders with the copies they bring, outcomes, refusals.

Owns which copy of an order is folded and what a report is news for. The rows are the journal's (`journal`), the actions the
fold's (`folding`), the order's facts and state the ledger's (`orders/ledger`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from twofold.event.identity import fold_keys, order_keys
from twofold.event.model import Event
from twofold.store.engine import Database, RefusedRow
from twofold.store.fold import FoldVerdict
from twofold.store.folding import Folding
from twofold.store.gates.tellers import Tellers
from twofold.store.journal import Journal
from twofold.store.lines.keeping import keep_told
from twofold.store.lines.row import LineEntry, make_row
from twofold.store.orders.ledger import Applied, OrderEntry, OrderRow, Orders
from twofold.store.orders.outcomes import due_outcomes, worth_looking
from twofold.store.touches.path_keeper import Paths
from twofold.store.touches.signs import Signs
from twofold.touch.model import Sign


class AppendLike(Protocol):
    @property
    def events(self) -> Sequence[Event]: ...
    @property
    def refused(self) -> Sequence[RefusedRow]: ...
    @property
    def orders(self) -> Sequence[OrderEntry]: ...
    @property
    def signs(self) -> Sequence[Sign]: ...
    @property
    def lines(self) -> Sequence[LineEntry]: ...


class OrderNews(NamedTuple):
    """What a job's orders told: orders that were not known, and known ones of which something new was told."""

    new: int
    updated: int


class Appended(NamedTuple):
    """What became of one job."""

    verdicts: list[FoldVerdict]  # of its events only
    news: OrderNews


class Appends:
    """Writes what a transaction's jobs append."""

    def __init__(
        self,
        engine: Database,
        journal: Journal,
        folding: Folding,
        orders: Orders,
        signs: Signs,
        paths: Paths,
        secret: bytes,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._folding = folding
        self._orders = orders
        self._tellers = Tellers(orders)
        self._signs = signs
        self._paths = paths
        self._secret = secret

    def append(self, jobs: Sequence[AppendLike]) -> list[Appended]:
        """Writes all jobs' events, then their orders, then their signs, lines and refusals."""
        events = [e for j in jobs for e in j.events]
        shown = self._signs.keys_of(s for j in jobs for s in j.signs)
        told, actions = self._folding.append(events, besides=shown) if events else ([], [])
        verdicts = iter(told)
        self._paths.late_copies(events, actions)
        entries = [o for j in jobs for o in j.orders]
        news = iter(self._append_orders(entries) if entries else ())
        # After the events: a copy among them may have said no.
        signs = [s for j in jobs for s in j.signs] + [s for o in entries for s in o.signs]
        if signs:
            self._signs.note(signs, _now_s(events, entries))
        lines = [line for j in jobs for line in j.lines]
        if lines:
            secret = self._secret
            keep_told(
                self._engine,
                [make_row(one.thing, secret, told_at=one.told_at, received_at=one.received_at) for one in lines],
            )
        refused = [r for j in jobs for r in j.refused]
        self._journal.refuse(refused)
        if besides := len(entries) + len(lines) + len(refused):
            self._journal.tell(besides)
        return [Appended([next(verdicts) for _ in j.events], _news([next(news) for _ in j.orders])) for j in jobs]

    def rolled_back(self) -> None:
        self._signs.rolled_back()

    def _append_orders(self, entries: Sequence[OrderEntry]) -> list[Applied]:
        """Reports into the ledger, and what became of each; the first copy of an order's Purchase is folded, and the order owns its action."""
        if any(entry.buyer for entry in entries):
            self._signs.keyed()
        applied = [(self._orders.apply(entry), entry) for entry in entries]
        latest = _latest([one for one, _ in applied])
        fresh: dict[int, tuple[Applied, Event]] = {}
        tiers = self._tiers([one.row.action for one, entry in applied if entry.copy is not None])
        for one, entry in applied:
            order = latest[one.row.id]
            if entry.copy is None or order.row.id in fresh or order.state.test:
                continue
            # Of an order that has its action a copy is folded for its names: they may lead to a further action, or
            # a browser may come by them. Not when all are forgotten: it would begin another.
            below = order.row.action is not None and tiers.get(order.row.action, 0) < entry.copy.tier
            if order.row.action is None or below or (one.joined and self._folding.find(fold_keys(entry.copy))):
                fresh[order.row.id] = (order, entry.copy)
        owned: dict[int, int] = {}
        if fresh:
            copies = [copy for _, copy in fresh.values()]
            _, actions = self._folding.append(copies, list(fresh))
            for (order, copy), action in zip(fresh.values(), actions, strict=True):
                owned[order.row.id] = self._settle(order.row, action, copy)
        told = {latest[one.row.id].row.id for one, _ in applied if one.new}
        waiting = self._waiting_for(
            (one, entry)
            for one, entry in applied
            if one.row.id in told and one.row.action is None and one.row.id not in owned
        )
        for one, entry in applied:
            if one is latest[one.row.id] and one.row.id in told:
                one = msgspec.structs.replace(one, new=True)
                for purchase in waiting.get(one.row.id) or [owned.get(one.row.id, one.row.action)]:
                    self._orders.news(one, purchase, entry.received_at)
        self._append_outcomes([one.row for one in latest.values()], entries[-1].received_at)
        return [one for one, _ in applied]

    def _tiers(self, actions: Sequence[int | None]) -> dict[int, int]:
        """Who spoke for these Purchases so far: an order may have begun with a browser's."""
        known = [a for a in actions if a is not None]
        return self._orders.tiers_of(known) if known else {}

    def _settle(self, row: OrderRow, action: int, copy: Event) -> int:
        """Which Purchase the order stands for; one of a lower tier that the keys did not lead to is superseded."""
        owner = self._orders.settle_owner(row, action, copy)
        if row.action is not None and owner == action != row.action:
            self._folding.supersede(row.action, action, copy.received_at)
        return owner

    def _waiting_for(self, reports: Iterable[tuple[Applied, OrderEntry]]) -> dict[int, set[int]]:
        """Order to the Purchases that came without it, for reports without a copy of their own: news for them, too. Several, where one
        stands for another of a lower tier to which a name of the order leads still."""
        keys = {
            key: one.row.id
            for one, entry in reports
            for key in order_keys(
                entry.dataset,
                "Purchase",
                entry.report.order_id,
                entry.report.aliases,
                self._orders.shop_of(entry.dataset, [entry.source]),
            )
        }
        found: dict[int, set[int]] = {}
        for key, action in self._folding.find(list(keys)).items():
            found.setdefault(keys[key], set()).add(action)
        return found

    def _append_outcomes(self, rows: Sequence[OrderRow], now_ms: int) -> None:
        """Events for the ends of orders that were sent, once each: the order's row keeps which were told."""
        orders = worth_looking(rows, self._orders.policy_of)
        due = due_outcomes(self._engine, orders, self._orders.policy_of, self._tellers.turns, now_ms) if orders else []
        if due:
            told = self._folding.find([key for one in due if not one.bit for key in fold_keys(one.event)])
            due = [one for one in due if one.bit or told.keys().isdisjoint(fold_keys(one.event))]
        if due:
            self._folding.append([one.event for one in due])
            for one in due:
                self._engine.run("mark_outcome_sent", (one.order, one.bit))


def _now_s(events: Sequence[Event], entries: Sequence[OrderEntry]) -> int:
    """When what comes with signs came."""
    return max([e.received_at for e in events[-1:]] + [e.received_at for e in entries[-1:]], default=0) // 1000


def _news(applied: Sequence[Applied]) -> OrderNews:
    begun = sum(one.begun for one in applied)
    return OrderNews(begun, sum(one.new for one in applied) - begun)


def _latest(applied: Sequence[Applied]) -> dict[int, Applied]:
    """Each order's row of a batch to what was applied to it last, also for rows that became part of another."""
    found: dict[int, Applied] = {}
    for one in applied:
        for gone in one.took:
            found[gone] = one
        found[one.row.id] = one
    for order, one in found.items():
        while found[one.row.id] is not one:
            one = found[one.row.id]
        found[order] = one
    return found
