"""A body as its source reads it: a list of bodies one by one, and a body whose texts a strict reader refuses once more with its
texts mended. For webhooks and for files of them.

Owns when either is tried and what is said of it. The signature was checked over the bytes as they came; what a text becomes is
`event.mending`'s, what the body means its source's.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import structs

from twofold.event.json import read_json
from twofold.event.mending import Mender, mend_json
from twofold.event.refusal import DropReason, Refusal
from twofold.sources.contract import (
    MOST_PARTS,
    Ignored,
    Part,
    Reading,
    Several,
    Source,
    SourceOptions,
    at_place,
    too_many,
)

Found = Reading | Refusal | Ignored | Several

BOM = b"\xef\xbb\xbf"
_OF_TEXTS = frozenset({DropReason.SYNTAX, DropReason.TOO_LARGE})
_EVENTS = 100  # times the keys of one event: the sources have limits of their own
_encode_exact = msgspec.json.Encoder(decimal_format="number").encode
_bodies_of = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_mended(
    source: Source, body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int
) -> tuple[Found, list[str]]:
    """What the source reads, and one sentence for each text that was mended for it."""
    if source.in_lists and body.removeprefix(BOM).lstrip()[:1] == b"[":
        return _read_list(source, body, headers, options, now_ms)
    return _read_one(source, body, headers, options, now_ms)


def _read_one(
    source: Source, body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int
) -> tuple[Found, list[str]]:
    found = source.read(body, headers, options, now_ms)
    if not isinstance(found, Refusal) or found.reason not in _OF_TEXTS:
        return found, []
    mender = Mender()
    tree = read_json(body, events=_EVENTS, mender=mender)
    if isinstance(tree, Refusal) or not (mender.notes or mender.reread):
        return found, []
    return source.read(_encode_exact(tree), headers, options, now_ms), mender.sentences()


def _read_list(
    source: Source, body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int
) -> tuple[Found, list[str]]:
    """Each is decoded for itself, so that one with a fault of its own (a key twice, a text too long) leaves the others alone. A list
    of one is as that one."""
    bodies = _split(body)
    if isinstance(bodies, Refusal):
        return bodies, []
    parts: list[Part] = []
    for place, one in enumerate(bodies):
        found, notes = _read_one(source, one, headers, options, now_ms)
        if isinstance(found, Several):
            parts += [structs.replace(part, found=at_place(part.found, f"[{place}]")) for part in found.parts]
        else:
            parts.append(Part(at_place(found, f"[{place}]"), one, tuple(notes)))
    if len(parts) == 1:
        return parts[0].found, list(parts[0].notes)
    return (Several(tuple(parts)) if len(parts) <= MOST_PARTS else too_many(len(parts))), []


def _split(body: bytes) -> list[bytes] | Refusal:
    """The list's bodies as they stand in it; mended where the list itself is no JSON without that."""
    for text in (body, mend_json(body)):
        try:
            bodies = [bytes(raw) for raw in _bodies_of(text)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if bodies and len(bodies) <= MOST_PARTS:
            return bodies
        return too_many(len(bodies)) if bodies else _no_list("an empty list")
    return _no_list("text that is no JSON")


def _no_list(got: str) -> Refusal:
    return Refusal(reason=DropReason.SYNTAX, expected="a list of JSON objects", got=got)
