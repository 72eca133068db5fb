"""The Purchase that an order stands for, as one raw event.

Owns which of Shopify's fields match a person and describe the purchase in Meta's words. Hashing, limits and the fold
are not here; whether and when the order counts is the policy's question, and its value comes from the ledger then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from twofold.event.model import RawEvent, encode
from twofold.event.scalars import lenient_amount
from twofold.ledger.model import Amounts, OrderReport, Paid, Sale
from twofold.sources.browser_ids import KeptIds
from twofold.sources.contract import Buyer, SourceOptions
from twofold.sources.people import buyer_of
from twofold.sources.purchase_ids import purchase_id
from twofold.sources.said import UTM_FIELDS, shop_says, survey_says
from twofold.sources.shopify.bodies import MAX_TEXT, Part
from twofold.sources.shopify.orders import PRESENTMENT, SHOP
from twofold.touch.model import Touch

ACTION_SOURCES = {Sale.STORE: "physical_store", Sale.RENEWAL: "system_generated", Sale.API: "other"}
"""Every other place of sale counts as the website: a draft is paid there by its invoice's link."""

NATIVE_IDS = ("sh_event_id", "shopify_event_id")
# The form of the id that Shopify gives its pixel events, seen in captures; upper-case hex in groups.
_NATIVE = re.compile(r"shu?-[0-9A-Za-z-]{8,64}")

# Only pages of a storefront may be named in an event. Anything else a landing site can hold, such as
# /wallets/checkouts.json, /account/activate/… or /checkouts/…, is internal or carries a token.
_STOREFRONT = re.compile(r"(/[a-z]{2}(-[a-z]{2,4})?)?(/(products|collections|pages|blogs)/[^?#]*|/search/?|/)", re.I)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", re.I)
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_STATE = re.compile(r"[A-Za-z]{2}")


def read_purchase(order: Part, report: OrderReport, options: SourceOptions) -> RawEvent | None:
    """None for a test order, a cancelled one, and one whose payment was given up: they stand for no purchase."""
    state = report.snapshot
    if state is None or state.shop is None or state.test or _is_cancelled(order) or state.paid is Paid.VOIDED:
        return None
    kept = KeptIds(_attributes(order), options.fields)
    landing = order.text("landing_site")
    source = ACTION_SOURCES.get(state.sale, "website")
    return RawEvent(
        event_name="Purchase",
        event_time=state.placed_at,
        event_id=(_native_id(kept) if options.event_id == "native" else None)
        or kept.own_event_id
        or purchase_id(options, report.order_id, report.aliases),
        action_source=source,
        event_source_url=_page(order, options.shop) if source == "website" else None,
        user_data=_user_data(order, kept, landing, state.placed_at),
        custom_data=_custom_data(order, report.order_id, state.shop, state.presentment),
        consent=kept.consent,
        links=[f"order:{report.order_id}", *report.aliases],
        click_ids=kept.click_ids(landing) or None,
        visitor=kept.visitor,
        region=_region(_home(order)),
    )


def read_buyer(order: Part) -> Buyer | None:
    """Who bought, also of an order that stands for no purchase."""
    kept = KeptIds((), {})
    return buyer_of(_user_data(order, kept, None, 0), order.part("billing_address").text("name"))


def read_said(order: Part, report: OrderReport, options: SourceOptions) -> tuple[Touch, ...]:
    """Where the shop says that the order came from: its landing page, its referring site, attributes that say the
    campaign, and the buyer's answer where the operator named the attribute that holds it."""
    if report.snapshot is None:
        return ()
    kept = KeptIds(_attributes(order), options.fields)
    at = report.snapshot.placed_at
    told = {name: kept.get(name) for name in UTM_FIELDS}
    landing = order.text("landing_site") or kept.get("landing_site") or kept.get("landing_page")
    referring = order.text("referring_site") or kept.get("referring_site") or kept.get("referrer")
    said = (shop_says(at, landing=landing, referring=referring, told=told), survey_says(at, kept.ours("survey")))
    return tuple(touch for touch in said if touch is not None)


def _attributes(order: Part) -> Iterator[tuple[Any, Any]]:
    """Note attributes, which are the cart's: a leading underscore hides one from the buyer and is optional."""
    for attribute in order.parts("note_attributes"):
        value = attribute.values.get("value")
        if isinstance(value, dict):  # consent as an object, by apps that write what is not text
            value = encode(value).decode()
        if isinstance(value, str) and len(value) <= MAX_TEXT:
            yield attribute.values.get("name"), value


def _native_id(kept: KeptIds) -> str | None:
    """The id that Shopify gave the browser's event, where the pixel left it."""
    return next((found for name in NATIVE_IDS if (found := kept.get(name)) and _NATIVE.fullmatch(found)), None)


def _is_cancelled(order: Part) -> bool:
    return bool(order.values.get("cancelled_at"))  # whatever it is: a time that cannot be read is not "not cancelled"


def _custom_data(order: Part, order_id: str, shop: Amounts, shown: Amounts | None) -> dict[str, Any]:
    """Money is what the buyer saw and paid when the order was placed; amount and currency come from one place."""
    presented = shown is not None
    value = order.side("total_price_set", PRESENTMENT) if presented else order.money("total_price")
    if value is None and not presented:  # a body that has the pair alone
        value = order.side("total_price_set", SHOP)
    whole = shown or shop
    data: dict[str, Any] = {
        "value": whole.total if value is None else value,
        "currency": whole.currency,
        "order_id": order_id,
    }
    return data | _contents(order.parts("line_items"), presented)


def _contents(lines: Iterable[Part], presented: bool) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    pieces = 0
    for line in lines:
        quantity = line.count("quantity")
        quantity = 1 if quantity is None else quantity
        pieces += quantity
        item = line.digits("variant_id") or line.digits("product_id") or line.text("sku")
        if not item or not quantity:
            continue  # a line without a product (a tip, a custom item) or fully removed: nothing a catalogue knows
        content: dict[str, Any] = {"id": item, "quantity": quantity}
        # Per piece, in the event's currency; left out where the body holds it in the shop's currency only.
        price = line.side("price_set", PRESENTMENT) if presented else lenient_amount(line.values.get("price"))
        if price is not None:
            content["item_price"] = price
        contents.append(content)
    data: dict[str, Any] = {"contents": contents, "content_type": "product"} if contents else {}
    return data | ({"num_items": pieces} if pieces else {})


def _home(order: Part) -> Part:
    """One address, never parts of two: the buyer's own first, since the parcel may go to somebody else."""
    places = (
        order.part("billing_address"),
        order.part("shipping_address"),
        order.part("customer").part("default_address"),
    )
    return next(filter(None, places), places[0])


def _user_data(order: Part, kept: KeptIds, landing: str | None, placed_at: int) -> dict[str, Any]:
    customer, client, home = order.part("customer"), order.part("client_details"), _home(order)
    billing, shipping = order.part("billing_address"), order.part("shipping_address")
    gathered: dict[str, Any] = {
        "em": _several(order.text("email"), order.text("contact_email"), customer.text("email")),
        "ph": _several(order.text("phone"), customer.text("phone"), billing.text("phone"), shipping.text("phone")),
        "fn": customer.text("first_name") or home.text("first_name"),
        "ln": customer.text("last_name") or home.text("last_name"),
        "ct": home.text("city"),
        "st": home.text("province_code"),
        "zp": home.text("zip"),
        "country": home.text("country_code"),
        "external_id": customer.digits("id"),
        "client_ip_address": order.text("browser_ip") or client.text("browser_ip"),
        "client_user_agent": client.text("user_agent"),
        "fbp": kept.fbp,
        # The moment of the click is not in the order; its creation is the earliest time we know the click id by.
        "fbc": kept.fbc(landing, order.moment_ms("created_at") or placed_at * 1000),
    }
    return {key: value for key, value in gathered.items() if value}


def _region(home: Part) -> str | None:
    """The country, in the United States with the state: rules on consent differ between its states."""
    country = (home.text("country_code") or "").upper()
    if not _COUNTRY.fullmatch(country):
        return None
    state = (home.text("province_code") or "").upper()
    return f"US-{state}" if country == "US" and _STATE.fullmatch(state) else country


def _page(order: Part, shop: str) -> str:
    """A storefront address without query: the landing page when it is one, else the shop's front page.

    `order_status_url` holds a token and a key, so only its host is used: it is the shop's own domain, the one
    that the merchant has verified at Meta. Shopify's shared checkout host would be nobody's domain.
    """
    status = _split(order.text("order_status_url") or "")
    host = status.hostname or ""
    if status.scheme != "https" or not _HOST.fullmatch(host) or host.endswith("shopify.com"):
        host = shop
    landing = _split(order.text("landing_site") or "").path
    return f"https://{host}{landing if _STOREFRONT.fullmatch(landing) else '/'}"


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.hostname  # the host is judged only when asked for
    except ValueError:
        return urlsplit("")
    return parts


def _several(*values: str | None) -> list[str]:
    """Each value once, in order of preference."""
    return list(dict.fromkeys(value for value in values if value))
