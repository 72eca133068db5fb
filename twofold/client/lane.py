"""Items that go the same way: the queue of one address, what goes into one request, and when it may be tried again.

Two lanes exist, events (many in a request) and signed bodies (one in each), so that a wrong secret of the one never
holds up the other. Owns bytes and delays; knows no socket, no thread and no clock.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

MAX_EVENTS = 1_000  # Meta's limit for one request
MAX_BYTES = 1_000_000  # of one request; a gateway takes 4 MB unless it was told otherwise


class Item(NamedTuple):
    """One event or body, as JSON text."""

    text: str
    name: str
    id: str
    spooled: int | None = None  # its number in the spool


class Lane:
    """A queue with its own delays. All calls under the client's lock."""

    def __init__(
        self, name: str, path: str, most: int, build: Callable[[list[Item], float], tuple[bytes, dict[str, str]]]
    ):
        self.name = name
        self.path = path
        self.build = build
        self.items: deque[Item] = deque()
        self.taken: list[Item] = []  # in the request that is under way
        self.failures = 0
        self.not_before = 0.0  # by the monotonic clock
        self.asked_until = 0.0  # the part of it that the gateway asked for
        self._most = most
        self._limit = most

    def __len__(self) -> int:
        return len(self.items) + len(self.taken)

    @property
    def is_full_request(self) -> bool:
        return len(self.items) >= self._limit

    def take(self) -> list[Item]:
        """The next request's items."""
        size = 0
        while self.items and len(self.taken) < self._limit:
            size += len(self.items[0].text.encode()) + 1
            if self.taken and size > MAX_BYTES:
                break
            self.taken.append(self.items.popleft())
        return self.taken

    def settle(self) -> list[Item]:
        """All of the request's items are done with."""
        done, self.taken = self.taken, []
        self.failures, self.not_before, self.asked_until, self._limit = 0, 0.0, 0.0, self._most
        return done

    def drop(self, places: list[int]) -> list[Item]:
        """The items at ``places`` are gone, the others go again at once."""
        gone = [self.taken[place] for place in places]
        self.taken = [item for place, item in enumerate(self.taken) if place not in set(places)]
        self._again(0.0)
        return gone

    def divide(self) -> None:
        """The answer does not say which items it means: next time half as many."""
        self._limit = max(1, len(self.taken) // 2)
        self._again(0.0)

    def put_back(self, not_before: float, asked_until: float) -> None:
        """Nothing is known to have arrived: the same items again, not before that time."""
        self.failures += 1
        self.asked_until = asked_until
        self._again(not_before)

    def _again(self, not_before: float) -> None:
        self.items.extendleft(reversed(self.taken))
        self.taken = []
        self.not_before = not_before


def build_events(items: list[Item], _now_s: float) -> tuple[bytes, dict[str, str]]:
    """A Conversions API body."""
    return ('{"data":[' + ",".join(item.text for item in items) + "]}").encode(), {}


def signing(secret: str) -> Callable[[list[Item], float], tuple[bytes, dict[str, str]]]:
    """Builds the body of a shop's own webhook, signed at the moment it is sent (docs/own-shop.md)."""

    def build(items: list[Item], now_s: float) -> tuple[bytes, dict[str, str]]:
        body = items[0].text.encode()
        time = str(int(now_s))
        mac = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
        return body, {"X-Twofold-Signature": f"t={time},v1={mac}"}

    return build


def delay_s(failures: int, retry_after_s: float, most_s: float, draw: float) -> float:
    """Seconds to wait after so many failures in a row: full jitter, doubling from half a second; ``draw`` in [0, 1).

    The server's own wish is the least, and the jitter comes on top, so that many clients do not return together.
    """
    ceiling = min(most_s, 0.5 * 2.0 ** min(failures, 20))
    return retry_after_s + ceiling * draw


def to_json(value: Any) -> str:
    """JSON text. Decimals and dates are written as text, which the gateway reads exactly.

    Raises TypeError or ValueError for what cannot be written, at the caller's own line.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "as_tuple"):  # Decimal
        return format(value, "f")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be sent; use text, numbers, lists and dicts")
