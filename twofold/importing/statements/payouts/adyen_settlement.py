"""Adyen's settlement details report.

Owns its columns and types. Gross stands in the payment's currency, net in the account's; the fee is what lies between
them, never the sum of the columns of fees, which may be blank. The row MerchantPayout is what the bank gets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from twofold.importing.statements.contract import Item
from twofold.importing.statements.reading.batches import Batches, amounts_of
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told
from twofold.ledger.money import to_minor
from twofold.ledger.references import gather, reference

SOURCE = "adyen"

TYPES = {
    "settled": MoneyKind.CHARGE,
    "settledininstallments": MoneyKind.CHARGE,
    "refunded": MoneyKind.REFUND,
    "refundedreversed": MoneyKind.REFUND,
    "chargeback": MoneyKind.DISPUTE,
    "secondchargeback": MoneyKind.DISPUTE,
    "chargebackreversed": MoneyKind.DISPUTE_REVERSAL,
    "fee": MoneyKind.FEE,
    "invoicededuction": MoneyKind.FEE,
    "paymentcost": MoneyKind.FEE,
    "merchantpayout": MoneyKind.PAYOUT,
    "balancetransfer": MoneyKind.ADJUSTMENT,
}
_RESERVE = "depositcorrection"
_OF_PAYMENT = frozenset({MoneyKind.REFUND, MoneyKind.DISPUTE, MoneyKind.DISPUTE_REVERSAL, MoneyKind.FEE})

_COLUMNS = {
    "company": ("Company Account",),
    "account": ("Merchant Account",),
    "psp": ("Psp Reference",),
    "order": ("Merchant Reference",),
    "method": ("Payment Method",),
    "at": ("Creation Date", "Booking Date"),
    "zone": ("TimeZone", "Booking Date TimeZone"),
    "type": ("Type",),
    "change": ("Modification Reference",),
    "gross_currency": ("Gross Currency",),
    "gross_debit": ("Gross Debit (GC)",),
    "gross_credit": ("Gross Credit (GC)",),
    "rate": ("Exchange Rate",),
    "currency": ("Net Currency",),
    "net_debit": ("Net Debit (NC)",),
    "net_credit": ("Net Credit (NC)",),
    "batch": ("Batch Number",),
    "merchant_order": ("Merchant Order Reference",),
    "change_order": ("Modification Merchant Reference",),
}


def _read(file: TableFile) -> Iterator[Item]:
    batches, seen = Batches(), Counter[tuple[str, str, str]]()
    yield from file.read_each(lambda cells: _row(cells, batches, seen))
    yield from batches.settle()


def _row(cells: Cells, batches: Batches, seen: Counter[tuple[str, str, str]]) -> Iterator[Item]:
    currency = cells.currency()
    net = _difference(cells, "net")
    if net is None:
        raise cells.misread("net_credit", "an amount in the net debit or credit", "nothing", "bad_amount")
    gross, original, shown, rate = _gross(cells, currency, net)
    money = amounts_of(cells.row, cells.file.header("net_credit"), gross=gross, net=net)
    kind = _kind(cells, net)
    account = cells.id("account") or cells.file.options.account
    psp, change, batch = cells.id("psp"), cells.id("change"), cells.id("batch")
    at, zone = cells.moment_in_zone("at")
    line = MoneyLine(
        source=SOURCE,
        account=account,
        id=_id(account, kind, change or psp, seen),
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=at,
        zone=zone,
        batch=batch,
        references=gather(
            reference("order", cells.text("order")),
            reference("order", cells.text("merchant_order")),
            reference("payment" if kind in _OF_PAYMENT else "transaction", psp),
            reference("capture", change) if kind is MoneyKind.CHARGE else None,
            reference("refund", change) if kind is MoneyKind.REFUND else None,
        ),
        original=original,
        original_currency=shown,
        rate=rate,
    )
    # Rows without a payment of theirs say in the place of the reference what they are.
    yield Told(row=cells.row, thing=line, text="" if psp else cells.text("change_order"))
    if batch:
        paid_out = kind is MoneyKind.PAYOUT
        told = Batch(source=SOURCE, account=account, id=batch, kind="payout", currency=currency,
                     net=-net if paid_out else None, at=at, zone=zone, expected_at=at if paid_out else None)  # fmt: skip
        batches.add(cells.row, line, told)


def _difference(cells: Cells, which: str) -> Decimal | None:
    """Credit less debit; None where both are blank."""
    credit, debit = cells.money(f"{which}_credit"), cells.money(f"{which}_debit")
    if credit is None and debit is None:
        return None
    return (credit or Decimal(0)) - (debit or Decimal(0))


def _gross(cells: Cells, currency: str, net: Decimal) -> tuple[Decimal, Decimal | None, str, Decimal | None]:
    """(gross in the net's currency, as it was before, its currency, rate). A row without a gross has a fee alone, but
    for payouts, reserves and transfers, which cost nothing."""
    gross = _difference(cells, "gross")
    if gross is None:
        return (Decimal(0) if _kind(cells, net) is MoneyKind.FEE else net), None, "", None
    shown = cells.currency(field="gross_currency") if cells.text("gross_currency") else currency
    if shown == currency:
        return gross, None, "", None
    rate = cells.money("rate")
    if not rate:
        raise cells.misread("rate", f"the rate from {shown} to {currency}", "nothing", "bad_amount")
    return to_minor(gross * rate, currency), gross, shown, rate


def _kind(cells: Cells, net: Decimal) -> MoneyKind:
    word = cells.text("type").casefold().replace(" ", "")
    if word == _RESERVE:
        return MoneyKind.RESERVE_HOLD if net < 0 else MoneyKind.RESERVE_RELEASE
    if word not in TYPES:
        cells.file.note(f"{cells.shown('type')} is no known type; its rows are adjustments")
    return TYPES.get(word, MoneyKind.ADJUSTMENT)


def _id(account: str, kind: MoneyKind, number: str, seen: Counter[tuple[str, str, str]]) -> str:
    """The modification's id, else the payment's. One that comes again (instalments) is told apart by its place."""
    if not number:
        return ""
    seen[account, kind, number] += 1
    place = seen[account, kind, number]
    return number if place == 1 else f"{number}/{place}"


SETTLEMENT = TableFormat(
    name="adyen-settlement",
    kind="payouts",
    title="Adyen's settlement details report",
    columns=_COLUMNS,
    needs=("account", "type", "currency", "net_debit", "net_credit", "at"),
    read=_read,
    money=frozenset({"gross_debit", "gross_credit", "rate", "net_debit", "net_credit"}),
    times=frozenset({"at"}),
)
