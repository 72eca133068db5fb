"""The form in which identifiers are compared: appendices stripped, hashes in lower case, one form per value.

Owns comparison only; what was sent stays untouched beside it. Source of the appendix: the official parameter
builder 1.3.2 appends it to cookies, hashes, addresses and URLs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from twofold.event.click_ids import parse_fbp, strip_appendix
from twofold.sandbox.wire.rules import is_hash


def comparable_fbp(value: Any) -> str | None:
    """An fbp without appendix; a malformed one compares as the text it is."""
    if not isinstance(value, str) or not value:
        return None
    found = parse_fbp(value)
    return f"fb.{found.index}.{found.created_ms}.{found.payload}" if found else value


def comparable_values(value: Any) -> tuple[str, ...]:
    """One text or a list of them, each once and sorted. Only hashes lose an appendix: a raw id may look like one."""
    items = value if isinstance(value, list) else [value]
    texts = (str(item) for item in items if isinstance(item, str | int) and not isinstance(item, bool))
    return tuple(sorted({strip_appendix(text).lower() if is_hash(text) else text for text in texts if text}))


def person_digest(user_data: Mapping[str, Any]) -> str:
    """Equal for equal user_data, whatever the order of keys and of lists."""
    form = {key: comparable_values(user_data[key]) for key in sorted(user_data)}
    return hashlib.blake2b(msgspec.json.encode(form), digest_size=16).hexdigest()
