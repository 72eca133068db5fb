"""Bodies of tracking services and couriers: states, times, orders and cash; nothing is guessed. Shapes are the vendors'."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from twofold.config.sources import COURIER_FIELDS, PARCEL_STATES
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.identity import name_of
from twofold.ledger.model import ParcelState
from twofold.sources import SOURCES
from twofold.sources.contract import Ignored, Reading, Several, SourceOptions
from twofold.sources.couriers.mapped import FIELDS, LISTS
from twofold.sources.mended import read_mended

NOW_MS = 1_790_100_000_000


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def read(name: str, body: Any, **options: Any):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SOURCES[name].read(raw, {}, SourceOptions(**({"shop": "Quick"} | options)), NOW_MS)


def told(found: Any) -> tuple[str, list[tuple[str, str, int]]]:
    assert isinstance(found, Reading), found
    return found.order.order_id, [(p.id, p.state.value, p.at) for p in found.order.parcels]


# -- EasyPost


def easypost(**changes: Any) -> dict[str, Any]:
    details = [{"object": "TrackingDetail", "status": "in_transit", "datetime": "2026-03-11T08:00:00Z"},
               {"object": "TrackingDetail", "status": "delivered", "datetime": "2026-03-12T09:30:00Z"}]  # fmt: skip
    tracker = {"id": "trk_1", "object": "Tracker", "mode": "production", "tracking_code": "EZ1000000001", "status": "delivered",
               "carrier": "USPS", "updated_at": "2026-03-12T09:31:00Z", "tracking_details": details,
               "is_return": False, "signed_by": "Anna Example"} | changes  # fmt: skip
    return {"id": "evt_1", "object": "Event", "description": "tracker.updated", "mode": "production", "result": tracker}


def test_easyposts_history_is_read_whole():
    found = read("easypost", easypost())
    assert told(found) == ("parcel:EZ1000000001", [
        ("EZ1000000001", "in_transit", seconds("2026-03-11T08:00:00")),
        ("EZ1000000001", "delivered", seconds("2026-03-12T09:30:00")),
    ])  # fmt: skip
    assert [(line.courier, line.parcel, line.state) for line in found.lines] == [
        ("usps", "EZ1000000001", "in_transit"), ("usps", "EZ1000000001", "delivered")]  # fmt: skip


def test_a_word_told_again_is_the_same_line():
    """Known by carrier, number, state and time: the next webhook's history adds what is new."""
    first = read("easypost", easypost(tracking_details=easypost()["result"]["tracking_details"][:1]))
    again = read("easypost", easypost())
    assert {name_of(line) for line in first.lines} < {name_of(line) for line in again.lines}


def test_a_parcel_that_goes_back_is_returned_when_it_arrives():
    found = read("easypost", easypost(is_return=True))
    assert [state for _, state, _ in told(found)[1]] == ["returning", "returned"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (easypost(mode="test"), "test mode"),
        (easypost(object="Batch"), "another thing"),
        (easypost(tracking_details=[], status="unknown"), "where a parcel is"),
        (easypost(tracking_details=[{"status": "error", "datetime": "2026-03-11T08:00:00Z"}]), "where a parcel is"),
        (easypost(tracking_details=[{"status": "delivered", "datetime": "2026-03-11 08:00"}]), "where a parcel is"),
    ],
)
def test_easyposts_bodies_that_say_nothing_of_a_parcel(body, reason):
    """Unknown words, other events, test mode; and a time without its zone is no time."""
    found = read("easypost", body)
    assert isinstance(found, Ignored)
    assert reason in found.reason


def test_a_tracker_without_a_number_is_refused():
    found = read("easypost", easypost(tracking_code=None))
    assert isinstance(found, Refusal)
    assert found.path == "result.tracking_code"


# -- Shippo


def shippo(**changes: Any) -> dict[str, Any]:
    def status(word: str, at: str, code: str | None = None) -> dict[str, Any]:
        return {"status": word, "status_date": at, "substatus": {"code": code} if code else None}

    data = {"tracking_number": "SHIPPO_1", "carrier": "usps", "metadata": "1001", "test": False,
            "tracking_status": status("DELIVERED", "2026-03-12T09:30:00Z", "delivered"),
            "tracking_history": [status("UNKNOWN", "2026-03-10T08:00:00Z"), status("TRANSIT", "2026-03-11T08:00:00Z"),
                                 status("TRANSIT", "2026-03-12T07:00:00Z", "out_for_delivery"),
                                 status("DELIVERED", "2026-03-12T09:30:00Z")]} | changes  # fmt: skip
    return {"event": "track_updated", "test": False, "data": data}


def test_shippos_substatus_says_more_than_its_status():
    order, parcels = told(read("shippo", shippo()))
    assert order == "parcel:SHIPPO_1"
    assert [state for _, state, _ in parcels] == ["in_transit", "out_for_delivery", "delivered"]


def test_the_order_stands_where_the_operator_says():
    """Metadata is free text: it is an order's number only by the source's `fields`."""
    assert told(read("shippo", shippo(), fields={"order": "metadata"}))[0] == "1001"


@pytest.mark.parametrize(
    ("text", "order"),
    [("customer_ID:12, order_ID:558a", "558a"), ("order_ID: 1001", "1001"), ("order_id:1001", ""), ("1001", ""),
     ("order_ID:1, order_ID:2", ""), ("", "")],
)  # fmt: skip
def test_one_name_out_of_shippos_metadata(text, order):
    """docs.goshippo.com, Webhook metadata: a text of names and values. What is not told, or told twice, is no order."""
    found = told(read("shippo", shippo(metadata=text), fields={"order": "metadata.order_ID"}))[0]
    assert found == (order or "parcel:SHIPPO_1")


def test_shippos_test_tracks_and_other_events_are_left_out():
    assert isinstance(read("shippo", shippo(test=True)), Ignored)
    assert isinstance(read("shippo", shippo() | {"test": True}), Ignored)
    assert isinstance(read("shippo", shippo() | {"event": "transaction_created"}), Ignored)


# -- AfterShip


def aftership(**changes: Any) -> dict[str, Any]:
    def checkpoint(tag: str, subtag: str, at: str) -> dict[str, Any]:
        return {"tag": tag, "subtag": subtag, "checkpoint_time": at, "created_at": "2026-03-20T00:00:00+00:00"}

    msg = {"tracking_number": "AS1", "slug": "dhl", "order_id": "1001", "tag": "Delivered", "subtag": "Delivered_004",
           "updated_at": "2026-03-12T10:00:00+00:00", "emails": ["anna@example.com"],
           "checkpoints": [checkpoint("InTransit", "InTransit_001", "2026-03-11T08:00:00+04:00"),
                           checkpoint("Exception", "Exception_004", "2026-03-11T09:00:00+04:00"),
                           checkpoint("Delivered", "Delivered_004", "2026-03-12T09:30:00+04:00")]} | changes  # fmt: skip
    return {"event": "tracking_update", "event_id": "e-1", "ts": 1_773_300_000, "msg": msg}


def test_aftership_names_the_order_and_says_that_cash_was_taken():
    found = read("aftership", aftership())
    assert told(found) == ("1001", [
        ("AS1", "in_transit", seconds("2026-03-11T04:00:00")), ("AS1", "delivered", seconds("2026-03-12T05:30:00"))])  # fmt: skip
    assert (found.lines[-1].method, found.lines[-1].taken) == ("cash", None)
    assert any("how much" in note for note in found.notes)


@pytest.mark.parametrize(
    ("tag", "subtag", "state"),
    [("Exception", "Exception_003", "refused"), ("Exception", "Exception_010", "returning"),
     ("Exception", "Exception_011", "returned"), ("AttemptFail", "AttemptFail_001", "attempt_failed"),
     ("AvailableForPickup", "AvailableForPickup_001", "pickup_point"), ("Exception", "Exception_001", None),
     ("Expired", "Expired_001", None)],
)  # fmt: skip
def test_aftershipsubtags(tag, subtag, state):
    found = read("aftership", aftership(tag=tag, subtag=subtag, checkpoints=[]))
    assert (told(found)[1][0][1] if state else isinstance(found, Ignored)) == (state or True)


def test_a_checkpoint_without_a_zone_is_not_taken_for_utc():
    """Its time is the courier's local one: when AfterShip made it stands instead."""
    body = aftership()
    body["msg"]["checkpoints"] = [{"tag": "Delivered", "subtag": "Delivered_001", "checkpoint_time": "2026-03-12T09:30:00",
                                   "created_at": "2026-03-12T06:00:00+00:00"}]  # fmt: skip
    assert told(read("aftership", body))[1] == [("AS1", "delivered", seconds("2026-03-12T06:00:00"))]


# -- a courier's own

MAPPED = {
    "fields": {"parcel": "barcode", "order": "integrationOrderId", "status": "data.state", "at": "data.changed",
               "amount": "cartAmount"},
    "stages": {"Delivered to client": "delivered", "Client refused": "refused"},
    "currency": "GEL",
}  # fmt: skip
OWN = {"barcode": "Q-77", "integrationOrderId": 1001, "cartAmount": "120.00",
       "data": {"state": "delivered_to_client", "changed": "2026-03-12T09:30:00+04:00"}}  # fmt: skip


def test_a_couriers_own_webhook_by_mapping():
    found = read("courier", OWN, **MAPPED)
    assert told(found) == ("1001", [("Q-77", "delivered", seconds("2026-03-12T05:30:00"))])
    (line,) = found.lines
    assert (line.courier, line.order, line.taken, line.currency) == ("quick", "1001", Decimal("120.00"), "GEL")


def test_an_amount_is_cash_only_once_the_parcel_was_delivered():
    """On the way it is what the buyer owes; what was refused took nothing."""
    for word, due, taken in (
        ("in_transit", "120.00", None),
        ("client refused", "120.00", None),
        ("delivered", None, "120.00"),
    ):
        (line,) = read("courier", OWN | {"data": OWN["data"] | {"state": word}}, **MAPPED).lines
        assert (line.due, line.taken) == (due and Decimal(due), taken and Decimal(taken))


def test_a_status_that_is_not_mapped_is_left_out_with_its_reason():
    found = read("courier", OWN | {"data": {"state": "on the moon"}}, **MAPPED)
    assert isinstance(found, Ignored)
    assert "stages" in found.reason
    assert found.order_id == "1001"


@pytest.mark.parametrize(
    ("body", "path"),
    [(OWN | {"barcode": ""}, "barcode"), (OWN | {"cartAmount": "a lot"}, "cartAmount"),
     (OWN | {"cartAmount": -5}, "cartAmount"), (OWN | {"data": {"state": "delivered", "changed": "yesterday"}}, "data.changed"),
     ([OWN], ""), (b"{", "")],
)  # fmt: skip
def test_a_couriers_body_that_cannot_be_read_names_its_field(body, path):
    found = read("courier", body, **MAPPED)
    assert isinstance(found, Refusal)
    assert found.path == path


def test_an_amount_without_a_currency_is_left_out_and_said():
    found = read("courier", OWN, **(MAPPED | {"currency": ""}))
    assert found.lines[0].taken is None
    assert any("currency" in note for note in found.notes)


def test_a_body_without_a_time_has_that_of_its_arrival():
    found = read("courier", {"parcel": "T1", "status": "Delivered"})
    assert told(found) == ("parcel:T1", [("T1", "delivered", NOW_MS // 1000)])


# -- several parcels in one body

SEVERAL = {
    "fields": {"parcels[]": "data.shipments", "states[]": "scans", "parcel": "awb", "order": "reference", "status": "code",
               "at": "time", "amount": "cod"},
    "stages": {"DLV": "delivered", "OFD": "out_for_delivery"}, "currency": "GEL",
}  # fmt: skip


def shipment(number: Any, *scans: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"awb": number, "scans": [{"code": code, "time": time} for code, time in scans], **more}


def several(*shipments: Any, **around: Any) -> list[Any]:
    found = read("courier", {"data": {"shipments": list(shipments)}, **around}, **SEVERAL)
    assert isinstance(found, Several), found
    return [part.found for part in found.parts]


def test_each_parcel_of_a_body_has_its_own_order_states_and_cash():
    one, two = several(
        shipment("A-1", ("OFD", 1_773_200_000), ("DLV", 1_773_203_600), reference="1001", cod="80.00"),
        shipment("A-2", ("OFD", 1_773_200_000), reference="1002", cod="60.00"),
    )
    assert told(one) == ("1001", [("A-1", "out_for_delivery", 1_773_200_000), ("A-1", "delivered", 1_773_203_600)])
    assert told(two) == ("1002", [("A-2", "out_for_delivery", 1_773_200_000)])
    assert [(line.due, line.taken) for line in one.lines] == [(None, None), (None, Decimal("80.00"))]
    assert [(line.due, line.taken) for line in two.lines] == [(Decimal("60.00"), None)]


def test_what_stands_once_around_the_list_is_of_each_but_for_number_and_cash():
    """A sum of several parcels would be counted once for each of them."""
    one, two = several(shipment("A-1", ("DLV", 1_773_203_600)), shipment("A-2", ("DLV", 1_773_203_600)),
                       reference="1001", cod="140.00", awb="MASTER")  # fmt: skip
    assert [told(found)[0] for found in (one, two)] == ["1001", "1001"]
    assert [line.taken for found in (one, two) for line in found.lines] == [None, None]
    (nameless,) = several({"scans": [{"code": "DLV", "time": 1_773_203_600}]}, awb="MASTER")
    assert isinstance(nameless, Refusal)


def test_a_parcel_that_cannot_be_read_names_its_place_and_leaves_the_others():
    good, numberless, moon, text = several(
        shipment("A-1", ("DLV", 1_773_203_600)), shipment(None, ("DLV", 1_773_203_600)),
        shipment("A-3", ("on the moon", 1_773_203_600)), "A-4",
    )  # fmt: skip
    assert told(good)[0] == "parcel:A-1"
    assert (numberless.path, text.path) == ("data.shipments[1].awb", "data.shipments[3]")
    assert isinstance(moon, Ignored)


@pytest.mark.parametrize(
    ("body", "got"), [({"shipments": {"awb": "A-1"}}, "object"), ({"shipments": "A-1"}, "text"), ({}, "nothing")]
)
def test_a_body_without_its_list_names_the_list(body, got):
    """Not the number that a parcel of its own would need, which no such body has."""
    found = read("courier", {"data": body}, **SEVERAL)
    assert (found.path, found.expected) == ("data.shipments", "a list of parcels, or a body that is one parcel itself")
    assert got in found.got
    alone = read("courier", {"awb": "A-1", "scans": [{"code": "DLV", "time": 1_773_203_600}]}, **SEVERAL)
    assert told(alone)[0] == "parcel:A-1"
    wrong = read("courier", {"awb": "A-1", "cod": "much", "scans": [{"code": "DLV", "time": 1_773_203_600}]}, **SEVERAL)
    assert wrong.path == "cod"


def test_a_state_without_a_time_leaves_the_other_states_of_its_parcel():
    """Nothing is made up for a place in a history: the time of arrival is not when it happened."""
    (found,) = several(shipment("A-1", ("OFD", None), ("DLV", 1_773_203_600)))
    assert [state for _, state, _ in told(found)[1]] == ["delivered"]
    assert any("scans[0].time" in note for note in found.notes)
    (none,) = several(shipment("A-1", ("OFD", "yesterday")))
    assert none.path == "data.shipments[0].scans[0].time"


@pytest.mark.parametrize(
    ("name", "body"), [("easypost", easypost()), ("shippo", shippo()), ("aftership", aftership()), ("courier", OWN)]
)
def test_a_list_of_bodies_is_read_as_each_of_them_is(name, body):
    options = SourceOptions(shop="Quick", **(MAPPED if name == "courier" else {}))
    twice = b'{"event": 1, "event": 2}'
    raw = b"[" + b",".join([json.dumps(body).encode(), twice, json.dumps(body).encode()]) + b"]"
    found, _ = read_mended(SOURCES[name], raw, {}, options, NOW_MS)
    alone = SOURCES[name].read(json.dumps(body).encode(), {}, options, NOW_MS)
    assert [found.parts[n].found for n in (0, 2)] == [alone, alone]
    assert (found.parts[1].found.reason, found.parts[1].found.path) == (DropReason.DUPLICATE_KEY, "[1]")
    assert found.parts[1].body == twice


@pytest.mark.parametrize("raw", [b"[]", b"[1,", b"[" + b"{}," * 1_000 + b"{}]"])
def test_a_list_of_nothing_or_of_too_much_is_refused_whole(raw):
    found, _ = read_mended(SOURCES["courier"], raw, {}, SourceOptions(shop="Quick"), NOW_MS)
    assert isinstance(found, Refusal)


# -- all of them


@pytest.mark.parametrize("name", ["easypost", "shippo", "aftership", "courier"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"result":[],"data":7,"msg":"x"}', b"\xff\xfe", b'{"a":' * 99]
)
def test_no_body_raises(name, body):
    assert isinstance(read(name, body), (Refusal, Ignored))


@pytest.mark.parametrize(("name", "body"), [("easypost", easypost()), ("aftership", aftership())])
def test_no_contact_data_is_taken(name, body):
    """Who signed and whom the service writes to stand in the body, and nowhere else."""
    shown = repr(read(name, body))
    assert "anna" not in shown.casefold()


def test_the_settings_know_the_states_and_the_fields():
    assert set(PARCEL_STATES) == {state.value for state in ParcelState}
    assert (*FIELDS, *LISTS) == COURIER_FIELDS
