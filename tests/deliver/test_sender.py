"""One request over a real socket: what is known of its fate, and the limits on what is read."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from pathlib import Path

import pytest

from tests.fakes.graph import OK, FakeGraph, Reply, bomb, dead_port
from twofold.deliver.sender import MAX_ANSWER_BYTES, Sender
from twofold.destinations.contract import Failure, PlatformAnswer, Request

TLS = Path(__file__).parent.parent / "fakes" / "tls"
YES = b'{"events_received":1,"messages":[],"fbtrace_id":"Afake"}'


async def sent(url: str, *, timeout_s: float = 5.0, tls: ssl.SSLContext | None = None) -> PlatformAnswer:
    async with Sender(connections=1, timeout_s=timeout_s, tls=tls) as sender:
        return await sender.send(Request(url=f"{url}/v25.0/1/events", headers={}, body=b'{"data":[{"event_id":"a"}]}'))


def answer_to(reply: Reply, **settings) -> tuple[PlatformAnswer, FakeGraph]:
    async def scenario():
        async with FakeGraph([reply]) as graph:
            return await sent(graph.url, **settings), graph

    return asyncio.run(scenario())


# reply -> status, body, complete, failure
ANSWERS = [
    ("a yes", Reply(body=YES), 200, YES, True, None),
    ("a no", Reply(status=400, body=b"{}"), 400, b"{}", True, None),
    ("no body", Reply(status=500, body=b""), 500, b"", True, None),
    ("at the cap", Reply(body=b"x" * MAX_ANSWER_BYTES), 200, b"x" * MAX_ANSWER_BYTES, True, None),
    ("one beyond the cap", Reply(body=b"x" * (MAX_ANSWER_BYTES + 1)), 200, b"x" * MAX_ANSWER_BYTES, False, None),
    ("gigantic", Reply(body=b"x" * (32 << 20)), 200, b"x" * MAX_ANSWER_BYTES, False, None),
    ("reset in the body", Reply(body=YES, reset_after=10), 200, YES[:10], False, Failure.BROKEN),
    ("reset", Reply(reset=True), None, b"", False, Failure.BROKEN),
    ("hangs up", Reply(raw=b""), None, b"", False, Failure.BROKEN),
    ("no HTTP", Reply(raw=b"220 mail.example ESMTP\r\n"), None, b"", False, Failure.BROKEN),
    ("too many headers", Reply(headers=tuple((f"X-{n}", "") for n in range(10_000))), None, b"", False, Failure.BROKEN),
    ("a header too long", Reply(headers=(("X", "y" * 100_000),)), None, b"", False, Failure.BROKEN),
    (
        "compressed unasked",
        Reply(body=gzip.compress(YES), headers=(("Content-Encoding", "gzip"),)),
        200,
        YES,
        True,
        None,
    ),
    (
        "compressed and broken",
        Reply(body=gzip.compress(YES)[:-9], headers=(("Content-Encoding", "gzip"),)),
        200,
        YES,
        False,
        None,
    ),
    ("says it is gzip", Reply(body=YES, headers=(("Content-Encoding", "gzip"),)), 200, b"", False, None),
]


@pytest.mark.parametrize(
    ("reply", "status", "body", "complete", "failure"), [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS]
)
def test_whatever_comes_is_an_answer(reply, status, body, complete, failure):
    """Nothing raises, nothing beyond 64 KB is kept, and what is incomplete says so. The request was written."""
    answer, _ = answer_to(reply)

    assert (answer.status, answer.body, answer.complete, answer.failure) == (status, body, complete, failure)
    assert answer.written


def test_a_bomb_is_not_unpacked():
    """A hundred megabytes in a hundred kilobytes leave 64 KB."""
    answer, _ = answer_to(bomb(size=40 << 20))

    assert len(answer.body) <= MAX_ANSWER_BYTES
    assert not answer.complete


# reply, is the status known when time is over
SLOW = [
    ("never answers", Reply(hang=True), None),
    ("drips", Reply(status=400, body=b"x" * 100, drip_s=0.05), 400),
]


@pytest.mark.parametrize(("reply", "status"), [s[1:] for s in SLOW], ids=[s[0] for s in SLOW])
def test_time_over_leaves_what_is_known(reply, status):
    """The cap is on the whole request; the status line is not lost, and the request counts as written."""
    answer, _ = answer_to(reply, timeout_s=0.25)

    assert (answer.status, answer.failure, answer.written, answer.complete) == (status, Failure.SLOW, True, False)


def test_nothing_listens():
    """A refused connection was not written."""
    with dead_port() as port:
        answer = asyncio.run(sent(f"http://127.0.0.1:{port}"))

    assert (answer.status, answer.failure, answer.written) == (None, Failure.REFUSED, False)


def test_a_name_without_an_address():
    """A name that does not resolve was not written."""
    answer = asyncio.run(sent("http://no-such-host.invalid:1"))

    assert (answer.status, answer.failure, answer.written) == (None, Failure.DNS, False)


def test_no_connection_in_time():
    """A connection that is never completed was not written."""

    async def scenario():
        # A TLS client against a server that says nothing: the handshake never ends.
        async with FakeGraph([OK]) as graph:
            return await sent(graph.url.replace("http:", "https:"), timeout_s=0.25)

    answer = asyncio.run(scenario())

    assert (answer.failure, answer.written) == (Failure.SLOW, False)


def server_tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / f"{name}.pem")
    return context


# certificate, does the sender trust the test authority, host, is it sent
CERTIFICATES = [
    ("good", True, "localhost", True),
    ("good", True, "127.0.0.1", True),
    ("good", False, "localhost", False),
    ("other", True, "localhost", False),
    ("expired", True, "localhost", False),
]


@pytest.mark.parametrize(("name", "trusted", "host", "goes"), CERTIFICATES)
def test_the_token_goes_only_to_whom_the_certificate_names(name, trusted, host, goes):
    """Unknown authority, other host, expired: not one request byte is written."""

    async def scenario():
        async with FakeGraph([OK], tls=server_tls(name)) as graph:
            tls = ssl.create_default_context(cafile=TLS / "ca.pem") if trusted else None
            answer = await sent(graph.url.replace("127.0.0.1", host), tls=tls)
            return answer, len(graph.requests)

    answer, requests = asyncio.run(scenario())

    if goes:
        assert (answer.status, requests) == (200, 1)
    else:
        assert (answer.failure, answer.written, requests) == (Failure.TLS, False, 0)


def test_verification_cannot_be_switched_off():
    """A context that does not verify is refused when the sender is made."""
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE

    with pytest.raises(ValueError, match="verifies"):
        Sender(connections=1, timeout_s=1, tls=careless)


def test_proxies_of_the_environment_are_ignored(monkeypatch):
    """HTTP_PROXY of the machine does not get our requests."""

    async def scenario():
        async with FakeGraph([OK]) as proxy, FakeGraph([OK]) as graph:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            answer = await sent(graph.url)
            return answer.status, len(graph.requests), proxy.connections

    assert asyncio.run(scenario()) == (200, 1, 0)


def test_cookies_are_not_kept():
    """What a platform sets is not sent back."""

    async def scenario():
        async with FakeGraph([Reply(headers=(("Set-Cookie", "a=b"),))]) as graph:
            async with Sender(connections=1, timeout_s=60) as sender:
                request = Request(url=graph.url + "/x", headers={}, body=b"{}")
                await sender.send(request)
                await sender.send(request)
            return graph.requests, graph.connections

    requests, connections = asyncio.run(scenario())

    assert "cookie" not in requests[1].headers
    assert connections == 1


def test_hurry_ends_running_and_later_requests():
    """A request on its way comes back unanswered, a later one is not sent at all."""

    async def scenario():
        async with FakeGraph([Reply(hang=True)]) as graph, Sender(connections=2, timeout_s=60) as sender:
            request = Request(url=graph.url + "/x", headers={}, body=b"{}")
            running = asyncio.create_task(sender.send(request))
            while not graph.open:
                await asyncio.sleep(0.001)
            sender.hurry()
            async with asyncio.timeout(60):
                return await running, await sender.send(request)

    first, second = asyncio.run(scenario())

    assert (first.failure, first.written) == (Failure.SLOW, True)
    assert (second.failure, second.written) == (Failure.SLOW, False)
