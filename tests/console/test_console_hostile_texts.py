"""A hundred and forty texts that are meant to run, in every field that a stranger fills, on every page that shows it, in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace
from playwright.sync_api import sync_playwright
from running_console import PASSWORD, Running, open_page

from tests.store.copies import BROWSER, copy
from tests.store.order_reports import entry, report, shop_copy, shop_store
from twofold.clock import now_ms
from twofold.ledger.policy import OrderPolicy
from twofold.store.lists import Reader

CHROMIUM = "/usr/bin/chromium"
VECTORS = (
    "<script>alert(1)</script>", "<script src=//x.example/x.js></script>", "<ScRiPt>alert(1)</sCrIpT >", "<img src=x onerror=alert(1)>",
    "<img src=x onerror=&#97;lert(1)>", "<svg onload=alert(1)>", "<svg/onload=alert(1)//", "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><script>alert(1)</script></svg>", "<math><mtext><img src=x onerror=alert(1)></math>", "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=javascript:alert(1)>", "<embed src=//x.example>", "<base href=//x.example/>",
    "<meta http-equiv=refresh content=0;url=//x.example>", "<link rel=stylesheet href=//x.example/x.css>", "<style>@import '//x.example/x';</style>",
    "<form action=//x.example><input name=csrf autofocus onfocus=alert(1)>", "<a href=javascript:alert(1)>x</a>", "<details open ontoggle=alert(1)>",
    "<video src=x onerror=alert(1)>", "<body onload=alert(1)>", "<marquee onstart=alert(1)>", "<template><img src=x onerror=alert(1)></template>",
    "<noscript><img src=x onerror=alert(1)></noscript>", "<!--><img src=x onerror=alert(1)>-->", "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "{{ 7*7 }}{% import 'os' as os %}", "${7*7}`${alert(1)}`", "javascript:alert(1)//", " autofocus onfocus=alert(1) x=", "\\u003cscript>alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "<x\u2028onclick=alert(1)>\u202e</x>",
)  # fmt: skip
AROUND = ("{}", '">{}', "'>{}", "</title></textarea></td></table></script>{}")
TEXTS = tuple(around.format(vector) for vector in VECTORS for around in AROUND)
PAGES = (
    "today",
    "what-to-do",
    "events",
    "orders",
    "deliveries",
    "live",
    "match-quality",
    "senders",
    "signal-worth",
    "rights",
    "start",
)
FOREIGN = """() => [...document.querySelectorAll('*')].flatMap(one => [
    ...[...one.attributes].filter(a => /^on/i.test(a.name) || (/(href|src|action|data)$/i.test(a.name) && /^\\s*javascript:/i.test(a.value))).map(a => one.outerHTML.slice(0, 200)),
    ...(['IFRAME', 'OBJECT', 'EMBED', 'BASE', 'STYLE', 'VIDEO', 'MATH', 'MARQUEE', 'TEMPLATE', 'ANIMATE'].includes(one.tagName.toUpperCase())
        || (one.tagName === 'SCRIPT' && !one.src.startsWith(location.origin + '/console/static/'))
        || (one.tagName === 'IMG' && !one.src.startsWith(location.origin + '/console/static/'))
        || (one.tagName === 'META' && one.httpEquiv) || (one.tagName === 'FORM' && !one.action.startsWith(location.origin))
        ? [one.outerHTML.slice(0, 200)] : [])])"""


def test_there_are_as_many_as_are_asked() -> None:
    assert len(set(TEXTS)) == 140


async def kept(folder: Path) -> None:
    """Each text as an order's number, the name and id of an event, the software that sent it, and what the shop says of a payment."""
    now = now_ms() - 60_000
    async with shop_store(folder, OrderPolicy(), at=now, shop=False) as store:
        entries = [
            entry(report(f"{n}", at=now // 1000, placed=now // 1000, aliases=(f"number:{text}",), gateways=(text,), tags=(text,)), shop_copy(f"{n}", at=now), at=now)
            for n, text in enumerate(TEXTS)
        ]  # fmt: skip
        told: list[Any] = [
            replace(copy(f"{text}{n}", BROWSER, name=text[:60], at=now + n), sender=text[:60]) for n, text in enumerate(TEXTS)
        ]  # fmt: skip
        await store.append_orders(entries, told)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("hostile")
    asyncio.run(kept(folder / "data"))
    config = folder / "twofold.toml"
    config.write_text(
        '[server]\ndata = "data"\n[console]\nname = "Mugs"\n[[dataset]]\nid = "1"\nkey = "a-key-of-sixteen-characters"\n', encoding="utf-8"
    )  # fmt: skip
    running = Running(folder / "data", config)
    yield running
    running.stop()


@pytest.mark.browser
def test_every_text_is_a_text_on_every_page(console: Running) -> None:
    """No window opens, the browser has nothing to complain of, and no element is there that no page of ours has."""
    with Reader(console.folder) as reader:
        action = next(iter(reader.rows("actions", {}, limit=1)))["id"]
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])) as browser,
    ):
        page = browser.new_page()
        complaints: list[str] = []
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if "503" not in said.text and said.type in ("error", "warning") else None
            ),
        )
        page.goto(console.door())
        page.locator("[name=name]").fill("nino")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main button").click()
        page.wait_for_url("**/today")
        shown = ""
        for path in (
            *PAGES,
            "orders?after=50",
            "orders?after=100",
            "orders/3",
            f"actions/{action}",
            f"live?event={quote(TEXTS[3][:60])}",
        ):
            open_page(page, f"{console.told['address']}/{path}")
            shown += " ".join((page.locator("html").text_content() or "").split())
            assert page.evaluate(FOREIGN) == [], path
    assert complaints == []
    assert [text for text in TEXTS if " ".join(text[:40].split()) not in shown] == []  # and each was there to be read
