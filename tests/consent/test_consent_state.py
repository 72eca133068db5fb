"""Consent: how it is read in every form, how copies add up, and what may then be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_text, json_values, law
from twofold.consent.signals import read_statement
from twofold.consent.state import PURPOSES, consent_text, read_consent, strictest, strictest_text, why_not_send
from twofold.destinations import DESTINATIONS
from twofold.event.addressees import Addressees
from twofold.event.model import Channel, Consent, CustomData, Event, Tier, UserData

GRANTED, DENIED, UNSTATED = Consent.GRANTED, Consent.DENIED, Consent.UNSTATED
ADS = ("ad_user_data", "marketing", "personalization")

WORDS = [
    ("granted", GRANTED), ("GRANT", GRANTED), (" yes ", GRANTED), ("true", GRANTED), ("1", GRANTED), (True, GRANTED),
    ("denied", DENIED), ("Revoke", DENIED), ("no", DENIED), ("0", DENIED), (False, DENIED), (0, DENIED),
    ("maybe", DENIED), ("unknown", DENIED), ("granted?", DENIED), ({"ads": "granted"}, DENIED), ([], DENIED),
    (None, UNSTATED), ("", UNSTATED),
]  # fmt: skip


@pytest.mark.parametrize(("word", "expected"), WORDS)
def test_how_a_word_is_read(word, expected):
    """What is stated but not understood counts as denied; only silence is unstated."""
    assert read_consent(word) is expected


# The TC string with purposes 1, 2 and 3, and one with 1 to 10 written by hand in test_tcf.
TCF_123 = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"

STATEMENTS = [
    # what is written, state, granted, denied
    (None, UNSTATED, (), ()),
    ({}, UNSTATED, (), ()),
    ("granted", GRANTED, (), ()),
    ({"state": "denied"}, DENIED, (), ()),
    ({"marketing": True}, UNSTATED, ADS, ()),
    ({"marketing": "denied", "analytics": "granted"}, UNSTATED, ("analytics",), ADS),
    ({"marketing": "granted", "personalization": "denied"}, UNSTATED, ("ad_user_data", "marketing"), ("personalization",)),
    ({"necessary": True, "statistics": False, "marketing": True}, UNSTATED, ADS, ("analytics",)),
    ({"ads": "granted"}, UNSTATED, ADS, ()),
    ({"marketing": "maybe"}, UNSTATED, (), ADS),
    # not known: what refuses, or cannot be read, refuses all; what grants, grants nothing
    ({"telepathy": False}, DENIED, (), ()),
    ({"telepathy": {"a": 1}}, DENIED, (), ()),
    ({"telepathy": True}, UNSTATED, (), ()),
    # a platform by its name: a no is a no to it alone, a yes grants nothing, what cannot be read denies advertising
    ({"platforms": {"tiktok": False, "Meta": "granted"}}, UNSTATED, (), ("platform:tiktok",)),
    ({"marketing": True, "platforms": {"ga4": "denied"}}, UNSTATED, ADS, ("platform:ga4",)),
    ({"platforms": {"x": "maybe"}}, UNSTATED, (), ("platform:x",)),
    ({"platforms": {"google": False}}, UNSTATED, (), ("platform:ga4", "platform:google_ads")),
    ({"platforms": {"Facebook": False, "Google Ads": "denied"}}, UNSTATED, (), ("platform:google_ads", "platform:meta")),
    ({"platforms": {"Facebook Custom Audiences": False, "bing": True}}, UNSTATED, (), ("platform:meta",)),
    ({"platforms": {"twitter": 0, "a-vendor": True}}, UNSTATED, (), ADS),
    ({"platforms": {"outbrain": False}}, UNSTATED, (), ("platform:outbrain",)),
    ({"platforms": "none"}, UNSTATED, (), ADS),
    ({"platforms": {"a;b": False}}, UNSTATED, (), ADS),
    # Shopify's customer privacy
    ({"shopify": {"marketingAllowed": True, "analyticsProcessingAllowed": False, "saleOfDataAllowed": False,
                  "preferencesProcessingAllowed": True}}, UNSTATED, ADS, ("analytics", "sale_of_data")),
    ({"shopify": {"marketingAllowed": False}}, UNSTATED, (), ADS),
    ({"shopify": "yes"}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization", "sale_of_data")),
    # Google's consent mode
    ({"google": {"ad_storage": "granted", "ad_user_data": "denied", "ad_personalization": "denied",
                 "analytics_storage": "granted"}}, UNSTATED, ("analytics", "marketing"), ("ad_user_data", "personalization")),
    ({"google": {"ad_storage": "granted", "functionality_storage": "denied"}}, UNSTATED, ADS, ()),
    ({"gcs": "G111"}, UNSTATED, ("ad_user_data", "analytics", "marketing", "personalization"), ()),
    ({"gcs": "G100"}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization")),
    ({"gcs": "G1--"}, UNSTATED, (), ()),
    ({"google": "G101"}, UNSTATED, ("analytics",), ADS),
    ({"google": {"gcd": "11t1t1t1t5"}}, UNSTATED, ("ad_user_data", "analytics", "marketing", "personalization"), ()),
    ({"gcd": "13r3v3n3t5"}, UNSTATED, ("ad_user_data", "analytics", "marketing", "personalization"), ()),
    ({"gcd": "11p1q1m1u5"}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization")),
    ({"gcd": "11t1l1l1l5"}, UNSTATED, ADS, ()),
    ({"gcd": "11t1t1X1t5"}, UNSTATED, ("analytics", "marketing", "personalization"), ("ad_user_data",)),
    ({"gcs": "111"}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization")),
    # IAB strings
    ({"tcf": TCF_123}, UNSTATED, ("marketing",), ("ad_user_data", "analytics", "personalization")),
    ({"tcf": TCF_123[:-6]}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization")),
    ({"tcf": 7}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization")),
    ({"gpp": "DBABTA~1YNN"}, UNSTATED, ("sale_of_data",), ()),
    ({"gpp": "DBABTA~1YYN"}, UNSTATED, (), ("sale_of_data",)),
    ({"gpp": "broken"}, UNSTATED, (), ("ad_user_data", "analytics", "marketing", "personalization", "sale_of_data")),
    ({"us_privacy": "1YNN"}, UNSTATED, ("sale_of_data",), ()),
    ({"us_privacy": "1---"}, UNSTATED, (), ()),
    ({"us_privacy": "yes"}, UNSTATED, (), ("personalization", "sale_of_data")),
    ({"gpc": True}, UNSTATED, (), ("personalization", "sale_of_data")),
    ({"gpc": "1"}, UNSTATED, (), ("personalization", "sale_of_data")),
    ({"gpc": "perhaps"}, UNSTATED, (), ("personalization", "sale_of_data")),
    ({"gpc": False}, UNSTATED, (), ()),
    # several at once: the strictest
    ({"marketing": True, "google": {"ad_user_data": "denied"}}, UNSTATED, ("marketing", "personalization"), ("ad_user_data",)),
    ({"marketing": True, "gpc": "1"}, UNSTATED, ("ad_user_data", "marketing"), ("personalization", "sale_of_data")),
    ({"gcs": "G111", "tcf": TCF_123}, UNSTATED, ("marketing",), ("ad_user_data", "analytics", "personalization")),
]  # fmt: skip
NAMES = Addressees({d.platform: d.called for d in DESTINATIONS})


@pytest.mark.parametrize(("value", "state", "granted", "denied"), STATEMENTS, ids=range(len(STATEMENTS)))
def test_what_a_copy_says(value, state, granted, denied):
    """Purposes in our words, whatever the sender's; the strictest of several statements."""
    found = read_statement(value, names=NAMES)
    assert (found.state, found.granted, found.denied) == (state, granted, denied)


def test_the_browsers_header_denies_by_itself():
    """Sec-GPC needs no word of the page; it denies the sale and profiling, not the sending."""
    assert read_statement(None, gpc=True).denied == ("personalization", "sale_of_data")
    assert read_statement("granted", gpc=True).state is GRANTED


def test_a_note_never_repeats_what_was_written():
    """The reason is told to the sender; the value, which may be anything, is not."""
    (note,) = read_statement({"tcf": "jane@shop.example"}).notes
    assert "jane" not in note
    assert "consent.tcf" in note


@law
@given(value=json_values())
def test_nothing_that_is_not_written_is_granted(value):
    """No value outside the known words grants anything, and none raises."""
    found = read_statement({"tcf": value, "gpp": value, "google": value, "shopify": value, "us_privacy": value})
    assert found.state is not GRANTED
    if not isinstance(value, dict):
        assert "marketing" not in found.granted


@law
@given(text=any_text())
def test_a_broken_string_denies(text):
    assert "marketing" not in read_statement({"tcf": text}).granted


# -- adding up


def copy(state=UNSTATED, granted=(), denied=(), required=False) -> Event:
    return Event(
        dataset="1", event_name="Purchase", event_id="1", event_time=1, received_at=1, channel=Channel.SERVER,
        sender="test", tier=Tier.T2, user_data=UserData(), custom_data=CustomData(), consent=state,
        granted=tuple(granted), denied=tuple(denied), consent_required=required,
    )  # fmt: skip


SETS = st.frozensets(st.sampled_from(PURPOSES))
TEXTS = st.builds(copy, st.sampled_from(Consent), SETS, SETS, st.booleans()).map(consent_text)
NEEDS = st.frozensets(st.sampled_from(PURPOSES), min_size=1).map(sorted)


@law
@given(a=TEXTS, b=TEXTS, c=TEXTS)
def test_copies_add_up_in_any_order(a, b, c):
    """Associative, commutative, idempotent: what an action's consent is does not depend on who came first."""
    assert strictest_text(strictest_text(a, b), c) == strictest_text(a, strictest_text(b, c))
    assert strictest_text(a, b) == strictest_text(b, a)
    assert strictest_text(a, a) == a
    assert strictest_text(a, consent_text(copy())) == a, "a copy that says nothing changes nothing"


@law
@given(a=TEXTS, b=TEXTS, purposes=NEEDS, require=st.booleans())
def test_a_further_copy_never_undoes_a_denial(a, b, purposes, require):
    """Monotone: what was denied stays denied, whatever else comes."""
    before = why_not_send(a, purposes, require)
    if before is not None and before.startswith("consent_denied"):
        assert (why_not_send(strictest_text(a, b), purposes, require) or "").startswith("consent_denied")


@law
@given(a=TEXTS, b=TEXTS, purposes=NEEDS)
def test_a_demand_stays(a, b, purposes):
    """Where one copy says that silence is not enough, only a grant ends it."""
    both = strictest_text(a, b)
    if "!" in a.split(";") and why_not_send(both, purposes, False) is None:
        state, *said = both.split(";")
        assert state == "granted" or {f"+{p}" for p in purposes} <= set(said)


@law
@given(a=TEXTS, purposes=NEEDS)
def test_requiring_is_never_laxer(a, purposes):
    if why_not_send(a, purposes, True) is None:
        assert why_not_send(a, purposes, False) is None


STRICTEST = [
    ([GRANTED], GRANTED),
    ([GRANTED, UNSTATED], GRANTED),
    ([GRANTED, DENIED], DENIED),
    ([UNSTATED, DENIED], DENIED),
    ([], UNSTATED),
]


@pytest.mark.parametrize(("copies", "expected"), STRICTEST)
def test_the_strictest_copy_wins(copies, expected):
    """One denial denies the action; silence beside a grant is a grant."""
    assert strictest(copies) is expected
    assert strictest(reversed(copies)) is expected


SENDING = [
    # consent, purposes the destination needs, required, reason
    ("granted", ["marketing"], True, None),
    ("unstated", ["marketing"], False, None),
    ("unstated", ["marketing"], True, "consent_unstated"),
    ("unstated;!", ["marketing"], False, "consent_unstated"),
    ("granted;!", ["marketing"], False, None),
    ("denied", [], False, "consent_denied"),
    ("unstated;-analytics", ["marketing"], False, None),
    ("unstated;-marketing", ["marketing"], False, "consent_denied:marketing"),
    ("granted;-ad_user_data", ["marketing", "ad_user_data"], False, "consent_denied:ad_user_data"),
    ("granted;-ad_user_data", ["analytics"], True, None),
    ("unstated;+marketing", ["marketing"], True, None),
    ("unstated;+marketing", ["marketing", "ad_user_data"], True, "consent_unstated"),
    ("unstated;+ad_user_data;+marketing;!", ["marketing", "ad_user_data"], True, None),
    ("unstated;-sale_of_data", ["marketing", "ad_user_data"], False, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "purposes", "require", "expected"), SENDING)
def test_what_may_be_sent_to_whom(text, purposes, require, expected):
    """Each destination by the purposes it needs; a denial of another purpose does not concern it."""
    assert why_not_send(text, purposes, require) == expected


@pytest.mark.parametrize(
    ("text", "require", "to_meta", "to_tiktok"),
    [
        ("unstated;-platform:tiktok", False, None, "consent_denied:platform:tiktok"),
        ("granted;-platform:tiktok", True, None, "consent_denied:platform:tiktok"),
        ("unstated;+ad_user_data;+marketing;-platform:tiktok;!", True, None, "consent_denied:platform:tiktok"),
        ("unstated;-platform:tiktok;!", False, "consent_unstated", "consent_denied:platform:tiktok"),
        ("denied;-platform:tiktok", False, "consent_denied", "consent_denied"),
    ],
)
def test_a_no_to_one_platform_concerns_it_alone(text, require, to_meta, to_tiktok):
    """And nobody has to be granted by name: the purposes decide as ever."""
    purposes = ("marketing", "ad_user_data")
    assert why_not_send(text, (*purposes, "platform:meta"), require) == to_meta
    assert why_not_send(text, (*purposes, "platform:tiktok"), require) == to_tiktok
