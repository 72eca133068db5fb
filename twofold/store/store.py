"""The store as the rest of the house sees it: one writing connection, group commit, futures on the loop.

Owns the transaction: everything that waits is taken together, journalled, folded and put into the outbox, and
answered only when the commit has returned. What a copy is to its action is decided in `fold`, keys are found
in `keys`. After a failed write or flush nothing more is acknowledged: the process has to restart.

The statements run on the loop's thread and only the commit, which waits for the disk, on a thread of its own;
the two never use the connection at once. With everything on the other thread each statement was a fight for
the interpreter's lock: the same load cost 2.3 times the processor time for an accept.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from twofold.clock import now_ms
from twofold.errors import StoreBusy, StoreError, StoreFailed, StoreFull
from twofold.event.delivery import Builder, Delivery, Settlement
from twofold.event.model import Event
from twofold.ledger.policy import OrderPolicy
from twofold.matching.subject import Mark
from twofold.store.fold import Verdict
from twofold.store.gates.contract import Gate
from twofold.store.gates.withdrawals import Standing, Withdrawals
from twofold.store.journal import Journal, RefusedRow
from twofold.store.orders.ledger import OrderEntry, Orders
from twofold.store.outbox import OutboxWriter
from twofold.store.sqlite.database import Engine
from twofold.store.visitors.browsers import People

log = logging.getLogger("twofold.store")

_FULL = (apsw.FullError,)
_FATAL = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError)
MAX_EVENTS = 500
"""Events in one transaction at most: its statements hold the loop for about 15 ms."""


class Route(Struct, frozen=True, kw_only=True):
    """Where a dataset's actions go and how long they wait for their other copy."""

    destinations: tuple[str, ...] = ()
    hold_ms: dict[str, int] = {}
    require_consent: bool = False
    purposes: dict[str, tuple[str, ...]] = {}  # destination -> what must not be denied for it
    orders: OrderPolicy = OrderPolicy()
    has_orders: bool = False  # a shop reports this dataset's orders


class Job(Struct, kw_only=True):
    """One unit of work for the writer: an append (``events``, ``refused``) or any other change (``work``)."""

    future: asyncio.Future[Any]
    events: Sequence[Event] = ()
    refused: Sequence[RefusedRow] = ()
    orders: Sequence[OrderEntry] = ()
    counts_orders: bool = False  # the future gets how many orders told something new, instead of verdicts
    work: Callable[[], Any] | None = None
    wakes: bool = False  # the workers may have something to do once it is committed
    result: Any = None  # what the future gets once it is on disk


class Store:
    """Opens a data folder and owns it until `close`. All methods are called on the event loop's thread."""

    def __init__(
        self,
        folder: Path | str,
        *,
        routes: dict[str, Route],
        opened_at: int,
        window_days: int = 8,
        max_queue: int = 20_000,
        refused_keep: int = 100_000,
        people_days: int = 30,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._engine = Engine(self.folder)
        try:
            self._outbox = OutboxWriter(self._engine, routes, opened_at)
            self.people = People(self._engine, routes, people_days)
            self.orders = Orders(
                self._engine,
                {dataset: r.orders for dataset, r in routes.items()},
                frozenset(dataset for dataset, r in routes.items() if r.has_orders),
            )
            self._journal = Journal(
                self._engine, routes, self._outbox.ids, window_days, refused_keep, self.people, self.orders
            )
            self._withdrawals = Withdrawals(self._engine)
        except apsw.Error as err:
            self._engine.close()
            raise StoreError(f"{self.folder} cannot be read: {err}; restore it from a backup") from err
        except BaseException:
            self._engine.close()
            raise
        # What is stitched is judged too; the order's own money goes in last.
        self._outbox.gates = (self.people.stitch, self._withdrawals.stops, self.orders.gate)
        self._outbox.recheck = (self._withdrawals.stops, self.people.recheck, self.orders.recheck)
        self._outbox.recheck_needed = lambda: self._withdrawals.needed() or self.people.needed() or self.orders.needed()
        self._waiting: deque[Job] = deque()
        self._committing = False
        self._alone = 0  # so many of the waiting jobs go one by one, because together they failed
        self._closing = False
        self._idle = asyncio.Event()
        self._orders: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._commit_loop, name="twofold-commit", daemon=True)
        self._on_failure = on_failure
        self._max_queue = max_queue
        self._callbacks: dict[str, list[Callable[[], None]]] = {}
        self.queued = 0  # events and refusals handed in and not yet committed
        self.accepted = 0  # events committed since the start
        self.last_commit_ms = opened_at
        self.failed: BaseException | None = None

    # -- what the collector calls

    def append(
        self, events: Sequence[Event], refused: Sequence[RefusedRow] = (), orders: Sequence[OrderEntry] = ()
    ) -> asyncio.Future[list[Verdict]]:
        """Journals, folds and enqueues; the future holds one verdict an event once all of it is on disk.

        Raises `StoreBusy` when too much is waiting, `StoreFailed` after a failed write; the future may raise
        `StoreFull`. Nothing of the call is kept in these cases.
        """
        if self.queued + len(events) + len(refused) + len(orders) > self._max_queue:
            raise StoreBusy(f"{self.queued} events wait for the disk (limit {self._max_queue}); send again later")
        job = Job(future=self._future(), events=events, refused=refused, orders=orders, wakes=bool(orders))
        self.queued += _weight(job)
        return self._submit(job)

    def append_orders(self, orders: Sequence[OrderEntry], events: Sequence[Event] = ()) -> asyncio.Future[int]:
        """Like `append`; the future holds how many of the orders told something new, once all of it is on disk."""
        if self.queued + len(events) + len(orders) > self._max_queue:
            raise StoreBusy(f"{self.queued} events wait for the disk (limit {self._max_queue}); send again later")
        job = Job(future=self._future(), events=events, orders=orders, counts_orders=True, wakes=bool(orders))
        self.queued += _weight(job)
        return self._submit(job)

    # -- what a delivery worker calls

    async def claim(
        self,
        destination: str,
        now_ms: int,
        limit: int,
        lease_ms: int,
        build: Builder,
        max_age_s: Callable[[str], int],
    ) -> list[Delivery]:
        """Leases due deliveries, freezing the payload of each at its first claim.

        Consent and age are read here, at every attempt: what may not be sent is settled instead of returned.
        """
        claimed: list[Delivery] = await self._work(
            lambda: self._outbox.claim(destination, now_ms, limit, lease_ms, build, max_age_s)
        )
        return claimed

    async def settle(self, settlements: Sequence[Settlement], now_ms: int) -> None:
        """Records attempts and what follows from them. A settlement under an old lease changes nothing."""
        await self._work(lambda: self._outbox.settle(settlements, now_ms))

    async def pause(self, destination: str, reason: str, until_ms: int, now_ms: int) -> None:
        """Stops a destination until the given time; its waiting deliveries show as paused."""
        await self._work(lambda: self._outbox.pause(destination, reason, until_ms, now_ms))

    async def resume(self, destination: str, now_ms: int) -> None:
        """Ends a pause."""
        await self._work(lambda: self._outbox.pause(destination, None, None, now_ms), wakes=True)

    def pause_of(self, destination: str) -> tuple[str, int] | None:
        """(reason, until in ms) of a paused destination."""
        return self._outbox.pauses.get(destination)

    async def next_due(self, destination: str) -> int | None:
        """When the earliest waiting delivery is due, in ms; None when nothing waits."""
        due: int | None = await self._work(lambda: self._outbox.next_due(destination))
        return due

    @property
    def consent_changes(self) -> int:
        """How often consent was taken back from what may be claimed already. Read it before a claim; when it has moved by
        the time a request would be written, hand the batch back instead: the next claim decides afresh."""
        return self._withdrawals.changes + self._journal.consent_changes

    def on_enqueued(self, destination: str, callback: Callable[[], None]) -> None:
        """Calls ``callback`` on the loop after a commit that may have given this destination work."""
        self._callbacks.setdefault(destination, []).append(callback)

    # -- what a person asks for

    def withdraw(self, dataset: str, marks: Sequence[Mark], now_ms: int) -> asyncio.Future[int]:
        """Consent of whoever these point to is withdrawn: no attempt that starts once this is done holds their events."""

        def work() -> int:
            self.people.deny(dataset, marks, now_ms)
            return self._withdrawals.withdraw(dataset, marks, now_ms)

        return self._submit(Job(future=self._future(), work=work))

    def grant(self, dataset: str, marks: Sequence[Mark], now_ms: int) -> asyncio.Future[int]:
        """Consent is given again, for events that come from now on; brings how many marks had been withdrawn."""
        return self._submit(Job(future=self._future(), work=lambda: self._withdrawals.grant(dataset, marks, now_ms)))

    async def standing(self, dataset: str, marks: Sequence[Mark]) -> list[Standing]:
        """What is known about the consent of each mark."""
        found: list[Standing] = await self._work(lambda: self._withdrawals.standing(dataset, marks))
        return found

    async def purge_withdrawals(self, before_ms: int) -> int:
        """Forgets withdrawals that were taken back before every event that could still be sent; answers how many."""
        forgotten: int = await self._work(lambda: self._withdrawals.purge(before_ms))
        return forgotten

    # -- what the operator asks for

    async def revive(self, deliveries: Sequence[int], now_ms: int) -> int:
        """Makes dead deliveries wait again; answers how many."""
        revived: int = await self._work(lambda: self._outbox.revive(deliveries, now_ms), wakes=True)
        return revived

    def add_gate(self, gate: Gate) -> None:
        """One more gate, asked after the others of what was never sent."""
        self._outbox.gates = (*self._outbox.gates, gate)

    async def transact(self, work: Callable[[Engine], Any]) -> Any:
        """Runs ``work`` inside one of the writer's transactions; what it answers, once that is on disk. Keep it short."""
        return await self._work(lambda: work(self._engine))

    # -- life

    def start(self) -> None:
        """Starts the committing thread; call on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def close(self) -> None:
        """Finishes what is queued, then closes the folder."""
        self._closing = True
        while self._waiting or self._committing:
            self._idle.clear()
            await self._idle.wait()
        if self._thread.is_alive():
            self._orders.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._journal.close()
        self._engine.close()

    # -- inside

    def _future(self) -> asyncio.Future[Any]:
        assert self._loop is not None, "Store.start() must be called on the running loop first"
        return self._loop.create_future()

    def _submit(self, job: Job) -> asyncio.Future[Any]:
        if self.failed is not None or self._closing:
            self.queued -= _weight(job)
            raise StoreFailed
        self._waiting.append(job)
        if not self._committing and len(self._waiting) == 1:
            # Not at once: what else the loop has ready to read joins the same commit.
            assert self._loop is not None
            self._loop.call_soon(self._pump)
        return job.future

    async def _work(self, work: Callable[[], Any], wakes: bool = False) -> Any:
        return await self._submit(Job(future=self._future(), work=work, wakes=wakes))

    def _pump(self) -> None:
        """On the loop: writes what waits into one transaction and orders its commit."""
        while self._waiting and not self._committing:
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
        while self._waiting and events < MAX_EVENTS:
            events += len(self._waiting[0].events) + len(self._waiting[0].orders)
            jobs.append(self._waiting.popleft())
        return jobs

    def _write(self, jobs: list[Job]) -> None:
        try:
            results = self._fill_transaction(jobs)
        except Exception as err:
            self._refused(jobs, err)
            return
        for job, result in zip(jobs, results, strict=True):
            job.result = result
        self._committing = True
        self._orders.put(jobs)

    def _fill_transaction(self, jobs: list[Job]) -> list[Any]:
        self._engine.run("begin")
        verdicts = iter(self._journal.append([j for j in jobs if j.work is None]))
        told = iter(self._journal.told)
        results: list[Any] = []
        for job in jobs:
            if job.work is not None:
                results.append(job.work())
                continue
            of_events, new = next(verdicts), sum(next(told) for _ in job.orders)
            results.append(new if job.counts_orders else of_events)
        return results

    def _commit_loop(self) -> None:
        """The committing thread: waits for the disk, nothing else."""
        assert self._loop is not None
        while (jobs := self._orders.get()) is not None:
            error: Exception | None = None
            try:
                self._engine.run("commit")
            except Exception as err:
                error = err
            self._loop.call_soon_threadsafe(self._committed, jobs, error)

    def _committed(self, jobs: list[Job], error: Exception | None) -> None:
        """On the loop again: the transaction is on disk, or it is not."""
        self._committing = False
        if error is not None:
            self._refused(jobs, error)
        else:
            self._journal.committed()
            self._outbox.committed()
            self.last_commit_ms = now_ms()
            self._answer(jobs, [j.result for j in jobs])
        self._pump()

    def _refused(self, jobs: list[Job], error: Exception) -> None:
        """The engine, or a bug in one job, refused the transaction: nothing of it is kept."""
        try:
            self._roll_back()
        except Exception as err:
            error = err
        if isinstance(error, _FULL):
            self._answer(jobs, [StoreFull(f"the disk is full: {error}")] * len(jobs))
        elif isinstance(error, _FATAL):
            self._fail(error)
            self._answer(jobs, [StoreFailed(f"the store failed: {error}")] * len(jobs))
        elif len(jobs) > 1:
            # One bad job must not sink its neighbours: each in a transaction of its own, in order.
            self._waiting.extendleft(reversed(jobs))
            self._alone = len(jobs)
        else:
            log.error("a store job failed and was rolled back: %s", type(error).__name__, exc_info=error)
            known = error if isinstance(error, StoreError) else StoreError(f"internal: {type(error).__name__}")
            self._answer(jobs, [known])

    def _roll_back(self) -> None:
        if self._engine.db.in_transaction:
            self._engine.run("rollback")
        self._journal.rolled_back()
        self._outbox.rolled_back()

    def _fail(self, err: BaseException) -> None:
        log.critical("the store failed; nothing further is acknowledged: %s", err)
        self.failed = err
        if self._on_failure is not None:
            self._on_failure(err)

    def _answer(self, jobs: list[Job], results: list[Any]) -> None:
        """On the loop: settles every future of one commit and wakes the workers."""
        woken = False
        for job, result in zip(jobs, results, strict=True):
            self.queued -= _weight(job)
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

    def _wake(self) -> None:
        for callbacks in self._callbacks.values():
            for callback in callbacks:
                callback()


def _weight(job: Job) -> int:
    """How much of the queue a job takes."""
    return len(job.events) + len(job.refused) + len(job.orders)
