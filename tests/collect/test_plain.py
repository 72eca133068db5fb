"""The quick reading of common requests against the ordinary one: it may only be quicker."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from running_gateway import DATASET, EMAIL, NOW_MS, NOW_S

from tests.strategies import law_of
from twofold.collect.doors.decode import read_envelope, read_plain
from twofold.collect.steps.draft import Origin, raw_event
from twofold.collect.steps.pipeline import run
from twofold.event.json import read_json
from twofold.event.model import Channel, Event, Tier, encode
from twofold.event.refusal import Refusal

ORIGIN = Origin(dataset=DATASET, channel=Channel.SERVER, sender="api", tier=Tier.T2, received_at=NOW_MS)


def seen(item: Any) -> Any:
    """What becomes of one event: its journal body (made ids aside) or its refusal."""
    if isinstance(item, Refusal):
        return item.reason
    raw, unknown = raw_event(item) if isinstance(item, dict) else (item, ())
    result = run(raw, ORIGIN)
    if isinstance(result, Refusal):
        return (result.reason, result.path, result.expected, result.got)
    assert isinstance(result, Event)
    if not result.id_given:
        result.event_id = "made, and another each time"
    return encode(result), tuple(unknown)


def agree(body: bytes) -> bool:
    """True when the quick reading took the body; fails when the ordinary one makes something else of it."""
    plain = read_plain(body)
    if plain is None:
        return False
    quick = [seen(event) for event in plain.data]
    ordinary = read_envelope(body, "application/json", "")
    assert not isinstance(ordinary, Refusal), ordinary
    assert quick == [seen(item) for item in ordinary.data]
    assert plain.access_token == ordinary.access_token
    assert plain.test_event_code == ordinary.test_event_code
    assert plain.partner_agent == ordinary.partner_agent
    return True


EVENT: dict[str, Any] = {
    "event_name": "Purchase",
    "event_time": NOW_S,
    "event_id": "order-1001",
    "action_source": "website",
    "event_source_url": "https://shop.example/thanks?email=a@b.example#x",
    "user_data": {"em": [EMAIL], "ph": "16505551212", "client_ip_address": "2001:db8::1", "fbp": "fb.1.2.3"},
    "custom_data": {
        "value": 42.5,
        "currency": "eur",
        "order_id": "1001",
        "content_ids": ["a"],
        "contents": [{"id": "sku", "quantity": 2, "item_price": 21.25}],
    },
}


def test_an_ordinary_purchase_is_read_quickly() -> None:
    """Else the quick way is never taken and proves nothing."""
    assert agree(json.dumps({"data": [EVENT, EVENT], "access_token": "t", "partner_agent": "p"}).encode())


OWN_NAMES = [
    {"contents": [{"id": "sku", "+": {"note": "jane@example.com"}}]},
    {"+": {"note": "jane@example.com"}},
    {"contents": [{"id": "sku", "other": {"note": "jane@example.com"}}]},
]


@pytest.mark.parametrize("custom", OWN_NAMES)
def test_no_name_of_ours_lets_anything_by(custom: dict[str, Any]) -> None:
    """The journal writes custom properties under a name of its own: a sender's use of it is a property like others."""
    text = json.dumps(EVENT | {"custom_data": EVENT["custom_data"] | custom})
    quick = read_plain(f'{{"data": [{text}]}}'.encode())
    for item in (read_json(text), *(quick.data if quick else ())):
        kept = seen(item)
        assert b"masked" in kept[0]
        assert b"jane@" not in kept[0]


# Numbers as a sender may write them, sound and odd.
NUMBERS = [
    "0", "-0", "0.0", "-0.0", "1", "-1", "1.5", "1e2", "1E-2", "1e400", "1e-400", "1e15", "999999999999999.99", "1e16",
    "12345678901234567890", "123456789012345678901", "0.12345678901234567890123", "1.0000000000000000000000",
    "19.999999999999999999", '"1"', '"1.50"', '" 1.5 "', '"1_000"', '"1e3"', '"NaN"', '"sNaN"', '"Infinity"', '"-1"',
    '"1,5"', '"١"', '""', "true", "null", "[]", '"' + "1" * 50 + '"', "NaN",
]  # fmt: skip
TEXTS = [
    '""', '" "', '"a"', '"a@b.example"', '"\\u0000"', '"\\ud83d\\ude00"', '"x\\":y"', '"' + "x" * 256 + '"',
    '"' + "x" * 257 + '"', '"' + "x" * 8193 + '"', "5", "null", "true", "[]", '"eur"', '"EURO"', '"€€€"', '" EUR "', '"ab1"',
    '"1790000000"', '"' + "a" * 40 + '"', '"website"', '"Purchase"', '{"a":1}', '[""]', '["a","a"]', '[{"id":"x"}]',
    '[{"id":5}]', '[{"id":""}]', '[{"id":"a@b.example","quantity":"2"}]', '[{"id":"x","other":1}]', '[null]',
    '[{"id":"x","quantity":1.0,"item_price":null}]', '[{"id":"x","quantity":123456789012345678901}]',
    '[{"id":"x","item_price":"NaN"}]', '[{"id":"x","item_price":-1}]', '[{"id":"x","item_price":1e-30}]',
    '[{"id":"' + "i" * 300 + '"}]', '[{"id":"x","+":{"note":"a@b.example"}}]', '{"note":"a@b.example"}',
]  # fmt: skip
PLACES = [
    "event_name", "event_time", "event_id", "action_source", "event_source_url", "referrer_url", "opt_out",
    "data_processing_options", "data_processing_options_country", "messaging_channel", "customer_segmentation",
    "consent", "app_data", "unknown", "user_data.em", "user_data.ph", "user_data.fbc", "user_data.fbp",
    "user_data.client_ip_address", "user_data.external_id", "user_data.zp", "user_data.lead_id", "user_data.unknown",
    "custom_data.value", "custom_data.currency", "custom_data.order_id", "custom_data.content_type",
    "custom_data.content_ids", "custom_data.contents", "custom_data.num_items", "custom_data.other", "custom_data.note", "custom_data.+",
    "user_data", "custom_data",
]  # fmt: skip


def placed(changes: dict[str, str], spaced: bool = False) -> bytes:
    """The event with JSON texts put at places, as a request."""
    tree: dict[str, Any] = json.loads(json.dumps(EVENT))
    texts = {}
    for n, (place, text) in enumerate(changes.items()):
        *above, name = place.split(".")
        part: Any = tree
        for key in above:
            part = part[key] if isinstance(part.get(key), dict) else part.setdefault(f"{key}_", {})
        part[name] = f"<{n}>"
        texts[f'"<{n}>"'] = text
    body = json.dumps({"data": [tree]}, separators=(", ", ": ") if spaced else (",", ":"), ensure_ascii=False)
    for mark, text in texts.items():
        body = body.replace(mark, text)
    return body.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("texts", [NUMBERS, TEXTS], ids=["numbers", "texts"])
def test_every_odd_value_at_every_place(texts: list[str], place: str) -> None:
    """Whatever stands where, both ways make the same event, or the same refusal."""
    for text in texts:
        agree(placed({place: text}))


SCALARS = st.sampled_from(NUMBERS + TEXTS) | st.text(max_size=30).map(json.dumps) | st.integers().map(str)


@law_of(300)
@given(st.dictionaries(st.sampled_from(PLACES), SCALARS, max_size=4), st.booleans())
@example({"custom_data.value": '"NaN"'}, False)
@example({"custom_data.contents": '[{"id":"x","item_price":"sNaN"}]'}, False)
def test_any_mixture(changes: dict[str, str], spaced: bool) -> None:
    """The same for several at once, with and without white space."""
    agree(placed(changes, spaced))


TOPS = [
    b'{"data":[%b],"data":[]}',
    b'{"data":[%b],"access_token":"a","access_token":"b"}',
    b'{"data":[%b],"test_event_code":null}',
    b'{"data":[%b],"partner_agent":5}',
    b'{"data":[%b],"access_token":"' + b"k" * 9000 + b'"}',
    b'{"data":[%b,%b]}',
    b'{"data" :[%b]}',
    b'{"data":[%b],"id":"1"}',
    b'{"data":[%b],"access_token":"a\\u0000"}',
    b' {"data":[%b]} ',
    b'{"data":[%b]}{}',
]


@pytest.mark.parametrize("top", TOPS)
def test_odd_envelopes(top: bytes) -> None:
    """Repeated keys, odd types and long texts outside the events are judged alike, or left to the ordinary way."""
    body = top.replace(b"%b", msgspec.json.encode(EVENT))
    plain = read_plain(body)
    if plain is not None:
        assert agree(body)
