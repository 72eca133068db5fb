"""A load generator: N keep-alive connections, each sends, waits for its answer, sends again; at once, or at a rate.

Runs as a process of its own (``python -m bench.load URL CONNECTIONS SECONDS KIND [RATE]``) and prints events/s, with a rate also the
95th percentile of an answer in ms. Requests are written to the socket as ready bytes; only the event id changes. Its own ceiling is
shown by the null handler.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from urllib.parse import urlencode, urlsplit

import msgspec

from bench.purchase import BROWSER, page_view, purchase, view

_MARK = b"@@@@@@@@@@@@@@@@"  # stands for the event id; as long as the number that replaces it


def main() -> None:
    url, connections, seconds, kind, *rate = (
        sys.argv[1],
        int(sys.argv[2]),
        float(sys.argv[3]),
        sys.argv[4],
        *sys.argv[5:],
    )
    if rate:
        print(*run_at(url, connections, seconds, kind, float(rate[0])))
    else:
        print(run(url, connections, seconds, kind))


def run_at(url: str, connections: int, seconds: float, kind: str, rate: float) -> tuple[float, float]:
    """Events answered with 200 per second where so many per second come, each at its own time, whether those before it were answered or
    not; and how many ms after its time 95 of 100 were. What comes while all connections wait is sent late, and its delay counts."""
    pieces = _pieces(url, kind)
    per_request = len(pieces) - 1
    poll, sockets = _connected(url, connections)
    free, due_of, partial = list(sockets), dict[int, float](), dict[int, bytes]()
    number = time.time_ns() % 10**9 * 10**6
    waited: list[float] = []
    started = time.perf_counter()
    end, sent, answered = started + seconds, 0, 0
    while (now := time.perf_counter()) < end:
        while free and (due := started + sent * per_request / rate) <= now:
            fd = free.pop()
            due_of[fd] = due
            number = _send(sockets[fd], pieces, number)
            sent += 1
        next_due = started + sent * per_request / rate - time.perf_counter()
        for fd, _ in poll.poll(max(0.0, min(next_due, 0.1)) if free else 0.1):
            if _answered(sockets[fd], fd, partial):
                waited.append(time.perf_counter() - due_of.pop(fd))
                answered += per_request
                free.append(fd)
    took = time.perf_counter() - started
    unsent = [started + n * per_request / rate for n in range(sent, int(seconds * rate / per_request))]
    waited += [end - due for due in (*due_of.values(), *unsent)]  # so long at least
    for sock in sockets.values():
        sock.close()
    return answered / took, 1000 * sorted(waited)[len(waited) * 95 // 100]


def run(url: str, connections: int, seconds: float, kind: str) -> float:
    """Events answered with 200 per second, until one was at least. ``kind``: view, purchase, batch (100 views a request), tag or pixel."""
    pieces = _pieces(url, kind)
    per_request = len(pieces) - 1
    poll, sockets = _connected(url, connections)
    number = time.time_ns() % 10**9 * 10**6
    answered = 0
    partial: dict[int, bytes] = {}
    started = time.perf_counter()
    for sock in sockets.values():
        number = _send(sock, pieces, number)
    end = started + seconds
    while time.perf_counter() < end or not answered:
        for fd, _ in poll.poll(0.1):
            if _answered(sockets[fd], fd, partial):
                answered += per_request
                number = _send(sockets[fd], pieces, number)
    took = time.perf_counter() - started
    for sock in sockets.values():
        sock.close()
    return answered / took


def _connected(url: str, connections: int) -> tuple[select.epoll, dict[int, socket.socket]]:
    parts = urlsplit(url)
    poll = select.epoll()
    sockets = {}
    for _ in range(connections):
        sock = socket.create_connection((parts.hostname or "", parts.port or 80))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[sock.fileno()] = sock
        poll.register(sock.fileno(), select.EPOLLIN)
    return poll, sockets


def _answered(sock: socket.socket, fd: int, partial: dict[int, bytes]) -> bool:
    """Whether an answer is whole; a part is kept."""
    answer = partial.pop(fd, b"") + sock.recv(65_536)
    if not _is_whole(answer):
        partial[fd] = answer
        return False
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"expected 200, got {answer[:400]!r}")
    return True


def _is_whole(answer: bytes) -> bool:
    head, gap, body = answer.partition(b"\r\n\r\n")
    _, found, length = head.partition(b"content-length: ")
    return bool(gap and found) and len(body) >= int(length.partition(b"\r\n")[0])


def _pieces(url: str, kind: str) -> list[bytes]:
    parts = urlsplit(url)
    mark = _MARK.decode()
    if kind in ("tag", "pixel"):
        return (_by_tag if kind == "tag" else _by_pixel)(parts.netloc, mark)
    events = [purchase(mark)] if kind == "purchase" else [view(mark)] * (100 if kind == "batch" else 1)
    for event in events:
        event.get("custom_data", {}).pop("order_id", None)
    body = msgspec.json.encode({"data": events})
    head = (
        f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head.encode() + body).split(_MARK)


def _by_tag(host: str, mark: str) -> list[bytes]:
    event = {**page_view(), "dataset": "1", "event_id": mark}
    body = msgspec.json.encode({"events": [event]})
    head = f"POST /t/events HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {BROWSER['client_user_agent']}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head.encode() + body).split(_MARK)


def _by_pixel(host: str, mark: str) -> list[bytes]:
    view = page_view()
    fields = {
        "id": "1", "ev": "PageView", "dl": view["event_source_url"], "rl": view["referrer_url"], "ts": int(time.time() * 1000),
        "fbp": BROWSER["fbp"], "v": "2.9.178", "eid": mark,
    }  # fmt: skip
    query = urlencode(fields, safe="@")
    head = f"GET /tr/?{query} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {BROWSER['client_user_agent']}\r\n\r\n"
    return head.encode().split(_MARK)


def _send(sock: socket.socket, pieces: list[bytes], number: int) -> int:
    parts = [pieces[0]]
    for piece in pieces[1:]:
        number += 1
        parts += (b"%016d" % number, piece)
    sock.sendall(b"".join(parts))
    return number


if __name__ == "__main__":
    main()
