"""The socket, the HTTP server on it, and what the process is told for its sake.

Owns how a port is taken, uvicorn's settings and the garbage collector's. Not: what is answered (`collect`), when it
starts and stops (`app`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import gc
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn

from twofold.collect.listen.protocol import HttpProtocol
from twofold.errors import ConfigError, TwofoldError

SWITCH_INTERVAL_S = 0.0001
"""Longest wait of the committing thread for the interpreter while the loop is busy. Twice in each commit it has to
get it back; the default of 5 ms was most of the time between two commits under load."""

BACKLOG = 2048

ARENAS = 2
"""Heaps of the C library's that all threads share. By default each thread of the pool gets one of its own, and keeps what its
largest question took: with 12 threads that had each read match quality once, 44 MB in place of 34, in the same time."""
_M_ARENA_MAX = -8


@contextlib.contextmanager
def own_process() -> Iterator[None]:
    """The interpreter set for a server, and as it was before once that has ended: whoever ran it goes on in this process, and what
    was out of the garbage collector's sight would never be freed there."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _share_arenas(ARENAS)
    try:
        yield
    finally:
        _share_arenas(0)
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.unfreeze()


def _share_arenas(most: int) -> None:
    """``most`` heaps for all threads from now on; 0 for as many as the C library likes. Where it is not glibc, nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, most)


def settle_memory() -> None:
    """Takes what was loaded out of the garbage collector's sight and lets it look less often, within `own_process`.

    A request makes some hundred objects that die with it, without cycles; looking through them every 700
    allocations cost 7 % of an accept.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def open_listener(host: str, port: int, who: str = "the gateway", table: str = "server") -> socket.socket:
    """The listening socket, or what to do when the port is taken. ``who`` wants it, by which ``table`` of the settings: a gateway and
    its console speak in one terminal."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Accepted connections inherit it; servers set it only on sockets they made themselves, and without it an
        # answer written in two parts waits 40 ms for the other side.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as err:
        raise ConfigError(
            f"{who} cannot listen on {host} port {port}: {unheard(err)}; choose another with --port, or `port` under [{table}]"
        ) from None


def unheard(err: OSError) -> str:
    """Why nothing can listen there, in a newcomer's words; the interpreter's own repeat the address."""
    if err.errno == errno.EADDRINUSE:
        return "another program listens there"
    if err.errno == errno.EACCES:
        return "this user may not, as ports below 1024 are the system's"
    return os.strerror(err.errno) if err.errno is not None and err.errno > 0 else str(err)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: they stop the workers too."""
        yield


def make_server(app: Any, host: str, port: int) -> uvicorn.Server:
    """The HTTP server with our guard, without its own signal handling and access log (URLs may carry tokens)."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        backlog=BACKLOG,
        log_config=None,
    )
    return _Server(config)


def port_of(server: uvicorn.Server) -> int:
    """The port that was taken."""
    return int(server.servers[0].sockets[0].getsockname()[1])


async def until_listening(server: uvicorn.Server, serving: asyncio.Task[Any]) -> None:
    """Returns when the server takes connections."""
    while not server.started:
        if serving.done():
            raise TwofoldError(f"cannot listen on {server.config.host}:{server.config.port}; is the port taken?")
        await asyncio.sleep(0.01)
