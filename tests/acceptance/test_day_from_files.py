"""One day in March as four report it: orders and Purchases in a store, what Meta and GA4 say from files, by the command."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.eight_orders import Shop
from tests.store.copies import BROWSER, copy
from tests.store.order_reports import deliver, entry, report, shop_copy, shop_store
from twofold.event.model import Consent
from twofold.ledger.model import Sale
from twofold.ledger.policy import VALUE_PARTS, OrderPolicy
from twofold.touch.model import Sign, Touch, TouchKind

TBILISI = ZoneInfo("Asia/Tbilisi")
SETTINGS = """
[server]
data = "data"

[[dataset]]
id = "1"

[dataset.orders]
counts_when = "placed"
value_parts = ["goods", "tax", "tip", "duties", "gift_card"]
unmatched = "send"

[[destination]]
platform = "meta"
dataset = "1"
name = "meta-1"
token = "EAAB"

[chain]
timezone = "Asia/Tbilisi"
currency = "GEL"
"""
POLICY = OrderPolicy(
    counts_when="placed", when={}, value_parts=frozenset(VALUE_PARTS) - {"shipping"}, unmatched="send", wait_ms=1_000
)  # fmt: skip
# number, day, time, total, what is special
ORDERS = [
    ("1001", 10, "09:12", "120.00", ""), ("1002", 10, "10:40", "80.00", ""), ("1003", 10, "11:05", "200.00", "free click"),
    ("1004", 10, "12:30", "60.00", "chat"), ("1005", 10, "13:15", "150.00", "denied"),
    ("1006", 10, "14:02", "95.00", "cancelled"), ("1007", 10, "15:20", "1.00", "test"),
    ("1008", 10, "16:45", "110.00", "unseen"), ("1009", 10, "18:30", "300.00", "free click twice"),
    ("1010", 10, "23:40", "70.00", ""), ("1011", 10, "00:30", "90.00", ""), ("1012", 11, "08:10", "130.00", ""),
]  # fmt: skip
INSIGHTS = {
    "data": [
        {"account_id": "42", "account_currency": "USD", "campaign_id": "120200000000000001", "campaign_name": "Spring",
         "adset_id": "120200000000000002", "adset_name": "A", "ad_id": "120200000000000003", "ad_name": "Ad",
         "spend": "40.00", "impressions": "900", "clicks": "30", "date_start": "2026-03-10", "date_stop": "2026-03-10",
         "actions": [{"action_type": "offsite_conversion.fb_pixel_purchase", "value": "4", "7d_click": "3", "1d_view": "1"}],
         "action_values": [{"action_type": "offsite_conversion.fb_pixel_purchase", "value": "340.00", "7d_click": "295.00",
                            "1d_view": "45.00"}]},
    ],
}  # fmt: skip
ACCOUNT = {"account_id": "42", "id": "act_42", "timezone_name": "America/Los_Angeles", "currency": "USD"}
RATES = """\
[{"date":"2026-03-10T00:00:00.000Z","currencies":[{"code":"USD","quantity":1,"rate":2.7000,"name":"US Dollar","validFromDate":"2026-03-10T00:00:00.000Z"}]}]
"""
GA4_HEAD = "# ----\n# Explore\n# Account: Shop\n# Property: Shop - GA4\n# 20260310-20260310\n# ----\n"
WITH_IDS = GA4_HEAD + (
    "Date,Transaction ID,Ecommerce purchases,Purchase revenue\n"
    "20260310,1001,1,120.00\n20260310,1002,1,120.00\n20260310,1003,1,200.00\n20260310,1006,1,95.00\n"
    "20260310,1009,1,300.00\n20260310,1010,1,70.00\n"
)
WITHOUT_IDS = GA4_HEAD + "Date,Ecommerce purchases,Purchase revenue\n20260310,6,905.00\n"


def seconds(day: int, clock: str) -> int:
    return int(datetime.fromisoformat(f"2026-03-{day:02d}T{clock}").replace(tzinfo=TBILISI).timestamp())


async def play(folder: Path) -> None:
    """The orders with their copies as they come, and Meta's yes to what is sent."""
    first = seconds(9, "12:00") * 1000
    async with shop_store(folder, POLICY, at=first) as store:
        for number, day, clock, total, special in sorted(ORDERS, key=lambda o: seconds(o[1], o[2])):
            at = seconds(day, clock)
            browser = {"client_ip_address": f"203.0.113.{int(number) % 200}", "client_user_agent": "Mozilla/5.0",
                       "fbp": f"fb.1.{at * 1000}.{number}"}  # fmt: skip
            if "click" in special:
                browser["fbc"] = f"fb.1.{(at - 86_400) * 1000}.IwAR{number}abcdefghijklmnop"
            consent = Consent.DENIED if special == "denied" else Consent.GRANTED
            told = report(
                number, total=total, currency="GEL", paid=None, version=at, at=at, placed=at,
                amounts={} if "free" in special else {"shipping": "7.00"},
                aliases=(f"number:{number}",), sale=Sale.CHAT if special == "chat" else Sale.WEB,
                test=special == "test",
            )  # fmt: skip
            events = []
            if special not in ("chat", "unseen"):
                events.append(
                    copy(f"purchase.{number}", BROWSER, order=number, value=total, currency="GEL", at=at * 1000,
                         consent=consent, **browser)
                )  # fmt: skip
            if "twice" in special:
                events.append(
                    copy(f"theme-{number}", BROWSER, value=total, currency="GEL", at=(at + 5) * 1000, consent=consent,
                         **browser)
                )  # fmt: skip
            if special == "unseen":  # the buyer was in the shop, only the thank-you page was never reached
                seen = Touch(at=at - 600, kind=TouchKind.VISIT)
                await store.append([], signs=[Sign(dataset="1", ids=(("fbp", browser["fbp"]),), touch=seen)])
            shop = shop_copy(
                number, at=at * 1000, value=total, currency="GEL", consent=consent, happened=at * 1000, **browser
            )
            await store.append_orders([entry(told, shop, at=at * 1000)], events)
            if special == "cancelled":
                gone = report(number, total=total, currency="GEL", paid=None, version=at + 1080, at=at + 1080, placed=at,
                              amounts={"shipping": "7.00"}, cancelled_at=at + 1080)  # fmt: skip
                await store.append_orders([entry(gone, at=(at + 1080) * 1000)], [])
            await deliver(store, (at + 3_600) * 1000)
        await deliver(store, seconds(12, "12:00") * 1000)


@pytest.fixture(scope="module", params=["with ids", "without"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Shop]:
    shop = Shop(tmp_path_factory.mktemp("day"), SETTINGS)
    asyncio.run(play(shop.folder / "data"))
    shop.take("spend", "insights.json", json.dumps(ACCOUNT) + "\n" + json.dumps(INSIGHTS))
    shop.take("rates", "rates.json", RATES)
    options = ("--currency", "GEL", "--timezone", "Asia/Tbilisi")
    shop.take("ga4", "ga4.csv", WITH_IDS if request.param == "with ids" else WITHOUT_IDS, options)
    return request.param, shop


def bridge(rows: list[dict], name: str) -> list[tuple]:
    return [
        (row.get("reason", row.get("name")) + row.get("way", ""), row["count"], f"{Decimal(row['amount']):.2f}")
        for row in rows
        if row["row"] in ("sum", "reason") and row["bridge"] == name
    ]


def residual(rows: list[dict], name: str) -> tuple[int, str]:
    (row,) = [r for r in rows if r["row"] == "residual" and r["bridge"] == name]
    return row["count"], row["amount"]


def test_the_four_bridges(told):
    kind, shop = told
    rows = shop.rows("day", "2026-03-10", "--as-of", "2026-03-14")
    assert bridge(rows, "meta") == [
        ("basis", 10, "1275.00"), ("time_zoneout", -3, "-290.00"), ("time_zonein", 1, "130.00"),
        ("cancelled_before_sent", -1, "-95.00"), ("consent", -1, "-150.00"), ("no_browser", -1, "-60.00"),
        ("duplicate_there", 1, "300.00"), ("value_parts", 0, "-21.00"), ("accepted", 6, "1089.00"),
        ("no_meta_click", -3, "-289.00"), ("expected_by_click", 3, "800.00"), ("view_through", 1, "121.50"),
        ("expected", 4, "921.50"),
    ]  # fmt: skip
    assert residual(rows, "meta") == (0, "-3.50")
    assert bridge(rows, "log") == [
        ("basis", 10, "1275.00"), ("test_order", 1, "1.00"), ("duplicate_there", 1, "300.00"), ("expected", 12, "1576.00"),
    ]  # fmt: skip
    assert residual(rows, "log") == (0, "0.00")
    assert bridge(rows, "shop") == [("basis", 10, "1275.00"), ("cancelled", 0, "-95.00"), ("expected", 10, "1180.00")]
    common = [("basis", 10, "1275.00"), ("consent", -1, "-150.00"), ("no_browser", -1, "-60.00"),
              ("page_not_reached", -1, "-110.00")]  # fmt: skip
    if kind == "with ids":
        assert bridge(rows, "ga4") == [
            *common, ("blocked_there", -1, "-90.00"), ("price_differs", 0, "40.00"), ("expected", 6, "905.00"),
        ]  # fmt: skip
        assert residual(rows, "ga4") == (0, "0.00")
    else:
        assert bridge(rows, "ga4") == [*common, ("expected", 7, "955.00")]
        assert residual(rows, "ga4") == (-1, "-50.00")


def test_the_witnesses_name_their_zone_window_and_currency(told):
    _, shop = told
    rows = shop.rows("day", "2026-03-10", "--as-of", "2026-03-14")
    found = {
        r["source"]: (r["count"], r["amount"], r["original_amount"], r["original_currency"], r["timezone"], r["window"])
        for r in rows
        if r["row"] == "witness"
    }
    assert {r["source"]: (r["role"], r["link"]) for r in rows if r["row"] == "witness"} == {
        "meta": ("signal", "signalled"), "ga4": ("signal", "signalled"), "log": ("signal", "signalled"), "shop": ("truth", "placed"),
    }  # fmt: skip
    assert found["meta"] == (4, "918.00", "340.00", "USD", "America/Los_Angeles", "7d_click+1d_view")
    assert found["ga4"][:2] == (6, "905.00")
    assert found["shop"][:2] == (10, "1180.00")
    assert found["log"][:2] == (12, "1576.00")
    claims = [
        (r["window"], r["claimed"], r["confirmed"], r["unconfirmed"], r["unclaimed"])
        for r in rows
        if r["row"] == "claim"
    ]
    assert claims == [("7d_click", "3", 3, "0", 0), ("1d_view", "1", 0, "1", 0)]
    assert [(r["who"], r["count"], r["amount"]) for r in rows if r["row"] == "cohort"][:2] == [
        ("pixel", 12, "1576.00"), ("crm", 0, "0.00"),
    ]  # fmt: skip


def test_versions_are_kept_with_the_time_they_were_made(told):
    """Asked for long after: all four are made now and stay; one asked for as of another day makes none."""
    _, shop = told
    assert not [r for r in shop.rows("day", "2026-03-11", "--as-of", "2026-03-14") if r["row"] == "version"]
    first = [r for r in shop.rows("day", "2026-03-10") if r["row"] == "version"]
    assert {r["age"] for r in first} == {1, 3, 7, 28}
    assert [r["residual"] for r in first if r["bridge"] == "meta"] == ["-3.50"] * 4
    assert [r for r in shop.rows("day", "2026-03-10") if r["row"] == "version"] == first
    assert "said 28 days after" in shop.run("day", "2026-03-10")
