"""Segment's tracking messages to raw events: calls, e-commerce names, properties, traits, consent.

Owns that wire's words. Facts, each with source and certainty: docs/ways-in.md. RudderStack, Jitsu and others speak the same.
Money, ids and contact data are read by the steps like any sender's; a message says nothing of how far it is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

from twofold.event.identity import is_secret_link
from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list, as_object, lenient_amount, read_boolean, read_integer, read_time_ms
from twofold.event.vocabulary import STANDARD_EVENTS
from twofold.sources.lenient import part, parts, text
from twofold.sources.streams import clicks, ga4
from twofold.sources.streams.message import CONTACT, LeftOut, goods_of, person_of, pieces_of, worth_of

CALLS: dict[str, str] = {
    "t": "track", "p": "page", "i": "identify", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
"""Kinds of messages, by the letter that analytics.js has for each in its address."""

NAMES: dict[str, str] = {
    "products searched": "Search",
    "product viewed": "ViewContent",
    "product added": "AddToCart",
    "wishlist product added to cart": "AddToCart",
    "product added to wishlist": "AddToWishlist",
    "checkout started": "InitiateCheckout",
    "payment info entered": "AddPaymentInfo",
    "order completed": "Purchase",
    "signed up": "CompleteRegistration",
    "trial started": "StartTrial",
    # Of its first version, which older senders still speak.
    "viewed product": "ViewContent",
    "added product": "AddToCart",
    "completed order": "Purchase",
}
"""Names of Segment's e-commerce specification (version 2) and of its B2B one, in lower case -> Meta's standard event."""

_UNNAMED = (
    "Product List Viewed", "Product List Filtered", "Product Clicked", "Product Removed", "Cart Viewed", "Checkout Step Viewed",
    "Checkout Step Completed", "Order Updated", "Order Refunded", "Order Cancelled", "Coupon Entered", "Coupon Applied",
    "Coupon Denied", "Coupon Removed", "Promotion Viewed", "Promotion Clicked", "Product Removed from Wishlist", "Product Shared",
    "Cart Shared", "Product Reviewed",
)  # fmt: skip
_CUSTOM: dict[str, str] = {
    **{name.lower(): name for name in _UNNAMED},
    "viewed product category": "Product List Viewed", "removed product": "Product Removed", "viewed promotion": "Promotion Viewed",
    "clicked promotion": "Promotion Clicked", "viewed checkout step": "Checkout Step Viewed",
    "completed checkout step": "Checkout Step Completed",
}  # fmt: skip
"""What Meta has no standard event for, in one spelling however a sender writes it: a destination may have a name for it."""

_BETWEEN = re.compile(r"[\s_.:/-]+")


def _letters(name: str) -> str:
    """A name without what stands between its words: `order_completed`, `Order Completed` and `OrderCompleted` are one."""
    return _BETWEEN.sub("", name).lower()


_KNOWN: dict[str, str] = {
    _letters(theirs): ours
    for theirs, ours in (
        # A page is told by its own call, and its results beside a search: a track of such a name would count it twice.
        *((name, name) for name in sorted(STANDARD_EVENTS - {"PageView"})),
        *((name, ours) for name, ours in ga4.NAMES.items() if name not in ("page_view", "view_search_results")),
        *_CUSTOM.items(), *NAMES.items(),
    )
}  # fmt: skip
"""What a sender may call an event: by the specification, as Meta does, or in the words of Google's tag."""

_NO_EVENT = frozenset(("identify", "screen", "group", "alias"))
# What the platform calls otherwise -> its name in custom_data.
_RENAMED = {"query": "search_string", "search_term": "search_string", "category": "content_category"}
_OF_A_PRODUCT = ("ViewContent", "AddToCart", "AddToWishlist")
# Of one product, where the properties are about one; beside a list of goods a property like any other.
_OF_ONE = ("product_id", "sku", "price", "quantity")
_PROMOTIONS = ("Promotion Viewed", "Promotion Clicked")
# Of a line in `contents`, as senders write it who know one platform's own words -> Meta's.
_OF_A_LINE = {
    "content_id": "id", "product_id": "id", "price": "item_price", "content_price": "item_price", "content_name": "title",
    "content_category": "category",
}  # fmt: skip
_LIMITED = ("limited_data_use", "limitedDataUse")
_OPTED_OUT = ("opt_out", "optOut")
_READ = frozenset((
    "order_id", "orderId", "currency", "value", "total", "revenue", "products", "product_id", "sku", "price", "quantity", "fbp",
    "fbc", "action_source", "url", "path", "referrer", "title", "search", "checkout_id", "cart_id", "data_processing_options",
    "data_processing_options_country", "data_processing_options_state", *_LIMITED, *_OPTED_OUT,
)) | CONTACT | clicks.NAMES  # fmt: skip


def read_message(
    message: Mapping[str, Any], kind: str, sent_at: Any, now_ms: int, categories: Mapping[str, str], notes: list[str]
) -> RawEvent | LeftOut | Refusal:
    """One message of ``kind``. ``categories``: what the operator says that a category of the banner stands for."""
    if kind in _NO_EVENT:
        return LeftOut(kind)
    tree = dict(message)
    if kind not in ("track", "page"):
        return _refuse(DropReason.WRONG_TYPE, "type", f"one of {', '.join(CALLS.values())}", tree.get("type"))
    if _goes_nowhere(part(tree, "integrations")):
        return LeftOut("no_integration")
    name = _name_of(tree, kind)
    if isinstance(name, Refusal):
        return name
    time_ms = _time_of(tree, sent_at, now_ms)
    if isinstance(time_ms, Refusal):
        return time_ms
    properties, context = part(tree, "properties"), part(tree, "context")
    page = part(context, "page")
    options = _limits(properties, context)
    return RawEvent(
        event_name=name,
        event_time=time_ms // 1000,
        age=_age_s(tree, sent_at, time_ms),
        event_id=tree.get("messageId"),
        action_source=text(properties, "action_source") or _action_source(tree, context, page),
        event_source_url=text(page, "url") or text(properties, "url"),
        referrer_url=_referrer(page) or _referrer(properties),
        user_data=_user(tree, properties, context, time_ms),
        custom_data=_custom(name, properties, notes),
        consent=_consent(context, categories),
        links=_links(properties) or None,
        click_ids=clicks.clicks_of(properties, context, part(tree, "integrations")) or None,
        locale=text(context, "locale"),
        destinations=part(tree, "integrations") or None,
        opt_out=True if any(not _is_no(properties.get(name)) for name in _OPTED_OUT) else None,
        data_processing_options=options[0],
        data_processing_options_country=options[1],
        data_processing_options_state=options[2],
    )


def library_of(message: Mapping[str, Any]) -> str:
    """Which client made it, as it calls itself, without the scope of its package; empty where it does not."""
    return (text(part(part(dict(message), "context"), "library"), "name") or "").rpartition("/")[2]


def _name_of(tree: dict[str, Any], kind: str) -> str | Refusal:
    if kind == "page":
        return "PageView"
    given = tree.get("event")
    if not isinstance(given, str) or not given.strip():
        reason = DropReason.MISSING_EVENT_NAME if given in (None, "") else DropReason.INVALID_EVENT_NAME
        return _refuse(reason, "event", "the event's name as text", given)
    return _KNOWN.get(_letters(given), given.strip())


def _time_of(tree: dict[str, Any], sent_at: Any, now_ms: int) -> int | Refusal:
    """When it happened: its own word, else when it was sent, else now. Text without an offset is UTC."""
    for name, value in (
        ("timestamp", tree.get("timestamp")), ("originalTimestamp", tree.get("originalTimestamp")),
        ("sentAt", tree.get("sentAt") or sent_at),
    ):  # fmt: skip
        if value in (None, ""):
            continue
        found = read_time_ms(value, zone=UTC) if isinstance(value, str) else None
        return _refuse(DropReason.INVALID_EVENT_TIME, name, "ISO 8601 text", value) if found is None else found
    return now_ms


def _age_s(tree: dict[str, Any], sent_at: Any, time_ms: int) -> int | None:
    """Seconds between the event and its sending, both by the sender's clock. It counts for browsers only."""
    sent = tree.get("sentAt") or sent_at
    sent_ms = read_time_ms(sent, zone=UTC) if isinstance(sent, str) else None
    return max(0, (sent_ms - time_ms) // 1000) if sent_ms is not None else None


def _action_source(tree: dict[str, Any], context: dict[str, Any], page: dict[str, Any]) -> str:
    """Meta wants facts of an app that these messages have not, so what an app sends is of another source. A page is no app, whatever
    stands beside it: RudderStack's browser library calls itself one (`context.app`) in each message."""
    if text(page, "url") or (text(tree, "channel") or "").lower() == "web":
        return "website"
    return "other" if part(context, "device") or part(context, "app") else "website"


def _goes_nowhere(integrations: dict[str, Any]) -> bool:
    """True where the sender says that nobody may get it: All is false and none is named."""
    lower = {str(name).lower(): value for name, value in integrations.items()}
    return lower.pop("all", True) is False and not any(lower.values())


def _limits(properties: dict[str, Any], context: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Limited use as Meta's options, country and state. In `context.dataProcessingOptions` the three may stand in one list; a mere
    yes leaves it to the platform where it holds."""
    told = context.get("dataProcessingOptions")
    rows = as_list(told)
    if rows and isinstance(rows[0], list):
        options, country, state = (*rows, None, None)[:3]
        return options, country, state
    given = [properties.get("data_processing_options"), told, *(properties.get(name) for name in _LIMITED)]
    said = next((value for value in given if not _is_no(value)), None)
    if isinstance(said, (list, dict)):
        return said, properties.get("data_processing_options_country"), properties.get("data_processing_options_state")
    return (None, None, None) if said is None else (["LDU"], 0, 0)


def _is_no(value: Any) -> bool:
    """What says nothing of a wish, or says no. Whatever else stands there is one."""
    return value in (None, "", []) or read_boolean(value) is False


def _referrer(place: dict[str, Any]) -> str | None:
    """Where the visit came from; None of `$direct`, as RudderStack's browser library calls it where it came from nowhere."""
    told = text(place, "referrer")
    return None if told == "$direct" else told


def _user(tree: dict[str, Any], properties: dict[str, Any], context: dict[str, Any], time_ms: int) -> dict[str, Any]:
    user: dict[str, Any] = dict(person_of((part(context, "traits"), part(tree, "traits")), properties))
    who = text(tree, "userId") or text(tree, "anonymousId")
    if who is not None:
        user["external_id"] = who
    for ours, theirs in (("client_ip_address", "ip"), ("client_user_agent", "userAgent")):
        value = text(context, theirs)
        if value is not None:
            user[ours] = value
    fbp, fbc = text(properties, "fbp") or text(context, "fbp"), clicks.fbc_of(properties, context, time_ms)
    return user | {name: value for name, value in (("fbp", fbp), ("fbc", fbc)) if value is not None}


def _custom(name: str, properties: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    contents = _goods(name, properties, notes)
    data = {_RENAMED.get(k, k): v for k, v in properties.items() if k not in _READ and v is not None}
    if parts(properties, "products"):
        data |= {k: properties[k] for k in _OF_ONE if properties.get(k) is not None}
    if contents and not parts(properties, "products") and (title := text(properties, "name")):
        data["content_name"] = title
    if name in _PROMOTIONS and (title := text(properties, "name")):
        data.setdefault("promotion_name", title)
    order = text(properties, "order_id") or text(properties, "orderId")
    if order is None and name == "Purchase":
        order = text(properties, "transaction_id")  # Google's word; of another event it may be a payment's number
        data.pop("transaction_id", None)
    if order is not None:
        data["order_id"] = order
    elif properties.get("order_id") not in (None, ""):
        notes.append("properties.order_id is no number and no text that says something; left out")
    if contents:
        data |= {"contents": contents} | ({"num_items": pieces} if (pieces := pieces_of(contents)) else {})
        data.setdefault("content_type", "product")
        data.setdefault("content_ids", [line["id"] for line in contents if line.get("id") is not None])
        if _of_google(properties):
            data.pop("items", None)
    elif (count := read_integer(properties.get("quantity"))) is not None and count > 0:
        data.setdefault("num_items", count)
    value = _value(name, properties, contents)
    if value is not None:
        data["value"] = value
    elif properties.get("value") not in (None, ""):
        notes.append("properties.value is no amount; left out")
    if properties.get("currency") is not None:
        data["currency"] = properties["currency"]
    return data


def _goods(name: str, properties: dict[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    """``products``; else ``items``, as Google has them, or ``contents``, as another platform's own form; else the one product that
    the properties are about."""
    rows = parts(properties, "products") or _of_google(properties)
    if not rows and (lines := parts(properties, "contents")):
        return [_line(line) for line in lines]
    if not rows and (name in _OF_A_PRODUCT or properties.keys() & {"product_id", "sku"}):
        rows = [properties]
    return goods_of(rows, ("product_id", "productId", "sku", "id", "item_id", "item_name"), "price", notes, "products")


def _of_google(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """``items``, where they are goods: a shop may call anything so."""
    return [row for row in parts(properties, "items") if row.keys() & {"item_id", "item_name", "product_id", "sku"}]


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """In Meta's words, which the steps read; what it says in them already stays."""
    return {ours: value for k, value in line.items() if (ours := _OF_A_LINE.get(k, k)) == k or ours not in line}


def _value(name: str, properties: dict[str, Any], contents: list[dict[str, Any]]) -> Any:
    """As it is written: ``value``, else ``total`` (with tax, shipping and discounts), else ``revenue`` (without). One that is no amount is
    the shop's own word, as the value of a filter. Without any of them the price by the pieces, of one product or of what names none."""
    said = [properties[k] for k in ("value", "total", "revenue") if properties.get(k) not in (None, "")]
    given = next((one for one in said if lenient_amount(one) is not None), None)
    if given is None and said and name == "Purchase":
        return said[0]  # refused, with what it says: a sale must not go without its money
    if given is not None or (contents and name not in _OF_A_PRODUCT):
        return given
    if not contents and (price := lenient_amount(properties.get("price"))) is not None and price >= 0:
        count = read_integer(properties.get("quantity"))
        return price * count if count is not None and count > 0 else price
    worth: Decimal | None = worth_of(contents)
    return worth


def _links(properties: dict[str, Any]) -> list[str]:
    """A cart's token, where it is one that nobody can guess or count. A ``checkout_id`` would name the order, and whether it is
    one of its own for each order is the sender's habit: the same one in two orders would make one Purchase of them."""
    cart = text(properties, "cart_id")
    return [link] if cart and is_secret_link(link := f"cart:{cart}") else []


def _consent(context: dict[str, Any], categories: Mapping[str, str]) -> Any:
    """What the banner said, by category. One that nobody named is read by its own name, and where it is no word for a purpose
    and not granted, everything is denied. What is said and cannot be read is no."""
    told, managed = context.get("consent"), context.get("consentManagement")
    if told not in (None, "") and as_object(told) is None:
        return told  # one word for everything, which the steps read
    said, spoken = as_object(told), list[tuple[str, Any]]()
    if said is not None and said.get("categoryPreferences") not in (None, ""):
        preferences = as_object(said["categoryPreferences"])
        if preferences is None:
            return False
        spoken += list(preferences.items())
    elif said and "categoryPreferences" not in said:
        spoken += list(said.items())
    if managed not in (None, ""):
        lists = as_object(managed)
        ids = None if lists is None else _ids(lists)
        if ids is None:
            return False
        spoken += ids
    found: dict[str, Any] = {}
    for key, value in spoken:
        word = categories.get(key, key)
        found[word] = value if found.get(word, True) in (True, value) else False
    return found or None


def _ids(lists: dict[str, Any]) -> list[tuple[str, bool]] | None:
    """Each category that is allowed or denied; None where one of the lists cannot be read."""
    spoken: list[tuple[str, bool]] = []
    for name, yes in (("allowedConsentIds", True), ("deniedConsentIds", False)):
        value = lists.get(name)
        items = [] if value in (None, "") else as_list(value, alone=True)
        if items is None or any(isinstance(one, (dict, list)) for one in items):
            return None
        spoken += [(str(one), yes) for one in items]
    return spoken


def _refuse(reason: DropReason, path: str, expected: str, got: Any) -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=describe(got))
