"""How the database server is doing, as far as this store depends on it: what holds up its vacuum, and what its commits wait for.

Owns the questions and what is wrong with the answers, each said with who has to act. When it is asked, and where it is shown, is
`report`'s. Never asked on the gateway's loop, nor on its connection.
"""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import Connection

from twofold.store.postgres.connection import SCHEMA, connect
from twofold.store.postgres.faults import translated

OLD_S = 900.0
"""A question of a report may take so long; whatever stands longer in a transaction was forgotten, or is a very long walk."""
BEHIND_BYTES = 256 << 20
"""So far behind a standby takes minutes to catch up with, and what was not flushed there a failover loses."""
HELD_TIMES, HELD_ROWS = 4, 10_000
"""Dead rows are held up when there are so many times those at which the server vacuums a table, and so many at least."""

_ACTIVITY = """select
    coalesce(max(extract(epoch from clock_timestamp() - query_start)) filter (where wait_event = 'SyncRep'), 0)::float8,
    count(*) filter (where wait_event = 'SyncRep'),
    count(*) filter (where backend_type is null)
    from pg_stat_activity where datname = current_database()"""
_OLDEST = """select extract(epoch from clock_timestamp() - xact_start)::float8, pid, state, application_name
    from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
    and xact_start is not null order by xact_start limit 1"""
_PREPARED = """select coalesce(max(extract(epoch from clock_timestamp() - prepared)), 0)::float8, min(gid)
    from pg_prepared_xacts where database = current_database()"""
_DEAD = """select s.relname, n_dead_tup,
    coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold')::float8)
    + coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::float8) * n_live_tup
    from pg_stat_user_tables as s join pg_class as c on c.oid = s.relid, lateral (
        select max(option_value::float8) filter (where option_name = 'autovacuum_vacuum_threshold') as threshold,
               max(option_value::float8) filter (where option_name = 'autovacuum_vacuum_scale_factor') as scale
        from pg_options_to_table(c.reloptions)) as o
    where schemaname = $1 order by n_dead_tup desc"""
_STANDBYS = """select coalesce(application_name, ''), state, sync_state,
    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0)::bigint from pg_stat_replication order by 1"""
_SETTINGS = "select current_setting('synchronous_standby_names'), current_setting('autovacuum')"
_HOW_MANY = re.compile(r"(?i)^\s*(?:any|first)?\s*(\d+)\s*\(")


def vitals(address: str) -> dict[str, Any]:
    """What `/health` shows as ``database``; ``problems`` is empty while all is well. Raises `StoreAway` where it cannot be asked."""
    db = connect(address, writes=False)
    try:
        found = {**_sessions(db), **_dead_rows(db), **_standbys(db)}
    except psycopg.Error as err:
        raise translated(err) from None
    finally:
        db.close()
    return found | {"problems": [*_of_transactions(found), *_of_standbys(found)]}


def _sessions(db: Connection[Any]) -> dict[str, Any]:
    waited_s, waiting, hidden = db.execute(_ACTIVITY).fetchall()[0]
    age_s, pid, state, program = (db.execute(_OLDEST).fetchall() or [(0.0, None, "", "")])[0]
    prepared_s, gid = db.execute(_PREPARED).fetchall()[0]
    return {
        "oldest_transaction": {"age_s": round(age_s, 1), "pid": pid, "state": state, "program": program},
        "oldest_prepared": {"age_s": round(prepared_s, 1), "name": gid or ""},
        "commits_waiting": {"count": waiting, "longest_s": round(waited_s, 1)},
        "sessions_hidden": hidden,
    }


def _dead_rows(db: Connection[Any]) -> dict[str, Any]:
    rows = db.execute(_DEAD, (SCHEMA,)).fetchall()
    held = {table: dead for table, dead, due in rows if dead > max(HELD_ROWS, HELD_TIMES * due)}
    most = {table: dead for table, dead, _ in rows[:3] if dead}
    return {"dead_rows": {"count": sum(dead for _, dead, _ in rows), "most": most, "held_up": held}}


def _standbys(db: Connection[Any]) -> dict[str, Any]:
    names, autovacuum = db.execute(_SETTINGS).fetchall()[0]
    found = [
        {"name": name, "state": state or "hidden", "sync": sync or "hidden", "behind_bytes": behind}
        for name, state, sync, behind in db.execute(_STANDBYS).fetchall()
    ]
    many = _HOW_MANY.match(names)
    return {
        "commits_wait_for": {"standbys": names, "needed": int(many[1]) if many else int(bool(names.strip()))},
        "standbys": found,
        "autovacuum": autovacuum == "on",
    }


def _of_transactions(found: dict[str, Any]) -> list[str]:
    oldest, prepared, held = found["oldest_transaction"], found["oldest_prepared"], found["dead_rows"]["held_up"]
    said = []
    if oldest["age_s"] > OLD_S:
        said.append(
            f"session {oldest['pid']} ({oldest['program'] or 'no name'}, {oldest['state']}) has been in one transaction for "
            f"{oldest['age_s']:,.0f} s, and what was deleted since cannot go: end it where it runs, or on the server "
            f"with select pg_terminate_backend({oldest['pid']})"
        )
    if prepared["age_s"] > OLD_S:
        said.append(
            f"the transaction {prepared['name']} was prepared {prepared['age_s']:,.0f} s ago and left: whoever runs the server has to "
            "commit prepared or rollback prepared it"
        )
    if not found["autovacuum"]:
        said.append("autovacuum is off on the server: whoever runs it has to turn it on, or deleted rows pile up")
    if held:
        tables = ", ".join(f"{table} {dead:,}" for table, dead in held.items())
        said.append(
            f"deleted rows are not taken away ({tables}): end the oldest transaction, look for a replication slot that nobody "
            "reads, and let the server vacuum"
        )
    return said


def _of_standbys(found: dict[str, Any]) -> list[str]:
    needed, standbys = found["commits_wait_for"]["needed"], found["standbys"]
    there = [s for s in standbys if s["sync"] in ("sync", "quorum", "hidden") and s["state"] in ("streaming", "hidden")]
    said = []
    if len(there) < needed:
        said.append(
            f"commits wait for {needed} of the standbys {found['commits_wait_for']['standbys']}, and {len(there)} follow: nothing is "
            "accepted until whoever runs the server starts the standby, or takes it out of synchronous_standby_names"
        )
    said += [
        f"the standby {s['name']} is {s['behind_bytes'] / (1 << 20):,.0f} MB behind: whoever runs it has to look at its disk and network"
        for s in standbys
        if s["behind_bytes"] > BEHIND_BYTES
    ]
    return said
