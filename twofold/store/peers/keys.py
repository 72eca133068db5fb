"""Fold keys of a database to which several processes write: one plain table, in which finding a key is holding it.

Owns the table `held_key`. A look-up and a later insert are two steps, and another writer may stand between them; here the
look-up itself writes (`hold_fold_keys`), so that whoever comes second with a key waits for the first one's commit and then
finds its action. A key that was held and not claimed is nobody's, and goes with its day. The embedded engine, whose one
writer needs none of this, keeps trees by day instead (`fold_keys`).
"""

from __future__ import annotations

from collections.abc import Sequence

from twofold.store.engine import Database, key_array
from twofold.store.sqlite.fold_keys import DAY_MS

EXPIRED_AT_ONCE = 500


class SharedKeys:
    """The same questions as `FoldKeys` answers, inside the writer's transaction."""

    def __init__(self, engine: Database, window_days: int) -> None:
        self._engine = engine
        self._window = window_days
        self._day = 0
        self._expired = True  # what left the window on that day is gone

    def reload(self) -> None:
        """Nothing of it is in memory."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The actions that hold any of ``keys``; all of them are this transaction's until its end."""
        if not keys:
            return {}
        held = self._engine.run("hold_fold_keys", (key_array(sorted(set(keys))), self._day))
        return {bytes(key): action for key, action in held if action is not None}

    def insert(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Claims keys for actions."""
        self.turn(now_ms)
        self._engine.run_rows("claim_fold_keys", [(key, action, self._day) for key, action in sorted(rows)])

    def move(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Leads known keys to other actions, for a whole window."""
        self.turn(now_ms)
        self._engine.run_rows("lead_fold_keys", [(key, action, self._day) for key, action in sorted(rows)])

    def turn(self, now_ms: int) -> None:
        """The day by which keys are forgotten; a clock set back forgets nothing early. Some old ones go."""
        day = now_ms // DAY_MS
        if day > self._day:
            self._day, self._expired = day, False
        if not self._expired:
            self._engine.run("expire_fold_keys", (self._day - self._window, EXPIRED_AT_ONCE))
            self._expired = self._engine.changes() < EXPIRED_AT_ONCE

    def close(self) -> None:
        """Nothing is open."""
