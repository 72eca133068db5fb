"""Money that a bank sent back: a line and a later one of the same account and amount the other way round are no money.

Owns which two lines of a bank cancel each other: a payout that came and was returned, a transfer that went out and came
back. Both must carry one reference that the payer wrote, or one number in their texts and one counterpart. A number of an
order is none of these: who pays an order's money back to its buyer refunds it, and that is no payment sent back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from twofold.ledger.ties import is_telling, plain, tokens_of
from twofold.reconcile.matches.keys import Index
from twofold.reconcile.matches.purse import Purse
from twofold.reconcile.matches.tolerance import Tolerance, bank_days_after
from twofold.reconcile.matches.values import Days, Entry, Trust

SENT_BACK = "sent_back"
LEAST_DIGITS = 5  # of a number in two texts: a year or a month is nobody's reference
_DAY = re.compile(r"\d{4}[-./]\d{1,2}([-./]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}")

_Key = tuple[str, str, str, Decimal, str]


def cancel_sent_back(
    purse: Purse, index: Index, barred: Mapping[str, frozenset[str]], tolerance: Tolerance, days: Days
) -> None:
    """Lines that cancel are matched to each other, both wholly, before anything else may take them."""
    waiting: dict[_Key, dict[str, Entry]] = defaultdict(dict)
    untouched = [e for e in purse.open_bank_lines(credits_only=False) if purse.left[e.name] == e.line.gross]
    amounts = {_key(e, "", e.line.gross) for e in untouched}
    whole = [e for e in untouched if _key(e, "", -e.line.gross) in amounts]
    day_of = {e.name: days.of(e.line.at, e.line.zone) for e in whole}
    for entry in sorted(whole, key=lambda e: (day_of[e.name], -e.line.gross, e.name)):
        words = dict(_words(entry, index))
        found = {
            one.name: one
            for word, in_text in words.items() for one in waiting[_key(entry, word, -entry.line.gross)].values()
            if day_of[entry.name] <= bank_days_after(day_of[one.name], tolerance.returned_within)
            and (not in_text or set(one.line.counterpart) & set(entry.line.counterpart))
            and f"line:{one.name}" not in barred.get(entry.name, ()) and f"line:{entry.name}" not in barred.get(one.name, ())
        }  # fmt: skip
        earlier = [one for one in found.values() if day_of[one.name] < day_of[entry.name]]
        first = earlier or list(found.values())
        if len(first) != 1:
            for word in words:
                waiting[_key(entry, word, entry.line.gross)][entry.name] = entry
            continue
        word = next(w for w in sorted(words) if first[0].name in waiting[_key(entry, w, -entry.line.gross)])
        for one, other in ((first[0], entry), (entry, first[0])):
            purse.pay(one, f"line:{other.name}", one.line.gross, SENT_BACK, Trust.CERTAIN,
                      evidence=(word,), made_at=entry.line.at)  # fmt: skip
        for held in waiting.values():
            held.pop(first[0].name, None)


def _key(entry: Entry, word: str, amount: Decimal) -> _Key:
    return entry.line.source, entry.line.account, entry.line.currency, amount, word


def _words(entry: Entry, index: Index) -> Iterator[tuple[str, bool]]:
    """What a line and the one that sends its money back have in common, and whether it stood in the text alone."""
    for word in tokens_of(entry.line.text):
        if is_telling(word) and sum(c.isdigit() for c in word) >= LEAST_DIGITS and not _DAY.fullmatch(word):
            yield from _unless_of_order(word, index, in_text=True)
    for reference in entry.line.references:
        kind, _, value = reference.partition(":")
        if kind in ("bank_reference", "creditor"):
            yield from _unless_of_order(plain(value), index, in_text=False)


def _unless_of_order(word: str, index: Index, *, in_text: bool) -> Iterator[tuple[str, bool]]:
    if word and not index.numbered(word) and not index.orders(f"creditor:{word}"):
        yield word, in_text
