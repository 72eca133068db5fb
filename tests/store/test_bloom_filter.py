"""The filter in front of the closed days changes what a look-up costs, never what it finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from twofold.store.sqlite.database import Engine
from twofold.store.sqlite.fold_keys import DAY_MS, FoldKeys

FIRST_DAY, DAYS, A_DAY = 20_000, 10, 500


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "data")
    yield engine
    engine.close()


@pytest.fixture
def keys(engine: Engine) -> Iterator[FoldKeys]:
    keys = FoldKeys(engine, 8)
    yield keys
    keys.close()


def fill(engine: Engine, keys: FoldKeys, day: int) -> dict[bytes, int]:
    rows = {os.urandom(16): day * 1_000 + n for n in range(A_DAY)}
    engine.run("begin")
    keys.insert(list(rows.items()), day * DAY_MS)
    engine.run("commit")
    return rows


def found(keys: FoldKeys, wanted: list[bytes]) -> dict[bytes, int]:
    return {k: v for n in range(0, len(wanted), 64) for k, v in keys.find(wanted[n : n + 64]).items()}


def test_with_and_without_a_filter_the_same_is_found(engine: Engine, keys: FoldKeys) -> None:
    """Keys of all remembered days are found and no others, before a lane is ready and after."""
    by_day = {day: fill(engine, keys, day) for day in range(FIRST_DAY, FIRST_DAY + DAYS)}
    remembered = {k: v for day, rows in by_day.items() if day >= FIRST_DAY + DAYS - 9 for k, v in rows.items()}
    strangers = [os.urandom(16) for _ in range(2_000)]
    wanted = [k for rows in by_day.values() for k in rows] + strangers

    assert found(keys, wanted) == remembered

    keys.filter.wait()

    assert len(keys.filter.ready) == 8
    assert found(keys, wanted) == remembered


def test_a_lane_is_given_to_the_day_that_takes_its_place(engine: Engine, keys: FoldKeys) -> None:
    """After each further day the oldest is forgotten, and the day that reuses its lane finds only its own."""
    by_day = {day: fill(engine, keys, day) for day in range(FIRST_DAY, FIRST_DAY + 9)}
    for day in range(FIRST_DAY + 9, FIRST_DAY + 14):
        by_day[day] = fill(engine, keys, day)
        wanted = [k for rows in by_day.values() for k in rows]
        expected = {k: v for d, rows in by_day.items() if d >= day - 8 for k, v in rows.items()}
        keys.find(wanted[:1])
        keys.filter.wait()

        assert found(keys, wanted) == expected


def test_a_day_that_was_opened_again_is_not_trusted(engine: Engine, keys: FoldKeys) -> None:
    """Keys that a day takes after a rolled back transaction had closed it are found once it is closed for good."""
    known = fill(engine, keys, FIRST_DAY)
    engine.run("begin")
    keys.insert([(os.urandom(16), 1)], (FIRST_DAY + 1) * DAY_MS)
    keys.find(list(known)[:1])  # the first day counts as closed here: its lane is built
    keys.filter.wait()
    engine.run("rollback")
    keys.reload()
    known |= fill(engine, keys, FIRST_DAY)
    known |= fill(engine, keys, FIRST_DAY + 1)
    keys.find(list(known)[:1])
    keys.filter.wait()

    assert found(keys, list(known)) == known
