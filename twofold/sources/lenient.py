"""Bodies that other people designed, read value by value: what has another form than expected is absent, not an error.

Owns the forms. An order must not be lost because a phone number came as a number, or an empty object as an empty list
(PHP writes it so). What refuses a body, its id and its money, each source decides itself.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, urlsplit

_DECIMAL = re.compile(r"(-?)([0-9]{1,15}(?:\.[0-9]{1,12})?)")
_DIGITS = re.compile(r"[0-9]{1,20}")
_TOKEN = re.compile(r"[!-~]{1,200}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", re.I)


def part(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside; empty when there is none."""
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def parts(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list inside."""
    value = tree.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(tree: dict[str, Any], name: str) -> str | None:
    """Text without the space around it; a whole number as its digits. None when blank."""
    value = tree.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**20 else None
    return value.strip() or None if isinstance(value, str) else None


def digits(tree: dict[str, Any], name: str) -> str | None:
    """A positive whole number as its digits, also from text; None for 0, which systems write for "none"."""
    found = text(tree, name)
    return found if found and _DIGITS.fullmatch(found) and found.strip("0") else None


def token(tree: dict[str, Any], name: str) -> str | None:
    """An id of printable ASCII without an e-mail address in it."""
    found = text(tree, name)
    return found if found and _TOKEN.fullmatch(found) and "@" not in found else None


def whole(tree: dict[str, Any], name: str) -> int | None:
    value = tree.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def decimal(tree: dict[str, Any], name: str) -> Decimal | None:
    """An exact plain number with its sign, from text or a JSON number."""
    return read_decimal(tree.get(name))


def read_decimal(value: Any) -> Decimal | None:
    """An exact plain number with its sign, from text or a JSON number; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        value = str(value) if abs(value) < 10**15 else ""
    elif isinstance(value, Decimal):
        value = format(value, "f") if value.is_finite() and abs(value.adjusted()) < 20 else ""
    match = _DECIMAL.fullmatch(value.strip()) if isinstance(value, str) else None
    return Decimal(match[1] + match[2]) if match else None


def address_of(url: str | None) -> SplitResult:
    """An https address whose host reads like one; all parts are empty when it is anything else."""
    try:
        split = urlsplit(url or "")
        fits = split.scheme == "https" and _HOST.fullmatch(split.hostname or "")
    except ValueError:
        fits = None
    return split if fits else urlsplit("")
