"""The line to Chromium: one process of our own, its DevTools protocol over two pipes, and Playwright as a guest on the same line.

Owns the process, its throw-away profile and what passes between. Playwright lets every worker and frame run as soon as it hears of it, so a
second client hears of their first requests only by luck. Here it is told a moment later: what watches is switched on first, in
the same session. No debugging port is open: Playwright comes in by a local socket with a secret path, and nobody else.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from twofold.scratch import scratch_folder

SCRATCH = "twofold-walk-"
"""Chromium's profile and everything that it writes for a while: what a hard end leaves, the next walk takes away."""
STARTED_S = 30.0
STOPPED_S = 5.0
ASKED_S = 3.0
_MOST = 64 << 20  # bytes of one message
_OURS = 1_000_000_000  # numbers of our own questions begin here

Hears = Callable[[str, str, dict[str, Any]], bool]
"""Session, event and its parameters; True for what is not for Playwright."""

FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-popup-blocking",
    "--disable-dev-shm-usage", "--metrics-recording-only", "--mute-audio", "--hide-scrollbars", "--password-store=basic",
    # A sandboxed frame stays in its page's process, where its first line is heard.
    "--disable-features=IsolateSandboxedIframes,Translate,MediaRouter,OptimizationHints",
)  # fmt: skip


class Wire:
    """A running Chromium. ``hears`` is called with every event, in order, before Playwright sees it. ``scratch``: for what is written
    while it runs."""

    def __init__(self, hears: Hears) -> None:
        self._hears = hears
        self._number = _OURS
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._telling: asyncio.Queue[str] = asyncio.Queue()
        self._held = ExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self._runner: web.AppRunner | None = None
        self._in: asyncio.ReadTransport | None = None
        self._out: asyncio.WriteTransport | None = None
        self.address = ""
        self.agent = ""  # as the browser calls itself
        self.scratch = Path()

    async def start(self, program: str, arguments: tuple[str, ...]) -> None:
        self.scratch = self._held.enter_context(scratch_folder(SCRATCH))
        flags = [*FLAGS, f"--user-data-dir={self.scratch / 'profile'}", *arguments, "about:blank"]
        if os.geteuid() == 0:
            flags.insert(0, "--no-sandbox")
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                program, *flags, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL, start_new_session=True, pass_fds=(3, 4),
                env=os.environ | {"TMPDIR": str(self.scratch)},
                preexec_fn=lambda: _as_three_and_four(theirs_in, theirs_out),
            )  # fmt: skip
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_MOST)
        self._in, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_in, "rb", 0)
        )
        self._out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(ours_out, "wb", 0))
        self._reading = asyncio.ensure_future(self._read(reader))
        await self._listen()
        version = await self.ask("", "Browser.getVersion", wait_s=STARTED_S)
        if not version:
            raise TimeoutError
        self.agent = str(version.get("userAgent", ""))

    async def stop(self) -> None:
        """Ends the browser and all of its processes, and takes its profile away."""
        if self._process is not None:
            await self._end(self._process)
        if self._reading is not None:
            self._reading.cancel()
        for pipe in (self._in, self._out):
            if pipe is not None:
                pipe.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._held.close()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with suppress(Exception):
            await self.ask("", "Browser.close", wait_s=1.0)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOPPED_S)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # a session of its own: nobody else's process is in it
        await process.wait()

    # -- our own questions

    def send(self, session: str, method: str, params: dict[str, Any] | None = None) -> int:
        """Asks at once, before anything that is sent later; the answer is not waited for."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params or {}}
        self._write(message | ({"sessionId": session} if session else {}))
        return self._number

    def question(
        self, session: str, method: str, params: dict[str, Any] | None = None
    ) -> asyncio.Future[dict[str, Any]]:
        """Asks at once; the answer's result comes when it comes, and is empty for an error."""
        number = self.send(session, method, params)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        return answer

    async def ask(
        self, session: str, method: str, params: dict[str, Any] | None = None, wait_s: float = ASKED_S
    ) -> dict[str, Any]:
        """The answer's result; of an error, and of what does not answer, an empty one."""
        try:
            return dict(await asyncio.wait_for(self.question(session, method, params), wait_s))
        except TimeoutError:
            return {}

    # -- between Chromium and Playwright

    def _write(self, message: dict[str, Any]) -> None:
        if self._out is not None and not self._out.is_closing():
            self._out.write(json.dumps(message).encode() + b"\0")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            while True:
                self._take((await reader.readuntil(b"\0"))[:-1])
        for waiting in list(self._waiting.values()):  # the browser is gone
            if not waiting.done():
                waiting.set_result({})

    def _take(self, raw: bytes) -> None:
        message = json.loads(raw)
        number = message.get("id")
        if number is not None and number > _OURS:
            waiting = self._waiting.get(number)
            if waiting is not None and not waiting.done():
                waiting.set_result(message.get("result") or {})
        elif number is not None or not self._hears(
            message.get("sessionId", ""), message["method"], message.get("params") or {}
        ):
            self._telling.put_nowait(raw.decode())

    async def _listen(self) -> None:
        path = f"/{secrets.token_urlsafe(24)}"
        app = web.Application()
        app.router.add_get(path, self._guest_comes)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1.0, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"ws://127.0.0.1:{self._runner.addresses[0][1]}{path}"

    async def _guest_comes(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=_MOST)
        await socket.prepare(request)
        telling = asyncio.ensure_future(self._tell(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and message.data:
                    self._write(json.loads(message.data))
        finally:
            telling.cancel()
        return socket

    async def _tell(self, socket: web.WebSocketResponse) -> None:
        with suppress(ConnectionError):
            while True:
                await socket.send_str(await self._telling.get())


def _as_three_and_four(read: int, write: int) -> None:
    """Chromium reads from 3 and writes to 4. Both are moved up first, as one may sit where the other goes."""
    high = [os.dup2(fd, 100 + n) for n, fd in enumerate((read, write))]
    for fd, place in zip(high, (3, 4), strict=True):
        os.dup2(fd, place)
