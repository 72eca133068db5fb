"""Hashes under other platforms' rules: made at the edge, apart from Meta's, united, and taken away with the rest of a person."""

from __future__ import annotations

import hashlib

import pytest

from twofold.event.model import Channel, CustomData, Event, Hashed, Tier, UserData, decode_event, encode
from twofold.matching.other_forms import NO_FORMS, other_forms, wanted_forms
from twofold.matching.user_data import forget_known, known_values
from twofold.privacy.redact import RetainedPart, without_part, without_person
from twofold.store.fold import unite


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


RULES = wanted_forms(["google.em", "reddit.em", "microsoft.em", "e164", "meta", "sent"])

# What stands in user_data, and the texts whose hashes each rule makes of it.
ROWS = [
    (
        {"em": "Al.ice$+Apple@Example.Com"},
        {
            "google.em": "al.ice$+apple@example.com",
            "reddit.em": "alice@example.com",
            "microsoft.em": "alice$@example.com",
        },
    ),
    ({"em": "J.D+x@gmail.com"}, dict.fromkeys(("google.em", "reddit.em", "microsoft.em"), "jd@gmail.com")),
    ({"ph": "+44 844 412 4653"}, {"e164": "+448444124653"}),
    ({"ph": "0555 00 00 07", "country": "ge"}, {"e164": "+995555000007"}),
    ({"phone": ["+1 650 555 1212"]}, {"e164": "+16505551212"}),
    ({"em": "no address"}, {}),
    ({"em": sha("mara@example.com"), "ph": sha("16505551212")}, {}),
    ({"em": "a@" + "f" * 64}, {}),
    ({"external_id": "c-1", "fn": "Mara"}, {}),
]


@pytest.mark.parametrize(("given", "texts"), ROWS)
def test_what_each_rule_makes(given, texts):
    """The published forms; nothing of what cannot be read, and nothing of what came hashed."""
    assert set(other_forms(given, RULES)) == {Hashed(rule, sha(text)) for rule, text in texts.items()}


def test_a_name_is_forgotten_with_the_others():
    """Names repeat, so their hashes are kept for a while: bounded, and gone when plain values are to be forgotten."""
    rules = wanted_forms(["pinterest.fn", "tiktok.ln", "google.em", "e164"])
    forget_known()
    person = {"fn": "Ana María", "ln": "Zzyzx son", "em": "quentin@example.com", "ph": "+16505550188"}
    first = other_forms(person, rules)
    assert first == other_forms(person, rules)
    assert {h.rule: h.hex for h in first} == {
        "pinterest.fn": sha("anamaría"), "tiktok.ln": sha("zzyzxson"), "google.em": sha("quentin@example.com"),
        "e164": sha("+16505550188"),
    }  # fmt: skip
    assert known_values() == 2, "an address or a number points to one person and is never kept"
    for n in range(9_000):
        other_forms({"fn": f"name{n}"}, rules)
    assert known_values() <= 8_192
    forget_known()
    assert known_values() == 0


def test_nothing_is_made_where_nobody_asks():
    """With Meta alone there is nothing to make, and an event is the same bytes as ever."""
    assert wanted_forms(["meta", "sent"]) == NO_FORMS
    event = of(forms=())
    assert b"forms" not in encode(event)


def test_a_rule_that_nobody_knows_is_a_mistake():
    with pytest.raises(KeyError):
        wanted_forms(["nobody.em"])


def of(**changes) -> Event:
    fields = {
        "dataset": "1", "event_name": "Purchase", "event_id": "p", "event_time": 1_790_000_000, "received_at": 1_790_000_000_000,
        "channel": Channel.SERVER, "sender": "test", "tier": Tier.T2, "user_data": UserData(), "custom_data": CustomData(),
    }  # fmt: skip
    return Event(**fields | changes)


ONE, TWO = Hashed("e164", "1" * 64), Hashed("google.em", "2" * 64)


def test_copies_are_united_with_all_their_forms():
    """Each once, whichever copy has it, and also where only one of them has any."""
    found = unite([of(forms=(ONE,)), of(forms=(ONE, TWO), received_at=1_790_000_000_001)])
    assert set(found.forms) == {ONE, TWO}
    assert unite([of(), of(forms=(TWO,))]).forms == (TWO,)
    assert decode_event(encode(found)).forms == found.forms


def test_they_go_with_the_person():
    """Erasure and the end of the time for contact data leave none behind."""
    event = of(forms=(ONE, TWO))
    assert without_person(event, str).forms == ()
    assert without_part(event, RetainedPart.CONTACT).forms == ()
