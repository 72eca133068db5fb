"""The store as the rest of the house sees it: one writer thread, group commit, futures back on the loop.

Owns the transaction: everything that waits is taken together, journalled, folded and put into the outbox, and
answered only when the commit has returned. What a copy is to its action is decided in `fold`, keys are found
in `keys`. After a failed write or flush nothing more is acknowledged: the process has to restart.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from twofold.clock import now_ms
from twofold.errors import StoreBusy, StoreError, StoreFailed, StoreFull
from twofold.event.model import Event
from twofold.store.engine import Engine
from twofold.store.fold import Verdict
from twofold.store.journal import Journal, RefusedRow
from twofold.store.outbox import Builder, Delivery, Settlement
from twofold.store.outbox_writer import OutboxWriter

log = logging.getLogger("twofold.store")

_FULL = (apsw.FullError,)
_FATAL = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError)
_STOP = object()


class Route(Struct, frozen=True, kw_only=True):
    """Where a dataset's actions go and how long they wait for their other copy."""

    destinations: tuple[str, ...] = ()
    hold_ms: dict[str, int] = {}
    require_consent: bool = False


class Job(Struct, kw_only=True):
    """One unit of work for the writer: an append (``events``, ``refused``) or any other change (``work``)."""

    future: asyncio.Future[Any]
    events: Sequence[Event] = ()
    refused: Sequence[RefusedRow] = ()
    work: Callable[[], Any] | None = None
    wakes: bool = False  # the workers may have something to do once it is committed


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
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._engine = Engine(self.folder)
        try:
            self._outbox = OutboxWriter(self._engine, routes, opened_at)
            self._journal = Journal(self._engine, routes, self._outbox.ids, window_days, refused_keep)
        except BaseException:
            self._engine.close()
            raise
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="twofold-writer", daemon=True)
        self._on_failure = on_failure
        self._max_queue = max_queue
        self._callbacks: dict[str, list[Callable[[], None]]] = {}
        self.queued = 0  # events handed in and not yet committed
        self.accepted = 0  # events committed since the start
        self.last_commit_ms = opened_at
        self.failed: BaseException | None = None

    # -- what the collector calls

    def append(self, events: Sequence[Event], refused: Sequence[RefusedRow] = ()) -> asyncio.Future[list[Verdict]]:
        """Journals, folds and enqueues; the future holds one verdict an event once all of it is on disk.

        Raises `StoreBusy` when too much is waiting, `StoreFailed` after a failed write; the future may raise
        `StoreFull`. Nothing of the call is kept in these cases.
        """
        if self.queued + len(events) > self._max_queue:
            raise StoreBusy(f"{self.queued} events wait for the disk (limit {self._max_queue}); send again later")
        self.queued += len(events)
        return self._submit(Job(future=self._future(), events=events, refused=refused))

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

    def on_enqueued(self, destination: str, callback: Callable[[], None]) -> None:
        """Calls ``callback`` on the loop after a commit that may have given this destination work."""
        self._callbacks.setdefault(destination, []).append(callback)

    # -- what the operator asks for

    async def revive(self, deliveries: Sequence[int], now_ms: int) -> int:
        """Makes dead deliveries wait again; answers how many."""
        revived: int = await self._work(lambda: self._outbox.revive(deliveries, now_ms), wakes=True)
        return revived

    # -- life

    def start(self) -> None:
        """Starts the writer thread; call on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def close(self) -> None:
        """Finishes what is queued, then closes the folder."""
        if self._thread.is_alive():
            self._queue.put(_STOP)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._engine.close()

    # -- inside

    def _future(self) -> asyncio.Future[Any]:
        assert self._loop is not None, "Store.start() must be called on the running loop first"
        return self._loop.create_future()

    def _submit(self, job: Job) -> asyncio.Future[Any]:
        if self.failed is not None:
            self.queued -= len(job.events)
            raise StoreFailed
        self._queue.put(job)
        return job.future

    async def _work(self, work: Callable[[], Any], wakes: bool = False) -> Any:
        return await self._submit(Job(future=self._future(), work=work, wakes=wakes))

    def _run(self) -> None:
        """The writer thread: take all that waits, commit it together, hand the answers back."""
        while True:
            jobs = [self._queue.get()]
            while not self._queue.empty():
                jobs.append(self._queue.get_nowait())
            stop = _STOP in jobs
            self._commit([j for j in jobs if j is not _STOP])
            if stop:
                return

    def _commit(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        try:
            results = self._transaction(jobs)
        except _FULL as err:
            results = [StoreFull(f"the disk is full: {err}")] * len(jobs)
        except _FATAL as err:
            self._fail(err)
            results = [StoreFailed(f"the store failed: {err}")] * len(jobs)
        except Exception as err:
            if len(jobs) > 1:  # one bad job must not sink its neighbours: each alone, in order
                for job in jobs:
                    self._commit([job])
                return
            log.exception("a store job failed and was rolled back")
            results = [err if isinstance(err, StoreError) else StoreError(f"internal: {type(err).__name__}")]
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._answer, jobs, results)

    def _transaction(self, jobs: list[Job]) -> list[Any]:
        engine = self._engine
        engine.run("begin")
        try:
            appends = [j for j in jobs if j.work is None]
            verdicts = iter(self._journal.append(appends))
            results = [next(verdicts) if j.work is None else j.work() for j in jobs]
            engine.run("commit")
        except BaseException:
            self._roll_back()
            raise
        self._journal.committed()
        self._outbox.committed()
        return results

    def _roll_back(self) -> None:
        if self._engine.db.in_transaction:
            self._engine.run("rollback")
        self._journal.rolled_back()
        self._outbox.rolled_back()

    def _fail(self, err: BaseException) -> None:
        log.critical("the store failed; nothing further is acknowledged: %s", err)
        self.failed = err
        if self._on_failure is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_failure, err)

    def _answer(self, jobs: list[Job], results: list[Any]) -> None:
        """On the loop: settles every future of one commit and wakes the workers."""
        woken = False
        for job, result in zip(jobs, results, strict=True):
            self.queued -= len(job.events)
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
        self.last_commit_ms = now_ms()
        if woken:
            self._wake()

    def _wake(self) -> None:
        for callbacks in self._callbacks.values():
            for callback in callbacks:
                callback()
