"""Answers of Shopify's GraphQL API that were saved: balance transactions and payouts of Shopify Payments.

Owns where they stand in an answer and which way a payout's money goes: one of type WITHDRAWAL is taken from the bank
(shopify.dev, ShopifyPaymentsBalanceTransaction and ShopifyPaymentsPayout, read November 2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from twofold.importing.statements.contract import Dropped, Item
from twofold.importing.statements.payouts.shopify_tables import SOURCE, kind_of
from twofold.importing.statements.reading.batches import Batches, amounts_of
from twofold.importing.statements.reading.saved import AnswerFile, AnswerFormat, Node, lists_of
from twofold.importing.statements.reading.zones import zone_behind
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine, Told
from twofold.ledger.references import gather, reference


def _read(file: AnswerFile) -> Iterator[Item]:
    batches = Batches()
    complete = True
    file.note(
        "the API's ids of lines are not in the exports: what both tell is found by order, amount and day, and counts once"
    )
    for name, around, listed in lists_of(file.documents, ("balanceTransactions", "payouts", "transactions")):
        nodes = file.nodes(listed)
        page = around.get("pageInfo")
        if isinstance(page, dict) and page.get("hasNextPage") is True:
            complete = False
            file.note("a list says that it has a next page: save every page of it")
        read = _payout if name == "payouts" else _transaction
        yield from file.read_each(nodes, lambda node, read=read: read(file, node, batches))  # type: ignore[misc]
    yield from batches.settle(lists_all=complete)


def _money(node: Node, name: str) -> tuple[Decimal, str]:
    """{amount, currencyCode} of GraphQL; in REST the amount alone, with the currency beside it."""
    part = node.part(name)
    if part.values:
        return part.amount("amount"), part.currency("currencyCode", "currency_code")
    return node.amount(name), node.currency("currency")


def _transaction(file: AnswerFile, node: Node, batches: Batches) -> Iterator[Item]:
    if node.flag("test"):
        yield Dropped(row=node.place, reason="test")
        return
    (gross, currency), (fee, _), (net, other) = (_money(node, name) for name in ("amount", "fee", "net"))
    if other != currency:
        raise node.misread("net", f"an amount in {currency}", other, "bad_currency")
    money = amounts_of(node.place, "net", gross=gross, fee=fee, net=net)
    kind = kind_of(node.text("type"), money.net) or kind_of(node.text("sourceType", "source_type"), money.net)
    if kind is None:
        file.note("rows of a type that is not known are adjustments")
        kind = MoneyKind.ADJUSTMENT
    payout = node.part("associatedPayout")
    batch = payout.id("id") or node.id("payout_id")
    if kind is MoneyKind.PAYOUT:
        batch = batch or node.id("sourceId", "source_id")
    order = node.part("associatedOrder")
    at = node.moment("transactionDate", "processed_at")
    moved = node.text("sourceOrderTransactionId", "source_order_transaction_id")
    line = MoneyLine(
        source=SOURCE,
        account=file.options.account,
        id=node.id("id"),
        kind=kind,
        gross=money.gross,
        fee=money.fee,
        net=money.net,
        currency=currency,
        at=at,
        zone=zone_behind(node.text("transactionDate", "processed_at")),
        batch=batch,
        references=gather(
            reference("order", order.id("id") or node.text("source_order_id")),
            reference("number", order.text("name")),
            reference("refund" if kind is MoneyKind.REFUND else "transaction", moved.rpartition("/")[2]),
        ),
    )
    yield Told(row=node.place, thing=line)
    if batch:
        told = Batch(source=SOURCE, account=line.account, id=batch, kind="payout", currency=currency,
                     net=-money.net if kind is MoneyKind.PAYOUT else None, at=at,
                     status=payout.text("status").lower())  # fmt: skip
        batches.add(node.place, line, told)


def _payout(file: AnswerFile, node: Node, batches: Batches) -> Iterator[Item]:
    net, currency = _money(node, "net" if "net" in node.values else "amount")
    if node.text("transactionType", "direction").upper() == "WITHDRAWAL":
        net = -abs(net)
    at = node.moment("issuedAt", "date")
    batches.declare(
        node.place,
        Batch(
            source=SOURCE, account=file.options.account, id=node.id("id"), kind="payout", currency=currency, net=net,
            at=at, expected_at=at, bank_reference=node.text("externalTraceId"), status=node.text("status").lower(),
        ),
    )  # fmt: skip
    yield from ()


ANSWERS = AnswerFormat(
    name="shopify-json",
    kind="payouts",
    title="Shopify Payments' balance transactions and payouts, as its API answers",
    words=("shopifyPaymentsAccount", "balanceTransactions", "associatedPayout", "associatedOrder", "transactionDate",
           "issuedAt", "externalTraceId", "transactionType", "payouts", "payout_id", "source_order_id", "source_type"),
    needs=("balanceTransactions", "issuedAt", "associatedPayout", "payout_id"),
    read=_read,
)  # fmt: skip
