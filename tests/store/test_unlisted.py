"""What waits for several destinations is listed as due by whoever claims first, not with its accept: every destination has all of it
all the same, at its time, and whoever counts what waits counts it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
from copies import BROWSER, HOLD, NOW, PLACE, assert_sums_hold, claim, copy, opened, sent, settlement, told

from twofold.store.lists import Reader
from twofold.store.sqlite.statements import statement
from twofold.store.store import Store

pytestmark = pytest.mark.embedded
THREE = ("meta-1", "tiktok-1", "x-1")


def unlisted(folder: Path) -> int:
    return int(told(folder, "select count(*) from delivery where unlisted is not null")[0][0])


def waiting(folder: Path) -> dict[str, tuple[int, int]]:
    """By the console's own question: how many wait of each destination, and since when."""
    return {name: (n, since) for name, _, n, since in told(folder, statement("console_waiting"))}


def views(*ids: str, at: int = NOW) -> list[Any]:
    return [copy(i, name="PageView", value=None, currency=None, at=at + n) for n, i in enumerate(ids)]


async def ids_of(store: Store, destination: str, now: int = NOW + 10, **more: Any) -> list[str]:
    return [sent(d).event_id for d in await claim(store, now, destination=destination, **more)]


def test_every_destination_has_all_of_it_whoever_claims_first(tmp_path):
    """One claims and is told, one waits, one is paused: nothing of any is lost or listed twice."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1", "2", "3"))
            assert unlisted(tmp_path) == 9
            assert waiting(tmp_path) == dict.fromkeys(THREE, (3, NOW))
            got = await claim(store, NOW + 10, destination="tiktok-1")
            assert [sent(d).event_id for d in got] == ["1", "2", "3"]
            assert unlisted(tmp_path) == 0
            await store.settle([settlement(d) for d in got], NOW + 20)
            await store.append(views("4", at=NOW + 30))
            assert {name: n for name, (n, _) in waiting(tmp_path).items()} == {"meta-1": 4, "tiktok-1": 1, "x-1": 4}
            assert await ids_of(store, "meta-1", NOW + 40) == ["1", "2", "3", "4"]
            assert await ids_of(store, "x-1", NOW + 40) == ["1", "2", "3", "4"]
            assert await ids_of(store, "tiktok-1", NOW + 40) == ["4"]
            assert [await ids_of(store, d, NOW + 50) for d in THREE] == [[], [], []]

    asyncio.run(main())
    assert_sums_hold(tmp_path)


def test_what_waits_for_its_twin_is_due_for_all_when_that_comes(tmp_path):
    """Nobody has it before its hold is over; the twin ends the hold for every destination."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append([copy("e1", BROWSER, **PLACE)])
            assert await store.next_due("x-1") == NOW + HOLD
            assert [await ids_of(store, d, NOW + HOLD - 1) for d in THREE] == [[], [], []]
            assert unlisted(tmp_path) == 3
            await store.append([copy("e1", at=NOW + 5, **PLACE)])
            assert await store.next_due("x-1") == NOW + 5
            assert [await ids_of(store, d, NOW + 6) for d in THREE] == [["e1"], ["e1"], ["e1"]]
            await store.append([copy("e2", at=NOW + 7)])
            assert [await ids_of(store, d, NOW + 7 + HOLD) for d in THREE] == [["e2"], ["e2"], ["e2"]]

    asyncio.run(main())
    assert_sums_hold(tmp_path)


def test_a_small_claim_lists_as_little_and_the_rest_is_due_still(tmp_path):
    """One tries with a single event, as of a platform that was unwell; the oldest goes first."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1", "2", "3"))
            assert await ids_of(store, "x-1", limit=1) == ["1"]
            assert unlisted(tmp_path) == 6
            assert await store.next_due("x-1") == NOW + 1
            assert {name: n for name, (n, _) in waiting(tmp_path).items()} == dict.fromkeys(THREE, 3)
            assert await ids_of(store, "x-1", limit=2) == ["2", "3"]
            assert await ids_of(store, "meta-1") == ["1", "2", "3"]

    asyncio.run(main())


def test_a_start_finds_what_nobody_had_listed(tmp_path):
    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1", "2"))
        async with opened(tmp_path, destinations=THREE, at=NOW + 5) as store:
            assert [await ids_of(store, d) for d in THREE] == [["1", "2"]] * 3

    asyncio.run(main())


def test_the_others_are_listed_when_the_one_that_stands_for_them_is_closed(tmp_path):
    """However that came about: the row stands for its action, not for itself."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1"))
        db = apsw.Connection(str(tmp_path / "twofold.db"))
        db.execute("update delivery set state = 'suppressed', reason = 'by hand', settled_at = 1 where unlisted = 1")
        assert db.changes() == 1
        db.close()
        async with opened(tmp_path, destinations=THREE, at=NOW + 5) as store:
            assert [await ids_of(store, d) for d in THREE] == [[], ["1"], ["1"]]

    asyncio.run(main())


def test_health_counts_it_and_leaves_out_who_is_paused(tmp_path):
    def health() -> tuple[Any, Any]:
        with Reader(tmp_path) as reader:
            return reader.waiting(), reader.oldest_due()

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1", "2"))
            assert health() == ({name: {"waiting": 2} for name in THREE}, NOW)
            await store.pause("meta-1", "unwell", NOW + 60_000, NOW)
            assert health() == ({**{name: {"waiting": 2} for name in THREE}, "meta-1": {"paused": 2}}, NOW)
            await ids_of(store, "tiktok-1", limit=1)
            assert health()[0] == {"meta-1": {"paused": 2}, "tiktok-1": {"waiting": 2}, "x-1": {"waiting": 2}}
            for name in THREE:
                await store.pause(name, "unwell", NOW + 60_000, NOW)
            assert health()[1] is None

    asyncio.run(main())


def test_for_two_destinations_it_is_listed_at_once(tmp_path):
    """Two places in lists cost no more than one and the way to them later."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE[:2]) as store:
            await store.append(views("1"))
            assert unlisted(tmp_path) == 0
            assert [await ids_of(store, d) for d in THREE[:2]] == [["1"], ["1"]]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("delivery", "state", ("waiting", "delivered", "suppressed", "dead")),
        ("event", "verdict", ("first", "repeat", "twin", "conflict")),
    ],
)
def test_a_column_takes_its_own_words_only(tmp_path, table, column, words):
    """The words are looked at one by one, since a list of more than two is made into a table for each row."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1"))

    asyncio.run(main())
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    for word in words:
        db.execute(f"update {table} set {column} = ?", (word,))
    for word in ("", "Waiting", "first,twin", "shop_says"):
        with pytest.raises(apsw.ConstraintError):
            db.execute(f"update {table} set {column} = ?", (word,))
    plan = db.execute(f"explain update {table} set {column} = 'dead'").fetchall()
    assert not [step for step in plan if step[1] == "OpenEphemeral"]
    db.close()


def test_what_is_held_between_others_is_not_listed_with_them(tmp_path):
    """Stretches of what is due are walked at once; what lies between, or far away, keeps its own time."""

    async def main() -> None:
        async with opened(tmp_path, destinations=THREE) as store:
            await store.append(views("1"))
            await store.append([copy("held", at=NOW + 1)])
            await store.append(views("2", at=NOW + 2))
            await store.append([copy(f"held-{n}", at=NOW + 3) for n in range(40)])
            await store.append(views("3", at=NOW + 4))
            assert await ids_of(store, "x-1", NOW + 5) == ["1", "2", "3"]
            assert unlisted(tmp_path) == 41 * 3
            assert await ids_of(store, "meta-1", NOW + 1 + HOLD) == ["1", "2", "3", "held"]
            assert unlisted(tmp_path) == 40 * 3

    asyncio.run(main())
