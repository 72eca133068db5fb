"""`twofold import` as its user types it: to the cent, once, across crashes, with a gateway running and without."""

from __future__ import annotations

import contextlib
import csv
import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from acceptance.gateway_process import BEHIND, clean_environment, gateway, run_twofold

from twofold.store.bodies import plain_body

DATASET = "1234567890"
PATIENCE_S = 60
TOML = """
[[dataset]]
id = "1234567890"
country = "DE"
[[destination]]
platform = "meta"
dataset = "1234567890"
endpoint = "http://127.0.0.1:9"
token = "token-of-the-platform"
[[source]]
type = "shopify"
dataset = "1234567890"
shop = "demo.myshopify.com"
secret = "a-secret-of-16-or-more"
[[import]]
name = "kasse"
columns = { order_id = "Nr", placed_at = "Datum", total = "Summe", payment_status = "Stand" }
values = { payment_status = { bezahlt = "paid", offen = "unpaid" } }
timezone = "Europe/Berlin"
currency = "CHF"
"""
NOW = datetime.now(UTC).replace(microsecond=0)


class Shop:
    """A configuration and a data folder, on which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "twofold.toml"
        self.config.write_text(TOML)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_twofold(*arguments, "--config", str(self.config), "--data", str(self.data))

    def orders(self, path: Path, *options: str, kind: str = "orders") -> dict[str, Any]:
        done = self.run("import", kind, str(path), "--dataset", DATASET, "--json", *options)
        assert done.returncode == 0, done.stderr + done.stdout
        return figures(done.stdout)

    def count(self, table: str) -> int:
        """Rows of a table, read beside whoever owns the folder."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data / 'twofold.db'}?mode=ro", uri=True)) as base:
            return int(base.execute(f"select count(*) from {table}").fetchone()[0])


def figures(printed: str) -> dict[str, Any]:
    """The lines of an import's ``--json`` as one: the file's and the sums' fields, money by currency, what was refused."""
    rows = [json.loads(line) for line in printed.splitlines()]
    by = {kind: [r for r in rows if r["row"] == kind] for kind in ("file", "sum", "money", "refused")}
    assert [r["row"] for r in rows[:2]] == ["file", "sum"]
    (file,), (sums,) = by["file"], by["sum"]
    return {
        **file, **sums, "already_known": sums["known"], "digest": file["sha256"],
        "totals": {r["currency"]: r for r in by["money"]},
        "problems": [{**r, "row": r["line"]} for r in by["refused"]],
    }  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def write_orders(path: Path, orders: int, *, young: int = 0, seed: int = 7) -> Decimal:
    """A table in our own words; the first ``young`` orders are of today. Answers the sum, added up in whole cents."""
    dice, cents = random.Random(seed), 0
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["order_id", "placed_at", "total", "currency", "payment_status", "email"])
        for number in range(orders):
            amount = dice.randint(1, 99_999)
            cents += amount
            age = timedelta(hours=1) if number < young else timedelta(days=30, minutes=number)
            rows.writerow(
                [f"A-{number}", (NOW - age).isoformat(), f"{amount // 100}.{amount % 100:02}", "EUR", "paid",
                 f"buyer{number}@example.com"]
            )  # fmt: skip
    return Decimal(cents).scaleb(-2)


def totals(summary: dict[str, Any]) -> dict[str, Decimal]:
    return {currency: Decimal(sums["total"]) for currency, sums in summary["totals"].items()}


def test_a_file_is_imported_to_the_cent_and_once(shop: Shop) -> None:
    """The sum is that of the file; a second time changes nothing; the young have copies, the old have none."""
    path = shop.folder / "orders.csv"
    total = write_orders(path, 1_200, young=30)
    first = shop.orders(path)
    assert totals(first) == {"EUR": total}
    assert (first["orders"], first["new"], first["already_known"], first["young"]) == (1_200, 1_200, 0, 30)
    assert shop.count("orders") == shop.count("order_fact") == 1_200
    assert shop.count("event") == 30
    second = shop.orders(path)
    assert totals(second) == {"EUR": total}
    assert (second["new"], second["already_known"]) == (0, 1_200)
    assert shop.count("order_fact") == 1_200
    assert shop.count("event") == 30
    assert shop.run("verify").returncode == 0


def test_the_only_dataset_need_not_be_named(shop: Shop) -> None:
    """As the README types it; where there are two, the sentence names them, and nothing is written."""
    path = shop.folder / "orders.csv"
    total = write_orders(path, 3)
    done = shop.run("import", "orders", str(path), "--json", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert totals(figures(done.stdout)) == {"EUR": total}
    shop.config.write_text(TOML + '[[dataset]]\nid = "2222222222"\n')
    done = shop.run("import", "orders", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--dataset: expected one of {DATASET}, 2222222222, got none" in done.stderr
    assert not shop.data.exists()


def test_no_contact_data_reaches_the_disk(shop: Shop) -> None:
    """Not in the database, its log, or beside it."""
    path = shop.folder / "orders.csv"
    write_orders(path, 50, young=50)
    shop.orders(path)
    kept = b"".join(file.read_bytes() for file in shop.data.rglob("*") if file.is_file())
    assert b"A-49" in kept
    assert not re.search(rb"buyer[0-9]", kept)
    assert b"@example.com" not in kept


def test_every_kind_of_file_gives_the_same_orders(shop: Shop) -> None:
    """CSV, JSON lines and Parquet of one content: the second and third tell the ledger nothing new."""
    path = shop.folder / "orders.csv"
    total = write_orders(path, 300)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines, parquet = shop.folder / "orders.jsonl", shop.folder / "orders.parquet"
    lines.write_text("".join(json.dumps(row).replace(f'"total": "{row["total"]}"', f'"total": {row["total"]}') + "\n"
                             for row in rows))  # fmt: skip
    with duckdb.connect() as base:
        base.execute(
            f"copy (select * replace (cast(total as decimal(18,2)) as total) from read_csv('{path}', all_varchar=true)) "
            f"to '{parquet}' (format parquet)"
        )
    for file_path, new in ((path, 300), (lines, 0), (parquet, 0)):
        summary = shop.orders(file_path)
        assert (file_path.suffix, totals(summary), summary["new"]) == (file_path.suffix, {"EUR": total}, new)


def test_a_dry_run_writes_nothing_at_all(shop: Shop) -> None:
    """The same figures, and not even a folder."""
    path = shop.folder / "orders.csv"
    total = write_orders(path, 200, young=5)
    before = sorted(p.name for p in shop.folder.iterdir())
    summary = shop.orders(path, "--dry-run", "--report", str(shop.folder / "report.csv"))
    assert (totals(summary), summary["orders"], summary["young"], summary["new"]) == ({"EUR": total}, 200, 5, None)
    assert sorted(p.name for p in shop.folder.iterdir()) == before


def test_bad_rows_are_reported_and_the_rest_is_there(shop: Shop) -> None:
    """The report holds each of them with its row; nobody's address."""
    path, report = shop.folder / "orders.csv", shop.folder / "report.csv"
    write_orders(path, 100)
    lines = path.read_text().splitlines(keepends=True)
    lines[10] = lines[10].replace("EUR", "Euro")
    lines[20] = "ada@example.com,+49151234567\n"
    lines[30] = 'A-29,2026-01-01,"1.00,EUR,paid,ada@example.com\n'
    path.write_text("".join(lines))
    summary = shop.orders(path, "--report", str(report))
    assert (summary["orders"], summary["new"]) == (98, 98)
    assert summary["refused"] == {"ragged_row": 1, "broken_row": 1}
    assert totals(summary).keys() == {"EUR", "XXX"}, "money that no list knows is a fact beside the shop's own"
    with report.open(newline="") as file:
        found = [(int(row["row"]), row["reason"]) for row in csv.DictReader(file)]
    assert found == [(11, "bad_currency"), (21, "ragged_row"), (31, "broken_row")]
    assert "ada" not in report.read_text()
    assert "49151" not in report.read_text()


def test_kill_9_and_again(shop: Shop) -> None:
    """Killed in the middle and started again it goes on where it was: every order once, the sum of the whole file."""
    path = shop.folder / "orders.csv"
    total = write_orders(path, 8_000, young=100)
    command = [*BEHIND, sys.executable, "-m", "twofold", "import", "orders", str(path), "--dataset", DATASET, "--json",
               "--config", str(shop.config), "--data", str(shop.data)]  # fmt: skip
    process = subprocess.Popen(command, env=clean_environment(None), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not list((shop.data / "imports").glob("*.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None, "it was done before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_S)
    assert 0 < shop.count("orders") < 8_000
    summary = shop.orders(path)
    assert summary["resumed_after"] >= 200
    assert totals(summary) == {"EUR": total}
    assert summary["new"] + summary["already_known"] == summary["orders"] == 8_000
    assert shop.count("orders") == shop.count("order_fact") == 8_000
    assert shop.count("event") == 100
    again = shop.orders(path, "--restart")
    assert (again["new"], again["resumed_after"]) == (0, 0)


def test_a_file_that_changed_is_noticed(shop: Shop) -> None:
    """After an interrupted import another content under the same name is read from its first row."""
    path = shop.folder / "orders.csv"
    write_orders(path, 1_000)
    shop.orders(path)
    (mark,) = (shop.data / "imports").glob("*.json")
    mark.write_text(mark.read_text().replace('"done":true', '"done":false'))
    total = write_orders(path, 1_000, seed=8)
    summary = shop.orders(path)
    assert summary["resumed_after"] == 0
    assert any("changed" in note for note in summary["notes"])
    assert totals(summary) == {"EUR": total}
    assert (summary["new"], summary["updated"]) == (0, 1_000)  # the amounts are others
    assert shop.count("orders") == 1_000


@pytest.fixture
def running(shop: Shop) -> Iterator[Any]:
    with gateway(TOML, shop.data) as started:
        yield started


def test_with_a_gateway_running(shop: Shop, running: Any) -> None:
    """Through its socket the same comes out, and the gateway goes on serving."""
    path = shop.folder / "orders.csv"
    total = write_orders(path, 2_000, young=40)
    first = shop.orders(path)
    assert (totals(first), first["new"], first["young"]) == ({"EUR": total}, 2_000, 40)
    assert shop.orders(path)["new"] == 0
    assert shop.count("orders") == 2_000
    assert shop.count("event") == 40
    assert running.running
    assert (
        running.run("revive", "--json").stdout == '{"row":"revived","revived":0}\n'
    )  # the other command on the same socket
    assert running.stop() == 0
    assert shop.run("verify").returncode == 0


def test_a_gateway_that_dies_leaves_an_import_that_goes_on(shop: Shop, running: Any) -> None:
    """The command says what happened, and the next one finishes without it."""
    path = shop.folder / "orders.csv"
    write_orders(path, 8_000)
    command = [*BEHIND, sys.executable, "-m", "twofold", "import", "orders", str(path), "--dataset", DATASET, "--json",
               "--config", str(shop.config), "--data", str(shop.data)]  # fmt: skip
    process = subprocess.Popen(command, env=clean_environment(None), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE_S
    while not list((shop.data / "imports").glob("*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.kill()
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert b"went away" in errors
    summary = shop.orders(path)
    assert summary["resumed_after"] > 0
    assert shop.count("orders") == summary["orders"] == 8_000


def test_a_mapping_of_the_configuration(shop: Shop) -> None:
    """Named by --mapping: its columns, words, zone and currency, thousands with dots."""
    path = shop.folder / "kasse.csv"
    path.write_text("Nr;Datum;Summe;Stand\n1;14.05.2026 11:00;1.071,70;Bezahlt\n2;15.05.2026 12:00;0,30;offen\n")
    summary = shop.orders(path, "--mapping", "kasse")
    assert totals(summary) == {"CHF": Decimal("1072.00")}
    assert summary["totals"]["CHF"]["paid_total"] == "1071.70"


def test_orders_as_a_shops_api_writes_them(shop: Shop) -> None:
    """JSON lines of webhook bodies take the way of the webhook."""
    order = {
        "id": 820982911946154999, "name": "#1001", "order_number": 1001, "financial_status": "paid", "currency": "EUR",
        "total_price": "12.30", "current_total_price": "12.30", "total_tax": "1.00", "taxes_included": True,
        "created_at": "2026-05-14T11:23:45+02:00", "processed_at": "2026-05-14T11:23:45+02:00",
        "updated_at": "2026-05-14T11:25:00+02:00", "line_items": [], "source_name": "web",
    }  # fmt: skip
    path = shop.folder / "orders.jsonl"
    path.write_text(
        json.dumps(order)
        + "\n"
        + json.dumps(order | {"id": 1, "total_price": None, "current_total_price": None})
        + "\n"
    )
    summary = shop.orders(path)
    assert (summary["format"], summary["orders"], totals(summary)) == ("shopify-json", 1, {"EUR": Decimal("12.30")})
    assert sum(summary["refused"].values()) == 1


def test_a_broken_text_costs_the_text_and_not_the_order(shop: Shop) -> None:
    """A line with NUL, half an emoji, 9,000 characters or letters of Latin-1 is an order like its neighbours."""
    when = NOW.isoformat()
    lines = []
    for number, name in enumerate(["Mary", "Ma\0ry", "Mary \ud83d", "x" * 9_000, "Jörg"], 1):
        body = {
            "type": "order", "id": f"B-{number}", "placed_at": when, "updated_at": when, "status": "confirmed",
            "payment": {"method": "card", "status": "paid"}, "totals": {"currency": "EUR", "total": "10.00"},
            "customer": {"email": f"b{number}@example.com", "first_name": name},
        }  # fmt: skip
        lines.append(json.dumps(body, ensure_ascii=name != "Jörg").encode("latin-1"))
    path = shop.folder / "orders.jsonl"
    path.write_bytes(b"\n".join(lines))
    summary = shop.orders(path)
    assert (summary["orders"], summary["new"]) == (5, 5)
    assert totals(summary) == {"EUR": Decimal("50.00")}
    assert sorted(problem["row"] for problem in summary["problems"]) == [2, 3, 4]


def test_sales_become_orders_and_steps(shop: Shop) -> None:
    """A call that sold and a chat that began: one order with its copy, one event."""
    path = shop.folder / "calls.csv"
    at = NOW.isoformat()
    path.write_text(
        "time,channel,event_name,amount,currency,order_id,phone,ctwa_clid,whatsapp_business_account_id\n"
        f"{at},phone,Purchase,49.90,EUR,P-1,+4915112345678,,\n"
        f"{at},whatsapp,LeadSubmitted,,,L-1,+4915112345678,ARAkLkA8,1084\n"
    )
    summary = shop.orders(path, kind="sales")
    assert (summary["orders"], summary["events"], totals(summary)) == (1, 1, {"EUR": Decimal("49.90")})
    with contextlib.closing(sqlite3.connect(f"file:{shop.data / 'twofold.db'}?mode=ro", uri=True)) as base:
        events = [json.loads(plain_body(body)) for (body,) in base.execute("select body from event")]
    assert {(e["event_name"], e["action_source"]) for e in events} == {
        ("Purchase", "phone_call"), ("LeadSubmitted", "business_messaging"),
    }  # fmt: skip
    assert shop.orders(path, kind="sales")["new"] == 0


WRONG = [
    (["--dataset", "9"], 2, "--dataset"),
    (["--dataset", DATASET, "--format", "magento"], 2, "--format"),
    (["--dataset", DATASET, "--mapping", "nobody"], 2, "--mapping"),
    (["--dataset", DATASET, "--timezone", "Mars/Olympus"], 2, "--timezone"),
    (["--dataset", DATASET, "--currency", "euro"], 2, "--currency"),
    (["--dataset", DATASET, "--decimal", ";"], 2, "--decimal"),
    (["--dataset", DATASET, "--format", "shopify"], 1, "Shopify"),
]


@pytest.mark.parametrize(("options", "code", "said"), WRONG)
def test_what_does_not_fit_is_one_sentence(options: list[str], code: int, said: str, shop: Shop) -> None:
    """The option or the file, what was expected, and nothing on the disk."""
    path = shop.folder / "orders.csv"
    write_orders(path, 1)
    done = shop.run("import", "orders", str(path), *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not shop.data.exists()
