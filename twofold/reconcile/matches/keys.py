"""Keys: what names an order, a payment, a parcel or a batch on both sides. The first four steps of the ladder.

Owns the ladder of keys and the index of dues by them. Amounts play no part: a right key with a wrong
amount is a match with a residual.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twofold.ledger.lines import MoneyLine
from twofold.ledger.ties import provider_ids, step_keys_of
from twofold.reconcile.matches.values import Due, Entry

PROVIDER_ID, ORDER_NAME, CREDITOR, PARCEL = "provider_id", "order_name", "creditor_reference", "parcel"
STEPS = (PROVIDER_ID, ORDER_NAME, CREDITOR, PARCEL)

_STEP_OF = {
    "provider": PROVIDER_ID,
    "checkout": PROVIDER_ID,
    "order": ORDER_NAME,
    "creditor": CREDITOR,
    "parcel": PARCEL,
}


def steps_of(line: MoneyLine) -> list[tuple[str, str]]:
    """The keys that a line carries, each with its step of the ladder, strongest first."""
    steps = [(_STEP_OF[key.partition(":")[0]], key) for key in step_keys_of(line)]
    return sorted(steps, key=lambda s: (STEPS.index(s[0]), s[1]))


class Index:
    """Dues by their keys, and lines that were matched by theirs: whoever pays back names what was paid."""

    def __init__(self, dues: Iterable[Due]) -> None:
        self._found: dict[str, tuple[str, ...]] = {}
        for due in dues:
            alone = (due.order,)
            for key in due.keys:
                if self._found.setdefault(key, alone) is not alone:
                    self._add(key, due.order)

    def _add(self, key: str, order: str) -> None:
        known = self._found.get(key, ())
        if order not in known:
            self._found[key] = (*known, order)

    def orders(self, key: str) -> frozenset[str]:
        return frozenset(self._found.get(key, ()))

    def numbered(self, word: str) -> frozenset[str]:
        """Orders that a word of a text may be the number of."""
        return self.orders(f"order:{word}")

    def add_payment(self, entry: Entry, order: str) -> None:
        """The provider's ids that a matched line carries name its order from now on."""
        for key in provider_ids(entry.line):
            self._add(key, order)

    def climb(
        self, steps: Sequence[tuple[str, str]], barred: frozenset[str] = frozenset()
    ) -> tuple[str, str, str] | None:
        """Step, key and order of the first step at which a line's keys (`steps_of`) name exactly one order."""
        if not any(key in self._found for _, key in steps):
            return None
        named: dict[str, set[str]] = {}
        shown: dict[str, str] = {}
        for step, key in steps:
            orders = self.orders(key) - barred
            named.setdefault(step, set()).update(orders)
            if orders:
                shown.setdefault(step, key)
        for step in STEPS:
            if len(named.get(step, ())) == 1:
                return step, shown[step], next(iter(named[step]))
        return None
