"""The file `proved`: up to which position the journal was walked without a fault, so that a long one is not walked anew.

Owns the file and when it may be relied on: its own digest holds, the row at that position has the chain value it had then,
the journal is long enough for it to matter, and the walk over what it stands for is not too long ago. Otherwise everything
is walked. It holds no data of anybody.
"""

from __future__ import annotations

import contextlib
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from twofold.errors import StoreError
from twofold.store.beside.durable_file import write_whole

FILE = "proved"
WORTH_ROWS = 500_000
"""Shorter journals are walked as a whole every time: a few seconds."""
GOOD_FOR_MS = 7 * 86_400_000
"""How long a walk is relied on: what lies still can be altered, too."""


class Proof(msgspec.Struct, frozen=True):
    """All rows up to ``position`` followed each other at ``at`` or, beyond an earlier proof, later; none is zero."""

    position: int = 0
    chain: str = ""
    verdicts: dict[str, int] = {}
    at: int = 0  # ms; of the oldest walk in it

    def note(self) -> str:
        return f"positions 1 to {self.position} were walked before; --full walks them again" if self.position else ""


class _File(msgspec.Struct, frozen=True):
    proof: Proof
    digest: str


def read_proof(folder: Path, db: Any, now_ms: int) -> Proof | None:
    """What may be relied on of the last walk; None: everything is to be walked."""
    try:
        kept = msgspec.json.decode((folder / FILE).read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError):
        return None
    proof = kept.proof
    if kept.digest != _digest(proof) or proof.position < WORTH_ROWS or not 0 <= now_ms - proof.at <= GOOD_FOR_MS:
        return None
    row = db.execute("select chain from event where position = ?", (proof.position,)).fetchone()
    return proof if row is not None and row[0].hex() == proof.chain else None


def keep_proof(folder: Path, proof: Proof) -> None:
    """For the next time. A folder that cannot be written is walked as a whole again; nothing is lost by it."""
    if proof.position < WORTH_ROWS:
        return
    with contextlib.suppress(StoreError):
        write_whole(folder / FILE, msgspec.json.encode(_File(proof, _digest(proof))))


def _digest(proof: Proof) -> str:
    return blake2b(msgspec.json.encode(proof, order="sorted"), digest_size=16).hexdigest()
