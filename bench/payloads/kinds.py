"""Kinds of fields that are another thing here on purpose. Owns the sorting; the reasons stand in docs/destinations.md.

private    contact data or a customer's number in the clear, which is not kept
partner    the name of a partner of the platform, which nobody here is
document   the platform's page says otherwise, or has no such field in this version of its interface
again      the message's own property once more, whose value is told in the field that the platform has for it
apart      the router itself tells another platform of this message the figure that is told here: one event has one worth here
ours       the message says it in two ways, or for another event: the table of the page says which is taken and why
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

_KINDS: Final = [
    (platform, re.compile(pattern), kind)
    for platform, pattern, kind in (
        ("tiktok", r"user\.(city|state|country)$", "private"),
        ("microsoft", r"userData\.(externalId|anonymousId)$", "private"),
        ("microsoft", r"pageTitle$", "private"),
        ("ga4", r"user_id$|page_title$", "private"),
        ("*", r"partner_name$|integration$|dataProvider$|^partner$", "partner"),
        ("meta", r"^event_time$", "document"),
        ("tiktok", r"^event$|contents\[\d+\]\.content_type$", "document"),
        ("pinterest", r"^(app_|device_)|os_version$|advertiser_id$|opt_out$", "document"),
        ("snap", r"event_time$|action_source$|num_items$|brands|content_category|custom_data\.price$|item_price$", "document"),
        ("reddit", r"event_at$|tracking_type$", "document"),
        ("ga4", r"client_id$|params\.method$", "document"),
        ("microsoft", r"continueOnValidationError$|eventType$|eventName$", "document"),
        ("*", r"(^|\.)value$|\.amount$|currencyCode$", "ours"),
        ("meta", r"event_name$|custom_data\.(category|price|product_id|quantity|query|revenue|content_type|currency)$", "ours"),
        ("meta", r"content_ids|contents\[\d+\]\.(quantity|id)$", "ours"),
        ("tiktok", r"properties\.content_type$", "ours"),
        ("reddit", r"item_count$", "ours"),
        ("ga4", r"events\[\d+\]\.name$|items\[\d+\]\.item_name$|shipping_tier$", "ours"),
        ("x", r"number_items$", "ours"),
    )
]  # fmt: skip


def kind_of(platform: str, field: str) -> str:
    """``unexplained`` for a difference that no kind names."""
    return next((kind for p, pattern, kind in _KINDS if p in ("*", platform) and pattern.search(field)), "unexplained")


_WORTH: Final = re.compile(r"(^|\.)(value|value_decimal|eventValue|amount)$")

# At Meta RudderStack sends a message's properties as they are, beside the fields that it makes of them.
_AGAIN: Final = {
    "custom_data.category": re.compile(r"custom_data\.content_category"),
    "custom_data.product_id": re.compile(r"custom_data\.(contents\[\d+\]\.id|content_ids\[\d+\])"),
    "custom_data.price": re.compile(r"custom_data\.contents\[\d+\]\.item_price"),
    "custom_data.quantity": re.compile(r"custom_data\.(contents\[\d+\]\.quantity|num_items)"),
    "custom_data.query": re.compile(r"custom_data\.search_string"),
    "custom_data.revenue": re.compile(r"custom_data\.value"),
}


def is_told_again(platform: str, field: str, value: Any, ours: Mapping[str, Any]) -> bool:
    """True where ``ours``, a payload's fields, tells the same in the platform's own field."""
    place = _AGAIN.get(field) if platform == "meta" else None
    return place is not None and any(str(told) == str(value) for name, told in ours.items() if place.fullmatch(name))


def worths(fields: Iterable[tuple[str, Any]]) -> set[Decimal]:
    """What a payload says that its event is worth."""
    found = set()
    for name, value in fields:
        with suppress(ArithmeticError):
            found |= {Decimal(str(value))} if _WORTH.search(name) else set()
    return found


def is_apart(field: str, ours: Any, elsewhere: Collection[Decimal]) -> bool:
    """True where ``field`` is what the event is worth, and the router has told ``ours`` to another platform: ``elsewhere``."""
    return bool(worths([(field, ours)]) & set(elsewhere))
