"""Who may be told of one message, by the names that two routers' senders write."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.destinations import DESTINATIONS
from twofold.event.addressees import MOST_NAMES, Addressees, is_addressed, is_for_lists, letters_of, said_of_lists

CALLED = {d.platform: d.called for d in DESTINATIONS}
KNOWN = Addressees(CALLED)

# The names of destinations in @segment/action-destinations 3.497.0 and rudderlabs/rudder-integrations-config, and what is not meant.
NAMES: dict[str, tuple[str, ...]] = {
    "meta": ("Facebook Conversions API (Actions)", "Facebook Pixel", "FACEBOOK_PIXEL", "Facebook Conversions", "meta"),
    "ga4": ("Google Analytics 4 Cloud", "Google Analytics", "GA4", "Google Analytics 4 (GA4) V2", "ga4"),
    "google_ads": ("Google Ads Conversions", "Google Ads", "GOOGLEADS", "Google Data Manager", "google_ads"),
    "tiktok": ("Tiktok Conversions", "TikTok Offline Conversions", "TikTok Ads", "TIKTOK_ADS", "tiktok"),
    "pinterest": ("Pinterest Conversions API", "Pinterest Tag"),
    "snap": ("Snap Conversions Api", "Snap Pixel", "Snapchat Conversion", "snap"),
    "reddit": ("Reddit Conversions API", "Reddit Pixel", "Reddit"),
    "linkedin": ("LinkedIn Conversions API", "Linkedin Insight Tag", "LinkedIn Ads"),
    "microsoft": ("Microsoft Bing CAPI (Actions)", "Bing Ads", "BINGADS", "microsoft"),
    "x": ("Twitter Ads", "XPixel", "X"),
    "webhook": ("Webhook", "Webhooks (Actions)", "Extensible Webhook"),
}
OTHERS = (
    "TikTok App Events", "Google Sheets", "Google Tag Manager",
    "SnapEngage", "Microsoft Clarity", "Quora Pixel", "Spotify Pixel", "Mixpanel", "Segment.io",
    "Google Campaign Manager 360", "mara@shop.example",
)  # fmt: skip


@pytest.mark.parametrize(("platform", "name"), [(p, n) for p, names in NAMES.items() for n in names])
def test_a_name_stands_for_its_platform_and_for_no_other(platform: str, name: str) -> None:
    refused = KNOWN.read({name: False})
    only = KNOWN.read({"All": False, name: True})
    for each in NAMES:
        assert is_addressed(refused, each, each) is (each != platform)
        assert is_addressed(only, each, each) is (each == platform)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_none_of_ours_is_forgotten(name: str) -> None:
    """Of a sender's own text nothing is kept; nobody of ours is meant where only such are named."""
    assert KNOWN.read({name: False}) == ()
    assert KNOWN.read({"All": False, name: True}) == ("-*",)


# The names of lists in the same two catalogues, RudderStack's by its `name` and its `displayName`.
LISTED: dict[str, tuple[str, ...]] = {
    "meta": ("Facebook Custom Audiences (Actions)", "Facebook Custom Audience", "FB_CUSTOM_AUDIENCE", "Personas Facebook Custom Audiences"),
    "google_ads": ("Google Ads Remarketing Lists (Customer Match)", "GOOGLE_ADWORDS_REMARKETING_LISTS", "Google Ads Remarketing Lists"),
    "tiktok": ("TikTok Audiences", "Tiktok Audience", "TIKTOK_AUDIENCE"),
    "snap": ("Snap Audiences (Actions)", "SNAPCHAT_CUSTOM_AUDIENCE"),
    "reddit": ("Reddit Audiences",), "linkedin": ("Linkedin Audiences",),
    "microsoft": ("Bing Ads Audiences", "Ms Bing Ads Audiences", "BINGADS_AUDIENCE"), "x": ("X_AUDIENCE",),
}  # fmt: skip


@pytest.mark.parametrize(("platform", "name"), [(p, n) for p, names in LISTED.items() for n in names])
def test_a_list_stands_for_its_platforms_lists_and_keeps_no_event_back(platform: str, name: str) -> None:
    refused, only = KNOWN.read({name: False}), KNOWN.read({"All": False, name: True})
    assert said_of_lists(refused) == (f"-{platform}",)
    assert said_of_lists(only) == (f"+{platform}",)
    assert said_of_lists(KNOWN.read({name: True})) == (f"+{platform}",)  # it may take back an older no
    for each in NAMES:
        assert is_addressed(refused, each, each)
        assert not is_addressed(only, each, each)
        assert is_for_lists(refused, each) is (each != platform)
        assert is_for_lists(only, each) is (each == platform)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, ()),
        ({"All": True, "Google Ads": True}, ()),  # nothing is refused
        ({"All": True, "TikTok Conversions": {"ttclid": "t"}}, ()),
        ({"All": False, "TikTok Conversions": {"ttclid": "t"}}, ("+tiktok", "-*")),  # options are a yes
        ({"All": "false", "GA4": "true"}, ("+ga4", "-*")),
        ({"All": None, "GA4": None, "Reddit": ""}, ()),
        ({"Facebook Pixel": False, "Pinterest": 0}, ("-meta", "-pinterest")),
        # The way for servers is ours; of two others the no counts.
        ({"Facebook Pixel": False, "Facebook Conversions API (Actions)": True}, ()),
        ({"Facebook Conversions API (Actions)": False, "Facebook Pixel": True}, ("-meta",)),
        ({"Facebook Pixel": True, "facebook": False}, ("-meta",)),
        ({f"n{n}": False for n in range(MOST_NAMES)} | {"GA4": False}, ()),
        ({f"n{n}": False for n in range(MOST_NAMES)} | {"GA4": False, "ALL": False}, ("-*",)),  # behind however many
        ({"GA4": "off", "Reddit": 0.0, "TikTok": " No ", "Snapchat": "on"}, ("+snap", "-ga4", "-reddit", "-tiktok")),
    ],
)
def test_what_a_message_says_of_whom(told: dict[str, Any], words: tuple[str, ...]) -> None:
    assert KNOWN.read(told) == words


def test_a_destination_has_its_own_name_and_what_the_merchant_calls_it() -> None:
    """Two of one platform are told apart; the own name is nearer than the platform's, and that than all."""
    own = {letters_of("Outlet ads"): "tiktok-outlet", letters_of("tiktok-main"): "tiktok-main"}
    words = Addressees(CALLED, own).read({"outlet_ADS": False, "TikTok Ads": True, "All": False})
    assert words == ("+tiktok", "-*", "-tiktok-outlet")
    assert [is_addressed(words, n, p) for n, p in (("tiktok-outlet", "tiktok"), ("tiktok-main", "tiktok"), ("m", "meta"))] == [
        False, True, False,
    ]  # fmt: skip
    assert is_addressed(
        Addressees(CALLED, own).read({"tiktok-main": True, "TikTok Ads": False}), "tiktok-main", "tiktok"
    )


def test_names_in_other_scripts_are_told_apart() -> None:
    """A merchant's own name in Georgian or Russian stands for itself, and not for every name without a Latin letter."""
    own = {letters_of("მაღაზია"): "meta-tbilisi", letters_of("Café «Юг»"): "meta-south", letters_of("—"): "nobody"}
    assert Addressees(CALLED, own).read({"მაღაზია": False, "Другое": False, "": False, " ": False, "–": False}) == (
        "-meta-tbilisi",
    )
    assert Addressees(CALLED, own).read({"CAFE\u0301_юг": False}) == ("-meta-south",)
