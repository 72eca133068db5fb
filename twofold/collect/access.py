"""Who is at the door: dataset keys, origins, client addresses, the name of the sending software.

Owns comparisons that a stranger can attack: keys are compared as digests in constant time, and forwarded
addresses are believed only as far as the configured number of proxies.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache

from twofold.matching.normalise import normalise_ip

_SDK = re.compile(r"fbbizsdk-([a-z]+)", re.I)
_VERSION = re.compile(r"[-_/ ]?v?\d[\w.\-]*$")


def key_digest(key: str) -> bytes:
    """What is kept of a dataset's key."""
    return hashlib.sha256(key.encode()).digest()


def key_fits(token: str, digest: bytes | None) -> bool:
    """True when the token is the dataset's key; never for a dataset without one."""
    return digest is not None and bool(token) and hmac.compare_digest(key_digest(token), digest)


def bearer_of(header: str) -> str:
    """The token of an ``Authorization: Bearer`` header; empty for any other."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def origin_allowed(origin: str, allowed: frozenset[str]) -> bool:
    """True for a listed site. No origin, and ``null`` from a sandboxed frame, are let through: such pixels exist,
    and a forger can write any origin anyway, so this keeps honest sites apart rather than strangers out."""
    return not allowed or not origin or origin == "null" or origin in allowed


def client_address(peer: str, forwarded: str, proxies: int) -> str:
    """The shopper's address: the connection's peer, or that many hops into X-Forwarded-For where that is one."""
    if not proxies or not forwarded:
        return peer
    hops = [h.strip() for h in forwarded.split(",")]
    return normalise_ip(hops[-proxies] if proxies <= len(hops) else hops[0]) or peer


@lru_cache(maxsize=1024)
def sender_name(user_agent: str, partner_agent: str) -> str:
    """Which software made a server copy: sdk-python, sdk-nodejs, the partner agent without version, or api."""
    sdk = _SDK.search(user_agent)
    if sdk:
        return f"sdk-{sdk[1].lower()}"
    if partner_agent.isprintable() and partner_agent and "@" not in partner_agent:
        return _VERSION.sub("", partner_agent.lower())[:40] or "api"
    return "api"
