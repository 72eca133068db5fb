"""Contact data where it does not belong: what is taken out of addresses, custom properties and refused bodies."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import CONTACTS, any_text, emails, json_values, law
from twofold.event.scrub import MASK, mask_body, scrub_custom, scrub_url

URLS = [
    # nothing to take out
    ("https://shop.example/", "https://shop.example/"),
    ("https://shop.example/p/1?color=red&size=4", "https://shop.example/p/1?color=red&size=4"),
    ("https://shop.example/?utm_source=mail&utm_campaign=first%20name", "https://shop.example/?utm_source=mail&utm_campaign=first%20name"),
    ("https://shop.example/?fbclid=IwAR0-Name_x", "https://shop.example/?fbclid=IwAR0-Name_x"),
    ("https://shop.example/thanks.AQICAQMC", "https://shop.example/thanks.AQICAQMC"),
    ("https://shop.example/caf%C3%A9", "https://shop.example/caf%C3%A9"),
    ("", ""),
    # addresses, plain and encoded
    ("https://shop.example/?q=jane@shop.example", "https://shop.example/?q=masked"),
    ("https://shop.example/?q=jane%40shop.example&a=1", "https://shop.example/?q=masked&a=1"),
    ("https://shop.example/?next=https%3A%2F%2Fx%2F%3Fe%3Djane%2540shop.example", "https://shop.example/?next=masked"),
    ("https://shop.example/?utm_content=jane@shop.example", "https://shop.example/?utm_content=masked"),
    ("https://shop.example/?jane@shop.example", "https://shop.example/?masked"),
    ("https://shop.example/?jane%40shop.example=1", "https://shop.example/?masked"),
    ("https://shop.example/u/jane@shop.example/orders", "https://shop.example/u/masked/orders"),
    ("https://shop.example/u/jane%40shop.example/orders", "https://shop.example/masked"),
    ("mailto:jane@shop.example", "mailto:masked"),
    # keys that name contact data
    ("https://shop.example/?email=x", "https://shop.example/?email=masked"),
    ("https://shop.example/?EMAIL=x&b=2", "https://shop.example/?EMAIL=masked&b=2"),
    ("https://shop.example/?customer%5Bphone%5D=650", "https://shop.example/?customer%5Bphone%5D=masked"),
    ("https://shop.example/?billing_first_name=Mary&zip=94025", "https://shop.example/?billing_first_name=masked&zip=masked"),
    ("https://shop.example/?userEmail=x&token=s3cr3t", "https://shop.example/?userEmail=masked&token=masked"),
    ("https://shop.example/?telephone_mode=on&telephone=650", "https://shop.example/?telephone_mode=on&telephone=masked"),
    ("https://shop.example/?hotel=9&card_id=1", "https://shop.example/?hotel=9&card_id=masked"),
    ("https://shop.example/?email=", "https://shop.example/?email="),
    # fragment and credentials
    ("https://shop.example/#email=jane", "https://shop.example/"),
    ("https://jane:secret@shop.example/a", "https://shop.example/a"),
    ("https://[bad?e=a@b.example", "masked"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_addresses_of_pages(url, expected):
    """The page's address without what a person is known by; the rest, click id and campaign included, stays."""
    clean, scrubbed = scrub_url(url)
    assert clean == expected
    assert scrubbed == (clean != url and not url.endswith("#email=jane"))


def test_a_long_address_is_cut():
    """4,096 characters are kept, whether or not there was something to take out."""
    assert len(scrub_url("https://shop.example/" + "a" * 9000)[0]) == 4096
    assert len(scrub_url("https://shop.example/" + "a" * 9000 + "?email=x")[0]) == 4096


CUSTOM = [
    ({"color": "red"}, {"color": "red"}, False),
    ({"content_name": "Mary's mug", "content_category": "gifts"}, {"content_name": "Mary's mug", "content_category": "gifts"}, False),
    ({"size": 4, "price": Decimal("4.50"), "gift": True, "x": None}, {"size": 4, "price": Decimal("4.50"), "gift": True, "x": None}, False),
    ({"note": "write to jane@shop.example soon"}, {"note": "write to masked soon"}, True),
    ({"note": "jane%40shop.example"}, {"note": MASK}, True),
    ({"a": {"b": ["jane@shop.example", "ok"]}}, {"a": {"b": [MASK, "ok"]}}, True),
    ({"email": "x"}, {"email": MASK}, True),
    ({"customer_phone": 6505551212}, {"customer_phone": MASK}, True),
    ({"phones": ["650", "651"]}, {"phones": [MASK, MASK]}, True),
    ({"firstName": "Mary"}, {"firstName": MASK}, True),
    ({"shipping": {"street": "Main 1", "zip": 94025, "method": "post"}}, {"shipping": {"street": MASK, "zip": MASK, "method": "post"}}, True),
    ({"email": ""}, {"email": MASK}, False),
    ({"jane@shop.example": 1}, {MASK: 1}, True),
    ({"handle": "@shop"}, {"handle": "@shop"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected", "hit"), CUSTOM)
def test_custom_properties(value, expected, hit):
    """E-mail addresses anywhere, and values under keys that name contact data, are masked; goods keep their names."""
    assert scrub_custom(value) == (expected, hit)


BODIES = [
    (b'{"data":[{"event_name":"Purchase"}]}', '{"data":[{"event_name":"Purchase"}]}'),
    (b'{"user_data":{"em":"jane@shop.example"}}', '{"user_data":{"em":"xxxx@xxxx.xxxxxxx"}}'),
    (b'{"ph":"+1 (650) 555-1212"}', '{"ph":"+9 (999) 999_9999"}'),
    ('{"fn":"Zoë O\'Neil"}'.encode(), '{"fn":"xxx x\'xxxx"}'),
    (b"id=1&ud[em]=jane%40shop.example", "id=9&ud[em]=xxxx%99xxxx.xxxxxxx"),
    (b'{"jane":1', '{"xxxx":9'),
    (b'{"currency":"EUR","value":42.5}', '{"currency":"xxx","value":99.9}'),
    (b"\xff\xfe", "\ufffd\ufffd"),
    (b"", ""),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_refused_bodies(body, expected):
    """Only Meta's and our own words can be read; letters are x, digits 9, and the shape stays."""
    assert mask_body(body) == expected


def test_a_refused_body_is_cut():
    """At most 8,192 bytes are kept."""
    assert len(mask_body(b"!" * 10_000)) == 8192


# -- laws


@law
@given(
    address=emails(),
    before=any_text(10),
    name=st.sampled_from(["q", "utm_source", "fbclid", "e", "next[0]"]),
    times=st.integers(0, 2),
)
def test_no_address_stays_in_a_url(address, before, name, times):
    """In path, query name, query value or fragment, plain or encoded once or twice, an address is gone."""
    written = address
    for _ in range(times):
        written = quote(written, safe="")
    for url in (
        f"https://shop.example/{quote(before)}?{name}={written}",
        f"https://shop.example/{written}?{name}={quote(before)}",
        f"https://shop.example/?{written}={quote(before)}&{name}=1",
        f"https://shop.example/?{name}=1#{written}",
    ):
        clean = scrub_url(url)[0]
        assert written not in clean
        assert address.partition("@")[0] not in clean


@law
@given(address=emails(), value=json_values(), key=st.sampled_from(["note", "email", "x"]))
def test_no_address_stays_in_a_custom_property(address, value, key):
    """Wherever an address stands, as value, inside a text, or as a key, it is gone; and what is clean stays as it is."""
    clean, hit = scrub_custom({key: [address, {"deep": f"to <{address}>, thanks"}], address: value})
    assert address not in json.dumps(clean, default=str)
    assert hit
    assert scrub_custom(clean)[0] == clean


@law
@given(data=st.data(), field=st.sampled_from(sorted(CONTACTS)), around=any_text(20), event=json_values())
def test_no_contact_value_stays_in_a_masked_body(data, field, around, event):
    """Whatever surrounds a contact value, no word of it can be read in the masked text."""
    value = data.draw(CONTACTS[field])
    body = json.dumps({"user_data": {field: value}, "x": around, "y": event}, ensure_ascii=False, default=str)
    masked = mask_body(body.encode())
    assert value not in masked
    assert not any(word in masked for word in value.replace("@", " ").replace(".", " ").split() if word != "example")


@law
@given(body=st.binary(max_size=200))
def test_masking_twice_is_masking_once(body):
    """The mask is stable, so a row that is read and kept again does not change."""
    once = mask_body(body)
    assert mask_body(once.encode()) == once
