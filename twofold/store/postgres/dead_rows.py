"""Rows that were deleted or written over, which PostgreSQL keeps until nobody's snapshot can show them: when they go.

Owns the vacuum at an erasure's end, and how often the server does it by itself. Of a table that only grows the server waits for a
fifth of all its rows: by then bytes whose days are over have lain there for months, and claims go past as many dead entries.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg
from psycopg import Connection, errors

from twofold.store.postgres.connection import SCHEMA, connect
from twofold.store.postgres.faults import translated

log = logging.getLogger("twofold.store")

GROWING = ("action", "attempt", "delivery", "event", "frozen")
"""Tables that keep a row for everything there ever was, and write over it later: a claim, a settlement, retention."""
_OFTEN = "autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_threshold = 1000"
"""At one row in two hundred: of a store of a year every second day, and not after ten weeks."""
_UNSET = "select relname from pg_class where relnamespace = $1::regnamespace and relname = any($2) and reloptions is null order by 1"

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


def set_pace(db: Connection[Any]) -> None:
    """How often the server vacuums the tables that only grow, by itself. What an operator has set for one of them stays; one that is
    vacuumed just now, or is another role's, is left for the next start."""
    for (table,) in db.execute(_UNSET, (SCHEMA, list(GROWING))).fetchall():
        try:
            with db.transaction():
                db.execute("set local lock_timeout = '1s'")
                db.execute(f"alter table {SCHEMA}.{table} set ({_OFTEN})", prepare=False)
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.InsufficientPrivilege):
            log.info("how often the table %s is vacuumed is set at the next start", table)


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
