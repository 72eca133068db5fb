"""Defects that are planted one at a time, by name: a simulator that does not find them proves nothing by being green.

Each is what a tired programmer could write. They are put into the running program, never into its files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from twofold import clock
from twofold.audiences import listing, sync
from twofold.audiences.persons import Person
from twofold.audiences.sync import Plan, Syncing
from twofold.deliver import health, retry, worker
from twofold.deliver.retry import Decision
from twofold.destinations.contract import AnswerOutcome, Limits
from twofold.event import identity
from twofold.event.delivery import DeliveryState, Settlement
from twofold.fetching import worker as fetching
from twofold.fetching.schedule import Fetches
from twofold.privacy import retention, runner
from twofold.privacy.erase import ErasureStep
from twofold.privacy.retention import Retention
from twofold.pulling.contract import Who
from twofold.store.beside.watermark import Watermark
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.fetches import book
from twofold.store.folding import Folding
from twofold.store.gates import candidates
from twofold.store.gates.contract import Held
from twofold.store.gates.orders import OrderGate
from twofold.store.gates.sequence import Gates
from twofold.store.gates.withdrawals import Withdrawals
from twofold.store.journal import Journal
from twofold.store.ladder import Admitted
from twofold.store.outbox import Outbox
from twofold.store.sqlite import database
from twofold.store.sqlite.commit import Commits
from twofold.store.sqlite.database import Engine
from twofold.store.sqlite.fold_keys import FoldKeys
from twofold.store.store import Store

Plant = Callable[[pytest.MonkeyPatch], None]


class Defect(NamedTuple):
    """``what`` is wrong, as a sentence's end."""

    name: str
    what: str
    plant: Plant


def _early_answer(patch: pytest.MonkeyPatch) -> None:
    def write(self: Commits, jobs: list[Any]) -> None:
        original(self, jobs)
        if self._committing:
            for job in jobs:
                if not job.future.done():
                    job.future.set_result(job.result)

    original = Commits._write
    patch.setattr(Commits, "_write", write)


def _no_sync(patch: pytest.MonkeyPatch) -> None:
    def configure(self: Engine) -> None:
        original(self)
        self.db.pragma("synchronous", "normal")

    original = Engine._configure
    patch.setattr(Engine, "_configure", configure)


def _full_is_fine(patch: pytest.MonkeyPatch) -> None:
    def refused(self: Commits, jobs: list[Any], error: Exception) -> None:
        if type(error).__name__ != "StoreFull":
            return original(self, jobs, error)
        self._roll_back()
        return self._answer(jobs, [[] for _ in jobs])

    original = Commits._refused
    patch.setattr(Commits, "_refused", refused)


def _all_tiers_equal(patch: pytest.MonkeyPatch) -> None:
    def across(self: Folding, batch: Any, event: Any, keys: Any, found: Any, order: Any) -> Any:
        return self._among_equals(batch, event, keys, found, order)

    patch.setattr(Folding, "_across_tiers", across)


def _keys_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgets(_self: FoldKeys, _rows: Any, _now_ms: int) -> None:
        """Nothing is written."""

    patch.setattr(FoldKeys, "insert", forgets)


def _first_word_counts(patch: pytest.MonkeyPatch) -> None:
    def unite(copies: Sequence[Any]) -> Any:
        first = min(copies, key=lambda copy: copy.received_at)
        return msgspec.structs.replace(original(copies), custom_data=first.custom_data)

    original = candidates.unite
    patch.setattr(candidates, "unite", unite)


def _no_lease(patch: pytest.MonkeyPatch) -> None:
    def run(self: Engine, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if name == "lease_deliveries":
            bindings = (bindings[2] + 1, *bindings[1:])
        return original(self, name, bindings)

    def without(self: worker.Worker, batch: Any) -> None:
        start(self, batch)
        self._leased.clear()

    original, start = Engine.run, worker.Worker._start
    patch.setattr(Engine, "run", run)
    patch.setattr(worker.Worker, "_start", without)


def _made_anew(patch: pytest.MonkeyPatch) -> None:
    def again(self: Outbox, destination: str, row: Any) -> Any:
        delivery = original(self, destination, row)
        later = (
            delivery.payload.replace(b'"event_time":', b'"event_time":1', 1) if delivery.attempts else delivery.payload
        )
        return msgspec.structs.replace(delivery, payload=later)

    original = Outbox._as_before
    patch.setattr(Outbox, "_as_before", again)


def _no_at_first_only(patch: pytest.MonkeyPatch) -> None:
    def begin(self: Gates, *args: Any) -> None:
        original(self, *args)
        self.again = self.again[1:]

    original = Gates.__init__
    patch.setattr(Gates, "__init__", begin)


def _old_after_grant(patch: pytest.MonkeyPatch) -> None:
    def stops(self: Withdrawals, candidate: Any, now_ms: int) -> Any:
        return original(self, msgspec.structs.replace(candidate, copies=candidate.copies[-1:]), now_ms)

    def select(self: Engine, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows = run(self, name, bindings)
        return [row for row in rows if row[2] is None] if name == "select_withdrawals" else rows

    original, run = Withdrawals.stops, Engine.run
    patch.setattr(Engine, "run", select)


def _hands_on(patch: pytest.MonkeyPatch) -> None:
    def must_yield(self: worker.Worker, part: Any) -> bool:
        return original(self, msgspec.structs.replace(part, consent=self._outbox.consent_changes))

    original = worker.Worker._must_yield
    patch.setattr(worker.Worker, "_must_yield", must_yield)


def _no_mark(patch: pytest.MonkeyPatch) -> None:
    def mark(_self: Watermark, _position: int, _chain: bytes) -> None:
        """Nothing is written."""

    patch.setattr(Watermark, "mark", mark)


def _erased_still_waits(patch: pytest.MonkeyPatch) -> None:
    def stop(_self: ErasureStep, _engine: Engine, _now_ms: int) -> tuple[int, int]:
        return 0, 0

    patch.setattr(ErasureStep, "stop_sends", stop)


def _log_is_left(patch: pytest.MonkeyPatch) -> None:
    def empty(_folder: Any) -> bool:
        return True

    patch.setattr(runner, "emptied", empty)


def _jumps_followed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clock, "JUMP_MS", 10**15)
    patch.setattr(clock, "GAP_MS", 10**15)


def _silence_is_yes(patch: pytest.MonkeyPatch) -> None:
    def decide(verdict: Any, delivery: Any, **facts: Any) -> Decision:
        if verdict.outcome is AnswerOutcome.AMBIGUOUS:
            return Decision(state=DeliveryState.DELIVERED)
        return original(verdict, delivery, **facts)

    original = retry.decide
    patch.setattr(worker, "decide", decide)


def _all_for_one(patch: pytest.MonkeyPatch) -> None:
    def decide(verdict: Any, delivery: Any, *, alone: bool, **facts: Any) -> Decision:
        return original(verdict, delivery, alone=alone or verdict.outcome is AnswerOutcome.INVALID, **facts)

    original = retry.decide
    patch.setattr(worker, "decide", decide)


def _paused_for_ever(patch: pytest.MonkeyPatch) -> None:
    def pause_for(verdict: Any, failures: int, now_ms: int, *more: Any) -> Any:
        pause = original(verdict, failures, now_ms, *more)
        if pause is not None and verdict.wait_ms is not None:
            return msgspec.structs.replace(pause, until_ms=now_ms + verdict.wait_ms)
        return pause

    original = retry.pause_for
    patch.setattr(health, "pause_for", pause_for)


def _retry_of_cancelled(patch: pytest.MonkeyPatch) -> None:
    def recheck(_self: OrderGate, _candidate: Any, _now_ms: int) -> None:
        """Whatever became of the order meanwhile."""

    patch.setattr(OrderGate, "recheck", recheck)


def _refused_and_gone(patch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Journal, _rows: Any) -> None:
        """Nothing is written."""

    patch.setattr(Journal, "refuse", refuse)


def _stays_given_up(patch: pytest.MonkeyPatch) -> None:
    def run(self: Engine, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [] if name == "requeue_deliveries" else original(self, name, bindings)

    original = Engine.run
    patch.setattr(Engine, "run", run)


def _sent_on_paper(patch: pytest.MonkeyPatch) -> None:
    def claim(self: Outbox, destination: str, now_ms: int, *others: Any) -> list[Any]:
        claimed = original(self, destination, now_ms, *others)
        self.settle(
            [Settlement(delivery=d.id, lease=d.lease, state=DeliveryState.DELIVERED, counts=True) for d in claimed],
            now_ms,
        )
        return claimed

    original = Outbox.claim
    patch.setattr(Outbox, "claim", claim)


def _halves_at_the_end(patch: pytest.MonkeyPatch) -> None:
    async def settle(self: worker.Worker, settlements: Sequence[Any]) -> None:
        task = asyncio.current_task()
        if task in later:
            later[task] += settlements
        else:
            await write(self, settlements)

    async def deliver(self: worker.Worker, batch: Any) -> None:
        task = asyncio.current_task()
        later[task] = []
        await start(self, batch)
        await write(self, later.pop(task))

    later: dict[Any, list[Any]] = {}
    write, start = worker.Worker._settle, worker.Worker._deliver
    patch.setattr(worker.Worker, "_settle", settle)
    patch.setattr(worker.Worker, "_deliver", deliver)


def _tries_start_anew(patch: pytest.MonkeyPatch) -> None:
    def begin(self: Outbox, *args: Any) -> None:
        original(self, *args)
        self._engine.db.execute("update delivery set attempts = 0, due_at = 0 where state = 'waiting'")

    original = Outbox.__init__
    patch.setattr(Outbox, "__init__", begin)


def _consent_at_the_door(patch: pytest.MonkeyPatch) -> None:
    def stops(_self: Withdrawals, _candidate: Any, _now_ms: int) -> None:
        """Asked when it came in, and never again."""

    patch.setattr(Withdrawals, "stops", stops)


def _no_jitter(patch: pytest.MonkeyPatch) -> None:
    def backoff_ms(attempts: int, _chance: float, policy: Any) -> int:
        return retry.ceiling_ms(attempts, policy)

    patch.setattr(retry, "backoff_ms", backoff_ms)


def _days_that_never_end(patch: pytest.MonkeyPatch) -> None:
    def redact(_self: Retention, _engine: Engine, _part: Any, _rows: Any) -> None:
        """Looked at, and left."""

    patch.setattr(Retention, "_redact", redact)


def _emptied_while_waiting(patch: pytest.MonkeyPatch) -> None:
    def waiting(_self: Retention, _engine: Engine, _positions: Any) -> set[int]:
        return set()

    patch.setattr(Retention, "_waiting", waiting)


def _keys_of_doubt(patch: pytest.MonkeyPatch) -> None:
    def took(_self: FoldKeys, _day: int, _next_one: int, _since_ms: int) -> bool:
        return False

    patch.setattr(FoldKeys, "_took_keys", took)


def _steps_by_halves(patch: pytest.MonkeyPatch) -> None:
    def migrate(self: Engine, version: int) -> None:
        for step in range(version + 1, SCHEMA_VERSION + 1):
            self.db.execute(database._migration(step))
            self.db.pragma("user_version", step)
            self.db.pragma("application_id", database.APPLICATION_ID)

    patch.setattr(Engine, "_migrate", migrate)


def _form_before_step(patch: pytest.MonkeyPatch) -> None:
    def migrate(self: Engine, version: int) -> None:
        for step in range(version + 1, SCHEMA_VERSION + 1):
            self.db.pragma("user_version", step)
            with self.db:
                self.db.execute(database._migration(step))
                self.db.pragma("application_id", database.APPLICATION_ID)

    patch.setattr(Engine, "_migrate", migrate)


def _tried_for_years(patch: pytest.MonkeyPatch) -> None:
    def as_stamped(tried_at: int, _delivery: Any) -> int:
        return tried_at

    patch.setattr(retry, "_not_before_it_happened", as_stamped)


def _under_the_first_lease(patch: pytest.MonkeyPatch) -> None:
    def as_leased_first(_self: worker.Worker, settlements: Sequence[Settlement]) -> list[Settlement]:
        return list(settlements)

    patch.setattr(worker.Worker, "_as_leased_now", as_leased_first)


def _in_hand_too_long(patch: pytest.MonkeyPatch) -> None:
    async def write(self: worker.Worker, settlements: Sequence[Settlement]) -> None:
        await self._insist(partial(self._write_once, self._as_leased_now(settlements)))

    patch.setattr(worker.Worker, "_write_settled", write)


def _no_by_the_clock(patch: pytest.MonkeyPatch) -> None:
    def after_all(_self: Store, now_ms: int) -> int:
        return now_ms

    patch.setattr(Store, "_after_all", after_all)


def _behind_what_is_ahead(patch: pytest.MonkeyPatch) -> None:
    def came(stamps: Sequence[tuple[int, int]], now_ms: int) -> list[int]:
        return [retention._not_later(at, happened, now_ms) for at, happened in stamps]

    patch.setattr(retention, "_came", came)


def _listed_by_the_first_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Syncing, "is_stale", lambda _self: "")


def _never_taken_off(patch: pytest.MonkeyPatch) -> None:
    def plan_of(*given: Any) -> Plan:
        return msgspec.structs.replace(original(*given), remove={})

    original = sync.plan_of
    patch.setattr(sync, "plan_of", plan_of)


def _listed_though_withdrawn(patch: pytest.MonkeyPatch) -> None:
    def cuts(_folder: object, _read: object, persons: Sequence[Person]) -> dict[int, int | None]:
        return {person.number: 0 for person in persons}

    patch.setattr(listing, "_cuts", cuts)


def _fetched_and_forgotten(patch: pytest.MonkeyPatch) -> None:
    async def one(self: fetching.Source, wanted: book.Wanted) -> None:
        await self._store.transact(lambda e: book.came(e, self.name, wanted, self._clock()))
        await original(self, wanted)

    original = fetching.Source._one
    patch.setattr(fetching.Source, "_one", one)


def _named_once(patch: pytest.MonkeyPatch) -> None:
    def came(engine: Any, door: str, wanted: book.Wanted, _now_ms: int) -> None:
        engine.run("thing_again", (door, wanted.thing, 0, 0))
        for (named,) in engine.db.execute(
            "select named from fetch_wanted where door = ? and thing = ?", (door, wanted.thing)
        ).fetchall():
            engine.run("thing_came", (door, wanted.thing, named))

    patch.setattr(book, "came", came)


def _noted_in_memory(patch: pytest.MonkeyPatch) -> None:
    async def want(self: Fetches, name: str, things: Sequence[str]) -> bool:
        later.append(asyncio.ensure_future(original(self, name, things)))
        return True

    later: list[Any] = []
    original = Fetches.want
    patch.setattr(Fetches, "want", want)


def _unknown_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fetching, "UNKNOWN_TRIES", 1)
    patch.setattr(fetching, "UNKNOWN_MS", 0)


def _impatient_by_failures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fetching, "UNKNOWN_MS", 0)


def _refused_and_given_up(patch: pytest.MonkeyPatch) -> None:
    async def failed(self: fetching.Source, problem: Any, wanted: book.Wanted) -> None:
        if problem.who is not Who.PLATFORM:
            await self._took(wanted)
        await original(self, problem, wanted)

    original = fetching.Source._failed
    patch.setattr(fetching.Source, "_failed", failed)


def _seen_once(patch: pytest.MonkeyPatch) -> None:
    def listed(engine: Any, door: str, page: Sequence[Any], *others: int) -> int:
        seen = {str(thing) for thing, _ in engine.run("seen_things", (door, 0))}
        return original(engine, door, [one for one in page if one.thing not in seen], *others)

    original = book.listed
    patch.setattr(book, "listed", listed)


def _window_too_short(patch: pytest.MonkeyPatch) -> None:
    def begin(self: FoldKeys, engine: Engine, _window_days: int, *others: Any) -> None:
        original(self, engine, 1, *others)

    original = FoldKeys.__init__
    patch.setattr(FoldKeys, "__init__", begin)


def _unpaid_leaves(patch: pytest.MonkeyPatch) -> None:
    def judge(self: OrderGate, candidate: Any, now_ms: int) -> Any:
        answer = original(self, candidate, now_ms)
        return None if isinstance(answer, Held) else answer

    original = OrderGate.judge
    patch.setattr(OrderGate, "judge", judge)


def _older_than_taken(patch: pytest.MonkeyPatch) -> None:
    def for_ever(_self: Limits, _action_source: str) -> int:
        return 10**9

    patch.setattr(Limits, "max_age_s", for_ever)


def _notice_untold(patch: pytest.MonkeyPatch) -> None:
    def tell(_self: Store) -> None:
        """A loss of it goes unseen."""

    patch.setattr(Store, "tell", tell)


def _attempts_twice(patch: pytest.MonkeyPatch) -> None:
    def run_rows(self: Engine, name: str, rows: Sequence[Sequence[Any]]) -> None:
        for _ in range(2 if name == "insert_attempts" else 1):
            original(self, name, rows)

    original = Engine.run_rows
    patch.setattr(Engine, "run_rows", run_rows)


def _repeated_for_ever(patch: pytest.MonkeyPatch) -> None:
    def never(*_facts: Any) -> int:
        return 2**62

    patch.setattr(retry, "repeat_deadline_ms", never)
    patch.setattr(worker, "repeat_deadline_ms", never)


def _unsure_forgotten(patch: pytest.MonkeyPatch) -> None:
    def run(self: Engine, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if name != "void_leases":
            return original(self, name, bindings)
        return self.db.execute(
            "update delivery set due_at = ?1, leased_until = null where leased_until is not null", bindings[:1]
        ).fetchall()

    original = Engine.run
    patch.setattr(Engine, "run", run)


def _unsure_from_now_on(patch: pytest.MonkeyPatch) -> None:
    def run(self: Engine, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if name != "void_leases":
            return original(self, name, bindings)
        return self.db.execute(
            "update delivery set due_at = ?1, leased_until = null, unsure_since = coalesce(unsure_since, ?1) "
            "where leased_until is not null",
            bindings[:1],
        ).fetchall()

    original = Engine.run
    patch.setattr(Engine, "run", run)


def _spoilt_and_gone(patch: pytest.MonkeyPatch) -> None:
    def refuse(self: Journal, rows: Sequence[Any]) -> None:
        original(self, [row for row in rows if row.batch_index is None])

    original = Journal.refuse
    patch.setattr(Journal, "refuse", refuse)


def _no_for_all(patch: pytest.MonkeyPatch) -> None:
    def name(self: Withdrawals, _dataset: str, mark: Any) -> bytes:
        return original(self, "", mark)

    original = Withdrawals._name
    patch.setattr(Withdrawals, "_name", name)


def _strangers_are_heard(patch: pytest.MonkeyPatch) -> None:
    def admit(copies: Sequence[Any], *_stitched: Any) -> Admitted:
        return Admitted(copies)

    patch.setattr(candidates, "admit", admit)


def _names_are_one(patch: pytest.MonkeyPatch) -> None:
    def id_key(dataset: str, _event_name: str, event_id: str) -> bytes:
        return original(dataset, "", event_id)

    original = identity.id_key
    patch.setattr(identity, "id_key", id_key)


def _datasets_are_one(patch: pytest.MonkeyPatch) -> None:
    def order_key(_dataset: str, event_name: str, order_id: str) -> bytes:
        return original("", event_name, order_id)

    original = identity.order_key
    patch.setattr(identity, "order_key", order_key)


def _what_came_meanwhile(patch: pytest.MonkeyPatch) -> None:
    def take_tail(_self: ErasureStep, _engine: Engine, _erasure: Any) -> None:
        """Nobody looks."""

    patch.setattr(ErasureStep, "_take_tail", take_tail)


DEFECTS = (
    Defect("early-answer", "senders are answered before the commit", _early_answer),
    Defect("no-sync", "a commit is not flushed", _no_sync),
    Defect("full-is-fine", "a full disk is answered like a commit", _full_is_fine),
    Defect("all-tiers-equal", "a browser's word counts as much as a server's in the fold", _all_tiers_equal),
    Defect("keys-forgotten", "the fold's keys live in memory only", _keys_forgotten),
    Defect("first-word-counts", "the money that leaves is the first copy's", _first_word_counts),
    Defect("no-lease", "what is claimed can be claimed again", _no_lease),
    Defect("made-anew", "a further attempt carries other bytes", _made_anew),
    Defect("no-at-first-only", "withdrawn consent stops first attempts only", _no_at_first_only),
    Defect("old-after-grant", "what was stopped leaves once consent is given again", _old_after_grant),
    Defect("hands-on", "what a worker holds leaves though consent was withdrawn", _hands_on),
    Defect("no-mark", "the watermark is not written", _no_mark),
    Defect("erased-still-waits", "an erasure stops no delivery", _erased_still_waits),
    Defect("log-is-left", "an erasure leaves the write-ahead log as it is", _log_is_left),
    Defect("jumps-followed", "a clock that jumps is believed", _jumps_followed),
    Defect("silence-is-yes", "no answer counts as taken", _silence_is_yes),
    Defect("all-for-one", "one refused event is the end of its batch", _all_for_one),
    Defect("paused-for-ever", "a hint of ten years is followed", _paused_for_ever),
    Defect("retry-of-cancelled", "an order that is cancelled is tried again", _retry_of_cancelled),
    Defect("refused-and-gone", "what is refused leaves no row", _refused_and_gone),
    Defect("sent-on-paper", "what is claimed is written down as delivered before it is sent", _sent_on_paper),
    Defect(
        "halves-at-the-end",
        "what became of a refused batch's halves is written down when all are through",
        _halves_at_the_end,
    ),
    Defect("tries-start-anew", "a restart forgets how often and when to try again", _tries_start_anew),
    Defect("consent-at-the-door", "consent is asked when an event comes in, not when it leaves", _consent_at_the_door),
    Defect("no-jitter", "what failed at different times waits equally long", _no_jitter),
    Defect("days-that-never-end", "what is past its days says who it was all the same", _days_that_never_end),
    Defect("emptied-while-waiting", "retention empties what has not left yet", _emptied_while_waiting),
    Defect(
        "keys-of-doubt", "keys that came while the clock was doubted are forgotten once it is believed", _keys_of_doubt
    ),
    Defect("stays-given-up", "what a browser alone spoke for is not reopened by a server", _stays_given_up),
    Defect("steps-by-halves", "a step between two forms of the folder is not one transaction", _steps_by_halves),
    Defect("form-before-step", "the new form's number is written before its step", _form_before_step),
    Defect("tried-for-years", "what a clock of years ago stamped was tried years ago", _tried_for_years),
    Defect(
        "under-the-first-lease", "an answer is written under a lease that another has followed", _under_the_first_lease
    ),
    Defect("in-hand-too-long", "what is settled stays in its task's hands until that ends", _in_hand_too_long),
    Defect("no-by-the-clock", "a no is as early as a clock that was set back says", _no_by_the_clock),
    Defect(
        "listed-by-the-first-look",
        "people are put on a list though somebody took consent back meanwhile",
        _listed_by_the_first_look,
    ),
    Defect("never-taken-off", "nobody is taken off a list", _never_taken_off),
    Defect("listed-though-withdrawn", "consent that was withdrawn is not asked for lists", _listed_though_withdrawn),
    Defect("behind-what-is-ahead", "what is stamped years ahead keeps what came behind it", _behind_what_is_ahead),
    Defect(
        "fetched-and-forgotten", "an order's name is taken off before what was fetched is kept", _fetched_and_forgotten
    ),
    Defect("named-once", "an order that is named again while it is fetched is not fetched again", _named_once),
    Defect("noted-in-memory", "a notice is answered before what it names is on disk", _noted_in_memory),
    Defect("unknown-at-once", "an order that its shop does not know yet is given up", _unknown_at_once),
    Defect(
        "impatient-by-failures",
        "failures shorten the patience with an order that its shop does not know yet",
        _impatient_by_failures,
    ),
    Defect(
        "refused-and-given-up", "a shop that refuses everybody is not asked for the order again", _refused_and_given_up
    ),
    Defect("seen-once", "an order that a list showed before is not fetched again", _seen_once),
    Defect("window-too-short", "the fold forgets what was sent a day or two before", _window_too_short),
    Defect("unpaid-leaves", "an order that has to be waited for leaves at once", _unpaid_leaves),
    Defect("older-than-taken", "what a platform takes no more for its age leaves all the same", _older_than_taken),
    Defect("notice-untold", "that a disk lost a notice goes unseen", _notice_untold),
    Defect("attempts-twice", "each attempt is written down twice", _attempts_twice),
    Defect("repeated-for-ever", "what may have arrived is sent again when it would count twice", _repeated_for_ever),
    Defect(
        "unsure-forgotten", "what was on its way when the process was killed counts as never sent", _unsure_forgotten
    ),
    Defect(
        "unsure-from-now-on",
        "what was on its way when the process was killed counts as sent at the next start, however much later",
        _unsure_from_now_on,
    ),
    Defect("spoilt-and-gone", "what is refused of a batch that is taken leaves no row", _spoilt_and_gone),
    Defect("no-for-all", "a no in one dataset is one in all of them", _no_for_all),
    Defect("strangers-are-heard", "a stranger's copy counts beside the shop's", _strangers_are_heard),
    Defect("names-are-one", "two events of one id are one action, whatever their names", _names_are_one),
    Defect("datasets-are-one", "orders of one number in two datasets are one action", _datasets_are_one),
    Defect("what-came-meanwhile", "an erasure does not look at what came while it went on", _what_came_meanwhile),
)


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """The defect of this name is in the program meanwhile; None plants nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for defect in DEFECTS:
            if defect.name == name:
                defect.plant(patch)
        yield
