"""One worker for each destination: claim, send, settle.

Owns the loop, the requests in flight and the halving of refused ones. What an answer means is the destination's to say, what is
done about it is decided in `retry`, whether the destination is left alone in `health`, and what survives is in the outbox.

Sending twice is normal, and two crashes make it happen: one between the answer and its settling, and one that
loses an answer on the way. Both times the lease runs out and the same bytes go again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from twofold.clock import Clock
from twofold.deliver.access import Access
from twofold.deliver.batches import Attempt, Batch, portions, refused_alone
from twofold.deliver.contract import STORE_RETRY_S, DeliveryTarget, Outbox
from twofold.deliver.health import Health
from twofold.deliver.metrics import DeliverMetrics
from twofold.deliver.retry import (
    HALVE,
    UNKNOWN,
    UNKNOWN_FATE,
    Decision,
    Policy,
    company,
    decide,
    max_age_s,
    repeat_deadline_ms,
)
from twofold.deliver.sender import Sender
from twofold.deliver.told import ToldLater
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, Destination, PlatformAnswer, Suppressed
from twofold.destinations.terms import builder_of, terms_of
from twofold.errors import StoreBusy, StoreFull
from twofold.event.delivery import Delivery, DeliveryState, Settlement
from twofold.event.model import Event

IN_FLIGHT = 4  # requests of one destination at once
LEASE_MS = 300_000  # what a crash costs at most before others may claim; a restart voids leases at once
IDLE_S = 5.0  # an idle worker looks again this often, for deliveries revived by another process
AMONG_OTHERS_S = 1.0  # and this often where other processes enqueue, whose commits wake nobody here
SOON_S = 0.01  # the shortest wait, so that no mistake in a due time becomes a busy loop
DOUBT_LOOK_MS = 60_000  # while the clock is doubted, what it would give up is looked at again this often
GRACE_S = 5.0  # what running requests get to end by themselves when the worker stops

NO_RECORD: Mapping[str, Any] = MappingProxyType({})  # nothing was sent
GIVEN_UP = Decision(state=DeliveryState.DEAD, reason="ambiguous", counts=False)

log = logging.getLogger(__name__)


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
        sure: Callable[[int], int] = lambda now_ms: now_ms,
        policy: Policy | None = None,
        chance: Callable[[], float] = random.random,
        sender: Sender | None = None,
        withheld: Mapping[str, frozenset[str]] = MappingProxyType({}),
    ) -> None:
        """``withheld``: properties that leave for no platform, by event name."""
        self._withheld = withheld
        self._destination = destination
        self._outbox = outbox
        self._clock = clock
        self._sure = sure  # the time that is certain to have come: nothing is given up by another
        self._metrics = metrics
        self._policy = policy or Policy()
        self._chance = chance
        self._sender = sender or Sender(connections=IN_FLIGHT, timeout_s=target.timeout_s)
        self._name = target.name
        self._terms = terms_of(destination, target, withheld)
        self._build_one = builder_of(destination, self._terms)
        self._max_age_s = partial(max_age_s, limits=destination.limits, policy=self._policy)
        self._access = Access(destination, target, self._sender, clock)
        self._told = self._told_later()
        self._health = Health(
            self._name, outbox=outbox, clock=clock, metrics=metrics, policy=self._policy, chance=chance,
            batch=min(target.batch, destination.limits.batch), insist=self._insist, is_stopping=self._is_stopping,
        )  # fmt: skip
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._leased: dict[int, Batch] = {}  # in the hands of a task with this batch; never given to a second one
        self._renewed: dict[int, int] = {}  # delivery in such hands -> the lease that it was claimed under meanwhile
        self._unsure: dict[int, int] = {}  # delivery -> start (ms) of its first attempt of unknown fate, as stored
        self._suspects: set[int] = set()  # refused alone, with a code nobody knows: tried alone from now on
        self._broken: BaseException | None = None

    def retarget(self, target: DeliveryTarget) -> None:
        """The same destination with another token or address, from the next request on."""
        self._access.retarget(target)
        self._terms = terms_of(self._destination, target, self._withheld)
        self._build_one = builder_of(self._destination, self._terms)

    async def run(self) -> None:
        """Claims and delivers until `stop`. Raises what the store raises when it can no longer be relied on."""
        self._outbox.on_enqueued(self._name, self._hear)
        async with self._sender:
            told = asyncio.create_task(self._told.run(), name=f"results {self._name}") if self._told else None
            try:
                while not self._stopping:
                    self._wake.clear()
                    limit = self._room()
                    consent = self._outbox.consent_changes
                    claimed = await self._claim(limit) if limit else []
                    for batch in self._batches(claimed, consent):
                        self._start(batch)
                    if not claimed:
                        await self._rest(limit)
            finally:
                if told is not None:
                    told.cancel()
                    await asyncio.gather(told, return_exceptions=True)
                await self._wind_up()
        if self._broken is not None:
            raise self._broken

    def _hear(self) -> None:
        """There may be work: after every commit, so a paused worker does not even look up."""
        if not self._health.is_paused():
            self._wake.set()

    def look(self) -> None:
        """Looks at once for what became due: a clock that somebody moves wakes nobody by itself."""
        self._wake.set()

    def stop(self) -> None:
        """Asks `run` to end within 10 s: running requests get half of that, all else is handed back."""
        self._stopping = True
        self._wake.set()

    @property
    def busy(self) -> int:
        """Claimed batches under way, at most as many as requests may be in flight and a few groups more."""
        return len(self._tasks)

    def _is_stopping(self) -> bool:
        return self._stopping

    def _told_later(self) -> ToldLater | None:
        """Who asks what became of requests, where the platform tells it."""
        later = self._destination.later
        if later is None:
            return None
        return ToldLater(
            later, self._name, outbox=self._outbox, access=self._access, sender=self._sender, clock=self._clock,
            is_stopping=self._is_stopping,
        )  # fmt: skip

    # -- claim

    def _room(self) -> int:
        """How many deliveries may be claimed now; 0 while paused or while all slots are busy."""
        most = min(self._health.batch, self._health.offered)
        if self._health.is_well():
            return 0 if len(self._tasks) >= IN_FLIGHT else most
        if self._health.is_paused() or self._tasks:
            return 0
        # The pause is over, but whether the destination is well is for one request to find out. After a single
        # hiccup that may be a full one, so that flapping costs no extra requests.
        return most if self._health.had_a_hiccup() else 1

    async def _claim(self, limit: int) -> list[Delivery]:
        try:
            claimed = await self._outbox.claim(self._name, self._clock(), limit, LEASE_MS, self._build, self._max_age_s)
        except (StoreFull, StoreBusy):
            await asyncio.sleep(STORE_RETRY_S)
            return []
        # Of what is in hand it is known here what was sent, whenever its lease ended.
        self._unsure |= {
            d.id: d.unsure_since for d in claimed if d.unsure_since is not None and d.id not in self._leased
        }
        # A lease that ran out under a request still open, or under an answer that a full disk did not take, is not sent twice:
        # what became of it is settled under the new one.
        self._renewed |= {d.id: d.lease for d in claimed if d.id in self._leased}
        return await self._without_unrepeatable([d for d in claimed if d.id not in self._leased])

    def _build(self, event: Event) -> bytes | Suppressed:
        """Runs on the store's thread. An event that meets a bug is held back alone; the claim goes on."""
        try:
            return self._build_one(event)
        except Exception as err:
            log.error("destination %s: build raised %s; please report it", self._name, type(err).__name__)
            return Suppressed("internal")

    async def _without_unrepeatable(self, claimed: list[Delivery]) -> list[Delivery]:
        """Gives up the deliveries of unknown fate whose repeat would count twice by now."""
        late = [d for d in claimed if d.id in self._unsure and self._clock() >= self._repeat_deadline_ms(d)]
        if not late:
            return claimed
        sure_ms = self._sure(self._clock())
        doubtful = [d for d in late if sure_ms < self._repeat_deadline_ms(d)]
        if doubtful:  # by a clock that nobody believes: neither given up nor sent
            again = Decision(state=DeliveryState.WAITING, due_at=self._clock() + DOUBT_LOOK_MS, counts=False)
            await self._settle([self._settlement(d, again) for d in doubtful])
        given_up = [self._settlement(d, GIVEN_UP) for d in late if d not in doubtful]
        await self._settle(given_up)
        if given_up:  # some of them have no attempt's row: their process was gone before it knew of one
            log.warning(
                "destination %s: gave up %d that may have arrived and would count twice by now; see twofold deliveries --state dead",
                self._name,
                len(given_up),
            )
        return [d for d in claimed if d not in late]

    def _repeat_deadline_ms(self, d: Delivery) -> int:
        limits = self._destination.limits
        return repeat_deadline_ms(self._unsure[d.id], d, limits, self._policy, self._repeat_s(d))

    def _repeat_s(self, d: Delivery) -> int | None:
        """How long a repeat is recognised, where it is the event's own bytes that say so."""
        return self._destination.repeat_s(d.payload) if self._destination.repeat_s else None

    def _batches(self, claimed: Iterable[Delivery], consent: int) -> list[Batch]:
        """One request's worth each: same test code, similar history, what the platform says once a request, within its limits."""
        groups: dict[tuple[str | None, int, bytes], list[Delivery]] = defaultdict(list)
        group_of = self._destination.group
        for d in claimed:
            code = d.test_event_code or self._access.target.test_event_code or None
            size = 1 if d.id in self._suspects else company(d.attempts, self._health.batch, self._policy)
            groups[code, size, group_of(d.payload) if group_of else b""].append(d)
        lease_end = asyncio.get_running_loop().time() + LEASE_MS / 1000
        return [
            Batch(deliveries=part, test_event_code=code, lease_end=lease_end, consent=consent)
            for (code, size, _), deliveries in groups.items()
            for part in portions(deliveries, size, self._destination.limits.request_bytes)
        ]

    async def _rest(self, limit: int) -> None:
        """Waits for news, but no longer than until something is due or a pause ends."""
        longest = IDLE_S if self._outbox.alone else AMONG_OTHERS_S * (0.75 + self._chance() / 2)
        seconds = longest
        if limit:
            with contextlib.suppress(StoreBusy, StoreFull):
                due = await self._outbox.next_due(self._name)
                seconds = longest if due is None else (due - self._clock()) / 1000
        elif not self._tasks:
            pause = self._outbox.pause_of(self._name)
            seconds = (pause[1] - self._clock()) / 1000 if pause else SOON_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, SOON_S), longest)):
                await self._wake.wait()

    # -- send

    def _start(self, batch: Batch) -> None:
        self._leased |= dict.fromkeys((d.id for d in batch.deliveries), batch)
        task = asyncio.create_task(self._deliver(batch), name=f"deliver {self._name}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, batch))

    def _ended(self, batch: Batch, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._let_go(d.id for d in batch.deliveries if self._leased.get(d.id) is batch)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()
            self._stopping = True

    async def _deliver(self, batch: Batch) -> None:
        """One request; and when it is refused for one event of many, its halves, until the guilty are alone.

        Breadth first, so that large halves that are fine go out early. Each part is settled as soon as its fate
        is known, so a crash repeats only what was not.
        """
        parts = deque([batch])
        taken, refused, renewed = False, 0, False
        while parts:
            part = parts.popleft()
            async with self._slots:
                target = await self._access.granted()
                if not await self._looked() or self._must_yield(part):
                    return await self._hand_back([part, *parts])
                attempt = await self._attempt(part, target)
            if attempt.status == 401 and not renewed and self._access.is_stale(target):
                renewed = True  # a token that ended early: one more time with a new one, and no attempt is counted
                parts.appendleft(part)
                continue
            halves = await self._conclude(part, attempt)
            parts.extend(halves)
            taken = taken or attempt.verdict.outcome is AnswerOutcome.ACCEPTED
            refused += attempt.verdict.outcome is AnswerOutcome.INVALID and not halves
            if await self._health.knows_not(attempt):
                return await self._hand_back(parts)
            hopeless = bool(parts) and not taken and refused >= self._policy.hopeless
            if hopeless or (part is batch and self._health.is_one_too_many(attempt)):
                await self._health.pause_refusing(attempt.episode)
                # Suspects wait longer than what comes after them, so that a probe meets somebody else.
                return await self._hand_back(parts, self._policy.refusal_window_ms)
        return None

    async def _looked(self) -> bool:
        """What other processes have changed is known here; False where the store is full or busy."""
        try:
            await self._outbox.look()
        except (StoreFull, StoreBusy):
            return False
        return True

    def _must_yield(self, part: Batch) -> bool:
        """True when a part may not be sent now: stopping, paused meanwhile, too near the end of its lease, or when somebody
        has withdrawn consent since it was claimed. From here to the written request nothing waits."""
        if part.consent != self._outbox.consent_changes:
            return True
        left_s = part.lease_end - asyncio.get_running_loop().time()
        return self._stopping or self._health.is_paused() or left_s < 2 * self._access.target.timeout_s

    async def _attempt(self, part: Batch, target: DeliveryTarget | AnswerVerdict) -> Attempt:
        if isinstance(target, AnswerVerdict):
            now = self._clock()
            return Attempt(verdict=target, status=None, started_at=now, ended_at=now, episode=self._health.episode)
        payloads = [d.payload for d in part.deliveries]
        request = self._destination.request(payloads, target, part.test_event_code)
        episode, started_at, began = self._health.episode, self._clock(), time.monotonic()
        if self._destination.sign is not None:
            request = self._destination.sign(request, target, started_at)
        with self._metrics.in_flight.labels(self._name).track_inprogress():
            answer = await self._sender.send(request)
        verdict = self._judge(answer, len(payloads))
        self._metrics.request_seconds.labels(self._name).observe(time.monotonic() - began)
        self._metrics.requests.labels(self._name, verdict.outcome.value).inc()
        return Attempt(
            verdict=verdict, status=answer.status, started_at=started_at, ended_at=self._clock(), episode=episode
        )

    def _judge(self, answer: PlatformAnswer, sent: int) -> AnswerVerdict:
        try:
            return self._destination.classify(answer, sent)
        except Exception as err:
            # A bug met by an answer nobody foresaw. The request is out, so its fate is unknown. Only the type is
            # logged: the text may quote the answer.
            log.error("destination %s: classify raised %s; please report it", self._name, type(err).__name__)
            return AnswerVerdict(outcome=AnswerOutcome.AMBIGUOUS, code="internal")

    # -- settle

    async def _conclude(self, part: Batch, attempt: Attempt) -> tuple[Batch, ...]:
        """Settles what the answer decided and returns the halves still to be asked about."""
        self._remember(part, attempt)
        decided = self._decide(part, attempt)
        halve = decided[0][1] is HALVE  # a refusal in company is one for all of it
        if attempt.verdict.outcome is AnswerOutcome.UNKNOWN and not halve:
            self._suspects.update(d.id for d in part.deliveries)
        if not halve:
            record, alone = self._record(attempt), refused_alone(attempt.verdict)
            records = {n: record | {"outcome": v.outcome.value, "code": v.code} for n, v in alone.items()}
            await self._settle(
                [self._settlement(d, decision, records.get(n, record)) for n, (d, decision) in enumerate(decided)]
            )
        elif attempt.verdict.outcome is AnswerOutcome.TOO_LARGE:
            self._health.batch = max(1, len(part.deliveries) // 2)  # for this process's life
        if self._told is not None and attempt.verdict.later and not part.test_event_code:
            deliveries = tuple(d.id for d, decision in decided if decision.state is DeliveryState.DELIVERED)
            self._told.expect(attempt.verdict.later, deliveries, attempt.started_at)
        await self._health.heed(attempt)
        named = {r.index for r in attempt.verdict.refused if 0 <= r.index < len(part.deliveries)}
        return (part.apart(named) if named else part.halves()) if halve else ()

    def _remember(self, part: Batch, attempt: Attempt) -> None:
        if attempt.verdict.outcome in UNKNOWN_FATE:
            for d in part.deliveries:
                # By a clock that was put back meanwhile it ended before it began.
                self._unsure.setdefault(d.id, min(attempt.started_at, attempt.ended_at))

    def _decide(self, part: Batch, attempt: Attempt) -> list[tuple[Delivery, Decision]]:
        if self._health.is_probe_of_unknown(attempt):
            # It says nothing new about the event; the next probe is another's, if there is one.
            later = attempt.ended_at + self._policy.probe_ms
            again = Decision(state=DeliveryState.WAITING, reason=UNKNOWN, due_at=later, counts=False)
            return [(d, again) for d in part.deliveries]
        # One draw for the whole request: what failed together comes back together, as one request.
        chance, alone = self._chance(), refused_alone(attempt.verdict)
        return [
            (
                d,
                decide(
                    alone.get(n, attempt.verdict),
                    d,
                    alone=len(part.deliveries) == 1 or attempt.verdict.outcome is AnswerOutcome.ACCEPTED,
                    unsure_since=self._unsure.get(d.id),
                    now_ms=attempt.ended_at,
                    sure_ms=self._sure(attempt.ended_at),
                    chance=chance,
                    limits=self._destination.limits,
                    policy=self._policy,
                    repeat_s=self._repeat_s(d),
                ),
            )
            for n, d in enumerate(part.deliveries)
        ]

    def _settlement(self, d: Delivery, decision: Decision, record: Mapping[str, Any] = NO_RECORD) -> Settlement:
        assert decision.state is not None, "a request still to be halved is not settled"
        return Settlement(
            delivery=d.id,
            lease=d.lease,
            state=decision.state,
            reason=decision.reason,
            due_at=decision.due_at,
            counts=decision.counts,
            unsure_since=self._unsure.get(d.id),
            **record,
        )

    def _record(self, attempt: Attempt) -> dict[str, Any]:
        """What the attempt's row keeps, the same for all deliveries of a request."""
        return {
            "outcome": attempt.verdict.outcome.value,
            "status": attempt.status,
            "code": attempt.verdict.code,
            "note": self._access.note(attempt.verdict),
            "started_at": attempt.started_at,
            "ended_at": attempt.ended_at,
        }

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        await self._write_settled(settlements)
        for s in settlements:
            self._metrics.settled.labels(self._name, s.state.value).inc()
            if s.state is not DeliveryState.WAITING:
                self._unsure.pop(s.delivery, None)
                self._suspects.discard(s.delivery)

    async def _hand_back(self, parts: Iterable[Batch], delay_ms: int = 0) -> None:
        """Nothing was sent: they are free for the next claim, and no attempt is counted."""
        back = Decision(state=DeliveryState.WAITING, due_at=self._clock() + delay_ms, counts=False)
        settlements = [self._settlement(d, back) for part in parts for d in part.deliveries]
        if settlements:
            await self._write_settled(settlements)

    async def _write_settled(self, settlements: Sequence[Settlement]) -> None:
        """Under the leases of now, and then out of hand. A claim that was on its way may have taken a new lease meanwhile, so that
        this changed nothing: then it is written again under that, without another row of the attempt."""
        while settlements:
            leased = self._as_leased_now(settlements)
            await self._insist(partial(self._write_once, leased))
            moved = [n for n, o in zip(self._as_leased_now(leased), leased, strict=True) if n.lease != o.lease]
            # At once: what waits again may be claimed in the same commit, and would be nobody's if it were still in hand then.
            self._let_go({s.delivery for s in leased} - {s.delivery for s in moved})
            settlements = [replace(s, outcome="") for s in moved]

    async def _write_once(self, settlements: Sequence[Settlement]) -> None:
        await self._outbox.settle(settlements, self._clock())

    def _let_go(self, deliveries: Iterable[int]) -> None:
        for delivery in deliveries:
            self._leased.pop(delivery, None)
            self._renewed.pop(delivery, None)

    def _as_leased_now(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        """Under the lease that each delivery has by now, which is a newer one where its task took longer than the first."""
        return [replace(s, lease=self._renewed.get(s.delivery, s.lease)) for s in settlements]

    async def _insist(self, write: Callable[[], Awaitable[None]]) -> None:
        """A change that must reach the disk: tried again while the store is full or busy."""
        while True:
            try:
                return await write()
            except (StoreFull, StoreBusy) as err:
                log.warning("destination %s: cannot settle yet: %s", self._name, err)
                if self._stopping:
                    return None  # the leases run out and the same bytes go again
                await asyncio.sleep(STORE_RETRY_S)

    async def _wind_up(self) -> None:
        """Running requests may end by themselves for a while; then their time is over. Parts left are handed back."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        self._sender.hurry()
        if self._tasks:
            await asyncio.wait(self._tasks)
