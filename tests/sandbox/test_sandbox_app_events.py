"""App events from the device: the SDK's activities, and how they fold with the server's copies."""

from __future__ import annotations

import json

import pytest
from running_sandbox import DATASET, EMAIL, NOW_MS, Running, purchase

from twofold.sandbox.wire.dedup import DedupOptions

EXTINFO = ["a2", "shop.example", "1", "1.0", "15", "Pixel 9", "de_DE", "CET", "", "1080", "2424", "2", "8", "128", "64", "Europe/Berlin"]  # fmt: skip
ACTIVITY = {"_eventName": "fb_mobile_purchase", "_logTime": NOW_MS // 1000, "_valueToSum": 42.5, "fb_currency": "EUR",
            "fb_order_id": "1001", "event_id": "order-1001"}  # fmt: skip


def activity(sandbox: Running, *rows: dict, **fields: object):
    form = {"event": "CUSTOM_APP_EVENTS", "advertiser_id": "ad-1", "custom_events": json.dumps(rows or [ACTIVITY])}
    return sandbox.http.post(f"{sandbox.base}/v25.0/{DATASET}/activities", data=form | fields, timeout=60)


def app_purchase(**changes: object) -> dict:
    app_data = {"advertiser_tracking_enabled": 1, "extinfo": EXTINFO}
    return purchase(action_source="app", app_data=app_data, event_source_url=None, **changes)


def test_device_and_server_are_one_action(sandbox: Running) -> None:
    """Server first, the device within 5 minutes: one action, the device's; the counts name three sources."""
    sandbox.post([app_purchase()])
    sandbox.now += 5 * 60_000
    assert activity(sandbox).json() == {"success": True}

    server, device = sandbox.read("events")
    assert (server["state"], server["reason"]) == ("Deduplicated", "replaced_by_browser")
    assert (device["source"], device["state"], device["action_source"]) == ("App", "Processed", "app")
    (row,) = sandbox.read("counts")
    assert [row[f"{side}_received"] for side in ("browser", "server", "app")] == [0, 1, 1]
    assert (row["counted"], row["deduplicated"], row["value"]) == (1, 1, {"EUR": "42.5"})


def test_what_an_activity_becomes(sandbox: Running) -> None:
    """Names, parameters and ids are mapped to the standard event; a custom name stays; contact data only as hash."""
    activity(sandbox, ACTIVITY, {"_eventName": "level_up"}, ud=json.dumps({"em": EMAIL, "ph": "+49170"}))

    first, second = sandbox.read("events")
    assert first["event"] == {
        "event_name": "Purchase",
        "event_time": NOW_MS // 1000,
        "event_id": "order-1001",
        "action_source": "app",
        "user_data": {"em": EMAIL, "madid": "ad-1"},
        "custom_data": {"value": 42.5, "currency": "EUR", "order_id": "1001"},
    }
    assert (second["event_name"], second["event_id"], second["event_time"]) == ("level_up", None, NOW_MS // 1000)


@pytest.mark.parametrize("rows", ["", "[]", "{}", "[1]", '[{"x":1}]', "[{"])
def test_unreadable_activities(sandbox: Running, rows: str) -> None:
    """400 in Graph's shape, nothing kept."""
    answer = activity(sandbox, custom_events=rows)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert sandbox.read("events") == []


def test_limited_order_id_feature_over_http(start_sandbox) -> None:
    """Switched on, two ids of one order and person count once; the dropped copy says why."""
    sandbox = start_sandbox(dedup=DedupOptions(order_window_ms=48 * 3_600_000))
    sandbox.post(
        [purchase(event_id="a"), purchase(event_id="b"), purchase(event_id="c", user_data={"em": EMAIL[::-1]})]
    )

    assert [row["reason"] for row in sandbox.read("events")] == ["first", "order_repeat", "first"]
    assert "order id" in sandbox.read("events")[1]["meaning"]
