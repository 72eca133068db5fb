"""A gateway made of one socket and a list of answers: what a client does when the other side does not behave.

Owns HTTP framing only. An answer is bytes that are written as they are, after which the connection is closed unless the
answer is a whole one; `None` closes without a word. The last answer is given to every further request.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple


class Request(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return json.loads(self.body)["data"]


def answer(status: int, tree: object, *headers: str) -> bytes:
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def taken(count: int, *messages: str) -> bytes:
    return answer(200, {"events_received": count, "messages": list(messages), "fbtrace_id": "A1"})


def refused(*rows: dict[str, Any], status: int = 400) -> bytes:
    data = {"refused": list(rows), "blame_field_specs": []}
    return answer(
        status, {"error": {"message": "Invalid parameter", "code": 100, "error_data": data, "fbtrace_id": "A1"}}
    )


ALL = b"all"  # takes every event of the request


class Scripted:
    """The running server; ``requests`` are in the order in which they came."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def wait_for(self, count: int, seconds: float = 60.0) -> list[Request]:
        """The first ``count`` requests, once they are there."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} of {count} requests"
            time.sleep(0.005)
        return self.requests[:count]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        workers = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            connection.settimeout(60)
            self._open.append(connection)
            workers.append(threading.Thread(target=self._serve, args=(connection,)))
            workers[-1].start()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for worker in workers:
            worker.join()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while (request := _read(stream)) is not None:
                    with self._lock:
                        self.requests.append(request)
                        text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    if text == ALL:
                        text = taken(len(request.events) if "/events" in request.line else 1)
                    if text is None:
                        return
                    connection.sendall(text)
                    head, _, body = text.partition(b"\r\n\r\n")
                    if b"Content-Length: %d\r" % len(body) not in head + b"\r":
                        return
            except OSError:
                return


def _read(stream: Any) -> Request | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def scripted(*answers: bytes | None) -> Iterator[Scripted]:
    server = Scripted(list(answers) or [ALL])
    try:
        yield server
    finally:
        server.close()
