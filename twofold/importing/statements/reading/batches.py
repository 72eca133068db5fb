"""Money lines that add up, and the batches that they make: what every file of payouts and remittances is held to.

Owns two checks: a line's net is its gross less its fee, or the row is refused; the nets of a batch's lines, without the
payout's own, are what the batch declares, or it is told as unbalanced. Knows no provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.importing.readers.layout import Misread
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.contract import Item, Unbalanced
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told

OUTSIDE = frozenset({MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED})
"""Kinds that move a batch as a whole and are no part of it."""


class Amounts(Struct, frozen=True):
    """What a row says of its money; two of the three give the third, three must add up."""

    gross: Decimal
    fee: Decimal
    net: Decimal


def amounts_of(
    row: int, column: str, *, gross: Decimal | None = None, fee: Decimal | None = None, net: Decimal | None = None
) -> Amounts:
    """Raises `Misread` for a row that breaks ``net = gross - fee``, or that has fewer than two of them but for one
    without any fee."""
    if gross is None and net is None:
        raise _misread(row, column, "an amount", "nothing", "bad_amount")
    if gross is None and net is not None:
        gross = net + (fee or Decimal(0))
    elif net is None and gross is not None:
        net = gross - (fee or Decimal(0))
    assert gross is not None
    assert net is not None
    if fee is None:
        fee = gross - net
    if gross - fee != net:
        raise _misread(row, column, f"the gross less the fee, {gross - fee:f}", f"{net:f}", "unbalanced_row")
    return Amounts(gross, fee, net)


class _Sum(Struct):
    told: Batch
    row: int
    entries: Decimal = Decimal(0)
    lines: int = 0


class Batches:
    """The batches of one file, in the order in which they came. Holds one sum each.

    A batch of which a file declares nothing is told by its lines alone: a word without a net would stand in the way of
    one with a net that another file tells of the same batch.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], _Sum] = {}

    def add(self, row: int, line: MoneyLine, batch: Batch) -> None:
        """A line of a batch. What several rows say of the batch is put together: later words fill what was not said."""
        found = self._find(row, batch)
        if line.kind not in OUTSIDE and line.currency == batch.currency:
            found.entries += line.net
            found.lines += 1

    def declare(self, row: int, batch: Batch) -> None:
        """What the source says of the batch as a whole."""
        self._find(row, batch)

    def settle(self, *, lists_all: bool = True, undeclared: bool = False) -> Iterator[Item]:
        """Each batch that declares its net, and where its lines differ from what it declares. ``lists_all``: the file has every line of the
        batches that it names, so that a difference means something. ``undeclared``: nobody else tells of these batches, so
        that those without a net are told too."""
        for found in self._sums.values():
            net = found.told.net
            if net is not None or undeclared:
                yield Told(row=found.row, thing=found.told)
            if net is not None and lists_all and found.lines and found.entries != net:
                yield Unbalanced(
                    what="batch", id=found.told.id, currency=found.told.currency, entries=found.entries,
                    closing=net, difference=net - found.entries,
                )  # fmt: skip

    def _find(self, row: int, batch: Batch) -> _Sum:
        key = batch.account, batch.id, batch.currency
        known = self._sums.get(key)
        if known is None:
            known = self._sums[key] = _Sum(batch, row)
            return known
        if batch.net is not None:
            known.row = row
        known.told = _together(known.told, batch)
        return known


def _together(known: Batch, more: Batch) -> Batch:
    """Of two words on one batch what was said; where both say something the one that declares the net."""
    first, second = (more, known) if more.net is not None and known.net is None else (known, more)
    return replace(
        first,
        expected_at=first.expected_at if first.expected_at is not None else second.expected_at,
        bank_reference=first.bank_reference or second.bank_reference,
        status=first.status or second.status,
        lines=first.lines if first.lines is not None else second.lines,
    )


def _misread(row: int, column: str, expected: str, got: str, reason: str) -> Misread:
    return Misread(RowProblem(row=row, column=column, expected=expected, got=got, reason=reason))
