"""Runs erasures one after another on an open store, beside accepting and sending, and cleans a restored folder.

Owns the order of the steps and the bytes: after the last transaction the write-ahead log is emptied, because old pages
stand in it until then. What each transaction does is `erasing`'s. Freed bytes in the database file are overwritten by
the engine itself (secure_delete); the file need not be rewritten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct, to_builtins

from twofold.errors import StoreError, place_of
from twofold.event.contact import name_kind
from twofold.matching.subject import SubjectRequest, forget_browsers, needles_of
from twofold.matching.user_data import forget_known
from twofold.privacy import erase
from twofold.privacy.audit_log import append_audit
from twofold.privacy.erase import Erasure, ErasureStep
from twofold.privacy.search import Finder, SubjectMatches, SubjectQuery, hints_of
from twofold.privacy.tombstones import Erasures, damaged_erasures
from twofold.privacy.unnaming import WorthOf, unname_due
from twofold.store.changed.days import erased_days, settle_erased
from twofold.store.engine import Database
from twofold.store.engines import emptied
from twofold.store.index.words import Because, remake
from twofold.store.peers.revisions import ERASED
from twofold.store.store import Store
from twofold.store.touches.nameless import put_due
from twofold.touch.source import forget_sources

log = logging.getLogger("twofold.privacy")

BREATH_S = 0.002  # after each few hundred rows of a search beside a serving loop
_AGAIN_S = 0.5  # while a send is in flight or a reader keeps the log from being emptied


class Status(Struct, kw_only=True):
    """How far an erasure is. ``state`` as in the table; ``what``, ``at`` and ``of`` are for a progress bar."""

    id: str
    state: str
    what: str = ""
    at: int = 0
    of: int = 0


class Eraser:
    """All methods on the store's loop."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        forget_files: Callable[[Sequence[tuple[str, int]]], int] | None = None,
        worth_of: WorthOf | None = None,
    ) -> None:
        """``forget_files`` takes what is derived of these days (part, day) away and answers how many files that were;
        ``worth_of`` says what orders came to whose path is to lose them."""
        self._worth_of = worth_of
        self._forget_files = forget_files or _no_files
        self._store = store
        self._clock = clock
        self._forget = store.forget_person
        self.file = Erasures(store.folder)
        self._requests: dict[str, SubjectRequest] = {}  # plain values, in memory only, for a fast search
        self._asked = asyncio.Event()
        self._asked.set()
        self._status: dict[str, Status] = {}
        self._running: asyncio.Task[Any] | None = None
        self._stopping = False

    # -- what others call

    async def ask(self, request: SubjectRequest, by: str) -> str:
        """A request on disk, answered with its id; what it asks for is done by `run`."""
        number: str = await self._store.transact(lambda e: self.ask_in(e, request, by))
        return number

    def ask_in(self, engine: Database, request: SubjectRequest, by: str) -> str:
        """The same inside a transaction of the writer, for a webhook's door: answer it once this is committed.

        Erasing a whole shop is held for the operator's word: a shop system sends it when an app is removed.
        """
        held = request.kind == "erase_shop" and by != COMMAND
        number = erase.ask(engine, self.file.ring, request, self._clock(), by, hold=held)
        self._store.tell()
        if request.kind == "erase":
            self._requests[number] = request
        self._asked.set()
        return number

    def status(self, number: str) -> Status | None:
        return self._status.get(number)

    async def release(self, number: str) -> str:
        """The operator's word for a request that is held. Raises `StoreError` when there is none of that id."""
        if not await self._store.transact(lambda e: erase.release(e, number)):
            raise StoreError(f"{number}: no request of that id waits for a word, see `twofold privacy-requests`")
        self._asked.set()
        return number

    async def look_up(self, number: str) -> dict[str, Any]:
        """An erasure's row, and how far it is."""
        row = await self._store.transact(lambda e: erase.read(e, number))
        status = self._status.get(number)
        return {"erasure": _shown(row), "status": to_builtins(status) if status else None}

    async def note(self, kind: str, facts: dict[str, Any], closes: str | None) -> None:
        """An entry in the log for what was read out; ``closes`` names a person's request that is answered by it."""
        await self._store.transact(partial(self._note, kind, facts, closes))

    async def run(self) -> None:
        """Does what is asked for until `stop`. An erasure that fails is tried again; a crash is made good at start."""
        self._running = asyncio.current_task()
        while not self._stopping:
            try:
                await self._asked.wait()
                self._asked.clear()
                await self.finish_all(breath_s=BREATH_S)
            except StoreError as err:
                log.error("an erasure did not finish and goes on later: %s", err)
                if self._store.failed is not None:
                    return
                await self._pause()
            except (asyncio.CancelledError, _Stopping):
                if not self._stopping:
                    raise
            except Exception as err:  # a bug must not end a gateway that accepts and sends
                log.critical(
                    "an erasure met a bug (%s at %s) and goes on later; please report it",
                    type(err).__name__,
                    place_of(err),
                )
                await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(_AGAIN_S)
        self._asked.set()

    def stop(self) -> None:
        """Ends `run` at the next step; what is unfinished goes on at the next start."""
        self._stopping = True
        if self._running is not None:
            self._running.cancel()

    async def start(self) -> int:
        """Before the port opens: finishes what a crash interrupted, and erases again what a restored database brought
        back. Answers how many erasures had to be done again."""
        entries = self.file.entries()
        damaged = damaged_erasures(self._store.folder)
        if damaged:
            log.critical(
                "%s: %d lines are not what was written; the other erasures count, and whom those named comes back with the "
                "next database that is put back: restore the file from a copy", self.file.path, damaged,
            )  # fmt: skip
        again = 0
        for entry in entries:
            again += await self._store.transact(partial(erase.bring_back, entry=entry))
        if self._store.alone:  # of several processes the one on duty does it, and the others' gates hear of it
            await self.finish_all()
        await self._load_gate()
        return again

    def hear(self) -> None:
        """Another process may have been asked for something."""
        self._asked.set()

    async def finish_all(self, breath_s: float = 0.0) -> None:
        """Every open erasure, oldest first."""
        while rows := await self._store.transact(lambda e: e.run("next_erasure")):
            await self._finish(rows[0][0], breath_s)

    async def _load_gate(self) -> None:
        """Tells the gate what was ever erased."""
        rows = await self._store.transact(lambda e: e.run("select_erased_ids"))
        self._store.gates.erased.load(partial(erase.erased_digest, self.file.ring), (digest for (digest,) in rows))

    def _note(self, kind: str, facts: dict[str, Any], closes: str | None, engine: Database) -> None:
        append_audit(engine, self._clock(), kind, facts)
        if closes:
            engine.run("drop_erasure_keys", (closes,))
            erase.close(engine, closes, self._clock())

    # -- one erasure

    async def _finish(self, number: str, breath_s: float) -> None:
        erasure, keys = await self._store.transact(lambda e: (erase.read(e, number), erase.keys_of(e, number)))
        status = self._status[number] = Status(id=number, state=erasure.state)
        look: Callable[[bytes], bool] = _always
        if erasure.state == "asked":
            look, keys = await self._find(erasure, keys, status, breath_s)
        if erasure.state == "found":
            await self._clear(ErasureStep(self.file.ring, erasure, keys, look, self._forget), status)
        status.state = "cleared"
        await self._forget_derived(number, status)
        await self._empty_log(status)
        await self._store.transact(lambda e: erase.close(e, number, self._clock()))
        await self._empty_log(status)  # the salt that was just taken away
        await self._load_gate()
        self._requests.pop(number, None)
        # What this process still knew in plain, of this person among others.
        forget_known()
        forget_browsers()
        forget_sources()
        name_kind.cache_clear()
        status.state, status.what = "done", ""
        log.info("erasure %s is done", number)

    async def _find(
        self, erasure: Erasure, keys: Sequence[tuple[str, bytes]], status: Status, breath_s: float
    ) -> tuple[Callable[[bytes], bool], list[tuple[str, bytes]]]:
        wanted = SubjectQuery(self.file.ring, keys, erasure.dataset)
        request = self._requests.get(erasure.id)
        needles = needles_of(request) if request else None
        everything = erasure.kind == "erase_shop"

        def progress(what: str, at: int, of: int) -> None:
            if self._stopping:
                raise _Stopping
            status.what, status.at, status.of = what, at, of

        finder = Finder(
            self._store.folder, wanted, needles=needles, everything=everything, progress=progress, breath_s=breath_s
        )
        found: SubjectMatches = await asyncio.get_running_loop().run_in_executor(None, finder.run)
        # First the file: a database restored from before this moment is cleaned by it.
        self.file.add(erase.entry_of(erasure, wanted, found))

        def keep(engine: Database) -> None:
            if not everything:
                theirs = erase.orders_of_person(engine, wanted, found)
                self._store.paths.make_now(theirs)
                put_due(engine, theirs, "erased")
            browsers = erase.forget_people(self._forget, found, request, wanted, everything=everything)
            erase.keep_found(engine, erasure, wanted, found, browsers)

        await self._store.transact(keep)
        kept: list[tuple[str, bytes]] = await self._store.transact(lambda e: erase.keys_of(e, erasure.id))
        hints = hints_of(found.leads | {(d, m) for d, m in found.marks if m.kind in ("order", "link")})
        if needles is None:
            return _always, kept
        return (lambda body: needles.hit(body) or hints.hit(body)), kept

    async def _clear(self, portion: ErasureStep, status: Status) -> None:
        total = await self._store.transact(lambda e: e.run("count_erasure_rows", (portion.id,))[0][0])
        done = 0
        while True:
            # What the person's orders came to is read while it can be told which they are.
            rows = await unname_due(self._store, self._worth_of, self._clock())
            await self._store.transact(partial(erase.count, identity=portion.id, more={"nameless": rows}))
            await self._stop_sends(portion, status)
            while n := await self._store.transact(partial(self._redact, portion)):
                done += n
                status.what, status.at, status.of = "taking out", done, max(total, done)
            while await self._store.transact(portion.clear_orders):
                pass
            await unname_due(self._store, self._worth_of, self._clock())
            while await self._store.transact(lambda e: remake(e, Because.ERASURE)):
                status.what = "taking words out of the index"
            if await self._store.transact(lambda e: portion.finish(e, self._clock())):
                return

    def _redact(self, portion: ErasureStep, engine: Database) -> int:
        self._store.revisions.raise_(ERASED)  # other processes' gates know the ids as soon as they are gone here
        return portion.redact(engine, self._clock())

    async def _stop_sends(self, portion: ErasureStep, status: Status) -> None:
        while True:
            looked, flying = await self._store.transact(lambda e: portion.stop_sends(e, self._clock()))
            if not looked:
                return
            if flying == looked:
                status.what = f"waiting for {flying} sends on their way"
                await asyncio.sleep(_AGAIN_S)

    async def _forget_derived(self, number: str, status: Status) -> None:
        """No file that was made of the state before is left, nor read by anybody."""
        days = await self._store.transact(erased_days)
        if not days:
            return
        status.what = "taking away the tables of reports"
        files = await asyncio.get_running_loop().run_in_executor(None, self._forget_files, days)

        def settled(engine: Database) -> None:
            settle_erased(engine, days)
            erase.count(engine, number, {"table_files": files})

        await self._store.transact(settled)

    async def _empty_log(self, status: Status) -> None:
        """Until the write-ahead log is empty. A long reader can hold it up; that is said, and tried again."""
        loop = asyncio.get_running_loop()
        while not await loop.run_in_executor(None, emptied, self._store.folder):
            status.what = "waiting for a reader of the database to end"
            await asyncio.sleep(_AGAIN_S)


class _Stopping(Exception):
    """Ends a search on its own thread."""


COMMAND = "command"
"""Who asked, when the operator did."""


def _no_files(_days: Sequence[tuple[str, int]]) -> int:
    return 0


def _always(_body: bytes) -> bool:
    return True


def _shown(row: Erasure | None) -> dict[str, Any] | None:
    if row is None:
        return None
    shown: dict[str, Any] = to_builtins(row)
    return {k: v for k, v in shown.items() if k not in ("salt", "scanned", "orders_at", "refused_at")}
