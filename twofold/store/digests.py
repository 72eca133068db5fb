"""Digests over rows that a delivery or a figure rests on, so that an altered byte is found before it is sent or counted.

Owns what each covers. A row that privacy has emptied in part has none any more: nothing is sent from it. Rows of the
journal have the chain instead (`journal`).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

SIZE = 8


def frozen_digest(delivery: int, facts: tuple[Any, ...], payload: bytes | None) -> bytes:
    """Over what is sent of a delivery: id, time, action source, test code, and the bytes."""
    event_id, event_time, source, test_code = facts
    text = f"{delivery}\x1f{event_id}\x1f{event_time}\x1f{source}\x1f{test_code}\0"
    digest = blake2b(text.encode(), digest_size=SIZE)
    digest.update(payload or b"")
    return digest.digest()


def row_digest(*values: Any) -> bytes:
    """Over the facts of a row: an attempt, a settlement, a report about an order, an order's state."""
    return blake2b("\x1f".join(map(str, values)).encode(), digest_size=SIZE).digest()
