"""(j) Importing a Shopify export: orders a minute, from the command line to the durable ledger with hashed copies."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bench import Row, sized

ORDERS, YOUNG = sized(50_000, 50), 0.1  # a tenth of the orders is of the last week and is hashed
COLUMNS = [
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Amount",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem sku",
    "Billing Name",
    "Billing City",
    "Billing Zip",
    "Billing Country",
    "Billing Phone",
    "Cancelled at",
    "Payment Method",
    "Refunded Amount",
    "Id",
    "Tags",
    "Source",
    "Lineitem discount",
]
TOML = """
[[dataset]]
id = "1"
country = "DE"
[[destination]]
platform = "meta"
dataset = "1"
endpoint = "http://127.0.0.1:9"
token = "nobody"
"""


def bench_importing(orders: int = ORDERS) -> list[Row]:
    """The whole command, its start included, once; the sum of the money is compared on the way."""
    with tempfile.TemporaryDirectory() as folder:
        path, config, data = Path(folder) / "orders.csv", Path(folder) / "twofold.toml", Path(folder) / "data"
        config.write_text(TOML)
        total = write_orders(path, orders)
        command = [sys.executable, "-m", "twofold", "import", "orders", str(path), "--dataset", "1", "--json",
                   "--config", str(config), "--data", str(data)]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
    rows = {row["row"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert Decimal(rows["money"]["total"]) == total, "the sums differ"
    assert rows["sum"]["new"] == orders, "orders are missing"
    return [
        Row(
            name=f"(j) orders imported a minute, from a CSV of {orders:,}",
            ratio=orders / seconds * 60,
            target=100_000,
            unit="orders",
            detail="Shopify's export with 1 to 3 lines an order, a tenth of them young enough to be hashed and sent",
        )
    ]


def write_orders(path: Path, orders: int, young: float = YOUNG, seed: int = 1) -> Decimal:
    """A made-up Shopify export; answers the sum of its totals."""
    dice, now, total = random.Random(seed), datetime.now(UTC), 0
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        for number in range(orders):
            lines = [(dice.randint(1, 3), dice.randint(100, 9_999)) for _ in range(dice.choice((1, 1, 2, 3)))]
            goods, shipping = sum(pieces * price for pieces, price in lines), dice.choice((0, 495))
            total += goods + shipping
            age = dice.random() * 6 if dice.random() < young else 8 + dice.random() * 400
            rows.writerows(_order(number, lines, goods, shipping, now - timedelta(days=age)))
    return Decimal(total) / 100


def _order(
    number: int, lines: list[tuple[int, int]], goods: int, shipping: int, placed: datetime
) -> list[dict[str, str]]:
    at = placed.strftime("%Y-%m-%d %H:%M:%S +0000")
    name = {"Name": f"#{1000 + number}", "Email": f"buyer{number}@example.com"}
    rows = [
        {**name, "Lineitem quantity": str(pieces), "Lineitem name": "Thing", "Lineitem price": _money(price),
         "Lineitem sku": f"SKU-{price}", "Lineitem discount": "0.00"}
        for pieces, price in lines
    ]  # fmt: skip
    rows[0] |= {
        "Financial Status": "paid", "Paid at": at, "Fulfillment Status": "fulfilled", "Currency": "EUR",
        "Subtotal": _money(goods), "Shipping": _money(shipping), "Taxes": _money(goods // 6),
        "Total": _money(goods + shipping), "Discount Amount": "0.00", "Created at": at, "Billing Name": "Ada Example",
        "Billing City": "Berlin", "Billing Zip": "'10115", "Billing Country": "DE",
        "Billing Phone": f"+4915{number:09}", "Payment Method": "Shopify Payments", "Refunded Amount": "0.00",
        "Id": str(5_000_000_000_000 + number), "Tags": "", "Source": "web",
    }  # fmt: skip
    return rows


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"
