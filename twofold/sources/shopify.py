"""Shopify order webhooks: the signature, and one order as one Purchase copy.

Owns Shopify's field names and which orders stand for a purchase. Hashing, limits and the fold are not here.

Platform rules, checked September 2026:
- signature: shopify.dev, "Verify webhook deliveries" (base64 HMAC-SHA256 of the raw body, app client secret);
- header names: shopify.dev, "Webhooks delivery structure" (any case; only topic, domain and HMAC always exist);
- body: the REST Order resource of webhook API version 2024-10 and later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from twofold.event.click_ids import ClickId, build_fbc, fbclid_of, parse_fbc, parse_fbp
from twofold.event.consent import read_consent
from twofold.event.identity import read_event_id
from twofold.event.model import Consent, RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.strict_json import read_json
from twofold.sources.contract import Ignored, Source, SourceEvent

SENDER = "shopify"
TOPICS = ("orders/create", "orders/paid")

# The second spelling is the one of the newer "Events" deliveries (shopify.dev, "Verify Events deliveries").
SIGNATURE_HEADERS = ("x-shopify-hmac-sha256", "shopify-hmac-sha256")
TOPIC_HEADERS = ("x-shopify-topic", "shopify-topic")

# Names of note attributes, compared without regard to case. A leading underscore hides them from the buyer.
EVENT_ID_ATTRIBUTES = ("_twofold_event_id", "twofold_event_id")
CONSENT_ATTRIBUTES = ("_twofold_consent", "twofold_consent")
FBP_ATTRIBUTES = ("_fbp", "fbp")
FBC_ATTRIBUTES = ("_fbc", "fbc")

# source_name -> action_source; every other channel of sale counts as the website.
ACTION_SOURCES = {"pos": "physical_store", "subscription_contract": "system_generated"}

# Only pages of a storefront may be named in an event. Anything else a landing site can hold, such as
# /wallets/checkouts.json, /account/activate/… or /checkouts/…, is internal or carries a token.
_STOREFRONT = re.compile(r"(/[a-z]{2}(-[a-z]{2,4})?)?(/(products|collections|pages|blogs)/[^?#]*|/search/?|/)", re.I)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", re.I)
_MONEY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_KEYS_OF_EVENTS = 100  # an order has some 60 keys a line, so it may hold as many as a batch of this size
_NUMBER = re.compile(r"[0-9]{1,20}")


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Does the body carry a signature of one of the secrets?

    Compares the base64 text itself, so exactly one spelling of a signature fits: not its hex form, not the
    URL-safe alphabet, not a missing or an extra padding character. Every secret is tried, whichever fits.
    """
    given = next((headers[name] for name in SIGNATURE_HEADERS if headers.get(name)), "")
    given_bytes = given.encode("utf-8", "surrogatepass")
    fits = False
    for secret in secrets:
        if not secret:
            continue
        expected = base64.b64encode(hmac.digest(secret.encode("utf-8"), body, hashlib.sha256))
        fits |= hmac.compare_digest(given_bytes, expected)
    return fits


class _Attribute(Struct):
    # The buyer's browser and any app may write these, so nothing is promised about them.
    name: Any = None
    value: Any = None


class _Address(Struct):
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    city: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = None


class _Customer(Struct):
    id: int | str | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    default_address: _Address | None = None


class _Client(Struct):
    browser_ip: str | None = None
    user_agent: str | None = None


class _Amount(Struct):
    amount: Any = None
    currency_code: str | None = None


class _MoneySet(Struct):
    shop_money: _Amount | None = None
    presentment_money: _Amount | None = None


class _Line(Struct):
    variant_id: int | str | None = None
    product_id: int | str | None = None
    sku: str | None = None
    quantity: int | None = None
    price: Any = None
    price_set: _MoneySet | None = None


class _Order(Struct):
    """The fields of an order that are read; all optional here, so that what is missing gets its own reason."""

    id: int | str | None = None
    test: bool | None = None
    cancelled_at: str | None = None
    financial_status: str | None = None
    created_at: Annotated[datetime, Meta(tz=True)] | None = None
    processed_at: Annotated[datetime, Meta(tz=True)] | None = None
    total_price: Any = None
    currency: str | None = None
    presentment_currency: str | None = None
    total_price_set: _MoneySet | None = None
    line_items: list[_Line] | None = None
    source_name: str | None = None
    email: str | None = None
    contact_email: str | None = None
    phone: str | None = None
    browser_ip: str | None = None
    client_details: _Client | None = None
    customer: _Customer | None = None
    billing_address: _Address | None = None
    shipping_address: _Address | None = None
    landing_site: str | None = None
    order_status_url: str | None = None
    note_attributes: list[_Attribute] | None = None


def read(body: bytes, headers: Mapping[str, str], *, shop: str, now_ms: int) -> SourceEvent | Refusal | Ignored:
    """One signed delivery to a Purchase copy of tier T3.

    The event id is `purchase.<shop>.<order id>`, which the thank-you page can compute as well, unless the
    browser left its own id in the note attributes. A late retry carries the order as it was when it was placed,
    so both topics, and every repeat, come to the same copy.
    """
    del now_ms  # Shopify signs no time of sending; how old an order may be is judged by the steps
    topic = next((headers[name] for name in TOPIC_HEADERS if headers.get(name)), "")
    if topic and topic not in TOPICS:
        return Ignored(reason="the topic is not one that stands for a purchase")
    if not topic:
        return _refuse(DropReason.ENVELOPE, "", "the header X-Shopify-Topic", None)
    order = _decode(body)
    if isinstance(order, Refusal):
        return order
    order_id = _digits(order.id)
    if order_id is None:
        return _refuse(DropReason.WRONG_TYPE, "id", "the order's number as digits", order.id)
    why_not = _no_purchase(order, headers)
    if why_not:
        return Ignored(reason=why_not, order_id=order_id)
    return _purchase(order, order_id, shop)


def _decode(body: bytes) -> _Order | Refusal:
    tree = read_json(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    if not isinstance(tree, dict):
        return _refuse(DropReason.WRONG_TYPE, "", "an order as a JSON object", tree)
    try:
        return msgspec.convert(tree, _Order)
    except msgspec.ValidationError as err:
        return _from_msgspec(str(err))


def _from_msgspec(message: str) -> Refusal:
    """msgspec names types and the path, never a value: "Expected `str`, got `int` - at `$.email`"."""
    what, _, where = message.partition(" - at `$")
    kinds = re.search(r"[Ee]xpected `([^`]*)`(?:, got `([^`]*)`)?", what)
    return Refusal(
        reason=DropReason.WRONG_TYPE,
        path=where.rstrip("`").lstrip("."),
        expected=kinds.group(1) if kinds else "another form",
        got=(kinds.group(2) if kinds else None) or "a value of another form",
    )


def _no_purchase(order: _Order, headers: Mapping[str, str]) -> str | None:
    if order.test or headers.get("x-shopify-test", "").lower() == "true":
        return "a test order stands for no purchase"
    if order.cancelled_at:
        return "a cancelled order stands for no purchase"
    if order.financial_status in ("voided", "refunded"):
        return f"an order whose payment is {order.financial_status} stands for no purchase"
    return None


def _purchase(order: _Order, order_id: str, shop: str) -> SourceEvent | Refusal:
    happened = order.processed_at or order.created_at
    if happened is None:
        return _refuse(DropReason.MISSING_EVENT_TIME, "processed_at", "a time with its offset", None)
    custom_data = _custom_data(order, order_id)
    if isinstance(custom_data, Refusal):
        return custom_data
    attributes = _attributes(order.note_attributes)
    source = ACTION_SOURCES.get(order.source_name or "", "website")
    raw = RawEvent(
        event_name="Purchase",
        event_time=int(happened.timestamp()),
        event_id=_event_id(attributes, order_id, shop),
        action_source=source,
        event_source_url=_page(order, shop) if source == "website" else None,
        user_data=_user_data(order, attributes),
        custom_data=custom_data,
        consent=_consent(attributes),
    )
    return SourceEvent(raw=raw, sender=SENDER, order_id=order_id)


def _event_id(attributes: Mapping[str, str], order_id: str, shop: str) -> str:
    given = _first(attributes.get(name) for name in EVENT_ID_ATTRIBUTES)
    return read_event_id(given) or f"purchase.{shop}.{order_id}"


def _consent(attributes: Mapping[str, str]) -> str | None:
    consent = read_consent(_first(attributes.get(name) for name in CONSENT_ATTRIBUTES))
    return None if consent is Consent.UNSTATED else consent.value


def _custom_data(order: _Order, order_id: str) -> dict[str, Any] | Refusal:
    """Money is what the buyer saw and paid; an amount and its currency are always read from the same place."""
    presented = _presented(order)
    if presented is not None:
        path, amount, currency = "total_price_set.presentment_money.", presented.amount, presented.currency_code
        value_path, currency_path = f"{path}amount", f"{path}currency_code"
    else:
        amount, currency, value_path, currency_path = order.total_price, order.currency, "total_price", "currency"
    if amount is None:
        return _refuse(DropReason.MISSING_VALUE, value_path, "an amount", None)
    value = _money(amount)
    if value is None:
        return _refuse(DropReason.INVALID_VALUE, value_path, "a plain decimal number, zero or more", amount)
    if not currency:
        return _refuse(DropReason.MISSING_CURRENCY, currency_path, "an ISO 4217 code", None)
    if not re.fullmatch(r"[A-Za-z]{3}", currency):
        return _refuse(DropReason.INVALID_CURRENCY, currency_path, "three letters", currency)
    data: dict[str, Any] = {"value": value, "currency": currency.upper(), "order_id": order_id}
    return _with_contents(data, order.line_items or [], presented is not None)


def _presented(order: _Order) -> _Amount | None:
    """The buyer's currency where it is another than the shop's; without its amount the shop's pair is used."""
    theirs = order.total_price_set.presentment_money if order.total_price_set else None
    if theirs is None or theirs.amount is None or not theirs.currency_code:
        return None
    other = order.presentment_currency or theirs.currency_code
    return theirs if other.upper() != (order.currency or "").upper() else None


def _with_contents(data: dict[str, Any], lines: Iterable[_Line], presented: bool) -> dict[str, Any] | Refusal:
    contents: list[dict[str, Any]] = []
    pieces = 0
    for place, line in enumerate(lines):
        path = f"line_items[{place}]"
        quantity = 1 if line.quantity is None else line.quantity
        if quantity < 0:
            return _refuse(DropReason.INVALID_VALUE, f"{path}.quantity", "a count, zero or more", quantity)
        price = _line_price(line, presented)
        if price is not None and _money(price) is None:
            return _refuse(DropReason.INVALID_VALUE, f"{path}.price", "a plain decimal number", price)
        pieces += quantity
        item = _digits(line.variant_id) or _digits(line.product_id) or line.sku
        if not item or not quantity:
            continue  # a line without a product (a tip, a custom item) or fully removed: nothing a catalogue knows
        content: dict[str, Any] = {"id": item, "quantity": quantity}
        if price is not None:
            content["item_price"] = _money(price)
        contents.append(content)
    if contents:
        data |= {"contents": contents, "content_type": "product"}
    if pieces:
        data["num_items"] = pieces
    return data


def _line_price(line: _Line, presented: bool) -> Any:
    """Per piece, in the event's currency; left out where the body holds it in the shop's currency only."""
    if not presented:
        return line.price
    theirs = line.price_set.presentment_money if line.price_set else None
    return theirs.amount if theirs else None


def _user_data(order: _Order, attributes: Mapping[str, str]) -> dict[str, Any]:
    customer = order.customer or _Customer()
    client = order.client_details or _Client()
    billing, shipping = order.billing_address or _Address(), order.shipping_address or _Address()
    # One address, never parts of two: the buyer's own first, since the parcel may go to somebody else.
    places = (order.billing_address, order.shipping_address, customer.default_address)
    home = next((place for place in places if place), _Address())
    gathered: dict[str, Any] = {
        "em": _several(order.email, order.contact_email, customer.email),
        "ph": _several(order.phone, customer.phone, billing.phone, shipping.phone),
        "fn": _first((customer.first_name, home.first_name)),
        "ln": _first((customer.last_name, home.last_name)),
        "ct": home.city,
        "st": home.province_code,
        "zp": home.zip,
        "country": home.country_code,
        "external_id": _digits(customer.id),
        "client_ip_address": _first((order.browser_ip, client.browser_ip)),
        "client_user_agent": client.user_agent,
        "fbp": _cookie(attributes, FBP_ATTRIBUTES, parse_fbp),
        "fbc": _cookie(attributes, FBC_ATTRIBUTES, parse_fbc) or _derived_fbc(order),
    }
    return {key: value for key, value in gathered.items() if value}


def _cookie(attributes: Mapping[str, str], names: Iterable[str], parse: Callable[[str], ClickId | None]) -> str | None:
    """A buyer can write any cart attribute, so only a value of the documented shape is taken."""
    return _first(found for name in names if parse(found := attributes.get(name, "")))


def _derived_fbc(order: _Order) -> str | None:
    """fbc from the landing page's fbclid, as Meta describes for servers (Conversions API, "fbp and fbc").

    The moment of the click is not in the order; its creation is the earliest time we know the click id by.
    The subdomain index is 1, as for any value made without a cookie.
    """
    fbclid = fbclid_of(order.landing_site)
    if not fbclid or not order.created_at:
        return None
    return build_fbc(fbclid, int(order.created_at.timestamp() * 1000))


def _page(order: _Order, shop: str) -> str:
    """A storefront address without query: the landing page when it is one, else the shop's front page.

    `order_status_url` holds a token and a key, so only its host is used: it is the shop's own domain, the one
    that the merchant has verified at Meta. Shopify's shared checkout host would be nobody's domain.
    """
    status = _split(order.order_status_url or "")
    host = status.hostname or ""
    if status.scheme != "https" or not _HOST.fullmatch(host) or host.endswith("shopify.com"):
        host = shop
    landing = _split(order.landing_site or "").path
    return f"https://{host}{landing if _STOREFRONT.fullmatch(landing) else '/'}"


def _split(address: str) -> Any:
    try:
        parts = urlsplit(address)
        _ = parts.hostname  # the host is judged only when asked for
    except ValueError:
        return urlsplit("")
    return parts


def _attributes(given: Iterable[_Attribute] | None) -> dict[str, str]:
    """Note attributes by lower-case name, the first of a name; those that are not text are passed over."""
    found: dict[str, str] = {}
    for attribute in given or ():
        if isinstance(attribute.name, str) and isinstance(attribute.value, str):
            found.setdefault(attribute.name.strip().lower(), attribute.value.strip())
    return found


def _money(amount: object) -> Decimal | None:
    """Exact decimal, zero or more; text as Shopify writes it, or a JSON number. None when it is neither."""
    match amount:
        case bool():
            return None
        case int() if 0 <= amount < 10**15:
            return Decimal(amount)
        case Decimal() if abs(amount.adjusted()) < 20:  # 1e999999 must not be written out
            text = format(amount, "f")
        case str():
            text = amount
        case _:
            return None
    return Decimal(text) if _MONEY.fullmatch(text) else None


def _digits(number: int | str | None) -> str | None:
    """An id as text. Ids pass 2^53, so they are never numbers with a point; also read from a gid's last part."""
    if isinstance(number, bool) or number is None:
        return None
    text = str(number) if isinstance(number, int) and abs(number) < 10**20 else number
    if not isinstance(text, str):
        return None
    text = text.rpartition("/")[2] if text.startswith("gid://shopify/") else text
    return text if text.isascii() and _NUMBER.fullmatch(text) else None


def _several(*values: str | None) -> list[str]:
    """Each value once, in order of preference."""
    return list(dict.fromkeys(value for value in values if value and value.strip()))


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value and value.strip()), None)


def _refuse(reason: DropReason, path: str, expected: str, got: object) -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=describe(got))


SHOPIFY = Source(name="shopify", signed=signed, read=read)
