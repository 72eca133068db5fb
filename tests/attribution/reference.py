"""Credits of orders one by one: the independent computation that the named statements are held against.

Each order's path, shares as exact fractions, amounts by `split`, and rows in memory: nothing of it is asked of a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec import Struct, field

from tests.attribution.rule_models import places_of, shares_of, steps_of
from twofold.attribution.paths import PathTouch, path_of
from twofold.attribution.reading import NEVER
from twofold.attribution.shares import largest_of, split
from twofold.attribution.spend import LEVELS, Adverts, advert_of
from twofold.attribution.table import (
    LINKS,
    NO_PAID,
    OF_ORDERS,
    ZERO,
    Asked,
    Cost,
    Group,
    Line,
    Rate,
    Usual,
    group_of,
    judged,
    told_key,
    unattributed,
)
from twofold.attribution.verdicts import MOST, Sample
from twofold.reconcile.chain.account import Account
from twofold.reconcile.chain.customers import Customer
from twofold.reconcile.chain.standing import BACK, FINAL, OPEN
from twofold.reconcile.exchange import day_text


class Credited(Struct, frozen=True, kw_only=True):
    """One order as tables need it. ``amounts``: by link; *margin* is left out while it is open or a cost is unknown.
    ``open``: its total while its outcome is open. ``items``: (article, weight), the weight being the line's net amount.
    ``said``: what the shop itself says of its source, which stands in where no touch of ours is in the window. ``reason``: why
    it has no touches."""

    key: str
    placed_at: int
    day: str
    amounts: Mapping[str, Decimal]
    open: Decimal = ZERO
    method: str = ""
    final: bool = True
    back: bool = False
    buyer: str = ""
    kind: str = "unknown"  # new, new_unsure, returning, unknown
    first_delivered: bool = False
    country: str = ""
    items: tuple[tuple[str, Decimal], ...] = ()
    touches: tuple[PathTouch, ...] = ()
    said: tuple[PathTouch, ...] = ()
    reason: str = "no_browser"


def thinned(amounts: Iterable[Decimal], most: int = MOST) -> list[Decimal]:
    """All of them by size, or as many as stand for all."""
    told = sorted(amounts)
    if len(told) <= most:
        return told
    return [one for n, one in enumerate(told, 1) if n * most // len(told) != (n - 1) * most // len(told)]


def credited(
    account: Account, touches: Iterable[PathTouch], kinds: Mapping[str, Customer], first: frozenset[str], **more: Any
) -> Credited:
    """An order as its account has it."""
    order, station = account.order, account.standing.station
    amounts = {
        "placed": account.total,
        "confirmed": account.total if account.standing.confirmed else ZERO,
        "delivered": account.due,
        "true": max(min(account.due, account.collected), ZERO),
        "banked": account.banked,
    }
    if account.cm3 is not None:
        amounts["margin"] = account.cm3
    return Credited(
        key=order.key, placed_at=order.placed_at, day=day_text(account.day), amounts=amounts,
        open=account.total if station in OPEN else ZERO, method=order.method, final=station in FINAL, back=station in BACK,
        buyer=order.buyer, kind=str(kinds.get(order.key, Customer.UNKNOWN)), first_delivered=order.key in first and account.is_delivered,
        touches=tuple(touches), **more,
    )  # fmt: skip


def path_for(order: Credited, asked: Asked) -> list[PathTouch]:
    """The touches that may be credited: ours in the window, else the shop's last word."""
    return path_of(order.touches, order.placed_at, asked.click_days, asked.chat_days) or list(order.said[-1:])


def nobody(order: Credited) -> Group:
    """The row of an order without a path."""
    return unattributed("no_touch_in_window" if order.touches else order.reason)


def table(
    orders: Iterable[Credited],
    asked: Asked,
    adverts: Adverts,
    costs: Mapping[str, Cost],
    day_of: Callable[[int], str],
    rates: Mapping[str, Rate] | None = None,
    seen: Callable[[Group], bool] = lambda _group: True,
    young_since: str = NEVER,
) -> list[Line]:
    """Rows by credited money, the largest first; ``costs`` by the group's key, also of groups without an order. ``seen``: whether
    any visit at all names a group."""
    lines: dict[str, Line] = {}
    told = list(orders)
    one_by_one: dict[str, _Amounts] = defaultdict(_Amounts)
    for order in told:
        _credit(order, asked, adverts, day_of, lines, one_by_one, is_young=order.day >= young_since)
    for key, each in one_by_one.items():
        lines[key].margins, lines[key].trues = Sample.of(each.margins), Sample.of(each.trues)
        lines[key].returning = len(each.returning)
    for key, cost in costs.items():
        if key not in lines:
            lines[key] = Line(group=_group_of_cost(key, asked.by, adverts))
        lines[key].cost = cost
    return judged(lines.values(), asked, _usual(told), rates, seen)


class _Amounts(Struct):
    margins: list[Decimal] = field(default_factory=list)
    trues: list[Decimal] = field(default_factory=list)
    returning: set[str] = field(default_factory=set)


# -- credits


def _credit(
    order: Credited,
    asked: Asked,
    adverts: Adverts,
    day_of: Callable[[int], str],
    lines: dict[str, Line],
    one_by_one: dict[str, _Amounts],
    *,
    is_young: bool,
) -> None:
    groups, shares, by_shop = _parts(order, asked, adverts, day_of)
    amounts = {link: split(amount, asked.currency, shares) for link, amount in order.amounts.items() if link in LINKS}
    open_parts = split(order.open, asked.currency, shares)
    largest = largest_of(shares)
    for place, (group, share) in enumerate(zip(groups, shares, strict=True)):
        if not share or group is None:
            continue
        line = lines.setdefault(group.key, Line(group=group))
        line.group = max(line.group, group)  # of two ways to one row the marked one, whichever order came first
        line.orders += share
        line.by_shop += share if by_shop else 0
        line.open += open_parts[place]
        line.open_by_method[order.method] += open_parts[place]
        line.young += amounts["placed"][place] if is_young else ZERO
        for link, parts in amounts.items():
            line.amounts[link] += parts[place]
        each = one_by_one[group.key]
        each.trues.append(amounts.get("true", [ZERO] * len(shares))[place])
        _add_margin(line, each, order, amounts, place)
        if place == largest:
            line.new += order.kind in ("new", "new_unsure")
            line.unsure += order.kind == "new_unsure"
            line.new_delivered += order.first_delivered
            each.returning |= {order.buyer} if order.kind == "returning" else set()


def _parts(
    order: Credited, asked: Asked, adverts: Adverts, day_of: Callable[[int], str]
) -> tuple[list[Group | None], list[Fraction], bool]:
    """The groups of an order's parts and their shares; None for a part that is not asked for. True where the shop's word is all
    that is known."""
    inside = asked.since <= order.day <= asked.until
    if asked.by in OF_ORDERS:
        return *_of_order(order, asked.by, inside), False
    path = path_for(order, asked)
    by_shop = bool(path) and path[0] in order.said
    if not path:
        return *_whole(nobody(order), inside), False
    days = [day_of(touch.at) for touch in path]
    found = [group_of(touch, asked.by, adverts, day, order.day) for touch, day in zip(path, days, strict=True)]
    keys: list[Hashable] = list(range(len(path))) if asked.repeats == "all" else [group.key for group in found]
    places = places_of(keys, asked.repeats)
    steps = steps_of(path, keys, order.placed_at, asked.repeats)
    shares = shares_of(asked.model, steps, asked.half_life_days)
    if not any(shares):
        return *_whole(unattributed(NO_PAID), inside), by_shop
    if asked.credit_day == "touch":
        return [found[n] if asked.since <= days[n] <= asked.until else None for n in places], shares, by_shop
    return [found[n] if inside else None for n in places], shares, by_shop


def _of_order(order: Credited, by: str, inside: bool) -> tuple[list[Group | None], list[Fraction]]:
    if by == "product" and order.items:
        whole = sum((Fraction(weight) for _, weight in order.items), Fraction(0))
        even = Fraction(1, len(order.items))
        return (
            [Group(told_key(sku) or "none", sku or "none") if inside else None for sku, _ in order.items],
            [Fraction(weight) / whole if whole > 0 else even for _, weight in order.items],
        )
    name = {"country": order.country, "new_or_returning": order.kind, "product": ""}[by] or "none"
    return _whole(Group(name, name), inside)


def _whole(group: Group, inside: bool) -> tuple[list[Group | None], list[Fraction]]:
    return [group if inside else None], [Fraction(1)]


def _group_of_cost(key: str, by: str, adverts: Adverts) -> Group:
    if by in LEVELS:
        advert = advert_of(key)
        return Group(key, adverts.name_of(by, advert) or "none", advert.platform)
    platform = key.removeprefix("paid:") if by == "source" else ""
    return Group(key, f"{platform} (paid)" if platform else key, platform)


def _add_margin(
    line: Line, each: _Amounts, order: Credited, amounts: Mapping[str, Sequence[Decimal]], place: int
) -> None:
    if not order.final:
        return
    due = amounts["delivered"][place] if "delivered" in amounts else ZERO
    line.final_due += due
    if "margin" in amounts:
        each.margins.append(amounts["margin"][place])
        line.costed_due += due


def _usual(orders: Sequence[Credited]) -> Usual:
    kept = [o for o in orders if o.final and not o.back and "margin" in o.amounts]
    gone = [o for o in orders if o.final and o.back and "margin" in o.amounts]
    due = sum((o.amounts["delivered"] for o in kept), ZERO)
    best = sum((o.amounts["margin"] for o in kept), ZERO) / due if due else ZERO
    placed = sum((o.amounts["placed"] for o in gone), ZERO)
    worst = sum((o.amounts["margin"] for o in gone), ZERO) / placed if placed else ZERO
    return Usual(
        margins=thinned(o.amounts["margin"] for o in orders if "margin" in o.amounts),
        trues=thinned(o.amounts.get("true", ZERO) for o in orders),
        best=best,
        worst=worst,
        unseen=sum(not (o.touches or o.said) for o in orders) / len(orders) if orders else 0.0,
    )
