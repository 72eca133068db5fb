"""PostgreSQL as a side of a transfer: see `store.transfer.tables`.

Owns how its tables are read and written as a whole, by the server's own bulk form, in one transaction that holds the database's
lock: a transfer that breaks off has never been.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import Connection

from twofold.errors import StoreAway, StoreError
from twofold.store.postgres.connection import SCHEMA, Reader, connect
from twofold.store.postgres.database import OVER_S, begun_tables, make_schema, take_lock
from twofold.store.postgres.faults import translated
from twofold.store.postgres.forms import NOTES, require_form
from twofold.store.postgres.values import NUL
from twofold.store.transfer.tables import KEYS, Row, Table

_COLUMNS = (
    "select c.table_name, c.column_name, c.data_type from information_schema.columns as c join pg_tables as t "
    "on t.schemaname = c.table_schema and t.tablename = c.table_name where c.table_schema = $1 and c.is_generated = 'NEVER' "
    "and c.table_name !~ '^held_key'"
)
_SEQUENCES = (
    "select table_name, column_name from information_schema.columns where table_schema = $1 and is_identity = 'YES'"
)
_NOT_OURS = f"name not in {NOTES}"
_KINDS = {"bigint": "int8", "text": "text", "bytea": "bytea"}


class ServerSide:
    """Everything between `begin` and `commit` is one transaction; `close` without a commit leaves the database as it was."""

    def __init__(self, address: str) -> None:
        """Takes the database's lock. Raises `StoreLocked` where a gateway has it."""
        self._db: Connection[Any] = connect(address, writes=True)
        try:
            take_lock(self._db, alone=True, patience_s=OVER_S)  # a move that broke just now may still have a session
            for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                self._db.execute(f"set {name} = 0")
        except BaseException:
            self._db.close()
            raise

    def make(self) -> None:
        """The tables, where there are none yet."""
        make_schema(self._db)

    def is_empty(self) -> bool:
        """True where no table has a row that a new database has not."""
        for table in (*self.tables(), KEYS):
            if table.name in begun_tables():
                continue
            where = f" where {_NOT_OURS}" if table.name == "meta" else ""
            if self._db.execute(f"select 1 from {table.name}{where} limit 1").fetchone() is not None:
                return False
        return True

    def begin(self, *, writes: bool) -> None:
        """A snapshot, or the transaction in which everything is written."""
        if not writes:
            require_form(Reader(self._db))
        self._db.execute("begin" if writes else "begin isolation level repeatable read read only")

    def commit(self) -> None:
        """On disk when it returns."""
        try:
            for table, column in self._db.execute(_SEQUENCES, (SCHEMA,)).fetchall():
                self._db.execute(
                    f"select setval(pg_get_serial_sequence('{SCHEMA}.{table}', '{column}'), max({column})) from {table} "
                    f"having max({column}) is not null"
                )
            cursor = self._db.execute("commit", prepare=False)
        except psycopg.Error as err:
            raise translated(err) from None
        if cursor.statusmessage != "COMMIT":
            raise StoreAway(f"the database server answered the commit with {cursor.statusmessage}")

    def close(self) -> None:
        """What was not committed has never been."""
        self._db.close()

    def reader(self) -> Reader:
        """For what asks as a reader does, on this connection."""
        return Reader(self._db)

    def tables(self) -> tuple[Table, ...]:
        """See `Side`."""
        found: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in self._db.execute(_COLUMNS, (SCHEMA,)).fetchall():
            found.setdefault(table, []).append((column, kind))
        return tuple(Table(name, tuple(sorted(columns))) for name, columns in sorted(found.items()))

    def count(self, table: Table) -> int:
        """See `Side`."""
        row = self._db.execute(f"select count(*) from ({_select(table)}) as rows").fetchone()
        return int(row[0]) if row else 0

    def read(self, table: Table) -> Iterator[Row]:
        """See `Side`."""
        try:
            with self._db.cursor() as cursor, cursor.copy(f"copy ({_select(table)}) to stdout (format binary)") as out:
                out.set_types([_KINDS[kind] for _, kind in table.columns])
                yield from out.rows()
        except psycopg.Error as err:
            raise translated(err) from None

    def form(self, table: Table, row: Row) -> Row:
        """A text cannot hold NUL here. In what is kept of a refused body it becomes its picture, as when it is written here. All that is
        due is listed as due here."""
        if table.name == "delivery":
            row = tuple(None if name == "unlisted" else value for name, value in zip(table.names, row, strict=True))
        if not any(isinstance(value, str) and "\0" in value for value in row):
            return row
        if table.name != "refused":
            raise StoreError(
                f"a row of the table {table.name} holds the character NUL, for which PostgreSQL has no place"
            )
        return tuple(value.replace("\0", NUL) if isinstance(value, str) else value for value in row)

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """See `Side`."""
        into = f"{table.name} ({', '.join(table.names)})"
        try:
            if table.name == "meta":
                self._db.execute(f"delete from meta where {_NOT_OURS}")
            if table.name in begun_tables():
                self._db.execute(f"delete from {table.name}")
            with self._db.cursor() as cursor, cursor.copy(f"copy {into} from stdin (format binary)") as to:
                to.set_types([_KINDS[kind] for _, kind in table.columns])
                for row in rows:
                    to.write_row(row)
        except psycopg.Error as err:
            raise translated(err) from None


def _select(table: Table) -> str:
    where = {"meta": f" where {_NOT_OURS}", KEYS.name: " where action is not null"}.get(table.name, "")
    return f"select {', '.join(table.names)} from {table.name}{where}"
