"""Who is at the door: dataset keys, origins, client addresses, the name of the sending software.

Owns comparisons that a stranger can attack: keys are compared as digests in constant time, and forwarded
addresses are believed only as far as the configured number of proxies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from functools import lru_cache
from urllib.parse import unquote_plus

from twofold.collect.messages import Request
from twofold.event.addresses import MAX_ADDRESS, read_address, split_list
from twofold.event.contact import names_somebody

MAX_AGENT_NAME = 80  # characters of a program's name with its version
_SDK = re.compile(r"fbbizsdk-([a-z]+)", re.I)
# As JSON, a form and a form in parts write it; looked for at one place, as searching for all three reads a body slowly.
_TOKEN = re.compile(rb'access_token(?:"\s*:\s*"([^"\\]{1,512})"|=([^&]{1,512})|"\r\n\r\n([^\r]{1,512}))')
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


def shows_key(request: Request, digest: bytes | None) -> bool:
    """Whether the key stands where senders write it, found without reading the body: in a header, the address, or as the first
    token of JSON or of a form."""
    told = [bearer_of(request.header(b"authorization"))]
    for text in (request.query.encode("latin-1"), request.body):
        found = _TOKEN.match(text, max(0, text.find(b"access_token")))
        if found is not None:
            told += [(found[1] or found[3] or b"").decode("latin-1"), unquote_plus((found[2] or b"").decode("latin-1"))]
    return any(key_fits(token, digest) for token in told)


def basic_user_of(header: str) -> str:
    """The name in an ``Authorization: Basic`` header, where clients put their key; empty for any other."""
    scheme, _, code = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(code.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def origin_allowed(origin: str, allowed: frozenset[str]) -> bool:
    """True for a listed site. No origin, and ``null`` from a sandboxed frame, are let through: such pixels exist,
    and a forger can write any origin anyway, so this keeps honest sites apart rather than strangers out."""
    return not allowed or not origin or origin == "null" or origin in allowed


def client_address(peer: str, forwarded: str, proxies: int) -> str:
    """The shopper's address: the connection's peer, or that many hops from the right of X-Forwarded-For.

    Empty when it is not known. Behind a proxy the peer is the proxy, whose address says nothing of any shopper.
    """
    if not proxies:
        return read_address(peer) or ""
    hops = split_list(forwarded[-MAX_ADDRESS:])  # a stranger writes on the left
    return (hops and read_address(hops[-min(proxies, len(hops))])) or ""


@lru_cache(maxsize=1024)
def sender_name(user_agent: str, partner_agent: str) -> str:
    """Which software made a server copy: sdk-python, sdk-nodejs, the partner agent without version, or api."""
    sdk = _SDK.search(user_agent)
    if sdk:
        return f"sdk-{sdk[1].lower()}"
    partner_agent = partner_agent[:MAX_AGENT_NAME]  # the version is looked for from each sign on
    if partner_agent.isprintable() and partner_agent and not names_somebody(partner_agent):
        return _VERSION.sub("", partner_agent.lower())[:40] or "api"
    return "api"
