"""When the path of an order is made, and until when it may change.

Owns the tables order_path and path_news as they are written. A path is made two hours after its order was first told, when nothing more is
expected to tell which browser made it. Whatever is still told of the time before the order within `OPEN_MS` completes it (what is older than that
no event is taken any more), whichever came first; then it is final, and outlives what it was made of. Until it is made
`path_now` answers; both are one function, so that they cannot differ.

All writing runs inside the store's transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twofold.event.model import Event
from twofold.matching.subject import Keyring
from twofold.store.changed.days import ORDERS, ChangedDays
from twofold.store.digests import row_crc
from twofold.store.engine import Database, id_array, key_array
from twofold.store.orders.ledger import OrderRow
from twofold.store.peers.places import ALONE, Place
from twofold.store.sqlite.statements import Run
from twofold.store.touches.frozen import ERASED, OrderPath, encoded, frozen_touch, path_digest
from twofold.store.touches.nameless import Why, put_due
from twofold.store.touches.paths import reason_of, said_of_signs, signs_of, whos_of
from twofold.touch.visits import Seen, begun_by

SETTLED_MS = 7_200_000
"""After so long nothing more is expected to tell which browser made an order."""
OPEN_MS = 8 * 86_400_000
"""So long after its first telling what is told late completes a path: no event that is older is taken."""
LATE_S = 120
"""A sign that is older than this when it comes may belong before an order that is known."""
PORTION = 64
"""Paths that one transaction makes: some ten milliseconds of the loop."""
NO_ROW = 1 << 62
"""Behind the row of every order."""
REACHED = "paths"
"""How far paths are made, by the row of the order."""
LEADS = "leads"
"""How far `Signs.keep_leads` has come, by the action's number."""
SIGN, ACTION = "sign", "action"


def path_now(run: Run, ring: Keyring, order: OrderRow) -> OrderPath:
    """What stands now: made anew, whether a path is kept or not."""
    whos, ambiguous = whos_of(run, ring, order)
    signs = [sign for sign in signs_of(run, whos) if sign.touch.at <= order.placed_at]
    touches = begun_by(Seen(sign.who.hex(), sign.key.hex(), sign.touch) for sign in signs)
    said = sorted(said_of_signs(run, ring, order), key=lambda touch: (touch.at, repr(touch)))
    return OrderPath(
        tuple(frozen_touch(touch, order.placed_at) for touch in touches),
        tuple(frozen_touch(touch, order.placed_at) for touch in said),
        "" if touches else reason_of(run, order, whos, ambiguous),
    )


class Paths:
    """The paths as the writer makes them, one object a store."""

    def __init__(self, engine: Database, ring: Keyring, changed: ChangedDays, place: Place = ALONE) -> None:
        self._engine, self._ring, self._changed = engine, ring, changed
        self._alone = place.alone
        reached = engine.run("select_progress", (LEADS,))
        self.leads_reached = (
            int(reached[0][0]) if reached else 0
        )  # actions whose browsers were looked for; a later copy of one of them is news

    # -- what appends call

    def late_signs(self, whos: Iterable[bytes]) -> None:
        """Signs that came late were kept of these."""
        self._news(SIGN, whos)

    def late_copies(self, events: Sequence[Event], actions: Sequence[int]) -> None:
        """Copies of Purchases came of which it was looked up whose they are. Where others may look it up meanwhile, all that
        join an action count: one too many costs a look."""
        if not self._alone:
            purchases = [(e, a) for e, a in zip(events, actions, strict=True) if e.event_name == "Purchase"]
            self._news(ACTION, (action.to_bytes(8, "big") for _, action in purchases))
            return
        if self.leads_reached and min(actions, default=self.leads_reached + 1) <= self.leads_reached:
            late = {
                a
                for e, a in zip(events, actions, strict=True)
                if a <= self.leads_reached and e.event_name == "Purchase"
            }
            self._news(ACTION, (action.to_bytes(8, "big") for action in late))

    def _news(self, kind: str, keys: Iterable[bytes]) -> None:
        rows = [(kind, key, row_crc(kind, key.hex())) for key in sorted(set(keys))]
        if rows:
            self._engine.run_rows("put_path_news", rows)

    # -- what is done every minute

    def take_late_copies(self) -> list[int]:
        """Purchases of which a copy came late, taken away; so many at once."""
        keys = [key for (key,) in self._engine.run("select_path_news", (ACTION, PORTION))]
        if keys:
            self._engine.run("drop_path_news", (ACTION, key_array(keys)))
        return [int.from_bytes(key, "big") for key in keys]

    def settle(self, now_ms: int) -> bool:
        """Makes the paths that are due, and completes those of which something was told late; True while there is more."""
        more = self._complete(now_ms)
        reached = self._engine.run("select_progress", (REACHED,))
        after, young = int(reached[0][0]) if reached else 0, NO_ROW
        due = []
        for told_at, *row in self._engine.run("orders_without_path", (after, PORTION)):
            if told_at is not None and now_ms - SETTLED_MS < told_at <= now_ms:
                young = row[0]
                break
            due.append((OrderRow(*row), told_at or 0))
        self.make(due)
        is_whole = len(due) == PORTION
        come = due[-1][0].id if due else after
        if not is_whole:  # no order before the young one is without a path: none of them is looked at again
            made = self._engine.run("last_path_told_before", (come, young, now_ms - SETTLED_MS))
            come = int(made[0][0]) if made else come
        if come > after:
            self._engine.run("retention_reached", (REACHED, come))
        return more or is_whole

    def complete(self, actions: Iterable[int], now_ms: int) -> None:
        """It was found anew whose these Purchases are."""
        rows = self._engine.run("kept_paths_of_actions", (id_array(actions), now_ms - OPEN_MS))
        self.make([(OrderRow(*row), told_at) for told_at, *row in rows])

    def make_now(self, orders: Iterable[int]) -> None:
        """The paths of these orders, where they have none yet: what they are made of is about to go."""
        rows = self._engine.run("orders_of_no_path", (id_array(orders),))
        self.make([(OrderRow(*row), told_at or 0) for told_at, *row in rows])

    def lose(self, orders: Iterable[int], why: Why, whos: Sequence[bytes] = ()) -> None:
        """These orders, and those that are known to be of these browsers or chats, lose their paths where they have touches."""
        found = set(orders)
        if whos:
            actions = id_array(action for (action,) in self._engine.run("actions_of_whos", (key_array(whos),)))
            found |= {order for (order,) in self._engine.run("orders_of_actions", (actions,))}
        put_due(self._engine, [order for (order,) in self._engine.run("orders_with_touches", (id_array(found),))], why)

    def make(self, orders: Sequence[tuple[OrderRow, int]]) -> None:
        """Keeps what stands now as the paths of these orders; with when each was first told."""
        before = {
            row: (reason, bytes(touches))
            for row, _, reason, touches in self._engine.run("select_paths", (id_array(o.id for o, _ in orders),))
        }
        rows = []
        for order, told_at in orders:
            path = path_now(self._engine.run, self._ring, order)
            kept = before.get(order.id)
            touches = encoded(path)
            if kept in ((path.reason, touches), (ERASED, encoded(OrderPath((), (), ERASED)))):
                continue
            rows.append((order.id, told_at, path.reason, touches, path_digest(order.id, told_at, path.reason, touches)))
            self._changed.order(order.placed_at)
        if rows:
            self._engine.run_rows("put_paths", rows)

    def unite(self, kept: int, other: int) -> None:
        """An order became part of another: of their paths the one with touches stays, of two the one that was made already."""
        rows = {row[0]: row for row in self._engine.run("select_paths", (id_array([kept, other]),))}
        if other in rows:
            _, told_at, reason, touches = rows[other]
            mine = rows.get(kept)
            if mine is None or (mine[2] and mine[2] != ERASED and not reason):
                self._engine.run_rows(
                    "put_paths", [(kept, told_at, reason, touches, path_digest(kept, told_at, reason, touches))]
                )
            self._engine.run("drop_paths", (id_array([other]),))
        self._engine.run("step_back", (REACHED, other - 1))  # its row's number may be given again

    def _complete(self, now_ms: int) -> bool:
        whos = [key for (key,) in self._engine.run("select_path_news", (SIGN, PORTION))]
        if not whos:
            return False
        actions = [action for (action,) in self._engine.run("actions_of_whos", (key_array(whos),))]
        self.complete(actions, now_ms)
        reached = self._engine.run("select_progress", (REACHED,))
        for (day,) in self._engine.run("days_of_open_orders", (int(reached[0][0]) if reached else 0,)):
            self._changed.day(ORDERS, day)
        self._engine.run("drop_path_news", (SIGN, key_array(whos)))
        return len(whos) == PORTION
