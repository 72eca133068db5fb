"""How a command changes a store that a running gateway owns: questions and their answers on a local socket.

Owns the little protocol (a JSON line each way, as often as the command likes, on ``control.sock`` in the data folder, which only its owner can
enter). Who is asked when no gateway runs is `owner`'s to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from twofold.control.questions import AnyQuestion
from twofold.errors import StoreError, StoreInTheWay

SOCKET = "control.sock"
MAX_LINE = 64 << 20  # a revive may name millions of deliveries
_TIMEOUT_S = 60.0

Handler = Callable[[AnyQuestion], Awaitable[dict[str, Any]]]


async def serve_control(folder: Path, handler: Handler) -> asyncio.Server:
    """Listens in the data folder. Paths are reached through the folder's descriptor: socket paths are short."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await _line(reader):
                # One after the other, so that a command which asks faster than the disk takes has to wait.
                writer.write(await _answer(line, handler) + b"\n")
                await writer.drain()
        writer.close()

    with contextlib.suppress(FileNotFoundError):
        (folder / SOCKET).unlink()
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        server = await asyncio.start_unix_server(on_connection, f"/proc/self/fd/{fd}/{SOCKET}", limit=MAX_LINE)
    finally:
        os.close(fd)
    os.chmod(folder / SOCKET, 0o600)
    return server


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # longer than any question may be: nothing after it can be read either
        return b""


async def _answer(line: bytes, handler: Handler) -> bytes:
    try:
        return msgspec.json.encode(await handler(msgspec.json.decode(line, type=AnyQuestion)))
    except StoreError as err:
        return msgspec.json.encode({"error": str(err), "in_the_way": isinstance(err, StoreInTheWay)})
    except Exception as err:  # the operator must see it; the gateway must live
        return msgspec.json.encode({"error": f"{type(err).__name__}: {err}"})


class Conversation:
    """Several questions to one running gateway. `tell` may be ahead of `hear`; answers come in order.

    Both raise `StoreError`: with the gateway's reason, or when it went away; `StoreInTheWay` where the same can be asked again.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lines = sock.makefile("rb")

    @classmethod
    def open(cls, folder: Path) -> Conversation | None:
        """None when no gateway runs on this folder."""
        try:
            fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(_TIMEOUT_S)
            sock.connect(f"/proc/self/fd/{fd}/{SOCKET}")
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            sock.close()
            return None
        finally:
            os.close(fd)
        return cls(sock)

    def tell(self, question: AnyQuestion) -> None:
        try:
            self._sock.sendall(msgspec.json.encode(question) + b"\n")
        except OSError as err:
            raise StoreError(f"the running gateway went away: {err.strerror or err}; start the command again") from None

    def hear(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise StoreError(f"the running gateway did not answer in {_TIMEOUT_S:.0f} s; is the disk busy?") from None
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise StoreError("the running gateway went away; start the command again")
        answer = msgspec.json.decode(line)
        if "error" in answer:
            kind = StoreInTheWay if answer.get("in_the_way") else StoreError
            raise kind(f"the running gateway could not do it: {answer['error']}")
        return dict(answer)

    def close(self) -> None:
        self._lines.close()
        self._sock.close()
