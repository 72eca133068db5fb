"""The store as the rest of the house sees it: journal, fold, orders, outbox and consent behind one face.

Owns what is asked of an open store, and its closing. Its parts and what one transaction does with them are in `opened`; queue,
commit and the committing thread are the engine's (`sqlite/commit`); what a copy is to its action is decided in `fold`, keys are
found in `fold_keys`. After a failed write or flush nothing more is acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from twofold.errors import RowFailed, StoreBusy, StoreError, StoreFailed
from twofold.event.delivery import Builder, Delivery, Settlement
from twofold.event.model import Event
from twofold.matching.subject import Mark
from twofold.store.appends import OrderNews
from twofold.store.beside.watermark import Loss
from twofold.store.engine import Database, Job, RefusedRow
from twofold.store.engines import kit_for, open_reader
from twofold.store.fold import FoldVerdict
from twofold.store.folding import LATEST_RECEIVED
from twofold.store.gates.trust import PolicyLike
from twofold.store.gates.values import Margins
from twofold.store.index.words import behind
from twofold.store.lines.row import LineEntry
from twofold.store.opened.parts import Parts, Wishes, open_parts
from twofold.store.opened.routes import Route
from twofold.store.opened.transaction import Transaction
from twofold.store.opened.turns import SHORT, Turns
from twofold.store.orders.ledger import OrderEntry
from twofold.store.peers.places import ALONE
from twofold.store.peers.revisions import ERASED
from twofold.store.sqlite.commit import Commits
from twofold.store.sqlite.statements import reading, statement
from twofold.touch.model import Sign

SURE_TIME = "sure_time"
"""The row of `meta` with the newest time that was certain, in ms."""

REVIVE_PORTION = 2_000
"""Dead deliveries that one transaction revives: some 15 ms of the loop. All of a long outage at once stopped it for seconds."""


def read_newest(folder: Path) -> int:
    """`Store.newest_ms` of a folder that is not open here."""
    db = open_reader(folder)
    try:
        kept = db.execute(statement("select_meta"), (SURE_TIME,)).fetchall()
        last = db.execute(statement("last_received"), (ALONE.before, ALONE.end)).fetchall()
        return _newest(kept, int(last[0][0]) if last else 0)
    finally:
        db.close()


def _newest(kept: Sequence[tuple[Any, ...]], last: int) -> int:
    return int(kept[0][0]) if kept else last


log = logging.getLogger("twofold.store")

DUTY_MS = 60_000
"""How long a process has what only one does at a time, unless it asks again: another one goes on so long after its end."""


class Store:
    """Opens a data folder and owns it until `close`. All methods are called on the event loop's thread."""

    def __init__(
        self,
        folder: Path | str,
        *,
        routes: dict[str, Route],
        policies: Mapping[str, PolicyLike] | None = None,
        opened_at: int,
        window_days: int = 8,
        max_queue: int = 20_000,
        refused_keep: int = 100_000,
        people_days: int = 30,
        touch_days: int = 400,
        on_failure: Callable[[BaseException], None] | None = None,
        margins: Margins | None = None,
        peer: str | None = None,
    ) -> None:
        """``margins``: what orders are expected to leave, for destinations that are told it. ``peer``: this process's name
        among several on one database; None where the folder is this process's alone, as its lock sees to."""
        self.folder = Path(folder)
        self.altered_file: str | None = None
        self._kit = kit_for(self.folder)
        self._engine: Database = self._kit.opened(self.folder, self._examine if peer is None else None)
        try:
            wishes = Wishes(
                routes=routes, policies=policies or {}, margins=margins, opened_at=opened_at, window_days=window_days,
                refused_keep=refused_keep, people_days=people_days, touch_days=touch_days, peer=peer,
            )  # fmt: skip
            parts = open_parts(self._engine, self._kit, self.folder, wishes)
            self._keep(parts)
            self.revisions.listen(ERASED, self._hear_erased)
            self._engine.on_back = self._came_back
            self.watermark.begin()
        except (StoreFailed, RowFailed) as err:
            self._engine.close()
            raise StoreError(f"{self.folder} cannot be read: {err}; restore it from a backup") from err
        except BaseException:
            self._engine.close()
            raise
        self._folding.latest_ms = max(self.newest_ms, self._last_received(), int(self.note_of(LATEST_RECEIVED) or 0))
        self.page_check = self._kit.page_check(self.folder)
        self._max_queue = max_queue
        self._callbacks: dict[str, list[Callable[[], None]]] = {}
        self._commits = Commits(
            self._engine,
            Transaction(parts),
            opened_at,
            wake=self._wake,
            on_failure=on_failure,
            alone=self.place.alone,
        )
        self._turns = Turns(self._commits)

    def _keep(self, parts: Parts) -> None:
        """The parts that are asked for from outside, and those behind the methods of this face."""
        self.place, self.revisions, self.ended_unclean = parts.place, parts.revisions, parts.ended_unclean
        self.watermark, self.changed, self.gates = parts.watermark, parts.changed, parts.gates
        self.people, self.orders = parts.people, parts.orders
        self.ring, self.paths, self.signs = parts.ring, parts.paths, parts.signs
        self._withdrawals, self._index = parts.withdrawals, parts.index
        self._outbox, self._journal = parts.outbox, parts.journal
        self._folding, self._appends = parts.folding, parts.appends

    @property
    def queued(self) -> int:
        """Events and refusals handed in and not yet committed."""
        return self._commits.queued

    @property
    def accepted(self) -> int:
        """Events committed since the start."""
        return self._commits.accepted

    @property
    def last_commit_ms(self) -> int:
        """When the last commit returned."""
        return self._commits.last_commit_ms

    @property
    def late_s(self) -> float:
        """How long what was handed in has waited without anything being committed; 0.0 while nothing waits. On any thread."""
        return self._commits.late_s

    @property
    def altered(self) -> int:
        """What was not done since the start because something stored of it is not what was written: deliveries that were not
        sent, and bodies whose events go with such a row and were not accepted."""
        return self._outbox.altered + self._commits.met_altered

    @property
    def damaged_withdrawals(self) -> int:
        """Lines of the file of withdrawals that were not what was written when the folder was opened."""
        return self._withdrawals.damaged

    @property
    def failed(self) -> BaseException | None:
        """Why nothing more is acknowledged; None while all is well."""
        return self._commits.failed

    @property
    def purchase_ids(self) -> str:
        """Which form a Purchase's id has unless it is set: a folder of version 0.2 keeps its own."""
        rows = self._engine.run("select_meta", ("purchase_ids",))
        return str(rows[0][0]) if rows else "secret"

    # -- what the collector calls

    def append(
        self,
        events: Sequence[Event],
        refused: Sequence[RefusedRow] = (),
        orders: Sequence[OrderEntry] = (),
        signs: Sequence[Sign] = (),
        lines: Sequence[LineEntry] = (),
    ) -> asyncio.Future[list[FoldVerdict]]:
        """Journals, folds and enqueues; the future holds one verdict an event once all of it is on disk.

        Raises `StoreBusy` when too much is waiting, `StoreFailed` after a failed write; the future may raise
        `StoreFull`. Nothing of the call is kept in these cases.
        """
        job = Job(
            future=self._commits.future(), events=events, refused=refused, orders=orders, signs=signs, lines=lines
        )
        return self._append(job)

    def append_orders(self, orders: Sequence[OrderEntry], events: Sequence[Event] = ()) -> asyncio.Future[OrderNews]:
        """Like `append`; the future holds how many of the orders were new, and of how many known ones something new was
        told, once all of it is on disk."""
        return self._append(Job(future=self._commits.future(), events=events, orders=orders, counts_orders=True))

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

        Consent and age are read here, at every attempt: what may not be sent is settled instead of returned. One of which
        something cannot be read, or that meets a bug, is found among the others and is dead; they are claimed without it.
        While events wait for the disk, fewer than ``limit`` and after them; see `Turns`.
        """
        if not self._turns.pressed:
            return await self._claim(destination, now_ms, limit, lease_ms, build, max_age_s)
        async with self._turns:
            some = min(limit, SHORT) if self._turns.pressed else limit
            claimed = await self._claim(destination, now_ms, some, lease_ms, build, max_age_s)
            self._turns.took(self._outbox.looked_at)
            return claimed

    async def _claim(
        self,
        destination: str,
        now_ms: int,
        limit: int,
        lease_ms: int,
        build: Builder,
        max_age_s: Callable[[str], int],
    ) -> list[Delivery]:

        def work(portion: int) -> Callable[[], list[Delivery]]:
            return lambda: self._outbox.claim(destination, now_ms, portion, lease_ms, build, max_age_s)

        claimed: list[Delivery] = []
        left = portion = limit
        while left:
            try:
                claimed += await self._work(work(portion), beside=True)
            except RowFailed as err:
                if portion > 1:
                    portion = (portion + 1) // 2
                    continue
                await self._work(partial(self._outbox.give_up_next, destination, now_ms, err), beside=True)
            left -= portion
            portion = min(left, portion * 2)
        return claimed

    async def settle(self, settlements: Sequence[Settlement], now_ms: int) -> None:
        """Records attempts and what follows from them. A settlement under an old lease changes nothing."""
        await self._work(lambda: self._outbox.settle(settlements, now_ms), beside=True)

    async def note_told(self, deliveries: Sequence[int], state: str, note: str, at_ms: int) -> None:
        """Keeps what a platform told later of a request, beside the attempts of its deliveries."""
        await self._work(lambda: self._outbox.note_told(deliveries, state, note, at_ms), beside=True)

    async def unanswered(
        self, destination: str, since_ms: int, after: int
    ) -> tuple[list[tuple[int, int, str]], int | None]:
        """Delivery, time and note of attempts since then of which the platform has not told what became of them, of a stretch after
        an attempt's id; and after which id to go on, None at the end."""
        found: tuple[list[tuple[int, int, str]], int | None] = await self._work(
            lambda: self._outbox.unanswered(destination, since_ms, after), beside=True
        )
        return found

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
        due: int | None = await self._work(lambda: self._outbox.next_due(destination), beside=True)
        return due

    @property
    def consent_changes(self) -> int:
        """How often consent was taken back from what may be claimed already. Read it before a claim; when it has moved by
        the time a request would be written, hand the batch back instead: the next claim decides afresh."""
        return self._withdrawals.changes + self._folding.consent_changes

    @property
    def alone(self) -> bool:
        """True where nobody else writes to the database: nobody changes what this process knows."""
        return self.place.alone

    async def look(self) -> None:
        """Before a request is written: what other processes have paused, withdrawn or taken back is known afterwards."""
        if not self.place.alone:
            await self._work(_nothing, beside=True)  # every transaction begins by catching up

    async def on_duty(self, name: str, now_ms: int, for_ms: int = DUTY_MS) -> bool:
        """True where this process does what only one does at a time, and has it for so long from now on."""
        if self.place.alone:
            return True

        def take() -> bool:
            self._engine.run("see_worker", (self.place.number, now_ms, self.place.generation))
            self._engine.run("take_duty", (name, self.place.number, now_ms, now_ms + for_ms))
            return self._engine.changes() > 0

        held: bool = await self._work(take, beside=True)
        return held

    async def leave_duty(self, name: str) -> None:
        """What `on_duty` gave this process is given back: the next that asks has it, and waits for no end of a minute."""
        await self._work(lambda: self._engine.run("leave_duty", (name, self.place.number)), beside=True)

    async def who_is_on_duty(self, name: str, now_ms: int) -> str | None:
        """The name of the process that does it now; None where nobody does."""
        rows = await self.transact(lambda e: e.run("who_is_on_duty", (name, now_ms)))
        return str(rows[0][0]) if rows else None

    def on_enqueued(self, destination: str, callback: Callable[[], None]) -> None:
        """Calls ``callback`` on the loop after a commit that may have given this destination work."""
        self._callbacks.setdefault(destination, []).append(callback)

    # -- what a person asks for

    def withdraw(self, dataset: str, marks: Sequence[Mark], now_ms: int) -> asyncio.Future[int]:
        """Consent of whoever these point to is withdrawn: no attempt that starts once this is done holds their events."""

        def work() -> int:
            self.people.deny(dataset, marks, now_ms)
            self.signs.withdraw(dataset, marks)
            return self._withdrawals.withdraw(dataset, marks, self._after_all(now_ms))

        return self._change(work)

    def grant(self, dataset: str, marks: Sequence[Mark], now_ms: int) -> asyncio.Future[int]:
        """Consent is given again, for events that come from now on; brings how many marks had been withdrawn."""
        return self._change(lambda: self._withdrawals.grant(dataset, marks, now_ms))

    def withdraw_all(self, marks: Mapping[str, Sequence[Mark]], now_ms: int) -> asyncio.Future[dict[str, int]]:
        """`withdraw` for several datasets in one transaction: all of them or none; marks by dataset."""

        def work() -> dict[str, int]:
            for dataset, theirs in marks.items():
                self.people.deny(dataset, theirs, now_ms)
                self.signs.withdraw(dataset, theirs)
            at = self._after_all(now_ms)
            return {d: self._withdrawals.withdraw(d, theirs, at) for d, theirs in marks.items()}

        return self._change(work)

    def grant_all(self, marks: Mapping[str, Sequence[Mark]], now_ms: int) -> asyncio.Future[dict[str, int]]:
        """`grant` for several datasets in one transaction."""
        return self._change(lambda: {d: self._withdrawals.grant(d, m, now_ms) for d, m in marks.items()})

    def _after_all(self, now_ms: int) -> int:
        """Not before anything that is here already: by a clock that was set back, what came in yesterday would be later than a no
        of today and the yes after it."""
        return max(now_ms, self.newest_ms, self._folding.latest_ms)

    async def purge_withdrawals(self, before_ms: int) -> int:
        """Forgets withdrawals that were taken back before every event that could still be sent; answers how many."""
        forgotten: int = await self._work(lambda: self._withdrawals.purge(before_ms))
        return forgotten

    # -- what the operator asks for

    async def revive(self, deliveries: Sequence[int], now_ms: int) -> int:
        """Makes dead deliveries wait again; answers how many. In portions, so that accepting goes on meanwhile."""
        revived = 0
        for start in range(0, len(deliveries) or 1, REVIVE_PORTION):
            some = deliveries[start : start + REVIVE_PORTION]
            revived += await self._work(partial(self._outbox.revive, some, now_ms), wakes=True)
        return revived

    def trust(self, sure: Callable[[int], int]) -> None:
        """What cannot be taken back (age, keys of the fold, gates) asks this from now on; see `clock.TrustedTime`."""
        self._outbox.sure = self._folding.sure = sure

    @property
    def newest_ms(self) -> int:
        """The newest time on disk that was certain: kept while running, else the last event's. 0 in an empty folder."""
        return _newest(self._engine.run("select_meta", (SURE_TIME,)), self._last_received())

    def _last_received(self) -> int:
        """When the last event came, by the clock of then; 0 in an empty folder."""
        last = self._engine.run("last_received", (self.place.before, self.place.end))
        return int(last[0][0]) if last else 0

    async def keep_time(self, sure_ms: int) -> None:
        """Writes the time that is certain to have come, for the next start."""
        await self._work(partial(self._keep_time, sure_ms), beside=True)

    def _keep_time(self, sure_ms: int) -> None:
        if not self.place.alone:
            self._engine.run("see_worker", (self.place.number, sure_ms, self.place.generation))
        self._engine.run("put_meta", (SURE_TIME, str(sure_ms)))

    async def keep_note(self, name: str, text: str) -> None:
        """Writes a short text of somebody else's under a name, for the next start."""
        await self._work(lambda: self._engine.run("put_meta", (name, text)), beside=True)

    def note_of(self, name: str) -> str | None:
        """What was kept under a name, before the store is started: afterwards a commit may be using the connection."""
        return _note_in(self._engine, name)

    async def note(self, name: str) -> str | None:
        """What was kept under a name, of a started store."""
        found: str | None = await self._work(lambda: _note_in(self._engine, name), beside=True)
        return found

    def moved(self, before_ms: int, after_ms: int) -> None:
        """The gateway's time has moved at once: before anything is stamped by it the fold is told."""
        self._folding.moved(before_ms, after_ms)

    async def shift(self, before_ms: int, after_ms: int) -> None:
        """The gateway's time has moved at once; what waits is planned anew. Not where others plan by their own clocks, too."""
        if not self.place.alone:
            return
        await self._work(lambda: self._outbox.shift(before_ms, after_ms), wakes=True)

    async def replan(self, now_ms: int) -> None:
        """At a start with a clock that is believed: what waits for a time that an earlier, wrong one said is looked at."""
        if not self.place.alone:
            return
        await self._work(lambda: self._outbox.replan(now_ms), wakes=True)

    async def judge_kept_back(self, act: Literal["release", "drop"], deliveries: Sequence[int], now_ms: int) -> int:
        """A person's word on deliveries that were kept back for want of trust; answers how many it changed."""
        changed = 0
        for start in range(0, len(deliveries), REVIVE_PORTION):
            some = deliveries[start : start + REVIVE_PORTION]
            changed += await self._work(partial(self._outbox.judge_kept_back, act, some, now_ms), wakes=True)
        return changed

    async def index_words(self) -> bool:
        """Takes some rows into the index by which a person is found; True when there were some. Some milliseconds."""
        more: bool = await self._work(lambda: self._index.step(self._engine), beside=True)
        return more

    async def words_behind(self) -> int:
        """How many rows that index is behind."""
        rows: int = await self._work(lambda: behind(self._engine, self.place), beside=True)
        return rows

    async def transact(self, work: Callable[[Database], Any]) -> Any:
        """Runs ``work`` inside one of the store's transactions; what it answers, once that is on disk.

        The collector waits meanwhile, and among several processes those of all: keep it short, and cut long work into portions.
        """
        return await self._work(lambda: work(self._engine))

    def tell(self) -> None:
        """Inside a transaction: something is acknowledged with it whose loss must be noticed, too."""
        self._journal.tell(1)

    def forget_person(self, ids: Sequence[tuple[str, str]], dataset: str | None = None) -> int:
        """Browsers seen with one of these (kind and value), their visits and all signs; answers how many browsers."""
        forgotten = self.people.forget(ids, dataset)
        self.signs.forget(dataset, ids)
        return forgotten

    # -- life

    def start(self) -> None:
        """Starts the store's threads; call on the running loop."""
        self._commits.start()
        self.watermark.start()
        if self.ended_unclean or self.altered_file is not None:
            self.page_check.start()

    async def close(self) -> None:
        """Finishes what is queued, then closes the folder."""
        await self._commits.finish()
        self.page_check.stop()
        self._folding.close()
        self.watermark.close(clean=self.failed is None)
        self._engine.close(partial(self._kit.seal, self.folder) if self.place.alone else None)

    # -- inside

    def _examine(self, loss: Loss | None) -> None:
        """Before anything is written. What is missing is a loud stop; what was changed is looked at, page by page."""
        folder = self.folder
        if loss is not None:
            raise loss.error(folder)
        self.altered_file = self._kit.altered(folder)
        if self.altered_file is not None:
            log.critical("%s; every table is checked now, run `twofold verify --full`, too", self.altered_file)

    def _came_back(self, db: Any) -> None:
        """The connection is there again, perhaps to another server: it must have what was acknowledged, and this process's place
        must still be its own."""
        self.revisions.require_own(reading(db))
        loss = self._kit.lost(self.folder, False)
        if loss is not None:
            raise loss.error(self.folder)

    def _hear_erased(self) -> None:
        self.gates.erased.know(digest for (digest,) in self._engine.run("select_erased_ids"))

    def _append(self, job: Job) -> asyncio.Future[Any]:
        queued = self._commits.queued
        if queued + job.weight > self._max_queue:
            raise StoreBusy(f"{queued} events wait for the disk (limit {self._max_queue}); send again later")
        job.wakes = bool(job.orders)
        job.beside = not job.orders and not job.lines
        return self._commits.submit(job)

    def _change(self, work: Callable[[], Any], wakes: bool = False, beside: bool = False) -> asyncio.Future[Any]:
        return self._commits.submit(Job(future=self._commits.future(), work=work, wakes=wakes, beside=beside))

    async def _work(self, work: Callable[[], Any], wakes: bool = False, beside: bool = False) -> Any:
        """``beside``: what it reads to write it holds by itself; else it has the database for itself, whoever else writes."""
        return await self._change(work, wakes, beside)

    def _wake(self) -> None:
        for callbacks in self._callbacks.values():
            for callback in callbacks:
                callback()


def _nothing() -> None:
    """A transaction of its own for what each begins with."""


def _note_in(engine: Database, name: str) -> str | None:
    rows = engine.run("select_meta", (name,))
    return str(rows[0][0]) if rows else None
