"""The gateway of `twofold.app` in one thread of virtual time: its own pipeline, store, workers and eraser, no sockets.

Owns what is put in the place of the machine: the committing thread, the flushing thread, the sender of requests, the clock;
and the lines at which it can be killed. This is the seam for another engine: `Machine` is what a world asks of one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tests.world.destination_script import Script, ScriptedSender
from tests.world.fetched_shop import FetchedShop, put_in_place
from twofold.app import Gateway
from twofold.clock import Clock, TrustedTime
from twofold.collect.messages import Answer, Pending, Request
from twofold.config import DestinationSettings, Settings
from twofold.deliver.worker import Worker
from twofold.errors import StoreError
from twofold.store.engine import Job

FLUSH_EVERY_S = 0.5


class Machine(Protocol):
    """What a gateway runs on."""

    scripts: dict[str, Script]
    fetched: FetchedShop | None

    def wall(self) -> int: ...
    def steady(self) -> int: ...
    def line(self, name: str) -> None: ...
    def flushed(self, name: str) -> None: ...


class Inside(Gateway):
    """One process. `begin` and `end` on its loop; ``answer`` takes a request to its answer."""

    def __init__(self, settings: Settings, machine: Machine) -> None:
        self._machine = machine
        super().__init__(settings, clock=machine.wall)
        self._tasks: list[asyncio.Task[Any]] = []
        self._put_in_place(settings)

    async def begin(self) -> None:
        self.store.start()
        if self.clock.doubt is None:
            await self.store.replan(self.clock())
        await self.eraser.start()
        work = [w.run() for w in self.workers]
        work += [
            self.eraser.run(),
            self.retention.run(self.clock.sure),
            self.upkeep.keep_time(),
            self.upkeep.purge_withdrawals(),
            self.upkeep.index_words(),
            self._flush_mark(),
        ]
        if self._machine.fetched is not None:
            work.append(self.fetches.run())
        self._tasks = [asyncio.create_task(one) for one in work]

    async def end(self) -> None:
        """In order, as on SIGTERM."""
        for worker in self.workers:
            worker.stop()
        self.eraser.stop()
        serving, keeping = self._tasks[: len(self.workers)], self._tasks[len(self.workers) :]
        for task in keeping:
            task.cancel()
        await asyncio.gather(*serving, *keeping, return_exceptions=True)
        await self.store.close()

    async def answer(self, request: Request) -> Answer:
        """As `collect.listen` does it with a request whose body is whole."""
        reply = self.collector.doors.answer(request)
        if not isinstance(reply, Pending):
            return reply
        try:
            return reply.then(await reply.future)
        except StoreError as err:
            return self.collector.doors.failure(err)

    def _trusted(self, clock: Clock) -> TrustedTime:
        trusted = TrustedTime(clock, self._machine.steady, newest_ms=self.store.newest_ms)
        trusted.on_shift = self._shifted
        self.store.trust(trusted.sure)
        return trusted

    def _worker(self, to: DestinationSettings, **others: Any) -> Worker:
        sender = ScriptedSender(self._machine.scripts[to.name])
        return super()._worker(
            to, chance=random.Random(f"{to.name} {self._machine.wall()}").random, sender=sender, **others
        )

    def _put_in_place(self, settings: Settings) -> None:
        store, line = self.store, self._machine.line
        if self._machine.fetched is not None:
            put_in_place(self.fetches, self._machine.fetched, lambda: self._machine.steady() / 1000)
        commits, engine, watermark = store._commits, store._engine, store.watermark
        commits._thread = _NoThread()  # type: ignore[assignment]
        commits._written = _CommittingHand(self, line)  # type: ignore[assignment]
        engine.run = _lined(engine.run, line)  # type: ignore[method-assign]
        engine.run_rows = _lined(engine.run_rows, line)  # type: ignore[method-assign]
        watermark.mark = _lined(watermark.mark, line)  # type: ignore[method-assign]
        watermark.start = store.page_check.start = _nothing  # type: ignore[method-assign]
        store._folding._keys.filter.want = _unfiltered  # type: ignore[attr-defined]

    async def _flush_mark(self) -> None:
        watermark = self.store.watermark
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            if not watermark.is_flushed:
                watermark._flush()
                self._machine.flushed("watermark")


class _NoThread:
    def start(self) -> None:
        """The loop commits."""

    def is_alive(self) -> bool:
        return False


class _CommittingHand:
    """In the place of the queue to the committing thread: the same steps, at a later turn of the loop."""

    def __init__(self, gateway: Inside, line: Callable[[str], None]) -> None:
        self._gateway, self._line = gateway, line

    def put(self, jobs: list[Job] | None) -> None:
        asyncio.get_running_loop().call_soon(self._commit, jobs)

    def _commit(self, jobs: list[Job]) -> None:
        commits, error = self._gateway.store._commits, None
        try:
            self._line("before the flush")
            commits._transaction.flush()
            self._line("before the commit")
            commits._engine.commit()
            self._line("committed")
        except Exception as err:
            error = err
        commits._committed(jobs, error)


def _lined(method: Callable[..., Any], line: Callable[[str], None]) -> Callable[..., Any]:
    """A method behind a line at which the process can be killed."""

    def behind(name: Any, *args: Any) -> Any:
        line(str(name))
        return method(name, *args)

    return behind


def _nothing() -> None:
    """Stands for a thread that is not started."""


def _unfiltered(_closed: Sequence[int]) -> None:
    """No thread makes a filter of a closed day's keys: they are asked in their table."""
