"""The worker's side of the store, in memory: the same contract without a disk.

Leases fence, payloads are frozen at the first claim, an expired lease is claimable again. What it leaves out:
durability, consent, folding. Tests of those use the real store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twofold.destinations.contract import Builder
from twofold.event.delivery import Delivery, DeliveryState, Settlement, Suppressed
from twofold.event.model import Event


@dataclass
class Row:
    id: int
    event: Event
    state: DeliveryState = DeliveryState.WAITING
    reason: str = ""
    due_at: int = 0
    lease: int = 0
    attempts: int = 0
    first_attempt_at: int | None = None
    payload: bytes | None = None
    unsure_since: int | None = None


@dataclass
class MemoryOutbox:
    """``clock`` is the worker's. ``rows`` by event id, ``settled`` in order, ``pauses`` as they were made."""

    clock: Callable[[], int]
    rows: dict[str, Row] = field(default_factory=dict)
    settled: list[Settlement] = field(default_factory=list)
    pauses: list[tuple[str, int]] = field(default_factory=list)  # reason, milliseconds from then
    resumed: int = 0
    told: list[tuple[tuple[int, ...], str, str]] = field(default_factory=list)  # what the platform told later
    consent_changes: int = 0
    alone: bool = True
    claims: list[int] = field(default_factory=list)  # the limits asked for, where something was handed out
    _pause: tuple[str, int] | None = None
    _lease: int = 0
    _callbacks: list[Callable[[], None]] = field(default_factory=list)

    def add(self, *events: Event) -> None:
        for event in events:
            assert event.event_id not in self.rows, "the fold makes one action of one key"
            self.rows[event.event_id] = Row(id=len(self.rows) + 1, event=event, due_at=self.clock())
        for callback in self._callbacks:
            callback()

    def states(self) -> dict[str, str]:
        return {key: row.state.value for key, row in self.rows.items()}

    def ids(self, state: DeliveryState) -> set[str]:
        return {key for key, row in self.rows.items() if row.state is state}

    def attempts_of(self, event_id: str) -> list[Settlement]:
        """Settlements that record an answer."""
        return [s for s in self.settled if s.delivery == self.rows[event_id].id and s.outcome]

    @property
    def done(self) -> bool:
        return all(row.state is not DeliveryState.WAITING for row in self.rows.values())

    async def claim(
        self,
        destination: str,
        now_ms: int,
        limit: int,
        lease_ms: int,
        build: Builder,
        max_age_s: Callable[[str], int],
    ) -> list[Delivery]:
        self._lease += 1
        due = [r for r in self.rows.values() if r.state is DeliveryState.WAITING and r.due_at <= now_ms]
        claimed = []
        for row in sorted(due, key=lambda r: r.due_at)[:limit]:
            if self._close(row, now_ms, build, max_age_s):
                continue
            if row.lease > 0:  # it is over, and nobody settled it
                row.unsure_since = row.unsure_since or row.due_at
            row.due_at, row.lease = now_ms + lease_ms, self._lease
            row.first_attempt_at = row.first_attempt_at or now_ms
            claimed.append(self._delivery(destination, row))
        if claimed:
            self.claims.append(limit)
        return claimed

    async def settle(self, settlements: Sequence[Settlement], now_ms: int) -> None:
        rows = {r.id: r for r in self.rows.values()}
        for s in settlements:
            row = rows[s.delivery]
            self.settled.append(s)
            if row.lease != s.lease or row.state is not DeliveryState.WAITING:
                continue
            row.state, row.reason, row.attempts = s.state, s.reason, row.attempts + s.counts
            row.unsure_since = s.unsure_since and (row.unsure_since or s.unsure_since)
            if s.state is DeliveryState.WAITING:
                assert s.due_at is not None, "what waits needs a due time"
                row.due_at, row.lease = s.due_at, -s.lease

    async def unanswered(
        self, destination: str, since_ms: int, after: int
    ) -> tuple[list[tuple[int, int, str]], int | None]:
        told = {d for ids, *_ in self.told for d in ids}
        rows = [(s.delivery, s.started_at, s.note) for s in self.settled if s.outcome == "accepted"]
        found = [r for r in rows if r[2].startswith("later ") and r[1] >= since_ms and r[0] not in told]
        return found[after : after + 2], after + 2 if after + 2 < len(found) else None

    async def note_told(self, deliveries: Sequence[int], state: str, note: str, at_ms: int) -> None:
        self.told.append((tuple(deliveries), state, note))

    async def pause(self, destination: str, reason: str, until_ms: int, now_ms: int) -> None:
        self._pause = (reason, until_ms)
        self.pauses.append((reason, until_ms - now_ms))

    async def resume(self, destination: str, now_ms: int) -> None:
        self._pause = None
        self.resumed += 1

    async def look(self) -> None:
        """Nobody else changes what is here."""

    async def next_due(self, destination: str) -> int | None:
        return min((r.due_at for r in self.rows.values() if r.state is DeliveryState.WAITING), default=None)

    def pause_of(self, destination: str) -> tuple[str, int] | None:
        return self._pause

    def on_enqueued(self, destination: str, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def _close(self, row: Row, now_ms: int, build: Builder, max_age_s: Callable[[str], int]) -> bool:
        if row.payload is None:
            payload = build(row.event)
            if isinstance(payload, Suppressed):
                row.state, row.reason = DeliveryState.SUPPRESSED, payload.reason
                return True
            row.payload = payload
        if row.event.event_time < now_ms // 1000 - max_age_s(row.event.action_source):
            row.state, row.reason = DeliveryState.DEAD, "too_old"
            return True
        return False

    def _delivery(self, destination: str, row: Row) -> Delivery:
        assert row.payload is not None
        return Delivery(
            id=row.id,
            destination=destination,
            dataset=row.event.dataset,
            action=row.id,
            event_name=row.event.event_name,
            event_id=row.event.event_id,
            event_time=row.event.event_time,
            action_source=row.event.action_source,
            attempts=row.attempts,
            first_attempt_at=row.first_attempt_at,
            created_at=0,
            test_event_code=row.event.test_event_code,
            payload=row.payload,
            lease=row.lease,
            unsure_since=row.unsure_since,
        )
