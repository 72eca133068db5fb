"""Our own table of payouts, for every provider that no other format knows: docs/money.md prints its columns.

Owns the columns. Words of kinds that are others' are mapped by an [[import]].
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from twofold.importing.statements.contract import Item
from twofold.importing.statements.reading.batches import Batches, amounts_of
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told
from twofold.ledger.references import gather, of_provider, reference

DEFAULT_SOURCE = "provider"

COLUMNS = {
    "batch": ("batch", "payout", "batch_id", "payout_id"),
    "batch_date": ("batch_date", "payout_date"),
    "kind": ("kind", "type"),
    "order": ("order", "order_id", "order_number"),
    "reference": ("reference", "payment_reference", "transaction_reference"),
    "gross": ("gross",),
    "fee": ("fee",),
    "net": ("net",),
    "currency": ("currency",),
    "at": ("at", "date", "created_at"),
    "id": ("id", "line_id"),
    "source": ("source", "provider"),
    "account": ("account",),
    "bank_reference": ("bank_reference",),
}
_KINDS = {kind.value.replace("_", " "): kind for kind in MoneyKind}
KIND_WORDS = tuple(kind.value for kind in MoneyKind)


def _read(file: TableFile) -> Iterator[Item]:
    batches = Batches()
    yield from file.read_each(lambda cells: _row(cells, batches))
    yield from batches.settle()


def _row(cells: Cells, batches: Batches) -> Iterator[Item]:
    options = cells.file.options
    currency = cells.currency("gross", "net")
    money = amounts_of(cells.row, cells.file.header("net"), gross=cells.money("gross"), fee=cells.money("fee"),
                       net=cells.money("net"))  # fmt: skip
    kind = _kind(cells, money.net)
    at, zone = cells.moment_in_zone("at" if cells.time("at") is not None else "batch_date")
    (paid_at, paid_zone), batch = cells.time_in_zone("batch_date"), cells.id("batch")
    named = cells.id("reference")
    of_another = kind in (MoneyKind.REFUND, MoneyKind.DISPUTE, MoneyKind.DISPUTE_REVERSAL)
    line = MoneyLine(
        source=cells.text("source") or options.source or DEFAULT_SOURCE,
        account=cells.id("account") or options.account,
        id=cells.id("id"),
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=at,
        zone=zone,
        day_only=cells.is_day("at"),
        available_at=paid_at,
        batch=batch,
        references=gather(
            reference("order", cells.text("order")),
            of_provider(named, "payment" if of_another else "transaction") if named else None,
        ),
    )
    yield Told(row=cells.row, thing=line)
    if batch:
        paid_out = kind is MoneyKind.PAYOUT
        told = Batch(source=line.source, account=line.account, id=batch, kind="payout", currency=currency,
                     net=-money.net if paid_out else None, at=paid_at if paid_at is not None else at,
                     zone=paid_zone if paid_at is not None else zone, expected_at=paid_at, bank_reference=cells.text("bank_reference"))  # fmt: skip
        batches.add(cells.row, line, told)


def _kind(cells: Cells, net: Decimal) -> MoneyKind:
    """A mapped table without kinds holds what buyers paid and what they got back."""
    if not cells.file.has("kind"):
        cells.file.note("the table has no kinds: what comes in is a charge, what goes out a refund")
        return MoneyKind.CHARGE if net >= 0 else MoneyKind.REFUND
    kind = _KINDS.get(cells.word("kind").replace("_", " "))
    if kind is None:
        raise cells.misread("kind", f"one of {', '.join(MoneyKind)}, or a word that an [[import]] maps to one",
                            cells.shown("kind"), "unknown_word")  # fmt: skip
    return kind


OWN = TableFormat(
    name="own-payouts",
    kind="payouts",
    title="our own table of payouts",
    columns=COLUMNS,
    needs=("kind", "gross|net", "at|batch_date", "currency|batch"),
    must=("gross|net", "at|batch_date"),
    read=_read,
    money=frozenset({"gross", "fee", "net"}),
    times=frozenset({"at", "batch_date"}),
    summed=frozenset({"gross", "fee", "net"}),
)
