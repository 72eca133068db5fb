"""The tables of the days that changed, made again from the store.

Owns which days those are, the order of the steps, and that every step can be the last: a file is written and flushed, then
named by the manifest, then the one before it goes, then the mark of its day. Who dies between two leaves a state from which
the next one goes on. The marks are the store's (`store.changed`); this only reads them, and answers which days it made.

All days of one portion are of one snapshot of the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

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
from twofold.facts.parquet import Row, TableFile, Values, flush_files, rows_without, schema_digest
from twofold.facts.rows import actions, lines, orders, touches
from twofold.facts.rows.lines import RESTATED
from twofold.facts.rows.snapshot import Snapshot, snapshot_of
from twofold.facts.seals import SEALED, Change, Changes, Seals, changes_of, seal_rows, seals_of
from twofold.facts.shape import DAY, Group, Table
from twofold.facts.tables import TABLES, tables_of
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
    lives: msgspec.Raw = msgspec.Raw(b"null")  # what whoever fills the tables of lives is told
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


Made = Iterator[tuple[str, Iterable[Row | Values]]]
"""Rows for a table, by its name; as often as it likes."""


class Reached(Struct, frozen=True, kw_only=True):
    """How far changes reach. ``whole``: days of which everything is made again. ``part``: days of which only the rows are that have
    one of ``units`` (values by the name of their column)."""

    whole: frozenset[int] = frozenset()
    part: frozenset[int] = frozenset()
    units: Mapping[str, Collection[Any]] = {}


class Lives(Protocol):
    """Who fills the tables of lives (`facts.lives`), of which this room knows only the shape."""

    currency: str
    """In which they are; told once the first day is made."""

    def digest(self) -> str:
        """Stands for the rules that decide beside the store."""

    def all_days(self, snapshot: Snapshot) -> set[int]:
        """Every day of the reporting zone that has something."""

    def due(self, snapshot: Snapshot, changes: Changes, known: Manifest, places: Places) -> Reached:
        """What may have changed by what is marked. ``known``: the tables as they stand."""

    def days(self, data: Path, days: Sequence[int], reached: Reached) -> Iterator[tuple[int, Made]]:
        """The rows of these days, one day after the other, from what is in the store now: of a day of which only some lives are
        reached the rows of these."""


def day_text(day: int) -> str:
    """A day's number as in the tables."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")


def build(task: Task, progress: Progress | None = None, lives: Lives | None = None) -> Built:
    """Makes what is not made, or marked as changed, and takes away what nobody reads any more."""
    places = task.places
    places.files.mkdir(mode=0o700, parents=True, exist_ok=True)
    with making(places, wait_s=WAIT_S):
        written = read_manifest(places.files)
        with snapshot_of(places.data) as snapshot:
            plan = _planned(task, written, snapshot, lives)
        manifest, removed = sweep(places, plan.manifest)
        facts = [key for key in plan.due if key[0] != Group.LIVES]
        days = [day for group, day in plan.due if group == Group.LIVES]
        work = _Work(task, plan, manifest, removed, progress or _silent)
        if work.facts(facts) and lives is not None and days:
            work.lives(lives, days)
        if work.manifest != work.written:
            write_manifest(places.files, replace(work.manifest, number=work.manifest.number + 1))
        return Built(
            days=tuple(work.done),
            files=sum(len(of) for of in work.manifest.files.values()),
            removed=work.removed,
            left=len(work.done) < len(plan.due),
        )


class _Work:
    """A build on its way: what is made, and the manifest that names it."""

    def __init__(self, task: Task, plan: _Plan, manifest: Manifest, removed: int, progress: Progress) -> None:
        self.manifest = self.written = manifest
        self.removed = removed
        self.done: list[Key] = []
        self._task, self._plan, self._of, self._progress = task, plan, len(plan.due), progress

    def facts(self, due: Sequence[Key]) -> bool:
        """The tables of facts; False where somebody must not wait."""
        for at in range(0, len(due), PORTION):
            part = due[at : at + PORTION]
            made = _Portion(self._task, self.manifest)
            with snapshot_of(self._task.places.data) as snapshot:
                for group, day in part:
                    if is_wanted(self._task.places):
                        break
                    made.add((group, day), self._day(snapshot, Group(group), day))
                    self._progress(len(self.done) + len(made.days), self._of)
                position = snapshot.position
            if not self._write(made, position, len(part)):
                return False
        return True

    def _day(self, snapshot: Snapshot, group: Group, day: int) -> Iterator[tuple[Table, File | None]]:
        """A day of a group: only the orders or lines that are not what they were, where the others are there from before."""
        files, rows = self._task.places.files, _MAKERS[group]
        if group not in SEALED:
            return _written(files, group, day, rows(snapshot, day, self._task.policies, None))
        now, change = seals_of(snapshot, group, day), self._plan.changes.get((group.value, day))
        sealed = SEALED[group][0], seal_rows(group, now, self._plan.told(change))
        if change is None or change.before is None or not self._plan.with_kept:
            return _written(files, group, day, chain(rows(snapshot, day, self._task.policies, None), (sealed,)))
        fresh = Change(now=now, before=change.before)
        units: Collection[Any] = fresh.numbers | fresh.gone
        if group is Group.LINES:
            units = fresh.names(units)
        own = {"order_row" if group is Group.ORDERS else "line": units}
        made = chain(rows(snapshot, day, self._task.policies, units), (sealed,))
        return _written(files, group, day, made, self._kept(day, own))

    def _kept(self, day: int, units: Mapping[str, Collection[Any]]) -> Kept:
        """What of the files of before stays: the rows that are of none of these units."""
        files, text = self._task.places.files, day_text(day)

        def kept(table: Table) -> Stays | None:
            file = self.manifest.files.get(table.name, {}).get(text)
            sealing = any(table.name == of for of, *_ in SEALED.values())
            is_whole = sealing or table.name in RESTATED or table.unit not in units
            if file is None or is_whole:
                return None
            own = {column.name: units[column.name] for column in table.columns if units.get(column.name)}
            return Stays(file=file, path=files / file.path, table=table, units=own)

        return kept

    def lives(self, lives: Lives, due: Sequence[int]) -> bool:
        """The tables of lives, which are made of the facts of many days; a portion of them from one snapshot, too."""
        places, reached = self._task.places, self._plan.reached
        for at in range(0, len(due), PORTION):
            part = due[at : at + PORTION]
            made = _Portion(self._task, self.manifest)
            for day, rows in lives.days(places.data, part, reached):
                if is_wanted(places):
                    break
                kept = self._kept(day, reached.units) if day in reached.part else _nothing
                files = _written(places.files, Group.LIVES, day, rows, kept)
                made.add((Group.LIVES.value, day), files, keep_alike=True)
                self._progress(len(self.done) + len(made.days), self._of)
            self.manifest = replace(self.manifest, currency=lives.currency)
            if not self._write(made, self.manifest.position, len(part)):
                return False
        return True

    def _write(self, made: _Portion, position: int, wanted: int) -> bool:
        if made.days:
            self.written = made.manifest(self.manifest, position)
            write_manifest(self._task.places.files, self.written)
            self.done += made.days
            self.manifest, gone = sweep(self._task.places, self.written)
            self.removed += gone
        return len(made.days) == wanted


def _silent(_at: int, _of: int) -> None:
    pass


def is_up_to_date(places: Places, policies: Mapping[str, OrderPolicy], lives: str = "") -> bool:
    """True when a build would find nothing to do. ``lives``: the digest of what decides about them."""
    known = read_manifest(places.files)
    if known is None or known.absent or known.schema != schema_digest(TABLES) or known.rules != rules_digest(policies):
        return False
    if known.lives != lives:
        return False
    with snapshot_of(places.data) as snapshot:
        return known.store == snapshot.identity and known.position <= snapshot.position and not snapshot.marks()


def rules_digest(policies: Mapping[str, OrderPolicy]) -> str:
    """Stands for what the settings decide about the columns of orders."""
    return blake2b(msgspec.json.encode(policies, order="sorted"), digest_size=8).hexdigest()


class _Plan(Struct, frozen=True, kw_only=True):
    """The manifest to go on from, and the days to make: newest first, as they are asked for most. ``changes``: what of marked days
    is another, as it was decided by; ``with_kept``: rows that did not change may stay."""

    manifest: Manifest
    due: list[Key]
    changes: Changes = {}
    reached: Reached = Reached()
    with_kept: bool = False

    def told(self, change: Change | None) -> Seals | None:
        """By which seals it was decided what lives to make; None where all of them are."""
        return change.now if change is not None else None


def _planned(task: Task, known: Manifest | None, snapshot: Snapshot, lives: Lives | None) -> _Plan:
    schema, rules, store = schema_digest(TABLES), rules_digest(task.policies), snapshot.identity
    decided = lives.digest() if lives is not None else ""
    marks = snapshot.marks()
    if known is None or known.schema != schema or known.store != store or _is_of_later(task, known, snapshot):
        days = all_days(snapshot) + _keys(lives.all_days(snapshot) if lives is not None else ())
        number = known.number + 1 if known else 1
        replaced = _replaced(known, [f.path for d in known.files.values() for f in d.values()]) if known else ()
        fresh = Manifest(
            number=number, schema=schema, rules=rules, lives=decided, store=store, absent=tuple(days), replaced=replaced
        )
        write_manifest(task.places.files, fresh)  # what is not made yet is said from here on
        return _Plan(manifest=fresh, due=_newest_first([*days, *marks]))
    due: set[Key] = {*marks, *known.absent}
    if known.rules != rules:
        due |= {key for key in all_days(snapshot) if key[0] == Group.ORDERS}
    if lives is None:
        absent = tuple(key for key in known.absent if key[0] != Group.LIVES)
        bare = replace(known, rules=rules, absent=absent)
        return _Plan(manifest=bare, due=_newest_first(key for key in due if key[0] != Group.LIVES))
    is_same = known.rules == rules and known.lives == decided
    changes = changes_of(task.places.files, snapshot, known, marks) if is_same else {}
    if is_same:
        reached = lives.due(snapshot, changes, known, task.places)
    else:
        reached = Reached(whole=frozenset(lives.all_days(snapshot)))
    unmade = {day for group, day in known.absent if group == Group.LIVES}
    reached = replace(reached, whole=reached.whole | unmade, part=reached.part - reached.whole - unmade)
    found = reached.whole | reached.part
    due |= set(_keys(found))
    if found:
        # Before a mark goes it is written here what follows from it.
        absent = tuple(sorted({*known.absent, *_keys(found)}))
        known = replace(known, rules=rules, lives=decided, absent=absent, number=known.number + 1)
        write_manifest(task.places.files, known)
    known = replace(known, rules=rules, lives=decided)
    return _Plan(manifest=known, due=_newest_first(due), changes=changes, reached=reached, with_kept=is_same)


def _keys(days: Iterable[int]) -> list[Key]:
    return [(Group.LIVES.value, day) for day in sorted(days)]


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


class _Portion:
    """Days that come into the manifest together."""

    def __init__(self, task: Task, manifest: Manifest) -> None:
        self.days: list[Key] = []
        self._task = task
        self._files: dict[str, dict[str, File]] = {table: dict(known) for table, known in manifest.files.items()}
        self._gone: list[str] = []
        self._new: list[Path] = []

    def add(self, key: Key, made: Iterable[tuple[Table, File | None]], *, keep_alike: bool = False) -> None:
        """A day with its files. ``keep_alike``: a file that says what the one before says is not needed."""
        folder, day = self._task.places.files, day_text(key[1])
        for table, file in made:
            own = self._files.setdefault(table.name, {})
            before = own.pop(day, None)
            if file is not None and before is not None and file.path == before.path:
                own[day] = before
                continue
            if file is not None and keep_alike:
                file = replace(file, digest=sha256((folder / file.path).read_bytes()).hexdigest())
                if before is not None and before.digest == file.digest:
                    (folder / file.path).unlink()
                    own[day] = before
                    continue
            if before is not None:
                self._gone.append(before.path)
            if file is not None:
                own[day] = file
                self._new.append(folder / file.path)
        self.days.append(key)

    def manifest(self, manifest: Manifest, position: int) -> Manifest:
        """With these days, whose files are flushed."""
        flush_files(self._new)
        made = set(self.days)
        return replace(
            manifest,
            number=manifest.number + 1,
            files=self._files,
            absent=tuple(key for key in manifest.absent if key not in made),
            replaced=_replaced(manifest, self._gone),
            generation=max(self._task.generation, manifest.generation),
            position=position,
            made_at=self._task.now_s,
        )


def _replaced(manifest: Manifest | None, paths: Iterable[str]) -> tuple[Replaced, ...]:
    if manifest is None:
        return ()
    return (*manifest.replaced, *(Replaced(path=path, last=manifest.number) for path in paths))


class Stays(Struct, frozen=True, kw_only=True):
    """A file of before, of which the rows stay that are of none of these units."""

    file: File
    path: Path
    table: Table
    units: Mapping[str, Collection[Any]]

    def added_to(self, new: TableFile) -> bool:
        """Puts the rows that stay beside the new ones; False where none goes and none came, so that the file stays itself."""
        if new.is_bare and not self.units:
            return False
        rows = rows_without(self.path, self.table, self.units)
        if new.is_bare and rows.num_rows == self.file.rows:
            return False
        new.keep(rows)
        return True


Kept = Callable[[Table], Stays | None]
"""What of a table's file of before stays."""


def _nothing(_table: Table) -> None:
    return None


def _written(
    files: Path, group: Group, day: int, rows_of: Iterable[tuple[str, Iterable[Row | Values]]], kept: Kept | None = None
) -> Iterator[tuple[Table, File | None]]:
    """Writes the files of a group for a day; no file where a table has no row, and the one of before where nothing goes and nothing
    comes. ``kept``: what stays beside the new rows, all in the order of what they are of; without it rows are written as they come,
    in their order."""
    text, name = day_text(day), f"{secrets.token_hex(8)}.parquet"
    stays = {t.name: kept(t) if kept else None for t in tables_of(group)}
    made = {
        t.name: TableFile(files / t.name / f"{DAY}={text}" / name, t, text, t.unit if kept else "")
        for t in tables_of(group)
    }
    for of, rows in rows_of:
        made[of].add(rows)
    for table in tables_of(group):
        file, before = made[table.name], stays[table.name]
        if before is not None and not before.added_to(file):
            yield table, before.file
            continue
        file.close()
        path = file.path.relative_to(files).as_posix()
        yield table, File(path=path, rows=file.rows, size=file.path.stat().st_size) if file.rows else None


def _orders(snapshot: Snapshot, day: int, policies: Mapping[str, OrderPolicy], only: Collection[Any] | None) -> Made:
    unruled = OrderPolicy()
    for told in orders.told_orders(snapshot, day, only):
        yield "orders", [orders.order_row(told, policies.get(told.row[1], unruled))]
        yield "order_lines", orders.line_rows(told)
        yield "order_names", orders.name_rows(told)
        yield "order_people", orders.people_rows(told)
        yield "payments", orders.payment_rows(told)
        yield "refunds", orders.refund_rows(told)
        yield "parcels", orders.parcel_rows(told)


def _actions(snapshot: Snapshot, day: int, _policies: Mapping[str, OrderPolicy], _only: Collection[Any] | None) -> Made:
    yield "signals", actions.signal_rows(snapshot, day)
    yield "purchases", actions.purchase_rows(snapshot, day)
    yield "purchase_deliveries", actions.purchase_delivery_rows(snapshot, day)
    yield "purchase_people", actions.purchase_people_rows(snapshot, day)


def _lines(snapshot: Snapshot, day: int, _policies: Mapping[str, OrderPolicy], only: Collection[Any] | None) -> Made:
    yield from lines.line_rows(snapshot.lines, day, only)


def _touches(snapshot: Snapshot, day: int, _policies: Mapping[str, OrderPolicy], _only: Collection[Any] | None) -> Made:
    yield "touches", touches.touch_rows(snapshot, day)


_MAKERS: dict[Group, Callable[[Snapshot, int, Mapping[str, OrderPolicy], Collection[Any] | None], Made]] = {
    Group.ORDERS: _orders,
    Group.ACTIONS: _actions,
    Group.LINES: _lines,
    Group.TOUCHES: _touches,
}
