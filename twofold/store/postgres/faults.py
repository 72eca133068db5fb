"""PostgreSQL's errors in the store's words, so that nobody above has to know the engine.

Owns that table. `StoreAway`: nothing of it is acknowledged, and it may be sent again; `StoreInTheWay`: and at once; `StoreFull`: there is no room;
`StoreFailed`: the server itself says that its data are damaged, or cannot be read. No message repeats what a statement held.
"""

from __future__ import annotations

import psycopg

from twofold.errors import RowFailed, StoreAway, StoreError, StoreFailed, StoreFull, StoreInTheWay

_FULL = {"53100"}
_IN_THE_WAY = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock
_AWAY = {"25006", "57014"}  # read only after a failover, cancelled
_AWAY_CLASSES = {"08", "53", "57"}  # connection, resources, the operator's intervention
_FAILED_CLASSES = {"58", "XX"}  # the system, damage
_ROW_CLASSES = {"22", "23"}
_REFUSALS = {
    "too many": "it has as many connections as it may; whoever runs it has to end some, or raise max_connections or the role's limit",
    "connection slots": "it has as many connections as it may; whoever runs it has to end some, or raise max_connections",
    "starting up": "it is starting, or recovers; it answers when it is done",
    "recovery": "it recovers; it answers when it is done",
    "shutting down": "it is being shut down",
    "authentication failed": "it refuses the password; expected the one of the role in [server] store",
    "no password supplied": "it asks for a password, and [server] store has none",
    "not permitted to log in": "the role may not log in; whoever runs it has to allow it",
    "permission denied for database": "the role may not use the database; whoever runs it has to grant CONNECT on it",
    "pg_hba.conf rejects": "a line of its pg_hba.conf turns this machine or role away; whoever runs it has to change that line",
    "no pg_hba.conf entry": "it lets nobody in from this machine; whoever runs it has to add a line to pg_hba.conf",
    "session is read-only": "only a standby answers; whoever runs it has to promote one, or to start the server that writes",
    "does not exist": "it has no such database or role",
    "not currently accepting connections": "the database takes no connections; whoever runs it has to allow them",
}
"""What a server says to one that it does not let in, by a part of its English words: such an error has no code."""


def refusal_of(said: str) -> str:
    """Why nobody is let in, and who has to act, in our own words: the server's could quote the address. Empty for what is not known."""
    return next((words for part, words in _REFUSALS.items() if part in said), "")


def translated(err: psycopg.Error) -> StoreError:
    """The engine's error in the store's words."""
    code = err.sqlstate or ""
    what = type(err).__name__
    if code in _FULL:
        return StoreFull("the disk of the database server is full")
    if code[:2] in _FAILED_CLASSES:
        return StoreFailed(f"the store failed: the database server says {what} ({code})")
    if code in _IN_THE_WAY:
        return StoreInTheWay(f"other processes wrote at the same moment ({code}); send again later")
    if code in _AWAY or code[:2] in _AWAY_CLASSES:
        return StoreAway(f"the database server says {what} ({code}); send again later")
    if code[:2] in _ROW_CLASSES:
        return RowFailed(f"internal: {what} ({code})")
    if not code and isinstance(err, (psycopg.OperationalError, psycopg.InterfaceError)):
        return StoreAway("the database server cannot be reached; send again later")
    if not code and isinstance(err, psycopg.DataError):
        return RowFailed(f"internal: {what}: a value that the engine has no place for")
    return StoreError(f"internal: {what} ({code or 'no code'})")
