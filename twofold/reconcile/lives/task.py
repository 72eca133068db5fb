"""What decides about lives beside the store, and how whoever makes them is told.

Owns this shape. A digest of it stands in the tables' manifest: other rules make all lives again.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct

from twofold.reconcile.chain.values import Rules

LIVES_MODULE = "twofold.reconcile.lives"
"""The child process that makes the derived tables."""


class LivesTask(Struct, frozen=True, kw_only=True):
    """What decides about lives beside the store, from the settings."""

    rules: Rules
    zone: str


_encode = msgspec.json.Encoder(decimal_format="string", order="sorted").encode
FORM = 4
"""Of the way in which lives are worked out; another one makes all of them again."""


def encoded(task: LivesTask) -> bytes:
    """As the builder is told it."""
    return _encode(task)


def digest_of(task: LivesTask) -> str:
    """Stands for it."""
    return blake2b(b"%d " % FORM + _encode(task), digest_size=8).hexdigest()
