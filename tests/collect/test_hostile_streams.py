"""Whatever comes in by the wires of other systems: an answer of ours, nothing around it lost, no stranger's word above a server's.

A seeded generator takes a good message of each wire apart: odd values, missing and doubled fields, other types, bytes that are no
text. Each stands between two good ones where the wire has batches.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import logging
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, KEY, NOW_S, Reply, Running

from tests.strategies import TIMES
from twofold.event.model import Tier
from twofold.report.verify import verify

SEGMENT, PAGE, SECRET = "segment-key-0123456789", "page-key-0123456789", "hush-0123456789abcdef"
STREAM, MP_SECRET = "G-ABC1234567", "mp-secret-0123456789"
MAPPED = {
    "type": "mapped", "dataset": DATASET, "shop": "shop.example", "secret": SECRET, "signature": "hmac-sha256-hex",
    "signature_header": "X-Signature",
    "fields": {"type": "=order", "id": "no", "placed_at": "at", "updated_at": "at", "totals.total": "total",
               "totals.currency": "currency", "customer.email": "buyer", "lines[]": "lines", "lines[].sku": "sku", "lines[].quantity": "n"},
}  # fmt: skip
CONFIGURATION = PLAIN | {
    "dataset": [{
        "id": DATASET, "key": KEY, "country": "US", "trust": {"rate": 0},
        "ways_in": {"segment_key": SEGMENT, "segment_page_key": PAGE, "measurement_ids": [STREAM], "mp_secret": MP_SECRET},
    }],
    "source": [MAPPED],
}  # fmt: skip
EACH = int(40 * TIMES)
ODD: tuple[Any, ...] = (
    "", " ", "\ud800", "\x00", "x" * 10_000, "mara@example.com", "NaN", "-1", "1e400", "null", None, True, 0, -5, 10**40, 1.5, [], {},
    [[["deep"]]], {"a": {"b": []}}, ["a", None], "2026-13-40T99:99:99Z", "9999-12-31T23:59:59Z", "0001-01-01", "‮", "<b>", "'; drop",
)  # fmt: skip
WHEN = "2026-09-21T14:13:20Z"  # the gateway's now


@pytest.fixture(scope="module")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("streams") / "data", CONFIGURATION)
    yield running
    running.close()


def spoilt(rng: random.Random, tree: Any) -> Any:
    """A copy with one to three things wrong anywhere inside."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.randint(1, 3)):
        here = tree
        while True:
            keys: list[Any] = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(here[key], dict | list) and here[key] and rng.random() < 0.7:
                here = here[key]
                continue
            how = rng.random()
            if how < 0.15:
                del here[key]
            elif how < 0.25 and isinstance(here, dict):
                here[str(rng.choice(("é", "a.b", "__proto__", "x" * 300, "data", "type")))] = copy.deepcopy(
                    rng.choice(ODD)
                )
            else:
                here[key] = copy.deepcopy(rng.choice(ODD))
            break
    return tree


def as_json(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def damaged(rng: random.Random, body: bytes) -> bytes:
    """Now and then bytes that are no JSON, or no text."""
    if rng.random() > 0.08:
        return body
    place = rng.randrange(len(body))
    return rng.choice(
        (
            body[:place],
            body[:place] + b"\xff\xfe" + body[place:],
            b"",
            b"[" * 5_000,
            body * 2,
            body.decode().encode("utf-16"),
        )
    )


def message(ident: str) -> dict[str, Any]:
    return {
        "type": "track", "event": "Order Completed", "messageId": ident, "userId": "u-1", "timestamp": WHEN,
        "context": {"ip": "203.0.113.7", "userAgent": "Agent", "page": {"url": "https://shop.example/t?gclid=Cj0"}, "traits": {
            "email": "mara@example.com", "phone": "+12025550143", "address": {"city": "Berlin"}}},
        "properties": {"order_id": ident, "value": 42.5, "currency": "EUR",
                       "products": [{"product_id": "a", "price": 40, "quantity": 1, "name": "Scarf"}]},
    }  # fmt: skip


def mp_event(ident: str) -> dict[str, Any]:
    params = {
        "event_id": ident, "transaction_id": ident, "currency": "EUR", "value": 42.5, "page_location": "https://shop.example/t",
        "items": [{"item_id": "a", "item_name": "Scarf", "price": 40, "quantity": 1}],
    }  # fmt: skip
    return {"name": "purchase", "params": params}


def cloud_event(ident: str) -> dict[str, Any]:
    data = {
        "event_name": "Lead", "event_id": ident, "event_time": NOW_S, "action_source": "website",
        "event_source_url": "https://shop.example/", "user_data": {"em": "mara@example.com", "client_user_agent": "Agent"},
    }  # fmt: skip
    return {
        "specversion": "1.0",
        "type": "com.example.Lead",
        "source": "/shop",
        "id": ident,
        "time": WHEN,
        "data": data,
    }


def segment(key: str) -> Callable[[Running, random.Random, str], Reply]:
    def send(gateway: Running, rng: random.Random, n: str) -> Reply:
        batch = {
            "batch": [message(f"{n}-a"), spoilt(rng, message(f"{n}-bad")), message(f"{n}-b")],
            "writeKey": key,
            "sentAt": WHEN,
        }
        return gateway.send(
            "POST", "/v1/batch", as_json(batch), content_type="application/json", origin="https://shop.example"
        )

    return send


def segment_one(gateway: Running, rng: random.Random, n: str) -> Reply:
    auth = "Basic " + b64encode(f"{SEGMENT}:".encode()).decode()
    path = rng.choice(("/v1/track", "/v1/t", "/v1/page", "/v1/identify", "/v1/batch"))
    return gateway.send("POST", path, damaged(rng, as_json(spoilt(rng, message(n)))), authorization=auth)


def protocol(gateway: Running, rng: random.Random, n: str) -> Reply:
    body = {"client_id": "1.2", "timestamp_micros": NOW_S * 10**6,
            "events": [mp_event(f"{n}-a"), spoilt(rng, mp_event(f"{n}-bad")), mp_event(f"{n}-b")]}  # fmt: skip
    return gateway.send("POST", f"/mp/collect?measurement_id={STREAM}&api_secret={MP_SECRET}", as_json(body))


def protocol_one(gateway: Running, rng: random.Random, n: str) -> Reply:
    body = spoilt(rng, {"client_id": "1.2", "user_id": "u", "consent": {"ad_user_data": "GRANTED"}, "user_data": {
        "sha256_email_address": ["x"], "address": [{"first_name": "M"}]}, "events": [mp_event(n)]})  # fmt: skip
    return gateway.send(
        "POST", f"/mp/collect?measurement_id={STREAM}&api_secret={MP_SECRET}", damaged(rng, as_json(body))
    )


def hit(ident: str) -> dict[str, str]:
    return {"en": "purchase", "ep.transaction_id": ident, "ep.event_id": ident, "epn.value": "42.5", "cu": "EUR",
            "pr1": "idA~nmScarf~pr40~qt1", "ep.user_data.email": "mara@example.com"}  # fmt: skip


def odd_hit(rng: random.Random, ident: str) -> bytes:
    told = {k: str(v) for k, v in spoilt(rng, hit(ident)).items()} if rng.random() < 0.9 else {"en": "x", "%": "%zz"}
    return urlencode(told, errors="surrogatepass").encode() + rng.choice(
        (b"", b"", b"&&=&%", b"&en=lead", b"&\xff\xfe=1")
    )


def hits(gateway: Running, rng: random.Random, n: str) -> Reply:
    shared = urlencode({"v": "2", "tid": STREAM, "cid": "1.2", "dl": "https://shop.example/t", "gcs": "G111"})
    lines = [
        urlencode(hit(f"{n}-a")).encode(),
        odd_hit(rng, f"{n}-bad").replace(b"\n", b""),
        urlencode(hit(f"{n}-b")).encode(),
    ]
    return gateway.send("POST", f"/g/collect?{shared}", b"\r\n".join(lines), content_type="text/plain;charset=UTF-8")


def hit_in_the_address(gateway: Running, rng: random.Random, n: str) -> Reply:
    line = "".join(chr(b) if 32 < b < 127 else f"%{b:02x}" for b in odd_hit(rng, n)[:6_000])
    return gateway.send("GET", f"/g/collect?v=2&tid={rng.choice((STREAM, 'G-OTHER', ''))}&cid=1.2&{line}")


def cloud_batch(gateway: Running, rng: random.Random, n: str) -> Reply:
    batch = [cloud_event(f"{n}-a"), spoilt(rng, cloud_event(f"{n}-bad")), cloud_event(f"{n}-b")]
    kind = "application/cloudevents-batch+json"
    return gateway.send("POST", CLOUD, as_json(batch), content_type=kind, authorization=f"Bearer {KEY}")


def cloud_one(gateway: Running, rng: random.Random, n: str) -> Reply:
    event = cloud_event(n)
    if rng.random() < 0.5:
        body, kind = as_json(spoilt(rng, event)), "application/cloudevents+json"
        return gateway.send("POST", CLOUD, damaged(rng, body), content_type=kind, authorization=f"Bearer {KEY}")
    attributes = {
        f"ce_{k}": str(rng.choice((v, v, v, "%zz", "é", "x" * 3_000))) for k, v in event.items() if k != "data"
    }
    written = {k: v.encode("latin-1", "replace").decode("latin-1") for k, v in attributes.items()}
    return gateway.send(
        "POST", CLOUD, damaged(rng, as_json(spoilt(rng, event["data"]))), authorization=f"Bearer {KEY}", **written
    )


def mapped(gateway: Running, rng: random.Random, n: str) -> Reply:
    order = {
        "no": n,
        "at": NOW_S,
        "total": "42.50",
        "currency": "EUR",
        "buyer": "mara@example.com",
        "lines": [{"sku": "a", "n": 1}],
    }
    body = damaged(rng, as_json(spoilt(rng, order)))
    sign = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return gateway.send("POST", "/webhooks/mapped/shop.example", body, x_signature=sign)


CLOUD = f"/v1/{DATASET}/cloudevents"
# Name, how one is sent, whether it stands between two good ones, and how far its copies are trusted.
WAYS: list[tuple[str, Callable[[Running, random.Random, str], Reply], bool, Tier]] = [
    ("segment-server", segment(SEGMENT), True, Tier.T2),
    ("segment-page", segment(PAGE), True, Tier.T0),
    ("segment-one", segment_one, False, Tier.T2),
    ("protocol", protocol, True, Tier.T2),
    ("protocol-one", protocol_one, False, Tier.T2),
    ("hits", hits, True, Tier.T0),
    ("hit-in-the-address", hit_in_the_address, False, Tier.T0),
    ("cloud-batch", cloud_batch, True, Tier.T2),
    ("cloud-one", cloud_one, False, Tier.T2),
    ("mapped", mapped, False, Tier.T3),
]


@pytest.mark.parametrize(("name", "send", "between", "tier"), WAYS, ids=[w[0] for w in WAYS])
def test_nothing_around_a_hostile_message_is_lost(
    name: str, send: Any, between: bool, tier: Tier, gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer below 500 in our own form; the good ones beside it are journalled; no refusal is our bug; all copies are of the tier
    that the sender has shown, and none holds the contact data in the clear."""
    rng, good, answers = random.Random(20261129), set[str](), list[tuple[int, bytes]]()
    with caplog.at_level(logging.INFO):
        for n in range(EACH):
            reply = send(gateway, rng, f"{name}-{n}")
            answers.append((reply.status, reply.body))
            assert reply.status < 500, reply
            assert reply.status == 204 or isinstance(reply.json, dict), reply
            if reply.status >= 400:
                assert reply.json["error"]["message"], reply
            if between:
                good |= {f"{name}-{n}-a", f"{name}-{n}-b"}
    events, refused = gateway.new_events(), gateway.new_refused()

    assert good <= {event.event_id for event in events}
    assert {event.tier for event in events} <= {tier}
    assert "internal" not in {row["reason"] for row in refused}
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []
    kept = json.dumps([str(row) for row in refused]) + caplog.text
    assert [word for word in ("mara@example.com", SECRET, MP_SECRET, SEGMENT, KEY) if word in kept] == []
    assert all(check.holds for check in verify(gateway.folder))
    assert events, "the good halves of the generator are read"
