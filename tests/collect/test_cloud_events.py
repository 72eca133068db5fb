"""CloudEvents at a running gateway: the official SDK's messages in each mode, batches, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from running_gateway import DATASET, EMAIL, KEY, NOW_S, Reply, Running, purchase
from test_webhook_door import ORDER, deliver

from twofold.event.model import Channel, Tier
from twofold.store.engines import open_reader

PATH = f"/v1/{DATASET}/cloudevents"
WHEN = datetime.fromtimestamp(NOW_S, UTC)


@pytest.fixture(scope="module")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("cloudevents") / "data")
    yield running
    running.close()


def data(order: str = "1001", **changes: Any) -> dict[str, Any]:
    """An event of the Conversions API that leaves its name, time and id to the envelope."""
    said = {k: v for k, v in purchase(order).items() if k not in ("event_name", "event_time", "event_id")}
    return said | changes


def attributes(**changes: Any) -> dict[str, Any]:
    given = {"id": "a-1", "source": "https://shop.example/checkout", "type": "com.shop.example.Purchase", "time": WHEN}
    return {k: v for k, v in (given | changes).items() if v is not None}


def envelope(order: str = "1001", **changes: Any) -> dict[str, Any]:
    said = attributes(time=WHEN.isoformat()) | {"specversion": "1.0", "data": data(order)} | changes
    return {k: v for k, v in said.items() if v is not None}


def send(
    gateway: Running, body: Any, kind: str = "application/cloudevents+json", key: str = KEY, **headers: str
) -> Reply:
    given = {"authorization": f"Bearer {key}"} if key else {}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.send("POST", PATH, raw, content_type=kind, **(given | headers))


@pytest.mark.parametrize("make", [to_structured_event, to_binary_event])
def test_the_official_sdk_folds_with_the_shops_webhook(gateway: Running, make: Any) -> None:
    """Name, time and id come from the envelope where the data says none; one order is one action."""
    order = 8_678_901_000_001 + (make is to_binary_event)
    event = CloudEvent(attributes(id=str(order), datacontenttype="application/json"), data(str(order)))
    message = make(event)
    headers = {name.replace("-", "_"): value for name, value in message.headers.items()}
    reply = gateway.send("POST", PATH, message.body, authorization=f"Bearer {KEY}", **headers)
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    assert deliver(gateway, ORDER | {"id": order, "note_attributes": []}).status == 200
    told, signed = gateway.new_events()
    assert (told.event_name, told.event_time, told.tier, told.channel) == ("Purchase", NOW_S, Tier.T2, Channel.SERVER)
    assert [h.hex for h in told.user_data.em] == [EMAIL]
    db = open_reader(gateway.folder)
    rows = {
        row[0]
        for row in db.execute("select action from event where event_id in (?, ?)", (told.event_id, signed.event_id))
    }
    db.close()
    assert len(rows) == 1


def test_the_same_envelope_again_is_the_same_event(gateway: Running) -> None:
    """An id is unique with its source only: of another source it is another event."""
    for source in ("https://shop.example/a", "https://shop.example/a", "https://shop.example/b"):
        assert send(gateway, envelope(source=source, type="Lead", data=data("", custom_data={}))).status == 200
    first, again, other = (e.event_id for e in gateway.new_events())
    assert first == again != other


def test_what_the_data_says_wins(gateway: Running) -> None:
    said = data("77", event_name="Lead", event_time=NOW_S - 5, event_id="page-7")
    assert send(gateway, envelope(data=said)).status == 200
    event = gateway.new_event()
    assert (event.event_name, event.event_time, event.event_id) == ("Lead", NOW_S - 5, "page-7")


def test_data_may_be_base64(gateway: Running) -> None:
    coded = base64.b64encode(json.dumps(data("78")).encode()).decode()
    assert send(gateway, envelope("78", data=None, data_base64=coded)).status == 200
    assert gateway.new_event().custom_data.order_id == "78"


def test_a_batch_keeps_what_is_valid(gateway: Running) -> None:
    batch = [
        envelope("81", id="b-1"),
        envelope("82", id="b-2", specversion="0.3"),
        "x",
        envelope("83", id="b-3", time="soon"),
    ]
    reply = send(gateway, batch, "application/cloudevents-batch+json; charset=UTF-8")
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    assert [e.custom_data.order_id for e in gateway.new_events()] == ["81"]
    rows = gateway.new_refused()
    assert [(r["index"], r["path"]) for r in rows] == [(1, "specversion"), (2, "body"), (3, "time")]


NESTED = json.dumps(envelope("91")).replace('"currency": "EUR"', '"x": ' + "[" * 30 + "]" * 30)
TWICE = json.dumps(envelope("91")).replace('"type": ', '"type": "Lead", "type": ')


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("broken", "reason"), [(NESTED, "too_deep"), (TWICE, "duplicate_key"), (NESTED.replace("EUR", "\xd6"), "too_deep")]
)
def test_what_one_event_of_a_batch_broke_refuses_that_one(
    gateway: Running, broken: str, reason: str, place: int
) -> None:
    """Also where the batch is in another encoding than it says."""
    items = [json.dumps(envelope(order, id=order)) for order in ("92", "93")]
    items.insert(place, broken)
    reply = send(gateway, f"[{','.join(items)}]".encode("latin-1"), "application/cloudevents-batch+json")
    assert (reply.status, reply.json["events_received"]) == (200, 2)
    assert [e.custom_data.order_id for e in gateway.new_events()] == ["92", "93"]
    assert [(r["index"], r["reason"]) for r in gateway.new_refused()] == [(place, reason)]


def test_what_was_mended_in_one_event_of_a_batch_is_said_of_that_one(gateway: Running) -> None:
    mended = json.dumps(envelope("95", id="95")).replace('"EUR"', '"EUR", "content_name": "Gr\\u0000\xfc\xdfe"')
    batch = f"[{json.dumps(envelope('94', id='94'))},{mended}]".encode("latin-1")
    assert send(gateway, batch, "application/cloudevents-batch+json").status == 200
    plain, told = gateway.new_events()
    assert (plain.custom_data.order_id, plain.warnings) == ("94", ())
    assert told.custom_data.other["content_name"] == "Gr\xfc\xdfe"
    assert any("content_name" in warning for warning in told.warnings)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (envelope(id=None), "id"), (envelope(source=""), "source"), (envelope(type=7), "type"), ([1], "body"), (b"", "body"),
        (envelope(data=None), "data"), (envelope(data="text"), "data"), (envelope(data=None, data_base64="%"), "data_base64"),
        (envelope(datacontenttype="application/xml"), "datacontenttype"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_with_its_field(gateway: Running, body: Any, path: str) -> None:
    reply = send(gateway, body)
    assert reply.status == 400
    assert reply.error["error_data"]["refused"][0]["path"] == path
    assert gateway.new_events() == []


@pytest.mark.parametrize("key", ["", "another"])
def test_no_key_no_entry(gateway: Running, key: str) -> None:
    assert send(gateway, envelope(), key=key).status == 401
    assert gateway.new_events() == []


def test_the_token_may_stand_in_the_address(gateway: Running) -> None:
    """As the HTTP webhook protocol of CloudEvents allows; it stands in no file."""
    body = json.dumps(envelope("91", id="t-1"))
    path = f"{PATH}?access_token={KEY}"
    assert gateway.send("POST", path, body, content_type="application/cloudevents+json").status == 200
    assert [p.name for p in gateway.folder.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()] == []
    assert gateway.new_event().custom_data.order_id == "91"


@pytest.mark.parametrize("kind", ["text/json", "Application/Vnd.shop.v1+JSON; charset=utf-8"])
def test_json_is_known_by_its_subtype(gateway: Running, kind: str) -> None:
    """JSON Event Format 1.0.2, 3.1: a subtype `json`, or one that ends in `+json`."""
    assert send(gateway, envelope(datacontenttype=kind, time="2026-09-21t14:13:20z")).status == 200
    assert gateway.new_event().event_time == NOW_S
