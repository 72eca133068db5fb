"""Couriers' webhooks against a running gateway: who may speak, what is kept, and which order it reaches."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from running_gateway import DATASET, NOW_S, Reply, Running

from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.ledger.lines import ParcelLine
from twofold.ledger.state import decode_state
from twofold.store.engines import open_reader
from twofold.store.lines.reading import LineReader

SECRET, OLDER = "hush-0123456789abcdef", "older-0123456789abcde"
COURIER = {
    "type": "courier", "dataset": DATASET, "shop": "quick", "secret": [SECRET, OLDER], "currency": "GEL",
    "fields": {"parcel": "barcode", "order": "ref", "amount": "cash"}, "stages": {"done": "delivered"},
}  # fmt: skip
OWN = {"type": "own", "dataset": DATASET, "shop": "own.example", "secret": SECRET}
SOURCES: list[dict[str, Any]] = [
    COURIER, OWN,
    {"type": "easypost", "dataset": DATASET, "shop": "ep", "secret": SECRET},
    {"type": "shippo", "dataset": DATASET, "shop": "sp", "secret": SECRET, "path": "/webhooks/shippo/sp"},
]  # fmt: skip
BODY = {"barcode": "Q-77", "ref": "A-1001", "status": "done", "at": NOW_S, "cash": "42.50"}
AT_THE_DOOR = f"/webhooks/courier/quick/{SECRET}"


@pytest.fixture
def gateway(start_gateway: Callable[..., Running]) -> Running:
    return start_gateway({"dataset": [{"id": DATASET}], "source": SOURCES})


def post(gateway: Running, path: str, body: Any, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.send("POST", path, raw, content_type="application/json", **headers)


def timed(body: bytes, secret: str = SECRET) -> str:
    return f"t={NOW_S},v1={hmac.new(secret.encode(), f'{NOW_S}.'.encode() + body, hashlib.sha256).hexdigest()}"


def placed(gateway: Running, order: str = "A-1001") -> None:
    body = json.dumps({
        "type": "order", "id": order, "placed_at": NOW_S - 900, "updated_at": NOW_S - 900,
        "payment": {"method": "cod"}, "totals": {"currency": "GEL", "total": "42.50"},
    }).encode()  # fmt: skip
    assert post(gateway, "/webhooks/own/own.example", body, x_twofold_signature=timed(body)).status == 200


def parcels(gateway: Running) -> list[ParcelLine]:
    with open_reader(gateway.folder) as reader:
        return [line.thing for line in LineReader(reader).lines("parcel")]


def orders(gateway: Running) -> dict[str, Any]:
    with open_reader(gateway.folder) as reader:
        states = [decode_state(row[0]) for row in reader.execute("select state from orders")]
    return {state.order_id: state for state in states}


@pytest.mark.parametrize("first", ["order", "parcel"])
def test_a_parcels_cash_and_state_reach_its_order(gateway: Running, first: str) -> None:
    """The order is delivered and the cash is a line, whichever of the two came first."""
    steps = [lambda: placed(gateway), lambda: post(gateway, AT_THE_DOOR, BODY)]
    for step in steps if first == "order" else reversed(steps):
        step()
    state = orders(gateway)["A-1001"]
    assert (state.known, state.delivered_at) == (True, NOW_S)
    (line,) = parcels(gateway)
    assert (line.courier, line.parcel, line.order, line.state, str(line.taken), line.currency) == (
        "quick", "Q-77", "A-1001", "delivered", "42.50", "GEL")  # fmt: skip


def test_the_same_word_twice_is_one_line(gateway: Running) -> None:
    for _ in range(3):
        assert post(gateway, AT_THE_DOOR, BODY).status == 200
    assert len(parcels(gateway)) == 1


def test_the_secret_in_the_address_is_the_key(gateway: Running) -> None:
    """Either of two secrets while one is exchanged; another address is nobody's."""
    assert post(gateway, f"/webhooks/courier/quick/{OLDER}", BODY).status == 200
    for path in ("/webhooks/courier/quick", "/webhooks/courier/quick/other-0123456789abcd", AT_THE_DOOR[:-1]):
        assert post(gateway, path, BODY).status == 404
    assert len(parcels(gateway)) == 1


def test_shippo_signs_where_its_path_holds_no_secret(gateway: Running) -> None:
    body = json.dumps({"event": "track_updated", "test": False, "data": {
        "tracking_number": "S1", "carrier": "usps",
        "tracking_status": {"status": "TRANSIT", "status_date": "2026-09-21T10:00:00Z"}}}).encode()  # fmt: skip
    assert post(gateway, "/webhooks/shippo/sp", body).status == 401
    assert post(gateway, "/webhooks/shippo/sp", body, shippo_auth_signature=timed(body, OLDER)).status == 401
    assert post(gateway, "/webhooks/shippo/sp", body, shippo_auth_signature=timed(body)).status == 200
    assert [line.parcel for line in parcels(gateway)] == ["S1"]


def test_easypost_needs_its_signature(gateway: Running) -> None:
    body = json.dumps({"result": {"object": "Tracker", "tracking_code": "E1", "carrier": "UPS", "tracking_details": [
        {"status": "delivered", "datetime": "2026-09-21T10:00:00Z"}]}}).encode()  # fmt: skip
    assert post(gateway, "/webhooks/easypost/ep", body).status == 401
    given = f"hmac-sha256-hex={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    assert post(gateway, "/webhooks/easypost/ep", body, x_hmac_signature=given).status == 200
    assert list(orders(gateway)) == ["parcel:E1"]


def test_what_is_not_understood_is_answered_yes_and_kept(gateway: Running) -> None:
    """A courier gives up a webhook that is refused often: sending it again would not help."""
    reply = post(gateway, AT_THE_DOOR, BODY | {"status": "on the moon"})
    assert (reply.status, parcels(gateway)) == (200, [])
    assert "stages" in reply.body.decode()
    assert post(gateway, AT_THE_DOOR, {"status": "done"}).status == 200
    assert [row["reason"] for row in gateway.new_refused()] == ["not_an_order", "wrong_type"]


def test_a_body_with_several_parcels_gives_each_its_line(gateway: Running) -> None:
    """Two parcels of one order and one of another; what cannot be read stands alone among the refused."""
    placed(gateway)
    placed(gateway, "A-1002")
    gateway.new_refused()
    body = [
        BODY | {"cash": "22.50"},
        BODY | {"barcode": "Q-78", "cash": "20.00"},
        {"status": "done", "ref": "A-1002"},
        BODY | {"barcode": "Q-79", "ref": "A-1002", "status": "on the moon"},
        BODY | {"barcode": "Q-80", "ref": "A-1002"},
    ]
    said = json.loads(post(gateway, AT_THE_DOOR, body).body)
    assert said["classified"] == "5 in one body"
    assert said["messages"][0].startswith("[2].barcode: expected the parcel's number")
    assert [(p.parcel, p.order, str(p.taken)) for p in sorted(parcels(gateway), key=lambda line: line.parcel)] == [
        ("Q-77", "A-1001", "22.50"), ("Q-78", "A-1001", "20.00"), ("Q-80", "A-1002", "42.50")]  # fmt: skip
    states = orders(gateway)
    assert [states[name].delivered_at for name in ("A-1001", "A-1002")] == [NOW_S, NOW_S]
    refused = gateway.new_refused()
    assert [row["reason"] for row in refused] == ["wrong_type", "not_an_order"]
    assert post(gateway, AT_THE_DOOR, body).status == 200
    assert len(parcels(gateway)) == 3


# -- settings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fields": {"barcode": "x"}}, "fields"),
        ({"stages": {"done": "arrived"}}, "stages"),
        ({"currency": ""}, "currency"),
        ({"secret": "with/slash-0123456789"}, "secret"),
    ],
)
def test_a_courier_that_is_set_up_wrongly_is_refused(change: dict[str, Any], said: str) -> None:
    tree = {"dataset": [{"id": DATASET}], "source": [COURIER | change]}
    with pytest.raises(ConfigError, match=f"source quick: {said}"):
        settings_from(tree, environ={})
