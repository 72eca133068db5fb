"""The outbox's changes, inside the store's transactions: claim and freeze, settle, pause, revive.

An action is folded for the last time when its first payload is frozen: its copies are united (`gates.candidates`), the gates
asked, the bytes built and kept; every attempt sends those. Consent and age are read at every claim. Whose turn it is to claim
while events come is `opened.turns`'.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import starmap
from typing import Any, Protocol

from twofold.errors import RowFailed
from twofold.event.delivery import Builder, Delivery, DeliveryState, Settlement, Suppressed
from twofold.event.model import Event
from twofold.matching.user_data import present_names
from twofold.store.changed.days import ChangedDays
from twofold.store.digests import frozen_digest, row_digest
from twofold.store.engine import Database, NotBeside, id_array
from twofold.store.evidence import Superseded
from twofold.store.gates.candidates import Candidates, ConsentRoute, Due, under_its_id
from twofold.store.gates.contract import Afresh, Candidate, Gate, Held, Recheck
from twofold.store.gates.releases import let_through, prove_released, turn_away
from twofold.store.gates.tellers import Tellers
from twofold.store.gates.values import told_row, with_told
from twofold.store.gates.withdrawals import WITHDRAWN
from twofold.store.peers.claims import Claims, Settlements
from twofold.store.peers.places import ALONE
from twofold.store.peers.revisions import PAUSES, Revisions

log = logging.getLogger("twofold.store")

ALTERED = "altered"
"""Why a delivery is dead of which something stored is not what was written."""

LOOKED_AT = 20_000
"""Attempts that one look at what nobody answered goes through: commits wait no longer than for so many."""

NEAR = 16
"""Actions so near each other are listed as due by one walk, past those between them."""

INTERNAL = "internal"
"""Why one is dead that met a bug when it was claimed."""

Sure = Callable[[int], int]
"""The time that is certain to have come, from the time now; see `clock.TrustedTime`."""

LONGEST_WAIT_MS = (
    6 * 3_600_000 + 60_000
)  # no retry, pause or gate plans further ahead than a gate of orders looks again
LATE_MS = 12 * 3_600_000
"""Bytes of an action that is older are made behind the place up to which retention has emptied bytes, which may be a day ago: it is told
of them by name."""
DOUBT_LOOK_MS = 60_000  # while the clock is doubted, what a gate holds is looked at again this often


def _now_is_sure(now_ms: int) -> int:
    return now_ms


class GatesLike(Protocol):
    """See `gates.sequence`."""

    @property
    def tellers(self) -> Tellers: ...
    @property
    def again(self) -> Sequence[Recheck]: ...
    def again_needed(self) -> bool: ...
    def prepare(self, candidates: Sequence[Candidate]) -> Sequence[Gate]: ...
    def done(self) -> None: ...


class Outbox:
    """``ids`` maps destination names to row ids; ``pauses`` mirrors the paused ones for the loop to read."""

    def __init__(
        self,
        engine: Database,
        routes: Mapping[str, ConsentRoute],
        gates: GatesLike,
        superseded: Superseded,
        changed: ChangedDays,
        now_ms: int,
        longest_hold_ms: int = 0,
        revisions: Revisions | None = None,
    ) -> None:
        self._revisions = revisions or Revisions(engine)
        self._since = now_ms  # when this process began, by its own clock
        self._hold_ms = longest_hold_ms
        self._longest_ms = max(LONGEST_WAIT_MS, longest_hold_ms)
        self._engine = engine
        self.gates = gates
        self._candidates = Candidates(engine, routes, superseded, gates.tellers)
        self._changed = changed
        self.sure: Sure = _now_is_sure
        names = [d for r in routes.values() for d in r.destinations]
        self.ids = self._known_destinations(names)
        self.pauses: dict[str, tuple[str, int]] = {}
        self._read_pauses()
        self._revisions.listen(PAUSES, self._read_pauses)
        place = self._revisions.place
        self._lease = place.lease(place.generation) if not place.alone else self._new_generation(now_ms)
        self._changed_pauses = False
        self.looked_at = 0  # by the last claim
        self._taken: dict[int, list[int]] = {}  # by each destination's last claim, among several processes
        self._claims = Claims(engine)
        self._settled = Settlements()
        self._altered_now = 0  # in this transaction
        self.altered = 0  # deliveries not sent since the start, because what is stored of them was altered
        self._prove_frozen()
        prove_released(engine)

    def claim(
        self,
        destination: str,
        now_ms: int,
        limit: int,
        lease_ms: int,
        build: Builder,
        max_age_s: Callable[[str], int],
    ) -> list[Delivery]:
        """See `Store.claim`. Raises `RowFailed` when something of one of them stops it; see `give_up_next`."""
        self._claims.free(now_ms)
        rows = self._due(self.ids[destination], now_ms, limit)
        self.looked_at = len(rows)
        if not rows:
            return []
        self._changed.actions([r.action for r in rows])
        self._candidates.begin(now_ms)
        self._lease += 1  # a new fence for each claim: a settlement that comes after its lease changes nothing
        closed: list[tuple[Any, ...]] = []
        rows = [
            r
            for r in rows
            if (r.payload is None and r.dataset)
            or not (r.is_altered() and self._closed_as_altered(r.delivery, closed, now_ms))
        ]
        rows = self._candidates.consented(destination, rows, closed, now_ms)
        again = self.gates.again_needed()  # a gate may have changed its mind of what was tried before
        looked_at = [r for r in rows if again or r.payload is None]
        untried, tried, altered = self._candidates.made_of(destination, looked_at, closed, now_ms)
        for delivery_id in altered:
            self._closed_as_altered(delivery_id, closed, now_ms)
        sure_ms = self.sure(now_ms)
        try:
            asked = [candidate for candidate, _ in untried]
            asked += [other for candidate in asked if candidate.others for other in candidate.others]
            gates = self.gates.prepare(asked)
            fresh = self._freeze(untried, gates, build, closed, now_ms, sure_ms)
        finally:
            self.gates.done()
        stopped = self._stopped(tried, closed, now_ms)
        claimed = []
        oldest: dict[str, int] = {}
        for row in rows:
            delivery = fresh.get(row.delivery) if row.payload is None else self._as_before(destination, row)
            if delivery is None or delivery.id in stopped:
                continue  # held, or suppressed and in `closed`
            source = delivery.action_source
            if source not in oldest:
                oldest[source] = sure_ms // 1000 - max_age_s(source)
            if delivery.event_time < oldest[source]:
                closed.append((row.delivery, DeliveryState.DEAD, "too_old", now_ms))
                continue
            claimed.append(delivery)
        self._engine.run_rows("close_deliveries", [(*c, row_digest(*c)) for c in closed])
        if claimed:
            ids = id_array(d.id for d in claimed)
            self._engine.run("lease_deliveries", (now_ms + lease_ms, self._lease, now_ms, ids))
            self._claims.took(self._lease, [d.id for d in claimed])
        return claimed

    def _due(self, destination: int, now_ms: int, limit: int) -> list[Due]:
        """What is due of a destination. Among several processes what another one has at this moment is passed over, and what is
        taken is this transaction's, its action included, before a row of it is read."""
        if self._revisions.alone:
            self._list_as_due(now_ms, limit)
            return list(starmap(Due, self._engine.run("select_due", (destination, now_ms, limit))))
        found = dict(self._engine.run("hold_due", (destination, now_ms, limit)))
        self._taken[destination] = list(found)
        if not found:
            return []
        held = {action for (action,) in self._engine.run("hold_actions", (id_array(set(found.values())),))}
        rows = starmap(Due, self._engine.run("select_held", (id_array(found), now_ms)))
        return [row for row in rows if row.action in held or not row.dataset]  # without one: its action is gone

    def _list_as_due(self, now_ms: int, limit: int) -> None:
        """What was accepted for several destinations is put into the list of each here, and not with its accept, which does not wait
        for it: of as many actions as are claimed at most, for all of their destinations at once."""
        unlisted = sorted(action for (action,) in self._engine.run("unlisted_due", (now_ms, limit)))
        for first, last in _runs(unlisted):
            self._engine.run("list_as_due", (first, last, now_ms))

    def _first_due(self, destination: str, now_ms: int) -> list[tuple[Any, ...]]:
        """The delivery that a claim of a single one has just failed of, if nobody has taken it since."""
        if self._revisions.alone:
            return self._engine.run("next_due_id", (self.ids[destination], now_ms))
        return [
            row
            for d in self._taken[self.ids[destination]][:1]
            for row in self._engine.run("hold_delivery", (d, now_ms))
        ]

    def give_up_next(self, destination: str, now_ms: int, why: RowFailed) -> None:
        """The delivery that a claim of a single one would take cannot be worked on: dead, so that the others go on."""
        for (delivery,) in self._first_due(destination, now_ms):
            self._changed.actions([delivery // 256])
            closed: list[tuple[Any, ...]] = []
            if why.altered:
                self._closed_as_altered(delivery, closed, now_ms)
            else:
                log.critical("delivery %d is not sent: %s; please report it", delivery, why)
                closed.append((delivery, str(DeliveryState.DEAD), INTERNAL, now_ms))
            self._engine.run_rows("close_deliveries", [(*c, row_digest(*c)) for c in closed])

    def settle(self, settlements: Sequence[Settlement], now_ms: int) -> None:
        """See `Store.settle`."""
        self._hold([s.delivery for s in settlements])
        self._changed.actions([s.delivery // 256 for s in settlements])
        rows, attempts = [], []
        for s in settlements:
            settled_at = None if s.state is DeliveryState.WAITING else now_ms
            digest = row_digest(s.delivery, str(s.state), s.reason, settled_at) if settled_at is not None else None
            rows.append((
                s.delivery, s.lease, s.state, s.reason, s.due_at, int(s.counts), settled_at, s.unsure_since, digest,
            ))  # fmt: skip
            if s.outcome:
                attempt = (
                    s.delivery, s.started_at, s.ended_at, str(s.outcome), s.status, s.code,
                    f"{s.state} {s.reason}".strip(), s.note[:300],
                )  # fmt: skip
                attempts.append((*attempt, row_digest(*attempt)))
        doubted = self._settled.took({s.delivery for s in settlements})
        if doubted:
            there = set(self._engine.run("attempts_of", (id_array(doubted),)))
            attempts = [a for a in attempts if a[:4] not in there]
        self._engine.run_rows("settle_deliveries", rows)
        self._engine.run_rows("insert_attempts", attempts)

    def _hold(self, deliveries: Sequence[int]) -> None:
        """Nobody else writes these until the transaction's end. An append that has their actions waits for whoever has them here, and
        this never for it: where somebody has one of them, all is done again with nobody beside it."""
        if self._revisions.beside:
            held = self._engine.run("hold_settled", (id_array(deliveries),))
            if len(held) < len(set(deliveries)):
                raise NotBeside

    def note_told(self, deliveries: Sequence[int], state: str, note: str, at_ms: int) -> None:
        """One more row beside the attempts of each: what the platform told later of the request that they left in."""
        self._changed.actions([d // 256 for d in deliveries])
        rows = [(d, at_ms, at_ms, "told", None, state, "delivered", note[:300]) for d in deliveries]
        self._engine.run_rows("insert_attempts", [(*row, row_digest(*row)) for row in rows])

    def unanswered(self, destination: str, since_ms: int, after: int) -> tuple[list[tuple[int, int, str]], int | None]:
        """Delivery, time and note of attempts that were taken since then, and of whose request nothing was told later: of a stretch
        of attempts after one, and the last of that stretch; None where it was the end."""
        last = self._engine.run("last_attempt")[0][0]
        end = min(after + LOOKED_AT, last)
        rows = self._engine.run("select_unanswered", (self.ids[destination], since_ms, after, end))
        return rows, end if end < last else None

    def pause(self, destination: str, reason: str | None, until_ms: int | None, now_ms: int) -> None:
        """Pauses with a reason, or ends the pause without one."""
        self._engine.run("pause_destination", (self.ids[destination], reason, until_ms, now_ms))
        self._revisions.raise_(PAUSES)
        self._changed_pauses = True

    def next_due(self, destination: str) -> int | None:
        """See `Store.next_due`."""
        due: int | None = self._engine.run("next_due", (self.ids[destination],))[0][0]
        return due

    def shift(self, before_ms: int, after_ms: int) -> None:
        """The time has moved: what was planned by the time before is planned by the time after."""
        self._engine.run("shift_created", (before_ms, after_ms))
        self._engine.run("shift_deliveries", (before_ms, after_ms, self._since))
        self._engine.run("shift_pauses", (before_ms, after_ms))
        self._since += after_ms - before_ms
        self.replan(after_ms)

    def replan(self, now_ms: int) -> None:
        """By a clock that is believed: nothing waits for a time that an earlier, wrong one said."""
        for name in ("replan_created", "replan_deliveries"):  # times first: they are found by the plan
            self._engine.run(name, (now_ms, self._longest_ms, self._hold_ms))
        self._engine.run("replan_pauses", (now_ms, self._longest_ms))
        self._changed_pauses = True

    def revive(self, deliveries: Sequence[int], now_ms: int) -> int:
        """See `Store.revive`."""
        self._changed.actions([d // 256 for d in deliveries])
        self._engine.run("revive_all", (now_ms, id_array(deliveries)))
        return self._engine.changes()

    def judge_kept_back(self, act: str, deliveries: Sequence[int], now_ms: int) -> int:
        """See `Store.judge_kept_back`."""
        self._changed.actions([d // 256 for d in deliveries])
        return (let_through if act == "release" else turn_away)(self._engine, deliveries, now_ms)

    def committed(self) -> None:
        self.altered, self._altered_now = self.altered + self._altered_now, 0
        self._claims.committed()
        self._settled.committed()
        if self._changed_pauses:
            self._read_pauses()

    def reread(self) -> None:
        """After a lost connection: whether a pause was written nobody here knows."""
        self.rolled_back()
        self._read_pauses()

    def rolled_back(self) -> None:
        self._altered_now = 0
        self._changed_pauses = False
        self._claims.rolled_back()
        self._settled.rolled_back()

    def _closed_as_altered(self, delivery: int, closed: list[tuple[Any, ...]], now_ms: int) -> bool:
        """What is not what was journalled or frozen is never sent."""
        log.critical("delivery %d is not sent: what is stored of it is not what was written", delivery)
        self._altered_now += 1
        closed.append((delivery, str(DeliveryState.DEAD), ALTERED, now_ms))
        return True

    def _stopped(self, candidates: Sequence[Candidate], closed: list[tuple[Any, ...]], now_ms: int) -> set[int]:
        """Deliveries tried before that must not be tried again."""
        stopped = set()
        afresh: list[int] = []
        for candidate in candidates:
            answer = next((a for gate in self.gates.again if (a := gate(candidate, now_ms)) is not None), None)
            if (candidate.stale and answer is None) or (candidate.others and answer == Suppressed(WITHDRAWN)):
                answer = Afresh()  # another browser may be told of, with its own data
            if isinstance(answer, Afresh):  # due as before, and claimed next with nothing frozen
                afresh.append(candidate.delivery)
                stopped.add(candidate.delivery)
            if isinstance(answer, Suppressed):
                closed.append((candidate.delivery, DeliveryState.SUPPRESSED, answer.reason, now_ms))
                stopped.add(candidate.delivery)
        if afresh:
            self._engine.run("unfreeze", (id_array(afresh),))
        return stopped

    def _freeze(
        self,
        candidates: Sequence[tuple[Candidate, Due]],
        gates: Sequence[Gate],
        build: Builder,
        closed: list[tuple[Any, ...]],
        now_ms: int,
        sure_ms: int,
    ) -> dict[int, Delivery]:
        """Builds and keeps the payloads of deliveries claimed for the first time, if the gates let them pass."""
        fresh: dict[int, Delivery] = {}
        rows: list[tuple[Any, ...]] = []
        fixed: list[tuple[Any, ...]] = []
        sealed: list[int] = []
        held: list[tuple[int, int, str]] = []
        told: list[tuple[Any, ...]] = []
        for candidate, row in candidates:
            event, payload = _judged(candidate, gates, build, sure_ms)
            if candidate.others and isinstance(payload, Suppressed):
                candidate, event, payload = _by_turns(candidate, payload, gates, build, sure_ms)
            if isinstance(payload, Held):
                again = now_ms + (1 if sure_ms == now_ms else DOUBT_LOOK_MS)
                held.append((candidate.delivery, max(payload.until, again), payload.reason))
                continue
            if isinstance(payload, Suppressed):
                closed.append((candidate.delivery, DeliveryState.SUPPRESSED, payload.reason, now_ms))
                continue
            if candidate.told is not None:
                told.append(told_row(row.delivery, candidate.told))
            stitched = candidate.stitched
            delivery, event_id = row.delivery, event.event_id
            fixed_now = (event_id, event.event_time, event.action_source, event.test_event_code)
            fresh[delivery] = self._delivery(candidate.destination, row, *fixed_now, payload)
            rows.append((
                delivery, *fixed_now, payload,
                _as_text(present_names(event.user_data)),
                candidate.consent,
                _marks_of(candidate) if candidate.marks or candidate.claims else "",
                ",".join(f"{key}={where}" for key, where in stitched.items()) if stitched else "",
                frozen_digest(delivery, fixed_now, payload),
            ))  # fmt: skip
            data = event.custom_data
            money = None if data.value is None else str(data.value)
            if (
                event_id != row.sent_as
                or money != row.value
                or data.currency != row.currency
                or data.order_id != row.order_id
            ):  # of one copy the action says the same already
                fixed.append((row.action, event_id, money, data.currency, data.order_id))
            sealed.append(row.action)
        self._engine.run_rows("hold_deliveries", held)
        self._engine.run_rows("insert_frozen", rows)
        late = [c for c, _ in candidates if c.delivery in fresh and abs(now_ms - c.created_at) > LATE_MS]
        self._engine.run_rows("retention_pass_over", [("payload", c.delivery) for c in late])
        self._engine.run_rows("keep_told_values", told)
        self._engine.run_rows("fix_actions", fixed)
        if sealed:
            self._engine.run("seal_actions", (now_ms, id_array(sealed)))
        return fresh

    def _as_before(self, destination: str, row: Due) -> Delivery:
        """What was frozen at an earlier claim."""
        frozen = (row.event_id, row.event_time, row.action_source, row.test_event_code, row.payload)
        return self._delivery(destination, row, *frozen)  # type: ignore[arg-type]

    def _delivery(
        self,
        destination: str,
        row: Due,
        event_id: str,
        event_time: int,
        action_source: str,
        test_event_code: str | None,
        payload: bytes,
    ) -> Delivery:
        return Delivery(
            id=row.delivery,
            destination=destination,
            dataset=row.dataset,
            action=row.action,
            event_name=row.event_name,
            event_id=event_id,
            event_time=event_time,
            action_source=action_source,
            attempts=row.attempts,
            first_attempt_at=row.first_attempt_at,
            created_at=row.created_at,
            unsure_since=row.unsure_since,
            test_event_code=test_event_code,
            payload=payload,
            lease=self._lease,
        )

    def _known_destinations(self, names: Sequence[str]) -> dict[str, int]:
        """Row ids of all configured destinations; new names are added. A removed name keeps its id."""
        known = {name: n for n, name in self._engine.run("select_destinations")}
        for name in names:
            while name not in known:  # another process may take the same number for another name
                self._engine.run("insert_destination", (max(known.values(), default=0) + 1, name))
                known = {name: n for n, name in self._engine.run("select_destinations")}
        return known

    def _read_pauses(self) -> None:
        rows = self._engine.run("select_pauses")
        self.pauses = {name: (reason, until) for name, reason, until in rows}
        self._changed_pauses = False

    def _prove_frozen(self) -> None:
        """Once for a folder of an older version: what waits with frozen bytes is held against a digest from here on."""
        if self._engine.run("select_meta", ("digests",)):
            return
        with self._engine.transaction():
            rows = self._engine.run("select_frozen_unproved")
            self._engine.run_rows("prove_frozen", [(r[0], frozen_digest(r[0], r[1:5], r[5])) for r in rows])
            self._engine.run("put_meta", ("digests", "kept"))

    def _new_generation(self, now_ms: int) -> int:
        """A fencing number no earlier process has used; voids the leases of whoever held the folder before. Where it is not
        one process's alone, `take_place` does both."""
        rows = self._engine.run("select_meta", ("generation",))
        generation = int(rows[0][0]) + 1 if rows else 1
        with self._engine.transaction():
            self._engine.run("put_meta", ("generation", str(generation)))
            self._engine.run("void_leases", (now_ms, *ALONE.leases()))
        return ALONE.lease(generation)


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of each stretch of rising numbers that lie near each other: what came together is mostly due together."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number - found[-1][1] <= NEAR:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _judged(
    candidate: Candidate, gates: Sequence[Gate], build: Builder, sure_ms: int
) -> tuple[Event, bytes | Suppressed | Held]:
    """What the gates, the first of them that has an answer, and the destination say to a candidate."""
    answer = None
    for gate in gates:
        answer = gate(candidate, sure_ms)
        if answer is not None:
            return candidate.event, answer
    event = under_its_id(candidate) if candidate.left_as else candidate.event
    return event, build(with_told(event, candidate.told))


def _by_turns(
    first: Candidate, why: Suppressed, gates: Sequence[Gate], build: Builder, sure_ms: int
) -> tuple[Candidate, Event, bytes | Suppressed | Held]:
    """Where a browser may not be told of, the next that names the order; ``why`` not is the first one's, where none may."""
    for candidate in first.others:
        event, payload = _judged(candidate, gates, build, sure_ms)
        if not isinstance(payload, Suppressed):
            return candidate, event, payload
    return first, first.event, why


@lru_cache(maxsize=512)
def _as_text(keys: tuple[str, ...]) -> str:
    """The names of match keys as kept beside the bytes."""
    return ",".join(sorted(keys))


def _marks_of(candidate: Candidate) -> str:
    return ",".join([*candidate.marks, *([f"claims:{len(candidate.claims)}"] if candidate.claims else [])])
