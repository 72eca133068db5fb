"""The table of a period: what each campaign, channel or article is credited with at every link, beside what it cost and claims.

Owns which group a credit falls to, the sums, and the figures made of them; sums come before ratios. An order without a path is a
row with its reason, and is never spread. The groups of a table always add up to its orders. Pure; amounts are in the
reporting currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct, field

from twofold.attribution.models import HALF_LIFE_DAYS, shares_of, split
from twofold.attribution.paths import CHAT_DAYS, CLICK_DAYS, PathTouch, Repeats, path_of, places_of, steps_of
from twofold.attribution.spend import LEVELS, NO_SPEND, Advert, Adverts, advert_of, key_of
from twofold.attribution.verdicts import Interval, Says, Verdict, interval_of, verdict_of
from twofold.touch.channels import is_paid

LINKS = ("placed", "confirmed", "delivered", "true", "banked", "margin")
"""Links of the chain whose amounts are credited; *true* is delivered and collected, *margin* contribution before ads."""
BY = (
    "channel", "source", "campaign", "adset", "ad", "landing", "country", "device", "new_or_returning", "product", "day",
)  # fmt: skip
OF_ORDERS = ("country", "new_or_returning", "product")
"""Groups that are the order's own, whatever its path says."""
UNATTRIBUTED = "unattributed"
SMALL = "(small)"
NO_PAID = "no_paid_touch"
NO_ORDER = "no_order"
FEW_ORDERS = 20
ZERO = Decimal(0)


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


class Cost(Struct, frozen=True, kw_only=True):
    """What was spent on a group, and what its platform claims of it. ``unrated``: some of it is in a currency for which there is
    no rate, so that no figure can be made of it."""

    spend: Decimal = ZERO
    claimed_count: Decimal | None = None
    claimed_value: Decimal | None = None
    unrated: bool = False


def added(one: Cost, other: Cost) -> Cost:
    """Both together; a claim of one of them stays a claim."""
    claims = [
        None if a is None and b is None else (a or ZERO) + (b or ZERO)
        for a, b in ((one.claimed_count, other.claimed_count), (one.claimed_value, other.claimed_value))
    ]
    return Cost(
        spend=one.spend + other.spend,
        claimed_count=claims[0],
        claimed_value=claims[1],
        unrated=one.unrated or other.unrated,
    )


class Asked(Struct, frozen=True, kw_only=True):
    """``since`` and ``until``: days of the reporting zone. ``credit_day``: whether an order's day or its touch's must lie between."""

    since: str
    until: str
    by: str = "campaign"
    model: str = "last"
    click_days: int = CLICK_DAYS
    chat_days: int = CHAT_DAYS
    half_life_days: int = HALF_LIFE_DAYS
    repeats: Repeats = "all"
    credit_day: str = "order"
    currency: str
    least_costed: Decimal = Decimal("0.95")


class Group(NamedTuple):
    """``name``: what is shown; ``key``: what it is known by; ``platform``, ``mark``: of advertising."""

    key: str
    name: str
    platform: str = ""
    mark: str = ""


class Line(Struct, kw_only=True):
    """One row, still as sums. ``orders``: credited, a fraction where a model splits; ``by_shop``: of them by the shop's word alone. ``margins``: of each final order."""

    group: Group
    orders: Fraction = Fraction(0)
    by_shop: Fraction = Fraction(0)
    amounts: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(LINKS, ZERO))
    open: Decimal = ZERO
    expected: Decimal | None = None
    expected_low: Decimal | None = None
    expected_high: Decimal | None = None
    margins: list[Decimal] = field(default_factory=list)
    trues: list[Decimal] = field(default_factory=list)
    final_due: Decimal = ZERO
    costed_due: Decimal = ZERO
    new: int = 0
    new_delivered: int = 0
    returning: set[str] = field(default_factory=set)
    cost: Cost = Cost()
    verdict: Verdict | None = None
    true_interval: Interval | None = None
    open_by_method: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class Rate(NamedTuple):
    """Of confirmed money, what part comes to be delivered and collected: the mean of full weeks, and its band."""

    mean: Decimal
    low: Decimal
    high: Decimal


def table(
    orders: Iterable[Credited],
    asked: Asked,
    adverts: Adverts,
    costs: Mapping[str, Cost],
    day_of: Callable[[int], str],
    rates: Mapping[str, Rate] | None = None,
    seen: Callable[[Group], bool] = lambda _group: True,
) -> list[Line]:
    """Rows by credited money, the largest first; ``costs`` by the group's key, also of groups without an order. ``seen``: whether
    any visit at all names a group."""
    lines: dict[str, Line] = {}
    told = list(orders)
    for order in told:
        _credit(order, asked, adverts, day_of, lines)
    for key, cost in costs.items():
        if key not in lines:
            lines[key] = Line(group=_group_of_cost(key, asked.by, adverts))
        lines[key].cost = cost
    pool = [o.amounts["margin"] for o in told if "margin" in o.amounts]
    best, worst = _usual(told)
    trues = [o.amounts.get("true", ZERO) for o in told]
    unseen = sum(not (o.touches or o.said) for o in told) / len(told) if told else 0.0
    for line in lines.values():
        if (line.cost.spend > 0 or line.cost.unrated) and not line.orders and not seen(line.group):
            line.verdict = Verdict(says=Says.NO_TOUCHES, contribution=ZERO, interval=None)
            continue
        _judge(line, asked, pool, best, worst, trues, unseen)
        if rates is not None:
            _expect(line, rates)
    return sorted(lines.values(), key=lambda one: (-one.amounts["placed"], -one.cost.spend, one.group))


# -- credits


def _credit(
    order: Credited, asked: Asked, adverts: Adverts, day_of: Callable[[int], str], lines: dict[str, Line]
) -> None:
    groups, shares, by_shop = _parts(order, asked, adverts, day_of)
    amounts = {link: split(amount, asked.currency, shares) for link, amount in order.amounts.items() if link in LINKS}
    open_parts = split(order.open, asked.currency, shares)
    largest = max(range(len(shares)), key=lambda place: (shares[place], -place))
    for place, (group, share) in enumerate(zip(groups, shares, strict=True)):
        if not share or group is None:
            continue
        line = lines.setdefault(group.key, Line(group=group))
        line.group = max(line.group, group)  # of two ways to one row the marked one, whichever order came first
        line.orders += share
        line.by_shop += share if by_shop else 0
        line.open += open_parts[place]
        line.open_by_method[order.method] += open_parts[place]
        for link, parts in amounts.items():
            line.amounts[link] += parts[place]
        line.trues.append(amounts.get("true", [ZERO] * len(shares))[place])
        _add_margin(line, order, amounts, place)
        if place == largest:
            _add_buyer(line, order)


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
        return *_whole(_unattributed(NO_PAID), inside), by_shop
    if asked.credit_day == "touch":
        return [found[n] if asked.since <= days[n] <= asked.until else None for n in places], shares, by_shop
    return [found[n] if inside else None for n in places], shares, by_shop


def path_for(order: Credited, asked: Asked) -> list[PathTouch]:
    """The touches that may be credited: ours in the window, else the shop's word."""
    return path_of(order.touches, order.placed_at, asked.click_days, asked.chat_days) or list(order.said)


def _whole(group: Group, inside: bool) -> tuple[list[Group | None], list[Fraction]]:
    return [group if inside else None], [Fraction(1)]


def nobody(order: Credited) -> Group:
    """The row of an order without a path."""
    return _unattributed("no_touch_in_window" if order.touches else order.reason)


def _unattributed(reason: str) -> Group:
    return Group(f"{UNATTRIBUTED}:{reason}", UNATTRIBUTED, mark=reason)


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


def group_of(touch: PathTouch, by: str, adverts: Adverts, day: str, order_day: str) -> Group:
    """What a touch is credited under, on its day."""
    sourced, told = touch.sourced, touch.touch
    if by in LEVELS:
        return _advert_group(touch, by, adverts, day)
    if by == "source":
        if is_paid(sourced) and sourced.platform:
            return Group(sourced.platform, sourced.platform, sourced.platform)
        if not sourced.source:
            return Group(f"channel:{sourced.channel}", sourced.channel)
        return Group(told_key(sourced.source), sourced.source)
    name = {
        "channel": sourced.channel, "landing": told.landing or "none", "device": told.device, "day": order_day,
    }[by]  # fmt: skip
    return Group(name, name)


def _advert_group(touch: PathTouch, level: str, adverts: Adverts, day: str) -> Group:
    """A paid touch by its advert; of all others the channel. Ids that no spend knows are a line of their own."""
    sourced = touch.sourced
    if not is_paid(sourced):
        return Group(f"channel:{sourced.channel}", sourced.channel)
    advert = adverts.find(level, touch, day)
    if advert is None:
        who = sourced.platform or sourced.source or sourced.channel
        return Group(key_of(Advert(who, "")), f"{who} without {level}", sourced.platform, "no_tag")
    if advert.mark == NO_SPEND:
        return Group(key_of(advert), advert.identity, advert.platform, NO_SPEND)
    return Group(key_of(advert), adverts.name_of(level, advert), advert.platform, advert.mark)


def told_key(text: str) -> str:
    """The key of a text that anybody may have written into an address: never that of a row of ours."""
    ours = text.startswith((f"{UNATTRIBUTED}:", "channel:", "told:")) or text in (SMALL, "none")
    return f"told:{text}" if ours else text


def _group_of_cost(key: str, by: str, adverts: Adverts) -> Group:
    if by in LEVELS:
        advert = advert_of(key)
        return Group(key, adverts.name_of(by, advert) or "none", advert.platform)
    return Group(key, key, key if by == "source" else "")


def _add_margin(line: Line, order: Credited, amounts: Mapping[str, Sequence[Decimal]], place: int) -> None:
    if not order.final:
        return
    due = amounts["delivered"][place] if "delivered" in amounts else ZERO
    line.final_due += due
    if "margin" in amounts:
        line.margins.append(amounts["margin"][place])
        line.costed_due += due


def _add_buyer(line: Line, order: Credited) -> None:
    line.new += order.kind in ("new", "new_unsure")
    line.new_delivered += order.first_delivered
    if order.kind == "returning":
        line.returning.add(order.buyer)


# -- how sure


def _usual(orders: Sequence[Credited]) -> tuple[Decimal, Decimal]:
    """Of one unit of open money: what it brings when all is delivered, and when all comes back."""
    kept = [o for o in orders if o.final and not o.back and "margin" in o.amounts]
    gone = [o for o in orders if o.final and o.back and "margin" in o.amounts]
    due = sum((o.amounts["delivered"] for o in kept), ZERO)
    best = sum((o.amounts["margin"] for o in kept), ZERO) / due if due else ZERO
    placed = sum((o.amounts["placed"] for o in gone), ZERO)
    worst = sum((o.amounts["margin"] for o in gone), ZERO) / placed if placed else ZERO
    return best, worst


def _judge(
    line: Line, asked: Asked, pool: Sequence[Decimal], best: Decimal, worst: Decimal, trues: Sequence[Decimal],
    unseen: float,
) -> None:  # fmt: skip
    spend = line.cost.spend
    if line.cost.unrated:
        line.verdict = Verdict(says=Says.NO_COSTS, contribution=ZERO, interval=None)
    if line.cost.unrated or spend <= 0:
        return
    seed = f"{asked.by}:{line.group.key}"
    costed = bool(pool) and line.costed_due >= line.final_due * asked.least_costed
    line.verdict = verdict_of(
        line.margins,
        spend,
        pool,
        seed,
        open_worst=line.open * worst,
        open_best=line.open * best,
        unseen=unseen,
        costed=costed,
    )
    line.true_interval = interval_of(line.trues, trues, seed)


def _expect(line: Line, rates: Mapping[str, Rate]) -> None:
    """What is open at the usual rate; none where a method has no weeks to go by."""
    told = {method: amount for method, amount in line.open_by_method.items() if amount}
    if not told or any(method not in rates for method in told):
        return
    line.expected = sum((amount * rates[m].mean for m, amount in told.items()), ZERO)
    line.expected_low = sum((amount * rates[m].low for m, amount in told.items()), ZERO)
    line.expected_high = sum((amount * rates[m].high for m, amount in told.items()), ZERO)


def has_few(line: Line) -> bool:
    """Too few orders for a figure to mean much."""
    return line.orders < FEW_ORDERS


def deductions(amount: Decimal) -> Line:
    """What belongs to no order, so that the table's banked money is the chain's."""
    return Line(group=_unattributed(NO_ORDER), amounts={**dict.fromkeys(LINKS, ZERO), "banked": amount})


def verdict_word(line: Line) -> str:
    """``earns``, ``loses``, ``unsure``, ``no_costs``, ``no_touches``; empty where nothing was spent."""
    return "" if line.verdict is None or line.verdict.says is Says.NO_SPEND else str(line.verdict.says)
