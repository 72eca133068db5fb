"""Which webhooks came and when: by path and topic the last signed one, by path those whose signature did not fit.

Owns that memory and its form on disk, so that a silent topic is found also after a restart. A topic is a header that nobody signs:
what does not look like one counts as none, and a path keeps so many at most. No body, no order, no person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec
from msgspec import Struct

META = "webhooks_seen"
"""The name under which the store keeps it."""
MAX_TOPICS = 64
_TOPIC = re.compile(r"[a-z0-9_.]{1,40}(/[a-z0-9_.]{1,40})?")


class SeenPath(Struct, kw_only=True):
    """Times in ms; 0: never."""

    topics: dict[str, int] = {}
    unsigned: int = 0  # whose signature did not fit
    unsigned_at: int = 0


class Seen:
    """``kept``: what `encode` gave at the last run; of it only these ``paths``."""

    def __init__(self, paths: Collection[str], kept: Mapping[str, SeenPath] | None = None) -> None:
        known = kept or {}
        self.paths = {path: known.get(path, SeenPath()) for path in paths}
        self.changed = False

    def signed(self, path: str, topic: str, now_ms: int) -> None:
        """One that was signed, whatever became of it."""
        topics = self.paths[path].topics
        name = topic if _TOPIC.fullmatch(topic) else ""
        if name in topics or len(topics) < MAX_TOPICS:
            topics[name] = now_ms
        self.changed = True

    def unsigned(self, path: str, now_ms: int) -> None:
        """One whose signature did not fit."""
        one = self.paths[path]
        one.unsigned += 1
        one.unsigned_at = now_ms
        self.changed = True

    def encode(self) -> str:
        """For the store; what comes afterwards is a change again."""
        self.changed = False
        return msgspec.json.encode(self.paths).decode()


def decode_seen(text: str | None) -> dict[str, SeenPath]:
    """What was kept; empty for nothing, and for what cannot be read: it is only for looking at."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, SeenPath])
    except msgspec.DecodeError:
        return {}
