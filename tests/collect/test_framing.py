"""HTTP itself: one request in, one answer out, in order; strange framing refused; slow clients let go."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest
from running_gateway import DATASET, EVENTS, KEY, PATIENCE_S, RawClient, Running, events_body, purchase, request

from twofold.collect.listen import protocol

BODY = events_body(purchase("framed"))
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
GIF_HIT = f"/tr?id={DATASET}&ev=PageView"


def chunks(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end


def post(*fields: str, body: bytes = b"", version: str = "1.1") -> bytes:
    return request("POST", EVENTS, None, *fields, version=version) + body


H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")

SOUND: list[tuple[str, bytes, list[int]]] = [
    # claim, what is written, the statuses answered until the gateway closes or the writer is done
    ("a length", post(LENGTH, body=BODY), [200]),
    ("chunks", post(CHUNKED, body=chunks(BODY[:7], BODY[7:])), [200]),
    ("a chunk for each byte", post(CHUNKED, body=chunks(*(BODY[n : n + 1] for n in range(len(BODY))))), [200]),
    ("chunks with an extension and a trailer", post(CHUNKED, body=b"%x;a=b\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(BODY), BODY)), [200]),
    ("HTTP/1.0", post(LENGTH, body=BODY, version="1.0"), [200]),
    ("HTTP/1.0 that would keep alive", post(LENGTH, "Connection: keep-alive", body=BODY, version="1.0"), [200]),
    ("the end of the connection asked for", post(LENGTH, "Connection: close", body=BODY), [200]),
    ("an empty line before the request", b"\r\n" + post(LENGTH, body=BODY), [200]),
    ("an absolute address", request("POST", f"http://gateway.example{EVENTS}", BODY), [200]),
    ("a percent-encoded path", request("POST", EVENTS.replace("events", "%65vents"), BODY), [200]),
    ("three requests at once", post(LENGTH, body=BODY) * 3, [200, 200, 200]),
    ("a door, a page, a missing path, a door", post(LENGTH, body=BODY) + request("GET", "/health") + request("GET", "/no") + request("GET", GIF_HIT), [200, 200, 404, 200]),
    ("a page, then a door with a wrong key", request("GET", "/t/twofold.js") + request("POST", EVENTS, events_body(purchase(), key="x")) + post(LENGTH, body=BODY), [200, 401, 200]),
    ("nothing after the one that closes", post(LENGTH, "Connection: close", body=BODY) + post(LENGTH, body=BODY), [200]),
    ("a wish for HTTP/2", post(LENGTH, *H2C, body=BODY) * 2, [200, 200]),
    ("a wish for HTTP/2, in chunks", post(CHUNKED, *H2C, body=chunks(BODY[:9], BODY[9:])) + post(LENGTH, body=BODY), [200, 200]),
    ("a wish for HTTP/2 and the end", post(LENGTH, "Connection: close, Upgrade", "Upgrade: h2c", body=BODY) + post(LENGTH, body=BODY), [200]),
    ("a wish for a websocket", request("GET", "/t/twofold.js", None, "Connection: Upgrade", "Upgrade: websocket") + post(LENGTH, body=BODY), [200, 200]),
    ("a wish that looks like an end", post(LENGTH, "Connection: close, Upgrade", "Upgrade: close", body=BODY), [200]),
    ("a wish, a length and chunks", post(LENGTH, CHUNKED, *H2C, body=chunks(BODY)), [400]),
    ("a tunnel", request("CONNECT", "other.example:443") + post(LENGTH, body=BODY), [405]),
    ("an unknown method", request("BREW", EVENTS), [400]),
    ("OPTIONS of nothing", request("OPTIONS", "*"), [204]),
    ("a version that is none", post(LENGTH, body=BODY, version="9.9"), [400]),
    ("HTTP/0.9", b"GET /health\r\n\r\n", [200]),
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    ("a space before the colon", post("Content-Length : 5", body=b"12345"), [400]),
    ("a folded header", request("GET", "/health", None, "X-A: 1\r\n 2"), [400]),
    ("NUL in a header", request("GET", "/health", None, "X-A: \0"), [400]),
    ("a bare line end in a header", request("GET", "/health", None, "X-A: 1\rX-B: 2"), [400]),
    ("two lengths", post(LENGTH, "Content-Length: 1", body=BODY), [400]),
    ("the same length twice", post(LENGTH, LENGTH, body=BODY), [400]),
    ("a length with a sign", post(f"Content-Length: +{len(BODY)}", body=BODY), [400]),
    ("a negative length", post("Content-Length: -1"), [400]),
    ("a length with a list", post(f"Content-Length: {len(BODY)}, {len(BODY)}", body=BODY), [400]),
    ("a length no number can hold", post("Content-Length: " + "9" * 30, body=BODY), [400]),
    ("length and chunks", post(LENGTH, CHUNKED, body=chunks(BODY)), [400]),
    ("chunks and length", post(CHUNKED, LENGTH, body=chunks(BODY)), [400]),
    ("a chunk length that is no number", post(CHUNKED, body=b"zz\r\n" + BODY), [400]),
    ("a chunk length with a sign", post(CHUNKED, body=b"-5\r\nabcde\r\n0\r\n\r\n"), [400]),
    ("a chunk length no number can hold", post(CHUNKED, body=b"f" * 17 + b"\r\n" + BODY), [400]),
    ("a chunk without its end", post(CHUNKED, body=b"5\r\nabcdeX\r\n0\r\n\r\n"), [400]),
    ("chunked twice", post("Transfer-Encoding: chunked, chunked", body=chunks(BODY)), [400]),
    ("chunked not last", post("Transfer-Encoding: chunked, identity", body=chunks(BODY)), [400]),
    ("an encoding that is none", post("Transfer-Encoding: xchunked", body=chunks(BODY)), [400]),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "written", "statuses"), SOUND, ids=[s[0] for s in SOUND])
@pytest.mark.parametrize("slices", [1, 7], ids=["whole", "in slices"])
def test_framing(claim: str, written: bytes, statuses: list[int], slices: int, gateway: Running) -> None:
    """As many answers as requests, in their order; what two readers could frame differently is 400 and the end."""
    size = -(-len(written) // slices)
    with gateway.raw() as raw:
        try:
            for start in range(0, len(written), size):
                raw.write(written[start : start + size])
        except OSError:
            assert statuses[-1] in (400, 405)  # the gateway closed while we were still writing
        assert [raw.read().status for _ in statuses] == statuses
        if statuses[-1] not in (400, 405):
            raw.end_writing()
        assert raw.read_all() == []
    assert len(gateway.new_events()) <= statuses.count(200)


def test_answers_come_in_the_order_of_the_requests(gateway: Running) -> None:
    """Doors that wait for the disk and pages that do not cannot overtake each other."""
    requests = [
        request("POST", EVENTS, events_body(purchase("p-1"))),
        request("GET", "/t/twofold.js"),
        request("GET", GIF_HIT),
        request("POST", "/t/events", b"no JSON"),
        request("GET", "/health"),
        request("POST", EVENTS, events_body(purchase("p-2"), purchase("p-3"))),
        request("HEAD", "/t/twofold.js"),
    ]
    kinds = ["application/json", "text/javascript", "image/gif", "application/json", "text/plain", "application/json", "text/javascript"]  # fmt: skip
    with gateway.raw() as raw:
        raw.write(b"".join(requests))
        replies = [raw.read(head=n == len(requests) - 1) for n in range(len(requests))]
    assert [r.headers["content-type"].partition(";")[0] for r in replies] == kinds
    assert [r.status for r in replies] == [200, 200, 200, 400, 200, 200, 200]
    assert (replies[0].json["events_received"], replies[5].json["events_received"]) == (1, 2)


def test_more_wishes_at_once_than_anybody_has(gateway: Running) -> None:
    """Each has the rest read again, so a thousand in one packet end the connection, and nothing else."""
    with gateway.raw() as raw, contextlib.suppress(OSError):  # the gateway may close while we are still writing
        raw.write(post(LENGTH, *H2C, body=BODY) * 1000)
        assert set(raw.read_all()) <= {200, 400}
    assert gateway.post(purchase("after")).status == 200


def test_a_kept_connection_serves_many(gateway: Running) -> None:
    """A sender that keeps its connection is answered on it, request after request."""
    with gateway.raw() as raw:
        for n in range(50):
            raw.write(request("POST", EVENTS, events_body(purchase(f"kept-{n}"))))
            assert raw.read().status == 200
    assert len(gateway.new_events()) == 50


def test_expect_100_continue(gateway: Running) -> None:
    """curl asks before it sends a large body; it is told to go on, and its body is then read."""
    with gateway.raw() as raw:
        raw.write(post(LENGTH, "Expect: 100-continue"))
        assert raw.read().status == 100
        raw.write(BODY)
        assert raw.read().status == 200
    assert gateway.new_event().event_id == "framed"


def test_head_of_a_page_has_its_length_and_no_body(gateway: Running) -> None:
    """The next answer on the same connection begins where the headers ended."""
    with gateway.raw() as raw:
        raw.write(request("HEAD", "/t/twofold.js") + request("HEAD", EVENTS) + request("GET", "/health"))
        assert int(raw.read(head=True).headers["content-length"]) > 1000
        assert raw.read(head=True).status == 405
        assert raw.read().body == b"ok\n"


HALF_CLOSED: list[tuple[str, bytes, list[int]]] = [
    ("an event", post(LENGTH, body=BODY), [200]),
    ("a refused one", request("POST", "/t/events", b"no JSON"), [400]),
    ("a page", request("GET", "/t/twofold.js"), [200]),
    ("an event and a page", post(LENGTH, body=BODY) + request("GET", "/t/twofold.js"), [200, 200]),
    ("a page and two events", request("GET", "/health") + 2 * post(LENGTH, body=BODY), [200, 200, 200]),
]


@pytest.mark.parametrize(("claim", "written", "statuses"), HALF_CLOSED, ids=[h[0] for h in HALF_CLOSED])
def test_a_sender_that_ends_writing_is_answered(
    claim: str, written: bytes, statuses: list[int], gateway: Running
) -> None:
    """nc and some HTTP libraries close their half after the request; all answers come, and then the end."""
    with gateway.raw() as raw:
        raw.write(written)
        raw.end_writing()
        assert raw.read_all() == statuses


def test_a_sender_that_goes_away_leaves_nothing_half(gateway: Running) -> None:
    """A body that was announced and not sent to its end is no event; the gateway goes on."""
    with gateway.raw() as raw:
        raw.write(post(LENGTH, body=BODY[:-10]))
        raw.end_writing()
        assert raw.read() is None
    assert gateway.post(purchase("after")).status == 200
    assert [e.event_id for e in gateway.new_events()] == ["after"]


def test_a_sender_that_goes_away_before_its_answer(gateway: Running) -> None:
    """Its event may be on disk all the same; the next sender is answered as ever."""
    with gateway.raw() as raw:
        raw.write(post(LENGTH, body=BODY))
    assert gateway.post(purchase("after")).status == 200
    assert "after" in [e.event_id for e in gateway.new_events()]


def test_a_body_over_the_limit_ends_the_connection(start_gateway: Callable[..., Running]) -> None:
    """413 and the end, so that the rest of a huge body is not read as a request."""
    small = start_gateway(max_body_bytes=1024)
    with small.raw() as raw:
        raw.write(request("POST", EVENTS, b"x" * 1025 + post(LENGTH, body=BODY)))
        assert raw.read_all() == [413]


# -- slow clients


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, start_gateway: Callable[..., Running]) -> Running:
    """A gateway whose patience is a fraction of a second."""
    limits = {"HEADER_S": 0.3, "BODY_GRACE_S": 0.3, "IDLE_S": 0.3, "_SWEEP_S": 0.05, "BODY_BYTES_PER_S": 1024.0}
    for name, value in limits.items():
        monkeypatch.setattr(protocol, name, value)
    monkeypatch.setattr(Running, "keep_alive_s", 1)
    return start_gateway()


SLOW: list[tuple[str, bytes, list[int]]] = [
    ("says nothing", b"", []),
    ("half a request line", b"POST /v25.0/1", [408]),
    ("half a header", post(LENGTH)[:-9], [408]),
    ("half a body", post(LENGTH, body=BODY[:20]), [408]),
    ("no body", post(LENGTH), [408]),
    ("half a chunk", post(CHUNKED, body=b"ff\r\nabc"), [408]),
    ("idle after an answer", post(LENGTH, body=BODY), [200]),
    ("a page with half a body", request("POST", "/health", None, LENGTH), [408]),
    ("waits for 100-continue and sends nothing", post(LENGTH, "Expect: 100-continue"), [100, 408]),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "written", "statuses"), SLOW, ids=[s[0] for s in SLOW])
def test_slow_clients_are_let_go(claim: str, written: bytes, statuses: list[int], hurried: Running) -> None:
    """Who sends half of something, or nothing, is closed with 408 when it had begun, and holds no place for ever."""
    with hurried.raw() as raw:
        raw.write(written)
        assert raw.read_all() == statuses
    assert len(hurried.new_events()) == statuses.count(200)


def test_a_trickle_is_too_slow_and_a_stream_is_not(hurried: Running) -> None:
    """A body has its grace and then its bytes a second: what keeps that pace is served however long it takes."""
    body = events_body(purchase("steady")) + b" " * 40_000

    def send(pause_s: float, piece: int) -> list[int]:
        with hurried.raw() as raw:
            raw.write(request("POST", EVENTS, None, f"Content-Length: {len(body)}"))
            try:
                for start in range(0, len(body), piece):
                    raw.write(body[start : start + piece])
                    time.sleep(pause_s)
                raw.end_writing()
            except OSError:
                pass
            return raw.read_all()

    outcome: dict[str, list[int]] = {}
    steady = threading.Thread(target=lambda: outcome.update(steady=send(0.25, 10_000)))
    steady.start()
    outcome["trickle"] = send(0.05, 20)
    steady.join(PATIENCE_S)
    assert outcome == {"steady": [200], "trickle": outcome["trickle"]}
    assert 200 not in outcome["trickle"]


def test_slow_clients_do_not_keep_others_waiting(hurried: Running) -> None:
    """With two hundred half-sent requests open, an honest one is answered."""
    sockets = [socket.create_connection(("127.0.0.1", hurried.port)) for _ in range(200)]
    try:
        for each in sockets:
            each.sendall(b"POST /v25.0/1/events HTTP/1.1\r\nHost: x\r\nX-")
        assert hurried.post(purchase("honest")).status == 200
    finally:
        for each in sockets:
            each.close()


def test_a_place_for_every_client(monkeypatch: pytest.MonkeyPatch, start_gateway: Callable[..., Running]) -> None:
    """One address may hold so many connections; one more is closed at once, and a freed place is usable again."""
    monkeypatch.setattr(protocol, "MAX_PER_CLIENT", 3)
    monkeypatch.setattr(protocol, "_LOOPBACK", ())
    gateway, client = start_gateway(), "127.0.0.2"  # an address of its own: all servers of a process count together

    def answered(raw: RawClient) -> bool:
        try:
            raw.write(post(LENGTH, body=BODY))
            return raw.read() is not None
        except OSError:
            return False

    def newcomer_answered() -> bool:
        with RawClient(gateway.port, client) as raw:
            return answered(raw)

    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(RawClient(gateway.port, client)) for _ in range(2)]
        with RawClient(gateway.port, client) as third:
            assert all(map(answered, [*held, third]))
            assert not newcomer_answered()
        deadline = time.monotonic() + PATIENCE_S
        while not newcomer_answered():  # the gateway learns of the closing a moment later
            assert time.monotonic() < deadline


def test_the_key_is_no_part_of_framing(gateway: Running) -> None:
    """A request smuggled inside another's body is a body, nothing else."""
    inner = post(LENGTH, body=BODY)
    with gateway.raw() as raw:
        raw.write(request("POST", f"{EVENTS}?access_token={KEY}", inner) + request("GET", "/health"))
        assert [raw.read().status, raw.read().status] == [400, 200]
    assert gateway.new_events() == []
