"""One worker for each destination: claim, send, settle.

Owns the loop, the requests in flight and the halving of refused ones. What an answer means is the
destination's to say, what is done about it is decided in `retry`, and what survives is in the outbox.

Sending twice is normal, and two crashes make it happen: one between the answer and its settling, and one that
loses an answer on the way. Both times the lease runs out and the same bytes go again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from twofold.clock import Clock
from twofold.deliver.metrics import DeliverMetrics
from twofold.deliver.redact import redact
from twofold.deliver.retry import (
    NOT_ABOUT_EVENTS,
    UNKNOWN_FATE,
    Decision,
    Pause,
    Policy,
    Refusals,
    company,
    decide,
    max_age_s,
    pause_for,
    refusing,
    repeat_deadline_ms,
)
from twofold.deliver.sender import Sender
from twofold.destinations.contract import Builder, Destination, Outcome, Target, Verdict
from twofold.errors import StoreBusy, StoreFull
from twofold.store.outbox import Delivery, DeliveryState, Settlement

IN_FLIGHT = 4  # requests of one destination at once
LEASE_MS = 300_000  # what a crash costs at most before others may claim; a restart voids leases at once
IDLE_S = 5.0  # an idle worker looks again this often, for deliveries revived by another process
SOON_S = 0.01  # the shortest wait, so that no mistake in a due time becomes a busy loop
STORE_RETRY_S = 1.0  # while the store is full or busy
GRACE_S = 5.0  # what running requests get to end by themselves when the worker stops

log = logging.getLogger(__name__)


class Outbox(Protocol):
    """What a worker needs of the store. Every awaitable is durable before it returns."""

    async def claim(
        self,
        destination: str,
        now_ms: int,
        limit: int,
        lease_ms: int,
        build: Builder,
        max_age_s: Callable[[str], int],
    ) -> list[Delivery]: ...

    async def settle(self, settlements: Sequence[Settlement], now_ms: int) -> None: ...

    async def pause(self, destination: str, reason: str, until_ms: int, now_ms: int) -> None: ...

    async def resume(self, destination: str, now_ms: int) -> None: ...

    async def next_due(self, destination: str) -> int | None: ...

    def pause_of(self, destination: str) -> tuple[str, int] | None: ...

    def on_enqueued(self, destination: str, callback: Callable[[], None]) -> None: ...


class DeliveryTarget(Target, Protocol):
    """The fields of `config.DestinationSettings` that a worker reads besides those of the platform."""

    @property
    def name(self) -> str: ...
    @property
    def test_event_code(self) -> str: ...
    @property
    def batch(self) -> int: ...
    @property
    def timeout_s(self) -> float: ...


class Batch(Struct, frozen=True, kw_only=True):
    """Deliveries for one request. ``lease_end`` is on the loop's clock, seconds."""

    deliveries: tuple[Delivery, ...]
    test_event_code: str | None
    lease_end: float

    def halves(self) -> tuple[Batch, Batch]:
        middle = len(self.deliveries) // 2
        return self._with(self.deliveries[:middle]), self._with(self.deliveries[middle:])

    def _with(self, deliveries: tuple[Delivery, ...]) -> Batch:
        return Batch(deliveries=deliveries, test_event_code=self.test_event_code, lease_end=self.lease_end)


class Attempt(Struct, frozen=True, kw_only=True):
    """One request and its verdict. ``episode``: how many pauses there had been when it was started."""

    verdict: Verdict
    status: int | None
    started_at: int  # ms
    ended_at: int  # ms
    episode: int


class Worker:
    """Delivers what the outbox holds for one destination until stopped.

    ``chance`` gives numbers from 0 up to 1 for jitter; ``sender`` is opened and closed by `run`.
    """

    def __init__(
        self,
        *,
        destination: Destination,
        target: DeliveryTarget,
        outbox: Outbox,
        clock: Clock,
        metrics: DeliverMetrics,
        policy: Policy | None = None,
        chance: Callable[[], float] = random.random,
        sender: Sender | None = None,
    ) -> None:
        self._destination = destination
        self._target = target
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._policy = policy or Policy()
        self._chance = chance
        self._sender = sender or Sender(connections=IN_FLIGHT, timeout_s=target.timeout_s)
        self._name = target.name
        self._batch = min(target.batch, destination.limits.batch)
        self._max_age_s = partial(max_age_s, limits=destination.limits, policy=self._policy)
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._leased: set[int] = set()  # in the hands of a task; never claimed into a second one
        self._unsure: set[int] = set()  # deliveries with an attempt of unknown fate
        self._failures = 0  # how often in a row the destination was unwell
        self._episode = 0  # pauses so far; an answer to a request from before the last one is old news
        self._refusals = Refusals(self._policy)
        self._broken: BaseException | None = None

    async def run(self) -> None:
        """Claims and delivers until `stop`. Raises what the store raises when it can no longer be relied on."""
        self._outbox.on_enqueued(self._name, self._wake.set)
        async with self._sender:
            try:
                while not self._stopping:
                    self._wake.clear()
                    limit = self._room()
                    claimed = await self._claim(limit) if limit else []
                    for batch in self._batches(claimed):
                        self._start(batch)
                    if not claimed:
                        await self._rest(limit)
            finally:
                await self._wind_up()
        if self._broken is not None:
            raise self._broken

    async def stop(self) -> None:
        """Asks `run` to end: running requests get 5 s, all else is handed back. Returns at once."""
        self._stopping = True
        self._wake.set()

    # -- claim

    def _room(self) -> int:
        """How many deliveries may be claimed now; 0 while paused or while all slots are busy."""
        pause = self._outbox.pause_of(self._name)
        if pause is None:
            return 0 if len(self._tasks) >= IN_FLIGHT else self._batch
        if pause[1] > self._clock() or self._tasks:
            return 0
        # The pause is over but nothing says that the destination is well: one request shows it.
        unwell = self._failures > 0 and self._failures < self._policy.patience
        return self._batch if unwell else 1

    async def _claim(self, limit: int) -> list[Delivery]:
        try:
            claimed = await self._outbox.claim(
                self._name, self._clock(), limit, LEASE_MS, self._destination.build, self._max_age_s
            )
        except (StoreFull, StoreBusy):
            await self._pause_loop(STORE_RETRY_S)
            return []
        # A lease that ran out under a request still open: the new one runs out too, and then it is free.
        fresh = [d for d in claimed if d.id not in self._leased]
        return await self._drop_unrepeatable(fresh)

    async def _drop_unrepeatable(self, claimed: list[Delivery]) -> list[Delivery]:
        """Deliveries of unknown fate whose repeat would count twice by now are given up instead of sent."""
        now = self._clock()
        late = [
            d
            for d in claimed
            if d.id in self._unsure and repeat_deadline_ms(d, now, self._destination.limits, self._policy) <= now
        ]
        if late:
            given_up = Decision(state=DeliveryState.DEAD, reason="ambiguous", counts=False)
            await self._settle([self._settlement(d, given_up) for d in late])
        return [d for d in claimed if d not in late] if late else claimed

    def _batches(self, claimed: Iterable[Delivery]) -> list[Batch]:
        """One request's worth each: same test code, similar history, within the platform's limits."""
        groups: dict[tuple[str | None, int], list[Delivery]] = defaultdict(list)
        for d in claimed:
            code = d.test_event_code or self._target.test_event_code or None
            groups[code, company(d.attempts, self._batch, self._policy)].append(d)
        lease_end = asyncio.get_running_loop().time() + LEASE_MS / 1000
        return [
            Batch(deliveries=tuple(part), test_event_code=code, lease_end=lease_end)
            for (code, size), deliveries in groups.items()
            for part in _portions(deliveries, size, self._destination.limits.request_bytes)
        ]

    # -- send

    def _start(self, batch: Batch) -> None:
        self._leased.update(d.id for d in batch.deliveries)
        task = asyncio.create_task(self._deliver(batch), name=f"deliver {self._name}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, batch))

    def _ended(self, batch: Batch, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._leased.difference_update(d.id for d in batch.deliveries)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()
            self._stopping = True

    async def _deliver(self, batch: Batch) -> None:
        """One request; and when it is refused for one event of many, its halves, until the guilty are alone.

        Breadth first: large halves that are fine go out early. Each part is settled as soon as its fate is
        known, so a crash repeats only what was not.
        """
        parts = deque([batch])
        taken, refused = False, 0
        while parts:
            part = parts.popleft()
            async with self._slots:
                if self._must_yield(part):
                    await self._hand_back([part, *parts])
                    return
                attempt = await self._attempt(part)
            halves = await self._conclude(part, attempt)
            taken = taken or attempt.verdict.outcome is Outcome.ACCEPTED
            refused += attempt.verdict.outcome is Outcome.INVALID and not halves
            if part is batch and await self._counted_as_too_many(attempt):
                halves = await self._hand_back(halves)
            elif parts and not taken and refused >= self._policy.hopeless:
                await self._pause(refusing(self._clock(), self._policy), attempt.episode)
            parts.extend(halves)

    def _must_yield(self, part: Batch) -> bool:
        """True when a part may not be sent now: stopping, paused meanwhile, or too near the end of its lease."""
        pause = self._outbox.pause_of(self._name)
        paused = pause is not None and pause[1] > self._clock()
        short = part.lease_end - asyncio.get_running_loop().time() < 2 * self._target.timeout_s
        return self._stopping or paused or short

    async def _attempt(self, part: Batch) -> Attempt:
        payloads = [d.payload for d in part.deliveries]
        request = self._destination.request(payloads, self._target, part.test_event_code)
        episode, started_at, began = self._episode, self._clock(), time.monotonic()
        with self._metrics.in_flight.labels(self._name).track_inprogress():
            answer = await self._sender.send(request)
        verdict = self._destination.classify(answer, len(payloads))
        self._metrics.request_seconds.labels(self._name).observe(time.monotonic() - began)
        self._metrics.requests.labels(self._name, verdict.outcome.value).inc()
        return Attempt(
            verdict=verdict, status=answer.status, started_at=started_at, ended_at=self._clock(), episode=episode
        )

    # -- settle

    async def _conclude(self, part: Batch, attempt: Attempt) -> tuple[Batch, ...]:
        """Settles what the answer decided and returns the halves still to be asked about."""
        decided = self._decide(part, attempt)
        if any(decision.state is None for _, decision in decided):
            await self._listen(attempt)
            return part.halves()
        self._remember(decided, attempt)
        await self._settle([self._settlement(d, decision, attempt) for d, decision in decided])
        await self._listen(attempt)
        return ()

    def _decide(self, part: Batch, attempt: Attempt) -> list[tuple[Delivery, Decision]]:
        # One draw for the whole request: what failed together comes back together, as one request.
        chance = self._chance()
        return [
            (
                d,
                decide(
                    attempt.verdict,
                    d,
                    alone=len(part.deliveries) == 1,
                    unsure=d.id in self._unsure,
                    now_ms=attempt.ended_at,
                    chance=chance,
                    limits=self._destination.limits,
                    policy=self._policy,
                ),
            )
            for d in part.deliveries
        ]

    def _remember(self, decided: Iterable[tuple[Delivery, Decision]], attempt: Attempt) -> None:
        """Keeps in mind whose fate is unknown, for as long as they wait."""
        for d, decision in decided:
            if decision.state is not DeliveryState.WAITING:
                self._unsure.discard(d.id)
            elif attempt.verdict.outcome in UNKNOWN_FATE:
                self._unsure.add(d.id)

    def _settlement(self, d: Delivery, decision: Decision, attempt: Attempt | None = None) -> Settlement:
        assert decision.state is not None, "a request still to be halved is not settled"
        settlement = Settlement(
            delivery=d.id,
            lease=d.lease,
            state=decision.state,
            reason=decision.reason,
            due_at=decision.due_at,
            counts=decision.counts,
        )
        if attempt is None:
            return settlement
        return Settlement(
            **{f: getattr(settlement, f) for f in ("delivery", "lease", "state", "reason", "due_at", "counts")},
            outcome=attempt.verdict.outcome.value,
            status=attempt.status,
            code=attempt.verdict.code,
            note=redact(attempt.verdict.note, self._target.token, self._target.app_secret),
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
        )
