"""How a journalled body lies on disk: compressed with a dictionary that ships with the program, a fifth of its size.

Owns the two forms and which is which. A body that begins with ``{`` is plain JSON, as version 0.2.0 wrote all of them; any
other begins with the number of its dictionary, then one frame of Zstandard with its magic number, so that whoever
searches a disk finds each frame, in free pages and logs too. Digests, searches and readers only ever see the plain form:
statements say ``plain_body(body)``, and the two places that write call `pack`.

One file a dictionary in `dictionaries`, kept as long as a folder can hold a body that needs it, which is always. It was
trained on invented events only (``python -m bench.dictionary``), so that nobody's data stands in the program.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from importlib import resources

from zstandard import (
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

NEWEST = 1
"""The dictionary that new bodies are packed with."""

_LEVEL = 1  # 3.3 us for a Purchase of 1,480 bytes; level 3 takes 5.3 for one byte in thirty less
_PLAIN = ord("{")
MAX_BODY = 64 << 20  # no body is as long; a frame that claims to be is damaged


class _Contexts(threading.local):
    """A thread's own: the library gives up the interpreter's lock while it works, and two at once would break one."""

    def __init__(self) -> None:
        self.pack = _compressor()
        self.unpack: dict[int, Callable[..., bytes]] = {}


def pack(body: bytes) -> bytes:
    """A plain body as it is written."""
    return _NUMBER + _contexts.pack(body)


def plain_body(body: bytes) -> bytes:
    """Any body as plain JSON. What cannot be read is given back as it is: whoever looks finds that it is not a body."""
    if not body or body[0] == _PLAIN:
        return body
    try:
        unpack = _contexts.unpack.get(body[0])
        if unpack is None:
            unpack = _contexts.unpack[body[0]] = _decompressor(body[0])
        return unpack(memoryview(body)[1:], max_output_size=MAX_BODY)
    except (ZstdError, FileNotFoundError):
        return bytes(body)


def body_reader() -> Callable[[bytes], bytes]:
    """`plain_body` for one thread that reads very many: a third faster."""
    unpack = _decompressor(NEWEST)

    def read(body: bytes) -> bytes:
        if body and body[0] == NEWEST:
            try:
                return unpack(body[1:], MAX_BODY)
            except ZstdError:
                return body
        return plain_body(body)

    return read


def _compressor() -> Callable[[bytes], bytes]:
    parameters = ZstdCompressionParameters.from_level(
        _LEVEL, write_content_size=True, write_checksum=False, write_dict_id=False
    )
    compress: Callable[[bytes], bytes] = ZstdCompressor(
        dict_data=_words(NEWEST), compression_params=parameters
    ).compress
    return compress


def _decompressor(number: int) -> Callable[..., bytes]:
    decompress: Callable[..., bytes] = ZstdDecompressor(dict_data=_words(number)).decompress
    return decompress


@cache
def _words(number: int) -> ZstdCompressionDict:
    words = ZstdCompressionDict(dictionary(number))
    if number == NEWEST:
        words.precompute_compress(level=_LEVEL)
    return words


def dictionary(number: int) -> bytes:
    """One dictionary's bytes. Raises `FileNotFoundError` for one that never was."""
    return resources.files("twofold.store").joinpath("dictionaries", f"{number}.zdict").read_bytes()


_NUMBER = bytes([NEWEST])
_contexts = _Contexts()
