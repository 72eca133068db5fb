"""Contact data in the fields that name an event: taken out without breaking what the field is for."""

from __future__ import annotations

import pytest
from running_gateway import Running, purchase

from twofold.event.model import encode

ADDRESS = "jane.doe@example.com"


def test_an_address_as_event_id_is_not_kept_and_still_folds(gateway: Running) -> None:
    """Two copies under the same id stay copies of one action; the address is in neither row."""
    event = purchase(f"{ADDRESS}-77")
    event["custom_data"].pop("order_id")
    first, second = gateway.post(event), gateway.post(event)
    kept = gateway.new_events()

    assert first.json["events_received"] == second.json["events_received"] == 1
    assert kept[0].event_id == kept[1].event_id
    assert all(ADDRESS.encode() not in encode(e) for e in kept)
    assert "event_id held an e-mail address" in first.json["messages"][0]


@pytest.mark.parametrize("event_id", ["order@shop", "a@b", "@", "x@y z.de"])
def test_an_id_that_is_no_address_is_exact(gateway: Running, event_id: str) -> None:
    """An at sign alone is not an address: the platform compares ids exactly, so they are not touched."""
    gateway.post(purchase(event_id))

    assert gateway.new_event().event_id == event_id


@pytest.mark.parametrize(
    ("name", "kept"),
    [(ADDRESS, "masked"), (f"Asked by {ADDRESS}", "Asked by masked"), ("Call +1 650 555 1212", "Call masked")],
)
def test_an_address_in_an_event_name_is_masked(gateway: Running, name: str, kept: str) -> None:
    """A name is shown everywhere, and an event is worth more than its name."""
    reply = gateway.post(purchase("n-1", event_name=name))

    assert reply.status == 200
    assert ADDRESS not in str(reply.json)
    assert gateway.new_event().event_name == kept


def test_a_test_event_code_is_a_code(gateway: Running) -> None:
    """Anything else is left out and said, and the event stays."""
    reply = gateway.post(purchase("t-1"), test_event_code=ADDRESS)

    assert reply.json["messages"] == ["test_event_code is not a code of Test Events; left out"]
    assert gateway.new_event().test_event_code is None

    gateway.post(purchase("t-2"), test_event_code="TEST12345")

    assert gateway.new_event().test_event_code == "TEST12345"
