"""One source that is asked: what is wanted of it one after the other, its list of changes from time to time, and patience.

Owns whose turn it is, how fast is asked, what is tried again and when a name is given up. Questions run in a thread; what was fetched comes
in by the door of its source, and only when that is on disk the name is taken off the book: whenever the machine stops, the name is
asked for again, and what comes twice changes nothing. A list's place moves in the transaction that wants what it showed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from msgspec import structs

from twofold.errors import StoreBusy, StoreError, place_of
from twofold.fetching.contract import Access, Page, System, Wait
from twofold.pulling.contract import Problem, Who
from twofold.pulling.exchange import Exchange
from twofold.store.engine import Database
from twofold.store.fetches import book

log = logging.getLogger("twofold.fetching")

TIMEOUT_S = 30.0
UNKNOWN_TRIES = 3
"""So often a name that its system does not know is asked for: it may be told of before it can be read."""
UNKNOWN_AFTER_S = (20.0, 300.0)
UNKNOWN_MS = int(sum(UNKNOWN_AFTER_S) * 1000)
FIRST_WAIT_S, MAX_WAIT_S = 5.0, 3_600.0
PAUSE_S, LONGEST_PAUSE_S = 60.0, 300.0
"""A source that refuses everybody is asked again after this; after a failure that may pass sooner, and each time later."""
GIVEN_UP_AFTER_MS, GIVEN_UP_TRIES = 7 * 86_400_000, 24
"""A name to which its system has no answer for so long, and as often: a week in which nobody was let in is not its fault."""
LOOK_AT_LEAST_S = 60.0
MOST_WANTED = 1_000
"""With so many that wait a list is not read on."""
MAX_PAGES = 2_000
UNKNOWN, NEVER_CAME = "the system does not know it", "the system gave no answer to it for a week"


class StoreLike(Protocol):
    """What of the store is used."""

    async def transact(self, work: Callable[[Database], Any]) -> Any: ...


Keep = Callable[[bytes], Awaitable[None]]
"""Takes what was fetched; done once it is on disk. Raises `StoreError`."""
GiveUp = Callable[[str, str], Awaitable[None]]
"""Keeps that nothing came for a name, and why."""


class Source:
    """The turns of one source. ``clock`` in ms, by which turns stand in the book; ``steady`` in s, by which is paused. ``exchange`` asks
    each question once."""

    def __init__(
        self, name: str, system: System, access: Access, store: StoreLike, keep: Keep, give_up: GiveUp, clock: Callable[[], int],
        *, exchange: Exchange | None = None, steady: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.name = name
        self._system, self._access, self._store = system, access, store
        self._keep, self._give_up, self._clock = keep, give_up, clock
        self._exchange = exchange or Exchange(tries=1, timeout_s=TIMEOUT_S)
        self._gap_s = 60.0 / access.source.asks_per_minute
        every = access.source.every_minutes
        self._every_s = (system.every_minutes if every < 0 else every) * 60.0 if system.changed is not None else 0.0
        self._steady = steady
        self._look_at = steady()  # when the list is read next
        self._before_names_at = (
            steady()
        )  # from when on it is read although names wait: no flood of names keeps it from being read
        self._pause_until = steady()
        self._failures = 0
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something is wanted."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                wait_s = await self.turn()
            except StoreError as err:
                wait_s = 2.0 if isinstance(err, StoreBusy) else PAUSE_S
                log.error("%s: what is wanted could not be read or kept, and is tried again: %s", self.name, err)
            if wait_s:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(wait_s, LOOK_AT_LEAST_S)):
                        await self._woken.wait()

    async def turn(self) -> float:
        """One thing, or one page of the list; how long, s, there is nothing to do then. Raises `StoreError`."""
        pause_s = self._pause_until - self._steady()
        if pause_s > 0:
            return pause_s
        now, is_due = self._clock(), bool(self._every_s) and self._look_at <= self._steady()
        if is_due and self._before_names_at <= self._steady():
            await self._look()
            return self._paced()
        wanted: book.Wanted | None = await self._store.transact(lambda e: book.first(e, self.name, now))
        if wanted is not None:
            await self._one(wanted)
            return self._paced()
        if is_due:
            await self._look()
            return self._paced()
        due: int | None = await self._store.transact(lambda e: book.next_turn(e, self.name))
        turns = [] if due is None else [(due - now) / 1000]
        turns += [self._look_at - self._steady()] if self._every_s else []
        return max(min(turns, default=LOOK_AT_LEAST_S), 0.05)

    def _paced(self) -> float:
        """The pause that as many questions cost as were asked in this turn; none of what is asked next may come before its end."""
        asked, self._exchange.asked = self._exchange.asked, 0
        self._pause_until = max(self._pause_until, self._steady() + asked * self._gap_s)
        return max(self._pause_until - self._steady(), 0.0)

    # -- one thing

    async def _one(self, wanted: book.Wanted) -> None:
        try:
            body = await self._asked(partial(self._system.fetch, self._access, wanted.thing, self._exchange))
            if body is not None:
                await self._kept(body)
        except Problem as problem:
            await self._failed(problem, wanted)
            return
        if body is None:
            await self._unknown(wanted)
        else:
            await self._took(wanted, self._system.again(body, self._clock() / 1000))
        await self._well()

    async def _asked(self, question: Callable[[], Any]) -> Any:
        """What a system answers. A form that nobody thought of, and a bug of ours, is a problem of what was asked for, and of nothing else."""
        try:
            return await in_thread(question)
        except Problem:
            raise
        except Exception as err:
            log.error("%s: an answer could not be worked on: %s in %s", self.name, type(err).__name__, place_of(err))
            raise Problem("unexpected_answer", Who.PLATFORM, "an answer could not be worked on; see the log") from None

    async def _kept(self, body: bytes) -> None:
        try:
            await self._keep(body)
        except StoreError:
            raise
        except Exception as err:
            log.error(
                "%s: what was fetched could not be taken in: %s in %s", self.name, type(err).__name__, place_of(err)
            )
            raise Problem(
                "unexpected_answer", Who.PLATFORM, "what was fetched could not be taken in; see the log"
            ) from None

    async def _took(self, wanted: book.Wanted, again_s: float | None = None) -> None:
        def put(engine: Database) -> None:
            now = self._clock()
            book.came(engine, self.name, wanted, now)
            if again_s is not None:
                book.want_at(engine, self.name, [wanted.thing], now + int(again_s * 1000))

        await self._store.transact(put)

    async def _unknown(self, wanted: book.Wanted) -> None:
        """Failures count as tries, too; so that they shorten no patience, the name was told of as long ago as three questions take."""
        waited = self._clock() - wanted.first_at
        if wanted.tries + 1 >= UNKNOWN_TRIES and not 0 <= waited < UNKNOWN_MS:
            await self._give_up(wanted.thing, UNKNOWN)
            await self._took(wanted)
            return
        due_at = self._clock() + int(UNKNOWN_AFTER_S[min(wanted.tries, 1)] * 1000)
        await self._store.transact(lambda e: book.again(e, self.name, wanted, due_at))

    async def _failed(self, problem: Problem, wanted: book.Wanted) -> None:
        """What stands in everybody's way costs this name nothing; what may be its own fault puts it behind the others."""
        now = self._clock()
        if problem.who is Who.PLATFORM:
            if now - wanted.first_at > GIVEN_UP_AFTER_MS and wanted.tries >= GIVEN_UP_TRIES:
                await self._give_up(wanted.thing, NEVER_CAME)
                await self._took(wanted)
            else:
                wait_s = min(FIRST_WAIT_S * 2 ** min(wanted.tries, 20), MAX_WAIT_S)
                await self._store.transact(lambda e: book.again(e, self.name, wanted, now + int(wait_s * 1000)))
        await self._stands(problem)

    # -- the list

    async def _look(self) -> None:
        """Reads the list from where it was read to, less the overlap, until nothing more is behind it. One that is not read to its end,
        or that cannot be had, comes behind the names that wait, for as long as it is not due anew."""
        assert self._system.changed is not None
        self._before_names_at = self._steady() + self._every_s
        known: book.DoorState = await self._store.transact(lambda e: book.state(e, self.name))
        overlap = self._system.overlap_s
        # Before the first look only what changes from now on: what was before comes by import.
        until = known.until if known.until is not None else self._clock() // 1000
        since, number, newest = until - overlap, 1, until
        for _ in range(MAX_PAGES):
            try:
                page = await self._asked(partial(self._system.changed, self._access, since, number, self._exchange))
            except Problem as problem:
                await self._stands(problem)
                self._before_names_at = self._pause_until + self._every_s
                return
            told_at = self._access.told_at
            if known.until is None and number == 1 and told_at is not None and told_at < until:
                # A shop whose clock is behind: its changes from now on begin before what was asked for.
                until = newest = told_at
                since = until - overlap
                known = structs.replace(known, until=until)
                continue
            newest = max([newest, *(one.at for one in page.things)])
            last = not page.more or not page.things
            until = newest if last or self._system.in_order else until
            await self._store.transact(partial(self._keep_page, page, until))
            if last:
                break
            since, number = after(page, since, number) if self._system.in_order else (since, number + 1)
            if await self._store.transact(lambda e: book.waiting(e, self.name, self._clock())) >= MOST_WANTED:
                await self._well()
                return  # the next turn goes on from here
        self._look_at = self._steady() + self._every_s
        await self._well()

    def _keep_page(self, page: Page, until: int, engine: Database) -> None:
        book.listed(engine, self.name, page.things, until, self._system.overlap_s, self._clock())

    # -- how it stands

    async def _well(self) -> None:
        self._failures = 0
        await self._store.transact(lambda e: book.answered(e, self.name, self._clock()))

    async def _stands(self, problem: Problem) -> None:
        """A problem pauses the source: shortly where it may pass, as long as it says where it says so."""
        now = self._clock()
        wait_s = min(FIRST_WAIT_S * 2**self._failures, LONGEST_PAUSE_S)
        if isinstance(problem, Wait) and problem.wait_s is not None:
            wait_s = min(max(problem.wait_s, 1.0), MAX_WAIT_S)
        elif problem.who is Who.OPERATOR:
            wait_s = max(wait_s, PAUSE_S)
        self._failures = min(self._failures + 1, 10)
        self._pause_until = self._steady() + wait_s
        log.warning("%s: %s (%s must act)", self.name, problem.text, problem.who)
        await self._store.transact(
            lambda e: book.refused(e, self.name, problem.code, problem.who.value, problem.text, now)
        )


def after(page: Page, since: int, number: int) -> tuple[int, int]:
    """Where a list goes on. From the last change's own second, so that what moves to the list's end meanwhile shifts nothing; by pages
    only within one second that fills more than a page."""
    last = page.things[-1].at
    return (last, 1) if last > since else (since, number + 1)


async def in_thread(work: Callable[[], Any]) -> Any:
    """Runs it in a thread that no end of the program waits for: a question may take half a minute."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def tell(result: Any, err: BaseException | None) -> None:
        if not future.done():
            future.set_result(result) if err is None else future.set_exception(err)

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except BaseException as err:
            failed = err
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, failed)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return await future
