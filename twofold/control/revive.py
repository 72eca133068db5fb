"""Reviving dead deliveries: which they are is read here, the owner of the folder makes them wait again."""

from __future__ import annotations

from pathlib import Path

from twofold.config import Settings
from twofold.control.owner import on_store
from twofold.control.questions import Revive
from twofold.store.lists import Reader


def revive_dead(settings: Settings, filters: dict[str, str | None]) -> int:
    """Makes the dead deliveries that match wait again; answers how many."""
    with Reader(Path(settings.server.data)) as reader:
        dead = reader.dead_deliveries(filters)
    return int(on_store(settings, Revive(deliveries=dead))["revived"]) if dead else 0
