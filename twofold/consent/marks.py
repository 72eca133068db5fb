"""By what a person who takes consent back is known again.

Owns which kinds of `Mark` count for that and how plain values become marks. Contact data is compared by hashes only,
under every rule and every common mistake (`subject.all_hashes`), so that one e-mail address meets the events of senders
that hash in their own way. The plain values go no further than `marks_from`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twofold.event.identity import bare_order
from twofold.event.model import Event
from twofold.event.scalars import id_text, names_nobody
from twofold.matching.subject import Mark, _browser, all_hashes, marks_of

NAMING_KINDS = ("em", "ph", "external_id")
KINDS = (*NAMING_KINDS, "fbp", "visitor", "order")
PUBLIC_KINDS = ("fbp", "visitor")
"""What only the browser itself knows, so that a public door may take its word for it."""

MAX_VALUE = 512  # characters
_SHA256 = 64  # hexadecimal characters; in an event nothing else stands for contact data


def withdrawable_marks(event: Event) -> list[Mark]:
    """All marks in a journalled event by which its consent may have been withdrawn."""
    return [m for m in marks_of(event) if m.kind in KINDS]


def marks_from(given: Mapping[str, Any], country: str = "") -> tuple[list[Mark], list[str]]:
    """Marks from values by kind (one, or a list), and the kinds that could not be used.

    Values of the naming kinds are plain or SHA-256; ``country`` (ISO 3166) is for phone numbers written locally.
    """
    found: list[Mark] = []
    unusable: list[str] = []
    for kind in KINDS:
        values = given.get(kind)
        for value in values if isinstance(values, list) else [values]:
            if value is None or value == "":
                continue
            made = _made(kind, value, country)
            found += made
            if not made:
                unusable.append(kind)
    return list(dict.fromkeys(found)), unusable


def _made(kind: str, value: Any, country: str) -> list[Mark]:
    text = (id_text(value) or "").strip()
    if not 0 < len(text) <= MAX_VALUE or names_nobody(text):
        return []
    if kind in NAMING_KINDS:
        if (kind == "em" and not _is_hash(text) and "@" not in text) or (
            kind == "ph" and not any(map(str.isdigit, text))
        ):
            return []
        return [Mark(kind, h) for h in sorted(all_hashes(kind, text, country)) if len(h) == _SHA256]
    if kind == "order":  # as it was written, and as events carry it: without the shop's sign
        return [Mark(kind, number) for number in dict.fromkeys((text, bare_order(text))) if number]
    return [Mark(kind, _browser(text) if kind == "fbp" else text)]


def _is_hash(text: str) -> bool:
    return len(text) == _SHA256 and all(c in "0123456789abcdefABCDEF" for c in text)
