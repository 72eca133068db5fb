"""(l) Importing lines of money: lines a minute, from the command line to lines that stand, of a payout and of a bank."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from bench import Row, sized

LINES = sized(100_000, 100)
TOML = '[[dataset]]\nid = "1"\ncountry = "GE"\n'


def bench_lines(lines: int = LINES) -> list[Row]:
    """The whole command, its start included, once for each kind; the sums are compared on the way."""
    told = [
        ("payouts", "a provider's charges with order, payout and fee", write_payouts),
        ("bank", "a bank's table without ids, with names, accounts and texts to seal", write_bank),
    ]
    return [
        Row(
            name=f"(l) lines of {kind} imported a minute, from a CSV of {lines:,}",
            ratio=_rate(kind, write, lines),
            target=100_000,
            unit="lines",
            detail=detail,
        )
        for kind, detail, write in told
    ]


def _rate(kind: str, write: Callable[[Path, int], Decimal], lines: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path, config, data = Path(folder) / "file.csv", Path(folder) / "twofold.toml", Path(folder) / "data"
        config.write_text(TOML)
        total = write(path, lines)
        command = [sys.executable, "-m", "twofold", "import", kind, str(path), "--json", "--config", str(config),
                   "--data", str(data), "--currency", "GEL", "--account", "GE29NB0000000101904917"]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
    rows = {row["row"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert Decimal(rows["money"]["net"]) == total, "the sums differ"
    assert rows["money"]["lines"] >= lines, "lines are missing"
    return lines / seconds * 60


def write_payouts(path: Path, lines: int) -> Decimal:
    """A payout table in our own words; answers the sum of its nets."""
    dice, total = random.Random(1), 0
    with path.open("w", encoding="utf-8") as file:
        file.write("id,batch,batch_date,kind,order,gross,fee,net,currency,at\n")
        for n in range(lines):
            gross = dice.randint(500, 50_000)
            fee = gross * 2 // 100
            total += gross - fee
            file.write(
                f"txn_{n:08},po_{n // 500},2026-03-11,charge,{1000 + n},{_money(gross)},{_money(fee)},{_money(gross - fee)},"
                f"GEL,2026-03-{1 + n * 28 // lines:02}T12:00:00Z\n"
            )
    return Decimal(total) / 100


def write_bank(path: Path, lines: int) -> Decimal:
    """A bank's table; answers the sum of its amounts."""
    dice, total = random.Random(2), 0
    with path.open("w", encoding="utf-8") as file:
        file.write("booked_at,amount,currency,text,counterpart,counterpart_account\n")
        for n in range(lines):
            amount = dice.randint(500, 50_000)
            total += amount
            who = dice.randrange(20_000)
            file.write(
                f"2026-03-{1 + n * 28 // lines:02},{_money(amount)},GEL,Order {1000 + n} thank you,Buyer{who} Example,"
                f"GE29NB{who:016}\n"
            )
    return Decimal(total) / 100


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"
