"""What holds for every line, whichever reader found it: exact sums, known currencies, texts that can be kept.

Owns the checks that no reader needs to repeat: a movement's net is its gross less its fee; a statement closes; the lines of
a batch that the file declares add up to it. A line that breaks the first is refused with its row; what does not close is
named with its difference, and kept all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import get_args, get_type_hints

import msgspec
from msgspec import Struct

from twofold.event.contact import mask_id, mask_text
from twofold.event.scalars import read_currency
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.contract import Unbalanced
from twofold.importing.statements.sealing import is_card
from twofold.ledger.lines import Batch, Cost, MoneyKind, MoneyLine, ParcelLine, Statement, Thing, Told
from twofold.matching.subject import Keyring

MAX_TEXT = 512  # characters of an id or a name
MAX_REFERENCES = 32
_LARGEST = Decimal(10) ** 15
_EARLIEST, _LATEST = 788_918_400, 4_133_980_800  # 1995 to 2101
_IDS = frozenset(
    {"id", "account", "batch", "parcel", "order", "transaction", "event", "sku", "campaign_id", "adset_id", "ad_id"}
)
_NO_CONTACT = frozenset(
    {"text", "mark", "currency", "day", "zone", "since", "until"}
)  # what is sealed elsewhere, or checked
_OUTGOING = (MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED)


def fault_of(told: Told) -> RowProblem | None:
    """Why a line cannot be kept; None when it can."""
    thing = told.thing
    currency = getattr(thing, "currency", "")
    if currency and read_currency(currency) != currency:
        return _problem(told, "currency", "three letters (ISO 4217)", "another word", "bad_currency")
    if not currency and not isinstance(thing, (Cost, ParcelLine)) and hasattr(thing, "currency"):
        return _problem(told, "currency", "a currency", "nothing", "no_currency")
    moment = getattr(thing, "at", None)
    if moment is not None and not _EARLIEST <= moment < _LATEST:
        return _problem(told, "at", "a time between 1995 and 2100", "another", "bad_date")
    amounts, texts = _fields_of(type(thing))
    for name in amounts:
        value = getattr(thing, name)
        if value is not None and not _is_amount(value):
            return _problem(told, name, "an exact amount of at most 15 digits", "another", "bad_amount")
    for name in texts:
        length = len(getattr(thing, name))
        if length > MAX_TEXT and name not in ("text", "answer"):
            return _problem(told, name, f"at most {MAX_TEXT} characters", f"{length}", "too_long")
    return _money_fault(told, thing) if isinstance(thing, MoneyLine) else None


@lru_cache(maxsize=32)
def _fields_of(form: type[Thing]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(fields that hold an amount, fields that hold a text) of one kind of line: every line is asked for them."""
    hints = get_type_hints(form)
    amounts = tuple(name for name in form.__struct_fields__ if Decimal in (hints[name], *get_args(hints[name])))
    texts = tuple(
        name for name in form.__struct_fields__ if isinstance(hints[name], type) and issubclass(hints[name], str)
    )
    return amounts, texts


def without_contact(thing: Thing, ring: Keyring) -> Thing:
    """A line whose ids, names and references hold no address and no number of somebody's. An id that is one becomes a keyed
    digest: two of them stay two, and the same one in the next file stays the same."""
    changed: dict[str, object] = {}
    for name in _fields_of(type(thing))[1]:
        value = getattr(thing, name)
        if name == "account":
            changed |= {} if (shown := shown_account(value, ring)) == value else {name: shown}
        elif value and name not in _NO_CONTACT and mask_id(value) != value:
            changed[name] = _sealed(name, value, ring) if name in _IDS else mask_text(value)
    if isinstance(thing, MoneyLine):
        references = tuple(r for r in thing.references if mask_id(r) == r)
        if references != thing.references:
            changed["references"] = references
    return msgspec.structs.replace(thing, **changed) if changed else thing


def shown_account(account: str, ring: Keyring) -> str:
    """An account of the merchant's as it is kept, in a line and in a word about one."""
    if account and mask_id(account) != account:
        return _sealed("account", account, ring)
    if is_card(account):
        # A card's own statement: enough of the number to know the card by, and a digest that tells two apart.
        return f"{account[:6]}…{account[-4:]}-{ring.digest('card', account).hex()[:8]}"
    return account


def _sealed(name: str, value: str, ring: Keyring) -> str:
    return f"sealed-{ring.digest(f'line {name}', value).hex()}"


class Balance:
    """Adds up what closes: statements by themselves, batches with the lines that the same file holds of them."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str, str, str], Unbalanced] = {}
        self._sums: dict[tuple[str, str, str], _Sum] = {}

    def say(self, found: Unbalanced) -> None:
        """What a reader found by itself. The first word about one thing counts."""
        if found.difference:
            self._named.setdefault((found.what, found.id, found.account, found.currency), found)

    def add(self, thing: Thing) -> None:
        match thing:
            case Statement():
                self._statement(thing)
            case Batch() if thing.net is not None:
                self._of(thing.source, thing.id, thing.currency).declared = thing.net
            case MoneyLine() if thing.batch and thing.status == "booked":
                one = self._of(thing.source, thing.batch, thing.currency)
                if thing.kind in _OUTGOING:
                    one.paid_out -= thing.net
                    one.is_paid_out = True
                else:
                    one.entries += thing.net
                    one.lines += 1

    def unbalanced(self) -> Iterator[Unbalanced]:
        """Everything that does not close, in an order of its own."""
        for (_, batch, currency), one in sorted(self._sums.items()):
            closing = one.declared if one.declared is not None else one.paid_out if one.is_paid_out else None
            if closing is not None and one.lines and closing != one.entries:
                self.say(
                    Unbalanced(
                        what="batch",
                        id=batch,
                        currency=currency,
                        entries=one.entries,
                        closing=closing,
                        difference=closing - one.entries,
                    )
                )
        yield from (self._named[key] for key in sorted(self._named))

    def sources_of(self, found: Unbalanced) -> frozenset[str]:
        """Who calls a batch of the file so."""
        return frozenset(
            source for source, batch, currency in self._sums if (batch, currency) == (found.id, found.currency)
        )

    def _of(self, source: str, batch: str, currency: str) -> _Sum:
        return self._sums.setdefault((source, batch, currency), _Sum())

    def _statement(self, one: Statement) -> None:
        if one.opening is None or one.closing is None:
            return
        difference = one.closing - one.opening - one.entries
        self.say(
            Unbalanced(
                what="statement",
                id=one.id,
                account=one.account,
                currency=one.currency,
                opening=one.opening,
                entries=one.entries,
                closing=one.closing,
                difference=difference,
            )
        )


class _Sum(Struct):
    declared: Decimal | None = None
    entries: Decimal = Decimal(0)
    paid_out: Decimal = Decimal(0)
    is_paid_out: bool = False
    lines: int = 0


def _money_fault(told: Told, line: MoneyLine) -> RowProblem | None:
    if line.net != line.gross - line.fee:
        off = line.net - (line.gross - line.fee)
        return _problem(told, "net", "gross less fee", f"{off:+f} beside it", "net_differs")
    if line.status not in ("booked", "pending", "hold", "info"):
        return _problem(told, "status", "booked, pending, hold or info", "another word", "bad_status")
    if len(line.references) > MAX_REFERENCES:
        return _problem(told, "references", f"at most {MAX_REFERENCES}", f"{len(line.references)}", "too_many")
    return None


def _is_amount(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return value.is_finite() and abs(value) < _LARGEST and isinstance(exponent, int) and exponent >= -12


def _problem(told: Told, column: str, expected: str, got: str, reason: str) -> RowProblem:
    return RowProblem(row=told.row, column=column, expected=expected, got=got, reason=reason)
