"""The human page in a real browser: live, escaped, and within its own security policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from running_sandbox import Running, purchase

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
    assert row.get_by_role("cell").all_inner_texts()[:6] == ["1234567890", "1", "1", "1", "1", "1,234.50 EUR"]
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
    assert [cell.strip() for cell in cells[6:8]] == ["4.2 / 10", "100.0 %"]
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
        answer = sandbox.http.get(sandbox.base + path, timeout=20)
        policy = answer.headers["content-security-policy"]
        assert answer.status_code == 200
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert sandbox.http.get(f"{sandbox.base}/static/server.py", timeout=20).status_code == 404
