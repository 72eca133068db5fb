"""Paths that must lose their orders: what each order came to is asked first, then the path goes and a nameless row stands for it.

Owns that order of steps. Reading what orders came to takes milliseconds each and happens beside the loop; each transaction then does
a few. Nobody to ask: the path goes all the same, and no row stands for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from functools import partial
from typing import Protocol

from twofold.store.engine import Database
from twofold.store.store import Store
from twofold.store.touches.nameless import Worth, due_orders, give_up_paths


class WorthOf(Protocol):
    """What orders came to, by row, at a time (Unix s), in the days of ``zone``."""

    @property
    def zone(self) -> tzinfo: ...
    def __call__(self, orders: Sequence[int], as_of: int) -> Mapping[int, Worth]: ...


async def unname_due(store: Store, worth_of: WorthOf | None, now_ms: int) -> int:
    """All orders that are due; answers how many rows stand for them."""
    rows = 0
    while due := await store.transact(lambda engine: due_orders(engine.run)):
        worth: Mapping[int, Worth] = {}
        if worth_of is not None:
            worth = await asyncio.get_running_loop().run_in_executor(None, worth_of, due, now_ms // 1000)
        zone = worth_of.zone if worth_of is not None else UTC
        rows += await store.transact(partial(_give_up, due, worth, zone))
    return rows


def _give_up(due: Sequence[int], worth: Mapping[int, Worth], zone: tzinfo, engine: Database) -> int:
    return give_up_paths(engine, due, worth, zone)
