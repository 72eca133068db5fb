"""Ads, touches and credit: each window at its edges, and which events may count at all, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from running_sandbox import DATASET, EMAIL, NOW_MS, Running, purchase

from twofold.sandbox.world.ads import AdSet, Touch, TouchKind
from twofold.sandbox.world.attribution import Conversion, credit

NOW = NOW_MS // 1000
HOUR = 3_600
DAY = 86_400
CLICK, VIEW, ENGAGED = TouchKind.LINK_CLICK, TouchKind.IMPRESSION, TouchKind.ENGAGED_VIEW
# ad -> its ad set's setting; ad "1" has Meta's default: 7-day click, 1-day view
SETTINGS = {
    "1": AdSet(id="11", campaign_id="9"),
    "2": AdSet(id="12", campaign_id="9"),
    "3": AdSet(id="13", campaign_id="9", click_days=1, view_days=0),
    "4": AdSet(id="14", campaign_id="9", engaged_view_days=1),
}


def credited(*touches: tuple[TouchKind, int, str]) -> dict[str, str]:
    """Window -> ad, for a conversion now and touches (kind, seconds before it, ad)."""
    seen = [Touch(ad_id=ad, kind=kind, time=NOW - age, person="p") for kind, age, ad in touches]
    conversion = Conversion(number=1, dataset="1", event_name="Purchase", person="p", time=NOW)
    found = credit(conversion, sorted(seen, key=lambda touch: touch.time), SETTINGS.__getitem__)
    return {window: touch.ad_id for window, touch in found.touches.items()} if found else {}


ALL_CLICKS = {"default": "1", "1d_click": "1", "7d_click": "1", "28d_click": "1"}
WINDOWS = [
    ("nothing", [], {}),
    ("a click at once", [(CLICK, 0, "1")], ALL_CLICKS),
    ("a click a day ago sharp", [(CLICK, DAY, "1")], ALL_CLICKS),
    ("1 s more", [(CLICK, DAY + 1, "1")], {"default": "1", "7d_click": "1", "28d_click": "1"}),
    ("a click 7 days ago sharp", [(CLICK, 7 * DAY, "1")], {"default": "1", "7d_click": "1", "28d_click": "1"}),
    ("1 s more: only 28 days has it", [(CLICK, 7 * DAY + 1, "1")], {"28d_click": "1"}),
    ("28 days sharp", [(CLICK, 28 * DAY, "1")], {"28d_click": "1"}),
    ("1 s more: nothing has it", [(CLICK, 28 * DAY + 1, "1")], {}),
    ("a click after the conversion", [(CLICK, -1, "1")], {}),
    ("a view a day ago sharp", [(VIEW, DAY, "1")], {"default": "1", "1d_view": "1"}),
    ("1 s more: there is no longer view window", [(VIEW, DAY + 1, "1")], {}),
    ("an engaged view, off in the setting", [(ENGAGED, DAY, "1")], {"1d_ev": "1"}),
    ("an engaged view, on in the setting", [(ENGAGED, DAY, "4")], {"default": "4", "1d_ev": "4"}),
    ("1 s more", [(ENGAGED, DAY + 1, "4")], {}),
    ("the last click", [(CLICK, 6 * HOUR, "1"), (CLICK, 5 * HOUR, "2")], dict.fromkeys(ALL_CLICKS, "2")),
    ("an old click goes before a new view", [(CLICK, 6 * DAY, "1"), (VIEW, 60, "2")], {
        "default": "1", "7d_click": "1", "28d_click": "1",
    }),
    ("a click outside the setting does not", [(CLICK, 8 * DAY, "1"), (VIEW, 60, "2")], {
        "default": "2", "28d_click": "1", "1d_view": "2",
    }),
    ("an engaged view goes before a later view", [(ENGAGED, 9 * HOUR, "4"), (VIEW, 60, "1")], {
        "default": "4", "1d_ev": "4",
    }),
    ("but not when its setting has it off", [(ENGAGED, 9 * HOUR, "1"), (VIEW, 60, "2")], {
        "default": "2", "1d_ev": "1", "1d_view": "2",
    }),
    ("a click an ad set no longer takes goes to the next", [(CLICK, 3 * DAY, "1"), (CLICK, 2 * DAY, "3")], {
        "default": "1", "7d_click": "3", "28d_click": "3",
    }),
    ("views off in the setting", [(VIEW, 60, "3")], {"1d_view": "3"}),
]  # fmt: skip


@pytest.mark.parametrize(("touches", "expected"), [row[1:] for row in WINDOWS], ids=[row[0] for row in WINDOWS])
def test_windows(touches: list, expected: dict[str, str]) -> None:
    """Each window gives the conversion to this ad."""
    assert credited(*touches) == expected


@given(st.lists(st.tuples(st.sampled_from(TouchKind), st.integers(-DAY, 30 * DAY), st.sampled_from("1234"))))
def test_windows_nest(touches: list[tuple[TouchKind, int, str]]) -> None:
    """A shorter click window never has what a longer one lacks, and with Meta's default setting everywhere a conversion
    is in 7-day click or 1-day view, never in both, exactly when the setting has it."""
    found = credited(*touches)
    assert "7d_click" in found or "1d_click" not in found
    assert "28d_click" in found or "7d_click" not in found
    plain = credited(*((kind, age, "12"[int(ad) % 2]) for kind, age, ad in touches))
    assert ("default" in plain) == (("7d_click" in plain) != ("1d_view" in plain))
    assert not ("7d_click" in plain and "1d_view" in plain)


# --- over the wire

TREE = {
    "accounts": [{"id": "1", "name": "Shop", "currency": "EUR", "timezone_name": "Europe/Paris"}],
    "campaigns": [{"id": "10", "account_id": "act_1", "name": "Sales"}],
    "adsets": [{"id": 100, "campaign_id": 10, "name": "Broad"}],
    "ads": [{"id": "1000", "adset_id": "100", "name": "Image"}],
}


def touch(age: int = HOUR, kind: str = "link_click", person: str | None = "mary", **more: object) -> dict:
    return {"ad_id": "1000", "kind": kind, "time": NOW - age, "person": person, **more}


def load(sandbox: Running, **body: object) -> requests.Response:
    return sandbox.http.post(f"{sandbox.base}/sandbox/ads", json=body, timeout=60)


@pytest.fixture
def shop(sandbox: Running) -> Running:
    """One ad, and Mary, who has an e-mail address."""
    people = [{"id": "mary", "em": EMAIL}, {"id": "mia"}]
    assert sandbox.http.post(f"{sandbox.base}/sandbox/people", json=people, timeout=60).status_code == 200
    assert load(sandbox, **TREE).status_code == 200
    return sandbox


def test_a_click_is_credited(shop: Running) -> None:
    """A purchase an hour after Mary's click is credited to the ad, in the click windows."""
    answer = load(shop, touches=[touch()]).json()
    shop.post([purchase(user_data={"em": EMAIL})])

    assert answer["loaded"]["touches"] == 1
    (row,) = shop.read("conversions")
    assert (row["person"], row["ad_id"], row["by"]) == ("mary", "1000", "link_click")
    assert row["windows"] == {w: {"ad_id": "1000", "age_s": HOUR} for w in ALL_CLICKS}
    assert (row["value"], row["value_reported"], row["used_for_delivery"]) == ("42.5", True, True)


def test_the_click_id_leads_to_its_clicker(shop: Running) -> None:
    """A click gets a click id, and an fbc with it, suffix included, is enough to know who bought."""
    fbclid = load(shop, touches=[touch()]).json()["touches"][0]["fbclid"]
    shop.post([purchase(user_data={"fbc": f"fb.1.{NOW_MS}.{fbclid}.AQICAQMC"})])

    assert [row["person"] for row in shop.read("conversions")] == ["mary"]


# what is different about the event -> does it count as a conversion
COUNTING = [
    ("a website event", {}, True),
    ("opt_out: attributed all the same", {"opt_out": True}, True),
    (
        "limited data use: attributed all the same",
        {
            "data_processing_options": ["LDU"],
            "data_processing_options_country": 1,
            "data_processing_options_state": 1000,
        },
        True,
    ),
    ("a store event", {"action_source": "physical_store"}, False),
    ("a CRM event", {"action_source": "system_generated"}, False),
    ("a stranger's event", {"user_data": {"em": "0" * 64}}, False),
    ("an event before the click", {"event_time": NOW - HOUR - 1}, False),
]


@pytest.mark.parametrize(("changes", "counts"), [row[1:] for row in COUNTING], ids=[row[0] for row in COUNTING])
def test_which_events_count(shop: Running, changes: dict, counts: bool) -> None:
    """Only website events of matched people are credited; opt_out and LDU only end their use for delivery."""
    load(shop, touches=[touch()])
    assert shop.post([purchase(**{"user_data": {"em": EMAIL}, **changes})]).status_code == 200

    rows = shop.read("conversions")
    assert len(rows) == int(counts)
    limited = "opt_out" in changes or "data_processing_options" in changes
    assert [row["used_for_delivery"] for row in rows] == [not limited] * int(counts)


def test_a_deduplicated_copy_counts_once(shop: Running) -> None:
    """Browser and server copy of one purchase are one conversion: the browser's, which is preferred in 5 minutes."""
    load(shop, touches=[touch()])
    shop.post([purchase(user_data={"em": EMAIL})])
    shop.pixel(ev="Purchase", eid="order-1001", **{"ud[em]": EMAIL, "cd[value]": "42.5", "cd[currency]": "EUR"})

    (row,) = shop.read("conversions")
    assert row["number"] == 2


def test_only_datasets_of_the_account(shop: Running) -> None:
    """An account with datasets is not credited with another dataset's events."""
    load(shop, accounts=[{**TREE["accounts"][0], "datasets": [DATASET]}], touches=[touch()])
    shop.post([purchase(user_data={"em": EMAIL})], dataset="77")
    assert shop.read("conversions") == []
    shop.post([purchase(user_data={"em": EMAIL})])
    assert len(shop.read("conversions")) == 1


def test_a_late_touch_is_seen(shop: Running) -> None:
    """Touches loaded after the purchase and out of order count by their time."""
    shop.post([purchase(user_data={"em": EMAIL})])
    load(shop, touches=[touch(age=60), touch(age=9 * HOUR)])

    (row,) = shop.read("conversions")
    assert row["windows"]["default"]["age_s"] == 60


BAD_LOADS = [
    ({"campaigns": [{"id": "10", "account_id": "5"}]}, "campaigns[0].account_id: none of the accounts"),
    ({"touches": [touch(person="nobody")]}, "touches[0].person"),
    ({"touches": [touch(), touch(ad_id="5")]}, "touches[1].ad_id"),
    ({"touches": [touch(kind="glance")]}, "glance"),
    ({"touches": [touch(kind="impression", fbclid="abc")]}, "only a link_click"),
    ({"touches": [touch(fbclid="abc"), touch(fbclid="abc")]}, "another click"),
    ({"touches": [touch(fbclid="a.b")]}, "expected no space"),
    ({"accounts": [{"id": "2", "timezone_name": "Europe/Paris"}]}, "currency"),
    ({"accounts": [{"id": "2", "currency": "EUR", "timezone_name": "Mars/Base"}]}, "accounts[0].timezone_name"),
    ({"ads": [{"id": "10", "adset_id": "100"}]}, "ads[0].id: 10 is the id of one of the campaigns"),
    ({"spend": [{"ad_id": "1000", "date": "2026-09-21", "amount": "-1"}]}, "spend[0].amount"),
    ({"adsets": [{"id": "101", "campaign_id": "10", "view_days": 7}]}, "view_days"),
    ({"clicks": []}, "clicks"),
]


@pytest.mark.parametrize(("body", "words"), BAD_LOADS)
def test_refused_loads(shop: Running, body: dict, words: str) -> None:
    """A bad row refuses the whole load and says where; nothing of it is kept."""
    before = shop.http.get(f"{shop.base}/sandbox/ads", timeout=60).json()
    good = {"campaigns": [{"id": "19", "account_id": "1"}]} | body
    answer = load(shop, **good)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert shop.http.get(f"{shop.base}/sandbox/ads", timeout=60).json() == before


def test_kept_over_a_restart(start_sandbox: Callable[..., Running], tmp_path: Path) -> None:
    """Ads, spend, touches and their click ids come back with the data folder; a reset clears them for good."""
    first = start_sandbox(data=str(tmp_path))
    first.http.post(f"{first.base}/sandbox/people/seed", json={"seed": 3, "count": 20}, timeout=60)
    seed = {"seed": 3, "since": "2026-09-14", "until": "2026-09-20"}
    assert first.http.post(f"{first.base}/sandbox/ads/seed", json=seed, timeout=60).status_code == 200
    before = first.http.get(f"{first.base}/sandbox/ads", timeout=60).json()
    first.close()
    assert (len(before["ads"]), len(before["spend"])) == (6, 6 * 7)
    assert {row["kind"] for row in before["touches"]} == {"impression", "engaged_view", "link_click"}

    second = start_sandbox(data=str(tmp_path))
    assert second.http.get(f"{second.base}/sandbox/ads", timeout=60).json() == before
    second.reset()
    second.close()

    third = start_sandbox(data=str(tmp_path))
    assert not any(third.http.get(f"{third.base}/sandbox/ads", timeout=60).json().values())


def test_the_same_clicks_twice(shop: Running) -> None:
    """A body with click ids that is sent again is refused whole, so a repeated request doubles nothing."""
    body = {"touches": [touch(kind="impression"), touch(fbclid="IwAR1")]}
    assert [load(shop, **body).status_code for _ in range(2)] == [200, 400]
    assert len(shop.http.get(f"{shop.base}/sandbox/ads", timeout=60).json()["touches"]) == 2


def test_the_same_seed_makes_the_same_ads(sandbox: Running) -> None:
    """A seed decides everything; without people there is nobody to show ads to."""
    seed = {"seed": 5, "since": "2026-09-14", "until": "2026-09-16"}
    made = []
    for _ in range(2):
        sandbox.reset()
        refused = sandbox.http.post(f"{sandbox.base}/sandbox/ads/seed", json=seed, timeout=60)
        assert (refused.status_code, "register is empty" in refused.text) == (400, True)
        sandbox.http.post(f"{sandbox.base}/sandbox/people/seed", json={"seed": 5, "count": 30}, timeout=60)
        sandbox.http.post(f"{sandbox.base}/sandbox/ads/seed", json=seed, timeout=60)
        made.append(sandbox.http.get(f"{sandbox.base}/sandbox/ads", timeout=60).json())
    assert made[0] == made[1]
    assert made[0]["touches"]
