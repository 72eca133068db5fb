"""One order's rows to a report and, while it is young, to the Purchase that it stands for.

Owns what all order exports have in common. A format says what its words mean by a `State`; everything here is money,
lines, names and times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.click_ids import parse_fbc, parse_fbp
from twofold.event.contact import names_somebody
from twofold.event.model import RawEvent
from twofold.importing.readers.layout import Found, Group
from twofold.importing.readers.tables import Row
from twofold.ledger.model import (
    Amounts,
    Line,
    Method,
    OrderReport,
    Paid,
    Parcel,
    ParcelState,
    Refund,
    Sale,
    Snapshot,
)
from twofold.sources.people import buyer_of, place_of

REFUND_TOTAL = "total"
"""Id of a refund that is not one refund but all of an order's so far, as files tell it."""

_TOKEN = re.compile(r"[!-~]{1,200}")
_REGION = re.compile(r"[A-Za-z]{2}")
_CONTACT = {"em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "ct": "city", "st": "state",
            "zp": "zip", "country": "country", "external_id": "customer_id", "client_ip_address": "client_ip",
            "client_user_agent": "user_agent"}  # fmt: skip


class State(Struct, frozen=True, kw_only=True):
    """What a format's words say about an order."""

    kind: str = ""
    paid: Paid | None = None
    confirmed: bool | None = None
    sale: Sale = Sale.WEB
    method: Method | None = None
    gateways: tuple[str, ...] = ()
    test: bool = False
    cancelled: bool = False
    delivered: bool = False
    returned: bool = False


def build_order(
    group: Group,
    *,
    order_id: str,
    aliases: Iterable[str],
    state: State,
    lines: tuple[Line, ...] = (),
    tax_included: bool | None = None,
    currency: str = "",
    replaces: str = "",
) -> Found:
    """The report of one order. Raises `Misread` when money, currency or time are missing or cannot be read."""
    placed_at = group.needed("placed_at", group.time("placed_at"), "when the order was placed", "no_date")
    amounts = read_amounts(group, tax_included, currency)
    times = {name: group.time(name) for name in ("updated_at", "paid_at", "cancelled_at", "delivered_at",
                                                  "refunded_at", "returned_at")}  # fmt: skip
    # The latest moment that the row knows of is when it was last known to change.
    known_until = max(placed_at, *(moment for moment in times.values() if moment)) if any(times.values()) else placed_at
    cancelled_at = times["cancelled_at"] or (known_until if state.cancelled else None)
    delivered_at = times["delivered_at"] or (known_until if state.delivered else None)
    refunds = _refunds(group, amounts.currency, times["refunded_at"] or cancelled_at or known_until)
    country, region = place_of(
        group.text("ship_country") or group.text("country"), group.text("ship_state") or group.text("state")
    )
    report = OrderReport(
        order_id=order_id,
        kind=_kind(state, cancelled_at, delivered_at, refunds),
        at=known_until,
        reference=f"{group.layout.form.name} file, row {group.row}",
        country=country,
        region=region,
        aliases=tuple(
            name for name in aliases if _TOKEN.fullmatch(name.partition(":")[2]) and not names_somebody(name)
        ),
        snapshot=Snapshot(
            version=known_until * 1000,
            placed_at=placed_at,
            shop=amounts,
            lines=lines,
            gateways=state.gateways,
            method=state.method,
            paid=state.paid,
            confirmed=state.confirmed,
            sale=state.sale,
            test=state.test,
            cancelled_at=cancelled_at,
            cancel_reason=group.label("cancel_reason"),
            delivered_at=delivered_at,
            tags=_tags(group.text("tags")),
            replaces=replaces,
        ),
        refunds=refunds,
        parcels=_parcels(order_id, state, times["returned_at"] or known_until),
    )
    return _found(group, report, state, amounts)


def _found(group: Group, report: OrderReport, state: State, amounts: Amounts) -> Found:
    """The report with the Purchase that it stands for, where it is young enough to be told."""
    after = group.options.young_store_after if state.sale is Sale.STORE else group.options.young_after
    is_cancelled = report.snapshot is not None and report.snapshot.cancelled_at is not None
    stands = not (state.test or is_cancelled or state.paid is Paid.VOIDED)
    # An old order that was paid or delivered just now is told at that time.
    young = stands and report.at >= after
    return Found(
        row=group.row,
        rows=len(group.rows),
        order=report,
        copy=_purchase(group, report, amounts) if young else None,
        buyer=buyer_of(contact_of(group), group.text("name")),
        currency=amounts.currency,
        total=amounts.total,
        young=young,
        warnings=tuple(group.warnings),
    )


def read_amounts(group: Group, tax_included: bool | None = None, currency: str = "") -> Amounts:
    """The order's money. The total is required, and required to be the same in every row that has one."""
    total = group.needed("total", group.money("total"), "the order's total", "no_total")
    if total < 0:
        raise group.misread("total", "a total of zero or more", "a negative one", "negative_amount")
    for row in group.rows[1:]:
        again = group.money("total", row)
        if again is not None and again != total:
            raise group.misread("total", "the same total in every row of the order", "another", "two_totals", row)
    currency = currency or group.currency("total")
    return Amounts(
        currency=currency,
        total=group.exact(total, currency, "total"),
        tax=group.positive("tax"),
        shipping=group.positive("shipping"),
        shipping_tax=group.positive("shipping_tax"),
        tip=group.positive("tip"),
        duties=group.positive("duties"),
        gift_cards=group.positive("gift_cards"),
        discount=_size(group.money("discount")),
        tax_included=bool(group.flag("tax_included")) if tax_included is None else tax_included,
    )


def row_lines(group: Group) -> tuple[Line, ...]:
    """One line for each row that names or prices one."""
    return tuple(filter(None, (_row_line(group, row) for row in group.rows)))


def _row_line(group: Group, row: Row) -> Line | None:
    sku, item = group.id("line_sku", row), group.id("line_id", row)
    price, quantity = group.positive("line_price", row), group.count("line_quantity", row)
    if not (sku or item or price is not None or group.text("line_name", row)):
        return None
    pieces = 1 if quantity is None else quantity
    if not pieces:
        return None
    discount = _size(group.money("line_discount", row))
    if price is None:
        total = group.money("line_total", row)
        price = (total / pieces).normalize() if total is not None and total >= 0 and _divides(total, pieces) else None
    return Line(id=item or sku, sku=sku, quantity=pieces, price=price, discount=discount or None)


def _divides(total: Decimal, pieces: int) -> bool:
    """A price per piece is stated only where it is exact."""
    return (total * 10_000) % pieces == 0


def _size(amount: Decimal | None) -> Decimal | None:
    """Discounts are written with and without a minus."""
    return abs(amount) if amount is not None else None


def _refunds(group: Group, currency: str, at: int) -> tuple[Refund, ...]:
    refunded = _size(group.money("refunded"))
    return (Refund(id=REFUND_TOTAL, amount=refunded, currency=currency, at=at),) if refunded else ()


def _parcels(order_id: str, state: State, at: int) -> tuple[Parcel, ...]:
    # Exports know the order's state and not its parcels, so that one stands for all.
    return (Parcel(id=order_id, state=ParcelState.RETURNED, at=at),) if state.returned else ()


def _kind(state: State, cancelled_at: int | None, delivered_at: int | None, refunds: tuple[Refund, ...]) -> str:
    if cancelled_at:
        return "cancelled"
    if refunds:
        return "refund"
    if delivered_at:
        return "delivered"
    return state.kind or ("paid" if state.paid is Paid.PAID else "placed")


def _tags(text: str) -> tuple[str, ...]:
    return (
        tuple(tag for tag in (part.strip()[:60] for part in text.split(",")) if tag and not names_somebody(tag))
        if text
        else ()
    )


# -- the Purchase


def _purchase(group: Group, report: OrderReport, amounts: Amounts) -> RawEvent:
    snapshot = report.snapshot
    assert snapshot is not None
    options = group.options
    data: dict[str, Any] = {"value": amounts.total, "currency": amounts.currency, "order_id": report.order_id}
    contents = [_content(line) for line in snapshot.lines if line.id]
    if contents:
        data |= {"contents": contents, "content_type": "product"}
    pieces = sum(line.quantity for line in snapshot.lines)
    if pieces:
        data["num_items"] = pieces
    return RawEvent(
        event_name="Purchase",
        event_time=snapshot.placed_at,
        event_id=group.id("event_id") or f"purchase.{options.shop}.{report.order_id}",
        action_source=options.action_sources.get(snapshot.sale, "other"),
        user_data=contact_of(group),
        custom_data=data,
        consent=group.text("consent") or None,
        links=[f"order:{report.order_id}", *report.aliases],
        region=_region(group),
    )


def _content(line: Line) -> dict[str, Any]:
    content: dict[str, Any] = {"id": line.id, "quantity": line.quantity}
    if line.price is not None:
        content["item_price"] = line.price
    return content


def contact_of(group: Group) -> dict[str, Any]:
    """Contact data under Meta's names, still plain: hashed by the steps, then forgotten."""
    user: dict[str, Any] = {meta: text for meta, field in _CONTACT.items() if (text := group.text(field))}
    if "fn" not in user and "ln" not in user and (name := group.text("name")):
        first, _, last = name.partition(" ")
        user |= {"fn": first, **({"ln": last.strip()} if last.strip() else {})}
    phones = [text for field in ("phone", "phone_2", "phone_3") if (text := group.text(field))]
    if phones:
        user["ph"] = list(dict.fromkeys(phones))
    for meta, fits in (("fbp", parse_fbp), ("fbc", parse_fbc)):
        text = group.text(meta)
        if text and fits(text):
            user[meta] = text
    return user


def _region(group: Group) -> str | None:
    country, state = group.text("country").upper(), group.text("state").upper()
    if not _REGION.fullmatch(country):
        return None
    return f"US-{state}" if country == "US" and _REGION.fullmatch(state) else country
