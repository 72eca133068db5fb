"""Several gateways write to one PostgreSQL database at the same moment, each in a thread of its own with connections of its own.

What must stand afterwards follows from what was sent alone: which copies share a key, who said no, which order was told. The
models here are written from that and ask nothing of the store; in which order the writers came they do not know, and need not.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from copies import BROWSER, LEASE, NOW, SERVER, assert_sums_hold, claim, copy_of_buyer, folder_of, rows, settlement
from msgspec.structs import replace
from order_reports import entry, report, shop_copy

from tests.strategies import TIMES
from twofold.errors import StoreAway, StoreError, StoreLocked
from twofold.event.model import Consent, Event, Tier
from twofold.matching.subject import Mark
from twofold.store import engines
from twofold.store.engines import open_reader
from twofold.store.opened.routes import Route
from twofold.store.sqlite import commit
from twofold.store.store import Store
from twofold.touch.model import Sign, Touch, TouchKind

ROUTES = {"1": Route(destinations=("meta-1", "meta-2"))}
WITH_SHOP = {"1": Route(destinations=("meta-1",), has_orders=True)}
SEEDS = max(2, int(3 * TIMES))
PATIENCE_S = 250


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with other work four seconds may go by without a commit. What is told then, to send again, is for senders that do."""
    monkeypatch.setattr(commit, "PATIENCE_S", PATIENCE_S)


Writer = Callable[[Store, threading.Barrier], Awaitable[Any]]


def at_once(folder: Path, writers: Sequence[Writer], routes: dict[str, Route] = ROUTES) -> list[Any]:
    """Each writer with a store and a thread of its own; what they return. The barrier is for the moments that they share."""
    barrier = threading.Barrier(len(writers), timeout=PATIENCE_S)
    told: list[Any] = [None] * len(writers)
    failed: list[BaseException] = []

    async def main(number: int) -> None:
        name = f"w{number}"
        store = Store(folder_of(folder, name), routes=routes, opened_at=NOW, peer=name)
        store.start()
        try:
            told[number] = await writers[number](store, barrier)
        finally:
            await store.close()

    def run(number: int) -> None:
        try:
            asyncio.run(main(number))
        except BaseException as err:
            failed.append(err)
            barrier.abort()

    for number in range(len(writers)):  # each folder with the secret of the first, as an operator copies it
        with_secret = folder_of(folder, f"w{number}")
        if number == 0:
            Store(with_secret, routes=routes, opened_at=NOW, peer="w0")._engine.close()
    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(writers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a writer has not ended"
    broken = [err for err in failed if not isinstance(err, threading.BrokenBarrierError)]
    if broken or failed:
        raise (broken or failed)[0]
    return told


def one_after_the_other(folder: Path, work: Writer, routes: dict[str, Route] = ROUTES) -> Any:
    """One writer, when the others are done."""
    return at_once(folder, [work], routes)[0]


def groups_of(copies: Sequence[Event]) -> list[list[Event]]:
    """Which copies are of one action: whoever shares an event id or an order, and whoever shares it with them."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            key = parent[key]
        return key

    def keys(one: Event) -> list[str]:
        order = one.custom_data.order_id
        return ([f"id {one.event_id}"] if one.id_given else []) + ([f"order {order}"] if order else [])

    for one in copies:
        first, *others = map(root, keys(one))
        for other in others:
            parent[root(other)] = root(first)
    groups: dict[str, list[Event]] = defaultdict(list)
    for one in copies:
        groups[root(keys(one)[0])].append(one)
    return list(groups.values())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_copies_of_one_action_that_come_to_three_gateways_at_one_moment_are_one(tmp_path, seed):
    """By id, by order, or by a copy that has both and comes when each has begun an action of its own. Whoever said no at any of
    them is sent nowhere; all else is claimed once for each destination, by three who ask at the same moment."""
    chance = random.Random(seed)
    rounds = [[[_any_copy(chance, n) for _ in range(chance.randrange(1, 5))] for _ in range(3)] for n in range(12)]
    sent = [one for at in rounds for part in at for one in part]

    def writer(number: int) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> tuple[Counter[str], list[tuple[str, int]]]:
            verdicts: Counter[str] = Counter()
            for at in rounds:
                barrier.wait()
                verdicts.update(v.value for v in await store.append(at[number]))
            barrier.wait()
            return verdicts, [
                (to, delivery)
                for to in ("meta-1", "meta-2")
                for delivery in await _claim_all(store, to, 3 + 2 * number)
            ]

        return run

    told = at_once(tmp_path, [writer(n) for n in range(3)])
    groups = groups_of(sent)
    kept = [row for row in rows(folder_of(tmp_path, "w0"), "actions") if row["merged_into"] is None]
    assert sorted(row["copies"] for row in kept) == sorted(len(group) for group in groups)
    said_no = sum(any(one.consent is Consent.DENIED for one in group) for group in groups)
    claimed = [one for _, taken in told for one in taken]
    assert len(claimed) == len(set(claimed)) == 2 * (len(groups) - said_no)
    verdicts = sum((counts for counts, _ in told), Counter())
    assert sum(verdicts.values()) == len(sent)
    states = Counter(row["state"] for row in rows(folder_of(tmp_path, "w0"), "deliveries") if row["reason"] != "merged")
    assert states == Counter(delivered=len(claimed), suppressed=2 * said_no)
    for number in range(3):
        assert_sums_hold(folder_of(tmp_path, f"w{number}"))


def test_two_copies_that_find_one_action_by_keys_of_their_own_are_both_counted(tmp_path):
    """One by its id and one by its order, in two gateways at one moment: they share no key, so only the action's row holds one back
    until the other is done."""
    numbers = range(40)

    async def both(store: Store, _barrier: threading.Barrier) -> None:
        await store.append([copy_of_buyer(f"e{n}", SERVER, tier=Tier.T2, at=NOW, order=f"o{n}") for n in numbers])

    def told_by(event_id: str | None, order: str | None) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> None:
            for n in numbers:
                one = copy_of_buyer(
                    event_id and f"{event_id}{n}", BROWSER, tier=Tier.T2, at=NOW + 1, order=order and f"{order}{n}"
                )
                barrier.wait()
                await store.append([one])

        return run

    one_after_the_other(tmp_path, both)
    at_once(tmp_path, [told_by("e", None), told_by(None, "o")])
    assert [row["copies"] for row in rows(folder_of(tmp_path, "w0"), "actions")] == [3] * len(numbers)
    assert_sums_hold(folder_of(tmp_path, "w0"))


def _any_copy(chance: random.Random, number: int) -> Event:
    """A Purchase of one of few, so that the three meet; of an even one the id and the order are told apart until a copy has both."""
    n = max(0, number - chance.randrange(3))
    by = chance.choice(("id", "order", "both", "both"))
    return copy_of_buyer(
        f"e{n}" if by != "order" else None, chance.choice((SERVER, BROWSER)), tier=Tier.T2, at=NOW + number,
        order=f"o{n}" if by != "id" else None, consent=Consent.DENIED if chance.random() < 0.06 else Consent.GRANTED,
    )  # fmt: skip


async def _claim_all(store: Store, destination: str, limit: int) -> list[int]:
    """What this one gets before nothing is left, delivered."""
    got: list[int] = []
    empty = 0
    while empty < 3:  # another one may be in the middle of what is left
        claimed = await claim(store, NOW + 1_000, destination=destination, limit=limit)
        empty = 0 if claimed else empty + 1
        await store.settle([settlement(d) for d in claimed], NOW + 1_001)
        got += [d.id for d in claimed]
    return got


def test_a_delivery_is_one_workers_and_an_old_lease_settles_nothing(tmp_path):
    """Four workers claim at once: no delivery is two workers'. The one whose lease is over has lost them to the next."""
    count = 60

    async def begin(store: Store, _barrier: threading.Barrier) -> None:
        await store.append([copy_of_buyer(f"e{n}") for n in range(count)])

    one_after_the_other(tmp_path, begin)

    def worker(number: int) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> tuple[list[int], list[int]]:
            mine: list[Any] = []
            barrier.wait()
            while claimed := await claim(store, NOW, limit=1 + 3 * number):
                mine += claimed
            barrier.wait()
            late = await claim(store, NOW + LEASE, limit=count)
            barrier.wait()
            await store.settle([settlement(d) for d in mine], NOW + LEASE + 1)  # of which another one has the lease now
            barrier.wait()
            still = len(rows(store.folder, "deliveries", state="delivered"))
            barrier.wait()
            await store.settle([settlement(d) for d in late], NOW + LEASE + 2)
            return [d.id for d in mine], [d.id for d in late], still

        return run

    told = at_once(tmp_path, [worker(n) for n in range(4)])
    for turn in (0, 1):
        ids = [d for parts in told for d in parts[turn]]
        assert len(ids) == len(set(ids)) == count
    assert [parts[2] for parts in told] == [0] * 4
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_what_is_being_settled_is_nobody_elses(tmp_path):
    """A worker's lease has just ended, and what it tells of its request is about to be committed when another one asks for what is due:
    the delivery is passed over and stays delivered, and is not sent a second time."""

    async def begin(store: Store, _barrier: threading.Barrier) -> None:
        await store.append([copy_of_buyer("e")])

    one_after_the_other(tmp_path, begin)
    written, asked = threading.Event(), threading.Event()

    async def late(store: Store, barrier: threading.Barrier) -> list[int]:
        held = await claim(store, NOW)
        commit = store._engine.commit

        def once_the_other_has_asked() -> None:
            written.set()
            _until_set_or_stopped_by_a_lock(asked, tmp_path)
            commit()

        store._engine.commit = once_the_other_has_asked
        barrier.wait()
        await store.settle([settlement(d) for d in held], NOW + LEASE - 1)
        store._engine.commit = commit
        return [d.id for d in held]

    async def next_one(store: Store, barrier: threading.Barrier) -> list[int]:
        barrier.wait()
        assert written.wait(PATIENCE_S)
        found = await claim(store, NOW + LEASE)
        asked.set()
        return [d.id for d in found]

    first, second = at_once(tmp_path, [late, next_one])
    assert (len(first), second) == (1, [])
    kept = rows(folder_of(tmp_path, "w0"), "deliveries", destination="meta-1")
    assert [(row["state"], row["attempts"]) for row in kept] == [("delivered", 1)]
    assert_sums_hold(folder_of(tmp_path, "w0"))


def _until_set_or_stopped_by_a_lock(asked: threading.Event, folder: Path) -> None:
    """Whoever waits for a row of this transaction gets no further before it ends."""
    waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with psycopg.connect(engines.address_of(folder), autocommit=True) as db:
        while not asked.wait(0.05) and not db.execute(waits).fetchall():
            pass


@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_order_that_two_gateways_are_told_of_at_once_is_one_and_has_one_purchase(tmp_path, seed):
    """The shop's report comes to both, and the browser's copy to a third, in any order within a moment: one order, which owns one
    action, which is sent once, whatever became of the browser's."""
    chance = random.Random(seed)
    count = 8
    plan = [[chance.sample(range(count), count) for _ in range(3)]]

    def shop(number: int) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> None:
            for n in plan[0][number]:
                barrier.wait()
                await store.append_orders(
                    [entry(report(f"o{n}", version=1 + number), shop_copy(f"o{n}"), at=NOW + number)]
                )

        return run

    async def browser(store: Store, barrier: threading.Barrier) -> None:
        for n in plan[0][2]:
            barrier.wait()
            await store.append([copy_of_buyer(f"page{n}", BROWSER, order=f"o{n}", consent=Consent.GRANTED)])

    at_once(tmp_path, [shop(0), shop(1), browser], WITH_SHOP)
    folder = folder_of(tmp_path, "w0")
    db = open_reader(folder)
    owned = db.execute("select order_id, action from orders").fetchall()
    db.close()
    assert sorted(order for order, _ in owned) == sorted(f"o{n}" for n in range(count))
    assert len({action for _, action in owned}) == count

    async def deliver(store: Store, _barrier: threading.Barrier) -> list[int]:
        return await _claim_all(store, "meta-1", 5)

    sent = one_after_the_other(tmp_path, deliver, WITH_SHOP)
    assert len({d // 256 for d in sent}) == len(sent) == count
    assert_sums_hold(folder)


def test_what_is_withdrawn_at_one_gateway_no_other_begins_to_send(tmp_path):
    """Two deliver as a worker does, looking once more before each request; a third withdraws. No request begins after the answer
    to the withdrawal that holds the person's events, and what had not begun is suppressed."""
    people, each = 12, 12
    began: list[tuple[float, int]] = []
    answered: dict[int, float] = {}

    def em(person: int) -> str:
        return "0123456789ab"[person] * 64

    async def begin(store: Store, _barrier: threading.Barrier) -> None:
        await store.append(
            [
                copy_of_buyer(f"e{p}-{n}", em=em(p)[0], consent=Consent.GRANTED)
                for n in range(each)
                for p in range(people)
            ]
        )

    one_after_the_other(tmp_path, begin)

    async def deliver(store: Store, barrier: threading.Barrier) -> None:
        barrier.wait()
        empty = 0
        while empty < 5:
            known = store.consent_changes
            claimed = await claim(store, NOW, limit=people)  # one of each
            empty = 0 if claimed else empty + 1
            await asyncio.sleep(0.03)  # a request is built, and may wait for another one
            looked = time.monotonic()
            await store.look()
            if store.consent_changes != known:
                back = [settlement(d, "waiting", due_at=NOW, counts=False, outcome="") for d in claimed]
                await store.settle(back, NOW)
                continue
            began.extend((looked, int(d.event_id[1:].partition("-")[0])) for d in claimed)
            await store.settle([settlement(d) for d in claimed], NOW)

    async def withdraw(store: Store, barrier: threading.Barrier) -> None:
        barrier.wait()
        for person in range(0, people, 2):
            await store.withdraw("1", [Mark("em", em(person))], NOW)
            answered[person] = time.monotonic()
            await asyncio.sleep(0.02)

    at_once(tmp_path, [deliver, deliver, withdraw])
    assert [p for looked, p in began if p in answered and looked > answered[p]] == []
    kept = rows(folder_of(tmp_path, "w0"), "deliveries", destination="meta-1")
    sent = Counter(p for _, p in began)
    for person in range(people):
        theirs = [row for row in kept if row["event_id"].startswith(f"e{person}-")]
        reasons = Counter(row["reason"] for row in theirs if row["state"] == "suppressed")
        assert sent[person] + reasons["consent_withdrawn"] == each
        assert person in answered or not reasons
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_a_browser_that_three_gateways_see_first_at_one_moment_is_one(tmp_path):
    """One row, one visit, known by both of its ids, whichever of them each gateway was told."""
    browsers = 20

    def writer(number: int) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> None:
            for n in range(browsers):
                barrier.wait()
                await store.append([_page(f"p{number}-{n}", n, visitor=number != 1)])

        return run

    at_once(tmp_path, [writer(n) for n in range(3)])
    db = open_reader(folder_of(tmp_path, "w0"))
    known = db.execute("select (select count(*) from browser), (select count(*) from visit)").fetchone()
    db.close()
    assert known == (browsers, browsers)
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_visits_that_one_browser_begins_at_two_gateways_are_both_kept(tmp_path):
    """Each gateway is told another of its ids and another agent: three visits, whichever came last."""
    browsers = 16

    def writer(number: int) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> None:
            for n in range(browsers):
                if number == 0:
                    await store.append([_page(f"first{n}", n)])  # it is known by both ids
                barrier.wait()
                own = {"visitor": False} if number else {"fbp": False}
                await store.append([_page(f"next{number}-{n}", n, agent=f"Agent/{number}", **own)])

        return run

    at_once(tmp_path, [writer(0), writer(1)])
    db = open_reader(folder_of(tmp_path, "w0"))
    found = db.execute(
        "select b.visits, (select count(*) from visit as v where v.browser = b.id) from browser as b"
    ).fetchall()
    db.close()
    assert found == [(3, 3)] * browsers
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_a_browser_s_no_and_its_yes_at_one_moment_leave_nothing_of_before_the_no(tmp_path):
    """Each told by another of its ids. Whichever came last counts; after a no that came last nothing is kept of its visits, and
    nobody else's is touched."""
    browsers = 16

    async def agree(store: Store, barrier: threading.Barrier) -> None:
        for n in range(browsers):
            await store.append([_page(f"first{n}", n)])  # it is known by both ids
            barrier.wait()
            await store.append([_page(f"yes{n}", n, visitor=False, agent="Another/1.0")])

    async def deny(store: Store, barrier: threading.Barrier) -> None:
        for n in range(browsers):
            barrier.wait()
            await store.append([_page(f"no{n}", n, fbp=False, consent=Consent.DENIED)])

    at_once(tmp_path, [agree, deny])
    db = open_reader(folder_of(tmp_path, "w0"))
    found = db.execute(
        "select b.consent, (select count(*) from visit as v where v.browser = b.id) from browser as b"
    ).fetchall()
    db.close()
    assert len(found) == browsers
    assert all(visits == 0 if consent.startswith("denied") else visits in (1, 2) for consent, visits in found), found
    assert_sums_hold(folder_of(tmp_path, "w0"))


@pytest.mark.parametrize("seed", range(2))
def test_nobody_waits_for_somebody_who_waits_for_him(tmp_path, seed):
    """Three gateways are told of the same few people and orders at the same moments, in any order: pages, noes, signs, Purchases that
    unite actions; and all three claim and settle meanwhile. The server counts no deadlock. It looks for one sooner than anybody
    gives up the wait for a row, so none of them is over before it is seen."""
    address = engines.address_of(tmp_path)
    chance = random.Random(seed)
    plans = [
        [[_anything(chance, f"{w}-{n}-{k}") for k in range(chance.randrange(1, 8))] for n in range(40)]
        for w in range(3)
    ]

    def writer(number: int) -> Writer:
        async def run(store: Store, barrier: threading.Barrier) -> None:
            barrier.wait()
            for n, part in enumerate(plans[number]):
                await _taken(store, part, [_sign(one) for one in part if one.event_name == "PageView"])
                if n % 5 == number:
                    claimed = await claim(store, NOW + 1_000, limit=10)
                    await store.settle([settlement(d) for d in claimed], NOW + 1_001)

        return run

    with psycopg.connect(address, autocommit=True) as db:
        before = _deadlocks(db)
        db.execute(f"alter database {db.info.dbname} set deadlock_timeout = '5ms'")
        try:
            at_once(tmp_path, [writer(number) for number in range(3)])
        finally:
            db.execute(f"alter database {db.info.dbname} reset deadlock_timeout")
        assert _deadlocks(db) == before
    assert_sums_hold(folder_of(tmp_path, "w0"))


async def _taken(store: Store, part: Sequence[Event], signs: Sequence[Sign]) -> None:
    """Sent until it is taken, as a sender does it: on a machine with other work four seconds may go by without a commit."""
    while True:
        try:
            await store.append(part, signs=signs)
            return
        except StoreAway:
            await asyncio.sleep(0.1)


def _deadlocks(db: psycopg.Connection[Any]) -> int:
    """What the server has counted, once every session of a gateway has ended and told it."""
    others = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'twofold'"
    while db.execute(others).fetchone() != (0,):
        time.sleep(0.02)
    (found,) = db.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    return int(found)


def _anything(chance: random.Random, number: str) -> Event:
    """A page of one of few browsers, each of which is known by two ids, or a copy of one of few Purchases."""
    who, agrees = chance.randrange(6), chance.random() > 0.1
    facts: dict[str, Any] = {
        "consent": Consent.GRANTED if agrees else Consent.DENIED, "client_user_agent": f"Agent/{chance.randrange(3)}",
        "fbp": f"fb.1.1790000000000.{1000 + (who + chance.randrange(2)) % 6}",
    }  # fmt: skip
    if chance.random() < 0.5:
        page = copy_of_buyer(f"page{number}", BROWSER, name="PageView", value=None, **facts)
        return replace(page, visitor=f"visitor-{who}")
    by = chance.choice(("id", "order", "both"))
    return copy_of_buyer(
        f"e{who}" if by != "order" else None, chance.choice((SERVER, BROWSER)), tier=chance.choice((Tier.T0, Tier.T2)),
        order=f"o{(who + chance.randrange(2)) % 6}" if by != "id" else None, at=NOW + chance.randrange(100), **facts,
    )  # fmt: skip


def _sign(page: Event) -> Sign:
    """That this page's browser came from somewhere."""
    ids = (("fbp", page.user_data.fbp), ("visitor", page.visitor))
    source = f"shop{page.event_id[-1]}"
    touch = Touch(at=NOW // 1000, kind=TouchKind.VISIT, source=source, consent=str(page.consent))
    return Sign(dataset="1", ids=ids, touch=touch)


def _page(
    event_id: str,
    number: int,
    *,
    fbp: bool = True,
    visitor: bool = True,
    consent: Consent = Consent.GRANTED,
    agent: str = "Mozilla/5.0",
) -> Event:
    """A page of one browser, which says its own ids or one of them."""
    known = {"fbp": f"fb.1.1790000000000.{1000 + number}"} if fbp else {}
    page = copy_of_buyer(
        event_id, BROWSER, name="PageView", value=None, consent=consent, client_user_agent=agent, **known
    )
    return replace(page, visitor=f"visitor-{number}-0123456789") if visitor else page


def test_a_name_is_one_process_s_and_a_folder_needs_the_secret_of_the_database(tmp_path):
    """The second that comes under a name is told so; one with a secret of its own, or none, is told what to copy. Nothing of the
    first is disturbed."""

    async def run(store: Store, _barrier: threading.Barrier) -> None:
        await store.append([copy_of_buyer("before")])
        with pytest.raises(StoreLocked, match="under the name w0; give each its own, by --name"):
            Store(folder_of(tmp_path, "again"), routes=ROUTES, opened_at=NOW, peer="w0")
        bare = folder_of(tmp_path, "bare")
        (bare / "erasures").unlink()
        with pytest.raises(StoreError, match="has no file erasures, whose first line is the secret of this database"):
            Store(bare, routes=ROUTES, opened_at=NOW, peer="bare")
        assert not (bare / "erasures").exists()
        (bare / "erasures").write_text('{"secret":"' + "5" * 64 + '"}\n')
        with pytest.raises(StoreError, match="its secret is not the one of this database"):
            Store(bare, routes=ROUTES, opened_at=NOW, peer="bare")
        with pytest.raises(StoreLocked, match="in use by gateways"):
            Store(folder_of(tmp_path, "alone"), routes=ROUTES, opened_at=NOW)
        await store.append([copy_of_buyer("after")])

    one_after_the_other(tmp_path, run)
    assert [row["event_id"] for row in rows(folder_of(tmp_path, "w0"), "events")] == ["before", "after"]
