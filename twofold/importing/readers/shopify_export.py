"""Shopify's orders export (Admin, Orders, Export): several rows an order, the order's own columns in the first alone.

Owns its headers, read off exports of 2012 to 2026 in public repositories: old ones lack `Id`, `Source` and what
stands right of `Cancelled at`; header and order of columns are otherwise the same. Times carry their offset.
`Total` is what was charged, before refunds; `Refunded Amount` stands beside it.
"""

from __future__ import annotations

import re
from decimal import Decimal

from twofold.event.click_ids import parse_fbc, parse_fbp
from twofold.event.identity import read_event_id
from twofold.importing.readers.layout import Format, Found, Group, Skipped
from twofold.importing.readers.orders import State, build_order, row_lines
from twofold.ledger.model import Paid, Sale

PAID = {
    "pending": Paid.UNPAID,
    "authorized": Paid.AUTHORISED,
    "partially paid": Paid.PART,
    "paid": Paid.PAID,
    "partially refunded": Paid.PART_REFUNDED,
    "refunded": Paid.REFUNDED,
    "voided": Paid.VOIDED,
    "expired": Paid.VOIDED,
    "unpaid": Paid.UNPAID,
}
SALES = {
    "web": Sale.WEB, "580111": Sale.WEB, "pos": Sale.STORE, "iphone": Sale.STORE, "android": Sale.STORE,
    "shopify draft order": Sale.STAFF,
}  # fmt: skip
_BOGUS = re.compile(r"\bbogus\b", re.I)  # Shopify's gateway for test orders
_ATTRIBUTE = re.compile(r"^_?([\w .-]{1,60}?):[ \t]*(.+?)\s*$", re.M)
_RENEWAL_TAG = re.compile(r"(recurring|renewal)[\s_-]*order", re.I)
_FIRST_TAG = re.compile(r"first[\s_-]*order", re.I)

COLUMNS = {
    "group": ("Name",),
    "order_id": ("Id",),
    "number": ("Name",),
    "placed_at": ("Created at",),
    "paid_at": ("Paid at",),
    "cancelled_at": ("Cancelled at",),
    "payment_status": ("Financial Status",),
    "currency": ("Currency",),
    "subtotal": ("Subtotal",),
    "shipping": ("Shipping",),
    "tax": ("Taxes",),
    "total": ("Total",),
    "duties": ("Duties",),
    "discount": ("Discount Amount",),
    "refunded": ("Refunded Amount",),
    "gateway": ("Payment Method",),
    "source": ("Source",),
    "tags": ("Tags",),
    "attributes": ("Note Attributes",),
    "line_name": ("Lineitem name",),
    "line_sku": ("Lineitem sku",),
    "line_quantity": ("Lineitem quantity",),
    "line_price": ("Lineitem price",),
    "line_discount": ("Lineitem discount",),
    "email": ("Email",),
    "phone": ("Phone",),
    "phone_2": ("Billing Phone",),
    "phone_3": ("Shipping Phone",),
    "name": ("Billing Name", "Shipping Name"),
    "city": ("Billing City", "Shipping City"),
    "state": ("Billing Province", "Shipping Province"),
    "ship_country": ("Shipping Country",),
    "ship_state": ("Shipping Province",),
    "zip": ("Billing Zip", "Shipping Zip"),
    "country": ("Billing Country", "Shipping Country"),
}


def build(group: Group) -> Found | Skipped:
    name = group.text("number").removeprefix("#")
    attributes = {key.strip().lower(): value for key, value in _ATTRIBUTE.findall(group.text("attributes"))}
    currency = group.currency("total")
    found = build_order(
        group,
        order_id=group.id("order_id") or group.needed("number", name, "the order's name or id", "no_id"),
        aliases=_names(name),
        state=_state(group),
        lines=row_lines(group),
        tax_included=_tax_included(group),
        currency=currency,
    )
    if found.copy is not None:
        _take_browser(found, attributes)
    return found


def _names(name: str) -> tuple[str, ...]:
    """As the webhooks name the order: its name, and its number where the name is nothing more."""
    return (f"name:{name}", *((f"number:{name}",) if name.isdigit() else ())) if name else ()


def _state(group: Group) -> State:
    status = group.word("payment_status")
    if status and status not in PAID:
        group.warn("payment_status", f"one of {', '.join(PAID)}", group.shown("payment_status", group.text("payment_status")),
                   "unknown_word")  # fmt: skip
    gateway = group.label("gateway")
    return State(
        paid=PAID.get(status),
        sale=_sale(group),
        gateways=tuple(part.strip() for part in gateway.split("+") if part.strip()),
        test=bool(_BOGUS.search(gateway)),
    )


def _sale(group: Group) -> Sale:
    source, tags = group.word("source") or "web", group.text("tags")
    if _RENEWAL_TAG.search(tags):
        return Sale.RENEWAL
    if source.startswith("subscription contract"):
        return Sale.WEB if _FIRST_TAG.search(tags) else Sale.RENEWAL
    # Another app's id: whether a browser was there is not in the export.
    return SALES.get(source, Sale.API)


def _tax_included(group: Group) -> bool:
    """The export has no word for it, but its sums have: subtotal and shipping make the total with tax or without."""
    subtotal, total = group.money("subtotal"), group.money("total")
    tax = group.money("tax") or Decimal()
    if subtotal is None or total is None or not tax:
        return False
    beside = total - subtotal - (group.money("shipping") or Decimal()) - (group.money("duties") or Decimal())
    return abs(beside) < abs(beside - tax)


def _take_browser(found: Found, attributes: dict[str, str]) -> None:
    """What the shop's page left on the order: ids of the browser's copy."""
    copy = found.copy
    assert copy is not None
    copy.event_id = read_event_id(attributes.get("twofold_event_id")) or copy.event_id
    copy.consent = attributes.get("twofold_consent") or copy.consent
    for name, fits in (("fbp", parse_fbp), ("fbc", parse_fbc)):
        if fits(attributes.get(name, "")):
            copy.user_data[name] = attributes[name]


SHOPIFY = Format(
    name="shopify",
    title="Shopify orders export",
    sender="shopify",
    columns=COLUMNS,
    needs=("number", "payment_status", "placed_at", "total", "line_quantity"),
    build=build,
    key="group",
    continues=True,
)
