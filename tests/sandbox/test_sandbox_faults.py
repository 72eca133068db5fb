"""Scripted faults: each does to a real socket what its row says, and no more often than it says."""

from __future__ import annotations

import socket
import time

import pytest
import requests
from running_sandbox import DATASET, TOKEN, Running, purchase

# name, fault, status, what the body must hold
ANSWERS = [
    ("status only", {"status": 500}, 500, b""),
    ("code", {"code": 190, "status": 401}, 401, b'"code":190'),
    ("code without status", {"code": 2, "transient": True}, 400, b'"is_transient":true'),
    ("subcode", {"code": 100, "subcode": 2804003}, 400, b'"error_subcode":2804003'),
    ("text", {"status": 502, "body": "<html>bad gateway</html>"}, 502, b"<html>bad gateway</html>"),
    ("JSON", {"status": 200, "body": {"events_received": 0}}, 200, b'{"events_received":0}'),
    ("success without a body", {"status": 200}, 200, b""),
    ("throttled", {"status": 429, "code": 4, "headers": {"retry-after": "30"}}, 429, b'"code":4'),
]


@pytest.mark.parametrize(("fault", "status", "body"), [r[1:] for r in ANSWERS], ids=[r[0] for r in ANSWERS])
def test_scripted_answer_comes_once(sandbox: Running, fault: dict, status: int, body: bytes) -> None:
    """The scripted answer is given to one request, of which nothing is kept; the next one is answered truly."""
    sandbox.fault(fault)

    answer = sandbox.post([purchase()])
    assert answer.status_code == status
    assert body in answer.content
    for name, value in fault.get("headers", {}).items():
        assert answer.headers[name] == value
    assert sandbox.read("events") == []
    assert sandbox.post([purchase()]).status_code == 200
    assert sandbox.counted() == 1


def test_times_and_order(sandbox: Running) -> None:
    """Faults are used in order, each as often as it says."""
    sandbox.fault({"status": 500, "times": 2}, {"status": 503})

    assert [sandbox.post([purchase()]).status_code for _ in range(4)] == [500, 500, 503, 200]


def test_match_by_dataset(sandbox: Running) -> None:
    """A fault for one dataset leaves the others alone."""
    sandbox.fault({"status": 500, "match": {"dataset": "2"}, "times": 0})

    assert sandbox.post([purchase()]).status_code == 200
    assert sandbox.post([purchase()], dataset="2").status_code == 500
    assert [f["used"] for f in sandbox.read("faults")] == [1]
    assert sandbox.http.delete(f"{sandbox.base}/sandbox/faults", timeout=60).status_code == 200
    assert sandbox.post([purchase()], dataset="2").status_code == 200


def test_invalid_event_ids(sandbox: Running) -> None:
    """Any batch that holds a named id is refused whole, for as long as the fault stands; others pass."""
    sandbox.fault({"invalid_event_ids": ["7", "9"]})
    batch = [purchase(event_id=str(n)) for n in range(10)]

    for events in (batch, batch[5:], [batch[7]], [batch[9]]):
        answer = sandbox.post(events)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert sandbox.read("events") == []
    assert sandbox.post(batch[:7]).status_code == 200
    assert sandbox.post([batch[8]]).status_code == 200
    assert sandbox.counted() == 8


def test_kept_but_not_answered(sandbox: Running) -> None:
    """With `keep` the events arrive although the sender is told otherwise: its retry must not count twice."""
    sandbox.fault({"status": 500, "keep": True})

    assert sandbox.post([purchase()]).status_code == 500
    assert sandbox.post([purchase()]).status_code == 200
    assert sandbox.counted() == 1


def test_lie_about_the_count(sandbox: Running) -> None:
    """The events are kept and the answer claims another number."""
    sandbox.fault({"events_received": 0})

    assert sandbox.post([purchase()]).json()["events_received"] == 0
    assert sandbox.counted() == 1


def test_huge_body(sandbox: Running) -> None:
    """The answer is as long as asked for, and its length header tells the truth."""
    sandbox.fault({"status": 200, "body": "x", "body_bytes": 1_000_000})

    answer = sandbox.post([purchase()])
    assert len(answer.content) == 1_000_001 == int(answer.headers["content-length"])


@pytest.mark.parametrize("keep", [False, True])
def test_reset(sandbox: Running, keep: bool) -> None:
    """The connection is reset, not merely closed, before any byte of an answer."""
    sandbox.fault({"reset": True, "keep": keep})

    with pytest.raises(requests.ConnectionError) as caught:
        sandbox.post([purchase()])
    assert "ConnectionResetError" in repr(caught.value)
    assert len(sandbox.read("events")) == keep


def test_hang(sandbox: Running) -> None:
    """Nothing comes while the sender waits; the sandbox goes on serving others."""
    sandbox.fault({"hang": True})

    with pytest.raises(requests.ReadTimeout):
        sandbox.http.post(
            f"{sandbox.base}/{DATASET}/events", json={"data": [purchase()], "access_token": TOKEN}, timeout=0.3
        )
    assert sandbox.post([purchase()]).status_code == 200


def test_drip(sandbox: Running) -> None:
    """Headers come at once, then the body byte by byte, and what came is the true answer."""
    sandbox.fault({"drip": 2})

    with sandbox.http.post(
        f"{sandbox.base}/{DATASET}/events",
        json={"data": [purchase()], "access_token": TOKEN},
        timeout=60,
        stream=True,
    ) as answer:
        assert answer.status_code == 200
        chunks = list(answer.raw.read_chunked()) if answer.raw.chunked else [bytes([b]) for b in answer.content]
    assert max(map(len, chunks)) == 1
    assert b'"events_received":1' in b"".join(chunks)
    assert sandbox.counted() == 1


def test_delay(sandbox: Running) -> None:
    """The true answer comes, but not before the delay is over."""
    sandbox.fault({"delay_ms": 150})

    before = time.monotonic()
    assert sandbox.post([purchase()]).status_code == 200
    assert time.monotonic() - before >= 0.15


@pytest.mark.parametrize("fault", [{"statuss": 500}, {"status": "500"}, {"match": {"data": 1}}, {"delay_ms": -1}, 7])
def test_misspelt_fault_is_refused(sandbox: Running, fault: object) -> None:
    """A fault that cannot be understood is refused by name instead of doing nothing."""
    answer = sandbox.http.post(f"{sandbox.base}/sandbox/faults", json={"faults": [fault]}, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.read("faults") == []


def test_sender_that_goes_away_leaves_nothing_behind(sandbox: Running) -> None:
    """A request cut off in the middle keeps nothing and uses up no fault."""
    sandbox.fault({"status": 500})
    host, port = sandbox.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as half:
        half.sendall(b"POST /1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

    assert sandbox.post([purchase()]).status_code == 500
    assert sandbox.read("events") == []
