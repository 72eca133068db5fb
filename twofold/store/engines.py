"""The engines that there are, and which one a store has: the embedded one, or PostgreSQL where an address is named.

Owns what else differs between them than statements: what is looked at before anything is written, the fold's memory, the check
of pages, the seal of a file. Nothing above asks which engine it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from twofold.errors import StoreError
from twofold.store.beside.watermark import Loss, altered_while_closed, compare, examine, read_mark, seal
from twofold.store.engine import Database, FoldKeys
from twofold.store.sqlite.database import Engine, empty_log
from twofold.store.sqlite.database import open_reader as embedded_reader
from twofold.store.sqlite.fold_keys import FoldKeys as DayTables
from twofold.store.sqlite.page_check import NOT_NEEDED, PageCheck

Examined = Callable[[Loss | None], None]


class PageCheckLike(Protocol):
    """See `sqlite.page_check`."""

    state: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def report(self) -> dict[str, Any]: ...


class Kit(Struct, frozen=True):
    """One engine. ``opened`` tells what is missing before it changes anything; its listener may raise."""

    opened: Callable[[Path, Examined | None], Database]
    fold_keys: Callable[[Any, int], FoldKeys]
    reader: Callable[[Path], Any]
    page_check: Callable[[Path], PageCheckLike]
    tidy: Callable[[Path], Any]  # after an end that was not in order
    altered: Callable[[Path], str | None]  # what happened to the database while it was closed
    seal: Callable[[Path], None]  # after an end in order


_ADDRESSES: dict[Path, str] = {}


def keep_in(folder: Path, address: str) -> None:
    """What is kept beside ``folder`` is in that PostgreSQL database, from here on and in this process. Told by whoever read
    the settings; an empty address is the embedded engine."""
    if address:
        _ADDRESSES[folder.resolve()] = address
    else:
        _ADDRESSES.pop(folder.resolve(), None)


def is_embedded(folder: Path) -> bool:
    """True where the database is a file of the folder."""
    return folder.resolve() not in _ADDRESSES


def kit_for(folder: Path) -> Kit:
    """The engine of what is kept beside a folder."""
    address = _ADDRESSES.get(folder.resolve(), "")
    return _on_postgres(address) if address else EMBEDDED


def open_reader(folder: Path) -> Any:
    """A read-only connection for commands; works while the gateway runs."""
    return kit_for(folder).reader(folder)


def _embedded(folder: Path, examined: Examined | None) -> Database:
    return Engine(folder, None if examined is None else lambda found: examined(examine(found)))


EMBEDDED = Kit(
    opened=_embedded, fold_keys=DayTables, reader=embedded_reader, page_check=PageCheck,
    tidy=empty_log,  # what a crash left unfinished at the log's end is not taken for a loss at the next one
    altered=altered_while_closed, seal=seal,
)  # fmt: skip


class _ServersOwn:
    """The server checks its pages itself, by their checksums."""

    state = NOT_NEEDED

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def report(self) -> dict[str, Any]:
        """For people, as `sqlite.page_check` says it."""
        return {"state": self.state, "tables": 0, "checked": 0, "problems": []}


def _on_postgres(address: str) -> Kit:
    from twofold.store.postgres.connection import open_reader as connected  # its driver is an extra
    from twofold.store.postgres.database import Engine as Server
    from twofold.store.postgres.database import require_form
    from twofold.store.postgres.fold_keys import FoldKeys as OneTable

    def opened(folder: Path, examined: Examined | None) -> Database:
        if examined is None:
            raise StoreError("several gateways on one database of PostgreSQL are not there yet")
        return Server(folder, address, lambda db: examined(compare(db, read_mark(folder))))

    def reader(_folder: Path) -> Any:
        db = connected(address)
        require_form(db)
        return db

    return Kit(
        opened=opened, fold_keys=OneTable, reader=reader, page_check=lambda _folder: _ServersOwn(), tidy=lambda _folder: None,
        altered=lambda _folder: None, seal=lambda _folder: None,
    )  # fmt: skip
