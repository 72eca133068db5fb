"""What a world is made of, as a TOML file says it: products, couriers, a provider, a bank, advertising, and shares.

Owns the format (docs/worlds.md) and its checks. Shares are between 0 and 1 and are drawn with the world's seed; amounts
are texts, so that no money passes through a float.
"""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from twofold.errors import ConfigError
from twofold.event.scalars import read_currency
from twofold.simulate.truth import Today

Share = Annotated[float, Meta(ge=0, le=1)]
Days = Annotated[int, Meta(ge=0, le=90)]


class Article(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    sku: str
    name: str
    price: Decimal
    cost: Decimal


class Courier(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``pays_on``: weekday of its remittances, 0 is Monday; ``cut_days``: it pays what was delivered so long before."""

    name: str
    share: float = 1.0
    transit_days: tuple[int, int] = (1, 4)
    refused: Share = 0.12  # of parcels with cash on delivery
    returned: Share = 0.04  # of delivered ones
    lost: Share = 0.01
    short: Share = 0.02  # of collected ones: less was taken at the door
    short_by: Decimal = Decimal("5.00")
    fee_percent: Decimal = Decimal("2")
    fee_least: Decimal = Decimal("0.50")
    freight: Decimal = Decimal("4.00")
    freight_return: Decimal = Decimal("3.00")
    pays_on: Annotated[int, Meta(ge=0, le=6)] = 0
    cut_days: Days = 5
    late_days: Days = 0  # how much later than it says
    invoice: Decimal = Decimal("0")  # kept from its first remittance, of no parcel
    claims: Share = 0.0  # of lost parcels with cash: it pays what they were worth, as a row of no parcel
    strangers: Annotated[int, Meta(ge=0, le=9)] = 0  # parcels of another shop in each remittance
    twice: Share = 0.0  # of parcels with cash: the next remittance pays them once more


class Provider(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    report: str = "shopify_payments"  # or "stripe"
    fee_percent: Decimal = Decimal("1.9")
    fee_fixed: Decimal = Decimal("0.25")
    pays_on: Annotated[int, Meta(ge=0, le=6)] = 2
    available_days: Days = 3
    disputed: Share = 0.02
    dispute_fee: Decimal = Decimal("15.00")
    disputes_won: Share = 0.0  # of disputed ones: the money comes back, the fee does not
    reserve_percent: Decimal = Decimal("0")  # of each payout's charges, held; stripe alone reports it
    reserve_days: Days = 0  # after which it is let go again; 0: never
    failed: Share = 0.0  # of payouts: the bank sends them back, and they leave again three days later
    bank_fee: Decimal = Decimal("0")  # what the bank takes of each payout
    collects: bool = False  # whether it takes a payout below zero from the bank; else its lines wait


class Bank(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    account: str
    statement: str = "camt"  # or "tbc", "mt940"
    overlap_days: Annotated[int, Meta(ge=0, le=20)] = 0  # each statement tells so many days of the one before once more
    foreign_account: str = ""  # for what is paid in the spend currency
    opening: Decimal = Decimal("1000.00")
    monthly_fee: Decimal = Decimal("6.00")
    deposits: tuple[Decimal, ...] = ()  # of the owner: credits that no order explains


class Campaign(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: str
    id: str
    share: Share = 0.2  # of all orders that it brought
    daily: Decimal = Decimal("20.00")  # spend a day
    overclaim: Share = 0.3  # orders of nobody's campaign that it claims by views


class Scenario(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One world. ``until``: last day of the world; empty is the day before it is played."""

    name: str
    about: str = ""
    seed: int = 1
    days: Annotated[int, Meta(ge=7, le=400)] = 35
    until: str = ""
    zone: str = "UTC"
    currency: str = "EUR"
    orders_per_day: Annotated[int, Meta(ge=1, le=500)] = 4
    hours: tuple[int, int] = (8, 22)  # of the day within which orders are placed
    first_number: Annotated[int, Meta(ge=1000)] = 2001
    shipping: Decimal = Decimal("4.90")
    vat_percent: Decimal = Decimal("18")
    chat: Share = 0.25  # of orders, made in a chat
    phone: Share = 0.08
    card: Share = 0.45  # of web orders; the rest is cash on delivery and transfers
    transfer: Share = 0.10
    unreached: Share = 0.05  # of orders with cash on delivery: nobody answered the calls
    declined: Share = 0.05  # of those: said no on the phone
    card_cancelled: Share = 0.03
    partly_refunded: Share = 0.06  # of delivered card orders
    never_transferred: Share = 0.10  # of orders by transfer
    number_forgotten: Share = 0.15  # of transfers: no order number in the text, the payer's name alone
    refunds_bounce: Share = 0.0  # of refunds by transfer: they come back, and leave once more
    replaced: Share = 0.0  # of orders of chats and calls: the operator writes another one in its place before it leaves
    foreign: Share = (
        0.0  # of orders of chats and calls: in the spend currency, paid by transfer to an account of their own
    )
    cross_sell: Share = 0.30  # of chat orders: the operator adds an article
    two_devices: Share = 0.25  # of web orders that a campaign brought: the click on a phone, the order on a laptop
    ga4_misses: Share = 0.15  # of web orders
    edited: Share = 0.0  # of web orders of two articles or more that are not paid by card: one was added afterwards
    split: Share = 0.0  # of shipped orders with cash on delivery: in two parcels, of which the second may be refused
    second_shop: Share = 0.0  # of web orders: of another shop in the same dataset, which gives the same numbers
    vouchers: Share = 0.0  # of web orders: paid by gift card, whose money came when it was sold
    spend_currency: str = "USD"
    rate: Decimal = Decimal("1.08")  # units of it for one unit of the base: EUR for the ECB's file
    today: Today = Today()  # the live orders of `twofold demo`; nothing of a world
    articles: tuple[Article, ...]
    couriers: tuple[Courier, ...]
    provider: Provider = Provider()
    bank: Bank
    campaigns: tuple[Campaign, ...] = ()

    def last_day(self, today: date) -> date:
        return date.fromisoformat(self.until) if self.until else date.fromordinal(today.toordinal() - 1)


DEMO = Path(__file__).with_name("demo.toml")


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file. Raises `ConfigError` naming what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: expected a scenario, got none that can be read ({type(err).__name__})") from None
    try:
        told = tomllib.loads(text)
        found = msgspec.convert(told, Scenario, dec_hook=_amount, strict=False)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as err:
        raise ConfigError(f"{path}: {err}; docs/worlds.md says what a scenario may hold") from None
    _check(path, found)
    return found


def _amount(kind: type, value: Any) -> Any:
    raise NotImplementedError(kind, value)


def _check(path: Path, told: Scenario) -> None:
    def expect(good: bool, what: str) -> None:
        if not good:
            raise ConfigError(f"{path}: {what}")

    try:
        ZoneInfo(told.zone)
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"{path}: zone: expected a name such as Asia/Tbilisi, got {told.zone!r}") from None
    if told.until:
        try:
            date.fromisoformat(told.until)
        except ValueError:
            raise ConfigError(f"{path}: until: expected a day as 2026-03-10, got {told.until!r}") from None
    for name in ("currency", "spend_currency"):
        expect(read_currency(getattr(told, name)) == getattr(told, name), f"{name}: expected three letters (ISO 4217)")
    expect(
        told.currency in ("EUR", "GEL"),
        "currency: expected EUR (rates of the ECB) or GEL (of the National Bank of Georgia)",
    )
    expect(not told.foreign or (told.currency == "GEL" and bool(told.bank.foreign_account)),
           "foreign: expected 0, or currency GEL and a bank.foreign_account")  # fmt: skip
    expect(bool(told.articles), "articles: expected at least one")
    expect(bool(told.couriers), "couriers: expected at least one")
    expect(
        told.provider.report in ("shopify_payments", "stripe"), "provider.report: expected shopify_payments or stripe"
    )
    expect(not told.provider.reserve_percent or told.provider.report == "stripe",
           "provider.reserve_percent: expected 0, as only stripe's report tells a reserve")  # fmt: skip
    expect(told.bank.statement in ("camt", "tbc", "mt940"), "bank.statement: expected camt, tbc or mt940")
    expect(0 <= told.hours[0] < told.hours[1] <= 24, "hours: expected two of a day, the earlier first, such as [8, 22]")
    expect(sum(c.share for c in told.campaigns) <= 1, "campaigns: expected shares that add up to at most 1")
    expect(len({a.sku for a in told.articles}) == len(told.articles), "articles: expected every sku once")
    for amount in (told.rate, *(a.price for a in told.articles)):
        try:
            expect(amount > 0, "expected rates and prices above 0")
        except InvalidOperation:
            raise ConfigError(f"{path}: expected amounts, got another word") from None
