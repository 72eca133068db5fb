"""The one reader of an internet address, wherever somebody writes one: a connection, a header, a field of any body.

Owns the forms in which an address comes and its one canonical text; whose address it is, is known where it was read.
Sources: RFC 4291 2.5.5.2 (an IPv4 address mapped into IPv6), RFC 5952 (canonical text), RFC 6874 and 4007 (zone ids),
RFC 7239 6 (``unknown``, ``_hidden``, ports, brackets), RFC 9110 5.6.1 (empty entries of a list).
"""

from __future__ import annotations

import ipaddress
import re

from twofold.event.click_ids import strip_appendix

MAX_ADDRESS = 1_024  # characters looked at; a list of many proxies is shorter

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]?|0)"
_PLAIN = re.compile(r"\.".join([_OCTET] * 4)).fullmatch  # written out, as a repeated group takes a quarter more
_PORT = r"(?::(?:\d{1,5}|_[\w.\-]*))?"
_IPV4 = re.compile(rf"([\d.]+){_PORT}", re.A)
_BRACKETS = re.compile(rf"\[([^\[\]]*)\]{_PORT}", re.A)
# Of one organisation or machine: behind such an address may be anybody (RFC 1918, 3927, 6598, 4193, 4291).
_OWN_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
_NOWHERE = frozenset({"0.0.0.0", "::"})  # "unspecified": what programs write when they know none


def read_address(text: str) -> str | None:
    """The address in canonical text; None for anything that is none. Of a list the first that is not of a private
    network, as senders copy the whole of X-Forwarded-For, else the first."""
    if _PLAIN(text) and text not in _NOWHERE:
        return text
    if "," not in text:
        return _read_one(text)
    found = [address for part in split_list(text) if (address := _read_one(part))]
    return next((a for a in found if not is_private(a)), found[0] if found else None)


def is_private(address: str) -> bool:
    """True for a canonical address of a private network, of this machine or of one link."""
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in _OWN_NETWORKS if network.version == ip.version)


def split_list(text: str) -> list[str]:
    """The entries of a list header, without the empty ones."""
    return [entry for part in text[:MAX_ADDRESS].split(",") if (entry := part.strip())]


def _read_one(text: str) -> str | None:
    text = text[:MAX_ADDRESS].strip(" \t\r\n\"'")
    inner = _BRACKETS.fullmatch(text) or _IPV4.fullmatch(text)
    return _parsed(inner[1] if inner else text) or _parsed(strip_appendix(text))


def _parsed(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])  # a zone means something on its own machine only
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    found = str(address)
    return None if found in _NOWHERE else found
