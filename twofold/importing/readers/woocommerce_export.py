"""WooCommerce's exports: the CSV of WooCommerce > Analytics > Orders, and those of the common export plug-ins.

Owns their headers (read November 2026): the built-in report's from WooCommerce's own source, `order_id`, `order_date`
… as the Import Export Suite documents them at woocommerce.com and its free edition writes them, and the titles with
spaces of "Advanced Order Export". Times are in the site's zone and do not say it.
"""

from __future__ import annotations

import re
from decimal import Decimal

from twofold.importing.readers.layout import Format, Found, Group, Skipped
from twofold.importing.readers.orders import State, build_order, row_lines
from twofold.importing.readers.values import NumberStyle, read_id
from twofold.ledger.model import Line, Method, Paid

# status without wc-: (paid, cancelled). Processing means paid, except where the courier is paid.
STATUSES = {
    "pending": (Paid.UNPAID, False),
    "pending payment": (Paid.UNPAID, False),
    "on hold": (Paid.UNPAID, False),
    "processing": (Paid.PAID, False),
    "completed": (Paid.PAID, False),
    "cancelled": (None, True),
    "refunded": (Paid.REFUNDED, False),
    "failed": (Paid.VOIDED, False),
}
NO_ORDERS = frozenset({"checkout draft", "auto draft", "draft", "trash"})
METHODS = {"cod": Method.COD, "bacs": Method.BANK_TRANSFER, "cheque": Method.BANK_TRANSFER, "paypal": Method.WALLET,
           "ppcp gateway": Method.WALLET, "stripe": Method.CARD, "woocommerce payments": Method.CARD}  # fmt: skip
_ITEM = re.compile(r"(?:^|\|)\s*(name|product_id|variation_id|sku|quantity|total|sub_total|subtotal|id):([^|]*)", re.I)
_LINE_COLUMN = re.compile(r"line[ _]item[ _]?(\d+)", re.I)
_PRODUCT_COLUMN = re.compile(r"product item (\d+) (id|sku|quantity|total|subtotal|name)", re.I)

PLUGIN_COLUMNS = {
    "order_id": ("order_id", "Order ID", "Order Number", "Order #"),
    "number": ("order_number", "Order Number"),
    "placed_at": ("order_date", "Order Date", "date_created"),
    "paid_at": ("paid_date", "Paid Date", "Order Date Paid", "date_paid"),
    "updated_at": ("modified_date", "Modified Date", "date_modified"),
    "completed_at": ("completed_date", "Completed Date", "date_completed"),
    "status": ("status", "Order Status", "order_status"),
    "currency": ("order_currency", "Currency", "Order Currency"),
    "total": ("order_total", "Order Total Amount", "Order Total"),
    "tax": ("tax_total", "Order Total Tax Amount", "Order Total Tax", "order_tax", "total_tax"),
    "shipping": ("shipping_total", "Order Shipping Amount", "order_shipping"),
    "shipping_tax": ("shipping_tax_total", "Order Shipping Tax Amount", "order_shipping_tax"),
    "discount": ("discount_total", "Cart Discount Amount", "Discount Amount", "cart_discount"),
    "refunded": ("refunded_total", "Order Refund Amount", "Order Refunded Amount", "Total Refunded"),
    "method": ("payment_method", "Payment Method"),
    "gateway": ("payment_method_title", "Payment Method Title"),
    "customer_id": ("customer_id", "Customer User ID", "customer_user"),
    "client_ip": ("customer_ip_address", "Customer IP Address"),
    "user_agent": ("customer_user_agent", "Customer User Agent"),
    "email": ("billing_email", "Email (Billing)", "Billing Email", "customer_email"),
    "phone": ("billing_phone", "Phone (Billing)", "Billing Phone"),
    "first_name": ("billing_first_name", "First Name (Billing)", "Billing First Name"),
    "last_name": ("billing_last_name", "Last Name (Billing)", "Billing Last Name"),
    "city": ("billing_city", "City (Billing)", "Billing City"),
    "state": ("billing_state", "State Code (Billing)", "Billing State"),
    "ship_country": ("shipping_country", "Country Code (Shipping)", "Shipping Country"),
    "ship_state": ("shipping_state", "State Code (Shipping)", "Shipping State"),
    "zip": ("billing_postcode", "Postcode (Billing)", "Billing Postcode"),
    "country": ("billing_country", "Country Code (Billing)", "Billing Country"),
    "line_sku": ("item_sku", "SKU"),
    "line_id": ("item_product_id", "Product Id", "Product ID"),
    "line_name": ("item_name", "Item Name", "Product Name"),
    "line_quantity": ("item_quantity", "Quantity"),
    "line_total": ("item_total", "Order Line Total"),
    "line_price": ("item_price", "Item Cost"),
    "event_id": ("_meta_event_id", "meta:_meta_event_id"),
    "fbp": ("_fbp", "meta:_fbp"),
    "fbc": ("_fbc", "meta:_fbc"),
}

ANALYTICS_COLUMNS = {
    "order_id": ("Order #",),
    "placed_at": ("Date",),
    "status": ("Status",),
    "total": ("N. Revenue (formatted)",),
    "net": ("N. Revenue", "Net Sales"),
    "items": ("Items sold",),
    "customer": ("Customer type",),
    "currency": ("Currency",),
}


def build(group: Group) -> Found | Skipped:
    status = _status(group)
    if status in NO_ORDERS:
        return Skipped(rows=len(group.rows), reason="a checkout that is no order")
    order_id = group.needed("order_id", group.id("order_id"), "the order's id", "no_id")
    number = group.id("number").removeprefix("#")
    return build_order(
        group,
        order_id=order_id,
        aliases=(f"number:{number}",) if number and number != order_id else (),
        state=_state(group, status),
        lines=_lines(group),
    )


def build_analytics(group: Group) -> Found | Skipped:
    """One row an order, and one more for each refund, with the same number and a negative total."""
    refunds = [row for row in group.rows if "-" in group.text("total", row)[:4]]
    if len(refunds) == len(group.rows):
        return Skipped(rows=len(group.rows), reason="a refund whose order is not beside it")
    if refunds:
        group.rows = [row for row in group.rows if row not in refunds]
        group.cells = group.rows[0].cells
        group.warn("total", "orders", "a refund's row beside its order; import the orders' own export for refunds",
                   "refund_row")  # fmt: skip
    order_id = group.needed("order_id", group.id("order_id"), "the order's number", "no_id")
    return build_order(group, order_id=order_id, aliases=(), state=_state(group, _status(group)))


def _status(group: Group) -> str:
    return group.word("status").removeprefix("wc ")


def _state(group: Group, status: str) -> State:
    paid, cancelled = STATUSES.get(status, (None, False))
    if status not in STATUSES:
        group.warn(
            "status", f"one of {', '.join(STATUSES)}", group.shown("status", group.text("status")), "unknown_word"
        )
    word = group.word("method")
    method = METHODS.get(word)
    if method is Method.COD and status == "processing" and not group.text("paid_at"):
        paid = Paid.UNPAID  # on its way, the courier brings the money
    gateways = dict.fromkeys(label for label in (group.label("gateway"), group.label("method")) if label)
    return State(paid=paid, cancelled=cancelled, method=method, gateways=tuple(gateways))


# -- lines: in rows of their own, in cells of their own, or in one cell each


def _lines(group: Group) -> tuple[Line, ...]:
    if group.layout.has("line_quantity"):
        return row_lines(group)
    packed, spread = _line_columns(tuple(group.layout.columns))
    lines = [_packed(group, place) for place in packed] or [_spread(group, places) for places in spread]
    return tuple(filter(None, lines))


_COLUMNS_OF: dict[tuple[str, ...], tuple[list[int], list[dict[str, int]]]] = {}


def _line_columns(columns: tuple[str, ...]) -> tuple[list[int], list[dict[str, int]]]:
    """Places of `line_item_1 …`, and of `Product Item 1 Name …` by item. Remembered for the file at hand."""
    known = _COLUMNS_OF.get(columns)
    if known is None:
        packed = [place for place, name in enumerate(columns) if _LINE_COLUMN.fullmatch(name)]
        spread: dict[int, dict[str, int]] = {}
        for place, name in enumerate(columns):
            found = _PRODUCT_COLUMN.fullmatch(name)
            if found:
                spread.setdefault(int(found[1]), {})[found[2].lower()] = place
        _COLUMNS_OF.clear()
        known = _COLUMNS_OF[columns] = (packed, list(spread.values()))
    return known


def _packed(group: Group, place: int) -> Line | None:
    """`name:Cap|product_id:12|sku:CAP|quantity:2|total:40.00|sub_total:40.00`"""
    cell = group.cells[place] if place < len(group.cells) else ""
    parts = {key.lower(): value.strip() for key, value in _ITEM.findall(cell)}
    parts.setdefault(
        "id", (parts.get("variation_id", "").strip("0") and parts["variation_id"]) or parts.get("product_id", "")
    )
    return _line(parts)


def _spread(group: Group, places: dict[str, int]) -> Line | None:
    return _line({key: group.cells[place].strip() for key, place in places.items() if place < len(group.cells)})


def _line(parts: dict[str, str]) -> Line | None:
    """None for an item that says nothing. A line's goods are a detail: what is odd in it is left out, not refused."""
    sku, item = read_id(parts.get("sku", "")) or "", read_id(parts.get("id", "")) or ""
    style = NumberStyle(".")
    pieces = style.read(parts.get("quantity", "") or "1")
    if not (sku or item or parts.get("name")) or not pieces or pieces != pieces.to_integral_value() or pieces < 0:
        return None
    before = style.read(parts.get("subtotal", "") or parts.get("sub_total", "") or "x")
    after = style.read(parts.get("total", "") or "x")
    price = before / pieces if before is not None and (before * 10_000) % pieces == 0 else None
    discount = before - after if before is not None and after is not None and before > after else None
    return Line(
        id=item or sku,
        sku=sku,
        quantity=int(pieces),
        price=Decimal(format(price.normalize(), "f")) if price is not None else None,
        discount=discount,
    )


WOOCOMMERCE = Format(
    name="woocommerce",
    title="WooCommerce orders, by an export plug-in",
    sender="woocommerce",
    columns=PLUGIN_COLUMNS,
    needs=("order_id", "placed_at", "status", "total"),
    build=build,
)
ANALYTICS = Format(
    name="woocommerce-analytics",
    title="WooCommerce Analytics, orders report",
    sender="woocommerce",
    columns=ANALYTICS_COLUMNS,
    needs=("order_id", "placed_at", "status", "total", "customer"),
    build=build_analytics,
)
