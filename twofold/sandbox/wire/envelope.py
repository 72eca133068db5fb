"""Bytes of a request to the fields of the Graph envelope: JSON, form and multipart, gzip, doubly encoded data.

Owns the encodings and the places a token may stand in. Says nothing about what an event must hold (`rules`).
Source: Meta for Developers, "Using the API", and recorded requests of both official SDKs, read September 2026.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from twofold.sandbox.wire.answers import RefusalKind, Refused

MAX_BODY_BYTES = 32 << 20  # ours, after decompression; Meta's limit was not found
MAX_FIELDS = 2_000

_decode = msgspec.json.Decoder(float_hook=Decimal).decode  # money stays the text that was sent


class Envelope(Struct, frozen=True, kw_only=True):
    """The top-level fields of one request, nulls already absent. ``data`` is whatever the sender wrote."""

    data: Any = None
    token: str | None = None
    proof: str | None = None
    test_event_code: str | None = None
    partner_agent: str | None = None


class _Inflater(Protocol):
    """What zlib's decompressors can do; their own class has no public name."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


async def read_body(chunks: AsyncIterator[bytes], headers: Mapping[str, str]) -> bytes:
    """The whole body, decompressed. Raises `Refused` when it is too large or not what it says it is."""
    inflate = _inflater(headers.get("content-encoding", ""))
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        part = _inflated(inflate, chunk, MAX_BODY_BYTES + 1 - size) if inflate else chunk
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise Refused(RefusalKind.TOO_LARGE, f"expected at most {MAX_BODY_BYTES} bytes after decompression")
        parts.append(part)
    if inflate and size and not inflate.eof:
        raise Refused(RefusalKind.SYNTAX, "the compressed body ends too early")
    return b"".join(parts)


async def read_fields(body: bytes, headers: Mapping[str, str], query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """All top-level fields; the body's win over the query's. A null is an absent field."""
    fields: dict[str, Any] = dict(query)
    fields.update(await _body_fields(body, headers.get("content-type", "")))
    return {name: value for name, value in fields.items() if value is not None}


async def read_form(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """The pairs of a form body, urlencoded or multipart. Raises `Refused` on a broken one."""
    if content_type.lower().startswith("multipart/"):
        return await _multipart(body, content_type)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refused(RefusalKind.SYNTAX, "expected an urlencoded form in UTF-8") from None


def decode_json(text: str | bytes, where: str) -> Any:
    """JSON with exact numbers. Raises `Refused` naming ``where``; infinities, NaN and deep nesting are refused."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Refused(RefusalKind.SYNTAX, f"{where}: expected JSON in UTF-8") from None


def envelope_from(fields: Mapping[str, Any], authorization: str = "") -> Envelope:
    """Query and body fields come before the Authorization header when more than one carries a token."""
    bearer = authorization[7:].strip() if authorization[:7].lower() == "bearer " else None
    return Envelope(
        data=fields.get("data"),
        token=_text(fields.get("access_token")) or bearer,
        proof=_text(fields.get("appsecret_proof")),
        test_event_code=_text(fields.get("test_event_code")),
        partner_agent=_text(fields.get("partner_agent")),
    )


def events_from(data: Any) -> list[Any]:
    """The events of ``data``: a list, or its JSON text, of objects or of their JSON texts."""
    if data is None:
        raise Refused(RefusalKind.DATA_MISSING, blame=("data",))
    if isinstance(data, str):
        data = decode_json(data, "data") if data.strip() else []
    if not isinstance(data, list):
        raise Refused(RefusalKind.DATA_NOT_LIST, blame=("data",))
    if not data:
        raise Refused(RefusalKind.DATA_EMPTY, blame=("data",))
    return [decode_json(item, f"data[{n}]") if isinstance(item, str) else item for n, item in enumerate(data)]


async def _body_fields(body: bytes, content_type: str) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        # `curl -d '{...}'` labels JSON as a form; no form begins with a brace.
        if kind != "multipart/form-data" and body.lstrip()[:1] == b"{":
            return _json_fields(body)
        return dict(await read_form(body, content_type))
    return _json_fields(body) if body.strip() else {}


def _json_fields(body: bytes) -> dict[str, Any]:
    fields = decode_json(body, "body")
    if not isinstance(fields, dict):
        raise Refused(RefusalKind.SYNTAX, "body: expected a JSON object")
    return fields


async def _multipart(body: bytes, content_type: str) -> list[tuple[str, str]]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        Headers({"content-type": content_type}), whole(), max_fields=MAX_FIELDS, max_part_size=MAX_BODY_BYTES
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeError):
        raise Refused(RefusalKind.SYNTAX, "expected a multipart form") from None
    pairs = []
    try:
        for name, value in form.multi_items():
            # A file part is text as well: `curl -F data=@events.json`.
            pairs.append((name, value if isinstance(value, str) else (await value.read()).decode()))
    except UnicodeError:
        raise Refused(RefusalKind.SYNTAX, "expected multipart fields in UTF-8") from None
    finally:
        await form.close()
    return pairs


def _inflater(encoding: str) -> _Inflater | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "deflate":
            return zlib.decompressobj()
        case other:
            raise Refused(RefusalKind.SYNTAX, f"content-encoding: expected gzip or deflate, got {other[:20]!r}")


def _inflated(inflate: _Inflater, chunk: bytes, limit: int) -> bytes:
    try:
        return inflate.decompress(chunk, max(limit, 1))
    except zlib.error:
        raise Refused(RefusalKind.SYNTAX, "the body is not compressed as content-encoding says") from None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
