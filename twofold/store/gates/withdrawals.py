"""Withdrawn consent: by which marks of a person no event may be sent, and since when.

Owns the rule. An event is stopped when one of its marks was withdrawn, unless the event was received after consent
was given again for that mark. The order of things decides, not the clock: a grant is later than the withdrawal
before it, and a withdrawal ends every grant before it.

Read inside the claim's transaction (`stops` is a gate, for first and for further attempts), so a claim that follows a
withdrawal never contains the person's event. What was claimed before is told by ``changes``: a worker reads it before it
claims and gives its batch back when it has moved by the time the request would be written.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from twofold.consent.marks import withdrawable_marks
from twofold.errors import StoreError
from twofold.matching.subject import Keyring, Mark
from twofold.store.beside.withdrawn_file import FILE, WithdrawnFile
from twofold.store.engine import Database, key_array
from twofold.store.engines import open_reader
from twofold.store.gates.contract import Candidate, Suppressed
from twofold.store.peers.revisions import WITHDRAWALS, Revisions
from twofold.store.sqlite.statements import statement

log = logging.getLogger("twofold.store")

WITHDRAWN = "consent_withdrawn"
_KEY_NAME = "withdrawal_key"


class ConsentStanding(Struct, frozen=True, kw_only=True):
    """What is known of one mark. Both None: nothing was ever withdrawn."""

    kind: str
    withdrawn_at: int | None = None  # ms
    granted_at: int | None = None  # ms; given again since

    @property
    def withdrawn(self) -> bool:
        return self.withdrawn_at is not None and self.granted_at is None


class Withdrawals:
    """Used inside the store's transactions, on the loop's thread. ``changes`` may be read at any time."""

    def __init__(self, engine: Database, revisions: Revisions | None = None) -> None:
        self._engine = engine
        self._revisions = revisions or Revisions(engine)
        self._revisions.listen(WITHDRAWALS, self._heard)
        self._file = WithdrawnFile(engine.folder, self._revisions.place.file(FILE))
        self._changed: set[bytes] = set()  # by this transaction
        self._unflushed: list[tuple[bytes, int, int | None]] = []
        self._begun = False  # whether there is a file
        self._ring = self._open()
        self.changes = 0
        self._any = bool(engine.run("any_withdrawal"))  # kept in memory: it is asked for every delivery

    def withdraw(self, dataset: str, marks: Sequence[Mark], at: int) -> int:
        """Stops everything with one of these marks from now on; answers how many they are. ``at`` in ms."""
        names = self._names(dataset, marks)
        self._engine.run_rows("insert_withdrawals", [(name, at) for name in names])
        self._changed.update(names)
        self._heard()  # before the commit: whoever sees it too early only looks once more
        self._revisions.raise_(WITHDRAWALS)
        return len(names)

    def grant(self, dataset: str, marks: Sequence[Mark], at: int) -> int:
        """Lets events with these marks through again that come after this; answers how many had been withdrawn."""
        names = self._names(dataset, marks)
        self._engine.run("grant_again", (at, key_array(names)))
        changed = self._engine.changes()
        self._changed.update(names if changed else ())
        return changed

    def _heard(self) -> None:
        """Somebody has withdrawn, here or elsewhere. Also if this is rolled back: then the next look finds nothing."""
        self._any = True
        self.changes += 1

    def written(self) -> None:
        """The statements of a transaction are through: how the changed marks stand goes into the file, too."""
        if self._changed:
            self._unflushed = self._engine.run("select_withdrawals", (key_array(self._changed),))
            self._changed.clear()

    def flush(self) -> None:
        """On the committing thread, before the commit: what is acknowledged survives a database that is put back."""
        if self._unflushed:
            if self._begun:
                self._file.append(self._unflushed)
            else:
                self._file.begin(self._ring.secret, self._unflushed)
                self._begun = True
            self._unflushed = []

    def rolled_back(self) -> None:
        self._changed.clear()
        self._unflushed = []

    def _open(self) -> Keyring:
        """The key of the digests; what the file knows better than the database is put in, what it lacks is written."""
        key, told, self.damaged = self._file.read()
        if self.damaged:
            log.critical(
                "%s: %d lines of the file %s are not what was written; the others count, and who withdrew by those may be "
                "forgotten with the next database that is put back: restore the file from a copy",
                self._engine.folder, self.damaged, FILE,
            )  # fmt: skip
        self._engine.run("put_meta_first", (_KEY_NAME, (key or secrets.token_bytes(32)).hex()))
        own = self._engine.run("select_meta", (_KEY_NAME,))
        known = {name: (withdrawn, granted) for name, withdrawn, granted in self._engine.run("all_withdrawals")}
        mine = bytes.fromhex(own[0][0])
        if key is not None and key != mine:
            raise StoreError(
                f"{self._engine.folder}: the file {FILE} belongs to another database, so nobody can tell who withdrew "
                "consent; put the file in its place that belongs to this database, or take it away and withdraw again"
            )
        better = [(n, *state) for n, state in told.items() if n not in known or _later(state) > _later(known[n])]
        with self._engine.transaction():
            self._engine.run_rows("put_withdrawals", better)
        self._begun = key is not None
        if any(n not in told or _later(state) > _later(told[n]) for n, state in known.items()):
            self._file.begin(mine, self._engine.run("all_withdrawals"))
            self._begun = True
        return Keyring(mine)

    def stops(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        """The gate. Looks at every copy by the time it was received, and at what was stitched to the action."""
        if not self.needed():
            return None
        received: dict[bytes, int] = {}
        for copy in candidate.copies:
            self._add(received, candidate.dataset, withdrawable_marks(copy), copy.received_at)
        # Marks that a gate before this one added are as old as the action.
        self._add(received, candidate.dataset, withdrawable_marks(candidate.event), candidate.created_at, only_new=True)
        if not received:
            return None
        for name, _withdrawn_at, granted_at in self._engine.run("select_withdrawals", (key_array(received),)):
            if granted_at is None or received[name] <= granted_at:
                return Suppressed(WITHDRAWN)
        return None

    def is_withdrawn(self, dataset: str, marks: Sequence[Mark]) -> bool:
        """True when one of these is withdrawn now."""
        names = self._names(dataset, marks)
        rows = self._engine.run("select_withdrawals", (key_array(names),)) if names else []
        return any(granted_at is None for _, _, granted_at in rows)

    def needed(self) -> bool:
        """False while nobody has withdrawn anything: then no further attempt has to be looked at again."""
        return self._any

    def purge(self, before_ms: int) -> int:
        """Forgets marks that were granted again before every event that could still be sent."""
        self._engine.run("purge_withdrawals", (before_ms,))
        return self._engine.changes()

    def _names(self, dataset: str, marks: Sequence[Mark]) -> list[bytes]:
        return list(dict.fromkeys(self._name(dataset, m) for m in marks))

    def _name(self, dataset: str, mark: Mark) -> bytes:
        return _name(self._ring, dataset, mark)

    def _add(
        self,
        received: dict[bytes, int],
        dataset: str,
        marks: Sequence[Mark],
        at: int,
        only_new: bool = False,
    ) -> None:
        for mark in marks:
            name = self._name(dataset, mark)
            if name not in received or (at < received[name] and not only_new):
                received[name] = at


def read_standing(folder: Path, dataset: str, marks: Sequence[Mark]) -> list[ConsentStanding]:
    """What a folder knows of each mark, in their order. Reads only, beside a running gateway or without one."""
    db = open_reader(folder)
    try:
        key = db.execute("select value from meta where name = ?", (_KEY_NAME,)).fetchone()
        if key is None:
            return [ConsentStanding(kind=m.kind) for m in marks]
        ring = Keyring(bytes.fromhex(str(key[0])))
        names = [_name(ring, dataset, m) for m in marks]
        found = {name: times for name, *times in db.execute(statement("select_withdrawals"), (key_array(names),))}
    finally:
        db.close()
    return [
        ConsentStanding(kind=m.kind, withdrawn_at=times[0], granted_at=times[1])
        for m, name in zip(marks, names, strict=True)
        for times in [found.get(name, (None, None))]
    ]


def _name(ring: Keyring, dataset: str, mark: Mark) -> bytes:
    return ring.digest(f"{dataset}\0{mark.kind}", mark.value)


def _later(state: tuple[int, int | None]) -> int:
    return max(state[0], state[1] or 0)
