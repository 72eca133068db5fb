"""The demo as its user runs it: a command, its table, its status, its shop, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from twofold.simulate.demo import WAYS
from twofold.simulate.truth import OrderKind, consented_truth, make_orders, whole_truth

TWOFOLD = "1000000000000004"
PATIENCE_S = 60
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
# A few orders, so that the demo is soon at the point where it waits for its user.
STAYING = "import sys; from twofold.simulate.demo import run_demo; sys.exit(run_demo(orders={orders}, scenario=None))"
ADDRESS = re.compile(r"the (shop|receiver|gateway) +(http://\S+)")


def rows(output):
    """The table's lines as {first cell: (count, value)}."""
    found = re.findall(r"│ (\S[^│]*?) +│ +(\d+) +│ +(-?[\d,.]+) +│", output)
    return {name: (int(count), value) for name, count, value in found}


def test_the_demo_counts_exactly_the_consented_truth_and_the_others_do_not():
    """Status 0, and a table whose last row is the consented truth while every other way is off."""
    command = [sys.executable, "-m", "twofold", "demo", "--exit", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=os.environ | {"COLUMNS": "160"})
    assert done.returncode == 0, done.stdout + done.stderr
    today, _, past = done.stdout.partition("From the order to the bank")
    today, _, crossed = today.partition("sales that no pixel sees whole")
    assert crossed.count(" exact ") == 4
    table = rows(today)
    truth, books = consented_truth(make_orders(7)), whole_truth(make_orders(7))
    assert table["twofold"] == table["truth: consented"] == (truth.count, f"{truth.value:,.2f}")
    assert table["truth: all orders"] == (books.count, f"{books.value:,.2f}")
    others = [figures for name, figures in table.items() if name not in ("twofold", "truth: consented")]
    assert len(others) == 4
    assert table["twofold"] not in others
    # Refreshes and repeats count double where nothing merges them.
    assert table["both, not merged"][0] > books.count
    chain = rows(past)
    assert chain.keys() >= {"placed", "confirmed", "shipped", "delivered", "collected", "banked"}
    assert past.count(" exact ") == len(chain) > 20
    assert "every cent of the gap" in past


@contextmanager
def staying(orders=0):
    """(process, addresses) of a demo that has printed its table and now waits for its user."""
    environment = os.environ | {"COLUMNS": "160", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", STAYING.format(orders=orders)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        output = ""
        while "Ctrl-C ends" not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        yield process, dict(ADDRESS.findall(output)), re.search(r"removes (\S+)\.\s", output)[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()


def answers(address):
    parts = urlsplit(address)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def until(true):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not so after {PATIENCE_S} s"
        time.sleep(0.1)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_its_programs_and_removes_its_folder(how):
    """Ctrl-C and a plain kill leave no process, no open port and no file, and are no failure."""
    with staying() as (process, addresses, folder):
        assert set(addresses) == {"shop", "receiver", "gateway"}
        assert all(map(answers, addresses.values()))
        assert os.path.isdir(folder)
        process.send_signal(how)
        assert process.wait(PATIENCE_S) == 0
        assert not any(map(answers, addresses.values()))
        assert not os.path.exists(folder)


def test_a_killed_demo_leaves_no_program_behind():
    """SIGKILL cannot be handled; the children end all the same."""
    with staying() as (process, addresses, _):
        process.kill()
        process.wait(PATIENCE_S)
        until(lambda: not any(map(answers, addresses.values())))


def test_the_receiver_knows_the_shoppers_and_their_ads_and_names_each_way():
    """Four accounts with the same spend, one a way of measuring; only consented purchases are claimed by Twofold's."""
    with staying(orders=40) as (_, addresses, _):
        receiver = addresses["receiver"].rstrip("/")
        with urllib.request.urlopen(f"{receiver}/sandbox/ads", timeout=60) as answer:
            accounts = json.load(answer)["accounts"]
        assert [a["name"].partition(": ")[2] for a in accounts] == [name for name, _ in WAYS]
        spend, claimed = set(), {}
        for account in accounts:
            query = "access_token=any-token-of-8&level=account&date_preset=maximum&fields=spend,actions"
            with urllib.request.urlopen(f"{receiver}/v25.0/act_{account['id']}/insights?{query}", timeout=60) as answer:
                (row,) = json.load(answer)["data"]
            spend.add(row["spend"])
            actions = {a["action_type"]: int(a["value"]) for a in row.get("actions", ())}
            claimed[account["name"].partition(": ")[2]] = actions.get("purchase", 0)
        assert len(spend) == 1
        # Of a click on another device the receiver's first copy, the pixel's, says nothing.
        brought = [o for o in make_orders(7, 40) if o.kind is OrderKind.REAL and o.consented and o.shopper.fbclid]
        assert claimed["twofold"] == len(brought) > 0
        assert claimed["both, not merged"] > claimed["twofold"]
        with urllib.request.urlopen(f"{receiver}/", timeout=60) as answer:
            page = answer.read().decode()
        assert all(f"<h2>{name} " in page for name, _ in WAYS)
        with urllib.request.urlopen(f"{receiver}/sandbox/diagnostics", timeout=60) as answer:
            found = {d["diagnostic"]: d["status"] for d in json.load(answer)["diagnostics"]}
        assert found["capi_ip_address_fake_ip"] == "accepted", "the demo does not accuse its own addresses"


def purchases(receiver):
    with urllib.request.urlopen(
        f"{receiver}/sandbox/counts?event_name=Purchase&dataset={TWOFOLD}", timeout=60
    ) as answer:
        counts = json.load(answer)["counts"]
    return counts[0] if counts else {"browser_received": 0, "server_received": 0, "counted": 0, "value": {}}


@contextmanager
def a_browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            # Chromium says here that it is driven, and the gateway would rightly send nothing of a robot's purchase.
            yield browser.new_page(user_agent=PERSON)
        finally:
            browser.close()


def buy(page, shop, answer):
    page.goto(f"{shop}?fbclid=IwAR0-Click_9")
    step(page, page.get_by_role("button", name=answer, exact=True))
    step(page, page.get_by_role("link", name="Enamel pot"))
    step(page, page.get_by_role("button", name="Add to cart"))
    step(page, page.get_by_role("link", name="Checkout"))
    step(page, page.get_by_role("button", name="not really"))
    page.wait_for_url("**/thank-you/*")


def step(page, leads_on):
    """As a shopper goes on, who has seen the page: one who leaves before its scripts have run is reported by none of them."""
    with page.expect_event("load"):
        leads_on.click()


@pytest.mark.browser
def test_a_persons_own_purchase_arrives_once():
    """Bought in a browser: the receiver gets a browser and a server copy and counts one purchase of its value."""
    with staying() as (_, addresses, _), a_browser() as page:
        buy(page, addresses["shop"], "Accept")
        receiver = addresses["receiver"].rstrip("/")
        until(lambda: purchases(receiver)["browser_received"] and purchases(receiver)["server_received"])
        page.get_by_text("from the gateway, counted as 1 purchase").wait_for()
        page.reload()
        until(lambda: purchases(receiver)["browser_received"] == 2)
        counted = purchases(receiver)
        assert (counted["counted"], counted["value"]) == (1, {"EUR": "74"})
        page.get_by_role("link", name="its copies").click()
        page.wait_for_load_state()
        states = [event["state"] for event in json.loads(page.inner_text("body"))["events"]]
        assert sorted(states) == ["Deduplicated", "Deduplicated", "Processed"]


@pytest.mark.browser
def test_the_commands_the_thank_you_page_names_show_the_purchase():
    """Each line runs as it stands there while the gateway runs, and the sums of the store hold."""
    with staying() as (_, addresses, folder), a_browser() as page:
        buy(page, addresses["shop"], "Accept")
        receiver = addresses["receiver"].rstrip("/")
        until(lambda: purchases(receiver)["server_received"])
        lines = [line for line in page.locator("dd code").all_inner_texts() if "--config" in line]
        assert [line.split(" --config")[0].split()[-1] for line in lines] == ["events", "actions", "deliveries"]
        for line in lines:
            done = subprocess.run(f"{line} --json", shell=True, capture_output=True, text=True, timeout=PATIENCE_S)
            assert done.returncode == 0, done.stderr
            assert {json.loads(row)["event_name"] for row in done.stdout.splitlines()} == {"Purchase"}
        verify = [sys.executable, "-m", "twofold", "verify", "--config", f"{folder}/twofold.toml"]
        done = subprocess.run(verify, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stdout


@pytest.mark.browser
def test_a_person_who_declines_is_not_reported():
    """The order reaches the gateway, which suppresses it; the receiver hears of no purchase."""
    with staying() as (_, addresses, folder), a_browser() as page:
        buy(page, addresses["shop"], "Decline")
        listed = [sys.executable, "-m", "twofold", "deliveries", "--json", "--config", f"{folder}/twofold.toml"]

        def suppressed():
            done = subprocess.run(listed, capture_output=True, text=True, timeout=PATIENCE_S)
            return [json.loads(row)["state"] for row in done.stdout.splitlines()] == ["suppressed"]

        until(suppressed)
        assert page.get_by_text("Nothing is at the receiver").count() == 1, "what did not arrive is not said to have"
        assert purchases(addresses["receiver"].rstrip("/"))["counted"] == 0
