"""What the client keeps when its process ends, is killed or forks. Real processes, real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripted_server import ALL, answer, scripted

from twofold.client import Client, Kind, Problem

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"  # the discard port: nobody listens
SECRETS = ("john_smith", "650555", "6505551212", "Smith", "Menlo", "94025", "key-of-the-dataset", "0123456789abcdef")

TRACK = """
import os, signal, sys
from twofold.client import Client
client = Client(sys.argv[1], "1", "key-of-the-dataset", shop="s", secret="0123456789abcdef", wait_s=0.01,
                spool=sys.argv[2] or None, on_error=lambda problem: None)
for n in range(5):
    client.track("Lead", event_id=f"e-{n}", event_time=1790000000 + n, url="https://x.example/?m=john_smith@gmail.com",
                 user={"email": "john_smith@gmail.com", "phone": "+1 650 555 1212", "last_name": "Smith", "city": "Menlo Park",
                       "zip": "94025", "country": "us", "fbp": "fb.1.1.2"})
client.order({"id": "A-1", "customer": {"email": "john_smith@gmail.com", "last_name": "Smith"}, "note": "john_smith@gmail.com"})
"""


def run_code(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True, timeout=60)


def events_of(server) -> list[str]:
    found = [event["event_id"] for r in server.requests if "/events" in r.line for event in r.events]
    return sorted(found)


def test_a_program_that_ends_without_close_has_sent_everything():
    """The interpreter's end waits for what is queued."""
    with scripted() as server:
        done = run_code(TRACK, server.url, "")
        assert (done.returncode, done.stderr) == (0, "")
        assert events_of(server) == [f"e-{n}" for n in range(5)]


def test_a_killed_process_loses_nothing_and_leaves_no_contact_data(tmp_path):
    """kill -9 right after the last call: the next process sends all of it, same ids and times, and the folder is empty."""
    done = run_code(TRACK + "os.kill(os.getpid(), signal.SIGKILL)", NOBODY, str(tmp_path))
    assert done.returncode == -signal.SIGKILL
    (file,) = tmp_path.iterdir()
    kept = file.read_text(encoding="utf-8")
    assert [word for word in SECRETS if word in kept] == []
    assert oct(file.stat().st_mode)[-3:] == "600"
    with scripted() as server:
        client = Client(server.url, "1", "k", shop="s", secret="0123456789abcdef", spool=str(tmp_path), wait_s=0.01)
        assert client.close()
        events = [event for r in server.requests if "/events" in r.line for event in r.events]
        (order,) = [json.loads(r.body) for r in server.requests if "/webhooks/" in r.line]
    assert [(e["event_id"], e["event_time"]) for e in events] == [(f"e-{n}", 1_790_000_000 + n) for n in range(5)]
    # SHA-256 of john_smith@gmail.com, 16505551212 and smith, from Meta's page
    assert events[0]["user_data"]["em"] == ["62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"]
    assert events[0]["user_data"]["ph"] == ["e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"]
    assert order["customer"]["last_name"] == "6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"
    assert list(tmp_path.iterdir()) == []


def test_what_is_delivered_leaves_the_spool_and_what_is_not_stays(tmp_path):
    """After a close with the gateway gone, only the unsettled events are sent by the next process."""
    problems: list[Problem] = []
    with scripted(ALL, answer(503, b"")) as server:
        client = Client(server.url, "1", "k", spool=str(tmp_path), wait_s=0.01, on_error=problems.append)
        client.track("Lead", event_id="delivered")
        assert client.flush()
        client.track("Lead", event_id="waiting")
        assert not client.close(0.2)
    assert problems == []
    with scripted() as server:
        with Client(server.url, "1", "k", spool=str(tmp_path), wait_s=0.01) as client:
            assert client.flush()
        assert events_of(server) == ["waiting"]


def test_a_torn_line_costs_only_itself(tmp_path):
    """A disk that was full in the middle of a line."""
    line = {"n": 1, "to": "events", "item": {"text": '{"event_id":"a"}', "name": "Lead", "id": "a"}}
    torn = json.dumps(line) + "\n" + json.dumps(line | {"n": 2})[:40] + '\nnull\n[1]\n{"n":3,"item":{}}\n'
    (tmp_path / "1-x.spool").write_text(torn, encoding="utf-8")
    with scripted() as server:
        with Client(server.url, "1", "k", spool=str(tmp_path), wait_s=0.01) as client:
            assert client.flush()
        assert events_of(server) == ["a"]


def test_a_living_process_keeps_its_file(tmp_path):
    """Two processes with one folder: neither sends what is the other's."""
    with scripted() as server:
        first = Client(NOBODY, "1", "k", spool=str(tmp_path), on_error=lambda problem: None)
        first.track("Lead", event_id="first")
        with Client(server.url, "1", "k", spool=str(tmp_path), wait_s=0.01) as second:
            second.track("Lead", event_id="second")
            assert second.flush()
        assert events_of(server) == ["second"]
        assert not first.close(0.01)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_spool_that_cannot_be_written_is_told_and_the_event_still_goes(tmp_path):
    """Here the file is closed under the client; a full disk looks the same."""
    problems: list[Problem] = []
    with scripted() as server:
        client = Client(server.url, "1", "k", spool=str(tmp_path), wait_s=0.01, on_error=problems.append)
        os.close(client._spool._file)
        client._spool._file = os.open(os.devnull, os.O_RDONLY)
        assert client.track("Lead", event_id="e") == "e"
        assert client.flush()
        assert events_of(server) == ["e"]
        client._spool._open.clear()
        client.close()
    assert [problem.kind for problem in problems] == [Kind.SPOOL]


FORK = """
import os, sys
from twofold.client import Client
client = Client(sys.argv[1], "1", "k", wait_s=30.0, spool=sys.argv[2] or None)
client.track("Lead", event_id="parent")
child = os.fork()
if child == 0:
    client.track("Lead", event_id="child")
    client.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.close()
"""


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_a_fork_sends_each_event_once(spooled, tmp_path):
    """The child sends its own and not its parent's, which the parent still has."""
    with scripted() as server:
        done = run_code(FORK, server.url, str(tmp_path) if spooled else "")
        assert (done.returncode, done.stderr) == (0, "")
        assert events_of(server) == ["child", "parent"]
    assert list(tmp_path.iterdir()) == []


def test_a_gateway_that_is_down_does_not_keep_the_program_from_ending():
    """The end waits a few seconds at most, tells what is lost, and leaves."""
    code = TRACK.replace("lambda problem: None", "lambda problem: print(problem.kind.value, problem.event_id)")
    began = time.monotonic()
    done = run_code("import atexit; " + code.replace("import os,", "import os,") + "client.close(0.1)", NOBODY, "")
    assert done.returncode == 0
    assert sorted(done.stdout.split("\n"))[1:] == sorted(["lost A-1", *(f"lost e-{n}" for n in range(5))])
    assert time.monotonic() - began < 30
