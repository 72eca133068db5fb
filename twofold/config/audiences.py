"""The settings of audiences: `[[audience]]`, one a rule, each with the lists at platforms that are kept by it.

Owns their names, defaults and help, and the names of rules and platforms. What a rule means is `audiences.rules`'s to say; what is
refused beyond types is checked in `check`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

AUDIENCE_RULES = ("viewed_not_bought", "cart_left", "bought_once", "delivered", "refused", "high_margin")
AUDIENCE_PLATFORMS = ("meta", "google_ads", "tiktok")
"""Of an [[account]], those whose lists can be kept."""
VALUES = ("", "delivered", "margin")


class AudienceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(description="Its name in commands and on pages: letters, digits, - and _.")]
    dataset: Annotated[str, Meta(description="The dataset whose events and orders it is made of.")]
    rule: Annotated[
        str,
        Meta(description="Who is in it: `viewed_not_bought`, `cart_left`, `bought_once`, `delivered`, `refused` or `high_margin` "
             "(docs/audiences.md says what each means)."),
    ]  # fmt: skip
    days: Annotated[int, Meta(description="How many days back events and orders are looked at.", ge=1, le=540)] = 30
    wait_hours: Annotated[
        int, Meta(description="For `cart_left`: so many hours after the last sign of a cart it counts as left.", ge=0, le=720)
    ] = 1  # fmt: skip
    least: Annotated[
        str,
        Meta(
            description="For `high_margin`: what a customer's orders must have left together, before advertising, in the reporting "
            "currency, e.g. `100`.",
            pattern=r"^(\d{1,12}(\.\d{1,4})?)?$",
        ),
    ] = ""
    lists: Annotated[
        dict[str, str],
        Meta(description='Which lists are kept by it: the name of an [[account]] of `meta`, `google_ads` or `tiktok`, and the list\'s id '
             'there, e.g. `{ meta-1234 = "23851234567890123" }`. Empty: it is only shown and exported.'),
    ] = field(default_factory=dict)  # fmt: skip
    smallest: Annotated[
        int,
        Meta(
            description="People that a list must have before anybody is put on it. 0: 100 for Meta and Google, 1000 for TikTok.",
            ge=0,
            le=1_000_000,
        ),
    ] = 0
    value: Annotated[
        str,
        Meta(
            description="What each person is told to be worth to Meta, for lookalikes by value: `delivered` (money of delivered orders "
            "less refunds) or `margin` (what they left before advertising). The list at Meta must be one by value. Empty: nothing.",
        ),
    ] = ""
    terms_accepted: Annotated[
        bool,
        Meta(description="You have accepted Google's Customer Match terms for the account; Google must be told so with each upload."),
    ] = False  # fmt: skip
    every_minutes: Annotated[
        int, Meta(description="How often a running gateway brings its lists up to date.", ge=10, le=10_080)
    ] = 60
