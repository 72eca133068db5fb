"""The demo shop in a real browser, with the real tag. One recording server stands for gateway and receiver."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager
from hashlib import sha256

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import async_playwright

from twofold import tag
from twofold.simulate.shop import Shop, ShopSettings, serving
from twofold.sources import SOURCES
from twofold.sources.contract import Reading, SourceOptions

NAME, SECRET, DATASET = "demo.myshopify.com", "hush-0123456789abcdef", "1000000000000004"
# of nino.beridze@example.com, the address the checkout form proposes, by sha256sum
EMAIL_HASH = "2a336e4f56404efef1eadabf0333839453bb80b63bcc27c8740c5d6f8ca13840"


class Recorder:
    """Serves the tag, takes everything else, and keeps what came."""

    def __init__(self):
        self.hits = []  # queries of /tr
        self.events = []  # of the tag
        self.webhooks = []  # (headers, body)

    async def take(self, request):
        if request.path == "/t/twofold.js":
            return web.Response(body=tag.source(), content_type="text/javascript")
        body = await request.read()
        if request.path == "/tr":
            self.hits.append(dict(request.query))
        elif request.path == "/t/events":
            self.events += json.loads(body)["events"]
        elif request.path == f"/webhooks/shopify/{NAME}":
            self.webhooks.append(({k.lower(): v for k, v in request.headers.items()}, body))
        return web.Response(headers={"Access-Control-Allow-Origin": "*"})

    def purchases(self):
        hits = [hit for hit in self.hits if hit["ev"] == "Purchase"]
        return hits, [event for event in self.events if event["event_name"] == "Purchase"]


@asynccontextmanager
async def running():
    """(shop address, recorder): the shop and the server its scripts and webhooks go to."""
    recorder = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", recorder.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = ShopSettings(
        gateway=there, sandbox=there, dataset=DATASET, name=NAME, secret=SECRET, webhook_after_s=0.05,
        hints=("twofold events",),
    )  # fmt: skip
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with serving(Shop(settings), listener):
                yield f"http://127.0.0.1:{listener.getsockname()[1]}", recorder
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browsing():
    """(page, complaints): a fresh Chromium, and every console message and page error it showed."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        try:
            yield page, complaints
        finally:
            await browser.close()


async def buy(page, shop, answer):
    await page.goto(f"{shop}/?fbclid=IwAR0-Click_9")
    await step(page, page.get_by_role("button", name=answer, exact=True))
    await step(page, page.get_by_role("link", name="Enamel pot"))
    await page.get_by_label("Pieces").select_option("2")
    await step(page, page.get_by_role("button", name="Add to cart"))
    await step(page, page.get_by_role("link", name="Checkout"))
    await step(page, page.get_by_role("button", name="not really"))
    await page.wait_for_url("**/thank-you/*")


async def step(page, leads_on):
    """As a shopper goes on, who has seen the page: one who leaves before its scripts have run is reported by neither."""
    async with page.expect_event("load"):
        await leads_on.click()


async def until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "nothing came in a minute"
        await asyncio.sleep(0.05)


def read(webhook):
    headers, body = webhook
    assert SOURCES["shopify"].signed(body, headers, [SECRET], 0)
    result = SOURCES["shopify"].read(body, headers, SourceOptions(shop=NAME), 0)
    assert isinstance(result, Reading)
    assert result.copy is not None
    return result.copy


@pytest.mark.browser
def test_a_purchase_is_reported_three_times_under_one_id():
    """Pixel, tag and webhook of one order agree on id, value and browser ids; a refresh repeats the id."""

    async def main():
        async with running() as (shop, recorder), browsing() as (page, complaints):
            await buy(page, shop, "Accept")
            await until(lambda: all(recorder.purchases()) and recorder.webhooks)
            (hit,), (event,) = recorder.purchases()
            raw = read(recorder.webhooks[0])
            assert hit["id"] == event["dataset"] == DATASET
            assert hit["eid"] == event["event_id"] == raw.event_id
            token = json.loads(recorder.webhooks[0][1])["checkout_token"]
            assert raw.event_id == f"purchase.{sha256(f'checkout:{token}'.encode()).hexdigest()[:32]}"
            assert hit["cd[value]"] == str(event["custom_data"]["value"]) == "148"
            assert str(raw.custom_data["value"]) == "148.00"
            assert hit["fbp"] == event["user_data"]["fbp"] == raw.user_data["fbp"]
            assert hit["fbc"] == event["user_data"]["fbc"] == raw.user_data["fbc"]
            assert raw.user_data["fbc"].endswith(".IwAR0-Click_9")
            assert (event["consent"], raw.consent) == ("granted", "granted")
            assert event["user_data"]["em"] == EMAIL_HASH
            await page.reload()
            await until(lambda: len(recorder.purchases()[0]) == 2 and len(recorder.purchases()[1]) == 2)
            assert {h["eid"] for h in recorder.purchases()[0]} == {raw.event_id}
            assert {e["event_id"] for e in recorder.purchases()[1]} == {raw.event_id}
            assert complaints == []

    asyncio.run(main())


@pytest.mark.browser
def test_every_page_reports_its_step_once_through_both_scripts():
    """The way to the thank-you page shows in order, each event under one id in pixel and tag."""

    async def main():
        async with running() as (shop, recorder), browsing() as (page, _):
            await buy(page, shop, "Accept")
            await until(lambda: all(recorder.purchases()))
            steps = ["ViewContent", "AddToCart", "InitiateCheckout", "Purchase"]
            assert [hit["ev"] for hit in recorder.hits if hit["ev"] != "PageView"] == steps
            assert {(h["ev"], h["eid"]) for h in recorder.hits} == {
                (e["event_name"], e["event_id"]) for e in recorder.events
            }

    asyncio.run(main())


@pytest.mark.browser
def test_a_shopper_who_declines_is_reported_by_the_webhook_alone_with_the_answer():
    """No request leaves the browser for pixel or tag, and the order carries `denied` and no browser id."""

    async def main():
        async with running() as (shop, recorder), browsing() as (page, complaints):
            await buy(page, shop, "Decline")
            await until(lambda: recorder.webhooks)
            await page.reload()
            raw = read(recorder.webhooks[0])
            assert raw.consent == "denied"
            assert "fbp" not in raw.user_data
            assert (recorder.hits, recorder.events) == ([], [])
            assert {cookie["name"] for cookie in await page.context.cookies()} == {"session", "consent"}
            assert complaints == []

    asyncio.run(main())


@pytest.mark.browser
def test_before_an_answer_nothing_is_reported_and_the_pages_keep_their_policy():
    """Without yes or no nothing leaves, and no page makes the browser complain about its policy."""

    async def main():
        async with running() as (shop, recorder), browsing() as (page, complaints):
            for path in ("/", "/products/wool-blanket", "/cart"):
                await page.goto(shop + path, wait_until="load")
            assert (recorder.hits, recorder.events) == ([], [])
            assert complaints == []

    asyncio.run(main())


async def ask(method, path, **request):
    async with running() as (shop, _), aiohttp.ClientSession() as session:
        answer = await session.request(method, shop + path, allow_redirects=False, **request)
        return answer.status, answer.headers, await answer.text()


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x", ""])
def test_the_consent_form_leads_back_into_the_shop_only(back):
    """An address that leaves the shop becomes the front page."""
    status, headers, _ = asyncio.run(ask("POST", "/consent", data={"answer": "granted", "back": back}))
    assert (status, headers["Location"]) == (303, "/")


ELSEWHERE = [
    ("GET", "/thank-you/820982911947150001", {}, 404),  # another browser's order
    ("GET", "/thank-you/99999999999999999999999999", {}, 404),
    ("GET", "/products/none", {}, 404),
    ("POST", "/cart", {"slug": "none"}, 404),
    ("GET", "/checkout", {}, 303),  # nothing in the cart
    ("POST", "/checkout", {"email": "a@example.com"}, 303),
]


@pytest.mark.parametrize(("method", "path", "form", "status"), ELSEWHERE)
def test_what_a_browser_may_not_see_or_do_is_answered_without_an_error(method, path, form, status):
    """Orders of others, unknown products and empty carts are no crash."""
    assert asyncio.run(ask(method, path, data=form or None))[0] == status


def test_what_a_shopper_types_is_escaped_in_the_pages_script():
    """A name that would close the script stays text, in the page and in its script."""

    async def main():
        async with running() as (shop, _), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await (await session.post(f"{shop}/cart", data={"slug": "wool-blanket"})).release()
            evil = {"first_name": "</script><script>alert(1)</script>", "email": "a@example.com", "country": "GE"}
            async with session.post(f"{shop}/checkout", data=evil) as answer:
                return await answer.text()

    page = asyncio.run(main())
    assert "Thank you" in page
    assert "<script>alert" not in page
    assert page.count("</script>") == 4
