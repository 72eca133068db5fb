"""How a command changes a store that a running gateway owns: one question and one answer on a local socket.

Owns the little protocol (a JSON line each way on ``control.sock`` in the data folder, which only its owner can
enter) and the fallback: with no gateway running, the command takes the folder itself. One owner, always.
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

from twofold.errors import StoreError

SOCKET = "control.sock"
MAX_LINE = 64 << 20  # a revive may name millions of deliveries
_TIMEOUT_S = 60.0

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def serve_control(folder: Path, handler: Handler) -> asyncio.Server:
    """Listens in the data folder. Paths are reached through the folder's descriptor: socket paths are short."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = msgspec.json.decode(await reader.readline())
            answer = await handler(question)
        except Exception as err:  # the operator must see it; the gateway must live
            answer = {"error": f"{type(err).__name__}: {err}"}
        writer.write(msgspec.json.encode(answer) + b"\n")
        with contextlib.suppress(ConnectionError):
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


def ask_gateway(folder: Path, question: dict[str, Any]) -> dict[str, Any] | None:
    """The running gateway's answer; None when none runs on this folder. Raises `StoreError` with its reason."""
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(_TIMEOUT_S)
            sock.connect(f"/proc/self/fd/{fd}/{SOCKET}")
            sock.sendall(msgspec.json.encode(question) + b"\n")
            answer = msgspec.json.decode(_read_line(sock))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    finally:
        os.close(fd)
    if "error" in answer:
        raise StoreError(f"the running gateway could not do it: {answer['error']}")
    return dict(answer)


def _read_line(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(65_536):
        parts.append(part)
    return b"".join(parts)
