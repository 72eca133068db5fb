"""The sandbox as a program: composes the endpoints and runs them until it is told to stop.

Owns the listening socket, the order of the routes and the way to stop. Adding an endpoint is one row in `ROOMS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from twofold.clock import Clock, now_ms
from twofold.errors import ConfigError, StoreError
from twofold.sandbox.doors import app_sdk, events, graph_ads, linking, lists, pixel, tokens
from twofold.sandbox.judge import findings, quality, stats, views
from twofold.sandbox.pages import pages, world_views
from twofold.sandbox.settings import Sandbox, SandboxSettings
from twofold.sandbox.wire.faults import TRANSPORT, FaultScript
from twofold.sandbox.wire.notes import Notes
from twofold.sandbox.wire.rates import RateMeter
from twofold.sandbox.wire.received import Inbox
from twofold.sandbox.world.world import World

__all__ = ["SandboxSettings", "build_app", "build_sandbox", "serve"]

# `events` matches any first segment, so it comes last.
ROOMS = (views, world_views, findings, pages, pixel, app_sdk, linking, tokens, quality, lists, graph_ads, stats, events)
BACKLOG = 2_048
GRACE_S = 3  # how long open requests may take to end


async def serve(
    settings: SandboxSettings,
    *,
    clock: Clock = now_ms,
    on_ready: Callable[[str], None] | None = None,
    handle_signals: bool = True,
) -> None:
    """Runs until SIGTERM, SIGINT or cancellation. ``on_ready`` gets the base address, e.g. http://127.0.0.1:8401.

    With ``handle_signals`` False the caller stops it by cancelling. Raises `ConfigError` when the address cannot be
    listened on, `StoreError` when the data folder cannot be used.
    """
    listener = _listen(settings)
    try:
        sandbox = build_sandbox(settings, clock)
    except OSError as err:
        listener.close()
        raise StoreError(f"sandbox data folder {settings.data}: {err.strerror or err}") from None
    except BaseException:
        listener.close()
        raise
    server = _Server(_config(build_app(sandbox)))
    address = f"http://{settings.host}:{listener.getsockname()[1]}"
    try:
        with _stopping_on_signals(handle_signals, lambda: _stop(sandbox, server)):
            await _run(sandbox, server, listener, address, on_ready)
    finally:
        sandbox.inbox.close()
        sandbox.world.close()
        listener.close()


def build_sandbox(settings: SandboxSettings, clock: Clock = now_ms) -> Sandbox:
    """The state of one sandbox; a data folder is read back here."""
    folder = Path(settings.data) if settings.data else None
    inbox = Inbox(options=settings.dedup, capacity=settings.capacity, folder=folder)
    return Sandbox(
        settings=settings,
        clock=clock,
        inbox=inbox,
        world=World(inbox, folder),
        faults=FaultScript(),
        rates=RateMeter(settings.rates),
        notes=Notes(folder),
        closing=asyncio.Event(),
    )


def build_app(sandbox: Sandbox) -> Starlette:
    """The ASGI application. Fault answers that break the connection need `serve` around it."""
    app = Starlette(routes=[route for room in ROOMS for route in room.routes(sandbox)])
    app.router.redirect_slashes = False  # Meta's paths are answered as they are
    return app


class _Protocol(HttpToolsProtocol):
    """Leaves the connection in the scope, so that a scripted fault can break it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]  # the type knows ASGI's own keys only


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would raise them again at the end, and the process would die of SIGTERM."""
        yield


def _config(app: Starlette) -> uvicorn.Config:
    # No access log: tokens travel in the query.
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )


async def _run(
    sandbox: Sandbox,
    server: _Server,
    listener: socket.socket,
    address: str,
    on_ready: Callable[[str], None] | None,
) -> None:
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        while not server.started and not running.done():
            await asyncio.sleep(0.005)
        if on_ready is not None and not running.done():
            on_ready(address)
        await asyncio.shield(running)
    except asyncio.CancelledError:
        _stop(sandbox, server)
        await running
        raise


def _stop(sandbox: Sandbox, server: _Server) -> None:
    sandbox.closing.set()  # lets streams and hanging answers end
    server.should_exit = True


def _listen(settings: SandboxSettings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as err:
        raise ConfigError(
            f"sandbox: cannot listen on {settings.host} port {settings.port}: {getattr(err, 'strerror', None) or err}; choose another --port"
        ) from None
    # Inherited by every connection. asyncio sets it only on sockets made with an explicit TCP protocol number, and
    # without it each answer waits 40 ms for the sender's delayed acknowledgement (measured).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextlib.contextmanager
def _stopping_on_signals(enabled: bool, stop: Callable[[], None]) -> Iterator[None]:
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
