"""A documented JSON body as a table of fields: read it, refuse it with the path, and print it for its page.

Owns the kinds of values that our own webhooks are made of. What a value means is the table's; bodies that other
people designed are not read with this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from twofold.event.contact import MASK, mask_text, names_somebody
from twofold.event.identity import read_event_id
from twofold.event.refusal import DropReason, Refusal, describe, describe_key
from twofold.event.scalars import (
    as_list,
    as_object,
    exact_amount,
    exact_integer,
    id_text,
    names_nobody,
    read_order_currency,
    read_time_ms,
    says_nothing,
    seems_ms,
)

_LONG_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{5,}[0-9]")  # reads like a phone or account number
_LINK = re.compile(r"[a-z][a-z0-9_]{0,30}:[!-~]{1,200}")
_MAX_ITEMS = 500
_MAX_LABEL = 60


class ValueKind(Struct, frozen=True, kw_only=True):
    """How a value is read. ``read`` gives the typed value, or None for a value of another kind; it never raises."""

    expected: str  # completes "expected …" in a refusal, and stands in the documentation
    read: Callable[[Any], Any]
    wrong: DropReason = DropReason.WRONG_TYPE
    missing: DropReason = DropReason.WRONG_TYPE
    table: tuple[Field, ...] = ()  # the fields of an object, or of each object of a list
    many: bool = False
    is_id: bool = False  # what a program writes that knows no id ("undefined", "null", 0) is absence
    optional: bool = False  # what cannot be read of it costs nothing else where the field is not required
    closed: bool = False  # one of a list of words


class Field(Struct, frozen=True):
    """One row of a table."""

    name: str
    kind: ValueKind
    meaning: str
    required: bool = False


def read_object(tree: Any, table: Iterable[Field], notes: list[str], path: str = "") -> dict[str, Any] | Refusal:
    """The typed values by name, without those that are absent, null or empty; a refusal names the first field that is
    wrong.

    A field that the table does not have is left out with a note, with the name that was probably meant; so is a text
    on which nothing rests, and a figure beside a total.
    """
    if not isinstance(tree, dict):
        return _refuse(DropReason.WRONG_TYPE, path, "an object", tree)
    known = {field.name: field for field in table}
    found: dict[str, Any] = {}
    for name, field in known.items():
        value = tree.get(name)
        where = f"{path}.{name}" if path else name
        if field.kind.is_id and _says_nothing(value):
            notes.append(f"{where} says nothing ({describe(value)}); left out")
            value = None
        if field.kind.table and not field.required and _is_empty(value):
            value = None
        if value is None or value == "" or (value == [] and not field.required):
            if field.required:
                return _refuse(field.kind.missing, where, field.kind.expected, None)
            continue
        result = _read_value(value, field.kind, where, notes)
        if isinstance(result, Refusal):
            if field.required or not field.kind.optional:
                return result
            notes.append(f"{where}: expected {result.expected}, got {result.got}; left out")
            continue
        found[name] = result
    notes += [_unknown(name, known, path) for name in tree if name not in known and name != "type"]
    return found


def describe_fields(table: Iterable[Field], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """(path, what is expected, whether it is required, meaning) of every field, objects before their parts."""
    for field in table:
        name = f"{prefix}{field.name}{'[]' if field.kind.many and field.kind.table else ''}"
        yield name, field.kind.expected, "yes" if field.required else "", field.meaning
        yield from describe_fields(field.kind.table, f"{name}.")


def markdown_rows(table: Iterable[Field]) -> list[str]:
    """The same as lines of a Markdown table, for docs/."""
    return [f"| `{name}` | {expected} | {needed} | {meaning} |" for name, expected, needed, meaning in
            describe_fields(table)]  # fmt: skip


# -- kinds


def one_of(words: Iterable[str], aliases: Mapping[str, str] | None = None) -> ValueKind:
    """A closed list of words, written exactly; ``aliases`` are other spellings of them."""
    closed = tuple(words)
    other = dict(aliases or {})

    def read(value: Any) -> str | None:
        word = other.get(value, value) if isinstance(value, str) else None
        return word if word in closed else None

    return ValueKind(expected=f"one of {', '.join(closed)}", read=read, closed=True)


def object_of(table: tuple[Field, ...]) -> ValueKind:
    return ValueKind(expected="an object", read=as_object, table=table)


def list_of(table: tuple[Field, ...]) -> ValueKind:
    return ValueKind(expected="a list of objects", read=_list, table=table, many=True)


def read_label(value: Any) -> str | None:
    """A short word of the shop's own, such as a reason. Cut, and without what reads like an address or a number."""
    if not isinstance(value, str) or not value.strip():
        return None
    text = " ".join(value.split())
    return _LONG_NUMBER.sub(MASK, mask_text(text))[:_MAX_LABEL]


def read_link(value: Any) -> str | None:
    """A "kind:value" text that the journal keeps; printable ASCII without spaces."""
    fits = isinstance(value, str) and _LINK.fullmatch(value) and not names_somebody(value)
    return value if fits else None


def read_id(value: Any) -> str | None:
    """An id as exact text; never one that holds an e-mail address, nor one that names nobody."""
    text = read_event_id(value)
    return text if text and not names_somebody(text) and text == text.strip() and not names_nobody(text) else None


def _text(value: Any) -> str | None:
    text = id_text(value)  # post codes and phones are often numbers
    return text if text and text.strip() else None


def _texts(value: Any) -> tuple[str, ...] | None:
    items = as_list(value) if isinstance(value, (list, dict)) else [value]
    items = [item for item in items or () if not (isinstance(item, str) and says_nothing(item))]
    texts = tuple(filter(None, map(_text, items)))
    return texts if len(texts) == len(items) <= _MAX_ITEMS else None


def _labels(value: Any) -> tuple[str, ...] | None:
    value = as_list(value)
    if value is None or len(value) > _MAX_ITEMS:
        return None
    labels = tuple(filter(None, map(read_label, value)))
    return labels if len(labels) == len(value) else None


def _links(value: Any) -> tuple[str, ...] | None:
    value = as_list(value)
    if value is None or len(value) > _MAX_ITEMS:
        return None
    return tuple(value) if all(map(read_link, value)) else None


def _words(value: Any) -> dict[str, str] | None:
    value = as_object(value)
    if value is None or len(value) > _MAX_ITEMS:
        return None
    return dict(value) if all(isinstance(v, str) for v in value.values()) else None


def _count(value: Any) -> int | None:
    found = exact_integer(value)
    return found if found is not None and 0 <= found < 10**9 else None


def _yes(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _consent(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        found = as_object(value)
        value = value if found is None else found  # what cannot be read counts as a no, as any other word
    return value if isinstance(value, (str, bool, dict)) else None


def _list(value: Any) -> list[Any] | None:
    items = as_list(value)
    return items if items is not None and len(items) <= _MAX_ITEMS else None


ID = ValueKind(expected="an id: text of 1 to 256 characters without an e-mail address, or a whole number", read=read_id,
          is_id=True)  # fmt: skip
NAME = ValueKind(expected="text of 1 to 256 characters, or a whole number", read=read_event_id, is_id=True)
TEXT = ValueKind(expected="text", read=_text, optional=True)
TEXTS = ValueKind(expected="text or a list of texts", read=_texts, optional=True)
LABEL = ValueKind(expected="text", read=read_label, optional=True)
LABELS = ValueKind(expected="a list of texts", read=_labels, optional=True)
LINKS = ValueKind(expected='a list of "kind:value" texts', read=_links)
WORDS = ValueKind(expected="an object of texts", read=_words, optional=True)
COUNT = ValueKind(expected="a whole number, zero or more", read=_count, optional=True)
YES = ValueKind(expected="true or false", read=_yes)
CONSENT = ValueKind(expected='"granted", "denied", true, false, or an object of purposes', read=_consent)
OBJECT = ValueKind(expected="an object", read=as_object)
TIME = ValueKind(
    expected="ISO 8601 text with its offset, or Unix seconds",
    read=read_time_ms,
    wrong=DropReason.INVALID_EVENT_TIME,
    missing=DropReason.MISSING_EVENT_TIME,
)
MONEY = ValueKind(
    expected="a plain decimal number, zero or more, as text or number",
    read=exact_amount,
    wrong=DropReason.INVALID_VALUE,
    missing=DropReason.MISSING_VALUE,
)
FIGURE = replace(MONEY, optional=True)
"""An amount beside a total: contained in it, or of one of its lines."""
CURRENCY = ValueKind(
    expected="three letters (ISO 4217)",
    read=read_order_currency,
    wrong=DropReason.INVALID_CURRENCY,
    missing=DropReason.MISSING_CURRENCY,
)


def _is_empty(value: Any) -> bool:
    """True for what programs write for an object or a list that they have not: {}, [], false, "null"."""
    return value in ({}, []) or value is False or (isinstance(value, str) and says_nothing(value))


def _says_nothing(value: Any) -> bool:
    """Also of a program's false, 0 and empty object, and of a list of nothing else: an id is none of them."""
    if isinstance(value, list) and value:
        return all(item is None or _says_nothing(item) for item in value)
    return names_nobody(value) if isinstance(value, str) else isinstance(value, bool) or value in (0, {})


def _read_value(value: Any, kind: ValueKind, path: str, notes: list[str]) -> Any:
    plain = kind.read(value)
    if plain is None:
        return _refuse(kind.wrong, path, kind.expected, value)
    if not kind.table:
        return plain
    if not kind.many:
        return read_object(plain, kind.table, notes, path)
    items = []
    for place, item in enumerate(plain):
        result = read_object(item, kind.table, notes, f"{path}[{place}]")
        if isinstance(result, Refusal):
            return result
        items.append(result)
    return items


def _unknown(name: str, known: Iterable[str], path: str) -> str:
    where = f"{path}.{describe_key(name)}" if path else describe_key(name)
    near = get_close_matches(name[:40], list(known), n=1, cutoff=0.75)
    return f"{where} is not a documented field; left out{f' ({near[0]}?)' if near else ''}"


def _refuse(reason: DropReason, path: str, expected: str, got: object) -> Refusal:
    milliseconds = reason is DropReason.INVALID_EVENT_TIME and seems_ms(got)
    return Refusal(
        reason=reason,
        path=path,
        expected=expected,
        got="a number that would be milliseconds" if milliseconds else describe(got),
    )
