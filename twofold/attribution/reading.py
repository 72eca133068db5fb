"""What a table of attribution rests on, out of a folder: orders with their money and touches, spend and claims by group.

Owns the way from accounts of the chain and from the tables of facts to `table.Credited`. How tables are asked is passed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from twofold.attribution.markov import Outcome, collapsed
from twofold.attribution.markov import Path as ChannelPath
from twofold.attribution.models import DAY_S
from twofold.attribution.paths import PathTouch, path_of, touches_from
from twofold.attribution.spend import (
    LEVELS,
    Advert,
    Adverts,
    Seen,
    identity_of,
    key_of,
)
from twofold.attribution.table import Asked, Cost, Credited, Rate, added, path_for, told_key
from twofold.facts.questions import Question, questions_of
from twofold.ledger.lines import Spend
from twofold.ledger.spend import channel_of_spend, claimed, counted, platform_of_spend
from twofold.matching.subject import Keyring
from twofold.reconcile.chain.account import Account, Desk
from twofold.reconcile.chain.customers import Customer, customers, first_delivered
from twofold.reconcile.chain.report import accounts_of, deductions_of
from twofold.reconcile.chain.standing import BACK, FINAL, OPEN
from twofold.reconcile.chain.told import Asked as ChainAsked
from twofold.reconcile.chain.told import Told
from twofold.reconcile.chain.values import ZERO, At, Rules
from twofold.reconcile.exchange import day_number, day_text
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.whole import read_whole
from twofold.store.orders.ledger import OrderRow
from twofold.store.secret import known_ring
from twofold.store.sqlite.database import id_array
from twofold.store.touches.paths import NO_BROWSER, touches_of
from twofold.touch.channels import DIRECT, channel_of
from twofold.touch.model import Touch, TouchKind
from twofold.touch.visits import Seen as Sign

ROOM = "twofold.attribution"
RATE_WEEKS = 8
LEAST_WEEKS = 4

Ask = Callable[[Question, dict[str, Any]], list[Any]]


class Basis(Struct, frozen=True, kw_only=True):
    """``orders``: of the days asked for (and of a window more, where touches' days count). ``deducted``: what batches of the
    period kept on the bank for all of their orders. ``missing``: orders without a rate. ``rates``: by method of payment."""

    orders: list[Credited]
    adverts: Adverts
    spend: list[Spend]
    costs: dict[str, Cost]
    rates: dict[str, Rate]
    seen: Seen
    desk: Desk
    missing: int
    claimed: Decimal | None
    deducted: Decimal
    dataset: str | None = None
    unrated: dict[tuple[str, str], Decimal] = {}

    def day_of(self, at: int) -> str:
        """The day of a moment, in the reporting zone."""
        return day_text(self.desk.days.of(at))


class _Known(NamedTuple):
    """What the tables say of an order."""

    row: int
    country: str


class _Told(NamedTuple):
    """What the store itself says of an order of which the tables have no touch: those of a young one, and the shop's word."""

    touches: tuple[PathTouch, ...] = ()
    said: tuple[PathTouch, ...] = ()
    reason: str = NO_BROWSER


def read_basis(
    folder: Path | str, policy_of: PolicyOf, asked: Asked, rules: Rules, zone: tzinfo, as_of: int, ask: Ask,
    dataset: str | None = None,
) -> Basis:  # fmt: skip
    """Everything for one table. Raises what reading the folder and asking the tables raise."""
    until = asked.until
    if asked.credit_day == "touch":
        until = _shifted(asked.until, asked.click_days)
    chain = ChainAsked(since=asked.since, until=until, as_of=as_of)
    whole = read_whole(folder, policy_of, chain, rules, zone, dataset=dataset)
    accounts, missing = accounts_of(whole.told, chain, whole.desk)
    touches = _touches(asked, until, ask)
    known = _known(asked.since, until, ask)
    items = _items(asked.since, until, ask) if asked.by == "product" else {}
    kinds = customers(whole.told.bought, rules.history_days)
    first = first_delivered(whole.told.bought)
    with Folder(folder) as store:
        without = {key: known[key] for one in accounts if (key := one.order.key) not in touches and key in known}
        told = _told(store, known_ring(Path(folder)), without, asked)
        touched = _shifted(asked.since, -asked.click_days)  # what ran before the period may have brought its orders
        told_of = counted(row for row in store.spend() if touched <= row.day <= asked.until)
        spend = [row for row in told_of if asked.since <= row.day]
    orders = [
        _credited(one, touches.get(one.order.key), told.get(one.order.key, _Told()), known.get(one.order.key), kinds, first,
                  items.get(one.order.key, ()))
        for one in accounts
    ]  # fmt: skip
    costs = _costs(spend, asked.by, whole.desk)
    named = ask(
        questions_of(ROOM)["adverts_seen"],
        {"since": _shifted(asked.since, -asked.click_days - 1), "until": _shifted(until, 1)},
    )
    loose, _ = deductions_of(whole.told, ChainAsked(since=asked.since, until=asked.until, as_of=as_of), whole.desk)
    return Basis(
        orders=orders,
        adverts=Adverts(told_of),
        spend=spend,
        costs=costs,
        rates=_rates(whole.told, asked, as_of, whole.desk),
        seen=Seen(tuple(text or "" for text in row) for row in named),
        desk=whole.desk,
        missing=missing,
        claimed=reduce(added, _costs(spend, "source", whole.desk).values(), Cost()).claimed_value,
        deducted=sum((m.net for m in loose if m.place is At.BANKED), ZERO),
        dataset=dataset,
        unrated=_unrated(spend, whole.desk),
    )


def paths_of_nobody(
    asked: Asked, ask: Ask, key_of: Callable[[PathTouch], str], ends_at: int, day_of: Callable[[int], str],
    dataset: str | None = None,
) -> dict[ChannelPath, int]:  # fmt: skip
    """Paths that led nowhere, with how many there are: as long as those of orders, and ended in the period. Those that may still
    lead to an order within the window are left out."""
    question = questions_of(ROOM)["touches_of_nobody"]
    days = {"since": _shifted(asked.since, -asked.click_days - 1), "until": _shifted(asked.until, 1)}
    by_who: dict[tuple[str, str], list[Sign]] = defaultdict(list)
    for row in ask(question, {**days, "dataset": dataset or ""}):
        by_who[row.dataset, row.who].append(_seen(row))
    found: dict[ChannelPath, int] = defaultdict(int)
    for signs in by_who.values():
        touches = [touch for touch in touches_from(signs) if day_of(touch.at) <= asked.until]
        if touches and day_of(touches[-1].at) >= asked.since and touches[-1].at + asked.click_days * DAY_S < ends_at:
            path = path_of(touches, touches[-1].at, asked.click_days, asked.chat_days)
            found[_keys(path, key_of)] += 1
    return dict(found)


def period_paths(
    orders: Iterable[Credited], nobody: Mapping[ChannelPath, int], asked: Asked, key_of: Callable[[PathTouch], str]
) -> dict[ChannelPath, Outcome]:
    """All paths of a period with how many of each led to an order."""
    won: dict[ChannelPath, int] = defaultdict(int)
    for order in orders:
        path = path_for(order, asked)
        if path and asked.since <= order.day <= asked.until:
            won[_keys(path, key_of)] += 1
    return {path: Outcome(won.get(path, 0), nobody.get(path, 0)) for path in sorted({*won, *nobody})}


def _keys(path: Iterable[PathTouch], key_of: Callable[[PathTouch], str]) -> ChannelPath:
    """Keys of a path without direct, unless it has nothing else; neighbours that are equal are one."""
    touches = list(path)
    told = [t for t in touches if t.sourced.channel != DIRECT] or touches
    return collapsed([key_of(touch) for touch in told])


# -- orders


def _credited(
    account: Account, touches: Iterable[PathTouch] | None, told: _Told, known: _Known | None, kinds: Mapping[str, Customer],
    first: frozenset[str], items: tuple[tuple[str, Decimal], ...],
) -> Credited:  # fmt: skip
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
        country=known.country if known else "", items=items, touches=tuple(touches or told.touches), said=told.said,
        reason=told.reason or NO_BROWSER,
    )  # fmt: skip


def _told(store: Folder, ring: Keyring | None, rows: Mapping[str, _Known], asked: Asked) -> dict[str, _Told]:
    """Looked up order by order: only those that the tables know nothing of."""
    if ring is None:
        return {}
    keys = {known.row: key for key, known in rows.items()}
    found = {}
    for values in store.run("select_orders", (id_array(keys),)):
        row = OrderRow(*values)
        got = touches_of(store.run, ring, row, since=row.placed_at - asked.click_days * DAY_S)
        signs = [Sign("", astuple(touch)[1:], touch) for touch in got.own]
        said = [PathTouch(touch, channel_of(touch)) for touch in got.said if touch.kind is TouchKind.SHOP_SAYS]
        found[keys[row.id]] = _Told(tuple(touches_from(signs)), tuple(said[-1:]), got.reason)
    return found


def _touches(asked: Asked, until: str, ask: Ask) -> dict[str, list[PathTouch]]:
    since, last = _shifted(asked.since, -1), _shifted(until, 1)
    parameters = {
        "since": since, "until": last, "first": _shifted(since, -asked.click_days - 1), "window": asked.click_days * DAY_S,
    }  # fmt: skip
    by_order: dict[str, list[Sign]] = defaultdict(list)
    rows_of: dict[str, set[int]] = defaultdict(set)
    for row in ask(questions_of(ROOM)["touches_of_orders"], parameters):
        key = f"{row.dataset}/{row.order_id}"
        by_order[key].append(_seen(row))
        rows_of[key].add(row.order_row)
    return {key: touches_from(signs) for key, signs in by_order.items() if len(rows_of[key]) == 1}


def _known(since: str, until: str, ask: Ask) -> dict[str, _Known]:
    """By order key; what two shops of one dataset call alike is left out, as nothing tells it apart here."""
    rows = ask(questions_of(ROOM)["orders_of_tables"], {"since": _shifted(since, -1), "until": _shifted(until, 1)})
    found: dict[str, list[_Known]] = defaultdict(list)
    for row in rows:
        found[f"{row.dataset}/{row.order_id}"].append(_Known(row.order_row, row.country))
    return {key: told[0] for key, told in found.items() if len(told) == 1}


def _items(since: str, until: str, ask: Ask) -> dict[str, tuple[tuple[str, Decimal], ...]]:
    found: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in ask(questions_of(ROOM)["lines_of_tables"], {"since": _shifted(since, -1), "until": _shifted(until, 1)}):
        found[f"{row.dataset}/{row.order_id}"].append((row.sku or "", max(row.net or ZERO, ZERO)))
    return {key: tuple(items) for key, items in found.items()}


def _seen(row: Any) -> Sign:
    touch = Touch(
        at=row.happened_at, kind=TouchKind(row.kind), source=row.source, medium=row.medium, campaign=row.campaign,
        content=row.content, term=row.term, utm_id=row.utm_id, click=row.click_kind, campaign_id=row.campaign_id,
        adset_id=row.adset_id, ad_id=row.ad_id, referrer=row.referrer_host, landing=row.landing_path, device=row.device,
    )  # fmt: skip
    return Sign(row.who, row.source_key, touch)


# -- spend


def _costs(spend: Iterable[Spend], by: str, desk: Desk) -> dict[str, Cost]:
    found: dict[str, Cost] = {}
    for row in spend:
        key = _cost_key(row, by)
        if key is None:
            continue
        day = day_number(row.day)
        amount = desk.rates.convert(row.amount, row.currency, desk.rules.currency, day)
        claim, value = claimed(row), None
        if claim is not None and claim.value is not None:
            value = desk.rates.convert(claim.value, row.currency, desk.rules.currency, day)
        one = Cost(
            spend=amount or ZERO,
            unrated=amount is None,
            claimed_count=claim.count if claim else None,
            claimed_value=value,
        )
        found[key] = added(found.get(key, Cost()), one)
    return found


def _unrated(spend: Iterable[Spend], desk: Desk) -> dict[tuple[str, str], Decimal]:
    """By source and currency, what of it has no rate."""
    found: dict[tuple[str, str], Decimal] = {}
    for row in spend:
        if desk.rates.convert(row.amount, row.currency, desk.rules.currency, day_number(row.day)) is None:
            key = platform_of_spend(row.source), row.currency
            found[key] = found.get(key, ZERO) + row.amount
    return dict(sorted(found.items()))


def _cost_key(row: Spend, by: str) -> str | None:
    if by in LEVELS:
        return key_of(Advert(platform_of_spend(row.source), identity_of(row, by)))
    if by == "channel":
        return channel_of_spend(row)
    return {"source": told_key(platform_of_spend(row.source)), "day": row.day}.get(by)


# -- what is usual


def _rates(told: Told, asked: Asked, as_of: int, desk: Desk) -> dict[str, Rate]:
    """Of the last eight whole weeks in which nothing is open any more, by method: delivered and collected of confirmed."""
    last = min(asked.until, day_text(desk.days.of(as_of)))
    accounts, _ = accounts_of(told, ChainAsked(since=_shifted(last, -7 * 26), until=last, as_of=as_of), desk)
    weeks: dict[str, dict[str, list[Account]]] = defaultdict(lambda: defaultdict(list))
    for one in accounts:
        year, week, _ = date.fromisoformat(day_text(one.day)).isocalendar()
        weeks[one.order.method][f"{year}-{week:02}"].append(one)
    found = {}
    for method, by_week in weeks.items():
        closed = [told for _, told in sorted(by_week.items()) if not any(a.standing.station in OPEN for a in told)]
        parts = [part for one in closed[-RATE_WEEKS:] if (part := _kept(one)) is not None]
        if len(parts) >= LEAST_WEEKS:
            found[method] = _rate(parts)
    return found


def _kept(accounts: Iterable[Account]) -> tuple[Decimal, Decimal] | None:
    confirmed = true = ZERO
    for one in accounts:
        if one.standing.confirmed:
            confirmed += one.total
            true += max(min(one.due, one.collected), ZERO)
    return (true, confirmed) if confirmed else None


def _rate(parts: list[tuple[Decimal, Decimal]]) -> Rate:
    mean = sum((t for t, _ in parts), ZERO) / sum((c for _, c in parts), ZERO)
    each = sorted(t / c for t, c in parts)
    tenth = (len(each) - 1) * Decimal("0.1")
    return Rate(mean, each[int(tenth)], each[-1 - int(tenth)])


def _shifted(day: str, by: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=by)).isoformat()
