"""All sources that are asked, while a gateway runs: one worker each, made anew when its settings change.

Owns which are running. What a worker does is `worker`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from twofold.collect.doors.webhooks import WebhookDoor
from twofold.config import SourceSettings
from twofold.fetching.contract import Access
from twofold.fetching.systems import SYSTEMS
from twofold.fetching.worker import Source, StoreLike
from twofold.pulling.exchange import Exchange
from twofold.store.engine import Database
from twofold.store.fetches import book

log = logging.getLogger("twofold.fetching")

Asked = Mapping[str, tuple[SourceSettings, WebhookDoor]]


class Teller(StoreLike, Protocol):
    """The store, of which an acknowledged notice is a part that must not go unseen when it is lost."""

    def tell(self) -> None: ...


class Fetches:
    """``keep``: takes what was fetched in by its door; ``give_up``: keeps that a name brought nothing. ``clock`` in ms."""

    def __init__(
        self, asked: Asked, store: Teller, keep: Callable[[WebhookDoor, bytes], Awaitable[None]],
        give_up: Callable[[WebhookDoor, str, str], Awaitable[None]], clock: Callable[[], int],
        *, exchange: Callable[[], Exchange | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._store, self._keep, self._give_up, self._clock, self._exchange = store, keep, give_up, clock, exchange
        self.sources: dict[str, Source] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._asked: Asked = {}
        self.exchange(asked)

    def exchange(self, asked: Asked) -> None:
        """Other sources or other access from now on."""
        if asked == self._asked:
            return
        self._asked = asked
        self.sources = {name: self._source(name, *pair) for name, pair in asked.items()}
        self._changed.set()

    async def want(self, name: str, things: Sequence[str]) -> bool:
        """Puts on disk what a notice names; False where too much waits already."""

        def put(engine: Database) -> bool:
            taken = book.want(engine, name, things, self._clock())
            if taken:
                self._store.tell()
            return taken

        taken: bool = await self._store.transact(put)
        if name in self.sources:
            self.sources[name].wake()
        return taken

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                self._changed.clear()
                await self._end()
                self._tasks = {
                    name: asyncio.create_task(source.run(), name=f"fetch {name}")
                    for name, source in self.sources.items()
                }
                await self._until_changed()
        finally:
            await self._end()

    async def _until_changed(self) -> None:
        """A worker that fails by a bug of ours is said and begun again, and no other is touched by it."""
        changed = asyncio.create_task(self._changed.wait())
        try:
            while not changed.done():
                await asyncio.wait([changed, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED)
                for name, task in list(self._tasks.items()):
                    if task.done() and not task.cancelled() and not changed.done():
                        log.error("%s: asking failed (%s), and begins again", name, type(task.exception()).__name__)
                        self._tasks[name] = asyncio.create_task(self._later(self.sources[name]), name=f"fetch {name}")
        finally:
            changed.cancel()

    @staticmethod
    async def _later(source: Source) -> None:
        await asyncio.sleep(60)
        await source.run()

    async def _end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks = {}

    def _source(self, name: str, settings: SourceSettings, door: WebhookDoor) -> Source:
        system = SYSTEMS[settings.type]
        access = Access(source=settings, base=settings.endpoint or system.endpoint)
        return Source(
            name, system, access, self._store, partial(self._keep, door), partial(self._give_up, door), self._clock,
            exchange=self._exchange(),
        )  # fmt: skip
