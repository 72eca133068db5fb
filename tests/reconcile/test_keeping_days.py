"""Versions of days that nobody asked for: made by the gateway's child when they are due, and kept as they were made."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from tests.acceptance.eight_orders import Shop
from tests.acceptance.test_day_from_files import ACCOUNT, INSIGHTS, RATES, SETTINGS, WITH_IDS, play, seconds
from twofold.app import Gateway
from twofold.config import load_settings
from twofold.control.tables import make_tables
from twofold.duties import days
from twofold.policies import day_task
from twofold.reconcile.day.versions import kept_versions
from twofold.reconcile.reading.keeping import encode_task


@pytest.fixture
def shop(tmp_path) -> Shop:
    made = Shop(tmp_path, SETTINGS)
    asyncio.run(play(tmp_path / "data"))
    made.take("spend", "insights.json", json.dumps(ACCOUNT) + "\n" + json.dumps(INSIGHTS))
    made.take("rates", "rates.json", RATES)
    made.take("ga4", "ga4.csv", WITH_IDS, ("--currency", "GEL", "--timezone", "Asia/Tbilisi"))
    return made


def kept(shop: Shop, now: int, *, with_tables: bool = True) -> str:
    """What the child says, asked as the gateway asks it: what is due, then with the tables."""
    settings = load_settings(shop.config)
    make_tables(settings)
    task = encode_task(day_task(settings, now, with_tables=with_tables))
    done = subprocess.run(
        [sys.executable, "-m", "twofold.reconcile"], input=task, capture_output=True, timeout=120, check=True
    )
    return done.stdout.decode().strip()


@pytest.mark.process
def test_each_version_is_made_once_with_its_own_time(shop):
    """A day and a half after, then on the fifth day, then long after, when nothing ran in between."""
    folder = shop.folder / "data"
    assert kept(shop, seconds(10, "23:00")) == '{"versions":0,"due":0}'
    assert kept(shop, seconds(12, "12:00"), with_tables=False) == '{"versions":0,"due":1}'
    assert kept(shop, seconds(12, "12:00")) == '{"versions":1,"due":0}'
    assert kept(shop, seconds(12, "13:00")) == '{"versions":0,"due":0}'
    assert kept(shop, seconds(16, "12:00")) == '{"versions":1,"due":0}'
    assert kept(shop, seconds(20, "12:00")) == '{"versions":1,"due":0}'
    versions = kept_versions(folder, "2026-03-10", None)
    assert [(v.age, v.as_of) for v in versions] == [
        (1, seconds(12, "12:00")), (3, seconds(16, "12:00")), (7, seconds(20, "12:00")),
    ]  # fmt: skip
    meta = versions[0].of("meta")
    assert meta is not None
    assert (meta.basis_count, str(meta.residual)) == (10, "-3.50")


@pytest.mark.process
def test_the_gateway_makes_them_soon_after_its_start(shop, monkeypatch):
    monkeypatch.setattr(days, "FIRST_S", 0.1)

    async def run() -> None:
        gateway = Gateway(load_settings(shop.config, port=0), clock=lambda: seconds(16, "12:00") * 1000)
        running = asyncio.ensure_future(gateway.run(lambda _address: None))
        for _ in range(600):
            await asyncio.sleep(0.1)
            if len(kept_versions(shop.folder / "data", "2026-03-10", None)) == 2:
                break
        gateway._stop.set()
        await running

    asyncio.run(run())
    assert [v.age for v in kept_versions(shop.folder / "data", "2026-03-10", None)] == [1, 3]
