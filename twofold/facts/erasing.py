"""What an erasure takes out of the derived tables: every file of its days, before the erasure is done.

Owns that step. The files go first and are made again afterwards: an erasure does not wait for that. It waits for readers of
the state before, which end by their deadline, and for a copy in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from twofold.errors import FactsError, StoreError
from twofold.facts.build import Key, day_text
from twofold.facts.engine import DUCKDB, SPARK, Analytics
from twofold.facts.manifest import Places, Replaced, making, read_manifest, sweep, write_manifest
from twofold.facts.rows.snapshot import snapshot_of
from twofold.facts.shape import DAY, Group
from twofold.facts.tables import tables_of

WAIT_S = 300.0
_AGAIN_S = 0.2


def forget_days(analytics: Analytics, days: Sequence[Key]) -> int:
    """Takes away every file of these days, those that somebody still reads included; answers how many. Returns when none
    is left. Raises `StoreError` when that takes too long; it is tried again."""
    places = analytics.places
    if not places.files.is_dir():
        return 0
    days = [*days, *_lives_of(days)]
    try:
        with making(places, wait_s=WAIT_S, urgent=True):
            found = _files_of(places, days)
            _take_away(places, days)
            _forget_spilled(places)
            if analytics.engine not in (DUCKDB, SPARK):
                asyncio.run(_forget_copies(analytics, days))
            return found
    except FactsError as err:
        raise StoreError(str(err)) from None


def leave(places: Places) -> bool:
    """Takes away all tables of this data folder where the store's marks are about others; True where there were some. Those on a
    mount stay, which whoever makes them now has, too."""
    if not places.files.is_dir() or not places.files.resolve().is_relative_to(places.data.resolve()):
        return False
    with making(places, wait_s=WAIT_S, urgent=True):
        manifest = read_manifest(places.files)
        with snapshot_of(places.data) as snapshot:
            if manifest is not None and manifest.store == snapshot.identity:
                return False
        shutil.rmtree(places.files)
        _forget_spilled(places)
    return True


def _lives_of(days: Sequence[Key]) -> list[Key]:
    """The days of the reporting zone, whichever it is, on which the lives of these days' orders are."""
    orders = {day for group, day in days if group == Group.ORDERS}
    return [(Group.LIVES.value, day) for day in sorted({day + near for day in orders for near in (-1, 0, 1)})]


def _files_of(places: Places, days: Sequence[Key]) -> int:
    """How many there are now, of any state."""
    return sum(
        1
        for group, day in days
        for table in tables_of(Group(group))
        for _ in (places.files / table.name / f"{DAY}={day_text(day)}").glob("*.parquet")
    )


def _take_away(places: Places, days: Sequence[Key]) -> None:
    manifest = read_manifest(places.files)
    until = time.monotonic() + WAIT_S
    if manifest is not None:
        files = {table: dict(known) for table, known in manifest.files.items()}
        gone = [
            file.path
            for group, day in days
            for table in tables_of(Group(group))
            if (file := files.get(table.name, {}).pop(day_text(day), None)) is not None
        ]
        manifest = replace(
            manifest,
            number=manifest.number + 1,
            files=files,
            absent=tuple(sorted({*manifest.absent, *days})),
            replaced=(*manifest.replaced, *(Replaced(path=path, last=manifest.number) for path in gone)),
        )
        write_manifest(places.files, manifest)
        while True:
            manifest, _ = sweep(places, manifest)
            if not _files_of(places, days):
                break
            if time.monotonic() > until:
                raise FactsError("a reader of the tables does not end")
            time.sleep(_AGAIN_S)
        write_manifest(places.files, replace(manifest, number=manifest.number + 1))
    else:  # nobody can read them
        shutil.rmtree(places.files, ignore_errors=True)


def _forget_spilled(places: Places) -> None:
    """What questions whose process was killed had put aside."""
    for folder in places.spill.glob("*") if places.spill.is_dir() else ():
        with contextlib.suppress(ValueError):
            if not Path(f"/proc/{int(folder.name.partition('-')[0])}").exists():
                shutil.rmtree(folder, ignore_errors=True)


async def _forget_copies(analytics: Analytics, days: Sequence[Key]) -> None:
    from twofold.facts.engines import postgres

    await postgres.forget(
        analytics.engine, [(t.name, day_text(day)) for group, day in days for t in tables_of(Group(group))]
    )
