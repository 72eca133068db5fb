"""Consent on its way in: regions that ask first, Limited Data Use, opt_out, and what the browser's header adds."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.collect.policy import ConsentRules, DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.consent.regions import EEA, META_STATES, read_region, spread_regions
from twofold.event.model import Channel, Consent, Event, RawEvent, Tier

NOW_S = 1_790_000_000


NOTHING = ConsentRules()


def event(rules: ConsentRules = NOTHING, country: str = "", gpc: bool = False, **raw: Any) -> Event:
    """One server copy through the real pipeline."""
    origin = Origin(
        dataset="1",
        channel=Channel.SERVER,
        sender="test",
        tier=Tier.T2,
        received_at=NOW_S * 1000,
        policy=DatasetPolicy(id="1", country=country, consent=rules),
        gpc=gpc,
    )
    user = {"client_ip_address": "2001:db8::1", **raw.pop("user_data", {})}
    found = run(
        RawEvent(
            event_name="ViewContent", event_time=NOW_S, event_id="1", action_source="website", user_data=user, **raw
        ),
        origin,
    )
    assert isinstance(found, Event), found
    return found


REGIONS = [
    ("DE", "DE"), ("us-ca", "US-CA"), (" gb ", "GB"), ("UK", "GB"), ("us_tx", "US-TX"), ("Germany", None), ("", None),
    ("D", None), (7, None), (None, None), ("US-CALI", None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), REGIONS)
def test_what_is_a_region(given, expected):
    assert read_region(given) == expected


def test_the_eea_has_thirty_members_and_two_neighbours():
    """The 27 of the Union with Iceland, Liechtenstein and Norway; the United Kingdom and Switzerland ask for the same."""
    assert len(EEA) == 30
    assert spread_regions(("EEA", "br")) == EEA | {"GB", "CH", "BR"}
    assert {"IS", "LI", "NO"} < EEA


REQUIRED = [
    # region, user_data, dataset's country, required
    ("DE", {}, "us", True),
    ("CH", {}, "", True),
    ("US-CA", {}, "de", False),
    (None, {"country": "Germany"}, "us", True),
    (None, {"country": "us"}, "de", False),
    (None, {"country": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}, "us", False),
    (None, {}, "de", True),
    (None, {}, "us", False),
    (None, {}, "", True),  # nobody says where: asked first
    ("somewhere", {}, "us", True),  # said, and not readable
]  # fmt: skip


@pytest.mark.parametrize(("region", "user", "country", "required"), REQUIRED)
def test_where_silence_is_not_enough(region, user, country, required):
    """As declared, else by the address, else the dataset's country; where nobody knows, the strict way."""
    rules = ConsentRules(require_in=spread_regions(("EEA",)))
    assert event(rules, country, region=region, user_data=user).consent_required is required
    assert not event(ConsentRules(), country, region=region, user_data=user).consent_required


def test_the_address_is_not_kept_as_a_region():
    """Only what was declared as a region stands in the event; a country out of contact data does not."""
    assert event(user_data={"country": "de"}).region is None
    assert event(region="de").region == "DE"


CALIFORNIA = ConsentRules(limited_in=frozenset({"US-CA"}))
USA = ConsentRules(limited_in=frozenset({"US"}))
UNCONSENTED = ConsentRules(limited_in=frozenset({"US-CA"}), limited_always=False)
LIMITS = [
    # rules, what is sent, (options, country, state)
    (ConsentRules(), {"region": "US-CA"}, (None, None, None)),
    (CALIFORNIA, {"region": "US-CA"}, (("LDU",), 1, 1000)),
    (CALIFORNIA, {"region": "US-TX"}, (None, None, None)),
    (CALIFORNIA, {"region": "US"}, (("LDU",), 1, 0)),  # some state of them: Meta locates
    (CALIFORNIA, {"region": "DE"}, (None, None, None)),
    (CALIFORNIA, {}, (("LDU",), 0, 0)),
    (CALIFORNIA, {"user_data": {"country": "us", "st": "ca"}}, (("LDU",), 1, 1000)),
    (USA, {"region": "US-TX"}, (("LDU",), 1, 1005)),
    (USA, {"region": "US-NY"}, (("LDU",), 1, 0)),  # no number of its own
    (UNCONSENTED, {"region": "US-CA"}, (("LDU",), 1, 1000)),
    (UNCONSENTED, {"region": "US-CA", "consent": "granted"}, (None, None, None)),
    (UNCONSENTED, {"region": "US-CA", "consent": {"us_privacy": "1YNN"}}, (None, None, None)),
    (UNCONSENTED, {"region": "US-CA", "consent": {"us_privacy": "1YYN"}}, (("LDU",), 1, 1000)),
    (CALIFORNIA, {"region": "US-CA", "consent": "granted"}, (("LDU",), 1, 1000)),
    # whoever denied the sale of their data is limited without any rule
    (ConsentRules(), {"consent": {"gpc": True}}, (("LDU",), 0, 0)),
    (ConsentRules(), {"consent": {"gpp": "DBABTA~1YYN"}, "region": "US-CO"}, (("LDU",), 1, 1001)),
    # what the sender asked for stands
    (CALIFORNIA, {"region": "US-CA", "data_processing_options": ["LDU"], "data_processing_options_country": 1,
                  "data_processing_options_state": 1003}, (("LDU",), 1, 1003)),
    (ConsentRules(), {"data_processing_options": ["LDU"]}, (("LDU",), None, None)),
    (ConsentRules(), {"data_processing_options": []}, ((), None, None)),
    (CALIFORNIA, {"region": "US-CA", "data_processing_options": []}, (("LDU",), 1, 1000)),
    (CALIFORNIA, {"region": "US-CA", "data_processing_options": ["AMO"]}, (("AMO", "LDU"), 1, 1000)),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "raw", "expected"), LIMITS, ids=range(len(LIMITS)))
def test_limited_data_use(rules, raw, expected):
    """Meta's option with its numbers for country and state; added by rule or by denial, never taken away."""
    found = event(rules, **raw)
    assert (
        found.data_processing_options,
        found.data_processing_options_country,
        found.data_processing_options_state,
    ) == expected


def test_the_states_have_metas_numbers():
    """1000 to 1013 in the order of Meta's page, read September 2026."""
    order = ["CA", "CO", "CT", "FL", "OR", "TX", "MT", "DE", "NE", "NH", "NJ", "MN", "MD", "RI"]
    assert {state: 1000 + n for n, state in enumerate(order)} == META_STATES


def test_a_denied_purpose_may_mean_measurement_only():
    """With the setting the event goes with opt_out; without it, nothing is set."""
    denied = {"consent": {"marketing": True, "personalization": False}}
    rules = ConsentRules(opt_out_when_denied=frozenset({"personalization"}))
    assert event(rules, **denied).opt_out is True
    assert event(rules, opt_out=False, **denied).opt_out is True
    assert event(ConsentRules(), **denied).opt_out is None
    assert event(rules, consent={"marketing": True}).opt_out is None


def test_the_browsers_signal_counts_like_a_word():
    found = event(gpc=True)
    assert found.denied == ("personalization", "sale_of_data")
    assert found.data_processing_options == ("LDU",)


def test_a_statement_is_carried_whole():
    """State, purposes and region stand in the event as they were said, with the reason for what was not understood."""
    found = event(consent={"marketing": True, "tcf": "broken"}, region="fr")
    assert (found.consent, found.granted, found.region) == (Consent.UNSTATED, (), "FR")
    assert found.denied == ("ad_user_data", "analytics", "marketing", "personalization")
    assert any("consent.tcf cannot be read" in w for w in found.warnings)
