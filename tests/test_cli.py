"""Every command as its user types it, judged by exit code and output; those that serve in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from acceptance.gateway_process import Gateway, Meanwhile, Program, gateway, run_alone, run_twofold, sandbox_process

from twofold import __version__
from twofold.commands.check import run_checks
from twofold.event.model import Channel, CustomData, Event, Tier, UserData
from twofold.store.engines import open_reader
from twofold.store.opened.routes import Route
from twofold.store.store import Store

DATASET, OTHER, KEY = "1234567890", "2222222222", "key-of-the-shop"
PATIENCE_S = 60
TOML = """
[[dataset]]
id = "1234567890"
key = "{key}"
[dataset.hold_s]
Purchase = 0
[dataset.orders]
wait_s = 0  # these purchases are known to no shop: without it they would wait an hour for their orders
[[dataset]]
id = "2222222222"
key = "{key}"
[[destination]]
platform = "meta"
dataset = "1234567890"
endpoint = "{endpoint}"
token = "token-of-the-platform"
[[source]]
type = "shopify"
dataset = "1234567890"
shop = "demo.myshopify.com"
secret = "a-secret-of-16-or-more"
"""


def toml(endpoint: str) -> str:
    return TOML.format(key=KEY, endpoint=endpoint)


def purchase(event_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "event_name": "Purchase",
        "event_time": int(time.time()),
        "event_id": event_id,
        "action_source": "website",
        "user_data": {"em": "a@b.example", "fbp": "fb.1.1790000000000.1"},
        "custom_data": {"value": 42.5, "currency": "EUR", "order_id": event_id},
        **changes,
    }


def send(running: Gateway, *events: dict[str, Any], dataset: str = DATASET) -> int:
    body = {"data": list(events), "access_token": KEY}
    return requests.post(f"{running.url}/v25.0/{dataset}/events", json=body, timeout=PATIENCE_S).status_code


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not so after {PATIENCE_S} s"
        time.sleep(0.1)


def states(running: Gateway, *ids: str) -> list[str]:
    rows = {row["event_id"]: row["state"] for row in running.rows("deliveries")}
    return [rows.get(i, "") for i in ids]


# -- with one gateway running


@pytest.fixture(scope="module")
def receiver() -> Iterator[Program]:
    with sandbox_process() as running:
        yield running


@pytest.fixture(scope="module")
def running(receiver: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that has taken three purchases, one of them twice, a lead, and refused two."""
    data = tmp_path_factory.mktemp("cli") / "data"
    with gateway(toml(receiver.url), data) as started:
        assert send(started, purchase("one"), purchase("two"), purchase("one")) == 200
        assert send(started, purchase("three", custom_data={"value": 1})) == 400
        assert send(started, {**purchase("four"), "event_name": "Lead"}, dataset=OTHER) == 200
        requests.get(f"{started.url}/tr?id={DATASET}&ev=Purchase&eid=five", timeout=PATIENCE_S).close()
        until(lambda: states(started, "one", "two") == ["delivered", "delivered"])
        yield started
        assert started.stop() == 0


KEYS = {
    "events": {"position", "dataset", "event_name", "event_id", "event_time", "channel", "sender", "tier", "verdict"},
    "actions": {"dataset", "event_name", "fold_key", "copies", "value", "currency", "match_keys", "state"},
    "deliveries": {"destination", "event_name", "event_id", "state", "attempts", "reason"},
    "refused": {"reason", "index", "path", "expected", "got", "body", "dataset", "event_name", "event_id"},
}


@pytest.mark.parametrize("kind", KEYS)
def test_json_rows_carry_what_was_promised(kind: str, running: Gateway) -> None:
    """One JSON object a line with at least these keys, so that scripts can rest on them."""
    rows = running.rows(kind)
    assert rows
    for row in rows:
        assert row.keys() >= KEYS[kind]


def test_the_facts_in_the_rows(running: Gateway) -> None:
    """What was sent above, as each command tells it."""
    events = {(e["event_id"], e["verdict"]): e for e in running.rows("events")}
    assert set(events) == {("one", "first"), ("two", "first"), ("one", "repeat"), ("four", "first")}
    one = events["one", "first"]
    assert (one["position"], one["channel"], one["sender"], one["tier"]) == (1, "server", "api", 2)
    assert one["match_keys"] == ["em", "fbp"]
    actions = {a["event_id"]: a for a in running.rows("actions")}
    assert (actions["one"]["copies"], actions["one"]["value"], actions["one"]["currency"]) == (2, "42.5", "EUR")
    assert (actions["one"]["fold_key"], actions["one"]["state"], actions["four"]["state"]) == (
        "id:one",
        "delivered",
        "stored",
    )
    assert [(r["entry"], r["reason"]) for r in running.rows("refused")] == [
        ("events", "missing_currency"),
        ("tr", "missing_value"),
    ]
    (delivery,) = running.rows("deliveries", id="one")
    assert (delivery["destination"], delivery["attempts"], delivery["reason"]) == (f"meta-{DATASET}", 1, "")


FILTERS: list[tuple[str, dict[str, str], set[str]]] = [
    ("events", {"dataset": DATASET}, {"one", "two"}),
    ("events", {"dataset": OTHER}, {"four"}),
    ("events", {"name": "Lead"}, {"four"}),
    ("events", {"name": "Subscribe"}, set()),
    ("events", {"id": "two"}, {"two"}),
    ("events", {"state": "repeat"}, {"one"}),
    ("events", {"name": "Purchase", "state": "first", "id": "two"}, {"two"}),
    ("events", {"id": "' or 1=1 --"}, set()),
    ("actions", {"state": "stored"}, {"four"}),
    ("actions", {"state": "delivered", "dataset": DATASET}, {"one", "two"}),
    ("deliveries", {"destination": f"meta-{DATASET}"}, {"one", "two"}),
    ("deliveries", {"state": "dead"}, set()),
    ("refused", {"state": "missing_currency"}, {"three"}),
    ("refused", {"id": "three"}, {"three"}),
    ("refused", {"dataset": OTHER}, set()),
]


@pytest.mark.parametrize(("kind", "filters", "ids"), FILTERS)
def test_filters(kind: str, filters: dict[str, str], ids: set[str], running: Gateway) -> None:
    """Each narrows the list, together they narrow it further, and a value is only ever a value."""
    assert {row["event_id"] for row in running.rows(kind, **filters)} == ids


def test_the_limit_keeps_the_newest(running: Gateway) -> None:
    """`--limit 2` shows the last two, newest last; 0 shows all."""
    lines = running.run("events", "--json", "--limit", "2").stdout.splitlines()
    assert [json.loads(line)["position"] for line in lines] == [3, 4]
    assert len(running.run("events", "--json", "--limit", "0").stdout.splitlines()) == 4


def test_tables_for_people(running: Gateway) -> None:
    """Without --json a table with a head; nothing that fits is said in words."""
    done = running.run("actions")
    assert done.returncode == 0
    head, *lines = done.stdout.splitlines()
    assert head.split("  ")[0] == "id"
    for heading in (
        "came in",
        "dataset",
        "event",
        "fold key",
        "copies",
        "late",
        "value",
        "currency",
        "match keys",
        "state",
    ):
        assert heading in head
    assert len(lines) == 3
    assert running.run("events", "--name", "Subscribe").stdout == "no events that fit\n"


UNKNOWN = [
    ("a verdict", ("events", "--state", "frist"), "repeat"),
    ("an action's state", ("actions", "--state", "sent"), "delivered"),
    ("a delivery's state", ("deliveries", "--state", "foo"), "suppressed"),
    ("a drop reason", ("refused", "--state", "no_currency"), "missing_currency"),
    ("a dataset", ("events", "--dataset", "999"), DATASET),
    ("a dataset of orders", ("orders", "list", "--dataset", "999"), DATASET),
    ("a dataset of quality", ("quality", "--dataset", "999"), DATASET),
    ("an event name", ("actions", "--name", "Purchse"), "Purchase"),
    ("a destination", ("deliveries", "--destination", "meta"), f"meta-{DATASET}"),
]


@pytest.mark.parametrize(("words", "known"), [row[1:] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["people", "machines"])
def test_what_cannot_be_is_refused_with_what_can(
    running: Gateway, words: tuple[str, ...], known: str, form: tuple[str, ...]
) -> None:
    """An empty answer means that there is nothing, never that a word was misspelt."""
    done = running.run(*words, *form)
    assert done.returncode == 2, done.stdout
    assert known in " ".join(done.stderr.split())
    assert "no events" not in done.stdout


def test_a_delivery_with_its_request_and_its_answers(running: Gateway) -> None:
    """What left as it left, with the address masked, and each attempt with status and time; by number and by event id."""
    (listed,) = running.rows("deliveries", id="one")
    assert (listed["status"], listed["attempts"], listed["value"]) == (200, 1, "42.5")
    assert listed["created_at"] <= listed["tried_at"] <= time.time()
    for named in (str(listed["id"]), "one"):
        done = running.run("deliveries", "show", named, "--json")
        assert done.returncode == 0, done.stderr
        row, request, attempt = map(json.loads, done.stdout.splitlines())
        assert (row["row"], row["id"], request["row"], attempt["row"]) == (
            "delivery",
            listed["id"],
            "request",
            "attempt",
        )
        assert request["payload"]["event_id"] == "one"
        assert request["payload"]["user_data"]["em"] == [hashlib.sha256(b"a@b.example").hexdigest()]
        assert (attempt["status"], attempt["decision"]) == (200, "delivered")
    shown = running.run("deliveries", "show", "one").stdout
    assert '"event_id": "one"' in shown
    assert "delivered" in shown
    assert KEY not in shown


@pytest.mark.parametrize("named", ["999999", "no-such-event", "-", "1 or 1=1"])
def test_a_delivery_that_is_not_here(running: Gateway, named: str) -> None:
    """Exit code 5 and what to do."""
    done = running.run("deliveries", "show", named)
    assert (done.returncode, done.stdout) == (5, "")
    assert "twofold deliveries" in done.stderr


def test_verify_while_it_runs(running: Gateway) -> None:
    """Exit code 0, one line a sum, also as JSON."""
    done = running.run("verify")
    assert done.returncode == 0
    assert all(line.startswith("OK ") for line in done.stdout.splitlines())
    assert "accepted = journalled: 4 = 4" in done.stdout
    sums = [json.loads(line) for line in running.run("verify", "--json").stdout.splitlines()]
    assert all(s["holds"] and s["left"] == s["right"] for s in sums)


def test_check_with_everything_in_order(running: Gateway, receiver: Program, tmp_path: Path) -> None:
    """Every line OK and exit code 0; an address taken by the gateway itself is in order."""
    file = tmp_path / "t.toml"
    without_second = toml(receiver.url).replace(f'[[dataset]]\nid = "{OTHER}"\nkey = "{KEY}"\n', "")
    file.write_text(f"[server]\nport = {running.port}\n{without_second}")
    done = run_twofold("check", "--config", str(file), "--data", str(running.data))
    assert done.returncode == 0, done.stdout
    assert all(line.startswith("OK ") for line in done.stdout.splitlines())
    for name in (
        "Python 3.11",
        "SQLite engine",
        f"dataset {DATASET} key",
        "destination meta-",
        "POST /webhooks/shopify/",
    ):
        assert name in done.stdout


def test_a_second_gateway_on_the_folder(running: Gateway) -> None:
    """Exit code 4, the owner's number in the message, and the first one goes on."""
    done = running.run("serve", "--port", "0")
    assert done.returncode == 4
    assert f"in use by process {running.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    assert send(running, purchase("one")) == 200


def test_a_port_that_is_taken(running: Gateway, tmp_path: Path) -> None:
    """Exit code 2 and a sentence."""
    done = run_twofold("serve", "--data", str(tmp_path / "d"), "--port", str(running.port))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {running.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_environment_twins(running: Gateway) -> None:
    """TWOFOLD_CONFIG and TWOFOLD_DATA stand for the options."""
    environ = {"TWOFOLD_CONFIG": str(running.config), "TWOFOLD_DATA": str(running.data)}
    assert run_twofold("events", "--json", "--limit", "1", env=environ).stdout.count("\n") == 1


# -- dead deliveries


def refuse(receiver: Program, *event_ids: str) -> None:
    """From now on the receiver refuses every batch that holds one of these."""
    requests.delete(f"{receiver.url}/sandbox/faults", timeout=PATIENCE_S)
    faults = {"faults": [{"invalid_event_ids": list(event_ids)}] if event_ids else []}
    assert requests.post(f"{receiver.url}/sandbox/faults", json=faults, timeout=PATIENCE_S).status_code == 200


def test_revive(receiver: Program, tmp_path: Path) -> None:
    """A dead delivery is sent again with the bytes it had, whether the gateway runs or not; others stay as they are."""
    with gateway(toml(receiver.url), tmp_path / "data") as g:
        refuse(receiver, "dead-1", "dead-2")
        assert send(g, purchase("dead-1"), purchase("dead-2"), purchase("alive")) == 200
        until(lambda: states(g, "dead-1", "dead-2", "alive") == ["dead", "dead", "delivered"])
        (row,) = g.rows("deliveries", id="dead-1")
        assert "2804003" in row["reason"]
        refuse(receiver)

        done = g.run("revive", "--id", "dead-1")
        assert (done.returncode, done.stdout) == (0, "1 deliveries wait again\n")
        until(lambda: states(g, "dead-1", "dead-2") == ["delivered", "dead"])

        assert g.stop() == 0
        done = g.run("revive", "--json", "--destination", f"meta-{DATASET}")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"row": "revived", "revived": 1})
        assert states(g, "dead-2") == ["waiting"]
        assert g.run("revive").stdout == "0 deliveries wait again\n"
        g.start()
        until(lambda: states(g, "dead-2") == ["delivered"])
        assert g.run("verify").returncode == 0


# -- without a gateway


def test_stopping(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end it with exit code 0, and the next start takes the folder."""
    with gateway(toml("http://127.0.0.1:9"), tmp_path / "data") as g:
        assert g.stop(signal.SIGINT) == 0
        g.start()
        assert send(g, purchase("kept")) == 200
        assert g.stop(signal.SIGTERM) == 0
        assert [row["event_id"] for row in g.rows("events")] == ["kept"]
        assert "Traceback" not in g.output()


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    """Made with mode 0700, its files for their owner only."""
    with gateway(toml("http://127.0.0.1:9"), tmp_path / "data") as g:
        send(g, purchase("private"))
        modes = {p.name: p.stat().st_mode & 0o777 for p in [g.data, *g.data.iterdir()]}
    assert modes["data"] == 0o700
    assert {mode & 0o077 for mode in modes.values()} == {0}


def all_sealed(data: Path) -> bool:
    """Every action was claimed for delivery, whatever became of it."""
    with contextlib.closing(open_reader(data)) as db:
        return db.execute("select count(*) = count(sealed_at) from action").fetchall() == [(1,)]


def test_verify_finds_an_altered_row(tmp_path: Path) -> None:
    """Exit code 1, the line that does not hold, and the position where the journal was changed."""
    with gateway(toml("http://127.0.0.1:9"), tmp_path / "data") as g:
        assert send(g, *(purchase(f"row-{n}") for n in range(3))) == 200
        until(lambda: all_sealed(g.data))  # an action that nobody has claimed yet is held against its copy, too
        g.stop()
        with sqlite3.connect(g.data / "twofold.db") as db:
            db.execute(
                "update event set body = cast(substr(body, 1, length(body) - 1) || x'00' as blob) where position = 2"
            )
        db.close()
        done = g.run("verify")
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("NO ")]
    assert [line[4:].partition(":")[0] for line in wrong] == [
        "changes to the database file since it was closed",
        "journal rows follow each other unaltered",
        "journal rows say what their bodies say",  # a body that cannot be unpacked says nothing
    ]
    assert "position 2" in wrong[1]


LISTS = ["events", "actions", "deliveries", "refused", "verify", "revive"]


@pytest.mark.parametrize("command", LISTS)
def test_a_folder_without_data(command: str, tmp_path: Path) -> None:
    """Exit code 3 and what to do; the folder is not made by looking."""
    done = run_twofold(command, "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 3
    assert "holds no data yet" in done.stderr
    assert "twofold serve" in done.stderr
    assert not (tmp_path / "nowhere").exists()


MISTAKES: list[tuple[str, str, list[str]]] = [
    ("no TOML", "[server", ["not TOML"]),
    ("an unknown setting", "[server]\nprot = 1", ["prot", "docs/settings.md"]),
    ("a missing secret", "[[dataset]]\nid = '1'\nkey = 'env:NOT_THERE'", ["NOT_THERE", "not set"]),
]


@pytest.mark.parametrize(("claim", "text", "words"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_in_the_file(claim: str, text: str, words: list[str], tmp_path: Path) -> None:
    """Exit code 2 and one sentence from any command; `check` says it as a line."""
    file = tmp_path / "t.toml"
    file.write_text(text)
    for command in ("serve", "events"):
        done = run_twofold(command, "--config", str(file))
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert all(word in done.stderr for word in words)
    done = run_twofold("check", "--config", str(file))
    assert done.returncode == 1
    assert all(word in done.stdout for word in ("DO  configuration", *words))


FAULTY = """[server]
prot = 8400

[[dataset]]
id = "1"
key = "env:NOT_THERE"
origins = ["https://*.shop.example"]
"""


def test_check_says_each_fault_in_a_line_of_its_own(tmp_path: Path) -> None:
    """With file and line: an editor or a script goes there without reading prose."""
    file = tmp_path / "t.toml"
    file.write_text(FAULTY)
    done = run_twofold("check", "--json", "--config", str(file))
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    faults = [row for row in rows if row["state"] == "do"]
    assert [(row["file"], row["line"]) for row in faults] == [(str(file), 2), (str(file), 6), (str(file), 7)]
    for row, word in zip(faults, ("prot", "NOT_THERE", "*"), strict=True):
        assert word in row["text"]
        assert "\n" not in row["text"]
    said = run_twofold("check", "--config", str(file)).stdout
    assert f"DO  configuration {file}, line 6: dataset[0].key" in said
    file.write_text("[[dataset]]\nid = '1'\n[server")
    broken = [json.loads(line) for line in run_twofold("check", "--json", "--config", str(file)).stdout.splitlines()]
    assert [(row["line"], "not TOML" in row["text"]) for row in broken if row["state"] == "do"] == [(3, True)]


MEANT = """[server]
data = "data"
port = 0
[[dataset]]
id = "1"
key = "a-key-of-the-shop"
hold_s = { Purchas = 5, Offered = 5, Refered = 1 }
[[destination]]
platform = "meta"
dataset = "1"
token = "t"
endpoint = "http://127.0.0.1:9"
value = "margin"
only = ["Purchase", "AddToCard"]
[[schema.event]]
name = "Referred"
owner = "shop"
purpose = "reports"
[[source]]
type = "courier"
dataset = "1"
shop = "quick"
secret = "a-secret-of-the-address"
[[audience]]
name = "left"
dataset = "1"
rule = "cart_left"
"""


def test_check_knows_settings_that_do_not_what_they_were_meant_to(tmp_path: Path) -> None:
    """Names nearly of a known or declared event, and margins without a cost; an event of the shop's own is none of its business."""
    (tmp_path / "t.toml").write_text(MEANT)
    lines = {line.name: line.problem for line in run_checks(tmp_path / "t.toml", None)}
    near = {name: problem.partition("?")[0] for name, problem in lines.items() if problem and "did you mean" in problem}
    assert near == {
        "dataset 1 hold_s: Purchas": "is no event that is known, did you mean Purchase",
        "dataset 1 hold_s: Refered": "is no event that is known, did you mean Referred",
        "destination meta-1 only: AddToCard": "is no event that is known, did you mean AddToCart",
    }
    assert lines["source courier quick: POST /webhooks/courier/quick/{secret}"] is None
    assert "import costs" in str(lines["destination meta-1 is told margins"])
    assert lines["audience left: cart_left of 30 days; no list, only shown and exported"] is None


def test_check_shows_settings_by_their_older_names(tmp_path: Path) -> None:
    """They are understood, so nothing must be done at once: LOOK, with the line, and exit code 0 by them alone."""
    file = tmp_path / "t.toml"
    file.write_text(
        f"[server]\ndata = '{tmp_path}/data'\nport = 0\npath = '/m'\n[[dataset]]\nid = '1'\nkey = 'k'\nhold = {{ Lead = 3 }}\n"
        "trust.rate = 9\ntrust.confirm = { Lead = 3 }\n"
    )
    rows = [json.loads(line) for line in run_twofold("check", "--json", "--config", str(file)).stdout.splitlines()]
    looks = [row for row in rows if row["state"] == "look"]
    assert [(row["file"], row["line"]) for row in looks] == [(str(file), n) for n in (4, 8, 9, 10)]
    assert "tag_path" in looks[0]["text"]
    assert "hold_s" in looks[1]["text"]
    done = run_twofold("check", "--config", str(file))
    assert f"LOOK configuration {file}, line 8: dataset[0].hold is called hold_s now" in done.stdout
    assert done.stderr == ""
    wanting = [line for line in done.stdout.splitlines() if line.startswith("DO ")]
    assert [line for line in wanting if "configuration" in line] == []
    file.write_text(file.read_text() + "prot = 1\n")  # beside a fault they are told all the same
    rows = [json.loads(line) for line in run_twofold("check", "--json", "--config", str(file)).stdout.splitlines()]
    assert [(r["state"], r["line"]) for r in rows if r["line"]] == [*(("look", n) for n in (4, 8, 9, 10)), ("do", 11)]


@pytest.mark.parametrize("word", ["ok", "degraded", "damaged", "stuck", "failed"])
def test_check_knows_a_running_gateway_whatever_its_health(word: str, tmp_path: Path) -> None:
    """Its address is taken by itself: an operator who looks why it is not well is not told to choose another port."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if word in ("ok", "degraded") else 503)
            self.end_headers()
            self.wfile.write(f"{word}\n".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = tmp_path / "t.toml"
        file.write_text(f"[server]\ndata = '{tmp_path}/data'\nport = {server.server_port}\n")
        said = run_twofold("check", "--config", str(file)).stdout
        server.shutdown()
    assert f"OK  address 127.0.0.1:{server.server_port}" in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Exit code 2 and its name."""
    done = run_twofold("serve", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert "none.toml does not exist" in done.stderr


@pytest.mark.parametrize("command", ["serve", "check", "verify", "erase"])
def test_a_folder_of_the_last_version_is_not_left_behind(command: str, tmp_path: Path) -> None:
    """0.2 took a relative folder from the directory of the command: begun anew beside the file, all it held would be missing."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "run" / "data").mkdir(parents=True)
    file = tmp_path / "etc" / "t.toml"
    file.write_text("[server]\nport = 0\ndata = 'data'\n[[dataset]]\nid = '1'\nkey = 'k'\n")
    more = ("--email", "mary@shop.example", "--yes") if command == "erase" else ()

    def typed(*options: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "twofold", command, "--config", str(file), *more, *options]
        return subprocess.run(words, cwd=tmp_path / "run", capture_output=True, text=True, timeout=60)

    with contextlib.closing(sqlite3.connect(tmp_path / "run" / "data" / "twofold.db")) as db:
        db.executescript("create table event (position integer primary key); pragma user_version = 5")
    done = typed()
    said = done.stdout + done.stderr
    assert done.returncode == (1 if command == "check" else 2), said
    assert "line 3: server.data" in said
    assert str(tmp_path / "run" / "data") in said
    assert not (tmp_path / "etc" / "data").exists()
    if command != "serve":  # named, it is the one: nothing is asked about the other place
        assert "server.data" not in typed("--data", str(tmp_path / "run" / "data")).stderr
    with contextlib.closing(sqlite3.connect(tmp_path / "run" / "data" / "twofold.db")) as db:
        db.execute("pragma user_version = 9")  # another gateway's of today: no reason to stop this one
    if command == "verify":
        assert "holds no data yet" in typed().stderr


def test_check_says_what_to_do(tmp_path: Path) -> None:
    """Each thing out of order is one DO line with the cure, and nothing is changed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        data = tmp_path / "data"
        data.mkdir()
        data.chmod(0o755)  # whatever the process masks
        file = tmp_path / "t.toml"
        file.write_text(
            f"[server]\ndata = '{data}'\nport = {port}\n[[dataset]]\nid = '1'\n[[dataset]]\nid = '2'\nkey = 'k'\n"
            "[[destination]]\nplatform = 'meta'\ndataset = '1'\nendpoint = 'http://127.0.0.1:9'\n"
        )
        done = run_twofold("check", "--config", str(file))
    assert done.returncode == 1
    problems = [line for line in done.stdout.splitlines() if line.startswith("DO ")]
    for words in (
        (f"data folder {data}", "chmod 700"),
        (f"address 127.0.0.1:{port}", "another port"),
        ("dataset 1 key", "set `key`"),
        ("dataset 2 destination", "add a [[destination]]"),
        ("destination meta-1 token", "set `token`"),
        ("destination meta-1 http://127.0.0.1:9", "cannot be reached"),
    ):
        assert [line for line in problems if all(word in line for word in words)], (words, problems)
    assert len(problems) == 6
    assert list(data.iterdir()) == []


def test_help_names_every_command() -> None:
    """`twofold --help` is a table of contents; each command has its own page, and a wrong one says where help is."""
    done = run_twofold("--help")
    assert done.returncode == 0
    for command in ("serve", "sandbox", "demo", "check", "verify", *LISTS, "version"):
        assert f"│ {command} " in done.stdout
    for panel in ("Run", "Look", "Act", "People's rights", "Try and check"):
        assert f"─ {panel} ─" in done.stdout
    assert "…" not in done.stdout, "no sentence is cut"
    assert run_twofold("frobnicate").returncode == 2
    assert run_twofold("version").stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [(["version"], 0), (["frobnicate"], 2), (["events", "--limit", "none"], 2), (["events", "--config", "/none.toml"], 2),
     (["verify", "--data", "/nowhere"], 3), (["explain-source", "--help"], 0)],
)  # fmt: skip
def test_a_process_of_its_own_says_what_the_tests_read(words: list[str], code: int) -> None:
    """Most tests ask commands inside their own process: output, words of an error and exit code are those of the program."""
    alone, here = run_alone(*words), run_twofold(*words)
    words_of = [" ".join(text.replace("python -m twofold", "twofold").split()) for text in (alone.stdout, alone.stderr)]
    assert (alone.returncode, *words_of) == (
        here.returncode,
        " ".join(here.stdout.split()),
        " ".join(here.stderr.split()),
    )
    assert alone.returncode == code


def test_a_command_takes_no_variable_from_what_goes_on_meanwhile() -> None:
    """A client beside it looks through the environment at each request, and finds each variable that it was told of."""
    stop, failed = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            try:
                dict(os.environ)
            except KeyError as gone:
                failed.append(gone)

    beside = Meanwhile(target=look)
    beside.start()
    try:
        said = [run_twofold("version").stdout for _ in range(3)]
    finally:
        stop.set()
        beside.join()
    assert (failed, said) == ([], [f"{__version__}\n"] * 3)


def test_sandbox_options() -> None:
    """The command takes what `python -m twofold.sandbox` takes: datasets and scopes of a token, secret, order id rule."""
    arguments = ["sandbox", "--token", "secret-token=1", "--token", "reader-token", "--scope", "reader-token=ads_read"]
    with contextlib.closing(Program([*arguments, "--order-id-rule", "28d"])) as program:
        program.start()

        def refusal(token: str, dataset: str = "1", order: str = "7") -> str:
            event = purchase(order, user_data={"em": "0" * 64})
            event["custom_data"]["order_id"] = "7"
            body = {"data": [event], "access_token": token}
            answer = requests.post(f"{program.url}/{dataset}/events", json=body, timeout=PATIENCE_S).json()
            return answer.get("error", {}).get("message", "")

        assert refusal("secret-token") == ""
        assert "does not exist" in refusal("secret-token", "2")
        assert "access token" in refusal("other-token")
        assert "Missing Permission" in refusal("reader-token")
        assert refusal("secret-token", order="8") == ""
        (counts,) = requests.get(f"{program.url}/sandbox/counts", timeout=PATIENCE_S).json()["counts"]
        assert counts["counted"] == 1
    with contextlib.closing(Program(["sandbox", "--app-secret", "s"])) as program:
        program.start()
        query = {"dataset_id": "1", "access_token": "secret-token"}
        assert requests.get(f"{program.url}/dataset_quality", params=query, timeout=PATIENCE_S).status_code == 400
    assert run_twofold("sandbox", "--order-id-rule", "1d").returncode == 2


# -- what others write is shown, not obeyed

ODD = {
    "an ANSI sequence": "a\x1b[2J\x1b]0;owned\x07b",
    "a line end": "a\r\nOK everything: 1 = 1",
    "text direction": "a\u202eesrever\u2066b",
    "a C1 control": "a\x9b31mb",
    "markup": "[red]a[/red] [link=http://x.example]b[/link]",
    "a broken tag": "a[/]b",
}


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose rows hold such texts, written past the collector, which refuses them."""
    folder = tmp_path_factory.mktemp("odd") / "data"

    async def write() -> None:
        store = Store(folder, routes={DATASET: Route(destinations=("meta",))}, opened_at=1)
        store.start()
        events = [
            Event(
                dataset=DATASET, event_name=text, event_id=text, event_time=1, received_at=1, channel=Channel.SERVER,
                sender=text, tier=Tier.T2, user_data=UserData(), custom_data=CustomData(value=Decimal(1), order_id=text),
            )
            for text in ODD.values()
        ]  # fmt: skip
        await store.append(events)
        await store.close()

    asyncio.run(write())
    return folder


@pytest.mark.parametrize("command", ["events", "actions", "deliveries"])
def test_the_terminal_obeys_nobody(command: str, odd_folder: Path) -> None:
    """Escape sequences, line ends, direction marks and markup of a sender appear as visible characters."""
    done = run_twofold(command, "--data", str(odd_folder))
    assert done.returncode == 0, done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stdout)
    assert len(done.stdout.splitlines()) == 1 + len(ODD)
    for shown in ("\\x1b[2J", "\\x0d\\x0aOK everything", "\\x202e", "\\x9b31m", "[red]a[/red]", "a[/]b"):
        assert shown in done.stdout


def test_json_stays_one_line_a_row(odd_folder: Path) -> None:
    """The same texts arrive whole in a program that reads the lines."""
    done = run_twofold("events", "--json", "--data", str(odd_folder))
    assert [json.loads(line)["event_id"] for line in done.stdout.split("\n") if line] == list(ODD.values())


def test_what_is_kept_back_can_be_listed_released_and_dropped(tmp_path: Path, receiver: Program) -> None:
    """Through the running gateway: three leads of browsers over the cap, one sent by word, one turned away, one left."""
    capped = toml(receiver.url).replace(f'id = "{DATASET}"', f'id = "{DATASET}"\ntrust.value_caps = {{ EUR = 100 }}', 1)
    with gateway(capped, tmp_path / "data") as g:
        for number in ("k1", "k2", "k3"):
            hit = {"id": DATASET, "ev": "Lead", "eid": number, "cd[value]": "999", "cd[currency]": "EUR"}
            agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"}
            requests.get(f"{g.url}/tr", params=hit, headers=agent, timeout=PATIENCE_S).close()

        def kept(*options: str) -> dict[str, str]:
            done = g.run("quarantine", "list", "--json", *options)
            assert done.returncode == 0, done.stderr
            return {r["event_id"]: r["reason"] for r in map(json.loads, done.stdout.splitlines())}

        until(lambda: set(kept()) == {"k1", "k2", "k3"})
        assert set(kept().values()) == {"value_over_cap"}
        assert g.run("quarantine", "release").returncode == 2, "nothing is released by accident"
        assert g.run("quarantine", "release", "--id", "k1", "--reason", "bots").returncode == 2
        done = g.run("quarantine", "release", "--id", "k1", "--yes", "--json")
        assert json.loads(done.stdout) == {"row": "quarantine", "act": "release", "deliveries": 1}
        assert "1 deliveries are turned away" in g.run("quarantine", "drop", "--id", "k2", "--yes").stdout
        until(lambda: g.rows("deliveries", id="k1")[0]["state"] == "delivered")
        assert kept() == {"k3": "value_over_cap"}
        assert kept("--reason", "dropped_by_hand") == {"k2": "dropped_by_hand"}
        assert g.run("verify").returncode == 0


COMPLETED = [
    ("twofold del", 1, ["deliveries"]),
    ("twofold deliveries --state s", 3, ["suppressed"]),
    ("twofold events --state ", 3, ["first", "repeat", "twin", "conflict"]),
    ("twofold quarantine ", 2, ["list", "release", "drop"]),
]


@pytest.mark.parametrize(("line", "word", "offered"), COMPLETED, ids=[row[0] for row in COMPLETED])
def test_the_shell_completes_names_and_values(line: str, word: int, offered: list[str]) -> None:
    """As the script that `twofold --install-completion` installs asks the program."""
    asked = {"_TWOFOLD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("twofold"))],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert [text.split(",")[-1] for text in done.stdout.split()] == offered, done.stderr
