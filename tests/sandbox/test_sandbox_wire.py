"""The wire: encodings, token places, gzip, answers, and the JSON lists over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from running_sandbox import DATASET, EMAIL, NOW_MS, TOKEN, Running, purchase

from twofold.errors import StoreLocked

FORM = "application/x-www-form-urlencoded"
EVENT = json.dumps(purchase())
BOUNDARY = "----curl"


def multipart(fields: dict[str, str], filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"{file}\r\n\r\n{v}\r\n' for k, v in fields.items()
    )
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


# name, content type, body, query
ENCODINGS = [
    ("JSON", "application/json", json.dumps({"data": [purchase()], "access_token": TOKEN}).encode(), {}),
    ("JSON of texts", "application/json", json.dumps({"data": [EVENT], "access_token": TOKEN}).encode(), {}),
    ("JSON with data as text", "application/json", json.dumps({"data": f"[{EVENT}]"}).encode(), {"access_token": TOKEN}),
    ("form of objects", FORM, urlencode({"data": f"[{EVENT}]", "access_token": TOKEN}).encode(), {}),
    ("form of texts", FORM, urlencode({"data": json.dumps([EVENT])}).encode(), {"access_token": TOKEN}),
    ("multipart", f"multipart/form-data; boundary={BOUNDARY}", multipart({"data": f"[{EVENT}]", "access_token": TOKEN}), {}),
    ("multipart file", f"multipart/form-data; boundary={BOUNDARY}", multipart({"data": f"[{EVENT}]"}, "e.json"), {"access_token": TOKEN}),
    ("JSON called a form", FORM, json.dumps({"data": [purchase()], "access_token": TOKEN}).encode(), {}),
    ("all in the query", "", b"", {"access_token": TOKEN, "data": f"[{EVENT}]"}),
    ("JSON with nulls", "application/json", json.dumps({"data": [purchase()], "namespace_id": None, "upload_id": None, "access_token": TOKEN, "id": DATASET}).encode(), {}),
]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("kind", "body", "query"), [r[1:] for r in ENCODINGS], ids=[r[0] for r in ENCODINGS])
def test_encodings(sandbox: Running, kind: str, body: bytes, query: dict, packed: bool) -> None:
    """Every documented or recorded encoding carries the same event."""
    headers = {"content-type": kind} | ({"content-encoding": "gzip"} if packed else {})
    answer = sandbox.http.post(
        f"{sandbox.base}/v25.0/{DATASET}/events",
        params=query,
        data=gzip.compress(body) if packed else body,
        headers=headers,
        timeout=60,
    )

    assert answer.status_code == 200, answer.text
    (row,) = sandbox.read("events")
    assert row["event"] == purchase()


@pytest.mark.parametrize("path", ["/v16.0/{}/events", "/v26.0/{}/events", "/{}/events"])
@pytest.mark.parametrize("place", ["query", "body", "bearer", "query and body"])
def test_token_places_and_versions(sandbox: Running, path: str, place: str) -> None:
    """The token may stand in the query, the body or the Authorization header, under any version or none."""
    answer = sandbox.http.post(
        sandbox.base + path.format(DATASET),
        params={"access_token": TOKEN} if "query" in place else {},
        json={"data": [purchase()]} | ({"access_token": TOKEN} if "body" in place else {}),
        headers={"authorization": f"Bearer {TOKEN}"} if place == "bearer" else {},
        timeout=60,
    )

    assert answer.status_code == 200, answer.text


def test_success_answer(sandbox: Running) -> None:
    """Meta's three fields, and the headers of every Graph answer."""
    answer = sandbox.post([purchase(), purchase(event_id="2")])

    body = answer.json()
    assert body.pop("fbtrace_id").startswith("A")
    assert body == {"events_received": 2, "messages": []}
    assert answer.headers["facebook-api-version"] == "v25.0"
    assert answer.headers["x-fb-trace-id"]
    assert answer.headers["x-fb-request-id"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(b'{"data":[]}')[:-12]),
        ("br", b"{}"),
        ("gzip", gzip.compress(b" " * (33 << 20))),
    ],
    ids=["not packed", "cut off", "unknown", "33 MB of spaces"],
)
def test_bad_compression(sandbox: Running, encoding: str, body: bytes) -> None:
    """A body that does not unpack, or unpacks beyond the limit, is refused."""
    answer = sandbox.http.post(
        f"{sandbox.base}/{DATASET}/events",
        params={"access_token": TOKEN},
        data=body,
        headers={"content-encoding": encoding, "content-type": "application/json"},
        timeout=60,
    )

    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["code"] == 100


def test_pair_over_http(sandbox: Running) -> None:
    """Server copy, then the pixel's within 5 minutes: one action, the browser's; all lists agree."""
    sandbox.post([purchase()], test_event_code="TEST12345", partner_agent="hub-1")
    sandbox.now += 5 * 60_000
    sandbox.pixel(ev="Purchase", eid="order-1001", **{"cd[value]": "42.5", "cd[currency]": "EUR"})

    server, browser = sandbox.read("events")
    assert (server["source"], server["state"], server["reason"]) == ("Server", "Deduplicated", "replaced_by_browser")
    assert (browser["source"], browser["state"], browser["reason"]) == ("Browser", "Processed", "browser_preferred")
    assert (server["counterpart"], browser["counterpart"]) == (browser["number"], server["number"])
    assert (server["test_event_code"], server["partner_agent"]) == ("TEST12345", "hub-1")
    (action,) = sandbox.read("actions")
    assert (action["event_id"], action["value"], action["currency"], action["copies"]) == (
        "order-1001",
        "42.5",
        "EUR",
        2,
    )
    assert sandbox.read("counts") == [
        {
            "dataset": DATASET,
            "event_name": "Purchase",
            "browser_received": 1,
            "server_received": 1,
            "app_received": 0,
            "deduplicated": 1,
            "counted": 1,
            "value": {"EUR": "42.5"},
        }
    ]


def test_appendix_does_not_hide_a_copy(sandbox: Running) -> None:
    """An fbp with the builder's appendix is the browser's fbp: the server event without id is dropped."""
    fbp = "fb.1.1596403881668.1116446470"
    sandbox.pixel(ev="Lead", fbp=fbp)
    sandbox.post([purchase(event_name="Lead", event_id=None, user_data={"fbp": fbp + ".AQICAQMC"})])

    assert [row["state"] for row in sandbox.read("events")] == ["Processed", "Deduplicated"]


def test_store_events_by_person(sandbox: Running) -> None:
    """Without an order id, equal user data is one store event whatever the order of its lists."""
    other = EMAIL[::-1]
    for emails in ([EMAIL, other], [other, EMAIL], [other]):
        sandbox.post(
            [
                purchase(
                    action_source="physical_store",
                    event_id=None,
                    user_data={"em": emails},
                    custom_data={"value": 1, "currency": "EUR"},
                )
            ]
        )

    assert [row["state"] for row in sandbox.read("events")] == ["Processed", "Deduplicated", "Processed"]


def test_sums_are_exact(sandbox: Running) -> None:
    """0.1 thrice is 0.3, a sum of 36 digits loses none, and a replaced copy's money goes with it."""
    lead = {"event_name": "Lead", "event_id": None}
    for value in (0.1, 0.1, 0.1, "99999999999999999.99", "0.000000000000000001"):
        sandbox.post([purchase(**lead, custom_data={"value": value, "currency": "eur"})])
    sandbox.post([purchase(custom_data={"value": 5, "currency": "USD"})])
    sandbox.pixel(ev="Purchase", eid="order-1001", **{"cd[value]": "7.25", "cd[currency]": "USD"})

    values = {row["event_name"]: row["value"] for row in sandbox.read("counts")}
    assert values == {"Lead": {"EUR": "100000000000000000.290000000000000001"}, "Purchase": {"USD": "7.25"}}


def test_filters(sandbox: Running) -> None:
    """dataset, event_name, event_id and state narrow the list; an unknown limit is refused, not ignored."""
    sandbox.post([purchase(), purchase(), purchase(event_id="b", event_name="Lead")])
    sandbox.post([purchase()], dataset="2")

    assert len(sandbox.read("events")) == 4
    assert len(sandbox.read("events", dataset=DATASET)) == 3
    assert len(sandbox.read("events", event_name="Lead")) == 1
    assert len(sandbox.read("events", event_id="order-1001")) == 3
    assert [row["number"] for row in sandbox.read("events", state="Deduplicated")] == [2]
    assert [row["number"] for row in sandbox.read("events", after=2, limit=1)] == [3]
    assert sandbox.http.get(f"{sandbox.base}/sandbox/events?limit=many", timeout=60).status_code == 400


def test_test_events(sandbox: Running) -> None:
    """The list by code has server events with it and the dataset's browser events; they count all the same."""
    sandbox.post([purchase(user_data={"em": EMAIL, "external_id": "42"})], test_event_code="TEST1")
    sandbox.post([purchase(event_id="other")])
    sandbox.pixel(ev="PageView")
    sandbox.pixel(dataset="2", ev="PageView")

    rows = sandbox.read("test_events", code="TEST1")
    assert [(row["event_name"], row["source"], row["state"]) for row in rows] == [
        ("PageView", "Browser", "Processed"),
        ("Purchase", "Server", "Processed"),
    ]
    assert rows[1]["parameters"] == {"value": 42.5, "currency": "EUR", "order_id": "1001"}
    assert rows[1]["user_data_keys"] == ["em"]
    assert sandbox.counted() == 4


def test_reset(sandbox: Running) -> None:
    """After a reset nothing is left, and an id seen before counts again."""
    sandbox.post([purchase()])
    sandbox.post([{}])
    sandbox.fault({"status": 500})
    assert sandbox.http.post(f"{sandbox.base}/sandbox/reset", timeout=60).status_code == 200

    assert (sandbox.read("events"), sandbox.read("refused"), sandbox.read("faults")) == ([], [], [])
    assert sandbox.post([purchase()]).status_code == 200
    assert sandbox.counted() == 1


def test_data_folder_survives_a_restart(start_sandbox, tmp_path: Path) -> None:
    """Copies, verdicts and counts are the same after a restart, a line cut off by a crash is dropped."""
    first = start_sandbox(data=str(tmp_path / "box"))
    first.post([purchase(), purchase(event_id="b")], test_event_code="TEST1")
    first.pixel(ev="Purchase", eid="order-1001")
    before = {name: first.read(name) for name in ("events", "actions", "counts")}
    first.close()
    file = tmp_path / "box" / "received.jsonl"
    file.write_bytes(file.read_bytes() + b'{"received_at":1,"arr')

    second = start_sandbox(data=str(tmp_path / "box"))
    assert {name: second.read(name) for name in before} == before
    second.post([purchase(event_id="c")])
    second.close()
    third = start_sandbox(data=str(tmp_path / "box"))
    assert [row["event_id"] for row in third.read("events")] == ["order-1001", "b", "order-1001", "c"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_sandboxes_cannot_share_a_folder(start_sandbox, tmp_path: Path) -> None:
    """A second one on the same folder stops with exit code 4 and says why; after the first is gone it starts."""
    first = start_sandbox(data=str(tmp_path / "box"))
    command = [sys.executable, "-m", "twofold.sandbox", "--port", "0", "--data", str(tmp_path / "box")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (4, "")
    assert "another sandbox uses it" in done.stderr
    with pytest.raises(StoreLocked):
        start_sandbox(data=str(tmp_path / "box"))

    first.close()
    start_sandbox(data=str(tmp_path / "box")).close()


def test_the_refused_list_keeps_its_file_short(start_sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file holds at most twice as many refusals as the list, and the newest survive a restart."""
    monkeypatch.setattr("twofold.sandbox.wire.received.KEEP_REFUSED", 10)
    first = start_sandbox(data=str(tmp_path / "box"))
    for n in range(45):
        first.post([purchase(event_name="x" * (51 + n))])
    lines = (tmp_path / "box" / "refused.jsonl").read_bytes().splitlines()
    assert len(lines) < 20
    newest = first.read("refused")[-1]
    first.close()
    second = start_sandbox(data=str(tmp_path / "box"))
    assert len(second.read("refused")) == 10
    assert second.read("refused")[-1] == newest


def test_test_events_stream(sandbox: Running) -> None:
    """Copies arrive as server-sent events while they come; a replaced one again with its new state."""
    address = f"{sandbox.base}/sandbox/test_events/stream"
    with sandbox.http.get(address, params={"code": "TEST1"}, stream=True, timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines) == b": listening"
        sandbox.post([purchase(event_id="other")])  # without the code
        sandbox.post([purchase()], test_event_code="TEST1")
        rows = [next_row(lines)]
        sandbox.pixel(ev="Purchase", eid="order-1001")
        rows += [next_row(lines), next_row(lines)]

    assert [(row["number"], row["source"], row["state"]) for row in rows] == [
        (2, "Server", "Processed"),
        (2, "Server", "Deduplicated"),
        (3, "Browser", "Processed"),
    ]
    assert rows[0]["user_data_keys"] == ["em", "client_ip_address", "client_user_agent"]


def next_row(lines: Iterator[bytes]) -> dict:
    return json.loads(next(line for line in lines if line.startswith(b"data: "))[6:])


def start_process(*arguments: str) -> tuple[subprocess.Popen, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "twofold.sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line.startswith("sandbox listening on http://127.0.0.1:"), line
    return process, line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_stops_cleanly(number: int) -> None:
    """A signal ends it with status 0 and without a word, even while an answer hangs and a page watches."""
    process, base = start_process("--token", "secret-token=1")
    host, port = base.removeprefix("http://").split(":")
    with process, requests.Session() as http, socket.create_connection((host, int(port)), timeout=60) as hanging:
        assert http.post(f"{base}/1/events", params={"access_token": "other-token"}, timeout=60).status_code == 401
        http.post(f"{base}/sandbox/faults", json={"hang": True}, timeout=60)
        hanging.sendall(b"POST /1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        while http.get(f"{base}/sandbox/faults", timeout=60).json()["faults"]:
            pass  # until the hanging request has taken its fault
        with http.get(f"{base}/sandbox/stream", stream=True, timeout=60) as stream:
            assert next(stream.iter_lines()) == b"event: changed"
            process.send_signal(number)
            assert process.wait(60) == 0
        assert process.stderr.read() == ""


def one_account_with_touches(people: list[str]) -> dict:
    """An ads side whose one ad each person clicked just now, after 14 looks: every later purchase is credited to it."""
    now = int(time.time())
    looks = [
        {"ad_id": "4", "person": name, "kind": "impression", "time": now - n} for name in people for n in range(14)
    ]
    clicks = [{"ad_id": "4", "person": name, "kind": "link_click", "time": now - 60} for name in people]
    return {
        "accounts": [{"id": "1", "currency": "EUR", "timezone_name": "UTC"}],
        "campaigns": [{"id": "2", "account_id": "1"}],
        "adsets": [{"id": "3", "campaign_id": "2"}],
        "ads": [{"id": "4", "adset_id": "3"}],
        "touches": looks + clicks,
    }


def test_hundred_thousand_events_fit_into_256_megabytes() -> None:
    """The process's peak memory stays under the promised limit with 100,000 distinct events of full size, read back and
    judged once, each matched to one of 2,000 people and credited to an ad by one of 30,000 touches.
    """
    people = [f"person-{n}" for n in range(2_000)]
    emails = [hashlib.sha256(name.encode()).hexdigest() for name in people]
    process, base = start_process()
    with process, requests.Session() as http:
        try:
            register = [{"id": name, "em": email} for name, email in zip(people, emails, strict=True)]
            for path, body in (("people", register), ("ads", one_account_with_touches(people))):
                assert http.post(f"{base}/sandbox/{path}", json=body, timeout=60).status_code == 200
            event = purchase(event_time=None)
            for n in range(0, 100_000, 1000):
                rows = [
                    event
                    | {
                        "event_id": f"order-{order}",
                        "event_time": int(time.time()),
                        "user_data": event["user_data"]
                        | {
                            "em": [emails[order % 2_000]],
                            "fbp": f"fb.1.1596403881668.{order}",
                            "external_id": f"{order:064x}",
                        },
                    }
                    for order in range(n, n + 1000)
                ]
                answer = http.post(f"{base}/1/events", json={"data": rows, "access_token": TOKEN}, timeout=60)
                assert answer.json()["events_received"] == 1000
            with http.get(f"{base}/sandbox/events", timeout=60, stream=True) as everything:
                assert sum(map(len, everything.iter_content(1 << 20))) > 50_000_000
            query = {"dataset_id": "1", "access_token": TOKEN}
            assert http.get(f"{base}/v25.0/dataset_quality", params=query, timeout=60).json()["web"]
            assert http.get(f"{base}/sandbox/diagnostics", timeout=60).json()["diagnostics"]
            query = {"fields": "actions", "date_preset": "maximum", "access_token": TOKEN}
            (report,) = http.get(f"{base}/act_1/insights", params=query, timeout=60).json()["data"]
            assert {"action_type": "omni_purchase", "value": "100000"} in report["actions"]
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak_kb = int(status.split("VmHWM:")[1].split()[0])
            (row,) = http.get(f"{base}/sandbox/counts", timeout=60).json()["counts"]
            assert row["counted"] == 100_000
            assert peak_kb < 256 * 1024
        finally:
            process.terminate()


def test_clock_is_the_judge(sandbox: Running) -> None:
    """48 hours by the sandbox's clock, not by event_time, decide: a copy a millisecond later counts again."""
    sandbox.post([purchase()])
    sandbox.now = NOW_MS + 48 * 3_600_000
    sandbox.post([purchase()])
    sandbox.now += 1
    sandbox.post([purchase()])

    assert [row["state"] for row in sandbox.read("events")] == ["Processed", "Deduplicated", "Processed"]
