"""The names under which Insights reports one kind of event: several ``action_type`` aliases for the same conversions.

Owns the names only. Source: action types seen at many public readers of Insights (2025 and 2026), and the Marketing
API's `conversions` reference; what follows the pattern without having been seen is marked.
"""

from __future__ import annotations

import re

from twofold.event.vocabulary import STANDARD_EVENTS

CUSTOM = ("offsite_conversion.fb_pixel_custom",)
LINK_CLICK = ("link_click",)
PURCHASE = ("purchase", "omni_purchase", "offsite_conversion.fb_pixel_purchase", "onsite_web_purchase")
# Seen at many public readers of Insights; the rest of the standard events follows the same pattern without omni_*.
ALIASES: dict[str, tuple[str, ...]] = {
    "Purchase": PURCHASE,
    "Lead": ("lead", "omni_lead", "offsite_conversion.fb_pixel_lead"),
    "AddToCart": ("add_to_cart", "omni_add_to_cart", "offsite_conversion.fb_pixel_add_to_cart"),
    "InitiateCheckout": (
        "initiate_checkout",
        "omni_initiated_checkout",  # so spelt
        "offsite_conversion.fb_pixel_initiate_checkout",
    ),
    "CompleteRegistration": (
        "complete_registration",
        "omni_complete_registration",
        "offsite_conversion.fb_pixel_complete_registration",
    ),
    "ViewContent": ("view_content", "omni_view_content", "offsite_conversion.fb_pixel_view_content"),
    "Subscribe": ("subscribe", "omni_subscribe", "offsite_conversion.fb_pixel_subscribe"),
}
# The `conversions` field has another list than `actions`; only these names were found in it.
CONVERSION_EVENTS = frozenset({
    "Contact", "CustomizeProduct", "Donate", "FindLocation", "Schedule", "StartTrial", "SubmitApplication", "Subscribe",
})  # fmt: skip


def aliases_of(event_name: str) -> tuple[str, ...]:
    """Every ``action_type`` under which an event appears; none for PageView, which is no conversion."""
    if event_name == "PageView":
        return ()
    if event_name not in STANDARD_EVENTS:
        return CUSTOM
    snake = _snake(event_name)
    return ALIASES.get(event_name, (snake, f"offsite_conversion.fb_pixel_{snake}"))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


IN_CONVERSIONS = {aliases_of(name): _snake(name) for name in CONVERSION_EVENTS}
