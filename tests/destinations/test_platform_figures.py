"""The figures and the shared words of all platforms in one table each, written by hand from the platforms' pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from platform_fixtures import RECEIVED_MS, built, event_for, settings_for

from twofold.consent.state import with_consent
from twofold.destinations import BY_PLATFORM, DESTINATIONS
from twofold.destinations.contract import Suppressed
from twofold.destinations.terms import builder_of, terms_of

H, D = 3_600, 86_400
# Events in a request, bytes of one, oldest event, how long a repeat is recognised: of a website, and of a call by phone.
LIMITS = [
    ("ga4", 25, 120_000, 72 * H, 0, 0),
    ("google_ads", 500, 4 << 20, 89 * D, 30 * D, 30 * D),
    ("tiktok", 100, 1_000_000, 7 * D, 48 * H, 48 * H),
    ("pinterest", 1_000, 2_000_000, 7 * D, 1 * H, 0),  # what counts as offline is never recognised
    ("snap", 1_000, 2_000_000, 7 * D, 48 * H, 48 * H),
    ("linkedin", 500, 2_000_000, 89 * D, 0, 0),
    ("reddit", 500, 2_000_000, 7 * D, 48 * H, 48 * H),
    ("microsoft", 500, 1_000_000, 7 * D, 0, 0),
    ("x", 500, 1_000_000, 7 * D, 48 * H, 48 * H),
    ("webhook", 1, 20_000, 7 * D, 7 * D, 7 * D),
]


@pytest.mark.parametrize(("platform", "batch", "size", "age", "repeat", "by_phone"), LIMITS)
def test_limits(platform: str, batch: int, size: int, age: int, repeat: int, by_phone: int) -> None:
    limits = BY_PLATFORM[platform].limits
    assert (limits.batch, limits.request_bytes, limits.max_age_s("website")) == (batch, size, age)
    assert (limits.max_repeat_s("website"), limits.max_repeat_s("phone_call")) == (repeat, by_phone)


def test_every_platform_is_in_the_table() -> None:
    assert {d.platform for d in DESTINATIONS} - {"meta"} == {row[0] for row in LIMITS}


def purchase(**more: Any) -> dict[str, Any]:
    return {
        "event_name": "Purchase", "event_time": RECEIVED_MS // 1000, "event_id": "o1", "action_source": "website",
        "event_source_url": "https://shop.example/",
        "user_data": {"em": "mara.klein@example.com", "client_ip_address": "203.0.113.7", "client_user_agent": "Agent"},
        "custom_data": {"currency": "EUR", "value": "84.50", "order_id": "100427"}, **more,
    }  # fmt: skip


def sent(platform: str, event: dict[str, Any]) -> Any:
    names = {"events": {"Purchase": "123"}} if BY_PLATFORM[platform].needs_names else {}
    made, _ = built(platform, {"event": event, "settings": {"remote_dataset": "1", "token": "t", **names}})
    return made if isinstance(made, Suppressed) else json.loads(made)


# Under Limited Data Use, or where a shopper denied the sale of data, which is the same: the platform's own word for it.
LIMITED = [
    ("tiktok", lambda body: body["data"][0].get("limited_data_use"), True),
    ("pinterest", lambda body: body["custom_data"].get("opt_out_type"), "LDP"),
    ("snap", lambda body: body.get("data_processing_options"), ["LMU"]),
    ("reddit", lambda body: body["user"].get("data_processing_options"), {"modes": ["LDU"]}),
]


@pytest.mark.parametrize(("platform", "word", "said"), LIMITED, ids=[row[0] for row in LIMITED])
@pytest.mark.parametrize("limit", [{"data_processing_options": ["LDU"]}, {"consent": {"sale_of_data": "denied"}}])
def test_limited_use_has_the_platforms_own_word(platform: str, word: Any, said: Any, limit: dict[str, Any]) -> None:
    assert word(sent(platform, purchase(**limit))) == said
    assert word(sent(platform, purchase())) in (None, False)


@pytest.mark.parametrize(("platform", "word", "said"), LIMITED, ids=[row[0] for row in LIMITED])
def test_a_sale_denied_by_another_copy_limits_the_use_as_well(platform: str, word: Any, said: Any) -> None:
    """An action's consent is that of its strictest copy, and the copy that is built from may have said nothing."""
    destination = BY_PLATFORM[platform]
    event = with_consent(event_for(destination, purchase()), "unstated;-sale_of_data")
    made = builder_of(destination, terms_of(destination, settings_for(platform)))(event)
    assert isinstance(made, bytes)
    assert (event.data_processing_options, word(json.loads(made))) == (None, said)


@pytest.mark.parametrize("limit", [{"data_processing_options": ["LDU"]}, {"consent": {"sale_of_data": "denied"}}])
def test_a_platform_without_a_word_for_it_gets_nothing(limit: dict[str, Any]) -> None:
    assert sent("x", purchase(**limit)) == Suppressed("limited_use")
    assert sent("x", purchase())["event_id"] == "123"


# Where a click has several names, the address's own wins over the cookie that holds an older one; none is changed.
CLICKS = [
    ("snap", lambda body: body["user_data"]["sc_click_id"], ("ScCid", "_scclid")),
    ("pinterest", lambda body: body["user_data"]["click_id"], ("_epik",)),
    ("reddit", lambda body: body["click_id"], ("rdt_cid", "_rdt_cid")),
    ("microsoft", lambda body: body["userData"]["msclkid"], ("msclkid", "_uetmsclkid")),
    ("x", lambda body: body["identifiers"][0]["twclid"], ("twclid", "_twclid")),
    ("tiktok", lambda body: body["data"][0]["user"]["ttclid"], ("ttclid",)),
    ("google_ads", lambda body: body["adIdentifiers"], ("gclid", "gbraid", "wbraid", "dclid")),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "click", "names"), CLICKS, ids=[row[0] for row in CLICKS])
def test_the_best_name_of_a_click_wins(platform: str, click: Any, names: tuple[str, ...]) -> None:
    values = {name: f"Ab.{n}-x_Z" for n, name in enumerate(names)}
    found = click(sent(platform, purchase(click_ids=dict(reversed(values.items())))))
    assert found == ({names[0]: "Ab.0-x_Z"} if isinstance(found, dict) else "Ab.0-x_Z")


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_browser_is_in_the_share_as_a_whole(share: float) -> None:
    """All its events or none, whatever they are called; over many browsers about the share is in."""
    destination = BY_PLATFORM["webhook"]
    build = builder_of(destination, terms_of(destination, settings_for("webhook", share=share)))

    def leaves(browser: int, name: str, ident: str) -> bool:
        user = {"em": f"s{browser}@example.com", "fbp": f"fb.1.1795771021123.{1000 + browser}"}
        raw = purchase(event_name=name, event_id=ident, user_data=user)
        return not isinstance(build(event_for(destination, raw)), Suppressed)

    told = [{leaves(n, name, f"{name}-{n}") for name in ("Purchase", "ViewContent", "Lead")} for n in range(200)]
    assert all(len(one) == 1 for one in told)
    assert abs(sum(one == {True} for one in told) - 200 * share) < 30


@pytest.mark.parametrize(
    ("region", "told"),
    [
        (None, False),
        ("DE", False),
        ("NO", False),
        ("GB", False),
        ("CH", False),
        ("FR-IDF", False),
        ("US", True),
        ("GE", True),
    ],
)
def test_google_is_told_an_address_only_of_who_is_known_to_be_elsewhere(region: str | None, told: bool) -> None:
    """Not of people in the EEA, the United Kingdom and Switzerland, nor of whom nobody says where they are."""
    settings = {"remote_dataset": "1", "token": "t", "events": {"Purchase": "123"}, "options": {"device": "on"}}
    made, _ = built("google_ads", {"event": purchase(**({"region": region} if region else {})), "settings": settings})
    assert isinstance(made, bytes)
    assert ("ipAddress" in json.loads(made)["eventDeviceInfo"]) is told


def test_google_takes_ten_people_of_an_event_and_no_more() -> None:
    """The whole request would be refused with TOO_MANY_USER_IDENTIFIERS."""
    many = {"em": [f"s{n}@example.com" for n in range(9)], "ph": [f"+1650555{n}" for n in range(1000, 1009)]}
    told = sent("google_ads", purchase(user_data=many | {"client_user_agent": "Agent"}))["userData"]["userIdentifiers"]
    assert [list(one) for one in told] == 9 * [["emailAddress"]] + [["phoneNumber"]]


def test_ga4_takes_twenty_five_parameters_beside_the_goods() -> None:
    """What is more would have the event dropped; ours come first."""
    data = {"currency": "EUR", "value": "84.50", "order_id": "A-1", "contents": [{"id": "s", "quantity": 1}]}
    more = {f"shop_{n:02}": "x" for n in range(40)}
    (event,) = sent("ga4", purchase(custom_data=data | more, click_ids={"_ga": "GA1.1.1.2"}))["events"]
    items = event["params"].pop("items")
    assert (len(event["params"]), len(items)) == (25, 1)
    assert {"transaction_id", "currency", "value", "engagement_time_msec"} < set(event["params"])


def test_ga4_joins_the_latest_of_several_sessions() -> None:
    """A page with two streams has a cookie of each; one session is months old."""
    clicks = {
        "_ga": "GA1.1.1.2",
        "_ga_NEWSTREAM1": "GS2.1.s1795773012$o3$g1",
        "_ga_OLDSTREAM1": "GS1.1.1785773012.3.1.0",
    }
    data = {"currency": "EUR", "value": "84.50", "order_id": "A-1"}
    (event,) = sent("ga4", purchase(custom_data=data, click_ids=clicks))["events"]
    assert event["params"]["session_id"] == 1795773012
