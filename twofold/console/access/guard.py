"""What stands before every page: which Host is ours, whose browser it is, what a change must show, what an answer carries.

Owns the cookie, the token of forms, the checks of Host, Origin and fetch metadata, and the security headers. Not: who may
log in (`register`) and what a role may see (`roles`).
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.requests import Request

from twofold.collect.limits.rate_limit import client_of
from twofold.console.access.register import Register, Session, is_token
from twofold.event.addresses import MAX_ADDRESS, read_address, split_list

log = logging.getLogger("twofold.console")

COOKIE = "__Host-twofold"
HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?")


class Guard:
    """``hosts``: names under which the console is reached beside the loopback's; ``proxies``: how many stand in front."""

    def __init__(
        self, register: Register, hosts: tuple[str, ...], proxies: int, clock: Callable[[], int],
        identity: str = "", identity_from: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """``identity``: the header in which a proxy names who is there; ``identity_from``: which peers are believed."""
        self._register = register
        self._identity = identity
        self._trusted = [ipaddress.ip_network(one) for one in identity_from]
        self._hosts = frozenset(h.casefold() for h in (*hosts, *LOOPBACK))
        self._proxies = proxies
        self._clock = clock

    def knows_host(self, request: Request) -> bool:
        """False for a name that is not ours: a page elsewhere that had its name point here."""
        values = request.headers.getlist("host")
        if len(values) != 1:
            return False
        host = values[0].casefold()
        named = _HOST.fullmatch(host)
        return named is not None and (named[1] in self._hosts or host in self._hosts)

    def origin_of(self, request: Request) -> str:
        """Where others open the console: over TLS, unless it is this machine's own address. For a Host that is known."""
        host = request.headers.get("host", "").casefold()
        named = _HOST.fullmatch(host)
        return f"{'http' if named and named[1] in LOOPBACK else 'https'}://{host}"

    def session_of(self, request: Request, *, seen: bool = True) -> Session | None:
        """Who is logged in with this browser; ``seen``: whether its person is there now, and not only the browser."""
        token = request.cookies.get(COOKIE, "")
        return self._register.session_of(token, self._clock(), seen=seen) if token else None

    def identity_of(self, request: Request) -> str | None:
        """Who is there, as the proxy says; None where no proxy that is believed says it, once and not empty."""
        given = request.headers.getlist(self._identity) if self._identity else []
        if len(given) != 1 or not given[0].strip():
            return None
        peer = read_address(request.client.host if request.client else "")
        if peer is None or not any(ipaddress.ip_address(peer) in network for network in self._trusted):
            log.warning("an identity header from %s is not believed", peer or "nowhere")
            return None
        return given[0].strip()

    def allows_change(self, request: Request, session: Session | None, token: str) -> bool:
        """Whether a change comes from a page of ours: the form's token, and where the browser says it, the same origin.

        Our pages have no referrer, so browsers write their origin as ``null``; then they must say "same-origin" otherwise.
        """
        site = request.headers.get("sec-fetch-site")
        origin = request.headers.get("origin")
        if site not in (None, "same-origin"):
            return False
        if origin == "null" and site is None:
            return False
        host = request.headers.get("host", "").casefold()
        if origin not in (None, "null") and urlsplit(origin or "").netloc.casefold() != host:
            return False
        return session is None or is_token(token, session.csrf)

    def address_of(self, request: Request) -> str:
        """Whose tries are counted: the peer, or who stands so many proxies away. Of IPv6 the /64, which one device has."""
        peer = request.client.host if request.client else ""
        hops = split_list(
            ",".join(request.headers.getlist("x-forwarded-for"))[-MAX_ADDRESS:]
        )  # a stranger writes on the left
        told = hops[-self._proxies] if 0 < self._proxies <= len(hops) else peer
        address = read_address(told) or told
        return client_of(address) or address


def cookie_of(token: str) -> str:
    """The header that gives a browser its session; it ends with the browser."""
    return f"{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"


def no_cookie() -> str:
    """The header that takes it away."""
    return f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
