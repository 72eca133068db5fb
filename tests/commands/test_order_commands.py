"""``twofold orders`` as a program: what it prints, how it ends, also while a gateway owns the folder."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.gateway_process import gateway, run_twofold
from tests.command_line import invoke
from tests.store.copies import BROWSER, copy
from tests.store.order_reports import deliver, entry, report, shop_copy, shop_store
from twofold.event.delivery import DeliveryState
from twofold.ledger.model import Paid
from twofold.ledger.policy import OrderPolicy

MINUTE = 60_000


def day(folder: Path) -> int:
    """Orders of the last hour: one equal, one refunded since, one cancelled since, one not paid, one of no order."""
    now = int(time.time() * 1000)
    facts: dict[str, Any] = {"at": now // 1000 - 3_000, "placed": now // 1000 - 3_000}

    async def main() -> None:
        async with shop_store(folder, OrderPolicy(), at=now, shop=False) as store:
            then = now - 50 * MINUTE
            first = [entry(report(n, **facts), shop_copy(n, at=then), at=then) for n in ("1001", "1002", "1003")]
            first.append(entry(report("1004", paid=Paid.UNPAID, **facts), shop_copy("1004", at=then), at=then))
            await store.append_orders(first, [copy("b-9", BROWSER, order="9999", at=then, value="5.00", em="c")])
            assert len(await deliver(store, then)) == 4
            later = {**facts, "at": now // 1000 - 600, "version": 2}
            news = [
                report("1002", refunds=(("r1", "10.00"),), **later),
                report("1003", cancelled_at=now // 1000 - 600, cancel_reason="fraud [bold]\x1b[31m", **later),
            ]
            await store.append_orders([entry(n, at=now - 10 * MINUTE) for n in news])

    asyncio.run(main())
    return now


def run(folder: Path, *arguments: str):
    return run_twofold("orders", *arguments, "--data", str(folder))


def test_check_says_where_the_difference_is(tmp_path):
    """A table with exact sums, a sentence for each that is not equal, and what cannot be undone; nothing is wrong: 0."""
    day(tmp_path)
    done = run(tmp_path, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["1", "meta-1", "equal", "1", "EUR", "42.50", "42.50"] in lines
    assert ["1", "meta-1", "explained", "refunded_after", "1", "EUR", "42.50", "32.50", "-10.00"] in lines
    assert ["1", "meta-1", "explained", "order_cancelled", "1", "EUR", "42.50", "0.00", "-42.50"] in lines
    assert ["1", "meta-1", "not_yet", "not_paid", "1", "EUR"] in lines
    assert ["1", "meta-1", "no_order", "1", "EUR", "5.00"] in lines
    assert "explained: 1002 sent 42.50 EUR, worth 32.50 EUR: refunded_after -10.00" in done.stdout
    assert "stays at the platform" in done.stdout


def test_times_are_of_the_shops_zone_which_stands_beside_them(tmp_path: Path) -> None:
    """As the pages have them: head, reports, copies and lists alike. Tbilisi is four hours ahead of UTC, the year round."""
    placed_at = day(tmp_path) // 1000 - 3_000
    config = tmp_path / "twofold.toml"
    config.write_text('[server]\ndata = "."\n[chain]\ntimezone = "Asia/Tbilisi"\n', encoding="utf-8")
    there = datetime.fromtimestamp(placed_at, timezone(timedelta(hours=4))).strftime("%Y-%m-%d %H:%M:%S")
    told = {words: invoke([*words.split(), "--config", str(config)]).output for words in TELLING}
    assert f"order 1001 of dataset 1, placed {there} Asia/Tbilisi\n" in told["orders show 1001"]
    assert f"yes since {there} Asia/Tbilisi" in told["orders show 1001"]
    reported = told["orders show 1001"].partition("as it was reported (times in Asia/Tbilisi)\n")[2].splitlines()
    assert reported[1].startswith(there)
    for words, output in told.items():
        assert f"{there[:13]}:" in output or there[:10] in output, words
        assert "(Asia/Tbilisi)" in output, words
        assert "UTC" not in output, words


TELLING = ("orders show 1001", "orders list", "events", "actions", "deliveries", "deliveries show purchase.1001")


def test_check_ends_with_1_when_something_is_wrong(tmp_path):
    """And names it first."""
    import apsw

    day(tmp_path)
    with apsw.Connection(str(tmp_path / "twofold.db")) as db:
        db.execute(
            "update frozen set payload = cast(replace(cast(payload as text), '42.50', '42.49') as blob) where event_id = 'purchase.1001'"
        )
    done = run(tmp_path, "check")
    assert done.returncode == 1, done.stdout + done.stderr
    sentences = [line for line in done.stdout.splitlines() if " sent " in line and ":" in line]
    assert sentences[0] == "wrong: 1001 sent 42.49 EUR, worth 42.50 EUR: differs +0.01"


@pytest.mark.parametrize(
    ("state", "code"), [(DeliveryState.DEAD, 1), (DeliveryState.WAITING, 0), (DeliveryState.DELIVERED, 0)]
)
def test_check_ends_with_1_when_a_sale_was_given_up(tmp_path, state, code):
    """A paid order of which the platform was never told: what still waits, or has arrived, is no reason to look."""
    now = int(time.time() * 1000)

    async def main() -> None:
        async with shop_store(tmp_path, OrderPolicy(), at=now, shop=False) as store:
            then = now - 50 * MINUTE
            paid = report("1001", at=then // 1000, placed=then // 1000)
            await store.append_orders([entry(paid, shop_copy("1001", at=then), at=then)])
            assert len(await deliver(store, then, state=state)) == 1

    asyncio.run(main())
    done = run(tmp_path, "check")
    assert done.returncode == code, done.stdout + done.stderr


def test_check_for_machines(tmp_path):
    """One object a line, rows then sums, money as exact text; equal rows only when asked for."""
    day(tmp_path)
    about, *found = [json.loads(line) for line in run(tmp_path, "check", "--json").stdout.splitlines()]
    assert (about["row"], about["command"], about["timezone"]) == ("about", "orders check", "UTC")
    rows = {r["order_id"]: r for r in found if r["row"] == "order"}
    assert set(rows) == {"1002", "1003", "9999"}
    assert (rows["1002"]["difference"], rows["1002"]["parts"]) == ("-10.00", {"refunded_after": "-10.00"})
    assert rows["1003"]["irrevocable"] is True
    sums = [r for r in found if r["row"] == "sum"]
    assert sum(s["orders"] for s in sums) == 5
    everything = [json.loads(line) for line in run(tmp_path, "check", "--json", "--all").stdout.splitlines()]
    assert len([r for r in everything if r["row"] == "order"]) == 5


def test_list(tmp_path):
    """State, value and delivery of each; filters as in the other lists."""
    day(tmp_path)
    about, *rows = [json.loads(line) for line in run(tmp_path, "list", "--json").stdout.splitlines()]
    assert about["row"] == "about"
    assert {r["order_id"]: (r["state"], r["value"], r["purchase"]) for r in rows} == {
        "1001": ("counts", "42.50", "delivered"),
        "1002": ("counts", "32.50", "delivered"),
        "1003": ("order_cancelled", "42.50", "delivered"),
        "1004": ("not_paid", "42.50", "waiting"),
    }
    done = run(tmp_path, "list", "--state", "not_paid")
    assert "1004" in done.stdout
    assert "1001" not in done.stdout
    assert run(tmp_path, "list", "--since", "10m").stdout == "no orders that fit\n"


def test_show(tmp_path):
    """The history in words; what a sender put into them is shown, never obeyed by the terminal."""
    day(tmp_path)
    done = run(tmp_path, "show", "1003")
    assert done.returncode == 0, done.stderr
    assert "order 1003 of dataset 1" in done.stdout
    assert "counts as a Purchase: no, order_cancelled since" in done.stdout
    assert "cancelled (fraud [bold]\\x1b[31m)" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "Purchase purchase.1003 to meta-1: delivered" in done.stdout
    rows = [json.loads(line) for line in run(tmp_path, "show", "1003", "--json").stdout.splitlines()]
    assert [r["row"] for r in rows[:2]] == ["about", "order"]
    steps = [r for r in rows if r["row"] == "step"]
    assert [r["what"] for r in steps if not r["link"]] == ["updated", "updated"]  # as it was reported
    assert [r["link"] for r in steps if r["link"]][:1] == ["placed"]
    assert [r["destination"] for r in rows if r["row"] == "delivery"] == ["meta-1"]


def test_an_order_that_is_not_known(tmp_path):
    """Said, and the exit code is its own."""
    day(tmp_path)
    done = run(tmp_path, "show", "77")
    assert (done.returncode, done.stdout) == (5, "")
    assert "no order 77 is known" in done.stderr


def test_a_state_that_no_order_can_have(tmp_path):
    """Refused with the known ones, in place of an empty list."""
    day(tmp_path)
    done = run(tmp_path, "list", "--state", "unpaid")
    assert done.returncode == 2
    assert "not_paid" in done.stderr


@pytest.mark.parametrize("command", ["list", "check"])
def test_a_period_that_cannot_be_read(tmp_path, command):
    """Said with an example."""
    done = run(tmp_path, command, "--since", "7w")
    assert done.returncode == 2
    assert "48h" in done.stderr


def test_while_the_gateway_runs(tmp_path):
    """A signed body of an own shop, then the three commands on the same folder, by the policy of the same file."""
    toml = """
[[dataset]]
id = "1234567890"
[dataset.orders]
value_parts = ["goods", "tax"]

[[source]]
type = "own"
dataset = "1234567890"
shop = "shop.example"
secret = "0123456789abcdef0123456789abcdef"
"""
    body = json.dumps({
        "type": "order", "id": "A-1001", "number": "#7001", "placed_at": int(time.time()) - 60, "updated_at": int(time.time()) - 60,
        "status": "placed", "payment": {"method": "card", "status": "paid"},
        "totals": {"currency": "EUR", "total": "42.50", "shipping": "5.00"}, "customer": {"email": "buyer@example.com"},
    }).encode()  # fmt: skip
    with gateway(toml, tmp_path / "data") as g:
        at = int(time.time())
        digest = hmac.new(b"0123456789abcdef0123456789abcdef", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        answer = requests.post(
            f"{g.url}/webhooks/own/shop.example",
            data=body,
            headers={"Content-Type": "application/json", "X-Twofold-Signature": f"t={at},v1={digest}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        _, row = [json.loads(line) for line in g.run("orders", "list", "--json").stdout.splitlines()]
        assert (row["number"], row["order_id"], row["state"], row["value"]) == ("#7001", "A-1001", "counts", "37.50")
        head, listed = g.run("orders", "list").stdout.splitlines()[-2:]
        assert (head.split()[:2], listed.split()[:2]) == (
            ["order", "id"],
            ["#7001", "A-1001"],
        )  # as people call it, first
        shown = g.run("orders", "show", "A-1001")
        assert shown.returncode == 0, shown.stderr
        assert "value: 37.50 EUR = 42.50 - 5.00 shipping" in shown.stdout
        assert "buyer@example.com" not in shown.stdout
        done = g.run("orders", "check", "--json")
        assert done.returncode == 0, done.stderr
        (missing,) = [r for r in map(json.loads, done.stdout.splitlines()) if r["row"] == "order"]
        assert (missing["verdict"], missing["due"]) == ("missing", "37.50")
