"""Contact values and secrets put through every entry of a real process, then looked for wherever bytes can stay."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import pytest

from tests.disk import unpacked

DATASET = "1234567890"
PATIENCE_S = 60

# Each value stands for itself in one place only, so that a hit says where it came from.
SECRETS = {
    "dataset key": "SEEDkey-q8Zr41xW7n",
    "platform token": "SEEDplatform-m3Vb90Lk",
    "webhook secret": "SEEDhook-t6Yc28Pj5Xe",
    "wrong token in the query": "SEEDquerytoken-b1Nf7",
    "wrong token in a header": "SEEDbearer-c4Wd93",
    "wrong token in a body": "SEEDbodytoken-z7Hg55",
}
CONTACTS = {
    "e-mail": "Seed.Ketevan.Lomidze@Example.com",
    "e-mail in a tag event": "seed.tamar.gelashvili@example.org",
    "e-mail in a pixel hit": "seed.davit.kapanadze@example.net",
    "e-mail of an order": "seed.irakli.mchedlidze@example.edu",
    "e-mail in a URL": "seed.inurl@example.com",
    "e-mail in a custom property": "seed.incustom@example.com",
    "e-mail in an unknown field": "seed.inunknown@example.com",
    "e-mail in a refused body": "seed.inrefused@example.com",
    "e-mail in broken JSON": "seed.inbroken@example.com",
    "e-mail in a refused form": "seed.inform@example.com",
    "e-mail in a packed body": "seed.inpacked@example.com",
    "e-mail in a path": "seed.inpath@example.com",
    "e-mail in a header": "seed.inheader@example.com",
    "e-mail as a key": "seed.askey@example.com",
    "e-mail as a partner agent": "seed.aspartner@example.com",
    "e-mail as a pixel's agent": "seed.aspixelagent@example.com",
    "first name": "Seedketevanna",
    "last name": "Seedlomidzeva",
    "city": "Seedtbilisiville",
    "first name of an order": "Seediraklion",
    "last name of an order": "Seedmchedlidzer",
    "phone": "995591837465",
    "phone of an order": "995577264819",
    "birth date": "19871203",
    "postcode": "SEEDZIP0186",
    "customer number": "SEEDcustomer-55120",
    "key of an order page": "seedorderstatuskey77",
}  # fmt: skip
CONFIGURATION = """
[[dataset]]
id = "1234567890"
key = "env:SEED_KEY"
[[destination]]
platform = "meta"
dataset = "1234567890"
endpoint = "http://127.0.0.1:9"
token = "env:SEED_TOKEN"
[[source]]
type = "shopify"
dataset = "1234567890"
shop = "demo.myshopify.com"
secret = "env:SEED_SECRET"
"""


def an_event(now_s: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_name": "Purchase",
        "event_time": now_s,
        "event_id": "seeded",
        "action_source": "website",
        "user_data": {"em": CONTACTS["e-mail"], "fbp": "fb.1.1790000000000.1"},
        "custom_data": {"value": 5, "currency": "EUR"},
        **changes,
    }


def requests_of(base: str) -> Iterator[Request]:
    """Every entry with contact data and secrets in it, accepted and refused ones."""
    now_s = int(time.time())
    events, key = f"{base}/v25.0/{DATASET}/events", SECRETS["dataset key"]

    def post(url: str, body: Any, **headers: str) -> Request:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content_type": "application/json"} | headers
        return Request(url, raw, {k.replace("_", "-"): v for k, v in given.items()}, method="POST")

    user = {
        "em": [CONTACTS["e-mail"]], "ph": "+" + CONTACTS["phone"], "fn": CONTACTS["first name"],
        "ln": CONTACTS["last name"], "ct": CONTACTS["city"], "db": CONTACTS["birth date"], "zp": CONTACTS["postcode"],
        "country": "ge", CONTACTS["e-mail as a key"]: "x", "external_id": CONTACTS["customer number"], "nickname": CONTACTS["e-mail in an unknown field"],
    }  # fmt: skip
    url = f"https://shop.example/t?email={quote(CONTACTS['e-mail in a URL'])}&token=SEEDurltoken#{CONTACTS['e-mail in a URL']}"
    custom = {"value": 5, "currency": "EUR", "note": f"call {CONTACTS['e-mail in a custom property']}", "first_name": CONTACTS["first name"]}  # fmt: skip
    yield post(f"{events}?access_token={key}", {"data": [an_event(now_s, user_data=user, custom_data=custom, event_source_url=url)]})  # fmt: skip
    yield post(events, {"data": [an_event(now_s, user_data=user, custom_data={})], "access_token": key})
    agent = CONTACTS["e-mail as a partner agent"]
    yield post(events, {"data": [an_event(now_s)], "partner_agent": agent}, authorization=f"Bearer {key}")
    yield post(f"{events}?access_token={SECRETS['wrong token in the query']}", {"data": [an_event(now_s)]})
    yield post(events, {"data": [an_event(now_s)]}, authorization=f"Bearer {SECRETS['wrong token in a header']}")
    yield post(events, {"data": [an_event(now_s)], "access_token": SECRETS["wrong token in a body"]})
    refused = an_event(now_s, user_data={"em": CONTACTS["e-mail in a refused body"]}, event_time="soon")
    yield post(events, {"data": [refused], "access_token": key})
    yield post(events, f'{{"em": "{CONTACTS["e-mail in broken JSON"]}", "token": "{key}"'.encode())
    form = urlencode({"data": f"<{CONTACTS['e-mail in a refused form']}>", "access_token": key}).encode()
    yield post(events, form, content_type="application/x-www-form-urlencoded")
    packed = gzip.compress(json.dumps({"em": CONTACTS["e-mail in a packed body"]}).encode())
    yield post(events, packed, content_encoding="gzip")
    yield post(f"{base}/{CONTACTS['e-mail in a path']}/events?x={key}", b"{}")
    yield post(f"{base}/t/events", {"events": [an_event(now_s, dataset=DATASET, user_data={"em": CONTACTS["e-mail in a tag event"]})]})  # fmt: skip
    yield post(f"{base}/t/events", {"events": [{"dataset": DATASET, "user_data": {"em": CONTACTS["e-mail in a tag event"]}}]}, referer=f"https://x.example/?{CONTACTS['e-mail in a header']}")  # fmt: skip
    hit = {"id": DATASET, "ev": "Purchase", "cd[value]": "5", "cd[currency]": "EUR", "ud[em]": CONTACTS["e-mail in a pixel hit"], "dl": url, "v": "2.9", "a": CONTACTS["e-mail as a pixel's agent"]}  # fmt: skip
    yield Request(f"{base}/tr/?{urlencode(hit)}")
    yield Request(f"{base}/tr/?{urlencode(hit | {'ev': '', 'id': '999'})}")
    order = {
        "id": 4711, "email": CONTACTS["e-mail of an order"], "phone": "+" + CONTACTS["phone of an order"],
        "created_at": "2026-09-21T10:13:20Z", "processed_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)),
        "currency": "EUR", "total_price": "5.00", "financial_status": "paid", "line_items": [], "source_name": "web",
        "order_status_url": f"https://shop.example/orders/authenticate?key={CONTACTS['key of an order page']}",
        "customer": {"first_name": CONTACTS["first name of an order"], "last_name": CONTACTS["last name of an order"]},
    }  # fmt: skip
    body = json.dumps(order).encode()
    signed = base64.b64encode(hmac.digest(SECRETS["webhook secret"].encode(), body, hashlib.sha256)).decode()
    hook = f"{base}/webhooks/shopify/demo.myshopify.com"
    yield post(hook, body, x_shopify_hmac_sha256=signed, x_shopify_topic="orders/paid")
    yield post(hook, body, x_shopify_hmac_sha256="no", x_shopify_topic="orders/paid")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Where bytes can stay: name of the place to its content, after everything was sent and the process ended."""
    folder = tmp_path_factory.mktemp("seeded")
    (folder / "t.toml").write_text(CONFIGURATION)
    names = {"SEED_KEY": "dataset key", "SEED_TOKEN": "platform token", "SEED_SECRET": "webhook secret"}
    environment = {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"} | {k: SECRETS[v] for k, v in names.items()}
    twofold = [sys.executable, "-m", "twofold"]
    where = ["--config", str(folder / "t.toml"), "--data", str(folder / "data")]
    output = (folder / "output").open("w+b")
    process = subprocess.Popen(
        [*twofold, "serve", *where, "--port", "0"], stdout=output, stderr=output, env=environment
    )
    found: dict[str, bytes] = {}
    try:
        base = _address(folder / "output")
        answers = [_answer(request) for request in requests_of(base)]
        statuses = [status for status, _ in answers]
        assert statuses == [200, 400, 200, 401, 401, 401, 400, 400, 400, 401, 404, 200, 400, 200, 200, 200, 401]
        found["answers"] = b"\n".join(body for _, body in answers)
        for page in ("health", "metrics"):
            found[f"/{page}"] = _answer(Request(f"{base}/{page}"))[1]
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2]))) as raw:
            raw.sendall(b"POST /" + SECRETS["dataset key"].encode() + b" HTTP/7\r\nX: \0\r\n\r\n")
            raw.recv(4096)
        found["process arguments"] = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        for kind in ("events", "actions", "deliveries", "refused"):
            done = subprocess.run([*twofold, kind, *where, "--json", "--limit", "0"], capture_output=True, env=environment, timeout=60)  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert done.stdout
            found[f"twofold {kind}"] = done.stdout + done.stderr
        for path in (folder / "data").iterdir():
            if path.is_file():
                found[f"data/{path.name} while it runs"] = unpacked(path.read_bytes())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        output.close()
    found["output and log"] = (folder / "output").read_bytes()
    for path in (folder / "data").iterdir():
        if path.is_file():
            found[f"data/{path.name}"] = unpacked(path.read_bytes())
    assert {"data/twofold.db", "data/twofold.db-wal while it runs"} <= found.keys()
    return found


def _address(output: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while (match := re.search(rb"listening on (\S+)", output.read_bytes())) is None:
        assert time.monotonic() < deadline, output.read_bytes()
        time.sleep(0.02)
    return match[1].decode()


def _answer(request: Request) -> tuple[int, bytes]:
    from urllib.error import HTTPError

    try:
        with urlopen(request, timeout=PATIENCE_S) as reply:
            return reply.status, reply.read()
    except HTTPError as err:
        with err:
            return err.code, err.read()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_stays_nowhere(name: str, places: dict[str, bytes]) -> None:
    """Not on disk, in the log, in an answer, a metric, a listing or the process list."""
    needle = SECRETS[name].lower().encode()
    assert [place for place, content in places.items() if needle in content.lower()] == []


@pytest.mark.parametrize("name", CONTACTS)
def test_a_contact_value_stays_nowhere_in_the_clear(name: str, places: dict[str, bytes]) -> None:
    """Neither as it was sent nor as its normal form before hashing, anywhere but in the sender's memory."""
    value = CONTACTS[name]
    needles = {value, value.lower(), quote(value), value.partition("@")[0].lower()}
    for needle in needles:
        hits = [place for place, content in places.items() if needle.lower().encode() in content.lower()]
        assert hits == [], f"{name} as {needle}"


def test_the_search_can_find(places: dict[str, bytes]) -> None:
    """What should be on disk is found there: the hash of the e-mail, the event id, the address without its secrets."""
    stored = b"".join(content for place, content in places.items() if place.startswith("data/"))
    assert hashlib.sha256(CONTACTS["e-mail"].lower().encode()).hexdigest().encode() in stored
    assert b"seeded" in stored
    assert b"https://shop.example/t?email=masked&token=masked" in stored


def test_the_log_says_that_it_listens_and_stops_quietly(places: dict[str, bytes]) -> None:
    """No traceback came of all this."""
    assert b"twofold listening on http://127.0.0.1:" in places["output and log"]
    assert b"Traceback" not in places["output and log"]
