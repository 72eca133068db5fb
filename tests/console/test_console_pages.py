"""The pages with a data folder behind them: figures, rows, forms of the same, hostile texts, and a real browser."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace
from playwright.sync_api import sync_playwright
from running_console import HOSTILE, PASSWORD, Running, begun_anew, configuration, open_page

from twofold.console.pages import PAGES
from twofold.console.pages.events import _row
from twofold.console.queries.signal import EventCount

CHROMIUM = "/usr/bin/chromium"
AXE_FILE = Path(__file__).parents[1] / "clients/node/node_modules/axe-core/axe.min.js"
PATHS = (
    "/today",
    "/what-to-do",
    "/senders",
    "/audiences",
    "/test-purchase",
    "/match-quality",
    "/decisions",
    "/signal-worth",
    "/start",
    "/engine-room",
    "/rights",
    "/senders/copies?event=PageView&sender=api",
    "/actions/1",
    "/events",
    "/orders",
    "/orders/5003",
    "/deliveries",
    "/deliveries/given-up",
    "/refused",
    "/live",
    "/acceptance",
    "/matching",
    "/people",
    "/account",
    "/chain",
    "/chain?view=booked&by=day",
    "/chain/orders?term=link:placed",
    "/cash",
    "/day",
    "/campaigns",
    "/campaigns?by=channel&model=linear&window=30",
    "/campaigns/orders?group=channel:direct&link=true",
    "/customers",
    "/imports",
    "/docs",
    "/docs?q=consent",
    "/docs/console",
)


@pytest.fixture(scope="module")
def console(filled: Path) -> Iterator[Running]:
    """One for all: to start it takes longer than most of these look at it."""
    yield from begun_anew(filled)


def rows_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.process
def test_the_bridge_adds_up(console: Running) -> None:
    """Three orders: one is paid and could not be delivered, one is not paid, one is a test."""
    owner = console.owner()
    about, *steps = rows_of(owner.get("/today.json?period=today").text)
    assert (about["orders"], about["told"]) == (3, 0)
    amounts = [Decimal(amount) for step in steps for amount in step["money"].values()]
    assert {c: Decimal(amount) for c, amount in about["money"].items()} == {"EUR": sum(amounts)}
    assert {(s["fate"], s["orders"]) for s in steps} == {("test", 1), ("not_paid_yet", 1), ("waiting", 1)}
    assert {s["fate"]: s["money"] for s in steps}["waiting"] == {"EUR": "129.90"}
    assert "3 orders" in owner.get("/today").text


def test_a_step_says_what_share_of_the_step_before_it_was_and_is() -> None:
    """50 of 200 now and 200 of 400 before; where nothing of the step before was seen, nothing is said."""
    seen = {"dataset": "1", "browser_only": 0, "server_only": 0, "both": 0}
    first = EventCount(event_name="ViewContent", actions=200, before=400, **seen)
    second = EventCount(event_name="AddToCart", actions=50, before=200, **seen)
    row = _row(second, None, first)
    assert (row["of_step_before"], row["of_step_earlier"]) == (0.25, 0.5)
    assert _row(second, None, replace(first, before=0))["of_step_earlier"] is None
    assert _row(first, None, None)["of_step_earlier"] is None


@pytest.mark.process
def test_a_delivery_and_an_action_name_their_order_by_its_people_s_number(console: Running) -> None:
    owner = console.owner()
    page = owner.get("/deliveries").text
    link = '<a href="/console/orders/5001?dataset=1001">#5001</a>'
    assert link in page
    (row,) = [r for r in rows_of(owner.get("/deliveries.json").text)[1:] if r["order_id"] == "5001"]
    assert link in owner.get(f"/deliveries/{row['id']}").text
    assert link in owner.get(f"/actions/{int(str(row['id'])) // 256}").text


@pytest.mark.process
def test_pages_of_no_room_show_no_room_s_links(console: Running) -> None:
    """Who looks at people or at the own access stands in none of the rooms, and finds a way into each."""
    owner = console.owner()
    for path in ("/people", "/account"):
        page = owner.get(path).text.partition("<main")[0]
        assert 'class="pages"' not in page
        assert all(f'href="/console/{first}"' in page for first in ("today", "chain", "start")), path


@pytest.mark.process
def test_orders_stand_under_their_people_s_numbers(console: Running) -> None:
    owner = console.owner()
    about, *orders = rows_of(owner.get("/orders.json").text)
    assert {o["number"] for o in orders} >= {"5001", "5002"} or {o["number"] for o in orders} >= {"#5001", "#5002"}
    _, *waiting = rows_of(owner.get("/orders.json?fate=waiting").text)
    assert [o["order_id"] for o in waiting] == ["5001"]
    assert about["timezone"] == "Asia/Tbilisi"
    story = owner.get("/orders/5001").text
    assert "129.90" in story


UNKNOWN = ("/orders?fate=foo", "/deliveries?state=foo", "/today?period=foo", "/today?dataset=9", "/deliveries?name=Foo",
           "/orders?after=-1", "/today?period=2026-02-31..2026-03-01", "/chain?view=foo", "/chain?by=foo", "/chain?as_of=2026-02-31",
           "/chain?as_of=2999-01-01", "/day?day=foo", "/imports?kind=foo", "/campaigns?by=foo", "/campaigns?model=markov", "/campaigns?window=8", "/chain/orders?term=link:placed&after=-1", "/refused?reason=foo",
           "/match-quality?event=foo", "/senders/copies?event=foo")  # fmt: skip


@pytest.mark.process
def test_an_unknown_choice_is_refused_with_the_known_ones(console: Running) -> None:
    """An empty answer must mean that there is nothing."""
    owner = console.owner()
    for path in UNKNOWN:
        assert owner.get(path).status == 400, path
        base, _, query = path.partition("?")
        error = json.loads(owner.get(f"{base}.json?{query}").text)["error"]
        assert error["got"], path
        assert error["expected"] or path.startswith(("/refused", "/imports")), path  # nothing was refused yet


OF_THE_STORE = ("/senders/copies?event=PageView&sender=api", "/actions/1", "/orders", "/orders/5003", "/deliveries",
                "/deliveries/given-up", "/refused", "/live")  # fmt: skip
"""Pages whose rows are read from what the store keeps in ms."""


@pytest.mark.process
def test_times_for_machines_are_unix_seconds(console: Running) -> None:
    """As the commands' `--json` has them: none of a whole number's field is far in the future, as one in ms would be."""
    owner, seen = console.owner(), set[str]()
    one = rows_of(owner.get("/deliveries.json").text)[1]["id"]
    for path in (*OF_THE_STORE, f"/deliveries/{one}"):
        base, _, query = path.partition("?")
        answer = owner.get(f"{base}.json?{query}")
        assert answer.status == 200, path
        for row in rows_of(answer.text):
            times = {name: value for name, value in row.items() if isinstance(value, int) and value > 1_000_000_000}
            seen |= times.keys()
            assert all(value < 10_000_000_000 for name, value in times.items() if "id" not in name), (path, times)
    assert {"received_at", "created_at", "at", "as_of"} <= seen
    table = list(csv.DictReader(io.StringIO(owner.get("/live.csv").text)))
    assert all(int(row["received_at"]) < 10_000_000_000 for row in table)


@pytest.mark.process
def test_a_period_of_own_days_is_chosen_on_the_page(console: Running) -> None:
    """Without scripts: whose days were changed is asked for at an address that says the period once; bad days are told why."""
    owner = console.owner()
    page = owner.get("/events?period=2026-11-01..2026-11-10&language=en").text
    for name, value in (("from", "2026-11-01"), ("to", "2026-11-10"), ("was", "2026-11-01..2026-11-10")):
        assert f'name="{name}" value="{value}"' in page
    sent = owner.get("/events?period=7&from=2026-11-02&to=2026-11-04&was=2026-11-01..2026-11-10&dataset=")
    assert (sent.status, sent.headers["location"]) == (303, "/console/events?period=2026-11-02..2026-11-04")
    for days in ("2026-11-10..2026-11-01", "..2026-11-10", "2026-02-30..2026-03-01", "2024-01-01..2026-01-01"):
        refused = owner.get(f"/events?period={days}&language=en")
        assert refused.status == 400
        assert "the same or a later one" in refused.text
        assert "at most 400 days" in refused.text
    assert "არაუმეტეს 400 დღეა" in owner.get("/events?period=2026-11-10..2026-11-01&language=ka").text


@pytest.mark.process
def test_a_table_runs_no_formula(console: Running) -> None:
    """CSV says the same as JSON, and a cell that begins like a formula is a text."""
    owner = console.owner()
    answer = owner.get("/live.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    _, *rows = rows_of(owner.get("/live.json").text)
    assert [row["event_id"] for row in table] == [row["event_id"] for row in rows]


@pytest.mark.process
def test_what_was_sent_is_for_some(console: Running) -> None:
    """A buyer sees that it was tried, not what it carried."""
    owner = console.owner()
    buyer = console.person(owner, "buyer")
    _, *rows = rows_of(owner.get("/deliveries.json").text)
    number = next(row["id"] for row in rows if "user_data" in owner.get(f"/deliveries/{row['id']}").text)
    seen = buyer.get(f"/deliveries/{number}")
    assert seen.status == 200
    assert "user_data" not in seen.text


@pytest.mark.process
def test_it_reads_while_nothing_can_be_read(filled: Path, tmp_path: Path) -> None:
    """Whoever is logged in is told what is wrong; the console stays up. Here what waits in others' folder has been taken."""
    folder = tmp_path / "copy"
    shutil.copytree(
        filled.parent / "data", folder / "data", ignore=shutil.ignore_patterns("console.db*", "lock", "*.sock")
    )
    with closing(sqlite3.connect(folder / "data" / "twofold.db")) as db, db:
        db.execute(
            "update delivery set state = 'delivered', settled_at = due_at where id / 256 in (select id from action where order_id = '5001')"
        )
    running = Running(folder / "data", configuration(folder))
    try:
        owner = running.owner()
        (folder / "data" / "twofold.db").rename(folder / "data" / "elsewhere")
        answer = owner.get("/today")
        assert answer.status == 503
        assert "could not be done" in answer.text
        (folder / "data" / "elsewhere").rename(folder / "data" / "twofold.db")
        assert owner.get("/today").status == 200
        about = rows_of(owner.get("/today.json?period=today").text)[0]
        assert (about["orders"], about["told"]) == (3, 1)
    finally:
        running.stop()


CUT = """document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"""
STACKED = """innerWidth > 700 ? [] : [...document.querySelectorAll('.brief tbody td[data-name]')].filter(
  e => !['inline', 'inline-block', 'none'].includes(getComputedStyle(e).display)).map(e => e.outerHTML.slice(0, 90))"""
"""Values of a long list's row that have a line each on a phone: fifty such rows are as high as ten screens."""
SHORTENED = """[...document.querySelectorAll('input[placeholder]')].filter(e => {
  const style = getComputedStyle(e), pen = document.createElement('canvas').getContext('2d'); pen.font = style.font;
  return pen.measureText(e.placeholder).width > e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}).map(e => e.placeholder)"""
TORN = """[...document.querySelectorAll('thead th')].filter(e => e.offsetParent).flatMap(e => {
  const torn = [], texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) for (const word of texts.currentNode.textContent.matchAll(/[\\p{L}\\p{N}]{3,}/gu)) {
    const range = document.createRange();
    range.setStart(texts.currentNode, word.index);
    range.setEnd(texts.currentNode, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1) torn.push(word[0]);
  }
  return torn; })"""
"""Words of a table's headings that are broken inside."""
HIDDEN = """[...document.querySelectorAll('main table, main h2 + *, main dl, main ol, main form')].filter(
  e => !e.checkVisibility() && !e.closest('details:not([open])')).map(e => e.outerHTML.slice(0, 90))"""
"""Tables, lists, forms, and what a heading stands over, that nobody can see: a class of theirs means something else elsewhere."""
FOUND_BY_AXE = """axe.run(document, {resultTypes: ['violations']}).then(
  found => found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3).join(' | ')))"""


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ka", "dark")])
def test_every_page_in_a_real_browser(console: Running, language: str, theme: Literal["light", "dark"]) -> None:
    """Nothing right of the edge at three widths, no complaint of the browser, hostile texts are texts, one h1, the keyboard
    first finds the way to the content, and axe has no finding: on every page, once (half a minute, most of it axe)."""
    assert {page.path for page in PAGES if page.name} <= {path.partition("?")[0] for path in PATHS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(color_scheme=theme)
        complaints: list[str] = []
        page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type in ("error", "warning") and "503" not in m.text else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
        page.goto(console.door())
        page.locator("[name=name]").fill("nino")
        page.locator("[name=password]").fill(PASSWORD)
        page.evaluate(AXE_FILE.read_text(encoding="utf-8"))
        assert page.evaluate(FOUND_BY_AXE) == []
        page.locator("main button").click()
        page.wait_for_url("**/today")
        page.goto(f"{console.told['address']}/today?language={language}")
        page.evaluate(AXE_FILE.read_text(encoding="utf-8"))
        page.evaluate(
            "document.querySelector('main').insertAdjacentElement('beforeend', document.createElement('img'))"
        )
        assert page.evaluate(FOUND_BY_AXE) != []  # it finds what is wrong
        for path in PATHS:
            open_page(page, f"{console.told['address']}{path}")  # not what it says while it is being worked out
            for width in (360, 768, 1440):
                page.set_viewport_size({"width": width, "height": 800})
                for wrong in (CUT, STACKED, SHORTENED, TORN, HIDDEN):
                    assert page.evaluate(wrong) == [], (path, width)
            assert page.locator("h1").count() == 1, path
            assert page.locator("html").get_attribute("lang") == language
            assert page.locator("img[src=x]").count() == 0, path
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.getAttribute('href')") == "#main", path
            page.evaluate(AXE_FILE.read_text(encoding="utf-8"))
            assert page.evaluate(FOUND_BY_AXE) == [], path
        page.goto(f"{console.told['address']}/live")
        page.get_by_text(HOSTILE[:40]).locator("visible=true").first.wait_for()  # beside the choice of events
        browser.close()
    assert complaints == []


@pytest.mark.browser
def test_live_goes_on_by_itself(console: Running) -> None:
    """The stream says so, and Pause stops it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(locale="en-GB")
        page.goto(console.door())
        page.locator("[name=name]").fill("nino")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main button").click()
        page.wait_for_url("**/today")
        page.goto(f"{console.told['address']}/live")
        page.get_by_text("Live: copies appear as they arrive.").wait_for()
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("Paused.").wait_for()
        browser.close()


@pytest.mark.process
def test_live_of_one_event_and_of_one_test(console: Running) -> None:
    """Only its copies; an event that there is not is refused with those that there are; a test that brought nothing shows nothing."""
    owner = console.owner()

    def names(query: str) -> list[str]:
        return [json.loads(line)["event_name"] for line in owner.get(f"/live.json{query}").text.splitlines()[1:]]

    assert len(set(names(""))) > 2
    assert set(names("?event=PageView")) == {"PageView"}
    assert owner.get("/live?event=Nothing").status == 400
    assert owner.get("/live?test=NOTHING").status == 400
    assert owner.post("/test-purchase/start", {"csrf": owner.csrf()}).status == 303
    code = json.loads(owner.get("/test-purchase.json").text.splitlines()[1])["code"]
    assert names(f"?test={code}") == []
    assert owner.get(f"/live?test={code}").headers["refresh"] == "5"
