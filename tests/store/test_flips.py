"""One flipped bit in a stopped folder, anywhere in its files: found at start or by `verify`, or proven to alter nothing.

The places are drawn with fixed seeds over all bytes of a file, so a failure is the same for everybody. That a flip alters
nothing is proven by reading: every row of every table, bodies unpacked, is what it was before.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.store.copies import BROWSER, HOLD, NOW, SERVER, claim, copy, opened, settlement
from tests.store.order_reports import deliver, entry, report, shop_copy, shop_store
from twofold.errors import StoreError
from twofold.event.delivery import DeliveryState
from twofold.ledger.policy import OrderPolicy
from twofold.report.verify import verify
from twofold.store.beside.watermark import examine
from twofold.store.bodies import plain_body
from twofold.store.engines import open_reader
from twofold.store.sqlite.page_check import DAMAGED, PageCheck

FLIPS = 12
"""In each of the files and states below."""


async def shop(folder: Path) -> None:
    """Orders with reports, their Purchases sent; closed in order."""
    async with shop_store(folder, OrderPolicy()) as store:
        for n in range(12):
            await store.append_orders([entry(report(str(n)), shop_copy(str(n), value=f"{n}4.50"))])
        await deliver(store, NOW + HOLD)


async def more(folder: Path, crashed: Path) -> None:
    """Copies of many browsers, deliveries in every state; copied as a crash would leave it, then closed in order."""
    async with opened(folder, at=NOW + HOLD) as store:
        await store.append(
            [
                copy(f"e{n}", BROWSER if n % 3 else SERVER, value=f"{n}23.75", fbp=f"fb.1.1790000000000.{n}")
                for n in range(60)
            ]
        )
        for n, d in enumerate(await claim(store, NOW + HOLD)):
            state = (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.WAITING)[n % 3]
            reason = {"reason": "rejected"} if state is DeliveryState.DEAD else {}
            due = {"due_at": NOW + 2 * HOLD} if state is DeliveryState.WAITING else {}
            await store.settle([settlement(d, state, **reason, **due)], NOW + HOLD)
        for n in range(20):
            await store.append([copy(f"late{n}", value="9.75")])
        # By another program: closing one of them here would drop the engine's locks.
        files = [str(folder / name) for name in ("twofold.db", "twofold.db-wal", "watermark", "erasures")]
        crashed.mkdir()
        subprocess.run(["cp", *files, str(crashed)], check=True)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """A folder closed in order, and the same as a crash leaves it."""
    base = tmp_path_factory.mktemp("flips")
    asyncio.run(shop(base / "closed"))
    asyncio.run(more(base / "closed", base / "crashed"))
    return base


def rows_of(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, bodies unpacked: what anything is ever read from."""
    db = open_reader(folder)
    try:
        names = [n for (n,) in db.execute("select name from sqlite_schema where type = 'table' order by name")]
        schema = db.execute("select type, name, tbl_name, sql from sqlite_schema order by name").fetchall()
        found = {"": schema}
        for name in names:
            found[name] = [
                tuple(plain_body(v) if isinstance(v, bytes) else v for v in row)
                for row in db.execute(f'select * from "{name}"')
            ]
        return found
    finally:
        db.close()


def is_found(folder: Path) -> bool:
    """By what the start does, or by `verify`."""
    try:
        if examine(folder) is not None or not all(c.holds for c in verify(folder)):
            return True
    except StoreError:
        return True
    check = PageCheck(folder)
    check.start()
    while check.state == "running":
        pass
    return check.state == DAMAGED


def outcome(state: Path, work: Path, name: str, at: int, bit: int) -> str:
    """What becomes of one flip: found, harmless, or missed."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(state, work, ignore=shutil.ignore_patterns("*-shm", "lock"))
    data = bytearray((work / name).read_bytes())
    data[at] ^= 1 << bit
    (work / name).write_bytes(bytes(data))
    if is_found(work):
        return "found"
    return "harmless" if rows_of(work) == rows_of(state) else "missed"


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("closed", "twofold.db"),
        ("closed", "watermark"),
        ("crashed", "twofold.db"),
        ("crashed", "twofold.db-wal"),
        ("crashed", "watermark"),
    ],
)
def test_one_flipped_bit_is_found_or_harmless(states, tmp_path, state, name):
    """Twelve of twelve, in each file of each state."""
    chance = random.Random(f"{state} {name}")
    size = (states / state / name).stat().st_size
    places = [(chance.randrange(size), chance.randrange(8)) for _ in range(FLIPS)]
    results = {place: outcome(states / state, tmp_path / "work", name, *place) for place in places}
    assert [place for place, result in results.items() if result == "missed"] == []
    if (state, name) == ("closed", "twofold.db"):
        assert set(results.values()) == {"found"}, "the file is sealed as a whole"


def test_a_sound_folder_is_not_found_guilty(states, tmp_path):
    """Without a flip nothing is found, in either state, and the rows are read as they are."""
    for state in ("closed", "crashed"):
        shutil.copytree(states / state, tmp_path / state, ignore=shutil.ignore_patterns("*-shm", "lock"))
        assert not is_found(tmp_path / state)
        assert rows_of(tmp_path / state) == rows_of(states / state)
