"""The index of words against the walk: it finds the same rows, reads few, survives restarts, and is erased itself."""

from __future__ import annotations

import asyncio
import random
from array import array
from zlib import crc32

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import Person, erased, erasing, made

from tests.store.copies import BROWSER, NOW, SERVER, appended, with_store
from tests.strategies import slow_law
from twofold.matching.subject import Keyring, SubjectRequest, needles_of, wanted_of
from twofold.matching.words import words_of
from twofold.privacy.search import Finder, SubjectMatches, SubjectQuery
from twofold.report.verify import verify
from twofold.store.engines import open_reader
from twofold.store.index import words as index

ANNA, BORIS, CLARA = Person(1), Person(2), Person(3)
BLOCK, PART = 64, 4


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 64 rows, so that a test needs no thousands."""
    monkeypatch.setattr(index, "ROWS", BLOCK)
    monkeypatch.setattr(index, "PART", PART)


def stranger(n: int):
    """Somebody's page view; no two say the same."""
    chance = random.Random(n)
    user = {"em": f"somebody.{n}@elsewhere.example", "fbp": f"fb.1.17899999{n:05}.{chance.getrandbits(30)}"}
    return made(f"view-{n}", chance.choice((BROWSER, SERVER)), user, name="PageView", value=None)


def indexed(folder, copies, *, steps: int = 10_000) -> None:
    """Appends copies as one batch and takes so many parts into the index, as a gateway does behind its accepts."""

    async def scenario(store):
        await store.append(list(copies))
        await taken_in(store, steps)

    with_store(folder, scenario)


async def taken_in(store, steps: int = 10_000) -> None:
    for _ in range(steps):
        if not await store.index_words():
            return


def searched(folder, request: SubjectRequest, *, walk: bool) -> tuple[SubjectMatches, int]:
    """What is found, and how many rows were read for it."""
    ring = Keyring(b"for the test")
    needles = needles_of(request)
    read: list[int] = []

    class Counting(Finder):
        def _bodies(self, what, looks, words):
            for row in super()._bodies(what, looks, None if walk else words):
                read.append(row[0])
                yield row

    finder = Counting(folder, SubjectQuery(ring, wanted_of(request, ring), request.dataset), needles=needles)
    return finder.run(), len(read)


def assert_same(a: SubjectMatches, b: SubjectMatches) -> None:
    for name in ("rows", "marks", "leads", "actions", "mentioned_in", "orders", "refused", "scanned", "shared"):
        assert getattr(a, name) == getattr(b, name), name


PEOPLE = [ANNA, BORIS, CLARA, Person(77)]
REQUESTS = st.sampled_from(PEOPLE).flatmap(
    lambda p: st.sampled_from([
        SubjectRequest(emails=(p.email,)), SubjectRequest(phones=(p.phone,)), SubjectRequest(external_ids=(p.customer,)),
        SubjectRequest(order_ids=(p.order,)), SubjectRequest(emails=(p.email,), phones=(p.phone,)),
        SubjectRequest(phones=("06 12 34 56 78",), country="FR"), SubjectRequest(external_ids=("ab-12-c",)),
    ])
)  # fmt: skip
MENTIONS = ("", "call 06 12 34 56 78", "ab-12-c", "see {email}", "o={order}&x=1", "%{order}", "{customer} was here")


@slow_law
@given(
    who=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from(MENTIONS)), min_size=5, max_size=60),
    request_=REQUESTS,
    sizes=st.lists(st.tuples(st.integers(1, 90), st.sampled_from([0, 1, 17, 99])), min_size=1, max_size=4),
)
def test_it_finds_all_that_the_walk_finds(tmp_path_factory, who, request_, sizes):
    """Whoever is asked for, however rows share transactions and however far the index is, with restarts between them."""
    folder = tmp_path_factory.mktemp("law")
    events = []
    for n, (person, which, mention) in enumerate(who):
        event = PEOPLE[person].copies()[which]
        event.event_id = f"{event.event_id}-{n}"
        told = mention.format(**{k: getattr(PEOPLE[(person + 1) % 4], k) for k in ("email", "order", "customer")})
        event.custom_data.other = {"note": told} if told else {}
        events += [event, *(stranger(n * 10 + k) for k in range(4))]
    for size, steps in sizes:
        part, events = events[:size], events[size:]
        if part:
            indexed(folder, part, steps=steps)
    appended(folder, events or [stranger(5)], together=True)
    assert_same(searched(folder, request_, walk=False)[0], searched(folder, request_, walk=True)[0])


def test_it_reads_the_few_parts_that_can_hold_the_person(tmp_path):
    rows = [stranger(n) for n in range(BLOCK * 6)]
    rows[70:70], rows[200:200] = ANNA.copies(), [ANNA.view(3)]
    indexed(tmp_path, rows)
    request = SubjectRequest(emails=(ANNA.email,))
    found, read = searched(tmp_path, request, walk=False)
    whole, all_read = searched(tmp_path, request, walk=True)
    assert_same(found, whole)
    assert len(found.rows) == 4
    tail = len(rows) % BLOCK
    assert read < 3 * (tail + 6 * PART)
    assert all_read >= 2 * len(rows)


@pytest.mark.parametrize("damage", ["row lost", "entries cut", "one bit", "secret lost", "all stale"])
def test_what_is_damaged_or_missing_is_read_instead(tmp_path, damage):
    indexed(tmp_path, [*(stranger(n) for n in range(100)), *ANNA.copies(), *(stranger(n) for n in range(100, 200))])
    with apsw.Connection(str(tmp_path / "twofold.db")) as db:
        if damage == "row lost":
            db.execute("delete from word_index where block = 1")
        elif damage == "entries cut":
            db.execute("update word_index set entries = substr(entries, 1, 40)")
        elif damage == "one bit":
            for block, blob in db.execute("select block, entries from word_index").fetchall():
                db.execute(
                    "update word_index set entries = ? where block = ?", (bytes([blob[0] ^ 64]) + blob[1:], block)
                )
        elif damage == "secret lost":
            db.execute("delete from meta where name = 'word_index_secret'")
        else:
            for n in range(60):
                db.execute("insert into word_index_stale values (?, 1)", (n,))
    db.close()
    request = SubjectRequest(emails=(ANNA.email,))
    assert_same(searched(tmp_path, request, walk=False)[0], searched(tmp_path, request, walk=True)[0])
    assert len(searched(tmp_path, request, walk=False)[0].rows) == 3


def prints_of(folder) -> dict[int, set[int]]:
    """Block to the fingerprints that are kept."""
    db = open_reader(folder)
    found = {b: {e >> 4 for e in array("I", blob)} for b, blob in db.execute("select block, entries from word_index")}
    db.close()
    return found


def prints(folder, event) -> set[int]:
    """Independent of the index' own function: what it keeps of an event's words."""
    db = open_reader(folder)
    ((secret,),) = db.execute("select value from meta where name = 'word_index_secret'").fetchall()
    db.close()
    return {crc32(w.encode("utf-8", "surrogatepass"), int(secret)) & 0xFFFFFFF for w in words_of(event)}


@pytest.mark.parametrize("steps", [0, 12, 14, 10_000], ids=lambda n: f"after {n} parts")
@pytest.mark.parametrize("full", [True, False], ids=["in a full block", "in the block being filled"])
def test_an_erasure_takes_its_words_out(tmp_path, full, steps):
    """Nothing that only the person's rows said is kept; what others said stays, and is found as before."""
    hers = ANNA.copies()
    at_once: set[int] = set()

    async def main():
        async with erasing(tmp_path, NOW) as (store, eraser):
            await store.append([stranger(n) for n in range(50)])
            await store.append([*hers, *BORIS.copies()])
            if full:
                await store.append([stranger(n) for n in range(50, 150)])
            await taken_in(store, steps)  # the person's words may be in memory, in a row, or in neither
            await erased(eraser, SubjectRequest(emails=(ANNA.email,)))
            await store.append([stranger(n) for n in range(150, 260)])
            await taken_in(store)
            assert await store.words_behind() < BLOCK
            at_once.update(*prints_of(tmp_path).values())
            while await store.transact(index.remake):
                pass

    asyncio.run(main())
    kept = set().union(*prints_of(tmp_path).values())
    others = set().union(*(prints(tmp_path, e) for e in (*BORIS.copies(), *(stranger(n) for n in range(260)))))
    alone = set().union(*(prints(tmp_path, e) for e in hers)) - others
    stays = set().union(*(prints(tmp_path, left) for left in left_of(tmp_path)))
    assert len(alone - stays) > 5
    assert (kept | at_once) & (alone - stays) == set()
    assert prints(tmp_path, BORIS.bought()) <= kept
    assert_same(*(searched(tmp_path, SubjectRequest(emails=(BORIS.email,)), walk=w)[0] for w in (False, True)))
    assert searched(tmp_path, SubjectRequest(emails=(ANNA.email,)), walk=False)[0].rows == {}
    assert all(c.holds for c in verify(tmp_path))


def left_of(folder):
    """What is left of every row that was redacted."""
    from twofold.event.model import decode_event

    db = open_reader(folder)
    rows = db.execute("select plain_body(event.body) from event join redaction using (position)").fetchall()
    db.close()
    return [decode_event(body) for (body,) in rows]


def test_a_rolled_back_transaction_leaves_no_words(tmp_path):
    """Its rows never were; the next rows get their positions."""

    async def scenario(store):
        await store.append([stranger(n) for n in range(40)])
        await taken_in(store)
        with pytest.raises(Exception, match="internal"):
            await store.transact(lambda e: e.run("no such statement"))
        await store.append([*ANNA.copies(), *(stranger(n) for n in range(40, 100))])
        await taken_in(store)

    with_store(tmp_path, scenario)
    request = SubjectRequest(emails=(ANNA.email,))
    assert_same(searched(tmp_path, request, walk=False)[0], searched(tmp_path, request, walk=True)[0])
    kept = prints_of(tmp_path)[0]
    assert set().union(*(prints(tmp_path, stranger(n)) for n in range(40))) <= kept


def test_rows_that_are_older_than_the_index_are_taken_in_by_and_by(tmp_path):
    """As after the step from version 0.2.0: all parts are stale, and `remake` makes them."""
    indexed(tmp_path, [*(stranger(n) for n in range(100)), *ANNA.copies(), *(stranger(n) for n in range(100, 170))])
    made_at_once = prints_of(tmp_path)
    with apsw.Connection(str(tmp_path / "twofold.db")) as db:
        db.execute("delete from word_index")
        for part in range(170 // PART):
            db.execute("insert into word_index_stale values (?, 0)", (part,))
    db.close()

    async def scenario(store):
        while await store.transact(index.remake):
            pass
        await store.append([stranger(n) for n in range(170, 260)])
        await taken_in(store)

    with_store(tmp_path, scenario)
    made_again = prints_of(tmp_path)
    assert {b: made_again[b] for b in made_at_once} == made_at_once
    assert sorted(made_again) == [0, 1, 2, 3]
    request = SubjectRequest(emails=(ANNA.email,))
    found, read = searched(tmp_path, request, walk=False)
    assert_same(found, searched(tmp_path, request, walk=True)[0])
    assert read < 150
