"""Who may be told of one message, by the names that two routers' senders write."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.event.addressees import MOST_NAMES, is_addressed, letters_of, read_addressees

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
    "Facebook Custom Audiences (Actions)", "TikTok Audiences", "TikTok App Events", "Google Sheets", "Google Tag Manager",
    "SnapEngage", "Microsoft Clarity", "Quora Pixel", "Spotify Pixel", "Mixpanel", "Segment.io", "Webhook Audiences",
    "Google Campaign Manager 360", "mara@shop.example",
)  # fmt: skip


@pytest.mark.parametrize(("platform", "name"), [(p, n) for p, names in NAMES.items() for n in names])
def test_a_name_stands_for_its_platform_and_for_no_other(platform: str, name: str) -> None:
    refused = read_addressees({name: False}, {})
    only = read_addressees({"All": False, name: True}, {})
    for each in NAMES:
        assert is_addressed(refused, each, each) is (each != platform)
        assert is_addressed(only, each, each) is (each == platform)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_none_of_ours_is_forgotten(name: str) -> None:
    """Of a sender's own text nothing is kept; nobody of ours is meant where only such are named."""
    assert read_addressees({name: False}, {}) == ()
    assert read_addressees({"All": False, name: True}, {}) == ("-*",)


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
    assert read_addressees(told, {}) == words


def test_a_destination_has_its_own_name_and_what_the_merchant_calls_it() -> None:
    """Two of one platform are told apart; the own name is nearer than the platform's, and that than all."""
    own = {letters_of("Outlet ads"): "tiktok-outlet", letters_of("tiktok-main"): "tiktok-main"}
    words = read_addressees({"outlet_ADS": False, "TikTok Ads": True, "All": False}, own)
    assert words == ("+tiktok", "-*", "-tiktok-outlet")
    assert [is_addressed(words, n, p) for n, p in (("tiktok-outlet", "tiktok"), ("tiktok-main", "tiktok"), ("m", "meta"))] == [
        False, True, False,
    ]  # fmt: skip
    assert is_addressed(read_addressees({"tiktok-main": True, "TikTok Ads": False}, own), "tiktok-main", "tiktok")


def test_names_in_other_scripts_are_told_apart() -> None:
    """A merchant's own name in Georgian or Russian stands for itself, and not for every name without a Latin letter."""
    own = {letters_of("მაღაზია"): "meta-tbilisi", letters_of("Café «Юг»"): "meta-south", letters_of("—"): "nobody"}
    assert read_addressees({"მაღაზია": False, "Другое": False, "": False, " ": False, "–": False}, own) == (
        "-meta-tbilisi",
    )
    assert read_addressees({"CAFE\u0301_юг": False}, own) == ("-meta-south",)
