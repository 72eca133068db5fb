"""The money pages on a world whose truth is known: figures, the orders behind each, roles, a deadline, a real browser."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import sync_playwright
from running_console import HOSTILE, PASSWORD, Client, Running, configuration

from twofold.config import load_settings
from twofold.console.money.task import Task, ask
from twofold.errors import StoreError
from twofold.facts.engine import Where
from twofold.policies import analytics_of, day_task
from twofold.simulate.world.folder import Written
from twofold.simulate.world.play import compare

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="session")
def money(world: Written) -> Iterator[Running]:
    running = Running(world.folder / "data", world.config)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def owner(money: Running) -> Client:
    return money.owner()


def rows_of(client: Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def period(world: Written) -> str:
    return f"period={world.key['since']}..{world.key['until']}"


@pytest.mark.process
def test_the_chain_is_the_truth(owner: Client, world: Written) -> None:
    """Every link, leak, open sum and cell, to the cent; CSV has the same."""
    path = f"/chain.json?{period(world)}"
    rows = [{**row, "from": row.get("link")} for row in rows_of(owner, path)]
    lines = compare(world.key, [row for row in rows if row["row"] != "residual"])
    assert len(lines) > 15
    assert [line for line in lines if not line.exact] == []
    assert all(not Decimal(row["amount"]) and not row["count"] for row in rows if row["row"] == "residual")
    table = list(csv.DictReader(io.StringIO(owner.get(f"/chain.csv?{period(world)}").text)))
    assert [(r["row"], r["amount"]) for r in table] == [(r["row"], r.get("amount") or "") for r in rows[1:]]


@pytest.mark.process
def test_every_term_leads_to_its_orders(owner: Client, world: Written) -> None:
    """As many as the truth counts, and their amounts add up to the truth's; a fee of a whole batch is of no order."""
    terms = {f"link:{row['link']}": row for row in world.key["links"]}
    terms |= {f"{row['after']}:{row['reason']}": row for row in world.key["losses"]}
    terms |= {f"matrix:{row['delivered']:d}{row['collected']:d}": row for row in world.key["matrix"]}
    assert len(terms) > 15
    loose = Decimal(terms.pop("collected:batch_adjustment")["amount"])
    for term, truth in terms.items():
        about = rows_of(owner, f"/chain/orders.json?{period(world)}&term={term}")[0]
        amount = Decimal(truth["amount"]) + (loose if term == "link:banked" else 0)
        of_links = {"link:delivered", "link:collected", "link:banked"}  # a part of an order may be in, too
        assert Decimal(about["amount"]) == amount, term
        assert about["orders"] == truth["count"] or (term in of_links and about["orders"] > truth["count"]), term


@pytest.mark.process
def test_every_campaign_s_figure_leads_to_its_orders(owner: Client, world: Written) -> None:
    """By the last touch each order of the chain stands behind one row, with its whole total; each figure of a row is the sum of what
    stands behind it, as of the same moment."""
    about, *rows = rows_of(owner, f"/campaigns.json?{period(world)}")
    at = about["as_of"]
    behind: list[tuple[str, str]] = []
    for row in rows:
        query = f"{period(world)}&as_of={at}&group={quote(row['id'])}"
        if row["id"].endswith(":no_order"):
            assert owner.get(f"/campaigns/orders?{query}").status == 404
            continue
        said, *orders = rows_of(owner, f"/campaigns/orders.json?{query}")
        assert (Decimal(said["part"]), said["amount"]) == (Decimal(row["orders"]), row["placed"]), row["id"]
        for start in range(0, said["orders"], 50):
            orders = rows_of(owner, f"/campaigns/orders.json?{query}&after={start}")[1:]
            behind += [(one["order_id"], one["amount"]) for one in orders]
    whole = rows_of(owner, f"/chain/orders.json?{period(world)}&term=link:placed")[0]["orders"]
    listed = [
        (one["order_id"], one["amount"])
        for start in range(0, whole, 50)
        for one in rows_of(owner, f"/chain/orders.json?{period(world)}&term=link:placed&after={start}")[1:]
    ]
    assert len(listed) == whole > 100
    assert sorted(behind) == sorted(listed)
    most = max((row for row in rows if row["verdict"]), key=lambda row: Decimal(row["banked"]))
    for link in ("delivered", "true", "banked", "margin"):
        path = f"/campaigns/orders.json?{period(world)}&as_of={at}&group={quote(most['id'])}&link={link}"
        said, *orders = rows_of(owner, path)
        assert Decimal(said["amount"]) == Decimal(most[link]) != 0, link
        assert len(orders) == said["orders"] < Decimal(most["orders"]) + (link == "margin") * 99
        assert all(Decimal(one["amount"]) for one in orders)


@pytest.mark.process
@pytest.mark.parametrize(
    ("query", "status"),
    [("", 404), ("group=unattributed:erased", 404), (f"group={'x' * 700}", 404), (f"group={HOSTILE}", 200), ("group=x&link=spend", 400),
     ("group=x&as_of=now", 400), ("group=x&after=99999", 400), ("group=x&by=colour", 400)],
)  # fmt: skip
def test_a_figure_that_is_none(owner: Client, query: str, status: int) -> None:
    assert owner.get(f"/campaigns/orders?{quote(query, safe='=&:')}").status == status


@pytest.mark.process
def test_a_buyer_is_led_to_no_bank_line(money: Running, owner: Client, world: Written) -> None:
    """Neither by the page nor by its address."""
    buyer = money.person(owner, "buyer")
    row = rows_of(buyer, f"/campaigns.json?{period(world)}")[1]
    path = f"/campaigns/orders?{period(world)}&group={quote(row['id'])}"
    assert buyer.get(path).status == 200
    assert [buyer.get(f"{path}&link={link}").status for link in ("banked", "margin")] == [400, 400]
    assert "link=margin" not in buyer.get(f"/campaigns?{period(world)}").text


@pytest.mark.process
@pytest.mark.parametrize("term", ["", "link", "link:", "foo:refused", HOSTILE, "matrix:" + "1" * 80])
def test_a_term_that_is_none(owner: Client, term: str) -> None:
    assert owner.get(f"/chain/orders?term={quote(term)}").status == 404


@pytest.mark.process
def test_cash_names_who_has_what(owner: Client, world: Written) -> None:
    """What couriers hold and what nobody knows is the truth's; ages add up to the sum."""
    about, *rows = rows_of(owner, "/cash.json")
    held = [Decimal(r["amount"]) for r in rows if r["row"] == "owed" and r["where"] == "courier_holds"]
    truth = next(r for r in world.key["losses"] if r["reason"] == "courier_holds")
    assert sum(held) == Decimal(truth["amount"])
    for row in rows:
        if row["row"] == "owed":
            assert sum(map(Decimal, row["ages"])) == Decimal(row["amount"])
    unmatched = [r for r in rows if r["row"] == "unmatched"]
    assert len(unmatched) == world.key["unmatched_credits"]["count"]
    assert sum(Decimal(r["amount"]) for r in unmatched) == Decimal(world.key["unmatched_credits"]["amount"])
    assert about["timezone"] == world.key.get("zone", about["timezone"])
    shown = owner.get("/cash").text  # a bank books a day of the reports' zone, and says no time
    for row in unmatched:
        booked = datetime.fromtimestamp(row["at"], ZoneInfo(about["timezone"]))
        assert f">{booked.day} {booked:%b %Y}</th>" in shown


@pytest.mark.process
def test_a_day_adds_up_for_each_witness(owner: Client, world: Written) -> None:
    """The basis, the reasons and the residual make what the witness says."""
    day = world.key["until"]
    _, *rows = rows_of(owner, f"/day.json?day={day}")
    said = {r["witness"]: r for r in rows if r["row"] == "witness" and r["count"] is not None}
    assert {"shop", "log", "ga4", "meta"} >= set(said) >= {"shop", "log"}
    for name, witness in said.items():
        mine = [r for r in rows if r.get("witness") == name]
        basis = next(r for r in mine if r["row"] == "sum")
        parts = [r for r in mine if r["row"] in ("reason", "residual")]
        assert basis["count"] + sum(r["count"] for r in parts) == witness["count"], name
        total = Decimal(basis["amount"]) + sum(Decimal(r["amount"]) for r in parts)
        assert total == Decimal(witness["amount"]), name


@pytest.mark.process
def test_a_buyer_sees_the_day_and_no_money(money: Running, owner: Client, world: Written) -> None:
    """Nothing of the bank or the margin, on the day's page and on an order's."""
    buyer = money.person(owner, "buyer")
    accountant = money.person(owner, "accountant")
    for client, names in ((buyer, set()), (accountant, {"bank", "books"})):
        _, *rows = rows_of(client, f"/day.json?day={world.key['until']}")
        assert {r["name"] for r in rows if r["row"] == "cohort"} & {"bank", "books"} == names
    assert buyer.get("/chain").status == 404
    order = rows_of(accountant, f"/chain/orders.json?{period(world)}&term=link:banked")[1]["order_id"]
    for client, sees in ((buyer, False), (accountant, True)):
        page = client.get(f"/orders/{order}")
        assert page.status == 200
        assert ("Where its goods and its money are" in page.text) is sees
        assert ("on the bank" in page.text) is sees
        life = [row for row in rows_of(client, f"/orders/{order}.json")[1:] if row["kind"] == "life"]
        assert {row["link"] for row in life} >= {"placed", "banked"} if sees else life == []
        assert all(
            Decimal(row["amount"]) and row["currency"] and row["from"] for row in life if row["link"] == "banked"
        )
        assert (",life,banked," in client.get(f"/orders/{order}.csv").text) is sees


@pytest.mark.process
def test_files_that_were_imported(owner: Client, world: Written) -> None:
    """Each file but those of orders, with what was new in it."""
    _, *rows = rows_of(owner, "/imports.json")
    assert all(1_700_000_000 < row["imported_at"] < 10_000_000_000 for row in rows)  # Unix s
    lines = [c for c in world.commands if c[:2] != ("import", "orders")]
    assert sorted(r["kind"] for r in rows) == sorted(c[1] for c in lines)
    assert all(r["new"] + r["known"] + r["refused"] >= 1 and not r["unbalanced"] for r in rows)
    assert {r["kind"] for r in rows_of(owner, "/imports.json?kind=bank")[1:]} == {"bank"}


@pytest.mark.process
def test_what_takes_too_long_is_ended_and_said(world: Written) -> None:
    settings, now = load_settings(world.config), int(time.time())
    task = Task(what="cash", base=day_task(settings, now), as_of=now, tables=Where.of(analytics_of(settings)))
    with pytest.raises(StoreError, match="took longer"):
        ask(task, within_s=0.05)
    assert ask(task)["currency"] == world.key["currency"]  # the next one has its room again


@pytest.mark.process
def test_a_question_that_cannot_be_asked_is_said(world: Written, tmp_path: Path) -> None:
    """The child's own sentence reaches the page."""
    task = Task(what="life", base=day_task(load_settings(world.config, data=str(tmp_path)), 0), as_of=0, orders=["1/1"])
    with pytest.raises(StoreError, match=str(tmp_path)):
        ask(task)


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "ka"])
def test_money_pages_in_a_real_browser(money: Running, owner: Client, world: Written, language: str) -> None:
    """Nothing right of the edge at six widths and in both themes, no complaint, one h1, a name for every field."""
    paths = [f"/chain?{period(world)}&by=method", "/chain?view=booked", f"/chain/orders?{period(world)}&term=shipped:refused",
             "/cash", f"/day?day={world.key['until']}", "/imports", f"/campaigns?{period(world)}"]  # fmt: skip
    order = rows_of(owner, f"/chain/orders.json?{period(world)}&term=link:banked")[1]["order_id"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{money.told['address']}/login")
        page.locator("[name=name]").fill("nino")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main button").click()
        page.wait_for_url("**/today")
        page.goto(f"{money.told['address']}/today?language={language}")
        for path in (*paths, f"/orders/{order}"):
            page.goto(f"{money.told['address']}{path}")
            assert page.locator("h1").count() == 1, path
            assert page.locator("html").get_attribute("lang") == language
            unnamed = "[...document.querySelectorAll('input:not([type=hidden]),select')].filter(e => !e.labels.length && !e.ariaLabel).length"
            assert page.evaluate(unnamed) == 0, path
            for width in (360, 390, 768, 1110, 1280, 1440):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
                assert page.evaluate("document.querySelector('.brand').offsetHeight") < 50, (path, width)  # one line
        browser.close()
    assert complaints == []


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Running]:
    """An order and a remittance whose every text is markup."""
    config = configuration(tmp_path)
    cell = '"' + HOSTILE.replace('"', '""') + '"'
    (tmp_path / "orders.csv").write_text(
        f"order_id,placed_at,total,currency,sale,method,status,payment_status\n"
        f"{cell},{date.today()}T00:00:01Z,78.90,EUR,chat,cod,confirmed,unpaid\n",
        encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "remittance.csv").write_text(
        "AWB,Order ID,Status,Delivery date,COD Amount,COD fee,Freight,RTO charges,Net payable,Remittance ID,"
        "Remittance date,UTR,Currency,Remarks\n"
        f"{cell},{cell},Delivered,{date.today()},78.90,3.00,4.00,0.00,71.90,{cell},{date.today()},{cell},EUR,{cell}\n",
        encoding="utf-8",
    )
    for command in (
        ("orders", "--dataset", "1001", "--ledger-only", "orders.csv"),
        ("remittances", "--source", "parcelway", "remittance.csv"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "twofold", "import", *command, "--config", str(config)],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    running = Running(tmp_path / "data", config)
    yield running
    running.stop()


@pytest.mark.browser
def test_hostile_texts_are_texts(hostile: Running) -> None:
    """On every page of money, in groups and in an order's life: shown, and nothing else."""
    paths = ("/chain?period=today&by=source", "/chain/orders?period=today&term=link:placed", "/cash",
             f"/day?day={date.today()}", "/imports", f"/chain/orders?period=today&term=link:placed&by=source&group={quote(HOSTILE)}")  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(locale="en-GB")
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
        page.goto(hostile.told["link"])
        page.locator("[name=name]").fill("nino")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main button").click()
        page.wait_for_url("**/today")
        seen = 0
        for path in paths:
            page.goto(f"{hostile.told['address']}{path}")
            assert page.locator("h1").count() == 1, path
            assert page.locator("img[src=x], main script").count() == 0, path
            seen += page.get_by_text("onerror=alert(1)").count()
        page.goto(f"{hostile.told['address']}/chain/orders?period=today&term=link:placed")
        page.locator("table a").first.click()
        page.get_by_text("Where its goods and its money are").wait_for()
        assert page.locator("img[src=x], main script").count() == 0
        assert page.get_by_text("onerror=alert(1)").count() > 1
        browser.close()
    assert seen > 1
    assert complaints == []


@pytest.mark.process
def test_campaigns_are_the_command_s(money: Running, owner: Client, world: Written) -> None:
    """The page's rows add up to the chain's, say for each campaign whether it earns, and a buyer sees no line of the bank."""
    about, *rows = rows_of(owner, f"/campaigns.json?{period(world)}&window=30")
    assert about["model"] == "last"
    links = {row["link"]: row for row in rows_of(owner, f"/chain.json?{period(world)}") if row["row"] == "link"}
    for link in ("placed", "delivered", "banked"):
        assert sum(Decimal(row[link]) for row in rows) == Decimal(links[link]["amount"]), link
        assert Decimal(about["total"][link]) == Decimal(links[link]["amount"]), link
    told = [row for row in rows if row["verdict"]]
    assert {row["platform"] for row in told} == {"meta"}
    assert all(row["true_roas"] and row["platform_roas"] for row in told)
    page = owner.get(f"/campaigns?{period(world)}").text
    assert all(row["group"] in page for row in told)
    whole = page[page.index('id="together"') : page.index('id="spent"')]
    assert f"{Decimal(links['placed']['amount']):,.2f}" in whole.replace("\u00a0", " ")
    kinds = owner.get(f"/campaigns?{period(world)}&by=new_or_returning").text
    assert "new, as far as can be seen" in kinds
    assert not re.search(r'translate="no">(new|new_unsure|returning|unknown|none)<', kinds)
    buyer = money.browser()
    if (
        buyer.post("/login", {"name": "a buyer", "password": PASSWORD}).status != 303
    ):  # an earlier test may have invited one
        buyer = money.person(owner, "buyer")
    _, *seen = rows_of(buyer, f"/campaigns.json?{period(world)}&window=30")
    assert "banked" not in seen[0]
    assert "margin" not in seen[0]
    assert [row["cm4"] for row in seen] == [row["cm4"] for row in rows]


@pytest.mark.process
def test_customers_are_cohorts(owner: Client) -> None:
    _, *rows = rows_of(owner, "/customers.json")
    assert rows
    assert rows[0]["month"] == "2026-10"
    assert len(rows[0]["value"].split()) >= 1


@pytest.mark.process
def test_today_tells_files_from_faults_and_says_what_to_do(money: Running, owner: Client, world: Written) -> None:
    """Orders of files are recorded only; the platform's claims are those of its file; the late courier is a line, not for a buyer."""
    about, *rows = rows_of(owner, f"/today.json?{period(world)}")
    fates = {row["fate"]: row["orders"] for row in rows}
    assert sum(fates.values()) == about["orders"]
    assert fates["only_file"] > 50
    assert "not_connected" not in fates
    listed = rows_of(owner, f"/orders.json?{period(world)}&fate=only_file")[1:]
    assert {row["fate"] for row in listed} == {"only_file"}
    for _ in range(120):
        page = owner.get(f"/today?{period(world)}").text
        if "Ask for money that is late" in page and "Meta shows" in page:
            break
        time.sleep(0.5)
    assert "all from imported files" in page
    with (world.folder / "meta-ads.csv").open(encoding="utf-8-sig") as file:
        claimed = sum(Decimal(row["Purchases"] or 0) for row in csv.DictReader(file))
    shown = page.partition("Meta shows")[2].partition('data-name="Orders">')[2].partition("<")[0]
    assert Decimal(shown.replace(",", "")) == claimed
    about, *_ = rows_of(owner, f"/today.json?{period(world)}")
    (told,) = about["shows"]
    assert (told["platform"], Decimal(told["count"]), told["role"]) == ("meta", claimed, "signal")
    late = [row for row in rows_of(owner, "/cash.json") if row["row"] == "owed" and row["late"]]
    assert ("Ask for money that is late" in page) is bool(late)
    buyer = money.browser()
    if buyer.post("/login", {"name": "a buyer", "password": PASSWORD}).status != 303:
        buyer = money.person(owner, "buyer")
    seen = buyer.get(f"/today?{period(world)}").text
    assert "Meta shows" in seen
    assert "Ask for money that is late" not in seen


def _earned(client: Client, path: str) -> dict[str, dict[str, Any]]:
    """By name, once they are added up."""
    for _ in range(120):
        about, *_ = rows_of(client, path)
        if about["earned"] is not None:
            return {row["figure"]: row for row in about["earned"]}
        time.sleep(0.5)
    raise AssertionError("nothing was added up within a minute")


@pytest.mark.process
def test_today_says_what_was_earned(money: Running, owner: Client, world: Written) -> None:
    """The links of the truth for who may see money, each leading to as many orders; a buyer has spend and contribution, and no line of the bank."""
    found = _earned(owner, f"/today.json?{period(world)}")
    truth = {row["link"]: row for row in world.key["links"]}
    for link in ("placed", "delivered", "banked"):
        one = found[link]
        assert (one["orders"], Decimal(one["amount"])) == (truth[link]["count"], Decimal(truth[link]["amount"])), link
        assert (one["role"], one["link"], one["since"]) == ("truth", link, world.key["since"])
    page = owner.get(f"/today?{period(world)}").text
    section = page.partition('id="earned"')[2].partition("</section>")[0]
    assert "for the business" in section
    paths = re.findall(r'href="/console(/chain/orders\?[^"]*)"', section)
    (loose,) = (Decimal(row["amount"]) for row in world.key["losses"] if row["reason"] == "batch_adjustment")
    for link, path in zip(("placed", "delivered", "banked"), paths, strict=True):
        about, *_ = rows_of(owner, path.replace("&amp;", "&").replace("/orders?", "/orders.json?"))
        # What a batch as a whole lost is of no order, and an order may be on the bank in part.
        of_no_order = loose if link == "banked" else 0
        assert Decimal(about["amount"]) == Decimal(found[link]["amount"]) + of_no_order, link
        assert about["orders"] == found[link]["orders"] or (of_no_order and about["orders"] > found[link]["orders"]), (
            link
        )
    metrics = {
        r["name"]: r["value"]
        for r in rows_of(owner, f"/chain.json?{period(world)}")
        if r.get("row") == "metric" and r["of"] == "all"
    }
    assert [found[name]["amount"] for name in ("cm3", "cm4")] == [metrics["cm3"], metrics["cm4"]]

    buyer = money.browser()
    if buyer.post("/login", {"name": "a buyer", "password": PASSWORD}).status != 303:
        buyer = money.person(owner, "buyer")
    seen = _earned(buyer, f"/today.json?{period(world)}")
    assert {name: row["link"] for name, row in seen.items()} == {
        "placed": "placed", "true": "delivered", "spend": "", "true_roas": "delivered", "cm4": "margin",
    }  # fmt: skip
    rows = rows_of(buyer, f"/campaigns.json?{period(world)}")[1:]
    told = [row for row in rows if row["verdict"]]
    assert Decimal(seen["spend"]["amount"]) == sum(Decimal(row["spend"]) for row in told)
    assert Decimal(seen["cm4"]["amount"]) == sum(Decimal(row["cm4"]) for row in told)
    assert all(row["link"] != "banked" and "bank" not in name for name, row in seen.items())
    shown = buyer.get(f"/today?{period(world)}").text
    assert "On the bank" not in shown
    assert "What was earned" in shown
    for row in told:
        assert (f'<b translate="no">{row["group"]}</b>' in shown) is (
            row["verdict"] == "loses" or Decimal(row["cm4"]) < 0
        )

    developer = money.person(owner, "developer")
    about, *_ = rows_of(developer, f"/today.json?{period(world)}")
    assert about["earned"] is None
    assert "What was earned" not in developer.get(f"/today?{period(world)}").text


@pytest.mark.process
def test_what_was_earned_of_a_week_is_that_of_four(owner: Client) -> None:
    """What was placed this week is not earned yet: the figures are of four weeks at least, and their links have those days."""
    week = _earned(owner, "/today.json?period=7")
    four = _earned(owner, "/today.json?period=28")
    assert week == four
    assert {(date.fromisoformat(one["until"]) - date.fromisoformat(one["since"])).days for one in week.values()} <= {27}


def _workers(console: int) -> list[int]:
    """The processes under the console that work out its pages of money."""
    found = []
    threads = Path(f"/proc/{console}/task").iterdir()
    for pid in (int(one) for thread in threads for one in (thread / "children").read_text().split()):
        found += [pid] if b"twofold.console.money" in Path(f"/proc/{pid}/cmdline").read_bytes() else _workers(pid)
    return found


@contextmanager
def _stopped_workers(console: int) -> Iterator[None]:
    """Those that are there, and each that is started meanwhile."""
    over, stopped = threading.Event(), set()

    def stop() -> None:
        while not over.wait(0.05):
            with suppress(OSError):  # one has ended meanwhile
                for pid in _workers(console):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.add(pid)

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        yield
    finally:
        over.set()
        stopping.join()
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.mark.process
def test_a_page_that_takes_long_says_so_and_asks_again(money: Running, owner: Client, world: Written) -> None:
    """Its reader is not left without an answer: the page is worked out beside, and is there when it asks again."""
    path = f"/day?day={date.fromisoformat(world.key['since'])}"
    with _stopped_workers(money.process.pid):
        answer = owner.ask("GET", f"/console{path}")
    assert answer.status == 503
    assert answer.headers["refresh"] == answer.headers["retry-after"]
    assert "The page asks again by itself" in answer.text
    assert owner.get(path).status == 200


@pytest.mark.process
def test_today_says_that_a_verdict_is_being_worked_out(money: Running, owner: Client, world: Written) -> None:
    """The money is said at once; nobody takes it for a shop without campaigns meanwhile."""
    last = date.fromisoformat(world.key["until"]) - timedelta(days=1)
    asked, said = f"period={world.key['since']}..{last}", "Which campaigns lose is being worked out"
    assert owner.get(f"/chain?{asked}").status == 200
    with _stopped_workers(money.process.pid):
        answer = owner.ask("GET", f"/console/today?{asked}")
    assert 'id="earned"' in answer.text
    assert said in answer.text
    assert "refresh" in answer.headers
