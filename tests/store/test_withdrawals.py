"""Withdrawn consent: whose events are stopped, which are not, and that no interleaving lets one through."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest
from copies import BROWSER, HOLD, LEASE, NOW, SERVER, assert_sums_hold, claim, opened, rows, sent, settlement
from copies import copy_of_buyer as copy
from faulty_disk import disk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.disk import readable
from twofold.consent.marks import marks_from
from twofold.control.recover import accept_loss
from twofold.errors import StoreError, StoreFull
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent, Hashed
from twofold.matching.subject import Mark
from twofold.store.beside.withdrawn_file import WithdrawnFile
from twofold.store.gates.withdrawals import read_standing
from twofold.store.store import Store

WAITING, DELIVERED = DeliveryState.WAITING, DeliveryState.DELIVERED
DUE = NOW + HOLD
# SHA-256 of mary@example.com, by sha256sum
MARY = "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"
FBP = "fb.1.1790000000000.1234567890"


def scenario_in(folder: Path, scenario, **settings_):
    async def main():
        async with opened(folder, hold={}, **settings_) as store:
            return await scenario(store)

    return asyncio.run(main())


def reasons(folder: Path) -> dict[str, str]:
    return {row["event_id"]: f"{row['state']} {row['reason']}".strip() for row in rows(folder, "deliveries")}


# -- which marks meet


MEETING = [
    ("e-mail in other letters", {"em": " Mary@Example.COM "}, {"em": (Hashed("meta", MARY),)}),
    ("e-mail as its hash", {"em": MARY}, {"em": (Hashed("sent", MARY),)}),
    ("a hash of whatever rule", {"em": MARY}, {"em": (Hashed("google", MARY),)}),
    ("the browser on another subdomain", {"fbp": "fb.2.1790000000000.1234567890"}, {"fbp": FBP}),
    ("the browser with the builder's suffix", {"fbp": FBP}, {"fbp": FBP + ".AQ"}),
]


@pytest.mark.parametrize(("given_", "user"), [r[1:] for r in MEETING], ids=[r[0] for r in MEETING])
def test_whoever_is_named_is_stopped(tmp_path, given_, user):
    """One mark in common is enough, however it was written."""
    marks, unusable = marks_from(given_)
    assert not unusable

    async def scenario(store: Store):
        event = copy("mine")
        await store.append([replace(event, user_data=replace_user(event, **user)), copy("other", em="b")])
        await store.withdraw("1", marks, NOW + 1)
        return [d.event_id for d in await claim(store, DUE)]

    assert scenario_in(tmp_path, scenario) == ["other"]
    assert reasons(tmp_path)["mine"] == "suppressed consent_withdrawn"
    assert_sums_hold(tmp_path)


def replace_user(event, **user):
    for name, value in user.items():
        setattr(event.user_data, name, value)
    return event.user_data


def test_a_withdrawal_is_of_one_dataset_and_one_kind(tmp_path):
    """The same text as another kind of mark, or in another shop, stops nobody."""

    async def scenario(store: Store):
        await store.append([copy("a", order="77"), copy("b", dataset="2", order="78")])
        await store.withdraw("1", [Mark("visitor", "77"), Mark("order", "78")], NOW + 1)
        return sorted(d.event_id for d in await claim(store, DUE))

    assert scenario_in(tmp_path, scenario) == ["a", "b"]


@pytest.mark.parametrize("name", ["visitor", "order"])
def test_visitor_and_order_are_marks_too(tmp_path, name):
    async def scenario(store: Store):
        event = copy("mine", name="AddToCart", order="1001")
        await store.append([replace(event, visitor="v-1")])
        await store.withdraw("1", [Mark(name, {"visitor": "v-1", "order": "1001"}[name])], NOW + 1)
        return await claim(store, DUE)

    assert scenario_in(tmp_path, scenario) == []


def test_any_copy_of_the_action_is_enough(tmp_path):
    """The browser's copy names the browser, the server's the person: a withdrawal of either stops both."""

    async def scenario(store: Store):
        await store.append([copy("1", BROWSER, fbp=FBP), copy("1", SERVER, em="a")])
        await store.withdraw("1", [Mark("fbp", "1790000000000.1234567890")], NOW + 1)
        return await claim(store, DUE)

    assert scenario_in(tmp_path, scenario) == []


# -- time


def test_given_again_counts_for_later_events_only(tmp_path):
    """What came before the new consent stays stopped; what comes after it goes."""
    person = [Mark("em", "a" * 64)]

    async def scenario(store: Store):
        await store.append([copy("before", em="a", at=NOW)])
        await store.withdraw("1", person, NOW + 10)
        await store.append([copy("between", em="a", at=NOW + 20), copy("in the same millisecond", em="a", at=NOW + 30)])
        assert await store.grant("1", person, NOW + 30) == 1
        await store.append([copy("after", em="a", at=NOW + 40)])
        first = [d.event_id for d in await claim(store, DUE)]
        await store.withdraw("1", person, NOW + 50)
        await store.append([copy("again", em="a", at=NOW + 60)])
        return first, await claim(store, DUE + LEASE)

    first, later = scenario_in(tmp_path, scenario)
    assert first == ["after"]
    assert later == [], "the second withdrawal stops what the first grant had let go"


@pytest.mark.parametrize("back_ms", [0, 1, 3_600_000])
def test_the_order_of_things_decides_and_not_the_clock(tmp_path, back_ms):
    """A grant whose clock stands still or has been set back is still later; so is a withdrawal after it."""
    person = [Mark("em", "a" * 64)]

    async def scenario(store: Store):
        await store.withdraw("1", person, NOW)
        await store.grant("1", person, NOW - back_ms)
        granted = read_standing(store.folder, "1", person)[0].withdrawn
        await store.withdraw("1", person, NOW - 2 * back_ms)
        return granted, read_standing(store.folder, "1", person)[0].withdrawn

    assert scenario_in(tmp_path, scenario) == (False, True)


@pytest.mark.parametrize("begun_anew", [False, True])
def test_a_yes_by_a_clock_set_back_lets_out_nothing_that_came_before_the_no(tmp_path, begun_anew):
    """Also what came since the store last wrote down what time it is, behind which others came by the new clock."""
    person, back = [Mark("em", "a" * 64)], NOW - 7_200_000

    async def before(store: Store):
        await store.keep_time(NOW)
        await store.append([copy("before", em="a", at=NOW + 300)])
        if not begun_anew:
            await after(store)

    async def after(store: Store):
        if not begun_anew:
            await store.keep_time(back)
            await store.append([copy("another", em="b", at=back)])
        await store.withdraw("1", person, back)
        await store.grant("1", person, back)
        return [d.event_id for d in await claim(store, DUE + 300)]

    scenario_in(tmp_path, before)
    if begun_anew:
        assert scenario_in(tmp_path, after) == []
    assert reasons(tmp_path)["before"] == "suppressed consent_withdrawn"


@pytest.mark.parametrize("ends", [("ahead",), ("back",), ("ahead", "back")], ids="-".join)
def test_nor_what_came_by_that_clock_in_a_process_of_before(tmp_path, ends):
    """The last copy that the next process finds came by the right clock; the one before it by one that was two hours ahead.
    ``ends``: behind which of them a process ends."""
    person, right = [Mark("em", "a" * 64)], NOW - 7_200_000

    async def ahead(store: Store):
        await store.append([copy("before", em="a", at=NOW)])
        if "ahead" not in ends:
            await back(store)

    async def back(store: Store):
        await store.keep_time(right)
        await store.append([copy("another", em="b", at=right)])
        if "back" not in ends:
            await change_of_mind(store)

    async def change_of_mind(store: Store):
        await store.withdraw("1", person, right + 1)
        await store.grant("1", person, right + 2)
        assert [d.event_id for d in await claim(store, DUE)] == ["another"]

    for life in (ahead, *(back if end == "ahead" else change_of_mind for end in ends)):
        scenario_in(tmp_path, life)
    assert reasons(tmp_path)["before"] == "suppressed consent_withdrawn"


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_nor_where_the_disk_had_no_room_at_first(tmp_path):
    """What tells the next process how late it was once went with the copy that was refused; it is written with the next one."""
    person, right = [Mark("em", "a" * 64)], NOW - 7_200_000

    async def ahead_and_back():
        with disk() as d:
            async with opened(tmp_path, hold={}) as store:
                await store.append([copy("before", em="a", at=NOW)])
                d.full = True
                with pytest.raises(StoreFull):
                    await store.append([copy("another", em="b", at=right)])
                d.full = False
                await store.append([copy("another", em="b", at=right)])

    async def change_of_mind(store: Store):
        await store.withdraw("1", person, right + 1)
        await store.grant("1", person, right + 2)
        assert [d.event_id for d in await claim(store, DUE)] == ["another"]

    asyncio.run(ahead_and_back())
    scenario_in(tmp_path, change_of_mind)
    assert reasons(tmp_path)["before"] == "suppressed consent_withdrawn"


def test_a_retry_is_asked_again(tmp_path):
    """Bytes that were frozen and tried once are not tried again after a withdrawal."""

    async def scenario(store: Store):
        await store.append([copy("1", em="a")])
        (d,) = await claim(store, DUE)
        await store.settle([settlement(d, WAITING, due_at=DUE + 1)], DUE)
        await store.withdraw("1", [Mark("em", "a" * 64)], DUE)
        return await claim(store, DUE + 1)

    assert scenario_in(tmp_path, scenario) == []


def test_it_survives_a_restart(tmp_path):
    person = [Mark("em", "a" * 64)]

    async def before(store: Store):
        await store.append([copy("1", em="a")])
        await store.withdraw("1", person, NOW)

    scenario_in(tmp_path, before)
    assert scenario_in(tmp_path, lambda store: claim(store, DUE)) == []


def test_nothing_of_the_person_is_in_the_folder(tmp_path):
    """Neither the value nor its hash is written down by a withdrawal of somebody who sent nothing."""
    marks, _ = marks_from({"em": "mary@example.com", "visitor": "visitor-of-mary"})

    async def scenario(store: Store):
        await store.withdraw("1", marks, NOW)

    scenario_in(tmp_path, scenario)
    kept = b"".join(readable(tmp_path).values())
    for secret in (b"mary@example.com", MARY.encode(), bytes.fromhex(MARY), b"visitor-of-mary"):
        assert secret not in kept


def test_a_refused_transaction_withdraws_nothing(tmp_path):
    """A batch that fails is rolled back with the withdrawal in it, and the withdrawal is then done alone."""
    person = [Mark("em", "a" * 64)]

    async def scenario(store: Store):
        def fail():
            raise RuntimeError

        failing = asyncio.ensure_future(store._work(fail))
        withdrawn = asyncio.ensure_future(store.withdraw("1", person, NOW))
        await asyncio.gather(failing, withdrawn, return_exceptions=True)
        return withdrawn.result(), read_standing(store.folder, "1", person)[0].withdrawn

    assert scenario_in(tmp_path, scenario) == (1, True)


# -- every interleaving

PEOPLE = 2
STEPS = st.one_of(
    st.tuples(st.just("accept"), st.integers(0, PEOPLE - 1), st.integers(0, 3)),
    st.tuples(st.just("accept"), st.integers(0, PEOPLE - 1), st.integers(0, 3)),
    st.tuples(st.just("deny"), st.integers(0, PEOPLE - 1), st.integers(0, 3)),
    st.tuples(st.just("withdraw"), st.integers(0, PEOPLE - 1), st.just(0)),
    st.tuples(st.just("grant"), st.integers(0, PEOPLE - 1), st.just(0)),
    st.tuples(st.sampled_from(["claim", "claim+withdraw", "withdraw+claim"]), st.integers(0, PEOPLE - 1), st.just(0)),
    st.tuples(st.sampled_from(["start", "start", "taken", "retry", "lost", "restart"]), st.just(0), st.just(0)),
)


class Person:
    """What is true of a person, by the order in which it was answered. Times are step numbers."""

    def __init__(self) -> None:
        self.withdrawn = self.granted = -1

    def grant(self, step: int) -> None:
        """A second grant adds nothing to the first."""
        if self.granted < self.withdrawn:
            self.granted = step

    def forbids(self, received: int) -> bool:
        if self.withdrawn < 0:
            return False
        return not (self.granted > self.withdrawn and received > self.granted)


class Shop:
    """A worker's behaviour over the real store, and the record against which every attempt is held."""

    def __init__(self) -> None:
        self.now = NOW
        self.step = 0
        self.people = [Person() for _ in range(PEOPLE)]
        self.copies: dict[str, list[int]] = {}  # event id -> steps at which its copies were accepted
        self.denied: set[str] = set()
        self.owner: dict[str, int] = {}
        self.claimed: list[tuple[int, list]] = []  # (consent_changes before the claim, deliveries): not started
        self.open: list = []  # started, not settled
        self.attempts: list[str] = []

    async def do(self, store: Store, what: str, person: int, number: int) -> None:
        self.step += 1
        self.now += 7
        match what:
            case "accept" | "deny":
                await self.accept(store, person, number, denied=what == "deny")
            case "withdraw":
                await self.withdraw(store, person)
            case "grant":
                await store.grant("1", self.names(person), self.now)
                self.people[person].grant(self.step)
            case "claim":
                await self.claim(store)
            case "claim+withdraw":
                await asyncio.gather(self.claim(store), self.withdraw(store, person))
            case "withdraw+claim":
                await asyncio.gather(self.withdraw(store, person), self.claim(store))
            case "start":
                await self.start(store)
            case "taken":
                await self.settle(store, DELIVERED)
            case "retry":
                await self.settle(store, WAITING, due_at=self.now)
            case "lost":
                self.open.clear()
                self.now += LEASE

    def names(self, person: int) -> list[Mark]:
        return [Mark("em", "ab"[person] * 64)]

    async def accept(self, store: Store, person: int, number: int, denied: bool) -> None:
        event_id = f"{person}-{number}"
        # The second copy of an action names its browser only; the first one names the person.
        first = event_id not in self.copies
        user = {"em": "ab"[person]} if first else {"fbp": FBP}
        consent = Consent.DENIED if denied else Consent.GRANTED
        await store.append([copy(event_id, SERVER if first else BROWSER, at=self.now, consent=consent, **user)])
        if first:
            self.copies[event_id] = [self.step]
            self.owner[event_id] = person
        if denied:
            self.denied.add(event_id)

    async def withdraw(self, store: Store, person: int) -> None:
        await store.withdraw("1", self.names(person), self.now)
        self.people[person].withdrawn = self.step

    async def claim(self, store: Store) -> None:
        changes = store.consent_changes
        claimed = await claim(store, self.now)
        if claimed:
            self.claimed.append((changes, claimed))

    async def start(self, store: Store) -> None:
        """As the worker: look once more, then write; between the two nothing waits."""
        if not self.claimed:
            return
        changes, deliveries = self.claimed.pop(0)
        if changes != store.consent_changes:
            await store.settle([settlement(d, WAITING, due_at=self.now, counts=False) for d in deliveries], self.now)
            return
        for d in deliveries:
            assert not self.is_forbidden(d.event_id), f"{d.event_id} is sent at step {self.step}"
            assert sent(d).event_id == d.event_id
            self.attempts.append(d.event_id)
        self.open += deliveries

    def is_forbidden(self, event_id: str) -> bool:
        person = self.people[self.owner[event_id]]
        return event_id in self.denied or any(person.forbids(step) for step in self.copies[event_id])

    async def settle(self, store: Store, state: DeliveryState, **facts) -> None:
        deliveries, self.open = self.open, []
        await store.settle([settlement(d, state, **facts) for d in deliveries], self.now)

    def crash(self) -> None:
        """The process is gone, and with it what it had claimed and what it was waiting for."""
        self.claimed.clear()
        self.open.clear()


async def live(folder: Path, steps) -> None:
    """Runs the steps, then lets a worker finish undisturbed, and asks whether the rest was delivered."""
    shop, left = Shop(), list(steps)
    while True:
        async with opened(folder, at=shop.now, hold={}) as store:
            while left:
                what, person, number = left.pop(0)
                if what == "restart":
                    break
                await shop.do(store, what, person, number)
            else:
                shop.crash()
                shop.now += LEASE
                await shop.do(store, "claim", 0, 0)
                await shop.do(store, "start", 0, 0)
                await shop.do(store, "taken", 0, 0)
                break
        shop.crash()
    state = {row["event_id"]: row["state"] for row in rows(folder, "deliveries")}
    for event_id in shop.copies:
        wanted = {"suppressed", "delivered"} if event_id in shop.attempts else {"suppressed"}
        assert state[event_id] in (wanted if shop.is_forbidden(event_id) else {"delivered", "suppressed"})
        if event_id not in shop.attempts:
            assert state[event_id] == "suppressed", "what may be sent is sent, or says why not"
        if state[event_id] == "suppressed":
            assert shop.is_forbidden(event_id) or shop.people[shop.owner[event_id]].withdrawn >= 0
    assert_sums_hold(folder)


LONG = bool(os.environ.get("TWOFOLD_LONG"))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@settings(max_examples=10_000 if LONG else 80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=3, max_size=24))
def test_no_attempt_that_starts_after_a_withdrawal_holds_the_persons_event(steps):
    """Accept, deny, withdraw, grant, claim, start, settle, lose and restart in any order, also at the same moment."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        asyncio.run(live(Path(folder), steps))


# -- what outlives a database that is put back


def put_back(folder: Path, backup: Path) -> None:
    """The database of an earlier moment in place of today's; what lies beside it stays."""
    for name in ("twofold.db", "twofold.db-wal", "twofold.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "twofold.db").write_bytes((backup / "twofold.db").read_bytes())
    accept_loss(folder, "a test", NOW)


def backed_up(folder: Path, backup: Path) -> None:
    backup.mkdir()
    db = sqlite3.connect(folder / "twofold.db")
    with contextlib.closing(db), contextlib.closing(sqlite3.connect(backup / "twofold.db")) as copy_:
        db.backup(copy_)


# What is done before the backup and after it, and whether the person's events leave once it is put back.
RESTORES: list[tuple[str, list[str], list[str], bool]] = [
    ("withdrawn since", [], ["withdraw"], False),
    ("withdrawn before", ["withdraw"], [], False),
    ("given again since", ["withdraw"], ["grant"], True),
    ("given again and withdrawn since", ["withdraw"], ["grant", "withdraw"], False),
    ("withdrawn and given again since", [], ["withdraw", "grant"], True),
    ("nothing", [], [], True),
]


@pytest.mark.embedded("puts a backup of its file back")
@pytest.mark.parametrize(("before", "after", "leaves"), [r[1:] for r in RESTORES], ids=[r[0] for r in RESTORES])
def test_a_withdrawal_outlives_a_restore(tmp_path, before, after, leaves):
    """A database from a backup does not know who said no since; the file beside it does, and what was given again, too."""
    folder, marks = tmp_path / "data", [Mark("order", "77"), Mark("em", MARY)]
    at = iter(range(NOW + 1, NOW + 100))

    def said(words: list[str]):
        async def scenario(store: Store):
            for word in words:
                await getattr(store, word)("1", marks, next(at))

        return scenario

    scenario_in(folder, said(before))
    backed_up(folder, tmp_path / "backup")
    scenario_in(folder, said(after))
    put_back(folder, tmp_path / "backup")

    async def comes(store: Store):
        await store.append([copy("e1", order="77", at=NOW + 200), copy("e2", order="78", at=NOW + 200)])
        return [d.event_id for d in await claim(store, DUE + 200)]

    assert scenario_in(folder, comes) == (["e1", "e2"] if leaves else ["e2"])
    assert [s.withdrawn for s in read_standing(folder, "1", marks)] == [not leaves] * 2
    kept = (folder / "withdrawals").read_bytes() if (folder / "withdrawals").exists() else b""
    assert MARY.encode() not in kept, "keyed digests only"


def test_a_folder_without_the_file_gets_it(tmp_path):
    """One of an earlier version, or one whose file was lost: what the database knows is written beside it at the start."""

    async def withdrawn(store: Store):
        await store.withdraw("1", [Mark("order", "77")], NOW + 1)

    async def nothing(_store: Store):
        return None

    scenario_in(tmp_path / "data", withdrawn)
    (tmp_path / "data" / "withdrawals").unlink()
    scenario_in(tmp_path / "data", nothing)
    assert (tmp_path / "data" / "withdrawals").stat().st_mode & 0o777 == 0o600
    scenario_in(tmp_path / "empty", nothing)
    (tmp_path / "empty" / "withdrawals").write_bytes((tmp_path / "data" / "withdrawals").read_bytes())
    with pytest.raises(StoreError, match="belongs to another database"):
        scenario_in(tmp_path / "empty", nothing)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path, cut):
    """It was never acknowledged; what came before it and what comes after it stand."""

    async def first(store: Store):
        await store.withdraw("1", [Mark("order", "77")], NOW + 1)
        await store.withdraw("1", [Mark("order", "78")], NOW + 2)

    async def second(store: Store):
        await store.withdraw("1", [Mark("order", "79")], NOW + 3)

    scenario_in(tmp_path / "data", first)
    file = tmp_path / "data" / "withdrawals"
    file.write_bytes(file.read_bytes()[:-cut])
    scenario_in(tmp_path / "data", second)
    for name in ("77", "78", "79"):
        assert read_standing(tmp_path / "data", "1", [Mark("order", name)])[0].withdrawn
    _, states, damaged = WithdrawnFile(tmp_path / "data").read()
    assert damaged == 0
    assert len(states) == 3


def test_no_withdrawal_is_acknowledged_that_the_file_does_not_hold(tmp_path):
    """Where the file cannot be written, the answer is an error and the database has nothing either."""

    async def withdrawn(store: Store):
        await store.withdraw("1", [Mark("order", "77")], NOW + 1)
        (tmp_path / "data" / "withdrawals").rename(tmp_path / "moved")
        (tmp_path / "data" / "withdrawals").mkdir()
        with pytest.raises(StoreError):
            await store.withdraw("1", [Mark("order", "78")], NOW + 2)
        await store.append([copy("e1", order="78")])
        return [d.event_id for d in await claim(store, DUE)]

    assert scenario_in(tmp_path / "data", withdrawn) == ["e1"]


def test_it_is_written_out_to_the_disk_before_anybody_is_told(tmp_path, monkeypatch):
    """Each answer comes after the system was told to write out the whole file, and the folder that has its name."""
    written_out = set()

    def fsync(fd):
        write_out(fd)
        found = os.fstat(fd)
        written_out.add((found.st_ino, None if stat.S_ISDIR(found.st_mode) else found.st_size))

    write_out = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)

    async def scenario(store: Store):
        for n in range(3):
            await store.withdraw("1", [Mark("em", str(n) * 64)], NOW + n)
            file = (tmp_path / "withdrawals").stat()
            assert (file.st_ino, file.st_size) in written_out
            assert (tmp_path.stat().st_ino, None) in written_out

    scenario_in(tmp_path, scenario)
