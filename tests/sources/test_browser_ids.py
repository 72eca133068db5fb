"""What a browser left beside an order is read alike on every source: click ids, cookies, visitor, consent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from every_source import SOURCES, event_of

from twofold.event.click_ids import KNOWN
from twofold.event.model import Consent

SPELLINGS = ("{}", "twofold_{}", "_twofold_{}")
ALL = pytest.mark.parametrize("source", SOURCES)


@ALL
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", sorted(KNOWN))
def test_each_source_keeps_every_known_id(source: str, name: str, spelling: str) -> None:
    """Under its own name, in its own case, with and without our prefix; KNOWN is the table of docs/stitching.md."""
    value = f"Va1ue-of.{name}"
    event = event_of(SOURCES[source]({spelling.format(name): value}))
    assert event.click_ids.get(name) == value


@ALL
@pytest.mark.parametrize("word", ["undefined", "null", "[object Object]", "0", ""])
@pytest.mark.parametrize("name", ["gclid", "_ttp", "yclid"])
def test_no_source_keeps_an_id_that_says_nothing(source: str, name: str, word: str) -> None:
    assert event_of(SOURCES[source]({f"twofold_{name}": word})).click_ids == {}


@ALL
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_source_keeps_metas_cookies_and_the_visitor(source: str, spelling: str) -> None:
    kept = {
        "fbp": "fb.1.1789992155109.1110590605",
        "fbc": "fb.1.1789992155109.IwAR0-Click",
        "visitor": "v-1789.abcdef12",
    }
    event = event_of(SOURCES[source]({spelling.format(name): value for name, value in kept.items()}))
    assert {"fbp": event.user_data.fbp, "fbc": event.user_data.fbc, "visitor": event.visitor} == kept


@ALL
@pytest.mark.parametrize("word", ["undefined", "null", "00000000", "anonymous"])
def test_nobody_is_a_visitor(source: str, word: str) -> None:
    """An id that every browser may have names none."""
    assert event_of(SOURCES[source]({"twofold_visitor": word})).visitor is None


# what was kept -> state, granted, denied
CONSENTS: list[tuple[Any, Consent, set[str], set[str]]] = [
    ("granted", Consent.GRANTED, set(), set()),
    ("denied", Consent.DENIED, set(), set()),
    ("0", Consent.DENIED, set(), set()),
    ("perhaps", Consent.DENIED, set(), set()),
    # Marketing stands for the purposes that belong to it (docs/consent.md).
    (
        json.dumps({"analytics": True, "marketing": True}),
        Consent.UNSTATED,
        {"ad_user_data", "analytics", "marketing", "personalization"},
        set(),
    ),
    (
        {"analytics": True, "marketing": False},
        Consent.UNSTATED,
        {"analytics"},
        {"ad_user_data", "marketing", "personalization"},
    ),
    (json.dumps({"sale_of_data": False}), Consent.UNSTATED, set(), {"sale_of_data"}),
    ("{broken", Consent.DENIED, set(), set()),
]


@ALL
@pytest.mark.parametrize(("said", "state", "granted", "denied"), CONSENTS, ids=[str(row[0]) for row in CONSENTS])
def test_consent_is_read_alike(source: str, said: Any, state: Consent, granted: set[str], denied: set[str]) -> None:
    """A word, an object, or an object as JSON text; what is not understood is a no."""
    event = event_of(SOURCES[source]({"twofold_consent": said}))
    assert (event.consent, set(event.granted), set(event.denied)) == (state, granted, denied)


@pytest.mark.parametrize("source", ["shopify", "woocommerce", "stripe"])
@pytest.mark.parametrize("said", ["I agree to the terms", "on", "2026-09-21"])
def test_a_shops_own_consent_is_about_something_else(source: str, said: str) -> None:
    """Under a bare name only our words count: a shop's terms are no word about advertising."""
    assert event_of(SOURCES[source]({"consent": said})).consent is Consent.UNSTATED
    assert event_of(SOURCES[source]({"consent": "denied"})).consent is Consent.DENIED


@ALL
@pytest.mark.parametrize("word", ["undefined", "null", "0"])
def test_an_event_id_that_says_nothing_is_none(source: str, word: str) -> None:
    """All orders would have it: the id is made as for an order that carries none."""
    event = event_of(SOURCES[source]({"twofold_event_id": word}))
    assert event.event_id.startswith("purchase.")
    assert event.event_id == event_of(SOURCES[source]({})).event_id
