"""Keys: what names an order, a payment, a parcel or a batch on both sides. The first four steps of the ladder.

Owns the forms in which keys are compared and the index of dues by them. Amounts play no part: a right key with a wrong
amount is a match with a residual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from twofold.ledger import references
from twofold.ledger.lines import MoneyLine
from twofold.reconcile.matches.values import BANK, Due, Entry

PROVIDER_ID, ORDER_NAME, CREDITOR, PARCEL = "provider_id", "order_name", "creditor_reference", "parcel"
STEPS = (PROVIDER_ID, ORDER_NAME, CREDITOR, PARCEL)

_STEP_OF = {
    "provider": PROVIDER_ID,
    "checkout": PROVIDER_ID,
    "order": ORDER_NAME,
    "creditor": CREDITOR,
    "parcel": PARCEL,
}
_BLANK = re.compile(r"\s+")


def plain(value: str) -> str:
    """A key as it is compared: without blanks and the sign for numbers in front, in one case."""
    return _BLANK.sub("", value).lstrip("#").casefold()


def key_of(reference: str) -> str:
    """A reference as it is compared: "provider:pi_1", "order:1001", "parcel:1z999"."""
    kind, _, value = references.key_of(reference).partition(":")
    return f"{kind}:{plain(value)}"


def steps_of(line: MoneyLine) -> list[tuple[str, str]]:
    """The keys that a line carries, each with its step of the ladder, strongest first."""
    found = {key_of(reference) for reference in line.references}
    steps = [(_STEP_OF[kind], key) for key in found if (kind := key.partition(":")[0]) in _STEP_OF]
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


def provider_ids(line: MoneyLine) -> Iterator[str]:
    """What a line of a provider may be called by another: its id, charge, capture, intent. Not a bank's."""
    if line.kind in BANK:
        return
    if line.id:
        yield f"provider:{plain(line.id)}"
    for reference in line.references:
        if references.is_of_provider(reference):
            yield key_of(reference)


_TOKEN = re.compile(r"[\w#№:/.-]*\d[\w/.-]*")
_LED_BY = re.compile(r"^.*[#№:]|^[^\W\d]+\.")


def tokens_of(text: str) -> list[str]:
    """Words of a text that could be a number or reference, in the text's order; a number broken by a blank joined too.

    "No.1001" and "order#1001" are the number 1001; "2026-03-10" is one word, so that a year is no number.
    """
    words = [plain(_LED_BY.sub("", w).strip("._-/")) for w in _TOKEN.findall(text)]
    words = [w for w in words if w]
    return words + [a + b for a, b in pairwise(words)]


def is_telling(token: str) -> bool:
    """A whole token that cannot well be something else: letters of the shop's prefix, or at least 4 digits."""
    digits = sum(c.isdigit() for c in token)
    return digits >= 4 or (digits > 0 and any(c.isalpha() for c in token))
