"""Klarna's settlements: the report as CSV, with its summary above the rows, and the API's answers.

Owns Klarna's types and their signs (docs.klarna.com, Settlement reports and Settlements API, read November 2026): amounts
are written without a sign, and the type says which way the money went; a file that writes minus signs is taken as it is
written. The API counts in minor units; a CSV report, which is set up for each merchant, is read in major units where its
amounts show a decimal sign and in minor units where none does.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency, read_decimal
from twofold.importing.readers.layout import Misread, fold_header
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import MAX_CELL, Survey
from twofold.importing.statements.contract import Dropped, Item, StatementOptions
from twofold.importing.statements.reading.batches import Batches, amounts_of
from twofold.importing.statements.reading.saved import AnswerFile, AnswerFormat, Node, lists_of
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told
from twofold.ledger.money import digits_of
from twofold.ledger.references import gather, reference

SOURCE = "klarna"

# type -> (kind, sign of an amount that is written without one; 0: as it is written)
TYPES = {
    "SALE": (MoneyKind.CHARGE, 1),
    "RETURN": (MoneyKind.REFUND, -1),
    "REVERSAL": (MoneyKind.DISPUTE, -1),
    "REVERSAL_MERCHANT_PROTECTION": (MoneyKind.DISPUTE_REVERSAL, 1),
    "FEE": (MoneyKind.FEE, -1),
    "FEE_REFUND": (MoneyKind.FEE, 1),
    "COMMISSION": (MoneyKind.ADJUSTMENT, 1),
    "TAX": (MoneyKind.FEE, -1),
    "CORRECTION": (MoneyKind.ADJUSTMENT, 0),
    "CHARGE": (MoneyKind.ADJUSTMENT, -1),
    "CREDIT": (MoneyKind.ADJUSTMENT, 1),
    "HOLDBACK": (MoneyKind.RESERVE_HOLD, -1),
    "RELEASE": (MoneyKind.RESERVE_RELEASE, 1),
}
# Parts of a settlement that stand in its summary alone.
_SUMMARY_ONLY = (("total_repay_amount", -1), ("total_deposit_amount", 1))
_TAX = "total_tax_amount"
_WORD = re.compile(r"[A-Z_]{1,40}")


class _Payout(Struct, kw_only=True):
    """What the summary says of a settlement."""

    row: int
    id: str
    currency: str
    at: int
    account: str = ""
    net: Decimal | None = None
    gross_settlement: bool = False  # fees are invoiced, and are no part of it
    parts: dict[str, Decimal] = {}


class _Scale(Struct, frozen=True):
    """How a file writes amounts."""

    minor: bool
    signed: bool

    def read(self, node: Node, name: str, currency: str) -> Decimal | None:
        amount = node.amount_or_none(name)
        if amount is None or not self.minor:
            return amount
        if amount != amount.to_integral_value():
            raise node.misread(name, "a whole number of minor units", node.values.get(name), "bad_amount")
        return amount.scaleb(-digits_of(currency))


def _transaction(node: Node, scale: _Scale, account: str, payouts: dict[str, _Payout], batches: Batches,
                 notes: list[str]) -> Iterator[Item]:  # fmt: skip
    word = node.text("type").upper()
    if not _WORD.fullmatch(word):
        raise node.misread("type", "a type of Klarna's, such as SALE", word, "unknown_word")
    kind, sign = TYPES.get(word, (MoneyKind.ADJUSTMENT, 0))
    if word not in TYPES:
        notes.append(f"{word} is no known type; its rows are adjustments, with the sign that they have")
    currency = node.currency("currency_code", "posting_currency", "currency", "settlement_currency")
    amount = scale.read(node, "amount", currency)
    if amount is None:
        raise node.misread("amount", "an amount", "", "bad_amount")
    net = amount if sign == 0 or scale.signed else amount * sign
    tax = scale.read(node, "vat_amount", currency) or Decimal(0)
    batch = node.text("payment_reference") or _last(node.text("payout"))
    told = payouts.get(batch)
    if told and told.gross_settlement and kind is MoneyKind.FEE:
        batch = ""  # invoiced apart
    capture, refund, detail = node.text("capture_id"), node.text("refund_id"), node.text("detailed_type")
    if kind is MoneyKind.FEE:
        whole = net + (abs(tax) if net > 0 else -abs(tax))  # of a fee given back its tax comes back, too
        money = amounts_of(node.place, "amount", gross=Decimal(0), fee=-whole, net=whole)
    else:
        money = amounts_of(node.place, "amount", gross=net, fee=Decimal(0), net=net)
    line = MoneyLine(
        source=SOURCE,
        account=(told.account if told else "") or account,
        id=_id(word, capture, refund, detail),
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=node.moment("capture_date", "sale_date"),
        batch=batch,
        references=gather(
            reference("order", node.text("merchant_reference1")),
            reference("order", node.text("merchant_reference2")),
            reference("capture", capture),
            reference("refund", refund),
            reference("transaction" if kind is MoneyKind.CHARGE else "payment", node.text("order_id")),
            reference("bank_reference", batch),
        ),
    )
    yield Told(row=node.place, thing=line)
    if batch:
        batches.add(node.place, line, _batch(told, line, batch))


def _id(word: str, capture: str, refund: str, detail: str) -> str:
    """Fees of one capture are told apart by what they are for. Others have no id: a fingerprint stands for them."""
    if word == "SALE":
        return capture
    if word in ("FEE", "FEE_REFUND", "TAX"):
        return "/".join(filter(None, (capture or refund, word, detail))) if capture or refund else ""
    return "/".join((refund, word)) if refund else ""


def _batch(told: _Payout | None, line: MoneyLine, number: str) -> Batch:
    return Batch(
        source=SOURCE, account=line.account, id=number, kind="payout", net=told.net if told else None,
        currency=told.currency if told else line.currency, at=told.at if told else line.at,
        expected_at=told.at if told else None, bank_reference=number,
    )  # fmt: skip


def _parts(payout: _Payout, taxed: bool, batches: Batches) -> Iterator[Item]:
    """What the summary alone has: a debt that was repaid or grew, and the tax on fees where no row holds it."""
    named = [*_SUMMARY_ONLY, *(() if taxed else ((_TAX, -1),))]
    for name, sign in named:
        amount = payout.parts.get(name)
        if not amount:
            continue
        kind = MoneyKind.FEE if name == _TAX else MoneyKind.ADJUSTMENT
        net = abs(amount) * sign
        fee = -net if kind is MoneyKind.FEE else Decimal(0)
        line = MoneyLine(source=SOURCE, account=payout.account, id=f"{payout.id}/{name}", kind=kind, gross=net + fee,
                         fee=fee, net=net, currency=payout.currency, at=payout.at, batch=payout.id)  # fmt: skip
        yield Told(row=payout.row, thing=line)
        batches.add(payout.row, line, _batch(payout, line, payout.id))


def _last(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]


# -- the API's answers


def _read_answers(file: AnswerFile) -> Iterator[Item]:
    batches, payouts, notes = Batches(), dict[str, _Payout](), list[str]()
    scale = _Scale(minor=True, signed=False)
    found = list(lists_of(file.documents, ("transactions", "payouts")))
    alone = [d for d in file.documents if isinstance(d, dict) and "payment_reference" in d and "totals" in d]
    for node in file.nodes([*(p for name, _, listed in found if name == "payouts" for p in listed), *alone]):
        try:
            told = _told_payout(node, scale, file.options.account)
            payouts[told.id] = told
            batches.declare(told.row, _declared(told))
        except Misread as err:
            yield err.problem
    for name, around, listed in found:
        if name != "transactions":
            continue
        page = around.get("pagination")
        if isinstance(page, dict) and page.get("next"):
            file.note("a list says that it has a next page: save every page of it")
        nodes = file.nodes(listed)
        signed = any(isinstance(n.values.get("amount"), int) and n.values["amount"] < 0 for n in nodes)
        own = replace(scale, signed=signed)
        yield from file.read_each(
            nodes,
            lambda node, own=own: _transaction(node, own, file.options.account, payouts, batches, notes),  # type: ignore[misc]
        )
    for note in notes:
        file.note(note)
    for payout in payouts.values():
        yield from _parts(payout, True, batches)
    yield from batches.settle()


def _told_payout(node: Node, scale: _Scale, account: str) -> _Payout:
    currency = node.currency("currency_code", "settlement_currency")
    totals = node.part("totals")
    number = node.text("payment_reference")
    if not number:
        raise node.misread("payment_reference", "the payout's reference", "", "no_id")
    parts = {name: found for name, short in (("total_repay_amount", "repay_amount"), ("total_deposit_amount", "deposit_amount"))
             if (found := scale.read(totals, short, currency)) is not None}  # fmt: skip
    return _Payout(
        row=node.place, id=number, currency=currency, at=node.moment("payout_date"),
        account=account or node.text("merchant_id"), net=scale.read(totals, "settlement_amount", currency),
        gross_settlement=node.text("merchant_settlement_type").upper().startswith("GROSS"), parts=parts,
    )  # fmt: skip


def _declared(told: _Payout) -> Batch:
    return Batch(source=SOURCE, account=told.account, id=told.id, kind="payout", net=told.net, currency=told.currency,
                 at=told.at, expected_at=told.at, bank_reference=told.id)  # fmt: skip


ANSWERS = AnswerFormat(
    name="klarna-json",
    kind="payouts",
    title="Klarna's settlements, as its API answers",
    words=("payment_reference", "capture_id", "merchant_reference1", "short_order_id", "currency_code", "detailed_type",
           "sale_date", "capture_date", "settlement_amount", "payout_date"),
    needs=("payment_reference", "capture_id", "short_order_id", "payout"),
    read=_read_answers,
)  # fmt: skip


# -- the report


class ReportFormat:
    """See `StatementFormat`."""

    name = "klarna-settlement"
    kind = "payouts"
    title = "Klarna's settlement report"
    signs = ("type", "capture_id", "merchant_reference1", "merchant_reference2", "order_id", "short_order_id",
             "sale_date", "capture_date", "amount", "payment_reference", "refund_id", "detailed_type", "posting_currency",
             "total_settlement_amount", "payout_date")  # fmt: skip

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path
        if survey.kind != "csv":
            return 0
        text = sample.decode(survey.encoding or "utf-8", "replace")
        names = {fold_header(name) for line in text.splitlines()[:40] for name in re.split(r"[,;\t|]", line)}
        needed = all(fold_header(name) in names for name in ("type", "amount")) and (
            fold_header("merchant_reference1") in names or fold_header("short_order_id") in names
        )
        return sum(fold_header(name) in names for name in self.signs) if needed else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> ReportFile:
        return ReportFile(path, survey, options)


class ReportFile:
    """An open report, see `StatementFile`: sections of a header and the rows below it."""

    format, title = ReportFormat.name, ReportFormat.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.path, self.options, self._survey = path, options, survey
        self.notes: list[str] = list(survey.notes)
        self.bytes_read = 0

    def items(self) -> Iterator[Item]:
        for item in self._items():
            yield replace(item, file=self.path.name) if isinstance(item, RowProblem) else item

    def _items(self) -> Iterator[Item]:
        batches, payouts, notes = Batches(), dict[str, _Payout](), list[str]()
        scale, taxed = self._scale()
        for node in self._nodes():
            if "type" in node.values:
                continue
            if "total_settlement_amount" in node.values or "payout_date" in node.values:
                try:
                    told = self._summary(node, scale)
                    payouts[told.id] = told
                    batches.declare(told.row, _declared(told))
                except Misread as err:
                    yield err.problem
        only = next(iter(payouts)) if len(payouts) == 1 else ""
        for node in self._nodes():
            if "type" not in node.values:
                if "total_settlement_amount" not in node.values and "payout_date" not in node.values:
                    yield Dropped(row=node.place, reason="other_record")
                continue
            if only and not node.text("payment_reference"):
                node.values["payment_reference"] = only
            if only and not node.text("currency_code", "posting_currency", "currency"):
                node.values["currency_code"] = payouts[only].currency
            try:
                found = list(_transaction(node, scale, self.options.account, payouts, batches, notes))
            except Misread as err:
                yield err.problem
                continue
            yield from found
        self.notes += [note for note in dict.fromkeys(notes) if note not in self.notes]
        for payout in payouts.values():
            yield from _parts(payout, taxed, batches)
        yield from batches.settle()

    def _summary(self, node: Node, scale: _Scale) -> _Payout:
        number = node.text("payment_reference")
        if not number:
            raise node.misread("payment_reference", "the payout's reference", "", "no_id")
        currency = node.currency("settlement_currency", "currency_code", "currency")
        names = [*(name for name, _ in _SUMMARY_ONLY), _TAX]
        return _Payout(
            row=node.place, id=number, currency=currency, at=node.moment("payout_date", "settlement_date"),
            account=self.options.account or node.text("merchant_id"),
            net=scale.read(node, "total_settlement_amount", currency),
            gross_settlement=node.text("merchant_settlement_type").upper().startswith("GROSS"),
            parts={name: found for name in names if (found := scale.read(node, name, currency)) is not None},
        )  # fmt: skip

    def _scale(self) -> tuple[_Scale, bool]:
        """How the file writes amounts, from all of them, and whether its rows tell the tax on fees."""
        decimals = signed = taxed = False
        for node in self._nodes():
            for name, value in node.values.items():
                if not isinstance(value, str) or "amount" not in name or not value:
                    continue
                decimals = decimals or "." in value
                signed = signed or (name == "amount" and value.startswith("-")
                                    and TYPES.get(node.text("type").upper(), (None, 0))[1] < 0)  # fmt: skip
                taxed = taxed or (name == "vat_amount" and bool(value.strip("0.-")))
        if not decimals:
            self.notes.append("no amount shows a decimal sign: they were read as minor units")
        return _Scale(minor=not decimals, signed=signed), taxed

    def _nodes(self) -> Iterator[Node]:
        """Each row under its section's header, which is a line of Klarna's own names."""
        csv.field_size_limit(MAX_CELL)
        header: list[str] = []
        with self.path.open("r", encoding=self._survey.encoding, errors="replace", newline="") as file:
            start = file.read(8192)
            separator = max(",;\t|", key=start.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator)
            try:
                for cells in reader:
                    texts = [cell.strip().lstrip("\ufeff") for cell in cells]
                    if not any(texts):
                        continue
                    if _is_header(texts):
                        header = [text.casefold().replace(" ", "_") for text in texts]
                    elif header:
                        values: dict[str, Any] = {
                            n: _plain(n, t) for n, t in zip(header, texts, strict=False) if n and t
                        }
                        yield Node(values, reader.line_num)
            except csv.Error as err:
                raise FileRefused(f"{self.path.name}: expected CSV, got a broken record in row {reader.line_num}: {err}"
                                  ) from None  # fmt: skip


def _is_header(texts: list[str]) -> bool:
    own = {fold_header(text) for text in texts if text}
    names = {fold_header(sign) for sign in (*ReportFormat.signs, "settlement_currency", "merchant_id", "currency_code")}
    return len(own & names) >= 2 and not any(read_decimal(text) is not None for text in texts if text)


def _plain(name: str, text: str) -> str:
    """Amounts with a decimal comma as Klarna's own dots; currencies in capitals."""
    if "amount" in name and re.fullmatch(r"-?\d+,\d{1,3}", text):
        return text.replace(",", ".")
    return read_currency(text.upper()) or text if name.endswith(("currency", "currency_code")) else text
