"""The table of a period: what each campaign, channel or article is credited with at every link, beside what it cost and claims.

Owns which group a credit falls to, the sums, and the figures made of them; sums come before ratios. An order without a path is a
row with its reason, and is never spread. The groups of a table always add up to its orders. Pure; amounts are in the
reporting currency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct, field

from twofold.attribution.paths import CHAT_DAYS, CLICK_DAYS, PathTouch, Repeats
from twofold.attribution.spend import LEVELS, NO_SPEND, Advert, Adverts, key_of
from twofold.attribution.verdicts import NONE, Interval, Sample, Says, Verdict, interval_of, verdict_of
from twofold.touch.channels import is_paid

LINKS = ("placed", "confirmed", "delivered", "true", "banked", "margin")
"""Links of the chain whose amounts are credited; *true* is delivered and collected, *margin* contribution before ads."""
BY = (
    "channel", "source", "campaign", "adset", "ad", "landing", "country", "device", "new_or_returning", "product", "day",
)  # fmt: skip
RULE_MODELS = ("last", "last_paid", "first", "linear", "position", "time_decay")
"""Models that credit each order by itself; those that share out a period are `period`'s."""
OF_ORDERS = ("country", "new_or_returning", "product")
"""Groups that are the order's own, whatever its path says."""
UNATTRIBUTED = "unattributed"
SMALL = "(small)"
NO_PAID = "no_paid_touch"
NO_ORDER = "no_order"
FEW_ORDERS = 20
HALF_LIFE_DAYS = 7
ZERO = Decimal(0)


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
    """One row, still as sums. ``orders``: credited, a fraction where a model splits; ``by_shop``: of them by the shop's word alone. ``young``: what of
    it was placed on days whose money is still to come. ``margins``: of final orders; ``trues``: of all. ``returning``: distinct customers;
    ``unsure``: so many of ``new`` whose earlier orders may be unknown."""

    group: Group
    orders: Fraction = Fraction(0)
    by_shop: Fraction = Fraction(0)
    amounts: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(LINKS, ZERO))
    open: Decimal = ZERO
    young: Decimal = ZERO
    expected: Decimal | None = None
    expected_low: Decimal | None = None
    expected_high: Decimal | None = None
    margins: Sample = NONE
    trues: Sample = NONE
    final_due: Decimal = ZERO
    costed_due: Decimal = ZERO
    new: int = 0
    unsure: int = 0
    new_delivered: int = 0
    returning: int = 0
    cost: Cost = Cost()
    verdict: Verdict | None = None
    true_interval: Interval | None = None
    open_by_method: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class Usual(Struct, frozen=True, kw_only=True):
    """What the shop's own orders are like. ``margins``, ``trues``: amounts that stand for those of all; ``best``, ``worst``: what one
    unit of open money brings when all is delivered, and when all comes back; ``unseen``: the part of them without any touch."""

    margins: Sequence[Decimal] = ()
    trues: Sequence[Decimal] = ()
    best: Decimal = ZERO
    worst: Decimal = ZERO
    unseen: float = 0.0


class Rate(NamedTuple):
    """Of confirmed money, what part comes to be delivered and collected: the mean of full weeks, and its band."""

    mean: Decimal
    low: Decimal
    high: Decimal


def unattributed(reason: str) -> Group:
    """The row of orders without a path, by why they have none."""
    return Group(f"{UNATTRIBUTED}:{reason}", UNATTRIBUTED, mark=reason)


def group_of(touch: PathTouch, by: str, adverts: Adverts, day: str, order_day: str) -> Group:
    """What a touch is credited under, on its day."""
    sourced, told = touch.sourced, touch.touch
    if by in LEVELS:
        return _advert_group(touch, by, adverts, day)
    if by == "source":
        if is_paid(sourced) and sourced.platform:
            return Group(paid_key(sourced.platform), f"{sourced.platform} (paid)", sourced.platform)
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


def paid_key(platform: str) -> str:
    """The key of a platform's advertising among sources, apart from what it sends unpaid."""
    return f"paid:{platform}"


def told_key(text: str) -> str:
    """The key of a text that anybody may have written into an address: never that of a row of ours."""
    ours = text.startswith((f"{UNATTRIBUTED}:", "channel:", "told:", "paid:")) or text in (SMALL, "none")
    return f"told:{text}" if ours else text


# -- how sure


def judged(
    lines: Iterable[Line], asked: Asked, usual: Usual, rates: Mapping[str, Rate] | None, seen: Callable[[Group], bool]
) -> list[Line]:
    """Rows by credited money, the largest first, or by their days; each with its verdict and what is expected. ``seen``: whether any visit at all names
    a group."""
    found = list(lines)
    for line in found:
        if (line.cost.spend > 0 or line.cost.unrated) and not line.orders and not seen(line.group):
            line.verdict = Verdict(says=Says.NO_TOUCHES, contribution=ZERO, interval=None)
            continue
        _judge(line, asked, usual)
        if rates is not None:
            _expect(line, rates)
    if asked.by == "day":
        return sorted(found, key=lambda one: (one.group.name == UNATTRIBUTED, one.group))
    return sorted(found, key=lambda one: (-one.amounts["placed"], -one.cost.spend, one.group))


def _judge(line: Line, asked: Asked, usual: Usual) -> None:
    spend = line.cost.spend
    if line.cost.unrated:
        line.verdict = Verdict(says=Says.NO_COSTS, contribution=ZERO, interval=None)
    if line.cost.unrated or spend <= 0:
        return
    seed = f"{asked.by}:{line.group.key}"
    costed = bool(usual.margins) and line.costed_due >= line.final_due * asked.least_costed
    line.verdict = verdict_of(
        line.margins,
        spend,
        usual.margins,
        seed,
        open_worst=line.open * usual.worst,
        open_best=line.open * usual.best,
        unseen=usual.unseen,
        costed=costed,
    )
    line.true_interval = interval_of(line.trues, usual.trues, seed)


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
    return Line(group=unattributed(NO_ORDER), amounts={**dict.fromkeys(LINKS, ZERO), "banked": amount})


def verdict_word(line: Line) -> str:
    """``earns``, ``loses``, ``unsure``, ``no_costs``, ``no_touches``; empty where nothing was spent."""
    return "" if line.verdict is None or line.verdict.says is Says.NO_SPEND else str(line.verdict.says)
