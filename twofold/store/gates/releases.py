"""A person's word that let deliveries through, kept until the end whatever becomes of a delivery meanwhile.

Owns the table `released`. The word holds for a delivery, and goes with it where its action turns out to be another's.
What the word opens is the gates' (`trust`); who may give it is `control.owner`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from twofold.store.digests import row_digest
from twofold.store.engine import Database, id_array


def released_digest(delivery: int, released_at: int) -> bytes:
    """Over one row, so that no altered byte lets another delivery through."""
    return row_digest("released", delivery, released_at)


def let_through(engine: Database, deliveries: Sequence[int], now_ms: int) -> int:
    """Those of them that were kept back wait from now on, and are asked nothing more about trust; how many."""
    kept = [id for (id,) in engine.run("select_kept_back", (id_array(deliveries),))]
    _keep(engine, kept, now_ms)
    engine.run("let_through", (now_ms, id_array(kept)))
    return engine.changes() if kept else 0


def turn_away(engine: Database, deliveries: Sequence[int], now_ms: int) -> int:
    """Those of them that are kept back are listed no more; how many."""
    engine.run("turn_away", (now_ms, id_array(deliveries)))
    return engine.changes()


def follow_merged(engine: Database, winner: int, loser: int, now_ms: int) -> None:
    """Two actions are one: what a person let through of the one is let through of the other."""
    rows = engine.run("select_released", (loser * 256, loser * 256 + 255))
    words = [winner * 256 + delivery % 256 for delivery, *_ in rows]
    if words:
        _keep(engine, words, now_ms)
        engine.run("let_through", (now_ms, id_array(words)))


def prove_released(engine: Database) -> None:
    """At start: words from before the table have no digest yet."""
    bare = [(delivery, at) for delivery, at, digest in engine.run("select_released", (0, 2**63 - 1)) if digest is None]
    if bare:
        with engine.transaction():
            engine.run_rows("keep_released", [(d, at, released_digest(d, at)) for d, at in bare])


def _keep(engine: Database, deliveries: Sequence[int], now_ms: int) -> None:
    engine.run_rows("keep_released", [(d, now_ms, released_digest(d, now_ms)) for d in deliveries])
