"""Retention: each kind of data is emptied when its days are over and nothing waits for it any more.

Owns the jobs and how late they are. The journal's rows stay (their sums are promised); what is emptied are fields of
their bodies, sent bytes, refused bodies, and in the end the trail itself. Everything goes in small portions between the
transactions of accepting; how far a job has come is in the same transaction, so a crash repeats nothing.

A sent payload goes as a whole when the first of the kinds of data in it does: half a payload proves nothing. Its own days
count from when it was sent, those of the data in it from when the action came, as in the journal: nothing outlives there
what an erasure would find it by.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

from msgspec import Struct

from twofold.clock import Clock
from twofold.errors import RowFailed, StoreError
from twofold.event.model import encode, readable_event
from twofold.privacy.audit_log import append_audit, last_sealed, seal, trail_horizon
from twofold.privacy.redact import RetainedPart, put_bodies, stand_in, without_part
from twofold.privacy.search import actions_of
from twofold.privacy.unnaming import WorthOf, unname_due
from twofold.store.changed.days import mark_actions, mark_old_buyers
from twofold.store.engine import Database, id_array
from twofold.store.index.words import Because, remake
from twofold.store.lines.emptying import empty_texts
from twofold.store.lines.filling import fill_some
from twofold.store.lines.keeping import ABANDONED_MS, drop_unfinished
from twofold.store.peers.places import Place, places_of
from twofold.store.store import Store

log = logging.getLogger("twofold.privacy")

PORTION = 128  # rows a job touches in one transaction
SEAL_AFTER_MS = 600_000  # what was tried is sealed at least so often
_BREATH_S = 0.05  # between two steps while there is much to do: one part in twenty of the loop
_SETTLED_WITHIN_MS = 3_600_000  # a delivery is settled within this after its last attempt ended
_NOTE_AFTER = 10_000  # redacted rows before the log gets an entry while a job is still busy

DAY_MS = 86_400_000
_WINDOW_MS = 8 * DAY_MS  # an event comes at most so long after it happened


_PATHS_REST_ON = frozenset({*(part.value for part in RetainedPart), "recognised", "people", "touches"})
"""Kinds of data by which it is told what led to an order: none of them goes before that is kept with the order."""


class Days(Struct, frozen=True, kw_only=True):
    """Days for which each kind is kept; see RetentionSettings. Fractions are for tests."""

    address: float = 30
    click_ids: float = 90
    contact: float = 180
    payload: float = 30
    refused: float = 30
    audit: float = 365
    line_text: float = 90
    buyer: float = 1100


class _Payload(NamedTuple):
    """Bytes of a delivery; ``came_at``: when its action's first copy came."""

    delivery: int
    came_at: int
    state: str
    settled_at: int


class Retention:
    """``step`` is called every minute or so, again at once while it says that there is more."""

    def __init__(self, store: Store, days: Days, worth_of: WorthOf | None = None) -> None:
        """``worth_of``: what orders came to whose path is to lose them."""
        self._store = store
        self._days = days
        self._worth_of = worth_of
        self.late_s: dict[str, float] = {}
        """By kind: how long the oldest row that should be empty was overdue, in the last steps that followed each other at once."""
        self._goes_on = False

    async def step(self, now_ms: int) -> bool:
        """One portion of every job, each in a transaction of its own. True when there is more to do at once."""
        if not self._goes_on:
            self.late_s = dict.fromkeys(self.late_s, 0.0)
        more = behind = False
        for what, job in self._jobs():
            if behind and what in _PATHS_REST_ON:
                continue
            try:
                left = bool(await self._store.transact(partial(self._timed, what=what, job=job, now_ms=now_ms)))
                more |= left
                behind |= left and what in ("leads", "paths")
            except RowFailed as err:  # the other kinds of data have their days, too
                log.error("retention of %s could not go on, and tries again later: %s", what, err)
        await unname_due(self._store, self._worth_of, now_ms)
        self._goes_on = more
        return more

    async def run(self, clock: Clock, pause_s: float = 60.0) -> None:
        """`step` again and again, until cancelled."""
        while True:
            try:
                more = await self.step(clock())
            except StoreError as err:
                log.error("retention could not go on, and tries again later: %s", err)
                more = False
            await asyncio.sleep(_BREATH_S if more else pause_s)

    def _jobs(self) -> list[tuple[str, Callable[[Database, int], bool]]]:
        jobs: list[tuple[str, Callable[[Database, int], bool]]] = [
            ("places", lambda _engine, _now: self._store.signs.list_some()),
            ("leads", lambda _engine, now: self._store.signs.keep_leads(now)),
            ("paths", lambda _engine, now: self._store.paths.settle(now)),
        ]
        jobs += [
            ("payload", self._empty_payloads),
            *((part.value, partial(self._empty_part, part)) for part in RetainedPart),
            ("refused", self._drop_refused),
            ("buyers", self._forget_buyers),
            ("sealing", self._seal),
            ("trail", self._drop_trail),
            ("index", lambda engine, _now: remake(engine)),
            ("lines", lambda engine, now: drop_unfinished(engine, now - ABANDONED_MS)),
            ("ties", lambda engine, _now: fill_some(engine)),
            ("line_text", lambda engine, now: empty_texts(engine, _before(now, self._days.line_text))),
            ("recognised", self._forget_recognised),
            ("bought", self._forget_bought),
            ("people", lambda _engine, now: self._store.people.expire(now)),
            ("touches", lambda _engine, now: self._store.signs.expire(now)),
        ]
        return jobs

    def _timed(self, engine: Database, *, what: str, job: Callable[[Database, int], bool], now_ms: int) -> bool:
        self.late_s.setdefault(what, 0.0)
        more = job(engine, now_ms)
        if not more:
            self._note(engine, now_ms, 1)
        return more

    # -- fields of the journal's bodies

    def _empty_part(self, part: RetainedPart, engine: Database, now_ms: int) -> bool:
        done = [self._empty_strand(part, place, engine, now_ms) for place in places_of(engine.run)]
        return max(done) == PORTION if any(done) else self._look_again(engine, part)

    def _empty_strand(self, part: RetainedPart, place: Place, engine: Database, now_ms: int) -> int:
        """The next due rows of one writer; how many they were."""
        before = _before(now_ms, getattr(self._days, part.value))
        reached = place.counter(part.value)
        rows = engine.run("bodies_after", (max(place.before, _position(engine, reached)), PORTION))
        rows = [row for row in rows if row[0] < place.end]
        came = _came([(row[1], row[7]) for row in rows], now_ms)
        due = [row for row, _ in takewhile(lambda one: one[1] < before, zip(rows, came, strict=True))]
        if not due:
            return 0
        self.late_s[part.value] = max(self.late_s[part.value], (before - due[0][1]) / 1000)
        waiting = self._waiting(engine, [r[0] for r in due])
        self._redact(engine, part, [r for r in due if r[0] not in waiting])
        engine.run_rows("retention_pass_over", [(part.value, p) for p in sorted(waiting)])
        engine.run("retention_reached", (reached, due[-1][0]))
        self._note(engine, now_ms, _NOTE_AFTER)
        return len(due)

    def _look_again(self, engine: Database, part: RetainedPart) -> bool:
        """Rows that were passed over because something waited for them."""
        later = [p for (p,) in engine.run("retention_passed_over", (part.value,))]
        for start in range(0, len(later), PORTION):
            some = later[start : start + PORTION]
            waiting = self._waiting(engine, some)
            free = [p for p in some if p not in waiting]
            if free:
                self._redact(engine, part, engine.run("bodies_at", (id_array(free),)))
                engine.run("retention_done_later", (part.value, id_array(free)))
                return True
        return False

    def _redact(self, engine: Database, part: RetainedPart, rows: Sequence[tuple[Any, ...]]) -> None:
        changed = []
        for position, received_at, event_id, body, salt, dataset, name, event_time, *columns in rows:
            event = readable_event(body)
            if event is None:  # nobody can tell what stands there: it goes with the first kind of data
                new = stand_in(dataset, name, event_id, event_time, received_at, *columns)
            else:
                new = without_part(event, part)
            if new != event:
                changed.append((position, body, salt, encode(new), event_id))
        fresh = put_bodies(engine, changed, Because.RETENTION)
        if changed:
            of = engine.run("actions_of_positions", (id_array(position for position, *_ in changed),))
            mark_actions(engine, (action for (action,) in of))
        if fresh:
            engine.run("retention_count", (fresh,))

    def _waiting(self, engine: Database, positions: Sequence[int]) -> set[int]:
        """Those of these rows whose action has a delivery that still waits."""
        of = dict(engine.run("actions_of_rows", (id_array(positions),)))
        rows = engine.run("actions_waiting", (id_array(actions_of(engine.db, positions)),))
        waiting = {a for (a,) in rows}
        if not waiting:
            return set()
        return {p for p in positions if actions_of(engine.db, [p]) & waiting or of[p] in waiting}

    def _note(self, engine: Database, now_ms: int, at_least: int) -> None:
        """An entry in the log for rows that were redacted since the last one."""
        pending = _position(engine, "redacted")
        if pending >= at_least:
            append_audit(engine, now_ms, "retention", {"redacted": pending})
            engine.run("retention_reset", ("redacted",))

    # -- beside the journal

    def _empty_payloads(self, engine: Database, now_ms: int) -> bool:
        days = self._days
        sent, came = _before(now_ms, days.payload), _before(now_ms, min(days.address, days.click_ids, days.contact))
        before = max(sent, came)
        due: list[_Payload] = []
        most = 0
        for place in places_of(engine.run):
            mine = self._due_payloads(engine, place, before, now_ms)
            due, most = [*due, *mine], max(most, len(mine))
        free = [p.delivery for p in due if p.state != "waiting" and (p.settled_at < sent or p.came_at < came)]
        engine.run_rows("retention_pass_over", [("payload", p.delivery) for p in due if p.delivery not in set(free)])
        if due:
            self.late_s["payload"] = max(self.late_s["payload"], (before - min(p.came_at for p in due)) / 1000)
        else:
            free = [d for (d,) in engine.run("payloads_passed_over", (sent, came, PORTION))]
            engine.run("retention_done_later", ("payload", id_array(free)))
        engine.run("empty_payloads", (id_array(free),))
        if free:
            mark_actions(engine, {d // 256 for d in free})
        return most == PORTION or (not due and len(free) == PORTION)

    def _due_payloads(self, engine: Database, place: Place, before: int, now_ms: int) -> list[_Payload]:
        """Of one writer's actions."""
        reached = place.counter("payload")
        rows = engine.run("payloads_after", (max(place.before * 256, _position(engine, reached)), PORTION))
        rows = [row for row in rows if row[0] < place.end * 256]
        came = _came([(_at_latest(row[1], row[3], now_ms), row[4]) for row in rows], now_ms)
        due: list[_Payload] = []
        for created_at, (delivery, _, state, settled_at, event_time) in zip(came, rows, strict=True):
            if created_at >= before:
                break
            due.append(_Payload(delivery, created_at, state, _not_later(settled_at or 0, event_time, now_ms)))
        if due:
            engine.run("retention_reached", (reached, due[-1].delivery))
        return due

    def _drop_refused(self, engine: Database, now_ms: int) -> bool:
        before = _before(now_ms, self._days.refused)
        due = []
        for number, received_at in engine.run("oldest_refused", (PORTION,)):
            if before <= received_at <= now_ms + DAY_MS:
                break
            due.append(number)
            self.late_s["refused"] = max(self.late_s["refused"], (before - received_at) / 1000)
        if due:
            engine.run("drop_refused", (id_array(due),))
        return len(due) == PORTION

    def _forget_buyers(self, engine: Database, now_ms: int) -> bool:
        """Orders forget the digest of who bought, with the hashed contact data."""
        engine.run("forget_buyers", (_before(now_ms, self._days.contact), PORTION))
        return engine.changes() == PORTION

    def _forget_recognised(self, _engine: Database, now_ms: int) -> bool:
        """Old orders forget the keyed digests by which their buyers were recognised; they keep a random customer number."""
        return self._store.orders.forget_contacts(_before(now_ms, self._days.contact) // 1000, PORTION)

    def _forget_bought(self, engine: Database, now_ms: int) -> bool:
        """Old orders forget the keyed digests of names: no bank line's payer is known by them any more."""
        before = _before(now_ms, self._days.buyer) // 1000
        mark_old_buyers(engine, before, PORTION)
        engine.run("expire_buyers", (before, PORTION))
        return engine.changes() == PORTION

    def _seal(self, engine: Database, now_ms: int) -> bool:
        last = engine.run("last_sealed_at")[0][0]
        return seal(engine, now_ms) if abs(now_ms - last) >= SEAL_AFTER_MS else False

    def _drop_trail(self, engine: Database, now_ms: int) -> bool:
        """Attempts older than their days, a whole seal at a time, and what their deliveries were made of."""
        before = _before(now_ms, self._days.audit)
        engine.run("drop_erased_ids", (before,))
        horizon = trail_horizon(engine.db)
        if last_sealed(engine.db) <= horizon:
            return False
        first, last = engine.run("next_seal", (horizon,))[0]
        newest = engine.run("newest_of_attempts", (first, last))[0][0]
        if newest is not None and newest >= before - _SETTLED_WITHIN_MS:
            return False
        mark_actions(engine, (action for (action,) in engine.run("actions_of_attempts", (first, last))))
        engine.run("empty_trail", (first, last))
        engine.run("drop_attempts", (first, last))
        engine.run("retention_reached", ("trail", last))
        engine.run("retention_horizon", (before,))
        return True


def _came(stamps: Sequence[tuple[int, int]], now_ms: int) -> list[int]:
    """When each of some rows came, in the order in which they came. ``stamps``: by the clock of then (ms), and the event's own
    time (s). What a wrong clock stamped with a time that lies ahead came before the next that did not."""
    found: list[int] = []
    after: int | None = None
    for stamped_at, event_time in reversed(stamps):
        came = _not_later(stamped_at, event_time, now_ms)
        if came != stamped_at and after is not None:
            came = min(came, max(after, event_time * 1000))
        found.append(came)
        after = came
    return found[::-1]


def _at_latest(stamped_at: int, settled_at: int | None, now_ms: int) -> int:
    """When an action came, by a clock that may have been ahead then: not after what left of it was settled."""
    return settled_at if stamped_at > now_ms + DAY_MS and settled_at else stamped_at


def _not_later(stamped_at: int, event_time: int, now_ms: int) -> int:
    """A time on disk; where it lies in the future, by a clock that was wrong then, what the event's own time says.

    Without it a single such row would keep all that came after it for years.
    """
    return stamped_at if stamped_at <= now_ms + DAY_MS else min(stamped_at, event_time * 1000 + _WINDOW_MS)


def _before(now_ms: int, days: float) -> int:
    return now_ms - int(days * DAY_MS)


def _position(engine: Database, what: str) -> int:
    rows = engine.run("select_progress", (what,))
    return int(rows[0][0]) if rows else 0
