"""Shopify Payments' two exports: transactions, one row a movement, and payouts, one row a payout.

Owns their columns in every age of them, and Shopify's words for kinds. A transaction comes again when its payout is known,
so a row is known by its checkout, order, type, time and amount, never by its payout.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from twofold.importing.readers.layout import fold_word
from twofold.importing.statements.contract import Item, Unbalanced
from twofold.importing.statements.reading.batches import Amounts, Batches, amounts_of
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.ledger.filing import DAY_BATCH
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told
from twofold.ledger.references import gather, reference

SOURCE = "shopify_payments"

TYPES = {
    "charge": MoneyKind.CHARGE,
    "refund": MoneyKind.REFUND,
    "payout": MoneyKind.PAYOUT,
    "transfer": MoneyKind.PAYOUT,
    "payout failure": MoneyKind.PAYOUT_FAILED,
    "payout cancellation": MoneyKind.PAYOUT_FAILED,
    "adjustment": MoneyKind.ADJUSTMENT,
}
_DISPUTES = frozenset({"dispute", "chargeback", "dispute withdrawal", "chargeback withdrawal"})
_REVERSALS = frozenset({"dispute reversal", "chargeback reversal", "chargeback won", "dispute won"})
_RESERVES = frozenset({"reserve", "reserved funds", "reserve transaction", "risk reversal", "risk withdrawal"})


def kind_of(word: str, amount: Decimal) -> MoneyKind | None:
    """The kind of Shopify's type; None for a word that is not known, which is an adjustment."""
    word = fold_word(word)
    if word in _DISPUTES:
        return MoneyKind.DISPUTE if amount < 0 else MoneyKind.DISPUTE_REVERSAL
    if word in _REVERSALS:
        return MoneyKind.DISPUTE_REVERSAL
    if word in _RESERVES:
        return MoneyKind.RESERVE_HOLD if amount < 0 else MoneyKind.RESERVE_RELEASE
    return TYPES.get(word)


def batch_of_day(at: int, file: TableFile, currency: str) -> str:
    """A payout's name where the source tells only its day."""
    return f"{DAY_BATCH}{datetime.fromtimestamp(at, file.options.zone):%Y-%m-%d}:{currency}"


# -- transactions

_COLUMNS = {
    "at": ("Transaction Date",),
    "type": ("Type",),
    "order": ("Order",),
    "status": ("Payout Status",),
    "payout_day": ("Payout Date",),
    "payout": ("Payout ID",),
    "available": ("Available On",),
    "gross": ("Amount",),
    "fee": ("Fee",),
    "net": ("Net",),
    "vat": ("VAT",),
    "checkout": ("Checkout",),
    "shown": ("Presentment Amount",),
    "shown_currency": ("Presentment Currency",),
    "currency": ("Currency",),
    "entity": ("Business Entity Name", "Business Entity ID"),
}


def _read_transactions(file: TableFile) -> Iterator[Item]:
    batches = Batches()
    file.note("shipping labels and other deductions that Shopify makes from a payout stand in no row of this file")
    if not file.has("payout"):
        file.note("the file is of an age without payout ids: its payouts are named by their day")
    yield from file.read_each(lambda cells: _transaction(cells, batches))
    yield from batches.settle()


def _transaction(cells: Cells, batches: Batches) -> Iterator[Item]:
    (at, zone), currency = cells.moment_in_zone("at"), cells.currency("gross", "net")
    money = _amounts(cells)
    kind = kind_of(cells.text("type"), money.net)
    if kind is None:
        cells.file.note(f"{cells.shown('type')} is no known type; its rows are adjustments")
        kind = MoneyKind.ADJUSTMENT
    order, checkout = cells.id("order"), cells.id("checkout").lstrip("#")
    paid_at, paid_zone = cells.time_in_zone("payout_day")
    batch = cells.id("payout")
    if not batch and not cells.file.has("payout") and paid_at is not None:
        batch = batch_of_day(paid_at, cells.file, currency)
    amount = f"{money.gross.normalize() + 0:f}"
    shown, shown_currency = _shown(cells, money.gross, currency)
    line = MoneyLine(
        source=SOURCE,
        account=cells.file.options.account,
        id="/".join((checkout, order.lstrip("#"), fold_word(cells.text("type")), str(at), amount)),
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=at,
        zone=zone,
        day_only=cells.is_day("at"),
        available_at=paid_at if paid_at is not None else cells.time("available"),
        batch=batch,
        references=gather(
            reference("number", order),
            reference("checkout", checkout),
            # The export of payouts names the same payout by its day.
            reference("payout", batch_of_day(paid_at, cells.file, currency)) if batch and paid_at is not None else None,
        ),
        original=shown,
        original_currency=shown_currency,
    )
    yield Told(row=cells.row, thing=line)
    if batch:
        told = Batch(source=SOURCE, account=line.account, id=batch, kind="payout", currency=currency,
                     net=-money.net if kind is MoneyKind.PAYOUT else None, at=paid_at if paid_at is not None else at,
                     zone=paid_zone if paid_at is not None else zone, expected_at=paid_at, status=fold_word(cells.text("status")))  # fmt: skip
        batches.add(cells.row, line, told)


def _amounts(cells: Cells) -> Amounts:
    """A column of VAT is contained in the fee, or stands beside it: the row's own sum says which."""
    gross, fee, net, vat = (cells.money(field) for field in ("gross", "fee", "net", "vat"))
    if vat and None not in (gross, fee, net) and gross - fee - vat == net:  # type: ignore[operator]
        cells.file.note("the fee is without its VAT, which stands beside it and was added")
        fee += vat  # type: ignore[operator]
    return amounts_of(cells.row, cells.file.header("net"), gross=gross, fee=fee, net=net)


def _shown(cells: Cells, gross: Decimal, currency: str) -> tuple[Decimal | None, str]:
    """What the buyer saw, where it is another currency. Refunds are written with and without a minus there."""
    amount = cells.money("shown")
    shown = cells.currency(field="shown_currency") if cells.text("shown_currency") else ""
    if amount is None or not shown or shown == currency:
        return None, ""
    return abs(amount).copy_sign(gross), shown


TRANSACTIONS = TableFormat(
    name="shopify-transactions",
    kind="payouts",
    title="Shopify Payments' export of transactions",
    columns=_COLUMNS,
    needs=("at", "type", "order", "gross", "fee", "net"),
    read=_read_transactions,
    money=frozenset({"gross", "fee", "net", "vat", "shown"}),
    times=frozenset({"at", "payout_day", "available"}),
    summed=frozenset({"gross", "fee", "net"}),
)


# -- payouts

_PARTS = {
    "charges": ("Charges",),
    "refunds": ("Refunds",),
    "adjustments": ("Adjustments",),
    "sales_tax": ("Marketplace Sales Tax",),
    "advances": ("Advances",),
    "reserved": ("Reserved Funds",),
    "fees": ("Fees",),
    "retried": ("Retried Amount",),
}


def _read_payouts(file: TableFile) -> Iterator[Item]:
    file.note("the export of payouts has no payout ids: each is named by its day and currency, and is the payout of that "
              "day of the export of transactions")  # fmt: skip
    yield from file.read_each(_payout)


def _payout(cells: Cells) -> Iterator[Item]:
    (at, zone), currency, net = cells.moment_in_zone("at"), cells.currency("net"), cells.amount("net")
    number = cells.id("id") or batch_of_day(at, cells.file, currency)
    batch = Batch(source=SOURCE, account=cells.file.options.account, id=number, kind="payout", net=net,
                  currency=currency, at=at, zone=zone, expected_at=at, bank_reference=cells.id("bank_reference"),
                  status=fold_word(cells.text("status")))  # fmt: skip
    yield Told(row=cells.row, thing=batch)
    parts = sum((cells.money(field) or Decimal(0) for field in _PARTS), Decimal(0))
    if any(cells.file.has(field) for field in _PARTS) and parts != net:
        yield Unbalanced(what="total", id=number, currency=currency, entries=parts, closing=net, difference=net - parts)


PAYOUTS = TableFormat(
    name="shopify-payouts",
    kind="payouts",
    title="Shopify Payments' export of payouts",
    columns={
        "at": ("Payout Date",),
        "status": ("Status",),
        **_PARTS,
        "net": ("Total",),
        "currency": ("Currency",),
        "bank_reference": ("Bank Reference",),
        "id": ("Payout ID",),
    },
    needs=("at", "status", "net", "charges", "refunds"),
    read=_read_payouts,
    money=frozenset({"net", *_PARTS}),
    times=frozenset({"at"}),
)
