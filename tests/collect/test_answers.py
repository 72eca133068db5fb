"""What senders get back: Meta's success and error shapes, one outcome an event, and nothing a stranger can learn from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from running_gateway import DATASET, EVENTS, KEY, Running, events_body, purchase

TRACE = re.compile(rb'"fbtrace_id":"A[\w\-]{10,}"')


def bad(**changes: Any) -> dict[str, Any]:
    """A Purchase without a currency: subcode 2804010 in Meta's own list."""
    return purchase("bad-1", custom_data={"value": 5}, **changes)


def test_the_success_answer_has_the_three_keys_the_python_sdk_needs(gateway: Running) -> None:
    """events_received, messages and fbtrace_id, of the documented types, and nothing else."""
    reply = gateway.post(purchase("a-1"), purchase("a-2"))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    answer = reply.json
    assert sorted(answer) == ["events_received", "fbtrace_id", "messages"]
    assert (answer["events_received"], answer["messages"]) == (2, [])
    assert re.fullmatch(r"A[\w\-]{10,}", answer["fbtrace_id"])


def test_the_error_answer_has_metas_shape(gateway: Running) -> None:
    """HTTP 400 and one error object with the documented keys, each of its documented type."""
    reply = gateway.post(bad())
    assert reply.status == 400
    assert list(reply.json) == ["error"]
    error = reply.error
    kinds = {"message": str, "type": str, "code": int, "error_subcode": int, "is_transient": bool,
             "error_user_title": str, "error_user_msg": str, "error_data": dict, "fbtrace_id": str}  # fmt: skip
    assert {key: type(value) for key, value in error.items()} == kinds
    assert (error["message"], error["type"], error["code"]) == ("Invalid parameter", "OAuthException", 100)
    assert (error["error_subcode"], error["is_transient"]) == (2804010, False)
    assert error["error_data"]["blame_field_specs"] == [["data[0][custom_data][currency]"]]


CODES: list[tuple[str, str, bytes, int, str, int, int | None]] = [
    # claim, path, body, status, type, code, subcode (spec: general codes of Meta's API)
    ("a wrong token", EVENTS, events_body(purchase(), key="wrong"), 401, "OAuthException", 190, None),
    ("no such dataset", "/v25.0/999/events", events_body(purchase()), 400, "GraphMethodException", 100, 33),
    ("no events, the token probe", EVENTS, events_body(), 400, "OAuthException", 100, None),
    ("too old", EVENTS, events_body(purchase(event_time=1)), 400, "OAuthException", 100, 2804003),
    ("nobody to match", EVENTS, events_body(purchase(user_data={})), 400, "OAuthException", 100, 2804050),
    ("a broken hash", EVENTS, events_body(purchase(user_data={"em": "a" * 40})), 400, "OAuthException", 100, 2804016),
    ("another path", "/v25.0/123/dataset_quality", b"", 404, "OAuthException", 2500, None),
]


@pytest.mark.parametrize(
    ("claim", "path", "body", "status", "kind", "code", "subcode"), CODES, ids=[c[0] for c in CODES]
)
def test_metas_codes(
    claim: str, path: str, body: bytes, status: int, kind: str, code: int, subcode: int | None, gateway: Running
) -> None:
    """A client that decides by Meta's codes decides rightly here."""
    reply = gateway.send("POST", path, body, content_type="application/json")
    error = reply.error
    assert (reply.status, error["type"], error["code"]) == (status, kind, code)
    assert error.get("error_subcode") == subcode
    assert error["is_transient"] is False


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_sends_events(method: str, gateway: Running) -> None:
    """There is no read of events; the answer names the method that is."""
    reply = gateway.send(method, EVENTS)
    assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")
    assert reply.error["is_transient"] is False, "a client that tries again gets the same answer"


def test_a_batch_keeps_its_valid_events(gateway: Running) -> None:
    """One bad event among valid ones is named with place and field, kept as a row, and sinks nobody else."""
    reply = gateway.post(purchase("b-1"), bad(), purchase("b-2"), purchase("b-3", event_name=...))
    assert reply.status == 200
    assert reply.json["events_received"] == 2
    assert reply.json["messages"] == [
        "data[1].custom_data.currency: expected three letters (ISO 4217), got nothing",
        "data[3].event_name: expected text, got nothing",
    ]
    assert [e.event_id for e in gateway.new_events()] == ["b-1", "b-2"]
    rows = gateway.new_refused()
    assert [(r["index"], r["event_name"], r["event_id"], r["reason"]) for r in rows] == [
        (1, "Purchase", "bad-1", "missing_currency"),
        (3, "", "b-3", "missing_event_name"),
    ]


@pytest.mark.parametrize(
    ("word", "got"),
    [("BTC", "three letters that no currency has"), ("Nia", "three letters that no currency has"),
     ("€", "text of 1 characters"), ("euros", "text of 5 characters"), (978, "a number")],
)  # fmt: skip
def test_a_word_of_three_letters_that_is_no_currency_is_called_so(word: Any, got: str, gateway: Running) -> None:
    """Whoever expects three letters and gets three learns what is wrong with them; the word itself may be anybody's name."""
    reply = gateway.post(purchase("c-1", custom_data={"value": 5, "currency": word}))
    assert reply.status == 400
    assert (
        reply.error["error_user_msg"] == f"data[0].custom_data.currency: expected three letters (ISO 4217), got {got}"
    )


HURT_BY_ONE: list[tuple[str, Callable[[dict[str, Any]], str], str]] = [
    # claim, the JSON text of the broken event, drop reason
    ("a number over the limit", lambda e: json.dumps(e).replace("42.5", "1" * 21), "invalid_value"),
    ("a number over any limit", lambda e: json.dumps(e).replace("42.5", "1" * 5_000), "too_large"),
    ("a key twice", lambda e: json.dumps(e)[:-1] + ', "event_id": "other"}', "duplicate_key"),
    ("nesting too deep", lambda e: json.dumps(e)[:-1] + ', "app_data": ' + "[" * 21 + "]" * 21 + "}", "too_deep"),
    ("no object", lambda e: "17", "wrong_type"),
]


@pytest.mark.parametrize(("claim", "write", "reason"), HURT_BY_ONE, ids=[h[0] for h in HURT_BY_ONE])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_limit_that_one_event_breaks_spares_its_neighbours(
    claim: str, write: Callable[[dict[str, Any]], str], reason: str, place: int, gateway: Running
) -> None:
    """Also where the fault is in the JSON itself, the refusal is that event's alone, with its index."""
    texts = [json.dumps(purchase(f"n-{n}")) for n in range(2)]
    texts.insert(place, write(purchase("hurt")))
    body = f'{{"access_token": "{KEY}", "data": [{", ".join(texts)}]}}'
    reply = gateway.send("POST", EVENTS, body, content_type="application/json")
    assert (reply.status, reply.json.get("events_received")) == (200, 2)
    assert reply.json["messages"][0].startswith(f"data[{place}]")
    assert [e.event_id for e in gateway.new_events()] == ["n-0", "n-1"]
    assert [(r["reason"], r["index"]) for r in gateway.new_refused()] == [(reason, place)]


def test_a_batch_without_one_valid_event_is_400_and_names_all(gateway: Running) -> None:
    """Nothing accepted is an error as Meta's; error_data lists every refusal with what was expected and got."""
    reply = gateway.post(bad(), purchase("x", action_source="webshop"))
    assert reply.status == 400
    assert [(r["index"], r["path"], r["reason"]) for r in reply.error["error_data"]["refused"]] == [
        (0, "custom_data.currency", "missing_currency"),
        (1, "action_source", "invalid_action_source"),
    ]
    assert all(r["expected"] and r["got"] for r in reply.error["error_data"]["refused"])
    assert gateway.new_events() == []


def test_a_repaired_event_is_accepted_with_a_note(gateway: Running) -> None:
    """What was left out or unknown is said in messages, by place and name, without its content."""
    odd = purchase("odd") | {"user_data": {"em": "john@example.com", "shoe_size": "46"}, "colour": "seldom"}
    (field, key) = gateway.post(odd).json["messages"]
    assert field == "data[0].colour is not a documented field; left out"
    assert key == "data[0]: user_data.shoe_size is not a documented key; left out"


def test_strict_refuses_the_whole_batch(start_gateway: Callable[..., Running]) -> None:
    """With strict = true one invalid event refuses its valid neighbours too, as Meta does, and a row says so."""
    strict = start_gateway(strict=True)
    reply = strict.post(purchase("s-1"), bad(), purchase("s-2"))
    assert (reply.status, reply.error["error_subcode"]) == (400, 2804010)
    assert strict.new_events() == []
    assert [(r["reason"], r["index"]) for r in strict.new_refused()] == [("missing_currency", 1), ("whole_batch", None)]
    assert strict.post(purchase("s-1"), purchase("s-2")).json["events_received"] == 2


def test_one_sentence_for_each_of_a_thousand(gateway: Running) -> None:
    """A thousand refusals are a thousand messages and rows, whatever their number costs."""
    reply = gateway.post(*(purchase(f"m-{n}") if n == 500 else bad() for n in range(1000)))
    assert reply.json["events_received"] == 1
    assert len(reply.json["messages"]) == 999
    assert len(gateway.new_refused()) == 999


ANSWERS: list[tuple[str, Callable[[Running, dict[str, Any]], bytes]]] = [
    ("events", lambda g, e: g.post(e).body),
    ("tag", lambda g, e: g.tag(e).body),
    ("pixel", lambda g, e: g.pixel(ev="Purchase", eid=e["event_id"], **{
        f"cd[{k}]": str(v) for k, v in e["custom_data"].items()}).body),
]  # fmt: skip


@pytest.mark.parametrize(("door", "send"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_new_repeated_and_contradicting_copies_get_equal_answers(
    door: str, send: Callable[[Running, dict[str, Any]], bytes], gateway: Running
) -> None:
    """Nobody can ask the gateway whether an order id exists: but for the trace id the bytes are the same."""
    first = purchase(f"same-{door}")
    other = purchase(f"same-{door}", custom_data={"value": 1, "currency": "USD", "order_id": "same"})
    answers = [send(gateway, event) for event in (first, first, other)]
    assert len({TRACE.sub(b"", answer) for answer in answers}) == 1
    assert len({len(answer) for answer in answers}) == 1
    assert len(gateway.new_events()) == 3


def test_the_gif_says_nothing_whatever_happened(gateway: Running) -> None:
    """Accepted, refused, unknown dataset, broken: the same bytes and headers from /tr."""
    hits = [
        gateway.pixel(ev="PageView"),
        gateway.pixel(ev="Purchase"),
        gateway.send("GET", "/tr/?id=999&ev=PageView"),
        gateway.send("GET", "/tr"),
        gateway.send("POST", "/tr", b"\xff", content_encoding="gzip"),
        gateway.send("DELETE", f"/tr?id={DATASET}"),
    ]
    assert len({(hit.status, hit.body, tuple(sorted(hit.headers.items()))) for hit in hits}) == 1


def test_error_answers_repeat_nothing_of_the_request(gateway: Running) -> None:
    """A refused value is described by kind and size; no text of the sender's comes back."""
    marker = "Zebra9871"
    event = purchase(event_id=marker * 60, action_source=marker, user_data={"em": marker}, event_name=marker * 9)
    for reply in (
        gateway.post(event),
        gateway.post(purchase(action_source=marker)),
        gateway.send("POST", f"/{marker}?x={marker}", marker),
        gateway.send("POST", EVENTS, f'{{"{marker}": {marker}', content_type="application/json"),
    ):
        assert reply.status >= 400
        assert marker.encode() not in reply.body


def test_nobody_can_count_answers_by_their_ids(gateway: Running) -> None:
    """404, wrong key, wrong signature, refused: ids of two answers have nothing in common by which to tell how many lie between."""
    doors = [
        lambda: gateway.send("GET", "/nowhere"),
        lambda: gateway.send("POST", EVENTS, "{}", content_type="application/json"),
        lambda: gateway.send("POST", "/webhooks/own/shop.example", "{}", content_type="application/json"),
        lambda: gateway.post(bad()),
        lambda: gateway.post(purchase("counted")),
    ]
    ids = [TRACE.search(door().body)[0].partition(b":")[2].strip(b'"A') for door in doors * 2]
    parts = [{one[at : at + 8] for at in range(len(one) - 7)} for one in ids]
    assert all(len(one) >= 16 for one in ids)
    assert not any(a & b for n, a in enumerate(parts) for b in parts[:n])
