"""Bodies that other people designed, read value by value: what has another form than expected is absent, not an error.

Owns the forms, and that a body is one object. An order must not be lost because a phone number came as a number, or an empty object as an empty list
(PHP writes it so). What else refuses a body, its id and its money, each source decides itself.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, urlsplit

from twofold.event.contact import names_somebody
from twofold.event.json import read_json
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list, as_object, id_text, lenient_amount, names_nobody, read_integer, says_nothing

_DIGITS = re.compile(r"[0-9]{1,20}")
_MOST_DIGITS = 20
_TOKEN = re.compile(r"[!-~]{1,200}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", re.I)


def object_of(body: bytes, *, events: int, expected: str = "an object") -> dict[str, Any] | Refusal:
    """A body that has to be one object of JSON. ``events``: see `read_json`."""
    tree = read_json(body, events=events)
    if isinstance(tree, (dict, Refusal)):
        return tree
    return Refusal(reason=DropReason.WRONG_TYPE, expected=expected, got=describe(tree))


def part(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside; empty when there is none."""
    return as_object(tree.get(name)) or {}


def parts(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list inside."""
    items = as_list(tree.get(name)) or ()
    objects = (as_object(item) if isinstance(item, (dict, str)) else None for item in items)
    return [item for item in objects if item]


def text(tree: dict[str, Any], name: str) -> str | None:
    """Text without the space around it; a whole number as its digits (`id_text`); of a list, its first. None when it says nothing."""
    value = tree.get(name)
    if isinstance(value, (list, dict)):
        value = next(iter(as_list(value) or ()), None)
    if not isinstance(value, str):
        number = id_text(value)
        return number if number is not None and len(number) <= _MOST_DIGITS else None
    return value.strip() if not says_nothing(value) else None


def digits(tree: dict[str, Any], name: str) -> str | None:
    """A positive whole number as its digits, also from text; None for 0, which systems write for "none"."""
    found = text(tree, name)
    return found if found and _DIGITS.fullmatch(found) and found.strip("0") else None


def token(tree: dict[str, Any], name: str) -> str | None:
    """An id of printable ASCII without an e-mail address in it; None for one that names nobody."""
    found = text(tree, name)
    return (
        found if found and _TOKEN.fullmatch(found) and not names_somebody(found) and not names_nobody(found) else None
    )


def whole(tree: dict[str, Any], name: str) -> int | None:
    """A whole number, also as text."""
    return read_integer(tree.get(name))


def decimal(tree: dict[str, Any], name: str) -> Decimal | None:
    """An amount with its sign."""
    return lenient_amount(tree.get(name))


def address_of(url: str | None) -> SplitResult:
    """An https address whose host reads like one; all parts are empty when it is anything else."""
    try:
        split = urlsplit(url or "")
        fits = split.scheme == "https" and _HOST.fullmatch(split.hostname or "")
    except ValueError:
        fits = None
    return split if fits else urlsplit("")
