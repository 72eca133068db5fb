"""Event ids and fold keys: what may be an id, and which copies may ever be one action."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies import any_text, law
from twofold.event.identity import fold_keys, id_key, make_event_id, order_key, read_event_id
from twofold.event.model import Channel, CustomData, Event, Tier, UserData

IDS = [
    ("order-1001", "order-1001"),
    ("a", "a"),
    ("a" * 256, "a" * 256),
    ("🛒-1", "🛒-1"),
    (" x ", " x "),  # exact: Meta compares ids as they are
    (1001, "1001"),
    (0, "0"),
    ("a" * 257, None),
    ("", None),
    (None, None),
    (True, None),
    (1.5, None),
    (["a"], None),
    ({"id": 1}, None),
    ("a\nb", None),
    ("a\x00b", None),
    ("a\u202eb", None),
]


@pytest.mark.parametrize(("given_as", "expected"), IDS)
def test_what_may_be_an_event_id(given_as, expected):
    """1 to 256 printable characters, or a whole number; nothing is trimmed or cut."""
    assert read_event_id(given_as) == expected


def event(**changes) -> Event:
    plain = Event(
        dataset="1", event_name="Purchase", event_id="e1", event_time=1, received_at=1, channel=Channel.SERVER,
        sender="test", tier=Tier.T2, user_data=UserData(), custom_data=CustomData(order_id="1001"),
    )  # fmt: skip
    return replace(plain, **changes)


KEYS = [
    ({}, [id_key("1", "Purchase", "e1"), order_key("1", "Purchase", "1001")]),
    ({"custom_data": CustomData()}, [id_key("1", "Purchase", "e1")]),
    ({"id_given": False}, [order_key("1", "Purchase", "1001")]),
    ({"id_given": False, "custom_data": CustomData()}, []),
    ({"event_name": "AddToCart"}, [id_key("1", "AddToCart", "e1")]),
    ({"links": ("checkout:0",)}, [id_key("1", "Purchase", "e1"), order_key("1", "Purchase", "1001")]),
    ({"dataset": "2"}, [id_key("2", "Purchase", "e1"), order_key("2", "Purchase", "1001")]),
]


@pytest.mark.parametrize(("changes", "expected"), KEYS)
def test_the_keys_a_copy_claims(changes, expected):
    """The id when the sender gave one; the order too, for a Purchase; nothing for an id we made."""
    assert fold_keys(event(**changes)) == expected


parts = st.tuples(any_text(8), any_text(8), any_text(8))


@law
@given(a=parts, b=parts)
def test_keys_are_equal_only_for_equal_parts(a, b):
    """Another dataset, name or id is another key, and an order is never an id; 16 bytes each."""
    if not any("\0" in text for text in (*a, *b)):  # no id, name or dataset can hold one
        assert (id_key(*a) == id_key(*b)) == (a == b)
        assert id_key(*a) != order_key(*b)
    assert len(id_key(*a)) == len(order_key(*a)) == 16


def test_made_ids_are_unique_and_readable():
    """A thousand ids made for copies without one: all different, all valid ids."""
    made = {make_event_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(read_event_id(i) == i for i in made)
