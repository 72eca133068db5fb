"""Reports about one order by their short facts: what the tests of the ledger and of its store share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twofold.ledger.model import Amounts, Line, OrderReport, Paid, Parcel, ParcelState, Payment, Refund, Snapshot
from twofold.ledger.state import Fact

T0 = 1_790_000_000  # Unix s
SHOP = "shopify:demo.myshopify.com"
LINE = Line(id="sku-1", quantity=1, price=Decimal("100.00"))


def amounts(
    total: str, currency: str = "EUR", *, tax_included: bool = False, after_refunds: bool = False, **parts: str
):
    """Amounts by their texts."""
    return Amounts(
        currency=currency,
        total=Decimal(total),
        tax_included=tax_included,
        after_refunds=after_refunds,
        **{name: Decimal(part) for name, part in parts.items()},
    )


def snapshot(
    version: int, paid: Paid | None = Paid.PAID, total: str | Amounts = "100.00", *, placed: int = T0, **more: Any
) -> Snapshot:
    """``version`` in seconds after `T0`."""
    shop = amounts(total) if isinstance(total, str) else total
    return Snapshot(version=(T0 + version) * 1000, placed_at=placed, shop=shop, paid=paid, **{"lines": (LINE,), **more})


def report(
    at: int,
    paid: Paid | None = Paid.PAID,
    total: str | Amounts = "100.00",
    *,
    order: str = "5000000001001",
    kind: str = "updated",
    reference: str = "",
    aliases: tuple[str, ...] = (),
    refunds: tuple[Refund, ...] = (),
    payments: tuple[Payment, ...] = (),
    parcels: tuple[Parcel, ...] = (),
    **more: Any,
) -> OrderReport:
    """A report with a snapshot; ``at`` in seconds after `T0`."""
    return OrderReport(
        order_id=order,
        kind=kind,
        at=T0 + at,
        reference=reference,
        aliases=aliases,
        snapshot=snapshot(at, paid, total, **more),
        refunds=refunds,
        payments=payments,
        parcels=parcels,
    )


def part(at: int, *, order: str = "5000000001001", kind: str = "part", deleted: bool = False, **parts: Any):
    """A report without a snapshot."""
    return OrderReport(order_id=order, kind=kind, at=T0 + at, reference="", deleted=deleted, **parts)


def refund(id: str, amount: str, currency: str = "EUR", at: int = 60) -> Refund:
    return Refund(id=id, amount=Decimal(amount), currency=currency, at=T0 + at)


def payment(id: str, amount: str, kind: str = "sale", *, state: str = "success", at: int = 30, currency: str = "EUR"):
    return Payment(id=id, kind=kind, amount=Decimal(amount), currency=currency, state=state, at=T0 + at)


def parcel(id: str, state: ParcelState, at: int) -> Parcel:
    return Parcel(id=id, state=state, at=T0 + at)


def facts(*reports: OrderReport, source: str = SHOP) -> list[Fact]:
    return [Fact(source, r) for r in reports]
