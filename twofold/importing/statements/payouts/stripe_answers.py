"""Answers of Stripe's API that were saved: lists of balance transactions and of payouts.

Owns how a list is taken for the lines of one payout: the API does not repeat the payout it was asked for. Amounts are in
minor units, and some currencies have none (docs.stripe.com/api/balance_transactions and /payouts, read November 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from twofold.importing.readers.layout import Misread
from twofold.importing.statements.contract import Item
from twofold.importing.statements.payouts.stripe_tables import ORDER_KEYS, SOURCE, kind_of
from twofold.importing.statements.reading.batches import Batches, amounts_of
from twofold.importing.statements.reading.saved import AnswerFile, AnswerFormat, Node
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told
from twofold.ledger.references import gather, of_provider, reference
from twofold.sources.stripe.minor_units import to_amount

_PAYOUT_IN_NAME = re.compile(r"po_[A-Za-z0-9]{4,}")
_DEEPEST = 8


def _read(file: AnswerFile) -> Iterator[Item]:
    batches = Batches()
    named = _PAYOUT_IN_NAME.search(file.path.name)
    complete = True
    for values in _lists(file.documents, []):
        nodes = file.nodes(values.listed)
        transactions = [n for n in nodes if n.text("object") == "balance_transaction"]
        payout = values.payout or (named[0] if named and transactions else "") or _closes_with(transactions)
        if transactions and not payout and not any(n.id("payout") for n in transactions):
            file.note("these balance transactions do not say to which payout they belong; save one answer a payout, as "
                      "po_….json, or use the payout reconciliation report")  # fmt: skip
        if values.has_more:
            complete = False
            file.note("a list says that it has more: save every page of it")
        yield from file.read_each(nodes, lambda node, payout=payout: _object(file, node, payout, batches))  # type: ignore[misc]
    yield from batches.settle(lists_all=complete)


class _List:
    """``payout``: the one whose transactions were asked for, where the list's address says so."""

    def __init__(self, listed: list[Any], has_more: bool = False, url: str = "") -> None:
        self.listed, self.has_more = listed, has_more
        asked = re.search(r"[?&]payout=(po_[A-Za-z0-9]+)", url)
        self.payout = asked[1] if asked else ""


def _lists(value: Any, loose: list[Any], depth: int = 0) -> list[_List]:
    """Every list of the documents; objects that stand in none make one together."""
    found: list[_List] = []
    if depth > _DEEPEST:
        return found
    if isinstance(value, list):
        for item in value:
            found += _lists(item, loose, depth + 1)
    elif isinstance(value, dict):
        if isinstance(value.get("data"), list):
            found.append(_List(value["data"], value.get("has_more") is True, str(value.get("url") or "")))
        elif value.get("object") in ("balance_transaction", "payout"):
            loose.append(value)
        else:
            for inside in value.values():
                found += _lists(inside, loose, depth + 1)
    return [*found, _List(loose)] if depth == 0 and loose else found


def _closes_with(nodes: list[Node]) -> str:
    """The payout of a list that holds one payout's row and exactly its lines: they add up to it."""
    own = [n for n in nodes if n.text("type") == "payout"]
    if len(own) != 1:
        return ""
    try:
        rest = sum((n.amount("net") for n in nodes if n is not own[0]), Decimal(0))
        return own[0].id("source") if rest == -own[0].amount("net") else ""
    except Misread:  # told with its row
        return ""


def _object(file: AnswerFile, node: Node, payout: str, batches: Batches) -> Iterator[Item]:
    match node.text("object"):
        case "balance_transaction":
            yield from _transaction(file, node, payout, batches)
        case "payout":
            _payout(file, node, batches)
        case _:
            raise node.misread("object", "a balance_transaction or a payout", node.text("object"), "other_object")


def _transaction(file: AnswerFile, node: Node, payout: str, batches: Batches) -> Iterator[Item]:
    currency = node.currency("currency")
    gross, fee, net = (to_amount(int(node.whole(name)), currency) for name in ("amount", "fee", "net"))
    money = amounts_of(node.place, "net", gross=gross, fee=fee, net=net)
    source, part = node.id("source"), node.part("source")
    category = node.text("reporting_category", "type")
    kind = kind_of(category, money.net, source) or kind_of(node.text("type"), money.net, source)
    if kind is None:
        if category not in ("adjustment", "other_adjustment"):
            file.note("rows of a category that is not known are adjustments")
        kind = MoneyKind.ADJUSTMENT
    paid_out = kind is MoneyKind.PAYOUT
    batch = node.id("payout") or (source if paid_out else payout)
    metadata = part.part("metadata")
    original, shown, rate = _original(node, part, currency)
    line = MoneyLine(
        source=SOURCE,
        account=file.options.account,
        id=node.id("id"),
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=node.moment("created"),
        available_at=node.moment_or_none("available_on"),
        batch=batch,
        references=gather(
            reference("payment_intent", part.id("payment_intent")),
            reference("charge", part.id("charge")),
            of_provider(source) if source and not source.startswith("po_") else None,
            reference("invoice", part.id("invoice")),
            *(reference("order", metadata.text(key)) for key in ORDER_KEYS),
        ),
        original=original,
        original_currency=shown,
        rate=rate,
    )
    yield Told(row=node.place, thing=line, text=node.text("description"))
    if batch:
        told = Batch(source=SOURCE, account=line.account, id=batch, kind="payout", currency=currency,
                     net=-money.net if paid_out else None, at=line.at)  # fmt: skip
        batches.add(node.place, line, told)


def _original(node: Node, part: Node, currency: str) -> tuple[Decimal | None, str, Decimal | None]:
    """The amount before Stripe converted it, where the source stands in the answer as an object."""
    rate = node.amount_or_none("exchange_rate")
    if rate is None or not part.values.get("amount") or not part.text("currency"):
        return None, "", None
    shown = part.currency("currency")
    if shown == currency:
        return None, "", None
    amount = to_amount(int(part.whole("amount")), shown)
    return abs(amount).copy_sign(node.amount("amount")), shown, rate


def _payout(file: AnswerFile, node: Node, batches: Batches) -> None:
    currency = node.currency("currency")
    trace = node.part("trace_id").text("value") or node.text("trace_id")
    batches.declare(
        node.place,
        Batch(
            source=SOURCE, account=file.options.account, id=node.id("id"), kind="payout", currency=currency,
            net=to_amount(int(node.whole("amount")), currency), at=node.moment("created", "arrival_date"),
            expected_at=node.moment_or_none("arrival_date"), bank_reference=trace, status=node.text("status"),
        ),
    )  # fmt: skip


ANSWERS = AnswerFormat(
    name="stripe-json",
    kind="payouts",
    title="Stripe's balance transactions and payouts, as its API answers",
    words=("balance_transaction", "payout", "available_on", "arrival_date", "reporting_category", "object", "net"),
    needs=("balance_transaction", "arrival_date"),
    read=_read,
)
