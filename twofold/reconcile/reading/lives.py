"""The lives of orders, out of the folder: of single ones with every step, and of whole days with what a report adds up.

Owns the two shapes in which a life is given. Matches are worked out so that an order's page and the report agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from twofold.reconcile.chain.account import Desk, account_of, counts
from twofold.reconcile.chain.told import Asked, Unmatched, one_of_each_exchange
from twofold.reconcile.chain.values import Move, Order, Rules, Settlement
from twofold.reconcile.closure.days import DayLives, DayReader, Only, OrderMoves
from twofold.reconcile.closure.ledger import Ledger, is_open_to, rows_of
from twofold.reconcile.life import Life, life_of
from twofold.reconcile.matches.values import Group
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.owed import no_collector
from twofold.reconcile.reading.whole import read_whole


def lives_by_day(
    folder: Path | str, policy_of: PolicyOf, days: Iterable[int], rules: Rules, zone: tzinfo, only: Only | None = None
) -> Iterator[tuple[DayLives, Desk]]:
    """The lives of these days (numbers from the epoch, in the zone), one day after the other, each with the desk by which its
    accounts are made. Memory is that of some days; an older folder that is still being taken in is matched whole. ``only``: of a
    folder that is taken in, of each day only these."""
    days = list(days)
    with Folder(folder, zone) as store, no_collector():
        if is_open_to(store):
            ledger = Ledger(store, policy_of, rules, zone)
            for one in DayReader(ledger, only).lives(days):
                yield one, ledger.desk
            return
    yield from lives_by_day_whole(folder, policy_of, days, rules, zone)


def lives_by_day_whole(
    folder: Path | str, policy_of: PolicyOf, days: Iterable[int], rules: Rules, zone: tzinfo
) -> Iterator[tuple[DayLives, Desk]]:
    """The same by matching the whole ledger."""
    whole = read_whole(folder, policy_of, Asked(since="1970-01-01", until="1970-01-01", as_of=0), rules, zone)
    desk, matched = whole.desk, whole.matched
    orders: dict[int, list[OrderMoves]] = defaultdict(list)
    loose: dict[int, list[Move]] = defaultdict(list)
    unmatched: dict[int, list[Unmatched]] = defaultdict(list)
    batches: dict[int, list[tuple[Group, Settlement, Decimal | None]]] = defaultdict(list)
    placed: dict[int, list[Order]] = defaultdict(list)
    for order in whole.told.orders:
        placed[desk.days.of(order.placed_at)].append(order)
    for order, moves in one_of_each_exchange([o for o in whole.told.orders if counts(o)], matched.moves):
        orders[desk.days.of(order.placed_at)].append(OrderMoves(order, tuple(moves)))
    for move in matched.loose:
        loose[move.day].append(move)
    for one in matched.unmatched:
        unmatched[one.day].append(one)
    for group in matched.groups:
        batches[desk.days.of(group.batch.at)].append((group, matched.settled[group.key], matched.paid.get(group.key)))
    same: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for other, line in sorted(whole.same.items()):
        told = whole.entries[line].line
        same[desk.days.of(told.at, told.zone)].append((other, line))
    for day in days:
        yield (
            DayLives(
                day=day,
                orders=tuple(sorted(orders[day], key=lambda o: (o.order.placed_at, o.order.key))),
                placed=tuple(placed[day]),
                loose=tuple(loose[day]),
                unmatched=tuple(unmatched[day]),
                batches=tuple(batches[day]),
                same=tuple(same[day]),
            ),
            desk,
        )


def lives_of(
    folder: Path | str, policy_of: PolicyOf, keys: Iterable[str], rules: Rules, zone: tzinfo, as_of: int
) -> dict[str, Life]:
    """Order key (dataset and order id) to its life; one whose money has no rate is not in it."""
    keys = list(keys)
    with Folder(folder, zone) as store, no_collector():
        if is_open_to(store):
            return _lives_around(store, policy_of, keys, rules, zone, as_of)
    return lives_of_whole(folder, policy_of, keys, rules, zone, as_of)


def _lives_around(
    store: Folder, policy_of: PolicyOf, keys: Iterable[str], rules: Rules, zone: tzinfo, as_of: int
) -> dict[str, Life]:
    ledger = Ledger(store, policy_of, rules, zone)
    rows = rows_of(store, keys)
    part, matched = ledger.around(rows.values())
    moves = {order.key: gathered for order, gathered in one_of_each_exchange(part.orders.values(), matched.moves)}
    found = {}
    for key, row in rows.items():
        order = part.orders[key]
        if order.currency:
            account = account_of(order, moves.get(key, matched.moves.get(key, ())), ledger.desk, as_of)
            if account is not None:
                known = replace(part.known[row], buyer=order.buyer)
                found[key] = life_of(known, account, matched, part.entries, ledger.desk)
    return found


def lives_of_whole(
    folder: Path | str, policy_of: PolicyOf, keys: Iterable[str], rules: Rules, zone: tzinfo, as_of: int
) -> dict[str, Life]:
    """The same by matching the whole ledger."""
    today = datetime.fromtimestamp(as_of, UTC).date().isoformat()
    keys = list(keys)
    whole = read_whole(folder, policy_of, Asked(since=today, until=today, as_of=as_of), rules, zone, lives=keys)
    moves = {
        order.key: gathered for order, gathered in one_of_each_exchange(whole.orders.values(), whole.matched.moves)
    }
    found = {}
    for key in keys:
        order = whole.orders.get(key)
        if order is None or not order.currency:
            continue
        account = account_of(order, moves.get(key, whole.matched.moves.get(key, ())), whole.desk, as_of)
        if account is not None:
            found[key] = life_of(whole.known[key], account, whole.matched, whole.entries, whole.desk)
    return found
