"""Channels of touches, against the default channel groups and the order of evidence."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.gateway_process import run_twofold
from twofold.commands.attribution.source import as_a_browser_says, explained
from twofold.touch.channels import CHANNELS, GROUPS, channel_of, listed_on, site_kind
from twofold.touch.model import Touch, TouchKind
from twofold.touch.source import CLICKS, PAID, clean_text


def touch(kind: TouchKind = TouchKind.VISIT, **told: str) -> Touch:
    return Touch(at=0, kind=kind, **told)  # type: ignore[arg-type]


# (source, medium, campaign) -> channel: the rules of the default channel groups, each with a trap of its order.
UTM = [
    (("(direct)", "(none)", ""), "direct"),
    (("(direct)", "(not set)", ""), "direct"),
    (("google", "cpc", "summer cross-network"), "cross_network"),
    (("amazon", "cpc", ""), "paid_shopping"),
    (("google", "cpc", "shopping spring"), "paid_shopping"),
    (("google", "cpc", "e-shop"), "paid_shopping"),
    (("google", "cpc", "eshop"), "paid_shopping"),
    (("google", "cpc", "workshop"), "paid_search"),
    (("google", "cpc", ""), "paid_search"),
    (("google", "CPC", ""), "paid_search"),
    (("Yahoo", "ppc", ""), "paid_search"),
    (("facebook", "cpm", ""), "paid_social"),
    (("ig", "paid_social", ""), "paid_social"),
    (("tiktok", "retargeting", ""), "paid_social"),
    (("youtube", "cpv-cpc", ""), "paid_video"),
    (("unknown", "cpm", ""), "display"),
    (("unknown", "banner", ""), "display"),
    (("unknown", "cpa", ""), "paid_other"),
    (("unknown", "paid", ""), "paid_other"),
    (("etsy.com", "referral", ""), "organic_shopping"),
    (("facebook", "referral", ""), "organic_social"),
    (("anyone", "social media", ""), "organic_social"),
    (("vimeo.com", "referral", ""), "organic_video"),
    (("anyone", "videopost", ""), "organic_video"),
    (("duckduckgo", "referral", ""), "organic_search"),
    (("anyone", "organic", ""), "organic_search"),
    (("anyone", "ai-assistant", "(ai-assistant)"), "ai_assistant"),
    (("chatgpt.com", "", ""), "ai_assistant"),
    (("chatgpt.com", "referral", ""), "ai_assistant"),
    (("chatgpt.com", "email", ""), "email"),
    (("partner.example", "referral", ""), "referral"),
    (("partner.example", "app", ""), "referral"),
    (("klaviyo", "e-mail", ""), "email"),
    (("e mail", "spring", ""), "email"),
    (("partner", "affiliate", ""), "affiliates"),
    (("radio", "audio", ""), "audio"),
    (("sms", "anything", ""), "sms"),
    (("app", "webpush", ""), "mobile_push"),
    (("app", "a mobile thing", ""), "mobile_push"),
    (("firebase", "x", ""), "mobile_push"),
    (("anyone", "anything", ""), "unassigned"),
]


@pytest.mark.parametrize(("words", "channel"), UTM, ids=lambda v: str(v))
def test_campaign_words(words: tuple[str, str, str], channel: str) -> None:
    found = channel_of(touch(source=words[0], medium=words[1], campaign=words[2]))
    assert found.channel == channel, found.rule
    assert found.rule


@pytest.mark.parametrize(
    ("clicks", "channel", "platform"),
    [
        ("gclid", "paid_search", "google"),
        ("gbraid", "paid_search", "google"),
        ("wbraid", "paid_search", "google"),
        ("msclkid", "paid_search", "microsoft"),
        ("ttclid", "paid_social", "tiktok"),
        ("twclid", "paid_social", "x"),
        ("li_fat_id", "paid_social", "linkedin"),
        ("rdt_cid", "paid_social", "reddit"),
        ("ScCid", "paid_social", "snap"),
        ("epik", "paid_social", "pinterest"),
        ("gclid,fbclid", "paid_search", "google"),
        ("fbclid", "organic_social", "meta"),
        ("srsltid", "organic_shopping", "google"),
        ("mc_cid", "email", ""),
        ("irclickid", "affiliates", ""),
        ("yclid", "unassigned", ""),
    ],
)
def test_click_ids_alone(clicks: str, channel: str, platform: str) -> None:
    found = channel_of(touch(TouchKind.CLICK, click=clicks))
    assert (found.channel, found.platform) == (channel, platform)
    assert clicks.split(",")[0] in found.rule


def test_every_click_id_that_is_kept_is_known_here() -> None:
    for click in CLICKS:
        found = channel_of(touch(TouchKind.CLICK, click=click))
        assert found.channel != "direct"
        assert (found.medium == "cpc") == (click in PAID), click


@pytest.mark.parametrize(("source", "medium"), [("newsletter", "email"), ("google", "organic"), ("facebook", "cpc")])
def test_a_proof_against_the_words(source: str, medium: str) -> None:
    """The click id names the platform; the words stay with the touch, and the touch is marked."""
    told = touch(TouchKind.CLICK, click="gclid", source=source, medium=medium)
    found = channel_of(told)
    assert (found.platform, found.channel, found.conflict) == ("google", "paid_search", True)
    assert (told.source, told.medium) == (source, medium)
    agreeing = channel_of(touch(TouchKind.CLICK, click="gclid", source="Google", medium="cpc", campaign="Shopping"))
    assert (agreeing.channel, agreeing.conflict) == ("paid_shopping", False)


def test_fbclid_is_paid_only_where_something_says_so() -> None:
    assert channel_of(touch(click="fbclid", ad_id="120210000000001")).channel == "paid_social"
    assert channel_of(touch(click="fbclid", source="ig", medium="paid")).channel == "paid_social"
    assert channel_of(touch(click="fbclid", source="ig", medium="social")).channel == "organic_social"
    assert channel_of(touch(click="fbclid", source="newsletter", medium="email")).channel == "email"


@pytest.mark.parametrize(
    ("host", "source", "channel"),
    [
        ("google.ge", "google", "organic_search"),
        ("google.co.uk", "google", "organic_search"),
        ("news.google.com", "news.google.com", "organic_search"),
        ("gemini.google.com", "gemini.google.com", "ai_assistant"),
        ("claude.ai", "claude.ai", "ai_assistant"),
        ("groups.google.com", "groups.google.com", "organic_social"),
        ("search.yahoo.com", "search.yahoo.com", "organic_search"),
        ("answers.yahoo.com", "answers.yahoo.com", "organic_social"),
        ("l.facebook.com", "facebook", "organic_social"),
        ("t.co", "t.co", "organic_social"),
        ("m.youtube.com", "youtube", "organic_video"),
        ("amazon.de", "amazon", "organic_shopping"),
        ("blog.example", "blog.example", "referral"),
        ("notfacebook.com", "notfacebook.com", "referral"),
        ("google.evil.example", "google.evil.example", "referral"),
        ("com.google.android.googlequicksearchbox", "google", "organic_search"),
        ("com.instagram.android", "instagram", "organic_social"),
    ],
)
def test_referrers(host: str, source: str, channel: str) -> None:
    found = channel_of(touch(referrer=host))
    assert (found.source, found.channel) == (source, channel)


def test_words_win_over_the_referrer_and_nothing_is_direct() -> None:
    assert channel_of(touch(source="klaviyo", medium="email", referrer="google.com")).channel == "email"
    assert channel_of(touch()).channel == "direct"
    assert channel_of(touch(campaign="spring")).channel == "unassigned"


def test_chats() -> None:
    assert channel_of(touch(TouchKind.CHAT, source="messenger", ad_id="120210000000001")).channel == "paid_chat"
    assert channel_of(touch(TouchKind.CHAT, source="whatsapp", click="ctwa_clid")).channel == "paid_chat"
    assert channel_of(touch(TouchKind.CHAT, source="messenger")).channel == "chat"


def test_the_lists() -> None:
    assert listed_on() == "2026-11-28"
    assert {channel for channel, _, _ in GROUPS} | {"unassigned", "chat", "paid_chat"} == set(CHANNELS)
    assert site_kind("mail.google.com") == ("search", "mail.google.com")


@pytest.mark.process
def test_the_command() -> None:
    """A macro is named with the line to paste, and no click id's value comes back."""
    url = "https://shop.example/p?utm_source=facebook&utm_medium=paid_social&utm_content={{ad.id}}&fbclid=IwAR0secret"
    done = run_twofold("explain-source", url, "--json")
    assert done.returncode == 1
    row = json.loads(done.stdout)
    assert (row["channel"], row["click_ids"], row["ad_id"]) == ("paid_social", ["fbclid"], "")
    assert "utm_content={{ad.id}}" in row["findings"][0]
    assert "IwAR0secret" not in done.stdout
    inside = run_twofold("explain-source", "https://shop.example/p", "--referrer", "https://www.paypal.com/checkout")
    assert inside.returncode == 0
    assert inside.stdout.startswith("No touch: paypal.com is where one pays")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("HTTPS://Shop.Example/A?GCLID=x", "https://shop.example/A?GCLID=x"),
        ("https://mary:secret@shop.example:8443/?a=b@c", "https://shop.example:8443/?a=b@c"),
        ("https://b\u00fccher.example?gclid=x", "https://xn--bcher-kva.example?gclid=x"),  # RFC 3492's word
        ("https://[", None),
        ("https:///p?gclid=x", None),
        ("https://shop.example:99999/", None),
        ("shop.example/p", None),
        ("ftp://shop.example/", None),
    ],
)
def test_an_address_that_a_person_types(typed: str, told: str | None) -> None:
    assert as_a_browser_says(typed) == told


def test_what_is_left_out_of_an_address_is_said() -> None:
    row = explained("https://shop.example/?utm_source=Mary@Example.com&utm_medium=email", "https://[")
    assert (row["source"], row["channel"]) == ("", "email")
    assert row["findings"] == ["utm_source holds an e-mail address or a phone number: it is not kept."]


def test_a_text_of_an_address_moves_no_terminal() -> None:
    """The signs of both control sets, in one byte and in two, are spaces."""
    assert clean_text("spring\x1b[31m\u009b2Jsale\u0085") == "spring [31m 2Jsale"
