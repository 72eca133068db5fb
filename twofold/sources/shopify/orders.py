"""A Shopify order to the ledger's snapshot: money in both currencies, lines, payment, parcels, where it was made.

Owns Shopify's order fields and what they mean in the ledger's words (REST Order resource of webhook API version
2024-10 and later, and the GraphQL descriptions of the same fields, read November 2026). No contact data is taken.

Two things read alike and are not: ``confirmed`` says that stock was reserved, not that a person accepted the order,
so the ledger's ``confirmed`` stays open; ``current_*`` amounts have edits, returns and refunds taken off, the amounts
without it have not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from twofold.event.contact import mask_id, names_somebody
from twofold.event.refusal import DropReason
from twofold.event.scalars import read_currency, read_order_currency
from twofold.ledger.model import Amounts, Line, OrderReport, Paid, Sale, Snapshot
from twofold.sources.people import place_of
from twofold.sources.shopify.bodies import Part, exact_id
from twofold.sources.shopify.money import read_refund
from twofold.sources.shopify.parcels import read_fulfillment

# The order of every test notification. The second is the first after a loss of digits, as public captures show it.
TEST_IDS = frozenset({"820982911946154508", "820982911946154500"})

PAID = {
    "pending": Paid.UNPAID,
    "authorized": Paid.AUTHORISED,
    "partially_paid": Paid.PART,
    "paid": Paid.PAID,
    "partially_refunded": Paid.PART_REFUNDED,
    "refunded": Paid.REFUNDED,
    "voided": Paid.VOIDED,
    "expired": Paid.VOIDED,  # GraphQL's word; not seen in webhook bodies
}

# source_name is free text for apps, but these are kept for Shopify's own channels. For iphone and android no
# description was found: they are taken for the point of sale on a phone, which never had a browser.
SALES = {
    "web": Sale.WEB,
    "580111": Sale.WEB,  # the Online Store's own app id
    "pos": Sale.STORE,
    "iphone": Sale.STORE,
    "android": Sale.STORE,
    "shopify_draft_order": Sale.STAFF,
}
_CONTRACT = "subscription_contract"  # also subscription_contract_checkout_one, since October 2025
# Tags of subscription apps (Recharge and Skio: "Subscription Recurring Order"; Firmhouse, Appstle alike).
_RENEWAL_TAG = re.compile(r"(recurring|renewal)[\s_-]*order", re.I)
_FIRST_TAG = re.compile(r"first[\s_-]*order", re.I)

_TOKEN = re.compile(r"[!-~]{1,200}")
SHOP, PRESENTMENT = "shop_money", "presentment_money"


def read_order_id(order: Part) -> str | None:
    """The order's number as text, exact beyond 2^53."""
    number = order.id("id")
    return None if number is None else exact_id(number, order.values.get("admin_graphql_api_id"))


def read_report(order: Part, order_id: str, kind: str, reference: str) -> OrderReport | None:
    """Everything one order body says; None after a refusal."""
    created_s = order.moment_s("created_at")
    placed_at = order.moment_s("processed_at") or created_s
    if placed_at is None:
        order.findings.refuse(DropReason.MISSING_EVENT_TIME, "processed_at", "a time with its offset", None)
        return None
    snapshot = _snapshot(order, placed_at, order_id in TEST_IDS)
    refunds = tuple(filter(None, (read_refund(part) for part in order.parts("refunds"))))
    parcels = tuple(filter(None, (read_fulfillment(part) for part in order.parts("fulfillments"))))
    if order.findings.refusal or snapshot is None:
        return None
    shipping = order.part("shipping_address")
    state = shipping.text("province_code") or shipping.text("province")
    country, region = place_of(shipping.text("country_code") or shipping.text("country"), state)
    # By what is signed alone: the topic is not, and the same body under another one is the same report.
    at = snapshot.version // 1000 or placed_at
    return OrderReport(
        order_id=order_id,
        kind=kind,
        at=at,
        reference=reference,
        aliases=read_aliases(order),
        snapshot=snapshot,
        refunds=refunds,
        parcels=parcels,
        country=country,
        region=region,
    )


def read_aliases(order: Part) -> tuple[str, ...]:
    """Other names of the order: its number, its name as the buyer sees it, its checkout, its status page, its cart."""
    named = {
        "number": order.digits("order_number"),
        "name": (order.text("name") or "").removeprefix("#"),
        "checkout": order.text("checkout_token"),
        "order_key": order.text("token"),  # in the address of the order's status page
        # A cart token of the newer form can carry its key, which is a secret.
        "cart": (order.text("cart_token") or "").partition("?")[0],
    }
    fits = {
        kind: value for kind, value in named.items() if value and _TOKEN.fullmatch(value) and not names_somebody(value)
    }
    number = order.digits("checkout_id")  # by which the shop's export of payments calls it
    return (*(f"{kind}:{value}" for kind, value in fits.items()), *((f"checkout:{number}",) if number else ()))


def read_sale(order: Part) -> Sale:
    """Where the order was made. Another app's order was made in a browser exactly when it has one's address."""
    source = (order.text("source_name") or "web").strip().lower()
    tags = order.labels("tags")
    if any(_RENEWAL_TAG.search(tag) for tag in tags):
        return Sale.RENEWAL
    if source.startswith(_CONTRACT):
        return Sale.WEB if any(_FIRST_TAG.search(tag) for tag in tags) else Sale.RENEWAL
    browser = order.text("browser_ip") or order.part("client_details").text("browser_ip")
    return SALES.get(source) or (Sale.WEB if browser else Sale.API)


def _snapshot(order: Part, placed_at: int, test: bool) -> Snapshot | None:
    version, shown = order.moment_ms("updated_at"), presentment_currency(order) is not None
    if version is None:
        order.findings.note("updated_at is missing: this state cannot be told from an older one")
    return Snapshot(
        version=version or 0,
        placed_at=placed_at,
        shop=_amounts(order, SHOP),
        presentment=_presentment(order),
        lines=tuple(filter(None, (_line(line, shown) for line in order.parts("line_items")))),
        gateways=order.labels("payment_gateway_names") or tuple(filter(None, (order.label("gateway"),))),
        paid=_paid(order),
        sale=read_sale(order),
        test=test or order.flag("test") is True,
        cancelled_at=order.moment_s("cancelled_at"),
        cancel_reason=order.label("cancel_reason"),
        tags=order.labels("tags"),
    )


def _paid(order: Part) -> Paid | None:
    status = (order.text("financial_status") or "").lower()
    if status and status not in PAID:
        order.findings.note("financial_status is a word that is not documented; left out")
    return PAID.get(status)


# -- money


def read_currency_of(part: Part, name: str) -> str | None:
    """A currency code; missing or wrong refuses the body."""
    value = part.values.get(name)
    found = read_order_currency(value)
    if found is None:
        reason = DropReason.INVALID_CURRENCY if value else DropReason.MISSING_CURRENCY
        part.findings.refuse(reason, part.where(name), "three letters (ISO 4217)", value)
    return found


def presentment_currency(order: Part) -> str | None:
    """The buyer's currency where it is another than the shop's and the order's total is in the body in it."""
    sides = [order.part(name).part(PRESENTMENT) for name in ("total_price_set", "current_total_price_set")]
    codes = (read_currency(side.values.get("currency_code")) for side in sides if side.figure("amount") is not None)
    code = next((code for code in codes if code), None)
    stated = read_currency(order.values.get("presentment_currency")) or code
    own = order.values.get("currency")
    if own not in (None, "") and read_currency(own) is None:
        return None  # whoever names the shop's own money by no code is not believed about the buyer's
    return code if stated != read_currency(own) else None


def _presentment(order: Part) -> Amounts | None:
    return _amounts(order, PRESENTMENT) if presentment_currency(order) else None


def _amounts(order: Part, side: str) -> Amounts | None:
    currency = read_currency_of(order, "currency") if side == SHOP else presentment_currency(order)
    live = _total(order, "current_total_price", side)
    total = live if live is not None else _total(order, "total_price", side)
    if total is None:
        order.findings.refuse(DropReason.MISSING_VALUE, "total_price", "an amount", None)
    if total is None or currency is None:
        return None
    return Amounts(
        currency=currency,
        total=total,
        tax=_live(order, "total_tax", side),
        shipping=_shipping(order, side),
        shipping_tax=_shipping_tax(order, side),
        tip=_tip(order, side),
        duties=_either(order.side("current_total_duties_set", side), order.side("original_total_duties_set", side)),
        gift_cards=_gift_cards(order, side),
        discount=_live(order, "total_discounts", side),
        tax_included=order.flag("taxes_included") is True,
        after_refunds=live is not None,
    )


def _total(order: Part, name: str, side: str) -> Decimal | None:
    """Without the shop's total there is no order; the buyer's currency is a second word on it."""
    if side == PRESENTMENT:
        return order.side(f"{name}_set", side)
    plain = order.money(name)
    return plain if plain is not None else order.part(f"{name}_set").part(side).money("amount")


def _pair(part: Part, name: str, side: str) -> Decimal | None:
    """The shop's side stands as plain text too, which older bodies have alone."""
    plain = part.figure(name) if side == SHOP else None
    return plain if plain is not None else part.side(f"{name}_set", side)


def _live(order: Part, name: str, side: str) -> Decimal | None:
    return _either(_pair(order, f"current_{name}", side), _pair(order, name, side))


def _either(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return second if first is None else first


def _shipping(order: Part, side: str) -> Decimal | None:
    """What is paid for shipping. ``total_shipping_price_set`` is before discounts, so it is the last resort."""
    live = order.side("current_shipping_price_set", side)
    if live is not None:
        return live
    lines = [line for line in order.parts("shipping_lines") if line.flag("is_removed") is not True]
    costs = [cost - (_discount(line, side) or 0) for line in lines if (cost := _pair(line, "price", side)) is not None]
    if lines and len(costs) == len(lines):
        return max(sum(costs, Decimal()), Decimal())
    return order.side("total_shipping_price_set", side)


def _shipping_tax(order: Part, side: str) -> Decimal | None:
    taxes = [_pair(tax, "price", side) for line in order.parts("shipping_lines") for tax in line.parts("tax_lines")]
    return _sum(taxes)


def _tip(order: Part, side: str) -> Decimal | None:
    """A plain text in the shop's currency only; the buyer's side has none."""
    return order.figure("total_tip_received") if side == SHOP else None


def _gift_cards(order: Part, side: str) -> Decimal | None:
    sold = []
    for line in order.parts("line_items"):
        if line.flag("gift_card") is True:
            price = _pair(line, "price", side)
            sold.append(_sold(price, _pieces(line), _discount(line, side) or Decimal()))
    return _sum(sold)


def _sold(price: Decimal | None, count: int, discount: Decimal) -> Decimal | None:
    return None if price is None else max(price * count - discount, Decimal())


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """None where one of them is not known: the others' sum would be said to be all."""
    known = list(amounts)
    return sum((amount for amount in known if amount is not None), Decimal()) if known and None not in known else None


# -- lines


def _line(line: Part, shown: bool) -> Line | None:
    """In the shop's currency, its price in the buyer's too where that is another. A line without a piece left, after edits and refunds, is no line any more."""
    pieces = _pieces(line)
    if not pieces:
        return None
    return Line(
        id=line.digits("variant_id") or line.digits("product_id") or line.text("sku") or "",
        sku=mask_id(line.text("sku") or ""),
        quantity=pieces,
        price=_pair(line, "price", SHOP),
        shown_price=line.side("price_set", PRESENTMENT) if shown else None,
        discount=_discount(line, SHOP),
        gift_card=line.flag("gift_card") is True,
    )


def _pieces(line: Part) -> int:
    """``current_quantity`` has removed and refunded pieces taken off; older bodies lack it."""
    now = line.count("current_quantity")
    placed = line.count("quantity")
    return now if now is not None else 1 if placed is None else placed


def _discount(line: Part, side: str) -> Decimal | None:
    """Of the whole line: the allocations hold discounts of codes as well, ``total_discount`` only the line's own."""
    shares = [_pair(share, "amount", side) for share in line.parts("discount_allocations")]
    return _sum(shares) if shares else _pair(line, "total_discount", side)
