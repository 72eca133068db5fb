"""What the client puts on the wire and what it makes of every kind of answer, on real sockets."""

from __future__ import annotations

import datetime as dt
import json
import socket
import time
from decimal import Decimal

import pytest
from scripted_server import ALL, Request, answer, refused, scripted, taken

from tests.ports import free_port
from twofold.client import Client, Kind, Problem
from twofold.sources.own.webhook import OWN

KEY = "key-of-the-dataset"


def client_of(address, problems=None, **options):
    given = {"wait_s": 0.01, "most_wait_s": 0.05, "timeout_s": 60.0} | options
    return Client(address, "1234567890", KEY, on_error=problems.append if problems is not None else None, **given)


def ids(requests: list[Request]) -> list[list[str]]:
    return [[event["event_id"] for event in request.events] for request in requests]


def test_an_event_as_it_leaves():
    """Meta's names, the key in a header and nowhere else, plain names translated, empty ones left out."""
    with scripted() as server, client_of(server.url) as client:
        event_id = client.track(
            "AddToCart",
            user={"email": "John_Smith@gmail.com", "ph": "+16505551212", "fbp": "fb.1.1.2", "last_name": ""},
            custom={"value": Decimal("9.50"), "currency": "EUR"},
            consent="granted",
            url="https://shop.example/cart",
            event_time=dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC),
            links=["cart:5f3a"],
        )
        assert client.flush()
        (request,) = server.requests
    assert request.line == "POST /1234567890/events HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in request.line + request.body.decode()
    assert request.events == [
        {
            "event_name": "AddToCart",
            "event_time": 1_790_000_000,
            "event_id": event_id,
            "action_source": "website",
            "event_source_url": "https://shop.example/cart",
            "user_data": {"em": "John_Smith@gmail.com", "ph": "+16505551212", "fbp": "fb.1.1.2"},
            "custom_data": {"value": "9.50", "currency": "EUR"},
            "consent": "granted",
            "links": ["cart:5f3a"],
        }
    ]


def test_a_time_is_the_time_of_the_call():
    """Without one, the moment of `track`, not of sending, in whole seconds."""
    with scripted() as server, client_of(server.url) as client:
        before = int(time.time())
        client.track("Lead")
        after = int(time.time())
        assert client.flush()
        assert before <= server.requests[0].events[0]["event_time"] <= after


def test_many_events_go_in_full_requests_in_their_order():
    """250 events in requests of at most 100, each once."""
    with scripted() as server, client_of(server.url, batch=100, wait_s=30.0) as client:
        sent = [client.track("ViewContent", event_id=f"e-{n}") for n in range(250)]
        assert client.flush()
        found = ids(server.requests)
    assert [event for request in found for event in request] == sent
    assert max(map(len, found)) <= 100


def test_large_events_are_divided_by_bytes():
    """Requests stay near a megabyte, whatever the batch."""
    with scripted() as server, client_of(server.url, batch=1000, wait_s=30.0) as client:
        for n in range(8):
            client.track("Lead", event_id=str(n), custom={"text": "x" * 300_000})
        assert client.flush()
        assert all(len(request.body) < 1_100_000 for request in server.requests)
        assert [i for request in ids(server.requests) for i in request] == list("01234567")


AGAIN = [
    ("503", [answer(503, {"error": {"is_transient": True}}, "Retry-After: 0")]),
    ("429", [answer(429, b"")]),
    ("500 and 502 of a proxy", [answer(500, b"oops"), answer(502, b"<html>")]),
    ("closed without a word", [None, None]),
    ("half an answer", [taken(3)[:-20]]),
    ("half a refusal", [refused({"index": 0, "path": "event_name"})[:-20]]),
    ("half a head", [b"HTTP/1.1 200 OK\r\nContent-Le"]),
    ("an answer without its body", [b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n"]),
    ("200 of somebody else", [answer(200, b"<html>welcome</html>")]),
    ("200 with a count that is no number", [answer(200, {"events_received": True})]),
    ("not HTTP", [b"SSH-2.0-OpenSSH\r\n"]),
]


@pytest.mark.parametrize(("claim", "answers"), AGAIN, ids=[row[0] for row in AGAIN])
def test_what_is_not_known_to_have_arrived_is_sent_again_unchanged(claim, answers):
    """Same events, same ids, same times, same bytes; nobody is told, because nothing is lost."""
    problems: list[Problem] = []
    with scripted(*answers, ALL) as server, client_of(server.url, problems, batch=3, wait_s=30.0) as client:
        for n in range(3):
            client.track("Lead", event_id=f"e-{n}", event_time=1_790_000_000 + n)
        assert client.flush()
        assert len(server.requests) == len(answers) + 1
        assert len({request.body for request in server.requests}) == 1
    assert problems == []


def test_a_gateway_that_is_not_there_yet():
    """Refused connections are tried again; the event arrives when somebody listens, with its first time."""
    port = free_port()
    client = client_of(f"http://127.0.0.1:{port}")
    client.track("Lead", event_id="e", event_time=1_790_000_000)
    assert not client.flush(0.05)
    with socket.create_server(("127.0.0.1", port)) as late:
        late.settimeout(60)
        connection, _ = late.accept()
        with connection, connection.makefile("rb") as stream:
            while stream.readline().strip():
                pass
            connection.sendall(taken(1))
            assert client.close()


def test_refused_events_are_told_with_place_and_reason_and_the_rest_is_taken():
    """200 with messages: the first ones name the refused, later ones are only notes on accepted events."""
    problems: list[Problem] = []
    text = taken(
        2, "data[1].custom_data.currency: expected three letters (ISO 4217), got nothing", "data[0]: a warning"
    )
    with scripted(text, ALL) as server, client_of(server.url, problems, batch=3, wait_s=30.0) as client:
        for n in range(3):
            client.track("Purchase", event_id=f"e-{n}")
        assert client.flush()
        assert len(server.requests) == 1
    assert problems == [
        Problem(
            Kind.REFUSED,
            "data[1].custom_data.currency: expected three letters (ISO 4217), got nothing",
            "Purchase",
            "e-1",
            1,
        )
    ]


def test_a_refused_request_is_not_sent_again():
    """400 that names every event: each is told, none is retried."""
    problems: list[Problem] = []
    rows = [{"index": n, "path": "event_time", "reason": "event_too_old", "expected": "at most 7 days ago", "got": "9 days ago"}
            for n in range(2)]  # fmt: skip
    with scripted(refused(*rows), ALL) as server, client_of(server.url, problems, batch=2, wait_s=30.0) as client:
        client.track("Lead", event_id="a")
        client.track("Lead", event_id="b")
        assert client.flush()
        assert len(server.requests) == 1
    reason = "event_time: expected at most 7 days ago, got 9 days ago (event_too_old)"
    assert problems == [Problem(Kind.REFUSED, reason, "Lead", i, n) for n, i in enumerate("ab")]


def test_a_strict_gateway_gets_the_others_again_without_the_bad_one():
    """400 that names one of three: nothing was stored, so the other two go again."""
    problems: list[Problem] = []
    row = {"index": 1, "path": "event_name", "reason": "invalid_event_name", "expected": "text", "got": "nothing"}
    with scripted(refused(row), ALL) as server, client_of(server.url, problems, batch=3, wait_s=30.0) as client:
        for n in range(3):
            client.track("Lead", event_id=f"e-{n}")
        assert client.flush()
        assert ids(server.requests) == [["e-0", "e-1", "e-2"], ["e-0", "e-2"]]
    assert [(p.event_id, p.place) for p in problems] == [("e-1", 1)]


@pytest.mark.parametrize("text", [taken(7), refused(), refused(status=413)], ids=["a prefix only", "400", "413"])
def test_an_answer_that_does_not_say_which_is_asked_by_halves(text):
    """Of 8 events the gateway objects to one and will not name it: the seven arrive, the one is told."""
    problems: list[Problem] = []
    alone = {"/": taken(0) if b"HTTP/1.1 200" in text else text}

    class Picky(list):
        def pop(self, _place: int) -> bytes:
            events = server.requests[-1].events
            if all(event["event_id"] != "e-5" for event in events):
                return taken(len(events))
            return (
                alone["/"] if len(events) == 1 else text.replace(b'received": 7', b'received": %d' % (len(events) - 1))
            )

    with scripted() as server, client_of(server.url, problems, batch=8, wait_s=30.0) as client:
        server.answers = Picky([b"", b""])
        for n in range(8):
            client.track("Lead", event_id=f"e-{n}")
        assert client.flush()
        good = {i for request in ids(server.requests) if "e-5" not in request for i in request}
    assert good == {f"e-{n}" for n in range(8)} - {"e-5"}
    assert [(p.kind, p.event_id, p.place) for p in problems] == [(Kind.REFUSED, "e-5", 0)]


DENIED = [
    ("401", answer(401, {"error": {"message": "Invalid OAuth access token"}})),
    ("404", answer(404, {"error": {"message": "Unknown path"}})),
    ("an unknown dataset", answer(400, {"error": {"type": "GraphMethodException", "code": 100}})),
    ("a redirect", answer(302, b"", "Location: https://elsewhere.example/")),
]


@pytest.mark.parametrize(("claim", "text"), DENIED, ids=[row[0] for row in DENIED])
def test_a_wrong_key_or_address_keeps_the_events_and_tells(claim, text):
    """The event is good, the configuration is not: it is told, and the event goes once that is put right."""
    problems: list[Problem] = []
    with scripted(text, ALL) as server, client_of(server.url, problems) as client:
        client.track("Lead", event_id="e")
        assert client.flush()
        assert ids(server.requests) == [["e"], ["e"]]
    assert [(p.kind, p.event_id) for p in problems] == [(Kind.DENIED, None)]
    assert KEY not in problems[0].reason


def test_a_full_queue_turns_events_away_and_says_so():
    """The caller is not kept waiting, and no event vanishes without a word."""
    problems: list[Problem] = []
    client = client_of("http://127.0.0.1:9", problems, queue=2)
    assert [client.track("Lead", event_id=str(n)) for n in range(4)] == ["0", "1", None, None]
    assert [(p.kind, p.event_id) for p in problems] == [(Kind.FULL, "2"), (Kind.FULL, "3")]
    assert not client.close(0.01)
    assert [(p.kind, p.event_id) for p in problems[2:]] == [(Kind.LOST, "0"), (Kind.LOST, "1")]
    assert client.track("Lead") is None


def test_an_on_error_that_fails_stops_nothing():
    """The shop's own bug costs no event."""

    def broken(problem: Problem) -> None:
        raise RuntimeError

    with scripted(refused({"index": 0}), ALL) as server:
        client = Client(server.url, "1", KEY, on_error=broken, wait_s=0.01)
        client.track("Lead", event_id="a")
        assert client.flush()
        client.track("Lead", event_id="b")
        assert client.close()
        assert ids(server.requests) == [["a"], ["b"]]


def test_an_order_is_signed_at_every_attempt():
    """The gateway's own check says yes to each; the body is the same every time, and the events' lane is free."""
    order = {"id": "A-1", "totals": {"currency": "EUR", "total": Decimal("1.50")}, "customer": {"email": "a@b.example"}}
    options = {"shop": "shop.example", "secret": "0123456789abcdef"}
    with scripted(answer(503, b""), ALL) as server, client_of(server.url + "/base/", **options) as client:
        assert client.order(order) == "A-1"
        assert client.flush()
        first, second = server.requests
    assert first.line == "POST /base/webhooks/own/shop.example HTTP/1.1"
    assert first.body == second.body
    assert json.loads(first.body) == {"type": "order", **order, "totals": {"currency": "EUR", "total": "1.50"}}
    for request in (first, second):
        assert OWN.signed(request.body, request.headers, ("0123456789abcdef",), int(time.time() * 1000))
        assert "authorization" not in request.headers


def test_a_body_that_makes_no_event_is_taken_and_its_notes_are_logged(caplog):
    """A parcel is a fact of the ledger: the answer counts no event, and that is no refusal."""
    problems: list[Problem] = []
    note = "wieght is not a documented field; left out"
    options = {"shop": "s", "secret": "0123456789abcdef"}
    with caplog.at_level("INFO", "twofold.client"), scripted(taken(0, note)) as server:
        with client_of(server.url, problems, **options) as client:
            client.order({"order_id": "A-1", "id": "t", "state": "delivered", "at": 1_790_000_000}, type="parcel")
            assert client.flush()
        assert len(server.requests) == 1
    assert problems == []
    assert note in caplog.text


def test_a_denied_order_does_not_hold_up_events():
    """Two lanes: a wrong secret stops the orders only."""
    problems: list[Problem] = []
    with scripted(answer(401, b""), ALL) as server:
        client = client_of(server.url, problems, shop="s", secret="0123456789abcdef", most_wait_s=60.0)
        client.order({"id": "A-1"})
        server.wait_for(1)
        client.track("Lead", event_id="e")
        assert ids(server.wait_for(2)[1:]) == [["e"]]
        client.close(0.01)
    assert {problem.kind for problem in problems} <= {Kind.DENIED, Kind.LOST}


BAD_CALLS = [
    ("a naive time", lambda c: c.track("Lead", event_time=dt.datetime(2026, 1, 1)), ValueError),
    ("not a number", lambda c: c.track("Lead", custom={"value": float("nan")}), ValueError),
    ("an object", lambda c: c.track("Lead", custom={"value": object()}), TypeError),
    ("an order without a secret", lambda c: c.order({"id": 1}), ValueError),
]


@pytest.mark.parametrize(("claim", "call", "error"), BAD_CALLS, ids=[row[0] for row in BAD_CALLS])
def test_what_cannot_be_sent_fails_at_the_callers_line(claim, call, error):
    """A mistake in the shop's code is an exception there and then, and nothing is queued."""
    with scripted() as server, client_of(server.url) as client:
        with pytest.raises(error):
            call(client)
        assert client.flush()
        assert server.requests == []


@pytest.mark.parametrize(
    "options", [{"address": "collect.example"}, {"dataset": ""}, {"shop": "s"}, {"batch": 1001}, {"queue": 0}]
)
def test_settings_that_cannot_work_are_refused_at_once(options):
    """The message names the setting."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Client(**({"address": "http://127.0.0.1:9", "dataset": "1", "key": KEY} | options))
