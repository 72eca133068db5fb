"""What an import came to, in the figures that an operator compares with the shop's own.

Owns sums only. Every order of the file is in them once, whether the store knew it already or not.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from twofold.importing.readers.layout import Found, Skipped
from twofold.importing.readers.problems import RowProblem
from twofold.ledger.model import OrderReport, Paid

SHOWN_PROBLEMS = 100


class Totals(Struct):
    """Money of one currency, exact. ``total`` is everything; the others say what of it is no turnover."""

    orders: int = 0
    total: Decimal = Decimal()
    tax: Decimal = Decimal()
    shipping: Decimal = Decimal()
    discount: Decimal = Decimal()
    refunded: Decimal = Decimal()
    paid_orders: int = 0
    paid_total: Decimal = Decimal()
    cancelled_orders: int = 0
    cancelled_total: Decimal = Decimal()
    test_orders: int = 0
    test_total: Decimal = Decimal()

    def add(self, report: OrderReport) -> None:
        snapshot = report.snapshot
        assert snapshot is not None
        assert snapshot.shop is not None
        amounts = snapshot.shop
        self.orders += 1
        self.total += amounts.total
        self.tax += amounts.tax or 0
        self.shipping += amounts.shipping or 0
        self.discount += amounts.discount or 0
        self.refunded += sum((refund.amount for refund in report.refunds), Decimal())
        if snapshot.test:
            self.test_orders += 1
            self.test_total += amounts.total
        elif snapshot.cancelled_at:
            self.cancelled_orders += 1
            self.cancelled_total += amounts.total
        elif snapshot.paid in (Paid.PAID, Paid.PART_REFUNDED, Paid.REFUNDED):
            self.paid_orders += 1
            self.paid_total += amounts.total


class Summary(Struct, kw_only=True):
    """One import. Counts are of orders, except ``rows``, ``refused`` and ``skipped``, which count rows of the file."""

    file: str = ""
    digest: str = ""
    format: str = ""
    title: str = ""
    dry_run: bool = False
    recognised: dict[str, str] = {}  # our field -> the file's column
    notes: list[str] = []
    rows: int = 0
    orders: int = 0
    again: int = 0  # orders that stand in the file more than once, apart
    events: int = 0  # steps of sales that are no orders
    new: int | None = None  # None in a dry run, which asks no store
    updated: int | None = None  # known before, and something new was told of them
    already_known: int | None = None
    refused: dict[str, int] = {}
    skipped: dict[str, int] = {}
    warnings: dict[str, int] = {}
    young: int = 0  # orders that are recent enough to be sent
    not_sendable: dict[str, int] = {}  # of the young ones, by drop reason: in the ledger, but nobody to tell of
    resumed_after: int = 0  # row up to which an interrupted import had come
    totals: dict[str, Totals] = {}
    problems: list[RowProblem] = []  # the first of them; all are in the report

    @property
    def anything(self) -> bool:
        """Was any of the file understood?"""
        return bool(self.orders or self.events or self.skipped) or not self.refused

    def add(self, item: Found | Skipped | RowProblem, is_again: bool) -> None:
        match item:
            case Skipped():
                _count(self.skipped, item.reason, item.rows)
            case RowProblem():
                self._add_problem(item)
            case Found():
                self._add_found(item, is_again)

    def json(self) -> bytes:
        return msgspec.json.encode(msgspec.to_builtins(self, builtin_types=(Decimal,)), enc_hook=str)

    def _add_found(self, found: Found, is_again: bool) -> None:
        for warning in found.warnings:
            self._add_problem(warning)
        self.events += len(found.events)
        if found.order is None:
            return
        if is_again:
            self.again += 1
            return
        self.orders += 1
        self.young += found.young
        snapshot = found.order.snapshot
        if snapshot is not None and snapshot.shop is not None:
            self.totals.setdefault(snapshot.shop.currency, Totals()).add(found.order)

    def _add_problem(self, problem: RowProblem) -> None:
        _count(self.warnings if problem.kind == "warning" else self.refused, problem.reason, 1)
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(problem)


def _count(counts: dict[str, int], key: str, by: int) -> None:
    counts[key] = counts.get(key, 0) + by
