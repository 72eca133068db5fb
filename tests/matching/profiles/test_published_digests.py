"""Each digest that a platform's page prints, or that follows from the normal form it prints, made of the value as a shop sends it.

The digests were checked with a plain SHA-256 of the text beside them. X's page prints its digest beside an address that was renamed
since; the digest is of the older one. Meta's own stand in `test_normal_forms`.
"""

from __future__ import annotations

import hashlib

import pytest

from twofold.destinations import BY_PLATFORM
from twofold.destinations.parts import hexes
from twofold.event.model import Channel, CustomData, Event, Tier
from twofold.matching.other_forms import other_forms, wanted_forms
from twofold.matching.user_data import hash_user_data

# platform, our field, as a shop sends it, the text that is hashed, its digest
DIGESTS = [
    ("snap", "em", " Person@Example.com ", "person@example.com", "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"),
    ("snap", "ph", "+44 844 412 4653", "448444124653", "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"),
    ("snap", "fn", "John", "john", "96d9632f363564cc3032521409cf22a852f2032eec099ed5967c0d000cec607a"),
    ("snap", "fn", "Raphaël", "raphaël", "e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7"),
    # The same name with its mark as a letter of its own, as macOS writes it.
    ("snap", "fn", "Raphae\u0308l", "raphaël", "e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7"),
    ("reddit", "em", "Al.ice$+Apple@Example.Com", "alice@example.com", "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"),
    ("x", "ph", "+1 123 456 7890", "+11234567890", "1fa6b8d986d9b9cd01bf36951815158bbde9f520c0567c835dfe34783d0a4231"),
    ("x", "em", "test@twitter.com", "test@twitter.com", "d360d510a224510f373931ce2d6215a799f5a9c1cef221b0149b6b6b50cced62"),
    ("google_ads", "em", "cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com",
     "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"),
    ("google_ads", "em", "user.name+NYC@Example.com", "user.name+nyc@example.com",
     "f109a2a632fbcea5fc82049f50beed3d8621bf9034399f437fb622222acccdac"),
    ("ga4", "em", "cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com",
     "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "field", "given", "text", "digest"), DIGESTS)
def test_a_published_digest(platform: str, field: str, given: str, text: str, digest: str) -> None:
    """The first that leaves for this platform, through the edge under the rules that it asks for."""
    rules = BY_PLATFORM[platform].identifiers[field]
    made = hash_user_data({field: given})
    assert isinstance(made, tuple)
    event = Event(
        dataset="1", event_name="Lead", event_id="e", event_time=1, received_at=1, channel=Channel.SERVER, sender="s", tier=Tier.T2,
        user_data=made[0], forms=other_forms({field: given}, wanted_forms(rules)), custom_data=CustomData(),
    )  # fmt: skip
    assert hexes(event, field, rules)[0] == digest
    assert hashlib.sha256(text.encode()).hexdigest() == digest
