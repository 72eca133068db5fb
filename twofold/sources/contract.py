"""What a source is: a value that checks a webhook's signature and reads its body into one raw event.

Owns the shapes and the strict JSON reading that every source shares. Knows no shop system, no HTTP and no
configuration; the collector calls ``signed`` first and ``read`` only when it said yes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal, describe


class SourceEvent(Struct, frozen=True, kw_only=True):
    """One copy of an action as the shop reported it. Contact data is still plain; the steps hash it."""

    raw: RawEvent
    sender: str  # which software made the copy, e.g. "shopify"
    order_id: str  # the shop's own order number, for the collector's rows; also in ``raw.custom_data``


class Ignored(Struct, frozen=True, kw_only=True):
    """A well-formed webhook that stands for no purchase: answered with success, kept as a row with the reason.

    ``reason`` is one short sentence without personal data.
    """

    reason: str
    order_id: str | None = None


class Source(Struct, frozen=True, kw_only=True):
    """A shop system. Both functions are pure and raise for no input.

    ``signed(body, headers, secrets)``: the raw body bytes as received, headers by lower-case name, and every
    secret that is valid now (two while one is being rotated); an empty secret never fits.
    ``read(body, headers, shop=, now_ms=)``: ``shop`` is the configured shop name, ``now_ms`` Unix milliseconds.
    Headers other than the signature are not signed, so what they say may only make a copy be left out.
    """

    name: str
    signed: Callable[[bytes, Mapping[str, str], Sequence[str]], bool]
    read: Callable[..., SourceEvent | Refusal | Ignored]


def read_json_object(body: bytes) -> dict[str, Any] | Refusal:
    """A JSON object with numbers kept exact (int, Decimal), or why it is none.

    Stricter than the standard reader: UTF-8 only, no NaN or Infinity, no byte order mark, no lone surrogate,
    and no key twice in one object, because two readers would disagree about its value.
    """
    try:
        tree = _VALUES.decode(body)
        _refuse_repeated_keys(body)
    except RecursionError:
        return Refusal(reason=DropReason.TOO_DEEP, expected="JSON of ordinary depth", got="far deeper nesting")
    except _RepeatedKey:
        return Refusal(reason=DropReason.DUPLICATE_KEY, expected="each key once in an object", got="a key twice")
    except (ValueError, ArithmeticError):
        return Refusal(reason=DropReason.SYNTAX, expected="a JSON object in UTF-8", got=f"{len(body)} bytes of other")
    if not isinstance(tree, dict):
        return Refusal(reason=DropReason.WRONG_TYPE, expected="a JSON object", got=describe(tree))
    return tree


class _RepeatedKey(Exception):
    """Raised inside the reader only."""


def _unique(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedKey


def _discard(_: str) -> None:
    """Numbers were already read; converting them again could only fail on absurd lengths."""


_VALUES = msgspec.json.Decoder(float_hook=Decimal)
# The fast reader keeps the last of two equal keys without a word; this second pass looks at the keys alone.
_KEYS = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_discard, parse_float=_discard)


def _refuse_repeated_keys(body: bytes) -> None:
    _KEYS.decode(body.decode("utf-8"))
