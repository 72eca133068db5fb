"""Stripe's tables: the payout reconciliation report, itemised, and the dashboard's export of the balance.

Owns their columns and Stripe's reporting categories and types. The report is in major units, unlike the API; its columns
are chosen by whoever asks for it, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from twofold.importing.statements.contract import Item
from twofold.importing.statements.reading.batches import Batches, amounts_of
from twofold.importing.statements.reading.sheets import Cells, TableFile, TableFormat
from twofold.importing.statements.reading.zones import zone_name
from twofold.ledger.lines import Batch, Counterpart, MoneyKind, MoneyLine, Told
from twofold.ledger.references import gather, of_provider, reference

SOURCE = "stripe"

CATEGORIES = {
    "charge": MoneyKind.CHARGE,
    "charge_failure": MoneyKind.REFUND,
    "refund": MoneyKind.REFUND,
    "refund_failure": MoneyKind.REFUND,
    "partial_capture_reversal": MoneyKind.REFUND,
    "dispute": MoneyKind.DISPUTE,
    "dispute_reversal": MoneyKind.DISPUTE_REVERSAL,
    "fee": MoneyKind.FEE,
    "network_cost": MoneyKind.FEE,
    "tax": MoneyKind.FEE,
    "payout": MoneyKind.PAYOUT,
    "payout_reversal": MoneyKind.PAYOUT_FAILED,
}
"""Reporting categories whose kind does not depend on the sign. Others are adjustments, and said to be."""

RESERVES = frozenset({"reserve_transaction", "risk_reserved_funds"})

TYPES = {
    "payment": "charge",
    "payment_refund": "refund",
    "payment_failure_refund": "charge_failure",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "tax",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "reserved_funds": "reserve_transaction",
    "reserve_transaction": "reserve_transaction",
}
"""Types of the API and of the dashboard whose reporting category has another name."""

ORDER_KEYS = ("order_id", "order_number")
_DISPUTES = ("du_", "dp_")


def kind_of(category: str, amount: Decimal, source: str = "") -> MoneyKind | None:
    """The kind of a reporting category or type; None for one that is not known, which is an adjustment."""
    category = TYPES.get(category, category)
    if category in RESERVES:
        return MoneyKind.RESERVE_HOLD if amount < 0 else MoneyKind.RESERVE_RELEASE
    if category == "adjustment" and source.startswith(_DISPUTES):
        return MoneyKind.DISPUTE if amount < 0 else MoneyKind.DISPUTE_REVERSAL
    return CATEGORIES.get(category)


# -- the report

_REPORT_COLUMNS = {
    "id": ("balance_transaction_id",),
    "batch": ("automatic_payout_id", "payout_id"),
    "batch_utc": ("automatic_payout_effective_at_utc", "payout_effective_at_utc"),
    "batch_at": ("automatic_payout_effective_at", "payout_effective_at"),
    "created_utc": ("created_utc",),
    "created": ("created",),
    "available_utc": ("available_on_utc",),
    "available": ("available_on",),
    "currency": ("currency",),
    "gross": ("gross",),
    "fee": ("fee",),
    "net": ("net",),
    "category": ("reporting_category",),
    "source": ("source_id",),
    "text": ("description",),
    "shown": ("customer_facing_amount",),
    "shown_currency": ("customer_facing_currency",),
    "email": ("customer_email",),
    "charge": ("charge_id",),
    "payment_intent": ("payment_intent_id",),
    "invoice": ("invoice_id",),
    "order": tuple(f"payment_metadata[{key}]" for key in ORDER_KEYS),
    "refund_order": tuple(f"refund_metadata[{key}]" for key in ORDER_KEYS),
    "number": ("payment_metadata[order_number]",),
    "trace": ("trace_id", "payout_trace_id"),
}


def _read_report(file: TableFile) -> Iterator[Item]:
    batches = Batches()
    if not file.has("batch"):
        file.note("the report has no automatic_payout_id: its lines are in no batch; choose that column in Stripe")
    yield from file.read_each(lambda cells: _report_line(cells, batches))
    yield from batches.settle()


def _report_line(cells: Cells, batches: Batches) -> Iterator[Item]:
    number, source = cells.id("id"), cells.id("source")
    currency = cells.currency()
    money = amounts_of(cells.row, cells.file.header("net"), gross=cells.money("gross"), fee=cells.money("fee"),
                       net=cells.money("net"))  # fmt: skip
    category = cells.text("category").lower()
    kind = _kind_or_adjustment(cells, category, money.net, source)
    at = cells.moment("created_utc", "created")
    expected = cells.time("batch_utc") if cells.text("batch_utc") else cells.time("batch_at")
    batch = cells.id("batch") or (source if kind is MoneyKind.PAYOUT else "")
    shown, shown_currency = _shown(cells, money.gross, currency)
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
        zone=zone_name(cells.file.zone_of("created_utc" if cells.text("created_utc") else "created")),
        available_at=expected if expected is not None else _available(cells),
        batch=batch,
        references=gather(
            reference("payment_intent", cells.id("payment_intent")),
            reference("charge", cells.id("charge")),
            of_provider(source) if source and not source.startswith("po_") else None,
            reference("invoice", cells.id("invoice")),
            *(reference("order", cells.text(field)) for field in ("order", "number", "refund_order")),
        ),
        original=shown,
        original_currency=shown_currency,
    )
    email = cells.text("email")
    yield Told(
        row=cells.row, thing=line, text=cells.text("text"), counterpart=Counterpart(email=email) if email else None
    )
    if batch:
        paid_out = kind is MoneyKind.PAYOUT
        batches.add(
            cells.row,
            line,
            Batch(
                source=SOURCE, account=line.account, id=batch, kind="payout", currency=currency,
                net=-money.net if paid_out else None, at=expected if expected is not None else at,
                zone=zone_name(cells.file.zone_of("batch_utc" if cells.text("batch_utc") else "batch_at")),
                expected_at=expected, bank_reference=cells.text("trace"),
            ),
        )  # fmt: skip


def _available(cells: Cells) -> int | None:
    return cells.time("available_utc") if cells.text("available_utc") else cells.time("available")


def _kind_or_adjustment(cells: Cells, category: str, amount: Decimal, source: str) -> MoneyKind:
    kind = kind_of(category, amount, source)
    if kind is None:
        if category not in ("adjustment", "other_adjustment"):
            shown = category if re.fullmatch(r"[a-z_]{1,60}", category) else "another word"
            cells.file.note(f"{shown} is no known category; its rows are adjustments")
        return MoneyKind.ADJUSTMENT
    return kind


def _shown(cells: Cells, gross: Decimal, currency: str) -> tuple[Decimal | None, str]:
    """What the customer saw, where it is another currency; with the sign of the line."""
    amount, text = cells.money("shown"), cells.text("shown_currency")
    shown = cells.currency(field="shown_currency") if text else ""
    if amount is None or not shown or shown == currency:
        return None, ""
    return abs(amount).copy_sign(gross), shown


REPORT = TableFormat(
    name="stripe-payouts",
    kind="payouts",
    title="Stripe's payout reconciliation report, itemised",
    columns=_REPORT_COLUMNS,
    needs=("id", "currency", "category", "net|gross", "created_utc|created"),
    read=_read_report,
    money=frozenset({"gross", "fee", "net", "shown"}),
    times=frozenset({"batch_utc", "batch_at", "created_utc", "created", "available_utc", "available"}),
    utc=frozenset({"batch_utc", "created_utc", "available_utc"}),
    else_utc=frozenset({"batch_at", "created", "available"}),
)


# -- the dashboard's balance

_BALANCE_COLUMNS = {
    "id": ("id",),
    "type": ("Type",),
    "source": ("Source",),
    "gross": ("Amount",),
    "fee": ("Fee", "Fees"),
    "net": ("Net",),
    "currency": ("Currency",),
    "created": ("Created (UTC)",),
    "available": ("Available On (UTC)",),
    "text": ("Description",),
    "order": tuple(f"{key} (metadata)" for key in ORDER_KEYS),
}


def _read_balance(file: TableFile) -> Iterator[Item]:
    file.note("the export of the balance says of no line to which payout it belongs: use the payout reconciliation report "
              "to follow money to the bank")  # fmt: skip
    batches = Batches()
    yield from file.read_each(lambda cells: _balance_line(cells, batches))
    yield from batches.settle(lists_all=False)


def _balance_line(cells: Cells, batches: Batches) -> Iterator[Item]:
    number, source, currency = cells.id("id"), cells.id("source"), cells.currency()
    money = amounts_of(cells.row, cells.file.header("net"), gross=cells.money("gross"), fee=cells.money("fee"),
                       net=cells.money("net"))  # fmt: skip
    kind = _kind_or_adjustment(cells, cells.text("type").lower(), money.net, source)
    at, available = cells.moment("created"), cells.time("available")
    paid_out = kind is MoneyKind.PAYOUT and source != ""
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
        available_at=available,
        batch=source if paid_out else "",
        references=gather(
            of_provider(source) if source and not paid_out else None,
            reference("order", cells.text("order")),
        ),
    )
    yield Told(row=cells.row, thing=line, text=cells.text("text"))
    if paid_out:
        batches.declare(
            cells.row,
            Batch(source=SOURCE, account=line.account, id=source, kind="payout", currency=currency, net=-money.net,
                  at=at, expected_at=available),
        )  # fmt: skip


BALANCE = TableFormat(
    name="stripe-balance",
    kind="payouts",
    title="Stripe's export of the balance",
    columns=_BALANCE_COLUMNS,
    needs=("id", "type", "source", "gross", "net", "currency", "created"),
    read=_read_balance,
    money=frozenset({"gross", "fee", "net"}),
    times=frozenset({"created", "available"}),
    utc=frozenset({"created", "available"}),
)
