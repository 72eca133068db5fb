"""Lines about orders, and a Purchase held against its order."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import About, Amount, Row, Text, Time


class Order(Row, kw_only=True, tag="order"):
    """One order and what became of its Purchase."""

    dataset: Text
    order_id: Text
    number: Text  # what its people call it; the id where no source told one
    placed_at: Time
    state: Text
    since: Time | None
    value: Amount | None
    currency: Text | None
    method: Text
    purchase: Text
    reason: Text
    sources: list[Text]


class OrderShown(Row, kw_only=True, tag="order"):
    """One order with all that is known of it."""

    dataset: Text
    order_id: Text
    placed_at: Time
    state: Text
    standing: Text
    reason: Text
    since: Time | None
    method: Text
    counts_when: Text
    value: Any
    known: Any
    action: int | None
    outcomes_told: list[Text]
    no_touch: Text
    station: Text | None = None  # where its goods are; null where its money has no rate
    station_since: Time | None = None


class OrderTouch(Row, kw_only=True, tag="touch"):
    """A sign of where an order came from: of its browser or chat, or what the shop or the buyer says."""

    at: Time
    kind: Text
    source: Text
    medium: Text
    campaign: Text
    content: Text
    term: Text
    utm_id: Text
    click: Text
    campaign_id: Text
    adset_id: Text
    ad_id: Text
    referrer: Text
    landing: Text
    device: Text
    country: Text
    consent: Text


class Step(Row, kw_only=True, tag="step"):
    """One thing that happened to an order, in time order: with the link of the chain that it is about, who says so and where
    that can be looked up. Without a link: a report as it came in (`received_at`), and what it said."""

    at: Time
    day_only: bool = False  # told without a time
    link: Text | None = None
    what: Text
    evidence: Text
    reference: Text
    received_at: Time | None = None
    said: Any = None
    amount: Amount | None = None


class Where(Row, kw_only=True, tag="where"):
    """A part of an order's money: where it is, since when, by which day it should come; `open`: it is not at its end."""

    where: Text
    words: Text
    amount: Amount
    currency: Text
    since: Time | None
    expected: Text | None
    open: bool


class OrderLine(Row, kw_only=True, tag="line"):
    """A line of money that is the order's: why it is taken for it, and what became of it."""

    line: Text
    source: Text
    account: Text
    id: Text
    kind: Text
    gross: Amount
    fee: Amount
    net: Amount
    currency: Text
    at: Time
    batch: Text
    place: Text
    banked_at: Time | None
    bank_lines: list[Text]
    amount: Amount
    rule: Text
    trust: Text
    read_from: list[Text]
    by: Text


class Copy(Row, kw_only=True, tag="copy"):
    """A copy of the action that an order stands for."""

    position: int
    received_at: Time
    channel: Text
    sender: Text
    tier: Text
    verdict: Text
    event_name: Text
    event_id: Text
    late: bool


class OrderDelivery(Row, kw_only=True, tag="delivery"):
    """A delivery of the action that an order stands for."""

    delivery: int
    destination: Text
    state: Text
    reason: Text
    attempts: int
    due_at: Time
    settled_at: Time | None
    event_id: Text
    marks: list[Text]
    event_name: Text


class CheckedOrder(Row, kw_only=True, tag="order"):
    """A Purchase held against its order."""

    dataset: Text
    order_id: Text
    destination: Text
    verdict: Text
    reason: Text
    sent: Amount | None
    sent_currency: Text | None
    due: Amount | None
    currency: Text | None
    difference: Amount | None
    parts: dict[str, Any]
    irrevocable: bool
    event_id: Text


class CheckedSum(Row, kw_only=True, tag="sum"):
    """All orders of one verdict and reason."""

    dataset: Text
    destination: Text
    verdict: Text
    reason: Text
    currency: Text
    orders: int
    sent: Amount
    due: Amount
    difference: Amount


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "orders list": (
        About,
        Order,
    ),
    "orders show": (
        About,
        OrderShown,
        Step,
        Where,
        OrderLine,
        Copy,
        OrderDelivery,
        OrderTouch,
    ),
    "orders check": (
        About,
        CheckedOrder,
        CheckedSum,
    ),
}
