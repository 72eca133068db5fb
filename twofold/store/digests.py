"""Digests over rows that a delivery or a figure rests on, so that an altered byte is found before it is sent or counted.

Owns what each covers, and the short digests themselves. A row that privacy has emptied in part has none any more: nothing is sent from it. Rows of the
journal have the chain instead (`journal`).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any
from zlib import crc32

SIZE = 8


def frozen_digest(delivery: int, facts: tuple[Any, ...], payload: bytes | None) -> bytes:
    """Over what is sent of a delivery: id, time, action source, test code, and the bytes."""
    event_id, event_time, source, test_code = facts
    text = f"{delivery}\x1f{event_id}\x1f{event_time}\x1f{source}\x1f{test_code}\0"
    return digest_8(text.encode() + (payload or b""))


def row_digest(*values: Any) -> bytes:
    """Over the facts of a row: an attempt, a settlement, a report about an order, an order's state."""
    return digest_8("\x1f".join(map(str, values)).encode())


def row_crc(*values: Any) -> int:
    """A check over a row that is written very often: four bytes on disk, and no flipped bit leaves it as it was.

    No value may be bytes: they are handed in as hexadecimal text.
    """
    check = crc32("\x1f".join(map(str, values)).encode("utf-8", "surrogatepass"))
    return (check ^ 0x8000_0000) - 0x8000_0000  # with a sign: half of them would take six bytes


# A copy of an empty digest costs two thirds of beginning anew, and each event takes half a dozen.
_empty_8, _empty_16 = blake2b(digest_size=SIZE).copy, blake2b(digest_size=16).copy


def digest_8(data: bytes) -> bytes:
    """8 bytes of BLAKE2b."""
    digest = _empty_8()
    digest.update(data)
    return digest.digest()


def digest_16(data: bytes) -> bytes:
    """16 bytes of BLAKE2b."""
    digest = _empty_16()
    digest.update(data)
    return digest.digest()
