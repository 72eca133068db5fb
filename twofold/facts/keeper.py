"""Keeps the tables made: by a child process on a schedule, and when a report asks.

Owns the order of one build: a new generation begins in the store, the child makes the marked days from what it finds then,
and the marks of what it made go (`store.changed`). One build at a time. Runs on the store's loop; the work does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from twofold.errors import FactsError, StoreError
from twofold.facts.build import Built, Key, Progressed, Task
from twofold.facts.child import MODULE, Child
from twofold.facts.engine import Analytics, Failed
from twofold.facts.erasing import forget_days, leave
from twofold.facts.manifest import home_in, is_wanted
from twofold.ledger.policy import OrderPolicy
from twofold.store.store import Store

log = logging.getLogger("twofold.facts")

AGAIN_S = 30.0
"""A build that failed is tried again so long after."""
LOOK_S = 0.1
"""How often a build that was stopped for somebody asks whether they are done."""


class Keeper:
    """``policies``: dataset to the rules of its orders. ``lives``: what whoever fills the tables of lives is told, with the
    module that does."""

    def __init__(
        self,
        store: Store,
        analytics: Analytics,
        policies: Mapping[str, OrderPolicy],
        clock: Callable[[], int],
        lives: tuple[str, bytes] = (MODULE, b"null"),
    ) -> None:
        self.analytics = analytics
        self._store = store
        self._policies = dict(policies)
        self._clock = clock
        self._module, self._lives = lives
        self._turned = asyncio.Event()  # set, and another put in its place, as a build ends
        self._promised = 0  # the highest number that was handed out
        self._child: Child | None = None
        self._build: asyncio.Task[Built] | None = None
        self._is_ended = False
        self.done = 0  # builds that have ended
        self.begun = 0
        self.error = ""  # of the last one
        self.progress = (0, 0)

    def want(self) -> int:
        """Asks for a build that begins from now on; answers its number, which `wait` takes."""
        if self._is_building():
            self._promised = self.begun + 1
        else:
            self._start()
        return self._promised

    async def wait(self, number: int, seconds: float) -> bool:
        """True once that build has ended, False when it takes longer than so many seconds or was promised to nobody."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.done < number <= self._promised:
                    await self._turned.wait()
        return self.done >= number

    async def make(self) -> Built:
        """One build from what is there now, which goes on where somebody who must not wait long, an erasure, stopped it. Raises
        `FactsError` when it failed; what was made stays."""
        built = await self._make()
        while built.left:
            while (
                is_wanted(self.analytics.places) and not self._is_ended
            ):  # at most as long as a word holds that nobody takes back
                await asyncio.sleep(LOOK_S)
            more = await self._make()
            built = replace(more, days=(*built.days, *more.days), removed=built.removed + more.removed)
        return built

    async def _make(self) -> Built:
        loop = asyncio.get_running_loop()
        home = await loop.run_in_executor(None, home_in, self.analytics.files)
        generation = await self._store.transact(lambda _e: self._store.changed.begin_build(home))
        task = Task(
            data=str(self.analytics.data),
            files=str(self.analytics.files),
            policies=self._policies,
            lives=msgspec.Raw(self._lives),
            generation=generation,
            now_s=self._clock() // 1000,
        )
        built = await loop.run_in_executor(None, self._run, task)
        await self._store.transact(lambda _e: self._store.changed.end_build(generation, built.days))
        return built

    async def run(self, every_s: float) -> None:
        """Builds so long after the one before, whoever asked for that, until cancelled; sooner where it failed. ``every_s`` 0: only then."""
        pause = every_s
        while True:
            try:
                await asyncio.wait_for(self._turned.wait(), pause or None)
            except TimeoutError:
                if not self._is_building():
                    self._start()
                continue
            if self.error:
                log.error("the tables of the reports could not be made, and are tried again: %s", self.error)
            pause = AGAIN_S if self.error else every_s

    def stop(self) -> None:
        """Ends the child, also one that is only about to be started; what it had not named yet is made again another time."""
        self._is_ended = True
        if self._child is not None:
            self._child.end()

    def forget_days(self, days: Sequence[Key]) -> int:
        """For an erasure, on a thread of its own: takes away every file of these days. They are made again at the next build."""
        return forget_days(self.analytics, days)

    async def leave(self) -> None:
        """Of a process whose turn it is not: tables that another process has made anew since are taken away here, as no erasure
        would reach them."""
        if await asyncio.get_running_loop().run_in_executor(None, leave, self.analytics.places):
            log.info("the tables of reports are another process's now, and are taken away here")

    def _is_building(self) -> bool:
        return self.begun > self.done

    def _start(self) -> None:
        self.begun += 1
        self._promised = max(self._promised, self.begun)
        self._is_ended = False
        self._build = asyncio.ensure_future(self.make())
        self._build.add_done_callback(self._ended)

    def _ended(self, build: asyncio.Task[Built]) -> None:
        self.done += 1
        error = None if build.cancelled() else build.exception()
        self.error = str(error) or type(error).__name__ if error is not None else ""
        if error is not None and not isinstance(error, (FactsError, StoreError)):
            log.error("making the tables met a bug", exc_info=error)
        self._turned.set()
        self._turned = asyncio.Event()
        if self._promised > self.begun and not (build.cancelled() or self._is_ended):
            self._start()

    def _run(self, task: Task) -> Built:
        found: list[Built | Failed] = []

        def hear(line: bytes) -> None:
            told = msgspec.json.decode(line, type=Built | Failed | Progressed)
            if isinstance(told, Progressed):
                self.progress = (told.at, told.of)
            else:
                found.append(told)

        self._child = Child(self._module)
        if self._is_ended:
            raise FactsError("the builder was ended with the gateway, before it began")
        code = self._child.run(msgspec.json.encode(task), hear)
        last = found[-1] if found else None
        if isinstance(last, Built):
            return last
        raise FactsError(last.message if isinstance(last, Failed) else f"the builder ended with {code}")
