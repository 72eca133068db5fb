"""The console's process: its register, its listener, its end.

Owns starting and stopping. The gateway is another process: whether one runs is seen when something is read or asked.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from twofold.clock import now_ms
from twofold.config import ConsoleSettings, Settings
from twofold.console.access.register import Register
from twofold.console.app import Console
from twofold.console.connections import ConsoleProtocol
from twofold.console.money.making import begun_by
from twofold.console.parts import ROOT
from twofold.control.owner import open_owner
from twofold.control.socket import Conversation
from twofold.errors import StoreLocked
from twofold.listening import open_listener
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.engines import require_data
from twofold.store.sqlite.database import form_of

log = logging.getLogger("twofold.console")

STOP_S = 5
LOOK_S = 0.5
SWITCH_S = 0.001
"""A page that comes back from the store waits so long at most for a thread that counts; Python's own five milliseconds add up."""


def serve_console(
    settings: Settings,
    on_ready: Callable[[str, str | None], None],
    *,
    gateway: int = 0,
    config: Path | None = None,
) -> None:
    """Runs the console until it is told to stop. ``on_ready`` gets its address, and the first person's link if one is
    needed. ``config``: the file of the settings. ``gateway``: the process of the one that started it; where that is gone, it makes room for the console of the next, and ends where its folder is gone, too.
    Raises `StoreError` where there is no data folder."""
    os.umask(0o077)
    sys.setswitchinterval(SWITCH_S)
    require_data(Path(settings.server.data))
    if not gateway:
        bring_along(settings)
    begun_by(settings, gateway)
    register = Register(Path(settings.server.data))
    try:
        asyncio.run(_serve(settings, register, on_ready, gateway, config))
    finally:
        register.close()


def bring_along(settings: Settings) -> None:
    """A folder of an older version gets this one's form, as a gateway would give it; where one of that version has the folder, nothing
    is done, and the pages say whose turn it is."""
    if not 0 < form_of(Path(settings.server.data)) < SCHEMA_VERSION:
        return
    try:
        open_owner(settings).close()
    except StoreLocked:
        log.warning(
            "the data folder is of an older version, and somebody has it; restart the gateway with this version"
        )


async def _serve(
    settings: Settings,
    register: Register,
    on_ready: Callable[[str, str | None], None],
    gateway: int,
    config_file: Path | None,
) -> None:
    own = settings.console or ConsoleSettings()
    listener = open_listener(own.host, own.port, "the console", "console")
    port = listener.getsockname()[1]
    console = Console(settings, register, lambda: now_ms() // 1000, config_file)
    config = uvicorn.Config(
        console,
        ws="none", lifespan="off", access_log=False, server_header=False, proxy_headers=False, log_config=None,
        timeout_keep_alive=15, timeout_graceful_shutdown=STOP_S, limit_concurrency=200, http=ConsoleProtocol,
    )  # fmt: skip
    server = uvicorn.Server(config)
    host = f"[{own.host}]" if ":" in own.host else own.host
    first = register.first_link(now_ms() // 1000)
    link = f"http://{host}:{port}{ROOT}/join/{first}" if first else None
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    on_ready(f"http://{host}:{port}{ROOT}", link)
    watch = asyncio.ensure_future(_make_room(server, Path(settings.server.data), gateway)) if gateway else None
    try:
        await serving
    finally:
        console.close()
    if watch is not None:
        watch.cancel()


async def _make_room(server: uvicorn.Server, folder: Path, gateway: int) -> None:
    """Ends the console whose gateway was killed once another gateway runs on the folder, as its console wants the port, and where the
    folder is gone, as a demo's is: there is nothing left to show."""
    while os.getppid() == gateway or (folder.is_dir() and not await asyncio.to_thread(_has_gateway, folder)):
        await asyncio.sleep(LOOK_S)
    server.should_exit = True


def _has_gateway(folder: Path) -> bool:
    conversation = Conversation.open(folder)
    if conversation is None:
        return False
    conversation.close()
    return True
