"""Other platforms' click and browser ids in a message of Segment's form, under the names that senders give them there.

Owns where they stand and what they are called beside their own names (`event.click_ids`). In a page's address the steps find them
themselves, and what stands there is newer. A bare `click_id` or `uuid` of the properties is not read: it does not say whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twofold.event.click_ids import KNOWN, build_fbc, read_click_ids
from twofold.sources.lenient import text

_CALLED: Final[Mapping[str, str]] = {
    "ttp": "_ttp", "sc_click_id": "ScCid", "uuid_c1": "_scid", "sc_cookie1": "_scid", "ga_client_id": "_ga",
}  # fmt: skip
_OF_AN_INTEGRATION: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("snap", {"click_id": "ScCid"}),
    ("reddit", {"click_id": "rdt_cid", "uuid": "_rdt_uuid"}),
    ("google analytics", {"clientid": "_ga", "client_id": "_ga"}),
)
"""A word of an integration's name -> what a bare name says there."""

NAMES: Final = KNOWN | _CALLED.keys() | {"fbclid"}
"""Names of properties that are ids, and so no property of what happened."""
_ANY_CASE: Final = frozenset(name.lower() for name in NAMES)


def clicks_of(
    properties: Mapping[str, Any], context: Mapping[str, Any], integrations: Mapping[str, Any]
) -> dict[str, str]:
    """By their own names. What the event says of itself comes before its context, and that before what one integration is told."""
    found: dict[str, str] = {}
    for name, told in integrations.items():
        if isinstance(told, dict):
            words = next((words for word, words in _OF_AN_INTEGRATION if word in name.lower()), {})
            found |= _named(told, words)
    return found | _named(context, {}) | _named(properties, {})


def fbc_of(properties: Mapping[str, Any], context: Mapping[str, Any], time_ms: int) -> str | None:
    """Meta's click, as its cookie has it: where only the address's part was kept, made of it, as known when this happened."""
    for tree in (dict(properties), dict(context)):
        if told := text(tree, "fbc"):
            return told
        if (click := text(tree, "fbclid")) and (made := build_fbc(click, time_ms)):
            return made
    return None


def _named(tree: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, str]:
    ids = [name for name in tree if (low := name.lower()) in _ANY_CASE or low in words or low.startswith("_ga_")]
    if not ids:
        return {}
    plain = dict(tree)
    told = ((name, text(plain, name)) for name in ids)  # one name that says nothing hides no other of the same id
    return read_click_ids({words.get(n.lower()) or _CALLED.get(n, n): value for n, value in told if value is not None})
