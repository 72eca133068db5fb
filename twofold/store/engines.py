"""The engines that there are, and which one a store has: the embedded one, or PostgreSQL where an address is named.

Owns what else differs between them than statements: what is looked at before anything is written, the fold's memory, the check
of pages, the seal of a file. Nothing above asks which engine it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from twofold.errors import StoreError
from twofold.store.beside.folder import DATABASE
from twofold.store.beside.watermark import Loss, altered_while_closed, compare_all, examine, read_marks, seal
from twofold.store.engine import Database, FoldKeys, key_array
from twofold.store.sqlite.database import Engine, empty_log, odd_tables
from twofold.store.sqlite.database import open_reader as embedded_reader
from twofold.store.sqlite.database import require_data as require_file
from twofold.store.sqlite.fold_keys import FoldKeys as DayTables
from twofold.store.sqlite.fold_keys import read_holders
from twofold.store.sqlite.page_check import NOT_NEEDED, PageCheck
from twofold.store.sqlite.statements import statement

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
    walker: Callable[[Path], Any]  # a reader whose answers may be longer than memory
    require: Callable[[Path], None]  # raises where there is no data yet
    holders: Callable[[Any, Sequence[bytes]], list[int]]  # of a reader: the actions that hold any of these keys
    page_check: Callable[[Path], PageCheckLike]
    tidy: Callable[[Path], Any]  # after an end that was not in order
    emptied: Callable[[Path], bool]  # nothing is left where rows were; False: somebody still reads there
    lost: Callable[[Path, bool], Loss | None]  # what is missing; True: nobody writes to it
    odd_tables: Callable[[Any], list[str]]  # of a reader: tables that are not made as this version makes them
    altered: Callable[[Path], str | None]  # what happened to the database while it was closed
    seal: Callable[[Path], None]  # after an end in order
    identity: Callable[
        [Path], tuple[str, ...]
    ]  # another one when the database was replaced: by another, or by an older state
    vitals: Callable[[], dict[str, Any] | None]  # how the server is doing; None where there is none


TOLD = "TWOFOLD_STORE_OF"
"""By this variable whoever read the settings tells it to this process and its children, as `config/read` does: folder and
address, with a line between."""


def address_of(folder: Path) -> str:
    """Of the PostgreSQL database to which a data folder belongs; empty for the embedded engine."""
    place, _, address = os.environ.get(TOLD, "").partition("\n")
    return address if place == str(folder.resolve()) else ""


def is_embedded(folder: Path) -> bool:
    """True where the database is a file of the folder."""
    return not address_of(folder)


def require_embedded(folder: Path, what: str) -> None:
    """Raises `StoreError` where what cannot be done on PostgreSQL yet was asked for."""
    if not is_embedded(folder):
        raise StoreError(f"{what} is not there yet for a store on PostgreSQL; see docs/postgres.md")


def kit_for(folder: Path) -> Kit:
    """The engine of what is kept beside a folder."""
    address = address_of(folder)
    return _on_postgres(address) if address else EMBEDDED


def require_data(folder: Path) -> None:
    """Raises `StoreError` unless data of ours are kept beside the folder. Makes nothing."""
    kit_for(folder).require(folder)


def emptied(folder: Path) -> bool:
    """What was deleted is gone from where rows lie, as far as the engine lets it; False while somebody reads there."""
    return kit_for(folder).emptied(folder)


def open_reader(folder: Path) -> Any:
    """A read-only connection for commands; works while the gateway runs."""
    return kit_for(folder).reader(folder)


def open_walker(folder: Path) -> Any:
    """The same for whoever reads all there is: after ``begin`` rows come as they are asked for."""
    return kit_for(folder).walker(folder)


def identity_of(folder: Path | str) -> tuple[str, ...]:
    """Which database it is: after a change what is kept of it in memory is of another. Raises `StoreError` where there is none."""
    return kit_for(Path(folder)).identity(Path(folder))


def vitals_of(folder: Path) -> dict[str, Any] | None:
    """How the server is doing that has the store, see `postgres.vitals`; None for the embedded engine."""
    return kit_for(folder).vitals()


def _file_identity(folder: Path) -> tuple[str, ...]:
    try:
        found = (folder / DATABASE).stat()
    except OSError as err:
        raise StoreError(f"{folder}: {err.strerror}") from err
    return str(found.st_dev), str(found.st_ino)


def _embedded(folder: Path, examined: Examined | None) -> Database:
    return Engine(folder, None if examined is None else lambda found: examined(examine(found)))


EMBEDDED = Kit(
    opened=_embedded, fold_keys=DayTables, reader=embedded_reader, walker=embedded_reader, require=require_file, holders=read_holders, page_check=PageCheck,
    emptied=empty_log, tidy=empty_log,  # what a crash left unfinished at the log's end is not taken for a loss at the next one
    lost=lambda folder, alone: examine(folder, scan_log=alone), odd_tables=odd_tables,
    altered=altered_while_closed, seal=seal, identity=_file_identity, vitals=lambda: None,
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
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise StoreError("the package psycopg is missing; install twofold[postgres]") from None
    from twofold.store.postgres.connection import open_reader as connected
    from twofold.store.postgres.connection import open_walker as walking
    from twofold.store.postgres.database import Engine as Server
    from twofold.store.postgres.database import odd_tables as odd
    from twofold.store.postgres.database import which_database
    from twofold.store.postgres.dead_rows import vacuumed
    from twofold.store.postgres.fold_keys import FoldKeys as OneTable
    from twofold.store.postgres.forms import require_form
    from twofold.store.postgres.vitals import vitals

    def opened(folder: Path, examined: Examined | None) -> Database:
        if examined is None:
            return Server(folder, address)
        return Server(folder, address, lambda db: examined(compare_all(db, read_marks(folder))))

    def reader(_folder: Path, how: Callable[[str], Any] = connected) -> Any:
        db = how(address)
        try:
            require_form(db)
        except BaseException:
            db.close()
            raise
        return db

    def holders(db: Any, keys: Sequence[bytes]) -> list[int]:
        return sorted({action for (action,) in db.execute(statement("holders_of_keys"), (key_array(keys),))})

    def lost(folder: Path, _alone: bool) -> Loss | None:
        marks = read_marks(folder)  # before the snapshot: what they say must be in every later one
        db = reader(folder)
        try:
            db.execute("begin")
            return compare_all(db, marks)
        finally:
            db.close()

    def identity(folder: Path) -> tuple[str, ...]:
        db = reader(folder)
        try:
            return which_database(db)
        finally:
            db.close()

    return Kit(
        opened=opened, fold_keys=OneTable, reader=reader, walker=lambda folder: reader(folder, walking), require=lambda folder: reader(folder).close(), holders=holders, page_check=lambda _folder: _ServersOwn(), tidy=lambda _folder: None,
        emptied=lambda _folder: vacuumed(address),
        lost=lost, odd_tables=odd, altered=lambda _folder: None, seal=lambda _folder: None, identity=identity, vitals=lambda: vitals(address),
    )  # fmt: skip
