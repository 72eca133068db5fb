"""Rows that were deleted or written over, which PostgreSQL keeps until nobody's snapshot can show them: when they go.

Owns the vacuum at an erasure's end, and how often the server does it by itself. Of a table that only grows the server waits for a
fifth of all its rows: by then bytes whose days are over have lain there for months, and claims go past as many dead entries.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg import Connection

from twofold.store.postgres.connection import SCHEMA, connect
from twofold.store.postgres.faults import translated

PATIENCE_S = 2.0
"""How long is waited for those who read or write just now; a report's snapshot may stand for minutes."""
_LOOK_AGAIN_S = 0.05

_NEXT = "select pg_snapshot_xmax(pg_current_snapshot())::text"
_HELD = """select 1 from (
    select backend_xmin as oldest from pg_stat_activity
    where pid <> pg_backend_pid() and (datname = current_database() or datname is null)
    union all select xmin from pg_replication_slots
    union all select transaction from pg_prepared_xacts where database = current_database()) as held
where age(oldest) > age($1::text::xid) limit 1"""
"""Whether anybody may still see what was there before a transaction's number: sessions, standbys that say what they read, slots,
and transactions that were prepared and left."""


def vacuumed(address: str) -> bool:
    """What was deleted is no row any more, of no table; False while somebody's snapshot is older, so that the server would have to
    leave it. Its bytes are written over when their place is taken anew, and leave the server's log when that is recycled: that is
    the server's."""
    db = connect(address, writes=True)
    try:
        if not _nobody_sees(db):
            return False
        db.execute("set statement_timeout = 0")
        tables = [name for (name,) in db.execute("select tablename from pg_tables where schemaname = $1", (SCHEMA,))]
        db.execute(f"vacuum {', '.join(sorted(tables))}", prepare=False)
        return True
    except psycopg.Error as err:
        raise translated(err) from None
    finally:
        db.close()


def _nobody_sees(db: Connection[Any]) -> bool:
    """True once all who began before now have ended, within `PATIENCE_S`."""
    before = db.execute(_NEXT).fetchone()
    until = time.monotonic() + PATIENCE_S
    while db.execute(_HELD, before).fetchone() is not None:
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return True
