"""PayPal's activity download and monthly statement as CSV.

Owns which rows move money: those with an impact on the balance, once completed. Times are local, in the zone of the row.
Rows of a currency conversion belong to the payment that they name, else to the row before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from twofold.errors import FileRefused
from twofold.importing.readers.layout import fold_word
from twofold.importing.statements.contract import Dropped, Item
from twofold.importing.statements.payouts.paypal_kinds import (
    COLUMNS,
    COMPLETED,
    IMPACTS,
    MEMOS,
    PENDING,
    kind_of,
    word_of,
)
from twofold.importing.statements.reading.batches import amounts_of
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.ledger.lines import Counterpart, MoneyKind, MoneyLine, Told
from twofold.ledger.references import gather, reference

SOURCE = "paypal"
_WITHOUT_IMPACT = frozenset({"Estado"})
"""Headers of states in languages in which no sample shows how the balance's impact is called."""
_TRANSACTION = re.compile(r"[0-9A-Z]{12,20}")
_OF_PAYMENT = frozenset({MoneyKind.REFUND, MoneyKind.DISPUTE, MoneyKind.DISPUTE_REVERSAL, MoneyKind.FEE,
                         MoneyKind.RESERVE_HOLD, MoneyKind.RESERVE_RELEASE})  # fmt: skip


def _read(file: TableFile) -> Iterator[Item]:
    file.note("PayPal lists no batches: its withdrawals are lines of their own")
    if file.header("status") in _WITHOUT_IMPACT and not file.has("impact"):
        raise FileRefused(
            f"{file.path.name}: expected PayPal's statement, or an activity download in English, German, Dutch or French; got "
            "one whose column of the balance's impact is not known, so that memos could not be told from money. Fetch the "
            "statement, or name the columns in an [[import]]"
        )
    if not file.has("status"):
        file.note("a statement has no states: each of its rows moved money")
    elif not file.has("impact"):
        file.note("the file has no column of the balance's impact: completed rows are taken as movements of money")
    before = ""

    def each(cells: Cells) -> Iterator[Item]:
        nonlocal before
        for item in _row(cells, before):
            if isinstance(item, Told) and isinstance(item.thing, MoneyLine) and not _is_conversion(cells):
                before = item.thing.id
            yield item

    yield from file.read_each(each)


def _row(cells: Cells, before: str) -> Iterator[Item]:
    impact, status = fold_word(cells.text("impact")), fold_word(cells.text("status"))
    if impact in MEMOS:
        yield Dropped(row=cells.row, reason="memo")
        return
    if cells.file.has("impact") and impact not in IMPACTS:
        raise cells.misread("impact", "Credit, Debit or Memo", cells.shown("impact"), "unknown_word")
    if status in PENDING:
        standing = "pending"
    elif status in COMPLETED or not cells.file.has("status"):
        standing = "booked"
    else:
        yield Dropped(row=cells.row, reason="not_completed")
        return
    yield _line(cells, standing, before)


def _line(cells: Cells, standing: str, before: str) -> Told:
    currency = cells.currency()
    fee = cells.money("fee")
    money = amounts_of(cells.row, cells.file.header("net"), gross=cells.money("gross"),
                       fee=-fee if fee is not None else None, net=cells.money("net"))  # fmt: skip
    word = word_of(cells.text("code"), cells.text("type"))
    if not word:
        cells.file.note(
            f"{cells.shown('type')} is no known type; its rows are charges and refunds of no order: adjustments"
        )
    kind = kind_of(word, money.net)
    number = cells.id("id")
    at, zone = cells.moment_in_zone("date", beside="time")
    named = cells.id("payment") or (before if word == "conversion" else "")
    of_payment = kind in _OF_PAYMENT or word == "conversion"
    line = MoneyLine(
        source=SOURCE,
        account=cells.file.options.account,
        id=number,
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=at,
        zone=zone,
        status=standing,
        references=gather(
            reference("transaction", number) if kind is MoneyKind.CHARGE else None,
            reference("refund", number) if kind is MoneyKind.REFUND else None,
            reference("payment", named) if of_payment and _TRANSACTION.fullmatch(named) else None,
            reference("order", cells.text("order")),
            reference("order", order_in(cells.text("custom"))),
        ),
    )
    email = cells.text("from" if money.net >= 0 else "to")
    name = cells.text("name")
    text = " ".join(filter(None, (cells.text("subject"), cells.text("note"))))
    return Told(row=cells.row, thing=line, text=text,
                counterpart=Counterpart(name=name, email=email) if name or email else None)  # fmt: skip


def order_in(custom: str) -> str:
    """The order that a shop put into the custom field: the field itself, or the order_id of JSON inside."""
    if not custom.startswith("{"):
        return custom
    try:
        found = msgspec.json.decode(custom)
    except (msgspec.DecodeError, RecursionError):
        return ""
    value = found.get("order_id") if isinstance(found, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _is_conversion(cells: Cells) -> bool:
    return word_of(cells.text("code"), cells.text("type")) == "conversion"


ACTIVITY = TableFormat(
    name="paypal-activity",
    kind="payouts",
    title="PayPal's activity download or monthly statement",
    columns=COLUMNS,
    needs=("date", "type", "zone|status", "currency", "gross", "net", "id"),
    read=_read,
    money=frozenset({"gross", "fee", "net"}),
    times=frozenset({"date"}),
)
