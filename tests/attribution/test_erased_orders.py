"""Sums of past days stand when a buyer is erased, by channel, campaign, source and kind of buyer, in models of orders and of a period.

Each question starts the child that asks the tables, as reports do: that is what takes this file its time.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.facts.world import world
from twofold.attribution.report import report_attribution
from twofold.attribution.table import Asked
from twofold.config import Settings, load_settings
from twofold.control.tables import ask_tables_all
from twofold.matching.subject import SubjectRequest
from twofold.policies import OrdersWorth, chain_rules, keeper_of, open_store
from twofold.privacy.runner import Eraser

LINKS = ("placed", "confirmed", "delivered", "true", "banked", "margin")
ASKED = [
    ("channel", "linear", 30), ("campaign", "time_decay", 7), ("source", "last_paid", 1), ("new_or_returning", "last", 7),
    ("channel", "shapley_sum", 30),
]  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, int]:
    """Three orders that came by an ad, two of them by mail after it, and others."""
    folder = tmp_path_factory.mktemp("erased")
    with world(folder / "data", 4) as w:
        w.live(40)
        for n in range(3):
            w.buy(n)
        w.settle()
        now = w.now + 4 * 86_400_000
    path = folder / "twofold.toml"
    path.write_text(f'[server]\ndata = "{folder / "data"}"\n[chain]\ncurrency = "EUR"\n[[dataset]]\nid = "1"\n')
    return load_settings(path), now


def tables(settings: Settings, now: int) -> dict[tuple[str, str, int], Any]:
    """Credited money by link and group."""
    found = {}
    for by, model, window in ASKED:
        rules = chain_rules(settings)
        asked = Asked(since="2026-08-01", until="2026-12-31", by=by, model=model, click_days=window, currency="EUR")
        told = report_attribution(
            settings.server.data,
            asked,
            rules,
            ZoneInfo(settings.chain.timezone),
            now // 1000,
            partial(ask_tables_all, settings),
        )
        found[by, model, window] = {
            (row["group"], row.get("mark")): [row["orders"], *(row[link] for link in LINKS)] for row in told.rows
        }
    return found


def erase(settings: Settings, now: int, *orders: str) -> None:
    async def main() -> None:
        store = open_store(settings, now)
        store.start()
        try:
            eraser = Eraser(
                store, lambda: now, keeper_of(settings, store, lambda: now).forget_days, OrdersWorth(settings)
            )
            await eraser.ask(SubjectRequest(order_ids=orders), "command")
            await eraser.finish_all()
        finally:
            await store.close()

    asyncio.run(main())


def test_sums_of_past_days_stand(lived: tuple[Settings, int]) -> None:
    settings, now = lived
    before = tables(settings, now)
    credited = before["channel", "linear", 30]
    assert {group for group, _ in credited} >= {"paid_social", "email"}
    assert sum(Decimal(amounts[1]) for amounts in credited.values()) > 100
    erase(settings, now, "bought1", "bought2")
    after = tables(settings, now)
    for question, rows in before.items():
        assert after[question] == rows, question
    assert not any(b"bought1" in path.read_bytes() for path in Path(settings.server.data).rglob("*.parquet"))
