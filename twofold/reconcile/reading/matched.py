"""What pays what, for a list of money: by what bears on what is listed, or by the whole ledger.

Owns what a list shows beside a line: what it pays by which rule and whose word, and what of it is left. A list is made of what
bears on its lines; while an older folder is still being taken in, the whole ledger is matched and held in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import tzinfo
from decimal import Decimal
from typing import Protocol

from twofold.ledger.lines import Batch, MoneyLine
from twofold.ledger.rates import Rates
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.closure.ledger import Ledger, is_open_to
from twofold.reconcile.closure.lists import Listed
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.values import Days, Group, Match
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.owed import no_collector, read_orders
from twofold.reconcile.reading.whole import tolerance_of
from twofold.reconcile.reading.world import match_all


class Found(Protocol):
    """What a list asks; see `closure.lists.Listed`."""

    by_line: dict[str, list[Match]]
    paid: dict[str, Decimal]

    def counting(self, name: str, line: MoneyLine) -> tuple[str, MoneyLine | None]: ...

    def ways(self, name: str, line: MoneyLine) -> tuple[str, ...] | None: ...

    def is_alone(self, name: str, line: MoneyLine) -> bool: ...

    def match(self, lines: Iterable[tuple[str, MoneyLine]]) -> None: ...

    def batches(self, fits: Callable[[Batch], bool], limit: int) -> list[tuple[Group, list[Match]]]: ...


def matched_of(store: Folder, policy_of: PolicyOf, zone: tzinfo, rules: Rules) -> Found:
    """For lists of what is in a folder."""
    if is_open_to(store):
        return Listed(Ledger(store, policy_of, rules, zone))
    return WholeMatched(store, policy_of, zone, rules)


class WholeMatched:
    """The same of the whole ledger, matched at once."""

    def __init__(self, store: Folder, policy_of: PolicyOf, zone: tzinfo, rules: Rules) -> None:
        with no_collector():
            days = Days(zone)
            dues = read_orders(store, policy_of).dues
            exchange = Exchange(Rates(store.rates()))
            matched = match_all(
                dues, store.entries(), store.batches(), store.decisions(), tolerance=tolerance_of(rules),
                convert=lambda amount, currency, to, at: exchange.convert(amount, currency, to, days.of(at)), days=days,
            )  # fmt: skip
            self._once = store.once
        self._groups = matched.groups
        self._merged = {e.name: e.line for e in self._once.entries if e.name in self._once.told_twice}
        self.by_line: dict[str, list[Match]] = defaultdict(list)
        self.paid: dict[str, Decimal] = defaultdict(Decimal)
        self._by_target: dict[str, list[Match]] = defaultdict(list)
        for match in matched.matching.matches:
            self.by_line[match.line].append(match)
            self._by_target[match.to].append(match)
            self.paid[match.line] += match.amount

    def counting(self, name: str, line: MoneyLine) -> tuple[str, MoneyLine | None]:  # noqa: ARG002  the other way needs it
        name = self._once.name(name)
        return name, self._merged.get(name)

    def ways(self, name: str, line: MoneyLine) -> tuple[str, ...] | None:  # noqa: ARG002
        return self._once.ways.get(name)

    def is_alone(self, name: str, line: MoneyLine) -> bool:  # noqa: ARG002
        return name in self._once.alone

    def match(self, lines: Iterable[tuple[str, MoneyLine]]) -> None:
        """Everything is matched already."""

    def batches(self, fits: Callable[[Batch], bool], limit: int) -> list[tuple[Group, list[Match]]]:
        told = [g for g in self._groups if g.told and fits(g.batch)]
        told.sort(key=lambda g: (g.batch.at // 86_400, g.key))
        return [(group, self._by_target.get(group.key, [])) for group in told[-limit or None :]]
