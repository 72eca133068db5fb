"""The Purchase that an order stands for, as one raw event.

Owns which of WooCommerce's fields match a person, and the names under which browser ids are kept in order meta.
Hashing, limits and the fold are not here; whether and when the order counts is the policy's question.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from twofold.event.contact import names_somebody
from twofold.event.identity import read_event_id
from twofold.event.model import RawEvent
from twofold.ledger.model import OrderReport, Sale
from twofold.sources import lenient
from twofold.sources.browser_ids import KeptIds, without_empty
from twofold.sources.contract import Buyer, SourceOptions
from twofold.sources.people import buyer_of
from twofold.sources.purchase_ids import purchase_id
from twofold.sources.said import UTM_FIELDS, shop_says, survey_says
from twofold.sources.woocommerce.orders import Order, item_id, price_of_piece
from twofold.touch.model import Touch

ACTION_SOURCES = {
    Sale.STORE: "physical_store",
    Sale.RENEWAL: "system_generated",
    Sale.STAFF: "other",  # WooCommerce does not say whether it was a phone call, a chat or a counter
    Sale.API: "other",
}
NOT_BOUGHT = frozenset({"cancelled", "failed", "trash"})
"""Statuses of orders that stand for no purchase."""

# facebook-for-woocommerce makes one UUID for each order and sends it from the browser and from the server
# (facebook-commerce-events-tracker.php, read September 2026); with the same id ours is a copy of it at Meta.
PLUGIN_ID = "_meta_event_id"
PLUGIN_SENT = frozenset({"_meta_purchase_tracked_browser", "_meta_purchase_tracked_server"})

_ATTRIBUTION = "_wc_order_attribution_"
_DEVICES = {"desktop": "computer", "mobile": "phone", "tablet": "tablet"}
_LANDING = "_wc_order_attribution_session_entry"  # order attribution, since WooCommerce 8.5
_AGENT = "_wc_order_attribution_user_agent"
_COUNTRY = re.compile(r"[A-Z]{2}")
_STATE = re.compile(r"[A-Z0-9]{1,3}")


def read_purchase(order: Order, report: OrderReport, options: SourceOptions) -> RawEvent | None:
    """None for a test, a cancelled, a failed and a deleted order."""
    state = report.snapshot
    if state is None or state.shop is None or state.test or order.status in NOT_BOUGHT or state.cancelled_at:
        return None
    kept, meta = KeptIds(order.meta, options.fields), dict(reversed(order.meta))
    source = ACTION_SOURCES.get(state.sale, "website")
    # Renewals and copies made by staff have the first order's meta copied into them; its event id is not theirs.
    own_meta = state.sale not in (Sale.RENEWAL, Sale.STAFF)
    theirs = read_event_id(meta.get(PLUGIN_ID)) if own_meta else None
    event_id = theirs or (kept.event_id if own_meta else None) or purchase_id(options, order.id, report.aliases)
    if PLUGIN_SENT & meta.keys():
        order.notes.append(
            "facebook-for-woocommerce sends this order's Purchase too"
            + ("; ours has the same event id" if theirs else ", and the order does not hold its event id")
        )
    landing = meta.get(_LANDING)
    home = _home(order.body)
    return RawEvent(
        event_name="Purchase",
        event_time=state.placed_at,
        event_id=event_id,
        action_source=source,
        event_source_url=_page(order.body, landing, options.shop) if source == "website" else None,
        user_data=_user_data(order, home, kept, meta),
        custom_data={
            "value": state.shop.total,
            "currency": state.shop.currency,
            "order_id": order.id,
            **_contents(order.body),
        },
        consent=kept.consent,
        links=[f"order:{order.id}", *report.aliases],
        click_ids=kept.click_ids(landing) or None,
        visitor=kept.visitor,
        region=_region(home),
    )


def read_buyer(order: Order) -> Buyer | None:
    """Who bought, also of an order that stands for no purchase."""
    return buyer_of(_user_data(order, _home(order.body), KeptIds((), {}), {}))


def read_said(order: Order, report: OrderReport, options: SourceOptions) -> tuple[Touch, ...]:
    """What order attribution, or meta of that name, says of the order's source; and the buyer's answer where the operator
    named the meta that holds it. A renewal has the first order's meta and no source of its own."""
    state = report.snapshot
    if state is None or state.sale is Sale.RENEWAL:
        return ()
    kept, meta = KeptIds(order.meta, options.fields), dict(reversed(order.meta))
    told = {name: _written(meta.get(_ATTRIBUTION + name)) or kept.get(name) for name in UTM_FIELDS}
    said = (
        shop_says(
            state.placed_at,
            landing=meta.get(_LANDING),
            referring=meta.get(_ATTRIBUTION + "referrer"),
            told=told,
            device=_DEVICES.get((meta.get(_ATTRIBUTION + "device_type") or "").lower(), ""),
        ),
        survey_says(state.placed_at, kept.ours("survey")),
    )
    return tuple(touch for touch in said if touch is not None)


def _written(text: str | None) -> str | None:
    """Without what WooCommerce writes for nothing: (direct), (none)."""
    return None if not text or (text.startswith("(") and text.endswith(")")) else text


def _home(body: dict[str, Any]) -> dict[str, Any]:
    """One address, never parts of two: the buyer's own first, since the parcel may go to somebody else."""
    billing = lenient.part(body, "billing")
    return (
        billing if lenient.text(billing, "country") or lenient.text(billing, "city") else lenient.part(body, "shipping")
    )


def _user_data(order: Order, home: dict[str, Any], kept: KeptIds, meta: dict[str, str]) -> dict[str, Any]:
    body = order.body
    billing, shipping = lenient.part(body, "billing"), lenient.part(body, "shipping")
    phones = (lenient.text(billing, "phone"), lenient.text(shipping, "phone"))
    return without_empty(
        {
            "em": lenient.text(billing, "email"),
            "ph": list(dict.fromkeys(phone for phone in phones if phone)),
            "fn": lenient.text(billing, "first_name") or lenient.text(shipping, "first_name"),
            "ln": lenient.text(billing, "last_name") or lenient.text(shipping, "last_name"),
            "ct": lenient.text(home, "city"),
            "st": _state(home),
            "zp": lenient.text(home, "postcode"),
            "country": lenient.text(home, "country"),
            "external_id": lenient.digits(body, "customer_id"),
            "client_ip_address": lenient.text(body, "customer_ip_address"),
            "client_user_agent": lenient.text(body, "customer_user_agent") or meta.get(_AGENT),
            "fbp": kept.fbp,
            "fbc": kept.fbc(meta.get(_LANDING), order.placed_at * 1000),
        }
    )


def _contents(body: dict[str, Any]) -> dict[str, Any]:
    """Prices by piece as the shop shows them: with tax where its prices include it, so that they fit its catalogue."""
    with_tax = body.get("prices_include_tax") is True
    contents: list[dict[str, Any]] = []
    pieces = 0
    for line in lenient.parts(body, "line_items"):
        count = lenient.decimal(line, "quantity") or Decimal()
        if count <= 0:
            continue
        quantity = int(count) if count == int(count) else 1
        pieces += quantity
        item, amount = item_id(line), lenient.decimal(line, "subtotal")
        if not item:
            continue
        content: dict[str, Any] = {"id": item, "quantity": quantity}
        if amount is not None and amount >= 0:
            tax = (lenient.decimal(line, "subtotal_tax") if with_tax else None) or Decimal()
            content["item_price"] = price_of_piece(amount + tax, quantity)
        contents.append(content)
    data: dict[str, Any] = {"contents": contents, "content_type": "product"} if contents else {}
    return data | ({"num_items": pieces} if pieces else {})


def _state(home: dict[str, Any]) -> str | None:
    """Without the country that WooCommerce writes before some countries' states: DE-BE is BE."""
    state, country = lenient.text(home, "state"), lenient.text(home, "country") or ""
    return state.removeprefix(f"{country}-") if state else None


def _region(home: dict[str, Any]) -> str | None:
    """The country, in the United States with the state: rules on consent differ between its states."""
    country, state = (lenient.text(home, "country") or "").upper(), (_state(home) or "").upper()
    if not _COUNTRY.fullmatch(country):
        return None
    return f"US-{state}" if country == "US" and _STATE.fullmatch(state) else country


def _page(body: dict[str, Any], landing: str | None, shop: str) -> str:
    """The landing page without its query, else the shop's front page.

    The address for paying (payment_url) holds the order's key, so only its host is used.
    """
    entry, payment = lenient.address_of(landing), lenient.address_of(lenient.text(body, "payment_url"))
    if entry.hostname and not names_somebody(entry.path):
        return f"https://{entry.hostname}{entry.path or '/'}"
    return f"https://{payment.hostname or shop}/"
