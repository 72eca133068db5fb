"""Two processes on one database: each obeys at once what the other has written, and together they are as exact as one.

On PostgreSQL each has a folder of its own beside the database; on the embedded engine, whose lock is taken aside, both have one
folder. The model is a table of what was said when; nothing of it is asked from the stores. Here one step follows another; what
happens at the same moment is in `test_writers_at_once`.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from copies import (
    BROWSER,
    DAY,
    LEASE,
    NOW,
    PLACE,
    ROUTES,
    SERVER,
    assert_sums_hold,
    claim,
    folder_of,
    peer,
    peer_of,
    rows,
    settlement,
    tamper,
)
from copies import copy_of_buyer as copy

from tests.strategies import TIMES
from twofold.errors import StoreError, StoreFailed
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent, Tier
from twofold.matching.subject import Mark
from twofold.report.verify import verify
from twofold.store.changed.days import ACTIONS
from twofold.store.peers.places import FREE_AFTER_MS, MOST, SPAN, strand_of
from twofold.store.sqlite import database
from twofold.store.store import Store

WAITING, DELIVERED = DeliveryState.WAITING, DeliveryState.DELIVERED
EVENTS, PEOPLE = 12, 3
STEPS = (
    "accept", "accept", "accept", "claim", "claim", "start", "start", "settle", "withdraw", "grant", "pause", "resume",
    "deny", "crash", "expire", "visit", "together", "midnight", "between", "between", "between",
)  # fmt: skip


class _NoLock:
    """In the place of the folder's lock: what another engine has no need of."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self.path.touch()

    def release(self) -> None: ...


@pytest.fixture(autouse=True)
def without_lock(monkeypatch):
    monkeypatch.setattr(database, "FolderLock", _NoLock)


def both(folder: Path, scenario):
    """What a scenario of two stores returns."""

    async def main():
        async with peer(folder, "a") as a, peer(folder, "b") as b:
            return await scenario(a, b)

    return asyncio.run(main())


def person_of(event: int) -> int:
    return event % PEOPLE


def mark_of(person: int) -> Mark:
    return Mark("em", "abc"[person] * 64)


class Model:
    """What was said, by step; and who holds what."""

    def __init__(self) -> None:
        self.now, self.step = NOW, 0
        self.came: dict[int, list[int]] = {}  # event to the steps at which its copies came
        self.withdrawn: dict[int, int] = {}
        self.granted: dict[int, int] = {}
        self.paused_until = 0
        self.denied: set[int] = set()
        self.claimed: list[tuple[str, int, list]] = []  # whose, what was known before, deliveries
        self.open: list[tuple[str, list]] = []
        self.attempts: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()  # leases that ended under an open request
        self.told = 0

    def forbids(self, event: int) -> bool:
        person = person_of(event)
        no = self.withdrawn.get(person, -1)
        yes = self.granted.get(person, -1)
        return event in self.denied or (no >= 0 and (yes < no or min(self.came[event]) < yes))


class World:
    """Two stores and the model beside them; every step is one process's."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance, self.model = folder, chance, Model()
        self.stores: dict[str, Store] = {}

    async def play(self, steps: int) -> None:
        try:
            for name in "ab":
                self._open(name)
            for _ in range(steps):
                what = self.chance.choice(STEPS)
                self.model.step += 1
                self.model.now += 7
                await getattr(self, f"_{what}")(self.chance.choice("ab"))
            await self._end()
        finally:
            for store in self.stores.values():
                await store.close()
        for name in "ab":
            assert_sums_hold(folder_of(self.folder, name))

    def _open(self, name: str) -> None:
        self.stores[name] = peer_of(self.folder, name, self.model.now)
        self.stores[name].start()

    async def _accept(self, name: str) -> None:
        m, event = self.model, self.chance.randrange(EVENTS)
        channel = self.chance.choice((SERVER, BROWSER))
        em = "abc"[person_of(event)]
        await self.stores[name].append(
            [copy(f"e{event}", channel, tier=Tier.T2, at=m.now, em=em, consent=Consent.GRANTED)]
        )
        m.came.setdefault(event, []).append(m.step)

    async def _together(self, _name: str) -> None:
        """Both take copies of one event at the same moment."""
        m, event = self.model, self.chance.randrange(EVENTS)
        em = "abc"[person_of(event)]
        one = copy(f"e{event}", SERVER, at=m.now, em=em, consent=Consent.GRANTED)
        await asyncio.gather(*(store.append([one]) for store in self.stores.values()))
        m.came.setdefault(event, []).append(m.step)

    async def _deny(self, name: str, event: int | None = None) -> None:
        m, event = self.model, self.chance.randrange(EVENTS) if event is None else event
        em = "abc"[person_of(event)]
        await self.stores[name].append([copy(f"e{event}", SERVER, at=m.now, em=em, consent=Consent.DENIED)])
        m.came.setdefault(event, []).append(m.step)
        m.denied.add(event)

    async def _visit(self, name: str) -> None:
        """A visit of a browser, so that both number browsers."""
        m = self.model
        fbp = f"fb.1.{NOW}.{self.chance.randrange(4)}"
        m.told += 1
        visit = copy(f"v{m.told}", BROWSER, name="PageView", at=m.now, fbp=fbp, value=None, consent=Consent.GRANTED)
        await self.stores[name].append([visit])

    async def _withdraw(self, name: str, person: int | None = None) -> None:
        m, person = self.model, self.chance.randrange(PEOPLE) if person is None else person
        await self.stores[name].withdraw("1", [mark_of(person)], m.now)
        m.withdrawn[person] = m.step

    async def _grant(self, name: str) -> None:
        m, person = self.model, self.chance.randrange(PEOPLE)
        if await self.stores[name].grant("1", [mark_of(person)], m.now):
            m.granted[person] = m.step

    async def _pause(self, name: str) -> None:
        self.model.paused_until = self.model.now + 90
        await self.stores[name].pause("meta-1", "throttled", self.model.paused_until, self.model.now)

    async def _resume(self, name: str) -> None:
        self.model.paused_until = 0
        await self.stores[name].resume("meta-1", self.model.now)

    async def _claim(self, name: str) -> None:
        store = self.stores[name]
        known = store.consent_changes
        if claimed := await claim(store, self.model.now, limit=self.chance.choice((1, 2, 10))):
            self.model.claimed.append((name, known, claimed))

    async def _start(self, name: str) -> None:
        """As the worker: look once more, then write; between the two nothing waits."""
        m, store = self.model, self.stores[name]
        mine = next((c for c in m.claimed if c[0] == name), None)
        if mine is None:
            return
        m.claimed.remove(mine)
        _, known, deliveries = mine
        await store.look()
        pause = store.pause_of("meta-1")
        if known != store.consent_changes or (pause is not None and pause[1] > m.now):
            back = [settlement(d, WAITING, due_at=m.now, counts=False, outcome="") for d in deliveries]
            await store.settle(back, m.now)
            return
        assert m.paused_until <= m.now, "the other's pause is obeyed"
        for d in deliveries:
            assert d.event_name != "Purchase" or not m.forbids(int(d.event_id[1:])), f"{d.event_id} at step {m.step}"
            m.attempts[d.event_id] += 1
        m.open.append((name, deliveries))

    async def _between(self, name: str) -> None:
        """What one has claimed and not yet sent is stopped by the other, one way or another."""
        await self._accept(name)
        await self._claim(name)
        mine = next((c for c in self.model.claimed if c[0] == name), None)
        event = next((int(d.event_id[1:]) for d in mine[2] if d.event_name == "Purchase"), None) if mine else None
        other = "b" if name == "a" else "a"
        match self.chance.choice(("withdraw", "deny", "pause")) if event is not None else "nothing":
            case "withdraw":
                await self._withdraw(other, person_of(event))
            case "deny":
                await self._deny(other, event)
            case "pause":
                await self._pause(other)
        self.model.step += 1
        await self._start(name)

    async def _settle(self, name: str) -> None:
        m = self.model
        for one in [o for o in m.open if o[0] == name]:
            m.open.remove(one)
            await self.stores[name].settle([settlement(d) for d in one[1]], m.now)

    async def _expire(self, _name: str) -> None:
        """All leases end; whose request is open does not know it yet."""
        m = self.model
        m.now += LEASE
        for _, deliveries in m.open:
            m.lost.update(d.event_id for d in deliveries)
        m.claimed.clear()

    async def _midnight(self, _name: str) -> None:
        self.model.now += DAY // 3
        await self._expire("")

    async def _crash(self, name: str) -> None:
        """One process is gone and begins again under its name: only what was its own is free at once."""
        m = self.model
        await self.stores[name].close()
        for _, deliveries in [o for o in m.open if o[0] == name]:
            m.lost.update(d.event_id for d in deliveries)
        m.open = [o for o in m.open if o[0] != name]
        m.claimed = [c for c in m.claimed if c[0] != name]
        self._open(name)

    async def _end(self) -> None:
        m = self.model
        for name in "ab":
            await self._settle(name)
        await self._resume("a")
        await self._expire("a")
        for name in "ab" * 3:
            await self._claim(name)
            await self._start(name)
            await self._settle(name)
        kept = {row["event_id"]: row for row in rows(self.folder, "deliveries") if row["event_name"] == "Purchase"}
        assert sorted(kept) == sorted(f"e{event}" for event in m.came), "one action for each key"
        assert len(rows(self.folder, "actions")) == len(m.came) + m.told
        for name, times in m.attempts.items():
            assert times <= 1 + m.lost[name], f"{name} is sent once, and once more for each lease that was lost"
        for event in m.came:
            name = f"e{event}"
            assert kept[name]["state"] in ("delivered", "suppressed")
            if m.attempts[name] == 0:
                assert kept[name]["state"] == "suppressed"
                assert event in m.denied or person_of(event) in m.withdrawn
        whose = {strand_of(row["position"]) for row in rows(self.folder, "events")}
        assert whose <= {0, 1}


SEEDS = max(3, int(6 * TIMES))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_two_stores_on_one_database_are_as_exact_as_one(seed):
    """Any order of accepts, consent, pauses, claims, sends, crashes and lost leases over two processes: conservation in each
    strand, one action a key, nothing sent that the other had stopped, nothing twice but after a lost lease."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        asyncio.run(World(Path(folder), random.Random(seed)).play(45))


# -- one rule each


@pytest.mark.embedded("on a server the place is locked by its session: see test_several_on_postgres")
def test_a_name_that_begins_again_fences_off_whoever_had_it(tmp_path):
    """The older process learns it at its next transaction and stops; nothing of that transaction is kept."""

    async def scenario():
        async with peer(tmp_path, "a") as old, peer(tmp_path, "a") as new:
            with pytest.raises(StoreFailed, match="under the name a now"):
                await old.append([copy("lost")])
            await new.append([copy("kept")])
            with pytest.raises(StoreFailed):
                old.withdraw("1", [mark_of(0)], NOW)

    asyncio.run(scenario())
    assert [row["event_id"] for row in rows(tmp_path, "events")] == ["kept"]
    assert_sums_hold(tmp_path)


def test_a_start_voids_its_own_leases_only(tmp_path):
    """What the other one holds stays its own; under a lease of before nobody settles any more."""

    async def scenario():
        async with peer(tmp_path, "b") as b:
            async with peer(tmp_path, "a") as a:
                await a.append([copy("mine"), copy("theirs")])
                mine, theirs = await claim(a, NOW, limit=1), await claim(b, NOW, limit=1)
                assert [d.event_id for d in (*mine, *theirs)] == ["mine", "theirs"]
            async with peer(tmp_path, "a", NOW + 5) as again:
                assert [d.event_id for d in await claim(again, NOW + 5)] == ["mine"]
                await again.settle([settlement(mine[0])], NOW + 6)  # of its life before
                await b.settle([settlement(theirs[0])], NOW + 6)

    asyncio.run(scenario())
    assert {row["event_id"]: row["state"] for row in rows(tmp_path, "deliveries")} == {
        "mine": "waiting",
        "theirs": "delivered",
    }


def test_what_one_left_under_its_lease_may_have_arrived_from_then_on(tmp_path):
    """One is gone for good, its request out. Whoever takes that over when the lease has ended is told when: of a third, to whom the second
    left it, that is still the first one's end, and so it stands in the row."""
    days = NOW + 3 * DAY

    async def scenario():
        async with peer(tmp_path, "b") as b:
            async with peer(tmp_path, "a") as a:
                await a.append([copy("one")])
                (first,) = await claim(a, NOW)
            assert await claim(b, NOW + LEASE - 1) == []
            (second,) = await claim(b, days)
            (third,) = await claim(b, days + LEASE)
            await b.settle(
                [settlement(third, WAITING, due_at=days + DAY, unsure_since=third.unsure_since)], days + LEASE
            )
            (last,) = await claim(b, days + DAY)
            return [first, second, third, last]

    claimed = asyncio.run(scenario())
    assert len({d.payload for d in claimed}) == 1
    assert [d.unsure_since for d in claimed] == [None, *[NOW + LEASE] * 3]


def test_what_a_person_revives_is_in_doubt_no_more(tmp_path):
    """Though nobody knows whether it arrived: else its worker would give it up again."""

    async def scenario(a, b):
        await a.append([copy("one")])
        (d,) = await claim(a, NOW)
        await a.settle([settlement(d, DeliveryState.DEAD, reason="ambiguous", unsure_since=NOW)], NOW + 1)
        assert await b.revive([d.id], NOW + 3 * DAY) == 1
        (again,) = await claim(b, NOW + 3 * DAY)
        return d.payload == again.payload, again.unsure_since

    assert both(tmp_path, scenario) == (True, None)


def test_a_lease_that_was_over_before_its_process_came_back_counts_from_its_end(tmp_path):
    """And one that was not, from the new process's begin: nobody sends before that."""

    async def scenario(later: int):
        async with peer(tmp_path, "a", NOW + later) as again:
            (d,) = await claim(again, NOW + later)
            await again.settle([settlement(d, WAITING, due_at=NOW, unsure_since=None)], NOW + later)
            assert (await claim(again, NOW + later))[0].unsure_since is None  # it knows what became of its request
            return d.unsure_since

    async def before():
        async with peer(tmp_path, "a") as a:
            await a.append([copy("one")])
            await claim(a, NOW)

    asyncio.run(before())
    assert asyncio.run(scenario(5)) == NOW + 5
    assert asyncio.run(scenario(3 * DAY)) == NOW + 5 + LEASE


def test_a_place_is_kept_for_its_name_and_given_away_once_nobody_was_seen_there_for_long(tmp_path):
    """By its name a process has its strand again; a new name goes on with the strand of one that is gone."""

    async def scenario(at: int, name: str) -> int:
        async with peer(tmp_path, name, at) as store:
            await store.append([copy(f"{name}{at}", at=at)])
            return store.place.number

    numbers = [
        asyncio.run(scenario(at, name))
        for at, name in [
            (NOW, "a"), (NOW + 1, "b"), (NOW + 2, "a"), (NOW + FREE_AFTER_MS, "c"), (NOW + FREE_AFTER_MS + 2, "d"),
        ]
    ]  # fmt: skip
    assert numbers == [0, 1, 0, 2, 1], "c came when b had been seen a moment less than that long ago"
    seqs = sorted(row["position"] for row in rows(tmp_path, "events"))
    assert seqs == [1, 2, SPAN + 1, SPAN + 2, 2 * SPAN + 1]
    for name in "abcd":
        assert_sums_hold(folder_of(tmp_path, name))


def test_where_every_place_is_taken_it_is_said(tmp_path):
    async def scenario(store: Store, _other: Store):
        def begin(engine):
            for number in range(2, MOST + 1):
                engine.run("take_worker", (number, f"w{number}", NOW))

        await store.transact(begin)

    both(tmp_path, scenario)
    with pytest.raises(StoreError, match="512 processes write to this database already"):
        Store(folder_of(tmp_path, "more"), routes=ROUTES, opened_at=NOW, peer="one more")


def test_what_only_one_does_at_a_time_goes_on_elsewhere_a_minute_after_its_end(tmp_path):
    async def scenario(a: Store, b: Store):
        return [
            await store.on_duty("retention", NOW + at)
            for store, at in ((a, 0), (b, 1), (a, 50_000), (b, 109_000), (b, 110_001), (a, 110_002))
        ]

    assert both(tmp_path, scenario) == [True, False, True, False, True, False]


def test_a_no_that_another_process_heard_makes_the_same_yes_news_again(tmp_path):
    """What was noted of a browser here is forgotten when it changes its mind elsewhere."""
    fbp = "fb.1.1790000000000.1234567890"

    def page(at: int, consent: Consent, **facts):
        return copy(f"p{at}", BROWSER, name="PageView", at=NOW + at, fbp=fbp, value=None, consent=consent, **facts)

    async def scenario(a: Store, b: Store):
        await a.append([page(1, Consent.GRANTED)])
        await b.append([page(2, Consent.DENIED)])
        await a.look()
        heard = a.people.any_denial
        await a.append([page(3, Consent.GRANTED)])
        return heard, a.people.about([("fbp", fbp)])

    heard, known = both(tmp_path, scenario)
    assert heard
    assert [visit["client_ip_address"] for visit in known] == [PLACE["client_ip_address"]]


def test_what_one_process_erased_the_others_gate_knows_at_once(tmp_path):
    async def scenario(a: Store, b: Store):
        b.gates.erased.load(lambda _dataset, _kind, value: value.encode(), ())
        await a.append([copy("gone")])

        def erase(engine):
            engine.run_rows("insert_erased_ids", [(b"Purchase\0gone", NOW)])
            a.revisions.raise_("erased")

        await a.transact(erase)
        return await claim(b, NOW)

    assert both(tmp_path, scenario) == []
    assert [row["reason"] for row in rows(tmp_path, "deliveries")] == ["erased"]


def test_days_that_another_process_began_are_known_and_marked(tmp_path):
    """An action of the other strand is of the day on which it came there; a new build begins for both."""

    async def scenario(a: Store, b: Store):
        await a.append([copy("today", at=NOW)])
        await b.append([copy("tomorrow", at=NOW + DAY)])
        await a.look()
        days = [a.changed.day_of(n) - NOW // DAY for n in (1, SPAN + 1)]
        generation = await b.transact(lambda _e: b.changed.begin_build(None))
        await b.transact(lambda _e: b.changed.end_build(generation, [(ACTIONS, NOW // DAY), (ACTIONS, NOW // DAY + 1)]))
        await a.append([copy("today", BROWSER, tier=Tier.T2, at=NOW + 1)])
        await a.append([copy("tomorrow", BROWSER, tier=Tier.T2, at=NOW + DAY)])
        marked = await a.transact(lambda e: e.run("select_changed_days"))
        return days, sorted(day - NOW // DAY for part, day, *_ in marked if part == ACTIONS)

    assert both(tmp_path, scenario) == ([0, 1], [0, 1])


@pytest.mark.parametrize("strand", [0, 1])
def test_a_row_that_was_altered_is_named_in_whichever_strand_it_stands(tmp_path, strand):
    async def scenario(a: Store, b: Store):
        for n in range(3):
            await a.append([copy(f"a{n}")])
            await b.append([copy(f"b{n}")])

    both(tmp_path, scenario)
    assert_sums_hold(folder_of(tmp_path, "a"))
    place = strand * SPAN + 2
    tamper(tmp_path, f"update event set verdict = 'repeat' where position = {place}")
    broken = [check.note for check in verify(folder_of(tmp_path, "a")) if not check.holds]
    assert f"the first row that does not follow is position {place}" in broken


def test_the_mark_of_each_strand_is_held_against_it(tmp_path):
    """The second writer's last event is gone: its own mark says so, at its start and to `verify`."""

    async def scenario(a: Store, b: Store):
        await a.append([copy("a")])
        await b.append([copy("b")])

    both(tmp_path, scenario)
    tamper(tmp_path, f"delete from event where position = {SPAN + 1}")
    missing = f"events from position {SPAN + 1} on are missing"
    assert any(missing in check.note for check in verify(folder_of(tmp_path, "b")))
    with pytest.raises(StoreError, match=f"events from position {SPAN + 1} on are missing"):
        peer_of(tmp_path, "b")


def test_browsers_of_two_writers_are_not_taken_for_each_other(tmp_path):
    """Each numbers its own: what the other has seen of another browser stays."""

    def page(at: int, n: int):
        fbp = f"fb.1.1790000000000.{n}"
        return copy(f"p{n}", BROWSER, name="PageView", at=NOW + at, fbp=fbp, value=None, consent=Consent.GRANTED)

    async def scenario(a: Store, b: Store):
        await a.append([page(1, 11)])
        await b.append([page(2, 22)])
        await a.append([page(3, 33)])
        return [[visit["fbp"] for visit in b.people.about([("fbp", f"fb.1.1790000000000.{n}")])] for n in (11, 22, 33)]

    assert both(tmp_path, scenario) == [[f"fb.1.1790000000000.{n}"] for n in (11, 22, 33)]
