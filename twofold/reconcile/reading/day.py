"""One day out of the tables' rows: the orders that may touch it with their Purchases, in the reporting currency.

Owns the joining of actions with orders: by the order that an action stands for, by the order id in its events, and of one that names
none by the same browser, money and half hour. Which orders and Purchases may touch a day is the questions' (`sql/day.sql`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.day.values import DayOrder, Sent
from twofold.reconcile.reading.counted import held

NEAR_S = 3_600  # an event, and another sender's word of it, are at most so far from each other and from their day's end
CLICK_DAY_S = 8 * 86_400  # so long after a day an order may be made that a click of the day brought
SAME_ACT_S = 1_800
QUESTIONS = ("day_orders", "day_purchases", "day_people")
PARTS = ("shipping", "tax", "tip", "duties", "gift_cards")


class DayFacts(Struct, frozen=True, kw_only=True):
    """``orders``: all that may touch the day; ``strays``: Purchases of which no order is known."""

    orders: tuple[DayOrder, ...]
    strays: tuple[Sent, ...]


class Platform(Struct, frozen=True, kw_only=True):
    """Where Purchases go: names of the platform's destinations; datasets in which silence is no consent."""

    destinations: frozenset[str]
    banners: frozenset[str] = frozenset()
    by_click_day: bool = False  # its reports put a purchase on the day of its click


def asked_of(
    day: str, shop: tuple[int, int], others: Iterable[tuple[int, int]], platform: Platform, dataset: str | None
) -> dict[str, Any]:
    """Parameters of the questions. ``shop``: when the shop's day begins and ends, Unix s, the end not included; ``others``: the
    same of the other witnesses' days."""
    spans = [shop, *others]
    end = max(span[1] for span in spans) + NEAR_S
    return {
        "from_s": min(span[0] for span in spans) - NEAR_S, "to_s": end, "upto_s": end + CLICK_DAY_S * platform.by_click_day,
        "first_s": shop[0], "last_s": shop[1], "day": day, "dataset": dataset or "",
        "destinations": f",{','.join(sorted(platform.destinations))},",
    }  # fmt: skip


def facts_of(answers: Mapping[str, Sequence[Any]], platform: Platform, desk: Desk) -> DayFacts:
    """Orders with their actions, out of the answers by the name of their question."""
    whos: dict[int, set[str]] = defaultdict(set)
    for row in answers["day_people"]:
        whos[row.action].add(row.who)
    known = {row.order_row for row in answers["day_orders"]}
    by_order: dict[int, list[Sent]] = defaultdict(list)
    strays: dict[int, Sent] = {}
    taken = set()
    for row in sorted(answers["day_purchases"], key=lambda r: (r.action, r.order_row or 0)):
        if row.action in taken:
            continue
        taken.add(row.action)
        sent = _sent(row, whos[row.action], desk)
        if row.order_row in known:
            by_order[row.order_row].append(sent)
        else:
            strays[row.action] = sent
    left = _same_browser(list(strays.values()), by_order)
    orders = [_day_order(row, by_order.get(row.order_row, []), platform, desk) for row in answers["day_orders"]]
    return DayFacts(orders=tuple(orders), strays=tuple(left))


def _same_browser(strays: list[Sent], by_order: dict[int, list[Sent]]) -> list[Sent]:
    """A Purchase without an order id that is another sender's word of a known one: the same browser, money and half hour.
    Those that are left."""
    if not strays:
        return []
    told: dict[Decimal | None, list[tuple[int, Sent]]] = defaultdict(list)
    for order, actions in by_order.items():
        for action in actions:
            told[action.told].append((order, action))
    left = []
    for stray in strays:
        same = {
            order for order, a in told[stray.told] if a.who & stray.who and abs(a.at - stray.at) <= SAME_ACT_S
        }  # fmt: skip
        if len(same) == 1:
            order = same.pop()
            by_order[order].append(stray)
            told[stray.told].append((order, stray))
        else:
            left.append(stray)
    return left


# -- actions


def _sent(row: Any, whos: set[str], desk: Desk) -> Sent:
    day = desk.days.of(row.event_time)
    told = held(row, "told_value", row.exact), row.told_currency or ""
    value = held(row, "value", row.exact), row.currency or ""
    arrived = held(row, "sent_value", row.sent_exact), row.sent_currency or row.currency or ""
    return Sent(
        action=row.action,
        at=row.event_time,
        told=_worth(*(told if told[0] is not None else value), day, desk),
        state=row.state,
        reason=row.reason,
        value=_worth(*(arrived if arrived[0] is not None else value), day, desk) if row.state == "delivered" else None,
        as_margin=row.told_as == "margin",
        browser=row.browser,
        consent=row.consent,
        click_at=row.clicked_at,
        who=frozenset(whos | set(row.browsers.split(","))) - {""},
    )


def _worth(amount: Decimal | None, currency: str, day: int, desk: Desk) -> Decimal | None:
    return None if amount is None else desk.rates.convert(amount, currency, desk.rules.currency, day)


# -- orders


def _day_order(row: Any, actions: list[Sent], platform: Platform, desk: Desk) -> DayOrder:
    def told(name: str) -> Decimal:
        return held(row, name, row.exact) or ZERO

    currency = row.currency or ""
    rate = desk.rates.rate(currency, desk.rules.currency, desk.days.of(row.placed_at)) or ZERO
    total = told("total") + (told("refunded") if row.after_refunds else ZERO)
    scale = rate
    if row.value_currency and row.value_currency != currency and told("shown_total"):
        scale = total / told("shown_total") * rate
    edited = held(row, "edited", row.exact)
    mine = sorted(actions, key=lambda a: (a.action != row.action, a.action))
    return DayOrder(
        key=f"{row.dataset}/{row.order_row}",
        order_id=row.order_id,
        number=row.number,
        placed_at=row.placed_at,
        total=total * rate,
        sale=row.sale,
        test=row.test or row.deleted or not row.known,
        source=row.source,
        actions=tuple(replace(_with_click(a, row), order=f"{row.dataset}/{row.order_row}") for a in mine),
        parts={name: told(name) * rate for name in PARTS if told(name)},
        left_out={"all": told("left_out") * scale} if told("left_out") else {},
        visited=bool(mine and row.visited) or any(a.browser for a in mine),
        banner=row.dataset in platform.banners,
        cancelled_at=row.cancelled_at,
        returned_at=row.returned_at,
        back=tuple((at, Decimal(amount) * rate) for at, amount in _given_back(row.given_back)),
        edited=None if edited is None else edited * rate,
        gift_cards=told("gift_cards") * rate,
        discount=told("discount") * rate,
    )


def _given_back(text: str | None) -> list[tuple[int, str]]:
    return msgspec.json.decode(text, type=list[tuple[int, str]]) if text else []


def _with_click(sent: Sent, row: Any) -> Sent:
    """With the order's last click. Which ad it was of is known where no later click's ad is unknown."""
    times = [at for at in (sent.click_at, row.clicked_at) if at is not None and at <= sent.at]
    last = max(times, default=None)
    is_its = row.clicked_at is not None and last is not None and row.clicked_at <= sent.at
    ad = row.ad_id if is_its and last - row.clicked_at <= SAME_ACT_S else ""
    return replace(sent, click_at=last, click_ad=ad)
