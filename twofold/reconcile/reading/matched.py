"""What pays what, for a list of money: read, matched, and given back by line and by batch.

Owns what a list shows beside a line: what it pays by which rule and whose word, and what of it is left. The chain reads more
(`whole`); both match alike. Holds the ledger in memory.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from twofold.ledger.rates import Rates
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.twice import Once
from twofold.reconcile.matches.values import Days, Group, Match
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.owed import no_collector, read_orders
from twofold.reconcile.reading.world import match_all


class Found(Struct, frozen=True):
    """``by_line``: matches of a line, by its name in hexadecimal; ``by_target``: of an order, batch or line, by its key.
    ``paid``: what of a line is matched. ``once``: which lines are told twice and count as one."""

    by_line: dict[str, list[Match]]
    by_target: dict[str, list[Match]]
    paid: dict[str, Decimal]
    groups: tuple[Group, ...]
    once: Once


def read_matched(folder: Path | str, policy_of: PolicyOf, zone: tzinfo, tolerance: Tolerance | None = None) -> Found:
    """Everything that is matched in a folder, in the order of its lines."""
    with Folder(folder) as store, no_collector():
        days = Days(zone)
        dues = read_orders(store, policy_of).dues
        exchange = Exchange(Rates(store.rates()))
        matched = match_all(
            dues, store.entries(), store.batches(), store.decisions(), tolerance=tolerance or Tolerance(),
            convert=lambda amount, currency, to, at: exchange.convert(amount, currency, to, days.of(at)), days=days,
        )  # fmt: skip
        once = store.once
    by_line: dict[str, list[Match]] = defaultdict(list)
    by_target: dict[str, list[Match]] = defaultdict(list)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for match in matched.matching.matches:
        by_line[match.line].append(match)
        by_target[match.to].append(match)
        paid[match.line] += match.amount
    return Found(dict(by_line), dict(by_target), dict(paid), matched.groups, once)
