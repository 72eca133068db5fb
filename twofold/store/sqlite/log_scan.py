"""Whether the engine's write-ahead log lost committed transactions, told by the log itself before anybody writes to it.

Owns the reading of the log's frames. The engine stops at the first frame that does not fit, in silence, as if the rest
had never been written. But with a full flush a transaction's first frame is written only after the one before it is on
disk: frames of a further transaction behind a broken one prove that what broke had been committed.

Format: https://www.sqlite.org/fileformat2.html#walformat (sections 4.1 to 4.4), read November 2026.
"""

from __future__ import annotations

import struct
from pathlib import Path

import apsw

_HEAD = 32
_FRAME = 24
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # which way round the checksums read the words


def lost_in_log(database: Path) -> str | None:
    """What is wrong with the log beside ``database``, or None. Only while no process has the folder open."""
    log = database.with_name(database.name + "-wal")
    try:
        size = log.stat().st_size
        if size <= _HEAD:
            return None
        with log.open("rb") as file:
            head = file.read(_HEAD)
            order = _MAGIC.get(int.from_bytes(head[:4], "big"))
            if order is None or _checksum(head[:24], order) != struct.unpack(">II", head[24:]):
                return "the head of the write-ahead log is not what was written, so none of it can be read"
            step = _FRAME + int.from_bytes(head[8:12], "big")
            frames = (size - _HEAD) // step
            good = _readable_frames(database)
            ended = proof = 0  # a transaction ended behind the last readable frame; the last frame written after it
            for frame in range(good + 1, frames + 1):
                file.seek(_HEAD + (frame - 1) * step)
                facts = file.read(_FRAME)
                if facts[8:16] == head[16:24]:  # else it is left over from before the log began anew
                    proof = frame if ended else 0
                    ended = ended or facts[4:8] != b"\0\0\0\0"
            if proof:
                return (
                    f"frame {good + 1} of the write-ahead log is not what was written, and of the frames behind it, "
                    f"up to {proof}, transactions had been committed"
                )
    except FileNotFoundError:
        return None  # closed in order, or moved into the database by somebody else
    except (OSError, apsw.Error) as err:
        return f"the write-ahead log cannot be read: {err}"
    return None


def _readable_frames(database: Path) -> int:
    """Up to which frame the engine itself reads the log. A reader alters neither the database nor the log."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(5_000)
        db.execute("select count(*) from sqlite_schema").fetchall()
        ((_busy, frames, _moved),) = db.execute("pragma wal_checkpoint(noop)").fetchall()
        return int(str(frames))
    finally:
        db.close()


def _checksum(data: bytes, order: str) -> tuple[int, int]:
    one = two = 0
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for a, b in zip(words[::2], words[1::2], strict=True):
        one = (one + a + two) & 0xFFFFFFFF
        two = (two + b + one) & 0xFFFFFFFF
    return one, two
