"""A payload as people may see it: what was sent, without the address of the visitor in full.

Owns the masks only. Contact data is hashed in a payload already, and a token is never in one.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec

_ADDRESSES = (
    "client_ip_address",
    "ip_override",
    "ipAddress",
    "ip",
    "ip_address",
    "clientIpAddress",
)  # of every platform
_NEVER = ("access_token", "appsecret_proof")


def masked_payload(payload: bytes) -> Any:
    """The payload as a tree; as text where it is no JSON."""
    try:
        tree = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload.decode("utf-8", "replace")
    return _masked(tree)


def _masked(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _one(key, value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_masked(value) for value in tree]
    return tree


def _one(key: str, value: Any) -> Any:
    if key in _NEVER:
        return "…"
    if key in _ADDRESSES and isinstance(value, str):
        return _network(value)
    return _masked(value)


def _network(address: str) -> str:
    """203.0.113.9 as 203.0.113.…, an IPv6 address as its first three groups."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "…"
    if parsed.version == 4:
        return f"{address.rpartition('.')[0]}.…"
    return ":".join(parsed.exploded.split(":")[:3]) + ":…"
