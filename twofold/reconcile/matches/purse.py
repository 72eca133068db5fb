"""What is still open while matching goes on: of every line, and of every due in every currency.

Owns the one rule that no later step may break: a line pays once, and its open amount never crosses zero.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice

from twofold.ledger.lines import MoneyKind
from twofold.ledger.ties import BANK
from twofold.reconcile.matches.values import TAKEN, ZERO, Due, Entry, Match, Trust, order_key


class Purse:
    """Open amounts of lines and dues, and the matches that closed them."""

    def __init__(self, dues: Iterable[Due], entries: Sequence[Entry]) -> None:
        self.dues = {due.order: due for due in sorted(dues, key=lambda d: (d.placed_at, d.order))}
        self.entries = {e.name: e for e in sorted(entries, key=lambda e: (e.line.at, e.name))}
        self._bank = [e for e in self.entries.values() if e.line.kind in BANK]
        self.left = {name: e.line.gross for name, e in self.entries.items()}
        self.paid: dict[str, dict[str, Decimal]] = defaultdict(dict)
        self.matches: list[Match] = []
        self._touched: set[str] = set()

    def is_open(self, name: str) -> bool:
        """Whether something of a line is left; one that is only a fee, with nothing gross, is open until it is matched."""
        return bool(self.left[name]) or (not self.entries[name].line.gross and name not in self._touched)

    def due_left(self, order: str, currency: str) -> Decimal | None:
        """What an order's buyer still owes in a currency; None when the order is not told in it."""
        amounts = self.dues[order].amounts
        if currency not in amounts:
            return None
        left = amounts[currency]
        for other, sum_ in self.paid[order].items():
            if other == currency:
                left -= sum_
            elif amounts.get(other):
                left -= sum_ * amounts[currency] / amounts[other]
        return left

    def pay(
        self,
        entry: Entry,
        to: str,
        amount: Decimal,
        rule: str,
        trust: Trust,
        *,
        evidence: Iterable[str] = (),
        made_at: int | None = None,
        by: str = "",
        rounding: Decimal = ZERO,
    ) -> None:
        """Takes the amount from the line, as far as it goes, and writes the match down."""
        left = self.left[entry.name]
        amount = min(amount, left) if left > 0 else max(amount, left)
        self.left[entry.name] = left - amount
        self._touched.add(entry.name)
        order = to.removeprefix("order:") if to.startswith("order:") else ""
        if order and (entry.line.kind in TAKEN or entry.line.kind is MoneyKind.BANK_CREDIT):
            mine = self.paid[order]
            mine[entry.line.currency] = mine.get(entry.line.currency, ZERO) + amount
        rests_on = [entry.line.at] if made_at is None else [made_at, entry.line.at]
        if order in self.dues:
            rests_on.append(self.dues[order].placed_at)
        self.matches.append(
            Match(
                line=entry.name,
                to=to,
                amount=amount,
                currency=entry.line.currency,
                rule=rule,
                trust=trust,
                evidence=tuple(evidence),
                made_at=max(rests_on),
                by=by,
                rounding=rounding,
            )
        )

    def pay_order(
        self,
        entry: Entry,
        order: str,
        rule: str,
        trust: Trust,
        *,
        evidence: Iterable[str] = (),
        rounding: Decimal = ZERO,
    ) -> None:
        """All that is left of the line for one order."""
        left = self.left[entry.name]
        self.pay(entry, order_key(order), left, rule, trust, evidence=evidence, rounding=rounding)

    def open_bank_lines(self, *, credits_only: bool = True) -> list[Entry]:
        """Bank lines of which something is left, by date and name."""
        kinds = {MoneyKind.BANK_CREDIT} if credits_only else BANK
        return [e for e in self._bank if e.line.kind in kinds and self.left[e.name]]


class OpenDues:
    """Dues of which something is open, found by the amount. Looked up anew at each step, as steps close dues."""

    def __init__(self, purse: Purse | None) -> None:
        """None where nobody will ask."""
        self._purse = purse
        self._found: dict[str, list[tuple[Decimal, int, str]]] = defaultdict(list)
        for order, due in purse.dues.items() if purse else ():
            assert purse is not None
            for currency in due.amounts:
                left = purse.due_left(order, currency)
                if left and left > 0:
                    self._found[currency].append((left, due.placed_at, order))
        for rows in self._found.values():
            rows.sort()

    def within(self, currency: str, low: Decimal, high: Decimal) -> list[Due]:
        """Dues whose open amount lies between two (both in), by amount, date and order; what was paid since is out."""
        rows = self._found.get(currency, [])
        found = []
        for left, _, order in islice(rows, bisect_left(rows, (low, 0, "")), None):
            if left > high:
                break
            if self._purse is not None and self._purse.due_left(order, currency) == left:
                found.append(self._purse.dues[order])
        return found
