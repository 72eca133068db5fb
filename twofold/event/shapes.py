"""Objects and lists as programming languages write them by accident, brought back to what was meant.

Owns three accidents: PHP writes an empty object as ``[]`` and a list with a gap as an object whose keys are numbers; a
value that went through a form or a metadata field arrives as a JSON text of itself. What a part means is its reader's.
"""

from __future__ import annotations

from typing import Any

from twofold.event.json import read_json
from twofold.event.refusal import Refusal


def as_object(value: Any) -> Any:
    """An object, from itself, from ``[]`` or from its JSON text; anything else as it was."""
    value = _parsed(value, "{")
    return {} if value == [] else value


def as_list(value: Any) -> Any:
    """A list, from itself, from an object of numbered entries, from its JSON text; anything else as it was."""
    value = _parsed(value, "[{")
    if isinstance(value, dict) and all(type(key) is str and key.isdecimal() for key in value):
        return list(value.values())
    return value


def _parsed(value: Any, beginnings: str) -> Any:
    if type(value) is not str or not (text := value.strip()) or text[0] not in beginnings + "[":
        return value
    tree = read_json(text)
    return value if isinstance(tree, Refusal) else tree
