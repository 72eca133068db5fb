"""Keys of a large day that are logged before they are sorted into its tree: what is found is what a plain table would find.

Days are large here from 40 keys on and a log is full with 30, so that a few hundred keys pass through every state.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law_of
from twofold.store.engines import open_reader
from twofold.store.sqlite.arrivals import forget_keys
from twofold.store.sqlite.database import Engine
from twofold.store.sqlite.fold_keys import DAY_MS, FoldKeys, read_holders

FIRST_DAY, WINDOW = 20_000, 3


class Twice:
    """The fold's keys and a plain dictionary beside them: day to key to action."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain: dict[int, dict[bytes, int]] = {}
        self.day = FIRST_DAY
        self.number = 0
        self.open()

    def open(self) -> None:
        self.engine = Engine(self.folder)
        self.keys = FoldKeys(self.engine, WINDOW, large=40, full=30)

    def crash(self) -> None:
        """What was committed is there; what was in memory is not."""
        self.keys.close()
        self.engine.close()
        self.open()

    def insert(self, size: int, commit: bool = True) -> None:
        rows = [(os.urandom(16), self.number + n) for n in range(size)]
        self.number += size
        self.engine.run("begin")
        self.keys.insert(rows, self.day * DAY_MS)
        assert self.keys.find([k for k, _ in rows]) == dict(rows)
        if commit:
            self.engine.run("commit")
            self._comes(rows)
        else:
            self.engine.rollback()
            self.keys.reload()

    def known(self) -> dict[bytes, int]:
        return {key: action for kept in self.plain.values() for key, action in kept.items()}

    def some(self, size: int) -> list[bytes]:
        known = sorted(self.known())
        return random.Random(self.number).sample(known, min(size, len(known)))

    def move(self) -> None:
        keys = self.some(3)
        self.engine.run("begin")
        self.keys.move([(key, 10**6 + n) for n, key in enumerate(keys)], self.day * DAY_MS)
        self.engine.run("commit")
        self._gone(keys)
        self._comes([(key, 10**6 + n) for n, key in enumerate(keys)])

    def forget(self) -> None:
        keys = self.some(3)
        self.engine.run("begin")
        forget_keys(self.engine, keys)
        self.engine.run("commit")
        self._gone(keys)

    def _comes(self, rows: list[tuple[bytes, int]]) -> None:
        """With the first key of a day the days behind the window are over."""
        self.plain.setdefault(self.day, {}).update(rows)
        self.plain = {day: kept for day, kept in self.plain.items() if day >= self.day - WINDOW}

    def _gone(self, keys: list[bytes]) -> None:
        for kept in self.plain.values():
            for key in keys:
                kept.pop(key, None)

    def check(self) -> None:
        known = self.known()
        strangers = [os.urandom(16) for _ in range(20)]
        assert self.keys.find([*known, *strangers]) == known
        keys = [*self.some(3), *strangers]
        reader = open_reader(self.folder)
        assert read_holders(reader, keys) == sorted(known[key] for key in keys if key in known)
        reader.close()


ACTS = st.one_of(
    st.tuples(st.just("insert"), st.integers(1, 60)),
    st.tuples(st.just("roll back"), st.integers(1, 60)),
    st.tuples(st.sampled_from(["next day", "crash", "move", "forget", "wait"]), st.just(0)),
)


@law_of(60)
@given(acts=st.lists(ACTS, max_size=40))
def test_what_a_plain_table_finds_is_found(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    twice = Twice(tmp_path_factory.mktemp("keys"))
    try:
        for act, size in [("insert", 50), *acts]:
            match act:
                case "insert":
                    twice.insert(size)
                case "roll back":
                    twice.insert(size, commit=False)
                case "next day":
                    twice.day += 1
                case "crash":
                    twice.crash()
                case "move":
                    twice.move()
                case "forget":
                    twice.forget()
                case "wait":
                    twice.keys.filter.wait()
            twice.check()
    finally:
        twice.keys.close()
        twice.engine.close()


def test_a_log_is_moved_into_its_tree_and_taken_away(tmp_path: Path) -> None:
    """While keys come, no more than two logs stand beside the tree, and one that is moved is gone in the end."""
    twice = Twice(tmp_path)
    for _ in range(60):
        twice.insert(11)
        names = [n for (n,) in twice.engine.script("select name from sqlite_schema where name glob 'fold_*_*'")]
        assert len(names) <= 3
    (tree,) = twice.engine.script(f"select count(*) from fold_{FIRST_DAY}")[0]
    assert tree >= 60 * 11 - 3 * 41
    twice.check()
    forget_keys(twice.engine, list(twice.known()))
    for name in [n for (n,) in twice.engine.script("select name from sqlite_schema where name glob 'fold_*'")]:
        assert twice.engine.script(f"select count(*) from {name}") == [(0,)]
    twice.keys.close()
    twice.engine.close()
