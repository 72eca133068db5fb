"""Links, reasons and metrics in words that a bookkeeper reads without having seen the product."""

from __future__ import annotations

LINKS = {
    "signalled": "counted as a Purchase",
    "placed": "ordered",
    "confirmed": "confirmed",
    "shipped": "sent off",
    "delivered": "delivered, after refunds",
    "collected": "taken from buyers, after refunds",
    "banked": "on the bank, net",
    "margin": "left over",
}

REASONS = {
    "unconfirmed": "never confirmed",
    "cancelled": "cancelled",
    "awaits_confirmation": "waits to be confirmed",
    "not_shipped": "waits to be sent off",
    "in_transit": "on the way to the buyer",
    "refused": "refused at the door",
    "returned": "came back",
    "lost": "lost on the way",
    "refunded": "given back to buyers",
    "nothing_due": "free: nothing is due",
    "paid_by_voucher": "paid with gift cards, sold before",
    "courier_holds": "couriers have the cash",
    "unpaid": "delivered and not paid yet",
    "short_collected": "taken less (or more) than was due",
    "rounding": "rounded at the door or by the payer",
    "rate_difference": "booked at another rate of exchange",
    "not_delivered": "taken for what is not delivered",
    "fee_psp": "kept by payment providers",
    "fee_cod": "kept by couriers for taking cash",
    "freight_deducted": "freight that couriers deducted",
    "reserve_held": "held back as a reserve",
    "disputed": "taken back by buyers' banks",
    "batch_adjustment": "adjusted by the provider or courier",
    "tax_withheld": "tax withheld",
    "refund_pending": "given back, and no provider's line of it yet",
    "payout_pending": "with providers, not paid out yet",
    "in_flight": "paid out, on its way to the bank",
    "not_arrived": "paid out, and late at the bank",
    "batch_open": "in payouts that do not add up",
    "credit_unmatched": "on the bank, and nobody knows for what",
}

METRICS = {
    "confirmation_rate": "confirmed of ordered",
    "delivery_rate": "delivered of what has ended",
    "return_rate": "refused or returned of what has ended",
    "open_share": "on the way of what was sent off",
    "refund_rate": "given back of delivered",
    "collection_rate": "taken of delivered after refunds",
    "fee_load": "fees and freight of taken",
    "bank_coverage": "on the bank of what should be",
    "days_to_cash": "days from the order to the bank, mean by money",
    "cash_held_days": "days that the oldest cash is held",
    "net_revenue": "net revenue, final orders",
    "cm1": "after goods (CM1)",
    "cm2": "after freight and handling (CM2)",
    "cm3": "after payment (CM3), before advertising",
    "cm4": "after advertising (CM4)",
    "mer_placed": "ordered for one spent",
    "mer": "delivered for one spent",
    "poas": "CM3 for one spent",
    "break_even_roas": "delivered for one spent at which nothing is lost",
    "blended_cac": "spent for one new customer who got the order",
    "customers_new": "new customers, by order",
    "customers_new_delivered": "new customers, by delivery",
    "customers_returning": "customers who came back",
}


def words(table: dict[str, str], name: str) -> str:
    """The words for a name; the name itself where there are none."""
    return table.get(name, name)
