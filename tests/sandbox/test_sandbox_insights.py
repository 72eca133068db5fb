"""Insights read by the official SDK and by hand: totals against counts made by hand or by other code."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import requests
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from running_sandbox import DATASET, TOKEN, Running, purchase

from twofold.sandbox.wire.rates import RateOptions

PARIS = ZoneInfo("Europe/Paris")
DAY = 86_400
FIELDS = "spend,impressions,clicks,actions,action_values,purchase_roas,cost_per_action_type"
PURCHASE = ("purchase", "omni_purchase", "offsite_conversion.fb_pixel_purchase", "onsite_web_purchase")
WEEK = {"since": "2026-09-15", "until": "2026-09-21"}


def paris(text: str) -> int:
    """Unix seconds of a wall clock in Paris."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp())


def mail(name: str) -> str:
    return hashlib.sha256(f"{name}@example.com".encode()).hexdigest()


def do(kind: str, person: str | None, when: str, ad: str = "1000") -> dict:
    return {"ad_id": ad, "kind": kind, "person": person, "time": paris(when)}


# Two campaigns with one ad set each; the first has two ads. All times are Paris.
WORLD = {
    "accounts": [
        {"id": "1", "name": "Shop", "currency": "EUR", "timezone_name": "Europe/Paris", "datasets": [DATASET]}
    ],
    "campaigns": [{"id": "10", "account_id": "1", "name": "Sales"}, {"id": "11", "account_id": "1", "name": "Again"}],
    "adsets": [
        {"id": "100", "campaign_id": "10", "name": "Broad"},
        {"id": "101", "campaign_id": "11", "name": "Carts", "click_days": 1, "view_days": 0},
    ],
    "ads": [
        {"id": "1000", "adset_id": "100", "name": "Image"},
        {"id": "1001", "adset_id": "100", "name": "Video"},
        {"id": "1002", "adset_id": "101", "name": "Reminder"},
    ],
    "spend": [
        {"ad_id": "1000", "date": "2026-09-18", "amount": "10.00"},
        {"ad_id": "1000", "date": "2026-09-20", "amount": "5.50"},
        {"ad_id": "1001", "date": "2026-09-20", "amount": "4.50"},
        {"ad_id": "1002", "date": "2026-09-20", "amount": "2"},
    ],
    "touches": [
        do("impression", "ann", "2026-09-18 10:00"),
        do("link_click", "ann", "2026-09-18 10:01"),
        do("impression", "ben", "2026-09-20 09:00", "1001"),
        do("impression", None, "2026-09-20 09:30", "1001"),
        do("impression", "cat", "2026-09-20 10:00", "1002"),
        do("link_click", "cat", "2026-09-20 10:02", "1002"),
    ],
}


def buy(name: str, when: str, value: str, event_id: str, **changes: object) -> dict:
    money = {"value": value, "currency": changes.pop("currency", "EUR")}
    return purchase(
        event_id=event_id, event_time=paris(when), user_data={"em": mail(name)}, custom_data=money, **changes
    )


# Ann: click on Friday 18th, buys Sunday 20th for 40 (7-day click). Ben: saw the video on the 20th, buys for 10 the same
# evening (1-day view). Cat: clicked the reminder on the 20th, buys the next day for 25 (1-day click). Dan did nothing.
EVENTS = [
    buy("ann", "2026-09-20 12:00", "40", "a1"),
    buy("ben", "2026-09-20 20:00", "10", "b1"),
    buy("cat", "2026-09-21 09:00", "25.50", "c1"),
    buy("dan", "2026-09-20 12:00", "99", "d1"),
    buy("ann", "2026-09-20 11:00", "40", "a0", event_name="AddToCart"),
]


@pytest.fixture
def shop(sandbox: Running) -> Running:
    """The world above, everything received at 2026-09-21 15:33 Paris."""
    people = [{"id": name, "em": mail(name)} for name in ("ann", "ben", "cat", "dan")]
    for path, body in (("people", people), ("ads", WORLD)):
        answer = sandbox.http.post(f"{sandbox.base}/sandbox/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
    assert sandbox.post(EVENTS).status_code == 200
    sandbox.post([EVENTS[0]])  # a retry
    return sandbox


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch, sandbox: Running) -> Iterator[None]:
    """The official SDK pointed at the sandbox."""
    monkeypatch.setattr(FacebookSession, "GRAPH", sandbox.base)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    yield
    api._session.requests.close()


def ask(sandbox: Running, node: str = "act_1", **params: object) -> requests.Response:
    texts = {key: value if isinstance(value, str | int) else json.dumps(value) for key, value in params.items()}
    query = {"access_token": TOKEN, "fields": FIELDS, **texts}
    return sandbox.http.get(f"{sandbox.base}/v25.0/{node}/insights", params=query, timeout=60)


def rows(sandbox: Running, node: str = "act_1", **params: object) -> list[dict]:
    answer = ask(sandbox, node, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def by_type(items: list[dict]) -> dict[str, dict[str, str]]:
    found = {item["action_type"]: {k: v for k, v in item.items() if k != "action_type"} for item in items}
    assert len(found) == len(items)
    return found


def test_totals_by_hand(shop: Running) -> None:
    """Three purchases worth 75.50 for 22.00: what a person counts from the lists above."""
    (row,) = rows(shop, time_range=WEEK)

    assert (row["spend"], row["impressions"], row["clicks"]) == ("22", "4", "2")
    actions, values = by_type(row["actions"]), by_type(row["action_values"])
    assert actions["omni_purchase"] == {"value": "3"}
    assert values["omni_purchase"] == {"value": "75.5"}
    assert actions["omni_add_to_cart"] == {"value": "1"}
    assert actions["link_click"] == {"value": "2"}
    # 75.50 / 22 and 22 / 3 to six places
    assert row["purchase_roas"] == [{"action_type": "omni_purchase", "value": "3.431818"}]
    assert by_type(row["cost_per_action_type"])["purchase"] == {"value": "7.333333"}
    assert (row["date_start"], row["date_stop"]) == ("2026-09-15", "2026-09-21")


def test_aliases_are_one_conversion(shop: Running) -> None:
    """Every alias of the purchase carries the same numbers; no row, field or item has their sum."""
    (row,) = rows(shop, time_range=WEEK, fields="actions,action_values,purchase_roas,website_purchase_roas,results")
    for items, number in ((row["actions"], "3"), (row["action_values"], "75.5")):
        found = by_type(items)
        assert {name: found[name]["value"] for name in PURCHASE} == dict.fromkeys(PURCHASE, number)
    text = json.dumps(row)
    assert '"12"' not in text  # 3 under 4 names
    assert '"302"' not in text  # 75.5 under 4 names
    assert row["purchase_roas"][0]["value"] == row["website_purchase_roas"][0]["value"]


def test_windows(shop: Running) -> None:
    """Ann's click is older than a day, Cat's is not, Ben only saw: one key per window asked for, and no other."""
    wanted = ["1d_click", "7d_click", "28d_click", "1d_view", "1d_ev", "7d_view"]
    (row,) = rows(shop, time_range=WEEK, action_attribution_windows=wanted)

    assert by_type(row["actions"])["omni_purchase"] == {
        "value": "3",
        "1d_click": "1",
        "7d_click": "2",
        "28d_click": "2",
        "1d_view": "1",
    }
    assert by_type(row["action_values"])["omni_purchase"] == {
        "value": "75.5",
        "1d_click": "25.5",
        "7d_click": "65.5",
        "28d_click": "65.5",
        "1d_view": "10",
    }
    assert by_type(row["actions"])["link_click"] == {"value": "2", "1d_click": "2"}


# report time -> purchases by day of the account's time zone
REPORT_TIMES = [
    ("impression", {"2026-09-18": "1", "2026-09-20": "2"}),  # Ann's Friday click; Ben's view and Cat's click
    ("conversion", {"2026-09-20": "2", "2026-09-21": "1"}),
    ("mixed", {"2026-09-20": "2", "2026-09-21": "1"}),
]


@pytest.mark.parametrize(("report_time", "expected"), REPORT_TIMES)
def test_report_time(shop: Running, report_time: str, expected: dict[str, str]) -> None:
    """The day of the click or view, or the day of the purchase."""
    found = rows(shop, time_range=WEEK, time_increment=1, action_report_time=report_time)
    days = {row["date_start"]: by_type(row.get("actions", [])).get("purchase", {}).get("value") for row in found}
    assert {day: count for day, count in days.items() if count} == expected
    assert all(row["date_start"] == row["date_stop"] for row in found)
    assert "2026-09-19" not in days  # nothing happened


LEVELS = [
    ("act_1", "account", {"1": ("22", "3")}),
    ("act_1", "campaign", {"10": ("20", "2"), "11": ("2", "1")}),
    ("act_1", "adset", {"100": ("20", "2"), "101": ("2", "1")}),
    ("act_1", "ad", {"1000": ("15.5", "1"), "1001": ("4.5", "1"), "1002": ("2", "1")}),
    ("10", None, {"10": ("20", "2")}),
    ("10", "ad", {"1000": ("15.5", "1"), "1001": ("4.5", "1")}),
    ("101", None, {"101": ("2", "1")}),
    ("1001", None, {"1001": ("4.5", "1")}),
    ("1001", "account", {"1001": ("4.5", "1")}),  # never wider than the object asked
]


@pytest.mark.parametrize(("node", "level", "expected"), LEVELS)
def test_levels(shop: Running, node: str, level: str | None, expected: dict[str, tuple[str, str]]) -> None:
    """Spend and purchases by object; the parts add up to the whole."""
    ids = "account_id,campaign_id,adset_id,ad_id"
    params = {"level": level} if level else {}
    found = rows(shop, node, time_range=WEEK, fields=f"{ids},spend,actions", **params)
    named = {
        next(row[key] for key in ("ad_id", "adset_id", "campaign_id", "account_id") if key in row): (
            row["spend"],
            by_type(row["actions"])["purchase"]["value"],
        )
        for row in found
    }
    assert named == expected


# filtering -> spend of the rows, by level ad and for the whole account
FILTERS = [
    ([("campaign.name", "CONTAIN", "sal")], ["15.5", "4.5"], "20"),
    ([("campaign.id", "NOT_IN", ["10"])], ["2"], "2"),
    ([("ad.name", "EQUAL", "Video")], ["4.5"], "4.5"),
    ([("adset.id", "IN", ["100", "101"]), ("ad.name", "NOT_CONTAIN", "e")], [], None),
    ([("spend", "GREATER_THAN", 4.5)], ["15.5"], "22"),
    ([("spend", "LESS_THAN", "5"), ("clicks", "EQUAL", 0)], ["4.5"], None),
]


@pytest.mark.parametrize(("conditions", "ads", "whole"), FILTERS)
def test_filtering(shop: Running, conditions: list, ads: list[str], whole: str | None) -> None:
    """Conditions on names and ids decide which ads are in the sums, conditions on figures which rows are shown."""
    filtering = [{"field": field, "operator": operator, "value": value} for field, operator, value in conditions]
    asked = {"time_range": WEEK, "filtering": filtering, "fields": "spend"}
    assert [row["spend"] for row in rows(shop, level="ad", **asked)] == ads
    assert [row["spend"] for row in rows(shop, **asked)] == ([whole] if whole else [])


def test_sorting(shop: Running) -> None:
    """Rows by a figure, in either direction."""
    for direction, expected in (("ascending", ["2", "4.5", "15.5"]), ("descending", ["15.5", "4.5", "2"])):
        found = rows(shop, time_range=WEEK, level="ad", fields="spend", sort=[f"spend_{direction}"])
        assert [row["spend"] for row in found] == expected


def test_descriptive_fields(shop: Running) -> None:
    """Names, ids, currency, setting and results of the objects; a field that nobody here knows is named in a header."""
    wanted = (
        "account_id,account_name,account_currency,campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,objective,"
        "attribution_setting,results,reach,frequency,video_p25_watched_actions"
    )
    answer = ask(shop, "1001", time_range=WEEK, fields=wanted)

    assert answer.json()["data"] == [
        {
            "account_id": "1",
            "account_name": "Shop",
            "account_currency": "EUR",
            "campaign_id": "10",
            "campaign_name": "Sales",
            "adset_id": "100",
            "adset_name": "Broad",
            "ad_id": "1001",
            "ad_name": "Video",
            "objective": "OUTCOME_SALES",
            "attribution_setting": "1d_view_7d_click",
            "results": [
                {
                    "indicator": "actions:offsite_conversion.fb_pixel_purchase",
                    "values": [{"value": "1", "attribution_windows": ["default"]}],
                }
            ],
            "reach": "2",
            "frequency": "1",
            "date_start": "2026-09-15",
            "date_stop": "2026-09-21",
        }
    ]
    assert answer.headers["x-sandbox-fields-left-out"] == "video_p25_watched_actions"
    (row,) = rows(shop, time_range=WEEK, fields="attribution_setting")
    assert row["attribution_setting"] == "mixed"
    (row,) = rows(shop, "101", time_range=WEEK, fields="attribution_setting")
    assert row["attribution_setting"] == "1d_click"


def test_time_zone_of_the_account(shop: Running) -> None:
    """23:30 UTC on Saturday is Sunday in Paris: the day of a row is the ad account's."""
    late = int(datetime.datetime(2026, 9, 19, 23, 30, tzinfo=datetime.UTC).timestamp())
    body = {"touches": [{"ad_id": "1000", "kind": "impression", "person": "dan", "time": late}]}
    shop.http.post(f"{shop.base}/sandbox/ads", json=body, timeout=60)

    assert rows(shop, time_range={"since": "2026-09-19", "until": "2026-09-19"}) == []
    (row,) = rows(shop, time_range={"since": "2026-09-20", "until": "2026-09-20"})
    assert row["impressions"] == "4"


def test_another_currency_counts_without_value(shop: Running) -> None:
    """Ben pays in dollars: one more purchase, no more euros."""
    shop.post([buy("ben", "2026-09-20 21:00", "77", "b2", currency="USD")])

    (row,) = rows(shop, time_range=WEEK)
    assert by_type(row["actions"])["purchase"]["value"] == "4"
    assert by_type(row["action_values"])["purchase"]["value"] == "75.5"


def test_custom_and_other_events(shop: Running) -> None:
    """Custom names share one action type; Schedule is in `conversions`; PageView is no action."""
    shop.post([buy("ben", "2026-09-20 21:00", "1", f"x{n}", event_name=name) for n, name in enumerate(
        ("Quiz", "Poll", "Schedule", "PageView", "InitiateCheckout")
    )])  # fmt: skip

    (row,) = rows(shop, "1001", time_range=WEEK, fields="actions,conversions")
    assert {name: item["value"] for name, item in by_type(row["actions"]).items() if name not in PURCHASE} == {
        "offsite_conversion.fb_pixel_custom": "2",
        "schedule": "1",
        "offsite_conversion.fb_pixel_schedule": "1",
        "initiate_checkout": "1",
        "omni_initiated_checkout": "1",
        "offsite_conversion.fb_pixel_initiate_checkout": "1",
    }
    assert {item["action_type"]: item["value"] for item in row["conversions"]} == {
        "schedule_total": "1",
        "schedule_website": "1",
    }


# parameters -> (date_start, date_stop) of every row; today is Monday 2026-09-21 in Paris
PERIODS = [
    ({"date_preset": "today"}, [("2026-09-21", "2026-09-21")]),
    ({"date_preset": "yesterday"}, [("2026-09-20", "2026-09-20")]),
    ({"date_preset": "last_3d"}, [("2026-09-18", "2026-09-20")]),
    ({"date_preset": "last_7d"}, [("2026-09-14", "2026-09-20")]),
    ({}, [("2026-08-22", "2026-09-20")]),
    ({"date_preset": "this_month"}, [("2026-09-01", "2026-09-21")]),
    ({"date_preset": "last_month"}, []),
    ({"date_preset": "this_quarter"}, [("2026-07-01", "2026-09-21")]),
    ({"date_preset": "last_quarter"}, []),
    ({"date_preset": "this_year"}, [("2026-01-01", "2026-09-21")]),
    ({"date_preset": "last_week_mon_sun"}, [("2026-09-14", "2026-09-20")]),
    ({"date_preset": "last_week_sun_sat"}, [("2026-09-13", "2026-09-19")]),
    ({"date_preset": "this_week_sun_today"}, [("2026-09-20", "2026-09-21")]),
    ({"date_preset": "maximum"}, [("2026-09-18", "2026-09-21")]),
    ({"time_range": WEEK, "time_increment": 4}, [("2026-09-15", "2026-09-18"), ("2026-09-19", "2026-09-21")]),
    ({"time_range": WEEK, "time_increment": "all_days"}, [("2026-09-15", "2026-09-21")]),
    (
        {"time_range": {"since": "2026-08-20", "until": "2026-09-19"}, "time_increment": "monthly"},
        [("2026-09-01", "2026-09-19")],
    ),
    (
        {
            "time_ranges": [WEEK, {"since": "2026-09-20", "until": "2026-09-20"}],
            "time_range": {"since": "2026-01-01", "until": "2026-01-02"},
        },
        [("2026-09-15", "2026-09-21"), ("2026-09-20", "2026-09-20")],
    ),
]


@pytest.mark.parametrize(("params", "expected"), PERIODS)
def test_periods(shop: Running, params: dict, expected: list[tuple[str, str]]) -> None:
    """Presets, ranges and increments give these rows; a period in which nothing happened gives none."""
    found = rows(shop, **params)
    assert [(row["date_start"], row["date_stop"]) for row in found] == expected


def test_default_fields(shop: Running) -> None:
    """Without fields there are spend and impressions."""
    (row,) = rows(shop, time_range=WEEK, fields="")
    assert row == {"impressions": "4", "spend": "22", "date_start": "2026-09-15", "date_stop": "2026-09-21"}


def test_paging(shop: Running) -> None:
    """Following `next` gives every row once and in order; `previous` leads back; the last page has no `next`."""
    params = {"time_range": WEEK, "level": "ad", "time_increment": 1, "fields": "ad_id,spend"}
    whole = rows(shop, **params, limit=100)
    assert len(whole) == 5
    answer, pages = ask(shop, **params, limit=2).json(), []
    while True:
        pages.append(answer["data"])
        if "next" not in answer["paging"]:
            break
        answer = shop.http.get(answer["paging"]["next"], timeout=60).json()
    assert [len(page) for page in pages] == [2, 2, 1]
    assert list(itertools.chain.from_iterable(pages)) == whole
    back = shop.http.get(answer["paging"]["previous"], timeout=60).json()
    assert back["data"] == pages[1]


BAD_QUESTIONS = [
    ({"level": "galaxy"}, "level must be one of"),
    ({"date_preset": "someday"}, "date_preset must be one of"),
    ({"time_range": {"since": "2026-09-21", "until": "2026-09-20"}}, "since must not be after"),
    ({"time_range": "{bad"}, "time_range must be JSON"),
    ({"time_range": {"since": "2016-09-21", "until": "2026-09-20"}}, "37 months"),
    ({"time_increment": 91}, "time_increment"),
    ({"action_attribution_windows": ["3d_click"]}, "action_attribution_windows[0] must be one of"),
    ({"breakdowns": ["age"]}, "does not know breakdowns"),
    ({"filtering": [{"field": "spend"}]}, "filtering[0] must have"),
    ({"filtering": [{"field": "age", "operator": "EQUAL", "value": "1"}]}, "does not know filtering[0].field"),
    ({"filtering": [{"field": "spend", "operator": "IN", "value": "1"}]}, "filtering[0].operator must be one of"),
    ({"filtering": [{"field": "spend", "operator": "EQUAL", "value": "x"}]}, "must be a number"),
    ({"filtering": [{"field": "ad.id", "operator": "IN", "value": []}]}, "must not be empty"),
    ({"sort": ["luck_descending"]}, "sorts by one of"),
    ({"action_breakdowns": ["action_type", "conversion_destination"]}, "does not know action_breakdowns[1]; it knows"),
    ({"action_breakdowns": ["action_reaction"]}, "does not know action_breakdowns[0]; it knows"),
    ({"action_report_time": "never"}, "action_report_time must be one of"),
    ({"limit": "0"}, "limit"),
    ({"after": "xyz"}, "cursor"),
]


@pytest.mark.parametrize(("params", "words"), BAD_QUESTIONS)
def test_bad_questions(shop: Running, params: dict, words: str) -> None:
    """What cannot be answered is refused with code 100, never answered as if it had not been asked."""
    answer = ask(shop, **params)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 100)
    assert words in error["message"]
    assert error["fbtrace_id"]


def test_action_breakdowns_of_action_type(shop: Running) -> None:
    """The one action breakdown that every answer has anyway may be asked for."""
    assert rows(shop, time_range=WEEK, action_breakdowns=["action_type"]) == rows(shop, time_range=WEEK)


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1"
DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36"


@pytest.fixture
def mixed_shop(shop: Running) -> Running:
    """Four more purchases by Ann on the 20th: phone by server, phone by both, desktop by both, and one of no known device.

    With Ann's, Ben's and Cat's, which came from the server without a user agent, seven for 175.50.
    """

    def more(event_id: str, agent: str | None, host: str, value: str) -> dict:
        user_data = {"em": mail("ann")} | ({"client_user_agent": agent} if agent else {})
        event = buy("ann", "2026-09-20 13:00", value, event_id, event_source_url=f"https://{host}/thanks?order=1")
        return event | {"user_data": user_data}

    assert shop.post([
        more("m1", PHONE, "shop.example", "10"), more("m2", PHONE, "shop.example", "20"),
        more("m3", DESKTOP, "pay.example", "30"), more("m4", None, "pay.example", "40"),
    ]).status_code == 200  # fmt: skip
    for event_id, agent, host, value in (("m2", PHONE, "shop.example", "20"), ("m3", DESKTOP, "pay.example", "30")):
        answer = shop.http.get(
            f"{shop.base}/tr/",
            params={"id": DATASET, "ev": "Purchase", "eid": event_id, "dl": f"https://{host}/thanks", "cd[value]": value,
                    "cd[currency]": "EUR", "ud[em]": mail("ann")},
            headers={"user-agent": agent},
            timeout=60,
        )  # fmt: skip
        assert answer.status_code == 200
    return shop


def test_credit_follows_the_kept_copy(shop: Running) -> None:
    """A browser copy that comes after Insights was read takes its server copy's place: still three purchases, one both."""
    query = {"time_range": WEEK, "fields": "actions", "action_breakdowns": ["signal_source_bucket"]}

    def sides() -> dict[str, str]:
        (row,) = rows(shop, **query)
        return {one["signal_source_bucket"]: one["value"] for one in row["actions"] if one["action_type"] == "purchase"}

    assert sides() == {"server": "3"}
    hit = {"cd[value]": "40", "cd[currency]": "EUR", "ud[em]": mail("ann")}
    shop.pixel(ev="Purchase", eid="a1", **hit)
    assert sides() == {"server": "2", "both": "1"}
    assert [row["number"] for row in shop.read("conversions") if row["event_name"] == "Purchase"] == [2, 3, 7]
    shop.pixel(ev="Purchase", eid="a9", **hit)  # the browser's alone
    assert sides() == {"server": "2", "both": "1", "browser": "1"}
    shop.reset()
    assert shop.read("conversions") == []


# breakdowns asked for -> purchases and their value by the breakdowns' values, counted by hand from the lists above
BROKEN_DOWN = [
    (
        ["action_device"],
        {("mobile",): ("2", "30"), ("desktop",): ("1", "30"), ("unknown",): ("4", "115.5")},
    ),
    (
        ["action_type", "action_destination"],
        {("shop.example",): ("5", "105.5"), ("pay.example",): ("2", "70")},
    ),
    (["signal_source_bucket"], {("server",): ("5", "125.5"), ("both",): ("2", "50")}),
    (
        ["signal_source_bucket", "action_device"],
        {
            ("server", "mobile"): ("1", "10"),
            ("server", "unknown"): ("4", "115.5"),
            ("both", "mobile"): ("1", "20"),
            ("both", "desktop"): ("1", "30"),
        },
    ),
]


@pytest.mark.parametrize(("names", "expected"), BROKEN_DOWN)
def test_action_breakdowns(mixed_shop: Running, names: list[str], expected: dict) -> None:
    """Every purchase falls into one part: by hand 7 for 175.50, whatever it is broken down by; so does the rest."""
    shown = [name for name in names if name != "action_type"]
    (row,) = rows(mixed_shop, time_range=WEEK, action_breakdowns=names, action_attribution_windows=["7d_click"])
    (whole,) = rows(mixed_shop, time_range=WEEK, action_attribution_windows=["7d_click"])

    for field, place, total in (("actions", 0, "7"), ("action_values", 1, "175.5")):
        found = {
            tuple(item[name] for name in shown): item["value"]
            for item in row[field]
            if item["action_type"] == "omni_purchase"
        }
        assert found == {part: figures[place] for part, figures in expected.items()}
        assert by_type(whole[field])["omni_purchase"]["value"] == total
        for column in ("value", "7d_click"):
            sums: Counter[str] = Counter()
            for item in row[field]:
                sums[item["action_type"]] += Decimal(item.get(column, 0))
            assert sums == {item["action_type"]: Decimal(item.get(column, 0)) for item in whole[field]}
    assert row["purchase_roas"] == whole["purchase_roas"]
    assert row["cost_per_action_type"] == whole["cost_per_action_type"]


def test_unknown_object(shop: Running) -> None:
    """An id that names nothing, or an account without its prefix, is 100/33."""
    for node in ("act_2", "999", "1"):
        answer = ask(shop, node)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
        assert answer.json()["error"]["error_subcode"] == 33


def test_who_may_ask(start_sandbox: Callable[..., Running]) -> None:
    """As at the events endpoint: a known token, the proof, and with listed datasets the account listed beside them."""
    whole, limited, reader = "token-for-everything", "token-of-one-dataset", "token-with-the-account"
    tokens = {whole: (), limited: (DATASET,), reader: (DATASET, "act_1")}
    sandbox = start_sandbox(tokens=tokens, app_secret="secret")
    assert sandbox.http.post(f"{sandbox.base}/sandbox/ads", json=WORLD | {"touches": []}, timeout=60).ok

    def code(token: str | None, **more: str) -> tuple[int, int | None]:
        params = {"access_token": token, **more} if token else more
        answer = sandbox.http.get(f"{sandbox.base}/v25.0/act_1/insights", params=params, timeout=60)
        return answer.status_code, answer.json().get("error", {}).get("code")

    def proof(token: str) -> str:
        return hmac.new(b"secret", token.encode(), hashlib.sha256).hexdigest()

    assert code(None) == (401, 190)
    assert code("token-that-is-not-known") == (401, 190)
    assert code(whole) == (400, 100)
    assert code(whole, appsecret_proof=proof(reader)) == (400, 100)
    assert code(whole, appsecret_proof=proof(whole)) == (200, None)
    assert code(limited, appsecret_proof=proof(limited)) == (400, 100)
    assert code(reader, appsecret_proof=proof(reader)) == (200, None)


def test_scopes(start_sandbox: Callable[..., Running]) -> None:
    """A token that may only send events and read their quality, as Events Manager makes them, reads no ads."""
    sandbox = start_sandbox(scopes={TOKEN: ("read_ads_dataset_quality",), "token-of-the-agency": ("ads_read",)})
    assert sandbox.http.post(f"{sandbox.base}/sandbox/ads", json=WORLD | {"touches": []}, timeout=60).ok

    answer = ask(sandbox)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert "Missing Permission" in answer.json()["error"]["message"]
    assert ask(sandbox, access_token="token-of-the-agency").status_code == 200


def test_sdk_reads_insights(shop: Running, sdk: None) -> None:
    """The official SDK's typed call gets the same numbers, over pages of one."""
    found = list(
        AdAccount("act_1").get_insights(
            fields=["campaign_name", "spend", "actions", "purchase_roas"],
            params={
                "level": "campaign",
                "time_range": WEEK,
                "action_attribution_windows": ["7d_click", "1d_view"],
                "action_breakdowns": ["action_type"],
                "limit": 1,
            },
        )
    )
    assert [(row["campaign_name"], row["spend"]) for row in found] == [("Sales", "20"), ("Again", "2")]
    assert by_type([dict(item) for item in found[0]["actions"]])["purchase"] == {
        "value": "2",
        "7d_click": "1",
        "1d_view": "1",
    }
    (one,) = Campaign("11").get_insights(fields=["actions"], params={"time_range": WEEK})
    assert by_type([dict(item) for item in one["actions"]])["purchase"] == {"value": "1"}


def test_sdk_runs_a_report(shop: Running, sdk: None) -> None:
    """Ask, poll until completed, read: a run keeps what was true when it was asked for, and is refused until ready."""
    run = AdAccount("act_1").get_insights(
        fields=["spend", "actions"], params={"time_range": WEEK, "level": "ad", "limit": 2}, is_async=True
    )
    assert isinstance(run, AdReportRun)
    with pytest.raises(FacebookRequestError) as early:
        run.get_insights()
    assert early.value.api_error_code() == 100
    statuses = []
    for _ in range(5):
        run.api_get()
        statuses.append((run["async_status"], run["async_percent_completion"]))
        if run["async_status"] == "Job Completed":
            break
    assert statuses == [("Job Started", 0), ("Job Running", 50), ("Job Completed", 100)]
    shop.post([buy("cat", "2026-09-21 10:00", "1", "c2")])

    found = list(run.get_insights(params={"limit": 2}))
    assert [row["spend"] for row in found] == ["15.5", "4.5", "2"]
    assert by_type([dict(item) for item in found[2]["actions"]])["purchase"] == {"value": "1"}


def test_sdk_lists_the_objects(shop: Running, sdk: None) -> None:
    """Account, campaigns, ad sets and ads can be read as objects."""
    account = AdAccount("act_1").api_get(fields=["name", "currency", "timezone_name"])
    assert (account["name"], account["currency"], account["timezone_name"]) == ("Shop", "EUR", "Europe/Paris")
    assert [row["id"] for row in AdAccount("act_1").get_campaigns(fields=["name"])] == ["10", "11"]
    assert [row["name"] for row in Campaign("10").get_ads(fields=["name"])] == ["Image", "Video"]
    (adset,) = Campaign("11").get_ad_sets(fields=["attribution_spec"])
    assert [dict(item) for item in adset["attribution_spec"]] == [{"event_type": "CLICK_THROUGH", "window_days": 1}]


def test_seeded_world_against_a_count_of_its_own(sandbox: Running, sdk: None) -> None:
    """A seeded fortnight with 240 purchases, half of them sent twice: every ad's spend, impressions, clicks, purchases
    and value by window equal those of a plain count over the raw lists."""
    http, base = sandbox.http, sandbox.base
    people = http.post(f"{base}/sandbox/people/seed", json={"seed": 11, "count": 60}, timeout=60).json()["people"]
    seed = {"seed": 11, "since": "2026-09-08", "until": "2026-09-21", "account_id": "5", "timezone_name": "Asia/Tokyo"}
    assert http.post(f"{base}/sandbox/ads/seed", json=seed, timeout=60).status_code == 200
    world = http.get(f"{base}/sandbox/ads", timeout=60).json()
    bought = []
    for n in range(240):
        person = people[n * 7 % 60]
        sandbox.now = (1_789_000_000 + n * 4_100) * 1000
        time, value = sandbox.now // 1000, Decimal(1000 + 37 * n) / 100
        event = purchase(
            event_id=f"o{n}",
            event_time=time,
            user_data={"em": hashlib.sha256(person["email"].encode()).hexdigest(), "fbp": person["fbp"]},
            custom_data={"value": str(value), "currency": "EUR"},
        )
        sandbox.post([event])
        if n % 2:
            sandbox.pixel(
                ev="Purchase", eid=f"o{n}", fbp=person["fbp"], ts=time * 1000,
                **{"cd[value]": str(value), "cd[currency]": "EUR"},
            )  # fmt: skip
        bought.append((person["id"], time, value))

    windows = ["1d_click", "7d_click", "28d_click", "1d_view", "1d_ev"]
    params = {"level": "ad", "time_range": {"since": "2026-09-10", "until": "2026-09-21"}}
    found = AdAccount("act_5").get_insights(
        fields=["ad_id", "spend", "impressions", "clicks", "actions", "action_values"],
        params={**params, "action_attribution_windows": windows},
    )
    got = {}
    for row in found:
        counts = by_type([dict(item) for item in row["actions"]])["purchase"]
        values = by_type([dict(item) for item in row["action_values"]])["purchase"]
        got[row["ad_id"]] = (
            Decimal(row["spend"]),
            int(row["impressions"]),
            int(row["clicks"]),
            {window: int(number) for window, number in counts.items()},
            {window: Decimal(number) for window, number in values.items()},
        )
    assert got == count_by_hand(world, bought, ("2026-09-10", "2026-09-21"), "Asia/Tokyo")
    assert sum(row[3]["value"] for row in got.values()) > 100


def count_by_hand(world: dict, bought: list, days: tuple[str, str], zone: str) -> dict:
    """The same question answered by loops over the raw lists, for Meta's default setting."""

    def inside(time: int) -> bool:
        return days[0] <= datetime.datetime.fromtimestamp(time, ZoneInfo(zone)).date().isoformat() <= days[1]

    spend, seen, clicks = Counter(), Counter(), Counter()
    for row in world["spend"]:
        if days[0] <= row["date"] <= days[1]:
            spend[row["ad_id"]] += Decimal(row["amount"])
    for touch in world["touches"]:
        if inside(touch["time"]):
            {"impression": seen, "link_click": clicks}.get(touch["kind"], Counter())[touch["ad_id"]] += 1
    numbers: dict[str, Counter] = {}
    money: dict[str, Counter] = {}
    for person, time, value in bought:
        if not inside(time):
            continue
        mine = [touch for touch in world["touches"] if touch["person"] == person]

        def last(kind: str, days: int, mine: list = mine, time: int = time) -> str | None:
            near = [touch for touch in mine if touch["kind"] == kind and 0 <= time - touch["time"] <= days * DAY]
            return max(near, key=lambda touch: touch["time"])["ad_id"] if near else None

        week = last("link_click", 7)
        view = None if week else last("impression", 1)
        credited = {
            "value": week or view,
            "1d_click": last("link_click", 1),
            "7d_click": week,
            "28d_click": last("link_click", 28),
            "1d_view": view,
            "1d_ev": None if week else last("engaged_view", 1),
        }
        for window, ad in credited.items():
            if ad:
                numbers.setdefault(ad, Counter())[window] += 1
                money.setdefault(ad, Counter())[window] += value
    return {ad: (spend[ad], seen[ad], clicks[ad], dict(numbers[ad]), dict(money[ad])) for ad in numbers}


def test_rate_headers_and_throttling(start_sandbox: Callable[..., Running]) -> None:
    """Reads cost 1 and asking for a report 3, as documented; a sandbox told to throttle answers 80004 past its score."""
    sandbox = start_sandbox(rates=RateOptions(throttle=True, max_score=5))
    assert sandbox.http.post(f"{sandbox.base}/sandbox/ads", json=WORLD | {"touches": []}, timeout=60).ok
    first = ask(sandbox)
    assert json.loads(first.headers["x-business-use-case-usage"])["1"][0]["call_count"] == 20
    url = f"{sandbox.base}/v25.0/act_1/insights"
    assert sandbox.http.post(url, data={"access_token": TOKEN}, timeout=60).status_code == 200
    assert ask(sandbox).status_code == 200
    assert ask(sandbox).json()["error"]["code"] == 80004


def test_costs_and_rates_by_hand(shop: Running) -> None:
    """22.00 for 4 impressions and 2 clicks of three known people and one unknown."""
    (row,) = rows(shop, time_range=WEEK, fields="cpc,cpm,ctr,reach,frequency,inline_link_clicks")
    row.pop("date_start"), row.pop("date_stop")
    assert row == {
        "cpc": "11",
        "cpm": "5500",
        "ctr": "50",
        "reach": "4",
        "frequency": "1",
        "inline_link_clicks": "2",
    }
