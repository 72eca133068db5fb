"""What a process does of a gateway's work: take events in, deliver them, or both.

Owns the roles and which task belongs to which. Several processes can share the work where the store is a database to which
several may write; each then has a place of its own there (`store.peers`), and what only one may do at a time goes to whoever is
on duty. A data folder belongs to one process: its lock, the memory that is the truth there, and the files beside the database
leave no room for a second writer.
"""

from __future__ import annotations

import socket
from enum import StrEnum

from twofold.errors import ConfigError


class Role(StrEnum):
    ALL = "all"
    COLLECT = "collect"
    DELIVER = "deliver"

    @property
    def collects(self) -> bool:
        return self is not Role.DELIVER

    @property
    def delivers(self) -> bool:
        return self is not Role.COLLECT


COLLECTING = frozenset({"shares", "seen", "schema"})
"""What is kept of what comes in, by whoever takes it in."""

DELIVERING = frozenset({"costs", "quality"})
"""What a worker's gates and figures rest on."""

ON_DUTY = frozenset({
    "erase", "retention", "withdrawals", "pulls", "audiences", "fetches", "days", "router", "tokens", "reviews", "tables",
})  # fmt: skip
"""What only one process does at a time, one of those that deliver. Everything else each process does for itself."""

DUTY = "keeping"


def is_for(task: str, role: Role) -> bool:
    """True for a task that a process of this role has, duties left aside."""
    if task in COLLECTING:
        return role.collects
    return role.delivers if task in DELIVERING or task in ON_DUTY else True


def require_alone(role: Role, name: str) -> None:
    """For a store that is one process's: raises `ConfigError` when a part of the work, or a name among others, is asked for."""
    if role is not Role.ALL:
        raise ConfigError(
            f"--role {role}: the data folder is one process's alone, so this one has to do everything; leave the role out. "
            "Several processes need a database to which several may write"
        )
    if name:
        raise ConfigError(f"--name {name}: a data folder is one process's alone and needs no name; leave it out")


def name_of(role: Role, name: str) -> str:
    """What a process is called among others: as it was told, else by its machine and role."""
    return name or f"{socket.gethostname()}-{role}"
