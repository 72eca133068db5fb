"""One day read from the store itself, order by order: what the tables' way is held against.

Reads everything of the folder and narrows nothing, so that what the questions leave out is found missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from twofold.event.model import Tier, readable_event
from twofold.ledger.lines import SiteDay, Spend
from twofold.ledger.policy import value_of
from twofold.matching.subject import Keyring
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.day.report import Day, day_report
from twofold.reconcile.day.values import DayOrder, Sent
from twofold.reconcile.exchange import day_number
from twofold.reconcile.reading.counted import ga4_report, meta_report
from twofold.reconcile.reading.day import SAME_ACT_S, DayFacts, Platform
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.orders import KnownOrder, number_of, order_of
from twofold.reconcile.reading.witnesses import Question, _day_in
from twofold.store.engine import id_array, key_array
from twofold.store.orders.ledger import OrderRow, name_of_order
from twofold.store.secret import known_ring
from twofold.store.touches.paths import touches_of
from twofold.touch.model import Touch

CLICK = "fbclid"
ACTIONS = """
select a.id, a.dataset, a.event_time, a.value, a.currency, a.order_id, a.consent
from action as a where a.event_name = 'Purchase' and a.merged_into is null order by a.id
"""
COPIES = """
select c.action, e.position, e.channel, e.tier, plain_body(e.body)
from (select id as action, id as position from action union select action, position from copy
      union select action, position from carried_over) as c
join event as e on e.position = c.position order by c.action, e.position
"""


def day_of_store(folder: Path, policy_of: PolicyOf, asked: Question, desk: Desk) -> Day:
    """The report of a day, without what tables alone know: the same orders' money."""
    with Folder(folder) as store:
        spend, site = store.told("spend", Spend), store.told("site_day", SiteDay)
        end = desk.days.start(day_number(asked.day) + 1)
        facts = read_day(store, folder, policy_of, asked.platform, desk, asked.dataset)
    ads = [(row.account, row.ad_id) for row, _ in spend if row.source == "meta"]
    meta, notes = meta_report(
        spend, asked.day, desk, asked.zones, asked.zone_name, asked.platform.by_click_day, ads
    )  # fmt: skip
    ga4 = ga4_report(site, asked.day, desk, asked.zone_name)
    return day_report(
        asked.day, facts.orders, facts.strays, meta, ga4, _day_in(asked.day, asked.zone), asked.zone_name,
        desk.rules.currency, asked.as_of, end, (), notes if meta.is_here else (),
    )  # fmt: skip


def read_day(
    store: Folder, path: Path, policy_of: PolicyOf, platform: Platform, desk: Desk, dataset: str | None
) -> DayFacts:
    """Every order and every Purchase of a folder, in the reporting currency."""
    numbers = [n for (n,) in store._db.execute("select id from orders order by id")]
    known = [k for k in store.orders(ids=numbers) if dataset in (None, k.dataset)]
    rows = {r[0]: OrderRow(*r) for r in store.run("list_orders", (id_array(numbers),))} if numbers else {}
    actions = {a[0]: a for a in store._db.execute(ACTIONS)}
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
    for action, position, channel, tier, body in store._db.execute(COPIES):
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
        best = min(deliveries[number], key=lambda d: (d[3] != "delivered", d[2]), default=None)
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
