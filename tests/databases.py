"""A PostgreSQL server of the tests' own, and a new database for each data folder that is opened on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.facts.postgres import server

TEMPLATE = "twofold_template"
PEER = "peer-"
"""Begins the name of a folder that one of several processes has beside the database of the folder above it."""


class Databases:
    """Of one server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._of: dict[Path, str] = {}
        self._made = 0

    def of(self, folder: Path) -> str:
        """The address of this folder's database, which is made when it is first asked for."""
        folder = folder.parent if folder.name.startswith(PEER) else folder
        if folder not in self._of:
            self._of[folder] = self.new()
        return self._of[folder]

    def new(self) -> str:
        """The address of a new database with the store's tables."""
        import psycopg

        self._made += 1
        name = f"store_{self._made}"
        with psycopg.connect(self.address, autocommit=True) as db:
            db.execute(f"create database {name} template {TEMPLATE} strategy wal_log")
        return self.address.rpartition("/")[0] + f"/{name}"


@contextmanager
def databases() -> Iterator[Databases]:
    """A server that keeps what it commits, with the template of a store."""
    import psycopg

    from twofold.store.postgres.connection import connect
    from twofold.store.postgres.database import make_schema

    with server(flushed=True) as address:
        with psycopg.connect(address, autocommit=True) as db:
            db.execute(f"create database {TEMPLATE} template template0 encoding 'UTF8'")
        with connect(address.rpartition("/")[0] + f"/{TEMPLATE}", writes=True) as db:
            make_schema(db)
        yield Databases(address)
