"""What a go rests on beside its evidence: the configuration, the tokens, the tag, and who sends; and whether that still is so.

Owns the fingerprints and the comparison. They are keyed with the installation's own key: who reads a packet can guess no
token and no setting from one. Ports, hosts and the console's own table are no part of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from twofold import tag
from twofold.acceptance.packet.seal import private_bytes
from twofold.acceptance.seen.owners import sender_names
from twofold.config import Settings

_PLACE = ("host", "port", "data", "status_token", "log")


_CHANGED = {"config": "the configuration changed", "token": "a token changed", "tag": "the tag changed"}


class Standing(Struct, frozen=True, kw_only=True):
    """Fingerprints, and each planned event's senders as ``event/sender``."""

    config: str
    token: str
    tag: str
    senders: tuple[str, ...]


def standing(settings: Settings, dataset: str, events: Iterable[str], now: int) -> Standing:
    """As it is now, Unix s."""
    folder = Path(settings.server.data)
    key = sha256(b"fingerprints\n" + private_bytes(folder)).digest()
    tree = stated(settings)
    tree.pop("console", None)
    tree["server"] = {k: v for k, v in tree.get("server", {}).items() if k not in _PLACE}
    tokens = [d.pop("token", "") for d in tree.get("destination", ()) if d.get("dataset") == dataset]
    for other in tree.get("destination", ()):
        other.pop("token", None)
    return Standing(
        config=_digest(key, tree), token=_digest(key, tokens), tag=sha256(tag.source()).hexdigest(),
        senders=tuple(sorted(f"{event}/{sender}" for event, sender in sender_names(folder, dataset, events, now))),
    )  # fmt: skip


def stated(value: Any) -> Any:
    """What differs from its default, so that a setting which a later version brings ends no go."""
    if isinstance(value, Struct):
        return {
            field.name: stated(told)
            for field in fields(value)
            if (told := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, list | tuple):
        return [stated(one) for one in value]
    if isinstance(value, dict):
        return {name: stated(one) for name, one in value.items()}
    return msgspec.to_builtins(value)


def _default(field: FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def why_over(before: Standing, now: Standing) -> tuple[str, ...]:
    """What has changed since: any of it ends a go at once."""
    found = [words for part, words in _CHANGED.items() if getattr(before, part) != getattr(now, part)]
    for name in now.senders:
        if name not in before.senders:
            event, _, sender = name.partition("/")
            said = f"a new sender: {event} by {sender}"
            found.append(said)
    return tuple(found)


def _digest(key: bytes, value: Any) -> str:
    return blake2b(msgspec.json.encode(_plain(value), order="sorted"), key=key, digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """The same with one form for one number: 600 and 600.0 are no change of a setting."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
