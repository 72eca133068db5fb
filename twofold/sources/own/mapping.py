"""A webhook of any system, whose fields the operator maps to those of a shop's own webhook.

Owns how a mapping is written and read, and the kinds of signatures such systems have. Nothing of the body's form is known beside
it; what the mapped body means is `webhook`'s, which reads it by the same tables as a shop's own. Money, counts and yes or no are read
leniently first, as nobody can ask that system to change.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from twofold.event.refusal import Refusal
from twofold.event.scalars import as_list, as_object, lenient_amount, read_boolean, read_integer
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.own import webhook
from twofold.sources.own.bodies import BODIES
from twofold.sources.schema import CONSENT, COUNT, CURRENCY, FIGURE, LABEL, LABELS, MONEY, OBJECT, YES, Field
from twofold.sources.signatures import fits_base64, fits_hex, fits_jws

SENDER = "mapped"
KINDS = ("order", "payment", "refund", "parcel", "event")
TOLERANCE_S = 300

_MANY = "[]"
_SHARE = re.compile(r"(?P<path>\S+) */ *(?P<by>10{1,6})")
_KEYS_OF_EVENTS = 20
_OF_WORDS = frozenset(
    {"event_name", "action_source", "messaging_channel", "customer_segmentation", "gender", "country", "region"}
)
_PLACE = re.compile(r"\[(\d{1,4})\]")


def unknown_fields(kind: str, names: Iterable[str]) -> list[str]:
    """Of the operator's names those that the body of this kind has no field for."""
    table = {"type": None, **_paths(BODIES.get(kind, ()))}
    return [name for name in names if name not in table and not _within_an_object(name, table)]


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One body, mapped and then read as a shop's own."""
    del headers, now_ms  # what counts stands in the body
    tree = lenient.object_of(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    for path, words in options.only.items():
        if str(value_at(tree, path)) not in words:
            return Ignored(reason="not among what `only` of this source asks for")
    mapped = map_body(tree, options)
    found = webhook.read_tree(mapped, options)
    return replace(found, sender=SENDER) if isinstance(found, Reading) else found


def map_body(tree: Mapping[str, Any], options: SourceOptions) -> dict[str, Any]:
    """The same facts under the names of a shop's own webhook; what says nothing is left out."""
    fields = dict(options.fields)
    kind = fields.get("type", "").removeprefix("=")
    kinds = _paths(BODIES.get(kind, ()))
    stages = {word.casefold(): ours for word, ours in options.stages.items()}
    found: dict[str, Any] = {}
    for ours, theirs in fields.items():
        if ours.endswith(_MANY):
            rows = as_list(_value(tree, theirs, None, {}), alone=True) or []
            inner = {name[len(ours) + 1 :]: path for name, path in fields.items() if name.startswith(f"{ours}.")}
            made = [_row(as_object(row) or {}, inner, ours, kinds, stages) for row in rows]
            _put(found, ours.removesuffix(_MANY), [row for row in made if row])
        elif _MANY not in ours:
            _put(found, ours, _value(tree, theirs, kinds.get(ours), stages))
    if options.currency and kind == "order" and not _has(found, "totals", "currency"):
        _put(found, "totals.currency", options.currency)
    return found


def value_at(tree: Any, path: str) -> Any:
    """What lies at a path of names and places: ``$.order.items[0].price`` or ``order.items.0.price``. A name with points in it is
    found first."""
    here: Any = tree
    path = _PLACE.sub(r".\1", path.removeprefix("$").removeprefix("."))
    if isinstance(here, Mapping) and path in here:
        return here[path]
    for name in path.split("."):
        items = as_list(here) if name.isdigit() else None
        inside = as_object(here)
        if inside is not None and name in inside:
            here = inside[name]
        elif items is not None and int(name) < len(items):
            here = items[int(name)]
        else:
            return None
    return here


def _row(
    row: dict[str, Any], inner: Mapping[str, str], ours: str, kinds: Mapping[str, Field], stages: Mapping[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, path in inner.items():
        _put(found, name, _value(row, path, kinds.get(f"{ours}.{name}"), stages))
    return found


def _value(tree: Mapping[str, Any], told: str, field: Field | None, stages: Mapping[str, str]) -> Any:
    """``=text`` is the text itself; ``a | b`` the first that says something; ``a / 100`` a hundredth of it."""
    if told.startswith("="):
        return _read(told[1:], field, {})
    for one in told.split("|"):
        share = _SHARE.fullmatch(one.strip())
        value = value_at(tree, share["path"] if share else one.strip())
        if share:
            amount = lenient_amount(value)
            value = amount / Decimal(share["by"]) if amount is not None else value
        if value not in (None, ""):
            return _read(value, field, stages)
    return None


def _read(value: Any, field: Field | None, stages: Mapping[str, str]) -> Any:
    """Leniently where the field is of a kind that has a lenient reader; a word of theirs is the operator's word for it."""
    if field is not None and _takes_words(field) and (word := stages.get(_word_of(value))) is not None:
        return word
    reader = _LENIENT.get(id(field.kind)) if field is not None else None
    read_value = reader(value) if reader is not None else None
    return value if read_value is None else read_value


def _takes_words(field: Field) -> bool:
    """False of ids, people, amounts, counts and times: a state may be a number, and so be like one of those."""
    return field.kind.closed or field.kind in (YES, CONSENT, LABEL, LABELS, CURRENCY) or field.name in _OF_WORDS


def _word_of(value: Any) -> str:
    if isinstance(value, str):
        return value.strip().casefold()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


_LENIENT: dict[int, Callable[[Any], Any]] = {
    id(MONEY): lenient_amount,
    id(FIGURE): lenient_amount,
    id(COUNT): read_integer,
    id(YES): read_boolean,
}


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    if value in (None, "", []):
        return
    *parents, name = path.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[name] = value


def _has(tree: Mapping[str, Any], parent: str, name: str) -> bool:
    return name in (tree.get(parent) or {})


def _paths(table: Iterable[Field], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in table:
        name = f"{prefix}{field.name}{_MANY if field.kind.many and field.kind.table else ''}"
        found[name] = field
        found |= _paths(field.kind.table, f"{name}.")
    return found


def _within_an_object(name: str, table: Mapping[str, Any]) -> bool:
    """``user_data.em`` and the like: what lies in an object whose own fields are another's to read."""
    parent = name.partition(".")[0]
    return "." in name and parent in table and table[parent] is not None and table[parent].kind is OBJECT


# -- signatures

SIGNATURES: dict[str, tuple[str, str]] = {
    "hmac-sha256-hex": ("sha256", "hex"),
    "hmac-sha256-base64": ("sha256", "base64"),
    "hmac-sha1-hex": ("sha1", "hex"),
    "hmac-sha512-hex": ("sha512", "hex"),
    "hmac-sha512-base64": ("sha512", "base64"),
}
"""Kinds whose header holds the body's HMAC, plain or behind ``sha256=``; beside them `JWS`, ``standard``, ``twofold`` and ``path``."""
JWS = "jws-rs256"


def mapped_source(kind: str, header: str) -> Source:
    """The source for one kind of signature; ``path``: a secret in the address does instead of one."""
    if kind in SIGNATURES:
        return replace(MAPPED, signed=partial(_plain, *SIGNATURES[kind], header.strip().lower()))
    if kind == JWS:
        return replace(MAPPED, signed=partial(_jws, header.strip().lower()))
    if kind == "standard":
        return replace(MAPPED, signed=_standard)
    if kind == "path":
        return replace(MAPPED, by_path=True, signed=lambda _body, _headers, _secrets, _now: False)
    return MAPPED


def _plain(
    digest: str, form: str, header: str, body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int
) -> bool:
    del now_ms
    given = headers.get(header, "").strip()
    given = given.removeprefix(f"{digest}=")
    return fits_hex(given, body, secrets, digest) if form == "hex" else fits_base64(given, body, secrets, digest)


def _jws(header: str, body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    del now_ms
    return fits_jws(headers.get(header, "").strip(), body, secrets)


def _standard(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Standard Webhooks 1.0: the HMAC of id, time and body under the secret's bytes, 300 s either way."""
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not name or not at.isascii() or not at.isdigit() or len(at) > 11 or abs(now_ms // 1000 - int(at)) > TOLERANCE_S:
        return False
    message = f"{name}.{at}.".encode("utf-8", "surrogatepass") + body
    fits = False
    for secret in secrets:
        key = _key(secret)  # bytes, as base64 of them is what people are given
        for one in headers.get("webhook-signature", "").split(" ")[:8]:
            if one.startswith("v1,") and key:
                fits |= fits_base64(one[3:], message, (key,))
    return fits


def _key(secret: str) -> bytes:
    """The bytes behind ``whsec_``; empty for what is no base64."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return b""


MAPPED = Source(name=SENDER, in_lists=True, signed=webhook.signed, read=read)
