"""What the gateway asks of the child that looks at goes and reviews.

Owns the form of the question only, so that who asks it needs none of what answers it.
"""

from __future__ import annotations

from msgspec import Struct

from twofold.config import Settings

MODULE = "twofold.acceptance"
"""What a child process of the gateway runs."""


class GoTask(Struct, frozen=True, kw_only=True):
    """What the child is asked. ``weekly``: the whole review, else the goes alone. ``now``: Unix s."""

    settings: Settings
    now: int
    weekly: bool
