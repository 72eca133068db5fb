"""JSON as an event may be written: exact numbers, bounded size, nothing that two readers would read differently.

Owns one function for every door (CAPI, tag, webhooks). The common body is decoded once, in C; the exact but
slow check runs only when a cheap look at the bytes says that something might be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any

import msgspec

from twofold.event.mending import MAX_STRING, Mender, mend_json
from twofold.event.refusal import DropReason, Refusal, describe, describe_key

MAX_DEPTH = 20
MAX_KEYS = 500  # in one event; a body may hold MAX_KEYS for each of its events
MAX_DIGITS = 20  # of one number

_SPACED_COLON = re.compile(rb'"\s+:')
_TOO_LONG = 10**MAX_DIGITS
# A quote that the encoder would write in another way, and NUL, which no text may hold.
_TOLD_OTHERWISE = re.compile(rb"\\u00(?:00|22)")


class _LongNumber(Exception):
    """Raised inside the decoder only, which would take a ValueError for a fault of its own."""


class _LongText(str):
    """The digits of a number that is none here."""

    __slots__ = ()


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    if not -MAX_DIGITS <= number.adjusted() <= MAX_DIGITS:
        raise _LongNumber
    # PHP may be set to write every digit that a float has: what is behind the twentieth says nothing.
    return number if len(text) <= MAX_DIGITS else _MOST_DIGITS.plus(number)


def _exact_or_text(text: str) -> Decimal | _LongText:
    try:
        return _exact(text)
    except (_LongNumber, ArithmeticError):
        return _LongText(text)


_MOST_DIGITS = Context(prec=MAX_DIGITS)
_decode = msgspec.json.Decoder(float_hook=_exact).decode
_decode_long = msgspec.json.Decoder(float_hook=_exact_or_text).decode


def read_json(body: bytes | str, *, events: int = 1, max_string: int = MAX_STRING, mender: Mender | None = None) -> Any:
    """The decoded value with integers exact and every other number a Decimal, or a `Refusal`.

    ``events`` is how many events the body may hold; limits on depth and keys grow with it where they must.
    ``max_string``: characters of one text, for bodies that carry other people's texts, which are not kept.
    ``mender``: mends the texts that would refuse the body, and remembers which.
    """
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return _read(data, _decode, MAX_KEYS * events, max_string, mender)


def _read(data: bytes, decode: Callable[[bytes], Any], max_keys: int, max_string: int, mender: Mender | None) -> Any:
    try:
        tree = decode(data)
    except (UnicodeDecodeError, msgspec.DecodeError) as err:
        mended = mend_json(data) if mender is not None else data
        if mender is None or mended == data:
            return _undecodable(err)
        mender.reread = True
        mender.not_utf8 = isinstance(err, UnicodeDecodeError)
        return _read(mended, decode, max_keys, max_string, mender)
    except RecursionError:
        return Refusal(reason=DropReason.TOO_DEEP, expected=f"at most {MAX_DEPTH} levels", got="far deeper nesting")
    except (_LongNumber, ArithmeticError) as err:
        if mender is not None and decode is _decode:
            return _read(data, _decode_long, max_keys, max_string, mender)
        return _long_number("") if isinstance(err, _LongNumber) else _undecodable(err)
    mended_before = mender is not None and (mender.reread or decode is _decode_long)
    if mended_before or not _looks_plain(data, tree, max_keys, max_string):
        return _checked(data, tree, max_keys, max_string, mender)
    return tree


def _undecodable(err: Exception) -> Refusal:
    if isinstance(err, UnicodeDecodeError):
        return Refusal(reason=DropReason.SYNTAX, expected="JSON in UTF-8", got=f"another byte at {err.start}")
    if "out of range" in str(err):  # an integer of thousands of digits
        return _long_number("")
    return Refusal(reason=DropReason.SYNTAX, expected="JSON", got=_safe(str(err)))


def roundtrips(data: bytes, again: bytes) -> bool:
    """For a body decoded into types, unknown keys forbidden, and encoded ``again``: True when no key was repeated, no
    number came as text, no text is over the limit or holds NUL. A null and a default that is written out make it False.

    Each of the first two has quotes in the body that are missing when it is encoded again, and nothing has fewer.
    """
    return (
        data.count(b'"') == again.count(b'"')
        and (len(data) <= MAX_STRING or _strings_fit(data))
        and (b"\\" not in data or _TOLD_OTHERWISE.search(data) is None)
    )


def _looks_plain(data: bytes, tree: Any, max_keys: int, max_string: int) -> bool:
    """True when depth, sizes and unique keys are certain without walking the values."""
    keys, texts = _count(tree)
    return (
        0 <= keys <= max_keys
        and _is_said_once(data, keys, texts)
        and (data.count(b"{") + data.count(b"[") <= MAX_DEPTH or _is_shallow(tree))
        and (len(data) <= max_string or _strings_fit(data, max_string))
    )


def _is_said_once(data: bytes, keys: int, texts: int) -> bool:
    """True when no key was repeated and no text holds NUL.

    Without escapes each key and each text that was decoded has two quotes, and a repeated key has more. With them,
    each key is followed by a colon: without white space before any colon, the count of ``":`` equals the keys in the
    text plus quotes escaped before a colon; it can equal the keys decoded only if none was repeated.
    """
    if b"\\" not in data:
        return data.count(b'"') == 2 * (keys + texts)
    return data.count(b'":') == keys and not _has_spaced_colon(data) and b"\\u0000" not in data


def _has_spaced_colon(data: bytes) -> bool:
    # Four searches for two bytes are far cheaper than the expression, and hardly any JSON has one of them.
    maybe = b" :" in data or b"\n:" in data or b"\t:" in data or b"\r:" in data
    return maybe and _SPACED_COLON.search(data) is not None


def _strings_fit(data: bytes, max_string: int = MAX_STRING) -> bool:
    return b'\\"' not in data and max(map(len, data.split(b'"'))) <= max_string


def _is_shallow(tree: Any) -> bool:
    """True for at most `MAX_DEPTH` levels; level by level, because a deep body must not become deep recursion."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        below = [v for item in level for v in (item.values() if type(item) is dict else item)]
        level = [v for v in below if type(v) is dict or type(v) is list]
        if not level:
            return True
    return False


def _count(tree: Any) -> tuple[int, int]:
    """Keys of all objects inside, and texts that are values; keys are -1 when an integer is over the limit.

    Written flat: this runs for every body.
    """
    keys = texts = 0
    pending = [tree]
    for item in pending:
        if type(item) is dict:
            keys += len(item)
            values: Any = item.values()
        else:
            values = item if type(item) is list else (item,)
        for value in values:
            kind = type(value)
            if kind is str:
                texts += 1
            elif kind is dict or kind is list:
                pending.append(value)
            elif kind is int and not -_TOO_LONG < value < _TOO_LONG:
                return -1, texts
    return keys, texts


def _checked(data: bytes, tree: Any, max_keys: int, max_string: int, mender: Mender | None) -> Any:
    """The exact check: walks everything. A refusal names the path."""
    left, keys = [max_keys, max_keys], _count(tree)[0]
    refusal = _walk(tree, "", 1, left, max_string, mender)
    if refusal is None and (_has_spaced_colon(data) or data.count(b'":') != keys):
        refusal = _repeated_key(data)
    if refusal is None and type(tree) is _LongText:
        return _long_number("")
    return refusal or tree


def _walk(value: Any, path: str, depth: int, left: list[int], max_string: int, mender: Mender | None) -> Refusal | None:
    """``left``: how many keys may still come, and how many may come in all."""
    match value:
        case str():
            return None if mender is not None else _check_text(value, path, max_string)
        case bool() | None:
            return None
        case int():
            return None if -_TOO_LONG < value < _TOO_LONG else _long_number(path)
        case Decimal():  # checked while it was decoded
            return None
    if depth > MAX_DEPTH:
        return Refusal(reason=DropReason.TOO_DEEP, path=path, expected=f"at most {MAX_DEPTH} levels", got="more")
    if mender is not None:
        _mend(value, path, mender)
    pairs = value.items() if isinstance(value, dict) else ((f"[{n}]", v) for n, v in enumerate(value))
    for key, item in pairs:
        if isinstance(value, dict):
            left[0] -= 1
            if left[0] < 0:
                return Refusal(reason=DropReason.TOO_MANY, path=path, expected=f"at most {left[1]} keys", got="more")
            refusal = None if mender is not None else _check_text(key, path, max_string)
            if refusal is not None:
                return refusal
            key = describe_key(key)
        below = f"{path}{key}" if isinstance(value, list) else f"{path}.{key}" if path else key
        refusal = _walk(item, below, depth + 1, left, max_string, mender)
        if refusal is not None:
            return refusal
    return None


def _mend(value: dict[str, Any] | list[Any], path: str, mender: Mender) -> None:
    """Mends the texts and numbers directly inside. In a list a text that cannot stay leaves its place to nothing."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            if type(item) is str and not mender.is_whole(item):
                value[n] = mender.text(f"{path}[{n}]", item)
            elif _is_long(item):
                value[n] = mender.number(f"{path}[{n}]", str(item))
        return
    for key in list(value):
        where = f"{path}.{describe_key(key)}" if path else describe_key(key)
        if not mender.is_whole(key):
            mender.leave_out(where)
            del value[key]
        elif type(value[key]) is str and not mender.is_whole(value[key]):
            value[key] = mender.text(where, value[key])
        elif _is_long(value[key]):
            value[key] = mender.number(where, str(value[key]))


def _is_long(value: Any) -> bool:
    return type(value) is _LongText or (type(value) is int and not -_TOO_LONG < value < _TOO_LONG)


def _check_text(text: str, path: str, max_string: int) -> Refusal | None:
    if len(text) > max_string:
        return Refusal(
            reason=DropReason.TOO_LARGE, path=path, expected=f"at most {max_string} characters", got=describe(text)
        )
    if "\0" in text:
        return Refusal(reason=DropReason.SYNTAX, path=path, expected="text without NUL", got=describe(text))
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
