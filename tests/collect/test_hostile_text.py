"""Broken, overlong and hostile text at every door: the event lives, the part is cut or left out with its reason."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from every_door import (
    BROWSERS,
    CONFIGURATION,
    DOORS,
    EMAIL,
    event,
    own_order,
    shopify_order,
    signed,
    stripe_event,
    tag,
    woocommerce_order,
)
from running_gateway import DATASET, EVENTS, KEY, Running, purchase

from twofold.event.mending import Mender, mend_json, read_bytes, stand_in
from twofold.event.model import encode

orders = itertools.count(7_000)
HASH = hashlib.sha256(EMAIL.encode()).hexdigest()
LONG = "https://shop.example/p?state=" + "a1b2c3d4" * 1_200


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("hostile") / "data", CONFIGURATION)
    yield running
    running.close()


# Facts of the sale, and how a product's name that is kept reads; None where it may be anything.
HOSTILE: list[tuple[str, dict[str, Any], str | None]] = [
    ("a lone surrogate", {"name": "Mug \ud800"}, "Mug "),
    ("a lone low surrogate", {"name": "M\udc00ug"}, "Mug"),
    ("half an emoji", {"name": "Mug \ud83d"}, "Mug "),
    ("a whole emoji", {"name": "Mug \U0001f600"}, "Mug \U0001f600"),
    ("NUL", {"name": "M\0ug"}, "Mug"),
    ("nothing but NUL", {"name": "\0\0"}, ""),
    ("control characters", {"name": "M\x01u\x1bg\x7f"}, None),
    ("a line end", {"name": "Mug\r\nblue"}, None),
    ("9,000 characters", {"name": "x" * 9_000}, "x" * 8_192),
    ("9,000 characters of three bytes", {"name": "ж" * 8_500}, "ж" * 8_192),
    ("Latin-1", {"name": "Größe", "encoding": "latin-1"}, "Größe"),
    ("Windows-1252", {"name": "Größe 5 €", "encoding": "cp1252"}, "Größe 5 €"),
    ("an address of 10,000 characters", {"url": LONG}, None),
    ("an address with a broken host", {"url": "https://[shop.example/x?y=1"}, None),
    ("an address with NUL", {"url": "https://shop.example/a\0b"}, None),
    ("an address with a lone surrogate", {"url": "https://shop.example/a?b=\ud800"}, None),
    ("an agent of 9,000 characters", {"agent": "Mozilla/5.0 " + "x" * 9_000}, None),
    ("an agent with NUL", {"agent": "Mozilla/5.0 \0 (X11)"}, None),
    ("a property's name of 9,000 characters", {"custom": {"n" * 9_000: "1"}}, None),
    ("a property's name with NUL", {"custom": {"co\0lour": "red"}}, None),
    ("a property of NUL", {"custom": {"colour": "r\0ed"}}, None),
]
# These doors carry the goods' name to the event; at the others the ledger has no use for it.
NAMING = {"capi", "capi_form", "capi_texts", "tag", "tr_get", "tr_post"}
ENCODED = {"capi", "capi_form", "tag", "tr_get", "tr_post", "shopify", "woocommerce", "stripe", "own"}


@pytest.mark.parametrize(("claim", "facts", "name"), HOSTILE, ids=[row[0] for row in HOSTILE])
@pytest.mark.parametrize("door", DOORS)
def test_the_event_lives(gateway: Running, door: str, claim: str, facts: dict[str, Any], name: str | None) -> None:
    if "encoding" in facts and door not in ENCODED:
        facts = {k: v for k, v in facts.items() if k != "encoding"}
    if door == "tr_get" and any(len(json.dumps(v)) > 16_000 for v in facts.values()):
        facts = {"name": "x" * 9_000} if "name" in facts else facts
        name = "x" * 8_192 if name else name
    gateway.forget()
    order = str(next(orders))
    reply = DOORS[door](gateway, order, facts)
    assert reply.status == 200, reply.body
    (kept,) = gateway.new_events()
    assert gateway.new_refused() == []
    assert (kept.custom_data.value, kept.custom_data.currency) == (10, "EUR")
    assert kept.user_data.em[0].hex == HASH
    encode(kept).decode()  # what is journalled is UTF-8
    assert b"\\u0000" not in encode(kept)
    if name and door in NAMING:
        assert kept.custom_data.other["content_name"] == name
    if door in NAMING and facts.get("name", name) != name and name is not None:
        assert any("content_name" in warning for warning in kept.warnings), kept.warnings


@pytest.mark.parametrize("door", ["capi", "capi_form", "tag"])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("claim", "spoil"),
    [
        ("a long text", lambda e: e["custom_data"].update(html="a" * 9_000)),
        ("NUL", lambda e: e["custom_data"].update(html="a\0")),
        ("a surrogate", lambda e: e["custom_data"].update(html="\udfff")),
        ("a long address", lambda e: e.update(event_source_url=LONG)),
        ("a number of 30 digits", lambda e: e["custom_data"].update(n=10**30)),
        ("-Infinity inside", lambda e: e["custom_data"].update(n=-math.inf, html="NaN, Infinity\0")),
        ("NaN as its value", lambda e: e["custom_data"].update(value=math.nan)),
        ("30 levels", lambda e: e["custom_data"].update(n=json.loads("[" * 30 + "]" * 30))),
        ("no object", lambda e: e.update(event_time="never")),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_neighbours_in_a_batch_are_untouched(
    gateway: Running, door: str, place: int, claim: str, spoil: Callable[[dict[str, Any]], Any]
) -> None:
    gateway.forget()
    ids = [str(next(orders)) for _ in range(3)]
    events = [event(order, {}) for order in ids]
    spoil(events[place])
    if door == "tag":
        reply = gateway.tag(*events)
    elif door == "capi":
        reply = gateway.post(*events)
    else:
        body = f"access_token={KEY}&data={quote(json.dumps(events))}"
        reply = gateway.send("POST", EVENTS, body, content_type="application/x-www-form-urlencoded")
    assert reply.status == 200
    kept = {e.event_id: e for e in gateway.new_events()}
    for order in ids[:place] + ids[place + 1 :]:
        assert kept[order].warnings == ()
        assert kept[order].custom_data.value == 10
    lives = claim in (
        "a long text",
        "NUL",
        "a surrogate",
        "a long address",
        "a number of 30 digits",
        "-Infinity inside",
    )
    assert (ids[place] in kept) == lives
    assert [row["index"] for row in gateway.new_refused()] == ([] if lives else [place])
    if lives:
        assert kept[ids[place]].warnings
        assert any(f"[{place}]" in message for message in reply.json["messages"])


@pytest.mark.parametrize("door", ["capi", "tag"])
def test_ids_are_never_cut_to_one(gateway: Running, door: str) -> None:
    """Two ids that begin alike stay two, the same id at both doors stays one."""
    gateway.forget()
    for end in ("1", "2"):
        for given in (event("i" * 9_000 + end, {}), event("i" * 300 + end, {}), event("i\x07" + end, {})):
            given["custom_data"].pop("order_id")
            assert (gateway.post(given) if door == "capi" else gateway.tag(given)).status == 200
    ids = [e.event_id for e in gateway.new_events()]
    assert len(set(ids)) == 6
    assert all(len(i) <= 256 and i.isprintable() for i in ids)
    assert ids[0] == stand_in("i" * 9_000 + "1")


def test_a_broken_match_key_names_nobody(gateway: Running) -> None:
    """Half of a value is another person's: it is left out, and what was cut off at its end is taken off."""
    gateway.forget()
    people = {"fn": "Ma\udc00ry", "ln": "Roe\ud83d", "ct": "x" * 9_000, "em": EMAIL, "external_id": "a\0b"}
    reply = gateway.post(purchase(user_data=people))
    kept = gateway.new_event().user_data
    assert (kept.fn, kept.ct, kept.external_id) == ((), (), ())
    assert kept.ln[0].hex == hashlib.sha256(b"roe").hexdigest()
    assert kept.em[0].hex == HASH
    for name in ("fn", "ln", "ct", "external_id"):
        assert any(f"user_data.{name}" in message for message in reply.json["messages"])


_SPOILT = {"NUL": "Ma\0ry", "a surrogate": "Ma\udc00ry", "9,000 characters": "x" * 9_000, "a long number": 10**30}
_FIRST_NAMES: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "shopify": lambda order, name: _with(shopify_order(order, {}), "customer", first_name=name, note=name),
    "woocommerce": lambda order, name: _with(woocommerce_order(order, {}), "billing", first_name=name, company=name),
    "own": lambda order, name: _with(own_order(order, {}), "customer", first_name=name),
    "stripe": lambda order, name: _with(stripe_event(order, {})["data"]["object"], "customer_details", name=name),
}


def _with(body: dict[str, Any], part: str, **changes: Any) -> dict[str, Any]:
    return body | {part: (body.get(part) or {}) | changes}


@pytest.mark.parametrize("source", _FIRST_NAMES)
@pytest.mark.parametrize("spoilt", _SPOILT)
def test_a_broken_text_of_a_shop_costs_nothing_beside_it(gateway: Running, source: str, spoilt: str) -> None:
    """The name is left out, as part of it would be another person's; the e-mail beside it is the buyer's."""
    gateway.forget()
    order = str(next(orders))
    body = _FIRST_NAMES[source](order, _SPOILT[spoilt])
    if source == "stripe":
        body = {**stripe_event(order, {}), "data": {"object": body}}
    assert signed(gateway, source, body, "orders/create" if source == "shopify" else "order.updated").status == 200
    kept = gateway.new_event().user_data
    assert [email.hex for email in kept.em] == [HASH]
    assert kept.fn == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("door", ["capi", "tag", "shopify", "woocommerce", "own", "stripe"])
def test_a_body_in_wide_characters_is_read(gateway: Running, door: str, encoding: str) -> None:
    """What Windows PowerShell writes into a file."""
    gateway.forget()
    order = str(next(orders))
    assert DOORS[door](gateway, order, {"encoding": encoding, "name": "Größe"}).status == 200
    assert [email.hex for email in gateway.new_event().user_data.em] == [HASH]


@pytest.mark.parametrize("door", BROWSERS)
def test_a_query_in_latin_1_is_read(gateway: Running, door: str) -> None:
    """An image tag of a Latin-1 page: %F6 is ö, and the sale counts."""
    gateway.forget()
    if door == "tag":
        tag(gateway, str(next(orders)), {"name": "Größe", "encoding": "latin-1"})
    else:
        fields = f"id={DATASET}&ev=Purchase&cd[content_name]=Gr%F6%DFe&cd[value]=10&cd[currency]=EUR"
        if door == "tr_get":
            gateway.send("GET", f"/tr/?{fields}")
        else:
            gateway.send("POST", "/tr/", fields.encode(), content_type="application/x-www-form-urlencoded")
    kept = gateway.new_event()
    assert kept.custom_data.other["content_name"] == "Größe"
    assert "bytes that are no UTF-8 were read as Windows-1252" in kept.warnings or door == "tag"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Gr\xf6\xdfe", "Größe"),
        ("Größe".encode(), "Größe"),
        (b"\x80 5", "€ 5"),
        (b"caf\xe9 ", "café "),
        (b"caf\xe9", "café"),
        (b"x\xf0\x9f\x98", "x\ufffd"),  # an emoji of which a byte was cut off
        (b"\xed\xa0\xbd\xed\xb8\x80", "\ufffd\ufffd"),  # surrogates in bytes of their own
        ("ö".encode() + b"\xf6", "öö"),
    ],
)
def test_bytes_that_are_no_utf8(data: bytes, text: str) -> None:
    assert read_bytes(data) == text


@pytest.mark.parametrize(
    ("body", "mended"),
    [
        (rb'{"a":"\ud83d\ude00"}', rb'{"a":"\ud83d\ude00"}'),
        (rb'{"a":"\ud83d"}', rb'{"a":"\ufffd"}'),
        (rb'{"a":"\ud83d\ud83d\ude00"}', rb'{"a":"\ufffd\ud83d\ude00"}'),
        (rb'{"a":"\\ud83d"}', rb'{"a":"\\ud83d"}'),
        (b'{"a":"x\ny"}', rb'{"a":"x\u000ay"}'),
        (b'\xef\xbb\xbf{"a":1}', b'{"a":1}'),
        (b'{"a":1}\0', b'{"a":1}'),
        (b'{"a":NaN,"b":[-Infinity,"NaN \\" Infinity"]}', b'{"a":"NaN","b":["-Infinity","NaN \\" Infinity"]}'),
        *(
            (mark + '{"a":"ö"}'.encode(name), '{"a":"ö"}'.encode())
            for name, marks in (
                ("utf-16-le", (b"", b"\xff\xfe")),
                ("utf-16-be", (b"", b"\xfe\xff")),
                ("utf-32-le", (b"", b"\xff\xfe\0\0")),
                ("utf-32-be", (b"", b"\0\0\xfe\xff")),
            )
            for mark in marks
        ),
    ],
)
def test_json_with_broken_texts(body: bytes, mended: bytes) -> None:
    assert mend_json(body) == mended


def test_a_token_is_compared_as_it_is(gateway: Running) -> None:
    assert Mender().text("access_token", KEY + "\0") == KEY + "\0"
    assert gateway.post(purchase(), key=KEY + "\0").status == 401


def test_an_address_keeps_its_beginning(gateway: Running) -> None:
    gateway.forget()
    reply = gateway.tag(event(str(next(orders)), {"url": LONG}))
    assert reply.status == 200
    kept = gateway.new_event()
    assert kept.event_source_url == LONG[:4_096]
    assert any("event_source_url" in warning for warning in kept.warnings)
