"""Group commit on the embedded engine: what waits is written in one transaction, flushed once and answered together.

Owns the queue, the transaction's beginning and end, the committing thread, and what a failed write or flush means: after
one nothing more is acknowledged, the process has to restart. Knows neither events nor deliveries: what a job writes is
told by whoever makes it.

The statements run on the loop's thread and only the commit, which waits for the disk, on a thread of its own; the two
never use the connection at once. With everything on the other thread each statement was a fight for the interpreter's
lock: the same load cost 2.3 times the processor time for an accept. What may take long is never waited for on the loop: a commit, which
may hang on a standby that is gone, nor the turn of other processes, which have it until their commits are through.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import MsgspecError

from twofold.clock import now_ms
from twofold.errors import RowFailed, StoreAway, StoreError, StoreFailed, StoreFull, StoreInTheWay
from twofold.store.engine import Database, Job, NotBeside, Transaction

log = logging.getLogger("twofold.store")

MAX_EVENTS = 500
"""Events in one transaction at most: its statements hold the loop for about 15 ms."""

TRIES = 12
"""How often a job is tried in whose way other processes were, before its sender is told to come again."""
TOGETHER = 3
"""How many of these tries it has in one transaction with others: then it goes by itself, behind what waits, and holds nobody else up."""
REST_S = 0.004
"""How long is waited before the next try, drawn up to so much for each try there was."""

PATIENCE_S = 4.0
"""Who sent events is told within so long to send again, where nothing can be committed: shops give up after five seconds."""
STOPPED_S = 1.0
"""A look that comes so much too late says that this process stood still, and nothing of the database."""


class _Turn(NamedTuple):
    """What the committing thread does for these jobs is to wait for their turn among other processes."""

    jobs: list[Job]


class Commits:
    """Takes jobs on the loop's thread; each job's future is settled when its transaction is on disk or refused."""

    def __init__(
        self,
        engine: Database,
        transaction: Transaction,
        opened_at: int,
        *,
        wake: Callable[[], None],
        on_failure: Callable[[BaseException], None] | None = None,
        alone: bool = True,
    ) -> None:
        """``alone``: no other process writes to the database, so nothing runs beside anything."""
        self._is_alone = alone
        self._engine = engine
        self._transaction = transaction
        self._wake = wake
        self._on_failure = on_failure
        self._waiting: deque[Job] = deque()
        self._committing = False
        self._alone = 0  # so many of the waiting jobs go one by one, because together they failed
        self._closing = False
        self._resting = False  # other processes were in the way: the next try is a moment later
        self._idle = asyncio.Event()
        self._under: list[Job] = []  # in the committing thread's hands
        self._moved_at = 0.0  # by the loop's clock: when a job was answered last, or the first one came
        self._tried_at = 0.0
        self._late = False
        self._look: asyncio.TimerHandle | None = None
        self._written: queue.SimpleQueue[list[Job] | _Turn | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._commit_loop, name="twofold-commit", daemon=True)
        self.queued = 0  # events and refusals handed in and not yet committed
        self.accepted = 0  # events committed since the start
        self.met_altered = 0  # jobs with events or orders that met a row which is not what was written
        self.last_commit_ms = opened_at
        self.failed: BaseException | None = None

    def start(self) -> None:
        """Starts the committing thread; call on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def finish(self) -> None:
        """Refuses further jobs, finishes what is queued and ends the thread. A commit that hangs is not waited for."""
        self._closing = True
        while self._waiting or self._committing:
            self._idle.clear()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._idle.wait()
            except TimeoutError:
                if self.late_s >= PATIENCE_S:
                    await asyncio.get_running_loop().run_in_executor(None, self._engine.hurry)
        if self._look is not None:
            self._look.cancel()
        if self._thread.is_alive():
            self._written.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def future(self) -> asyncio.Future[Any]:
        """A future for a job, on the loop that this was started on."""
        assert self._loop is not None, "Store.start() must be called on the running loop first"
        return self._loop.create_future()

    def submit(self, job: Job) -> asyncio.Future[Any]:
        """Queues a job. Raises `StoreFailed` after a failed write, and when closing; `StoreAway` for events while nothing is
        committed."""
        if self.failed is not None or self._closing:
            raise StoreFailed
        if self._late and job.work is None:
            raise self._too_late()
        self.queued += job.weight
        if not self._waiting and not self._committing:
            self._begin_to_wait()
        self._waiting.append(job)
        if not self._committing and len(self._waiting) == 1:
            # Not at once: what else the loop has ready to read joins the same commit.
            assert self._loop is not None
            self._loop.call_soon(self._pump)
        return job.future

    def _pump(self) -> None:
        """On the loop: writes what waits into one transaction and orders its commit."""
        while self._waiting and not self._committing and not self._resting:
            jobs = self._take()
            if self.failed is not None:
                self._answer(jobs, [StoreFailed(f"the store failed: {self.failed}")] * len(jobs))
                continue
            self._write(jobs)
        if not self._waiting and not self._committing:
            self._idle.set()

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        events = 0
        if self._alone:
            self._alone -= 1
            return [self._waiting.popleft()]
        others: list[Job] = []  # what may run beside others does not wait with what may not, nor the other way round
        while self._waiting and events < MAX_EVENTS:
            job = self._waiting.popleft()
            if jobs and not self._may_join(job, jobs[0]):
                others.append(job)
                continue
            events += len(job.events) + len(job.orders)
            jobs.append(job)
        self._waiting.extendleft(reversed(others))
        return jobs

    def _may_join(self, job: Job, first: Job) -> bool:
        """Whether they are written in one transaction."""
        if self._is_alone:
            return True
        return job.beside == first.beside and max(job.tries, first.tries) < TOGETHER

    def _write(self, jobs: list[Job]) -> None:
        """Writes them where it is their turn at once; else the turn is waited for elsewhere."""
        self._tried_at = self._now()
        try:
            if not self._engine.begin_now(jobs[0].beside):
                self._hand_over(jobs, _Turn(jobs))
                return
        except Exception as err:
            self._refused(jobs, err)
            return
        self._fill(jobs)

    def _fill(self, jobs: list[Job]) -> None:
        """The statements of these jobs, and the order to commit them."""
        try:
            if self._engine.stale:
                self._transaction.reread()
                self._engine.stale = False
            results = self._transaction.write(jobs)
        except Exception as err:
            self._refused(jobs, err)
            return
        for job, result in zip(jobs, results, strict=True):
            job.result = result
        self._hand_over(jobs, jobs)

    def _hand_over(self, jobs: list[Job], what: list[Job] | _Turn) -> None:
        self._committing, self._under = True, jobs
        self._written.put(what)

    def _commit_loop(self) -> None:
        """The committing thread: waits for the disk or for a turn, nothing else."""
        assert self._loop is not None
        while (what := self._written.get()) is not None:
            error: Exception | None = None
            turn = isinstance(what, _Turn)
            jobs = what.jobs if isinstance(what, _Turn) else what
            try:
                if turn:
                    self._engine.wait_turn(jobs[0].beside)
                else:
                    self._transaction.flush()
                    self._engine.commit()
            except Exception as err:
                error = err
            self._loop.call_soon_threadsafe(self._begun if turn else self._committed, jobs, error)

    def _begun(self, jobs: list[Job], error: Exception | None) -> None:
        """On the loop again: it is these jobs' turn, or it did not come."""
        self._committing, self._under = False, []
        self._tried_at = self._now()
        if error is not None:
            self._refused(jobs, error)
        else:
            self._fill(jobs)
        self._pump()

    def _committed(self, jobs: list[Job], error: Exception | None) -> None:
        """On the loop again: the transaction is on disk, or it is not."""
        self._committing, self._under = False, []
        if error is not None:
            self._refused(jobs, error)
        else:
            self._transaction.committed()
            self.last_commit_ms = now_ms()
            self._answer(jobs, [j.result for j in jobs])
        self._pump()

    def _refused(self, jobs: list[Job], error: Exception) -> None:
        """The engine, or a bug in one job, refused the transaction: nothing of it is kept."""
        try:
            self._roll_back()
        except Exception as err:
            error = err
        if isinstance(error, NotBeside):
            for job in jobs:
                job.beside = False
            self._waiting.extendleft(reversed(jobs))
        elif isinstance(error, StoreInTheWay) and max(job.tries for job in jobs) < TRIES:
            self._again_later(jobs)
        elif isinstance(error, (StoreFull, StoreAway)):
            self._answer(jobs, [error] * len(jobs))
        elif isinstance(error, StoreFailed):
            self._fail(error)
            self._answer(jobs, [error] * len(jobs))
        elif len(jobs) > 1:
            # One bad job must not sink its neighbours: each in a transaction of its own, in order.
            self._waiting.extendleft(reversed(jobs))
            self._alone = len(jobs)
        else:
            log.error("a store job failed and was rolled back: %s", type(error).__name__, exc_info=error)
            altered = isinstance(error, (UnicodeError, MsgspecError))  # what cannot be read is not what was written
            known = (
                error
                if isinstance(error, StoreError)
                else RowFailed(f"internal: {type(error).__name__}", altered=altered)
            )
            if jobs[0].work is None and getattr(known, "altered", False):
                self.met_altered += 1
                log.critical(
                    "events are refused that go with a row which is not what was written; run `twofold verify`"
                )
            self._answer(jobs, [known])

    def _again_later(self, jobs: list[Job]) -> None:
        """Nothing of them is kept, and nothing was wrong with them: the same once more, at a moment that is drawn."""
        for job in jobs:
            job.tries += 1
        # Which of them was held up nobody says. One that goes by itself comes after the others, or these would wait for all its tries.
        self._waiting.extend(job for job in jobs if job.tries >= TOGETHER)
        self._waiting.extendleft(job for job in reversed(jobs) if job.tries < TOGETHER)
        self._resting = True
        assert self._loop is not None
        # What waited for a row has held the loop up for as long: others come first then, and of two that waited for each other one.
        longest = REST_S * jobs[0].tries + 2 * (self._now() - self._tried_at)
        self._loop.call_later(random.uniform(0, longest), self._rested)

    def _rested(self) -> None:
        self._resting = False
        self._pump()

    def _roll_back(self) -> None:
        self._engine.rollback()
        self._transaction.rolled_back()

    # -- what takes too long

    @property
    def late_s(self) -> float:
        """How long jobs have waited without one being answered; 0.0 where none waits. May be asked on any thread."""
        return max(0.0, self._now() - self._moved_at) if self._waiting or self._committing else 0.0

    def _now(self) -> float:
        assert self._loop is not None
        return self._loop.time()

    def _begin_to_wait(self) -> None:
        self._moved_at = self._now()
        if self._look is None:
            self._look_at(self._moved_at + PATIENCE_S)

    def _look_at(self, due: float) -> None:
        assert self._loop is not None
        self._look = self._loop.call_at(due, self._look_if_late, due)

    def _look_if_late(self, due: float) -> None:
        """At most once in `PATIENCE_S`, and only while there is something to wait for."""
        self._look = None
        if not self._waiting and not self._committing:
            return
        now = self._now()
        if now > due + STOPPED_S:
            self._moved_at = now
        if now - self._moved_at >= PATIENCE_S:
            self._put_off()
        self._look_at(max(self._moved_at, now - PATIENCE_S / 2) + PATIENCE_S)

    def _put_off(self) -> None:
        """Senders hear that they have to send again. What only waited is taken back; what is being committed may still arrive, and is
        a repeat then. Other work waits on: nobody would do it a second time."""
        if self._only_held_up():
            self._late = False
            return
        if not self._late:
            log.error("nothing was committed for %.0f s; events are refused until something is", self.late_s)
        self._late = True
        for job in [*self._under, *self._waiting]:
            if job.work is None and not job.future.done():
                job.future.set_exception(self._too_late())
        self.queued -= sum(job.weight for job in self._waiting if job.work is None)
        self._waiting = deque(job for job in self._waiting if job.work is not None)
        self._alone = min(self._alone, len(self._waiting))
        # Where nothing is left whose end would tell that it goes on, the next event finds out.
        self._late = not self._only_held_up()

    def _only_held_up(self) -> bool:
        """Whether nothing is tried but what others are in the way of, each by itself and behind whatever comes: of commits that says
        nothing, and there may be no end of it."""
        return not self._committing and all(job.work is not None and job.tries >= TOGETHER for job in self._waiting)

    def _too_late(self) -> StoreAway:
        return StoreAway(f"nothing was committed for {self.late_s:.0f} s; send again later")

    def _fail(self, err: BaseException) -> None:
        log.critical("the store failed; nothing further is acknowledged: %s", err)
        self.failed = err
        if self._on_failure is not None:
            self._on_failure(err)

    def _answer(self, jobs: list[Job], results: list[Any]) -> None:
        """On the loop: settles every future of one commit and wakes the workers."""
        woken, self._late, self._moved_at = False, False, self._now()
        for job, result in zip(jobs, results, strict=True):
            self.queued -= job.weight
            failed = isinstance(result, BaseException)
            if not failed:
                self.accepted += len(job.events)
                woken = woken or bool(job.events) or job.wakes
            if job.future.done():  # the caller went away; what is committed stays committed
                continue
            if failed:
                job.future.set_exception(result)
            else:
                job.future.set_result(result)
        if woken:
            self._wake()
