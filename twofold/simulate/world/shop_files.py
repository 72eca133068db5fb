"""What the shop tells: orders of the web shop as its webhooks write them, orders of chats and calls as a table, parcels.

Owns these files' forms. Written from Shopify's REST Order resource and from docs/import.md, on its own: what the gateway
reads is not looked at here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from twofold.simulate.world.fates import Calendar, Fate, Replaced
from twofold.simulate.world.scenario import Scenario

GATEWAYS = {
    "card": "shopify_payments",
    "cod": "Cash on Delivery (COD)",
    "transfer": "Bank Deposit",
    "voucher": "gift_card",
}
METHODS = {"card": "card", "cod": "cod", "transfer": "bank_transfer"}


SHOPS = ("first.example", "second.example")


def shop_of(fate: Fate) -> str | None:
    """Which of two shops an order is of; None for what was ordered in a chat or on the phone."""
    return SHOPS[fate.in_second] if fate.sale == "web" else None


def shopify_orders(told: Scenario, calendar: Calendar, fates: Iterable[Fate], *, second: bool = False) -> str:
    """One body a line, each order as it stands at the world's end. ``second``: those of the second shop."""
    return "".join(
        json.dumps(body, ensure_ascii=False) + "\n" for fate in fates if fate.sale == "web" and fate.in_second is second
        for body in _versions(told, calendar, fate)
    )  # fmt: skip


def _versions(told: Scenario, calendar: Calendar, fate: Fate) -> list[dict[str, Any]]:
    """An order that was edited, also as it was first told."""
    body = _body(told, calendar, fate)
    if fate.edited_from is None:
        return [body]
    first = body | {
        "updated_at": calendar.text(fate.placed_at), "cancelled_at": None, "financial_status": "pending", "tags": "", "refunds": [],
        "total_price": str(fate.edited_from), "total_tax": str(contained_tax(fate.edited_from, told.vat_percent)),
        "line_items": body["line_items"][:-1],
    }  # fmt: skip
    edited = calendar.text(min(fate.placed_at + 300, calendar.end))
    return [first, body | {"updated_at": max(body["updated_at"], edited)}]


def _body(told: Scenario, calendar: Calendar, fate: Fate) -> dict[str, Any]:
    person = fate.person
    at = calendar.text
    shipped = fate.shipped_at if told.second_shop else None
    updated = max(t for t in (fate.placed_at, fate.confirmed_at, fate.cancelled_at, fate.paid_at, shipped, *(at for at, _ in fate.refunds))
                  if t is not None)  # fmt: skip
    address = {"first_name": person.first, "last_name": person.last, "phone": person.phone, "city": "Tbilisi",
               "province_code": "TB", "zip": "0102", "country_code": "GE"}  # fmt: skip
    tax = contained_tax(fate.total, told.vat_percent)
    return {
        "id": fate.id,
        "admin_graphql_api_id": f"gid://shopify/Order/{fate.id}",
        "checkout_id": fate.id + 10**12,
        "name": f"#{fate.number}",
        "order_number": fate.number,
        "test": False,
        "created_at": at(fate.placed_at),
        "processed_at": at(fate.placed_at),
        "updated_at": at(updated),
        "cancelled_at": None if fate.cancelled_at is None else at(fate.cancelled_at),
        "financial_status": _payment(fate),
        "fulfillment_status": None,
        "source_name": "web",
        "tags": "confirmed" if fate.confirmed_at is not None else "",
        "email": person.email,
        "currency": told.currency,
        "presentment_currency": told.currency,
        "total_price": str(fate.total),
        "total_tax": str(tax),
        "taxes_included": True,
        "total_shipping_price_set": {"shop_money": {"amount": str(told.shipping), "currency_code": told.currency}},
        "landing_site": _landing(fate),
        "referring_site": "",
        "payment_gateway_names": [GATEWAYS[fate.method]],
        "customer": {"id": 7_000_000_000_000 + fate.serial, "email": person.email, "phone": person.phone,
                     "first_name": person.first, "last_name": person.last},
        "billing_address": address,
        "shipping_address": address,
        "line_items": [
            {"id": fate.id * 10 + place, "sku": piece.article.sku, "title": piece.article.name, "quantity": piece.quantity,
             "price": str(piece.article.price)}
            for place, piece in enumerate(fate.pieces)
        ],
        "refunds": [_refund(told, calendar, fate, number) for number in range(len(fate.refunds))],
        # Of two orders with one number a courier's list tells only the parcel: the shop says whose it is.
        "fulfillments": [_fulfilment(calendar, fate, *parcel) for parcel in enumerate(_parcels(fate))] if told.second_shop else [],
    }  # fmt: skip


def _parcels(fate: Fate) -> list[str]:
    return [parcel for parcel in (fate.parcel, fate.second) if parcel and fate.shipped_at is not None]


def _fulfilment(calendar: Calendar, fate: Fate, place: int, parcel: str) -> dict[str, Any]:
    assert fate.shipped_at is not None
    at = calendar.text(fate.shipped_at)
    return {"id": fate.id * 10 + place, "order_id": fate.id, "status": "success", "created_at": at, "updated_at": at,
            "tracking_number": parcel, "tracking_numbers": [parcel], "shipment_status": "in_transit"}  # fmt: skip


def _refund(told: Scenario, calendar: Calendar, fate: Fate, number: int) -> dict[str, Any]:
    at, amount = fate.refunds[number]
    name = fate.id * 100 + number
    return {
        "id": name, "order_id": fate.id, "created_at": calendar.text(at), "processed_at": calendar.text(at), "refund_line_items": [],
        "transactions": [{"id": name + 50, "order_id": fate.id, "kind": "refund", "status": "success", "amount": str(amount),
                          "currency": told.currency, "gateway": GATEWAYS[fate.method], "created_at": calendar.text(at)}],
    }  # fmt: skip


def _payment(fate: Fate) -> str:
    if fate.refunds:
        return "refunded" if fate.refunded >= fate.total else "partially_refunded"
    if fate.method == "cod":
        return "voided" if fate.cancelled_at is not None else "pending"
    if fate.method == "voucher":
        return "paid"
    return "paid" if fate.paid_at is not None else "voided" if fate.cancelled_at is not None else "pending"


def _landing(fate: Fate) -> str:
    """The page on which the buying browser arrived. Who clicked on another device came by typing the shop's name."""
    if fate.campaign is None or fate.device != fate.bought_on:
        return "/"
    told = {
        "utm_source": "facebook",
        "utm_medium": "paid_social",
        "utm_campaign": fate.campaign.name,
        "utm_id": fate.campaign.id,
    }
    return f"/?{urlencode(told)}"


CHAT_COLUMNS = ("order_id", "placed_at", "total", "currency", "sale", "method", "status", "cancelled_at", "tax", "tax_included",
                "line_sku", "line_quantity", "line_price", "name", "phone", "updated_at", "refunded", "refunded_at",
                "payment_status", "replaces")  # fmt: skip


def chat_orders(told: Scenario, calendar: Calendar, fates: Iterable[Fate]) -> str:
    """Orders that operators wrote down, a row a piece; what was offered in the chat and taken is a row like the others."""
    rows = []
    for fate in fates:
        if fate.sale == "web":
            continue
        status = (
            "cancelled" if fate.cancelled_at is not None else "confirmed" if fate.confirmed_at is not None else "placed"
        )
        updated = max(t for t in (fate.placed_at, fate.confirmed_at, fate.cancelled_at, *(at for at, _ in fate.refunds))
                      if t is not None)  # fmt: skip
        common = {
            "order_id": fate.number,
            "placed_at": calendar.text(fate.placed_at),
            "total": fate.total,
            "currency": fate.currency or told.currency,
            "replaces": "",
            "sale": fate.sale,
            "method": METHODS[fate.method],
            "status": status,
            "cancelled_at": "" if fate.cancelled_at is None else calendar.text(fate.cancelled_at),
            "tax": contained_tax(fate.total, told.vat_percent),
            "tax_included": "true",
            "name": fate.person.name,
            "phone": fate.person.phone,
            "updated_at": calendar.text(updated),
            "refunded": fate.refunded or "",
            "refunded_at": calendar.text(fate.refunds[-1][0]) if fate.refunds else "",
            "payment_status": _payment(fate)
            .replace("pending", "unpaid")
            .replace("partially_refunded", "part_refunded"),
        }
        orders = [(common, fate.pieces)]
        if fate.replaced is not None:
            common["replaces"] = fate.replaced.number
            orders.append((_given_up(told, calendar, fate, fate.replaced, common), fate.replaced.pieces))
        for values, pieces in orders:
            for piece in pieces:
                line = {
                    "line_sku": piece.article.sku,
                    "line_quantity": piece.quantity,
                    "line_price": piece.article.price,
                }
                rows.append([(values | line)[name] for name in CHAT_COLUMNS])
    return table(CHAT_COLUMNS, rows)


def _given_up(told: Scenario, calendar: Calendar, fate: Fate, old: Replaced, later: dict[str, Any]) -> dict[str, Any]:
    """The order that was written first, as it stands since the other one took its place."""
    return later | {
        "order_id": old.number, "placed_at": calendar.text(old.placed_at), "total": old.total, "status": "cancelled",
        "cancelled_at": calendar.text(fate.placed_at), "updated_at": calendar.text(fate.placed_at), "refunded": "", "refunded_at": "",
        "tax": contained_tax(old.total, told.vat_percent), "payment_status": "unpaid", "replaces": "",
    }  # fmt: skip


def parcels(told: Scenario, calendar: Calendar, fates: Iterable[Fate]) -> dict[str, str]:
    """By courier its list of parcels, a row a state."""
    rows: dict[str, list[list[Any]]] = {courier.name: [] for courier in told.couriers}
    for fate in fates:
        if fate.courier is None or fate.shipped_at is None:
            continue
        due = fate.total if fate.method == "cod" else Decimal(0)
        steps = [("In transit", fate.shipped_at), ("Delivered", fate.delivered_at), ("Refused", fate.refused_at),
                 ("Returned", fate.returned_at), ("Lost", fate.lost_at)]  # fmt: skip
        second = [
            ("In transit", fate.shipped_at),
            ("Refused" if fate.second_refused else "Delivered", fate.delivered_at),
        ]
        for parcel, cash, words in (
            (fate.parcel, due - fate.second_due, steps),
            (fate.second, fate.second_due, second),
        ):
            for word, when in words if parcel else ():
                if when is not None:
                    rows[fate.courier.name].append(
                        [parcel, fate.number, word, calendar.text(when), cash, told.currency]
                    )
    columns = ("Tracking number", "Order number", "Status", "Status date", "COD due", "Currency")
    return {name: table(columns, sorted(found, key=lambda row: (row[3], row[0]))) for name, found in rows.items()}


def contained_tax(total: Decimal, percent: Decimal) -> Decimal:
    return (total * percent / (100 + percent)).quantize(Decimal("0.01"))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
