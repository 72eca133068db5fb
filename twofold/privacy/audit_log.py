"""What was shared with whom, when, with which keys and on which consent; and the chained log of acts on people's data.

Owns the log (`audit`) and the question. What was shared is read from the outbox's own rows (frozen, attempt, delivery),
so nothing is written twice on the way of an event; a seal over the attempts of the last minutes is put into the log by a
job, and `verify` holds the rows against it. Sent bytes expire earlier than this trail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from twofold.store.engine import Database
from twofold.store.sqlite.statements import statement

GENESIS = b"\0" * 16
SEAL_ROWS = 2_000  # attempts under one seal at most


def audit_link(before: bytes, number: int, at: int, kind: str, facts: str) -> bytes:
    """The chain value of one row of the log: 16 bytes over the row before and this one's facts."""
    return blake2b(before + f"{number} {at} {kind} {facts}".encode(), digest_size=16).digest()


def append_audit(engine: Database, at: int, kind: str, facts: dict[str, Any]) -> tuple[int, bytes]:
    """Adds a row to the log; answers its number and chain value. ``facts`` hold no personal data."""
    rows = engine.run("last_audit")
    before_id, before = rows[0] if rows else (0, GENESIS)
    text = msgspec.json.encode(facts).decode()
    chain = audit_link(before, before_id + 1, at, kind, text)
    engine.run("insert_audit", (before_id + 1, at, kind, text, chain))
    return before_id + 1, chain


class Seal(Struct, frozen=True):
    """Facts of a row of kind ``shared``: attempts of these numbers, and the digest over what they say."""

    first: int
    last: int
    rows: int
    digest: str


def seal(engine: Database, now_ms: int) -> bool:
    """Seals what was tried since the last seal; True when there may be more. One transaction of the writer."""
    last = last_sealed(engine.db)
    top = engine.run("last_attempt")[0][0]
    if top <= last:
        return False
    upto = min(top, last + SEAL_ROWS)
    rows, digest = shared_digest(engine.db, last + 1, upto)
    facts = Seal(last + 1, upto, rows, digest)
    append_audit(engine, now_ms, "shared", msgspec.to_builtins(facts))
    return bool(upto < top)


def last_sealed(db: Any) -> int:
    """Number of the last attempt under a seal."""
    row = db.execute(statement("last_seal")).fetchone()
    return int(row[0]) if row else 0


def shared_digest(db: Any, first: int, last: int) -> tuple[int, str]:
    """How many attempts there are in a range, and a digest over what was shared in them."""
    digest, rows = blake2b(digest_size=16), 0
    for row in db.execute(statement("select_shared"), (first, last)):
        rows += 1
        digest.update("\x1f".join(map(str, row)).encode() + b"\x1e")
    return rows, digest.hexdigest()


def check_log(db: Any) -> Iterator[tuple[str, int, int, str]]:
    """(name, left, right, note) of what must be equal: the log follows, and the trail is as it was sealed."""
    before, rows, good, broken = GENESIS, 0, 0, ""
    sealed = intact = 0
    altered = ""
    horizon = trail_horizon(db)
    for number, at, kind, facts, chain in db.execute(statement("select_audit")):
        rows += 1
        if number == rows and audit_link(before, number, at, kind, facts) == chain:
            good += 1
        elif not broken:
            broken = f"the first entry that does not follow is {number}"
        before = chain
        if kind == "shared":
            wanted = msgspec.json.decode(facts, type=Seal)
            if wanted.last <= horizon:
                continue  # expired
            sealed += 1
            if shared_digest(db, wanted.first, wanted.last) == (wanted.rows, wanted.digest):
                intact += 1
            elif not altered:
                altered = f"attempts {wanted.first} to {wanted.last} are not what was sealed"
    yield "entries of the log follow each other unaltered", rows, good, broken
    yield "what was shared is as it was sealed", sealed, intact, altered


def trail_horizon(db: Any) -> int:
    """Number of the last attempt that retention has taken away."""
    row = db.execute(statement("select_progress"), ("trail",)).fetchone()
    return int(row[0]) if row else 0


def shared(db: Any, actions: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What was shared of these actions: one dict an attempt, oldest first. Shapes as ``twofold shared --json``."""
    names = (
        "action", "dataset", "event_name", "event_id", "order_id", "destination", "delivery", "state", "reason", "keys",
        "consent", "stitched", "marks", "event_time", "payload_bytes",
    )  # fmt: skip
    for action in actions:
        for row in db.execute(statement("list_shared"), (action,)).fetchall():
            found = dict(zip(names, row, strict=True))
            found["keys"] = _list(found["keys"])
            found["marks"] = _list(found["marks"])
            found["stitched"] = dict(p.partition("=")[::2] for p in _list(found["stitched"]))
            attempts = db.execute(statement("list_attempts"), (found["delivery"],)).fetchall()
            found["attempts"] = [
                dict(zip(("started_at", "ended_at", "outcome", "status", "code", "decision"), a, strict=True))
                for a in attempts
            ]
            yield found


def _list(text: str | None) -> list[str]:
    return [part for part in (text or "").split(",") if part]
