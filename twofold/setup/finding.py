"""One thing that was looked at: in order, to be looked at, or to be done, with the command or the click that mends it.

Owns that form, and that it never holds a secret: a report is made to be sent to somebody. How it is printed is the command's.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

HIDDEN = "…"
SECRET_FIELDS = frozenset({"key", "token", "app_secret", "secret", "status_token", "token_secret", "verify_token",
                           "client_secret", "refresh_token", "developer_token", "segment_key", "mp_secret"})  # fmt: skip
_SHORTEST = 6  # characters; a shorter one is a part of ordinary words


class State(StrEnum):
    """How it is."""

    OK = "ok"  # in order
    LOOK = "look"  # it works, or cannot be told from here; somebody should look
    DO = "do"  # something does not work, or loses events


class Finding(Struct, frozen=True, kw_only=True):
    """``mend``: a command to type, or the way through somebody's pages."""

    name: str
    state: State = State.OK
    text: str = ""
    mend: str = ""
    file: str = ""
    line: int = 0


def ok(name: str, text: str = "") -> Finding:
    return Finding(name=name, text=text)


def look(name: str, text: str, mend: str = "") -> Finding:
    return Finding(name=name, state=State.LOOK, text=text, mend=mend)


def do(name: str, text: str, mend: str = "") -> Finding:
    return Finding(name=name, state=State.DO, text=text, mend=mend)


def without_secrets(finding: Finding, secrets: Iterable[str]) -> Finding:
    """The same with every secret that slipped into a text taken out, whoever wrote it."""
    texts = {"name": finding.name, "text": finding.text, "mend": finding.mend}
    for secret in secrets:
        texts = {part: text.replace(secret, HIDDEN) for part, text in texts.items()}
    return msgspec.structs.replace(finding, **texts)


def secrets_in(value: Any, field: str = "") -> list[str]:
    """Every secret of some settings, the longest first, so that none is hidden in part."""
    found: list[str] = []
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            found += secrets_in(getattr(value, name), name)
    elif isinstance(value, (tuple, list)):
        for one in value:
            found += secrets_in(one, field)
    elif isinstance(value, str) and field in SECRET_FIELDS and len(value) >= _SHORTEST:
        found.append(value)
    return sorted(set(found), key=len, reverse=True)
