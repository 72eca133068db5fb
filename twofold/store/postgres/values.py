"""How values go to PostgreSQL and come back: whole numbers as bigint, texts as text, bytes as bytea, lists as arrays.

Owns the adapters of a connection and the arrays of `run_rows`. What the engine answers as a truth value or a sum comes back as
a whole number, as the embedded engine gives it. A text cannot hold the character NUL there: events have none, and in what is
kept of a refused body it becomes U+2400, its picture.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper, StrDumper

from twofold.store.engine import Digests, Numbers

NUL = "\u2400"
_BIGINT, _TEXT, _BYTEA = 20, 25, 17
_NAMES = {_BIGINT: "bigint", _TEXT: "text", _BYTEA: "bytea"}
_ARRAYS = {"bigint": 1016, "text": 1009, "bytea": 1001}
_NUMBER = struct.Struct(">iq")
_LENGTH = struct.Struct(">i")
_HEAD = struct.Struct(">iiIii")
_NULL = _LENGTH.pack(-1)


def name_of_type(oid: int) -> str:
    """Of a column that the store's tables may have."""
    return _NAMES[oid]


class Column:
    """The values of one column of many rows, in order."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: str, values: Sequence[Any]) -> None:
        self.kind = kind
        self.values = values


class _BoolDumper(Dumper):
    """Truth as a whole number: no column holds another."""

    format = Format.BINARY
    oid = _BIGINT

    def dump(self, obj: Any) -> Buffer | None:
        return int(obj).to_bytes(8, "big")


class _NumbersDumper(Dumper):
    format = Format.BINARY
    oid = _ARRAYS["bigint"]

    def dump(self, obj: Any) -> Buffer | None:
        return _array(_BIGINT, len(obj.ids), _numbers(obj.ids))


class _DigestsDumper(Dumper):
    format = Format.BINARY
    oid = _ARRAYS["bytea"]

    def dump(self, obj: Any) -> Buffer | None:
        return _array(_BYTEA, len(obj.keys), _bytes(obj.keys))


class _BigintColumn(Column):
    __slots__ = ()


class _TextColumn(Column):
    __slots__ = ()


class _ByteaColumn(Column):
    __slots__ = ()


_COLUMNS: dict[str, type[Column]] = {"bigint": _BigintColumn, "text": _TextColumn, "bytea": _ByteaColumn}


def column(kind: str, values: Sequence[Any]) -> Column:
    """Values of one type, which binds as an array of it."""
    return _COLUMNS[kind](kind, values)


def _column_dumper(kind: str, oid: int, items: Callable[[Sequence[Any]], bytes]) -> type[Dumper]:
    class _ColumnDumper(Dumper):
        format = Format.BINARY

        def dump(self, obj: Any) -> Buffer | None:
            return _array(oid, len(obj.values), items(obj.values))

    _ColumnDumper.oid = _ARRAYS[kind]
    return _ColumnDumper


def _array(oid: int, size: int, items: bytes) -> bytes:
    return (_HEAD.pack(1, 1, oid, size, 1) if size else _HEAD.pack(0, 0, oid, 0, 0)[:12]) + items


def _numbers(values: Sequence[Any]) -> bytes:
    return b"".join([_NULL if v is None else _NUMBER.pack(8, v) for v in values])


def _bytes(values: Sequence[Any]) -> bytes:
    return b"".join([_NULL if v is None else _LENGTH.pack(len(v)) + v for v in values])


def _texts(values: Sequence[Any]) -> bytes:
    return _bytes([None if v is None else (v.replace("\0", NUL) if "\0" in v else v).encode() for v in values])


class _TruthLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Any:
        return int(data != b"\0")


def _sum_loader(base: type[Loader]) -> type[Loader]:
    class _SumLoader(base):  # type: ignore[misc, valid-type]
        """A sum of whole numbers is one."""

        def load(self, data: Buffer) -> Any:
            found: Decimal = super().load(data)
            return int(found) if found == found.to_integral_value() else float(found)

    return _SumLoader


def adapt(db: Connection[Any]) -> None:
    """What this connection makes of values, both ways."""
    from psycopg.types.numeric import NumericBinaryLoader

    adapters = db.adapters
    adapters.register_dumper(bool, _BoolDumper)
    adapters.register_dumper(int, Int8BinaryDumper)  # the last one of a type is that of its bulk form, too
    adapters.register_dumper(str, StrDumper)
    adapters.register_dumper(bytes, BytesBinaryDumper)
    adapters.register_dumper(Numbers, _NumbersDumper)
    adapters.register_dumper(Digests, _DigestsDumper)
    for (kind, cls), oid, items in zip(
        _COLUMNS.items(), (_BIGINT, _TEXT, _BYTEA), (_numbers, _texts, _bytes), strict=True
    ):
        adapters.register_dumper(cls, _column_dumper(kind, oid, items))
    adapters.register_loader("bool", _TruthLoader)
    adapters.register_loader("numeric", _sum_loader(NumericBinaryLoader))
