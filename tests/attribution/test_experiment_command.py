"""``twofold experiment`` over a folder with a shop's orders: planned, registered before the start, read when it is over."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.acceptance.gateway_process import run_twofold
from twofold.attribution.experiment import Plan
from twofold.config import load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note

pytestmark = pytest.mark.process

REGIONS = ("AB", "AJ", "GU", "IM", "KA", "KK", "MM", "RL", "SJ", "SK", "SZ", "TB")
LASTS_S = 240  # a day may not end in the middle of a test
HISTORY = 42


def today() -> date:
    """A day that lasts as long as the test."""
    if (datetime.now(UTC) + timedelta(seconds=LASTS_S)).date() != datetime.now(UTC).date():
        time.sleep(LASTS_S)
    return datetime.now(UTC).date()


class Shop:
    """Twelve regions with two to eight orders a day, one fewer each in the second fortnight where ads are off."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.today = folder, today()
        self.config = folder / "twofold.toml"
        self.config.write_text('[server]\ndata = "data"\n[chain]\ncurrency = "GEL"\n[[dataset]]\nid = "1"\n')

    def run(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        done = run_twofold(*words, "--config", str(self.config), "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def sell(self, name: str, first: int, until: int, off: set[str]) -> None:
        """From so many days ago to so many."""
        path = self.folder / f"{name}.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("order_id", "placed_at", "total", "currency", "country", "state", "payment_status"))
            for ago in range(first, until, -1):
                day = self.today - timedelta(days=ago)
                for place, region in enumerate(REGIONS):
                    many = 2 + place // 2 - (f"GE-{region}" in off)
                    for n in range(many):
                        at = f"{day}T{9 + n:02}:00:00+00:00"
                        rows.writerow((f"{day}{region}{n}", at, "50.00", "GEL", "GE", f"GE-{region}", "paid"))
                rows.writerow((f"{day}-none", f"{day}T12:00:00+00:00", "50.00", "GEL", "", "", "paid"))
        self.run("import", "orders", str(path), "--dataset", "1", "--ledger-only")


def test_from_the_draw_to_the_answer(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.sell("past", HISTORY, 0, set())
    since = shop.today + timedelta(days=1)
    words = ("experiment", "plan", "spring", "--since", str(since), "--days", "14", "--before-days", str(HISTORY - 1))
    (drawn,) = shop.run(*words, "--seed", "7", "--campaign", "Meta")
    assert not drawn["registered"]
    assert sorted(drawn["on"] + drawn["off"]) == [f"GE-{region}" for region in REGIONS]
    assert len(drawn["off"]) == 6
    assert drawn["without_region"] == HISTORY - 1
    (kept,) = shop.run(*words, "--seed", "7", "--campaign", "Meta", "--register")
    assert kept | {"registered": False} == drawn
    assert shop.run(*words, "--register", code=2) == []  # a name is given once
    assert (
        shop.run(*words[:3], "--since", str(shop.today), "--days", "14", "--before-days", "41", "--register", code=2)
        == []
    )
    assert [(row["name"], row["state"]) for row in shop.run("experiment", "list")] == [("spring", "planned")]
    assert shop.run("experiment", "read", "spring", code=1) == []
    assert shop.run("experiment", "read", "autumn", code=5) == []
    assert (
        shop.run("experiment", "plan", "x", "--since", str(since), "--before-days", "41", code=1) == []
    )  # 28 days: too short a past


def test_what_it_shows(tmp_path: Path) -> None:
    """A plan of a month ago; its regions off sold one order a day less than their like."""
    shop = Shop(tmp_path)
    off = {f"GE-{region}" for region in REGIONS[::2]}
    plan = {
        "name": "autumn", "over": "regions", "measure": "orders", "since": str(shop.today - timedelta(days=14)),
        "until": str(shop.today - timedelta(days=1)), "before": str(shop.today - timedelta(days=HISTORY)),
        "compared_until": str(shop.today - timedelta(days=14)), "seed": "1", "left_out": [], "sees": 0.9, "power": {},
        "pairs": [{"on": f"GE-{b}", "off": f"GE-{a}"} for a, b in zip(REGIONS[::2], REGIONS[1::2], strict=True)],
    }  # fmt: skip
    shop.sell("past", HISTORY, 14, set())
    shop.sell("test", 14, 0, off)
    msgspec.convert(plan, Plan)
    on_store(
        load_settings(shop.config), Note(kind="experiment", facts={"plan": plan, "campaign": "Meta", "country": ""})
    )
    assert shop.run("experiment", "list")[0]["state"] == "over"
    (found,) = shop.run("experiment", "read", "autumn")
    sold_on = 14 * sum(2 + n // 2 for n in range(1, 12, 2))
    sold_off = 14 * sum(1 + n // 2 for n in range(0, 12, 2))
    assert (found["on"], found["off"]) == (f"{sold_on}.00", f"{sold_off}.00")
    assert 1 / 7 < float(found["lift_low"]) < float(found["lift"]) < float(found["lift_high"]) < 1
    assert found["says"] == "brings"
    assert found["without_region"] == HISTORY
