"""The fold's memory on PostgreSQL for a gateway that is alone: the one table of keys, looked up and inserted.

Owns the cheaper look-up only. The table, and what several writers need of it, are `peers/keys`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twofold.store.engine import Database, id_array, key_array
from twofold.store.peers.keys import SharedKeys


class FoldKeys(SharedKeys):
    """See `store.engine.FoldKeys`. Nobody else writes, so a look-up need not hold what it finds."""

    def hold(self, keys: Iterable[bytes]) -> None:
        """Everything is this process's."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The actions that hold any of ``keys``."""
        return dict(self._engine.run("find_fold_keys", (key_array(keys),))) if keys else {}


def forget_keys(engine: Database, keys: Iterable[bytes], actions: Iterable[int] | None) -> None:
    """Keys lead nowhere any more, or not to these actions."""
    if actions is None:
        engine.run("forget_fold_keys", (key_array(keys),))
    else:
        engine.run("forget_fold_keys_of", (key_array(keys), id_array(actions)))
