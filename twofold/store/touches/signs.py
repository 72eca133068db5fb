"""Signs as they come in: one row for each half hour and source, in the transaction of the copy that shows it.

Owns which signs are kept, and the links to Purchases; where their rows stand is `rows`'. Which row a sign is does not depend on the order of arrival: its place is
whose it is, the half hour of its own time, and a digest of its source and click; the earliest time stands. What was written
is remembered, so that the next copies of a visit cost one look. Who said no has no signs kept, and loses those of before.

All of it runs inside the store's transactions; a rolled back one forgets the memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from msgspec.structs import astuple

from twofold.event.identity import bare_order
from twofold.event.model import Consent
from twofold.matching.counterparts import SUBJECT_KINDS
from twofold.matching.subject import Keyring, Mark
from twofold.store.changed.days import TOUCHES, ChangedDays, mark_touches
from twofold.store.digests import digest_8, row_digest
from twofold.store.engine import Database, id_array, key_array
from twofold.store.orders.buyers import orders_of_buyers
from twofold.store.orders.ledger import OrderRow, name_of
from twofold.store.peers.places import Place, places_of
from twofold.store.peers.revisions import SIGNS, Revisions
from twofold.store.secret import SECRET_MARK, mark_of
from twofold.store.touches.path_keeper import LATE_S, LEADS, SETTLED_MS, Paths
from twofold.store.touches.paths import browsers_of, whos_of, whos_said_of
from twofold.store.touches.rows import TouchRows
from twofold.store.touches.whose import (
    SLOT_S,
    who_of,
    who_of_key,
    whos_of_sign,
)
from twofold.store.visitors.browsers import hold_nothing
from twofold.store.visitors.identifiers import BROWSER_KINDS, identifier
from twofold.touch.model import Sign

PORTION = 256  # rows taken away in one transaction
SLOTS_A_DAY = 86_400 // SLOT_S
LOOKED_AT = 500  # actions looked at in one transaction
_PLACES = 1 << 16
_KEY = 8


class Refuses(Protocol):
    """Who has withdrawn consent."""

    def needed(self) -> bool: ...
    def is_withdrawn(self, dataset: str, marks: Sequence[Mark]) -> bool: ...


class People(Protocol):
    @property
    def any_denial(self) -> bool: ...


class Signs:
    """``ring``: the folder's. ``people`` and ``withdrawals`` say who said no."""

    def __init__(
        self,
        engine: Database,
        ring: Keyring,
        people: People,
        withdrawals: Refuses,
        keep_days: int,
        changed: ChangedDays,
        paths: Paths,
        revisions: Revisions | None = None,
    ) -> None:
        self._engine = engine
        self._revisions = revisions or Revisions(engine)
        self._rows_of_signs = TouchRows(engine, self._revisions.place)
        self._revisions.listen(SIGNS, self.rolled_back)
        self._changed = changed
        self._paths = paths
        self._ring = ring
        self.hold: Callable[[Iterable[bytes], int], None] = hold_nothing
        """See `Browsers.hold`."""
        self._keyed = blake2b(digest_size=_KEY, key=ring.secret).copy  # costs less than beginning anew
        self.keep_s = keep_days * 86_400
        self._people = people
        self._withdrawals = withdrawals
        self.rolled_back()

    # -- what appends call

    def note(self, signs: Iterable[Sign], now_s: int) -> None:
        """Keeps what these show for the first time."""
        rows: list[tuple[Any, ...]] = []
        if not self._revisions.alone:  # who says no at this moment elsewhere is asked after that
            signs = list(signs)
            self.hold(self.keys_of(signs), now_s * 1000)
        for sign in signs:
            if not self._is_news(sign):
                continue
            if sign.touch.consent.startswith(Consent.DENIED):
                self._drop([w for kind, v in sign.ids if (w := who_of(self._ring, sign.dataset, kind, v)) is not None])
            elif self._said_no(sign):
                self._facts[self._place(sign)] = 0  # news again, should they say yes
            else:
                rows += self._rows(sign)
        if rows:
            self.keyed()
            self._rows_of_signs.put(rows)
            late = [row[0] for row in rows if row[4] < now_s - LATE_S]
            if late:
                self._paths.late_signs(late)
            for slot in {row[1] for row in rows}:
                self._changed.day(TOUCHES, slot // SLOTS_A_DAY)

    def keys_of(self, signs: Iterable[Sign]) -> set[bytes]:
        """What is held for these: by which ids their browsers are known. Nothing where nobody else writes."""
        return set() if self._revisions.alone else {key for sign in signs for key in _keys_of(sign)}

    def rolled_back(self) -> None:
        """Nothing is remembered in memory of what is not on disk."""
        self._rows_of_signs.reload()
        self._marked = False
        self._forget_news()

    def _forget_news(self) -> None:
        self._facts = array("q", bytes(8 * _PLACES))
        self._times = array("q", bytes(8 * _PLACES))
        self._rest = array("q", bytes(8 * _PLACES))

    def keyed(self) -> None:
        """Something is keyed with the secret: its mark is kept, so that `verify` can say when it is another one."""
        if not self._marked and not self._engine.run("select_meta", (SECRET_MARK,)):
            self._engine.run("put_meta", (SECRET_MARK, mark_of(self._ring)))
        self._marked = True

    # -- consent, erasure

    def forget(self, dataset: str | None, ids: Iterable[tuple[str, str]], browsers: Sequence[int] = ()) -> int:
        """Deletes the signs of these ids (kind and value) in a dataset or in all, and of these browsers; answers how many."""
        pairs = list(ids)
        datasets = [dataset] if dataset is not None else [d for (d,) in self._engine.run("touched_datasets")]
        whos = [
            who for d in datasets for kind, value in pairs if (who := who_of(self._ring, d, kind, value)) is not None
        ]
        if browsers:
            whos += [who_of_key(self._ring, key) for _, key in self._engine.run("own_keys", (id_array(browsers),))]
        return self._drop(whos)

    def withdraw(self, dataset: str, marks: Sequence[Mark]) -> None:
        """Deletes the signs of whoever withdraws: of the browsers that the marks name, and of the orders that they name or
        that their contact data bought, with what was said of those."""
        self.forget(dataset, marks)
        orders = [
            OrderRow(*row) for row in self._engine.run("select_orders", (id_array(self._orders_of(dataset, marks)),))
        ]
        whos: set[bytes] = set()
        for order in orders:
            if order.dataset == dataset:
                whos.update(whos_said_of(self._engine.run, self._ring, order))
                whos.update(whos_of(self._engine.run, self._ring, order)[0])
        self._paths.lose([order.id for order in orders if order.dataset == dataset], "consent")
        self._drop(sorted(whos))

    def _orders_of(self, dataset: str, marks: Sequence[Mark]) -> set[int]:
        """Orders that these marks name, or that who they name bought."""
        numbers = {bare_order(mark.value) for mark in marks if mark.kind == "order"}
        names = [name_of(dataset, f"{kind}:{number}") for kind in ("order", "number") for number in sorted(numbers)]
        found = {order for _, order in self._engine.run("select_order_names", (key_array(names),))} if names else set()
        for number in sorted(numbers):  # of shops that number alike
            found.update(order for (order,) in self._engine.run("orders_with_id", (number,)))
        buyers = [self._ring.digest(mark.kind, mark.value) for mark in marks if mark.kind in SUBJECT_KINDS.values()]
        return found | orders_of_buyers(self._engine.run, buyers) if buyers else found

    def forget_browsers(self, browsers: Sequence[int]) -> int:
        """Signs of browsers by their number among the visitors."""
        return self.forget("", (), browsers)

    # -- what is done every minute

    def expire(self, now_ms: int) -> bool:
        """Forgets signs and links that are too old, so many at once; True while there may be more."""
        before = now_ms // 1000 - self.keep_s
        old = [number for (number,) in self._engine.run("expired_touches", (before, PORTION))]
        if old:
            mark_touches(self._engine, old, erased=False)
            self._rows_of_signs.drop(old)
        more = len(old) == PORTION
        oldest = self._engine.run("oldest_touch_links", (PORTION,))
        due = [action for action, received_at in oldest if received_at < before * 1000]
        if due:
            self._changed.actions(due)
            self._engine.run("forget_touch_links", (id_array(due),))
        return more or len(due) == PORTION

    def list_some(self) -> bool:
        """Some of the new signs are listed by whose they are; True when there is more to do."""
        return self._rows_of_signs.list_some()

    def keep_leads(self, now_ms: int) -> bool:
        """By whose browser or chat a Purchase's signs are found is kept with it, as journal and visitors forget it sooner; True
        when there is more to do."""
        self._paths.leads_reached = self._reached(LEADS)
        self._link_again(now_ms)
        return LOOKED_AT in [self._keep_leads_of(place, now_ms) for place in places_of(self._engine.run)]

    def _keep_leads_of(self, place: Place, now_ms: int) -> int:
        """The next actions of one writer; how many they were."""
        name = place.counter(LEADS)
        due = []
        for row in self._engine.run("actions_to_link", (max(place.before, self._reached(name)), LOOKED_AT)):
            if row[0] >= place.end or now_ms - SETTLED_MS < row[1] <= now_ms:
                break  # its thank-you page may still be opened
            due.append(row)
        if due:
            self._link(due)
            self._engine.run("retention_reached", (name, due[-1][0]))
            if not place.number:
                self._paths.leads_reached = due[-1][0]
        return len(due)

    def _reached(self, name: str) -> int:
        reached = self._engine.run("select_progress", (name,))
        return int(reached[0][0]) if reached else 0

    # -- inside

    def _link_again(self, now_ms: int) -> None:
        """Purchases of which a copy came after it was looked up whose they are."""
        actions = self._paths.take_late_copies()
        if actions:
            self._link(self._engine.run("actions_to_link_again", (id_array(actions),)))
            self._paths.complete(actions, now_ms)

    def _link(self, actions: Iterable[tuple[Any, ...]]) -> None:
        leads = [
            lead for action, at, is_purchase, *rest in actions if is_purchase for lead in self._leads(action, at, *rest)
        ]
        if leads:
            self.keyed()
            self._engine.run_rows("put_touch_links", leads)
            self._changed.actions([lead[0] for lead in leads])

    def _leads(self, action: int, at: int, dataset: str, order_id: str, event_time: int) -> list[tuple[Any, ...]]:
        """Of a Purchase that no order stands for, its copies alone tell."""
        rows = self._engine.run("select_order_of_action", (action,))
        order = OrderRow(*rows[0]) if rows else OrderRow(0, dataset, order_id, event_time, action, None, 0, b"")
        found = browsers_of(self._engine.run, self._ring, order)
        return [
            (action, who, kind, tier, at, row_digest(action, who.hex(), kind, tier, at))
            for who, kind, tier in sorted(set(found))
        ]

    def _drop(self, whos: Sequence[bytes]) -> int:
        if not whos:
            return 0
        self._paths.lose((), "consent", whos)
        numbers = self._rows_of_signs.numbers_of(whos)
        if not numbers:
            return 0
        # Before any row of them: of two that take signs away one has to be the first in everything.
        self._revisions.raise_(SIGNS, beside=True)
        self._changed.touches_go(numbers)
        gone = self._rows_of_signs.drop(numbers)
        self._forget_news()  # what was forgotten is news again
        return gone

    def _is_news(self, sign: Sign) -> bool:
        """False for a sign of a half hour and source of which an earlier one, or this one, was written."""
        touch, facts = sign.touch, _facts_of(sign)
        rest = hash((touch.landing, touch.device, touch.country, touch.consent))
        place = facts & (_PLACES - 1)
        if self._facts[place] == facts and (
            touch.at > self._times[place] or (touch.at == self._times[place] and rest == self._rest[place])
        ):
            return False
        self._facts[place], self._times[place], self._rest[place] = facts, touch.at, rest
        return True

    def _place(self, sign: Sign) -> int:
        return _facts_of(sign) & (_PLACES - 1)

    def _said_no(self, sign: Sign) -> bool:
        """True for whoever's browser said no before, or whose consent was withdrawn."""
        if self._people.any_denial:
            keys = _keys_of(sign)
            rows = self._engine.run("browsers_of_keys", (key_array(keys),)) if keys else []
            if any(consent.startswith(Consent.DENIED) for _, _, consent in rows):
                return True
        if not self._withdrawals.needed():
            return False
        return self._withdrawals.is_withdrawn(sign.dataset, [Mark(*pair) for pair in (*sign.ids, *sign.about)])

    def _rows(self, sign: Sign) -> list[tuple[Any, ...]]:
        values = astuple(sign.touch)
        slot = sign.touch.at // SLOT_S
        key = self._key(sign)
        return [
            (who, slot, key, sign.dataset, *values, digest_of(who, slot, key, sign.dataset, values))
            for who in whos_of_sign(self._ring, sign)
        ]

    def _key(self, sign: Sign) -> bytes:
        """Of the source and the click: keyed, so that a click id cannot be tried against it."""
        t = sign.touch
        told = (
            t.kind, t.source, t.medium, t.campaign, t.content, t.term, t.utm_id, t.click, t.campaign_id, t.adset_id, t.ad_id,
            t.referrer, *sign.clicks,
        )  # fmt: skip
        digest = self._keyed()
        digest.update("\0".join(told).encode("utf-8", "surrogatepass"))
        return digest.digest()


def _keys_of(sign: Sign) -> list[bytes]:
    """By which ids its browser is known."""
    found = (identifier(sign.dataset, kind, value) for kind, value in sign.ids if kind in BROWSER_KINDS)
    return [i.key for i in found if i]


def _facts_of(sign: Sign) -> int:
    touch = sign.touch
    return hash((
        sign.dataset, sign.ids, touch.at // SLOT_S, touch.kind, touch.source, touch.medium, touch.campaign, touch.content,
        touch.term, touch.utm_id, sign.clicks, touch.referrer, touch.campaign_id, touch.adset_id, touch.ad_id,
    ))  # fmt: skip


def digest_of(who: bytes, slot: int, key: bytes, dataset: str, touch: Sequence[Any]) -> bytes:
    """Over all columns of a row."""
    at, *rest = touch
    text = "\x1f".join((f"{who.hex()}\x1f{slot}\x1f{key.hex()}", dataset, str(at), *rest))
    return digest_8(text.encode())
