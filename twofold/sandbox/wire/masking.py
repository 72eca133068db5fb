"""No contact data in the clear is kept: e-mail addresses and international phone numbers in what is stored are masked.

Owns recognising and replacing. The same text always becomes the same mask, so that copies still compare; hashed
values are not touched, and nothing else is, because the sandbox must show what was sent.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from twofold.sandbox.wire.rules import Checked

EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.[A-Za-z]{2,24}")
PHONE = re.compile(r"(?<![\w.])(?:\+|%2B)\d(?:[ ()-]?\d){7,16}(?!\d)")
_HINT = re.compile(rb"@|%40|(?:\+|%2B)\d")


def has_contact(text: str) -> bool:
    """True when an e-mail address or a phone number with its plus stands in the text."""
    return bool(EMAIL.search(text) or PHONE.search(text))


def mask_text(text: str) -> str:
    """The text with each of them replaced by ``masked-`` and a digest."""
    return PHONE.sub(_mask, EMAIL.sub(_mask, text))


def mask_value(value: Any) -> Any:
    """Every text inside a JSON value, keys included."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        return [mask_value(item) for item in value]
    if isinstance(value, dict):
        return {mask_text(key): mask_value(item) for key, item in value.items()}
    return value


def may_hold_contact(encoded: bytes | msgspec.Raw) -> bool:
    """A quick look at an event's JSON; False is certain."""
    return _HINT.search(bytes(encoded)) is not None


def mask_checked(event: Checked) -> Checked:
    """The checked event as it may be kept."""
    return msgspec.structs.replace(
        event,
        event_name=mask_text(event.event_name),
        event_id=None if event.event_id is None else mask_text(event.event_id),
        user_data=mask_value(event.user_data),
        custom_data=mask_value(event.custom_data),
        event=mask_value(event.event),
    )


def _mask(match: re.Match[str]) -> str:
    return "masked-" + hashlib.blake2b(match[0].lower().encode(), digest_size=5).hexdigest()
