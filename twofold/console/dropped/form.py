"""A form with a file, as it comes off the wire: fields first, then the file's bytes, handed on as they arrive.

Owns that one form (multipart/form-data): at most so many fields, each short, and one file, which is never whole in this
module's memory and never on a disk. Anything else is `Malformed`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from email.message import Message

MOST_FIELDS, MOST_FIELD, MOST_HEAD = 20, 2_000, 4_000
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")


class Malformed(ValueError):
    """Not a form of ours."""


class TooLarge(ValueError):
    """The file has more bytes than are taken."""


class Upload:
    """Reads one form. ``ready`` is asked once, with the fields, before the first byte of the file: it gives where the bytes go."""

    def __init__(
        self, content_type: str, ready: Callable[[dict[str, str], str], Callable[[bytes], None]], most: int
    ) -> None:
        told = Message()
        told["content-type"] = content_type
        boundary = told.get_param("boundary", "")
        if (
            told.get_content_type() != "multipart/form-data"
            or not isinstance(boundary, str)
            or not _BOUNDARY.fullmatch(boundary)
        ):
            raise Malformed
        self._mark = b"\r\n--" + boundary.encode()
        self._ready, self._most = ready, most
        self._buffer = b"\r\n"  # so that the first mark is like the others
        self.fields: dict[str, str] = {}
        self.size = 0

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """The whole form. Raises `Malformed` and `TooLarge`."""
        parts = self._parts(chunks)
        if not await self._until(parts, self._mark, MOST_HEAD, None):
            raise Malformed
        while await self._more(parts):
            name, file_name = self._head(await self._text(parts, b"\r\n\r\n", MOST_HEAD))
            if file_name is None:
                if len(self.fields) >= MOST_FIELDS:
                    raise Malformed
                self.fields[name] = await self._text(parts, self._mark, MOST_FIELD)
                continue
            put = self._ready(self.fields, file_name)
            await self._until(parts, self._mark, None, put)
            return  # what comes behind the file is nobody's
        raise Malformed

    async def _parts(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            if chunk:
                yield chunk

    async def _more(self, parts: AsyncIterator[bytes]) -> bool:
        """Behind a mark: a further part, or the end of the form."""
        while len(self._buffer) < 2:
            self._buffer += await self._next(parts)
        sign, self._buffer = self._buffer[:2], self._buffer[2:]
        if sign == b"--":
            return False
        if sign != b"\r\n":
            raise Malformed
        return True

    async def _text(self, parts: AsyncIterator[bytes], end: bytes, most: int) -> str:
        found: list[bytes] = []
        if end == b"\r\n\r\n":
            self._buffer = b"\r\n" + self._buffer  # a part without a header begins with its end
        await self._until(parts, end, most, found.append)
        try:
            return b"".join(found).decode("utf-8").removeprefix("\r\n" if end == b"\r\n\r\n" else "")
        except UnicodeDecodeError:
            raise Malformed from None

    async def _until(
        self, parts: AsyncIterator[bytes], end: bytes, most: int | None, put: Callable[[bytes], None] | None
    ) -> bool:
        """Hands on what stands before ``end``, and leaves what is behind it. ``most`` None: it is the file."""
        seen = 0
        while True:
            at = self._buffer.find(end)
            part = self._buffer[: at if at >= 0 else max(0, len(self._buffer) - len(end) + 1)]
            seen += len(part)
            if most is None and seen > self._most:
                raise TooLarge
            if most is not None and seen > most:
                raise Malformed
            if part and put is not None:
                put(part)
            if at >= 0:
                self._buffer = self._buffer[at + len(end) :]
                self.size = seen
                return True
            self._buffer = self._buffer[len(part) :]
            self._buffer += await self._next(parts)

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes:
        try:
            return await anext(parts)
        except StopAsyncIteration:
            raise Malformed from None

    def _head(self, text: str) -> tuple[str, str | None]:
        """The field's name, and of a file its own."""
        told = Message()
        for line in text.split("\r\n"):
            name, colon, value = line.partition(":")
            if colon and name.strip().lower() == "content-disposition":
                told["content-disposition"] = value.strip()
        field = told.get_param("name", "", "content-disposition")
        if told.get_content_disposition() != "form-data" or not isinstance(field, str) or not field:
            raise Malformed
        file_name = told.get_filename()
        return field, file_name
