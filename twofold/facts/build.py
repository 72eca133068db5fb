"""The tables of the days that changed, made again from the store.

Owns which days those are, the order of the steps, and that every step can be the last: a file is written and flushed, then
named by the manifest, then the one before it goes, then the mark of its day. Who dies between two leaves a state from which
the next one goes on. The marks are the store's (`store.changed`); this only reads them, and answers which days it made.

All days of one portion are of one snapshot of the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.facts.manifest import (
    File,
    Manifest,
    Places,
    Replaced,
    is_wanted,
    making,
    read_manifest,
    sweep,
    write_manifest,
)
from twofold.facts.parquet import Row, TableFile, flush_files, schema_digest
from twofold.facts.rows import actions, lines, orders, touches
from twofold.facts.rows.snapshot import Snapshot, snapshot_of
from twofold.facts.tables import DAY, TABLES, Group, Table, tables_of
from twofold.ledger.policy import OrderPolicy

PORTION = 32
"""Days that are made from one snapshot: while it is held the store's log cannot be emptied."""
WAIT_S = 600.0

Key = tuple[str, int]
"""Group and day."""
Progress = Callable[[int, int], None]


class Task(Struct, frozen=True, kw_only=True, tag="build"):
    """What a builder is told. ``generation``: of the folder, begun for this build; 0 where nobody could begin one."""

    data: str
    files: str
    policies: dict[str, OrderPolicy]  # by dataset
    generation: int = 0
    now_s: int

    @property
    def places(self) -> Places:
        return Places(data=Path(self.data), files=Path(self.files))


class Progressed(Struct, frozen=True, kw_only=True, tag="progress"):
    """How many days of how many are made."""

    at: int
    of: int


class Built(Struct, frozen=True, kw_only=True, tag="built"):
    """What a build did. ``days``: those whose marks may go. ``left``: it was asked to stop, and there is more to do."""

    days: tuple[Key, ...] = ()
    files: int = 0
    removed: int = 0
    left: bool = False


def day_text(day: int) -> str:
    """A day's number as in the tables."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")


def build(task: Task, progress: Progress | None = None) -> Built:
    """Makes what is not made, or marked as changed, and takes away what nobody reads any more."""
    places = task.places
    places.files.mkdir(mode=0o700, parents=True, exist_ok=True)
    with making(places, wait_s=WAIT_S):
        written = read_manifest(places.files)
        with snapshot_of(places.data) as snapshot:
            manifest, due = _due(task, written, snapshot)
        manifest, removed = sweep(places, manifest)
        done: list[Key] = []
        for at in range(0, len(due), PORTION):
            part = due[at : at + PORTION]
            written, made = _portion(task, manifest, part, progress or _silent, at, len(due))
            done += made
            manifest, gone = sweep(places, written)
            removed += gone
            if len(made) < len(part):
                break
        if manifest != written:
            write_manifest(places.files, replace(manifest, number=manifest.number + 1))
        return Built(
            days=tuple(done),
            files=sum(len(days) for days in manifest.files.values()),
            removed=removed,
            left=len(done) < len(due),
        )


def _silent(_at: int, _of: int) -> None:
    pass


def is_up_to_date(places: Places, policies: Mapping[str, OrderPolicy]) -> bool:
    """True when a build would find nothing to do."""
    known = read_manifest(places.files)
    if known is None or known.absent or known.schema != schema_digest(TABLES) or known.rules != rules_digest(policies):
        return False
    with snapshot_of(places.data) as snapshot:
        return known.store == snapshot.identity and known.position <= snapshot.position and not snapshot.marks()


def rules_digest(policies: Mapping[str, OrderPolicy]) -> str:
    """Stands for what the settings decide about the columns of orders."""
    return blake2b(msgspec.json.encode(policies, order="sorted"), digest_size=8).hexdigest()


def _due(task: Task, known: Manifest | None, snapshot: Snapshot) -> tuple[Manifest, list[Key]]:
    """The manifest to go on from, and the days to make: newest first, as they are asked for most."""
    schema, rules, store = schema_digest(TABLES), rules_digest(task.policies), snapshot.identity
    if known is None or known.schema != schema or known.store != store or _is_of_later(task, known, snapshot):
        days = all_days(snapshot)
        number = known.number + 1 if known else 1
        replaced = _replaced(known, [f.path for d in known.files.values() for f in d.values()]) if known else ()
        fresh = Manifest(number=number, schema=schema, rules=rules, store=store, absent=tuple(days), replaced=replaced)
        write_manifest(task.places.files, fresh)  # what is not made yet is said from here on
        return fresh, _newest_first([*days, *snapshot.marks()])
    due = {*snapshot.marks(), *known.absent}
    if known.rules != rules:
        due |= {key for key in all_days(snapshot) if key[0] == Group.ORDERS}
    return replace(known, rules=rules), _newest_first(due)


def _is_of_later(task: Task, known: Manifest, snapshot: Snapshot) -> bool:
    """True when the store is older than the tables: it was restored from a backup."""
    return known.position > snapshot.position or 0 < task.generation <= known.generation


def all_days(snapshot: Snapshot) -> list[Key]:
    """Every day that has something."""
    found: set[Key] = {(Group.ACTIONS.value, day) for _, _, day in snapshot.stretches}
    for group, statement in (
        (Group.ORDERS, "facts_order_days"),
        (Group.LINES, "facts_line_days"),
        (Group.TOUCHES, "facts_touch_days"),
    ):
        found |= {(group.value, day) for (day,) in snapshot.run(statement)}
    return sorted(found)


def _newest_first(days: Iterable[Key]) -> list[Key]:
    return sorted(set(days), key=lambda key: (-key[1], key[0]))


def _portion(
    task: Task, manifest: Manifest, days: Sequence[Key], progress: Progress, before: int, of: int
) -> tuple[Manifest, list[Key]]:
    """Makes these days' files and puts them into the manifest; fewer days where somebody must not wait."""
    places, made = task.places, list[Key]()
    files: dict[str, dict[str, File]] = {table: dict(known) for table, known in manifest.files.items()}
    gone: list[str] = []
    written: list[Path] = []
    with snapshot_of(places.data) as snapshot:
        for group, day in days:
            if is_wanted(places):
                break
            for table, file in make_day(places.files, snapshot, Group(group), day, task.policies):
                own = files.setdefault(table.name, {})
                before_it = own.pop(day_text(day), None)
                if before_it is not None:
                    gone.append(before_it.path)
                if file is not None:
                    own[day_text(day)] = file
                    written.append(places.files / file.path)
            made.append((group, day))
            progress(before + len(made), of)
        position = snapshot.position
    if not made:
        return manifest, made
    flush_files(written)
    fresh = replace(
        manifest,
        number=manifest.number + 1,
        files=files,
        absent=tuple(key for key in manifest.absent if key not in set(made)),
        replaced=_replaced(manifest, gone),
        generation=max(task.generation, manifest.generation),
        position=position,
        made_at=task.now_s,
    )
    write_manifest(places.files, fresh)
    return fresh, made


def _replaced(manifest: Manifest | None, paths: Iterable[str]) -> tuple[Replaced, ...]:
    if manifest is None:
        return ()
    return (*manifest.replaced, *(Replaced(path=path, last=manifest.number) for path in paths))


def make_day(
    files: Path, snapshot: Snapshot, group: Group, day: int, policies: Mapping[str, OrderPolicy]
) -> Iterator[tuple[Table, File | None]]:
    """Writes the files of a group for a day; no file where a table has no row."""
    text, name = day_text(day), f"{secrets.token_hex(8)}.parquet"
    made = {t.name: TableFile(files / t.name / f"{DAY}={text}" / name, t) for t in tables_of(group)}
    for of, rows in _MAKERS[group](snapshot, day, policies):
        made[of].add({**row, DAY: text} for row in rows)
    for table in tables_of(group):
        file = made[table.name]
        file.close()
        path = file.path.relative_to(files).as_posix()
        yield table, File(path=path, rows=file.rows, size=file.path.stat().st_size) if file.rows else None


Made = Iterator[tuple[str, Iterable[Row]]]
"""Rows for a table, by its name; as often as it likes."""


def _orders(snapshot: Snapshot, day: int, policies: Mapping[str, OrderPolicy]) -> Made:
    unruled = OrderPolicy()
    for told in orders.told_orders(snapshot, day):
        yield "orders", [orders.order_row(told, policies.get(told.row[1], unruled))]
        yield "order_lines", orders.line_rows(told)
        yield "order_names", orders.name_rows(told)
        yield "order_people", orders.people_rows(told)
        yield "payments", orders.payment_rows(told)
        yield "refunds", orders.refund_rows(told)
        yield "parcels", orders.parcel_rows(told)


def _actions(snapshot: Snapshot, day: int, _policies: Mapping[str, OrderPolicy]) -> Made:
    yield "signals", actions.signal_rows(snapshot, day)
    yield "purchases", actions.purchase_rows(snapshot, day)
    yield "purchase_deliveries", actions.purchase_delivery_rows(snapshot, day)
    yield "purchase_people", actions.purchase_people_rows(snapshot, day)


def _lines(snapshot: Snapshot, day: int, _policies: Mapping[str, OrderPolicy]) -> Made:
    yield from lines.line_rows(snapshot.lines, day)


def _touches(snapshot: Snapshot, day: int, _policies: Mapping[str, OrderPolicy]) -> Made:
    yield "touches", touches.touch_rows(snapshot, day)


_MAKERS: dict[Group, Callable[[Snapshot, int, Mapping[str, OrderPolicy]], Made]] = {
    Group.ORDERS: _orders,
    Group.ACTIONS: _actions,
    Group.LINES: _lines,
    Group.TOUCHES: _touches,
}
