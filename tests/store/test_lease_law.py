"""Leases, their fences and what nobody knows of: any order of claims, settlements, ends of leases, deaths and revivals, row by row as a
model in plain Python has it.

The same orders are played on both engines, by two processes on one database, and on the embedded one by a process that is alone, whose
statements are others. Nothing of the model is asked from the store. What happens at the same moment is in `test_writers_at_once`, what
gates and consent say in `test_two_stores`.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from pathlib import Path

import pytest
from copies import DAY, LEASE, NOW, assert_sums_hold, claim, copy, folder_of, settlement
from msgspec import Struct

from tests.strategies import TIMES
from twofold.event.delivery import Delivery, DeliveryState
from twofold.store.lists import Reader
from twofold.store.opened.routes import Route
from twofold.store.sqlite import database
from twofold.store.store import Store

WAITING, DELIVERED, DEAD = DeliveryState.WAITING, DeliveryState.DELIVERED, DeliveryState.DEAD
TAKEN_S = 7 * 86_400
WORDS = (
    "accept", "accept", "accept", "claim", "claim", "claim", "claim", "settle", "settle", "settle_late", "settle_late", "pass",
    "lease_ends", "lease_ends", "lease_ends", "lease_ends", "days", "dies", "revive",
)  # fmt: skip
ROW = "select a.event_id, t.name, d.id, d.state, d.reason, d.due_at, d.leased_until, d.lease_token, d.attempts, d.first_attempt_at, d.unsure_since from delivery as d join action as a on a.id = d.id / 256 join destination as t on t.id = d.destination"


class Row(Struct):
    """One delivery as it has to stand."""

    number: int
    happened: int  # ms
    due_at: int
    state: str = WAITING
    reason: str = ""
    leased_until: int | None = None
    lease: int = 0
    attempts: int = 0
    first_attempt_at: int | None = None
    unsure_since: int | None = None

    @property
    def at(self) -> int:
        """When it may be claimed, if it waits."""
        return self.due_at if self.leased_until is None else self.leased_until

    @property
    def may_have_arrived_since(self) -> int | None:
        """Of a lease that is over nobody knows what became of its request."""
        return self.leased_until if self.unsure_since is None else self.unsure_since


class _NoLock:
    """In the place of the folder's lock: what another engine has no need of."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self.path.touch()

    def release(self) -> None: ...


class Played:
    """One order of steps. ``names``: of the processes; none for one that is alone."""

    def __init__(self, folder: Path, chance: random.Random, names: str, to: tuple[str, ...]) -> None:
        self.folder, self.chance, self.names = folder, chance, names or "-"
        self.is_alone = not names
        self.now = NOW
        self.to = to
        self.came = 0
        self.rows: dict[tuple[str, str], Row] = {}  # by event and destination
        self.given: list[tuple[str, Delivery]] = []  # by whom, and what was claimed, of all times
        self.leases: set[int] = set()
        self.stores: dict[str, Store] = {}

    async def play(self, steps: int) -> None:
        try:
            for name in self.names:
                self._open(name)
            for _ in range(steps):
                self.now += 7
                await getattr(self, f"_{self.chance.choice(WORDS)}")(self.chance.choice(self.names))
                await self._look()
            self.now += 2 * LEASE
            for destination in self.to:  # whatever waits and is due is somebody's
                await self._claim(self.names[-1], destination, limit=1_000)
                await self._look()
        finally:
            for store in self.stores.values():
                await store.close()
        for name in self.names:
            assert_sums_hold(self._folder(name))

    def row(self, d: Delivery) -> Row:
        return self.rows[d.event_id, d.destination]

    def _folder(self, name: str) -> Path:
        return self.folder if self.is_alone else folder_of(self.folder, name)

    def _open(self, name: str) -> None:
        routes, peer = {"1": Route(destinations=self.to)}, None if self.is_alone else name
        store = Store(self._folder(name), routes=routes, opened_at=self.now, peer=peer)
        store.start()
        self.stores[name] = store

    async def _look(self) -> None:
        with Reader(self._folder(self.names[0])) as reader:
            found = {(row[0], row[1]): tuple(row[2:]) for row in reader._db.execute(ROW)}
        wanted = {
            place: (
                r.number, r.state, r.reason, r.due_at, r.leased_until, r.lease, r.attempts, r.first_attempt_at, r.unsure_since,
            )
            for place, r in self.rows.items()
        }  # fmt: skip
        assert found == wanted
        for destination in self.to:
            waits = [r.at for (_, to), r in self.rows.items() if to == destination and r.state == WAITING]
            assert await self.stores[self.names[-1]].next_due(destination) == min(waits, default=None)

    async def _accept(self, name: str) -> None:
        events = [f"e{self.came + n}" for n in range(self.chance.choice((1, 1, 3)))]
        self.came += len(events)
        await self.stores[name].append([copy(event, name="Lead", at=self.now) for event in events])
        with Reader(self._folder(name)) as reader:
            actions = dict(reader._db.execute("select event_id, id from action").fetchall())
            ids = dict(reader._db.execute("select name, id from destination").fetchall())
        for event in events:
            for to in self.to:
                number = actions[event] * 256 + ids[to]
                self.rows[event, to] = Row(number=number, happened=self.now, due_at=self.now)
        if self.chance.random() < 0.4:  # in the same millisecond
            await self._claim(name)

    async def _claim(self, name: str, to: str = "", limit: int = 0) -> None:
        to, limit = to or self.chance.choice(self.to), limit or self.chance.choice((1, 2, 10))
        due = [
            (r.at, r.number, event)
            for (event, place), r in self.rows.items()
            if place == to and r.state == WAITING and r.at <= self.now
        ]
        claimed = await claim(self.stores[name], self.now, destination=to, limit=limit, max_age_s=TAKEN_S)
        by_event = {d.event_id: d for d in claimed}
        wanted = set()
        for _, _, event in sorted(due)[:limit]:
            r = self.rows[event, to]
            r.unsure_since = r.may_have_arrived_since
            if r.happened // 1000 < self.now // 1000 - TAKEN_S:
                r.state, r.reason, r.leased_until = DEAD, "too_old", None
                continue
            wanted.add(event)
            d = by_event[event]
            assert (d.id, d.attempts, d.first_attempt_at) == (r.number, r.attempts, r.first_attempt_at)
            assert d.unsure_since == r.unsure_since
            assert d.lease not in self.leases
            r.leased_until, r.lease = self.now + LEASE, d.lease
            r.first_attempt_at = self.now if r.first_attempt_at is None else r.first_attempt_at
            self.given.append((name, d))
        assert by_event.keys() == wanted
        self.leases |= {d.lease for d in claimed}

    async def _settle(self, name: str) -> None:
        """Whoever has it, most of the time."""
        held = [d for whose, d in self.given if whose == name and self.row(d).lease == d.lease]
        await self._settles(name, held[-3:])

    async def _settle_late(self, name: str) -> None:
        """Under any lease that there ever was, of this process or of the other."""
        await self._settles(name, [d for _, d in self.chance.sample(self.given, min(3, len(self.given)))])

    async def _settles(self, name: str, deliveries: list[Delivery]) -> None:
        said = []
        for d in {d.id: d for d in deliveries}.values():
            state = self.chance.choice((DELIVERED, DEAD, DEAD, WAITING, WAITING, WAITING))
            tried = self.chance.choice((None, self.now, d.unsure_since))
            due_at = self.now + self.chance.choice((0, 50, LEASE)) if state is WAITING else None
            counts = self.chance.random() < 0.7
            said.append(
                settlement(
                    d,
                    state,
                    reason=f"as {state}",
                    due_at=due_at,
                    counts=counts,
                    unsure_since=tried,
                    started_at=self.now,
                )
            )
            r = self.row(d)
            is_late_news = state is DELIVERED and r.state == DEAD
            if r.lease != d.lease or (r.leased_until is None and not is_late_news):
                continue
            r.state, r.reason, r.leased_until = state, f"as {state}", None
            r.due_at = r.due_at if due_at is None else due_at
            r.attempts += counts
            r.unsure_since = None if tried is None else tried if r.unsure_since is None else r.unsure_since
        await self.stores[name].settle(said, self.now)

    async def _pass(self, _name: str) -> None:
        self.now += self.chance.choice((20, LEASE // 2))

    async def _lease_ends(self, name: str) -> None:
        """Somebody asks in the very millisecond, or in the one before."""
        ends = [
            (r.leased_until, to)
            for (_, to), r in self.rows.items()
            if r.leased_until is not None and r.leased_until > self.now
        ]
        if ends:
            end, to = min(ends)
            self.now = end - self.chance.choice((0, 1))
            await self._claim(name, to, limit=10)

    async def _days(self, _name: str) -> None:
        self.now += self.chance.choice((DAY, 3 * DAY))

    async def _dies(self, name: str) -> None:
        """And begins again under its name: what it had is free at once, and was sent before now and before its lease's end, if it was."""
        await self.stores[name].close()
        self.now += self.chance.choice((1, LEASE // 2, DAY))
        mine = {d.lease for whose, d in self.given if whose == name}
        for r in self.rows.values():
            if r.leased_until is not None and r.lease in mine:
                since = min(self.now, r.leased_until)
                r.unsure_since = since if r.unsure_since is None else r.unsure_since
                r.due_at, r.leased_until = self.now, None
        self._open(name)

    async def _revive(self, name: str) -> None:
        """All that is dead, by a person, who takes it upon himself that one may have arrived."""
        dead = [r for r in self.rows.values() if r.state == DEAD]
        assert await self.stores[name].revive([r.number for r in dead], self.now) == len(dead)
        for r in dead:
            r.state, r.reason, r.due_at, r.unsure_since = WAITING, "revived", self.now, None


def played(seed: int, names: str) -> None:
    to = (
        ("meta-1", "meta-2", "meta-3") if seed % 2 else ("meta-1",)
    )  # of three and more what is due is listed by a claim
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        asyncio.run(Played(Path(folder), random.Random(seed), names, to).play(60))


SEEDS = range(max(2, int(2 * TIMES)))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_delivery_is_whose_it_is_and_as_doubtful_as_it_is(seed, monkeypatch):
    """Row by row after each step: what a claim hands out and under which new lease, what a settlement changes and what one that comes too
    late leaves, since when one may have arrived of which nobody heard, when the next is due."""
    monkeypatch.setattr(database, "FolderLock", _NoLock)
    played(seed, "ab")


@pytest.mark.embedded("on a server nobody is alone")
@pytest.mark.parametrize("seed", SEEDS)
def test_so_it_is_of_a_process_that_is_alone(seed):
    played(seed, "")
