"""Which webhooks a shop system should send us: all that are worth something, and those without which orders are wrong.

Owns the lists; what a topic does here is written in docs/shopify.md, woocommerce.md and stripe.md. Not: what is understood when it
comes all the same, which is each source's own.
"""

from __future__ import annotations

WANTED: dict[str, tuple[str, ...]] = {
    "shopify": (
        "orders/create", "orders/paid", "orders/updated", "orders/cancelled", "orders/fulfilled", "orders/partially_fulfilled",
        "orders/edited", "orders/delete", "refunds/create", "order_transactions/create", "fulfillments/create",
        "fulfillments/update", "fulfillment_events/create", "returns/request", "returns/approve", "returns/decline",
        "returns/close", "disputes/create", "disputes/update",
    ),
    "woocommerce": ("order.created", "order.updated", "order.deleted", "order.restored"),
    "stripe": (
        "checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
        "checkout.session.expired", "payment_intent.succeeded", "payment_intent.processing",
        "payment_intent.amount_capturable_updated", "payment_intent.payment_failed", "payment_intent.canceled",
        "charge.succeeded", "charge.captured", "charge.failed", "charge.refunded", "refund.created", "refund.updated",
        "refund.failed", "charge.refund.updated", "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
        "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated", "invoice.paid", "invoice_payment.paid",
        "payout.paid",
    ),
}  # fmt: skip
"""In the system's own spelling."""

NEEDED: dict[str, tuple[str, ...]] = {
    "shopify": ("orders/create", "orders/updated"),
    "woocommerce": ("order.created", "order.updated"),
    "stripe": (),  # which event comes first depends on how the shop sells
}
"""Those that come with any order, so that their silence means something."""
