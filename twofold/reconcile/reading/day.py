"""One day out of the folder: the orders near it with their Purchases, and what platforms and GA4 were told to have counted.

Owns the reading and the joining of actions with orders: by the order that an action stands for, by the order id in its
events, and of one that names none by the same browser, money and half hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from twofold.event.model import Tier, readable_event
from twofold.ledger.identity import name_of
from twofold.ledger.lines import SiteDay, Spend
from twofold.ledger.policy import value_of
from twofold.ledger.spend import counted, counted_purchases
from twofold.matching.subject import Keyring
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.day.values import GA4, META, DayOrder, Report, Sent
from twofold.reconcile.exchange import day_number
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.orders import KnownOrder, number_of, order_of
from twofold.store.orders.ledger import OrderRow, name_of_order
from twofold.store.secret import known_ring
from twofold.store.sqlite.database import id_array, key_array
from twofold.store.touches.paths import touches_of
from twofold.touch.model import Touch

NEAR_S = 2 * 86_400  # zones of the world are at most 26 hours apart
CLICK_DAY_S = 8 * 86_400  # so long after a day an order may be made that a click of the day brought
SAME_ACT_S = 1_800
CLICK = "fbclid"
WINDOWS = ("7d_click", "1d_view", "1d_ev")


class DayFacts(Struct, frozen=True, kw_only=True):
    """``orders``: all that may touch the day; ``strays``: Purchases of which no order is known."""

    orders: tuple[DayOrder, ...]
    strays: tuple[Sent, ...]


class Platform(Struct, frozen=True, kw_only=True):
    """Where Purchases go: names of the platform's destinations; datasets in which silence is no consent."""

    destinations: frozenset[str]
    banners: frozenset[str] = frozenset()
    by_click_day: bool = False  # its reports put a purchase on the day of its click


def read_day(
    store: Folder,
    path: Path,
    policy_of: PolicyOf,
    start: int,
    end: int,
    platform: Platform,
    desk: Desk,
    dataset: str | None,
) -> DayFacts:
    """Everything about the day from ``start`` to ``end`` (Unix s, the end not included), in the reporting currency."""
    after = end + (CLICK_DAY_S if platform.by_click_day else NEAR_S)
    numbers = [n for (n,) in store.run("reconcile_day_orders", (start - NEAR_S, after, start, end))]
    known = [k for k in store.orders(ids=numbers) if dataset in (None, k.dataset)]
    rows = {r[0]: OrderRow(*r) for r in store.run("list_orders", (id_array(numbers),))} if numbers else {}
    actions = {a[0]: a for a in store.run("reconcile_day_actions", (start - NEAR_S, after))}
    missing = [r.action for r in rows.values() if r.action is not None and r.action not in actions]
    actions |= {a[0]: a for a in store.run("reconcile_actions", (id_array(missing),))} if missing else {}
    actions = {n: a for n, a in actions.items() if dataset in (None, a[1])}
    sent = _sent(store, actions, platform, desk)
    owners = _owners(store, actions, {k.row: k for k in known}, rows)
    ring = known_ring(path)
    by_order: dict[str, list[Sent]] = defaultdict(list)
    strays = []
    for number, one in sorted(sent.items()):
        if number in owners:
            by_order[owners[number]].append(replace(one, order=owners[number]))
        else:
            strays.append(one)
    strays = _same_browser(strays, by_order)
    orders = []
    for order in known:
        row = rows[order.row]
        mine = sorted(by_order.get(order.key, ()), key=lambda s: (s.action != row.action, s.action))
        orders.append(_day_order(store, order, row, mine, policy_of, platform, desk, ring))
    return DayFacts(orders=tuple(sorted(orders, key=lambda o: (o.placed_at, o.key))), strays=tuple(strays))


def _owners(
    store: Folder, actions: Mapping[int, Any], known: Mapping[int, KnownOrder], rows: Mapping[int, OrderRow]
) -> dict[int, str]:
    """Action to its order's key: the order that it stands for, else the one that its events name."""
    owners = {r.action: known[n].key for n, r in rows.items() if r.action is not None and n in known}
    by_name: dict[bytes, list[int]] = defaultdict(list)
    for number, action in actions.items():
        if number not in owners and action[5]:
            by_name[name_of_order(action[1], action[5])].append(number)
    for name, order in store.run("select_order_names", (key_array(by_name),)) if by_name else ():
        if order in known:
            owners |= dict.fromkeys(by_name[bytes(name)], known[order].key)
    return owners


def _same_browser(strays: list[Sent], by_order: dict[str, list[Sent]]) -> list[Sent]:
    """A Purchase without an order id that is another sender's word of a known one: the same browser, money and half hour."""
    left = []
    for stray in strays:
        same = {
            order
            for order, actions in by_order.items()
            for a in actions
            if a.who & stray.who and a.told == stray.told and abs(a.at - stray.at) <= SAME_ACT_S
        }
        if len(same) == 1:
            order = same.pop()
            by_order[order].append(replace(stray, order=order))
        else:
            left.append(stray)
    return left


# -- actions


class _Custom(Struct, frozen=True):
    value: Decimal | None = None
    currency: str | None = None


class _Payload(Struct, frozen=True):
    custom_data: _Custom = _Custom()


_decode_payload = msgspec.json.Decoder(_Payload).decode


class _Copies(Struct):
    told: tuple[int, Decimal, str] | None = None  # tier, value, currency
    browser: bool = False
    click_at: int | None = None
    who: set[str] = field(default_factory=set)


def _sent(store: Folder, actions: Mapping[int, Any], platform: Platform, desk: Desk) -> dict[int, Sent]:
    ids = id_array(actions)
    copies: dict[int, _Copies] = defaultdict(_Copies)
    of_copy = {}
    for action, position, channel, tier, body in store.run("reconcile_copies", (ids,)) if actions else ():
        of_copy[position] = action
        _read_copy(copies[action], channel, int(Tier(tier)), body)
    for position, who, *_ in store.run("select_touch_links_of_copies", (ids,)) if actions else ():
        if position in of_copy:
            copies[of_copy[position]].who.add(bytes(who).hex())
    deliveries: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in store.run("list_purchases", (ids,)) if actions else ():
        if row[2] in platform.destinations:
            deliveries[row[0]].append(row)
    found = {}
    for number, (_, _, at, value, currency, _, consent) in actions.items():
        mine, day = copies[number], desk.days.of(at)
        told = mine.told[1:] if mine.told else (None if value is None else Decimal(value), currency or "")
        best = min(deliveries[number], key=lambda d: (d[3] != "delivered", d[1]), default=None)
        found[number] = Sent(
            action=number,
            at=at,
            told=_worth(told[0], told[1], day, desk),
            state=best[3] if best else "",
            reason=best[4] if best else "",
            value=_worth(*_value_sent(best), day, desk) if best and best[3] == "delivered" else None,
            browser=mine.browser,
            consent=consent,
            click_at=mine.click_at,
            who=frozenset(mine.who),
        )
    return found


def _read_copy(copies: _Copies, channel: str, tier: int, body: bytes) -> None:
    event = readable_event(body)
    copies.browser = copies.browser or channel == "browser"
    if event is None:
        return
    value, currency = event.custom_data.value, event.custom_data.currency
    if value is not None and currency and (copies.told is None or tier > copies.told[0]):
        copies.told = tier, value, currency
    copies.who |= {f"fbp:{event.user_data.fbp}"} if event.user_data.fbp else set()
    copies.who |= {f"visitor:{event.visitor}"} if event.visitor else set()
    clicked = _click_time(event.user_data.fbc)
    if event.user_data.other.get("ctwa_clid"):
        clicked = event.event_time
    if clicked is not None:
        copies.click_at = max(copies.click_at or 0, clicked)


def _click_time(fbc: str | None) -> int | None:
    """``fb.1.<ms>.<fbclid>``: when the click came to the site."""
    parts = (fbc or "").split(".", 3)
    if len(parts) == 4 and parts[2].isdigit() and len(parts[2]) in (10, 13):
        return int(parts[2]) // (1000 if len(parts[2]) == 13 else 1)
    return None


def _value_sent(delivery: tuple[Any, ...]) -> tuple[Decimal | None, str]:
    payload, value, currency = delivery[9], delivery[6], delivery[7]
    if payload:
        try:
            custom = _decode_payload(payload).custom_data
            if custom.value is not None:
                return custom.value, custom.currency or currency or ""
        except msgspec.DecodeError:
            pass  # another platform's form; the action's row says it too
    return (None if value is None else Decimal(value)), currency or ""


def _worth(amount: Decimal | None, currency: str, day: int, desk: Desk) -> Decimal | None:
    return None if amount is None else desk.rates.convert(amount, currency, desk.rules.currency, day)


# -- orders


def _day_order(
    store: Folder,
    known: KnownOrder,
    row: OrderRow,
    actions: Sequence[Sent],
    policy_of: PolicyOf,
    platform: Platform,
    desk: Desk,
    ring: Keyring | None,
) -> DayOrder:
    policy = policy_of(known.dataset)
    order = order_of(known, policy)
    rate = desk.rates.rate(order.currency, desk.rules.currency, desk.days.of(order.placed_at)) or ZERO
    valued = value_of(known.state, policy)
    scale = rate
    if valued is not None and valued.currency != order.currency and valued.total:
        scale = order.total / valued.total * rate
    shop = known.state.shop
    touches = _touches(store, ring, row, known) if ring is not None and actions else []
    click = max((t for t in touches if _is_click(t)), key=lambda t: (t.at, t.ad_id), default=None)
    return DayOrder(
        key=known.key,
        order_id=order.order_id,
        number=number_of(known),
        placed_at=order.placed_at,
        total=order.total * rate,
        sale=order.sale,
        test=order.test or order.deleted or not order.known,
        source=order.source,
        actions=tuple(_with_click(a, click) for a in actions),
        parts={
            name: amount * rate
            for name in ("shipping", "tax", "tip", "duties", "gift_cards")
            if shop is not None and (amount := getattr(shop, name))
        },
        left_out={n: a * scale for n, a in (valued.left_out if valued else {}).items() if n != "refunds"},
        visited=any(t.kind in ("click", "visit") for t in touches) or any(a.browser for a in actions),
        banner=known.dataset in platform.banners,
        cancelled_at=order.cancelled_at,
        returned_at=order.returned_at,
        back=tuple((at, amount * rate) for at, amount in order.refunds),
        edited=_edited(known, rate),
        gift_cards=order.gift_cards * rate,
        discount=(shop.discount or ZERO) * rate if shop is not None else ZERO,
    )


def _with_click(sent: Sent, click: Touch | None) -> Sent:
    """``click``: the order's last. Which ad it was of is known where no later click's ad is unknown."""
    times = [at for at in (sent.click_at, click.at if click else None) if at is not None and at <= sent.at]
    last = max(times, default=None)
    ad = (
        click.ad_id
        if click is not None and last is not None and click.at <= sent.at and last - click.at <= SAME_ACT_S
        else ""
    )
    return replace(sent, click_at=last, click_ad=ad)


def _touches(store: Folder, ring: Keyring, row: OrderRow, known: KnownOrder) -> list[Touch]:
    """Signs of the order's buyer in the four weeks before it."""
    return list(touches_of(store.run, ring, row, since=known.state.placed_at - 28 * 86_400, with_said=False).own)


def _is_click(touch: Touch) -> bool:
    """A click of Meta's, or a chat that one of its ads began."""
    return CLICK in touch.click.split(",") or (touch.kind == "chat" and bool(touch.ad_id))


def _edited(known: KnownOrder, rate: Decimal) -> Decimal | None:
    """What edits changed of the total since it was first told."""
    told = sorted(
        (r.snapshot.version, r.at, r.snapshot.shop.total)
        for r in known.reports
        if r.snapshot is not None and r.snapshot.shop is not None and not r.snapshot.shop.after_refunds
    )
    return (told[-1][2] - told[0][2]) * rate if told else None


# -- what others counted


def meta_report(
    rows: Sequence[tuple[Spend, int]],
    day: str,
    desk: Desk,
    zones: Mapping[str, str],
    home: str,
    by_click_day: bool = False,
) -> tuple[Report, list[str]]:
    """Meta's own figure of its day. ``rows``: standing spend with when it was told; ``zones``: of accounts that tell none.

    Beside it what has to be said: accounts in other zones, a zone that was assumed.
    """
    told = {name_of(row): at for row, at in rows if row.source == META and row.day == day}
    mine = [(row, told[name_of(row)]) for row in counted(r for r, _ in rows if name_of(r) in told)]
    if not mine:
        return Report(source=META), []
    notes = []
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for row, _ in mine:
        zone = row.zone or zones.get(row.account, "")
        spent[zone] += row.amount
    zone = min(spent, key=lambda z: (-spent[z], z))
    if len(spent) > 1:
        notes.append(f"accounts are in several zones; the day of {zone or home} is taken")
    if not zone:
        notes.append(f"the ad account's zone is not told: {home} is assumed")
    currency = min(row.currency for row, _ in mine)
    windows: dict[str, tuple[Decimal, Decimal]] = {}
    original = ZERO
    setting = any(c.window in WINDOWS for row, _ in mine for c in row.claims)
    total = (ZERO, ZERO)
    for row, _ in mine:
        rate = desk.rates.rate(row.currency, desk.rules.currency, day_number(day)) or ZERO
        for claim in row.claims:
            if claim.window in WINDOWS or (not setting and claim.window == "setting"):
                count, value = claim.count or ZERO, claim.value or ZERO
                total = total[0] + count, total[1] + value * rate
                original += value
                if claim.window in WINDOWS:
                    old = windows.get(claim.window, (ZERO, ZERO))
                    windows[claim.window] = old[0] + count, old[1] + value * rate
    return Report(
        source=META, count=int(total[0]), amount=total[1], original_amount=original, original_currency=currency,
        zone=zone or home, window="+".join(w for w in WINDOWS if w in windows) or min((r.setting for r, _ in mine if r.setting), default="setting"),
        fetched_at=max(at for _, at in mine), windows={w: windows[w] for w in WINDOWS if w in windows},
        other_ads=_other_ads((r for r, _ in rows if r.source == META), {r.account for r, _ in mine}), by_click_day=by_click_day,
    ), notes  # fmt: skip


def _other_ads(rows: Iterable[Spend], accounts: set[str]) -> frozenset[str]:
    """Ads that only accounts have which are not in the figure. Ads of no known account are nobody's."""
    theirs: set[str] = set()
    ours: set[str] = set()
    for row in rows:
        if row.ad_id and row.account:
            (ours if row.account in accounts else theirs).add(row.ad_id)
    return frozenset(theirs - ours)


def ga4_report(rows: Iterable[tuple[SiteDay, int]], day: str, desk: Desk, home: str) -> Report:
    """GA4's own figure: by single purchases where it tells them, else the sums of one kind of report."""
    told_at = {row: at for row, at in rows if row.day == day and row.purchases is not None}
    mine = [(row, told_at[row]) for row in counted_purchases(told_at)]
    if not mine:
        return Report(source=GA4)
    single = [(row, at) for row, at in mine if row.transaction]
    taken = single or _one_kind(mine)
    currency = min(row.currency for row, _ in taken)
    total, refunds, original, count = ZERO, ZERO, ZERO, ZERO
    told = []
    for row, _ in taken:
        rate = desk.rates.rate(row.currency, desk.rules.currency, day_number(day)) or ZERO
        gross = row.gross_revenue if row.gross_revenue is not None else row.revenue
        value = gross or ZERO
        if row.gross_revenue is None and row.refunds:
            refunds += row.refunds * rate
        purchases = row.purchases or ZERO
        count += purchases
        original += value
        total += value * rate
        if row.transaction:
            told.append((row.transaction, purchases, value * rate))
    return Report(
        source=GA4, count=int(count), amount=total, original_amount=original, original_currency=currency,
        zone=next((r.zone for r, _ in taken if r.zone), home), window="purchases", fetched_at=max(at for _, at in taken),
        rows=tuple(sorted(told)), refunds=refunds, flags=tuple(sorted({f for r, _ in taken for f in r.flags})),
    )  # fmt: skip


def _one_kind(rows: Sequence[tuple[SiteDay, int]]) -> list[tuple[SiteDay, int]]:
    """Of several reports of one day (by channel, by source) the one with the fewest dimensions: they hold the same."""
    kinds: dict[tuple[bool, ...], list[tuple[SiteDay, int]]] = defaultdict(list)
    for row, at in rows:
        kinds[tuple(bool(v) for v in (row.medium_source, row.medium, row.campaign, row.channel))].append((row, at))
    return kinds[min(kinds, key=lambda k: (sum(k), k))]
