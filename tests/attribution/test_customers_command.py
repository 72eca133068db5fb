"""``twofold customers`` over imported orders: four customers of one month, and what they brought since."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.gateway_process import run_twofold


@pytest.mark.process
def test_cohorts_of_a_folder(tmp_path: Path) -> None:
    first = (datetime.now(UTC).replace(day=1) - timedelta(days=75)).replace(day=10)
    later = (first.replace(day=1) + timedelta(days=40)).replace(day=12)
    bought = [
        ("a", first, "30.00"),
        ("b", first, "30.00"),
        ("c", first, "30.00"),
        ("d", first, "30.00"),
        ("a", later, "20.00"),
    ]
    rows = [
        f"{1001 + n},{at:%Y-%m-%d}T12:00:00Z,{total},EUR,{who}@shop.example,delivered,{at:%Y-%m-%d}T15:00:00Z,paid"
        for n, (who, at, total) in enumerate(bought)
    ]
    orders, config = tmp_path / "orders.csv", tmp_path / "twofold.toml"
    orders.write_text("\n".join(["order_id,placed_at,total,currency,email,status,delivered_at,payment_status", *rows]))
    config.write_text('[server]\ndata = "data"\n[chain]\ncurrency = "EUR"\n[[dataset]]\nid = "1"\n')
    done = run_twofold("import", "orders", str(orders), "--dataset", "1", "--ledger-only", "--config", str(config))
    assert done.returncode == 0, done.stderr
    done = run_twofold("customers", "--revenue", "--config", str(config), "--json")
    assert done.returncode == 0, done.stderr
    _, row = map(json.loads, done.stdout.splitlines())
    assert (row["month"], row["customers"], row["of"]) == (f"{first:%Y-%m}", 4, "revenue")
    assert row["amounts"][:2] == ["120.00", "20.00"]
    assert row["value"][:2] == ["30.00", "35.00"]
    assert (row["cac"], row["paid_back_in_month"]) == (None, None)
