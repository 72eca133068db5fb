"""Lenient scalars: senders write numbers as text, and the pixel can write nothing else.

Owns reading one value, never where it stands or what follows from it. None means: no such value.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from twofold.event.json import read_json
from twofold.event.refusal import Refusal

_INTEGER = re.compile(r"-?\d{1,18}")


def read_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else None
    if isinstance(value, str) and value.isascii() and _INTEGER.fullmatch(value):
        return int(value)
    return None


def read_decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, str) and value.isascii() and len(value) <= 40 and "_" not in value:
        try:
            return Decimal(value.strip())
        except InvalidOperation:
            return None
    return None


def read_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower()) if value is not None else None


def read_list(value: Any) -> list[Any] | None:
    """A list, also when written as JSON text (the pixel's form) or as one bare id."""
    if isinstance(value, str) and value[:1] in "[{":
        decoded = read_json(value)
        value = None if isinstance(decoded, Refusal) else decoded
    if isinstance(value, (str, int, dict)) and not isinstance(value, bool):
        return [value]
    return value if isinstance(value, list) else None
