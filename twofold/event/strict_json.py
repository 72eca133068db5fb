"""JSON as an event may be written: exact numbers, bounded size, nothing that two readers would read differently.

Owns one function for every door (CAPI, tag, webhooks). The common body is decoded once, in C; the exact but
slow check runs only when a cheap look at the bytes says that something might be wrong.
"""

from __future__ import annotations

import re
from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any

import msgspec

from twofold.event.refusal import DropReason, Refusal, describe

MAX_DEPTH = 20
MAX_KEYS = 500  # in one event; a body may hold MAX_KEYS for each of its events
MAX_STRING = 8_192  # characters
MAX_DIGITS = 20  # of one number

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_SPACED_COLON = re.compile(rb'"\s+:')
_LONG_NUMBER = re.compile(rb"(?:^|[\[:,\s])-?[0-9.]{21}|[eE][+-]?[0-9]{3}")


def read_json(body: bytes | str, *, events: int = 1) -> Any:
    """The decoded value with integers exact and every other number a Decimal, or a `Refusal`.

    ``events`` is how many events the body may hold; limits on depth and keys grow with it where they must.
    """
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    try:
        tree = _decode(data)
    except RecursionError:
        return Refusal(reason=DropReason.TOO_DEEP, expected=f"at most {MAX_DEPTH} levels", got="far deeper nesting")
    except UnicodeDecodeError as err:
        return Refusal(reason=DropReason.SYNTAX, expected="JSON in UTF-8", got=f"another byte at {err.start}")
    except (msgspec.DecodeError, ArithmeticError) as err:
        return Refusal(reason=DropReason.SYNTAX, expected="JSON", got=_safe(str(err)))
    if not _looks_plain(data, tree):
        return _checked(data, tree, MAX_KEYS * events)
    return tree


def _looks_plain(data: bytes, tree: Any) -> bool:
    """True when depth, sizes and unique keys are certain without walking the values.

    Each key is followed by a colon. Without white space before any colon, the count of ``":`` equals the keys
    in the text plus quotes escaped before a colon; it can equal the keys decoded only if none was repeated.
    """
    return (
        data.count(b'":') == _count_keys(tree)
        and _SPACED_COLON.search(data) is None
        and (data.count(b"{") + data.count(b"[") <= MAX_DEPTH or _depth(tree) <= MAX_DEPTH)
        and (len(data) <= MAX_STRING or _strings_fit(data))
        and b"\\u0000" not in data
        and _LONG_NUMBER.search(data) is None
    )


def _strings_fit(data: bytes) -> bool:
    return b'\\"' not in data and max(map(len, data.split(b'"'))) <= MAX_STRING


def _depth(value: Any) -> int:
    below = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(v) for v in below if isinstance(v, dict | list)), default=0)


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_keys(v) for v in value.values() if isinstance(v, dict | list))
    return sum(_count_keys(v) for v in value if isinstance(v, dict | list)) if isinstance(value, list) else 0


def _checked(data: bytes, tree: Any, max_keys: int) -> Any:
    """The exact check: walks everything. A refusal names the path."""
    left = [max_keys]
    refusal = _walk(tree, "", 1, left)
    if refusal is None and (_SPACED_COLON.search(data) or data.count(b'":') != _count_keys(tree)):
        refusal = _repeated_key(data)
    return refusal or tree


def _walk(value: Any, path: str, depth: int, left: list[int]) -> Refusal | None:
    match value:
        case str():
            return _check_text(value, path)
        case bool() | None:
            return None
        case int():
            return None if -(10**MAX_DIGITS) < value < 10**MAX_DIGITS else _long_number(path)
        case Decimal():
            digits, exponent = len(value.as_tuple().digits), value.as_tuple().exponent
            fits = isinstance(exponent, int) and digits <= MAX_DIGITS and -MAX_DIGITS <= exponent <= MAX_DIGITS
            return None if fits else _long_number(path)
    if depth > MAX_DEPTH:
        return Refusal(reason=DropReason.TOO_DEEP, path=path, expected=f"at most {MAX_DEPTH} levels", got="more")
    pairs = value.items() if isinstance(value, dict) else ((f"[{n}]", v) for n, v in enumerate(value))
    for key, item in pairs:
        if isinstance(value, dict):
            left[0] -= 1
            if left[0] < 0:
                return Refusal(reason=DropReason.TOO_MANY, path=path, expected=f"at most {MAX_KEYS} keys", got="more")
            if len(key) > 256 or _check_text(key, path) is not None:
                return Refusal(
                    reason=DropReason.BAD_TEXT, path=path, expected="keys of 256 plain characters", got="other"
                )
        below = f"{path}{key}" if key.startswith("[") else f"{path}.{key}" if path else key
        refusal = _walk(item, below, depth + 1, left)
        if refusal is not None:
            return refusal
    return None


def _check_text(text: str, path: str) -> Refusal | None:
    if len(text) > MAX_STRING:
        return Refusal(
            reason=DropReason.TOO_LARGE, path=path, expected=f"at most {MAX_STRING} characters", got=describe(text)
        )
    if "\0" in text:
        return Refusal(reason=DropReason.BAD_TEXT, path=path, expected="text without NUL", got=describe(text))
    return None


def _long_number(path: str) -> Refusal:
    return Refusal(
        reason=DropReason.TOO_LARGE, path=path, expected=f"a number of at most {MAX_DIGITS} digits", got="a longer one"
    )


def _repeated_key(data: bytes) -> Refusal | None:
    class Repeated(Exception):
        pass

    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len({k for k, _ in pairs}) != len(pairs):
            raise Repeated

    try:
        JSONDecoder(object_pairs_hook=unique).decode(data.decode())
    except Repeated:
        return Refusal(reason=DropReason.DUPLICATE_KEY, expected="each key once in an object", got="one key twice")
    except (JSONDecodeError, ValueError, RecursionError):
        return None  # the first reader understood it; its verdict on syntax stands
    return None


def _safe(text: str) -> str:
    """A reader's message without anything quoted from the body."""
    return re.sub(r"'[^']*'", "…", text)[:120]
