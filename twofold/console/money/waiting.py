"""Which money waits for a person's word: names of lines and batches, as the derived tables and people's words have them.

Owns that list, the latest first, and which orders and batches one of them could pay. What the tables cannot say, whether a debit of the
bank pays something and what became of a line of which somebody said something, is matched, with what bears on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from twofold.console.money.chain import policy_of
from twofold.console.money.task import Task
from twofold.facts.manifest import read_manifest
from twofold.ledger.lines import MoneyKind, MoneyLine
from twofold.ledger.ties import BANK
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.closure.growth import Growth
from twofold.reconcile.closure.ledger import Ledger
from twofold.reconcile.closure.part import Part, bare_row
from twofold.reconcile.lives.asking import AskAll, named
from twofold.reconcile.lives.rows import number_of_line
from twofold.reconcile.matches.values import ZERO, Entry, Group
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.world import Matched

IN, OUT, LINE, BATCH = "in", "out", "line", "batch"
OF_ORDERS = frozenset(
    {MoneyKind.CHARGE, MoneyKind.REFUND, MoneyKind.DISPUTE, MoneyKind.DISPUTE_REVERSAL, MoneyKind.COD_COLLECTED}
)
"""Kinds that are some order's. A fee or a payout need not be."""
SPARE = 4
"""More orders of about an amount are matched than are shown: what the tables call open may be paid by now."""


class Place(NamedTuple):
    """One that waits, and when it was booked."""

    at: int
    name: str


class Grown:
    """A part of the ledger that is grown as more is wanted of it."""

    def __init__(self, store: Folder, task: Task) -> None:
        self.ledger = Ledger(store, policy_of(task), _rules(task), ZoneInfo(task.base.zone))
        self.part: Part = self.ledger.part()
        self._growth = Growth(self.part)
        self.matched: Matched = self.part.match()

    def want(
        self, names: Iterable[str] = (), orders: Iterable[int] = (), batches: Iterable[tuple[str, str, str]] = ()
    ) -> None:
        """Lines by name, orders by row, batches by key, source and number; everything that bears on them is read, and matched."""
        names = list(names)
        self.part.add_names(names)
        for key, source, number in batches:
            self.part.add_batch((source, number))
            self._growth.groups.add(key)
        self.part.add_orders(orders, wanted=True)
        self._growth.lines |= frozenset(self.part.counting(name) for name in names)
        self.matched = self._growth.grow()
        if bare := self._bare():
            self.part.add_orders(bare)
            self.matched = self._growth.grow()

    def _bare(self) -> set[int]:
        """Orders that lines name and of which nothing else was read."""
        found = self.matched.matching
        answers = chain.from_iterable(answer for one in found.proposals for answer in one.answers)
        return {row for to in chain((m.to for m in found.matches), answers) if (row := bare_row(to)) is not None}

    @property
    def lines(self) -> frozenset[str]:
        """Of which it is known what they pay."""
        return self._growth.lines

    @property
    def groups(self) -> frozenset[str]:
        """The same of batches."""
        return frozenset(self._growth.groups)

    def left(self) -> dict[str, Decimal]:
        """What is left of each line that is wanted and open. One of nothing gross is open until it is matched."""
        paid: dict[str, Decimal] = {}
        for match in self.matched.matching.matches:
            paid[match.line] = paid.get(match.line, ZERO) + match.amount
        wanted = {name: self.part.entries[name].line for name in self.lines if name in self.part.entries}
        return {
            name: line.gross - paid.get(name, ZERO)
            for name, line in wanted.items()
            if line.status == "booked" and (line.gross != paid.get(name, ZERO) or (not line.gross and name not in paid))
        }


def _rules(task: Task) -> Rules:
    """With the currency of the tables, where the settings name none: to count the orders of each takes a second of half a million."""
    rules = task.base.rules
    manifest = None if rules.currency or task.tables is None else read_manifest(task.tables.analytics.files)
    return rules if manifest is None else replace(rules, currency=manifest.currency)


def places_of(ask: AskAll, task: Task, store: Folder) -> dict[str, list[Place]]:
    """All that waits, by kind, the latest first."""
    grown = Grown(store, task)
    currency = grown.ledger.desk.rules.currency
    answers = ask(
        named(
            ("cash_credits", "matching_debits", "matching_lines", "matching_unmatched", "cash_open_batches"),
            {"as_of": task.as_of, "currency": currency},
        )
    )
    credits, debits, lines, numbers, batches = (answer.rows for answer in answers)
    nobodys = {row.order_row for row in numbers}
    found = {
        IN: {Place(row.happened_at, row.line) for row in credits},
        OUT: set[Place](),
        LINE: {Place(row.happened_at, row.line) for row in lines if number_of_line(row.line) in nobodys},
        BATCH: {Place(row.happened_at, row.batch) for row in batches},
    }
    said = {decision.line for decision in store.decisions()}
    grown.want([*(row.line for row in debits), *said])
    told = {grown.part.counting(name) for name in said} | said
    found = {what: {one for one in some if one.name not in told} for what, some in found.items()}
    for name in grown.left():
        line = grown.part.entries[name].line
        if (what := kind_of(line)) is not None:
            found[what].add(Place(line.at, name))
    return {what: sorted(some, key=lambda one: (-one.at, one.name)) for what, some in found.items()}


def kind_of(line: MoneyLine) -> str | None:
    """In which list a line waits; None for one that waits in none."""
    if line.kind in BANK:
        return OUT if line.gross < 0 else IN
    return LINE if line.kind in OF_ORDERS else None


def want_what_fits(
    grown: Grown, task: Task, lines: Sequence[Entry], left: dict[str, Decimal], most: int, near: Decimal
) -> None:
    """Of lines that wait: the orders and batches that each could pay."""
    about = [(entry, left[entry.name]) for entry in lines if entry.name in left]
    if not about:
        return
    given: dict[str, Any] = {
        "amounts": " ".join(f"{e.line.currency}:{amount:f}:{e.line.at}" for e, amount in about), "many": len(about),
        "near": near, "most": most + SPARE, "as_of": task.as_of, "dataset": task.dataset or "", "currency": grown.ledger.desk.rules.currency,
    }  # fmt: skip
    owing, batches = task.ask(named(("matching_owing", "matching_batches"), given))
    some = (
        [(row.batch, row.source, row.number) for row in batches.rows]
        if any(e.line.kind in BANK for e, _ in about)
        else []
    )
    grown.want(orders={row.order_row for row in owing.rows}, batches=some)


def want_payers(grown: Grown, task: Task, groups: Sequence[Group], near: Decimal) -> None:
    """Of batches that wait: the lines of the bank that could pay each."""
    if not groups:
        return
    credits, debits = task.ask(named(("cash_credits", "matching_debits"), {"as_of": task.as_of}))
    nets = {(group.batch.currency, group.net) for group in groups}
    grown.want(
        [
            row.line
            for row in credits.rows
            if any(row.currency == c and abs(row.amount - net) <= near for c, net in nets)
        ]
        + [row.line for row in debits.rows if any(net < near for _, net in nets)]
    )


def batches_named(task: Task, keys: Sequence[str]) -> list[tuple[str, str, str]]:
    """Key, source and number of batches."""
    if not keys:
        return []
    (answer,) = task.ask(named(("matching_numbers",), {}))
    return [(row.batch, row.source, row.number) for row in answer.rows if row.batch in set(keys)]
