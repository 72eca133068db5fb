"""Two gateways on one PostgreSQL database: what is asked of a bank each day, what is fetched after a notice, and an experiment are one
gateway's at a time. Each is done once, whichever gateway was told, and goes on where the other one is when the first has ended.
"""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

sys.path += [str(Path(__file__).parent / name) for name in ("fetching", "pulling", "attribution")]
from asked_shops import SECRET, SHOP, TOKEN, BigCommerce, bigcommerce_order, bigcommerce_product, notice
from stand_in import Asked, Reply, StandIn, standing_in
from test_experiment_command import REGIONS, today

from tests.facts.postgres import server
from tests.fakes.graph import in_thread
from tests.store.several_gateways import DATASET, Process

pytestmark = [pytest.mark.postgres, pytest.mark.process, pytest.mark.timeout(900)]

WITHIN_S = 180  # a gateway that ended is missed after a minute
HISTORY = 42
SETTINGS = """
[chain]
currency = "GEL"
[[account]]
platform = "nbg"
endpoint = "{bank}"
pull = "00:00"
days = 2
[[account]]
platform = "ecb"
endpoint = "{closed}"
pull = "00:00"
days = 2
[[source]]
type = "bigcommerce"
dataset = "{dataset}"
shop = "{shop}"
secret = "{secret}"
token = "{token}"
endpoint = "{orders}/stores/abc123"
every_minutes = 0
asks_per_minute = 6000
"""


def closed(_: Asked) -> Reply:
    """A bank that answers nobody: whoever begins with the duties asks it behind the other one."""
    return Reply(status=404)


def rates(asked: Asked) -> Reply:
    """The National Bank's answer for a day."""
    one = {"code": "USD", "quantity": 1, "rate": 2.7, "validFromDate": f"{asked.query['date']}T00:00:00.000Z"}
    return Reply(body=[{"currencies": [one]}])


def until(holds: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)
    return found


class Two:
    """Both gateways, the bank and the shop that they ask, and what stands in their database."""

    def __init__(
        self, both: list[Process], address: str, banks: tuple[StandIn, StandIn], shop: BigCommerce, shop_at: StandIn
    ) -> None:
        self.both, self.shop, self.shop_at = both, shop, shop_at
        self.bank, self.closed = banks
        self._address = address

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._address, autocommit=True) as db:
            db.execute("set search_path = twofold")
            return db.execute(sql).fetchall()

    def on_duty(self) -> Process:
        """Who has the duties by now."""
        asked = "select w.name from duty as d join worker as w on w.number = d.worker"
        ((name,),) = until(lambda: self.rows(asked), "somebody on duty")
        return next(one for one in self.both if one.name == name)

    def notice_to(self, gateway: Process, number: int) -> None:
        self.shop.put(bigcommerce_order(number), [bigcommerce_product()])
        url = f"http://127.0.0.1:{gateway.port}/webhooks/bigcommerce/{SHOP}/{SECRET}"
        with urllib.request.urlopen(urllib.request.Request(url, notice(number).encode())) as answer:
            assert answer.status == 200

    def known(self) -> set[str]:
        return {order for (order,) in self.rows("select order_id from orders")}

    def asked_for(self) -> Counter[str]:
        """Of which orders the shop was asked, and how often."""
        return Counter(a.path.rpartition("/")[2] for a in self.shop_at.asked if a.path.rpartition("/")[2].isdigit())

    def run(self, gateway: Process, *words: str, code: int = 0) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "twofold", *words, "--config", str(gateway.config), "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, env=gateway.environ(gateway.program), cwd=gateway.folder
        )
        assert done.returncode == code, done.stdout + done.stderr
        self.said = done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    shop = BigCommerce()
    with (
        server(flushed=True, in_memory=True) as address,
        in_thread() as graph,
        standing_in(rates) as bank,
        standing_in(closed) as closed_at,
        standing_in(shop) as shop_at,
        contextlib.ExitStack() as ends,
    ):
        both = [Process(tmp_path, name, "all", address, graph.url) for name in ("first", "second")]
        more = SETTINGS.format(
            bank=bank.url,
            closed=closed_at.url,
            dataset=DATASET,
            shop=SHOP,
            secret=SECRET,
            token=TOKEN,
            orders=shop_at.url,
        )
        for one in both:
            one.config.write_text(one.config.read_text() + more)
            if one is not both[0]:
                (one.folder / "data").mkdir(mode=0o700)
                shutil.copy(both[0].folder / "data" / "erasures", one.folder / "data")
            ends.callback(one.kill)
            one.start()
        yield Two(both, address, (bank, closed_at), shop, shop_at)


def test_what_is_pulled_and_fetched_is_asked_for_once(two: Two) -> None:
    """Both gateways have the same account and the same shop. The bank is asked once for each of two days; a notice is fetched by the one
    on duty, also where the other was told. That one is stopped: the other goes on, asks for what it is told of next, and does not ask
    the bank a second time."""
    days = "select count(*) from line where kind = 'rate'"
    until(lambda: two.rows(days) == [(2,)], "both days' rates")
    holder = two.on_duty()
    other = next(one for one in two.both if one is not holder)
    two.notice_to(holder, 1001)
    two.notice_to(other, 1002)
    until(lambda: {"1001", "1002"} <= two.known(), "both orders")

    until(lambda: two.closed.asked, "the question to the bank that answers nobody")
    assert holder.running is not None
    holder.running.send_signal(signal.SIGTERM)
    assert holder.running.wait(60) == 0
    held = "select w.name from duty as d join worker as w on w.number = d.worker where d.until_at > extract(epoch from now()) * 1000"
    assert two.rows(held) in ([], [(other.name,)]), "whoever ends in order leaves the duties to the next that asks"
    before = len(two.closed.asked)
    two.notice_to(other, 1003)
    until(lambda: "1003" in two.known(), "the order that the other gateway was told of when it was alone")
    assert two.on_duty() is other
    until(lambda: len(two.closed.asked) > before, "what the other gateway begins with")
    until(lambda: not two.rows("select thing from fetch_wanted"), "the end of what is wanted")
    assert two.asked_for() == {"1001": 1, "1002": 1, "1003": 1}
    checked = other.verify()
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert len(two.bank.asked) == 2
    assert two.rows(days) == [(2,)]


def orders_of(path: Path) -> None:
    """Six weeks of twelve regions with one to three orders a day."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("order_id", "placed_at", "total", "currency", "country", "state", "payment_status"))
        for ago in range(HISTORY, 0, -1):
            day = datetime.now(UTC).date() - timedelta(days=ago)
            for place, region in enumerate(REGIONS):
                for n in range(1 + place // 4):
                    at = f"{day}T{9 + n:02}:00:00+00:00"
                    rows.writerow((f"{day}{region}{n}", at, "50.00", "GEL", "GE", f"GE-{region}", "paid"))


def test_an_experiment_that_is_registered_at_one_is_known_to_both(two: Two, tmp_path: Path) -> None:
    """Orders are imported at either; the one that keeps the tables draws, and the other says which one that is. What is registered there
    is listed at both, its name is given once, and the log holds."""
    since = today() + timedelta(days=1)
    holder = two.on_duty()
    other = next(one for one in two.both if one is not holder)
    orders_of(tmp_path / "past.csv")
    two.run(other, "import", "orders", str(tmp_path / "past.csv"), "--dataset", DATASET, "--ledger-only")
    words = ("experiment", "plan", "spring", "--since", str(since), "--days", "14", "--before-days", str(HISTORY - 1))
    (drawn,) = two.run(holder, *words, "--seed", "7", "--register")
    assert drawn["registered"]
    assert sorted(drawn["on"] + drawn["off"]) == [f"GE-{region}" for region in REGIONS]
    two.run(other, *words, "--seed", "7", code=3)
    assert f"the tables of reports are kept by the gateway {holder.name}" in two.said
    for one in two.both:
        assert [(row["name"], row["state"]) for row in two.run(one, "experiment", "list")] == [("spring", "planned")]
        two.run(one, "experiment", "read", "spring", code=1)
        assert "spring runs until" in two.said
    assert other.verify().returncode == 0
    two.run(holder, *words, "--register", code=2)
    assert "is registered already" in two.said
