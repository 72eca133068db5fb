"""Fold keys of a database to which several processes write: one plain table, in which finding a key is holding it.

Owns the table `held_key`. A look-up and a later insert are two steps, and another writer may stand between them; here the
look-up itself writes (`hold_fold_keys`), so that whoever comes second with a key waits for the first one's commit and then
finds its action. A key that was held and not claimed is nobody's, and goes with its day. Browsers are held by their ids in
the same way (`hold`). The embedded engine, whose one writer needs none of this, keeps trees by day instead (`fold_keys`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twofold.store.engine import Database, NotBeside, key_array
from twofold.store.peers.revisions import Revisions
from twofold.store.sqlite.fold_keys import DAY_MS

EXPIRED_AT_ONCE = 500


class SharedKeys:
    """The same questions as `FoldKeys` answers, inside the writer's transaction."""

    def __init__(self, engine: Database, window_days: int, revisions: Revisions | None = None) -> None:
        self._engine = engine
        self._revisions = revisions or Revisions(engine)
        self._window = window_days
        self._day = 0  # by which keys are forgotten
        self._claimed_on: int | None = None  # the day that keys are put down to; not known before the first turn
        self._spared_from = 0  # the first day on which anything is forgotten
        self._expired = True  # what left the window on that day is gone
        self._held: dict[bytes, int | None] = {}  # by this transaction, with the actions that they lead to

    def reload(self) -> None:
        """A transaction begins, or was rolled back: nothing is held."""
        self._held.clear()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The actions that hold any of ``keys``; all of them are this transaction's until its end."""
        self.hold(keys)
        return {key: action for key in keys if (action := self._held.get(key)) is not None}

    def hold(self, keys: Iterable[bytes]) -> None:
        """Nobody else finds, claims or holds one of these until the transaction's end. Raises `NotBeside` for further ones among
        others: whoever has some and waits for more is waited for."""
        new = {key for key in keys if key not in self._held}
        if new:
            if self._held and self._revisions.beside:
                raise NotBeside
            held = self._engine.run("hold_fold_keys", (key_array(sorted(new)), self._claimed_on or 0))
            self._held.update((bytes(key), action) for key, action in held)

    def insert(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Claims keys for actions."""
        self.turn(now_ms)
        self.hold(key for key, _ in rows)
        self._engine.run_rows("claim_fold_keys", [(key, action, self._claimed_on) for key, action in sorted(rows)])
        for key, action in rows:
            if self._held.get(key, action) is None:
                self._held[key] = action

    def move(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Leads known keys to other actions, for a whole window."""
        self.turn(now_ms)
        self._engine.run_rows("lead_fold_keys", [(key, action, self._claimed_on) for key, action in sorted(rows)])
        self._held.update((key, action) for key, action in rows if key in self._held)

    def turn(self, now_ms: int) -> None:
        """The day by which keys are forgotten; a clock set back forgets nothing early, and puts keys down to the newest day there
        is, also one of an earlier process. Some old ones go."""
        day = now_ms // DAY_MS
        if self._claimed_on is None:
            self._claimed_on = int(self._engine.run("newest_key_day")[0][0])
        self._claimed_on = max(self._claimed_on, day)
        if day > self._day:
            self._day, self._expired = day, False
        if not self._expired and self._day >= self._spared_from:
            before = self._day - self._window
            self._engine.run("expire_fold_keys", (before, EXPIRED_AT_ONCE, before * DAY_MS, (self._day + 1) * DAY_MS))
            self._expired = self._engine.changes() < EXPIRED_AT_ONCE

    def spare(self, since_ms: int) -> None:
        """See `store.engine.FoldKeys`."""
        self._spared_from = since_ms // DAY_MS + self._window + 1

    def close(self) -> None:
        """Nothing is open."""
