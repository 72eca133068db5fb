"""Exchanging secrets under a running gateway: what of a new configuration can be taken over at once, and what needs a restart.

Owns that line. Webhooks' secrets, sources that are new or gone, and the platforms' tokens are taken over; whatever else differs is
named. A secret is told by a digest, over the folder's own socket.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from msgspec import Struct, structs

from twofold.config import DestinationSettings, Settings, secrets_of
from twofold.destinations import BY_PLATFORM
from twofold.policies import shops_alike


class Takeover(Struct, frozen=True):
    """``settings``: those that run from now on; ``restart``: what of the new ones they lack."""

    settings: Settings
    restart: tuple[str, ...]


def digest_of(secret: str) -> str:
    """By which both sides see that they mean the same secret."""
    return sha256(b"twofold:" + secret.encode()).hexdigest()[:24]


def take_over(old: Settings, new: Settings) -> Takeover:
    """Sources as a whole, destinations in part."""
    restart = [
        name
        for name in Settings.__struct_fields__
        if name not in ("source", "destination") and getattr(old, name) != getattr(new, name)
    ]
    sources, destinations = new.source, old.destination
    known = {d.id for d in old.dataset}
    if any(s.dataset not in known for s in new.source) or any(
        shops_alike(old, d.id) != shops_alike(new, d.id) for d in old.dataset
    ):
        restart.append("source")  # whose orders are told apart by it is in every part of the store
        sources = old.source
    if [_fixed(d) for d in old.destination] == [_fixed(d) for d in new.destination]:
        destinations = new.destination
    else:
        restart.append("destination")
    return Takeover(structs.replace(old, source=sources, destination=destinations), tuple(restart))


def held(settings: Settings) -> dict[str, Any]:
    """Path of a webhook, or name of a destination, to the digest of its newest secret."""
    return {
        **{s.path: digest_of(secrets_of(s)[0]) for s in settings.source if secrets_of(s)},
        **{d.name: digest_of(d.token) for d in settings.destination},
    }


def _fixed(destination: DestinationSettings) -> DestinationSettings:
    """What of a destination may not change while it runs."""
    return structs.replace(
        destination,
        endpoint="",
        token="",
        app_secret="",
        test_event_code="",
        version="",
        options=_open_options(destination),
    )


def _open_options(destination: DestinationSettings) -> dict[str, str]:
    """Without those that are secrets: they are exchanged as a token is."""
    known = BY_PLATFORM[destination.platform].options
    return {name: value for name, value in destination.options.items() if not known[name].secret}
