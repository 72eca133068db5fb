"""A signal world's scenario: how long, how busy, and which faults begin on which day for which share.

Owns the kinds of faults, the file's form and its errors. What a fault does is `faults`'s.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from twofold.errors import ConfigError


class FaultKind(StrEnum):
    """What can be planted."""

    NO_BROWSER = "no_browser"  # the tag is gone from the thank-you page
    NO_SERVER = "no_server"  # the shop's webhook does not come for these orders
    LATE = "late"  # the webhook comes hours later
    NOT_MEETING = "not_meeting"  # the page makes an id of its own and says no order number
    ORDER_NUMBERS = "order_numbers"  # the page tells a number of the theme's own instead of the order's
    MINOR_UNITS = "minor_units"  # the page tells cents as units
    CURRENCY = "currency"  # the page tells another currency
    TAX = "tax"  # the page's value is without tax
    SHIPPING = "shipping"  # without shipping
    DISCOUNT = "discount"  # before the discount
    TOKEN_DEAD = "token_dead"  # the platform takes the token no more
    TOKEN_ENDS = "token_ends"  # it was made for a time that is over some days after the world
    WRONG_DATASET = "wrong_dataset"  # the token may not write to the dataset any more
    TEST_CODE = "test_code"  # a test code is left in the destination
    SERVER_ADDRESS = "server_address"  # a proxy's address is taken for the shopper's
    CLICK_LOWERED = "click_lowered"  # the click id in small letters
    CLICK_STRIPPED = "click_stripped"  # taken off the landing address
    IDS_ANEW = "ids_anew"  # a server container sends every event again under an id of its own
    TWO_OWNERS = "two_owners"  # a second tag tells the Purchase, too
    RELOADS = "reloads"  # the thank-you page tells the Purchase at every load, and is loaded again and again
    CONSENT = "consent"  # the banner counts who has not chosen as a refusal
    TOPIC = "topic"  # the shop stopped one webhook topic
    CLOCK = "clock"  # the clock of the shop's server is ahead by minutes
    ZONE = "zone"  # times of orders are local ones, told as UTC
    ROBOTS = "robots"
    BLOCKED = "blocked"  # a blocker's list knows the tag's address
    BUTTON = "button"  # a Purchase is told when the button of the cart is pressed
    CHECKOUT = "checkout"  # the step into the checkout is not told
    EVENT_LOST = "event_lost"  # what goes into the cart is not told
    TEST_ORDERS = "test_orders"  # tests of the shop are told by its pages like orders
    SECRET = "secret"  # webhooks are signed with another secret
    FOREIGN_SITE = "foreign_site"  # a second domain that is not listed
    KEY_LOST = "key_lost"  # the order's e-mail address is passed on no more
    RESTATES = "restates"  # the advertising platform takes back conversions of days that were over
    NEW_SENDER = "new_sender"  # an app that nobody asked for tells events of its own


class Trade(StrEnum):
    """How it sells."""

    SHOP = "shop"  # orders on its pages
    LEADS = "leads"  # forms and appointments, without money: pages and a CRM tell them
    PHONE = "phone"  # most orders are taken on the phone, and have no page
    CHATS = "chats"  # orders are made in chats: the chat's tool alone tells them


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``day``: 1 is the first; from its midnight on. ``share`` of those whom it can strike."""

    kind: FaultKind
    day: Annotated[int, Meta(ge=1)]
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0


class SignalScenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``lookers``: visitors who buy nothing, for each order."""

    name: str = "signal"
    about: str = ""
    seed: int = 0
    days: Annotated[int, Meta(ge=2, le=60)] = 14
    orders_per_day: Annotated[int, Meta(ge=1, le=2000)] = 25
    lookers: Annotated[float, Meta(ge=0, le=50)] = 1.0
    trade: Trade = Trade.SHOP
    faults: tuple[Fault, ...] = ()


_ANYWHERE = frozenset(
    {FaultKind.TOKEN_DEAD, FaultKind.TOKEN_ENDS, FaultKind.WRONG_DATASET, FaultKind.TEST_CODE, FaultKind.CLICK_LOWERED,
     FaultKind.CLICK_STRIPPED, FaultKind.SERVER_ADDRESS, FaultKind.FOREIGN_SITE}
)  # fmt: skip
FAULTS_OF: dict[Trade, frozenset[FaultKind]] = {
    Trade.SHOP: frozenset(FaultKind),
    Trade.LEADS: _ANYWHERE | {FaultKind.IDS_ANEW},
    Trade.PHONE: _ANYWHERE | {FaultKind.SECRET},
    Trade.CHATS: _ANYWHERE - {FaultKind.SERVER_ADDRESS},
}
"""What befalls pages that take orders, and the shop's webhooks, needs both."""


def read_signal(path: Path) -> SignalScenario:
    """The scenario of a file. Raises `ConfigError` naming what is wrong."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=_File, strict=False).signal
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as err:
        raise ConfigError(
            f"{path}: expected a signal world, got: {err}; docs/worlds.md says what it may hold"
        ) from None
    for place, fault in enumerate(found.faults):
        if fault.day > found.days:
            raise ConfigError(f"{path}: faults[{place}].day: expected at most the {found.days} days, got {fault.day}")
        if fault.kind not in FAULTS_OF[found.trade]:
            raise ConfigError(
                f"{path}: faults[{place}].kind: expected one that can befall a world of {found.trade}, got {fault.kind}"
            )
    return found


def is_signal(path: Path) -> bool:
    """Does the file hold a signal world? False also for what cannot be read: the other reader says why."""
    try:
        return "signal" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    signal: SignalScenario
