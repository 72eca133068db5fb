"""Whoever opens connections to the console and says little, or says one thing without an end: they are ended, and others come in."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
from running_console import PASSWORD, Running

from twofold.console.connections import BODY_GRACE_S, HEAD_S, MAX_HEAD_BYTES, MAX_PER_CLIENT

PATIENCE_S = 60 + HEAD_S + BODY_GRACE_S
LOGIN = b"POST /console/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SLOW = {
    "silent": b"",
    "half a line": b"GET /conso",
    "a head without an end": b"GET /console/login HTTP/1.1\r\nHost: localhost\r\nX-Padding: ",
    "a body without an end": LOGIN + b"Content-Length: 5000\r\n\r\nname=",
    "chunks without an end": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\nn\r\n",
    "a second request without an end": b"GET /console/login HTTP/1.1\r\nHost: localhost\r\n\r\nGET /console/login HTTP/1.1\r\nX: ",
}


def connected(console: Running, source: str = "127.0.0.1") -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", console.port), PATIENCE_S, (source, 0))
    opened.setblocking(False)
    return opened


def is_ended(connection: socket.socket) -> bool:
    """Whether the console has closed; what it said before is read away."""
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def test_who_says_little_is_ended_and_who_goes_on_is_not(console: Running) -> None:
    """Two hundred silent connections shut everybody out for as long as they pleased. A stream that is open for longer than a head and a
    body may take, and a form in two pieces, are no slow clients."""
    owner = console.owner()
    stream, typed = connected(console), connected(console)
    began = time.monotonic()
    stream.sendall(f"GET /console/live/stream HTTP/1.1\r\nHost: localhost\r\nCookie: {owner.cookie}\r\n\r\n".encode())
    form = f"name=nino&password={PASSWORD}".replace(" ", "+").encode()
    head = LOGIN + b"Sec-Fetch-Site: same-origin\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(form)
    typed.sendall(head + form[:10])
    left = {name: connected(console) for name in SLOW}
    for name, connection in left.items():
        connection.sendall(SLOW[name])
    time.sleep(BODY_GRACE_S / 3)
    typed.settimeout(PATIENCE_S)
    typed.sendall(form[10:])
    assert typed.recv(100).startswith(b"HTTP/1.1 303")
    until = time.monotonic() + PATIENCE_S
    while left and time.monotonic() < until:
        for name in [name for name, connection in left.items() if is_ended(connection)]:
            left.pop(name).close()
        for name in left.keys() - {"silent"}:
            with contextlib.suppress(OSError):  # it is ended, as the next look says
                left[name].sendall(b"1\r\na\r\n" if "chunks" in name else b"a")
        time.sleep(0.5)
    assert list(left) == []
    time.sleep(max(0.0, began + BODY_GRACE_S / 3 + HEAD_S + BODY_GRACE_S - time.monotonic()))
    assert not is_ended(stream)
    assert console.browser().get("/login").status == 200
    typed.close()
    stream.close()


@pytest.mark.parametrize(("size", "kept"), [(MAX_HEAD_BYTES // 2, True), (MAX_HEAD_BYTES * 20, False)])
def test_a_head_is_not_endless(console: Running, size: int, kept: bool) -> None:
    with socket.create_connection(("127.0.0.1", console.port), PATIENCE_S) as connection:
        try:
            connection.sendall(b"GET /console/login HTTP/1.1\r\nHost: localhost\r\nX-Padding: ")
            for _ in range(size // 1024):
                connection.sendall(b"a" * 1024)
                time.sleep(0.001)  # in many packets, as a single one is read whole
            connection.sendall(b"\r\n\r\n")
            said = connection.recv(100)
        except OSError:
            said = b""
    assert said.startswith(b"HTTP/1.1 200") is kept


def test_one_address_has_only_so_many_connections(console: Running) -> None:
    """And leaves room for others; this machine's own address may be a proxy's and speaks for everybody."""
    many = [connected(console, "127.0.0.2") for _ in range(MAX_PER_CLIENT + 20)]
    ours = [connected(console) for _ in range(MAX_PER_CLIENT + 20)]
    until = time.monotonic() + PATIENCE_S
    while (ended := sum(map(is_ended, many))) < 20 and time.monotonic() < until:
        time.sleep(0.2)
    assert ended == 20
    assert not any(map(is_ended, ours))
    assert console.browser().get("/login").status == 200
    for connection in many + ours:
        connection.close()
