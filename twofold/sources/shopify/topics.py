"""Which webhook is which: topics, the shapes that their bodies have, and what is left unread.

Owns the names. Topics come in a header that is not signed, so where a body's shape says what it is, the shape is
believed: a body under a topic of another shape is not read at all (names from the webhooks reference of API version
2026-10; shapes from public captures of 2023-01 and 2024-10).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Shape(StrEnum):
    """What a body is about. Those in upper case are the type names in `admin_graphql_api_id`."""

    ORDER = "Order"
    EDIT = "edit"
    DELETED = "deleted"
    REFUND = "Refund"
    TRANSACTION = "OrderTransaction"
    FULFILLMENT = "Fulfillment"
    SCAN = "FulfillmentEvent"
    RETURN = "Return"
    DISPUTE = "dispute"
    ERASE = "erase"
    EXPORT = "export"
    ERASE_SHOP = "erase shop"
    DRAFT = "DraftOrder"
    CHECKOUT = "checkout"
    TENDER = "tender"
    CART = "cart"


class Topic(Struct, frozen=True):
    """``kind`` classifies the answer, ``event`` is the word in the order's history."""

    shape: Shape
    kind: str
    event: str = ""


TOPICS = {
    "orders/create": Topic(Shape.ORDER, "order placed", "placed"),
    "orders/paid": Topic(Shape.ORDER, "order paid", "paid"),
    "orders/updated": Topic(Shape.ORDER, "order updated", "updated"),
    "orders/cancelled": Topic(Shape.ORDER, "order cancelled", "cancelled"),
    "orders/fulfilled": Topic(Shape.ORDER, "order fulfilled", "fulfilled"),
    "orders/partially_fulfilled": Topic(Shape.ORDER, "order partly fulfilled", "part_fulfilled"),
    "orders/edited": Topic(Shape.EDIT, "order edited", "edited"),
    "orders/delete": Topic(Shape.DELETED, "order deleted", "deleted"),
    "refunds/create": Topic(Shape.REFUND, "refund", "refund"),
    "order_transactions/create": Topic(Shape.TRANSACTION, "payment", "payment"),
    "fulfillments/create": Topic(Shape.FULFILLMENT, "parcel", "parcel"),
    "fulfillments/update": Topic(Shape.FULFILLMENT, "parcel", "parcel"),
    "fulfillment_events/create": Topic(Shape.SCAN, "parcel", "parcel"),
    "returns/request": Topic(Shape.RETURN, "return requested", "return_requested"),
    "returns/approve": Topic(Shape.RETURN, "return approved", "return_approved"),
    "returns/decline": Topic(Shape.RETURN, "return declined", "return_declined"),
    "returns/close": Topic(Shape.RETURN, "return closed", "return_closed"),
    "returns/reopen": Topic(Shape.RETURN, "return reopened", "return_reopened"),
    "returns/cancel": Topic(Shape.RETURN, "return cancelled", "return_cancelled"),
    "returns/update": Topic(Shape.RETURN, "return updated", "return_updated"),
    "disputes/create": Topic(Shape.DISPUTE, "dispute", "dispute"),
    "disputes/update": Topic(Shape.DISPUTE, "dispute", "dispute"),
    "customers/redact": Topic(Shape.ERASE, "privacy erase"),
    "customers/data_request": Topic(Shape.EXPORT, "privacy export"),
    "shop/redact": Topic(Shape.ERASE_SHOP, "privacy erase shop"),
}

# What is known and left out: resource or topic -> kind, why.
_NOT_KEPT = {
    "checkouts": ("checkout", "a checkout is no order yet; its tokens come again with the order"),
    "carts": ("cart", "a cart is no order; its token comes again with the order"),
    "draft_orders": ("draft order", "a draft is no order; the order that it becomes is reported by itself"),
    "tender_transactions": ("tender", "the same money comes with order_transactions/create"),
    "app/uninstalled": ("app uninstalled", "the app was removed from the shop: its webhooks end here"),
    "fulfillment_events/delete": ("parcel", "a deleted scan says nothing of where the parcel is"),
    "returns": ("return", "this step of a return is not kept"),
    "fulfillment_orders": ("fulfilment order", "work in the warehouse; parcels come with fulfillments"),
    "subscription_contracts": ("subscription", "a contract is no order; its orders are reported by themselves"),
    "subscription_billing_attempts": ("subscription", "an attempt is no order; its order is reported by itself"),
    "orders": ("order notice", "this topic says nothing about the order's money or state"),
    "products": ("product", "products are not kept"),
    "customers": ("customer", "customers are not kept"),
    "collections": ("product", "products are not kept"),
    "inventory_levels": ("stock", "stock is not kept"),
    "inventory_items": ("stock", "stock is not kept"),
    "shop": ("shop", "the shop's own data is not kept"),
    "themes": ("shop", "the shop's own data is not kept"),
    "app_subscriptions": ("app", "the app's own billing is not kept"),
}

_SHAPED_BY_KEYS = (
    (Shape.EDIT, {"order_edit"}),
    (Shape.ERASE, {"orders_to_redact"}),
    (Shape.EXPORT, {"orders_requested"}),
    (Shape.EXPORT, {"data_request"}),
    (Shape.REFUND, {"refund_line_items"}),
    (Shape.SCAN, {"fulfillment_id", "status"}),
    (Shape.DISPUTE, {"evidence_due_by", "type"}),
    (Shape.TENDER, {"remote_reference", "payment_method"}),
    (Shape.FULFILLMENT, {"tracking_numbers", "order_id"}),
    (Shape.TRANSACTION, {"kind", "gateway", "order_id"}),
    (Shape.CHECKOUT, {"abandoned_checkout_url"}),
    (Shape.DRAFT, {"invoice_url", "line_items"}),
    (Shape.RETURN, {"return_line_items"}),
    (Shape.ORDER, {"financial_status", "line_items"}),
    (Shape.ORDER, {"order_number", "total_price"}),
)
_EXACT = {
    frozenset({"id"}): Shape.DELETED,
    frozenset({"shop_id", "shop_domain"}): Shape.ERASE_SHOP,
    frozenset({"id", "admin_graphql_api_id", "order_id", "status"}): Shape.RETURN,  # returns/close, returns/reopen
}
# For a body without a topic: which of the shape's topics it is read as. A bare id could be anything's.
_UNNAMED = {
    topic.shape: topic
    for name, topic in TOPICS.items()
    if name not in ("orders/create", "orders/paid", "orders/delete", "returns/request", "returns/approve")
} | {Shape.ORDER: TOPICS["orders/updated"], Shape.RETURN: TOPICS["returns/update"]}
_NOT_READ = {Shape.CHECKOUT: "checkouts", Shape.DRAFT: "draft_orders", Shape.TENDER: "tender_transactions"}
_BY_GID = {shape.value: shape for shape in Shape if shape.value[0].isupper()}
_GID = re.compile(r"gid://shopify/([A-Za-z]+)/")


def name_of(header: str) -> str:
    """A topic as it is written in the reference; GraphQL's spelling ORDERS_CREATE is understood too."""
    name = header.strip().lower()
    if "/" in name:
        return name
    return next((known for known in TOPICS if known.replace("/", "_") == name), name)


def not_kept(name: str) -> tuple[str, str]:
    """(kind, reason) for a topic that is not read. Kinds are a closed list: topics are not signed."""
    found = _NOT_KEPT.get(name) or _NOT_KEPT.get(name.partition("/")[0])
    return found or ("other topic", "the topic is not one that is kept here")


def not_read(shape: Shape) -> tuple[str, str] | None:
    """The same for a body without a topic whose shape is known and not read."""
    return _NOT_KEPT.get(_NOT_READ.get(shape, ""))


def unnamed(shape: Shape) -> Topic | None:
    return _UNNAMED.get(shape)


def shape_of(body: Mapping[str, Any]) -> Shape | None:
    """What a body is, where it says so itself."""
    gid = body.get("admin_graphql_api_id")
    match = _GID.match(gid) if isinstance(gid, str) else None
    if match and match[1] in _BY_GID:
        return _BY_GID[match[1]]
    exact = _EXACT.get(frozenset(body))
    return exact or next((shape for shape, keys in _SHAPED_BY_KEYS if keys <= body.keys()), None)
