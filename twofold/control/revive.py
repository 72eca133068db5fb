"""Reviving dead deliveries: through the running gateway when there is one, else by taking the folder.

Owns that choice only. The statement is the store's, the socket is `control`'s.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from twofold.clock import now_ms
from twofold.config import Settings
from twofold.control.socket import ask_gateway
from twofold.policies import open_store
from twofold.store.lists import Reader


def revive_dead(settings: Settings, filters: dict[str, str | None]) -> int:
    """Makes the dead deliveries that match wait again; answers how many."""
    folder = Path(settings.server.data)
    with Reader(folder) as reader:
        dead = reader.dead_deliveries(filters)
    if not dead:
        return 0
    answer = ask_gateway(folder, {"command": "revive", "deliveries": dead})
    return int(answer["revived"]) if answer is not None else asyncio.run(_alone(settings, dead))


async def _alone(settings: Settings, dead: list[int]) -> int:
    store = open_store(settings, now_ms())
    store.start()
    try:
        return await store.revive(dead, now_ms())
    finally:
        await store.close()
