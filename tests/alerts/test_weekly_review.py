"""A week's review that comes by itself: on its day in the shop's zone, once, with the week before and the goes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_alert_sending import SECRET, in_loop, listening

import twofold.duties.notices
from twofold.alerts.message import review_body, review_lines
from twofold.alerts.weekly import ENDING, OVER, Go, Weekly, decode_times, due_for, encode_times, last_due, notices_of
from twofold.app import Gateway
from twofold.config import load_settings, settings_from
from twofold.errors import ConfigError
from twofold.router.review import Figure
from twofold.router.task import Standing


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-30T08:00:00+04:00", "2026-11-30T08:00:00+04:00"),  # a Monday
        ("2026-11-30T07:59:59+04:00", "2026-11-23T08:00:00+04:00"),
        ("2026-12-06T23:00:00+04:00", "2026-11-30T08:00:00+04:00"),
        ("2026-12-01T00:00:00+04:00", "2026-11-30T08:00:00+04:00"),
        ("2026-11-29T22:00:00+00:00", "2026-11-23T08:00:00+04:00"),  # Monday there already, and not eight yet
    ],
)
def test_it_is_due_on_its_day_in_the_shops_zone(now, due):
    assert last_due("monday 08:00", "Asia/Tbilisi", at(now)) == at(due)


def test_its_hour_stays_over_a_change_of_the_clock():
    """Berlin went to winter time on Sunday, 25 October 2026."""
    assert last_due("monday 08:00", "Europe/Berlin", at("2026-10-26T12:00:00+01:00")) == at("2026-10-26T08:00:00+01:00")
    assert last_due("monday 08:00", "Europe/Berlin", at("2026-10-25T12:00:00+01:00")) == at("2026-10-19T08:00:00+02:00")


def test_once_a_week_and_later_where_it_was_missed():
    reviews, due = {"a": "monday 08:00", "b": "friday 17:30", "c": ""}, at("2026-11-30T08:00:00+00:00")
    assert due_for(reviews, {}, "UTC", due) == []  # nobody is sent one because the gateway is new
    assert due_for(reviews, {"a": due - 60, "b": due - 60}, "UTC", due) == ["a"]
    assert due_for(reviews, {"a": due - 60}, "UTC", due + 2 * 86_400) == ["a"]
    assert due_for(reviews, {"a": due}, "UTC", due + 2 * 86_400) == []
    assert due_for(reviews, {"a": due}, "UTC", due + 7 * 86_400) == ["a"]
    assert decode_times(encode_times({"a": due}).decode()) == {"a": due}
    assert decode_times("[") == {}


GOES = (
    Go(dataset="1", purpose="scale", run="abc", at=10, expires=1_796_688_000, state=ENDING),
    Go(dataset="2", purpose="launch", run="def", at=20, expires=1_796_688_000, state=OVER, why=("the tag changed",)),
    Go(dataset="3", purpose="launch", run="ghi", at=30, expires=1_796_688_000, state="stands"),
)


def test_goes_that_end_are_told_and_those_that_stand_are_not():
    ending, over = notices_of(GOES, "UTC")
    assert (ending.name, over.name) == ("go_ending:1, scale, run abc", "go_over:2, launch, run def")
    assert "2026-12-08" in ending.do_not_yet
    assert over.do_not_yet.startswith("Do not launch on it: the tag changed.")


def test_what_it_says_and_never_contact_data():
    review = Weekly(
        as_of=100,
        figures=(
            Figure(name="purchases_merged", now=0.5, before=0.75, unit="share", of=(200, 200)),
            Figure(name="match_quality ana@shop.example", now=6.0, before=None, unit="score"),
        ),
        findings=(Standing(name="two_owners:Purchase: ana@shop.example", since=5, do_not_yet="Wait."),),
        goes=GOES,
    )
    head, first, *rest = review_lines(review, "Mugs")
    assert head == "Twofold (Mugs): the week's review, 1 figures worse, 1 findings"
    assert first == "Purchases that browser and server told: 50.0% (week before 75.0%) worse"
    assert "Go to launch of dataset 2: over: the tag changed, until 2026-12-08 00:00 UTC" in rest
    body = review_body(review, 100)
    data = json.loads(body)["data"]
    assert (data["figures"][0]["state"], data["findings"][0]["finding"]) == ("worse", "two_owners")
    assert [go["state"] for go in data["goes"]] == ["ending", "over", "stands"]
    assert "ana@" not in "\n".join(rest) + body.decode()


@pytest.mark.parametrize("given", ["monday", "mon 08:00", "monday 24:00", "Monday 08:00", "monday 8:00", "08:00"])
def test_a_time_that_is_none_is_named(given):
    alert = {"type": "slack", "to": "https://a.example", "review": given}
    with pytest.raises(ConfigError, match="review"):
        settings_from({"alert": [alert]}, environ={})


@pytest.mark.process
@in_loop
async def test_a_gateway_sends_it_by_itself_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """First refused, then taken; a second gateway on the folder sends none. An address that nobody answers at has its own time."""
    monkeypatch.setattr(twofold.duties.notices, "REVIEW_LOOK_S", 0.05)
    monkeypatch.setattr(twofold.duties.notices, "EVERY_S", 0.05)
    day = datetime.now(UTC).strftime("%A").lower()
    config = tmp_path / "twofold.toml"
    async with listening(500, 500, 500) as (url, got):
        config.write_text(
            f'[server]\ndata = "data"\n[[dataset]]\nid = "1"\n[[alert]]\ntype = "webhook"\nto = "{url}"\n'
            f'secret = "{SECRET}"\nreview = "{day} 00:00"\n'
            f'[[alert]]\nname = "nobody"\ntype = "webhook"\nto = "http://127.0.0.1:9"\nsecret = "{SECRET}"\nreview = "{day} 00:00"\n',
            encoding="utf-8",
        )
        monkeypatch.setattr(twofold.alerts.sending, "WAIT_S", 0.01)
        for turn in range(2):
            gateway = Gateway(load_settings(config, port=0))
            ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            running = asyncio.create_task(gateway.run(ready.set_result))
            await ready
            if turn == 0:
                await gateway.store.keep_note("reviews_told", json.dumps({"webhook": 1, "nobody": 1}))
            for _ in range(1_200):
                told = decode_times(await gateway.store.note("reviews_told"))
                if told.get("webhook", 0) > 1:
                    break
                await asyncio.sleep(0.05)
            assert abs(told["webhook"] - time.time()) < 600
            assert told["nobody"] == 1  # who could not be told is told later
            await asyncio.sleep(0.3 * turn)
            gateway._stop.set()
            await running
    assert len(got) == 4  # three refused, one taken
    headers, body = got[-1]
    assert json.loads(body)["type"] == "twofold.review"
    assert "orders_told" in {f["name"] for f in json.loads(body)["data"]["figures"]}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
