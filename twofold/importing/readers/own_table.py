"""A table in our own words, and any other by a mapping of the configuration.

Owns the fields of docs/import.md and the words that a status can be. A mapping names the file's column for each
field and gives our word for each of theirs; everything else is as here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from twofold.importing.readers.layout import Format, Found, Group, Skipped, fold_word
from twofold.importing.readers.orders import State, build_order, row_lines
from twofold.ledger.model import Line, Method, Paid, Sale

_Word = TypeVar("_Word", Paid, Method, Sale)

# field -> (headers by which it is known, meaning for the documentation)
FIELDS: dict[str, tuple[tuple[str, ...], str]] = {
    "order_id": (("order_id", "order id", "id"), "The order's id. The platform is told it as `order_id`. Required."),
    "placed_at": (("placed_at", "order date", "created_at", "date"), "When it was placed. Required."),
    "total": (("total", "order total", "amount", "value"), "What the buyer pays in all, after discounts. Required."),
    "currency": (("currency",), "Three letters (ISO 4217). Required, here or as a setting."),
    "number": (("number", "order_number"), "The number that the buyer sees, when it is another."),
    "status": (("status", "order status"), "`placed`, `confirmed`, `shipped`, `delivered`, `returned`, `refused`, "
               "`cancelled`, `refunded`, `paid`, `test`, or `ignore` for rows that are no orders."),
    "payment_status": (("payment_status", "paid"), "`unpaid`, `authorised`, `part`, `paid`, `part_refunded`, "
                       "`refunded`, `voided`."),
    "method": (("method", "payment_method"), "`card`, `wallet`, `later`, `cod`, `bank_transfer`, `gift_card`, "
               "`manual`, `other`."),
    "gateway": (("gateway",), "The payment provider, as the shop calls it."),
    "paid_at": (("paid_at",), "When it was paid; without a payment status, that it was."),
    "updated_at": (("updated_at",), "When it last changed."),
    "cancelled_at": (("cancelled_at", "canceled_at"), "When it was cancelled."),
    "cancel_reason": (("cancel_reason",), "A short word of your own; no personal data."),
    "delivered_at": (("delivered_at",), "When all of it arrived."),
    "returned_at": (("returned_at",), "When it came back."),
    "refunded": (("refunded", "refund", "refunded_amount"), "All refunds so far."),
    "refunded_at": (("refunded_at",), "When the last of them was made."),
    "tax": (("tax", "total_tax"), "Tax contained in the total."),
    "tax_included": (("tax_included",), "`true` when the lines' prices contain tax."),
    "shipping": (("shipping",), "Shipping contained in the total."),
    "shipping_tax": (("shipping_tax",), "Tax on shipping, contained in `tax`."),
    "tip": (("tip",), "Tip contained in the total."),
    "duties": (("duties",), "Duties contained in the total."),
    "gift_cards": (("gift_cards",), "Gift cards that were sold, contained in the total."),
    "discount": (("discount",), "What was taken off already."),
    "sale": (("sale", "channel"), "`web`, `app`, `store`, `phone`, `chat`, `staff`, `crm`, `renewal`, `api`."),
    "test": (("test",), "`true` for a test order."),
    "tags": (("tags",), "The shop's own labels, separated by commas."),
    "line_id": (("line_id", "product_id"), "Of a line: id in the catalogue. Rows of one order stand together."),
    "line_sku": (("line_sku", "sku"), "Of a line: article number."),
    "line_quantity": (("line_quantity", "quantity"), "Of a line: pieces."),
    "line_price": (("line_price", "price"), "Of a line: price of one piece before discounts."),
    "line_discount": (("line_discount",), "Of a line: discount on the whole line."),
    "email": (("email",), "Contact data is hashed on the way and never kept in the clear."),
    "phone": (("phone",), "Best with its country code."),
    "first_name": (("first_name",), "First name."),
    "last_name": (("last_name",), "Last name."),
    "name": (("name",), "Both names in one, when they are not apart."),
    "city": (("city",), "City."),
    "state": (("state",), "State or region."),
    "zip": (("zip", "postcode"), "Post code."),
    "country": (("country",), "ISO 3166 code or name."),
    "customer_id": (("customer_id",), "Your id of the customer: `external_id`."),
    "client_ip": (("client_ip",), "The buyer's address."),
    "user_agent": (("user_agent",), "The buyer's user agent."),
    "fbp": (("fbp",), "Cookie `_fbp`."),
    "fbc": (("fbc",), "Cookie `_fbc`."),
    "event_id": (("event_id",), "The id that the thank-you page's Purchase had."),
    "consent": (("consent",), "`granted` or `denied`."),
    "cart": (("cart",), "Cart token, by which a browser's copy may know the order."),
    "checkout": (("checkout",), "Checkout token, likewise."),
    "replaces": (("replaces",), "Id of the order that this one was made from: an exchange counts once."),
}  # fmt: skip

PAID = {
    **{fold_word(paid.value): paid for paid in Paid},
    "pending": Paid.UNPAID, "open": Paid.UNPAID, "no": Paid.UNPAID, "false": Paid.UNPAID, "authorized": Paid.AUTHORISED,
    "partially paid": Paid.PART, "partially refunded": Paid.PART_REFUNDED, "yes": Paid.PAID, "true": Paid.PAID,
    "failed": Paid.VOIDED, "expired": Paid.VOIDED,
}  # fmt: skip
METHODS = {fold_word(method.value): method for method in Method} | {"cash on delivery": Method.COD}
SALES = {fold_word(sale.value): sale for sale in Sale} | {"website": Sale.WEB, "pos": Sale.STORE, "online": Sale.WEB}
# status -> what it says
STATUSES = {
    "placed": State(kind="placed"),
    "new": State(kind="placed"),
    "pending": State(kind="placed"),
    "confirmed": State(kind="confirmed", confirmed=True),
    "processing": State(kind="confirmed", confirmed=True),
    "paid": State(kind="paid", paid=Paid.PAID),
    "shipped": State(kind="shipped", confirmed=True),
    "delivered": State(kind="delivered", confirmed=True, delivered=True),
    "completed": State(kind="delivered", confirmed=True, paid=Paid.PAID, delivered=True),
    "returned": State(kind="returned", confirmed=True, returned=True),
    "refused": State(kind="returned", returned=True),
    "cancelled": State(kind="cancelled", cancelled=True),
    "canceled": State(kind="cancelled", cancelled=True),
    "refunded": State(kind="refund", paid=Paid.REFUNDED),
    "failed": State(kind="placed", paid=Paid.VOIDED),
    "test": State(kind="placed", test=True),
}
IGNORE = "ignore"
ALL_COLUMNS = {field: headers for field, (headers, _) in FIELDS.items()}


class _Line(msgspec.Struct):
    id: int | str | None = None
    product_id: int | str | None = None
    sku: str | None = None
    quantity: int = 1
    price: Decimal | None = None
    discount: Decimal | None = None


def build(group: Group) -> Found | Skipped:
    if group.word("status") == IGNORE:
        return Skipped(rows=len(group.rows), reason="a row that the mapping ignores")
    order_id = group.needed("order_id", group.id("order_id"), "the order's id", "no_id")
    number = group.id("number").removeprefix("#")
    named = {
        "number": number if number != order_id else "",
        "cart": group.text("cart"),
        "checkout": group.text("checkout"),
    }
    return build_order(
        group,
        order_id=order_id,
        aliases=[f"{kind}:{name}" for kind, name in named.items() if name],
        replaces=group.id("replaces"),
        state=_state(group),
        lines=row_lines(group) if group.layout.index.keys() & {"line_id", "line_sku", "line_price"} else _listed(group),
    )


def _state(group: Group) -> State:
    status = group.word("status")
    said = STATUSES.get(status, State())
    if status and status not in STATUSES:
        group.warn(
            "status", f"one of {', '.join(STATUSES)}", group.shown("status", group.text("status")), "unknown_word"
        )
    paid = _known(group, "payment_status", PAID)
    if paid is None:
        paid = said.paid or (Paid.PAID if group.text("paid_at") else None)
    gateway = group.label("gateway")
    return msgspec.structs.replace(
        said,
        paid=paid,
        method=_known(group, "method", METHODS),
        sale=_known(group, "sale", SALES) or Sale.WEB,
        gateways=(gateway,) if gateway else (),
        test=said.test or group.flag("test") is True,
    )


def _known(group: Group, field: str, table: Mapping[str, _Word]) -> _Word | None:
    word = group.word(field)
    found = table.get(word)
    if word and found is None:
        group.warn(field, f"one of {', '.join(table)}", group.shown(field, group.text(field)), "unknown_word")
    return found


def _listed(group: Group) -> tuple[Line, ...]:
    """Lines of a JSON object: its list `lines`, each with the names of a line here or without `line_`."""
    place = next((p for p, name in enumerate(group.layout.columns) if name in ("lines", "items", "line_items")), None)
    if place is None or place >= len(group.cells) or not group.cells[place].startswith("["):
        return ()
    try:
        rows = msgspec.json.decode(group.cells[place], type=list[_Line], strict=False)
    except msgspec.DecodeError:
        group.warn("lines", "a list of lines", "another form; the lines were left out", "bad_lines")
        return ()
    return tuple(
        Line(
            id=str(row.id or row.product_id or row.sku or ""), sku=row.sku or "", quantity=row.quantity, price=row.price,
            discount=row.discount,
        )
        for row in rows if row.quantity > 0
    )  # fmt: skip


OWN = Format(
    name="own",
    title="a table in the words of docs/import.md",
    sender="file",
    columns=ALL_COLUMNS,
    needs=("order_id", "placed_at", "total"),
    build=build,
)
