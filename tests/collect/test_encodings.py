"""Every way a sender may write the same request: bodies, token places, packing, oddities (Meta, "Send requests"
and the official SDKs' observed requests)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from running_gateway import DATASET, EMAIL, EVENTS, KEY, NOW_S, Running, events_body, purchase

from twofold.event.model import Channel, Hashed, Tier

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "----------9051914041544843365972754266"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def form(data: Any, **fields: str) -> bytes:
    return urlencode({"data": json.dumps(data), **({"access_token": KEY} | fields)}).encode()


def multipart(*parts: tuple[str, str, bytes]) -> bytes:
    """(name, further disposition, content) as curl -F writes them."""
    written = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (BOUNDARY.encode(), name.encode(), more.encode(), content)
        for name, more, content in parts
    ]
    return b"".join(written) + f"--{BOUNDARY}--\r\n".encode()


def curl(data: Any, more: str = "", line_end: bytes = b"\r\n") -> bytes:
    token = ("access_token", "", KEY.encode())
    return multipart(("data", more, json.dumps(data).encode()), token)


P = purchase()
WITH_TOKEN = {"data": [P], "access_token": KEY}
NODE_SDK = {
    "data": [P | {"opt_out": None, "referrer_url": None}],
    "partner_agent": "hub-1.0",
    "test_event_code": "TEST12345",
    "namespace_id": None,
    "upload_id": None,
    "upload_tag": None,
    "upload_source": None,
    "access_token": KEY,
    "id": DATASET,
}

BODIES: list[tuple[str, str | None, bytes, str]] = [
    # claim, content type, body, what follows the path
    ("JSON", JSON, events_body(P), ""),
    ("JSON with a charset", "application/json; charset=utf-8", events_body(P), ""),
    ("JSON with white space and escapes", JSON, json.dumps(WITH_TOKEN, indent=3).replace("o", "\\u006f").encode(), ""),
    ("JSON without a content type", None, events_body(P), ""),
    ("JSON as text/plain, which a browser sends unasked", "text/plain;charset=UTF-8", events_body(P), ""),
    ("JSON with a wrong type in capitals", "Application/JSON", events_body(P), ""),
    ("nulls are absent fields", JSON, json.dumps(NODE_SDK).encode(), f"?access_token={KEY}"),
    ("an array of JSON texts in JSON", JSON, json.dumps({"data": [json.dumps(P)], "access_token": KEY}).encode(), ""),
    ("data as one JSON text", JSON, json.dumps({"data": json.dumps([P]), "access_token": KEY}).encode(), ""),
    ("data as one JSON text of JSON texts", JSON, json.dumps({"data": json.dumps([json.dumps(P)]), "access_token": KEY}).encode(), ""),
    ("a form with an array of objects", FORM, form([P]), ""),
    ("a form with an array of JSON texts", FORM, form([json.dumps(P)]), ""),
    ("a form with a charset", f"{FORM}; charset=UTF-8", form([P]), ""),
    ("a form with %20 for spaces", FORM, f"access_token={KEY}&data={quote(json.dumps([P]), safe='')}".encode(), ""),
    ("a form with bare brackets and quotes", FORM, f"access_token={KEY}&data=".encode() + json.dumps([P], separators=(",", ":")).encode(), ""),
    ("the last of a repeated form field", FORM, b"data=%5B%5D&" + form([P]), ""),
    ("multipart as curl -F writes it", MULTIPART, curl([P]), ""),
    ("multipart with an array of JSON texts", MULTIPART, curl([json.dumps(P)]), ""),
    ("multipart with data as a file, curl -F data=@file", MULTIPART, curl([P], '; filename="events.json"\r\nContent-Type: application/octet-stream'), ""),
    ("multipart with a quoted boundary", f'multipart/form-data; boundary="{BOUNDARY}"', curl([P]), ""),
    ("everything in the query", None, b"", "?" + urlencode({"data": json.dumps([P]), "access_token": KEY})),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "kind", "body", "query"), BODIES, ids=[b[0] for b in BODIES])
def test_every_encoding_is_the_same_event(
    claim: str, kind: str | None, body: bytes, query: str, gateway: Running
) -> None:
    """However it is written, one Purchase arrives with the same content."""
    gateway.send("POST", EVENTS + query, body, **({"content_type": kind} if kind else {}))
    event = gateway.new_event()
    assert (event.event_name, event.event_id, event.event_time) == ("Purchase", "order-1001", NOW_S)
    assert (event.channel, event.tier, event.action_source) == (Channel.SERVER, Tier.T2, "website")
    assert event.event_source_url == "https://shop.example/thanks"
    assert (event.custom_data.value, event.custom_data.currency) == (Decimal("42.5"), "EUR")
    assert event.custom_data.order_id == "order-1001"
    assert event.user_data.em == (Hashed("sent", EMAIL),)
    assert event.user_data.client_ip_address == "2001:db8::1"
    assert (event.opt_out, event.referrer_url, event.warnings) == (None, None, ())


def test_the_node_sdks_top_level_is_understood(gateway: Running) -> None:
    """Its partner agent names the sender, its test code is kept, its `id` and nulls disturb nothing."""
    assert gateway.send("POST", EVENTS, json.dumps(NODE_SDK), content_type=JSON).json["messages"] == []
    event = gateway.new_event()
    assert (event.sender, event.test_event_code) == ("hub", "TEST12345")


PATHS = ["/v25.0/{}/events", "/v9.0/{}/events", "/v101.12/{}/events", "/{}/events", "/v25.0/{}/events/"]


@pytest.mark.parametrize("path", PATHS)
def test_any_version_and_none(path: str, gateway: Running) -> None:
    """Senders keep old versions for years; the path's version changes nothing."""
    assert gateway.post(purchase(), path=path.format(DATASET)).status == 200


BARE = json.dumps({"data": [P]}).encode()
TOKENS: list[tuple[str, str, bytes, dict[str, str], int]] = [
    # claim, query, body, headers, status
    ("query", f"?access_token={KEY}", BARE, {"content_type": JSON}, 200),
    ("JSON body", "", events_body(P), {"content_type": JSON}, 200),
    ("form field", "", form([P]), {"content_type": FORM}, 200),
    ("multipart field", "", curl([P]), {"content_type": MULTIPART}, 200),
    ("Bearer", "", BARE, {"content_type": JSON, "authorization": f"Bearer {KEY}"}, 200),
    ("bearer in small letters", "", BARE, {"content_type": JSON, "authorization": f"bearer {KEY}"}, 200),
    ("query and body alike, as the Node SDK", f"?access_token={KEY}", events_body(P), {"content_type": JSON}, 200),
    ("the body's wins over the query's", "?access_token=wrong", events_body(P), {"content_type": JSON}, 200),
    ("a null in the body leaves the query's", f"?access_token={KEY}", json.dumps({"data": [P], "access_token": None}).encode(), {"content_type": JSON}, 200),
    ("percent-encoded", "?access_token=" + "".join(f"%{ord(c):02x}" for c in KEY), BARE, {"content_type": JSON}, 200),
    ("none", "", BARE, {"content_type": JSON}, 401),
    ("empty", "?access_token=", BARE, {"content_type": JSON}, 401),
    ("another dataset's", "?access_token=key-of-the-listed-dataset", BARE, {"content_type": JSON}, 401),
    ("in other case", f"?access_token={KEY.upper()}", BARE, {"content_type": JSON}, 401),
    ("with a space behind", f"?access_token={KEY}%20", BARE, {"content_type": JSON}, 401),
    ("a number", "", json.dumps({"data": [P], "access_token": 5}).encode(), {"content_type": JSON}, 401),
    ("Basic", "", BARE, {"content_type": JSON, "authorization": f"Basic {KEY}"}, 401),
    ("a cookie", "", BARE, {"content_type": JSON, "cookie": f"access_token={KEY}"}, 401),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "query", "body", "headers", "status"), TOKENS, ids=[t[0] for t in TOKENS])
def test_where_the_token_may_stand(
    claim: str, query: str, body: bytes, headers: dict[str, str], status: int, gateway: Running
) -> None:
    """Every place of Meta's documents and of the SDKs lets in; every near miss is 401 and keeps no event."""
    assert gateway.send("POST", EVENTS + query, body, **headers).status == status
    assert len(gateway.new_events()) == (status == 200)


def test_a_dataset_without_a_key_lets_no_server_in(gateway: Running) -> None:
    """An empty key is not a key that an empty token fits."""
    for key in ("", "x"):
        assert gateway.post(purchase(), path="/v25.0/3333333333/events", key=key).status == 401


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


B = events_body(P)
BOMB = gzip.compress(b'{"data":[' + b" " * 9_000_000 + b"]}")
PACKED: list[tuple[str, str, bytes, int, str]] = [
    # claim, content-encoding, body, status, drop reason
    ("gzip", "gzip", gzip.compress(B), 200, ""),
    ("x-gzip", "x-gzip", gzip.compress(B), 200, ""),
    ("gzip in capitals", "GZIP", gzip.compress(B), 200, ""),
    ("deflate is zlib", "deflate", zlib.compress(B), 200, ""),
    ("identity", "identity", B, 200, ""),
    ("a gzip bomb", "gzip", BOMB, 413, "too_large"),
    ("a deflate bomb", "deflate", zlib.compress(b" " * 9_000_000), 413, "too_large"),
    ("cut gzip", "gzip", gzip.compress(B)[:-9], 400, "syntax"),
    ("gzip with bytes behind", "gzip", gzip.compress(B) + b"more", 400, "syntax"),
    ("two gzip members", "gzip", gzip.compress(B[:20]) + gzip.compress(B[20:]), 400, "syntax"),
    ("gzip in gzip under one label", "gzip", gzip.compress(gzip.compress(B)), 400, "syntax"),
    ("gzip twice", "gzip, gzip", gzip.compress(gzip.compress(B)), 400, "syntax"),
    ("plain under the label gzip", "gzip", B, 400, "syntax"),
    ("gzip without a label", "", gzip.compress(B), 400, "syntax"),
    ("deflate under the label gzip", "gzip", zlib.compress(B), 400, "syntax"),
    ("brotli", "br", B, 400, "syntax"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "label", "body", "status", "reason"), PACKED, ids=[p[0] for p in PACKED])
def test_packed_bodies(claim: str, label: str, body: bytes, status: int, reason: str, gateway: Running) -> None:
    """One layer of gzip or deflate is opened, to its limit; anything else is refused and said so."""
    headers = {"content_encoding": label} if label else {}
    assert gateway.send("POST", EVENTS, body, content_type=JSON, **headers).status == status
    assert len(gateway.new_events()) == (status == 200)
    assert [row["reason"] for row in gateway.new_refused()] == ([reason] if reason else [])


def test_an_honest_large_batch_compresses_well_and_is_taken(gateway: Running) -> None:
    """A thousand equal events shrink more than a hundredfold only in theory; this one is let in."""
    body = gzip.compress(events_body(*(purchase(f"zip-{n}") for n in range(1000))))
    assert (
        gateway.send("POST", EVENTS, body, content_type=JSON, content_encoding="gzip").json["events_received"] == 1000
    )


LARGE = purchase("large")
LARGE["custom_data"] = LARGE["custom_data"] | {
    "contents": [{"id": f"blue-ceramic-mug-{n}", "quantity": 1, "item_price": 1.25} for n in range(150)]
}
WRITERS: list[tuple[str, str, Callable[[Any], bytes]]] = [
    ("JSON", JSON, lambda event: events_body(event)),
    ("JSON texts in JSON", JSON, lambda event: events_body(json.dumps(event))),
    ("a form", FORM, lambda event: form([event])),
    ("JSON texts in a form, as the Python SDK", FORM, lambda event: form([json.dumps(event)])),
    ("multipart", MULTIPART, lambda event: curl([event])),
]


@pytest.mark.parametrize(("claim", "kind", "write"), WRITERS, ids=[w[0] for w in WRITERS])
def test_a_large_cart_in_every_encoding(claim: str, kind: str, write: Callable[[Any], bytes], gateway: Running) -> None:
    """The limit on one text is for the texts of an event, not for an event that is written as a text."""
    assert gateway.send("POST", EVENTS, write(LARGE), content_type=kind).status == 200
    assert len(gateway.new_event().custom_data.contents) == 150


BROKEN: list[tuple[str, str, bytes, str]] = [
    # claim, content type, body, drop reason
    ("JSON cut off", JSON, B[:-4], "syntax"),
    ("a form sent as JSON", JSON, form([P]), "syntax"),
    ("JSON sent as a form", FORM, B, "envelope"),
    ("a form that is not UTF-8", FORM, b"data=\xff\xfe&access_token=1", "syntax"),
    ("a form whose data is no JSON", FORM, form([P]).replace(b"%5B", b"%7B%7B", 1), "syntax"),
    ("more form fields than any sender has", FORM, b"&".join(b"f%d=1" % n for n in range(501)), "too_many"),
    ("multipart without a boundary", "multipart/form-data", curl([P]), "syntax"),
    ("multipart with another boundary", "multipart/form-data; boundary=other", curl([P]), "syntax"),
    ("NaN", JSON, B.replace(b"42.5", b"NaN"), "invalid_value"),
    ("Infinity", JSON, B.replace(b"42.5", b"-Infinity"), "invalid_value"),
    ("a comma too many", JSON, B.replace(b"]", b",]", 1), "syntax"),
    ("a comment", JSON, b"/* hello */" + B, "syntax"),
    ("two values", JSON, B + B, "syntax"),
    ("a list at the top", JSON, b"[%b]" % B, "envelope"),
    ("a number at the top", JSON, b"5", "envelope"),
    ("data is an object", JSON, b'{"data":{},"access_token":"%b"}' % KEY.encode(), "envelope"),
    ("data is null", JSON, b'{"data":null,"access_token":"%b"}' % KEY.encode(), "envelope"),
    ("an empty data text", FORM, f"data=&access_token={KEY}".encode(), "envelope"),
    ("an empty list, the known token probe", JSON, events_body(), "envelope"),
    ("a key twice in the envelope", JSON, B[:-1] + b',"data":[]}', "duplicate_key"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "kind", "body", "reason"), BROKEN, ids=[b[0] for b in BROKEN])
def test_broken_bodies(claim: str, kind: str, body: bytes, reason: str, gateway: Running) -> None:
    """What cannot be read is refused whole with status 400, its kind is named, and a row is kept."""
    reply = gateway.send("POST", f"{EVENTS}?access_token={KEY}", body, content_type=kind)
    assert reply.status == 400
    assert reply.error["code"] == 100
    assert gateway.new_events() == []
    assert [row["reason"] for row in gateway.new_refused()] == [reason]
