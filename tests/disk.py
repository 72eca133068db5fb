"""Everything that can be read out of a data folder: each file's bytes as they lie, and every journalled body in them
unpacked, wherever it stands: in the tables, in free pages, in the write-ahead log.

Knows the form of a packed body and nothing else of the store, so that what the store has forgotten is found all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import zstandard

from twofold.store.bodies import NEWEST, dictionary

MAGIC = b"\x28\xb5\x2f\xfd"


def readable(folder: Path) -> dict[str, bytes]:
    """File name to its bytes, followed by what the packed bodies in it say."""
    return {
        str(path.relative_to(folder)): unpacked(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def unpacked(raw: bytes) -> bytes:
    """Some bytes, followed by every packed body in them."""
    return b"\n".join((raw, *bodies_in(raw)))


def bodies_in(raw: bytes) -> Iterator[bytes]:
    """Every packed body in some bytes. One that lies over several pages of a file is cut off by the next page."""
    at = -1
    while (at := raw.find(MAGIC, at + 1)) > 0:
        if 1 <= raw[at - 1] <= NEWEST:
            words = zstandard.ZstdCompressionDict(dictionary(raw[at - 1]))
            reader = zstandard.ZstdDecompressor(dict_data=words).decompressobj()
            try:
                yield reader.decompress(raw[at : at + 1_000_000])
            except zstandard.ZstdError:
                continue
