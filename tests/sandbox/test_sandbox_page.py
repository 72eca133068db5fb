"""The human page in a real browser: live, escaped, and within its own security policy."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from running_sandbox import TOKEN, Running, purchase

CHROMIUM = "/usr/bin/chromium"
HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script>'


@pytest.fixture
def page() -> Iterator[Page]:
    """A page that collects what the browser complains about in `complaints`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append("dialog"), dialog.dismiss()))
        yield page
        browser.close()


@pytest.mark.browser
def test_overview_is_live(sandbox: Running, page: Page) -> None:
    """A purchase that arrives while the page is open appears without a reload, counted once for two copies."""
    page.goto(sandbox.base)
    page.get_by_text("No events yet").wait_for()
    sandbox.post([purchase()])
    sandbox.pixel(ev="Purchase", eid="order-1001", **{"cd[value]": "1234.5", "cd[currency]": "EUR"})

    row = page.get_by_role("row", name="Purchase")
    row.get_by_text("1,234.50 EUR").wait_for()
    assert row.get_by_role("cell").all_inner_texts()[:5] == ["1", "1", "1", "1", "1,234.50 EUR"]
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["1234567890"]
    assert page.complaints == []


@pytest.mark.browser
def test_test_events_by_code(sandbox: Running, page: Page) -> None:
    """The list shows source and state, leaves events of another code out, and names what was refused."""
    sandbox.post([purchase()], test_event_code="TEST1")
    sandbox.post([purchase(event_id="other")], test_event_code="TEST2")
    sandbox.post([purchase(event_name=None)])
    page.goto(sandbox.base)
    page.get_by_role("link", name="Test Events", exact=True).click()
    page.get_by_label("Test event code").fill("TEST1")
    page.get_by_role("button", name="Show").click()

    page.get_by_text("Server events with this code").wait_for()
    (row,) = page.locator("tbody tr").all()
    assert "order-1001" in row.inner_text()
    assert [tag.inner_text() for tag in row.locator(".tag").all()] == ["Server", "Processed"]
    page.get_by_role("link", name="Refused", exact=True).click()
    page.get_by_text("Missing Event Name").wait_for()
    assert page.complaints == []


@pytest.mark.browser
def test_diagnostics_page(sandbox: Running, page: Page) -> None:
    """A card names the event, the share and what to do; marked as resolved it moves to the end."""
    sandbox.post([purchase(), purchase(event_id="b", event_source_url=None)])
    sandbox.post([purchase(event_name=None)])
    page.goto(sandbox.base)
    page.get_by_role("link", name="Diagnostics", exact=True).click()

    card = page.locator("article").filter(has_text="s2s_missing_event_source_url")
    assert "50.0 %" in card.inner_text()
    assert "Send the address of the page" in card.inner_text()
    assert page.get_by_role("heading", level=2, name="Dropped").count() == 1
    card.get_by_role("button", name="Mark as resolved").click()
    page.get_by_role("heading", level=2, name="Resolved").wait_for()
    resolved = page.locator("h2:has-text('Resolved') ~ article")
    assert "s2s_missing_event_source_url" in resolved.inner_text()
    assert resolved.get_by_role("button").count() == 0
    assert page.complaints == []


@pytest.mark.browser
def test_overview_shows_the_estimate_as_ours(sandbox: Running, page: Page) -> None:
    """Score and coverage stand beside the counts, and the score is called an estimate of ours."""
    sandbox.pixel(ev="Purchase", eid="order-1001", **{"cd[value]": "42.5", "cd[currency]": "EUR"})
    sandbox.post([purchase()])
    page.goto(sandbox.base)

    # e-mail 3, address 1 and user agent 1 of 12
    cells = page.get_by_role("row", name="Purchase").get_by_role("cell").all_inner_texts()
    assert [cell.strip() for cell in cells[5:7]] == ["4.2 / 10", "100.0 %"]
    assert page.get_by_text("our estimate").count() == 1


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/", "/test_events", "/test_events?code=" + HOSTILE, "/diagnostics", "/refused"])
def test_hostile_text_stays_text(sandbox: Running, page: Page, path: str) -> None:
    """Markup in every field that a sender chooses makes no element, no dialog and no policy report."""
    name = HOSTILE[:50]
    event = purchase(
        event_name=name,
        event_id=HOSTILE,
        event_source_url=HOSTILE,
        custom_data={"value": 1, "currency": "EUR", HOSTILE: HOSTILE},
        user_data={"fbp": HOSTILE, HOSTILE: HOSTILE},
    )
    assert sandbox.post([event], test_event_code=HOSTILE, partner_agent=HOSTILE).status_code == 200
    sandbox.pixel(ev=name, eid=HOSTILE, **{f"cd[{name[:20]}]": HOSTILE})
    sandbox.post([purchase(action_source=HOSTILE)])
    page.goto(sandbox.base + path)
    page.get_by_text("live", exact=True).wait_for()

    assert page.locator("main img, main script").count() == 0
    assert page.complaints == []


def test_policy_allows_nothing_inline(sandbox: Running) -> None:
    """Every page and file carries a policy without inline code or foreign hosts."""
    for path in (
        "/",
        "/test_events",
        "/diagnostics",
        "/refused",
        "/static/sandbox.js",
        "/static/sandbox.css",
        "/static/icon.svg",
    ):
        answer = sandbox.http.get(sandbox.base + path, timeout=60)
        policy = answer.headers["content-security-policy"]
        assert answer.status_code == 200
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert sandbox.http.get(f"{sandbox.base}/static/server.py", timeout=60).status_code == 404


def get(sandbox: Running, path: str) -> tuple[int, str]:
    answer = sandbox.http.get(sandbox.base + path, timeout=60)
    return answer.status_code, answer.text


UNKNOWN = [
    ("/?dataset=999", "1234567890"),
    ("/?event_name=Purchse", "Purchase"),
    ("/test_events?state=Dropped", "Deduplicated"),
    ("/test_events?source=server", "Server"),
    ("/test_events?number=999", "1 to 2"),
    ("/test_events?before=x", "whole number"),
]


@pytest.mark.parametrize(("path", "known"), UNKNOWN, ids=[path for path, _ in UNKNOWN])
def test_an_unknown_choice_is_refused_with_the_known_ones(sandbox: Running, path: str, known: str) -> None:
    """A list that is empty means that there is nothing, never that a word was misspelt."""
    sandbox.post([purchase(), purchase(event_id="b")])
    status, page = get(sandbox, path)
    assert status == 400
    assert known in page


def test_the_filters_choose(sandbox: Running) -> None:
    """By dataset, name, source and state; what is not chosen is on neither page."""
    sandbox.post([purchase(), purchase(event_name="Lead", event_id="l-1")])
    sandbox.post([purchase(event_id="other")], dataset="9999")
    _, page = get(sandbox, "/?dataset=9999")
    assert ">9999</span></h2>" in page
    assert ">1234567890</span></h2>" not in page
    _, page = get(sandbox, "/test_events?event_name=Lead&source=Server&state=Processed")
    assert "l-1" in page
    assert "order-1001" not in page


def test_a_long_list_is_read_page_by_page(sandbox: Running) -> None:
    """Fifty rows, a link to the older ones, each event once."""
    for start in range(0, 120, 40):
        assert sandbox.post([purchase(event_id=f"e-{n}") for n in range(start, start + 40)]).status_code == 200
    seen: list[str] = []
    path: str | None = "/test_events?dataset=1234567890"
    while path is not None:
        _, page = get(sandbox, path)
        rows = re.findall(r"<span class=\"code\">(e-\d+)</span>", page)
        assert len(rows) <= 50
        seen += rows
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(older[1]) if older else None
    assert seen == [f"e-{n}" for n in reversed(range(120))]


def test_steps_stand_in_the_order_of_a_purchase(sandbox: Running) -> None:
    """As shoppers take them, not by the alphabet; names of the shop's own come last."""
    names = ["Purchase", "AddToCart", "Zebra", "PageView", "ViewContent", "InitiateCheckout", "Aardvark"]
    sandbox.post([purchase(event_name=name, event_id=name) for name in names])
    _, page = get(sandbox, "/")
    found = re.findall(r'<th scope="row"><a [^>]+>(\w+)</a>', page)
    assert found == ["PageView", "ViewContent", "AddToCart", "InitiateCheckout", "Purchase", "Aardvark", "Zebra"]


def test_one_card_a_cause(sandbox: Running) -> None:
    """The same finding at two events and two datasets is one card with a link to an example of each."""
    for dataset in ("1234567890", "9999"):
        for name in ("Purchase", "Lead"):
            sandbox.post([purchase(event_name=name, event_id=name, event_source_url=None)], dataset=dataset)
    _, page = get(sandbox, "/diagnostics")
    (card,) = [c for c in page.split("<article") if "<code>s2s_missing_event_source_url</code>" in c]
    assert len(re.findall(r'href="/test_events\?number=\d+"', card)) == 4
    number = re.search(r"number=(\d+)", card)
    assert number is not None
    status, example = get(sandbox, f"/test_events?number={number[1]}")
    assert (status, example.count("<tr id=")) == (200, 1)


@pytest.mark.browser
@pytest.mark.parametrize(
    "path", ["/", "/test_events", "/test_events?number=1", "/diagnostics", "/ads", "/audiences", "/refused"]
)
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_right_of_the_edge(sandbox: Running, page: Page, path: str, width: int) -> None:
    """On a phone rows are cards; the whole page is as wide as the window, and a list of 200 events is no endless one."""
    for start in range(0, 200, 40):
        events = [purchase(event_id=f"order-with-a-long-id-{n}" * 3) for n in range(start, start + 40)]
        assert sandbox.post(events).status_code == 200
    sandbox.post([purchase(event_name=None)])
    people = {"payload": json.dumps({"schema": ["EMAIL"], "data": [["a" * 64]]}), "access_token": TOKEN}
    assert sandbox.http.post(f"{sandbox.base}/v25.0/{'9' * 32}/users", data=people, timeout=60).status_code == 200
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(sandbox.base + path)
    wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert wide <= width
    assert high < 25_000
    boxes = page.evaluate("[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right)")
    assert max(boxes) <= width + 1
    assert page.locator("h1").count() == 1


@pytest.mark.browser
def test_a_phone_shows_figures_first(sandbox: Running, page: Page) -> None:
    """Without scrolling: how many were received and counted."""
    sandbox.post([purchase()])
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(sandbox.base)
    for name in ("Received", "Counted"):
        tile = page.locator(".tiles dt", has_text=re.compile(f"^{name}$"))
        # Measured in one step: the page may renew its figures between two.
        assert tile.evaluate("e => e.parentElement.getBoundingClientRect().bottom") < 844
