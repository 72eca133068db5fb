"""Snippets as they are printed, in a real browser: what each of them reports, under which id, and to whom."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from running_shop import DATASET, Shop, Visitor, until

from twofold.config import Settings, settings_from
from twofold.setup.snippet import fill

pytestmark = pytest.mark.browser
METAS = "https://connect.facebook.net/en_US/fbevents.js"


def settings(visitor: Visitor) -> Settings:
    tree = {"server": {"address": f"http://www.shop.example:{visitor.port}"}, "dataset": [{"id": DATASET}]}
    return settings_from(tree, environ={})


def page_views(shop: Shop, tab: Page, count: int) -> list[str]:
    until(tab, lambda: len(shop.named("PageView")) >= count)
    return [event["event_id"] for event in shop.named("PageView")]


def test_the_theme_reports_to_both_under_one_id(shop: Shop, visitor: Visitor) -> None:
    """The tag and Meta's pixel, from one snippet."""
    tab = visitor.open(fill("theme", settings(visitor)).replace(METAS, "/fbevents.js"))
    (event_id,) = page_views(shop, tab, 1)
    until(tab, lambda: shop.hits)
    assert [(hit["id"], hit["ev"], hit["eid"]) for hit in shop.hits] == [(DATASET, "PageView", event_id)]


def test_the_tag_alone_and_by_a_tag_manager(shop: Shop, visitor: Visitor) -> None:
    """Each reports its page once; the manager's other tags are told when the tag is there."""
    tab = visitor.open(fill("tag", settings(visitor)))
    page_views(shop, tab, 1)
    tab = visitor.open(fill("gtm", settings(visitor)), path="/managed")
    assert len(page_views(shop, tab, 2)) == 2
    assert tab.evaluate("dataLayer.map((said) => said.event)") == ["twofold_ready"]
    assert shop.named("PageView")[1]["event_source_url"].endswith("/managed")


def test_a_manager_goes_on_where_the_tag_is_blocked(shop: Shop, visitor: Visitor) -> None:
    """Nothing waits for it."""
    tab = visitor.open(fill("gtm", settings(visitor)).replace("twofold.js", "blocked.js"))
    until(tab, lambda: tab.evaluate("(window.dataLayer || []).length"))
    assert shop.events == []


def test_the_module_of_a_headless_shop(shop: Shop, visitor: Visitor) -> None:
    """Loads the tag once, tracks what was tracked before it was there, gives the cart its cookies."""
    shop.pages["/twofold.js.mjs.js"] = fill("headless", settings(visitor))
    tab = visitor.open(
        """<script type="module">
        import * as twofold from '/twofold.js.mjs.js';
        window.module = twofold;
        twofold.track('AddToCart', { value: 24, currency: 'EUR' });
        twofold.start(); twofold.start();
        </script>""",
        path="/?gclid=EAIaIQ_x",
    )
    until(tab, lambda: shop.named("AddToCart"))
    assert len(page_views(shop, tab, 1)) == 1
    attributes = {one["key"]: one["value"] for one in tab.evaluate("module.cartAttributes()")}
    assert attributes["_twofold_consent"] == "granted"
    assert attributes["_gclid"] == "EAIaIQ_x"
    assert attributes["_fbp"] == visitor.cookies()["_fbp"]["value"]
