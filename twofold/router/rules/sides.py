"""Who told the Purchases: browser, server or both, with consent or without, once or again and again, and on which pages.

Owns which change of these shares is which fault. A change is `change`'s; what always was so counts from `STANDING` on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from twofold.router.finding import Finding, Kind, When, add_money, sums_of
from twofold.router.rules.change import Change, change_of
from twofold.router.rules.reading import Purchase, Signals, ToldPurchase, path_of

STANDING = 0.5  # of the Purchases of a week, where they were not fewer before
LEAST = 10  # ours: fewer Purchases are no share
MOSTLY = 0.6
SOME = 0.25  # beside Purchases whose server is lost, which have no order either
ONE_PAGE = 0.2
HALF = 0.5
FEWER = 0.8  # of what there was a day: less is a loss
AGAIN = 0.4  # of the Purchases that browsers told: more is no habit of shoppers
WEEK = 7
FIRST = "PageView"
MUCH_LESS = 0.7  # of its share beside the others
STEPS = ("ViewContent", "AddToCart", "InitiateCheckout", "Purchase")
DENIED = "denied"


def findings_of_shares(signals: Signals) -> Iterator[Finding]:
    """A dataset at a time."""
    for dataset in sorted({p.dataset for p in signals.purchases}):
        mine = [p for p in signals.purchases if p.dataset == dataset]
        told = [t for t in signals.told if t.dataset == dataset]
        yield from _consent(signals, dataset, mine)
        yield from _sides(signals, dataset, [p for p in mine if p.consent != DENIED and p.on_pages], told)
        yield from _reloaded(signals, dataset, mine)
    yield from _funnel(signals)


def _consent(signals: Signals, dataset: str, mine: Sequence[Purchase]) -> Iterator[Finding]:
    change = _change(signals, mine, lambda p: p.consent == DENIED)
    if change is not None:
        yield _finding(
            signals, Kind.CONSENT, dataset, change, [p for p in mine if p.consent == DENIED], "/orders?fate=no_consent"
        )


def _sides(signals: Signals, dataset: str, mine: Sequence[Purchase], told: Sequence[ToldPurchase]) -> Iterator[Finding]:
    browser, server = [p for p in mine if p.channels == 1], [p for p in mine if p.channels == 2]
    alone, unseen = _change(signals, mine, _is_alone(mine)), _change(signals, mine, lambda p: p.channels == 2)
    if unseen is None and alone is None:
        yield from _standing(signals, dataset, mine, browser, server, told)
    elif alone is not None:
        yield from _alone(signals, dataset, mine, told, alone)
    elif unseen is not None:
        yield _unseen(signals, dataset, unseen, server)


def _alone(
    signals: Signals, dataset: str, mine: Sequence[Purchase], told: Sequence[ToldPurchase], alone: Change
) -> Iterator[Finding]:
    """Purchases that only pages tell became more: why, and whether browsers see fewer of the server's besides."""
    is_alone = _is_alone(mine)
    touched = [p for p in mine if is_alone(p)]
    unmet = _unmet(signals, mine, is_alone)
    fewer = _fewer(signals, mine, alone.days, lambda p: p.channels >= 2 and not is_alone(p))
    pair_lost = _fewer(signals, mine, alone.days, lambda p: p.channels == 3 and not is_alone(p))
    parted = pair_lost and _other_half(signals, told, unmet)
    if fewer:
        parted = parted and unmet is not None and not _fewer(signals, mine, alone.days, _on_page)
        yield _finding(signals, Kind.NO_SERVER, dataset, alone, touched, "/senders")
    if parted:
        yield _parted(signals, dataset, alone, touched, told)
    if _on_carts(signals, told) >= (SOME if fewer or pair_lost else MOSTLY):
        yield _finding(signals, Kind.BUTTON, dataset, alone, touched, "/senders")
    if unmet is not None and not parted:
        yield _unseen(signals, dataset, unmet, [p for p in mine if p.channels == 2])


def _unmet(signals: Signals, mine: Sequence[Purchase], is_alone: Callable[[Purchase], bool]) -> Change | None:
    """Of those that the shop's server still tells, do browsers meet fewer than before? Among them alone: neither what a server
    has fallen silent about nor what pages tell besides hides it."""
    of_server = [p for p in mine if p.channels >= 2 and not is_alone(p)]
    return _change(signals, of_server, lambda p: p.channels == 2)


def _other_half(signals: Signals, told: Sequence[ToldPurchase], unmet: Change | None) -> bool:
    """Do pages behind the checkout tell what servers tell without them? Else there is nothing that could have met."""
    if unmet is None:
        return True
    since = signals.since(unmet.days) * 1000
    pages = [t for t in told if t.channel == "browser" and t.order is None and t.received_at >= since]
    return sum(path_of(t.event) not in signals.carts for t in pages) >= HALF * unmet.more


def _unseen(signals: Signals, dataset: str, unseen: Change, server: Sequence[Purchase]) -> Finding:
    kind = Kind.BLOCKED if _all_pages_fell(signals, dataset, unseen.days) else Kind.NO_BROWSER
    return _finding(signals, kind, dataset, unseen, server, "/senders")


def _on_page(purchase: Purchase) -> bool:
    return bool(purchase.channels & 1)


def _is_alone(mine: Sequence[Purchase]) -> Callable[[Purchase], bool]:
    """Told by pages, and not by the shop's server: nor is another tool's word on a server the shop's, where its orders come here."""
    has_orders = any(p.order is not None for p in mine)
    return lambda p: p.channels == 1 or (has_orders and p.channels == 3 and p.order is None)


def _standing(
    signals: Signals,
    dataset: str,
    mine: Sequence[Purchase],
    browser: Sequence[Purchase],
    server: Sequence[Purchase],
    told: Sequence[ToldPurchase],
) -> Iterator[Finding]:
    """What nothing changed about, and what is wrong all the same."""
    week = [p for p in mine if signals.day_of(p.created_at) < WEEK]
    if len(week) < LEAST:
        return
    alone = [p for p in browser if signals.day_of(p.created_at) < WEEK]
    unseen = [p for p in server if signals.day_of(p.created_at) < WEEK]
    of_week = Change(days=WEEK, before=0.0, after=0.0, hits=0, of=len(week))
    both = len(week) - len(alone) - len(unseen)
    if min(len(alone), len(unseen)) > both and len(alone) >= LEAST:
        yield _parted(signals, dataset, _with(of_week, len(alone)), alone, told)
    elif len(alone) / len(week) > STANDING:
        kind = Kind.BUTTON if _on_carts(signals, told) >= MOSTLY else Kind.NO_SERVER
        yield _finding(signals, kind, dataset, _with(of_week, len(alone)), alone, "/senders")
    elif len(unseen) / len(week) > STANDING:
        yield _finding(signals, Kind.NO_BROWSER, dataset, _with(of_week, len(unseen)), unseen, "/senders")


def _with(change: Change, hits: int) -> Change:
    return Change(days=change.days, before=0.0, after=hits / change.of, hits=hits, of=change.of)


def _parted(
    signals: Signals, dataset: str, change: Change, alone: Sequence[Purchase], told: Sequence[ToldPurchase]
) -> Finding:
    """Both sides tell every order and never meet. Where pages say numbers, and the shop knows none of them, that is why."""
    since = signals.since(change.days) * 1000
    recent = [p for p in alone if p.created_at >= since and p.order is None]
    numbered = [p for p in recent if p.order_id]
    kind = Kind.ORDER_UNKNOWN if len(numbered) >= MOSTLY * max(1, len(recent)) else Kind.NOT_MEETING
    example = next((t.event for t in told if t.order is None and t.channel == "browser"), None)
    seen = (("page_id", example.event_id),) if example is not None and example.event_id else ()
    if kind is Kind.ORDER_UNKNOWN and numbered:
        seen = (*seen, ("page_order", str(numbered[0].order_id)))
    return _finding(signals, kind, dataset, change, alone, "/senders", seen)


def _reloaded(signals: Signals, dataset: str, mine: Sequence[Purchase]) -> Iterator[Finding]:
    cells = [
        c for c in signals.copies if c.dataset == dataset and c.event_name == "Purchase" and c.channel == "browser"
    ]
    series = signals.series((c.day, c.again, c.actions) for c in cells)
    change = change_of(series)
    if change is None:
        again, of = (sum(n) for n in zip(*series[:WEEK], strict=True))
        if of < LEAST or again / of <= AGAIN:
            return
        change = Change(days=WEEK, before=0.0, after=again / of, hits=again, of=of)
    seen = [p for p in mine if p.channels & 1]
    repeats = sum(c.repeats for c in cells if c.day < change.days)
    yield _finding(signals, Kind.RELOADED, dataset, change, seen, "/senders", (("repeats", str(repeats)),))


def _funnel(signals: Signals) -> Iterator[Finding]:
    """Steps that changed beside their neighbours. Browsers' actions alone are counted."""
    counts: dict[str, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for c in signals.copies:
        if c.channel == "browser" and c.event_name in (FIRST, *STEPS):
            counts[c.dataset][c.event_name][c.day] += c.actions
    for _, of_name in sorted(counts.items()):
        for earlier, later in pairwise(STEPS):
            yield from _inverted(signals, earlier, later, of_name[earlier], of_name[later])
        for name in STEPS[:-1]:
            yield from _fewer_of(signals, name, of_name)


def _inverted(signals: Signals, earlier: str, later: str, one: Counter[int], other: Counter[int]) -> Iterator[Finding]:
    """A step that is told more often than the one before it, which it was not."""
    series = signals.series((day, other[day], one[day] + other[day]) for day in {*one, *other})
    change = change_of(series, least=0.05)
    if change is not None and change.after > 0.53 and change.hits < change.of:
        yield Finding(
            kind=Kind.FUNNEL, about=f"{earlier}, {later}", when=When.WEEK, events=2 * change.hits - change.of,
            of=change.of, parts=((later, change.hits), (earlier, change.of - change.hits)),
            since=signals.since(change.days), last=signals.now, link="/events", evidence=_shares(change),
        )  # fmt: skip


def _fewer_of(signals: Signals, name: str, of_name: Mapping[str, Counter[int]]) -> Iterator[Finding]:
    """A step that comes much less often beside the others before an order."""
    mine, others = of_name[name], Counter[int]()
    for step in (FIRST, *STEPS[:-1]):
        if step != name:
            others.update(of_name[step])
    change = change_of(signals.series((day, others[day], others[day] + mine[day]) for day in others), least=0.02)
    if change is None or 1 - change.after > MUCH_LESS * (1 - change.before):
        return
    told, expected = change.of - change.hits, round((1 - change.before) / change.before * change.hits)
    yield Finding(
        kind=Kind.FEWER, about=name, when=When.NOW, events=expected - told, of=expected, parts=((name, told),),
        since=signals.since(change.days), last=signals.now, link="/events",
        evidence=(("before", f"{1 - change.before:.0%}"), ("since_then", f"{1 - change.after:.0%}")),
    )  # fmt: skip


def _change(signals: Signals, mine: Sequence[Purchase], is_hit: Callable[[Purchase], bool]) -> Change | None:
    return change_of(signals.series((signals.day_of(p.created_at), is_hit(p), 1) for p in mine))


def _fewer(signals: Signals, mine: Sequence[Purchase], days: int, counts: Callable[[Purchase], bool]) -> bool:
    """Are there fewer of these a day since then?"""
    by_day = Counter(signals.day_of(p.created_at) for p in mine if counts(p))
    return _per_day(by_day, 0, days) < FEWER * _per_day(by_day, days, 14)


def _all_pages_fell(signals: Signals, dataset: str, days: int) -> bool:
    """Do browsers tell fewer of what happens before a checkout, too? Then nothing of them arrives, not the Purchase alone."""
    by_day: Counter[int] = Counter()
    for c in signals.copies:
        if c.dataset == dataset and c.channel == "browser" and c.event_name in ("ViewContent", "AddToCart"):
            by_day[c.day] += c.actions
    return _per_day(by_day, 0, days) < FEWER * _per_day(by_day, days, 14)


def _per_day(by_day: Counter[int], first: int, end: int) -> float:
    seen = [by_day[day] for day in range(first, end)]
    while first and seen and not seen[-1]:  # before the shop began
        seen.pop()
    return sum(seen) / len(seen) if seen else 0.0


def _on_carts(signals: Signals, told: Sequence[ToldPurchase]) -> float:
    """Of the browsers' Purchases without an order, the share that a page before the checkout told; 0 where those with an order
    come from such pages too, as in a shop of a single page."""
    mine = [t for t in told if t.channel == "browser"]
    met, unmet = (
        [path_of(t.event) in signals.carts for t in mine if (t.order is None) is lacks] for lacks in (False, True)
    )
    if sum(met) > ONE_PAGE * len(met):
        return 0.0
    return sum(unmet) / len(unmet) if unmet else 0.0


def _finding(
    signals: Signals,
    kind: Kind,
    dataset: str,
    change: Change,
    touched: Sequence[Purchase],
    link: str,
    seen: tuple[tuple[str, str], ...] = (),
) -> Finding:
    since = signals.since(change.days)
    recent = [p for p in touched if p.created_at >= since * 1000]
    money: dict[str, Decimal] = {}
    for purchase in recent:
        add_money(money, purchase.value, purchase.currency)
    return Finding(
        kind=kind, about=dataset, when=When.NOW, events=len(recent), of=change.of, orders=len(recent), money=sums_of(money),
        parts=(("Purchase", len(recent)),), since=since,
        last=max((p.created_at for p in recent), default=signals.now * 1000) // 1000, link=link,
        evidence=(*_shares(change), *seen),
    )  # fmt: skip


def _shares(change: Change) -> tuple[tuple[str, str], ...]:
    before = (("before", f"{change.before:.0%}"),) if change.before or change.days < WEEK else ()
    return (*before, ("since_then", f"{change.after:.0%}"))
