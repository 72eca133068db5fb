"""The Ads page in a real browser: the same numbers as Insights, live, escaped, within its own policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from running_sandbox import DATASET, EMAIL, NOW_MS, Running, purchase

NOW = NOW_MS // 1000
HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script>'
WORLD = {
    "accounts": [{"id": "1", "name": HOSTILE, "currency": "EUR", "timezone_name": "Europe/Paris"}],
    "campaigns": [{"id": "10", "account_id": "1", "name": HOSTILE}, {"id": "11", "account_id": "1", "name": "Second"}],
    "adsets": [{"id": "100", "campaign_id": "10", "name": "Broad"}, {"id": "101", "campaign_id": "11"}],
    "ads": [{"id": "1000", "adset_id": "100"}, {"id": "1001", "adset_id": "101"}],
    "spend": [
        {"ad_id": "1000", "date": "2026-09-20", "amount": "1234.50"},
        {"ad_id": "1001", "date": "2026-09-20", "amount": "10"},
    ],
    "touches": [
        {"ad_id": "1000", "kind": "impression", "person": "mary", "time": NOW - 90_000},
        {"ad_id": "1000", "kind": "link_click", "person": "mary", "time": NOW - 90_000},
    ],
}


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append("dialog"), dialog.dismiss()))
        yield page
        browser.close()


@pytest.mark.browser
def test_ads_page(sandbox: Running, page: Page) -> None:
    """Ads appear when they are loaded, a purchase when it arrives; markup in names stays text."""
    page.goto(sandbox.base)
    page.get_by_role("link", name="Ads", exact=True).click()
    page.get_by_text("No ads yet").wait_for()
    for path, body in (("people", [{"id": "mary", "em": EMAIL}]), ("ads", WORLD)):
        assert sandbox.http.post(f"{sandbox.base}/sandbox/{path}", json=body, timeout=60).status_code == 200
    page.get_by_role("row", name="Second").wait_for()
    sandbox.post([purchase(user_data={"em": EMAIL}, custom_data={"value": 2469, "currency": "EUR"})])

    page.get_by_text("2,469.00").first.wait_for()
    # spend, impressions, clicks, purchases, cost, value, ROAS = 2469 / 1234.50, then the windows: 25 hours after a click
    first = page.locator("tbody tr").first
    assert first.get_by_role("cell").all_inner_texts() == [
        *("1,234.50", "1", "1", "1", "1,234.50", "2,469.00", "2.00"),
        *("0", "1", "1", "0", "0"),
    ]
    assert page.locator(".tiles dd").first.inner_text() == "1,244.50"
    matched = page.get_by_role("row", name="Purchase").last
    assert matched.get_by_role("cell").all_inner_texts() == [DATASET, "1", "1", "100 %", "em 1 of 1"]

    page.get_by_label("Days").select_option("today")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Ad sets").click()
    # Only today's purchase is left of it, without spend: no return can be said.
    today = page.get_by_role("row", name="Broad")
    today.wait_for()
    assert today.get_by_role("cell").all_inner_texts()[:7] == ["0.00", "0", "0", "1", "0.00", "2,469.00", "–"]
    assert page.locator("main img, main script").count() == 0
    assert page.complaints == []


def test_odd_questions(sandbox: Running) -> None:
    """Whatever the address asks, the page answers with its first choice."""
    sandbox.http.post(f"{sandbox.base}/sandbox/ads", json=WORLD | {"touches": []}, timeout=60)
    for query in ("?account=99&level=galaxy&range=never", "?account=act_1", "?level=account"):
        answer = sandbox.http.get(f"{sandbox.base}/ads{query}", timeout=60)
        assert answer.status_code == 200
        assert "1,244.50" in answer.text
