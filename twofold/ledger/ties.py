"""What brings lines and orders together: in one form for both sides, so that either is found from the other by an index.

Owns those forms, pure: keys as they are compared, words of a bank's text, amounts by week. What a tie is worth, and whether it
is the only one, is worked out by `reconcile`; a tie that leads to too much is harmless, one that is missing is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from twofold.ledger import references
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, ParcelLine
from twofold.ledger.model import OrderReport

STEP_KINDS = frozenset({"provider", "checkout", "order", "creditor", "parcel"})
"""Kinds of keys by which a line names an order."""
BANK = frozenset({MoneyKind.BANK_CREDIT, MoneyKind.BANK_DEBIT})
FAILED = frozenset({"failed", "canceled", "cancelled", "returned"})
"""States in which a batch never came to the bank, as sources call them."""
WEEK_S = 7 * 86_400

_TOKEN = re.compile(r"[\w#№:/.-]*\d[\w/.-]*")
_LED_BY = re.compile(r"^.*[#№:]|^[^\W\d]+\.")


def plain(value: str) -> str:
    """A key as it is compared: without blanks and the sign for numbers in front, in one case."""
    return "".join(value.split()).lstrip("#").casefold()


@lru_cache(maxsize=1 << 15)  # a line's references are looked at by each step of the ladder
def key_of(reference: str) -> str:
    """A reference as it is compared: "provider:pi_1", "order:1001", "parcel:1z999"."""
    kind, _, value = references.key_of(reference).partition(":")
    return f"{kind}:{plain(value)}"


def step_keys_of(line: MoneyLine) -> set[str]:
    """The keys of a line by which an order is found."""
    found = {key_of(reference) for reference in line.references}
    return {key for key in found if key.partition(":")[0] in STEP_KINDS}


def provider_ids(line: MoneyLine) -> Iterator[str]:
    """What a line of a provider may be called by another: its id, charge, capture, intent. Not a bank's."""
    if line.kind in BANK:
        return
    if line.id:
        yield f"provider:{plain(line.id)}"
    for reference in line.references:
        if references.is_of_provider(reference):
            yield key_of(reference)


@lru_cache(maxsize=1 << 15)  # as references are
def tokens_of(text: str) -> tuple[str, ...]:
    """Words of a text that could be a number or reference, in the text's order; a number broken by a blank joined too.

    "No.1001" and "order#1001" are the number 1001; "2026-03-10" is one word, so that a year is no number.
    """
    words = [plain(_LED_BY.sub("", w).strip("._-/")) for w in _TOKEN.findall(text)]
    words = [w for w in words if w]
    return *words, *(a + b for a, b in pairwise(words))


@lru_cache(maxsize=1 << 15)
def is_telling(token: str) -> bool:
    """A whole token that cannot well be something else: letters of the shop's prefix, or at least 4 digits."""
    digits = sum(c.isdigit() for c in token)
    return digits >= 4 or (digits > 0 and any(c.isalpha() for c in token))


def words_of(line: MoneyLine) -> set[str]:
    """Words of a bank's line by which it may name an order or a batch."""
    fields = {plain(r.partition(":")[2]) for r in line.references}
    return (fields | set(filter(is_telling, tokens_of(line.text)))) - {""}


def amount_key(currency: str, amount: Decimal, at: int) -> str:
    """Bank lines of one amount of one week are found by it."""
    return f"{_amount_head(currency, amount)}{at // WEEK_S}"


def amount_keys(currency: str, amount: Decimal, first: int, last: int) -> set[str]:
    """The same of all weeks between two times."""
    head = _amount_head(currency, amount)
    return {f"{head}{week}" for week in range(first // WEEK_S, last // WEEK_S + 1)}


def _amount_head(currency: str, amount: Decimal) -> str:
    return f"amount:{currency}:{amount.normalize():f}:"


def credit_key(currency: str, at: int) -> str:
    """All credits of one week on banks."""
    return f"credit:{currency}:{at // WEEK_S}"


def ties_of_money(line: MoneyLine) -> Iterator[str]:
    """Under what a movement of money is found, beside its references as they stand."""
    yield from step_keys_of(line)
    if line.kind in BANK:
        yield from (f"word:{word}" for word in words_of(line))
        yield amount_key(line.currency, line.gross, line.at)
        if line.kind is MoneyKind.BANK_CREDIT:
            yield credit_key(line.currency, line.at)
        return
    yield from provider_ids(line)
    if line.kind in (MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED) and line.batch:
        yield f"leaves:{line.source}/{line.batch}"
        for reference in line.references:
            if reference.startswith("bank_reference:"):
                yield f"named:{plain(reference.partition(':')[2])}"
    if line.kind is MoneyKind.PAYOUT_FAILED:
        yield f"failed:{line.source}/{line.currency}"


def ties_of_batch(batch: Batch) -> Iterator[str]:
    """The same of a batch: what it may be called on the bank, what it declares, whether it failed."""
    for name in (batch.id, batch.bank_reference):
        if plain(name):
            yield f"named:{plain(name)}"
    yield f"batches:{batch.currency}"
    if batch.status.casefold() in FAILED:
        yield f"failed:{batch.source}/{batch.currency}"


def ties_of_parcel(line: ParcelLine) -> Iterator[str]:
    """The same of what a courier says."""
    yield key_of(f"parcel:{line.parcel}")
    if line.order:
        yield key_of(f"order:{line.order}")


def ties_of_report(report: OrderReport) -> set[str]:
    """Under what a report's order is found: all that a line may name it by, what it replaces, and the end of its id."""
    found = {key_of(reference) for reference in references.of_report(report)}
    if report.snapshot is not None and report.snapshot.replaces:
        found.add(f"replaces:{plain(report.snapshot.replaces)}")
    if "/" in report.order_id:
        found.add(f"tail:{plain(report.order_id.rpartition('/')[2])}")
    return found
