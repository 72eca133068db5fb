"""How busy a token is: the rate header of every Graph answer, and the throttling a test may ask for.

Owns one decaying score per token. Source: Meta for Developers, "Rate limits" of the Marketing API, read September
2026: a read costs 1, a write 3; standard access allows 9,000 and development access 60, decaying over 300 s, and
blocks for 60 s and 300 s. **Sending events has no documented limit of its own**, so nothing is throttled until
``throttle`` is set. ``type`` and the two time fields are ours: no public example shows them for events.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

READ, WRITE = 1, 3
HEADER = "x-business-use-case-usage"


class RateOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The documented figures of standard access; ``throttle`` makes them bite."""

    throttle: bool = False
    max_score: Annotated[int, Meta(ge=1)] = 9_000
    decay_s: Annotated[int, Meta(ge=1)] = 300
    block_s: Annotated[int, Meta(ge=1)] = 60
    status: Annotated[int, Meta(ge=400, le=599)] = 400  # 400 and 429 were both seen
    code: int = 80004
    subcode: int | None = None


class _Account(Struct):
    score: float = 0.0
    at_ms: int = 0
    blocked_until_ms: int = 0


class RateMeter:
    """The scores of all tokens. Tokens are used as keys in memory only."""

    def __init__(self, options: RateOptions | None = None) -> None:
        self.options = options or RateOptions()
        self._accounts: dict[str, _Account] = {}

    def set(self, options: RateOptions) -> None:
        """Other options, from an unused state on."""
        self.options = options
        self.clear()

    def clear(self) -> None:
        self._accounts.clear()

    def charge(self, token: str, cost: int, now_ms: int) -> bool:
        """Counts one call; False when it must be answered with the throttling code."""
        account = self._accounts.setdefault(token, _Account(at_ms=now_ms))
        account.score = self._decayed(account, now_ms) + cost
        account.at_ms = now_ms
        if not self.options.throttle:
            return True
        if now_ms < account.blocked_until_ms:
            return False
        if account.score > self.options.max_score:
            account.blocked_until_ms = now_ms + self.options.block_s * 1000
            return False
        return True

    def header(self, token: str, owner: str, now_ms: int) -> str:
        """The header's JSON text: percentages, and the minutes until a blocked token may call again."""
        account = self._accounts.get(token, _Account(at_ms=now_ms))
        percent = min(100, math.ceil(100 * self._decayed(account, now_ms) / self.options.max_score))
        blocked_ms = max(0, account.blocked_until_ms - now_ms) if self.options.throttle else 0
        use: dict[str, Any] = {
            "type": "ads_management",
            "call_count": percent,
            "total_cputime": percent,
            "total_time": percent,
            "estimated_time_to_regain_access": math.ceil(blocked_ms / 60_000),
        }
        return msgspec.json.encode({owner: [use]}).decode()

    def _decayed(self, account: _Account, now_ms: int) -> float:
        """The score falls evenly to nothing over ``decay_s``."""
        gone = (now_ms - account.at_ms) / (self.options.decay_s * 1000)
        return max(0.0, account.score - self.options.max_score * gone) if gone < 1 else 0.0
