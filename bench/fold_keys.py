"""(d) What ten million remembered fold keys cost: accepts against an empty store, and bytes a key on disk."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from bench import Row, sized
from bench.events import stored_event
from twofold.store.beside.folder import DATABASE
from twofold.store.opened.routes import Route
from twofold.store.sqlite.database import Engine
from twofold.store.sqlite.fold_keys import DAY_MS, FoldKeys
from twofold.store.store import Store

KEYS, DAYS, BATCH = sized(10_000_000, 900), 9, 64
SECONDS, ROUNDS = sized(0.5, 0.01), sized(45, 1)


def bench_fold_keys(keys: int = KEYS) -> list[Row]:
    """Both stores are open at once and measured in turn, in short rounds: the machine is not as fast all the time."""
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder) / "empty", Path(folder) / "full"
        now_ms = int(time.time() * 1000)
        before = _size(empty, 0, now_ms)
        after = _size(full, keys, now_ms)
        rates = asyncio.run(_measure(empty, full, now_ms))
    return [
        Row(
            name=f"(d) accepts with {keys:,} fold keys, against an empty store",
            ratio=rates[1] / rates[0],
            target=0.8,
            detail=f"look up, fold, journal, enqueue and commit, {BATCH} events at a time; keys over {DAYS} days",
        ),
        Row(
            name="(d) bytes on disk for one fold key", ratio=(after - before) / keys, target=100, at_most=True, unit="B"
        ),
    ]


def _size(folder: Path, keys: int, now_ms: int) -> int:
    """Fills a store with keys in the order in which digests come, which is none; answers its size in bytes."""
    engine = Engine(folder)
    memory = FoldKeys(engine, DAYS - 1)
    today = now_ms // DAY_MS
    for day in range(today - DAYS + 1, today + 1):
        engine.run("begin")
        memory.insert([(os.urandom(16), 1)], day * DAY_MS)
        engine.db.executemany(
            f"insert into fold_{day} (key, action) values (?, ?)", ((os.urandom(16), n) for n in range(keys // DAYS))
        )
        engine.run("commit")
    engine.db.pragma("wal_checkpoint(truncate)")
    memory.close()
    engine.close()
    return os.path.getsize(folder / DATABASE)


async def _measure(empty: Path, full: Path, now_ms: int) -> list[float]:
    routes = {"1": Route(destinations=("meta-1",))}
    stores = [Store(path, routes=routes, opened_at=now_ms) for path in (empty, full)]
    for store in stores:
        store.start()
    await _rate(stores[1])  # the first look-ups start the filter of the closed days
    keys = stores[1]._folding._keys
    assert isinstance(keys, FoldKeys)
    keys.filter.wait()
    rates: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for side, store in enumerate(stores):
            rates[side].append(await _rate(store))
    for store in stores:
        await store.close()
    return [statistics.median(r) for r in rates]


async def _rate(store: Store) -> float:
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        await asyncio.gather(*(store.append([stored_event()]) for _ in range(BATCH)))
        done += BATCH
    return done / (time.perf_counter() - started)
