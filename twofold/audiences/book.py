"""The book of lists: what each platform was told, row by row and request by request. In the data folder it is `audiences.db`, mode
0600; where the store is on PostgreSQL it lies beside the store (`server_book`), so that it outlives the machine of whoever tells.

Owns what is written and when. What is meant is on disk before anything leaves, so that after a crash it is known what may have been
told. A row that a platform has taken off its list is deleted, and the file overwrites what it deletes. One process at a time changes it
(`keeping`, and on a server the book itself); any may look.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from twofold.audiences.members import Row
from twofold.audiences.platforms.contract import ADD
from twofold.errors import StoreError, StoreLocked
from twofold.matching.subject import Keyring
from twofold.store import engines
from twofold.store.secret import folder_ring
from twofold.store.sqlite.database import translated

FILE = "audiences.db"
LOCK = "audiences.lock"
ADDING, TOLD, REMOVING, REFUSED = "adding", "told", "removing", "refused"
TOO_SMALL = "too_small"
"""Why nobody is put on a list: not a fault, and it passes by itself."""
_BUSY_MS = 5_000
_LIST = (
    "id, audience, account, platform, remote, listed_at, people, fitting, left_out, synced_at, problem, code, again_at"
)
_COUNTED = "count(*) filter (where state <> 'refused'), count(*) filter (where state = 'removing')"
_BATCH = "id, list, kind, meant_at, ended_at, rows, em, ph, digest, session, outcome, code, note, number, later"


class KnownList(Struct, frozen=True, kw_only=True):
    """One list as the book has it. Times in ms; ``told``: rows that the platform has or may have; ``taking_back``: of those, rows that
    it was told to take away and has not confirmed yet."""

    id: int
    audience: str
    account: str
    platform: str
    remote: str
    listed_at: int | None
    people: int
    fitting: int
    left_out: Mapping[str, int]
    synced_at: int | None
    problem: str
    code: str
    again_at: int
    told: int = 0
    taking_back: int = 0


class Batch(Struct, frozen=True, kw_only=True):
    """One request. ``ended_at`` None: nobody knows what became of it."""

    id: int
    list: int
    kind: str
    meant_at: int
    ended_at: int | None
    rows: int
    em: int
    ph: int
    digest: str
    session: int
    outcome: str
    code: str
    note: str
    number: str
    later: str


def has_told(folder: Path) -> bool:
    """True where a platform was told of people once, so that somebody may have to be taken back. Raises `StoreError` where a server
    does not say."""
    if (folder / FILE).exists():
        return True
    address = engines.address_of(folder)
    if not address:
        return False
    from twofold.audiences.server_book import is_there

    return is_there(address)


@contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Nobody else changes the book meanwhile. Raises `StoreLocked` where somebody does."""
    with (folder / LOCK).open("a") as file:
        os.chmod(file.fileno(), 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreLocked(
                f"{folder}: another process is telling platforms about audiences; wait until it is done"
            ) from None
        yield


class Book:
    """``folder``: the data folder, which must be there. Made when it is missing, unless ``look`` says that nothing is changed."""

    def __init__(self, folder: Path, *, look: bool = False) -> None:
        self.path = folder / FILE
        self._folder = folder
        self._db: Any = self._opened(engines.address_of(folder), look=look)

    def _opened(self, address: str, *, look: bool) -> Any:
        if not address or (look and self.path.exists()):  # a moved folder's, which the first round takes to the server
            return _file(self.path, look=look)
        from twofold.audiences.server_book import ServerBook, is_there

        if look:
            return ServerBook(address, look=True) if is_there(address) else _file(self.path, look=True)
        book = ServerBook(address)
        try:
            if self.path.exists():
                with _errors(self.path), closing(_file(self.path, look=True)) as moved:
                    book.take_over(moved)
                self.path.unlink()
        except BaseException:
            book.close()
            raise
        return book

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- looking

    def lists(self) -> list[KnownList]:
        """Every list that was ever kept, in the order of their first time."""
        counted = {
            number: (told, back) for number, told, back in self._all(f"select list, {_COUNTED} from told group by list")
        }
        return [_known(row, counted.get(row[0], (0, 0))) for row in self._all(f"select {_LIST} from list order by id")]

    def list_of(self, audience: str, account: str, platform: str, remote: str) -> KnownList:
        """This list, from now on in the book."""
        with self._change():
            self._run(
                "insert into list (audience, account, platform, remote) values (?, ?, ?, ?) on conflict do nothing",
                (audience, account, platform, remote),
            )
        (row,) = self._all(
            f"select {_LIST} from list where audience = ? and account = ? and remote = ?", (audience, account, remote)
        )
        # Only this one is counted: a list may have a million rows, and each is asked for in every round.
        ((told, back),) = self._all(
            f"select {_COUNTED} from told where list = ?",
            (row[0],),
        )
        return _known(row, (told, back))

    def rows(self, number: int) -> dict[Row, tuple[str, str]]:
        """Row to its value and state."""
        return {
            Row(em, ph): (value, state)
            for em, ph, value, state in self._all("select em, ph, value, state from told where list = ?", (number,))
        }

    def rows_of_batches(self, number: int, batches: Iterable[int]) -> frozenset[Row]:
        """Rows of a list that these requests are about."""
        wanted = set(batches)
        rows = self._all("select em, ph, batch from told where list = ?", (number,)) if wanted else []
        return frozenset(Row(em, ph) for em, ph, batch in rows if batch in wanted)

    def batches(self, number: int | None = None, most: int = 0) -> list[Batch]:
        """Requests, the latest first; of one list or of all."""
        sql = f"select {_BATCH} from batch" + (" where list = ?" if number is not None else "") + " order by id desc"
        rows = self._all(sql + (f" limit {most:d}" if most else ""), () if number is None else (number,))
        return [_batch(row) for row in rows]

    def waiting_numbers(self, number: int) -> list[Batch]:
        """Requests of a list whose result the platform tells later, and has not told."""
        rows = self._all(
            f"select {_BATCH} from batch where list = ? and number <> '' and later = '' and outcome = 'accepted' order by id",
            (number,),
        )
        return [_batch(row) for row in rows]

    def done_in_part(self, batch: Batch) -> int:
        """How many removals of the same rows before were done in part, as the platform told afterwards."""
        ((count,),) = self._all(
            "select count(*) from batch where list = ? and kind = ? and digest = ? and id < ? and later like 'partial%'",
            (batch.list, batch.kind, batch.digest, batch.id),
        )
        return int(count)

    # -- changing

    def note_listed(self, number: int, at: int, people: int, fitting: int, left_out: Mapping[str, int]) -> None:
        """What was worked out."""
        said = msgspec.json.encode(dict(left_out)).decode()
        with self._change():
            self._run(
                "update list set listed_at = ?, people = ?, fitting = ?, left_out = ? where id = ?",
                (at, people, fitting, said, number),
            )

    def note_end(self, number: int, at: int, problem: str, code: str = "", again_at: int = 0) -> None:
        """How a round ended; without a problem the platform had been told all."""
        with self._change():
            self._run(
                "update list set problem = ?, code = ?, again_at = ?, synced_at = case when ? = '' then ? else synced_at end where id = ?",
                (problem, code, again_at, problem, at, number),
            )

    def mean(self, number: int, kind: str, rows: Mapping[Row, str], at: int) -> Batch:
        """A request that is about to leave: on disk when this returns. Rows with their values."""
        state = ADDING if kind == ADD else REMOVING
        with self._change():
            ((batch,),) = self._all(
                "insert into batch (list, kind, meant_at, rows, em, ph, digest, session) values (?, ?, ?, ?, ?, ?, ?, ?) returning id",
                (number, kind, at, len(rows), sum(bool(r.em) for r in rows), sum(bool(r.ph) for r in rows),
                 digest_of(folder_ring(self._folder), rows), secrets.randbelow(2**53) + 1),
            )  # fmt: skip
            self._db.executemany(
                "insert into told (list, em, ph, value, state, batch) values (?, ?, ?, ?, ?, ?) "
                "on conflict (list, em, ph) do update set value = excluded.value, state = excluded.state, batch = excluded.batch",
                [(number, r.em, r.ph, value, state, batch) for r, value in rows.items()],
            )
        return next(b for b in self.batches(number, most=1) if b.id == batch)

    def settle(
        self, batch: Batch, at: int, *, outcome: str, code: str, note: str, number: str, state: str | None,
        refused: Iterable[Row] = (), seen: bool = True,
    ) -> None:  # fmt: skip
        """What came of a request. ``state``: of its rows from now on; None: they are gone. ``seen`` False: nobody knows, so that it has
        no end."""
        with self._change():
            self._run(
                "update batch set ended_at = ?, outcome = ?, code = ?, note = ?, number = ? where id = ?",
                (at if seen else None, outcome, code, note, number, batch.id),
            )
            self._db.executemany(
                "update told set state = 'refused', batch = 0 where list = ? and em = ? and ph = ?",
                [(batch.list, r.em, r.ph) for r in refused],
            )
            self._put_state(batch, state)

    def note_later(self, batch: Batch, said: str, *, back: str | None = "") -> None:
        """What the platform told of a request afterwards. ``back``: the state that its rows have from now on; empty: as they are; None:
        they are gone."""
        with self._change():
            self._run("update batch set later = ? where id = ?", (said, batch.id))
            if back != "":
                self._put_state(batch, back)

    def forget(self, number: int, rows: Sequence[Row]) -> None:
        """Rows that no platform has."""
        with self._change():
            self._db.executemany(
                "delete from told where list = ? and em = ? and ph = ?", [(number, r.em, r.ph) for r in rows]
            )

    def _put_state(self, batch: Batch, state: str | None) -> None:
        """Of all rows that this request was the last about."""
        if state is None:
            self._run("delete from told where list = ? and batch = ?", (batch.list, batch.id))
        else:
            self._run("update told set state = ? where list = ? and batch = ?", (state, batch.list, batch.id))

    @contextmanager
    def _change(self) -> Iterator[None]:
        with _errors(self.path), self._db:
            yield

    def _run(self, sql: str, bindings: Sequence[Any]) -> None:
        self._db.execute(sql, tuple(bindings))

    def _all(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _errors(self.path):
            rows: list[tuple[Any, ...]] = self._db.execute(sql, tuple(bindings)).fetchall()
            return rows


_WRITE = apsw.SQLITE_OPEN_READWRITE


def _file(path: Path, *, look: bool) -> apsw.Connection:
    """The file's; nothing, where there is none and it is only looked at."""
    if look and not path.exists():
        db = apsw.Connection(":memory:")
    else:
        if path.is_symlink():
            raise StoreError(f"{path}: expected a file of ours, got a link")
        if not look:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY if look else _WRITE)
    db.set_busy_timeout(_BUSY_MS)
    if not look or str(db.filename) in ("", ":memory:"):
        with _errors(path):
            db.pragma("secure_delete", True)
            db.pragma("synchronous", "full")
            db.execute(resources.files("twofold.audiences").joinpath("book.sql").read_text(encoding="utf-8"))
    return db


def bring_back(source: Path, target: Path) -> None:
    """The book of a source whose store is on PostgreSQL into a folder's file, where there is one. For a move: nobody tells meanwhile."""
    address = engines.address_of(source)
    if not address:
        return
    from twofold.audiences.server_book import ServerBook, is_there

    if is_there(address):
        with closing(ServerBook(address, look=True)) as book, closing(_file(target / FILE, look=False)) as file, file:
            for table, rows in book.all_rows():
                marks = ", ".join("?" * len(rows[0])) if rows else ""
                file.executemany(f"insert into {table} values ({marks})", rows)


def _batch(row: Sequence[Any]) -> Batch:
    return Batch(**dict(zip(Batch.__struct_fields__, row, strict=True)))


def digest_of(ring: Keyring, rows: Iterable[Row]) -> str:
    """What stands for these rows in the trail: nobody can read them from it, nor test a guess without the folder's secret."""
    return ring.digest("audience", "\n".join(sorted(f"{r.em},{r.ph}" for r in rows))).hex()


def _known(row: Sequence[Any], counted: tuple[int, int]) -> KnownList:
    told = dict(zip(KnownList.__struct_fields__, row, strict=False))
    told["left_out"] = msgspec.json.decode(told["left_out"], type=dict[str, int])
    return KnownList(**told, told=counted[0], taking_back=counted[1])


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.Error as err:
        raise StoreError(f"{path}: {translated(err)}") from err
