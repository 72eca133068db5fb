"""Signs of visits across kills: each acknowledged page view of a landing has its row, in any order, told twice, killed between."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import requests
from gateway_process import gateway

TOML = """
[[dataset]]
id = "1"
trust.rate = 0
"""
VISITS = 24


def views(now: int) -> list[dict[str, Any]]:
    """A landing page, and one of the same half hour a little later, for each browser."""
    start = now // 1_800 * 1_800 - 3_600
    return [
        {
            "dataset": "1", "event_name": "PageView", "event_id": f"{n}-{late}", "event_time": start + 60 * (n % 20) + late,
            "event_source_url": f"https://shop.example/p/{n}?utm_source=facebook&utm_campaign=c{n % 3}&fbclid=IwAR{n:020}",
            "referrer_url": "https://l.facebook.com/", "user_data": {"fbp": f"fb.1.1790000000000.{10**9 + n}"},
        }
        for n in range(VISITS)
        for late in (0, 7)
    ]  # fmt: skip


def kept(data: Path) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(data / "twofold.db")
    try:
        return sorted(db.execute("select at, source, campaign, click, landing, device from touch"))
    finally:
        db.close()


def test_every_order_with_kills_between_gives_the_same_rows(tmp_path):
    """Three orders of arrival, each view told twice, the gateway killed after every few of them."""
    told = views(int(time.time()))
    expected = sorted(
        (v["event_time"], "facebook", f"c{n % 3}", "fbclid", f"/p/{n}", "computer")
        for n, v in enumerate(v for v in told if v["event_id"].endswith("-0"))
    )
    for seed in range(3):
        order = told * 2
        random.Random(seed).shuffle(order)
        data = tmp_path / f"data{seed}"
        with gateway(TOML, data) as program:
            for place in range(0, len(order), 24):
                for view in order[place : place + 24]:
                    agent = {"user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36"}
                    answer = requests.post(
                        f"{program.url}/t/events", json={"events": [view]}, headers=agent, timeout=60
                    )
                    assert answer.status_code == 200, answer.text
                program.kill()
                program.start()
            assert program.run("verify").returncode == 0
            program.stop()
        assert kept(data) == expected
