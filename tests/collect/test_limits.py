"""The limits on one request, each at one below, exactly at, and one above."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from running_gateway import DATASET, EVENTS, KEY, NOW_S, Running, events_body, purchase, request

from twofold.collect.listen.protocol import MAX_HEADER_BYTES
from twofold.matching.subject import Mark
from twofold.store.gates.withdrawals import read_standing

ONES = [(-1, True), (0, True), (1, False)]
AROUND = pytest.mark.parametrize(("more", "fits"), ONES, ids=["below", "at", "above"])


@AROUND
def test_64_header_fields(more: int, fits: bool, gateway: Running) -> None:
    """A 65th field is 431."""
    fields = [f"X-{n}: 1" for n in range(64 - 2 + more)]  # beside host and content-length
    with gateway.raw() as raw:
        raw.write(request("POST", EVENTS, events_body(purchase()), *fields))
        assert raw.read().status == (200 if fits else 431)


@pytest.mark.parametrize("in_pieces", [False, True])
@AROUND
def test_64_kb_of_header(more: int, fits: bool, in_pieces: bool, gateway: Running) -> None:
    """16 KB of fields and 48 KB of request line, however many packets it comes in."""
    bare = request("GET", "/health", None, "X-Pad: ")
    padded = request("GET", "/health", None, "X-Pad: " + "x" * (MAX_HEADER_BYTES + 2 - len(bare) + more))
    # The last line end is no field: a header of exactly the limit has so many bytes before it.
    assert MAX_HEADER_BYTES == 65_536
    assert len(padded) - 2 == MAX_HEADER_BYTES + more
    with gateway.raw() as raw:
        raw.write(*([padded[:9000], padded[9000:]] if in_pieces else [padded]))
        assert raw.read().status == (200 if fits else 431)


@pytest.mark.parametrize(("path", "too_long"), [("/tr/", 200), ("/t/image", 200), (EVENTS, 414), ("/elsewhere", 414)])
@AROUND
def test_48_kb_of_address(more: int, fits: bool, path: str, too_long: int, gateway: Running) -> None:
    """Path and query together. A longer one is kept as a row by the door that it was for; a page sees its image."""
    query = f"id={DATASET}&ev=PageView&access_token={KEY}&cd[x]="
    query += "y" * (49_152 + more - len(path) - len(query))
    image = too_long == 200
    reply = gateway.send(
        "GET" if image else "POST", f"{path}?{query}", None if image else events_body(purchase("long"))
    )
    assert reply.status == (too_long if not fits else 404 if path == "/elsewhere" else 200)
    known = path != "/elsewhere"
    assert len(gateway.new_events()) == (fits and known)
    assert [(r["reason"], r["path"]) for r in gateway.new_refused()] == [("too_large", "address")] * (
        known and not fits
    )


@pytest.mark.parametrize("letter", ["a", "%D0%B0", "%25D0%25B0", "%2525"])
@pytest.mark.parametrize("path", ["/tr/", "/t/image"])
def test_a_page_address_of_ten_thousand_bytes_costs_the_address_and_not_the_event(
    path: str, letter: str, gateway: Running
) -> None:
    """However its letters are encoded on the way; the part that is kept is the beginning."""
    long = "https%3A%2F%2Fshop.example%2Fp%3Fstate%3D" + letter * (10_000 // len(letter))
    query = f"id={DATASET}&ev=Purchase&eid=long&cd[value]=5&cd[currency]=EUR&dl={long.replace('%25', '%2525')}"
    assert gateway.send("GET", f"{path}?{query}").status == 200
    event = gateway.new_event()
    assert event.event_id == "long"
    assert event.event_source_url is not None
    assert event.event_source_url.startswith("https://shop.example/p")


@AROUND
def test_body_size(more: int, fits: bool, start_gateway: Callable[..., Running]) -> None:
    """A body over max_body_bytes is 413 and kept as a row, also when its length is not announced."""
    small = start_gateway(max_body_bytes=2048)
    body = events_body(purchase("size"))
    body += b" " * (2048 + more - len(body))
    assert small.send("POST", EVENTS, body, content_type="application/json").status == (200 if fits else 413)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with small.raw() as raw:
        raw.write(request("POST", EVENTS, None, "Transfer-Encoding: chunked") + chunked)
        assert raw.read().status == (200 if fits else 413)
    assert [r["reason"] for r in small.new_refused()] == ([] if fits else ["too_large"] * 2)


@AROUND
def test_1_mb_from_a_browser(more: int, fits: bool, gateway: Running) -> None:
    """The public doors take less than the servers' door."""
    body = json.dumps({"events": [{"dataset": DATASET, "event_name": "Lead", "event_time": NOW_S}]}).encode()
    body += b" " * ((1 << 20) + more - len(body))
    assert gateway.send("POST", "/t/events", body).status == (200 if fits else 413)


@AROUND
def test_16_kb_of_a_browsers_consent(more: int, fits: bool, gateway: Running) -> None:
    """A few ids of one browser, which has the same answer whatever it sent. A shop's server may send as much as to any other door."""
    number = f"1790000000000.{16_384 + more}"
    body = json.dumps({"dataset": DATASET, "fbp": f"fb.1.{number}", "state": "denied"}).encode()
    body += b" " * (16_384 + more - len(body))
    reply = gateway.send("POST", "/t/consent", body)
    assert (reply.status, reply.json) == (200, {"heard": True})
    (standing,) = read_standing(gateway.folder, DATASET, [Mark("fbp", number)])
    assert standing.withdrawn is fits
    given = json.dumps({"access_token": KEY, "email": "a@b.example", "state": "granted"}).encode() + b" " * 20_000
    assert gateway.send("POST", f"/v1/{DATASET}/consent", given, content_type="application/json").status == 200


def test_a_pixel_post_over_the_limit_still_gets_its_image(gateway: Running) -> None:
    """A page never sees a broken image; the refusal is a row."""
    reply = gateway.send("POST", "/tr/", b"x" * ((1 << 20) + 1))
    assert (reply.status, reply.body[:6]) == (200, b"GIF89a")
    assert [r["reason"] for r in gateway.new_refused()] == ["too_large"]


@AROUND
@pytest.mark.parametrize("text", [False, True], ids=["objects", "texts"])
def test_1000_events(more: int, fits: bool, text: bool, gateway: Running) -> None:
    """1,001 events are refused whole, as Meta refuses them."""
    events: list[Any] = [purchase(f"many-{n}") for n in range(1000 + more)]
    reply = gateway.post(*(map(json.dumps, events) if text else events))
    assert reply.status == (200 if fits else 400)
    assert len(gateway.new_events()) == (1000 + more if fits else 0)


@AROUND
def test_100_events_from_the_tag(more: int, fits: bool, gateway: Running) -> None:
    """One page sends no more than its queue holds."""
    reply = gateway.tag(*({"event_name": "Lead", "event_time": NOW_S} for _ in range(100 + more)))
    assert reply.status == (200 if fits else 400)
    assert len(gateway.new_events()) == (100 + more if fits else 0)


def nested(levels: int) -> Any:
    """An object so many levels deep, itself counted."""
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


INSIDE: list[tuple[str, Callable[[int], dict[str, Any]], str]] = [
    # claim, an event that is so much over the limit, drop reason
    ("20 levels", lambda more: purchase(custom_data={"value": 1, "currency": "EUR", "n": nested(18 + more)}), "too_deep"),
    ("7 days old", lambda more: purchase(event_time=NOW_S - 7 * 86_400 - more), "event_too_old"),
    ("62 days old in a store", lambda more: purchase(event_time=NOW_S - 62 * 86_400 - more, action_source="physical_store"), "event_too_old"),
    ("a day ahead", lambda more: purchase(event_time=NOW_S + 86_400 + more), "event_in_future"),
]  # fmt: skip


@AROUND
@pytest.mark.parametrize("as_text", [False, True], ids=["object", "text"])
@pytest.mark.parametrize(("claim", "make", "reason"), INSIDE, ids=[i[0] for i in INSIDE])
def test_inside_an_event(
    claim: str, make: Callable[[int], Any], reason: str, as_text: bool, more: int, fits: bool, gateway: Running
) -> None:
    """The same limit for an event that is an object and for one that is written as a text."""
    event = make(more)
    reply = gateway.post(json.dumps(event) if as_text else event)
    assert (reply.status == 200) == fits
    if not fits:
        assert [r["reason"] for r in reply.error["error_data"]["refused"]] == [reason]


@AROUND
@pytest.mark.parametrize("as_text", [False, True], ids=["object", "text"])
@pytest.mark.parametrize("sign", [1, -1])
def test_20_digits(sign: int, as_text: bool, more: int, fits: bool, gateway: Running) -> None:
    """A longer number is no number that anybody can use: it is read as its digits, and said. The event lives."""
    event = purchase(custom_data={"value": 1, "currency": "EUR", "n": sign * 10 ** (19 + more)})
    reply = gateway.post(json.dumps(event) if as_text else event)
    assert reply.status == 200
    assert any("custom_data.n: a number of" in said for said in reply.json["messages"]) is not fits


@AROUND
def test_500_keys(more: int, fits: bool, gateway: Running) -> None:
    """Of one event; its known fields count too."""
    event = purchase(custom_data={"value": 1, "currency": "EUR"} | {f"k{n}": 1 for n in range(500 - 12 + more)})
    keys = json.dumps(event).count('": ')
    assert keys == 500 + more
    assert gateway.post(json.dumps(event)).status == (200 if fits else 400)


@AROUND
def test_500_fields_of_a_form(more: int, fits: bool, gateway: Running) -> None:
    """A pixel hit with more parameters is no hit of any pixel."""
    fields = [f"id={DATASET}", "ev=PageView"] + [f"x{n}=%20" for n in range(500 - 2 + more)]
    gateway.send("POST", "/tr/", "&".join(fields), content_type="application/x-www-form-urlencoded")
    assert len(gateway.new_events()) == fits


def test_a_full_store_queue_is_503_with_retry_after(start_gateway: Callable[..., Running]) -> None:
    """More than max_queue events at once are not taken: the sender is told when to come back, and nothing is kept."""
    small = start_gateway(max_queue=64)
    reply = small.post(*(purchase(f"q-{n}") for n in range(65)))
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    assert reply.error["is_transient"] is True
    assert small.new_events() == []
    assert small.post(*(purchase(f"q-{n}") for n in range(64))).json["events_received"] == 64


def test_a_token_of_any_length_is_only_wrong(gateway: Running) -> None:
    """Comparing keys costs no more than hashing what was sent."""
    assert gateway.post(purchase(), key="k" * 8000).status == 401
    assert gateway.post(purchase(), key=KEY + "\0").status in (400, 401)
