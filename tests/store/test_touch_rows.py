"""Signs that are written in the order they come and listed by whose they are later: what is found is what a plain table finds.

Signs are listed here from five on, three at once, so that some hundred pass through every state. The plain table is a dictionary of
places; a place is whose a sign is, its half hour and its source.
"""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law_of
from twofold.store.engine import key_array
from twofold.store.peers.places import ALONE, SPAN, Place
from twofold.store.sqlite.database import Engine, _migration
from twofold.store.touches.rows import TouchRows, drop_touches, forget_touches, forget_touches_of

PEOPLE = [bytes([n]) * 16 for n in range(6)]
FOLDERS = Path(__file__).parent / "folders"


def row(who: bytes, slot: int, source: int, at: int, dataset: str = "1") -> tuple[Any, ...]:
    """A row of the table, without its number."""
    texts = ("", "", "", "", "", "", "", "", "", "", "", f"/p/{at}", "phone", "", "unstated")
    return (who, slot, bytes([source]) * 8, dataset, at, "visit", *texts, at.to_bytes(8, "big"))


class Twice:
    """The table of one or two writers, and beside it a dictionary of places."""

    def __init__(self, folder: Path, writers: int = 1) -> None:
        self.folder, self.writers = folder, writers
        self.plain: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.open()

    def open(self) -> None:
        self.engine = Engine(self.folder)
        places = [ALONE] if self.writers == 1 else [Place(n, alone=False) for n in range(self.writers)]
        self.rows = [TouchRows(self.engine, place, enough=5, most=14, at_once=3) for place in places]

    def crash(self) -> None:
        """What was committed is there; what was in memory is not."""
        self.engine.close()
        self.open()

    def put(self, writer: int, rows: list[tuple[Any, ...]], commit: bool = True) -> None:
        self.engine.run("begin")
        self.rows[writer].put(rows)
        if not commit:
            self.engine.rollback()
            self.rows[writer].reload()
            return
        self.engine.run("commit")
        for one in rows:
            known = self.plain.get(one[:3])
            if known is None or (one[4], one[-1]) < (known[4], known[-1]):
                self.plain[one[:3]] = one

    def within(self, change: Any, *given: Any) -> Any:
        with self.engine.transaction():
            return change(*given)

    def gone(self, lost: Any) -> None:
        self.plain = {key: one for key, one in self.plain.items() if not lost(one)}

    def assert_equal(self) -> None:
        """All rows, and by whom each is found; a list of places that leads to each sign that is old enough to be in it."""
        columns = [name for _, name, *_ in self.engine.db.execute("pragma table_info(touch)")][1:]
        stored = self.engine.db.execute(f"select {', '.join(columns)} from touch").fetchall()
        assert sorted(stored) == sorted(self.plain.values())
        for who in PEOPLE:
            found = self.engine.run("select_signs", (key_array([who]),))
            assert [(r[0], r[1], r[2]) for r in found] == sorted(
                ((o[0], o[2], o[4]) for o in self.plain.values() if o[0] == who), key=lambda r: (r[2], r[1])
            )
            between = self.engine.run("select_touches", (key_array([who]), 300, 600))
            assert len(between) == sum(o[0] == who and 300 <= o[4] <= 600 for o in self.plain.values())
            assert len(self.rows[0].numbers_of([who])) >= len(found)
        dangling = "select count(*) from touch_place as p left join touch as t on t.id = p.touch where t.id is null"
        assert self.engine.db.execute(dangling).fetchone() == (0,)


@law_of(20)
@given(seed=st.integers(0, 1 << 30))
@pytest.mark.parametrize("writers", [1, 2])
def test_somebodys_signs_are_found_whatever_happened(tmp_path_factory, writers, seed):
    chance = random.Random(seed)
    one = Twice(tmp_path_factory.mktemp("rows") / "data", writers)
    for _ in range(40):
        what, writer = chance.random(), chance.randrange(writers)
        who = chance.choice(PEOPLE)
        if what < 0.6:
            rows = [
                row(chance.choice(PEOPLE), chance.randrange(3), chance.randrange(3), chance.randrange(1000))
                for _ in range(chance.randrange(1, 6))
            ]
            one.put(writer, rows, commit=chance.random() < 0.85)
        elif what < 0.75:
            one.within(one.rows[writer].list_some)
        elif what < 0.83:
            numbers = one.rows[writer].numbers_of([who])
            there = sum(o[0] == who for o in one.plain.values())
            assert one.within(one.rows[writer].drop, numbers) == there
            one.gone(lambda o, who=who: o[0] == who)
        elif what < 0.89:  # an erasure, which knows nothing of what the writer has in memory
            one.within(forget_touches, one.engine, [who])
            one.gone(lambda o, who=who: o[0] == who)
        elif what < 0.95:
            before = chance.randrange(400)
            old = [number for (number,) in one.engine.run("expired_touches", (before, 4))]
            times = [
                at
                for (at,) in one.engine.db.execute("select at from touch where at < ? order by at limit 4", (before,))
            ]
            keys = {tuple(r) for r in one.engine.db.execute(
                f"select who, slot, key from touch where id in ({', '.join(map(str, old)) or 'null'})")}  # fmt: skip
            assert len(keys) == len(old) == len(times)
            one.within(drop_touches, one.engine, old)
            one.gone(lambda o, keys=keys: o[:3] in keys)
        else:
            one.crash()
        one.assert_equal()
    one.engine.close()


def test_the_earliest_stands_whichever_came_first_and_whether_it_is_listed_or_not(tmp_path):
    one = Twice(tmp_path / "data")
    one.put(0, [row(PEOPLE[n], 0, 0, 500) for n in range(6)])
    one.within(one.rows[0].list_some)
    listed = {who for (who,) in one.engine.db.execute("select who from touch_place")}
    assert len(listed) == 3
    one.put(0, [row(who, 0, 0, 400) for who in PEOPLE])
    one.put(0, [row(who, 0, 0, 450) for who in PEOPLE])
    one.assert_equal()
    assert {at for (at,) in one.engine.db.execute("select at from touch")} == {400}
    one.engine.close()


def test_few_signs_are_left_as_they_came_and_many_are_listed_with_the_commits(tmp_path):
    one = Twice(tmp_path / "data")
    one.put(0, [row(PEOPLE[0], slot, 0, slot) for slot in range(4)])
    assert one.within(one.rows[0].list_some) is False
    count = "select count(*) from touch_place"
    assert one.engine.db.execute(count).fetchone() == (0,)
    for slot in range(4, 60):  # and nobody lists them every minute
        one.put(0, [row(PEOPLE[0], slot, 0, slot)])
    assert one.engine.db.execute(count).fetchone()[0] >= 60 - 14 - 3
    one.assert_equal()
    one.engine.close()


def test_a_number_is_not_given_twice_when_the_newest_signs_are_gone(tmp_path):
    """A sign with the number of a listed one would be taken for listed, and nobody would find it."""
    one = Twice(tmp_path / "data")
    one.put(0, [row(PEOPLE[n], 0, 0, n) for n in range(6)])
    while one.within(one.rows[0].list_some):
        pass
    one.within(forget_touches, one.engine, PEOPLE[2:])
    one.gone(lambda o: o[0] in PEOPLE[2:])
    one.crash()
    one.put(0, [row(PEOPLE[5], 1, 1, 900)])
    one.assert_equal()
    one.engine.close()


def test_two_writers_who_took_a_place_at_the_same_time_leave_the_earliest(tmp_path):
    """As on an engine where many write: neither saw the other's sign when it wrote its own."""
    one = Twice(tmp_path / "data", writers=2)
    one.put(0, [row(who, 0, 0, 100 + n) for n, who in enumerate(PEOPLE)])
    rows = [(SPAN + 1 + n, *row(who, 0, 0, 103)) for n, who in enumerate(PEOPLE)]
    with one.engine.transaction():
        one.engine.run_rows("begin_touch_tail", [(1, SPAN, 2 * SPAN)])
        one.engine.run_rows("put_touches", rows)
    for _ in range(2):
        for writer in one.rows:
            one.within(writer.list_some)
    one.gone(lambda o: o[4] > 103)
    one.plain |= {r[1:4]: r[1:] for r in rows if r[1:4] not in one.plain}
    one.assert_equal()
    one.engine.close()


def test_all_signs_of_a_dataset_go_and_no_other(tmp_path):
    one = Twice(tmp_path / "data")
    one.put(0, [row(who, n % 2, 0, n, "12"[n % 2]) for n, who in enumerate(PEOPLE)])
    one.within(one.rows[0].list_some)
    one.within(forget_touches_of, one.engine, "2")
    one.gone(lambda o: o[3] == "2")
    one.assert_equal()
    assert one.plain
    one.within(forget_touches_of, one.engine, None)
    one.gone(lambda o: True)
    one.assert_equal()
    one.engine.close()


def test_a_folder_of_before_keeps_its_signs_and_finds_them(tmp_path):
    """Rows that the form before had written, by whoever they are."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "twofold.db").write_bytes(gzip.decompress((FOLDERS / "0.2.0.twofold.db.gz").read_bytes()))
    (folder / "twofold.db").chmod(0o600)
    db = apsw.Connection(str(folder / "twofold.db"))
    version = db.pragma("user_version")
    for step in range(version + 1, 12):
        db.execute(_migration(step))
    rows = [row(who, slot, 0, 10 * slot + n) for n, who in enumerate(PEOPLE) for slot in range(3)]
    marks = ", ".join("?" * len(rows[0]))
    db.executemany(f"insert into touch values ({marks})", rows)
    db.pragma("user_version", 11)
    db.close()
    one = Twice(folder)
    one.plain = {r[:3]: r for r in rows}
    one.assert_equal()
    assert one.engine.db.execute("select count(*) from touch_place").fetchone() == (len(rows),)
    one.put(0, [row(PEOPLE[0], 9, 0, 999)])
    one.assert_equal()
    one.engine.close()
