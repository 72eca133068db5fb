"""The gateway as browsers and shops reach it: its name, its certificate, the tag, one word of health, how many proxies stand there.

Owns the questions that go through the public address. What answers locally is not asked here.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from twofold import tag
from twofold.config import Settings
from twofold.pulling.exchange import Answer, Exchange, Unreached
from twofold.setup.finding import Finding, do, look, ok

CONNECT_S = 5.0
LOOK_DAYS, DO_DAYS = 21, 7  # certificates are renewed at 30 days left
STRANGER = "192.0.2.77"
"""What the doctor says its address is (a documentation address): who believes it believes anybody."""
HEALTH_WORDS = frozenset({"ok", "idle", "degraded", "stuck", "damaged", "failed"})
_WELL = frozenset({"ok", "idle"})


def look_outside(
    settings: Settings, exchange: Exchange, now: float, tls: ssl.SSLContext | None = None
) -> Iterator[Finding]:
    """Everything that can be seen of the public address."""
    address = settings.server.address
    if not address:
        yield look(
            "public address", "server.address is not set, so nothing can be looked at from outside",
            'set address = "https://…" under [server]',
        )  # fmt: skip
        return
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    found = name_of(host)
    yield found
    if found.state != "ok":
        return
    local = is_local(host)
    if parts.scheme == "https":
        yield certificate(host, port, now, tls)
    elif local:
        yield look(
            "TLS",
            f"{address} is this machine alone: no shop and no shopper reaches it",
            "put a proxy with TLS in front",
        )
    else:
        yield do(
            "TLS",
            f"{address} is not encrypted: pages under https may not load the tag",
            "put a proxy with TLS in front",
        )
    try:
        health = exchange.get(f"{address}/health")
    except Unreached as err:
        yield do(
            f"gateway at {address}", str(err), "start it (`twofold serve`), and let the proxy pass everything on to it"
        )
        return
    yield word_of(address, health)
    yield the_tag(settings, exchange)
    if settings.server.status_token:
        yield proxies(settings, exchange)
    else:
        yield look(
            "proxies", "not to be told without server.status_token", "set server.status_token, 16 characters or more"
        )


def name_of(host: str) -> Finding:
    """Whether the name is known, and to which addresses."""
    name = f"name {host}"
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)})
    except OSError as err:
        return do(
            name, f"is not known to this machine's DNS ({err.strerror or err})", f"make an A or AAAA record for {host}"
        )
    return ok(name, ", ".join(found))


def is_local(host: str) -> bool:
    """True for this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def certificate(host: str, port: int, now: float, tls: ssl.SSLContext | None = None) -> Finding:
    """How long it is valid, by the rules of a browser."""
    name = f"TLS of {host}"
    try:
        with socket.create_connection((host, port), timeout=CONNECT_S) as plain:
            context = tls or ssl.create_default_context()
            with context.wrap_socket(plain, server_hostname=host) as secure:
                shown = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as err:
        return do(
            name, f"is not valid for browsers: {err.verify_message}", "let the proxy get a certificate for this name"
        )
    except OSError as err:
        return do(
            name,
            f"nobody answers on port {port} ({err.strerror or type(err).__name__})",
            "start the proxy; open the port",
        )
    ends = ssl.cert_time_to_seconds(str(shown.get("notAfter", "")))
    days = int((ends - now) // 86_400)
    until = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d")
    if days < DO_DAYS:
        return do(name, f"ends in {days} days, on {until}", "renew the certificate, and see why the proxy did not")
    if days < LOOK_DAYS:
        return look(name, f"ends in {days} days, on {until}", "see that the proxy renews it by itself")
    return ok(name, f"valid for {days} days, until {until}")


def word_of(address: str, health: Answer) -> Finding:
    """What the gateway says of itself to anybody."""
    name = f"gateway at {address}"
    word = health.content[:16].decode("latin-1").strip()
    if word not in HEALTH_WORDS:
        return do(
            name,
            f"what answers there is no gateway of ours (status {health.status})",
            "let the proxy pass everything on",
        )
    if word in _WELL:
        return ok(name, word)
    if word == "degraded":
        return look(
            name, "degraded: a destination is paused, or deliveries are late", "twofold deliveries --state waiting"
        )
    return do(name, word, "twofold verify; the gateway's log says more")


def the_tag(settings: Settings, exchange: Exchange) -> Finding:
    """What a browser gets for the tag's line."""
    url = f"{settings.server.address}{settings.server.tag_path}/twofold.js"
    name = f"tag {url}"
    try:
        answer = exchange.get(url)
    except Unreached as err:
        return do(name, str(err), "let the proxy pass this path on to the gateway")
    if answer.status != 200:
        return do(name, f"is answered with {answer.status}", "let the proxy pass this path on to the gateway")
    if answer.content == tag.source():
        return ok(name)
    if b"twofold" in answer.content[:2_000].lower():
        return look(
            name, "is another version of the tag: a cache keeps it, or another version runs", "empty the cache in front"
        )
    return do(
        name, "is not the tag: something else answers under this path", "let the proxy pass this path on to the gateway"
    )


def proxies(settings: Settings, exchange: Exchange) -> Finding:
    """Whether X-Forwarded-For is read as deep as there are proxies: too deep and anybody says who he is, too shallow and every
    shopper is the proxy."""
    name = f"X-Forwarded-For, server.proxies = {settings.server.proxies}"
    headers = {"Authorization": f"Bearer {settings.server.status_token}", "X-Forwarded-For": STRANGER}
    try:
        seen = exchange.get(f"{settings.server.address}/health", headers=headers).document().get("client")
    except Unreached as err:
        return look(name, f"could not be asked: {err}")
    if not isinstance(seen, dict) or not isinstance(seen.get("hops"), list):
        return look(
            name,
            "the gateway did not say what it saw: an older version, or another status_token",
            "restart the gateway",
        )
    hops = [str(hop) for hop in seen["hops"]]
    kept = STRANGER in hops
    depth = len(hops) - hops.index(STRANGER) - 1 if kept else len(hops)
    if depth == settings.server.proxies:
        return ok(name, f"the gateway reads {depth} hops, as many as there are proxies")
    mend = f"set proxies = {depth} under [server] and restart"
    if seen.get("address") == STRANGER:
        return do(name, f"there are {depth} proxies: the gateway believes any address that a stranger writes", mend)
    return do(name, f"there are {depth} proxies: the gateway does not see the shoppers' own addresses", mend)
